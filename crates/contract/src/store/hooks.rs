use super::*;
use zentry_domain::{Hook, HookId, HookKind, Revision};

const THIRTY_DAYS: i64 = 30 * 24 * 3_600 * 1_000;

fn hook(token: u8, kind: HookKind, account: &str) -> Hook {
    Hook {
        id: HookId::new(format!("hook-{token}")),
        token: Digest([token; 32]),
        kind,
        project: sample::project("checkout"),
        by: Some((AccountId::new(account), sample::ana().user)),
        ended: None,
        is_stranded: false,
    }
}

pub async fn a_hook_is_found_by_its_token_and_lives_until_it_ends(bench: &impl Bench) {
    let (alert, event) = (hook(1, HookKind::Alert, "acc"), hook(2, HookKind::Event, "acc"));
    for hook in [&alert, &event, &alert] {
        commit(bench, change(RowChange::PutHook(Box::new(hook.clone())))).await;
    }
    bench.restart().await;
    let facts = bench.facts();
    assert_eq!(facts.hook(&alert.token).await.expect("read"), Some(alert.clone()));
    assert_eq!(facts.hook(&Digest([9; 32])).await.expect("read"), None);
    assert_eq!(facts.hooks().await.expect("read").len(), 2);

    for token in [alert.token, Digest([9; 32])] {
        commit(bench, change(RowChange::EndHook { token, at: after(7), is_stranded: false })).await;
    }
    assert_eq!(facts.hooks().await.expect("read"), [event]);
    let ended = Hook { ended: Some(after(7)), ..alert.clone() };
    assert_eq!(facts.hook(&alert.token).await.expect("read"), Some(ended));
    commit(bench, change(RowChange::EndHook { token: alert.token, at: after(7), is_stranded: true })).await;
    let stranded = Hook { ended: Some(after(7)), is_stranded: true, ..alert.clone() };
    assert_eq!(facts.hook(&alert.token).await.expect("read"), Some(stranded));
    commit(bench, change(RowChange::Sweep { now: after(THIRTY_DAYS + 7) })).await;
    assert!(facts.hook(&alert.token).await.expect("read").is_some());
    commit(bench, change(RowChange::Sweep { now: after(THIRTY_DAYS + 8) })).await;
    assert_eq!(facts.hook(&alert.token).await.expect("read"), None);
    assert_eq!(facts.hooks().await.expect("read").len(), 1);
}

pub async fn whoever_tends_hooks_looks_again_where_others_were_wished_for_meanwhile(bench: &impl Bench) {
    let tend = |id: &str| NewJob {
        id: JobId::new(id),
        lane: Lane::hooks(),
        job: Job::TendHooks,
        due: None,
        unless_waiting: true,
        counted: false,
    };
    let wish = |id: &str| change(RowChange::WishForHooks).then(tend(id));
    let ended = |seen, id: &str| {
        let later = NewJob { due: Some(after(5_000)), ..tend("later") };
        Outcome::Done(change(RowChange::TendIfBehind { seen, again: tend(id) }).then(later))
    };
    assert_eq!(bench.facts().hook_wishes().await.expect("read"), Revision::default());
    commit(bench, wish("first")).await;
    bench.restart().await;
    let seen = bench.facts().hook_wishes().await.expect("read");
    assert_ne!(seen, Revision::default());
    // While one is at it somebody wishes for others; their job is left out, because one is in the worker's hands.
    let held = lease_one(bench, START, LATER).await;
    commit(bench, wish("second")).await;
    settle(bench, &held, "first", ended(seen, "again")).await.expect("settled");
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, [(Lane::hooks(), vec!["again".to_owned()])]);

    let seen = bench.facts().hook_wishes().await.expect("read");
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "again", ended(seen, "once more")).await.expect("settled");
    release(bench, held).await;
    assert_eq!(waiting(bench, START).await, []);
    assert_eq!(waiting(bench, after(5_000)).await, [(Lane::hooks(), vec!["later".to_owned()])]);
}

pub async fn a_hook_stays_when_the_account_of_whoever_made_it_is_purged(bench: &impl Bench) {
    for hook in [hook(1, HookKind::Alert, "acc"), hook(2, HookKind::Alert, "other")] {
        commit(bench, change(RowChange::PutHook(Box::new(hook)))).await;
    }
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    let hook_of = async |token| bench.facts().hook(&Digest([token; 32])).await.expect("read").expect("there");
    assert_eq!((hook_of(1).await.by, hook_of(1).await.ended), (None, None));
    assert!(hook_of(2).await.by.is_some());
}
