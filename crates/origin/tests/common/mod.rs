//! What the tests of this crate share: a client for one test, and reading an answer to its end.

#![allow(dead_code, reason = "each test binary uses a part of this module")]

use std::{future::Future, time::Duration};

use bgcopy_model::{Condition, Credentials, Header, ProxyEnvironment, ProxySettings, Validator};
use bgcopy_origin::{Client, Config, HttpSource, RedirectPolicy, Target};
use bgcopy_transfer::{Answer, Body, Chunk, Failure, Source as _, Want, next_chunk};

/// Guards against hanging, no more.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), future)
        .await
        .expect("it ends")
}

pub fn client() -> Client {
    Client::new(Config::default()).expect("the default is valid")
}

/// Long enough for whatever a busy machine does on its own loopback.
pub const PATIENCE: Duration = Duration::from_millis(1500);

/// A client that soon loses patience, for origins that never answer.
pub fn impatient() -> Client {
    let config = Config {
        stall_timeout: PATIENCE,
        ..Config::default()
    };
    Client::new(config).expect("valid")
}

pub fn target(url: &str) -> Target {
    Target {
        url: url.parse().expect("a URL"),
        headers: Vec::new(),
        proxies: ProxyEnvironment::default(),
        proxy: ProxySettings::default(),
        credentials: Credentials::default(),
        redirects: RedirectPolicy::default(),
    }
}

pub fn source(url: &str) -> HttpSource {
    client().source(target(url))
}

pub fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

pub fn range(start: u64, end: u64) -> Want {
    Want {
        start,
        end: Some(end),
        version: None,
        exact: false,
    }
}

pub fn exact(start: u64, end: u64) -> Want {
    Want {
        exact: true,
        ..range(start, end)
    }
}

/// Go on at `start` with the version that an earlier answer had.
pub fn resume(start: u64, version: &Validator) -> Want {
    Want {
        start,
        end: None,
        version: Some(version.clone()),
        exact: false,
    }
}

/// What came of a fetch whose head was accepted.
#[derive(Debug)]
pub struct Fetched {
    pub answer: Answer,
    pub bytes: Vec<u8>,
    /// How the body ended: whether its end is verified, or why it broke off.
    pub end: Result<bool, Failure>,
}

pub async fn fetch(source: &HttpSource, want: &Want) -> Result<Fetched, Failure> {
    let mut answer = within(source.fetch(want)).await?;
    let (bytes, end) = within(drain(answer.body.as_mut())).await;
    Ok(Fetched { answer, bytes, end })
}

pub async fn drain(body: &mut dyn Body) -> (Vec<u8>, Result<bool, Failure>) {
    let mut bytes = Vec::new();
    loop {
        match next_chunk(body).await {
            Ok(Chunk::Data(data)) => {
                assert!(!data.is_empty(), "a chunk is never empty");
                bytes.extend_from_slice(&data);
            }
            Ok(Chunk::End { verified }) => return (bytes, Ok(verified)),
            Err(failure) => return (bytes, Err(failure)),
        }
    }
}

/// The whole file, of which all must go well.
pub async fn whole(url: &str) -> Fetched {
    let fetched = fetch(&source(url), &Want::whole())
        .await
        .expect("an answer");
    assert_eq!(fetched.end, Ok(true), "the body is complete");
    fetched
}

/// The failure of a fetch that must not get as far as a body.
pub async fn refused(source: &HttpSource, want: &Want) -> Failure {
    match within(source.fetch(want)).await {
        Ok(answer) => panic!("accepted: {answer:?}"),
        Err(failure) => failure,
    }
}

/// The failure that a body must end in, after the bytes before it.
pub async fn broken(source: &HttpSource, want: &Want) -> (Vec<u8>, Failure) {
    let fetched = fetch(source, want).await.expect("an answer");
    (fetched.bytes, fetched.end.expect_err("the body breaks off"))
}

#[track_caller]
pub fn assert_failure(failure: &Failure, condition: Condition, words: &str) {
    assert_eq!(failure.condition, condition, "{}", failure.detail);
    assert!(
        failure.detail.contains(words),
        "{:?} says nothing of {words:?}",
        failure.detail
    );
}
