//! The main story, played against the doubles and printed as it happens.

use std::time::{Duration, Instant};

use zentry_sandbox::sentry::{Caller, NewIssue};
use zentry_sandbox::zoom::{Message, Person, Place};
use zentry_sandbox::{Cast, Delivery, Direction, Entry, Sandbox, Service};

/// How long any one step may take. Far longer than it does: a slow machine is no failure.
const PATIENCE: Duration = Duration::from_secs(10);

type Step<T> = Result<T, String>;

/// Plays it from the first command to the disconnect; stops at the first step that fails.
pub(super) async fn story(sandbox: &Sandbox, cast: &Cast) -> Step<()> {
    println!("The real bot, a simulated Zoom and a simulated Sentry, all on loopback.\n");
    let mut stage = Stage { sandbox, cast, calls: 0, entries: 0 };
    stage.jane_connects().await?;
    stage.jane_links().await?;
    let card = stage.an_error_becomes_a_card().await?;
    stage.jane_resolves(&card).await?;
    stage.repeats_change_nothing(&card).await?;
    stage.jane_configures().await?;
    stage.jane_disconnects().await?;
    println!("\nDone: connected, linked, carded, resolved, disconnected.");
    Ok(())
}

struct Stage<'a> {
    sandbox: &'a Sandbox,
    cast: &'a Cast,
    /// How many calls to Sentry have been printed.
    calls: usize,
    /// How much of the wire's log has been looked at.
    entries: usize,
}

impl Stage<'_> {
    async fn jane_connects(&mut self) -> Step<()> {
        scene("Jane connects the channel");
        self.types("conect acme checkout", "the nearest command", |m| {
            text(m).contains("Did you mean /sentry connect?")
        })
        .await?;
        self.types("connect acme checkout", "the first step", |m| text(m).contains("One step first")).await?;
        Ok(())
    }

    async fn jane_links(&mut self) -> Step<()> {
        scene("Jane links her Sentry account");
        let jane = &self.cast.jane;
        let own_chat = Place::from(jane);
        let link = self.sees(&own_chat, "the link", |m| link_of(m).is_some()).await?;
        let address = link_of(&link).ok_or("the message holds no link")?;

        let browser = &self.sandbox.browser;
        self.sandbox.sentry.log_in(&self.cast.ana);
        let page = browser.open(&address).await.map_err(|error| error.to_string())?;
        print_page(&page);
        let consent = browser.press(&page, "Continue to Sentry").await.map_err(|error| error.to_string())?;
        print_page(&consent);
        let after = browser.press(&consent, "Approve").await.map_err(|error| error.to_string())?;
        print_page(&after);
        let code = after.element("confirm-code").ok_or("the page shows no code")?;

        self.sees(&own_chat, "the question for the code", |m| text(m).contains("Send me the code")).await?;
        self.writes(&own_chat, &code).await?;
        self.sees(&own_chat, "that she is linked", |m| text(m).contains("Linked as ana@acme.io")).await?;
        self.sees(&Place::from(&self.cast.alerts), "the connection", |m| {
            text(m).contains("Connected: acme / checkout")
        })
        .await?;
        self.types("connect acme web", "the second connection", |m| text(m).contains("Connected: acme / web")).await?;
        self.print_calls();
        Ok(())
    }

    async fn an_error_becomes_a_card(&mut self) -> Step<Message> {
        scene("An error happens in the checkout");
        let began = now();
        let raised =
            self.sandbox.sentry.raise(&self.cast.checkout, NewIssue::error("TimeoutError: pool exhausted")).await;
        accepted("Sentry", &raised.delivery)?;
        let card = self
            .sees(&Place::from(&self.cast.alerts), "the card", |m| {
                text(m).starts_with("New · ") && !m.buttons().is_empty()
            })
            .await?;
        println!("      card seen {} ms after Sentry began to tell\n", began.elapsed().as_millis());
        Ok(card)
    }

    async fn jane_resolves(&mut self, card: &Message) -> Step<()> {
        scene("Jane presses Resolve");
        let delivery =
            self.sandbox.zoom.press(&self.cast.jane, card, "Resolve").await.map_err(|error| error.to_string())?;
        accepted("Zoom", &delivery)?;
        let id = card.id.clone();
        let edited = self
            .sees(&Place::from(&self.cast.alerts), "the same message, edited", |m| {
                m.id == id && text(m).starts_with("Resolved · ")
            })
            .await?;
        if edited.history.len() != 1 {
            return Err(format!("the card was edited {} times, not once", edited.history.len()));
        }
        let by_ana = Caller::User(self.cast.ana.id);
        let changed = self.sandbox.sentry.calls().into_iter().any(|call| call.method == "PUT" && call.caller == by_ana);
        if !changed {
            return Err("Sentry was not asked with Ana's own token".into());
        }
        self.print_calls();
        Ok(())
    }

    async fn repeats_change_nothing(&mut self, card: &Message) -> Step<()> {
        scene("Both services deliver their last webhook once more");
        let before = self.shown(card)?;
        for (service, again) in
            [("Sentry", self.sandbox.sentry.redeliver_last().await), ("Zoom", self.sandbox.zoom.redeliver_last().await)]
        {
            accepted(service, &again.ok_or("there is no last webhook")?)?;
        }
        self.next_card_is("TypeError: cart is undefined").await?;
        if self.shown(card)? != before {
            return Err("a repeat changed the card".into());
        }
        println!("      the card is as it was\n");
        Ok(())
    }

    async fn jane_configures(&mut self) -> Step<()> {
        scene("Jane looks at what the channel gets");
        self.types("configure", "both projects", |m| text(m).contains("gets 2 projects")).await?;
        Ok(())
    }

    async fn jane_disconnects(&mut self) -> Step<()> {
        scene("Jane disconnects, and the next error stays in Sentry");
        self.types("disconnect acme checkout", "the goodbye", |m| text(m).contains("Disconnected: acme / checkout"))
            .await?;
        let raised = self.sandbox.sentry.raise(&self.cast.checkout, NewIssue::error("KeyError: currency")).await;
        accepted("Sentry", &raised.delivery)?;
        self.next_card_is("RangeError: page 0").await?;
        let there = self.sandbox.zoom.messages(&self.cast.alerts, &self.cast.jane);
        if there.iter().any(|message| text(message).contains("KeyError")) {
            return Err("a disconnected project posted a card".into());
        }
        self.types("disconnect", "the last goodbye", |m| text(m).contains("Disconnected everything here (1)")).await?;
        self.types("configure", "that nothing is left", |m| text(m).contains("gets nothing yet")).await?;
        Ok(())
    }

    /// A channel's cards come in order: once the card of this new error of the web pages is there, nothing told before it
    /// is still on its way.
    async fn next_card_is(&self, title: &str) -> Step<()> {
        let raised = self.sandbox.sentry.raise(&self.cast.web, NewIssue::error(title)).await;
        accepted("Sentry", &raised.delivery)?;
        self.sees(&Place::from(&self.cast.alerts), "the next card", |m| text(m).contains(title)).await?;
        Ok(())
    }

    // === doing and seeing ===

    /// Jane types a command in the channel and sees the answer.
    async fn types(&self, command: &str, what: &str, wanted: impl Fn(&Message) -> bool) -> Step<Message> {
        let place = Place::from(&self.cast.alerts);
        println!("  {} in #{} › /sentry {command}", self.cast.jane.name, place.name());
        let began = now();
        let delivery = self.sandbox.zoom.say(&self.cast.jane, &place, command).await;
        accepted("Zoom", &delivery)?;
        let message = self.sees(&place, what, wanted).await?;
        println!("      reply seen {} ms after Zoom began to tell\n", began.elapsed().as_millis());
        Ok(message)
    }

    /// Jane writes to the bot.
    async fn writes(&self, place: &Place, words: &str) -> Step<()> {
        println!("  {} to the bot › {words}", self.cast.jane.name);
        accepted("Zoom", &self.sandbox.zoom.say(&self.cast.jane, place, words).await)
    }

    /// Waits until Jane sees it, and prints it.
    async fn sees(&self, place: &Place, what: &str, wanted: impl Fn(&Message) -> bool) -> Step<Message> {
        let jane: &Person = &self.cast.jane;
        let seen = self.sandbox.zoom.wait_for(place, jane, what, PATIENCE, wanted).await;
        let message = seen.map_err(|error| error.to_string())?;
        println!("  Sentry bot in {} ›", place.name());
        print_indented(&message.to_string());
        Ok(message)
    }

    /// What the card says and how often it was edited.
    fn shown(&self, card: &Message) -> Step<(String, usize)> {
        let there = self.sandbox.zoom.messages(&self.cast.alerts, &self.cast.jane);
        let card = there.iter().find(|m| m.id == card.id).ok_or("the card is gone")?;
        Ok((card.content.to_string(), card.history.len()))
    }

    /// Prints the calls to Sentry since the last time: as whom, and those for tokens.
    fn print_calls(&mut self) {
        let of_tokens = |entry: &&Entry| {
            entry.service == Service::Sentry && entry.direction == Direction::Received && entry.path == "/oauth/token/"
        };
        let entries = self.sandbox.wire.entries();
        for entry in entries[self.entries..].iter().filter(of_tokens) {
            println!("  called Sentry: {} {} → {}", entry.method, entry.path, entry.status.unwrap_or_default());
        }
        let calls = self.sandbox.sentry.calls();
        for call in &calls[self.calls..] {
            println!(
                "  called Sentry as {}: {} {} → {}",
                self.named(&call.caller),
                call.method,
                call.path,
                call.status
            );
        }
        println!();
        (self.entries, self.calls) = (entries.len(), calls.len());
    }

    fn named(&self, caller: &Caller) -> String {
        match caller {
            Caller::User(id) if *id == self.cast.ana.id => self.cast.ana.email.clone(),
            other => format!("{other:?}"),
        }
    }
}

fn scene(title: &str) {
    println!("── {title}\n");
}

fn accepted(service: &str, delivery: &Delivery) -> Step<()> {
    match delivery.status {
        Some(200) => {
            println!("      {service} was answered 200 after {} ms", delivery.took.as_millis());
            Ok(())
        }
        other => Err(format!("{service} was answered {other:?}: {:?}", delivery.failure)),
    }
}

fn print_page(page: &zentry_sandbox::browser::Page) {
    println!("  Browser at {}{} ({})", page.url.host_str().unwrap_or_default(), short(page.url.path()), page.status);
    print_indented(&page.text());
}

/// A path without the secret at its end.
fn short(path: &str) -> String {
    path.split('/').map(|part| if part.len() > 24 { "…" } else { part }).collect::<Vec<_>>().join("/")
}

fn print_indented(text: &str) {
    for line in text.lines() {
        println!("      │ {line}");
    }
}

fn text(message: &Message) -> String {
    message.to_string()
}

/// The address that the first linked line of a message opens.
fn link_of(message: &Message) -> Option<String> {
    message.links().into_iter().next()
}

#[expect(clippy::disallowed_methods, reason = "the transcript shows how long answers really took")]
fn now() -> Instant {
    Instant::now()
}
