//! TLS: whom to trust, the handshake, and what its errors mean.
//!
//! Owns the certificate store, which is read at the first `https` connection and read again when that failed. It
//! must never offer a way to skip verification.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bgcopy_model::Condition;
use bgcopy_transfer::Failure;
use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    pki_types::{CertificateDer, IpAddr, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader},
    sync::OnceCell,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Host;

use crate::{endpoint::Endpoint, failure::plain};

/// Bytes that are read from the socket at once. rustls asks for 4 KiB at a time, which would be four system calls
/// for one record.
const READ_AHEAD: usize = 64 * 1024;

/// The trust of one client.
pub(crate) struct Tls {
    ca_file: Option<PathBuf>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(crate) fn new(ca_file: Option<PathBuf>) -> Self {
        Self {
            ca_file,
            config: OnceCell::new(),
        }
    }

    /// Makes `stream` a TLS connection to `endpoint`, whose certificate is verified.
    pub(crate) async fn handshake<S>(
        &self,
        endpoint: &Endpoint,
        stream: S,
    ) -> Result<TlsStream<BufReader<S>>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let place = endpoint.authority();
        let name = match &endpoint.host {
            Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
                .map_err(|_| {
                    Failure::new(
                        Condition::InvalidArgument,
                        format!("{name} is no name that a certificate can be for"),
                    )
                })?,
            Host::Ipv4(address) => {
                ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V4(*address)))
            }
            Host::Ipv6(address) => {
                ServerName::IpAddress(IpAddr::from(std::net::IpAddr::V6(*address)))
            }
        };
        let config = self.config(&place).await?;
        let stream = BufReader::with_capacity(READ_AHEAD, stream);
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| handshake_failure(&place, &error))
    }

    async fn config(&self, place: &str) -> Result<Arc<ClientConfig>, Failure> {
        let load = || async {
            let file = self.ca_file.clone();
            // A store of 150 certificates takes milliseconds to read and parse.
            tokio::task::spawn_blocking(move || load(file.as_deref()))
                .await
                .unwrap_or_else(|error| Err(error.to_string()))
        };
        let config = self.config.get_or_try_init(load).await;
        config.cloned().map_err(|why| {
            Failure::new(
                Condition::TlsFailure,
                format!("cannot connect to {place} securely: {why}"),
            )
        })
    }
}

/// The client's configuration, or why there is none.
fn load(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let roots = match ca_file {
        Some(file) => roots_of_file(file)?,
        None => roots_of_system()?,
    };
    tracing::debug!(certificates = roots.len(), "read the certificate store");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn roots_of_file(file: &Path) -> Result<RootCertStore, String> {
    use rustls::pki_types::pem::Error as Pem;
    let at = file.display();
    let explain = |error: Pem| match error {
        Pem::Io(error) => format!(
            "the certificate file {at} cannot be read: {}",
            plain(&error)
        ),
        error => format!("the certificate file {at} is damaged: {error}"),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(explain)? {
        roots.add(certificate.map_err(explain)?).map_err(|error| {
            format!("the certificate file {at} holds a bad certificate: {error}")
        })?;
    }
    if roots.is_empty() {
        return Err(format!("the certificate file {at} holds no certificate"));
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A store has grown over decades: what rustls cannot use in it is no reason to trust nobody.
    roots.add_parsable_certificates(found.certs);
    match (roots.is_empty(), found.errors.as_slice()) {
        (false, errors) => {
            for error in errors {
                tracing::warn!(%error, "a part of the certificate store cannot be read");
            }
            Ok(roots)
        }
        (true, [error, ..]) => Err(format!("the certificate store cannot be read: {error}")),
        (true, []) => Err(
            "this machine has no certificate store; install the package ca-certificates".to_owned(),
        ),
    }
}

fn handshake_failure(place: &str, error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.map_or_else(
        || {
            Failure::new(
                Condition::TlsFailure,
                format!("{place} broke off the TLS handshake: {}", plain(error)),
            )
        },
        |error| failure(place, error),
    )
}

/// What an error of rustls means.
pub(crate) fn failure(place: &str, error: &rustls::Error) -> Failure {
    use CertificateError as E;
    let rustls::Error::InvalidCertificate(error) = error else {
        return Failure::new(
            Condition::TlsFailure,
            format!("TLS with {place} failed: {error}"),
        );
    };
    let why = match error {
        E::Expired | E::ExpiredContext { .. } => "it has expired".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "it is not valid yet; is this machine's clock right?".to_owned()
        }
        E::UnknownIssuer => {
            "it is signed by an authority that this machine does not trust".to_owned()
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        E::BadSignature => "it is not signed by the authority that it names".to_owned(),
        E::Revoked => "it was revoked".to_owned(),
        other => other.to_string(),
    };
    Failure::new(
        Condition::CertificateRejected,
        format!("the certificate of {place} is rejected: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the file is the test's own")]
    fn a_ca_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let why = |file: &Path| load(Some(file)).err().unwrap_or_default();
        assert!(
            why(&file).contains("cannot be read: No such file"),
            "{}",
            why(&file)
        );
        std::fs::write(&file, "nothing").unwrap();
        assert!(
            why(&file).contains("holds no certificate"),
            "{}",
            why(&file)
        );
        std::fs::write(
            &file,
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        assert!(why(&file).contains("bad certificate"), "{}", why(&file));
        assert!(why(&file).contains(&file.display().to_string()));
    }

    #[test]
    fn reasons_against_a_certificate_are_told_in_plain_words() {
        for (error, words) in [
            (CertificateError::Expired, "expired"),
            (CertificateError::NotValidYet, "clock"),
            (CertificateError::UnknownIssuer, "does not trust"),
            (CertificateError::NotValidForName, "another name"),
        ] {
            let failure = failure("h:443", &rustls::Error::InvalidCertificate(error));
            assert_eq!(failure.condition, Condition::CertificateRejected);
            assert!(failure.detail.contains(words), "{}", failure.detail);
        }
        let other = failure("h:443", &rustls::Error::DecryptError);
        assert_eq!(other.condition, Condition::TlsFailure);
    }
}
