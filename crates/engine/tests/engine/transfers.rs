//! What runs report, and what becomes of it.

use bgcopy_engine::{Action, Call, Outcome, Report, Trouble};
use bgcopy_model::{
    Condition, Extent, FileId, FilePhase, FileSpec, Inode, JobId, JobState as S, Limits, Mutation,
    RangeSet, Validator,
};
use std::{path::Path, time::Duration};

use crate::world::{World, failed, file_spec, finished, job_spec, opened};

const fn file(job: JobId, index: u32) -> FileId {
    FileId { job, index }
}

fn bytes(end: u64) -> RangeSet {
    [Extent::new(0, end)].into_iter().collect()
}

#[test]
fn a_file_goes_from_start_to_finish_with_a_write_a_checkpoint_and_one_at_the_end() {
    let mut world = World::default();
    let id = world.running(1);
    let only = file(id, 0);
    let created = world.transactions;
    world.report(only, opened(100));
    assert_eq!(world.state(id), S::Transferring);
    world.report(only, Report::Progress(40));
    assert_eq!(world.job(id).progress().bytes_transferred, 40);
    assert_eq!(
        world.transactions, created,
        "nothing durable has happened yet"
    );
    world.report(only, Report::Durable(bytes(40)));
    assert!(
        matches!(world.stores()[..], [Mutation::PutFiles(_, _)]),
        "the job itself is not"
    );
    assert_eq!(
        world.store[&id].1[&0].size,
        Some(100),
        "what the head told comes along"
    );
    world.report(only, finished(100));
    assert_eq!(world.transactions, created + 2);
    assert_eq!(world.state(id), S::Transferred);
    let record = world.job(id).record();
    assert_eq!(record.transferred_at, Some(world.now.wall));
    assert_eq!(world.store[&id].1[&0].durable, bytes(100));
}

#[test]
fn a_file_is_known_to_be_there_before_its_job_is() {
    let mut world = World::default();
    let id = world.running(1);
    world.report(file(id, 0), finished(0));
    let changes = [Action::FileChanged(file(id, 0)), Action::JobChanged(id)];
    assert_eq!(world.actions[world.actions.len() - 2..], changes);
}

#[test]
fn progress_never_goes_beyond_the_size_nor_back() {
    let mut world = World::default();
    let id = world.running(1);
    world.report(file(id, 0), opened(10));
    world.report(file(id, 0), Report::Progress(99));
    assert_eq!(world.job(id).progress().bytes_transferred, 10);
    world.report(file(id, 0), Report::Progress(4));
    assert_eq!(world.job(id).progress().bytes_transferred, 10);
    assert_eq!(world.actions, []);
}

#[test]
fn a_size_that_is_told_late_and_is_less_than_what_came_is_the_size() {
    let mut world = World::default();
    let id = world.running(1);
    world.report(file(id, 0), Report::Durable(bytes(50)));
    world.report(file(id, 0), opened(10));
    assert_eq!(world.job(id).progress().bytes_transferred, 10);
    assert_eq!(world.store[&id].1[&0].durable, bytes(10));
}

#[test]
fn sizes_that_no_disk_holds_do_not_overflow() {
    let mut world = World::default();
    let id = world.create(job_spec(), vec![file_spec("/a/x"), file_spec("/a/y")], true);
    world.report(file(id, 0), finished(1));
    world.report(file(id, 1), opened(u64::MAX - 1));
    assert_eq!(world.job(id).progress().bytes_total, Some(u64::MAX));
}

#[test]
fn what_was_not_synced_when_a_run_ends_is_fetched_again() {
    let mut world = World::default();
    let id = world.running(1);
    world.report(file(id, 0), opened(100));
    world.report(file(id, 0), Report::Durable(bytes(30)));
    world.report(file(id, 0), Report::Progress(50));
    world.report(file(id, 0), failed(Condition::DiskFull));
    assert_eq!(world.state(id), S::Error);
    assert_eq!(world.job(id).progress().bytes_transferred, 30);
    world.ok(Call::Resume(id));
    assert_eq!(world.job(id).file(0).unwrap().record().durable, bytes(30));
}

#[test]
fn a_version_that_changes_too_often_is_an_error_that_says_so_and_resume_starts_afresh() {
    let mut world = World::default();
    let id = world.running(1);
    for restart in 1..=6 {
        assert_eq!(world.state(id), S::Connecting, "restart {restart}");
        world.report(file(id, 0), Report::Durable(bytes(5)));
        world.report(file(id, 0), Report::Restarted { changed: true });
        assert!(world.store[&id].1[&0].durable.is_empty(), "stored at once");
    }
    assert_eq!(world.state(id), S::Error);
    assert_eq!(world.error(id), Condition::RemoteFileChanged);
    let detail = &world.job(id).error().unwrap().detail;
    assert!(detail.contains("example.org changed 6 times"), "{detail}");
    assert!(world.runs[&file(id, 0)].stopping);
    world.report(file(id, 0), Report::Ended(Outcome::Stopped));
    world.ok(Call::Resume(id));
    world.report(file(id, 0), Report::Restarted { changed: true });
    assert_eq!(world.state(id), S::Connecting);
}

#[test]
fn an_origin_that_cannot_continue_is_not_counted_as_one_that_changed() {
    let mut world = World::default();
    let id = world.running(1);
    for _ in 0..20 {
        world.report(file(id, 0), Report::Progress(5));
        world.report(file(id, 0), Report::Restarted { changed: false });
    }
    assert_eq!(world.state(id), S::Connecting);
    assert_eq!(world.job(id).progress().bytes_transferred, 0);
}

#[test]
fn a_run_that_ends_because_the_file_changed_is_followed_by_another_at_once_up_to_the_limit() {
    for condition in [Condition::RemoteFileChanged, Condition::LocalFileChanged] {
        let mut world = World::new(Limits {
            version_restarts: 2,
            ..Limits::default()
        });
        let id = world.running(1);
        world.report(file(id, 0), Report::Durable(bytes(9)));
        for _ in 0..2 {
            world.report(file(id, 0), failed(condition));
            assert!(world.runs.contains_key(&file(id, 0)));
            assert!(world.job(id).file(0).unwrap().record().durable.is_empty());
        }
        world.report(file(id, 0), failed(condition));
        assert_eq!((world.state(id), world.error(id)), (S::Error, condition));
    }
}

#[test]
fn bytes_with_the_wrong_digest_are_not_used_again() {
    let mut world = World::default();
    let id = world.running(1);
    world.report(file(id, 0), opened(9));
    world.report(file(id, 0), Report::Durable(bytes(9)));
    world.report(file(id, 0), failed(Condition::DigestMismatch));
    assert_eq!(
        (world.state(id), world.error(id)),
        (S::Error, Condition::DigestMismatch)
    );
    let stored = &world.store[&id].1[&0];
    assert!(stored.durable.is_empty());
    assert_eq!(stored.validator, Validator::default());
}

#[test]
fn one_file_that_fails_stops_the_others_of_its_job() {
    let mut world = World::default();
    let mut spec = job_spec();
    spec.priority = bgcopy_model::Priority::Foreground;
    let files = ["/a/0", "/a/1", "/a/2"].map(file_spec);
    let id = world.create(spec, files.into(), true);
    assert_eq!(world.runs.len(), 3);
    world.report(file(id, 1), failed(Condition::HttpStatus(404)));
    assert!(world.runs.values().all(|run| run.stopping));
    assert_eq!(world.state(id), S::Error);
    world.report(file(id, 0), failed(Condition::Timeout));
    assert_eq!(
        world.error(id),
        Condition::HttpStatus(404),
        "the first trouble stands"
    );
    world.report(file(id, 2), finished(3));
    assert_eq!(world.job(id).progress().files_transferred, 1);
}

#[test]
fn background_files_are_fetched_one_after_the_other_in_order() {
    let mut world = World::default();
    let id = world.running(3);
    for index in 0..3 {
        assert_eq!(
            world.runs.keys().copied().collect::<Vec<_>>(),
            [file(id, index)]
        );
        world.report(file(id, index), finished(1));
    }
    assert_eq!(world.state(id), S::Transferred);
}

#[test]
fn a_name_that_the_answer_gives_is_taken_once() {
    let mut world = World::default();
    let id = world.create(job_spec(), vec![file_spec("/folder/")], true);
    let record = world.job(id).file(0).unwrap().record();
    assert!(record.name_pending());
    assert_eq!(*record.path, *Path::new("/folder/download"));
    let named = |name: &str| Report::Opened {
        size: None,
        version: Validator::default(),
        name: Some(name.into()),
        modified: None,
    };
    world.report(file(id, 0), named("first.iso"));
    world.report(file(id, 0), named("second.iso"));
    let record = world.job(id).file(0).unwrap().record();
    assert!(!record.name_pending());
    assert_eq!(*record.path, *Path::new("/folder/first.iso"));
    world.report(file(id, 0), Report::Durable(bytes(1)));
    assert_eq!(
        *world.store[&id].1[&0].path,
        *Path::new("/folder/first.iso")
    );
}

#[test]
fn files_of_a_job_never_get_the_same_name_and_never_one_that_leaves_the_folder() {
    let mut world = World::default();
    let specs: Vec<FileSpec> = ["/a/x.bin", "/a/", "/a/", "/a/", "/a/"]
        .map(file_spec)
        .into_iter()
        .collect();
    let id = world.create(job_spec(), specs, true);
    world.report(file(id, 0), finished(1));
    for (index, name) in [
        (1, Some("x.bin")),
        (2, Some("x.bin")),
        (3, Some("../x")),
        (4, None),
    ] {
        world.report(
            file(id, index),
            Report::Opened {
                size: None,
                version: Validator::default(),
                name: name.map(Into::into),
                modified: None,
            },
        );
        world.report(file(id, index), finished(1));
    }
    let paths: Vec<_> = world
        .job(id)
        .files()
        .map(|file| file.record().path.clone())
        .collect();
    let expected = [
        "/a/x.bin",
        "/a/x-1.bin",
        "/a/x-2.bin",
        "/a/download",
        "/a/download-4",
    ];
    assert_eq!(paths, expected.map(|path| Path::new(path).into()));
}

#[test]
fn a_length_that_nobody_vouched_for_stays_marked_through_a_failed_rename() {
    let mut world = World::default();
    let id = world.running(1);
    let unverified = Outcome::Finished {
        size: 4,
        length_unverified: true,
        inode: None,
    };
    world.report(file(id, 0), Report::Ended(unverified));
    world.call(Call::Complete(id));
    world.step(bgcopy_engine::Event::Prepared(
        file(id, 0),
        Ok(crate::world::inode(file(id, 0))),
    ));
    let trouble = Trouble::new(Condition::FolderMissing, "gone");
    world.step(bgcopy_engine::Event::Published(file(id, 0), Err(trouble)));
    let phase = &world.job(id).file(0).unwrap().record().phase;
    assert!(matches!(
        phase,
        FilePhase::Transferred {
            length_unverified: true,
            ..
        }
    ));
}

#[test]
fn a_folder_is_held_to_until_resume_after_it_was_gone_accepts_another() {
    let mut world = World::default();
    let [one, other] = [1, 2].map(|number| Inode { device: 7, number });
    let mut spec = file_spec("/a/b");
    spec.folder = Some(one);
    let id = world.create(job_spec(), vec![spec], true);
    let folder = |world: &World| world.store[&id].1[&0].folder;
    for (condition, after) in [
        (Condition::DiskFull, Some(one)),
        (Condition::FolderChanged, None),
    ] {
        let trouble = Trouble::new(condition, "no good");
        world.report(file(id, 0), Report::Ended(Outcome::Failed(trouble)));
        assert_eq!(world.state(id), S::Error);
        assert_eq!(folder(&world), Some(one));
        world.call(Call::Resume(id));
        assert_eq!(folder(&world), after, "{condition:?}");
    }
    world.report(file(id, 0), Report::Placed(other));
    world.report(file(id, 0), Report::Durable(bytes(1)));
    assert_eq!(folder(&world), Some(other));
}

#[test]
fn a_run_that_stops_unasked_is_followed_by_another() {
    let mut world = World::default();
    let id = world.running(1);
    world.pass(Duration::from_secs(1));
    world.report(file(id, 0), Report::Ended(Outcome::Stopped));
    assert!(world.runs.contains_key(&file(id, 0)));
}
