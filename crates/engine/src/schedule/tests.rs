//! The queue alone: examples of each rule, and properties over random sequences.

use proptest::prelude::*;

use super::*;

const SLICE: u64 = 60_000;

fn schedule(transfers: u32, background_jobs: u32) -> Schedule {
    Schedule::new(&Limits {
        transfers,
        background_jobs,
        time_slice_seconds: 60,
        ..Limits::default()
    })
}

const ONE: Owner = Owner { uid: 1_000 };

const fn job(n: u128) -> JobId {
    JobId::from_u128(n)
}

/// Every decision that is due, each holder without a run getting one.
fn settle(schedule: &mut Schedule, now: u64) -> Vec<Decision> {
    let decisions: Vec<_> = std::iter::from_fn(|| schedule.decide(Moment(now))).collect();
    for id in schedule.holders() {
        if schedule.turn_mut(id).is_some_and(|turn| turn.runs == 0) {
            schedule.run_started(id);
        }
    }
    decisions
}

use Decision::{Admit, Preempt};
use Priority::{Foreground, High, Low, Normal};

#[test]
fn background_jobs_get_the_slots_in_the_order_of_their_levels_and_arrival() {
    let mut s = schedule(9, 2);
    for (n, level) in [(1, Low), (2, Normal), (3, Normal), (4, High)] {
        s.enqueue(job(n), ONE, level);
    }
    assert_eq!(settle(&mut s, 0), [Admit(job(4)), Admit(job(2))]);
    s.withdraw(job(4));
    s.run_ended(job(4));
    assert_eq!(settle(&mut s, 0), [Admit(job(3))]);
}

#[test]
fn foreground_jobs_are_admitted_beside_everything() {
    let mut s = schedule(9, 1);
    s.enqueue(job(1), ONE, Normal);
    settle(&mut s, 0);
    s.enqueue(job(2), ONE, Foreground);
    s.enqueue(job(3), ONE, Foreground);
    assert_eq!(settle(&mut s, 0), [Admit(job(2)), Admit(job(3))]);
}

#[test]
fn a_higher_level_takes_the_turn_of_the_lowest_one_which_then_waits_first_in_its_level() {
    let mut s = schedule(9, 2);
    s.enqueue(job(1), ONE, Normal);
    s.enqueue(job(2), ONE, Low);
    settle(&mut s, 0);
    s.enqueue(job(3), ONE, Low);
    s.enqueue(job(4), ONE, High);
    assert_eq!(
        settle(&mut s, 1),
        [Preempt(job(2))],
        "one has to go, not two"
    );
    s.run_ended(job(2));
    assert_eq!(settle(&mut s, 2), [Admit(job(4))]);
    s.withdraw(job(1));
    s.run_ended(job(1));
    assert_eq!(settle(&mut s, 3), [Admit(job(2))]);
}

#[test]
fn equals_take_turns_by_time_slices() {
    let mut s = schedule(9, 1);
    s.enqueue(job(1), ONE, Normal);
    assert_eq!(settle(&mut s, 0), [Admit(job(1))]);
    assert_eq!(
        s.next_change(),
        None,
        "nobody waits, so time changes nothing"
    );
    s.enqueue(job(2), ONE, Normal);
    assert_eq!(settle(&mut s, 10), []);
    assert_eq!(s.next_change(), Some(Moment(SLICE)));
    assert_eq!(settle(&mut s, SLICE), [Preempt(job(1))]);
    s.run_ended(job(1));
    assert_eq!(settle(&mut s, SLICE), [Admit(job(2))]);
    assert_eq!(s.next_change(), Some(Moment(2 * SLICE)));
}

#[test]
fn a_lower_level_never_ends_a_slice() {
    let mut s = schedule(9, 1);
    s.enqueue(job(1), ONE, High);
    settle(&mut s, 0);
    s.enqueue(job(2), ONE, Normal);
    assert_eq!(settle(&mut s, 99 * SLICE), []);
    assert_eq!(s.next_change(), None);
}

#[test]
fn a_foreground_job_takes_a_run_from_the_background_when_there_is_no_other() {
    let mut s = schedule(1, 1);
    s.enqueue(job(1), ONE, Low);
    settle(&mut s, 0);
    s.enqueue(job(2), ONE, Foreground);
    assert_eq!(settle(&mut s, 0), [Preempt(job(1))]);
    s.run_ended(job(1));
    assert_eq!(settle(&mut s, 0), [Admit(job(2))]);
    s.enqueue(job(3), ONE, Foreground);
    assert_eq!(
        settle(&mut s, 0),
        [],
        "foreground jobs do not displace each other"
    );
}

#[test]
fn a_job_that_was_stopped_and_let_go_again_waits_for_its_own_runs_and_displaces_nobody() {
    let mut s = schedule(9, 2);
    s.enqueue(job(1), ONE, High);
    s.enqueue(job(2), ONE, Normal);
    settle(&mut s, 0);
    s.withdraw(job(1));
    s.enqueue(job(1), ONE, High);
    assert_eq!(settle(&mut s, 0), []);
    s.run_ended(job(1));
    assert_eq!(settle(&mut s, 0), [Admit(job(1))]);
}

#[test]
fn a_foreground_job_that_becomes_a_background_job_needs_a_slot_like_the_others() {
    let mut s = schedule(9, 1);
    s.enqueue(job(1), ONE, Foreground);
    s.enqueue(job(2), ONE, Normal);
    settle(&mut s, 0);
    s.set_priority(job(1), Low);
    assert_eq!(settle(&mut s, 0), [Preempt(job(1))]);
    s.run_ended(job(1));
    assert_eq!(settle(&mut s, 0), []);
    s.set_priority(job(1), Foreground);
    assert_eq!(settle(&mut s, 0), [Admit(job(1))]);
}

proptest! {
    #[test]
    fn the_limits_hold_and_whoever_can_be_served_is(
        limits in (1u32..5, 1u32..4),
        ops in prop::collection::vec((0u8..7, 1u128..8, 0usize..4, 0u64..50_000), 0..80),
    ) {
        let (transfers, slots) = limits;
        let mut s = schedule(transfers, slots);
        let mut now = 0;
        for (op, n, level, pause) in ops {
            now += pause;
            let (id, level) = (job(n), Priority::ALL[level]);
            match op {
                0 | 1 => s.enqueue(id, Owner { uid: (n % 3) as u32 }, level),
                2 => s.withdraw(id),
                3 => s.set_priority(id, level),
                4 if s.holds(id) && s.room() > 0 => s.run_started(id),
                _ => s.run_ended(id),
            }
            let decisions = settle(&mut s, now);
            prop_assert!(decisions.len() < 30, "decisions settle");
            prop_assert_eq!(s.decide(Moment(now)), None);

            let runs: usize = s.turns.iter().map(|turn| turn.runs).sum();
            prop_assert!(runs <= transfers as usize);
            prop_assert!(s.turns.iter().all(|turn| turn.runs > 0));
            prop_assert!(s.holding_background().count() <= slots as usize);
            for id in s.holders() {
                prop_assert!(!s.waiting.contains(id), "who holds a turn does not wait");
            }
            let free = slots as usize > s.turns.iter().filter(|t| t.priority.is_background()).count();
            for (level, id) in s.waiting.in_order() {
                let leaves = s.turns.iter().any(|turn| turn.job == id);
                let could = s.room() > 0 && (free || !level.is_background());
                prop_assert!(leaves || !could, "nobody waits for what is free");
            }
        }
    }
}

#[test]
fn one_owners_many_jobs_do_not_keep_anothers_first_one_waiting() {
    let other = Owner { uid: 2 };
    let mut s = schedule(9, 1);
    for n in 0..300 {
        s.enqueue(job(n), ONE, Normal);
    }
    assert_eq!(settle(&mut s, 0), [Admit(job(0))]);
    s.enqueue(job(1_000), other, Normal);
    s.enqueue(job(1_001), other, Normal);
    let mut admitted = Vec::new();
    for turn in 1..6 {
        let holder = s.holders()[0];
        assert_eq!(settle(&mut s, turn * SLICE), [Preempt(holder)]);
        s.run_ended(holder);
        settle(&mut s, turn * SLICE);
        admitted.extend(s.holders());
    }
    assert_eq!(admitted, [1, 1_000, 2, 1_001, 3].map(job));
}

proptest! {
    /// Owners come with jobs at any time, jobs end or their slices do. Who waits sees each other owner served once at
    /// most before it is his turn, and jobs that came first begin first.
    #[test]
    fn between_two_turns_of_an_owner_who_waits_each_other_has_one(
        ops in prop::collection::vec((0u8..5, 0u32..4), 0..150),
        slots in 1u32..4,
    ) {
        let mut s = schedule(64, slots);
        let (mut now, mut jobs) = (0, 0);
        let mut owners: Vec<u32> = Vec::new();
        let mut begun: Vec<Vec<u128>> = vec![Vec::new(); 4];
        // For each owner who waits: how often each other was served since he began to wait or was served himself.
        let mut others: Vec<[u32; 4]> = vec![[0; 4]; 4];
        let mut waits = [false; 4];
        for (op, uid) in ops {
            match op {
                0..=2 => {
                    s.enqueue(job(jobs), Owner { uid }, Normal);
                    owners.push(uid);
                    jobs += 1;
                }
                3 => {
                    if let Some(id) = s.holders().first().copied() {
                        s.withdraw(id);
                        s.run_ended(id);
                    }
                }
                _ => now += SLICE,
            }
            loop {
                for uid in 0..4 {
                    let is_his = |(_, id): (_, JobId)| owners[id.as_u128() as usize] == uid;
                    let now_waits = s.waiting.in_order().any(is_his);
                    if now_waits && !waits[uid as usize] {
                        others[uid as usize] = [0; 4];
                    }
                    waits[uid as usize] = now_waits;
                }
                match s.decide(Moment(now)) {
                    Some(Admit(id)) => {
                        s.run_started(id);
                        let n = id.as_u128();
                        let served = owners[usize::try_from(n).unwrap()] as usize;
                        if !begun[served].contains(&n) {
                            begun[served].push(n);
                        }
                        others[served] = [0; 4];
                        for (uid, seen) in others.iter_mut().enumerate() {
                            if uid != served && waits[uid] {
                                seen[served] += 1;
                                prop_assert!(seen[served] <= 1, "{served} was served twice while {uid} waits");
                            }
                        }
                    }
                    Some(Preempt(id)) => s.run_ended(id),
                    None => break,
                }
            }
        }
        prop_assert!(begun.iter().all(|jobs| jobs.is_sorted()));
    }
}
