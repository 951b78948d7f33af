//! Organizations install our Sentry App: the code is exchanged by whoever brings it, and what is read there needs no person.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use zentry_contract::sample::{change, project};
use zentry_contract::tracker::Fault;
use zentry_domain::ports::CredentialKey;
use zentry_domain::{Action, ChangeKind, Event, Facts, InstallationId, Issue, OrgSlug, Owner, Secret, Status, Vault};

use crate::world::{World, issue_42, key};

const BROWSER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const UUID: &str = "11111111-2222-4333-8444-555555555555";

fn with_app() -> World {
    World::new(|deployment| deployment.install_url = Some("https://sentry.example.com/install".into()))
}

fn acme() -> OrgSlug {
    project("checkout").org
}

/// What the webhook says.
fn installed(installation: &InstallationId, code: &Secret) -> Event {
    Event::IntegrationInstalled { installation: installation.clone(), org: acme(), code: Some(code.clone()) }
}

async fn hears(world: &World, n: u8, event: &Event) {
    world.app.accept(&[key(n)], event).await.expect("kept");
    world.settle().await;
}

async fn browser_brings(world: &World, installation: &InstallationId, code: &str) {
    world.app.set_up(installation.as_str(), &Secret::new(code), BROWSER).await.expect("stored");
    world.settle().await;
}

#[tokio::test]
async fn the_code_that_webhook_and_browser_bring_is_exchanged_once() {
    let world = with_app();
    let (installation, code) = world.tracker.install_app(&acme());
    world.app.set_up(installation.as_str(), &code, BROWSER).await.expect("stored");
    world.app.accept(&[key(1)], &installed(&installation, &code)).await.expect("kept");
    assert_eq!(world.store.waiting().len(), 1, "one of them is enough");
    world.settle().await;
    assert!(world.tracker.is_confirmed(&installation));
    browser_brings(&world, &installation, code.expose()).await;
    assert!(world.store.waiting().is_empty(), "a page that is opened again asks for nothing");
}

#[tokio::test]
async fn a_browser_alone_is_enough_and_sentry_says_whose_installation_it_is() {
    let world = with_app();
    let (installation, code) = world.tracker.install_app(&acme());
    browser_brings(&world, &installation, code.expose()).await;
    assert!(world.tracker.is_confirmed(&installation));
    assert_eq!(world.store.installation(&installation).await.expect("read"), Some(acme()));
    hears(&world, 1, &installed(&installation, &code)).await;
    assert_eq!(world.store.installations_of(&acme()).await.expect("read"), [installation]);
}

#[tokio::test]
async fn what_a_browser_makes_up_attaches_and_overwrites_nothing() {
    let world = with_app();
    let (installation, code) = world.tracker.install_app(&acme());
    browser_brings(&world, &installation, "f0f0").await;
    browser_brings(&world, &InstallationId::new(UUID.replace('1', "9")), code.expose()).await;
    for (installation, code) in [("not-a-uuid", "f0f0"), (UUID, ""), (UUID, "a b"), (UUID, &"a".repeat(129)), ("", "")]
    {
        world.app.set_up(installation, &Secret::new(code), BROWSER).await.expect("ignored");
        assert!(world.store.waiting().is_empty(), "{installation} {code}");
    }
    assert!(world.store.dead().is_empty());
    assert_eq!(world.store.installation(&installation).await.expect("read"), None);

    hears(&world, 1, &installed(&installation, &code)).await;
    browser_brings(&world, &installation, "f0f1").await;
    assert!(world.tracker.is_confirmed(&installation));
}

#[tokio::test]
async fn browsers_are_turned_away_where_too_many_come_and_webhooks_are_not() {
    let world = with_app();
    for n in 0..20 {
        world.app.set_up(UUID, &Secret::new(format!("f0{n}")), BROWSER).await.expect("stored");
    }
    assert_eq!(world.store.waiting().len(), 5);
    let (installation, code) = world.tracker.install_app(&acme());
    hears(&world, 1, &installed(&installation, &code)).await;
    assert!(world.tracker.is_confirmed(&installation));
}

#[tokio::test]
async fn an_exchange_that_fails_is_tried_again_and_a_strangers_code_no_longer_than_it_is_good() {
    let world = with_app();
    let (told, code) = world.tracker.install_app(&acme());
    world.tracker.fail_next(Fault::Down);
    hears(&world, 1, &installed(&told, &code)).await;
    assert!(!world.tracker.is_confirmed(&told));
    world.wait(Duration::from_secs(1)).await;
    assert!(world.tracker.is_confirmed(&told));

    (0..30).for_each(|_| world.tracker.fail_next(Fault::Down));
    browser_brings(&world, &InstallationId::new(UUID), "f0f0").await;
    for _ in 0..4 {
        world.wait(Duration::from_secs(300)).await;
    }
    assert!(world.store.waiting().is_empty() && world.store.dead().is_empty());
}

#[tokio::test]
async fn an_organization_that_is_not_accepted_is_not_exchanged() {
    let world = World::new(|deployment| {
        deployment.install_url = Some("https://sentry.example.com/install".into());
        deployment.allowed_orgs = Some(vec![OrgSlug::new("globex")]);
    });
    let (installation, code) = world.tracker.install_app(&acme());
    hears(&world, 1, &installed(&installation, &code)).await;
    assert!(!world.tracker.is_confirmed(&installation));

    let (unheard, code) = world.tracker.install_app(&acme());
    let token = CredentialKey { owner: Owner::of_installation(&unheard), name: "installation".into() };
    world.store.vault().save(&token, &Secret::new("exchanged"), None).await.expect("saved");
    browser_brings(&world, &unheard, code.expose()).await;
    assert!(world.store.vault().load(&token).await.expect("read").is_none(), "no token of it is kept");
    assert_eq!(world.store.installation(&unheard).await.expect("read"), None);
}

#[tokio::test]
async fn without_a_sentry_app_no_code_is_exchanged() {
    let world = World::with_linking();
    let (installation, code) = world.tracker.install_app(&acme());
    hears(&world, 1, &installed(&installation, &code)).await;
    browser_brings(&world, &installation, code.expose()).await;
    assert!(!world.tracker.is_confirmed(&installation));
}

/// Ana has connected #ops, and unlinked: nobody's grant is left.
async fn connected_and_nobody_linked(world: &World) {
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    world.happens(ChangeKind::New).await;
    world.ana_says("unlink").await;
}

/// The very bytes of an earlier resolution come once more: only Sentry can tell.
async fn only_sentry_can_tell(world: &World) -> String {
    let resolved = Event::Changed(change(ChangeKind::Resolved));
    hears(world, 9, &resolved).await;
    world.happens(ChangeKind::Reopened).await;
    let issue = Issue { status: Some(Status::Resolved), ..change(ChangeKind::New).issue };
    world.tracker.add_issue(&issue_42(), issue);
    world.app.accept(&[key(9)], &resolved).await.expect("a repeat");
    world.wait(Duration::from_secs(3)).await;
    world.card().notice.head
}

#[tokio::test]
async fn a_card_is_read_with_the_installations_token_where_nobody_is_linked() {
    let world = with_app();
    connected_and_nobody_linked(&world).await;
    let (installation, code) = world.tracker.install_app(&acme());
    hears(&world, 1, &installed(&installation, &code)).await;
    let head = only_sentry_can_tell(&world).await;
    assert!(head.starts_with("Resolved · "), "{head}");
}

#[tokio::test]
async fn an_installation_without_a_token_leaves_it_to_people() {
    let world = with_app();
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    world.happens(ChangeKind::New).await;
    let unheard = InstallationId::new("i");
    hears(&world, 1, &Event::IntegrationInstalled { installation: unheard, org: acme(), code: None }).await;
    let head = only_sentry_can_tell(&world).await;
    assert!(head.starts_with("Resolved · "), "{head}");
}

#[tokio::test]
async fn a_button_never_acts_as_the_installation() {
    let world = with_app();
    connected_and_nobody_linked(&world).await;
    let (installation, code) = world.tracker.install_app(&acme());
    hears(&world, 1, &installed(&installation, &code)).await;
    let before = world.link_address();
    world.ana_presses(Action::Resolve).await;
    assert_ne!(world.link_address(), before, "whoever pressed is asked to link");
    assert_eq!(world.tracker.issue_now(&issue_42().id).and_then(|issue| issue.status), Some(Status::Unresolved));
}

#[tokio::test]
async fn the_token_goes_with_the_installation_also_where_it_came_after_the_removal() {
    let world = with_app();
    let (installation, code) = world.tracker.install_app(&acme());
    let token = CredentialKey { owner: Owner::of_installation(&installation), name: "installation".into() };
    // It was being exchanged when the removal was told.
    world.app.accept(&[key(1)], &installed(&installation, &code)).await.expect("kept");
    let removed = Event::IntegrationRemoved { installation: installation.clone(), org: Some(acme()) };
    world.app.accept(&[key(2)], &removed).await.expect("kept");
    world.store.vault().save(&token, &Secret::new("late"), None).await.expect("saved");
    world.settle().await;
    assert!(world.store.vault().load(&token).await.expect("read").is_none());
    assert_eq!(world.store.installations_of(&acme()).await.expect("read"), []);
}
