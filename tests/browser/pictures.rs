//! Pictures of the main states, for the README and the documentation: `ZENTRY_PICTURES=$PWD/docs/pictures
//! cargo test --package zentry --test browser`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::driver::{Chromium, Look, Sandbox, Tab};

/// A little smaller than a laptop's page, so that a picture stays below 150 kB.
const PAGE: Look = Look { size: (1000, 625), is_dark: false };

/// Where they are wanted, if they are: then nothing is tested.
#[expect(clippy::disallowed_methods, reason = "who runs the tests asks for pictures")]
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os("ZENTRY_PICTURES").map(PathBuf::from)
}

/// Takes them all.
pub(crate) fn take(folder: &Path) -> ExitCode {
    fs::create_dir_all(folder).expect("a folder for the pictures");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        in_a_browser(PAGE, async |tab, sandbox| {
            tab.enter(sandbox, "jane").await;
            played(tab, "minute").await;
            tab.fill("#raise [name=title]", "TypeError: cart is undefined").await;
            tab.press("raise", "Raise it").await;
            tab.reads("TypeError: cart is undefined").await;
            keep(tab, folder, "sandbox").await;
        })
        .await;
        for (look, story, words, name) in
            [(Look::PHONE, "storm", "Storm over", "storm"), (Look::PHONE.dark(), "elsewhere", "Resolved", "resolved")]
        {
            in_a_browser(look, async |tab, sandbox| {
                tab.enter(sandbox, "jane").await;
                played(tab, story).await;
                let found =
                    format!("[...document.querySelectorAll('article')].find((m) => m.innerText.includes('{words}'))");
                tab.js(&format!("{found}.scrollIntoView({{ block: 'center' }})")).await;
                keep(tab, folder, name).await;
            })
            .await;
        }
    });
    ExitCode::SUCCESS
}

async fn in_a_browser(look: Look, shown: impl AsyncFn(&Tab, &Sandbox)) {
    let (sandbox, browser) = (Sandbox::start(), Chromium::open(look).await);
    shown(&Tab(browser.client.clone()), &sandbox).await;
    browser.client.clone().close().await.expect("closed");
}

async fn played(tab: &Tab, story: &str) {
    tab.click(&format!("[data-story={story}]")).await;
    tab.until("document.getElementById('story-end').textContent === 'Close'").await;
    // Not with the mouse, which would stay there.
    tab.js("document.getElementById('story-end').click()").await;
}

async fn keep(tab: &Tab, folder: &Path, name: &str) {
    // The last message has come to rest.
    tab.until("document.getAnimations().every((found) => found.playState === 'finished')").await;
    let picture = tab.0.screenshot().await.expect("a picture");
    assert!(picture.len() < 150_000, "{name}: {} bytes", picture.len());
    fs::write(folder.join(format!("{name}.png")), picture).expect("kept");
}
