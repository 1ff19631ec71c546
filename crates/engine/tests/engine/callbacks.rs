//! Calls to clients (contract, section Callbacks).

use std::time::Duration;

use bgcopy_engine::{Action, Call, Connection, Event, Notification as N, Report, Setting};
use bgcopy_model::{Condition, FileId, JobId, JobSpec, JobState, Mutation, NotifyFlags};

use crate::{
    clients::CLIENT,
    world::{World, failed, file_specs, finished, job_spec},
};

const TRANSFERRED: u32 = 0x01;
const ERROR: u32 = 0x02;
const DISABLE: u32 = 0x04;
const MODIFICATION: u32 = 0x08;
const FILES: u32 = 0x10;

const fn file(job: JobId, index: u32) -> FileId {
    FileId { job, index }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn broken(world: &mut World) -> JobId {
    let id = world.running(1);
    world.report(file(id, 0), failed(Condition::HttpStatus(404)));
    id
}

fn automatic(world: &mut World) -> JobId {
    let spec = JobSpec {
        auto_complete: true,
        ..job_spec()
    };
    world.create(spec, file_specs(1), true)
}

fn is_due(world: &World, id: JobId) -> (bool, bool) {
    let due = world.job(id).record().due;
    (due.transferred, due.error)
}

#[test]
fn the_last_byte_is_told_and_a_success_ends_it() {
    let mut world = World::default();
    let id = world.running(1);
    world.register(id, CLIENT);
    assert_eq!(world.told(id), None);
    world.report(file(id, 0), finished(10));
    assert_eq!(world.told(id), Some(N::JobTransferred));
    world.answer_call(id, true);
    assert_eq!(is_due(&world, id), (false, false));
    assert_eq!(world.stores().len(), 1, "that it is told is durable");
    world.pass(secs(3_600));
    world.register(id, CLIENT);
    world.crash();
    world.register(id, CLIENT);
    assert_eq!(world.told(id), None);
}

#[test]
fn the_mark_is_stored_with_the_event_and_costs_no_commit_of_its_own() {
    let mut world = World::default();
    let id = world.running(1);
    world.register(id, CLIENT);
    let before = world.transactions;
    world.report(file(id, 0), finished(10));
    assert_eq!(world.transactions, before + 1);
    let marked =
        |mutation: &&Mutation| matches!(mutation, Mutation::PutJob(job) if job.due.transferred);
    assert!(world.stores().iter().any(marked));
    let is_call = |action: &Action| matches!(action, Action::Notify { .. });
    assert!(
        is_call(world.actions.last().unwrap()),
        "what it tells is published before"
    );
}

#[test]
fn an_error_is_told_and_a_transient_one_is_not() {
    let mut world = World::default();
    let id = world.running(1);
    world.register(id, CLIENT);
    world.report(file(id, 0), failed(Condition::HttpStatus(503)));
    assert_eq!(
        (world.state(id), world.told(id)),
        (JobState::TransientError, None)
    );
    world.ok(Call::Resume(id));
    world.report(file(id, 0), failed(Condition::HttpStatus(404)));
    assert_eq!(world.told(id), Some(N::JobError));
    world.answer_call(id, true);
    assert_eq!(is_due(&world, id), (false, false));
}

#[test]
fn who_registers_after_the_event_is_told_at_once_also_after_a_restart() {
    for restart in [false, true] {
        let mut world = World::default();
        let jobs = [
            (world.transferred(1), N::JobTransferred),
            (broken(&mut world), N::JobError),
        ];
        if restart {
            world.crash();
        }
        for (id, what) in jobs {
            assert_eq!(world.job(id).due(), Some(what));
            world.register(id, CLIENT);
            assert_eq!(world.told(id), Some(what));
        }
    }
}

#[test]
fn a_registration_is_answered_before_its_first_call() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.register(id, CLIENT);
    let last: Vec<_> = world.actions.iter().rev().take(2).collect();
    assert!(matches!(
        last[..],
        [Action::Notify { .. }, Action::Reply(..)]
    ));
}

#[test]
fn a_call_that_fails_is_made_again_at_growing_intervals() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.register(id, CLIENT);
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        world.answer_call(id, false);
        world.pass(Duration::from_millis(wait * 1_000 - 1));
        assert_eq!(world.told(id), None, "not before {wait} s");
        world.pass(Duration::from_millis(1));
        assert_eq!(world.told(id), Some(N::JobTransferred), "after {wait} s");
    }
    world.answer_call(id, false);
    world.register(id, CLIENT);
    assert_eq!(
        world.told(id),
        Some(N::JobTransferred),
        "a new client is called at once"
    );
    world.answer_call(id, false);
    world.pass(secs(1));
    world.answer_call(id, true);
}

#[test]
fn time_matters_only_while_something_is_due_and_somebody_registered() {
    let mut world = World::default();
    let id = world.transferred(1);
    let expiry = world.engine.next_wake();
    world.register(id, CLIENT);
    assert_eq!(world.engine.next_wake(), expiry, "a call is outstanding");
    world.answer_call(id, false);
    assert_eq!(world.engine.next_wake(), Some(world.now.moment + secs(1)));
    world.flags(id, DISABLE);
    assert_eq!(world.engine.next_wake(), expiry);
    world.flags(id, TRANSFERRED);
    world.ok(Call::SetNotifyInterface(id, None));
    assert_eq!(world.engine.next_wake(), expiry);
}

#[test]
fn what_is_over_is_not_told_any_more() {
    type Leave = fn(&mut World, JobId);
    let leave_transferred: [Leave; 4] = [
        |world, id| {
            world.call(Call::Complete(id));
        },
        |world, id| {
            world.call(Call::Cancel(id));
        },
        |world, id| {
            world.ok(Call::AddFiles(id, file_specs(2).split_off(1)));
        },
        |world, id| {
            world.ok(Call::Suspend(id));
        },
    ];
    for leave in leave_transferred {
        let mut world = World::default();
        let id = world.transferred(1);
        leave(&mut world, id);
        world.do_work();
        assert_eq!(is_due(&world, id), (false, false));
        assert_eq!(world.store[&id].0.due, world.job(id).record().due);
    }
    for leave in [Call::Resume, Call::Suspend, Call::Cancel] {
        let mut world = World::default();
        let id = broken(&mut world);
        world.call(leave(id));
        assert_eq!(is_due(&world, id), (false, false));
        assert_eq!(world.store[&id].0.due, world.job(id).record().due);
    }
}

#[test]
fn every_call_may_be_made_from_inside_a_callback() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.register(id, CLIENT);
    world.call(Call::Complete(id));
    world.do_work();
    assert_eq!(world.state(id), JobState::Acknowledged);
    world.answer_call(id, true);
    assert_eq!(world.stores().len(), 0, "nothing was due any more");
    let id = world.transferred(1);
    world.register(id, CLIENT);
    world.call(Call::Cancel(id));
    world.answer_call(id, false);
    assert_eq!(world.told(id), None);
}

#[test]
fn the_answer_to_an_earlier_event_says_nothing_about_the_present_one() {
    let mut world = World::default();
    let id = broken(&mut world);
    world.register(id, CLIENT);
    world.ok(Call::Resume(id));
    world.report(file(id, 0), failed(Condition::HttpStatus(410)));
    world.answer_call(id, true);
    assert_eq!(is_due(&world, id), (false, true));
    assert_eq!(
        world.told(id),
        Some(N::JobError),
        "the second error is told too"
    );
}

#[test]
fn the_last_setter_wins_and_a_success_of_the_one_before_counts() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.register(id, CLIENT);
    let second = world.register(id, Connection(2));
    assert_eq!(world.job(id).listener(), Some((second, Connection(2))));
    world.answer_call(id, false);
    let (_, made) = world
        .clients
        .call(id)
        .expect("the new one is called at once");
    assert_eq!(made.listener, second);
    world.register(id, Connection(3));
    world.answer_call(id, true);
    assert_eq!((is_due(&world, id), world.told(id)), ((false, false), None));
}

#[test]
fn nobody_is_called_after_the_interface_is_taken_back() {
    let mut world = World::default();
    let id = world.running(1);
    world.register(id, CLIENT);
    world.ok(Call::SetNotifyInterface(id, None));
    assert!(!world.job(id).is_registered());
    world.report(file(id, 0), finished(10));
    assert_eq!(world.told(id), None);
}

#[test]
fn a_client_that_dies_in_the_call_gets_it_when_it_registers_again() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.register(id, CLIENT);
    world.step(Event::ConnectionGone(CLIENT));
    assert!(!world.job(id).is_registered());
    assert_eq!(world.actions, [Action::JobChanged(id)]);
    world.register(id, Connection(2));
    assert_eq!(world.told(id), Some(N::JobTransferred));
}

#[test]
fn files_are_told_one_by_one_in_order_and_before_their_job() {
    let mut world = World::default();
    let id = world.running(3);
    world.flags(id, TRANSFERRED | FILES);
    for index in 0..3 {
        world.report(file(id, index), finished(10));
    }
    world.crash();
    world.register(id, CLIENT);
    for index in 0..3 {
        assert_eq!(world.told(id), Some(N::FileTransferred(index)));
        world.answer_call(id, false);
        world.pass(secs(1));
        assert_eq!(world.told(id), Some(N::FileTransferred(index)));
        world.answer_call(id, true);
        assert!(!world.store[&id].1[&index].notify_due);
    }
    assert_eq!(world.told(id), Some(N::JobTransferred));
}

#[test]
fn files_that_finish_while_nobody_asks_are_not_told_later() {
    let mut world = World::default();
    let id = world.running(2);
    world.report(file(id, 0), finished(10));
    world.flags(id, FILES);
    world.register(id, CLIENT);
    assert_eq!(world.told(id), None);
    world.report(file(id, 1), finished(10));
    assert_eq!(world.told(id), Some(N::FileTransferred(1)));
    world.flags(id, TRANSFERRED);
    world.answer_call(id, false);
    world.pass(secs(1));
    assert_eq!(
        world.told(id),
        Some(N::JobTransferred),
        "nobody asks for files any more"
    );
}

#[test]
fn a_file_whose_bytes_are_lost_is_told_when_it_has_them_again() {
    let mut world = World::default();
    let id = world.running(1);
    world.flags(id, FILES);
    world.report(file(id, 0), finished(10));
    world.register(id, CLIENT);
    world.call(Call::Complete(id));
    let trouble = bgcopy_engine::Trouble::new(Condition::LocalFileChanged, "it is gone");
    world.step(Event::Prepared(file(id, 0), Err(trouble)));
    assert!(!world.job(id).file(0).unwrap().record().notify_due);
    world.ok(Call::Resume(id));
    world.report(file(id, 0), finished(10));
    world.answer_call(id, true);
    assert_eq!(world.told(id), Some(N::FileTransferred(0)));
}

#[test]
fn disable_stops_what_is_due_and_clearing_it_delivers() {
    let mut world = World::default();
    let id = world.running(1);
    world.flags(id, DISABLE | TRANSFERRED | ERROR | MODIFICATION | FILES);
    world.register(id, CLIENT);
    world.report(file(id, 0), finished(10));
    world.ok(Call::Set(id, Setting::Name("other".into())));
    world.pass(secs(10));
    assert_eq!(world.told(id), None);
    world.flags(id, TRANSFERRED);
    assert_eq!(world.told(id), Some(N::JobTransferred));
    world.flags(id, TRANSFERRED | DISABLE);
    world.answer_call(id, false);
    world.pass(secs(10));
    assert_eq!(world.told(id), None);
    world.flags(id, TRANSFERRED);
    assert_eq!(world.told(id), Some(N::JobTransferred));
}

#[test]
fn a_flag_that_is_not_set_keeps_its_call_back() {
    for (flags, told) in [
        (ERROR, None),
        (TRANSFERRED, Some(N::JobTransferred)),
        (0, None),
    ] {
        let mut world = World::default();
        let id = world.transferred(1);
        world.flags(id, flags);
        world.register(id, CLIENT);
        assert_eq!((world.told(id), world.job(id).due()), (told, told));
    }
    let mut world = World::default();
    let id = broken(&mut world);
    world.flags(id, TRANSFERRED);
    world.register(id, CLIENT);
    assert_eq!(world.told(id), None);
}

#[test]
fn modifications_come_together_at_most_twice_a_second_and_are_not_repeated() {
    let mut world = World::default();
    let id = world.running(1);
    world.flags(id, MODIFICATION | TRANSFERRED);
    world.report(file(id, 0), Report::Progress(1));
    assert_eq!(world.told(id), None, "nobody is registered");
    world.register(id, CLIENT);
    assert_eq!(world.told(id), None, "nothing changed since");
    world.report(file(id, 0), Report::Progress(2));
    assert_eq!(world.told(id), Some(N::JobModification));
    world.report(file(id, 0), Report::Progress(3));
    world.answer_call(id, true);
    world.report(file(id, 0), Report::Progress(4));
    assert_eq!(world.told(id), None);
    world.pass(Duration::from_millis(499));
    assert_eq!(world.told(id), None);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.told(id), Some(N::JobModification));
    world.answer_call(id, false);
    world.pass(secs(100));
    assert_eq!(world.told(id), None);
    world.report(file(id, 0), finished(10));
    assert_eq!(
        world.told(id),
        Some(N::JobTransferred),
        "without a word of the change before"
    );
    world.answer_call(id, true);
    assert_eq!(world.told(id), None);
}

#[test]
fn a_connection_has_four_calls_in_flight_and_one_that_hangs_blocks_nobody() {
    let mut world = World::default();
    let jobs: Vec<_> = (0..9).map(|_| world.transferred(1)).collect();
    for id in &jobs {
        world.register(*id, CLIENT);
    }
    let other = world.transferred(1);
    world.register(other, Connection(2));
    let told = |world: &World| jobs.iter().filter(|id| world.told(**id).is_some()).count();
    assert_eq!(told(&world), 4);
    assert!(world.told(other).is_some(), "another client does not wait");
    world.answer_call(jobs[1], true);
    assert!(world.told(jobs[4]).is_some(), "who waits longest is next");
    world.pass(secs(30));
    assert_eq!(told(&world), 8);
    world.pass(secs(30));
    assert_eq!(told(&world), 8, "everybody was told or is being told");
    world.pass(secs(3_000));
    assert_eq!(
        world.told(jobs[0]),
        Some(N::JobTransferred),
        "still its one call"
    );
}

#[test]
fn a_job_that_completes_itself_is_told_when_its_files_have_their_names() {
    let mut world = World::default();
    let id = automatic(&mut world);
    world.register(id, CLIENT);
    world.report(file(id, 0), finished(10));
    assert_eq!(world.told(id), None);
    world.do_work();
    assert_eq!(world.state(id), JobState::Acknowledged);
    assert_eq!(world.told(id), Some(N::JobTransferred));
    world.answer_call(id, true);
    let listener = world.new_listener();
    let call = Call::SetNotifyInterface(id, Some((listener, CLIENT)));
    assert_eq!(world.refused(call), Condition::InvalidState);
}

#[test]
fn who_left_completing_to_the_service_may_register_afterwards_until_the_job_is_forgotten() {
    let mut world = World::default();
    let id = automatic(&mut world);
    world.report(file(id, 0), finished(10));
    world.do_work();
    world.crash();
    world.register(id, CLIENT);
    assert_eq!(world.told(id), Some(N::JobTransferred));
    let (delivery, _) = world.clients.call(id).unwrap();
    world.pass(secs(3_600));
    assert!(world.engine.job(id).is_none());
    world.step(Event::Notified(id, delivery, Ok(())));
    assert_eq!(world.actions, []);
}

#[test]
fn nobody_registers_with_a_job_that_is_over_or_unknown() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.call(Call::Complete(id));
    world.do_work();
    assert_eq!(
        world.refused(Call::SetNotifyInterface(id, None)),
        Condition::InvalidState
    );
    let unknown = world.new_id();
    assert_eq!(
        world.refused(Call::SetNotifyInterface(unknown, None)),
        Condition::NotFound
    );
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut world = World::default();
    let id = world.transferred(1);
    let delivery = bgcopy_engine::Delivery(77);
    world.step(Event::Notified(id, delivery, Ok(())));
    assert_eq!(is_due(&world, id), (true, false));
    world.step(Event::ConnectionGone(Connection(9)));
    assert_eq!(world.actions, []);
}

#[test]
fn flags_can_be_changed_until_the_job_is_over() {
    let mut world = World::default();
    let id = world.transferred(1);
    world.flags(id, DISABLE);
    world.call(Call::Cancel(id));
    let flags = NotifyFlags::default();
    let call = Call::Set(id, Setting::NotifyFlags(flags));
    assert_eq!(world.refused(call), Condition::InvalidState);
}
