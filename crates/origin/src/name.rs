//! File names that an origin or a URL proposes, made safe.
//!
//! Whoever names the file is not trusted: what leaves here is one component, visible, printable, and at most 255
//! bytes. It must never be a path, a hidden file, or a text that shows as something else than it is.

use url::Url;

use crate::encoding::percent_decode;

/// The longest name that Linux file systems take, in bytes (`NAME_MAX`).
const LONGEST: usize = 255;

/// The longest part after a dot that is kept as an extension when a name is cut, in bytes.
const LONGEST_EXTENSION: usize = 32;

/// A safe name that comes as near to the proposal as can be: the part after the last `/` or `\`, without control
/// characters and invisible or text-turning ones, without dots or white space at its ends, at most 255 bytes long
/// with its extension kept. `None` when nothing is left.
pub fn safe(proposal: &str) -> Option<String> {
    let last = proposal.rsplit(['/', '\\']).next()?;
    let shown: String = last.chars().filter(|c| !is_hidden(*c)).collect();
    let name = shorten(shown.trim_matches(is_edge));
    (!name.is_empty()).then_some(name)
}

/// The name that a URL's path ends in, percent-decoded. `None` when the path ends in `/`.
pub fn from_url(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    // What is no UTF-8 text stays as it is written in the URL.
    let decoded = percent_decode(last.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok());
    safe(decoded.as_deref().unwrap_or(last))
}

/// The name in a Content-Disposition field (RFC 6266), of which `filename*` (RFC 8187) goes before `filename`.
/// A part that is malformed ends the reading; what was read before it counts.
pub fn from_content_disposition(field: &[u8]) -> Option<String> {
    let (mut plain, mut extended) = (None, None);
    let mut rest = Parameters(field);
    rest.skip_type();
    while let Some((name, value)) = rest.next() {
        if name.eq_ignore_ascii_case(b"filename") {
            plain = plain.or_else(|| Some(text(&value)));
        } else if name.eq_ignore_ascii_case(b"filename*") {
            extended = extended.or_else(|| extended_value(&value));
        }
    }
    extended
        .as_deref()
        .and_then(safe)
        .or_else(|| plain.as_deref().and_then(safe))
}

/// Characters that would make a name look like another one, or like none.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Overrides, embeddings, isolates and marks of the writing direction.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Of no width, or breaking the line. The joiners U+200C and U+200D stay: some scripts need them.
            | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}')
}

/// Characters that a name neither begins nor ends with: a dot would hide it or make it `.` or `..`.
fn is_edge(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Cuts a name to 255 bytes before its extension.
fn shorten(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let extension = extension(name);
    let stem = &name[..name.len() - extension.len()];
    let mut cut = (LONGEST - extension.len()).min(stem.len());
    while !stem.is_char_boundary(cut) {
        cut -= 1;
    }
    let stem = stem[..cut].trim_end_matches(is_edge);
    format!("{stem}{extension}")
}

/// `.gz`, `.tar.gz`, or nothing: the end of a name that tells what the file is.
fn extension(name: &str) -> &str {
    let dot = |name: &str| {
        name.rfind('.')
            .filter(|dot| *dot > 0 && name.len() - dot <= LONGEST_EXTENSION)
    };
    let Some(last) = dot(name) else { return "" };
    match dot(&name[..last]) {
        Some(first) if name[first..last].eq_ignore_ascii_case(".tar") => &name[first..],
        _ => &name[last..],
    }
}

/// A parameter's bytes as text: UTF-8 as most origins send, else ISO-8859-1 as HTTP once said.
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| latin1(bytes), str::to_owned)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// `UTF-8'en'%e2%82%ac` (RFC 8187, section 3.2).
fn extended_value(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decode(encoded)?;
    if charset.eq_ignore_ascii_case(b"utf-8") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case(b"iso-8859-1") {
        Some(latin1(&bytes))
    } else {
        None
    }
}

/// What is left of a field: `; name=value; …`.
struct Parameters<'a>(&'a [u8]);

impl<'a> Parameters<'a> {
    /// Passes over the disposition type. Some origins leave it out and begin with a parameter.
    fn skip_type(&mut self) {
        let end = self.0.iter().position(|byte| *byte == b';');
        let first = &self.0[..end.unwrap_or(self.0.len())];
        if !first.contains(&b'=') {
            self.0 = end.map_or(&[], |end| &self.0[end + 1..]);
        }
    }

    fn next(&mut self) -> Option<(&'a [u8], Vec<u8>)> {
        // Empty parameters (`;;`) mean nothing.
        let start = self.0.iter().position(|byte| !b"; \t".contains(byte))?;
        self.0 = &self.0[start..];
        let equals = self.0.iter().position(|byte| *byte == b'=')?;
        let name = self.0[..equals].trim_ascii();
        self.0 = self.0[equals + 1..].trim_ascii_start();
        let value = if let Some((b'"', quoted)) = self.0.split_first() {
            self.quoted(quoted)?
        } else {
            // A token; but names with spaces that nobody quoted are common.
            let end = self.0.iter().position(|byte| *byte == b';');
            let (value, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
            self.0 = rest;
            value.trim_ascii().to_vec()
        };
        Some((name, value))
    }

    /// A quoted string after its opening quote.
    fn quoted(&mut self, mut rest: &'a [u8]) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        loop {
            let (&byte, tail) = rest.split_first()?;
            rest = tail;
            match byte {
                b'"' => {
                    // Whatever stands between the quote and the next `;` belongs to nothing.
                    let end = rest.iter().position(|byte| *byte == b';');
                    self.0 = end.map_or(&[], |end| &rest[end..]);
                    return Some(value);
                }
                b'\\' => {
                    let (&escaped, tail) = rest.split_first()?;
                    value.push(escaped);
                    rest = tail;
                }
                byte => value.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_harmless(name: &str) {
        assert!(!name.is_empty() && name.len() <= LONGEST, "{name:?}");
        assert!(!name.contains(['/', '\\', '\0']), "{name:?}");
        assert!(!name.starts_with('.') && !name.ends_with('.'), "{name:?}");
        assert_eq!(name.trim(), name, "no white space at the ends");
        assert!(!name.chars().any(is_hidden), "{name:?}");
        let mut path = std::path::Path::new(name).components();
        assert!(matches!(
            path.next(),
            Some(std::path::Component::Normal(part)) if part == name
        ));
        assert!(path.next().is_none(), "{name:?} is one component");
    }

    proptest! {
        #[test]
        fn a_safe_name_is_never_dangerous(
            proposal in "(\\PC|[./\\\\ \u{0}-\u{20}\u{7f}-\u{9f}\u{200b}-\u{2069}é]){0,40}"
        ) {
            if let Some(name) = safe(&proposal) {
                assert_harmless(&name);
                prop_assert_eq!(safe(&name), Some(name), "what is safe stays as it is");
            }
        }

        #[test]
        fn a_long_name_is_cut_and_stays_harmless(
            proposal in "[a-z é€😀.]{1,3}", times in 90usize..200, end in "(\\.[a-z0-9]{0,40}){0,3}"
        ) {
            if let Some(name) = safe(&(proposal.repeat(times) + &end)) {
                assert_harmless(&name);
                prop_assert_eq!(safe(&name), Some(name), "what is safe stays as it is");
            }
        }

        #[test]
        fn no_field_makes_a_dangerous_name(field in prop::collection::vec(any::<u8>(), 0..60)) {
            let field = [b"attachment; filename".as_slice(), &field].concat();
            if let Some(name) = from_content_disposition(&field) {
                assert_harmless(&name);
            }
        }
    }

    #[test]
    fn proposals_become_what_a_person_expects() {
        for (proposal, name) in [
            ("report.pdf", Some("report.pdf")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Users\\x\\a b.txt", Some("a b.txt")),
            (".bashrc", Some("bashrc")),
            ("...", None),
            ("..", None),
            ("dir/", None),
            (" . .x. . ", Some("x")),
            ("", None),
            ("a\0b\r\n\u{1b}[1mc", Some("ab[1mc")),
            ("photo\u{202e}gpj.exe", Some("photogpj.exe")),
            ("日本語.txt", Some("日本語.txt")),
        ] {
            assert_eq!(safe(proposal).as_deref(), name, "{proposal:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let cut = safe(&format!("{}.tar.gz", "é".repeat(200))).unwrap();
        assert!(cut.ends_with("é.tar.gz"), "{cut}");
        assert_eq!(cut.len(), 255, "cut on a character, to the last byte");
        assert_eq!(safe(&"x".repeat(300)).unwrap().len(), 255);
    }

    #[test]
    fn a_url_gives_its_last_segment_decoded() {
        for (url, name) in [
            ("http://h/a/b.iso?x=/y#z", Some("b.iso")),
            ("http://h/a%20b%C3%A9", Some("a bé")),
            ("http://h/%2e%2e%2fetc%2fpasswd", Some("passwd")),
            ("http://h/x%00y", Some("xy")),
            ("http://h/%ff%fe", Some("%ff%fe")),
            ("http://h/100%", Some("100%")),
            ("http://h/dir/", None),
            ("http://h", None),
            ("http://h/%2e%2e%2f", None),
        ] {
            assert_eq!(from_url(&url.parse().unwrap()).as_deref(), name, "{url}");
        }
    }

    #[test]
    fn content_disposition_is_read_as_rfc_6266_says() {
        for (field, name) in [
            ("attachment; filename=\"a.txt\"", Some("a.txt")),
            ("Attachment;FileName=a.txt", Some("a.txt")),
            (
                "inline; filename = \"a \\\"b\\\".txt\"",
                Some("a \"b\".txt"),
            ),
            ("attachment; filename=a b.txt; x=y", Some("a b.txt")),
            ("filename=\"a.txt\"", Some("a.txt")),
            (
                "attachment; filename=\"e.txt\"; filename*=UTF-8''%e2%82%ac.txt",
                Some("€.txt"),
            ),
            (
                "attachment; filename*=iso-8859-1'en'%A3.txt; filename=x",
                Some("£.txt"),
            ),
            (
                "attachment; filename*=UTF-8''%ff; filename=plain.txt",
                Some("plain.txt"),
            ),
            ("attachment; filename*=KOI8-R''x", None),
            ("attachment; filename=\"../../x;y.txt\"", Some("x;y.txt")),
            ("attachment; filename=\"open", None),
            ("attachment; notfilename=x; ;; filename=y", Some("y")),
            ("attachment", None),
            ("", None),
        ] {
            let found = from_content_disposition(field.as_bytes());
            assert_eq!(found.as_deref(), name, "{field}");
        }
    }

    #[test]
    fn raw_latin_1_in_a_field_is_understood() {
        let field = b"attachment; filename=\"gr\xfc\xdfe.txt\"";
        assert_eq!(
            from_content_disposition(field).as_deref(),
            Some("grüße.txt")
        );
    }
}
