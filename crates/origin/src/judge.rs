//! What the head of an answer means (RFC 9110, sections 14 and 15), held against what was asked for.
//!
//! Pure: no socket, no clock. An answer that contradicts itself or the question ends here; what is let through
//! says exactly which bytes of which version follow.

use std::fmt::Write as _;

use bgcopy_model::{Condition, Validator};
use bgcopy_transfer::{Facts, Failure, Want};
use http::{HeaderMap, StatusCode, header, response::Parts};
use url::Url;

use crate::{
    endpoint::Endpoint,
    fields::{self, Framing},
    links, name,
    range::ContentRange,
    request::Ask,
};

/// A question and where it was asked.
pub(crate) struct Question<'a> {
    pub(crate) want: &'a Want,
    pub(crate) ask: &'a Ask,
    pub(crate) host: &'a Endpoint,
    pub(crate) url: &'a Url,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Bytes follow.
    Bytes(Bytes),
    /// Nothing is left after this byte, which is where the caller is.
    Nothing {
        /// The size of the file.
        at: u64,
        version: Validator,
        facts: Facts,
    },
    /// Look there.
    Redirect(String),
}

/// Which bytes follow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
    pub(crate) version: Validator,
    pub(crate) facts: Facts,
    pub(crate) framing: Framing,
}

/// Judges an answer by its head.
///
/// # Errors
/// Every status that brings no bytes, and every contradiction.
pub(crate) fn judge(question: &Question<'_>, head: &Parts) -> Result<Verdict, Failure> {
    match head.status.as_u16() {
        // 203: a proxy on the way has changed something, which it may.
        200 | 203 => question.whole(head).map(Verdict::Bytes),
        206 => question.part(head).map(Verdict::Bytes),
        301 | 302 | 303 | 307 | 308 => question.redirect(head),
        416 if question.ask.range.is_some() => question.unsatisfied(head),
        status @ (100..=399) => Err(question.invalid(format!(
            "it answered {} to a plain request",
            StatusCode::from_u16(status).map_or_else(|_| status.to_string(), |s| s.to_string())
        ))),
        _ => Err(question.refused(head)),
    }
}

impl Question<'_> {
    fn whole(&self, head: &Parts) -> Result<Bytes, Failure> {
        let framing = self.framing(&head.headers)?;
        let size = match framing {
            Framing::Length(size) => Some(size),
            Framing::Chunked | Framing::Close => None,
        };
        let version = fields::validator(&head.headers, size);
        let is_same = || {
            let known = self.want.version.as_ref();
            known.is_none_or(|known| known.same_version(&version))
        };
        // With If-Range a 200 can mean two things: another version, or that no ranges are served.
        let ignored = self.ask.range.is_some() && (self.ask.if_range.is_none() || is_same());
        if self.want.exact && !self.covers(size) {
            return Err(if ignored {
                Failure::new(
                    Condition::InsufficientRangeSupport,
                    format!("{} does not serve parts of {}", self.host, self.url.path()),
                )
            } else {
                self.changed()
            });
        }
        let mut facts = self.facts(head);
        if ignored && self.ask.range.is_some_and(|range| range != (0, None)) {
            facts.ranges = Some(false);
        }
        Ok(Bytes {
            start: 0,
            end: size,
            version,
            facts,
            framing,
        })
    }

    /// Whether a file of that size, whole, is what is wanted.
    fn covers(&self, size: Option<u64>) -> bool {
        let want = self.want;
        want.start == 0
            && match (want.end, size) {
                (None, _) => true,
                (Some(end), Some(size)) => end >= size,
                (Some(_), None) => false,
            }
    }

    fn part(&self, head: &Parts) -> Result<Bytes, Failure> {
        let headers = &head.headers;
        let Some((asked_start, asked_end)) = self.ask.range else {
            return Err(
                self.invalid("it sent a part of the file, which nobody asked for".to_owned())
            );
        };
        let framing = self.framing(headers)?;
        let media_type = headers
            .get(header::CONTENT_TYPE)
            .map(http::HeaderValue::as_bytes);
        if media_type.is_some_and(|media_type| {
            let prefix = media_type.get(..20);
            prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"multipart/byteranges"))
        }) {
            return Err(self.invalid("it sent several parts where one was asked for".to_owned()));
        }
        let text = fields::content_range(headers)
            .map_err(|()| self.invalid("its Content-Range is not valid".to_owned()))?
            .ok_or_else(|| self.invalid("it sent a part without Content-Range".to_owned()))?;
        let Some(ContentRange::Part { start, end, total }) = ContentRange::parse(&text) else {
            return Err(self.invalid(format!("its Content-Range {text:?} is not valid")));
        };
        let version = self.version_of_part(headers, total)?;
        if start != asked_start || asked_end.is_some_and(|asked| end > asked) {
            return Err(self.invalid(format!(
                "it sent {text:?} when asked for byte {asked_start} on"
            )));
        }
        if let Framing::Length(length) = framing
            && length != end - start
        {
            return Err(self.invalid(format!(
                "its Content-Range {text:?} does not fit its length {length}"
            )));
        }
        let mut facts = self.facts(head);
        facts.ranges = Some(true);
        Ok(Bytes {
            start,
            end: Some(end),
            version,
            facts,
            framing,
        })
    }

    /// The version that a part is of; an error when it is not the one wanted.
    fn version_of_part(
        &self,
        headers: &HeaderMap,
        total: Option<u64>,
    ) -> Result<Validator, Failure> {
        let mut found = fields::validator(headers, total);
        let Some(known) = &self.want.version else {
            return Ok(found);
        };
        // An answer to If-Range may leave out what the client knows, except the entity tag (RFC 9110,
        // section 15.3.7). A part of a file of the very size, sent under the condition of the date, is accepted.
        let said_nothing = found.etag.is_none() && !headers.contains_key(header::LAST_MODIFIED);
        if said_nothing
            && !known.elsewhere
            && known.strong_etag().is_none()
            && self.ask.if_range.is_some()
            && total.is_some()
            && total == known.size
        {
            return Ok(known.clone());
        }
        if !known.same_version(&found) {
            return Err(self.changed());
        }
        found.size = found.size.or(known.size);
        found.digest = found.digest.or_else(|| known.digest.clone());
        Ok(found)
    }

    /// 416: the part asked for lies beyond the end.
    fn unsatisfied(&self, head: &Parts) -> Result<Verdict, Failure> {
        let start = self.want.start;
        let range = fields::content_range(&head.headers).unwrap_or_default();
        let Some(ContentRange::Unsatisfied { total }) =
            range.as_deref().and_then(ContentRange::parse)
        else {
            // The size is not told. Bytes were wanted that the origin once had, or said it had.
            return Err(match (self.want.exact, start) {
                (true, _) => self.beyond(None),
                (false, 0) => {
                    self.invalid("it has no byte of the file, not even the first".to_owned())
                }
                (false, _) => self.changed(),
            });
        };
        let found = Validator {
            // That of the error's own text (RFC 9530, section 3).
            digest: None,
            ..fields::validator(&head.headers, Some(total))
        };
        let is_same = self.want.version.as_ref().is_none_or(|known| {
            if known.elsewhere {
                return known.same_version(&found);
            }
            // Had If-Range not held, the answer would be a 200: what the 416 leaves out needs no proof.
            let agree =
                |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
            known.size.is_none_or(|size| size == total)
                && agree(&known.etag, &found.etag)
                && agree(&known.last_modified, &found.last_modified)
        });
        if !is_same {
            return Err(self.changed());
        }
        // A range that begins at the end is a mistake of the caller's, unless it goes on where bytes ended.
        if start == total && (self.want.version.is_some() || !self.want.exact) {
            let known = self.want.version.clone();
            let known = known.filter(|known| !known.elsewhere);
            let mut version = known.unwrap_or(found);
            version.size = Some(total);
            let mut facts = self.facts(head);
            facts.ranges = Some(true);
            return Ok(Verdict::Nothing {
                at: total,
                version,
                facts,
            });
        }
        Err(if total > start {
            self.invalid(format!("it has {total} bytes and none after byte {start}"))
        } else if self.want.exact {
            self.beyond(Some(total))
        } else {
            self.changed()
        })
    }

    fn redirect(&self, head: &Parts) -> Result<Verdict, Failure> {
        let location = head.headers.get(header::LOCATION);
        location
            .map(|value| Verdict::Redirect(String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .ok_or_else(|| self.invalid(format!("it answered {} without Location", head.status)))
    }

    fn framing(&self, headers: &HeaderMap) -> Result<Framing, Failure> {
        if let Some(coding) = fields::coding(headers) {
            return Err(self.invalid(format!(
                "it sent the content coding {coding} although none was accepted"
            )));
        }
        fields::framing(headers).map_err(|what| self.invalid(format!("it sent {what}")))
    }

    fn invalid(&self, what: String) -> Failure {
        Failure::new(
            Condition::InvalidResponse,
            format!("the answer of {} is not valid: {what}", self.host),
        )
    }

    fn changed(&self) -> Failure {
        Failure::new(
            Condition::RemoteFileChanged,
            format!(
                "{} at {} is another version now",
                self.url.path(),
                self.host
            ),
        )
    }

    fn beyond(&self, total: Option<u64>) -> Failure {
        let has = total.map_or_else(String::new, |total| format!(", which has {total} bytes"));
        Failure::new(
            Condition::InvalidRange,
            format!(
                "byte {} is beyond the end of {} at {}{has}",
                self.want.start,
                self.url.path(),
                self.host
            ),
        )
    }

    fn facts(&self, head: &Parts) -> Facts {
        let disposition = head.headers.get(header::CONTENT_DISPOSITION);
        Facts {
            name: disposition.and_then(|value| name::from_content_disposition(value.as_bytes())),
            modified: fields::modified(&head.headers),
            found_at: None,
            ranges: fields::accepts_ranges(&head.headers),
            mirrors: links::mirrors(&head.headers, self.url),
            head: show(head),
        }
    }

    fn refused(&self, head: &Parts) -> Failure {
        // The path without its query, which can hold a signature.
        let (host, path) = (self.host, self.url.path());
        let mut failure = Failure::new(
            Condition::HttpStatus(head.status.as_u16()),
            format!("{host} answered {} for {path}", status_line(head)),
        );
        failure.retry_after = fields::retry_after(&head.headers, self.now);
        failure
    }
}

/// The head as text, with field names in lower case: the library does not keep how they were written.
fn show(head: &Parts) -> String {
    let mut text = format!("{:?} {}\r\n", head.version, status_line(head));
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        // Writing to a String does not fail.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text
}

/// `404 Not Found`, with the reason that the origin gave if it is printable and short.
fn status_line(head: &Parts) -> String {
    let own = head
        .extensions
        .get::<hyper::ext::ReasonPhrase>()
        .and_then(|reason| std::str::from_utf8(reason.as_bytes()).ok())
        .filter(|reason| reason.len() <= 80 && !reason.chars().any(char::is_control));
    let reason = own.or(head.status.canonical_reason()).unwrap_or_default();
    format!("{} {reason}", head.status.as_u16())
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests;
