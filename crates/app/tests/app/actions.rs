//! What people do about an issue from its card, and to whom they give it.

use zentry_contract::fake::FakeMessage;
use zentry_contract::sample::{ana, ben, ops};
use zentry_domain::{Action, Assignee, ChangeKind, Event, OrgSlug, Person, Place, Pressed, Status, Typed};

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

/// What is typed into the field of a message.
async fn types(world: &World, by: Person, on: &FakeMessage, text: &str) {
    let beside = on.notice.selects.iter().flat_map(|select| &select.options).map(|option| option.press.clone());
    let beside = beside.chain(on.notice.buttons.iter().map(|button| button.press.clone())).next();
    let typed = Typed { by, place: ops(), beside, message: Some(on.id.clone()), text: text.into() };
    world.app.accept(&[], &Event::Typed(typed)).await.expect("kept");
    world.settle().await;
}

#[tokio::test]
async fn of_many_people_those_are_listed_whose_names_are_typed_in_the_same_message() {
    let world = with_a_card().await;
    for n in 0..60 {
        world.tracker.add_team(&OrgSlug::new("acme"), &format!("{}", n + 100), &format!("team {n:02}"));
    }
    ana_presses_assign(&world).await;
    let list = asked(&world);
    assert_eq!(list.notice.field.as_deref(), Some("Find a name"));
    types(&world, ana(), &list, "AM 05").await;
    let found = asked(&world);
    assert_eq!((found.id.clone(), found.edits), (list.id, 1));
    let teams = found.notice.selects.iter().find(|select| select.label == "Teams").expect("a list");
    assert_eq!(teams.options.iter().map(|option| option.label.as_str()).collect::<Vec<_>>(), ["team 05"]);
    types(&world, ana(), &found, "jo").await;
    let nobody = asked(&world).notice;
    assert!(nobody.lines.iter().any(|line| line.text.starts_with("No match for \"jo\" among 6")), "{nobody:?}");
    let all = nobody.buttons.iter().find(|button| button.label == "Show all").expect("a button");
    let pressed = Pressed { by: ana(), place: ops(), press: Some(all.press.clone()), message: Some(found.id) };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
    assert_eq!(asked(&world).notice.selects.len(), 3, "me, the teams, and the people");
    assert_eq!(world.seen_by(ana(), &ops()).iter().filter(|m| m.notice.head.starts_with("To whom does")).count(), 1);
}

#[tokio::test]
async fn whoever_is_not_linked_and_types_into_somebodys_list_links_first() {
    let world = with_a_card().await;
    ana_presses_assign(&world).await;
    let list = asked(&world);
    types(&world, ben(), &list, "ana").await;
    assert!(world.seen_by(ana(), &ops()).iter().all(|message| message.to.visible_to != Some(ben().user)));
    let told = world.chat.messages_in(&Place::direct(&ben()).channel);
    assert!(
        told.iter().any(|m| m.notice.buttons.iter().chain([]).count() > 0 || !m.notice.lines.is_empty()),
        "{told:?}"
    );
    let nothing = Typed { by: ana(), place: ops(), beside: None, message: None, text: "ana".into() };
    let before = world.chat.messages().len();
    world.app.accept(&[], &Event::Typed(nothing)).await.expect("kept");
    world.settle().await;
    assert_eq!(world.chat.messages().len(), before);
}
