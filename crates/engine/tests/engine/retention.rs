//! What is kept of final jobs, by counts.

use bgcopy_engine::{Call, Connection, Event, Outcome, Report};
use bgcopy_model::{FileId, JobId, JobSpec, JobState as S, Limits, Owner, Priority};
use std::time::Duration;

use crate::world::{World, file_specs, finished, job_spec};

const MOST: u32 = 50;
const CLIENT: Connection = Connection(1);

fn world() -> World {
    World::new(Limits {
        final_files: MOST,
        ..Limits::default()
    })
}

fn create(world: &mut World, uid: u32, files: usize) -> JobId {
    let id = world.new_id();
    world.ok(Call::Create {
        id,
        owner: Owner { uid },
        spec: Box::new(job_spec()),
        files: file_specs(files),
        resume: false,
    });
    id
}

fn cancelled(world: &mut World, uid: u32, files: usize) -> JobId {
    let id = create(world, uid, files);
    world.call(Call::Cancel(id));
    assert_eq!(world.state(id), S::Cancelled, "whoever has it can read it");
    assert_eq!(world.job(id).files().len(), files);
    id
}

/// Jobs that are kept, and their files.
fn kept(world: &World, uid: u32) -> (usize, usize) {
    let own = |job: &bgcopy_engine::JobView<'_>| job.record().owner == Owner { uid };
    let jobs = world.engine.jobs().filter(own);
    jobs.fold((0, 0), |(count, files), job| {
        (count + 1, files + job.files().len())
    })
}

#[test]
fn the_oldest_final_jobs_go_when_there_are_too_many_files() {
    let mut world = world();
    let ids: Vec<_> = (0..20).map(|_| cancelled(&mut world, 1, 9)).collect();
    assert_eq!(kept(&world, 1), (5, 45));
    assert!(world.engine.job(ids[14]).is_none() && world.engine.job(ids[15]).is_some());
    assert_eq!(world.store.len(), 5, "on the disk, too");
    world.crash();
    world.do_work();
    assert_eq!(kept(&world, 1), (5, 45));
    world.pass(Duration::from_hours(1));
    assert_eq!(kept(&world, 1), (0, 0));
}

#[test]
fn the_last_one_stays_however_large_it_is() {
    let mut world = world();
    cancelled(&mut world, 1, 30);
    cancelled(&mut world, 1, 200);
    assert_eq!(kept(&world, 1), (1, 200));
    cancelled(&mut world, 1, 1);
    assert_eq!(kept(&world, 1), (1, 1));
}

#[test]
fn jobs_without_files_count_and_those_that_are_not_final_do_not() {
    let mut world = world();
    create(&mut world, 1, 200);
    for _ in 0..200 {
        cancelled(&mut world, 1, 0);
    }
    assert_eq!(kept(&world, 1), (51, 200));
}

#[test]
fn nobodys_final_jobs_push_out_anothers() {
    let mut world = world();
    let own = cancelled(&mut world, 1, 40);
    for _ in 0..10 {
        cancelled(&mut world, 2, 40);
    }
    assert!(world.engine.job(own).is_some());
    assert_eq!(kept(&world, 2), (1, 40));
}

/// A job that completed itself and owes its client a call.
fn untold(world: &mut World, is_registered: bool) -> JobId {
    let spec = JobSpec {
        auto_complete: true,
        ..job_spec()
    };
    let job = world.create(spec, file_specs(1), true);
    if is_registered {
        world.register(job, CLIENT);
        world.step(Event::ConnectionGone(CLIENT));
    }
    world.report(FileId { job, index: 0 }, finished(1));
    world.do_work();
    assert_eq!(world.state(job), S::Acknowledged);
    assert!(world.job(job).record().due.transferred);
    job
}

#[test]
fn a_job_that_nobody_registered_for_is_forgotten_like_any_other() {
    let mut world = world();
    let job = untold(&mut world, false);
    cancelled(&mut world, 1_000, 60);
    assert!(world.engine.job(job).is_none());

    let job = untold(&mut world, false);
    world.crash();
    cancelled(&mut world, 1_000, 60);
    assert!(world.engine.job(job).is_some(), "somebody may have before");
}

#[test]
fn a_job_that_is_not_done_or_whose_client_is_still_to_be_told_stays() {
    let mut world = world();
    let untold = untold(&mut world, true);
    let spec = JobSpec {
        priority: Priority::Foreground,
        ..job_spec()
    };
    let ending = world.create(spec, file_specs(1), true);
    world.call(Call::Cancel(ending));
    for _ in 0..3 {
        cancelled(&mut world, 1_000, 60);
    }
    assert_eq!(kept(&world, 1_000), (3, 62));
    world.report(
        FileId {
            job: ending,
            index: 0,
        },
        Report::Ended(Outcome::Stopped),
    );
    world.do_work();
    assert!(
        world.engine.job(ending).is_none(),
        "older than the last one"
    );
    assert!(world.engine.job(untold).is_some());
}
