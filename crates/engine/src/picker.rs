//! Which bytes of one file to ask for next.
//!
//! Sources (origin connections, mirrors, peers) are interchangeable: each asks the picker for a run of bytes that
//! nobody else fetches, says which of them arrived, and gives back what it will not deliver. When nothing is left to
//! hand out, `steal` says whose tail a free source gets; here those bytes are with a source as before. The picker
//! knows no protocol and no version; when the file turns out to be another, it is thrown away with the bytes.

use bgcopy_model::{Extent, RangeSet};

/// Hands the missing bytes of one file to its sources.
///
/// Invariants: `here` is part of `taken`; what is in `taken` and not in `here` is with exactly one source. While the
/// size is unknown the file is taken to reach up to byte 2^64 − 1, so that the run behind the last known byte has no
/// end and can be handed out only once.
#[derive(Clone, Debug)]
pub struct Picker {
    size: Option<u64>,
    here: RangeSet,
    taken: RangeSet,
}

/// A run of bytes to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// First byte.
    pub start: u64,
    /// The byte after the last; `None`: to the end, wherever that is.
    pub end: Option<u64>,
}

impl Picker {
    /// A picker for a file of which these bytes are here.
    pub fn new(size: Option<u64>, here: RangeSet) -> Self {
        let mut picker = Self {
            size: None,
            taken: here.clone(),
            here,
        };
        if let Some(size) = size {
            picker.set_size(size);
        }
        picker
    }

    /// The file's size is known now; nothing lies beyond it.
    pub fn set_size(&mut self, size: u64) {
        let beyond = Extent::new(size, u64::MAX);
        self.size = Some(size);
        self.here.remove(beyond);
        self.taken.remove(beyond);
    }

    /// The first missing run that nobody fetches, at most `most` bytes of it. A run without an end is not cut: where
    /// it ends, nobody knows. `None`: nothing is left to hand out, though some of it may yet be given back.
    ///
    /// Not an iterator: what it says changes with what is given back.
    pub fn next(&mut self, most: u64) -> Option<Run> {
        let gap = self.taken.missing(self.size.unwrap_or(u64::MAX)).next()?;
        let endless = self.size.is_none() && gap.end == u64::MAX;
        let end = if endless {
            gap.end
        } else {
            gap.end.min(gap.start.saturating_add(most.max(1)))
        };
        self.taken.insert(Extent::new(gap.start, end));
        Some(Run {
            start: gap.start,
            end: (!endless).then_some(end),
        })
    }

    /// Hands out what is missing from exactly this byte on, and with nobody, at most up to `until`: for a source that is
    /// there anyway.
    pub fn next_at(&mut self, start: u64, until: u64) -> Option<Run> {
        let until = until.min(self.size.unwrap_or(u64::MAX));
        let gap = self.taken.missing(until).find(|gap| gap.end > start)?;
        if gap.start > start {
            return None;
        }
        self.taken.insert(Extent::new(start, gap.end));
        Some(Run {
            start,
            end: Some(gap.end),
        })
    }

    /// A source fetches this run, whether or not it was handed out: it answered with more than it was asked for.
    pub fn take(&mut self, run: Run) {
        let run = self.clip(Extent::new(run.start, run.end.unwrap_or(u64::MAX)));
        self.taken.insert(run);
    }

    /// These bytes arrived.
    pub fn received(&mut self, bytes: Extent) {
        let bytes = self.clip(bytes);
        self.here.insert(bytes);
        self.taken.insert(bytes);
    }

    /// Whoever fetched this run fetches it no more. What arrived of it stays.
    pub fn give_back(&mut self, run: Run) {
        let run = self.clip(Extent::new(run.start, run.end.unwrap_or(u64::MAX)));
        self.taken.remove(run);
        let kept: Vec<_> = self
            .here
            .iter()
            .filter(|e| e.start < run.end && run.start < e.end)
            .collect();
        for extent in kept {
            self.taken.insert(extent);
        }
    }

    /// The bytes that are here.
    pub const fn here(&self) -> &RangeSet {
        &self.here
    }

    /// Whether every byte is here; never, while the size is unknown.
    pub fn is_complete(&self) -> bool {
        self.size.is_some_and(|size| self.here.len() == size)
    }

    fn clip(&self, bytes: Extent) -> Extent {
        let end = self.size.unwrap_or(u64::MAX);
        Extent::new(bytes.start.min(end), bytes.end.min(end))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::steal::{Held, Thief, by_pieces_of};

    const ALL: u64 = u64::MAX;

    fn set(extents: &[(u64, u64)]) -> RangeSet {
        extents.iter().map(|&(a, b)| Extent::new(a, b)).collect()
    }

    fn run(start: u64, end: impl Into<Option<u64>>) -> Run {
        let end = end.into();
        Run { start, end }
    }

    #[test]
    fn missing_runs_are_handed_out_in_order_and_only_once() {
        let mut picker = Picker::new(Some(30), set(&[(0, 5), (10, 12)]));
        assert_eq!(picker.next(ALL), Some(run(5, 10)));
        assert_eq!(picker.next(6), Some(run(12, 18)));
        assert_eq!(picker.next(ALL), Some(run(18, 30)));
        assert_eq!(picker.next(ALL), None);
    }

    #[test]
    fn a_source_goes_on_where_nobody_else_is() {
        let mut picker = Picker::new(Some(30), set(&[(20, 22)]));
        assert_eq!(picker.next(10), Some(run(0, 10)));
        assert_eq!(picker.next_at(5, 30), None, "that is its own");
        assert_eq!(picker.next_at(10, 15), Some(run(10, 15)));
        assert_eq!(picker.next_at(15, 90), Some(run(15, 20)));
        assert_eq!(picker.next_at(20, 90), None, "here already");
        assert_eq!(picker.next_at(22, 90), Some(run(22, 30)));
        assert_eq!(picker.next_at(30, 90), None, "the end");
    }

    #[test]
    fn a_file_of_unknown_size_has_one_run_without_an_end() {
        let mut picker = Picker::new(None, set(&[(4, 8)]));
        assert_eq!(picker.next(2), Some(run(0, 2)));
        assert_eq!(picker.next(ALL), Some(run(2, 4)));
        assert_eq!(picker.next(2), Some(run(8, None)));
        assert_eq!(picker.next(2), None);
        picker.received(Extent::new(8, 20));
        picker.give_back(Run {
            start: 8,
            end: None,
        });
        assert_eq!(picker.next(2), Some(run(20, None)));
        picker.set_size(20);
        assert_eq!(picker.next(2), None);
        assert!(!picker.is_complete(), "0..4 is still on its way");
    }

    #[test]
    fn an_empty_file_is_complete_without_a_byte() {
        let mut picker = Picker::new(Some(0), RangeSet::new());
        assert_eq!(picker.next(ALL), None);
        assert!(picker.is_complete());
    }

    #[test]
    fn bytes_beyond_the_end_do_not_count() {
        let mut picker = Picker::new(Some(4), RangeSet::new());
        picker.received(Extent::new(0, 9));
        assert!(picker.is_complete());
        assert_eq!(picker.here().len(), 4);
    }

    /// Pieces of a file of 80 bytes, each with its least part.
    const SMALL_PIECE: u64 = 16;
    const SMALL_PART: u64 = 2;

    /// Whose tail is free for another source, and which. A run without an end has none.
    fn steal_from(sources: &[Option<(Run, u64)>; 4], speed: u64) -> Option<(usize, Run)> {
        let held: Vec<_> = sources
            .iter()
            .enumerate()
            .filter_map(|(number, held)| {
                let (run, at) = (*held)?;
                let (end, speed) = (run.end?, at % 5 * 20);
                Some((number, Held { at, end, speed }))
            })
            .collect();
        let runs: Vec<_> = held.iter().map(|(_, run)| *run).collect();
        let thief = Thief {
            speed,
            least: 2,
            most: 30,
        };
        let theft = by_pieces_of(SMALL_PIECE, &runs, &thief)?;
        Some((held[theft.from].0, theft.run))
    }

    proptest! {
        /// Several sources take runs, deliver parts of them, steal from each other and give up, in any order; in the end
        /// one honest source finishes the file.
        #[test]
        fn no_byte_is_with_two_sources_and_all_are_handed_out_in_the_end(
            size in 0u64..80,
            told in any::<bool>(),
            here in prop::collection::vec((0u64..80, 1u64..9), 0..4),
            ops in prop::collection::vec((0usize..4, 0u8..4, 1u64..20), 0..60),
        ) {
            let here: RangeSet =
                here.into_iter().map(|(at, n)| Extent::new(at.min(size), (at + n).min(size))).collect();
            let mut arrived: BTreeSet<u64> = here.iter().flat_map(|e| e.start..e.end).collect();
            let mut picker = Picker::new(told.then_some(size), here);
            let mut sources: [Option<(Run, u64)>; 4] = [None; 4];
            for (source, op, n) in ops {
                match (sources[source], op) {
                    (None, _) => {
                        let stolen = || steal_from(&sources, n);
                        let handed_out = picker.next(n);
                        if handed_out.is_none()
                            && let Some((from, run)) = stolen()
                            && let Some((victim, _)) = &mut sources[from]
                        {
                            // The rest of it stays with the one who had it.
                            prop_assert_eq!(run.end, victim.end);
                            prop_assert_eq!(run.start % SMALL_PART, 0);
                            victim.end = Some(run.start);
                            sources[source] = Some((run, run.start));
                        }
                        if let Some(run) = handed_out.or(sources[source].map(|(run, _)| run)) {
                            let wanted = run.start..run.end.unwrap_or(ALL);
                            prop_assert!(!wanted.is_empty());
                            prop_assert!(arrived.iter().all(|byte| !wanted.contains(byte)));
                            for (number, held) in sources.iter().enumerate() {
                                let Some((other, at)) = held.filter(|_| number != source) else {
                                    continue;
                                };
                                let rest = at..other.end.unwrap_or(ALL);
                                prop_assert!(wanted.end <= rest.start || rest.end <= wanted.start);
                            }
                            sources[source] = Some((run, run.start));
                        }
                    }
                    (Some((run, at)), 0) => {
                        picker.give_back(Run { start: at, end: run.end });
                        sources[source] = None;
                    }
                    (Some((run, at)), _) => {
                        let to = (at + n).min(run.end.unwrap_or(size)).min(size);
                        picker.received(Extent::new(at, to));
                        arrived.extend(at..to);
                        if to >= run.end.unwrap_or(size).min(size) {
                            if run.end.is_none() {
                                picker.set_size(size);
                            }
                            sources[source] = None;
                        } else {
                            sources[source] = Some((run, to));
                        }
                    }
                }
                let bytes: BTreeSet<u64> = picker.here().iter().flat_map(|e| e.start..e.end).collect();
                prop_assert_eq!(&bytes, &arrived);
            }
            for (run, at) in sources.into_iter().flatten() {
                picker.give_back(Run { start: at, end: run.end });
            }
            picker.set_size(size);
            while let Some(run) = picker.next(7) {
                let end = run.end.unwrap_or(size);
                prop_assert!(end - run.start <= 7);
                prop_assert!((run.start..end).all(|byte| arrived.insert(byte)));
                picker.received(Extent::new(run.start, end));
            }
            prop_assert!(picker.is_complete());
            prop_assert_eq!(arrived.len() as u64, size);
        }
    }
}
