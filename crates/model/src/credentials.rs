//! What answers an origin or a proxy that asks who this is. Parsed and checked on construction.
//!
//! Owns what BITS calls authentication credentials, and their limits. Passwords are in here: nothing in this module
//! prints one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Condition, HttpOptionError};

/// Who asks for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthTarget {
    /// The origin.
    Server,
    /// A proxy.
    Proxy,
}

impl AuthTarget {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Proxy => "proxy",
        }
    }

    /// # Errors
    /// [`Condition::InvalidAuthTarget`].
    pub fn from_name(name: &str) -> Result<Self, HttpOptionError> {
        let mut all = [Self::Server, Self::Proxy].into_iter();
        all.find(|target| target.name() == name).ok_or_else(|| {
            let detail = format!("credentials are for «server» or «proxy», not {name:?}");
            HttpOptionError::new(Condition::InvalidAuthTarget, detail)
        })
    }
}

/// How they are shown to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthScheme {
    /// As they are (RFC 7617).
    Basic,
    /// As a proof that they are known (RFC 7616).
    Digest,
}

impl AuthScheme {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Digest => "digest",
        }
    }

    /// # Errors
    /// [`Condition::InvalidAuthScheme`], for the contract's other schemes too.
    pub fn from_name(name: &str) -> Result<Self, HttpOptionError> {
        let mut all = [Self::Basic, Self::Digest].into_iter();
        all.find(|scheme| scheme.name() == name).ok_or_else(|| {
            let detail =
                format!("the schemes of credentials are «basic» and «digest», not {name:?}");
            HttpOptionError::new(Condition::InvalidAuthScheme, detail)
        })
    }
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// A user and a password, for whom and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    target: AuthTarget,
    scheme: AuthScheme,
    login: Login,
}

impl Credential {
    /// Characters of a user's name, and of a password (BITS).
    pub const LONGEST: usize = 300;

    /// # Errors
    /// [`HttpOptionError`]: too long, or with a character that the scheme cannot carry.
    pub fn new(
        target: AuthTarget,
        scheme: AuthScheme,
        user: String,
        password: String,
    ) -> Result<Self, HttpOptionError> {
        for (text, what, condition) in [
            (&user, "user name", Condition::UserNameTooLarge),
            (&password, "password", Condition::PasswordTooLarge),
        ] {
            if text.chars().count() > Self::LONGEST {
                let detail = format!("the {what} has more than {} characters", Self::LONGEST);
                return Err(HttpOptionError::new(condition, detail));
            }
            if text.contains(char::is_control) {
                let detail = format!("the {what} has a control character");
                return Err(HttpOptionError::new(Condition::InvalidArgument, detail));
            }
        }
        if scheme == AuthScheme::Basic && user.contains(':') {
            let detail =
                "the scheme «basic» cannot carry a user name with a colon (RFC 7617, section 2)";
            return Err(HttpOptionError::new(Condition::InvalidArgument, detail));
        }
        Ok(Self {
            target,
            scheme,
            login: Login { user, password },
        })
    }
}

/// What answers challenges: at most one credential for each target and scheme.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credentials(Vec<Credential>);

impl Credentials {
    /// Keeps it, in place of the one of the same target and scheme.
    pub fn set(&mut self, credential: Credential) {
        self.remove(credential.target, credential.scheme);
        self.0.push(credential);
        self.0.sort_by_key(|kept| (kept.target, kept.scheme));
    }

    /// Forgets it; one that is not there is forgotten already.
    pub fn remove(&mut self, target: AuthTarget, scheme: AuthScheme) {
        self.0
            .retain(|kept| (kept.target, kept.scheme) != (target, scheme));
    }

    /// The user and password for this target and scheme.
    pub fn login(&self, target: AuthTarget, scheme: AuthScheme) -> Option<&Login> {
        let mut all = self.0.iter();
        all.find(|kept| (kept.target, kept.scheme) == (target, scheme))
            .map(|kept| &kept.login)
    }

    /// For whom and how there are some.
    pub fn kinds(&self) -> impl Iterator<Item = (AuthTarget, AuthScheme)> {
        self.0.iter().map(|kept| (kept.target, kept.scheme))
    }
}

impl FromIterator<Credential> for Credentials {
    fn from_iter<I: IntoIterator<Item = Credential>>(all: I) -> Self {
        let mut credentials = Self::default();
        all.into_iter().for_each(|one| credentials.set(one));
        credentials
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: fmt::Debug>(result: Result<T, HttpOptionError>) -> Condition {
        result.unwrap_err().condition
    }

    fn credential(
        scheme: AuthScheme,
        user: &str,
        password: &str,
    ) -> Result<Credential, HttpOptionError> {
        Credential::new(AuthTarget::Server, scheme, user.into(), password.into())
    }

    #[test]
    fn there_is_one_credential_for_a_target_and_a_scheme() {
        let mut all = Credentials::default();
        all.set(credential(AuthScheme::Digest, "a", "1").unwrap());
        all.set(credential(AuthScheme::Basic, "b", "2").unwrap());
        all.set(credential(AuthScheme::Basic, "c", "3").unwrap());
        let server = AuthTarget::Server;
        assert_eq!(
            all.kinds().collect::<Vec<_>>(),
            [(server, AuthScheme::Basic), (server, AuthScheme::Digest)]
        );
        assert_eq!(all.login(server, AuthScheme::Basic).unwrap().user, "c");
        assert_eq!(all.login(AuthTarget::Proxy, AuthScheme::Basic), None);
        all.remove(server, AuthScheme::Basic);
        all.remove(server, AuthScheme::Basic);
        assert_eq!(all.kinds().count(), 1);
    }

    #[test]
    fn credentials_have_limits_and_are_never_printed() {
        let (basic, digest) = (AuthScheme::Basic, AuthScheme::Digest);
        let (most, more) = ("é".repeat(300), "é".repeat(301));
        let kept = credential(basic, &most, &most).unwrap();
        assert_eq!(
            refused(credential(basic, &more, "")),
            Condition::UserNameTooLarge
        );
        assert_eq!(
            refused(credential(basic, "", &more)),
            Condition::PasswordTooLarge
        );
        assert_eq!(
            refused(credential(basic, "a:b", "")),
            Condition::InvalidArgument
        );
        assert!(credential(digest, "a:b", "").is_ok());
        let error = credential(digest, "a", "secret\r\n").unwrap_err();
        assert!(!error.detail.contains("secret"));
        assert!(!format!("{kept:?}").contains('é'));
        assert_eq!(
            refused(AuthScheme::from_name("ntlm")),
            Condition::InvalidAuthScheme
        );
        assert_eq!(
            refused(AuthTarget::from_name("Server")),
            Condition::InvalidAuthTarget
        );
    }
}
