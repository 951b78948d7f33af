//! Where each value is copied from, for whoever has a wrong one or none.

/// Setting and place.
const PLACES: [(&str, &str); 14] = [
    ("ZENTRY_PUBLIC_URL", "the https address at which Zoom, Sentry and browsers reach the bot"),
    ("ZENTRY_KEYS", "what `zentry keys new` prints"),
    ("ZENTRY_ZOOM_CLIENT_ID", "Zoom: Basic Information, App Credentials, Client ID"),
    ("ZENTRY_ZOOM_CLIENT_SECRET", "Zoom: Basic Information, App Credentials, Client Secret"),
    ("ZENTRY_ZOOM_BOT_JID", "Zoom: Features, Surface, Team Chat, Bot JID"),
    ("ZENTRY_ZOOM_SECRET_TOKEN", "Zoom: Features, Access, Token, Secret Token"),
    ("ZENTRY_SENTRY_ORG", "Sentry: Settings, General Settings, Organization Slug"),
    ("ZENTRY_SENTRY_TOKEN", "Sentry: Settings, Developer Settings, the integration, Tokens"),
    ("ZENTRY_SENTRY_CLIENT_SECRET", "Sentry: Settings, Developer Settings, the integration, Client Secret"),
    ("ZENTRY_SENTRY_CLIENT_ID", "Sentry: Settings, Developer Settings, the Sentry App, Client ID"),
    ("ZENTRY_SENTRY_APP_SLUG", "Sentry: Settings, Developer Settings, the slug in the Sentry App's address"),
    ("ZENTRY_SENTRY_OAUTH_CLIENT_ID", "Sentry: User Settings, API, Applications, Client ID"),
    ("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", "Sentry: User Settings, API, Applications, Client Secret"),
    ("ZENTRY_TLS_KEY", "the PEM file with the key of ZENTRY_TLS_CERT"),
];

/// What to set `setting` to.
pub(crate) fn place(setting: &str) -> Option<String> {
    let (_, place) = PLACES.iter().find(|(name, _)| *name == setting)?;
    Some(format!("set {setting} to {place}"))
}
