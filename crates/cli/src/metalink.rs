//! Metalink documents (RFC 5854): files with their names, hashes and the places that have them.
//!
//! Owns the reading of the document and what of it can be used: a plain name, a SHA-256, http and https URLs. Whoever
//! wrote the document is believed as little as an origin: no name of it leaves the folder that the user named, none is
//! hidden, and none takes the place of a file that is there. What a document says of pieces, signatures, languages and
//! peers is passed over.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a document that the user names, read with the user's own rights, and whether the user has such a file already"
)]

use std::{
    collections::BTreeSet,
    fs::File,
    io::Read as _,
    path::{Component, Path},
};

use bgcopy_client::{Checksum, FileRequest};
use roxmltree::{Document, Node};
use url::Url;

use crate::{
    failure::{Exit, Failure, say},
    format::clean,
};

/// The namespace of version 4, the one of RFC 5854.
const NAMESPACE: &str = "urn:ietf:params:xml:ns:metalink";

/// Bytes of the largest document that is read.
const LARGEST: u64 = 16 << 20;

/// The priority of a URL of which the document says none (RFC 5854, section 4.2.16.3).
const LAST: u32 = 999_999;

/// The most mirrors that the service takes for a file.
const MIRRORS: usize = 32;

/// A file of a document. There is at least one URL.
#[derive(Debug)]
pub struct Described {
    /// One component, or several below a folder of its own.
    name: String,
    checksum: Option<Checksum>,
    /// With their priorities, the best first.
    urls: Vec<(Url, u32)>,
}

/// Reads the document at `path`.
pub fn read(path: &Path) -> Result<Vec<Described>, Failure> {
    let wrong = |why: String| {
        let shown = path.display();
        Failure::new(Exit::Usage, format!("the Metalink file {shown}: {why}"))
    };
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mut text = String::new();
    let read = file.take(LARGEST + 1).read_to_string(&mut text);
    read.map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > LARGEST {
        return Err(wrong(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    parse(&text).map_err(wrong)
}

/// What the service is to fetch, into `folder`, which is absolute; or, where one name was given, under that one.
pub fn requests(
    files: Vec<Described>,
    folder: &Path,
    name: Option<&Path>,
) -> Result<Vec<FileRequest>, Failure> {
    if name.is_some() && files.len() > 1 {
        return Err(Failure::new(
            Exit::Usage,
            "-o names one file, and the Metalink file has several; use -d and a folder",
        ));
    }
    files
        .into_iter()
        .map(|file| {
            let path = name.map_or_else(|| folder.join(&file.name), Path::to_owned);
            if name.is_none() && path.symlink_metadata().is_ok() {
                return Err(Failure::new(
                    Exit::Usage,
                    format!(
                        "{} is there already, and a Metalink file replaces nothing; name another folder with -d",
                        path.display()
                    ),
                ));
            }
            Ok(file.request(&path))
        })
        .collect()
}

impl Described {
    fn request(self, path: &Path) -> FileRequest {
        let mut urls = self.urls.into_iter();
        let first = urls.next().map(|(url, _)| url.to_string());
        let request = FileRequest::new(first.unwrap_or_default(), path);
        let Some(checksum) = self.checksum else {
            if urls.len() > 0 {
                say(&format!(
                    "the Metalink file has no SHA-256 for {}, so it is fetched from its first URL alone",
                    self.name
                ));
            }
            return request;
        };
        let request = request.checksum(checksum);
        urls.take(MIRRORS)
            .fold(request, |request, (url, priority)| {
                request.mirror(url.as_str(), priority)
            })
    }
}

/// The files of a document; the error says in a phrase what is wrong with it. Its DTD, if there is one, is refused: with
/// it an entity could stand for gigabytes.
fn parse(text: &str) -> Result<Vec<Described>, String> {
    let document = Document::parse(text).map_err(|error| match error {
        roxmltree::Error::DtdDetected => "it has a document type, which is not read".to_owned(),
        error => format!("it is no XML: {error}"),
    })?;
    let root = document.root_element();
    if root.has_tag_name("metalink") && root.tag_name().namespace() != Some(NAMESPACE) {
        return Err("it is of Metalink 3; only version 4 (RFC 5854, .meta4) is read".to_owned());
    }
    if !root.has_tag_name((NAMESPACE, "metalink")) {
        return Err("it is no Metalink document (RFC 5854)".to_owned());
    }
    let files = children(root, "file")
        .map(described)
        .collect::<Result<Vec<_>, _>>()?;
    if files.is_empty() {
        return Err("it names no file".to_owned());
    }
    let mut names = BTreeSet::new();
    match files.iter().find(|file| !names.insert(&file.name)) {
        Some(twice) => Err(format!("it has two files {:?}", twice.name)),
        None => Ok(files),
    }
}

fn described(file: Node<'_, '_>) -> Result<Described, String> {
    let name = file.attribute("name").unwrap_or_default();
    if !is_safe(name) {
        let name = clean(name);
        return Err(format!("{name:?} is no name that a file may have here"));
    }
    // RFC 5854, section 4.2.14: it must be a number. The hash tells more than the size would.
    for size in children(file, "size") {
        if text(size).parse::<u64>().is_err() {
            return Err(format!("the size of {name} is no number"));
        }
    }
    let mut checksum = None;
    for hash in children(file, "hash").filter(|hash| hash.attribute("type") == Some("sha-256")) {
        let found = format!("sha256:{}", text(hash)).parse();
        let found: Checksum = found.map_err(|error| format!("{name}: {error}"))?;
        if checksum.is_some_and(|checksum| checksum != found) {
            return Err(format!("{name} has two different SHA-256"));
        }
        checksum = Some(found);
    }
    let mut urls = children(file, "url")
        .filter_map(|url| location(name, url).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    if urls.is_empty() {
        return Err(format!("{name} has no http or https URL"));
    }
    // Equals stay as they stand in the document.
    urls.sort_by_key(|(_, priority)| *priority);
    Ok(Described {
        name: name.to_owned(),
        checksum,
        urls,
    })
}

/// A URL with its priority; none when it is of another scheme, which the document may well have.
fn location(name: &str, node: Node<'_, '_>) -> Result<Option<(Url, u32)>, String> {
    let url = Url::parse(&text(node)).map_err(|error| format!("a URL of {name}: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Ok(None);
    }
    let priority = match node.attribute("priority") {
        None => LAST,
        Some(text) => text
            .parse()
            .ok()
            .filter(|priority| (1..=LAST).contains(priority))
            .ok_or_else(|| format!("a priority of {name} is no number from 1 to {LAST}"))?,
    };
    Ok(Some((url, priority)))
}

/// Whether a name stays below the folder that it is put into (RFC 5854, section 4.1.2.1), and shows itself there.
fn is_safe(name: &str) -> bool {
    let path = Path::new(name);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let part_is_good = |part: &str| {
        let length = 1..=255;
        length.contains(&part.len()) && !part.starts_with('.')
    };
    plain && name.split('/').all(part_is_good) && !name.chars().any(char::is_control)
}

fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.has_tag_name((NAMESPACE, name)))
}

/// The text of an element, without the comments in it.
fn text(node: Node<'_, '_>) -> String {
    let parts = node
        .children()
        .filter_map(|child| child.is_text().then(|| child.text())?);
    parts.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(files: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink xmlns=\"{NAMESPACE}\">{files}</metalink>"
        )
    }

    fn refused(text: &str) -> String {
        parse(text).expect_err(text)
    }

    const ONE: &str = "<url>http://h/x</url>";

    #[test]
    fn the_example_of_the_rfc_is_understood() {
        let text = document(
            r#"<published>2009-05-15T12:23:23Z</published>
            <file name="example.ext">
              <size>14471447</size>
              <identity>Example</identity>
              <version>1.0</version>
              <language>en</language>
              <description>A description of the example file for download.</description>
              <hash type="sha-256">3d6fece8033d146d8611eab4f032df738c8c1283620fd02a1f2bfec6e27d590d</hash>
              <hash type="md5">00</hash>
              <pieces length="1048576" type="sha-256"><hash>00</hash></pieces>
              <url location="de" priority="1">ftp://ftp.example.com/example.ext</url>
              <url location="fr" priority="2">http://example.com/example.ext</url>
              <url>https://example.net/example.ext</url>
              <url priority="1">https://example.org/example.ext</url>
              <metaurl mediatype="torrent" priority="2">http://example.com/example.ext.torrent</metaurl>
              <signature mediatype="application/pgp-signature">x</signature>
            </file>
            <file name="example2.ext"><url>http://example.com/2</url></file>"#,
        );
        let files = parse(&text).unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].name, "example.ext");
        let urls: Vec<_> = files[0]
            .urls
            .iter()
            .map(|(url, n)| (url.as_str(), *n))
            .collect();
        let expected = [
            ("https://example.org/example.ext", 1),
            ("http://example.com/example.ext", 2),
            ("https://example.net/example.ext", 999_999),
        ];
        assert_eq!(urls, expected);
        let checksum = files[0].checksum.map(|checksum| checksum.to_string());
        let hex = "3d6fece8033d146d8611eab4f032df738c8c1283620fd02a1f2bfec6e27d590d";
        assert_eq!(checksum, Some(format!("sha256:{hex}")));
        assert!(files[1].checksum.is_none());
    }

    #[test]
    fn a_comment_within_a_url_is_no_end_of_it() {
        let text = document("<file name=\"x\"><url>http://h/a<!-- and -->b</url></file>");
        assert_eq!(parse(&text).unwrap()[0].urls[0].0.as_str(), "http://h/ab");
    }

    #[test]
    fn no_name_leaves_its_folder_or_hides() {
        for name in [
            "",
            "/etc/passwd",
            "..",
            "../x",
            "a/../../x",
            "a/..",
            "./x",
            "a/./x",
            "a//x",
            "a/",
            "/",
            ".bashrc",
            "a/.ssh",
            "a&#10;b",
            "a&#x9b;b",
        ] {
            let error = refused(&document(&format!("<file name=\"{name}\">{ONE}</file>")));
            assert!(error.contains("no name"), "{name:?}: {error}");
        }
        let unnamed = refused(&document(&format!("<file>{ONE}</file>")));
        assert!(unnamed.contains("no name"), "{unnamed}");
        for name in ["x", "ä b.iso", "folder/x", "a..b"] {
            let text = document(&format!("<file name=\"{name}\">{ONE}</file>"));
            assert_eq!(parse(&text).unwrap()[0].name, name);
        }
    }

    #[test]
    fn what_is_no_metalink_or_contradicts_itself_is_refused_with_what_is_wrong() {
        let file = |inner: &str| document(&format!("<file name=\"x\">{inner}</file>"));
        let hash = |digit: &str| format!("<hash type=\"sha-256\">{}</hash>", digit.repeat(64));
        for (text, words) in [
            ("<html>".to_owned(), "no XML"),
            ("<html/>".to_owned(), "no Metalink document"),
            (
                "<metalink xmlns=\"http://www.metalinker.org/\"/>".to_owned(),
                "Metalink 3",
            ),
            (document(""), "names no file"),
            (file(""), "no http or https URL"),
            (file("<url>ftp://h/x</url>"), "no http or https URL"),
            (file("<url>x</url>"), "a URL of x"),
            (file(&format!("<size>many</size>{ONE}")), "size"),
            (file("<url priority=\"0\">http://h/x</url>"), "priority"),
            (
                file("<url priority=\"1000000\">http://h/x</url>"),
                "priority",
            ),
            (
                file(&format!("<hash type=\"sha-256\">00</hash>{ONE}")),
                "64",
            ),
            (
                file(&format!("{}{}{ONE}", hash("0"), hash("1"))),
                "two different",
            ),
            (
                document(&format!("<file name=\"x\">{ONE}</file>").repeat(2)),
                "two files",
            ),
            (
                format!("<!DOCTYPE metalink [<!ENTITY a \"aaaa\">]>{}", file(ONE)),
                "document type",
            ),
        ] {
            let error = refused(&text);
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
