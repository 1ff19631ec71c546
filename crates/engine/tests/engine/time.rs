//! Retries, patience, expiry, and that there is no timer without a reason.

use bgcopy_engine::{Call, Event, Outcome, Report, Setting, Trouble, WaitingFor};
use bgcopy_model::{
    Condition, Extent, FileId, JobId, JobSpec, JobState as S, Limits, Moment, Profile,
};
use std::time::Duration;

use crate::world::{World, failed, file_specs, finished, job_spec, opened};

const DAY: Duration = Duration::from_hours(24);

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn only(job: JobId) -> FileId {
    FileId { job, index: 0 }
}

fn quick() -> JobSpec {
    JobSpec {
        minimum_retry_delay: Some(secs(5)),
        no_progress_timeout: Some(secs(100)),
        ..job_spec()
    }
}

#[test]
fn an_engine_without_jobs_wants_no_wake_up() {
    let mut world = World::default();
    assert_eq!(world.engine.next_wake(), None);
    let id = world.transferred(1);
    world.call(Call::Complete(id));
    world.do_work();
    world.pass(Duration::from_hours(2));
    assert_eq!(world.engine.next_wake(), None);
    assert!(
        world.engine.job(id).is_none(),
        "a final job is forgotten after an hour"
    );
    assert!(world.store.is_empty());
}

#[test]
fn jobs_that_wait_for_somebody_have_no_timer_but_expiry() {
    let mut world = World::default();
    let suspended = world.create(job_spec(), file_specs(1), false);
    assert_eq!(world.engine.next_wake(), Some(world.now.moment + 90 * DAY));
    world.call(Call::Cancel(suspended));
    let done = world.transferred(1);
    world.pass(Duration::from_hours(1));
    let born = world.job(done).record().born;
    assert_eq!(world.engine.next_wake(), Some(born + 90 * DAY));
}

#[test]
fn a_transient_error_is_retried_after_a_growing_delay() {
    let mut world = World::default();
    let id = world.running(1);
    for delay in [600, 1_200, 2_400, 3_600, 3_600] {
        world.report(only(id), failed(Condition::HttpStatus(503)));
        assert_eq!(world.state(id), S::TransientError);
        let retry = world.now.moment + secs(delay);
        assert_eq!(world.job(id).waiting_for(), WaitingFor::Retry(retry));
        assert_eq!(world.stores().len(), 1);
        world.pass(secs(delay - 1));
        assert_eq!(world.state(id), S::TransientError);
        world.pass(secs(1));
        assert_eq!(world.state(id), S::Connecting);
        assert_eq!(
            world.stores().len(),
            0,
            "a restart would find a retry that is due"
        );
    }
    assert_eq!(world.job(id).record().error_count, 5);
}

#[test]
fn any_byte_makes_the_delay_short_again() {
    let mut world = World::default();
    let id = world.running(1);
    for _ in 0..3 {
        world.report(only(id), failed(Condition::Timeout));
        world.pass(Duration::from_hours(1));
    }
    world.report(only(id), opened(9));
    world.report(only(id), Report::Progress(1));
    world.report(
        only(id),
        Report::Durable([Extent::new(0, 1)].into_iter().collect()),
    );
    assert_eq!(
        world.store[&id].0.fruitless_tries, 0,
        "stored with the bytes"
    );
    world.report(only(id), failed(Condition::Timeout));
    assert_eq!(world.job(id).retry_at(), Some(world.now.moment + secs(600)));
}

#[test]
fn bytes_that_are_dropped_again_neither_shorten_the_delay_nor_renew_the_patience() {
    let mut world = World::default();
    let id = world.create(quick(), file_specs(1), true);
    let began = world.now.moment;
    let mut in_vain = Trouble::new(Condition::ConnectionClosed, "it broke");
    in_vain.in_vain = true;
    let dropped = |world: &mut World| {
        world.report(only(id), opened(9));
        world.report(only(id), Report::Progress(9));
        world.report(only(id), Report::Restarted { changed: false });
        let ended = Report::Ended(Outcome::Failed(in_vain.clone()));
        world.report(only(id), ended);
    };
    for delay in [5, 10, 20, 40] {
        dropped(&mut world);
        assert_eq!(
            world.job(id).retry_at(),
            Some(world.now.moment + secs(delay))
        );
        world.pass(secs(delay));
        assert_eq!(world.state(id), S::Connecting);
    }
    dropped(&mut world);
    assert_eq!(world.state(id), S::TransientError);
    world.pass(secs(25));
    assert_eq!(world.now.moment, began + secs(100));
    assert_eq!(world.error(id), Condition::NoProgress);
    // Whoever has it go on gives it all its tries again.
    world.call(Call::Resume(id));
    dropped(&mut world);
    assert_eq!(world.job(id).retry_at(), Some(world.now.moment + secs(5)));
}

#[test]
fn retry_after_is_honoured() {
    let mut world = World::default();
    let id = world.create(quick(), file_specs(1), true);
    let mut trouble = Trouble::new(Condition::HttpStatus(429), "slowly");
    trouble.retry_after = Some(secs(50));
    world.report(only(id), Report::Ended(Outcome::Failed(trouble)));
    assert_eq!(world.job(id).retry_at(), Some(world.now.moment + secs(50)));
}

#[test]
fn without_a_byte_for_too_long_a_job_gives_up_and_names_the_last_trouble() {
    let mut world = World::default();
    let id = world.create(quick(), file_specs(1), true);
    let mut tries = 0;
    while world.state(id) != S::Error {
        world.report(only(id), failed(Condition::ConnectFailure));
        tries += 1;
        while world.state(id) == S::TransientError {
            world.pass(secs(1));
        }
    }
    assert_eq!(tries, 5, "tries at 0, 5, 15, 35 and 75 s");
    assert_eq!(world.now.moment, Moment(101_000), "and not a second longer");
    assert_eq!(world.error(id), Condition::NoProgress);
    let detail = &world.job(id).error().unwrap().detail;
    assert!(
        detail.contains("100 seconds") && detail.contains("it broke"),
        "{detail}"
    );
}

#[test]
fn a_silent_transfer_is_given_up_and_a_byte_keeps_it_going() {
    let mut world = World::default();
    let id = world.create(quick(), file_specs(1), true);
    world.report(only(id), opened(1_000));
    for n in 1..5 {
        world.pass(secs(99));
        world.report(only(id), Report::Progress(n));
    }
    world.pass(secs(100));
    assert_eq!(
        (world.state(id), world.error(id)),
        (S::Error, Condition::NoProgress)
    );
    assert!(world.runs[&only(id)].stopping);
}

#[test]
fn the_clock_stands_still_while_a_job_waits_for_its_turn() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        ..Limits::default()
    });
    let first = world.running(1);
    let mut high = quick();
    high.priority = bgcopy_model::Priority::Low;
    let second = world.create(high, file_specs(1), true);
    world.pass(30 * DAY / 10);
    assert_eq!(world.state(second), S::Queued);
    world.report(only(first), finished(1));
    assert_eq!(world.state(second), S::Connecting);
    world.pass(secs(99));
    assert_eq!(world.state(second), S::Connecting);
    world.pass(secs(1));
    assert_eq!(world.state(second), S::Error);
}

#[test]
fn with_a_timeout_of_zero_every_error_is_fatal() {
    let mut world = World::default();
    let spec = JobSpec {
        no_progress_timeout: Some(Duration::ZERO),
        ..job_spec()
    };
    let id = world.create(spec, file_specs(1), true);
    world.pass(DAY);
    assert_eq!(world.state(id), S::Connecting, "but silence alone is not");
    world.report(only(id), failed(Condition::Timeout));
    assert_eq!(
        (world.state(id), world.error(id)),
        (S::Error, Condition::Timeout)
    );
}

#[test]
fn a_fatal_error_is_fatal_at_once() {
    let mut world = World::default();
    let id = world.running(1);
    world.report(only(id), failed(Condition::HttpStatus(404)));
    assert_eq!(world.state(id), S::Error);
    assert_eq!(world.job(id).retry_at(), None);
}

#[test]
fn a_network_that_comes_back_helps_those_who_wait_for_it() {
    let mut world = World::new(Limits {
        background_jobs: 9,
        ..Limits::default()
    });
    let conditions = [
        (Condition::NetworkDisconnected, S::Connecting),
        (Condition::NameNotResolved, S::Connecting),
        (Condition::ConnectFailure, S::Connecting),
        (Condition::HttpStatus(503), S::TransientError),
    ];
    let ids = conditions.map(|(condition, _)| {
        let id = world.running(1);
        world.report(only(id), failed(condition));
        id
    });
    world.step(Event::NetworkChanged);
    assert_eq!(
        ids.map(|id| world.state(id)),
        conditions.map(|(_, state)| state)
    );
}

#[test]
fn resume_gives_a_job_all_its_time_back() {
    let mut world = World::default();
    let id = world.create(quick(), file_specs(1), true);
    world.report(only(id), failed(Condition::Timeout));
    world.ok(Call::Suspend(id));
    world.pass(DAY);
    world.ok(Call::Resume(id));
    assert_eq!(world.state(id), S::Connecting);
    world.report(only(id), failed(Condition::Timeout));
    assert_eq!(world.job(id).retry_at(), Some(world.now.moment + secs(5)));
}

#[test]
fn a_shorter_timeout_counts_at_once() {
    let mut world = World::default();
    let id = world.running(1);
    world.pass(secs(200));
    world.ok(Call::Set(id, Setting::NoProgressTimeout(secs(100))));
    world.pass(secs(0));
    assert_eq!(world.state(id), S::Error);
}

#[test]
fn a_job_that_nobody_completes_expires_by_its_profile_and_its_files_go() {
    for (profile, configured, days) in [
        (Profile::Do, 0, 30),
        (Profile::Bits, 0, 90),
        (Profile::Bits, 7, 7),
    ] {
        let mut world = World::new(Limits {
            expiry_days: configured,
            ..Limits::default()
        });
        let id = world.create(
            JobSpec {
                profile,
                ..job_spec()
            },
            file_specs(1),
            true,
        );
        world.report(only(id), finished(1));
        world.pass((days * DAY).saturating_sub(secs(1)));
        assert_eq!(world.state(id), S::Transferred);
        world.pass(secs(1));
        assert_eq!(world.state(id), S::Cancelled);
        assert_eq!(world.asked.len(), 1);
        world.do_work();
    }
}

#[test]
fn what_came_due_while_the_service_was_away_is_looked_after_first() {
    let mut world = World::default();
    let expired = world.create(job_spec(), file_specs(1), false);
    world.set_time(Moment(1_000) + 80 * DAY);
    let retried = world.running(1);
    world.report(only(retried), failed(Condition::Timeout));
    world.set_time(Moment(1_000) + 91 * DAY);
    world.crash();
    assert_eq!(world.state(expired), S::Cancelled);
    assert_eq!(world.state(retried), S::Connecting);
}

#[test]
fn a_night_of_sleep_is_not_the_origins_fault() {
    let mut world = World::default();
    let [transferring, retrying] = [(); 2].map(|()| world.create(quick(), file_specs(1), true));
    world.report(only(transferring), opened(1_000));
    world.report(only(retrying), failed(Condition::Timeout));
    world.set_time(world.now.moment + Duration::from_hours(8));
    world.step(Event::Wake);
    assert_eq!(world.state(transferring), S::Transferring);
    assert_eq!(world.state(retrying), S::Connecting);
    world.pass(secs(94));
    assert_eq!(world.state(transferring), S::Transferring);
    assert_eq!(
        world.state(retrying),
        S::Connecting,
        "5 s were over before the night"
    );
    world.pass(secs(6));
    assert_eq!(
        [transferring, retrying].map(|id| world.error(id)),
        [Condition::NoProgress; 2]
    );
}
