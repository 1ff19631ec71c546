//! Who sees what in the system's service.

use bgcopy_bus::{ErrorName, JobOptions, Manager1Proxy, names, properties::ManagedObjects};
use bgcopy_model::Owner;
use zbus::{Connection, OwnedObjectPath};

use super::{ALICE, BOB, Bench, Signals, create, job, raw, read, within};
use crate::places::Mode;

async fn listed(client: &Connection, all: bool) -> Vec<OwnedObjectPath> {
    let manager = Manager1Proxy::new(client).await.unwrap();
    within(manager.enum_jobs(all)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_job_is_refused_by_name_and_invisible_otherwise() {
    let bench = Bench::new(Mode::System);
    let (alice, bob) = (bench.client(ALICE).await, bench.client(BOB).await);
    let hers = create(&alice, "hers").await;
    let id = read(&alice, &hers).await.id;

    let manager = Manager1Proxy::new(&bob).await.unwrap();
    let denied = Some(ErrorName::AccessDenied);
    assert_eq!(
        within(manager.get_job(&id)).await.unwrap_err().name(),
        denied
    );
    let foreign = job(&bob, &hers).await;
    assert_eq!(within(foreign.resume()).await.unwrap_err().name(), denied);
    assert_eq!(
        within(foreign.set_name("x")).await.unwrap_err().name(),
        denied
    );
    assert_eq!(
        within(foreign.subscribe()).await.unwrap_err().name(),
        denied
    );
    assert_eq!(
        within(manager.enum_jobs(true)).await.unwrap_err().name(),
        denied
    );
    assert_eq!(
        within(manager.list_jobs(true)).await.unwrap_err().name(),
        denied
    );
    assert_eq!(within(manager.shutdown()).await.unwrap_err().name(), denied);

    assert_eq!(listed(&bob, false).await, []);
    let interface = "org.freedesktop.DBus.ObjectManager";
    let answer = raw(
        &bob,
        names::MANAGER_PATH,
        interface,
        "GetManagedObjects",
        &(),
    )
    .await;
    let objects: ManagedObjects = answer.unwrap().body().deserialize().unwrap();
    assert!(objects.is_empty());
    let interface = "org.freedesktop.DBus.Introspectable";
    let tree = raw(&bob, names::JOBS_PATH, interface, "Introspect", &())
        .await
        .unwrap();
    let tree: String = tree.body().deserialize().unwrap();
    assert!(!tree.contains("<node name="), "{tree}");
    let (name, _) = raw(&bob, hers.as_str(), interface, "Introspect", &())
        .await
        .unwrap_err();
    assert_eq!(name, ErrorName::AccessDenied.wire());
}

#[tokio::test(flavor = "multi_thread")]
async fn root_sees_everybodys_jobs_when_it_asks() {
    let bench = Bench::new(Mode::System);
    let (alice, root) = (bench.client(ALICE).await, bench.client(Owner::ROOT).await);
    let (hers, own) = (create(&alice, "hers").await, create(&root, "own").await);
    assert_eq!(read(&root, &hers).await.owner, ALICE.uid);
    assert_eq!(listed(&root, false).await, std::slice::from_ref(&own));
    let mut all = listed(&root, true).await;
    all.sort_by_key(|path| *path != hers);
    assert_eq!(all, [hers.clone(), own]);
    within(job(&root, &hers).await.cancel()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_tell_of_no_job_that_the_subscriber_may_not_see() {
    let bench = Bench::new(Mode::System);
    let (alice, bob) = (bench.client(ALICE).await, bench.client(BOB).await);
    let manager = Manager1Proxy::new(&bob).await.unwrap();
    let mut signals = Signals::of(&bob);
    within(manager.subscribe()).await.unwrap();

    let hers = create(&alice, "hers").await;
    within(job(&alice, &hers).await.set_name("still hers"))
        .await
        .unwrap();
    within(job(&alice, &hers).await.cancel()).await.unwrap();
    let options = JobOptions::default();
    let his = within(manager.create_job("bits", "his", &options))
        .await
        .unwrap();

    // Everything that happened before is told before.
    let first = signals.next().await;
    assert_eq!(first.header().member().unwrap(), "JobAdded");
    let told: OwnedObjectPath = first.body().deserialize().unwrap();
    assert_eq!(told, his);
}
