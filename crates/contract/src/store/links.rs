use super::*;

pub async fn an_attempt_to_link_from_a_stale_revision_conflicts(bench: &impl Bench) {
    let offered = link(1, sample::ana());
    conflicts(bench, change(RowChange::PutLink(offered.clone().at(Stage::Ended)))).await;
    commit(bench, change(RowChange::PutLink(offered.clone()))).await;
    conflicts(bench, change(RowChange::PutLink(offered.clone()))).await;

    let ended = offered.clone().at(Stage::Ended);
    commit(bench, change(RowChange::PutLink(ended.clone()))).await;
    conflicts(bench, change(RowChange::PutLink(offered.at(exchanging())))).await;
    assert_eq!(read(bench, 1).await, Some(ended));
}

pub async fn every_stage_of_an_attempt_comes_back_unchanged(bench: &impl Bench) {
    let mut attempt = link(1, sample::ana());
    attempt.then = Pending::Press { card: Handle::new("h1"), action: Action::Archive };
    attempt.offered = after(1);
    attempt.again = true;
    commit(bench, change(RowChange::PutLink(attempt.clone()))).await;
    assert_eq!(read(bench, 1).await, Some(attempt.clone()));

    for stage in [at_sentry(7), exchanging(), awaiting_code(), Stage::Ended] {
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

    commit(bench, change(RowChange::PutLink(gone.at(exchanging())))).await;
    assert_eq!(facts.link_at_sentry(&Digest([7; 32])).await.expect("read"), None);
}

pub async fn the_open_attempt_is_the_one_that_has_not_ended(bench: &impl Bench) {
    assert_eq!(open(bench).await, None);
    // In an order that no digest has, nor any end.
    for (n, expires) in [(5, 300), (9, 100), (1, 200)] {
        let attempt = Link { expires: after(expires), ..link(n, sample::ana()) };
        commit(bench, change(RowChange::PutLink(attempt.clone()))).await;
        assert_eq!(open(bench).await, Some(Digest([n; 32])));
        for stage in [at_sentry(7), exchanging(), awaiting_code()] {
            let open_still = read(bench, n).await.expect("there").at(stage);
            commit(bench, change(RowChange::PutLink(open_still))).await;
            assert_eq!(open(bench).await, Some(Digest([n; 32])));
        }
        let ended = read(bench, n).await.expect("there").at(Stage::Ended);
        commit(bench, change(RowChange::PutLink(ended))).await;
        assert_eq!(open(bench).await, None);
    }
    commit(bench, change(RowChange::PutLink(link(2, sample::ben())))).await;
    assert_eq!(open(bench).await, None, "another person's");
}

pub async fn a_second_attempt_conflicts_until_the_first_has_ended(bench: &impl Bench) {
    let (first, second) = (link(1, sample::ana()), link(2, sample::ana()));
    commit(bench, change(RowChange::PutLink(first.clone()))).await;
    conflicts(bench, change(RowChange::PutLink(second.clone()))).await;
    assert_eq!(read(bench, 2).await, None);
    commit(bench, change(RowChange::PutLink(link(3, sample::ben())))).await;
    commit(bench, change(RowChange::PutLink(link(4, Person { account: other(), ..sample::ana() })))).await;

    let ended = first.at(Stage::Ended);
    commit(bench, change(RowChange::PutLink(ended.clone()))).await;
    commit(bench, change(RowChange::PutLink(second))).await;
    conflicts(bench, change(RowChange::PutLink(ended.at(Stage::Offered)))).await;
    assert_eq!(open(bench).await, Some(Digest([2; 32])));
}

pub async fn one_decision_may_end_an_attempt_and_begin_another(bench: &impl Bench) {
    let (first, second) = (link(1, sample::ana()), link(2, sample::ana()));
    commit(bench, change(RowChange::PutLink(first.clone()))).await;
    let end = RowChange::PutLink(first.clone().at(Stage::Ended));
    let begin = RowChange::PutLink(second);
    // The order counts.
    conflicts(bench, change(begin.clone()).and(end.clone())).await;
    assert_eq!(read(bench, 1).await, Some(first));
    commit(bench, change(end).and(begin)).await;
    assert_eq!(open(bench).await, Some(Digest([2; 32])));
}

pub async fn links_sent_again_are_counted_since_a_time(bench: &impl Bench) {
    let ended = |n, offered, again, person| Link { offered: after(offered), again, ..link(n, person) }.at(Stage::Ended);
    for (n, offered, again, person) in [
        (1, 10, true, sample::ana()),
        (2, 20, true, sample::ana()),
        (3, 30, false, sample::ana()),
        (4, 40, true, sample::ana()),
        (5, 40, true, sample::ben()),
        (6, 40, true, Person { account: other(), ..sample::ana() }),
    ] {
        let ended = ended(n, offered, again, person);
        let begun = Link { stage: Stage::Offered, revision: Revision(1), ..ended.clone() };
        commit(bench, change(RowChange::PutLink(begun)).and(RowChange::PutLink(ended))).await;
    }
    for (since, sent) in [(0, 3), (10, 3), (11, 2), (20, 2), (40, 1), (41, 0)] {
        let found = bench.facts().links_again(&acc(), &sample::ana().user, after(since)).await.expect("read");
        assert_eq!(found, sent, "since {since}");
    }
}

pub async fn a_dropped_attempt_is_gone(bench: &impl Bench) {
    for (n, person) in [(1, sample::ana()), (2, sample::ben())] {
        commit(bench, change(RowChange::PutLink(link(n, person)))).await;
    }
    commit(bench, change(RowChange::DropLink(Digest([2; 32])))).await;
    commit(bench, change(RowChange::DropLink(Digest([3; 32])))).await;
    assert_eq!(read(bench, 2).await, None);
    assert_eq!(open(bench).await, Some(Digest([1; 32])));
    commit(bench, change(RowChange::PutLink(link(4, sample::ben())))).await;
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

pub async fn what_a_person_manages_is_kept_with_the_grant_that_told_it(bench: &impl Bench) {
    let first = linked(sample::ana(), "first");
    commit(bench, change(RowChange::LinkPerson(first.clone()))).await;
    let told = LinkedPerson { manages: vec![OrgSlug::new("acme")], roles_read: Some(after(1)), ..first.clone() };
    let put = |linked: &LinkedPerson| change(RowChange::PutRoles { linked: Box::new(linked.clone()) });
    commit(bench, put(&told)).await;
    bench.restart().await;
    let read = async || bench.facts().linked(&acc(), &sample::ana().user).await.expect("read");
    assert_eq!(read().await, Some(told.clone()));
    let second = linked(sample::ana(), "second");
    commit(bench, change(RowChange::LinkPerson(second.clone()))).await;
    commit(bench, put(&told)).await;
    assert_eq!(read().await, Some(second), "another account's role");
    commit(bench, put(&linked(sample::ben(), "third"))).await;
    assert_eq!(bench.facts().linked(&acc(), &sample::ben().user).await.expect("read"), None);
}
