use super::*;

pub async fn a_job_given_up_is_kept_as_a_dead_letter(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([job("a", ops.clone()), job("b", ops.clone())])).await;
    let held = lease_one(bench, START, LATER).await;

    let then = queue([job("apology", lane("acc", "dev"))]);
    settle(bench, &held, "a", Outcome::Dead { why: "refused: no such channel".into(), then }).await.expect("settled");
    assert_eq!(dead_letters(bench).await[0].why, "refused: no such channel");
    assert_eq!(dead_ids(bench).await, ["a"]);
    settle(bench, &held, "b", dead("unconfirmed")).await.expect("the lane goes on");
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "dev"), vec!["apology".to_owned()])]);

    bench.restart().await;
    assert_eq!(dead_ids(bench).await, ["a", "b"]);
}

pub async fn a_conflict_in_what_follows_keeps_a_job_from_dying(bench: &impl Bench) {
    let subscribe = change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)));
    commit(bench, subscribe.clone().then(job("a", lane("acc", "ops")))).await;
    let held = lease_one(bench, START, LATER).await;

    let refused = settle(bench, &held, "a", Outcome::Dead { why: "gone".into(), then: subscribe }).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(dead_letters(bench).await, []);
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["a".to_owned()])]);
}

pub async fn a_dead_letter_says_what_was_given_up_and_when(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([saying("a", "hello", ops.clone())])).await;
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "a", Outcome::Retry { at: START }).await.expect("settled");
    bench.store().settle(&held, &JobId::new("a"), &dead("503 (2 tries)"), after(700)).await.expect("settled");

    bench.restart().await;
    let letter = DeadLetter {
        id: JobId::new("a"),
        lane: ops.clone(),
        job: Some(saying("a", "hello", ops).job),
        why: "503 (2 tries)".into(),
        attempts: 1,
        since: START,
        at: after(700),
    };
    assert_eq!(dead_letters(bench).await, [letter]);
}

pub async fn a_replayed_job_goes_to_the_end_of_its_lane_under_its_own_name(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([saying("a", "hello", ops.clone()), job("b", ops.clone())])).await;
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "a", Outcome::Retry { at: START }).await.expect("settled");
    settle(bench, &held, "a", Outcome::Unknown { at: START }).await.expect("settled");
    settle(bench, &held, "a", dead("unconfirmed")).await.expect("settled");
    release(bench, held).await;

    commit_at(bench, change(RowChange::Replay(JobId::new("a"))), after(5_000)).await;
    assert_eq!(dead_ids(bench).await, Vec::<String>::new());
    let held = lease_one(bench, after(5_000), LATER).await;
    assert_eq!((held.lane.clone(), ids(&held)), (ops.clone(), vec!["b".to_owned(), "a".to_owned()]));
    let replayed = &held.jobs[1];
    assert_eq!((replayed.attempts, replayed.unknown, replayed.since), (0, false, after(5_000)));
    assert_eq!(replayed.job, saying("a", "hello", ops).job);
}

pub async fn a_replayed_job_begins_its_lane_anew(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    give_up(bench, "a").await;
    commit_at(bench, change(RowChange::Replay(JobId::new("a"))), after(5_000)).await;
    assert_eq!(lease(bench, 10, after(4_999), LATER).await.next_due, Some(after(5_000)));
    bench.restart().await;
    assert_eq!(waiting(bench, after(5_000)).await, [(lane("acc", "ops"), vec!["a".to_owned()])]);
}

pub async fn replaying_what_is_not_dead_changes_nothing(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let before = ledger(bench).await;
    for id in ["a", "unheard of"] {
        commit(bench, change(RowChange::Replay(JobId::new(id)))).await;
        commit(bench, change(RowChange::DropDead(JobId::new(id)))).await;
    }
    assert_eq!(ledger(bench).await, before);
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["a".to_owned()])]);
}

pub async fn a_dead_letter_whose_name_waits_again_is_not_replayed(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    give_up(bench, "a").await;
    commit(bench, queue([job("a", lane("acc", "dev"))])).await;
    let before = ledger(bench).await;

    commit(bench, change(RowChange::Replay(JobId::new("a")))).await;
    assert_eq!(ledger(bench).await, before);
    assert_eq!(dead_ids(bench).await, ["a"]);
    assert_eq!(waiting(bench, START).await, [(lane("acc", "dev"), vec!["a".to_owned()])]);
}

pub async fn a_job_that_dies_twice_leaves_one_dead_letter(bench: &impl Bench) {
    for _ in 0..2 {
        commit(bench, queue([job("a", lane("acc", "ops"))])).await;
        give_up(bench, "a").await;
    }
    assert_eq!(dead_ids(bench).await, ["a"]);
    let ledger = ledger(bench).await;
    assert_eq!((ledger.accepted, ledger.dead), (2, 1));
    assert_eq!(ledger.suppressed.get(&Suppression::Held), Some(&1));
}

pub async fn a_dropped_dead_letter_is_gone(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "ops"))])).await;
    for id in ["a", "b"] {
        give_up(bench, id).await;
    }
    commit(bench, change(RowChange::DropDead(JobId::new("a")))).await;
    assert_eq!(dead_ids(bench).await, ["b"]);
    commit(bench, change(RowChange::Replay(JobId::new("a")))).await;
    assert_eq!(waiting(bench, START).await, []);
}

pub async fn what_was_given_up_in_a_channel_is_counted(bench: &impl Bench) {
    let (ops, dev) = (lane("acc", "ops"), lane("acc", "dev"));
    for (id, lane) in [("h1", ops.clone()), ("h2", dev), ("h3", ops)] {
        commit(bench, queue([job(id, lane)])).await;
        give_up(bench, id).await;
    }
    let failed = async |channel: &Place, since: i64| {
        bench.facts().failed_since(&acc(), &channel.channel, after(since)).await.expect("read")
    };
    assert_eq!((failed(&sample::ops(), 0).await, failed(&sample::channel("acc", "dev"), 0).await), (2, 1));
    assert_eq!(failed(&sample::ops(), 1).await, 0);
}
