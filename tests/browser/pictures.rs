//! Pictures of the main states, for the README and the documentation: `ZENTRY_PICTURES=docs/pictures cargo test --test browser`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::driver::{Chromium, Look, Sandbox, Tab};

/// Takes them all.
pub(crate) fn take(folder: &Path) -> ExitCode {
    fs::create_dir_all(folder).expect("a folder for the pictures");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        for (look, name) in [(Look::DESK, "sandbox-light"), (Look::DESK.dark(), "sandbox-dark")] {
            in_a_browser(look, async |tab, sandbox| {
                tab.enter(sandbox, "jane").await;
                played(tab, "minute").await;
                tab.fill("#raise [name=title]", "TypeError: cart is undefined").await;
                tab.press("raise", "Raise it").await;
                tab.reads("TypeError: cart is undefined").await;
                keep(tab, folder, name).await;
            })
            .await;
        }
        in_a_browser(Look::DESK, async |tab, sandbox| {
            tab.enter(sandbox, "jane").await;
            played(tab, "storm").await;
            keep(tab, folder, "storm").await;
        })
        .await;
        in_a_browser(Look::PHONE.dark(), async |tab, sandbox| {
            tab.enter(sandbox, "jane").await;
            played(tab, "elsewhere").await;
            tab.click("#story-end").await;
            keep(tab, folder, "phone").await;
        })
        .await;
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
}

async fn keep(tab: &Tab, folder: &Path, name: &str) {
    // The last message has come to rest.
    tab.until("document.getAnimations().every((found) => found.playState === 'finished')").await;
    let picture = tab.0.screenshot().await.expect("a picture");
    fs::write(folder.join(format!("{name}.png")), picture).expect("kept");
}
