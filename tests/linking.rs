//! Linking through the real binary, with the attacks on it.

use zentry_test_support::sandbox::Fault;
use zentry_test_support::sandbox::browser::Browser;
use zentry_test_support::sandbox::sentry::NewIssue;
use zentry_test_support::{Town, kept, link_in};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

#[tokio::test(flavor = "multi_thread")]
async fn a_previewer_that_opens_the_link_consumes_nothing() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_types("connect acme checkout").await;
    let link = town.link_for_jane().await;
    for _ in 0..3 {
        let page = town.sandbox.browser.open(&link).await.expect("the page opens");
        assert_eq!(page.status, 200);
        assert!(page.text().contains("Jane Dev"), "it names who would be linked");
    }
    let page = town.jane_signs_in(&link).await;
    assert!(page.element("confirm-code").is_some());
    assert_eq!(town.sandbox.browser.open(&link).await.expect("the page opens").status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_link_never_links_its_victim() {
    let town = Town::with_linking(ZENTRY).await;
    // Ben asks, and forwards his link to Ana, who finishes it in her browser.
    kept(town.sandbox.zoom.say(&town.cast.ben, &town.cast.alerts, "connect acme checkout").await);
    let link = link_in(&town.sees(&town.cast.ben, &town.cast.ben, "Link Sentry account").await);
    let page = town.jane_signs_in(&link).await;
    let code = page.element("confirm-code").expect("the code shows in the victim's browser only");
    assert!(page.text().contains("Ben Ops") && page.text().contains("ana@acme.io"), "both identities are named");

    // Sent by anybody else, it does nothing, and costs Ben no try.
    for _ in 0..6 {
        town.jane_writes(&code).await;
    }
    town.jane_reads("I do not know").await;
    kept(town.sandbox.zoom.say(&town.cast.ben, &town.cast.ben, "whoami").await);
    town.sees(&town.cast.ben, &town.cast.ben, "no account linked").await;
    kept(town.sandbox.zoom.say(&town.cast.ben, &town.cast.ben, "000000 or so").await);
    town.sees(&town.cast.ben, &town.cast.ben, "4 tries left").await;
    assert!(
        town.sandbox
            .zoom
            .messages(&town.cast.alerts, &town.cast.ben)
            .iter()
            .all(|m| !m.to_string().contains("Connected"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attackers_finished_code_fed_to_the_victims_browser_is_refused() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_types("connect acme checkout").await;
    let link = town.link_for_jane().await;
    let page = town.jane_signs_in(&link).await;
    assert_eq!(page.status, 200);
    // The same callback, opened by a browser that never began, and once more by the one that did.
    let callback = page.url.to_string();
    let victim = Browser::new(&town.sandbox.clock, &town.sandbox.wire);
    assert_eq!(victim.open(&callback).await.expect("a page").status, 400);
    assert_eq!(town.sandbox.browser.open(&callback).await.expect("a page").status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_end_it() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_types("connect acme checkout").await;
    let page = town.jane_signs_in(&town.link_for_jane().await).await;
    let code = page.element("confirm-code").expect("a code");
    for left in ["4 tries left", "3 tries left", "2 tries left", "1 try left", "Too many wrong codes"] {
        town.jane_writes("000000 or so").await;
        town.jane_reads(left).await;
    }
    town.jane_writes(&code).await;
    town.jane_reads("I do not know").await;
    town.jane_types("whoami").await;
    town.jane_sees("no account linked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn denying_at_sentry_links_nothing_and_says_so() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_types("connect acme checkout").await;
    town.sandbox.sentry.log_in(&town.cast.ana);
    let page = town.sandbox.browser.open(&town.link_for_jane().await).await.expect("the page opens");
    let consent = town.sandbox.browser.press(&page, "Continue to Sentry").await.expect("on to Sentry");
    let after = town.sandbox.browser.press(&consent, "Deny").await.expect("back from Sentry");
    assert_eq!(after.status, 200);
    assert!(after.text().contains("You cancelled"), "{}", after.text());
    town.jane_reads("You cancelled the link. Nothing was connected.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentry_that_fails_the_exchange_is_answered_502_and_a_new_link_can_be_had() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_types("connect acme checkout").await;
    let link = town.link_for_jane().await;
    town.sandbox.sentry.log_in(&town.cast.ana);
    let page = town.sandbox.browser.open(&link).await.expect("the page opens");
    let consent = town.sandbox.browser.press(&page, "Continue to Sentry").await.expect("on to Sentry");
    town.sandbox.sentry.oauth_faults().next_times(1, &Fault::status(503));
    let after = town.sandbox.browser.press(&consent, "Approve").await.expect("back from Sentry");
    assert_eq!(after.status, 502);
    let used = town.sandbox.browser.open(&link).await.expect("the page opens");
    assert_eq!(used.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_link_sends_a_new_one_to_the_same_person() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_types("connect acme checkout").await;
    let link = town.link_for_jane().await;
    town.sandbox.sentry.log_in(&town.cast.ana);
    let page = town.sandbox.browser.open(&link).await.expect("the page opens");
    town.sandbox.browser.press(&page, "Continue to Sentry").await.expect("on to Sentry");
    let used = town.sandbox.browser.open(&link).await.expect("the page opens");
    assert_eq!(used.status, 410);
    let form = used.forms().into_iter().next().expect("a form for a new link");
    let sent = town.sandbox.browser.submit(&used, &form).await.expect("a page");
    assert_eq!(sent.status, 200);
    let two = |messages: &[zentry_test_support::sandbox::zoom::Message]| {
        let links: Vec<_> = messages.iter().flat_map(|m| m.links()).collect();
        (links.len() == 2).then(|| links[1].clone())
    };
    let zoom = &town.sandbox.zoom;
    let again = zoom.wait_until(&town.cast.jane, &town.cast.jane, "a second link", zentry_test_support::PATIENCE, two);
    let page = town.jane_signs_in(&again.await.expect("a second link")).await;
    town.jane_writes(&page.element("confirm-code").expect("a code")).await;
    town.jane_sees("Connected: acme / checkout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_the_bot_may_not_write_to_is_said_in_the_channel_to_that_person_only() {
    let town = Town::with_linking(ZENTRY).await;
    town.sandbox.zoom.refuse_direct(&town.cast.jane);
    town.jane_types("connect acme checkout").await;
    let told = town.jane_sees("I cannot write to you. Open a chat with me and type connect there.").await;
    assert!(told.visible_to.is_some());
    town.sandbox.zoom.allow_direct(&town.cast.jane);
    town.jane_writes("connect acme checkout").await;
    let page = town.jane_signs_in(&town.link_for_jane().await).await;
    town.jane_writes(&page.element("confirm-code").expect("a code")).await;
    town.jane_reads("Connected: acme / checkout").await;
    let raised = town.sandbox.sentry.raise(&town.cast.checkout, NewIssue::error("TimeoutError")).await;
    kept(raised.delivery);
    town.jane_reads("New · [checkout] TimeoutError").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_by_somebody_unlinked_is_carried_out_with_their_own_token_after_linking() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("checkout").await;
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    let card = town.jane_sees("New · [checkout]").await;
    kept(town.sandbox.zoom.press(&town.cast.ben, &card, "Resolve").await.expect("the button is there"));
    let link = link_in(&town.sees(&town.cast.ben, &town.cast.ben, "Link Sentry account").await);
    town.sandbox.sentry.log_in(&town.cast.max);
    let page = town.sandbox.browser.open(&link).await.expect("the page opens");
    let consent = town.sandbox.browser.press(&page, "Continue to Sentry").await.expect("on to Sentry");
    let after = town.sandbox.browser.press(&consent, "Approve").await.expect("back from Sentry");
    let code = after.element("confirm-code").expect("a code");
    kept(town.sandbox.zoom.say(&town.cast.ben, &town.cast.ben, code.as_str()).await);
    town.jane_sees("Resolved · [checkout]").await;
    assert_eq!(town.changes_by_ana(), 0, "it was Max's token, not Ana's");
}
