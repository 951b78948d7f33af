//! Zoom's directory through the real binary: installing, names, members, administrators, guests, with the attacks on it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zentry_test_support::sandbox::Fault;
use zentry_test_support::sandbox::browser::BrowseError;
use zentry_test_support::sandbox::zoom::{Message, Person};
use zentry_test_support::{PATIENCE, Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

/// Jane administers the account; she and Ben belong to #web-team, where Ben has never spoken. #checkout-alerts and #web-team
/// are connected.
async fn town() -> Town {
    let town = opened(&[]).await;
    let (zoom, cast) = (&town.sandbox.zoom, &town.cast);
    kept(zoom.say(&cast.jane, &cast.web_team, "connect acme web").await);
    town.sees(&cast.jane, &cast.web_team, "Connected: acme / web").await;
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Connected: acme / checkout").await;
    assert!(!everything_for(&town, &cast.ben).await.contains("acme / web"));
    town
}

async fn opened(settings: &[(&str, &str)]) -> Town {
    let mut town = Town::built(ZENTRY).await;
    let on = [("ZENTRY_ZOOM_DIRECTORY", "on")];
    let settings = on.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    town.setup.settings.extend(settings);
    let (zoom, cast) = (&town.sandbox.zoom, &town.cast);
    zoom.promote(&cast.jane);
    for person in [&cast.jane, &cast.ben] {
        zoom.join_channel(person, &cast.web_team);
    }
    town.start();
    town
}

/// What `configure all` in #checkout-alerts answers somebody.
async fn everything_for(town: &Town, person: &Person) -> String {
    answer_to(town, person, "configure all").await
}

async fn answer_to(town: &Town, person: &Person, command: &str) -> String {
    let (zoom, alerts) = (&town.sandbox.zoom, &town.cast.alerts);
    let before = zoom.messages(alerts, person).len();
    kept(zoom.say(person, alerts, command).await);
    let next = |messages: &[Message]| messages.get(before).map(ToString::to_string);
    zoom.wait_until(alerts, person, command, PATIENCE, next).await.expect("an answer")
}

/// Asks until the answer holds these words.
async fn comes_to_say(town: &Town, person: &Person, command: &str, words: &str) {
    for _ in 0..200 {
        if answer_to(town, person, command).await.contains(words) {
            return;
        }
    }
    panic!("{command:?} never said {words:?}:\n{}", town.log());
}

/// Opens an address that leads, in the end, into the bot's chat at Zoom, where the browser of these tests cannot follow.
async fn leads_into_the_chat(town: &Town, address: &str) {
    let opened = town.sandbox.browser.open(address).await;
    let Err(BrowseError::NoAnswer { url, .. }) = opened else { panic!("it ends elsewhere: {opened:?}") };
    assert!(url.starts_with("https://zoom.us/launch/chat?jid=robot_"), "{url}");
}

async fn jane_installs(town: &Town) {
    town.sandbox.zoom.log_in(&town.cast.jane);
    leads_into_the_chat(town, &format!("{}/zoom/install", town.public_url)).await;
}

/// A browser at this address comes back from Zoom, through a proxy.
async fn came_back_from(town: &Town, address: &str, code: &str) {
    let host = town.public_url.trim_start_matches("http://");
    let mut proxy = TcpStream::connect(host).await.expect("the bot listens");
    let request = format!(
        "GET /zoom/callback?code={code} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {address}\r\nConnection: close\r\n\r\n"
    );
    proxy.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    proxy.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

/// How often somebody was asked for at Zoom.
fn calls(town: &Town, path: &str) -> usize {
    town.sandbox.wire.entries().iter().filter(|entry| entry.path == path).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_who_installs_lets_names_and_members_be_read() {
    let town = town().await;
    jane_installs(&town).await;
    comes_to_say(&town, &town.cast.ben, "configure all", "#web-team").await;

    town.sandbox.zoom.rename_channel(&town.cast.web_team, "frontend");
    jane_installs(&town).await;
    comes_to_say(&town, &town.cast.ben, "configure all", "#frontend").await;

    for file in std::fs::read_dir(town.folder()).expect("the folder") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("readable");
        for token in ["refresh-", "user-"] {
            assert!(
                !bytes.windows(token.len()).any(|window| window == token.as_bytes()),
                "a token lies there in clear"
            );
        }
    }
    assert!(!town.log().contains("refresh-") && !town.log().contains("user-"), "{}", town.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_new_name_at_zoom_is_called_by_it_in_what_they_have_connected() {
    let town = town().await;
    town.sandbox.zoom.rename(&town.cast.jane, "Jane Appleseed");
    jane_installs(&town).await;
    comes_to_say(&town, &town.cast.ben, "configure acme checkout", "Set up by Jane Appleseed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_and_the_grant_survive_a_restart() {
    let mut town = town().await;
    jane_installs(&town).await;
    comes_to_say(&town, &town.cast.ben, "configure all", "#web-team").await;
    town.restart();
    assert!(everything_for(&town, &town.cast.ben).await.contains("#web-team"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_marketplaces_install_without_a_state_is_taken_and_its_replay_changes_nothing() {
    let town = town().await;
    let code = town.sandbox.zoom.consent(&town.cast.jane);
    let callback = format!("{}/zoom/callback?code={code}", town.public_url);
    leads_into_the_chat(&town, &callback).await;
    comes_to_say(&town, &town.cast.ben, "configure all", "#web-team").await;
    leads_into_the_chat(&town, &callback).await;
    leads_into_the_chat(&town, &format!("{}/zoom/callback?code=forged", town.public_url)).await;
    assert_eq!(calls(&town, "/v2/users/me"), 1);
    assert!(everything_for(&town, &town.cast.ben).await.contains("#web-team"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_not_this_browsers_attaches_nothing_and_uses_up_no_code() {
    let town = town().await;
    let code = town.sandbox.zoom.consent(&town.cast.jane);
    let callback = format!("{}/zoom/callback?code={code}", town.public_url);
    for forged in ["&state=0123456789abcdef0123456789abcdef", "&state=", "&code=another"] {
        leads_into_the_chat(&town, &format!("{callback}{forged}")).await;
    }
    for none in ["", "?error=access_denied", "?code="] {
        leads_into_the_chat(&town, &format!("{}/zoom/callback{none}", town.public_url)).await;
    }
    assert_eq!(calls(&town, "/v2/users/me"), 0);
    leads_into_the_chat(&town, &callback).await;
    assert_eq!(calls(&town, "/v2/users/me"), 1, "the code was still good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_forged_codes_cost_zoom_five_calls_and_hold_up_no_administrator_elsewhere() {
    let town = opened(&[("ZENTRY_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let code = town.sandbox.zoom.consent(&town.cast.jane);
    let before = calls(&town, "/oauth/token");
    for n in 0..100 {
        came_back_from(&town, "198.51.100.7", &format!("forged-{n}")).await;
    }
    assert_eq!(calls(&town, "/oauth/token") - before, 5);
    came_back_from(&town, "198.51.100.7", &code).await;
    assert_eq!(calls(&town, "/v2/users/me"), 0);
    came_back_from(&town, "203.0.113.9", &code).await;
    assert_eq!(calls(&town, "/v2/users/me"), 1, "{}", town.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zoom_that_fails_the_exchange_ends_in_the_chat_all_the_same() {
    let town = town().await;
    town.sandbox.zoom.token_faults().next(Fault::html(503));
    jane_installs(&town).await;
    town.sandbox.zoom.directory_faults().next(Fault::Close { carried_out: false });
    jane_installs(&town).await;
    assert!(!everything_for(&town, &town.cast.ben).await.contains("#web-team"));
    jane_installs(&town).await;
    comes_to_say(&town, &town.cast.ben, "configure all", "#web-team").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_manage_and_guests_get_help_and_nothing_else() {
    let town = opened(&[("ZENTRY_POLICY_CONNECT", "managers")]).await;
    let (jane, ben) = (&town.cast.jane, &town.cast.ben);
    assert!(!answer_to(&town, jane, "connect acme checkout").await.contains("Connected"));
    answer_to(&town, ben, "help").await;
    town.sandbox.zoom.make_guest(ben);
    jane_installs(&town).await;
    comes_to_say(&town, jane, "whoami", "You manage this account").await;
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Connected: acme / checkout").await;
    comes_to_say(&town, ben, "configure all", "help").await;
    assert!(!answer_to(&town, ben, "status").await.contains("Last event"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_missing_is_named_once_and_costs_only_itself() {
    let town = town().await;
    town.sandbox.zoom.ask_for(&["imchat:bot", "user:read:user:admin", "team_chat:read:list_user_channels:admin"]);
    jane_installs(&town).await;
    town.logged("team_chat:read:list_members").await;
    comes_to_say(&town, &town.cast.jane, "whoami", "You manage this account").await;
    assert!(!everything_for(&town, &town.cast.ben).await.contains("#web-team"));
    assert_eq!(town.log().matches("team_chat:read:list_members:admin").count(), 1, "{}", town.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_removes_the_app_takes_the_grant_along() {
    let town = town().await;
    jane_installs(&town).await;
    comes_to_say(&town, &town.cast.ben, "configure all", "#web-team").await;
    kept(town.sandbox.zoom.uninstall(&town.cast.jane).await);
    kept(town.sandbox.zoom.install(&town.cast.jane).await);
    town.jane_reads("Sentry").await;
    kept(town.sandbox.zoom.say(&town.cast.ben, &town.cast.alerts, "configure all").await);
    assert!(!everything_for(&town, &town.cast.ben).await.contains("#web-team"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_directory_is_off_nothing_is_exchanged_and_no_cookie_is_set() {
    let town = Town::with_integration(ZENTRY).await;
    town.sandbox.zoom.promote(&town.cast.jane);
    jane_installs(&town).await;
    let code = town.sandbox.zoom.consent(&town.cast.jane);
    leads_into_the_chat(&town, &format!("{}/zoom/callback?code={code}", town.public_url)).await;
    assert_eq!((calls(&town, "/oauth/token"), calls(&town, "/v2/users/me")), (0, 0));
    assert!(!town.sandbox.browser.has_cookie("__Host-zentry-install"));
}
