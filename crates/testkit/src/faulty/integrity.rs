//! The digests that an answer tells of its bytes (RFC 9530), right and wrong.

use sha2::{Digest as _, Sha256};

use super::body::Body;
use super::fault::{Digest, Fault};
use super::head::Head;
use super::plan::Segment;
use super::request::base64;

/// Sets the fields that the faults ask for, of an answer that brings `sent` of `whole`.
pub(super) fn tell(head: &mut Head, sent: &[Segment], whole: &Body, faults: &[Fault]) {
    for fault in faults {
        match fault {
            Fault::ContentDigest(told) => head.set("Content-Digest", field(content(sent), *told)),
            Fault::ReprDigest(told) => head.set("Repr-Digest", field(whole.sha256_bytes(), *told)),
            _ => {}
        }
    }
}

fn field(mut digest: [u8; 32], told: Digest) -> String {
    if told == Digest::Wrong {
        digest = digest.map(|byte| !byte);
    }
    format!("sha-256=:{}:", base64(&digest))
}

fn content(segments: &[Segment]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    for segment in segments {
        let (mut offset, end) = (segment.offset, segment.offset + segment.len);
        while offset < end {
            let most = usize::try_from(end - offset).unwrap_or(usize::MAX);
            let most = most.min(buffer.len());
            let read = segment.source.read_at(offset, &mut buffer[..most]);
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            offset += read as u64;
        }
    }
    hasher.finalize().into()
}
