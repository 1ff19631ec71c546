//! What runs report, and what follows from it for file and job.
//!
//! A run that was told to stop still reports the truth about its file until it has ended; only the job does not
//! follow it any more. What the answer's head told ([`Report::Opened`]) is stored together with the first bytes
//! that it is about: alone it is worth no write, since without bytes the next run asks anew.

use bgcopy_model::{
    Condition, Extent, FileIndex, FilePhase, JobError, JobPhase, Limits, RangeSet, Spent,
    Timestamp, Validator,
};

use url::Url;

use crate::{
    Attempt, Outcome, Report, Trouble,
    job::{File, Slot, known_size},
    job_mut::JobMut,
    turns::SMALL,
};

/// What the head of an answer told.
struct Head {
    size: Option<u64>,
    version: Validator,
    name: Option<String>,
    modified: Option<Timestamp>,
}

impl JobMut<'_> {
    /// A run reports. Reports of another run than the file's present one are ignored.
    pub fn report(&mut self, index: FileIndex, attempt: Attempt, report: Report) {
        let Some(file) = self.job.file(index) else {
            return;
        };
        let wanted = match file.slot {
            Slot::Running(present) if present == attempt => true,
            Slot::Stopping(present) if present == attempt => false,
            _ => return,
        };
        if let Report::Ended(outcome) = report {
            self.edit(index, |file| {
                file.slot = Slot::Idle;
                file.astray = None;
            });
            self.schedule.run_ended(self.id);
            self.stalled(false);
            // Of a cancelled job's file only its end is of interest.
            if !self.job.record.phase.is_final() {
                self.ended(index, outcome, wanted);
            }
            self.go_on_pausing();
            self.go_on_closing();
            self.go_on_vacating();
        } else if !self.job.record.phase.is_final() {
            self.goes_on(index, report, wanted);
        }
    }

    fn goes_on(&mut self, index: FileIndex, report: Report, wanted: bool) {
        match report {
            Report::Opened {
                size,
                version,
                name,
                modified,
            } => {
                // What an earlier URL's origin tells is worth no more than what it told before.
                let astray = self
                    .job
                    .file(index)
                    .is_some_and(|file| file.astray.is_some());
                let head = Head {
                    size,
                    version: if astray { version.moved() } else { version },
                    name,
                    modified,
                };
                self.opened(index, head, wanted);
            }
            Report::Placed(folder) => {
                self.edit(index, |file| {
                    file.change().folder = Some(folder);
                    file.unsaved = true;
                });
            }
            Report::Redirected(url) => self.redirected(index, url),
            Report::Progress(received) => self.received(index, received),
            Report::Restarted { changed } => self.restarted(index, changed, wanted),
            Report::Stalled(stalled) => self.stalled(stalled),
            Report::Spent(spent) => self.spent(index, spent),
            Report::Durable(bytes) => self.durable(index, bytes),
            Report::Ended(_) => {}
        }
    }

    fn opened(&mut self, index: FileIndex, head: Head, wanted: bool) {
        let renamed = self.settle_name(index, head.name.as_deref());
        let told = head.version.size;
        let before = self.job.progress();
        let news = self.edit(index, |file| {
            let record = &file.record;
            let (size, modified) = if file.received == 0 && record.durable.is_empty() {
                // What an earlier answer told was about bytes of which none came, perhaps of another version.
                (known_size(record), None)
            } else {
                (record.size, record.modified)
            };
            let (size, modified) = (head.size.or(size), head.modified.or(modified));
            let sized = record.size != size;
            let news = sized || record.validator != head.version || record.modified != modified;
            let record = file.change();
            record.size = size;
            record.validator = head.version;
            record.modified = modified;
            if let Some(size) = size {
                record.durable.remove(Extent::new(size, u64::MAX));
            }
            file.unsaved |= news;
            (news, news && !file.record.durable.is_empty())
        });
        let (news, about_stored_bytes) = news.unwrap_or_default();
        let size = self.job.file(index).and_then(|file| file.record.size);
        self.job.has_small_files = size.is_some_and(|size| size <= SMALL);
        if news || renamed {
            self.out.file_changed(self.id, index);
        }
        if about_stored_bytes {
            self.put_file(index);
        }
        if self.job.progress() != before {
            self.shown();
        }
        if wanted && self.job.record.phase == JobPhase::Connecting {
            self.enter(JobPhase::Transferring);
        }
        if wanted && let Some(error) = self.contradiction(index, told) {
            self.fail(error);
        }
    }

    /// Stored at once: whoever has seen the name finds it again after a restart.
    fn redirected(&mut self, index: FileIndex, url: Url) {
        if url.as_str().chars().count() > Limits::URL {
            return;
        }
        let found_at = Some(Box::new(url));
        let changed = self.edit(index, |file| {
            // A run that is ending may tell of the place before.
            let changed = file.astray.is_none() && file.record.found_at != found_at;
            if changed {
                file.change().found_at = found_at;
            }
            changed
        });
        if changed == Some(true) {
            self.put_file(index);
            self.out.file_changed(self.id, index);
        }
    }

    fn received(&mut self, index: FileIndex, received: u64) {
        let grew = self.edit(index, |file| {
            let before = file.received;
            file.received = received
                .min(file.record.size.unwrap_or(u64::MAX))
                .max(before);
            file.received > before
        });
        if grew == Some(true) {
            self.bytes_came();
            self.progressed(index);
        }
    }

    /// Any byte resets what counts the time and the tries without one. Not stored here: for a job that transfers, a
    /// restart starts the clock anew.
    fn bytes_came(&mut self) {
        self.job.record.last_progress = self.now.moment;
        self.job.record.fruitless_tries = 0;
        self.job.last_trouble = None;
    }

    /// Stored with the next checkpoint, which comes right behind it, or with the run's end where that is stored.
    fn spent(&mut self, index: FileIndex, spent: Spent) {
        self.edit(index, |file| {
            file.change().spent += spent;
            file.unsaved = true;
        });
        self.out.file_changed(self.id, index);
    }

    fn durable(&mut self, index: FileIndex, mut bytes: RangeSet) {
        let changed = self.edit(index, |file| {
            if let Some(size) = file.record.size {
                bytes.remove(Extent::new(size, u64::MAX));
            }
            let (before, changed) = (file.received, file.record.durable != bytes);
            file.received = before.max(bytes.len());
            file.change().durable = bytes;
            (changed, file.received > before)
        });
        let (changed, grew) = changed.unwrap_or_default();
        if grew {
            self.bytes_came();
            self.progressed(index);
        }
        if changed {
            self.put_file(index);
            self.put_fruitless_tries();
            self.put_work();
        }
    }

    /// Once bytes are durable, so is that the tries are fruitful again.
    fn put_fruitless_tries(&mut self) {
        if self.job.stored_fruitless_tries != self.job.record.fruitless_tries {
            self.put();
        }
    }

    fn restarted(&mut self, index: FileIndex, changed: bool, wanted: bool) {
        let counted = self.start_over(index, changed);
        if wanted && changed {
            self.check_restarts(index, counted, Condition::RemoteFileChanged);
        }
    }

    fn ended(&mut self, index: FileIndex, outcome: Outcome, wanted: bool) {
        match outcome {
            Outcome::Finished {
                size,
                length_unverified,
                inode,
            } => {
                let phase = FilePhase::Transferred {
                    length_unverified,
                    inode,
                };
                self.finished(index, size, phase);
            }
            Outcome::Stopped => self.fall_back(index),
            Outcome::Failed(trouble) => self.failed(index, trouble, wanted),
        }
    }

    fn finished(&mut self, index: FileIndex, size: u64, phase: FilePhase) {
        let remote = self.job.file(index).and_then(|file| {
            let is_whole = file.record.ranges.is_empty();
            file.record.validator.size.or(is_whole.then_some(size))
        });
        if let Some(error) = self.contradiction(index, remote) {
            if self.is_into_stream(index) {
                // They cannot be taken back: where the client mends its announcement, nothing is left to fetch.
                self.written_to_the_end(index, size);
            } else {
                self.start_over(index, false);
            }
            if self.job.is_under_way() {
                self.fail(error);
            }
            return;
        }
        self.job.in_vain = None;
        self.settle_name(index, None);
        let grew = self.edit(index, |file| {
            let grew = file.received < size;
            let record = file.change();
            record.size = Some(size);
            record.durable = [Extent::new(0, size)].into_iter().collect();
            record.phase = phase;
            file.received = size;
            grew
        });
        if grew == Some(true) {
            self.bytes_came();
        }
        self.mark_file(index);
        self.put_file(index);
        self.put_fruitless_tries();
        self.progressed(index);
        if self.job.is_under_way() && self.job.is_whole() {
            self.transferred();
        }
    }

    /// What was not synced is not there for the next run.
    fn fall_back(&mut self, index: FileIndex) {
        let lost = self.edit(index, |file| {
            let before = file.received;
            file.received = file.record.durable.len();
            file.received != before
        });
        if lost == Some(true) {
            self.progressed(index);
        }
    }

    fn failed(&mut self, index: FileIndex, trouble: Trouble, wanted: bool) {
        self.fall_back(index);
        if self.job.file(index).is_some_and(|file| file.unsaved) {
            self.put_file(index);
        }
        match trouble.condition {
            // Its bytes are with their reader.
            _ if self.is_into_stream(index) => self.stream_failed(&trouble),
            Condition::RemoteFileChanged | Condition::LocalFileChanged => {
                let counted = self.start_over(index, true);
                if wanted {
                    self.check_restarts(index, counted, trouble.condition);
                }
                return;
            }
            // Bytes that have the wrong digest are of no use, whichever of them are wrong.
            Condition::DigestMismatch => {
                self.start_over(index, false);
            }
            _ => {}
        }
        if wanted {
            self.stopped_by(index, trouble);
        }
    }

    /// The job stops because of trouble with a file: at once and for good, or for a time, when the other files that
    /// are under way are done, if waiting may mend it.
    fn stopped_by(&mut self, index: FileIndex, trouble: Trouble) {
        let error = JobError {
            condition: trouble.condition,
            file: Some(index),
            detail: trouble.detail,
        };
        let impatient = self.job.record.no_progress_timeout.is_zero();
        if impatient || !error.condition.is_transient() {
            return self.fail(error);
        }
        if trouble.in_vain {
            self.tried_in_vain();
        }
        if self.is_out_of_patience() {
            self.job.last_trouble = Some((error.file, error.detail));
            return self.give_up();
        }
        self.begin_pause(error, trouble.retry_after);
    }

    /// The file begins again at 0. Says how often it has done so because it changed.
    fn start_over(&mut self, index: FileIndex, count: bool) -> u32 {
        let restarts = self.edit(index, |file| {
            file.lose_bytes();
            if count {
                file.change().restarts = file.record.restarts.saturating_add(1);
            }
            file.record.restarts
        });
        self.put_file(index);
        self.progressed(index);
        restarts.unwrap_or_default()
    }

    fn check_restarts(&mut self, index: FileIndex, restarts: u32, condition: Condition) {
        if restarts <= self.limits.version_restarts {
            return;
        }
        let Some(File { record, .. }) = self.job.file(index) else {
            return;
        };
        let what = match condition {
            Condition::LocalFileChanged => format!("the temporary file {}", record.temporary),
            _ => format!("the file at {}", record.url.host_str().unwrap_or_default()),
        };
        self.fail(JobError {
            condition,
            file: Some(index),
            detail: format!("{what} changed {restarts} times while it was fetched"),
        });
    }

    /// Gives the file its final name, if it has none yet. Says whether it did.
    fn settle_name(&mut self, index: FileIndex, name: Option<&str>) -> bool {
        let pending = |file: &File| file.record.name_pending();
        let is_pending = self.job.file(index).is_some_and(pending);
        if is_pending {
            self.job.rename(index, name);
        }
        is_pending
    }
}
