//! A test message: through the same lane, the same drawing and the same limits as every card.

use super::{Core, StatusFacts};
use crate::{
    Address, Admission, Answer, Card, Change, ChangeKind, Decision, Handle, Issue, IssueId, Job, Lane, Level, NewJob,
    Notice, Person, Place, ProjectKey, Status, Subscription, Test, Timestamp, say,
};

/// What a test's report needs to know.
#[derive(Clone, Debug, Default)]
pub struct TestFacts {
    /// What the place is connected to.
    pub here: Vec<Subscription>,
    /// How it is.
    pub status: StatusFacts,
    /// A storm is on.
    pub storm: bool,
}

impl Core<'_> {
    /// The job that posts it, behind the channel's cards.
    pub(super) fn test(&self, place: &Place, by: &Person) -> NewJob {
        let test = Test { by: by.clone(), place: place.clone() };
        self.job(Lane::cards(&place.account, &place.channel), Job::Test(test))
    }

    /// What is posted: a card like any other, but for its first word and its buttons.
    pub fn test_card(&self, test: &Test, here: &[Subscription]) -> Notice {
        let Some(subscription) = here.first() else {
            return Notice::text("TEST · a message comes through. Nothing is connected here yet.");
        };
        let card = Card::open(Handle::new(""), subscription, &sample(self.now), self.now).notice();
        let head = card.head.split_once(" · ").map_or(card.head.as_str(), |(_, rest)| rest);
        let head = format!("TEST · {head}");
        Notice { head, buttons: Vec::new(), ..card }.line(format!("{} asked for this test.", say::name(&test.by)))
    }

    /// Zoom has taken it, or has not: whoever asked is told how each hop went.
    pub fn tested(&self, test: &Test, since: Timestamp, failed: Option<&str>, facts: &TestFacts) -> Decision {
        let left_out = |s: &&Subscription| s.admission(&sample(self.now)) == Admission::Refused;
        let left_out: Vec<_> = facts.here.iter().filter(left_out).collect();
        let notice = say::tested(facts, &left_out, self.now.since(since), failed, self.now);
        let otherwise = failed.map(|_| {
            let to = Address::direct(&test.by);
            Box::new(Answer { to, notice: notice.clone(), replaces: None, otherwise: None })
        });
        Decision::job(self.answer_or(Address::privately(&test.place, &test.by), notice, otherwise))
    }
}

/// What everybody wants to hear of: a new error.
fn sample(now: Timestamp) -> Change {
    let issue = Issue {
        title: "This is how a new issue looks here".into(),
        culprit: Some("where in the code it happened".into()),
        level: Some(Level::Error),
        status: Some(Status::Unresolved),
        events: Some(1),
        users: Some(1),
        first_seen: Some(now),
        ..Issue::default()
    };
    let (issue_id, kind) = (IssueId::new("0"), ChangeKind::New);
    Change { installation: None, project: ProjectKey::default(), issue_id, issue, occurrence: None, kind, by: None }
}
