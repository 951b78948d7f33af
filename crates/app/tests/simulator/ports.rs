//! The fakes, watched. Every call waits before and after it is carried out, so that other work can come in between and a
//! process can die at either point; what it brings about is recorded, and checked, in the same instant.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use zentry_contract::fake::{FakeChat, FakeClock, FakeStore, FakeTracker};
use zentry_domain::ports::{ChatError, Committed, DeliveryKey, LaneLease, Leased, StoreError, TrackerError};
use zentry_domain::{
    AccountId, Action, Actor, Address, Assignee, Chat, Clock, CredentialId, Decision, Deployment, HookId, HookKind,
    Identity, InstallationId, Issue, IssueId, IssueRef, JobId, MessageId, Notice, Occurrence, OrgSlug, Organization,
    Outcome, Person, Project, ProjectSlug, Secret, Store, Timestamp, Tracker, TriggerId,
};

use crate::cast::sentry;
use crate::record::Record;

/// Store, chat and tracker of a history.
pub(crate) struct Watched {
    pub(crate) store: Arc<FakeStore>,
    pub(crate) chat: FakeChat,
    pub(crate) tracker: FakeTracker,
    pub(crate) clock: Arc<FakeClock>,
    record: Mutex<Record>,
    is_down: AtomicBool,
    waits: AtomicUsize,
    latest: AtomicI64,
    pub(crate) integration: Option<OrgSlug>,
}

impl Watched {
    pub(crate) fn new(store: Arc<FakeStore>, deployment: &Deployment, clock: Arc<FakeClock>) -> Self {
        Self {
            store,
            chat: FakeChat::new(),
            tracker: sentry(deployment),
            clock,
            record: Mutex::default(),
            is_down: AtomicBool::new(false),
            waits: AtomicUsize::new(0),
            latest: AtomicI64::new(0),
            integration: deployment.integration_org.clone(),
        }
    }

    /// Looks at what was observed, or adds to it.
    pub(crate) fn record<T>(&self, look: impl FnOnce(&mut Record) -> T) -> T {
        look(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the store, also while the app cannot.
    pub(crate) fn read<T>(&self, read: impl Future<Output = Result<T, StoreError>>) -> T {
        self.store.set_down(false);
        let found = at_once(read).expect("a store that is up is read");
        self.store.set_down(self.is_down());
        found
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
        self.store.set_down(is_down);
    }

    pub(crate) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    pub(crate) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        self.latest.fetch_max(now.0, Ordering::Relaxed);
        now
    }

    /// The latest that it has been, for clocks also go back.
    pub(crate) fn latest(&self) -> Timestamp {
        let now = self.now();
        now.max(Timestamp(self.latest.load(Ordering::Relaxed)))
    }

    /// How often somebody waited here: who waits elsewhere waits for the clock.
    pub(crate) fn waits(&self) -> usize {
        self.waits.load(Ordering::Relaxed)
    }

    async fn wait(&self) {
        let _ = self.now();
        let mut waited = false;
        poll_fn(|_| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            self.waits.fetch_add(1, Ordering::Relaxed);
            Poll::Pending
        })
        .await;
    }

    /// One call to the chat, which goes wrong where a fault is next.
    fn chat_call(&self) {
        if let Some(fault) = self.record(|record| record.chat_faults.pop_front()) {
            self.chat.fail_next(fault);
        }
    }

    /// One call to the tracker, by an actor or by nobody.
    async fn tracker_call<T>(
        &self,
        by: Option<&Actor>,
        call: impl Future<Output = Result<T, TrackerError>>,
    ) -> Result<T, TrackerError> {
        self.wait().await;
        self.record(|record| by.into_iter().for_each(|by| record.inactive_grants_are_not_used(by)));
        if let Some(fault) = self.record(|record| record.tracker_faults.pop_front()) {
            self.tracker.fail_next(fault);
        }
        let answer = call.await;
        self.wait().await;
        answer
    }
}

#[async_trait]
impl Store for Watched {
    async fn commit(&self, keys: &[DeliveryKey], decision: &Decision, now: Timestamp) -> Result<Committed, StoreError> {
        self.wait().await;
        let committed = self.store.commit(keys, decision, now).await;
        if let Ok(Committed::Fresh) = committed {
            self.record(|record| record.committed(self, keys, decision));
        }
        self.wait().await;
        committed
    }

    async fn lease(&self, limit: usize, now: Timestamp, until: Timestamp) -> Result<Leased, StoreError> {
        self.wait().await;
        let leased = self.store.lease(limit, now, until).await?;
        self.record(|record| leased.lanes.iter().for_each(|lease| record.leased(lease)));
        self.wait().await;
        Ok(leased)
    }

    async fn renew(&self, lease: &LaneLease, until: Timestamp) -> Result<(), StoreError> {
        self.store.renew(lease, until).await
    }

    async fn settle(
        &self,
        lease: &LaneLease,
        job: &JobId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.wait().await;
        let before = Record::shown_card(self, outcome);
        let settled = self.store.settle(lease, job, outcome, now).await;
        match &settled {
            Ok(()) => self.record(|record| record.settled(self, lease, job, outcome, before.as_ref())),
            Err(StoreError::Fenced) => self.record(|record| record.lost_its_lease(lease, job, outcome)),
            Err(_) => {}
        }
        self.wait().await;
        settled
    }

    async fn release(&self, lease: LaneLease) -> Result<(), StoreError> {
        self.wait().await;
        let lane = lease.lane.clone();
        let released = self.store.release(lease).await;
        if released.is_ok() {
            self.record(|record| record.released(&lane));
        }
        released
    }
}

#[async_trait]
impl Chat for Watched {
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        self.wait().await;
        self.chat_call();
        self.record(|record| record.posting(self, to, notice));
        let answer = self.chat.post(to, notice).await;
        self.record(|record| record.posted(self, to, notice, answer.is_ok()));
        self.wait().await;
        answer
    }

    async fn edit(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        self.wait().await;
        self.chat_call();
        self.record(|record| record.editing(self, to, message, notice));
        let answer = self.chat.edit(to, message, notice).await;
        self.record(|record| record.edited(message, answer.is_ok()));
        self.wait().await;
        answer
    }

    async fn delete(&self, to: &Address, message: &MessageId) -> Result<(), ChatError> {
        self.chat.delete(to, message).await
    }

    async fn unfurl(&self, by: &Person, trigger: &TriggerId, notice: &Notice) -> Result<(), ChatError> {
        self.wait().await;
        self.chat_call();
        self.chat.unfurl(by, trigger, notice).await
    }
}

#[async_trait]
impl Tracker for Watched {
    async fn organizations(&self, actor: &Actor) -> Result<Vec<Organization>, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.organizations(actor)).await
    }

    async fn manages(&self, actor: &Actor, identity: &Identity) -> Result<Vec<OrgSlug>, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.manages(actor, identity)).await
    }

    async fn projects(&self, actor: &Actor, org: &OrgSlug) -> Result<Vec<Project>, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.projects(actor, org)).await
    }

    async fn project(&self, actor: &Actor, org: &str, project: &str) -> Result<Option<Project>, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.project(actor, org, project)).await
    }

    async fn issue(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Issue>, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.issue(actor, issue)).await
    }

    async fn issue_in_project(
        &self,
        actor: &Actor,
        issue: &IssueRef,
    ) -> Result<Option<(ProjectSlug, Issue)>, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.issue_in_project(actor, issue)).await
    }

    async fn make_hook(
        &self,
        actor: &Actor,
        project: &Project,
        kind: HookKind,
        url: &str,
    ) -> Result<HookId, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.make_hook(actor, project, kind, url)).await
    }

    async fn drop_hook(&self, actor: Option<&Actor>, project: &Project, hook: &HookId) -> Result<(), TrackerError> {
        self.tracker_call(actor, self.tracker.drop_hook(actor, project, hook)).await
    }

    async fn latest(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Occurrence>, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.latest(actor, issue)).await
    }

    async fn first_in(
        &self,
        actor: &Actor,
        issue: &IssueRef,
        environment: &str,
    ) -> Result<Option<(Timestamp, Occurrence)>, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.first_in(actor, issue, environment)).await
    }

    async fn issues_since(
        &self,
        actor: &Actor,
        project: &Project,
        since: Timestamp,
    ) -> Result<Option<Vec<(IssueId, Issue)>>, TrackerError> {
        let answer = self.tracker_call(Some(actor), self.tracker.issues_since(actor, project, since)).await;
        if let Ok(Some(_)) = answer {
            self.record(|record| record.has_listed(project));
        }
        answer
    }

    async fn assignees(&self, actor: &Actor, project: &Project) -> Result<Vec<Assignee>, TrackerError> {
        self.tracker_call(Some(actor), self.tracker.assignees(actor, project)).await
    }

    async fn update(&self, actor: &Actor, issue: &IssueRef, action: &Action) -> Result<Issue, TrackerError> {
        self.record(|record| record.done(&issue.id));
        self.tracker_call(Some(actor), self.tracker.update(actor, issue, action)).await
    }

    fn issue_page(&self, project: &Project, issue: &IssueId) -> String {
        self.tracker.issue_page(project, issue)
    }

    fn rules_page(&self, project: &Project) -> String {
        self.tracker.rules_page(project)
    }

    fn authorize_url(&self, state: &Secret) -> String {
        self.tracker.authorize_url(state)
    }

    async fn link(
        &self,
        account: &AccountId,
        credential: &CredentialId,
        code: &Secret,
        state: &Secret,
    ) -> Result<Identity, TrackerError> {
        let watched = async {
            let before = self.grants();
            let answer = self.tracker.link(account, credential, code, state).await;
            if let Some(user) = changed(&before, &self.grants()) {
                self.record(|record| record.granted(account, credential, user));
            }
            answer
        };
        self.tracker_call(None, watched).await
    }

    async fn unlink(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError> {
        let watched = async {
            let before = self.grants();
            let answer = self.tracker.unlink(account, credential).await;
            let is_revoked = changed(&before, &self.grants()).is_some();
            // What Sentry refuses to revoke is not ours to end.
            self.record(|record| record.revoked(credential, is_revoked || answer.is_ok()));
            answer
        };
        self.tracker_call(None, watched).await
    }

    async fn install(&self, installation: &InstallationId, code: &Secret) -> Result<Option<OrgSlug>, TrackerError> {
        self.tracker_call(None, self.tracker.install(installation, code)).await
    }

    async fn abandon(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError> {
        self.record(|record| record.revoked(credential, true));
        self.tracker.abandon(account, credential).await
    }
}

impl Watched {
    fn grants(&self) -> Vec<usize> {
        crate::cast::users().iter().map(|user| self.tracker.grants_of(user)).collect()
    }
}

/// Whose grants are not as many as before.
fn changed(before: &[usize], after: &[usize]) -> Option<usize> {
    before.iter().zip(after).position(|(before, after)| before != after)
}

/// What a fake answers without waiting for anything.
pub(crate) fn at_once<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a fake waits for nothing"),
    }
}
