//! How a job's requests go out: the calls of a [`Job`] about it.
//!
//! Must never keep a password longer than the call that hands it over.

use std::fmt;

use bgcopy_bus::Variables;
use bgcopy_model::{AuthScheme, AuthTarget, ProxyUsage, SecurityFlags};

use crate::{Error, Job, Result};

/// Which proxies a job uses.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Proxies {
    /// Those that the environment of the job's maker named.
    #[default]
    Preconfigured,
    /// None.
    None,
    /// Those that the network names. The service finds none in that way, so this is [`Proxies::Preconfigured`].
    Autodetect,
    /// These.
    List {
        /// `[scheme://][user:password@]host[:port]`, in the order in which they are tried. Read back, user and
        /// password are `***`.
        proxies: Vec<String>,
        /// Hosts that are asked without one: `<local>` for names without a dot, else `[scheme://]host[:port]` with
        /// `*` for any characters.
        bypass: Vec<String>,
    },
}

impl Proxies {
    /// This one, for every host.
    pub fn one(proxy: impl Into<String>) -> Self {
        Self::List {
            proxies: vec![proxy.into()],
            bypass: Vec::new(),
        }
    }

    pub(crate) fn into_wire(self) -> (ProxyUsage, Vec<String>, Vec<String>) {
        let usage = match self {
            Self::Preconfigured => ProxyUsage::Preconfigured,
            Self::None => ProxyUsage::NoProxy,
            Self::Autodetect => ProxyUsage::Autodetect,
            Self::List { proxies, bypass } => return (ProxyUsage::Override, proxies, bypass),
        };
        (usage, Vec::new(), Vec::new())
    }

    fn from_wire(usage: &str, proxies: Vec<String>, bypass: Vec<String>) -> Result<Self> {
        Ok(match ProxyUsage::from_name(usage) {
            Some(ProxyUsage::Preconfigured) => Self::Preconfigured,
            Some(ProxyUsage::NoProxy) => Self::None,
            Some(ProxyUsage::Autodetect) => Self::Autodetect,
            Some(ProxyUsage::Override) => Self::List { proxies, bypass },
            None => return Err(Error::Protocol(format!("there is no proxy usage {usage}"))),
        })
    }
}

impl fmt::Debug for Proxies {
    /// A proxy's URL can carry a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preconfigured => f.write_str("Preconfigured"),
            Self::None => f.write_str("None"),
            Self::Autodetect => f.write_str("Autodetect"),
            Self::List { proxies, bypass } => f
                .debug_struct("List")
                .field("proxies", &proxies.len())
                .field("bypass", bypass)
                .finish(),
        }
    }
}

impl Job {
    /// Has challenges of this target in this scheme answered with this user and password, in place of those that there
    /// were. They are sent to nobody who does not ask, and to no other host than that of the URL that a file was added
    /// with, or a proxy. They are not shown to anybody.
    pub async fn set_credentials(
        &self,
        target: AuthTarget,
        scheme: AuthScheme,
        user: &str,
        password: &str,
    ) -> Result<()> {
        let (link, target, scheme) = (self.link().await?, target.name(), scheme.name());
        let job = link.job(self.id()).await?;
        Ok(job.set_credentials(target, scheme, user, password).await?)
    }

    /// Forgets a user and password. There need not be any.
    pub async fn remove_credentials(&self, target: AuthTarget, scheme: AuthScheme) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id()).await?;
        Ok(job.remove_credentials(target.name(), scheme.name()).await?)
    }

    /// Sets which proxies it uses, from the next transfer of a file on.
    pub async fn set_proxies(&self, proxies: Proxies) -> Result<()> {
        let (usage, proxies, bypass) = proxies.into_wire();
        let link = self.link().await?;
        let job = link.job(self.id()).await?;
        Ok(job
            .set_proxy_settings(usage.name(), &proxies, &bypass)
            .await?)
    }

    /// Which proxies it uses, without users and passwords.
    pub async fn proxies(&self) -> Result<Proxies> {
        let link = self.link().await?;
        let (usage, proxies, bypass) = link.job(self.id()).await?.proxy_settings().await?;
        Proxies::from_wire(&usage, proxies, bypass)
    }

    /// Sets what becomes of redirects.
    pub async fn set_security_flags(&self, flags: SecurityFlags) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id()).await?;
        Ok(job.set_security_flags(flags.bits()).await?)
    }

    /// Replaces the fields that every request carries; none takes all of them away.
    pub async fn set_headers(
        &self,
        headers: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Result<()> {
        let headers: Variables = headers.into_iter().collect();
        let link = self.link().await?;
        Ok(link
            .job(self.id())
            .await?
            .set_custom_headers(&headers)
            .await?)
    }

    /// The head of the last answer that brought bytes of this file, as long as the service remembers it: the status
    /// line, then the fields, each line with CR and LF.
    pub async fn response_headers(&self, file: u32) -> Result<Option<String>> {
        let link = self.link().await?;
        let head = link.job(self.id()).await?.response_headers(file).await?;
        Ok((!head.is_empty()).then_some(head))
    }
}
