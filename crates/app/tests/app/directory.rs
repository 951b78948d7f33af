//! The directory, where it is read: names, members, administrators, guests.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use zentry_app::Installed;
use zentry_contract::directory::Fault;
use zentry_contract::fake::FakeDirectory;
use zentry_contract::sample::{self, ana, ben, ops};
use zentry_domain::directory::{BELIEVED, RANK_EVERY, READ_APART, READ_EVERY};
use zentry_domain::{
    ChangeKind, Clock, Event, Filter, Issue, IssueId, Job, Person, Place, Policy, Rank, Roster, RowChange, Secret,
    Store, Subscription, UserId,
};

use crate::world::World;

fn dev() -> Place {
    sample::channel("acc", "dev")
}

fn cy() -> Person {
    sample::person("acc", "U3", "Cy")
}

fn browser() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

fn came_back(code: &Secret) -> Installed {
    Installed { state: None, cookie: None, code: Some(code.clone()), from: browser() }
}

/// Ana, who administers the account, has let its directory be read; #ops and #dev are connected, Ben belongs to both.
async fn enrolled() -> (World, Arc<FakeDirectory>) {
    let (world, directory) = World::with_directory();
    for (person, rank) in [(ana(), Rank::Administrator), (ben(), Rank::Member), (cy(), Rank::Guest)] {
        directory.set_rank(&person.user, rank);
    }
    for place in [ops(), dev()] {
        directory.name_channel(&place.channel, place.name.as_deref().expect("a name"));
        directory.join(&ana().user, &place.channel);
        directory.join(&ben().user, &place.channel);
        world.say(ana(), place, "connect acme checkout").await;
    }
    world.app.finish_install(came_back(&directory.consent(&ana().user))).await;
    world.settle().await;
    (world, directory)
}

/// Everything that was last said in a place.
fn said(world: &World, place: &Place) -> String {
    let message = world.chat.messages_in(&place.channel).pop().expect("a message");
    let lines = message.notice.lines.into_iter().map(|line| line.text);
    std::iter::once(message.notice.head).chain(lines).collect::<Vec<_>>().join("\n")
}

async fn everything_for(world: &World, by: Person) -> String {
    world.say(by, ops(), "configure all").await;
    said(world, &ops())
}

fn readings(world: &World) -> usize {
    world.store.waiting().iter().filter(|(_, job)| matches!(job, Job::ReadDirectory { .. })).count()
}

#[tokio::test]
async fn where_the_directory_is_off_a_code_is_not_exchanged() {
    let world = World::with_integration();
    world.app.finish_install(came_back(&Secret::new("a-code"))).await;
    assert!(world.store.waiting().is_empty() && world.store.vault().keys().is_empty());
    assert!(!world.app.reads_directory());
}

#[tokio::test]
async fn a_state_must_be_the_browsers_own_and_may_be_missing() {
    for (state, cookie, is_taken) in [
        (None, None, true),
        (None, Some("mine"), true),
        (Some("mine"), Some("mine"), true),
        (Some("mine"), None, false),
        (Some("theirs"), Some("mine"), false),
    ] {
        let (world, directory) = World::with_directory();
        directory.set_rank(&ana().user, Rank::Administrator);
        let (state, cookie) = (state.map(Secret::new), cookie.map(Secret::new));
        let code = Some(directory.consent(&ana().user));
        world
            .app
            .finish_install(Installed { state: state.clone(), cookie: cookie.clone(), code, from: browser() })
            .await;
        assert_eq!(world.store.enrolled().await.expect("read").len(), usize::from(is_taken), "{state:?} {cookie:?}");
        assert_eq!(world.store.vault().keys().len(), usize::from(is_taken));
    }
}

#[tokio::test]
async fn forged_codes_enroll_nobody_and_hold_up_only_whoever_brings_them() {
    let (world, directory) = World::with_directory();
    for code in ["", "two words", "new\nline", &"x".repeat(5_000)] {
        world.app.finish_install(came_back(&Secret::new(code))).await;
    }
    for n in 0..50 {
        world.app.finish_install(came_back(&Secret::new(format!("forged-{n}")))).await;
    }
    let mut code = directory.consent(&ana().user);
    world.app.finish_install(came_back(&code)).await;
    assert!(world.store.enrolled().await.expect("read").is_empty(), "too many within a minute come from here");
    world.app.finish_install(Installed { from: IpAddr::from([192, 0, 2, 2]), ..came_back(&code) }).await;
    assert_eq!(world.store.enrolled().await.expect("read"), [ana().account]);
    world.wait(Duration::from_secs(60)).await;
    code = directory.consent(&ana().user);
    directory.revoke(&ana().user);
    world.app.finish_install(came_back(&code)).await;
    world.settle().await;
    assert_eq!(
        world.store.enrolled().await.expect("read"),
        [ana().account],
        "a minute later it is taken from here, too"
    );
}

#[tokio::test]
async fn people_see_the_channels_that_they_belong_to_although_they_never_spoke_there() {
    let (world, directory) = enrolled().await;
    assert!(everything_for(&world, ben()).await.contains("#dev"));
    directory.leave(&ben().user, &dev().channel);
    world.wait(READ_EVERY).await;
    let seen = everything_for(&world, ben()).await;
    assert!(!seen.contains("#dev") && seen.contains("#ops"), "{seen}");
}

#[tokio::test]
async fn whoever_administers_the_account_manages_it_for_as_long_as_the_directory_says_so() {
    let (world, directory) = enrolled().await;
    directory.leave(&ben().user, &dev().channel);
    directory.set_rank(&ben().user, Rank::Administrator);
    world.say(ben(), ops(), "help").await;
    world.wait(READ_EVERY).await;
    assert!(everything_for(&world, ben()).await.contains("#dev"), "an administrator sees every channel");
    world.say(ben(), ops(), "whoami").await;
    assert!(said(&world, &ops()).contains("You manage this account"));

    directory.set_rank(&ben().user, Rank::Member);
    world.wait(RANK_EVERY).await;
    assert!(!everything_for(&world, ben()).await.contains("#dev"));
}

#[tokio::test]
async fn a_refusal_names_the_administrators_whom_the_directory_knows_and_missing_webhooks_are_told_to_them() {
    let (world, directory) = World::with_directory_and(|deployment| deployment.policy = Policy::Managers);
    for (user, name) in [("U1", "Ana"), ("U4", "Di"), ("U5", "Ed"), ("U6", "Flo")] {
        let person = sample::person("acc", user, name);
        directory.set_rank(&person.user, Rank::Administrator);
        world.say(person, dev(), "help").await;
    }
    directory.set_rank(&ben().user, Rank::Member);
    world.app.finish_install(came_back(&directory.consent(&ana().user))).await;
    world.settle().await;
    world.say(ben(), ops(), "connect acme checkout").await;
    assert_eq!(
        said(&world, &ops()),
        "In this Zoom account only managers may change what channels get. Nothing changed.\nManagers here: Ana, Di, Ed."
    );
    world.say(sample::person("acc", "U4", "Di"), ops(), "connect acme checkout").await;
    for _ in 0..2 {
        world.wait(3 * READ_EVERY).await;
        for number in ["7", "8"] {
            let first_seen = Some(world.clock.now());
            let issue = Issue { first_seen, ..sample::change(ChangeKind::New).issue };
            world.tracker.list_issue(&sample::project("checkout"), &IssueId::new(number), issue);
        }
    }
    world.wait(3 * READ_EVERY).await;
    let ed = sample::person("acc", "U5", "Ed");
    assert!(!world.chat.messages_in(&Place::direct(&ed).channel).is_empty(), "an administrator is told");
    assert!(world.chat.messages_in(&Place::direct(&ben()).channel).is_empty());
}

#[tokio::test]
async fn a_right_that_cannot_be_read_again_runs_out() {
    let (world, directory) = enrolled().await;
    directory.leave(&ben().user, &dev().channel);
    directory.set_rank(&ben().user, Rank::Administrator);
    world.say(ben(), ops(), "help").await;
    world.wait(READ_APART).await;
    world.say(ben(), ops(), "help").await;
    assert!(everything_for(&world, ben()).await.contains("#dev"));
    let mut left = BELIEVED + READ_APART;
    while left > Duration::ZERO {
        directory.fail_next(Fault::Down);
        world.wait(READ_APART).await;
        left = left.saturating_sub(READ_APART);
    }
    directory.fail_next(Fault::Down);
    assert!(!everything_for(&world, ben()).await.contains("#dev"));
}

#[tokio::test]
async fn a_guest_whom_the_platform_gives_a_number_gets_help_and_nothing_else() {
    let (world, directory) = enrolled().await;
    directory.join(&cy().user, &dev().channel);
    world.wait(READ_APART).await;
    world.say(cy(), ops(), "help").await;
    for command in ["configure all", "disconnect", "connect acme web"] {
        world.say(cy(), ops(), command).await;
        let answer = said(&world, &ops());
        assert!(!answer.contains("checkout") && !answer.contains("Disconnected"), "{command}: {answer}");
    }
    assert!(everything_for(&world, ben()).await.contains("#dev"), "nothing was disconnected");
}

#[tokio::test]
async fn a_renamed_channel_is_shown_under_its_new_name_soon_after_somebody_asks() {
    let (world, directory) = enrolled().await;
    directory.name_channel(&dev().channel, "platform");
    world.wait(READ_APART).await;
    everything_for(&world, ben()).await;
    let seen = everything_for(&world, ben()).await;
    assert!(seen.contains("#platform") && !seen.contains("#dev"), "{seen}");
}

#[tokio::test]
async fn whoever_has_a_new_name_is_called_by_it_where_they_have_connected_something() {
    let (world, directory) = enrolled().await;
    directory.name_person(&ana().user, "Ana Lovelace");
    world.wait(RANK_EVERY).await;
    world.say(ben(), ops(), "configure acme checkout").await;
    assert!(said(&world, &ops()).contains("Set up by Ana Lovelace"), "{}", said(&world, &ops()));
}

#[tokio::test]
async fn a_channel_that_the_installer_does_not_belong_to_is_read_too() {
    let (world, directory) = enrolled().await;
    directory.leave(&ana().user, &dev().channel);
    directory.name_channel(&dev().channel, "platform");
    world.wait(READ_EVERY).await;
    assert!(everything_for(&world, ben()).await.contains("#platform"));
}

#[tokio::test]
async fn nobody_is_asked_about_again_within_ten_minutes_however_often_people_speak() {
    let (world, directory) = enrolled().await;
    let before = directory.calls();
    for person in [cy(), ben(), sample::person("acc", "U7", "Di")] {
        world.say(person, ops(), "configure all").await;
    }
    assert_eq!(directory.calls(), before);
    world.wait(READ_APART).await;
    everything_for(&world, ben()).await;
    assert!(directory.calls() > before);
}

#[tokio::test]
async fn a_reading_that_is_throttled_keeps_what_it_has_and_comes_back_when_told() {
    let (world, directory) = enrolled().await;
    directory.name_channel(&dev().channel, "platform");
    directory.fail_next(Fault::Throttled);
    world.wait(READ_EVERY).await;
    assert!(!everything_for(&world, ben()).await.contains("#platform"));
    assert_eq!(readings(&world), 1);
    world.wait(READ_APART).await;
    assert!(everything_for(&world, ben()).await.contains("#platform"));
}

#[tokio::test]
async fn no_reading_takes_more_than_its_share_of_calls_and_in_the_end_everything_is_read() {
    let (world, directory) = enrolled().await;
    let places: Vec<_> = (0..120).map(|n| sample::channel("acc", &format!("room-{n}"))).collect();
    for place in &places {
        let subscription = sample::subscription(place.clone(), sample::project("checkout"), ana());
        connect(&world, subscription).await;
        directory.name_channel(&place.channel, "room");
        directory.join(&ben().user, &place.channel);
    }
    for _ in 0..24 {
        let before = directory.calls();
        world.wait(READ_APART).await;
        assert!(directory.calls() - before <= 50);
    }
    let belongs = world.store.channels_of(&ana().account, &ben().user, sample::START).await.expect("read");
    assert_eq!(belongs.len(), 122);
}

#[tokio::test]
async fn a_grant_that_has_ended_takes_everything_with_it_and_the_rest_goes_on() {
    let (world, directory) = enrolled().await;
    directory.revoke(&ana().user);
    world.wait(READ_EVERY).await;
    assert_eq!(readings(&world), 0, "nobody knocks at a closed door");
    assert!(world.store.vault().keys().is_empty());
    let seen = everything_for(&world, ben()).await;
    assert!(!seen.contains("#dev") && seen.contains("#ops"), "{seen}");

    world.app.finish_install(came_back(&directory.consent(&ana().user))).await;
    world.settle().await;
    assert!(everything_for(&world, ben()).await.contains("#dev"));
}

#[tokio::test]
async fn what_may_not_be_read_costs_only_itself() {
    let (world, directory) = enrolled().await;
    directory.forbid_channels();
    directory.set_rank(&ben().user, Rank::Administrator);
    world.say(ben(), ops(), "help").await;
    world.wait(READ_EVERY).await;
    world.say(ben(), ops(), "whoami").await;
    assert!(said(&world, &ops()).contains("You manage this account"));
}

#[tokio::test]
async fn an_account_that_leaves_takes_its_grant_and_what_was_told_along() {
    let (world, _directory) = enrolled().await;
    world.app.accept(&[], &Event::Deauthorized { account: ana().account, at: None }).await.expect("kept");
    world.settle().await;
    assert!(world.store.vault().keys().is_empty() && readings(&world) == 0);
    assert!(world.store.enrolled().await.expect("read").is_empty());
    let ranked = world.store.ranked(&ana().account, &UserId::new("U1")).await.expect("read");
    assert_eq!(ranked, None);
}

#[tokio::test]
async fn a_reading_left_behind_by_a_deployment_that_read_does_nothing_where_the_directory_is_off() {
    let (world, directory) = enrolled().await;
    let before = directory.calls();
    let mut ports = world.ports();
    ports.directory = None;
    let off = zentry_app::App::new(ports, world.deployment());
    world.clock.advance(READ_EVERY);
    off.step().await.expect("the outbox is readable");
    assert_eq!((directory.calls(), readings(&world)), (before, 0));
}

async fn connect(world: &World, subscription: Subscription) {
    let filter = Filter::default();
    let subscribe = RowChange::Subscribe(Subscription { filter, ..subscription });
    let decision = zentry_domain::Decision::nothing().and(subscribe);
    world.store.commit(&[], &decision, sample::START).await.expect("committed");
}
