//! One file of several is in trouble: what the others do, when it is tried again, and which error is shown.

use bgcopy_engine::{Call, Event, Outcome, Report, Setting, Trouble};
use bgcopy_model::{
    Condition, FileId, JobId, JobSpec, JobState as S, Limits, Moment, Priority, Profile,
};
use std::time::Duration;

use crate::world::{World, failed, file_specs, finished, job_spec, opened};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn file(job: JobId, index: u32) -> FileId {
    FileId { job, index }
}

fn foreground() -> JobSpec {
    JobSpec {
        priority: Priority::Foreground,
        minimum_retry_delay: Some(secs(5)),
        no_progress_timeout: Some(secs(1_000)),
        ..job_spec()
    }
}

/// A job of so many files, two of which are fetched at once; both are opened.
/// Bytes of a file of which no more are fetched at once than the limit says.
const LARGE: u64 = 100 << 20;

fn two_under_way(files: usize) -> (World, JobId) {
    let mut world = World::new(Limits {
        files_at_once: 2,
        ..Limits::default()
    });
    let id = world.create(foreground(), file_specs(files), true);
    for index in 0..2 {
        world.report(file(id, index), opened(LARGE));
    }
    (world, id)
}

fn later(condition: Condition, seconds: u64) -> Report {
    let mut trouble = Trouble::new(condition, "later");
    trouble.retry_after = Some(secs(seconds));
    Report::Ended(Outcome::Failed(trouble))
}

#[test]
fn a_file_that_comes_in_vain_costs_no_patience_while_another_is_under_way() {
    let (mut world, id) = two_under_way(2);
    for came in 1..=8 {
        let mut in_vain = Trouble::new(Condition::ConnectionClosed, "it broke");
        in_vain.in_vain = true;
        world.report(file(id, 0), Report::Progress(9));
        world.report(file(id, 0), Report::Restarted { changed: false });
        let ended = Report::Ended(Outcome::Failed(in_vain));
        world.report(file(id, 0), ended);
        assert_eq!(world.state(id), S::Transferring, "{came}");
        world.pass(secs(700));
        world.report(file(id, 1), Report::Progress(came));
        assert!(world.runs.contains_key(&file(id, 0)), "tried again");
        world.report(file(id, 0), opened(LARGE));
    }
}

#[test]
fn others_go_on_while_one_file_waits_and_none_begins() {
    let (mut world, id) = two_under_way(3);
    world.report(file(id, 0), failed(Condition::HttpStatus(503)));
    assert_eq!(world.state(id), S::Transferring);
    assert!(world.job(id).error().is_none(), "the job is not stopped");
    assert!(!world.runs[&file(id, 1)].stopping);
    assert_eq!(world.runs.len(), 1, "the third file waits too");
    world.report(file(id, 1), finished(LARGE));
    assert_eq!(world.state(id), S::TransientError);
    assert_eq!(world.job(id).error().unwrap().file, Some(0));
    assert_eq!(world.job(id).retry_at(), Some(world.now.moment + secs(5)));
    assert_eq!(world.job(id).progress().files_transferred, 1);
    world.pass(secs(5));
    let again: Vec<_> = world.runs.keys().map(|file| file.index).collect();
    assert_eq!(again, [0, 2]);
}

#[test]
fn a_retry_time_that_comes_while_others_are_at_work_needs_no_other_state() {
    let (mut world, id) = two_under_way(2);
    world.report(file(id, 0), failed(Condition::Timeout));
    world.pass(secs(4));
    assert_eq!(world.runs.len(), 1);
    world.pass(secs(1));
    assert_eq!((world.runs.len(), world.state(id)), (2, S::Transferring));
    assert_eq!(world.job(id).record().error_count, 1);
    world.report(file(id, 0), finished(LARGE));
    world.report(file(id, 1), finished(LARGE));
    assert_eq!(world.state(id), S::Transferred);
}

#[test]
fn trouble_that_does_not_pass_is_told_at_once_whichever_came_first() {
    let (mut world, id) = two_under_way(2);
    world.report(file(id, 0), failed(Condition::HttpStatus(503)));
    world.report(file(id, 1), failed(Condition::HttpStatus(404)));
    assert_eq!(
        (world.state(id), world.error(id)),
        (S::Error, Condition::HttpStatus(404))
    );
    assert_eq!(world.job(id).error().unwrap().file, Some(1));
    assert_eq!(world.job(id).record().error_count, 2);
}

#[test]
fn who_waits_longest_decides_and_files_that_fail_together_are_one_try() {
    let (mut world, id) = two_under_way(2);
    let failed_at = world.now.moment;
    world.report(file(id, 0), later(Condition::HttpStatus(429), 60));
    world.report(file(id, 1), failed(Condition::HttpStatus(503)));
    assert_eq!(world.state(id), S::TransientError);
    assert_eq!(world.job(id).error().unwrap().file, Some(0));
    assert_eq!(world.job(id).retry_at(), Some(failed_at + secs(60)));
    assert_eq!(world.job(id).record().fruitless_tries, 1);
    assert_eq!(world.job(id).record().error_count, 1);
    world.pass(secs(60));
    world.report(file(id, 0), failed(Condition::HttpStatus(503)));
    world.report(file(id, 1), later(Condition::HttpStatus(429), 11));
    assert_eq!(world.job(id).error().unwrap().file, Some(1));
    assert_eq!(world.job(id).retry_at(), Some(world.now.moment + secs(11)));
}

#[test]
fn a_network_that_comes_back_does_not_shorten_what_an_origin_asked_for() {
    for asking_first in [true, false] {
        let (mut world, id) = two_under_way(2);
        let [asking, other] = if asking_first { [0, 1] } else { [1, 0] };
        let reports = [
            (asking, later(Condition::HttpStatus(503), 20)),
            (other, later(Condition::NetworkDisconnected, 300)),
        ];
        let mut reports = Vec::from(reports);
        reports.sort_by_key(|(index, _)| *index);
        for (index, report) in reports {
            world.report(file(id, index), report);
        }
        world.step(Event::NetworkChanged);
        assert_eq!(world.state(id), S::TransientError);
        assert_eq!(world.error(id), Condition::HttpStatus(503));
    }
    let (mut world, id) = two_under_way(2);
    world.report(file(id, 0), failed(Condition::NetworkDisconnected));
    world.step(Event::NetworkChanged);
    assert_eq!(world.runs.len(), 2, "while others go on, too");
}

#[test]
fn a_restart_waits_for_nothing_while_others_are_under_way() {
    let (mut world, id) = two_under_way(2);
    world.report(file(id, 0), later(Condition::HttpStatus(503), 60));
    world.crash();
    assert_eq!(world.runs.len(), 2, "both are asked for at once");

    for index in 0..2 {
        world.report(file(id, index), opened(100));
        world.report(file(id, index), later(Condition::HttpStatus(503), 60));
    }
    let retry_at = world.job(id).retry_at();
    world.crash();
    assert_eq!(world.state(id), S::TransientError);
    assert_eq!(world.job(id).retry_at(), retry_at, "this wait is recorded");
    assert!(world.runs.is_empty());
}

#[test]
fn whoever_stops_the_job_ends_the_wait() {
    let (mut world, id) = two_under_way(2);
    world.report(file(id, 0), later(Condition::HttpStatus(503), 60));
    world.ok(Call::Suspend(id));
    world.report(file(id, 1), Report::Ended(Outcome::Stopped));
    assert_eq!(world.state(id), S::Suspended);
    world.ok(Call::Resume(id));
    assert_eq!(world.runs.len(), 2);
}

#[test]
fn a_turn_that_is_taken_away_does_not_shorten_the_wait() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        files_at_once: 2,
        ..Limits::default()
    });
    let id = world.create(foreground(), file_specs(2), true);
    world.report(file(id, 1), later(Condition::HttpStatus(503), 60));
    let retry_at = world.now.moment + secs(60);
    world.ok(Call::Set(id, Setting::Priority(Priority::Low)));
    world.create(job_spec(), file_specs(1), true);
    assert_eq!(world.state(id), S::TransientError);
    assert_eq!(world.job(id).retry_at(), Some(retry_at));
    assert!(world.runs[&file(id, 0)].stopping);
}

#[test]
fn without_a_byte_for_too_long_the_job_gives_up_whatever_is_under_way() {
    let (mut world, id) = two_under_way(2);
    world.report(file(id, 0), later(Condition::HttpStatus(503), 5_000));
    world.pass(secs(1_000));
    assert_eq!(world.now.moment, Moment(1_001_000));
    assert_eq!(world.error(id), Condition::NoProgress);
    assert_eq!(world.job(id).error().unwrap().file, Some(0));
}

#[test]
fn an_error_can_be_read_until_bytes_move_again() {
    for (profile, while_connecting) in [(Profile::Bits, true), (Profile::Do, false)] {
        let mut world = World::new(Limits {
            background_jobs: 1,
            ..Limits::default()
        });
        let mut spec = foreground();
        (spec.priority, spec.profile) = (Priority::Normal, profile);
        let id = world.create(spec, file_specs(1), true);
        world.report(file(id, 0), failed(Condition::HttpStatus(503)));
        let other = world.create(job_spec(), file_specs(1), true);
        world.pass(secs(5));
        assert_eq!(world.state(id), S::Queued);
        assert_eq!(world.error(id), Condition::HttpStatus(503));
        world.ok(Call::Suspend(id));
        assert_eq!(world.error(id), Condition::HttpStatus(503));
        world.ok(Call::Resume(id));
        world.report(file(other, 0), finished(1));
        assert_eq!(world.job(id).error().is_some(), while_connecting);
        world.report(file(id, 0), opened(10));
        assert_eq!(world.state(id), S::Transferring);
        assert!(world.job(id).error().is_none());
        world.ok(Call::Suspend(id));
        assert!(world.job(id).error().is_none(), "gone is gone");
    }
}
