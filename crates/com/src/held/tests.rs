//! When an object is released, and on which thread.

use std::{
    thread::ThreadId,
    time::{Duration, Instant},
};

use bgcopy_model::HResult;

use super::*;
use crate::fault::Fault;

/// Where each object was released, in order.
type Ends = Arc<Mutex<Vec<(&'static str, ThreadId)>>>;

/// An object of which references are counted, as a client's is.
#[derive(Clone)]
struct Object(#[expect(dead_code, reason = "what counts is its end")] Arc<Told>);

struct Told(&'static str, Ends);

impl Drop for Told {
    fn drop(&mut self) {
        lock(&self.1).push((self.0, thread::current().id()));
    }
}

/// The client library, which keeps what is registered.
#[derive(Default)]
struct Library(Mutex<Option<Arc<Held<Object>>>>);

impl Library {
    fn register(&self, held: Arc<Held<Object>>) {
        let before = lock(&self.0).replace(held);
        drop(before);
    }
}

#[derive(Default)]
struct World {
    ends: Ends,
    library: Library,
    table: Table<Object>,
}

const JOB: JobId = JobId::from_u128(1);

impl World {
    fn object(&self, name: &'static str) -> Object {
        Object(Arc::new(Told(name, self.ends.clone())))
    }

    fn register(&self, name: &'static str) {
        let register = |held| {
            self.library.register(held);
            Ok(())
        };
        let slot = self.table.slot(JOB);
        assert_eq!(slot.replace(self.object(name), register), Ok(()));
    }

    /// What was released, all of it on this thread.
    fn released_here(&self) -> Vec<&'static str> {
        let name = |&(name, thread): &(&'static str, ThreadId)| {
            assert_eq!(thread, thread::current().id(), "{name}");
            name
        };
        lock(&self.ends).iter().map(name).collect()
    }

    fn is_there(&self) -> bool {
        self.table.slot(JOB).object().is_some()
    }
}

#[test]
fn an_object_is_released_by_whoever_puts_another_in_its_place_once_the_service_knows() {
    let world = World::default();
    world.register("first");
    assert!(world.is_there());
    let slot = world.table.slot(JOB);
    let registered = slot.replace(world.object("second"), |held| {
        world.library.register(held);
        assert!(world.released_here().is_empty());
        Ok(())
    });
    assert_eq!(registered, Ok(()));
    assert_eq!(world.released_here(), ["first"]);
    let withdrawn = slot.remove(|| {
        assert_eq!(world.released_here(), ["first"]);
        Ok(())
    });
    assert_eq!(withdrawn, Ok(()));
    assert_eq!(world.released_here(), ["first", "second"]);
    assert!(!world.is_there());
}

#[test]
fn what_the_service_refuses_changes_nothing() {
    let world = World::default();
    world.register("first");
    let slot = world.table.slot(JOB);
    let refusal = Fault(HResult::BG_E_INVALID_STATE);
    let registered = slot.replace(world.object("second"), |_| Err(refusal));
    assert_eq!(registered, Err(refusal));
    assert_eq!(world.released_here(), ["second"]);
    assert_eq!(slot.remove(|| Err(refusal)), Err(refusal));
    assert_eq!(world.released_here(), ["second"]);
    assert!(world.is_there());
}

#[test]
fn the_end_of_a_job_and_that_of_the_library_release_what_the_client_library_still_keeps() {
    let world = World::default();
    world.register("first");
    world.table.forget(JOB);
    assert_eq!(world.released_here(), ["first"]);
    world.register("second");
    world.table.clear();
    assert_eq!(world.released_here(), ["first", "second"]);
    assert!(!world.is_there());
}

#[test]
fn an_object_that_the_connection_lets_go_of_is_released_on_a_thread_of_its_own() {
    let world = World::default();
    world.register("first");
    let kept = lock(&world.library.0).take();
    drop(kept);
    assert!(!world.is_there());
    let deadline = Instant::now() + Duration::from_mins(1);
    let (name, thread) = loop {
        if let Some(end) = lock(&world.ends).first().copied() {
            break end;
        }
        assert!(Instant::now() < deadline, "it is never released");
        thread::yield_now();
    };
    assert_eq!(name, "first");
    assert_ne!(thread, thread::current().id());
}

#[test]
fn an_object_that_is_being_called_is_released_when_the_call_ends() {
    let world = World::default();
    world.register("first");
    let called = world.table.slot(JOB).object();
    assert!(called.is_some());
    world.table.forget(JOB);
    assert!(world.released_here().is_empty());
    drop(called);
    assert_eq!(world.released_here(), ["first"]);
}

#[test]
fn slots_without_an_object_are_swept_out() {
    let world = World::default();
    world.register("first");
    let other = |number| JobId::from_u128(number);
    for number in 2..10_000 {
        drop(world.table.slot(other(number)));
    }
    let slots = lock(&world.table.0).all.len();
    assert!(slots < 200, "{slots}");
    assert!(world.is_there());
}
