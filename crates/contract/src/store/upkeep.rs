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
    assert_eq!(facts.people_in(&acc(), &sample::ops().channel).await.expect("read"), []);
    assert_eq!(facts.paused(&acc(), &sample::ops().channel).await.expect("read"), None);
    assert!(bench.vault().load(&credential).await.expect("read").is_none());
    assert_eq!(waiting(bench, after(10_000)).await, []);
    assert_eq!(dead_letters(bench).await, []);
}

pub async fn an_account_that_is_let_go_leaves_the_grants_that_are_to_be_revoked(bench: &impl Bench) {
    let other_credential = inhabit(bench, "acc").await;
    let facts = bench.facts();
    let credential = linked(inhabitant("acc"), "acc").credential;
    assert_eq!(facts.grants_of(&acc()).await.expect("read"), std::slice::from_ref(&credential));
    let held = CredentialId::new("held by an attempt");
    let exchanging = Link {
        id: Digest([9; 32]),
        person: sample::person("acc", "U2", "Ben"),
        stage: Stage::Exchanging { credential: held.clone() },
        ..link(3, inhabitant("acc"))
    };
    commit(bench, change(RowChange::PutLink(exchanging))).await;
    let mut grants = facts.grants_of(&acc()).await.expect("read");
    grants.sort();
    let mut both = [credential.clone(), held.clone()];
    both.sort();
    assert_eq!(grants, both);
    assert_eq!(facts.grants_of(&other()).await.expect("read"), []);

    let key = |grant| CredentialKey::of_person(&acc(), grant);
    for grant in [&credential, &held] {
        bench.vault().save(&key(grant), &Secret::new("token"), None).await.expect("saved");
    }
    commit(bench, change(RowChange::LetAccountGo { account: acc(), grants: vec![credential.clone()] })).await;
    bench.restart().await;
    assert!(bench.vault().load(&key(&credential)).await.expect("read").is_some());
    for gone in [key(&held), other_credential] {
        assert!(bench.vault().load(&gone).await.expect("read").is_none());
    }
    let facts = bench.facts();
    assert_eq!(facts.account(&acc()).await.expect("read"), None);
    assert_eq!(facts.subscriptions_of(&acc()).await.expect("read"), []);
    assert_eq!(facts.grants_of(&acc()).await.expect("read"), []);
    assert_eq!(waiting(bench, after(10_000)).await, []);
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
    assert_eq!(facts.people_in(&other(), &sample::ops().channel).await.expect("read").len(), 1);
    assert!(facts.paused(&other(), &sample::ops().channel).await.expect("read").is_some());
    assert!(bench.vault().load(&credential).await.expect("read").is_some());
    assert_eq!(waiting(bench, after(10_000)).await.len(), 1);
    assert_eq!(dead_letters(bench).await.len(), 1);
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

pub async fn a_key_is_known_for_a_day(bench: &impl Bench) {
    let store = bench.store();
    for (n, at) in [(1, START), (2, after(1))] {
        store.commit(&[key(n)], &Decision::nothing(), at).await.expect("committed");
    }
    sweep(bench, DAY + 1).await;

    let swept = store.commit(&[key(1)], &Decision::nothing(), LATER).await;
    assert!(matches!(swept, Ok(Committed::Fresh)), "{swept:?}");
    let kept = store.commit(&[key(2)], &Decision::nothing(), LATER).await;
    assert!(matches!(kept, Ok(Committed::Already)), "{kept:?}");
}

pub async fn a_key_remembered_for_ever_survives_every_sweep(bench: &impl Bench) {
    let store = bench.store();
    // Wherever in the decision it stands, and for the keys of this commit only.
    let forever = change(RowChange::PutAccount(Account { id: acc(), installer: None, since: None }))
        .and(RowChange::RememberForEver)
        .and(RowChange::PurgeAccount(acc()));
    store.commit(&[key(1), key(2)], &forever, START).await.expect("committed");
    store.commit(&[key(3)], &Decision::nothing(), START).await.expect("committed");
    for days in [2, 400, 40_000] {
        sweep(bench, days * DAY).await;
    }
    bench.restart().await;
    let store = bench.store();
    for n in [1, 2] {
        let kept = store.commit(&[key(n)], &forever, START).await;
        assert!(matches!(kept, Ok(Committed::Already)), "{kept:?}");
    }
    let swept = store.commit(&[key(3)], &Decision::nothing(), START).await;
    assert!(matches!(swept, Ok(Committed::Fresh)), "{swept:?}");
}

pub async fn an_attempt_is_swept_a_day_after_its_end_unless_it_holds_a_grant(bench: &impl Bench) {
    let stages = [Stage::Offered, Stage::Ended, exchanging(), awaiting_code(), Stage::Offered, Stage::Ended];
    for (n, stage) in (1..).zip(stages) {
        // The last two still have a millisecond.
        let expires = after(if n <= 4 { 999 } else { 1_000 });
        let attempt = Link { expires, ..link(n, sample::person("acc", &format!("U{n}"), "Somebody")) };
        commit(bench, change(RowChange::PutLink(attempt.clone()))).await;
        if stage != Stage::Offered {
            commit(bench, change(RowChange::PutLink(attempt.at(stage)))).await;
        }
    }
    sweep(bench, DAY + 1_000).await;

    let mut left = Vec::new();
    for n in 1..=6 {
        left.extend(bench.facts().link(&Digest([n; 32])).await.expect("read").map(|_| n));
    }
    assert_eq!(left, [3, 4, 5, 6], "a grant is revoked before its attempt is forgotten");
}

pub async fn an_unreadable_body_is_kept_as_it_came_for_seven_days(bench: &impl Bench) {
    let bodies =
        [("sentry", 0, b"{\"title\":\"\\ud800\"".to_vec()), ("zoom", 1, vec![0, 0xff, b'{']), ("zoom", 2, Vec::new())];
    for (source, at, body) in &bodies {
        let keep = RowChange::KeepUnreadable { source: (*source).to_owned(), body: body.clone() };
        commit_at(bench, change(keep), after(*at)).await;
    }
    let all = bodies.map(|(source, at, body)| (source.to_owned(), after(at), body));
    bench.restart().await;
    assert_eq!(bench.journal().unreadable().await.expect("read"), all);

    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    sweep(bench, 7 * DAY).await;
    assert_eq!(bench.journal().unreadable().await.expect("read"), all);
    sweep(bench, 7 * DAY + 1).await;
    assert_eq!(bench.journal().unreadable().await.expect("read"), all[1..]);
}

pub async fn a_dead_letter_is_kept_for_thirty_days(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "ops"))])).await;
    let held = lease_one(bench, START, LATER).await;
    for (id, at) in [("a", START), ("b", after(1))] {
        bench.store().settle(&held, &JobId::new(id), &dead("gone"), at).await.expect("settled");
    }
    sweep(bench, 30 * DAY).await;
    assert_eq!(dead_ids(bench).await, ["a", "b"]);
    sweep(bench, 30 * DAY + 1).await;
    assert_eq!(dead_ids(bench).await, ["b"]);
}

async fn sweep(bench: &impl Bench, ms: i64) {
    commit(bench, change(RowChange::Sweep { now: after(ms) })).await;
}

/// One of everything in `account`.
async fn inhabit(bench: &impl Bench, account: &str) -> CredentialKey {
    let (person, place) = (inhabitant(account), sample::channel(account, "ops"));
    let card = card(account, place.clone());
    let n = account.len() as u8;
    commit(bench, queue([job(&format!("dead {account}"), lane(account, "ops"))])).await;
    give_up(bench, &format!("dead {account}")).await;

    let everything =
        change(RowChange::PutAccount(Account { id: AccountId::new(account), installer: None, since: None }))
            .and(RowChange::Subscribe(subscription(place.clone(), "checkout", 0)))
            .and(RowChange::put_card(card.clone()))
            .and(RowChange::PutLink(link(n, person.clone())))
            .and(RowChange::LinkPerson(linked(person.clone(), account)))
            .and(RowChange::Pause(Pause {
                account: place.account.clone(),
                channel: place.channel.clone(),
                since: START,
                why: "gone".into(),
            }))
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
