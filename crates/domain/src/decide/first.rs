//! An issue that is known from one environment is new in another.
//!
//! Sentry tells of an issue as new once, wherever that was: what begins on a laptop and goes on in production is never new in
//! production. Webhooks that carry a single event tell where it happened; Sentry is asked before a card says so, because
//! not every event is told of.

use std::time::Duration;

use super::Core;
use crate::{
    AskFirst, Change, ChangeKind, Decision, FirstIn, Issue, Job, Lane, Occurrence, Project, ProjectKey, RowChange,
    Sighted, Sighting, Timestamp,
};

/// Whoever knows a public DSN can name as many environments as they like.
const ENVIRONMENTS: usize = 20;
/// Sentry's limit (Sentry, event).
const NAME_MAX: usize = 64;
/// Sentry finds an event a moment after it has told of it.
const FOUND_AFTER: Duration = Duration::from_secs(5);
/// Where the first event of an environment is older than that, it is not new there: we were not told of it.
const NEWS: Duration = Duration::from_secs(3_600);

impl Core<'_> {
    /// Remembers where an issue was seen. Where it was seen only elsewhere until now, Sentry is asked.
    pub fn sighted(&self, change: &Change, project: &Project, known: &[Sighting]) -> Decision {
        let Some(environment) = change.seen_in().filter(|name| name.encode_utf16().count() <= NAME_MAX) else {
            return Decision::nothing();
        };
        if known.len() >= ENVIRONMENTS || known.iter().any(|sighting| sighting.environment == environment) {
            return Decision::nothing();
        }
        let (org, issue) = (project.org.clone(), change.issue_id.clone());
        let sighting = Sighting { environment: environment.to_owned(), at: self.now };
        let sighted = RowChange::Sighted(Sighted { org, project: project.id.clone(), issue, sighting });
        let ask = known.iter().min_by_key(|sighting| sighting.at).map(|first| {
            let (project, issue, elsewhere) = (project.clone(), change.issue_id.clone(), first.clone());
            AskFirst { project, issue, environment: environment.to_owned(), elsewhere }
        });
        let asked = ask.map(|ask| self.job(Lane::refresh(&ask.issue), Job::AskFirst(ask)).at(self.now + FOUND_AFTER));
        asked.into_iter().fold(Decision::nothing().and(sighted), Decision::then)
    }

    /// What Sentry has said, as a change: the first `occurrence` in that environment, when it was, and how the issue is now.
    /// `asked` is when an event told of it. `None` where it is not new there, or nobody has to do with it any more.
    pub fn first_in(
        &self,
        ask: &AskFirst,
        asked: Timestamp,
        (at, occurrence): (Timestamp, Occurrence),
        issue: Issue,
    ) -> Option<Change> {
        let AskFirst { project, issue: issue_id, environment, elsewhere } = ask.clone();
        let is_open = issue.status.is_none_or(|status| status == crate::Status::Unresolved);
        let (id, org) = (Some(project.id), Some(project.org));
        let issue = Issue { environment: Some(environment.clone()), release: occurrence.release.clone(), ..issue };
        (asked.since(at) <= NEWS && is_open).then(|| Change {
            installation: None,
            project: ProjectKey { org, id, slug: Some(project.slug) },
            issue_id,
            issue,
            occurrence: Some(Box::new(occurrence)),
            kind: ChangeKind::FirstIn(Box::new(FirstIn { environment, elsewhere })),
            by: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewJob, sample};

    const NOW: Timestamp = Timestamp(1_767_323_045_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn core<R>(with: impl FnOnce(Core<'_>) -> R) -> R {
        with(Core { deployment: &sample::deployment(), now: NOW, random: &sample::Counting::default() })
    }

    fn alert_in(environment: &str) -> Change {
        let mut alert = sample::change(ChangeKind::Alert { rule: "r".into(), page: None });
        alert.issue.environment = Some(environment.into());
        alert
    }

    fn seen_in(environment: &str, before: Duration) -> Sighting {
        Sighting { environment: environment.into(), at: NOW - before }
    }

    fn sighted(change: &Change, known: &[Sighting]) -> Decision {
        core(|core| core.sighted(change, &sample::subscription().project, known))
    }

    fn asked(decision: &Decision) -> Option<AskFirst> {
        decision.jobs.iter().find_map(|NewJob { job, .. }| match job {
            Job::AskFirst(ask) => Some(ask.clone()),
            _ => None,
        })
    }

    fn ask() -> AskFirst {
        asked(&sighted(&alert_in("production"), &[seen_in("dev", 9 * DAY)])).expect("it is asked")
    }

    fn said(at: Timestamp, issue: Issue) -> Option<Change> {
        let there = Occurrence { environment: Some("production".into()), ..Occurrence::default() };
        core(|core| core.first_in(&ask(), NOW, (at, there), issue))
    }

    #[test]
    fn where_an_issue_is_seen_first_is_remembered_and_nobody_is_asked() {
        let decision = sighted(&alert_in("dev"), &[]);
        let [RowChange::Sighted(sighted)] = decision.changes.as_slice() else { panic!("{decision:?}") };
        assert_eq!((sighted.sighting.clone(), decision.jobs.len()), (seen_in("dev", Duration::ZERO), 0));
    }

    #[test]
    fn where_it_was_seen_elsewhere_only_sentry_is_asked_once_it_can_know() {
        let known = [seen_in("staging", DAY), seen_in("dev", 9 * DAY)];
        let decision = sighted(&alert_in("production"), &known);
        let ask = asked(&decision).expect("it is asked");
        assert_eq!((ask.environment.as_str(), ask.elsewhere), ("production", seen_in("dev", 9 * DAY)));
        assert_eq!(decision.jobs[0].due, Some(NOW + FOUND_AFTER));
        assert!(sighted(&alert_in("dev"), &known).is_nothing());
    }

    #[test]
    fn what_carries_no_event_tells_nothing_of_where_it_was() {
        for kind in [ChangeKind::New, ChangeKind::Regressed, ChangeKind::Resolved] {
            let mut change = sample::change(kind);
            change.issue.environment = Some("production".into());
            assert!(sighted(&change, &[]).is_nothing(), "{change:?}");
        }
        assert!(sighted(&alert_in(""), &[]).is_nothing());
    }

    #[test]
    fn a_stranger_cannot_fill_the_store_with_environments() {
        let known: Vec<_> = (0..ENVIRONMENTS).map(|n| seen_in(&n.to_string(), DAY)).collect();
        assert!(sighted(&alert_in("one more"), &known).is_nothing());
        assert!(sighted(&alert_in(&"x".repeat(NAME_MAX + 1)), &[]).is_nothing());
    }

    #[test]
    fn it_is_new_there_where_sentry_knows_no_earlier_event_and_it_is_open() {
        let change = said(NOW - Duration::from_secs(60), Issue::default()).expect("it is new there");
        let ChangeKind::FirstIn(first) = change.kind else { panic!("{change:?}") };
        assert_eq!((first.environment.as_str(), first.elsewhere), ("production", seen_in("dev", 9 * DAY)));
        assert_eq!(said(NOW - DAY, Issue::default()), None);
        let resolved = Issue { status: Some(crate::Status::Resolved), ..Issue::default() };
        assert_eq!(said(NOW, resolved), None);
    }
}
