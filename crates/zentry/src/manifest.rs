//! What is entered in Zoom's and in Sentry's console for this configuration: the fields of a Zoom app's manifest and of a
//! Sentry integration, ready to paste or to send to their APIs.

use serde_json::{Value, json};
use zentry_domain::command::{COMMANDS, Spec};

use crate::config::ManifestConfig;

/// What the bot needs of Zoom. Enabling the chat surface adds it; it covers sending, editing, deleting and showing more of addresses.
pub(crate) const BOT_SCOPE: &str = "imchat:bot";
/// What is asked for beside it where the directory is read.
pub(crate) const DIRECTORY_SCOPES: [&str; 4] = [
    "user:read:user:admin",
    "team_chat:read:list_user_channels:admin",
    "team_chat:read:channel:admin",
    "team_chat:read:list_members:admin",
];
/// What it needs of Sentry to read.
pub(crate) const READING_SCOPES: [&str; 3] = ["event:read", "org:read", "project:read"];
/// What an internal integration needs as well, which acts for people who cannot link.
pub(crate) const ACTING_SCOPES: [&str; 1] = ["event:write"];
/// What is told to us. Alerts come by themselves, once a rule has the integration as an action.
pub(crate) const RESOURCES: [&str; 3] = ["issue", "comment", "seer"];

/// The Zoom app's manifest (Zoom, app manifests).
pub(crate) fn zoom(config: &ManifestConfig) -> Value {
    let at = |path: &str| config.at(path);
    let callback = at("/zoom/callback");
    let scopes: Vec<_> =
        zoom_scopes(config.directory).into_iter().map(|scope| json!({ "scope": scope, "optional": false })).collect();
    let hint = |spec: &Spec| json!({ "usage_hint": format!("{} {}", spec.name, spec.arguments).trim(), "description": spec.summary });
    let hints: Vec<_> = std::iter::once(json!({ "usage_hint": "help", "description": "what can be typed" }))
        .chain(COMMANDS.iter().filter(|spec| spec.name != "help").map(hint))
        .collect();
    json!({
        "display_information": { "display_name": "Sentry" },
        "oauth_information": {
            "usage": "ADMIN_MANAGEMENT",
            "development_redirect_uri": callback,
            "production_redirect_uri": callback,
            "oauth_allow_list": [callback],
            "strict_mode": true,
            "subdomain_strict_mode": true,
            "scopes": scopes,
            "scope_description": match config.directory {
                false => format!("Receives /{} commands and posts Sentry's issues.", config.command),
                true => format!(
                    "Receives /{} commands and posts Sentry's issues; reads the names and members of channels, and who \
                     administers the account.",
                    config.command
                ),
            },
            "enable_private_pkce_client": false,
            "enable_public_pkce_client": false,
        },
        "features": {
            "products": ["ZOOM_CHAT"],
            "development_home_uri": at("/"),
            "production_home_uri": at("/"),
            "domain_allow_list": [{ "domain": config.host(), "explanation": "the bot's pages and endpoints" }],
            "team_chat_subscription": {
                "enable": true,
                "enable_support_channel": false,
                "slash_command": {
                    "command": config.command,
                    "command_hints": hints,
                    "enable_add_to_channel": true,
                    "enable_mention": true,
                    "development_message_url": at("/zoom/events"),
                    "production_message_url": at("/zoom/events"),
                    "sender_type": "zoom",
                    "welcome_msg": {
                        "title": "Sentry is here",
                        "body": format!("Type /{} help", config.command),
                    },
                    "trust_domain_list": [{ "domain": config.sentry_host(), "unfurling": true }],
                },
                "shortcuts": [],
            },
        },
    })
}

/// Every scope that the Zoom app has.
pub(crate) fn zoom_scopes(directory: bool) -> Vec<&'static str> {
    let more = if directory { &DIRECTORY_SCOPES[..] } else { &[] };
    std::iter::once(BOT_SCOPE).chain(more.iter().copied()).collect()
}

/// The Sentry integration's settings: of an internal integration, or of a Sentry App where one is configured.
pub(crate) fn sentry(config: &ManifestConfig) -> Value {
    let mut settings = json!({
        "name": "Zoom Team Chat",
        "author": "zentry",
        "scopes": sentry_scopes(config.is_app),
        "events": RESOURCES,
        "webhookUrl": config.at("/sentry/webhook"),
        "isInternal": !config.is_app,
        "isAlertable": true,
        "verifyInstall": config.is_app,
        "allowedOrigins": [],
        "overview": "Sentry's issues and alerts in Zoom Team Chat, with buttons to resolve, archive and assign.",
    });
    if config.is_app {
        settings["redirectUrl"] = config.at("/sentry/setup").into();
    }
    settings
}

/// Every permission of the integration. An app reads alone: people act with their own accounts.
pub(crate) fn sentry_scopes(is_app: bool) -> Vec<&'static str> {
    let more = if is_app { &[] } else { &ACTING_SCOPES[..] };
    let mut scopes: Vec<_> = READING_SCOPES.iter().chain(more).copied().collect();
    scopes.sort_unstable();
    scopes
}
