//! What every tracker promises of the hooks that are made in its projects, and every [`HookWebhook`] of what they send.

use async_trait::async_trait;
use zentry_domain::ports::{Delivery, HookError, Received, TrackerError};
use zentry_domain::{
    AccountId, Actor, CredentialId, Digest, Event, Hook, HookId, HookKind, HookWebhook, IssueRef, Project, Secret,
};

use crate::tracker;
use crate::webhook::HeaderList;

/// Where the hooks of the suite send.
const URL: &str = "https://bot.example.com/sentry/hooks/one";

/// What the suite needs beside [`tracker::Bench`]: the hooks as the tracker has them, and what they send.
#[async_trait]
pub trait Bench: tracker::Bench {
    /// Takes in what the hooks send that the tracker of the bench has made.
    fn hooks(&self) -> &dyn HookWebhook;

    /// The hooks of a project at the tracker, with what they tell of and where they send.
    fn hooks_in(&self, project: &Project) -> Vec<(HookId, HookKind, String)>;

    /// Whether anybody can have hooks.
    fn set_feature(&self, can_be_had: bool);

    /// What a hook sends when the issue happens.
    fn sends(&self, hook: &HookId, issue: &IssueRef) -> (HeaderList, Vec<u8>);

    /// The headers that say which hook it is and that prove it.
    fn headers(&self) -> [&'static str; 2];
}

/// Emits a test for each case. The expression makes a fresh [`Bench`]; it may `await`.
#[macro_export]
macro_rules! hook_suite {
    ($bench:expr) => {
        $crate::hook_suite! {
            $bench;
            a_hook_is_made_once_for_an_address,
            a_hook_tells_of_one_kind_of_event,
            whoever_may_not_change_a_project_makes_no_hook_in_it,
            a_tracker_without_hooks_says_that_nobody_can_have_one,
            a_dropped_hook_is_gone_and_may_be_dropped_again,
            a_hook_that_may_not_be_deleted_is_forgotten_here,
            a_hook_is_forgotten_without_a_word_where_nobody_can_delete_it,
            what_a_hook_sends_is_read,
            what_is_not_proven_is_refused,
            no_hook_speaks_for_another,
            a_hook_that_was_forgotten_proves_nothing,
        }
    };
    ($bench:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let bench = $bench;
                $crate::hook::$case(&bench).await;
            }
        )+
    };
}

/// However often it is asked for: after a lost answer nobody knows whether it was made.
pub async fn a_hook_is_made_once_for_an_address(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    let one = made(bench, &ana, &project, HookKind::Alert, URL).await;
    assert_eq!(made(bench, &ana, &project, HookKind::Alert, URL).await, one);
    assert_eq!(bench.hooks_in(&project), [(one.clone(), HookKind::Alert, URL.to_owned())]);
    let other = made(bench, &ana, &project, HookKind::Alert, &format!("{URL}-more")).await;
    assert_ne!(other, one);
}

/// A delivery does not say of which.
pub async fn a_hook_tells_of_one_kind_of_event(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    for (kind, url) in [(HookKind::Alert, URL), (HookKind::Event, "https://bot.example.com/sentry/hooks/two")] {
        let id = made(bench, &ana, &project, kind, url).await;
        assert!(bench.hooks_in(&project).contains(&(id, kind, url.to_owned())));
    }
}

/// With a reason for people.
pub async fn whoever_may_not_change_a_project_makes_no_hook_in_it(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    bench.promote(&bench.identity("Ana"), "acme", false);
    let refused = bench.tracker().make_hook(&ana, &project, HookKind::Alert, URL).await;
    assert!(matches!(&refused, Err(TrackerError::Refused { why }) if !why.is_empty()), "{refused:?}");
    let foreign = bench.projects_of("globex").remove(0);
    let hidden = bench.tracker().make_hook(&ana, &foreign, HookKind::Alert, URL).await;
    assert!(matches!(hidden, Err(TrackerError::Gone)), "{hidden:?}");
    assert!(bench.hooks_in(&project).is_empty());
}

/// It is no question of rights.
pub async fn a_tracker_without_hooks_says_that_nobody_can_have_one(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    bench.set_feature(false);
    let answer = bench.tracker().make_hook(&ana, &project, HookKind::Alert, URL).await;
    assert!(matches!(answer, Err(TrackerError::NoFeature)), "{answer:?}");
}

/// Also one that was never there.
pub async fn a_dropped_hook_is_gone_and_may_be_dropped_again(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    let id = made(bench, &ana, &project, HookKind::Alert, URL).await;
    for _ in 0..2 {
        bench.tracker().drop_hook(Some(&ana), &project, &id).await.expect("dropped");
        assert!(bench.hooks_in(&project).is_empty());
    }
}

/// It stays at the tracker, and what it sends proves nothing.
pub async fn a_hook_that_may_not_be_deleted_is_forgotten_here(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    let id = made(bench, &ana, &project, HookKind::Alert, URL).await;
    let issue = bench.issue(&project).await;
    let (headers, body) = bench.sends(&id, &issue);
    bench.promote(&bench.identity("Ana"), "acme", false);
    bench.tracker().drop_hook(Some(&ana), &project, &id).await.expect("dropped");
    assert_eq!(bench.hooks_in(&project).len(), 1);
    assert!(is_refused(bench, &hook(&id, HookKind::Alert, &project), &headers, &body).await);
}

/// The tracker is not asked.
pub async fn a_hook_is_forgotten_without_a_word_where_nobody_can_delete_it(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    let id = made(bench, &ana, &project, HookKind::Alert, URL).await;
    bench.tracker().drop_hook(None, &project, &id).await.expect("dropped");
    assert_eq!(bench.hooks_in(&project).len(), 1);
}

/// As a change of its issue, in the project and the organization of the hook.
pub async fn what_a_hook_sends_is_read(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    let id = made(bench, &ana, &project, HookKind::Alert, URL).await;
    let issue = bench.issue(&project).await;
    let (headers, body) = bench.sends(&id, &issue);
    let hook = hook(&id, HookKind::Alert, &project);
    let delivery = Delivery { headers: &headers, body: &body };
    let Ok(Received::Event { keys, event }) = bench.hooks().receive(&hook, &delivery).await else { panic!("read") };
    let Event::Changed(change) = *event else { panic!("{event:?}") };
    assert_eq!((change.issue_id, change.project.org, change.project.id), (issue.id, Some(issue.org), Some(project.id)));
    assert!(matches!(change.kind, zentry_domain::ChangeKind::Alert { .. }));
    assert!(!keys.is_empty());
}

/// A body or a proof that is not exactly what was sent, and a header that is missing or doubled.
pub async fn what_is_not_proven_is_refused(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    let id = made(bench, &ana, &project, HookKind::Alert, URL).await;
    let (headers, body) = bench.sends(&id, &bench.issue(&project).await);
    let hook = hook(&id, HookKind::Alert, &project);
    assert!(!is_refused(bench, &hook, &headers, &body).await);
    for changed in [[&body[..], b" "].concat(), body[1..].to_vec(), Vec::new()] {
        assert!(is_refused(bench, &hook, &headers, &changed).await);
    }
    for name in bench.headers() {
        assert!(is_refused(bench, &hook, &headers.clone().without(name), &body).await, "{name} is missing");
        assert!(is_refused(bench, &hook, &headers.clone().with(name, "0"), &body).await, "{name} is doubled");
        let other = headers.clone().without(name).with(name, "0".repeat(64));
        assert!(is_refused(bench, &hook, &other, &body).await, "{name} is another");
    }
}

/// Neither at the address of another one, nor under its name.
pub async fn no_hook_speaks_for_another(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    let one = made(bench, &ana, &project, HookKind::Alert, URL).await;
    let two = made(bench, &ana, &project, HookKind::Event, &format!("{URL}-more")).await;
    let (headers, body) = bench.sends(&one, &bench.issue(&project).await);
    let at_the_other = hook(&two, HookKind::Event, &project);
    assert!(is_refused(bench, &at_the_other, &headers, &body).await);
    let [name, _] = bench.headers();
    let renamed = headers.without(name).with(name, two.as_str());
    assert!(is_refused(bench, &at_the_other, &renamed, &body).await);
}

/// Its secret is gone.
pub async fn a_hook_that_was_forgotten_proves_nothing(bench: &impl Bench) {
    let (ana, project) = manager(bench).await;
    let id = made(bench, &ana, &project, HookKind::Alert, URL).await;
    let (headers, body) = bench.sends(&id, &bench.issue(&project).await);
    bench.tracker().drop_hook(Some(&ana), &project, &id).await.expect("dropped");
    assert!(is_refused(bench, &hook(&id, HookKind::Alert, &project), &headers, &body).await);
}

/// Ana, linked, and a project that she may change.
async fn manager(bench: &impl Bench) -> (Actor, Project) {
    bench.promote(&bench.identity("Ana"), "acme", true);
    let (account, credential) = (AccountId::new("acc"), CredentialId::new("credential-Ana"));
    let state = Secret::new("state-Ana");
    let code = bench.approve(&bench.tracker().authorize_url(&state), &bench.identity("Ana")).await;
    bench.tracker().link(&account, &credential, &code, &state).await.expect("linked");
    (Actor::Person { account, credential }, bench.projects_of("acme").remove(0))
}

async fn made(bench: &impl Bench, actor: &Actor, project: &Project, kind: HookKind, url: &str) -> HookId {
    bench.tracker().make_hook(actor, project, kind, url).await.expect("made")
}

fn hook(id: &HookId, kind: HookKind, project: &Project) -> Hook {
    Hook {
        id: id.clone(),
        token: Digest([7; 32]),
        kind,
        project: project.clone(),
        by: None,
        ended: None,
        is_stranded: false,
    }
}

async fn is_refused(bench: &impl Bench, hook: &Hook, headers: &HeaderList, body: &[u8]) -> bool {
    matches!(bench.hooks().receive(hook, &Delivery { headers, body }).await, Err(HookError::Rejected(_)))
}
