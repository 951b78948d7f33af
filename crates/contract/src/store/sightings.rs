use super::*;

const HALF_A_YEAR: i64 = 180 * 24 * 3_600 * 1_000;

/// The first time counts; environments that differ in case are two.
pub async fn where_an_issue_was_seen_first_is_known_for_half_a_year(bench: &impl Bench) {
    let sighted = |issue: &str, environment: &str, at| {
        let Project { org, id: project, .. } = sample::project("checkout");
        let sighting = Sighting { environment: environment.into(), at: after(at) };
        RowChange::Sighted(Sighted { org, project, issue: IssueId::new(issue), sighting })
    };
    let sightings = async |issue: &str| {
        let mut known = bench.facts().sightings(&IssueId::new(issue)).await.expect("read");
        known.sort_by_key(|sighting| sighting.at);
        known.into_iter().map(|sighting| (sighting.environment, sighting.at)).collect::<Vec<_>>()
    };
    commit(
        bench,
        change(RowChange::Subscribe(sample::subscription(sample::ops(), sample::project("checkout"), sample::ana()))),
    )
    .await;
    for sighted in [sighted("42", "dev", 1), sighted("42", "Dev", 2), sighted("42", "dev", 3), sighted("43", "dev", 4)]
    {
        commit(bench, change(sighted)).await;
    }
    bench.restart().await;
    assert_eq!(sightings("42").await, [("dev".into(), after(1)), ("Dev".into(), after(2))]);
    assert_eq!(sightings("44").await, []);
    let Project { org, id, .. } = sample::project("checkout");
    assert!(bench.facts().tells_where(&org, &id).await.expect("read"));
    assert!(!bench.facts().tells_where(&org, &ProjectId::new("4711")).await.expect("read"));
    assert!(!bench.facts().tells_where(&OrgSlug::new("globex"), &id).await.expect("read"));
    commit(bench, change(RowChange::Sweep { now: after(HALF_A_YEAR + 1) })).await;
    assert_eq!(sightings("42").await.len(), 2);
    commit(bench, change(RowChange::Sweep { now: after(HALF_A_YEAR + 2) })).await;
    assert_eq!(sightings("42").await, [("Dev".into(), after(2))]);
}

/// Nobody looks for it any more.
pub async fn where_issues_were_seen_goes_when_nobody_is_connected_to_their_organization(bench: &impl Bench) {
    let Project { org, id: project, .. } = sample::project("checkout");
    let sighting = Sighting { environment: "dev".into(), at: after(1) };
    let issue = IssueId::new("42");
    commit(
        bench,
        change(RowChange::Subscribe(sample::subscription(sample::ops(), sample::project("checkout"), sample::ana()))),
    )
    .await;
    commit(bench, change(RowChange::Sighted(Sighted { org, project, issue: issue.clone(), sighting }))).await;
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    commit(bench, change(RowChange::Sweep { now: after(2) })).await;
    assert_eq!(bench.facts().sightings(&issue).await.expect("read"), []);
}
