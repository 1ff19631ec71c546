//! Reading a request from a socket (RFC 9112, sections 3 and 5), as far as an origin or a proxy needs it.
//!
//! Owns parsing only. Unlike the answers, it is honest: what is no request is an error.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest request head that is read, in bytes.
const LONGEST_HEAD: usize = 256 * 1024;

/// The head of a request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    /// The target as sent: origin form, absolute form, or authority form for CONNECT.
    pub(super) target: String,
    pub(super) http10: bool,
    pub(super) headers: Vec<(String, String)>,
}

impl Request {
    /// The value of the first field of that name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        field(&self.headers, name)
    }

    /// Whether the client wants the connection to stay (RFC 9112, section 9.3).
    pub(super) fn keeps_alive(&self) -> bool {
        !self.http10
            && !self
                .header("Connection")
                .is_some_and(|v| v.eq_ignore_ascii_case("close"))
    }

    /// The target without scheme and authority.
    pub(super) fn origin_form(&self) -> &str {
        self.target
            .split_once("://")
            .map_or(self.target.as_str(), |(_, rest)| {
                rest.find('/').map_or("/", |slash| &rest[slash..])
            })
    }
}

/// The value of the first field of that name in any case.
pub(super) fn field<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Reads the next request head, and its body if it announces one, from `stream`. `buffer` keeps what was read
/// beyond it. `None` is the end of the stream between requests.
pub(super) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Request>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if buffer.len() > LONGEST_HEAD {
            return Err(invalid("the request head is too long"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
    };
    let request = parse(&buffer[..end])?;
    buffer.drain(..end + 4);
    let body: usize = request
        .header("Content-Length")
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    while buffer.len() < body {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    buffer.drain(..body);
    Ok(Some(request))
}

fn parse(head: &[u8]) -> io::Result<Request> {
    let head = std::str::from_utf8(head).map_err(|_| invalid("the request head is not UTF-8"))?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(invalid("the request line has not three words"));
    };
    if !version.starts_with("HTTP/1.") {
        return Err(invalid("the request is not HTTP/1"));
    }
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| invalid("a header line has no colon"))?;
    Ok(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        http10: version == "HTTP/1.0",
        headers,
    })
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// `text` in base64 with padding (RFC 4648, section 4), for the Basic scheme.
pub(super) fn base64(text: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in text.chunks(3) {
        let bits = three
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for i in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * i) & 63).unwrap_or(0);
            out.push(if i <= three.len() {
                char::from(ALPHABET[index])
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{base64, read};

    #[tokio::test]
    async fn requests_on_one_connection_are_read_one_after_the_other() {
        let mut stream: &[u8] =
            b"GET /a HTTP/1.1\r\nHost: x\r\nRange:  bytes=1- \r\n\r\nGET http://h:1/b?c HTTP/1.0\r\n\r\n";
        let mut buffer = Vec::new();
        let a = read(&mut stream, &mut buffer)
            .await
            .expect("valid")
            .expect("a request");
        assert_eq!((a.method.as_str(), a.target.as_str()), ("GET", "/a"));
        assert_eq!(a.header("range"), Some("bytes=1-"));
        assert!(a.keeps_alive());
        let b = read(&mut stream, &mut buffer)
            .await
            .expect("valid")
            .expect("a request");
        assert_eq!(b.origin_form(), "/b?c");
        assert!(!b.keeps_alive());
        assert!(
            read(&mut stream, &mut buffer)
                .await
                .expect("the end")
                .is_none()
        );
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
