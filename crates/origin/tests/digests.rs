//! Digests that an answer tells (RFC 9530), over the wire.

mod common;

use bgcopy_model::Condition;
use bgcopy_testkit::faulty::{Body, Digest, Fault, Origin, Resource};
use bgcopy_transfer::Want;
use common::*;

const LEN: u64 = 300_000;

fn file() -> Resource {
    Resource::pattern(1, LEN).always(Fault::ContentDigest(Digest::Right))
}

fn spliced() -> Fault {
    Fault::SpliceAfter(100_000, Body::Pattern { seed: 2, len: LEN })
}

#[tokio::test]
async fn bytes_that_have_their_digest_come_as_ever_whole_and_in_part() {
    let origin = Origin::start();
    let content = file().body().to_vec();
    for framing in [None, Some(Fault::Chunked), Some(Fault::NoLength)] {
        let resource = framing.iter().cloned().fold(file(), Resource::always);
        let url = origin.serve("/f", resource);
        let fetched = fetch(&source(&url), &Want::whole()).await.unwrap();
        assert_eq!(fetched.bytes, content);
        assert!(fetched.end.is_ok(), "{framing:?}: {:?}", fetched.end);
        let part = fetch(&source(&url), &exact(1_000, 250_000)).await.unwrap();
        assert_eq!(part.bytes, content[1_000..250_000]);
        assert!(part.end.is_ok(), "{framing:?}: {:?}", part.end);
    }
    let empty = Resource::new("").always(Fault::ContentDigest(Digest::Right));
    whole(&origin.serve("/empty", empty)).await;
}

#[tokio::test]
async fn bytes_that_changed_on_the_way_end_in_an_error_before_the_last_of_them() {
    let origin = Origin::start();
    for framing in [None, Some(Fault::Chunked)] {
        for want in [Want::whole(), exact(1_000, 250_000)] {
            let resource = framing.iter().cloned().fold(file(), Resource::always);
            let url = origin.serve("/f", resource.always(spliced()));
            let (bytes, failure) = broken(&source(&url), &want).await;
            assert_failure(&failure, Condition::DigestMismatch, "127.0.0.1");
            assert!(failure.detail.contains("Content-Digest"), "{failure}");
            let known = want.end.map(|end| end - want.start);
            let known = known.or(framing.is_none().then_some(LEN));
            assert!(known.is_none_or(|length| (bytes.len() as u64) < length));
        }
    }
    let wrong = Resource::new("").always(Fault::ContentDigest(Digest::Wrong));
    let url = origin.serve("/empty", wrong);
    let (_, failure) = broken(&source(&url), &Want::whole()).await;
    assert_failure(&failure, Condition::DigestMismatch, "SHA-256");
}

#[tokio::test]
async fn a_body_that_ended_as_it_should_leaves_its_connection_and_a_wrong_one_does_not() {
    let origin = Origin::start();
    let resource = file().on_request(2, spliced());
    let source = source(&origin.serve("/f", resource));
    for _ in 0..3 {
        let _ = fetch(&source, &Want::whole()).await.unwrap();
    }
    let connections: Vec<_> = origin
        .requests()
        .iter()
        .map(|seen| seen.connection)
        .collect();
    assert_eq!(connections[0], connections[1]);
    assert_ne!(connections[1], connections[2]);
}

#[tokio::test]
async fn a_part_tells_the_digest_of_the_whole_file() {
    let resource = file().always(Fault::ReprDigest(Digest::Right));
    let expected = format!("sha256:{}", resource.sha256());
    let origin = Origin::start();
    let source = source(&origin.serve("/f", resource));
    for want in [Want::whole(), range(5, 10)] {
        let fetched = fetch(&source, &want).await.unwrap();
        let told = fetched.answer.version.digest.map(|told| told.to_string());
        assert_eq!(told.as_ref(), Some(&expected), "{want:?}");
    }
}

#[tokio::test]
async fn a_part_of_a_file_of_another_digest_is_of_another_version() {
    let resource = file()
        .until_request(1, Fault::ReprDigest(Digest::Right))
        .on_request(2, Fault::ReprDigest(Digest::Wrong));
    let origin = Origin::start();
    let source = source(&origin.serve("/f", resource));
    let first = fetch(&source, &range(0, 10)).await.unwrap().answer.version;
    let failure = refused(&source, &resume(10, &first)).await;
    assert_failure(&failure, Condition::RemoteFileChanged, "another version");
    // An answer that says nothing of it contradicts nothing, and what was told holds on.
    let third = fetch(&source, &resume(10, &first)).await.unwrap();
    assert_eq!(third.answer.version.digest, first.digest);
}
