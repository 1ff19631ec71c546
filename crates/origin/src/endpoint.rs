//! Where a connection goes: scheme, host and port, which RFC 6454 calls an origin.

use std::fmt;

use url::{Host, Url};

/// A host and port, and whether it speaks TLS. Equal endpoints are one origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    pub(crate) secure: bool,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

impl Endpoint {
    /// The endpoint of an `http` or `https` URL; `None` for any other.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let secure = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        Some(Self {
            secure,
            host: url.host()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// `host:port`, always with the port: what CONNECT takes and what errors about connections name.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Endpoint {
    /// As the Host field has it: the port only where it is not the scheme's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual {
            write!(f, "{}", self.host)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_shown_where_it_is_unusual() {
        let show = |url: &str| Endpoint::of(&url.parse().unwrap()).map(|e| e.to_string());
        assert_eq!(show("http://a/x"), Some("a".into()));
        assert_eq!(show("https://a:443/x"), Some("a".into()));
        assert_eq!(show("https://a:80/x"), Some("a:80".into()));
        assert_eq!(show("http://u:p@[::1]:8080/"), Some("[::1]:8080".into()));
        assert_eq!(show("ftp://a/x"), None);
    }
}
