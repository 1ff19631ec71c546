//! From the errors of sockets, TLS and HTTP framing to [`Failure`]s in plain words.
//!
//! Every text names the host, none holds a credential, a query or a header's value.

use std::{error::Error, io};

use bgcopy_model::Condition;
use bgcopy_transfer::Failure;

use crate::{endpoint::Endpoint, tls};

/// A connection to `place` (`host:port`) could not be made.
pub(crate) fn connect(place: &str, error: &io::Error) -> Failure {
    use io::ErrorKind as K;
    let (condition, why) = match error.kind() {
        K::NetworkUnreachable | K::NetworkDown => (
            Condition::NetworkDisconnected,
            "there is no network that leads there".to_owned(),
        ),
        K::ConnectionRefused => (
            Condition::ConnectFailure,
            "nothing accepts connections there".to_owned(),
        ),
        K::TimedOut => (
            Condition::ConnectFailure,
            "the host does not answer".to_owned(),
        ),
        K::HostUnreachable => (
            Condition::ConnectFailure,
            "the host cannot be reached".to_owned(),
        ),
        _ => (Condition::ConnectFailure, plain(error)),
    };
    Failure::new(condition, format!("cannot connect to {place}: {why}"))
}

/// Every connection that there may be to the host is in use.
pub(crate) fn no_room(host: &Endpoint) -> Failure {
    Failure::new(
        Condition::ConnectFailure,
        format!("{host} has as many connections as it may have"),
    )
}

/// The exchange broke before the head of an answer was complete.
pub(crate) fn head(host: &Endpoint, error: &hyper::Error) -> Failure {
    if let Some(error) = tls_error(error) {
        return tls::failure(&host.authority(), error);
    }
    if error.is_parse() {
        let why = error
            .source()
            .map_or_else(|| error.to_string(), |source| format!("{error} ({source})"));
        return Failure::new(
            Condition::InvalidResponse,
            format!("{host} sent something that is no valid HTTP/1.1 answer: {why}"),
        );
    }
    let why = why_closed(io_error(error));
    Failure::new(
        Condition::ConnectionClosed,
        format!("{host} closed the connection before it had answered{why}"),
    )
}

/// A body broke off after `received` bytes of it, of `expected` where that is known.
pub(crate) fn body(
    host: &Endpoint,
    error: &hyper::Error,
    received: u64,
    expected: Option<u64>,
) -> Failure {
    use io::ErrorKind as K;
    match io_error(error) {
        // The decoder of chunks says so; a socket never does.
        Some(error)
            if matches!(error.kind(), K::InvalidData | K::InvalidInput)
                && tls_error_of(error).is_none() =>
        {
            Failure::new(
                Condition::InvalidResponse,
                format!("{host} sent a malformed body: {}", plain(error)),
            )
        }
        Some(error) => read(host, error, received, expected),
        None => closed(host, received, expected, ""),
    }
}

/// A read of a body failed after `received` bytes of it.
pub(crate) fn read(
    host: &Endpoint,
    error: &io::Error,
    received: u64,
    expected: Option<u64>,
) -> Failure {
    if let Some(error) = tls_error_of(error) {
        return tls::failure(&host.authority(), error);
    }
    closed(host, received, expected, &why_closed(Some(error)))
}

/// The connection ended before the body did.
pub(crate) fn closed(host: &Endpoint, received: u64, expected: Option<u64>, why: &str) -> Failure {
    let of = expected.map_or_else(String::new, |expected| format!(" of {expected}"));
    Failure::new(
        Condition::ConnectionClosed,
        format!("{host} closed the connection after {received}{of} bytes{why}"),
    )
}

/// What made the end of a connection one that was not meant, if anything did.
fn why_closed(error: Option<&io::Error>) -> String {
    error
        .filter(|error| error.kind() != io::ErrorKind::UnexpectedEof)
        .map_or_else(String::new, |error| format!(": {}", plain(error)))
}

/// The host went silent.
pub(crate) fn silent(host: &Endpoint, limit: std::time::Duration) -> Failure {
    Failure::new(
        Condition::Timeout,
        format!("{host} sent nothing for {}", in_words(limit)),
    )
}

/// An error of the operating system without the number that it prints.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// `30 s`, `250 ms`.
pub(crate) fn in_words(duration: std::time::Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

/// The error of the socket, or of the decoder, below an error of hyper.
fn io_error(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error);
        }
        source = error.source();
    }
    None
}

fn tls_error(error: &hyper::Error) -> Option<&rustls::Error> {
    tls_error_of(io_error(error)?)
}

fn tls_error_of(error: &io::Error) -> Option<&rustls::Error> {
    // `io::Error::source` passes over the error that it wraps.
    error.get_ref()?.downcast_ref()
}
