//! What several test programs of this crate need.

use std::path::Path;

use bgcopy_disk::{Disk, OwnerDisk, Rights};
use bgcopy_model::Owner;
use bytes::Bytes;

/// The name of every temporary file here.
pub const TEMPORARY: &str = ".bgcopy-0123456789abcdef";

/// A user that every Debian has, other than root.
#[allow(dead_code, reason = "not every test program needs another user")]
pub const NOBODY: Owner = Owner { uid: 65_534 };

/// The disk with the rights of the test itself.
#[allow(dead_code, reason = "the programs about other users do not need it")]
pub fn own() -> OwnerDisk {
    Disk::new(Rights::Own).owner(Owner::ROOT).unwrap()
}

/// Whether the test may become others and mount things.
#[allow(dead_code, reason = "not every test program asks")]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Bytes that differ from place to place.
#[allow(dead_code, reason = "not every test program writes much")]
pub fn pattern(length: usize) -> Bytes {
    (0..length)
        .map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap_or(0))
        .collect()
}

/// The names in a folder, sorted.
#[allow(dead_code, reason = "not every test program lists folders")]
pub fn names(folder: &Path) -> Vec<String> {
    let mut names = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect::<Vec<_>>();
    names.sort();
    names
}
