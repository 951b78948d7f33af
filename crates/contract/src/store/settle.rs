use super::*;

pub async fn a_job_done_frees_its_lane_and_commits_what_follows(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([job("a", ops.clone()), job("b", ops.clone())])).await;
    let held = lease_one(bench, START, LATER).await;

    let subscription = subscription(sample::ops(), "checkout", 0);
    let follows = change(RowChange::Subscribe(subscription.clone())).then(job("c", ops.clone()));
    settle(bench, &held, "a", Outcome::Done(follows)).await.expect("settled");
    assert_eq!(bench.facts().subscriptions_of(&acc()).await.expect("read"), [subscription]);
    settle(bench, &held, "b", done()).await.expect("settled");
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, [(ops, vec!["c".to_owned()])]);
}

pub async fn a_conflict_in_what_follows_leaves_the_job_as_it_is(bench: &impl Bench) {
    let subscribe = change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)));
    commit(bench, subscribe.clone().then(job("a", lane("acc", "ops")))).await;
    let held = lease_one(bench, START, LATER).await;

    let account = RowChange::PutAccount(Account { id: acc(), installer: None, since: None });
    let refused = settle(bench, &held, "a", Outcome::Done(change(account).and(subscribe.changes[0].clone()))).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(bench.facts().account(&acc()).await.expect("read"), None);
    settle(bench, &held, "a", done()).await.expect("the lease is as good as before");
}

pub async fn any_job_of_a_leased_lane_is_settled_and_only_once(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue(["a", "b", "c", "d"].map(|id| job(id, ops.clone())))).await;
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "b", done()).await.expect("settled");
    fenced(settle(bench, &held, "b", done()).await);
    settle(bench, &held, "a", done()).await.expect("settled");
    settle(bench, &held, "d", dead("poison")).await.expect("settled");
    fenced(settle(bench, &held, "d", Outcome::Retry { at: START }).await);
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, [(ops, vec!["c".to_owned()])]);
    assert_eq!(dead_ids(bench).await, ["d"]);
}

pub async fn a_job_of_another_lane_is_not_settled(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "dev"))])).await;
    let leased = lease(bench, 10, START, LATER).await.lanes;
    let ops = leased.iter().find(|held| held.lane == lane("acc", "ops")).expect("leased");
    fenced(settle(bench, ops, "b", done()).await);
    fenced(settle(bench, ops, "unheard of", done()).await);
    for held in leased {
        release(bench, held).await;
    }
    assert_eq!(waiting(bench, START).await.len(), 2);
}

pub async fn a_later_job_that_must_wait_does_not_hold_its_lane(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue(["a", "b", "c"].map(|id| job(id, ops.clone())))).await;
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "b", Outcome::Retry { at: after(2_000) }).await.expect("settled");
    settle(bench, &held, "b", Outcome::Unknown { at: after(1_000) }).await.expect("settled");
    release(bench, held).await;

    let held = lease_one(bench, START, LATER).await;
    assert_eq!(ids(&held), ["a"], "the first is due, the second is not, and the third stays behind it");
    settle(bench, &held, "a", done()).await.expect("settled");
    release(bench, held).await;
    let leased = lease(bench, 10, after(999), LATER).await;
    assert_eq!((leased.lanes, leased.next_due), (vec![], Some(after(1_000))), "now it is the first");
    let held = lease_one(bench, after(1_000), LATER).await;
    assert_eq!(ids(&held), ["b", "c"]);
    assert_eq!((held.jobs[0].attempts, held.jobs[0].unknown), (1, true));
}

pub async fn a_retry_counts_and_delays(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "ops"))])).await;
    for (attempts, now) in [(0, START), (1, after(1_000)), (2, after(2_000))] {
        let held = lease_one(bench, now, LATER).await;
        assert_eq!(ids(&held), ["a", "b"]);
        assert_eq!((held.jobs[0].attempts, held.jobs[0].since, held.jobs[1].attempts), (attempts, START, 0));
        let at = Timestamp(now.0 + 1_000);
        settle(bench, &held, "a", Outcome::Retry { at }).await.expect("settled");
        release(bench, held).await;
        let leased = lease(bench, 10, Timestamp(at.0 - 1), LATER).await;
        assert_eq!((leased.lanes, leased.next_due), (vec![], Some(at)));
    }
}

pub async fn a_place_that_is_tried_now_waits_for_nothing_that_has_failed_before(bench: &impl Bench) {
    let place = sample::ops();
    let here = Lane::cards(&place.account, &place.channel);
    let (theirs, later) = (Lane::cards(&other(), &place.channel), Lane::roundups(&place.account, &place.channel));
    commit(bench, queue([job("a", here.clone()), job("b", here.clone()), job("theirs", theirs.clone())])).await;
    commit(bench, queue([job("summary", later).at(after(7_000))])).await;
    for held in lease(bench, 10, START, LATER).await.lanes {
        settle(bench, &held, held.jobs[0].id.as_str(), Outcome::Retry { at: after(9_000) }).await.expect("settled");
        release(bench, held).await;
    }
    assert_eq!(waiting(bench, after(5_000)).await, []);

    let try_now = change(RowChange::TryNow { account: place.account.clone(), channel: place.channel.clone() });
    commit_at(bench, try_now, after(5_000)).await;
    bench.restart().await;
    let held = lease_one(bench, after(5_000), LATER).await;
    assert_eq!((ids(&held), &held.lane), (vec!["a".into(), "b".into()], &here), "and in order");
    release(bench, held).await;
    assert_eq!(waiting(bench, after(7_000)).await.len(), 2, "a summary comes at its own time");
}

pub async fn a_throttled_account_waits_in_all_its_lanes(bench: &impl Bench) {
    let until = after(5_000);
    throttle(bench, until).await;
    commit(bench, queue([job("theirs", lane("other", "ops"))])).await;

    let leased = lease(bench, 10, after(4_999), LATER).await;
    assert_eq!(leased.lanes.iter().flat_map(ids).collect::<Vec<_>>(), ["theirs"]);
    assert_eq!(leased.next_due, Some(until));
    let mut jobs =
        lease(bench, 10, until, LATER).await.lanes.into_iter().flat_map(|held| held.jobs).collect::<Vec<_>>();
    jobs.sort_by(|a, b| a.id.cmp(&b.id));
    let jobs: Vec<_> = jobs.iter().map(|queued| (queued.id.as_str(), queued.attempts)).collect();
    assert_eq!(jobs, [("a", 0), ("b", 0)], "the attempt does not count");
}

pub async fn a_later_job_throttles_the_account_too(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([job("a", ops.clone()), job("b", ops.clone()), job("c", lane("acc", "dev"))])).await;
    let leased = lease(bench, 10, START, LATER).await.lanes;
    let held = leased.iter().find(|held| held.lane == ops).expect("leased");
    settle(bench, held, "b", Outcome::Throttled { until: after(5_000) }).await.expect("settled");
    for held in leased {
        release(bench, held).await;
    }
    assert_eq!(waiting(bench, after(4_999)).await, []);
    assert_eq!(waiting(bench, after(5_000)).await.len(), 2);
}

pub async fn a_lane_begun_in_a_throttled_account_waits_too(bench: &impl Bench) {
    let until = after(5_000);
    throttle(bench, until).await;
    commit(bench, queue([job("new", lane("acc", "new"))])).await;
    // A second, shorter pause does not shorten the first.
    bench.restart().await;
    assert_eq!(waiting(bench, after(4_999)).await, []);
    assert_eq!(waiting(bench, until).await.len(), 3);
}

/// Two lanes of account `acc` with jobs `a` and `b`, of which `a` is throttled, by a second worker for a shorter time.
async fn throttle(bench: &impl Bench, until: Timestamp) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "dev"))])).await;
    let held = lease(bench, 10, START, LATER).await.lanes;
    for (id, until) in [("a", until), ("b", after(1_000))] {
        let of = held.iter().find(|held| ids(held) == [id]).expect("leased");
        settle(bench, of, id, Outcome::Throttled { until }).await.expect("settled");
    }
    for held in held {
        release(bench, held).await;
    }
}

pub async fn an_unknown_outcome_is_remembered(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "a", Outcome::Unknown { at: after(30_000) }).await.expect("settled");
    release(bench, held).await;

    assert_eq!(waiting(bench, after(29_999)).await, []);
    let held = lease_one(bench, after(30_000), after(60_000)).await;
    assert_eq!((held.jobs[0].unknown, held.jobs[0].attempts), (true, 0));
    settle(bench, &held, "a", Outcome::Retry { at: after(31_000) }).await.expect("settled");
    release(bench, held).await;
    let held = lease_one(bench, after(31_000), after(60_000)).await;
    assert_eq!((held.jobs[0].unknown, held.jobs[0].attempts), (true, 1), "one doubt is not undone by a plain failure");
}

pub async fn a_suppressed_job_frees_its_lane_and_commits_what_follows(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([job("a", ops.clone()), job("b", ops.clone())])).await;
    let held = lease_one(bench, START, LATER).await;
    let subscription = subscription(sample::ops(), "checkout", 0);
    let then = change(RowChange::Subscribe(subscription.clone()));
    settle(bench, &held, "a", Outcome::Suppressed { reason: Suppression::Muted, then }).await.expect("settled");
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, [(ops, vec!["b".to_owned()])]);
    assert_eq!(bench.facts().subscriptions_of(&acc()).await.expect("read"), [subscription]);
    assert_eq!(dead_ids(bench).await, Vec::<String>::new());
}

pub async fn a_conflict_in_what_follows_keeps_a_job_from_being_suppressed(bench: &impl Bench) {
    let then = change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)));
    commit(bench, then.clone().then(job("a", lane("acc", "ops")))).await;
    let before = ledger(bench).await;
    let held = lease_one(bench, START, LATER).await;
    let refused = settle(bench, &held, "a", Outcome::Suppressed { reason: Suppression::Muted, then }).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["a".to_owned()])]);
    assert_eq!(ledger(bench).await, before);
}

pub async fn what_became_of_a_job_survives_a_restart(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([confidential("a", ops.clone()), job("b", ops)])).await;
    for outcome in [Outcome::Retry { at: START }, Outcome::Unknown { at: START }, Outcome::Retry { at: after(500) }] {
        let held = lease_one(bench, START, LATER).await;
        settle(bench, &held, "a", outcome).await.expect("settled");
        release(bench, held).await;
    }
    bench.restart().await;
    let leased = lease(bench, 10, after(499), LATER).await;
    assert_eq!((leased.lanes, leased.next_due), (vec![], Some(after(500))));
    let held = lease_one(bench, after(500), LATER).await;
    let first = &held.jobs[0];
    assert_eq!((first.attempts, first.unknown, first.since), (2, true, START));
    assert_eq!(first.job, confidential("a", lane("acc", "ops")).job);
    assert_eq!(ids(&held), ["a", "b"]);
}

/// A job of one person's words.
fn confidential(id: &str, lane: Lane) -> NewJob {
    saying(id, "hello", lane)
}
