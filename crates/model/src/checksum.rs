//! A digest that the caller expects of a whole file.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The hash algorithms that a caller can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// BLAKE3, the content identity of this project.
    Blake3,
}

impl Algorithm {
    /// The name before the colon in `sha256:…`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Blake3 => "blake3",
        }
    }
}

/// An expected digest of 32 bytes, written `sha256:<64 hex digits>` or `blake3:<64 hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The digest.
    pub digest: [u8; 32],
}

/// Why a text is no checksum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseChecksumError {
    /// The part before the colon names no known algorithm.
    #[error("unknown checksum algorithm in {0:?}; write sha256:HEX or blake3:HEX")]
    Algorithm(String),
    /// The part after the colon is not 64 hexadecimal digits.
    #[error("a {algorithm} checksum has 64 hexadecimal digits, this one is {found:?}")]
    Digest {
        /// The algorithm named.
        algorithm: &'static str,
        /// What stood after the colon.
        found: String,
    },
}

impl FromStr for Checksum {
    type Err = ParseChecksumError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, hex) = text
            .split_once(':')
            .ok_or_else(|| ParseChecksumError::Algorithm(text.to_owned()))?;
        let algorithm = match name.to_ascii_lowercase().as_str() {
            "sha256" | "sha-256" => Algorithm::Sha256,
            "blake3" => Algorithm::Blake3,
            _ => return Err(ParseChecksumError::Algorithm(text.to_owned())),
        };
        let bad = || ParseChecksumError::Digest {
            algorithm: algorithm.name(),
            found: hex.to_owned(),
        };
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(bad());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16).ok_or_else(bad);
            let value = digit(pair[0])? << 4 | digit(pair[1])?;
            *byte = u8::try_from(value).map_err(|_| bad())?;
        }
        Ok(Self { algorithm, digest })
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.algorithm.name())?;
        self.digest
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Checksum {
    type Error = ParseChecksumError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_reads_back_what_it_prints() {
        let text = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert_eq!(text.parse::<Checksum>().unwrap().to_string(), text);
    }

    #[test]
    fn bad_checksums_are_refused_with_what_was_wrong() {
        for (text, word) in [
            ("", "algorithm"),
            ("md5:00", "algorithm"),
            ("sha256:00", "64"),
            (
                "blake3:zz86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "64",
            ),
            ("sha256:é", "64"),
        ] {
            let error = text.parse::<Checksum>().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
