//! Names of files: which can be used, and which to try when one is taken.
//!
//! Pure; whether a name is taken is asked elsewhere.

use std::ffi::OsStr;

use bgcopy_model::Condition;

use crate::error::Fault;

/// The longest name in bytes (`NAME_MAX`). Some file systems allow less and say so when asked.
const LONGEST: usize = 255;

/// A single component of a path: nothing that names another folder.
pub(crate) fn check(name: &str) -> Result<(), Fault> {
    let text = match name {
        "" => "it is empty".to_owned(),
        "." | ".." => "it names a folder".to_owned(),
        _ if name.contains(['/', '\0']) => "it has a character that no name has".to_owned(),
        _ if name.len() > LONGEST => format!("{} bytes, at most {LONGEST} are allowed", name.len()),
        _ => return Ok(()),
    };
    Err(Fault::told(Condition::InvalidName, text))
}

/// The same for a name that came with a path.
pub(crate) fn checked(name: Option<&OsStr>) -> Result<&str, Fault> {
    let name = name.unwrap_or_default().to_str();
    let name = name.ok_or_else(|| Fault::told(Condition::InvalidName, "it is not UTF-8"))?;
    check(name).map(|()| name)
}

/// `name` with a number as browsers put it, before the extension: `a (1).txt`, `a (1).tar.gz`. Number 0 is the
/// name itself. The stem is shortened so that the name stays usable.
pub(crate) fn numbered(name: &str, number: u32) -> String {
    if number == 0 {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let suffix = format!(" ({number}){extension}");
    let mut room = LONGEST.saturating_sub(suffix.len()).min(stem.len());
    while !stem.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}{suffix}", &stem[..room])
}

/// Stem and extension with its dot. A leading dot makes no extension, and what is long or has a space is none
/// either, as in `Report v1.2 final`.
fn split(name: &str) -> (&str, &str) {
    const LONGEST_EXTENSION: usize = 16;
    let dot = |text: &str| {
        text.rfind('.').filter(|&at| {
            let extension = &text[at..];
            at > 0
                && (2..=LONGEST_EXTENSION).contains(&extension.len())
                && !extension.contains(char::is_whitespace)
        })
    };
    let Some(mut at) = dot(name) else {
        return (name, "");
    };
    if let Some(before) = dot(&name[..at])
        && name[before..at].eq_ignore_ascii_case(".tar")
    {
        at = before;
    }
    name.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_before_the_extension() {
        for (name, expected) in [
            ("a.txt", "a (1).txt"),
            ("a", "a (1)"),
            ("a.tar.gz", "a (1).tar.gz"),
            (".profile", ".profile (1)"),
            ("a.", "a. (1)"),
            ("v1.2 final", "v1.2 final (1)"),
            (".tar.gz", ".tar (1).gz"),
        ] {
            assert_eq!(numbered(name, 1), expected);
            assert_eq!(numbered(name, 0), name);
        }
    }

    #[test]
    fn a_numbered_name_is_never_too_long_and_never_cuts_a_character() {
        for name in ["é".repeat(127), format!("{}.zip", "é".repeat(125))] {
            check(&name).unwrap();
            let numbered = numbered(&name, 4_294_967_295);
            check(&numbered).unwrap();
            assert!(numbered.contains(" (4294967295)"), "{numbered}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "a/b", "/a", "a\0", &"x".repeat(256)] {
            assert_eq!(
                check(name).unwrap_err().condition,
                Condition::InvalidName,
                "{name:?}"
            );
        }
        for name in ["...", "a b", "ü", &"x".repeat(255)] {
            check(name).unwrap();
        }
    }
}
