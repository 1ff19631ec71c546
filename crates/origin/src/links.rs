//! Mirrors that an answer names (RFC 6249): its Link fields (RFC 8288) of relation «duplicate».
//!
//! Owns the reading of the field and what of it can be used. A mirror is taken only from an answer that tells the digest
//! of the file, since nothing else would show that another host has the same (RFC 6249, section 6); never one that leads
//! from https to http, nor one with a user in its URL: nobody here gave it credentials.

use bgcopy_model::{Limits, Mirror};
use http::{HeaderMap, header};
use url::Url;

use crate::digest;

/// The mirrors that the answer for `url` names, the best first.
pub(crate) fn mirrors(headers: &HeaderMap, url: &Url) -> Vec<Mirror> {
    if !headers.contains_key(header::LINK) || digest::of_representation(headers).is_none() {
        return Vec::new();
    }
    let lines = headers.get_all(header::LINK).iter();
    let text = lines.filter_map(|line| line.to_str().ok());
    let mut mirrors: Vec<Mirror> = Vec::new();
    for link in text.flat_map(links) {
        let Some(mirror) = link.mirror(url) else {
            continue;
        };
        let is_new = mirrors.iter().all(|known| known.url != mirror.url);
        if is_new && mirror.url != *url {
            mirrors.push(mirror);
        }
    }
    mirrors.sort_by_key(|mirror| mirror.priority);
    mirrors.truncate(Limits::MIRRORS);
    mirrors
}

/// A link as far as it is of use here.
#[derive(Default)]
struct Link<'a> {
    target: &'a str,
    relation: Option<String>,
    priority: Option<String>,
    /// It says something of another resource than the one asked for (RFC 8288, section 3.2).
    is_about_another: bool,
}

impl Link<'_> {
    fn mirror(&self, asked: &Url) -> Option<Mirror> {
        let relations = self.relation.as_deref()?;
        let is_duplicate = relations
            .split_ascii_whitespace()
            .any(|relation| relation.eq_ignore_ascii_case("duplicate"));
        if !is_duplicate || self.is_about_another {
            return None;
        }
        let mut url = asked.join(self.target).ok()?;
        url.set_fragment(None);
        let is_safe = match url.scheme() {
            "https" => true,
            "http" => asked.scheme() == "http",
            _ => false,
        };
        let is_bare = url.username().is_empty() && url.password().is_none();
        if !is_safe || !is_bare || url.as_str().len() > Limits::URL {
            return None;
        }
        // RFC 6249, section 3.1: what has no usable priority comes last.
        let priority = self.priority.as_deref().and_then(|text| text.parse().ok());
        let last = || Mirror::new(url.clone(), Mirror::LAST).ok();
        Mirror::new(url.clone(), priority.unwrap_or(Mirror::LAST))
            .ok()
            .or_else(last)
    }
}

/// The links of a field (RFC 8288, appendix B.2), up to the first that is malformed.
fn links(field: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    let mut rest = field;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let target = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let Some((target, behind)) = target else {
            return links;
        };
        let mut link = Link {
            target: target.trim(),
            ..Link::default()
        };
        rest = behind;
        loop {
            rest = rest.trim_start();
            let Some(behind) = rest.strip_prefix(';') else {
                break;
            };
            let Some((name, value, behind)) = parameter(behind) else {
                return links;
            };
            rest = behind;
            // Of a parameter that is given twice the first counts (RFC 8288, section 3.3).
            match name.to_ascii_lowercase().as_str() {
                "rel" => link.relation = link.relation.or(value),
                "pri" => link.priority = link.priority.or(value),
                "anchor" => link.is_about_another = true,
                _ => {}
            }
        }
        links.push(link);
        if !rest.is_empty() && !rest.starts_with(',') {
            return links;
        }
    }
}

/// A parameter behind its semicolon: name, value if there is one, and the rest.
fn parameter(text: &str) -> Option<(&str, Option<String>, &str)> {
    let text = text.trim_start();
    let end = text.find(['=', ';', ',', ' ', '\t']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some(value) = rest.trim_start().strip_prefix('=') else {
        return Some((name, None, rest));
    };
    let value = value.trim_start();
    let Some(quoted) = value.strip_prefix('"') else {
        let end = value.find([';', ',', ' ', '\t']).unwrap_or(value.len());
        let (value, rest) = value.split_at(end);
        return Some((name, Some(value.to_owned()), rest));
    };
    let mut unquoted = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((name, Some(unquoted), &quoted[at + 1..])),
            '\\' => unquoted.push(characters.next()?.1),
            other => unquoted.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const DIGEST: &str = "SHA-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=";

    fn found(asked: &str, fields: &[&str]) -> Vec<(String, u32)> {
        let mut headers = HeaderMap::new();
        headers.insert("digest", HeaderValue::from_static(DIGEST));
        for field in fields {
            headers.append(header::LINK, field.parse().unwrap());
        }
        mirrors(&headers, &asked.parse().unwrap())
            .into_iter()
            .map(|mirror| (mirror.url.to_string(), mirror.priority))
            .collect()
    }

    fn hosts(asked: &str, fields: &[&str]) -> Vec<String> {
        found(asked, fields).into_iter().map(|it| it.0).collect()
    }

    #[test]
    fn the_example_of_the_rfc_is_understood() {
        let fields = [
            "<http://www2.example.com/example.ext>; rel=duplicate; pri=1; pref",
            "<ftp://ftp.example.com/example.ext>; rel=duplicate; pri=2; geo=gb; depth=1",
            "<http://example.com/example.ext.torrent>; rel=describedby; type=\"application/x-bittorrent\"",
            "<http://example.com/example.ext.asc>; rel=describedby; type=\"application/pgp-signature\"",
        ];
        let expected = vec![("http://www2.example.com/example.ext".to_owned(), 1)];
        assert_eq!(found("http://example.com/example.ext", &fields), expected);
    }

    #[test]
    fn several_links_of_a_field_come_in_the_order_of_their_priorities() {
        let field = "<http://c/f>;rel=duplicate, </same>; REL=\"Duplicate other\";pri=\"7\" , \
                     <http://a/f;x,y>; title=\"a, \\\"b\\\"; rel=next\"; rel = duplicate ; pri=1,\
                     <http://d/f>; rel=duplicate; pri=0, <http://a/f;x,y>; rel=duplicate";
        let expected = [
            ("http://a/f;x,y", 1),
            ("http://h/same", 7),
            ("http://c/f", 999_999),
            ("http://d/f", 999_999),
        ];
        let expected = expected.map(|(url, priority)| (url.to_owned(), priority));
        assert_eq!(found("http://h/f", &[field]), expected);
    }

    #[test]
    fn what_is_less_secure_another_thing_or_not_a_place_is_passed_over() {
        for link in [
            "<http://m/f>; rel=duplicate",
            "<https://u:p@m/f>; rel=duplicate",
            "<ftp://m/f>; rel=duplicate",
            "<file:///etc/passwd>; rel=duplicate",
            "<https://m/f>; rel=duplicate; anchor=\"/other\"",
            "<https://m/f>; rel=next; rel=duplicate",
            "<https://m/f>",
            "<https://m/f; rel=duplicate",
            "<https://m/f>; rel=\"duplicate",
            "https://m/f; rel=duplicate",
            "<https://h/f#part>; rel=duplicate",
            "<https://>; rel=duplicate",
        ] {
            assert_eq!(hosts("https://h/f", &[link]), [""; 0], "{link}");
        }
        let good = "<https://m/f>; rel=duplicate";
        assert_eq!(hosts("https://h/f", &[good]), ["https://m/f"]);
        assert_eq!(hosts("http://h/f", &[good]), ["https://m/f"]);
    }

    #[test]
    fn without_a_digest_mirrors_say_nothing_and_of_many_the_first_count() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::LINK,
            HeaderValue::from_static("<http://m/f>; rel=duplicate"),
        );
        let url = "http://h/f".parse().unwrap();
        assert_eq!(mirrors(&headers, &url), []);
        headers.insert("digest", HeaderValue::from_static("MD5=AAAA"));
        assert_eq!(mirrors(&headers, &url), []);

        let many: Vec<_> = (1..=50)
            .map(|n| format!("<http://m{n}/f>; rel=duplicate; pri={}", 51 - n))
            .collect();
        let found = hosts("http://h/f", &[&many.join(", ")]);
        assert_eq!(found.len(), 32);
        assert_eq!(found[0], "http://m50/f");
    }
}
