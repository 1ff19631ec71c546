//! How long a job is at work, what counts for it, and what comes of too much.

use bgcopy_engine::{Call, Event, Report, Setting};
use bgcopy_model::{Condition, Extent, FileId, JobId, JobSpec, JobState as S, Limits};
use std::time::Duration;

use crate::world::{World, failed, file_specs, finished, job_spec, opened};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn only(job: JobId) -> FileId {
    FileId { job, index: 0 }
}

fn quick() -> JobSpec {
    JobSpec {
        minimum_retry_delay: Some(secs(5)),
        ..job_spec()
    }
}

/// A job that has its turn and may be at work for so long.
fn limited(world: &mut World, most: Duration) -> JobId {
    let id = world.create(quick(), file_specs(1), true);
    world.ok(Call::Set(id, Setting::MaximumDownloadTime(most)));
    id
}

fn durable(end: u64) -> Report {
    Report::Durable([Extent::new(0, end)].into_iter().collect())
}

#[test]
fn connecting_and_transferring_count_and_too_much_of_them_is_an_error() {
    let mut world = World::default();
    let id = limited(&mut world, secs(3_600));
    world.pass(secs(600));
    world.report(only(id), opened(1_000));
    for n in 1..30 {
        world.pass(secs(100));
        world.report(only(id), Report::Progress(n));
    }
    world.pass(secs(99));
    assert_eq!(world.state(id), S::Transferring);
    world.pass(secs(1));
    assert_eq!(
        (world.state(id), world.error(id)),
        (S::Error, Condition::DownloadTimeout)
    );
    let detail = &world.job(id).error().unwrap().detail;
    assert!(detail.contains("1 hour"), "{detail}");
    assert!(world.runs[&only(id)].stopping);
}

#[test]
fn waiting_does_not_count() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        ..Limits::default()
    });
    let id = limited(&mut world, secs(100));
    world.pass(secs(60));
    world.report(only(id), failed(Condition::HttpStatus(503)));
    let other = world.create(job_spec(), file_specs(1), true);
    world.pass(secs(1_000));
    assert_eq!(world.state(id), S::Queued, "behind the retry and the other");
    world.report(only(other), finished(1));
    assert_eq!(world.state(id), S::Connecting);
    world.pass(secs(39));
    assert_eq!(world.state(id), S::Connecting);
    world.pass(secs(1));
    assert_eq!(world.error(id), Condition::DownloadTimeout);
}

#[test]
fn resume_gives_it_all_its_time_back() {
    let mut world = World::default();
    let id = limited(&mut world, secs(100));
    world.pass(secs(100));
    assert_eq!(world.state(id), S::Error);
    world.report(only(id), Report::Ended(bgcopy_engine::Outcome::Stopped));
    world.ok(Call::Resume(id));
    world.pass(secs(99));
    assert_eq!(world.state(id), S::Connecting);
    world.ok(Call::Suspend(id));
    world.report(only(id), Report::Ended(bgcopy_engine::Outcome::Stopped));
    world.ok(Call::Resume(id));
    world.pass(secs(99));
    assert_eq!(world.state(id), S::Connecting);
}

#[test]
fn ninety_days_are_the_default_and_zero_is_no_limit() {
    let mut world = World::new(Limits {
        expiry_days: 1_000,
        ..Limits::default()
    });
    let day = Duration::from_hours(24);
    let [default, endless] = [(); 2].map(|()| {
        let spec = JobSpec {
            priority: bgcopy_model::Priority::Foreground,
            no_progress_timeout: Some(500 * day),
            ..quick()
        };
        world.create(spec, file_specs(1), true)
    });
    let no_limit = Setting::MaximumDownloadTime(Duration::ZERO);
    world.ok(Call::Set(endless, no_limit));
    world.pass((90 * day).saturating_sub(secs(1)));
    assert_eq!(world.state(default), S::Connecting);
    world.pass(secs(1));
    assert_eq!(world.error(default), Condition::DownloadTimeout);
    world.pass(100 * day);
    assert_eq!(world.state(endless), S::Connecting);
}

#[test]
fn a_shorter_time_counts_at_once_and_a_final_job_has_none() {
    let mut world = World::default();
    let id = world.create(quick(), file_specs(1), true);
    world.pass(secs(200));
    let setting = || Setting::MaximumDownloadTime(secs(100));
    world.ok(Call::Set(id, setting()));
    assert_eq!(world.job(id).record().maximum_download_time, secs(100));
    world.pass(secs(0));
    assert_eq!(world.error(id), Condition::DownloadTimeout);
    world.call(Call::Cancel(id));
    assert_eq!(
        world.refused(Call::Set(id, setting())),
        Condition::InvalidState
    );
}

#[test]
fn the_sum_survives_and_a_crash_costs_a_minute_of_it_at_most() {
    let mut world = World::default();
    let id = limited(&mut world, secs(1_000));
    world.report(only(id), opened(1_000));
    for n in 1..=10 {
        world.pass(secs(50));
        world.report(only(id), durable(n));
    }
    world.pass(secs(59));
    world.crash();
    assert_eq!(world.state(id), S::Connecting);
    let kept = world.job(id).record().download_time;
    assert!((secs(441)..=secs(559)).contains(&kept), "{kept:?}");
    world.pass(secs(1_000).saturating_sub(kept));
    assert_eq!(world.error(id), Condition::DownloadTimeout);
    // The time for which the service was away does not count.
    let other = limited(&mut world, secs(1_000));
    world.set_time(world.now.moment + secs(5_000));
    world.crash();
    assert_eq!(world.state(other), S::Connecting);
}

#[test]
fn work_alone_is_no_reason_to_write_more_often_than_each_minute() {
    let mut world = World::default();
    let id = world.create(quick(), file_specs(1), true);
    world.report(only(id), opened(1_000));
    let mut writes = 0;
    for n in 1..=100 {
        world.pass(secs(10));
        world.report(only(id), durable(n));
        let of_the_job = |mutation: &&&bgcopy_model::Mutation| {
            matches!(mutation, bgcopy_model::Mutation::PutJob(_))
        };
        writes += world.stores().iter().filter(of_the_job).count();
    }
    assert_eq!(writes, 16, "in 1000 s");
}

#[test]
fn the_machines_sleep_counts() {
    let mut world = World::default();
    let id = limited(&mut world, secs(3_600));
    world.report(only(id), opened(1_000));
    world.set_time(world.now.moment + secs(4_000));
    world.step(Event::Wake);
    assert_eq!(world.error(id), Condition::DownloadTimeout);
}
