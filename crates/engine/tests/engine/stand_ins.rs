//! Who is there for a client that is not: the notification program, and starting the client.

use std::time::Duration;

use bgcopy_engine::{Call, Event, Notification as N, Setting};
use bgcopy_model::{Condition, FileId, JobId};

use crate::{
    clients::CLIENT,
    world::{World, failed, finished},
};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn fail(world: &mut World, id: JobId) {
    world.report(
        FileId { job: id, index: 0 },
        failed(Condition::HttpStatus(404)),
    );
}

fn finish(world: &mut World, id: JobId) {
    world.report(FileId { job: id, index: 0 }, finished(10));
}

fn with_program(world: &mut World) -> JobId {
    let id = world.running(1);
    let command = vec!["/bin/notify".to_owned(), "me".to_owned()];
    world.ok(Call::Set(id, Setting::NotifyCommand(command)));
    id
}

fn with_name(world: &mut World) -> JobId {
    let id = world.running(1);
    let name = Some("org.example.App".to_owned());
    world.ok(Call::Set(id, Setting::Activation(name)));
    id
}

#[test]
fn the_program_runs_when_nobody_is_registered_and_its_success_is_the_answer() {
    let mut world = World::default();
    for event in [finish, fail] {
        let id = with_program(&mut world);
        event(&mut world, id);
        assert_eq!(world.program(id), world.job(id).due());
        world.end_program(id, true);
        assert_eq!(world.stores().len(), 1);
        world.register(id, CLIENT);
        assert_eq!((world.told(id), world.program(id)), (None, None));
    }
}

#[test]
fn a_program_that_fails_runs_once_an_event_and_once_after_a_restart() {
    let mut world = World::default();
    let id = with_program(&mut world);
    fail(&mut world, id);
    world.end_program(id, false);
    world.pass(secs(10_000));
    assert_eq!(world.program(id), None);
    world.ok(Call::Resume(id));
    fail(&mut world, id);
    assert_eq!(world.program(id), Some(N::JobError), "another event");
    world.end_program(id, false);
    world.crash();
    assert_eq!(world.program(id), Some(N::JobError), "another life");
    world.end_program(id, false);
    world.register(id, CLIENT);
    assert_eq!(
        world.told(id),
        Some(N::JobError),
        "a client still learns of it"
    );
}

#[test]
fn the_interface_comes_before_the_program_which_runs_beside_the_second_try() {
    let mut world = World::default();
    let id = with_program(&mut world);
    world.register(id, CLIENT);
    finish(&mut world, id);
    assert_eq!(world.program(id), None);
    world.answer_call(id, false);
    assert_eq!(world.program(id), Some(N::JobTransferred));
    world.pass(secs(1));
    assert_eq!(world.told(id), Some(N::JobTransferred));
    world.end_program(id, true);
    world.answer_call(id, false);
    world.pass(secs(100));
    assert_eq!(world.told(id), None, "the program's success was enough");
}

#[test]
fn the_program_runs_for_a_client_that_dies_in_the_call() {
    let mut world = World::default();
    let id = with_program(&mut world);
    world.register(id, CLIENT);
    finish(&mut world, id);
    world.step(Event::ConnectionGone(CLIENT));
    assert_eq!(world.program(id), Some(N::JobTransferred));
}

#[test]
fn a_program_of_an_earlier_event_says_nothing_about_the_present_one() {
    let mut world = World::default();
    let id = with_program(&mut world);
    fail(&mut world, id);
    world.ok(Call::Resume(id));
    fail(&mut world, id);
    world.end_program(id, true);
    assert_eq!(
        world.program(id),
        Some(N::JobError),
        "now it is run for this one"
    );
}

#[test]
fn no_program_runs_for_files_or_modifications_or_what_the_flags_do_not_ask_for() {
    let mut world = World::default();
    let id = with_program(&mut world);
    world.flags(id, 0x18);
    finish(&mut world, id);
    assert_eq!(world.program(id), None);
    world.flags(id, 0x1d);
    assert_eq!(world.program(id), None);
    world.flags(id, 0x01);
    assert_eq!(world.program(id), Some(N::JobTransferred));
}

#[test]
fn a_command_that_cannot_be_run_and_a_name_that_is_none_are_refused() {
    let mut world = World::default();
    let id = world.running(1);
    let command = Setting::NotifyCommand(vec!["notify".into()]);
    assert_eq!(
        world.refused(Call::Set(id, command)),
        Condition::InvalidArgument
    );
    let name = Setting::Activation(Some("nodots".into()));
    assert_eq!(
        world.refused(Call::Set(id, name)),
        Condition::InvalidArgument
    );
    assert_eq!(world.stores().len(), 0);
}

#[test]
fn a_client_that_is_not_there_is_started_at_once_and_then_ever_more_rarely() {
    let mut world = World::default();
    let id = with_name(&mut world);
    finish(&mut world, id);
    world.clients.started.clear();
    let begin = world.now.moment;
    world.flags(id, 0x04);
    world.flags(id, 0x01);
    assert_eq!(world.clients.started, [], "once an event");
    world.pass(Duration::from_hours(4));
    let minutes: Vec<_> = world
        .clients
        .started
        .iter()
        .map(|(_, at)| at.since(begin).as_secs() / 60)
        .collect();
    assert_eq!(minutes, [1, 3, 7, 15, 31, 63, 123, 183]);
    world.register(id, CLIENT);
    world.clients.started.clear();
    world.pass(Duration::from_hours(4));
    assert_eq!(world.clients.started, [], "it is there");
}

#[test]
fn a_client_that_dies_in_every_call_is_not_started_in_a_loop() {
    let mut world = World::default();
    let id = with_name(&mut world);
    finish(&mut world, id);
    assert_eq!(world.clients.started.len(), 1);
    for _ in 0..10 {
        world.register(id, CLIENT);
        world.step(Event::ConnectionGone(CLIENT));
    }
    assert_eq!(world.clients.started.len(), 1);
    world.pass(secs(60));
    assert_eq!(world.clients.started.len(), 2);
}

#[test]
fn a_client_is_started_for_its_files_once_until_it_was_told_of_them() {
    let mut world = World::default();
    let id = world.running(3);
    world.flags(id, 0x11);
    let name = Some("org.example.App".to_owned());
    world.ok(Call::Set(id, Setting::Activation(name)));
    for index in [0, 1] {
        world.report(FileId { job: id, index }, finished(10));
    }
    assert_eq!(world.clients.started.len(), 1);
    world.register(id, CLIENT);
    world.answer_call(id, true);
    world.answer_call(id, true);
    world.step(Event::ConnectionGone(CLIENT));
    assert_eq!(world.clients.started.len(), 1, "nothing is due");
    world.report(FileId { job: id, index: 2 }, finished(10));
    assert_eq!(world.clients.started.len(), 2);
}

#[test]
fn nobody_is_started_while_or_after_the_program_did_it() {
    let mut world = World::default();
    let id = with_name(&mut world);
    let command = Setting::NotifyCommand(vec!["/bin/notify".into()]);
    world.ok(Call::Set(id, command));
    finish(&mut world, id);
    world.pass(secs(1_000));
    assert_eq!(world.clients.started, []);
    world.end_program(id, false);
    assert_eq!(world.clients.started.len(), 1);
    world.crash();
    world.end_program(id, true);
    assert_eq!(world.clients.started, []);
}

#[test]
fn a_client_is_started_again_after_a_restart() {
    let mut world = World::default();
    let id = with_name(&mut world);
    fail(&mut world, id);
    world.crash();
    assert_eq!(world.clients.started.len(), 1);
}
