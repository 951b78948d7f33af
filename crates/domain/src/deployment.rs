//! What one deployment allows, and how it is reached: the part of the settings that decisions depend on.

use crate::{Account, OrgSlug, Person, Rank, UserId};

/// The settings that decisions depend on.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The slash command's name without the slash.
    pub command: String,
    /// How browsers reach the public listener, without a slash at the end.
    pub public_url: String,
    /// Who may connect.
    pub policy: Policy,
    /// People who may manage, by setting.
    pub managers: Vec<UserId>,
    /// The organizations that are accepted; `None` accepts all.
    pub allowed_orgs: Option<Vec<OrgSlug>>,
    /// People can link Sentry accounts.
    pub linking: bool,
    /// The one organization of an internal integration, which can be asked without a person.
    pub integration_org: Option<OrgSlug>,
    /// New cards a minute and channel before one card stands for all of them; 0 for no limit.
    pub storm_budget: u64,
    /// Where Sentry's pages are, without a slash at the end.
    pub sentry_url: String,
    /// Where an organization's owner installs the Sentry App, if there is one to install.
    pub install_url: Option<String>,
    /// Where nothing else brings a project's events, a hook is made in it.
    pub service_hooks: bool,
}

/// Who may connect a channel to a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Everyone of the account in the channel.
    Anyone,
    /// A linked person who sees the project at Sentry.
    Linked,
    /// Managers only.
    Managers,
}

impl Deployment {
    /// Whether an organization is accepted here.
    pub fn accepts(&self, org: &OrgSlug) -> bool {
        self.allowed_orgs
            .as_ref()
            .is_none_or(|orgs| orgs.iter().any(|allowed| allowed.as_str().eq_ignore_ascii_case(org.as_str())))
    }

    /// Whether `person` manages the account: by setting, because they installed the bot, or because they administer it.
    pub fn is_manager(&self, person: &Person, account: Option<&Account>, rank: Rank) -> bool {
        !person.is_guest()
            && rank != Rank::Guest
            && (rank == Rank::Administrator
                || self.managers.contains(&person.user)
                || account.and_then(|a| a.installer.as_ref()) == Some(&person.user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{UserJid, sample};

    fn deployment() -> Deployment {
        sample::deployment()
    }

    #[test]
    fn whoever_installed_the_bot_manages_the_account() {
        let installed = Account { id: sample::ana().account, installer: Some(sample::ana().user), since: None };
        assert!(deployment().is_manager(&sample::ana(), Some(&installed), Rank::Member));
        assert!(!deployment().is_manager(&sample::ana(), None, Rank::Member));
    }

    #[test]
    fn whoever_administers_the_account_manages_it() {
        assert!(deployment().is_manager(&sample::ana(), None, Rank::Administrator));
        let listed = Deployment { managers: vec![sample::ana().user], ..deployment() };
        assert!(
            !listed.is_manager(&sample::ana(), None, Rank::Guest),
            "a guest is no manager, whatever a setting says"
        );
    }

    #[test]
    fn a_guest_manages_nothing() {
        let guest = Person { user: UserId::new(""), jid: UserJid::new("g@x"), ..sample::ana() };
        let installed = Account { id: guest.account.clone(), installer: Some(UserId::new("")), since: None };
        assert!(!deployment().is_manager(&guest, Some(&installed), Rank::Administrator));
    }

    #[test]
    fn organizations_are_accepted_in_any_case() {
        let only_acme = Deployment { allowed_orgs: Some(vec![OrgSlug::new("Acme")]), ..deployment() };
        assert!(only_acme.accepts(&OrgSlug::new("acme")));
        assert!(!only_acme.accepts(&OrgSlug::new("globex")));
    }
}
