//! Writing past the page cache.
//!
//! What is fetched in large blocks goes from this process' memory to the device at once. The page cache would have to
//! take each byte in, write it back later, and push out for it what other programs have there; and the sync at the
//! end would have to wait for all that is left. docs/decisions/0011 has the measurements.
//!
//! Owns a second descriptor of the file and one block of aligned memory a thread, for what is not aligned. It must never
//! fail a write that would succeed without it: whatever the file system does not take is left to the caller.

use std::{
    cell::RefCell,
    os::fd::{AsRawFd as _, OwnedFd},
};

use bytes::Bytes;
use rustix::{
    fs::{Mode, OFlags},
    io::{Errno, retry_on_intr},
};

use crate::aligned::Aligned;

/// What offset, length and memory of a write are multiples of. Devices ask for 512 or 4 096 (statx(2),
/// `STATX_DIOALIGN`); one that asks for more is served by the page cache.
pub const ALIGN: u64 = 4096;

/// A shorter write is not worth a wait for the device.
pub(crate) const LEAST: u64 = 256 * 1024;

/// Bytes that go to the device at once.
const BLOCK: usize = 1 << 20;

/// File systems of this machine's own devices (statfs(2) for the numbers): ext2 to ext4, XFS, Btrfs, F2FS. A server's
/// would wait for the network with every block.
const LOCAL: [u64; 4] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010];

thread_local! {
    static MEMORY: RefCell<Aligned> = RefCell::new(Aligned::new(BLOCK));
}

/// The way past the page cache for one file.
#[derive(Debug, Default)]
pub(crate) enum Direct {
    /// Not tried yet.
    #[default]
    Unknown,
    /// A descriptor for it.
    Open(OwnedFd),
    /// There is none.
    None,
}

impl Direct {
    /// Writes as much of the begin of `chunks` as can go this way, `length` bytes in all, and says how much that was.
    pub(crate) fn write(
        &mut self,
        file: &OwnedFd,
        offset: u64,
        chunks: &[Bytes],
        length: u64,
    ) -> Result<u64, Errno> {
        if length < LEAST || !offset.is_multiple_of(ALIGN) {
            return Ok(0);
        }
        if matches!(self, Self::Unknown) {
            *self = open(file).map_or(Self::None, Self::Open);
        }
        let Self::Open(fd) = self else { return Ok(0) };
        let aligned = length - length % ALIGN;
        let written = match chunks {
            [chunk] if is_aligned(chunk) => write_as_it_is(fd, offset, chunk, aligned),
            _ => write(fd, offset, chunks, aligned),
        };
        match written {
            Ok(written) => Ok(written),
            // It does not take such memory or such a length after all.
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {
                *self = Self::None;
                Ok(0)
            }
            Err(errno) => Err(errno),
        }
    }
}

/// Whether the file is on one of these.
pub(crate) fn is_local(file: &OwnedFd) -> bool {
    #[expect(
        clippy::cast_sign_loss,
        reason = "a magic number: only its bits matter"
    )]
    let kind = rustix::fs::fstatfs(file).map(|file_system| file_system.f_type as u64);
    kind.is_ok_and(|kind| LOCAL.contains(&kind))
}

/// The same file once more, with a descriptor of its own: whoever reads the other one needs no aligned memory.
fn open(file: &OwnedFd) -> Option<OwnedFd> {
    if !is_local(file) {
        return None;
    }
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
    retry_on_intr(|| rustix::fs::open(&path, flags, Mode::empty())).ok()
}

fn is_aligned(chunk: &Bytes) -> bool {
    let align = usize::try_from(ALIGN).unwrap_or(1);
    chunk.as_ptr().align_offset(align) == 0
}

/// Writes the first `length` bytes, or less where the caller is to meet the reason.
fn write_as_it_is(fd: &OwnedFd, offset: u64, chunk: &Bytes, length: u64) -> Result<u64, Errno> {
    let part = &chunk[..usize::try_from(length).unwrap_or(chunk.len())];
    let count = retry_on_intr(|| rustix::io::pwrite(fd, part, offset))?;
    Ok(count as u64)
}

fn write(fd: &OwnedFd, offset: u64, chunks: &[Bytes], length: u64) -> Result<u64, Errno> {
    MEMORY.with_borrow_mut(|block| {
        let mut chunks = chunks.iter();
        let mut rest: &[u8] = &[];
        let mut written = 0;
        while written < length {
            let wanted = usize::try_from(length - written).map_or(BLOCK, |left| left.min(BLOCK));
            let mut filled = 0;
            while filled < wanted {
                if rest.is_empty() {
                    let Some(chunk) = chunks.next() else { break };
                    rest = chunk;
                }
                let (part, left) = rest.split_at(rest.len().min(wanted - filled));
                block[filled..filled + part.len()].copy_from_slice(part);
                filled += part.len();
                rest = left;
            }
            let part = &block[..filled];
            let count = retry_on_intr(|| rustix::io::pwrite(fd, part, offset + written))?;
            written += count as u64;
            if count < wanted {
                // The caller goes on behind it and meets the reason.
                break;
            }
        }
        Ok(written)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aligned_begin_of_a_large_write_goes_this_way_and_arrives() {
        // Of the tree's own file system: the folder for temporary files may be in memory.
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let flags = OFlags::RDWR | OFlags::CREATE;
        let fd = rustix::fs::open(folder.path().join("a"), flags, Mode::RUSR | Mode::WUSR).unwrap();
        let bytes: Vec<u8> = (0..3_000_001_u32)
            .map(|n| n.to_le_bytes()[0] ^ (n >> 9).to_le_bytes()[0])
            .collect();
        let many: Vec<Bytes> = bytes.chunks(70_001).map(Bytes::copy_from_slice).collect();
        // One of memory that is aligned, and one of memory that is not.
        let one = |shift: usize| {
            let mut memory = vec![0; bytes.len() + 2 * 4096];
            let begin = memory.as_ptr().align_offset(4096) + shift;
            memory[begin..begin + bytes.len()].copy_from_slice(&bytes);
            Bytes::from(memory).slice(begin..begin + bytes.len())
        };
        assert!(is_aligned(&one(0)) && !is_aligned(&one(1)));
        for chunks in [many, vec![one(0)], vec![one(1)]] {
            let mut direct = Direct::default();
            let written = direct
                .write(&fd, 8192, &chunks, bytes.len() as u64)
                .unwrap();
            if open(&fd).is_none() {
                assert_eq!(written, 0, "this file system is not for it");
                return;
            }
            assert_eq!(written, bytes.len() as u64 / ALIGN * ALIGN);
            let mut found = vec![0; usize::try_from(written).unwrap()];
            assert_eq!(
                rustix::io::pread(&fd, &mut found, 8192).unwrap(),
                found.len()
            );
            assert!(found == bytes[..found.len()]);
            rustix::fs::ftruncate(&fd, 0).unwrap();
        }
    }

    #[test]
    fn what_is_short_or_lies_across_is_left_to_the_caller() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let flags = OFlags::RDWR | OFlags::CREATE;
        let fd = rustix::fs::open(folder.path().join("a"), flags, Mode::RUSR | Mode::WUSR).unwrap();
        let chunks = [Bytes::from(vec![1; 1 << 20])];
        let mut direct = Direct::default();
        assert_eq!(direct.write(&fd, 1, &chunks, 1 << 20).unwrap(), 0);
        assert_eq!(direct.write(&fd, 0, &chunks, LEAST - 1).unwrap(), 0);
        assert!(
            matches!(direct, Direct::Unknown),
            "nothing was opened for it"
        );
    }
}
