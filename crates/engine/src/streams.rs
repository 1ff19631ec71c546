//! Downloads into a stream: what is different when bytes cannot be taken back.
//!
//! The service holds the stream; here is only whether it does. What a stream has taken is with its reader: a file that
//! goes into one never starts over, and a new stream begins at the first byte of the range set under way. A reader that
//! takes nothing is nobody's fault: the origin's clock stands still meanwhile, and the turn goes to whoever waits.

use bgcopy_model::{
    Condition, DownloadProperty, DownloadState, Extent, FileIndex, FilePhase, JobError, JobPhase,
    Sink,
};

use crate::{
    Refusal, Reply, Trouble,
    calls::Answer,
    downloads::{FILE, wrong_state},
    job::{File, Slot},
    job_mut::JobMut,
};

/// What a download has of a stream. Not recorded: it ends with the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stream {
    /// None, or one that nobody reads any more.
    #[default]
    Absent,
    /// The service holds one.
    Held {
        /// Whether its reader takes nothing at the moment.
        stalled: bool,
    },
}

impl Stream {
    /// Whether there is one.
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Held { .. })
    }

    /// Whether bytes wait for its reader.
    pub const fn is_stalled(self) -> bool {
        matches!(self, Self::Held { stalled: true })
    }
}

impl JobMut<'_> {
    /// The service has got a stream for the download's bytes.
    pub fn set_stream(&mut self, state: DownloadState, replaces: bool) -> Answer {
        self.require_settled()?;
        let is_set = |detail: &str| Err(Refusal::new(Condition::SinkAlreadySet, detail));
        let has_path = |property| self.job.download().and_then(|it| it.text(property));
        if has_path(DownloadProperty::LocalPath).is_some() {
            return is_set("the download has LocalPath; make another one for a stream");
        }
        match state {
            DownloadState::Created | DownloadState::Paused | DownloadState::Transferred => {}
            _ => return Err(wrong_state(state)),
        }
        if self.job.stream.is_held() && !replaces {
            return is_set("the download has a stream, and it is still read");
        }
        let slot = self.job.file(FILE).map(|file| file.slot);
        if slot.is_some_and(|slot| slot != Slot::Idle) {
            let detail = "the download is still letting go of the stream before; ask again";
            return Err(Refusal::new(Condition::InvalidState, detail));
        }
        self.job.stream = Stream::Held { stalled: false };
        self.rewind();
        self.touch();
        Ok(Some(Reply::Done))
    }

    /// Refuses to go on with a download whose stream is gone.
    pub fn require_stream(&self) -> Result<(), Refusal> {
        if !self.is_into_stream(FILE) || self.job.stream.is_held() {
            return Ok(());
        }
        let detail = "the stream that the download wrote to is gone; hand over a new one first";
        Err(Refusal::new(Condition::NoSink, detail))
    }

    /// Whether this file's bytes go into a stream.
    pub fn is_into_stream(&self, index: FileIndex) -> bool {
        let file = self.job.file(index);
        file.is_some_and(|file| file.record.sink.is_stream())
    }

    /// The stream went with the service that held it. Says whether the download stops for that reason.
    pub fn stream_is_lost(&mut self) -> bool {
        let phase = &self.job.record.phase;
        let is_open = match phase {
            JobPhase::Completing { .. }
            | JobPhase::Acknowledged { .. }
            | JobPhase::Cancelled { .. } => false,
            JobPhase::Transferred => !self.job.is_whole(),
            _ => true,
        };
        if !is_open || !self.is_into_stream(FILE) {
            return false;
        }
        self.rewind();
        let before = self.job.record.phase.error();
        if before.is_none_or(|before| before.condition != Condition::NoSink) {
            self.fail(JobError {
                condition: Condition::NoSink,
                file: Some(FILE),
                detail: "the stream ended with the service that wrote to it; hand over a new one, which begins \
                         at the first byte of the range set"
                    .to_owned(),
            });
        }
        true
    }

    /// A new stream knows nothing of what an earlier one has taken of the range set under way.
    fn rewind(&mut self) {
        let pending = |file: &&File| file.record.phase == FilePhase::Pending;
        let file = self.job.file(FILE).filter(pending);
        let Some(Sink::Stream { set }) = file.map(|file| file.record.sink) else {
            return;
        };
        self.edit(FILE, |file| {
            if set == 0 {
                // Nothing ties it to a version any more.
                file.lose_bytes();
                return;
            }
            file.change().durable.remove(Extent::new(set, u64::MAX));
            file.received = file.record.durable.len();
        });
        self.put_file(FILE);
        self.progressed(FILE);
    }

    /// The stream has taken all of a file that is not what its client announced.
    pub fn written_to_the_end(&mut self, index: FileIndex, size: u64) {
        self.edit(index, |file| {
            let record = file.change();
            record.size = Some(size);
            record.durable = [Extent::new(0, size)].into_iter().collect();
            file.received = size;
        });
        self.put_file(index);
        self.progressed(index);
    }

    /// The reader takes nothing, or takes bytes again.
    pub fn stalled(&mut self, stalled: bool) {
        let before = self.job.stream;
        if !before.is_held() || before.is_stalled() == stalled {
            return;
        }
        self.job.stream = Stream::Held { stalled };
        if stalled {
            self.schedule.end_slice(self.id);
        } else {
            // The origin's time counts from here on.
            self.job.record.last_progress = self.now.moment;
        }
    }

    /// A run into the stream failed.
    pub fn stream_failed(&mut self, trouble: &Trouble) {
        if matches!(
            trouble.condition,
            Condition::StreamBroken | Condition::NoSink
        ) {
            self.job.stream = Stream::Absent;
            self.touch();
        }
    }

    /// A download that is completed has nothing to name: its reader has every byte.
    pub fn end_streams(&mut self) {
        let ends = |file: &File| {
            file.record.sink.is_stream()
                && matches!(file.record.phase, FilePhase::Transferred { .. })
        };
        if self.job.file(FILE).is_some_and(ends) {
            self.edit(FILE, |file| {
                file.change().phase = FilePhase::Published;
                file.unsaved = true;
            });
            self.progressed(FILE);
        }
    }
}
