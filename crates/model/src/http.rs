//! How a job's requests go out: redirects and proxies. Parsed and checked on construction.
//!
//! Owns what BITS calls security flags and proxy settings, and their limits; [`crate::Credentials`] are beside it. A
//! proxy's URL can carry a password: nothing in this module prints one.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Condition, Credentials};

/// How a job's requests go out, beside its header fields and the environment of its client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpOptions {
    /// Where redirects may lead.
    pub security: SecurityFlags,
    /// Which proxies are used.
    pub proxy: ProxySettings,
    /// What answers a challenge.
    pub credentials: Credentials,
}

/// A value that is refused: which rule it breaks, in a sentence that repeats no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct HttpOptionError {
    /// The contract's word for it.
    pub condition: Condition,
    /// One sentence for people.
    pub detail: String,
}

impl HttpOptionError {
    pub(crate) fn new(condition: Condition, detail: impl Into<String>) -> Self {
        Self {
            condition,
            detail: detail.into(),
        }
    }
}

/// BITS's `SetSecurityFlags`, as far as it is about redirects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct SecurityFlags(u32);

/// What becomes of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redirects {
    /// It is followed.
    Follow,
    /// It is followed, and the URL where the file was found becomes the file's remote name.
    Report,
    /// It is the job's error.
    Refuse,
}

impl SecurityFlags {
    /// Follow and report (`BG_HTTP_REDIRECT_POLICY_ALLOW_REPORT`).
    pub const REPORT: u32 = 0x100;
    /// Refuse (`BG_HTTP_REDIRECT_POLICY_DISALLOW`).
    pub const REFUSE: u32 = 0x200;
    /// Redirects may lead from https to http (`BG_HTTP_REDIRECT_POLICY_ALLOW_HTTPS_TO_HTTP`).
    pub const HTTPS_TO_HTTP: u32 = 0x800;
    /// The bits of which [`Redirects`] is one value (`BG_HTTP_REDIRECT_POLICY_MASK`).
    const POLICY: u32 = 0x700;
    /// `BG_SSL_ENABLE_CRL_CHECK`.
    const REVOCATION: u32 = 0x1;
    /// `BG_SSL_IGNORE_…`: the name, the dates, the authority, the purpose of a certificate.
    const IGNORE_CERTIFICATE: u32 = 0x1e;

    /// The flags of these bits; 0 follows redirects, but not from https to http.
    ///
    /// # Errors
    /// [`Condition::NotImplemented`] for the flags that ignore what is wrong with a certificate and for revocation
    /// lists, [`Condition::InvalidArgument`] for bits that mean nothing.
    pub fn from_bits(bits: u32) -> Result<Self, HttpOptionError> {
        let (condition, why) = if bits & Self::IGNORE_CERTIFICATE != 0 {
            let why = "ask to trust certificates that prove nothing, which this service never does; name an authority \
                       of your own in the configuration's ca_file";
            (Condition::NotImplemented, why)
        } else if bits & Self::REVOCATION != 0 {
            let why = "ask for certificate revocation lists, which this service does not read";
            (Condition::NotImplemented, why)
        } else if bits & !(Self::POLICY | Self::HTTPS_TO_HTTP) != 0
            || !matches!(bits & Self::POLICY, 0 | Self::REPORT | Self::REFUSE)
        {
            let why = "have a bit without a meaning";
            (Condition::InvalidArgument, why)
        } else {
            return Ok(Self(bits));
        };
        let detail = format!("the security flags 0x{bits:x} {why}");
        Err(HttpOptionError::new(condition, detail))
    }

    /// Its bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// What becomes of a redirect.
    pub const fn redirects(self) -> Redirects {
        match self.0 & Self::POLICY {
            Self::REPORT => Redirects::Report,
            Self::REFUSE => Redirects::Refuse,
            _ => Redirects::Follow,
        }
    }

    /// Whether a redirect may lead from https to http.
    pub const fn allows_https_to_http(self) -> bool {
        self.0 & Self::HTTPS_TO_HTTP != 0
    }
}

impl TryFrom<u32> for SecurityFlags {
    type Error = HttpOptionError;

    fn try_from(bits: u32) -> Result<Self, HttpOptionError> {
        Self::from_bits(bits)
    }
}

impl From<SecurityFlags> for u32 {
    fn from(flags: SecurityFlags) -> Self {
        flags.0
    }
}

/// Which proxies a job uses (`BG_JOB_PROXY_USAGE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyUsage {
    /// Those of the client's environment.
    #[default]
    Preconfigured,
    /// None.
    NoProxy,
    /// Those of its list.
    Override,
    /// Those that the network names. Nothing here finds such: it is [`ProxyUsage::Preconfigured`].
    Autodetect,
}

impl ProxyUsage {
    /// Every usage.
    pub const ALL: [Self; 4] = [
        Self::Preconfigured,
        Self::NoProxy,
        Self::Override,
        Self::Autodetect,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preconfigured => "preconfigured",
            Self::NoProxy => "no-proxy",
            Self::Override => "override",
            Self::Autodetect => "autodetect",
        }
    }

    /// The usage of a name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|usage| usage.name() == name)
    }
}

/// Which proxies a job uses, and for which hosts none.
///
/// Invariant: both lists are empty unless the usage is [`ProxyUsage::Override`], and then there is a proxy.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySettings {
    usage: ProxyUsage,
    proxies: Vec<Url>,
    bypass: Vec<String>,
}

impl ProxySettings {
    /// Characters of a list, its entries separated by one each (BITS).
    pub const LONGEST_LIST: usize = 32_767;

    /// Proxies are `[scheme://][user:password@]host[:port]`; the scheme is http or https, http where none is named.
    ///
    /// # Errors
    /// [`HttpOptionError`]: a list where none belongs or none where one does, one that is too long, or an entry that
    /// is no proxy or no pattern.
    pub fn new(
        usage: ProxyUsage,
        proxies: &[String],
        bypass: Vec<String>,
    ) -> Result<Self, HttpOptionError> {
        let invalid = |detail: &str| Err(HttpOptionError::new(Condition::InvalidArgument, detail));
        if usage != ProxyUsage::Override && !(proxies.is_empty() && bypass.is_empty()) {
            return invalid("a list of proxies or exceptions goes with the usage «override» alone");
        }
        if usage == ProxyUsage::Override && proxies.is_empty() {
            return invalid("the usage «override» needs a proxy");
        }
        for (list, what, condition) in [
            (proxies, "proxies", Condition::ProxyListTooLarge),
            (
                bypass.as_slice(),
                "exceptions",
                Condition::BypassListTooLarge,
            ),
        ] {
            let length: usize = list.iter().map(|entry| entry.chars().count() + 1).sum();
            if length > Self::LONGEST_LIST + 1 {
                let most = Self::LONGEST_LIST;
                let detail = format!(
                    "the list of {what} has {} characters, {most} are allowed",
                    length - 1
                );
                return Err(HttpOptionError::new(condition, detail));
            }
        }
        let is_pattern = |entry: &String| {
            !entry.is_empty() && !entry.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        if !bypass.iter().all(is_pattern) {
            return invalid("an exception from the proxies is empty or has a space in it");
        }
        let proxies = proxies.iter().map(|text| proxy(text));
        Ok(Self {
            usage,
            proxies: proxies.collect::<Result<_, _>>()?,
            bypass,
        })
    }

    /// Which proxies are used.
    pub const fn usage(&self) -> ProxyUsage {
        self.usage
    }

    /// The list, in the order in which they are tried. They may have a password in them.
    pub fn proxies(&self) -> &[Url] {
        &self.proxies
    }

    /// The hosts that are asked without a proxy, as the caller wrote them.
    pub fn bypass(&self) -> &[String] {
        &self.bypass
    }
}

impl fmt::Debug for ProxySettings {
    /// A proxy's URL can carry a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("usage", &self.usage)
            .field("proxies", &self.proxies.len())
            .field("bypass", &self.bypass)
            .finish()
    }
}

/// Reads a proxy. A refusal does not repeat it.
fn proxy(text: &str) -> Result<Url, HttpOptionError> {
    let refused = |why: &str| {
        let condition = Condition::InvalidProxy;
        HttpOptionError::new(condition, format!("a proxy cannot be used: {why}"))
    };
    let text = text.trim();
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    let url = url.map_err(|error| refused(&error.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        scheme if scheme.starts_with("socks") => Err(refused(
            "SOCKS proxies are not supported, only http:// and https:// ones",
        )),
        _ => Err(refused("its URL does not begin with http:// or https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: fmt::Debug>(result: Result<T, HttpOptionError>) -> Condition {
        result.unwrap_err().condition
    }

    fn list(
        usage: ProxyUsage,
        proxies: &[&str],
        bypass: &[&str],
    ) -> Result<ProxySettings, HttpOptionError> {
        let owned = |list: &[&str]| {
            list.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        ProxySettings::new(usage, &owned(proxies), owned(bypass))
    }

    #[test]
    fn flags_that_weaken_tls_are_refused_and_those_without_a_meaning_too() {
        for bits in [0x1, 0x2, 0x4, 0x8, 0x10, 0x102] {
            assert_eq!(
                refused(SecurityFlags::from_bits(bits)),
                Condition::NotImplemented,
                "{bits:x}"
            );
        }
        for bits in [0x20, 0x300, 0x400, 0x700, 0x1000] {
            assert_eq!(
                refused(SecurityFlags::from_bits(bits)),
                Condition::InvalidArgument,
                "{bits:x}"
            );
        }
        for (bits, redirects, insecure) in [
            (0, Redirects::Follow, false),
            (0x100, Redirects::Report, false),
            (0x200, Redirects::Refuse, false),
            (0x900, Redirects::Report, true),
        ] {
            let flags = SecurityFlags::from_bits(bits).unwrap();
            assert_eq!(
                (flags.redirects(), flags.allows_https_to_http()),
                (redirects, insecure)
            );
            let text = serde_json::to_string(&flags).unwrap();
            assert_eq!(serde_json::from_str::<SecurityFlags>(&text).unwrap(), flags);
        }
        assert!(serde_json::from_str::<SecurityFlags>("2").is_err());
    }

    #[test]
    fn a_list_of_proxies_goes_with_override_alone_and_is_needed_there() {
        let all = ProxyUsage::Override;
        assert!(list(all, &["a:1", "https://u:p@b"], &["<local>", "*.x"]).is_ok());
        assert_eq!(refused(list(all, &[], &["x"])), Condition::InvalidArgument);
        assert_eq!(
            refused(list(all, &["a"], &["x y"])),
            Condition::InvalidArgument
        );
        for other in [
            ProxyUsage::Preconfigured,
            ProxyUsage::NoProxy,
            ProxyUsage::Autodetect,
        ] {
            assert!(list(other, &[], &[]).is_ok());
            assert_eq!(
                refused(list(other, &["a"], &[])),
                Condition::InvalidArgument
            );
            assert_eq!(
                refused(list(other, &[], &["a"])),
                Condition::InvalidArgument
            );
            assert_eq!(ProxyUsage::from_name(other.name()), Some(other));
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_and_its_password_not_repeated() {
        for text in [
            "socks5://u:secret@p",
            "ftp://u:secret@p",
            "u:secret@p:99999",
            "",
            "http://",
        ] {
            let error = list(ProxyUsage::Override, &[text], &[]).unwrap_err();
            assert_eq!(error.condition, Condition::InvalidProxy, "{text}");
            assert!(!error.detail.contains("secret"), "{}", error.detail);
        }
        let settings = list(ProxyUsage::Override, &["u:secret@p"], &[]).unwrap();
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn lists_are_as_long_as_bits_allows() {
        let just = "p".repeat(ProxySettings::LONGEST_LIST - 2);
        assert!(list(ProxyUsage::Override, &["p"], &["x", &just]).is_ok());
        let more = format!("{just}p");
        let too_long = list(ProxyUsage::Override, &["p"], &["x", &more]);
        assert_eq!(refused(too_long), Condition::BypassListTooLarge);
        let too_long = list(ProxyUsage::Override, &["p", &more], &[]);
        assert_eq!(refused(too_long), Condition::ProxyListTooLarge);
    }
}
