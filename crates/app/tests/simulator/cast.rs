//! Who and what there is: two Zoom accounts, and a Sentry with two organizations.

use zentry_contract::fake::FakeTracker;
use zentry_contract::sample::{ana, ben, channel, mallory, ops, person, project};
use zentry_domain::{
    AccountId, Deployment, Identity, Issue, IssueId, IssueRef, OrgSlug, Person, Place, Policy, Project, ProjectId,
    ProjectSlug, UserId,
};

/// People and places.
pub(crate) struct Cast;

impl Cast {
    pub(crate) fn accounts() -> [AccountId; 2] {
        [ana().account, mallory().account]
    }

    /// Two people of each account, and a guest.
    pub(crate) fn people() -> [Person; 5] {
        [
            ana(),
            ben(),
            mallory(),
            person("other", "U8", "Zelda"),
            Person { user: UserId::new(""), ..person("acc", "guest", "Guest") },
        ]
    }

    /// Two channels of each account, then everybody's own chat.
    pub(crate) fn places() -> Vec<Place> {
        let channels = [ops(), channel("acc", "dev"), channel("other", "den"), channel("other", "lab")];
        channels.into_iter().chain(Self::people()[..4].iter().map(Place::direct)).collect()
    }

    /// What nobody of another account may read.
    pub(crate) fn words_of(account: &AccountId) -> Vec<String> {
        let people = Self::people().into_iter().filter(|p| p.account == *account && !p.is_guest()).map(|p| p.name);
        let places = Self::places().into_iter().filter(|p| p.account == *account);
        people.chain(places.filter_map(|place| Some(format!("#{}", place.name?)))).collect()
    }
}

/// Who people are at Sentry, in their order.
pub(crate) fn users() -> [Identity; 5] {
    [1, 2, 3, 4, 5].map(|n| Identity {
        id: n.to_string(),
        name: format!("user {n}"),
        email: format!("user{n}@example.com"),
    })
}

/// The later ones are those that Sentry mostly forgets to tell of.
pub(crate) fn issues() -> [IssueId; 12] {
    ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"].map(IssueId::new)
}

/// Which issue the card of this head is of; none where it is a storm's, or an answer that lists issues.
pub(crate) fn issue_of_card(head: &str) -> Option<usize> {
    let is_card =
        !is_of_storm(head) && !is_of_remark(head) && head.starts_with(|first: char| first.is_ascii_alphabetic());
    (0..issues().len()).find(|n| is_card && head.contains(&title(*n)))
}

pub(crate) fn is_of_storm(head: &str) -> bool {
    ["Storm ", "Back on: ", "While muted: "].iter().any(|first| head.starts_with(first)) || is_catch_up(head)
}

fn is_of_remark(head: &str) -> bool {
    ["Comment · ", "Seer · "].iter().any(|first| head.starts_with(first))
}

pub(crate) fn is_catch_up(head: &str) -> bool {
    head.starts_with("Catching up ")
}

pub(crate) fn title(issue: usize) -> String {
    format!("Failure-{}:", issue + 1)
}

pub(crate) fn project_of(issue: &IssueId) -> Project {
    match issue.as_str() {
        "1" | "2" | "7" | "8" => project("checkout"),
        "3" | "4" | "9" | "10" => project("web"),
        _ => Project {
            org: OrgSlug::new("globex"),
            org_name: "Globex".into(),
            id: ProjectId::new("id-shop"),
            slug: ProjectSlug::new("shop"),
            name: "SHOP".into(),
        },
    }
}

/// People link; or an integration connects and nobody links; or both.
pub(crate) fn deployment(seed: u64) -> Deployment {
    let integration = (!seed.is_multiple_of(3)).then(|| project("web").org);
    Deployment {
        command: "sentry".into(),
        public_url: "https://bot.example.com".into(),
        policy: if integration.is_some() { Policy::Anyone } else { Policy::Linked },
        managers: Vec::new(),
        allowed_orgs: None,
        linking: seed % 3 != 1,
        integration_org: integration,
        storm_budget: if seed.is_multiple_of(2) { 2 } else { 0 },
        sentry_url: "https://sentry.example.com".into(),
        install_url: None,
        service_hooks: false,
    }
}

/// Sentry, with everybody but the guest as a member of something.
pub(crate) fn sentry(deployment: &Deployment) -> FakeTracker {
    let tracker = FakeTracker::new();
    for (number, id) in issues().into_iter().enumerate() {
        let project = project_of(&id);
        if number % 2 == 0 && number < 6 {
            tracker.add_project(&project);
        }
        let issue = Issue { title: format!("{} it broke", title(number)), ..Issue::default() };
        tracker.add_issue(&IssueRef { org: project.org, id }, issue);
    }
    let [ana, ben, mallory, zelda, _] = users();
    let (acme, globex) = (project("web").org, OrgSlug::new("globex"));
    [(&ana, &acme), (&ben, &acme), (&mallory, &acme), (&mallory, &globex), (&zelda, &globex)]
        .into_iter()
        .for_each(|(user, org)| tracker.add_member(org, user));
    deployment.integration_org.iter().for_each(|org| tracker.integrate(org));
    tracker
}
