use std::time::Duration;

use zentry_domain::storm::{Gathering, Scene, Shared};
use zentry_domain::{Status, Storm};

use super::*;

fn storm(handle: &str, place: Place, began: i64) -> Storm {
    Storm::begin(Handle::new(handle), Scene { place, by: sample::ana() }, after(began))
}

fn numbered(handle: &str, issue: &str, place: Place, now: Timestamp) -> Card {
    let mut new = sample::change(ChangeKind::New);
    new.issue_id = IssueId::new(issue);
    Card::open(Handle::new(handle), &subscription(place, "checkout", 0), &new, now)
}

pub async fn new_cards_are_counted_by_channel_and_time(bench: &impl Bench) {
    connected(bench).await;
    for (handle, issue, place, at) in [
        ("h1", "1", sample::ops(), 0),
        ("h2", "2", sample::ops(), 1_000),
        ("h3", "3", sample::ops(), 2_000),
        ("h4", "4", sample::channel("acc", "dev"), 2_000),
        ("h5", "5", sample::channel("other", "ops"), 2_000),
    ] {
        commit(bench, change(RowChange::PutCard(numbered(handle, issue, place, after(at))))).await;
    }
    let (account, channel) = (sample::ops().account, sample::ops().channel);
    let since = async |at| bench.facts().opened_since(&account, &channel, after(at)).await.expect("read");
    assert_eq!((since(0).await, since(1_000).await, since(2_001).await), (3, 2, 0));
}

pub async fn a_channel_has_one_storm_at_a_time(bench: &impl Bench) {
    let (account, channel) = (sample::ops().account, sample::ops().channel);
    let first = storm("s1", sample::ops(), 0);
    commit(bench, change(RowChange::PutStorm(first.clone()))).await;
    conflicts(bench, change(RowChange::PutStorm(storm("s2", sample::ops(), 1)))).await;
    commit(bench, change(RowChange::PutStorm(storm("s3", sample::channel("other", "ops"), 1)))).await;
    assert_eq!(bench.facts().storm_in(&account, &channel).await.expect("read"), Some(first.clone()));

    let message = Some(MessageId::new("m"));
    let over = Storm { ended: Some(after(9)), message, said: Some("over".into()), ..first };
    commit(bench, change(RowChange::PutStorm(over.clone()))).await;
    assert_eq!(bench.facts().storm_in(&account, &channel).await.expect("read"), None);
    assert_eq!(bench.facts().storm(&account, &over.handle).await.expect("read"), Some(over.clone()));
    assert_eq!(bench.facts().storm(&sample::mallory().account, &over.handle).await.expect("read"), None);
    commit(bench, change(RowChange::PutStorm(storm("s2", sample::ops(), 10)))).await;
    commit(bench, change(RowChange::PurgeAccount(account.clone()))).await;
    assert_eq!(bench.facts().storm(&account, &over.handle).await.expect("read"), None);
}

pub async fn a_storm_holds_its_cards_and_says_what_they_share(bench: &impl Bench) {
    connected(bench).await;
    let handle = Handle::new("s1");
    let mut contents = Vec::new();
    for (n, release) in [(1, Some("2.4.1")), (2, Some("2.4.1")), (3, Some("2.4.0")), (4, None)] {
        let mut card = numbered(&format!("h{n}"), &n.to_string(), sample::ops(), START).listed_in(&handle);
        card.content.issue.events = (n < 4).then_some(n * 10);
        card.content.issue.release = release.map(str::to_owned);
        card.content.issue.status = Some(if n == 2 { Status::Resolved } else { Status::Unresolved });
        contents.push(card.content.clone());
        commit(bench, change(RowChange::PutCard(card))).await;
    }
    commit(bench, change(RowChange::PutCard(numbered("h9", "9", sample::ops(), START)))).await;

    let account = sample::ops().account;
    let held = bench.facts().gathering(&account, &handle, 2).await.expect("read");
    assert_eq!(held, Gathering::of(contents.iter(), 2));
    assert_eq!((held.issues, held.open, held.events, held.top.len()), (4, 3, 60, 2));
    assert_eq!(held.top[0].issue.events, Some(30));
    assert!(held.shared.contains(&(Shared::Release, "2.4.1".to_owned(), 2)), "{:?}", held.shared);
    let nobodys = bench.facts().gathering(&sample::mallory().account, &handle, 2).await.expect("read");
    assert_eq!(nobodys, Gathering::default());
}

pub async fn a_card_can_leave_its_storm(bench: &impl Bench) {
    connected(bench).await;
    let card = numbered("h1", "1", sample::ops(), START).listed_in(&Handle::new("s1"));
    commit(bench, change(RowChange::PutCard(card.clone()))).await;
    assert_eq!(read(bench, "h1").await.expect("there").listed, Some(Handle::new("s1")));
    commit(bench, change(RowChange::PutCard(card.on_its_own_after(&card)))).await;
    let alone = read(bench, "h1").await.expect("there");
    assert_eq!((alone.listed, alone.opened), (None, START));
}

pub async fn an_issue_was_last_heard_of_when_it_was(bench: &impl Bench) {
    let issue = IssueId::new("42");
    assert_eq!(bench.facts().heard(&issue).await.expect("read"), None);
    for at in [0, 5_000] {
        bench.store().commit(&[], &change(RowChange::Heard(issue.clone())), after(at)).await.expect("stored");
        assert_eq!(bench.facts().heard(&issue).await.expect("read"), Some(after(at)));
    }
    let later = after(5_000) + Duration::from_secs(25 * 3_600);
    bench.store().commit(&[], &change(RowChange::Sweep { now: later }), later).await.expect("stored");
    assert_eq!(bench.facts().heard(&issue).await.expect("read"), None);
}

async fn read(bench: &impl Bench, handle: &str) -> Option<Card> {
    bench.facts().card(&sample::ops().account, &Handle::new(handle)).await.expect("read")
}
