//! Somebody pressed a button.

use super::{Core, FreshLink, MuteFacts};
use crate::roundup::Gathering;
use crate::text::line;
use crate::{
    Action, Actor, AskWhom, Assignee, AuditEntry, Card, Choice, Decision, Filter, Handle, Identity, Issue, Job, Lane,
    Link, LinkedPerson, NewJob, Offer, Offered, Pending, Person, Place, Press, Pressed, Project, Rights, Roundup,
    RowChange, Subscription, UNDO_LIFE, Undo, Undoing, Update, say,
};

/// As much of a name as is looked for.
const SOUGHT: usize = 80;

/// What a press needs to know.
#[derive(Clone, Debug)]
pub struct PressFacts {
    /// The card of the button, looked up under the account of the signed payload.
    pub card: Option<Card>,
    /// The storm of the button, with what it holds, for "Show all".
    pub storm: Option<(Roundup, Gathering)>,
    /// The change of the button, for "Undo".
    pub undo: Option<UndoFacts>,
    /// The mute of the button, for "Unmute" and "+1 h".
    pub mute: Option<MuteFacts>,
    /// The presser's Sentry account.
    pub linked: Option<LinkedPerson>,
    /// The presser's unfinished attempt to link one.
    pub open_link: Option<Link>,
    /// A token, should one be needed.
    pub fresh_link: FreshLink,
}

/// What taking a change back needs to know.
#[derive(Clone, Debug)]
pub struct UndoFacts {
    /// The change.
    pub undo: Undo,
    /// What its channel is connected to now.
    pub here: Vec<Subscription>,
    /// Its cards that follow at once; only where its settings were changed.
    pub cards: Vec<Card>,
    /// What the presser may do.
    pub rights: Rights,
}

impl Core<'_> {
    /// Carries out what was chosen, or says privately why not.
    pub fn pressed(&self, pressed: &Pressed, facts: &PressFacts) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        if by.is_guest() {
            return Decision::job(self.privately(place, by, say::guests_get_help(self.deployment)));
        }
        let decision = match (&pressed.press, &facts.card, &facts.storm) {
            (Some(Press { choice: Choice::Act(action), .. }), Some(card), _) if card.content.is_of_issue() => {
                self.act(pressed, action, card, facts)
            }
            (Some(Press { choice: Choice::Assign, .. }), Some(card), _) if card.content.is_of_issue() => {
                self.ask_whom(pressed, card, facts)
            }
            (Some(Press { choice: Choice::ShowAll, .. }), _, Some((storm, holds))) => {
                Decision::job(self.privately(place, by, storm.list(holds)))
            }
            (Some(Press { choice: Choice::Undo, .. }), ..) => self.take_back(pressed, facts.undo.as_ref()),
            (Some(Press { choice: choice @ (Choice::Unmute | Choice::MuteLonger), .. }), ..) => {
                self.mute_pressed(pressed, choice, facts.mute.as_ref())
            }
            _ => return Decision::job(self.privately(place, by, say::card_expired())),
        };
        decision.and(RowChange::Saw { place: place.clone(), person: by.clone() })
    }

    /// A change that can be taken back for a while, with the row that says so.
    pub(super) fn undoable(&self, place: &Place, what: Undoing) -> (Undo, RowChange) {
        let (handle, expires) = (Handle::new(self.random.hex128()), self.now + UNDO_LIFE);
        let undo = Undo { handle, place: place.clone(), expires, what };
        (undo.clone(), RowChange::PutUndo(undo))
    }

    /// Takes a change back, where it was made, for whoever may make it.
    fn take_back(&self, pressed: &Pressed, facts: Option<&UndoFacts>) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        let fresh = facts.filter(|facts| facts.undo.expires > self.now && facts.undo.place.is_same(place));
        let Some(UndoFacts { undo, here, cards, rights }) = fresh else {
            return Decision::job(self.privately(place, by, say::undo_expired()));
        };
        if self.is_kept_out(rights, here) {
            let notice = say::not_allowed(self.deployment, &rights.managers);
            let audit = self.audit(place, by, "undo", undo.what.word()).refused(&notice.head);
            return Decision::job(self.privately(place, by, notice)).and(RowChange::Audit(audit));
        }
        let decision = match &undo.what {
            Undoing::Connected(project) => self.disconnect_again(pressed, project),
            Undoing::Disconnected(gone) => self.connect_again(pressed, gone, here),
            Undoing::Filtered { project, filter } => self.filter_again(pressed, project, filter, here),
            Undoing::ConnectedWhole { whole, projects, before } => {
                self.disconnect_whole_again((place, by), whole, projects, before.as_deref())
            }
            Undoing::DisconnectedWhole { wholes, gone } => {
                let wholes = wholes.iter().cloned().map(RowChange::PutWhole);
                wholes.fold(self.connect_again(pressed, gone, here), Decision::and)
            }
            Undoing::FilteredWhole { whole, before } => self.filter_whole_again((place, by), whole, before, here),
            Undoing::Settings(before) => self.settings_again(pressed, *before, cards),
            Undoing::Muted(before) => self.mute_again(pressed, before, here),
        };
        let audit = self.audit(place, by, "undo", undo.what.word());
        let taken_back = RowChange::DropUndo { account: place.account.clone(), undo: undo.handle.clone() };
        decision.and(taken_back).and(RowChange::Audit(audit))
    }

    fn disconnect_again(&self, pressed: &Pressed, project: &Project) -> Decision {
        let Place { account, channel, .. } = pressed.place.clone();
        let told = self.openly(&pressed.place, &pressed.by, say::disconnected(&project.label(), &pressed.by));
        Decision::job(told).and(RowChange::Unsubscribe { account, channel, project: project.id.clone() })
    }

    /// With their filters. What somebody has connected meanwhile stays as it is.
    fn connect_again(&self, pressed: &Pressed, gone: &[Subscription], here: &[Subscription]) -> Decision {
        let is_here = |s: &&Subscription| here.iter().any(|there| there.project.id == s.project.id);
        let back: Vec<_> = gone.iter().filter(|s| !is_here(s)).collect();
        let told = say::connected_again(gone, &pressed.by);
        let decision = Decision::job(self.openly(&pressed.place, &pressed.by, told));
        // Nobody may have been connected to them meanwhile, and so nobody asks what is missed there.
        let mut orgs: Vec<_> = back.iter().map(|s| &s.project.org).collect();
        orgs.dedup();
        let decision = orgs.into_iter().map(|org| self.reconcile_anew(org)).fold(decision, Decision::then);
        back.into_iter().cloned().map(RowChange::Subscribe).fold(decision, Decision::and)
    }

    fn filter_again(&self, pressed: &Pressed, project: &Project, filter: &Filter, here: &[Subscription]) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        if !here.iter().any(|there| there.project.id == project.id) {
            return Decision::job(self.privately(place, by, say::not_connected(&project.label(), here)));
        }
        let Place { account, channel, .. } = place.clone();
        let put = RowChange::PutFilter { account, channel, project: project.id.clone(), filter: filter.clone() };
        Decision::job(self.openly(place, by, say::filtered(&project.label(), filter, by))).and(put)
    }

    /// Queues the change at Sentry with the presser's own rights, or asks them to link an account first.
    fn act(&self, pressed: &Pressed, action: &Action, card: &Card, facts: &PressFacts) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        if card.is_done(action) {
            return Decision::job(self.privately(place, by, say::done_already(action, card.done_by())));
        }
        match self.presser(card, facts.linked.as_ref()) {
            Some(actor) => Decision::job(self.update(card, action, by, place, actor)),
            None => {
                let then = Pending::Press { card: card.handle.clone(), action: action.clone() };
                self.link_to(pressed, then, action.done(), facts)
            }
        }
    }

    /// Asks Sentry to whom the issue can be given.
    fn ask_whom(&self, pressed: &Pressed, card: &Card, facts: &PressFacts) -> Decision {
        match self.presser(card, facts.linked.as_ref()) {
            Some(actor) => {
                let me = facts.linked.as_ref().map(|linked| linked.identity.clone());
                Decision::job(self.assignees_for(card, &pressed.by, &pressed.place, actor, me))
            }
            None => self.link_to(pressed, Pending::Assign { card: card.handle.clone() }, "assigned", facts),
        }
    }

    /// The job that asks Sentry to whom the issue of `card` can be given.
    pub(super) fn assignees_for(
        &self,
        card: &Card,
        by: &Person,
        place: &Place,
        actor: Actor,
        me: Option<Identity>,
    ) -> NewJob {
        let (by, place) = (by.clone(), place.clone());
        let ask = AskWhom { card: card.handle.clone(), by, place, actor, me, search: None, replaces: None };
        self.ask_for(card, ask)
    }

    fn ask_for(&self, card: &Card, ask: AskWhom) -> NewJob {
        self.job(Lane::issue(&ask.by.account, &card.issue()), Job::AskWhom(ask))
    }

    /// The card whose assignees the message offers that a press on it belongs to.
    pub fn sought_for<'o>(&self, pressed: &Pressed, offer: Option<&'o Offer>) -> Option<&'o Handle> {
        match self.offered(pressed, offer)? {
            Offered::Assign { card, .. } | Offered::Assignees { card } => Some(card),
            _ => None,
        }
    }

    /// Part of a name was typed into the message that offers to whom the issue can be given: it offers those who are called so.
    /// Without one it offers everybody again.
    pub fn search(&self, pressed: &Pressed, text: &str, facts: &PressFacts) -> Decision {
        let (by, place) = (pressed.by.clone(), pressed.place.clone());
        let Some(card) = &facts.card else {
            return Decision::job(self.privately(&place, &by, say::card_expired()));
        };
        let Some(actor) = self.presser(card, facts.linked.as_ref()) else { return self.ask_whom(pressed, card, facts) };
        let me = facts.linked.as_ref().map(|linked| linked.identity.clone());
        let search = Some(line(text, SOUGHT)).filter(|text| !text.is_empty());
        let replaces = pressed.message.clone();
        let ask = AskWhom { card: card.handle.clone(), by, place, actor, me, search, replaces };
        Decision::job(self.ask_for(card, ask))
    }

    /// Whoever presses acts as themselves, and is asked to link an account first.
    fn link_to(&self, pressed: &Pressed, then: Pending, done: &str, facts: &PressFacts) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        if self.deployment.linking {
            return self.offer_link(by, place, then, facts.open_link.as_ref(), &facts.fresh_link);
        }
        let why = "no Sentry account can be linked here, and the integration is another organization's.";
        Decision::job(self.privately(place, by, say::not_done(done, why)))
    }

    /// Somebody was chosen from the list, which says so from now on.
    pub fn assign(&self, pressed: &Pressed, to: &Assignee, facts: &PressFacts) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        let Some(card) = &facts.card else {
            return Decision::job(self.privately(place, by, say::card_expired()));
        };
        let action = Action::Assign(to.clone());
        if card.is_done(&action) || self.presser(card, facts.linked.as_ref()).is_none() {
            return self.act(pressed, &action, card, facts);
        }
        self.panel(pressed, say::assigning(card, to), true).with(self.act(pressed, &action, card, facts))
    }

    /// Sentry has said to whom an issue can be given: whoever asked chooses.
    pub fn choose_assignee(&self, ask: &AskWhom, card: &Card, assignees: &[Assignee]) -> Decision {
        let notice = say::assign(card, ask.me.as_ref(), assignees, ask.search.as_deref());
        let (by, place, message) = (ask.by.clone(), ask.place.clone(), ask.replaces.clone());
        let in_place = message.is_some();
        self.panel(&Pressed { by, place, press: None, message }, notice, in_place)
    }

    /// Sentry has not said it.
    pub fn not_assignable(&self, ask: &AskWhom, why: &str) -> Decision {
        Decision::job(self.privately(&ask.place, &ask.by, say::not_done("assigned", why)))
    }

    /// Sentry takes its time: the card says that it is being asked.
    pub fn still_updating(&self, update: &Update, card: &Card) -> Decision {
        let waits = card.message.as_ref().and_then(|_| card.while_doing(&update.action, &update.by, self.now));
        waits.map_or_else(Decision::nothing, |waits| self.put_again(waits))
    }

    /// The job that changes the issue of `card` at Sentry.
    pub(super) fn update(&self, card: &Card, action: &Action, by: &Person, place: &Place, actor: Actor) -> NewJob {
        let (issue, action) = (card.issue(), action.clone());
        let lane = Lane::issue(&by.account, &issue);
        let update = Update { card: card.handle.clone(), issue, action, by: by.clone(), place: place.clone(), actor };
        self.job(lane, Job::Update(update))
    }

    /// Their own account; the integration only where nobody can link one.
    fn presser(&self, card: &Card, linked: Option<&LinkedPerson>) -> Option<Actor> {
        if let Some(linked) = linked {
            return Some(Actor::person(linked));
        }
        let org = &card.content.project.org;
        (!self.deployment.linking && self.deployment.integration_org.as_ref() == Some(org))
            .then(|| Actor::Integration { org: org.clone() })
    }

    /// Sentry has done it: the account's cards of the issue say so, unless they did already. `cards` are those of the
    /// issue in any account; who pressed is nobody else's business.
    pub fn updated(&self, update: &Update, cards: &[Card], issue: &Issue) -> Decision {
        let ours = cards.iter().filter(|card| card.content.place.account == update.by.account);
        ours.filter_map(|card| Some((card, card.after_action(&update.action, issue, &update.by, self.now)?)))
            .fold(Decision::nothing(), |decision, (card, after)| {
                let told = self.follow_up(card, &after);
                decision.with(self.put_again(after)).with(told)
            })
            .and(RowChange::Audit(self.audit_of(update)))
    }

    fn audit_of(&self, update: &Update) -> AuditEntry {
        let issue = format!("issue {} of {}", update.issue.id, update.issue.org);
        self.audit(&update.place, &update.by, update.action.word(), &issue)
    }

    /// Somebody had done it before Sentry was asked.
    pub fn updated_before(&self, card: Option<&Card>) -> Decision {
        let waited = card.and_then(|card| card.done_waiting(self.now));
        waited.map_or_else(Decision::nothing, |card| self.put_again(card))
    }

    /// Sentry has not done it: the presser is told why, the card stays.
    pub fn not_updated(&self, update: &Update, card: Option<&Card>, why: &str) -> Decision {
        let told = self.privately(&update.place, &update.by, say::not_done(update.action.done(), why));
        self.updated_before(card).then(told).and(RowChange::Audit(self.audit_of(update).refused(why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangeKind, Deployment, Digest, Random, Secret, Timestamp, UserId, sample};

    fn facts(linked: Option<LinkedPerson>) -> PressFacts {
        let change = sample::change(ChangeKind::New);
        PressFacts {
            card: Some(Card::open(Handle::new("h"), &sample::subscription(), &change, Timestamp(0))),
            storm: None,
            undo: None,
            mute: None,
            linked,
            open_link: None,
            fresh_link: FreshLink { token: Secret::new("token"), id: Digest([1; 32]) },
        }
    }

    #[test]
    fn a_card_says_that_sentry_is_being_asked_until_it_has_answered_or_will_not() {
        let (deployment, random) = (sample::deployment(), sample::Counting::default());
        let core = Core { deployment: &deployment, now: Timestamp(1_000), random: &random };
        let card = facts(None).card.expect("a card");
        let posted = Card { message: Some(crate::MessageId::new("m")), ..card };
        let NewJob { job: Job::Update(update), .. } =
            core.update(&posted, &Action::Resolve, &sample::ana(), &sample::ops(), Actor::person(&sample::linked()))
        else {
            panic!("an update")
        };
        let put = |decision: &Decision| {
            decision.changes.iter().find_map(|change| match change {
                RowChange::PutCard(card) => Some(Card::clone(card)),
                _ => None,
            })
        };
        let waits = put(&core.still_updating(&update, &posted)).expect("it says so");
        assert!(waits.notice().head.starts_with("Resolving… (Ana) · "), "{}", waits.notice().head);
        assert!(waits.notice().buttons.is_empty() && waits.notice().selects.is_empty());
        assert_eq!(put(&core.still_updating(&update, &waits)), None, "once");
        let refused = put(&core.not_updated(&update, Some(&waits), "no")).expect("it is as before");
        assert_eq!(refused.notice(), posted.notice());
        let before = put(&core.updated_before(Some(&waits))).expect("it is as before");
        assert_eq!(before.notice(), posted.notice());
        assert_eq!(put(&core.updated_before(Some(&posted))), None);
        let done = core.updated(&update, std::slice::from_ref(&waits), &waits.content.issue);
        assert!(put(&done).expect("it says so").notice().head.starts_with("Resolved · "));
    }

    fn press(action: Action) -> Pressed {
        Pressed {
            message: None,
            by: sample::ana(),
            place: sample::ops(),
            press: Some(Press { card: Handle::new("h"), choice: Choice::Act(action) }),
        }
    }

    fn decide(deployment: &Deployment, pressed: &Pressed, facts: &PressFacts) -> Decision {
        let random: &dyn Random = &sample::Counting::default();
        Core { deployment, now: Timestamp(1_000), random }.pressed(pressed, facts)
    }

    fn actor_of(decision: &Decision) -> Option<Actor> {
        decision.jobs.iter().find_map(|job| match &job.job {
            Job::Update(update) => Some(update.actor.clone()),
            _ => None,
        })
    }

    #[test]
    fn a_linked_person_acts_with_their_own_grant() {
        let linked = sample::linked();
        let decision = decide(&sample::deployment(), &press(Action::Resolve), &facts(Some(linked.clone())));
        assert_eq!(actor_of(&decision), Some(Actor::person(&linked)));
    }

    #[test]
    fn who_is_not_linked_gets_the_link_and_nothing_happens_at_sentry() {
        let decision = decide(&sample::deployment(), &press(Action::Resolve), &facts(None));
        assert_eq!(actor_of(&decision), None);
        assert!(decision.changes.iter().any(|change| matches!(change, RowChange::PutLink(_))));
    }

    #[test]
    fn where_nobody_can_link_the_integration_acts() {
        let org = sample::project("checkout").org;
        let deployment = Deployment { linking: false, integration_org: Some(org.clone()), ..sample::deployment() };
        let decision = decide(&deployment, &press(Action::Resolve), &facts(None));
        assert_eq!(actor_of(&decision), Some(Actor::Integration { org }));
    }

    #[test]
    fn a_button_of_an_unknown_card_says_so_and_does_nothing() {
        let decision =
            decide(&sample::deployment(), &press(Action::Resolve), &PressFacts { card: None, ..facts(None) });
        assert_eq!(actor_of(&decision), None);
        assert_eq!(decision.jobs.len(), 1);
    }

    #[test]
    fn nothing_is_done_about_a_metric_alert() {
        let told = ChangeKind::Metric(Box::new(sample::metric(crate::Alarm::Critical, "3")));
        let card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(told), Timestamp(0));
        assert_eq!(card.notice().buttons, []);
        let facts = PressFacts { card: Some(card), ..facts(Some(sample::linked())) };
        assert_eq!(actor_of(&decide(&sample::deployment(), &press(Action::Resolve), &facts)), None);
    }

    #[test]
    fn a_guest_changes_nothing() {
        let guest = Person { user: UserId::new(""), ..sample::ana() };
        let pressed = Pressed { by: guest, ..press(Action::Resolve) };
        assert_eq!(actor_of(&decide(&sample::deployment(), &pressed, &facts(Some(sample::linked())))), None);
    }

    #[test]
    fn what_is_done_already_is_not_done_again() {
        let decision = decide(&sample::deployment(), &press(Action::Reopen), &facts(Some(sample::linked())));
        assert_eq!(actor_of(&decision), None);
    }
}
