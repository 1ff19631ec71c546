//! Whose turn it is to be called, over all jobs: connections, their limit, their queues, and the moments at which
//! time alone makes a call possible.
//!
//! A connection has at most [`IN_FLIGHT`] calls that count; jobs that have something for it wait in line, first come,
//! first served, and go to the end of it with whatever they have next. A call that is unanswered for
//! [`COUNTS`] stops counting, so that a client that hangs in some calls is still told of the others; one that hangs in
//! [`UNANSWERED`] of them is told nothing more until it answers one.
//!
//! Pure bookkeeping about names and numbers: what a job has to say, and whether it may, [`crate::notify`] knows.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bgcopy_model::{JobId, Moment};

use crate::{Connection, Delivery};

/// Calls in flight that a connection may have (contract, section Callbacks).
const IN_FLIGHT: usize = 4;

/// How long an unanswered call counts against that.
const COUNTS: Duration = Duration::from_secs(30);

/// Calls of a connection that may be unanswered, counted or not. On a bus the service has one connection for all its
/// clients, and dbus-daemon takes back what exceeds 128 unanswered calls of a connection (`max_replies_per_connection`,
/// dbus-daemon(1)).
const UNANSWERED: usize = 16;

/// The lines and the alarms.
///
/// Invariants: `places` says for each waiting job where it stands, and no job stands twice; a line without anything
/// in it does not exist; between two steps, only lines that have no room have somebody waiting.
#[derive(Default)]
pub(crate) struct Deliveries {
    lines: BTreeMap<Connection, Line>,
    /// Connections somebody waits for.
    crowded: BTreeSet<Connection>,
    places: BTreeMap<JobId, (Connection, u64)>,
    /// Calls that are not answered, counted or not.
    calls: BTreeMap<Delivery, (JobId, Connection)>,
    alarms: BTreeSet<(Moment, JobId)>,
    alarm_of: BTreeMap<JobId, Moment>,
    /// How many places were given out.
    given: u64,
    /// The last delivery's number.
    last: u64,
}

/// A client's connection.
#[derive(Default)]
struct Line {
    /// Jobs whose callback object lives there.
    registered: BTreeSet<JobId>,
    waiting: BTreeMap<u64, JobId>,
    /// Calls that count, and until when they do; the oldest first.
    counted: VecDeque<(Delivery, Moment)>,
    /// Those that count and those that do so no more.
    unanswered: usize,
}

impl Line {
    /// Whether one more call may be made, as far as time cannot change it.
    const fn is_heard_from(&self) -> bool {
        self.unanswered < UNANSWERED
    }
}

impl Deliveries {
    /// The name of a new call or run.
    pub fn draw(&mut self) -> Delivery {
        self.last += 1;
        Delivery(self.last)
    }

    /// The job's callback object, which was on one connection, is on another now.
    pub fn moved(&mut self, job: JobId, from: Option<Connection>, to: Option<Connection>) {
        if let Some(from) = from {
            self.leave(job);
            self.line(from).registered.remove(&job);
            self.tidy(from);
        }
        if let Some(to) = to {
            self.line(to).registered.insert(job);
        }
    }

    /// The job has something to say on the connection of its callback object. It keeps the place that it has.
    pub fn enter(&mut self, job: JobId, connection: Connection) {
        if self.places.contains_key(&job) {
            return;
        }
        self.given += 1;
        let place = self.given;
        self.places.insert(job, (connection, place));
        self.line(connection).waiting.insert(place, job);
        self.crowded.insert(connection);
    }

    /// The job has nothing to say just now.
    pub fn leave(&mut self, job: JobId) {
        if let Some((connection, place)) = self.places.remove(&job) {
            let line = self.line(connection);
            line.waiting.remove(&place);
            if line.waiting.is_empty() {
                self.crowded.remove(&connection);
            }
            self.tidy(connection);
        }
    }

    /// The next job that may be called for, which leaves its line.
    pub fn next(&mut self, now: Moment) -> Option<(JobId, Connection)> {
        let lines = &mut self.lines;
        let (job, connection) = self.crowded.iter().find_map(|connection| {
            let line = lines.get_mut(connection)?;
            line.counted.retain(|(_, until)| *until > now);
            let (_, job) = line.waiting.first_key_value()?;
            let has_room = line.counted.len() < IN_FLIGHT && line.is_heard_from();
            has_room.then_some((*job, *connection))
        })?;
        self.leave(job);
        Some((job, connection))
    }

    /// A call is made.
    pub fn called(&mut self, delivery: Delivery, job: JobId, connection: Connection, now: Moment) {
        self.calls.insert(delivery, (job, connection));
        let (line, until) = (self.line(connection), now + COUNTS);
        line.counted.push_back((delivery, until));
        line.unanswered += 1;
    }

    /// A call was answered.
    pub fn answered(&mut self, delivery: Delivery) {
        if let Some((_, connection)) = self.calls.remove(&delivery) {
            let is_other = |(counted, _): &(Delivery, Moment)| *counted != delivery;
            let line = self.line(connection);
            line.counted.retain(is_other);
            line.unanswered -= 1;
            self.tidy(connection);
        }
    }

    /// A connection is gone. Says whose callback object was there, and which calls to it nobody answers any more.
    pub fn gone(&mut self, connection: Connection) -> (BTreeSet<JobId>, Vec<(Delivery, JobId)>) {
        let line = self.lines.remove(&connection).unwrap_or_default();
        self.crowded.remove(&connection);
        for job in line.waiting.values() {
            self.places.remove(job);
        }
        let lost = self.calls.iter().filter(|(_, (_, on))| *on == connection);
        let lost: Vec<_> = lost.map(|(delivery, (job, _))| (*delivery, *job)).collect();
        for (delivery, _) in &lost {
            self.calls.remove(delivery);
        }
        (line.registered, lost)
    }

    /// The job is forgotten. A call about it still counts until it is answered.
    pub fn forget(&mut self, job: JobId, connection: Option<Connection>) {
        self.leave(job);
        self.moved(job, connection, None);
        self.set_alarm(job, None);
    }

    /// When time alone changes what the job has to say.
    pub fn set_alarm(&mut self, job: JobId, moment: Option<Moment>) {
        if self.alarm_of.get(&job).copied() == moment {
            return;
        }
        if let Some(moment) = self.alarm_of.remove(&job) {
            self.alarms.remove(&(moment, job));
        }
        if let Some(moment) = moment {
            self.alarm_of.insert(job, moment);
            self.alarms.insert((moment, job));
        }
    }

    /// The jobs whose alarm has gone off.
    pub fn alarmed(&self, now: Moment) -> BTreeSet<JobId> {
        let past = self.alarms.iter().take_while(|(moment, _)| *moment <= now);
        past.map(|(_, job)| *job).collect()
    }

    /// When time alone makes a call possible: an alarm, or a call that stops counting while somebody waits.
    pub fn next_change(&self) -> Option<Moment> {
        let alarm = self.alarms.first().map(|(moment, _)| *moment);
        let lines = self
            .crowded
            .iter()
            .filter_map(|connection| self.lines.get(connection))
            .filter(|line| line.is_heard_from());
        let room = lines.filter_map(|line| line.counted.front().map(|(_, until)| *until));
        room.chain(alarm).min()
    }

    fn line(&mut self, connection: Connection) -> &mut Line {
        self.lines.entry(connection).or_default()
    }

    fn tidy(&mut self, connection: Connection) {
        let is_empty = |line: &Line| {
            line.registered.is_empty() && line.waiting.is_empty() && line.unanswered == 0
        };
        if self.lines.get(&connection).is_some_and(is_empty) {
            self.lines.remove(&connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Connection = Connection(1);
    const OTHER: Connection = Connection(2);

    const fn job(n: u128) -> JobId {
        JobId::from_u128(n)
    }

    /// Jobs `1..=n` are registered with the client and have something to say.
    fn waiting(n: u128) -> Deliveries {
        let mut deliveries = Deliveries::default();
        for n in 1..=n {
            deliveries.moved(job(n), None, Some(CLIENT));
            deliveries.enter(job(n), CLIENT);
        }
        deliveries
    }

    /// Calls whoever may be called for.
    fn call_all(deliveries: &mut Deliveries, now: Moment) -> Vec<(Delivery, JobId)> {
        let mut calls = Vec::new();
        while let Some((job, connection)) = deliveries.next(now) {
            let delivery = deliveries.draw();
            deliveries.called(delivery, job, connection, now);
            calls.push((delivery, job));
        }
        calls
    }

    #[test]
    fn four_calls_of_a_connection_are_in_flight_and_the_rest_waits_in_order() {
        let mut deliveries = waiting(6);
        let calls = call_all(&mut deliveries, Moment(0));
        assert!(calls.iter().map(|(_, job)| *job).eq((1..=4).map(job)));
        deliveries.answered(calls[2].0);
        // Who was told has more to say, and stands behind those that wait.
        deliveries.enter(calls[2].1, CLIENT);
        assert_eq!(call_all(&mut deliveries, Moment(1))[0].1, job(5));
        deliveries.answered(calls[0].0);
        deliveries.answered(calls[1].0);
        let next = call_all(&mut deliveries, Moment(1));
        assert!(next.iter().map(|(_, job)| *job).eq([job(6), job(3)]));
    }

    #[test]
    fn connections_do_not_wait_for_each_other() {
        let mut deliveries = waiting(9);
        assert_eq!(call_all(&mut deliveries, Moment(0)).len(), 4);
        deliveries.moved(job(20), None, Some(OTHER));
        deliveries.enter(job(20), OTHER);
        assert_eq!(call_all(&mut deliveries, Moment(0))[0].1, job(20));
    }

    #[test]
    fn a_call_that_hangs_stops_counting_and_the_time_matters_only_to_who_waits() {
        let mut deliveries = waiting(4);
        call_all(&mut deliveries, Moment(0));
        assert_eq!(deliveries.next_change(), None, "nobody waits");
        deliveries.moved(job(5), None, Some(CLIENT));
        deliveries.enter(job(5), CLIENT);
        assert!(call_all(&mut deliveries, Moment(29_999)).is_empty());
        assert_eq!(deliveries.next_change(), Some(Moment(30_000)));
        assert_eq!(call_all(&mut deliveries, Moment(30_000)).len(), 1);
        assert_eq!(deliveries.next_change(), None);
    }

    #[test]
    fn a_client_that_hangs_in_sixteen_calls_is_told_nothing_more_until_it_answers_one() {
        let mut deliveries = waiting(20);
        let mut calls = Vec::new();
        for minute in 0..10 {
            calls.extend(call_all(&mut deliveries, Moment(minute * 60_000)));
        }
        assert_eq!(calls.len(), 16);
        assert_eq!(deliveries.next_change(), None, "time does not help");
        deliveries.answered(calls[3].0);
        let later = Moment(11 * 60_000);
        assert_eq!(call_all(&mut deliveries, later)[0].1, job(17));
        for (delivery, _) in deliveries.gone(CLIENT).1 {
            deliveries.answered(delivery);
        }
        assert!(deliveries.lines.is_empty());
    }

    #[test]
    fn a_connection_that_goes_takes_its_registrations_places_and_calls_along() {
        let mut deliveries = waiting(6);
        let calls = call_all(&mut deliveries, Moment(0));
        // Counted no more, and still lost with its connection.
        deliveries.next(Moment(40_000));
        let (registered, lost) = deliveries.gone(CLIENT);
        assert!(registered.into_iter().eq((1..=6).map(job)));
        assert_eq!(lost, calls);
        assert!(deliveries.lines.is_empty() && deliveries.places.is_empty());
        assert!(deliveries.crowded.is_empty() && deliveries.calls.is_empty());
    }

    #[test]
    fn nothing_is_kept_of_a_forgotten_job_but_a_call_that_still_counts() {
        let mut deliveries = waiting(1);
        let calls = call_all(&mut deliveries, Moment(0));
        deliveries.set_alarm(job(1), Some(Moment(7)));
        deliveries.forget(job(1), Some(CLIENT));
        assert_eq!(deliveries.next_change(), None);
        assert_eq!(deliveries.lines[&CLIENT].counted.len(), 1);
        deliveries.answered(calls[0].0);
        assert!(deliveries.lines.is_empty());
    }

    #[test]
    fn an_alarm_is_heard_from_its_moment_on_until_it_is_set_anew() {
        let mut deliveries = Deliveries::default();
        deliveries.set_alarm(job(1), Some(Moment(9)));
        deliveries.set_alarm(job(1), Some(Moment(5)));
        assert_eq!(deliveries.next_change(), Some(Moment(5)));
        assert!(deliveries.alarmed(Moment(4)).is_empty());
        assert_eq!(deliveries.alarmed(Moment(5)), [job(1)].into());
        deliveries.set_alarm(job(1), None);
        assert_eq!(deliveries.next_change(), None);
    }
}
