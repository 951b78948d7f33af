//! What an operator decides about connections, beside the chat: the same rows as there, and on record as the operator's.

use super::Core;
use super::connect::begun;
use super::whole::{drop_whole, put_filter};
use crate::wanted::{Connections, Step, There, Wanted};
use crate::{AuditEntry, Decision, Organization, Person, Place, Project, RowChange, Whole};

/// Who does it, as the audit names them.
const OPERATOR: &str = "operator";

/// What a new connection needs that its wish does not say.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// The channel.
    pub place: Place,
    /// On whose behalf it is.
    pub by: Person,
    /// To what.
    pub to: ConnectTo,
}

/// What a channel is connected to.
#[derive(Clone, Debug)]
pub enum ConnectTo {
    /// A project.
    One(Project),
    /// An organization, with its projects.
    Every(Organization, Vec<Project>),
}

impl Core<'_> {
    /// Carries out one step of a plan that makes `wanted` of what is `there`. A step that connects needs `new`.
    pub fn carry_out(
        &self,
        step: &Step,
        new: Option<&NewConnection>,
        wanted: &[Wanted],
        there: &Connections,
    ) -> Decision {
        match (step, new) {
            (Step::Connect(wish), Some(new)) => self.operator_connects(wish, new, wanted, there),
            (Step::Connect(_), None) => Decision::nothing(),
            (Step::Filter { there: one, filter }, _) => {
                let audit = self.by_operator(one.place(), "filter", &one.label()).to(&filter.in_words());
                let decision = Decision::nothing().and(RowChange::Audit(audit));
                match one {
                    There::One(one) => decision.and(put_filter(&one.place, &one.project, filter)),
                    There::Every(whole) => {
                        let of_it = there.subscriptions.iter().filter(|s| {
                            s.place.is_same(&whole.place)
                                && s.project.org == whole.org
                                && !is_named(wanted, &s.place, &s.project)
                        });
                        let changed = RowChange::PutWhole(Whole { filter: filter.clone(), ..whole.clone() });
                        of_it
                            .map(|s| put_filter(&s.place, &s.project, filter))
                            .fold(decision.and(changed), Decision::and)
                    }
                }
            }
            (Step::Disconnect(gone), _) => {
                let audit = self.by_operator(gone.place(), "disconnect", &gone.label());
                let Place { account, channel, .. } = gone.place().clone();
                let change = match gone {
                    There::One(one) => RowChange::Unsubscribe { account, channel, project: one.project.id.clone() },
                    There::Every(whole) => drop_whole(whole),
                };
                Decision::nothing().and(change).and(RowChange::Audit(audit))
            }
        }
    }

    fn operator_connects(
        &self,
        wish: &Wanted,
        new: &NewConnection,
        wanted: &[Wanted],
        there: &Connections,
    ) -> Decision {
        let is_here = |project: &Project| {
            there.subscriptions.iter().any(|s| s.place.is_same(&new.place) && s.project.id == project.id)
        };
        let whole = |org: &Organization| Whole {
            place: new.place.clone(),
            org: org.slug.clone(),
            org_name: org.name.clone(),
            filter: wish.filter.clone(),
            by: new.by.clone(),
            since: self.now,
        };
        let audit = |label: &str| {
            let audit = self.by_operator(&new.place, "connect", label).to(&wish.filter.in_words());
            Decision::nothing().and(RowChange::Audit(audit))
        };
        match &new.to {
            // Under another slug: it was renamed.
            ConnectTo::One(project) if is_here(project) => {
                audit(&project.label()).and(put_filter(&new.place, project, &wish.filter))
            }
            ConnectTo::One(project) => {
                let org = Organization { slug: project.org.clone(), name: project.org_name.clone() };
                let subscription = begun(&whole(&org), project.clone(), self.now);
                audit(&project.label()).and(RowChange::Subscribe(subscription)).then(self.reconcile_anew(&project.org))
            }
            ConnectTo::Every(org, projects) => {
                let whole = whole(org);
                let joins = projects.iter().filter(|p| !is_here(p) && !is_named(wanted, &new.place, p));
                let joined = joins.map(|project| RowChange::Subscribe(begun(&whole, project.clone(), self.now)));
                joined
                    .fold(audit(&whole.label()).and(RowChange::PutWhole(whole.clone())), Decision::and)
                    .then(self.reconcile_anew(&org.slug))
            }
        }
    }

    fn by_operator(&self, place: &Place, action: &str, object: &str) -> AuditEntry {
        AuditEntry::of_itself(self.now, place, OPERATOR, action, object)
    }
}

/// Whether a project of a channel is wanted by its own name.
fn is_named(wanted: &[Wanted], place: &Place, project: &Project) -> bool {
    wanted.iter().any(|wish| {
        wish.account == place.account
            && wish.channel == place.channel
            && wish.org.as_str().eq_ignore_ascii_case(project.org.as_str())
            && wish.project.eq_ignore_ascii_case(project.slug.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EVERY, Filter, Level, OrgSlug, Timestamp, sample};

    fn wanted(project: &str, filter: Filter) -> Wanted {
        let Place { account, channel, .. } = sample::ops();
        Wanted { account, channel, org: OrgSlug::new("acme"), project: project.into(), filter, by: None }
    }

    fn fatal() -> Filter {
        Filter { level: Level::Fatal, ..Filter::default() }
    }

    fn carried_out(step: &Step, to: Option<ConnectTo>, wanted: &[Wanted], there: &Connections) -> Decision {
        let deployment = sample::deployment();
        let core = Core { deployment: &deployment, now: Timestamp(1_000), random: &sample::Counting::default() };
        let new = to.map(|to| NewConnection { place: sample::ops(), by: sample::ana(), to });
        core.carry_out(step, new.as_ref(), wanted, there)
    }

    #[test]
    fn an_operator_connects_with_the_filter_and_is_on_record() {
        let wish = wanted("web", fatal());
        let to = Some(ConnectTo::One(sample::project("web")));
        let decision = carried_out(&Step::Connect(wish.clone()), to, &[wish], &Connections::default());
        let [RowChange::Audit(audit), RowChange::Subscribe(made)] = &decision.changes[..] else {
            panic!("{:?}", decision.changes);
        };
        assert_eq!((audit.actor.as_str(), audit.action.as_str()), ("operator", "connect"));
        assert!(audit.object.starts_with("acme / web in "), "{}", audit.object);
        assert_eq!((&made.filter, &made.by, made.since), (&fatal(), &sample::ana(), Timestamp(1_000)));
        assert_eq!(decision.jobs.len(), 1, "what comes to nothing is looked for");
    }

    #[test]
    fn a_project_that_was_renamed_is_not_connected_twice() {
        let there = Connections { subscriptions: vec![sample::subscription()], wholes: Vec::new() };
        let wish = wanted("shop", fatal());
        let to = Some(ConnectTo::One(sample::project("checkout")));
        let decision = carried_out(&Step::Connect(wish.clone()), to, &[wish], &there);
        assert!(matches!(decision.changes[..], [RowChange::Audit(_), RowChange::PutFilter { .. }]));
    }

    #[test]
    fn an_organization_brings_what_is_neither_there_nor_named_beside_it() {
        let there = Connections { subscriptions: vec![sample::subscription()], wholes: Vec::new() };
        let wish = wanted(EVERY, Filter::default());
        let org = Organization { slug: OrgSlug::new("acme"), name: "Acme Inc.".into() };
        let projects = ["checkout", "web", "api"].map(sample::project).to_vec();
        let all = [wish.clone(), wanted("web", fatal())];
        let decision = carried_out(&Step::Connect(wish), Some(ConnectTo::Every(org, projects)), &all, &there);
        let [RowChange::Audit(_), RowChange::PutWhole(_), RowChange::Subscribe(api)] = &decision.changes[..] else {
            panic!("{:?}", decision.changes);
        };
        assert_eq!(api.project, sample::project("api"));
    }

    #[test]
    fn an_organizations_new_filter_is_that_of_its_projects_but_those_named() {
        let web = crate::Subscription { project: sample::project("web"), ..sample::subscription() };
        let org = Organization { slug: OrgSlug::new("acme"), name: "Acme Inc.".into() };
        let whole = Whole {
            place: sample::ops(),
            org: org.slug.clone(),
            org_name: org.name,
            filter: Filter::default(),
            by: sample::ana(),
            since: Timestamp(0),
        };
        let there = Connections { subscriptions: vec![sample::subscription(), web], wholes: vec![whole.clone()] };
        let all = [wanted(EVERY, fatal()), wanted("web", Filter::default())];
        let step = Step::Filter { there: There::Every(whole.clone()), filter: fatal() };
        let decision = carried_out(&step, None, &all, &there);
        assert!(
            matches!(
                &decision.changes[..],
                [RowChange::Audit(_), RowChange::PutWhole(now), RowChange::PutFilter { project, .. }]
                    if now.filter == fatal() && *project == sample::project("checkout").id
            ),
            "{:?}",
            decision.changes
        );
        let gone = carried_out(&Step::Disconnect(There::Every(whole)), None, &[], &there);
        assert!(matches!(gone.changes[..], [RowChange::DropWhole { .. }, RowChange::Audit(_)]));
    }
}
