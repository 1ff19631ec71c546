//! The bytes of an open temporary file, on a disk thread.
//!
//! Owns the descriptor and what is known to be written. It must never say that bytes are on the device after a sync
//! that failed, and never resolve a name but that of its own folder's entry.

use std::{
    io::{self, IoSlice},
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bgcopy_model::{Condition, Extent, RangeSet};
use bytes::Bytes;
use rustix::{
    fs::FallocateFlags,
    io::{Errno, retry_on_intr},
};

use crate::{direct::Direct, error::Fault, folder::Folder, syncer::Unsynced};

/// How many files were opened.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// The number of a file that has just been opened.
pub(crate) fn opened() -> u64 {
    OPENED.fetch_add(1, Ordering::AcqRel)
}

/// An open temporary file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    fd: Arc<OwnedFd>,
    opened: u64,
    direct: Direct,
    number: u64,
    /// What is there: as far as known from before, and what was written since.
    written: RangeSet,
    /// Whether a digest follows it.
    hashed: bool,
    /// Whether anything happened since the last sync.
    dirty: bool,
    /// Where its name was made since the last sync of that folder.
    entry: Option<Arc<Entry>>,
    /// Whether a sync of it is still under way elsewhere.
    syncing: Arc<AtomicBool>,
    /// What a sync failed with. The kernel reports a lost page once, marks it clean and forgets it: the next sync
    /// would succeed without the bytes.
    poison: Option<Errno>,
}

/// A name in a folder.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) folder: Arc<Folder>,
    pub(crate) name: String,
}

impl Entry {
    /// Makes the name durable.
    pub(crate) fn sync(&self) -> Result<(), Fault> {
        self.folder.sync(Some(&self.name))
    }
}

impl OpenFile {
    /// A file of inode `number` of which these bytes were `written` earlier.
    pub(crate) fn new(fd: OwnedFd, number: u64, written: RangeSet) -> Self {
        Self {
            fd: Arc::new(fd),
            opened: opened(),
            direct: Direct::default(),
            number,
            written,
            hashed: false,
            dirty: false,
            entry: None,
            syncing: Arc::default(),
            poison: None,
        }
    }

    /// A new file under this name.
    pub(crate) fn made(fd: OwnedFd, number: u64, entry: Entry) -> Self {
        Self {
            entry: Some(Arc::new(entry)),
            dirty: true,
            ..Self::new(fd, number, RangeSet::new())
        }
    }

    /// The number of its inode.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// For whoever reads or syncs it beside this.
    pub(crate) fn descriptor(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.fd)
    }

    /// Bytes from its begin that are written.
    pub(crate) fn prefix(&self) -> u64 {
        self.written.prefix()
    }

    /// Whether a digest follows it.
    pub(crate) fn is_hashed(&self) -> bool {
        self.hashed
    }

    /// Whether a digest is to follow it from now on.
    pub(crate) fn set_hashed(&mut self, hashed: bool) {
        self.hashed = hashed;
    }

    /// Whether closing it may have to write.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty || self.syncing.load(Ordering::Acquire)
    }

    /// Fails as the sync did that failed.
    pub(crate) fn usable(&self) -> Result<(), Fault> {
        self.poison.map_or(Ok(()), |errno| Err(errno.into()))
    }

    /// Says that a sync of this file failed, through whichever descriptor.
    pub(crate) fn poison(&mut self, errno: Errno) {
        self.poison.get_or_insert(errno);
    }

    /// Reserves blocks for the first `size` bytes without changing the length.
    pub(crate) fn allocate(&mut self, size: u64) -> Result<(), Fault> {
        self.usable()?;
        if size == 0 {
            return Ok(());
        }
        self.dirty = true;
        let reserve = || rustix::fs::fallocate(&self.fd, FallocateFlags::KEEP_SIZE, 0, size);
        match retry_on_intr(reserve) {
            // Where the file system cannot reserve, a full disk shows when it is full.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(errno @ (Errno::NOSPC | Errno::DQUOT)) => {
                let stat = rustix::fs::fstat(&self.fd)?;
                let length = u64::try_from(stat.st_size).unwrap_or(0);
                // Some file systems keep what they could reserve, which would leave the disk full for nothing.
                retry_on_intr(|| rustix::fs::ftruncate(&self.fd, length))?;
                if errno == Errno::DQUOT {
                    return Err(errno.into());
                }
                Err(Fault::told(Condition::DiskFull, self.shortage(size)?))
            }
            Err(errno) => Err(errno.into()),
        }
    }

    fn shortage(&self, size: u64) -> Result<String, Fault> {
        let room = rustix::fs::fstatvfs(&self.fd)?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        let blocks = u64::try_from(rustix::fs::fstat(&self.fd)?.st_blocks).unwrap_or(0);
        let needed = size.saturating_sub(blocks.saturating_mul(512));
        Ok(format!("needs {}, {} free", human(needed), human(free)))
    }

    /// Back to an empty file.
    pub(crate) fn truncate(&mut self) -> Result<(), Fault> {
        self.usable()?;
        self.dirty = true;
        self.written = RangeSet::new();
        Ok(retry_on_intr(|| rustix::fs::ftruncate(&self.fd, 0))?)
    }

    /// Writes `chunks` one behind the other from `offset` on.
    pub(crate) fn write(&mut self, offset: u64, chunks: &[Bytes]) -> Result<(), Fault> {
        self.usable()?;
        let length = chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        let end = offset
            .checked_add(length)
            .filter(|end| i64::try_from(*end).is_ok())
            .ok_or(Errno::FBIG)?;
        if length == 0 {
            return Ok(());
        }
        self.unchanged()?;
        self.dirty = true;
        let done = self.direct.write(&self.fd, offset, chunks, length)?;
        write_all(&self.fd, offset, chunks, done)?;
        self.written.insert(Extent::new(offset, end));
        Ok(())
    }

    /// Fails when somebody else removed or shortened the file: what is written behind a hole would make it whole again
    /// to the eye, and zeros of bytes.
    fn unchanged(&self) -> Result<(), Fault> {
        let stat = rustix::fs::fstat(&self.fd)?;
        if stat.st_nlink == 0 {
            return Err(Fault::changed("somebody removed it"));
        }
        if u64::try_from(stat.st_size).unwrap_or(0) < self.written.end() {
            return Err(Fault::changed("it is shorter than what was written"));
        }
        Ok(())
    }

    /// Everything written so far is on the device when this is `Ok`. After an error it never is again.
    pub(crate) fn sync(&mut self) -> Result<(), Fault> {
        self.usable()?;
        if !self.is_dirty() {
            return Ok(());
        }
        self.unchanged()?;
        if let Err(errno) = retry_on_intr(|| rustix::fs::fdatasync(&self.fd)) {
            self.poison(errno);
            return Err(errno.into());
        }
        if let Some(entry) = &self.entry {
            entry.sync()?;
            self.entry = None;
        }
        self.dirty = false;
        Ok(())
    }

    /// What it takes to bring everything written so far to the device, for whoever does it together with that of
    /// others. `None`: it is there.
    pub(crate) fn unsynced(&mut self) -> Result<Option<Unsynced>, Fault> {
        self.usable()?;
        if !self.is_dirty() {
            return Ok(None);
        }
        self.unchanged()?;
        self.dirty = false;
        self.syncing.store(true, Ordering::Release);
        Ok(Some(Unsynced {
            file: self.descriptor(),
            opened: self.opened,
            attributes: false,
            entry: self.entry.clone(),
            syncing: Arc::clone(&self.syncing),
        }))
    }
}

/// `pwritev` until all is written but the first `done` bytes, which are. One allocation a call, none a byte.
fn write_all(fd: &OwnedFd, offset: u64, chunks: &[Bytes], done: u64) -> Result<(), Fault> {
    let mut slices = chunks
        .iter()
        .filter(|chunk| !chunk.is_empty())
        .map(|chunk| IoSlice::new(chunk))
        .collect::<Vec<_>>();
    let mut rest = slices.as_mut_slice();
    let mut offset = offset + done;
    IoSlice::advance_slices(&mut rest, usize::try_from(done).unwrap_or(usize::MAX));
    while !rest.is_empty() {
        // rustix cuts the list at IOV_MAX; the loop takes up what it left.
        let written = retry_on_intr(|| rustix::io::pwritev(fd, rest, offset))?;
        if written == 0 {
            return Err(Fault::told(
                Condition::DiskFailure,
                io::ErrorKind::WriteZero.to_string(),
            ));
        }
        offset += written as u64;
        IoSlice::advance_slices(&mut rest, written);
    }
    Ok(())
}

/// A size for people, rounded down to a tenth.
fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = (bytes.ilog2() / 10).min(5);
    let unit = 1_u64 << (10 * power);
    let tenths = (bytes % unit).saturating_mul(10) / unit;
    format!("{}.{tenths} {}", bytes / unit, UNITS[power as usize - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in a folder of its own, which has to live as long.
    fn file() -> (tempfile::TempDir, OwnedFd) {
        let folder = tempfile::tempdir().unwrap();
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CREATE;
        let path = folder.path().join("a");
        let fd = rustix::fs::open(path, flags, rustix::fs::Mode::RUSR).unwrap();
        (folder, fd)
    }

    #[test]
    fn after_a_failed_sync_no_later_one_succeeds() {
        // A pipe cannot be synced; it stands for a device that lost a page.
        let (_read, write) = rustix::pipe::pipe().unwrap();
        let mut file = OpenFile::new(write, 1, RangeSet::new());
        file.dirty = true;
        let first = file.sync().unwrap_err();
        // Now the device is fine again, and a new sync would be.
        let (_folder, working) = self::file();
        file.fd = Arc::new(working);
        assert_eq!(file.sync().unwrap_err().condition, first.condition);
        assert!(file.write(0, &[Bytes::from_static(b"x")]).is_err());
        assert!(file.unsynced().is_err());
        assert!(file.truncate().is_err());
    }

    #[test]
    fn a_list_longer_than_the_kernel_takes_at_once_is_written_whole() {
        let (_folder, fd) = file();
        let mut file = OpenFile::new(fd, 1, RangeSet::new());
        let chunks = (0..3_000_u32)
            .map(|n| Bytes::from(n.to_le_bytes().to_vec()))
            .collect::<Vec<_>>();
        file.write(7, &chunks).unwrap();
        let mut found = vec![0; 7 + 12_000 + 1];
        let read = rustix::io::pread(&file.fd, &mut found, 0).unwrap();
        assert_eq!(read, 7 + 12_000);
        assert_eq!(found[7..read], chunks.concat());
    }

    #[test]
    fn what_somebody_shortens_or_removes_while_it_is_written_is_noticed_at_the_next_write() {
        let (folder, fd) = file();
        let mut file = OpenFile::new(fd, 1, RangeSet::new());
        let bytes = [Bytes::from_static(b"abc")];
        file.write(0, &bytes).unwrap();
        rustix::fs::ftruncate(&file.fd, 1).unwrap();
        for fault in [file.write(3, &bytes), file.sync()] {
            assert_eq!(fault.unwrap_err().condition, Condition::LocalFileChanged);
        }
        file.truncate().unwrap();
        file.write(0, &bytes).unwrap();
        std::fs::remove_file(folder.path().join("a")).unwrap();
        let fault = file.write(3, &bytes).unwrap_err();
        assert_eq!(fault.condition, Condition::LocalFileChanged);
    }

    #[test]
    fn an_offset_beyond_what_files_can_have_is_too_large() {
        let (_folder, fd) = file();
        let mut file = OpenFile::new(fd, 1, RangeSet::new());
        for offset in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1] {
            let fault = file.write(offset, &[Bytes::from_static(b"x")]).unwrap_err();
            assert_eq!(fault.condition, Condition::FileTooLarge, "{offset}");
        }
    }

    #[test]
    fn sizes_are_told_in_units() {
        assert_eq!(human(1_023), "1023 B");
        assert_eq!(human(1_536), "1.5 KiB");
        assert_eq!(human(5 << 30), "5.0 GiB");
        assert_eq!(human(u64::MAX), "16383.9 PiB");
    }
}
