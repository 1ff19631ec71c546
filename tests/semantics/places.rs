//! Files that are somewhere else from one moment to the next: docs/semantics.md, 5.11, 5.12 and 5.14. The service is a
//! real process, and the two places are two origins.

use std::time::Duration;

use crate::support::{Service, sha256, until, until_it};
use bgcopy::{FileRequest, Job, JobState, Manager};
use bgcopy_testkit::faulty::{Origin, Resource};

const SIZE: u64 = 3_000_000;
const HALF: u64 = SIZE / 2;
const DATE: &str = "Tue, 15 Nov 1994 12:45:26 GMT";

fn file() -> Resource {
    Resource::pattern(7, SIZE).last_modified(DATE)
}

/// A job that has the first half of a file, on its disk and in its record, and waits for the other one.
async fn half_way(service: &Service, manager: &Manager, origin: &Origin) -> Job {
    let url = origin.serve("/file", file().etag("\"here\""));
    origin.hold_after(HALF);
    let job = service.get(manager, &url, "file").await;
    until_it(&job, |info| info.bytes_transferred >= HALF).await;
    job
}

async fn arrives(service: &Service, job: &Job, expected: &str) {
    let info = until(job, &[JobState::Transferred, JobState::Error]).await;
    assert_eq!(info.state, JobState::Transferred, "{:?}", info.error);
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
    assert_eq!(service.temporary_files(), Vec::<String>::new());
}

#[tokio::test]
async fn s5_11_a_file_goes_on_at_its_new_url_where_size_and_date_are_the_same() {
    let (mut service, here, there) = (Service::start(), Origin::start(), Origin::start());
    let manager = service.manager().await;
    let job = half_way(&service, &manager, &here).await;
    job.suspend().await.unwrap();
    // The last checkpoint comes behind the answer, and what it cost is told with it.
    while job.file_statistics(0).await.unwrap().bytes_from_http < HALF {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let url = there.serve("/mirror", file().etag("\"there\""));
    job.set_remote_name(0, &url).await.unwrap();
    assert_eq!(job.file(0).await.unwrap().remote_name, url);
    // That it was seen elsewhere outlasts the service.
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    job.resume().await.unwrap();
    arrives(&service, &job, &file().sha256()).await;
    assert!(there.bytes_sent() < SIZE, "all of it was fetched again");
    let asked = there.requests_for("/mirror");
    assert_eq!(asked.len(), 1, "one question settles it");
    assert_eq!(asked[0].header("if-range"), Some(DATE));
    let spent = job.file_statistics(0).await.unwrap();
    assert_eq!((spent.source_url, spent.status), (url, 1));
}

#[tokio::test]
async fn s5_11_a_file_that_is_another_one_at_its_new_url_starts_again_while_it_is_fetched() {
    let other = Resource::pattern(8, SIZE);
    for resource in [
        other.clone().last_modified("Wed, 16 Nov 1994 12:45:26 GMT"),
        // The same tag at another place is another tag.
        other.clone().no_last_modified().etag("\"here\""),
    ] {
        let (service, here, there) = (Service::start(), Origin::start(), Origin::start());
        let manager = service.manager().await;
        let job = half_way(&service, &manager, &here).await;
        let url = there.serve("/mirror", resource);
        job.set_remote_name(0, &url).await.unwrap();
        arrives(&service, &job, &other.sha256()).await;
        let spent = job.file_statistics(0).await.unwrap();
        assert!(
            spent.bytes_from_http >= SIZE + HALF,
            "{} bytes",
            spent.bytes_from_http
        );
        assert!(spent.http_connection_count >= 2 && !spent.is_background);
    }
}

#[tokio::test]
async fn s5_12_a_prefix_is_replaced_in_all_files_that_are_not_fetched_yet_or_in_none() {
    let (service, here, there) = (Service::start(), Origin::start(), Origin::start());
    let manager = service.manager().await;
    let files = ["a", "b"]
        .map(|name| FileRequest::new(here.url(&format!("/pool/{name}")), service.file(name)));
    let job = manager
        .create_job("two")
        .files(files)
        .create()
        .await
        .unwrap();
    let (old, new) = (here.url("/pool/"), there.url("/mirror/"));
    for (path, seed) in [("/mirror/a", 1), ("/mirror/b", 2)] {
        there.serve(path, Resource::pattern(seed, 1_000));
    }
    let before = job.files().await.unwrap();
    job.replace_remote_prefix(&old, "nowhere/")
        .await
        .unwrap_err();
    assert_eq!(
        job.replace_remote_prefix("http://other/", &new)
            .await
            .unwrap(),
        0
    );
    assert_eq!(job.files().await.unwrap(), before);
    let shouted = old.replacen("http", "HTTP", 1);
    assert_eq!(job.replace_remote_prefix(&shouted, &new).await.unwrap(), 2);
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    // What is fetched tells where it came from.
    assert_eq!(job.replace_remote_prefix(&new, &old).await.unwrap(), 0);
    assert_eq!(
        job.files().await.unwrap()[1].remote_name,
        there.url("/mirror/b")
    );
    assert!(here.requests().is_empty());
}

#[tokio::test]
async fn s5_14_what_was_spent_on_a_file_and_what_its_client_says_of_it_is_there_after_a_kill() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", file());
    let job = service.get(&manager, &url, "file").await;
    until(&job, &[JobState::Transferred]).await;
    assert!(!job.file(0).await.unwrap().is_valid);
    job.set_validation_state(0, true).await.unwrap();
    let policy = bgcopy::TransferPolicy::from_bits(0x8000_0021).unwrap();
    job.set_transfer_policy(policy).await.unwrap();
    let peers = bgcopy::PeerCaching::from_bits(1).unwrap();
    job.set_peer_caching(peers).await.unwrap();
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    assert!(job.file(0).await.unwrap().is_valid);
    let info = job.info().await.unwrap();
    assert_eq!((info.transfer_policy, info.peer_caching), (policy, peers));
    let spent = job.file_statistics(0).await.unwrap();
    assert_eq!(
        (spent.bytes_from_http, spent.http_connection_count),
        (SIZE, 1)
    );
}
