//! Sentry's webhooks: verified over the raw bytes, then read.

use data_encoding::HEXLOWER;
use ring::hmac;
use zentry_domain::ports::{Delivery, DeliveryKey, Header, Received, Rejected};
use zentry_domain::{Rotating, Secret, Timestamp, Webhook};

use crate::SentryConfig;
use crate::delivery::{Read, Reader, Unreadable};

const SIGNATURE: &str = "sentry-hook-signature";
const RESOURCE: &str = "sentry-hook-resource";

/// Decodes what a Sentry App or an internal integration sends.
///
/// The signature covers the body and nothing else: a retry has a new time stamp and a new number, and whoever repeats a
/// delivery may write any header he likes. So the headers decide nothing (Sentry, webhook signature).
pub struct SentryWebhook {
    client_secrets: Rotating<Vec<Secret>>,
    reader: Reader,
}

impl SentryWebhook {
    /// Accepts what any of the configured client secrets has signed.
    pub fn new(config: &SentryConfig) -> Self {
        Self { client_secrets: config.client_secrets.clone(), reader: Reader::new(config) }
    }

    /// The headers that Sentry would send with `body`, once for each of our secrets: for an operator's check of the way here.
    pub fn signed(&self, resource: &str, body: &[u8], now: Timestamp) -> Vec<Vec<(&'static str, String)>> {
        let secrets = self.client_secrets.get();
        let headers = |secret: &Secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
            vec![
                (RESOURCE, resource.to_owned()),
                ("sentry-hook-timestamp", (now.0 / 1_000).to_string()),
                (SIGNATURE, HEXLOWER.encode(hmac::sign(&key, body).as_ref())),
            ]
        };
        secrets.iter().map(headers).collect()
    }

    /// The signature, if one of our secrets made it over exactly these bytes.
    fn verify(&self, delivery: &Delivery<'_>) -> Result<DeliveryKey, Rejected> {
        let hex = match delivery.headers.get(SIGNATURE) {
            Header::One(hex) => hex,
            Header::Missing => return Err(Rejected("the signature is missing")),
            Header::Doubled => return Err(Rejected("the signature is doubled")),
        };
        let tag = HEXLOWER.decode(hex).ok().and_then(|tag| <[u8; 32]>::try_from(tag).ok());
        let tag = tag.ok_or(Rejected("the signature is not 64 lower-case hex digits"))?;
        let secrets = self.client_secrets.get();
        // Anybody can sign with an empty one.
        let mut secrets = secrets.iter().map(|secret| secret.expose().as_bytes()).filter(|secret| !secret.is_empty());
        let signed = |secret| hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), delivery.body, &tag).is_ok();
        if secrets.any(signed) { Ok(DeliveryKey(tag)) } else { Err(Rejected("the signature is wrong")) }
    }
}

impl Webhook for SentryWebhook {
    fn receive(&self, delivery: &Delivery<'_>, _now: Timestamp) -> Result<Received, Rejected> {
        // A digest of the body that only Sentry and we can make: the best key there is for a repeat.
        let key = self.verify(delivery)?;
        let resource = delivery.headers.get(RESOURCE).one().and_then(|name| std::str::from_utf8(name).ok());
        Ok(match self.reader.read(delivery.body, resource) {
            Ok(Read::Event { event, key: meaning }) => {
                Received::Event { keys: [Some(key), meaning].into_iter().flatten().collect(), event }
            }
            Ok(Read::Ignored(what)) => Received::Ignored(what),
            Err(Unreadable(why)) => Received::Unreadable(why),
        })
    }
}

#[cfg(test)]
mod tests {
    use zentry_contract::webhook::HeaderList;

    use super::*;

    fn webhook(secrets: &[&str]) -> SentryWebhook {
        SentryWebhook::new(&SentryConfig {
            base: "https://sentry.io".parse().unwrap(),
            client_secrets: secrets.iter().map(|secret| Secret::new(*secret)).collect::<Vec<_>>().into(),
            integration: None,
            oauth: None,
            app: None,
        })
    }

    fn is_accepted(webhook: &SentryWebhook, body: &[u8], signature: &str) -> bool {
        let headers = HeaderList::new().with(SIGNATURE, signature);
        webhook.receive(&Delivery { headers: &headers, body }, Timestamp(0)).is_ok()
    }

    #[test]
    fn signatures_are_made_as_sentry_makes_them() {
        let webhook = webhook(&["test-client-secret"]);
        for (body, signature) in [
            (
                r#"{"action":"created","installation":{"uuid":"a8e5d37a-696c-4c54-adb5-b3f28d64c7de"},"data":{},"actor":{"type":"application","id":"sentry","name":"Sentry"}}"#,
                "26ecf40af2225ab66f274db3d045f50d924482a3c4619ae937056d0904927b53",
            ),
            (
                r#"{"action":"created","data":{"comment":"caf\u00e9 \ud83d\ude00"}}"#,
                "1faf21df63cf3e23c6f62fcb865aa35ea70a5843833d73d0a1e4896838d4858c",
            ),
            (
                r#"{"action":"created","data":{"comment":"café 😀"}}"#,
                "01c5ea9a7093972b7ed0a2112fdb60bbbc0694665111bc6093fc9fc7fb5064a3",
            ),
            ("", "cff7ccd625537ce1a726fd29f7fc4beca8a15c96b6c9ee9b9461e149f57d4e88"),
        ] {
            assert!(is_accepted(&webhook, body.as_bytes(), signature), "{body}");
            assert!(!is_accepted(&webhook, body.as_bytes(), &signature.to_uppercase()), "{body}");
            assert!(!is_accepted(&webhook, format!("{body} ").as_bytes(), signature), "{body}");
        }
    }

    #[test]
    fn what_a_check_signs_is_accepted_with_every_secret_and_ignored() {
        let webhook = webhook(&["one", "two"]);
        let body = r#"{"action":"checked","data":{"note":"🩺 café"}}"#.as_bytes();
        let signed = webhook.signed("zentry_check", body, Timestamp(1_000));
        assert_eq!(signed.len(), 2);
        for headers in signed {
            let headers = headers.iter().fold(HeaderList::new(), |list, (name, value)| list.with(name, value.as_str()));
            let received = webhook.receive(&Delivery { headers: &headers, body }, Timestamp(1_000));
            assert!(matches!(received, Ok(Received::Ignored(_))), "{received:?}");
        }
    }

    #[test]
    fn an_empty_secret_opens_nothing() {
        let tag = HEXLOWER.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), b"{}").as_ref());
        assert!(!is_accepted(&webhook(&[""]), b"{}", &tag));
        assert!(!is_accepted(&webhook(&[]), b"{}", &tag));
    }
}
