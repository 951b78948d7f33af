//! Stories that play themselves, one at a time.

use std::sync::Arc;

use serde::Serialize;

use super::{Stage, deed::Outcome, scene};
use crate::zoom::{Person, Place};

/// A story as the page offers it.
pub(super) struct Card {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
}

/// All of them.
pub(super) const CARDS: &[Card] = &[
    Card {
        key: "minute",
        name: "First minute",
        about: "Jane connects the channel, links her account, and resolves an error from its card.",
    },
    Card { key: "storm", name: "Storm", about: "Forty errors at once become a few cards and one that counts." },
    Card {
        key: "down",
        name: "Zoom down for two minutes",
        about: "Zoom fails while errors happen. Nothing is lost, nothing is told twice.",
    },
    Card {
        key: "elsewhere",
        name: "Somebody else resolved it",
        about: "Max resolves the issue at Sentry. The card in Zoom says so.",
    },
    Card {
        key: "attack",
        name: "Forwarded link attack",
        about: "Ben sends his own link to Ana and hopes to get her account. He does not.",
    },
];

/// What is told of the story that plays, or that has played.
#[derive(Debug, Default, Serialize)]
pub(super) struct Story {
    /// Its key; none before the first.
    key: Option<&'static str>,
    is_playing: bool,
    /// What has happened so far.
    lines: Vec<String>,
    /// Who does something last, and where: whoever watches follows them.
    who: &'static str,
    place: String,
    /// Why it did not come to its end.
    failure: Option<String>,
    /// Counts the stories, so that one that was stopped does not end the next.
    number: u64,
}

/// Begins a story in the background.
pub(super) fn play(stage: &Arc<Stage>, key: &str) -> Outcome {
    let card = CARDS.iter().find(|card| card.key == key).ok_or("There is no such story.")?;
    let number = stage.story.change(|story| {
        let number = (!story.is_playing).then_some(story.number + 1)?;
        *story = Story { key: Some(card.key), is_playing: true, number, ..Story::default() };
        Some(number)
    });
    let number = number.ok_or("One story at a time: stop this one first.")?;
    let own = Arc::clone(stage);
    stage.tasks.spawn(async move {
        let pace = own.sandbox.clock.pace();
        let stopped = async {
            loop {
                let heard = own.story.changed();
                if !own.is_playing(number) {
                    return;
                }
                heard.await;
            }
        };
        let ended = tokio::select! {
            ended = scene::play(&own, card.key, number) => ended,
            () = stopped => Ok(()),
        };
        own.sandbox.clock.set_pace(pace);
        own.clear_up();
        own.story.change(|story| {
            if story.number == number && story.is_playing {
                story.is_playing = false;
                story.failure = ended.err();
            }
        });
    });
    Ok(String::new())
}

/// Ends the story where it is.
pub(super) fn stop(stage: &Stage) {
    stage.story.change(|story| {
        if story.is_playing {
            story.is_playing = false;
            story.lines.push("Stopped.".into());
        }
    });
}

impl Stage {
    fn is_playing(&self, number: u64) -> bool {
        self.story.read(|story| story.is_playing && story.number == number)
    }

    /// Somebody in the story does something here.
    pub(super) fn look_at(&self, number: u64, person: &Person, place: &Place) {
        let who = self.roles().into_iter().find(|role| role.person == person).map_or("jane", |role| role.key);
        let place = self.places(person).into_iter().find_map(|(key, known)| (known == *place).then_some(key));
        self.story.change(|story| {
            if story.is_playing && story.number == number {
                story.who = who;
                story.place = place.unwrap_or_default();
            }
        });
    }

    /// The next line of a story.
    pub(super) fn tell(&self, number: u64, line: &str) {
        self.story.change(|story| {
            if story.is_playing && story.number == number {
                story.lines.push(line.to_owned());
            }
        });
    }
}
