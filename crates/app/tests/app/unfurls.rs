//! A linked person posts the address of an issue's page, and more of it is shown beside it.

use std::time::Duration;

use zentry_contract::fake::{ChatFault, FakeUnfurl};
use zentry_contract::sample::{ana, ben, channel, ops, project};
use zentry_contract::tracker::Fault;
use zentry_domain::{
    ChannelSettings, Decision, Event, Issue, IssueId, IssueRef, Level, MessageId, OrgSlug, Person, Place, Privacy,
    RowChange, Shared, Status, Store, UserId,
};

use crate::world::{World, ana_at_sentry, issue_42};

const SECONDS: Duration = Duration::from_secs(3);
const MINUTE: Duration = Duration::from_secs(60);

/// Ana has linked her account; issue 42 says as much as an issue can.
async fn linked() -> World {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    world.tracker.add_issue(&issue_42(), issue());
    world
}

fn issue() -> Issue {
    Issue {
        short_id: Some("CHECKOUT-7".into()),
        title: "TimeoutError: <!all> pool exhausted".into(),
        culprit: Some("checkout/pay.py in charge_card".into()),
        level: Some(Level::Error),
        status: Some(Status::Unresolved),
        events: Some(3),
        users: Some(2),
        url: Some(page(42)),
        ..Issue::default()
    }
}

fn page(number: u32) -> String {
    format!("https://sentry.example.com/organizations/acme/issues/{number}/")
}

/// Somebody posts a message with these addresses; the platform tells of each apart.
async fn tell(world: &World, by: &Person, place: &Place, message: &str, links: &[String]) {
    for link in links {
        let shared = Shared {
            by: by.clone(),
            place: place.clone(),
            message: Some(MessageId::new(message)),
            links: vec![link.clone()],
            trigger: world.chat.share(by),
        };
        world.app.accept(&[], &Event::Shared(shared)).await.expect("kept");
    }
}

/// Ana posts a message with these addresses in #ops, and all that follows is done.
async fn posts(world: &World, message: &str, links: &[String]) {
    tell(world, &ana(), &ops(), message, links).await;
    world.wait(SECONDS).await;
}

fn heads(world: &World) -> Vec<String> {
    let head = |unfurl: FakeUnfurl| unfurl.notice.map(|notice| notice.head);
    world.chat.unfurled().into_iter().filter_map(head).collect()
}

#[tokio::test]
async fn more_is_shown_of_an_issue_whose_address_a_linked_person_posts() {
    let world = linked().await;
    let before = world.chat.messages_in(&ops().channel).len();
    posts(&world, "m1", &[page(42)]).await;
    let [unfurl] = &world.chat.unfurled()[..] else { panic!("{:?}", world.chat.unfurled()) };
    let notice = unfurl.notice.as_ref().expect("it is shown");
    assert_eq!(unfurl.by, ana());
    assert_eq!(notice.head, "Open · [checkout] TimeoutError: <!all> pool exhausted");
    let lines: Vec<_> = notice.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["3 events · 2 users · error", "checkout/pay.py in charge_card", "CHECKOUT-7"]);
    assert_eq!((notice.lines[2].link.clone(), notice.buttons.len()), (Some(page(42)), 0));
    assert!(notice.mention.is_none());
    assert_eq!(world.chat.messages_in(&ops().channel).len(), before, "and nothing else is said");
}

#[tokio::test]
async fn the_same_issue_is_shown_once_in_half_an_hour_and_channel() {
    let world = linked().await;
    tell(&world, &ana(), &ops(), "m1", &[page(42)]).await;
    tell(&world, &ana(), &ops(), "m2", &[page(42)]).await;
    world.wait(SECONDS).await;
    posts(&world, "m3", &[format!("{}?project=3#top", page(42))]).await;
    assert_eq!(heads(&world).len(), 1);
    tell(&world, &ana(), &channel("acc", "dev"), "m4", &[page(42)]).await;
    world.wait(SECONDS).await;
    assert_eq!(heads(&world).len(), 2, "another channel has not seen it");
    world.wait(29 * MINUTE).await;
    posts(&world, "m5", &[page(42)]).await;
    assert_eq!(heads(&world).len(), 2);
    world.wait(MINUTE).await;
    posts(&world, "m6", &[page(42)]).await;
    assert_eq!(heads(&world).len(), 3);
}

#[tokio::test]
async fn of_a_list_of_addresses_nothing_is_shown() {
    let world = linked().await;
    for number in [43, 44] {
        let at = IssueRef { id: IssueId::new(number.to_string()), ..issue_42() };
        world.tracker.add_issue(&at, issue());
    }
    posts(&world, "m1", &[page(42), page(43), "https://sentry.example.com/organizations/acme/".into()]).await;
    assert_eq!(heads(&world), Vec::<String>::new());
    posts(&world, "m2", &[page(42), page(43)]).await;
    assert_eq!(heads(&world).len(), 2);
}

#[tokio::test]
async fn whoever_has_not_linked_or_may_not_see_it_or_is_a_guest_shows_nothing_and_is_told_nothing() {
    let world = linked().await;
    let said = || world.chat.messages().len();
    let before = said();
    let guest = Person { user: UserId::new(""), ..ana() };
    for (by, link) in [
        (ben(), page(42)),
        (guest, page(42)),
        (ana(), "https://sentry.example.com/organizations/globex/issues/42/".into()),
        (ana(), page(999)),
        (ana(), "https://acme.sentry.io/issues/42/".into()),
    ] {
        tell(&world, &by, &ops(), "m1", &[link]).await;
        world.wait(SECONDS).await;
    }
    let theirs = IssueRef { org: OrgSlug::new("globex"), id: IssueId::new("7") };
    world.tracker.add_issue(&theirs, issue());
    posts(&world, "m2", &["https://sentry.example.com/organizations/globex/issues/7/".into()]).await;
    assert_eq!((heads(&world).len(), said()), (0, before));
    // What nobody was shown does not keep others from being shown it.
    world.tracker.add_member(&theirs.org, &ana_at_sentry());
    world.tracker.add_project(&zentry_domain::Project { org: theirs.org, ..project("web") });
    posts(&world, "m3", &["https://sentry.example.com/organizations/globex/issues/7/".into()]).await;
    assert_eq!(heads(&world).len(), 1);
}

#[tokio::test]
async fn whoever_unlinks_before_it_is_shown_shows_nothing() {
    let world = linked().await;
    tell(&world, &ana(), &ops(), "m1", &[page(42)]).await;
    world.ana_says("unlink").await;
    world.wait(SECONDS).await;
    assert_eq!(heads(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_channel_that_shows_no_messages_shows_none_beside_an_address_either() {
    let world = linked().await;
    let settings = ChannelSettings { privacy: Privacy::ClassOnly, ..ChannelSettings::default() };
    let Place { account, channel, .. } = ops();
    let put = Decision::nothing().and(RowChange::PutSettings { account, channel, settings });
    world.store.commit(&[], &put, zentry_contract::sample::START).await.expect("stored");
    posts(&world, "m1", &[page(42)]).await;
    let notice = world.chat.unfurled().remove(0).notice.expect("it is shown");
    assert_eq!(notice.head, "Open · [checkout] TimeoutError");
    assert!(!format!("{notice:?}").contains("exhausted") && !format!("{notice:?}").contains("pay.py"), "{notice:?}");
}

#[tokio::test]
async fn what_zoom_does_not_want_any_more_is_dropped_and_nobody_is_told() {
    let world = linked().await;
    let said = world.chat.messages().len();
    for fault in [ChatFault::Refused, ChatFault::Gone, ChatFault::Unauthorized] {
        world.chat.fail_next(fault);
        posts(&world, "m1", &[page(42)]).await;
    }
    // A trigger that is over.
    let shared = |trigger| Shared { by: ana(), place: ops(), message: None, links: vec![page(42)], trigger };
    world.app.accept(&[], &Event::Shared(shared(zentry_domain::TriggerId::new("over")))).await.expect("kept");
    world.settle().await;
    assert_eq!((heads(&world).len(), world.chat.messages().len()), (0, said));
    let fresh = world.chat.share(&ana());
    world.app.accept(&[], &Event::Shared(shared(fresh))).await.expect("kept");
    world.settle().await;
    assert_eq!(heads(&world).len(), 1, "without its message's number nothing is waited for");
}

#[tokio::test]
async fn what_fails_for_a_moment_is_tried_again_and_what_fails_for_long_is_let_be() {
    let world = linked().await;
    world.chat.fail_next(ChatFault::Throttled { after: Some(Duration::from_secs(5)) });
    world.tracker.fail_next(Fault::Throttled { after: Some(Duration::from_secs(3_600)) });
    posts(&world, "m1", &[page(42)]).await;
    for _ in 0..2 {
        world.wait(Duration::from_secs(10)).await;
    }
    assert_eq!(heads(&world).len(), 1);
    world.wait(30 * MINUTE).await;
    world.chat.fail_times(3, ChatFault::Unavailable);
    posts(&world, "m2", &[page(42)]).await;
    for _ in 0..3 {
        world.wait(Duration::from_secs(60)).await;
    }
    assert_eq!(heads(&world).len(), 1);
}

#[tokio::test]
async fn sentrys_limit_does_not_hold_up_the_accounts_messages() {
    let world = linked().await;
    world.tracker.fail_next(Fault::Throttled { after: Some(Duration::from_secs(20)) });
    posts(&world, "m1", &[page(42)]).await;
    let before = world.chat.messages_in(&ops().channel).len();
    world.ana_says("whoami").await;
    assert_eq!(world.chat.messages_in(&ops().channel).len(), before + 1);
    world.wait(Duration::from_secs(10)).await;
    assert_eq!(heads(&world).len(), 1);
}
