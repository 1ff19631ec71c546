//! Connections by the way they go: how many there may be, and those that are kept for the next request.
//!
//! ```text
//!            lease                     connect              body ended cleanly
//! (waiting) ───────► place, idle? ──no──────────► in use ────────────────────► idle ──idle_timeout──► closed
//!                          └────────yes───────────►  ▲ └─ broken, dropped ─► closed │
//!                                                    └──────────── lease ───────────┘
//! ```
//!
//! Places are given in the order in which they were asked for; who could do without one gets it only where nobody waits
//! ([`Pool::lease_if_free`]) and can ask whether somebody does ([`Lease::is_awaited`]). One task closes idle connections, and it lives only
//! while there are any, so that a service without work has no timer.

use std::{
    collections::HashMap,
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::Poll,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::Instant,
};

use crate::{connect::Route, connection::Connection};

/// All connections of a client.
pub(crate) struct Pool {
    places: usize,
    keep: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lanes: HashMap<Route, Lane>,
    /// The task that closes idle connections, while there are any.
    reaper: Option<JoinHandle<()>>,
}

/// The connections of one route. It is there while somebody has or awaits a place, or a connection is idle.
struct Lane {
    places: Arc<Semaphore>,
    /// How many wait for a place.
    waiting: usize,
    /// The one used last comes last.
    idle: Vec<Idle>,
}

struct Idle {
    connection: Connection,
    until: Instant,
}

/// A place for one connection.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    route: Route,
    /// Until it is dropped, when whoever waits next gets it.
    permit: Option<OwnedSemaphorePermit>,
}

impl Pool {
    /// A pool with so many places a route, which keeps connections for so long.
    pub(crate) fn new(places: usize, keep: Duration) -> Arc<Self> {
        Arc::new(Self {
            places: places.min(Semaphore::MAX_PERMITS),
            keep,
            state: Mutex::default(),
        })
    }

    /// Waits for a place among the connections of `route`.
    pub(crate) async fn lease(self: &Arc<Self>, route: Route) -> Lease {
        // Made before the wait, so that a wait that is given up cleans up like a place that is given back.
        let mut lease = Lease {
            pool: Arc::clone(self),
            route,
            permit: None,
        };
        let (places, waiting) = Waiting::begin(self, &lease.route);
        // The semaphore is never closed; without a permit the lease would merely not count.
        lease.permit = places.acquire_owned().await.ok();
        drop(waiting);
        lease
    }

    /// A place among the connections of `route` if there is one for which nobody waits.
    pub(crate) fn lease_if_free(self: &Arc<Self>, route: Route) -> Option<Lease> {
        let places = Arc::clone(&self.lock().lane(&route, self.places).places);
        let permit = places.try_acquire_owned();
        let lease = Lease {
            pool: Arc::clone(self),
            route,
            permit: permit.ok(),
        };
        lease.permit.is_some().then_some(lease)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(self: &Arc<Self>, route: &Route, connection: Connection) {
        // Without a runtime, or without patience, nothing is kept: there would be nobody to close it.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if self.keep.is_zero() {
            return;
        }
        let until = Instant::now() + self.keep;
        let mut state = self.lock();
        state
            .lane(route, self.places)
            .idle
            .push(Idle { connection, until });
        if state.reaper.as_ref().is_none_or(JoinHandle::is_finished) {
            state.reaper = Some(runtime.spawn(reap(Arc::downgrade(self))));
        }
    }

    /// Closes what was idle for long enough and says when to look again; `None`: nothing is idle.
    fn close_expired(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.lock();
        let mut expired = Vec::new();
        for lane in state.lanes.values_mut() {
            expired.extend(lane.idle.extract_if(.., |idle| idle.until <= now));
        }
        state.lanes.retain(|_, lane| lane.is_needed());
        let idle = state.lanes.values().flat_map(|lane| &lane.idle);
        let next = idle.map(|idle| idle.until).min();
        if next.is_none() {
            state.reaper = None;
        }
        drop(state);
        // Closing a socket is a system call: not under the lock.
        drop(expired);
        next
    }
}

async fn reap(pool: Weak<Pool>) {
    loop {
        // Not held while asleep: a client that is dropped takes its connections along.
        let next = pool.upgrade().and_then(|pool| pool.close_expired());
        match next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => return,
        }
    }
}

impl State {
    fn lane(&mut self, route: &Route, places: usize) -> &mut Lane {
        self.lanes.entry(route.clone()).or_insert_with(|| Lane {
            places: Arc::new(Semaphore::new(places)),
            waiting: 0,
            idle: Vec::new(),
        })
    }
}

impl Lane {
    fn is_needed(&self) -> bool {
        // Whoever has or awaits a place holds the semaphore too.
        !self.idle.is_empty() || Arc::strong_count(&self.places) > 1
    }
}

/// Counts one who waits for a place, until it is dropped.
struct Waiting<'a> {
    pool: &'a Pool,
    route: &'a Route,
}

impl<'a> Waiting<'a> {
    fn begin(pool: &'a Pool, route: &'a Route) -> (Arc<Semaphore>, Self) {
        let mut state = pool.lock();
        let lane = state.lane(route, pool.places);
        lane.waiting += 1;
        (Arc::clone(&lane.places), Self { pool, route })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // It is there: whoever waits holds its semaphore.
        if let Some(lane) = self.pool.lock().lanes.get_mut(self.route) {
            lane.waiting = lane.waiting.saturating_sub(1);
        }
    }
}

impl Lease {
    /// The way that connections of this place go.
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    /// Whether somebody waits for a place.
    pub(crate) fn is_awaited(&self) -> bool {
        let state = self.pool.lock();
        let lane = state.lanes.get(&self.route);
        lane.is_some_and(|lane| lane.waiting > 0)
    }

    /// An idle connection, if there is one that still works.
    pub(crate) async fn idle(&self) -> Option<Connection> {
        loop {
            let idle = {
                let mut state = self.pool.lock();
                state.lanes.get_mut(&self.route)?.idle.pop()?
            };
            let mut connection = idle.connection;
            if poll_fn(|context| Poll::Ready(connection.is_usable(context))).await {
                return Some(connection);
            }
        }
    }

    /// Gives the place back and keeps its connection for the next one.
    pub(crate) fn give_back(self, connection: Connection) {
        self.pool.keep(&self.route, connection);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(mem::take(&mut self.permit));
        let mut state = self.pool.lock();
        if state
            .lanes
            .get(&self.route)
            .is_some_and(|lane| !lane.is_needed())
        {
            state.lanes.remove(&self.route);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;

    fn route() -> Route {
        Route {
            origin: Endpoint::of(&"http://h/".parse().unwrap()).unwrap(),
            proxy: None,
        }
    }

    async fn connection() -> (Connection, tokio::io::DuplexStream) {
        let (here, there) = tokio::io::duplex(1024);
        (Connection::open(Box::new(here)).await.unwrap(), there)
    }

    #[tokio::test]
    async fn places_are_limited_and_a_wait_given_up_leaves_nothing() {
        let pool = Pool::new(1, Duration::from_secs(15));
        let first = pool.lease(route()).await;
        let mut second = Box::pin(pool.lease(route()));
        let waiting = poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending())).await;
        assert!(waiting, "there is one place");
        drop(second);
        let mut third = Box::pin(pool.lease(route()));
        assert!(poll_fn(|cx| Poll::Ready(third.as_mut().poll(cx).is_pending())).await);
        drop(first);
        drop(third.await);
        assert!(pool.lock().lanes.is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn who_could_do_without_a_place_gets_none_that_is_awaited_and_sees_who_waits() {
        let pool = Pool::new(2, Duration::from_secs(15));
        let first = pool.lease(route()).await;
        let extra = pool.lease_if_free(route()).expect("there are two");
        assert!(!extra.is_awaited());
        assert!(pool.lease_if_free(route()).is_none());
        let mut waiting = Box::pin(pool.lease(route()));
        assert!(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
        assert!(extra.is_awaited());
        drop(extra);
        assert!(
            pool.lease_if_free(route()).is_none(),
            "it belongs to the one who waited"
        );
        let second = waiting.await;
        assert!(!second.is_awaited());
        drop((first, second));
        assert!(pool.lock().lanes.is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_in_time_and_then_no_timer_is_left() {
        let pool = Pool::new(4, Duration::from_millis(50));
        let lease = pool.lease(route()).await;
        let (one, mut there) = connection().await;
        lease.give_back(one);
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
        let mut buffer = [0; 1];
        let read = tokio::io::AsyncReadExt::read(&mut there, &mut buffer).await;
        assert_eq!(read.unwrap(), 0, "the connection is closed");
        let tasks = || Handle::current().metrics().num_alive_tasks();
        let ended = async {
            while tasks() > 0 {
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
        assert!(ended.is_ok(), "the task that closed it is gone");
        assert!(pool.lock().lanes.is_empty());
    }

    #[tokio::test]
    async fn a_connection_that_the_other_side_closed_is_not_given_out() {
        let pool = Pool::new(4, Duration::from_secs(15));
        let (alive, _other_side) = connection().await;
        pool.lease(route()).await.give_back(alive);
        let (dead, other_side) = connection().await;
        pool.lease(route()).await.give_back(dead);
        drop(other_side);
        let lease = pool.lease(route()).await;
        assert!(lease.idle().await.is_some(), "the one that is alive");
        assert!(lease.idle().await.is_none(), "the other one is gone");
    }
}
