//! The proxy forwards and tunnels without changing anything; curl is the client.

use std::process::{Command, Output};

use bgcopy_testkit::TestCa;
use bgcopy_testkit::faulty::{Body, Cut, Fault, Origin, Proxy, Resource};

fn curl(proxy: &str, ca: Option<&TestCa>, url: &str) -> Output {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--fail",
        "--max-time",
        "60",
        "--noproxy",
        "",
    ]);
    curl.args(["--proxy", proxy, url]);
    if let Some(ca) = ca {
        curl.arg("--cacert").arg(ca.pem_file());
    }
    curl.output()
        .expect("curl, of the Debian package of that name, runs")
}

#[test]
fn a_plain_request_is_forwarded_in_origin_form() {
    let (origin, proxy) = (Origin::start(), Proxy::start());
    let resource = Resource::pattern(5, 1_000_000);
    let sha256 = resource.sha256();
    let url = origin.serve("/f", resource);
    let output = curl(&proxy.url(), None, &url);
    assert_eq!(Body::from(output.stdout).sha256(), sha256);
    let (seen, at_origin) = (&proxy.requests()[0], &origin.requests()[0]);
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("GET", url.as_str())
    );
    assert_eq!(at_origin.target, "/f");
    assert_eq!(at_origin.header("Proxy-Connection"), None);
    assert!(at_origin.header("Via").is_some());
    proxy.wait_for(|seen| seen[0].ended.is_some());
    assert!(proxy.requests()[0].bytes_sent > 1_000_000);
}

#[test]
fn https_goes_through_a_tunnel_of_which_the_proxy_sees_the_authority_alone() {
    let ca = TestCa::new();
    let (origin, proxy) = (Origin::start_tls(&ca), Proxy::start());
    let resource = Resource::pattern(5, 1_000_000);
    let sha256 = resource.sha256();
    let url = origin.serve("/f", resource);
    let output = curl(&proxy.url(), Some(&ca), &url);
    assert_eq!(Body::from(output.stdout).sha256(), sha256);
    let seen = &proxy.requests()[0];
    assert_eq!(seen.method, "CONNECT");
    assert_eq!(seen.target, origin.address().to_string());
}

#[test]
fn a_proxy_with_a_password_serves_only_those_who_know_it() {
    let (origin, proxy) = (Origin::start(), Proxy::start_with_password("u", "p"));
    let url = origin.serve("/f", Resource::new("content"));
    assert!(!curl(&proxy.url(), None, &url).status.success());
    assert_eq!(proxy.requests()[0].status, Some(407));
    assert!(origin.requests().is_empty());
    let with_password = proxy.url().replace("://", "://u:p@");
    assert_eq!(curl(&with_password, None, &url).stdout, b"content");
    assert_eq!(origin.requests()[0].header("Proxy-Authorization"), None);
}

#[test]
fn an_unreachable_origin_is_502_and_a_cut_is_passed_on() {
    let (origin, proxy) = (Origin::start(), Proxy::start());
    let url = origin.serve(
        "/f",
        Resource::new("content").always(Fault::CutAfter(3, Cut::Fin)),
    );
    let cut = curl(&proxy.url(), None, &url);
    assert_eq!(
        (cut.stdout.as_slice(), cut.status.code()),
        (&b"con"[..], Some(18))
    );
    drop(origin);
    assert!(!curl(&proxy.url(), None, &url).status.success());
    proxy.wait_for(|seen| seen.last().is_some_and(|seen| seen.status == Some(502)));
}

#[test]
fn digest_is_what_curl_takes_it_for() {
    let proxy = Proxy::start_with_digest("u", "p");
    let origin = Origin::start();
    let url = origin.serve(
        "/f",
        Resource::new("content").always(Fault::RequireDigest("me", "secret", "n1")),
    );
    let fetch = |proxy_user: &str, user: &str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--max-time", "60", "--noproxy", ""]);
        curl.args(["--proxy", &proxy.url(), "--proxy-digest"]);
        curl.args(["--proxy-user", proxy_user, "--digest", "--user", user, &url]);
        curl.output()
            .expect("curl, of the Debian package of that name, runs")
    };
    assert_eq!(fetch("u:p", "me:secret").stdout, b"content");
    assert!(!fetch("u:p", "me:wrong").status.success());
    let before = origin.requests().len();
    assert!(!fetch("u:wrong", "me:secret").status.success());
    assert_eq!(origin.requests().len(), before);
}
