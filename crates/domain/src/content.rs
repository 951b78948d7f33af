//! What a card says, and where.

use serde::{Deserialize, Serialize};

use crate::text::{counted, lasting, line};
use crate::{
    Action, Archive, Assignee, Button, ChannelSettings, Choice, Density, Fix, Handle, Issue, IssueId, Line, Notice,
    Person, Place, Press, Privacy, Project, Release, Select, SelectOption, Standing, Status, Timestamp, Tone,
};

/// The head is what a phone shows.
pub(crate) const HEAD_MAX: usize = 200;
const LINE_MAX: usize = 300;
/// So many of the latest steps are told.
const STEPS: usize = 4;
const STEP_MAX: usize = 40;

/// What a card says, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The channel.
    pub place: Place,
    /// On whose behalf it is sent: who connected the project.
    pub by: Person,
    /// The project.
    pub project: Project,
    /// The issue's number, or a metric alert's: see [`IssueId::of_alert`].
    pub issue_id: IssueId,
    /// The issue as last heard of. Of a metric alert only what it has in common with one.
    pub issue: Issue,
    /// What the head's first word says.
    pub standing: Standing,
    /// What has happened to the issue while it was here, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What Sentry is asked to do about it and has not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doing: Option<Doing>,
    /// The message could not be edited, and where the issue stands now was said under it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub said_below: bool,
    /// How the channel wants it. The store keeps it as the channel has it.
    #[serde(default, skip_serializing_if = "crate::subscription::is_default")]
    pub settings: ChannelSettings,
}

/// Something that has happened to an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When we heard.
    pub at: Timestamp,
    /// What, in a word or two.
    pub what: String,
    /// Who did it, or whose it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}

impl Step {
    /// To whom it was given and in what it was fixed is not shown where only the class of an error is.
    fn redacted(self, privacy: Privacy) -> Self {
        match (privacy, self.what.as_str()) {
            (Privacy::ClassOnly, "assigned") => Self { who: None, ..self },
            (Privacy::ClassOnly, what) if what.starts_with("resolved ") => Self { what: "resolved".into(), ..self },
            _ => self,
        }
    }
}

/// What Sentry is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doing {
    /// As the card says it: `Resolving`.
    pub what: String,
    /// Who wishes it.
    pub by: String,
}

impl Content {
    /// The content of a new card, with its first step.
    pub(crate) fn begun(mut self, now: Timestamp) -> Self {
        self.steps.push(self.step(now));
        self
    }

    /// With what has happened since it said `before`.
    pub(crate) fn after(mut self, before: &Self, now: Timestamp) -> Self {
        if self.standing.word() != before.standing.word() {
            self.said_below = false;
        }
        if !self.standing.is_still(&before.standing) {
            let step = self.step(now);
            // An echo said it first, and did not say who did it.
            match self.steps.last_mut().filter(|last| last.what == step.what && last.who.is_none()) {
                Some(last) => last.who = step.who,
                None => self.steps.push(step),
            }
        }
        if let Some(assignee) = self.issue.assignee.as_ref().filter(|_| !self.issue.is_still_of(&before.issue)) {
            let was_nobodys = before.issue.assignee.as_ref().is_none_or(|before| before.name().is_none());
            match (assignee.name(), was_nobodys) {
                (None, true) => {}
                (None, false) => self.steps.push(Step { at: now, what: "unassigned".into(), who: None }),
                (Some(who), _) => {
                    self.steps.push(Step { at: now, what: "assigned".into(), who: Some(line(who, STEP_MAX)) });
                }
            }
        }
        let many = self.steps.len().saturating_sub(STEPS);
        self.steps.drain(..many);
        self
    }

    fn step(&self, now: Timestamp) -> Step {
        let what = match (&self.standing, self.fixed_in()) {
            (Standing::Resolved { .. }, Some(fixed_in)) => format!("resolved {fixed_in}"),
            (standing @ Standing::FirstIn { .. }, _) => standing.in_words(self.settings.zone).replacen('F', "f", 1),
            (standing, _) => standing.word().to_lowercase(),
        };
        Step { at: now, what: line(&what, STEP_MAX), who: self.standing.by().map(|by| line(by, STEP_MAX)) }
    }

    /// What has happened, once there is more to tell than how it began.
    fn timeline(&self) -> String {
        if self.steps.len() < 2 {
            return String::new();
        }
        let told = |step: &Step| {
            let who = step.who.as_deref().map(|who| format!(" {who}")).unwrap_or_default();
            format!("{} {}{who}", step.at.clock(self.settings.zone), step.what)
        };
        line(&self.steps.iter().map(told).collect::<Vec<_>>().join(" · "), LINE_MAX)
    }

    /// In what it was resolved.
    fn fixed_in(&self) -> Option<String> {
        Some(match self.issue.fix.as_ref()? {
            Fix::In(Release::Next) => "in the next release".into(),
            Fix::In(Release::Current) => "in the current release".into(),
            Fix::Release(release) => format!("in {}", line(release, 60)),
            Fix::Commit => "by a commit".into(),
        })
    }

    /// Whether it is about an issue, of which Sentry can be asked, and not about a metric alert.
    pub fn is_of_issue(&self) -> bool {
        !matches!(self.standing, Standing::Metric(_))
    }

    /// Without what must not be shown, and so is not kept either.
    pub(crate) fn redacted(self) -> Self {
        let privacy = self.settings.privacy;
        let steps = self.steps.into_iter().map(|step| step.redacted(privacy)).collect();
        let this = Self { steps, ..self };
        match this.standing {
            Standing::Metric(metric) => Self { standing: Standing::Metric(Box::new(metric.redacted(privacy))), ..this },
            standing => Self { standing, issue: privacy.redact(this.issue), ..this },
        }
    }

    pub(crate) fn notice(&self, handle: &Handle) -> Notice {
        if let Standing::Metric(metric) = &self.standing {
            return metric.notice(self);
        }
        let mut notice = Notice { head: self.head(), tone: Some(self.tone()), ..Notice::default() };
        let figures = self.figures();
        let texts = match self.settings.density {
            Density::Compact => {
                notice.head = self.head_with(figures);
                vec![self.what_happened()]
            }
            Density::Standard => {
                let (happened, tags) = (self.what_happened(), self.tags());
                vec![happened, self.culprit(), figures, tags, self.assigned(), self.timeline(), self.hidden()]
            }
            Density::Full => {
                let (whose, hidden) = (self.whose(), self.hidden());
                let happened = self.what_happened();
                vec![happened, self.culprit(), figures, self.tags(), self.assigned(), self.timeline(), whose, hidden]
            }
        };
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            notice = notice.line(text);
        }
        // What happened comes first.
        if let (Standing::Alert { page, .. }, Some(rule)) = (&self.standing, notice.lines.first_mut()) {
            rule.link.clone_from(page);
        }
        self.link_page(&mut notice);
        if self.doing.is_none() {
            notice.buttons = self.buttons(handle);
            notice.selects = self.lists(handle);
        }
        notice
    }

    /// Adds the line that opens its page.
    pub(crate) fn link_page(&self, notice: &mut Notice) {
        let (short_id, link) = (self.issue.short_id.as_deref().map(|id| line(id, 60)), self.issue.url.clone());
        let text = short_id.or_else(|| link.is_some().then(|| "Open in Sentry".into()));
        notice.lines.extend(text.map(|text| Line { text, link }));
    }

    pub(crate) fn head(&self) -> String {
        line(&self.uncut_head(), HEAD_MAX)
    }

    fn uncut_head(&self) -> String {
        let (projects, title) = match &self.standing {
            Standing::Metric(metric) if self.issue.title.is_empty() => (metric.projects_in_words(), "unnamed alert"),
            Standing::Metric(metric) => (metric.projects_in_words(), self.issue.title.as_str()),
            _ => (self.project.slug.to_string(), self.issue.title.as_str()),
        };
        let is_said = matches!(self.standing, Standing::FirstIn { .. }) && self.doing.is_none();
        let project = match self.issue.environment.as_ref().filter(|_| !is_said) {
            Some(environment) => format!("[{projects} · {}]", line(environment, 40)),
            None => format!("[{projects}]"),
        };
        let state = match &self.doing {
            Some(doing) => format!("{}… ({})", doing.what, line(&doing.by, STEP_MAX)).into(),
            None => self.standing.in_words(self.settings.zone),
        };
        format!("{state} · {project} {title}")
    }

    /// The head of a card that is nothing else.
    pub(crate) fn head_with(&self, figures: String) -> String {
        let brief = [self.uncut_head(), figures].into_iter().filter(|text| !text.is_empty());
        line(&brief.collect::<Vec<_>>().join(" — "), HEAD_MAX)
    }

    fn tone(&self) -> Tone {
        match self.standing.status() {
            Status::Resolved => Tone::Resolved,
            Status::Archived => Tone::Archived,
            Status::Unresolved => Tone::Open(self.issue.level.unwrap_or_default()),
        }
    }

    fn what_happened(&self) -> String {
        let named = |by: &Option<String>| {
            by.as_deref().map_or_else(|| "in Sentry".into(), |who| format!("by {}", line(who, 80)))
        };
        let zone = self.settings.zone;
        match &self.standing {
            Standing::Resolved { by, at } => {
                let fixed_in = self.fixed_in().map(|fixed_in| format!(" {fixed_in}")).unwrap_or_default();
                format!("{}{fixed_in} at {}", named(by), at.clock(zone))
            }
            Standing::Archived { by, at, until } => {
                let until = if *until == Archive::UntilCondition { "until what was set in Sentry, " } else { "" };
                format!("{until}{} at {}", named(by), at.clock(zone))
            }
            Standing::Reopened { by } => named(by),
            Standing::Alert { rule, .. } => line(&format!("Rule: \"{rule}\""), LINE_MAX),
            Standing::Metric(metric) => metric.facts(zone),
            Standing::FirstIn { elsewhere, at, .. } => {
                format!("Seen in {} since {}.", line(&elsewhere.environment, 40), lasting(at.since(elsewhere.at)))
            }
            Standing::New | Standing::Seen | Standing::CameBack | Standing::Escalating => String::new(),
        }
    }

    /// What has happened since it said what it did `before`.
    pub(crate) fn told_after(&self, before: &Self) -> Notice {
        let what = match self.issue.is_still_of(&before.issue) {
            true => self.what_happened(),
            false if self.issue.assignee == Some(Assignee::Nobody) => "Assigned to nobody".into(),
            false => self.assigned(),
        };
        let notice = Notice::text(self.head());
        if what.is_empty() { notice } else { notice.line(what) }
    }

    fn hidden(&self) -> String {
        self.settings.privacy.hides(self.issue.hidden)
    }

    fn whose(&self) -> String {
        let Project { name, org_name, .. } = &self.project;
        let by = line(&self.by.name, 80);
        line(&format!("{name} of {org_name} · issue {} · connected by {by}", self.issue_id), LINE_MAX)
    }

    /// Where in the code: the frame says it more exactly than the culprit.
    fn culprit(&self) -> String {
        let place = self.issue.frame.as_deref().or(self.issue.culprit.as_deref());
        place.map_or_else(String::new, |place| line(place, LINE_MAX))
    }

    fn figures(&self) -> String {
        let issue = &self.issue;
        let mut parts = Vec::new();
        parts.extend(issue.events.map(|n| counted(n, "event")));
        parts.extend(issue.users.filter(|n| *n > 0).map(|n| counted(n, "user")));
        parts.extend(issue.release.as_deref().map(|release| format!("release {}", line(release, 60))));
        parts.extend(issue.level.map(|level| level.word().to_owned()));
        if self.settings.density == Density::Compact {
            return parts.join(", ");
        }
        parts.extend(issue.first_seen.map(|at| format!("first seen {}", at.day_and_clock(self.settings.zone))));
        parts.join(" · ")
    }

    /// The tags that the channel wants to see, as far as the event told them.
    fn tags(&self) -> String {
        let wanted = self.issue.tags.iter().filter(|(tag, _)| self.settings.tags.has(*tag));
        line(&wanted.map(|(tag, value)| format!("{} {value}", tag.key())).collect::<Vec<_>>().join(" · "), LINE_MAX)
    }

    fn assigned(&self) -> String {
        let who = self.issue.assignee.as_ref().and_then(Assignee::name);
        who.map_or_else(String::new, |who| format!("Assigned to {}", line(who, 80)))
    }

    fn buttons(&self, handle: &Handle) -> Vec<Button> {
        let button = |label: &str, action, primary| Button {
            label: label.into(),
            press: Press { card: handle.clone(), choice: Choice::Act(action) },
            primary,
        };
        let assign = Button {
            label: "Assign".into(),
            press: Press { card: handle.clone(), choice: Choice::Assign },
            primary: false,
        };
        match self.standing.status() {
            Status::Unresolved => {
                vec![button("Resolve", Action::Resolve, true), button("Archive", Action::Archive, false), assign]
            }
            Status::Resolved | Status::Archived => vec![button("Reopen", Action::Reopen, false)],
        }
    }

    /// The other ways to do what the buttons do in one press.
    fn lists(&self, handle: &Handle) -> Vec<Select> {
        if self.standing.status() != Status::Unresolved || self.settings.density == Density::Compact {
            return Vec::new();
        }
        let list = |label: &str, ways: &[(&str, Action)]| Select {
            label: label.into(),
            options: ways
                .iter()
                .map(|(way, action)| SelectOption {
                    label: (*way).into(),
                    press: Press { card: handle.clone(), choice: Choice::Act(action.clone()) },
                })
                .collect(),
            chosen: None,
        };
        vec![list("Resolve", &Action::RESOLVING), list("Archive", &Action::ARCHIVING)]
    }
}
