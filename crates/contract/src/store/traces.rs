use zentry_domain::{AuditEntry, IssueName, Kind, Refusal, Trace, Verdict};

use super::*;

fn trace(place: &Place, issue: &str, short_id: Option<&str>, at: i64, verdict: Verdict) -> Trace {
    let Place { account, channel, .. } = place.clone();
    let (issue, short_id) = (IssueId::new(issue), short_id.map(str::to_owned));
    Trace { account, channel, issue, short_id, at: after(at), told: Some(Kind::New), verdict }
}

async fn traces(bench: &impl Bench, place: &Place, issue: IssueName) -> Vec<Verdict> {
    let found = bench.facts().traces(&place.account, &place.channel, &issue, 2).await.expect("read");
    found.into_iter().map(|trace| trace.verdict).collect()
}

pub async fn what_became_of_an_issue_is_found_by_number_and_short_id_newest_first(bench: &impl Bench) {
    let refused = Verdict::Filtered(Refusal::Level(Level::Warning));
    let told = trace(&sample::ops(), "42", Some("WEB-7"), 2, refused);
    for trace in [
        trace(&sample::ops(), "42", None, 1, Verdict::Queued),
        told.clone(),
        Trace { told: None, ..trace(&sample::ops(), "42", None, 3, Verdict::Posted) },
        trace(&sample::ops(), "43", Some("WEB-8"), 4, Verdict::Storm),
        trace(&sample::channel("acc", "dev"), "42", Some("WEB-7"), 5, Verdict::Muted),
        trace(&sample::channel("other", "ops"), "42", Some("WEB-7"), 6, Verdict::Edit),
    ] {
        commit(bench, change(RowChange::Trace(trace))).await;
    }
    bench.restart().await;
    let number = || IssueName::Number(IssueId::new("42"));
    assert_eq!(traces(bench, &sample::ops(), number()).await, [Verdict::Posted, refused], "the latest two");
    assert_eq!(traces(bench, &sample::ops(), IssueName::Short("web-7".into())).await, [Verdict::Posted, refused]);
    assert_eq!(traces(bench, &sample::channel("other", "ops"), number()).await, [Verdict::Edit]);
    assert_eq!(traces(bench, &sample::ops(), IssueName::Short("WEB-9".into())).await, []);
    let whole = bench.facts().traces(&acc(), &sample::ops().channel, &number(), 9).await.expect("read");
    assert_eq!((whole.len(), &whole[1]), (3, &told));

    const DAYS: i64 = 14 * 24 * 3_600_000;
    commit(bench, change(RowChange::Sweep { now: after(DAYS + 2) })).await;
    assert_eq!(traces(bench, &sample::ops(), number()).await, [Verdict::Posted, refused], "fourteen days");
    commit(bench, change(RowChange::Sweep { now: after(DAYS + 3) })).await;
    assert_eq!(traces(bench, &sample::ops(), number()).await, [Verdict::Posted]);
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    assert_eq!(traces(bench, &sample::ops(), number()).await, []);
}

pub async fn what_was_changed_stays_on_record_until_the_account_goes(bench: &impl Bench) {
    let entry = |by: Person, action| AuditEntry::done(after(7), &by, &sample::ops(), action, "acme / checkout");
    let ours = [entry(sample::ana(), "connect").to("all"), entry(sample::ben(), "disconnect").refused("no manager")];
    let theirs = entry(sample::mallory(), "connect");
    for entry in ours.iter().chain([&theirs]) {
        let entry = AuditEntry { account: if entry == &theirs { other() } else { acc() }, ..entry.clone() };
        commit(bench, change(RowChange::Audit(entry))).await;
    }
    bench.restart().await;
    let read = async || bench.journal().audit().await.expect("read");
    assert_eq!(read().await[..2], ours);
    assert_eq!(ours[1].actor, "Ben (U2)");
    assert_eq!(ours[1].object, "acme / checkout in #ops (ops@conference.xmpp.zoom.us)");
    assert_eq!((ours[0].result.as_str(), ours[1].result.as_str()), ("done: all", "refused: no manager"));
    commit(bench, change(RowChange::Sweep { now: after(i64::MAX / 4) })).await;
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    assert_eq!(read().await.into_iter().map(|entry| entry.account).collect::<Vec<_>>(), [other()]);
}

pub async fn a_dead_letter_is_found_by_its_own_account(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "a", dead("unconfirmed")).await.expect("settled");
    let found = async |account: AccountId, id: &str| {
        bench.facts().dead_letter(&account, &JobId::new(id)).await.expect("read").map(|letter| letter.why)
    };
    assert_eq!(found(acc(), "a").await.as_deref(), Some("unconfirmed"));
    assert_eq!((found(other(), "a").await, found(acc(), "b").await), (None, None));
}
