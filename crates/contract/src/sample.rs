//! A small world that all suites share: Ana and Ben of one account, a stranger of another, two channels, one project.

use zentry_domain::{
    AccountId, Change, ChangeKind, ChannelId, ChannelSettings, Filter, Issue, IssueId, Level, OrgSlug, Person, Place,
    Project, ProjectId, ProjectKey, ProjectSlug, Status, Subscription, Timestamp, UserId, UserJid,
};

/// 2026-01-02T03:04:05Z: when the suites begin.
pub const START: Timestamp = Timestamp(1_767_323_045_000);

/// Ana of account `acc`.
pub fn ana() -> Person {
    person("acc", "U1", "Ana")
}

/// Ben of account `acc`.
pub fn ben() -> Person {
    person("acc", "U2", "Ben")
}

/// Mallory of account `other`.
pub fn mallory() -> Person {
    person("other", "U9", "Mallory")
}

/// Somebody of some account.
pub fn person(account: &str, user: &str, name: &str) -> Person {
    Person {
        account: AccountId::new(account),
        user: UserId::new(user),
        jid: UserJid::new(format!("{}@xmpp.zoom.us", user.to_lowercase())),
        name: name.into(),
    }
}

/// Channel `ops` of account `acc`.
pub fn ops() -> Place {
    channel("acc", "ops")
}

/// A channel of some account.
pub fn channel(account: &str, name: &str) -> Place {
    Place {
        account: AccountId::new(account),
        channel: ChannelId::new(format!("{name}@conference.xmpp.zoom.us")),
        name: Some(name.into()),
        direct: false,
    }
}

/// A project of organization `acme`.
pub fn project(slug: &str) -> Project {
    Project {
        org: OrgSlug::new("acme"),
        org_name: "Acme Inc.".into(),
        id: ProjectId::new(format!("id-{slug}")),
        slug: ProjectSlug::new(slug),
        name: slug.to_uppercase(),
    }
}

/// `place` connected to `project` by `by`.
pub fn subscription(place: Place, project: Project, by: Person) -> Subscription {
    Subscription {
        place,
        project,
        filter: Filter::default(),
        by,
        since: START,
        mute: None,
        settings: ChannelSettings::default(),
    }
}

/// Something that happened to issue 42 of project `checkout`.
pub fn change(kind: ChangeKind) -> Change {
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
            title: "TimeoutError: pool exhausted".into(),
            level: Some(Level::Error),
            status: Some(status),
            url: Some("https://sentry.example.com/organizations/acme/issues/42/".into()),
            ..Issue::default()
        },
        occurrence: None,
        kind,
        by: None,
    }
}
