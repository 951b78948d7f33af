//! What happens in each story.

use std::time::Duration;

use super::{
    Stage,
    outage::{Switch, Weather},
};
use crate::{
    Delivery,
    browser::{Browser, Page},
    clock::milliseconds,
    sentry::{NewIssue, Project},
    zoom::{Message, Person, Place},
};

/// How long anything may take to be seen, in real time: far longer than it does.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two lines, by the sandbox's clock: long enough to read one.
const BEAT: Duration = Duration::from_millis(2_500);
/// Waiting for minutes to pass is no fun.
const HURRY: u32 = 60;
/// How long what was late may take, in real time and in a hurry: the bot tries again after up to half an hour by then.
const LONG: Duration = Duration::from_secs(45);

type Step<T> = Result<T, String>;

/// Plays the story of this key.
pub(super) async fn play(stage: &Stage, key: &str, number: u64) -> Step<()> {
    let scene = Scene { stage, number };
    if stage.clear_up() {
        scene.tell("Every outage is ended first.").await;
    }
    match key {
        "minute" => scene.first_minute().await,
        "storm" => scene.storm().await,
        "down" => scene.zoom_down().await,
        "elsewhere" => scene.resolved_elsewhere().await,
        _ => scene.forwarded_link().await,
    }
}

struct Scene<'s> {
    stage: &'s Stage,
    number: u64,
}

impl Scene<'_> {
    async fn first_minute(&self) -> Step<()> {
        let cast = &self.stage.cast;
        let (jane, channel) = (&cast.jane, Place::from(&cast.alerts));
        self.begin_anew().await?;
        self.tell("Jane types /sentry connect acme checkout in #checkout-alerts.").await;
        let since = self.now();
        self.types(jane, &channel, "connect acme checkout").await?;
        let answer = self.sees(jane, &channel, since, &CONNECT).await?;
        if first_line(&answer).starts_with("One step first") {
            self.tell("The bot does not know her at Sentry yet, and sends her a link.").await;
            self.links(jane, since).await?;
            self.sees(jane, &channel, since, &["Connected:"]).await?;
        }
        self.tell("The channel is connected. An error happens in the checkout.").await;
        let card = self.error(&cast.checkout, "TimeoutError: pool exhausted").await?;
        self.tell("Its card is in the channel. Jane presses Resolve.").await;
        self.presses(jane, &card, "Resolve").await?;
        self.edited(&card, "Resolved · ").await?;
        self.tell("Sentry did it in her name, and the card says so.").await;
        Ok(())
    }

    async fn storm(&self) -> Step<()> {
        let (cast, sentry) = (&self.stage.cast, &self.stage.sandbox.sentry);
        let channel = Place::from(&cast.alerts);
        self.connected().await?;
        let since = self.now();
        self.tell("A release breaks the checkout: forty different errors at once.").await;
        for number in 1..=40 {
            let release = Some("2.4.1".to_owned());
            let new = NewIssue { release, ..NewIssue::error(&format!("KeyError: currency of cart {number}")) };
            accepted(&sentry.raise(&cast.checkout, new).await.delivery)?;
        }
        self.sees(&cast.jane, &channel, since, &["Storm · "]).await?;
        self.tell("After the first few cards, one card counts the others, and what they have in common.").await;
        self.hurry("The clocks run faster until it is over.").await;
        self.sees(&cast.jane, &channel, since, &["Storm over · "]).await?;
        self.tell("Storm over: a handful of messages for forty errors.").await;
        Ok(())
    }

    async fn zoom_down(&self) -> Step<()> {
        let (stage, cast) = (self.stage, &self.stage.cast);
        let channel = Place::from(&cast.alerts);
        self.connected().await?;
        let since = self.now();
        self.tell("Zoom fails: it answers every call with 500.").await;
        stage.switch(Switch::Zoom(Weather::Failing));
        let titles = ["ConnectionError: redis", "TypeError: cart is undefined", "RangeError: page 0"];
        for title in titles {
            let raised = stage.sandbox.sentry.raise(&cast.checkout, NewIssue::error(title)).await;
            accepted(&raised.delivery)?;
            self.tell(&format!("{title}: Sentry is answered 200, and the card waits.")).await;
        }
        self.hurry("Two minutes pass; the clocks run faster meanwhile.").await;
        stage.sandbox.clock.until(since + milliseconds(Duration::from_secs(120))).await;
        stage.switch(Switch::Zoom(Weather::Fine));
        self.tell("Zoom is back. The bot tries again by itself: first after seconds, by now after minutes.").await;
        let here = |messages: &[Message]| {
            let new: Vec<_> =
                messages.iter().filter(|message| message.sent_ms >= since).map(Message::to_string).collect();
            let times = |title: &str| new.iter().filter(|text| text.contains(title)).count();
            let together = new.iter().any(|text| text.starts_with("Catching up"));
            let is_told = together || titles.iter().all(|title| times(title) > 0);
            is_told.then(|| (together, titles.iter().all(|title| times(title) < 2)))
        };
        let zoom = &stage.sandbox.zoom;
        let told = zoom.wait_until(&channel, &cast.jane, "the three errors", LONG, here).await;
        let (together, once) = told.map_err(|error| error.to_string())?;
        if !once {
            return Err("an error was told twice".into());
        }
        self.tell(if together {
            "What was late came together in one message: none lost, none told twice."
        } else {
            "All three cards are there: none lost, none told twice."
        })
        .await;
        Ok(())
    }

    async fn resolved_elsewhere(&self) -> Step<()> {
        let (stage, cast) = (self.stage, &self.stage.cast);
        self.connected().await?;
        self.tell("An error happens in the checkout.").await;
        let card = self.error(&cast.checkout, "ValueError: negative price").await?;
        let before = stage.sandbox.sentry.shown().last().map(|issue| issue.id).ok_or("the issue is gone")?;
        self.tell("Its card is in the channel. Max does not use Zoom: he resolves the issue at Sentry.").await;
        accepted(&stage.sandbox.sentry.resolve(before, &cast.max).await)?;
        let edited = self.edited(&card, "Resolved · ").await?;
        if !edited.to_string().contains("Max") {
            return Err("the card does not say who it was".into());
        }
        self.tell("The same card now says: resolved, by Max. Nobody in Zoom works on it any more.").await;
        Ok(())
    }

    async fn forwarded_link(&self) -> Step<()> {
        let cast = &self.stage.cast;
        let (ben, own) = (&cast.ben, Place::from(&cast.ben));
        let since = self.now();
        self.says(ben, &own, "unlink").await?;
        self.tell("Ben types /sentry connect acme api, and gets a link. It is his: he must not be able to lend it.")
            .await;
        self.types(ben, &own, "connect acme api").await?;
        let link = self.link(ben, since).await?;
        self.tell("He sends it to Ana: \"Can you open this? It is for the project.\" She opens it, and signs in.")
            .await;
        let page = self.goes_through(&link, "ana@acme.io").await?;
        let code = page.element("confirm-code").ok_or("the page shows no code")?;
        let text = page.text();
        if !text.contains("Ben Ops") || !text.contains("ana@acme.io") {
            return Err("the page does not name both".into());
        }
        self.tell(
            "Her page says that it would link Ben Ops to ana@acme.io, and to give the code to nobody. She does not.",
        )
        .await;
        self.tell("Without the code Ben is stuck. He guesses, five times.").await;
        let digits = code.chars().filter(char::is_ascii_digit).collect::<String>();
        let guesses = (100_000..).map(|number| number.to_string()).filter(|guess| *guess != digits).take(5);
        for guess in guesses {
            self.says(ben, &own, &guess).await?;
        }
        self.sees(ben, &own, since, &["Too many wrong codes"]).await?;
        let asked = self.now();
        self.types(ben, &own, "whoami").await?;
        self.sees(ben, &own, asked, &["no account linked"]).await?;
        self.tell("Too many wrong codes: nothing was linked. Ana's account is hers.").await;
        Ok(())
    }

    // === what stories share ===

    /// Whoever was linked and connected by playing is so no more.
    async fn begin_anew(&self) -> Step<()> {
        let cast = &self.stage.cast;
        let (jane, own, channel) = (&cast.jane, Place::from(&cast.jane), Place::from(&cast.alerts));
        let zoom = &self.stage.sandbox.zoom;
        if zoom.spoken(&own, jane).is_empty() && zoom.spoken(&channel, jane).is_empty() {
            return Ok(());
        }
        self.tell("Jane begins anew: she disconnects the channel and unlinks her account.").await;
        self.says(jane, &channel, "disconnect").await?;
        self.says(jane, &own, "unlink").await
    }

    /// The channel gets the checkout's errors, and Jane's account is linked.
    async fn connected(&self) -> Step<()> {
        let cast = &self.stage.cast;
        let (jane, channel, since) = (&cast.jane, Place::from(&cast.alerts), self.now());
        self.types(jane, &channel, "connect acme checkout").await?;
        let answer = self.sees(jane, &channel, since, &CONNECT).await?;
        if first_line(&answer).starts_with("One step first") {
            self.tell("First Jane connects the channel, and links her account.").await;
            self.links(jane, since).await?;
            self.sees(jane, &channel, since, &["Connected:"]).await?;
        }
        Ok(())
    }

    /// Somebody who was sent a link follows it, and sends the code.
    async fn links(&self, person: &Person, since: i64) -> Step<()> {
        let own = Place::from(person);
        let link = self.link(person, since).await?;
        self.tell("She opens the link, signs in at Sentry as ana@acme.io, approves, and sees a code.").await;
        let page = self.goes_through(&link, &self.stage.cast.ana.email).await?;
        let code = page.element("confirm-code").ok_or("the page shows no code")?;
        self.sees(person, &own, since, &["Send me the code"]).await?;
        self.tell("She sends the code to the bot: only now are the two accounts linked.").await;
        self.types(person, &own, &code).await?;
        self.sees(person, &own, since, &["Linked as"]).await?;
        Ok(())
    }

    async fn link(&self, person: &Person, since: i64) -> Step<String> {
        let find = |messages: &[Message]| {
            let new = messages.iter().rev().filter(|message| message.sent_ms >= since);
            new.flat_map(Message::links).find(|link| link.contains("/link/"))
        };
        let own = Place::from(person);
        let link = self.stage.sandbox.zoom.wait_until(&own, person, "the link", PATIENCE, find).await;
        link.map_err(|error| error.to_string())
    }

    /// A browser without cookies: link page, sign-in, consent, and back.
    async fn goes_through(&self, link: &str, account: &str) -> Step<Page> {
        let browser = Browser::new(&self.stage.sandbox.clock, &self.stage.sandbox.wire);
        let mut page = browser.open(link).await.map_err(|error| error.to_string())?;
        // Sentry asks only what it does not know yet.
        for (sign, button) in
            [("Link your Sentry account", "Continue to Sentry"), ("Sign in", account), ("wants to act", "Approve")]
        {
            if page.text().contains(sign) {
                page = browser.press(&page, button).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(page)
    }

    async fn error(&self, project: &Project, title: &str) -> Step<Message> {
        let (cast, since) = (&self.stage.cast, self.now());
        self.stage.look_at(self.number, &cast.jane, &Place::from(&cast.alerts));
        let raised = self.stage.sandbox.sentry.raise(project, NewIssue::error(title)).await;
        accepted(&raised.delivery)?;
        self.sees(&cast.jane, &Place::from(&cast.alerts), since, &[title]).await
    }

    async fn types(&self, person: &Person, place: &Place, text: &str) -> Step<()> {
        self.stage.look_at(self.number, person, place);
        accepted(&self.stage.sandbox.zoom.say(person, place, text).await)
    }

    /// Types something, and waits for whatever the bot answers.
    async fn says(&self, person: &Person, place: &Place, text: &str) -> Step<()> {
        let since = self.now();
        let before = self.stage.sandbox.zoom.messages(place, person).len();
        self.types(person, place, text).await?;
        let more = |messages: &[Message]| (messages.len() > before).then_some(());
        let what = format!("an answer to {text:?} since {since}");
        let answered = self.stage.sandbox.zoom.wait_until(place, person, &what, PATIENCE, more).await;
        answered.map_err(|error| error.to_string())
    }

    async fn presses(&self, person: &Person, card: &Message, button: &str) -> Step<()> {
        let pressed = self.stage.sandbox.zoom.press(person, card, button).await;
        accepted(&pressed.map_err(|error| error.to_string())?)
    }

    /// The oldest message since then that begins with, or holds, one of these.
    async fn sees(&self, viewer: &Person, place: &Place, since: i64, words: &[&str]) -> Step<Message> {
        self.stage.look_at(self.number, viewer, place);
        let is_it = |message: &Message| {
            message.sent_ms >= since && words.iter().any(|words| message.to_string().contains(words))
        };
        let zoom = &self.stage.sandbox.zoom;
        let seen = zoom.wait_for(place, viewer, &words.join(" or "), PATIENCE, is_it).await;
        seen.map_err(|error| error.to_string())
    }

    /// The same message, once it begins with this.
    async fn edited(&self, card: &Message, start: &str) -> Step<Message> {
        let is_it = |message: &Message| message.id == card.id && first_line(message).starts_with(start);
        let seen = self.stage.sandbox.zoom.wait_for(&card.place, &self.stage.cast.jane, start, PATIENCE, is_it).await;
        seen.map_err(|error| error.to_string())
    }

    /// A line, and the time to read it.
    async fn tell(&self, line: &str) {
        self.stage.tell(self.number, line);
        let clock = &self.stage.sandbox.clock;
        clock.until(clock.now_ms() + milliseconds(BEAT)).await;
    }

    async fn hurry(&self, line: &str) {
        self.tell(line).await;
        let clock = &self.stage.sandbox.clock;
        clock.set_pace(clock.pace().max(HURRY));
    }

    fn now(&self) -> i64 {
        self.stage.sandbox.clock.now_ms()
    }
}

/// What `connect` answers.
const CONNECT: [&str; 3] = ["Connected:", "Already connected:", "One step first"];

fn first_line(message: &Message) -> String {
    message.lines().into_iter().next().unwrap_or_default()
}

fn accepted(delivery: &Delivery) -> Step<()> {
    if delivery.accepted() {
        return Ok(());
    }
    Err(format!("the bot did not take it: {:?} {}", delivery.status, delivery.failure.as_deref().unwrap_or_default()))
}
