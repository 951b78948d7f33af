//! A server with a certificate of its own, good or not.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

const NAME: &str = "api.example";

/// An issuer that a client trusts, and its certificate.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// A server under a certificate for `name` that runs out at the end of `year`. The receiver gets what its handshake and the
    /// request came to.
    fn serve(&self, name: &str, year: i32) -> (Url, Receiver<io::Result<String>>) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 12, 31));
        let key = KeyPair::generate().unwrap();
        let chain = vec![params.signed_by(&key, &self.0).unwrap().der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        serve(move |mut stream| {
            stream.set_read_timeout(Some(LONG))?;
            let mut connection = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
            while connection.is_handshaking() {
                connection.complete_io(&mut stream)?;
            }
            let mut stream = StreamOwned::new(connection, stream);
            let mut request = [0; 4];
            stream.read_exact(&mut request)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            Ok(String::from_utf8_lossy(&request).into_owned())
        })
    }

    /// A client that trusts it, and for which every name is at this server.
    fn client(&self, server: &Url) -> HttpClient {
        let mut config = HttpConfig::new("zentry-test/1");
        config.allow = vec![Allowance::host(NAME, vec!["127.0.0.1/32".parse().unwrap()])];
        config.ca_pem = Some(self.1.clone().into_bytes());
        HttpClient::with_resolver(config, Answers(vec![address(server)])).unwrap()
    }
}

fn secret() -> Request {
    post(&format!("https://{NAME}/v2?token=s3cret").parse().unwrap())
}

#[tokio::test]
async fn a_certificate_that_has_run_out_is_not_sent_to_and_never_in_clear() {
    let authority = Authority::new();
    let (good, requests) = authority.serve(NAME, 2099);
    assert_eq!(authority.client(&good).send(secret()).await.unwrap().status, 200);
    assert_eq!(requests.recv_timeout(LONG).unwrap().unwrap(), "POST");

    for (name, year) in [(NAME, 2024), ("other.example", 2099)] {
        let (bad, requests) = authority.serve(name, year);
        let error = authority.client(&bad).send(secret()).await.unwrap_err();
        assert!(matches!(error, HttpError::NotSent(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
        let served = requests.recv_timeout(LONG).unwrap();
        assert!(served.is_err(), "nothing was asked: {served:?}");
    }
}

#[tokio::test]
async fn a_certificate_of_an_issuer_that_nobody_knows_is_not_sent_to() {
    let (stranger, requests) = Authority::new().serve(NAME, 2099);
    let error = Authority::new().client(&stranger).send(secret()).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent(_)), "{error:?}");
    assert!(requests.recv_timeout(LONG).unwrap().is_err());
}
