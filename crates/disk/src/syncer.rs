//! Syncing together what waits together.
//!
//! A sync of one small file costs a turn of the file system's journal and a flush of the device's cache, whatever its
//! size. Ten thousand of them, one by one, take longer than to fetch the files. So what is to be synced joins a queue;
//! while one group is synced, the next one gathers. A large group is synced with its whole file system in one call
//! (docs/decisions/0011).
//!
//! Owns that queue. It must never answer before the sync that covers the request has succeeded, and must not make a
//! group wait for what other programs have in the page cache.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    os::fd::OwnedFd,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::io::{Errno, retry_on_intr};

use crate::{
    content::Entry,
    direct,
    error::Fault,
    folder::FileKey,
    pool::{Pool, Turn, Work},
    rights::Refusal,
};

/// Files from which on their file system is synced and not each of them.
const MANY: usize = 8;

/// KiB of unwritten bytes on the machine, for each of the files, beyond which a file system is not synced as a whole:
/// they are somebody else's. To write so many takes about as long as to sync one file.
const MOST_UNWRITTEN: u64 = 1024;

/// The longest time that a group gathers.
const LINGER: Duration = Duration::from_millis(3);

/// When none has come for so long, none is about to come.
const QUIET: Duration = Duration::from_micros(300);

/// No more is gained by a larger group.
const ENOUGH: usize = 128;

/// Something to sync.
pub(crate) struct Unsynced {
    /// Opened before the first of the writes that are to be synced …
    pub(crate) file: Arc<OwnedFd>,
    /// … and before every other that has a larger number.
    pub(crate) opened: u64,
    /// Whether its mode and time are to be synced too.
    pub(crate) attributes: bool,
    /// Its name, where that is to be synced too.
    pub(crate) entry: Option<Arc<Entry>>,
    /// Cleared when it is done.
    pub(crate) syncing: Arc<AtomicBool>,
}

type Answer = Box<dyn FnOnce(Result<(), SyncFault>) + Send>;

/// Why something is not on the device.
pub(crate) enum SyncFault {
    /// The bytes of the file: they are lost.
    File(Errno),
    /// Its name, or no thread could be had.
    Other(Fault),
}

impl From<SyncFault> for Fault {
    fn from(fault: SyncFault) -> Self {
        match fault {
            SyncFault::File(errno) => errno.into(),
            SyncFault::Other(fault) => fault,
        }
    }
}

/// The queue of one owner.
pub(crate) struct Syncer {
    pool: Arc<Pool>,
    queue: Mutex<Queue>,
    /// How many were synced together last.
    last: AtomicUsize,
}

/// Invariant: `scheduled` exactly while the pool holds the syncer or a thread has its turn at it.
#[derive(Default)]
struct Queue {
    waiting: Vec<Request>,
    scheduled: bool,
}

struct Request {
    what: What,
    answer: Answer,
}

enum What {
    /// A file with all that was done to it.
    File(Unsynced),
    /// Names that were made or changed in a folder.
    Names(Entry),
}

impl Syncer {
    pub(crate) fn new(pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Self {
            pool,
            queue: Mutex::default(),
            last: AtomicUsize::default(),
        })
    }

    /// Syncs a file soon, and answers.
    pub(crate) fn sync_file(
        self: &Arc<Self>,
        file: Unsynced,
        answer: impl FnOnce(Result<(), SyncFault>) + Send + 'static,
    ) {
        self.ask(What::File(file), Box::new(answer));
    }

    /// Syncs a folder soon, in which `entry` was made or renamed, and answers.
    pub(crate) fn sync_names(
        self: &Arc<Self>,
        entry: Entry,
        answer: impl FnOnce(Result<(), Fault>) + Send + 'static,
    ) {
        let answer = |result: Result<(), SyncFault>| answer(result.map_err(Fault::from));
        self.ask(What::Names(entry), Box::new(answer));
    }

    fn ask(self: &Arc<Self>, what: What, answer: Answer) {
        let mut queue = self.queue();
        queue.waiting.push(Request { what, answer });
        if !mem::replace(&mut queue.scheduled, true) {
            drop(queue);
            self.pool.submit_next(Arc::<Self>::clone(self));
        }
    }

    /// What waits. Where files come in numbers, those are awaited that are about to come too: a sync together costs
    /// hardly more than a sync alone. One file after the other is never made to wait.
    fn gather(&self) -> Vec<Request> {
        if self.last.load(Ordering::Relaxed) > 1 {
            let deadline = Instant::now() + LINGER;
            let mut before = 0;
            loop {
                let waiting = self.queue().waiting.len();
                if waiting == before || waiting >= ENOUGH || Instant::now() >= deadline {
                    break;
                }
                before = waiting;
                thread::sleep(QUIET);
            }
        }
        let group = mem::take(&mut self.queue().waiting);
        self.last.store(group.len(), Ordering::Relaxed);
        group
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work for Syncer {
    fn turn(&self) -> Turn {
        let group = self.gather();
        // Whoever waits learns of it by the missing answer, and the next group is synced all the same.
        if catch_unwind(AssertUnwindSafe(|| sync(group))).is_err() {
            tracing::error!("a sync panicked");
        }
        let mut queue = self.queue();
        if queue.waiting.is_empty() {
            queue.scheduled = false;
            Turn::Done
        } else {
            Turn::Again
        }
    }

    fn refuse(&self, refusal: &Refusal) {
        let mut queue = self.queue();
        queue.scheduled = false;
        let waiting = mem::take(&mut queue.waiting);
        drop(queue);
        for request in waiting {
            (request.answer)(Err(SyncFault::Other(Fault::refused(refusal))));
        }
    }
}

impl What {
    /// On which device it is.
    fn device(&self) -> Option<u64> {
        match self {
            Self::File(file) => rustix::fs::fstat(&file.file).ok().map(|stat| stat.st_dev),
            Self::Names(entry) => Some(entry.folder.key().device),
        }
    }
}

/// Syncs all of them, together where that can be, and answers each.
fn sync(group: Vec<Request>) {
    let on_device: Vec<_> = group
        .into_iter()
        .map(|request| (request.what.device(), request))
        .collect();
    let whole = sync_whole(&on_device);
    let mut folders = Synced::default();
    for (device, Request { what, answer }) in on_device {
        let is_synced = device.is_some_and(|device| whole.contains(&device));
        let result = match &what {
            _ if is_synced => Ok(()),
            What::File(file) => folders.sync_file(file),
            What::Names(entry) => folders.sync(entry).map_err(SyncFault::Other),
        };
        if let (What::File(file), Ok(())) = (&what, &result) {
            file.syncing.store(false, Ordering::Release);
        }
        answer(result);
    }
}

/// Syncs the file systems that have many of the files. Says which ones: a sync that fails leaves each of its files to
/// be synced alone, which tells whose bytes are lost.
fn sync_whole(group: &[(Option<u64>, Request)]) -> BTreeSet<u64> {
    let mut files: BTreeMap<u64, Vec<&Unsynced>> = BTreeMap::new();
    for (device, request) in group {
        if let (Some(device), What::File(file)) = (device, &request.what) {
            files.entry(*device).or_default().push(file);
        }
    }
    files.retain(|_, files| files.len() >= MANY);
    if files.is_empty() || !*TELLS_ERRORS {
        return BTreeSet::new();
    }
    let unwritten = unwritten().unwrap_or(u64::MAX);
    files.retain(|_, files| {
        if unwritten > MOST_UNWRITTEN.saturating_mul(files.len() as u64) {
            return false;
        }
        // A descriptor tells what failed since it was opened.
        let witness = files.iter().min_by_key(|file| file.opened);
        witness.is_some_and(|witness| {
            direct::is_local(&witness.file)
                && retry_on_intr(|| rustix::fs::syncfs(&witness.file)).is_ok()
        })
    });
    files.into_keys().collect()
}

/// Whether syncfs(2) tells of everything that could not be written: of pages since Linux 5.8, of the file system's journal
/// and the device's cache since 5.17, before which it threw away what the file system said.
static TELLS_ERRORS: LazyLock<bool> = LazyLock::new(|| {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok());
    numbers.next().zip(numbers.next()) >= Some((5, 17))
});

/// KiB in the machine's page cache that are not written yet.
fn unwritten() -> Option<u64> {
    let memory = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory
        .lines()
        .find_map(|line| line.strip_prefix("Dirty:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The folders that were synced for one group.
#[derive(Default)]
struct Synced(BTreeSet<FileKey>);

impl Synced {
    fn sync_file(&mut self, file: &Unsynced) -> Result<(), SyncFault> {
        let synced = retry_on_intr(|| {
            if file.attributes {
                rustix::fs::fsync(&file.file)
            } else {
                rustix::fs::fdatasync(&file.file)
            }
        });
        synced.map_err(SyncFault::File)?;
        match &file.entry {
            Some(entry) => self.sync(entry).map_err(SyncFault::Other),
            None => Ok(()),
        }
    }

    /// Syncs the entry's folder, unless it was synced for another one of the group: all of them were made before.
    fn sync(&mut self, entry: &Entry) -> Result<(), Fault> {
        let folder = entry.folder.key();
        if !self.0.contains(&folder) {
            entry.sync()?;
            self.0.insert(folder);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rustix::fs::{Mode, OFlags};

    use super::*;
    use crate::rights::Identity;

    fn unsynced(fd: OwnedFd) -> Unsynced {
        Unsynced {
            file: Arc::new(fd),
            attributes: true,
            entry: None,
            opened: 0,
            syncing: Arc::new(AtomicBool::new(true)),
        }
    }

    #[test]
    fn each_of_a_group_is_answered_and_what_fails_fails_alone() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let syncer = Syncer::new(Arc::new(Pool::new(Identity::Process)));
        let (sender, answers) = mpsc::channel();
        for number in 0..64 {
            let fd = if number == 40 {
                // A pipe cannot be synced; it stands for a file that lost a page.
                rustix::pipe::pipe().unwrap().1
            } else {
                let path = folder.path().join(number.to_string());
                let flags = OFlags::RDWR | OFlags::CREATE;
                rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).unwrap()
            };
            let file = unsynced(fd);
            let (syncing, sender) = (Arc::clone(&file.syncing), sender.clone());
            syncer.sync_file(file, move |result| {
                let is_lost = matches!(result, Err(SyncFault::File(_)));
                let _ = sender.send((number, is_lost, syncing.load(Ordering::Acquire)));
            });
        }
        for _ in 0..64 {
            let (number, is_lost, syncing) = answers.recv_timeout(Duration::from_mins(1)).unwrap();
            assert_eq!((is_lost, syncing), (number == 40, number == 40), "{number}");
        }
    }

    #[test]
    fn after_an_answer_that_panics_the_next_file_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let syncer = Syncer::new(Arc::new(Pool::new(Identity::Process)));
        let (sender, answers) = mpsc::channel();
        let file = || {
            let flags = OFlags::RDWR | OFlags::CREATE;
            let fd = rustix::fs::open(folder.path().join("a"), flags, Mode::RUSR | Mode::WUSR);
            unsynced(fd.unwrap())
        };
        syncer.sync_file(file(), |_| panic!("on purpose"));
        syncer.sync_file(file(), move |result| {
            let _ = sender.send(result.is_ok());
        });
        // Whether it was in the same group or not, its end is heard of.
        let answer = answers.recv_timeout(Duration::from_mins(1));
        if answer != Ok(true) {
            assert!(answer.is_err(), "it was synced, or died with the other");
            let (sender, answers) = mpsc::channel();
            syncer.sync_file(file(), move |result| {
                let _ = sender.send(result.is_ok());
            });
            assert_eq!(answers.recv_timeout(Duration::from_mins(1)), Ok(true));
        }
    }

    #[test]
    fn the_machine_tells_what_it_has_not_written() {
        assert!(unwritten().is_some());
    }
}
