//! The scheme Digest with SHA-256 and the quality of protection `auth` (RFC 7616), from the side of the one who asks.
//!
//! Owns what a server checks. It must never share code with the client under test.

use sha2::{Digest as _, Sha256};

use crate::hex;

/// The realm of everything here.
const REALM: &str = "testkit";

/// What an Authorization field is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    Right,
    /// Right for another nonce than the one asked for.
    Stale,
    Wrong,
}

/// The value of the field that asks.
pub(super) fn challenge(nonce: &str, worth: Worth) -> String {
    let stale = if worth == Worth::Stale {
        ", stale=true"
    } else {
        ""
    };
    format!(
        "Digest realm=\"{REALM}\", qop=\"auth, auth-int\", algorithm=SHA-256, nonce=\"{nonce}\", opaque=\"op aque\"{stale}"
    )
}

/// What the answer to it is worth.
pub(super) fn check(
    answer: Option<&str>,
    method: &str,
    (user, password): (&str, &str),
    nonce: &str,
) -> Worth {
    let Some(answer) = answer.and_then(|answer| answer.strip_prefix("Digest ")) else {
        return Worth::Wrong;
    };
    let param = |name: &str| param(answer, name).unwrap_or_default();
    let (given, count, client_nonce) = (param("nonce"), param("nc"), param("cnonce"));
    let hash = |text: String| hex::encode(&Sha256::digest(text));
    let secret = hash(format!("{user}:{REALM}:{password}"));
    let asked = hash(format!("{method}:{}", param("uri")));
    let expected = hash(format!(
        "{secret}:{given}:{count}:{client_nonce}:auth:{asked}"
    ));
    let is_count = count.len() == 8 && u32::from_str_radix(count, 16).is_ok_and(|count| count > 0);
    let is_right = param("response") == expected
        && param("username") == user
        && param("realm") == REALM
        && param("qop") == "auth"
        && param("opaque") == "op aque"
        && is_count
        && !client_nonce.is_empty();
    match (is_right, given == nonce) {
        (true, true) => Worth::Right,
        (true, false) => Worth::Stale,
        (false, _) => Worth::Wrong,
    }
}

/// The value of a parameter, without its quotes. A comma with a space behind it does not occur in quotes here.
fn param<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut all = answer
        .split(", ")
        .filter_map(|one| one.trim().split_once('='));
    all.find(|(known, _)| *known == name)
        .map(|(_, value)| value.trim_matches('"'))
}
