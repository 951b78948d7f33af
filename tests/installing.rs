//! A public Sentry App through the real binary: installed, exchanged, confirmed, read with, refreshed, removed, with the
//! attacks on it.

use std::time::Duration;

use zentry_test_support::sandbox::Fault;
use zentry_test_support::sandbox::sentry::{Call, Caller, Installed, NewIssue};
use zentry_test_support::{PATIENCE, Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

/// Max installs the app in acme.
async fn install(town: &Town) -> Installed {
    let (sentry, cast) = (&town.sandbox.sentry, &town.cast);
    sentry.install("zentry", &cast.acme, &cast.max).await.expect("the app is there")
}

/// The bot has confirmed the installation.
async fn confirmed(town: &Town, installed: &Installed) {
    let path = format!("/api/0/sentry-app-installations/{}/", installed.uuid);
    let confirms = |call: &Call| call.method == "PUT" && call.path == path && call.status == 200;
    called(town, "a confirmation", confirms).await;
    assert_eq!(town.sandbox.sentry.is_pending(&installed.uuid), Some(false));
}

async fn called(town: &Town, what: &str, wanted: impl Fn(&Call) -> bool) -> Call {
    let call = town.sandbox.sentry.wait_for_call(what, PATIENCE, wanted).await;
    call.unwrap_or_else(|error| panic!("{error}\nthe bot wrote:\n{}", town.log()))
}

/// How often the bot was given tokens of this installation.
fn tokens_given(town: &Town, installed: &Installed) -> usize {
    let path = format!("/api/0/sentry-app-installations/{}/authorizations/", installed.uuid);
    town.sandbox.sentry.calls().iter().filter(|call| call.path == path && call.status == 201).count()
}

/// How often something was read at Sentry with the token of this installation.
fn read_by(town: &Town, installed: &Installed) -> usize {
    let own = Caller::Installation(installed.uuid.clone());
    let calls = town.sandbox.sentry.calls();
    calls.iter().filter(|call| call.method == "GET" && call.caller == own && call.status == 200).count()
}

/// Jane connects #checkout-alerts to what happens in production, which takes a link, and unlinks.
async fn nobody_stays_linked(town: &Town) {
    town.jane_types("connect acme checkout env:production").await;
    let page = town.jane_signs_in(&town.link_for_jane().await).await;
    town.jane_writes(&page.element("confirm-code").expect("a code")).await;
    town.jane_sees("Connected: acme / checkout").await;
    town.jane_types("unlink").await;
    town.jane_sees("Unlinked: ana@acme.io").await;
}

/// The app is installed, and #checkout-alerts gets what happens in production; but nobody is linked any more.
async fn with_nobody_linked(town: &Town) -> Installed {
    let installed = install(town).await;
    kept(installed.delivery.clone());
    confirmed(town, &installed).await;
    nobody_stays_linked(town).await;
    installed
}

/// Only Sentry can say where an issue happened. Those of production are posted.
async fn is_read(town: &Town, title: &str) {
    for environment in ["staging", "production"] {
        let happened =
            NewIssue { environment: Some(environment.into()), ..NewIssue::error(&format!("{title} in {environment}")) };
        kept(town.sandbox.sentry.raise(&town.cast.checkout, happened).await.delivery);
    }
    town.jane_sees(&format!("New · [checkout · production] {title} in production")).await;
    assert!(!town.was_said(&format!("{title} in staging")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installed_app_is_exchanged_and_confirmed_and_its_alerts_arrive() {
    let town = Town::with_app(ZENTRY).await;
    let installed = install(&town).await;
    kept(installed.delivery.clone());
    confirmed(&town, &installed).await;
    assert_eq!(tokens_given(&town, &installed), 1);
    town.jane_types("connect acme checkout event:alert").await;
    let page = town.jane_signs_in(&town.link_for_jane().await).await;
    town.jane_writes(&page.element("confirm-code").expect("a code")).await;
    town.jane_sees("Connected: acme / checkout").await;
    let issue = town.error_in(&town.cast.checkout, "TimeoutError").await;
    kept(town.sandbox.sentry.alert(issue, "Page on new errors").await);
    town.jane_sees("Alert · [checkout · production] TimeoutError").await;
    assert!(!town.log().contains(&installed.code), "{}", town.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_is_linked_issues_are_read_with_the_installations_token_and_buttons_ask_to_link() {
    let town = Town::with_app(ZENTRY).await;
    let installed = with_nobody_linked(&town).await;
    is_read(&town, "TimeoutError").await;
    assert!(read_by(&town, &installed) > 0);
    let card = town.jane_sees("TimeoutError in production").await;
    kept(town.sandbox.zoom.press(&town.cast.ben, &card, "Resolve").await.expect("the button is there"));
    town.sees(&town.cast.ben, &town.cast.ben, "Link Sentry account").await;
    let changes = town.sandbox.sentry.calls().into_iter().filter(|call| call.method == "PUT");
    assert!(changes.into_iter().all(|call| !call.path.contains("/issues/")), "nothing acts as the installation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nears_its_end_or_has_ended_is_refreshed_also_after_a_restart() {
    let mut town = Town::with_app(ZENTRY).await;
    town.sandbox.sentry.shorten_installation_tokens(Duration::from_secs(240));
    let installed = with_nobody_linked(&town).await;
    let before = tokens_given(&town, &installed);
    is_read(&town, "TimeoutError").await;
    assert!(tokens_given(&town, &installed) > before, "it had less than five minutes left");

    town.sandbox.sentry.shorten_installation_tokens(Duration::from_secs(8 * 3_600));
    is_read(&town, "KeyError").await;
    let before = tokens_given(&town, &installed);
    is_read(&town, "ValueError").await;
    assert_eq!(tokens_given(&town, &installed), before, "it lives for hours");
    // Hours pass at Sentry alone.
    town.sandbox.clock.advance(Duration::from_secs(9 * 3_600));
    is_read(&town, "OSError").await;
    assert_eq!(tokens_given(&town, &installed), before + 1);
    town.restart();
    is_read(&town, "EOFError").await;
    assert_eq!(tokens_given(&town, &installed), before + 1, "the newest pair was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_were_lost_on_their_way_are_given_anew_for_a_signature() {
    let town = Town::with_app(ZENTRY).await;
    town.sandbox.sentry.recover_tokens();
    // The exchange is carried out, and its answer lost.
    town.sandbox.sentry.faults().next(Fault::Close { carried_out: true });
    let installed = install(&town).await;
    confirmed(&town, &installed).await;
    assert_eq!(tokens_given(&town, &installed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_that_webhook_and_browser_bring_at_once_is_exchanged_once() {
    let town = Town::with_app(ZENTRY).await;
    // While the one's exchange is under way the other comes.
    town.sandbox.sentry.faults().next(Fault::Late(Duration::from_millis(500)));
    let installed = install(&town).await;
    kept(installed.delivery.clone());
    let address = installed.setup_url.clone().expect("an address");
    for _ in 0..2 {
        let page = town.sandbox.browser.open(&address).await.expect("a page");
        assert_eq!(page.status, 200);
        assert!(page.text().contains("Installed in acme"), "{}", page.text());
    }
    confirmed(&town, &installed).await;
    town.sandbox.browser.open(&address).await.expect("a page");
    nobody_stays_linked(&town).await;
    is_read(&town, "TimeoutError").await;
    assert_eq!(tokens_given(&town, &installed), 1);
    assert!(read_by(&town, &installed) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_alone_is_enough_where_the_webhook_never_arrives() {
    let town = Town::with_app(ZENTRY).await;
    let nowhere = format!("{}/nowhere", town.public_url).parse().expect("an address");
    town.sandbox.sentry.set_webhook(nowhere);
    let installed = install(&town).await;
    town.sandbox.point_at(&town.public_url).expect("an address");
    town.sandbox.browser.open(installed.setup_url.as_deref().expect("an address")).await.expect("a page");
    confirmed(&town, &installed).await;
    nobody_stays_linked(&town).await;
    is_read(&town, "TimeoutError").await;
    assert!(read_by(&town, &installed) > 0, "Sentry has said whose installation it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_setup_changes_nothing_before_and_after() {
    let town = Town::with_app(ZENTRY).await;
    let forged = async |uuid: &str, code: &str| {
        let address = format!("{}/sentry/setup?code={code}&installationId={uuid}&orgSlug=globex", town.public_url);
        let page = town.sandbox.browser.open(&address).await.expect("a page");
        assert_eq!(page.status, 200);
    };
    forged("11111111-2222-4333-8444-555555555555", "0123456789abcdef0123456789abcdef").await;
    let refused = |call: &Call| call.path.contains("/11111111-") && call.status == 404;
    called(&town, "a refused code", refused).await;
    // The right number, before the right code comes.
    town.sandbox.sentry.faults().next(Fault::status(503));
    let installed = install(&town).await;
    forged(&installed.uuid, "0123456789abcdef0123456789abcdef").await;
    confirmed(&town, &installed).await;
    forged(&installed.uuid, "abcdef0123456789abcdef0123456789").await;
    // Somebody else's code, for the right number and for another.
    let (sentry, cast) = (&town.sandbox.sentry, &town.cast);
    let theirs = sentry.install("zentry", &cast.globex, &cast.max).await.expect("the app is there");
    forged(&installed.uuid, &theirs.code).await;
    confirmed(&town, &theirs).await;
    nobody_stays_linked(&town).await;
    is_read(&town, "TimeoutError").await;
    assert_eq!((tokens_given(&town, &installed), tokens_given(&town, &theirs)), (1, 1));
    assert_eq!(read_by(&town, &theirs), 0, "an address attaches no organization to an installation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_app_leaves_no_token_and_its_channels_are_told() {
    let town = Town::with_app(ZENTRY).await;
    let installed = with_nobody_linked(&town).await;
    is_read(&town, "TimeoutError").await;
    kept(town.sandbox.sentry.uninstall(&installed.uuid, &town.cast.max).await);
    town.jane_sees("Paused: acme removed this integration").await;
    let before = town.sandbox.sentry.calls().len();
    // It is installed again: another number, another token.
    let again = install(&town).await;
    confirmed(&town, &again).await;
    is_read(&town, "KeyError").await;
    let later = town.sandbox.sentry.calls().split_off(before);
    assert!(later.iter().all(|call| !call.path.contains(&installed.uuid)), "the old token is not asked with again");
    assert!(read_by(&town, &again) > 0);
}
