//! Clients that die, fail, hang and register again, at random: the engine agrees with [`crate::callback_model`] after
//! every step, and in the end everybody was told.

use std::time::Duration;

use bgcopy_engine::{Call, Connection, Delivery, Event, Setting};
use bgcopy_model::{JobId, Limits, NotifyFlags};
use proptest::prelude::*;

use crate::{
    callback_model::Model,
    clients::outcome,
    random::{Deed, Op, all_ends_well, deed, ops, pick, some_job},
    world::World,
};

/// Kinds below are those of [`crate::random`].
const FIRST: u8 = 32;

fn callback_deed(world: &mut World, op: Op) -> Option<Event> {
    let call = |world: &mut World, call| Event::Call(world.ticket(), call);
    let some_connection = || Connection(op.how as u64 % 3);
    Some(match op.kind - FIRST {
        0..=4 => {
            let listener = (world.new_listener(), some_connection());
            let id = some_job(world, op.which)?;
            call(world, Call::SetNotifyInterface(id, Some(listener)))
        }
        5 => {
            let id = some_job(world, op.which)?;
            call(world, Call::SetNotifyInterface(id, None))
        }
        6..=9 => {
            let (delivery, made) = pick(world.clients.calls.clone(), op.which)?;
            Event::Notified(made.job, delivery, outcome(!op.how.is_multiple_of(3)))
        }
        10 => {
            let (delivery, (job, _)) = pick(world.clients.programs.clone(), op.which)?;
            Event::Notified(job, delivery, outcome(!op.how.is_multiple_of(3)))
        }
        11 => Event::ConnectionGone(some_connection()),
        12 | 13 => {
            let bits = [0x03, 0x13, 0x1b, 0x1b, 0x0b, 0x04, 0x1f, 0x01][op.how % 8];
            let flags = NotifyFlags::from_bits(bits).unwrap();
            let id = some_job(world, op.which)?;
            call(world, Call::Set(id, Setting::NotifyFlags(flags)))
        }
        14 => {
            let words = ["/bin/notify".to_owned()];
            let command = words.into_iter().take(op.how % 2).collect();
            let id = some_job(world, op.which)?;
            call(world, Call::Set(id, Setting::NotifyCommand(command)))
        }
        15 => {
            let name = (op.how % 2 == 1).then(|| "org.example.App".to_owned());
            let id = some_job(world, op.which)?;
            call(world, Call::Set(id, Setting::Activation(name)))
        }
        _ => {
            // An answer to a call that nobody made, or that was answered long ago.
            let delivery = Delivery(op.much);
            let open = world.clients.calls.contains_key(&delivery);
            if open || world.clients.programs.contains_key(&delivery) {
                return None;
            }
            Event::Notified(some_job(world, op.which)?, delivery, Ok(()))
        }
    })
}

fn pass(world: &mut World, model: &mut Model, duration: Duration) {
    let end = world.now.moment + duration;
    while let Some(at) = world.engine.next_wake().filter(|at| *at <= end) {
        let now = world.now.moment;
        world.set_time(at.max(now));
        model.step(world, Event::Wake);
        assert!(
            world
                .engine
                .next_wake()
                .is_none_or(|next| next > now.min(at))
        );
    }
    world.set_time(end);
    model.step(world, Event::Wake);
}

/// A client registers for whatever is due, and answers each call: soon nothing is due.
fn everybody_is_told(world: &mut World, model: &mut Model) {
    let jobs: Vec<JobId> = world.states().into_keys().collect();
    for id in jobs {
        let flags = Setting::NotifyFlags(NotifyFlags::from_bits(0x1b).unwrap());
        let listener = (world.new_listener(), Connection(9));
        for call in [
            Call::Set(id, flags),
            Call::SetNotifyInterface(id, Some(listener)),
        ] {
            let call = Event::Call(world.ticket(), call);
            model.step(world, call);
        }
    }
    for _ in 0..500 {
        let calls = world.clients.calls.iter().next();
        let Some((delivery, job)) = calls.map(|(delivery, made)| (*delivery, made.job)) else {
            break;
        };
        model.step(world, Event::Notified(job, delivery, Ok(())));
    }
    assert!(world.clients.calls.is_empty());
    let completing = |id: &JobId| {
        let phase = &world.job(*id).record().phase;
        matches!(phase, bgcopy_model::JobPhase::Completing { .. })
    };
    for (id, owed) in &model.jobs {
        let silent = world
            .job(*id)
            .record()
            .notify_flags
            .contains(NotifyFlags::DISABLE);
        assert!(
            owed.owed().is_none() || silent,
            "{:?} was not told",
            owed.owed()
        );
        let due = world.job(*id).record().due;
        assert!(
            !due.transferred && !due.error || completing(id) || world.job(*id).state().is_final()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1_000)))]

    #[test]
    fn everybody_is_told_whatever_happens_and_as_a_simple_model_says(
        ops in ops(FIRST + 17, 160),
        busy in 2u32..8,
    ) {
        let mut world = World::new(Limits {
            background_jobs: busy,
            transfers: 8,
            files_at_once: 2,
            expiry_days: 2,
            jobs_per_user: 12,
            ..Limits::default()
        });
        let mut model = Model::default();
        for op in ops {
            if op.kind >= FIRST {
                if let Some(event) = callback_deed(&mut world, op) {
                    model.step(&mut world, event);
                }
                continue;
            }
            match deed(&mut world, op) {
                Some(Deed::Event(event)) => model.step(&mut world, event),
                Some(Deed::Pass(duration)) => pass(&mut world, &mut model, duration),
                Some(Deed::Crash) => model.crash(&mut world),
                None => {}
            }
            if op.how.is_multiple_of(5) {
                pass(&mut world, &mut model, Duration::from_millis(op.much * 20));
            }
        }
        everybody_is_told(&mut world, &mut model);
        all_ends_well(&mut world);
    }
}
