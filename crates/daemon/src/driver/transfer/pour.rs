//! From a body to a stream: the inner loop of a run that writes to no file.
//!
//! One chunk is under way at a time. While the stream does not take it nothing is read from the origin, whose connection
//! then stands still: a slow reader costs one chunk of memory here. Such a stall is told to the engine, which counts it
//! neither as the origin's silence nor as a use of the turn.

use std::{io, sync::Arc, time::Duration};

use bgcopy_engine::Report;
use bgcopy_model::{Condition, Extent};
use bgcopy_transfer::{Body, Chunk, next_chunk};
use bytes::{Buf, Bytes};
use tokio::time::{Instant, sleep_until};

use super::{Halt, Run, Stream, halt, sink::Sink, sources::ORIGIN};
use crate::crash;

/// Progress is reported at most this often.
const PROGRESS_TIME: Duration = Duration::from_millis(100);

/// How long a stream may take nothing before that is told.
const STALLED: Duration = Duration::from_secs(1);

/// What a pour keeps beside its run.
struct Flow {
    limit: Option<u64>,
    received: u64,
    is_unreported: bool,
    last_progress: Instant,
    /// Whether the stream let this answer wait for so long that it was told.
    has_stalled: bool,
}

impl Run<'_> {
    /// Asks for missing runs, one after the other, until none is left. A stream takes its bytes in order.
    pub(super) async fn fetch_in_order(&mut self) -> Result<(), Halt> {
        while let Some(missing) = self.picker.next(u64::MAX) {
            let question = self.question(ORIGIN, missing, false)?;
            self.until_wanted().await?;
            self.meter.asked();
            let source = self.sources.of(ORIGIN);
            let answer = tokio::select! {
                biased;
                _ = &mut self.stop => Err(Halt::Stopped),
                answer = source.fetch(&question.want) => answer.map_err(Halt::from),
            };
            let answer = match answer {
                Err(Halt::Trouble(trouble))
                    if trouble.condition == Condition::RemoteFileChanged
                        && !self.picker.here().is_empty() =>
                {
                    self.restart(!self.is_from_elsewhere()).await?;
                    continue;
                }
                other => other?,
            };
            let accepted = self.accept(ORIGIN, answer, &question, missing).await?;
            let (local, mut body) = (accepted.local, accepted.body);
            let limit = accepted.reach.map(|reach| reach.saturating_sub(local));
            let before = self.picker.here().len();
            if let Sink::Stream(stream) = &self.sink {
                let stream = stream.clone();
                self.pour(&stream, body.as_mut(), local, limit).await?;
            }
            self.picker.give_back(missing);
            if self.picker.here().len() == before && !self.picker.is_complete() {
                let detail = format!(
                    "{} ended its answer before the first byte",
                    self.host(ORIGIN)
                );
                return Err(halt(Condition::ConnectionClosed, detail));
            }
        }
        Ok(())
    }

    /// Writes a body, of which the first byte is that at `offset`, to the stream, at most `limit` bytes of it.
    async fn pour(
        &mut self,
        stream: &Arc<Stream>,
        body: &mut dyn Body,
        offset: u64,
        limit: Option<u64>,
    ) -> Result<(), Halt> {
        if offset != self.picker.here().len() {
            // Never bytes twice, whatever led here.
            return Err(self.cannot_start_again(false));
        }
        let mut flow = Flow {
            limit,
            received: 0,
            is_unreported: false,
            last_progress: Instant::now(),
            has_stalled: false,
        };
        let ended = self.receive_into(stream, &mut flow, body).await;
        match ended {
            // An origin that gave up while it could not send is asked again at once, behind the last byte.
            Err(Halt::Trouble(trouble))
                if flow.has_stalled
                    && flow.received > 0
                    && trouble.condition == Condition::ConnectionClosed =>
            {
                tracing::debug!(file = %self.reporter.id, "the origin did not wait for the reader: {}", trouble.detail);
                Ok(())
            }
            ended => ended,
        }
    }

    /// Waits until the stream has room: whoever reads nothing costs the origin no question.
    async fn until_wanted(&mut self) -> Result<(), Halt> {
        let Sink::Stream(stream) = &self.sink else {
            return Ok(());
        };
        let stream = stream.clone();
        self.writable(&stream).await.map(drop)
    }

    async fn receive_into(
        &mut self,
        stream: &Arc<Stream>,
        flow: &mut Flow,
        body: &mut dyn Body,
    ) -> Result<(), Halt> {
        loop {
            let due = flow.last_progress + PROGRESS_TIME;
            let chunk = tokio::select! {
                biased;
                _ = &mut self.stop => return Err(Halt::Stopped),
                () = sleep_until(due), if flow.is_unreported => {
                    self.report_progress(flow);
                    continue;
                }
                chunk = next_chunk(body) => chunk?,
            };
            match chunk {
                Chunk::Data(bytes) => {
                    let room = flow.limit.map(|limit| limit - flow.received);
                    let bytes = self.wanted(ORIGIN, bytes, room)?;
                    self.write_all(stream, flow, bytes).await?;
                    if flow.limit == Some(flow.received) && !self.layout.is_whole() {
                        return Ok(());
                    }
                }
                Chunk::End { verified } => {
                    self.body_ended(self.picker.here().len(), verified);
                    return Ok(());
                }
            }
        }
    }

    async fn write_all(
        &mut self,
        stream: &Arc<Stream>,
        flow: &mut Flow,
        mut bytes: Bytes,
    ) -> Result<(), Halt> {
        while !bytes.is_empty() {
            let (mut ready, stalled) = self.writable(stream).await?;
            flow.has_stalled |= stalled;
            let here = self.picker.here().len();
            // Not given up in the middle: what it has taken must be known.
            match stream.write(&bytes).await {
                Ok(position) => {
                    crash::point("bytes-written");
                    self.picker.received(Extent::new(here, position));
                    let count = position.saturating_sub(here);
                    flow.received += count;
                    flow.is_unreported = true;
                    bytes.advance(usize::try_from(count).unwrap_or(0).min(bytes.len()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
            if flow.is_unreported && flow.last_progress.elapsed() >= PROGRESS_TIME {
                self.report_progress(flow);
            }
        }
        Ok(())
    }

    /// Waits until the stream takes bytes; says whether it let us wait long.
    async fn writable<'s>(&mut self, stream: &'s Stream) -> Result<(super::Ready<'s>, bool), Halt> {
        let stalls_at = Instant::now() + STALLED;
        let mut stalled = false;
        let ready = loop {
            tokio::select! {
                biased;
                _ = &mut self.stop => return Err(Halt::Stopped),
                ready = stream.writable() => break ready,
                () = sleep_until(stalls_at), if !stalled => {
                    stalled = true;
                    self.reporter.report(Report::Progress(self.picker.here().len()));
                    self.reporter.report(Report::Stalled(true));
                }
            }
        };
        if stalled {
            self.reporter.report(Report::Stalled(false));
        }
        Ok((ready.map_err(|error| broken(&error))?, stalled))
    }

    fn report_progress(&mut self, flow: &mut Flow) {
        flow.is_unreported = false;
        flow.last_progress = Instant::now();
        self.reporter
            .report(Report::Progress(self.picker.here().len()));
    }
}

/// Nobody reads, or the descriptor is not what it was.
fn broken(error: &io::Error) -> Halt {
    let detail = match error.kind() {
        io::ErrorKind::BrokenPipe => {
            "the stream's reader has closed it; hand over a new stream, which begins at the first byte of the range set"
                .to_owned()
        }
        _ => format!("the stream cannot be written: {error}"),
    };
    halt(Condition::StreamBroken, detail)
}
