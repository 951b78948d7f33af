//! The pages that are the same for everybody, and what all pages have in common.

use zentry_contract::sample::ana;
use zentry_domain::Roster as _;

use crate::client::{Reply, Request};
use crate::world::{CHAT, World};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; form-action 'self'";

async fn get(world: &World, path: &str) -> Reply {
    Request::get(path).send(world.at).await
}

/// One of every kind, errors included.
async fn every_kind(world: &World) -> Vec<Reply> {
    let mut replies = Vec::new();
    for (request, status) in [
        (Request::get("/"), 200),
        (Request::get("/privacy"), 200),
        (Request::get("/terms"), 200),
        (Request::get("/support"), 200),
        (Request::get("/sentry/setup?orgSlug=acme"), 200),
        (Request::get("/zoom/install"), 303),
        (Request::get("/zoom/callback"), 303),
        (Request::get("/sentry/callback?state=a&code=b"), 400),
        (Request::get("/link/unknown"), 404),
        (Request::get("/nowhere"), 404),
        (Request::new("DELETE", "/"), 405),
        (Request::get("/zoom/events"), 405),
        (Request::post("/link/unknown").header("Sec-Fetch-Site", "cross-site"), 403),
        (Request::post("/link/unknown").body("x".repeat(5000)), 413),
    ] {
        let reply = request.send(world.at).await;
        assert_eq!(reply.status, status, "{reply:?}");
        replies.push(reply);
    }
    world.store.set_down(true);
    let reply = get(world, "/link/unknown").await;
    assert_eq!(reply.status, 500);
    replies.push(reply);
    replies
}

#[tokio::test]
async fn every_page_even_an_error_tells_browsers_to_be_careful() {
    let world = World::start().await;
    for reply in every_kind(&world).await {
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("content-security-policy"), Some(POLICY));
        assert_eq!(reply.header("strict-transport-security"), Some("max-age=63072000"));
        assert_eq!(reply.header("server"), None);
    }
}

#[tokio::test]
async fn nothing_on_a_page_is_inline_or_from_elsewhere() {
    let world = World::start().await;
    for reply in every_kind(&world).await {
        for forbidden in ["<script>", "<style", " style=", " onclick", "src=\"http", "stylesheet\" href=\"http"] {
            assert!(!reply.body.contains(forbidden), "{forbidden} in {}", reply.body);
        }
    }
}

#[tokio::test]
async fn without_https_browsers_are_not_told_to_insist_on_it() {
    let world = World::at("http://127.0.0.1:8080").await;
    assert_eq!(get(&world, "/").await.header("strict-transport-security"), None);
    assert_eq!(get(&world, "/assets/zentry.css").await.header("strict-transport-security"), None);
}

#[tokio::test]
async fn a_path_in_the_public_address_is_kept_in_every_link_and_may_be_stripped_on_the_way() {
    let world = World::at("https://bot.example.com/zentry/").await;
    for path in ["/zentry/privacy", "/privacy", "/zentry", "/zentry/", "/"] {
        let page = get(&world, path).await;
        assert_eq!(page.status, 200, "{path}");
        let local = page.body.split("href=\"").skip(1).filter(|link| link.starts_with('/'));
        assert!(local.clone().count() >= 5);
        assert!(local.clone().all(|link| link.starts_with("/zentry/")), "{}", page.body);
    }
    assert_eq!(get(&world, "/zentryprivacy").await.status, 404);
    assert_eq!(get(&world, "/other/privacy").await.status, 404);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let world = World::start().await;
    for path in ["/", "/privacy", "/nowhere", "/link/unknown", "/assets/zentry.js"] {
        let whole = get(&world, path).await;
        let head = Request::new("HEAD", path).send(world.at).await;
        assert_eq!((head.status, head.body.as_str()), (whole.status, ""), "{path}");
        assert_eq!(head.header("content-length"), whole.header("content-length"), "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn assets_may_be_kept_and_are_what_they_say() {
    let world = World::start().await;
    for (path, kind) in [
        ("/assets/zentry.css", "text/css; charset=utf-8"),
        ("/assets/zentry.js", "text/javascript; charset=utf-8"),
        ("/favicon.ico", "image/svg+xml"),
    ] {
        let asset = get(&world, path).await;
        assert_eq!((asset.status, asset.header("content-type")), (200, Some(kind)));
        assert_eq!(asset.header("cache-control"), Some("public, max-age=3600"));
        assert_eq!(asset.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn the_setup_page_says_what_to_type_now() {
    let world = World::start().await;
    let page = get(&world, "/sentry/setup?code=c&installationId=i&orgSlug=acme").await;
    assert!(page.text().starts_with("Installed in acme"), "{}", page.text());
    assert!(page.text().contains("/sentry connect acme &lt;project&gt;"));
    assert!(world.store.waiting().is_empty(), "attaches nothing");
}

#[tokio::test]
async fn the_setup_page_brings_a_code_for_an_installation_and_nothing_else() {
    let world = World::with_app().await;
    let uuid = "11111111-2222-4333-8444-555555555555";
    let brings = async |request: Request| {
        let reply = request.send(world.at).await;
        assert_eq!(reply.status, 200);
        world.store.waiting().len()
    };
    let address = |query: &str| format!("/sentry/setup?{query}");
    for query in [
        "orgSlug=acme".to_owned(),
        format!("installationId={uuid}"),
        format!("code=c0de&installationId={uuid}&code=c1de"),
        format!("code=c0de&installationId={uuid}&installationId={uuid}"),
        format!("code=c%20de&installationId={uuid}"),
        "code=c0de&installationId=../acme".to_owned(),
    ] {
        assert_eq!(brings(Request::get(&address(&query))).await, 0, "{query}");
    }
    let whole = address(&format!("code=c0de&installationId={uuid}&orgSlug=globex"));
    assert_eq!(brings(Request::new("HEAD", &whole)).await, 0, "whoever only looks uses nothing up");
    for _ in 0..2 {
        assert_eq!(brings(Request::get(&whole)).await, 1);
    }
    let waiting = format!("{:?}", world.store.waiting());
    assert!(!waiting.contains("globex") && !waiting.contains("c0de"), "{waiting}");

    world.store.set_down(true);
    let page = get(&world, &address(&format!("code=c2de&installationId={uuid}&orgSlug=acme"))).await;
    assert!(page.text().starts_with("Installed in acme"), "it is installed all the same");
}

#[tokio::test]
async fn the_setup_page_repeats_nothing_that_is_no_slug() {
    let world = World::start().await;
    for org in ["%3Cscript%3E", "call+0800", "", &"a".repeat(65)] {
        let page = get(&world, &format!("/sentry/setup?orgSlug={org}")).await;
        assert!(page.text().starts_with("Installed at Sentry No Zoom channel"), "{}", page.text());
    }
}

#[tokio::test]
async fn installing_goes_to_zoom_with_a_state_of_its_own_and_ends_in_the_chat() {
    let world = World::start().await;
    let mut states = Vec::new();
    for _ in 0..2 {
        let reply = get(&world, "/zoom/install").await;
        let state = reply
            .header("location")
            .and_then(|address| address.strip_prefix("https://zoom.example.com/oauth/authorize?client_id=abc&state="));
        states.push(state.expect("Zoom's address").to_owned());
    }
    assert_ne!(states[0], states[1]);
    assert!(states[0].len() == 32 && states[0].bytes().all(|b| b.is_ascii_hexdigit()), "{states:?}");
    assert_eq!(get(&world, "/zoom/callback?code=c").await.header("location"), Some(CHAT));
}

#[tokio::test]
async fn the_first_page_leads_to_what_the_marketplace_asks_for() {
    let world = World::start().await;
    let home = get(&world, "/").await;
    for path in ["/privacy", "/terms", "/support", "/zoom/install"] {
        assert!(home.body.contains(&format!("href=\"{path}\"")), "{path}");
    }
    assert!(get(&world, "/privacy").await.text().contains("How to remove it"));
}

#[tokio::test]
async fn where_the_directory_is_read_a_browser_comes_back_with_the_state_that_it_began_with() {
    let (world, directory) = World::with_directory().await;
    let began = get(&world, "/zoom/install").await;
    let state = began.header("location").and_then(|address| address.rsplit_once("&state=")).expect("a state").1;
    let cookie = began.header("set-cookie").expect("a cookie");
    assert_eq!(cookie, format!("__Host-zentry-install={state}; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=600"));
    let code = directory.consent(&ana().user);
    let back = format!("/zoom/callback?code={}&state={state}", code.expose());
    let enrolled = async || world.store.enrolled().await.expect("read").len();

    assert_eq!(get(&world, &back).await.header("location"), Some(CHAT));
    let theirs = Request::get(&back).header("cookie", "__Host-zentry-install=another").send(world.at).await;
    assert_eq!((theirs.status, theirs.header("location"), enrolled().await), (303, Some(CHAT), 0));
    let twice = format!("{back}&code=another");
    let ours = format!("__Host-zentry-install={state}");
    Request::get(&twice).header("cookie", &ours).send(world.at).await;
    assert_eq!(enrolled().await, 0, "two readers could disagree");
    let reply = Request::get(&back).header("cookie", &ours).send(world.at).await;
    assert_eq!((reply.status, reply.header("location"), enrolled().await), (303, Some(CHAT), 1));
}

#[tokio::test]
async fn the_privacy_page_speaks_of_the_directory_only_where_it_is_read() {
    let (world, _directory) = World::with_directory().await;
    assert!(get(&world, "/privacy").await.text().contains("From Zoom's directory"));
    assert!(!get(&World::start().await, "/privacy").await.text().contains("directory"));
    assert_eq!(get(&World::start().await, "/zoom/install").await.header("set-cookie"), None);
}
