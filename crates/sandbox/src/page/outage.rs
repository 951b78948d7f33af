//! Outages that can be switched on, and stay until they are switched off.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Stage;
use crate::{Fault, Faults};

/// How slow a slow service is: less than the bot waits for it.
const SLOW: Duration = Duration::from_secs(2);
/// A client secret that nobody else knows.
const FORGED: &str = "not-the-secret";

/// How a service answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Weather {
    /// As it should.
    #[default]
    Fine,
    /// Late.
    Slow,
    /// That it was asked too often.
    Throttled,
    /// That it has failed.
    Failing,
    /// Not at all.
    Silent,
}

impl Weather {
    pub(super) const NAMED: [(Self, &'static str); 5] = [
        (Self::Fine, "as it should"),
        (Self::Slow, "after two seconds"),
        (Self::Throttled, "429, too many requests"),
        (Self::Failing, "500, it has failed"),
        (Self::Silent, "not at all"),
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Slow => "slow",
            Self::Throttled => "throttled",
            Self::Failing => "failing",
            Self::Silent => "silent",
        }
    }

    fn fault(self, throttled: Fault) -> Option<Fault> {
        match self {
            Self::Fine => None,
            Self::Slow => Some(Fault::Late(SLOW)),
            Self::Throttled => Some(throttled),
            Self::Failing => Some(Fault::status(500)),
            Self::Silent => Some(Fault::Close { carried_out: false }),
        }
    }
}

/// What is switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Outages {
    zoom: Weather,
    sentry: Weather,
    token_revoked: bool,
    zoom_forged: bool,
    sentry_forged: bool,
}

/// One switch.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Switch {
    /// How Zoom answers the bot.
    Zoom(Weather),
    /// How Sentry answers the bot.
    Sentry(Weather),
    /// The integration's token is no good any more.
    TokenRevoked(bool),
    /// Zoom signs with another secret than the bot knows, and is refused.
    ZoomForged(bool),
    /// The same of Sentry.
    SentryForged(bool),
}

impl Stage {
    /// Turns one switch.
    pub(super) fn switch(&self, switch: Switch) {
        let (zoom, sentry, cast) = (&self.sandbox.zoom, &self.sandbox.sentry, &self.cast);
        let set =
            |faults: &[&Faults], fault: Option<Fault>| faults.iter().for_each(|known| known.outage(fault.clone()));
        match switch {
            Switch::Zoom(weather) => {
                set(&[zoom.faults(), zoom.token_faults()], weather.fault(Fault::zoom_throttled(Some("5"))));
            }
            Switch::Sentry(weather) => {
                set(&[sentry.faults(), sentry.oauth_faults()], weather.fault(Fault::sentry_throttled(None)));
            }
            Switch::TokenRevoked(is_on) => sentry.honour_token(&cast.integration, !is_on),
            Switch::ZoomForged(is_on) => {
                zoom.rotate_secret_token(if is_on { FORGED } else { &cast.zoom_app.secret_token });
            }
            Switch::SentryForged(is_on) => {
                let secret = if is_on { FORGED } else { &cast.integration.client_secret };
                sentry.rotate_client_secret(&cast.acme, secret);
            }
        }
        self.outages.change(|outages| match switch {
            Switch::Zoom(weather) => outages.zoom = weather,
            Switch::Sentry(weather) => outages.sentry = weather,
            Switch::TokenRevoked(is_on) => outages.token_revoked = is_on,
            Switch::ZoomForged(is_on) => outages.zoom_forged = is_on,
            Switch::SentryForged(is_on) => outages.sentry_forged = is_on,
        });
    }

    /// Ends every outage; answers whether there was one.
    pub(super) fn clear_up(&self) -> bool {
        let before = self.outages.read(|outages| *outages);
        if before == Outages::default() {
            return false;
        }
        let fine = [Switch::Zoom(Weather::Fine), Switch::Sentry(Weather::Fine), Switch::TokenRevoked(false)];
        let signed = [Switch::ZoomForged(false), Switch::SentryForged(false)];
        fine.into_iter().chain(signed).for_each(|switch| self.switch(switch));
        true
    }
}
