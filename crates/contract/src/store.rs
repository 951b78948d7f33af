//! What every store promises.

use std::sync::Arc;

use async_trait::async_trait;
use zentry_domain::ports::{Committed, CredentialKey, DeliveryKey, LaneLease, Leased, StoreError};
use zentry_domain::{
    Account, AccountId, Action, Address, Answer, Card, ChangeKind, ChannelId, CredentialId, Decision, Digest, Facts,
    Handle, Identity, InstallationId, IssueId, Job, JobId, Lane, Link, LinkedPerson, MessageId, NewJob, Notice,
    OrgSlug, Outcome, Owner, Pending, Person, Place, ProjectId, ProjectKey, ProjectSlug, Revision, RowChange, Secret,
    Stage, Store, Subscription, Timestamp, Vault,
};

use crate::sample::{self, START};

pub use cards::*;
pub use commit::*;
pub use facts::*;
pub use lease::*;
pub use links::*;
pub use settle::*;
pub use upkeep::*;

/// An empty store, and what its port alone cannot cause or see.
#[async_trait]
pub trait Bench: Send + Sync {
    /// The store as it runs now.
    fn store(&self) -> Arc<dyn Store>;
    /// Its reads.
    fn facts(&self) -> Arc<dyn Facts>;
    /// The vault whose credentials go with a purged account.
    fn vault(&self) -> Arc<dyn Vault>;
    /// Ends the process and starts it anew on what is stored.
    async fn restart(&self);
    /// The dead letters, oldest first, each with the reason.
    async fn dead(&self) -> Vec<(JobId, String)>;
}

/// Emits one test a promise. The expression makes an empty [`Bench`].
#[macro_export]
macro_rules! store_suite {
    ($bench:expr) => {
        $crate::store_suite! { @cases $bench;
            a_decision_is_applied_whole,
            a_decision_that_conflicts_leaves_no_trace,
            a_conflict_leaves_the_keys_fresh,
            a_repeat_of_any_key_changes_nothing,
            a_set_may_name_a_key_twice,
            an_empty_set_of_keys_is_always_fresh,
            the_id_of_a_waiting_job_is_taken,
            what_was_committed_is_there_after_a_restart,
            many_commits_at_once_are_all_there,

            connecting_twice_conflicts,
            disconnecting_what_is_not_connected_changes_nothing,
            a_disconnected_project_can_be_connected_again,
            subscriptions_are_found_in_any_case_of_the_channel,
            subscriptions_come_oldest_first,
            subscribers_are_found_by_the_number_of_the_project,
            subscribers_are_found_by_organization_and_slug,
            a_slug_alone_finds_nobody,
            subscribers_of_every_account_are_found,
            an_account_is_known_until_it_is_replaced,
            an_installation_stands_for_its_organization_until_removed,
            a_person_is_known_where_they_were_seen,
            a_guest_is_known_nowhere,
            a_channels_new_name_reaches_its_subscriptions,
            one_accounts_facts_never_show_anothers,

            a_card_from_a_stale_revision_conflicts,
            a_channel_has_one_card_an_issue,
            a_new_content_keeps_the_message_and_what_it_shows,
            the_cards_of_an_issue_are_found_in_every_channel,
            showing_the_newest_revision_queues_nothing,
            showing_an_old_revision_queues_the_card_again_once,
            a_message_that_is_lost_is_forgotten,
            showing_a_card_that_is_gone_queues_nothing,

            an_attempt_to_link_from_a_stale_revision_conflicts,
            every_stage_of_an_attempt_comes_back_unchanged,
            the_attempt_at_sentry_is_found_by_its_state_until_it_comes_back,
            the_open_attempt_is_the_newest_that_has_not_ended,
            a_dropped_attempt_is_gone,
            a_linked_person_is_replaced_and_unlinked,

            a_lane_keeps_its_order,
            a_leased_lane_is_left_alone_until_it_is_released,
            two_lanes_are_leased_side_by_side,
            no_more_lanes_are_leased_than_asked_for,
            the_lane_that_was_due_first_is_leased_first,
            a_head_that_is_not_due_holds_its_lane,
            a_job_that_is_not_due_is_not_handed_out_behind_one_that_is,
            the_next_due_is_that_of_the_earliest_free_lane,
            a_lease_that_has_ended_may_be_taken_over,
            an_ended_lease_that_nobody_took_over_still_holds,
            an_older_lease_is_fenced_off,
            a_released_lease_is_fenced_off,
            a_renewed_lease_lasts_longer,
            a_restart_ends_every_lease_and_loses_no_job,
            no_lease_of_an_earlier_process_is_ever_taken_for_a_new_one,

            a_job_done_frees_its_lane_and_commits_what_follows,
            a_conflict_in_what_follows_leaves_the_job_as_it_is,
            only_the_first_job_of_a_lane_is_settled_and_only_once,
            a_retry_counts_and_delays,
            a_throttled_account_waits_in_all_its_lanes,
            a_lane_begun_in_a_throttled_account_waits_too,
            an_unknown_outcome_is_remembered,
            a_job_given_up_is_kept_as_a_dead_letter,
            a_conflict_in_what_follows_keeps_a_job_from_dying,
            a_suppressed_job_frees_its_lane,
            what_became_of_a_job_survives_a_restart,
            an_equal_job_is_left_out_where_one_waits,
            an_equal_confidential_job_is_left_out_too,
            a_job_in_hand_still_waits_and_a_job_being_settled_does_not,

            a_purged_account_leaves_nothing_behind,
            a_purge_touches_no_other_account,
            a_purge_while_a_job_is_in_hand_fences_it_off,
            a_swept_key_is_fresh_again,
            an_old_attempt_is_swept_unless_it_holds_a_grant,
        }
    };
    (@cases $bench:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::store::$case(&$bench).await;
            }
        )+
    };
}

#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod cards;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod commit;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod facts;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod lease;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod links;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod settle;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod upkeep;

// === what the cases share ===

/// Far enough away for every lease of a case that does not speak of its end.
const LATER: Timestamp = Timestamp(START.0 + 30_000);

fn after(ms: i64) -> Timestamp {
    Timestamp(START.0 + ms)
}

fn acc() -> AccountId {
    AccountId::new("acc")
}

fn other() -> AccountId {
    AccountId::new("other")
}

fn key(n: u8) -> DeliveryKey {
    DeliveryKey([n; 32])
}

/// What `try_commit` must not refuse.
async fn commit(bench: &impl Bench, decision: Decision) {
    let committed = try_commit(bench, &decision).await;
    assert!(matches!(committed, Ok(Committed::Fresh)), "{committed:?}");
}

async fn try_commit(bench: &impl Bench, decision: &Decision) -> Result<Committed, StoreError> {
    bench.store().commit(&[], decision, START).await
}

async fn conflicts(bench: &impl Bench, decision: Decision) {
    let committed = try_commit(bench, &decision).await;
    assert!(matches!(committed, Err(StoreError::Conflict)), "{committed:?}");
}

fn change(change: RowChange) -> Decision {
    Decision::nothing().and(change)
}

fn queue(jobs: impl IntoIterator<Item = NewJob>) -> Decision {
    Decision { changes: Vec::new(), jobs: jobs.into_iter().collect() }
}

/// A job of this id, that waits even where an equal one does.
fn job(id: &str, lane: Lane) -> NewJob {
    let account = acc();
    NewJob {
        id: JobId::new(id),
        lane,
        job: Job::Show { account, card: Handle::new(id) },
        due: None,
        unless_waiting: false,
    }
}

fn lane(account: &str, channel: &str) -> Lane {
    let place = sample::channel(account, channel);
    Lane::cards(&place.account, &place.channel)
}

fn subscription(place: Place, project: &str, since: i64) -> Subscription {
    let by = Person { account: place.account.clone(), ..sample::ana() };
    Subscription { since: after(since), ..sample::subscription(place, sample::project(project), by) }
}

/// The first card of issue 42 in `place`.
fn card(handle: &str, place: Place) -> Card {
    let subscription = subscription(place, "checkout", 0);
    Card::open(Handle::new(handle), &subscription, &sample::change(ChangeKind::New), START)
}

/// `card` as its next revision, with another title.
fn revised(card: &Card, title: &str) -> Card {
    let mut next = card.clone();
    next.content.issue.title = title.into();
    next.revision = card.revision.next();
    next
}

fn shown(card: &Card, message: Option<&str>, revision: u64, again: &str) -> RowChange {
    let place = &card.content.place;
    RowChange::CardShown {
        account: place.account.clone(),
        card: card.handle.clone(),
        message: message.map(MessageId::new),
        revision: Revision(revision),
        again: show(again, card),
    }
}

/// The job that shows `card`, left out where one waits.
fn show(id: &str, card: &Card) -> NewJob {
    let place = &card.content.place;
    NewJob {
        job: Job::Show { account: place.account.clone(), card: card.handle.clone() },
        unless_waiting: true,
        ..job(id, Lane::cards(&place.account, &place.channel))
    }
}

fn link(n: u8, person: Person) -> Link {
    Link {
        id: Digest([n; 32]),
        place: Place::direct(&person),
        person,
        then: Pending::Connect { org: "acme".into(), project: "checkout".into() },
        expires: after(600_000),
        stage: Stage::Offered,
        resent: Vec::new(),
        revision: Revision(1),
    }
}

fn awaiting_code() -> Stage {
    Stage::AwaitingCode {
        code: Secret::new("482913"),
        tries_left: 5,
        identity: identity(),
        credential: CredentialId::new("c0ffee"),
    }
}

fn linked(person: Person, grant: &str) -> LinkedPerson {
    LinkedPerson { person, identity: identity(), credential: CredentialId::new(grant), since: START }
}

fn identity() -> Identity {
    Identity { id: "7".into(), name: "Ana".into(), email: "ana@example.com".into() }
}

/// What waits and is due at `now`, as (lane, ids), put back at once.
async fn waiting(bench: &impl Bench, now: Timestamp) -> Vec<(Lane, Vec<String>)> {
    let leased = bench.store().lease(usize::MAX, now, now + std::time::Duration::from_secs(1)).await.expect("leased");
    let mut waiting = Vec::new();
    for lease in leased.lanes {
        waiting.push((lease.lane.clone(), ids(&lease)));
        bench.store().release(lease).await.expect("released");
    }
    waiting.sort();
    waiting
}

async fn lease(bench: &impl Bench, limit: usize, now: Timestamp, until: Timestamp) -> Leased {
    bench.store().lease(limit, now, until).await.expect("leased")
}

/// The only lane that is due at `now`.
async fn lease_one(bench: &impl Bench, now: Timestamp, until: Timestamp) -> LaneLease {
    let mut lanes = lease(bench, 10, now, until).await.lanes;
    assert_eq!(lanes.len(), 1, "{lanes:?}");
    lanes.remove(0)
}

async fn settle(bench: &impl Bench, lease: &LaneLease, job: &str, outcome: Outcome) -> Result<(), StoreError> {
    bench.store().settle(lease, &JobId::new(job), &outcome, START).await
}

async fn release(bench: &impl Bench, lease: LaneLease) {
    bench.store().release(lease).await.expect("released");
}

fn done() -> Outcome {
    Outcome::Done(Decision::nothing())
}

fn ids(lease: &LaneLease) -> Vec<String> {
    lease.jobs.iter().map(|queued| queued.id.as_str().to_owned()).collect()
}

fn fenced<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Fenced)), "{answer:?}");
}
