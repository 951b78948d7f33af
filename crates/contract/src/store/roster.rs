use zentry_domain::directory::{BELIEVED, Enrollment, RANK_EVERY, READ_EVERY, Rank, Ranked};
use zentry_domain::{DirectoryChange, UserId};

use super::*;

pub async fn an_account_is_enrolled_until_its_grant_comes_to_its_end(bench: &impl Bench) {
    let roster = bench.roster();
    assert_eq!(roster.enrollment(&acc()).await.expect("read"), None);
    tell(bench, DirectoryChange::Enroll(acc()), 1).await;
    tell(bench, DirectoryChange::Enroll(other()), 2).await;
    tell(bench, DirectoryChange::Rest { account: acc(), until: after(90), named: true }, 3).await;
    bench.restart().await;
    let roster = bench.roster();
    assert_eq!(roster.enrolled().await.expect("read"), [acc(), other()]);
    let rested = Enrollment { since: after(1), rests_until: after(90), named: Some(after(3)) };
    assert_eq!(roster.enrollment(&acc()).await.expect("read"), Some(rested));

    tell(bench, DirectoryChange::Rest { account: acc(), until: after(95), named: false }, 4).await;
    assert_eq!(roster.enrollment(&acc()).await.expect("read"), Some(Enrollment { rests_until: after(95), ..rested }));
    tell(bench, DirectoryChange::Enroll(acc()), 5).await;
    let anew = Enrollment { since: after(5), rests_until: after(5), named: None };
    assert_eq!(roster.enrollment(&acc()).await.expect("read"), Some(anew), "a grant given anew is read at once");

    conflicts(bench, told(DirectoryChange::Withdraw { account: acc(), since: after(1) })).await;
    tell(bench, DirectoryChange::Withdraw { account: acc(), since: after(5) }, 6).await;
    tell(bench, DirectoryChange::Withdraw { account: acc(), since: after(5) }, 6).await;
    tell(bench, DirectoryChange::Rest { account: acc(), until: after(99), named: true }, 7).await;
    assert_eq!(roster.enrolled().await.expect("read"), [other()]);
}

pub async fn what_a_directory_told_goes_with_its_grant(bench: &impl Bench) {
    for account in [acc(), other()] {
        tell(bench, DirectoryChange::Enroll(account.clone()), 0).await;
        tell(bench, members(&account, "ops", &["U1"]), 0).await;
        tell(bench, rank(&account, "U1", Rank::Guest), 0).await;
    }
    tell(bench, DirectoryChange::Withdraw { account: acc(), since: after(0) }, 1).await;
    assert_eq!(ranked(bench, &acc(), "U1").await, None);
    assert_eq!(channels_of(bench, &acc(), "U1", 0).await, []);
    assert_eq!(bench.roster().members_read(&acc()).await.expect("read"), []);
    assert!(ranked(bench, &other(), "U1").await.is_some(), "another account's stays");
    assert_eq!(channels_of(bench, &other(), "U1", 0).await.len(), 1);

    commit(bench, change(RowChange::PurgeAccount(other()))).await;
    assert_eq!(ranked(bench, &other(), "U1").await, None);
    assert_eq!(channels_of(bench, &other(), "U1", 0).await, []);
    assert_eq!(bench.roster().members_read(&other()).await.expect("read"), []);
    assert_eq!(bench.roster().enrolled().await.expect("read"), []);
}

pub async fn a_name_from_the_directory_reaches_its_channels_subscriptions(bench: &impl Bench) {
    for place in [sample::ops(), sample::channel("acc", "dev"), sample::channel("other", "ops")] {
        commit(bench, change(RowChange::Subscribe(subscription(place, "checkout", 0)))).await;
    }
    let channel = ChannelId::new(sample::ops().channel.as_str().to_uppercase());
    let name = "on \"call\" ü".to_owned();
    tell(bench, DirectoryChange::Name { account: acc(), channel, name }, 1).await;
    let mut names = Vec::new();
    for account in [acc(), other()] {
        let subscriptions = bench.facts().subscriptions_of(&account).await.expect("read");
        names.extend(subscriptions.into_iter().filter_map(|s| s.place.name));
    }
    assert_eq!(names, ["dev", "on \"call\" ü", "ops"]);
    let at = bench.facts().changed(&acc(), &sample::ops().channel).await.expect("read");
    assert_eq!(at, Some(START), "a rename changes nothing of what is connected");
}

pub async fn a_persons_name_from_the_directory_is_told_wherever_they_were_seen(bench: &impl Bench) {
    let (ana, ben, namesake) = (sample::ana(), sample::ben(), sample::person("other", "U1", "Ana"));
    let elsewhere = sample::channel("other", "ops");
    for (place, by, project) in
        [(sample::ops(), &ana, "checkout"), (sample::ops(), &ben, "web"), (elsewhere.clone(), &namesake, "checkout")]
    {
        let subscribed = subscription(place.clone(), project, 0);
        commit(bench, change(RowChange::Subscribe(Subscription { by: by.clone(), ..subscribed }))).await;
        commit(bench, change(RowChange::Saw { place, person: by.clone() })).await;
    }
    let name = "Ana \"A\" Lovelace ü".to_owned();
    tell(bench, DirectoryChange::Called { account: acc(), user: ana.user.clone(), name: name.clone() }, 1).await;
    tell(bench, DirectoryChange::Called { account: acc(), user: UserId::new("U9"), name: "Nobody".into() }, 1).await;
    bench.restart().await;
    let facts = bench.facts();
    let here = facts.subscriptions_in(&acc(), &sample::ops().channel).await.expect("read");
    assert_eq!(here.iter().map(|s| s.by.name.as_str()).collect::<Vec<_>>(), [name.as_str(), "Ben"]);
    let seen = facts.acquaintance(&acc(), &ana.user).await.expect("read").expect("seen");
    assert_eq!(seen, Person { name, ..ana });
    assert_eq!(facts.acquaintance(&acc(), &UserId::new("U9")).await.expect("read"), None);
    let other = facts.acquaintance(&other(), &namesake.user).await.expect("read").expect("seen");
    assert_eq!(other, namesake, "another account's is another person's");
}

pub async fn the_members_of_a_channel_replace_those_before(bench: &impl Bench) {
    tell(bench, members(&acc(), "ops", &["U1", "U2", "U1"]), 1).await;
    tell(bench, members(&acc(), "dev", &["U1"]), 2).await;
    tell(bench, members(&other(), "ops", &["U2"]), 2).await;
    bench.restart().await;
    let (ops, dev) = (sample::ops().channel, sample::channel("acc", "dev").channel);
    assert_eq!(sorted(channels_of(bench, &acc(), "U1", 0).await), sorted(vec![dev.clone(), ops.clone()]));
    assert_eq!(
        channels_of(bench, &acc(), "U1", 2).await,
        std::slice::from_ref(&dev),
        "what was read before is not believed"
    );

    tell(bench, members(&acc(), "OPS", &["U2"]), 3).await;
    assert_eq!(channels_of(bench, &acc(), "U1", 0).await, std::slice::from_ref(&dev));
    assert_eq!(channels_of(bench, &acc(), "U2", 0).await, std::slice::from_ref(&ops));
    assert_eq!(channels_of(bench, &acc(), "U3", 0).await, []);
    let mut read = bench.roster().members_read(&acc()).await.expect("read");
    read.sort_by_key(|(_, at)| *at);
    assert_eq!(read, [(dev, after(2)), (ops, after(3))]);
}

pub async fn whose_rank_is_due_is_whoever_spoke_last_first(bench: &impl Bench) {
    for (user, name, at) in [("U1", "Ana", 1), ("U2", "Ben", 2), ("U3", "Cy", 3), ("U4", "Di", 4)] {
        for channel in ["ops", "dev"] {
            let (place, person) = (sample::channel("acc", channel), sample::person("acc", user, name));
            commit_at(bench, change(RowChange::Saw { place, person }), after(at)).await;
        }
    }
    let elsewhere = RowChange::Saw { place: sample::channel("other", "ops"), person: sample::mallory() };
    commit(bench, change(elsewhere)).await;
    tell(bench, rank(&acc(), "U2", Rank::Member), 2).await;
    tell(bench, rank(&acc(), "U3", Rank::Administrator), 1).await;
    tell(bench, rank(&acc(), "U4", Rank::Guest), 3).await;
    assert_eq!(due(bench, 10, 9).await, ["U1"]);
    let (guest, all) = (READ_EVERY.as_millis() as i64 + 3, RANK_EVERY.as_millis() as i64 + 2);
    assert_eq!(due(bench, guest - 1, 9).await, ["U1"]);
    assert_eq!(due(bench, guest, 9).await, ["U4", "U1"]);
    assert_eq!(due(bench, all, 9).await, ["U4", "U3", "U2", "U1"]);
    assert_eq!(due(bench, all, 2).await, ["U4", "U3"]);
    assert_eq!(due(bench, 0, 9).await, ["U4", "U3", "U2", "U1"], "what is read in the future is due");
}

pub async fn administrators_are_those_seen_whose_rank_is_still_believed(bench: &impl Bench) {
    for (user, name, at) in [("U1", "Ana", 1), ("U2", "Ben", 2), ("U3", "Cy", 3), ("U4", "Di", 4), ("U1", "Anna", 5)] {
        let channel = if name == "Anna" { "dev" } else { "ops" };
        let (place, person) = (sample::channel("acc", channel), sample::person("acc", user, name));
        commit_at(bench, change(RowChange::Saw { place, person }), after(at)).await;
    }
    for (user, known, at) in [
        ("U1", Rank::Administrator, 10),
        ("U2", Rank::Administrator, 9),
        ("U3", Rank::Administrator, 10),
        ("U4", Rank::Member, 10),
        ("U5", Rank::Administrator, 10),
    ] {
        tell(bench, rank(&acc(), user, known), at).await;
    }
    let names = async |account: AccountId, since, limit| {
        let known = bench.roster().administrators(&account, after(since), limit).await.expect("read");
        known.into_iter().map(|person| person.name).collect::<Vec<_>>()
    };
    assert_eq!(names(acc(), 10, 9).await, ["Anna", "Cy"], "the others were never seen, or long ago");
    assert_eq!(names(acc(), 9, 9).await, ["Anna", "Cy", "Ben"]);
    assert_eq!(names(acc(), 0, 1).await, ["Anna"]);
    assert_eq!(names(other(), 0, 9).await, [""; 0]);
}

pub async fn a_rank_is_the_one_read_last(bench: &impl Bench) {
    assert_eq!(ranked(bench, &acc(), "U1").await, None);
    for (ms, known) in [(1, Rank::Administrator), (2, Rank::Guest), (3, Rank::Member)] {
        tell(bench, rank(&acc(), "U1", known), ms).await;
        bench.restart().await;
        assert_eq!(ranked(bench, &acc(), "U1").await, Some(Ranked { rank: known, at: after(ms) }));
    }
    assert_eq!(ranked(bench, &other(), "U1").await, None);
}

pub async fn rights_that_nobody_read_again_are_swept_and_guests_stay_guests(bench: &impl Bench) {
    tell(bench, members(&acc(), "ops", &["U1"]), 0).await;
    tell(bench, rank(&acc(), "U1", Rank::Administrator), 0).await;
    tell(bench, rank(&acc(), "U2", Rank::Guest), 0).await;
    let believed = BELIEVED.as_millis() as i64;
    commit(bench, change(RowChange::Sweep { now: after(believed) })).await;
    assert!(ranked(bench, &acc(), "U1").await.is_some() && channels_of(bench, &acc(), "U1", 0).await.len() == 1);
    commit(bench, change(RowChange::Sweep { now: after(believed + 1) })).await;
    assert_eq!(ranked(bench, &acc(), "U1").await, None);
    assert_eq!(channels_of(bench, &acc(), "U1", 0).await, []);
    assert_eq!(bench.roster().members_read(&acc()).await.expect("read"), []);
    assert!(ranked(bench, &acc(), "U2").await.is_some());
}

fn told(change: DirectoryChange) -> Decision {
    Decision::nothing().and(RowChange::Directory(change))
}

async fn tell(bench: &impl Bench, change: DirectoryChange, ms: i64) {
    commit_at(bench, told(change), after(ms)).await;
}

fn members(account: &AccountId, channel: &str, users: &[&str]) -> DirectoryChange {
    let Place { account, channel, .. } = sample::channel(account.as_str(), channel);
    DirectoryChange::Members { account, channel, users: users.iter().map(|user| UserId::new(*user)).collect() }
}

fn rank(account: &AccountId, user: &str, rank: Rank) -> DirectoryChange {
    DirectoryChange::Rank { account: account.clone(), user: UserId::new(user), rank }
}

async fn ranked(bench: &impl Bench, account: &AccountId, user: &str) -> Option<Ranked> {
    bench.roster().ranked(account, &UserId::new(user)).await.expect("read")
}

async fn channels_of(bench: &impl Bench, account: &AccountId, user: &str, since: i64) -> Vec<ChannelId> {
    bench.roster().channels_of(account, &UserId::new(user), after(since)).await.expect("read")
}

async fn due(bench: &impl Bench, ms: i64, limit: usize) -> Vec<String> {
    let due = bench.roster().ranks_due(&acc(), after(ms), limit).await.expect("read");
    due.iter().map(ToString::to_string).collect()
}

fn sorted(mut channels: Vec<ChannelId>) -> Vec<ChannelId> {
    channels.sort_by_key(ChannelId::key);
    channels
}
