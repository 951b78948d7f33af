//! Secrets that are pasted twice, into each other's place, or with something around them.

use zentry_domain::Secret;
use zentry_seal::Keyring;

use super::{Check, Patient};
use crate::config;

const NAME: &str = "secrets";
/// Every secret but the sealing keys, by its setting.
pub(super) fn check(patient: &Patient<'_>, keys: &Keyring) -> Check {
    let (zoom, sentry) = (patient.zoom, patient.sentry);
    let mut secrets = vec![("ZENTRY_ZOOM_CLIENT_SECRET", (*zoom.client_secret.get()).clone())];
    secrets.extend(zoom.secret_tokens.get().iter().map(|token| ("ZENTRY_ZOOM_SECRET_TOKEN", token.clone())));
    secrets.extend(sentry.client_secrets.get().iter().map(|secret| ("ZENTRY_SENTRY_CLIENT_SECRET", secret.clone())));
    secrets.extend(sentry.internal.iter().map(|(_, token)| ("ZENTRY_SENTRY_TOKEN", (*token.get()).clone())));
    secrets.extend(sentry.oauth.iter().map(|(_, s)| ("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", (*s.get()).clone())));
    let ids = [("ZENTRY_ZOOM_CLIENT_ID", zoom.client_id.as_str())]
        .into_iter()
        .chain(sentry.oauth.iter().map(|(id, _)| ("ZENTRY_SENTRY_OAUTH_CLIENT_ID", id.as_str())))
        .chain(sentry.app.iter().map(|(id, _)| ("ZENTRY_SENTRY_CLIENT_ID", id.as_str())));
    match wrong(&secrets, &ids.collect::<Vec<_>>()) {
        Some((detail, fix)) => Check::red(NAME, detail, fix),
        None => {
            let sealing = keys.ids().len();
            Check::ok(NAME, format!("{} secrets and {sealing} sealing keys, no two of them alike", secrets.len()))
        }
    }
}

/// What is wrong, and where the right one is.
fn wrong(secrets: &[(&'static str, Secret)], ids: &[(&'static str, &str)]) -> Option<(String, String)> {
    for (at, (setting, secret)) in secrets.iter().enumerate() {
        let value = secret.expose();
        if let Some((other, _)) = secrets[..at].iter().find(|(_, other)| other == secret) {
            let detail = match other == setting {
                true => format!("{setting} lists the same secret twice"),
                false => format!("{other} and {setting} hold the same value; one was pasted twice"),
            };
            return Some((detail, format!("{}; {}", place(other), place(setting))));
        }
        if let Some((id, _)) = ids.iter().find(|(_, id)| *id == value) {
            return Some((format!("{setting} holds the value of {id}"), place(setting)));
        }
        if value.trim() != value || value.starts_with(['"', '\'']) || value.ends_with(['"', '\'']) {
            return Some((format!("{setting} begins or ends with a blank, a line break or a quote"), place(setting)));
        }
        if let Some(why) = swapped(setting, value) {
            return Some((format!("{setting} {why}"), place(setting)));
        }
    }
    None
}

/// Sentry's newer tokens say what they are.
fn swapped(setting: &str, value: &str) -> Option<&'static str> {
    match setting {
        "ZENTRY_SENTRY_TOKEN" if value.starts_with("sntryu_") => {
            Some("is a person's own token, not the integration's: what that person may not see the bot does not either")
        }
        "ZENTRY_SENTRY_TOKEN" if value.starts_with("sntrys_") => Some(
            "is an organization's token for releases, which reads no issues; the integration's begins with sntryi_",
        ),
        "ZENTRY_SENTRY_TOKEN" => None,
        _ if value.starts_with("sntry") => Some("holds a token of Sentry's; it belongs into ZENTRY_SENTRY_TOKEN"),
        _ if value.contains("@xmpp") => Some("holds a JID; it belongs into ZENTRY_ZOOM_BOT_JID"),
        _ => None,
    }
}

fn place(setting: &str) -> String {
    config::place(setting).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(secrets: &[(&'static str, &str)]) -> Option<String> {
        let secrets: Vec<_> = secrets.iter().map(|(name, value)| (*name, Secret::new(*value))).collect();
        wrong(&secrets, &[("ZENTRY_ZOOM_CLIENT_ID", "the-id")]).map(|(detail, fix)| {
            assert!(fix.contains("ZENTRY_"), "{fix}");
            assert!(!detail.contains("canary") && !fix.contains("canary"), "{detail}");
            detail
        })
    }

    #[test]
    fn a_secret_that_was_pasted_twice_or_elsewhere_is_told_without_showing_it() {
        let (zoom, token, client, sentry) = (
            ("ZENTRY_ZOOM_CLIENT_SECRET", "a-canary"),
            ("ZENTRY_ZOOM_SECRET_TOKEN", "b-canary"),
            ("ZENTRY_SENTRY_CLIENT_SECRET", "c-canary"),
            ("ZENTRY_SENTRY_TOKEN", "sntryi_canary"),
        );
        assert_eq!(found(&[zoom, token, client, sentry]), None);
        for (secrets, words) in [
            (
                [zoom, ("ZENTRY_ZOOM_SECRET_TOKEN", "a-canary")],
                "ZENTRY_ZOOM_CLIENT_SECRET and ZENTRY_ZOOM_SECRET_TOKEN hold",
            ),
            ([token, token], "ZENTRY_ZOOM_SECRET_TOKEN lists the same secret twice"),
            ([zoom, ("ZENTRY_SENTRY_CLIENT_SECRET", "sntryi_canary")], "ZENTRY_SENTRY_CLIENT_SECRET holds a token"),
            ([zoom, ("ZENTRY_SENTRY_TOKEN", "sntryu_canary")], "ZENTRY_SENTRY_TOKEN is a person's own token"),
            ([zoom, ("ZENTRY_SENTRY_TOKEN", "sntrys_canary")], "ZENTRY_SENTRY_TOKEN is an organization's token"),
            ([zoom, ("ZENTRY_SENTRY_CLIENT_SECRET", "\"canary\"")], "ZENTRY_SENTRY_CLIENT_SECRET begins or ends"),
            ([zoom, ("ZENTRY_SENTRY_TOKEN", "canary\n")], "ZENTRY_SENTRY_TOKEN begins or ends"),
            (
                [zoom, ("ZENTRY_ZOOM_SECRET_TOKEN", "the-id")],
                "ZENTRY_ZOOM_SECRET_TOKEN holds the value of ZENTRY_ZOOM_CLIENT_ID",
            ),
            ([zoom, ("ZENTRY_ZOOM_SECRET_TOKEN", "v1canary@xmpp.zoom.us")], "ZENTRY_ZOOM_SECRET_TOKEN holds a JID"),
        ] {
            let detail = found(&secrets).unwrap_or_else(|| panic!("{words}"));
            assert!(detail.starts_with(words), "{detail}");
        }
    }
}
