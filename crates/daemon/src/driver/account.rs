//! The user that a program runs as.
//!
//! In a service of one user that is the user of the service, and nothing is changed. In the system's service the
//! program's process becomes the owner, with the owner's groups, before it runs the first instruction that the owner
//! chose. No thread of the service ever becomes the owner: one that did could be killed by the owner, and the service
//! with it.

use std::{ffi::CString, io, path::PathBuf};

use bgcopy_model::Owner;
use nix::unistd::{Uid, User, getgrouplist};
use rustix::{
    process::{Gid, getgroups},
    thread::{
        CapabilitySet, capabilities, set_capabilities, set_thread_groups, set_thread_res_gid,
    },
};
use tokio::process::Command;

/// A user, as the user database knows it.
pub(super) struct Account {
    pub(super) name: String,
    pub(super) home: PathBuf,
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Account {
    /// Looks a user up. May take its time: the database can be on the network.
    ///
    /// # Errors
    /// In words: there is no such user, or the database does not answer.
    pub(super) fn of(owner: Owner) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("the user {} cannot be looked up: {error}", owner.uid)
        };
        let user = User::from_uid(Uid::from_raw(owner.uid))
            .map_err(|error| failed(&error))?
            .ok_or_else(|| format!("there is no user {}", owner.uid))?;
        let name = CString::new(user.name.as_str()).map_err(|error| failed(&error))?;
        let groups = getgrouplist(&name, user.gid).map_err(|error| failed(&error))?;
        Ok(Self {
            name: user.name,
            home: user.dir,
            uid: owner.uid,
            gid: user.gid.as_raw(),
            groups: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
        })
    }

    /// Makes a command's process this user's, when this thread starts it. The thread loses its own groups and must end
    /// soon, so it is not one of the runtime's.
    ///
    /// # Errors
    /// The rights cannot be taken on. The thread may have a part of them, and the command must not be run.
    pub(super) fn take_on(&self, command: &mut Command) -> io::Result<()> {
        // Groups are a thread's own in Linux, and a child has those of the thread that forks it.
        let groups: Vec<_> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let gid = Gid::from_raw(self.gid);
        set_thread_groups(&groups)?;
        set_thread_res_gid(gid, gid, gid)?;
        self.verify()?;
        if self.uid != Owner::ROOT.uid {
            // The standard library clears the groups of a child that it gives another user, unless it may not. The
            // change of user then takes every capability away.
            let mut sets = capabilities(None)?;
            sets.effective.remove(CapabilitySet::SETGID);
            sets.permitted.remove(CapabilitySet::SETGID);
            sets.inheritable = CapabilitySet::empty();
            set_capabilities(None, sets)?;
            command.uid(self.uid);
        }
        Ok(())
    }

    /// Asks the kernel what groups the thread has now.
    fn verify(&self) -> io::Result<()> {
        let sorted = |mut ids: Vec<u32>| {
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let now = getgroups()?.into_iter().map(Gid::as_raw).collect();
        let gid = rustix::process::getegid().as_raw();
        if gid == self.gid && sorted(now) == sorted(self.groups.clone()) {
            Ok(())
        } else {
            Err(io::Error::other(
                "the kernel did not give the user's groups",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program finds itself to be, on a thread of its own as the service does it.
    fn run_as(account: Account) -> io::Result<Vec<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let run = move || {
            let script =
                "id -u; id -ru; id -g; id -rg; id -G; grep -E '^Cap(Prm|Eff)' /proc/self/status";
            let mut command = Command::new("/bin/sh");
            command
                .args(["-c", script])
                .stderr(std::process::Stdio::inherit());
            account.take_on(&mut command)?;
            runtime.block_on(async { command.output().await })
        };
        let output = std::thread::spawn(run).join().unwrap()?;
        let text = String::from_utf8(output.stdout).unwrap();
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Only root can become others, so for an ordinary user the one thing that is true is that it is refused.
    #[test]
    fn a_program_is_the_owners_alone_with_the_owners_groups() {
        let account = Account {
            name: "owner".into(),
            home: "/".into(),
            uid: 54_321,
            gid: 54_322,
            groups: vec![54_322, 54_323],
        };
        let found = run_as(account);
        if !rustix::process::geteuid().is_root() {
            assert_eq!(found.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
            return;
        }
        let none = "0000000000000000";
        let expected = [
            "54321".to_owned(),
            "54321".to_owned(),
            "54322".to_owned(),
            "54322".to_owned(),
            "54322 54323".to_owned(),
            format!("CapPrm:\t{none}"),
            format!("CapEff:\t{none}"),
        ];
        assert_eq!(found.unwrap(), expected);
        // The thread that did it is gone; the process is as it was.
        assert!(rustix::process::getegid().is_root());
    }

    #[test]
    fn a_user_is_found_with_home_and_groups_and_an_unknown_one_is_refused() {
        let root = Account::of(Owner::ROOT).unwrap();
        assert_eq!((root.name.as_str(), root.gid), ("root", 0));
        assert!(root.home.is_absolute() && root.groups.contains(&0));
        let unknown = Account::of(Owner { uid: 4_000_000_001 });
        assert!(unknown.err().unwrap().contains("4000000001"));
    }
}
