//! Proxies: which one a URL goes through, and the tunnel through it.
//!
//! The variables mean what curl makes of them; what they hold is a client's environment, not the service's own.
//! A proxy that cannot be used is an error: going round it would show the request to a network that its owner
//! meant to keep it from.

use std::{fmt, future::poll_fn, pin::pin, task::Poll};

use bgcopy_model::{Condition, ProxyEnvironment, ProxySettings, ProxyUsage};
use bgcopy_transfer::Failure;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::Empty;
use hyper_util::{client::proxy::matcher::Matcher, rt::TokioIo};
use url::{Host, Url};

use crate::{
    auth::Logins, bypass, connect::Stream, connection, endpoint::Endpoint, failure, fields,
    request::take_credentials,
};

/// A proxy and how to be let through.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Proxy {
    pub(crate) endpoint: Endpoint,
    /// The value of Proxy-Authorization that its URL gives.
    pub(crate) authorization: Option<HeaderValue>,
    /// What its challenges are answered with. Part of the route: a tunnel that was opened with one user's password
    /// is not another one's.
    pub(crate) logins: Logins,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.endpoint)
    }
}

/// The ways that requests for `url` may go, in the order in which they are tried; never none. `None` is the direct one.
///
/// # Errors
/// [`Condition::InvalidProxy`]: what applies names no proxy that can be used.
pub(crate) fn ways(
    settings: &ProxySettings,
    environment: &ProxyEnvironment,
    logins: &Logins,
    url: &Url,
) -> Result<Vec<Option<Proxy>>, Failure> {
    let with_logins = |proxy: Proxy| Proxy {
        logins: logins.clone(),
        ..proxy
    };
    match settings.usage() {
        ProxyUsage::NoProxy => Ok(vec![None]),
        // There is nothing here that a network could name its proxies to.
        ProxyUsage::Preconfigured | ProxyUsage::Autodetect => {
            Ok(vec![choose(environment, url)?.map(with_logins)])
        }
        ProxyUsage::Override if bypass::exempts(settings.bypass(), url) => Ok(vec![None]),
        ProxyUsage::Override => {
            let proxies = settings.proxies().iter().cloned();
            proxies
                .map(|url| Proxy::new(url).map(with_logins).map(Some))
                .collect::<Result<_, _>>()
                .map_err(|why| {
                    let detail = format!("a proxy of the job cannot be used: {why}");
                    Failure::new(Condition::InvalidProxy, detail)
                })
        }
    }
}

/// The proxy that a client's environment names for `url`; `None`: requests go directly.
fn choose(environment: &ProxyEnvironment, url: &Url) -> Result<Option<Proxy>, Failure> {
    let own = match url.scheme() {
        "https" => ("https_proxy", &environment.https),
        _ => ("http_proxy", &environment.http),
    };
    let set = [own, ("all_proxy", &environment.all)];
    let Some((variable, text)) = set
        .into_iter()
        .find_map(|(name, value)| value.as_deref().map(|value| (name, value.trim())))
        .filter(|(_, value)| !value.is_empty())
    else {
        return Ok(None);
    };
    if environment
        .no
        .as_deref()
        .is_some_and(|no| is_exempt(no, url))
    {
        return Ok(None);
    }
    parse(text).map(Some).map_err(|why| {
        Failure::new(
            Condition::InvalidProxy,
            format!("the proxy in {variable} cannot be used: {why}"),
        )
    })
}

/// Whether `no_proxy` takes the URL's host out: `*`, a domain with all below it, an address, a network.
fn is_exempt(no_proxy: &str, url: &Url) -> bool {
    let entries = || {
        no_proxy
            .split([',', ' ', '\t'])
            .map(|entry| entry.trim_matches(['[', ']']).trim_end_matches('.'))
            .filter(|entry| !entry.is_empty())
    };
    if entries().any(|entry| entry == "*") {
        return true;
    }
    let host = match url.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
        Some(host) => host.to_string(),
        None => return false,
    };
    // An asterisk beside other text is no pattern, for curl as for the matcher.
    let list: Vec<_> = entries().collect();
    let matcher = Matcher::builder()
        .all("http://proxy")
        .no(list.join(","))
        .build();
    Uri::builder()
        .scheme("http")
        .authority(host)
        .path_and_query("/")
        .build()
        .is_ok_and(|uri| matcher.intercept(&uri).is_none())
}

fn parse(text: &str) -> Result<Proxy, String> {
    let text = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    Proxy::new(Url::parse(&text).map_err(|error| error.to_string())?)
}

impl Proxy {
    fn new(mut url: Url) -> Result<Self, String> {
        if url.scheme().starts_with("socks") {
            return Err(
                "SOCKS proxies are not supported, only http:// and https:// ones".to_owned(),
            );
        }
        let authorization = take_credentials(&mut url);
        let endpoint = Endpoint::of(&url)
            .ok_or("its URL does not begin with http:// or https://".to_owned())?;
        Ok(Self {
            endpoint,
            authorization,
            logins: Logins::default(),
        })
    }
}

/// What came of asking for a tunnel.
pub(crate) enum Tunnel {
    /// It is there.
    Open(Box<dyn Stream>),
    /// The proxy asks who this is (407). The fields have its challenges.
    Challenged(HeaderMap, Failure),
}

/// Asks the proxy for a tunnel to `origin` (RFC 9110, section 9.3.6).
pub(crate) async fn tunnel(
    proxy: &Proxy,
    authorization: Option<&HeaderValue>,
    origin: &Endpoint,
    stream: Box<dyn Stream>,
) -> Result<Tunnel, Failure> {
    let place = origin.authority();
    let invalid = |why: String| Failure::new(Condition::InvalidArgument, why);
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(place.as_str())
        .header(header::HOST, place.as_str());
    if let Some(authorization) = authorization {
        request = request.header(header::PROXY_AUTHORIZATION, authorization);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|error| invalid(format!("{place} cannot be asked of a proxy: {error}")))?;

    let broken = |error: hyper::Error| failure::head(&proxy.endpoint, &error);
    let (mut sender, driver) = connection::builder()
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let mut answer = pin!(sender.send_request(request));
    let mut driver = pin!(driver.without_shutdown());
    let mut ended = None;
    let answer = poll_fn(|context| {
        if ended.is_none()
            && let Poll::Ready(result) = driver.as_mut().poll(context)
        {
            ended = Some(result);
        }
        answer.as_mut().poll(context)
    })
    .await
    .map_err(broken)?;
    let status = answer.status();
    if status.is_success() {
        let parts = match ended {
            Some(result) => result,
            None => driver.await,
        };
        let parts = parts.map_err(broken)?;
        if !parts.read_buf.is_empty() {
            // The origin speaks second in TLS: these bytes are the proxy's own.
            return Err(Failure::new(
                Condition::InvalidResponse,
                format!(
                    "the proxy {} sent data before the tunnel to {place}",
                    proxy.endpoint
                ),
            ));
        }
        return Ok(Tunnel::Open(parts.io.into_inner()));
    }
    let condition = if status == http::StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        Condition::HttpStatus(status.as_u16())
    } else {
        Condition::ConnectFailure
    };
    let mut failure = Failure::new(
        condition,
        format!(
            "the proxy {} does not connect to {place}: {status}",
            proxy.endpoint
        ),
    );
    failure.retry_after = fields::retry_after(answer.headers(), fields::now());
    if matches!(failure.condition, Condition::HttpStatus(_)) {
        return Ok(Tunnel::Challenged(answer.into_parts().0.headers, failure));
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(environment: &ProxyEnvironment, url: &str) -> Option<String> {
        choose(environment, &url.parse().unwrap())
            .unwrap()
            .map(|proxy| proxy.endpoint.authority())
    }

    fn environment(http: &str, https: &str, all: &str, no: &str) -> ProxyEnvironment {
        let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ProxyEnvironment {
            http: set(http),
            https: set(https),
            all: set(all),
            no: set(no),
        }
    }

    #[test]
    fn the_variable_of_the_scheme_goes_before_all_proxy() {
        let e = environment("http://a:1", "", "b:2", "");
        assert_eq!(chosen(&e, "http://h/"), Some("a:1".into()));
        assert_eq!(chosen(&e, "https://h/"), Some("b:2".into()));
        assert_eq!(
            chosen(&environment("http://a:1", "", "", ""), "https://h/"),
            None
        );
        assert_eq!(chosen(&environment("", "", "", ""), "http://h/"), None);
        assert_eq!(
            chosen(&environment("a", "https://b", "", ""), "https://h/"),
            Some("b:443".into())
        );
        assert_eq!(
            chosen(&environment("http://[::1]:3128", "", "", ""), "http://h/"),
            Some("[::1]:3128".into())
        );
    }

    #[test]
    fn no_proxy_exempts_as_curl_does() {
        for (no, host, exempt) in [
            ("*", "h", true),
            ("*", "127.0.0.1", true),
            ("example.com", "example.com", true),
            ("example.com", "www.example.com", true),
            ("example.com", "WWW.EXAMPLE.COM.", true),
            (".example.com", "example.com", true),
            ("example.com", "notexample.com", false),
            ("example.com", "example.org", false),
            ("a, b example.com", "b", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("::1", "[::1]", true),
            ("[::1]", "[::1]", true),
            ("fd00::/8", "[fd12::1]", true),
            ("", "h", false),
            (",,", "h", false),
        ] {
            let e = environment("http://p:1", "", "", no);
            let direct = chosen(&e, &format!("http://{host}:8080/x")).is_none();
            assert_eq!(direct, exempt, "no_proxy={no:?}, host {host}");
        }
    }

    #[test]
    fn credentials_of_the_proxy_are_kept_and_not_shown() {
        let e = environment("http://us%40r:p%3Aw@p:1", "", "", "");
        let proxy = choose(&e, &"http://h/".parse().unwrap()).unwrap().unwrap();
        let expected = format!("Basic {}", crate::encoding::base64(b"us@r:p:w"));
        assert_eq!(proxy.authorization.as_ref().unwrap(), expected.as_str());
        assert_eq!(format!("{proxy:?}"), "Proxy(p:1)");
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_that_says_why() {
        for (text, words) in [
            ("socks5://p:1", "SOCKS"),
            ("SOCKS5h://p:1", "SOCKS"),
            ("ftp://p:1", "http://"),
            ("http://", "empty host"),
            ("http://p q", "domain"),
            ("http://u:secret@p:99999", "port"),
            ("::1", "host"),
        ] {
            let e = environment(text, "", "", "");
            let failure = choose(&e, &"http://h/".parse().unwrap()).unwrap_err();
            assert_eq!(failure.condition, Condition::InvalidProxy, "{text}");
            assert!(failure.detail.contains(words), "{text}: {}", failure.detail);
            assert!(failure.detail.contains("http_proxy"), "{}", failure.detail);
            assert!(!failure.detail.contains("secret"), "{}", failure.detail);
        }
    }
}
