use zentry_domain::Candidate;

use super::*;

pub async fn an_equal_job_is_left_out_where_one_waits(bench: &impl Bench) {
    let (here, there) = (card("h1", sample::ops()), card("h2", sample::ops()));
    commit(bench, queue([show("a", &here), show("b", &here), show("c", &there)])).await;
    commit(bench, queue([show("d", &there)])).await;
    let elsewhere = NewJob { lane: lane("acc", "dev"), ..show("e", &here) };
    let insisting = NewJob { unless_waiting: false, ..show("f", &here) };
    commit(bench, queue([elsewhere, insisting])).await;
    assert_eq!(
        waiting(bench, START).await,
        [
            (lane("acc", "dev"), vec!["e".to_owned()]),
            (lane("acc", "ops"), vec!["a".to_owned(), "c".to_owned(), "f".to_owned()])
        ]
    );
}

pub async fn an_equal_confidential_job_is_left_out_too(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    let said = |id, head: &str| NewJob { unless_waiting: true, ..saying(id, head, ops.clone()) };
    commit(bench, queue([said("a", "hello"), said("b", "hello"), said("c", "goodbye")])).await;
    commit(bench, queue([said("d", "hello")])).await;
    assert_eq!(waiting(bench, START).await, [(ops.clone(), vec!["a".to_owned(), "c".to_owned()])]);
}

pub async fn a_job_in_hand_still_waits_and_a_job_being_settled_does_not(bench: &impl Bench) {
    let card = card("h1", sample::ops());
    commit(bench, queue([show("a", &card)])).await;
    let held = lease_one(bench, START, LATER).await;
    commit(bench, queue([show("b", &card)])).await;

    settle(bench, &held, "a", Outcome::Done(queue([show("c", &card)]))).await.expect("settled");
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["c".to_owned()])]);
}

pub async fn an_equal_job_brings_the_one_that_waits_forward(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    let (first, second) = (card("h1", sample::ops()), card("h2", sample::ops()));
    commit(bench, queue([show("a", &first).at(after(9_000)), show("b", &second).at(after(9_000))])).await;

    // The second comes forward, behind the first, which still holds the lane.
    commit(bench, queue([show("c", &second).at(after(2_000))])).await;
    assert_eq!(lease(bench, 10, START, LATER).await.next_due, Some(after(9_000)));
    // The first comes forward, and its lane with it.
    commit(bench, queue([show("d", &first).at(after(1_000))])).await;
    assert_eq!(lease(bench, 10, START, LATER).await.next_due, Some(after(1_000)));
    commit(bench, queue([show("e", &first)])).await;
    assert_eq!(waiting(bench, START).await, [(ops.clone(), vec!["a".to_owned()])]);
    assert_eq!(waiting(bench, after(2_000)).await, [(ops, vec!["a".to_owned(), "b".to_owned()])]);
}

pub async fn an_equal_job_never_puts_off_the_one_that_waits(bench: &impl Bench) {
    let card = card("h1", sample::ops());
    commit(bench, queue([show("a", &card)])).await;
    commit(bench, queue([show("b", &card).at(after(9_000))])).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["a".to_owned()])]);
}

pub async fn an_equal_job_brings_nothing_forward_in_a_throttled_account(bench: &impl Bench) {
    let card = card("h1", sample::ops());
    commit(bench, queue([show("a", &card)])).await;
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "a", Outcome::Throttled { until: after(5_000) }).await.expect("settled");
    release(bench, held).await;

    commit(bench, queue([show("b", &card)])).await;
    let leased = lease(bench, 10, after(4_999), LATER).await;
    assert_eq!((leased.lanes, leased.next_due), (vec![], Some(after(5_000))));
    assert_eq!(ids(&lease_one(bench, after(5_000), LATER).await), ["a"]);
}

pub async fn an_equal_job_does_not_cut_short_what_waits_after_a_failure(bench: &impl Bench) {
    let card = card("h1", sample::ops());
    for outcome in [Outcome::Retry { at: after(9_000) }, Outcome::Unknown { at: after(9_000) }] {
        commit(bench, queue([show("a", &card)])).await;
        let held = lease_one(bench, START, LATER).await;
        settle(bench, &held, "a", outcome).await.expect("settled");
        release(bench, held).await;

        commit(bench, queue([show("b", &card)])).await;
        assert_eq!(lease(bench, 10, START, LATER).await.next_due, Some(after(9_000)));
        commit(bench, change(RowChange::ClearLane(lane("acc", "ops")))).await;
    }
}

pub async fn a_cleared_lane_is_empty_and_its_lease_is_fenced_off(bench: &impl Bench) {
    let (ops, dev) = (lane("acc", "ops"), lane("acc", "dev"));
    commit(bench, queue([job("a", ops.clone()), saying("b", "hello", ops.clone()), job("c", dev.clone())])).await;
    let leased = lease(bench, 10, START, LATER).await.lanes;
    commit(bench, change(RowChange::ClearLane(ops.clone()))).await;

    for held in leased {
        if held.lane == ops {
            fenced(settle(bench, &held, "a", Outcome::Retry { at: START }).await);
            fenced(settle(bench, &held, "b", done()).await);
        }
        release(bench, held).await;
    }
    assert_eq!(waiting(bench, START).await, [(dev.clone(), vec!["c".to_owned()])]);
    // What is queued in the same decision comes after the change.
    let anew = change(RowChange::ClearLane(dev.clone())).then(job("d", dev.clone())).then(job("e", ops.clone()));
    commit(bench, anew).await;
    assert_eq!(waiting(bench, START).await, [(dev, vec!["d".to_owned()]), (ops, vec!["e".to_owned()])]);
}

pub async fn clearing_a_lane_that_is_not_there_changes_nothing(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let before = ledger(bench).await;
    for gone in [lane("acc", "dev"), lane("other", "ops")] {
        commit(bench, change(RowChange::ClearLane(gone))).await;
    }
    assert_eq!(ledger(bench).await, before);
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["a".to_owned()])]);
}

pub async fn what_waits_of_an_organization_that_removed_us_is_not_posted(bench: &impl Bench) {
    connected(bench).await;
    let [new, posted] = ["h1", "h2"].map(|handle| {
        let mut card = card(handle, sample::ops());
        card.content.issue_id = IssueId::new(handle);
        card
    });
    for card in [&new, &posted] {
        let queued = change(RowChange::put_card(card.clone())).then(show(&format!("j-{}", card.handle), card));
        commit(bench, queued).await;
    }
    commit(bench, change(shown(&posted, Some("m"), 1, "again"))).await;
    let (account, channel) = (acc(), sample::ops().channel);
    let forsake = |org: &str| {
        change(RowChange::Forsake { account: account.clone(), channel: channel.clone(), org: OrgSlug::new(org) })
    };
    commit(bench, forsake("globex")).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["j-h1".to_owned(), "j-h2".to_owned()])]);
    commit(bench, forsake(new.content.project.org.as_str())).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["j-h2".to_owned()])]);
    assert_eq!(ledger(bench).await.suppressed.get(&Suppression::Deauthorized), Some(&1));
}

pub async fn what_waits_to_be_asked_about_of_an_organization_that_removed_us_is_not_asked_about(bench: &impl Bench) {
    connected(bench).await;
    let elsewhere = sample::channel("acc", "dev");
    let cards = [("h1", sample::ops()), ("h2", elsewhere), ("h3", sample::ops())].map(|(handle, place)| {
        let mut card = card(handle, place);
        card.content.issue_id = IssueId::new(handle);
        card
    });
    for card in &cards {
        commit(bench, change(RowChange::put_card(card.clone()))).await;
    }
    let project = cards[0].content.project.clone();
    let lane = Lane::sift(&project.id);
    let sift = |id: &str, of: &[(&Card, Option<&str>)]| {
        let candidates = of.iter().map(|(card, seen)| Candidate {
            account: acc(),
            card: card.handle.clone(),
            seen: seen.map(MessageId::new),
            told: false,
        });
        let (project, issue, cards) = (project.clone(), IssueId::new(id), candidates.collect());
        let (id, job) = (JobId::new(id), Job::Sift { project, issue, cards });
        Decision::job(NewJob { id, lane: lane.clone(), job, due: None, unless_waiting: false, counted: false })
    };
    let [here, other, posted] = &cards;
    commit(bench, sift("both", &[(here, None), (other, None)])).await;
    commit(bench, sift("here", &[(here, None)])).await;
    commit(bench, sift("posted", &[(posted, Some("m"))])).await;
    let (account, channel) = (acc(), sample::ops().channel);
    let forsake = |org: &str| {
        change(RowChange::Forsake { account: account.clone(), channel: channel.clone(), org: OrgSlug::new(org) })
    };
    commit(bench, forsake("globex")).await;
    let left = ["both", "here", "posted"].map(ToOwned::to_owned);
    assert_eq!(waiting(bench, START).await, [(lane.clone(), left.to_vec())]);
    let before = ledger(bench).await;
    commit(bench, forsake(project.org.as_str())).await;
    let after = ledger(bench).await;
    assert_eq!(after.suppressed.get(&Suppression::Deauthorized), Some(&2));
    assert!(after.accepted == before.accepted + 2 && after.adds_up(), "{after:?}");
    bench.restart().await;
    let [lease] = &lease(bench, usize::MAX, START, LATER).await.lanes[..] else { panic!("one lane") };
    let asked = lease.jobs.iter().map(|queued| match &queued.job {
        Job::Sift { cards, .. } => cards.iter().map(|one| one.card.to_string()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    });
    assert_eq!(asked.collect::<Vec<_>>(), [["h2"], ["h3"]]);
}
