//! How a temporary file gets its final name, in two halves that a power cut may fall between or into.
//!
//! ```text
//!  prepare: length, time, mode → sync of the file      (store: COMPLETING; the inode is known since the last byte)
//!  publish: rename → sync of the folder                (store: ACKNOWLEDGED)
//! ```
//!
//! Owns that order; the syncs are the `syncer`'s. It must never publish a file that is not the one recorded, nor touch what a symbolic link
//! under the final name points at.

use std::{path::Path, sync::Arc};

use bgcopy_model::{Condition, Inode, Timestamp};
use rustix::{
    fs::{FileType, Mode, Stat, Timespec, Timestamps, UTIME_OMIT},
    io::{Errno, retry_on_intr},
};

use crate::{
    content::{self, OpenFile},
    error::Fault,
    folder::{Folder, Folders, Found},
    names,
    syncer::Unsynced,
};

/// Names that are tried for a file whose name the server chose.
const TRIES: u32 = 10_000;

/// What becomes of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced.
    Replaced,
    /// It stays, and the new one gets no name.
    Kept,
}

/// What came of publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The file has its name.
    Done,
    /// Something else has it, and was to be kept.
    Taken,
}

/// A file that is ready for its name once it is synced.
pub(crate) struct Prepared {
    pub(crate) inode: Inode,
    pub(crate) unsynced: Unsynced,
}

/// Checks a destination before anything is fetched; see `OwnerDisk::check_destination`.
pub(crate) fn check_destination(path: &Path, folders: &Folders) -> Result<Inode, Fault> {
    let only_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let (folder, name) = if only_folder {
        (path, None)
    } else {
        let name = names::checked(path.file_name())?;
        (path.parent().unwrap_or(Path::new("/")), Some(name))
    };
    let folder = folders.at(folder)?;
    folder.check_writable()?;
    if let Some(entry) = name.map(|name| folder.entry(name)).transpose()?.flatten() {
        if FileType::from_raw_mode(entry.st_mode) == FileType::Directory {
            return Err(Errno::ISDIR.into());
        }
        folder.check_replaceable(&entry)?;
    }
    folder.identity()
}

/// The first half.
pub(crate) fn prepare(
    folder: &Folder,
    name: &str,
    open: Option<&OpenFile>,
    size: u64,
    umask: u32,
    modified: Option<Timestamp>,
) -> Result<Prepared, Fault> {
    if let Some(open) = &open {
        open.usable()?;
    }
    let (fd, stat) = match folder.find(name)? {
        Found::Ours(fd, stat) => (fd, stat),
        Found::Foreign(why) => return Err(Fault::changed(why)),
        Found::Gone => return Err(Fault::changed("it is gone")),
    };
    let opened = content::opened();
    if open
        .as_ref()
        .is_some_and(|open| open.number() != stat.st_ino)
    {
        return Err(Fault::changed("another file has its name"));
    }
    let length = u64::try_from(stat.st_size).unwrap_or(0);
    if length < size {
        // Longer would do no harm, but bytes that nobody wrote are never published as zeros.
        return Err(Fault::changed("it is shorter than what was written"));
    }
    if length > size {
        retry_on_intr(|| rustix::fs::ftruncate(&fd, size))?;
    }
    let lenient = folder.decides_owners()?;
    let attribute = |result: Result<(), Errno>| match result {
        // Such a file system has its own idea of modes and times.
        Err(Errno::PERM | Errno::OPNOTSUPP) if lenient => Ok(()),
        result => result,
    };
    if let Some(modified) = modified {
        attribute(rustix::fs::futimens(&fd, &timestamps(modified)))?;
    }
    let mode = Mode::from_raw_mode(0o666 & !umask);
    attribute(rustix::fs::fchmod(&fd, mode))?;
    Ok(Prepared {
        inode: folder.inode(&stat)?,
        unsynced: Unsynced {
            file: Arc::new(fd),
            opened,
            attributes: true,
            entry: None,
            syncing: Arc::default(),
        },
    })
}

/// The second half but for the sync of the folder, which is the caller's. What it finds when it is done again tells how
/// far it came.
pub(crate) fn publish(
    folder: &Folder,
    name: &str,
    destination: &str,
    inode: Inode,
    size: u64,
    existing: Existing,
) -> Result<Published, Fault> {
    let there = folder.entry(destination)?;
    let has_size = |stat: &Stat| u64::try_from(stat.st_size) == Ok(size);
    let published = match &there {
        // A number is given to another file when the one that had it is deleted.
        Some(stat) => folder.inode(stat)? == inode && has_size(stat),
        None => false,
    };
    match folder.entry(name)? {
        None if published => {}
        None => return Err(Fault::changed("it is gone")),
        // The name is unguessable and the owner is checked, so the number alone identifies the file; the device
        // may have another number since the machine started.
        Some(entry) if entry.st_ino != inode.number => {
            return Err(Fault::changed("another file has its name"));
        }
        Some(entry) => {
            if let Some(why) = folder.foreign(&entry)? {
                return Err(Fault::changed(why));
            }
            if !has_size(&entry) {
                return Err(Fault::changed(
                    "it has another length than it was prepared with",
                ));
            }
            let is_folder =
                |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if published {
                // Both names lead to the file, and a rename between two names of one file does nothing.
                folder.remove(name)?;
            } else if existing == Existing::Kept {
                if there.is_some() || !folder.rename_beside(name, destination)? {
                    return Ok(Published::Taken);
                }
            } else if there.is_some_and(is_folder) {
                return Err(Errno::ISDIR.into());
            } else {
                folder.rename(name, destination)?;
            }
        }
    }
    Ok(Published::Done)
}

/// A name that nothing has yet and that is not taken otherwise.
pub(crate) fn free_name(
    folder: &Folder,
    name: &str,
    is_taken: impl Fn(&str) -> bool,
) -> Result<String, Fault> {
    names::check(name)?;
    for number in 0..TRIES {
        let candidate = names::numbered(name, number);
        if !is_taken(&candidate) && folder.entry(&candidate)?.is_none() {
            return Ok(candidate);
        }
    }
    Err(Fault::told(
        Condition::InvalidName,
        format!("{TRIES} names like it are taken"),
    ))
}

fn timestamps(modified: Timestamp) -> Timestamps {
    let nanoseconds = (modified.0 % 1_000_000) * 1_000;
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: i64::try_from(modified.seconds()).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
        },
    }
}
