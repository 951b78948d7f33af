//! The way in: facts, decision, commit. No remote call is made here: Sentry waits one second, Zoom three.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ring::digest::{SHA256, digest};
use zentry_domain::command::{self, Asked, Command};
use zentry_domain::decide::{
    Care, Crowds, MOST_RESTYLED, MuteFacts, PressFacts, RESTYLED, SaidFacts, Standstill, StatusFacts, UndoFacts,
    WhyFacts,
};
use zentry_domain::ports::{Committed, DeliveryKey, StoreError};
use zentry_domain::roundup::{Crowd, Gathering, LISTED, WINDOW};
use zentry_domain::{
    AccountId, Card, Change, ChangeKind, Choice, Decision, Event, Handle, InstallationId, Link, Offered, OrgSlug,
    Pending, Person, Place, Policy, Press, Pressed, ProjectId, Pulse, Rank, Rights, Roundup, RowChange, Said, Secret,
    Subscription, Timestamp, Typed, Undoing,
};

use crate::App;
use crate::directory::{as_listed, shows_channels};

/// Of how many projects of a channel is said that no event has told where it was.
const PLACED: usize = 50;
/// How often a decision is made anew because a row moved on under it.
const TRIES: usize = 16;
/// Channels are noisy by what they got within it.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// When a delivery was last refused because it could not be stored.
#[derive(Debug)]
pub(crate) struct Refused(AtomicI64);

impl Default for Refused {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Refused {
    fn at(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    pub(crate) fn is_since(&self, then: Timestamp) -> bool {
        self.0.load(Ordering::Relaxed) >= then.0
    }
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Decided, and on stable storage.
    Kept,
    /// Committed before; nothing changed.
    Repeat,
    /// Nothing of it concerns anybody here.
    Ignored,
}

impl App {
    /// Decides what follows from a verified delivery, and commits it. When this returns `Kept`, it is on stable storage.
    ///
    /// # Errors
    /// Where it could not be stored: refuse the delivery, so that its sender keeps it.
    pub async fn accept(&self, keys: &[DeliveryKey], event: &Event) -> Result<Accepted, StoreError> {
        let accepted = self.keep(keys, event).await;
        if accepted.is_err() {
            self.refused.at(self.now());
        }
        accepted
    }

    async fn keep(&self, keys: &[DeliveryKey], event: &Event) -> Result<Accepted, StoreError> {
        let accepted = self.commit_decided(keys, || self.decide(event)).await?;
        if accepted == Accepted::Repeat {
            self.repeated(event).await?;
        }
        Ok(accepted)
    }

    /// Keeps the beginning of an authentic body that cannot be read, sealed, so that a mend can be tried on it. A repeat is
    /// kept once.
    ///
    /// # Errors
    /// Where it could not be stored.
    pub async fn keep_unreadable(&self, source: &str, body: &[u8]) -> Result<Accepted, StoreError> {
        const KEPT: usize = 64 * 1024;
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, body).as_ref());
        let body = body[..body.len().min(KEPT)].to_vec();
        let kept = Decision::nothing().and(RowChange::KeepUnreadable { source: source.to_owned(), body });
        Ok(match self.ports.store.commit(&[DeliveryKey(key)], &kept, self.now()).await? {
            Committed::Fresh => Accepted::Kept,
            Committed::Already => Accepted::Repeat,
        })
    }

    /// Decides and commits, and decides anew where a row has moved on meanwhile.
    async fn commit_decided<F>(&self, keys: &[DeliveryKey], decide: impl Fn() -> F) -> Result<Accepted, StoreError>
    where
        F: Future<Output = Result<Decision, StoreError>>,
    {
        for _ in 0..TRIES {
            let decision = self.with_tending(decide().await?);
            if decision.is_nothing() {
                return Ok(Accepted::Ignored);
            }
            match self.ports.store.commit(keys, &decision, self.now()).await {
                Ok(Committed::Fresh) => {
                    self.work.notify_one();
                    return Ok(Accepted::Kept);
                }
                Ok(Committed::Already) => return Ok(Accepted::Repeat),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    async fn decide(&self, event: &Event) -> Result<Decision, StoreError> {
        match event {
            Event::Said(said) => self.decide_said(said).await,
            Event::Pressed(pressed) => self.decide_pressed(pressed).await,
            Event::Typed(typed) => self.decide_typed(typed).await,
            Event::Shared(shared) => self.decide_shared(shared).await,
            Event::Changed(change) => self.decide_changed(change).await,
            Event::Installed { account, by } => Ok(self.core().installed(account, by)),
            Event::Deauthorized { account, at } => {
                let known = self.ports.facts.account(account).await?;
                let leaving = self.leaving(account).await?;
                Ok(self.core().deauthorized(account, *at, known.as_ref(), &leaving))
            }
            Event::IntegrationInstalled { installation, org, code } => {
                self.decide_integration_installed(installation, org, code.as_ref()).await
            }
            Event::IntegrationRemoved { installation, org } => {
                self.decide_integration_removed(installation, org.as_ref()).await
            }
        }
    }

    pub(crate) async fn decide_integration_installed(
        &self,
        installation: &InstallationId,
        org: &OrgSlug,
        code: Option<&Secret>,
    ) -> Result<Decision, StoreError> {
        let facts = &self.ports.facts;
        let first = facts.installations_of(org).await?.is_empty();
        let waiting = if first { facts.subscriptions_to(org).await? } else { Vec::new() };
        Ok(self.core().integration_installed(installation, org, code, first, &waiting))
    }

    async fn decide_integration_removed(
        &self,
        installation: &InstallationId,
        named: Option<&OrgSlug>,
    ) -> Result<Decision, StoreError> {
        let facts = &self.ports.facts;
        let Some(org) = facts.installation(installation).await?.or_else(|| named.cloned()) else {
            return Ok(self.core().integration_removed(installation, None, &[]));
        };
        let is_last = facts.installations_of(&org).await?.iter().all(|known| known == installation);
        let subscriptions = if is_last { facts.subscriptions_to(&org).await? } else { Vec::new() };
        Ok(self.core().integration_removed(installation, Some(&org).filter(|_| is_last), &subscriptions))
    }

    async fn decide_said(&self, said: &Said) -> Result<Decision, StoreError> {
        let command = command::parse(&said.text, &self.deployment.command);
        let listed = self.listed(&said.by, shows_channels(&command)).await?;
        let said = &Said { by: as_listed(&said.by, listed.rank), ..said.clone() };
        let facts =
            SaidFacts { rights: self.rights_of(&said.by, listed.rank).await?, ..self.facts_for(said, &command).await? };
        Ok(self.core().said(said, &command, &facts).with(listed.ask))
    }

    async fn facts_for(
        &self,
        said: &Said,
        command: &Result<Command, command::CommandError>,
    ) -> Result<SaidFacts, StoreError> {
        let (facts, account, user) = (&self.ports.facts, &said.by.account, &said.by.user);
        let open_link = facts.open_link(account, user).await?;
        let mut known = SaidFacts {
            here: facts.subscriptions_in(account, &said.place.channel).await?,
            settings: facts.settings(account, &said.place.channel).await?,
            wholes: facts.wholes_in(account, &said.place.channel).await?,
            unplaced: Vec::new(),
            everywhere: Vec::new(),
            care: Vec::new(),
            known_channels: Vec::new(),
            cards: Vec::new(),
            status: None,
            why: None,
            changed: facts.changed(account, &said.place.channel).await?,
            rights: Rights::default(),
            linked: facts.linked(account, user).await?,
            pending_card: self.pending_card(open_link.as_ref()).await?,
            open_link,
            fresh_link: self.fresh_link(),
        };
        if matches!(command, Ok(Command::Status)) {
            known.status = Some(self.status_of(&said.place, &known.here).await?);
        }
        if matches!(command, Ok(Command::Configure)) {
            for Subscription { project, .. } in known.here.iter().take(PLACED) {
                if !facts.tells_where(&project.org, &project.id).await? {
                    known.unplaced.push(project.id.clone());
                }
            }
        }
        if let Ok(Command::Why(asked)) = command {
            known.why = Some(self.why(&said.place, asked).await?);
        }
        if matches!(command, Ok(Command::ConfigureAll)) {
            known.everywhere = facts.subscriptions_of(account).await?;
            known.known_channels = facts.channels_known_to(account, user).await?;
            known.known_channels.extend(self.channels_listed_for(&said.by).await?);
            known.care = self.care(&known.everywhere).await?;
        }
        Ok(known)
    }

    /// What somebody may do, and who may do more where they may not.
    async fn rights_of(&self, person: &Person, rank: Rank) -> Result<Rights, StoreError> {
        let (facts, account) = (&self.ports.facts, &person.account);
        let known = facts.account(account).await?;
        let is_manager = self.deployment.is_manager(person, known.as_ref(), rank);
        let linked = facts.linked(account, &person.user).await?;
        let manages = linked.map(|linked| linked.manages).unwrap_or_default();
        let is_refused = !is_manager && self.deployment.policy == Policy::Managers;
        let managers = if is_refused { self.managers_of(account).await? } else { Vec::new() };
        let mut managers: Vec<_> = managers.into_iter().map(|manager| manager.name).collect();
        managers.sort_unstable();
        managers.dedup();
        Ok(Rights { is_manager, manages, managers })
    }

    async fn why(&self, place: &Place, asked: &Asked) -> Result<WhyFacts, StoreError> {
        const LATEST: usize = 50;
        let (facts, account) = (&self.ports.facts, &place.account);
        let issue = match asked {
            Asked::Letter(id) => {
                return Ok(WhyFacts { letter: facts.dead_letter(account, id).await?, ..WhyFacts::default() });
            }
            Asked::Issue(issue) => issue,
        };
        let traces = facts.traces(account, &place.channel, issue, LATEST).await?;
        let cards = match traces.first() {
            Some(trace) => facts.cards_of(&trace.issue).await?,
            None => Vec::new(),
        };
        let card = cards.into_iter().find(|card| card.content.place.is_same(place));
        Ok(WhyFacts { traces, card, letter: None })
    }

    pub(crate) async fn status_of(&self, place: &Place, here: &[Subscription]) -> Result<StatusFacts, StoreError> {
        const DAY: Duration = Duration::from_secs(24 * 3_600);
        let (facts, account, channel) = (&self.ports.facts, &place.account, &place.channel);
        let mut pulses: Vec<Pulse> = Vec::new();
        for org in here.iter().map(|subscription| &subscription.project.org) {
            if !pulses.iter().any(|pulse| pulse.org == *org) {
                pulses.push(facts.pulse(org).await?.unwrap_or_else(|| Pulse::silent(org.clone())));
            }
        }
        Ok(StatusFacts {
            pulses,
            waiting: facts.waiting_cards(account, channel).await?,
            failed: facts.failed_since(account, channel, self.now() - DAY).await?,
            paused: facts.paused(account, channel).await?,
        })
    }

    async fn standstill(&self, place: &Place) -> Result<Standstill, StoreError> {
        let (facts, account, channel) = (&self.ports.facts, &place.account, &place.channel);
        let (mut removed, hooks): (Vec<OrgSlug>, _) = (Vec::new(), facts.hooks().await?);
        for Subscription { project, .. } in facts.subscriptions_in(account, channel).await? {
            // An internal integration is there from the start.
            let is_own = self.deployment.integration_org.as_ref() == Some(&project.org);
            let has_hook = hooks.iter().any(|hook| hook.project.id == project.id);
            if !is_own
                && !has_hook
                && !removed.contains(&project.org)
                && facts.installations_of(&project.org).await?.is_empty()
            {
                removed.push(project.org);
            }
        }
        Ok(Standstill { paused: facts.paused(account, channel).await?, removed })
    }

    /// How the channels of an account are, for whoever looks after them.
    async fn care(&self, everywhere: &[Subscription]) -> Result<Vec<Care>, StoreError> {
        let facts = &self.ports.facts;
        let mut silent: HashMap<&OrgSlug, bool> = HashMap::new();
        let mut care: Vec<Care> = Vec::new();
        for Subscription { place, project, .. } in everywhere {
            let missing = match silent.get(&project.org) {
                Some(missing) => *missing,
                None => facts.pulse(&project.org).await?.is_some_and(|pulse| pulse.told),
            };
            silent.insert(&project.org, missing);
            if let Some(known) = care.iter_mut().find(|known| known.place.is_same(place)) {
                known.missing |= missing;
                continue;
            }
            let (account, channel) = (&place.account, &place.channel);
            let week = facts.opened_since(account, channel, self.now() - WEEK).await?;
            care.push(Care { place: place.clone(), paused: facts.paused(account, channel).await?, missing, week });
        }
        Ok(care)
    }

    async fn pending_card(&self, link: Option<&Link>) -> Result<Option<Card>, StoreError> {
        match link.map(|link| (&link.then, &link.person.account)) {
            Some((Pending::Press { card, .. } | Pending::Assign { card }, account)) => {
                self.ports.facts.card(account, card).await
            }
            _ => Ok(None),
        }
    }

    async fn decide_pressed(&self, pressed: &Pressed) -> Result<Decision, StoreError> {
        let listed = self.listed(&pressed.by, false).await?;
        let pressed = &Pressed { by: as_listed(&pressed.by, listed.rank), ..pressed.clone() };
        let (facts, account, user) = (&self.ports.facts, &pressed.by.account, &pressed.by.user);
        if let Some(Press { card: handle, choice: Choice::Offered(_) }) = &pressed.press {
            let offer = facts.offer(account, handle).await?;
            match self.core().offered(pressed, offer.as_ref()) {
                Some(Offered::Line(line)) => return self.decide_said(&typed(pressed, line)).await,
                Some(Offered::Switch { place, then }) => {
                    let open = facts.open_link(account, user).await?;
                    return Ok(self.core().switched(pressed, (place, then), open.as_ref(), &self.fresh_link()));
                }
                Some(Offered::Assignees { card }) if !pressed.by.is_guest() => {
                    let known = self.press_facts(pressed, facts.card(account, card).await?).await?;
                    return Ok(self.core().search(pressed, "", &known));
                }
                Some(Offered::Assign { card, to }) if !pressed.by.is_guest() => {
                    let known = self.press_facts(pressed, facts.card(account, card).await?).await?;
                    return Ok(self.core().assign(pressed, to, &known));
                }
                Some(Offered::Resume(place)) if !pressed.by.is_guest() => {
                    return Ok(self.core().try_again(pressed, place, &self.standstill(place).await?));
                }
                Some(what) if !pressed.by.is_guest() => {
                    let is_of_all = matches!(what, Offered::All { .. } | Offered::Bulk { .. });
                    let command = if is_of_all { Command::ConfigureAll } else { Command::Configure };
                    let facts = self.facts_for(&typed(pressed, "configure"), &Ok(command)).await?;
                    let cards = match what {
                        Offered::Set(_) => self.recent_cards(&pressed.place).await?,
                        _ => Vec::new(),
                    };
                    let rights = self.rights_of(&pressed.by, listed.rank).await?;
                    let facts = SaidFacts { rights, cards, ..facts };
                    return Ok(self.core().panel_pressed(pressed, what, &facts));
                }
                _ => {}
            }
        }
        let (card, storm) = match &pressed.press {
            Some(Press { card, choice: Choice::ShowAll }) => (None, self.roundup_behind(account, card).await?),
            Some(Press { card, choice: Choice::Act(_) | Choice::Assign }) => (facts.card(account, card).await?, None),
            _ => (None, None),
        };
        let known = PressFacts {
            storm,
            undo: self.undo_behind(pressed, listed.rank).await?,
            mute: self.mute_behind(pressed, listed.rank).await?,
            ..self.press_facts(pressed, card).await?
        };
        Ok(self.core().pressed(pressed, &known).with(listed.ask))
    }

    /// What is typed into a field looks for somebody to whom an issue can be given: nothing else has a field.
    async fn decide_typed(&self, typed: &Typed) -> Result<Decision, StoreError> {
        let listed = self.listed(&typed.by, false).await?;
        let Typed { place, beside, message, text, .. } = typed.clone();
        let pressed = Pressed { by: as_listed(&typed.by, listed.rank), place, press: beside, message };
        let account = &pressed.by.account;
        let Some(press) = pressed.press.as_ref().filter(|_| !pressed.by.is_guest()) else { return Ok(listed.ask) };
        let offer = self.ports.facts.offer(account, &press.card).await?;
        let Some(card) = self.core().sought_for(&pressed, offer.as_ref()) else { return Ok(listed.ask) };
        let known = self.press_facts(&pressed, self.ports.facts.card(account, card).await?).await?;
        Ok(self.core().search(&pressed, &text, &known).with(listed.ask))
    }

    async fn press_facts(&self, pressed: &Pressed, card: Option<Card>) -> Result<PressFacts, StoreError> {
        let (facts, account, user) = (&self.ports.facts, &pressed.by.account, &pressed.by.user);
        Ok(PressFacts {
            card,
            storm: None,
            undo: None,
            mute: None,
            linked: facts.linked(account, user).await?,
            open_link: facts.open_link(account, user).await?,
            fresh_link: self.fresh_link(),
        })
    }

    async fn undo_behind(&self, pressed: &Pressed, rank: Rank) -> Result<Option<UndoFacts>, StoreError> {
        let Some(Press { card: handle, choice: Choice::Undo }) = &pressed.press else { return Ok(None) };
        let (facts, account) = (&self.ports.facts, &pressed.by.account);
        let Some(undo) = facts.undo(account, handle).await? else { return Ok(None) };
        let here = facts.subscriptions_in(account, &undo.place.channel).await?;
        let cards = match undo.what {
            Undoing::Settings(_) => self.recent_cards(&undo.place).await?,
            _ => Vec::new(),
        };
        Ok(Some(UndoFacts { undo, here, cards, rights: self.rights_of(&pressed.by, rank).await? }))
    }

    /// Those that follow a change of a channel's settings at once.
    async fn recent_cards(&self, place: &Place) -> Result<Vec<Card>, StoreError> {
        let since = self.now() - RESTYLED;
        self.ports.facts.cards_in(&place.account, &place.channel, since, MOST_RESTYLED).await
    }

    async fn mute_behind(&self, pressed: &Pressed, rank: Rank) -> Result<Option<MuteFacts>, StoreError> {
        let Some(Press { card: handle, choice: Choice::Unmute | Choice::MuteLonger }) = &pressed.press else {
            return Ok(None);
        };
        let (facts, account) = (&self.ports.facts, &pressed.by.account);
        let Some(roundup) = facts.roundup(account, handle).await? else { return Ok(None) };
        let here = facts.subscriptions_in(account, &roundup.scene.place.channel).await?;
        Ok(Some(MuteFacts { roundup, here, rights: self.rights_of(&pressed.by, rank).await? }))
    }

    async fn roundup_behind(
        &self,
        account: &AccountId,
        handle: &Handle,
    ) -> Result<Option<(Roundup, Gathering)>, StoreError> {
        let Some(storm) = self.ports.facts.roundup(account, handle).await? else { return Ok(None) };
        let holds = self.ports.facts.gathering(account, handle, LISTED).await?;
        Ok(Some((storm, holds)))
    }

    pub(crate) async fn decide_changed(&self, change: &Change) -> Result<Decision, StoreError> {
        let facts = &self.ports.facts;
        // What was on its way when the integration was removed.
        if let Some(installation) = &change.installation
            && facts.was_removed(installation).await?
        {
            return Ok(Decision::nothing());
        }
        let mut change = change.clone();
        if let (None, Some(installation)) = (&change.project.org, &change.installation) {
            change.project.org = facts.installation(installation).await?;
        }
        if change.is_of_issue() && change.project.id.is_none() && change.project.slug.is_none() {
            change.project.id = self.project_of(&change).await?;
        }
        let mut subscribers = self.concerned(&change).await?;
        let joining = self.joining(&change, &subscribers).await?;
        let Some(project) = subscribers.first().map(|s| s.project.clone()) else { return Ok(joining) };
        let mut cards = facts.cards_of(&change.issue_id).await?;
        if change.is_of_issue() {
            // An issue has one project. What tells of it under another's name changes nothing where it is known.
            let (own, foreign): (Vec<_>, _) = cards.into_iter().partition(|card| card.content.project.id == project.id);
            subscribers.retain(|s| !foreign.iter().any(|card| card.content.place.is_same(&s.place)));
            cards = own;
            if subscribers.is_empty() {
                return Ok(joining);
            }
        }
        if change.issue.url.is_none() && change.is_of_issue() {
            change.issue.url = Some(self.ports.tracker.issue_page(&project, &change.issue_id));
        }
        if let ChangeKind::Alert { page, .. } = &mut change.kind {
            *page = Some(self.ports.tracker.rules_page(&project));
        }
        if cards.iter().any(|card| card.is_brought_back_by(&change, self.now())) {
            change.kind = ChangeKind::Regressed;
        }
        let crowds = self.crowds(&change, &subscribers, &cards).await?;
        let sighted = self.sighted(&change, &project).await?;
        Ok(self.core().changed(&change, &subscribers, &cards, &crowds).with(sighted).with(joining))
    }

    /// The project of an issue that is known here, for a webhook that tells of none (Sentry, seer).
    async fn project_of(&self, change: &Change) -> Result<Option<ProjectId>, StoreError> {
        let cards = self.ports.facts.cards_of(&change.issue_id).await?;
        let org = change.project.org.as_ref();
        let is_of_it = |card: &&Card| org.is_none_or(|org| *org == card.content.project.org);
        Ok(cards.iter().find(is_of_it).map(|card| card.content.project.id.clone()))
    }

    /// The subscriptions, of any account, that a change concerns.
    async fn concerned(&self, change: &Change) -> Result<Vec<Subscription>, StoreError> {
        let facts = &self.ports.facts;
        if change.is_of_issue() {
            return facts.subscribers(&change.project).await;
        }
        // It may name all of an organization's projects.
        let Some(org) = &change.project.org else { return Ok(Vec::new()) };
        let mut subscribers = facts.subscriptions_to(org).await?;
        subscribers.retain(|s| change.concerns(&s.project));
        Ok(subscribers)
    }

    /// What lets the project join where every project of its organization is wanted and it is not there yet.
    async fn joining(&self, change: &Change, subscribers: &[Subscription]) -> Result<Decision, StoreError> {
        let (Some(org), Some(project)) = (&change.project.org, &change.project.id) else {
            return Ok(Decision::nothing());
        };
        let facts = &self.ports.facts;
        let mut decision = Decision::nothing();
        for whole in facts.wholes_of(org).await? {
            let Place { account, channel, .. } = &whole.place;
            let is_there = subscribers.iter().any(|s| s.place.is_same(&whole.place));
            if !is_there && !facts.is_apart(account, channel, project).await? {
                decision = decision.with(self.core().join(&whole, change));
            }
        }
        Ok(decision)
    }

    /// How crowded the channels are in which the change would post.
    pub(crate) async fn crowds(
        &self,
        change: &Change,
        subscribers: &[Subscription],
        cards: &[Card],
    ) -> Result<Crowds, StoreError> {
        let mut crowds = Crowds::new();
        for subscription in self.core().opens(change, subscribers, cards) {
            let place = &subscription.place;
            let crowd = Crowd { is_told: self.is_told(place, cards).await?, ..self.crowd(place).await? };
            crowds.insert((place.account.clone(), place.channel.clone()), crowd);
        }
        // These open none yet.
        for subscription in self.core().asks(change, subscribers, cards) {
            let place = &subscription.place;
            let storm = self.ports.facts.storm_in(&place.account, &place.channel).await?;
            let crowd = Crowd { opened: 0, storm, is_told: self.is_told(place, cards).await? };
            crowds.insert((place.account.clone(), place.channel.clone()), crowd);
        }
        Ok(crowds)
    }

    pub(crate) async fn crowd(&self, place: &Place) -> Result<Crowd, StoreError> {
        let (account, channel) = (&place.account, &place.channel);
        if self.deployment.storm_budget == 0 {
            return Ok(Crowd::default());
        }
        let storm = self.ports.facts.storm_in(account, channel).await?;
        let known = self.ports.facts.opened_since(account, channel, self.now() - WINDOW).await?;
        let opened = self.openings.one_more(account, channel, known, self.now());
        Ok(Crowd { opened, storm, is_told: false })
    }

    /// Whether a card that stands for the issue in `place` was posted.
    pub(crate) async fn is_told(&self, place: &Place, cards: &[Card]) -> Result<bool, StoreError> {
        let here = |card: &&Card| card.content.place.is_same(place);
        let Some(listed) = cards.iter().find(here).and_then(|card| card.listed.as_ref()) else { return Ok(false) };
        let stands = self.ports.facts.roundup(&place.account, listed).await?;
        Ok(stands.is_some_and(|storm| storm.message.is_some()))
    }

    /// A repeat changes nothing. But the very bytes may come once more because the same happened once more: where a card
    /// says otherwise, Sentry is asked.
    async fn repeated(&self, event: &Event) -> Result<(), StoreError> {
        let Event::Changed(change) = event else { return Ok(()) };
        if !change.is_of_issue() {
            return Ok(());
        }
        let cards = self.ports.facts.cards_of(&change.issue_id).await?;
        let Some(card) = cards.iter().find(|card| card.contradicts(change, self.now())) else { return Ok(()) };
        let refresh = self.core().refresh(&card.content.project, &change.issue_id);
        self.ports.store.commit(&[], &Decision::job(refresh), self.now()).await?;
        self.work.notify_one();
        Ok(())
    }
}

/// Whoever presses a button that offers a line has typed it.
fn typed(pressed: &Pressed, line: &str) -> Said {
    Said { by: pressed.by.clone(), place: pressed.place.clone(), text: line.into(), at: None }
}
