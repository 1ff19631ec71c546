//! Requests through a proxy: forwarded, tunnelled, refused.

mod common;

use bgcopy_model::{Condition, ProxyEnvironment, ProxySettings, ProxyUsage};
use bgcopy_origin::{Client, Config, HttpSource, Target};
use bgcopy_testkit::{
    TestCa,
    faulty::{Origin, Proxy, Resource},
};
use bgcopy_transfer::Want;
use common::*;

fn through(proxies: ProxyEnvironment, url: &str, ca: Option<&TestCa>) -> HttpSource {
    let config = Config {
        ca_file: ca.map(TestCa::pem_file),
        ..Config::default()
    };
    let target = Target {
        proxies,
        ..target(url)
    };
    Client::new(config).unwrap().source(target)
}

fn all(proxy: &str) -> ProxyEnvironment {
    ProxyEnvironment {
        all: Some(proxy.to_owned()),
        ..ProxyEnvironment::default()
    }
}

#[tokio::test]
async fn a_plain_request_is_forwarded_in_absolute_form() {
    let (origin, proxy) = (Origin::start(), Proxy::start());
    let url = origin.serve("/f", Resource::new("hello"));
    let source = through(all(&proxy.url()), &format!("{url}?q"), None);
    for _ in 0..2 {
        assert_eq!(
            fetch(&source, &Want::whole()).await.unwrap().bytes,
            b"hello"
        );
    }
    let seen = proxy.requests();
    assert_eq!(seen[0].target, format!("{url}?q"));
    assert_eq!(
        seen[0].header("Host"),
        Some(origin.address().to_string().as_str())
    );
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn a_secure_request_goes_through_a_tunnel() {
    let ca = TestCa::new();
    let (origin, proxy) = (Origin::start_tls(&ca), Proxy::start());
    let resource = Resource::pattern(1, 1_000_000);
    let content = resource.body().to_vec();
    let url = origin.serve("/f", resource);
    let source = through(all(&proxy.url()), &url, Some(&ca));
    for _ in 0..2 {
        let fetched = fetch(&source, &Want::whole()).await.unwrap();
        assert!(fetched.bytes == content);
        assert_eq!(fetched.end, Ok(true));
    }
    let seen = proxy.requests();
    assert_eq!(seen.len(), 1, "the tunnel is kept");
    assert_eq!(
        (seen[0].method.as_str(), &seen[0].target),
        ("CONNECT", &origin.address().to_string())
    );
    assert_eq!(seen[0].header("Authorization"), None);
}

#[tokio::test]
async fn credentials_of_the_proxy_are_given_to_the_proxy_alone() {
    let ca = TestCa::new();
    let proxy = Proxy::start_with_password("user", "pass");
    let with = proxy.url().replace("http://", "http://user:pass@");
    for origin in [Origin::start(), Origin::start_tls(&ca)] {
        let url = origin.serve("/f", Resource::new("hello"));
        let fetched = fetch(&through(all(&with), &url, Some(&ca)), &Want::whole())
            .await
            .unwrap();
        assert_eq!(fetched.bytes, b"hello");
        if url.starts_with("https") {
            assert_eq!(origin.requests()[0].header("Proxy-Authorization"), None);
        }
        let failure = refused(&through(all(&proxy.url()), &url, Some(&ca)), &Want::whole()).await;
        assert_failure(&failure, Condition::HttpStatus(407), "407");
        assert_eq!(origin.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_tunnel_that_the_proxy_refuses_is_a_connection_that_failed() {
    let proxy = Proxy::start();
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let url = format!("https://127.0.0.1:{port}/f");
    let failure = refused(&through(all(&proxy.url()), &url, None), &Want::whole()).await;
    assert_failure(
        &failure,
        Condition::ConnectFailure,
        &format!("127.0.0.1:{port}"),
    );
    assert!(failure.detail.contains("the proxy"), "{}", failure.detail);
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_not_gone_round() {
    let origin = Origin::start();
    let url = origin.serve("/f", Resource::new("hello"));
    for proxy in ["socks5://127.0.0.1:1080", "http://", "nonsense:port"] {
        let failure = refused(&through(all(proxy), &url, None), &Want::whole()).await;
        assert_failure(&failure, Condition::InvalidProxy, "all_proxy");
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn an_exempt_host_is_asked_directly() {
    let (origin, proxy) = (Origin::start(), Proxy::start());
    let url = origin.serve("/f", Resource::new("hello"));
    let proxies = ProxyEnvironment {
        no: Some("example.com, 127.0.0.0/8".to_owned()),
        ..all(&proxy.url())
    };
    fetch(&through(proxies, &url, None), &Want::whole())
        .await
        .unwrap();
    assert_eq!((proxy.requests().len(), origin.requests().len()), (0, 1));
}

fn listed(proxies: &[&str], bypass: &[&str], url: &str) -> HttpSource {
    let owned = |list: &[&str]| {
        list.iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let proxy = ProxySettings::new(ProxyUsage::Override, &owned(proxies), owned(bypass)).unwrap();
    Client::new(Config::default()).unwrap().source(Target {
        proxy,
        // What the job says goes before what its client's environment said.
        proxies: all("http://127.0.0.1:1"),
        ..target(url)
    })
}

#[tokio::test]
async fn of_a_list_the_first_proxy_that_can_be_reached_is_used() {
    let (origin, first, second) = (Origin::start(), Proxy::start(), Proxy::start());
    let url = origin.serve("/f", Resource::new("hello"));
    let dead = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", free.local_addr().unwrap())
    };
    let list = [
        &dead,
        "http://no-such-host.invalid:1",
        &first.url(),
        &second.url(),
    ];
    let fetched = fetch(&listed(&list, &[], &url), &Want::whole()).await;
    assert_eq!(fetched.unwrap().bytes, b"hello");
    assert_eq!((first.requests().len(), second.requests().len()), (1, 0));

    let failure = refused(&listed(&[&dead], &[], &url), &Want::whole()).await;
    assert_eq!(failure.condition, Condition::ConnectFailure);
    assert_eq!(
        origin.requests().len(),
        1,
        "no proxy is not a way round them"
    );
}

#[tokio::test]
async fn a_proxy_that_answers_is_the_last_one_tried() {
    let (first, second) = (Proxy::start(), Proxy::start());
    let gone = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    for (scheme, condition) in [
        ("http", Condition::HttpStatus(502)),
        ("https", Condition::ConnectFailure),
    ] {
        let url = format!("{scheme}://{gone}/f");
        let list = [first.url(), second.url()];
        let list = list.each_ref().map(String::as_str);
        let failure = refused(&listed(&list, &[], &url), &Want::whole()).await;
        assert_eq!(failure.condition, condition, "{}", failure.detail);
    }
    assert_eq!((first.requests().len(), second.requests().len()), (2, 0));
}

#[tokio::test]
async fn exceptions_and_the_wish_for_no_proxy_lead_straight_to_the_origin() {
    let (origin, proxy) = (Origin::start(), Proxy::start());
    let url = origin.serve("/f", Resource::new("hello"));
    let exempt = listed(&[&proxy.url()], &["<local>", "127.0.0.*"], &url);
    fetch(&exempt, &Want::whole()).await.unwrap();
    let none = Client::new(Config::default()).unwrap().source(Target {
        proxy: ProxySettings::new(ProxyUsage::NoProxy, &[], Vec::new()).unwrap(),
        proxies: all(&proxy.url()),
        ..target(&url)
    });
    fetch(&none, &Want::whole()).await.unwrap();
    assert_eq!((proxy.requests().len(), origin.requests().len()), (0, 2));
    let detected = Client::new(Config::default()).unwrap().source(Target {
        proxy: ProxySettings::new(ProxyUsage::Autodetect, &[], Vec::new()).unwrap(),
        proxies: all(&proxy.url()),
        ..target(&url)
    });
    fetch(&detected, &Want::whole()).await.unwrap();
    assert_eq!(
        proxy.requests().len(),
        1,
        "nothing is detected: the environment counts"
    );
}
