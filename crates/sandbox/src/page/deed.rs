//! What can be done with the page: each deed is one control of the simulated services.

use std::sync::Arc;

use serde::Deserialize;

use super::{Stage, outage::Switch, story};
use crate::{
    Delivery,
    sentry::{NewIssue, NewMetricRule, Project, User},
    sync::lock,
    zoom::{Person, Place, Said},
};

/// As many at once as anybody wants to look at.
const STORM: std::ops::RangeInclusive<u32> = 1..=200;
/// The critical limit of the metric alerts.
const LIMIT: f64 = 100.0;

/// One deed, as the page asks for it.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Deed {
    /// Somebody writes, or types the slash command.
    Write { who: String, place: String, text: String, thread: Option<String> },
    /// Somebody presses the button with this value.
    Press { who: String, message: String, value: String },
    /// Somebody chooses from the list with this text.
    Choose { who: String, message: String, select: String, value: String },
    /// The administrator adds the app to the account, or removes it.
    Install { is_on: bool },
    /// An application raises an error, so many times with a number behind the title.
    Raise {
        project: u64,
        title: String,
        level: String,
        environment: Option<String>,
        release: Option<String>,
        times: u32,
    },
    /// Something happens to an issue.
    Change { issue: u64, by: u64, change: Change },
    /// The number of a project's metric alert rule reaches a value.
    Measure { project: u64, action: String, value: u32 },
    /// Somebody withdraws at Sentry what they have allowed.
    Revoke { user: u64 },
    /// An outage is switched on or off.
    Switch { switch: Switch },
    /// All clocks run so fast from now on.
    Pace { pace: u32 },
    /// A story plays itself.
    Play { story: String },
    /// It stops where it is.
    Stop,
}

/// What happens to an issue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    Resolve,
    Archive,
    Reopen,
    Again,
    Regress,
    Escalate,
    Assign(u64),
    Comment(String),
    Alert(String),
}

/// What is to be said of it, if anything, or why it was not done.
pub(super) type Outcome = Result<String, String>;

/// Does it.
pub(super) async fn carry_out(stage: Arc<Stage>, deed: Deed) -> Outcome {
    let sentry = &stage.sandbox.sentry;
    match deed {
        Deed::Write { who, place, text, thread } => stage.write(stage.person(&who), &place, &text, thread).await,
        Deed::Press { who, message, value } => stage.press(stage.person(&who), &message, &value).await,
        Deed::Choose { who, message, select, value } => {
            stage.choose(stage.person(&who), &message, &select, &value).await
        }
        Deed::Install { is_on } => {
            let (zoom, ben) = (&stage.sandbox.zoom, &stage.cast.ben);
            told("Zoom", &if is_on { zoom.install(ben).await } else { zoom.uninstall(ben).await })
        }
        Deed::Raise { project, title, level, environment, release, times } => {
            let environment = environment.filter(|name| !name.is_empty());
            let release = release.filter(|name| !name.is_empty());
            let new = NewIssue { level, environment, release, ..NewIssue::error(title.trim()) };
            stage.raise(project, &new, times).await
        }
        Deed::Change { issue, by, change } => stage.change(issue, &stage.user(by)?, change).await,
        Deed::Measure { project, action, value } => stage.measure(project, &action, value).await,
        Deed::Revoke { user } => {
            let user = stage.user(user)?;
            sentry.revoke(&user);
            Ok(format!("{} has withdrawn every permission at Sentry.", user.name))
        }
        Deed::Switch { switch } => {
            stage.switch(switch);
            Ok(String::new())
        }
        Deed::Pace { pace } => {
            stage.sandbox.clock.set_pace(pace.clamp(1, 60));
            Ok(String::new())
        }
        Deed::Play { story } => story::play(&stage, &story),
        Deed::Stop => {
            story::stop(&stage);
            Ok(String::new())
        }
    }
}

impl Stage {
    // === in Zoom ===

    async fn write(&self, who: &Person, place: &str, text: &str, thread: Option<String>) -> Outcome {
        let zoom = &self.sandbox.zoom;
        let place = self.place(who, place).ok_or("there is no such place")?;
        let text = text.trim();
        let said = |words: &str| {
            let said = if words.is_empty() { Said::bare() } else { Said::from(words) };
            thread.iter().fold(said, |said, message| said.in_thread(message))
        };
        match (command(text), &place) {
            _ if text.is_empty() => Err("There is nothing to send.".into()),
            (Some(words), _) => told("Zoom", &zoom.say(who, &place, said(words)).await),
            (None, _) if text.starts_with('/') => Err("There is one slash command here: /sentry.".into()),
            (None, Place::Direct(_)) => told("Zoom", &zoom.say(who, &place, said(text)).await),
            (None, Place::Channel(channel)) => {
                let deliveries = zoom.write(who, channel, text, self.sandbox.sentry.base()).await;
                deliveries.iter().try_fold(String::new(), |_, delivery| told("Zoom", delivery))
            }
        }
    }

    async fn press(&self, who: &Person, message: &str, value: &str) -> Outcome {
        let zoom = &self.sandbox.zoom;
        let message = zoom.message(who, message).ok_or("This message is gone.")?;
        let pressed = zoom.press(who, &message, value).await;
        told("Zoom", &pressed.map_err(|_| "This button is gone: the card has changed.")?)
    }

    async fn choose(&self, who: &Person, message: &str, select: &str, value: &str) -> Outcome {
        let zoom = &self.sandbox.zoom;
        let message = zoom.message(who, message).ok_or("This message is gone.")?;
        let chosen = zoom.choose(who, &message, select, value).await;
        told("Zoom", &chosen.map_err(|_| "This choice is gone: the card has changed.")?)
    }

    // === at Sentry ===

    async fn raise(&self, project: u64, new: &NewIssue, times: u32) -> Outcome {
        let project = self.project(project)?;
        if new.title.is_empty() {
            return Err("An error needs a title.".into());
        }
        if !STORM.contains(&times) {
            return Err(format!("Between {} and {} at once.", STORM.start(), STORM.end()));
        }
        let mut outcome = Ok(String::new());
        for number in 1..=times {
            let title = if times == 1 { new.title.clone() } else { format!("{} ({number})", new.title) };
            let raised = self.sandbox.sentry.raise(&project, NewIssue { title, ..new.clone() }).await;
            outcome = outcome.and(told("Sentry", &raised.delivery));
        }
        outcome
    }

    async fn change(&self, issue: u64, by: &User, change: Change) -> Outcome {
        let sentry = &self.sandbox.sentry;
        let delivery = match change {
            Change::Resolve => sentry.resolve(issue, by).await,
            Change::Archive => sentry.archive(issue, by).await,
            Change::Reopen => sentry.unresolve(issue, by).await,
            Change::Regress => sentry.regress(issue).await,
            Change::Escalate => sentry.escalate(issue).await,
            Change::Assign(to) => sentry.assign(issue, by, &self.user(to)?).await,
            Change::Comment(text) if text.trim().is_empty() => return Err("There is nothing to say.".into()),
            Change::Comment(text) => sentry.comment(issue, by, text.trim()).await,
            Change::Alert(rule) => sentry.alert(issue, &rule).await,
            Change::Again => {
                sentry.happen_again(issue);
                return Ok("One more event. Sentry tells nobody of it.".into());
            }
        };
        told("Sentry", &delivery)
    }

    async fn measure(&self, project: u64, action: &str, value: u32) -> Outcome {
        let project = self.project(project)?;
        let rule = {
            let mut rules = lock(&self.rules);
            let known = rules.get(&project.id).copied();
            let new = NewMetricRule::too_many(&format!("Errors in {}", project.slug), LIMIT);
            let rule = known.or_else(|| self.sandbox.sentry.metric_rule(&[&project], new));
            let rule = rule.ok_or("There can be no rule about this project.")?;
            rules.insert(project.id, rule);
            rule
        };
        told("Sentry", &self.sandbox.sentry.measure(rule, action, &value.to_string()).await)
    }

    fn project(&self, id: u64) -> Result<Project, String> {
        let all = self.sandbox.sentry.projects().into_iter().flat_map(|(_, projects)| projects);
        let mut found = all.filter(|project| project.id == id);
        found.next().ok_or_else(|| "There is no such project.".into())
    }

    fn user(&self, id: u64) -> Result<User, String> {
        let found = self.sandbox.sentry.users().into_iter().find(|user| user.id == id);
        found.ok_or_else(|| "There is no such person at Sentry.".into())
    }
}

/// What follows the slash command.
fn command(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("/sentry")?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

/// What became of a webhook: nothing to say where the bot has taken it.
fn told(service: &str, delivery: &Delivery) -> Outcome {
    match (delivery.status, delivery.failure.as_deref()) {
        (Some(_), _) if delivery.accepted() => Ok(String::new()),
        (Some(status), _) => Err(format!("{service} told the bot, and was answered {status}.")),
        // Nobody was told: that is no failure, but whoever did it should know.
        (None, Some(why)) if delivery.took.is_zero() => Ok(format!("Nothing was sent: {why}.")),
        (None, why) => Err(format!("{service} could not tell the bot: {}.", why.unwrap_or("no answer"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_whole_word() {
        assert_eq!(command("/sentry connect acme"), Some("connect acme"));
        assert_eq!(command("/sentry"), Some(""));
        assert_eq!(command("/sentryx"), None);
        assert_eq!(command("sentry help"), None);
    }

    #[test]
    fn deeds_are_read_as_the_page_writes_them() {
        let deed = r#"{"do":"change","issue":1000,"by":3,"change":{"comment":"on it"}}"#;
        assert!(matches!(serde_json::from_str(deed).unwrap(), Deed::Change { change: Change::Comment(_), .. }));
        let deed = r#"{"do":"switch","switch":{"zoom":"slow"}}"#;
        assert!(matches!(serde_json::from_str(deed).unwrap(), Deed::Switch { .. }));
        assert!(serde_json::from_str::<Deed>(r#"{"do":"stop","more":1}"#).is_ok_and(|deed| matches!(deed, Deed::Stop)));
        assert!(serde_json::from_str::<Deed>(r#"{"do":"dance"}"#).is_err());
    }
}
