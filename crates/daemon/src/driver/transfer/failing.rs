//! What a run does when a lane fails, when the file turns out to be another, and when its bytes were wrong.
//!
//! Owns the way on: by the other lanes, at another place, from the start, or no further. Which places are left is known
//! to `sources`. It must never keep bytes beside which others may be wrong.

use bgcopy_engine::{Outcome, Trouble};
use bgcopy_model::Condition;

use super::{Halt, Run, crew::Crew, sources::ORIGIN};

impl Run<'_> {
    /// Fetches the file until the whole is what it should be, or no place is left that could bring it. Which place is
    /// asked after bytes that were wrong is [`Sources`]' affair.
    ///
    /// [`Sources`]: super::sources::Sources
    pub(super) async fn fetch_and_finish(&mut self) -> Result<Outcome, Halt> {
        loop {
            self.fetch().await?;
            let trouble = match self.finish().await {
                Err(Halt::Trouble(trouble)) if trouble.condition == Condition::DigestMismatch => {
                    trouble
                }
                ended => return ended,
            };
            if !self.sources.whole_was_wrong(&trouble) {
                let verdict = self.verdict(trouble);
                if !verdict.is_mismatch() {
                    self.restart(false).await?;
                }
                return Err(verdict);
            }
            tracing::debug!(file = %self.reporter.id, "begun anew: {}", trouble.detail);
            self.restart(false).await?;
        }
    }

    /// A lane failed: that is the run's failure only where no other goes on, no other place is left, and it did not begin
    /// beside others. What the disk says, [`Halt::Local`], is the run's failure whoever heard of it.
    pub(super) async fn failed(
        &mut self,
        crew: &mut Crew,
        index: usize,
        halt: Halt,
    ) -> Result<(), Halt> {
        let Halt::Trouble(trouble) = halt else {
            return Err(halt);
        };
        if trouble.condition == Condition::Internal {
            return Err(Halt::Trouble(trouble));
        }
        let lane = &mut crew.lanes[index];
        let (place, is_extra, has_sent) = (lane.place, lane.is_extra, lane.is_receiving());
        let has_begun = is_extra || lane.brought > 0 || !self.picker.here().is_empty();
        if trouble.condition == Condition::RemoteFileChanged && place == ORIGIN && has_begun {
            return self.begin_again(crew).await;
        }
        let is_another_file = trouble.condition == Condition::DigestMismatch;
        if is_another_file && has_sent {
            // Which of the bytes here are its own is not known any more: all go, and so does the place.
            if !self.sources.was_wrong(place, &trouble) {
                let verdict = self.verdict(trouble);
                if !verdict.is_mismatch() {
                    self.begin_anew(crew, false).await?;
                }
                return Err(verdict);
            }
            tracing::debug!(file = %self.reporter.id, place, "left out: {}", trouble.detail);
            return self.begin_anew(crew, false).await;
        }
        self.sources.could_not_help(place, &trouble);
        let rest = lane.rest();
        lane.end_here();
        if let Some(rest) = rest {
            self.picker.give_back(rest);
        }
        if trouble.condition == Condition::InsufficientRangeSupport && place == ORIGIN {
            crew.narrow_for_good();
        }
        crew.refused();
        // When no other is left, what an extra lane did not bring is asked for once more: by the first of the next ones.
        let others_go_on = crew.active() > 0 || is_extra;
        // One that has enough of our connections brings what it can by those it has.
        let goes_on_there = trouble.condition.is_transient() && crew.active_at(place) > 0;
        let is_useless = (place != ORIGIN && !goes_on_there) || !others_go_on || is_another_file;
        let is_left_out = is_useless && self.sources.leave_out(place);
        if others_go_on || is_left_out {
            tracing::debug!(file = %self.reporter.id, place, "a lane ended: {}", trouble.detail);
            return Ok(());
        }
        Err(self.verdict(trouble))
    }

    /// What is told when the last place failed by this. That bytes were wrong drops them all; where that is not what is
    /// told, whoever knows of wrong ones has to.
    fn verdict(&self, last: Trouble) -> Halt {
        Halt::Trouble(self.sources.verdict().unwrap_or(last))
    }

    /// The file is another one than that of which bytes are here.
    async fn begin_again(&mut self, crew: &mut Crew) -> Result<(), Halt> {
        let changed = !self.is_from_elsewhere();
        self.begin_anew(crew, changed).await
    }

    /// Drops what is here and what is on its way.
    async fn begin_anew(&mut self, crew: &mut Crew, changed: bool) -> Result<(), Halt> {
        for lane in &mut crew.lanes {
            lane.end_here();
            lane.forget_waiting();
        }
        crew.narrow();
        self.drain(crew).await?;
        crew.lanes.clear();
        self.restart(changed).await
    }
}
