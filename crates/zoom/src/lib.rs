//! Zoom Team Chat: [`ZoomChat`] posts and edits cards, [`ZoomWebhook`] decodes what Zoom sends, [`ZoomDirectory`] reads who
//! belongs where.
//!
//! Nothing of Zoom's protocol leaves this crate. Going out, a notice becomes a card of the component types that every
//! client draws, with markdown off, so that no stranger's text is ever markup. Coming in, nothing is parsed before its
//! signature is verified over the raw bytes.

mod answer;
mod button;
mod card;
mod chat;
mod directory;
mod event;
mod grant;
mod oauth;
mod rate;
mod stale;
mod token;
mod webhook;
mod wire;

use url::Url;
use zentry_domain::{Rotating, Secret};

pub use answer::retry_after;
pub use chat::ZoomChat;
pub use directory::ZoomDirectory;
pub use webhook::ZoomWebhook;

/// The Zoom app, as its page in the Marketplace shows it, and where Zoom is.
#[derive(Clone, Debug)]
pub struct ZoomConfig {
    /// Client id, from the app's credentials.
    pub client_id: String,
    /// Client secret, from the app's credentials.
    pub client_secret: Rotating<Secret>,
    /// Bot JID, `v1…@xmpp.zoom.us`; the development app and the production app have different ones.
    pub bot_jid: String,
    /// Secret tokens that sign webhooks; several while one is being replaced. Empty ones are never accepted.
    pub secret_tokens: Rotating<Vec<Secret>>,
    /// The base of the API, `https://api.zoom.us`; `/v2/…` is added.
    pub api: Url,
    /// The base of the token endpoint, `https://zoom.us`; `/oauth/token` is added.
    pub oauth: Url,
    /// Calls a second and account, which Zoom counts for all of its apps together (Zoom, rate limits). A call beyond it
    /// waits up to 2 s for its turn, then it is [throttled](zentry_domain::ports::ChatError::Throttled) without being
    /// made. `None`, like 0: no limit.
    pub rate: Option<u32>,
}
