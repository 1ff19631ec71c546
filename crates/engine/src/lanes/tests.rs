//! Lanes against simulated links, in simulated time.

use proptest::prelude::*;

use super::*;

const TICK: Duration = Duration::from_millis(10);
const MBIT: u64 = 1_000_000 / 8;

/// A link: what it carries in all, and what one connection gets of it.
#[derive(Clone, Copy, Debug)]
struct Link {
    capacity: u64,
    a_lane: u64,
    round_trip: Duration,
    /// By how many per cent goodput swings.
    noise: u64,
    /// How many times as fast as later a connection is in its first second: it sends ever more until it loses packets.
    start: u64,
}

impl Link {
    fn rate(&self, old: u32, new: u32, age: Duration) -> u64 {
        let start = if age < Duration::from_secs(1) {
            self.start
        } else {
            1
        };
        let lanes = u64::from(old) + u64::from(new) * start;
        self.capacity.min(self.a_lane * lanes)
    }
}

/// A transfer over a link.
struct Transfer {
    link: Link,
    lanes: Lanes,
    sight: Sight,
    /// Lanes at work, and when the last of them began.
    working: (u32, Duration),
    dice: u64,
    trials: u32,
    changes: u32,
}

impl Transfer {
    fn of(size: u64, most: u32, link: Link) -> Self {
        let sight = Sight {
            now: Duration::ZERO,
            received: 0,
            left: size,
            answer: link.round_trip * 2,
            blocked: Duration::ZERO,
        };
        Self {
            link,
            lanes: Lanes::new(most, sight),
            sight,
            working: (1, Duration::ZERO),
            dice: 0x2545_f491_4f6c_dd1d,
            trials: 0,
            changes: 0,
        }
    }

    /// Until the end of the file or of the time.
    fn run(&mut self, time: Duration) {
        let until = self.sight.now + time;
        while self.sight.left > 0 && self.sight.now < until {
            self.tick();
        }
    }

    fn allow(&mut self, most: u32) {
        self.lanes.allow(most, self.sight.now);
        self.working = (self.lanes.number(), self.sight.now);
    }

    fn refused(&mut self, left: u32) {
        self.lanes.refused(left, self.sight.now);
        self.working = (self.lanes.number(), self.sight.now);
    }

    fn tick(&mut self) {
        let (lanes, since) = self.working;
        // New lanes bring nothing for two round trips, and are at their speed after three more.
        let age = self.sight.now.saturating_sub(since);
        let trips = age.as_nanos() / self.link.round_trip.as_nanos();
        let old = self.lanes.kept.min(lanes);
        let active = match trips {
            0 | 1 => old,
            2..5 => u32::midpoint(old, lanes),
            _ => lanes,
        };
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        let swing = 100 - self.link.noise + self.dice % (2 * self.link.noise + 1);
        let bytes = self.link.rate(old, active - old, age) / 100 * swing / 100;
        let bytes = bytes.min(self.sight.left);
        self.sight.now += TICK;
        self.sight.received += bytes;
        self.sight.left -= bytes;
        let (before, was_trying) = (self.lanes.number(), self.lanes.is_trying());
        self.lanes.look(self.sight);
        let number = self.lanes.number();
        if number != before {
            self.changes += 1;
            self.working = (number, self.sight.now);
        }
        if self.lanes.is_trying() && (!was_trying || number != before) {
            self.trials += 1;
        }
    }
}

/// The link of the issue at which many connections pay: 0.5 % of the packets are lost.
fn lossy() -> Link {
    Link {
        capacity: 62 * MBIT,
        a_lane: 4 * MBIT,
        round_trip: Duration::from_millis(50),
        noise: 30,
        start: 1,
    }
}

fn clean() -> Link {
    Link {
        capacity: 200 * MBIT,
        a_lane: 200 * MBIT,
        noise: 5,
        ..lossy()
    }
}

#[test]
fn where_each_connection_is_held_down_all_are_used_soon() {
    let mut transfer = Transfer::of(200_000_000, 16, lossy());
    transfer.run(Duration::from_secs(4));
    assert_eq!(transfer.lanes.number(), 16);
    transfer.run(Duration::from_mins(10));
    let best = 200_000_000 * 1_000 / u128::from(lossy().rate(16, 0, Duration::MAX));
    let took = transfer.sight.now.as_millis();
    assert!(took * 10 <= best * 11, "{took} ms, at best {best}");
    assert_eq!(transfer.trials, 2);
}

#[test]
fn where_one_connection_fills_the_link_the_trials_are_few_and_far_between() {
    let mut transfer = Transfer::of(u64::MAX / 2, 16, clean());
    transfer.run(Duration::from_hours(1));
    // After 30 s, 60 s, 120 s …
    assert!((2..=8).contains(&transfer.trials), "{}", transfer.trials);
    assert_eq!(transfer.changes, 2 * transfer.trials, "each is taken back");
    assert_eq!(transfer.lanes.number(), 1);
}

#[test]
fn policy_is_kept() {
    let mut alone = Transfer::of(200_000_000, 1, lossy());
    assert_eq!(alone.lanes.look_at(Duration::ZERO), None, "no timer at all");
    alone.run(Duration::from_mins(1));
    assert_eq!((alone.lanes.number(), alone.trials), (1, 0));
    let mut few = Transfer::of(200_000_000, 6, lossy());
    few.run(Duration::from_secs(10));
    assert_eq!(few.lanes.number(), 6);
}

#[test]
fn policy_can_change_on_the_way() {
    let mut transfer = Transfer::of(u64::MAX / 2, 16, lossy());
    transfer.run(Duration::from_secs(5));
    transfer.allow(1);
    assert_eq!(transfer.lanes.number(), 1);
    transfer.run(Duration::from_mins(2));
    assert_eq!((transfer.lanes.number(), transfer.trials), (1, 2));
    transfer.allow(16);
    transfer.run(Duration::from_secs(8));
    assert_eq!(transfer.lanes.number(), 16);
}

#[test]
fn nothing_is_tried_near_the_end_or_while_the_disk_is_behind() {
    let mut short = Transfer::of(lossy().a_lane * 2, 16, lossy());
    short.run(Duration::from_mins(1));
    assert_eq!(short.trials, 0);
    let mut transfer = Transfer::of(u64::MAX / 2, 16, lossy());
    for _ in 0..6_000 {
        transfer.sight.blocked += TICK / 2;
        transfer.tick();
    }
    assert_eq!(transfer.trials, 0);
}

#[test]
fn what_the_only_place_brings_soon_is_left_to_one_connection() {
    let trials = |size: u64, is_elsewhere_too: bool| {
        let mut transfer = Transfer::of(size, 16, clean());
        if is_elsewhere_too {
            transfer.lanes = transfer.lanes.elsewhere_too();
        }
        transfer.run(Duration::from_mins(1));
        transfer.trials
    };
    // 8 s, and 24.
    assert_eq!(trials(200_000_000, false), 0);
    assert_eq!(trials(600_000_000, false), 1);
    assert_eq!(trials(200_000_000, true), 1);
}

#[test]
fn a_trial_that_only_fills_the_disks_queue_is_taken_back() {
    let mut transfer = Transfer::of(u64::MAX / 2, 16, lossy());
    while !transfer.lanes.is_trying() {
        transfer.tick();
    }
    while transfer.lanes.is_trying() {
        transfer.sight.blocked += TICK * 2;
        transfer.tick();
    }
    assert_eq!(transfer.lanes.number(), 1);
}

#[test]
fn when_many_bring_little_any_more_there_are_fewer() {
    let mut transfer = Transfer::of(u64::MAX / 2, 16, lossy());
    transfer.run(Duration::from_secs(5));
    assert_eq!(transfer.lanes.number(), 16);
    transfer.link.capacity = 4 * MBIT;
    transfer.run(Duration::from_secs(5));
    assert_eq!(transfer.lanes.number(), 4);
}

#[test]
fn many_that_began_faster_than_they_go_on_stay_as_long_as_they_bring_more_than_fewer_did() {
    let link = Link {
        start: 4,
        ..lossy()
    };
    let mut transfer = Transfer::of(u64::MAX / 2, 16, link);
    transfer.run(Duration::from_mins(1));
    assert_eq!((transfer.lanes.number(), transfer.changes), (16, 2));
}

#[test]
fn after_a_refusal_nothing_is_tried_for_a_while() {
    let mut transfer = Transfer::of(u64::MAX / 2, 16, lossy());
    while !transfer.lanes.is_trying() {
        transfer.tick();
    }
    transfer.lanes.refused(2, transfer.sight.now);
    assert_eq!(transfer.lanes.number(), 2);
    let trials = transfer.trials;
    transfer.run(PATIENCE.saturating_sub(WINDOW.0));
    assert_eq!(transfer.trials, trials);
    transfer.run(Duration::from_secs(5));
    assert_eq!(transfer.trials, trials + 2, "then it goes on");
}

#[test]
fn lanes_that_are_refused_together_are_one_refusal() {
    let mut transfer = Transfer::of(u64::MAX / 2, 16, lossy());
    while transfer.lanes.number() < 16 {
        transfer.tick();
    }
    let trials = transfer.trials;
    for left in (4..16).rev() {
        transfer.refused(left);
    }
    transfer.run(PATIENCE.saturating_sub(WINDOW.0));
    assert_eq!(transfer.trials, trials);
    transfer.run(Duration::from_secs(5));
    assert_eq!(
        transfer.lanes.number(),
        16,
        "after half a minute, not hours"
    );
}

#[test]
fn who_is_refused_again_and_again_waits_for_half_an_hour_at_most() {
    let mut lanes = Lanes::new(16, Transfer::of(0, 1, clean()).sight);
    let mut now = Duration::ZERO;
    for _ in 0..100 {
        lanes.refused(1, now);
        now = lanes.not_before;
    }
    lanes.refused(1, now);
    assert_eq!(
        lanes.not_before.saturating_sub(now),
        Duration::from_mins(30)
    );
    lanes.refused(1, Duration::MAX);
    assert_eq!(lanes.not_before, Duration::MAX);
}

#[test]
fn any_number_of_lanes_may_be_allowed() {
    let endless = Link {
        capacity: u64::MAX / 1_000,
        a_lane: 100_000,
        ..lossy()
    };
    for (link, most) in [(lossy(), 16..=64), (endless, u32::MAX..=u32::MAX)] {
        let mut transfer = Transfer::of(u64::MAX / 2, u32::MAX, link);
        transfer.run(Duration::from_mins(2));
        let number = transfer.lanes.number();
        assert!(most.contains(&number), "{number}");
        transfer.lanes.refused(u32::MAX, transfer.sight.now);
        assert!(transfer.lanes.number() <= number);
    }
}

proptest! {
    #[test]
    fn on_any_link_the_number_is_allowed_and_comes_to_rest(
        capacity in 1u64..2_000,
        share in 1u64..=20,
        most in 1u32..40,
        round_trip in 1u64..400,
        noise in 0u64..40,
        start in 1u64..6,
    ) {
        let capacity = capacity * MBIT;
        let link = Link {
            capacity,
            a_lane: (capacity / share).max(1_000),
            round_trip: Duration::from_millis(round_trip),
            noise,
            start,
        };
        let mut transfer = Transfer::of(u64::MAX / 2, most, link);
        let mut highest = 0;
        while transfer.sight.now < Duration::from_mins(5) {
            transfer.tick();
            let number = transfer.lanes.number();
            prop_assert!((1..=most).contains(&number));
            highest = highest.max(number);
        }
        // Up in at most three steps each time, at most one of them in vain and taken back; four times in five minutes.
        prop_assert!(transfer.changes <= 16, "{} changes", transfer.changes);
        if share >= 16 && most >= 16 {
            prop_assert!(highest >= 16, "{highest} lanes where each is held down");
        }
    }
}
