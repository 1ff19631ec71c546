//! Section 1, Bytes, continued: the digests that origins tell.

use bgcopy::{FileRequest, JobState, Priority};
use bgcopy_testkit::faulty::{Body, Cut, Digest, Fault, LAST_MODIFIED, Origin, Resource, Version};

use crate::{
    fetch::{MISMATCH, SIZE, arrives, arrives_at_once, fails, fetch_at_once, file},
    support::{Service, sha256, until, until_it},
};

/// Bytes of another file from the middle on, of which the head knows nothing.
fn spliced() -> Fault {
    Fault::SpliceAfter(SIZE / 2, Body::Pattern { seed: 9, len: SIZE })
}

/// Nothing of it was published or kept; the next try, of a resource that is right by then, fetches it whole.
async fn is_fetched_anew((service, origin, job): (Service, Origin, bgcopy::Job)) {
    assert_eq!(job.info().await.unwrap().bytes_transferred, 0);
    job.resume().await.unwrap();
    let info = until_it(&job, |info| {
        info.state == JobState::Transferred || info.error_count > 1
    })
    .await;
    assert_eq!(info.state, JobState::Transferred, "{:?}", info.error);
    assert_eq!(origin.requests().last().unwrap().range, None);
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), file().sha256());
}

#[tokio::test]
async fn s1_11_bytes_that_their_own_digest_contradicts_are_not_kept() {
    arrives(file().always(Fault::ContentDigest(Digest::Right))).await;
    for wrong in [
        file()
            .on_request(1, Fault::ContentDigest(Digest::Right))
            .on_request(1, spliced()),
        file()
            .on_request(1, Fault::ContentDigest(Digest::Wrong))
            .on_request(1, Fault::Chunked),
    ] {
        let (service, origin, job) = fails(wrong, MISMATCH).await;
        let detail = job.info().await.unwrap().error.unwrap().description;
        assert!(detail.contains("127.0.0.1"), "{detail}");
        assert!(detail.contains("Content-Digest"), "{detail}");
        is_fetched_anew((service, origin, job)).await;
    }
    // One of a part is of the part.
    let cut = Fault::CutAfter(SIZE / 2, Cut::Fin);
    let parts = file().always(Fault::ContentDigest(Digest::Right));
    let (_service, origin) = arrives_at_once(parts.on_request(1, cut)).await;
    assert!(origin.requests_for("/file")[1].range.is_some());
}

#[tokio::test]
async fn s1_11_what_is_unknown_insecure_or_malformed_is_passed_over() {
    for value in [
        "md5=:AAAAAAAAAAAAAAAAAAAAAA==:",
        "crc32c=:AAAAAA==:, id-sha-256=:AAAA:",
        "sha-256=:not base64:",
        "sha-256=AAAA, ,",
    ] {
        let told = |field| Fault::Header(field, value.to_owned());
        arrives(
            file()
                .always(told("Content-Digest"))
                .always(told("Repr-Digest")),
        )
        .await;
    }
}

#[tokio::test]
async fn s1_12_a_file_without_a_checksum_is_held_against_the_one_that_its_origin_tells() {
    arrives(file().always(Fault::ReprDigest(Digest::Right))).await;
    let wrong = file().on_request(1, Fault::ReprDigest(Digest::Wrong));
    let (service, origin, job) = fails(wrong, MISMATCH).await;
    let detail = job.info().await.unwrap().error.unwrap().description;
    assert!(detail.contains("its origin told"), "{detail}");
    assert!(detail.contains(&file().sha256()), "{detail}");
    is_fetched_anew((service, origin, job)).await;
}

#[tokio::test]
async fn s1_12_what_an_origin_told_holds_when_the_service_was_killed_meanwhile() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let half = Fault::CutAfter(SIZE / 2, Cut::Fin);
    let resource = file()
        .on_request(1, Fault::ReprDigest(Digest::Right))
        .on_request(1, half)
        .from_request(
            2,
            Fault::SpliceAfter(1, Body::Pattern { seed: 9, len: SIZE }),
        );
    let url = origin.serve("/file", resource);
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    until(&job, &[JobState::TransientError]).await;
    let id = job.id();
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(id).await.unwrap();
    let info = until(&job, &[JobState::Error, JobState::Transferred]).await;
    assert!(origin.requests_for("/file")[1].range.is_some());
    let found = info.error.as_ref().map(|error| error.code.0);
    assert_eq!(found, Some(MISMATCH), "{:?}", info.error);
}

#[tokio::test]
async fn s1_12_an_origin_that_tells_another_checksum_than_the_callers_sends_no_byte_that_counts() {
    for (told, state) in [
        (Digest::Right, JobState::Transferred),
        (Digest::Wrong, JobState::Error),
    ] {
        let (service, origin) = (Service::start(), Origin::start());
        // Whoever wants the bytes waits for ever.
        let mut resource = file().always(Fault::ReprDigest(told));
        if told == Digest::Wrong {
            resource = resource.always(Fault::HoldAfter(0));
        }
        let url = origin.serve("/file", resource);
        let checksum = format!("sha256:{}", file().sha256()).parse().unwrap();
        let manager = service.manager().await;
        let job = manager
            .create_job("expected")
            .priority(Priority::Foreground)
            .file(FileRequest::new(&url, service.file("file")).checksum(checksum))
            .submit()
            .await
            .unwrap();
        let info = until(&job, &[JobState::Error, JobState::Transferred]).await;
        assert_eq!(info.state, state, "{:?}", info.error);
        if let Some(error) = info.error {
            assert_eq!(error.code.0, MISMATCH);
            assert!(
                error.description.contains("own word"),
                "{}",
                error.description
            );
        }
    }
}

#[tokio::test]
async fn s1_12_answers_that_tell_different_checksums_are_never_mixed() {
    let cut = Fault::CutAfter(SIZE / 2, Cut::Fin);
    let resource = Resource::pattern(9, SIZE)
        .etag("\"the same\"")
        .on_request(1, cut)
        .on_request(1, Fault::ReprDigest(Digest::Right));
    let body = file().body().clone();
    let version = Version {
        body,
        etag: Some("\"the same\"".to_owned()),
        last_modified: Some(LAST_MODIFIED.to_owned()),
    };
    let resource = resource
        .from_request(2, Fault::Become(version))
        .from_request(2, Fault::ReprDigest(Digest::Right));
    let (service, origin) = (Service::start(), Origin::start());
    fetch_at_once(&service, &origin, resource, &file().sha256()).await;
    let seen = origin.requests_for("/file");
    assert!(seen[1].range.is_some() && seen[2].range.is_none());
}
