use super::*;

pub async fn a_purged_account_leaves_nothing_behind(bench: &impl Bench) {
    let credential = inhabit(bench, "acc").await;
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    bench.restart().await;

    let facts = bench.facts();
    let user = inhabitant("acc").user;
    assert_eq!(facts.account(&acc()).await.expect("read"), None);
    assert_eq!(facts.subscriptions_of(&acc()).await.expect("read"), []);
    assert_eq!(facts.cards_of(&IssueId::new("42")).await.expect("read"), []);
    assert_eq!(facts.link(&Digest([3; 32])).await.expect("read"), None);
    assert_eq!(facts.open_link(&acc(), &user).await.expect("read"), None);
    assert_eq!(facts.linked(&acc(), &user).await.expect("read"), None);
    assert_eq!(facts.channels_known_to(&acc(), &user).await.expect("read"), []);
    assert!(bench.vault().load(&credential).await.expect("read").is_none());
    assert_eq!(waiting(bench, after(10_000)).await, []);
    assert_eq!(bench.dead().await, []);
}

pub async fn a_purge_touches_no_other_account(bench: &impl Bench) {
    let credential = inhabit(bench, "other").await;
    inhabit(bench, "acc").await;
    let installation = InstallationId::new("i1");
    commit(bench, change(RowChange::PutInstallation { installation: installation.clone(), org: OrgSlug::new("acme") }))
        .await;
    bench.store().commit(&[key(1)], &change(RowChange::PurgeAccount(acc())), START).await.expect("committed");

    let facts = bench.facts();
    let user = inhabitant("other").user;
    assert!(facts.account(&other()).await.expect("read").is_some());
    assert_eq!(facts.subscriptions_of(&other()).await.expect("read").len(), 1);
    assert_eq!(facts.cards_of(&IssueId::new("42")).await.expect("read").len(), 1);
    assert!(facts.open_link(&other(), &user).await.expect("read").is_some());
    assert!(facts.linked(&other(), &user).await.expect("read").is_some());
    assert_eq!(facts.channels_known_to(&other(), &user).await.expect("read").len(), 1);
    assert!(bench.vault().load(&credential).await.expect("read").is_some());
    assert_eq!(waiting(bench, after(10_000)).await.len(), 1);
    assert_eq!(bench.dead().await.len(), 1);
    // What belongs to no account stays: an installation, and what makes a repeat of the purge recognisable.
    assert!(facts.installation(&installation).await.expect("read").is_some());
    let repeat = bench.store().commit(&[key(1)], &Decision::nothing(), START).await;
    assert!(matches!(repeat, Ok(Committed::Already)), "{repeat:?}");
}

pub async fn a_purge_while_a_job_is_in_hand_fences_it_off(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let held = lease_one(bench, START, LATER).await;
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;

    fenced(settle(bench, &held, "a", Outcome::Retry { at: START }).await);
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, []);
    commit(bench, queue([job("b", lane("acc", "ops"))])).await;
    assert_eq!(waiting(bench, START).await, [(lane("acc", "ops"), vec!["b".to_owned()])]);
}

pub async fn a_swept_key_is_fresh_again(bench: &impl Bench) {
    let store = bench.store();
    for (n, at) in [(1, START), (2, after(1_000))] {
        store.commit(&[key(n)], &Decision::nothing(), at).await.expect("committed");
    }
    commit(bench, change(RowChange::Sweep { before: after(1_000) })).await;

    let swept = store.commit(&[key(1)], &Decision::nothing(), LATER).await;
    assert!(matches!(swept, Ok(Committed::Fresh)), "{swept:?}");
    let kept = store.commit(&[key(2)], &Decision::nothing(), LATER).await;
    assert!(matches!(kept, Ok(Committed::Already)), "{kept:?}");
}

pub async fn an_old_attempt_is_swept_unless_it_holds_a_grant(bench: &impl Bench) {
    let expired = |n, at| Link { expires: after(at), ..link(n, sample::ana()) };
    for attempt in [expired(1, 999), expired(2, 999), expired(3, 1_000), expired(4, 999)] {
        commit(bench, change(RowChange::PutLink(attempt))).await;
    }
    commit(bench, change(RowChange::PutLink(expired(2, 999).at(Stage::Ended)))).await;
    commit(bench, change(RowChange::PutLink(expired(4, 999).at(awaiting_code())))).await;
    commit(bench, change(RowChange::Sweep { before: after(1_000) })).await;

    let mut left = Vec::new();
    for n in 1..=4 {
        left.extend(bench.facts().link(&Digest([n; 32])).await.expect("read").map(|_| n));
    }
    assert_eq!(left, [3, 4], "a grant is revoked before its attempt is forgotten");
}

/// One of everything in `account`.
async fn inhabit(bench: &impl Bench, account: &str) -> CredentialKey {
    let (person, place) = (inhabitant(account), sample::channel(account, "ops"));
    let card = card(account, place.clone());
    let n = account.len() as u8;
    commit(bench, queue([job(&format!("dead {account}"), lane(account, "ops"))])).await;
    let held = lease_one(bench, START, LATER).await;
    let dead = Outcome::Dead { why: "gone".into(), then: Decision::nothing() };
    settle(bench, &held, &format!("dead {account}"), dead).await.expect("settled");
    release(bench, held).await;

    let everything = change(RowChange::PutAccount(Account { id: AccountId::new(account), installer: None }))
        .and(RowChange::Subscribe(subscription(place.clone(), "checkout", 0)))
        .and(RowChange::PutCard(card.clone()))
        .and(RowChange::PutLink(link(n, person.clone())))
        .and(RowChange::LinkPerson(linked(person.clone(), account)))
        .and(RowChange::Saw { place, person })
        .then(show(account, &card).at(after(10_000)));
    commit(bench, everything).await;

    let credential = CredentialKey { owner: Owner::Zoom(AccountId::new(account)), name: "grant".into() };
    bench.vault().save(&credential, &Secret::new("token"), None).await.expect("saved");
    credential
}

fn inhabitant(account: &str) -> Person {
    sample::person(account, "U1", "Ana")
}
