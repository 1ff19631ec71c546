//! Exceptions from a list of proxies, as BITS writes them.
//!
//! ```text
//! <local>                      every name without a dot
//! [scheme://]host[:port]       `*` stands for any characters, none included; the case of letters is all one
//! ```

use url::{Host, Url};

/// Whether one of the patterns takes the URL out.
pub(crate) fn exempts(patterns: &[String], url: &Url) -> bool {
    let Some(host) = url.host() else {
        return false;
    };
    let is_local = matches!(host, Host::Domain(name) if !name.trim_end_matches('.').contains('.'));
    let name = host.to_string().trim_end_matches('.').to_ascii_lowercase();
    patterns.iter().any(|pattern| {
        let pattern = pattern.to_ascii_lowercase();
        if pattern == "<local>" {
            return is_local;
        }
        let (scheme, rest) = match pattern.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, pattern.as_str()),
        };
        let (wanted, port) = split(rest);
        scheme.is_none_or(|scheme| is_like(scheme, url.scheme()))
            && port.is_none_or(|port| url.port_or_known_default() == Some(port))
            && (is_like(wanted, &name) || is_like(&format!("[{wanted}]"), &name))
    })
}

/// Host and port of a pattern. An IPv6 address has a port only behind its brackets.
fn split(pattern: &str) -> (&str, Option<u16>) {
    let port = pattern
        .rsplit_once(':')
        .filter(|(host, _)| !host.contains(':') || host.ends_with(']'))
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match port {
        Some((host, port)) => (host, Some(port)),
        None => (pattern, None),
    }
}

/// Whether the text is what the pattern says, with `*` for any characters.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    // The first place for each part leaves the most for those behind it.
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_patterns_of_whole_hosts() {
        for (pattern, url, exempt) in [
            ("<local>", "http://intranet/x", true),
            ("<LOCAL>", "http://localhost:80/", true),
            ("<local>", "http://a.b/", false),
            ("<local>", "http://127.0.0.1/", false),
            ("<local>", "http://[::1]/", false),
            ("example.com", "http://example.com/", true),
            ("EXAMPLE.com", "https://example.COM./", true),
            ("example.com", "http://www.example.com/", false),
            ("*.example.com", "http://www.example.com/", true),
            ("*.example.com", "http://example.com/", false),
            ("*example.com", "http://example.com/", true),
            ("ex*ple.*", "http://example.com/", true),
            ("ex*ple.*", "http://example/", false),
            ("a*a", "http://a/", false),
            ("*", "http://[::1]:7/", true),
            ("10.1.*", "http://10.1.2.3/", true),
            ("10.1.*", "http://10.10.2.3/", false),
            ("h:8080", "http://h:8080/", true),
            ("h:8080", "http://h/", false),
            ("h:443", "https://h/", true),
            ("https://h", "https://h/", true),
            ("https://h", "http://h/", false),
            ("[::1]", "http://[::1]/", true),
            ("::1", "http://[::1]/", true),
            ("[::1]:81", "http://[::1]:81/", true),
            ("[::1]:81", "http://[::1]/", false),
            ("", "http://h/", false),
        ] {
            let url: Url = url.parse().unwrap();
            assert_eq!(
                exempts(&[pattern.to_owned()], &url),
                exempt,
                "{pattern} {url}"
            );
        }
        let several = ["x".to_owned(), "h".to_owned()];
        assert!(exempts(&several, &"http://h/".parse().unwrap()));
        assert!(!exempts(&[], &"http://h/".parse().unwrap()));
    }
}
