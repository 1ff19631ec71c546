//! A resource of the faulty origin: what it is when all goes well, and the script of what goes wrong.
//!
//! Owns the script; it must never look at a request's header, only at its number.

use std::collections::BTreeMap;

use super::body::Body;
use super::fault::{Fault, Version};

/// The Last-Modified that resources have unless told otherwise; long past, so strong by RFC 9110, section 8.8.2.2.
pub const LAST_MODIFIED: &str = "Tue, 02 Jan 2024 03:04:05 GMT";

/// A resource: by default a strong `ETag` that follows from the content, a Last-Modified, ranges, and no fault.
#[derive(Debug, Clone)]
pub struct Resource {
    version: Version,
    headers: BTreeMap<&'static str, String>,
    script: Vec<(When, Fault)>,
}

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    On(u64),
    From(u64),
    Until(u64),
}

impl When {
    fn holds(self, request: u64) -> bool {
        match self {
            Self::Always => true,
            Self::On(n) => request == n,
            Self::From(n) => request >= n,
            Self::Until(n) => request <= n,
        }
    }
}

impl Resource {
    /// A resource with this content.
    pub fn new(body: impl Into<Body>) -> Self {
        let version = Version::of(body.into());
        Self {
            version,
            headers: BTreeMap::new(),
            script: Vec::new(),
        }
    }

    /// A resource of `len` bytes that follow from `seed`.
    pub fn pattern(seed: u64, len: u64) -> Self {
        Self::new(Body::Pattern { seed, len })
    }

    /// Sets the `ETag`'s value, quotes included; `W/"…"` is a weak one.
    #[must_use]
    pub fn etag(mut self, etag: impl Into<String>) -> Self {
        self.version.etag = Some(etag.into());
        self
    }

    /// Sends no `ETag`.
    #[must_use]
    pub fn no_etag(mut self) -> Self {
        self.version.etag = None;
        self
    }

    /// Sets Last-Modified, an IMF-fixdate.
    #[must_use]
    pub fn last_modified(mut self, date: impl Into<String>) -> Self {
        self.version.last_modified = Some(date.into());
        self
    }

    /// Sends no Last-Modified.
    #[must_use]
    pub fn no_last_modified(mut self) -> Self {
        self.version.last_modified = None;
        self
    }

    /// Sends neither `ETag` nor Last-Modified.
    #[must_use]
    pub fn no_validators(self) -> Self {
        self.no_etag().no_last_modified()
    }

    /// Sets Content-Type, which is `application/octet-stream` otherwise.
    #[must_use]
    pub fn content_type(self, media_type: impl Into<String>) -> Self {
        self.header("Content-Type", media_type)
    }

    /// Sets Content-Disposition.
    #[must_use]
    pub fn content_disposition(self, value: impl Into<String>) -> Self {
        self.header("Content-Disposition", value)
    }

    /// Sets a field of every 200 and 206: Content-Digest, Repr-Digest, Cache-Control, …
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// Applies a fault to the `n`-th request for this resource; the first is 1. Requests of every method count.
    #[must_use]
    pub fn on_request(self, n: u64, fault: Fault) -> Self {
        self.scripted(When::On(n), fault)
    }

    /// Applies a fault to the `n`-th request and to all that follow.
    #[must_use]
    pub fn from_request(self, n: u64, fault: Fault) -> Self {
        self.scripted(When::From(n), fault)
    }

    /// Applies a fault to the first `n` requests.
    #[must_use]
    pub fn until_request(self, n: u64, fault: Fault) -> Self {
        self.scripted(When::Until(n), fault)
    }

    /// Applies a fault to every request.
    #[must_use]
    pub fn always(self, fault: Fault) -> Self {
        self.scripted(When::Always, fault)
    }

    /// The content when nothing goes wrong.
    pub fn body(&self) -> &Body {
        &self.version.body
    }

    /// SHA-256 of the content in hexadecimal.
    pub fn sha256(&self) -> String {
        self.version.body.sha256()
    }

    pub(super) fn version(&self) -> &Version {
        &self.version
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// The faults of the `n`-th request, in the order of the script.
    pub(super) fn faults(&self, n: u64) -> Vec<Fault> {
        self.script
            .iter()
            .filter(|(when, _)| when.holds(n))
            .map(|(_, fault)| fault.clone())
            .collect()
    }

    fn scripted(mut self, when: When, fault: Fault) -> Self {
        self.script.push((when, fault));
        self
    }
}

impl Version {
    /// A version with this content, a strong `ETag` that follows from it, and the usual Last-Modified.
    pub fn of(body: impl Into<Body>) -> Self {
        let body = body.into();
        let etag = match &body {
            Body::Pattern { seed, len } => format!("\"p{seed:x}-{len:x}\""),
            Body::Bytes(_) => format!("\"b{}\"", &body.sha256()[..16]),
        };
        Self {
            body,
            etag: Some(etag),
            last_modified: Some(LAST_MODIFIED.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Resource};

    #[test]
    fn a_script_chooses_faults_by_the_number_of_the_request() {
        let resource = Resource::new("x")
            .on_request(2, Fault::status(500))
            .from_request(3, Fault::Http10)
            .until_request(1, Fault::status(503))
            .always(Fault::Chunked);
        assert_eq!(resource.faults(1), [Fault::status(503), Fault::Chunked]);
        assert_eq!(resource.faults(2), [Fault::status(500), Fault::Chunked]);
        assert_eq!(resource.faults(3), [Fault::Http10, Fault::Chunked]);
    }
}
