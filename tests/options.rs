//! What the command line offers beside the life of a job: downloads, proxies, programs, and an answer that cannot be
//! written.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests look at files of their own"
)]

mod support;

use std::{fs, time::Duration};

use bgcopy::DownloadState;
use bgcopy_testkit::faulty::{Origin, Resource};
use serde_json::Value;
use support::{CONFIG, Service};

/// A home without a service: the first command starts it.
fn home() -> Service {
    Service::prepare(CONFIG)
}

/// Runs the command to its end, which is a success; what it printed.
fn ok(home: &Service, arguments: &[&str]) -> String {
    let said = home.bgcopy(arguments);
    assert!(said.status.success(), "{arguments:?}: {said:?}");
    said.out
}

/// The JSON objects that the command prints, one a line.
fn json(home: &Service, arguments: &[&str]) -> Vec<Value> {
    let out = ok(home, arguments);
    let lines = out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure_of_its_own() {
    let home = home();
    ok(&home, &["create", "x"]);
    for arguments in [&["list"][..], &["list", "--json"], &["daemon", "status"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = home.command();
        let output = command.args(arguments).stdout(full.unwrap()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(7), "{arguments:?}: {output:?}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.starts_with("bgcopy: the answer cannot be"), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn a_program_is_looked_for_in_path_before_the_service_is_told() {
    let home = home();
    ok(&home, &["create", "x", "--exec", "sh", "-c", "true"]);
    let command = json(&home, &["list", "--json"])[0]["notify_command"].clone();
    let program = command[0].as_str().unwrap();
    assert!(
        program.starts_with('/') && program.ends_with("/sh"),
        "{command}"
    );
}

#[tokio::test]
async fn downloads_have_a_list_of_their_own() {
    let (home, origin) = (home(), Origin::start());
    ok(&home, &["create", "a job"]);
    let manager = home.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 1_000));
    let download = manager.create_download().await.unwrap();
    download.set_uri(&url).await.unwrap();
    download.set_local_path(home.file("there")).await.unwrap();
    let second = manager.create_download().await.unwrap();
    second.set_display_name("not begun").await.unwrap();
    download.start().await.unwrap();
    while download.status().await.unwrap().state != DownloadState::Transferred {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let listed = json(&home, &["list", "--downloads", "--json"]);
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(listed[0]["id"], download.id().to_string());
    assert_eq!(listed[0]["state"], "transferred");
    assert_eq!(listed[0]["bytes_transferred"], 1_000);
    assert_eq!(listed[0]["url"], url);
    assert_eq!(listed[1]["name"], "not begun");
    assert_eq!(listed[1]["state"], "created");
    assert_eq!(listed[1]["url"], Value::Null);

    let table = ok(&home, &["list", "--downloads"]);
    let rows: Vec<&str> = table.lines().skip(1).collect();
    assert!(
        rows[0].contains("transferred") && rows[0].ends_with("there"),
        "{table}"
    );
    assert!(rows[1].ends_with("not begun"), "{table}");
    assert!(!ok(&home, &["list"]).contains("there"), "and jobs theirs");
}

#[test]
fn a_proxy_has_a_user_and_hosts_that_it_is_not_asked_for() {
    let home = home();
    let password = home.file("password");
    fs::write(&password, "hunter2\n").unwrap();
    let password = password.to_str().unwrap();
    let id = ok(
        &home,
        &[
            "create",
            "x",
            "--proxy",
            "http://proxy.example:8080",
            "--proxy-bypass",
            "<local>,*.example.org",
            "--proxy-user",
            "me",
            "--proxy-password-file",
            password,
            "--proxy-auth",
            "digest",
        ],
    );
    let id = id.trim();
    let credentials = || json(&home, &["list", "--json"])[0]["credentials"].clone();
    assert_eq!(credentials(), serde_json::json!(["proxy digest"]));
    let server = ["--user", "it", "--password-file", password];
    ok(&home, &[&["set", id][..], &server].concat());
    ok(&home, &["set", id, "--no-proxy-user"]);
    let left = serde_json::json!(["server basic", "server digest"]);
    assert_eq!(credentials(), left);
    let refused = home.bgcopy(&["set", id, "--proxy-bypass", "<local>"]);
    assert_eq!(
        refused.status.code(),
        Some(2),
        "there is no proxy to go round: {refused:?}"
    );
}
