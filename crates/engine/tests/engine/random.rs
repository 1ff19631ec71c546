//! Whatever happens, in whatever order: the checks of [`crate::world`] hold after every step, and the engine agrees
//! with [`crate::reference`].

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bgcopy_engine::{Attempt, Call, Event, Outcome, Publication, Report, Setting, Trouble};
use bgcopy_model::{
    Condition, Extent, FileId, JobId, JobSpec, JobState, Limits, Moment, Owner, Priority, Profile,
    Spent,
};
use proptest::prelude::*;

use crate::{
    reference::{Life, Reference},
    world::{Work, World, file_spec, finished, inode, job_spec, opened},
};

/// An event still without names: numbers that select among what there is.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    pub kind: u8,
    pub which: usize,
    pub how: usize,
    pub much: u64,
}

pub fn ops(kinds: u8, length: usize) -> impl Strategy<Value = Vec<Op>> {
    let op =
        (0..kinds, any::<u8>(), any::<u8>(), 0u64..=100).prop_map(|(kind, which, how, much)| Op {
            kind,
            which: which.into(),
            how: how.into(),
            much,
        });
    prop::collection::vec(op, 1..length)
}

/// What an op comes to.
pub enum Deed {
    Event(Event),
    Pass(Duration),
    Crash,
}

const TROUBLES: [Condition; 10] = [
    Condition::Timeout,
    Condition::NetworkDisconnected,
    Condition::ConnectFailure,
    Condition::HttpStatus(503),
    Condition::HttpStatus(404),
    Condition::RemoteFileChanged,
    Condition::LocalFileChanged,
    Condition::DigestMismatch,
    Condition::DiskFull,
    Condition::DiskFailure,
];

const TIMEOUTS: [u64; 4] = [0, 60, 600, 100_000];

pub const SIZE: u64 = 100;

pub fn pick<T: Clone>(of: impl IntoIterator<Item = T>, which: usize) -> Option<T> {
    let all: Vec<_> = of.into_iter().collect();
    (!all.is_empty()).then(|| all[which % all.len()].clone())
}

pub fn some_job(world: &World, which: usize) -> Option<JobId> {
    pick(world.engine.jobs().map(|job| job.record().id), which)
}

fn some_job_or_none_at_all(world: &mut World, op: Op) -> JobId {
    let known = some_job(world, op.which).filter(|_| op.how != 13);
    known.unwrap_or_else(|| world.new_id())
}

fn some_spec(op: Op) -> JobSpec {
    JobSpec {
        profile: [Profile::Bits, Profile::Do][op.how / 64 % 2],
        priority: Priority::ALL[op.how % 4],
        auto_complete: op.how & 4 != 0,
        minimum_retry_delay: Some(Duration::ZERO),
        no_progress_timeout: Some(Duration::from_secs(TIMEOUTS[op.how / 8 % 4])),
        ..job_spec()
    }
}

fn some_report(op: Op) -> Report {
    match op.how % 12 {
        0 => opened(SIZE),
        1 | 2 => Report::Progress(op.much),
        3 => Report::Spent(Spent {
            bytes: op.much,
            ..Spent::default()
        }),
        4 | 5 => Report::Durable([Extent::new(0, op.much)].into_iter().collect()),
        6 => Report::Restarted {
            changed: op.much.is_multiple_of(2),
        },
        7 => Report::Ended(Outcome::Stopped),
        8 => Report::Ended(Outcome::Failed(some_trouble(op))),
        _ => finished(SIZE),
    }
}

fn some_trouble(op: Op) -> Trouble {
    Trouble::new(
        TROUBLES[usize::try_from(op.much).unwrap() % TROUBLES.len()],
        "it broke",
    )
}

fn some_call(world: &mut World, op: Op) -> Call {
    let id = some_job_or_none_at_all(world, op);
    match op.kind {
        4 | 5 => Call::Resume(id),
        6 => Call::Suspend(id),
        7 => Call::Cancel(id),
        8 | 9 => Call::Complete(id),
        10 => {
            let free = world.new_id();
            Call::AddFiles(id, vec![file_spec(&format!("/more/{free}"))])
        }
        11 => Call::Set(id, Setting::Priority(Priority::ALL[op.how % 4])),
        12 => Call::Set(id, Setting::AutoComplete(op.how.is_multiple_of(2))),
        _ => some_rare_call(id, op),
    }
}

fn some_rare_call(id: JobId, op: Op) -> Call {
    let file = FileId {
        job: id,
        index: u32::try_from(op.much % 3).unwrap(),
    };
    let [old, new] = ["https://example.org/", "https://example.net/"];
    match op.how % 6 {
        0 | 1 => Call::SetUrl(file, format!("{old}{}", op.much).parse().unwrap()),
        2 => Call::ReplacePrefix(id, old.into(), new.into()),
        3 => Call::TakeOwnership(
            id,
            Owner {
                uid: u32::try_from(op.much % 2).unwrap(),
            },
        ),
        4 => Call::SetValid(file, op.much.is_multiple_of(2)),
        _ => Call::Set(id, Setting::Name(format!("{}", op.much % 3))),
    }
}

pub fn deed(world: &mut World, op: Op) -> Option<Deed> {
    let event = match op.kind {
        0..=3 => {
            let id = world.new_id();
            let files = (0..op.much % 4).map(|n| file_spec(&format!("/folder/{n}")));
            let call = Call::Create {
                id,
                owner: Owner { uid: 1 },
                spec: Box::new(some_spec(op)),
                files: files.collect(),
                resume: !op.much.is_multiple_of(8),
            };
            Event::Call(world.ticket(), call)
        }
        4..=13 => {
            let call = some_call(world, op);
            Event::Call(world.ticket(), call)
        }
        14..=22 => {
            let (file, run) = pick(world.runs.clone(), op.which)?;
            // Now and then a report of a run that is over.
            let attempt = if op.how == 77 {
                Attempt(run.attempt.0 - 1)
            } else {
                run.attempt
            };
            Event::Transfer(file, attempt, some_report(op))
        }
        23..=27 => {
            let (work, file) = pick(world.asked.clone(), op.which)?;
            let failed = op.how.is_multiple_of(8);
            let answer = if failed {
                Err(some_trouble(op))
            } else {
                Ok(())
            };
            match work {
                Work::Prepare => Event::Prepared(file, answer.map(|()| inode(file))),
                Work::Publish if op.how % 8 == 1 => {
                    let free = format!("free {}", op.which);
                    Event::Published(file, Ok(Publication::Taken { free }))
                }
                Work::Publish => Event::Published(file, answer.map(|()| Publication::Done)),
                Work::Discard => Event::Discarded(file, answer),
            }
        }
        28 => {
            // An answer to a question that nobody may have asked.
            let file = FileId {
                job: some_job(world, op.which)?,
                index: 0,
            };
            if world.asked.iter().any(|(_, asked)| *asked == file) {
                return None;
            }
            match op.how % 3 {
                0 => Event::Prepared(file, Ok(inode(file))),
                1 => Event::Published(file, Ok(Publication::Done)),
                _ => Event::Discarded(file, Ok(())),
            }
        }
        29 => Event::NetworkChanged,
        30 => {
            let seconds = [1, 10, 60, 600, 3_600, 80_000][op.how % 6];
            return Some(Deed::Pass(Duration::from_secs(seconds)));
        }
        _ => return (op.how.is_multiple_of(4)).then_some(Deed::Crash),
    };
    Some(Deed::Event(event))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1_000)))]

    #[test]
    fn whatever_happens_every_promise_holds(
        ops in ops(32, 120),
        background_jobs in 1u32..3,
        transfers in 2u32..6,
    ) {
        let mut world = World::new(Limits {
            background_jobs,
            transfers,
            files_at_once: 2,
            expiry_days: 2,
            jobs_per_user: 12,
            ..Limits::default()
        });
        for op in ops {
            match deed(&mut world, op) {
                Some(Deed::Event(event)) => world.step(event),
                Some(Deed::Pass(duration)) => world.pass(duration),
                Some(Deed::Crash) => world.crash(),
                None => {}
            }
        }
        all_ends_well(&mut world);
    }

    #[test]
    fn the_engine_agrees_with_a_simple_model_of_the_life_cycle(ops in ops(32, 120)) {
        let mut world = World::new(Limits {
            background_jobs: 1_000,
            transfers: 1_000,
            files_at_once: 2,
            expiry_days: 2,
            ..Limits::default()
        });
        let mut reference = Reference {
            jobs: BTreeMap::new(),
            expiry: Duration::from_hours(48),
            most_restarts: world.limits.version_restarts,
        };
        for op in ops {
            match deed(&mut world, op) {
                Some(Deed::Event(event)) => both(&mut world, &mut reference, event),
                Some(Deed::Pass(duration)) => {
                    let end = world.now.moment + duration;
                    while let Some(at) = world.engine.next_wake().filter(|at| *at <= end) {
                        let now = world.now.moment;
                        world.set_time(at.max(now));
                        both(&mut world, &mut reference, Event::Wake);
                    }
                    world.set_time(end);
                    both(&mut world, &mut reference, Event::Wake);
                }
                Some(Deed::Crash) | None => {}
            }
        }
    }
}

/// When every run ends and everything asked is answered, every call has its answer, and a job that may go on does.
pub fn all_ends_well(world: &mut World) {
    for _ in 0..200 {
        world.do_work();
        let Some((file, _)) = world.runs.first_key_value() else {
            break;
        };
        world.report(*file, finished(SIZE));
    }
    world.do_work();
    assert!(world.runs.is_empty() && world.asked.is_empty());
    assert!(world.unanswered.is_empty(), "every call is answered");
    let waits = |state| {
        matches!(
            state,
            JobState::Queued | JobState::Connecting | JobState::Transferring
        )
    };
    assert!(
        !world.engine.jobs().any(|job| waits(job.state())),
        "nobody waits for nothing"
    );
}

/// The same event for both, and the same states after it.
fn both(world: &mut World, reference: &mut Reference, event: Event) {
    let now = world.now.moment;
    tell(world, reference, &event, now);
    let mut runs: BTreeSet<FileId> = world.runs.keys().copied().collect();
    if let Event::Transfer(file, attempt, Report::Ended(_)) = &event
        && world.runs[file].attempt == *attempt
    {
        runs.remove(file);
    }
    reference.settle(&runs, now);
    world.step_and_wake(event);
    // A second look, since a change of the event may have made something else due.
    reference.settle(&world.runs.keys().copied().collect(), now);
    for file in world.runs.keys() {
        if let Some(job) = reference.jobs.get_mut(&file.job) {
            job.files[file.index as usize].begun = true;
        }
    }
    let shown = |job: bgcopy_engine::JobView<'_>| (job.record().id, job.state());
    let engine: Vec<_> = world.engine.jobs().map(shown).collect();
    let expected: Vec<_> = reference
        .jobs
        .iter()
        .map(|(id, job)| (*id, job.shown()))
        .collect();
    assert_eq!(engine, expected);
    for (id, life) in &reference.jobs {
        let received = world
            .job(*id)
            .files()
            .map(|file| file.progress().bytes_transferred);
        if !life.state.is_final() {
            assert!(received.eq(life.files.iter().map(|file| file.received)));
        }
    }
}

fn tell(world: &World, reference: &mut Reference, event: &Event, now: Moment) {
    let most = reference.most_restarts;
    let condition = |trouble: &Trouble| trouble.condition;
    let (work, file, answer) = match event {
        Event::Call(_, call) => return tell_call(world, reference, call, now),
        Event::NetworkChanged => return reference.network_changed(now),
        Event::Wake
        | Event::Notified(..)
        | Event::ConnectionGone(_)
        | Event::Published(_, Ok(Publication::Taken { .. })) => return,
        Event::Transfer(file, attempt, report) => {
            let run = world.runs[file];
            if let Some(job) = reference
                .jobs
                .get_mut(&file.job)
                .filter(|_| run.attempt == *attempt)
            {
                job.report(file.index, report, !run.stopping, most, now);
            }
            return;
        }
        Event::Prepared(file, answer) => (
            Work::Prepare,
            file,
            answer.as_ref().map(|_| ()).map_err(condition),
        ),
        // It is asked once more.
        Event::Published(file, answer) => (
            Work::Publish,
            file,
            answer.as_ref().map(|_| ()).map_err(condition),
        ),
        Event::Discarded(file, answer) => (
            Work::Discard,
            file,
            answer.as_ref().copied().map_err(condition),
        ),
    };
    if let Some(job) = reference.jobs.get_mut(&file.job) {
        job.answered(work, file.index, answer);
    }
}

fn tell_call(world: &World, reference: &mut Reference, call: &Call, now: Moment) {
    let most = reference.most_restarts;
    if let Call::Create {
        id,
        spec,
        files,
        resume,
        ..
    } = call
    {
        let timeout = spec.no_progress_timeout.unwrap();
        let mut job = Life::new(files.len(), spec.auto_complete, timeout, now);
        job.hides_connecting = spec.profile == Profile::Do;
        if !*resume || job.resume(most, now) {
            reference.jobs.insert(*id, job);
        }
        return;
    }
    let (Call::AddFiles(id, _)
    | Call::Resume(id)
    | Call::Suspend(id)
    | Call::Cancel(id)
    | Call::Complete(id)
    | Call::TakeOwnership(id, _)
    | Call::Set(id, _)) = call
    else {
        return;
    };
    let Some(job) = reference.jobs.get_mut(id) else {
        return;
    };
    match call {
        Call::Resume(_) => {
            job.resume(most, now);
        }
        Call::Complete(_) => {
            job.complete();
        }
        Call::Suspend(_) if job.may() => job.state = JobState::Suspended,
        Call::Cancel(_) if job.may() => job.cancel(now),
        Call::AddFiles(_, files) if job.may() => job.add(files.len()),
        Call::Set(_, Setting::AutoComplete(auto))
            if !job.state.is_final() && !job.changes_hands() =>
        {
            job.set_auto(*auto);
        }
        Call::TakeOwnership(id, owner) if job.may() && world.job(*id).record().owner != *owner => {
            job.take();
        }
        _ => {}
    }
}
