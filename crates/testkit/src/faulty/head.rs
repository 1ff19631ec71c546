//! The status line and the header of an answer as bytes, and the faults that spoil them.
//!
//! Owns their layout. It checks nothing: a header here may be anything.

use super::fault::Fault;

/// A header under construction.
#[derive(Debug, Default)]
pub(super) struct Head {
    fields: Vec<(String, String)>,
    raw: Vec<Vec<u8>>,
}

impl Head {
    /// Sets a field, in the place of one of the same name.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self
            .fields
            .iter_mut()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
        {
            Some(field) => field.1 = value,
            None => self.fields.push((name.to_owned(), value)),
        }
    }

    /// The value of a field that was set.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        super::request::field(&self.fields, name)
    }

    /// Applies a fault if it is one of the header.
    pub(super) fn spoil(&mut self, fault: &Fault) {
        match fault {
            Fault::Header(name, value) => self.fields.push(((*name).to_owned(), value.clone())),
            Fault::WithoutHeader(name) => {
                self.fields
                    .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
            }
            Fault::RawHeaderLine(line) => self.raw.push(line.to_vec()),
            Fault::ManyHeaders(n) => {
                self.fields
                    .extend((0..*n).map(|i| (format!("X-Bomb-{i}"), "tick".to_owned())));
            }
            Fault::HugeHeader(len) => {
                self.fields.push(("X-Bomb".to_owned(), "x".repeat(*len)));
            }
            _ => {}
        }
    }

    /// The complete head.
    pub(super) fn bytes(&self, status_line: &str) -> Vec<u8> {
        let mut out = format!("{status_line}\r\n").into_bytes();
        for (name, value) in &self.fields {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        for line in &self.raw {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}
