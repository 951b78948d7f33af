use zentry_domain::{Content, Trace, Verdict};

use super::*;

pub async fn a_card_from_a_stale_revision_conflicts(bench: &impl Bench) {
    connected(bench).await;
    let first = card("h1", sample::ops());
    conflicts(bench, change(RowChange::put_card(revised(&first, "the row is not there")))).await;
    commit(bench, change(RowChange::put_card(first.clone()))).await;
    conflicts(bench, change(RowChange::put_card(first.clone()))).await;

    let second = revised(&first, "ours");
    commit(bench, change(RowChange::put_card(second.clone()))).await;
    conflicts(bench, change(RowChange::put_card(revised(&first, "late")))).await;
    assert_eq!(read(bench, "h1").await, Some(second));
}

pub async fn a_channel_has_one_card_an_issue(bench: &impl Bench) {
    connected(bench).await;
    commit(bench, change(RowChange::put_card(card("h1", sample::ops())))).await;

    let mut shouted = sample::ops();
    shouted.channel = ChannelId::new(shouted.channel.as_str().to_uppercase());
    conflicts(bench, change(RowChange::put_card(card("h2", shouted)))).await;

    let mut another_issue = card("h3", sample::ops());
    another_issue.content.issue_id = IssueId::new("43");
    commit(bench, change(RowChange::put_card(another_issue))).await;
    commit(bench, change(RowChange::put_card(card("h4", sample::channel("acc", "dev"))))).await;
    commit(bench, change(RowChange::put_card(card("h5", sample::channel("other", "ops"))))).await;
}

pub async fn a_new_content_keeps_the_message_and_what_it_shows(bench: &impl Bench) {
    connected(bench).await;
    let first = card("h1", sample::ops());
    commit(bench, change(RowChange::put_card(first.clone()))).await;
    commit(bench, change(shown(&first, Some("m1"), 1, "again"))).await;

    let seen = read(bench, "h1").await.expect("there");
    let second = Card { shown: Revision(7), ..revised(&seen, "second") };
    commit(bench, change(RowChange::put_card(second.clone()))).await;
    let kept = Card { message: Some(MessageId::new("m1")), shown: Revision(1), ..second };
    assert_eq!(read(bench, "h1").await, Some(kept));
}

pub async fn a_decision_about_a_card_that_was_posted_meanwhile_conflicts(bench: &impl Bench) {
    connected(bench).await;
    let first = card("h1", sample::ops());
    commit(bench, change(RowChange::put_card(first.clone()))).await;
    let unposted = read(bench, "h1").await.expect("there");
    commit(bench, change(shown(&first, Some("m1"), 1, "again"))).await;
    conflicts(bench, change(RowChange::put_card(revised(&unposted, "second")))).await;
}

pub async fn the_cards_of_an_issue_are_found_in_every_channel(bench: &impl Bench) {
    connected(bench).await;
    for (handle, place) in
        [("h1", sample::ops()), ("h2", sample::channel("acc", "dev")), ("h3", sample::channel("other", "ops"))]
    {
        commit(bench, change(RowChange::put_card(card(handle, place)))).await;
    }
    let mut another_issue = card("h4", sample::ops());
    another_issue.content.issue_id = IssueId::new("43");
    commit(bench, change(RowChange::put_card(another_issue))).await;

    let found = bench.facts().cards_of(&IssueId::new("42")).await.expect("read");
    let mut handles: Vec<_> = found.iter().map(|card| card.handle.as_str()).collect();
    handles.sort_unstable();
    assert_eq!(handles, ["h1", "h2", "h3"]);
    assert_eq!(bench.facts().cards_of(&IssueId::new("44")).await.expect("read"), []);
}

pub async fn showing_the_newest_revision_queues_nothing(bench: &impl Bench) {
    connected(bench).await;
    let first = card("h1", sample::ops());
    commit(bench, change(RowChange::put_card(first.clone()))).await;
    commit(bench, change(shown(&first, Some("m1"), 1, "again"))).await;

    assert!(read(bench, "h1").await.expect("there").is_shown());
    assert_eq!(waiting(bench, START).await, []);
}

pub async fn showing_an_old_revision_queues_the_card_again_once(bench: &impl Bench) {
    connected(bench).await;
    let first = card("h1", sample::ops());
    commit(bench, change(RowChange::put_card(first.clone())).then(show("j1", &first))).await;
    let held = lease_one(bench, START, LATER).await;
    // While the worker posts it, the issue changes; its `Show` is left out, because one is in the worker's hands.
    let second = revised(&first, "second");
    commit(bench, change(RowChange::put_card(second.clone())).then(show("j2", &second))).await;

    let posted = change(shown(&first, Some("m1"), 1, "again"));
    settle(bench, &held, "j1", Outcome::Done(posted)).await.expect("settled");
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["again".to_owned()])]);
    let row = read(bench, "h1").await.expect("there");
    assert_eq!((row.message, row.shown, row.revision), (Some(MessageId::new("m1")), Revision(1), Revision(2)));

    commit(bench, change(shown(&posted_as("m1", &first), Some("m1"), 1, "once more"))).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["again".to_owned()])]);
}

pub async fn a_message_that_is_lost_is_forgotten(bench: &impl Bench) {
    connected(bench).await;
    let first = card("h1", sample::ops());
    commit(bench, change(RowChange::put_card(first.clone()))).await;
    commit(bench, change(shown(&first, Some("m1"), 1, "again"))).await;
    commit(bench, change(shown(&posted_as("m1", &first), None, 0, "anew"))).await;

    let row = read(bench, "h1").await.expect("there");
    assert_eq!((row.message, row.shown), (None, Revision(0)));
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["anew".to_owned()])]);
}

pub async fn only_a_card_that_is_behind_is_shown_by_now(bench: &impl Bench) {
    connected(bench).await;
    let first = card("h1", sample::ops());
    let by_now = |id: &str, handle: &str| {
        let again = show(id, &card(handle, sample::ops()));
        change(RowChange::ShowIfBehind { account: acc(), card: Handle::new(handle), again })
    };
    commit(bench, change(RowChange::put_card(first.clone()))).await;
    commit(bench, change(shown(&first, Some("m1"), 1, "again"))).await;
    commit(bench, by_now("shown", "h1")).await;
    commit(bench, by_now("gone", "unheard of")).await;
    assert_eq!(waiting(bench, START).await, []);

    commit(bench, change(RowChange::put_card(revised(&posted_as("m1", &first), "second")))).await;
    commit(bench, by_now("behind", "h1")).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["behind".to_owned()])]);
}

pub async fn showing_a_card_that_is_gone_queues_nothing(bench: &impl Bench) {
    commit(bench, change(shown(&card("h1", sample::ops()), Some("m1"), 1, "again"))).await;
    assert_eq!(read(bench, "h1").await, None);
    assert_eq!(waiting(bench, START).await, []);
}

pub async fn a_card_to_be_posted_anew_says_what_it_said(bench: &impl Bench) {
    connected(bench).await;
    let (first, theirs) = (card("h1", sample::ops()), card("h1", sample::channel("other", "ops")));
    for card in [&first, &theirs] {
        commit(bench, change(RowChange::put_card(card.clone()))).await;
        commit(bench, change(shown(card, Some("m1"), 1, "again"))).await;
    }
    for handle in ["h1", "unheard of"] {
        commit(bench, change(RowChange::Repost { account: acc(), card: Handle::new(handle) })).await;
    }
    assert_eq!(read(bench, "h1").await, Some(Card { message: None, shown: Revision(0), ..first.clone() }));
    let other = bench.facts().card(&other(), &theirs.handle).await.expect("read").expect("there");
    assert!(other.is_shown(), "another account's card of the same handle");
    assert_eq!(waiting(bench, START).await, []);

    commit(bench, change(shown(&first, Some("m2"), 1, "again"))).await;
    assert_eq!(read(bench, "h1").await.expect("there").message, Some(MessageId::new("m2")));
}

pub async fn a_new_card_that_nobody_wants_any_more_conflicts(bench: &impl Bench) {
    connected(bench).await;
    let decided = card("h1", sample::ops());
    let project = decided.content.project.id.clone();
    commit(bench, change(RowChange::Unsubscribe { account: acc(), channel: sample::ops().channel, project })).await;
    conflicts(bench, change(RowChange::put_card(decided))).await;

    let theirs = card("h2", sample::channel("other", "ops"));
    commit(bench, change(RowChange::put_card(theirs.clone()))).await;
    commit(bench, change(RowChange::PurgeAccount(other()))).await;
    conflicts(bench, change(RowChange::put_card(theirs))).await;

    let kept = card("h3", sample::channel("acc", "dev"));
    commit(bench, change(RowChange::put_card(kept.clone()))).await;
    let (channel, project) = (kept.content.place.channel.clone(), kept.content.project.id.clone());
    commit(bench, change(RowChange::Unsubscribe { account: acc(), channel, project })).await;
    commit(bench, change(RowChange::put_card(revised(&kept, "told of although it is disconnected")))).await;
}

pub async fn the_cards_of_a_channel_are_read_newest_first(bench: &impl Bench) {
    connected(bench).await;
    let places =
        [sample::ops(), sample::ops(), sample::ops(), sample::channel("acc", "dev"), sample::channel("other", "ops")];
    for (n, place) in places.into_iter().enumerate() {
        let mut card = card(&format!("h{n}"), place);
        card.content.issue_id = IssueId::new(n.to_string());
        card.opened = after(n as i64);
        commit(bench, change(RowChange::put_card(card))).await;
    }
    let (account, channel) = (acc(), sample::ops().channel);
    let handles = async |since, limit| {
        let cards = bench.facts().cards_in(&account, &channel, after(since), limit).await.expect("read");
        cards.into_iter().map(|card| card.handle.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(handles(0, 9).await, ["h2", "h1", "h0"]);
    assert_eq!(handles(1, 9).await, ["h2", "h1"]);
    assert_eq!(handles(0, 1).await, ["h2"]);
}

async fn read(bench: &impl Bench, handle: &str) -> Option<Card> {
    bench.facts().card(&acc(), &Handle::new(handle)).await.expect("read")
}

pub async fn an_edit_that_ends_late_does_not_bring_a_replaced_message_back(bench: &impl Bench) {
    connected(bench).await;
    let first = card("h1", sample::ops());
    commit(bench, change(RowChange::put_card(first.clone()))).await;
    commit(bench, change(shown(&first, Some("m1"), 1, "again"))).await;
    let edited = shown(&posted_as("m1", &first), Some("m1"), 1, "anew");
    commit(bench, change(RowChange::Repost { account: acc(), card: first.handle.clone() })).await;

    commit(bench, change(edited)).await;
    assert_eq!(read(bench, "h1").await.expect("there").message, None);
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["anew".to_owned()])]);
}

fn posted_as(message: &str, card: &Card) -> Card {
    Card { message: Some(MessageId::new(message)), ..card.clone() }
}

pub async fn a_card_that_was_left_out_goes_when_nothing_is_known_of_its_issue_any_more(bench: &impl Bench) {
    connected(bench).await;
    let left_out = card("h1", sample::ops()).unopened();
    let Content { place, issue_id, .. } = left_out.content.clone();
    let Place { account, channel, .. } = place;
    let (told, verdict) = (None, Verdict::Asked);
    let trace = Trace { account, channel, issue: issue_id, short_id: None, at: START, told, verdict };
    commit(bench, change(RowChange::put_card(left_out.clone())).and(RowChange::Trace(trace))).await;
    let fortnight = 14 * 24 * 3_600_000;
    let there = async || bench.facts().card(&acc(), &left_out.handle).await.expect("read").is_some();
    commit(bench, change(RowChange::Sweep { now: after(fortnight) })).await;
    assert!(there().await);
    commit(bench, change(RowChange::Sweep { now: after(fortnight + 1) })).await;
    assert!(!there().await);
}
