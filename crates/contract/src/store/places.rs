use std::time::Duration;

use zentry_domain::roundup::{Cause, Scene};
use zentry_domain::{ChannelSettings, Density, Mute, Offer, Offered, Roundup, Whole};

use super::*;

pub async fn a_person_is_known_where_they_were_seen(bench: &impl Bench) {
    let dev = sample::channel("acc", "dev");
    for (place, person) in [
        (sample::ops(), sample::ana()),
        (dev.clone(), sample::ana()),
        (sample::ops(), sample::ana()),
        (dev.clone(), sample::ben()),
    ] {
        commit(bench, change(RowChange::Saw { place, person })).await;
    }
    let known = known_to(bench, &sample::ana()).await;
    assert_eq!(known.len(), 2, "{known:?}");
    assert!(known.contains(&sample::ops().channel) && known.contains(&dev.channel));
    assert_eq!(known_to(bench, &sample::ben()).await, [dev.channel]);
}

pub async fn a_person_is_found_by_their_number_at_sentry_in_their_account_alone(bench: &impl Bench) {
    let as_somebody = |person: Person, id: &str, credential: &str| {
        let linked = linked(person, credential);
        LinkedPerson { identity: Identity { id: id.into(), ..linked.identity.clone() }, ..linked }
    };
    let ana = as_somebody(sample::ana(), "7", "c1");
    for linked in [ana.clone(), as_somebody(sample::ben(), "8", "c2"), as_somebody(sample::mallory(), "7", "c3")] {
        commit(bench, change(RowChange::LinkPerson(linked))).await;
    }
    bench.restart().await;
    let facts = bench.facts();
    assert_eq!(facts.linked_as(&acc(), "7").await.expect("read"), Some(ana.clone()));
    assert_eq!(facts.linked_as(&other(), "8").await.expect("read"), None);
    assert_eq!(facts.linked_as(&acc(), "").await.expect("read"), None);
    commit(bench, change(RowChange::LinkPerson(as_somebody(sample::ana(), "9", "c4")))).await;
    assert_eq!(facts.linked_as(&acc(), "7").await.expect("read"), None, "they are somebody else there by now");
}

pub async fn a_person_is_called_unless_they_said_otherwise(bench: &impl Bench) {
    let (ana, mallory) = (sample::ana(), sample::mallory());
    let put = |person: &Person, on: bool| RowChange::PutMentions {
        account: person.account.clone(),
        user: person.user.clone(),
        on,
    };
    let wants =
        async |person: &Person| bench.facts().wants_mentions(&person.account, &person.user).await.expect("read");
    assert!(wants(&ana).await);
    for on in [false, false] {
        commit(bench, change(put(&ana, on))).await;
    }
    bench.restart().await;
    assert!(!wants(&ana).await && wants(&mallory).await);
    commit(bench, change(put(&ana, true))).await;
    assert!(wants(&ana).await);
    commit(bench, change(put(&mallory, false))).await;
    commit(bench, change(RowChange::PurgeAccount(other()))).await;
    assert!(wants(&mallory).await, "nothing is left of an account that left");
}

pub async fn a_guest_is_known_nowhere(bench: &impl Bench) {
    let guest = sample::person("acc", "", "Guest");
    commit(bench, change(RowChange::Saw { place: sample::ops(), person: guest.clone() })).await;
    assert_eq!(known_to(bench, &guest).await, []);
    assert_eq!(people_in(bench, &sample::ops()).await, []);
}

pub async fn the_people_of_a_channel_come_latest_first_and_as_last_seen(bench: &impl Bench) {
    let mut shouted = sample::ops();
    shouted.channel = ChannelId::new(shouted.channel.as_str().to_uppercase());
    let renamed = Person { name: "Ana Maria".into(), ..sample::ana() };
    for (ms, place, person) in [
        (1, sample::ops(), sample::ana()),
        (2, sample::ops(), sample::ben()),
        (3, sample::channel("acc", "dev"), sample::ben()),
        (4, sample::channel("other", "ops"), sample::mallory()),
        (5, shouted, renamed.clone()),
    ] {
        commit_at(bench, change(RowChange::Saw { place, person }), after(ms)).await;
    }
    assert_eq!(people_in(bench, &sample::ops()).await, [renamed, sample::ben()]);
    assert_eq!(people_in(bench, &sample::channel("acc", "new")).await, []);

    commit_at(bench, change(RowChange::Saw { place: sample::ops(), person: sample::ben() }), after(6)).await;
    bench.restart().await;
    let names: Vec<_> = people_in(bench, &sample::ops()).await.into_iter().map(|person| person.name).collect();
    assert_eq!(names, ["Ben", "Ana Maria"]);
    assert_eq!(known_to(bench, &sample::ben()).await.len(), 2, "a person is known once a channel");
}

pub async fn another_filter_replaces_the_one_that_is_there_and_makes_no_subscription(bench: &impl Bench) {
    for place in [sample::ops(), sample::channel("other", "ops")] {
        commit(bench, change(RowChange::Subscribe(subscription(place, "checkout", 0)))).await;
    }
    let title = Terms { any: vec!["it's \"disk\" ü".into()], none: Vec::new() };
    let filter = Filter { level: Level::Fatal, title, ..Filter::default() };
    let put = |place: &Place, project: &str| RowChange::PutFilter {
        account: place.account.clone(),
        channel: ChannelId::new(place.channel.as_str().to_uppercase()),
        project: sample::project(project).id,
        filter: filter.clone(),
    };
    commit_at(bench, change(put(&sample::ops(), "checkout")), after(7)).await;
    commit_at(bench, change(put(&sample::channel("acc", "dev"), "checkout")), after(7)).await;
    bench.restart().await;
    let facts = bench.facts();
    let of = async |place: Place| facts.subscriptions_in(&place.account, &place.channel).await.expect("read");
    let changed = Subscription { filter, ..subscription(sample::ops(), "checkout", 0) };
    assert_eq!(of(sample::ops()).await, [changed]);
    assert_eq!(of(sample::channel("other", "ops")).await[0].filter, Filter::default(), "another account's");
    assert_eq!(of(sample::channel("acc", "dev")).await, []);
    let at = facts.changed(&sample::ops().account, &sample::ops().channel).await.expect("read");
    assert_eq!(at, Some(after(7)), "a late command is told that it changed");
    assert_eq!(facts.changed(&acc(), &sample::channel("acc", "dev").channel).await.expect("read"), None);
}

pub async fn a_mute_is_kept_with_its_subscription_and_its_card_ends_when_told(bench: &impl Bench) {
    let before = Subscription { filter: Filter { level: Level::Fatal, ..Filter::default() }, ..here_is("checkout") };
    commit(bench, change(RowChange::Subscribe(before.clone()))).await;
    let scene = Scene { place: sample::ops(), by: sample::ana(), cause: Cause::Mute };
    let told = Roundup { ended: Some(after(60_000)), ..Roundup::begin(Handle::new("m1"), scene, START) };
    let mute = Mute { until: after(60_000), roundup: told.handle.clone() };
    let put = |mute: &Mute| {
        let Place { account, channel, .. } = sample::ops();
        RowChange::PutMute { account, channel, project: before.project.id.clone(), mute: mute.clone() }
    };
    commit_at(bench, change(put(&mute)).and(RowChange::PutRoundup(told.clone())), after(7)).await;
    let storm = bench.facts().storm_in(&acc(), &sample::ops().channel).await.expect("read");
    assert_eq!(storm, None, "a mute is no storm");
    let later = RowChange::EndRoundup { account: acc(), roundup: told.handle.clone(), at: after(90_000) };
    let nobodys = RowChange::EndRoundup { account: other(), roundup: told.handle.clone(), at: after(1) };
    commit(bench, change(later).and(nobodys)).await;
    bench.restart().await;
    let row = async || bench.facts().subscriptions_in(&acc(), &sample::ops().channel).await.expect("read")[0].clone();
    let roundup = async || bench.facts().roundup(&acc(), &told.handle).await.expect("read").and_then(|told| told.ended);
    assert_eq!(row().await, Subscription { mute: Some(mute), ..before.clone() });
    assert_eq!(roundup().await, Some(after(90_000)));

    // It keeps its length when the clock is set back.
    let back = Duration::from_millis(10_000);
    commit_at(bench, change(RowChange::ClockSetBack { by: back }), START).await;
    assert_eq!(row().await.mute.map(|mute| mute.until), Some(after(50_000)));
    assert_eq!(roundup().await, Some(after(80_000)));
}

fn here_is(project: &str) -> Subscription {
    subscription(sample::ops(), project, 0)
}

pub async fn a_channels_new_name_reaches_its_subscriptions(bench: &impl Bench) {
    for place in [sample::ops(), sample::channel("acc", "dev"), sample::channel("other", "ops")] {
        commit(bench, change(RowChange::Subscribe(subscription(place, "checkout", 0)))).await;
    }
    let renamed = Place {
        channel: ChannelId::new(sample::ops().channel.as_str().to_uppercase()),
        name: Some("on \"call\" ü".into()),
        ..sample::ops()
    };
    commit(bench, change(RowChange::Saw { place: renamed.clone(), person: sample::ana() })).await;
    let nameless = Place { name: None, ..renamed };
    commit(bench, change(RowChange::Saw { place: nameless, person: sample::ana() })).await;

    let mut names = Vec::new();
    for account in [acc(), other()] {
        let subscriptions = bench.facts().subscriptions_of(&account).await.expect("read");
        names.extend(subscriptions.into_iter().filter_map(|s| s.place.name));
    }
    assert_eq!(names, ["dev", "on \"call\" ü", "ops"]);
}

pub async fn a_paused_place_stays_as_it_was_first_paused_until_it_is_resumed(bench: &impl Bench) {
    let ops = sample::ops();
    assert_eq!(paused(bench, &ops).await, None);
    let first = pause(&ops, 1, "no such channel");
    commit(bench, change(RowChange::Pause(first.clone()))).await;
    let mut shouted = pause(&ops, 2, "bot removed");
    shouted.channel = ChannelId::new(ops.channel.as_str().to_uppercase());
    commit(bench, change(RowChange::Pause(shouted.clone()))).await;
    bench.restart().await;
    assert_eq!(paused(bench, &ops).await, Some(first));

    let resume = change(RowChange::Resume { account: acc(), channel: shouted.channel.clone() });
    commit(bench, resume.clone()).await;
    commit(bench, resume).await;
    assert_eq!(paused(bench, &ops).await, None);
    commit(bench, change(RowChange::Pause(shouted.clone()))).await;
    assert_eq!(paused(bench, &ops).await, Some(shouted));
}

pub async fn a_pause_concerns_one_place_of_one_account(bench: &impl Bench) {
    let (ops, theirs) = (sample::ops(), sample::channel("other", "ops"));
    for place in [&ops, &theirs] {
        commit(bench, change(RowChange::Pause(pause(place, 1, "gone")))).await;
    }
    assert_eq!(paused(bench, &sample::channel("acc", "dev")).await, None);
    commit(bench, change(RowChange::Resume { account: acc(), channel: ops.channel.clone() })).await;
    assert_eq!(paused(bench, &ops).await, None);
    assert_eq!(paused(bench, &theirs).await, Some(pause(&theirs, 1, "gone")));
}

fn pause(place: &Place, since: i64, why: &str) -> Pause {
    Pause { account: place.account.clone(), channel: place.channel.clone(), since: after(since), why: why.into() }
}

async fn paused(bench: &impl Bench, place: &Place) -> Option<Pause> {
    bench.facts().paused(&place.account, &place.channel).await.expect("read")
}

async fn people_in(bench: &impl Bench, place: &Place) -> Vec<Person> {
    bench.facts().people_in(&place.account, &place.channel).await.expect("read")
}

async fn known_to(bench: &impl Bench, person: &Person) -> Vec<ChannelId> {
    bench.facts().channels_known_to(&person.account, &person.user).await.expect("read")
}

pub async fn who_has_spoken_somewhere_is_an_acquaintance(bench: &impl Bench) {
    let (ana, facts) = (sample::ana(), bench.facts());
    assert_eq!(facts.acquaintance(&acc(), &ana.user).await.expect("read"), None);
    commit(bench, change(RowChange::Saw { place: sample::channel("acc", "dev"), person: ana.clone() })).await;
    assert_eq!(facts.acquaintance(&acc(), &ana.user).await.expect("read"), Some(ana.clone()));
    assert_eq!(facts.acquaintance(&other(), &ana.user).await.expect("read"), None);
}

pub async fn a_change_can_be_taken_back_once_and_for_a_while(bench: &impl Bench) {
    let (ops, facts) = (sample::ops(), bench.facts());
    let undo = |handle: &str, place: Place, what: Undoing| Undo {
        handle: Handle::new(handle),
        place,
        expires: after(600_000),
        what,
    };
    let gone = subscription(ops.clone(), "checkout", 0);
    let ours = undo("u1", ops.clone(), Undoing::Disconnected(vec![gone]));
    let theirs = undo("u1", sample::channel("other", "ops"), Undoing::Connected(sample::project("web")));
    commit(bench, change(RowChange::PutUndo(ours.clone())).and(RowChange::PutUndo(theirs.clone()))).await;
    let read = async |account: AccountId| facts.undo(&account, &Handle::new("u1")).await.expect("read");
    assert_eq!((read(acc()).await, read(other()).await), (Some(ours), Some(theirs)));

    let taken = || change(RowChange::DropUndo { account: acc(), undo: Handle::new("u1") });
    commit(bench, taken()).await;
    conflicts(bench, taken()).await;
    commit(bench, change(RowChange::Sweep { now: after(599_999) })).await;
    assert!(read(other()).await.is_some());
    commit(bench, change(RowChange::Sweep { now: after(600_000) })).await;
    assert_eq!(read(other()).await, None);
}

pub async fn what_a_message_offers_is_known_to_its_account_for_a_while(bench: &impl Bench) {
    let switch = Offered::Switch { place: sample::ops(), then: Box::new(Pending::Nothing) };
    let offer = Offer {
        handle: Handle::new("o1"),
        place: sample::ops(),
        expires: after(1_000),
        what: vec![Offered::Line("connect \"ä\" web".into()), switch],
    };
    commit(bench, change(RowChange::PutOffer(offer.clone()))).await;
    bench.restart().await;
    let read = async |account: AccountId| bench.facts().offer(&account, &Handle::new("o1")).await.expect("read");
    assert_eq!((read(acc()).await, read(other()).await), (Some(offer), None));
    commit(bench, change(RowChange::Sweep { now: after(999) })).await;
    assert!(read(acc()).await.is_some());
    commit(bench, change(RowChange::Sweep { now: after(1_000) })).await;
    assert_eq!(read(acc()).await, None);
}

pub async fn a_whole_organization_is_found_by_channel_and_by_name_and_a_project_stays_apart(bench: &impl Bench) {
    let whole = |place: Place, org: &str, filter: Filter| Whole {
        place,
        org: OrgSlug::new(org),
        org_name: org.to_uppercase(),
        filter,
        by: sample::ana(),
        since: START,
    };
    let fatal = || Filter { level: Level::Fatal, ..Filter::default() };
    let theirs = whole(sample::channel("other", "ops"), "acme", Filter::default());
    for whole in [
        whole(sample::ops(), "globex", Filter::default()),
        whole(sample::ops(), "acme", Filter::default()),
        whole(sample::ops(), "acme", fatal()),
        theirs.clone(),
    ] {
        commit_at(bench, change(RowChange::PutWhole(whole)), after(3)).await;
    }
    let project = sample::project("web").id;
    let apart = RowChange::LeaveOut { account: acc(), channel: sample::ops().channel, project: project.clone() };
    commit(bench, change(apart.clone()).and(apart)).await;
    bench.restart().await;
    let facts = bench.facts();
    let here = async || facts.wholes_in(&acc(), &sample::ops().channel).await.expect("read");
    let ours = whole(sample::ops(), "acme", fatal());
    assert_eq!(here().await, [ours.clone(), whole(sample::ops(), "globex", Filter::default())]);
    assert_eq!(facts.wholes_of(&OrgSlug::new("acme")).await.expect("read"), [ours, theirs]);
    assert_eq!(facts.changed(&acc(), &sample::ops().channel).await.expect("read"), Some(after(3)));

    let is_apart = async |place: Place| facts.is_apart(&place.account, &place.channel, &project).await.expect("read");
    assert!(is_apart(sample::ops()).await && !is_apart(sample::channel("acc", "dev")).await);
    commit(bench, change(RowChange::Subscribe(here_is("web")))).await;
    assert!(!is_apart(sample::ops()).await, "whoever connects it wants it");

    let (account, channel) = (acc(), sample::ops().channel);
    commit(bench, change(RowChange::DropWhole { account, channel, org: OrgSlug::new("acme") })).await;
    assert_eq!(here().await.len(), 1);
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    assert_eq!(here().await, []);
    assert_eq!(facts.wholes_of(&OrgSlug::new("acme")).await.expect("read").len(), 1, "another account's");
}

pub async fn everything_that_is_connected_is_read_at_once_whosever_it_is(bench: &impl Bench) {
    let read = async || bench.journal().connections().await.expect("read");
    assert_eq!(read().await, Connections::default());
    let (theirs, ops) = (sample::channel("other", "ops"), sample::ops());
    let made = [
        subscription(ops.clone(), "web", 2),
        subscription(theirs.clone(), "checkout", 1),
        subscription(ops.clone(), "checkout", 3),
    ];
    for made in &made {
        commit(bench, change(RowChange::Subscribe(made.clone()))).await;
    }
    let whole = Whole {
        place: theirs,
        org: OrgSlug::new("acme"),
        org_name: "Acme Inc.".into(),
        filter: Filter::default(),
        by: sample::mallory(),
        since: START,
    };
    commit(bench, change(RowChange::PutWhole(whole.clone()))).await;
    bench.restart().await;
    let [web, checkout, later] = made;
    assert_eq!(read().await, Connections { subscriptions: vec![web, later, checkout], wholes: vec![whole] });
}

pub async fn settings_reach_the_subscriptions_and_cards_of_their_channel_and_those_to_come(bench: &impl Bench) {
    let theirs = sample::channel("other", "ops");
    for place in [sample::ops(), theirs.clone()] {
        commit(bench, change(RowChange::Subscribe(subscription(place.clone(), "checkout", 0)))).await;
        commit(bench, change(RowChange::put_card(card("h1", place)))).await;
    }
    let settings = ChannelSettings { density: Density::Compact, ..ChannelSettings::default() };
    let shouted = ChannelId::new(sample::ops().channel.as_str().to_uppercase());
    let put = RowChange::PutSettings { account: acc(), channel: shouted, settings };
    commit_at(bench, change(put), after(5)).await;
    commit(bench, change(RowChange::Subscribe(subscription(sample::ops(), "web", 1)))).await;
    bench.restart().await;
    let facts = bench.facts();
    let of = async |place: &Place| {
        let here = facts.subscriptions_in(&place.account, &place.channel).await.expect("read");
        let card = facts.card(&place.account, &Handle::new("h1")).await.expect("read").expect("a card");
        let own = facts.settings(&place.account, &place.channel).await.expect("read");
        let mut all: Vec<_> = here.into_iter().map(|s| s.settings.density).collect();
        all.extend([card.content.settings.density, own.density]);
        all
    };
    assert_eq!(of(&sample::ops()).await, [Density::Compact; 4]);
    assert_eq!(of(&theirs).await, [Density::Standard; 3], "another account's");
    assert_eq!(facts.changed(&acc(), &sample::ops().channel).await.expect("read"), Some(START));
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    assert_eq!(facts.settings(&acc(), &sample::ops().channel).await.expect("read"), ChannelSettings::default());
}
