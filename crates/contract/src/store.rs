//! What every store promises.

use std::sync::Arc;

use async_trait::async_trait;
use zentry_domain::ports::{ASKING, Committed, CredentialKey, DeliveryKey, LaneLease, Leased, StoreError};
use zentry_domain::wanted::Connections;
use zentry_domain::{
    Account, AccountId, Action, Address, Answer, Card, ChangeKind, ChannelId, CredentialId, DeadLetter, Decision,
    Digest, Facts, Filter, Handle, Identity, InstallationId, IssueId, Job, JobId, Journal, Lane, Ledger, Level, Link,
    LinkedPerson, MessageId, NewJob, Notice, OrgSlug, Outcome, Owner, Pause, Pending, Person, Place, Project,
    ProjectId, ProjectKey, ProjectSlug, Revision, Roster, RowChange, Secret, Sighted, Sighting, Stage, Store,
    Subscription, Suppression, Terms, Timestamp, Undo, Undoing, Vault,
};

use crate::sample::{self, START};

pub use cards::*;
pub use commit::*;
pub use dead::*;
pub use facts::*;
pub use hooks::*;
pub use lanes::*;
pub use lease::*;
pub use ledger::*;
pub use links::*;
pub use places::*;
pub use roster::*;
pub use settle::*;
pub use sightings::*;
pub use storms::*;
pub use traces::*;
pub use unfurls::*;
pub use upkeep::*;

use shared::*;

/// An empty store, and what its port alone cannot cause or see.
#[async_trait]
pub trait Bench: Send + Sync {
    /// The store as it runs now.
    fn store(&self) -> Arc<dyn Store>;
    /// Its reads.
    fn facts(&self) -> Arc<dyn Facts>;
    /// What is known of accounts' directories.
    fn roster(&self) -> Arc<dyn Roster>;
    /// What operators look at.
    fn journal(&self) -> Arc<dyn Journal>;
    /// The vault whose credentials go with a purged account or a removed installation.
    fn vault(&self) -> Arc<dyn Vault>;
    /// Ends the process and starts it anew on what is stored.
    async fn restart(&self);
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
            one_accounts_facts_never_show_anothers,

            a_person_is_known_where_they_were_seen,
            a_person_is_found_by_their_number_at_sentry_in_their_account_alone,
            a_person_is_called_unless_they_said_otherwise,
            a_guest_is_known_nowhere,
            the_people_of_a_channel_come_latest_first_and_as_last_seen,
            a_channels_new_name_reaches_its_subscriptions,
            another_filter_replaces_the_one_that_is_there_and_makes_no_subscription,
            what_became_of_an_issue_is_found_by_number_and_short_id_newest_first,
            what_was_changed_stays_on_record_until_the_account_goes,
            a_dead_letter_is_found_by_its_own_account,
            a_whole_organization_is_found_by_channel_and_by_name_and_a_project_stays_apart,
            everything_that_is_connected_is_read_at_once_whosever_it_is,
            settings_reach_the_subscriptions_and_cards_of_their_channel_and_those_to_come,
            a_card_that_was_left_out_goes_when_nothing_is_known_of_its_issue_any_more,
            what_a_person_manages_is_kept_with_the_grant_that_told_it,
            a_mute_is_kept_with_its_subscription_and_its_card_ends_when_told,
            a_paused_place_stays_as_it_was_first_paused_until_it_is_resumed,
            a_pause_concerns_one_place_of_one_account,
            a_place_that_is_tried_now_waits_for_nothing_that_has_failed_before,

            an_account_is_enrolled_until_its_grant_comes_to_its_end,
            what_a_directory_told_goes_with_its_grant,
            a_name_from_the_directory_reaches_its_channels_subscriptions,
            a_persons_name_from_the_directory_is_told_wherever_they_were_seen,
            the_members_of_a_channel_replace_those_before,
            whose_rank_is_due_is_whoever_spoke_last_first,
            a_rank_is_the_one_read_last,
            administrators_are_those_seen_whose_rank_is_still_believed,
            rights_that_nobody_read_again_are_swept_and_guests_stay_guests,

            a_card_from_a_stale_revision_conflicts,
            a_new_card_that_nobody_wants_any_more_conflicts,
            a_channel_has_one_card_an_issue,
            a_new_content_keeps_the_message_and_what_it_shows,
            a_decision_about_a_card_that_was_posted_meanwhile_conflicts,
            the_cards_of_an_issue_are_found_in_every_channel,
            showing_the_newest_revision_queues_nothing,
            showing_an_old_revision_queues_the_card_again_once,
            a_message_that_is_lost_is_forgotten,
            only_a_card_that_is_behind_is_shown_by_now,
            showing_a_card_that_is_gone_queues_nothing,
            new_cards_are_counted_by_channel_and_time,
            a_clock_that_is_set_back_prolongs_no_wait,
            what_waits_of_an_organization_that_removed_us_is_not_posted,
            what_waits_to_be_asked_about_of_an_organization_that_removed_us_is_not_asked_about,
            what_was_given_up_in_a_channel_is_counted,
            a_channel_knows_when_its_connections_were_changed,
            however_much_is_asked_of_sentry_messages_are_leased,
            a_change_can_be_taken_back_once_and_for_a_while,
            a_hook_is_found_by_its_token_and_lives_until_it_ends,
            whoever_tends_hooks_looks_again_where_others_were_wished_for_meanwhile,
            a_hook_stays_when_the_account_of_whoever_made_it_is_purged,

            where_an_issue_was_seen_first_is_known_for_half_a_year,
            where_issues_were_seen_goes_when_nobody_is_connected_to_their_organization,
            the_addresses_of_a_message_are_counted_for_half_an_hour,
            what_was_shown_of_an_address_is_known_in_its_channel_for_half_an_hour,
            what_a_message_offers_is_known_to_its_account_for_a_while,
            a_channel_has_one_storm_at_a_time,
            what_waits_to_be_posted_can_be_gathered,
            what_comes_close_together_is_asked_for_again,
            an_organization_has_a_pulse,
            the_cards_of_a_channel_are_read_newest_first,
            who_has_spoken_somewhere_is_an_acquaintance,
            the_subscriptions_to_an_organization_are_those_of_all_accounts,
            a_storm_holds_its_cards_and_says_what_they_share,
            a_card_can_leave_its_storm,
            a_card_counts_from_when_it_is_opened,
            an_issue_was_last_heard_of_when_it_was,
            a_card_to_be_posted_anew_says_what_it_said,
            an_edit_that_ends_late_does_not_bring_a_replaced_message_back,

            an_attempt_to_link_from_a_stale_revision_conflicts,
            every_stage_of_an_attempt_comes_back_unchanged,
            the_attempt_at_sentry_is_found_by_its_state_until_it_comes_back,
            the_open_attempt_is_the_one_that_has_not_ended,
            a_second_attempt_conflicts_until_the_first_has_ended,
            one_decision_may_end_an_attempt_and_begin_another,
            links_sent_again_are_counted_since_a_time,
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
            any_job_of_a_leased_lane_is_settled_and_only_once,
            a_job_of_another_lane_is_not_settled,
            a_later_job_that_must_wait_does_not_hold_its_lane,
            a_retry_counts_and_delays,
            a_throttled_account_waits_in_all_its_lanes,
            a_later_job_throttles_the_account_too,
            a_lane_begun_in_a_throttled_account_waits_too,
            an_unknown_outcome_is_remembered,
            a_suppressed_job_frees_its_lane_and_commits_what_follows,
            a_conflict_in_what_follows_keeps_a_job_from_being_suppressed,
            what_became_of_a_job_survives_a_restart,

            an_equal_job_is_left_out_where_one_waits,
            an_equal_confidential_job_is_left_out_too,
            a_job_in_hand_still_waits_and_a_job_being_settled_does_not,
            an_equal_job_brings_the_one_that_waits_forward,
            an_equal_job_never_puts_off_the_one_that_waits,
            an_equal_job_brings_nothing_forward_in_a_throttled_account,
            an_equal_job_does_not_cut_short_what_waits_after_a_failure,
            a_cleared_lane_is_empty_and_its_lease_is_fenced_off,
            clearing_a_lane_that_is_not_there_changes_nothing,

            a_job_given_up_is_kept_as_a_dead_letter,
            a_dead_letter_says_what_was_given_up_and_when,
            a_conflict_in_what_follows_keeps_a_job_from_dying,
            a_replayed_job_goes_to_the_end_of_its_lane_under_its_own_name,
            a_replayed_job_begins_its_lane_anew,
            replaying_what_is_not_dead_changes_nothing,
            a_dead_letter_whose_name_waits_again_is_not_replayed,
            a_job_that_dies_twice_leaves_one_dead_letter,
            a_dropped_dead_letter_is_gone,

            a_counted_job_is_pending_until_it_is_delivered,
            an_uncounted_job_leaves_the_ledger_alone,
            a_counted_job_that_is_left_out_is_merged,
            notices_suppressed_at_once_are_accepted_too,
            a_suppressed_job_is_counted_by_its_reason,
            a_job_that_must_wait_stays_pending,
            a_job_given_up_counts_as_dead_until_it_is_replayed_or_dropped,
            what_a_cleared_lane_held_is_disconnected,
            what_a_purged_account_held_is_deauthorized,
            dead_letters_that_are_swept_are_held,
            what_conflicts_or_repeats_is_not_counted,
            the_ledger_survives_a_restart,
            the_backlog_is_every_job_that_waits_or_was_given_up,
            the_ledger_adds_up_whatever_happens,

            a_purged_account_leaves_nothing_behind,
            an_account_that_is_let_go_leaves_the_grants_that_are_to_be_revoked,
            a_purge_touches_no_other_account,
            a_purge_while_a_job_is_in_hand_fences_it_off,
            a_key_is_known_for_a_day,
            a_key_remembered_for_ever_survives_every_sweep,
            an_attempt_is_swept_a_day_after_its_end_unless_it_holds_a_grant,
            an_unreadable_body_is_kept_as_it_came_for_seven_days,
            a_dead_letter_is_kept_for_thirty_days,
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
mod dead;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod facts;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod hooks;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod lanes;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod lease;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod ledger;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod links;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod places;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod roster;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod settle;
mod shared;
mod sightings;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod storms;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod traces;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod unfurls;
#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod upkeep;
