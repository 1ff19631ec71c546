//! The places that have a run's file, and which of them is asked.
//!
//! The first is the origin that the caller named; its version is the one that the record keeps. Others, mirrors, are
//! used only where the file has a checksum that the end is held against: their validators say nothing of the origin's
//! bytes, so without one nothing would show that theirs are the same.

use std::sync::Arc;

use bgcopy_model::Validator;
use bgcopy_transfer::Source;

/// The index of the origin.
pub(super) const ORIGIN: usize = 0;

/// All places of one file. There is always one that is not out.
pub(super) struct Sources {
    places: Vec<Place>,
}

struct Place {
    source: Arc<dyn Source>,
    /// What a mirror answered first; the origin's version is the run's.
    version: Option<Validator>,
    /// Whether it is asked no more.
    is_out: bool,
    /// Bytes a second of one lane, once measured.
    speed: Option<u64>,
}

impl Sources {
    /// The origin and its mirrors, which are left out where nothing `verifies` the end.
    pub(super) fn new(
        origin: Box<dyn Source>,
        mirrors: Vec<Box<dyn Source>>,
        verifies: bool,
    ) -> Self {
        let mirrors = mirrors.into_iter().filter(|_| verifies);
        let places = std::iter::once(origin).chain(mirrors).map(|source| Place {
            source: Arc::from(source),
            version: None,
            is_out: false,
            speed: None,
        });
        Self {
            places: places.collect(),
        }
    }

    pub(super) fn of(&self, place: usize) -> Arc<dyn Source> {
        self.places[place].source.clone()
    }

    /// The first that is not out.
    pub(super) fn first(&self) -> usize {
        let first = self.places.iter().position(|place| !place.is_out);
        first.unwrap_or(ORIGIN)
    }

    /// Where one more lane brings the most, `lanes` being at work at each: one that was never tried, else the one that
    /// has the highest speed to share.
    pub(super) fn best(&self, lanes: impl Fn(usize) -> u64) -> usize {
        let worth = |index: usize| {
            let place = &self.places[index];
            let lanes = lanes(index);
            match place.speed {
                None if lanes == 0 => u64::MAX,
                // Speed is that of one lane; one more takes a share of what all have together.
                speed => speed.unwrap_or(0).saturating_mul(lanes.max(1)) / (lanes + 1),
            }
        };
        let is_asked = |index: &usize| !self.places[*index].is_out;
        let best = (0..self.places.len())
            .rev()
            .filter(is_asked)
            .max_by_key(|index| worth(*index));
        best.unwrap_or(ORIGIN)
    }

    /// One lane there brought so many bytes a second.
    pub(super) fn measured(&mut self, place: usize, speed: u64) {
        let known = &mut self.places[place].speed;
        *known = Some(known.map_or(speed, |known| known.midpoint(speed)));
    }

    /// What a mirror answered first.
    pub(super) fn version(&self, place: usize) -> Option<&Validator> {
        self.places[place].version.as_ref()
    }

    pub(super) fn keep_version(&mut self, place: usize, version: Validator) {
        self.places[place].version = Some(version);
    }

    /// Whether nothing answered yet is held to be a version any more.
    pub(super) fn forget_versions(&mut self) {
        for place in &mut self.places {
            place.version = None;
        }
    }

    /// It is asked no more, unless it is the last one. Says whether another remains.
    pub(super) fn leave_out(&mut self, place: usize) -> bool {
        let mut others = self.places.iter().enumerate();
        let remains = others.any(|(index, other)| index != place && !other.is_out);
        self.places[place].is_out |= remains;
        remains
    }
}

#[cfg(test)]
mod tests {
    use bgcopy_transfer::{Answer, BoxFuture, Failure, Want};

    use super::*;

    struct Nowhere;

    impl Source for Nowhere {
        fn fetch<'a>(&'a self, _: &'a Want) -> BoxFuture<'a, Result<Answer, Failure>> {
            Box::pin(std::future::pending())
        }
    }

    fn sources(mirrors: usize, verifies: bool) -> Sources {
        let mirrors = (0..mirrors).map(|_| Box::new(Nowhere) as Box<dyn Source>);
        Sources::new(Box::new(Nowhere), mirrors.collect(), verifies)
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
        sources.measured(0, 10);
        sources.measured(1, 30);
        for _ in 0..2 {
            let best = sources.best(|place| lanes[place]);
            lanes[best] += 1;
        }
        assert_eq!(lanes, [1, 3]);
    }

    #[test]
    fn a_source_that_is_out_is_asked_no_more_as_long_as_another_remains() {
        let mut sources = sources(1, true);
        assert!(sources.leave_out(ORIGIN));
        assert_eq!((sources.first(), sources.best(|_| 0)), (1, 1));
        assert!(!sources.leave_out(1));
        assert_eq!(sources.first(), 1);
    }
}
