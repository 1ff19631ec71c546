//! How a password is read: from a file or the terminal, never from an argument, which every user of the machine can see.
//!
//! Must never keep one, nor repeat it in an error.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the user's own file with a password, named on the command line and read with the user's own rights"
)]

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::Path,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::{Exit, Failure};

/// The longest file with a password that is read.
const LONGEST_FILE: u64 = 64 << 10;

/// The password of `whose`, in words: the first line of this file (`-`: standard input), or what is typed. `option` names
/// the file on the command line.
pub fn read(file: Option<&Path>, whose: &str, option: &str) -> Result<String, Failure> {
    let wrong = |why: String| Failure::new(Exit::Usage, why);
    match file {
        Some(file) if is_stdin(file) => first_line(io::stdin().lock())
            .map_err(|why| wrong(format!("standard input has no password: {why}"))),
        Some(file) => fs::File::open(file)
            .and_then(first_line)
            .map_err(|why| wrong(format!("{} has no password: {why}", file.display()))),
        None => ask(whose).map_err(|why| {
            wrong(format!(
                "the password of {whose} cannot be asked for: {why}; use {option}"
            ))
        }),
    }
}

/// Whether this name means standard input.
pub fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// The first line, without its end.
fn first_line(from: impl io::Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(LONGEST_FILE).read_to_string(&mut text)?;
    let line = text.lines().next();
    line.map(str::to_owned)
        .ok_or_else(|| io::Error::other("it is empty"))
}

/// Asks on the terminal, which does not show what is typed.
fn ask(whose: &str) -> io::Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(io::Error::other("standard input is no terminal"));
    }
    let mut stderr = io::stderr();
    write!(stderr, "Password of {whose}: ")?;
    stderr.flush()?;
    let silence = Silence::new()?;
    let typed = typed(stdin.lock());
    drop(silence);
    writeln!(stderr)?;
    typed
}

/// What is typed up to the end of the line. The keys that the terminal would act on come as characters: an interrupt
/// that it acted on would leave it silent.
fn typed(from: impl io::BufRead) -> io::Result<String> {
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    let mut line = Vec::new();
    for byte in from.bytes() {
        match byte? {
            b'\n' | b'\r' => break,
            INTERRUPT => return Err(io::Error::other("interrupted")),
            END if line.is_empty() => return Err(io::Error::other("nothing was typed")),
            END => break,
            8 | 0x7f => {
                // The last character, however many bytes it has.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).map_err(io::Error::other)
}

/// As long as this is there, the terminal shows nothing that is typed.
struct Silence {
    before: Termios,
}

impl Silence {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is no better state to put it back to.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        let file = |text: &str| first_line(text.as_bytes()).ok();
        assert_eq!(file("a b \r\nc"), Some("a b ".into()));
        assert_eq!(file("\n"), Some(String::new()));
        assert_eq!(file(""), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "open sesame\n").unwrap();
        assert_eq!(
            read(Some(&path), "me", "--password-file").unwrap(),
            "open sesame"
        );
        fs::remove_file(&path).unwrap();
        assert_eq!(
            read(Some(&path), "me", "--password-file")
                .unwrap_err()
                .exit(),
            Exit::Usage
        );
    }

    #[test]
    fn a_typed_password_can_be_mended_and_given_up() {
        let line = |text: &[u8]| typed(text).map_err(|error| error.to_string());
        assert_eq!(line(b"abc\x7f\x7fd\nx"), Ok("ad".into()));
        assert_eq!(line("é\u{7f}\u{7f}x\r".as_bytes()), Ok("x".into()));
        assert_eq!(line(b"ab\x04"), Ok("ab".into()));
        assert_eq!(line(b"ab\x03"), Err("interrupted".into()));
        assert!(line(b"\x04").is_err() && line(b"\xff\n").is_err());
    }
}
