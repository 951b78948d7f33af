//! Performing one job: what is asked of the vendors, and what follows from their answers.

use zentry_domain::decide::Lookup;
use zentry_domain::job::next;
use zentry_domain::ports::{BoxError, ChatError, StoreError, TrackerError};
use zentry_domain::{
    Answer, Card, Connect, Decision, Digest, Failure, Handle, Job, Organization, Outcome, Project, Queued, Revision,
    RowChange, Subscription, Update, say,
};

use crate::App;

impl App {
    /// Performs a job. Whatever the vendors do, this ends with an outcome.
    pub(crate) async fn perform(&self, queued: &Queued) -> Outcome {
        let performed = match &queued.job {
            Job::Show { account, card } => self.show(account, card).await,
            Job::Answer(answer) => self.say(answer).await,
            Job::Connect(wish) => self.connect(wish).await,
            Job::Update(update) => self.update(update).await,
            Job::Forget { account, credential } => {
                self.ports.tracker.unlink(account, credential).await.map(|()| done()).map_err(Failed::from)
            }
            Job::ExpireLink { link } => self.expire(link).await,
            Job::Sweep => Ok(Outcome::Done(self.core().sweep())),
        };
        performed.unwrap_or_else(|failed| self.after_failure(queued, &failed))
    }

    /// The ladder decides; a job whose author waits tells them instead of becoming a dead letter.
    fn after_failure(&self, queued: &Queued, failed: &Failed) -> Outcome {
        match next(queued, &failed.0, self.now(), self.ports.random.unit()) {
            Ok(outcome) => {
                tracing::warn!(job.id = %queued.id, job.kind = queued.job.kind(), failure = ?failed.0, "a job did not succeed; it will be tried again");
                outcome
            }
            Err(why) => self.given_up(queued, &failed.0, why),
        }
    }

    fn given_up(&self, queued: &Queued, failure: &Failure, why: String) -> Outcome {
        match &queued.job {
            Job::Connect(wish) => {
                Outcome::Done(self.core().connect_failed(wish, self.connect_failure(wish, failure, queued)))
            }
            Job::Update(update) => Outcome::Done(self.core().not_updated(update, &update_failure(failure, queued))),
            Job::Answer(Answer { otherwise: Some(otherwise), .. }) => {
                Outcome::Done(Decision::job(self.core().answer_instead(otherwise)))
            }
            _ => Outcome::Dead { why, then: Decision::nothing() },
        }
    }

    // === cards ===

    /// Brings a card's message up to date with its row, as the row is now.
    async fn show(&self, account: &zentry_domain::AccountId, handle: &Handle) -> Performed {
        let Some(card) = self.ports.facts.card(account, handle).await? else {
            return Ok(Outcome::Suppressed { reason: "deauthorized" });
        };
        match &card.message {
            _ if card.is_shown() => Ok(Outcome::Suppressed { reason: "merged" }),
            Some(message) => match self.ports.chat.edit(&card.address(), message, &card.notice()).await {
                Ok(()) => Ok(self.shown(&card, Some(message.clone()), card.revision)),
                // The message was deleted in the chat: the card is posted anew.
                Err(ChatError::Gone(_)) => Ok(self.shown(&card, None, Revision(0))),
                Err(error) => Err(error.into()),
            },
            None if !self.is_subscribed(&card).await? => Ok(Outcome::Suppressed { reason: "disconnected" }),
            None => {
                let message = self.ports.chat.post(&card.address(), &card.notice()).await?;
                Ok(self.shown(&card, Some(message), card.revision))
            }
        }
    }

    fn shown(&self, card: &Card, message: Option<zentry_domain::MessageId>, revision: Revision) -> Outcome {
        Outcome::Done(Decision::nothing().and(RowChange::CardShown {
            account: card.content.place.account.clone(),
            card: card.handle.clone(),
            message,
            revision,
            again: self.core().show(card),
        }))
    }

    async fn is_subscribed(&self, card: &Card) -> Result<bool, StoreError> {
        let place = &card.content.place;
        let here = self.ports.facts.subscriptions_in(&place.account, &place.channel).await?;
        Ok(here.iter().any(|s| s.project.id == card.content.project.id))
    }

    async fn say(&self, answer: &Answer) -> Performed {
        self.ports.chat.post(&answer.to, &answer.notice).await?;
        Ok(done())
    }

    // === wishes that need Sentry ===

    async fn connect(&self, wish: &Connect) -> Performed {
        let found = self.look_up(wish).await?;
        let here: Vec<Subscription> =
            self.ports.facts.subscriptions_in(&wish.place.account, &wish.place.channel).await?;
        let installed = match &found {
            Lookup::Found(project) => self.ports.facts.is_installed(&project.org).await?,
            _ => false,
        };
        Ok(Outcome::Done(self.core().looked_up(wish, &found, &here, installed)))
    }

    /// One call where slugs were typed; otherwise by display name, and to know what is near.
    async fn look_up(&self, wish: &Connect) -> Result<Lookup, Failed> {
        let tracker = &self.ports.tracker;
        if let Some(project) = tracker.project(&wish.actor, &wish.org, &wish.project).await? {
            return Ok(Lookup::Found(project));
        }
        let orgs = tracker.organizations(&wish.actor).await?;
        let Some(org) = named_org(&orgs, &wish.org) else { return Ok(Lookup::NoOrganization(orgs)) };
        let projects = tracker.projects(&wish.actor, &org.slug).await?;
        Ok(match named_project(&projects, &wish.project) {
            Some(project) => Lookup::Found(project.clone()),
            None => Lookup::NoProject { org: org.slug.clone(), seen: projects },
        })
    }

    async fn update(&self, update: &Update) -> Performed {
        let card = self.ports.facts.card(&update.by.account, &update.card).await?;
        // Pressed twice, or somebody was faster: it is where it should be.
        if card.as_ref().is_some_and(|card| card.is_done(update.action)) {
            return Ok(Outcome::Suppressed { reason: "merged" });
        }
        let issue = self.ports.tracker.update(&update.actor, &update.issue, update.action).await?;
        let card = self.ports.facts.card(&update.by.account, &update.card).await?;
        Ok(Outcome::Done(self.core().updated(update, card.as_ref(), &issue)))
    }

    async fn expire(&self, link: &Digest) -> Performed {
        let link = self.ports.facts.link(link).await?;
        Ok(Outcome::Done(link.map_or_else(Decision::nothing, |link| self.core().link_expired(&link))))
    }

    fn connect_failure(&self, wish: &Connect, failure: &Failure, queued: &Queued) -> zentry_domain::Notice {
        match (failure, &wish.identity) {
            (Failure::Refused(why), _) => say::sentry_refused(why),
            (Failure::Unauthorized, Some(identity)) => say::failed(&self.deployment, identity.label()),
            (Failure::Unauthorized, None) => say::sentry_refused("the integration's token is not accepted"),
            _ => say::sentry_down(queued.attempts + 1),
        }
    }
}

type Performed = Result<Outcome, Failed>;

/// Why a job was not performed, whoever said so.
struct Failed(Failure);

fn done() -> Outcome {
    Outcome::Done(Decision::nothing())
}

fn update_failure(failure: &Failure, queued: &Queued) -> String {
    match failure {
        Failure::Refused(why) => why.clone(),
        Failure::Gone => "Sentry does not show this issue to you, or it is gone.".into(),
        Failure::Unauthorized => "your Sentry link no longer works. Type unlink, then press again.".into(),
        _ => format!("Sentry is not answering ({} tries). Press again later.", queued.attempts + 1),
    }
}

fn named_org<'a>(orgs: &'a [Organization], typed: &str) -> Option<&'a Organization> {
    orgs.iter()
        .find(|org| org.slug.as_str().eq_ignore_ascii_case(typed))
        .or_else(|| orgs.iter().find(|org| org.name.to_lowercase() == typed.to_lowercase()))
}

fn named_project<'a>(projects: &'a [Project], typed: &str) -> Option<&'a Project> {
    projects
        .iter()
        .find(|project| project.slug.as_str().eq_ignore_ascii_case(typed))
        .or_else(|| projects.iter().find(|project| project.name.to_lowercase() == typed.to_lowercase()))
}

// === the vendors' errors in the words that they share ===

impl From<ChatError> for Failed {
    fn from(error: ChatError) -> Self {
        Self(match error {
            ChatError::Gone(_) => Failure::Gone,
            ChatError::Refused(why) => Failure::Refused(chain(&why)),
            ChatError::Throttled { after } => Failure::Throttled { after },
            ChatError::Unauthorized(_) => Failure::Unauthorized,
            ChatError::Unavailable(why) => Failure::Unavailable(chain(&why)),
            ChatError::Unknown(why) => Failure::Unknown(chain(&why)),
        })
    }
}

impl From<TrackerError> for Failed {
    fn from(error: TrackerError) -> Self {
        Self(match error {
            TrackerError::Gone => Failure::Gone,
            TrackerError::Refused { why } => Failure::Refused(why),
            TrackerError::Throttled { after } => Failure::Throttled { after },
            TrackerError::Unauthorized => Failure::Unauthorized,
            TrackerError::Unavailable(why) => Failure::Unavailable(chain(&why)),
        })
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(Failure::Unavailable(chain(&(Box::new(error) as BoxError))))
    }
}

/// An error with its causes, for the log and the dead letter.
fn chain(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
