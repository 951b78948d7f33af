//! Who takes all the time in the world: a thousand connections whose headers trickle, two hundred whose bodies do, two hundred
//! that say nothing. Honest deliveries on connections of their own are answered as ever, and every slow one is closed.

use std::fs;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};
use zentry_test_support::{Delays, NewIssue, Signer, Town, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// How many of each kind there are, where the machine grants so many connections.
const SLOW: [(Kind, usize); 3] = [(Kind::Headers, 1_000), (Kind::Body, 200), (Kind::Silent, 200)];
/// Between two bytes of a slow one.
const TRICKLE: Duration = Duration::from_millis(500);
/// Between two honest deliveries.
const HONEST: Duration = Duration::from_millis(5);
/// Ten times what is promised.
const ANSWERED: Duration = Duration::from_secs(2);
/// What is promised, ten seconds, and as long again for a machine that is busy.
const EVICTED: Duration = Duration::from_secs(20);
/// Files that anybody may have open, beside the connections.
const OTHERS: usize = 200;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Headers,
    Body,
    Silent,
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_deliveries_are_answered_while_slow_ones_are_held_off_and_closed() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.stop();
    town.setup.through = ["/bin/sh", "-c", "ulimit -n 4096 2>/dev/null; exec \"$@\"", "sh"].map(str::to_owned).into();
    town.start();
    let quiet = files_of(&town);
    for _ in 0..rounds() {
        let mut slow = JoinSet::new();
        for (kind, count) in SLOW {
            for _ in 0..fitting(&town, count) {
                // One after the other: where the queue of those that nobody has accepted yet runs over, the kernel forgets a
                // connection of which the other side has said nothing, and nobody ever closes that.
                slow.spawn(be_slow(TcpStream::connect(address(&town)).await.expect("it listens"), kind));
            }
        }
        let (delays, peak) = honest_until_all_have_ended(&town, &mut slow).await;
        println!("{} honest deliveries meanwhile: {delays}; {peak} files open, {quiet} before", delays.count());
        assert!(delays.count() > 200 && delays.per_mille(990) < ANSWERED, "{delays}");
    }
    // A refused or forgotten connection would leave one.
    assert!(files_of(&town) <= quiet + 8, "{} files are open, {quiet} were", files_of(&town));
    assert!(!town.log().contains("no connection can be accepted"), "{}", town.log());
}

/// How long honest deliveries took, and how many files the bot had open at most.
async fn honest_until_all_have_ended(town: &Town, slow: &mut JoinSet<(Kind, Duration)>) -> (Delays, usize) {
    let (signer, mut pace) = (Signer::of(town), interval(HONEST));
    let (mut took, mut longest, mut peak, mut id) = (Vec::new(), [Duration::ZERO; 3], 0, 1_000_000);
    while !slow.is_empty() {
        tokio::select! {
            biased;
            Some(ended) = slow.join_next() => {
                let (kind, lasted) = ended.expect("no panic");
                assert!(lasted < EVICTED, "{kind:?} was held for {lasted:?}");
                longest[kind as usize] = longest[kind as usize].max(lasted);
            }
            _ = pace.tick() => {
                id += 1;
                let issue = NewIssue { project: &town.cast.web, id, title: "TimeoutError", events: 1 };
                took.push(delivered(&address(town), &signer.created(&issue)).await);
                peak = peak.max(files_of(town));
            }
        }
    }
    println!("closed after at most: headers {:.1?}, bodies {:.1?}, silent {:.1?}", longest[0], longest[1], longest[2]);
    (Delays::of(took), peak)
}

/// From a new connection to the answer.
async fn delivered(address: &str, raw: &[u8]) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(raw).await.expect("it reads");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    began.elapsed()
}

/// Holds a connection for as long as the bot lets it: how long that was.
async fn be_slow(mut stream: TcpStream, kind: Kind) -> (Kind, Duration) {
    let began = Instant::now();
    let first: &[u8] = match kind {
        Kind::Headers => b"POST /zoom/events HTTP/1.1\r\nhost: bot\r\nx-slow: ",
        Kind::Body => b"POST /zoom/events HTTP/1.1\r\nhost: bot\r\ncontent-length: 100000\r\n\r\n{",
        Kind::Silent => b"",
    };
    let (mut reader, mut writer) = stream.split();
    // It may be closed at any moment: then there is nothing to write to any more.
    let trickle = async {
        let mut pace = interval(TRICKLE);
        let mut open = writer.write_all(first).await.is_ok();
        while open {
            pace.tick().await;
            open = matches!(kind, Kind::Silent) || writer.write_all(b"x").await.is_ok();
        }
        std::future::pending::<()>().await;
    };
    let mut rest = Vec::new();
    let closed = async { drop(reader.read_to_end(&mut rest).await) };
    tokio::select! {
        () = trickle => {}
        closed = timeout(2 * EVICTED, closed) => drop(closed),
    }
    (kind, began.elapsed())
}

fn address(town: &Town) -> String {
    town.public_url.trim_start_matches("http://").to_owned()
}

/// So many, or the share of them for which this process and the bot may open files.
fn fitting(town: &Town, count: usize) -> usize {
    let all: usize = SLOW.iter().map(|(_, count)| count).sum();
    let bot = town.bot().expect("it runs").id().to_string();
    let limit = ["self", &bot].map(files_allowed).into_iter().min().unwrap_or_default();
    let fits = limit.saturating_sub(OTHERS).min(all);
    if fits < all {
        eprintln!("only {fits} of {all} slow connections: this machine grants {limit} open files");
    }
    count * fits / all
}

fn files_allowed(process: &str) -> usize {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).expect("it runs");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit");
    line.split_whitespace().next().and_then(|soft| soft.parse().ok()).unwrap_or(usize::MAX)
}

fn files_of(town: &Town) -> usize {
    let bot = town.bot().expect("it runs").id();
    fs::read_dir(format!("/proc/{bot}/fd")).expect("it runs").count()
}
