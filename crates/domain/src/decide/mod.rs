//! Decisions: an event and the facts it needs in, rows and jobs out. Pure: the same arguments give the same decision.

mod change;
mod connect;
mod directory;
mod everywhere;
mod first;
mod gap;
mod hook;
mod link;
mod mute;
mod operator;
mod panel;
mod press;
mod remark;
mod reread;
mod said;
mod sift;
mod storm;
mod test;
mod unfurl;
mod whole;

pub use change::{Crowds, Standstill};
pub use connect::Lookup;
pub use directory::{DirectoryReading, Ended};
pub use everywhere::Care;
pub(crate) use everywhere::is_in;
pub use gap::{Found, GapFacts, OUTAGE, Reading};
pub use mute::MuteFacts;
pub use operator::{ConnectTo, NewConnection};
pub use panel::{MOST_RESTYLED, RESTYLED};
pub use press::{PressFacts, UndoFacts};
pub use said::{SaidFacts, StatusFacts, WhyFacts};
pub use sift::Sifted;
pub use test::TestFacts;
pub use unfurl::{SharedFacts, UNFURL_PAUSE};
pub use whole::Joining;

use crate::notice::LABEL;
use crate::text::distinct;
use crate::{
    Account, AccountId, Address, Answer, AuditEntry, Button, ChannelId, Choice, CredentialId, Decision, Deployment,
    Digest, Handle, InstallationId, Job, Lane, LeftHook, Link, Menu, NewJob, Notice, OFFER_LIFE, Offer, Offered,
    OrgSlug, Pending, Person, Place, Policy, Press, Pressed, Random, Rights, RowChange, Secret, Select, SelectOption,
    Subscription, Timestamp, say,
};

/// What every decision may look at beside its event and facts.
#[derive(Clone, Copy)]
pub struct Core<'a> {
    /// The settings.
    pub deployment: &'a Deployment,
    /// When it is.
    pub now: Timestamp,
    /// For handles, names of jobs, and codes.
    pub random: &'a dyn Random,
}

/// A token for a link's address, fresh from the dice, with the digest under which it is kept.
#[derive(Clone, Debug)]
pub struct FreshLink {
    /// 256 random bits, base64url.
    pub token: Secret,
    /// Its SHA-256.
    pub id: Digest,
}

impl Core<'_> {
    /// An account installed the bot: it is known, and whoever did it is welcomed.
    pub fn installed(&self, account: &Account, by: &Person) -> Decision {
        let welcome = self.answer(Address::direct(by), say::welcome(self.deployment));
        let since = account.since.or(Some(self.now));
        let audit = self.audit(&Place::direct(by), by, "install", "the bot");
        Decision::job(welcome)
            .and(RowChange::PutAccount(Account { since, ..account.clone() }))
            .and(RowChange::Audit(audit))
    }

    /// An account removed the bot: everything of it goes. Unless it was removed before it was `known` to be installed: then
    /// it has installed it again since, and what it has is its new installation's.
    /// Its grants stay until they are revoked, and until the hooks are deleted that were made with them: `leaving`.
    pub fn deauthorized(
        &self,
        account: &AccountId,
        at: Option<Timestamp>,
        known: Option<&Account>,
        leaving: &[(CredentialId, Vec<LeftHook>)],
    ) -> Decision {
        let since = known.and_then(|account| account.since);
        if since.is_some_and(|since| at.is_some_and(|at| at < since)) {
            return Decision::nothing();
        }
        let account = account.clone();
        let grants = leaving.iter().map(|(credential, _)| credential.clone()).collect();
        let gone = Decision::nothing().and(RowChange::LetAccountGo { account: account.clone(), grants });
        leaving.iter().fold(gone, |decision, (credential, hooks)| {
            let ended = hooks.iter().map(|hook| self.end_hook(hook.token, false));
            let (account, credential, hooks) = (account.clone(), credential.clone(), hooks.clone());
            let lane = Lane::leaving(&credential);
            let leave = self.job(lane, Job::Leave { account, credential, hooks }).uncounted();
            ended.fold(decision, Decision::and).then(leave)
        })
    }

    /// An organization installed our integration. Where it is the `first` one, each of its channels is told: what was connected
    /// before, or while it was removed, gets its events from now on.
    pub fn integration_installed(
        &self,
        installation: &InstallationId,
        org: &OrgSlug,
        code: Option<&Secret>,
        first: bool,
        subscriptions: &[Subscription],
    ) -> Decision {
        let tell = |decision: Decision, s: &Subscription| {
            let audit = AuditEntry::of_itself(self.now, &s.place, "Sentry", "install integration", org.as_str());
            let told = self.openly(&s.place, &s.by, say::integration_installed(org));
            decision.and(RowChange::Audit(audit)).then(told)
        };
        // An internal integration is there from the start.
        let is_own = self.deployment.integration_org.as_ref() == Some(org);
        let waiting = if first && !is_own { subscriptions } else { &[] };
        let install =
            code.filter(|_| self.deployment.install_url.is_some()).map(|code| self.install(installation, code));
        let decision = change::once_a_channel(waiting).fold(Decision::nothing(), tell);
        install
            .into_iter()
            .fold(decision, Decision::then)
            .and(RowChange::PutInstallation { installation: installation.clone(), org: org.clone() })
            .and(RowChange::RememberForEver)
    }

    /// What exchanges the code of an installation. Webhook and browser bring the same one: one of them is enough.
    pub fn install(&self, installation: &InstallationId, code: &Secret) -> NewJob {
        let job = Job::Install { installation: installation.clone(), code: code.clone() };
        NewJob { unless_waiting: true, ..self.job(Lane::installation(installation), job) }
    }

    /// An organization removed our integration. Its channels' subscriptions stay; where it was the `last` one, each channel
    /// is told, and what waits to be posted there is not.
    pub fn integration_removed(
        &self,
        installation: &InstallationId,
        last: Option<&OrgSlug>,
        subscriptions: &[Subscription],
    ) -> Decision {
        let removed = Decision::nothing()
            .and(RowChange::RemoveInstallation(installation.clone()))
            .and(RowChange::RememberForEver);
        let Some(org) = last else { return removed };
        let tell = |decision: Decision, subscription: &Subscription| {
            let Place { account, channel, .. } = subscription.place.clone();
            let to = Address::everyone(&subscription.place, &subscription.by);
            let notice = say::integration_removed(self.deployment, &subscription.place, org);
            let told = self.tell(to, &subscription.place, notice);
            let audit =
                AuditEntry::of_itself(self.now, &subscription.place, "Sentry", "remove integration", org.as_str());
            let forsake = RowChange::Forsake { account, channel, org: org.clone() };
            decision.and(forsake).and(RowChange::Audit(audit)).with(told)
        };
        change::once_a_channel(subscriptions).fold(removed, tell)
    }

    /// Deletes what has served its time, and comes back in an hour.
    pub fn sweep(&self) -> Decision {
        const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);
        let again = self.job(Lane::upkeep(), Job::Sweep).at(self.now + HOUR);
        Decision::job(again).and(RowChange::Sweep { now: self.now })
    }

    /// What is said instead of an answer that was refused for good.
    pub fn answer_instead(&self, otherwise: &Answer) -> NewJob {
        self.answer_or(otherwise.to.clone(), otherwise.notice.clone(), otherwise.otherwise.clone())
    }

    /// Under the policy `managers` nobody else changes what a channel gets.
    fn is_kept_out(&self, rights: &Rights, here: &[Subscription]) -> bool {
        self.deployment.policy == Policy::Managers && !rights.manage(here)
    }

    /// Somebody has changed something.
    fn audit(&self, place: &Place, by: &Person, action: &str, object: &str) -> AuditEntry {
        AuditEntry::done(self.now, by, place, action, object)
    }

    fn job(&self, lane: Lane, job: Job) -> NewJob {
        NewJob::now(lane, job, self.random)
    }

    fn answer(&self, to: Address, notice: Notice) -> NewJob {
        self.answer_or(to, notice, None)
    }

    fn answer_or(&self, to: Address, notice: Notice, otherwise: Option<Box<Answer>>) -> NewJob {
        let otherwise = otherwise.or_else(|| in_own_chat(&to, &notice));
        let lane = Lane::answers(&to.account, &to.to);
        self.job(lane, Job::Answer(Answer { to, notice, replaces: None, otherwise }))
    }

    /// An answer in `place`, with what its buttons do.
    fn tell(&self, to: Address, place: &Place, mut notice: Notice) -> Decision {
        let suggestions = std::mem::take(&mut notice.suggestions);
        let menus = std::mem::take(&mut notice.menus);
        if suggestions.is_empty() && menus.is_empty() {
            return Decision::job(self.answer(to, notice));
        }
        let handle = Handle::new(self.random.hex128());
        let mut what = Vec::new();
        let mut press = |offered: Offered| {
            // More than a message holds.
            let number = u8::try_from(what.len()).unwrap_or(u8::MAX);
            what.push(offered);
            Press { card: handle.clone(), choice: Choice::Offered(number) }
        };
        let mut buttons = Vec::new();
        let (labels, suggested): (Vec<_>, Vec<_>) = suggestions.into_iter().map(|one| (one.label, one.what)).unzip();
        for (label, what) in distinct(&labels, LABEL).into_iter().zip(suggested) {
            buttons.push(Button { label, press: press(what), primary: false });
        }
        for Menu { label, options, chosen } in menus {
            let options =
                options.into_iter().map(|option| SelectOption { label: option.label, press: press(option.what) });
            notice.selects.push(Select { label, options: options.collect(), chosen });
        }
        notice.buttons = buttons.into_iter().chain(notice.buttons).collect();
        let offer = Offer { handle, place: place.clone(), expires: self.now + OFFER_LIFE, what };
        Decision::job(self.answer(to, notice)).and(RowChange::PutOffer(offer))
    }

    /// What a press on such a button means; `None` where it means nothing any more, or not there.
    pub fn offered<'o>(&self, pressed: &Pressed, offer: Option<&'o Offer>) -> Option<&'o Offered> {
        let Some(Press { choice: Choice::Offered(number), .. }) = &pressed.press else { return None };
        let fresh = offer.filter(|offer| self.now < offer.expires && offer.place.is_same(&pressed.place))?;
        fresh.what.get(usize::from(*number))
    }

    /// Somebody wants to be somebody else at Sentry.
    pub fn switched(
        &self,
        pressed: &Pressed,
        (place, then): (&Place, &Pending),
        open: Option<&Link>,
        fresh: &FreshLink,
    ) -> Decision {
        let by = &pressed.by;
        match self.deployment.linking && !by.is_guest() {
            true => self.offer_link(by, place, then.clone(), open, fresh),
            false => Decision::job(self.privately(&pressed.place, by, say::card_expired())),
        }
    }

    /// An answer that only `person` sees, in `place`.
    fn privately(&self, place: &Place, person: &Person, notice: Notice) -> NewJob {
        self.answer(Address::privately(place, person), notice)
    }

    /// An answer that everyone in `place` sees.
    fn openly(&self, place: &Place, person: &Person, notice: Notice) -> NewJob {
        self.answer(Address::everyone(place, person), notice)
    }
}

/// What concerns one person is said in their own chat where the channel does not take it for them alone. Buttons work where
/// their message was meant to be.
fn in_own_chat(to: &Address, notice: &Notice) -> Option<Box<Answer>> {
    to.visible_to.as_ref()?;
    let own = Address { to: ChannelId::new(to.on_behalf_of.as_str()), visible_to: None, reply_to: None, ..to.clone() };
    let notice = Notice { buttons: Vec::new(), selects: Vec::new(), ..notice.clone() };
    Some(Box::new(Answer { to: own, notice, replaces: None, otherwise: None }))
}
