//! The systemd units of dist/systemd, judged by systemd's own programs.
//!
//! Owns what a machine without a running systemd can tell: settings are spelt right, and a unit is as confined as it was. Must never
//! start a unit.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "reads the project's own tree and makes temporary folders"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Highest exposure that `systemd-analyze security` may report, in tenths. Lower is better; what is left is what the service is for:
/// network, users' files, and for the system unit the change of user. Lower these when a unit gets stricter, never the reverse.
const SYSTEM_EXPOSURE: &str = "28";
const USER_EXPOSURE: &str = "66";

/// A copy of one manager's units that refer to no program of bgcopy, which the machine that tests need not have.
struct Units {
    folder: TempDir,
    manager: &'static str,
}

impl Units {
    fn of(manager: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let units = folder.path().join("units");
        fs::create_dir(&units).unwrap();
        for entry in fs::read_dir(dist().join("systemd").join(manager)).unwrap() {
            let path = entry.unwrap().path();
            let unit = fs::read_to_string(&path).unwrap();
            fs::write(units.join(path.file_name().unwrap()), runs_true(&unit)).unwrap();
        }
        Self { folder, manager }
    }

    /// The folder with the units and nothing else.
    fn path(&self) -> PathBuf {
        self.folder.path().join("units")
    }

    fn change(&self, unit: &str, from: &str, to: &str) {
        let path = self.path().join(unit);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{unit} has no `{from}`");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Runs `systemd-analyze` on every unit whose name ends in `suffix`.
    fn analyze(&self, arguments: &[&str], suffix: &str) -> Output {
        let mut units: Vec<_> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().ends_with(suffix))
            .collect();
        units.sort();
        assert!(!units.is_empty());
        Command::new("systemd-analyze")
            .arg(format!("--{}", self.manager))
            .args(arguments)
            .args(units)
            // Where a user's manager looks for units: here there are none but ours.
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .output()
            .expect("systemd-analyze must be there: package systemd")
    }

    fn verify(&self) -> Output {
        // Manual pages are not installed where tests run, and faults in the machine's own units are not ours.
        self.analyze(&["verify", "--man=no", "--recursive-errors=no"], "")
    }

    /// Passes when the program found no fault, and warned of nothing in these units. What it says of the machine does not count.
    #[track_caller]
    fn assert_accepted(&self, output: &Output) {
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !messages.contains(&self.path().display().to_string()),
            "{}\n{}{messages}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
        );
    }
}

/// `unit` with `/bin/true` in place of the program that each of its Exec lines names.
fn runs_true(unit: &str) -> String {
    unit.lines()
        .map(|line| match line.split_once('=') {
            Some((key, _)) if key.starts_with("Exec") => format!("{key}=/bin/true\n"),
            _ => format!("{line}\n"),
        })
        .collect()
}

fn dist() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist")
}

#[test]
fn systemd_accepts_every_unit_without_a_warning() {
    for manager in ["system", "user"] {
        let units = Units::of(manager);
        units.assert_accepted(&units.verify());
    }
}

#[test]
fn a_misspelt_setting_would_be_noticed() {
    let units = Units::of("system");
    units.change("bgcopyd.service", "NoNewPrivileges=", "NoNewPrivilege=");
    assert!(!units.verify().status.success());
}

#[test]
fn the_services_are_as_confined_as_their_work_allows() {
    for (manager, exposure) in [("system", SYSTEM_EXPOSURE), ("user", USER_EXPOSURE)] {
        let threshold = format!("--threshold={exposure}");
        let arguments = ["security", "--no-pager", "--offline=true", &threshold];
        let units = Units::of(manager);
        units.assert_accepted(&units.analyze(&arguments, ".service"));
    }
}

#[test]
fn a_service_that_may_gain_privileges_would_be_noticed() {
    let units = Units::of("system");
    units.change(
        "bgcopyd.service",
        "CapabilityBoundingSet=CAP_SETUID CAP_SETGID",
        "",
    );
    let threshold = format!("--threshold={SYSTEM_EXPOSURE}");
    let output = units.analyze(
        &["security", "--no-pager", "--offline=true", &threshold],
        ".service",
    );
    assert!(!output.status.success());
}

#[test]
fn the_system_calls_that_take_on_an_owners_rights_stay_allowed() {
    let unit = fs::read_to_string(dist().join("systemd/system/bgcopyd.service")).unwrap();
    let filters: Vec<_> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("SystemCallFilter="))
        .collect();
    let (allowed, denied): (Vec<_>, Vec<_>) =
        filters.iter().partition(|filter| !filter.starts_with('~'));
    let allowed = calls(&allowed);
    let denied = calls(&denied);
    for call in [
        "setfsuid",
        "setfsgid",
        "setgroups",
        "fdatasync",
        "renameat2",
        "fallocate",
        "flock",
    ] {
        assert!(
            allowed.iter().any(|name| name == call),
            "{call} is not in the list"
        );
        assert!(
            !denied.iter().any(|name| name == call),
            "{call} is taken out again"
        );
    }
}

/// The system calls that `filters` name, groups such as `@system-service` and those inside them unfolded.
fn calls(filters: &[&&str]) -> Vec<String> {
    let mut calls = Vec::new();
    let mut groups: Vec<String> = filters
        .iter()
        .flat_map(|filter| filter.trim_start_matches('~').split_whitespace())
        .map(str::to_owned)
        .collect();
    while let Some(group) = groups.pop() {
        if !group.starts_with('@') {
            calls.push(group);
            continue;
        }
        let output = Command::new("systemd-analyze")
            .args(["syscall-filter", &group])
            .output()
            .expect("systemd-analyze must be there: package systemd");
        assert!(output.status.success(), "unknown group {group}");
        let listing = String::from_utf8(output.stdout).unwrap();
        // The first line is the group itself; a comment describes it.
        groups.extend(
            listing
                .lines()
                .skip(1)
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(str::to_owned),
        );
    }
    calls
}

#[test]
fn the_socket_of_a_user_is_the_users_alone() {
    let socket = fs::read_to_string(dist().join("systemd/user/bgcopyd.socket")).unwrap();
    for line in [
        "ListenStream=%t/bgcopy/bus",
        "SocketMode=0600",
        "DirectoryMode=0700",
    ] {
        assert!(
            socket.lines().any(|found| found == line),
            "no line `{line}`"
        );
    }
}
