//! The `bgcopy` command as people and scripts use it: real processes, the real service, a home of their own.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at files of their own"
)]

use std::{
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use bgcopy_testkit::{
    faulty::{Origin, Resource},
    fs::sha256_file,
    process::TempHome,
};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bgcopy");

/// A user of the command, with nothing running yet. Whatever is started in this home dies with it.
struct User(TempHome);

impl User {
    fn new() -> Self {
        Self(TempHome::new())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command(PROGRAM);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs the command to its end.
    fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    /// Runs the command to its end, which is a success; what it printed.
    fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        said.out
    }

    /// The JSON objects that the command prints, one a line.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        self.ok(arguments)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Starts the command and does not wait for it.
    fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn download(&self, name: &str) -> PathBuf {
        self.0.downloads().join(name)
    }

    /// The names in the folder of downloads, hidden ones too.
    fn downloads(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.0.downloads())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn service(&self) -> Value {
        self.json(&["daemon", "status", "--json"]).remove(0)
    }
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ends by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn interrupt(child: &Child) {
    let process = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
}

fn ended(child: Child) -> Said {
    child.wait_with_output().unwrap().into()
}

#[test]
fn the_first_get_starts_the_service_and_prints_where_the_file_is() {
    let (user, origin) = (User::new(), Origin::start());
    let resource = Resource::pattern(1, 10_240);
    let expected = resource.sha256();
    let url = origin.serve("/folder/name.bin", resource);
    assert_eq!(user.run(&["daemon", "status"]).code, 3);

    let said = user.run(&["get", &url]);
    assert_eq!(said.code, 0, "{said:?}");
    let path = user.download("name.bin");
    assert_eq!(said.out, format!("{}\n", path.display()));
    assert!(
        said.err.starts_with("bgcopy: 1 file, 10.0 KiB in "),
        "{said:?}"
    );
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
    assert_eq!(fs::metadata(&path).unwrap().len(), 10_240);
    assert_eq!(sha256_file(&path).unwrap(), expected);
    assert_eq!(user.downloads(), ["name.bin"], "nothing else is left");

    let service = user.service();
    assert_eq!(service["running"], true);
    assert_eq!(service["mode"], "user");
    let process = service["process_id"].as_u64().unwrap();
    user.ok(&["daemon", "stop"]);
    assert!(
        !user
            .0
            .processes()
            .iter()
            .any(|id| u64::from(*id) == process),
        "`daemon stop` waits for the end"
    );
    user.ok(&["daemon", "stop"]);
    assert_eq!(user.run(&["daemon", "status"]).code, 3);
}

#[test]
fn two_first_clients_at_once_share_one_service() {
    let (user, origin) = (User::new(), Origin::start());
    let url = origin.serve("/x", Resource::pattern(1, 100));
    let clients: Vec<_> = ["a", "b", "c", "d"]
        .into_iter()
        .map(|name| user.spawn(&["get", "-o", name, &url]))
        .collect();
    for client in clients {
        let said = ended(client);
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(user.downloads(), ["a", "b", "c", "d"]);
    assert_eq!(user.0.processes().len(), 1);
}

#[test]
fn the_program_is_the_service_when_it_is_called_bgcopyd() {
    let user = User::new();
    let named = user.0.path().join("bgcopyd");
    symlink(PROGRAM, &named).unwrap();
    let help = user.0.command(&named).arg("--help").output().unwrap();
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("Usage: bgcopyd")
    );

    let said = Said::from(
        user.command(&["list"])
            .env("BGCOPY_DAEMON", &named)
            .output()
            .unwrap(),
    );
    assert_eq!(said.code, 0, "{said:?}");
    let process = user.service()["process_id"].clone();
    let line = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap();
    assert_eq!(line.trim_end_matches('\0'), named.to_str().unwrap());
}

#[test]
fn a_wrong_checksum_ends_with_1_and_publishes_nothing() {
    let (user, origin) = (User::new(), Origin::start());
    let resource = Resource::pattern(1, 5_000);
    let right = format!("sha256:{}", resource.sha256());
    let url = origin.serve("/x", resource);
    user.ok(&["get", "--checksum", &right, "-o", "right", &url]);

    let wrong = format!("sha256:{}", "0".repeat(64));
    let said = user.run(&["get", "--checksum", &wrong, "-o", "wrong", &url]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.out, "");
    assert!(said.err.contains("0x80200053"), "{said:?}");
    let id = user.json(&["list", "--json"])[0]["id"].as_str().unwrap()[..8].to_owned();
    for command in ["resume", "cancel"] {
        assert!(
            said.err.contains(&format!("`bgcopy {command} {id}`")),
            "{said:?}"
        );
    }
    assert!(!user.download("wrong").exists());
    user.ok(&["cancel", &id]);
    assert_eq!(user.downloads(), ["right"]);
}

#[test]
fn ctrl_c_leaves_the_job_running_and_says_how_to_come_back() {
    let (user, origin) = (User::new(), Origin::start());
    let url = origin.serve("/big", Resource::pattern(1, 2_000_000));
    origin.hold_after(500_000);
    let get = user.spawn(&["get", &url]);
    origin.wait_for(|seen| seen.iter().any(|seen| seen.bytes_sent >= 500_000));
    interrupt(&get);
    let said = ended(get);
    assert_eq!(said.code, 130, "{said:?}");
    let id = user.json(&["list", "--json"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for command in ["wait", "watch", "cancel"] {
        let hint = format!("`bgcopy {command} {}`", &id[..8]);
        assert!(said.err.contains(&hint), "{said:?}");
    }

    let said = user.run(&["wait", "--timeout", "1s", &id]);
    assert_eq!(said.code, 6, "{said:?}");
    let wait = user.spawn(&["wait", &id]);
    origin.release();
    let said = ended(wait);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, format!("{} acknowledged\n", &id[..8]).as_str())
    );
    assert_eq!(user.downloads(), ["big"]);
    assert_eq!(
        user.json(&["wait", "--json", &id])[0]["state"],
        "acknowledged"
    );
}

#[test]
fn a_job_is_made_filled_changed_let_go_and_completed_step_by_step() {
    let (user, origin) = (User::new(), Origin::start());
    let urls = [
        origin.serve("/a", Resource::pattern(1, 1_000)),
        origin.serve("/b", Resource::pattern(2, 2_000)),
    ];
    let id = user.ok(&["create", "--priority", "low", "nightly"]);
    let id = id.trim();
    assert_eq!(id.len(), 36, "the whole id, for scripts");
    let short = &id[..8];
    let refused = user.run(&["resume", short]);
    assert_eq!(refused.code, 5, "a job without files: {refused:?}");

    assert_eq!(
        user.ok(&["add", short, &urls[0], &urls[1]]),
        format!("{short} has 2 more files\n")
    );
    user.ok(&[
        "set",
        &short[..4],
        "--name",
        "weekly",
        "--retry-delay",
        "1m",
        "--notify-flags",
        "error",
    ]);
    let shown = user.json(&["show", "--json", short]).remove(0);
    let job = &shown["job"];
    assert_eq!(job["name"], "weekly");
    assert_eq!(job["state"], "suspended");
    assert_eq!(job["priority"], "low");
    assert_eq!(job["minimum_retry_delay"], 60);
    assert_eq!(job["notify_flags"], serde_json::json!(["error"]));
    assert_eq!(shown["error"], Value::Null);

    assert_eq!(user.ok(&["resume", short]), format!("{short} goes on\n"));
    assert_eq!(user.ok(&["wait", short]), format!("{short} transferred\n"));
    let files = user.json(&["files", "--json", short]);
    assert_eq!(files.len(), 2);
    assert_eq!(files[1]["bytes_total"], 2_000);
    assert_eq!(files[1]["completed"], false);
    assert!(!user.download("a").exists(), "the name comes at the end");

    let paths: Vec<_> = ["a", "b"]
        .map(|name| format!("{}\n", user.download(name).display()))
        .into();
    assert_eq!(user.ok(&["complete", short]), paths.concat());
    assert_eq!(user.downloads(), ["a", "b"]);
    assert_eq!(user.json(&["list", "--json"]), Vec::<Value>::new());
    assert_eq!(user.run(&["cancel", id]).code, 5, "it is over");
    assert_eq!(
        user.run(&["show", short]).code,
        0,
        "and answers to its name for a while"
    );
    assert_eq!(
        user.json(&["show", "--json", id])[0]["job"]["state"],
        "acknowledged"
    );
}

#[test]
fn no_secret_is_ever_shown() {
    let (user, origin) = (User::new(), Origin::start());
    origin.serve("/x", Resource::pattern(1, 1_000_000));
    origin.hold_after(10);
    let url = format!("http://me:hunter2@{}/x", origin.address());
    let id = user.ok(&["get", "--no-wait", "--header", "X-Key: swordfish", &url]);
    let id = id.trim();
    origin.wait_for(|seen| !seen.is_empty());
    assert_eq!(origin.requests()[0].header("X-Key"), Some("swordfish"));

    let mut told = String::new();
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["show", id],
        &["show", "--json", id],
        &["files", id],
        &["files", "--json", id],
        &["suspend", "--json", id],
    ] {
        let said = user.run(arguments);
        assert_eq!(said.code, 0, "{said:?}");
        told.push_str(&said.out);
        told.push_str(&said.err);
    }
    assert!(
        told.contains("/x") && !told.contains("hunter2") && !told.contains("swordfish"),
        "{told}"
    );
}

#[test]
fn watching_jobs_tells_each_change_and_ends_with_them() {
    let (user, origin) = (User::new(), Origin::start());
    let url = origin.serve("/x", Resource::pattern(1, 300_000));
    origin.hold_after(100_000);
    let id = user.ok(&["get", "--no-wait", &url]);
    let id = id.trim();
    origin.wait_for(|seen| seen.iter().any(|seen| seen.bytes_sent >= 100_000));
    let watch = user.spawn(&["watch", "--json", id]);
    let lines = user.spawn(&["watch", id]);
    // Something to tell in between, whenever the two have begun.
    user.ok(&["set", id, "--description", "watched"]);
    origin.release();

    let said = ended(watch);
    assert_eq!(said.code, 0, "{said:?}");
    let events: Vec<Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let last = events.last().unwrap();
    assert_eq!(last["event"], "removed");
    assert_eq!(last["job"]["state"], "acknowledged");
    assert_eq!(last["job"]["bytes_transferred"], 300_000);
    let (_, before) = events.split_last().unwrap();
    assert!(
        before.iter().all(|event| event["event"] == "changed"),
        "{events:?}"
    );

    let said = ended(lines);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.ends_with("acknowledged 100 % x\n"), "{said:?}");
}

#[test]
fn every_kind_of_failure_has_its_exit_code_and_one_sentence() {
    let user = User::new();
    let nowhere = user.0.path().join("nothing");
    let nowhere = nowhere.to_str().unwrap();
    let unknown = "00000000-0000-0000-0000-000000000000";
    for (arguments, code) in [
        (
            &["get", "-o", "f", "http://127.0.0.1/a", "http://127.0.0.1/b"][..],
            2,
        ),
        (&["--socket", nowhere, "list"], 3),
        (&["show", unknown], 4),
        (&["cancel", "00000000"], 4),
        (
            &["get", "-o", "/nonexistent-folder/f", "http://127.0.0.1/a"],
            5,
        ),
        (&["set", "1f3a"], 2),
        (&["create", "x", "--exec", "/nonexistent/program"], 2),
        (&["create", "x", "--exec", "no-such-program", "argument"], 2),
    ] {
        let said = user.run(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert_eq!(said.out, "", "{arguments:?}");
        assert!(said.err.starts_with("bgcopy: "), "{arguments:?}: {said:?}");
        assert_eq!(said.err.lines().count(), 1, "{arguments:?}: {said:?}");
    }
    // What clap refuses it tells in its own words.
    for arguments in [
        &["get"][..],
        &["get", "ftp://h/x"],
        &["list", "--nonsense"],
        &["show", "x"],
    ] {
        assert_eq!(user.run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn a_pipe_gets_no_colours_and_a_name_cannot_break_its_line() {
    let user = User::new();
    user.ok(&["create", "first\u{1b}[31m\nsecond"]);
    let list = user.ok(&["list"]);
    assert_eq!(list.lines().count(), 2, "{list:?}");
    assert!(!list.contains('\u{1b}'), "{list:?}");
    let listed = user.json(&["list", "--json"]);
    assert_eq!(
        listed[0]["name"], "first\u{1b}[31m\nsecond",
        "JSON has it as it is"
    );
}

#[test]
fn a_service_that_cannot_start_says_why() {
    let user = User::new();
    let config = user.0.config_home().join("bgcopy");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("bgcopy.toml"), "nonsense = 1\n").unwrap();
    let said = user.run(&["list"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.err.contains("nonsense"),
        "the daemon's own words: {said:?}"
    );
    // It says why before it ends.
    let deadline = Instant::now() + Duration::from_mins(1);
    while !user.0.processes().is_empty() {
        assert!(Instant::now() < deadline, "the service goes on");
        thread::sleep(Duration::from_millis(20));
    }
}
