//! What is stored must stay readable after an upgrade: each file in `golden/` is a row as this or an earlier build wrote it.
//!
//! A new shape gets a new file; an old file is never changed.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zentry_domain::{
    AccountId, Act, Action, Actor, Address, Alarm, Amount, Answer, Archive, AskFirst, AskWhom, Assignee, Button,
    Candidate, ChannelId, ChannelSettings, Choice, Connect, Content, CredentialId, Density, Digest, Doing, Filter, Fix,
    Group, Handle, HookId, Identity, InstallationId, Issue, IssueId, IssueRef, Job, Join, Kind, LeftHook, Level, Limit,
    Line, MessageId, Metric, Mute, Notice, Offered, OrgSlug, Pending, Person, Place, Press, Privacy, Project,
    ProjectId, ProjectSlug, Release, Remark, Remarked, Secret, Select, SelectOption, Setting, Side, Sighting, Standing,
    Status, Step, Subscription, Tag, Tags, Tell, Terms, Test, Timestamp, Tone, TriggerId, Undoing, Unfurl, Update,
    Updates, UserId, UserJid, Whole, Zone,
};

fn golden<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, value: &T) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.json"));
    if !path.exists() && option_env!("ZENTRY_BLESS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(value).expect("serialises") + "\n").expect("written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let read: T = serde_json::from_str(&stored).unwrap_or_else(|error| panic!("{name} is no longer readable: {error}"));
    assert_eq!(read, *value, "{name} is read as something else");
}

fn ana() -> Person {
    Person {
        account: AccountId::new("acc"),
        user: UserId::new("U1"),
        jid: UserJid::new("u1@xmpp.zoom.us"),
        name: "Ana".into(),
    }
}

fn ops() -> Place {
    Place {
        account: AccountId::new("acc"),
        channel: ChannelId::new("ops@conference.xmpp.zoom.us"),
        name: Some("ops".into()),
        direct: false,
    }
}

fn checkout() -> Project {
    Project {
        org: OrgSlug::new("acme"),
        org_name: "Acme Inc.".into(),
        id: ProjectId::new("3"),
        slug: ProjectSlug::new("checkout"),
        name: "Checkout".into(),
    }
}

fn content(standing: Standing) -> Content {
    Content {
        place: ops(),
        by: ana(),
        project: checkout(),
        issue_id: IssueId::new("42"),
        issue: Issue {
            short_id: Some("CHECKOUT-7".into()),
            title: "TimeoutError: pool exhausted".into(),
            culprit: Some("checkout/pay.py in charge_card".into()),
            level: Some(Level::Error),
            status: Some(Status::Unresolved),
            events: Some(3),
            users: Some(2),
            release: Some("2.4.1".into()),
            environment: Some("production".into()),
            first_seen: Some(Timestamp(1_767_323_045_000)),
            assignee: Some(Assignee::Somebody("Ben".into())),
            fix: None,
            frame: None,
            tags: Vec::new(),
            hidden: 0,
            url: Some("https://sentry.example.com/organizations/acme/issues/42/".into()),
        },
        standing,
        steps: Vec::new(),
        doing: None,
        said_below: false,
        settings: ChannelSettings::default(),
    }
}

fn without_select(answer: &Answer) -> Answer {
    Answer { notice: Notice { selects: Vec::new(), ..answer.notice.clone() }, ..answer.clone() }
}

#[test]
fn jobs_stay_readable() {
    let card = || Handle::new("0123456789abcdef0123456789abcdef");
    let actor = || Actor::Person { account: AccountId::new("acc"), credential: CredentialId::new("c1") };
    golden("job_show", &Job::Show { account: AccountId::new("acc"), card: card() });
    let notice = Notice {
        head: "Connected: acme / checkout".into(),
        lines: vec![Line { text: "Open".into(), link: Some("https://sentry.example.com/".into()) }],
        buttons: vec![Button {
            label: "Resolve".into(),
            press: Press { card: card(), choice: Choice::Act(Action::Resolve) },
            primary: true,
        }],
        tone: Some(Tone::Open(Level::Fatal)),
        selects: vec![Select {
            label: "Level".into(),
            options: vec![SelectOption {
                label: "error".into(),
                press: Press { card: card(), choice: Choice::Offered(3) },
            }],
            chosen: Some(0),
        }],
        ..Notice::default()
    };
    let fallback = Answer {
        to: Address::privately(&ops(), &ana()),
        notice: Notice::text("Else"),
        replaces: None,
        otherwise: None,
    };
    let replaces = Some(MessageId::new("m1"));
    let answer = Answer { to: Address::direct(&ana()), notice, replaces, otherwise: Some(Box::new(fallback)) };
    let plain = Answer { replaces: None, ..without_select(&answer) };
    golden("job_answer", &Job::Answer(plain));
    golden("job_answer_with_select", &Job::Answer(answer));
    golden(
        "job_connect",
        &Job::Connect(Box::new(Connect {
            by: ana(),
            place: ops(),
            org: "acme".into(),
            project: "checkout".into(),
            filter: Filter::default(),
            actor: actor(),
            identity: Some(Identity { id: "7".into(), name: "Ana".into(), email: "ana@acme.io".into() }),
            just_linked: true,
        })),
    );
    golden(
        "job_update",
        &Job::Update(Update {
            card: card(),
            issue: IssueRef { org: OrgSlug::new("acme"), id: IssueId::new("42") },
            action: Action::Archive,
            by: ana(),
            place: ops(),
            actor: Actor::Integration { org: OrgSlug::new("acme") },
        }),
    );
    let actions = [
        Action::ResolveIn(Release::Next),
        Action::ResolveIn(Release::Current),
        Action::ArchiveUntil(Limit::Hour),
        Action::ArchiveUntil(Limit::Day),
        Action::ArchiveUntil(Limit::Ten),
        Action::ArchiveUntil(Limit::Hundred),
        Action::ArchiveUntil(Limit::Thousand),
        Action::ArchiveUntil(Limit::Forever),
        Action::Assign(Assignee::Nobody),
        Action::Assign(Assignee::User { id: "8".into(), name: "Ben".into() }),
        Action::Assign(Assignee::Team { id: "5".into(), name: "payments".into() }),
    ];
    golden("actions", &actions);
    let remark = Remark { what: Remarked::Comment, text: "looking".into(), by: Some("Ben".into()) };
    let tell = Tell { place: ops(), by: ana(), project: checkout(), issue: IssueId::new("42"), remark };
    golden("job_tell", &Job::Tell(tell));
    golden("remarked", &[Remarked::Comment, Remarked::CommentChanged, Remarked::Seer]);
    golden("kinds", &Kind::ALL);
    let me = Some(Identity { id: "7".into(), name: "Ana".into(), email: "ana@acme.io".into() });
    let asks = AskWhom { card: card(), by: ana(), place: ops(), actor: actor(), me, search: None, replaces: None };
    golden("job_ask_whom", &Job::AskWhom(asks.clone()));
    let (search, replaces) = (Some("jo".into()), Some(MessageId::new("m1")));
    golden("job_ask_whom_called_so", &Job::AskWhom(AskWhom { search, replaces, ..asks }));
    let elsewhere = Sighting { environment: "dev".into(), at: Timestamp(1_767_323_045_000) };
    let environment = "production".into();
    golden(
        "job_ask_first",
        &Job::AskFirst(AskFirst { project: checkout(), issue: IssueId::new("42"), environment, elsewhere }),
    );
    golden("job_forget", &Job::Forget { account: AccountId::new("acc"), credential: CredentialId::new("c1") });
    let left = LeftHook { id: HookId::new("0a1b"), token: Digest([7; 32]), project: checkout() };
    let (account, credential) = (AccountId::new("acc"), CredentialId::new("c1"));
    golden("job_leave", &Job::Leave { account, credential, hooks: vec![left] });
    let (installation, code) = (InstallationId::new("11111111-2222-4333-8444-555555555555"), Secret::new("c0de"));
    golden("job_install", &Job::Install { installation, code });
    golden("job_expire_link", &Job::ExpireLink { link: Digest([7; 32]) });
    golden("job_sweep", &Job::Sweep);
    golden("job_tend_hooks", &Job::TendHooks);
    for name in ["job_show_storm", "job_show_roundup"] {
        golden(name, &Job::ShowRoundup { account: AccountId::new("acc"), roundup: card() });
    }
    golden("job_show_later", &Job::ShowLater { account: AccountId::new("acc"), card: card() });
    golden("job_read_directory", &Job::ReadDirectory { account: AccountId::new("acc") });
    golden("job_reconcile", &Job::Reconcile { org: OrgSlug::new("acme") });
    let issue = IssueRef { org: OrgSlug::new("acme"), id: IssueId::new("42") };
    let (message, trigger) = (Some(MessageId::new("m1")), TriggerId::new("t1"));
    golden("job_unfurl", &Job::Unfurl(Unfurl { by: ana(), place: ops(), message, issue, trigger }));
    golden("job_test", &Job::Test(Test { by: ana(), place: ops() }));
    let issue = IssueId::new("42");
    let (org, project, slug) = (checkout().org, checkout().id, checkout().slug);
    golden("job_join", &Job::Join(Join { place: ops(), org, project, slug, issue }));
    let seen = [None, Some(MessageId::new("m"))];
    let candidate = |seen: Option<MessageId>| Candidate {
        account: AccountId::new("acc"),
        card: card(),
        told: seen.is_none(),
        seen,
    };
    let cards = seen.map(candidate).to_vec();
    golden("job_sift", &Job::Sift { project: checkout(), issue: IssueId::new("42"), cards });
    golden("job_read_roles", &Job::ReadRoles { account: AccountId::new("acc"), user: UserId::new("U1") });
    golden("job_refresh", &Job::Refresh { project: checkout(), issue: IssueId::new("42") });
    golden("job_reread", &Job::Reread { issue: IssueId::new("42") });
}

#[test]
fn subscriptions_stay_readable() {
    let subscription = Subscription {
        place: ops(),
        project: checkout(),
        filter: Filter::default(),
        by: ana(),
        since: Timestamp(1_767_323_045_000),
        mute: None,
        settings: ChannelSettings::default(),
    };
    golden("subscription", &subscription);
    let mute = Mute { until: Timestamp(1_767_323_045_000), roundup: Handle::new("0123456789abcdef0123456789abcdef") };
    golden("subscription_muted", &Subscription { mute: Some(mute.clone()), ..subscription.clone() });
    golden("undo_muted", &Undoing::Muted(vec![(checkout(), None), (checkout(), Some(mute))]));
    let whole = Whole {
        place: ops(),
        org: OrgSlug::new("acme"),
        org_name: "Acme Inc.".into(),
        filter: Filter::default(),
        by: ana(),
        since: Timestamp(1_767_323_045_000),
    };
    golden("whole", &whole);
    let boxed = || Box::new(whole.clone());
    let settings = ChannelSettings {
        updates: Updates::Thread,
        density: Density::Full,
        privacy: Privacy::NoMessage,
        ..ChannelSettings::default()
    };
    let in_berlin = ChannelSettings { zone: Zone::named("Europe/Berlin"), ..settings };
    golden("undo_settings_in_a_zone", &Undoing::Settings(in_berlin));
    golden("undo_settings", &Undoing::Settings(settings));
    golden("subscription_with_settings", &Subscription { settings, ..subscription.clone() });
    let connected = |before| Undoing::ConnectedWhole { whole: boxed(), projects: vec![checkout()], before };
    golden("undo_connected_whole", &connected(None));
    golden("undo_connected_more", &connected(Some(boxed())));
    let gone = vec![subscription.clone()];
    golden("undo_disconnected_whole", &Undoing::DisconnectedWhole { wholes: vec![whole.clone()], gone });
    let before = vec![(checkout(), Filter::default())];
    golden("undo_filtered_whole", &Undoing::FilteredWhole { whole: boxed(), before });
    golden("undo_connected", &Undoing::Connected(checkout()));
    golden("undo_disconnected", &Undoing::Disconnected(vec![subscription]));
    let filter = Filter {
        events: Kind::ALL[..7].to_vec(),
        level: Level::Info,
        except_levels: vec![Level::Warning],
        title: Terms { any: vec!["disk".into()], none: vec!["test".into()] },
        ..Filter::default()
    };
    golden("undo_filtered", &Undoing::Filtered { project: checkout(), filter });
    let filter = Filter {
        environment: Terms { any: vec!["production".into(), "stag*".into()], none: vec!["dev".into()] },
        tags: [("browser".into(), Terms { any: vec![], none: vec!["bot*".into()] })].into(),
        ..Filter::default()
    };
    golden("undo_filtered_by_environment", &Undoing::Filtered { project: checkout(), filter });
}

#[test]
fn cards_stay_readable_in_every_standing() {
    let (by, at) = (Some("Ana".to_owned()), Timestamp(1_767_323_045_000));
    golden("card_new", &content(Standing::New));
    let issue =
        Issue { frame: Some("checkout/pay.py:88 in charge_card".into()), hidden: 2, ..content(Standing::New).issue };
    let tags = vec![(Tag::Browser, "Chrome 120".into()), (Tag::ServerName, "a".into())];
    let tagged = Issue { tags, ..content(Standing::New).issue };
    let tags = Tags::from(vec![Tag::Browser, Tag::Os]);
    let settings = ChannelSettings { tags, ..ChannelSettings::default() };
    golden("card_with_tags", &Content { issue: tagged, settings, ..content(Standing::New) });
    golden("tags", &Tag::ALL);
    golden("card_with_frame", &Content { issue, ..content(Standing::New) });
    golden("card_seen", &content(Standing::Seen));
    golden("card_came_back", &content(Standing::CameBack));
    golden("card_escalating", &content(Standing::Escalating));
    golden("card_alert", &content(Standing::Alert { rule: "Page on new errors".into(), page: None }));
    let elsewhere = Sighting { environment: "dev".into(), at };
    golden("card_first_in", &content(Standing::FirstIn { environment: "production".into(), elsewhere, at }));
    let page = Some("https://sentry.example.com/organizations/acme/alerts/rules/?project=3".into());
    golden("card_alert_with_page", &content(Standing::Alert { rule: "Page on new errors".into(), page }));
    golden("card_reopened", &content(Standing::Reopened { by: by.clone() }));
    golden("card_resolved", &content(Standing::Resolved { by: by.clone(), at }));
    let steps =
        vec![Step { at, what: "new".into(), who: None }, Step { at, what: "assigned".into(), who: Some("Ben".into()) }];
    let doing = Some(Doing { what: "Resolving".into(), by: "Ana".into() });
    golden("card_with_steps", &Content { steps, doing, ..content(Standing::New) });
    let resolved = Standing::Resolved { by: by.clone(), at };
    golden("card_said_below", &Content { said_below: true, ..content(resolved) });
    let fixed = |fix| Content {
        issue: Issue { fix: Some(fix), ..content(Standing::New).issue },
        ..content(Standing::Resolved { by: by.clone(), at })
    };
    golden("card_fixed", &[Fix::In(Release::Next), Fix::Release("2.4.2".into()), Fix::Commit].map(fixed));
    let until = [Archive::Events(10), Archive::Until(at), Archive::UntilEscalating, Archive::UntilCondition];
    let archived = |until| content(Standing::Archived { by: by.clone(), at, until });
    golden("card_archived_until", &until.map(archived));
    golden("card_archived", &content(Standing::Archived { by, at, until: Archive::Forever }));
    golden("card_metric", &metric_card());
}

fn metric_card() -> Content {
    let amount = |text| Amount::parse(text).expect("a number");
    let metric = Metric {
        alarm: Alarm::Resolved,
        projects: vec![ProjectSlug::new("checkout"), ProjectSlug::new("web")],
        description: Some("1.2 s in the last 10 minutes".into()),
        value: Some(amount("1.2")),
        unit: Some("s".into()),
        limit: Some(amount("1.5")),
        side: Some(Side::Above),
        window: Some(10),
        started: Some(Timestamp(1_767_323_045_000)),
        ended: Some(Timestamp(1_767_324_725_000)),
        heard: Timestamp(1_767_324_725_500),
        values: vec![amount("3.4"), amount("1.2")],
    };
    Content { issue_id: IssueId::of_alert("4"), ..content(Standing::Metric(Box::new(metric))) }
}

#[test]
fn what_waits_for_a_link_stays_readable() {
    golden(
        "pending_connect",
        &Pending::Connect { org: "acme".into(), project: "checkout".into(), filter: Filter::default() },
    );
    let card = Handle::new("0123456789abcdef0123456789abcdef");
    golden("pending_nothing", &Pending::Nothing);
    let project = || checkout().id;
    golden("offered_settings", &[Offered::Settings, Offered::Set(Setting::Updates(Updates::Channel))]);
    golden("offered_tag", &Offered::Set(Setting::Tag { tag: Tag::Browser, on: true }));
    golden("offered_project", &Offered::Project(project()));
    golden("offered_level", &Offered::Level { project: project(), level: Level::Fatal });
    golden("offered_event", &Offered::Event { project: project(), kind: Kind::Assigned, on: true });
    golden("offered_all", &Offered::All { group: Group::Care, page: 2 });
    golden("offered_bulk", &Offered::Bulk { group: Group::Muted, act: Act::Remove });
    golden("offered_line", &Offered::Line("connect acme checkout".into()));
    golden("offered_resume", &Offered::Resume(ops()));
    golden("offered_assignees", &Offered::Assignees { card: Handle::new("c") });
    golden("offered_switch", &Offered::Switch { place: ops(), then: Box::new(Pending::Nothing) });
    golden("pending_assign", &Pending::Assign { card: card.clone() });
    let to = Assignee::User { id: "8".into(), name: "Ben".into() };
    golden("offered_assign", &Offered::Assign { card: card.clone(), to });
    golden("pending_press", &Pending::Press { card, action: Action::Reopen });
}
