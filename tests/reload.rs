//! SIGHUP at the real binary: the certificate and every secret that a file holds are read again, and what is no good changes
//! nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use zentry_test_support::sandbox::{Fault, Signing};
use zentry_test_support::{PATIENCE, Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const OLD_KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NEW_KEY: &str = "k2:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const READ: &str = "the secrets were read again and hold";
const KEPT: &str = "every secret stays as it was";

// === secrets ===

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_token_of_zoom_is_rotated_without_a_restart() {
    let mut town = Town::built(ZENTRY).await;
    let old = town.cast.zoom_app.secret_token.clone();
    let file = held_in_a_file(&mut town, "ZENTRY_ZOOM_SECRET_TOKEN");
    town.start();
    fs::write(&file, format!("the-new-one,{old}\n")).expect("written");
    hung_up(&town, READ).await;
    assert!(town.log().contains(r#"changed="ZENTRY_ZOOM_SECRET_TOKEN""#), "{}", town.log());
    town.jane_types("help").await;
    town.sandbox.zoom.rotate_secret_token("the-new-one");
    town.jane_types("whoami").await;

    fs::write(&file, "the-new-one").expect("written");
    hung_up(&town, READ).await;
    town.jane_types("status").await;
    town.sandbox.zoom.rotate_secret_token(&old);
    let late = town.sandbox.zoom.say(&town.cast.jane, &town.cast.jane, "help").await;
    assert_eq!(late.status, Some(401), "the old one was removed");
    assert!(!town.log().contains("the-new-one"), "{}", town.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_of_sentry_is_rotated_without_a_restart() {
    let mut town = Town::built(ZENTRY).await;
    let old = town.cast.integration.client_secret.clone();
    let file = held_in_a_file(&mut town, "ZENTRY_SENTRY_CLIENT_SECRET");
    town.start();
    let signed_with = |secret: &str| {
        let (sentry, secret) = (town.sandbox.sentry.clone(), secret.to_owned());
        async move { sentry.deliver_raw("issue", "{}", &secret, Signing::Proper).await.status }
    };
    assert_eq!((signed_with(&old).await, signed_with("the-new-one").await), (Some(200), Some(401)));
    fs::write(&file, "the-new-one").expect("written");
    hung_up(&town, READ).await;
    assert_eq!((signed_with(&old).await, signed_with("the-new-one").await), (Some(401), Some(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_of_zoom_is_put_right_without_a_restart() {
    let mut town = Town::built(ZENTRY).await;
    let right = town.cast.zoom_app.client_secret.clone();
    let file = held_in_a_file(&mut town, "ZENTRY_ZOOM_CLIENT_SECRET");
    fs::write(&file, "mistyped").expect("written");
    town.start();
    fs::write(&file, right).expect("written");
    // Nothing was sent before: an account whose messages Zoom has refused waits for five minutes.
    hung_up(&town, READ).await;
    town.jane_types("help").await;
    town.jane_sees("Sentry for this channel").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_of_the_oauth_application_is_put_right_without_a_restart() {
    let mut town = Town::built(ZENTRY).await;
    let (id, right) = (town.cast.oauth_app.client_id.clone(), town.cast.oauth_app.client_secret.clone());
    town.setup.settings.insert("ZENTRY_SENTRY_OAUTH_CLIENT_ID".into(), id);
    let file = held_in_a_file(&mut town, "ZENTRY_SENTRY_OAUTH_CLIENT_SECRET");
    fs::write(&file, "mistyped").expect("written");
    town.start();
    fs::write(&file, right).expect("written");
    hung_up(&town, READ).await;
    town.jane_connects_and_links("web").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_integration_is_put_right_without_a_restart() {
    let mut town = Town::built(ZENTRY).await;
    let right = town.cast.integration.token.clone();
    let file = held_in_a_file(&mut town, "ZENTRY_SENTRY_TOKEN");
    fs::write(&file, "mistyped").expect("written");
    town.start();
    town.jane_types("connect acme web").await;
    town.logged("check ZENTRY_SENTRY_TOKEN").await;
    fs::write(&file, right).expect("written");
    hung_up(&town, READ).await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sealing_key_seals_from_the_signal_on_and_the_one_in_use_cannot_be_dropped() {
    let mut town = Town::built(ZENTRY).await;
    let file = held_in_a_file(&mut town, "ZENTRY_KEYS");
    town.start();
    fs::write(&file, NEW_KEY).expect("written");
    hung_up(&town, KEPT).await;
    assert!(town.log().contains("ZENTRY_KEYS: sealing key k1 is in use"), "{}", town.log());

    fs::write(&file, format!("{NEW_KEY},{OLD_KEY}")).expect("written");
    hung_up(&town, READ).await;
    give_up_an_answer(&town).await;
    assert!(dead_letters(&town, OLD_KEY).contains("sealed with key k2"), "{}", dead_letters(&town, OLD_KEY));
    assert!(dead_letters(&town, NEW_KEY).contains("refused: Zoom answered 400"));

    fs::write(&file, format!("{OLD_KEY},k3:{}", &NEW_KEY[3..])).expect("written");
    let before = town.log().len();
    hung_up(&town, KEPT).await;
    assert!(town.log()[before..].contains("ZENTRY_KEYS: "), "{}", town.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_missing_or_malformed_changes_none() {
    let mut town = Town::built(ZENTRY).await;
    let zoom = held_in_a_file(&mut town, "ZENTRY_ZOOM_SECRET_TOKEN");
    let sentry = held_in_a_file(&mut town, "ZENTRY_SENTRY_CLIENT_SECRET");
    let keys = held_in_a_file(&mut town, "ZENTRY_KEYS");
    town.start();
    // It would be accepted, if the other were.
    fs::write(&zoom, "the-new-one").expect("written");
    for (file, bad, named) in [
        (&sentry, Some(""), "ZENTRY_SENTRY_CLIENT_SECRET is missing"),
        (&sentry, None, "ZENTRY_SENTRY_CLIENT_SECRET_FILE cannot be read"),
        (&keys, Some("k1:canary"), "ZENTRY_KEYS sealing key k1"),
        (&keys, None, "ZENTRY_KEYS_FILE cannot be read"),
    ] {
        let good = fs::read(file).expect("a secret");
        match bad {
            Some(bad) => fs::write(file, bad).expect("written"),
            None => fs::remove_file(file).expect("removed"),
        }
        let before = town.log().len();
        hung_up(&town, KEPT).await;
        assert!(town.log()[before..].contains(named), "{}", town.log());
        town.jane_types("help").await;
        fs::write(file, good).expect("written");
    }
    assert!(!town.log().contains("canary"), "{}", town.log());
}

// === the certificate ===

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_served_after_the_signal_and_a_bad_one_never() {
    let mut town = Town::built(ZENTRY).await;
    let (cert, key) = (town.folder().join("cert.pem"), town.folder().join("key.pem"));
    let put = |from: &str, key_from: &str| {
        fs::copy(certs(&format!("{from}.pem")), &cert).expect("copied");
        fs::copy(certs(&format!("{key_from}.key")), &key).expect("copied");
    };
    put("p256", "p256");
    town.setup.settings.insert("ZENTRY_TLS_CERT".into(), cert.display().to_string());
    town.setup.settings.insert("ZENTRY_TLS_KEY".into(), key.display().to_string());
    town.start();
    assert!(serves(&town, "p256").await);

    let bad: [(&dyn Fn(), &str); 7] = [
        (&|| put("rsa", "rsa"), "ZENTRY_TLS_KEY"),
        (&|| put("p384", "p256"), "ZENTRY_TLS_CERT"),
        (&|| fs::write(&cert, "no PEM").expect("written"), "ZENTRY_TLS_CERT"),
        (&|| fs::write(&key, "no PEM").expect("written"), "ZENTRY_TLS_KEY"),
        (&|| fs::write(&cert, "").expect("written"), "ZENTRY_TLS_CERT"),
        (&|| fs::remove_file(&cert).expect("removed"), "ZENTRY_TLS_CERT"),
        (&|| fs::remove_file(&key).expect("removed"), "ZENTRY_TLS_KEY"),
    ];
    for (spoil, named) in bad {
        put("p256", "p256");
        spoil();
        let before = town.log().len();
        hung_up(&town, "the certificate stays as it was").await;
        assert!(town.log()[before..].contains(named), "{}", town.log());
        assert!(serves(&town, "p256").await, "the old one stays");
    }
    put("p384", "p384");
    hung_up(&town, "the certificate was read again").await;
    assert!(serves(&town, "p384").await && !serves(&town, "p256").await);
}

// === helpers ===

/// The setting's value moves into a file beside the store.
fn held_in_a_file(town: &mut Town, setting: &str) -> PathBuf {
    let file = town.folder().join(setting);
    let value = town.setup.settings.remove(setting).unwrap_or_default();
    fs::write(&file, value).expect("written");
    town.setup.settings.insert(format!("{setting}_FILE"), file.display().to_string());
    file
}

/// Sends SIGHUP and waits until it has been answered with these words.
async fn hung_up(town: &Town, words: &str) {
    let before = town.log().matches(words).count();
    town.signal("HUP");
    let answered = async {
        while town.log().matches(words).count() == before {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, answered).await.is_ok(), "never {words:?}: {}", town.log());
}

async fn give_up_an_answer(town: &Town) {
    let refused = Fault::Answer {
        status: 400,
        headers: vec![("content-type".into(), "application/json".into())],
        body: r#"{"code":300,"message":"Invalid body"}"#.into(),
    };
    town.sandbox.zoom.faults().next_times(2, &refused);
    kept(town.sandbox.zoom.say(&town.cast.jane, &town.cast.jane, "help").await);
    town.logged("a job was given up").await;
}

/// What an operator with these keys is told of the dead letters.
fn dead_letters(town: &Town, keys: &str) -> String {
    let mut setup = town.setup.clone();
    setup.settings.remove("ZENTRY_KEYS_FILE");
    setup.settings.insert("ZENTRY_KEYS".into(), keys.into());
    let output = setup.command(&["dead", "list"]).output().expect("the binary starts");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn certs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingress/tests/ingress/certs").join(file)
}

/// Whether somebody who trusts only the certificate `name` can connect.
async fn serves(town: &Town, name: &str) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certs(&format!("{name}.pem"))).expect("a certificate")).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = town.public_url.trim_start_matches("http://");
    let stream = TcpStream::connect(address).await.expect("somebody listens");
    let name = ServerName::try_from("bot.example.com").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_ok()
}
