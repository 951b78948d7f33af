//! Addresses of issues' pages, posted in a channel, through the real binary.

use zentry_test_support::sandbox::Fault;
use zentry_test_support::sandbox::sentry::{Caller, NewIssue};
use zentry_test_support::sandbox::zoom::{Message, Person};
use zentry_test_support::{PATIENCE, Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

/// Jane has linked her account; her channel gets the issues of acme / checkout.
async fn town() -> Town {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("checkout").await;
    town
}

fn page(town: &Town, org: &str, issue: u64) -> String {
    format!("{}/organizations/{org}/issues/{issue}/?project=1", town.sandbox.sentry.base())
}

/// Somebody posts one message with these addresses in the channel.
async fn posts(town: &Town, person: &Person, links: &[String], external: bool) {
    let links: Vec<_> = links.iter().map(String::as_str).collect();
    for delivery in town.sandbox.zoom.share(person, &town.cast.alerts, &links, external).await {
        kept(delivery);
    }
}

async fn jane_posts(town: &Town, links: &[String]) {
    posts(town, &town.cast.jane, links, false).await;
}

/// Jane sees more of an address.
async fn shown(town: &Town, words: &str) -> Message {
    let is_it = |message: &Message| message.unfurls.is_some() && message.to_string().contains(words);
    let zoom = &town.sandbox.zoom;
    let seen = zoom.wait_for(&town.cast.alerts, &town.cast.jane, words, PATIENCE, is_it).await;
    seen.unwrap_or_else(|error| panic!("{error}\nthe bot wrote:\n{}", town.log()))
}

/// Of how many addresses more is shown in the channel.
fn count(town: &Town) -> usize {
    let seen = town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.ben);
    seen.iter().filter(|message| message.unfurls.is_some()).count()
}

fn calls_by_ana(town: &Town) -> usize {
    let ana = Caller::User(town.cast.ana.id);
    town.sandbox.sentry.calls().iter().filter(|call| call.caller == ana).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_is_shown_of_an_issue_whose_address_a_linked_person_posts_and_once() {
    let town = town().await;
    let issue = town.error_in(&town.cast.web, "TimeoutError: *pool* <!all> exhausted").await;
    let address = page(&town, "acme", issue);
    jane_posts(&town, std::slice::from_ref(&address)).await;
    let card = shown(&town, "Open · [web] TimeoutError: *pool* <!all> exhausted").await;
    assert_eq!(card.unfurls.as_ref(), Some(&address));
    assert!(!card.markdown && card.buttons().is_empty(), "{card}");
    let [link] = &card.links()[..] else { panic!("{card}") };
    assert!(link.starts_with(&format!("{}/organizations/acme/issues/{issue}/", town.sandbox.sentry.base())), "{link}");

    // Zoom's own repeat of the delivery, and the same issue under another address.
    kept(town.sandbox.zoom.redeliver_last().await.expect("there was one"));
    jane_posts(&town, &[format!("{address}&referrer=mail")]).await;
    let other = town.error_in(&town.cast.api, "KeyError: currency").await;
    jane_posts(&town, &[page(&town, "acme", other)]).await;
    shown(&town, "[api] KeyError").await;
    assert_eq!(count(&town), 2, "once each");
    let about = format!("/issues/{issue}/");
    let asked: Vec<_> = town.sandbox.sentry.calls().into_iter().filter(|call| call.path.contains(&about)).collect();
    assert_eq!(asked.len(), 1, "Sentry is not asked about what is not shown: {asked:?}");
    assert_eq!(asked[0].caller, Caller::User(town.cast.ana.id), "with the poster's own rights");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_of_lists_to_the_unlinked_to_guests_or_of_what_the_poster_may_not_see() {
    let town = town().await;
    let mut issues = Vec::new();
    for title in ["one", "two", "three"] {
        issues.push(page(&town, "acme", town.error_in(&town.cast.web, title).await));
    }
    let secret = town.sandbox.sentry.raise(&town.cast.secret, NewIssue::error("secret")).await;
    let asked_before = calls_by_ana(&town);
    jane_posts(&town, &issues).await;
    posts(&town, &town.cast.ben, &issues[..1], false).await;
    posts(&town, &town.cast.jane, &issues[..1], true).await;
    jane_posts(&town, &["https://sentry.io/organizations/acme/issues/1/".to_owned()]).await;
    jane_posts(&town, &[page(&town, "globex", secret.issue)]).await;
    jane_posts(&town, &[page(&town, "acme", secret.issue)]).await;
    let messages = town.messages();

    // The last of them is shown; whatever was posted before has been dealt with by then.
    jane_posts(&town, &[issues[2].clone()]).await;
    shown(&town, "[web] three").await;
    assert_eq!((count(&town), town.messages()), (1, messages + 1), "and nobody is told anything");
    let own = town.sandbox.zoom.messages(&town.cast.ben, &town.cast.ben);
    assert!(own.is_empty(), "nobody is asked to link for it: {own:?}");
    assert_eq!(calls_by_ana(&town) - asked_before, 3, "about the two that Jane may not see, and the one that she may");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_run_out_is_renewed_and_a_fault_of_zooms_is_tried_again() {
    let town = town().await;
    let issue = page(&town, "acme", town.error_in(&town.cast.web, "TimeoutError").await);
    town.sandbox.zoom.expire_tokens();
    town.sandbox.zoom.faults().next(Fault::html(503));
    jane_posts(&town, &[issue]).await;
    shown(&town, "Open · [web] TimeoutError").await;
    assert_eq!(count(&town), 1);
}
