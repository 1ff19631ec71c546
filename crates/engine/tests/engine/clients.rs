//! The clients' side of [`crate::world`]: the calls that were made and not answered, and what must hold of them
//! after every step of every test.

use std::{collections::BTreeMap, time::Duration};

use bgcopy_engine::{Action, Call, Connection, Delivery, Event, Listener, Notification, Setting};
use bgcopy_model::{JobId, Moment, NotifyFlags};

use crate::world::World;

/// A call that is not answered.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub job: JobId,
    pub listener: Listener,
    pub what: Notification,
    pub at: Moment,
}

#[derive(Default)]
pub struct Clients {
    pub calls: BTreeMap<Delivery, Made>,
    /// Programs that run.
    pub programs: BTreeMap<Delivery, (JobId, Notification)>,
    /// Clients that were started, and when.
    pub started: Vec<(JobId, Moment)>,
    pub homes: BTreeMap<Listener, Connection>,
    last: Option<Delivery>,
}

impl Clients {
    /// What an event says about calls.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Notified(_, delivery, _) => {
                self.calls.remove(delivery);
                self.programs.remove(delivery);
            }
            Event::ConnectionGone(connection) => {
                let homes = &self.homes;
                self.calls
                    .retain(|_, made| homes[&made.listener] != *connection);
            }
            Event::Call(_, Call::SetNotifyInterface(_, Some((listener, connection)))) => {
                assert!(self.homes.insert(*listener, *connection).is_none());
            }
            _ => {}
        }
    }

    /// What an action wants of clients.
    pub fn take(&mut self, action: &Action, now: Moment) {
        match action {
            Action::Notify {
                job,
                delivery,
                listener,
                notification,
            } => {
                self.draw(*delivery);
                let busy = self.calls.values().any(|made| made.job == *job);
                assert!(!busy, "two calls for one job");
                let made = Made {
                    job: *job,
                    listener: *listener,
                    what: *notification,
                    at: now,
                };
                self.calls.insert(*delivery, made);
                let count = self.counted(self.homes[listener], now);
                assert!(count <= 4, "{count} calls of one connection");
            }
            Action::RunCommand {
                job,
                delivery,
                notification,
            } => {
                self.draw(*delivery);
                let busy = self.programs.values().any(|(other, _)| other == job);
                assert!(!busy, "two programs for one job");
                self.programs.insert(*delivery, (*job, *notification));
            }
            Action::Activate(job) => self.started.push((*job, now)),
            _ => {}
        }
    }

    pub fn crash(&mut self) {
        let homes = std::mem::take(&mut self.homes);
        *self = Self {
            homes,
            ..Self::default()
        };
    }

    /// Calls in flight of a connection that count.
    pub fn counted(&self, connection: Connection, now: Moment) -> usize {
        let young = |made: &&Made| now < made.at + Duration::from_secs(30);
        let own = |made: &&Made| self.homes[&made.listener] == connection;
        self.calls.values().filter(young).filter(own).count()
    }

    pub fn call(&self, job: JobId) -> Option<(Delivery, Made)> {
        let mut calls = self.calls.iter();
        let (delivery, made) = calls.find(|(_, made)| made.job == job)?;
        Some((*delivery, *made))
    }

    fn draw(&mut self, delivery: Delivery) {
        assert!(Some(delivery) > self.last, "each delivery has its own name");
        self.last = Some(delivery);
    }
}

pub const CLIENT: Connection = Connection(1);

impl World {
    pub fn new_listener(&self) -> Listener {
        let last = self.clients.homes.last_key_value();
        Listener(last.map_or(0, |(Listener(last), _)| last + 1))
    }

    pub fn register(&mut self, job: JobId, connection: Connection) -> Listener {
        let listener = self.new_listener();
        self.ok(Call::SetNotifyInterface(job, Some((listener, connection))));
        listener
    }

    pub fn flags(&mut self, job: JobId, bits: u32) {
        let flags = NotifyFlags::from_bits(bits).unwrap();
        self.ok(Call::Set(job, Setting::NotifyFlags(flags)));
    }

    /// The job's outstanding call.
    pub fn told(&self, job: JobId) -> Option<Notification> {
        self.clients.call(job).map(|(_, made)| made.what)
    }

    /// The client answers that call.
    pub fn answer_call(&mut self, job: JobId, success: bool) {
        let (delivery, _) = self.clients.call(job).expect("a call is outstanding");
        self.step(Event::Notified(job, delivery, outcome(success)));
    }

    /// The job's program that runs.
    pub fn program(&self, job: JobId) -> Option<Notification> {
        let mut programs = self.clients.programs.values();
        programs.find(|(of, _)| *of == job).map(|(_, what)| *what)
    }

    pub fn end_program(&mut self, job: JobId, success: bool) {
        let mut programs = self.clients.programs.iter();
        let (delivery, _) = programs.find(|(_, (of, _))| *of == job).unwrap();
        self.step(Event::Notified(job, *delivery, outcome(success)));
    }
}

pub fn outcome(success: bool) -> Result<(), String> {
    success.then_some(()).ok_or_else(|| "it failed".to_owned())
}
