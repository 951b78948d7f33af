//! The tracker against a simulated Sentry: the promises of every tracker, and what only Sentry does.

mod support;

use std::time::Duration;

use support::Bench;
use zentry_contract::tracker::{Bench as _, Fault};
use zentry_domain::ports::TrackerError;
use zentry_domain::{AccountId, Action, Actor, CredentialId, OrgSlug, Secret, Status, Timestamp, Tracker};
use zentry_sandbox::Fault as Broken;

zentry_contract::tracker_suite!(Bench::start().await);
zentry_contract::hook_suite!(Bench::start().await);

fn answer(status: u16, kind: &str, body: &str) -> Broken {
    let headers = vec![("content-type".to_owned(), kind.to_owned())];
    Broken::Answer { status, headers, body: body.to_owned() }
}

#[tokio::test]
async fn a_token_that_sentry_ended_early_is_refreshed_once_and_the_call_repeated() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    bench.sentry.faults().next(answer(401, "application/json", r#"{"detail":"Token expired"}"#));
    assert!(bench.tracker.issue(&ana, &issue).await.unwrap().is_some());
    assert_eq!(bench.refreshes().await, 1);

    let refused =
        answer(401, "application/json", r#"{"detail":{"code":"sso-required","message":"Must login via SSO"}}"#);
    bench.sentry.faults().next_times(2, &refused);
    let answer = bench.tracker.issue(&ana, &issue).await;
    assert!(matches!(answer, Err(TrackerError::Unauthorized)), "{answer:?}");
    assert_eq!(bench.refreshes().await, 2);
}

#[tokio::test]
async fn a_grant_that_nears_its_end_survives_a_fault_of_the_token_endpoint() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    bench.let_pass_until_minutes_are_left(3);
    bench.sentry.oauth_faults().next(Broken::status(503));
    assert!(bench.tracker.issue(&ana, &issue).await.unwrap().is_some());
    assert_eq!(bench.refreshes().await, 0);
    assert!(bench.tracker.issue(&ana, &issue).await.unwrap().is_some());
    assert_eq!(bench.refreshes().await, 1);
}

#[tokio::test]
async fn an_ended_grant_waits_for_the_token_endpoint_to_recover() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    bench.expire().await;
    for fault in [Broken::html(502), Broken::html(404), Broken::status(403), Broken::html(200), Broken::status(400)] {
        bench.sentry.oauth_faults().next(fault);
        let answer = bench.tracker.issue(&ana, &issue).await;
        assert!(matches!(answer, Err(TrackerError::Unavailable(_))), "{answer:?}");
    }
    assert!(bench.tracker.issue(&ana, &issue).await.unwrap().is_some());
}

#[tokio::test]
async fn a_pair_that_another_replica_saved_first_is_used() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    let theirs = bench.link("Ana", "another").await;
    bench.vault.replace_at_the_next_save(&theirs);
    bench.expire_but(&theirs).await;
    assert!(bench.tracker.issue(&ana, &issue).await.unwrap().is_some());
    assert_eq!(bench.vault.read(&ana), bench.vault.read(&theirs));
}

#[tokio::test]
async fn a_refresh_token_that_another_replica_used_up_is_no_reason_to_link_anew() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    let theirs = bench.link("Ana", "another").await;
    bench.expire_but(&theirs).await;
    // Refused as used up; by then the other replica has saved its pair.
    bench.vault.replace_at_load(3, &ana, &theirs);
    bench.sentry.oauth_faults().next(answer(400, "application/json", r#"{"error":"invalid_grant"}"#));
    assert!(bench.tracker.issue(&ana, &issue).await.unwrap().is_some());
}

#[tokio::test]
async fn a_refused_application_is_no_reason_to_link_anew() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    bench.expire().await;
    bench.sentry.oauth_faults().next(answer(401, "application/json", r#"{"error":"invalid_client"}"#));
    let Err(TrackerError::Unavailable(cause)) = bench.tracker.issue(&ana, &issue).await else { panic!("unavailable") };
    assert!(cause.to_string().contains("ZENTRY_SENTRY_OAUTH_CLIENT_ID"), "{cause}");
}

#[tokio::test]
async fn who_approved_is_asked_where_the_token_endpoint_does_not_say() {
    let bench = Bench::start().await;
    let ana = bench.link("Ana", "first").await;
    let token = bench.vault.token(&ana);
    let silent = format!(r#"{{"access_token":"{token}","token_type":"bearer","refresh_token":null,"user":null}}"#);
    bench.sentry.oauth_faults().next(answer(200, "application/json", &silent));
    let (code, state) = (Secret::new("any"), Secret::new("any"));
    let who = bench.tracker.link(&AccountId::new("acc"), &CredentialId::new("second"), &code, &state).await.unwrap();
    assert_eq!(who, bench.identity("Ana"));
}

#[tokio::test]
async fn a_grant_that_cannot_be_kept_is_ended_at_sentry() {
    let bench = Bench::start().await;
    let ana = bench.identity("Ana");
    bench.vault.refuse_the_next_save();
    let state = Secret::new("state");
    let code = bench.approve(&bench.tracker.authorize_url(&state), &ana).await;
    let linked = bench.tracker.link(&AccountId::new("acc"), &CredentialId::new("c"), &code, &state).await;
    assert!(matches!(linked, Err(TrackerError::Unavailable(_))), "{linked:?}");
    assert_eq!(bench.grants_of(&ana).await, 0);
}

#[tokio::test]
async fn a_code_that_could_not_be_exchanged_leaves_nothing_behind() {
    let bench = Bench::start().await;
    bench.sentry.oauth_faults().next(Broken::status(500));
    let (code, state) = (Secret::new("any"), Secret::new("any"));
    let linked = bench.tracker.link(&AccountId::new("acc"), &CredentialId::new("c"), &code, &state).await;
    assert!(matches!(linked, Err(TrackerError::Unavailable(_))), "{linked:?}");
    assert!(bench.vault.inner.keys().is_empty());
}

#[tokio::test]
async fn unlinking_works_where_sentry_never_revokes() {
    let (account, credential) = (AccountId::new("acc"), CredentialId::new("c"));
    let client = answer(401, "application/json", r#"{"error":"invalid_credentials"}"#);
    for fault in [Broken::status(404), Broken::html(404), Broken::status(400), client] {
        let bench = Bench::start().await;
        let ana = bench.link("Ana", "c").await;
        bench.sentry.oauth_faults().next(fault);
        bench.tracker.unlink(&account, &credential).await.expect("unlinked");
        assert!(bench.vault.inner.keys().is_empty());
        assert!(matches!(bench.tracker.organizations(&ana).await, Err(TrackerError::Unauthorized)));
    }
}

#[tokio::test]
async fn a_grant_is_kept_as_long_as_sentry_may_yet_revoke_it() {
    let bench = Bench::start().await;
    let (account, credential) = (AccountId::new("acc"), CredentialId::new("c"));
    bench.link("Ana", "c").await;
    let faults = [Broken::status(503), Broken::html(502), Broken::status(408), Broken::Close { carried_out: false }];
    for fault in faults {
        bench.sentry.oauth_faults().next(fault);
        let unlinked = bench.tracker.unlink(&account, &credential).await;
        assert!(matches!(unlinked, Err(TrackerError::Unavailable(_))), "{unlinked:?}");
    }
    bench.sentry.oauth_faults().next(answer(429, "text/plain", ""));
    let unlinked = bench.tracker.unlink(&account, &credential).await;
    assert!(matches!(unlinked, Err(TrackerError::Throttled { after: None })), "{unlinked:?}");
    let unlinked = bench.without_allowance().unlink(&account, &credential).await;
    assert!(matches!(unlinked, Err(TrackerError::Unavailable(_))), "the operator can open the way: {unlinked:?}");

    bench.tracker.unlink(&account, &credential).await.expect("unlinked");
    assert!(bench.vault.inner.keys().is_empty());
    assert_eq!(bench.grants_of(&bench.identity("Ana")).await, 0);
}

#[tokio::test]
async fn a_page_in_front_of_sentry_is_told_from_an_answer() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    for fault in [Broken::html(200), Broken::html(502), Broken::html(302)] {
        bench.sentry.faults().next(fault);
        let answer = bench.tracker.issue(&ana, &issue).await;
        assert!(matches!(answer, Err(TrackerError::Unavailable(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn what_sentry_says_of_the_latest_event_is_read_leniently() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    let told = async |body: &str| {
        bench.sentry.faults().next(answer(200, "application/json", body));
        bench.tracker.latest(&ana, &issue).await
    };
    let odd = r#"{"eventID":"0","release":"x","tags":[["environment","qa"],{"key":"a","value":null},7,{"key":"b","value":1}]}"#;
    let read = told(odd).await.unwrap().expect("told");
    assert_eq!((read.environment.as_deref(), read.release), (Some("qa"), None));
    assert_eq!(read.tags, [("environment".to_owned(), "qa".to_owned()), ("b".to_owned(), "1".to_owned())]);
    assert_eq!(told(r#"{"eventID":"0","tags":null}"#).await.unwrap(), None, "it does not say");
    let nothing = told("{}").await;
    assert!(matches!(nothing, Err(TrackerError::Unavailable(_))), "{nothing:?}");
}

#[tokio::test]
async fn a_server_that_knows_no_substatus_is_asked_without_it() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    for (action, status) in [(Action::Archive, Status::Archived), (Action::Reopen, Status::Unresolved)] {
        bench.sentry.faults().next(answer(400, "application/json", r#"{"substatus":["Unknown field."]}"#));
        assert_eq!(bench.tracker.update(&ana, &issue, &action).await.unwrap().status, Some(status));
        let body = bench.sentry.calls().last().and_then(|call| call.body.clone()).expect("a body");
        assert_eq!(body.get("substatus"), None, "{body}");
    }
}

#[tokio::test]
async fn what_sentry_does_not_accept_is_refused_in_its_own_words() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    bench.sentry.faults().next(answer(400, "application/json", r#"{"status":["\"x\" is not a valid choice."]}"#));
    let Err(TrackerError::Refused { why }) = bench.tracker.update(&ana, &issue, &Action::Resolve).await else {
        panic!("refused")
    };
    assert_eq!(why, "Sentry says: status: \"x\" is not a valid choice.");
}

#[tokio::test]
async fn a_role_that_may_not_change_issues_is_named_as_the_reason() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    bench.fail_next(Fault::Forbidden).await;
    let Err(TrackerError::Refused { why }) = bench.tracker.update(&ana, &issue, &Action::Resolve).await else {
        panic!("refused")
    };
    assert!(why.starts_with("your Sentry role may not change issues in acme: You do not have permission"), "{why}");
}

#[tokio::test]
async fn an_update_answered_with_less_than_an_issue_is_read_back() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    let resolved = bench.tracker.update(&ana, &issue, &Action::Resolve).await.unwrap();
    for body in [r#"{"status":"resolved"}"#, "", "{}"] {
        bench.sentry.faults().next(answer(200, "application/json", body));
        assert_eq!(bench.tracker.update(&ana, &issue, &Action::Resolve).await.unwrap(), resolved, "{body}");
    }
}

#[tokio::test]
async fn an_update_that_came_to_nothing_is_not_reported_as_done() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    for fault in [answer(200, "application/json", "{}"), Broken::html(200)] {
        bench.sentry.faults().next(fault);
        let updated = bench.tracker.update(&ana, &issue, &Action::Resolve).await;
        assert!(matches!(updated, Err(TrackerError::Unavailable(_))), "{updated:?}");
    }
}

#[tokio::test]
async fn an_integration_that_may_not_read_its_organization_still_names_it() {
    let bench = Bench::start().await;
    let own = Actor::Integration { org: OrgSlug::new("acme") };
    for fault in [Broken::status(403), Broken::status(404)] {
        bench.sentry.faults().next(fault);
        let seen = bench.tracker.organizations(&own).await.unwrap();
        assert_eq!(seen.iter().map(|org| org.name.as_str()).collect::<Vec<_>>(), ["acme"]);
    }
    assert_eq!(bench.tracker.organizations(&own).await.unwrap()[0].name, "Acme Inc.");
}

#[tokio::test]
async fn the_page_of_an_issue_is_on_the_configured_sentry() {
    let bench = Bench::start().await;
    let (ana, issue) = bench.ana_and_an_issue().await;
    let project = bench.projects_of("acme").remove(0);
    let shown = bench.tracker.issue(&ana, &issue).await.unwrap().expect("Ana's issue");
    let page = format!("{}/organizations/acme/issues/{}/?project={}", bench.sentry.base(), issue.id, project.id);
    assert_eq!(shown.url, Some(page));
    assert_eq!(shown.title, "TimeoutError: pool exhausted");
    assert!(shown.first_seen.is_some_and(|at| at > Timestamp(0)));
}

#[tokio::test]
async fn a_closed_address_is_refused_with_the_setting_that_opens_it() {
    let bench = Bench::start().await;
    let closed = bench.without_allowance();
    let own = Actor::Integration { org: OrgSlug::new("acme") };
    let Err(TrackerError::Refused { why }) = closed.organizations(&own).await else { panic!("refused") };
    assert!(why.contains("ZENTRY_ALLOW_PRIVATE_SENTRY"), "{why}");
}

// === installations ===

#[tokio::test]
async fn the_token_of_an_installation_is_refreshed_five_minutes_before_its_end_and_when_it_is_refused() {
    let bench = Bench::start().await;
    let (own, issue) = bench.installation_and_an_issue().await;
    bench.let_pass_until_minutes_of_an_installation_are_left(6);
    assert!(bench.tracker.issue(&own, &issue).await.unwrap().is_some());
    assert_eq!(bench.refreshes().await, 0);
    bench.let_pass_until_minutes_of_an_installation_are_left(8 * 60 - 2);
    let before = bench.vault.token(&own);
    assert!(bench.tracker.issue(&own, &issue).await.unwrap().is_some());
    assert_eq!(bench.refreshes().await, 1);
    assert_ne!(bench.vault.token(&own), before);
    bench.sentry.faults().next(answer(401, "application/json", r#"{"detail":"Invalid token"}"#));
    assert!(bench.tracker.issue(&own, &issue).await.unwrap().is_some());
    assert_eq!(bench.refreshes().await, 2);
}

#[tokio::test]
async fn an_installation_whose_refresh_was_lost_on_the_way_gets_new_tokens_for_a_signature() {
    let bench = Bench::start().await;
    let (own, issue) = bench.installation_and_an_issue().await;
    bench.sentry.recover_tokens();
    for _ in 0..2 {
        bench.expire().await;
        bench.lose_the_next_tokens();
        let lost = bench.tracker.issue(&own, &issue).await;
        assert!(matches!(lost, Err(TrackerError::Unavailable(_))), "{lost:?}");
        assert!(bench.tracker.issue(&own, &issue).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_exchange_that_was_lost_on_the_way_is_made_up_for_by_a_signature() {
    let bench = Bench::start().await;
    bench.sentry.recover_tokens();
    let (installation, code) = bench.install("acme").await;
    let forged = bench.tracker.install(&installation, &Secret::new("forged")).await;
    assert!(matches!(forged, Err(TrackerError::Refused { .. })), "a signature replaces no code: {forged:?}");
    bench.lose_the_next_tokens();
    let lost = bench.tracker.install(&installation, &code).await;
    assert!(matches!(lost, Err(TrackerError::Unavailable(_))), "{lost:?}");
    bench.tracker.install(&installation, &code).await.expect("installed");
    assert!(bench.is_confirmed(&installation));
}

#[tokio::test]
async fn a_confirmation_that_failed_is_repeated_without_a_second_exchange() {
    let bench = Bench::start().await;
    let (installation, code) = bench.install("acme").await;
    for fault in [Broken::status(503), Broken::html(200), Broken::Close { carried_out: false }] {
        // The exchange goes through.
        if bench.vault.inner.keys().is_empty() {
            bench.sentry.faults().next_times(2, &Broken::Late(Duration::ZERO));
        }
        bench.sentry.faults().next(fault);
        let installed = bench.tracker.install(&installation, &code).await;
        assert!(matches!(installed, Err(TrackerError::Unavailable(_))), "{installed:?}");
        assert!(!bench.is_confirmed(&installation));
    }
    bench.tracker.install(&installation, &code).await.expect("installed");
    assert!(bench.is_confirmed(&installation));
    assert_eq!(bench.refreshes().await, 0);
}

#[tokio::test]
async fn the_token_of_a_removed_installation_is_deleted_before_any_webhook_tells_of_it() {
    let bench = Bench::start().await;
    let (own, issue) = bench.installation_and_an_issue().await;
    let Actor::Installation { installation, .. } = &own else { unreachable!("it is one") };
    bench.uninstall(installation).await;
    let calls = bench.sentry.calls().len();
    for _ in 0..3 {
        let answer = bench.tracker.issue(&own, &issue).await;
        assert!(matches!(answer, Err(TrackerError::Unauthorized)), "{answer:?}");
        assert!(bench.vault.inner.keys().is_empty());
    }
    assert!(bench.sentry.calls().len() - calls <= 3, "Sentry is not asked with it again");
}

#[tokio::test]
async fn an_installation_that_gets_no_more_tokens_is_forgotten() {
    let bench = Bench::start().await;
    let (own, issue) = bench.installation_and_an_issue().await;
    bench.expire().await;
    bench.lose_the_next_tokens();
    let lost = bench.tracker.issue(&own, &issue).await;
    assert!(matches!(lost, Err(TrackerError::Unavailable(_))), "{lost:?}");
    let ended = bench.tracker.issue(&own, &issue).await;
    assert!(matches!(ended, Err(TrackerError::Unauthorized)), "{ended:?}");
    assert!(bench.vault.inner.keys().is_empty());
}

#[tokio::test]
async fn a_refused_app_or_a_page_in_front_of_sentry_costs_no_installation_its_token() {
    let bench = Bench::start().await;
    let (own, issue) = bench.installation_and_an_issue().await;
    bench.expire().await;
    let pair = answer(401, "application/json", r#"{"detail":"Invalid Client ID / Secret pair"}"#);
    bench.sentry.faults().next_times(2, &pair);
    let refused = bench.tracker.issue(&own, &issue).await;
    assert!(matches!(refused, Err(TrackerError::Unauthorized)), "{refused:?}");
    for fault in [Broken::html(404), Broken::html(403), Broken::status(401), Broken::status(500), Broken::html(200)] {
        bench.sentry.faults().next(fault);
        let answer = bench.tracker.issue(&own, &issue).await;
        assert!(matches!(answer, Err(TrackerError::Unavailable(_))), "{answer:?}");
    }
    assert!(bench.tracker.issue(&own, &issue).await.unwrap().is_some());
}

#[tokio::test]
async fn a_token_that_another_replica_saved_first_is_used_for_an_installation_too() {
    let bench = Bench::start().await;
    let (own, issue) = bench.installation_and_an_issue().await;
    let (second, code) = bench.install("acme").await;
    bench.expire().await;
    bench.tracker.install(&second, &code).await.expect_err("the code has lapsed");
    let (second, code) = bench.install("acme").await;
    bench.tracker.install(&second, &code).await.expect("installed");
    let theirs = Actor::Installation { installation: second, org: OrgSlug::new("acme") };
    bench.vault.replace_at_the_next_save(&theirs);
    assert!(bench.tracker.issue(&own, &issue).await.unwrap().is_some());
    assert_eq!(bench.vault.read(&own), bench.vault.read(&theirs));
}
