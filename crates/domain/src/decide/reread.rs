//! Open cards are read again though nothing is heard of them: a webhook that never came must not leave a lie.

use std::time::Duration;

use super::Core;
use crate::{Card, IssueId, Job, Lane, NewJob, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);
/// So many days after something last happened to an issue it is left to what is heard of it.
const DAYS: u32 = 30;
/// The cards of a storm do not fall due together: each comes earlier by up to such a part of its wait.
const SPREAD: f64 = 0.1;

impl Core<'_> {
    /// The job that reads the issue of `cards` again, while one of them is open and young.
    pub fn reread(&self, cards: &[Card]) -> Option<NewJob> {
        let card = self.to_reread(cards)?;
        Some(self.reread_at(&card.content.issue_id, due(card, self.now)?))
    }

    /// The same where Sentry did not answer this time.
    pub fn reread_soon(&self, cards: &[Card]) -> Option<NewJob> {
        let again = self.reread(cards)?;
        let due = again.due.map(|due| due.min(self.now + HOUR));
        Some(NewJob { due, ..again })
    }

    /// The same, not before `at`.
    pub fn reread_at(&self, issue: &IssueId, at: Timestamp) -> NewJob {
        self.job(Lane::reread(issue), Job::Reread { issue: issue.clone() }).at(at)
    }

    /// The youngest of an issue's cards for which it is read again, if there is one.
    pub fn to_reread<'c>(&self, cards: impl IntoIterator<Item = &'c Card>) -> Option<&'c Card> {
        // The last reading may be late.
        let is_young = |card: &Card| self.now.since(begun(card)) < HOUR * 24 * (DAYS + 1);
        let is_read = |card: &Card| card.content.is_of_issue() && card.is_open() && !card.is_unopened();
        cards.into_iter().filter(|card| is_read(card) && is_young(card)).max_by_key(|card| begun(card))
    }
}

/// When something last happened to the issue.
fn begun(card: &Card) -> Timestamp {
    card.content.steps.last().map_or(card.opened, |step| step.at.max(card.opened))
}

/// When the card is read next: an hour, six hours and a day after it began, and then every day. Whenever that is asked, it is
/// the same.
fn due(card: &Card, now: Timestamp) -> Option<Timestamp> {
    let (begun, part) = (begun(card), SPREAD * dice(&card.content.issue_id));
    let mut before = 0;
    let hours = [1, 6].into_iter().chain((1..=DAYS).map(|day| day * 24));
    let mut readings = hours.map(|hours| {
        let early = (HOUR * (hours - before)).mul_f64(part);
        before = hours;
        begun + (HOUR * hours).saturating_sub(early)
    });
    readings.find(|at| *at > now)
}

/// From 0 to 1: always the same for an issue, and far from it for the next one.
fn dice(issue: &IssueId) -> f64 {
    const GOLDEN: u32 = 0x9e37_79b9;
    let number =
        issue.as_str().bytes().fold(0, |number: u32, digit| number.wrapping_mul(31).wrapping_add(digit.into()));
    f64::from(number.wrapping_mul(GOLDEN)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangeKind, Handle, sample};

    const BEGUN: Timestamp = Timestamp(1_767_323_045_000);

    fn card(issue: &str) -> Card {
        let mut card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(ChangeKind::New), BEGUN);
        card.content.issue_id = IssueId::new(issue);
        card
    }

    #[test]
    fn an_open_card_is_read_after_one_six_and_twenty_four_hours_and_then_daily_for_thirty_days() {
        let (card, mut at, mut hours) = (card("42"), BEGUN, Vec::new());
        while let Some(next) = due(&card, at) {
            hours.push(next.since(BEGUN).as_secs_f64() / 3_600.0);
            at = next;
        }
        assert_eq!(hours.len(), 32);
        let expected = [1.0, 6.0].into_iter().chain((1..=30).map(|day| f64::from(day) * 24.0));
        for (at, latest) in hours.iter().zip(expected) {
            assert!((latest * 0.9..=latest).contains(at), "{at} for {latest}");
        }
    }

    #[test]
    fn the_cards_of_a_storm_do_not_fall_due_together() {
        let dues: Vec<_> = (1_000..1_100).map(|n| due(&card(&n.to_string()), BEGUN).expect("due")).collect();
        for part in 0..6 {
            let minute = |at: &&Timestamp| at.since(BEGUN).as_secs() / 60 == 54 + part;
            let many = dues.iter().filter(minute).count();
            assert!((5..=30).contains(&many), "{many} in minute {part}");
        }
    }

    #[test]
    fn a_card_that_is_dealt_with_or_was_never_to_be_posted_is_not_read() {
        let core = Core { deployment: &sample::deployment(), now: BEGUN, random: &sample::Counting::default() };
        let open = card("42");
        let resolved = open.after(&sample::change(ChangeKind::Resolved), BEGUN).expect("resolved");
        assert!(core.reread(&[resolved.clone(), open.clone().unopened()]).is_none());
        assert!(core.reread(&[resolved, open]).is_some());
    }
}
