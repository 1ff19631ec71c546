//! A handle on an open temporary file.
//!
//! Owns nothing but its place in the file's strand; what the operations do is in `content`.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use bgcopy_model::{Algorithm, Inode};
use bytes::Bytes;

use crate::{
    content::OpenFile,
    error::Fault,
    hash::Hashing,
    pool::{Pool, Turn, Work, is_disk_thread},
    rights::Refusal,
    strand::{Answer, Completion, State, Strand},
    syncer::{SyncFault, Syncer},
};

/// The state of a temporary file's strand: the file while it is open.
pub(crate) struct Slot {
    pool: Arc<Pool>,
    open: Option<OpenFile>,
    /// Counts how often it was opened. A handle from an earlier time can change nothing.
    generation: u64,
}

impl Slot {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            open: None,
            generation: 0,
        }
    }

    /// Takes over an opened file; the answer is what its handles have to show.
    pub(crate) fn replace(&mut self, file: Option<OpenFile>) -> u64 {
        self.open = file;
        self.generation += 1;
        self.generation
    }

    /// The file, if it is open.
    pub(crate) fn file(&mut self) -> Option<&mut OpenFile> {
        self.open.as_mut()
    }

    pub(crate) fn of(&mut self, generation: u64) -> Result<&mut OpenFile, Fault> {
        let current = self.generation == generation;
        let open = self.open.as_mut().filter(|_| current);
        open.ok_or_else(|| Fault::changed("it was closed, discarded or opened anew meanwhile"))
    }
}

impl State for Slot {
    fn spoil(&mut self) {
        self.replace(None);
    }
}

impl Drop for Slot {
    /// Closing a file with unsynced bytes can block on some file systems (NFS writes them then), so that does not
    /// happen on a thread of the caller.
    fn drop(&mut self) {
        if let Some(file) = self
            .open
            .take_if(|file| file.is_dirty() && !is_disk_thread())
        {
            self.pool.submit(Arc::new(Closing(file)));
        }
    }
}

/// A file that is closed by being dropped on a disk thread.
struct Closing(#[expect(dead_code, reason = "held for its drop")] OpenFile);

impl Work for Closing {
    fn turn(&self) -> Turn {
        Turn::Done
    }
    fn refuse(&self, _: &Refusal) {}
}

/// An open temporary file. Clones are the same file; the file is closed when the last of them is gone and what was
/// asked for is done.
///
/// Operations are queued when they are called and run in that order, one at a time; see the crate's documentation
/// for what that promises. They fail with [`LocalFileChanged`](bgcopy_model::Condition::LocalFileChanged) once the
/// file has been discarded, published, or opened anew by [`OwnerDisk`](crate::OwnerDisk).
///
/// # After a sync that failed
/// The kernel may have dropped the pages it could not write, and would report the next sync as a success. So from
/// then on every operation of this file fails as the sync did. The bytes since the last sync that succeeded must be
/// taken as lost: [`OwnerDisk::reopen`](crate::OwnerDisk::reopen) the file and fetch them again.
#[derive(Clone)]
pub struct TempFile {
    strand: Arc<Strand<Slot>>,
    /// The digest follows on a strand of its own: it works while the next block is on its way to the device.
    hashing: Arc<Strand<Hashing>>,
    syncer: Arc<Syncer>,
    generation: u64,
    folder: Inode,
    number: u64,
}

impl TempFile {
    pub(crate) fn new(
        strand: Arc<Strand<Slot>>,
        hashing: Arc<Strand<Hashing>>,
        syncer: Arc<Syncer>,
        generation: u64,
        folder: Inode,
        number: u64,
    ) -> Self {
        Self {
            strand,
            hashing,
            syncer,
            generation,
            folder,
            number,
        }
    }

    /// The folder that it is in.
    pub fn folder(&self) -> Inode {
        self.folder
    }

    /// Its identity: what [`OwnerDisk::publish`](crate::OwnerDisk::publish) asks for.
    pub fn inode(&self) -> Inode {
        Inode {
            number: self.number,
            ..self.folder
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut OpenFile) -> Result<T, Fault> + Send + 'static,
    ) -> Completion<T> {
        let generation = self.generation;
        self.strand
            .ask(operation, move |slot| slot.of(generation).and_then(work))
    }

    /// Lets a digest follow what is written from now on; `None`: none. Bytes that were written before are read again
    /// bit by bit while others are written, the rest in [`digest`](Self::digest).
    pub fn expect(&self, algorithm: Option<Algorithm>) {
        let hashing = Arc::clone(&self.hashing);
        drop(self.ask("hash", move |file| {
            file.set_hashed(algorithm.is_some());
            hashing.tell(move |hashing| hashing.expect(algorithm));
            Ok(())
        }));
    }

    /// Reserves room for `size` bytes in all; the length stays. Where the file system cannot reserve, nothing
    /// happens. `DiskFull` says how many bytes are needed and how many are free.
    pub fn allocate(&self, size: u64) -> Completion<()> {
        self.ask("reserve room for", move |file| file.allocate(size))
    }

    /// Starts again at 0: the file is empty afterwards, and nothing of it hashed or reserved.
    pub fn truncate(&self) -> Completion<()> {
        let hashing = Arc::clone(&self.hashing);
        self.ask("empty", move |file| {
            hashing.tell(Hashing::restart);
            file.truncate()
        })
    }

    /// Writes `chunks` one behind the other from `offset` on. Done when they are out of this process' memory and
    /// hashed; they are durable after a [`sync`](Self::sync) that was called later. After an error any part of them may
    /// be written.
    ///
    /// The chunks wait in memory until then: the caller keeps only so many writes under way, of about 1 MiB each.
    /// Writes of that size go past the page cache where they begin at a multiple of 4 KiB. A BLAKE3 digest takes pieces
    /// of 1 MiB in any order, each from its begin to its end; a SHA-256 digest follows the contiguous prefix. What is
    /// written otherwise is read again for the digest.
    pub fn write(&self, offset: u64, chunks: Vec<Bytes>) -> Completion<()> {
        let (generation, hashing) = (self.generation, Arc::clone(&self.hashing));
        self.strand.ask_for("write", move |slot, answer| {
            let file = match slot.of(generation) {
                Ok(file) => file,
                Err(fault) => return answer.send(Err(fault)),
            };
            if !file.is_hashed() {
                return answer.send(file.write(offset, &chunks));
            }
            let (descriptor, there) = (file.descriptor(), file.prefix());
            let both = Both::new(answer);
            let (hashed, copies) = (Arc::clone(&both), chunks.clone());
            hashing.tell(move |hashing| {
                hashing.follow(&descriptor, offset, &copies, there);
                hashed.one_is_done(Ok(()));
            });
            both.one_is_done(file.write(offset, &chunks));
        })
    }

    /// Brings to the device what was written by calls before this one.
    pub fn sync(&self) -> Completion<()> {
        self.ask("sync", OpenFile::sync)
    }

    /// The same, together with other files that wait for it. For files that are done and small: one that has much to
    /// write makes the others wait.
    pub fn settle(&self) -> Completion<()> {
        let (syncer, handle) = (Arc::clone(&self.syncer), self.clone());
        let generation = self.generation;
        self.strand.ask_for("sync", move |slot, answer| {
            match slot.of(generation).and_then(OpenFile::unsynced) {
                Ok(None) => answer.send(Ok(())),
                Err(fault) => answer.send(Err(fault)),
                Ok(Some(unsynced)) => syncer.sync_file(unsynced, move |result| {
                    handle.settled(result, answer, ());
                }),
            }
        })
    }

    /// A sync together with others has ended.
    pub(crate) fn settled<T: Send + 'static>(
        self,
        result: Result<(), SyncFault>,
        answer: Answer<T>,
        value: T,
    ) {
        let fault = match result {
            Ok(()) => return answer.send(Ok(value)),
            Err(fault) => fault,
        };
        let generation = self.generation;
        self.strand.tell(move |slot| {
            if let (Ok(file), SyncFault::File(errno)) = (slot.of(generation), &fault) {
                file.poison(*errno);
            }
            answer.send(Err(fault.into()));
        });
    }

    /// The digest of the first `size` bytes; what was not hashed on the way is read. `LocalFileChanged` when the
    /// file is shorter.
    pub fn digest(&self, algorithm: Algorithm, size: u64) -> Completion<[u8; 32]> {
        let (generation, hashing) = (self.generation, Arc::clone(&self.hashing));
        self.strand.ask_for("hash", move |slot, answer| {
            let usable = slot.of(generation).and_then(|file| {
                file.usable()?;
                Ok(file.descriptor())
            });
            match usable {
                Ok(descriptor) => hashing.tell(move |hashing| {
                    answer.send(hashing.digest(&descriptor, algorithm, size));
                }),
                Err(fault) => answer.send(Err(fault)),
            }
        })
    }
}

/// An answer that waits for the second of two.
struct Both(Mutex<Option<Half>>);

/// Who is answered, and what the first one said.
struct Half {
    answer: Answer<()>,
    first: Option<Result<(), Fault>>,
}

impl Both {
    fn new(answer: Answer<()>) -> Arc<Self> {
        let first = None;
        Arc::new(Self(Mutex::new(Some(Half { answer, first }))))
    }

    /// The first is kept, the second answers: with the error, if one of them has one.
    fn one_is_done(&self, result: Result<(), Fault>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Half { answer, first }) = state.take() else {
            return;
        };
        if let Some(first) = first {
            answer.send(first.and(result));
        } else {
            let first = Some(result);
            *state = Some(Half { answer, first });
        }
    }
}

impl fmt::Debug for TempFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TempFile")
            .field(&self.strand.path())
            .finish()
    }
}
