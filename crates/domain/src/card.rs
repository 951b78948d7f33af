//! One card per channel and issue, which always tells the present state.
//!
//! Cards are level-triggered: a change alters the row, and a job says only "show this card". Whatever raced, echoed or
//! was replayed on the way, the message then shows the row as it is.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::text::{counted, line};
use crate::{
    Action, Address, Archive, CLOSE_TOGETHER, Change, ChangeKind, ChannelSettings, Content, Doing, FirstIn, Handle,
    Issue, IssueRef, MessageId, Metric, Notice, Occurrence, Person, Revision, Sighting, Status, Subscription, Tag,
    Timestamp, Updates, Zone,
};

/// When a card was opened that was not opened yet.
const UNOPENED: Timestamp = Timestamp(0);

/// What a channel is told of one issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// What its buttons carry.
    pub handle: Handle,
    /// What it says.
    pub content: Content,
    /// Counts changes of what it says; a writer names the one it has seen.
    pub revision: Revision,
    /// The message that shows it, once posted.
    pub message: Option<MessageId>,
    /// The revision that the message shows.
    pub shown: Revision,
    /// When it was opened: new cards count against the channel's budget. See [`Card::unopened`].
    pub opened: Timestamp,
    /// The storm whose card stands for it, instead of a message of its own.
    pub listed: Option<Handle>,
}

/// Where the issue stands, with who brought it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// First seen.
    New,
    /// Seen, not for the first time.
    Seen,
    /// Seen again after it was resolved.
    CameBack,
    /// Happens much more often.
    Escalating,
    /// A rule fired.
    Alert {
        /// The rule's name.
        rule: String,
        /// Where it is found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        page: Option<String>,
    },
    /// Known from one environment, it is new in another.
    FirstIn {
        /// Where it is new.
        environment: String,
        /// Where it was seen first.
        elsewhere: Sighting,
        /// When we heard.
        at: Timestamp,
    },
    /// Open again.
    Reopened {
        /// Who did it.
        by: Option<String>,
    },
    /// Done with.
    Resolved {
        /// Who did it.
        by: Option<String>,
        /// When we heard.
        at: Timestamp,
    },
    /// Put away.
    Archived {
        /// Who did it.
        by: Option<String>,
        /// When we heard.
        at: Timestamp,
        /// Until when.
        until: Archive,
    },
    /// A metric alert, and no issue at all.
    Metric(Box<Metric>),
}

impl Standing {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Seen => "Seen",
            Self::CameBack => "Came back",
            Self::Escalating => "Escalating",
            Self::Alert { .. } => "Alert",
            Self::FirstIn { .. } => "First in an environment",
            Self::Reopened { .. } => "Open again",
            Self::Resolved { .. } => "Resolved",
            Self::Archived { .. } => "Archived",
            Self::Metric(metric) => metric.alarm.word(),
        }
    }

    /// What the head says of it.
    pub(crate) fn in_words(&self, zone: Zone) -> Cow<'static, str> {
        let until = match self {
            Self::Archived { until, .. } => until,
            Self::FirstIn { environment, .. } => return format!("First in {}", line(environment, 40)).into(),
            _ => return self.word().into(),
        };
        match until {
            Archive::UntilEscalating => "Archived until it escalates".into(),
            Archive::Events(events) => format!("Archived for {}", counted(*events, "event")).into(),
            Archive::Until(then) => format!("Archived until {}", then.day_and_clock(zone)).into(),
            Archive::Forever => "Archived for ever".into(),
            Archive::UntilCondition | Archive::Untold => self.word().into(),
        }
    }

    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Resolved { .. } => Status::Resolved,
            Self::Archived { .. } => Status::Archived,
            Self::Metric(metric) => metric.alarm.status(),
            _ => Status::Unresolved,
        }
    }

    /// Who brought it there, where that is known.
    pub(crate) fn by(&self) -> Option<&str> {
        match self {
            Self::Reopened { by } | Self::Resolved { by, .. } | Self::Archived { by, .. } => by.as_deref(),
            Self::New | Self::Seen | Self::CameBack | Self::Escalating => None,
            Self::Alert { .. } | Self::FirstIn { .. } | Self::Metric(_) => None,
        }
    }

    /// Whether it is the same for whoever wants to hear of what is new. A metric alert's numbers are only figures.
    pub(crate) fn is_still(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Metric(now), Self::Metric(then)) => now.alarm == then.alarm,
            _ => self == before,
        }
    }

    fn of_action(action: &Action, by: &Person, at: Timestamp) -> Option<Self> {
        let by = Some(by.name.clone());
        Some(match action {
            Action::Resolve | Action::ResolveIn(_) => Self::Resolved { by, at },
            Action::Archive => Self::Archived { by, at, until: Archive::UntilEscalating },
            Action::ArchiveUntil(limit) => Self::Archived { by, at, until: limit.since(at) },
            Action::Reopen => Self::Reopened { by },
            Action::Assign(_) => return None,
        })
    }

    fn of_status(status: Status, at: Timestamp) -> Self {
        match status {
            Status::Resolved => Self::Resolved { by: None, at },
            Status::Archived => Self::Archived { by: None, at, until: Archive::Untold },
            Status::Unresolved => Self::Reopened { by: None },
        }
    }
}

impl Card {
    /// The first card of `change` in the channel of `subscription`.
    pub fn open(handle: Handle, subscription: &Subscription, change: &Change, now: Timestamp) -> Self {
        let content = Content {
            place: subscription.place.clone(),
            by: subscription.by.clone(),
            project: subscription.project.clone(),
            issue_id: change.issue_id.clone(),
            issue: told_of(change),
            standing: told_by(change, now).unwrap_or(Standing::New),
            steps: Vec::new(),
            doing: None,
            said_below: false,
            settings: subscription.settings,
        };
        let content = content.redacted().begun(now);
        Self { handle, content, revision: Revision(1), message: None, shown: Revision(0), opened: now, listed: None }
    }

    /// The card after `change`; `None` if nothing that it says is different, as with the echo of our own action.
    #[must_use]
    pub fn after(&self, change: &Change, now: Timestamp) -> Option<Self> {
        let mut content = self.content.clone();
        content.issue.update(&told_of(change));
        if let Some(standing) = self.standing_after(change, now) {
            content.standing = standing;
            content.issue.fix.clone_from(&change.issue.fix);
        }
        self.revised(content, now)
    }

    /// The card after `by` did `action` and Sentry answered with `issue`; `None` if nothing that it says is different.
    #[must_use]
    pub fn after_action(&self, action: &Action, issue: &Issue, by: &Person, now: Timestamp) -> Option<Self> {
        let mut content = self.content.clone();
        content.issue.update(issue);
        content.doing = None;
        if let Action::Assign(to) = action {
            content.issue.assignee = Some(to.clone());
        }
        if let Some(standing) = Standing::of_action(action, by, now) {
            content.issue.status = Some(standing.status());
            content.issue.fix = issue.fix.clone().or_else(|| action.fix());
            // Sentry's echo may overtake its answer, and an integration's echo does not say who pressed.
            if !self.stands_like(&standing) || self.content.standing.by().is_none() {
                content.standing = standing;
            }
        }
        self.revised(content, now)
    }

    /// The card while Sentry is asked to do `action` for `by`, and has not answered for a while; `None` where it says so.
    #[must_use]
    pub fn while_doing(&self, action: &Action, by: &Person, now: Timestamp) -> Option<Self> {
        let doing = Some(Doing { what: action.doing().to_owned(), by: by.name.clone() });
        self.revised(Content { doing, ..self.content.clone() }, now)
    }

    /// The card once Sentry has answered, or will not; `None` where it waits for nothing.
    #[must_use]
    pub fn done_waiting(&self, now: Timestamp) -> Option<Self> {
        self.revised(Content { doing: None, ..self.content.clone() }, now)
    }

    /// The card after the issue was read at Sentry; `None` if nothing that it says is different.
    #[must_use]
    pub fn after_reading(&self, issue: &Issue, now: Timestamp) -> Option<Self> {
        let mut content = self.content.clone();
        content.issue.update(issue);
        if let Some(told) = issue.status.filter(|told| *told != self.content.standing.status()) {
            content.standing = Standing::of_status(told, now);
            content.issue.fix.clone_from(&issue.fix);
        }
        self.revised(content, now)
    }

    /// Whether `change` tells of another status than the card: a repeat that does is reason to ask Sentry.
    pub fn contradicts(&self, change: &Change, now: Timestamp) -> bool {
        let told = told_by(change, now).map(|standing| standing.status()).or(change.issue.status);
        told.is_some_and(|told| told != self.content.standing.status())
    }

    /// The card while only Sentry knows whether it may be posted: it does not count against the channel's budget.
    #[must_use]
    pub fn unopened(self) -> Self {
        Self { opened: UNOPENED, ..self }
    }

    /// Whether it was never to be posted: the filter was not asked to the end, or did not admit it.
    pub fn is_unopened(&self) -> bool {
        self.message.is_none() && self.opened == UNOPENED
    }

    /// Whether it is to be posted, or is on its way.
    pub fn waits(&self) -> bool {
        self.message.is_none() && self.listed.is_none() && !self.is_unopened()
    }

    /// The card as the revision that follows the one `seen`, with a message of its own, or a place in a storm, from now on.
    #[must_use]
    pub fn opened_after(&self, seen: &Self, now: Timestamp) -> Self {
        let opened = if self.opened == UNOPENED { now } else { self.opened };
        Self { opened, ..self.on_its_own_after(seen) }
    }

    /// The card as the next revision, with what the occurrence says that its filter admitted.
    #[must_use]
    pub fn after_occurrence(&self, occurrence: &Occurrence, now: Timestamp) -> Self {
        let Occurrence { environment, release, .. } = occurrence.clone();
        let tags = Tag::of(occurrence);
        let mut card = self.opened_after(self, now);
        card.content.issue.update(&Issue { environment, release, tags, ..Issue::default() });
        card.content = card.content.redacted();
        card
    }

    /// The card, to be shown by the storm's instead of a message of its own.
    #[must_use]
    pub fn listed_in(self, storm: &Handle) -> Self {
        Self { listed: Some(storm.clone()), ..self }
    }

    /// The card with a message of its own again, as the revision that follows the one `seen`.
    #[must_use]
    pub fn on_its_own_after(&self, seen: &Self) -> Self {
        Self { listed: None, revision: seen.revision.next(), ..self.clone() }
    }

    /// The card as that of another subscription of its channel: a metric alert is about many projects, and the one that it was
    /// posted for may be disconnected.
    #[must_use]
    pub(crate) fn under(&self, subscription: &Subscription) -> Self {
        let Subscription { project, by, .. } = subscription.clone();
        Self { content: Content { project, by, ..self.content.clone() }, ..self.clone() }
    }

    /// Whether the issue came back after it had been dealt with, or a metric alert became louder: worth a new message, which
    /// people are told of.
    pub fn comes_back_with(&self, change: &Change) -> bool {
        match (&change.kind, &self.content.standing) {
            (ChangeKind::Metric(told), Standing::Metric(now)) => told.alarm > now.alarm,
            (ChangeKind::Regressed, now) => now.status() != Status::Unresolved,
            _ => false,
        }
    }

    /// Whether what was resolved a while ago has come back: an event of it happened, and Sentry counts it as open. What is on
    /// its way while somebody resolves it says so too, for a moment.
    pub fn is_brought_back_by(&self, change: &Change, now: Timestamp) -> bool {
        let is_open_event = change.kind == ChangeKind::Seen && change.issue.status == Some(Status::Unresolved);
        matches!(self.content.standing, Standing::Resolved { at, .. } if is_open_event && now.since(at) > CLOSE_TOGETHER)
    }

    /// Who brought the issue where it is, where that is known.
    pub fn done_by(&self) -> Option<&str> {
        self.content.standing.by()
    }

    /// Whether the issue already is where `action` would bring it.
    pub fn is_done(&self, action: &Action) -> bool {
        match action {
            Action::Assign(to) => self.content.issue.assignee.as_ref().is_some_and(|now| now.is_same(to)),
            _ => action.status() == Some(self.content.standing.status()),
        }
    }

    /// Whether nothing but figures is different from what it said `before`: how often, how many, and the like.
    pub fn only_counts_on(&self, before: &Self) -> bool {
        let (now, then) = (&self.content.issue, &before.content.issue);
        let is_still = self.content.standing.is_still(&before.content.standing);
        is_still && now.is_still_of(then) && now.title == then.title
    }

    /// Whether people hear of what is different from `before` where they want to: not of figures, nor of what is only shown otherwise.
    pub fn is_news_after(&self, before: &Self) -> bool {
        let (now, then) = (&self.content, &before.content);
        !now.standing.is_still(&then.standing) || !now.issue.is_still_of(&then.issue)
    }

    /// Whether it has to be said under the message, which cannot be edited, where the issue stands: it is not how a message
    /// begins, and nobody was told of it.
    pub fn is_news_below(&self) -> bool {
        use Standing::{Alert, CameBack, New, Seen};
        let Content { standing, settings, said_below, .. } = &self.content;
        let is_as_begun = matches!(standing, New | Seen | Alert { .. } | CameBack);
        !is_as_begun && !said_below && settings.updates == Updates::Edit
    }

    /// The card once that was said of it as it was `then`; `None` where it stands elsewhere by now.
    #[must_use]
    pub fn said_below(&self, then: &Self) -> Option<Self> {
        let is_so = self.content.standing.word() == then.content.standing.word();
        let content = Content { said_below: true, ..self.content.clone() };
        is_so.then(|| Self { content, revision: self.revision.next(), ..self.clone() })
    }

    /// Whether nobody has dealt with the issue.
    pub fn is_open(&self) -> bool {
        self.content.standing.status() == Status::Unresolved
    }

    /// Whether the message shows what the row says.
    pub fn is_shown(&self) -> bool {
        self.message.is_some() && self.shown == self.revision
    }

    /// Where the issue is found at Sentry.
    pub fn issue(&self) -> IssueRef {
        IssueRef { org: self.content.project.org.clone(), id: self.content.issue_id.clone() }
    }

    /// Where its message goes.
    pub fn address(&self) -> Address {
        Address::everyone(&self.content.place, &self.content.by)
    }

    /// What its message says. Everything from Sentry is cleaned and cut; nothing of it can become markup.
    pub fn notice(&self) -> Notice {
        self.content.notice(&self.handle)
    }

    /// Where `change` brings the issue; `None` where it stays. Deliveries come in any order: what says how an issue began,
    /// or that a rule fired once, does not undo what has happened to it since.
    fn standing_after(&self, change: &Change, now: Timestamp) -> Option<Standing> {
        let is_open = self.content.standing.status() == Status::Unresolved;
        let standing = match &change.kind {
            ChangeKind::Metric(told) => {
                let Standing::Metric(before) = &self.content.standing else { return told_by(change, now) };
                return Some(Standing::Metric(Box::new(before.after(told, now))));
            }
            // It is told to whom every event is told before it is told that it is new.
            ChangeKind::New if self.content.standing == Standing::Seen => Standing::New,
            ChangeKind::New | ChangeKind::Seen | ChangeKind::Remark(_) => return None,
            ChangeKind::Alert { .. } | ChangeKind::FirstIn(_) if !is_open => return None,
            ChangeKind::Assigned => {
                let told = change.issue.status.filter(|told| *told != self.content.standing.status());
                return told.map(|status| Standing::of_status(status, now));
            }
            _ => told_by(change, now)?,
        };
        (!self.stands_like(&standing)).then_some(standing)
    }

    /// An echo of what is known must not overwrite who did it.
    fn stands_like(&self, standing: &Standing) -> bool {
        match (&self.content.standing, standing) {
            (Standing::Alert { rule: now, .. }, Standing::Alert { rule: then, .. }) => now == then,
            // An alert rule fires within the same second as the issue itself: one card, still "New".
            (Standing::New | Standing::CameBack | Standing::FirstIn { .. }, Standing::Alert { .. }) => true,
            (Standing::FirstIn { environment: now, .. }, Standing::FirstIn { environment: then, .. }) => now == then,
            (now, Standing::Reopened { .. }) if now.status() == Status::Unresolved => true,
            (Standing::Archived { until: now, .. }, Standing::Archived { until: then, .. }) => now.is_still(*then),
            (now, then) => std::mem::discriminant(now) == std::mem::discriminant(then),
        }
    }

    /// The card as a channel wants it from now on; `None` where it says and keeps nothing else then.
    #[must_use]
    pub fn restyled(&self, settings: ChannelSettings) -> Option<Self> {
        let content = Content { settings, ..self.content.clone() };
        let restyled = content.clone().redacted();
        if restyled == content && restyled.notice(&self.handle) == self.notice() {
            return None;
        }
        Some(Self { content: restyled, revision: self.revision.next(), ..self.clone() })
    }

    fn revised(&self, content: Content, now: Timestamp) -> Option<Self> {
        let content = content.redacted().after(&self.content, now);
        if content.notice(&self.handle) == self.notice() {
            return None;
        }
        Some(Self { content, revision: self.revision.next(), ..self.clone() })
    }
}

/// The issue as a change shows it, with what of its occurrence cards may show.
fn told_of(change: &Change) -> Issue {
    let tags = change.occurrence.as_ref().map(|occurrence| Tag::of(occurrence)).unwrap_or_default();
    Issue { tags, ..change.issue.clone() }
}

/// The standing that a change tells of by itself.
fn told_by(change: &Change, now: Timestamp) -> Option<Standing> {
    let by = change.by.clone();
    Some(match &change.kind {
        ChangeKind::New => Standing::New,
        ChangeKind::Regressed => Standing::CameBack,
        ChangeKind::Escalating => Standing::Escalating,
        // A rule may fire because somebody has dealt with it.
        ChangeKind::Alert { rule, page } => match change.issue.status {
            Some(status) if status != Status::Unresolved => Standing::of_status(status, now),
            _ => Standing::Alert { rule: rule.clone(), page: page.clone() },
        },
        ChangeKind::FirstIn(first) => {
            let FirstIn { environment, elsewhere } = FirstIn::clone(first);
            Standing::FirstIn { environment, elsewhere, at: now }
        }
        ChangeKind::Resolved => Standing::Resolved { by, at: now },
        ChangeKind::Archived { until } => Standing::Archived { by, at: now, until: *until },
        ChangeKind::Reopened => Standing::Reopened { by },
        ChangeKind::Seen => Standing::Seen,
        ChangeKind::Metric(told) => Standing::Metric(Box::new(Metric::default().after(told, now))),
        ChangeKind::Assigned | ChangeKind::Remark(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Assignee, Choice, sample};

    const NOW: Timestamp = Timestamp(1_767_323_045_000);

    #[test]
    fn a_new_issue_reads_well_on_a_phone() {
        let card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(ChangeKind::New), NOW);
        let notice = card.notice();
        assert_eq!(notice.head, "New · [checkout · production] TimeoutError: pool exhausted");
        assert_eq!(notice.lines[1].text, "3 events · 2 users · release 2.4.1 · error · first seen 2 Jan 03:04 UTC");
        assert_eq!(notice.buttons[0].label, "Resolve");
    }

    #[test]
    fn resolving_elsewhere_changes_the_head_and_the_buttons() {
        let card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(ChangeKind::New), NOW);
        let card = card.after(&sample::change(ChangeKind::Resolved), NOW).expect("the card says something else");
        assert!(card.notice().head.starts_with("Resolved · "));
        assert_eq!(card.notice().buttons[0].press.choice, Choice::Act(Action::Reopen));
        assert_eq!(card.revision, Revision(2));
    }

    #[test]
    fn the_echo_of_an_action_changes_nothing() {
        let card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(ChangeKind::New), NOW);
        let resolved = Issue { status: Some(Status::Resolved), ..sample::change(ChangeKind::New).issue };
        let card = card.after_action(&Action::Resolve, &resolved, &sample::ana(), NOW).expect("resolved");
        let echo = Change { by: Some("ana@acme.io".into()), ..sample::change(ChangeKind::Resolved) };
        assert_eq!(card.after(&echo, NOW), None);
    }

    #[test]
    fn an_echo_that_overtakes_the_answer_gets_the_name_of_who_pressed() {
        let card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(ChangeKind::New), NOW);
        let echoed = card.after(&sample::change(ChangeKind::Resolved), NOW).expect("resolved");
        let answered =
            echoed.after_action(&Action::Resolve, &echoed.content.issue, &sample::ana(), NOW).expect("named");
        assert!(answered.notice().lines[0].text.starts_with("by Ana at "), "{:?}", answered.notice());
    }

    #[test]
    fn what_comes_late_does_not_undo_what_has_happened_since() {
        let new = sample::change(ChangeKind::New);
        let card = Card::open(Handle::new("h"), &sample::subscription(), &new, NOW);
        let resolved = card.after(&sample::change(ChangeKind::Resolved), NOW).expect("resolved");
        let alert = sample::change(ChangeKind::Alert { rule: "any".into(), page: None });
        for late in [new, alert] {
            let after = resolved.after(&late, NOW).unwrap_or_else(|| resolved.clone());
            assert!(after.notice().head.starts_with("Resolved · "), "{:?}: {}", late.kind, after.notice().head);
        }
    }

    #[test]
    fn an_assignment_that_tells_of_a_missed_resolution_is_believed() {
        let card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(ChangeKind::New), NOW);
        let mut assigned = sample::change(ChangeKind::Assigned);
        assigned.issue.status = Some(Status::Resolved);
        assert!(card.after(&assigned, NOW).expect("different").notice().head.starts_with("Resolved · "));
    }

    #[test]
    fn whose_it_is_is_no_news_where_only_their_number_is_told_or_left_out() {
        let ben = |id: Option<&str>| match id {
            Some(id) => Assignee::User { id: id.into(), name: "Ben".into() },
            None => Assignee::Somebody("Ben".into()),
        };
        let of = |assignee| Issue { assignee: Some(assignee), ..Issue::default() };
        let mut issue = of(ben(None));
        issue.update(&of(ben(Some("8"))));
        assert_eq!(issue.assignee, Some(ben(Some("8"))), "the number is learnt");
        issue.update(&of(ben(None)));
        assert_eq!(issue.assignee, Some(ben(Some("8"))), "and kept");
        assert!(issue.is_still_of(&of(ben(None))) && !issue.is_still_of(&of(ben(Some("9")))));
        issue.update(&of(Assignee::Nobody));
        assert_eq!(issue.assignee, Some(Assignee::Nobody));
    }

    #[test]
    fn an_assignee_comes_and_goes() {
        let card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(ChangeKind::New), NOW);
        let given = |assignee| {
            let mut change = sample::change(ChangeKind::Assigned);
            change.issue.assignee = Some(assignee);
            change
        };
        let bens = card.after(&given(Assignee::Somebody("Ben".into())), NOW).expect("assigned");
        assert!(bens.notice().lines.iter().any(|line| line.text == "Assigned to Ben"));
        let nobodys = bens.after(&given(Assignee::Nobody), NOW).expect("unassigned");
        assert!(!nobodys.notice().lines.iter().any(|line| line.text.starts_with("Assigned")));
    }

    #[test]
    fn an_alert_for_a_new_issue_does_not_rename_its_card() {
        let card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(ChangeKind::New), NOW);
        assert_eq!(card.after(&sample::change(ChangeKind::Alert { rule: "any".into(), page: None }), NOW), None);
    }

    #[test]
    fn a_hostile_title_stays_one_clean_line() {
        let mut change = sample::change(ChangeKind::New);
        change.issue.title = format!("a\nb\u{202e}{}", "x".repeat(5_000));
        let card = Card::open(Handle::new("h"), &sample::subscription(), &change, NOW);
        let head = card.notice().head;
        assert!(head.starts_with("New · [checkout · production] a bx"), "{head}");
        assert!(head.encode_utf16().count() <= 200);
    }
}
