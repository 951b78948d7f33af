//! What people do about an issue from its card, and to whom they give it.

use zentry_contract::fake::FakeMessage;
use zentry_contract::sample::{ana, ben, ops};
use zentry_domain::{Action, Assignee, ChangeKind, Event, OrgSlug, Person, Place, Pressed, Status};

use crate::world::{World, ana_at_sentry, issue_42};

async fn with_a_card() -> World {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    world.tracker.add_team(&OrgSlug::new("acme"), "5", "payments");
    world.happens(ChangeKind::New).await;
    world
}

/// Somebody chooses an option of a list.
async fn chooses(world: &World, by: Person, on: &FakeMessage, list: &str, option: &str) {
    let select = on.notice.selects.iter().find(|select| select.label == list).expect("the list");
    let option = select.options.iter().find(|known| known.label.starts_with(option)).expect("the option");
    let (press, message) = (Some(option.press.clone()), Some(on.id.clone()));
    let pressed = Pressed { by, place: ops(), press, message };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
}

async fn ana_presses_assign(world: &World) {
    let card = world.card();
    let button = card.notice.buttons.iter().find(|button| button.label == "Assign").expect("a button");
    world.press(ana(), Some(button.press.clone())).await;
}

fn asked(world: &World) -> FakeMessage {
    let seen = world.seen_by(ana(), &ops());
    seen.into_iter().rfind(|message| message.notice.head.starts_with("To whom does")).expect("a list")
}

#[tokio::test]
async fn every_way_to_resolve_and_archive_is_one_choice_away_and_said_by_the_card() {
    let world = with_a_card().await;
    for (list, option, head) in [
        ("Resolve", "now", "Resolved · "),
        ("Resolve", "in the next release", "Resolved · "),
        ("Archive", "until it escalates", "Archived until it escalates · "),
        ("Archive", "for 1 hour", "Archived until 2 Jan 04:"),
        ("Archive", "for 100 events", "Archived for 100 events · "),
        ("Archive", "for ever", "Archived for ever · "),
    ] {
        chooses(&world, ana(), &world.card(), list, option).await;
        let card = world.card().notice;
        assert!(card.head.starts_with(head), "{option}: {}", card.head);
        assert!(card.selects.is_empty(), "only reopening is left: {card:?}");
        if option == "in the next release" {
            assert!(card.lines[0].text.starts_with("by Ana in the next release at "), "{card:?}");
        }
        world.ana_presses(Action::Reopen).await;
        assert_eq!(world.tracker.issue_now(&issue_42().id).expect("there").status, Some(Status::Unresolved));
    }
}

#[tokio::test]
async fn an_issue_is_given_to_a_team_to_a_person_and_to_nobody_by_two_presses() {
    let world = with_a_card().await;
    let to = |name: &str| format!("Assigned to {name}");
    for (list, option, line) in [
        ("Teams", "payments", Some(to("payments"))),
        ("Assign to", "me (ana@acme.io)", Some(to("Ana"))),
        ("Assign to", "nobody", None),
        ("People", "Ana", Some(to("Ana"))),
    ] {
        ana_presses_assign(&world).await;
        let question = asked(&world);
        assert_eq!(question.to.visible_to, Some(ana().user), "only who asked sees it");
        chooses(&world, ana(), &question, list, option).await;
        let lines: Vec<_> = world.card().notice.lines.into_iter().map(|line| line.text).collect();
        let said = lines.iter().find(|text| text.starts_with("Assigned to"));
        assert_eq!(said, line.as_ref(), "{lines:?}");
        assert!(
            world.chat.message(&question.id).expect("there").notice.head.contains(" goes to "),
            "it says so instead"
        );
    }
    let steps =
        world.card().notice.lines.into_iter().find(|line| line.text.contains(" · ") && line.text.contains("assigned"));
    assert!(steps.is_some_and(|steps| steps.text.ends_with("assigned Ana")), "the last of the steps");
}

#[tokio::test]
async fn what_somebody_has_already_is_not_given_to_them_again() {
    let world = with_a_card().await;
    ana_presses_assign(&world).await;
    let question = asked(&world);
    for _ in 0..2 {
        chooses(&world, ana(), &question, "Assign to", "me").await;
    }
    let seen = world.seen_by(ana(), &ops());
    assert_eq!(seen.last().expect("told").notice.head, "Ana has this already. Nothing to do.");
}

#[tokio::test]
async fn whoever_is_not_linked_links_first_and_then_chooses() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    world.ana_says("unlink").await;
    world.happens(ChangeKind::New).await;
    ana_presses_assign(&world).await;
    world.ana_links().await;
    chooses(&world, ana(), &asked(&world), "People", "Ana").await;
    let now = world.tracker.issue_now(&issue_42().id).expect("there").assignee;
    assert_eq!(now, Some(Assignee::User { id: ana_at_sentry().id, name: "Ana".into() }));
}

#[tokio::test]
async fn another_person_presses_the_list_with_their_own_account_or_links_one() {
    let world = with_a_card().await;
    ana_presses_assign(&world).await;
    chooses(&world, ben(), &asked(&world), "Teams", "payments").await;
    assert_eq!(world.tracker.issue_now(&issue_42().id).expect("there").assignee, None);
    let own = world.seen_by(ben(), &Place::direct(&ben()));
    assert!(own.last().expect("a link").notice.head.starts_with("Link Sentry to finish what you pressed"), "{own:?}");
}

#[tokio::test]
async fn with_the_integration_alone_it_acts_and_knows_no_me() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    ana_presses_assign(&world).await;
    let question = asked(&world);
    assert!(!question.notice.selects.iter().any(|list| list.label == "Assign to"), "{question:?}");
    chooses(&world, ana(), &question, "People", "Ana").await;
    assert!(world.card().notice.lines.iter().any(|line| line.text == "Assigned to Ana"));
}
