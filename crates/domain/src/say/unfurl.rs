//! What is shown of an issue whose address somebody posts.

use crate::text::{counted, line};
use crate::{Issue, Notice, Privacy, ProjectSlug, Status, Tone};

const HEAD: usize = 200;
const LINE: usize = 300;

/// What whoever posted the address may see, as far as the place lets it be shown. Nothing can be pressed: it is no card.
pub fn unfurled(project: &ProjectSlug, issue: Issue, privacy: Privacy) -> Notice {
    let issue = privacy.redact(issue);
    let (state, tone) = match issue.status.unwrap_or_default() {
        Status::Unresolved => ("Open", Tone::Open(issue.level.unwrap_or_default())),
        Status::Resolved => ("Resolved", Tone::Resolved),
        Status::Archived => ("Archived", Tone::Archived),
    };
    let head = line(&format!("{state} · [{project}] {}", issue.title), HEAD);
    let figures = [
        issue.events.map(|n| counted(n, "event")),
        issue.users.filter(|n| *n > 0).map(|n| counted(n, "user")),
        issue.level.map(|level| level.word().to_owned()),
    ];
    let figures: Vec<_> = figures.into_iter().flatten().collect();
    let culprit = issue.culprit.as_deref().map_or_else(String::new, |culprit| line(culprit, LINE));
    let mut notice = Notice { tone: Some(tone), ..Notice::text(head) };
    for text in [figures.join(" · "), culprit, privacy.hides(issue.hidden)] {
        notice = if text.is_empty() { notice } else { notice.line(text) };
    }
    let name = issue.short_id.as_deref().map(|id| line(id, 60)).filter(|id| !id.is_empty());
    match issue.url {
        Some(url) => notice.link(name.unwrap_or_else(|| "Open in Sentry".into()), url),
        None => notice,
    }
}
