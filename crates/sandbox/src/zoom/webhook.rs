//! How Zoom signs, sends and sends again (Zoom, using webhooks).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::Value;
use url::Url;

use super::{Core, Zoom, event::Events};
use crate::{
    deliver::{Delivery, Parcel, Signing},
    ids::hmac_hex,
};

/// Redelivered 5 min after the first attempt, 20 min after that, 60 min after that.
const WAITS: [Duration; 3] = [Duration::from_secs(5 * 60), Duration::from_secs(20 * 60), Duration::from_secs(60 * 60)];

/// What Zoom's console says about an endpoint when it is validated.
#[derive(Clone, Debug)]
pub struct UrlCheck {
    /// The exchange itself.
    pub delivery: Delivery,
    /// What is wrong with the answer; nothing where the endpoint is valid.
    pub complaint: Option<String>,
}

impl Zoom {
    /// Validates the endpoint as Zoom does when it is saved and every 72 hours.
    pub async fn validate_url(&self) -> UrlCheck {
        let core = self.core();
        let plain = core.ids.hex32()[..22].to_owned();
        let delivery = core.deliver(|events| events.url_validation(&plain)).await;
        let secret = core.state.read(|state| state.world.app.secret_token.clone());
        let expected =
            serde_json::json!({ "plainToken": plain, "encryptedToken": hmac_hex(&secret, &[plain.as_bytes()]) });
        let complaint = match (delivery.status, serde_json::from_str::<Value>(&delivery.body)) {
            (Some(200), Ok(body)) if body == expected => None,
            (Some(200), Ok(_)) => Some("the body is not exactly plainToken and encryptedToken".to_owned()),
            (Some(200), Err(error)) => Some(format!("the body is not JSON: {error}")),
            (Some(status), _) => Some(format!("the status is {status}, not 200")),
            (None, _) => delivery.failure.clone(),
        };
        UrlCheck { delivery, complaint }
    }

    /// Sends an event of any shape, signed as Zoom signs, and again where that fails.
    pub async fn send_event(&self, event: &Value) -> Delivery {
        self.core().deliver(|_| event.clone()).await
    }

    /// Sends these bytes once, signed as told.
    pub async fn deliver_raw(&self, body: impl Into<Bytes>, signing: Signing) -> Delivery {
        let core = self.core();
        let parcel = core.parcel("raw", body.into(), &core.request_id(), signing);
        core.send_and_remember(&parcel).await
    }

    /// Sends the last delivery again, byte for byte, headers included; `None` where there was none.
    pub async fn redeliver_last(&self) -> Option<Delivery> {
        let parcel = self.core().last.read(Clone::clone)?;
        Some(self.core().send_and_remember(&parcel).await)
    }

    /// Signs with another secret token from now on, as after a regeneration in Zoom's console.
    pub fn rotate_secret_token(&self, secret_token: &str) {
        self.core().state.change(|state| secret_token.clone_into(&mut state.world.app.secret_token));
    }
}

impl Core {
    /// Sends one event now, and later again where that fails.
    pub(super) async fn deliver(self: &Arc<Self>, event: impl FnOnce(&Events<'_>) -> Value) -> Delivery {
        let now_ms = self.clock.now_ms();
        let event = self.state.read(|state| event(&Events { state, ids: &self.ids, now_ms }));
        let about = event["event"].as_str().unwrap_or("event without a name").to_owned();
        let request_id = self.request_id();
        let parcel = self.parcel(&about, Bytes::from(event.to_string()), &request_id, Signing::Proper);
        let delivery = self.send_and_remember(&parcel).await;
        if delivery.worth_a_retry() {
            self.redeliver(parcel, request_id);
        }
        delivery
    }

    async fn send_and_remember(&self, parcel: &Parcel) -> Delivery {
        self.last.change(|last| *last = Some(parcel.clone()));
        self.post.send(self.endpoint().as_ref(), parcel).await
    }

    fn redeliver(self: &Arc<Self>, parcel: Parcel, request_id: String) {
        let core = Arc::clone(self);
        self.tasks.spawn(async move {
            let again = || {
                let anew = core.state.read(|state| state.manners.redelivery_signed_anew);
                let fresh = || core.parcel(&parcel.about, parcel.body.clone(), &request_id, Signing::Proper);
                (core.endpoint(), if anew { fresh() } else { parcel.clone() })
            };
            core.post.insist(&WAITS, again).await;
        });
    }

    fn endpoint(&self) -> Option<Url> {
        self.endpoint.read(Clone::clone)
    }

    /// A UUID with underscores, the same for every attempt of one event.
    fn request_id(&self) -> String {
        self.ids.uuid().replace('-', "_")
    }

    fn parcel(&self, about: &str, body: Bytes, request_id: &str, signing: Signing) -> Parcel {
        let app = self.state.read(|state| state.world.app.clone());
        let trace = self.ids.hex64();
        let fixed = [
            ("content-type", "application/json; charset=utf-8".to_owned()),
            ("user-agent", "Zoom Marketplace/1.0a".to_owned()),
            ("authorization", "legacy-verification-token".to_owned()),
            ("clientid", app.client_id),
            ("traceparent", format!("00-{}-{}-01", &trace[..32], &trace[32..48])),
            ("x-zm-request-id", request_id.to_owned()),
            ("x-zm-trackingid", format!("v=2.0;clid=us02;rid=WEB_{}", &trace[48..])),
        ];
        let mut headers: Vec<_> = fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.extend(signed(&app.secret_token, &body, self.clock.now_ms() / 1000, signing));
        Parcel { about: about.to_owned(), headers, body }
    }
}

/// `v0=` and the lower-case hexadecimal HMAC-SHA256 of `v0:{timestamp}:{body}`.
fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    format!("v0={}", hmac_hex(secret, &[b"v0:", timestamp.as_bytes(), b":", body]))
}

fn signed(secret: &str, body: &[u8], now_s: i64, signing: Signing) -> Vec<(String, String)> {
    let headers = |timestamp: String, signature: Option<String>| {
        let mut headers = vec![("x-zm-request-timestamp".to_owned(), timestamp)];
        headers.extend(signature.map(|signature| ("x-zm-signature".to_owned(), signature)));
        headers
    };
    let rightly = |at_s: i64| {
        let timestamp = at_s.to_string();
        let signature = signature(secret, &timestamp, body);
        headers(timestamp, Some(signature))
    };
    match signing {
        Signing::Proper => rightly(now_s),
        Signing::At(at_s) => rightly(at_s),
        Signing::Forged { timestamp, signature } => headers(timestamp, Some(signature)),
        Signing::Unsigned => headers(now_s.to_string(), None),
        Signing::Headers(headers) => headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_version_timestamp_and_raw_body() {
        let body = r#"{"event":"bot_notification","event_ts":1740440972844,"payload":{"accountId":"acc1","channelName":"Marketing","cmd":"help","robotJid":"v1bot@xmpp.zoom.us","timestamp":1740440972844,"toJid":"abc@conference.xmpp.zoom.us","triggerId":"trig1","userId":"U1","userJid":"u1@xmpp.zoom.us","userName":"Jane Dev","userStatus":"authorized"}}"#;
        assert_eq!(
            signature("test-secret-token", "1740440973", body.as_bytes()),
            "v0=75009acca6517f44b208ea1cbfacc8886032445e9ed8fdfce0a0df531c72d875"
        );
    }

    #[test]
    fn the_signature_covers_the_bytes_of_other_scripts() {
        let body = r#"{"event":"bot_notification","payload":{"cmd":"“hi” 😀"}}"#;
        assert_eq!(
            signature("test-secret-token", "1740440973", body.as_bytes()),
            "v0=3e43ef3d05a7e063f1d41b0852d8d59367af426e7766c68c2d0d45467cafedec"
        );
    }

    #[test]
    fn the_token_of_a_validation_is_keyed_with_the_secret_token() {
        assert_eq!(
            hmac_hex("test-secret-token", &[b"qgg8vlvZRS6UYooatFL8Aw"]),
            "9c8ad56737c19db2904b301c0781e86857e999f39f07727668cf62a5e7e298c8"
        );
    }
}
