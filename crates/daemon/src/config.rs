//! The service's configuration: a TOML file whose every key has a default.
//!
//! `dist/bgcopy.toml` documents each key; a test reads it and holds it against these types.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bgcopy_model::Limits;
use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How much there may be of everything.
    pub limits: Limits,
    /// How origins are spoken to.
    pub http: Http,
    /// What is logged.
    pub log: Log,
}

/// How origins are spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// A PEM file of certification authorities, instead of the system's; empty: the system's.
    pub ca_file: PathBuf,
    /// Seconds that a connection may take to be made.
    pub connect_timeout_seconds: u32,
    /// Seconds that an origin may stay silent.
    pub stall_timeout_seconds: u32,
    /// Redirects that one request may take.
    pub max_redirects: u8,
    /// Connections to one origin.
    pub connections_per_origin: u32,
    /// What the service calls itself.
    pub user_agent: String,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            ca_file: PathBuf::new(),
            connect_timeout_seconds: 30,
            stall_timeout_seconds: 60,
            max_redirects: 10,
            connections_per_origin: 16,
            user_agent: concat!("bgcopy/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// A filter: `error`, `warn`, `info`, `debug`, `trace`, or `module=level` pairs with commas.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {path} cannot be read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no valid configuration.
    #[error("the configuration {path} is not valid")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
}

impl Config {
    /// Reads the file at `path`; one that need not exist and does not is the default.
    ///
    /// # Errors
    /// [`ConfigError`].
    #[expect(
        clippy::disallowed_methods,
        reason = "the configuration is the service's own, not a user's file that `disk` guards"
    )]
    pub fn read(path: &Path, must_exist: bool) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => {
                return Ok(Self::default());
            }
            Err(source) => {
                let path = path.to_owned();
                return Err(ConfigError::Unreadable { path, source });
            }
        };
        toml::from_str(&text).map_err(|source| ConfigError::Invalid {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// What the HTTP source needs of it.
    pub fn origin(&self) -> bgcopy_origin::Config {
        let seconds = |count: u32| Duration::from_secs(u64::from(count.max(1)));
        bgcopy_origin::Config {
            ca_file: (!self.http.ca_file.as_os_str().is_empty()).then(|| self.http.ca_file.clone()),
            connect_timeout: seconds(self.http.connect_timeout_seconds),
            stall_timeout: seconds(self.http.stall_timeout_seconds),
            max_redirects: self.http.max_redirects,
            user_agent: self.http.user_agent.clone(),
            connections_per_origin: self.http.connections_per_origin.max(1) as usize,
            ..bgcopy_origin::Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commented example, with every key as the default has it.
    const EXAMPLE: &str = include_str!("../../../dist/bgcopy.toml");

    fn keys(table: &toml::Table, prefix: &str, into: &mut Vec<String>) {
        for (name, value) in table {
            let name = format!("{prefix}{name}");
            match value {
                toml::Value::Table(inner) => keys(inner, &format!("{name}."), into),
                _ => into.push(name),
            }
        }
    }

    #[test]
    fn the_example_names_every_key_with_its_default() {
        // Keys stand commented out, so that the file changes nothing until somebody wants it to.
        let is_key = |line: &str| {
            let rest = line.strip_prefix('#')?;
            let name = rest.split('=').next()?.trim_end();
            let is_name =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            (is_name && rest.contains('=')).then(|| rest.to_owned())
        };
        let live: String = EXAMPLE
            .lines()
            .map(|line| is_key(line).unwrap_or_else(|| line.to_owned()) + "\n")
            .collect();
        let config: Config = toml::from_str(&live).unwrap();
        assert_eq!(config, Config::default());
        let (mut named, mut known) = (Vec::new(), Vec::new());
        keys(&toml::from_str(&live).unwrap(), "", &mut named);
        keys(
            &toml::Table::try_from(Config::default()).unwrap(),
            "",
            &mut known,
        );
        named.sort();
        known.sort();
        assert_eq!(named, known);
        assert_eq!(
            toml::from_str::<Config>(EXAMPLE).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = toml::from_str::<Config>("[http]\nca_flie = \"x\"").unwrap_err();
        assert!(error.to_string().contains("ca_flie"), "{error}");
    }
}
