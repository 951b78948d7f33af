//! What every [`Tracker`] promises.

mod installations;

use std::time::Duration;

use async_trait::async_trait;
use zentry_domain::ports::TrackerError;
use zentry_domain::{
    AccountId, Action, Actor, Assignee, CredentialId, Identity, InstallationId, IssueId, IssueRef, Limit, Occurrence,
    OrgSlug, Project, Secret, Status, Tracker,
};

pub use installations::*;

/// The organizations of the suite's world, the one person who is a member of each, and how many projects it has.
/// Nobody is a member of two. The integration is configured for the first.
pub const WORLD: [(&str, &str, usize); 3] = [("acme", "Ana", 2), ("globex", "Ben", 1), ("initech", "Cara", 230)];

/// What the suite needs beside the port: a tracker behind it that holds [`WORLD`], and can be disturbed.
#[async_trait]
pub trait Bench: Send + Sync {
    /// The tracker under test.
    fn tracker(&self) -> &dyn Tracker;

    /// The projects of an organization.
    fn projects_of(&self, org: &str) -> Vec<Project>;
    /// Who a person is at the tracker.
    fn identity(&self, name: &str) -> Identity;

    /// A new, unresolved issue.
    async fn issue(&self, project: &Project) -> IssueRef;
    /// The issue happens once more, like this.
    async fn happens(&self, issue: &IssueRef, occurrence: &Occurrence);
    /// The person opens the address, signs in and approves: the code that the browser brings back.
    async fn approve(&self, address: &str, user: &Identity) -> Secret;
    /// The person manages an organization from now on, or is an ordinary member of it.
    fn promote(&self, user: &Identity, org: &str, is_manager: bool);
    /// The person revokes their grants on the tracker's own page.
    async fn revoke(&self, user: &Identity);
    /// Somebody installs the app in an organization: the installation, and the code that comes with it.
    async fn install(&self, org: &str) -> (InstallationId, Secret);
    /// Somebody removes the app from that organization.
    async fn uninstall(&self, installation: &InstallationId);
    /// Whether the app has taken note of the installation.
    fn is_confirmed(&self, installation: &InstallationId) -> bool;
    /// How many grants of the person the tracker still accepts.
    async fn grants_of(&self, user: &Identity) -> usize;
    /// So much time passes that every grant needs a refresh.
    async fn expire(&self);
    /// How many refreshes there were.
    async fn refreshes(&self) -> usize;
    /// The next call goes wrong like this; not one that revokes.
    async fn fail_next(&self, fault: Fault);
    /// The next call that revokes a grant goes wrong like this.
    async fn fail_next_revocation(&self, fault: Fault);
}

/// What can go wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The tracker has a fault of its own; the call is not carried out.
    Down,
    /// The call is carried out, but no answer arrives.
    Lost,
    /// Too many calls.
    Throttled {
        /// How much later to come back, where the tracker says so: whole seconds.
        after: Option<Duration>,
    },
    /// The actor may not do this.
    Forbidden,
}

/// Emits a test for each case. The expression makes a fresh [`Bench`]; it may `await`.
#[macro_export]
macro_rules! tracker_suite {
    ($bench:expr) => {
        $crate::tracker_suite! {
            $bench;
            a_person_sees_only_their_organizations,
            a_person_sees_only_the_projects_of_their_organizations,
            a_hidden_organization_looks_like_one_that_does_not_exist,
            a_project_is_found_by_its_slugs_in_any_case,
            a_name_that_is_no_slug_finds_no_project,
            more_than_one_page_of_projects_is_listed_whole,
            an_action_changes_the_issue_and_answers_with_it,
            who_manages_an_organization_is_told_of_them_alone,
            an_issue_is_given_to_somebody_of_its_project_and_to_nobody,
            the_same_action_twice_is_fine,
            an_action_whose_answer_was_lost_can_be_repeated,
            a_hidden_issue_is_gone,
            an_issue_is_found_with_its_project_by_its_number_alone,
            the_latest_occurrence_tells_its_environment_release_and_tags,
            the_first_occurrence_in_an_environment_is_told,
            the_occurrences_of_a_hidden_issue_are_hidden,
            the_issues_of_a_project_are_listed_since_they_were_first_seen,
            the_issues_of_a_hidden_project_are_not_listed,
            an_action_that_is_not_allowed_is_refused_with_a_reason,
            a_revoked_grant_is_unauthorized,
            a_grant_is_of_no_use_to_another_account,
            a_fault_of_the_tracker_makes_it_unavailable,
            a_throttled_call_says_how_long_where_the_tracker_did,
            linking_tells_who_signed_in,
            a_code_is_exchanged_once_only,
            a_code_with_another_state_is_refused,
            an_expired_grant_refreshes_by_itself,
            two_calls_at_once_refresh_once,
            unlinking_revokes_the_grant_and_may_be_repeated,
            a_grant_that_cannot_be_revoked_now_is_kept_and_revoked_later,
            a_grant_that_is_never_revoked_is_gone_here_all_the_same,
            an_abandoned_grant_is_gone,
            the_integration_acts_for_its_own_organization_only,
            an_installation_is_confirmed_and_reads_with_its_own_token,
            an_installation_whose_code_comes_twice_stays_as_it_is,
            a_code_that_is_none_of_the_installations_gives_nothing,
            an_installation_that_does_not_exist_is_gone,
            an_installation_reads_its_own_organization_only,
            the_token_of_an_installation_refreshes_by_itself_and_once,
            an_installation_that_could_not_be_exchanged_now_is_exchanged_later,
            a_removed_installation_is_unauthorized,
        }
    };
    ($bench:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let bench = $bench;
                $crate::tracker::$case(&bench).await;
            }
        )+
    };
}

/// Ana of `acme` and Ben of `globex`, both linked, and an issue that Ana sees.
struct World {
    ana: Actor,
    ben: Actor,
    issue: IssueRef,
}

impl World {
    async fn new(bench: &impl Bench) -> Self {
        let issue = bench.issue(&bench.projects_of("acme")[0]).await;
        Self { ana: linked(bench, "Ana").await, ben: linked(bench, "Ben").await, issue }
    }
}

/// Each time the latest one, also one that happened nowhere in particular.
pub async fn the_latest_occurrence_tells_its_environment_release_and_tags(bench: &impl Bench) {
    let world = World::new(bench).await;
    let own = Actor::Integration { org: acme() };
    let staging = Occurrence { environment: Some("staging".into()), ..Occurrence::default() };
    let browser = ("browser".to_owned(), "Chrome 121".to_owned());
    let production = Occurrence {
        environment: Some("production".into()),
        release: Some("web@1.4.0".into()),
        tags: vec![browser.clone()],
    };
    for happened in [staging, production, Occurrence::default()] {
        bench.happens(&world.issue, &happened).await;
        for actor in [&world.ana, &own] {
            let latest = bench.tracker().latest(actor, &world.issue).await.expect("an answer").expect("told");
            assert_eq!((&latest.environment, &latest.release), (&happened.environment, &happened.release));
            assert_eq!(latest.tags.contains(&browser), happened.tags.contains(&browser), "{latest:?}");
        }
    }
}

/// Whatever happened there since, and wherever it happened before.
pub async fn the_first_occurrence_in_an_environment_is_told(bench: &impl Bench) {
    let world = World::new(bench).await;
    let own = Actor::Integration { org: acme() };
    let happened = |environment: &str, release: &str| Occurrence {
        environment: Some(environment.into()),
        release: Some(release.into()),
        ..Occurrence::default()
    };
    for (environment, release) in [("dev & test", "1"), ("live", "2"), ("live", "3"), ("dev & test", "4")] {
        bench.happens(&world.issue, &happened(environment, release)).await;
    }
    let first =
        async |actor, environment| bench.tracker().first_in(actor, &world.issue, environment).await.expect("an answer");
    for actor in [&world.ana, &own] {
        for (environment, release) in [("dev & test", "1"), ("live", "2")] {
            let (at, told) = first(actor, environment).await.expect("told");
            assert_eq!((told.environment.as_deref(), told.release.as_deref()), (Some(environment), Some(release)));
            assert_eq!(first(actor, environment).await.map(|(again, _)| again), Some(at));
        }
        assert_eq!(first(actor, "nowhere").await, None);
    }
    assert_eq!(first(&world.ben, "live").await, None);
}

/// Only the person's own role counts, and only where they have one.
pub async fn who_manages_an_organization_is_told_of_them_alone(bench: &impl Bench) {
    let world = World::new(bench).await;
    let (ana, ben) = (bench.identity("Ana"), bench.identity("Ben"));
    for (user, org) in [(&ana, "acme"), (&ben, "globex")] {
        bench.promote(user, org, false);
    }
    let managed = async |actor, user| bench.tracker().manages(actor, user).await.expect("an answer");
    assert_eq!(managed(&world.ana, &ana).await, []);
    bench.promote(&ben, "globex", true);
    assert_eq!(managed(&world.ana, &ana).await, []);
    bench.promote(&ana, "acme", true);
    assert_eq!(managed(&world.ana, &ana).await, [acme()]);
    bench.promote(&ana, "acme", false);
    assert_eq!(managed(&world.ana, &ana).await, []);
}

/// Like the issue itself.
pub async fn the_occurrences_of_a_hidden_issue_are_hidden(bench: &impl Bench) {
    let world = World::new(bench).await;
    bench.happens(&world.issue, &Occurrence::default()).await;
    let missing = IssueRef { id: IssueId::new("999999"), ..world.issue.clone() };
    for (actor, issue) in [(&world.ben, &world.issue), (&world.ana, &missing)] {
        assert_eq!(bench.tracker().latest(actor, issue).await.expect("an answer"), None);
    }
}

/// Only those of the project, and only the newer ones.
pub async fn the_issues_of_a_project_are_listed_since_they_were_first_seen(bench: &impl Bench) {
    let world = World::new(bench).await;
    let [project, other] = &bench.projects_of("acme")[..] else { panic!("two projects") };
    let theirs = bench.issue(other).await;
    let tracker = bench.tracker();
    let first_seen = tracker.issue(&world.ana, &world.issue).await.expect("read").expect("there").first_seen;
    let first_seen = first_seen.expect("told");
    let since = async |at| tracker.issues_since(&world.ana, project, at).await.expect("read").expect("visible");

    let listed = since(first_seen - Duration::from_secs(60)).await;
    let found = listed.iter().find(|(id, _)| *id == world.issue.id).expect("listed");
    assert!(found.1.first_seen == Some(first_seen) && !found.1.title.is_empty(), "{found:?}");
    assert!(!listed.iter().any(|(id, _)| *id == theirs.id), "{listed:?}");
    assert_eq!(since(first_seen + Duration::from_secs(60)).await, []);
}

/// It looks like one that does not exist.
pub async fn the_issues_of_a_hidden_project_are_not_listed(bench: &impl Bench) {
    let world = World::new(bench).await;
    let since = crate::sample::START;
    let hidden = bench.tracker().issues_since(&world.ben, &bench.projects_of("acme")[0], since).await;
    assert!(matches!(hidden, Ok(None)), "{hidden:?}");
}

/// Organizations of others are not listed.
pub async fn a_person_sees_only_their_organizations(bench: &impl Bench) {
    let world = World::new(bench).await;
    assert_eq!(organizations(bench, &world.ana).await, ["acme"]);
    assert_eq!(organizations(bench, &world.ben).await, ["globex"]);
}

/// Projects are listed with all that a subscription keeps of them; those of others are not.
pub async fn a_person_sees_only_the_projects_of_their_organizations(bench: &impl Bench) {
    let world = World::new(bench).await;
    let seen = bench.tracker().projects(&world.ana, &acme()).await.expect("Ana's projects");
    assert_eq!(by_slug(seen), by_slug(bench.projects_of("acme")));
    assert_eq!(bench.tracker().projects(&world.ben, &acme()).await.expect("an answer"), []);
}

/// Nobody learns that an organization exists by trying its name.
pub async fn a_hidden_organization_looks_like_one_that_does_not_exist(bench: &impl Bench) {
    let world = World::new(bench).await;
    for org in ["acme", "no-such-organization", "not a slug/../at all"] {
        let there = IssueRef { org: OrgSlug::new(org), id: world.issue.id.clone() };
        assert_eq!(bench.tracker().projects(&world.ben, &there.org).await.expect("an answer"), [], "{org}");
        assert_eq!(bench.tracker().issue(&world.ben, &there).await.expect("an answer"), None, "{org}");
    }
}

/// As people type them; the answer has the slugs as the tracker spells them.
pub async fn a_project_is_found_by_its_slugs_in_any_case(bench: &impl Bench) {
    let world = World::new(bench).await;
    let own = Actor::Integration { org: acme() };
    for project in bench.projects_of("acme") {
        for slug in [project.slug.as_str().to_owned(), project.slug.as_str().to_uppercase()] {
            for (actor, sees) in [(&world.ana, true), (&own, true), (&world.ben, false)] {
                let found = bench.tracker().project(actor, "Acme", &slug).await.expect("an answer");
                assert_eq!(found.as_ref(), sees.then_some(&project), "{slug}");
            }
        }
    }
}

/// Whatever people type, nothing of it ends up in another place than where a slug belongs.
pub async fn a_name_that_is_no_slug_finds_no_project(bench: &impl Bench) {
    let world = World::new(bench).await;
    let project = &bench.projects_of("acme")[0];
    let (slug, id) = (project.slug.as_str(), project.id.as_str());
    for (org, project) in [
        ("acme", "no-such-project"),
        ("globex", slug),
        ("acme", ""),
        ("", slug),
        ("acme", "Service zero"),
        ("acme", &format!("../acme/{slug}")),
        ("acme", &format!("{slug}/")),
        ("acme", &format!("{slug}?x=")),
        ("acme/../acme", slug),
        ("acme", &format!("%2e%2e/{slug}")),
        ("acme", id),
        ("acme", &"x".repeat(5_000)),
    ] {
        let found = bench.tracker().project(&world.ana, org, project).await.expect("an answer");
        assert_eq!(found, None, "{org} {project}");
    }
}

/// Also where there are more than the tracker gives at once.
pub async fn more_than_one_page_of_projects_is_listed_whole(bench: &impl Bench) {
    let cara = linked(bench, "Cara").await;
    let seen = bench.tracker().projects(&cara, &OrgSlug::new("initech")).await.expect("Cara's projects");
    assert_eq!(by_slug(seen), by_slug(bench.projects_of("initech")));
}

/// Each action does what it says, and the answer is the issue as it then is.
pub async fn an_action_changes_the_issue_and_answers_with_it(bench: &impl Bench) {
    let world = World::new(bench).await;
    for (action, status) in [
        (Action::Resolve, Status::Resolved),
        (Action::Reopen, Status::Unresolved),
        (Action::Archive, Status::Archived),
        (Action::Reopen, Status::Unresolved),
        (Action::ArchiveUntil(Limit::Hour), Status::Archived),
        (Action::ArchiveUntil(Limit::Day), Status::Archived),
        (Action::ArchiveUntil(Limit::Ten), Status::Archived),
        (Action::ArchiveUntil(Limit::Hundred), Status::Archived),
        (Action::ArchiveUntil(Limit::Thousand), Status::Archived),
        (Action::ArchiveUntil(Limit::Forever), Status::Archived),
        (Action::Reopen, Status::Unresolved),
    ] {
        let answer = bench.tracker().update(&world.ana, &world.issue, &action).await.expect("done");
        assert_eq!(answer.status, Some(status), "{action:?}");
        assert!(!answer.title.is_empty());
        let read = bench.tracker().issue(&world.ana, &world.issue).await.expect("an answer");
        assert_eq!(read, Some(answer), "{action:?}");
    }
}

/// To the people and teams of its project, as far as the actor sees them, and to nobody else.
pub async fn an_issue_is_given_to_somebody_of_its_project_and_to_nobody(bench: &impl Bench) {
    let world = World::new(bench).await;
    let project = bench.projects_of("acme").remove(0);
    let assignees = bench.tracker().assignees(&world.ana, &project).await.expect("an answer");
    assert!(assignees.iter().any(|assignee| matches!(assignee, Assignee::Team { .. })), "{assignees:?}");
    let ana = bench.identity("Ana");
    let ana = assignees.iter().find(|assignee| matches!(assignee, Assignee::User { id, .. } if *id == ana.id));
    let ana = ana.expect("Ana belongs to the project").clone();
    assert_eq!(ana.name(), Some("Ana"));
    for to in assignees.into_iter().chain([Assignee::Nobody, ana.clone(), ana]) {
        let answer = bench.tracker().update(&world.ana, &world.issue, &Action::Assign(to.clone())).await.expect("done");
        assert_eq!((answer.assignee, answer.status), (Some(to), Some(Status::Unresolved)));
    }
    let stranger = Action::Assign(Assignee::User { id: "999999".into(), name: "Somebody".into() });
    let refused = bench.tracker().update(&world.ana, &world.issue, &stranger).await;
    assert!(matches!(refused, Err(TrackerError::Refused { .. })), "{refused:?}");
    let seen_by_ben = bench.tracker().assignees(&world.ben, &project).await.expect("an answer");
    assert_eq!(seen_by_ben, [], "it is none of Ben's");
}

/// Actions are idempotent.
pub async fn the_same_action_twice_is_fine(bench: &impl Bench) {
    let world = World::new(bench).await;
    for _ in 0..2 {
        let answer = bench.tracker().update(&world.ana, &world.issue, &Action::Resolve).await.expect("done");
        assert_eq!(answer.status, Some(Status::Resolved));
    }
}

/// No answer is "unavailable", and trying again is safe.
pub async fn an_action_whose_answer_was_lost_can_be_repeated(bench: &impl Bench) {
    let world = World::new(bench).await;
    bench.fail_next(Fault::Lost).await;
    let lost = bench.tracker().update(&world.ana, &world.issue, &Action::Archive).await;
    assert!(matches!(lost, Err(TrackerError::Unavailable(_))), "{lost:?}");
    let again = bench.tracker().update(&world.ana, &world.issue, &Action::Archive).await.expect("done");
    assert_eq!(again.status, Some(Status::Archived));
}

/// An issue that one may not see, and one that does not exist.
pub async fn a_hidden_issue_is_gone(bench: &impl Bench) {
    let world = World::new(bench).await;
    let missing = IssueRef { id: IssueId::new("999999"), ..world.issue.clone() };
    for (actor, issue) in [(&world.ben, &world.issue), (&world.ana, &missing)] {
        assert_eq!(bench.tracker().issue(actor, issue).await.expect("an answer"), None);
        let update = bench.tracker().update(actor, issue, &Action::Resolve).await;
        assert!(matches!(update, Err(TrackerError::Gone)), "{update:?}");
    }
    let untouched = bench.tracker().issue(&world.ana, &world.issue).await.expect("an answer").expect("Ana's issue");
    assert_eq!(untouched.status, Some(Status::Unresolved));
}

/// Whoever may not see it learns no project either.
pub async fn an_issue_is_found_with_its_project_by_its_number_alone(bench: &impl Bench) {
    let world = World::new(bench).await;
    for project in &bench.projects_of("acme") {
        let there = bench.issue(project).await;
        let read = bench.tracker().issue(&world.ana, &there).await.expect("an answer").expect("Ana's issue");
        let found = bench.tracker().issue_in_project(&world.ana, &there).await.expect("an answer");
        assert_eq!(found, Some((project.slug.clone(), read)));
        let missing = IssueRef { id: IssueId::new("999999"), ..there.clone() };
        for (actor, issue) in [(&world.ben, &there), (&world.ana, &missing)] {
            assert_eq!(bench.tracker().issue_in_project(actor, issue).await.expect("an answer"), None);
        }
    }
}

/// The reason is one line, for people.
pub async fn an_action_that_is_not_allowed_is_refused_with_a_reason(bench: &impl Bench) {
    let world = World::new(bench).await;
    bench.fail_next(Fault::Forbidden).await;
    let update = bench.tracker().update(&world.ana, &world.issue, &Action::Resolve).await;
    let Err(TrackerError::Refused { why }) = update else { panic!("{update:?}") };
    assert!(!why.is_empty() && !why.contains('\n'), "{why:?}");
}

/// Revoked at the tracker: the person must link anew.
pub async fn a_revoked_grant_is_unauthorized(bench: &impl Bench) {
    let world = World::new(bench).await;
    bench.revoke(&bench.identity("Ana")).await;
    let answer = bench.tracker().issue(&world.ana, &world.issue).await;
    assert!(matches!(answer, Err(TrackerError::Unauthorized)), "{answer:?}");
    assert_eq!(organizations(bench, &world.ben).await, ["globex"]);
}

/// Knowing the name of a grant is not enough.
pub async fn a_grant_is_of_no_use_to_another_account(bench: &impl Bench) {
    let world = World::new(bench).await;
    let Actor::Person { credential, .. } = world.ana else { unreachable!("Ana is a person") };
    let thief = Actor::Person { account: AccountId::new("other"), credential };
    let answer = bench.tracker().organizations(&thief).await;
    assert!(matches!(answer, Err(TrackerError::Unauthorized)), "{answer:?}");
}

/// A fault passes: the next call works.
pub async fn a_fault_of_the_tracker_makes_it_unavailable(bench: &impl Bench) {
    let world = World::new(bench).await;
    for fault in [Fault::Down, Fault::Lost] {
        bench.fail_next(fault.clone()).await;
        let answer = bench.tracker().issue(&world.ana, &world.issue).await;
        assert!(matches!(answer, Err(TrackerError::Unavailable(_))), "{fault:?}: {answer:?}");
        assert!(bench.tracker().issue(&world.ana, &world.issue).await.expect("an answer").is_some());
    }
}

/// To the second; `None` where the tracker did not say.
pub async fn a_throttled_call_says_how_long_where_the_tracker_did(bench: &impl Bench) {
    let world = World::new(bench).await;
    for asked in [Some(Duration::from_secs(30)), None] {
        bench.fail_next(Fault::Throttled { after: asked }).await;
        let answer = bench.tracker().issue(&world.ana, &world.issue).await;
        let Err(TrackerError::Throttled { after }) = answer else { panic!("{answer:?}") };
        let off = after.unwrap_or_default().abs_diff(asked.unwrap_or_default());
        assert!(after.is_some() == asked.is_some() && off <= Duration::from_secs(2), "{after:?} for {asked:?}");
    }
}

/// So that the page can name the account before it is linked.
pub async fn linking_tells_who_signed_in(bench: &impl Bench) {
    let ana = bench.identity("Ana");
    let state = Secret::new("state-ana");
    let code = bench.approve(&bench.tracker().authorize_url(&state), &ana).await;
    let who = bench.tracker().link(&account(), &CredentialId::new("c1"), &code, &state).await.expect("linked");
    assert_eq!(who, ana);
    assert_eq!(bench.grants_of(&ana).await, 1);
}

/// The second exchange is refused.
pub async fn a_code_is_exchanged_once_only(bench: &impl Bench) {
    let ana = bench.identity("Ana");
    let state = Secret::new("state-ana");
    let code = bench.approve(&bench.tracker().authorize_url(&state), &ana).await;
    let tracker = bench.tracker();
    tracker.link(&account(), &CredentialId::new("c1"), &code, &state).await.expect("linked");
    let again = tracker.link(&account(), &CredentialId::new("c2"), &code, &state).await;
    assert!(matches!(again, Err(TrackerError::Refused { .. })), "{again:?}");
}

/// A code that was fed into somebody else's callback is worth nothing there.
pub async fn a_code_with_another_state_is_refused(bench: &impl Bench) {
    let ben = bench.identity("Ben");
    let code = bench.approve(&bench.tracker().authorize_url(&Secret::new("state-ben")), &ben).await;
    let fed = bench.tracker().link(&account(), &CredentialId::new("c1"), &code, &Secret::new("state-ana")).await;
    assert!(matches!(fed, Err(TrackerError::Refused { .. })), "{fed:?}");
}

/// Nobody notices that a grant has a life shorter than the link.
pub async fn an_expired_grant_refreshes_by_itself(bench: &impl Bench) {
    let world = World::new(bench).await;
    for round in 1..=2 {
        bench.expire().await;
        assert_eq!(organizations(bench, &world.ana).await, ["acme"]);
        assert!(bench.tracker().issue(&world.ana, &world.issue).await.expect("an answer").is_some());
        assert_eq!(bench.refreshes().await, round);
    }
}

/// A refresh ends the tokens before it, so a second one would undo the first.
pub async fn two_calls_at_once_refresh_once(bench: &impl Bench) {
    let world = World::new(bench).await;
    bench.expire().await;
    let both =
        tokio::join!(bench.tracker().issue(&world.ana, &world.issue), bench.tracker().issue(&world.ana, &world.issue));
    assert!(matches!(both, (Ok(Some(_)), Ok(Some(_)))), "{both:?}");
    assert_eq!(bench.refreshes().await, 1);
}

/// The grant ends at the tracker and here; unlinking what is not linked is fine.
pub async fn unlinking_revokes_the_grant_and_may_be_repeated(bench: &impl Bench) {
    let ana = linked(bench, "Ana").await;
    let (account, credential) = grant(&ana);
    for _ in 0..2 {
        bench.tracker().unlink(account, credential).await.expect("unlinked");
        assert_eq!(bench.grants_of(&bench.identity("Ana")).await, 0);
    }
    assert_unlinked(bench, &ana).await;
}

/// Or it would stay alive at the tracker, and nobody could ever end it from here.
pub async fn a_grant_that_cannot_be_revoked_now_is_kept_and_revoked_later(bench: &impl Bench) {
    let ana = linked(bench, "Ana").await;
    let (account, credential) = grant(&ana);
    for fault in
        [Fault::Down, Fault::Throttled { after: Some(Duration::from_secs(30)) }, Fault::Throttled { after: None }]
    {
        bench.fail_next_revocation(fault.clone()).await;
        let unlinked = bench.tracker().unlink(account, credential).await;
        assert!(is_passing(&unlinked), "{fault:?}: {unlinked:?}");
        assert_eq!(organizations(bench, &ana).await, ["acme"], "{fault:?}");
    }
    bench.fail_next_revocation(Fault::Lost).await;
    let unlinked = bench.tracker().unlink(account, credential).await;
    assert!(is_passing(&unlinked), "{unlinked:?}");

    bench.tracker().unlink(account, credential).await.expect("unlinked");
    assert_eq!(bench.grants_of(&bench.identity("Ana")).await, 0);
    assert_unlinked(bench, &ana).await;
}

/// Asking again would change nothing; the person can end it on the tracker's own page.
pub async fn a_grant_that_is_never_revoked_is_gone_here_all_the_same(bench: &impl Bench) {
    let ana = linked(bench, "Ana").await;
    let (account, credential) = grant(&ana);
    bench.fail_next_revocation(Fault::Forbidden).await;
    bench.tracker().unlink(account, credential).await.expect("unlinked");
    assert_eq!(bench.grants_of(&bench.identity("Ana")).await, 1);
    assert_unlinked(bench, &ana).await;
}

/// Gone here: the tracker is not asked. Abandoning what is not there is fine.
pub async fn an_abandoned_grant_is_gone(bench: &impl Bench) {
    let ana = linked(bench, "Ana").await;
    let (account, credential) = grant(&ana);
    for _ in 0..2 {
        bench.tracker().abandon(account, credential).await.expect("abandoned");
        assert_eq!(bench.grants_of(&bench.identity("Ana")).await, 1);
    }
    assert_unlinked(bench, &ana).await;
    bench.tracker().unlink(account, credential).await.expect("nothing is left to unlink");
}

/// It sees and changes what is in its organization, and nothing else, whatever the actor claims.
pub async fn the_integration_acts_for_its_own_organization_only(bench: &impl Bench) {
    let world = World::new(bench).await;
    let own = Actor::Integration { org: acme() };
    assert_eq!(organizations(bench, &own).await, ["acme"]);
    let seen = bench.tracker().projects(&own, &acme()).await.expect("projects");
    assert_eq!(by_slug(seen), by_slug(bench.projects_of("acme")));
    let resolved = bench.tracker().update(&own, &world.issue, &Action::Resolve).await.expect("done");
    assert_eq!(resolved.status, Some(Status::Resolved));

    let globex = OrgSlug::new("globex");
    assert_eq!(bench.tracker().projects(&own, &globex).await.expect("an answer"), []);
    let foreign = Actor::Integration { org: globex };
    assert!(organizations(bench, &foreign).await.is_empty());
    assert_eq!(bench.tracker().issue(&foreign, &world.issue).await.expect("an answer"), None);
    let update = bench.tracker().update(&foreign, &world.issue, &Action::Resolve).await;
    assert!(matches!(update, Err(TrackerError::Gone)), "{update:?}");
}

async fn linked(bench: &impl Bench, name: &str) -> Actor {
    let credential = CredentialId::new(format!("credential-{name}"));
    let state = Secret::new(format!("state-{name}"));
    let code = bench.approve(&bench.tracker().authorize_url(&state), &bench.identity(name)).await;
    bench.tracker().link(&account(), &credential, &code, &state).await.expect("linked");
    Actor::Person { account: account(), credential }
}

fn grant(actor: &Actor) -> (&AccountId, &CredentialId) {
    let Actor::Person { account, credential } = actor else { unreachable!("only people have grants") };
    (account, credential)
}

async fn assert_unlinked(bench: &impl Bench, actor: &Actor) {
    let answer = bench.tracker().organizations(actor).await;
    assert!(matches!(answer, Err(TrackerError::Unauthorized)), "{answer:?}");
}

fn is_passing(answer: &Result<(), TrackerError>) -> bool {
    matches!(answer, Err(TrackerError::Unavailable(_) | TrackerError::Throttled { .. }))
}

async fn organizations(bench: &impl Bench, actor: &Actor) -> Vec<String> {
    let seen = bench.tracker().organizations(actor).await.expect("organizations");
    seen.into_iter().map(|org| org.slug.as_str().to_owned()).collect()
}

fn by_slug(mut projects: Vec<Project>) -> Vec<Project> {
    projects.sort_by(|one, other| one.slug.cmp(&other.slug));
    projects
}

fn account() -> AccountId {
    AccountId::new("acc")
}

fn acme() -> OrgSlug {
    OrgSlug::new("acme")
}
