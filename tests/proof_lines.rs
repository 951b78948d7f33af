//! Whatever is typed is answered: Zoom hears 200, and whoever typed it sees one clean message. A round is a thousand lines
//! of commands, names and filters mixed with what is meant to break them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use zentry_domain::command::{COMMANDS, FILTERS};
use zentry_test_support::sandbox::zoom::{Channel, Message, Person, Place, World};
use zentry_test_support::sandbox::{Cast, Service, Signing};
use zentry_test_support::{Dice, Ledger, PATIENCE, Town, kept, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Lines of one round.
const LINES: usize = 1_000;
/// People who type at the same time, each in channels of their own and in their own chat with the bot.
const PEOPLE: usize = 8;
const CHANNELS: usize = 8;
/// A long line, in bytes of JSON.
const LONG: usize = 100_000;
/// What Zoom takes of any text, in UTF-16 units (Zoom, limits).
const TEXT_MAX: usize = 4_096;
/// Stands for half a surrogate pair, which no string of Rust can hold.
const HALF: char = '\u{e000}';

/// Words that mean something, and some that nearly do.
const WORDS: &str = "/sentry sentry acme ACME globex web checkout api acme/web acme/* * all none filters conect stauts hlep 2h 14d \
    5m 99999999999d 3 days levl:fatal level:eror event:new,resolvd -title:timeout –env:prod* tag:=x tag:a=b,c title: :x - CHECKOUT-7 42 \
    0123456789abcdef0123456789abcdef https://acme.sentry.io/issues/42/?project=3#x <https://acme.sentry.io/projects/web/|web> \
    http://[::1 ://| javascript:alert(1) @Sentry";
/// What Zoom's markdown, clients, terminals and readers of text make something of; between blanks.
const TRICKS: &str = "<!all> <!u1@xmpp.zoom.us|x> <#c@conference.xmpp.zoom.us|x> <profile:u1|x> <img:https://e.example/x.png|x> \
    [x](https://e.example) *bold* _i_ ~s~ `code` ```x > \\ \\u0000 {{7*7}} %s%n ${x} &lt;b> <b>x</b> '; -- 👨\u{200d}👩\u{200d}👧 ❤️ é Å ﷽ Z͑ͫ̓ͪ̂ͫ̽͏̴̙ 𝒞 \u{202e}evil\u{202c} \u{2066}x\u{2069} a\u{200b}b \u{feff}x \
    x\u{ad}y \u{e0041}\u{1bca0}\u{1d173}\u{e0100} \u{1b}[2J\u{1b}]0;x\u{7} \0 \r\n \u{85} \u{2028} \u{9b}31m \u{e000} \u{ffff} \u{10ffff}";
/// Commands that are understood whatever stands in their holes, or nearly so.
const HOLES: [&str; 16] = [
    "connect acme web title:\"{}\"",
    "connect acme/api -title:{},\"{}\" env:'{}'",
    "connect acme checkout tag:{}=\"{}\"",
    "connect \"{}\" \"{}\"",
    "connect acme {}",
    "connect {} *",
    "connect acme * -env:{}",
    "configure acme web title:“{}” -tag:x={}",
    "configure acme \"{}\" level:{}",
    "configure acme * event:{}",
    "disconnect '{}' web",
    "mute 2h acme \"{}\"",
    "unmute \"{}\" \"{}\"",
    "why {}-1",
    "help {}",
    "/sentry {}",
];
const QUOTES: [char; 14] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '「', '＂'];
const BETWEEN: [&str; 12] = [" ", " ", " ", " ", "", "\u{a0}", "\t", "\n", ",", ": ", "/", "\u{3000}\u{200b}"];

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_answered_200_and_by_one_clean_message() {
    let mut dice = Dice::thrown();
    let mut all = Typed::default();
    for _ in 0..rounds() {
        all.add(&round(&mut dice).await);
    }
    let Typed { lines, long, halves, bytes, longest } = all;
    println!(
        "{lines} lines ({} MB, {long} of {LONG} bytes or more, {halves} with half characters): each answered 200 within \
         {longest:.0?} and by one clean message",
        bytes / 1_000_000
    );
}

/// A town that nobody has typed anything in, and a thousand lines.
async fn round(dice: &mut Dice) -> Typed {
    let (cast, mut zoom, sentry) = Cast::assemble();
    let people: Vec<_> = (0..PEOPLE).map(|number| Talker::new(number, &cast, &mut zoom, dice.more())).collect();
    let mut town = Town::of(ZENTRY, cast, zoom, sentry).await;
    for setting in ["ZENTRY_STORM_BUDGET", "ZENTRY_ZOOM_RATE"] {
        town.setup.settings.insert(setting.into(), "0".into());
    }
    town.start();
    let town = Arc::new(town);
    let mut talks = JoinSet::new();
    for talker in people {
        talks.spawn(talker.talk(Arc::clone(&town)));
    }
    let (mut typed, mut answers) = (Typed::default(), 0);
    for talker in talks.join_all().await {
        typed.add(&talker.typed);
        answers += talker.places().iter().map(|place| talker.check(&town, place)).sum::<usize>();
    }
    assert_eq!((typed.lines, answers), (LINES, LINES));
    let town = Arc::into_inner(town).expect("nobody types any more");
    is_well(town).await;
    typed
}

/// The bot runs, is ready, and has neither failed nor been refused anything.
async fn is_well(mut town: Town) {
    assert_eq!(town.ops("/readyz").await.0, 200);
    assert_eq!(Ledger::settled(&town).await.dead, 0);
    let (_, metrics) = town.ops("/metrics").await;
    let all_kept = format!(r#"zentry_deliveries_total{{source="zoom",outcome="kept"}} {LINES}"#);
    assert!(metrics.contains(&all_kept), "{metrics}");
    for call in town.sandbox.wire.entries().iter().filter(|call| call.service == Service::Zoom) {
        assert!(call.status.is_some_and(|status| (200..300).contains(&status)), "{call}");
    }
    let log = town.log();
    assert!(!log.contains("ERROR") && !log.contains("panic"), "{log}");
    assert!(!log.replace('\n', "").contains(is_hidden), "{log:?}");
    assert_eq!(town.stop().code(), Some(0));
}

/// What was typed.
#[derive(Default)]
struct Typed {
    lines: usize,
    /// So many of them are long.
    long: usize,
    /// So many hold half a surrogate pair.
    halves: usize,
    /// Of JSON.
    bytes: usize,
    /// What the answer to Zoom took at most.
    longest: Duration,
}

impl Typed {
    fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.long += other.long;
        self.halves += other.halves;
        self.bytes += other.bytes;
        self.longest = self.longest.max(other.longest);
    }
}

// === who types ===

struct Talker {
    person: Person,
    channels: Vec<Channel>,
    bot_jid: String,
    dice: Dice,
    typed: Typed,
}

impl Talker {
    fn new(number: usize, cast: &Cast, zoom: &mut World, dice: Dice) -> Self {
        let account = &cast.jane.account;
        let channel = |channel| zoom.channel(account, &format!("talk-{number}-{channel}"));
        let channels = (0..CHANNELS).map(channel).collect();
        let person = zoom.person(account, &format!("Talker{number}"), &format!("Talker {number}"));
        Self { person, channels, bot_jid: cast.zoom_app.bot_jid.clone(), dice, typed: Typed::default() }
    }

    /// Types line after line, each once the one before is answered.
    async fn talk(mut self, town: Arc<Town>) -> Self {
        for _ in 0..LINES / PEOPLE {
            let line = line(&mut self.dice);
            let place = self.place();
            let zoom = &town.sandbox.zoom;
            let before = answers(&zoom.messages(&place, &self.person)).count();
            let body = self.body(&line, &place, town.sandbox.clock.now_ms());
            self.count(&line, &body);
            let delivery = kept(zoom.deliver_raw(body, Signing::Proper).await);
            self.typed.longest = self.typed.longest.max(delivery.took);
            let more = |messages: &[Message]| (answers(messages).count() > before).then_some(());
            let answered = zoom.wait_until(&place, &self.person, "an answer", PATIENCE, more).await;
            answered.unwrap_or_else(|error| panic!("to {line:?}: {error}\nthe bot wrote:\n{}", town.log()));
        }
        self
    }

    fn count(&mut self, line: &str, body: &str) {
        self.typed.lines += 1;
        self.typed.long += usize::from(body.len() >= LONG);
        self.typed.halves += usize::from(line.contains(HALF));
        self.typed.bytes += body.len();
    }

    fn places(&self) -> Vec<Place> {
        self.channels.iter().map(Place::from).chain([Place::from(&self.person)]).collect()
    }

    fn place(&mut self) -> Place {
        let mut places = self.places();
        places.swap_remove(self.dice.below(CHANNELS + 1))
    }

    /// The event that tells of the line: a command, a mention in a channel, or a message in the chat with the bot.
    fn body(&mut self, line: &str, place: &Place, now_ms: i64) -> String {
        let body = match place {
            Place::Channel(channel) if self.dice.one_in(3) => self.mentioned(line, channel, now_ms),
            place => self.said(line, place, now_ms),
        };
        let half = if self.dice.one_in(2) { r"\ud83d" } else { r"\udc00" };
        body.to_string().replace(HALF, half)
    }

    fn said(&mut self, line: &str, place: &Place, now_ms: i64) -> Value {
        let Person { account, user_id, name } = self.person.clone();
        let to_jid = match place {
            Place::Channel(channel) => channel.jid(),
            Place::Direct(person) => format!("{}/robot_{}", person.jid(), self.bot_jid),
        };
        json!({ "event": "bot_notification", "event_ts": now_ms, "payload": {
            "accountId": account, "channelName": self.name(place.name()), "cmd": line, "robotJid": self.bot_jid,
            "timestamp": now_ms, "toJid": to_jid, "triggerId": format!("{user_id}-{}", self.typed.lines),
            "userId": user_id, "userJid": self.person.jid(), "userName": self.name(&name), "userStatus": "authorized",
        }})
    }

    fn mentioned(&mut self, line: &str, channel: &Channel, now_ms: i64) -> Value {
        let Person { account, user_id, .. } = self.person.clone();
        json!({ "event": "team_chat.app_mention", "event_ts": now_ms, "payload": {
            "account_id": account, "operator": self.name("talker@example.com"), "operator_id": user_id,
            "operator_jid": self.person.jid(), "by_external_user": false, "object": {
                "message_id": format!("{user_id}-{}", self.typed.lines), "type": "to_channel", "channel_id": channel.id,
                "channel_name": self.name(&channel.name), "to_jid": channel.jid(), "robot_jid": self.bot_jid,
                "robot_name": "Sentry", "message": format!("@Sentry {line}"), "timestamp": now_ms,
            },
        }})
    }

    /// People choose their names, and those of their channels.
    fn name(&mut self, usual: &str) -> String {
        if self.dice.one_in(4) { piece(&mut self.dice) } else { usual.to_owned() }
    }

    /// Insists that everything that was said in a place is clean: how many answers that is.
    fn check(&self, town: &Town, place: &Place) -> usize {
        let messages = town.sandbox.zoom.messages(place, &self.person);
        for message in &messages {
            assert!(!message.markdown, "{message}");
            is_clean(&message.content, town);
        }
        answers(&messages).count()
    }
}

/// The messages that answer a line: not the card that `test` posts as well, nor what `unmute` says came meanwhile.
fn answers(messages: &[Message]) -> impl Iterator<Item = &Message> {
    messages.iter().filter(|message| {
        let head = message.content["head"]["text"].as_str().unwrap_or_default();
        let nothing_came = ["Nothing came while it was muted.", "Nothing came while they were muted."];
        !head.starts_with("TEST · ") && !nothing_came.iter().any(|end| head.ends_with(end))
    })
}

/// No text of a card hides anything, is too long or is read as markdown, and no link leads where a stranger wants.
fn is_clean(card: &Value, town: &Town) {
    match card {
        Value::String(text) => {
            assert!(!text.contains(is_hidden), "{text:?}");
            assert!(text.encode_utf16().count() <= TEXT_MAX, "{text:?}");
        }
        Value::Array(items) => items.iter().for_each(|item| is_clean(item, town)),
        Value::Object(fields) => {
            assert!(!fields.contains_key("is_markdown_support"), "{card}");
            let ours = [town.sandbox.sentry.base(), &town.public_url];
            let link = fields.get("link").and_then(Value::as_str);
            assert!(link.is_none_or(|link| ours.iter().any(|base| link.starts_with(*base))), "{card}");
            fields.values().for_each(|field| is_clean(field, town));
        }
        _ => {}
    }
}

/// Controls, and what Unicode lets be ignored by default; but for U+FE00 to U+FE0F, without which an emoji is none.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

// === what is typed ===

fn line(dice: &mut Dice) -> String {
    match dice.below(20) {
        0 => long(dice),
        1..=3 => example(dice),
        4..=10 => filled(one_of::<&str>(&HOLES, dice), dice),
        11..=14 => format!("{} {}", example(dice), babble(dice)),
        _ => babble(dice),
    }
}

/// Pieces side by side.
fn babble(dice: &mut Dice) -> String {
    let pieces = 1 + dice.below(8);
    (0..pieces).map(|_| format!("{}{}", one_of::<&str>(&BETWEEN, dice), piece(dice))).collect()
}

/// A command with a piece for each of its holes.
fn filled(command: &str, dice: &mut Dice) -> String {
    let (first, rest) = command.split_once("{}").unwrap_or((command, ""));
    rest.split("{}").fold(first.to_owned(), |line, part| format!("{line}{}{part}", piece(dice)))
}

/// One piece, over and over again, behind a command or not.
fn long(dice: &mut Dice) -> String {
    let command = if dice.one_in(2) { one_of(COMMANDS, dice).name } else { "" };
    let piece = format!("{}{}", piece(dice), one_of::<&str>(&BETWEEN, dice));
    let length = json!(piece).to_string().len() - 2;
    format!("{command} {}", piece.repeat(LONG / length.max(1) + 1))
}

/// A command as it is documented.
fn example(dice: &mut Dice) -> String {
    let spec = one_of(COMMANDS, dice);
    one_of(spec.examples, dice).replace("checkout", one_of::<&str>(&["checkout", "web", "api"], dice))
}

fn piece(dice: &mut Dice) -> String {
    let some = dice.below(6);
    match dice.below(8) {
        0 => one_of(COMMANDS, dice).name.to_owned(),
        1 => format!("{}:", one_of(FILTERS, dice).name),
        2 => word(WORDS, dice).to_owned(),
        3 => word(TRICKS, dice).to_owned(),
        4 => misspelt(word(WORDS, dice), dice),
        5 => (0..=some).map(|_| anything(dice)).collect(),
        6 => (0..=some).map(|_| control(dice)).collect(),
        _ => format!("{}{}", one_of(&QUOTES, dice), word(WORDS, dice)),
    }
}

/// The word with one of its characters replaced.
fn misspelt(word: &str, dice: &mut Dice) -> String {
    let place = dice.below(word.chars().count());
    word.chars().enumerate().map(|(at, c)| if at == place { anything(dice) } else { c }).collect()
}

/// A character of any plane; half a one where there is none.
fn anything(dice: &mut Dice) -> char {
    let planes = if dice.one_in(2) { 1 } else { 17 };
    let code = (dice.below(planes) << 16) | dice.below(1 << 16);
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(HALF)
}

fn control(dice: &mut Dice) -> char {
    char::from(u8::try_from(dice.below(0xa0)).unwrap_or_default())
}

fn word<'w>(words: &'w str, dice: &mut Dice) -> &'w str {
    let words: Vec<_> = words.split(' ').filter(|word| !word.is_empty()).collect();
    one_of::<&str>(&words, dice)
}

fn one_of<'a, T>(all: &'a [T], dice: &mut Dice) -> &'a T {
    &all[dice.below(all.len())]
}
