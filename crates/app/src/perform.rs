//! Performing one job: what is asked of the vendors, once.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use zentry_domain::decide::{DirectoryReading, Joining, Lookup, Reading};
use zentry_domain::ports::{BoxError, ChatError, StoreError, TrackerError};
use zentry_domain::roundup::{TOP, WINDOW};
use zentry_domain::{
    AccountId, Actor, Address, Admission, Answer, AskWhom, Assignee, CHOOSE, Card, Change, ChangeKind, Connect,
    Content, Digest, EVERY, Failure, Handle, Issue, IssueId, IssueRef, Job, Join, LinkedPerson, MessageId, Notice,
    Occurrence, OrgSlug, Organization, Place, Project, ProjectKey, Queued, Reach, Revision, Roundup, Subscription,
    Tell, Test, Timestamp, Update, UserId, Whole, say,
};

use crate::App;
use crate::hook::Tended;

/// At most so many other people of a channel are tried as the one on whose behalf a message is sent.
const OTHER_PEOPLE: usize = 3;
/// Whoever pressed a button waits so long until its card says that Sentry is being asked.
const SOON: Duration = Duration::from_secs(1);
/// What is looked back upon to say how much a channel will get.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What performing a job has brought about outside. What follows from it is decided afterwards, as often as needed.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// A card was posted.
    Posted {
        /// As it was.
        card: Card,
        /// Under which id.
        message: MessageId,
    },
    /// A card's message was edited.
    Edited(Card),
    /// A card's message takes no edit, and where the issue stands was said under it.
    SaidBelow(Card),
    /// A card's message is gone from the chat.
    Lost(Card),
    /// A card's message says it already.
    AsShown(Card),
    /// A card was never posted, and another card stands for it by now.
    Listed(Card),
    /// A card was never posted, and its channel no longer wants it.
    Unwanted(Card),
    /// A card that stands for many has no message, and there is nobody to tell or nothing to tell of any more.
    UnwantedRoundup(Roundup),
    /// There is no such card any more.
    NoCard,
    /// An answer was posted.
    Said,
    /// More of an issue is shown beside its address.
    Unfurled,
    /// Sentry was asked for a project, and its events will come in like this.
    Found(Lookup, Reach),
    /// A project may join, or may not be seen.
    Joining(Option<Joining>),
    /// Sentry has said what a person manages there.
    Roles(LinkedPerson, Vec<OrgSlug>),
    /// An installation has a token and is confirmed; whose it is, where Sentry says so.
    Installed(Option<OrgSlug>),
    /// Sentry has changed an issue.
    Updated(Issue),
    /// Sentry has said what an issue is called, or nobody could ask it.
    Described(Option<Issue>),
    /// Sentry has said to whom an issue can be given.
    Assignable(Card, Vec<Assignee>),
    /// Sentry has said how an issue is.
    Read {
        /// Its project.
        project: Project,
        /// How it is.
        issue: Issue,
        /// Its cards, as they were before Sentry was asked.
        seen: Vec<Card>,
        /// When it was asked.
        at: Timestamp,
    },
    /// Nobody who can be asked sees an issue.
    Unread,
    /// It is another's turn.
    NotYet(Timestamp),
    /// Sentry has said how the latest occurrence of an issue is, or need not or could not say it.
    Sifted(Option<Occurrence>),
    /// Sentry has said when an issue first happened in an environment, how, and how the issue is.
    First(Box<(Timestamp, Occurrence, Issue)>),
    /// Sentry has said what changed in an organization.
    Reconciled {
        /// What it said.
        reading: Box<Reading>,
        /// The cards, as they were before it was asked.
        cards: Vec<Card>,
    },
    /// The time of a card that stands for many has not come.
    Early(Roundup),
    /// A card that stands for many says this.
    RoundupShown {
        /// The roundup as it stands.
        roundup: Roundup,
        /// Under which id.
        message: Option<MessageId>,
        /// What.
        said: String,
    },
    /// Hooks were made and deleted.
    Tended(Tended),
    /// A grant was revoked and deleted with its account, and its hooks before it.
    Left {
        /// The hooks that nobody could delete.
        stranded: Vec<Digest>,
    },
    /// An account's directory was read.
    DirectoryRead(Box<DirectoryReading>),
    /// Too many others are doing the same.
    Crowded,
    /// Somebody else had changed it already.
    DoneBefore,
    /// A grant was revoked and deleted.
    Revoked,
    /// It was only a matter of time.
    Due,
}

impl Effect {
    /// Whether the chat platform has taken a message.
    pub(crate) fn is_sent(&self) -> bool {
        matches!(
            self,
            Self::Posted { .. }
                | Self::Edited(_)
                | Self::SaidBelow(_)
                | Self::Said
                | Self::Unfurled
                | Self::RoundupShown { .. }
        )
    }
}

/// What performing a job came to.
pub(crate) type Performed = Result<Effect, Setback>;

/// Why a job was not performed.
#[derive(Clone, Debug)]
pub(crate) struct Setback {
    pub(crate) failure: Failure,
    /// Which revision of its card could not be shown.
    pub(crate) shown: Option<Revision>,
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        Self { failure, shown: None }
    }
}

impl App {
    /// Performs a job. Whatever the vendors do, this ends.
    pub(crate) async fn perform(&self, queued: &Queued) -> Performed {
        unharmed(queued, self.attempt(queued)).await
    }

    async fn attempt(&self, queued: &Queued) -> Performed {
        match &queued.job {
            Job::Show { account, card } => self.show(account, card, false).await,
            Job::ShowRoundup { account, roundup } => self.show_roundup(account, roundup).await,
            Job::Refresh { project, issue } => self.read(project, issue).await,
            Job::Reread { issue } => self.reread(issue).await,
            Job::Sift { project, issue, cards } => self.sift(project, issue, cards).await,
            Job::Reconcile { org } => self.ask_what_changed(org).await,
            Job::ReadDirectory { account } => self.ask_directory(account).await,
            Job::Answer(answer) => self.say(answer).await,
            Job::Join(join) => self.ask_to_join(join).await,
            Job::ReadRoles { account, user } => self.ask_for_roles(account, user).await,
            Job::Unfurl(unfurl) => self.unfurl(unfurl).await,
            Job::Test(test) => self.test(test).await,
            Job::Connect(wish) => {
                let found = self.look_up(wish).await?;
                let reach = self.reach(&queued.id, wish, &found).await?;
                Ok(Effect::Found(found, reach))
            }
            Job::TendHooks => self.tend_hooks(queued).await,
            Job::Leave { account, credential, hooks } => self.leave(account, credential, hooks).await,
            Job::Update(update) => self.update(update).await,
            Job::AskFirst(ask) => self.ask_first(ask).await,
            Job::AskWhom(ask) => self.ask_whom(ask).await,
            Job::Tell(tell) => self.describe(tell).await,
            Job::Forget { account, credential } => {
                self.ports.tracker.unlink(account, credential).await.map(|()| Effect::Revoked).map_err(Setback::from)
            }
            Job::Install { installation, code } => self.install(queued, installation, code).await,
            Job::ExpireLink { .. } | Job::ShowLater { .. } | Job::Sweep => Ok(Effect::Due),
        }
    }

    /// Performs a message as plain text: its head and nothing else.
    pub(crate) async fn perform_plainly(&self, queued: &Queued) -> Performed {
        unharmed(queued, self.attempt_plainly(queued)).await
    }

    async fn attempt_plainly(&self, queued: &Queued) -> Performed {
        let performed = match &queued.job {
            Job::Show { account, card } => self.show(account, card, true).await,
            Job::Answer(answer) => {
                let notice = answer.notice.plain();
                self.say(&Answer { notice, ..answer.clone() }).await
            }
            _ => return Err(Setback::from(Failure::Refused("no message".into()))),
        };
        performed.map_err(|setback| match setback.failure {
            // It says nothing of the message.
            Failure::Throttled { .. } | Failure::Unauthorized | Failure::Gone => setback,
            _ => Setback { failure: Failure::Refused("poison".into()), ..setback },
        })
    }

    // === cards and answers ===

    /// Brings a card's message up to date with its row, as the row is now.
    async fn show(&self, account: &AccountId, handle: &Handle, plainly: bool) -> Result<Effect, Setback> {
        let Some(card) = self.ports.facts.card(account, handle).await? else { return Ok(Effect::NoCard) };
        let revision = card.revision;
        self.show_card(card, plainly).await.map_err(|failed| Setback { shown: Some(revision), ..failed })
    }

    async fn show_card(&self, card: Card, plainly: bool) -> Result<Effect, Setback> {
        let notice = if plainly { card.notice().plain() } else { card.notice() };
        match &card.message {
            _ if card.is_shown() => Ok(Effect::AsShown(card)),
            Some(message) => match self.edit(&card.address(), message, &notice).await {
                Ok(()) => Ok(Effect::Edited(card)),
                Err(ChatError::MessageGone(_)) => Ok(Effect::Lost(card)),
                Err(ChatError::Refused(_)) if card.is_news_below() => {
                    let below = Address { reply_to: Some(message.clone()), ..card.address() };
                    self.post(&below, &say::not_edited(&card)).await?;
                    Ok(Effect::SaidBelow(card))
                }
                // What it says of how often can wait until it stands elsewhere.
                Err(ChatError::Refused(_)) if card.content.said_below => Ok(Effect::AsShown(card)),
                Err(error) => Err(error.into()),
            },
            None if card.listed.is_some() => Ok(Effect::Listed(card)),
            None if !self.is_subscribed(&card).await? => Ok(Effect::Unwanted(card)),
            None => {
                let message = self.post(&card.address(), &notice).await?;
                Ok(Effect::Posted { card, message })
            }
        }
    }

    /// Posts a card that stands for many, or edits it where it says something else by now.
    async fn show_roundup(&self, account: &AccountId, handle: &Handle) -> Result<Effect, Setback> {
        let facts = &self.ports.facts;
        let Some(roundup) = facts.roundup(account, handle).await? else { return Ok(Effect::NoCard) };
        if roundup.is_early(self.now()) {
            return Ok(Effect::Early(roundup));
        }
        let here = facts.subscriptions_in(account, &roundup.scene.place.channel).await?;
        let is_of_it = |s: &&Subscription| s.mute.as_ref().is_some_and(|mute| mute.roundup == *handle);
        let back: Vec<_> = here.iter().filter(is_of_it).map(|s| s.project.label()).collect();
        let opened = facts.opened_since(account, &roundup.scene.place.channel, self.now() - WINDOW).await?;
        let holds = facts.gathering(account, handle, TOP).await?;
        let zone = facts.settings(account, &roundup.scene.place.channel).await?.zone;
        let (roundup, notice) = self.core().roundup_now(&roundup, opened, &holds, &back, zone);
        let said = notice.plain().head;
        let there = match &roundup.message {
            Some(message) if roundup.said.as_ref() == Some(&said) => Some(message.clone()),
            Some(message) => match self.edit(&roundup.address(), message, &notice).await {
                Ok(()) => Some(message.clone()),
                Err(ChatError::MessageGone(_)) => None,
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        // All of them got messages of their own meanwhile, or nobody is connected to their projects any more.
        let is_here = |content: &Content| here.iter().any(|s| s.project.id == content.project.id);
        let is_wanted = !back.is_empty() || holds.top.iter().any(is_here);
        let message = match there {
            Some(message) => message,
            None if !is_wanted => return Ok(Effect::UnwantedRoundup(roundup)),
            None => self.post(&roundup.address(), &notice).await?,
        };
        Ok(Effect::RoundupShown { roundup, message: Some(message), said })
    }

    /// Asks Sentry how an issue is.
    pub(crate) async fn read(&self, project: &Project, issue: &IssueId) -> Result<Effect, Setback> {
        let (seen, at) = (self.ports.facts.cards_of(issue).await?, self.now());
        let read = self.read_issue(project, issue).await?;
        Ok(read.map_or(Effect::Unread, |issue| Effect::Read { project: project.clone(), issue, seen, at }))
    }

    /// Asks Sentry what an issue is called, unless its card there knows.
    async fn describe(&self, tell: &Tell) -> Result<Effect, Setback> {
        let cards = self.ports.facts.cards_of(&tell.issue).await?;
        if cards.iter().any(|card| card.content.place.is_same(&tell.place)) {
            return Ok(Effect::Described(None));
        }
        self.read_issue(&tell.project, &tell.issue).await.map(Effect::Described)
    }

    async fn is_subscribed(&self, card: &Card) -> Result<bool, StoreError> {
        let place = &card.content.place;
        let here = self.ports.facts.subscriptions_in(&place.account, &place.channel).await?;
        Ok(here.iter().any(|s| s.project.id == card.content.project.id))
    }

    async fn say(&self, answer: &Answer) -> Result<Effect, Setback> {
        if let Some(message) = &answer.replaces {
            match self.edit_or_plainly(&answer.to, message, &answer.notice).await {
                Ok(()) => return Ok(Effect::Said),
                Err(ChatError::MessageGone(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match self.post_or_plainly(&answer.to, &answer.notice).await {
            Ok(_) => Ok(Effect::Said),
            Err(error) => Err(error.into()),
        }
    }

    /// Posts to a channel. Zoom refuses where the person on whose behalf it is sent has left: then others of the channel
    /// are tried (Zoom, chatbot send, `user_jid`).
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, Setback> {
        let gone = match self.post_or_plainly(to, notice).await {
            Err(ChatError::Gone(gone)) => gone,
            other => return Ok(other?),
        };
        let people = self.ports.facts.people_in(&to.account, &to.to).await?;
        let others = people.into_iter().filter(|person| person.jid != to.on_behalf_of).take(OTHER_PEOPLE);
        for person in others {
            let to = Address { on_behalf_of: person.jid, ..to.clone() };
            match self.ports.chat.post(&to, notice).await {
                Err(ChatError::Gone(_)) => {}
                other => return Ok(other?),
            }
        }
        Err(ChatError::Gone(gone).into())
    }

    /// Posts; what is refused as it is goes out once as plain text, because a card that cannot be drawn must not swallow
    /// the news.
    async fn post_or_plainly(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        match self.ports.chat.post(to, notice).await {
            Err(ChatError::Refused(why)) if !notice.is_plain() => {
                tracing::error!(
                    error = &*why as &dyn std::error::Error,
                    "a card was refused; it is sent as plain text"
                );
                self.ports.chat.post(to, &notice.plain()).await
            }
            other => other,
        }
    }

    /// Edits a message of a channel, on behalf of others if need be, as with a post.
    async fn edit(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        let gone = match self.edit_or_plainly(to, message, notice).await {
            Err(ChatError::Gone(gone)) => gone,
            other => return other,
        };
        let people = self.ports.facts.people_in(&to.account, &to.to).await.unwrap_or_default();
        let others = people.into_iter().filter(|person| person.jid != to.on_behalf_of).take(OTHER_PEOPLE);
        for person in others {
            let to = Address { on_behalf_of: person.jid, ..to.clone() };
            match self.ports.chat.edit(&to, message, notice).await {
                Err(ChatError::Gone(_)) => {}
                other => return other,
            }
        }
        Err(ChatError::Gone(gone))
    }

    /// Edits; what is refused as it is goes out once as plain text.
    async fn edit_or_plainly(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        match self.ports.chat.edit(to, message, notice).await {
            Err(ChatError::Refused(why)) if !notice.is_plain() => {
                tracing::error!(
                    error = &*why as &dyn std::error::Error,
                    "a changed card was refused; it is sent as plain text"
                );
                self.ports.chat.edit(to, message, &notice.plain()).await
            }
            other => other,
        }
    }

    async fn test(&self, test: &Test) -> Result<Effect, Setback> {
        let Place { account, channel, .. } = &test.place;
        let here = self.ports.facts.subscriptions_in(account, channel).await?;
        let notice = self.core().test_card(test, &here);
        self.post(&Address::everyone(&test.place, &test.by), &notice).await?;
        Ok(Effect::Said)
    }

    // === wishes that need Sentry ===

    async fn ask_for_roles(&self, account: &AccountId, user: &UserId) -> Result<Effect, Setback> {
        let Some(linked) = self.ports.facts.linked(account, user).await? else { return Ok(Effect::Due) };
        let manages = self.ports.tracker.manages(&Actor::person(&linked), &linked.identity).await?;
        Ok(Effect::Roles(linked, manages))
    }

    /// Whether whoever set it up sees the project, and what its issue is.
    async fn ask_to_join(&self, join: &Join) -> Result<Effect, Setback> {
        let Some(whole) = self.whole(join).await? else { return Ok(Effect::Due) };
        let linked = self.ports.facts.linked(&whole.by.account, &whole.by.user).await?;
        let integration = self.deployment.integration_org.as_ref().filter(|org| **org == join.org);
        let actor = match (linked, integration) {
            (Some(linked), _) => Actor::person(&linked),
            (None, Some(org)) => Actor::Integration { org: org.clone() },
            (None, None) => return Ok(Effect::Joining(None)),
        };
        let tracker = &self.ports.tracker;
        let project = tracker.project(&actor, join.org.as_str(), join.slug.as_str()).await?;
        let Some(project) = project.filter(|project| project.id == join.project) else {
            return Ok(Effect::Joining(None));
        };
        let issue = tracker.issue(&actor, &IssueRef { org: join.org.clone(), id: join.issue.clone() }).await?;
        Ok(Effect::Joining(Some(Joining { project, issue })))
    }

    /// What lets a project join, if it still does.
    pub(crate) async fn whole(&self, join: &Join) -> Result<Option<Whole>, StoreError> {
        let Place { account, channel, .. } = &join.place;
        Ok(self.ports.facts.wholes_in(account, channel).await?.into_iter().find(|whole| whole.org == join.org))
    }

    /// One call where slugs were typed; otherwise by display name, and to know what is near.
    async fn look_up(&self, wish: &Connect) -> Result<Lookup, Setback> {
        let tracker = &self.ports.tracker;
        let is_name = !matches!(wish.project.as_str(), EVERY | CHOOSE);
        if is_name && let Some(project) = tracker.project(&wish.actor, &wish.org, &wish.project).await? {
            return Ok(self.found(wish, project).await);
        }
        let orgs = tracker.organizations(&wish.actor).await?;
        if wish.org == CHOOSE {
            return Ok(Lookup::Organizations(orgs));
        }
        let Some(org) = named_org(&orgs, &wish.org) else { return Ok(Lookup::NoOrganization(orgs)) };
        let projects = tracker.projects(&wish.actor, &org.slug).await?;
        if wish.project == EVERY {
            return Ok(Lookup::Whole { org: org.clone(), projects });
        }
        if wish.project == CHOOSE {
            return Ok(Lookup::Projects { org: org.clone(), projects });
        }
        Ok(match &named_projects(&projects, &wish.project)[..] {
            [project] => self.found(wish, (*project).clone()).await,
            [_, _, ..] => Lookup::Several(named_projects(&projects, &wish.project).into_iter().cloned().collect()),
            [] => Lookup::NoProject { org: org.slug.clone(), seen: projects },
        })
    }

    /// How much it would have been: asked once, and not worth failing for.
    async fn found(&self, wish: &Connect, project: Project) -> Lookup {
        let since = self.now() - WEEK;
        let issues = self.ports.tracker.issues_since(&wish.actor, &project, since).await;
        let change = |id: IssueId, issue: Issue| Change {
            installation: None,
            project: ProjectKey::default(),
            issue_id: id,
            issue,
            occurrence: None,
            kind: ChangeKind::New,
            by: None,
        };
        let admissions = issues.ok().flatten().map(|issues| {
            let admission = |(id, issue)| wish.filter.admission(&change(id, issue));
            issues.into_iter().map(admission).collect::<Vec<_>>()
        });
        // Where each issue would have to be asked about, nobody knows.
        let known = admissions.filter(|all| !all.contains(&Admission::Asks));
        let week = known.map(|all| all.iter().filter(|admission| **admission == Admission::Given).count());
        Lookup::Found { project, week }
    }

    async fn update(&self, update: &Update) -> Result<Effect, Setback> {
        let card = self.ports.facts.card(&update.by.account, &update.card).await?;
        // Pressed twice, or somebody was faster: it is where it should be.
        if card.is_some_and(|card| card.is_done(&update.action)) {
            return Ok(Effect::DoneBefore);
        }
        let mut asked = pin!(self.ports.tracker.update(&update.actor, &update.issue, &update.action));
        let answer = tokio::select! {
            biased;
            answer = &mut asked => answer,
            () = self.ports.clock.sleep_until(self.now() + SOON) => {
                self.still_updating(update).await;
                asked.await
            }
        };
        Ok(Effect::Updated(answer?))
    }

    /// Whoever pressed sees that something happens. It is not worth failing for.
    async fn still_updating(&self, update: &Update) {
        let Ok(Some(card)) = self.ports.facts.card(&update.by.account, &update.card).await else { return };
        let waits = self.core().still_updating(update, &card);
        if let Err(error) = self.ports.store.commit(&[], &waits, self.now()).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a card does not say that Sentry is being asked");
        }
        self.work.notify_one();
    }

    /// Asks Sentry to whom the issue of a card can be given.
    async fn ask_whom(&self, ask: &AskWhom) -> Result<Effect, Setback> {
        let Some(card) = self.ports.facts.card(&ask.by.account, &ask.card).await? else { return Ok(Effect::NoCard) };
        let assignees = self.ports.tracker.assignees(&ask.actor, &card.content.project).await?;
        Ok(Effect::Assignable(card, assignees))
    }
}

/// A bug that one job brings to light must not silence its lane: what it did outside is unknown.
async fn unharmed(queued: &Queued, work: impl Future<Output = Performed>) -> Performed {
    let performed = caught(queued, work).await;
    performed.unwrap_or_else(|| Err(Setback::from(Failure::Unknown("performing it panicked".into()))))
}

/// Lets `work` end; `None` where it panicked.
pub(crate) async fn caught<T>(queued: &Queued, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let caught = poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.map_or_else(|panic| Poll::Ready(Err(panic)), |polled| polled.map(Ok))
    });
    let ended = caught.await;
    if ended.is_err() {
        tracing::error!(job.id = %queued.id, job.kind = queued.job.kind(), "a job panicked: a bug in the bot");
    }
    ended.ok()
}

fn named_org<'a>(orgs: &'a [Organization], typed: &str) -> Option<&'a Organization> {
    orgs.iter()
        .find(|org| org.slug.as_str().eq_ignore_ascii_case(typed))
        .or_else(|| orgs.iter().find(|org| org.name.to_lowercase() == typed.to_lowercase()))
}

/// By slug or number one, by display name perhaps several.
fn named_projects<'a>(projects: &'a [Project], typed: &str) -> Vec<&'a Project> {
    let exact = projects.iter().find(|project| project.slug.as_str().eq_ignore_ascii_case(typed));
    match exact.or_else(|| projects.iter().find(|project| project.id.as_str() == typed)) {
        Some(project) => vec![project],
        None => projects.iter().filter(|project| project.name.to_lowercase() == typed.to_lowercase()).collect(),
    }
}

// === the vendors' errors in the words that they share ===

impl From<ChatError> for Setback {
    fn from(error: ChatError) -> Self {
        Self::from(match error {
            ChatError::Gone(_) => Failure::Gone,
            ChatError::MessageGone(why) => Failure::Refused(chain(&why)),
            ChatError::Refused(why) => Failure::Refused(chain(&why)),
            ChatError::Throttled { after } => Failure::Throttled { after },
            ChatError::Unauthorized(_) => Failure::Unauthorized,
            ChatError::Unavailable(why) => Failure::Unavailable(chain(&why)),
            ChatError::Unknown(why) => Failure::Unknown(chain(&why)),
        })
    }
}

impl From<TrackerError> for Setback {
    fn from(error: TrackerError) -> Self {
        Self::from(match error {
            TrackerError::Gone => Failure::Gone,
            TrackerError::Refused { why } => Failure::Refused(why),
            TrackerError::NoFeature => Failure::Refused("it does not have this feature".into()),
            TrackerError::Throttled { after } => Failure::Throttled { after },
            TrackerError::Unauthorized => Failure::Unauthorized,
            TrackerError::Unavailable(why) => Failure::Unavailable(chain(&why)),
        })
    }
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        let is_for_good = matches!(error, StoreError::Corrupt { .. });
        let why = chain(&(Box::new(error) as BoxError));
        Self::from(if is_for_good { Failure::Refused(why) } else { Failure::Unavailable(why) })
    }
}

/// An error with its causes, for the log and the dead letter.
pub(crate) fn chain(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
