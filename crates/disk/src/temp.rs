//! A handle on an open temporary file.
//!
//! Owns nothing but its place in the file's strand; what the operations do is in `content`.

use std::{fmt, sync::Arc};

use bgcopy_model::{Algorithm, Inode};
use bytes::Bytes;

use crate::{
    content::OpenFile,
    error::Fault,
    pool::{Pool, Turn, Work, is_disk_thread},
    rights::Refusal,
    strand::{Completion, State, Strand},
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

    fn of(&mut self, generation: u64) -> Result<&mut OpenFile, Fault> {
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
    generation: u64,
    folder: Inode,
}

impl TempFile {
    pub(crate) fn new(strand: Arc<Strand<Slot>>, generation: u64, folder: Inode) -> Self {
        Self {
            strand,
            generation,
            folder,
        }
    }

    /// The folder that it is in.
    pub fn folder(&self) -> Inode {
        self.folder
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

    /// Lets a hash follow the contiguous prefix from now on; `None`: no hash. Bytes that were written before are
    /// read again bit by bit while others are written, the rest in [`digest`](Self::digest).
    pub fn expect(&self, algorithm: Option<Algorithm>) {
        drop(self.ask("hash", move |file| {
            file.expect(algorithm);
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
        self.ask("empty", OpenFile::truncate)
    }

    /// Writes `chunks` one behind the other from `offset` on. Done when the kernel has them all; they are durable
    /// after a [`sync`](Self::sync) that was called later. After an error any part of them may be written.
    ///
    /// The chunks wait in memory until then: the caller keeps only so many writes under way, of about 1 MiB each.
    /// They feed the hash when they continue the prefix; bytes that replace hashed ones make it start again.
    pub fn write(&self, offset: u64, chunks: Vec<Bytes>) -> Completion<()> {
        self.ask("write", move |file| file.write(offset, &chunks))
    }

    /// Brings to the device what was written by calls before this one.
    pub fn sync(&self) -> Completion<()> {
        self.ask("sync", OpenFile::sync)
    }

    /// The digest of the first `size` bytes; what was not hashed on the way is read. `LocalFileChanged` when the
    /// file is shorter.
    pub fn digest(&self, algorithm: Algorithm, size: u64) -> Completion<[u8; 32]> {
        self.ask("hash", move |file| file.digest(algorithm, size))
    }
}

impl fmt::Debug for TempFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TempFile")
            .field(&self.strand.path())
            .finish()
    }
}
