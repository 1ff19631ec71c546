//! The folder of the queue and the files in it: made private, or refused. Nothing of SQLite is here, and no content
//! is read or changed.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the queue's own files are not a job's: they are this crate's to make, outside the disk crate's rules"
)]

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions},
    io::{self, ErrorKind, Read as _},
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::{Path, PathBuf},
};

use crate::StoreError;

/// The database's name in its folder.
const NAME: &str = "queue.db";

/// The files that SQLite reads or writes beside each other, as suffixes of the name.
const SUFFIXES: [&str; 4] = ["", "-wal", "-journal", "-shm"];

/// Makes what is missing, checks that all of it is this user's, takes rights of others away, and returns the path of
/// the database without symbolic links.
pub(crate) fn prepare(folder: &Path) -> Result<PathBuf, StoreError> {
    make_folder(folder)?;
    let folder = folder
        .canonicalize()
        .map_err(|e| StoreError::file("find", folder, e))?;
    let metadata = fs::metadata(&folder).map_err(|e| StoreError::file("look at", &folder, e))?;
    if !metadata.is_dir() {
        return Err(wrong_kind(&folder, "a folder"));
    }
    make_private(&folder, &metadata, 0o700)?;
    for suffix in SUFFIXES {
        let path = folder.join(format!("{NAME}{suffix}"));
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => make_private(&path, &metadata, 0o600)?,
            Ok(_) => return Err(wrong_kind(&path, "a plain file")),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(StoreError::file("look at", &path, e)),
        }
    }
    let file = folder.join(NAME);
    make_file(&file, &folder)?;
    Ok(file)
}

/// Writes zeros behind the end of SQLite's log until it has this many bytes, so that a commit overwrites blocks that
/// are there instead of growing the file, which would cost the file system a commit of its own each time.
///
/// To be called by the holder of the exclusive lock. SQLite takes what follows the last valid frame for nothing.
pub(crate) fn fill_log(file: &Path, bytes: u32) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    let mut log = OpenOptions::new().append(true).open(name)?;
    let missing = u64::from(bytes).saturating_sub(log.metadata()?.len());
    if missing > 0 {
        io::copy(&mut io::repeat(0).take(missing), &mut log)?;
        log.sync_all()?;
    }
    Ok(())
}

/// Makes the folder and what is missing above it, each name durable before the next.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let Some(parent) = folder.parent().filter(|p| !p.as_os_str().is_empty()) else {
                return Err(StoreError::file("make", folder, e));
            };
            make_folder(parent)?;
            match DirBuilder::new().mode(0o700).create(folder) {
                Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                    return Err(StoreError::file("make", folder, e));
                }
                _ => {}
            }
        }
        Err(e) => return Err(StoreError::file("make", folder, e)),
    }
    let parent = folder
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    sync_folder(parent)
}

/// Makes an empty file that SQLite fills; SQLite itself would give it the rights that the umask leaves.
fn make_file(file: &Path, folder: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    match made {
        Ok(_) => sync_folder(folder),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(StoreError::file("make", file, e)),
    }
}

fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| StoreError::file("sync", folder, e))
}

fn make_private(path: &Path, metadata: &Metadata, mode: u32) -> Result<(), StoreError> {
    let process = rustix::process::geteuid().as_raw();
    if metadata.uid() != process {
        return Err(StoreError::NotOurs {
            path: path.to_owned(),
            owner: metadata.uid(),
            process,
        });
    }
    if metadata.mode() & 0o077 != 0 {
        tracing::warn!(
            path = %path.display(),
            mode = format_args!("{:04o}", metadata.mode() & 0o7777),
            "others had rights to the queue; they are taken away"
        );
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(|e| StoreError::file("make private", path, e))?;
    }
    Ok(())
}

fn wrong_kind(path: &Path, expected: &'static str) -> StoreError {
    StoreError::WrongKind {
        path: path.to_owned(),
        expected,
    }
}
