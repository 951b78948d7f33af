//! Hooks of ours in projects at Sentry: how events come in where neither an app nor an integration brings them.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Digest, HookId, Kind, Project, Subscription, Timestamp, UserId};

/// A hook in a project. One serves every channel of the project, of any account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// What Sentry calls it. Its secret lies in the vault under this name.
    pub id: HookId,
    /// Of the token in the address that Sentry calls.
    pub token: Digest,
    /// What it tells of. A delivery does not say so (Sentry, service hooks), and so there is one hook of each kind.
    pub kind: HookKind,
    /// The project.
    pub project: Project,
    /// With whose grant it was made, and is to be deleted; `None` once their account is gone.
    pub by: Option<(AccountId, UserId)>,
    /// Since when it is of no use: what still comes is dropped.
    pub ended: Option<Timestamp>,
    /// It ended without being deleted, and nobody can delete it any more: the grant with which it was made is gone. Its
    /// address is none from then on.
    pub is_stranded: bool,
}

/// A hook that goes with the account of whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftHook {
    /// What Sentry calls it.
    pub id: HookId,
    /// See [`Hook::token`].
    pub token: Digest,
    /// The project.
    pub project: Project,
}

/// What a hook tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookKind {
    /// Events for which a rule fired.
    Alert,
    /// Every event.
    Event,
}

impl HookKind {
    /// How Sentry names what it tells of.
    pub fn event(self) -> &'static str {
        match self {
            Self::Alert => "event.alert",
            Self::Event => "event.created",
        }
    }

    /// How the store names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Event => "event",
        }
    }

    /// The kind that the store names so.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Alert, Self::Event].into_iter().find(|kind| kind.word() == word)
    }

    /// The hooks that a project needs for those who are connected to it. Every single event is asked for only where somebody
    /// wants to hear of something that no alert tells.
    pub fn wanted<'f>(filters: impl IntoIterator<Item = &'f crate::Filter>) -> Vec<Self> {
        let untold = |kind: &Kind| matches!(kind, Kind::New | Kind::Regressed | Kind::Error);
        let mut wanted = Vec::new();
        for filter in filters {
            if wanted.is_empty() {
                wanted.push(Self::Alert);
            }
            if wanted.len() == 1 && filter.events.iter().any(untold) {
                wanted.push(Self::Event);
            }
        }
        wanted
    }

    /// Those that `subscriptions` to one project need.
    pub fn wanted_by(subscriptions: &[Subscription]) -> Vec<Self> {
        Self::wanted(subscriptions.iter().map(|subscription| &subscription.filter))
    }
}

/// Why a project has no hook of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoHook {
    /// The plan, or the Sentry itself, has none.
    Feature,
    /// Whoever asked may not make one, with Sentry's reason.
    Refused(String),
}

/// How the events of a project come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The organization's integration is known to us, or is the one that is configured.
    pub installed: bool,
    /// The hooks that were made for it just now, or were there.
    pub hooks: Vec<Hook>,
    /// Why there are none, where there were to be some.
    pub no_hook: Option<NoHook>,
}

impl Reach {
    /// Whether anything is known to bring its events.
    pub fn is_reached(&self) -> bool {
        self.installed || !self.hooks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Filter, sample};

    #[test]
    fn every_event_is_asked_for_only_where_no_alert_tells_what_is_wanted() {
        let of = |events: &[Kind]| Filter { events: events.to_vec(), ..Filter::default() };
        assert_eq!(HookKind::wanted([]), []);
        assert_eq!(HookKind::wanted([&of(&[Kind::Alert])]), [HookKind::Alert]);
        for kind in [Kind::New, Kind::Regressed, Kind::Error] {
            let both = HookKind::wanted([&of(&[Kind::Alert]), &of(&[kind])]);
            assert_eq!(both, [HookKind::Alert, HookKind::Event], "{kind:?}");
        }
        assert_eq!(HookKind::wanted_by(&[sample::subscription()]), [HookKind::Alert, HookKind::Event]);
    }

    #[test]
    fn a_kind_is_stored_by_its_name() {
        for kind in [HookKind::Alert, HookKind::Event] {
            assert_eq!(HookKind::named(kind.word()), Some(kind));
        }
        assert_eq!(HookKind::named("issue"), None);
    }
}
