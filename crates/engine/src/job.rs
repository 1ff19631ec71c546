//! A job as it is held in memory: its record, its files, and what is true only while the service runs.
//!
//! Owns the counts that are derived from the files; they are kept by [`Job::edit`], the only way to change a file.
//! It never decides when something happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bgcopy_model::{
    FileIndex, FilePhase, FileProgress, FileRecord, JobError, JobPhase, JobProgress, JobRecord,
    JobState, Layout, Moment, Naming, RangeSet, Validator,
};

use crate::{
    Attempt, completing::Closing, handover::Handover, in_vain::InVain, intake, notify::Notify,
    pause::Pause, retention::Place, streams::Stream,
};

/// A job and its files.
///
/// Invariants: `files[i].record.index == i`; `ready`, `busy`, `untold` and `tally` agree with `files`; `closing` is set from
/// Complete or Cancel until it is answered, and only in the phases Completing and Cancelled.
pub(crate) struct Job {
    pub record: JobRecord,
    files: Vec<File>,
    /// Files that miss bytes and are not being fetched.
    ready: BTreeSet<FileIndex>,
    /// Files with a run, asked to stop or not.
    busy: BTreeSet<FileIndex>,
    /// Files whose `FileTransferred` is due.
    untold: BTreeSet<FileIndex>,
    tally: Tally,
    /// Whether the file of which an answer told last is a small one.
    pub has_small_files: bool,
    /// Hashes of the final destinations, so that the search for a duplicate rarely has to look at every file.
    destinations: BTreeSet<u64>,
    /// What its client is told.
    pub notify: Notify,
    /// Complete or Cancel under way.
    pub closing: Option<Closing>,
    /// A change of owner under way; never together with `closing`.
    pub handover: Option<Handover>,
    /// The stream that a download's bytes go to.
    pub stream: Stream,
    /// Since when it is QUEUED; without meaning in other states.
    pub queued_since: Moment,
    /// A file's trouble that may pass, while the others that are under way go on; in CONNECTING and TRANSFERRING only.
    pub pause: Option<Pause>,
    /// The error of the error state that it has left, until bytes move again (contract, row `GetError`).
    pub past_error: Option<JobError>,
    /// Tries of which nothing is kept, since the last file came.
    pub in_vain: Option<InVain>,
    /// What went wrong last, for the error of a job that makes no progress.
    pub last_trouble: Option<(Option<FileIndex>, String)>,
    /// Up to when its `download_time` counts; `None`: it is not at work.
    pub at_work_since: Option<Moment>,
    /// The `download_time` that the store has.
    pub stored_download_time: Duration,
    /// The `fruitless_tries` that the store has.
    pub stored_fruitless_tries: u32,
    /// Its entry among the engine's timers.
    pub timer: Option<Moment>,
    /// Whether it counts for the limits of jobs.
    pub counted: bool,
    /// Where it is kept once it is final.
    pub shelf: Option<Place>,
    /// Its place in the order of creation.
    pub serial: u64,
    /// Whether it ended with an earlier run of the service, so that nobody holds it: it is forgotten once it is final.
    pub is_lapsed: bool,
}

/// A file of a job.
pub(crate) struct File {
    /// Shared with what was stored and shown of it last; [`File::change`] changes it for itself.
    pub record: Arc<FileRecord>,
    pub slot: Slot,
    /// Bytes that are here, synced or not.
    pub received: u64,
    /// The run that fetches from an earlier URL than the present one, if such a run has not ended yet.
    pub astray: Option<Attempt>,
    /// Whether there may be a temporary file.
    pub may_have_temporary: bool,
    /// Whether the record has news that the store does not have and that the next write of the file will take along.
    pub unsaved: bool,
}

/// Whether a run of a file's transfer exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// None.
    Idle,
    /// It goes on.
    Running(Attempt),
    /// It was told to stop and has not ended yet.
    Stopping(Attempt),
}

/// Sums over the files. 128 bits, since each size is any number an origin cares to name.
#[derive(Default)]
struct Tally {
    bytes: u128,
    unknown: u32,
    received: u128,
    here: u32,
}

impl Job {
    /// A job with the files it has.
    pub fn new(record: JobRecord, now: Moment) -> Self {
        Self {
            at_work_since: None,
            stored_download_time: record.download_time,
            stored_fruitless_tries: record.fruitless_tries,
            record,
            files: Vec::new(),
            ready: BTreeSet::new(),
            busy: BTreeSet::new(),
            untold: BTreeSet::new(),
            notify: Notify::default(),
            tally: Tally::default(),
            has_small_files: false,
            destinations: BTreeSet::new(),
            closing: None,
            handover: None,
            stream: Stream::default(),
            queued_since: now,
            pause: None,
            past_error: None,
            in_vain: None,
            last_trouble: None,
            timer: None,
            counted: false,
            shelf: None,
            serial: 0,
            is_lapsed: false,
        }
    }

    /// Makes room for so many more files, and for no others where they are most of what it has then: jobs of many files
    /// get them at once.
    pub fn reserve(&mut self, files: usize) {
        if files > self.files.len() {
            self.files.reserve_exact(files);
        }
    }

    /// Appends a file. `may_have_temporary`: whether an earlier run of the service may have begun it.
    pub fn push(&mut self, record: Arc<FileRecord>, may_have_temporary: bool) {
        let index = record.index;
        let received = match record.phase {
            FilePhase::Pending => record.durable.len(),
            FilePhase::Dropped => 0,
            _ => record.size.unwrap_or_default(),
        };
        if !record.name_pending() {
            self.destinations.insert(hash(&record.path));
        }
        let file = File {
            received: record.size.map_or(received, |size| received.min(size)),
            may_have_temporary: may_have_temporary && !record.sink.is_stream(),
            record,
            slot: Slot::Idle,
            astray: None,
            unsaved: false,
        };
        self.tally.add(&file);
        if file.is_ready() {
            self.ready.insert(index);
        }
        set(&mut self.untold, index, file.record.notify_due);
        self.files.push(file);
    }

    /// The state that the contract shows.
    pub fn state(&self) -> JobState {
        self.record.phase.state(self.record.profile)
    }

    /// The file of an index.
    pub fn file(&self, index: FileIndex) -> Option<&File> {
        let file = self.files.get(usize::try_from(index).ok()?)?;
        (file.record.index == index).then_some(file)
    }

    /// Every file, in order.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The index that the next file gets.
    pub fn next_index(&self) -> FileIndex {
        u32::try_from(self.files.len()).unwrap_or(u32::MAX)
    }

    /// Changes a file and keeps the counts right. `None`: there is no such file.
    pub fn edit<R>(&mut self, index: FileIndex, change: impl FnOnce(&mut File) -> R) -> Option<R> {
        let file = self.files.get_mut(usize::try_from(index).ok()?)?;
        if file.record.index != index {
            return None;
        }
        self.tally.remove(file);
        let result = change(file);
        if let Some(size) = file.record.size {
            file.received = file.received.min(size);
        }
        self.tally.add(file);
        let (ready, busy) = (file.is_ready(), file.slot != Slot::Idle);
        let untold = file.record.notify_due;
        set(&mut self.ready, index, ready);
        set(&mut self.busy, index, busy);
        set(&mut self.untold, index, untold);
        Some(result)
    }

    /// Gives a file this name, or one like it that no other file of the job is to have.
    pub fn rename(&mut self, index: FileIndex, name: Option<&str>) {
        if let Some(file) = self.file(index) {
            let path = intake::resolve_name(self, &file.record, name);
            self.destinations.insert(hash(&path));
            self.edit(index, |file| {
                let record = file.change();
                record.path = path.into();
                record.naming = Naming::Chosen;
                file.unsaved = true;
            });
        }
    }

    /// The next file to fetch.
    pub fn next_ready(&self) -> Option<FileIndex> {
        self.ready.first().copied()
    }

    /// Files with a run, in order.
    pub fn busy(&self) -> &BTreeSet<FileIndex> {
        &self.busy
    }

    /// The first file whose `FileTransferred` is due.
    pub fn first_untold(&self) -> Option<FileIndex> {
        self.untold.first().copied()
    }

    /// Whether it has or wants a turn.
    pub const fn is_under_way(&self) -> bool {
        matches!(
            self.record.phase,
            JobPhase::Queued | JobPhase::Connecting | JobPhase::Transferring
        )
    }

    /// Whether there are files, and every byte of each is here.
    pub fn is_whole(&self) -> bool {
        !self.files.is_empty() && self.files.len() == self.tally.here as usize
    }

    /// Whether a file of this job is to have this name in the end.
    pub fn is_taken(&self, path: &Path) -> bool {
        let same = |file: &File| !file.record.name_pending() && *file.record.path == *path;
        self.destinations.contains(&hash(path)) && self.files.iter().any(same)
    }

    /// Notes that the store has these files as they are.
    pub fn stored(&mut self, indices: &BTreeSet<FileIndex>) {
        for index in indices {
            self.edit(*index, |file| file.unsaved = false);
        }
    }

    /// The job's progress, without looking at a file.
    pub fn progress(&self) -> JobProgress {
        let shown = |sum: u128| u64::try_from(sum).unwrap_or(u64::MAX);
        JobProgress {
            bytes_total: (self.tally.unknown == 0).then(|| shown(self.tally.bytes)),
            bytes_transferred: shown(self.tally.received),
            files_total: self.next_index(),
            files_transferred: self.tally.here,
        }
    }
}

impl File {
    /// The record, to be changed. Whoever has it from before keeps it as it was.
    pub fn change(&mut self) -> &mut FileRecord {
        Arc::make_mut(&mut self.record)
    }

    /// Whether every byte is here, under whichever name.
    pub fn is_here(&self) -> bool {
        matches!(
            self.record.phase,
            FilePhase::Transferred { .. } | FilePhase::Published
        )
    }

    /// The bytes that were here are of no use: the next run begins at 0, of whatever version it finds.
    pub fn lose_bytes(&mut self) {
        let record = self.change();
        record.phase = FilePhase::Pending;
        record.durable = RangeSet::new();
        record.validator = Validator::default();
        record.is_valid = false;
        record.modified = None;
        record.size = known_size(record);
        self.received = 0;
    }

    /// Nothing of it is here any more, and nothing will come.
    pub fn drop_bytes(&mut self) {
        let record = self.change();
        record.phase = FilePhase::Dropped;
        record.durable = RangeSet::new();
        self.received = 0;
        self.may_have_temporary = false;
    }

    /// The file's progress.
    pub fn progress(&self) -> FileProgress {
        FileProgress {
            bytes_total: self.record.size,
            bytes_transferred: self.received,
            completed: self.record.phase == FilePhase::Published,
        }
    }

    fn is_ready(&self) -> bool {
        self.slot == Slot::Idle && self.record.phase == FilePhase::Pending
    }
}

impl Tally {
    fn add(&mut self, file: &File) {
        match file.record.size {
            Some(size) => self.bytes += u128::from(size),
            None => self.unknown += 1,
        }
        self.received += u128::from(file.received);
        self.here += u32::from(file.is_here());
    }

    fn remove(&mut self, file: &File) {
        match file.record.size {
            Some(size) => self.bytes -= u128::from(size),
            None => self.unknown -= 1,
        }
        self.received -= u128::from(file.received);
        self.here -= u32::from(file.is_here());
    }
}

/// The size that a file has by the caller's word alone: the sum of its ranges, where none goes to the end.
pub(crate) fn known_size(record: &FileRecord) -> Option<u64> {
    Layout::checked(&record.ranges).local_size(None)
}

fn set(members: &mut BTreeSet<FileIndex>, index: FileIndex, member: bool) {
    if member {
        members.insert(index);
    } else {
        members.remove(&index);
    }
}

fn hash(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// The files of a job, as the store gives them back, in order and without gaps; what comes after a gap is left out,
/// since an index that nobody wrote would otherwise name another file.
pub(crate) fn in_order(files: Vec<FileRecord>) -> impl Iterator<Item = FileRecord> {
    let by_index: BTreeMap<_, _> = files.into_iter().map(|file| (file.index, file)).collect();
    let next = |(expected, (index, file)): (FileIndex, (FileIndex, FileRecord))| {
        (expected == index).then_some(file)
    };
    (0..).zip(by_index).map_while(next)
}
