//! Credentials: whom they are shown to, how, and what is said when they are refused.

mod common;

use bgcopy_model::{
    AuthScheme, AuthTarget, Condition, Credential, Credentials, ProxySettings, ProxyUsage,
};
use bgcopy_origin::{Client, Config, HttpSource, RedirectPolicy, Target};
use bgcopy_testkit::{
    TestCa,
    faulty::{Fault, Origin, Proxy, Resource},
};
use bgcopy_transfer::Want;
use common::*;

const USER: &str = "me";
const PASSWORD: &str = "open sesame";

fn credentials(kinds: &[(AuthTarget, AuthScheme)], password: &str) -> Credentials {
    let one = |(target, scheme): &(AuthTarget, AuthScheme)| {
        Credential::new(*target, *scheme, USER.into(), password.into()).unwrap()
    };
    kinds.iter().map(one).collect()
}

fn with(kinds: &[(AuthTarget, AuthScheme)], url: &str) -> HttpSource {
    client().source(Target {
        credentials: credentials(kinds, PASSWORD),
        ..target(url)
    })
}

const BASIC: (AuthTarget, AuthScheme) = (AuthTarget::Server, AuthScheme::Basic);
const DIGEST: (AuthTarget, AuthScheme) = (AuthTarget::Server, AuthScheme::Digest);
const PROXY_BASIC: (AuthTarget, AuthScheme) = (AuthTarget::Proxy, AuthScheme::Basic);
const PROXY_DIGEST: (AuthTarget, AuthScheme) = (AuthTarget::Proxy, AuthScheme::Digest);

/// The values of a request field, request by request, `-` where there is none.
fn sent(origin: &Origin, field: &str) -> Vec<String> {
    let value = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let all = origin.requests();
    all.iter().map(|seen| value(seen.header(field))).collect()
}

#[tokio::test]
async fn basic_answers_a_challenge_and_is_sent_to_nobody_who_does_not_ask() {
    let origin = Origin::start();
    let open = origin.serve("/open", Resource::new("open"));
    let closed = origin.serve(
        "/closed",
        Resource::new("closed").always(Fault::RequireBasic(USER, PASSWORD)),
    );
    let source = with(&[BASIC], &open);
    assert_eq!(fetch(&source, &Want::whole()).await.unwrap().bytes, b"open");
    let source = with(&[BASIC], &closed);
    for _ in 0..2 {
        let fetched = fetch(&source, &Want::whole()).await.unwrap();
        assert_eq!(fetched.bytes, b"closed");
    }
    let basic = "Basic bWU6b3BlbiBzZXNhbWU=";
    // Asked once, the answer is given at once from then on.
    assert_eq!(sent(&origin, "Authorization"), ["-", "-", basic, basic]);
}

#[tokio::test]
async fn digest_proves_the_password_and_counts_the_uses_of_a_nonce() {
    let origin = Origin::start();
    let fault = Fault::RequireDigest(USER, PASSWORD, "n1");
    let url = origin.serve("/f?a=b,c", Resource::pattern(1, 100).always(fault));
    let source = with(&[DIGEST], &url);
    for (start, end) in [(0, 10), (10, 20), (20, 100)] {
        let fetched = fetch(&source, &range(start, end)).await.unwrap();
        assert_eq!(fetched.bytes.len() as u64, end - start);
    }
    let sent = sent(&origin, "Authorization");
    assert_eq!(sent[0], "-");
    for (value, count) in sent[1..].iter().zip(1..) {
        assert!(value.contains(&format!("nc={count:08x}")), "{value}");
        assert!(!value.contains(PASSWORD));
    }
    assert_eq!(sent.len(), 4);
}

#[tokio::test]
async fn a_nonce_that_has_run_out_is_replaced() {
    let origin = Origin::start();
    let resource = Resource::pattern(1, 100)
        .on_request(1, Fault::RequireDigest(USER, PASSWORD, "n1"))
        .on_request(2, Fault::RequireDigest(USER, PASSWORD, "n1"))
        .on_request(3, Fault::RequireDigest(USER, PASSWORD, "n2"))
        .on_request(4, Fault::RequireDigest(USER, PASSWORD, "n2"));
    let source = with(&[DIGEST], &origin.serve("/f", resource));
    fetch(&source, &range(0, 10)).await.unwrap();
    fetch(&source, &range(10, 20)).await.unwrap();
    let status: Vec<_> = origin.requests().iter().map(|seen| seen.status).collect();
    assert_eq!(status, [401, 206, 401, 206].map(Some));
}

#[tokio::test]
async fn digest_goes_before_basic_and_a_scheme_without_credentials_is_not_answered() {
    let origin = Origin::start();
    let both = Resource::new("x")
        .always(Fault::status(401))
        .always(Fault::Header(
            "WWW-Authenticate",
            "Basic realm=\"r\", Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256"
                .into(),
        ));
    let url = origin.serve("/both", both);
    let failure = refused(&with(&[BASIC, DIGEST], &url), &Want::whole()).await;
    assert_failure(&failure, Condition::HttpStatus(401), "were refused");
    let sent_values = sent(&origin, "Authorization");
    assert_eq!(sent_values.len(), 2, "once refused, Basic is not tried");
    assert!(sent_values[1].starts_with("Digest "));

    let basic = origin.serve(
        "/basic",
        Resource::new("x").always(Fault::RequireBasic(USER, PASSWORD)),
    );
    let failure = refused(&with(&[DIGEST, PROXY_BASIC], &basic), &Want::whole()).await;
    assert_failure(&failure, Condition::HttpStatus(401), "the job has none");
    assert_eq!(sent(&origin, "Authorization")[2..], ["-"]);
}

#[tokio::test]
async fn wrong_credentials_are_refused_once_and_named_without_being_shown() {
    let origin = Origin::start();
    for (path, fault, kind) in [
        ("/basic", Fault::RequireBasic(USER, "other"), BASIC),
        ("/digest", Fault::RequireDigest(USER, "other", "n"), DIGEST),
    ] {
        let before = origin.requests().len();
        let url = origin.serve(path, Resource::new("x").always(fault));
        let failure = refused(&with(&[kind], &url), &Want::whole()).await;
        let words = "the user name and password of the job were refused";
        assert_failure(&failure, Condition::HttpStatus(401), words);
        assert!(!failure.detail.contains(PASSWORD));
        assert_eq!(origin.requests().len(), before + 2);
    }
    let url = origin.url("/basic").replace("http://", "http://me:wrong@");
    let failure = refused(&source(&url), &Want::whole()).await;
    let words = "the credentials in the request were refused";
    assert_failure(&failure, Condition::HttpStatus(401), words);
}

#[tokio::test]
async fn another_host_is_shown_nothing_however_it_asks() {
    let ca = TestCa::new();
    let (first, other, secure) = (Origin::start(), Origin::start(), Origin::start_tls(&ca));
    let config = Config {
        ca_file: Some(ca.pem_file()),
        ..Config::default()
    };
    let client = Client::new(config).unwrap();
    let ask = || Resource::new("x").always(Fault::RequireBasic(USER, PASSWORD));
    let elsewhere = other.serve("/f", ask());
    secure.serve("/f", ask());
    // The same host over another scheme is another origin too.
    for from in [
        first.serve(
            "/to",
            Resource::new("").always(Fault::Redirect(302, elsewhere.clone())),
        ),
        secure.serve(
            "/to",
            Resource::new("").always(Fault::Redirect(302, elsewhere.clone())),
        ),
    ] {
        let source = client.source(Target {
            credentials: credentials(&[BASIC, DIGEST], PASSWORD),
            redirects: RedirectPolicy {
                allow_insecure: true,
                forbid: false,
            },
            ..target(&from)
        });
        let failure = refused(&source, &Want::whole()).await;
        assert_failure(&failure, Condition::HttpStatus(401), "may be sent there");
    }
    assert_eq!(sent(&other, "Authorization"), ["-", "-"]);

    // And back at the origin itself they are sent.
    let home = first.serve("/home", ask());
    let away = other.serve(
        "/away",
        Resource::new("").always(Fault::Redirect(302, home)),
    );
    let from = first.serve(
        "/from",
        Resource::new("").always(Fault::Redirect(302, away)),
    );
    let fetched = fetch(&with(&[BASIC], &from), &Want::whole()).await.unwrap();
    assert_eq!(fetched.bytes, b"x");
}

#[tokio::test]
async fn a_proxy_is_convinced_for_requests_and_for_tunnels() {
    let ca = TestCa::new();
    for (proxy, kind) in [
        (Proxy::start_with_password(USER, PASSWORD), PROXY_BASIC),
        (Proxy::start_with_digest(USER, PASSWORD), PROXY_DIGEST),
    ] {
        for origin in [Origin::start(), Origin::start_tls(&ca)] {
            let url = origin.serve(
                "/f?q",
                Resource::new("hello").always(Fault::RequireDigest(USER, PASSWORD, "n")),
            );
            let through = |credentials| {
                let config = Config {
                    ca_file: Some(ca.pem_file()),
                    ..Config::default()
                };
                let list = [proxy.url()];
                Client::new(config).unwrap().source(Target {
                    credentials,
                    proxy: ProxySettings::new(ProxyUsage::Override, &list, Vec::new()).unwrap(),
                    ..target(&url)
                })
            };
            let source = through(credentials(&[kind, DIGEST], PASSWORD));
            for _ in 0..2 {
                let fetched = fetch(&source, &Want::whole()).await.unwrap();
                assert_eq!(fetched.bytes, b"hello");
            }
            for seen in origin.requests() {
                assert_eq!(seen.header("Proxy-Authorization"), None);
            }
            let asked = origin.requests().len();
            let failure = refused(&through(credentials(&[kind], "wrong")), &Want::whole()).await;
            let words = "the proxy refused the user name and password of the job";
            assert_failure(&failure, Condition::HttpStatus(407), words);
            let failure = refused(&through(Credentials::default()), &Want::whole()).await;
            let words = "the proxy asks for credentials that the job does not have";
            assert_failure(&failure, Condition::HttpStatus(407), words);
            assert_eq!(origin.requests().len(), asked);
        }
    }
}

#[tokio::test]
async fn a_tunnel_that_one_user_opened_is_not_lent_to_another() {
    let ca = TestCa::new();
    let proxy = Proxy::start_with_digest(USER, PASSWORD);
    let origin = Origin::start_tls(&ca);
    let url = origin.serve("/f", Resource::new("hello"));
    let config = Config {
        ca_file: Some(ca.pem_file()),
        ..Config::default()
    };
    let client = Client::new(config).unwrap();
    let through = |credentials| {
        let list = [proxy.url()];
        client.source(Target {
            credentials,
            proxy: ProxySettings::new(ProxyUsage::Override, &list, Vec::new()).unwrap(),
            ..target(&url)
        })
    };
    let known = through(credentials(&[PROXY_DIGEST], PASSWORD));
    fetch(&known, &Want::whole()).await.unwrap();
    let failure = refused(&through(Credentials::default()), &Want::whole()).await;
    assert_eq!(failure.condition, Condition::HttpStatus(407));
    let before = proxy.requests().len();
    fetch(&known, &Want::whole()).await.unwrap();
    assert_eq!(
        proxy.requests().len(),
        before,
        "its own user goes on with it"
    );
}
