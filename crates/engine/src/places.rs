//! Where a file is to come from, when the client changes its mind; and what the client says of what has come.
//!
//! A file with bytes goes on at its new place only when size and date are the same there (contract, row
//! `SetRemoteName`): what is known of the version is marked as seen elsewhere, which the source and the run heed.

use std::sync::Arc;

use bgcopy_model::{Condition, FileIndex, FilePhase};
use url::Url;

use crate::{Action, Refusal, Reply, calls::Answer, intake, job::Slot, job_mut::JobMut};

impl JobMut<'_> {
    /// The file is there from now on. Nothing changes for a file that has all its bytes.
    pub fn set_url(&mut self, index: FileIndex, url: Url) -> Answer {
        self.require_settled()?;
        intake::check_url(&url)?;
        let file = self.job.file(index).ok_or_else(no_file)?;
        if file.record.phase == FilePhase::Pending && *file.record.url != url {
            self.move_to(index, url);
            self.touch();
        }
        Ok(Some(Reply::Done))
    }

    /// The URLs of files that miss bytes begin with `new` where they began with `old`; all of them or none.
    pub fn replace_prefix(&mut self, old: &str, new: &str) -> Answer {
        self.require_settled()?;
        if old.is_empty() {
            let detail = "the beginning that is to be replaced is empty";
            return Err(Refusal::new(Condition::InvalidArgument, detail));
        }
        let old = fold_case(old);
        let mut moves = Vec::new();
        for file in self.job.files() {
            let record = &file.record;
            if record.phase != FilePhase::Pending {
                continue;
            }
            if let Some(url) = replaced(&record.url, &old, new)? {
                intake::check_url(&url)?;
                if url != *record.url {
                    moves.push((record.index, url));
                }
            }
        }
        let count = u32::try_from(moves.len()).unwrap_or(u32::MAX);
        for (index, url) in moves {
            self.move_to(index, url);
        }
        if count > 0 {
            self.touch();
        }
        Ok(Some(Reply::Changed(count)))
    }

    /// The client has looked at the content.
    pub fn set_valid(&mut self, index: FileIndex, is_valid: bool) -> Answer {
        self.require_settled()?;
        let file = self.job.file(index).ok_or_else(no_file)?;
        if !file.is_here() {
            let detail = "the file is not transferred yet, so nobody can have looked at it";
            return Err(Refusal::new(Condition::InvalidState, detail));
        }
        if file.record.is_valid != is_valid {
            self.edit(index, |file| file.change().is_valid = is_valid);
            self.put_file(index);
            self.out.file_changed(self.id, index);
            self.touch();
        }
        Ok(Some(Reply::Done))
    }

    /// A run that goes on stops, and the next one begins at the new place.
    pub fn move_to(&mut self, index: FileIndex, url: Url) {
        let stopped = self.edit(index, |file| {
            let record = file.change();
            record.url = Arc::new(url);
            record.found_at = None;
            record.validator = std::mem::take(&mut record.validator).moved();
            match file.slot {
                Slot::Idle if file.record.durable.is_empty() => {
                    // What the old place told of a file of which there is nothing yet.
                    file.lose_bytes();
                    None
                }
                Slot::Idle => None,
                Slot::Running(attempt) => {
                    file.slot = Slot::Stopping(attempt);
                    file.astray = Some(attempt);
                    Some(attempt)
                }
                Slot::Stopping(attempt) => {
                    file.astray = Some(attempt);
                    None
                }
            }
        });
        if let Some(attempt) = stopped.flatten() {
            self.work(index, |file| Action::Stop(file, attempt));
        }
        self.put_file(index);
        self.progressed(index);
    }
}

/// The URL with `new` in place of `old` at its beginning; `None` when it does not begin so.
///
/// # Errors
/// What comes of it is no URL.
fn replaced(url: &Url, old: &str, new: &str) -> Result<Option<Url>, Refusal> {
    // As it is, and as it reads without user and password, which are nobody else's then.
    let bare = without_user(url);
    let rest = [url.as_str(), bare.as_str()]
        .into_iter()
        .find_map(|text| text.strip_prefix(old));
    let Some(rest) = rest else {
        return Ok(None);
    };
    Url::parse(&format!("{new}{rest}"))
        .map(Some)
        .map_err(|error| {
            // Neither text: both can carry a password.
            let detail =
                format!("with the new beginning, the URL of a file cannot be understood: {error}");
            Refusal::new(Condition::InvalidArgument, detail)
        })
}

fn without_user(url: &Url) -> Url {
    let mut bare = url.clone();
    // These fail only for URLs that cannot have a user.
    let _ = bare.set_password(None).and_then(|()| bare.set_username(""));
    bare
}

/// A beginning of a URL with scheme and host in lower case, as [`Url`] has them; user, password and path are as given.
fn fold_case(prefix: &str) -> String {
    let Some((scheme, rest)) = prefix.split_once("://") else {
        return prefix.to_ascii_lowercase();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = match authority.rfind('@') {
        Some(at) => authority.split_at(at + 1),
        None => ("", authority),
    };
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    format!("{scheme}://{user}{host}{path}")
}

fn no_file() -> Refusal {
    let condition = Condition::NoSuchFile;
    Refusal::new(condition, condition.description())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_host_are_compared_without_case_and_nothing_else_is() {
        for (given, expected) in [
            ("HTTP://Example.ORG/Pool", "http://example.org/Pool"),
            ("HTTPS://Me:Word@Example.org", "https://Me:Word@example.org"),
            ("http://H?Q", "http://h?Q"),
            ("HTT", "htt"),
        ] {
            assert_eq!(fold_case(given), expected);
        }
    }

    #[test]
    fn a_prefix_is_text_and_takes_the_password_along_only_when_it_has_it() {
        let url = |text: &str| Url::parse(text).unwrap();
        let to = |from: &str, old: &str| {
            let found = replaced(&url(from), old, "https://new/x").unwrap();
            found.map(|url| url.to_string())
        };
        assert_eq!(
            to("http://h/a/b?c", "http://h/a").unwrap(),
            "https://new/x/b?c"
        );
        assert_eq!(to("http://h/ab", "http://h/a").unwrap(), "https://new/xb");
        assert_eq!(
            to("http://me:w@h/a", "http://h").unwrap(),
            "https://new/x/a"
        );
        assert_eq!(
            to("http://me:w@h/a", "http://me:w@h").unwrap(),
            "https://new/x/a"
        );
        assert_eq!(to("http://h/A", "http://h/a"), None);
        let refusal = replaced(&url("http://h/a"), "http://h", "secret").unwrap_err();
        assert_eq!(refusal.condition, Condition::InvalidArgument);
        assert!(!refusal.detail.contains("secret"));
    }
}
