//! The file system as one owner sees it: operations that name a folder and a file in it.
//!
//! Owns the strands of temporary files, so that all operations on one of them are in one order whichever handle
//! they come through. It must never touch a file itself: that happens on the owner's threads.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use bgcopy_model::{Algorithm, Inode, RangeSet, Timestamp};
use bytes::Bytes;
use rustix::io::Errno;

use crate::{
    content::{Entry, OpenFile},
    error::{CHECK, FINISH, Fault, PUBLISH},
    folder::{Folder, FolderAt, Folders, Found},
    hash::Hashing,
    living::Living,
    names,
    pool::Pool,
    publish::{self, Existing, Prepared, Published},
    rights::Identity,
    strand::{Answer, Completion, Strand},
    syncer::{SyncFault, Syncer, Unsynced},
    temp::{Slot, TempFile},
};

/// The file system with one owner's rights. Clones share the threads.
///
/// Folders are absolute paths; symbolic links on the way to them are followed. Names are single components and
/// never followed. Every operation is queued when it is called; see the crate's documentation.
#[derive(Clone)]
pub struct OwnerDisk(Arc<Inner>);

struct Inner {
    identity: Identity,
    folders: Arc<Folders>,
    pool: Arc<Pool>,
    syncer: Arc<Syncer>,
    /// The strands of files that somebody has a handle on or has asked something about.
    strands: Mutex<Living<Strand<Slot>>>,
}

impl OwnerDisk {
    pub(crate) fn new(identity: Identity) -> Self {
        let pool = Arc::new(Pool::new(identity));
        Self(Arc::new(Inner {
            identity,
            folders: Arc::new(Folders::new(identity.uid())),
            syncer: Syncer::new(Arc::clone(&pool)),
            pool,
            strands: Mutex::default(),
        }))
    }

    /// Blocks until everything that was asked for is done.
    pub(crate) fn wait_until_idle(&self) {
        self.0.pool.wait_until_idle();
    }

    /// Whether a file can be put at `path`: the folder is there, the owner may make files in it, and what is there
    /// under the name, if anything, is no folder and can be replaced. A `path` that ends in `/` is a folder for
    /// which the name is still to come. The answer is the folder's identity.
    ///
    /// What holds now may not hold later; publishing finds that out.
    pub fn check_destination(&self, path: &Path) -> Completion<Inode> {
        let folders = Arc::clone(&self.0.folders);
        let owned = path.to_owned();
        self.once(path, CHECK, move || {
            publish::check_destination(&owned, &folders)
        })
    }

    /// Makes the temporary file `name`, for its owner only (0600). The name is recorded before and cannot be guessed, so
    /// that a file of ours with it is from a try that was cut off: it is removed first. Anything else with that name is
    /// left alone: `LocalFileChanged`. The first sync of the file makes its name durable too.
    pub fn create<'a>(&self, folder: impl Into<FolderAt<'a>>, name: &str) -> Completion<TempFile> {
        self.on_file(folder, name, "create", |place| {
            place.made(Hashing::new(None))
        })
    }

    /// The same with the whole `content`, followed by a digest if one is wanted. Its bytes and its name are on the device
    /// when this is done: they are synced together with what else waits for that. For files that fit into memory.
    pub fn put<'a>(
        &self,
        folder: impl Into<FolderAt<'a>>,
        name: &str,
        content: Vec<Bytes>,
        algorithm: Option<Algorithm>,
    ) -> Completion<TempFile> {
        let syncer = Arc::clone(&self.0.syncer);
        self.on_file_for(folder, name, "create", move |place, answer| {
            match place.made_with(&content, algorithm) {
                Ok((file, unsynced)) => syncer.sync_file(unsynced, move |result| {
                    file.clone().settled(result, answer, file);
                }),
                Err(fault) => answer.send(Err(fault)),
            }
        })
    }

    /// Opens what an earlier run left, with these bytes `written`. `None` when it is gone, or not what was written: no
    /// regular file, somebody else's, under a second name too, or too short for them. A folder that is missing is an
    /// error, since it may come back with the file.
    ///
    /// Handles from before it are void afterwards.
    pub fn reopen<'a>(
        &self,
        folder: impl Into<FolderAt<'a>>,
        name: &str,
        written: RangeSet,
    ) -> Completion<Option<TempFile>> {
        self.on_file(folder, name, "open", move |mut place| {
            place.slot.replace(None);
            let Found::Ours(fd, stat) = place.folder.find(&place.name)? else {
                return Ok(None);
            };
            let length = u64::try_from(stat.st_size).unwrap_or(0);
            if stat.st_nlink != 1 || length < written.end() {
                return Ok(None);
            }
            let folder = place.folder.identity()?;
            let file = OpenFile::new(fd, stat.st_ino, written);
            Ok(Some(place.opened(file, Hashing::new(None), folder)))
        })
    }

    /// Deletes a temporary file and syncs the folder. `Ok` also when the file or its folder is gone already, and
    /// when something that is not ours has the name: that stays.
    pub fn discard<'a>(&self, folder: impl Into<FolderAt<'a>>, name: &str) -> Completion<()> {
        let folders = Arc::clone(&self.0.folders);
        let folder = folder.into();
        let at = folder.to_owned();
        let owned = name.to_owned();
        self.strand(folder.path(), name).ask("delete", move |slot| {
            slot.replace(None);
            let folder = match at.open(&folders) {
                Err(fault) if fault.is_missing() => return Ok(()),
                folder => folder?,
            };
            if let Some(entry) = folder.entry(&owned)?
                && folder.foreign(&entry)?.is_none()
            {
                folder.remove(&owned)?;
            }
            // Also when it is gone: an earlier try may have been cut off before this.
            folder.sync(None)
        })
    }

    /// The first half of publishing: the file gets its length, the mode `0666 & !umask` and the time `modified`
    /// (`None`: that of the last write), and is synced. The answer is to be recorded before [`publish`](Self::publish)
    /// if it is not what [`TempFile::inode`] was. Can be done again.
    ///
    /// `LocalFileChanged` when the file is gone, not ours, or shorter than `size`.
    pub fn prepare<'a>(
        &self,
        folder: impl Into<FolderAt<'a>>,
        name: &str,
        size: u64,
        umask: u32,
        modified: Option<Timestamp>,
    ) -> Completion<Inode> {
        let syncer = Arc::clone(&self.0.syncer);
        self.on_file_for(folder, name, FINISH, move |place, answer| {
            let Place {
                folder,
                name,
                slot,
                strand,
                ..
            } = place;
            match publish::prepare(
                &folder,
                &name,
                slot.file().as_deref(),
                size,
                umask,
                modified,
            ) {
                Ok(Prepared { inode, unsynced }) => syncer.sync_file(unsynced, move |result| {
                    prepared(&strand, result.map(|()| inode), answer);
                }),
                Err(fault) => answer.send(Err(fault)),
            }
        })
    }

    /// The second half: the file gets the name `destination` in the same folder, and the folder is synced. A file or
    /// a symbolic link of that name is `existing`; what the link points at stays as it is. `DestinationIsFolder` when a
    /// folder has the name and was to be replaced.
    ///
    /// Doing it again is fine: when the temporary name is gone and `destination` is `inode`, it is done.
    /// `LocalFileChanged` when neither is the recorded file, or it has not the length it was prepared with.
    pub fn publish<'a>(
        &self,
        folder: impl Into<FolderAt<'a>>,
        name: &str,
        destination: &str,
        inode: Inode,
        size: u64,
        existing: Existing,
    ) -> Completion<Published> {
        let destination = destination.to_owned();
        let syncer = Arc::clone(&self.0.syncer);
        self.on_file_for(folder, name, PUBLISH, move |place, answer| {
            let Place {
                folder, name, slot, ..
            } = place;
            let usable = slot.file().map_or(Ok(()), |open| open.usable());
            let published = usable.and_then(|()| {
                publish::publish(&folder, &name, &destination, inode, size, existing)
            });
            match published {
                Ok(Published::Done) => {
                    slot.replace(None);
                    let name = destination;
                    syncer.sync_names(Entry { folder, name }, move |result| {
                        answer.send(result.map(|()| Published::Done));
                    });
                }
                other => answer.send(other),
            }
        })
    }

    /// A free name for a file whose name the server chose: `name`, else `name (1)` and so on, with the number before
    /// the extension as browsers have it; never one that `is_taken`, by a file that is about to get it.
    pub fn free_name<'a>(
        &self,
        folder: impl Into<FolderAt<'a>>,
        name: &str,
        is_taken: impl Fn(&str) -> bool + Send + 'static,
    ) -> Completion<String> {
        let folders = Arc::clone(&self.0.folders);
        let folder = folder.into();
        let at = folder.to_owned();
        let owned = name.to_owned();
        let path = folder.path().join(name);
        self.once(&path, "find a free name like", move || {
            publish::free_name(&*at.open(&folders)?, &owned, is_taken)
        })
    }
}

/// The sync that ends a preparation has ended. Where it failed, the bytes of the open file are lost too.
fn prepared(strand: &Arc<Strand<Slot>>, result: Result<Inode, SyncFault>, answer: Answer<Inode>) {
    let fault = match result {
        Ok(inode) => return answer.send(Ok(inode)),
        Err(fault) => fault,
    };
    strand.tell(move |slot| {
        if let (Some(open), SyncFault::File(errno)) = (slot.file(), &fault) {
            open.poison(*errno);
        }
        answer.send(Err(fault.into()));
    });
}

/// Where an operation on a temporary file happens, on a disk thread.
struct Place<'a> {
    folder: Arc<Folder>,
    name: String,
    slot: &'a mut Slot,
    strand: Arc<Strand<Slot>>,
    disk: &'a OwnerDisk,
}

impl Place<'_> {
    /// Makes the file, which is empty.
    fn made(mut self, hashing: Hashing) -> Result<TempFile, Fault> {
        let (file, folder) = self.make()?;
        Ok(self.opened(file, hashing, folder))
    }

    /// Makes the file with this content; and what it takes to sync it.
    fn made_with(
        mut self,
        content: &[Bytes],
        algorithm: Option<Algorithm>,
    ) -> Result<(TempFile, Unsynced), Fault> {
        let (mut file, folder) = self.make()?;
        file.set_hashed(algorithm.is_some());
        file.write(0, content)?;
        let mut hashing = Hashing::new(algorithm);
        hashing.follow(&file.descriptor(), 0, content, 0);
        let unsynced = file.unsynced()?;
        let file = self.opened(file, hashing, folder);
        let unsynced = unsynced.ok_or_else(|| Fault::changed("it was synced already"))?;
        Ok((file, unsynced))
    }

    fn make(&mut self) -> Result<(OpenFile, Inode), Fault> {
        self.slot.replace(None);
        let Self { folder, name, .. } = self;
        names::check(name)?;
        let fd = match folder.make(name) {
            Err(Errno::EXIST) => {
                match folder.find(name)? {
                    Found::Foreign(why) => return Err(Fault::changed(why)),
                    Found::Ours(..) => folder.remove(name)?,
                    Found::Gone => {}
                }
                folder.make(name)?
            }
            made => made?,
        };
        let number = rustix::fs::fstat(&fd)?.st_ino;
        let identity = folder.identity()?;
        let entry = Entry {
            folder: Arc::clone(folder),
            name: name.clone(),
        };
        Ok((OpenFile::made(fd, number, entry), identity))
    }

    fn opened(&mut self, file: OpenFile, hashing: Hashing, folder: Inode) -> TempFile {
        let number = file.number();
        let generation = self.slot.replace(Some(file));
        let Inner { pool, syncer, .. } = &*self.disk.0;
        let hashing = Strand::new(Arc::clone(pool), self.strand.path(), hashing);
        TempFile::new(
            Arc::clone(&self.strand),
            hashing,
            Arc::clone(syncer),
            generation,
            folder,
            number,
        )
    }
}

impl OwnerDisk {
    /// Queues an operation on a temporary file; it starts by opening the folder.
    fn on_file<'a, T: Send + 'static>(
        &self,
        folder: impl Into<FolderAt<'a>>,
        name: &str,
        operation: &'static str,
        work: impl FnOnce(Place<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Completion<T> {
        self.on_file_for(folder, name, operation, |place, answer| {
            answer.send(work(place));
        })
    }

    /// The same for one that somebody else answers.
    fn on_file_for<'a, T: Send + 'static>(
        &self,
        folder: impl Into<FolderAt<'a>>,
        name: &str,
        operation: &'static str,
        work: impl FnOnce(Place<'_>, Answer<T>) + Send + 'static,
    ) -> Completion<T> {
        let folder = folder.into();
        let at = folder.to_owned();
        let name = name.to_owned();
        let strand = self.strand(folder.path(), &name);
        let (own, disk) = (Arc::clone(&strand), self.clone());
        strand.ask_for(operation, move |slot, answer| {
            match at.open(&disk.0.folders) {
                Ok(folder) => {
                    let place = Place {
                        folder,
                        name,
                        slot,
                        strand: own,
                        disk: &disk,
                    };
                    work(place, answer);
                }
                Err(fault) => answer.send(Err(fault)),
            }
        })
    }

    /// Queues an operation that concerns no temporary file.
    fn once<T: Send + 'static>(
        &self,
        path: &Path,
        operation: &'static str,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Completion<T> {
        let strand = Strand::new(Arc::clone(&self.0.pool), path, ());
        strand.ask(operation, move |()| work())
    }

    /// The strand of a temporary file: the one there is, or a new one.
    fn strand(&self, folder: &Path, name: &str) -> Arc<Strand<Slot>> {
        let path = folder.join(name);
        let mut strands = self
            .0
            .strands
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(strand) = strands.get(&path) {
            return strand;
        }
        let pool = Arc::clone(&self.0.pool);
        let strand = Strand::new(Arc::clone(&pool), &path, Slot::new(pool));
        strands.put(&path, &strand);
        strand
    }
}

impl fmt::Debug for OwnerDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnerDisk").field(&self.0.identity).finish()
    }
}
