//! What is asked of an origin: which bytes, under which condition, with which fields.
//!
//! Owns the rule of who may see a secret: the caller's fields and the URL's credentials go to the origin of the
//! URL that the caller named, and to no other.

use bgcopy_model::{Condition, Header};
use bgcopy_transfer::{Failure, Want};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::Empty;
use url::{Position, Url};

use crate::{
    connect::Route,
    encoding::{base64, percent_decode},
    endpoint::Endpoint,
};

/// Which bytes a request asks for, decided from what is wanted and what is here already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// First byte and the byte after the last, unless the whole file is asked for without a Range field.
    pub(crate) range: Option<(u64, Option<u64>)>,
    /// The validator that the part depends on.
    pub(crate) if_range: Option<String>,
}

impl Ask {
    /// # Errors
    /// [`Condition::InvalidRange`] for an empty range; [`Condition::InsufficientRangeSupport`] when a part is
    /// wanted to stand beside bytes of a version that no request can name.
    pub(crate) fn new(want: &Want) -> Result<Self, Failure> {
        if want.end.is_some_and(|end| end <= want.start) {
            return Err(Failure::new(
                Condition::InvalidRange,
                format!("the range at {} is empty", want.start),
            ));
        }
        let if_range = want.version.as_ref().and_then(|version| version.if_range());
        let is_part = want.start > 0 || want.end.is_some();
        if want.version.is_some() && if_range.is_none() {
            // Bytes of another answer could be of another version: only all of it is of use.
            if want.exact && is_part {
                return Err(Failure::new(
                    Condition::InsufficientRangeSupport,
                    "the origin names no version of the file that ranges could be tied to",
                ));
            }
            return Ok(Self {
                range: None,
                if_range: None,
            });
        }
        Ok(Self {
            range: (is_part || if_range.is_some()).then_some((want.start, want.end)),
            if_range: if_range.map(str::to_owned),
        })
    }

    fn add_to(&self, headers: &mut HeaderMap) -> Result<(), http::header::InvalidHeaderValue> {
        if let Some((start, end)) = self.range {
            let range = match end {
                Some(end) => format!("bytes={start}-{}", end - 1),
                None => format!("bytes={start}-"),
            };
            headers.insert(header::RANGE, HeaderValue::try_from(range)?);
        }
        if let Some(validator) = &self.if_range {
            headers.insert(header::IF_RANGE, HeaderValue::from_str(validator)?);
        }
        Ok(())
    }
}

/// A target that was checked: what requests for it, at its own origin or another one, consist of.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// Without credentials and fragment.
    pub(crate) url: Url,
    pub(crate) origin: Endpoint,
    /// The caller's fields, with Authorization from the URL if the caller gave none. Marked as sensitive.
    secret: HeaderMap,
    user_agent: HeaderValue,
}

impl Prepared {
    /// # Errors
    /// [`Condition::SchemeUnsupported`], and [`Condition::InvalidArgument`] for a field that cannot be sent.
    pub(crate) fn new(
        mut url: Url,
        fields: &[Header],
        user_agent: &HeaderValue,
    ) -> Result<Self, Failure> {
        let origin = Endpoint::of(&url).ok_or_else(|| {
            Failure::new(
                Condition::SchemeUnsupported,
                format!("{} is not http or https", url.scheme()),
            )
        })?;
        let mut secret = caller_fields(fields)?;
        let credentials = take_credentials(&mut url);
        if let Some(credentials) = credentials
            && !secret.contains_key(header::AUTHORIZATION)
        {
            secret.insert(header::AUTHORIZATION, credentials);
        }
        // It is a default that the caller replaces, and no secret: it goes wherever a redirect leads.
        let own_agent = secret.remove(header::USER_AGENT);
        Ok(Self {
            url,
            origin,
            secret,
            user_agent: own_agent.unwrap_or_else(|| user_agent.clone()),
        })
    }

    /// The request for `url`, to which redirects have led. `credentials` are those that the redirect named.
    ///
    /// # Errors
    /// [`Condition::InvalidArgument`]: the URL or a validator cannot be sent.
    pub(crate) fn request(
        &self,
        url: &Url,
        credentials: Option<&HeaderValue>,
        ask: &Ask,
        route: &Route,
    ) -> Result<Request<Empty<Bytes>>, Failure> {
        let invalid = |why: String| {
            let place = &route.origin;
            let why = format!("the request to {place} cannot be written: {why}");
            Failure::new(Condition::InvalidArgument, why)
        };
        let from = if route.is_forwarded() {
            Position::BeforeScheme
        } else {
            Position::BeforePath
        };
        let target = Uri::try_from(&url[from..Position::AfterQuery])
            .map_err(|error| invalid(error.to_string()))?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = target;

        let headers = request.headers_mut();
        let host = HeaderValue::try_from(route.origin.to_string());
        headers.insert(
            header::HOST,
            host.map_err(|error| invalid(error.to_string()))?,
        );
        headers.insert(header::USER_AGENT, self.user_agent.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        if route.origin == self.origin {
            // A name that occurs replaces what is there; one that occurs again is added.
            headers.extend(self.secret.clone());
        }
        if let Some(credentials) = credentials {
            headers.insert(header::AUTHORIZATION, credentials.clone());
        }
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        ask.add_to(headers)
            .map_err(|error| invalid(error.to_string()))?;
        if route.is_forwarded()
            && let Some(proxy) = &route.proxy
            && let Some(authorization) = &proxy.authorization
        {
            headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }
}

/// Takes user and password out of a URL, and its fragment: what is left can be shown and compared. They become
/// Basic credentials (RFC 7617).
pub(crate) fn take_credentials(url: &mut Url) -> Option<HeaderValue> {
    url.set_fragment(None);
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let part = |text: &str| percent_decode(text.as_bytes()).unwrap_or_else(|| text.into());
    let (user, password) = (
        part(url.username()),
        part(url.password().unwrap_or_default()),
    );
    let mut value = HeaderValue::try_from(format!(
        "Basic {}",
        base64(&[&user, b":".as_slice(), &password].concat())
    ))
    .ok()?;
    value.set_sensitive(true);
    // These fail only for URLs that cannot have credentials.
    let removed = url.set_username("").and_then(|()| url.set_password(None));
    removed.ok().map(|()| value)
}

fn caller_fields(fields: &[Header]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for field in fields {
        let invalid = |what: &str| {
            let name = field.name.escape_debug();
            Failure::new(
                Condition::InvalidArgument,
                format!("the request header {name} has {what}"),
            )
        };
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| invalid("a name that HTTP does not allow"))?;
        if Header::RESERVED.contains(&name.as_str()) {
            tracing::debug!(%name, "a caller's header field is ignored");
            continue;
        }
        let mut value = HeaderValue::from_str(field.value.trim())
            .or_else(|_| HeaderValue::from_bytes(field.value.trim().as_bytes()))
            .map_err(|_| invalid("a value that HTTP does not allow"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use bgcopy_model::Validator;

    use super::*;

    fn prepared(url: &str, fields: &[(&str, &str)]) -> Result<Prepared, Failure> {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| Header {
                name: (*name).into(),
                value: (*value).into(),
            })
            .collect();
        let agent = HeaderValue::from_static("default");
        Prepared::new(url.parse().unwrap(), &fields, &agent)
    }

    fn headers(target: &Prepared, url: &str) -> HeaderMap {
        let url: Url = url.parse().unwrap();
        let route = Route {
            origin: Endpoint::of(&url).unwrap(),
            proxy: None,
        };
        let ask = Ask::new(&Want::whole()).unwrap();
        let request = target.request(&url, None, &ask, &route).unwrap();
        request.headers().clone()
    }

    #[test]
    fn the_callers_fields_go_to_its_own_origin_alone() {
        let target = prepared(
            "https://u:p%40@a/x",
            &[
                ("Cookie", "c"),
                ("X-Key", "1"),
                ("x-key", "2"),
                ("user-agent", "mine"),
            ],
        )
        .unwrap();
        assert_eq!(target.url.as_str(), "https://a/x");
        let own = headers(&target, "https://a/y");
        assert_eq!(own["cookie"], "c");
        assert_eq!(own["user-agent"], "mine");
        assert_eq!(own["authorization"], "Basic dTpwQA==");
        assert!(own["authorization"].is_sensitive());
        assert_eq!(own.get_all("x-key").iter().count(), 2);
        for other in ["https://b/x", "http://a/x", "https://a:444/x"] {
            let other = headers(&target, other);
            assert_eq!(other["user-agent"], "mine");
            let names = ["cookie", "x-key", "authorization"];
            assert!(!names.into_iter().any(|name| other.contains_key(name)));
        }
    }

    #[test]
    fn a_callers_authorization_goes_before_the_urls() {
        let target = prepared("http://u:p@a/", &[("Authorization", "Bearer t")]).unwrap();
        assert_eq!(headers(&target, "http://a/")["authorization"], "Bearer t");
    }

    #[test]
    fn fields_of_the_protocol_cannot_be_replaced() {
        let fields = Header::RESERVED.map(|name| (name, "evil"));
        let target = prepared("http://a/", &fields).unwrap();
        let sent = headers(&target, "http://a/");
        assert_eq!(sent["host"], "a");
        assert_eq!(sent["accept-encoding"], "identity");
        assert!(!sent.values().any(|value| value == "evil"));
    }

    #[test]
    fn fields_that_cannot_be_sent_are_refused_without_their_value() {
        for (name, value) in [("a b", "secret"), ("", "secret"), ("a", "secret\r\nb: c")] {
            let failure = prepared("http://a/", &[(name, value)]).unwrap_err();
            assert_eq!(failure.condition, Condition::InvalidArgument);
            assert!(!failure.detail.contains("secret"), "{}", failure.detail);
        }
        let failure = prepared("ftp://a/", &[]).unwrap_err();
        assert_eq!(failure.condition, Condition::SchemeUnsupported);
    }

    #[test]
    fn a_range_is_asked_for_only_where_there_is_one() {
        let tagged = |etag: &str| {
            Some(Validator {
                etag: Some(etag.into()),
                ..Validator::default()
            })
        };
        let ask = |start, end, version, exact| {
            Ask::new(&Want {
                start,
                end,
                version,
                exact,
            })
        };
        let plain = Ask {
            range: None,
            if_range: None,
        };
        assert_eq!(ask(0, None, None, false), Ok(plain.clone()));
        assert_eq!(
            ask(5, Some(9), None, true).unwrap().range,
            Some((5, Some(9)))
        );
        let tied = ask(0, None, tagged("\"a\""), false).unwrap();
        assert_eq!(tied.range, Some((0, None)));
        assert_eq!(tied.if_range.as_deref(), Some("\"a\""));
        // A weak tag ties nothing.
        assert_eq!(ask(5, None, tagged("W/\"a\""), false), Ok(plain.clone()));
        assert_eq!(ask(0, None, tagged("W/\"a\""), true), Ok(plain));
        let refused = ask(5, None, tagged("W/\"a\""), true).unwrap_err();
        assert_eq!(refused.condition, Condition::InsufficientRangeSupport);
        let refused = ask(5, Some(5), None, true).unwrap_err();
        assert_eq!(refused.condition, Condition::InvalidRange);
    }
}
