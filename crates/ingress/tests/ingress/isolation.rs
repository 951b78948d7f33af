//! Two Zoom accounts between which nothing passes. A history of both is played twice, once without what the other account
//! does: what account `acc` sees, in Zoom and in its browsers, must be the same to the letter. Commands, buttons, events and
//! addresses are taken from their tables, so that a new one fails this until it is tried.
//!
//! `ZENTRY_PROOF` says how many times 1000 operations are played (1 where it is not set); `ZENTRY_SEED` replays one history.

use std::collections::BTreeSet;
use std::time::Duration;

use zentry_contract::fake::{FakeMessage, SeededRandom};
use zentry_contract::sample::{ana, ben, change, channel, mallory, ops, person, project};
use zentry_domain::command::{COMMANDS, Spec};
use zentry_domain::{
    Account, ChangeKind, Choice, Event, Handle, Identity, InstallationId, Issue, IssueId, IssueRef, MessageId, OrgSlug,
    Person, Place, Press, Pressed, Project, ProjectId, ProjectKey, Random, Said, Shared, Status, TriggerId, Typed,
};
use zentry_ingress::places;

use crate::client::{Reply, Request};
use crate::world::{World, ada};

const HISTORIES: u64 = 5;
const OPERATIONS: usize = 200;

#[tokio::test]
async fn an_account_sees_the_same_with_and_without_another() {
    let seeds = match setting("ZENTRY_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=HISTORIES * setting("ZENTRY_PROOF").unwrap_or(1),
    };
    let (mut tried, mut played, mut trespassed, mut cards) = (BTreeSet::new(), 0, 0, [0, 0]);
    for seed in seeds.clone() {
        let history = history(seed);
        let (with, without) = (play(&history, true).await, play(&history, false).await);
        for (step, (one, other)) in with.sights.iter().zip(&without.sights).enumerate() {
            let differs = one.lines().zip(other.lines()).find(|(one, other)| one != other);
            assert!(one == other, "ZENTRY_SEED={seed}, operation {step}, {:?}: {differs:#?}", history[step]);
        }
        tried.extend(with.tried);
        played += history.len();
        trespassed += with.trespassed;
        cards = [cards[0] + with.cards[0], cards[1] + with.cards[1]];
    }
    println!("{played} operations; {cards:?} cards in the end; {trespassed} presses on what is the other account's");
    assert!(cards[0] > 0 && cards[1] > 0 && trespassed > 0, "nothing was put to the test");
    if setting("ZENTRY_SEED").is_none() {
        let missing: Vec<_> = expected().difference(&tried).cloned().collect();
        assert!(missing.is_empty(), "the other account never tried {missing:?}");
    }
}

/// Everything that the other account must have tried.
fn expected() -> BTreeSet<String> {
    let commands = COMMANDS.iter().map(|spec| format!("command {}", spec.name));
    let buttons = choices().into_iter().map(|choice| format!("button {}", choice.word()));
    let events = EVENTS.iter().map(|event| format!("event {event}"));
    let pages = pages().into_iter().map(|page| format!("page {page}"));
    commands.chain(buttons).chain(events).chain(pages).collect()
}

const EVENTS: [&str; 9] = [
    "said",
    "pressed",
    "shared",
    "installed",
    "deauthorized",
    "changed",
    "integration installed",
    "integration removed",
    "typed",
];

/// A new kind of event has a name here and in [`EVENTS`], and somebody who tries it in [`Play::event`].
fn name(event: &Event) -> &'static str {
    match event {
        Event::Said(_) => EVENTS[0],
        Event::Pressed(_) => EVENTS[1],
        Event::Shared(_) => EVENTS[2],
        Event::Installed { .. } => EVENTS[3],
        Event::Deauthorized { .. } => EVENTS[4],
        Event::Changed(_) => EVENTS[5],
        Event::IntegrationInstalled { .. } => EVENTS[6],
        Event::IntegrationRemoved { .. } => EVENTS[7],
        Event::Typed(_) => EVENTS[8],
    }
}

// === histories ===

#[derive(Clone, Copy, Debug, PartialEq)]
enum Whose {
    Ours,
    Theirs,
    Nobodys,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Says,
    Presses,
    PressesTheirs,
    PressesOurs,
    Shares,
    Links,
    Opens,
    Changes,
    Installs,
    Leaves,
    Integrates,
    Disintegrates,
    /// Every command, every button and every page, with what is the other account's.
    TriesEverything,
    Waits,
}

/// Something that happens; the dice say what exactly, and are thrown when it does.
#[derive(Clone, Debug)]
struct Operation {
    whose: Whose,
    what: What,
    seed: u64,
}

fn history(seed: u64) -> Vec<Operation> {
    use What::{
        Changes, Disintegrates, Installs, Integrates, Leaves, Links, Opens, Presses, PressesOurs, PressesTheirs, Says,
        Shares, Waits,
    };
    let dice = Dice::of(seed);
    let operation = |_| {
        let (whose, what) = match dice.below(100) {
            0..20 => (Whose::Ours, *dice.one_of(&[Says, Says, Presses, PressesTheirs, Shares, Links, Opens])),
            20..22 => (Whose::Ours, Installs),
            22..30 => (Whose::Nobodys, Changes),
            30..36 => (Whose::Nobodys, Waits),
            36..37 => (Whose::Nobodys, Integrates),
            37..96 => {
                (Whose::Theirs, *dice.one_of(&[Says, Says, Presses, PressesOurs, Shares, Links, Opens, Opens, Changes]))
            }
            _ => (Whose::Theirs, *dice.one_of(&[Installs, Leaves, Integrates, Disintegrates])),
        };
        Operation { whose, what, seed: dice.throw() }
    };
    let mut history: Vec<_> = (0..OPERATIONS).map(operation).collect();
    // Late enough for cards to be there, and early enough for harm to be seen.
    history[OPERATIONS * 3 / 4] = Operation { whose: Whose::Theirs, what: What::TriesEverything, seed };
    history
}

struct Played {
    /// What account `acc` sees after each operation, and what its browsers were answered.
    sights: Vec<String>,
    /// What the other account tried.
    tried: BTreeSet<String>,
    /// How often it pressed what is not its own.
    trespassed: usize,
    /// How many cards each of the two had in the end.
    cards: [usize; 2],
}

async fn play(history: &[Operation], with_theirs: bool) -> Played {
    let mut play = Play {
        world: World::start().await,
        tried: BTreeSet::new(),
        codes: Vec::new(),
        trespassed: 0,
        installations: 0,
    };
    play.furnish();
    let mut sights = Vec::new();
    for operation in history {
        let mut answers = String::new();
        if with_theirs || operation.whose != Whose::Theirs {
            answers = play.perform(operation).await;
        }
        play.settle().await;
        if operation.whose == Whose::Theirs {
            answers.clear();
        }
        sights.push(alike(&format!("{answers}\n{}", play.sight())));
    }
    let messages = play.world.chat.messages();
    let of = |account: &Person| {
        messages.iter().filter(|sent| sent.to.account == account.account && sent.notice.tone.is_some()).count()
    };
    Played { sights, tried: play.tried, trespassed: play.trespassed, cards: [of(&ana()), of(&mallory())] }
}

// === playing ===

struct Play {
    world: World,
    tried: BTreeSet<String>,
    /// How often theirs pressed something on a message of ours.
    trespassed: usize,
    /// Codes that a browser showed and nobody has typed yet.
    codes: Vec<(Whose, String)>,
    installations: u32,
}

impl Play {
    fn furnish(&self) {
        let tracker = &self.world.tracker;
        tracker.add_project(&project("web"));
        tracker.add_project(&theirs("checkout"));
        tracker.add_project(&theirs("secret"));
        for (org, identity) in
            [(acme(), at_sentry(&ben())), (globex(), at_sentry(&mallory())), (globex(), at_sentry(&mia()))]
        {
            tracker.add_member(&org, &identity);
        }
        tracker.integrate(&globex());
        for (org, id) in [(acme(), "42"), (acme(), "43"), (globex(), "92"), (globex(), "93")] {
            let issue = Issue { title: format!("Error {id}"), status: Some(Status::Unresolved), ..Issue::default() };
            tracker.add_issue(&IssueRef { org, id: IssueId::new(id) }, issue);
        }
    }

    async fn settle(&self) {
        while self.world.app.step().await.expect("the outbox is readable") > 0 {}
    }

    async fn accept(&mut self, whose: Whose, event: Event) {
        self.try_out(whose, || format!("event {}", name(&event)));
        self.world.app.accept(&[], &event).await.expect("kept");
        self.settle().await;
    }

    fn try_out(&mut self, whose: Whose, what: impl FnOnce() -> String) {
        if whose == Whose::Theirs {
            self.tried.insert(what());
        }
    }

    async fn perform(&mut self, operation: &Operation) -> String {
        let (whose, dice) = (operation.whose, Dice::of(operation.seed));
        let mut answers = String::new();
        match operation.what {
            What::Says if dice.below(4) == 0 => self.says_a_code(whose, &dice).await,
            What::Says => self.says(whose, dice.one_of(COMMANDS), &dice).await,
            What::Presses => self.presses(whose, whose, None, &dice).await,
            What::PressesTheirs => self.presses(whose, Whose::Theirs, None, &dice).await,
            What::PressesOurs => self.presses(whose, Whose::Ours, None, &dice).await,
            What::Links => answers = self.links(whose, &dice).await,
            What::Opens => {
                let pages = pages();
                answers = self.opens(whose, pages[dice.below(pages.len())], &dice).await;
            }
            What::TriesEverything => self.tries_everything(&dice).await,
            What::Waits => {
                let minutes = *dice.one_of(&[1, 1, 5, 11, 61]);
                self.world.clock.advance(Duration::from_secs(60 * minutes));
            }
            what => self.accept(whose, self.event(whose, what, &dice)).await,
        }
        answers
    }

    async fn tries_everything(&mut self, dice: &Dice) {
        for spec in COMMANDS {
            self.says(Whose::Theirs, spec, dice).await;
        }
        for choice in choices() {
            self.presses(Whose::Theirs, Whose::Ours, Some(choice), dice).await;
        }
        for page in pages() {
            self.opens(Whose::Theirs, page, dice).await;
        }
    }

    async fn says(&mut self, whose: Whose, spec: &Spec, dice: &Dice) {
        let foreign = dice.below(3) == 0;
        let org = if (whose == Whose::Theirs) == foreign { "acme" } else { "globex" };
        let project = *dice.one_of(&["checkout", "web", "secret", "*"]);
        let example = *dice.one_of(spec.examples);
        let text = example.replace("acme", org).replace("checkout", project).replace("CHECKOUT-7", "WEB-1");
        let (by, place) = someone(whose, dice);
        self.try_out(whose, || format!("command {}", spec.name));
        self.accept(whose, Event::Said(Said { by, place, text, at: None })).await;
    }

    /// Theirs say what our browsers show, ours something wrong.
    async fn says_a_code(&mut self, whose: Whose, dice: &Dice) {
        let (by, place) = someone(whose, dice);
        let others = self.codes.iter().rev().find(|(of, _)| whose == Whose::Theirs && *of != whose);
        let text = others.map_or_else(|| "123 456".to_owned(), |(_, code)| code.clone());
        self.accept(whose, Event::Said(Said { by, place, text, at: None })).await;
    }

    /// Presses something that a message of `of` offers, or that none does; or types into it.
    async fn presses(&mut self, whose: Whose, of: Whose, choice: Option<Choice>, dice: &Dice) {
        let (by, place) = someone(whose, dice);
        let messages = self.world.chat.messages();
        let is_of = |message: &&FakeMessage| (message.to.account == mallory().account) == (of == Whose::Theirs);
        let offers: Vec<(Press, MessageId)> = messages
            .iter()
            .filter(is_of)
            .flat_map(|message| presses(message).map(|press| (press, message.id.clone())))
            .collect();
        let types = choice.is_none() && dice.below(4) == 0;
        let card = Handle::new("00112233445566778899aabbccddeeff");
        let mut press = Press { card, choice: dice.one_of(&choices()).clone() };
        let mut message = None;
        if !offers.is_empty() {
            let (found, id) = dice.one_of(&offers).clone();
            press.card = found.card;
            // Of another account's message ours may learn nothing: where that account never was, it is not there.
            if whose == of || whose == Whose::Theirs {
                (press.choice, message) = (found.choice, Some(id));
                self.trespassed += usize::from(whose != of);
            }
        }
        if types {
            let typed = Typed { by, place, beside: Some(press), message, text: "an".into() };
            return self.accept(whose, Event::Typed(typed)).await;
        }
        press.choice = choice.unwrap_or(press.choice);
        self.try_out(whose, || format!("button {}", press.choice.word()));
        self.accept(whose, Event::Pressed(Pressed { by, place, press: Some(press), message })).await;
    }

    fn event(&self, whose: Whose, what: What, dice: &Dice) -> Event {
        let (by, place) = someone(whose, dice);
        let org = if whose == Whose::Theirs { globex() } else { acme() };
        let installation = InstallationId::new(format!("installation-of-{}", org.as_str()));
        match what {
            What::Shares => {
                let page = |id: u32| {
                    format!(
                        "https://sentry.example.com/organizations/{}/issues/{id}/",
                        dice.one_of(&["acme", "globex"])
                    )
                };
                let trigger = if dice.below(4) == 0 { TriggerId::new("foreign") } else { self.world.chat.share(&by) };
                let links = vec![page(*dice.one_of(&[42, 43, 92, 93]))];
                Event::Shared(Shared { by, place, message: Some(MessageId::new("posted")), links, trigger })
            }
            What::Installs => Event::Installed {
                account: Account { id: by.account.clone(), installer: Some(by.user.clone()), since: None },
                by,
            },
            What::Leaves => Event::Deauthorized { account: by.account, at: None },
            What::Integrates => Event::IntegrationInstalled { installation, org, code: None },
            What::Disintegrates => Event::IntegrationRemoved { installation, org: Some(org) },
            _ => {
                let kinds = [ChangeKind::New, ChangeKind::Regressed, ChangeKind::Resolved, ChangeKind::Escalating];
                let (kind, id) = (
                    dice.one_of(&kinds).clone(),
                    *dice.one_of(if org == acme() { &["42", "43"] } else { &["92", "93"] }),
                );
                let project =
                    if org == acme() { project(["checkout", "web"][dice.below(2)]) } else { theirs("secret") };
                let mut change = change(kind);
                (change.project, change.issue_id) =
                    (ProjectKey { id: Some(project.id), ..ProjectKey::default() }, IssueId::new(id));
                change.issue.title = format!("Error {id}");
                Event::Changed(change)
            }
        }
    }

    // === browsers ===

    /// Somebody links, all the way or not to the end.
    async fn links(&mut self, whose: Whose, dice: &Dice) -> String {
        let (by, _) = someone(whose, dice);
        let place = Place::direct(&by);
        let org = if whose == Whose::Theirs { "globex" } else { "acme" };
        let text = format!("connect {org} {}", if whose == Whose::Theirs { "secret" } else { "checkout" });
        self.accept(whose, Event::Said(Said { by: by.clone(), place: place.clone(), text, at: None })).await;
        let Some(path) = self.link_of(&by) else { return String::new() };
        self.try_out(whose, || "page /link/".into());
        let shown = Request::get(&path).send(self.world.at).await;
        let pressed = Request::post(&path).header("Origin", "null").send(self.world.at).await;
        let mut answers = answered(&shown) + &answered(&pressed);
        let (Some(cookie), Some(address)) = (pressed.header("set-cookie"), pressed.header("location")) else {
            return answers;
        };
        let cookie = cookie.split(';').next().unwrap_or_default();
        let state = address.rsplit('=').next().unwrap_or_default();
        let code = self.world.tracker.approve(address, &at_sentry(&by));
        let callback = format!("/sentry/callback?state={state}&code={}", code.expose());
        let came_back = Request::get(&callback).header("Cookie", cookie).send(self.world.at).await;
        answers += &answered(&came_back);
        if came_back.status == 200 && came_back.body.contains("confirm-code") {
            let code = came_back.between("id=\"confirm-code\">", "<").to_owned();
            if dice.below(3) == 0 {
                self.codes.push((whose, code));
            } else {
                self.accept(whose, Event::Said(Said { by, place, text: code, at: None })).await;
            }
        }
        answers
    }

    fn link_of(&self, person: &Person) -> Option<String> {
        let sent = self.world.chat.seen_in(&Place::direct(person), person);
        let mut links =
            sent.iter().rev().flat_map(|message| &message.notice.lines).filter_map(|line| line.link.as_deref());
        links.find_map(|link| link.strip_prefix("https://bot.example.com")).map(str::to_owned)
    }

    /// A browser opens any address, with whatever can be guessed.
    async fn opens(&mut self, whose: Whose, place: &str, dice: &Dice) -> String {
        self.try_out(whose, || format!("page {place}"));
        let path = match place {
            "/" | "/privacy" | "/terms" | "/support" | "/zoom/install" | "/zoom/events" => place.to_owned(),
            "/assets/zentry.css" | "/assets/zentry.js" | "/favicon.ico" => place.to_owned(),
            "/sentry/hooks/" => format!("{place}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA{}", dice.below(3)),
            "/link/" => format!("{place}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA{}", dice.below(3)),
            "/sentry/callback" => {
                format!("{place}?state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&code=code-{}", dice.below(20))
            }
            "/sentry/setup" => {
                // Of one's own, or of the organization that the other account uses.
                let org = if whose == Whose::Theirs { *dice.one_of(&["acme", "globex"]) } else { "acme" };
                self.installations += 1;
                format!("{place}?code=guess-{}&installationId=installation-of-{org}&orgSlug={org}", self.installations)
            }
            "/zoom/callback" => format!("{place}?code=guess-{}", dice.below(20)),
            unknown => panic!("{unknown} is new: say here what somebody of another account could try with it"),
        };
        let request = if dice.below(3) == 0 || place == "/zoom/events" || place == "/sentry/hooks/" {
            Request::post(&path).body("say help")
        } else {
            Request::get(&path)
        };
        let cookie = "__Host-zentry-link=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        answered(&request.header("Cookie", cookie).send(self.world.at).await)
    }

    // === looking ===

    /// Everything that people of account `acc` see.
    fn sight(&self) -> String {
        let mut sight = String::new();
        for viewer in [ana(), ben()] {
            for place in [ops(), channel("acc", "dev"), Place::direct(&viewer)] {
                let seen = self.world.chat.seen_in(&place, &viewer);
                for message in &seen {
                    let (to, notice) = (&message.to, &message.notice);
                    let thread = to.reply_to.as_ref().map(|id| seen.iter().position(|other| other.id == *id));
                    sight += &format!("{} {:?} {} {thread:?} {notice:?}\n", to.to, to.visible_to, to.on_behalf_of);
                }
            }
        }
        sight
    }
}

/// What a browser was answered, but for the time of day.
fn answered(reply: &Reply) -> String {
    let headers: Vec<_> = reply.headers.iter().filter(|(name, _)| name != "date" && name != "content-length").collect();
    format!("{} {headers:?} {}\n", reply.status, reply.body)
}

/// Without what is chance: handles, tokens, codes. Whatever has at least twenty letters of them is one.
fn alike(text: &str) -> String {
    let mut alike = String::with_capacity(text.len());
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    for part in text.split_inclusive(|c: char| !is_of_token(c)) {
        let token = part.trim_end_matches(|c: char| !is_of_token(c));
        let is_chance = token.len() >= 20 && token.bytes().any(|b| b.is_ascii_digit());
        alike += if is_chance { "…" } else { token };
        alike += &part[token.len()..];
    }
    match alike.split_once("id=\"confirm-code\">") {
        Some((before, rest)) => format!("{before}{}", rest.get(7..).unwrap_or_default()),
        None => alike,
    }
}

fn choices() -> Vec<Choice> {
    Choice::all().chain((0..4).map(Choice::Offered)).collect()
}

/// Every address, those with a token by what stands before it.
fn pages() -> Vec<&'static str> {
    places().chain(["/link/", "/zoom/events", "/sentry/hooks/"]).collect()
}

fn presses(message: &FakeMessage) -> impl Iterator<Item = Press> {
    let buttons = message.notice.buttons.iter().map(|button| button.press.clone());
    buttons.chain(message.notice.selects.iter().flat_map(|select| &select.options).map(|option| option.press.clone()))
}

// === who is there ===

fn someone(whose: Whose, dice: &Dice) -> (Person, Place) {
    if whose == Whose::Theirs {
        let by = dice.one_of(&[mallory(), mia(), person("other", "U1", "Ana")]).clone();
        // The same channel, as it looks to another account: people of both may be in it.
        let place = dice.one_of(&[channel("other", "theirs"), channel("other", "ops"), Place::direct(&by)]).clone();
        (by, place)
    } else {
        let by = dice.one_of(&[ana(), ben()]).clone();
        let place = dice.one_of(&[ops(), channel("acc", "dev"), Place::direct(&by)]).clone();
        (by, place)
    }
}

fn mia() -> Person {
    person("other", "U8", "Mia")
}

fn at_sentry(person: &Person) -> Identity {
    if *person == ana() {
        return ada();
    }
    let (id, name) = (format!("9{}{}", person.account, person.user), person.name.clone());
    Identity { id, email: format!("{}@example.com", name.to_lowercase()), name }
}

fn acme() -> OrgSlug {
    project("checkout").org
}

fn globex() -> OrgSlug {
    OrgSlug::new("globex")
}

fn theirs(slug: &str) -> Project {
    Project { org: globex(), org_name: "Globex".into(), id: ProjectId::new(format!("their-{slug}")), ..project(slug) }
}

// === dice ===

struct Dice(SeededRandom);

impl Dice {
    fn of(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    fn throw(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn below(&self, limit: usize) -> usize {
        (self.throw() % limit as u64) as usize
    }

    fn one_of<'a, T>(&self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own settings; the program's are read in its config.rs")]
fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}
