//! The scheme Digest (RFC 7616): the proof that a password is known.
//!
//! MD5 and SHA-256, each with and without a session; the quality of protection `auth`, and none for servers that know
//! RFC 2069 alone. A session keeps the server's nonce and counts its uses.

use std::fmt::Write as _;

use bgcopy_model::Login;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::challenge::Challenge;

/// The hash of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    fn hash(self, text: &str) -> String {
        let hex = |bytes: &[u8]| {
            let mut text = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
            }
            text
        };
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// A challenge that can be answered, and what has been answered so far.
pub(crate) struct Session {
    login: Login,
    algorithm: Algorithm,
    /// The algorithm as the server wrote it, if it did.
    named: Option<String>,
    /// Whether the password is hashed once for the session.
    hashes_once: bool,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Whether the server protects with `auth`; `false`: RFC 2069.
    has_qop: bool,
    /// This side's nonce.
    client_nonce: String,
    /// How often the nonce was used.
    count: u32,
}

impl Session {
    /// What makes of a challenge a session of this user's; `None`: it asks for what is not implemented.
    pub(crate) fn new(challenge: &Challenge, login: &Login, client_nonce: String) -> Option<Self> {
        let named = challenge.param("algorithm");
        let lower = named.unwrap_or("md5").to_ascii_lowercase();
        let (name, hashes_once) = match lower.strip_suffix("-sess") {
            Some(name) => (name, true),
            None => (lower.as_str(), false),
        };
        let algorithm = match name {
            "md5" => Algorithm::Md5,
            "sha-256" => Algorithm::Sha256,
            _ => return None,
        };
        let qop = challenge.param("qop");
        let offers_auth = |list: &str| {
            let mut all = list.split(',');
            all.any(|one| one.trim().eq_ignore_ascii_case("auth"))
        };
        if qop.is_some_and(|list| !offers_auth(list)) {
            return None;
        }
        Some(Self {
            login: login.clone(),
            algorithm,
            named: named.map(str::to_owned),
            hashes_once,
            realm: challenge.param("realm")?.to_owned(),
            nonce: challenge.param("nonce")?.to_owned(),
            opaque: challenge.param("opaque").map(str::to_owned),
            has_qop: qop.is_some(),
            client_nonce,
            count: 0,
        })
    }

    /// How strong it is, for the choice among several challenges.
    pub(crate) fn strength(&self) -> impl Ord {
        self.algorithm
    }

    /// The value of Authorization for the next request.
    pub(crate) fn authorization(&mut self, method: &str, target: &str) -> String {
        self.count = self.count.saturating_add(1);
        let count = format!("{:08x}", self.count);
        let response = self.response(method, target, &count);
        let mut value = String::from("Digest ");
        if self.login.user.is_ascii() {
            let _ = write!(value, "username=\"{}\"", quoted(&self.login.user));
        } else {
            // RFC 7616, section 3.4, with the coding of RFC 8187.
            let _ = write!(value, "username*=UTF-8''{}", extended(&self.login.user));
        }
        let _ = write!(
            value,
            ", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{response}\"",
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(target)
        );
        if let Some(named) = &self.named {
            let _ = write!(value, ", algorithm={named}");
        }
        if self.has_qop {
            let _ = write!(value, ", qop=auth, nc={count}");
        }
        if self.has_qop || self.hashes_once {
            let _ = write!(value, ", cnonce=\"{}\"", self.client_nonce);
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(value, ", opaque=\"{}\"", quoted(opaque));
        }
        value
    }

    fn response(&self, method: &str, target: &str, count: &str) -> String {
        let hash = |text: &str| self.algorithm.hash(text);
        let Self {
            login: Login { user, password },
            realm,
            nonce,
            client_nonce,
            ..
        } = self;
        let mut secret = hash(&format!("{user}:{realm}:{password}"));
        if self.hashes_once {
            secret = hash(&format!("{secret}:{nonce}:{client_nonce}"));
        }
        let asked = hash(&format!("{method}:{target}"));
        if self.has_qop {
            hash(&format!(
                "{secret}:{nonce}:{count}:{client_nonce}:auth:{asked}"
            ))
        } else {
            hash(&format!("{secret}:{nonce}:{asked}"))
        }
    }
}

/// The inside of a quoted string.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A value as RFC 8187, section 3.2, writes it.
fn extended(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, header::WWW_AUTHENTICATE};

    use super::{super::challenge::challenges, *};

    fn session(challenge: &str, user: &str, password: &str, client_nonce: &str) -> Option<Session> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, challenge.parse().unwrap());
        let challenge = challenges(&headers, &WWW_AUTHENTICATE).remove(0);
        let login = Login {
            user: user.into(),
            password: password.into(),
        };
        Session::new(&challenge, &login, client_nonce.into())
    }

    fn param(value: &str, name: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, value.parse().unwrap());
        let read = challenges(&headers, &WWW_AUTHENTICATE).remove(0);
        read.param(name).map(str::to_owned)
    }

    /// RFC 7616, section 3.9.1.
    const CHALLENGE: &str = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
    const CLIENT_NONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    #[test]
    fn the_examples_of_the_rfc_come_out() {
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let challenge = format!("{CHALLENGE}, algorithm={algorithm}");
            let mut session =
                session(&challenge, "Mufasa", "Circle of Life", CLIENT_NONCE).unwrap();
            let value = session.authorization("GET", "/dir/index.html");
            let expected = format!(
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", \
                 response=\"{response}\", algorithm={algorithm}, qop=auth, nc=00000001, \
                 cnonce=\"{CLIENT_NONCE}\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            assert_eq!(value, expected);
            let again = session.authorization("GET", "/dir/index.html");
            assert_eq!(param(&again, "nc").as_deref(), Some("00000002"));
            assert_ne!(param(&again, "response").as_deref(), Some(response));
        }
    }

    /// RFC 2069 as its errata correct the example; and RFC 2617, section 3.5.
    #[test]
    fn the_examples_of_its_predecessors_come_out() {
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let old = format!("Digest realm=\"testrealm@host.com\", nonce=\"{nonce}\"");
        let mut old_session = session(&old, "Mufasa", "CircleOfLife", "x").unwrap();
        let value = old_session.authorization("GET", "/dir/index.html");
        assert_eq!(
            param(&value, "response").as_deref(),
            Some("1949323746fe6a43ef61f9606e7febea")
        );
        assert_eq!((param(&value, "nc"), param(&value, "cnonce")), (None, None));

        let qop = format!("{old}, qop=\"auth,auth-int\"");
        let mut session = session(&qop, "Mufasa", "Circle Of Life", "0a4f113b").unwrap();
        let value = session.authorization("GET", "/dir/index.html");
        assert_eq!(
            param(&value, "response").as_deref(),
            Some("6629fae49393a05397450978507c4ef1")
        );
    }

    #[test]
    fn a_session_algorithm_hashes_both_nonces_in() {
        let challenge = "Digest realm=\"r\", nonce=\"n\", qop=auth, algorithm=MD5-sess";
        let mut session = session(challenge, "u", "p", "c").unwrap();
        let value = session.authorization("GET", "/");
        let h = |text: &str| Algorithm::Md5.hash(text);
        let expected = h(&format!(
            "{}:n:00000001:c:auth:{}",
            h(&format!("{}:n:c", h("u:r:p"))),
            h("GET:/")
        ));
        assert_eq!(param(&value, "response"), Some(expected));
        assert_eq!(param(&value, "algorithm").as_deref(), Some("MD5-sess"));
    }

    #[test]
    fn what_is_not_implemented_is_no_session() {
        for challenge in [
            "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256",
            "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
            "Digest realm=\"r\"",
            "Digest nonce=\"n\"",
        ] {
            assert!(session(challenge, "u", "p", "c").is_none(), "{challenge}");
        }
    }

    #[test]
    fn quotes_and_letters_beyond_ascii_are_carried() {
        let challenge = "Digest realm=\"a\\\"b\", nonce=\"n\", qop=auth";
        let value = session(challenge, "Jäsøn Doe", "p", "c")
            .unwrap()
            .authorization("GET", "/");
        assert!(
            value.contains("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, "),
            "{value}"
        );
        assert!(value.contains("realm=\"a\\\"b\""), "{value}");
        let value = session(challenge, "a\"b\\", "p", "c")
            .unwrap()
            .authorization("GET", "/");
        assert_eq!(param(&value, "username").as_deref(), Some("a\"b\\"));
    }
}
