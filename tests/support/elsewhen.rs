//! A later time, and another boot, for a service that is about to start.
//!
//! Time namespaces (`time_namespaces(7)`) move `CLOCK_BOOTTIME`, which the service's timers run on, and leave the wall
//! clock as it is; a file over `/proc/sys/kernel/random/boot_id` makes a reboot of it. Neither needs root where ordinary
//! users may make namespaces, as Debian lets them.

use std::{path::Path, time::Duration};

/// What an ordinary user needs to make such namespaces and stay who he is.
fn own_rights() -> Vec<String> {
    if rustix::process::geteuid().is_root() {
        return Vec::new();
    }
    let options = ["--user", "--map-current-user", "--keep-caps"];
    options.map(str::to_owned).into()
}

fn unshare(options: &[&str], boottime: Duration, rest: &[&str]) -> Vec<String> {
    let seconds = boottime.as_secs().to_string();
    let always = ["--time", "--boottime", &seconds, "--fork", "--kill-child"];
    let all = options.iter().chain(&always).chain(rest);
    let mut line = vec!["unshare".to_owned()];
    line.extend(own_rights());
    line.extend(all.map(|&word| word.to_owned()));
    line
}

/// Runs the rest of its command line so much later, in the same boot.
pub fn later(by: Duration) -> Vec<String> {
    unshare(&[], by, &[])
}

/// Runs the rest of its command line in another boot, whose identity is in a file, with `CLOCK_BOOTTIME` so far ahead.
pub fn another_boot(identity: &Path, ahead: Duration) -> Vec<String> {
    let mount = r#"mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@""#;
    let rest = ["sh", "-c", mount, identity.to_str().unwrap()];
    unshare(&["--mount"], ahead, &rest)
}
