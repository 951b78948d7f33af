//! A small world for this crate's own tests.

use std::cell::RefCell;

use crate::{
    AccountId, Alarm, Amount, Change, ChangeKind, ChannelId, Filter, Issue, IssueId, Level, Metric, Occurrence,
    OrgSlug, Person, Place, Project, ProjectId, ProjectKey, ProjectSlug, Side, Status, Subscription, Timestamp, UserId,
    UserJid,
};

thread_local! {
    static EVERYTHING: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on whatever a stranger chooses in this thread's world is called so.
pub(crate) fn call_everything(name: &str) {
    EVERYTHING.set(Some(name.to_owned()));
}

/// What a stranger chose, who usually chooses this.
pub(crate) fn named(usual: &str) -> String {
    EVERYTHING.with_borrow(|name| name.as_deref().unwrap_or(usual).to_owned())
}

pub(crate) fn ana() -> Person {
    Person {
        account: AccountId::new("acc"),
        user: UserId::new("U1"),
        jid: UserJid::new("u1@xmpp.zoom.us"),
        name: named("Ana"),
    }
}

pub(crate) fn ops() -> Place {
    Place {
        account: AccountId::new("acc"),
        channel: ChannelId::new("ops@conference.xmpp.zoom.us"),
        name: Some(named("ops")),
        direct: false,
    }
}

pub(crate) fn project(slug: &str) -> Project {
    Project {
        org: OrgSlug::new("acme"),
        org_name: named("Acme Inc."),
        id: ProjectId::new(format!("id-{slug}")),
        slug: ProjectSlug::new(slug),
        name: named(&slug.to_uppercase()),
    }
}

pub(crate) fn subscription() -> Subscription {
    Subscription {
        place: ops(),
        project: project("checkout"),
        filter: Filter::default(),
        by: ana(),
        since: Timestamp(0),
        mute: None,
        settings: crate::ChannelSettings::default(),
    }
}

pub(crate) fn metric(alarm: Alarm, value: &str) -> Metric {
    Metric {
        alarm,
        projects: vec![ProjectSlug::new("checkout"), ProjectSlug::new("web")],
        description: Some(format!("{value} s in the last 10 minutes")),
        value: Amount::parse(value),
        unit: Some("s".into()),
        limit: Amount::parse("2.0"),
        side: Some(Side::Above),
        window: Some(10),
        started: Timestamp::parse("2026-01-02T02:50:00Z"),
        ..Metric::default()
    }
}

/// A metric alert of two projects in production.
fn metric_change(kind: ChangeKind, alarm: Alarm) -> Change {
    let occurrence = Occurrence { environment: Some("production".into()), ..Occurrence::default() };
    Change {
        installation: None,
        project: ProjectKey { org: Some(OrgSlug::new("acme")), ..ProjectKey::default() },
        issue_id: IssueId::of_alert("4"),
        issue: Issue {
            short_id: Some(Metric::short_id("31")),
            title: named("p95 latency above 2 s"),
            status: Some(alarm.status()),
            environment: occurrence.environment.clone(),
            url: Some("https://sentry.example.com/organizations/acme/alerts/rules/details/7/?alert=31".into()),
            ..Issue::default()
        },
        occurrence: Some(Box::new(occurrence)),
        kind,
        by: None,
    }
}

pub(crate) fn change(kind: ChangeKind) -> Change {
    if let ChangeKind::Metric(told) = &kind {
        let alarm = told.alarm;
        return metric_change(kind, alarm);
    }
    let status = match kind {
        ChangeKind::Resolved => Status::Resolved,
        ChangeKind::Archived { .. } => Status::Archived,
        _ => Status::Unresolved,
    };
    Change {
        installation: None,
        project: ProjectKey { id: Some(ProjectId::new("id-checkout")), ..ProjectKey::default() },
        issue_id: IssueId::new("42"),
        issue: Issue {
            short_id: Some("CHECKOUT-7".into()),
            title: named("TimeoutError: pool exhausted"),
            culprit: Some(named("checkout/pay.py in charge_card")),
            level: Some(Level::Error),
            status: Some(status),
            events: Some(3),
            users: Some(2),
            release: Some(named("2.4.1")),
            environment: Some(named("production")),
            first_seen: Timestamp::parse("2026-01-02T03:04:05Z"),
            assignee: None,
            fix: None,
            frame: None,
            tags: Vec::new(),
            hidden: 0,
            url: Some("https://sentry.example.com/organizations/acme/issues/42/".into()),
        },
        occurrence: None,
        kind,
        by: None,
    }
}

pub(crate) fn deployment() -> crate::Deployment {
    crate::Deployment {
        command: "sentry".into(),
        public_url: "https://bot.example.com".into(),
        policy: crate::Policy::Linked,
        managers: Vec::new(),
        allowed_orgs: None,
        linking: true,
        integration_org: None,
        storm_budget: 6,
        sentry_url: "https://sentry.example.com".into(),
        install_url: None,
        service_hooks: false,
    }
}

/// Counts instead of drawing: every run is the same.
#[derive(Default)]
pub(crate) struct Counting(std::sync::atomic::AtomicU64);

impl crate::Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let n = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        for (i, byte) in bytes.iter_mut().rev().enumerate() {
            *byte = n.checked_shr(8 * i as u32).unwrap_or(0) as u8;
        }
    }
}

pub(crate) fn identity() -> crate::Identity {
    crate::Identity { id: "7".into(), name: named("Ana"), email: named("ana@acme.io") }
}

pub(crate) fn linked() -> crate::LinkedPerson {
    crate::LinkedPerson {
        person: ana(),
        identity: identity(),
        credential: crate::CredentialId::new("c1"),
        since: Timestamp(0),
        manages: Vec::new(),
        roles_read: None,
    }
}
