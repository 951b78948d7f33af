//! Histories of what can happen, drawn from a seed.

use std::time::Duration;

use zentry_contract::fake::{ChatFault, SeededRandom};
use zentry_contract::tracker::Fault;
use zentry_domain::{Action as Press, Archive, ChangeKind, Random, Remarked};

use crate::actions::{ALL, Action, Return, Told, Typed};

/// Who wishes for what: mostly what they may see at Sentry.
const CONNECTS: [(usize, &str); 16] = [
    (0, "connect acme checkout"),
    (0, "connect acme web"),
    (0, "connect \"Acme Inc.\" WEB"),
    (1, "connect acme/checkout"),
    (1, "connect acme web"),
    (2, "connect acme checkout"),
    (2, "connect globex shop"),
    (3, "connect globex shop"),
    (3, "connect acme checkout"),
    (0, "connect acme checkout event:new,alert,comment"),
    (1, "connect acme web event:new,resolved,seer"),
    (0, "connect acme nowhere"),
    (0, "connect acme checkout env:production"),
    (1, "connect acme web -env:staging"),
    (2, "connect acme checkout -tag:customer=test"),
    (3, "connect globex shop env:prod*"),
];

const COMMANDS: [&str; 17] = [
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
    "configure acme checkout level:fatal",
    "configure acme web none",
    "connect acme *",
    "mute 5m",
    "mute 2h acme web",
    "unmute",
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
            0..27 => self.change(),
            27..33 => self.gap(),
            33..36 => self.relapse(),
            36..42 => self.then(|d| Action::Again { delivery: d.below(12) }),
            42..47 => self.connecting(),
            47..51 => self.linking(),
            51..56 => self.command(),
            56..64 => self.press(),
            64..73 => self.then(|d| Action::ChatFails(d.chat_fault())),
            73..76 => self.then(|d| Action::TrackerFails(d.tracker_fault())),
            76..82 => self.work(),
            82 => self.overtaking(),
            83..88 => self.then(|d| Action::GoesOn { waits: d.waits() }),
            88..93 => self.time(),
            93 | 94 => self.then(|_| Action::Dies { away: 0 }),
            95 => self.then(|d| Action::Dies { away: d.pick([1, 61, 901, 7_300]) }),
            96 => self.outage(),
            _ => self.oddity(),
        }
    }

    fn change(&mut self) {
        let told = self.pick([Told::Figure, Told::Figure, Told::Figure, Told::Nothing, Told::Low]);
        let kind = match self.below(14) {
            12 | 13 => return self.remark(),
            0..4 => ChangeKind::New,
            4 | 5 => ChangeKind::Regressed,
            6 => ChangeKind::Escalating,
            7 => ChangeKind::Alert { rule: self.pick(["any", "other"]).into(), page: None },
            8 => ChangeKind::Resolved,
            9 => {
                ChangeKind::Archived { until: self.pick([Archive::Untold, Archive::Forever, Archive::UntilCondition]) }
            }
            10 => ChangeKind::Reopened,
            _ => ChangeKind::Assigned,
        };
        self.begins(|d| Action::Happens { issue: d.below(4) + 2 * d.seldom(5), kind, told, late: d.one_in(8) });
    }

    fn remark(&mut self) {
        self.begins(|d| Action::Remarked { issue: d.below(4), what: d.pick([Remarked::Comment, Remarked::Seer]) });
    }

    /// Something happens of which no webhook tells; perhaps it comes late, perhaps the bot or Sentry is away meanwhile.
    fn gap(&mut self) {
        let kind = match self.below(6) {
            0..4 => ChangeKind::New,
            4 => ChangeKind::Resolved,
            _ => ChangeKind::Regressed,
        };
        let issue = if kind == ChangeKind::New { 6 + self.below(6) } else { self.below(12) };
        self.then(|d| Action::Happens {
            issue,
            kind,
            told: d.pick([Told::Nothing, Told::Figure, Told::Low]),
            late: true,
        });
        match self.below(8) {
            0 => self.then(|d| Action::Dies { away: d.pick([0, 61, 7_300]) }),
            1 => (0..1 + self.below(4)).for_each(|_| self.then(|_| Action::TrackerFails(Fault::Down))),
            _ => {}
        }
        if self.one_in(2) {
            self.then(|d| Action::Passes { seconds: d.pick([31, 61, 901, 3_601]) });
            self.work();
        }
        if self.one_in(4) {
            self.begins(|_| Action::Again { delivery: 0 });
        }
    }

    /// An issue is dealt with, and comes back.
    fn relapse(&mut self) {
        let issue = self.below(4);
        for kind in [ChangeKind::New, ChangeKind::Resolved, ChangeKind::Regressed] {
            self.begins(|_| Action::Happens { issue, kind, told: Told::Figure, late: false });
        }
        self.work();
    }

    /// A card is being shown, changes meanwhile, and is shown by another worker before the first one is done.
    fn overtaking(&mut self) {
        let issue = self.below(4);
        for kind in [ChangeKind::New, ChangeKind::Resolved, ChangeKind::Reopened] {
            self.then(|_| Action::Happens { issue, kind, told: Told::Figure, late: false });
            self.then(|d| Action::Works { worker: 0, waits: 2 + d.below(8) });
        }
        self.then(|d| Action::IsOvertaken { waits: d.waits() });
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
