use super::*;

pub async fn a_decision_is_applied_whole(bench: &impl Bench) {
    let card = card("h1", sample::ops());
    let decision = change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)))
        .and(RowChange::put_card(card.clone()))
        .and(RowChange::LinkPerson(linked(sample::ana(), "grant")))
        .then(show("j1", &card));
    commit(bench, decision).await;

    let facts = bench.facts();
    assert_eq!(facts.subscriptions_of(&acc()).await.expect("read").len(), 1);
    assert_eq!(facts.card(&acc(), &card.handle).await.expect("read"), Some(card));
    assert!(facts.linked(&acc(), &sample::ana().user).await.expect("read").is_some());
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["j1".to_owned()])]);
}

pub async fn a_decision_that_conflicts_leaves_no_trace(bench: &impl Bench) {
    connected(bench).await;
    let taken = card("h1", sample::ops());
    commit(bench, change(RowChange::put_card(taken.clone()))).await;

    let decision = change(RowChange::Subscribe(subscription(sample::ops(), "web", 0)))
        .and(RowChange::PutAccount(Account { id: acc(), installer: None, since: None }))
        .and(RowChange::put_card(card("h2", sample::ops())))
        .then(show("j1", &taken));
    conflicts(bench, decision).await;

    let facts = bench.facts();
    let here = facts.subscriptions_in(&acc(), &sample::ops().channel).await.expect("read");
    assert_eq!(here, [subscription(sample::ops(), "checkout", 0)]);
    assert_eq!(facts.account(&acc()).await.expect("read"), None);
    assert_eq!(waiting(bench, START).await, []);
}

pub async fn a_conflict_leaves_the_keys_fresh(bench: &impl Bench) {
    let subscribe = change(RowChange::Subscribe(subscription(sample::ops(), "checkout", 0)));
    commit(bench, subscribe.clone()).await;

    let store = bench.store();
    let refused = store.commit(&[key(1), key(2)], &subscribe, START).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    let again = store.commit(&[key(1), key(2)], &Decision::nothing(), START).await;
    assert!(matches!(again, Ok(Committed::Fresh)), "{again:?}");
}

pub async fn a_repeat_of_any_key_changes_nothing(bench: &impl Bench) {
    let store = bench.store();
    let first = queue([job("j1", lane("acc", "ops"))]);
    let fresh = store.commit(&[key(1), key(2)], &first, START).await;
    assert!(matches!(fresh, Ok(Committed::Fresh)), "{fresh:?}");

    let second = queue([job("j2", lane("acc", "ops"))]);
    for repeat in [[key(1), key(3)], [key(3), key(2)]] {
        let answer = store.commit(&repeat, &second, START).await;
        assert!(matches!(answer, Ok(Committed::Already)), "{answer:?}");
    }
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["j1".to_owned()])]);

    // A repeat teaches nothing either: the key that came with a known one is still fresh.
    let fresh = store.commit(&[key(3)], &Decision::nothing(), START).await;
    assert!(matches!(fresh, Ok(Committed::Fresh)), "{fresh:?}");
}

pub async fn a_set_may_name_a_key_twice(bench: &impl Bench) {
    let store = bench.store();
    let fresh = store.commit(&[key(1), key(1)], &Decision::nothing(), START).await;
    assert!(matches!(fresh, Ok(Committed::Fresh)), "{fresh:?}");
    let repeat = store.commit(&[key(1)], &Decision::nothing(), START).await;
    assert!(matches!(repeat, Ok(Committed::Already)), "{repeat:?}");
}

pub async fn an_empty_set_of_keys_is_always_fresh(bench: &impl Bench) {
    commit(bench, queue([job("j1", lane("acc", "ops"))])).await;
    commit(bench, queue([job("j2", lane("acc", "ops"))])).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["j1".to_owned(), "j2".to_owned()])]);
}

pub async fn the_id_of_a_waiting_job_is_taken(bench: &impl Bench) {
    commit(bench, queue([job("j1", lane("acc", "ops"))])).await;
    conflicts(bench, queue([job("j1", lane("acc", "dev"))])).await;

    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "j1", done()).await.expect("settled");
    commit(bench, queue([job("j1", lane("acc", "dev"))])).await;
}

pub async fn what_was_committed_is_there_after_a_restart(bench: &impl Bench) {
    let card = card("h1", sample::ops());
    let subscription = subscription(sample::ops(), "checkout", 0);
    let decision = change(RowChange::Subscribe(subscription.clone()))
        .and(RowChange::put_card(card.clone()))
        .then(show("j1", &card));
    bench.store().commit(&[key(1)], &decision, START).await.expect("committed");

    bench.restart().await;
    let facts = bench.facts();
    assert_eq!(facts.subscriptions_of(&acc()).await.expect("read"), [subscription]);
    assert_eq!(facts.card(&acc(), &card.handle).await.expect("read"), Some(card));
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["j1".to_owned()])]);
    let repeat = bench.store().commit(&[key(1)], &decision, START).await;
    assert!(matches!(repeat, Ok(Committed::Already)), "{repeat:?}");
}

pub async fn many_commits_at_once_are_all_there(bench: &impl Bench) {
    let mut commits = tokio::task::JoinSet::new();
    for n in 0..100_u8 {
        let store = bench.store();
        let decision = queue([job(&format!("j{n}"), lane("acc", "ops"))]);
        // Every delivery comes twice.
        commits.spawn(async move { store.commit(&[key(n / 2)], &decision, START).await.expect("committed") });
    }
    let answers = commits.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Committed::Fresh).count(), 50);

    let mut left = 50;
    while left > 0 {
        let held = lease_one(bench, START, LATER).await;
        for queued in &held.jobs {
            settle(bench, &held, queued.id.as_str(), done()).await.expect("settled");
            left -= 1;
        }
        release(bench, held).await;
    }
    assert_eq!(waiting(bench, START).await, []);
}
