use std::time::Duration;

use super::*;

pub async fn a_clock_that_is_set_back_prolongs_no_wait(bench: &impl Bench) {
    let waits = NewJob { due: Some(after(60_000)), ..job("waits", lane("acc", "ops")) };
    commit(bench, queue([waits, job("held", lane("other", "ops"))])).await;
    let held = lease_one(bench, START, LATER).await;
    let throttled = Outcome::Throttled { until: after(60_000) };
    settle(bench, &held, "held", throttled).await.expect("settled");
    release(bench, held).await;

    // It is an hour earlier all of a sudden.
    let (hour, then) = (Duration::from_secs(3_600), after(-3_600_000));
    commit_at(bench, change(RowChange::ClockSetBack { by: hour }), then).await;
    assert_eq!(waiting(bench, then + Duration::from_secs(59)).await, []);
    assert_eq!(waiting(bench, then + Duration::from_secs(60)).await.len(), 2);
}

pub async fn a_lane_keeps_its_order(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    // Ids in an order of their own.
    commit(bench, queue([job("c", ops.clone()), job("a", ops.clone())])).await;
    commit(bench, queue([job("b", ops.clone())])).await;

    let held = lease_one(bench, START, LATER).await;
    assert_eq!((held.lane.clone(), held.until), (ops, LATER));
    assert_eq!(ids(&held), ["c", "a", "b"]);
    let first = &held.jobs[0];
    assert_eq!((first.attempts, first.unknown, first.since), (0, false, START));
    assert_eq!(first.job, Job::Show { account: acc(), card: Handle::new("c") });
}

pub async fn a_leased_lane_is_left_alone_until_it_is_released(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let held = lease_one(bench, START, LATER).await;
    commit(bench, queue([job("b", lane("acc", "ops"))])).await;
    assert_eq!(lease(bench, 10, START, LATER).await.lanes, []);

    release(bench, held).await;
    assert_eq!(ids(&lease_one(bench, START, LATER).await), ["a", "b"]);
}

pub async fn two_lanes_are_leased_side_by_side(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "dev"))])).await;
    commit(bench, queue([job("c", lane("other", "ops"))])).await;
    let leased = lease(bench, 10, START, LATER).await;
    let mut lanes: Vec<_> = leased.lanes.iter().map(|held| (held.lane.clone(), ids(held))).collect();
    lanes.sort();
    assert_eq!(
        lanes,
        [
            (lane("acc", "dev"), vec!["b".to_owned()]),
            (lane("acc", "ops"), vec!["a".to_owned()]),
            (lane("other", "ops"), vec!["c".to_owned()])
        ]
    );
}

pub async fn no_more_lanes_are_leased_than_asked_for(bench: &impl Bench) {
    commit(bench, queue((0..5).map(|n| job(&format!("j{n}"), lane("acc", &format!("c{n}")))))).await;
    assert_eq!(lease(bench, 0, START, LATER).await.lanes, []);
    assert_eq!(lease(bench, 2, START, LATER).await.lanes.len(), 2);
    assert_eq!(lease(bench, 10, START, LATER).await.lanes.len(), 3);
    assert_eq!(lease(bench, 10, START, LATER).await.lanes, []);
}

pub async fn the_lane_that_was_due_first_is_leased_first(bench: &impl Bench) {
    for (id, due) in [("a", 20), ("b", 10), ("c", 30)] {
        commit(bench, queue([job(id, lane("acc", id)).at(after(due))])).await;
    }
    let leased = lease(bench, 2, after(100), LATER).await;
    assert_eq!(leased.lanes.iter().flat_map(ids).collect::<Vec<_>>(), ["b", "a"]);
}

pub async fn a_head_that_is_not_due_holds_its_lane(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([job("later", ops.clone()).at(after(1_000)), job("at once", ops)])).await;
    assert_eq!(lease(bench, 10, after(999), LATER).await.lanes, []);
    assert_eq!(ids(&lease_one(bench, after(1_000), LATER).await), ["later", "at once"]);
}

pub async fn a_job_that_is_not_due_is_not_handed_out_behind_one_that_is(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([job("a", ops.clone()), job("b", ops.clone()).at(after(1_000)), job("c", ops)])).await;
    let held = lease_one(bench, START, LATER).await;
    assert_eq!(ids(&held), ["a"]);

    settle(bench, &held, "a", done()).await.expect("settled");
    release(bench, held).await;
    let leased = lease(bench, 10, START, LATER).await;
    assert_eq!((leased.lanes, leased.next_due), (vec![], Some(after(1_000))));
    assert_eq!(ids(&lease_one(bench, after(1_000), LATER).await), ["b", "c"]);
}

pub async fn the_next_due_is_that_of_the_earliest_free_lane(bench: &impl Bench) {
    assert_eq!(lease(bench, 10, START, LATER).await.next_due, None);
    commit(bench, queue([job("now", lane("acc", "ops"))])).await;
    assert_eq!(lease(bench, 0, START, LATER).await.next_due, None, "what is due already is no news");

    commit(bench, queue([job("soon", lane("acc", "a")).at(after(1_000)), job("first", lane("acc", "a"))])).await;
    commit(bench, queue([job("later", lane("acc", "b")).at(after(2_000))])).await;
    assert_eq!(lease(bench, 10, START, LATER).await.next_due, Some(after(1_000)));
    // Lane `a` is in somebody's hands by now.
    assert_eq!(lease(bench, 10, after(1_000), LATER).await.next_due, Some(after(2_000)));
    assert_eq!(lease(bench, 10, after(1_500), LATER).await.next_due, Some(after(2_000)));
}

pub async fn a_lease_that_has_ended_may_be_taken_over(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let first = lease_one(bench, START, after(1_000)).await;
    assert_eq!(lease(bench, 10, after(999), LATER).await.lanes, []);
    let second = lease_one(bench, after(1_000), LATER).await;
    assert!(second.epoch > first.epoch, "{} after {}", second.epoch, first.epoch);
    assert_eq!(second.jobs, first.jobs);
}

pub async fn an_ended_lease_that_nobody_took_over_still_holds(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "ops"))])).await;
    let late = lease_one(bench, START, after(1_000)).await;
    bench.store().settle(&late, &JobId::new("a"), &done(), after(5_000)).await.expect("settled");
    bench.store().renew(&late, after(9_000)).await.expect("renewed");
    assert_eq!(lease(bench, 10, after(5_000), LATER).await.lanes, []);
}

pub async fn an_older_lease_is_fenced_off(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let older = lease_one(bench, START, after(1_000)).await;
    let newer = lease_one(bench, after(1_000), LATER).await;

    let follow = Outcome::Done(queue([job("follows", lane("acc", "dev"))]));
    fenced(settle(bench, &older, "a", follow).await);
    fenced(bench.store().renew(&older, after(90_000)).await);
    release(bench, older).await;
    assert_eq!(lease(bench, 10, after(1_000), LATER).await.lanes, [], "the newer lease is as it was");
    settle(bench, &newer, "a", done()).await.expect("settled");
}

pub async fn a_released_lease_is_fenced_off(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let held = lease_one(bench, START, LATER).await;
    release(bench, held.clone()).await;
    fenced(settle(bench, &held, "a", done()).await);
    fenced(bench.store().renew(&held, LATER).await);

    let newer = lease_one(bench, START, LATER).await;
    fenced(settle(bench, &held, "a", done()).await);
    release(bench, held).await;
    settle(bench, &newer, "a", done()).await.expect("settled");
}

pub async fn a_renewed_lease_lasts_longer(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let held = lease_one(bench, START, after(1_000)).await;
    bench.store().renew(&held, after(5_000)).await.expect("renewed");
    assert_eq!(lease(bench, 10, after(4_999), LATER).await.lanes, []);
    assert_eq!(ids(&lease_one(bench, after(5_000), LATER).await), ["a"]);
}

pub async fn a_restart_ends_every_lease_and_loses_no_job(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([job("a", ops.clone()), job("b", ops.clone()), job("c", lane("acc", "dev"))])).await;
    let before = lease(bench, 10, START, LATER).await.lanes;

    bench.restart().await;
    assert_eq!(
        waiting(bench, START).await,
        [(lane("acc", "dev"), vec!["c".to_owned()]), (ops.clone(), vec!["a".to_owned(), "b".to_owned()])]
    );
    let after = lease(bench, 10, START, LATER).await.lanes;
    for held in before {
        fenced(settle(bench, &held, ids(&held)[0].as_str(), done()).await);
        fenced(bench.store().renew(&held, LATER).await);
    }
    let held = after.iter().find(|held| held.lane == ops).expect("leased anew");
    settle(bench, held, "a", done()).await.expect("settled");
}

pub async fn no_lease_of_an_earlier_process_is_ever_taken_for_a_new_one(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let mut earlier = Vec::new();
    for _ in 0..5 {
        let held = lease_one(bench, START, LATER).await;
        earlier.push(held.clone());
        release(bench, held).await;
    }
    bench.restart().await;
    for _ in 0..5 {
        let held = lease_one(bench, START, LATER).await;
        for old in &earlier {
            fenced(bench.store().renew(old, LATER).await);
        }
        release(bench, held).await;
    }
}

pub async fn however_much_is_asked_of_sentry_messages_are_leased(bench: &impl Bench) {
    let question = |n: usize| job(&format!("q{n}"), Lane::refresh(&IssueId::new(n.to_string())));
    commit(bench, queue((0..9).map(question))).await;
    commit(bench, queue([job("message", lane("acc", "ops"))])).await;
    let first = lease(bench, 16, START, LATER).await.lanes;
    assert_eq!(first.len(), ASKING + 1, "{first:?}");
    assert!(first.iter().any(|leased| leased.lane == lane("acc", "ops")));
    assert_eq!(lease(bench, 16, START, LATER).await.lanes, []);
    let question = first.into_iter().find(|leased| leased.lane != lane("acc", "ops")).expect("one");
    settle(bench, &question, question.jobs[0].id.as_str(), done()).await.expect("settled");
    release(bench, question).await;
    assert_eq!(lease(bench, 16, START, LATER).await.lanes.len(), 1, "one has ended, the next begins");
}
