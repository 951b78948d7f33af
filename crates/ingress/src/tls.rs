//! TLS in process: 1.3, and of 1.2 only the one suite that Zoom's and Sentry's clients need.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    self, CipherSuite, InconsistentKeys, ServerConfig, SignatureAlgorithm, SupportedCipherSuite,
};
use tokio_rustls::server::TlsStream;

const CERT: &str = "ZENTRY_TLS_CERT";
const KEY: &str = "ZENTRY_TLS_KEY";
/// The only suite of TLS 1.2. It signs with ECDSA, which is why an RSA certificate cannot serve it.
const TLS12_SUITE: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;

/// A certificate with its key, re-read on demand.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

/// Why a certificate and its key cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{setting}: {} cannot be read", path.display())]
    Unreadable {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file holds nothing of what it should.
    #[error("{setting}: {} holds no {what} in PEM form", path.display())]
    NotPem {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The key is RSA, Ed25519, or of another curve.
    #[error(
        "ZENTRY_TLS_KEY: {} is not an ECDSA key of P-256 or P-384; use an ECDSA P-256 key with its own certificate \
         (an RSA certificate cannot serve the only TLS 1.2 suite that is offered)",
        path.display()
    )]
    NotEcdsa {
        /// The key's file.
        path: PathBuf,
    },
    /// The two do not belong together.
    #[error(
        "ZENTRY_TLS_CERT: the first certificate of {} is not that of the key in ZENTRY_TLS_KEY; put the server's own \
         certificate first, its issuers behind it",
        path.display()
    )]
    NotItsKey {
        /// The certificate's file.
        path: PathBuf,
    },
    /// The certificate itself is malformed.
    #[error("ZENTRY_TLS_CERT: {} cannot be used; use an ECDSA P-256 certificate", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
}

impl Tls {
    /// Reads a PEM chain, the server's own certificate first, and its PEM key.
    ///
    /// # Errors
    /// [`TlsError`] names the setting and what to put there.
    pub fn load(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let (cert, key) = (cert.into(), key.into());
        let acceptor = RwLock::new(acceptor(&cert, &key)?);
        Ok(Self { cert, key, acceptor })
    }

    /// Reads both files again; connections from now on get the new certificate.
    ///
    /// # Errors
    /// [`TlsError`] as for [`Tls::load`]; the old certificate then stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let new = acceptor(&self.cert, &self.key)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// The server's side of the handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone();
        acceptor.accept(stream).await
    }
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let provider = provider();
    let certified = certified(cert, key, &provider)?;
    let unusable = |source| TlsError::Unusable { path: cert.into(), source };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|suite| match suite {
        SupportedCipherSuite::Tls13(_) => true,
        SupportedCipherSuite::Tls12(_) => suite.suite() == TLS12_SUITE,
    });
    provider
}

fn certified(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unread(CERT, cert, "certificate", error))?;
    if chain.is_empty() {
        return Err(unread(CERT, cert, "certificate", pem::Error::NoItemsFound));
    }
    // The issuers too: nobody here reads them, but every client would stumble over one that is cut short.
    for certificate in &chain {
        ParsedCertificate::try_from(certificate).map_err(|source| TlsError::Unusable { path: cert.into(), source })?;
    }
    let der = PrivateKeyDer::from_pem_file(key).map_err(|error| unread(KEY, key, "unencrypted private key", error))?;
    let signing = provider.key_provider.load_private_key(der).ok();
    let signing = signing
        .filter(|signing| signing.algorithm() == SignatureAlgorithm::ECDSA)
        .ok_or_else(|| TlsError::NotEcdsa { path: key.into() })?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(TlsError::NotItsKey { path: cert.into() })
        }
        Err(source) => Err(TlsError::Unusable { path: cert.into(), source }),
    }
}

fn unread(setting: &'static str, path: &Path, what: &'static str, error: pem::Error) -> TlsError {
    match error {
        pem::Error::Io(source) => TlsError::Unreadable { setting, path: path.into(), source },
        _ => TlsError::NotPem { setting, path: path.into(), what },
    }
}
