//! From a body to the disk: the inner loop of a run.

use std::time::Duration;

use bgcopy_disk::DiskError;
use bgcopy_engine::Report;
use bgcopy_model::{Condition, Extent, RangeSet};
use bgcopy_transfer::{Body, Chunk, next_chunk};
use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, OptionFuture},
    stream::FuturesOrdered,
};
use tokio::time::{Instant, sleep_until};

use super::{Halt, Run, halt};
use crate::crash;

/// Bytes that are written in one operation.
const BATCH: usize = 1 << 20;
/// Writes that are under way at once.
const WRITES: usize = 2;
/// A checkpoint is due after so many bytes …
const CHECKPOINT_BYTES: u64 = 64 << 20;
/// … or after this time, whichever comes first (rules: at most that is fetched again).
pub(super) const CHECKPOINT_TIME: Duration = Duration::from_secs(1);
/// Progress is reported at most this often.
const PROGRESS_TIME: Duration = Duration::from_millis(100);

/// What a pump keeps beside its run.
struct Flow {
    /// Chunks that wait to be written, and their bytes.
    waiting: Vec<Bytes>,
    length: usize,
    /// Where the first of them goes.
    offset: u64,
    /// Writes under way, in order.
    writes: FuturesOrdered<BoxFuture<'static, Result<Extent, DiskError>>>,
    /// The sync under way, and what it makes durable.
    sync: OptionFuture<BoxFuture<'static, (RangeSet, Result<(), DiskError>)>>,
    syncing: bool,
    /// Bytes written since the last checkpoint began.
    unsynced: u64,
    unreported: bool,
    last_checkpoint: Instant,
    last_progress: Instant,
}

impl Run<'_> {
    /// Writes a body to the temporary file from `offset` on, at most `limit` bytes of it. Its first `chunks` have come.
    pub(super) async fn pump(
        &mut self,
        body: &mut dyn Body,
        offset: u64,
        limit: Option<u64>,
        chunks: Vec<Bytes>,
    ) -> Result<(), Halt> {
        let now = Instant::now();
        let mut flow = Flow {
            length: chunks.iter().map(Bytes::len).sum(),
            waiting: chunks,
            offset,
            writes: FuturesOrdered::new(),
            sync: None.into(),
            syncing: false,
            unsynced: 0,
            unreported: false,
            last_checkpoint: now,
            last_progress: now,
        };
        let ended = self.receive(&mut flow, body, limit).await;
        // Whatever ended it: what was received is written, so that nothing is fetched twice.
        let flushed = self.drain(&mut flow).await;
        ended?;
        flushed
    }

    async fn receive(
        &mut self,
        flow: &mut Flow,
        body: &mut dyn Body,
        limit: Option<u64>,
    ) -> Result<(), Halt> {
        let first = flow.offset;
        loop {
            let is_full = flow.length >= BATCH;
            let (due, has_due) = (flow.due(), flow.has_due());
            tokio::select! {
                biased;
                _ = &mut self.stop => return Err(Halt::Stopped),
                Some(written) = flow.writes.next(), if !flow.writes.is_empty() => {
                    self.wrote(flow, written)?;
                }
                Some((synced, result)) = &mut flow.sync, if flow.syncing => {
                    self.synced(flow, synced, result)?;
                }
                () = sleep_until(due), if has_due => self.tick(flow),
                chunk = next_chunk(body), if !is_full => match chunk? {
                    Chunk::Data(bytes) => {
                        let received = flow.offset + flow.length as u64 - first;
                        let bytes = self.wanted(bytes, limit.map(|limit| limit - received))?;
                        flow.length += bytes.len();
                        flow.waiting.push(bytes);
                        if limit == Some(flow.offset + flow.length as u64 - first) && !self.layout.is_whole() {
                            return Ok(());
                        }
                    }
                    Chunk::End { verified } => {
                        self.body_ended(flow.offset + flow.length as u64, verified);
                        return Ok(());
                    }
                },
            }
            let batch_is_due =
                flow.writes.is_empty() || (flow.length >= BATCH && flow.writes.len() < WRITES);
            if flow.length > 0 && batch_is_due {
                self.write(flow)?;
            }
        }
    }

    /// What is wanted of bytes that came: at most `room`.
    pub(super) fn wanted(&mut self, mut bytes: Bytes, room: Option<u64>) -> Result<Bytes, Halt> {
        self.meter.received(bytes.len());
        if let Some(room) = room
            && bytes.len() as u64 > room
        {
            if self.layout.is_whole() {
                let detail = format!("{} sent more than it said it would", self.host());
                return Err(halt(Condition::InvalidResponse, detail));
            }
            // The caller's range ends here; the rest of the answer is not wanted.
            bytes.truncate(usize::try_from(room).unwrap_or(0));
        }
        Ok(bytes)
    }

    /// A body ended behind this byte, which is where a file of unknown size ends.
    pub(super) fn body_ended(&mut self, end: u64, verified: bool) {
        if self.size.is_none() {
            self.size = Some(end);
            self.picker.set_size(end);
            self.length_verified = verified;
        }
    }

    /// Hands what waits to the disk.
    fn write(&mut self, flow: &mut Flow) -> Result<(), Halt> {
        let temporary = self.temporary()?.clone();
        let chunks = std::mem::take(&mut flow.waiting);
        let length = std::mem::take(&mut flow.length) as u64;
        let extent = Extent::new(flow.offset, flow.offset + length);
        flow.offset = extent.end;
        let write = async move {
            temporary.write(extent.start, chunks).await?;
            Ok(extent)
        };
        flow.writes.push_back(write.boxed());
        Ok(())
    }

    fn wrote(&mut self, flow: &mut Flow, written: Result<Extent, DiskError>) -> Result<(), Halt> {
        let extent = written?;
        crash::point("bytes-written");
        self.picker.received(extent);
        flow.unsynced += extent.len();
        flow.unreported = true;
        if flow.unsynced >= CHECKPOINT_BYTES && !flow.syncing {
            self.begin_checkpoint(flow)?;
        }
        Ok(())
    }

    /// Starts to sync what is written; the source goes on meanwhile.
    fn begin_checkpoint(&mut self, flow: &mut Flow) -> Result<(), Halt> {
        let temporary = self.temporary()?.clone();
        let here = self.picker.here().clone();
        flow.unsynced = 0;
        flow.last_checkpoint = Instant::now();
        flow.syncing = true;
        flow.sync = Some(async move { (here, temporary.sync().await) }.boxed()).into();
        Ok(())
    }

    fn synced(
        &mut self,
        flow: &mut Flow,
        synced: RangeSet,
        result: Result<(), DiskError>,
    ) -> Result<(), Halt> {
        flow.syncing = false;
        flow.sync = None.into();
        result?;
        crash::point("bytes-synced");
        self.durable = synced.clone();
        self.report_spent();
        self.reporter.report(Report::Durable(synced));
        Ok(())
    }

    /// Reports progress, and begins a checkpoint when it is time.
    fn tick(&mut self, flow: &mut Flow) {
        let now = Instant::now();
        if flow.unreported && now >= flow.last_progress + PROGRESS_TIME {
            flow.last_progress = now;
            flow.unreported = false;
            self.reporter
                .report(Report::Progress(self.picker.here().len()));
        }
        if flow.unsynced > 0 && !flow.syncing && now >= flow.last_checkpoint + CHECKPOINT_TIME {
            // It fails only without a temporary file, and then nothing is unsynced.
            let _ = self.begin_checkpoint(flow);
        }
    }

    /// Writes what waits and lets everything that is under way end.
    async fn drain(&mut self, flow: &mut Flow) -> Result<(), Halt> {
        if flow.length > 0 {
            self.write(flow)?;
        }
        while let Some(written) = flow.writes.next().await {
            self.wrote(flow, written)?;
        }
        if flow.syncing
            && let Some((synced, result)) = (&mut flow.sync).await
        {
            self.synced(flow, synced, result)?;
        }
        Ok(())
    }
}

impl Flow {
    /// Whether there is anything to do by the clock.
    fn has_due(&self) -> bool {
        self.unreported || (self.unsynced > 0 && !self.syncing)
    }

    /// When.
    fn due(&self) -> Instant {
        let progress = self.unreported.then(|| self.last_progress + PROGRESS_TIME);
        let checkpoint =
            (self.unsynced > 0 && !self.syncing).then(|| self.last_checkpoint + CHECKPOINT_TIME);
        let due = [progress, checkpoint].into_iter().flatten().min();
        due.unwrap_or(self.last_progress)
    }
}
