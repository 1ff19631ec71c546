//! A run that writes to a file: its lanes, and what each of their events means.
//!
//! One request is the first: it finds out what the file is, and only its trouble is the run's, where no other goes on.
//! Others begin beside it when they pay and nothing speaks against them; one that fails goes quietly, what it was to bring
//! goes to the rest, or to a new first one. Another version, wherever it shows, begins the file anew with all lanes gone.

use std::{future::poll_fn, sync::atomic::Ordering};

use bgcopy_engine::Run as Missing;
use bgcopy_model::{Condition, PIECE};
use bgcopy_transfer::Chunk;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::{
    Halt, Run,
    crew::Crew,
    gather::Gathered,
    halt,
    lane::{Answered, Lane, News, State},
    question::Accepted,
};

impl Run<'_> {
    /// Asks for missing runs until none is left. Whatever ends it: what was received is written, so that nothing is
    /// fetched twice.
    pub(super) async fn fetch(&mut self) -> Result<(), Halt> {
        let mut crew = Crew::new();
        let ended = self.work(&mut crew).await;
        let flushed = self.drain(&mut crew).await;
        ended?;
        flushed
    }

    async fn work(&mut self, crew: &mut Crew) -> Result<(), Halt> {
        loop {
            if crew.active() == 0 && !self.begin_first(crew).await? {
                return Ok(());
            }
            self.begin_more(crew);
            let due = crew.due();
            let has_due = due.is_some();
            tokio::select! {
                biased;
                _ = &mut self.stop => return Err(Halt::Stopped),
                Some(written) = crew.writes.next(), if !crew.writes.is_empty() => {
                    self.wrote(crew, written)?;
                }
                Some((synced, result)) = &mut crew.sync, if crew.syncing => {
                    self.synced(crew, synced, result)?;
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if has_due => {
                    self.tick(crew);
                    self.look(crew);
                }
                (index, news) = poll_fn(|context| Crew::poll(&mut crew.lanes, &mut crew.turn, context)) => {
                    self.heard(crew, index, news).await?;
                }
            }
            self.write_due(crew)?;
            crew.sweep();
        }
    }

    /// Asks for the first missing run; `false`: there is none. What came before is written by then, because what may be
    /// asked for depends on what is here.
    async fn begin_first(&mut self, crew: &mut Crew) -> Result<bool, Halt> {
        self.flush(crew).await?;
        crew.lanes.clear();
        let Some(missing) = self.picker.next(u64::MAX) else {
            return Ok(false);
        };
        self.begin(crew, self.sources.first(), missing, false)?;
        Ok(true)
    }

    /// Asks for more beside it, as long as that is allowed and there is something worth a request.
    fn begin_more(&mut self, crew: &mut Crew) {
        while crew.may_grow() {
            let Some(run) = self.picker.next(u64::MAX).or_else(|| crew.steal()) else {
                return;
            };
            let place = self.sources.best(|place| crew.active_at(place));
            if self.begin(crew, place, run, true).is_err() {
                self.picker.give_back(run);
                crew.refused();
            }
        }
    }

    fn begin(
        &mut self,
        crew: &mut Crew,
        place: usize,
        mut run: Missing,
        is_extra: bool,
    ) -> Result<(), Halt> {
        let question = self.question(place, run, is_extra)?;
        if is_extra && let Some(length) = question.length {
            // Ranges that lie apart at the origin take a request each.
            let end = run.start.saturating_add(length);
            if run.end != Some(end) {
                self.picker.give_back(Missing { start: end, ..run });
                run.end = Some(end);
            }
        }
        self.meter.asked();
        let source = self.sources.of(place);
        let answer = async move {
            let answer = if is_extra {
                source.fetch_beside(&question.want).await
            } else {
                source.fetch(&question.want).await
            };
            Box::new((question, answer))
        };
        let asking = State::Asking {
            since: Instant::now(),
            answer: answer.boxed(),
        };
        let (id, budget) = (crew.next_id(), self.budget.clone());
        let lane = Lane::new(id, place, is_extra, run, asking, budget);
        crew.lanes.push(lane);
        Ok(())
    }

    async fn heard(&mut self, crew: &mut Crew, index: usize, news: News) -> Result<(), Halt> {
        match news {
            News::Answered(answered) => self.answered(crew, index, *answered).await,
            News::Chunk(Ok(Chunk::Data(bytes))) => match self.came(crew, index, bytes) {
                Ok(()) => Ok(()),
                Err(halt) => self.failed(crew, index, halt).await,
            },
            News::Read(bytes) => {
                self.read(crew, index, bytes);
                Ok(())
            }
            News::Chunk(Ok(Chunk::End { verified })) => self.ended(crew, index, verified).await,
            News::Chunk(Err(failure)) => self.failed(crew, index, failure.into()).await,
            // Its bytes are handed to the disk behind this.
            News::Full => Ok(()),
        }
    }

    async fn answered(
        &mut self,
        crew: &mut Crew,
        index: usize,
        (question, answer): Answered,
    ) -> Result<(), Halt> {
        let lane = &crew.lanes[index];
        if let State::Asking { since, .. } = &lane.state {
            let time = since.elapsed();
            crew.answered_after(time);
        }
        let lane = &crew.lanes[index];
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.failed(crew, index, failure.into()).await,
        };
        let (place, end) = (lane.place, lane.end);
        if lane.is_extra {
            match self.accept_beside(place, answer, &question, end) {
                Ok(accepted) => {
                    if let Some(start) = accepted.end.filter(|start| Some(*start) != end) {
                        self.picker.give_back(Missing { start, end });
                    }
                    crew.lanes[index].begin(accepted);
                }
                Err(halt) => return self.failed(crew, index, halt).await,
            }
            return Ok(());
        }
        let ranges = answer.facts.ranges;
        let start = lane.next;
        let missing = Missing { start, end };
        let accepted = match self.accept(place, answer, &question, missing).await {
            Ok(accepted) => accepted,
            Err(halt) => return self.failed(crew, index, halt).await,
        };
        let begun = self.take_up(&mut crew.lanes[index], accepted).await?;
        crew.received += begun;
        if self.can_be_split(ranges) {
            crew.widen(
                self.most_lanes.load(Ordering::Relaxed),
                self.left(crew.held()),
                self.sources.are_several(),
            );
        } else {
            crew.narrow();
        }
        Ok(())
    }

    /// Takes up what the only answer brings: a small file in one piece, others as the bytes come. Says how many came.
    async fn take_up(&mut self, lane: &mut Lane, mut accepted: Accepted) -> Result<u64, Halt> {
        let (local, reach) = (accepted.local, accepted.reach);
        let gathered = if local == 0 && self.gathers(self.size) {
            self.gather(lane.place, accepted.body.as_mut(), reach)
                .await?
        } else {
            Gathered::Begin(Vec::new())
        };
        let chunks = match gathered {
            Gathered::Whole => {
                self.sources.brought(lane.place);
                accepted.local = self.size.unwrap_or(local);
                lane.begin(accepted);
                lane.end_here();
                return Ok(0);
            }
            Gathered::Begin(chunks) => chunks,
            Gathered::Ended(chunks, rest) => {
                accepted.body = Box::new(rest);
                chunks
            }
        };
        self.make(self.size).await?;
        lane.begin(accepted);
        for chunk in chunks {
            self.sources.brought(lane.place);
            lane.push(chunk);
        }
        Ok(lane.brought)
    }

    /// Bytes came.
    fn came(&mut self, crew: &mut Crew, index: usize, bytes: Bytes) -> Result<(), Halt> {
        let lane = &mut crew.lanes[index];
        let room = lane.reach.map(|reach| reach.saturating_sub(lane.next));
        let mut bytes = self.wanted(lane.place, bytes, room)?;
        self.extend(lane, bytes.len());
        if let Some(end) = lane.end {
            let wanted = usize::try_from(end.saturating_sub(lane.next)).unwrap_or(usize::MAX);
            bytes.truncate(wanted);
        }
        crew.received += bytes.len() as u64;
        lane.push(bytes);
        self.moved_on(crew, index);
        Ok(())
    }

    /// Bytes came to where they wait; none beyond the lane's end.
    fn read(&mut self, crew: &mut Crew, index: usize, bytes: usize) {
        self.meter.received(bytes);
        let lane = &mut crew.lanes[index];
        self.extend(lane, bytes);
        crew.received += bytes as u64;
        lane.read(bytes);
        self.moved_on(crew, index);
    }

    /// Where these bytes lead to the lane's end: another lane took the tail, and may have given it back. Then no new
    /// question is needed.
    fn extend(&mut self, lane: &mut Lane, bytes: usize) {
        let to = lane.next.saturating_add(bytes as u64);
        while let Some((end, reach)) = lane.end.zip(lane.reach)
            && end <= to
            && end < reach
            && !lane.is_retiring
            && let Some(more) = self.picker.next_at(end, reach)
        {
            lane.end = more.end;
        }
    }

    /// The lane has brought bytes.
    fn moved_on(&mut self, crew: &mut Crew, index: usize) {
        let lane = &mut crew.lanes[index];
        crew.unreported = true;
        self.sources.brought(lane.place);
        // Where nothing was taken and the file is whole, the body ends itself, and its connection is of further use.
        let ends_itself = lane.end == lane.reach && self.layout.is_whole();
        if lane.end == Some(lane.next) && !ends_itself {
            lane.end_here();
        }
    }

    /// A body ended.
    async fn ended(&mut self, crew: &mut Crew, index: usize, verified: bool) -> Result<(), Halt> {
        let lane = &mut crew.lanes[index];
        self.body_ended(lane.next, verified);
        lane.end = lane.end.or(self.size);
        let Some(rest) = lane.rest() else {
            lane.end_here();
            return Ok(());
        };
        if lane.brought == 0 {
            let detail = format!(
                "{} ended its answer before the first byte",
                self.host(lane.place)
            );
            let halt = halt(Condition::ConnectionClosed, detail);
            return self.failed(crew, index, halt).await;
        }
        lane.end_here();
        self.picker.give_back(rest);
        Ok(())
    }

    /// Looks whether there are as many lanes as there should be: when it is time, and at every tick when there are too
    /// many.
    fn look(&mut self, crew: &mut Crew) {
        crew.allow(self.most_lanes.load(Ordering::Relaxed));
        let is_due = crew.look_at().is_some_and(|due| due <= Instant::now());
        if is_due {
            for lane in crew.lanes.iter_mut().filter(|lane| lane.is_receiving()) {
                let speed = lane.measure();
                self.sources.measured(lane.place, speed);
            }
            crew.look(self.left(crew.held()));
        }
        // Where there may be one lane only, nothing is ever due, and those of before are still there.
        if is_due || crew.active() > crew.number() {
            self.make_way(crew);
            self.retire(crew);
        }
    }

    /// Gives a connection up for which somebody else waits: the first request of another file comes before the second of
    /// this one.
    fn make_way(&mut self, crew: &mut Crew) {
        if crew.active() < 2 {
            return;
        }
        let mut lanes = crew.lanes.iter_mut();
        let Some(lane) = lanes.find(|lane| lane.is_extra && lane.is_in_the_way()) else {
            return;
        };
        let rest = lane.rest();
        lane.end_here();
        if let Some(rest) = rest {
            self.picker.give_back(rest);
        }
        crew.refused();
    }

    /// Lets lanes end of which there are too many: soon, but not in the middle of a piece.
    fn retire(&mut self, crew: &mut Crew) {
        let working = crew.lanes.iter().filter(|lane| lane.is_working()).count();
        let excess = working.saturating_sub(crew.may_go_on() as usize);
        let extra = |lane: &&mut Lane| lane.is_working() && lane.is_extra;
        for lane in crew.lanes.iter_mut().rev().filter(extra).take(excess) {
            let Some(rest) = lane.rest().filter(|_| !lane.is_receiving()) else {
                self.shorten(lane);
                continue;
            };
            lane.end_here();
            self.picker.give_back(rest);
        }
    }

    /// Ends a lane about a second from now.
    fn shorten(&mut self, lane: &mut Lane) {
        lane.is_retiring = true;
        let soon = lane.speed.unwrap_or(0).max(PIECE);
        let cut = lane.next.saturating_add(soon);
        if let Some(cut) = cut.checked_next_multiple_of(PIECE)
            && let Some(end) = lane.end
            && cut < end
        {
            lane.end = Some(cut);
            self.picker.give_back(Missing {
                start: cut,
                end: Some(end),
            });
        }
    }
}
