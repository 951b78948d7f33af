//! The chat that production runs keeps the promises of every chat, against a simulated Zoom over HTTP.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;
use zentry_contract::chat::{Bench, Seen, THROTTLED_FOR, Trouble};
use zentry_contract::chat_suite;
use zentry_contract::fake::FakeClock;
use zentry_contract::sample::{self, START};
use zentry_domain::ports::ChatError;
use zentry_domain::{Address, ChannelId, Chat, MessageId, Notice, Person, Place, Secret, TriggerId, UserId, UserJid};
use zentry_http_client::{Allowance, HttpClient, HttpConfig};
use zentry_sandbox::zoom::{self, App, World, Zoom};
use zentry_sandbox::{Clock, Fault, Wire};
use zentry_zoom::{ZoomChat, ZoomConfig};

struct ZoomBench {
    zoom: Zoom,
    wire: Wire,
    clock: Arc<FakeClock>,
    chat: Arc<ZoomChat>,
    channel: zoom::Channel,
    ana: zoom::Person,
    ben: zoom::Person,
}

impl ZoomBench {
    async fn new() -> Self {
        let app = App {
            client_id: "client".into(),
            client_secret: "client-secret".into(),
            bot_jid: "v1bot@xmpp.zoom.us".into(),
            secret_token: "secret-token".into(),
        };
        let mut world = World::new(app);
        let ana = world.person("acc", "U1", "Ana");
        let ben = world.person("acc", "U2", "Ben");
        let channel = world.channel("acc", "ops");
        let wire = Wire::new();
        let zoom = Zoom::start(world, &Clock::real(), &wire).await.expect("a simulated Zoom");
        let clock = Arc::new(FakeClock::at(START));
        let chat = Arc::new(chat_at(zoom.base(), config(zoom.base()), &clock));
        Self { zoom, wire, clock, chat, channel, ana, ben }
    }

    fn address(&self) -> Address {
        Address::everyone(&self.place(), &self.ana())
    }

    async fn post(&self) -> Result<MessageId, ChatError> {
        self.chat.post(&self.address(), &Notice::text("hello")).await
    }

    fn calls(&self) -> usize {
        self.wire.entries().iter().filter(|entry| entry.path.starts_with("/v2/")).count()
    }
}

fn config(base: &str) -> ZoomConfig {
    let base: Url = base.parse().expect("an address");
    ZoomConfig {
        client_id: "client".into(),
        client_secret: Secret::new("client-secret").into(),
        bot_jid: "v1bot@xmpp.zoom.us".into(),
        secret_tokens: vec![Secret::new("secret-token")].into(),
        api: base.clone(),
        oauth: base,
        rate: None,
    }
}

fn chat_at(base: &str, config: ZoomConfig, clock: &Arc<FakeClock>) -> ZoomChat {
    let mut http = HttpConfig::new("zentry-tests/0");
    http.allow.extend(Allowance::loopback(&base.parse().expect("an address")));
    let http = HttpClient::new(http).expect("an HTTP client");
    ZoomChat::new(config, http, Arc::<FakeClock>::clone(clock))
}

/// An address at which nobody listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("its address"))
}

impl Bench for ZoomBench {
    fn chat(&self) -> Arc<dyn Chat> {
        Arc::<ZoomChat>::clone(&self.chat)
    }

    fn chat_without_a_platform(&self) -> Arc<dyn Chat> {
        let base = closed_port();
        Arc::new(chat_at(&base, config(&base), &self.clock))
    }

    fn place(&self) -> Place {
        Place { channel: ChannelId::new(self.channel.jid()), ..sample::ops() }
    }

    fn nowhere(&self) -> Place {
        sample::channel("acc", "nowhere")
    }

    fn close_place(&self) {
        self.zoom.delete_channel(&self.channel);
    }

    fn ana(&self) -> Person {
        sample::ana()
    }

    fn ben(&self) -> Person {
        sample::ben()
    }

    fn cause(&self, trouble: Trouble) {
        let faults = self.zoom.faults();
        match trouble {
            Trouble::Throttled => faults.next(Fault::zoom_throttled(Some(&THROTTLED_FOR.as_secs().to_string()))),
            Trouble::Broken => faults.next(Fault::html(500)),
            Trouble::Expired => self.zoom.expire_tokens(),
            Trouble::Unaccepted => faults.next_times(20, &Fault::status(401)),
            Trouble::LostAnswer => faults.next(Fault::Close { carried_out: true }),
        }
    }

    fn heal(&self) {
        self.zoom.faults().clear();
    }

    fn seen_in(&self, place: &Place, viewer: &Person) -> Vec<Seen> {
        let person = |person: &Person| if person.user == sample::ben().user { &self.ben } else { &self.ana };
        let place = if place.direct { zoom::Place::from(person(viewer)) } else { zoom::Place::from(&self.channel) };
        self.zoom.messages(place, person(viewer)).iter().map(seen).collect()
    }

    fn share(&self, by: &Person) -> TriggerId {
        let person = if by.user == sample::ben().user { &self.ben } else { &self.ana };
        TriggerId::new(self.zoom.new_trigger(person, &self.channel, "https://sentry.example.com/"))
    }

    fn unfurled(&self, trigger: &TriggerId) -> Option<Seen> {
        let messages = self.zoom.messages(&self.channel, &self.ana);
        messages.iter().find(|message| message.id == trigger.as_str()).map(seen)
    }

    fn renewals(&self) -> usize {
        self.wire.entries().iter().filter(|entry| entry.path == "/oauth/token").count()
    }
}

fn seen(message: &zoom::Message) -> Seen {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (sections, others): (Vec<_>, Vec<_>) =
        items(&message.content["body"]).into_iter().partition(|item| item["type"] == "section");
    let lines: Vec<_> = sections.iter().flat_map(|section| items(&section["sections"])).chain(others).collect();
    let texts = lines.iter().filter(|line| line["type"] == "message").map(|line| &line["text"]);
    let string = |value: &Value| value.as_str().map(str::to_owned);
    Seen {
        id: MessageId::new(message.id.clone()),
        texts: std::iter::once(&message.content["head"]["text"]).chain(texts).filter_map(string).collect(),
        links: lines.iter().filter_map(|line| string(&line["link"])).collect(),
        buttons: message.buttons().into_iter().map(|button| button.text).collect(),
        is_markup: message.markdown,
        on_behalf_of: UserJid::new(message.on_behalf_of.jid()),
        reply_to: message.reply_to.clone().map(MessageId::new),
    }
}

chat_suite!(ZoomBench::new().await);

// === what is Zoom's own ===

#[tokio::test]
async fn one_token_serves_many_calls_at_once() {
    let bench = ZoomBench::new().await;
    let posts: Vec<_> = (0..8)
        .map(|_| {
            let (chat, to) = (Arc::clone(&bench.chat), bench.address());
            tokio::spawn(async move { chat.post(&to, &Notice::text("hello")).await })
        })
        .collect();
    for post in posts {
        post.await.expect("no panic").expect("posted");
    }
    assert_eq!((bench.renewals(), bench.calls()), (1, 8));
}

#[tokio::test]
async fn a_failed_request_for_a_token_is_shared_by_all_who_waited() {
    let bench = ZoomBench::new().await;
    bench.zoom.token_faults().next(Fault::status(503));
    let together = tokio::join!(bench.post(), bench.post(), bench.post());
    for post in [together.0, together.1, together.2] {
        assert!(matches!(post, Err(ChatError::Unavailable(_))), "{post:?}");
    }
    assert_eq!((bench.renewals(), bench.calls()), (1, 0));
    bench.post().await.expect("the next call tries again");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let bench = ZoomBench::new().await;
    bench.post().await.expect("posted");
    bench.clock.advance(Duration::from_secs(54 * 60));
    bench.post().await.expect("posted");
    assert_eq!(bench.renewals(), 1);
    bench.clock.advance(Duration::from_secs(60));
    bench.post().await.expect("posted");
    assert_eq!(bench.renewals(), 2);
}

#[tokio::test]
async fn wrong_credentials_name_the_settings_to_change() {
    let bench = ZoomBench::new().await;
    let wrong = ZoomConfig { client_secret: Secret::new("wrong").into(), ..config(bench.zoom.base()) };
    let posted = chat_at(bench.zoom.base(), wrong, &bench.clock).post(&bench.address(), &Notice::text("hello")).await;
    let Err(ChatError::Unauthorized(why)) = posted else { panic!("{posted:?}") };
    assert!(why.to_string().contains("ZENTRY_ZOOM_CLIENT_SECRET"), "{why}");
    assert!(!why.to_string().contains("wrong"), "{why}");
}

#[tokio::test]
async fn another_apps_bot_jid_is_refused_and_names_the_setting() {
    let bench = ZoomBench::new().await;
    let wrong = ZoomConfig { bot_jid: "v1dev@xmpp.zoom.us".into(), ..config(bench.zoom.base()) };
    let posted = chat_at(bench.zoom.base(), wrong, &bench.clock).post(&bench.address(), &Notice::text("hello")).await;
    let Err(ChatError::Refused(why)) = posted else { panic!("{posted:?}") };
    assert!(why.to_string().contains("ZENTRY_ZOOM_BOT_JID"), "{why}");
}

#[tokio::test]
async fn a_success_without_a_message_id_is_unknown() {
    let bench = ZoomBench::new().await;
    let json = |body: &str| Fault::Answer { status: 200, headers: Vec::new(), body: body.into() };
    let answers = [
        Fault::status(200),
        Fault::html(200),
        json("{}"),
        json(r#"{"code":7004,"message":"Not authorized."}"#),
        json(r#"{"message_id":""}"#),
    ];
    for answer in answers {
        bench.zoom.faults().next(answer.clone());
        let posted = bench.post().await;
        assert!(matches!(posted, Err(ChatError::Unknown(_))), "{answer:?}: {posted:?}");
    }
}

#[tokio::test]
async fn an_edit_may_be_answered_without_a_body() {
    let bench = ZoomBench::new().await;
    let id = bench.post().await.expect("posted");
    bench.zoom.behave(|manners| manners.edit_answers_empty = true);
    bench.chat.edit(&bench.address(), &id, &Notice::text("bye")).await.expect("edited");
    assert_eq!(bench.seen_in(&bench.place(), &bench.ana())[0].texts, ["bye"]);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_no_verdict() {
    let bench = ZoomBench::new().await;
    let huge = Fault::Answer { status: 201, headers: Vec::new(), body: "x".repeat(1 << 20) };
    bench.zoom.faults().next(huge);
    let posted = bench.post().await;
    assert!(matches!(posted, Err(ChatError::Unknown(_))), "{posted:?}");
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_refused() {
    let bench = ZoomBench::new().await;
    let closed = config("http://127.0.0.1:1");
    let posted = chat_at(bench.zoom.base(), closed, &bench.clock).post(&bench.address(), &Notice::text("hello")).await;
    assert!(matches!(posted, Err(ChatError::Refused(_))), "{posted:?}");
}

#[tokio::test]
async fn a_chat_that_is_refused_under_one_form_of_its_address_is_tried_under_the_other() {
    let bench = ZoomBench::new().await;
    bench.zoom.behave(|manners| manners.directs_by_full_form_only = true);
    let own_chat = Address::direct(&bench.ana());
    bench.chat.post(&own_chat, &Notice::text("hello")).await.expect("posted");
    assert_eq!(bench.zoom.messages(&bench.ana, &bench.ana).len(), 1);
    assert_eq!(bench.calls(), 2);
}

#[tokio::test]
async fn an_account_without_the_app_is_gone() {
    let bench = ZoomBench::new().await;
    let to = Address { account: sample::mallory().account, ..bench.address() };
    let posted = bench.chat.post(&to, &Notice::text("hello")).await;
    assert!(matches!(posted, Err(ChatError::Gone(_))), "{posted:?}");
    bench.zoom.delete_channel(&bench.channel);
    let posted = bench.post().await;
    assert!(matches!(posted, Err(ChatError::Gone(_))), "{posted:?}");
}

#[tokio::test]
async fn a_call_beyond_the_rate_waits_for_its_turn_or_is_not_made() {
    let bench = ZoomBench::new().await;
    let slow = ZoomConfig { rate: Some(1), ..config(bench.zoom.base()) };
    let chat = chat_at(bench.zoom.base(), slow, &bench.clock);
    let (to, notice) = (bench.address(), Notice::text("hello"));
    let id = chat.post(&to, &notice).await.expect("posted");
    let too_many = async {
        let edited = chat.edit(&to, &id, &notice).await;
        let after = Duration::from_secs(3);
        assert!(matches!(edited, Err(ChatError::Throttled { after: Some(wait) }) if wait == after), "{edited:?}");
        assert_eq!(bench.calls(), 1);
        bench.clock.advance(Duration::from_secs(2));
    };
    let (second, third, ()) = tokio::join!(chat.post(&to, &notice), chat.delete(&to, &id), too_many);
    second.expect("posted");
    third.expect("deleted");
    assert_eq!(bench.calls(), 3);
}

#[tokio::test]
async fn a_message_of_another_account_cannot_be_reached() {
    let bench = ZoomBench::new().await;
    let id = bench.post().await.expect("posted");
    let foreign = Address { account: sample::mallory().account, ..bench.address() };
    let edited = bench.chat.edit(&foreign, &id, &Notice::text("mine")).await;
    assert!(matches!(edited, Err(ChatError::Gone(_))), "{edited:?}");
}

#[tokio::test]
async fn nothing_in_an_id_leaves_the_path_in_which_more_of_an_address_is_shown() {
    let bench = ZoomBench::new().await;
    let notice = Notice::text("Open");
    for (user, trigger) in
        [("U1", "../../messages"), ("U1", "a/b?c#d%"), ("U1", ".."), (".", "t"), ("", "t"), ("U1", "")]
    {
        let by = Person { user: UserId::new(user), ..bench.ana() };
        let shown = bench.chat.unfurl(&by, &TriggerId::new(trigger), &notice).await;
        assert!(matches!(shown, Err(ChatError::MessageGone(_))), "{user} {trigger}: {shown:?}");
    }
    let paths: Vec<_> = bench.wire.entries().into_iter().map(|entry| entry.path).collect();
    let called: Vec<_> = paths.iter().filter(|path| path.starts_with("/v2/")).collect();
    assert_eq!(
        called,
        ["/v2/im/chat/users/U1/unfurls/..%2F..%2Fmessages", "/v2/im/chat/users/U1/unfurls/a%2Fb%3Fc%23d%25"]
    );
}

#[tokio::test]
async fn an_error_tells_the_operator_what_zoom_said() {
    let bench = ZoomBench::new().await;
    let to = Address::everyone(&bench.nowhere(), &bench.ana());
    let Err(ChatError::Gone(why)) = bench.chat.post(&to, &Notice::text("hello")).await else { panic!("not gone") };
    let why = why.to_string();
    assert!(why.contains("403/7004") && why.contains("No channel or user") && why.contains("rid=WEB_"), "{why}");
}
