//! Digests that an answer carries (RFC 9530, and its forerunner RFC 3230): of its own content, and of the whole file.
//!
//! Owns the reading of the fields and the comparison with the bytes of an answer. SHA-256 and SHA-512 count; what is
//! unknown or insecure (RFC 9530, section 5) is passed over, for who forges bytes can forge those. A field that is
//! malformed counts as not sent (RFC 9651, section 4.2), and so does a digest of the wrong length: neither says
//! anything that the bytes could contradict.

use std::{convert::Infallible, fmt};

use bgcopy_model::{Algorithm, Checksum};
use http::{HeaderMap, HeaderName};
use sfv::{
    BareItemFromInput, KeyRef, Parser,
    visitor::{
        DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ParameterVisitor,
    },
};
use sha2::{Digest as _, Sha256, Sha512};

use crate::encoding::base64_decode;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const DIGEST: HeaderName = HeaderName::from_static("digest");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The digest of the whole file, which every answer may tell, also one that brings a part of it (RFC 9530,
/// section 3). SHA-512 alone tells nothing here: no finished file is held against it. Where there is no such field,
/// the one that it came from counts, which sends mirrors along (RFC 6249, section 6).
pub(crate) fn of_representation(headers: &HeaderMap) -> Option<Checksum> {
    let digest = match Digests::read(headers, &REPR_DIGEST) {
        Some(digests) => digests.sha256?,
        None => of_instance(headers)?,
    };
    Some(Checksum {
        algorithm: Algorithm::Sha256,
        digest,
    })
}

/// SHA-256 from a Digest field (RFC 3230, section 4.3.2): a list of `algorithm=base64`, names in any case. Two that
/// differ tell nothing.
fn of_instance(headers: &HeaderMap) -> Option<[u8; 32]> {
    let lines = headers.get_all(DIGEST).iter();
    let mut told = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter_map(|item| {
            let item = item.trim_ascii();
            let at = item.iter().position(|byte| *byte == b'=')?;
            let (algorithm, value) = (&item[..at], &item[at + 1..]);
            algorithm
                .eq_ignore_ascii_case(b"sha-256")
                .then(|| base64_decode(value)?.try_into().ok())?
        });
    let first = told.next()?;
    told.all(|other| other == first).then_some(first)
}

/// What the bytes of one answer are held against while they come (RFC 9530, section 2): each digest that was sent.
pub(crate) struct ContentDigest {
    sha256: Option<(Sha256, [u8; 32])>,
    sha512: Option<(Sha512, [u8; 64])>,
}

impl ContentDigest {
    /// Nothing is hashed where nothing is told.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let told = Digests::read(headers, &CONTENT_DIGEST)?;
        Some(Self {
            sha256: told.sha256.map(|told| (Sha256::new(), told)),
            sha512: told.sha512.map(|told| (Sha512::new(), told)),
        })
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some((hash, _)) = &mut self.sha256 {
            hash.update(bytes);
        }
        if let Some((hash, _)) = &mut self.sha512 {
            hash.update(bytes);
        }
    }

    /// There are no more.
    pub(crate) fn check(self) -> Result<(), Mismatch> {
        if let Some((hash, told)) = self.sha256 {
            Mismatch::unless_same("SHA-256", &hash.finalize(), &told)?;
        }
        if let Some((hash, told)) = self.sha512 {
            Mismatch::unless_same("SHA-512", &hash.finalize(), &told)?;
        }
        Ok(())
    }
}

/// Bytes that have another digest than was told.
#[derive(Debug)]
pub(crate) struct Mismatch {
    algorithm: &'static str,
    found: Vec<u8>,
    told: Vec<u8>,
}

impl Mismatch {
    fn unless_same(algorithm: &'static str, found: &[u8], told: &[u8]) -> Result<(), Self> {
        if found == told {
            return Ok(());
        }
        Err(Self {
            algorithm,
            found: found.to_vec(),
            told: told.to_vec(),
        })
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "have the {} digest ", self.algorithm)?;
        hex(f, &self.found)?;
        f.write_str(", not ")?;
        hex(f, &self.told)?;
        f.write_str(" as its Content-Digest says")
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// What a field told. At least one is there.
struct Digests {
    sha256: Option<[u8; 32]>,
    sha512: Option<[u8; 64]>,
}

impl Digests {
    fn read(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        // Several lines of one field are one dictionary (RFC 9651, section 4.2).
        let lines = headers.get_all(name).iter();
        let lines: Vec<_> = lines.map(http::HeaderValue::as_bytes).collect();
        if lines.is_empty() {
            return None;
        }
        let text = lines.join(&b", "[..]);
        let members = Parser::new(&text).parse_dictionary_with_visitor(Members::default());
        let Members { sha256, sha512 } = members.ok()?;
        let told = Self {
            sha256: sha256.and_then(|bytes| bytes.try_into().ok()),
            sha512: sha512.and_then(|bytes| bytes.try_into().ok()),
        };
        (told.sha256.is_some() || told.sha512.is_some()).then_some(told)
    }
}

/// The members of a dictionary that are of use, where they are byte sequences.
#[derive(Default)]
struct Members {
    sha256: Option<Vec<u8>>,
    sha512: Option<Vec<u8>>,
}

impl<'de> DictionaryVisitor<'de> for Members {
    type Out = Self;
    type Error = Infallible;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Infallible> {
        let member = match key.as_str() {
            "sha-256" => &mut self.sha256,
            "sha-512" => &mut self.sha512,
            _ => return Ok(None),
        };
        // The last of several members of one name counts, whatever it is.
        *member = None;
        Ok(Some(Member(member)))
    }

    fn finish(self) -> Result<Self, Infallible> {
        Ok(self)
    }
}

struct Member<'a>(&'a mut Option<Vec<u8>>);

impl<'de> EntryVisitor<'de> for Member<'_> {
    type Error = Infallible;

    fn item(self) -> Result<impl ItemVisitor<'de>, Infallible> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Infallible> {
        Ok(Ignored)
    }
}

impl<'de> ItemVisitor<'de> for Member<'_> {
    type Out = ();
    type Error = Infallible;

    fn bare_item(
        self,
        item: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, Infallible> {
        if let BareItemFromInput::ByteSequence(bytes) = item {
            *self.0 = Some(bytes);
        }
        Ok(Ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digests of `{"hello": "world"}` and a line feed (RFC 9530, appendices A and B).
    const SHA256: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    const SHA512: &str = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCs\
                          yRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:";
    const BYTES: &[u8] = b"{\"hello\": \"world\"}\n";

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let name = HeaderName::from_static(name);
        values.iter().fold(HeaderMap::new(), |mut map, value| {
            map.append(&name, value.parse().unwrap());
            map
        })
    }

    fn told(values: &[&str]) -> Option<String> {
        of_representation(&headers("repr-digest", values)).map(|told| told.to_string())
    }

    fn checked(value: &str, bytes: &[u8]) -> Option<Result<(), String>> {
        let mut digest = ContentDigest::of(&headers("content-digest", &[value]))?;
        for chunk in bytes.chunks(5) {
            digest.update(chunk);
        }
        Some(digest.check().map_err(|mismatch| mismatch.to_string()))
    }

    #[test]
    fn the_digest_of_the_file_is_read_from_among_others() {
        let hex = "sha256:44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38";
        for values in [
            &[SHA256][..],
            &[&format!("md5=:Sd/dVLAcvNLSq16eXua5uQ==:, {SHA256}")],
            &[&format!("{SHA256};a=1;b=\"x\", new=(1 2.5 t);q, flag")],
            &[SHA512, SHA256],
            &["sha-256=:AAAA:", SHA256],
            &["sha-256=7", SHA256],
        ] {
            assert_eq!(told(values).as_deref(), Some(hex), "{values:?}");
        }
    }

    #[test]
    fn what_is_malformed_unknown_or_too_short_tells_nothing() {
        for value in [
            "",
            "sha-256",
            "sha-256=1",
            "sha-256=(:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:)",
            "sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
            "SHA-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
            "sha-256=:AAAA:",
            "md5=:Sd/dVLAcvNLSq16eXua5uQ==:, sha=:AAAA:, unixsum=:AAAA:",
            SHA512,
            &format!("{SHA256},"),
            &format!("{SHA256} md5"),
        ] {
            assert_eq!(told(&[value]), None, "{value:?}");
        }
        assert_eq!(told(&[SHA256, "sha-256=?1"]), None, "the last one counts");
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn the_older_field_tells_where_the_newer_does_not() {
        let hex = "sha256:44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38";
        let value = &SHA256["sha-256=:".len()..SHA256.len() - 1];
        let older = |text: &str| {
            let told = of_representation(&headers("digest", &[text]));
            told.map(|told| told.to_string())
        };
        assert_eq!(older(&format!("SHA-256={value}")).as_deref(), Some(hex));
        let among = format!("MD5=AAAA, sha-256={value},SHA-256={value}");
        assert_eq!(older(&among).as_deref(), Some(hex));
        for wrong in [
            "",
            "SHA-256",
            "SHA-256=AAAA",
            &format!("SHA={value}"),
            &format!("SHA-256={}", value.replace('/', "_")),
            &format!("SHA-256={value}, SHA-256={}=", "A".repeat(43)),
        ] {
            assert_eq!(older(wrong), None, "{wrong:?}");
        }
        let mut both = headers("digest", &[&format!("SHA-256={}=", "A".repeat(43))]);
        both.extend(headers("repr-digest", &[SHA256]));
        let told = of_representation(&both).map(|told| told.to_string());
        assert_eq!(told.as_deref(), Some(hex), "the newer goes first");
    }

    #[test]
    fn each_digest_of_a_content_is_checked_and_a_mismatch_names_both() {
        for value in [SHA256, SHA512, &format!("{SHA256}, {SHA512}, md5=:AAAA:")] {
            assert_eq!(checked(value, BYTES), Some(Ok(())), "{value}");
            let error = checked(value, &BYTES[1..]).unwrap().unwrap_err();
            assert!(error.contains(" digest ") && error.contains(", not "));
        }
        let both = format!("sha-256=:{}:, {SHA512}", "A".repeat(43) + "=");
        let error = checked(&both, BYTES).unwrap().unwrap_err();
        let found = "44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38";
        assert!(error.contains(found), "{error}");
        assert!(error.contains(&"00".repeat(32)), "{error}");
        assert_eq!(checked("md5=:AAAA:", BYTES), None);
    }
}
