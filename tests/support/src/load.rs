//! A load of signed deliveries on several connections at once, and what must be true of their cards afterwards.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use zentry_sandbox::Cast;
use zentry_sandbox::sentry::Project;
use zentry_sandbox::zoom::Channel;

use crate::delivery::{NewIssue, Signer, exchange};
use crate::{Dice, Ledger, Town, kept};

/// Connections, each with a project and a channel of its own: what is acknowledged on one is posted in one lane.
const LINES: usize = 8;
/// How long answers may take to come.
const PATIENCE: Duration = Duration::from_secs(120);

/// The connections, and what was sent and answered on each.
pub struct Load {
    lines: Vec<Line>,
    signer: Signer,
    tally: watch::Sender<Tally>,
    /// The ledger before the first delivery.
    before: Ledger,
}

/// How many deliveries were answered how, in all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// 2xx.
    pub acknowledged: usize,
    /// 500: not kept.
    pub refused: usize,
    /// Not at all: the connection broke first.
    pub unanswered: usize,
}

impl Tally {
    /// Deliveries that were answered, one way or the other.
    pub fn answered(&self) -> usize {
        self.acknowledged + self.refused
    }
}

/// What became of all the cards.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// Deliveries that were acknowledged.
    pub acknowledged: usize,
    /// Cards posted, each once.
    pub posted: usize,
    /// Cards posted once more.
    pub duplicates: usize,
}

impl Load {
    /// A town with as many channels and projects as there are connections, not yet running, and its load. Nothing holds
    /// the bot back: no storm card, no rate.
    pub async fn town(program: &str, dice: &mut Dice) -> (Town, Self) {
        let (cast, mut zoom, mut sentry) = Cast::assemble();
        let places: Vec<_> = (0..LINES)
            .map(|line| {
                let channel = zoom.channel(&cast.alerts.account, &name(line));
                (channel, sentry.project(&cast.acme, &name(line), &name(line)))
            })
            .collect();
        let mut town = Town::of(program, cast, zoom, sentry).await;
        for setting in ["ZENTRY_STORM_BUDGET", "ZENTRY_ZOOM_RATE"] {
            town.setup.settings.insert(setting.into(), "0".into());
        }
        let line = |(index, (channel, project))| Line::new(&town, index, channel, project, dice.more());
        let lines = places.into_iter().enumerate().map(line).collect();
        let signer = Signer::of(&town);
        (town, Self { lines, signer, tally: watch::Sender::default(), before: Ledger::default() })
    }

    /// Connects each channel to its project.
    pub async fn connect(&mut self, town: &Town) {
        for line in &self.lines {
            let words = format!("connect acme {}", name(line.index));
            kept(town.sandbox.zoom.say(&town.cast.jane, &line.channel, words.as_str()).await);
        }
        for line in &self.lines {
            town.sees(&town.cast.jane, &line.channel, &format!("Connected: acme / {}", name(line.index))).await;
        }
        self.before = Ledger::settled(town).await;
    }

    /// Sends on every connection, as fast as the answers come, until told to stop or nobody listens any more.
    pub fn run(&mut self) -> Running<'_> {
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for line in self.lines.drain(..) {
            tasks.spawn(line.work(self.signer.clone(), stopping.clone(), self.tally.clone()));
        }
        Running { tally: self.tally.subscribe(), load: self, tasks, stop }
    }

    /// What was answered so far.
    pub fn tally(&self) -> Tally {
        *self.tally.borrow()
    }

    /// The issues that are acknowledged, by number.
    pub fn acknowledged(&self) -> impl Iterator<Item = u64> {
        self.lines.iter().flat_map(|line| line.acknowledged.iter().map(|number| issue(line.index, *number)))
    }

    /// Waits until everything is sent and insists: every acknowledged issue has a card, first posts are in the order in
    /// which they were acknowledged, no card is posted again but the one that was under way at one of the `kills`, and
    /// the ledger has an entry for each.
    pub async fn verdict(&self, town: &Town, kills: usize) -> Verdict {
        let ledger = Ledger::settled(town).await;
        let mut all = Verdict::default();
        for line in &self.lines {
            let posted = line.posted(town);
            let judged = judge(&line.acknowledged, &posted, kills);
            let judged = judged.unwrap_or_else(|why| panic!("{}: {why}\n{}", name(line.index), town.log()));
            all.acknowledged += judged.acknowledged;
            all.posted += judged.posted;
            all.duplicates += judged.duplicates;
        }
        assert_eq!(ledger.dead, 0, "{ledger:?}");
        assert_eq!(ledger.accepted - self.before.accepted, all.posted as u64, "{ledger:?}");
        assert_eq!(all.acknowledged, self.tally().acknowledged);
        all
    }
}

/// Whether the cards of one lane, in the order in which they were posted, are right.
fn judge(acknowledged: &[u32], posted: &[u32], kills: usize) -> Result<Verdict, String> {
    let mut firsts = posted.to_vec();
    // A card that was under way at a kill is the first one again after it.
    firsts.dedup();
    let duplicates = posted.len() - firsts.len();
    if let Some(pair) = firsts.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(format!("{} was posted after {}", pair[1], pair[0]));
    }
    if let Some(lost) = acknowledged.iter().find(|number| firsts.binary_search(number).is_err()) {
        return Err(format!("{lost} was acknowledged and never posted"));
    }
    if duplicates > kills {
        return Err(format!("{duplicates} cards were posted again, and only {kills} were under way at a kill"));
    }
    Ok(Verdict { acknowledged: acknowledged.len(), posted: firsts.len(), duplicates })
}

/// A load that is being sent.
pub struct Running<'a> {
    load: &'a mut Load,
    tasks: JoinSet<Line>,
    stop: watch::Sender<bool>,
    tally: watch::Receiver<Tally>,
}

impl Running<'_> {
    /// Waits until the answers are as `reached` wants them.
    pub async fn until(&mut self, reached: impl FnMut(&Tally) -> bool) -> Tally {
        let reached = tokio::time::timeout(PATIENCE, self.tally.wait_for(reached)).await;
        *reached.expect("in time").expect("the load holds the other end")
    }

    /// Lets every connection have its last answer.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.load.lines = self.tasks.join_all().await;
        self.load.lines.sort_by_key(|line| line.index);
    }
}

// === one connection ===

struct Line {
    index: usize,
    project: Project,
    channel: Channel,
    address: String,
    dice: Dice,
    next: u32,
    /// Not acknowledged yet, and to be sent again as it was.
    again: Option<(u32, Vec<u8>)>,
    acknowledged: Vec<u32>,
}

impl Line {
    fn new(town: &Town, index: usize, channel: Channel, project: Project, dice: Dice) -> Self {
        let address = town.public_url.trim_start_matches("http://").to_owned();
        Self { index, project, channel, address, dice, next: 1, again: None, acknowledged: Vec::new() }
    }

    async fn work(mut self, signer: Signer, stop: watch::Receiver<bool>, tally: watch::Sender<Tally>) -> Self {
        while !*stop.borrow()
            && let Ok(mut stream) = TcpStream::connect(&self.address).await
        {
            while !*stop.borrow() {
                let (number, raw) = self.next_delivery(&signer);
                let answer = exchange(&mut stream, &raw).await;
                match answer {
                    Ok(200..300) => {
                        self.acknowledged.push(number);
                        tally.send_modify(|tally| tally.acknowledged += 1);
                        continue;
                    }
                    Ok(500) => tally.send_modify(|tally| tally.refused += 1),
                    Ok(status) => panic!("a delivery was answered {status}"),
                    Err(_) => tally.send_modify(|tally| tally.unanswered += 1),
                }
                // Some senders try again, others never do.
                self.again = (!self.dice.one_in(3)).then_some((number, raw));
                break;
            }
        }
        self
    }

    fn next_delivery(&mut self, signer: &Signer) -> (u32, Vec<u8>) {
        if let Some(again) = self.again.take() {
            return again;
        }
        let number = self.next;
        self.next += 1;
        let title = Title { line: self.index, number };
        let new = NewIssue { project: &self.project, id: title.issue(), title: &title.to_string(), events: 1 };
        (number, signer.created(&new))
    }

    /// The numbers of the cards in the channel, in the order in which they were posted.
    fn posted(&self, town: &Town) -> Vec<u32> {
        let messages = town.sandbox.zoom.messages(&self.channel, &town.cast.jane);
        let title = |message: &zentry_sandbox::zoom::Message| titles_in(message.to_string().as_bytes()).next();
        messages.iter().filter_map(title).map(|title| title.number).collect()
    }
}

// === what is sent ===

/// What the error of a delivery is called: found again on a card, in a file or on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Title {
    /// The connection.
    pub line: usize,
    /// Counted from 1 on each connection.
    pub number: u32,
}

impl Title {
    /// The id of the issue that has this title.
    pub fn issue(self) -> u64 {
        issue(self.line, self.number)
    }
}

impl std::fmt::Display for Title {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Load {:02}-{:06}", self.line, self.number)
    }
}

/// The titles of our errors in any bytes, in order.
pub fn titles_in(bytes: &[u8]) -> impl Iterator<Item = Title> {
    let read = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u32>().ok();
    let title = move |found: &[u8]| {
        let digits = found.strip_prefix(b"Load ").filter(|digits| digits[2] == b'-')?;
        Some(Title { line: usize::try_from(read(&digits[..2])?).ok()?, number: read(&digits[3..])? })
    };
    bytes.windows(14).filter_map(title)
}

fn name(line: usize) -> String {
    format!("load-{line}")
}

fn issue(line: usize, number: u32) -> u64 {
    (line as u64 + 1) * 1_000_000 + u64::from(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_under_way_at_a_kill_may_come_twice_and_no_other() {
        let judged = judge(&[1, 2, 4], &[1, 2, 2, 3, 4], 1).unwrap();
        assert_eq!((judged.acknowledged, judged.posted, judged.duplicates), (3, 4, 1));
        for (what, acknowledged, posted, kills) in [
            ("lost", &[1, 2, 3][..], &[1, 3][..], 1),
            ("the last one lost", &[1, 2], &[1], 1),
            ("out of order", &[1, 2, 3], &[1, 3, 2], 1),
            ("again, but later", &[1, 2], &[1, 2, 1], 1),
            ("again without a kill", &[1, 2], &[1, 1, 2], 0),
            ("again too often", &[1, 2], &[1, 1, 1, 2], 1),
        ] {
            assert!(judge(acknowledged, posted, kills).is_err(), "{what}");
        }
    }

    #[test]
    fn titles_are_found_in_any_bytes() {
        let titles: Vec<_> = titles_in(b"\0\xffLoad 03-000017Load 0x-000001 Load 11-123456 Load 1").collect();
        assert_eq!(titles, [Title { line: 3, number: 17 }, Title { line: 11, number: 123_456 }]);
        assert_eq!(titles[0].to_string(), "Load 03-000017");
    }
}
