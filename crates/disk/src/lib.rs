//! The only code of bgcopy that touches the file system for its users: temporary files, positioned writes,
//! hashing, syncing, publishing by rename.
//!
//! ```text
//!  caller (any runtime)             one pool an owner                     the file system
//!  OwnerDisk / TempFile ──ask──► strand (one a file, in order) ──turn──► at most four threads,
//!        ▲                                                               each born into the owner's rights
//!        └──────────────── Completion ◄───────────────────────────────────────┘
//! ```
//!
//! | module | what it owns |
//! |---|---|
//! | `owner` | [`OwnerDisk`]: operations by folder and name; one strand for each temporary file |
//! | `temp` | [`TempFile`]: operations on an open temporary file |
//! | `strand` | the order of operations on one file, [`Completion`] |
//! | `pool`, `rights` | the threads of an owner, and how a thread comes into the owner's rights |
//! | `content`, `direct` | what happens to the bytes of an open file, on a disk thread |
//! | `hash`, `tree` | the digest that follows a file, on another disk thread |
//! | `syncer` | syncing together what waits together |
//! | `living` | what is in use, by its path, without holding it |
//! | `folder`, `publish`, `names` | what happens to names in a folder, on a disk thread |
//! | `error` | errno to [`bgcopy_model::Condition`], in one function |
//!
//! What it must never do: work on a thread of the async runtime, resolve a user's path with more rights than the
//! user has, follow a symbolic link in the last component of a path, or say that bytes are safe after a sync
//! that failed.
//!
//! # Order and cancellation
//! Every operation is queued when its method is *called*, not when its future is first polled, and runs even when
//! the future is dropped: nothing is ever half-cancelled. All operations on one temporary file, those of
//! [`TempFile`] as well as those of [`OwnerDisk`] that name it, run one at a time in the order of the calls. So a
//! write whose future was dropped is still done before a later [`OwnerDisk::reopen`] or [`OwnerDisk::discard`] of
//! that file, and a handle from before it can change nothing any more: its operations fail.

#![allow(
    clippy::disallowed_methods,
    reason = "the list exists so that files are touched here and nowhere else"
)]

mod aligned;
mod content;
mod direct;
mod error;
mod folder;
mod hash;
mod living;
mod names;
mod owner;
mod pool;
mod publish;
mod rights;
mod strand;
mod syncer;
mod temp;
mod tree;

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use bgcopy_model::Owner;

pub use crate::{
    aligned::Aligned,
    direct::ALIGN,
    error::DiskError,
    folder::FolderAt,
    owner::OwnerDisk,
    publish::{Existing, Published},
    strand::Completion,
    temp::TempFile,
};
use crate::{error::Fault, rights::Identity};

/// With whose rights files are touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// The process' own: a user's own daemon.
    Own,
    /// Those of each job's owner: the system's daemon, which runs as root.
    Owners,
}

/// The file system, as the owners of jobs see it.
pub struct Disk {
    rights: Rights,
    owners: Mutex<HashMap<Owner, OwnerDisk>>,
}

impl Disk {
    /// Nothing happens and no thread runs until something is asked for.
    pub fn new(rights: Rights) -> Self {
        Self {
            rights,
            owners: Mutex::default(),
        }
    }

    /// The file system as `owner` sees it. Cheap; the same owner gets the same threads. With [`Rights::Own`] every
    /// owner gets the process' own view: who may ask for it has been settled before.
    ///
    /// The user is looked up, and the rights are taken on, where the threads are born, since a lookup may ask a
    /// server. When that fails, each operation asked for fails with
    /// [`AccessDenied`](bgcopy_model::Condition::AccessDenied). Here, it fails with that when the process could
    /// never take on anybody's rights.
    pub fn owner(&self, owner: Owner) -> Result<OwnerDisk, DiskError> {
        let (key, identity) = match self.rights {
            Rights::Own => (Owner::ROOT, Identity::Process),
            Rights::Owners => {
                rights::can_be_taken().map_err(|refusal| {
                    Fault::refused(&refusal).at("/", "use the owner's rights below")
                })?;
                (owner, Identity::User(owner))
            }
        };
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(owners
            .entry(key)
            .or_insert_with(|| OwnerDisk::new(identity))
            .clone())
    }

    /// Blocks the calling thread until everything that was asked for is done, also where nobody waits for it any more.
    /// For the end of a service whose process goes on: who opens its queue next finds the files at rest.
    pub fn wait_until_idle(&self) {
        let owners: Vec<OwnerDisk> = {
            let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
            owners.values().cloned().collect()
        };
        for owner in owners {
            owner.wait_until_idle();
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Disk").field(&self.rights).finish()
    }
}
