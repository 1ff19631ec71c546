//! What a client hands over with a call: dictionaries of options, of which each may be left out.
//!
//! The service refuses an option that it does not know, so that a misspelt one is never silently without effect.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use zbus::{OwnedObjectPath, Type};

use crate::dictionary::options;

options! {
    /// The options of `CreateJob` and `SubmitJob`.
    JobOptions {
        /// A description for people, at most 1 024 characters.
        description: String = "Description";
        /// [`bgcopy_model::Priority::code`].
        priority: u32 = "Priority";
        /// Whether the service completes the job by itself once every file is there.
        auto_complete: bool = "AutoComplete";
        /// [`bgcopy_model::NotifyFlags::bits`].
        notify_flags: u32 = "NotifyFlags";
        /// The program to run when no callback object answers, and its arguments.
        notify_command: Vec<String> = "NotifyCommand";
        /// The name on the owner's session bus to start when there is no callback object.
        activation_name: String = "ActivationName";
        /// The callback object, on the caller's connection.
        notify_interface: OwnedObjectPath = "NotifyInterface";
        /// The shortest time before a retry, in seconds.
        minimum_retry_delay: u32 = "MinimumRetryDelay";
        /// How long the job may go without a byte, in seconds; 0: every error is fatal.
        no_progress_timeout: u32 = "NoProgressTimeout";
        /// Request header fields, name to value. Secret: no call reads them back.
        headers: Variables = "Headers";
        /// The client's umask: a finished file has mode `0666 & !umask`.
        umask: u32 = "Umask";
        /// Variables of the client's environment, of which the service takes only those that name proxies.
        environment: Variables = "Environment";
        /// [`bgcopy_model::SecurityFlags::bits`].
        security_flags: u32 = "SecurityFlags";
        /// [`bgcopy_model::ProxyUsage::name`].
        proxy_usage: String = "ProxyUsage";
        /// Proxies, in the order in which they are tried. They may have passwords in them.
        proxies: Hidden = "Proxies";
        /// Hosts without a proxy.
        proxy_bypass: Vec<String> = "ProxyBypass";
        /// What answers challenges. Secret: no call reads it back.
        credentials: Vec<CredentialArgs> = "Credentials";
    }
}

options! {
    /// The options of a file.
    FileOptions {
        /// The digest it must have: `sha256:<hex>` or `blake3:<hex>`.
        checksum: String = "Checksum";
        /// The ranges wanted, (offset, length) each; length 2^64 − 1: to the end.
        ranges: Vec<(u64, u64)> = "Ranges";
        /// Where it is too, (URL, priority) each; priority 0: the last place.
        mirrors: Vec<(String, u32)> = "Mirrors";
    }
}

/// A file to fetch: `(ssa{sv})`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct FileArgs {
    /// Its URL.
    pub url: String,
    /// Its destination: an absolute path; one that ends in `/` leaves the name to the origin.
    pub path: String,
    /// What else is wanted.
    pub options: FileOptions,
}

/// A user and a password, for whom and in which scheme: `(ssss)`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CredentialArgs {
    /// [`bgcopy_model::AuthTarget::name`].
    pub target: String,
    /// [`bgcopy_model::AuthScheme::name`].
    pub scheme: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for CredentialArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (hidden)", self.target, self.scheme)
    }
}

/// Texts with passwords in them (`as`): URLs of proxies.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct Hidden(pub Vec<String>);

impl fmt::Debug for Hidden {
    /// Prints how many there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (hidden)", self.0.len())
    }
}

/// Names and values that may be secrets (`a{ss}`): header fields, environment variables.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct Variables(pub BTreeMap<String, String>);

impl fmt::Debug for Variables {
    /// Prints the names alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let owned = |(name, value): (K, V)| (name.into(), value.into());
        Self(pairs.into_iter().map(owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use zbus::{
        Variant,
        wire::{LE, serialized::Context, to_bytes},
    };

    use super::*;

    fn read(options: &BTreeMap<&str, Variant<'_>>) -> Result<FileOptions, String> {
        let bytes = to_bytes(Context::new(LE, 0), options).unwrap();
        let read: zbus::Result<(FileOptions, _)> = bytes.deserialize();
        read.map(|(options, _)| options)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn options_survive_the_wire() {
        let file = FileArgs {
            url: "http://h/".into(),
            path: "/tmp/".into(),
            options: FileOptions {
                checksum: None,
                ranges: Some(vec![(5, 6), (0, u64::MAX)]),
                mirrors: Some(vec![("http://g/".into(), 1)]),
            },
        };
        assert_eq!(FileArgs::SIGNATURE.to_string(), "(ssa{sv})");
        let bytes = to_bytes(Context::new(LE, 0), &file).unwrap();
        let (read, _): (FileArgs, _) = bytes.deserialize().unwrap();
        assert_eq!(read, file);

        let job = JobOptions {
            headers: Some([("X-A", "b")].into_iter().collect()),
            umask: Some(0o077),
            proxies: Some(Hidden(vec!["http://p".into()])),
            credentials: Some(vec![CredentialArgs {
                target: "server".into(),
                scheme: "basic".into(),
                user: "me".into(),
                password: "hunter2".into(),
            }]),
            ..JobOptions::default()
        };
        let bytes = to_bytes(Context::new(LE, 0), &job).unwrap();
        let (read, _): (JobOptions, _) = bytes.deserialize().unwrap();
        assert_eq!(read, job);
        assert!(!format!("{job:?}").contains("hunter2"));
    }

    #[test]
    fn an_unknown_option_is_refused_by_name() {
        let error = read(&BTreeMap::from([("Chekcsum", Variant::from("x"))])).unwrap_err();
        assert!(error.contains("Chekcsum"), "{error}");
    }

    #[test]
    fn an_option_of_another_type_is_refused_by_name() {
        let error = read(&BTreeMap::from([("Checksum", Variant::from(1_u32))])).unwrap_err();
        assert!(error.contains("Checksum"), "{error}");
    }

    #[test]
    fn values_of_headers_and_variables_are_not_printed() {
        let job = JobOptions {
            headers: Some([("Authorization", "hunter2")].into_iter().collect()),
            ..JobOptions::default()
        };
        let text = format!("{job:?}");
        assert!(text.contains("Authorization") && !text.contains("hunter2"));
    }
}
