//! The places that have a run's file, and which of them is asked.
//!
//! The first is the origin that the caller named; its version is the one that the record keeps. Others, mirrors, are
//! used only where the file has a checksum that the end is held against: their validators say nothing of the origin's
//! bytes, so without one nothing would show that theirs are the same.
//!
//! When the whole does not have its checksum and several places brought it, nobody knows whose bytes were wrong. Then the
//! file begins again from one place alone, the first that is not out; where what one place brought alone is wrong, that
//! place is out for good. So every further try has one place less, and none is asked for the whole twice in vain.

use std::sync::Arc;

use bgcopy_engine::Trouble;
use bgcopy_model::{Mirror, Validator};
use bgcopy_transfer::Source;
use url::Url;

use super::places::{Located, Places};

/// The index of the origin.
pub(super) const ORIGIN: usize = 0;

/// All places of one file. There is always one that is not out.
pub(super) struct Sources {
    places: Vec<Place>,
    /// Whether only the first that is not out is asked.
    one_alone: bool,
    /// Whether bytes are here of which nobody knows who brought them: those of an earlier run.
    has_unknown: bool,
    /// What makes places of mirrors that the origin names.
    more: Option<Places>,
    /// That bytes were wrong, the last time.
    mismatch: Option<Trouble>,
}

struct Place {
    url: Url,
    source: Arc<dyn Source>,
    /// What a mirror answered first; the origin's version is the run's.
    version: Option<Validator>,
    /// Whether it is asked no more.
    is_out: bool,
    /// Why it could not help, the last time.
    trouble: Option<Trouble>,
    /// Whether bytes of it are here.
    has_brought: bool,
    /// Bytes a second of one lane, once measured.
    speed: Option<u64>,
}

impl Place {
    fn new(located: Located) -> Self {
        Self {
            url: located.url,
            source: Arc::from(located.source),
            version: None,
            is_out: false,
            trouble: None,
            has_brought: false,
            speed: None,
        }
    }
}

impl Sources {
    /// The origin and its mirrors, which are left out where nothing `verifies` the end.
    pub(super) fn new(origin: Located, mirrors: Vec<Located>, verifies: bool) -> Self {
        let mirrors = mirrors.into_iter().filter(|_| verifies);
        let places = std::iter::once(origin).chain(mirrors).map(Place::new);
        Self {
            places: places.collect(),
            one_alone: false,
            has_unknown: false,
            more: None,
            mismatch: None,
        }
    }

    /// The same, to which mirrors are added that the origin names. Only for a file that has the caller's checksum: that
    /// of an answer goes with its version, and would be gone with it while the others go on.
    pub(super) fn learning(self, places: Places) -> Self {
        Self {
            more: Some(places),
            ..self
        }
    }

    /// The origin names these.
    pub(super) fn learn(&mut self, mirrors: &[Mirror]) {
        if let Some(more) = &mut self.more {
            let new = mirrors.iter().filter_map(|mirror| more.learn(mirror));
            self.places.extend(new.map(Place::new));
        }
    }

    /// Bytes of an earlier run are here.
    pub(super) const fn go_on(&mut self) {
        self.has_unknown = true;
    }

    /// Bytes of it are here now.
    pub(super) fn brought(&mut self, place: usize) {
        self.places[place].has_brought = true;
    }

    pub(super) fn of(&self, place: usize) -> Arc<dyn Source> {
        self.places[place].source.clone()
    }

    /// Where it is.
    pub(super) fn url(&self, place: usize) -> &Url {
        &self.places[place].url
    }

    /// Whether there is more than one to ask.
    pub(super) fn are_several(&self) -> bool {
        !self.one_alone && self.places.iter().filter(|place| !place.is_out).count() > 1
    }

    /// The first that is not out.
    pub(super) fn first(&self) -> usize {
        let first = self.places.iter().position(|place| !place.is_out);
        first.unwrap_or(ORIGIN)
    }

    /// Where one more lane is to begin, `lanes` being at work at each: at one that was never tried, else so that each has
    /// lanes in proportion to what one of them brings. Until that is measured, a place that answers is held to be as fast
    /// as the fastest; one that has not answered may have another file, and one lane is enough to learn that.
    pub(super) fn best(&self, lanes: impl Fn(usize) -> u64) -> usize {
        if self.one_alone {
            return self.first();
        }
        let fastest = self.places.iter().filter_map(|place| place.speed).max();
        let worth = |index: usize| {
            let place = &self.places[index];
            match lanes(index) {
                0 if place.speed.is_none() => u64::MAX,
                1.. if index != ORIGIN && place.version.is_none() => 0,
                lanes => place.speed.or(fastest).unwrap_or(u64::MAX) / (lanes + 1),
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

    /// No byte is here any more, and nothing answered yet is held to be a version.
    pub(super) fn begin_anew(&mut self) {
        self.has_unknown = false;
        for place in &mut self.places {
            place.version = None;
            place.has_brought = false;
        }
    }

    /// Every byte is here, and the whole does not have its checksum. Says whether the file can begin again: no more often
    /// than there are places, since each time one more is out, or for the first time one is asked alone.
    pub(super) fn whole_was_wrong(&mut self, trouble: &Trouble) -> bool {
        if let Some(place) = self.whose() {
            return self.was_wrong(place, trouble);
        }
        self.mismatch = Some(trouble.clone());
        self.one_alone = true;
        true
    }

    /// Who brought what is here; `None`: several places, or nobody knows who.
    pub(super) fn whose(&self) -> Option<usize> {
        let mut brought = (0..self.places.len()).filter(|index| self.places[*index].has_brought);
        match (brought.next(), brought.next()) {
            _ if self.places.len() == 1 => Some(ORIGIN),
            _ if self.has_unknown => None,
            // Where nobody brought a byte, the empty body was that of the one that was asked.
            (only, None) => Some(only.unwrap_or_else(|| self.first())),
            _ => None,
        }
    }

    /// What this place brought is not the file. Says whether the file can begin again without it.
    pub(super) fn was_wrong(&mut self, place: usize, trouble: &Trouble) -> bool {
        self.mismatch = Some(trouble.clone());
        self.could_not_help(place, trouble);
        self.leave_out(place)
    }

    /// It could not help; what is told of that when no other can is [`Self::verdict`]'s.
    pub(super) fn could_not_help(&mut self, place: usize, trouble: &Trouble) {
        self.places[place].trouble = Some(trouble.clone());
    }

    /// Why the file does not come, when no place is left that could help: the origin's trouble, where that may pass by
    /// itself, since then its bytes are not those that were wrong; else that bytes were wrong, since another try would
    /// fetch them all again; else the first trouble that may pass; else the first.
    pub(super) fn verdict(&self) -> Option<Trouble> {
        let told = || self.places.iter().filter_map(|it| it.trouble.as_ref());
        let may_pass = |it: &&Trouble| it.condition.is_transient();
        let of_origin = self.places[ORIGIN].trouble.as_ref().filter(may_pass);
        let mismatch = self.mismatch.as_ref();
        let verdict = of_origin
            .or(mismatch)
            .or_else(|| told().find(may_pass))
            .or(told().next())?;
        Some(Trouble {
            in_vain: mismatch.is_some(),
            ..verdict.clone()
        })
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
mod tests;
