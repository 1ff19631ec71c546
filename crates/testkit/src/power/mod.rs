//! A power cut, and system calls that fail, for a real process.
//!
//! SIGKILL alone proves nothing about power: the kernel keeps every write of a killed process. So a library that is
//! preloaded into the process (`shim/`) keeps a second image of the watched directories, the shadow, of what would
//! be on the disk by then: file contents as of their last fsync or fdatasync, names as of the last fsync of their
//! directory. After the process was killed, [`restore`] turns the directories into what a machine might find when it
//! comes up again: that image, and of what came later some parts, which a seed chooses.
//!
//! ```text
//! arm(roots, shadow) ─► run with environment(…) ─► SIGKILL ─► restore(roots, shadow, seed) ─► arm again ─► run …
//! ```
//!
//! # What is promised to a program, and no more
//! - fsync and fdatasync of a file make its bytes and its length durable; fsync its mode and modification time too.
//!   They do not make its name durable.
//! - fsync (or fdatasync) of a directory makes durable what was created, linked, renamed and removed in it before.
//!   A rename between two directories is durable once either is synced, and never half.
//! - Bytes written later survive or not, page by page (4 KiB) and file by file; so does a change of length.
//! - Changes of names later survive as a file system with a journal has it (all up to some moment), or as one
//!   without (any of them, but none that builds upon a lost one).
//! - syncfs does for the files and directories that the process has open what fsync does for one.
//! - `sync`, `sync_file_range`, `O_SYNC` promise nothing here. Files named `*-shm` are always lost, as
//!   `SQLite`'s shared memory index may be; so are sockets and the like.
//!
//! # What the program under test has to do
//! It must reach the system through libc's functions: std and bundled `SQLite` do. rustix does with its feature
//! `use-libc` alone; without it, it makes system calls itself, which nothing here sees. Statically linked programs
//! cannot be watched.
//!
//! Files keep their inode numbers over [`restore`] when the shadow is on the same file system as the roots, as on a
//! real disk. The machine's own disk is never waited for: a watched fsync costs a copy instead.

mod arm;
mod failure;
mod log;
mod names;
mod pages;
mod restore;
pub(crate) mod rng;
mod shim;

pub use arm::arm;
pub use failure::{Effect, Failure, Op};
pub use restore::{Restored, restore};
pub use shim::{PACKAGES, build_shim, environment};
