//! A job gets another owner: with nothing of the old one's but its files' names and places.

use bgcopy_engine::{Call, Event, HttpSetting, Outcome, Reply, Report, Setting, Trouble};
use bgcopy_model::{
    AuthScheme, AuthTarget, Condition, Credential, FileId, Header, HttpOptions, JobId, JobSpec,
    JobState as S, Limits, Owner, ProxyEnvironment,
};

use crate::{
    clients::CLIENT,
    world::{Work, World, file_specs, finished, job_spec},
};

const NEW: Owner = Owner { uid: 2_000 };

const fn file(job: JobId, index: u32) -> FileId {
    FileId { job, index }
}

/// A job with one file that is here and one that is being fetched.
fn job_with_secrets(world: &mut World) -> JobId {
    let mut spec = JobSpec {
        notify_command: vec!["/bin/notify".into()],
        activation: Some("org.example.App".into()),
        headers: vec![Header {
            name: "Authorization".into(),
            value: "Bearer x".into(),
        }],
        ..job_spec()
    };
    spec.context.proxies = ProxyEnvironment {
        http: Some("http://me:word@proxy".into()),
        ..ProxyEnvironment::default()
    };
    let mut files = file_specs(2);
    files[1].url = "https://me:word@example.org/file".parse().unwrap();
    let id = world.create(spec, files, true);
    let login = Credential::new(
        AuthTarget::Server,
        AuthScheme::Basic,
        "me".into(),
        "word".into(),
    );
    let http = HttpSetting::SetCredentials(login.unwrap());
    world.ok(Call::Set(id, Setting::Http(http)));
    world.report(file(id, 0), finished(10));
    world.register(id, CLIENT);
    id
}

#[test]
fn runs_end_and_temporary_files_go_before_the_job_has_its_new_owner() {
    let mut world = World::default();
    let id = job_with_secrets(&mut world);
    let old = world.job(id).record().owner;
    let ticket = world.ticket();
    world.step(Event::Call(ticket, Call::TakeOwnership(id, NEW)));
    assert_eq!(world.state(id), S::Suspended);
    assert!(world.asked.is_empty(), "not while a run writes");
    world.report(file(id, 1), Report::Ended(Outcome::Stopped));
    let discards: Vec<_> = world.asked.iter().copied().collect();
    assert_eq!(
        discards,
        [0, 1].map(|index| (Work::Discard, file(id, index)))
    );
    assert_eq!(
        world.job(id).record().owner,
        old,
        "whose rights they are deleted with"
    );
    assert_eq!(world.job(id).progress().bytes_transferred, 0);
    for call in [
        Call::Resume(id),
        Call::Cancel(id),
        Call::Complete(id),
        Call::Set(id, Setting::AutoComplete(true)),
        Call::TakeOwnership(id, NEW),
    ] {
        assert_eq!(world.refused(call), Condition::InvalidState);
    }
    world.step(Event::Discarded(file(id, 0), Ok(())));
    world.step(Event::Discarded(file(id, 1), Ok(())));
    assert_eq!(world.answer(ticket), Some(Ok(Reply::Done)));
    let record = world.job(id).record();
    assert_eq!(record.http, HttpOptions::default());
    assert_eq!(record.owner, NEW);
    assert!(record.headers.is_empty() && record.notify_command.is_empty());
    assert_eq!(record.activation, None);
    assert_eq!(record.context.proxies, ProxyEnvironment::default());
    assert!(!world.job(id).is_registered());
    let shown = world.job(id).file(1).unwrap().record().url.to_string();
    assert_eq!(shown, "https://example.org/file");
    world.crash();
    assert_eq!(
        (world.job(id).record().owner, world.state(id)),
        (NEW, S::Suspended)
    );
    world.ok(Call::Resume(id));
    assert_eq!(
        world.runs.keys().copied().collect::<Vec<_>>(),
        [file(id, 0)]
    );
}

#[test]
fn when_a_temporary_file_cannot_be_deleted_the_old_owner_keeps_the_job() {
    let mut world = World::default();
    let id = world.transferred(1);
    let old = world.job(id).record().owner;
    world.register(id, CLIENT);
    let ticket = world.ticket();
    world.step(Event::Call(ticket, Call::TakeOwnership(id, NEW)));
    let trouble = Trouble::new(Condition::DiskFailure, "it broke");
    world.step(Event::Discarded(file(id, 0), Err(trouble)));
    let refusal = world.answer(ticket).unwrap().unwrap_err();
    assert_eq!(refusal.condition, Condition::DiskFailure);
    assert_eq!(world.job(id).record().owner, old);
    assert!(world.job(id).is_registered());
    world.ok(Call::Resume(id));
    assert_eq!(world.state(id), S::Connecting);
}

#[test]
fn a_service_that_ends_in_the_middle_leaves_the_job_with_its_old_owner() {
    let mut world = World::default();
    let id = world.transferred(1);
    let old = world.job(id).record().owner;
    world.call(Call::TakeOwnership(id, NEW));
    world.crash();
    assert_eq!(
        (world.job(id).record().owner, world.state(id)),
        (old, S::Suspended)
    );
    world.ok(Call::Resume(id));
    world.report(file(id, 0), finished(10));
    assert_eq!(world.state(id), S::Transferred);
}

#[test]
fn a_job_counts_for_whoever_has_it() {
    let mut world = World::new(Limits {
        jobs_per_user: 1,
        ..Limits::default()
    });
    let id = world.create(job_spec(), Vec::new(), false);
    let spec = || Box::new(job_spec());
    let create = |world: &mut World, owner| {
        let id = world.new_id();
        let call = Call::Create {
            id,
            owner,
            spec: spec(),
            files: Vec::new(),
            resume: false,
        };
        world
            .call(call)
            .unwrap()
            .map_err(|refusal| refusal.condition)
    };
    let old = world.job(id).record().owner;
    let full = Err(Condition::TooManyJobsOfUser);
    assert_eq!(create(&mut world, old), full);
    world.ok(Call::TakeOwnership(id, NEW));
    assert_eq!(create(&mut world, NEW), full);
    assert!(create(&mut world, old).is_ok());
    world.ok(Call::TakeOwnership(id, NEW));
    assert_eq!(world.stores().len(), 0, "it is the owner's already");
}
