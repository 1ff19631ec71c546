//! Notification programs, run for real.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at what the programs wrote"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bgcopy_bus::JobOptions;
use bgcopy_model::{JobState, Owner};
use zbus::Connection;

use super::{
    Bench,
    app::{App, calling, reached, submit},
    read, within,
};
use crate::places::Mode;

/// A program that writes its environment, its folder and its arguments to a file, whole or not at all.
fn writer(file: &Path) -> Vec<String> {
    let script =
        r#"{ env; echo "FOLDER=$(pwd -P)"; echo "LAST=$1"; } >"$0.part" && mv "$0.part" "$0""#;
    let file = file.to_str().unwrap();
    ["/bin/sh", "-c", script, file, "$(id) 'as it is'"]
        .map(str::to_owned)
        .to_vec()
}

fn running(command: Vec<String>) -> JobOptions {
    JobOptions {
        notify_command: Some(command),
        ..JobOptions::default()
    }
}

async fn written(file: &Path) -> BTreeMap<String, String> {
    let text = within(async {
        loop {
            if let Ok(text) = fs::read_to_string(file) {
                break text;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

async fn bench() -> (Bench, Connection, PathBuf) {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let file = bench.folder.path().join("written");
    (bench, client, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nobody_registered_the_program_is_run_and_told_why() {
    let (bench, client, file) = bench().await;
    let path = submit(&bench, &client, "a", &running(writer(&file))).await;
    let mut seen = written(&file).await;
    let mut expect = |name: &str, value: &str| {
        assert_eq!(seen.remove(name).as_deref(), Some(value), "{name}");
    };
    let id = path.rsplit('/').next().unwrap();
    expect("BGCOPY_JOB_PATH", path.as_str());
    expect("BGCOPY_EVENT", "transferred");
    expect("BGCOPY_ERROR", "");
    expect("BGCOPY_ERROR_CODE", "");
    expect(
        "BGCOPY_SOCKET",
        bench.folder.path().join("bus").to_str().unwrap(),
    );
    expect("PATH", "/usr/local/bin:/usr/bin:/bin");
    expect("LAST", "$(id) 'as it is'");
    assert_eq!(seen["BGCOPY_JOB"].replace('-', ""), id);
    let home = fs::canonicalize(&seen["HOME"]).unwrap();
    assert_eq!(Path::new(&seen["FOLDER"]), home);
    // Nothing of the service's own environment. What the shell adds by itself is left out.
    let known = [
        "BGCOPY_JOB",
        "FOLDER",
        "HOME",
        "LOGNAME",
        "USER",
        "XDG_RUNTIME_DIR",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    ];
    seen.retain(|name, _| !known.contains(&name.as_str()));
    assert_eq!(seen, BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_is_told_the_error() {
    let (bench, client, file) = bench().await;
    let path = submit(&bench, &client, "missing", &running(writer(&file))).await;
    let seen = written(&file).await;
    let error = read(&client, &path).await;
    assert_eq!(seen["BGCOPY_EVENT"], "error");
    assert_eq!(
        seen["BGCOPY_ERROR_CODE"],
        format!("0x{:08x}", error.error_code)
    );
    assert_eq!(seen["BGCOPY_ERROR"], error.error_description);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_fails_leaves_the_call_due() {
    let (bench, client, _) = bench().await;
    let path = submit(&bench, &client, "a", &running(vec!["/bin/false".into()])).await;
    reached(&client, &path, JobState::Transferred).await;
    let mut app = App::at(&client, "/app").await;
    app.register(&client, &path).await;
    app.expect("JobTransferred", &path).await.succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interface_comes_first_and_the_program_when_it_fails() {
    let (bench, client, file) = bench().await;
    let mut app = App::at(&client, "/app").await;
    let options = JobOptions {
        notify_command: Some(writer(&file)),
        notify_flags: Some(3),
        ..calling(&app)
    };
    let path = submit(&bench, &client, "a", &options).await;
    let heard = app.expect("JobTransferred", &path).await;
    assert!(!fs::exists(&file).unwrap());
    heard.fail();
    assert_eq!(written(&file).await["BGCOPY_EVENT"], "transferred");
}
