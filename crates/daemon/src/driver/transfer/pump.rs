//! From the lanes to the disk: writes, checkpoints, progress.
//!
//! Each lane has at most two writes under way, of which none crosses a border of pieces, so that memory is bounded and the
//! source feels the disk's speed. Chunks collect until their piece is there or a checkpoint is due: a fast source costs one
//! hop to the disk's thread a piece, a slow one a hop a second.

use std::time::Duration;

use bgcopy_disk::{DiskError, TempFile};
use bgcopy_engine::Report;
use bgcopy_model::{Condition, Extent, RangeSet};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::{
    Halt, Run,
    crew::{Crew, Written},
    halt,
    lane::Lane,
};
use crate::crash;

/// A checkpoint is due after so many bytes …
const CHECKPOINT_BYTES: u64 = 64 << 20;
/// … or after this time, whichever comes first (rules: at most that is fetched again).
pub(super) const CHECKPOINT_TIME: Duration = Duration::from_secs(1);
/// Progress is reported at most this often.
const PROGRESS_TIME: Duration = Duration::from_millis(100);

impl Run<'_> {
    /// What is wanted of bytes that came from a place: at most `room`.
    pub(super) fn wanted(
        &mut self,
        place: usize,
        mut bytes: Bytes,
        room: Option<u64>,
    ) -> Result<Bytes, Halt> {
        self.meter.received(bytes.len());
        if let Some(room) = room
            && bytes.len() as u64 > room
        {
            if self.layout.is_whole() {
                let detail = format!("{} sent more than it said it would", self.host(place));
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

    /// Hands to the disk what is due.
    pub(super) fn write_due(&mut self, crew: &mut Crew) -> Result<(), Halt> {
        for lane in &mut crew.lanes {
            while let Some((extent, chunks)) = lane.batch() {
                let write = write(self.temporary()?, lane.id, extent, chunks);
                crew.written.insert(extent);
                crew.writes.push(write.boxed());
            }
        }
        Ok(())
    }

    pub(super) fn wrote(&mut self, crew: &mut Crew, written: Written) -> Result<(), Halt> {
        let (id, extent, result) = written;
        if let Some(lane) = crew.lanes.iter_mut().find(|lane| lane.id == id) {
            lane.wrote(extent.len());
        }
        result?;
        crash::point("bytes-written");
        self.picker.received(extent);
        crew.written.remove(extent);
        crew.unsynced += extent.len();
        crew.unreported = true;
        if crew.unsynced >= CHECKPOINT_BYTES && !crew.syncing {
            self.begin_checkpoint(crew)?;
        }
        Ok(())
    }

    /// Starts to sync what is written or handed to the disk; the sources go on meanwhile.
    fn begin_checkpoint(&mut self, crew: &mut Crew) -> Result<(), Halt> {
        let temporary = self.temporary()?.clone();
        let mut here = self.picker.here().clone();
        for extent in crew.written.iter() {
            here.insert(extent);
        }
        crew.unsynced = 0;
        crew.last_checkpoint = Instant::now();
        crew.syncing = true;
        crew.sync = Some(async move { (here, temporary.sync().await) }.boxed()).into();
        Ok(())
    }

    pub(super) fn synced(
        &mut self,
        crew: &mut Crew,
        mut synced: RangeSet,
        result: Result<(), DiskError>,
    ) -> Result<(), Halt> {
        crew.syncing = false;
        crew.sync = None.into();
        result?;
        // Of a write that failed, or whose end was not heard of yet, nothing is said.
        synced.intersect(self.picker.here());
        crash::point("bytes-synced");
        self.durable = synced.clone();
        self.report_spent();
        self.reporter.report(Report::Durable(synced));
        Ok(())
    }

    /// Reports progress, and begins a checkpoint when it is time.
    pub(super) fn tick(&mut self, crew: &mut Crew) {
        let now = Instant::now();
        if crew.unreported && now >= crew.last_progress + PROGRESS_TIME {
            crew.last_progress = now;
            crew.unreported = false;
            let came = self.picker.here().len() + crew.held();
            self.reporter.report(Report::Progress(came));
        }
        if crew.has_unsynced() && now >= crew.last_checkpoint + CHECKPOINT_TIME {
            crew.lanes.iter_mut().for_each(Lane::make_due);
            // Both fail only without a temporary file, and then nothing is unsynced.
            let _ = self.write_due(crew);
            let _ = self.begin_checkpoint(crew);
        }
    }

    /// Writes what came.
    pub(super) async fn flush(&mut self, crew: &mut Crew) -> Result<(), Halt> {
        for lane in &mut crew.lanes {
            while let Some((extent, chunks)) = lane.last_batch() {
                let write = write(self.temporary()?, lane.id, extent, chunks);
                crew.written.insert(extent);
                crew.writes.push(write.boxed());
            }
        }
        while let Some(written) = crew.writes.next().await {
            self.wrote(crew, written)?;
        }
        Ok(())
    }

    /// Writes what came, and lets the sync end that is under way.
    pub(super) async fn drain(&mut self, crew: &mut Crew) -> Result<(), Halt> {
        self.flush(crew).await?;
        if crew.syncing
            && let Some((synced, result)) = (&mut crew.sync).await
        {
            self.synced(crew, synced, result)?;
        }
        Ok(())
    }
}

fn write(
    temporary: &TempFile,
    lane: u64,
    extent: Extent,
    chunks: Vec<Bytes>,
) -> impl Future<Output = Written> + Send + use<> {
    let written = temporary.write(extent.start, chunks);
    async move { (lane, extent, written.await) }
}

impl Crew {
    /// Whether there is something to sync, and no sync is under way.
    fn has_unsynced(&self) -> bool {
        !self.syncing && (self.unsynced > 0 || self.held() > 0)
    }

    /// When there is something to do by the clock.
    pub(super) fn due(&self) -> Option<Instant> {
        let progress = self.unreported.then(|| self.last_progress + PROGRESS_TIME);
        let checkpoint = self
            .has_unsynced()
            .then(|| self.last_checkpoint + CHECKPOINT_TIME);
        let due = [progress, checkpoint, self.look_at()];
        due.into_iter().flatten().min()
    }
}
