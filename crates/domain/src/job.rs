//! Everything that can go out: jobs, and what becomes of them.
//!
//! Jobs are stored. Their JSON is tagged; `tests/golden_rows.rs` keeps rows of earlier builds readable.

mod payload;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AskFirst, CredentialId, Decision, Digest, Handle, InstallationId, IssueId, JobId, Lane, LeftHook,
    OrgSlug, Project, Random, Secret, Timestamp, UserId,
};

pub use payload::{Answer, AskWhom, Candidate, Connect, Join, Tell, Test, Unfurl, Update};

/// Something to perform once it is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Bring a card's message up to date with its row. Holds no text: the row is read when it is performed.
    Show {
        /// The account whose card it is.
        account: AccountId,
        /// The card.
        card: Handle,
    },
    /// Queue a card's `Show`, if its message does not show it by then: what only counts on is not edited in at once.
    ShowLater {
        /// The account whose card it is.
        account: AccountId,
        /// The card.
        card: Handle,
    },
    /// Bring a card that stands for many up to date, and look whether its storm is over. Comes back while it is not.
    #[serde(alias = "show_storm")]
    ShowRoundup {
        /// The account whose card it is.
        account: AccountId,
        /// The roundup.
        #[serde(alias = "storm")]
        roundup: Handle,
    },
    /// Read an issue at Sentry and bring its cards up to date.
    Refresh {
        /// Its project.
        project: Project,
        /// The issue.
        issue: IssueId,
    },
    /// Read the issue of open cards at Sentry although nothing was heard of it. Comes back while one of them is open and young.
    Reread {
        /// The issue.
        issue: IssueId,
    },
    /// Read an issue's latest occurrence at Sentry, and post those of these cards whose filters it fits: a webhook tells of an
    /// issue without its environment and tags.
    ///
    /// It has a lane of its own beside those of messages, and queues each `Show` only when it has read: so no channel's
    /// messages ever wait for Sentry, and a channel's lane holds its cards in the order in which they were decided on. The
    /// ledger counts each candidate when it is decided on, and not while it waits here.
    Sift {
        /// Its project.
        project: Project,
        /// The issue.
        issue: IssueId,
        /// The cards in question.
        cards: Vec<Candidate>,
    },
    /// Ask Sentry what changed in an organization, and fill what was missed. Comes back while somebody is connected to it.
    Reconcile {
        /// The organization.
        org: OrgSlug,
    },
    /// Say something to people, as decided.
    Answer(Answer),
    /// Find a project at Sentry and connect a place to it.
    Connect(Box<Connect>),
    /// Let a project join a channel that wants every project of its organization, if whoever set that up may see it.
    Join(Join),
    /// Post a card that is marked as a test, and say how each hop went.
    Test(Test),
    /// Change an issue at Sentry because somebody pressed a button.
    Update(Update),
    /// Say what somebody said about an issue, once Sentry has told what it is called.
    Tell(Tell),
    /// Ask Sentry whether an issue is new in an environment.
    AskFirst(AskFirst),
    /// Ask Sentry to whom an issue can be given, for whoever wants to give it.
    AskWhom(AskWhom),
    /// Show more of an issue whose address somebody posted. Nobody is told where that cannot be.
    Unfurl(Unfurl),
    /// Revoke a grant at Sentry and delete it here.
    Forget {
        /// The account whose vault holds it.
        account: AccountId,
        /// The grant.
        credential: CredentialId,
    },
    /// The same where its account has removed the bot: the hooks that were made with it are deleted at Sentry first.
    Leave {
        /// The account.
        account: AccountId,
        /// The grant.
        credential: CredentialId,
        /// The hooks.
        hooks: Vec<LeftHook>,
    },
    /// Exchange the code of an installation of our Sentry App for its token, and confirm the installation.
    Install {
        /// The installation.
        installation: InstallationId,
        /// Its code: the job is sealed.
        #[serde(with = "exposed")]
        code: Secret,
    },
    /// Ask Sentry what a linked person manages there.
    ReadRoles {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
    },
    /// End an attempt to link that nobody finished.
    ExpireLink {
        /// Which attempt.
        link: Digest,
    },
    /// Read what is due of an account's directory. Comes back while it may be read.
    ReadDirectory {
        /// The account.
        account: AccountId,
    },
    /// Make the hooks that projects need and delete those that nobody needs. Comes back every hour while there are to be any.
    TendHooks,
    /// Delete what has served its time: delivery keys, ended links. Comes back every hour.
    Sweep,
}

impl Job {
    /// Whether the body holds people's words, links or names, and is sealed at rest.
    pub fn is_confidential(&self) -> bool {
        !matches!(
            self,
            Self::Show { .. }
                | Self::ShowLater { .. }
                | Self::ShowRoundup { .. }
                | Self::Refresh { .. }
                | Self::Reread { .. }
                | Self::ReadRoles { .. }
                | Self::Sift { .. }
                | Self::Reconcile { .. }
                | Self::ReadDirectory { .. }
                | Self::TendHooks
                | Self::Sweep
        )
    }

    /// The closed word for metrics: `post`, `answer`, `update`, `token` or `reconcile` (a shown card that was there
    /// before counts as `edit`).
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Show { .. } | Self::ShowRoundup { .. } => "post",
            Self::Answer(_)
            | Self::Connect(_)
            | Self::Join(_)
            | Self::Test(_)
            | Self::AskWhom(_)
            | Self::Tell(_)
            | Self::Unfurl(_) => "answer",
            Self::Update(_) => "update",
            Self::Forget { .. }
            | Self::Leave { .. }
            | Self::ExpireLink { .. }
            | Self::Install { .. }
            | Self::ReadRoles { .. } => "token",
            Self::Refresh { .. }
            | Self::Reread { .. }
            | Self::AskFirst(_)
            | Self::Sift { .. }
            | Self::Reconcile { .. }
            | Self::ReadDirectory { .. }
            | Self::ShowLater { .. }
            | Self::TendHooks
            | Self::Sweep => "reconcile",
        }
    }

    /// Whether it is a message to the chat platform, whose limits concern every message of the account.
    pub fn is_message(&self) -> bool {
        matches!(self, Self::Show { .. } | Self::ShowRoundup { .. } | Self::Answer(_) | Self::Test(_) | Self::Unfurl(_))
    }

    /// How long whoever tells us to come back soon is believed.
    fn longest_answer(&self) -> Duration {
        // Nobody waits for it, and given up it opens a filter.
        if matches!(self, Self::Sift { .. }) { LONGEST_SIFT } else { LONGEST_ANSWER }
    }

    /// How long it is worth trying.
    pub fn patience(&self) -> Patience {
        match self {
            Self::Connect(_)
            | Self::Join(_)
            | Self::ReadRoles { .. }
            | Self::Test(_)
            | Self::Unfurl(_)
            | Self::Update(_)
            | Self::AskWhom(_)
            | Self::Tell(_)
            | Self::Refresh { .. }
            | Self::Reread { .. }
            | Self::Sift { .. }
            | Self::Reconcile { .. }
            | Self::ReadDirectory { .. }
            | Self::TendHooks => Patience::Conversation,
            _ => Patience::Delivery,
        }
    }
}

/// How long a failing job is worth trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until it is 72 hours old.
    Delivery,
    /// Three times within seconds: somebody is waiting, and acts for themselves when told; or it comes back anyway.
    Conversation,
}

/// Secrets are JSON only on their way into a sealed row and out of it.
mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

// === the outbox ===

/// A job on its way into the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its name for good.
    pub id: JobId,
    /// Where it queues.
    pub lane: Lane,
    /// What it is.
    pub job: Job,
    /// Not before; `None` is at once.
    pub due: Option<Timestamp>,
    /// Left out where the lane already holds an equal job: a card needs showing once. The job that waits then falls due
    /// with the earlier of both.
    pub unless_waiting: bool,
    /// A notice of the ledger: accepted when it is queued, and accounted for when it ends.
    pub counted: bool,
}

impl NewJob {
    /// A job to perform at once.
    pub fn now(lane: Lane, job: Job, random: &dyn Random) -> Self {
        let unless_waiting = !job.is_confidential();
        let counted = matches!(job, Job::Show { .. } | Job::Answer(_));
        Self { id: JobId::new(random.hex128()), lane, job, due: None, unless_waiting, counted }
    }

    /// A job that carries on what the ledger has counted already.
    #[must_use]
    pub fn uncounted(mut self) -> Self {
        self.counted = false;
        self
    }

    /// A job for later.
    #[must_use]
    pub fn at(mut self, due: Timestamp) -> Self {
        self.due = Some(due);
        self
    }
}

/// A job of a leased lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its name.
    pub id: JobId,
    /// What it is.
    pub job: Job,
    /// Failed attempts so far.
    pub attempts: u32,
    /// An earlier attempt ended without a verdict.
    pub unknown: bool,
    /// When it was committed.
    pub since: Timestamp,
}

/// How a job ended, for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Performed; what follows from it is committed with it.
    Done(Decision),
    /// Try again at `at`; the lane waits.
    Retry {
        /// Not before.
        at: Timestamp,
    },
    /// All messages of the account must wait; the attempt is not counted.
    Throttled {
        /// Not before.
        until: Timestamp,
    },
    /// It may have been performed: tried once more at `at`.
    Unknown {
        /// Not before.
        at: Timestamp,
    },
    /// Given up; kept as a dead letter. What follows from it is committed with it.
    Dead {
        /// Why, for the operator.
        why: String,
        /// What follows.
        then: Decision,
    },
    /// Not performed because it is no longer wanted. What follows from it is committed with it.
    Suppressed {
        /// Why, for the ledger.
        reason: Suppression,
        /// What follows.
        then: Decision,
    },
}

impl Outcome {
    /// The closed word for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Retry { .. } | Self::Throttled { .. } => "retry",
            Self::Unknown { .. } => "unknown",
            Self::Dead { .. } => "dead",
            Self::Suppressed { .. } => "suppressed",
        }
    }
}

/// Why a notice was not delivered, although nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suppression {
    /// The subscription's filter does not admit it.
    Filtered,
    /// The channel or the subscription is muted.
    Muted,
    /// Another notice says the same, or says it too.
    Merged,
    /// A storm card counts it.
    Storm,
    /// The subscription ended first.
    Disconnected,
    /// The account left first.
    Deauthorized,
    /// An operator decided against it.
    Held,
}

impl Suppression {
    /// Every reason, in the order of the metrics.
    pub const ALL: [Self; 7] =
        [Self::Filtered, Self::Muted, Self::Merged, Self::Storm, Self::Disconnected, Self::Deauthorized, Self::Held];

    /// The closed word for metrics and for the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Filtered => "filtered",
            Self::Muted => "muted",
            Self::Merged => "merged",
            Self::Storm => "storm",
            Self::Disconnected => "disconnected",
            Self::Deauthorized => "deauthorized",
            Self::Held => "held",
        }
    }
}

/// What became of every notice, read in one transaction: `accepted = delivered + suppressed + pending + dead`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Notices that there ever were: one for each pair of event and subscription, one for each answer.
    pub accepted: u64,
    /// Shown or said.
    pub delivered: u64,
    /// Not shown, and why. A reason that never occurred may be absent.
    pub suppressed: BTreeMap<Suppression, u64>,
    /// Waiting in the outbox.
    pub pending: u64,
    /// Given up, and kept as dead letters.
    pub dead: u64,
}

impl Ledger {
    /// Whether every notice is accounted for.
    pub fn adds_up(&self) -> bool {
        self.accepted == self.delivered + self.suppressed.values().sum::<u64>() + self.pending + self.dead
    }
}

/// A job given up, kept for thirty days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its name; a replay keeps it.
    pub id: JobId,
    /// Where it queued.
    pub lane: Lane,
    /// What it was; `None` where that can no longer be read.
    pub job: Option<Job>,
    /// Why it was given up.
    pub why: String,
    /// Failed attempts before that.
    pub attempts: u32,
    /// When it was committed.
    pub since: Timestamp,
    /// When it was given up.
    pub at: Timestamp,
}

// === what follows from a failure ===

/// Why a job was not performed, in the words that every vendor's errors share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The destination does not exist for us any more.
    Gone,
    /// Refused for good, with the reason.
    Refused(String),
    /// Told to come back later.
    Throttled {
        /// How much later, where the vendor said.
        after: Option<Duration>,
    },
    /// Our credential is not accepted.
    Unauthorized,
    /// Did not answer, or answered with a fault of its own.
    Unavailable(String),
    /// Sent, but no verdict came back.
    Unknown(String),
}

/// How long a delivery is tried.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(72 * 3600);
/// How long to wait before something that may have been performed is tried once more.
pub const UNKNOWN_PAUSE: Duration = Duration::from_secs(30);
/// How long an account's messages wait when the platform does not accept our credential, also after it was renewed.
pub const UNAUTHORIZED_PAUSE: Duration = Duration::from_secs(300);
/// No vendor may make us wait longer than this at once.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Nobody who typed or pressed something waits longer than this for word.
pub const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// An issue whose environment is not known by then is posted unread.
const LONGEST_SIFT: Duration = Duration::from_secs(600);

/// What is left of an account that removed the bot is gone within the hour.
const LONGEST_LEAVE: Duration = Duration::from_secs(1_800);

const LADDER: [u64; 9] = [1, 5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400];
const LADDER_END: u64 = 21_600;
const CONVERSATION_TRIES: u32 = 3;

/// The one place that says what follows from a failure: `queued` has just failed for `failure`. `jitter` is in `0.0..=1.0`.
/// `Err` means given up, with the reason for the dead letter.
pub fn next(queued: &Queued, failure: &Failure, now: Timestamp, jitter: f64) -> Result<Outcome, String> {
    match failure {
        Failure::Gone => Err("the destination is gone".into()),
        Failure::Refused(why) => Err(format!("refused: {why}")),
        Failure::Unknown(_) if queued.unknown => Err("unconfirmed".into()),
        Failure::Unknown(_) => Ok(Outcome::Unknown { at: now + UNKNOWN_PAUSE }),
        Failure::Throttled { after: Some(asked) } => throttled(queued, *asked, now, jitter),
        Failure::Throttled { after: None } => retry(queued, "too many calls", now, jitter.max(0.5)),
        Failure::Unauthorized if queued.job.patience() == Patience::Conversation => {
            Err("our credential is not accepted".into())
        }
        // It is one credential for all: the whole account waits, so that nobody hammers at a closed door.
        Failure::Unauthorized if queued.job.is_message() => throttled(queued, UNAUTHORIZED_PAUSE, now, jitter),
        Failure::Unauthorized => retry(queued, "our credential is not accepted", now, jitter),
        Failure::Unavailable(why) => retry(queued, why, now, jitter),
    }
}

fn retry(queued: &Queued, why: &str, now: Timestamp, jitter: f64) -> Result<Outcome, String> {
    let tries = queued.attempts.saturating_add(1);
    let given_up = match queued.job.patience() {
        Patience::Conversation => tries >= CONVERSATION_TRIES,
        Patience::Delivery => is_too_old(queued, now),
    };
    if given_up {
        return Err(format!("{why} ({tries} tries)"));
    }
    Ok(Outcome::Retry { at: now + full_jitter(queued.attempts, jitter) })
}

/// Never earlier than asked; a little later, so that a herd spreads. Zoom's limit concerns every message of the account,
/// Sentry's only the caller, and somebody who waits for an answer does not wait for hours.
fn throttled(queued: &Queued, asked: Duration, now: Timestamp, jitter: f64) -> Result<Outcome, String> {
    let asked = asked.clamp(Duration::from_secs(1), LONGEST_WAIT);
    let wait = asked.mul_f64(1.0 + 0.1 * jitter).min(LONGEST_WAIT);
    let until = now + wait;
    match queued.job.patience() {
        Patience::Conversation if wait > LONGEST_ANSWER => Err(format!("asked to wait {} s", wait.as_secs())),
        Patience::Conversation if now.since(queued.since) >= queued.job.longest_answer() => {
            Err("too many calls".into())
        }
        _ if is_too_old(queued, now) => Err("too many calls, for three days".into()),
        _ if queued.job.is_message() => Ok(Outcome::Throttled { until }),
        _ => Ok(Outcome::Retry { at: until }),
    }
}

fn is_too_old(queued: &Queued, now: Timestamp) -> bool {
    let longest = if matches!(queued.job, Job::Leave { .. }) { LONGEST_LEAVE } else { GIVE_UP_AFTER };
    now.since(queued.since) >= longest
}

/// A random wait up to the rung's cap: equal failures must not come back in step.
fn full_jitter(attempts: u32, jitter: f64) -> Duration {
    let cap = LADDER.get(attempts as usize).copied().unwrap_or(LADDER_END);
    Duration::from_secs(cap).mul_f64(jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(job: Job) -> Queued {
        Queued { id: JobId::new("j"), job, attempts: 0, unknown: false, since: Timestamp(0) }
    }

    fn show() -> Queued {
        queued(Job::Show { account: AccountId::new("a"), card: Handle::new("h") })
    }

    #[test]
    fn an_unknown_outcome_is_tried_once_more_and_then_dead() {
        let first = next(&show(), &Failure::Unknown("reset".into()), Timestamp(0), 0.5);
        assert_eq!(first, Ok(Outcome::Unknown { at: Timestamp(30_000) }));
        let again = Queued { unknown: true, ..show() };
        assert_eq!(next(&again, &Failure::Unknown("reset".into()), Timestamp(0), 0.5), Err("unconfirmed".into()));
    }

    #[test]
    fn a_throttled_call_never_comes_back_earlier_than_asked() {
        let failure = Failure::Throttled { after: Some(Duration::from_secs(7)) };
        for jitter in [0.0, 0.5, 1.0] {
            let Ok(Outcome::Throttled { until }) = next(&show(), &failure, Timestamp(0), jitter) else {
                panic!("throttled")
            };
            assert!((7_000..=7_700).contains(&until.0), "{until:?}");
        }
    }

    #[test]
    fn a_vendor_that_says_no_time_is_left_alone_longer_and_longer() {
        let failure = Failure::Throttled { after: None };
        let late = Queued { attempts: 4, ..show() };
        let Ok(Outcome::Retry { at }) = next(&late, &failure, Timestamp(0), 0.0) else { panic!("retried") };
        assert!(at >= Timestamp(300_000), "{at:?}");
        assert!(next(&late, &failure, Timestamp(73 * 3_600_000), 0.0).is_err());
    }

    #[test]
    fn sentrys_limit_does_not_silence_the_zoom_account() {
        let forget = queued(Job::Forget { account: AccountId::new("a"), credential: CredentialId::new("c") });
        let failure = Failure::Throttled { after: Some(Duration::from_secs(7)) };
        assert!(matches!(next(&forget, &failure, Timestamp(0), 0.0), Ok(Outcome::Retry { at: Timestamp(7_000) })));
    }

    #[test]
    fn where_our_credential_is_not_accepted_the_whole_account_waits() {
        let outcome = next(&show(), &Failure::Unauthorized, Timestamp(0), 0.0);
        assert_eq!(outcome, Ok(Outcome::Throttled { until: Timestamp(300_000) }));
    }

    #[test]
    fn nobody_waits_for_word_longer_than_half_a_minute() {
        let issue = IssueId::new("42");
        let project = crate::sample::project("checkout");
        let asked = queued(Job::Refresh { project, issue });
        let failure = |seconds| Failure::Throttled { after: Some(Duration::from_secs(seconds)) };
        assert!(next(&asked, &failure(5), Timestamp(29_000), 0.0).is_ok());
        assert!(next(&asked, &failure(5), Timestamp(30_000), 0.0).is_err());
        assert!(next(&asked, &failure(31), Timestamp(0), 0.0).is_err());
    }

    #[test]
    fn a_question_about_an_environment_outlives_a_backlog() {
        let (project, issue) = (crate::sample::project("checkout"), IssueId::new("42"));
        let sift = queued(Job::Sift { project, issue, cards: Vec::new() });
        let soon = Failure::Throttled { after: Some(Duration::from_secs(1)) };
        assert!(next(&sift, &soon, Timestamp(599_000), 0.0).is_ok());
        assert!(next(&sift, &soon, Timestamp(600_000), 0.0).is_err());
    }

    #[test]
    fn a_delivery_is_given_up_after_three_days_and_not_before() {
        let failing = Queued { attempts: 40, ..show() };
        let failure = Failure::Unavailable("503".into());
        assert!(next(&failing, &failure, Timestamp(71 * 3_600_000), 1.0).is_ok());
        assert!(next(&failing, &failure, Timestamp(72 * 3_600_000), 1.0).is_err());
    }
}
