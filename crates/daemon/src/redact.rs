//! URLs as they are shown: in properties, errors and the log.
//!
//! User and password of a URL go to its origin alone. Either can be a secret (a token often stands where the user's
//! name does), so neither is ever shown.

use url::Url;

/// What stands for user and password.
const HIDDEN: &str = "***";

/// The URL without the user and the password that may be in it; that there were some is shown.
pub(crate) fn shown(url: &Url) -> Url {
    let mut shown = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // These fail only for URLs that cannot have a user.
        let _ = shown
            .set_password(None)
            .and_then(|()| shown.set_username(HIDDEN));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_user_nor_password_is_shown() {
        for (url, expected) in [
            ("http://me:secret@h/a?b#c", "http://***@h/a?b#c"),
            ("https://token@h:8/", "https://***@h:8/"),
            ("http://:secret@[::1]/", "http://***@[::1]/"),
            ("http://h/me:secret@x", "http://h/me:secret@x"),
        ] {
            assert_eq!(shown(&url.parse().unwrap()).as_str(), expected);
        }
    }
}
