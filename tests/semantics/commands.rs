//! Section 10, Commands that wait: what they do when the service is killed, stopped or silent under them.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use bgcopy_testkit::faulty::{Origin, Resource};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{CONFIG, PATIENCE, PROGRAM, Service, sha256};

/// A home without a service: the first command starts it.
fn home() -> Service {
    Service::prepare(CONFIG)
}

fn spawn(home: &Service, arguments: &[&str]) -> Child {
    home.command()
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn json(home: &Service, arguments: &[&str]) -> Vec<Value> {
    let said = home.bgcopy(arguments);
    let lines = said.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Sends the service that runs a signal; its process.
fn signal(home: &Service, signal: Signal) -> Pid {
    let process = loop {
        // One that has just been started asks the origin before it listens.
        let status = json(home, &["daemon", "status", "--json"]).remove(0);
        if let Some(process) = status["process_id"].as_i64() {
            break Pid::from_raw(process.try_into().unwrap()).unwrap();
        }
        thread::sleep(Duration::from_millis(20));
    };
    kill_process(process, signal).unwrap();
    process
}

fn output(child: Child) -> Output {
    let (sender, receiver) = mpsc::channel();
    let process = Pid::from_child(&child);
    thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let _ = kill_process(process, Signal::KILL);
        panic!("the command does not end: {:?}", receiver.recv());
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn times(text: &str, words: &str) -> usize {
    text.matches(words).count()
}

/// A command's standard error, line by line as it comes.
struct Said(mpsc::Receiver<String>);

impl Said {
    fn of(from: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self(receiver)
    }

    /// What a terminal is sent has few ends of lines: all of it so far, whenever there is more.
    fn of_terminal(mut from: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                shown.extend_from_slice(&buffer[..count]);
                let _ = sender.send(String::from_utf8_lossy(&shown).into_owned());
            }
        });
        Self(receiver)
    }

    /// The next line with these words.
    fn wait_for(&self, words: &str) -> String {
        loop {
            let line = self.0.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("no {words:?}: {error}"));
            if line.contains(words) {
                return line;
            }
        }
    }
}

const AWAY: &str = "the service went away; starting it again";

/// Holds a file in its middle, kills the service twice while this command gets it, and lets the file go.
fn get_through_two_kills(arguments: &[&str]) -> (Service, Output) {
    let (home, origin) = (home(), Origin::start());
    let resource = Resource::pattern(1, 2_000_000);
    let expected = resource.sha256();
    let url = origin.serve("/big", resource);
    origin.hold_after(500_000);
    let line: Vec<&str> = arguments.iter().copied().chain([url.as_str()]).collect();
    let get = spawn(&home, &line);
    origin.wait_for(|seen| seen.iter().any(|seen| seen.bytes_sent >= 500_000));
    for requests in [2, 3] {
        signal(&home, Signal::KILL);
        // The service that the command itself started goes on with the job.
        origin.wait_for(|seen| seen.len() >= requests);
    }
    origin.release();
    let output = output(get);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(sha256(&home.file("big")), expected);
    assert_eq!(home.temporary_files(), Vec::<String>::new());
    (home, output)
}

#[test]
fn s10_1_get_goes_on_over_two_kills_of_the_service_and_tells_each_once() {
    let (home, output) = get_through_two_kills(&["get"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(out, format!("{}\n", home.file("big").display()));
    assert_eq!(times(&err, AWAY), 2, "{err}");
    assert!(err.contains("bgcopy: 1 file, 1."), "{err}");
}

#[test]
fn s10_1_with_json_nothing_but_the_answer_is_on_standard_output() {
    let (_home, output) = get_through_two_kills(&["get", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["job"]["state"], "acknowledged");
    assert_eq!(answer["files"][0]["completed"], true);
    assert_eq!(times(&text(&output.stderr), AWAY), 2);
}

#[test]
fn s10_1_wait_and_watch_go_on_when_the_service_was_killed() {
    let (home, origin) = (home(), Origin::start());
    let url = origin.serve("/big", Resource::pattern(1, 2_000_000));
    origin.hold_after(500_000);
    let id = home.bgcopy(&["get", "--no-wait", &url]).out;
    let id = id.trim();
    origin.wait_for(|seen| seen.iter().any(|seen| seen.bytes_sent >= 500_000));
    let wait = spawn(&home, &["wait", id]);
    let mut one = spawn(&home, &["watch", "--json", id]);
    let mut all = spawn(&home, &["watch", "--json"]);
    let (of_one, of_all) = (
        Said::of(one.stdout.take().unwrap()),
        Said::of(all.stdout.take().unwrap()),
    );
    of_one.wait_for("transferring");
    of_all.wait_for("transferring");
    signal(&home, Signal::KILL);
    origin.wait_for(|seen| seen.len() >= 2);
    origin.release();

    let waited = output(wait);
    assert!(waited.status.success(), "{waited:?}");
    assert_eq!(text(&waited.stdout), format!("{} acknowledged\n", &id[..8]));
    for said in [of_one, of_all] {
        let last: Value = serde_json::from_str(&said.wait_for("removed")).unwrap();
        assert_eq!(last["job"]["state"], "acknowledged");
        assert_eq!(last["job"]["id"], id);
    }
    let one = output(one);
    assert!(one.status.success(), "{one:?}");
    assert_eq!(times(&text(&one.stderr), AWAY), 1);
    kill_process(Pid::from_child(&all), Signal::INT).unwrap();
    let all = output(all);
    assert_eq!(all.status.code(), Some(130), "{all:?}");
    assert_eq!(times(&text(&all.stderr), AWAY), 1);
}

#[test]
fn s10_1_the_client_of_calls_is_called_by_the_service_that_comes_after_a_kill() {
    let (home, origin) = (home(), Origin::start());
    let url = origin.serve("/big", Resource::pattern(1, 2_000_000));
    origin.hold_after(500_000);
    let id = home.bgcopy(&["get", "--no-wait", &url]).out;
    let id = id.trim();
    origin.wait_for(|seen| seen.iter().any(|seen| seen.bytes_sent >= 500_000));
    let mut calls = spawn(&home, &["watch", "--calls", id]);
    let is_registered = || {
        let why = json(&home, &["why", "--json", id]);
        why[0]["registered"] == true
    };
    while !is_registered() {
        thread::sleep(Duration::from_millis(20));
    }
    let said = Said::of(calls.stderr.take().unwrap());
    signal(&home, Signal::KILL);
    said.wait_for(AWAY);
    origin.wait_for(|seen| seen.len() >= 2);
    while !is_registered() {
        thread::sleep(Duration::from_millis(20));
    }
    origin.release();
    let calls = output(calls);
    assert!(calls.status.success(), "{calls:?}");
    assert_eq!(
        times(&text(&calls.stdout), "job_transferred"),
        1,
        "{calls:?}"
    );
}

#[test]
fn s10_1_a_service_that_cannot_come_back_ends_the_command_with_what_to_do() {
    let (home, origin) = (home(), Origin::start());
    let url = origin.serve("/big", Resource::pattern(1, 2_000_000));
    origin.hold_after(500_000);
    let get = spawn(&home, &["get", &url]);
    origin.wait_for(|seen| seen.iter().any(|seen| seen.bytes_sent >= 500_000));
    let config = home.state().parent().unwrap().with_file_name("config");
    fs::write(config.join("bgcopy/bgcopy.toml"), "nonsense = 1\n").unwrap();
    signal(&home, Signal::KILL);
    let get = output(get);
    let err = text(&get.stderr);
    assert_eq!(get.status.code(), Some(3), "{err}");
    assert_eq!(times(&err, AWAY), 1, "{err}");
    for words in [
        "8 attempts",
        "nonsense",
        "`bgcopy daemon run`",
        "`bgcopy wait ",
    ] {
        assert!(err.contains(words), "{words}: {err}");
    }
}

#[test]
fn s10_2_a_service_that_was_stopped_is_waited_for_and_not_started() {
    let (home, origin) = (home(), Origin::start());
    let url = origin.serve("/big", Resource::pattern(1, 2_000_000));
    origin.hold_after(500_000);
    let mut get = spawn(&home, &["get", &url]);
    let said = Said::of(get.stderr.take().unwrap());
    origin.wait_for(|seen| seen.iter().any(|seen| seen.bytes_sent >= 500_000));
    assert!(home.bgcopy(&["daemon", "stop"]).status.success());
    said.wait_for("the service was stopped; waiting for it to be started again");
    assert_eq!(home.bgcopy(&["daemon", "status"]).status.code(), Some(3));
    // Somebody else needs it, and starts it.
    assert!(home.bgcopy(&["list"]).status.success());
    origin.release();
    let get = output(get);
    assert!(get.status.success(), "{get:?}");
    assert!(home.file("big").exists());
}

#[test]
fn s10_3_a_service_that_was_frozen_is_told_of_and_so_is_its_answer() {
    let (home, origin) = (home(), Origin::start());
    let url = origin.serve("/big", Resource::pattern(1, 2_000_000));
    origin.hold_after(500_000);
    let mut get = spawn(&home, &["get", &url]);
    let said = Said::of(get.stderr.take().unwrap());
    origin.wait_for(|seen| seen.iter().any(|seen| seen.bytes_sent >= 500_000));
    let process = signal(&home, Signal::STOP);
    let line = said.wait_for("does not answer");
    let number = process.as_raw_pid().to_string();
    assert!(line.contains(&number), "{line}");
    kill_process(process, Signal::CONT).unwrap();
    said.wait_for("answers again");
    origin.release();
    let get = output(get);
    assert!(get.status.success(), "{get:?}");
}

#[test]
fn s10_3_ctrl_c_ends_a_command_whose_service_is_frozen() {
    let (home, origin) = (home(), Origin::start());
    let url = origin.serve("/big", Resource::pattern(1, 2_000_000));
    origin.hold_after(500_000);
    // On a terminal, where each change makes the command ask for the files.
    let mut script = home.command_of("script");
    let line = format!("stty cols 100 rows 30; exec {PROGRAM} get {url}");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.env("TERM", "xterm").stdout(Stdio::piped());
    let mut script = begun(script);
    let said = Said::of_terminal(script.stdout.take().unwrap());
    origin.wait_for(|seen| seen.iter().any(|seen| seen.bytes_sent >= 500_000));
    let process = signal(&home, Signal::STOP);
    said.wait_for("does not answer");
    let get = fs::read_to_string(format!("/proc/{0}/task/{0}/children", script.id())).unwrap();
    let get = Pid::from_raw(get.trim().parse().unwrap()).unwrap();
    kill_process(get, Signal::INT).unwrap();
    assert_eq!(output(script).status.code(), Some(130));
    kill_process(process, Signal::CONT).unwrap();
}

fn begun(mut command: Command) -> Child {
    let child = command.spawn();
    child.expect("script is in Debian's package bsdutils")
}

#[test]
fn s10_4_a_watcher_is_registered_for_nothing() {
    let (home, origin) = (home(), Origin::start());
    let url = origin.serve("/file", Resource::pattern(1, 10));
    let id = home.bgcopy(&["create", "watched"]).out;
    let id = id.trim();
    assert!(home.bgcopy(&["add", id, &url]).status.success());
    let mut watch = spawn(&home, &["watch", "--json", id]);
    let said = Said::of(watch.stdout.take().unwrap());
    said.wait_for("suspended");
    assert!(home.bgcopy(&["resume", id]).status.success());
    said.wait_for("\"transferred\"");
    let why = &json(&home, &["why", "--json", id])[0];
    assert_eq!(why["registered"], false);
    // Its call is due all the same to whoever is the client.
    let mut calls = spawn(&home, &["watch", "--calls", id]);
    Said::of(calls.stdout.take().unwrap()).wait_for("job_transferred");
    assert!(home.bgcopy(&["complete", id]).status.success());
    for child in [watch, calls] {
        assert!(output(child).status.success());
    }
}
