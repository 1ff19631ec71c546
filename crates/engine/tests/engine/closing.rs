//! Complete and Cancel: what happens between the call and the answer.

use bgcopy_engine::{
    Action, Call, Event, Outcome, Publication, Refusal, Reply, Report, Setting, Trouble,
};
use bgcopy_model::{
    Condition, FileId, FilePhase, Inode, JobId, JobPhase, JobSpec, JobState as S, Priority,
    Validator,
};
use std::path::Path;

use crate::world::{Work, World, failed, file_spec, file_specs, finished, inode, job_spec, opened};

const fn file(job: JobId, index: u32) -> FileId {
    FileId { job, index }
}

fn trouble(condition: Condition) -> Trouble {
    Trouble::new(condition, "no good")
}

fn prepared(world: &mut World, file: FileId) {
    world.step(Event::Prepared(file, Ok(inode(file))));
}

/// A foreground job of which file 0 is there, and 1 and 2 are being fetched.
fn half_done(world: &mut World) -> JobId {
    let spec = JobSpec {
        priority: Priority::Foreground,
        ..job_spec()
    };
    let id = world.create(spec, file_specs(3), true);
    world.report(file(id, 0), finished(10));
    world.report(file(id, 1), opened(10));
    world.report(file(id, 1), Report::Progress(5));
    id
}

#[test]
fn complete_records_its_intent_before_it_renames_and_the_end_before_it_answers() {
    let mut world = World::default();
    let id = world.transferred(2);
    let before = world.transactions;
    assert_eq!(world.call(Call::Complete(id)), None);
    let prepares = [0, 1].map(|n| Action::Prepare(file(id, n)));
    assert!(world.actions.ends_with(&prepares));
    assert!(matches!(
        world.store[&id].0.phase,
        JobPhase::Completing {
            shown: S::Transferred
        }
    ));
    prepared(&mut world, file(id, 1));
    assert_eq!(world.actions, []);
    prepared(&mut world, file(id, 0));
    assert_eq!(world.actions, [0, 1].map(|n| Action::Publish(file(id, n))));
    assert_eq!(world.state(id), S::Transferred);
    assert_eq!(world.refused(Call::Cancel(id)), Condition::InvalidState);
    assert_eq!(world.refused(Call::Suspend(id)), Condition::InvalidState);
    world.do_work();
    assert_eq!(
        world.answer(bgcopy_engine::Ticket(2)),
        Some(Ok(Reply::Done))
    );
    assert_eq!(world.transactions, before + 2, "the intent and the end");
    let progress = world.job(id).progress();
    assert_eq!(progress.bytes_total, Some(progress.bytes_transferred));
    assert!(world.job(id).files().all(|file| file.progress().completed));
    assert!(matches!(
        world.store[&id].0.phase,
        JobPhase::Acknowledged { partial: false, .. }
    ));
}

#[test]
fn complete_called_twice_answers_both_alike() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.call(Call::Complete(id));
    world.call(Call::Complete(id));
    world.do_work();
    let answers = world
        .actions
        .iter()
        .filter(|a| matches!(a, Action::Reply(_, Ok(Reply::Done))));
    assert_eq!(answers.count(), 2);
}

#[test]
fn complete_leaves_unfinished_files_out_and_says_so() {
    let mut world = World::default();
    let id = half_done(&mut world);
    assert_eq!(world.call(Call::Complete(id)), None);
    assert_eq!(world.state(id), S::Suspended);
    assert!(world.runs.values().all(|run| run.stopping));
    assert!(world.asked.is_empty(), "first the runs end");
    world.report(file(id, 1), Report::Ended(Outcome::Stopped));
    world.report(file(id, 2), finished(3));
    prepared(&mut world, file(id, 0));
    prepared(&mut world, file(id, 2));
    world.step(Event::Published(file(id, 0), Ok(Publication::Done)));
    world.step(Event::Published(file(id, 2), Ok(Publication::Done)));
    assert_eq!(world.actions.last(), Some(&Action::Discard(file(id, 1))));
    world.do_work();
    assert!(matches!(
        world.actions.last(),
        Some(Action::Reply(_, Ok(Reply::Partial)))
    ));
    let completed: Vec<_> = world
        .job(id)
        .files()
        .map(|file| file.progress().completed)
        .collect();
    assert_eq!(completed, [true, false, true]);
    assert_eq!(world.store[&id].1[&1].phase, FilePhase::Dropped);
}

#[test]
fn what_complete_drops_is_recorded_before_it_is_deleted() {
    let mut world = World::default();
    let id = world.running(1);
    world.call(Call::Complete(id));
    world.report(file(id, 0), Report::Ended(Outcome::Stopped));
    assert!(matches!(
        world.store[&id].0.phase,
        JobPhase::Completing {
            shown: S::Suspended
        }
    ));
    world.crash();
    assert_eq!(world.actions, [Action::Discard(file(id, 0))]);
    world.do_work();
    assert!(matches!(
        world.store[&id].0.phase,
        JobPhase::Acknowledged { partial: true, .. }
    ));
}

#[test]
fn complete_in_an_error_state_keeps_what_is_there() {
    let mut world = World::default();
    let id = world.running(2);
    world.report(file(id, 0), finished(1));
    world.report(file(id, 1), failed(Condition::HttpStatus(404)));
    world.call(Call::Complete(id));
    world.do_work();
    assert!(matches!(
        world.actions.last(),
        Some(Action::Reply(_, Ok(Reply::Partial)))
    ));
    assert_eq!(world.state(id), S::Acknowledged);
}

#[test]
fn complete_of_a_job_that_has_begun_nothing_is_answered_at_once() {
    let mut world = World::default();
    let empty = world.create(job_spec(), Vec::new(), false);
    assert_eq!(world.ok(Call::Complete(empty)), Reply::Done);
    assert_eq!(world.state(empty), S::Acknowledged);
    let untouched = world.create(job_spec(), file_specs(2), false);
    assert_eq!(world.ok(Call::Complete(untouched)), Reply::Partial);
}

#[test]
fn a_temporary_file_that_stays_is_told() {
    let mut world = World::default();
    for call in [Call::Complete, Call::Cancel] {
        let id = world.running(1);
        world.call(call(id));
        world.report(file(id, 0), Report::Ended(Outcome::Stopped));
        let answer = Err(trouble(Condition::FolderNotWritable));
        world.step(Event::Discarded(file(id, 0), answer));
        assert!(matches!(
            world.actions.last(),
            Some(Action::Reply(_, Ok(Reply::Undeleted)))
        ));
    }
}

#[test]
fn a_name_that_was_taken_meanwhile_gives_way_to_another_that_is_stored_first() {
    let mut world = World::default();
    let id = world.create(job_spec(), vec![file_spec("/folder/")], true);
    let named = Report::Opened {
        size: None,
        version: Validator::default(),
        name: Some("a.iso".into()),
        modified: None,
    };
    world.report(file(id, 0), named);
    world.report(file(id, 0), finished(1));
    assert_eq!(world.call(Call::Complete(id)), None);
    prepared(&mut world, file(id, 0));
    let free = "a (1).iso".to_owned();
    world.step(Event::Published(
        file(id, 0),
        Ok(Publication::Taken { free }),
    ));
    let stored = &world.store[&id].1[&0];
    assert_eq!(*stored.path, *Path::new("/folder/a (1).iso"));
    assert!(world.asked.contains(&(Work::Publish, file(id, 0))));
    world.step(Event::Published(file(id, 0), Ok(Publication::Done)));
    assert_eq!(world.state(id), S::Acknowledged);
}

#[test]
fn a_rename_that_fails_leaves_the_job_transferred_and_the_call_repeatable() {
    let mut world = World::default();
    let id = world.transferred(2);
    world.call(Call::Complete(id));
    prepared(&mut world, file(id, 0));
    prepared(&mut world, file(id, 1));
    world.step(Event::Published(file(id, 0), Ok(Publication::Done)));
    let refused = Err(trouble(Condition::DestinationIsFolder));
    world.step(Event::Published(file(id, 1), refused));
    let refusal = Refusal::new(Condition::DestinationIsFolder, "no good");
    assert_eq!(
        world.actions.last(),
        Some(&Action::Reply(bgcopy_engine::Ticket(2), Err(refusal)))
    );
    assert_eq!(world.state(id), S::Transferred);
    let completed: Vec<_> = world
        .job(id)
        .files()
        .map(|file| file.progress().completed)
        .collect();
    assert_eq!(completed, [true, false], "what has its name keeps it");
    assert_eq!(world.store[&id].1[&0].phase, FilePhase::Published);

    world.call(Call::Complete(id));
    assert_eq!(world.actions.last(), Some(&Action::Prepare(file(id, 1))));
    world.do_work();
    assert_eq!(world.state(id), S::Acknowledged);
}

#[test]
fn a_file_that_somebody_put_in_the_place_of_ours_is_recorded_before_it_is_named() {
    let mut world = World::default();
    let id = world.create(job_spec(), file_specs(1), true);
    let other = Inode {
        number: 7,
        ..inode(file(id, 0))
    };
    let attempt = world.runs[&file(id, 0)].attempt;
    let ended = Report::Ended(Outcome::Finished {
        size: 10,
        length_unverified: false,
        inode: Some(other),
    });
    world.step(Event::Transfer(file(id, 0), attempt, ended));
    world.call(Call::Complete(id));
    let before = world.transactions;
    prepared(&mut world, file(id, 0));
    assert_eq!(world.transactions, before + 1);
    assert_eq!(world.actions.last(), Some(&Action::Publish(file(id, 0))));
    world.do_work();
    assert_eq!(world.state(id), S::Acknowledged);
}

#[test]
fn a_preparation_that_fails_renames_nothing() {
    let mut world = World::default();
    let id = half_done(&mut world);
    world.call(Call::Complete(id));
    world.report(file(id, 1), Report::Ended(Outcome::Stopped));
    world.report(file(id, 2), Report::Ended(Outcome::Stopped));
    world.step(Event::Prepared(
        file(id, 0),
        Err(trouble(Condition::DiskFailure)),
    ));
    assert!(matches!(
        world.actions.last(),
        Some(Action::Reply(_, Err(_)))
    ));
    assert_eq!(
        world.state(id),
        S::Suspended,
        "it was stopped before all was there"
    );
    world.ok(Call::Resume(id));
    assert_eq!(world.runs.len(), 2);
}

#[test]
fn a_temporary_file_that_is_gone_at_complete_is_fetched_again() {
    let mut world = World::default();
    let id = world.transferred(2);
    world.call(Call::Complete(id));
    prepared(&mut world, file(id, 0));
    world.step(Event::Prepared(
        file(id, 1),
        Err(trouble(Condition::LocalFileChanged)),
    ));
    assert_eq!(world.state(id), S::Suspended);
    assert_eq!(world.job(id).progress().files_transferred, 1);
    world.ok(Call::Resume(id));
    assert!(world.runs.contains_key(&file(id, 1)));
}

#[test]
fn a_job_completes_by_itself_when_it_was_told_to() {
    let mut world = World::default();
    let spec = JobSpec {
        auto_complete: true,
        ..job_spec()
    };
    let id = world.create(spec, file_specs(1), true);
    world.report(file(id, 0), finished(4));
    assert_eq!(world.state(id), S::Transferred);
    assert_eq!(
        world.stores().len(),
        2,
        "in one transaction with the last byte"
    );
    assert_eq!(world.actions.last(), Some(&Action::Prepare(file(id, 0))));
    let before = world.transactions;
    world.do_work();
    assert_eq!(world.state(id), S::Acknowledged);
    assert_eq!(world.transactions, before + 1, "and another one at the end");
}

#[test]
fn a_job_that_cannot_complete_by_itself_says_why_in_its_error_and_resume_tries_again() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.ok(Call::Set(id, Setting::AutoComplete(true)));
    let refused = Err(trouble(Condition::FolderMissing));
    prepared(&mut world, file(id, 0));
    world.step(Event::Published(file(id, 0), refused));
    assert_eq!(
        (world.state(id), world.error(id)),
        (S::Error, Condition::FolderMissing)
    );
    assert_eq!(world.job(id).error().unwrap().file, Some(0));
    world.ok(Call::Resume(id));
    assert_eq!(world.state(id), S::Transferred);
    world.do_work();
    assert_eq!(world.state(id), S::Acknowledged);
}

#[test]
fn properties_can_be_set_while_a_job_completes() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.call(Call::Complete(id));
    world.ok(Call::Set(id, Setting::Name("late".into())));
    assert_eq!(
        world.refused(Call::AddFiles(id, vec![file_spec("/x/y")])),
        Condition::InvalidState
    );
    world.do_work();
    assert_eq!(world.state(id), S::Acknowledged);
}

#[test]
fn cancel_is_durable_at_once_and_answered_when_the_files_are_gone() {
    let mut world = World::default();
    let id = half_done(&mut world);
    let before = world.transactions;
    assert_eq!(world.call(Call::Cancel(id)), None);
    assert_eq!(world.state(id), S::Cancelled);
    assert!(matches!(
        world.store[&id].0.phase,
        JobPhase::Cancelled { .. }
    ));
    assert!(world.asked.is_empty(), "nobody deletes under a run's hands");
    world.report(file(id, 1), Report::Durable(bgcopy_model::RangeSet::new()));
    world.report(file(id, 1), failed(Condition::Timeout));
    world.report(file(id, 2), Report::Ended(Outcome::Stopped));
    assert_eq!(world.asked.len(), 3, "finished ones too");
    world.do_work();
    assert!(matches!(
        world.actions.last(),
        Some(Action::Reply(_, Ok(Reply::Done)))
    ));
    assert_eq!(world.transactions, before + 1);
    assert_eq!(world.job(id).progress().bytes_transferred, 0);
}

#[test]
fn cancel_of_a_job_that_has_begun_nothing_is_answered_at_once() {
    let mut world = World::default();
    let id = world.create(job_spec(), file_specs(3), false);
    assert_eq!(world.ok(Call::Cancel(id)), Reply::Done);
    assert!(world.asked.is_empty());
}

#[test]
fn cancel_keeps_what_a_failed_complete_has_named() {
    let mut world = World::default();
    let id = world.transferred(2);
    world.call(Call::Complete(id));
    prepared(&mut world, file(id, 0));
    prepared(&mut world, file(id, 1));
    world.step(Event::Published(file(id, 0), Ok(Publication::Done)));
    world.step(Event::Published(
        file(id, 1),
        Err(trouble(Condition::DiskFull)),
    ));
    world.call(Call::Cancel(id));
    assert_eq!(
        world
            .asked
            .iter()
            .map(|(_, file)| file.index)
            .collect::<Vec<_>>(),
        [1]
    );
}

#[test]
fn of_many_files_the_driver_has_some_at_once_and_every_one_in_the_end() {
    for ending in [Call::Complete, Call::Cancel] {
        let mut world = World::default();
        let id = world.transferred(1_300);
        world.call(ending(id));
        assert_eq!(world.asked.len(), 1_024);
        let mut answered = 0;
        while let Some((work, file)) = world.asked.first().copied() {
            world.step(match work {
                Work::Prepare => Event::Prepared(file, Ok(inode(file))),
                Work::Publish => Event::Published(file, Ok(Publication::Done)),
                Work::Discard => Event::Discarded(file, Ok(())),
            });
            assert!(world.asked.len() <= 1_024);
            answered += 1;
        }
        let rounds = if world.state(id) == S::Acknowledged {
            2
        } else {
            1
        };
        assert_eq!(answered, rounds * 1_300);
        assert!(world.unanswered.is_empty());
        let is_done =
            |phase: &FilePhase| matches!(phase, FilePhase::Published | FilePhase::Dropped);
        assert!(
            world
                .job(id)
                .files()
                .all(|file| is_done(&file.record().phase))
        );
    }
}

#[test]
fn one_of_many_files_that_cannot_be_named_keeps_none_of_the_others_from_it() {
    let mut world = World::default();
    let id = world.transferred(1_100);
    world.call(Call::Complete(id));
    for index in 0..1_100 {
        prepared(&mut world, file(id, index));
    }
    let failed = Err(trouble(Condition::DiskFull));
    world.step(Event::Published(file(id, 0), failed));
    world.do_work();
    assert_eq!(world.state(id), S::Transferred);
    let files = world.store[&id].1.values();
    let named = files.filter(|file| file.phase == FilePhase::Published);
    assert_eq!(named.count(), 1_099);
}
