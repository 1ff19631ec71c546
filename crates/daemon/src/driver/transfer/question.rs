//! What a source is asked for, and whether its answer may stand beside the bytes that are here.
//!
//! Owns the rule that two versions are never mixed. The only request under way may begin the file anew; one beside others
//! must fit to them exactly, or it is of no use.

use bgcopy_engine::Run as Missing;
use bgcopy_model::{Condition, Layout, Validator};
use bgcopy_transfer::{Answer, Body, Want};

use super::{Halt, Run, halt, sources::ORIGIN};
use crate::redact::shown;

/// A question to a source.
pub(super) struct Question {
    /// Where in the local file the answer's first byte goes.
    pub(super) local: u64,
    /// How much of the local file is asked for, where that has an end.
    pub(super) length: Option<u64>,
    pub(super) want: Want,
}

/// An answer that fits.
pub(super) struct Accepted {
    /// Where in the local file its first byte goes.
    pub(super) local: u64,
    /// The byte after the last that is wanted of it.
    pub(super) end: Option<u64>,
    /// The byte after the last that comes.
    pub(super) reach: Option<u64>,
    pub(super) body: Box<dyn Body>,
}

impl Run<'_> {
    /// What to ask a source for the beginning of a missing run. `beside`: other requests are under way.
    pub(super) fn question(
        &self,
        place: usize,
        missing: Missing,
        beside: bool,
    ) -> Result<Question, Halt> {
        let continues = !self.picker.here().is_empty();
        let version = self.known(place);
        let has_validator = version.is_some_and(|v| v.if_range().is_some());
        // Bytes that nothing ties to the next answer are of no use: the file starts again. What comes of a mirror is
        // tied to them by the checksum of the whole.
        let starts_again = continues && !has_validator && place == ORIGIN;
        if starts_again && self.sink.is_stream() {
            return Err(self.cannot_start_again(false));
        }
        if starts_again && self.file.ranges.len() > 1 {
            let detail = format!(
                "{} tells by nothing that two answers are of one version, so the ranges cannot be joined",
                self.host(place)
            );
            return Err(halt(Condition::InsufficientRangeSupport, detail));
        }
        let start = if starts_again { 0 } else { missing.start };
        let Some((remote, run)) = self.layout.remote(start) else {
            let detail = format!(
                "{} has no byte {start} of the ranges asked for",
                shown(self.sources.url(place))
            );
            return Err(halt(Condition::InvalidRange, detail));
        };
        let ends = [run, missing.end.map(|end| end - start)];
        let length = ends.into_iter().flatten().min();
        let whole = self.layout.is_whole();
        let end = match length {
            // A run to the known end is asked for without an end: a server's file may only be served whole.
            Some(length) if !(whole && missing.end == self.size) => Some(remote + length),
            _ => None,
        };
        let version = version.filter(|_| has_validator).cloned();
        Ok(Question {
            local: start,
            length,
            want: Want {
                start: remote,
                end,
                version,
                exact: !whole || beside || (continues && place != ORIGIN),
            },
        })
    }

    /// Judges the head of the only answer there is.
    pub(super) async fn accept(
        &mut self,
        place: usize,
        answer: Answer,
        question: &Question,
        missing: Missing,
    ) -> Result<Accepted, Halt> {
        self.is_the_expected(place, &answer.version)?;
        let (local, want) = (question.local, &question.want);
        let continues = !self.picker.here().is_empty();
        if continues && place != ORIGIN {
            let accepted = self.accept_beside(place, answer, question, missing.end)?;
            self.claim(missing, &accepted);
            return Ok(accepted);
        }
        let known = self.known(place);
        let changed = known.is_some_and(|known| {
            known.if_range().is_some() && !known.same_version(&answer.version)
        });
        let mut wanted = missing.end;
        if continues && (changed || answer.start != want.start || want.version.is_none()) {
            let from_the_start = local == 0 && answer.start == want.start;
            if answer.start != 0 && !from_the_start {
                return Err(self.another_range(place));
            }
            self.restart(changed && !self.is_from_elsewhere()).await?;
            wanted = None;
        }
        let local = if answer.start == want.start { local } else { 0 };
        let size = match answer.version.size {
            Some(remote) => {
                let layout = Layout::checked(&self.file.ranges);
                layout.check(remote).map_err(|error| {
                    let detail = format!(
                        "{} has {remote} bytes: {error}",
                        shown(self.sources.url(place))
                    );
                    halt(Condition::from(error), detail)
                })?;
                self.layout = layout.settled(remote);
                self.layout.local_size(Some(remote))
            }
            None if self.layout.needs_size() => {
                let detail = format!(
                    "{} does not say how long the file is, so what comes behind the range to its end has no place",
                    self.host(place)
                );
                return Err(halt(Condition::InsufficientRangeSupport, detail));
            }
            None => self.layout.local_size(None),
        };
        let version = self.keep(place, answer.version);
        self.open(place, size, &version, &answer.facts).await?;
        if place == ORIGIN {
            self.sources.learn(&answer.facts.mirrors);
        }
        self.size = size;
        if let Some(size) = size {
            self.picker.set_size(size);
        }
        self.version = Some(version);
        self.expect_digest();
        let run = self.layout.remote(local).and_then(|(_, run)| run);
        let limit = run.or(size.map(|size| size.saturating_sub(local)));
        let said = answer.end.map(|end| end.saturating_sub(answer.start));
        let reach = [limit, said].into_iter().flatten().min();
        let reach = reach.map(|length| local.saturating_add(length));
        let end = [wanted, reach].into_iter().flatten().min();
        let accepted = Accepted {
            local,
            end,
            reach,
            body: answer.body,
        };
        self.claim(missing, &accepted);
        Ok(accepted)
    }

    /// What the answer brings, not what was asked for, is what nobody else needs to fetch.
    fn claim(&mut self, asked: Missing, accepted: &Accepted) {
        self.picker.give_back(asked);
        self.picker.take(Missing {
            start: accepted.local,
            end: accepted.end,
        });
    }

    /// Judges the head of an answer beside others; the part of it up to `end` is still wanted.
    pub(super) fn accept_beside(
        &mut self,
        place: usize,
        answer: Answer,
        question: &Question,
        end: Option<u64>,
    ) -> Result<Accepted, Halt> {
        self.is_the_expected(place, &answer.version)?;
        let size = self.version.as_ref().and_then(|version| version.size);
        let known = self.known(place);
        let is_another = known.is_some_and(|known| !known.same_version(&answer.version));
        if is_another && (place == ORIGIN || known.is_some_and(|known| known.if_range().is_some()))
        {
            let detail = format!("{} has another version of the file now", self.host(place));
            return Err(halt(Condition::RemoteFileChanged, detail));
        }
        if answer.version.size != size {
            let detail = format!("{} tells another size than before", self.host(place));
            return Err(halt(Condition::InvalidResponse, detail));
        }
        if answer.start != question.want.start {
            return Err(self.another_range(place));
        }
        if place != ORIGIN {
            self.sources.keep_version(place, answer.version);
        }
        let asked = question.length;
        let said = answer.end.map(|end| end.saturating_sub(answer.start));
        let reach = [asked, said].into_iter().flatten().min();
        let reach = reach.map(|length| question.local.saturating_add(length));
        Ok(Accepted {
            local: question.local,
            end: [end, reach].into_iter().flatten().min(),
            reach,
            body: answer.body,
        })
    }

    /// The version that a source is known to have.
    fn known(&self, place: usize) -> Option<&Validator> {
        if place == ORIGIN {
            self.version.as_ref()
        } else {
            self.sources.version(place)
        }
    }

    /// Notes a source's version; what of it goes into the record. A mirror's validators would tell the origin nothing.
    fn keep(&mut self, place: usize, version: Validator) -> Validator {
        if place == ORIGIN {
            return version;
        }
        let size = version.size;
        self.sources.keep_version(place, version);
        Validator {
            size,
            ..Validator::default()
        }
    }

    fn another_range(&self, place: usize) -> Halt {
        let detail = format!(
            "{} answered with another range than asked for",
            self.host(place)
        );
        halt(Condition::InvalidResponse, detail)
    }

    /// Whether more than one request can be under way: the origin serves `ranges`, and its answers are tied to one version
    /// of a known size.
    pub(super) fn can_be_split(&self, ranges: Option<bool>) -> bool {
        let version = self.version.as_ref();
        !self.sink.is_stream()
            && ranges == Some(true)
            && self.size.is_some()
            && version.is_some_and(|version| version.if_range().is_some())
    }

    /// Bytes that no source has brought yet, when so many came that are not written.
    pub(super) fn left(&self, held: u64) -> u64 {
        let come = self.picker.here().len().saturating_add(held);
        self.size.unwrap_or(0).saturating_sub(come)
    }
}
