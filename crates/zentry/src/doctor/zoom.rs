//! The Zoom app: its credentials, what it may do, and a message to somebody.

use std::sync::Arc;

use zentry_domain::ports::ChatError;
use zentry_domain::{Address, Chat, Notice, Roster, Secret, UserJid};
use zentry_sqlite::Sqlite;
use zentry_zoom::{ZoomChat, ZoomConfig};

use super::{Check, Patient, whole, without_store};
use crate::manifest::BOT_SCOPE;
use crate::wire;
use crate::world::WallClock;

const APP: &str = "Zoom app";
const SCOPES: &str = "Zoom scopes";
const MESSAGE: &str = "Zoom message";
const DIRECTORY: &str = "Zoom directory";

impl Patient<'_> {
    fn chat(&self, config: ZoomConfig) -> ZoomChat {
        ZoomChat::new(config, self.http.clone(), Arc::new(WallClock))
    }

    fn zoom_config(&self) -> ZoomConfig {
        wire::zoom_config(self.zoom.clone())
    }
}

/// Credentials, and scopes.
pub(super) async fn check(patient: &Patient<'_>) -> Vec<Check> {
    let id = &patient.zoom.client_id;
    match patient.chat(patient.zoom_config()).scopes().await {
        Ok(scopes) => vec![Check::ok(APP, format!("Zoom knows {id} and its secret")), granted(&scopes)],
        Err(error @ ChatError::Unauthorized(_)) => {
            let fix = match is_swapped(patient).await {
                true => {
                    "ZENTRY_ZOOM_CLIENT_SECRET and ZENTRY_ZOOM_SECRET_TOKEN are swapped: the first is Basic Information, App \
                         Credentials, the second Features, Access, Token"
                }
                false => {
                    "set ZENTRY_ZOOM_CLIENT_ID and ZENTRY_ZOOM_CLIENT_SECRET to Basic Information, App Credentials, both of \
                          Development or both of Production"
                }
            };
            vec![Check::red(APP, whole(&error), fix), Check::skipped(SCOPES, "Zoom gives no token", "")]
        }
        Err(error) => {
            let fix = "let this host call ZENTRY_ZOOM_OAUTH (https://zoom.us), where there is one through ZENTRY_OUTBOUND_PROXY";
            vec![Check::red(APP, whole(&error), fix), Check::skipped(SCOPES, "Zoom gives no token", "")]
        }
    }
}

fn granted(scopes: &[String]) -> Check {
    let all = scopes.join(" ");
    match scopes.iter().any(|scope| scope == BOT_SCOPE) {
        true => Check::ok(SCOPES, all),
        // Not every answer tells them.
        false if scopes.is_empty() => Check::skipped(SCOPES, "Zoom does not tell them", ""),
        false => Check::red(
            SCOPES,
            format!("{BOT_SCOPE} is missing; there is {all}"),
            "switch Features, Surface, Team Chat Subscription on: it adds the scope imchat:bot; then add the app to the account again",
        ),
    }
}

/// Whether Zoom accepts what should sign webhooks as the client's secret.
async fn is_swapped(patient: &Patient<'_>) -> bool {
    let tokens: Vec<Secret> = patient.zoom.secret_tokens.get().to_vec();
    for token in tokens {
        let config = ZoomConfig { client_secret: token.into(), ..patient.zoom_config() };
        if patient.chat(config).scopes().await.is_ok() {
            return true;
        }
    }
    false
}

/// Posts to somebody, edits it, deletes it.
pub(super) async fn message(patient: &Patient<'_>, sqlite: Option<&Sqlite>, to: Option<&UserJid>) -> Check {
    let Some(jid) = to else {
        return Check::skipped(
            MESSAGE,
            "nobody was named: nothing was sent to Zoom",
            "run `zentry doctor --to` with your Zoom JID, which whoami shows",
        );
    };
    let Some(sqlite) = sqlite else { return without_store(MESSAGE) };
    let person = match sqlite.person_at(jid).await {
        Ok(Some(person)) => person,
        Ok(None) => {
            let fix = format!(
                "write anything to the bot in Zoom as {jid}; if that is not answered, Zoom does not reach the bot: see above"
            );
            return Check::red(MESSAGE, format!("the bot has heard nothing of {jid} yet"), fix);
        }
        Err(error) => return Check::red(MESSAGE, whole(&error), "look at ZENTRY_STORE"),
    };
    let chat = patient.chat(patient.zoom_config());
    let to = Address::direct(&person);
    let sent = async {
        let first = Notice::text("zentry doctor: this message is edited and deleted at once.");
        let message = chat.post(&to, &first).await.map_err(|error| ("posted", error))?;
        chat.edit(&to, &message, &Notice::text("zentry doctor: edited.")).await.map_err(|error| ("edited", error))?;
        chat.delete(&to, &message).await.map_err(|error| ("deleted", error))
    };
    match sent.await {
        Ok(()) => Check::ok(MESSAGE, format!("posted to {}, edited and deleted", person.name)),
        Err((what, error)) => {
            let fix = match &error {
                ChatError::Gone(_) => {
                    "add the app to this account again (Local Test, Add App Now), and set ZENTRY_ZOOM_BOT_JID to Features, \
                                       Surface, Team Chat, Bot JID of the same environment"
                }
                ChatError::Unauthorized(_) => {
                    "switch Features, Surface, Team Chat Subscription on, which adds the scope imchat:bot"
                }
                ChatError::Throttled { .. } => "wait a minute, and lower ZENTRY_ZOOM_RATE to what Zoom's plan allows",
                ChatError::Unavailable(_) | ChatError::Unknown(_) => {
                    "let this host call ZENTRY_ZOOM_API (https://api.zoom.us), or wait for Zoom"
                }
                ChatError::Refused(_) | ChatError::MessageGone(_) => {
                    "set ZENTRY_ZOOM_BOT_JID to Features, Surface, Team Chat, Bot JID: development \
                                                                      and production have different ones"
                }
            };
            Check::red(MESSAGE, format!("a message to {} is not {what}: {}", person.name, whole(&error)), fix)
        }
    }
}

/// Whether anybody has let the bot read an account's directory.
pub(super) async fn directory(patient: &Patient<'_>, sqlite: Option<&Sqlite>) -> Check {
    if !patient.zoom.directory {
        return Check::skipped(DIRECTORY, "ZENTRY_ZOOM_DIRECTORY is off", "");
    }
    let Some(sqlite) = sqlite else { return without_store(DIRECTORY) };
    match sqlite.store().enrolled().await {
        Ok(accounts) if accounts.is_empty() => Check::red(
            DIRECTORY,
            "no administrator has allowed it yet",
            format!(
                "add the scopes that `zentry manifest zoom` lists (Scopes), then open {} as an administrator",
                patient.at("/zoom/install")
            ),
        ),
        Ok(accounts) => Check::ok(DIRECTORY, format!("allowed in {} accounts", accounts.len())),
        Err(error) => Check::red(DIRECTORY, whole(&error), "look at ZENTRY_STORE"),
    }
}
