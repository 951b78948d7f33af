//! What the bot **means**: its grammar, its subscriptions, its cards and decisions, and the ports at its edge.
//!
//! Everything that comes in is an [`Event`]. [`decide`] turns an event and the facts it needs into a [`Decision`]: rows
//! to change and [`Job`]s to perform, committed whole. What is said to people is a [`Notice`]; how it is drawn is an
//! adapter's business. Nothing here does I/O, reads a clock or rolls dice: see [`ports`] for what the world must offer.

pub mod command;
pub mod decide;
pub mod directory;
pub mod job;
pub mod link;
pub mod ports;
pub mod roundup;
pub mod say;
pub mod text;
pub mod wanted;

mod action;
mod audit;
mod card;
mod content;
mod decision;
mod deployment;
mod event;
mod filter;
mod hook;
mod id;
mod issue;
mod lane;
mod metric;
mod mute;
mod notice;
mod offer;
mod person;
mod policy;
mod pulse;
mod remark;
mod secret;
mod settings;
mod sighting;
mod subscription;
mod tag;
mod time;
mod trace;
mod undo;
mod whole;
mod zone;

#[cfg(test)]
mod sample;

pub use action::{Action, Limit, Release};
pub use audit::AuditEntry;
pub use card::{Card, Standing};
pub use content::{Content, Doing, Step};
pub use decision::{CLOSE_TOGETHER, Decision, Pause, RowChange};
pub use deployment::{Deployment, Policy};
pub use directory::{DirectoryChange, Rank};
pub use event::{Event, Pressed, Said, Shared, Typed};
pub use filter::{Admission, Filter, Kind, Terms};
pub use hook::{Hook, HookKind, LeftHook, NoHook, Reach};
pub use id::{
    AccountId, ChannelId, CredentialId, Digest, Handle, HookId, InstallationId, IssueId, JobId, MessageId, OrgSlug,
    Owner, ProjectId, ProjectSlug, Revision, TriggerId, UserId, UserJid,
};
pub use issue::{
    Archive, Assignee, Change, ChangeKind, Fix, Issue, IssueRef, Level, Occurrence, Organization, Project, ProjectKey,
    Status,
};
pub use job::{
    Answer, AskWhom, Candidate, Connect, DeadLetter, Failure, Job, Join, Ledger, NewJob, Outcome, Queued, Suppression,
    Tell, Test, Unfurl, Update,
};
pub use lane::Lane;
pub use link::{Link, Pending, Stage};
pub use metric::{Alarm, Amount, Metric, Side};
pub use mute::{LONGEST_MUTE, Mute, SHORTEST_MUTE};
pub use notice::{Button, Choice, Line, Mention, Menu, Notice, Press, Select, SelectOption, Tone};
pub use offer::{Act, Group, OFFER_LIFE, Offer, Offered, Suggestion};
pub use person::{Account, Actor, Address, Identity, LinkedPerson, Person, Place};
pub use policy::Rights;
pub use ports::{Chat, Clock, Directory, Facts, HookWebhook, Journal, Random, Roster, Store, Tracker, Vault, Webhook};
pub use pulse::{Pulse, RECONCILE_EVERY};
pub use remark::{Remark, Remarked};
pub use roundup::Roundup;
pub use secret::{Rotating, Secret};
pub use settings::{ChannelSettings, Density, Mentions, Privacy, Setting, Updates};
pub use sighting::{AskFirst, FirstIn, Sighted, Sighting};
pub use subscription::Subscription;
pub use tag::{Tag, Tags};
pub use time::Timestamp;
pub use trace::{IssueName, Refusal, Trace, Verdict};
pub use undo::{UNDO_LIFE, Undo, Undoing};
pub use whole::{CHOOSE, EVERY, Whole};
pub use zone::Zone;
