//! Service hooks through the real binary: no app, no integration, only the OAuth application.

use zentry_test_support::sandbox::sentry::{Call, NewIssue, Role, ServiceHook};
use zentry_test_support::sandbox::{Delivery, Signing};
use zentry_test_support::{PATIENCE, Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

/// Ana may change acme's projects; nobody is linked yet.
async fn town() -> Town {
    let mut town = Town::built(ZENTRY).await;
    for name in ["ZENTRY_SENTRY_ORG", "ZENTRY_SENTRY_TOKEN", "ZENTRY_SENTRY_CLIENT_SECRET"] {
        town.setup.settings.remove(name);
    }
    let oauth = &town.cast.oauth_app;
    town.setup.settings.extend([
        ("ZENTRY_SENTRY_OAUTH_CLIENT_ID".to_owned(), oauth.client_id.clone()),
        ("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET".to_owned(), oauth.client_secret.clone()),
        ("ZENTRY_SENTRY_SERVICE_HOOKS".to_owned(), "on".to_owned()),
    ]);
    town.sandbox.sentry.join(&town.cast.ana, &town.cast.acme, Role::Admin);
    town.start();
    town
}

/// The hook that tells of every event, and the one that tells of alerts.
fn hooks(town: &Town) -> (ServiceHook, ServiceHook) {
    let hooks = town.sandbox.sentry.hooks();
    let [alert, event] = &hooks[..] else { panic!("{} hooks", hooks.len()) };
    assert_eq!(
        (alert.events.as_slice(), event.events.as_slice()),
        (&["event.alert".into()][..], &["event.created".into()][..])
    );
    (event.clone(), alert.clone())
}

/// An error happens for the first time, which only hooks tell.
async fn error(town: &Town, title: &str) -> u64 {
    let issue = town.sandbox.sentry.raise(&town.cast.checkout, NewIssue::error(title)).await.issue;
    all_kept(town.sandbox.sentry.tell_hooks(issue, "event.created").await, 1);
    issue
}

fn all_kept(told: Vec<Delivery>, hooks: usize) {
    assert_eq!(told.len(), hooks);
    told.into_iter().for_each(|delivery| drop(kept(delivery)));
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_made_shared_kept_over_a_restart_and_deleted_with_the_last_channel() {
    let mut town = town().await;
    town.jane_connects_and_links("checkout").await;
    let (event, alert) = hooks(&town);
    for hook in [&event, &alert] {
        let token = hook.url.strip_prefix(&format!("{}/sentry/hooks/", town.public_url)).expect("an address of ours");
        assert_eq!(token.len(), 64);
    }
    kept(town.sandbox.zoom.say(&town.cast.jane, &town.cast.web_team, "connect acme checkout").await);
    town.sees(&town.cast.jane, &town.cast.web_team, "Connected: acme / checkout").await;
    assert_eq!(town.sandbox.sentry.hooks().len(), 2, "one serves every channel");
    town.restart();

    let issue = error(&town, "TimeoutError: pool exhausted").await;
    let card = town.jane_sees("New · [checkout · production] TimeoutError: pool exhausted").await;
    town.sees(&town.cast.jane, &town.cast.web_team, "New · [checkout · production] TimeoutError").await;
    let before = town.messages();
    for _ in 0..5 {
        all_kept(town.sandbox.sentry.happen_to_hooks(issue).await, 1);
    }
    all_kept(town.sandbox.sentry.tell_hooks(issue, "event.alert").await, 1);
    let edited = town.jane_sees("6 events").await;
    assert_eq!((edited.id, town.messages()), (card.id, before), "one card counts on");
    let metrics = town.ops("/metrics").await.1;
    assert!(metrics.contains(r#"zentry_deliveries_total{source="hook",outcome="kept"}"#), "{metrics}");

    town.jane_types("disconnect acme checkout").await;
    town.jane_sees("Disconnected").await;
    assert_eq!(town.sandbox.sentry.hooks().len(), 2, "another channel needs them");
    kept(town.sandbox.zoom.say(&town.cast.jane, &town.cast.web_team, "disconnect acme checkout").await);
    for hook in [&event, &alert] {
        let deleted = |call: &Call| call.method == "DELETE" && call.path.ends_with(&format!("/{}/", hook.id));
        let call = town.sandbox.sentry.wait_for_call("a hook is deleted", PATIENCE, deleted).await;
        assert_eq!(call.unwrap_or_else(|error| panic!("{error}\n{}", town.log())).status, 204);
    }
    assert!(town.sandbox.sentry.hooks().is_empty());

    // What was on its way is dropped; Sentry need not hear of it. A hook's secret goes a moment before its row says so.
    let body = town.sandbox.sentry.hook_body(issue);
    let answer = async || town.sandbox.sentry.hook_sends(&event, body.clone(), Signing::Proper).await.status;
    let dropped = tokio::time::timeout(PATIENCE, async {
        let is_ignored = async || town.ops("/metrics").await.1.contains(r#"source="hook",outcome="ignored""#);
        while answer().await != Some(200) || !is_ignored().await {}
    });
    assert!(dropped.await.is_ok(), "{}", town.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_hook_of_ours_has_signed_is_refused() {
    let town = town().await;
    town.jane_connects_and_links("checkout").await;
    let (event, alert) = hooks(&town);
    let sentry = &town.sandbox.sentry;
    let issue = sentry.raise(&town.cast.checkout, NewIssue::error("forged")).await.issue;
    let body = sentry.hook_body(issue);
    let forged = || Signing::Forged { timestamp: "1767323045".into(), signature: "0".repeat(64) };
    for (hook, signing, what) in [
        (event.clone(), forged(), "a made-up signature"),
        (event.clone(), Signing::Unsigned, "none"),
        (ServiceHook { secret: alert.secret.clone(), ..event.clone() }, Signing::Proper, "another hook's secret"),
        (ServiceHook { url: event.url.clone(), ..alert.clone() }, Signing::Proper, "another hook"),
        (ServiceHook { id: alert.id.clone(), ..event.clone() }, Signing::Proper, "another hook's number"),
    ] {
        let status = sentry.hook_sends(&hook, body.clone(), signing).await.status;
        assert_eq!(status, Some(401), "{what}");
    }
    for token in ["unknown", "", "a/b"] {
        let elsewhere = ServiceHook { url: format!("{}/sentry/hooks/{token}", town.public_url), ..event.clone() };
        assert_eq!(sentry.hook_sends(&elsewhere, body.clone(), Signing::Proper).await.status, Some(404), "{token}");
    }
    // At whatever time it says that it was sent.
    let late = sentry.hook_sends(&event, body.clone(), Signing::At(1)).await;
    assert_eq!(late.status, Some(200));
    town.jane_sees("New · [checkout · production] forged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_connects_where_no_hook_can_be_made_is_told_why() {
    let town = town().await;
    town.sandbox.sentry.set_hooks(false);
    town.jane_types("connect acme checkout").await;
    let page = town.jane_signs_in(&town.link_for_jane().await).await;
    town.jane_writes(&page.element("confirm-code").expect("a code")).await;
    let told = town.jane_sees("Not connected: Sentry has no service hooks for acme / checkout.").await;
    assert!(told.visible_to.is_some() && told.to_string().contains("projects:servicehooks"), "{told}");

    town.sandbox.sentry.set_hooks(true);
    town.sandbox.sentry.join(&town.cast.ana, &town.cast.acme, Role::Member);
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Not connected: you may not make a service hook for acme / checkout.").await;

    town.sandbox.sentry.join(&town.cast.ana, &town.cast.acme, Role::Admin);
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Connected: acme / checkout").await;
    assert_eq!(town.sandbox.sentry.hooks().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_speaks_of_its_own_project_alone() {
    let town = town().await;
    town.jane_connects_and_links("checkout").await;
    town.jane_types("connect acme api").await;
    town.jane_sees("Connected: acme / api").await;
    let sentry = &town.sandbox.sentry;
    let hooks = sentry.hooks();
    let of = |project: u64| hooks.iter().find(|hook| hook.project == project && hook.events == ["event.created"]);
    let (own, foreign) = (of(town.cast.checkout.id).expect("made"), of(town.cast.api.id).expect("made"));
    let issue = sentry.raise(&town.cast.api, NewIssue::error("found nothing")).await.issue;
    let body = sentry.hook_body(issue);

    // Whoever may change checkout can read its hook's secret, and says that this happened in the other project.
    let before = town.messages();
    assert_eq!(sentry.hook_sends(own, body.clone(), Signing::Proper).await.status, Some(401));
    // Or that the other project's issue is one of checkout's.
    kept(sentry.hook_sends(foreign, body.clone(), Signing::Proper).await);
    let card = town.jane_sees("New · [api · production] found nothing").await;
    let mut claimed: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    claimed["group"]["title"] = "hacked".into();
    claimed["group"]["project"]["id"] = town.cast.checkout.id.to_string().into();
    claimed["event"]["projectID"] = town.cast.checkout.id.to_string().into();
    assert_eq!(sentry.hook_sends(own, claimed.to_string(), Signing::Proper).await.status, Some(200));
    let checkout = error(&town, "TimeoutError: pool exhausted").await;
    town.jane_sees("New · [checkout · production] TimeoutError: pool exhausted").await;
    assert_ne!(checkout, issue);
    assert_eq!(town.messages(), before + 2, "one for each");
    assert!(!town.jane_sees("found nothing").await.to_string().contains("hacked"));
    assert_eq!(town.jane_sees("found nothing").await.id, card.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_removes_the_bot_has_its_hooks_deleted_before_its_grants_are_revoked() {
    let town = town().await;
    town.jane_connects_and_links("checkout").await;
    let (event, _) = hooks(&town);
    kept(town.sandbox.zoom.uninstall(&town.cast.jane).await);
    let sentry = &town.sandbox.sentry;
    let revoked = tokio::time::timeout(PATIENCE, async {
        while sentry.tokens_of(&town.cast.ana) > 0 {
            tokio::task::yield_now().await;
        }
    });
    assert!(revoked.await.is_ok(), "{}", town.log());
    assert!(sentry.hooks().is_empty(), "they went before");
    let issue = sentry.raise(&town.cast.checkout, NewIssue::error("nobody hears")).await.issue;
    let late = sentry.hook_sends(&event, sentry.hook_body(issue), Signing::Proper).await;
    assert_eq!(late.status, Some(200), "dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_nobody_can_delete_any_more_has_no_address() {
    let town = town().await;
    town.jane_connects_and_links("checkout").await;
    let (event, _) = hooks(&town);
    let sentry = &town.sandbox.sentry;
    let issue = error(&town, "TimeoutError").await;
    town.jane_sees("New · [checkout · production] TimeoutError").await;
    sentry.revoke(&town.cast.ana);
    town.jane_types("disconnect acme checkout").await;
    town.jane_sees("Disconnected").await;
    let body = sentry.hook_body(issue);
    let gone = tokio::time::timeout(PATIENCE, async {
        while sentry.hook_sends(&event, body.clone(), Signing::Proper).await.status != Some(404) {}
    });
    assert!(gone.await.is_ok(), "{}", town.log());
    assert_eq!(sentry.hooks().len(), 2, "they stay at Sentry");
}
