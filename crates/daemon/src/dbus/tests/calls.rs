//! Calls, their answers and their refusals.

use std::{collections::HashMap, slice};

use bgcopy_bus::{
    ErrorName, FileOptions, FileProperties, JobOptions, JobProperties, Manager1Proxy,
    ManagerProperties, names, properties,
};
use bgcopy_model::{HResult, JobState, Owner};
use zbus::{OwnedObjectPath, Variant};

use super::{Bench, create, job, raw, read, within};
use crate::places::Mode;

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_made_can_be_read_changed_and_cancelled() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let manager = Manager1Proxy::new(&client).await.unwrap();
    let options = JobOptions {
        description: Some("d".into()),
        priority: Some(0),
        minimum_retry_delay: Some(1),
        ..JobOptions::default()
    };
    let files = [bench.file("a"), bench.file("b")];
    let submit = manager.submit_job("do", "n", &options, &files, false);
    let path = within(submit).await.unwrap();

    let properties = read(&client, &path).await;
    assert_eq!(properties.profile, "do");
    assert_eq!(
        (properties.name.as_str(), properties.description.as_str()),
        ("n", "d")
    );
    assert_eq!(properties.priority, 0);
    assert_eq!(properties.minimum_retry_delay, 5, "never below 5 s");
    assert_eq!(properties.state, JobState::Suspended.code());
    assert_eq!(properties.files_total, 2);
    assert_eq!(properties.bytes_total, u64::MAX, "not known yet");
    assert_eq!(within(manager.get_job(&properties.id)).await.unwrap(), path);
    let listed = within(manager.enum_jobs(false)).await.unwrap();
    assert_eq!(listed, slice::from_ref(&path));
    let listed = within(manager.list_jobs(true)).await.unwrap();
    assert_eq!(listed, [(path.clone(), properties)]);

    let job = job(&client, &path).await;
    within(job.set_name("other")).await.unwrap();
    within(job.set_priority(3)).await.unwrap();
    let properties = read(&client, &path).await;
    assert_eq!(
        (properties.name.as_str(), properties.priority),
        ("other", 3)
    );

    let added = within(job.add_files(&[bench.file("c"), bench.file("d")]))
        .await
        .unwrap();
    let all = within(job.enum_files()).await.unwrap();
    assert_eq!(all[2..], added);
    let listed = within(job.list_files()).await.unwrap();
    let names: Vec<_> = listed
        .iter()
        .map(|(_, file)| file.remote_name.clone())
        .collect();
    let expected = ["/a", "/b", "/c", "/d"].map(|name| bench.origin.url(name));
    assert_eq!(names, expected);

    assert_eq!(within(job.cancel()).await.unwrap(), 0);
    let error = within(job.cancel()).await.unwrap_err();
    assert_eq!(error.name(), Some(ErrorName::InvalidState));
    assert_eq!(error.hresult(), HResult::DO_E_INVALID_STATE);
    assert_eq!(within(manager.enum_jobs(false)).await.unwrap(), []);
    // An object that is held answers still.
    assert_eq!(read(&client, &path).await.state, JobState::Cancelled.code());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_has_the_standard_errors() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let made = create(&client, "n").await;
    let path = made.as_str();
    let nobody = "/org/bgcopy/jobs/00000000000000000000000000000000";
    let error = format!("{path}/error");
    let cases: &[(&str, &str, &str, &str)] = &[
        ("/org/bgcopy/jobs/x", names::JOB, "Resume", "UnknownObject"),
        (nobody, names::JOB, "Resume", "UnknownObject"),
        (&error, PROPERTIES, "GetAll", "UnknownObject"),
        (path, names::MANAGER, "Resume", "UnknownInterface"),
        (path, "org.example.I", "Resume", "UnknownInterface"),
        ("/org", names::MANAGER, "EnumJobs", "UnknownInterface"),
        (path, names::JOB, "Rseume", "UnknownMethod"),
        (path, PROPERTIES, "GetNone", "UnknownMethod"),
        (names::MANAGER_PATH, names::MANAGER, "GetJob", "InvalidArgs"),
        (path, PROPERTIES, "Get", "InvalidArgs"),
    ];
    for (path, interface, member, expected) in cases {
        let (name, text) = raw(&client, path, interface, member, &())
            .await
            .unwrap_err();
        let expected = format!("org.freedesktop.DBus.Error.{expected}");
        assert_eq!(name, expected, "{path} {interface}.{member}: {text}");
    }

    let get = |name| (names::JOB, name);
    let unknown = raw(&client, path, PROPERTIES, "Get", &get("Nmae")).await;
    assert!(unknown.unwrap_err().0.ends_with(".UnknownProperty"));
    for (name, value, expected) in [
        ("Id", Variant::from("x"), "PropertyReadOnly"),
        ("Nmae", Variant::from("x"), "UnknownProperty"),
        ("Name", Variant::from(1_u32), "InvalidArgs"),
    ] {
        let body = (names::JOB, name, value);
        let (error, _) = raw(&client, path, PROPERTIES, "Set", &body)
            .await
            .unwrap_err();
        assert_eq!(
            error,
            format!("org.freedesktop.DBus.Error.{expected}"),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_option_is_refused_by_name_and_nothing_is_made() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let options = HashMap::from([("Prioirty", Variant::from(1_u32))]);
    let body = ("bits", "n", options);
    let (path, interface) = (names::MANAGER_PATH, names::MANAGER);
    let (name, text) = raw(&client, path, interface, "CreateJob", &body)
        .await
        .unwrap_err();
    assert_eq!(name, ErrorName::InvalidArgument.wire());
    assert!(text.contains("Prioirty"), "{text}");

    let manager = Manager1Proxy::new(&client).await.unwrap();
    assert_eq!(within(manager.enum_jobs(false)).await.unwrap(), []);
    let unknown = within(manager.get_job("not an identity"))
        .await
        .unwrap_err();
    assert_eq!(unknown.name(), Some(ErrorName::NotFound));
    let profile = within(manager.create_job("x", "n", &JobOptions::default())).await;
    assert_eq!(
        profile.unwrap_err().name(),
        Some(ErrorName::InvalidArgument)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_sent_without_waiting_reach_a_job_in_their_order() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    for round in 0..20 {
        let path = create(&client, "n").await;
        let job = job(&client, &path).await;
        let file = bench.file(&format!("f{round}"));
        let options = FileOptions::default();
        // `join!` sends in this order; without a file, Resume would be refused.
        let (added, resumed, suspended) = within(async {
            tokio::join!(
                biased;
                job.add_file(&file.url, &file.path, &options),
                job.resume(),
                job.suspend(),
            )
        })
        .await;
        added.unwrap();
        resumed.unwrap();
        suspended.unwrap();
        assert_eq!(read(&client, &path).await.state, JobState::Suspended.code());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_interfaces_answer_on_every_object() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let manager = Manager1Proxy::new(&client).await.unwrap();
    let (options, sent) = (JobOptions::default(), [bench.file("a")]);
    let submit = manager.submit_job("bits", "n", &options, &sent, false);
    let path = within(submit).await.unwrap();
    let (job, file) = (path.as_str(), format!("{path}/files/0"));
    let files = format!("{path}/files");
    let simple = job.rsplit('/').next().unwrap();
    for (path, interface, child) in [
        ("/", None, "org"),
        ("/org", None, "bgcopy"),
        ("/org/bgcopy", Some(names::MANAGER), "jobs"),
        ("/org/bgcopy/jobs", None, simple),
        (job, Some(names::JOB), "files"),
        (&files, None, "0"),
        (&file, Some(names::FILE), ""),
    ] {
        let introspectable = "org.freedesktop.DBus.Introspectable";
        let answer = raw(&client, path, introspectable, "Introspect", &())
            .await
            .unwrap();
        let text: String = answer.body().deserialize().unwrap();
        assert!(
            child.is_empty() || text.contains(&format!("<node name=\"{child}\"/>")),
            "{text}"
        );
        for own in [names::MANAGER, names::JOB, names::FILE, names::ERROR] {
            let has = text.contains(&format!("<interface name=\"{own}\">"));
            assert_eq!(has, interface == Some(own), "{path} {own}");
        }
        raw(&client, path, "org.freedesktop.DBus.Peer", "Ping", &())
            .await
            .unwrap();
    }

    let get_all = raw(&client, &file, PROPERTIES, "GetAll", &names::FILE)
        .await
        .unwrap();
    let properties: FileProperties = get_all.body().deserialize().unwrap();
    assert_eq!(properties.remote_name, bench.origin.url("/a"));
    let version = (names::MANAGER, "ProtocolVersion");
    let get = raw(&client, "/org/bgcopy", PROPERTIES, "Get", &version)
        .await
        .unwrap();
    assert_eq!(
        get.body().deserialize::<Variant<'_>>().unwrap(),
        Variant::from(1_u32)
    );

    for (path, managed) in [("/org/bgcopy", job), (job, &file)] {
        let interface = "org.freedesktop.DBus.ObjectManager";
        let answer = raw(&client, path, interface, "GetManagedObjects", &())
            .await
            .unwrap();
        let objects: properties::ManagedObjects = answer.body().deserialize().unwrap();
        let paths: Vec<_> = objects
            .keys()
            .map(|path| path.as_str().to_owned())
            .collect();
        assert_eq!(paths, [managed]);
    }
    let manager: ManagerProperties = within(properties::read(manager.inner())).await.unwrap();
    assert_eq!(
        (manager.mode.as_str(), manager.process_id),
        ("user", std::process::id())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_an_interface_finds_its_method() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let path = create(&client, "n").await;
    let call = |path: OwnedObjectPath, member: &'static str| {
        let client = client.clone();
        async move {
            let none = None::<&str>;
            within(client.call_method(none, path, none, member, &())).await
        }
    };
    call(path.clone(), "Suspend").await.unwrap();
    call(path.clone(), "Introspect").await.unwrap();
    let all = client.call_method(None::<&str>, &path, None::<&str>, "GetAll", &names::JOB);
    let all = within(all).await.unwrap();
    let properties: JobProperties = all.body().deserialize().unwrap();
    assert_eq!(properties.name, "n");
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_is_answered_before_the_service_stops() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let manager = Manager1Proxy::new(&client).await.unwrap();
    within(manager.shutdown()).await.unwrap();
    within(bench.stop.notified()).await;
}
