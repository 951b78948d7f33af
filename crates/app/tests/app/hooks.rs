//! Hooks in projects at Sentry, where nothing else brings their events.

use std::time::Duration;

use zentry_contract::fake::FakeHook;
use zentry_contract::sample::{self, START, ana, channel, ops, project};
use zentry_domain::ports::{Delivery, Received};
use zentry_domain::{
    Decision, Event, Facts, Hook, HookKind, HookWebhook, InstallationId, IssueId, Job, NoHook, RowChange, Store, say,
};

use crate::world::{World, ana_at_sentry};

const HOUR: Duration = Duration::from_secs(3_600);

/// Ana is linked, manages acme, and no integration is known there.
async fn hooked() -> World {
    let world = World::new(|deployment| deployment.service_hooks = true);
    world.tracker.set_manager(&project("checkout").org, &ana_at_sentry(), true);
    world
}

/// The same, and she has connected #ops to checkout.
async fn connected() -> World {
    let world = hooked().await;
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    world
}

fn at_sentry(world: &World) -> Vec<FakeHook> {
    world.tracker.hooks_in(&project("checkout").id)
}

async fn known(world: &World) -> Vec<Hook> {
    world.store.hooks().await.expect("read")
}

/// The hook of this kind tells of issue 42, which has happened so many times.
async fn tells(world: &World, kind: HookKind, times: u64) {
    let sender = at_sentry(world).into_iter().find(|hook| hook.kind == kind).expect("it is there");
    let (headers, body) = sender.says(&IssueId::new("42"), times);
    let token = sender.url.strip_prefix("https://bot.example.com/sentry/hooks/").expect("an address of ours");
    let hook = world.app.hook(token).await.expect("read").expect("known");
    let delivery = Delivery { headers: &headers, body: body.as_bytes() };
    let Ok(Received::Event { keys, event }) = world.tracker.receive(&hook, &delivery).await else { panic!("read") };
    world.app.accept(&keys, &event).await.expect("kept");
    world.settle().await;
}

#[tokio::test]
async fn connecting_makes_a_hook_of_each_kind_that_is_wanted_and_other_channels_share_them() {
    let world = connected().await;
    assert_eq!(world.last(), "Connected: acme / checkout");
    let kinds: Vec<_> = at_sentry(&world).into_iter().map(|hook| hook.kind).collect();
    assert_eq!(kinds, [HookKind::Alert, HookKind::Event]);
    for hook in at_sentry(&world) {
        let token = hook.url.strip_prefix("https://bot.example.com/sentry/hooks/").expect("an address of ours");
        assert_eq!((token.len(), known(&world).await.iter().any(|known| known.id == hook.id)), (64, true));
    }
    world.say(ana(), channel("acc", "dev"), "connect acme checkout").await;
    world.wait(HOUR).await;
    assert_eq!((at_sentry(&world).len(), known(&world).await.len()), (2, 2));

    tells(&world, HookKind::Event, 1).await;
    assert!(world.last().starts_with("New · [checkout] TimeoutError"), "{}", world.last());
    assert_eq!(world.chat.messages_in(&channel("acc", "dev").channel).len(), 2);
}

#[tokio::test]
async fn where_an_integration_brings_the_events_no_hook_is_made() {
    let world = World::new(|deployment| {
        deployment.service_hooks = true;
        deployment.integration_org = Some(project("checkout").org);
    });
    world.tracker.set_manager(&project("checkout").org, &ana_at_sentry(), true);
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    world.wait(HOUR).await;
    assert_eq!(world.last(), "Connected: acme / checkout");
    assert!(at_sentry(&world).is_empty());
}

#[tokio::test]
async fn hooks_are_deleted_when_the_app_is_installed_and_made_again_when_it_is_removed() {
    let world = connected().await;
    let (installation, org) = (InstallationId::new("i1"), project("checkout").org);
    let installed = Event::IntegrationInstalled { installation: installation.clone(), org: org.clone(), code: None };
    world.app.accept(&[], &installed).await.expect("kept");
    world.settle().await;
    assert!(at_sentry(&world).is_empty() && known(&world).await.is_empty());
    let removed = Event::IntegrationRemoved { installation, org: Some(org) };
    world.app.accept(&[], &removed).await.expect("kept");
    world.settle().await;
    assert_eq!((at_sentry(&world).len(), known(&world).await.len()), (2, 2));
}

#[tokio::test]
async fn where_no_hook_can_be_made_nothing_is_connected_and_why_is_said() {
    let world = hooked().await;
    world.tracker.set_hooks(false);
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    let label = project("checkout").label();
    let said = say::no_hook(&world.deployment(), &label, &NoHook::Feature);
    assert_eq!(world.seen_by(ana(), &ops()).last().expect("an answer").notice.head, said.head);
    assert!(world.store.subscriptions_in(&ops().account, &ops().channel).await.expect("read").is_empty());
    world.ana_says("connect acme *").await;
    let last = world.seen_by(ana(), &ops()).pop().expect("an answer").notice.head;
    assert_eq!(last, "Not connected: Sentry has no service hooks for acme.");

    world.tracker.set_hooks(true);
    world.tracker.set_manager(&project("checkout").org, &ana_at_sentry(), false);
    world.ana_says("connect acme checkout").await;
    let last = world.seen_by(ana(), &ops()).pop().expect("an answer").notice.head;
    assert_eq!(last, "Not connected: you may not make a service hook for acme / checkout.");
    assert!(at_sentry(&world).is_empty());
}

#[tokio::test]
async fn the_last_one_to_disconnect_has_the_hooks_deleted() {
    let world = connected().await;
    let hooks = known(&world).await;
    world.say(ana(), channel("acc", "dev"), "connect acme checkout").await;
    world.ana_says("disconnect acme checkout").await;
    assert_eq!(at_sentry(&world).len(), 2);
    world.say(ana(), channel("acc", "dev"), "disconnect acme checkout").await;
    assert!(at_sentry(&world).is_empty() && known(&world).await.is_empty());
    for hook in hooks {
        let ended = world.store.hook(&hook.token).await.expect("read").expect("remembered").ended;
        assert!(ended.is_some(), "what still comes from it is dropped, and not refused");
    }
    world.ana_says("connect acme checkout").await;
    assert_eq!((at_sentry(&world).len(), known(&world).await.len()), (2, 2));
}

#[tokio::test]
async fn a_hook_that_nobody_may_delete_any_more_is_forgotten() {
    let world = connected().await;
    world.tracker.revoke(&ana_at_sentry());
    world.ana_says("disconnect acme checkout").await;
    assert_eq!((at_sentry(&world).len(), known(&world).await.len()), (2, 0));
    let hook = at_sentry(&world).remove(0);
    let (headers, body) = hook.says(&IssueId::new("42"), 1);
    let token = hook.url.rsplit('/').next().expect("a token");
    let forgotten = world.app.hook(token).await.expect("read").expect("remembered");
    assert!(forgotten.is_stranded, "nobody can delete it");
    let delivery = Delivery { headers: &headers, body: body.as_bytes() };
    assert!(world.tracker.receive(&forgotten, &delivery).await.is_err(), "its secret is gone");
}

#[tokio::test]
async fn a_sentry_that_does_not_answer_is_asked_again() {
    let world = connected().await;
    world.tracker.fail_next(zentry_contract::tracker::Fault::Down);
    world.ana_says("disconnect acme checkout").await;
    assert_eq!(known(&world).await.len(), 1, "one was deleted");
    world.wait(Duration::from_secs(600)).await;
    assert!(at_sentry(&world).is_empty() && known(&world).await.is_empty());
}

#[tokio::test]
async fn every_event_is_asked_for_only_while_somebody_wants_to_hear_of_it() {
    let world = connected().await;
    world.ana_says("configure acme checkout event:alert").await;
    let kinds = async || known(&world).await.into_iter().map(|hook| hook.kind).collect::<Vec<_>>();
    assert_eq!((kinds().await, at_sentry(&world).len()), (vec![HookKind::Alert], 1));
    world.ana_says("configure acme checkout event:error").await;
    assert_eq!((kinds().await.len(), at_sentry(&world).len()), (2, 2));
}

#[tokio::test]
async fn a_storm_of_events_counts_on_one_card_and_never_posts_again() {
    let world = connected().await;
    tells(&world, HookKind::Event, 1).await;
    for times in 2..40 {
        tells(&world, HookKind::Event, times).await;
    }
    tells(&world, HookKind::Alert, 40).await;
    world.wait(HOUR).await;
    assert!(world.card().notice.head.contains("TimeoutError"));
    let events = world.store.cards_of(&IssueId::new("42")).await.expect("read")[0].content.issue.events;
    assert_eq!(events, Some(40));
}

#[tokio::test]
async fn an_issue_that_was_resolved_a_while_ago_comes_back_with_its_next_event() {
    let world = connected().await;
    tells(&world, HookKind::Event, 1).await;
    world.ana_presses(zentry_domain::Action::Resolve).await;
    tells(&world, HookKind::Event, 2).await;
    assert!(world.card().notice.head.starts_with("Resolved"), "it was on its way");
    world.wait(Duration::from_secs(90)).await;
    tells(&world, HookKind::Event, 3).await;
    let heads: Vec<_> = world.chat.messages_in(&ops().channel).into_iter().map(|m| m.notice.head).collect();
    assert!(heads.iter().any(|head| head.starts_with("Came back")), "{heads:?}");
}

async fn the_account_leaves(world: &World) {
    let leaves = Event::Deauthorized { account: ana().account, at: None };
    world.app.accept(&[], &leaves).await.expect("kept");
    world.settle().await;
}

#[tokio::test]
async fn an_account_that_leaves_has_its_hooks_deleted_and_then_its_grants_revoked() {
    let world = connected().await;
    let hooks = known(&world).await;
    the_account_leaves(&world).await;
    assert!(at_sentry(&world).is_empty() && known(&world).await.is_empty());
    assert_eq!(world.tracker.grants_of(&ana_at_sentry()), 0);
    assert!(world.store.vault().keys().is_empty());
    for hook in hooks {
        assert!(!world.store.hook(&hook.token).await.expect("read").expect("remembered").is_stranded);
    }
}

#[tokio::test]
async fn what_an_account_that_leaves_cannot_end_at_sentry_is_forgotten_within_the_hour() {
    let world = connected().await;
    let hooks = known(&world).await;
    (0..100).for_each(|_| world.tracker.fail_next(zentry_contract::tracker::Fault::Down));
    the_account_leaves(&world).await;
    assert!(known(&world).await.is_empty());
    assert!(world.store.subscriptions_of(&ana().account).await.expect("read").is_empty(), "at once");
    for _ in 0..12 {
        world.wait(Duration::from_secs(300)).await;
    }
    for hook in hooks {
        assert!(world.store.hook(&hook.token).await.expect("read").expect("remembered").is_stranded);
    }
    assert!(!world.store.waiting().into_iter().any(|(_, job)| matches!(job, Job::Leave { .. })));
}

#[tokio::test]
async fn hooks_that_another_account_needs_outlive_the_account_of_whoever_made_them() {
    let world = connected().await;
    let theirs =
        sample::subscription(channel("other", "ops"), project("checkout"), sample::person("other", "U1", "Eve"));
    let connected = Decision::nothing().and(RowChange::Subscribe(theirs));
    world.store.commit(&[], &connected, START).await.expect("stored");
    the_account_leaves(&world).await;
    assert_eq!((at_sentry(&world).len(), known(&world).await.len()), (2, 2));
    assert!(known(&world).await.iter().all(|hook| hook.by.is_none()));
}
