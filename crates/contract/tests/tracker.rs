//! The fake tracker keeps the promises of every tracker.

use async_trait::async_trait;
use zentry_contract::fake::{FakeHook, FakeTracker};
use zentry_contract::tracker::{Bench, Fault, WORLD};
use zentry_contract::webhook::HeaderList;
use zentry_domain::{
    HookId, HookKind, HookWebhook, Identity, InstallationId, Issue, IssueId, IssueRef, Occurrence, OrgSlug, Project,
    ProjectId, ProjectSlug, Secret, Status, Tracker,
};

struct Fake(FakeTracker);

impl Fake {
    fn new() -> Self {
        let fake = Self(FakeTracker::new());
        fake.0.integrate(&OrgSlug::new(WORLD[0].0));
        for (org, member, _) in WORLD {
            fake.0.add_member(&OrgSlug::new(org), &fake.identity(member));
            fake.0.add_team(&OrgSlug::new(org), "5", "payments");
            fake.projects_of(org).iter().for_each(|project| fake.0.add_project(project));
        }
        fake
    }
}

#[async_trait]
impl Bench for Fake {
    fn tracker(&self) -> &dyn Tracker {
        &self.0
    }

    fn projects_of(&self, org: &str) -> Vec<Project> {
        let projects = WORLD.iter().find(|(slug, ..)| *slug == org).map_or(0, |(.., projects)| *projects);
        let project = |n| Project {
            org: OrgSlug::new(org),
            org_name: org.into(),
            id: ProjectId::new(format!("{org}-{n}")),
            slug: ProjectSlug::new(format!("service-{n}")),
            name: format!("Service {n}"),
        };
        (0..projects).map(project).collect()
    }

    fn identity(&self, name: &str) -> Identity {
        Identity { id: name.into(), name: name.into(), email: format!("{name}@example.com") }
    }

    async fn issue(&self, project: &Project) -> IssueRef {
        let id = IssueId::new(format!("42-{}", project.slug));
        let title = "TimeoutError: pool exhausted".into();
        let (status, first_seen) = (Some(Status::Unresolved), Some(zentry_contract::sample::START));
        self.0.list_issue(project, &id, Issue { title, status, first_seen, ..Issue::default() });
        IssueRef { org: project.org.clone(), id }
    }

    async fn happens(&self, issue: &IssueRef, occurrence: &Occurrence) {
        self.0.happens(&issue.id, occurrence.clone());
    }

    async fn approve(&self, address: &str, user: &Identity) -> Secret {
        self.0.approve(address, user)
    }

    fn promote(&self, user: &Identity, org: &str, is_manager: bool) {
        self.0.set_manager(&OrgSlug::new(org), user, is_manager);
    }

    async fn revoke(&self, user: &Identity) {
        self.0.revoke(user);
    }

    async fn install(&self, org: &str) -> (InstallationId, Secret) {
        self.0.install_app(&OrgSlug::new(org))
    }

    async fn uninstall(&self, installation: &InstallationId) {
        self.0.uninstall_app(installation);
    }

    fn is_confirmed(&self, installation: &InstallationId) -> bool {
        self.0.is_confirmed(installation)
    }

    async fn grants_of(&self, user: &Identity) -> usize {
        self.0.grants_of(user)
    }

    async fn expire(&self) {
        self.0.expire();
    }

    async fn refreshes(&self) -> usize {
        self.0.refreshes()
    }

    async fn fail_next(&self, fault: Fault) {
        self.0.fail_next(fault);
    }

    async fn fail_next_revocation(&self, fault: Fault) {
        self.0.fail_next(fault);
    }
}

#[async_trait]
impl zentry_contract::hook::Bench for Fake {
    fn hooks(&self) -> &dyn HookWebhook {
        &self.0
    }

    fn hooks_in(&self, project: &Project) -> Vec<(HookId, HookKind, String)> {
        self.0.hooks_in(&project.id).into_iter().map(|hook| (hook.id, hook.kind, hook.url)).collect()
    }

    fn set_feature(&self, can_be_had: bool) {
        self.0.set_hooks(can_be_had);
    }

    fn sends(&self, hook: &HookId, issue: &IssueRef) -> (HeaderList, Vec<u8>) {
        let projects = self.projects_of(issue.org.as_str());
        let mut hooks = projects.iter().flat_map(|project| self.0.hooks_in(&project.id));
        let (headers, body) = hooks.find(|known| known.id == *hook).expect("it is there").says(&issue.id, 1);
        (headers, body.into_bytes())
    }

    fn headers(&self) -> [&'static str; 2] {
        [FakeHook::NAME, FakeHook::SIGNATURE]
    }
}

zentry_contract::tracker_suite!(Fake::new());
zentry_contract::hook_suite!(Fake::new());
