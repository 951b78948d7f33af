//! Reading open cards again, an organization's one after the other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zentry_domain::{Card, IssueId, Job, NewJob, OrgSlug, ProjectKey, Queued, Timestamp};

use crate::App;
use crate::perform::{Effect, Setback};

/// Between two readings of an organization: whoever else asks Sentry there is not in their way.
const APART: Duration = Duration::from_secs(1);
/// How long one waits that found whole organizations being asked about.
const TURN: Duration = Duration::from_secs(60);
/// Turns that are remembered before those that nobody took are forgotten.
const TURNS: usize = 4_096;
/// A clock that was set back by less is nothing to speak of.
const CLOCK_STEP: Duration = Duration::from_secs(5);

/// When each organization's next card may be read, and whose turns those before it are.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    next: HashMap<OrgSlug, Timestamp>,
    given: HashMap<IssueId, Timestamp>,
    latest: Timestamp,
}

impl Turns {
    /// Takes the issue's turn if it has come; otherwise says when it comes.
    fn take(&self, org: &OrgSlug, issue: &IssueId, now: Timestamp) -> Result<(), Timestamp> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing waits for a clock that was set back to catch up.
        if turns.latest.since(now) > CLOCK_STEP {
            *turns = Given::default();
        }
        turns.latest = now;
        if turns.given.len() > TURNS {
            turns.given.retain(|_, at| *at >= now);
            turns.next.retain(|_, at| *at > now);
        }
        if let Some(at) = turns.given.get(issue).copied() {
            if at > now {
                return Err(at);
            }
            turns.given.remove(issue);
            return Ok(());
        }
        let next = turns.next.entry(org.clone()).or_insert(now);
        let at = (*next).max(now);
        *next = at + APART;
        if at > now {
            turns.given.insert(issue.clone(), at);
            return Err(at);
        }
        Ok(())
    }
}

impl App {
    /// Asks Sentry how the issue of open cards is, in its turn; not where nobody follows it any more.
    pub(crate) async fn reread(&self, issue: &IssueId) -> Result<Effect, Setback> {
        let cards = self.ports.facts.cards_of(issue).await?;
        let Some(first) = cards.first() else { return Ok(Effect::Due) };
        let key = ProjectKey { id: Some(first.content.project.id.clone()), ..ProjectKey::default() };
        let followers = self.ports.facts.subscribers(&key).await?;
        let is_followed = |card: &&Card| followers.iter().any(|s| s.place.is_same(&card.content.place));
        let Some(card) = self.core().to_reread(cards.iter().filter(is_followed)) else { return Ok(Effect::Due) };
        let project = &card.content.project;
        if let Err(at) = self.turns.take(&project.org, issue, self.now()) {
            return Ok(Effect::NotYet(at));
        }
        let Ok(_turn) = self.asking.try_acquire() else {
            return Ok(Effect::NotYet(self.now() + TURN.mul_f64(0.5 + self.ports.random.unit() / 2.0)));
        };
        self.read(project, issue).await
    }

    /// A reading of open cards has ended: the next one, while one of them is open and young.
    pub(crate) fn again(&self, queued: &Queued, cards: &[Card]) -> Option<NewJob> {
        if matches!(queued.job, Job::Reread { .. }) { self.core().reread(cards) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn_a_second_after_the_one_before_it() {
        let (turns, acme) = (Turns::default(), OrgSlug::new("acme"));
        let take = |org: &OrgSlug, n: usize, at| turns.take(org, &IssueId::new(n.to_string()), Timestamp(at));
        assert_eq!(take(&acme, 1, 0), Ok(()));
        assert_eq!((take(&acme, 2, 0), take(&acme, 3, 0)), (Err(Timestamp(1_000)), Err(Timestamp(2_000))));
        assert_eq!(take(&OrgSlug::new("other"), 4, 0), Ok(()), "another organization waits for none of them");
        assert_eq!(take(&acme, 3, 1_000), Err(Timestamp(2_000)), "too early it keeps its turn");
        assert_eq!((take(&acme, 2, 1_000), take(&acme, 3, 2_000)), (Ok(()), Ok(())));
    }

    #[test]
    fn nobody_waits_for_a_clock_that_was_set_back() {
        let (turns, acme) = (Turns::default(), OrgSlug::new("acme"));
        let take = |n: usize, at| turns.take(&acme, &IssueId::new(n.to_string()), Timestamp(at));
        assert_eq!((take(1, 900_000), take(2, 900_000)), (Ok(()), Err(Timestamp(901_000))));
        assert_eq!(take(2, 1_000), Ok(()));
    }
}
