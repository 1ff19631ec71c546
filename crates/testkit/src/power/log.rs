//! The shadow's log: what happened to names, in its order. `arm` begins it, `shim/power.c` continues it.
//!
//! Owns the text form. What the events mean for a crash is `names`'s.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The name of a file or directory in the shadow, whatever its path.
pub(super) type Object = String;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) dir: Object,
    pub(super) name: Vec<u8>,
}

/// A change of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// A name came to stand for an object, new or not.
    Add(Place, Object),
    Remove(Place, Object),
    Rename(Place, Place, Object),
    Exchange(Place, Place),
}

#[derive(Debug)]
pub(super) enum Event {
    Change(Change),
    /// All earlier changes in this directory are durable.
    Sync(Object),
}

/// What an object is, as far as it does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Dir,
    Symlink(PathBuf),
}

/// Mode and modification time of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) mode: u32,
    pub(super) modified: Option<SystemTime>,
}

/// A line of the log that was understood.
enum Line {
    Event(Event),
    /// It says something about an object and has been taken in.
    Attribute,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) roots: Vec<(Object, PathBuf)>,
    pub(super) kinds: HashMap<Object, Kind>,
    /// As of an object's last fsync, or of its creation.
    pub(super) metas: HashMap<Object, Meta>,
    /// What was there when the shadow was armed.
    pub(super) base: Vec<Change>,
    pub(super) events: Vec<Event>,
}

impl Log {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let mut log = Self::default();
        let mut armed = false;
        for line in text.split_inclusive('\n') {
            // The process may have been killed in the middle of a line.
            let Some(line) = line.strip_suffix('\n') else {
                break;
            };
            let words: Vec<&str> = line.split(' ').collect();
            if words == ["armed"] {
                armed = true;
                continue;
            }
            match log.event(&words) {
                Some(Line::Event(Event::Change(change))) if !armed => log.base.push(change),
                Some(Line::Event(event)) => log.events.push(event),
                Some(Line::Attribute) => {}
                None => {
                    let why = format!("the shadow's log has a line \"{line}\"");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, why));
                }
            }
        }
        Ok(log)
    }

    /// Takes in a line; `None` is a line that makes no sense.
    fn event(&mut self, words: &[&str]) -> Option<Line> {
        let change = match *words {
            ["root", object, path] => {
                self.roots.push((object.to_owned(), unescape_path(path)?));
                self.kinds.insert(object.to_owned(), Kind::Dir);
                return Some(Line::Attribute);
            }
            ["meta", object, mode, seconds, nanos] => {
                let since = Duration::new(seconds.parse().ok()?, nanos.parse().ok()?);
                let modified = Some(UNIX_EPOCH + since);
                let mode = u32::from_str_radix(mode, 8).ok()?;
                self.metas
                    .insert(object.to_owned(), Meta { mode, modified });
                return Some(Line::Attribute);
            }
            ["sync", dir] => return Some(Line::Event(Event::Sync(dir.to_owned()))),
            ["create" | "link", dir, name, object, kind, mode, target] => {
                let kind = match kind {
                    "f" => Kind::File,
                    "d" => Kind::Dir,
                    "l" => Kind::Symlink(unescape_path(target)?),
                    _ => return None,
                };
                let mode = u32::from_str_radix(mode, 8).ok()?;
                self.kinds.entry(object.to_owned()).or_insert(kind);
                let meta = Meta {
                    mode,
                    modified: None,
                };
                self.metas.entry(object.to_owned()).or_insert(meta);
                Change::Add(place(dir, name)?, object.to_owned())
            }
            ["unlink", dir, name, object] => Change::Remove(place(dir, name)?, object.to_owned()),
            ["rename", from, old, to, new, object] => {
                Change::Rename(place(from, old)?, place(to, new)?, object.to_owned())
            }
            ["exchange", a, x, b, y] => Change::Exchange(place(a, x)?, place(b, y)?),
            _ => return None,
        };
        Some(Line::Event(Event::Change(change)))
    }
}

fn place(dir: &str, name: &str) -> Option<Place> {
    Some(Place {
        dir: dir.to_owned(),
        name: unescape(name)?,
    })
}

/// `bytes` with everything but letters, digits and `._-` as `%XX`; as the shim writes it.
pub(super) fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"._-".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

pub(super) fn escape_path(path: &Path) -> String {
    escape(path.as_os_str().as_bytes())
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        bytes.push(u8::from_str_radix(rest.get(at + 1..at + 3)?, 16).ok()?);
        rest = &rest[at + 3..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

fn unescape_path(text: &str) -> Option<PathBuf> {
    Some(std::ffi::OsString::from_vec(unescape(text)?).into())
}

#[cfg(test)]
mod tests {
    use super::{escape, unescape};

    #[test]
    fn every_name_survives_being_written_and_read() {
        let name: Vec<u8> = (1..=255).collect();
        assert_eq!(unescape(&escape(&name)), Some(name));
        assert_eq!(escape("ä b".as_bytes()), "%C3%A4%20b");
        assert_eq!(unescape("%4"), None);
    }
}
