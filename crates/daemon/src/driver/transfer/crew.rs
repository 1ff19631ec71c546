//! The lanes of one run, what they have under way at the disk, and how many there may be.
//!
//! Owns what lasts from one event of a run to the next; what an event means is `fetch`'s and `pump`'s.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use bgcopy_disk::DiskError;
use bgcopy_engine::{Held, Lanes, Run as Missing, Sight, Thief, steal};
use bgcopy_model::{Extent, PIECE, RangeSet};
use futures_util::{
    future::{BoxFuture, OptionFuture},
    stream::FuturesUnordered,
};
use tokio::time::Instant;

use super::lane::{Lane, News, State};

/// What became of a write: which lane's, what, and how it ended.
pub(super) type Written = (u64, Extent, Result<(), DiskError>);

/// A run's lanes.
pub(super) struct Crew {
    pub(super) lanes: Vec<Lane>,
    /// The lane that is asked first for news, so that none is forgotten over another.
    pub(super) turn: usize,
    last_id: u64,
    /// How many there may be; `None`: one.
    policy: Option<Lanes>,
    /// What policy was last known to allow.
    most: Option<u32>,
    /// Something showed that this file comes by one lane alone.
    is_narrow: bool,
    began: Instant,
    /// Bytes that came, by all lanes.
    pub(super) received: u64,
    /// The shortest time from a request to its answer.
    answer: Option<Duration>,
    /// How long lanes that are gone stood still.
    stood_still: Duration,
    /// Writes under way.
    pub(super) writes: FuturesUnordered<BoxFuture<'static, Written>>,
    /// What they write.
    pub(super) written: RangeSet,
    /// The sync under way, and what it makes durable.
    pub(super) sync: OptionFuture<BoxFuture<'static, (RangeSet, Result<(), DiskError>)>>,
    pub(super) syncing: bool,
    /// Bytes written since the last checkpoint began.
    pub(super) unsynced: u64,
    pub(super) unreported: bool,
    pub(super) last_checkpoint: Instant,
    pub(super) last_progress: Instant,
}

impl Crew {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            lanes: Vec::new(),
            turn: 0,
            last_id: 0,
            policy: None,
            most: None,
            is_narrow: false,
            began: now,
            received: 0,
            answer: None,
            stood_still: Duration::ZERO,
            writes: FuturesUnordered::new(),
            written: RangeSet::new(),
            sync: None.into(),
            syncing: false,
            unsynced: 0,
            unreported: false,
            last_checkpoint: now,
            last_progress: now,
        }
    }

    /// A number for a new lane.
    pub(super) const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Lanes by which bytes are still to come.
    pub(super) fn active(&self) -> u32 {
        count(self.lanes.iter().filter(|lane| lane.is_active()))
    }

    /// The same, at one source.
    pub(super) fn active_at(&self, place: usize) -> u64 {
        let at = |lane: &&Lane| lane.is_active() && lane.place == place;
        self.lanes.iter().filter(at).count() as u64
    }

    /// Bytes that came and are not written.
    pub(super) fn held(&self) -> u64 {
        self.lanes.iter().map(Lane::held).sum()
    }

    /// Waits for news of any lane.
    pub(super) fn poll(
        lanes: &mut [Lane],
        turn: &mut usize,
        context: &mut Context<'_>,
    ) -> Poll<(usize, News)> {
        let count = lanes.len();
        for step in 0..count {
            let index = (*turn + step) % count;
            if let Poll::Ready(news) = lanes[index].poll(context) {
                *turn = index + 1;
                return Poll::Ready((index, news));
            }
        }
        Poll::Pending
    }

    /// Lets lanes go of which everything is written.
    pub(super) fn sweep(&mut self) {
        let still = &mut self.stood_still;
        self.lanes.retain(|lane| {
            if lane.is_over() {
                *still += lane.stood_still();
            }
            !lane.is_over()
        });
    }

    /// An answer came after so long.
    pub(super) fn answered_after(&mut self, time: Duration) {
        self.answer = Some(self.answer.map_or(time, |least| least.min(time)));
    }

    /// From now on there may be up to `most` lanes, if it pays, unless something spoke against it.
    pub(super) fn widen(&mut self, most: u32, left: u64, is_elsewhere_too: bool) {
        if self.policy.is_none() && !self.is_narrow {
            let policy = Lanes::new(most, self.sight(left));
            self.policy = Some(if is_elsewhere_too {
                policy.elsewhere_too()
            } else {
                policy
            });
            self.most = Some(most);
        }
    }

    /// Policy has changed, perhaps.
    pub(super) fn allow(&mut self, most: u32) {
        let now = self.began.elapsed();
        if let Some((policy, before)) = self.policy.as_mut().zip(self.most.replace(most))
            && before != most
        {
            policy.allow(most, now);
        }
    }

    /// One lane is enough, until [`Self::widen`] is called.
    pub(super) fn narrow(&mut self) {
        self.policy = None;
    }

    /// One lane is enough, whatever else is said.
    pub(super) fn narrow_for_good(&mut self) {
        self.is_narrow = true;
        self.policy = None;
    }

    /// No more lanes than there are, for a while.
    pub(super) fn refused(&mut self) {
        let (active, now) = (self.active(), self.began.elapsed());
        if let Some(policy) = &mut self.policy {
            policy.refused(active, now);
        }
    }

    /// How many lanes there may be.
    pub(super) fn number(&self) -> u32 {
        self.policy.as_ref().map_or(1, Lanes::number)
    }

    /// How many of those that are at work may go on. Where something showed that one is enough, the others still bring what
    /// they were to bring: it would have to be asked for again of an origin that does not always serve ranges.
    pub(super) fn may_go_on(&self) -> u32 {
        let most = self.most.unwrap_or(u32::MAX);
        self.policy.as_ref().map_or(most, Lanes::number)
    }

    /// Whether another lane may begin. While the first one is not answered nothing is known of the file.
    pub(super) fn may_grow(&self) -> bool {
        let is_first = |lane: &Lane| matches!(lane.state, State::Asking { .. }) && !lane.is_extra;
        self.active() < self.number() && !self.lanes.iter().any(is_first)
    }

    /// Takes the tail of the lane that would be the last to end.
    pub(super) fn steal(&mut self) -> Option<Missing> {
        let policy = self.policy.as_ref()?;
        let speed = policy.speed();
        let (indices, held): (Vec<_>, Vec<_>) = self
            .lanes
            .iter()
            .enumerate()
            .filter(|(_, lane)| lane.is_active())
            .filter_map(|(index, lane)| {
                let run = Held {
                    at: lane.next,
                    end: lane.end?,
                    speed: lane.speed.unwrap_or(speed),
                };
                Some((index, run))
            })
            .unzip();
        // What takes less than two round trips is not worth one.
        let trip = u64::try_from(self.answer.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        let least = (speed / 1_000).saturating_mul(trip).saturating_mul(2);
        let most = if policy.is_trying() {
            // Half a second's: a trial in vain leaves little to wait for.
            (speed / 2).max(PIECE)
        } else {
            u64::MAX
        };
        let thief = Thief {
            speed,
            least: least.min(64 * PIECE),
            most,
        };
        let theft = steal(&held, &thief)?;
        self.lanes[indices[theft.from]].end = Some(theft.run.start);
        Some(theft.run)
    }

    /// When the number of lanes is to be looked at.
    pub(super) fn look_at(&self) -> Option<Instant> {
        let policy = self.policy.as_ref()?;
        let due = policy.look_at(self.answer.unwrap_or_default())?;
        Some(self.began + due)
    }

    /// Looks at the number of lanes.
    pub(super) fn look(&mut self, left: u64) {
        let sight = self.sight(left);
        if let Some(policy) = &mut self.policy {
            let before = policy.number();
            policy.look(sight);
            if policy.number() != before {
                tracing::debug!(
                    from = before,
                    to = policy.number(),
                    goodput = policy.goodput(),
                    "lanes"
                );
            }
        }
    }

    fn sight(&self, left: u64) -> Sight {
        let still = self.lanes.iter().map(Lane::stood_still);
        Sight {
            now: self.began.elapsed(),
            received: self.received,
            left,
            answer: self.answer.unwrap_or_default(),
            blocked: self.stood_still + still.sum::<Duration>(),
        }
    }
}

fn count<'a>(lanes: impl Iterator<Item = &'a Lane>) -> u32 {
    u32::try_from(lanes.count()).unwrap_or(u32::MAX)
}
