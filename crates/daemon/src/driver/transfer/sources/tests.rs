//! Which place is asked, and what is told in the end, without a network.

use bgcopy_model::Condition;
use bgcopy_transfer::{Answer, BoxFuture, Failure, Want};

use super::*;

struct Nowhere;

impl Source for Nowhere {
    fn fetch<'a>(&'a self, _: &'a Want) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(std::future::pending())
    }
}

fn nowhere() -> Located {
    Located {
        url: "http://example.org/".parse().unwrap(),
        source: Box::new(Nowhere),
    }
}

fn sources(mirrors: usize, verifies: bool) -> Sources {
    let mirrors = (0..mirrors).map(|_| nowhere());
    Sources::new(nowhere(), mirrors.collect(), verifies)
}

#[test]
fn without_a_checksum_the_origin_is_the_only_source() {
    let mut sources = sources(3, false);
    assert_eq!(sources.best(|_| 0), ORIGIN);
    assert!(!sources.leave_out(ORIGIN), "the last one stays");
    assert_eq!(sources.first(), ORIGIN);
}

#[test]
fn each_source_is_tried_and_then_the_fastest_has_most_lanes() {
    let mut sources = sources(1, true);
    let mut lanes = [1, 0];
    assert_eq!(sources.best(|place| lanes[place]), 1, "never tried");
    lanes[1] = 1;
    sources.keep_version(1, Validator::default());
    sources.measured(0, 1_000);
    sources.measured(1, 3_000);
    for _ in 0..2 {
        let best = sources.best(|place| lanes[place]);
        lanes[best] += 1;
    }
    assert_eq!(lanes, [1, 3]);
}

#[test]
fn a_source_that_answers_gets_as_many_lanes_as_the_fastest_until_it_is_measured() {
    for known in [None, Some(1_000)] {
        let mut sources = sources(1, true);
        if let Some(speed) = known {
            sources.measured(ORIGIN, speed);
        }
        let mut lanes = [1, 0];
        let mut begin = |sources: &Sources, count| {
            for _ in 0..count {
                let best = sources.best(|place| lanes[place]);
                lanes[best] += 1;
            }
            lanes
        };
        assert_eq!(begin(&sources, 3), [3, 1], "it has not answered");
        sources.keep_version(1, Validator::default());
        assert_eq!(begin(&sources, 4), [4, 4], "{known:?}");
    }
}

fn trouble(condition: Condition) -> Trouble {
    Trouble::new(condition, "")
}

#[test]
fn what_several_brought_wrong_comes_from_each_alone_until_none_is_left() {
    let wrong = trouble(Condition::DigestMismatch);
    let mut sources = sources(2, true);
    sources.brought(0);
    sources.brought(1);
    assert!(sources.whole_was_wrong(&wrong), "nobody knows whose");
    for place in 0..3 {
        sources.begin_anew();
        assert_eq!((sources.first(), sources.best(|_| 5)), (place, place));
        sources.brought(place);
        assert_eq!(sources.whole_was_wrong(&wrong), place < 2, "{place}");
    }
}

#[test]
fn a_whole_without_a_byte_is_held_against_who_was_asked() {
    let wrong = trouble(Condition::DigestMismatch);
    let mut sources = sources(1, true);
    assert!(sources.whole_was_wrong(&wrong));
    sources.begin_anew();
    assert_eq!(sources.first(), 1, "the origin is out");
    assert!(!sources.whole_was_wrong(&wrong), "no other is left");
}

#[test]
fn bytes_of_an_earlier_run_are_not_held_against_who_brought_the_rest() {
    let wrong = trouble(Condition::DigestMismatch);
    let mut sources = sources(1, true);
    sources.go_on();
    sources.brought(ORIGIN);
    assert!(sources.whole_was_wrong(&wrong));
    sources.begin_anew();
    assert_eq!(sources.first(), ORIGIN);
    let mut alone = Sources::new(nowhere(), vec![], true);
    alone.go_on();
    assert!(!alone.whole_was_wrong(&wrong), "there is no other");
}

#[test]
fn wrong_bytes_are_told_before_what_may_pass_and_that_before_the_first_trouble() {
    let [gone, busy] = [404, 503].map(|status| trouble(Condition::HttpStatus(status)));
    let mut sources = sources(2, true);
    assert_eq!(sources.verdict(), None);
    sources.could_not_help(1, &trouble(Condition::InvalidResponse));
    sources.could_not_help(0, &gone);
    assert_eq!(sources.verdict(), Some(gone));
    sources.could_not_help(2, &busy);
    assert_eq!(sources.verdict(), Some(busy));
    let wrong = trouble(Condition::DigestMismatch);
    assert!(sources.was_wrong(1, &wrong));
    let verdict = sources.verdict().unwrap();
    assert_eq!(verdict.condition, Condition::DigestMismatch);
    assert!(verdict.in_vain);
}

#[test]
fn what_may_pass_at_the_origin_is_told_before_wrong_bytes_of_others_and_not_of_its_own() {
    let wrong = trouble(Condition::DigestMismatch);
    let mut sources = sources(1, true);
    sources.could_not_help(ORIGIN, &trouble(Condition::Timeout));
    assert!(sources.was_wrong(1, &wrong));
    let verdict = sources.verdict().unwrap();
    assert_eq!(verdict.condition, Condition::Timeout);
    assert!(verdict.in_vain);
    sources.was_wrong(ORIGIN, &wrong);
    let verdict = sources.verdict().unwrap();
    assert_eq!(verdict.condition, Condition::DigestMismatch);
}

#[test]
fn a_source_that_is_out_is_asked_no_more_as_long_as_another_remains() {
    let mut sources = sources(1, true);
    assert!(sources.leave_out(ORIGIN));
    assert_eq!((sources.first(), sources.best(|_| 0)), (1, 1));
    assert!(!sources.leave_out(1));
    assert_eq!(sources.first(), 1);
}
