use super::*;

const HALF_AN_HOUR: i64 = 30 * 60 * 1_000;

pub async fn the_addresses_of_a_message_are_counted_for_half_an_hour(bench: &impl Bench) {
    let shared = |place: Place, message: &str, links, at| {
        let Place { account, channel, .. } = place;
        RowChange::Shared { account, channel, message: MessageId::new(message), links, at: after(at) }
    };
    let shouted = Place { channel: ChannelId::new(sample::ops().channel.as_str().to_uppercase()), ..sample::ops() };
    for shared in [
        shared(sample::ops(), "m1", 1, 0),
        shared(shouted, "m1", 2, 7),
        shared(sample::ops(), "m2", 1, 8),
        shared(sample::channel("acc", "dev"), "m1", 1, 8),
        shared(sample::channel("other", "ops"), "m1", 1, 8),
    ] {
        commit(bench, change(shared)).await;
    }
    bench.restart().await;
    let in_message = async |place: Place, message: &str| {
        bench.facts().links_in(&place.account, &place.channel, &MessageId::new(message)).await.expect("read")
    };
    assert_eq!(in_message(sample::ops(), "m1").await, 3);
    for (place, message, links) in [
        (sample::ops(), "m2", 1),
        (sample::ops(), "m3", 0),
        (sample::channel("acc", "dev"), "m1", 1),
        (sample::channel("other", "ops"), "m1", 1),
    ] {
        assert_eq!(in_message(place, message).await, links, "{message}");
    }
    commit(bench, change(RowChange::Sweep { now: after(HALF_AN_HOUR + 6) })).await;
    assert_eq!(in_message(sample::ops(), "m1").await, 3);
    commit(bench, change(RowChange::Sweep { now: after(HALF_AN_HOUR + 7) })).await;
    assert_eq!((in_message(sample::ops(), "m1").await, in_message(sample::ops(), "m2").await), (0, 1));
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    assert_eq!(in_message(sample::ops(), "m2").await, 0);
    assert_eq!(in_message(sample::channel("other", "ops"), "m1").await, 1);
}

pub async fn what_was_shown_of_an_address_is_known_in_its_channel_for_half_an_hour(bench: &impl Bench) {
    let unfurled = |place: Place, issue: &str, at| {
        let Place { account, channel, .. } = place;
        RowChange::Unfurled { account, channel, issue: IssueId::new(issue), at: after(at) }
    };
    for unfurled in [
        unfurled(sample::ops(), "42", 0),
        unfurled(sample::ops(), "42", 7),
        unfurled(sample::channel("other", "ops"), "42", 9),
    ] {
        commit(bench, change(unfurled)).await;
    }
    bench.restart().await;
    let last = async |place: Place, issue: &str| {
        bench.facts().unfurled(&place.account, &place.channel, &IssueId::new(issue)).await.expect("read")
    };
    assert_eq!(last(sample::ops(), "42").await, Some(after(7)));
    assert_eq!(last(sample::ops(), "43").await, None);
    assert_eq!(last(sample::channel("acc", "dev"), "42").await, None);
    // It is not known for longer because the clock is set back.
    let by = std::time::Duration::from_millis(5);
    commit_at(bench, change(RowChange::ClockSetBack { by }), after(6)).await;
    assert_eq!(last(sample::ops(), "42").await, Some(after(2)));
    commit(bench, change(RowChange::Sweep { now: after(HALF_AN_HOUR + 1) })).await;
    assert_eq!(last(sample::ops(), "42").await, Some(after(2)));
    commit(bench, change(RowChange::Sweep { now: after(HALF_AN_HOUR + 2) })).await;
    assert_eq!(last(sample::ops(), "42").await, None);
    commit(bench, change(RowChange::PurgeAccount(other()))).await;
    assert_eq!(last(sample::channel("other", "ops"), "42").await, None);
}
