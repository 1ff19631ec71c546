//! The contract's life cycle, row by row.

use bgcopy_engine::{Call, Event, Publication, Reply, Setting, WaitingFor};
use bgcopy_model::{Condition, FileId, JobState as S, Owner, Priority, Profile};
use std::time::Duration;

use crate::world::{World, failed, file_spec, file_specs, finished, job_spec, opened};

#[test]
fn a_new_job_is_suspended_with_the_defaults_of_its_profile() {
    let mut world = World::default();
    let id = world.create(job_spec(), Vec::new(), false);
    assert_eq!(world.state(id), S::Suspended);
    let record = world.job(id).record();
    assert_eq!(record.minimum_retry_delay.as_secs(), 600);
    assert_eq!(record.no_progress_timeout.as_secs(), 14 * 86_400);
    assert_eq!(record.created, world.now.wall);
    assert_eq!(world.job(id).waiting_for(), WaitingFor::Resume);
    assert_eq!(world.job(id).progress().bytes_total, Some(0));
}

#[test]
fn creating_and_starting_is_one_transaction() {
    let mut world = World::default();
    let id = world.running(3);
    assert_eq!(world.transactions, 1);
    assert_eq!(world.stores().len(), 2, "the job and its files");
    assert_eq!(world.state(id), S::Connecting);
    assert_eq!(world.runs.len(), 1);
}

#[test]
fn starting_a_job_without_files_makes_no_job() {
    let mut world = World::default();
    let call = Call::Create {
        id: world.new_id(),
        owner: Owner { uid: 1 },
        spec: Box::new(job_spec()),
        files: Vec::new(),
        resume: true,
    };
    assert_eq!(world.refused(call), Condition::Empty);
    assert_eq!(world.engine.jobs().count(), 0);
}

#[test]
fn calls_on_an_unknown_job_are_refused() {
    let mut world = World::default();
    let id = world.new_id();
    for call in every_call(id) {
        assert_eq!(world.refused(call), Condition::NotFound);
    }
}

#[test]
fn calls_on_a_final_job_are_refused_and_change_nothing() {
    let mut world = World::default();
    let acknowledged = world.transferred(1);
    world.call(Call::Complete(acknowledged));
    world.do_work();
    let cancelled = world.running(1);
    let file = FileId {
        job: cancelled,
        index: 0,
    };
    world.call(Call::Cancel(cancelled));
    world.report(file, finished(5));
    world.do_work();
    let transactions = world.transactions;
    for id in [acknowledged, cancelled] {
        assert!(world.state(id).is_final());
        for call in every_call(id) {
            assert_eq!(
                world.refused(call.clone()),
                Condition::InvalidState,
                "{call:?}"
            );
        }
    }
    assert_eq!(world.transactions, transactions);
}

fn every_call(id: bgcopy_model::JobId) -> Vec<Call> {
    vec![
        Call::AddFiles(id, file_specs(1)),
        Call::Resume(id),
        Call::Suspend(id),
        Call::Cancel(id),
        Call::Complete(id),
        Call::Set(id, Setting::Name("x".into())),
        Call::Set(id, Setting::AutoComplete(true)),
    ]
}

#[test]
fn resume_of_an_empty_job_is_refused_and_it_stays_suspended() {
    let mut world = World::default();
    let id = world.create(job_spec(), Vec::new(), false);
    assert_eq!(world.refused(Call::Resume(id)), Condition::Empty);
    assert_eq!(world.state(id), S::Suspended);
}

#[test]
fn resume_leads_on_from_suspended_error_and_transient_error() {
    let mut world = World::default();
    for condition in [
        None,
        Some(Condition::HttpStatus(404)),
        Some(Condition::Timeout),
    ] {
        let id = world.running(1);
        let file = FileId { job: id, index: 0 };
        if let Some(condition) = condition {
            world.report(file, failed(condition));
        } else {
            world.ok(Call::Suspend(id));
            world.report(
                file,
                bgcopy_engine::Report::Ended(bgcopy_engine::Outcome::Stopped),
            );
        }
        assert_eq!(world.ok(Call::Resume(id)), Reply::Done);
        assert_eq!(world.state(id), S::Connecting, "after {condition:?}");
        assert_eq!(world.stores().len(), 1, "what was answered is stored");
        world.call(Call::Cancel(id));
        world.report(file, failed(Condition::Timeout));
        world.do_work();
    }
}

#[test]
fn resume_of_a_job_that_goes_on_does_nothing() {
    let mut world = World::default();
    let ids = [(); 4].map(|()| world.running(1));
    world.report(
        FileId {
            job: ids[0],
            index: 0,
        },
        opened(5),
    );
    assert_eq!(
        ids.map(|id| world.state(id)),
        [S::Transferring, S::Connecting, S::Queued, S::Queued]
    );
    for id in ids {
        assert_eq!(world.ok(Call::Resume(id)), Reply::Done);
        assert_eq!(world.actions.len(), 1, "nothing but the answer");
    }
}

#[test]
fn resume_in_transferred_is_refused_unless_files_were_added() {
    let mut world = World::default();
    let id = world.transferred(1);
    assert_eq!(world.refused(Call::Resume(id)), Condition::InvalidState);
    assert_eq!(
        world.ok(Call::AddFiles(id, vec![file_spec("/folder/more")])),
        Reply::Added(1)
    );
    assert_eq!(world.state(id), S::Suspended);
    assert_eq!(world.job(id).record().transferred_at, None);
    world.ok(Call::Resume(id));
    assert_eq!(world.state(id), S::Connecting);
    assert!(
        world.runs.contains_key(&FileId { job: id, index: 1 }),
        "only what is missing is fetched"
    );
}

#[test]
fn a_suspended_job_of_which_everything_is_there_resumes_to_transferred() {
    let mut world = World::default();
    let id = world.transferred(2);
    let at = world.job(id).record().transferred_at;
    world.ok(Call::Suspend(id));
    assert_eq!(world.state(id), S::Suspended);
    world.pass(Duration::from_secs(5));
    world.ok(Call::Resume(id));
    assert_eq!(world.state(id), S::Transferred);
    assert_eq!(
        world.job(id).record().transferred_at,
        at,
        "the bytes came when they came"
    );
}

#[test]
fn suspend_is_idempotent_and_stored_once() {
    let mut world = World::default();
    let id = world.running(1);
    world.ok(Call::Suspend(id));
    assert!(world.runs[&FileId { job: id, index: 0 }].stopping);
    let transactions = world.transactions;
    assert_eq!(world.ok(Call::Suspend(id)), Reply::Done);
    assert_eq!(world.transactions, transactions);
    assert_eq!(world.actions.len(), 1);
}

#[test]
fn a_file_that_finishes_while_its_job_is_being_suspended_counts() {
    let mut world = World::default();
    let id = world.running(1);
    world.ok(Call::Suspend(id));
    world.report(FileId { job: id, index: 0 }, finished(7));
    assert_eq!(world.state(id), S::Suspended);
    assert_eq!(world.job(id).progress().files_transferred, 1);
    world.ok(Call::Resume(id));
    assert_eq!(world.state(id), S::Transferred);
}

#[test]
fn a_resumed_job_waits_until_its_stopped_run_has_ended() {
    let mut world = World::default();
    let id = world.running(2);
    let file = FileId { job: id, index: 0 };
    world.ok(Call::Suspend(id));
    world.ok(Call::Resume(id));
    assert_eq!(world.state(id), S::Queued);
    world.report(file, failed(Condition::Timeout));
    assert_eq!(
        world.state(id),
        S::Connecting,
        "trouble of a stopped run is nobody's"
    );
    assert!(!world.runs[&file].stopping);
}

#[test]
fn a_do_job_never_shows_connecting() {
    let mut world = World::default();
    let mut spec = job_spec();
    spec.profile = Profile::Do;
    let id = world.create(spec, file_specs(1), false);
    world.ok(Call::Resume(id));
    assert_eq!(world.state(id), S::Transferring);
    world.report(FileId { job: id, index: 0 }, opened(5));
    assert_eq!(world.state(id), S::Transferring);
}

#[test]
fn setters_store_what_changed_and_only_that() {
    let mut world = World::default();
    let id = world.create(job_spec(), file_specs(1), false);
    for setting in [
        Setting::Name("new".into()),
        Setting::Description("new".into()),
        Setting::Priority(Priority::High),
        Setting::MinimumRetryDelay(Duration::from_mins(1)),
        Setting::NoProgressTimeout(Duration::from_mins(1)),
        Setting::AutoComplete(true),
    ] {
        world.ok(Call::Set(id, setting.clone()));
        assert_eq!(world.stores().len(), 1, "{setting:?}");
        world.ok(Call::Set(id, setting.clone()));
        assert_eq!(world.actions.len(), 1, "{setting:?} again is only answered");
    }
    world.ok(Call::Set(id, Setting::MinimumRetryDelay(Duration::ZERO)));
    assert_eq!(world.job(id).record().minimum_retry_delay.as_secs(), 5);
}

#[test]
fn texts_may_be_as_long_as_the_contract_says_and_not_longer() {
    let mut world = World::default();
    let id = world.create(job_spec(), Vec::new(), false);
    world.ok(Call::Set(id, Setting::Name("ä".repeat(256))));
    world.ok(Call::Set(id, Setting::Name(String::new())));
    world.ok(Call::Set(id, Setting::Description("ä".repeat(1_024))));
    for setting in [
        Setting::Name("x".repeat(257)),
        Setting::Description("x".repeat(1_025)),
    ] {
        assert_eq!(
            world.refused(Call::Set(id, setting)),
            Condition::StringTooLong
        );
    }
}

#[test]
fn error_information_is_there_once_there_was_an_error() {
    let mut world = World::default();
    let id = world.running(1);
    assert!(world.job(id).error().is_none());
    world.report(
        FileId { job: id, index: 0 },
        failed(Condition::HttpStatus(404)),
    );
    let error = world.job(id).error().unwrap();
    assert_eq!(
        (error.condition, error.file),
        (Condition::HttpStatus(404), Some(0))
    );
    assert_eq!(error.detail, "it broke");
    assert_eq!(world.job(id).record().error_count, 1);
}

#[test]
fn events_that_make_no_sense_change_nothing() {
    let mut world = World::default();
    let id = world.running(1);
    let file = FileId { job: id, index: 0 };
    let unknown = FileId {
        job: world.new_id(),
        index: 0,
    };
    let beyond = FileId { job: id, index: 9 };
    let attempt = world.runs[&file].attempt;
    let earlier = bgcopy_engine::Attempt(attempt.0 + 1);
    let trouble = || bgcopy_engine::Trouble::new(Condition::Internal, "");
    for event in [
        Event::Transfer(unknown, attempt, finished(1)),
        Event::Transfer(beyond, attempt, finished(1)),
        Event::Transfer(file, earlier, finished(1)),
        Event::Prepared(file, Err(trouble())),
        Event::Published(file, Ok(Publication::Done)),
        Event::Discarded(unknown, Ok(())),
        Event::Wake,
        Event::NetworkChanged,
    ] {
        world.step(event.clone());
        assert_eq!(world.actions, [], "{event:?}");
    }
}

#[test]
fn jobs_are_listed_in_the_order_of_creation_also_after_a_restart() {
    let mut world = World::default();
    let ids = [(); 3].map(|()| {
        world.pass(Duration::from_millis(1));
        world.running(1)
    });
    assert!(world.engine.jobs().map(|job| job.record().id).eq(ids));
    world.crash();
    assert!(world.engine.jobs().map(|job| job.record().id).eq(ids));
}
