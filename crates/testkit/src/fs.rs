//! Small things about files and ports that tests of processes need: hashes, free ports, a disk that is soon full.
//!
//! Owns a mount while [`SmallDisk`] lives, nothing else.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

use rustix::mount::{MountFlags, UnmountFlags};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// SHA-256 of a file, in lower-case hexadecimal as `sha256sum` prints it.
pub fn sha256_file(path: impl AsRef<Path>) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buf = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buf)? {
            0 => return Ok(crate::hex::encode(&hasher.finalize())),
            n => hasher.update(&buf[..n]),
        }
    }
}

/// A TCP port of 127.0.0.1 that nobody listens on at present.
///
/// Another process may take it before the caller does; who needs certainty binds port 0 itself.
///
/// # Panics
/// When no port is free.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}

/// A file system of a few bytes, mounted as long as this lives; for a disk that is full.
pub struct SmallDisk {
    mount_point: TempDir,
}

impl SmallDisk {
    /// Mounts a tmpfs that holds `bytes`, rounded up to whole pages.
    ///
    /// The error says that root is needed, or what the kernel refused.
    pub fn mount(bytes: u64) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err(
                "only root can mount a small file system; run this test as root".to_owned(),
            );
        }
        let mount_point = TempDir::with_prefix("bgcopy-small-disk-")
            .map_err(|e| format!("a mount point cannot be made: {e}"))?;
        let options =
            std::ffi::CString::new(format!("size={bytes},mode=0777")).map_err(|e| e.to_string())?;
        let path = mount_point.path();
        rustix::mount::mount(
            "tmpfs",
            path,
            "tmpfs",
            MountFlags::NOSUID | MountFlags::NODEV,
            options.as_c_str(),
        )
        .map_err(|e| format!("tmpfs cannot be mounted on {}: {e}", path.display()))?;
        Ok(Self { mount_point })
    }

    /// Where the file system is mounted.
    pub fn path(&self) -> &Path {
        self.mount_point.path()
    }

    /// Changes the size; for a cause that goes away. Fails when more than `bytes` are in use.
    pub fn resize(&self, bytes: u64) -> Result<(), String> {
        // mount(8) is in the essential package of that name, and remounting by hand needs the old flags anyhow.
        let status = Command::new("mount")
            .args(["-o", &format!("remount,size={bytes}")])
            .arg(self.path())
            .status()
            .map_err(|e| format!("mount cannot be run: {e}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("remounting failed: {status}"))
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Detached, so that a process under test which still has a file open does not leave the mount behind.
        let _ = rustix::mount::unmount(self.mount_point.path(), UnmountFlags::DETACH);
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::{SmallDisk, sha256_file};

    #[test]
    fn the_hash_of_a_file_is_that_of_its_content() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("abc");
        std::fs::write(&file, "abc").expect("written");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_file(&file).expect("read"), abc);
        assert!(sha256_file(dir.path().join("none")).is_err());
    }

    #[test]
    fn a_small_disk_is_full_until_it_grows_or_says_that_it_needs_root() {
        let disk = match SmallDisk::mount(64 * 1024) {
            Ok(disk) => disk,
            Err(why) => {
                assert!(!rustix::process::geteuid().is_root(), "{why}");
                assert!(why.contains("root"), "{why}");
                return;
            }
        };
        let file = disk.path().join("file");
        let error = std::fs::write(&file, vec![1; 128 * 1024]).expect_err("full");
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        disk.resize(1 << 20).expect("grown");
        std::fs::write(&file, vec![1; 128 * 1024]).expect("room now");
        let path = disk.path().to_owned();
        drop(disk);
        assert!(!path.exists());
    }
}
