//! A storm of new issues is accepted as fast as it comes: one card stands for all of them, nothing is lost, and memory and
//! disk stay small.

use std::path::Path;
use std::time::Duration;

use zentry_domain::{AccountId, ChannelId, Facts};
use zentry_seal::Keyring;
use zentry_sqlite::Sqlite;
use zentry_test_support::sandbox::Entry;
use zentry_test_support::sandbox::zoom::Message;
use zentry_test_support::{Dice, Flood, Ledger, NewIssue, Signer, Town, kept, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Connections that Sentry sends on.
const CONNECTIONS: usize = 16;
/// Issues that happen over and over again, while all the others happen once.
const NOISY: usize = 4;
/// As fast as 100 000 in a minute, with ten times the slack.
const EACH: Duration = Duration::from_micros(10 * 60_000_000 / 100_000);
const MEMORY: u64 = 128 << 20;
const DISK: u64 = 2 << 10;
/// How often the card is edited at most. Two clocks are read here, hence the tenth of a second.
const EDIT_EVERY: Duration = Duration::from_millis(9_900);

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_accepted_as_it_comes_and_everything_in_it_is_listed_behind_one_card() {
    let mut dice = Dice::thrown();
    let mut town = Town::with_integration(ZENTRY).await;
    kept(town.jane_types("connect acme web").await);
    town.jane_sees("Connected: acme / web").await;
    let (before, empty) = (Ledger::settled(&town).await, size(&town));

    let events = (2_000 * rounds()).min(100_000);
    let plan = Plan::of(events, &mut dice);
    let distinct = plan.distinct();
    let flooded = flood(&town, plan).await;
    println!(
        "{events} events of {distinct} issues accepted in {:.2?}, {:.0} a second, sent again {} times: {}",
        flooded.lasted,
        events as f64 / flooded.lasted.as_secs_f64(),
        flooded.again,
        flooded.delays()
    );
    assert!(flooded.lasted < EACH * u32::try_from(events).expect("a number of events"), "{:?}", flooded.lasted);

    let ledger = Ledger::settled_but_for(&town, 1).await;
    assert_eq!((ledger.dead, flooded.acknowledged), (0, events));
    assert!(ledger.accepted - before.accepted >= events as u64, "{ledger:?}");
    let storm = town.jane_sees("Storm · [web]").await;
    // Once more while the storm is on: edited, and not posted anew.
    let edited =
        |messages: &[Message]| messages.iter().find(|message| message.is_edited() && is_storm(message)).cloned();
    let zoom = &town.sandbox.zoom;
    zoom.wait_until(&town.cast.alerts, &town.cast.jane, "an edited storm", 2 * EDIT_EVERY, edited)
        .await
        .expect("edited");
    let gaps = edits(&town, &storm.id);
    let of_other_cards = |call: &&Entry| call.method == "PUT" && !call.path.ends_with(&storm.id);
    let others = town.sandbox.wire.entries().iter().filter(of_other_cards).count();
    let peak = town.bot().expect("it runs").peak_memory();
    assert_eq!(town.stop().code(), Some(0));

    let (listed, single) = listed(&town).await;
    let grown = (size(&town) - empty) / events as u64;
    println!(
        "{listed} issues behind the storm's card, {single} cards of their own, edited {others} times; {} edits of the \
         storm's card, the closest {:?} apart; at most {} MiB of memory; {grown} bytes of disk an event",
        gaps.len(),
        gaps.iter().min(),
        peak >> 20
    );
    assert_eq!(listed + single, distinct as u64, "an issue was accepted and is nowhere");
    assert!(gaps.iter().all(|gap| *gap >= EDIT_EVERY), "{gaps:?}");
    assert!(peak <= MEMORY, "{} MiB", peak >> 20);
    assert!(grown <= DISK, "{grown} bytes");
}

/// Which issue each event is of, by number.
struct Plan(Vec<u64>);

impl Plan {
    /// Of ten events nine are of an issue of their own; the others are bursts of a few issues.
    fn of(events: usize, dice: &mut Dice) -> Self {
        // The first ones, so that they have cards of their own.
        let noisy = |dice: &mut Dice| 1 + dice.below(NOISY);
        let issue = |number: usize, dice: &mut Dice| if dice.one_in(10) { noisy(dice) } else { number } as u64;
        Self((1..=events).map(|number| issue(number, dice)).collect())
    }

    fn distinct(&self) -> usize {
        self.0.iter().collect::<std::collections::HashSet<_>>().len()
    }
}

async fn flood(town: &Town, plan: Plan) -> zentry_test_support::Flooded {
    let (signer, project) = (Signer::of(town), town.cast.web.clone());
    let mut events = plan.0.into_iter().zip(1..);
    let next = move || {
        let (issue, number) = events.next()?;
        let title = format!("Error {issue}: something that people have not seen before");
        Some(signer.created(&NewIssue { project: &project, id: issue, title: &title, events: number }))
    };
    Flood { connections: CONNECTIONS, every: None }.pour(town, next).await
}

fn is_storm(message: &Message) -> bool {
    message.to_string().contains("Storm · [web]")
}

/// How long after the one before the storm's card was sent each time, the first edit counted from the post.
fn edits(town: &Town, id: &str) -> Vec<Duration> {
    let calls = town.sandbox.wire.entries();
    let posted = town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane);
    let posted = posted.iter().find(|message| message.id == id).expect("it was seen").sent_ms;
    let edited = calls.iter().filter(|call| call.method == "PUT" && call.path.ends_with(id)).map(|call| call.at_ms);
    let times: Vec<_> = std::iter::once(posted).chain(edited).collect();
    times.windows(2).map(|pair| Duration::from_millis(u64::try_from(pair[1] - pair[0]).unwrap_or_default())).collect()
}

/// How many issues are listed behind the storm's card, and how many have a card of their own.
async fn listed(town: &Town) -> (u64, u64) {
    let keys = Keyring::parse(&town.setup.settings["ZENTRY_KEYS"]).expect("the keys");
    let sqlite = Sqlite::open(&database(town), keys).expect("the store opens");
    let store = sqlite.store();
    let (account, channel) = (AccountId::new(&town.cast.alerts.account), ChannelId::new(town.cast.alerts.jid()));
    let storm = store.storm_in(&account, &channel).await.expect("read").expect("the storm is on");
    let listed = store.gathering(&account, &storm.handle, 1).await.expect("read").issues;
    sqlite.check().await.expect("a sound store");
    sqlite.close().await;
    let all = town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane);
    let single = all.iter().filter(|message| message.to_string().contains("New · [web] Error")).count();
    (listed, single as u64)
}

fn database(town: &Town) -> std::path::PathBuf {
    town.folder().join("zentry.db")
}

/// What the store takes on the disk, in bytes.
fn size(town: &Town) -> u64 {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    length(&database(town)) + length(&town.folder().join("zentry.db-wal"))
}
