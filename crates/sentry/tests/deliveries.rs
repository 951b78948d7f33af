//! What each webhook that Sentry sends is taken for, and what it may leave out.

use data_encoding::HEXLOWER;
use ring::{digest, hmac};
use serde_json::{Value, json};
use zentry_contract::sample;
use zentry_contract::webhook::HeaderList;
use zentry_domain::ports::{Delivery, DeliveryKey, Received};
use zentry_domain::{
    Alarm, Amount, Archive, Assignee, Card, Change, ChangeKind, ChannelSettings, Density, Event, Handle,
    InstallationId, Issue, IssueId, Level, Metric, Occurrence, OrgSlug, ProjectId, ProjectKey, ProjectSlug, Remark,
    Remarked, Secret, Side, Status, Subscription, Timestamp, Webhook,
};
use zentry_sentry::{Integration, SentryApp, SentryConfig, SentryWebhook};

const UUID: &str = "11111111-2222-4333-8444-555555555555";
const SECRETS: [&str; 2] = ["client-secret-now", "client-secret-before"];

macro_rules! fixtures {
    ($($name:ident),+ $(,)?) => {
        &[$((stringify!($name), include_str!(concat!("deliveries/", stringify!($name), ".json")))),+]
    };
}

const FIXTURES: &[(&str, &str)] = fixtures![
    issue_created,
    issue_assigned,
    issue_assigned_to_team,
    issue_resolved,
    issue_resolved_old_server,
    issue_ignored,
    issue_archived,
    issue_unresolved,
    issue_unresolved_escalating,
    issue_unresolved_regressed,
    event_alert_triggered,
    event_alert_old_server,
    installation_created,
    installation_deleted,
    metric_alert_critical,
    metric_alert_resolved,
    comment_created,
    error_created,
    activity_alert_triggered,
    seer_root_cause_completed,
    preprod_artifact_size_analysis_completed,
];

fn fixture(name: &str) -> &'static str {
    FIXTURES.iter().find(|(found, _)| *found == name).map(|(_, body)| *body).expect(name)
}

fn app() -> SentryApp {
    SentryApp { client_id: "the-app".into(), slug: "zentry".into() }
}

fn config() -> SentryConfig {
    SentryConfig {
        base: "https://sentry.example.com/tools/".parse().expect("an address"),
        client_secrets: Vec::from(SECRETS.map(Secret::new)).into(),
        integration: None,
        oauth: None,
        app: Some(app()),
    }
}

fn tag(secret: &str, body: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, body).as_ref().try_into().expect("32 bytes")
}

fn headers(secret: &str, body: &[u8]) -> HeaderList {
    HeaderList::new()
        .with("content-type", "application/json")
        .with("sentry-hook-timestamp", "1767323045")
        .with("sentry-hook-signature", HEXLOWER.encode(&tag(secret, body)))
}

fn receive_with(config: &SentryConfig, body: &[u8], resource: Option<&str>) -> Received {
    let headers = headers(SECRETS[0], body);
    let headers = resource.into_iter().fold(headers, |list, name| list.with("sentry-hook-resource", name));
    SentryWebhook::new(config).receive(&Delivery { headers: &headers, body }, Timestamp(0)).expect("signed")
}

fn receive(body: &str) -> Received {
    receive_with(&config(), body.as_bytes(), None)
}

fn event(body: &str) -> Event {
    match receive(body) {
        Received::Event { event, .. } => *event,
        other => panic!("{other:?}"),
    }
}

fn changed(body: &str) -> Change {
    match event(body) {
        Event::Changed(change) => change,
        other => panic!("{other:?}"),
    }
}

fn change(name: &str) -> Change {
    changed(fixture(name))
}

/// What a delivery says to a deployment with acme's integration, and maybe a public app.
fn with_an_integration(app: Option<SentryApp>, body: &str) -> Change {
    let integration = Some(Integration { org: acme(), token: Secret::new("t").into() });
    let received = receive_with(&SentryConfig { integration, app, ..config() }, body.as_bytes(), None);
    let Received::Event { event, .. } = received else { panic!("{received:?}") };
    let Event::Changed(change) = *event else { panic!("{event:?}") };
    change
}

/// The issue of the fixtures, as a delivery shows it that names no organization.
fn issue() -> Issue {
    Issue {
        short_id: Some("CHECKOUT-7".into()),
        title: "TimeoutError: pool exhausted".into(),
        culprit: Some("checkout/pay.py in charge_card".into()),
        level: Some(Level::Error),
        status: Some(Status::Unresolved),
        events: Some(12),
        users: Some(3),
        release: None,
        environment: None,
        first_seen: Timestamp::parse("2026-01-02T03:04:05.678Z"),
        assignee: Some(Assignee::Nobody),
        fix: None,
        frame: None,
        tags: Vec::new(),
        hidden: 0,
        url: None,
    }
}

/// `kind` happened to it, without a word of the organization.
fn told(kind: ChangeKind, by: Option<&str>, issue: Issue) -> Change {
    Change {
        installation: Some(InstallationId::new(UUID)),
        project: ProjectKey { org: None, id: Some(ProjectId::new("3")), slug: Some(ProjectSlug::new("checkout")) },
        issue_id: IssueId::new("42"),
        issue,
        occurrence: None,
        kind,
        by: by.map(str::to_owned),
    }
}

fn tags(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn acme() -> OrgSlug {
    OrgSlug::new("acme")
}

const PAGE: &str = "https://sentry.example.com/tools/organizations/acme/issues/42/?project=3";

#[test]
fn a_new_issue_names_its_organization_and_its_page_is_on_the_configured_sentry() {
    let shown = Issue { events: Some(1), users: Some(0), url: Some(PAGE.into()), ..issue() };
    let mut expected = told(ChangeKind::New, None, shown);
    expected.project.org = Some(acme());
    assert_eq!(change("issue_created"), expected);
}

#[test]
fn what_people_do_with_an_issue_is_told_with_their_names() {
    let resolved = Issue { status: Some(Status::Resolved), ..issue() };
    let archived = Issue { status: Some(Status::Archived), ..issue() };
    let to = |who: Assignee| Issue { assignee: Some(who), ..issue() };
    let ben = Assignee::User { id: "8".into(), name: "Ben".into() };
    let (ana, put_away) = (Some("Ana"), |until| ChangeKind::Archived { until });
    assert_eq!(change("issue_resolved"), told(ChangeKind::Resolved, ana, resolved));
    assert_eq!(change("issue_ignored"), told(put_away(Archive::UntilEscalating), ana, archived.clone()));
    assert_eq!(change("issue_archived"), told(put_away(Archive::Forever), ana, archived));
    assert_eq!(change("issue_unresolved"), told(ChangeKind::Reopened, ana, issue()));
    assert_eq!(change("issue_assigned"), told(ChangeKind::Assigned, ana, to(ben)));
    let payments = Assignee::Team { id: "5".into(), name: "payments".into() };
    assert_eq!(change("issue_assigned_to_team"), told(ChangeKind::Assigned, ana, to(payments)));
}

#[test]
fn an_issue_that_comes_back_is_told_from_one_that_was_reopened() {
    let many = Issue { events: Some(4021), ..issue() };
    assert_eq!(change("issue_unresolved_escalating"), told(ChangeKind::Escalating, None, many));
    assert_eq!(change("issue_unresolved_regressed"), told(ChangeKind::Regressed, None, issue()));
}

#[test]
fn an_old_server_is_understood() {
    let first_seen = Timestamp::parse("2026-01-02T03:04:05Z");
    let shown = Issue {
        culprit: None,
        level: Some(Level::Warning),
        status: Some(Status::Resolved),
        assignee: None,
        first_seen,
        url: Some(PAGE.into()),
        ..issue()
    };
    let mut expected = told(ChangeKind::Resolved, Some("Ana"), shown);
    expected.project.org = Some(acme());
    assert_eq!(change("issue_resolved_old_server"), expected);
}

#[test]
fn an_alert_tells_its_rule_and_the_event_that_made_it_fire() {
    let shown = Issue {
        title: issue().title,
        culprit: issue().culprit,
        frame: Some("checkout/pay.py:61 in charge_card".into()),
        level: Some(Level::Error),
        release: Some("2.4.1".into()),
        environment: Some("production".into()),
        url: Some(PAGE.into()),
        ..Issue::default()
    };
    let mut expected = told(ChangeKind::Alert { rule: "Page on new errors".into(), page: None }, None, shown);
    expected.occurrence = Some(Box::new(Occurrence {
        environment: Some("production".into()),
        release: Some("2.4.1".into()),
        tags: tags(&[("environment", "production"), ("level", "error"), ("release", "2.4.1")]),
    }));
    expected.project.org = Some(acme());
    assert_eq!(change("event_alert_triggered"), expected);
}

#[test]
fn an_alert_of_an_old_server_is_pieced_together_from_tags_and_addresses() {
    let shown = Issue {
        title: "disk almost full".into(),
        level: Some(Level::Warning),
        release: Some("2.3.0".into()),
        environment: Some("staging".into()),
        url: Some(PAGE.into()),
        ..Issue::default()
    };
    let mut expected = told(ChangeKind::Alert { rule: "Disk".into(), page: None }, None, shown);
    expected.occurrence = Some(Box::new(Occurrence {
        environment: Some("staging".into()),
        release: Some("2.3.0".into()),
        tags: tags(&[("environment", "staging"), ("level", "warning"), ("release", "2.3.0")]),
    }));
    expected.project = ProjectKey { org: Some(acme()), slug: None, ..expected.project };
    assert_eq!(change("event_alert_old_server"), expected);
}

#[test]
fn an_alert_that_does_not_tell_its_tags_leaves_them_to_be_asked_for() {
    for tags in ["", r#","tags":null"#, r#","tags":"many""#] {
        let body = format!(
            r#"{{"action":"triggered","data":{{"event":{{"event_id":"0","issue_id":"42","project":3{tags}}}}}}}"#
        );
        assert_eq!(changed(&body).occurrence, None, "{body}");
    }
    let none = r#"{"action":"triggered","data":{"event":{"event_id":"0","issue_id":"42","project":3,"tags":[]}}}"#;
    assert_eq!(changed(none).occurrence.as_deref(), Some(&Occurrence::default()));
}

/// What a metric alert tells of itself.
fn metric(change: &Change) -> &Metric {
    let ChangeKind::Metric(metric) = &change.kind else { panic!("{change:?}") };
    metric
}

fn amount(text: &str) -> Option<Amount> {
    Some(Amount::parse(text).expect("a number"))
}

#[test]
fn a_metric_alert_tells_its_numbers_and_its_page_is_on_the_configured_sentry() {
    let told = Metric {
        alarm: Alarm::Critical,
        projects: vec![ProjectSlug::new("checkout"), ProjectSlug::new("web")],
        description: Some("120 events in the last 5 minutes".into()),
        value: amount("120"),
        unit: Some("events".into()),
        limit: amount("100"),
        side: Some(Side::Above),
        window: Some(5),
        started: Timestamp::parse("2026-01-02T03:00:00Z"),
        ..Metric::default()
    };
    let page = "https://sentry.example.com/tools/organizations/acme/alerts/rules/details/7/?alert=31";
    let expected = Change {
        installation: Some(InstallationId::new(UUID)),
        project: ProjectKey { org: Some(acme()), ..ProjectKey::default() },
        issue_id: IssueId::of_alert("4"),
        issue: Issue {
            short_id: Some("ALERT-31".into()),
            title: "Too many 500s".into(),
            status: Some(Status::Unresolved),
            url: Some(page.into()),
            ..Issue::default()
        },
        occurrence: Some(Box::default()),
        kind: ChangeKind::Metric(Box::new(told)),
        by: None,
    };
    assert_eq!(change("metric_alert_critical"), expected);
}

#[test]
fn a_metric_alert_that_is_over_tells_the_limit_that_it_is_back_within() {
    let over = change("metric_alert_resolved");
    assert_eq!((over.issue.title.as_str(), over.issue.status), ("p95 latency above 2 s", Some(Status::Resolved)));
    assert_eq!(over.issue.environment.as_deref(), Some("production"));
    assert_eq!(over.occurrence.as_ref().and_then(|told| told.environment.as_deref()), Some("production"));
    let told = metric(&over);
    assert_eq!((&told.value, told.unit.as_deref(), &told.limit), (&amount("1.2"), Some("s p95"), &amount("1.5")));
    assert_eq!(
        (told.side, told.window, told.ended),
        (Some(Side::Above), Some(10), Timestamp::parse("2026-01-02T03:28:00Z"))
    );
    assert_eq!(over.project.org, Some(acme()), "its host names it, too");

    let by_hand = fixture("metric_alert_resolved").replace(r#""status_method": 3"#, r#""status_method": 1"#);
    assert_eq!(metric(&changed(&by_hand)).side, None, "nobody knows where the number is");
    let nobody_said =
        fixture("metric_alert_resolved").replace(r#""resolve_threshold": 1.5"#, r#""resolve_threshold": null"#);
    assert_eq!(metric(&changed(&nobody_said)).limit, amount("2.0"), "the first of its limits");
}

#[test]
fn the_number_of_a_metric_alert_is_read_where_its_words_leave_no_doubt() {
    let told = |text: &str| {
        let text = serde_json::to_string(text).expect("JSON");
        let body = fixture("metric_alert_critical").replace(r#""120 events in the last 5 minutes""#, &text);
        let change = changed(&body);
        let metric = metric(&change);
        (metric.value.clone(), metric.unit.clone())
    };
    let of = |value: &str, unit: &str| (amount(value), Some(unit.to_owned()).filter(|unit| !unit.is_empty()));
    for (text, expected) in [
        ("1,240 events in the last 1 hour", of("1240", "events")),
        ("3.4s in the last 10 minutes", of("3.4", "s")),
        ("3.4 s", of("3.4", "s")),
        ("95.25% sessions crash free rate in the last 1 hour\nFilter: x", of("95.25", "% sessions crash free rate")),
        ("2.3333333333333335 p95(transaction.duration) in the last 1 day", of("2.33", "p95(transaction.duration)")),
        ("0.001234 failures in the last 1 day", of("0.0012", "failures")),
        ("-5 points", of("-5", "points")),
        ("17", of("17", "")),
        ("Events 50.0% higher in the last 60 minutes compared to the same time one week ago", (None, None)),
        ("No data sessions crash free rate in the last 1 hour", (None, None)),
        ("5xx answers in the last 10 minutes", (None, None)),
        ("3,4 s in the last 10 minutes", (None, None)),
        ("1 of the many things that may be wrong here is wrong", (None, None)),
        ("1.2.3", (None, None)),
        ("", (None, None)),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

#[test]
fn two_metric_alerts_of_one_identifier_in_two_organizations_are_two() {
    let numbered = |id: &str, organization: &str, identifier: &str| {
        let body = fixture("metric_alert_critical")
            .replace(r#""id": "4""#, &format!(r#""id": {id}"#))
            .replace(r#""identifier": "31""#, &format!(r#""identifier": {identifier}"#));
        let body = body.replace(r#""organization_id": "5""#, &format!(r#""organization_id": {organization}"#));
        changed(&body).issue_id
    };
    assert_eq!(numbered("4", "5", "31"), IssueId::of_alert("4"));
    assert_eq!(numbered("null", "5", "31"), IssueId::of_alert("5/31"));
    assert_ne!(numbered("null", "5", "31"), numbered(r#""../x""#, "6", "31"));
    let unnumbered = fixture("metric_alert_critical").replace(r#""id": "4""#, r#""id": {}"#);
    let Received::Unreadable(why) = receive(&unnumbered.replace(r#""identifier": "31""#, r#""identifier": null"#))
    else {
        panic!("it has no number")
    };
    assert_eq!(why, "a metric alert without its number");
}

#[test]
fn no_name_in_a_metric_alert_leads_its_link_astray() {
    for (name, hostile) in
        [("\"id\": \"7\"", "\"id\": \"../../../evil\""), ("\"identifier\": \"31\"", "\"identifier\": \"1&x=2\"")]
    {
        let url = changed(&fixture("metric_alert_critical").replace(name, hostile)).issue.url;
        assert!(url.iter().all(|url| !url.contains("evil") && !url.contains("x=2")), "{url:?}");
    }
    let elsewhere = fixture("metric_alert_critical").replace("https://sentry.io/", "https://evil.example/");
    assert_eq!(changed(&elsewhere).issue.url, change("metric_alert_critical").issue.url);
}

#[test]
fn installations_come_and_go() {
    let (installation, code) = (InstallationId::new(UUID), Secret::new("fedcba9876543210fedcba9876543210"));
    let installed = Event::IntegrationInstalled { installation: installation.clone(), org: acme(), code: Some(code) };
    assert_eq!(event(fixture("installation_created")), installed);
    let removed = Event::IntegrationRemoved { installation, org: Some(acme()) };
    assert_eq!(event(fixture("installation_deleted")), removed);
}

#[test]
fn what_no_card_shows_is_ignored_by_name() {
    let built = receive(fixture("preprod_artifact_size_analysis_completed"));
    assert_eq!(built, Received::Ignored("preprod_artifact"));
    assert_eq!(receive(r#"{"action":"created","data":{}}"#), Received::Ignored("unknown resource"));
    let moved = r#"{"action":"moved","data":{"issue":{"id":"42"}}}"#;
    assert_eq!(receive(moved), Received::Ignored("issue: unknown action"));
}

#[test]
fn a_comment_names_its_issue_and_whoever_wrote_it() {
    let told = change("comment_created");
    let key = ProjectKey { org: None, id: None, slug: Some(ProjectSlug::new("checkout")) };
    assert_eq!((&told.issue_id, &told.project, &told.issue), (&IssueId::new("42"), &key, &Issue::default()));
    let remark = Remark { what: Remarked::Comment, text: "looking".into(), by: Some("Ana".into()) };
    assert_eq!(told.kind, ChangeKind::Remark(Box::new(remark.clone())));

    let text = fixture("comment_created").replace("\"created\"", "\"updated\"").replace("42", "\"42\"");
    let another = Remark { what: Remarked::CommentChanged, ..remark };
    assert_eq!(changed(&text).kind, ChangeKind::Remark(Box::new(another)));
    let text = fixture("comment_created").replace("\"created\"", "\"deleted\"");
    assert_eq!(receive(&text), Received::Ignored("comment: nothing to say"));
}

#[test]
fn what_the_analysis_found_is_a_remark_about_an_issue_whose_project_it_does_not_tell() {
    let told = change("seer_root_cause_completed");
    assert_eq!((&told.issue_id, &told.project), (&IssueId::new("42"), &ProjectKey::default()));
    let text = "Root cause: The pool is too small.".into();
    assert_eq!(told.kind, ChangeKind::Remark(Box::new(Remark { what: Remarked::Seer, text, by: None })));
    let begun = fixture("seer_root_cause_completed").replace("_completed", "_started");
    assert_eq!(receive(&begun), Received::Ignored("seer: nothing to say yet"));
}

#[test]
fn every_event_tells_of_its_issue_as_an_alert_does() {
    let (told, alert) = (change("error_created"), change("event_alert_triggered"));
    assert_eq!(told.kind, ChangeKind::Seen);
    assert_eq!((&told.issue_id, &told.project), (&alert.issue_id, &alert.project));
    assert_eq!(told.occurrence.as_ref().and_then(|seen| seen.environment.as_deref()), Some("production"));
}

#[test]
fn a_rule_that_fires_for_an_activity_tells_of_its_issue() {
    let told = change("activity_alert_triggered");
    assert_eq!(told.kind, ChangeKind::Alert { rule: "Tell us about fixes".into(), page: None });
    assert_eq!((told.project.org, told.issue.short_id.as_deref()), (Some(acme()), Some("CHECKOUT-7")));
    assert_eq!(told.issue.url.as_deref(), Some(PAGE));
}

#[test]
fn an_internal_integration_knows_its_organization_without_being_told() {
    let change = with_an_integration(None, fixture("issue_resolved"));
    assert_eq!(change.project.org, Some(acme()));
    assert_eq!(change.issue.url.as_deref(), Some(PAGE));
}

#[test]
fn beside_a_public_app_an_unnamed_organization_is_not_taken_for_the_integrations() {
    let app = || Some(app());
    assert_eq!(with_an_integration(app(), fixture("issue_resolved")), change("issue_resolved"));
    let nowhere = r#"{"action":"triggered","data":{"event":{"issue_id":"42","project":3},"triggered_rule":"any"}}"#;
    assert_eq!(with_an_integration(app(), nowhere).project.org, None);
    assert_eq!(with_an_integration(None, nowhere).project.org, Some(acme()));
    assert_eq!(with_an_integration(app(), fixture("issue_created")).project.org, Some(acme()), "it is named");
}

#[test]
fn what_a_delivery_does_not_tell_is_not_made_up() {
    let alert = r#"{"action":"triggered","data":{"event":{"issue_id":"42"},"triggered_rule":"any"}}"#;
    let assigned = r#"{"action":"assigned","data":{"issue":{"id":"42"}}}"#;
    let created = r#"{"action":"created","data":{"issue":{"id":"42"}}}"#;
    for body in [alert, assigned, created] {
        let issue = changed(body).issue;
        assert_eq!((issue.level, issue.status, issue.assignee), (None, None, None), "{body}");
    }
}

#[test]
fn an_action_tells_the_status_that_is_not_told_otherwise() {
    for (action, status) in [
        ("resolved", Status::Resolved),
        ("ignored", Status::Archived),
        ("archived", Status::Archived),
        ("unresolved", Status::Unresolved),
    ] {
        let body = format!(r#"{{"action":"{action}","data":{{"issue":{{"id":"42"}}}}}}"#);
        assert_eq!(changed(&body).issue.status, Some(status), "{action}");
    }
}

#[test]
fn an_assignee_is_looked_for_in_both_places() {
    let ben = r#"{"type":"user","name":"Ben"}"#;
    for (data, expected) in [
        (
            format!(r#""assignee":{ben},"issue":{{"id":"42","assignedTo":null}}"#),
            Some(Assignee::Somebody("Ben".into())),
        ),
        (format!(r#""issue":{{"id":"42","assignedTo":{ben}}}"#), Some(Assignee::Somebody("Ben".into()))),
        (r#""issue":{"id":"42","assignedTo":null}"#.to_owned(), Some(Assignee::Nobody)),
        (r#""issue":{"id":"42"}"#.to_owned(), None),
    ] {
        let body = format!(r#"{{"action":"assigned","data":{{{data}}}}}"#);
        assert_eq!(changed(&body).issue.assignee, expected, "{body}");
    }
}

#[test]
fn an_old_server_tells_only_by_details_until_when_an_issue_is_archived() {
    let until = |details: &str| {
        let body = format!(
            r#"{{"action":"ignored","data":{{"issue":{{"id":"42","status":"ignored","statusDetails":{details}}}}}}}"#
        );
        changed(&body).kind
    };
    assert_eq!(until(r#"{"ignoreCount":100}"#), ChangeKind::Archived { until: Archive::Events(100) });
    assert_eq!(until("{}"), ChangeKind::Archived { until: Archive::Untold });
}

#[test]
fn no_header_but_the_signature_makes_a_difference() {
    for (name, body) in FIXTURES {
        let expected = receive(body);
        for resource in ["issue", "event_alert", "installation", "comment", "nonsense", "\u{7}"] {
            let received = receive_with(&config(), body.as_bytes(), Some(resource));
            // Where a body fits two resources, the header may choose between these, and there both mean nothing.
            let both_nothing = matches!((&received, &expected), (Received::Ignored(_), Received::Ignored(_)));
            assert!(both_nothing || received == expected, "{name} as {resource}: {received:?}");
        }
    }
}

#[test]
fn a_repeat_is_known_by_its_signature_and_by_what_it_means() {
    let digest =
        |text: &str| DeliveryKey(digest::digest(&digest::SHA256, text.as_bytes()).as_ref().try_into().unwrap());
    let alert = "sentry|event_alert|0123456789abcdef0123456789abcdef|Page on new errors";
    for (name, meaning) in [
        ("event_alert_triggered", Some(digest(alert))),
        ("installation_created", Some(digest(&format!("sentry|installation|{UUID}|created")))),
        ("installation_deleted", Some(digest(&format!("sentry|installation|{UUID}|deleted")))),
        (
            "metric_alert_critical",
            Some(digest("sentry|metric_alert|alert-4|critical|120 events in the last 5 minutes")),
        ),
        ("issue_resolved", None),
    ] {
        let body = fixture(name);
        let Received::Event { keys, .. } = receive(body) else { panic!("{name}") };
        let signed = DeliveryKey(tag(SECRETS[0], body.as_bytes()));
        assert_eq!(keys, [Some(signed), meaning].into_iter().flatten().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn half_a_character_costs_no_event() {
    let body = fixture("issue_resolved").replace("pool exhausted", r"pool \ud83d exhausted");
    let Event::Changed(change) = event(&body) else { panic!("a change") };
    assert_eq!(change.issue.title, "TimeoutError: pool \u{fffd} exhausted");
}

#[test]
fn megabytes_that_nobody_sees_are_skipped() {
    let frames = format!(r#"{{"vars":{{"x":"{}"}}}},"#, "y".repeat(1_000)).repeat(4_000);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let stack = format!(r#""exception":{{"values":[{frames}{deep}]}},"event_id""#);
    let without = fixture("event_alert_triggered").replace(r#""exception""#, r#""threads""#);
    let body = without.replacen(r#""event_id""#, &stack, 1);
    assert!(body.len() > 4_000_000);
    assert!(matches!(event(&body), Event::Changed(_)));
}

/// Everything but these may be missing or null, and the event is still an event.
fn is_needed(path: &str) -> bool {
    const NEEDED: [&str; 13] = [
        "/action",
        "/data",
        "/data/issue",
        "/data/issue/id",
        "/data/event",
        "/data/error",
        "/data/issue_id",
        "/data/group_id",
        "/data/metric_alert",
        "/data/installation",
        "/data/installation/uuid",
        "/data/installation/organization",
        "/data/installation/organization/slug",
    ];
    NEEDED.contains(&path)
}

#[test]
fn any_other_field_may_be_missing_or_null() {
    let mut tried = 0;
    for (name, body) in FIXTURES {
        let whole: Value = serde_json::from_str(body).unwrap();
        let expected = kind_of(&receive(body));
        for path in paths(&whole, String::new()) {
            for spoiled in [without(&whole, &path), nulled(&whole, &path)] {
                let received = receive(&spoiled.to_string());
                tried += 1;
                if !is_needed(&path) {
                    // What tells resources apart may change what is ignored, never whether.
                    assert_eq!(kind_of(&received), expected, "{name} without {path}: {received:?}");
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

/// What the card of a metric alert says in full, word for word, to a channel that is connected to its first project.
fn said(received: &Received) -> Vec<String> {
    let Received::Event { event, .. } = received else { panic!("{received:?}") };
    let Event::Changed(change) = &**event else { panic!("{event:?}") };
    let settings = ChannelSettings { density: Density::Full, ..ChannelSettings::default() };
    let subscription =
        Subscription { settings, ..sample::subscription(sample::ops(), sample::project("checkout"), sample::ana()) };
    let notice = Card::open(Handle::new("h"), &subscription, change, START).notice();
    let lines = notice.lines.into_iter().map(|line| line.text);
    std::iter::once(notice.head)
        .chain(lines)
        .flat_map(|text| text.split(" · ").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// When everything is heard.
const START: Timestamp = Timestamp(1_767_325_000_000);

#[test]
fn whatever_is_missing_a_metric_alerts_card_says_nothing_that_was_not_told() {
    // What is said instead where a part of it is not known.
    const INSTEAD: [&str; 11] = [
        "Now 120 events",
        "Limit 100",
        "over at 03:28 UTC (28 min)",
        "back under 1.5 s at 03:28 UTC",
        "back under 1.5 at 03:28 UTC (28 min)",
        "back under 2.0 s at 03:28 UTC (28 min)",
        "back under 1.5 s at 03:36 UTC (36 min)",
        "[checkout] p95 latency above 2 s",
        "[checkout] Too many 500s",
        "[web] Too many 500s",
        "Open in Sentry",
    ];
    let mut cards = 0;
    for name in ["metric_alert_critical", "metric_alert_resolved"] {
        let whole: Value = serde_json::from_str(fixture(name)).unwrap();
        let all = said(&receive(&whole.to_string()));
        for path in paths(&whole, String::new()).into_iter().filter(|path| !is_needed(path)) {
            let strange = |other: Value| {
                let mut value = whole.clone();
                *value.pointer_mut(&path).expect("a path") = other;
                value
            };
            for spoiled in
                [without(&whole, &path), nulled(&whole, &path), strange(json!({ "a": [1] })), strange(json!([]))]
            {
                let card = said(&receive(&spoiled.to_string()));
                cards += 1;
                assert_eq!(card[0], all[0], "the state is the action's: {name} without {path}");
                for part in &card {
                    assert!(
                        all.contains(part) || INSTEAD.contains(&part.as_str()),
                        "{name} without {path}: {part:?} in {card:?}"
                    );
                }
            }
        }
    }
    assert!(cards > 250, "{cards}");
}

#[test]
fn without_what_is_needed_the_reason_says_what_is_missing() {
    for (name, path, reason) in [
        ("issue_resolved", "/action", "action"),
        ("issue_resolved", "/data/issue/id", "issue without its number"),
        ("installation_created", "/data/installation/organization", "installation without its organization"),
    ] {
        let body = without(&serde_json::from_str(fixture(name)).unwrap(), path).to_string();
        let Received::Unreadable(why) = receive(&body) else { panic!("{name} without {path}") };
        assert!(why.contains(reason), "{why}");
    }
}

fn kind_of(received: &Received) -> &'static str {
    match received {
        Received::Event { .. } => "event",
        Received::Ignored(_) => "ignored",
        Received::Unreadable(_) => "unreadable",
        Received::Challenge(_) => "challenge",
    }
}

fn paths(value: &Value, at: String) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, inner)| (format!("{at}/{name}"), inner)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(n, inner)| (format!("{at}/{n}"), inner)).collect(),
        _ => Vec::new(),
    };
    inner.into_iter().flat_map(|(path, inner)| [vec![path.clone()], paths(inner, path)].concat()).collect()
}

fn nulled(value: &Value, path: &str) -> Value {
    let mut value = value.clone();
    *value.pointer_mut(path).expect(path) = Value::Null;
    value
}

fn without(value: &Value, path: &str) -> Value {
    let mut value = value.clone();
    let (parent, name) = path.rsplit_once('/').expect("a path");
    match value.pointer_mut(parent).expect(parent) {
        Value::Object(map) => drop(map.remove(name)),
        Value::Array(list) => drop(list.remove(name.parse().expect("a place"))),
        _ => unreachable!("only objects and lists have parts"),
    }
    value
}

/// The promises of every webhook.
mod contract {
    use zentry_contract::webhook::Bench;

    use super::*;

    struct Sentry(SentryWebhook);

    impl Bench for Sentry {
        fn webhook(&self) -> &dyn Webhook {
            &self.0
        }

        fn secrets(&self) -> Vec<String> {
            SECRETS.map(str::to_owned).into()
        }

        fn sign(&self, secret: &str, body: &[u8], at: Timestamp) -> HeaderList {
            headers(secret, body)
                .without("sentry-hook-timestamp")
                .with("sentry-hook-timestamp", (at.0 / 1_000).to_string())
                .with("sentry-hook-resource", "issue")
                .with("request-id", "0123456789abcdef0123456789abcdef")
        }

        fn signature_header(&self) -> &'static str {
            "sentry-hook-signature"
        }

        fn unsigned_headers(&self) -> Vec<&'static str> {
            vec!["content-type", "request-id", "sentry-hook-resource", "sentry-hook-timestamp"]
        }

        fn samples(&self) -> Vec<Vec<u8>> {
            FIXTURES.iter().map(|(_, body)| compact(body)).filter(|body| is_event(body)).collect()
        }

        fn unknown(&self) -> Vec<Vec<u8>> {
            FIXTURES.iter().map(|(_, body)| compact(body)).filter(|body| !is_event(body)).collect()
        }
    }

    /// As Sentry writes it.
    fn compact(body: &str) -> Vec<u8> {
        serde_json::from_str::<Value>(body).expect("a fixture").to_string().into_bytes()
    }

    fn is_event(body: &[u8]) -> bool {
        matches!(receive_with(&config(), body, None), Received::Event { .. })
    }

    zentry_contract::webhook_suite!(Sentry(SentryWebhook::new(&config())));
}
