//! The service ends at any moment and goes on with what it stored.

use bgcopy_engine::{Action, Call, Event, Publication, Report, Trouble};
use bgcopy_model::{Condition, Extent, FileId, FilePhase, JobId, JobSpec, JobState as S, RangeSet};
use std::time::Duration;

use crate::world::{World, failed, file_specs, finished, inode, job_spec, opened};

const fn file(job: JobId, index: u32) -> FileId {
    FileId { job, index }
}

#[test]
fn a_job_that_was_transferring_gets_its_turn_again_and_goes_on_where_it_was_durable() {
    let mut world = World::default();
    let id = world.running(2);
    world.report(file(id, 0), finished(5));
    world.report(file(id, 1), opened(100));
    let durable: RangeSet = [Extent::new(0, 64)].into_iter().collect();
    world.report(file(id, 1), Report::Durable(durable.clone()));
    world.report(file(id, 1), Report::Progress(80));
    world.crash();
    assert_eq!(world.state(id), S::Connecting);
    assert_eq!(
        world.runs.keys().copied().collect::<Vec<_>>(),
        [file(id, 1)]
    );
    let record = world.job(id).file(1).unwrap().record();
    assert_eq!((&record.durable, record.size), (&durable, Some(100)));
    assert_eq!(record.validator.etag.as_deref(), Some("\"1\""));
    assert_eq!(world.job(id).progress().bytes_transferred, 69);
    assert_eq!(
        world.stores().len(),
        0,
        "coming back is nothing to write down"
    );
}

#[test]
fn jobs_that_wait_for_somebody_are_as_they_were() {
    let mut world = World::default();
    let suspended = world.create(job_spec(), file_specs(1), false);
    let done = world.transferred(1);
    let broken = world.running(1);
    world.report(file(broken, 0), failed(Condition::HttpStatus(404)));
    let waiting = world.running(1);
    world.report(file(waiting, 0), failed(Condition::HttpStatus(503)));
    let retry = world.job(waiting).retry_at();
    world.crash();
    let states = [suspended, done, broken, waiting].map(|id| world.state(id));
    assert_eq!(
        states,
        [S::Suspended, S::Transferred, S::Error, S::TransientError]
    );
    assert_eq!(world.job(waiting).retry_at(), retry);
    assert_eq!(world.actions, []);
    assert_eq!(world.error(broken), Condition::HttpStatus(404));
}

#[test]
fn completing_goes_on_after_a_restart_in_every_stage() {
    for named in 0..3 {
        let mut world = World::default();
        let id = world.transferred(2);
        world.call(Call::Complete(id));
        for index in [0, 1] {
            world.step(Event::Prepared(file(id, index), Ok(inode(file(id, index)))));
        }
        for index in 0..named {
            world.step(Event::Published(file(id, index), Ok(Publication::Done)));
        }
        world.crash();
        if named < 2 {
            let again = [0, 1].map(|index| Action::Prepare(file(id, index)));
            assert_eq!(world.actions, again);
            for index in 0..named {
                let gone = Trouble::new(Condition::LocalFileChanged, "it is gone");
                world.step(Event::Prepared(file(id, index), Err(gone)));
            }
        }
        world.do_work();
        assert_eq!(world.state(id), S::Acknowledged);
        assert!(world.job(id).files().all(|file| file.progress().completed));
    }
}

#[test]
fn a_file_that_is_gone_after_a_restart_and_has_no_name_either_is_fetched_again() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.call(Call::Complete(id));
    world.crash();
    let gone = || Trouble::new(Condition::LocalFileChanged, "it is gone");
    world.step(Event::Prepared(file(id, 0), Err(gone())));
    assert_eq!(world.actions, [Action::Publish(file(id, 0))]);
    world.step(Event::Published(file(id, 0), Err(gone())));
    assert_eq!(world.state(id), S::Suspended);
    world.ok(Call::Resume(id));
    assert!(world.runs.contains_key(&file(id, 0)));
}

#[test]
fn a_preparation_that_fails_after_a_restart_renames_nothing() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.call(Call::Complete(id));
    world.crash();
    let trouble = Trouble::new(Condition::DiskFailure, "no good");
    world.step(Event::Prepared(file(id, 0), Err(trouble)));
    assert_eq!(world.state(id), S::Transferred);
    assert!(world.asked.is_empty());
}

#[test]
fn a_file_that_was_named_is_so_on_record_although_another_cannot_be_prepared_after_the_restart() {
    let mut world = World::default();
    let id = world.transferred(2);
    world.call(Call::Complete(id));
    for index in [0, 1] {
        world.step(Event::Prepared(file(id, index), Ok(inode(file(id, index)))));
    }
    world.step(Event::Published(file(id, 0), Ok(Publication::Done)));
    world.crash();
    let gone = Trouble::new(Condition::LocalFileChanged, "it is gone");
    world.step(Event::Prepared(file(id, 0), Err(gone)));
    let trouble = Trouble::new(Condition::DiskFailure, "no good");
    world.step(Event::Prepared(file(id, 1), Err(trouble)));
    assert_eq!(world.actions, [Action::Publish(file(id, 0))]);
    world.step(Event::Published(file(id, 0), Ok(Publication::Done)));
    assert_eq!(world.state(id), S::Transferred);
    assert_eq!(world.store[&id].1[&0].phase, FilePhase::Published);
    world.call(Call::Complete(id));
    assert!(world.actions.ends_with(&[Action::Prepare(file(id, 1))]));
    world.do_work();
    assert_eq!(world.state(id), S::Acknowledged);
}

#[test]
fn a_job_that_completes_by_itself_does_so_after_a_restart() {
    let mut world = World::default();
    let spec = JobSpec {
        auto_complete: true,
        ..job_spec()
    };
    let id = world.create(spec, file_specs(1), true);
    world.report(file(id, 0), finished(4));
    world.crash();
    assert_eq!(world.actions, [Action::Prepare(file(id, 0))]);
    world.do_work();
    assert_eq!(world.state(id), S::Acknowledged);
}

#[test]
fn a_cancelled_job_is_cleaned_up_after_a_restart_and_forgotten_in_its_time() {
    let mut world = World::default();
    let id = world.running(1);
    world.call(Call::Cancel(id));
    world.pass(Duration::from_mins(59));
    world.crash();
    assert_eq!(world.state(id), S::Cancelled);
    assert_eq!(world.actions, [Action::Discard(file(id, 0))]);
    world.pass(Duration::from_mins(5));
    assert!(
        world.engine.job(id).is_some(),
        "not before its files are gone"
    );
    world.do_work();
    world.pass(Duration::from_mins(1));
    assert!(world.engine.job(id).is_none());
    assert!(world.store.is_empty());
}

#[test]
fn a_restart_gives_a_running_job_its_time_without_a_byte_anew() {
    let mut world = World::default();
    let id = world.running(1);
    world.set_time(world.now.moment + Duration::from_hours(13 * 24));
    world.crash();
    world.pass(Duration::from_hours(13 * 24));
    assert_eq!(world.state(id), S::Connecting);
}

#[test]
fn a_transferred_job_of_which_a_file_is_not_whole_fetches_it() {
    let mut world = World::default();
    let id = world.transferred(2);
    let (_, files) = world.store.get_mut(&id).unwrap();
    let lost = files.get_mut(&1).unwrap();
    (lost.phase, lost.durable) = (bgcopy_model::FilePhase::Pending, RangeSet::new());
    world.crash();
    assert_eq!(world.state(id), S::Connecting);
    assert_eq!(
        world.runs.keys().copied().collect::<Vec<_>>(),
        [file(id, 1)]
    );
    let record = world.job(id).record();
    assert_eq!(
        (record.transferred_at, record.due.transferred),
        (None, false)
    );
    assert!(
        !world.stores().is_empty(),
        "what was due is due no more, for good"
    );
}

#[test]
fn a_job_in_a_store_twice_or_with_a_gap_in_its_files_does_no_harm() {
    let mut world = World::default();
    let id = world.running(3);
    let mut stored = world.stored();
    stored[0].1.remove(1);
    stored.push(stored[0].clone());
    let mut engine = bgcopy_engine::Engine::new(world.limits);
    engine.restore(stored, world.now);
    assert_eq!(engine.jobs().count(), 1);
    assert_eq!(engine.job(id).unwrap().files().len(), 1);
    assert!(engine.job(id).unwrap().file(2).is_none());
}
