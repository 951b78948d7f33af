//! Somebody posted addresses of Sentry's pages: more of an issue is shown, with their rights, and not too often.

use std::time::Duration;

use super::Core;
use crate::command::issue_page;
use crate::{Decision, IssueRef, Job, Lane, Place, RowChange, Shared, Timestamp, Unfurl};

/// How long an issue is not shown again in one channel, whoever posts its address.
pub const UNFURL_PAUSE: Duration = Duration::from_secs(30 * 60);
/// A message with so many addresses is a list: of none more is shown.
const A_LIST: u64 = 3;
/// The platform tells of each address of a message apart. Until then all of them have been told of.
const ALL_TOLD: Duration = Duration::from_secs(2);

/// What addresses that somebody posted need to know.
#[derive(Clone, Debug, Default)]
pub struct SharedFacts {
    /// Whoever posted them has linked a Sentry account.
    pub is_linked: bool,
    /// What [`Core::posted`] says.
    pub issue: Option<IssueRef>,
    /// When more of that issue was last shown there.
    pub last: Option<Timestamp>,
}

impl Core<'_> {
    /// The issue of which more may be shown: the first whose page is on our Sentry, in an organization that is accepted.
    pub fn posted(&self, shared: &Shared) -> Option<IssueRef> {
        let mut pages = shared.links.iter().filter_map(|link| issue_page(link, &self.deployment.sentry_url));
        pages.find(|issue| self.deployment.accepts(&issue.org))
    }

    /// What is to be done about addresses that somebody posted. Nobody is ever asked to link for it.
    pub fn shared(&self, shared: &Shared, facts: &SharedFacts) -> Decision {
        if shared.by.is_guest() || !facts.is_linked {
            return Decision::nothing();
        }
        let links = shared.links.len() as u64;
        let Shared { by, place, message, trigger, .. } = shared.clone();
        let Place { account, channel, .. } = place.clone();
        let lane = Lane::unfurls(&account, &channel);
        let is_told_apart = message.is_some();
        let mut decision = Decision::nothing();
        if let Some(message) = message.clone() {
            decision = decision.and(RowChange::Shared { account, channel, message, links, at: self.now });
        }
        let Some(issue) = facts.issue.clone().filter(|_| self.may_unfurl(links, facts.last)) else { return decision };
        let job = self.job(lane, Job::Unfurl(Unfurl { by, place, message, issue, trigger }));
        decision.then(if is_told_apart { job.at(self.now + ALL_TOLD) } else { job })
    }

    /// Whether more is shown of an issue whose address is one of so many in a message, and that was `last` shown then.
    pub fn may_unfurl(&self, links: u64, last: Option<Timestamp>) -> bool {
        links < A_LIST && last.is_none_or(|last| self.now.since(last) >= UNFURL_PAUSE)
    }

    /// It was shown.
    pub fn unfurled(&self, unfurl: &Unfurl) -> Decision {
        let Place { account, channel, .. } = unfurl.place.clone();
        let issue = unfurl.issue.id.clone();
        Decision::nothing().and(RowChange::Unfurled { account, channel, issue, at: self.now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Deployment, IssueId, MessageId, OrgSlug, Person, TriggerId, UserId, sample};

    const NOW: Timestamp = Timestamp(1_767_323_045_000);

    fn page(number: u32) -> String {
        format!("https://sentry.example.com/organizations/acme/issues/{number}/")
    }

    fn posts(links: impl IntoIterator<Item = String>) -> Shared {
        Shared {
            by: sample::ana(),
            place: sample::ops(),
            message: Some(MessageId::new("m")),
            links: links.into_iter().collect(),
            trigger: TriggerId::new("t"),
        }
    }

    fn decided(deployment: &Deployment, shared: &Shared, last: Option<Timestamp>) -> Decision {
        let core = Core { deployment, now: NOW, random: &sample::Counting::default() };
        core.shared(shared, &SharedFacts { is_linked: true, issue: core.posted(shared), last })
    }

    /// The issues of which more is to be shown.
    fn shown(decision: &Decision) -> Vec<IssueId> {
        let unfurl = |job: &crate::NewJob| match &job.job {
            Job::Unfurl(unfurl) => Some(unfurl.issue.id.clone()),
            _ => None,
        };
        decision.jobs.iter().filter_map(unfurl).collect()
    }

    fn shown_of(links: impl IntoIterator<Item = String>) -> Vec<IssueId> {
        shown(&decided(&sample::deployment(), &posts(links), None))
    }

    #[test]
    fn the_page_of_an_issue_is_shown_and_no_other_page() {
        assert_eq!(shown_of([page(42)]), [IssueId::new("42")]);
        let others = ["https://evil.example/organizations/acme/issues/42/", "https://sentry.example.com/", "words"];
        for link in others {
            assert_eq!(shown_of([link.into()]), [], "{link}");
        }
        assert_eq!(shown_of([others[1].into(), page(7)]), [IssueId::new("7")]);
    }

    #[test]
    fn a_list_of_pages_is_not_shown() {
        assert_eq!(shown_of([page(1), page(2)]), [IssueId::new("1")]);
        assert_eq!(shown_of([page(1), page(2), page(3)]), []);
    }

    #[test]
    fn whatever_was_posted_is_counted_with_its_message_and_waited_for() {
        let decision = decided(&sample::deployment(), &posts(["https://sentry.example.com/".into()]), None);
        let [RowChange::Shared { message, links: 1, at: NOW, .. }] = &decision.changes[..] else {
            panic!("{decision:?}")
        };
        assert_eq!(message, &MessageId::new("m"));
        let decision = decided(&sample::deployment(), &posts([page(42)]), None);
        assert_eq!(decision.jobs[0].due, Some(NOW + ALL_TOLD));
        let unnamed = Shared { message: None, ..posts([page(42)]) };
        let decision = decided(&sample::deployment(), &unnamed, None);
        assert_eq!((decision.changes.len(), decision.jobs[0].due), (0, None));
    }

    #[test]
    fn the_same_issue_is_shown_again_after_half_an_hour() {
        let minute = Duration::from_secs(60);
        for (ago, again) in [(0, false), (29, false), (30, true)] {
            let decision = decided(&sample::deployment(), &posts([page(42)]), Some(NOW - ago * minute));
            assert_eq!(!shown(&decision).is_empty(), again, "{ago} minutes");
        }
    }

    #[test]
    fn nothing_is_done_for_guests_and_for_those_who_have_linked_nothing() {
        let deployment = sample::deployment();
        let core = Core { deployment: &deployment, now: NOW, random: &sample::Counting::default() };
        let guest = Shared { by: Person { user: UserId::new(""), ..sample::ana() }, ..posts([page(42)]) };
        for (shared, is_linked) in [(guest, true), (posts([page(42)]), false)] {
            let facts = SharedFacts { is_linked, issue: core.posted(&shared), last: None };
            assert!(core.shared(&shared, &facts).is_nothing());
        }
    }

    #[test]
    fn nothing_is_shown_of_an_organization_that_is_not_accepted() {
        let only = |org: &str| Deployment { allowed_orgs: Some(vec![OrgSlug::new(org)]), ..sample::deployment() };
        assert_eq!(shown(&decided(&only("globex"), &posts([page(42)]), None)), []);
        assert_eq!(shown(&decided(&only("ACME"), &posts([page(42)]), None)).len(), 1);
    }
}
