//! Challenges: what WWW-Authenticate and Proxy-Authenticate ask for (RFC 9110, section 11.6.1).
//!
//! Pure. Several challenges can stand in one field, and commas divide both them and their parameters; whatever cannot
//! be understood ends the reading of its field, and what came before it counts.

use http::{HeaderMap, HeaderName};

/// One way in which a server is ready to be convinced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// Whether it is of this scheme.
    pub(crate) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The value of a parameter, without its quotes.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params.iter();
        params
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// All challenges of an answer, in order.
pub(crate) fn challenges(headers: &HeaderMap, field: &HeaderName) -> Vec<Challenge> {
    let values = headers.get_all(field).iter();
    let texts = values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    texts.flat_map(read).collect()
}

fn read(text: &str) -> Vec<Challenge> {
    let mut reader = Reader { rest: text };
    let mut found: Vec<Challenge> = Vec::new();
    loop {
        reader.skip(|c| c == ',' || is_space(c));
        let Some(word) = reader.token() else {
            return found;
        };
        let after = reader.rest;
        reader.skip(is_space);
        if let Some(challenge) = found.last_mut()
            && reader.take('=')
        {
            reader.skip(is_space);
            let Some(value) = reader.value() else {
                return found;
            };
            challenge.params.push((word.to_owned(), value));
            continue;
        }
        reader.rest = after;
        reader.skip(is_space);
        reader.token68();
        found.push(Challenge {
            scheme: word.to_owned(),
            params: Vec::new(),
        });
    }
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(skipped);
    }

    fn take(&mut self, wanted: char) -> bool {
        let stripped = self.rest.strip_prefix(wanted);
        self.rest = stripped.unwrap_or(self.rest);
        stripped.is_some()
    }

    fn token(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c| !is_token(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A token or a quoted string.
    fn value(&mut self) -> Option<String> {
        if !self.take('"') {
            return self.token().map(str::to_owned);
        }
        let mut value = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(value);
                }
                '\\' => value.push(characters.next()?.1),
                c => value.push(c),
            }
        }
        None
    }

    /// Passes over what stands in the place of parameters in schemes of other kinds: `Negotiate YII…==`.
    fn token68(&mut self) {
        let is_68 = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
        let rest = self.rest.trim_start_matches(is_68);
        if rest.len() == self.rest.len() {
            return;
        }
        let rest = rest.trim_start_matches('=').trim_start_matches(is_space);
        if rest.is_empty() || rest.starts_with(',') {
            self.rest = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn schemes(text: &str) -> Vec<String> {
        read(text).into_iter().map(|found| found.scheme).collect()
    }

    #[test]
    fn several_challenges_in_one_field_are_told_apart() {
        let found = read(
            "Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"",
        );
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].param("Title"), Some("Login to \"apps\""));
        assert_eq!(found[0].param("type"), Some("1"));
        assert!(found[1].is("basic"));
        assert_eq!(found[1].param("realm"), Some("simple"));
        assert_eq!(
            schemes(
                "Negotiate, NTLM TlRMTVNTUAAC==, , Digest nonce=a, qop=\"auth, auth-int\",Basic"
            ),
            ["Negotiate", "NTLM", "Digest", "Basic"]
        );
        let spaced = read("Digest realm = \"a\" , nonce = \"b\"");
        assert_eq!(spaced[0].param("nonce"), Some("b"));
    }

    #[test]
    fn what_cannot_be_understood_spoils_nothing_before_it() {
        assert_eq!(
            schemes("Basic realm=\"x\", Digest realm=\"never ends"),
            ["Basic", "Digest"]
        );
        assert_eq!(schemes("=x"), Vec::<String>::new());
        assert_eq!(schemes(""), Vec::<String>::new());
        let mut headers = HeaderMap::new();
        for value in ["\u{7f}", "Basic realm=\"x\""] {
            let value = HeaderValue::from_maybe_shared(value.to_owned().into_bytes());
            headers.extend(
                value
                    .ok()
                    .map(|value| (http::header::WWW_AUTHENTICATE, value)),
            );
        }
        assert_eq!(
            challenges(&headers, &http::header::WWW_AUTHENTICATE).len(),
            1
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_an_end(text in "[ -~é]{0,80}") {
            read(&text);
        }
    }
}
