//! What goes well: whole files, ranges, resumption, redirects, names, and connections that are used again.

mod common;

use bgcopy_model::{Condition, Timestamp};
use bgcopy_origin::{Client, Config, RedirectPolicy, Target};
use bgcopy_testkit::faulty::{Ended, Fault, Origin, Resource};
use bgcopy_transfer::{Chunk, Source as _, Want, next_chunk};
use common::*;

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn files_of_every_size_arrive_whole() {
    let origin = Origin::start();
    for (seed, len) in [(1, 0), (2, 1), (3, 10 * 1024), (4, 20 * MIB + 7)] {
        let resource = Resource::pattern(seed, len);
        let content = resource.body().to_vec();
        let fetched = whole(&origin.serve("/f", resource)).await;
        assert!(fetched.bytes == content, "{len} bytes are the same");
        assert_eq!(fetched.answer.start, 0);
        assert_eq!(fetched.answer.end, Some(len));
        assert_eq!(fetched.answer.version.size, Some(len));
        assert!(fetched.answer.version.last_modified_strong);
        assert_eq!(fetched.answer.facts.ranges, Some(true));
        assert_eq!(
            fetched.answer.facts.modified,
            Some(Timestamp(1_704_164_645_000_000))
        );
    }
}

#[tokio::test]
async fn a_plain_request_is_plain() {
    let origin = Origin::start();
    let url = origin.serve("/f", Resource::new("x"));
    whole(&url).await;
    let seen = &origin.requests()[0];
    let field = |name: &str| seen.header(name);
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/f"));
    assert_eq!(field("Host"), Some(origin.address().to_string().as_str()));
    assert_eq!(field("Accept-Encoding"), Some("identity"));
    assert!(field("User-Agent").unwrap().starts_with("bgcopy/"));
    assert_eq!((field("Range"), field("If-Range")), (None, None));
    assert_eq!((field("Authorization"), field("Connection")), (None, None));
}

#[tokio::test]
async fn ranges_are_the_bytes_of_the_file() {
    let origin = Origin::start();
    let resource = Resource::pattern(1, 100_000);
    let content = resource.body().to_vec();
    let source = source(&origin.serve("/f", resource));
    for (start, end) in [(0, 1), (5, 9), (99_999, 100_000), (1, 100_000)] {
        let fetched = fetch(&source, &exact(start, end)).await.unwrap();
        assert_eq!(fetched.end, Ok(true));
        assert_eq!(
            (fetched.answer.start, fetched.answer.end),
            (start, Some(end))
        );
        let (from, to) = (
            usize::try_from(start).unwrap(),
            usize::try_from(end).unwrap(),
        );
        assert_eq!(fetched.bytes, content[from..to]);
        let asked = format!("bytes={start}-{}", end - 1);
        assert_eq!(
            origin.requests().last().unwrap().range.as_deref(),
            Some(asked.as_str())
        );
    }
}

#[tokio::test]
async fn a_broken_download_goes_on_under_the_condition_of_its_version() {
    let origin = Origin::start();
    for (resource, condition) in [
        (Resource::pattern(1, 1000).etag("\"v1\""), "\"v1\""),
        (
            Resource::pattern(1, 1000).no_etag(),
            bgcopy_testkit::faulty::LAST_MODIFIED,
        ),
        (
            Resource::pattern(1, 1000).etag("W/\"v1\""),
            bgcopy_testkit::faulty::LAST_MODIFIED,
        ),
    ] {
        let content = resource.body().to_vec();
        let source = source(&origin.serve("/f", resource));
        let first = fetch(&source, &range(0, 400)).await.unwrap();
        let rest = fetch(&source, &resume(400, &first.answer.version))
            .await
            .unwrap();
        assert_eq!([first.bytes, rest.bytes].concat(), content);
        assert_eq!(rest.answer.version.size, Some(1000));
        let seen = origin.requests().pop().unwrap();
        assert_eq!(seen.range.as_deref(), Some("bytes=400-"));
        assert_eq!(seen.header("If-Range"), Some(condition));
    }
}

#[tokio::test]
async fn a_download_that_broke_exactly_at_the_end_is_complete() {
    let origin = Origin::start();
    let source = source(&origin.serve("/f", Resource::pattern(1, 1000)));
    let version = fetch(&source, &range(0, 1)).await.unwrap().answer.version;
    let rest = fetch(&source, &resume(1000, &version)).await.unwrap();
    assert_eq!((rest.answer.start, rest.answer.end), (1000, Some(1000)));
    assert_eq!((rest.bytes.len(), rest.end), (0, Ok(true)));
    assert_eq!(origin.requests()[1].status, Some(416));
}

#[tokio::test]
async fn a_range_beyond_the_end_is_the_callers_mistake() {
    let origin = Origin::start();
    let source = source(&origin.serve("/f", Resource::pattern(1, 1000)));
    let failure = refused(&source, &exact(1000, 1001)).await;
    assert_failure(&failure, Condition::InvalidRange, "1000 bytes");
}

#[tokio::test]
async fn redirects_are_followed_with_the_range_and_without_the_secrets() {
    let (first, second) = (Origin::start(), Origin::start());
    let resource = Resource::pattern(1, 1000);
    let content = resource.body().to_vec();
    let end = second.serve("/end", resource);
    for code in [301, 302, 303, 307, 308] {
        first.serve(
            "/start",
            Resource::new("").always(Fault::Redirect(code, "next".into())),
        );
        first.serve(
            "/next",
            Resource::new("").always(Fault::Redirect(code, end.clone())),
        );
        let mut target = target(&first.url("/start").replace("http://", "http://user:pass@"));
        target.headers = vec![header("Cookie", "secret"), header("User-Agent", "mine")];
        let fetched = fetch(&client().source(target), &range(10, 20))
            .await
            .unwrap();
        assert_eq!(fetched.bytes, content[10..20], "{code}");
        let found_at = fetched.answer.facts.found_at.unwrap();
        assert_eq!(found_at.as_str(), end);

        let at_first = first.requests();
        for seen in &at_first[at_first.len() - 2..] {
            assert_eq!(seen.header("Authorization"), Some("Basic dXNlcjpwYXNz"));
            assert_eq!(seen.header("Cookie"), Some("secret"));
        }
        let seen = second.requests().pop().unwrap();
        assert_eq!(seen.range.as_deref(), Some("bytes=10-19"));
        assert_eq!(
            (seen.header("Authorization"), seen.header("Cookie")),
            (None, None)
        );
        assert_eq!(seen.header("User-Agent"), Some("mine"));
    }
}

#[tokio::test]
async fn redirects_that_never_end_and_those_that_are_not_wanted_are_refused() {
    let origin = Origin::start();
    let refused_because = async |fault, policy, words| {
        let url = origin.serve("/f", Resource::new("").always(fault));
        let target = Target {
            redirects: policy,
            ..target(&url)
        };
        let failure = refused(&client().source(target), &Want::whole()).await;
        assert_failure(&failure, Condition::RedirectRefused, words);
    };
    let follow = RedirectPolicy::default();
    let forbid = RedirectPolicy {
        forbid: true,
        ..follow
    };
    refused_because(Fault::RedirectLoop(302), follow, "circle").await;
    refused_because(Fault::RedirectChain(301), follow, "more than 10").await;
    assert_eq!(origin.requests().len(), 1 + 11);
    refused_because(Fault::Redirect(302, "ftp://x/".into()), follow, "ftp").await;
    refused_because(Fault::Redirect(302, "/f2".into()), forbid, "allows none").await;
}

#[tokio::test]
async fn a_proposed_name_is_made_safe() {
    let origin = Origin::start();
    let resource =
        Resource::new("x").content_disposition("attachment; filename=\"../../.profile\"");
    let fetched = whole(&origin.serve("/f", resource)).await;
    assert_eq!(fetched.answer.facts.name.as_deref(), Some("profile"));
    let fetched = whole(&origin.serve("/g", Resource::new("x"))).await;
    assert_eq!(fetched.answer.facts.name, None);
}

#[tokio::test]
async fn credentials_are_asked_for_and_given_and_never_shown() {
    let origin = Origin::start();
    let resource = Resource::new("x").always(Fault::RequireBasic("user", "p@ss"));
    let url = origin.serve("/f", resource);
    let with =
        |credentials: &str| source(&url.replace("http://", &format!("http://{credentials}")));
    let fetched = fetch(&with("user:p%40ss@"), &Want::whole()).await.unwrap();
    assert_eq!(fetched.bytes, b"x");
    assert_eq!(fetched.answer.facts.found_at, None);
    let failure = refused(&with("user:wrongword@"), &Want::whole()).await;
    assert_failure(
        &failure,
        Condition::HttpStatus(401),
        "401 Unauthorized for /f",
    );
    assert!(!failure.detail.contains("wrongword"), "{}", failure.detail);
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let origin = Origin::start();
    let plain = Resource::pattern(1, 3 * MIB);
    for resource in [plain.clone(), plain.always(Fault::Chunked)] {
        let before = origin.requests().len();
        let source = source(&origin.serve("/f", resource));
        for _ in 0..5 {
            assert_eq!(fetch(&source, &Want::whole()).await.unwrap().end, Ok(true));
        }
        // An error with a short body and a redirect keep the connection as well.
        origin.serve("/f", Resource::new("").always(Fault::status(404)));
        refused(&source, &Want::whole()).await;
        origin.serve(
            "/f",
            Resource::new("").on_request(1, Fault::Redirect(302, "/f?".into())),
        );
        fetch(&source, &Want::whole()).await.unwrap();
        let seen = origin.requests();
        let connections: Vec<_> = seen[before..].iter().map(|seen| seen.connection).collect();
        assert_eq!(connections.len(), 8);
        assert!(
            connections.iter().all(|c| *c == connections[0]),
            "{connections:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_is_not_used_again_after_a_body_that_was_given_up() {
    let origin = Origin::start();
    let url = origin.serve("/f", Resource::pattern(1, 50 * MIB));
    let source = source(&url);
    let mut answer = within(source.fetch(&Want::whole())).await.unwrap();
    let chunk = within(next_chunk(answer.body.as_mut())).await;
    assert!(matches!(chunk, Ok(Chunk::Data(_))), "{chunk:?}");
    drop(answer);
    within(origin.until(|seen| seen[0].ended == Some(Ended::ClientLeft))).await;
    fetch(&source, &range(0, 10)).await.unwrap();
    let seen = origin.requests();
    assert_ne!(seen[0].connection, seen[1].connection);
}

#[tokio::test]
async fn a_fetch_that_is_given_up_closes_its_connection() {
    let origin = Origin::start();
    let url = origin.serve("/f", Resource::new("x").always(Fault::StallInHeader(5)));
    let source = source(&url);
    let want = Want::whole();
    let mut fetch = source.fetch(&want);
    tokio::select! {
        _ = &mut fetch => panic!("there is no answer"),
        () = within(origin.until(|seen| !seen.is_empty())) => {}
    }
    drop(fetch);
    within(origin.until(|seen| seen[0].ended == Some(Ended::ClientLeft))).await;
}

#[tokio::test]
async fn no_more_connections_are_open_to_an_origin_than_allowed() {
    let origin = Origin::start();
    let url = origin.serve(
        "/f",
        Resource::pattern(1, 1000).always(Fault::HoldAfter(10)),
    );
    let config = Config {
        connections_per_origin: 2,
        ..Config::default()
    };
    let source = Client::new(config).unwrap().source(target(&url));
    let mut one = within(source.fetch(&Want::whole())).await.unwrap();
    let mut two = within(source.fetch(&Want::whole())).await.unwrap();
    let want = Want::whole();
    let mut third = source.fetch(&want);
    let waits = tokio::time::timeout(std::time::Duration::from_millis(200), &mut third).await;
    assert!(waits.is_err(), "there are two places");
    assert_eq!(origin.requests().len(), 2);
    origin.release();
    assert_eq!(within(drain(one.body.as_mut())).await.1, Ok(true));
    let mut three = within(third).await.unwrap();
    let released = async {
        loop {
            origin.release();
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = released => {}
        (_, end) = within(drain(three.body.as_mut())) => assert_eq!(end, Ok(true)),
    }
    assert_eq!(within(drain(two.body.as_mut())).await.1, Ok(true));
}

#[tokio::test]
async fn a_target_that_cannot_be_asked_for_fails_without_a_request() {
    let failure = refused(&source("ftp://127.0.0.1/x"), &Want::whole()).await;
    assert_failure(&failure, Condition::SchemeUnsupported, "ftp");
    let mut target = target("http://127.0.0.1/x");
    target.headers = vec![header("bad name", "secret")];
    let failure = refused(&client().source(target), &Want::whole()).await;
    assert_failure(&failure, Condition::InvalidArgument, "bad name");
    let config = Config {
        user_agent: "a\nb".into(),
        ..Config::default()
    };
    assert!(Client::new(config).is_err());
}
