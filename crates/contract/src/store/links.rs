use super::*;

pub async fn an_attempt_to_link_from_a_stale_revision_conflicts(bench: &impl Bench) {
    let offered = link(1, sample::ana());
    conflicts(bench, change(RowChange::PutLink(offered.clone().at(Stage::Ended)))).await;
    commit(bench, change(RowChange::PutLink(offered.clone()))).await;
    conflicts(bench, change(RowChange::PutLink(offered.clone()))).await;

    let ended = offered.clone().at(Stage::Ended);
    commit(bench, change(RowChange::PutLink(ended.clone()))).await;
    conflicts(bench, change(RowChange::PutLink(offered.at(Stage::Exchanging)))).await;
    assert_eq!(read(bench, 1).await, Some(ended));
}

pub async fn every_stage_of_an_attempt_comes_back_unchanged(bench: &impl Bench) {
    let mut attempt = link(1, sample::ana());
    attempt.then = Pending::Press { card: Handle::new("h1"), action: Action::Archive };
    attempt.resent = vec![after(1), after(2)];
    commit(bench, change(RowChange::PutLink(attempt.clone()))).await;
    assert_eq!(read(bench, 1).await, Some(attempt.clone()));

    for stage in [at_sentry(7), Stage::Exchanging, awaiting_code(), Stage::Ended] {
        attempt = Link { expires: after(1_200_000), ..attempt.at(stage) };
        commit(bench, change(RowChange::PutLink(attempt.clone()))).await;
        assert_eq!(read(bench, 1).await, Some(attempt.clone()));
    }
    bench.restart().await;
    assert_eq!(read(bench, 1).await, Some(attempt));
}

pub async fn the_attempt_at_sentry_is_found_by_its_state_until_it_comes_back(bench: &impl Bench) {
    let offered = link(1, sample::ana());
    commit(bench, change(RowChange::PutLink(offered.clone()))).await;
    let gone = offered.at(at_sentry(7));
    commit(bench, change(RowChange::PutLink(gone.clone()))).await;

    let facts = bench.facts();
    assert_eq!(facts.link_at_sentry(&Digest([7; 32])).await.expect("read"), Some(gone.clone()));
    // The cookie is no `state`.
    assert_eq!(facts.link_at_sentry(&Digest([8; 32])).await.expect("read"), None);

    commit(bench, change(RowChange::PutLink(gone.at(Stage::Exchanging)))).await;
    assert_eq!(facts.link_at_sentry(&Digest([7; 32])).await.expect("read"), None);
}

pub async fn the_open_attempt_is_the_newest_that_has_not_ended(bench: &impl Bench) {
    assert_eq!(open(bench).await, None);
    // In an order that no digest has, nor any end.
    for (n, expires) in [(5, 300), (9, 100), (1, 200)] {
        let attempt = Link { expires: after(expires), ..link(n, sample::ana()) };
        commit(bench, change(RowChange::PutLink(attempt))).await;
    }
    commit(bench, change(RowChange::PutLink(link(2, sample::ben())))).await;
    assert_eq!(open(bench).await, Some(Digest([1; 32])));

    // A change of an older one does not make it newer.
    let older = read(bench, 9).await.expect("there").at(at_sentry(7));
    commit(bench, change(RowChange::PutLink(older))).await;
    assert_eq!(open(bench).await, Some(Digest([1; 32])));

    let newest = read(bench, 1).await.expect("there").at(Stage::Ended);
    commit(bench, change(RowChange::PutLink(newest))).await;
    assert_eq!(open(bench).await, Some(Digest([9; 32])));
}

pub async fn a_dropped_attempt_is_gone(bench: &impl Bench) {
    for n in [1, 2] {
        commit(bench, change(RowChange::PutLink(link(n, sample::ana())))).await;
    }
    commit(bench, change(RowChange::DropLink(Digest([2; 32])))).await;
    commit(bench, change(RowChange::DropLink(Digest([3; 32])))).await;
    assert_eq!(read(bench, 2).await, None);
    assert_eq!(open(bench).await, Some(Digest([1; 32])));
}

pub async fn a_linked_person_is_replaced_and_unlinked(bench: &impl Bench) {
    let facts = bench.facts();
    let (ana, ben) = (sample::ana().user, sample::ben().user);
    assert_eq!(facts.linked(&acc(), &ana).await.expect("read"), None);

    commit(bench, change(RowChange::LinkPerson(linked(sample::ben(), "of ben")))).await;
    for grant in ["first", "second"] {
        let linked = linked(sample::ana(), grant);
        commit(bench, change(RowChange::LinkPerson(linked.clone()))).await;
        assert_eq!(facts.linked(&acc(), &ana).await.expect("read"), Some(linked));
    }

    let unlink = change(RowChange::UnlinkPerson { account: acc(), user: ana.clone() });
    commit(bench, unlink.clone()).await;
    commit(bench, unlink).await;
    assert_eq!(facts.linked(&acc(), &ana).await.expect("read"), None);
    assert!(facts.linked(&acc(), &ben).await.expect("read").is_some());
}

fn at_sentry(state: u8) -> Stage {
    Stage::AtSentry { state: Digest([state; 32]), cookie: Digest([state + 1; 32]) }
}

async fn read(bench: &impl Bench, n: u8) -> Option<Link> {
    bench.facts().link(&Digest([n; 32])).await.expect("read")
}

async fn open(bench: &impl Bench) -> Option<Digest> {
    bench.facts().open_link(&acc(), &sample::ana().user).await.expect("read").map(|link| link.id)
}
