//! Linking in a browser: what each page says, and what it lets happen.

use std::time::Duration;

use zentry_contract::sample::{ana, ops, person};
use zentry_contract::tracker::Fault;
use zentry_domain::{Person, Place};

use crate::client::{Reply, Request};
use crate::world::{CHAT, World, ada};

/// Ana has typed `connect`, and her link lies in her own chat.
async fn asked() -> (World, String) {
    asked_by(ana()).await
}

async fn asked_by(person: Person) -> (World, String) {
    let world = World::start().await;
    world.say(person.clone(), ops(), "connect acme checkout").await;
    let path = world.link_path(&person);
    (world, path)
}

/// A browser at Sentry: what its cookie is and where it was sent.
struct AtSentry {
    cookie: String,
    address: String,
    state: String,
}

async fn pressed(world: &World, path: &str) -> AtSentry {
    let reply = Request::post(path).header("Origin", "null").send(world.at).await;
    assert_eq!(reply.status, 303, "{reply:?}");
    let cookie = reply.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie");
    let address = reply.header("location").expect("an address").to_owned();
    let state = address.rsplit('=').next().expect("a state").to_owned();
    AtSentry { cookie: cookie.to_owned(), address, state }
}

async fn back(world: &World, browser: &AtSentry, query: &str) -> Reply {
    let path = format!("/sentry/callback?state={}&{query}", browser.state);
    Request::get(&path).header("Cookie", &browser.cookie).send(world.at).await
}

#[tokio::test]
async fn from_the_page_to_the_code_said_in_the_chat() {
    let (world, path) = asked().await;
    let page = Request::get(&path).send(world.at).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("to Zoom user Ana of Zoom account acc."), "{}", page.text());
    assert_eq!(page.between("<form method=\"post\" action=\"", "\""), path);
    assert_eq!(page.body.matches("<button").count(), 1);

    let browser = pressed(&world, &path).await;
    let code = world.tracker.approve(&browser.address, &ada());
    let done = back(&world, &browser, &format!("code={}", code.expose())).await;
    assert_eq!(done.status, 200);
    assert_eq!(
        done.text().replacen(done.between("id=\"confirm-code\">", "<"), "482 913", 1),
        "Almost done, Ada. Send this code to the Sentry bot in Zoom: 482 913 CopyOpen the chat in Zoom \
         It links Zoom user Ana to ada@acme.io. \
         If you did not type /sentry in Zoom yourself, close this page and give the code to nobody."
    );
    assert!(done.body.contains(&format!("href=\"{CHAT}\"")));
    assert!(done.body.contains("id=\"copy\" hidden"), "hidden unless the script can copy");
    assert!(done.body.contains("src=\"/assets/zentry.js\""));
    world.settle().await;
    assert!(world.last_direct().starts_with("Signed in at Sentry as ada@acme.io."), "{}", world.last_direct());

    let shown = done.between("id=\"confirm-code\">", "<");
    assert_eq!((shown.len(), shown.find(' ')), (7, Some(3)), "{shown}");
    world.say(ana(), Place::direct(&ana()), shown).await;
    assert!(world.last_direct().starts_with("Linked as ada@acme.io."), "{}", world.last_direct());
    let told = world.chat.messages_in(&ops().channel);
    assert_eq!(told.last().expect("a message").notice.head, "Connected: acme / checkout");
}

#[tokio::test]
async fn the_cookie_is_for_this_host_over_https_and_for_no_script() {
    let (world, path) = asked().await;
    let reply = Request::post(&path).send(world.at).await;
    let cookie = reply.header("set-cookie").expect("a cookie");
    let (pair, attributes) = cookie.split_once("; ").expect("attributes");
    let value = pair.strip_prefix("__Host-zentry-link=").expect("the name");
    assert_eq!(value.len(), 43, "256 bits");
    assert_eq!(attributes, "Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=600");
}

#[tokio::test]
async fn only_the_link_page_lets_its_form_end_at_sentry() {
    let (world, path) = asked().await;
    let policy = |reply: Reply| reply.header("content-security-policy").expect("a policy").to_owned();
    let offered = policy(Request::get(&path).send(world.at).await);
    assert!(offered.ends_with("form-action 'self' https://sentry.io https://*.sentry.io"), "{offered}");
    pressed(&world, &path).await;
    assert!(policy(Request::get(&path).send(world.at).await).ends_with("form-action 'self'"));
}

#[tokio::test]
async fn opening_the_page_consumes_nothing_and_its_button_works_once() {
    let (world, path) = asked().await;
    for _ in 0..3 {
        assert_eq!(Request::get(&path).send(world.at).await.status, 200);
        assert_eq!(Request::new("HEAD", &path).send(world.at).await.status, 200);
    }
    pressed(&world, &path).await;
    assert_eq!(Request::get(&path).send(world.at).await.status, 410);
    assert_eq!(Request::post(&path).send(world.at).await.status, 410);
    assert_eq!(Request::post(&path).body("again=2").send(world.at).await.status, 410);
}

#[tokio::test]
async fn an_expired_page_sends_a_new_link_three_times_an_hour() {
    let (world, path) = asked().await;
    world.clock.advance(Duration::from_secs(601));
    let expired = Request::get(&path).send(world.at).await;
    assert_eq!(expired.status, 410);
    assert!(
        expired.text().starts_with("This link has expired or was already used. Nothing was changed. Send me a new one"),
        "{}",
        expired.text()
    );
    assert_eq!(expired.between("<form method=\"post\" action=\"", "\""), path);
    assert!(expired.body.contains("<input type=\"hidden\" name=\"again\" value=\"1\">"));
    for _ in 0..3 {
        let sent = Request::post(&path).body("again=1").send(world.at).await;
        assert_eq!((sent.status, sent.text().starts_with("A new link is sent")), (200, true));
        world.settle().await;
        assert_ne!(world.link_path(&ana()), path, "in the same person's chat");
    }
    let too_often = Request::post(&path).body("again=1").send(world.at).await;
    assert_eq!((too_often.status, too_often.text().starts_with("Too many new links this hour")), (200, true));
    assert_eq!(Request::get(&world.link_path(&ana())).send(world.at).await.status, 200);
}

#[tokio::test]
async fn an_unknown_link_is_not_found_whatever_is_asked_of_it() {
    let world = World::start().await;
    for path in ["/link/abc", "/link/", "/link/a/b", "/link/%3Cb%3E", &format!("/link/{}", "a".repeat(129))] {
        assert_eq!(Request::get(path).send(world.at).await.status, 404, "{path}");
        assert_eq!(Request::post(path).send(world.at).await.status, 404, "{path}");
        assert_eq!(Request::post(path).body("again=1").send(world.at).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_form_sent_by_another_site_is_refused_and_uses_nothing_up() {
    let (world, path) = asked().await;
    for body in ["", "again=1"] {
        let foreign = Request::post(&path).header("Sec-Fetch-Site", "cross-site").body(body);
        assert_eq!(foreign.send(world.at).await.status, 403);
    }
    let own = Request::post(&path).header("Sec-Fetch-Site", "same-origin").header("Origin", "null");
    assert_eq!(own.send(world.at).await.status, 303);
}

#[tokio::test]
async fn a_name_is_text_and_never_markup() {
    let (world, path) = asked_by(person("acc", "U1", "<b>Ana</b> \"&\u{202e}")).await;
    let page = Request::get(&path).send(world.at).await;
    assert!(!page.body.contains("<b>") && !page.body.contains('\u{202e}'), "{}", page.body);
    assert!(page.body.contains("&#60;b&#62;Ana&#60;/b&#62;"), "{}", page.body);
}

#[tokio::test]
async fn without_the_cookie_of_this_attempt_a_callback_is_refused() {
    let (world, path) = asked().await;
    let browser = pressed(&world, &path).await;
    let code = world.tracker.approve(&browser.address, &ada());
    let callback = format!("/sentry/callback?state={}&code={}", browser.state, code.expose());
    for cookie in ["", "__Host-zentry-link=other", "zentry-link=x"] {
        let refused = Request::get(&callback).header("Cookie", cookie).send(world.at).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.header("set-cookie"), None, "an attempt under way keeps its cookie");
    }
    assert_eq!(world.tracker.grants_of(&ada()), 0);
    let twice = Request::get(&callback).header("Cookie", &format!("{0}; {0}", browser.cookie));
    assert_eq!(twice.send(world.at).await.status, 400);
    assert_eq!(back(&world, &browser, &format!("code={}", code.expose())).await.status, 200);
}

#[tokio::test]
async fn parameters_that_are_there_twice_are_refused() {
    let (world, path) = asked().await;
    let browser = pressed(&world, &path).await;
    let code = world.tracker.approve(&browser.address, &ada());
    let code = code.expose();
    assert_eq!(back(&world, &browser, &format!("code={code}&code=other")).await.status, 400);
    assert_eq!(back(&world, &browser, &format!("code={code}&state={}", browser.state)).await.status, 400);
    assert_eq!(back(&world, &browser, &format!("code={code}&utm=1&utm=2")).await.status, 200, "others do not matter");
}

#[tokio::test]
async fn a_callback_works_once_and_lets_the_cookie_go() {
    let (world, path) = asked().await;
    let browser = pressed(&world, &path).await;
    let code = world.tracker.approve(&browser.address, &ada());
    let query = format!("code={}", code.expose());
    let done = back(&world, &browser, &query).await;
    assert_eq!(
        done.header("set-cookie"),
        Some("__Host-zentry-link=; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=0")
    );
    assert_eq!(back(&world, &browser, &query).await.status, 400);
}

#[tokio::test]
async fn whoever_denies_at_sentry_has_cancelled() {
    let (world, path) = asked().await;
    let browser = pressed(&world, &path).await;
    let cancelled = back(&world, &browser, "error=access_denied").await;
    assert_eq!((cancelled.status, cancelled.text().starts_with("You cancelled")), (200, true));
    assert!(cancelled.header("set-cookie").is_some_and(|cookie| cookie.ends_with("Max-Age=0")));
    world.settle().await;
    assert!(world.last_direct().starts_with("You cancelled the link."), "{}", world.last_direct());
}

#[tokio::test]
async fn a_sentry_that_does_not_answer_links_nothing_and_says_so() {
    let (world, path) = asked().await;
    let browser = pressed(&world, &path).await;
    let code = world.tracker.approve(&browser.address, &ada());
    world.tracker.fail_next(Fault::Down);
    let failed = back(&world, &browser, &format!("code={}", code.expose())).await;
    assert_eq!((failed.status, failed.text().starts_with("Sentry did not answer")), (502, true));
    assert_eq!(world.tracker.grants_of(&ada()), 0);
}

#[tokio::test]
async fn a_store_that_is_down_is_our_fault_and_uses_nothing_up() {
    let (world, path) = asked().await;
    world.store.set_down(true);
    for request in [Request::get(&path), Request::post(&path), Request::post(&path).body("again=1")] {
        let failed = request.send(world.at).await;
        assert_eq!((failed.status, failed.text().starts_with("Something went wrong here")), (500, true));
    }
    world.store.set_down(false);
    assert_eq!(Request::get(&path).send(world.at).await.status, 200);
}

#[tokio::test]
async fn behind_a_path_the_form_posts_below_it() {
    let world = World::at("https://bot.example.com/zentry").await;
    world.say(ana(), ops(), "connect acme checkout").await;
    let path = world.link_path(&ana());
    assert!(path.starts_with("/zentry/link/"), "{path}");
    let page = Request::get(path.strip_prefix("/zentry").expect("a prefix")).send(world.at).await;
    assert_eq!(page.between("<form method=\"post\" action=\"", "\""), path);
    assert_eq!(Request::post(&path).send(world.at).await.status, 303);
}
