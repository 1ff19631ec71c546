//! The certificate authority of the tests and the identities that it issues.
//!
//! Owns key material that lives as long as the test. It must never touch the machine's own trust store: a
//! program under test is told of this authority through `ca_file` or `SSL_CERT_FILE`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

/// The names under which every loopback server of the tests can be reached.
const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate authority made for one test.
pub struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

/// A certificate with its key, in memory and as PEM files for servers that read files.
#[derive(Debug, Clone)]
pub struct Identity {
    certificate_pem: String,
    key_pem: String,
    certificate_file: PathBuf,
    key_file: PathBuf,
}

impl TestCa {
    /// Makes an authority with a fresh key.
    ///
    /// # Panics
    /// When keys cannot be made or the temporary directory cannot be written.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "bgcopy test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key pair can be generated");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("the authority signs itself");
        let dir = TempDir::with_prefix("bgcopy-ca-").expect("a temporary directory can be made");
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).expect("ca.pem can be written");
        // Servers that drop their rights read the files below as another user.
        open_to_all(dir.path(), 0o755);
        Self { issuer, dir }
    }

    /// The authority's certificate as PEM text.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's certificate as a PEM file, for `ca_file` and `SSL_CERT_FILE`; gone when this value is.
    pub fn pem_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// A valid identity for `localhost`, `127.0.0.1` and `::1`.
    ///
    /// # Panics
    /// When the identity cannot be signed or written.
    pub fn loopback(&self) -> Identity {
        self.issue(&LOOPBACK_NAMES, (2020, 2120))
    }

    /// A valid identity for other names than the loopback's: a client has to refuse it.
    ///
    /// # Panics
    /// When the identity cannot be signed or written.
    pub fn for_names(&self, names: &[&str]) -> Identity {
        self.issue(names, (2020, 2120))
    }

    /// An identity for the loopback names that expired long ago: a client has to refuse it.
    ///
    /// # Panics
    /// When the identity cannot be signed or written.
    pub fn expired(&self) -> Identity {
        self.issue(&LOOPBACK_NAMES, (2001, 2002))
    }

    /// What a client that trusts this authority, and no other, uses.
    ///
    /// # Panics
    /// When rustls refuses the certificate, which would be a fault of this module.
    pub fn client_config(&self) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(self.issuer.der().clone())
            .expect("the authority's certificate is accepted");
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }

    fn issue(&self, names: &[&str], (from, to): (i32, i32)) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("the names are valid");
        params
            .distinguished_name
            .push(DnType::CommonName, "bgcopy test server");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().expect("a key pair can be generated");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("the authority signs");
        // Each identity has a directory of its own, so that identities never overwrite each other.
        let dir = tempfile::Builder::new()
            .prefix("identity-")
            .disable_cleanup(true)
            .tempdir_in(self.dir.path())
            .expect("a directory for the identity can be made");
        open_to_all(dir.path(), 0o755);
        let identity = Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate_file: dir.path().join("cert.pem"),
            key_file: dir.path().join("key.pem"),
        };
        std::fs::write(&identity.certificate_file, &identity.certificate_pem)
            .expect("cert.pem can be written");
        std::fs::write(&identity.key_file, &identity.key_pem).expect("key.pem can be written");
        open_to_all(&identity.key_file, 0o644);
        identity
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// The certificate as PEM text.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key as PEM text (PKCS #8).
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The certificate as a file, which lives as long as the [`TestCa`] that issued it.
    pub fn certificate_file(&self) -> &Path {
        &self.certificate_file
    }

    /// The private key as a file, which lives as long as the [`TestCa`] that issued it.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// What a server with this identity uses: TLS 1.2 and 1.3, ALPN `http/1.1`.
    ///
    /// # Panics
    /// When rustls refuses the identity, which would be a fault of this module.
    pub fn server_config(&self) -> Arc<rustls::ServerConfig> {
        let certificate = CertificateDer::from_pem_slice(self.certificate_pem.as_bytes())
            .expect("the certificate is PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("the key is PEM");
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("the key belongs to the certificate");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// The provider is named explicitly: a test binary may link several, and then no default exists.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn open_to_all(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .expect("the permissions of a file just made can be set");
}
