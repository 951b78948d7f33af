//! TLS in process: what is spoken, what is refused, and what a wrong file is called.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{CipherSuite, ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use zentry_ingress::{Limits, Tls, TlsError};

use crate::client::{Reply, Request};
use crate::world::World;

/// Sign with ECDSA, and with the right hash for AES-128: ours. The others must find nobody.
const OURS: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;

fn certs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ingress/certs").join(file)
}

fn load(name: &str) -> Tls {
    Tls::load(certs(&format!("{name}.pem")), certs(&format!("{name}.key"))).expect("a good pair")
}

fn refused(cert: &Path, key: &Path) -> TlsError {
    Tls::load(cert, key).err().expect("a bad pair")
}

async fn world(tls: Tls) -> (World, Arc<Tls>) {
    let tls = Arc::new(tls);
    (World::with("https://bot.example.com", Limits::default(), Some(Arc::clone(&tls))).await, tls)
}

/// Somebody who trusts only the certificate `name`, and speaks only this version and these suites.
struct Client {
    trusts: &'static str,
    version: &'static SupportedProtocolVersion,
    speaks: fn(CipherSuite) -> bool,
}

impl Client {
    fn of(version: &'static SupportedProtocolVersion) -> Self {
        Self { trusts: "p256", version, speaks: |_| true }
    }

    async fn connect(self, world: &World) -> std::io::Result<TlsStream<TcpStream>> {
        let mut provider = ring::default_provider();
        provider.cipher_suites.retain(|suite| (self.speaks)(suite.suite()));
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(certs(&format!("{}.pem", self.trusts))).expect("a certificate");
        roots.add(root).expect("a root");
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[self.version])
            .expect("a version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(world.at).await.expect("connected");
        let name = ServerName::try_from("bot.example.com").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

#[tokio::test]
async fn tls_1_3_and_the_one_suite_of_1_2_are_spoken() {
    let (world, _) = world(load("p256")).await;
    for (version, name) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)] {
        let mut stream = Client::of(version).connect(&world).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(name));
        if name == ProtocolVersion::TLSv1_2 {
            assert_eq!(stream.get_ref().1.negotiated_cipher_suite().map(|suite| suite.suite()), Some(OURS));
        }
        stream.write_all(&Request::get("/").header("Connection", "close").bytes()).await.expect("sent");
        assert_eq!(Reply::read(&mut stream).await.expect("answered").status, 200);
    }
}

#[tokio::test]
async fn every_other_suite_of_1_2_is_refused() {
    let (world, _) = world(load("p256")).await;
    let others = Client { speaks: |suite| suite != OURS, ..Client::of(&TLS12) };
    assert!(others.connect(&world).await.is_err());
    let only_ours = Client { speaks: |suite| suite == OURS, ..Client::of(&TLS12) };
    assert!(only_ours.connect(&world).await.is_ok());
}

#[tokio::test]
async fn a_key_of_p384_serves_too() {
    let (world, _) = world(load("p384")).await;
    for version in [&TLS12, &TLS13] {
        assert!(Client { trusts: "p384", ..Client::of(version) }.connect(&world).await.is_ok());
    }
}

#[test]
fn a_wrong_file_is_called_by_the_setting_that_names_it() {
    let (cert, key) = (certs("p256.pem"), certs("p256.key"));
    let message = |cert: &Path, key: &Path| refused(cert, key).to_string();
    assert!(message(&certs("none.pem"), &key).starts_with("ZENTRY_TLS_CERT: "));
    assert!(message(&cert, &certs("none.key")).starts_with("ZENTRY_TLS_KEY: "));
    assert!(message(&key, &key).contains("holds no certificate in PEM form"));
    assert!(message(&cert, &cert).contains("holds no unencrypted private key in PEM form"));
    let rsa = message(&certs("rsa.pem"), &certs("rsa.key"));
    assert!(rsa.starts_with("ZENTRY_TLS_KEY: ") && rsa.contains("use an ECDSA P-256 key"), "{rsa}");
    assert!(matches!(refused(&certs("p384.pem"), &key), TlsError::NotItsKey { .. }));
    assert!(matches!(refused(&certs("rsa.pem"), &key), TlsError::NotItsKey { .. }));
}

#[test]
fn a_chain_with_an_issuer_that_is_cut_short_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let chain = folder.path().join("chain.pem");
    let own = std::fs::read_to_string(certs("p256.pem")).expect("a certificate");
    let cut = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n";
    std::fs::write(&chain, own + cut).expect("written");
    assert!(refused(&chain, &certs("p256.key")).to_string().starts_with("ZENTRY_TLS_CERT: "));
}

#[tokio::test]
async fn a_new_certificate_is_served_after_a_reload_and_a_bad_one_never() {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let put = |name: &str| {
        std::fs::copy(certs(&format!("{name}.pem")), &cert).expect("copied");
        std::fs::copy(certs(&format!("{name}.key")), &key).expect("copied");
    };
    put("p256");
    let (world, tls) = world(Tls::load(&cert, &key).expect("a good pair")).await;
    put("rsa");
    assert!(matches!(tls.reload(), Err(TlsError::NotEcdsa { .. })));
    assert!(Client::of(&TLS13).connect(&world).await.is_ok(), "the old one stays");
    put("p384");
    tls.reload().expect("a good pair");
    assert!(Client::of(&TLS13).connect(&world).await.is_err(), "the old one is gone");
    assert!(Client { trusts: "p384", ..Client::of(&TLS13) }.connect(&world).await.is_ok());
}

#[tokio::test]
async fn whoever_does_not_begin_the_handshake_is_cut_off() {
    let limits = Limits { handshake: Duration::from_millis(100), ..Limits::default() };
    let world = World::with("https://bot.example.com", limits, Some(Arc::new(load("p256")))).await;
    let mut silent = TcpStream::connect(world.at).await.expect("connected");
    assert!(Reply::read(&mut silent).await.is_none());
}
