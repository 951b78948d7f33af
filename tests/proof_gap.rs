//! What happens at Sentry while the bot is down is told of after its start, once, and what arrived is not told again.

use std::time::Duration;

use tokio::time::Instant;
use zentry_test_support::sandbox::sentry::NewIssue;
use zentry_test_support::sandbox::zoom::Message;
use zentry_test_support::{Dice, Ledger, Town, kept, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// From the start to the card that tells of what was missed; ten times the slack would be an hour, and nobody waits for it.
const PROMISED: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happened_while_the_bot_was_down_is_told_of_once() {
    let mut dice = Dice::thrown();
    let mut town = Town::with_integration(ZENTRY).await;
    // A storm would list what arrives; here each is to have a card of its own.
    town.setup.settings.insert("ZENTRY_STORM_BUDGET".into(), "0".into());
    town.restart();
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    let (mut arrived, mut missed, mut longest) = (Vec::new(), 0, Duration::ZERO);
    for round in 0..rounds() {
        for n in 0..dice.below(4) {
            let title = format!("Arrived{round}x{n}x");
            town.error_in(&town.cast.web, &title).await;
            town.jane_sees(&title).await;
            arrived.push(title);
        }
        // Of a card that is under way at a kill `proof_kill` tells.
        Ledger::settled(&town).await;
        if dice.one_in(2) {
            town.kill();
        } else {
            town.stop();
        }
        let gap = 1 + dice.below(6);
        for n in 0..gap {
            let raised =
                town.sandbox.sentry.raise(&town.cast.web, NewIssue::error(&format!("Missed{round}x{n}x"))).await;
            assert_ne!(raised.delivery.status, Some(200), "nobody takes it");
        }
        missed += gap;
        let told = town.messages();
        town.start();
        let started = Instant::now();
        let card = caught_up(&town, told).await;
        longest = longest.max(started.elapsed());
        assert!(card.to_string().contains(&format!("changed: {gap} new.")), "{card}");
        kept(town.jane_presses(&card, &format!("Show {gap}")).await);
        for n in 0..gap {
            town.jane_sees(&format!("Missed{round}x{n}x")).await;
        }
    }
    assert!(longest < PROMISED, "{longest:?}");
    let seen = town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane);
    let seen: Vec<_> = seen.iter().map(ToString::to_string).collect();
    let times = |words: &str| seen.iter().filter(|message| message.contains(words)).count();
    assert_eq!((times("New · [web] "), times("New · [web] Missed")), (arrived.len(), 0));
    assert!(arrived.iter().all(|title| times(&format!("New · [web] {title}")) == 1));
    assert_eq!(times("Catching up · "), rounds());
    println!(
        "{} times down: {} arrived, each posted once; {missed} missed, all caught up with, {longest:.1?} after a start at the \
         latest",
        rounds(),
        arrived.len()
    );
}

/// The card that tells of what was missed, which comes after the first `told` messages.
async fn caught_up(town: &Town, told: usize) -> Message {
    let zoom = &town.sandbox.zoom;
    let card = |messages: &[Message]| {
        messages.iter().skip(told).find(|message| message.to_string().contains("Catching up · ")).cloned()
    };
    let seen = zoom.wait_until(&town.cast.alerts, &town.cast.jane, "what was missed", PROMISED, card).await;
    seen.unwrap_or_else(|error| panic!("{error}\nthe bot wrote:\n{}", town.log()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_missed_a_resolution_says_so_after_the_start() {
    let mut town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("web").await;
    let issue = town.error_in(&town.cast.web, "TimeoutError").await;
    town.jane_sees("New · [web] TimeoutError").await;
    town.kill();
    town.sandbox.sentry.resolve(issue, &town.cast.ana.clone()).await;
    town.start();
    town.jane_sees("Resolved · [web] TimeoutError").await;
    assert!(!town.was_said("Catching up"), "an edit is enough");
}
