//! Processes under test live in their home, are heard, and do not outlive the test.
#![allow(clippy::disallowed_methods, reason = "the files are this test's own")]

use std::os::unix::process::ExitStatusExt as _;

use bgcopy_testkit::process::{Daemon, TempHome, wait_until};

#[test]
fn a_process_sees_its_home_and_not_the_users_variables() {
    let home = TempHome::new();
    let mut command = home.command("/bin/sh");
    command.args(["-c", "echo $HOME; pwd; echo ${http_proxy-none} >&2"]);
    let mut daemon = Daemon::spawn(command).expect("started");
    assert!(daemon.wait().success());
    let expected = format!(
        "{}\n{}\n",
        home.home().display(),
        home.downloads().display()
    );
    assert_eq!(daemon.stdout(), expected);
    assert_eq!(daemon.stderr(), "none\n");
}

#[test]
fn sigterm_can_be_caught_and_sigkill_cannot() {
    let home = TempHome::new();
    let script = "trap 'exit 7' TERM; echo ready >&2; while :; do sleep 0.01; done";
    let start = || {
        let mut command = home.command("/bin/sh");
        command.args(["-c", script]);
        let mut daemon = Daemon::spawn(command).expect("started");
        daemon.wait_for_stderr("ready");
        daemon
    };
    let mut first = start();
    first.terminate().expect("signalled");
    assert_eq!(first.wait().code(), Some(7));
    let mut second = start();
    assert!(second.is_running());
    assert_eq!(second.kill().signal(), Some(9));
    assert!(!second.is_running());
}

#[test]
#[should_panic(expected = "\"ready\" was not said, but:\nsorry")]
fn waiting_for_a_word_of_a_process_that_ends_fails_with_what_it_said() {
    let home = TempHome::new();
    let mut command = home.command("/bin/sh");
    command.args(["-c", "echo sorry >&2"]);
    Daemon::spawn(command)
        .expect("started")
        .wait_for_stderr("ready");
}

#[test]
fn a_process_that_detached_itself_dies_with_its_home() {
    let home = TempHome::new();
    let mut command = home.command("/bin/sh");
    command.args(["-c", "setsid sleep 600 > /dev/null 2>&1 &"]);
    assert!(Daemon::spawn(command).expect("started").wait().success());
    // While it becomes another program, the kernel shows nobody what environment it has.
    let is_asleep = |pid: &u32| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name == "sleep\n")
    };
    assert!(
        wait_until(|| matches!(&home.processes()[..], [pid] if is_asleep(pid))),
        "the sleeper lives"
    );
    let sleeper = home.processes()[0];
    let other = TempHome::new();
    other.kill_all();
    assert_eq!(
        home.processes(),
        [sleeper],
        "another home's end does not concern it"
    );
    drop(home);
    let state = std::fs::read_to_string(format!("/proc/{sleeper}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
}

#[test]
fn usage_counts_sleeps_memory_and_cpu() {
    let home = TempHome::new();
    let busy = |script: &str| {
        let mut command = home.command("/bin/sh");
        command.args(["-c", script]);
        Daemon::spawn(command).expect("started")
    };
    let idle = busy("exec sleep 600");
    assert!(wait_until(|| idle
        .usage()
        .is_ok_and(|usage| usage.wake_ups > 0)));
    assert!(wait_until(|| {
        let before = idle.usage().expect("read");
        std::thread::sleep(std::time::Duration::from_millis(100));
        before == idle.usage().expect("read")
    }));
    assert!(idle.usage().expect("read").resident_kib > 100);
    let spinning = busy("while :; do :; done");
    assert!(wait_until(|| spinning
        .usage()
        .is_ok_and(|usage| !usage.cpu.is_zero())));
}
