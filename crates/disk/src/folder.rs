//! A folder that is held by a descriptor, and what can be done to one name in it.
//!
//! Owns the way from a path to a descriptor. Symbolic links on the way to the folder are followed, with the rights
//! of the thread; the last component is never followed. It must never act on a path a second time: everything
//! goes through the descriptor. An operation that finds the folder open asks only whether the path still leads there.

use std::{
    os::fd::{AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bgcopy_model::{Condition, Inode};
use rustix::{
    fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat},
    io::{Errno, retry_on_intr},
};

use crate::{error::Fault, living::Living, names};

/// The owner reads and writes; nobody else does anything.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// How every file is opened. NONBLOCK and NOCTTY matter only when somebody puts something else in its place.
const OPEN: OFlags = OFlags::RDWR
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// File systems whose identifier is made from what is stored on them (statfs(2) for the numbers): ext2 to ext4, Btrfs, ZFS.
const IDENTIFIED: [u64; 3] = [0xef53, 0x9123_683e, 0x2fc1_2fc1];

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    key: FileKey,
    /// Whose files are made here.
    uid: u32,
    file_system: OnceLock<FileSystem>,
}

/// What tells a file from all others as long as the machine runs and the file is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileKey {
    pub(crate) device: u64,
    number: u64,
}

impl FileKey {
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            number: stat.st_ino,
        }
    }
}

/// The folders of one owner in which something is under way, so that the next operation there need not open them again.
///
/// It holds none of them open: an idle service keeps no disk from being unmounted.
pub(crate) struct Folders {
    uid: u32,
    open: Mutex<Living<Folder>>,
}

impl Folders {
    pub(crate) fn new(uid: u32) -> Self {
        Self {
            uid,
            open: Mutex::default(),
        }
    }

    /// The folder that `path` leads to now, with the thread's rights.
    pub(crate) fn at(&self, path: &Path) -> Result<Arc<Folder>, Fault> {
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open().get(path);
        if let Some(folder) = known.filter(|folder| folder.is_at(path)) {
            return Ok(folder);
        }
        let folder = Arc::new(Folder::open(path, self.uid)?);
        open().put(path, &folder);
        Ok(folder)
    }
}

/// What the file system of a folder is.
#[derive(Clone, Copy, Debug)]
struct FileSystem {
    /// Its number in statfs(2).
    kind: u64,
    /// What tells it from others.
    device: u64,
}

/// What is under the name of a temporary file.
pub(crate) enum Found {
    /// A regular file of ours, opened for reading and writing.
    Ours(OwnedFd, Stat),
    /// Something else, which is left alone.
    Foreign(&'static str),
    /// Nothing.
    Gone,
}

/// A folder of a user's: its path, and which folder that is to be.
///
/// A path may lead elsewhere later, by a symbolic link or another folder under its name. With an identity, that is
/// found out before anything is done there: `FolderChanged`.
#[derive(Clone, Copy, Debug)]
pub struct FolderAt<'a> {
    path: &'a Path,
    identity: Option<Inode>,
}

impl<'a> FolderAt<'a> {
    /// The folder that `path` led to when it had this identity ([`crate::OwnerDisk::check_destination`]); `None`:
    /// whichever it leads to.
    pub fn new(path: &'a Path, identity: Option<Inode>) -> Self {
        Self { path, identity }
    }

    /// Its path.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    pub(crate) fn to_owned(self) -> OwnedFolderAt {
        OwnedFolderAt {
            path: self.path.to_owned(),
            identity: self.identity,
        }
    }
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for FolderAt<'a> {
    fn from(path: &'a P) -> Self {
        Self::new(path.as_ref(), None)
    }
}

/// A [`FolderAt`] that goes to a disk thread.
pub(crate) struct OwnedFolderAt {
    path: PathBuf,
    identity: Option<Inode>,
}

impl OwnedFolderAt {
    pub(crate) fn open(&self, folders: &Folders) -> Result<Arc<Folder>, Fault> {
        let folder = folders.at(&self.path)?;
        let Some(meant) = self.identity else {
            return Ok(folder);
        };
        let found = folder.identity()?;
        if found == meant {
            return Ok(folder);
        }
        let text = format!(
            "the path led to inode {} of device {:x} when the file was added, and leads to inode {} of device {:x}",
            meant.number, meant.device, found.number, found.device
        );
        Err(Fault::told(Condition::FolderChanged, text))
    }
}

impl Folder {
    fn open(path: &Path, uid: u32) -> Result<Self, Fault> {
        if !path.is_absolute() {
            return Err(Fault::told(
                Condition::InvalidName,
                "the path is not absolute",
            ));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()))?;
        let key = FileKey::of(&rustix::fs::fstat(&fd)?);
        Ok(Self {
            fd,
            key,
            uid,
            file_system: OnceLock::new(),
        })
    }

    /// Whether it is the one that `path` leads to now.
    fn is_at(&self, path: &Path) -> bool {
        let stat = retry_on_intr(|| rustix::fs::statat(CWD, path, AtFlags::empty()));
        stat.is_ok_and(|stat| FileKey::of(&stat) == self.key)
    }

    /// Which folder it is.
    pub(crate) fn key(&self) -> FileKey {
        self.key
    }

    /// The folder's own identity.
    pub(crate) fn identity(&self) -> Result<Inode, Fault> {
        self.identified(self.key.number)
    }

    /// The identity of a file in this folder, the same when the machine has started again.
    ///
    /// The device is the file system's identifier where it is stored on the disk. Others make theirs from the device's
    /// number, which changes with the order in which disks are found, or anew for each mount: of those the kind of the
    /// file system is all that stays.
    pub(crate) fn inode(&self, stat: &Stat) -> Result<Inode, Fault> {
        self.identified(stat.st_ino)
    }

    fn identified(&self, number: u64) -> Result<Inode, Fault> {
        let device = self.file_system()?.device;
        Ok(Inode { device, number })
    }

    fn file_system(&self) -> Result<FileSystem, Errno> {
        if let Some(known) = self.file_system.get() {
            return Ok(*known);
        }
        #[expect(
            clippy::cast_sign_loss,
            reason = "a magic number: only its bits matter"
        )]
        let kind = rustix::fs::fstatfs(&self.fd)?.f_type as u64;
        let device = if IDENTIFIED.contains(&kind) {
            rustix::fs::fstatvfs(&self.fd)?.f_fsid
        } else {
            kind
        };
        Ok(*self.file_system.get_or_init(|| FileSystem { kind, device }))
    }

    /// Whether the thread may make files here. Asked by file system identity (`AT_EACCESS`).
    pub(crate) fn check_writable(&self) -> Result<(), Fault> {
        let access = Access::WRITE_OK | Access::EXEC_OK;
        Ok(rustix::fs::accessat(
            &self.fd,
            ".",
            access,
            AtFlags::EACCESS,
        )?)
    }

    /// Whether what is under `name` could be replaced: in a folder with the sticky bit, only by its owner or the
    /// folder's.
    pub(crate) fn check_replaceable(&self, entry: &Stat) -> Result<(), Fault> {
        let folder = rustix::fs::fstat(&self.fd)?;
        let sticky = Mode::from_raw_mode(folder.st_mode).contains(Mode::SVTX);
        if sticky && ![0, folder.st_uid, entry.st_uid].contains(&self.uid) {
            return Err(Fault::told(
                Condition::FolderNotWritable,
                "somebody else's file has this name, and in this folder only they can replace it",
            ));
        }
        Ok(())
    }

    /// What `name` is, itself and not what it points at.
    pub(crate) fn entry(&self, name: &str) -> Result<Option<Stat>, Fault> {
        names::check(name)?;
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Makes a new private file.
    pub(crate) fn make(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OPEN | OFlags::CREATE | OFlags::EXCL;
        retry_on_intr(|| rustix::fs::openat(&self.fd, name, flags, PRIVATE))
    }

    /// Opens a temporary file that was made here earlier.
    pub(crate) fn find(&self, name: &str) -> Result<Found, Fault> {
        let Some(entry) = self.entry(name)? else {
            return Ok(Found::Gone);
        };
        if let Some(why) = self.foreign(&entry)? {
            return Ok(Found::Foreign(why));
        }
        let open = || retry_on_intr(|| rustix::fs::openat(&self.fd, name, OPEN, Mode::empty()));
        let opened = match open() {
            // It was given its final mode already, and the job's umask takes the owner's own rights away.
            Err(Errno::ACCESS) => self.make_private(name).and_then(|()| open()),
            result => result,
        };
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(Found::Gone),
            Err(Errno::LOOP) => return Ok(Found::Foreign("a symbolic link has its name")),
            Err(errno) => return Err(errno.into()),
        };
        // Only now it is certain what was opened.
        let stat = rustix::fs::fstat(&fd)?;
        Ok(match self.foreign(&stat)? {
            Some(why) => Found::Foreign(why),
            None => Found::Ours(fd, stat),
        })
    }

    /// Why this cannot be a file that was made here.
    pub(crate) fn foreign(&self, stat: &Stat) -> Result<Option<&'static str>, Fault> {
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(Some("something that is no regular file has its name"));
        }
        if stat.st_uid != self.uid && !self.decides_owners()? {
            return Ok(Some("somebody else's file has its name"));
        }
        Ok(None)
    }

    /// Whether the file system, by its mount options or its server, decides whose a file is, so that the uid of a
    /// file says nothing about who made it.
    pub(crate) fn decides_owners(&self) -> Result<bool, Fault> {
        // statfs(2): msdos, exfat, ntfs, ntfs3, fuse, 9p, nfs, smb, cifs, smb2, vboxsf.
        const TYPES: [u64; 11] = [
            0x4d44,
            0x2011_bab0,
            0x5346_544e,
            0x7366_746e,
            0x6573_5546,
            0x0102_1997,
            0x6969,
            0x517b,
            0xff53_4d42,
            0xfe53_4d42,
            0x786f_4256,
        ];
        Ok(TYPES.contains(&self.file_system()?.kind))
    }

    fn make_private(&self, name: &str) -> Result<(), Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())?;
        // A descriptor opened with O_PATH takes no fchmod, and chmod by name would follow a link.
        rustix::fs::chmod(format!("/proc/self/fd/{}", fd.as_raw_fd()), PRIVATE)
    }

    /// Removes a name; fine when it is gone.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Fault> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives a file another name here, instead of whatever has that name.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), Fault> {
        Ok(rustix::fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    /// Gives a file another name here, unless something has that name; says whether it did.
    pub(crate) fn rename_beside(&self, from: &str, to: &str) -> Result<bool, Fault> {
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(&self.fd, from, &self.fd, to, flags) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.link_beside(from, to),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The same on a file system that has no such rename: a second name never takes the place of another.
    fn link_beside(&self, from: &str, to: &str) -> Result<bool, Fault> {
        match rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty()) {
            Ok(()) => self.remove(from).map(|()| true),
            Err(Errno::EXIST) => Ok(false),
            // No links either, as on FAT. What somebody makes between the look and the rename is replaced.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => {
                let is_free = self.entry(to)?.is_none();
                if is_free {
                    self.rename(from, to)?;
                }
                Ok(is_free)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Makes changes of names durable. A folder that may be written but not read cannot be synced; then its whole
    /// file system is, through a file of ours in it. Without such a `file` nothing is done: then it was a removal,
    /// and what is undone by a power cut is removed again.
    pub(crate) fn sync(&self, file: Option<&str>) -> Result<(), Fault> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let directory = flags | OFlags::DIRECTORY;
        match retry_on_intr(|| rustix::fs::openat(&self.fd, ".", directory, Mode::empty())) {
            Ok(fd) => match retry_on_intr(|| rustix::fs::fsync(&fd)) {
                // File systems whose folders cannot be synced, or need not be.
                Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
                Err(errno) => Err(errno.into()),
            },
            Err(Errno::ACCESS) => {
                let Some(name) = file else { return Ok(()) };
                let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK;
                let file = rustix::fs::openat(&self.fd, name, flags, Mode::empty())?;
                Ok(retry_on_intr(|| rustix::fs::syncfs(&file))?)
            }
            Err(errno) => Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_shared_while_its_path_leads_there_and_not_held_afterwards() {
        let base = tempfile::tempdir().unwrap();
        let [path, aside] = ["a", "b"].map(|name| base.path().join(name));
        let folders = Folders::new(rustix::process::getuid().as_raw());
        std::fs::create_dir(&path).unwrap();
        let first = folders.at(&path).unwrap();
        assert!(Arc::ptr_eq(&first, &folders.at(&path).unwrap()));

        std::fs::rename(&path, &aside).unwrap();
        let fault = folders.at(&path).unwrap_err();
        assert_eq!(fault.condition, Condition::FolderMissing);
        std::fs::create_dir(&path).unwrap();
        let second = folders.at(&path).unwrap();
        assert_ne!(first.key(), second.key());
        std::os::unix::fs::symlink(&aside, base.path().join("link")).unwrap();
        let by_link = folders.at(&base.path().join("link")).unwrap();
        assert_eq!(first.key(), by_link.key());

        drop((first, second, by_link));
        let open = folders.open.lock().unwrap();
        assert!(open.get(&path).is_none());
    }
}
