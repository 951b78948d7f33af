//! Connecting a channel to every project of an organization, and the projects that join later.

use super::Core;
use super::connect::begun;
use crate::subscription::zone_of;
use crate::{
    Address, Change, ChangeKind, Connect, Decision, Filter, Issue, IssueId, Job, Join, Lane, Notice, Organization,
    Person, Place, Project, ProjectKey, RowChange, Said, Subscription, Undoing, Whole, say,
};

/// Sentry has said of a project that may join.
#[derive(Clone, Debug)]
pub struct Joining {
    /// The project, as whoever connected the organization sees it.
    pub project: Project,
    /// The issue that told of it.
    pub issue: Option<Issue>,
}

impl Core<'_> {
    /// Sentry has listed an organization's projects. `here` is what the place is connected to.
    pub(super) fn connect_whole(
        &self,
        wish: &Connect,
        org: &Organization,
        projects: &[Project],
        here: &[Subscription],
        before: Option<&Whole>,
    ) -> Decision {
        let is_new = |project: &&Project| !here.iter().any(|s| s.project.id == project.id);
        let new: Vec<_> = projects.iter().filter(is_new).cloned().collect();
        if let (Some(before), []) = (before, &new[..]) {
            let wanted = if wish.filter == Filter::default() { &before.filter } else { &wish.filter };
            let others = filtered_otherwise(here, before, wanted);
            let notice = say::whole_already(self.deployment, before, projects.len(), zone_of(here));
            return self.connect_failed(wish, notice.one_filter(before, wanted, &others));
        }
        let whole = Whole {
            place: wish.place.clone(),
            org: org.slug.clone(),
            org_name: org.name.clone(),
            filter: wish.filter.clone(),
            by: wish.by.clone(),
            since: self.now,
        };
        let undoing = Undoing::ConnectedWhole {
            whole: Box::new(whole.clone()),
            projects: new.clone(),
            before: before.cloned().map(Box::new),
        };
        let (undo, can_be_undone) = self.undoable(&wish.place, undoing);
        let notice = say::connected_whole(self.deployment, &whole, projects.len())
            .one_filter(&whole, &whole.filter, &filtered_otherwise(here, &whole, &whole.filter))
            .button(undo.button());
        let told = self.tell(Address::everyone(&wish.place, &wish.by), &wish.place, notice);
        let audit = self.audit(&wish.place, &wish.by, "connect", &whole.label()).to(&wish.filter.in_words());
        let decision = told
            .and(can_be_undone)
            .with(self.linked_too(wish, &whole.label()))
            .and(RowChange::PutWhole(whole.clone()))
            .and(RowChange::Audit(audit));
        let subscribed = new.into_iter().map(|project| RowChange::Subscribe(begun(&whole, project, self.now)));
        subscribed.fold(decision, Decision::and).then(self.reconcile_anew(&org.slug))
    }

    /// Something happened in a project that the channel of `whole` does not have yet.
    pub fn join(&self, whole: &Whole, change: &Change) -> Decision {
        let ProjectKey { id: Some(id), slug: Some(slug), .. } = change.project.clone() else {
            return Decision::nothing();
        };
        let Whole { place, org, .. } = whole.clone();
        let lane = Lane::connects(&place.account, &place.channel);
        let join = Join { place, org, project: id, slug, issue: change.issue_id.clone() };
        Decision::job(self.job(lane, Job::Join(join)))
    }

    /// Whoever set `whole` up may see the project: it joins.
    pub fn joined(&self, whole: &Whole, joining: &Joining) -> Decision {
        let to = Address::everyone(&whole.place, &whole.by);
        let audit = self.audit(&whole.place, &whole.by, "join", &joining.project.label());
        self.tell(to, &whole.place, say::joined(&joining.project, &whole.by))
            .and(RowChange::Subscribe(self.subscription_of(whole, joining)))
            .and(RowChange::Audit(audit))
            .then(self.reconcile_anew(&whole.org))
    }

    /// The subscription that it joins with. What happened in it since all of the organization was wanted is wanted, too.
    pub fn subscription_of(&self, whole: &Whole, joining: &Joining) -> Subscription {
        begun(whole, joining.project.clone(), whole.since)
    }

    /// What the webhook told that it joins with, as far as Sentry still says it: that the issue is there.
    pub fn joins_with(&self, joining: &Joining, id: &IssueId) -> Option<Change> {
        let issue = joining.issue.clone()?;
        let Project { org, id: number, slug, .. } = joining.project.clone();
        Some(Change {
            installation: None,
            project: ProjectKey { org: Some(org), id: Some(number), slug: Some(slug) },
            issue_id: id.clone(),
            issue,
            occurrence: None,
            kind: ChangeKind::New,
            by: None,
        })
    }

    /// They may not see it, or not any more: it does not join.
    pub fn not_joined(&self, join: &Join) -> Decision {
        Decision::nothing().and(self.left_out(&join.place, &join.project))
    }

    pub(super) fn left_out(&self, place: &Place, project: &crate::ProjectId) -> RowChange {
        let Place { account, channel, .. } = place.clone();
        RowChange::LeaveOut { account, channel, project: project.clone() }
    }

    /// What every project of an organization may post here: shown, or changed.
    pub(super) fn configure_whole(
        &self,
        said: &Said,
        whole: &Whole,
        filter: Option<&Filter>,
        here: &[Subscription],
    ) -> Decision {
        let of_it: Vec<_> = here.iter().filter(|s| s.project.org == whole.org).collect();
        let to = Address::privately(&said.place, &said.by);
        let Some(filter) = filter else {
            return self.tell(
                to,
                &said.place,
                say::configure_whole(self.deployment, whole, of_it.len(), zone_of(here)),
            );
        };
        if *filter == whole.filter && of_it.iter().all(|s| s.filter == *filter) {
            return self.tell(to, &said.place, Notice::text(say::as_before(&whole.label(), filter)));
        }
        let before = of_it.iter().map(|s| (s.project.clone(), s.filter.clone())).collect();
        let undoing = Undoing::FilteredWhole { whole: Box::new(whole.clone()), before };
        let (undo, can_be_undone) = self.undoable(&said.place, undoing);
        let notice = say::filtered(&whole.label(), filter, &said.by).button(undo.button());
        let audit = self.audit(&said.place, &said.by, "filter", &whole.label()).to(&filter.in_words());
        let changed = Whole { filter: filter.clone(), ..whole.clone() };
        let decision = Decision::job(self.openly(&said.place, &said.by, notice)).and(can_be_undone);
        let put = of_it.into_iter().map(|s| put_filter(&said.place, &s.project, filter));
        put.fold(decision.and(RowChange::PutWhole(changed)).and(RowChange::Audit(audit)), Decision::and)
    }

    /// The filters before are there again.
    pub(super) fn filter_whole_again(
        &self,
        (place, by): (&Place, &Person),
        whole: &Whole,
        before: &[(Project, Filter)],
        here: &[Subscription],
    ) -> Decision {
        let notice = say::filtered(&whole.label(), &whole.filter, by);
        let decision = Decision::job(self.openly(place, by, notice)).and(RowChange::PutWhole(whole.clone()));
        let there = before.iter().filter(|(project, _)| here.iter().any(|s| s.project.id == project.id));
        there.map(|(project, filter)| put_filter(place, project, filter)).fold(decision, Decision::and)
    }

    /// Every project of an organization is gone again, or those that were not connected `before`.
    pub(super) fn disconnect_whole_again(
        &self,
        (place, by): (&Place, &Person),
        whole: &Whole,
        projects: &[Project],
        before: Option<&Whole>,
    ) -> Decision {
        let told = match before {
            Some(_) => say::disconnected_some(projects, by),
            None => say::disconnected(&whole.label(), by),
        };
        let put_back = before.map_or_else(|| drop_whole(whole), |before| RowChange::PutWhole(before.clone()));
        let decision = Decision::job(self.openly(place, by, told)).and(put_back);
        let Place { account, channel, .. } = place;
        projects.iter().fold(decision, |decision, project| {
            let (account, channel) = (account.clone(), channel.clone());
            decision.and(RowChange::Unsubscribe { account, channel, project: project.id.clone() })
        })
    }
}

/// The projects of an organization that post something else than `wanted` here.
fn filtered_otherwise<'a>(here: &'a [Subscription], whole: &Whole, wanted: &Filter) -> Vec<&'a Project> {
    here.iter().filter(|s| s.project.org == whole.org && s.filter != *wanted).map(|s| &s.project).collect()
}

pub(super) fn drop_whole(whole: &Whole) -> RowChange {
    let Place { account, channel, .. } = whole.place.clone();
    RowChange::DropWhole { account, channel, org: whole.org.clone() }
}

pub(super) fn put_filter(place: &Place, project: &Project, filter: &Filter) -> RowChange {
    let Place { account, channel, .. } = place.clone();
    RowChange::PutFilter { account, channel, project: project.id.clone(), filter: filter.clone() }
}
