use std::time::Duration;

use zentry_domain::roundup::{Cause, Gathering, Scene, Shared};
use zentry_domain::{Pulse, Roundup, Status};

use super::*;

fn storm(handle: &str, place: Place, began: i64) -> Roundup {
    Roundup::begin(Handle::new(handle), Scene { place, by: sample::ana(), cause: Cause::Storm }, after(began))
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
        commit(bench, change(RowChange::put_card(numbered(handle, issue, place, after(at))))).await;
    }
    let (account, channel) = (sample::ops().account, sample::ops().channel);
    let since = async |at| bench.facts().opened_since(&account, &channel, after(at)).await.expect("read");
    assert_eq!((since(0).await, since(1_000).await, since(2_001).await), (3, 2, 0));
}

pub async fn a_channel_has_one_storm_at_a_time(bench: &impl Bench) {
    let (account, channel) = (sample::ops().account, sample::ops().channel);
    let first = storm("s1", sample::ops(), 0);
    commit(bench, change(RowChange::PutRoundup(first.clone()))).await;
    conflicts(bench, change(RowChange::PutRoundup(storm("s2", sample::ops(), 1)))).await;
    commit(bench, change(RowChange::PutRoundup(storm("s3", sample::channel("other", "ops"), 1)))).await;
    assert_eq!(bench.facts().storm_in(&account, &channel).await.expect("read"), Some(first.clone()));

    let message = Some(MessageId::new("m"));
    let over = Roundup { ended: Some(after(9)), message, said: Some("over".into()), ..first };
    commit(bench, change(RowChange::PutRoundup(over.clone()))).await;
    assert_eq!(bench.facts().storm_in(&account, &channel).await.expect("read"), None);
    assert_eq!(bench.facts().roundup(&account, &over.handle).await.expect("read"), Some(over.clone()));
    assert_eq!(bench.facts().roundup(&sample::mallory().account, &over.handle).await.expect("read"), None);
    commit(bench, change(RowChange::PutRoundup(storm("s2", sample::ops(), 10)))).await;
    commit(bench, change(RowChange::PurgeAccount(account.clone()))).await;
    assert_eq!(bench.facts().roundup(&account, &over.handle).await.expect("read"), None);
}

pub async fn a_storm_holds_its_cards_and_says_what_they_share(bench: &impl Bench) {
    connected(bench).await;
    let handle = Handle::new("s1");
    let mut held_cards = Vec::new();
    for (n, release) in [(1, Some("2.4.1")), (2, Some("2.4.1")), (3, Some("2.4.0")), (4, None)] {
        let mut card = numbered(&format!("h{n}"), &n.to_string(), sample::ops(), START).listed_in(&handle);
        card.content.issue.events = (n < 4).then_some(n * 10);
        card.content.issue.release = release.map(str::to_owned);
        card.content.issue.status = Some(if n == 2 { Status::Resolved } else { Status::Unresolved });
        commit(bench, change(RowChange::put_card(card.clone()))).await;
        // Two of them had a message before.
        if n > 2 {
            card.content.issue.status = Some(if n == 3 { Status::Archived } else { Status::Unresolved });
            commit(bench, change(shown(&card, Some(&format!("m{n}")), 1, "again"))).await;
            card = Card { revision: Revision(2), message: Some(MessageId::new(format!("m{n}"))), ..card };
            commit(bench, change(RowChange::put_card(card.clone()))).await;
        }
        held_cards.push(card);
    }
    commit(bench, change(RowChange::put_card(numbered("h9", "9", sample::ops(), START)))).await;

    let account = sample::ops().account;
    let held = bench.facts().gathering(&account, &handle, 2).await.expect("read");
    assert_eq!(held, Gathering::of(held_cards.iter(), 2));
    assert_eq!((held.issues, held.open, held.events, held.top.len()), (4, 2, 60, 2));
    assert_eq!((held.fresh, held.settled), (2, 1));
    assert_eq!(held.top[0].issue.events, Some(30));
    assert!(held.shared.contains(&(Shared::Release, "2.4.1".to_owned(), 2)), "{:?}", held.shared);
    let nobodys = bench.facts().gathering(&sample::mallory().account, &handle, 2).await.expect("read");
    assert_eq!(nobodys, Gathering::default());
}

pub async fn a_card_can_leave_its_storm(bench: &impl Bench) {
    connected(bench).await;
    let card = numbered("h1", "1", sample::ops(), START).listed_in(&Handle::new("s1"));
    commit(bench, change(RowChange::put_card(card.clone()))).await;
    assert_eq!(read(bench, "h1").await.expect("there").listed, Some(Handle::new("s1")));
    commit(bench, change(RowChange::put_card(card.on_its_own_after(&card)))).await;
    let alone = read(bench, "h1").await.expect("there");
    assert_eq!((alone.listed, alone.opened), (None, START));
}

pub async fn a_card_counts_from_when_it_is_opened(bench: &impl Bench) {
    connected(bench).await;
    let card = numbered("h1", "1", sample::ops(), START).unopened();
    commit(bench, change(RowChange::put_card(card.clone()))).await;
    let (account, channel) = (sample::ops().account, sample::ops().channel);
    let since = async |at| bench.facts().opened_since(&account, &channel, after(at)).await.expect("read");
    assert!(read(bench, "h1").await.expect("there").is_unopened());
    assert_eq!(since(0).await, 0);
    commit(bench, change(RowChange::put_card(card.opened_after(&card, after(1_000))))).await;
    assert_eq!((since(0).await, since(1_001).await), (1, 0));
}

pub async fn what_waits_to_be_posted_can_be_gathered(bench: &impl Bench) {
    connected(bench).await;
    let storm = Handle::new("s1");
    let there = sample::channel("acc", "dev");
    let [waits, posted, idle] = ["h1", "h2", "h3"].map(|handle| numbered(handle, handle, sample::ops(), START));
    let elsewhere = numbered("h4", "h4", there, START);
    for card in [&waits, &posted, &elsewhere] {
        let queued = change(RowChange::put_card(card.clone())).then(show(&format!("j{}", card.handle), card));
        commit(bench, queued).await;
    }
    commit(bench, change(RowChange::put_card(idle))).await;
    commit(bench, change(shown(&posted, Some("m"), 1, "again"))).await;

    let (account, channel) = (sample::ops().account, sample::ops().channel);
    assert_eq!(bench.facts().waiting_cards(&account, &channel).await.expect("read"), 2);
    commit(bench, change(RowChange::Gather { account, channel, roundup: storm.clone() })).await;
    let gathered = read(bench, "h1").await.expect("there");
    assert_eq!((gathered.listed, gathered.revision), (Some(storm), Revision(2)));
    for other in ["h2", "h3", "h4"] {
        assert_eq!(read(bench, other).await.expect("there").listed, None, "{other}");
    }
}

pub async fn an_issue_was_last_heard_of_when_it_was(bench: &impl Bench) {
    let issue = IssueId::new("42");
    assert_eq!(bench.facts().heard(&issue).await.expect("read"), None);
    for at in [0, 5_000] {
        hear(bench, at).await;
        assert_eq!(bench.facts().heard(&issue).await.expect("read"), Some(after(at)));
    }
    let later = after(5_000) + Duration::from_secs(25 * 3_600);
    bench.store().commit(&[], &change(RowChange::Sweep { now: later }), later).await.expect("stored");
    assert_eq!(bench.facts().heard(&issue).await.expect("read"), None);
}

pub async fn what_comes_close_together_is_asked_for_again(bench: &impl Bench) {
    hear(bench, 0).await;
    assert_eq!(waiting(bench, START).await, []);
    hear(bench, 60_000).await;
    assert_eq!(waiting(bench, after(60_000)).await, []);
    hear(bench, 119_999).await;
    assert_eq!(waiting(bench, after(120_000)).await, [(lane("acc", "ops"), vec!["again-119999".to_owned()])]);
}

pub async fn an_organization_has_a_pulse(bench: &impl Bench) {
    let org = OrgSlug::new("acme");
    assert_eq!(bench.facts().pulse(&org).await.expect("read"), None);
    let mut expected = Pulse::silent(org.clone());
    for at in [0, 90_000, 90_001, 400_000] {
        hear(bench, at).await;
        expected = expected.beat(after(at));
    }
    assert_eq!(bench.facts().pulse(&org).await.expect("read"), Some(expected.clone()));

    let reconciled = |until| RowChange::Reconciled { org: org.clone(), until: after(until), told: true };
    commit(bench, change(reconciled(300_000)).and(reconciled(200_000))).await;
    expected = Pulse { reconciled: Some(after(300_000)), told: true, ..expected };
    assert_eq!(bench.journal().pulses(9).await.expect("read"), [expected.clone()]);
    hear(bench, 500_000).await;
    assert_eq!(bench.facts().pulse(&org).await.expect("read"), Some(expected.beat(after(500_000))));

    let never = RowChange::Reconciled { org: OrgSlug::new("quiet"), until: START, told: false };
    commit(bench, change(never)).await;
    assert_eq!(bench.journal().pulses(1).await.expect("read")[0].org, org);
    commit(bench, change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)))).await;
    commit(bench, change(RowChange::Sweep { now: START })).await;
    let orgs: Vec<_> = bench.journal().pulses(9).await.expect("read").into_iter().map(|pulse| pulse.org).collect();
    assert_eq!(orgs, [org], "nobody is connected to the other one");
}

/// Something is heard of issue 42 of acme.
async fn hear(bench: &impl Bench, at: i64) {
    let (org, issue) = (OrgSlug::new("acme"), IssueId::new("42"));
    let again = Some(job(&format!("again-{at}"), lane("acc", "ops")));
    let heard = change(RowChange::Heard { org, issue, again });
    bench.store().commit(&[], &heard, after(at)).await.expect("stored");
    ledger(bench).await;
}

async fn read(bench: &impl Bench, handle: &str) -> Option<Card> {
    bench.facts().card(&sample::ops().account, &Handle::new(handle)).await.expect("read")
}
