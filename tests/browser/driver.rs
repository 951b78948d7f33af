//! A real Chromium, driven over WebDriver, and the sandbox that it looks at.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const NEEDED: [&str; 2] = ["chromium", "chromedriver"];
/// Every story and test plays at the fastest pace.
const PACE: &str = "60";
/// What somebody who cannot see well would complain about.
const ACCESS: &str = include_str!("access.js");

/// Which of the programs that these tests need is not on this machine.
pub(crate) fn missing() -> Option<String> {
    let is_there = |program: &&str| Command::new(program).arg("--version").output().is_ok();
    let missing: Vec<_> = NEEDED.into_iter().filter(|program| !is_there(program)).collect();
    (!missing.is_empty()).then(|| format!("{} is not installed", missing.join(" and ")))
}

/// What the browser is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Width and height of its page.
    pub(crate) size: (u32, u32),
    /// Whether its system is dark.
    pub(crate) is_dark: bool,
}

impl Look {
    /// A laptop's, light.
    pub(crate) const DESK: Self = Self { size: (1280, 800), is_dark: false };
    /// A phone's, light.
    pub(crate) const PHONE: Self = Self { size: (390, 844), is_dark: false };

    /// The same, dark.
    pub(crate) fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }
}

/// A child process that is asked to end, and waited for.
struct Ended(Child);

impl Ended {
    fn start(program: &str, arguments: &[&str]) -> (Self, BufReader<std::process::ChildStdout>) {
        let mut command = Command::new(program);
        let mut child =
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        (Self(child), lines)
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // The sandbox removes its database when it is asked to end.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// `zentry sandbox`, running.
pub(crate) struct Sandbox {
    /// Where its page is, with a slash at the end.
    pub(crate) url: String,
    _process: Ended,
}

impl Sandbox {
    /// Starts it on a free port.
    pub(crate) fn start() -> Self {
        let (process, mut lines) = Ended::start(ZENTRY, &["sandbox", "--listen", "127.0.0.1:0", "--pace", PACE]);
        let mut line = String::new();
        lines.read_line(&mut line).expect("it says where it is");
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        Self { url: url.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned(), _process: process }
    }
}

/// A browser with a profile of its own.
pub(crate) struct Chromium {
    /// What it is told.
    pub(crate) client: Client,
    _driver: Ended,
}

impl Chromium {
    /// Opens an empty one.
    pub(crate) async fn open(look: Look) -> Self {
        let (driver, mut lines) = Ended::start("chromedriver", &["--port=0"]);
        let mut line = String::new();
        while !line.contains("started successfully on port") {
            line.clear();
            assert_ne!(lines.read_line(&mut line).expect("it says where it is"), 0, "the driver ended");
        }
        let port: String =
            line.rsplit("port ").next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        // Nobody reads on, and a pipe that is full would stop it.
        std::thread::spawn(move || lines.lines().for_each(drop));
        let (width, height) = look.size;
        let theme = format!("--blink-settings=preferredColorScheme={}", u8::from(!look.is_dark));
        let fixed = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &theme,
        ];
        let metrics = json!({ "width": width, "height": height, "pixelRatio": 1, "mobile": false, "touch": false });
        let options = json!({ "args": fixed, "mobileEmulation": { "deviceMetrics": metrics } });
        let capabilities = json!({ "goog:chromeOptions": options, "timeouts": { "script": 60_000 } });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().cloned().unwrap_or_default());
        let client = builder.connect(&format!("http://127.0.0.1:{port}")).await.expect("a browser");
        Self { client, _driver: driver }
    }
}

/// Verbs of somebody at a browser.
#[derive(Clone)]
pub(crate) struct Tab(pub(crate) Client);

impl Tab {
    /// Opens an address.
    pub(crate) async fn goto(&self, url: &str) {
        self.0.goto(url).await.expect("the page opens");
    }

    /// Opens the sandbox's page as somebody, and waits until it is drawn.
    pub(crate) async fn enter(&self, sandbox: &Sandbox, who: &str) {
        self.goto(&format!("{}?as={who}", sandbox.url)).await;
        self.until("document.querySelectorAll('.persona').length === 3").await;
    }

    /// What a script answers.
    pub(crate) async fn js(&self, script: &str) -> Value {
        self.0.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until the page is such that this expression is true: it is looked at again with every change.
    pub(crate) async fn until(&self, condition: &str) {
        let script = format!(
            "const done = arguments[0]; let over = false;
             const look = () => {{ if (!over && ({condition})) {{ over = true; seen.disconnect(); clearInterval(tick); done(true); }} }};
             const seen = new MutationObserver(look); const tick = setInterval(look, 200);
             seen.observe(document, {{ subtree: true, childList: true, characterData: true, attributes: true }}); look();"
        );
        if let Err(error) = self.0.execute_async(&script, Vec::new()).await {
            let text = self.js("return document.body.innerText").await;
            panic!("never: {condition}\n{error}\nthe page says:\n{}", text.as_str().unwrap_or_default());
        }
    }

    /// Waits until the messages hold these words.
    pub(crate) async fn reads(&self, words: &str) {
        self.until(&format!("document.getElementById('messages').innerText.includes({})", json!(words))).await;
    }

    /// Whether the messages hold these words now.
    pub(crate) async fn has(&self, words: &str) -> bool {
        self.js(&format!("return document.getElementById('messages').innerText.includes({})", json!(words))).await
            == true
    }

    /// Presses what this selector finds first.
    pub(crate) async fn click(&self, css: &str) {
        let found = self.0.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
        found.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Presses the last button, link or issue within the element of this id that says exactly this.
    pub(crate) async fn press(&self, within: &str, text: &str) {
        let one = "self::button[not(@aria-haspopup)] or self::a or self::summary";
        let path = format!("(//*[@id='{within}']//*[{one}][normalize-space()='{text}'])[last()]");
        let found = self.0.find(Locator::XPath(&path)).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        found.click().await.unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    /// Writes into a field, in place of what is there.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let found = self.0.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
        found.clear().await.expect("it can be cleared");
        found.send_keys(text).await.expect("it can be written into");
    }

    /// Sends keys to whatever has the focus.
    pub(crate) async fn keys(&self, keys: &str) {
        let focused = self.0.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("it takes keys");
    }

    /// Nobody could complain about this page.
    pub(crate) async fn is_accessible(&self, what: &str) {
        let complaints = self.js(ACCESS).await;
        assert_eq!(complaints, json!([]), "{what}");
    }

    /// Goes to the tab that was opened by what was just pressed: the one that was not there before.
    pub(crate) async fn follow(&self, before: &[WindowHandle]) {
        loop {
            let windows = self.0.windows().await.expect("windows");
            if let Some(new) = windows.into_iter().find(|window| !before.contains(window)) {
                return self.0.switch_to_window(new).await.expect("it is there");
            }
            tokio::task::yield_now().await;
        }
    }
}
