//! Hooks in projects at Sentry: made where nothing else brings a project's events, and deleted with its last subscription.

use std::collections::HashSet;
use std::time::Duration;

use zentry_domain::decide::Lookup;
use zentry_domain::ports::{StoreError, TrackerError};
use zentry_domain::{
    AccountId, Actor, Connect, CredentialId, Decision, Digest, Hook, HookId, HookKind, JobId, LeftHook, NoHook,
    OrgSlug, Outcome, Project, ProjectId, ProjectKey, Queued, RECONCILE_EVERY, Reach, Revision, RowChange, Secret,
    Subscription, UserId,
};

use crate::perform::{Effect, Setback};
use crate::{App, digest_of};

/// So many people who are connected to a project are tried as the one who makes its hook.
const MAKERS: usize = 3;
/// At most so many are made at a time; the others have their turn soon.
const AT_ONCE: usize = 50;
/// How soon it is tried again where not everything could be done.
const AGAIN: Duration = Duration::from_secs(600);

/// What was made and deleted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tended {
    made: Vec<Hook>,
    /// And whether nobody could delete it.
    dropped: Vec<(Digest, bool)>,
    /// How often other hooks had been wished for before.
    seen: Revision,
    /// Something was left undone.
    tired: bool,
}

/// Who has a hook made: their grant, and who they are.
type Maker = (Actor, (AccountId, UserId));

impl App {
    /// The hook whose address ends with this token, also one that is of no use any more.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn hook(&self, token: &str) -> Result<Option<Hook>, StoreError> {
        self.ports.facts.hook(&digest_of(&Secret::new(token))).await
    }

    /// How the events of what somebody wants to connect will come in. Where nothing brings them, hooks are made with that
    /// person's grant: of an organization as a whole in its first project, which shows whether there can be any.
    pub(crate) async fn reach(&self, job: &JobId, wish: &Connect, found: &Lookup) -> Result<Reach, Setback> {
        let project = match found {
            Lookup::Found { project, .. } => Some(project),
            Lookup::Whole { projects, .. } => projects.first(),
            _ => None,
        };
        let Some(project) = project else { return Ok(Reach::default()) };
        let mut reach = Reach { installed: self.is_integrated(&project.org).await?, ..Reach::default() };
        let is_for_hooks = self.deployment.service_hooks && self.deployment.accepts(&project.org);
        if reach.installed || !is_for_hooks || !matches!(wish.actor, Actor::Person { .. }) {
            return Ok(reach);
        }
        let there = self.ports.facts.hooks().await?;
        let maker = (wish.actor.clone(), (wish.by.account.clone(), wish.by.user.clone()));
        for kind in HookKind::wanted([&wish.filter]) {
            if there.iter().any(|hook| hook.project.id == project.id && hook.kind == kind) {
                reach.installed = true;
                continue;
            }
            match self.make_hook(job, &maker, project, kind).await? {
                Ok(hook) => reach.hooks.push(hook),
                Err(no_hook) => {
                    reach.no_hook = Some(no_hook);
                    break;
                }
            }
        }
        Ok(reach)
    }

    /// Makes the hooks that are missing, and deletes those that nobody needs any more.
    pub(crate) async fn tend_hooks(&self, queued: &Queued) -> Result<Effect, Setback> {
        // First of all: whatever changes from here on is looked at again.
        let mut tended = Tended { seen: self.ports.facts.hook_wishes().await?, ..Tended::default() };
        for hook in self.superfluous_hooks().await? {
            match self.drop_hook(&hook).await {
                Ok(is_stranded) => tended.dropped.push((hook.token, is_stranded)),
                Err(setback) => {
                    tracing::warn!(project = hook.project.label(), failure = ?setback.failure, "a hook could not be deleted yet");
                    tended.tired = true;
                }
            }
        }
        if self.deployment.service_hooks {
            for org in self.ports.facts.subscribed_orgs().await? {
                self.make_missing(&queued.id, &org, &mut tended).await?;
            }
        }
        Ok(Effect::Tended(tended))
    }

    /// What was done is kept, and looked at again before long.
    pub(crate) async fn hooks_tended(&self, tended: &Tended) -> Result<Decision, StoreError> {
        let left = (self.ports.facts.hooks().await?.len() + tended.made.len()).saturating_sub(tended.dropped.len());
        let wait = if tended.tired { AGAIN } else { RECONCILE_EVERY };
        let again = (self.deployment.service_hooks || left > 0).then(|| self.now() + wait);
        Ok(self.core().hooks_tended(tended.seen, &tended.made, &tended.dropped, again))
    }

    /// The grants that go with an account, and the hooks made with each that nobody in another account needs.
    pub(crate) async fn leaving(&self, account: &AccountId) -> Result<Vec<(CredentialId, Vec<LeftHook>)>, StoreError> {
        let facts = &self.ports.facts;
        let grants = facts.grants_of(account).await?;
        let mut leaving: Vec<_> = grants.into_iter().map(|credential| (credential, Vec::new())).collect();
        for Hook { id, token, kind, project, by, .. } in facts.hooks().await? {
            let Some((_, user)) = by.filter(|(of, _)| of == account) else { continue };
            let key = ProjectKey { id: Some(project.id.clone()), ..ProjectKey::default() };
            let mut others = facts.subscribers(&key).await?;
            others.retain(|s| s.place.account != *account);
            let maker = facts.linked(account, &user).await?.map(|linked| linked.credential);
            let grant = leaving.iter_mut().find(|(credential, _)| Some(credential) == maker.as_ref());
            if let Some((_, hooks)) = grant.filter(|_| !HookKind::wanted_by(&others).contains(&kind)) {
                hooks.push(LeftHook { id, token, project });
            }
        }
        Ok(leaving)
    }

    /// Deletes the hooks that were made with a grant, then revokes it. What is left at Sentry is named.
    pub(crate) async fn leave(
        &self,
        account: &AccountId,
        credential: &CredentialId,
        hooks: &[LeftHook],
    ) -> Result<Effect, Setback> {
        let mut stranded = Vec::new();
        for LeftHook { id, token, project } in hooks {
            let actor = Actor::Person { account: account.clone(), credential: credential.clone() };
            if self.drop_with(Some(actor), project, id).await? {
                stranded.push(*token);
            }
        }
        self.ports.tracker.unlink(account, credential).await?;
        Ok(Effect::Left { stranded })
    }

    /// They could not be deleted in time: they stay at Sentry, and nothing of the grant stays here.
    pub(crate) async fn not_left(
        &self,
        account: &AccountId,
        credential: &CredentialId,
        hooks: &[LeftHook],
    ) -> Decision {
        let tracker = &self.ports.tracker;
        for LeftHook { id, project, .. } in hooks {
            if let Err(error) = tracker.drop_hook(None, project, id).await {
                tracing::error!(error = &error as &dyn std::error::Error, %id, "the secret of a hook could not be deleted");
            }
        }
        if let Err(error) = tracker.abandon(account, credential).await {
            tracing::error!(error = &error as &dyn std::error::Error, %credential, "a grant could not be deleted");
        }
        self.core().hooks_stranded(hooks.iter().map(|hook| &hook.token))
    }

    /// Tending keeps itself going; this starts it.
    pub(crate) async fn begin_tending(&self) -> Result<(), StoreError> {
        if self.deployment.service_hooks || !self.ports.facts.hooks().await?.is_empty() {
            self.ports.store.commit(&[], &Decision::job(self.core().tend_hooks()), self.now()).await?;
        }
        Ok(())
    }

    /// Whatever changes what is connected may change which hooks are needed.
    pub(crate) fn with_tending(&self, decision: Decision) -> Decision {
        let concerns = self.deployment.service_hooks && decision.changes.iter().any(RowChange::concerns_hooks);
        if !concerns {
            return decision;
        }
        decision.and(RowChange::WishForHooks).then(self.core().tend_hooks())
    }

    /// The same where it follows from a job.
    pub(crate) fn ended_with_tending(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Done(decision) => Outcome::Done(self.with_tending(decision)),
            Outcome::Suppressed { reason, then } => Outcome::Suppressed { reason, then: self.with_tending(then) },
            Outcome::Dead { why, then } => Outcome::Dead { why, then: self.with_tending(then) },
            waits => waits,
        }
    }

    /// Whether the events of an organization come in by themselves.
    async fn is_integrated(&self, org: &OrgSlug) -> Result<bool, StoreError> {
        let is_own = self.deployment.integration_org.as_ref() == Some(org);
        Ok(is_own || !self.ports.facts.installations_of(org).await?.is_empty())
    }

    /// The hooks that nobody needs, or that another one stands for.
    async fn superfluous_hooks(&self) -> Result<Vec<Hook>, StoreError> {
        let (mut seen, mut superfluous) = (HashSet::new(), Vec::new());
        for hook in self.ports.facts.hooks().await? {
            let key = ProjectKey { id: Some(hook.project.id.clone()), ..ProjectKey::default() };
            let is_needed = self.deployment.service_hooks
                && !self.is_integrated(&hook.project.org).await?
                && HookKind::wanted_by(&self.ports.facts.subscribers(&key).await?).contains(&hook.kind);
            if !is_needed || !seen.insert((hook.project.id.clone(), hook.kind)) {
                superfluous.push(hook);
            }
        }
        Ok(superfluous)
    }

    async fn make_missing(&self, job: &JobId, org: &OrgSlug, tended: &mut Tended) -> Result<(), Setback> {
        if self.is_integrated(org).await? {
            return Ok(());
        }
        let there = self.ports.facts.hooks().await?;
        let is_there =
            |project: &ProjectId, kind| there.iter().any(|hook| hook.project.id == *project && hook.kind == kind);
        for subscriptions in by_project(self.ports.facts.subscriptions_to(org).await?) {
            let Some(project) = subscriptions.first().map(|s| &s.project) else { continue };
            for kind in HookKind::wanted_by(&subscriptions) {
                if is_there(&project.id, kind) {
                    continue;
                }
                if tended.made.len() >= AT_ONCE {
                    tended.tired = true;
                    return Ok(());
                }
                match self.make_for(job, &subscriptions, project, kind).await {
                    Ok(Some(Ok(hook))) => tended.made.push(hook),
                    Ok(Some(Err(NoHook::Feature))) => {
                        tracing::warn!(%org, "Sentry has no service hooks there: no events come from it");
                        return Ok(());
                    }
                    Ok(Some(Err(NoHook::Refused(why)))) => {
                        tracing::warn!(project = project.label(), why, "nobody who is connected may make a hook there");
                    }
                    Ok(None) => {
                        tracing::warn!(project = project.label(), "nobody is linked who could make a hook there")
                    }
                    Err(setback) => {
                        tracing::warn!(%org, failure = ?setback.failure, "hooks could not be made yet");
                        tended.tired = true;
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// With the grant of the first who may; `None` where nobody has one.
    async fn make_for(
        &self,
        job: &JobId,
        subscriptions: &[Subscription],
        project: &Project,
        kind: HookKind,
    ) -> Result<Option<Result<Hook, NoHook>>, Setback> {
        let mut tried: Vec<Maker> = Vec::new();
        let mut last = None;
        for by in subscriptions.iter().map(|s| &s.by) {
            let Some(linked) = self.ports.facts.linked(&by.account, &by.user).await? else { continue };
            let maker = (Actor::person(&linked), (by.account.clone(), by.user.clone()));
            if tried.contains(&maker) {
                continue;
            }
            if tried.len() == MAKERS {
                break;
            }
            let made = self.make_hook(job, &maker, project, kind).await;
            tried.push(maker);
            match made {
                // Somebody else's link may still work.
                Err(Setback { failure: zentry_domain::Failure::Unauthorized, .. }) => {}
                Ok(Err(NoHook::Refused(why))) => last = Some(Err(NoHook::Refused(why))),
                Ok(made) => return Ok(Some(made)),
                Err(setback) => return Err(setback),
            }
        }
        Ok(last)
    }

    /// The address is made of the job's own name, so that a second attempt finds what the first one made.
    async fn make_hook(
        &self,
        job: &JobId,
        (actor, by): &Maker,
        project: &Project,
        kind: HookKind,
    ) -> Result<Result<Hook, NoHook>, Setback> {
        let token = digest_of(&Secret::new(format!("{job}/{}/{}", project.id, kind.word()))).to_hex();
        let url = format!("{}/sentry/hooks/{token}", self.deployment.public_url);
        let id = match self.ports.tracker.make_hook(actor, project, kind, &url).await {
            Ok(id) => id,
            Err(TrackerError::NoFeature) => return Ok(Err(NoHook::Feature)),
            Err(TrackerError::Refused { why }) => return Ok(Err(NoHook::Refused(why))),
            Err(TrackerError::Gone) => return Ok(Err(NoHook::Refused("this Sentry knows no service hooks".into()))),
            Err(error) => return Err(error.into()),
        };
        let token = digest_of(&Secret::new(token));
        Ok(Ok(Hook {
            id,
            token,
            kind,
            project: project.clone(),
            by: Some(by.clone()),
            ended: None,
            is_stranded: false,
        }))
    }

    /// With the grant with which it was made. Where that is gone it stays at Sentry, stranded.
    async fn drop_hook(&self, hook: &Hook) -> Result<bool, Setback> {
        let linked = match &hook.by {
            Some((account, user)) => self.ports.facts.linked(account, user).await?,
            None => None,
        };
        self.drop_with(linked.as_ref().map(Actor::person), &hook.project, &hook.id).await
    }

    async fn drop_with(&self, actor: Option<Actor>, project: &Project, hook: &HookId) -> Result<bool, Setback> {
        let tracker = &self.ports.tracker;
        if let Some(actor) = &actor {
            match tracker.drop_hook(Some(actor), project, hook).await {
                Err(TrackerError::Unauthorized) => {}
                dropped => return Ok(dropped.map(|()| false)?),
            }
        }
        tracker.drop_hook(None, project, hook).await?;
        tracing::warn!(project = project.label(), %hook, "nobody is linked any more who could delete a hook; it stays at Sentry");
        Ok(true)
    }
}

/// The subscriptions of each project.
fn by_project(subscriptions: Vec<Subscription>) -> Vec<Vec<Subscription>> {
    let mut groups: Vec<Vec<Subscription>> = Vec::new();
    for subscription in subscriptions {
        let is_its = |group: &&mut Vec<Subscription>| group[0].project.id == subscription.project.id;
        match groups.iter_mut().find(is_its) {
            Some(group) => group.push(subscription),
            None => groups.push(vec![subscription]),
        }
    }
    groups
}
