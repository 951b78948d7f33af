//! An issue that is known from one environment is new in another.

use zentry_domain::ports::{StoreError, TrackerError};
use zentry_domain::{AskFirst, Change, Decision, Issue, IssueRef, Occurrence, Project, Queued, Timestamp};

use crate::App;
use crate::perform::{Effect, Setback};

impl App {
    /// What follows from where an event was.
    pub(crate) async fn sighted(&self, change: &Change, project: &Project) -> Result<Decision, StoreError> {
        if change.seen_in().is_none() {
            return Ok(Decision::nothing());
        }
        let known = self.ports.facts.sightings(&change.issue_id).await?;
        Ok(self.core().sighted(change, project, &known))
    }

    /// Asks Sentry for the first event of an issue in an environment, and how the issue is: see [`App::readers`].
    pub(crate) async fn ask_first(&self, ask: &AskFirst) -> Result<Effect, Setback> {
        let at = IssueRef { org: ask.project.org.clone(), id: ask.issue.clone() };
        for actor in self.readers(&ask.project).await? {
            match self.ports.tracker.first_in(&actor, &at, &ask.environment).await {
                Ok(Some((first, occurrence))) => {
                    let issue = self.read_issue(&ask.project, &ask.issue).await?;
                    return Ok(issue.map_or(Effect::Due, |issue| Effect::First(Box::new((first, occurrence, issue)))));
                }
                Ok(None) | Err(TrackerError::Unauthorized | TrackerError::Refused { .. } | TrackerError::Gone) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Effect::Due)
    }

    /// What follows from what Sentry said: the issue is told of as if a webhook had said that it is new there.
    pub(crate) async fn first(
        &self,
        queued: &Queued,
        ask: &AskFirst,
        said: &(Timestamp, Occurrence, Issue),
    ) -> Result<Decision, StoreError> {
        let (at, occurrence, issue) = said.clone();
        match self.core().first_in(ask, queued.since, (at, occurrence), issue) {
            Some(change) => self.decide_changed(&change).await,
            None => Ok(Decision::nothing()),
        }
    }
}
