//! What every [`Directory`] promises.

use std::sync::Arc;
use std::time::Duration;

use zentry_domain::directory::Rank;
use zentry_domain::ports::{CredentialKey, DirectoryError, Page};
use zentry_domain::{AccountId, ChannelId, Directory, Owner, Secret, UserId, Vault};

/// How many channels Ana belongs to, and how many people to the first of them: more than a page holds.
pub const MANY: usize = 230;
/// How much later a throttled call may come back.
pub const THROTTLED_FOR: Duration = Duration::from_secs(7);

/// What the suite needs beside the port: an account `acc` with Ana, who administers it, Ben, who does not, and Cy, who is a
/// guest. Ana belongs to channels `room-0` to `room-229`, Ben to `apart`; to `room-0` belong Ana, Cy and the users `W1` to
/// `W229`.
pub trait Bench: Send + Sync {
    /// The directory under test.
    fn directory(&self) -> Arc<dyn Directory>;
    /// Where it keeps its grants.
    fn vault(&self) -> Arc<dyn Vault>;
    /// Where a channel of this name is.
    fn channel(&self, name: &str) -> ChannelId;
    /// Somebody installs the bot: the code that their browser brings back.
    fn consent(&self, by: &str) -> Secret;
    /// Somebody ends their grants on the platform's own page.
    fn revoke(&self, by: &str);
    /// A channel gets another name.
    fn rename(&self, channel: &str, name: &str);
    /// Somebody calls themselves something else.
    fn call(&self, user: &str, name: &str);
    /// So much time passes that every token needs a refresh.
    fn expire(&self);
    /// How many refreshes there were.
    fn refreshes(&self) -> usize;
    /// The next call goes wrong like this.
    fn fail_next(&self, fault: Fault);
    /// Grants given from now on may read nothing but who people are.
    fn forbid_channels(&self);
}

/// What can go wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The platform has a fault of its own.
    Down,
    /// Too many calls: come back after [`THROTTLED_FOR`].
    Throttled,
}

/// Emits a test for each case. The expression makes a fresh [`Bench`]; it may `await`.
#[macro_export]
macro_rules! directory_suite {
    ($bench:expr) => {
        $crate::directory_suite! {
            $bench;
            a_code_enrolls_the_account_of_whoever_consented,
            a_code_is_exchanged_once_only,
            an_unknown_code_is_refused_and_leaves_nothing,
            without_a_grant_nothing_is_read,
            the_channels_of_every_page_are_listed_with_their_names,
            a_channel_that_is_not_listed_has_a_name_too,
            what_does_not_exist_is_gone,
            the_members_of_every_page_are_listed_and_guests_are_not,
            administrators_members_and_guests_are_told_apart,
            people_are_called_what_they_call_themselves_now,
            an_ended_token_refreshes_by_itself_and_again,
            two_calls_at_once_refresh_once,
            a_revoked_grant_is_unauthorized_and_nothing_of_it_is_kept,
            a_grant_given_anew_takes_the_place_of_the_one_before,
            an_ordinary_members_grant_does_not_take_an_administrators_place,
            a_fault_of_the_platform_makes_it_unavailable,
            a_throttled_call_says_how_long,
            what_the_grant_may_not_read_is_refused_and_the_rest_is_read,
        }
    };
    ($bench:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let bench = $bench;
                $crate::directory::$case(&bench).await;
            }
        )+
    };
}

#[expect(missing_docs, reason = "the name of a case is the promise that it checks")]
mod cases {
    use super::*;

    pub async fn a_code_enrolls_the_account_of_whoever_consented(bench: &impl Bench) {
        assert_eq!(enroll(bench, "U1").await, acc());
        assert!(kept(bench).await);
    }

    pub async fn a_code_is_exchanged_once_only(bench: &impl Bench) {
        let code = bench.consent("U1");
        bench.directory().enroll(&code).await.expect("enrolled");
        let again = bench.directory().enroll(&code).await;
        assert!(matches!(again, Err(DirectoryError::Refused(_))), "{again:?}");
        assert!(bench.directory().profile(&acc(), &UserId::new("U1")).await.is_ok(), "the grant is as it was");
    }

    pub async fn an_unknown_code_is_refused_and_leaves_nothing(bench: &impl Bench) {
        let forged = bench.directory().enroll(&Secret::new("forged")).await;
        assert!(matches!(forged, Err(DirectoryError::Refused(_))), "{forged:?}");
        assert!(!kept(bench).await);
    }

    pub async fn without_a_grant_nothing_is_read(bench: &impl Bench) {
        let ana = UserId::new("U1");
        unauthorized(bench.directory().profile(&acc(), &ana).await);
        enroll(bench, "U1").await;
        unauthorized(bench.directory().profile(&AccountId::new("other"), &ana).await);
    }

    pub async fn the_channels_of_every_page_are_listed_with_their_names(bench: &impl Bench) {
        enroll(bench, "U1").await;
        bench.rename("room-7", "On call");
        let mut names: Vec<_> = channels(bench).await.into_iter().map(|(_, name)| name).collect();
        names.sort();
        let mut expected: Vec<_> = (0..MANY).map(|n| format!("room-{n}")).collect();
        expected[7] = "On call".into();
        expected.sort();
        assert_eq!(names, expected);
        let there = channels(bench).await.into_iter().find(|(channel, _)| *channel == bench.channel("room-7"));
        assert_eq!(there.map(|(_, name)| name).as_deref(), Some("On call"));
    }

    pub async fn a_channel_that_is_not_listed_has_a_name_too(bench: &impl Bench) {
        enroll(bench, "U1").await;
        let apart = bench.channel("apart");
        assert!(channels(bench).await.iter().all(|(channel, _)| *channel != apart));
        assert_eq!(bench.directory().name(&acc(), &apart).await.expect("read"), "apart");
    }

    pub async fn what_does_not_exist_is_gone(bench: &impl Bench) {
        enroll(bench, "U1").await;
        let nowhere = bench.channel("nowhere");
        let name = bench.directory().name(&acc(), &nowhere).await;
        assert!(matches!(name, Err(DirectoryError::Gone)), "{name:?}");
        let members = bench.directory().members(&acc(), &nowhere, None).await;
        assert!(matches!(members, Err(DirectoryError::Gone)), "{members:?}");
    }

    pub async fn the_members_of_every_page_are_listed_and_guests_are_not(bench: &impl Bench) {
        enroll(bench, "U1").await;
        let (room, directory) = (bench.channel("room-0"), bench.directory());
        let (mut users, mut after) = (Vec::new(), None::<String>);
        loop {
            let Page { items, next } = directory.members(&acc(), &room, after.as_deref()).await.expect("read");
            users.extend(items.iter().map(ToString::to_string));
            after = next;
            if after.is_none() {
                break;
            }
        }
        users.sort();
        let mut expected: Vec<_> = (1..MANY).map(|n| format!("W{n}")).chain(["U1".to_owned()]).collect();
        expected.sort();
        assert_eq!(users, expected);
    }

    pub async fn administrators_members_and_guests_are_told_apart(bench: &impl Bench) {
        enroll(bench, "U1").await;
        for (user, rank) in
            [("U1", Rank::Administrator), ("U2", Rank::Member), ("U3", Rank::Guest), ("Nobody", Rank::Guest)]
        {
            let read = bench.directory().profile(&acc(), &UserId::new(user)).await;
            assert_eq!(read.expect("read").rank, rank, "{user}");
        }
    }

    pub async fn people_are_called_what_they_call_themselves_now(bench: &impl Bench) {
        enroll(bench, "U1").await;
        for name in ["Ben", "Ben ü. \"B\" Ode"] {
            bench.call("U2", name);
            let read = bench.directory().profile(&acc(), &UserId::new("U2")).await;
            assert_eq!(read.expect("read").name, name);
        }
        let nobody = bench.directory().profile(&acc(), &UserId::new("Nobody")).await;
        assert_eq!(nobody.expect("read").name, "");
    }

    pub async fn an_ended_token_refreshes_by_itself_and_again(bench: &impl Bench) {
        enroll(bench, "U1").await;
        for refreshes in [1, 2] {
            bench.expire();
            bench.directory().profile(&acc(), &UserId::new("U1")).await.expect("read");
            assert_eq!(bench.refreshes(), refreshes);
        }
        bench.directory().profile(&acc(), &UserId::new("U1")).await.expect("read");
        assert_eq!(bench.refreshes(), 2, "what is good is not refreshed");
    }

    pub async fn two_calls_at_once_refresh_once(bench: &impl Bench) {
        enroll(bench, "U1").await;
        bench.expire();
        let (directory, account) = (bench.directory(), acc());
        let (ana, ben) = (UserId::new("U1"), UserId::new("U2"));
        let (first, second) = tokio::join!(directory.profile(&account, &ana), directory.profile(&account, &ben));
        assert_eq!((first.expect("read").rank, second.expect("read").rank), (Rank::Administrator, Rank::Member));
        assert_eq!(bench.refreshes(), 1);
    }

    pub async fn a_revoked_grant_is_unauthorized_and_nothing_of_it_is_kept(bench: &impl Bench) {
        enroll(bench, "U1").await;
        bench.revoke("U1");
        unauthorized(bench.directory().profile(&acc(), &UserId::new("U1")).await);
        assert!(!kept(bench).await);
        unauthorized(bench.directory().profile(&acc(), &UserId::new("U1")).await);
        enroll(bench, "U1").await;
        assert!(bench.directory().profile(&acc(), &UserId::new("U1")).await.is_ok());
    }

    pub async fn a_grant_given_anew_takes_the_place_of_the_one_before(bench: &impl Bench) {
        enroll(bench, "U1").await;
        enroll(bench, "U1").await;
        bench.directory().profile(&acc(), &UserId::new("U1")).await.expect("read");
        assert_eq!(bench.refreshes(), 0, "the older one has ended, the newer one is used");
    }

    pub async fn an_ordinary_members_grant_does_not_take_an_administrators_place(bench: &impl Bench) {
        enroll(bench, "U1").await;
        let less = bench.directory().enroll(&bench.consent("U2")).await;
        assert!(matches!(less, Err(DirectoryError::Refused(_))), "{less:?}");
        assert_eq!(channels(bench).await.len(), MANY, "Ana's channels, not Ben's");
    }

    pub async fn a_fault_of_the_platform_makes_it_unavailable(bench: &impl Bench) {
        enroll(bench, "U1").await;
        bench.fail_next(Fault::Down);
        let read = bench.directory().profile(&acc(), &UserId::new("U1")).await;
        assert!(matches!(read, Err(DirectoryError::Unavailable(_))), "{read:?}");
        assert!(bench.directory().profile(&acc(), &UserId::new("U1")).await.is_ok());
    }

    pub async fn a_throttled_call_says_how_long(bench: &impl Bench) {
        enroll(bench, "U1").await;
        bench.fail_next(Fault::Throttled);
        let read = bench.directory().profile(&acc(), &UserId::new("U1")).await;
        assert!(matches!(read, Err(DirectoryError::Throttled { after: Some(THROTTLED_FOR) })), "{read:?}");
    }

    pub async fn what_the_grant_may_not_read_is_refused_and_the_rest_is_read(bench: &impl Bench) {
        bench.forbid_channels();
        enroll(bench, "U1").await;
        let directory = bench.directory();
        let listed = directory.channels(&acc(), None).await.map(drop);
        let members = directory.members(&acc(), &bench.channel("room-0"), None).await.map(drop);
        let name = directory.name(&acc(), &bench.channel("room-0")).await.map(drop);
        for read in [listed, members, name] {
            assert!(matches!(read, Err(DirectoryError::Refused(_))), "{read:?}");
        }
        assert_eq!(directory.profile(&acc(), &UserId::new("U1")).await.expect("read").rank, Rank::Administrator);
        assert!(kept(bench).await, "the grant is not to blame");
    }
}

pub use cases::*;

fn acc() -> AccountId {
    AccountId::new("acc")
}

async fn enroll(bench: &impl Bench, by: &str) -> AccountId {
    bench.directory().enroll(&bench.consent(by)).await.expect("enrolled")
}

/// Whether a grant lies in the vault, where it goes with its account.
async fn kept(bench: &impl Bench) -> bool {
    let key = CredentialKey { owner: Owner::Zoom(acc()), name: "directory".into() };
    bench.vault().load(&key).await.expect("read").is_some()
}

async fn channels(bench: &impl Bench) -> Vec<(ChannelId, String)> {
    let (directory, mut all, mut after) = (bench.directory(), Vec::new(), None::<String>);
    loop {
        let Page { items, next } = directory.channels(&acc(), after.as_deref()).await.expect("read");
        all.extend(items);
        after = next;
        if after.is_none() {
            return all;
        }
    }
}

fn unauthorized<T: std::fmt::Debug>(read: Result<T, DirectoryError>) {
    assert!(matches!(read, Err(DirectoryError::Unauthorized)), "{read:?}");
}
