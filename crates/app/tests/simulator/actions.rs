//! What can happen.

use zentry_contract::fake::ChatFault;
use zentry_contract::tracker::Fault;
use zentry_domain::{Action as Press, ChangeKind, Remarked};

/// One thing that happens. Numbers choose among what there is, the newest first, so that a history from which something was
/// dropped still means something.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Somebody types in one of their channels or in their own chat.
    Says { who: usize, place: usize, text: &'static str },
    /// Something happens to an issue; `late` no webhook tells of unless it is repeated. Low ones no filter admits.
    Happens { issue: usize, kind: ChangeKind, told: Told, late: bool },
    /// Somebody, or Sentry's analysis, says something about an issue.
    Remarked { issue: usize, what: Remarked },
    /// A delivery comes once more, with the same keys.
    Again { delivery: usize },
    /// Somebody presses a button that was seen somewhere, perhaps long ago, perhaps in another account.
    Presses { who: usize, button: usize },
    /// A value that is none of ours comes with a press.
    PressesNothing { who: usize, action: Option<Press> },
    /// The page of an address is opened and its button pressed.
    Opens { address: usize },
    /// A browser comes back from Sentry, where somebody has signed in: 0 is whose link it is.
    ComesBack { visit: usize, user: usize, how: Return },
    /// The page of an address is asked for a new one.
    AsksAgain { address: usize },
    /// A code is typed: 0 is whose code it is.
    SendsCode { code: usize, who: usize, typed: Typed },
    /// The chat's next call goes wrong.
    ChatFails(ChatFault),
    /// Sentry's next call goes wrong.
    TrackerFails(Fault),
    /// A channel or somebody's own chat is not there any more.
    Closes { place: usize },
    /// All are there again.
    Reopens,
    /// A message of a card is deleted in the chat.
    Loses { button: usize },
    /// Somebody revokes their grants at Sentry.
    Revokes { user: usize },
    /// Every grant needs a refresh.
    Expires,
    /// The store takes nothing.
    StoreFails,
    /// It does again.
    StoreWorks,
    /// One of two workers goes on, or begins, for so many waits.
    Works { worker: usize, waits: usize },
    /// The next request goes on for so many waits only.
    Slowly { waits: usize },
    /// Requests that were left waiting go on.
    GoesOn { waits: usize },
    /// The process dies, and another one starts so many seconds later.
    Dies { away: i64 },
    /// A worker takes so long over a call that its lanes are taken over, by one that begins for so many waits.
    IsOvertaken { waits: usize },
    /// The clock moves, forwards or back.
    Passes { seconds: i64 },
    /// An account installs the bot.
    Installs { account: usize },
    /// An account removes the bot.
    Leaves { account: usize },
}

/// What a change tells of its issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A figure that no other change tells.
    Figure,
    /// Nothing but what happened: an echo.
    Nothing,
    /// A level that no filter admits.
    Low,
}

/// How a code is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Rightly,
    Wrongly,
    InAChannel,
}

/// How a browser comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Return {
    Approved,
    WithoutCookie,
    WithAnotherCookie,
    WithAnotherCode,
    Denied,
    Failed,
}

/// As many waits as it takes.
pub(crate) const ALL: usize = 5_000;
