//! What hooks send, each to an address of its own.

use std::sync::Arc;

use zentry_contract::fake::{FakeHook, FakeTracker};
use zentry_contract::sample::{START, project};
use zentry_contract::webhook::HeaderList;
use zentry_domain::ports::{Header, Headers};
use zentry_domain::{
    AccountId, Actor, CredentialId, Decision, Digest, Hook, HookKind, IssueId, RowChange, Store, Tracker,
};
use zentry_ingress::HookDoor;

use crate::client::{Reply, Request};
use crate::world::{CAP, World, ada};

/// The door of a tracker's hooks.
pub(crate) fn door(tracker: &Arc<FakeTracker>) -> HookDoor {
    HookDoor { source: "hook", path: "/sentry/hooks/", cap: CAP, webhook: Arc::<FakeTracker>::clone(tracker) }
}

/// SHA-256 of `token`.
const TOKEN: Digest = Digest([
    0x3c, 0x46, 0x9e, 0x9d, 0x6c, 0x58, 0x75, 0xd3, 0x7a, 0x43, 0xf3, 0x53, 0xd4, 0xf8, 0x8e, 0x61, 0xfc, 0xf8, 0x12,
    0xc6, 0x6e, 0xee, 0x34, 0x57, 0x46, 0x5a, 0x40, 0xb0, 0xda, 0x41, 0x53, 0xe0,
]);

/// A hook that the tracker has made and that we know.
async fn hook(world: &World) -> FakeHook {
    let (account, credential) = (AccountId::new("acc"), CredentialId::new("c"));
    world.tracker.grant(&account, &credential, &ada());
    world.tracker.set_manager(&project("checkout").org, &ada(), true);
    let (actor, project) = (Actor::Person { account, credential }, project("checkout"));
    let made = world.tracker.make_hook(&actor, &project, HookKind::Event, "https://x/token").await;
    let (id, token) = (made.expect("made"), TOKEN);
    let kind = HookKind::Event;
    let hook = Hook { id, token, kind, project: project.clone(), by: None, ended: None, is_stranded: false };
    put(world, RowChange::PutHook(Box::new(hook))).await;
    world.tracker.hooks_in(&project.id).remove(0)
}

async fn put(world: &World, change: RowChange) {
    world.store.commit(&[], &Decision::nothing().and(change), START).await.expect("stored");
}

async fn post(world: &World, path: &str, (headers, body): (HeaderList, String)) -> Reply {
    let request = Request::post(path).body(&body);
    let carried = [FakeHook::NAME, FakeHook::SIGNATURE].into_iter().filter_map(|name| match headers.get(name) {
        Header::One(value) => Some((name, String::from_utf8_lossy(value).into_owned())),
        _ => None,
    });
    let request = carried.fold(request, |request, (name, value)| request.header(name, &value));
    request.send(world.at).await
}

#[tokio::test]
async fn a_hook_is_answered_at_its_own_address_and_nowhere_else() {
    let world = World::start().await;
    let hook = hook(&world).await;
    let says = |times| hook.says(&IssueId::new("42"), times);
    assert_eq!(post(&world, "/sentry/hooks/token", says(1)).await.status, 200);
    assert_eq!(post(&world, "/sentry/hooks/token", says(1)).await.status, 200);
    for path in
        ["/sentry/hooks/tokem", "/sentry/hooks/", "/sentry/hooks", "/sentry/hooks/token/", "/sentry/hooks/t%6fken"]
    {
        assert_eq!(post(&world, path, says(1)).await.status, 404, "{path}");
    }
    assert_eq!(Request::get("/sentry/hooks/token").send(world.at).await.status, 405);
    let (headers, body) = says(1);
    assert_eq!(post(&world, "/sentry/hooks/token", (headers.clone(), "43*1".into())).await.status, 401);
    let unsigned = headers.without(FakeHook::SIGNATURE);
    assert_eq!(post(&world, "/sentry/hooks/token", (unsigned, body)).await.status, 401);
    assert_eq!(post(&world, "/sentry/hooks/token", (HeaderList::new(), "x".repeat(CAP + 1))).await.status, 413);
}

#[tokio::test]
async fn what_a_hook_sends_that_has_ended_is_dropped_and_a_store_that_is_down_says_so() {
    let world = World::start().await;
    let hook = hook(&world).await;
    let says = || hook.says(&IssueId::new("42"), 1);
    world.store.set_down(true);
    assert_eq!(post(&world, "/sentry/hooks/token", says()).await.status, 500);
    world.store.set_down(false);
    put(&world, RowChange::EndHook { token: TOKEN, at: START, is_stranded: false }).await;
    assert_eq!(post(&world, "/sentry/hooks/token", says()).await.status, 200);
    assert_eq!(post(&world, "/sentry/hooks/token", (HeaderList::new(), "anything".into())).await.status, 200);
    // Nobody can delete it: Sentry hears that there is nothing here.
    put(&world, RowChange::EndHook { token: TOKEN, at: START, is_stranded: true }).await;
    assert_eq!(post(&world, "/sentry/hooks/token", says()).await.status, 404);
}
