//! From a request, a resource and its faults to the plan of an answer: pure, no socket, no clock.
//!
//! Owns what is said; `wire` owns when and how the bytes leave. Without faults a plan follows RFC 9110 for GET and
//! HEAD, one range, If-Range and Accept-Ranges.

use std::time::{Duration, SystemTime};

use super::body::Body;
use super::date::http_date;
use super::digest::{self, Worth};
use super::fault::{Cut, Fault, RetryAfter, Version};
use super::range::{self, Asked};
use super::request::{Request, base64};
use super::resource::Resource;
use super::{gzip, head::Head, integrity};

/// What will be sent.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) status: Option<u16>,
    /// Waited before anything is sent.
    pub(super) delay: Duration,
    /// Interim answers, complete.
    pub(super) interim: Vec<u8>,
    /// Status line and header, complete.
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<Segment>,
    pub(super) framing: Framing,
    /// What happens to the connection after a complete answer; `None` keeps it.
    pub(super) close: Option<Cut>,
    /// What happens on the way.
    pub(super) stops: Stops,
    pub(super) pace: Option<Pace>,
}

/// A piece of a body.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) source: Body,
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// How a body is delimited on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Plain,
    /// In chunks; the size of the one that starts at the given byte of the body is spoilt.
    Chunked(Option<u64>),
}

/// Where the sending of an answer stops.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Stops {
    pub(super) cut_head: Option<(usize, Cut)>,
    pub(super) stall_head: Option<usize>,
    pub(super) cut: Option<(u64, Cut)>,
    pub(super) stall: Option<u64>,
    pub(super) hold: Option<u64>,
}

/// How fast a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// So many bytes, then a pause.
    Drip(u64, Duration),
    /// So many bytes a second.
    Rate(u64),
}

/// The last fault of a kind, as the later one wins.
macro_rules! last {
    ($faults:expr, $pattern:pat => $value:expr) => {
        $faults.iter().rev().find_map(|fault| match fault {
            $pattern => Some($value),
            _ => None,
        })
    };
}

/// Status, fields and content before framing.
struct Answer {
    status: u16,
    head: Head,
    body: Vec<Segment>,
}

/// Plans the answer to the `nth` request for a resource; `None` is a target that nothing was served under.
pub(super) fn plan(
    request: &Request,
    resource: Option<&Resource>,
    nth: u64,
    now: SystemTime,
) -> Plan {
    let faults = resource
        .map(|resource| resource.faults(nth))
        .unwrap_or_default();
    if let Some(bytes) = last!(faults, Fault::Garbage(bytes) => bytes.to_vec()) {
        return garbage(bytes, &faults);
    }
    let mut answer = match resource {
        None => text(404, "nothing is served here"),
        Some(_) if request.method != "GET" && request.method != "HEAD" => {
            let mut answer = text(405, "only GET and HEAD");
            answer.head.set("Allow", "GET, HEAD");
            answer
        }
        Some(resource) => faults
            .iter()
            .rev()
            .find_map(|fault| instead(fault, request))
            .unwrap_or_else(|| content(request, resource, &faults, now)),
    };
    answer.head.set("Date", http_date(now));
    frame(request, answer, &faults)
}

/// The answer that a fault puts in the place of the content.
fn instead(fault: &Fault, request: &Request) -> Option<Answer> {
    match fault {
        Fault::Status(code, retry_after) => {
            let mut answer = text(*code, "as scripted");
            match retry_after {
                Some(RetryAfter::Seconds(s)) => answer.head.set("Retry-After", s.to_string()),
                Some(RetryAfter::Date(date)) => answer.head.set("Retry-After", http_date(*date)),
                Some(RetryAfter::Raw(raw)) => answer.head.set("Retry-After", *raw),
                None => {}
            }
            Some(answer)
        }
        Fault::Redirect(code, to) => Some(redirect(*code, to)),
        Fault::RedirectLoop(code) => Some(redirect(*code, request.origin_form())),
        Fault::RedirectChain(code) => {
            let target = request.origin_form();
            let (path, hop) = target.split_once("?hop=").unwrap_or((target, "0"));
            let next = hop.parse::<u64>().unwrap_or(0) + 1;
            Some(redirect(*code, &format!("{path}?hop={next}")))
        }
        Fault::Unsatisfiable(total) => {
            let mut answer = text(416, "as scripted");
            if let Some(total) = total {
                answer.head.set("Content-Range", format!("bytes */{total}"));
            }
            Some(answer)
        }
        Fault::RequireBasic(user, password) => {
            let expected = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
            if request.header("Authorization") == Some(expected.as_str()) {
                return None;
            }
            let mut answer = text(401, "who are you?");
            answer.head.set(
                "WWW-Authenticate",
                "Basic realm=\"testkit\", charset=\"UTF-8\"",
            );
            Some(answer)
        }
        Fault::RequireDigest(user, password, nonce) => {
            let given = request.header("Authorization");
            let worth = digest::check(given, &request.method, (user, password), nonce);
            if worth == Worth::Right {
                return None;
            }
            let mut answer = text(401, "who are you?");
            let challenge = digest::challenge(nonce, worth);
            answer.head.set("WWW-Authenticate", challenge);
            Some(answer)
        }
        _ => None,
    }
}

/// The content or the part of it that is asked for.
fn content(request: &Request, resource: &Resource, faults: &[Fault], now: SystemTime) -> Answer {
    let version =
        last!(faults, Fault::Become(version) => version).unwrap_or_else(|| resource.version());
    let mut head = Head::default();
    head.set("Content-Type", "application/octet-stream");
    if let Some(etag) = &version.etag {
        head.set("ETag", etag);
    }
    if let Some(date) = &version.last_modified {
        head.set("Last-Modified", date);
    }
    for (name, value) in resource.headers() {
        head.set(name, value);
    }
    if faults.contains(&Fault::ForceGzip) {
        let body = Body::from(gzip::stored(&version.body.to_vec()));
        head.set("Content-Encoding", "gzip");
        let body = vec![Segment {
            offset: 0,
            len: body.len(),
            source: body,
        }];
        return Answer {
            status: 200,
            head,
            body,
        };
    }
    head.set(
        "Accept-Ranges",
        if faults.contains(&Fault::NoRanges) {
            "none"
        } else {
            "bytes"
        },
    );

    let total = version.body.len();
    let mut answer = match asked(request, version, faults, now) {
        Asked::Whole => {
            let body = vec![Segment {
                source: version.body.clone(),
                offset: 0,
                len: total,
            }];
            Answer {
                status: 200,
                head,
                body,
            }
        }
        Asked::Part(first, last) => part(&version.body, head, (first, last), faults),
        Asked::Unsatisfiable => {
            let mut answer = text(416, "there is no such part");
            answer.head.set("Content-Range", format!("bytes */{total}"));
            answer
        }
    };
    integrity::tell(&mut answer.head, &answer.body, &version.body, faults);
    if let Some((after, other)) = last!(faults, Fault::SpliceAfter(n, other) => (*n, other)) {
        splice(&mut answer.body, after, other);
    }
    answer
}

fn asked(request: &Request, version: &Version, faults: &[Fault], now: SystemTime) -> Asked {
    let ignored = faults.contains(&Fault::IgnoreRange) || faults.contains(&Fault::NoRanges);
    // Range is defined for GET alone (RFC 9110, section 14.2).
    if ignored || request.method != "GET" {
        return Asked::Whole;
    }
    let holds = faults.contains(&Fault::IgnoreIfRange)
        || range::if_range_holds(request.header("If-Range"), version, now);
    range::asked(
        request.header("Range").filter(|_| holds),
        version.body.len(),
    )
}

/// A 206, or what its faults make of it.
fn part(body: &Body, mut head: Head, (first, last): (u64, u64), faults: &[Fault]) -> Answer {
    let total = body.len();
    let shortest = last!(faults, Fault::ShortRange(n) => *n).unwrap_or(u64::MAX);
    let len = (last - first + 1).min(shortest);
    let last = first + len.max(1) - 1;
    let (content, header) =
        last!(faults, Fault::ShiftRange { content, header } => (*content, *header))
            .unwrap_or_default();
    // Bytes from beyond the end do not exist: the part then ends at the end.
    let offset = first.saturating_add_signed(content).min(total - len);
    let told = (
        first.saturating_add_signed(header),
        last.saturating_add_signed(header),
    );
    let total = match last!(faults, Fault::RangeTotal(total) => *total) {
        Some(Some(total)) => total.to_string(),
        Some(None) => "*".to_owned(),
        None => total.to_string(),
    };
    let content_range = format!("bytes {}-{}/{total}", told.0, told.1);
    let mut segments = vec![Segment {
        source: body.clone(),
        offset,
        len,
    }];
    if faults.contains(&Fault::MultipartRange) {
        let media_type = head.value("Content-Type").unwrap_or_default().to_owned();
        let start = format!(
            "--THIS-PART\r\nContent-Type: {media_type}\r\nContent-Range: {content_range}\r\n\r\n"
        );
        segments.insert(0, literal(start));
        segments.push(literal("\r\n--THIS-PART--\r\n".to_owned()));
        head.set("Content-Type", "multipart/byteranges; boundary=THIS-PART");
    } else if !faults.contains(&Fault::NoContentRange) {
        head.set("Content-Range", content_range);
    }
    Answer {
        status: 206,
        head,
        body: segments,
    }
}

/// Lets another content continue after `after` bytes, at the offset where the first one stops.
fn splice(body: &mut Vec<Segment>, after: u64, other: &Body) {
    let mut passed = 0;
    for i in 0..body.len() {
        let segment = &mut body[i];
        if passed + segment.len > after {
            let keep = after.saturating_sub(passed);
            let rest = Segment {
                source: other.clone(),
                offset: segment.offset + keep,
                len: segment.len - keep,
            };
            segment.len = keep;
            body.insert(i + 1, rest);
            return;
        }
        passed += segment.len;
    }
}

/// Adds what delimits the body and what concerns the connection, and everything that happens on the wire.
fn frame(request: &Request, answer: Answer, faults: &[Fault]) -> Plan {
    let Answer {
        status,
        mut head,
        body,
    } = answer;
    let len: u64 = body.iter().map(|segment| segment.len).sum();
    let mut framing = Framing::Plain;
    let mut close = (!request.keeps_alive()).then_some(Cut::CloseNotify);
    let mut announced = close.is_some();
    let bad_chunk = last!(faults, Fault::BadChunk(at) => *at);
    if let Some(lie) = last!(faults, Fault::LyingLength(lie) => *lie) {
        head.set("Content-Length", len.saturating_add_signed(lie).to_string());
        close = Some(Cut::CloseNotify);
    } else if faults.contains(&Fault::NoLength) {
        close = Some(Cut::CloseNotify);
        announced = true;
    } else if faults.contains(&Fault::Chunked) || bad_chunk.is_some() {
        framing = Framing::Chunked(bad_chunk);
        head.set("Transfer-Encoding", "chunked");
    } else {
        head.set("Content-Length", len.to_string());
    }
    if let Some(told) = last!(faults, Fault::CloseAfterwards { announced } => *announced) {
        close = Some(Cut::CloseNotify);
        announced = announced || told;
    }
    if faults.contains(&Fault::NoCloseNotify) {
        close = Some(Cut::Fin);
    }
    if announced {
        head.set("Connection", "close");
    }
    let version = if faults.contains(&Fault::Http10) {
        "HTTP/1.0"
    } else {
        "HTTP/1.1"
    };
    if version == "HTTP/1.0" {
        close = close.or(Some(Cut::CloseNotify));
    }
    let mut reason = reason(status).to_owned();
    for fault in faults {
        match fault {
            Fault::HugeStatusLine(len) => reason = "x".repeat(*len),
            other => head.spoil(other),
        }
    }
    Plan {
        status: Some(status),
        interim: interim(faults),
        head: head.bytes(&format!("{version} {status} {reason}")),
        body: if request.method == "HEAD" {
            Vec::new()
        } else {
            body
        },
        // The answer to HEAD has the header of a chunked one and no chunk, not even the last.
        framing: if request.method == "HEAD" {
            Framing::Plain
        } else {
            framing
        },
        close,
        ..on_the_wire(faults)
    }
}

fn interim(faults: &[Fault]) -> Vec<u8> {
    let (code, times) = last!(faults, Fault::Interim(code, n) => (*code, *n)).unwrap_or_default();
    format!("HTTP/1.1 {code} {}\r\n\r\n", reason(code))
        .repeat(times)
        .into_bytes()
}

fn garbage(bytes: Vec<u8>, faults: &[Fault]) -> Plan {
    Plan {
        head: bytes,
        close: Some(Cut::CloseNotify),
        ..on_the_wire(faults)
    }
}

/// A plan of nothing but delays and stops.
fn on_the_wire(faults: &[Fault]) -> Plan {
    Plan {
        status: None,
        delay: last!(faults, Fault::Delay(delay) => *delay).unwrap_or_default(),
        interim: Vec::new(),
        head: Vec::new(),
        body: Vec::new(),
        framing: Framing::Plain,
        close: None,
        stops: Stops {
            cut_head: last!(faults, Fault::CutInHeader(at, cut) => (*at, *cut)),
            stall_head: last!(faults, Fault::StallInHeader(at) => *at),
            cut: last!(faults, Fault::CutAfter(at, cut) => (*at, *cut)),
            stall: last!(faults, Fault::StallAfter(at) => *at),
            hold: last!(faults, Fault::HoldAfter(at) => *at),
        },
        pace: faults.iter().rev().find_map(|fault| match fault {
            Fault::SlowLoris(bytes, pause) => Some(Pace::Drip((*bytes).max(1), *pause)),
            Fault::Pace(rate) => Some(Pace::Rate((*rate).max(1))),
            _ => None,
        }),
    }
}

fn redirect(code: u16, to: &str) -> Answer {
    let mut answer = text(code, "elsewhere");
    answer.head.set("Location", to);
    answer
}

fn text(status: u16, text: &str) -> Answer {
    let mut head = Head::default();
    head.set("Content-Type", "text/plain; charset=utf-8");
    // A 304 and a 204 have no body (RFC 9110, section 6.4.1).
    let body = if matches!(status, 204 | 304) {
        Vec::new()
    } else {
        vec![literal(format!("{text}\n"))]
    };
    Answer { status, head, body }
}

fn literal(text: String) -> Segment {
    let source = Body::from(text.into_bytes());
    Segment {
        offset: 0,
        len: source.len(),
        source,
    }
}

/// The reason phrase of a status code (RFC 9110, section 15).
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Scripted",
    }
}
