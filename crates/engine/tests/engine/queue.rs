//! The queue as jobs feel it; its rules alone are tested beside their code.

use bgcopy_engine::{Call, Outcome, Report, Setting, WaitingFor};
use bgcopy_model::{FileId, JobId, JobSpec, JobState as S, Limits, Priority, Profile};
use std::time::Duration;

use crate::world::{World, file_specs, finished, job_spec, opened};

fn stopped(world: &mut World, job: JobId) {
    world.report(FileId { job, index: 0 }, Report::Ended(Outcome::Stopped));
}

fn at(priority: Priority) -> JobSpec {
    JobSpec {
        priority,
        ..job_spec()
    }
}

#[test]
fn equals_take_turns_by_time_slices() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        ..Limits::default()
    });
    let first = world.running(1);
    let second = world.running(1);
    world.report(
        FileId {
            job: first,
            index: 0,
        },
        opened(100),
    );
    assert_eq!(world.job(second).waiting_for(), WaitingFor::Turn);
    let transactions = world.transactions;
    world.pass(Duration::from_mins(1));
    assert_eq!(
        (world.state(first), world.state(second)),
        (S::Queued, S::Queued)
    );
    stopped(&mut world, first);
    assert_eq!(
        (world.state(first), world.state(second)),
        (S::Queued, S::Connecting)
    );
    world.pass(Duration::from_mins(1));
    stopped(&mut world, second);
    assert_eq!(
        (world.state(first), world.state(second)),
        (S::Connecting, S::Queued)
    );
    assert_eq!(
        world.transactions, transactions,
        "turns are nothing to write down"
    );
}

#[test]
fn a_higher_priority_goes_first_at_once() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        ..Limits::default()
    });
    let low = world.create(at(Priority::Low), file_specs(1), true);
    let high = world.create(at(Priority::High), file_specs(1), true);
    assert_eq!(
        (world.state(low), world.state(high)),
        (S::Queued, S::Queued)
    );
    stopped(&mut world, low);
    assert_eq!(world.state(high), S::Connecting);
    world.report(
        FileId {
            job: high,
            index: 0,
        },
        finished(1),
    );
    assert_eq!(world.state(low), S::Connecting);
}

#[test]
fn in_the_do_profile_a_higher_background_level_waits_like_any() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        ..Limits::default()
    });
    let delivery = |priority| JobSpec {
        profile: Profile::Do,
        ..at(priority)
    };
    let low = world.create(delivery(Priority::Low), file_specs(1), true);
    let high = world.create(delivery(Priority::High), file_specs(1), true);
    let states = |world: &World| (world.state(low), world.state(high));
    assert_eq!(states(&world), (S::Transferring, S::Queued));
    world.ok(Call::Set(high, Setting::Priority(Priority::Normal)));
    world.ok(Call::Set(high, Setting::Priority(Priority::High)));
    assert_eq!(states(&world), (S::Transferring, S::Queued));
    world.ok(Call::Set(high, Setting::Priority(Priority::Foreground)));
    assert_eq!(states(&world), (S::Transferring, S::Transferring));
}

#[test]
fn a_changed_priority_counts_at_once() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        ..Limits::default()
    });
    let first = world.running(1);
    let second = world.running(1);
    world.ok(Call::Set(second, Setting::Priority(Priority::High)));
    assert_eq!(world.state(first), S::Queued);
    stopped(&mut world, first);
    assert_eq!(world.state(second), S::Connecting);
    world.ok(Call::Set(first, Setting::Priority(Priority::Foreground)));
    assert_eq!(world.state(first), S::Connecting);
}

#[test]
fn foreground_jobs_fetch_several_files_at_once_beside_everything() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        files_at_once: 3,
        transfers: 5,
        ..Limits::default()
    });
    world.running(1);
    let id = world.create(at(Priority::Foreground), file_specs(9), true);
    assert_eq!(world.runs.keys().filter(|file| file.job == id).count(), 3);
    world.create(at(Priority::Foreground), file_specs(9), true);
    assert_eq!(world.runs.len(), 5, "the limit of all transfers holds");
}

#[test]
fn where_files_are_small_a_foreground_job_fetches_more_of_them_at_once() {
    let mut world = World::new(Limits {
        files_at_once: 2,
        transfers: 40,
        ..Limits::default()
    });
    let id = world.create(at(Priority::Foreground), file_specs(100), true);
    let file = |index| FileId { job: id, index };
    assert_eq!(world.runs.len(), 2, "nothing is known yet");
    world.report(file(0), opened(1 << 20));
    assert_eq!(world.runs.len(), 32);
    world.report(file(1), opened((1 << 20) + 1));
    world.report(file(2), finished(5));
    assert_eq!(world.runs.len(), 31, "a large one: no more begin");
    world.report(file(3), opened(7));
    assert_eq!(world.runs.len(), 32);
}

#[test]
fn a_job_that_finishes_while_it_is_told_to_yield_is_transferred() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        ..Limits::default()
    });
    let low = world.create(at(Priority::Low), file_specs(1), true);
    world.create(at(Priority::High), file_specs(1), true);
    world.report(FileId { job: low, index: 0 }, finished(5));
    assert_eq!(world.state(low), S::Transferred);
}

#[test]
fn between_two_files_a_job_yields_without_being_stopped() {
    let mut world = World::new(Limits {
        background_jobs: 1,
        ..Limits::default()
    });
    let first = world.running(2);
    let second = world.running(1);
    world.set_time(world.now.moment + Duration::from_mins(1));
    world.report(
        FileId {
            job: first,
            index: 0,
        },
        finished(5),
    );
    assert_eq!(
        (world.state(first), world.state(second)),
        (S::Queued, S::Connecting)
    );
    assert_eq!(world.runs.len(), 1);
}
