//! Texts that came from elsewhere, made fit for a terminal.
//!
//! Names, URLs and error sentences can hold whatever a server or another program put there. Nothing of that kind
//! reaches a terminal but through [`clean`].

use std::borrow::Cow;

use url::Url;

/// Replaces what could steer a terminal or reorder the line: control characters and the bidirectional overrides.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unsafe) {
        let replace = |c| {
            if is_unsafe(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        };
        Cow::Owned(text.chars().map(replace).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Columns that a text takes on a terminal.
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// At most `columns` columns of a text; what is cut off is told by `…` at its end.
pub fn shorten(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut used = 0;
    let mut short: String = text
        .chars()
        .take_while(|c| {
            used += unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0);
            used <= room
        })
        .collect();
    short.push('…');
    Cow::Owned(short)
}

/// A URL without the user and the password that may be in it. It need not be a valid one.
pub fn redact(url: &str) -> Cow<'_, str> {
    let Some(start) = url.find("//").map(|slashes| slashes + 2) else {
        return Cow::Borrowed(url);
    };
    let rest = &url[start..];
    let authority = &rest[..rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len())];
    match authority.rfind('@') {
        Some(at) => Cow::Owned(format!("{}***{}", &url[..start], &rest[at..])),
        None => Cow::Borrowed(url),
    }
}

/// A short name for what a URL points at: its last path segment, or its host.
pub fn file_name_of(url: &Url) -> String {
    let segment = url
        .path_segments()
        .and_then(|mut segments| segments.rfind(|segment| !segment.is_empty()));
    segment.or(url.host_str()).unwrap_or("download").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_overrides_lose_their_power() {
        assert_eq!(clean("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(clean("exe\u{202e}gpj"), "exe\u{fffd}gpj");
        assert!(matches!(clean("naïve 文"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_shortened_text_fits_and_says_that_it_was_cut() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdefg", 6), "abcde…");
        assert_eq!(shorten("文文文文", 6), "文文…");
        assert_eq!(shorten("abc", 1), "…");
        assert_eq!(shorten("abc", 0), "");
    }

    #[test]
    fn user_and_password_in_a_url_are_not_shown() {
        for (url, expected) in [
            (
                "https://me:secret@example.org/a?b=c",
                "https://***@example.org/a?b=c",
            ),
            ("https://token@example.org/", "https://***@example.org/"),
            ("ftp://me:se@cret@h:x", "ftp://***@h:x"),
            ("https://example.org/me@home", "https://example.org/me@home"),
            ("//", "//"),
            ("me@home", "me@home"),
        ] {
            assert_eq!(redact(url), expected);
        }
    }

    #[test]
    fn a_url_without_a_path_is_named_by_its_host() {
        let name = |url| file_name_of(&Url::parse(url).unwrap());
        assert_eq!(name("https://example.org/a/b.iso?x=y"), "b.iso");
        assert_eq!(name("https://example.org/a/"), "a");
        assert_eq!(name("https://example.org"), "example.org");
    }
}
