//! Who may do what. The caller's user number comes from the kernel; nothing that a caller says about itself counts.
//!
//! This is the one place that decides: whoever serves a call asks here and never compares users itself.

use bgcopy_model::Owner;

use crate::places::Mode;

/// Something that a caller may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Speak to the service at all.
    Connect,
    /// Make a job.
    Create,
    /// See a job of this owner, and be told of its changes.
    See(Owner),
    /// Change a job of this owner.
    Change(Owner),
    /// Make a job of this owner one's own.
    TakeOwnership(Owner),
    /// List the jobs of all users.
    ListAll,
    /// Stop the service.
    Stop,
}

/// What an administrator may beyond every user's rights. Root has all of it; polkit can allow it to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// See and change the jobs of all users.
    ManageAll,
    /// Stop the service.
    Stop,
}

impl Privilege {
    /// Its name to polkit, as in dist/polkit.
    pub const fn action(self) -> &'static str {
        match self {
            Self::ManageAll => "org.bgcopy.manage-all",
            Self::Stop => "org.bgcopy.stop",
        }
    }
}

/// The rules for one service.
#[derive(Clone, Copy, Debug)]
pub struct Authz {
    mode: Mode,
    /// The user that the service runs as.
    own: Owner,
}

impl Authz {
    /// The rules for a service of this process.
    pub fn new(mode: Mode) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        Self {
            mode,
            own: Owner { uid },
        }
    }

    /// Whether `caller` may. Root always may.
    ///
    /// A service of one user serves nobody else. The system's serves everybody: each sees and changes its own jobs.
    pub fn may(self, caller: Owner, action: Action) -> bool {
        if caller == Owner::ROOT {
            return true;
        }
        match self.mode {
            Mode::User | Mode::Session | Mode::Embedded => caller == self.own,
            Mode::System => match action {
                Action::Connect | Action::Create => true,
                // To take what is one's own already changes nothing.
                Action::See(owner) | Action::Change(owner) | Action::TakeOwnership(owner) => {
                    caller == owner
                }
                Action::ListAll | Action::Stop => false,
            },
        }
    }

    /// Whether what `owner` has is the caller's own: for what not even an administrator does in somebody's place.
    pub fn owns(self, caller: Owner, owner: Owner) -> bool {
        self.owner(caller) == owner
    }

    /// What a caller has to be privileged to who [may not](Self::may) do this by right; `None`: nothing helps.
    pub const fn privilege(self, action: Action) -> Option<Privilege> {
        match (self.mode, action) {
            (Mode::System, Action::See(_) | Action::Change(_) | Action::ListAll) => {
                Some(Privilege::ManageAll)
            }
            (Mode::System, Action::Stop) => Some(Privilege::Stop),
            _ => None,
        }
    }

    /// Whose the jobs are that `caller` makes. In a service of one user they are that user's, also when root makes
    /// them, since it can only write files as that user.
    pub const fn owner(self, caller: Owner) -> Owner {
        match self.mode {
            Mode::User | Mode::Session | Mode::Embedded => self.own,
            Mode::System => caller,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Owner = Owner { uid: 1_000 };
    const BOB: Owner = Owner { uid: 1_001 };
    const ACTIONS: [Action; 7] = [
        Action::Connect,
        Action::Create,
        Action::See(ALICE),
        Action::Change(ALICE),
        Action::TakeOwnership(ALICE),
        Action::ListAll,
        Action::Stop,
    ];

    fn allowed(mode: Mode, caller: Owner) -> Vec<Action> {
        let authz = Authz { mode, own: ALICE };
        let actions = ACTIONS.into_iter();
        actions
            .filter(|action| authz.may(caller, *action))
            .collect()
    }

    #[test]
    fn a_users_service_serves_that_user_and_root_alone() {
        for mode in [Mode::User, Mode::Session, Mode::Embedded] {
            assert_eq!(allowed(mode, ALICE), ACTIONS);
            assert_eq!(allowed(mode, Owner::ROOT), ACTIONS);
            assert_eq!(allowed(mode, BOB), []);
        }
    }

    #[test]
    fn in_the_systems_service_everybody_has_their_own_jobs() {
        let common = [Action::Connect, Action::Create];
        let own = [
            Action::See(ALICE),
            Action::Change(ALICE),
            Action::TakeOwnership(ALICE),
        ];
        assert_eq!(
            allowed(Mode::System, ALICE),
            [&common[..], &own[..]].concat()
        );
        assert_eq!(allowed(Mode::System, BOB), common);
        assert_eq!(allowed(Mode::System, Owner::ROOT), ACTIONS);
    }

    #[test]
    fn administrators_are_known_to_the_systems_service_alone() {
        let privileges = |mode| ACTIONS.map(|action| Authz { mode, own: ALICE }.privilege(action));
        let (manage, stop) = (Some(Privilege::ManageAll), Some(Privilege::Stop));
        // A job is given to root alone.
        let expected = [None, None, manage, manage, None, manage, stop];
        assert_eq!(privileges(Mode::System), expected);
        for mode in [Mode::User, Mode::Session, Mode::Embedded] {
            assert_eq!(privileges(mode), [None; 7]);
        }
    }

    #[test]
    fn the_policy_file_has_the_actions_that_polkit_is_asked_for() {
        let policy = include_str!("../../../dist/polkit/org.bgcopy.policy");
        let actions = policy.split("<action id=\"").skip(1);
        let actions: Vec<_> = actions.filter_map(|rest| rest.split('"').next()).collect();
        let privileges = [Privilege::ManageAll, Privilege::Stop];
        assert_eq!(actions, privileges.map(Privilege::action));
    }

    #[test]
    fn what_root_makes_in_a_users_service_is_that_users() {
        let authz = |mode| Authz { mode, own: ALICE };
        assert_eq!(authz(Mode::User).owner(Owner::ROOT), ALICE);
        assert_eq!(authz(Mode::System).owner(Owner::ROOT), Owner::ROOT);
        assert_eq!(authz(Mode::System).owner(BOB), BOB);
        assert!(authz(Mode::User).owns(Owner::ROOT, ALICE));
        assert!(!authz(Mode::System).owns(Owner::ROOT, ALICE));
    }
}
