//! A file that is somewhere else from now on, and what its client says of it.

use bgcopy_engine::{Action, Call, Outcome, Reply, Report};
use bgcopy_model::{
    Condition, Extent, FileId, JobId, JobState as S, RangeSet, Spent, Timestamp, Validator,
};
use std::time::Duration;
use url::Url;

use crate::world::{World, failed, file_specs, finished, job_spec};

const fn file(job: JobId, index: u32) -> FileId {
    FileId { job, index }
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn version(etag: &str) -> Validator {
    Validator {
        etag: Some(etag.into()),
        last_modified: Some("Tue, 15 Nov 1994 12:45:26 GMT".into()),
        last_modified_strong: true,
        size: Some(100),
        elsewhere: false,
        digest: None,
    }
}

fn opened(etag: &str) -> Report {
    Report::Opened {
        size: Some(100),
        version: version(etag),
        name: None,
        modified: Some(Timestamp(5)),
    }
}

fn durable(end: u64) -> Report {
    let bytes: RangeSet = [Extent::new(0, end)].into_iter().collect();
    Report::Durable(bytes)
}

const STOPPED: Report = Report::Ended(Outcome::Stopped);

#[test]
fn a_file_that_is_being_fetched_stops_and_starts_again_with_its_new_url() {
    let mut world = World::default();
    let id = world.running(1);
    let run = world.runs[&file(id, 0)].attempt;
    world.report(file(id, 0), opened("\"old\""));
    world.report(file(id, 0), durable(40));
    let there = url("https://mirror.example/file");
    world.ok(Call::SetUrl(file(id, 0), there.clone()));
    assert!(world.actions.contains(&Action::Stop(file(id, 0), run)));
    assert_eq!(world.state(id), S::Transferring, "the job goes on");
    // What the old place still tells is of the old place.
    world.report(file(id, 0), opened("\"old\""));
    world.report(file(id, 0), durable(60));
    world.report(file(id, 0), STOPPED);
    assert_ne!(world.runs[&file(id, 0)].attempt, run);
    let record = world.job(id).file(0).unwrap().record().clone();
    assert_eq!((&*record.url, record.durable.len()), (&there, 60));
    assert_eq!(record.validator, version("\"old\"").moved());
    world.crash();
    let stored = world.job(id).file(0).unwrap().record().clone();
    assert_eq!(
        (&stored.validator, &*stored.url),
        (&record.validator, &there)
    );
    // The first answer from there is what counts from then on.
    world.report(file(id, 0), opened("\"new\""));
    let record = world.job(id).file(0).unwrap().record();
    assert_eq!(
        (record.durable.len(), &record.validator),
        (60, &version("\"new\""))
    );
}

#[test]
fn of_a_file_without_bytes_nothing_is_known_at_its_new_place() {
    let mut world = World::default();
    let id = world.running(1);
    world.report(file(id, 0), opened("\"old\""));
    world.ok(Call::Suspend(id));
    world.report(file(id, 0), STOPPED);
    world.ok(Call::SetUrl(file(id, 0), url("http://h/")));
    let record = world.job(id).file(0).unwrap().record();
    assert_eq!((record.size, record.modified), (None, None));
    assert_eq!(record.validator, Validator::default());
    assert_eq!(world.state(id), S::Suspended);
}

#[test]
fn a_transferred_file_stays_as_it_is_and_a_final_job_refuses() {
    let mut world = World::default();
    let id = world.transferred(1);
    let before = world.job(id).file(0).unwrap().record().clone();
    world.ok(Call::SetUrl(file(id, 0), url("http://h/")));
    assert_eq!(world.job(id).file(0).unwrap().record(), &before);
    assert_eq!(world.stores().len(), 0);
    world.call(Call::Complete(id));
    world.do_work();
    let call = Call::SetUrl(file(id, 0), url("http://h/"));
    assert_eq!(world.refused(call), Condition::InvalidState);
}

#[test]
fn a_url_that_cannot_be_fetched_is_refused_and_nothing_changes() {
    let mut world = World::default();
    let id = world.create(job_spec(), file_specs(1), false);
    let before = world.job(id).file(0).unwrap().record().clone();
    let long = format!("http://h/{}", "x".repeat(2_200));
    for (text, condition) in [
        (long.as_str(), Condition::StringTooLong),
        ("ftp://h/", Condition::SchemeUnsupported),
    ] {
        assert_eq!(
            world.refused(Call::SetUrl(file(id, 0), url(text))),
            condition
        );
    }
    let longest = format!("http://h/{}", "x".repeat(2_200 - "http://h/".len()));
    assert_eq!(
        world.refused(Call::SetUrl(file(id, 1), url("http://h/"))),
        Condition::NoSuchFile
    );
    assert_eq!(world.job(id).file(0).unwrap().record(), &before);
    world.ok(Call::SetUrl(file(id, 0), url(&longest)));
}

#[test]
fn a_prefix_is_replaced_in_every_file_that_misses_bytes_or_in_none() {
    let mut world = World::default();
    let mut files = file_specs(4);
    files[1].url = url("https://example.org/pool/a?x=1");
    files[2].url = url("https://example.org/pool/b");
    files[3].url = url("https://example.org/pools/c");
    let id = world.create(job_spec(), files, true);
    let urls = |world: &World| -> Vec<String> {
        let files = world.job(id).files();
        files.map(|file| file.record().url.to_string()).collect()
    };
    world.report(file(id, 0), finished(1));
    world.report(file(id, 1), finished(1));
    let before = urls(&world);
    let replace = |old: &str, new: &str| Call::ReplacePrefix(id, old.into(), new.into());
    for (old, new) in [
        ("", "http://h/"),
        ("https://example.org/pool", "h"),
        ("https://", "ht tp://"),
    ] {
        assert_eq!(
            world.refused(replace(old, new)),
            Condition::InvalidArgument,
            "{old} {new}"
        );
    }
    let transactions = world.transactions;
    assert_eq!(
        world.ok(replace("https://example.org/Pool/", "http://h/")),
        Reply::Changed(0)
    );
    assert_eq!(
        (urls(&world), world.transactions),
        (before.clone(), transactions)
    );
    let answer = world.ok(replace("HTTPS://Example.ORG/pool", "http://h/x"));
    assert_eq!(answer, Reply::Changed(2), "the second has all its bytes");
    assert_eq!(urls(&world)[..2], before[..2]);
    assert_eq!(urls(&world)[2..], ["http://h/x/b", "http://h/xs/c"]);
}

#[test]
fn only_a_file_that_is_here_can_be_found_right_and_loses_that_with_its_bytes() {
    let mut world = World::default();
    let id = world.running(2);
    let set = |is_valid| Call::SetValid(file(id, 0), is_valid);
    assert_eq!(world.refused(set(true)), Condition::InvalidState);
    world.report(file(id, 0), finished(10));
    let is_valid = |world: &World| world.job(id).file(0).unwrap().record().is_valid;
    assert!(!is_valid(&world), "nobody has looked");
    world.ok(set(true));
    world.crash();
    assert!(is_valid(&world));
    world.ok(set(false));
    assert!(!is_valid(&world));
}

#[test]
fn what_a_run_has_cost_is_stored_with_its_checkpoint_and_adds_up() {
    let mut world = World::default();
    let id = world.running(1);
    let spent = |bytes| {
        Report::Spent(Spent {
            bytes,
            requests: 1,
            time: Duration::from_secs(1),
        })
    };
    world.report(file(id, 0), opened("\"a\""));
    let transactions = world.transactions;
    world.report(file(id, 0), spent(50));
    assert_eq!(
        world.transactions, transactions,
        "alone it is worth no write"
    );
    world.report(file(id, 0), durable(40));
    world.crash();
    world.report(file(id, 0), opened("\"a\""));
    world.report(file(id, 0), spent(60));
    world.report(file(id, 0), failed(Condition::Timeout));
    world.crash();
    let expected = Spent {
        bytes: 110,
        requests: 2,
        time: Duration::from_secs(2),
    };
    assert_eq!(world.job(id).file(0).unwrap().record().spent, expected);
}
