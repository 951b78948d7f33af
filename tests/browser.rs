//! The sandbox's page in a real browser: everything that a newcomer does, every story, both themes, the keyboard alone, and
//! what somebody who cannot see well needs. Ignored, aloud, where no Chromium is installed.

#[path = "browser/driver.rs"]
mod driver;
#[path = "browser/pictures.rs"]
mod pictures;

use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use driver::{Chromium, Look, Sandbox, Tab};
use fantoccini::key::Key;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::json;

/// The sandbox and a tab of a browser.
struct Scene {
    sandbox: Arc<Sandbox>,
    tab: Tab,
}

type Played = Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! trials {
    ($missing:expr, $($name:ident: $look:expr),* $(,)?) => {
        vec![$(Trial::test(stringify!($name), || run($look, |scene| Box::pin($name(scene)))).with_ignored_flag($missing)),*]
    };
}

fn main() -> ExitCode {
    let missing = driver::missing();
    if let Some(why) = &missing {
        eprintln!("ignored: {why}");
    }
    if let (Some(folder), None) = (pictures::folder(), &missing) {
        return pictures::take(&folder);
    }
    let trials = trials!(missing.is_some(),
        a_newcomer_gets_from_an_empty_page_to_a_resolve_pressed_on_a_card: Look::DESK,
        the_first_minute_plays_itself: Look::DESK,
        a_storm_plays_itself: Look::DESK,
        zoom_down_for_two_minutes_plays_itself: Look::DESK,
        an_issue_that_somebody_else_resolved_plays_itself: Look::DESK,
        a_forwarded_link_plays_itself: Look::DESK,
        the_keyboard_alone_is_enough: Look::DESK,
        everybody_can_read_and_name_everything_by_day: Look::DESK,
        everybody_can_read_and_name_everything_by_night: Look::DESK.dark(),
        everybody_can_read_and_name_everything_on_a_phone: Look::PHONE.dark(),
        a_phone_shows_one_part_at_a_time: Look::PHONE,
        two_people_in_two_tabs_see_what_is_theirs: Look::DESK,
        an_outage_is_switched_on_and_its_refusals_are_in_the_strip: Look::DESK,
        metric_alerts_comments_and_assignments_come_to_the_channel: Look::DESK,
        a_dark_system_makes_a_dark_page_and_the_switch_has_the_last_word: Look::DESK.dark(),
    );
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A sandbox and a browser of its own; both are ended whatever happens.
fn run(look: Look, test: fn(Scene) -> Played) -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let sandbox = Arc::new(Sandbox::start());
        let browser = Chromium::open(look).await;
        let scene = Scene { sandbox: Arc::clone(&sandbox), tab: Tab(browser.client.clone()) };
        let played = tokio::spawn(test(scene)).await;
        let closed = browser.client.clone().close().await;
        if let Err(failure) = played {
            std::panic::resume_unwind(failure.into_panic());
        }
        closed.map_err(Failed::from)
    })
}

impl Scene {
    /// Begins a story where everybody can see it, and waits for its end.
    async fn plays(&self, story: &str) {
        self.tab.click(&format!("[data-story={story}]")).await;
        self.tab.until("document.getElementById('story-end').textContent === 'Close'").await;
        let said = self.tab.js("return document.getElementById('story-line').textContent").await;
        let failed = self.tab.js("return document.getElementById('story-line').classList.contains('bad')").await;
        assert_eq!(failed, false, "{said}");
    }

    async fn enters(&self) {
        self.tab.enter(&self.sandbox, "jane").await;
    }

    async fn raises(&self, title: &str) {
        self.tab.fill("#raise [name=title]", title).await;
        self.tab.press("raise", "Raise it").await;
        self.tab.reads(title).await;
    }

    /// The ledger adds up in the end.
    async fn adds_up(&self) {
        self.tab.until("document.querySelector('.holds')?.textContent.includes('adds up')").await;
        assert_eq!(self.tab.js("return Boolean(document.querySelector('.holds.not'))").await, false);
    }
}

// === what a newcomer does ===

async fn a_newcomer_gets_from_an_empty_page_to_a_resolve_pressed_on_a_card(scene: Scene) {
    let tab = &scene.tab;
    tab.goto(&scene.sandbox.url).await;
    tab.until("document.querySelector('#messages .welcome')").await;
    // A link is good for ten minutes: of a real clock.
    tab.click("#pace option[value='1']").await;
    tab.press("hints", "/sentry connect acme checkout").await;
    tab.press("composer", "Send").await;
    tab.reads("One step first: link your Sentry account").await;

    // The link is in her own chat with the bot, and opens a tab.
    tab.until("document.querySelector('#places .badge')").await;
    tab.click("#places [data-key=direct]").await;
    tab.reads("Link Sentry account").await;
    let before = tab.0.windows().await.expect("windows");
    tab.press("messages", "Link Sentry account").await;
    tab.follow(&before).await;
    tab.until("document.title.startsWith('Link your Sentry account')").await;
    tab.is_accessible("the link page").await;
    tab.click("form button").await;
    tab.until("document.title.startsWith('Sign in')").await;
    tab.is_accessible("Sentry's sign-in").await;
    tab.click("form button").await;
    tab.until("document.title.startsWith('Approve')").await;
    tab.is_accessible("Sentry's consent page").await;
    tab.click("form button").await;
    tab.until("document.getElementById('confirm-code')").await;
    tab.is_accessible("the code page").await;
    let code = tab.js("return document.getElementById('confirm-code').textContent").await;

    tab.0.close_window().await.expect("closed");
    tab.0.switch_to_window(before[0].clone()).await.expect("the page is still there");
    tab.fill("#box", code.as_str().unwrap_or_default()).await;
    tab.press("composer", "Send").await;
    tab.reads("Linked as ana@acme.io").await;
    tab.click("#places [data-key=checkout-alerts]").await;
    tab.reads("Connected: acme / checkout").await;

    scene.raises("TypeError: cart is undefined").await;
    tab.press("messages", "Resolve").await;
    tab.reads("Resolved · [checkout] TypeError: cart is undefined").await;
    tab.until("document.querySelector('#issues .state').textContent === 'resolved'").await;
    tab.until("document.getElementById('requests').innerText.includes('changes the issue')").await;
    scene.adds_up().await;
}

// === stories ===

async fn the_first_minute_plays_itself(scene: Scene) {
    scene.enters().await;
    scene.plays("minute").await;
    scene.tab.reads("Resolved · [checkout] TimeoutError: pool exhausted").await;
    // And once more, from the state that it has left.
    scene.plays("minute").await;
    scene.adds_up().await;
}

async fn a_storm_plays_itself(scene: Scene) {
    scene.enters().await;
    scene.plays("storm").await;
    scene.tab.reads("Storm over").await;
    assert_eq!(scene.tab.js("return document.getElementById('issue-count').textContent").await, "(40)");
    let cards = scene.tab.js("return document.querySelectorAll('#messages .card').length").await;
    assert!(cards.as_u64().is_some_and(|cards| cards < 15), "{cards}");
    scene.adds_up().await;
}

async fn zoom_down_for_two_minutes_plays_itself(scene: Scene) {
    scene.enters().await;
    scene.plays("down").await;
    scene.tab.until("document.querySelector('#requests .bad')").await;
    scene.adds_up().await;
}

async fn an_issue_that_somebody_else_resolved_plays_itself(scene: Scene) {
    scene.enters().await;
    scene.plays("elsewhere").await;
    scene.tab.reads("Resolved · [checkout] ValueError: negative price").await;
    scene.tab.reads("Max").await;
}

async fn a_forwarded_link_plays_itself(scene: Scene) {
    scene.enters().await;
    scene.plays("attack").await;
    // The tab in which it was begun has followed it to Ben's chat.
    scene.tab.reads("Too many wrong codes. Nothing was linked.").await;
    scene.tab.until("document.querySelector('.persona[aria-pressed=true]').innerText.includes('Ben')").await;
}

// === how it is used ===

async fn the_keyboard_alone_is_enough(scene: Scene) {
    let tab = &scene.tab;
    let (tabulator, enter) = (char::from(Key::Tab).to_string(), char::from(Key::Enter).to_string());
    scene.enters().await;
    let focused = "return [document.activeElement.id, document.activeElement.textContent.trim(), \
                   document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none']";
    // Onwards to an element that a script finds; every stop on the way is to be seen.
    let reach = async |wanted: &str| {
        for _ in 0..120 {
            tab.keys(&tabulator).await;
            let stop = tab.js(focused).await;
            assert_eq!(stop[2], true, "the focus is not to be seen at {stop}");
            if tab.js(&format!("const at = document.activeElement; return {wanted}")).await == true {
                return;
            }
        }
        panic!("the keyboard never comes to {wanted}");
    };
    reach("at.dataset.story === 'minute'").await;
    tab.keys(&enter).await;
    tab.until("document.getElementById('story-end').textContent === 'Close'").await;
    reach("at.id === 'box'").await;
    tab.keys(&format!("/sentry help{enter}")).await;
    tab.reads("/sentry help").await;
    reach("at.name === 'title'").await;
    tab.keys(&enter).await;
    tab.until("[...document.querySelectorAll('#messages article')].at(-1).innerText.includes('New · [checkout] TimeoutError')").await;

    // A list opens, is walked through, and closes without a choice.
    let last = "[...document.querySelectorAll('#messages article')].at(-1)";
    reach(&format!("{last}.contains(at) && at.ariaHasPopup === 'menu'")).await;
    tab.keys(&enter).await;
    tab.until("document.activeElement.role === 'menuitemradio'").await;
    tab.keys(&char::from(Key::Down).to_string()).await;
    tab.keys(&char::from(Key::Escape).to_string()).await;
    tab.until(
        "document.activeElement.ariaHasPopup === 'menu' && document.querySelector('.menu:not([hidden])') === null",
    )
    .await;
    tab.keys(&enter).await;
    tab.until("document.activeElement.role === 'menuitemradio'").await;
    tab.keys(&enter).await;
    tab.until(&format!("{last}.innerText.includes('Resolved · ')")).await;
    // Whoever pressed is still where they were.
    tab.until(&format!("{last}.contains(document.activeElement)")).await;
}

async fn everybody_can_read_and_name_everything_by_day(scene: Scene) {
    reads_everything(&scene).await;
}

async fn everybody_can_read_and_name_everything_by_night(scene: Scene) {
    reads_everything(&scene).await;
}

async fn everybody_can_read_and_name_everything_on_a_phone(scene: Scene) {
    reads_everything(&scene).await;
}

/// The sandbox's page in its main states, and every page of the bot and of the simulated Sentry that needs no sign-in.
async fn reads_everything(scene: &Scene) {
    let tab = &scene.tab;
    scene.enters().await;
    tab.is_accessible("the empty page").await;
    scene.plays("minute").await;
    tab.js("document.querySelector('#issues details')?.setAttribute('open', '')").await;
    for part in ["zoom", "sentry", "wire"] {
        tab.js(&format!("document.querySelector('.tabs [data-tab={part}]').click()")).await;
        for panel in ["issues", "alerts", "outages"] {
            tab.js(&format!("document.querySelector('.subtabs [data-panel={panel}]').click()")).await;
            tab.is_accessible(&format!("{part}, {panel}")).await;
        }
    }
    let issue = tab.js("return document.querySelector('#issues a').href").await;
    tab.js("document.querySelector('[data-tab=sentry]').click(); fetch('/api/do', { method: 'POST', \
            headers: { 'content-type': 'application/json' }, body: JSON.stringify({ do: 'switch', switch: { sentry_forged: true } }) })")
        .await;
    tab.until("!document.querySelector('.subtabs .badge').hidden").await;
    tab.js("document.querySelector('[data-panel=issues]').click(); document.querySelector('#raise .primary').click()")
        .await;
    tab.until("document.querySelector('#toasts p') && document.querySelector('#requests .bad')").await;
    tab.is_accessible("a refusal").await;

    tab.goto(issue.as_str().unwrap_or_default()).await;
    tab.is_accessible("an issue's page").await;
    let bot = bot_of(tab, &scene.sandbox.url).await;
    for path in ["/", "/privacy", "/terms", "/support", "/nothing", "/sentry/setup?orgSlug=acme"] {
        tab.goto(&format!("{bot}{path}")).await;
        tab.is_accessible(path).await;
    }
}

/// Where the bot is, as the page knows it.
async fn bot_of(tab: &Tab, sandbox: &str) -> String {
    tab.goto(&format!("{sandbox}api/state")).await;
    let found = tab.js("return JSON.parse(document.body.innerText).stage.bot_url").await;
    found.as_str().unwrap_or_default().to_owned()
}

async fn a_phone_shows_one_part_at_a_time(scene: Scene) {
    let tab = &scene.tab;
    scene.enters().await;
    for part in ["sentry", "wire", "zoom"] {
        tab.click(&format!(".tabs [data-tab={part}]")).await;
        let shown = "return [...document.querySelectorAll('main > section')].filter((s) => s.checkVisibility()).map((s) => s.dataset.part)";
        assert_eq!(tab.js(shown).await, json!([part]));
    }
    tab.press("hints", "/sentry help").await;
    tab.press("composer", "Send").await;
    tab.until("document.querySelector('#messages .card')").await;
}

async fn two_people_in_two_tabs_see_what_is_theirs(scene: Scene) {
    let tab = &scene.tab;
    scene.enters().await;
    let first = tab.0.window().await.expect("a window");
    let second = tab.0.new_window(true).await.expect("another").handle;
    tab.0.switch_to_window(second).await.expect("there");
    tab.enter(&scene.sandbox, "ben").await;

    tab.0.switch_to_window(first.clone()).await.expect("there");
    for text in ["/sentry whoami", "Shall I deploy?"] {
        tab.fill("#box", text).await;
        tab.press("composer", "Send").await;
        tab.reads(text).await;
    }
    tab.until("document.querySelector('#messages .card')").await;
    scene.plays("minute").await;
    tab.0.close_window().await.expect("closed");

    // Ben sees what is for everybody, the story's card included, and nothing of what is for Jane alone.
    let left = tab.0.windows().await.expect("windows");
    tab.0.switch_to_window(left[0].clone()).await.expect("there");
    tab.reads("Shall I deploy?").await;
    tab.reads("Resolved · [checkout]").await;
    assert!(!tab.has("/sentry whoami").await && !tab.has("Only visible to you").await);
}

async fn an_outage_is_switched_on_and_its_refusals_are_in_the_strip(scene: Scene) {
    let tab = &scene.tab;
    scene.enters().await;
    tab.click("[data-panel=outages]").await;
    tab.click("[name=zoom_forged]").await;
    tab.until("!document.querySelector('.subtabs .badge').hidden").await;
    tab.fill("#box", "/sentry help").await;
    tab.press("composer", "Send").await;
    tab.until("document.querySelector('#requests .signature.refused')").await;
    tab.until("document.getElementById('toasts').innerText.includes('401')").await;
    assert_eq!(tab.js("return document.getElementById('box').value").await, "/sentry help", "it can be sent again");

    tab.click("[name=zoom_forged]").await;
    tab.until("document.querySelector('.subtabs .badge').hidden").await;
    tab.press("composer", "Send").await;
    tab.until("document.querySelector('#messages .card')").await;
    tab.until("document.querySelector('#requests .signature.good')").await;
}

async fn metric_alerts_comments_and_assignments_come_to_the_channel(scene: Scene) {
    let tab = &scene.tab;
    scene.enters().await;
    scene.plays("minute").await;
    tab.click("[data-panel=alerts]").await;
    tab.press("measure", "Critical").await;
    tab.reads("Errors in checkout").await;
    tab.click("[data-panel=issues]").await;
    scene.raises("LookupError: no such currency").await;
    tab.click("#issues summary").await;
    tab.click("#issues [data-focus=assign]").await;
    tab.until("document.querySelector('#issues small').textContent.includes('assigned to')").await;
    tab.until("document.querySelector('#issues details').open").await;
    tab.fill("#issues details[open] input", "I am on it").await;
    tab.click("#issues [data-focus=say]").await;
    tab.until("document.getElementById('issues').innerText.includes('I am on it')").await;
    tab.click("#issues [data-focus=Resolve]").await;
    tab.reads("Resolved · [checkout] LookupError").await;
    tab.click("#issues [data-focus=Regress]").await;
    tab.until("document.querySelector('#issues .state').textContent === 'regressed'").await;
    scene.adds_up().await;
}

async fn a_dark_system_makes_a_dark_page_and_the_switch_has_the_last_word(scene: Scene) {
    let tab = &scene.tab;
    scene.enters().await;
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let dark = tab.js(ground).await;
    tab.click("#theme option[value=light]").await;
    let light = tab.js(ground).await;
    assert_ne!(dark, light);
    tab.0.refresh().await.expect("again");
    tab.until("document.querySelectorAll('.persona').length === 3").await;
    assert_eq!(tab.js(ground).await, light, "the choice is kept");
    tab.is_accessible("light on a dark system").await;
    tab.click("#theme option[value=dark]").await;
    assert_eq!(tab.js(ground).await, dark);
}
