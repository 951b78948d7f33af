//! A town with many channels, each connected to a project of its own.

use std::collections::HashMap;
use std::time::Duration;

use zentry_sandbox::Cast;
use zentry_sandbox::sentry::Project;
use zentry_sandbox::zoom::{Channel, Message};

use crate::{NewIssue, Signer, Town, kept};

/// The channels, and the town around them. Nothing holds the bot back: no storm card, no rate.
pub struct Square {
    /// Around them.
    pub town: Town,
    /// Channels and projects.
    pub places: Vec<(Channel, Project)>,
}

impl Square {
    /// With so many channels, the bot running and all of them connected.
    pub async fn connected(program: &str, channels: usize) -> Self {
        let (cast, mut zoom, mut sentry) = Cast::assemble();
        let name = |place: usize| format!("square-{place}");
        let account = cast.alerts.account.clone();
        let places = (0..channels)
            .map(|n| (zoom.channel(&account, &name(n)), sentry.project(&cast.acme, &name(n), &name(n))))
            .collect();
        let mut town = Town::of(program, cast, zoom, sentry).await;
        for setting in ["ZENTRY_STORM_BUDGET", "ZENTRY_ZOOM_RATE"] {
            town.setup.settings.insert(setting.into(), "0".into());
        }
        town.start();
        let square = Self { town, places };
        square.connect().await;
        square
    }

    async fn connect(&self) {
        let (town, jane) = (&self.town, &self.town.cast.jane);
        for (channel, project) in &self.places {
            let words = format!("connect acme {}", project.slug);
            kept(town.sandbox.zoom.say(jane, channel, words.as_str()).await);
        }
        for (channel, project) in &self.places {
            town.sees(jane, channel, &format!("Connected: acme / {}", project.slug)).await;
        }
    }

    /// Writes down the deliveries that tell of new issues: of which place, and by which number.
    pub fn deliveries(&self) -> impl Fn(usize, u64) -> Vec<u8> + Send + 'static {
        let (signer, projects) = (Signer::of(&self.town), self.places.iter().map(|(_, project)| project.clone()));
        let projects: Vec<_> = projects.collect();
        move |place, number| {
            let title = format!("Square error {number:07}");
            signer.created(&NewIssue { project: &projects[place], id: number, title: &title, events: 1 })
        }
    }

    /// The numbers of the issues from `first` on that were posted in a place, each with the moments at which that was
    /// done, once there are so many of them.
    ///
    /// # Panics
    /// Where there are not in time.
    pub async fn posted(&self, place: usize, first: u64, many: usize, limit: Duration) -> HashMap<u64, Vec<i64>> {
        let (town, (channel, _)) = (&self.town, &self.places[place]);
        let all = |messages: &[Message]| {
            let mut posted = HashMap::<_, Vec<_>>::new();
            for message in messages {
                if let Some(number) = number_in(&message.to_string()).filter(|number| *number >= first) {
                    posted.entry(number).or_default().push(message.sent_ms);
                }
            }
            (posted.len() >= many).then_some(posted)
        };
        let seen = town.sandbox.zoom.wait_until(channel, &town.cast.jane, "every card", limit, all).await;
        seen.unwrap_or_else(|error| panic!("{error}\nthe bot wrote:\n{}", town.log()))
    }
}

/// The number of the issue that a card tells of.
fn number_in(card: &str) -> Option<u64> {
    card.split_once("Square error ")?.1.get(..7)?.parse().ok()
}
