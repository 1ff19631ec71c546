//! How a thread comes into the rights of a job's owner.
//!
//! Owns the credentials of the disk threads. It must never change those of another thread, nor let a thread work
//! that has more rights than the owner.
//!
//! On Linux credentials are a thread's own; it is the C library whose wrappers carry them over to the whole
//! process. So `setgroups` and `capset` are raw system calls here (rustix), while `setfsuid` and `setfsgid` are
//! per-thread in every C library. The *file system* identity is changed and not the real, effective or saved one:
//! a thread whose real or saved uid is the owner's could be killed by the owner, and the daemon with it.

use bgcopy_model::{Condition, Owner};
use nix::unistd::{Gid, Uid, User, getgrouplist, setfsgid, setfsuid};
use rustix::{
    process::Gid as RawGid,
    thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities},
};

/// Who a pool's threads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// As the process.
    Process,
    /// This user.
    User(Owner),
}

/// Why a pool has no thread.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) condition: Condition,
    pub(crate) text: String,
}

impl Refusal {
    fn denied(text: impl Into<String>) -> Self {
        Self {
            condition: Condition::AccessDenied,
            text: text.into(),
        }
    }
}

impl Identity {
    /// The user whose files a thread with this identity makes.
    pub(crate) fn uid(self) -> u32 {
        match self {
            // The kernel keeps the file system uid equal to the effective one unless told otherwise.
            Self::Process => rustix::process::geteuid().as_raw(),
            Self::User(owner) => owner.uid,
        }
    }

    /// Gives the calling thread this identity for the rest of its life. After an error the thread must end: it may
    /// have a part of the rights.
    pub(crate) fn take_on(self) -> Result<(), Refusal> {
        match self {
            Self::Process => Ok(()),
            Self::User(owner) => take_on_user(Uid::from_raw(owner.uid)),
        }
    }
}

/// Whether the calling thread may take on the rights of others at all.
pub(crate) fn can_be_taken() -> Result<(), Refusal> {
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
    match capabilities(None) {
        Ok(sets) if sets.effective.contains(needed) => Ok(()),
        Ok(_) => Err(Refusal::denied(
            "the service runs without CAP_SETUID and CAP_SETGID",
        )),
        Err(errno) => Err(Refusal::denied(format!(
            "its capabilities cannot be read: {errno}"
        ))),
    }
}

fn take_on_user(uid: Uid) -> Result<(), Refusal> {
    let failed =
        |what: &str, error: &dyn std::fmt::Display| Refusal::denied(format!("{what}: {error}"));

    // Asked for at each birth of a thread, before it loses the rights that the lookup may need: a change of groups
    // is in force once the old threads have gone. A user without an entry is refused, since the group to act in
    // would be a guess.
    let user = User::from_uid(uid)
        .map_err(|error| failed("the user cannot be looked up", &error))?
        .ok_or_else(|| Refusal::denied(format!("there is no user {uid}")))?;
    let name = std::ffi::CString::new(user.name)
        .map_err(|error| failed("the user has no usable name", &error))?;
    let groups = getgrouplist(&name, user.gid)
        .map_err(|error| failed("the user's groups cannot be looked up", &error))?;
    let kept = CapabilitySets {
        effective: kept(uid, |sets| sets.effective)?,
        permitted: kept(uid, |sets| sets.permitted)?,
        inheritable: CapabilitySet::empty(),
    };

    let raw = groups.iter().map(|group| RawGid::from_raw(group.as_raw()));
    rustix::thread::set_thread_groups(&raw.collect::<Vec<_>>())
        .map_err(|error| failed("setgroups", &error))?;
    // These two report nothing; the check below does.
    setfsgid(user.gid);
    setfsuid(uid);
    set_capabilities(None, kept).map_err(|error| failed("capset", &error))?;

    verify(uid, user.gid, &groups, kept)
}

/// What of the thread's capabilities the owner's files are touched with: none, and for root all but the one that
/// goes beyond quotas and into the blocks a file system keeps in reserve.
fn kept(uid: Uid, of: fn(&CapabilitySets) -> CapabilitySet) -> Result<CapabilitySet, Refusal> {
    if !uid.is_root() {
        return Ok(CapabilitySet::empty());
    }
    capabilities(None)
        .map(|sets| of(&sets).difference(CapabilitySet::SYS_RESOURCE))
        .map_err(|error| Refusal::denied(format!("capget: {error}")))
}

/// Asks the kernel what the thread has now.
fn verify(uid: Uid, gid: Gid, groups: &[Gid], kept: CapabilitySets) -> Result<(), Refusal> {
    // An impossible id changes nothing, and the answer is the present one (setfsuid(2), NOTES).
    let nobody = u32::MAX;
    let sorted = |mut ids: Vec<u32>| {
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let wanted = sorted(groups.iter().map(|group| group.as_raw()).collect());
    let found = rustix::process::getgroups().map_or_else(
        |_| Vec::new(),
        |all| sorted(all.into_iter().map(RawGid::as_raw).collect()),
    );
    let is = setfsuid(Uid::from_raw(nobody)) == uid
        && setfsgid(Gid::from_raw(nobody)) == gid
        && wanted == found
        && capabilities(None).is_ok_and(|sets| sets == kept);
    if is {
        Ok(())
    } else {
        Err(Refusal::denied(format!(
            "the kernel did not give the thread the rights of user {uid}"
        )))
    }
}
