//! A service with nothing to do does nothing: no wake-ups, whatever is queued.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test looks at files behind the service's back"
)]

mod support;

use std::{collections::BTreeMap, fs, time::Duration};

use bgcopy::FileRequest;
use support::Service;

/// How often each thread of a process has gone to sleep or been put to sleep: it moves with every wake-up.
fn switches(pid: u32) -> BTreeMap<String, u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .map(|task| {
            let task = task.unwrap();
            let status = fs::read_to_string(task.path().join("status")).unwrap();
            let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
            let sum = counts.map(|line| {
                line.split_whitespace()
                    .last()
                    .unwrap()
                    .parse::<u64>()
                    .unwrap()
            });
            (task.file_name().into_string().unwrap(), sum.sum())
        })
        .collect()
}

#[tokio::test]
async fn an_idle_service_with_a_full_queue_does_not_wake_up() {
    let service = Service::start();
    {
        let manager = service.manager().await;
        for number in 0..1_000 {
            let path = service.file(&number.to_string());
            let request = FileRequest::new("http://127.0.0.1:9/file", path);
            manager
                .create_job(format!("job {number}"))
                .file(request)
                .create()
                .await
                .unwrap();
        }
        assert_eq!(manager.jobs(false).await.unwrap().len(), 1_000);
    }
    // Threads that had work end after some idle time, and connections close: that is no idleness yet.
    let settled = async {
        loop {
            let before = switches(service.pid());
            tokio::time::sleep(Duration::from_secs(5)).await;
            if switches(service.pid()) == before {
                return;
            }
        }
    };
    tokio::time::timeout(support::PATIENCE, settled)
        .await
        .expect("the service never comes to rest");
    let before = switches(service.pid());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(switches(service.pid()), before, "an idle service woke up");
}
