//! The ways in which an answer can go wrong.
//!
//! Owns the vocabulary only; how a fault changes the plan of an answer is `plan`'s, how it happens on the wire is
//! `wire`'s. Every fault says what the client sees, in terms of RFC 9110 (semantics) and RFC 9112 (HTTP/1.1).

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::body::Body;

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The end of the TCP stream, on TLS without `close_notify`: what a crashed server or a middlebox does.
    Fin,
    /// The end of the TCP stream, on TLS after `close_notify`: what a server does that gives up in order.
    CloseNotify,
    /// A TCP reset, after the bytes before it were acknowledged.
    Reset,
}

/// The Retry-After field (RFC 9110, section 10.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// Delay in seconds.
    Seconds(u64),
    /// A moment, sent as an IMF-fixdate.
    Date(SystemTime),
    /// This text, valid or not.
    Raw(&'static str),
}

/// The content and the validators of a resource at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The content.
    pub body: Body,
    /// The `ETag` field's value with its quotes, and `W/` before it when weak.
    pub etag: Option<String>,
    /// The Last-Modified field's value.
    pub last_modified: Option<String>,
}

/// Whether a digest that is told is that of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// It is.
    Right,
    /// It is wrong in every byte.
    Wrong,
}

/// One way to misbehave. Several may apply to one answer; where two contradict each other the later one wins.
///
/// "After byte N" counts bytes of the answer's body as sent, not offsets in the file: a range that starts at 100
/// and is cut after byte 5 ends before offset 105.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    // The connection.
    /// Cuts the connection after that many bytes of the body.
    CutAfter(u64, Cut),
    /// Cuts the connection after that many bytes of the status line and header; 0 sends nothing at all.
    CutInHeader(usize, Cut),
    /// Sends that many bytes of the body, then nothing more, for as long as the client waits.
    StallAfter(u64),
    /// Sends that many bytes of the status line and header, then nothing more.
    StallInHeader(usize),
    /// Sends that many bytes of the body, then waits for the next `Origin::release`.
    HoldAfter(u64),
    /// Sends the body in drops: so many bytes every so often.
    SlowLoris(u64, Duration),
    /// Sends the body at this many bytes a second.
    Pace(u64),
    /// Waits before the status line.
    Delay(Duration),
    /// Closes after a complete answer; `announced` with `Connection: close`, else by surprise.
    CloseAfterwards {
        /// Whether the header tells the client so.
        announced: bool,
    },
    /// On TLS, ends the connection after a complete answer without `close_notify`.
    NoCloseNotify,

    // The status.
    /// Answers with this status code, a short text and, if given, Retry-After.
    Status(u16, Option<RetryAfter>),
    /// Answers with this code (301, 302, 303, 307 or 308) and this Location, absolute or relative.
    Redirect(u16, String),
    /// Redirects to the very same target, for ever.
    RedirectLoop(u16),
    /// Redirects to a new target each time, for ever: `/name?hop=1`, `/name?hop=2`, …
    RedirectChain(u16),
    /// Answers 416; with `Content-Range: bytes */N` if a total is given.
    Unsatisfiable(Option<u64>),
    /// Answers 401 with a Basic challenge unless the request has this user and password.
    RequireBasic(&'static str, &'static str),
    /// Answers 401 unless the scheme Digest (SHA-256) proves this user and password for this nonce; a proof for
    /// another nonce is stale.
    RequireDigest(&'static str, &'static str, &'static str),
    /// Sends this many interim answers with this code (100, 102 or 103) before the final one.
    Interim(u16, usize),
    /// Answers as HTTP/1.0.
    Http10,

    // Framing.
    /// Adds this to the true Content-Length. Too long: the connection closes early. Too short: bytes follow
    /// that belong to no answer, then the connection closes.
    LyingLength(i64),
    /// Sends no Content-Length: the body ends with the connection (RFC 9112, section 6.3, rule 8).
    NoLength,
    /// Sends the body in chunks, its size unknown in advance (RFC 9112, section 7.1).
    Chunked,
    /// Sends the body in chunks, of which the one at this byte has a size that is no number.
    BadChunk(u64),

    // Ranges.
    /// Answers 200 with the whole content to a request for a range.
    IgnoreRange,
    /// As `IgnoreRange`, and says `Accept-Ranges: none`.
    NoRanges,
    /// Moves a 206: the bytes come from `content` further on than asked, and Content-Range says `header` further
    /// on than asked. Equal: an honest answer to another question. `header` 0: the bytes are wrong and the
    /// header is as asked. `content` 0: the bytes are right and the header is wrong.
    ShiftRange {
        /// Added to the offsets of the bytes that are sent.
        content: i64,
        /// Added to the offsets in Content-Range.
        header: i64,
    },
    /// Answers a range with at most this many bytes, correctly labelled; a server may do that.
    ShortRange(u64),
    /// The total in Content-Range: this number, or `*`.
    RangeTotal(Option<u64>),
    /// A 206 without Content-Range.
    NoContentRange,
    /// A 206 of media type multipart/byteranges although one range was asked (RFC 9110, section 14.6).
    MultipartRange,
    /// Answers 206 although If-Range does not match.
    IgnoreIfRange,

    // Content and validators.
    /// The resource is another version.
    Become(Version),
    /// After that many bytes of the answer's body, the bytes come from another content of which the header knows
    /// nothing.
    SpliceAfter(u64, Body),
    /// Tells the SHA-256 of the bytes that the answer should have (Content-Digest, RFC 9530): the right one, or one that
    /// is wrong in every byte. What is spliced in does not change it.
    ContentDigest(Digest),
    /// Tells the SHA-256 of the whole content (Repr-Digest, RFC 9530), also with a part of it.
    ReprDigest(Digest),
    /// Sends the content gzipped with `Content-Encoding: gzip`, whatever the request accepts. Ranges are ignored.
    ForceGzip,

    // The header.
    /// Adds a field, for digests and for contradictions.
    Header(&'static str, String),
    /// Removes a field that would be sent.
    WithoutHeader(&'static str),
    /// Adds a header line as given, without its CRLF: bytes that no header may hold.
    RawHeaderLine(Bytes),
    /// Adds this many small fields.
    ManyHeaders(usize),
    /// Adds a field whose value has this many bytes.
    HugeHeader(usize),
    /// A status line whose reason has this many bytes.
    HugeStatusLine(usize),
    /// Sends these bytes instead of HTTP, then closes.
    Garbage(Bytes),
}

impl Fault {
    /// A status without Retry-After.
    pub fn status(code: u16) -> Self {
        Self::Status(code, None)
    }

    /// 503 with `Retry-After: seconds`.
    pub fn unavailable_for(seconds: u64) -> Self {
        Self::Status(503, Some(RetryAfter::Seconds(seconds)))
    }
}
