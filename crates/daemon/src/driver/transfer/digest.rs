//! Which checksum a run holds its file against: the caller's, or else the one that its origin tells (Repr-Digest,
//! RFC 9530, section 3).
//!
//! The origin's is a part of the version that the bytes are of ([`Validator::digest`]): it is stored with them, so that
//! a file that goes on after a restart is held against it although the later answers need not tell it again, and it goes
//! when the file starts again. It is of the whole remote file; ranges of it, and what went into a stream and cannot be
//! read again, are held against nothing.

use bgcopy_model::{Checksum, Condition, Validator};

use super::{Halt, Run, halt, sources::ORIGIN};
use crate::redact::shown;

impl Run<'_> {
    /// The checksum that the finished file must have.
    pub(super) fn expected(&self) -> Option<Checksum> {
        self.file
            .checksum
            .as_deref()
            .copied()
            .or_else(|| self.told())
    }

    /// What the origin told.
    fn told(&self) -> Option<Checksum> {
        let version = self.version.as_ref().filter(|_| self.layout.is_whole());
        version.and_then(|version| version.digest.as_deref().copied())
    }

    /// Lets the bytes be hashed on their way, once the version is known that they are of.
    pub(super) fn expect_digest(&self) {
        if let Ok(temporary) = self.temporary() {
            temporary.expect(self.expected().map(|checksum| checksum.algorithm));
        }
    }

    /// Fails when an answer tells beforehand that its file is not the one that the caller expects: no byte of it need
    /// be fetched to know.
    pub(super) fn is_the_expected(&self, place: usize, version: &Validator) -> Result<(), Halt> {
        let expected = self.file.checksum.as_deref();
        let known = expected.zip(version.digest.as_deref());
        let Some((expected, told)) = known.filter(|_| self.layout.is_whole()) else {
            return Ok(());
        };
        if expected.algorithm != told.algorithm || expected == told {
            return Ok(());
        }
        let whose = if place == ORIGIN { "origin" } else { "mirror" };
        let detail = format!(
            "{} has the checksum {told} by its {whose}'s own word, not {expected}",
            shown(self.sources.url(place))
        );
        Err(halt(Condition::DigestMismatch, detail))
    }

    /// What does not have the checksum that it must have.
    pub(super) fn has_another_digest(&self, found: Checksum, expected: Checksum) -> Halt {
        let whose = if self.file.checksum.is_some() {
            ""
        } else {
            ", which its origin told"
        };
        let detail = format!(
            "{} has the checksum {found}, not {expected}{whose}; nothing of it is kept",
            shown(
                self.sources
                    .whose()
                    .map_or(&self.file.url, |place| self.sources.url(place))
            )
        );
        halt(Condition::DigestMismatch, detail)
    }
}

impl Halt {
    /// Whether the bytes that came are not those that should have come.
    pub(super) const fn is_mismatch(&self) -> bool {
        matches!(self, Self::Trouble(trouble) if matches!(trouble.condition, Condition::DigestMismatch))
    }
}
