//! What can happen, and histories of it drawn from a seed.

use std::time::Duration;

use zentry_contract::fake::{ChatFault, SeededRandom};
use zentry_contract::tracker::Fault;
use zentry_domain::{Action as Press, Archive, ChangeKind, Random};

/// One thing that happens. Numbers choose among what there is, the newest first, so that a history from which something was
/// dropped still means something.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Somebody types in one of their channels or in their own chat.
    Says { who: usize, place: usize, text: &'static str },
    /// Something happens to an issue; `late` is told only when it is repeated. Low ones no filter admits.
    Happens { issue: usize, kind: ChangeKind, told: Told, late: bool },
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
    /// The process dies, and another one starts.
    Dies,
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

/// Who wishes for what: mostly what they may see at Sentry.
const CONNECTS: [(usize, &str); 10] = [
    (0, "connect acme checkout"),
    (0, "connect acme web"),
    (0, "connect \"Acme Inc.\" WEB"),
    (1, "connect acme/checkout"),
    (1, "connect acme web"),
    (2, "connect acme checkout"),
    (2, "connect globex shop"),
    (3, "connect globex shop"),
    (3, "connect acme checkout"),
    (0, "connect acme nowhere"),
];

const COMMANDS: [&str; 11] = [
    "help",
    "help connect",
    "configure",
    "configure all",
    "whoami",
    "unlink",
    "disconnect",
    "disconnect acme checkout",
    "disconnect acme web",
    "conect acme checkout",
    "482 913",
];

/// A history of one seed.
pub(crate) fn history(seed: u64) -> Vec<Action> {
    let mut drawn = Drawn { dice: SeededRandom::new(seed ^ 0x5eed), actions: Vec::new() };
    // Most histories begin with channels that hear something.
    for _ in 0..drawn.below(4) {
        if seed.is_multiple_of(3) || drawn.one_in(3) { drawn.linking() } else { drawn.connecting() }
    }
    for _ in 0..5 + drawn.below(60) {
        drawn.something();
    }
    drawn.actions
}

struct Drawn {
    dice: SeededRandom,
    actions: Vec<Action>,
}

impl Drawn {
    fn something(&mut self) {
        match self.below(100) {
            0..33 => self.change(),
            33..36 => self.relapse(),
            36..42 => self.then(|d| Action::Again { delivery: d.below(12) }),
            42..47 => self.connecting(),
            47..51 => self.linking(),
            51..56 => self.command(),
            56..64 => self.press(),
            64..73 => self.then(|d| Action::ChatFails(d.chat_fault())),
            73..76 => self.then(|d| Action::TrackerFails(d.tracker_fault())),
            76..83 => self.work(),
            83..88 => self.then(|d| Action::GoesOn { waits: d.waits() }),
            88..93 => self.time(),
            93..96 => self.then(|_| Action::Dies),
            96 => self.outage(),
            _ => self.oddity(),
        }
    }

    fn change(&mut self) {
        let told = self.pick([Told::Figure, Told::Figure, Told::Figure, Told::Nothing, Told::Low]);
        let kind = match self.below(12) {
            0..4 => ChangeKind::New,
            4 | 5 => ChangeKind::Regressed,
            6 => ChangeKind::Escalating,
            7 => ChangeKind::Alert { rule: self.pick(["any", "other"]).into() },
            8 => ChangeKind::Resolved,
            9 => {
                ChangeKind::Archived { until: self.pick([Archive::Untold, Archive::Forever, Archive::UntilCondition]) }
            }
            10 => ChangeKind::Reopened,
            _ => ChangeKind::Assigned,
        };
        self.begins(|d| Action::Happens { issue: d.below(4) + 2 * d.seldom(2), kind, told, late: d.one_in(8) });
    }

    /// An issue is dealt with, and comes back.
    fn relapse(&mut self) {
        let issue = self.below(4);
        for kind in [ChangeKind::New, ChangeKind::Resolved, ChangeKind::Regressed] {
            self.begins(|_| Action::Happens { issue, kind, told: Told::Figure, late: false });
        }
        self.work();
    }

    fn connecting(&mut self) {
        let (who, text) = self.pick(CONNECTS);
        self.begins(|d| Action::Says { who, place: d.seldom(2), text });
        self.then(|_| Action::Works { worker: 0, waits: ALL });
    }

    /// The whole way from the wish to the code, with somebody in between who is up to something.
    fn linking(&mut self) {
        self.connecting();
        self.begins(|d| Action::Opens { address: d.seldom(4) });
        let how = if self.one_in(6) {
            self.pick([
                Return::WithoutCookie,
                Return::WithAnotherCookie,
                Return::WithAnotherCode,
                Return::Denied,
                Return::Failed,
            ])
        } else {
            Return::Approved
        };
        if self.one_in(5) {
            self.something();
        }
        self.begins(|d| Action::ComesBack { visit: d.seldom(3), user: d.seldom(5), how });
        if self.one_in(5) {
            self.something();
        }
        for _ in 0..1 + self.seldom(7) {
            let typed = self.pick([Typed::Rightly, Typed::Rightly, Typed::Rightly, Typed::Wrongly, Typed::InAChannel]);
            self.begins(|d| Action::SendsCode { code: d.seldom(3), who: d.seldom(5), typed });
        }
        self.work();
        if self.one_in(4) {
            self.begins(|d| Action::AsksAgain { address: d.below(3) });
        }
    }

    fn command(&mut self) {
        let text = self.pick(COMMANDS);
        self.begins(|d| Action::Says { who: d.below(5), place: d.below(3), text });
    }

    fn press(&mut self) {
        if self.one_in(8) {
            let action = self.pick([None, Some(Press::Resolve)]);
            return self.begins(|d| Action::PressesNothing { who: d.below(5), action });
        }
        self.begins(|d| Action::Presses { who: d.below(5), button: d.below(8) });
    }

    fn work(&mut self) {
        self.then(|d| Action::Works { worker: d.seldom(2), waits: d.waits() });
    }

    fn time(&mut self) {
        let seconds = self.pick([1, 2, 8, 31, 61, 601, 3_601, 7_300, 90_000, -7_200]);
        self.then(|_| Action::Passes { seconds });
        self.then(|_| Action::Works { worker: 0, waits: ALL });
    }

    fn outage(&mut self) {
        self.then(|_| Action::StoreFails);
        for _ in 0..self.below(4) {
            self.something();
        }
        self.then(|_| Action::StoreWorks);
    }

    fn oddity(&mut self) {
        match self.below(10) {
            0..3 => self.then(|d| Action::Closes { place: d.below(8) }),
            3 => self.then(|_| Action::Reopens),
            4 | 5 => self.then(|d| Action::Loses { button: d.below(4) }),
            6 => self.then(|d| Action::Revokes { user: d.below(4) }),
            7 => self.then(|_| Action::Expires),
            8 => self.begins(|d| Action::Installs { account: d.below(2) }),
            _ => self.begins(|d| Action::Leaves { account: d.below(2) }),
        }
    }

    fn chat_fault(&mut self) -> ChatFault {
        let after = self.pick([None, Some(Duration::from_secs(7)), Some(Duration::from_secs(4_000))]);
        self.pick([
            ChatFault::Gone,
            ChatFault::Refused,
            ChatFault::Throttled { after },
            ChatFault::Expired,
            ChatFault::Unauthorized,
            ChatFault::Unavailable,
            ChatFault::Unavailable,
            ChatFault::Unknown { carried_out: true },
            ChatFault::Unknown { carried_out: false },
        ])
    }

    fn tracker_fault(&mut self) -> Fault {
        let after = self.pick([None, Some(Duration::from_secs(7)), Some(Duration::from_secs(4_000))]);
        self.pick([Fault::Down, Fault::Lost, Fault::Lost, Fault::Throttled { after }, Fault::Forbidden])
    }

    // === the dice ===

    fn then(&mut self, action: impl FnOnce(&mut Self) -> Action) {
        let action = action(self);
        self.actions.push(action);
    }

    /// A request, which is sometimes left waiting, and mostly followed by a worker.
    fn begins(&mut self, action: impl FnOnce(&mut Self) -> Action) {
        if self.one_in(6) {
            self.then(|d| Action::Slowly { waits: d.below(8) });
        }
        self.then(action);
        if self.one_in(2) {
            self.work();
        }
    }

    fn waits(&mut self) -> usize {
        if self.one_in(2) { ALL } else { 1 + self.below(14) }
    }

    fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % end as u64) as usize
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Mostly 0.
    fn seldom(&mut self, end: usize) -> usize {
        if self.one_in(6) { self.below(end) } else { 0 }
    }

    fn pick<T: Clone, const N: usize>(&mut self, of: [T; N]) -> T {
        of[self.below(N)].clone()
    }
}
