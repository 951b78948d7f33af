//! Somebody typed a command, or wrote to the bot.

use std::time::Duration;

use super::whole::drop_whole;
use super::{Care, Core, FreshLink};
use crate::command::{Asked, Command, CommandError, begins_with_command};
use crate::text::line;
use crate::{
    Actor, Address, CHOOSE, Card, ChannelId, ChannelSettings, Connect, DeadLetter, Decision, EVERY, Filter, Lane, Link,
    LinkedPerson, Notice, Pause, Pending, Place, Policy, Project, ProjectId, Pulse, Rights, RowChange, Said,
    Subscription, Timestamp, Trace, Undoing, Whole, say,
};

/// What a command needs to know.
#[derive(Clone, Debug)]
pub struct SaidFacts {
    /// What this place is connected to.
    pub here: Vec<Subscription>,
    /// The projects of which no event has ever told where it was; only for `configure`.
    pub unplaced: Vec<ProjectId>,
    /// How it wants its cards.
    pub settings: ChannelSettings,
    /// The organizations of which it gets every project.
    pub wholes: Vec<Whole>,
    /// What every place of the account is connected to; only for `configure all`.
    pub everywhere: Vec<Subscription>,
    /// How their channels are; only for `configure all`.
    pub care: Vec<Care>,
    /// Where the speaker has used the bot; only for `configure all`.
    pub known_channels: Vec<ChannelId>,
    /// The cards of this place that follow its settings at once; only where these are changed.
    pub cards: Vec<Card>,
    /// How this place is; only for `status`.
    pub status: Option<StatusFacts>,
    /// What became of the issue asked about; only for `why`.
    pub why: Option<WhyFacts>,
    /// When what this place is connected to was last changed.
    pub changed: Option<Timestamp>,
    /// What the speaker may do.
    pub rights: Rights,
    /// The speaker's Sentry account.
    pub linked: Option<LinkedPerson>,
    /// The speaker's unfinished attempt to link one.
    pub open_link: Option<Link>,
    /// The card of the press that waits for that attempt.
    pub pending_card: Option<Card>,
    /// A token, should one be needed.
    pub fresh_link: FreshLink,
}

/// What became of an issue in a place, or of a message.
#[derive(Clone, Debug, Default)]
pub struct WhyFacts {
    /// What was told of the issue and what became of it, the newest first.
    pub traces: Vec<Trace>,
    /// Its card.
    pub card: Option<Card>,
    /// The message that was given up.
    pub letter: Option<DeadLetter>,
}

/// How a place is.
#[derive(Clone, Debug, Default)]
pub struct StatusFacts {
    /// How the webhooks of its organizations come in.
    pub pulses: Vec<Pulse>,
    /// Cards that wait to be sent.
    pub waiting: u64,
    /// Messages that were given up within a day.
    pub failed: u64,
    /// Nothing can be sent there.
    pub paused: Option<Pause>,
}

impl Core<'_> {
    /// What is to be done about something said. `command` is what the grammar made of it.
    pub fn said(&self, said: &Said, command: &Result<Command, CommandError>, facts: &SaidFacts) -> Decision {
        if said.by.is_guest() {
            return self.guest_said(said, command, facts);
        }
        let seen = RowChange::Saw { place: said.place.clone(), person: said.by.clone() };
        match facts.open_link.as_ref().filter(|link| self.is_code_try(said, link)) {
            Some(link) => self.code_said(said, link, facts.linked.as_ref(), facts.pending_card.as_ref()),
            None => match command {
                Ok(command) => self.commanded(said, command, facts),
                Err(error) => self.reply(said, say::not_understood(self.deployment, error)),
            },
        }
        .and(seen)
        .with(self.read_roles(command, facts))
    }

    /// What a linked person manages at Sentry is read once a day, where it matters.
    fn read_roles(&self, command: &Result<Command, CommandError>, facts: &SaidFacts) -> Decision {
        const DAY: Duration = Duration::from_secs(24 * 3_600);
        let matters = self.deployment.policy == Policy::Managers || matches!(command, Ok(Command::ConfigureAll));
        let is_old = |linked: &&LinkedPerson| linked.roles_read.is_none_or(|at| self.now.since(at) > DAY);
        match facts.linked.as_ref().filter(|_| matters && !facts.rights.is_manager).filter(is_old) {
            Some(linked) => Decision::job(self.roles(linked)),
            None => Decision::nothing(),
        }
    }

    /// In the speaker's own chat everything that is no command counts as a try while a code is awaited.
    fn is_code_try(&self, said: &Said, link: &Link) -> bool {
        said.place.direct && link.awaits_code(self.now) && !begins_with_command(&said.text, &self.deployment.command)
    }

    fn guest_said(&self, said: &Said, command: &Result<Command, CommandError>, facts: &SaidFacts) -> Decision {
        match command {
            Ok(Command::Help { .. }) => self.commanded(said, &Command::Help { topic: None }, facts),
            _ => self.reply(said, say::guests_get_help(self.deployment)),
        }
    }

    fn commanded(&self, said: &Said, command: &Command, facts: &SaidFacts) -> Decision {
        let (linked, zone) = (facts.linked.as_ref(), facts.settings.zone);
        if let Some(at) = self.too_late(said, command, facts) {
            return self.reply(said, say::arrived_late(at, zone));
        }
        match command {
            Command::Help { topic: None } => self.reply(said, say::help(self.deployment, &facts.here, linked)),
            Command::Help { topic: Some(topic) } => self.reply(said, say::help_topic(self.deployment, *topic)),
            Command::Connect { org, project, filter } => self.connect_said(said, (org, project, filter), facts),
            Command::Disconnect { project } => self.disconnect_said(said, project.as_ref(), facts),
            Command::Configure => self.reply(said, say::configure(self.deployment, &said.place, facts, self.now)),
            Command::ConfigureOne { named, filter } => self.configure_one(said, named, filter.as_ref(), facts),
            Command::ConfigureAll => self.everywhere_said(&said.place, &said.by, facts),
            Command::Mute { .. } | Command::Unmute { .. } if self.is_refused(facts) => self.refuse(said, "mute", facts),
            Command::Mute { time, project } => self.mute_said(said, *time, project.as_ref(), &facts.here),
            Command::Unmute { project } => self.unmute_said(said, project.as_ref(), &facts.here),
            Command::Status => {
                let status = facts.status.clone().unwrap_or_default();
                self.reply(said, say::status(&said.place, &facts.here, &status, linked, (self.now, zone)))
            }
            Command::Test => Decision::job(self.test(&said.place, &said.by)),
            Command::Why(Asked::Issue(what)) => {
                let why = facts.why.clone().unwrap_or_default();
                self.reply(said, say::why(self.deployment, &said.place, what, &why, &facts.here))
            }
            Command::Why(Asked::Letter(letter)) => {
                let found = facts.why.as_ref().and_then(|why| why.letter.as_ref());
                self.reply(said, say::why_given_up(letter, found, (self.now, zone)))
            }
            Command::Whoami => {
                self.reply(said, say::whoami(self.deployment, &said.place, &said.by, linked, &facts.rights, zone))
            }
            Command::Mentions { on } => self.mentions_said(said, *on, linked),
            Command::Unlink => self.unlink_said(said, facts),
        }
    }

    /// When a command was typed that changes something and arrives so late that somebody may have changed it since: Zoom
    /// delivers again what it could not, the first time after five minutes (Zoom, delivery).
    fn too_late(&self, said: &Said, command: &Command, facts: &SaidFacts) -> Option<Timestamp> {
        const LATE: Duration = Duration::from_secs(4 * 60);
        let changes = matches!(
            command,
            Command::Connect { .. }
                | Command::Disconnect { .. }
                | Command::ConfigureOne { filter: Some(_), .. }
                | Command::Mute { .. }
                | Command::Unmute { .. }
        );
        said.at.filter(|at| changes && self.now.since(*at) > LATE && facts.changed > Some(*at))
    }

    fn reply(&self, said: &Said, notice: Notice) -> Decision {
        self.tell(Address::privately(&said.place, &said.by), &said.place, notice)
    }

    /// Under the policy `managers` nobody else changes what a channel gets.
    fn is_refused(&self, facts: &SaidFacts) -> bool {
        self.is_kept_out(&facts.rights, &facts.here)
    }

    /// Policy does not let them.
    fn refuse(&self, said: &Said, action: &str, facts: &SaidFacts) -> Decision {
        let notice = say::not_allowed(self.deployment, &facts.rights.managers);
        let audit = self.audit(&said.place, &said.by, action, &line(&said.text, 120)).refused(&notice.head);
        self.reply(said, notice).and(RowChange::Audit(audit))
    }

    fn connect_said(&self, said: &Said, wish: (&str, &str, &Filter), facts: &SaidFacts) -> Decision {
        let (org, project, filter) = wish;
        let only_looks = project == CHOOSE && !facts.rights.manages.is_empty();
        if self.deployment.policy == Policy::Managers && !only_looks && !facts.rights.manage_org(org) {
            return self.refuse(said, "connect", facts);
        }
        if let Some(there) = facts.here.iter().find(|s| has_slugs(s, org, project)) {
            return self.reply(said, say::already_connected(self.deployment, there));
        }
        if let Some(linked) = &facts.linked {
            return Decision::job(self.connect_as(&said.by, &said.place, wish, linked, false));
        }
        match &self.deployment.integration_org {
            Some(integration) if self.deployment.policy == Policy::Anyone || !self.deployment.linking => {
                Decision::job(self.connect_job(Connect {
                    by: said.by.clone(),
                    place: said.place.clone(),
                    org: org.into(),
                    project: project.into(),
                    filter: filter.clone(),
                    actor: Actor::Integration { org: integration.clone() },
                    identity: None,
                    just_linked: false,
                }))
            }
            _ => {
                let then = Pending::Connect { org: org.into(), project: project.into(), filter: filter.clone() };
                self.offer_link(&said.by, &said.place, then, facts.open_link.as_ref(), &facts.fresh_link)
            }
        }
    }

    /// At once, and whatever Sentry says.
    fn disconnect_said(&self, said: &Said, named: Option<&(String, String)>, facts: &SaidFacts) -> Decision {
        if self.is_refused(facts) {
            return self.refuse(said, "disconnect", facts);
        }
        let Place { account, channel, .. } = &said.place;
        // Whoever ends everything also means what is still being looked up.
        let looked_up = named.is_none().then(|| RowChange::ClearLane(Lane::connects(account, channel)));
        let decision = Decision { changes: looked_up.into_iter().collect(), jobs: Vec::new() };
        let wholes: Vec<_> = facts.wholes.iter().filter(|whole| ends(named, whole)).cloned().collect();
        let gone = match chosen(&facts.here, named, |project| typed("disconnect", project)) {
            Ok(gone) => gone,
            Err(_) if !wholes.is_empty() => Vec::new(),
            Err(notice) => return decision.with(self.reply(said, *notice)),
        };
        let notice = match (named, &gone[..], &wholes[..]) {
            (Some((_, project)), _, [whole]) if project == EVERY => {
                say::disconnected(&format!("{} ({})", whole.label(), gone.len()), &said.by)
            }
            (Some(_), [there], _) => say::disconnected(&there.project.label(), &said.by),
            _ => say::disconnected_all(&gone.iter().copied().cloned().collect::<Vec<_>>(), &said.by),
        };
        let taken: Vec<_> = gone.iter().copied().cloned().collect();
        let taken = match wholes.is_empty() {
            true => Undoing::Disconnected(taken),
            false => Undoing::DisconnectedWhole { wholes: wholes.clone(), gone: taken },
        };
        let (undo, can_be_undone) = self.undoable(&said.place, taken);
        let told = self.openly(&said.place, &said.by, notice.button(undo.button()));
        let decision = wholes.iter().map(drop_whole).fold(decision.then(told).and(can_be_undone), Decision::and);
        gone.into_iter().fold(decision, |decision, gone| {
            // One of many: it stays away, and does not join again with its next issue.
            let joins = facts.wholes.iter().any(|w| w.org == gone.project.org && !wholes.contains(w));
            let stays = joins.then(|| self.left_out(&said.place, &gone.project.id));
            let decision = stays.into_iter().fold(decision, Decision::and);
            let (account, channel) = (account.clone(), channel.clone());
            let audit = self.audit(&said.place, &said.by, "disconnect", &gone.project.label());
            let gone = RowChange::Unsubscribe { account, channel, project: gone.project.id.clone() };
            decision.and(gone).and(RowChange::Audit(audit))
        })
    }

    /// What one project may post here: shown, or changed.
    fn configure_one(
        &self,
        said: &Said,
        named: &(String, String),
        filter: Option<&Filter>,
        facts: &SaidFacts,
    ) -> Decision {
        if let Some(whole) = facts.wholes.iter().find(|whole| named.1 == EVERY && whole.is_called(&named.0)) {
            return match filter {
                Some(_) if self.is_refused(facts) => self.refuse(said, "filter", facts),
                filter => self.configure_whole(said, whole, filter, &facts.here),
            };
        }
        let filters = filter.map(Filter::typed).unwrap_or_default();
        let again = |project: &Project| format!("{} {filters}", typed("configure", project)).trim_end().into();
        let there = match chosen(&facts.here, Some(named), again) {
            Ok(there) if there.len() > 1 => {
                return self.reply(said, say::not_whole(&there[0].project, there.len(), filter));
            }
            Ok(there) => there[0],
            Err(notice) => return self.reply(said, *notice),
        };
        match filter {
            Some(_) if self.is_refused(facts) => self.refuse(said, "filter", facts),
            Some(filter) if *filter != there.filter => self.filtered(said, there, filter),
            Some(_) => self.reply(said, say::filtered_so_already(there)),
            None => self.reply(said, say::project_settings(self.deployment, there)),
        }
    }

    pub(super) fn filtered(&self, said: &Said, before: &Subscription, filter: &Filter) -> Decision {
        let project = before.project.clone();
        let Place { account, channel, .. } = said.place.clone();
        let undoing = Undoing::Filtered { project: project.clone(), filter: before.filter.clone() };
        let (undo, can_be_undone) = self.undoable(&said.place, undoing);
        let notice = say::filtered(&project.label(), filter, &said.by).button(undo.button());
        let audit = self.audit(&said.place, &said.by, "filter", &project.label()).to(&filter.in_words());
        let put = RowChange::PutFilter { account, channel, project: project.id, filter: filter.clone() };
        let decision = Decision::job(self.openly(&said.place, &said.by, notice)).and(can_be_undone);
        decision.and(put).and(RowChange::Audit(audit))
    }

    /// It concerns one person, in every channel of the account.
    fn mentions_said(&self, said: &Said, on: bool, linked: Option<&LinkedPerson>) -> Decision {
        let put = RowChange::PutMentions { account: said.by.account.clone(), user: said.by.user.clone(), on };
        let audit = self.audit(&said.place, &said.by, "mentions", "").to(if on { "on" } else { "off" });
        self.reply(said, say::mentions_set(self.deployment, on, linked)).and(put).and(RowChange::Audit(audit))
    }

    /// Deletes the person's grant now; the channels they connected keep working.
    fn unlink_said(&self, said: &Said, facts: &SaidFacts) -> Decision {
        let identity = facts.linked.as_ref().map(|linked| &linked.identity);
        let mut decision = self.reply(said, say::unlinked(identity, facts.open_link.is_some()));
        if let Some(linked) = &facts.linked {
            let audit = self.audit(&said.place, &said.by, "unlink", linked.identity.label());
            decision = decision
                .and(RowChange::Audit(audit))
                .then(self.forget(&linked.person, &linked.credential))
                .and(RowChange::UnlinkPerson { account: said.by.account.clone(), user: said.by.user.clone() });
        }
        decision.with(self.end_attempt(facts.open_link.as_ref()))
    }
}

/// The subscriptions that somebody means: all of the channel's where none is named. `again` is the line about one of several.
///
/// # Errors
/// What to say where that is none, or not clear.
pub(super) fn chosen<'a>(
    here: &'a [Subscription],
    named: Option<&(String, String)>,
    again: impl Fn(&Project) -> String,
) -> Result<Vec<&'a Subscription>, Box<Notice>> {
    let Some((org, project)) = named else {
        return if here.is_empty() { Err(Box::new(say::nothing_connected())) } else { Ok(here.iter().collect()) };
    };
    if project == EVERY {
        let of_org = |s: &&Subscription| {
            let theirs = &s.project;
            theirs.org.as_str().eq_ignore_ascii_case(org) || theirs.org_name.to_lowercase() == org.to_lowercase()
        };
        let all: Vec<_> = here.iter().filter(of_org).collect();
        let none = || say::not_connected(&format!("{org} / {project}"), here);
        return if all.is_empty() { Err(Box::new(none())) } else { Ok(all) };
    }
    match &meant(here, org, project)[..] {
        [there] => Ok(vec![there]),
        [] => Err(Box::new(say::not_connected(&format!("{org} / {project}"), here))),
        several => Err(Box::new(say::which_one(project, several, again))),
    }
}

/// Whether that ends an organization as a whole.
fn ends(named: Option<&(String, String)>, whole: &Whole) -> bool {
    named.is_none_or(|(org, project)| project == EVERY && whole.is_called(org))
}

/// A command about one project, as it is typed.
pub(super) fn typed(command: &str, project: &Project) -> String {
    format!("{command} {} {}", project.org, project.slug)
}

/// Whether these are the subscription's slugs, in any case.
fn has_slugs(subscription: &Subscription, org: &str, project: &str) -> bool {
    let theirs = &subscription.project;
    theirs.org.as_str().eq_ignore_ascii_case(org) && theirs.slug.as_str().eq_ignore_ascii_case(project)
}

/// The subscriptions that somebody may mean: the one with these slugs, or those with these names.
fn meant<'a>(here: &'a [Subscription], org: &str, project: &str) -> Vec<&'a Subscription> {
    if let Some(exact) = here.iter().find(|s| has_slugs(s, org, project)) {
        return vec![exact];
    }
    let is = |typed: &str, slug: &str, name: &str| {
        let typed = typed.to_lowercase();
        slug.to_lowercase() == typed || name.to_lowercase() == typed
    };
    let named = |s: &&Subscription| {
        let theirs = &s.project;
        // The address of an issue's page names its project by number.
        let is_project = is(project, theirs.slug.as_str(), &theirs.name) || theirs.id.as_str() == project;
        is(org, theirs.org.as_str(), &theirs.org_name) && is_project
    };
    here.iter().filter(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Deployment, Digest, Job, Person, Secret, UserId, command, sample};

    fn facts() -> SaidFacts {
        SaidFacts {
            here: Vec::new(),
            wholes: Vec::new(),
            unplaced: Vec::new(),
            settings: ChannelSettings::default(),
            everywhere: Vec::new(),
            care: Vec::new(),
            known_channels: Vec::new(),
            cards: Vec::new(),
            status: None,
            why: None,
            changed: None,
            rights: Rights::default(),
            linked: None,
            open_link: None,
            pending_card: None,
            fresh_link: FreshLink { token: Secret::new("the-token"), id: Digest([1; 32]) },
        }
    }

    fn say_as(by: Person, deployment: &Deployment, text: &str, facts: &SaidFacts) -> Decision {
        let said = Said { by, place: sample::ops(), text: text.into(), at: None };
        let core = Core { deployment, now: Timestamp(1_000), random: &sample::Counting::default() };
        core.said(&said, &command::parse(text, "sentry"), facts)
    }

    fn say(text: &str, facts: &SaidFacts) -> Decision {
        say_as(sample::ana(), &sample::deployment(), text, facts)
    }

    fn answers(decision: &Decision) -> Vec<&crate::Answer> {
        let answers = decision.jobs.iter().filter_map(|job| match &job.job {
            Job::Answer(answer) => Some(answer),
            _ => None,
        });
        answers.collect()
    }

    #[test]
    fn the_link_goes_to_the_persons_own_chat_and_nowhere_else() {
        let decision = say("connect acme checkout", &facts());
        for answer in answers(&decision) {
            let holds_link = format!("{:?}", answer.notice).contains("the-token");
            assert_eq!(holds_link, answer.to.to == ChannelId::new(sample::ana().jid.as_str()));
        }
        assert_eq!(answers(&decision).len(), 2);
    }

    #[test]
    fn a_linked_person_connects_without_a_link() {
        let decision = say("connect acme checkout", &SaidFacts { linked: Some(sample::linked()), ..facts() });
        assert!(matches!(&decision.jobs[..], [job] if matches!(job.job, Job::Connect(_))));
    }

    #[test]
    fn disconnect_without_names_ends_everything_here_at_once() {
        let other = Subscription { project: sample::project("web"), ..sample::subscription() };
        let decision = say("disconnect", &SaidFacts { here: vec![sample::subscription(), other], ..facts() });
        let gone = decision.changes.iter().filter(|c| matches!(c, RowChange::Unsubscribe { .. })).count();
        assert_eq!(gone, 2);
        assert_eq!(
            answers(&decision)[0].notice.head,
            "Disconnected everything here (2): acme / checkout, acme / web, by Ana."
        );
    }

    #[test]
    fn another_filter_is_told_to_the_channel_and_can_be_taken_back() {
        let facts = SaidFacts { here: vec![sample::subscription()], ..facts() };
        let decision = say("configure acme Checkout level:fatal", &facts);
        let head = "acme / checkout: now only new issues, issues that come back, issues that escalate, alerts; fatal only (Ana).";
        assert_eq!(answers(&decision)[0].notice.head, head);
        let [RowChange::PutUndo(undo), RowChange::PutFilter { filter, .. }, RowChange::Audit(_), RowChange::Saw { .. }] =
            &decision.changes[..]
        else {
            panic!("{:?}", decision.changes);
        };
        assert_eq!(filter.level, crate::Level::Fatal);
        let before = Undoing::Filtered { project: sample::project("checkout"), filter: Filter::default() };
        assert_eq!(undo.what, before);
    }

    #[test]
    fn asking_for_the_filter_that_is_there_changes_nothing() {
        let facts = SaidFacts { here: vec![sample::subscription()], ..facts() };
        for text in ["configure acme checkout none", "configure acme/checkout level:error"] {
            assert!(matches!(say(text, &facts).changes[..], [RowChange::Saw { .. }]), "{text}");
        }
        let decision = say("configure acme web level:fatal", &facts);
        assert_eq!(answers(&decision)[0].notice.head, "acme / web is not connected to this channel.");
    }

    #[test]
    fn a_display_name_that_two_projects_share_is_asked_about() {
        let twin = |slug: &str| {
            let project = Project { name: "Web".into(), ..sample::project(slug) };
            Subscription { project, ..sample::subscription() }
        };
        let facts = SaidFacts { here: vec![twin("web-eu"), twin("web-us")], ..facts() };
        let decision = say("disconnect acme Web", &facts);
        assert!(!decision.changes.iter().any(|c| matches!(c, RowChange::Unsubscribe { .. })));
        assert_eq!(answers(&decision)[0].notice.head, "\"Web\" fits 2 projects. Which one?");
    }

    #[test]
    fn a_slug_is_never_mistaken_for_another_projects_name() {
        let backend = Subscription {
            project: Project { name: "api".into(), ..sample::project("backend") },
            ..sample::subscription()
        };
        let facts = SaidFacts { here: vec![backend], linked: Some(sample::linked()), ..facts() };
        let decision = say("connect acme api", &facts);
        assert!(decision.jobs.iter().any(|job| matches!(job.job, Job::Connect(_))));
    }

    #[test]
    fn an_unreadable_command_changes_nothing_and_points() {
        let decision = say("conect acme checkout", &facts());
        assert!(matches!(&decision.changes[..], [RowChange::PutOffer(_), RowChange::Saw { .. }]));
        let notice = &answers(&decision)[0].notice;
        assert_eq!(notice.head, "I do not know \"conect\". Did you mean /sentry connect?");
        assert_eq!(notice.lines[0].text, "▸conect acme checkout");
    }

    #[test]
    fn under_the_policy_managers_others_change_nothing() {
        let deployment = Deployment { policy: Policy::Managers, ..sample::deployment() };
        let facts = SaidFacts { here: vec![sample::subscription()], ..facts() };
        for text in ["connect acme web", "disconnect", "configure acme checkout level:fatal"] {
            let decision = say_as(sample::ana(), &deployment, text, &facts);
            assert!(matches!(&decision.changes[..], [RowChange::Audit(_), RowChange::Saw { .. }]), "{text}");
        }
    }

    #[test]
    fn a_command_that_arrives_late_does_not_undo_what_was_done_since() {
        let (minute, now) = (60_000, Timestamp(1_767_323_045_000));
        let said = |text: &str, typed: i64, changed: i64| {
            let at = Some(Timestamp(now.0 - typed * minute));
            let said = Said { by: sample::ana(), place: sample::ops(), text: text.into(), at };
            let here = vec![sample::subscription()];
            let facts = SaidFacts { here, changed: Some(Timestamp(now.0 - changed * minute)), ..facts() };
            let core = Core { deployment: &sample::deployment(), now, random: &sample::Counting::default() };
            let decision = core.said(&said, &command::parse(text, "sentry"), &facts);
            answers(&decision)[0].notice.head.clone()
        };
        let late = "This arrived late (typed 02:58 UTC) and this channel has changed since. Nothing was done.";
        assert_eq!(said("disconnect", 6, 5), late);
        assert!(said("disconnect", 6, 7).starts_with("Disconnected everything here"), "nothing happened since");
        assert!(said("disconnect", 4, 3).starts_with("Disconnected everything here"), "not late");
        assert!(said("disconnect", -9, 1).starts_with("Disconnected everything here"), "a clock ahead of ours");
        assert_eq!(said("configure", 6, 5), "#ops gets 1 project");
    }

    #[test]
    fn a_guest_gets_help_and_nothing_else() {
        let guest = || Person { user: UserId::new(""), ..sample::ana() };
        let facts = SaidFacts { here: vec![sample::subscription()], ..facts() };
        assert!(say_as(guest(), &sample::deployment(), "disconnect", &facts).changes.is_empty());
        let help = say_as(guest(), &sample::deployment(), "help", &facts);
        assert_eq!(answers(&help)[0].notice.head, "Sentry for this channel");
    }

    #[test]
    fn others_see_only_the_channels_they_have_used() {
        let elsewhere = Subscription {
            place: Place { channel: ChannelId::new("web@conference.x"), name: Some("web".into()), ..sample::ops() },
            ..sample::subscription()
        };
        let facts = SaidFacts { everywhere: vec![sample::subscription(), elsewhere], ..facts() };
        let decision = say("configure all", &facts);
        assert_eq!(answers(&decision)[0].notice.head, "1 subscription in 1 channel");
        let rights = Rights { is_manager: true, ..Rights::default() };
        let decision = say("configure all", &SaidFacts { rights, ..facts });
        assert_eq!(answers(&decision)[0].notice.head, "2 subscriptions in 2 channels");
    }
}
