//! What goes wrong around the real binary, one named test a row of `docs/FAULTS.md`. What would take minutes of waiting is in
//! the app's own tests, over a clock that is moved.

use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use zentry_test_support::sandbox::sentry::Project;
use zentry_test_support::sandbox::zoom::{Channel, Message};
use zentry_test_support::sandbox::{Entry, Fault, Signing};
use zentry_test_support::{PATIENCE, Town, free_port, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const CARD_REFUSED: &str = r#"{"code":7001,"message":"Invalid Request Body format.","result":false}"#;
const OTHER_KEY: &str = "EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE";

// === Zoom says no ===

/// Row 1.
#[tokio::test(flavor = "multi_thread")]
async fn a_429_holds_every_channel_of_the_account_as_long_as_zoom_asked() {
    let town = two_channels().await;
    let told = posts(&town).len() + 1;
    town.sandbox.zoom.faults().next(Fault::zoom_throttled(Some("2")));
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    let throttled = nth_post(&town, told).await;
    town.error_in(&town.cast.api, "KeyError").await;

    town.jane_sees("New · [checkout] TimeoutError").await;
    web_team_sees(&town, "New · [api] KeyError").await;
    all_is_sent(&town).await;
    let later = posts(&town).split_off(told);
    assert_eq!((throttled.status, later.len()), (Some(429), 2), "{later:?}");
    assert!(later.iter().all(|post| post.at_ms - throttled.at_ms >= 2_000), "{throttled:?} {later:?}");
}

/// Row 7.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_gone_is_paused_and_whoever_connected_it_is_told_once() {
    let town = two_channels().await;
    town.sandbox.zoom.delete_channel(&town.cast.alerts);
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    let told = town.jane_reads("I can no longer post in #checkout-alerts").await;

    town.error_in(&town.cast.checkout, "KeyError").await;
    town.error_in(&town.cast.api, "ValueError").await;
    web_team_sees(&town, "New · [api] ValueError").await;
    let refused = posts(&town).into_iter().filter(|post| post.status == Some(403)).count();
    assert_eq!(refused, 1, "nobody insists");
    assert_eq!(town.sandbox.zoom.messages(&town.cast.jane, &town.cast.jane).len(), 1, "told once");
    // Both cards wait for the channel to come back.
    counted(&town, "zentry_ledger_pending", "", 2).await;

    let before = posts(&town).len();
    town.jane_presses(&told, "Resume").await;
    town.jane_reads("I try #checkout-alerts again now.").await;
    // The answer to Jane, and the card that is refused once more.
    nth_post(&town, before + 1).await;
    counted(&town, "zentry_ledger_pending", "", 2).await;
}

/// Row 8.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_zoom_refuses_goes_out_as_plain_text_once_and_is_then_given_up() {
    let town = two_channels().await;
    let refused = answer(400, CARD_REFUSED);
    town.sandbox.zoom.faults().next(refused.clone());
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    let plain = town.jane_sees("New · [checkout] TimeoutError").await;
    assert!(plain.buttons().is_empty(), "{plain}");
    all_is_sent(&town).await;

    let before = posts(&town).len();
    town.sandbox.zoom.faults().next_times(2, &refused);
    town.error_in(&town.cast.checkout, "KeyError").await;
    town.error_in(&town.cast.checkout, "ValueError").await;
    town.jane_sees("New · [checkout] ValueError").await;
    all_is_sent(&town).await;
    town.jane_reads("I could not send a card to #").await;
    assert_eq!(
        posts(&town).len(),
        before + 4,
        "as a card, as plain text, the next card, and a word to who connected it"
    );
    assert_eq!(metric(&town, "zentry_ledger_dead", "").await, 1);
    assert!(!town.was_said("KeyError"));
}

/// Row 8.
#[tokio::test(flavor = "multi_thread")]
async fn where_zoom_refuses_every_edit_of_a_card_its_thread_says_where_the_issue_stands() {
    let town = two_channels().await;
    let issue = town.error_in(&town.cast.checkout, "TimeoutError").await;
    town.jane_sees("New · [checkout] TimeoutError").await;
    // A press would have the card say meanwhile that Sentry is asked, where that takes a second.
    town.sandbox.zoom.faults().next_times(2, &answer(400, CARD_REFUSED));
    kept(town.sandbox.sentry.resolve(issue, &town.cast.ana).await);
    town.jane_sees("Resolved by Ana (I could not update the card above).").await;
    all_is_sent(&town).await;
    assert_eq!(metric(&town, "zentry_ledger_dead", "").await, 0);
}

/// Row 9.
#[tokio::test(flavor = "multi_thread")]
async fn while_zoom_is_broken_a_card_is_tried_again_until_it_goes_through() {
    let town = two_channels().await;
    for status in [500, 502, 503, 504] {
        town.sandbox.zoom.faults().next(Fault::html(status));
        town.error_in(&town.cast.checkout, &format!("Error {status}")).await;
        town.jane_sees(&format!("New · [checkout] Error {status}")).await;
    }
    assert_eq!(cards_in_alerts(&town).len(), 4, "each once");
    assert_eq!(metric(&town, "zentry_jobs_total", r#"outcome="retry""#).await, 4);
}

// === Zoom answers, but what? ===

/// Row 10.
#[tokio::test(flavor = "multi_thread")]
async fn a_200_that_names_no_message_is_not_taken_for_delivered() {
    let town = two_channels().await;
    let delivered = metric(&town, "zentry_ledger_delivered_total", "").await;
    for fault in [Fault::html(200), Fault::status(200), answer(200, CARD_REFUSED)] {
        town.sandbox.zoom.faults().next(fault);
    }
    three_messages(&town).await;
    counted(&town, "zentry_jobs_total", r#"outcome="unknown""#, 3).await;
    assert_eq!(metric(&town, "zentry_ledger_delivered_total", "").await, delivered);
    assert_eq!(metric(&town, "zentry_ledger_pending", "").await, 3, "each is asked for once more");
}

/// Row 13.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leaves_the_outcome_unknown_and_nothing_is_repeated_at_once() {
    let town = two_channels().await;
    let before = posts(&town).len();
    for fault in [Fault::Close { carried_out: true }, Fault::Cut, Fault::Close { carried_out: false }] {
        town.sandbox.zoom.faults().next(fault);
    }
    three_messages(&town).await;
    counted(&town, "zentry_jobs_total", r#"outcome="unknown""#, 3).await;
    assert_eq!(posts(&town).len(), before + 3);
    assert_eq!(metric(&town, "zentry_ledger_pending", "").await, 3, "each is asked for once more");
}

/// Row 14.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_drips_floods_or_never_ends_frees_its_sender() {
    let town = two_channels().await;
    for fault in [Fault::Flood(Some(100 << 20)), Fault::Flood(None), Fault::Drip(Duration::from_secs(1))] {
        town.sandbox.zoom.faults().next(fault);
    }
    three_messages(&town).await;
    counted(&town, "zentry_jobs_total", r#"outcome="unknown""#, 3).await;
    assert_eq!(metric(&town, "zentry_outbound_seconds_count", r#"status="timeout""#).await, 1, "the drip was ended");
    town.jane_writes("help").await;
    town.jane_reads("Sentry for this channel").await;
}

/// Row 38.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_hangs_delays_nobody_and_not_even_its_own_answers() {
    let town = two_channels().await;
    let hanging = posts(&town).len() + 1;
    town.sandbox.zoom.faults().next(Fault::Hang { carried_out: false });
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    nth_post(&town, hanging).await;

    town.jane_types("help").await;
    town.error_in(&town.cast.api, "KeyError").await;
    town.jane_sees("Sentry for this channel").await;
    web_team_sees(&town, "New · [api] KeyError").await;
    assert_eq!(metric(&town, "zentry_outbound_seconds_count", r#"status="timeout""#).await, 0, "it hangs still");
}

// === Zoom cannot be reached ===

/// Row 11.
#[tokio::test(flavor = "multi_thread")]
async fn a_zoom_that_refuses_connections_is_tried_again_until_it_listens() {
    let mut town = two_channels().await;
    let before = town.setup.settings.clone();
    town.setup.settings.insert("ZENTRY_ZOOM_API".into(), format!("http://127.0.0.1:{}", free_port()));
    town.restart();
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    counted(&town, "zentry_jobs_total", r#"outcome="retry""#, 1).await;

    town.setup.settings = before;
    town.restart();
    town.jane_sees("New · [checkout] TimeoutError").await;
}

/// Rows 11 and 12.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_reset_in_the_tls_handshake_is_safe_to_retry_and_never_in_clear() {
    let mut town = two_channels().await;
    let (port, first_bytes) = resetting();
    town.setup.settings.insert("ZENTRY_ZOOM_API".into(), format!("https://127.0.0.1:{port}"));
    town.restart();
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    for _ in 0..2 {
        const HANDSHAKE: u8 = 22;
        assert_eq!(first_bytes.recv_timeout(PATIENCE), Ok(HANDSHAKE));
    }
    assert!(metric(&town, "zentry_jobs_total", r#"outcome="retry""#).await >= 1);
    assert_eq!(metric(&town, "zentry_jobs_total", r#"outcome="unknown""#).await, 0);
}

// === bodies that nobody should send ===

/// Row 19.
#[tokio::test(flavor = "multi_thread")]
async fn nesting_of_any_depth_is_answered_200_and_costs_no_event_where_nobody_looks_at_it() {
    let town = two_channels().await;
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for body in ["[".repeat(100_000), deep(100_000), format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000))] {
        kept(town.sandbox.zoom.deliver_raw(body.clone(), Signing::Proper).await);
        from_sentry(&town, body).await;
    }
    for depth in [127, 128, 100_000] {
        let title = format!("TimeoutError {depth}");
        from_sentry(&town, issue_created(&town.cast.checkout, &title, &format!(r#""frames":{},"#, deep(depth)))).await;
        town.jane_sees(&title).await;
    }
}

/// Row 20.
#[tokio::test(flavor = "multi_thread")]
async fn odd_but_valid_json_is_answered_200_and_costs_no_event_where_nobody_looks_at_it() {
    let town = two_channels().await;
    let many: String = (0..100_000).map(|n| format!(r#""k{n}":{n},"#)).collect();
    let long = format!(r#""value":"{}","#, "x".repeat(1 << 20));
    for (title, extra) in [("many keys", many), ("a long string", long), ("a number", r#""score":1e999,"#.into())] {
        from_sentry(&town, issue_created(&town.cast.checkout, title, &extra)).await;
    }
    for title in ["many keys", "a long string"] {
        town.jane_sees(title).await;
    }
    from_sentry(&town, issue_created(&town.cast.checkout, "twice", r#""title":"once","id":"7","#)).await;
    kept(town.sandbox.zoom.deliver_raw(r#"{"event":1e999,"event":"bot_notification"}"#, Signing::Proper).await);
    town.error_in(&town.cast.checkout, "the next one").await;
    town.jane_sees("the next one").await;
}

/// Row 21.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_sentrys_limit_is_answered_413_and_counted() {
    let town = two_channels().await;
    let title = " ".repeat(5 << 20);
    let body = issue_created(&town.cast.checkout, &title, "");
    let secret = &town.cast.integration.client_secret;
    let delivery = town.sandbox.sentry.deliver_raw("issue", body, secret, Signing::Proper).await;
    assert_eq!(delivery.status, Some(413), "{delivery:?}");
    assert_eq!(metric(&town, "zentry_deliveries_total", r#"source="sentry",outcome="too_large""#).await, 1);
}

// === the store and its keys ===

/// Row 32.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_refused_at_the_start_and_left_as_it_is() {
    let mut town = two_channels().await;
    town.stop();
    let path = town.folder().join("zentry.db");
    let mut headless = std::fs::read(&path).expect("the database");
    headless[..16].fill(0);
    std::fs::write(&path, &headless).expect("written");
    let (code, said) = town.setup.refused();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("ZENTRY_STORE") && said.contains("restore a backup"), "{said}");
    assert_eq!(std::fs::read(&path).expect("still there"), headless, "left as it was");
}

/// Row 34.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_wrong_key_ends_the_start_and_is_named_without_its_value() {
    let mut town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("checkout").await;
    town.stop();
    for wrong in ["k2", "k1"].map(|id| format!("{id}:{}", OTHER_KEY)) {
        let mut setup = town.setup.clone();
        setup.settings.insert("ZENTRY_KEYS".into(), wrong);
        let (code, said) = setup.refused();
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("sealed with key k1"), "{said}");
        assert!(!said.contains(OTHER_KEY), "{said}");
    }
}

/// Row 35.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_new_key_before_the_old_one_what_waits_is_sent_and_links_still_work() {
    let mut town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("checkout").await;
    town.sandbox.zoom.faults().next_times(2, &Fault::status(503));
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    town.jane_types("help").await;
    counted(&town, "zentry_jobs_total", r#"outcome="retry""#, 2).await;

    let both = format!("k2:{},{}", OTHER_KEY, town.setup.settings["ZENTRY_KEYS"]);
    town.setup.settings.insert("ZENTRY_KEYS".into(), both);
    town.restart();
    town.jane_sees("Sentry for this channel").await;
    let card = town.jane_sees("New · [checkout] TimeoutError").await;
    town.jane_presses(&card, "Resolve").await;
    town.jane_sees("Resolved · [checkout] TimeoutError").await;
    assert_eq!(town.changes_by_ana(), 1);
}

// === those who leave, and those who end us ===

/// Row 41.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_account_that_removes_the_bot_is_suppressed_and_never_sent() {
    let town = two_channels().await;
    town.sandbox.zoom.faults().next_times(2, &Fault::zoom_throttled(Some("600")));
    three_messages(&town).await;
    counted(&town, "zentry_ledger_pending", "", 3).await;
    kept(town.sandbox.zoom.uninstall(&town.cast.jane).await);
    assert_eq!(metric(&town, "zentry_ledger_suppressed_total", "deauthorized").await, 3);
    assert_eq!(metric(&town, "zentry_ledger_pending", "").await, 0);

    let before = posts(&town).len();
    town.error_in(&town.cast.checkout, "KeyError").await;
    assert_eq!(metric(&town, "zentry_ledger_pending", "").await, 0, "nobody is subscribed any more");
    assert_eq!(posts(&town).len(), before);
}

/// Row 43.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_ends_it_at_once_and_what_was_begun_is_sent_after_the_start() {
    let mut town = two_channels().await;
    let hanging = posts(&town).len() + 1;
    town.sandbox.zoom.faults().next(Fault::Hang { carried_out: false });
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    nth_post(&town, hanging).await;
    town.signal("TERM");
    town.logged("ending: no more requests are taken").await;
    town.signal("TERM");
    assert_eq!(town.ended().code(), Some(1));

    let bot = town.setup.start();
    town.jane_sees("New · [checkout] TimeoutError").await;
    bot.terminate();
}

// === the table ===

/// No row: a value that cannot be read must not hold up anything but what needs it.
#[tokio::test(flavor = "multi_thread")]
async fn one_subscription_that_cannot_be_read_does_not_silence_the_other_channels() {
    let mut town = two_channels().await;
    town.stop();
    let store = rusqlite::Connection::open(town.folder().join("zentry.db")).expect("the store");
    let damaged = store.execute("UPDATE subscription SET body = '{' WHERE slug = 'checkout'", []);
    assert_eq!(damaged.expect("written"), 1);
    drop(store);
    town.start();
    // Sentry is asked for what was missed in the whole organization, and that needs every subscription.
    town.logged("what a job needs cannot be read").await;
    town.error_in(&town.cast.api, "KeyError").await;
    web_team_sees(&town, "New · [api] KeyError").await;
}

#[test]
fn every_test_that_the_table_names_is_there_and_none_of_these_is_left_out() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = std::fs::read_to_string(root.join("docs/FAULTS.md")).expect("docs/FAULTS.md is there");
    let named: Vec<_> = table.split('`').filter_map(|word| word.split_once(".rs::")).collect();
    for (file, test) in &named {
        let text = std::fs::read_to_string(root.join(format!("{file}.rs"))).expect(file);
        // Tests that need a real component are named by a string.
        let is_there = [format!("fn {test}("), format!("\"{test}\"")].iter().any(|name| text.contains(name));
        assert!(is_there, "there is no {test} in {file}.rs");
    }
    let of_rows = include_str!("faults.rs").split("\n/// Row").skip(1);
    for test in of_rows.filter_map(|test| test.split_once("async fn ")?.1.split('(').next()) {
        assert!(named.iter().any(|(_, found)| *found == test), "{test} is not in docs/FAULTS.md");
    }
}

// === the words of these tests ===

/// #checkout-alerts gets acme / checkout, #web-team gets acme / api.
async fn two_channels() -> Town {
    let town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Connected: acme / checkout").await;
    kept(town.sandbox.zoom.say(&town.cast.jane, web_team(&town), "connect acme api").await);
    web_team_sees(&town, "Connected: acme / api").await;
    all_is_sent(&town).await;
    town
}

/// Nothing waits, and the result of what was sent is stored.
async fn all_is_sent(town: &Town) {
    counted(town, "zentry_ledger_pending", "", 0).await;
}

fn web_team(town: &Town) -> &Channel {
    &town.cast.web_team
}

async fn web_team_sees(town: &Town, words: &str) -> Message {
    town.sees(&town.cast.jane, web_team(town), words).await
}

/// A card in each channel and an answer: three lanes of one account.
async fn three_messages(town: &Town) {
    town.error_in(&town.cast.checkout, "TimeoutError").await;
    town.error_in(&town.cast.api, "KeyError").await;
    town.jane_types("help").await;
}

fn cards_in_alerts(town: &Town) -> Vec<Message> {
    let mut seen = town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane);
    let is_card = |message: &Message| message.buttons().iter().any(|button| button.text == "Resolve");
    seen.retain(is_card);
    seen
}

/// Every post that Zoom got, oldest first.
fn posts(town: &Town) -> Vec<Entry> {
    town.sandbox.wire.entries().into_iter().filter(is_post).collect()
}

fn is_post(entry: &Entry) -> bool {
    entry.method == "POST" && entry.path == "/v2/im/chat/messages"
}

async fn nth_post(town: &Town, n: usize) -> Entry {
    town.sandbox.wire.wait_for("a post", n, PATIENCE, is_post).await.expect("posted")
}

fn answer(status: u16, body: &str) -> Fault {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Fault::Answer { status, headers, body: body.to_owned() }
}

/// A listener that resets each connection once its first bytes are there, and tells the first one of each.
fn resetting() -> (u16, Receiver<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let (sender, first_bytes) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut first = [0];
            // Closing a connection with bytes that nobody has read resets it.
            let peeked = stream.peek(&mut first);
            drop(stream);
            if peeked.is_ok() && sender.send(first[0]).is_err() {
                break;
            }
        }
    });
    (port, first_bytes)
}

/// Sentry tells this, rightly signed.
async fn from_sentry(town: &Town, body: String) {
    let secret = &town.cast.integration.client_secret;
    kept(town.sandbox.sentry.deliver_raw("issue", body, secret, Signing::Proper).await);
}

/// A new issue as Sentry writes it, with further fields: `"name":value,`.
fn issue_created(project: &Project, title: &str, extra: &str) -> String {
    let Project { id, slug, name, .. } = project;
    let issue = title.len() + extra.len();
    format!(
        r#"{{"action":"created","data":{{"issue":{{{extra}"id":"{issue}","title":"{title}","level":"error",
        "status":"unresolved","project":{{"id":"{id}","slug":"{slug}","name":"{name}"}}}}}},
        "installation":{{"uuid":"a8e5d37a-696c-4c54-adb5-b3f28d64c7de"}}}}"#
    )
}

/// The sum of a metric's series that hold `words`.
async fn metric(town: &Town, name: &str, words: &str) -> u64 {
    sum(&town.ops("/metrics").await.1, name, words)
}

fn sum(metrics: &str, name: &str, words: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.starts_with(name) && line.contains(words));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// Waits until that sum is `wanted`.
async fn counted(town: &Town, name: &str, words: &str, wanted: u64) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while metric(town, name, words).await != wanted {
            tokio::task::yield_now().await;
        }
    });
    assert!(
        waited.await.is_ok(),
        "{name} {words} never was {wanted}:\n{}\n{}",
        town.ops("/metrics").await.1,
        town.log()
    );
}
