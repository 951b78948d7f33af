//! The directory that production reads keeps the promises of every directory, against a simulated Zoom over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use url::Url;
use zentry_contract::directory::{Bench, Fault, MANY, THROTTLED_FOR};
use zentry_contract::directory_suite;
use zentry_contract::fake::{FakeClock, FakeVault};
use zentry_contract::sample::START;
use zentry_domain::directory::Rank;
use zentry_domain::ports::{CredentialKey, DirectoryError};
use zentry_domain::{
    AccountId, Address, ChannelId, Chat, Directory, Notice, Owner, Person, Place, Secret, UserId, UserJid, Vault,
};
use zentry_http_client::{Allowance, HttpClient, HttpConfig};
use zentry_sandbox::zoom::{App, Channel, World, Zoom};
use zentry_sandbox::{Clock, Wire};
use zentry_zoom::{ZoomChat, ZoomConfig, ZoomDirectory};

const CALLBACK: &str = "https://bot.example.com/zoom/callback";

struct ZoomBench {
    zoom: Zoom,
    wire: Wire,
    clock: Arc<FakeClock>,
    chat: ZoomChat,
    directory: Arc<ZoomDirectory>,
    vault: Arc<FakeVault>,
    channels: Vec<Channel>,
    consents: AtomicUsize,
}

impl ZoomBench {
    async fn new() -> Self {
        Self::with_rate(None).await
    }

    async fn with_rate(rate: Option<u32>) -> Self {
        let mut world = World::new(App {
            client_id: "client".into(),
            client_secret: "client-secret".into(),
            bot_jid: "v1bot@xmpp.zoom.us".into(),
            secret_token: "secret-token".into(),
        });
        let (ana, ben, cy) =
            (world.person("acc", "U1", "Ana"), world.person("acc", "U2", "Ben"), world.person("acc", "U3", "Cy"));
        world.promote(&ana);
        let mut channels: Vec<_> = (0..MANY).map(|n| world.channel("acc", &format!("room-{n}"))).collect();
        channels.iter().for_each(|channel| world.join(&ana, channel));
        for n in 1..MANY {
            let person = world.person("acc", &format!("W{n}"), "Somebody");
            world.join(&person, &channels[0]);
        }
        world.join(&cy, &channels[0]);
        channels.push(world.channel("acc", "apart"));
        world.join(&ben, &channels[MANY]);
        let wire = Wire::new();
        let zoom = Zoom::start(world, &Clock::real(), &wire).await.expect("a simulated Zoom");
        zoom.allow_redirect(CALLBACK);
        zoom.make_guest(&cy);
        let (clock, vault) = (Arc::new(FakeClock::at(START)), Arc::new(FakeVault::default()));
        let base: Url = zoom.base().parse().expect("an address");
        let mut http = HttpConfig::new("zentry-tests/0");
        http.allow.extend(Allowance::loopback(&base));
        let http = HttpClient::new(http).expect("an HTTP client");
        let config = config(&base, rate);
        let chat = ZoomChat::new(config.clone(), http, Arc::<FakeClock>::clone(&clock));
        let directory = ZoomDirectory::new(&chat, &config, CALLBACK.into(), Arc::<FakeVault>::clone(&vault));
        let (directory, consents) = (Arc::new(directory), AtomicUsize::new(0));
        Self { zoom, wire, clock, chat, directory, vault, channels, consents }
    }

    async fn enroll(&self) {
        self.directory.enroll(&self.consent("U1")).await.expect("enrolled");
    }

    async fn rank(&self, user: &str) -> Result<Rank, DirectoryError> {
        self.directory.profile(&acc(), &UserId::new(user)).await.map(|profile| profile.rank)
    }

    fn calls(&self, path: &str) -> usize {
        self.wire.entries().iter().filter(|entry| entry.path.starts_with(path)).count()
    }

    async fn grant(&self) -> Option<Secret> {
        let key = CredentialKey { owner: Owner::Zoom(acc()), name: "directory".into() };
        self.vault.load(&key).await.expect("read").map(|(grant, _)| grant)
    }
}

fn acc() -> AccountId {
    AccountId::new("acc")
}

fn config(base: &Url, rate: Option<u32>) -> ZoomConfig {
    ZoomConfig {
        client_id: "client".into(),
        client_secret: Secret::new("client-secret").into(),
        bot_jid: "v1bot@xmpp.zoom.us".into(),
        secret_tokens: vec![Secret::new("secret-token")].into(),
        api: base.clone(),
        oauth: base.clone(),
        rate,
    }
}

fn person(user: &str) -> zentry_sandbox::zoom::Person {
    let name = if user == "U1" { "Ana" } else { "Ben" };
    zentry_sandbox::zoom::Person { account: "acc".into(), user_id: user.into(), name: name.into() }
}

fn ana() -> Person {
    Person { account: acc(), user: UserId::new("U1"), jid: UserJid::new("u1@xmpp.zoom.us"), name: "Ana".into() }
}

impl Bench for ZoomBench {
    fn directory(&self) -> Arc<dyn Directory> {
        Arc::<ZoomDirectory>::clone(&self.directory)
    }

    fn vault(&self) -> Arc<dyn Vault> {
        Arc::<FakeVault>::clone(&self.vault)
    }

    fn channel(&self, name: &str) -> ChannelId {
        let found = self.channels.iter().find(|channel| channel.name == name).map(Channel::jid);
        ChannelId::new(found.unwrap_or_else(|| format!("{name}@conference.xmpp.zoom.us")))
    }

    fn consent(&self, by: &str) -> Secret {
        self.consents.fetch_add(1, Ordering::Relaxed);
        Secret::new(self.zoom.consent(&person(by)))
    }

    fn revoke(&self, by: &str) {
        self.zoom.revoke_grants(&person(by));
    }

    fn rename(&self, channel: &str, name: &str) {
        let channel = self.channels.iter().find(|known| known.name == channel).expect("it is there");
        self.zoom.rename_channel(channel, name);
    }

    fn call(&self, user: &str, name: &str) {
        self.zoom.rename(&person(user), name);
    }

    fn expire(&self) {
        self.zoom.expire_tokens();
    }

    fn refreshes(&self) -> usize {
        self.calls("/oauth/token") - self.consents.load(Ordering::Relaxed)
    }

    fn fail_next(&self, fault: Fault) {
        self.zoom.directory_faults().next(match fault {
            Fault::Down => zentry_sandbox::Fault::html(502),
            Fault::Throttled => zentry_sandbox::Fault::zoom_throttled(Some(&THROTTLED_FOR.as_secs().to_string())),
        });
    }

    fn forbid_channels(&self) {
        self.zoom.ask_for(&["imchat:bot", "user:read:user:admin"]);
    }
}

directory_suite!(ZoomBench::new().await);

// === what is Zoom's own ===

#[tokio::test]
async fn a_token_is_refreshed_before_it_ends_and_whichever_way_zoom_refuses_it_is_understood() {
    let bench = ZoomBench::new().await;
    bench.enroll().await;
    bench.clock.advance(Duration::from_secs(54 * 60));
    bench.rank("U1").await.expect("read");
    assert_eq!(bench.refreshes(), 0);
    bench.clock.advance(Duration::from_secs(60));
    bench.rank("U1").await.expect("read");
    assert_eq!(bench.refreshes(), 1);

    bench.zoom.behave(|manners| manners.oauth_errors_by_code = true);
    bench.zoom.revoke_grants(&person("U1"));
    let ended = bench.rank("U1").await;
    assert!(matches!(ended, Err(DirectoryError::Unauthorized)), "{ended:?}");
    assert!(bench.grant().await.is_none());
}

#[tokio::test]
async fn a_refresh_that_zoom_does_not_answer_keeps_the_grant_and_uses_the_token_while_it_lasts() {
    let bench = ZoomBench::new().await;
    bench.enroll().await;
    bench.clock.advance(Duration::from_secs(56 * 60));
    for fault in [zentry_sandbox::Fault::status(503), zentry_sandbox::Fault::html(403)] {
        bench.zoom.token_faults().next(fault);
        bench.rank("U1").await.expect("its token lasts");
    }
    bench.clock.advance(Duration::from_secs(10 * 60));
    bench.zoom.token_faults().next(zentry_sandbox::Fault::html(401));
    let read = bench.rank("U1").await;
    assert!(matches!(read, Err(DirectoryError::Unavailable(_))), "a page is not Zoom's word: {read:?}");
    assert!(bench.grant().await.is_some());
    bench.rank("U1").await.expect("Zoom is back");
}

#[tokio::test]
async fn the_bots_token_and_a_persons_are_never_taken_for_each_other() {
    let bench = ZoomBench::new().await;
    bench.enroll().await;
    let place = Place { account: acc(), channel: bench.channel("room-0"), name: None, direct: false };
    bench.chat.post(&Address::everyone(&place, &ana()), &Notice::text("hello")).await.expect("posted");
    bench.rank("U1").await.expect("read");
    let refused = bench.wire.entries().iter().filter(|entry| entry.status.is_some_and(|status| status >= 400)).count();
    assert_eq!(refused, 0);
}

#[tokio::test]
async fn whichever_way_zoom_describes_a_guest_they_are_one_and_nobody_administers_by_silence() {
    let bench = ZoomBench::new().await;
    bench.enroll().await;
    for known in [false, true] {
        bench.zoom.behave(|manners| manners.guests_have_records = known);
        assert_eq!(bench.rank("U3").await.expect("read"), Rank::Guest, "with a record: {known}");
    }
    bench.zoom.behave(|manners| manners.users_without_role = true);
    assert_eq!(bench.rank("U1").await.expect("read"), Rank::Member);
    bench.zoom.directory_faults().next(zentry_sandbox::Fault::html(404));
    let read = bench.rank("U2").await;
    assert!(matches!(read, Err(DirectoryError::Refused(_))), "a proxy's page makes nobody a guest: {read:?}");
}

#[tokio::test]
async fn where_no_role_is_said_nobody_takes_the_place_of_somebody_else() {
    let bench = ZoomBench::new().await;
    bench.zoom.behave(|manners| manners.users_without_role = true);
    bench.enroll().await;
    assert!(bench.directory.enroll(&bench.consent("U2")).await.is_err());
    assert!(bench.grant().await.is_some_and(|grant| grant.expose().contains("U1")));
    bench.directory.enroll(&bench.consent("U1")).await.expect("their own, anew");
}

#[tokio::test]
async fn an_account_that_zoom_does_not_name_is_enrolled_nowhere() {
    let bench = ZoomBench::new().await;
    for body in ["{}", r#"{"id":"U1"}"#, r#"{"id":"U1","account_id":""}"#, "<html>"] {
        let answer = zentry_sandbox::Fault::Answer { status: 200, headers: Vec::new(), body: body.into() };
        bench.zoom.directory_faults().next(answer);
        assert!(bench.directory.enroll(&bench.consent("U1")).await.is_err(), "{body}");
    }
    assert!(bench.vault.keys().is_empty());
}

#[tokio::test]
async fn a_code_asked_for_under_another_address_is_refused() {
    let bench = ZoomBench::new().await;
    let base: Url = bench.zoom.base().parse().expect("an address");
    let elsewhere = "https://evil.example.com/zoom/callback".to_owned();
    let directory = ZoomDirectory::new(&bench.chat, &config(&base, None), elsewhere, bench.vault());
    let enrolled = directory.enroll(&bench.consent("U1")).await;
    assert!(enrolled.is_err(), "{enrolled:?}");
    assert!(bench.vault.keys().is_empty());
}

#[tokio::test]
async fn its_calls_have_their_turns_among_those_of_the_chat() {
    let bench = ZoomBench::with_rate(Some(1)).await;
    bench.enroll().await;
    let place = Place { account: acc(), channel: bench.channel("room-0"), name: None, direct: false };
    let (to, notice) = (Address::everyone(&place, &ana()), Notice::text("hello"));
    bench.chat.post(&to, &notice).await.expect("the account's one call of this second");
    let before = bench.calls("/v2/users");
    let too_many = async {
        let third = bench.rank("U1").await;
        assert!(matches!(third, Err(DirectoryError::Throttled { after: Some(_) })), "{third:?}");
        assert_eq!(bench.calls("/v2/users"), before, "it is not made");
        bench.clock.advance(Duration::from_secs(2));
    };
    let (first, second, ()) = tokio::join!(bench.rank("U1"), bench.rank("U2"), too_many);
    first.expect("read");
    second.expect("read");
}

#[tokio::test]
async fn no_token_is_ever_printed() {
    let bench = ZoomBench::new().await;
    bench.enroll().await;
    let grant = bench.grant().await.expect("a grant");
    assert!(grant.expose().contains("user-") && grant.expose().contains("refresh-"));
    assert!(!format!("{grant:?}").contains("user-"));
}
