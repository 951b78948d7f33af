//! What a card says, and where.

use serde::{Deserialize, Serialize};

use crate::text::{counted, line};
use crate::{
    Action, Archive, Assignee, Button, ChannelSettings, Choice, Density, Handle, Issue, IssueId, Line, Notice, Person,
    Place, Press, Privacy, Project, Standing, Status, Tone,
};

/// The head is what a phone shows.
const HEAD_MAX: usize = 200;
const LINE_MAX: usize = 300;

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
    /// How the channel wants it. The store keeps it as the channel has it.
    #[serde(default, skip_serializing_if = "crate::subscription::is_default")]
    pub settings: ChannelSettings,
}

impl Content {
    /// Whether it is about an issue, of which Sentry can be asked, and not about a metric alert.
    pub fn is_of_issue(&self) -> bool {
        !matches!(self.standing, Standing::Metric(_))
    }

    /// Without what must not be shown, and so is not kept either.
    pub(crate) fn redacted(self) -> Self {
        let privacy = self.settings.privacy;
        match self.standing {
            Standing::Metric(metric) => Self { standing: Standing::Metric(Box::new(metric.redacted(privacy))), ..self },
            standing => Self { standing, issue: privacy.redact(self.issue), ..self },
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
            Density::Standard => vec![self.what_happened(), self.culprit(), figures, self.assigned(), self.hidden()],
            Density::Full => {
                vec![self.what_happened(), self.culprit(), figures, self.assigned(), self.whose(), self.hidden()]
            }
        };
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            notice = notice.line(text);
        }
        self.link_page(&mut notice);
        notice.buttons = self.buttons(handle);
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
        let project = match &self.issue.environment {
            Some(environment) => format!("[{projects} · {}]", line(environment, 40)),
            None => format!("[{projects}]"),
        };
        format!("{} · {project} {title}", self.standing.word())
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
            Standing::Resolved { by, at } => format!("{} at {}", named(by), at.clock(zone)),
            Standing::Archived { by, at, until } => format!("{}{} at {}", in_words(*until), named(by), at.clock(zone)),
            Standing::Reopened { by } => named(by),
            Standing::Alert { rule } => line(&format!("Rule: \"{rule}\""), LINE_MAX),
            Standing::Metric(metric) => metric.facts(zone),
            Standing::New | Standing::CameBack | Standing::Escalating => String::new(),
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
        match self.settings.privacy {
            Privacy::Full => String::new(),
            Privacy::NoMessage | Privacy::ClassOnly => "Message hidden by this channel's privacy setting.".into(),
        }
    }

    fn whose(&self) -> String {
        let Project { name, org_name, .. } = &self.project;
        let by = line(&self.by.name, 80);
        line(&format!("{name} of {org_name} · issue {} · connected by {by}", self.issue_id), LINE_MAX)
    }

    fn culprit(&self) -> String {
        self.issue.culprit.as_deref().map_or_else(String::new, |culprit| line(culprit, LINE_MAX))
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
        match self.standing.status() {
            Status::Unresolved => {
                vec![button("Resolve", Action::Resolve, true), button("Archive", Action::Archive, false)]
            }
            Status::Resolved | Status::Archived => vec![button("Reopen", Action::Reopen, false)],
        }
    }
}

fn in_words(until: Archive) -> &'static str {
    match until {
        Archive::UntilEscalating => "until it escalates, ",
        Archive::UntilCondition => "until what was set in Sentry, ",
        Archive::Forever => "for ever, ",
        Archive::Untold => "",
    }
}
