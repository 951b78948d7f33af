//! Connecting a place to a project: what Sentry answered, decided.

use super::Core;
use crate::text::line;
use crate::{
    Actor, Address, ChannelSettings, Connect, Decision, Filter, Job, Lane, LinkedPerson, NewJob, Notice, OrgSlug,
    Organization, Person, Place, Project, RECONCILE_EVERY, Reach, RowChange, Subscription, Timestamp, Undoing, Whole,
    say,
};

/// What Sentry knows under the names that somebody typed, as far as the asker may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The project, and how many of its issues that began within seven days the filter would have let post, where Sentry
    /// can say.
    Found {
        /// The project.
        project: Project,
        /// How many.
        week: Option<usize>,
    },
    /// Every project of an organization.
    Whole {
        /// The organization.
        org: Organization,
        /// Its projects.
        projects: Vec<Project>,
    },
    /// The organizations, to choose from.
    Organizations(Vec<Organization>),
    /// The projects of an organization, to choose from.
    Projects {
        /// The organization.
        org: Organization,
        /// Its projects.
        projects: Vec<Project>,
    },
    /// A display name that fits several projects.
    Several(Vec<Project>),
    /// No such organization among these.
    NoOrganization(Vec<Organization>),
    /// No such project in the organization, among these.
    NoProject {
        /// The organization.
        org: OrgSlug,
        /// Its projects.
        seen: Vec<Project>,
    },
}

impl Core<'_> {
    /// The job that looks the names up as a linked person and connects.
    pub(super) fn connect_as(
        &self,
        by: &Person,
        place: &Place,
        (org, project, filter): (&str, &str, &Filter),
        linked: &LinkedPerson,
        just_linked: bool,
    ) -> NewJob {
        self.connect_job(Connect {
            by: by.clone(),
            place: place.clone(),
            org: org.into(),
            project: project.into(),
            filter: filter.clone(),
            actor: Actor::person(linked),
            identity: Some(linked.identity.clone()),
            just_linked,
        })
    }

    pub(super) fn connect_job(&self, connect: Connect) -> NewJob {
        self.job(Lane::connects(&connect.place.account, &connect.place.channel), Job::Connect(Box::new(connect)))
    }

    /// Sentry has answered what the names mean. `here` is what the place is connected to; `reach` how its events will come in;
    /// `wholes` those of which the place gets every project.
    pub fn looked_up(
        &self,
        wish: &Connect,
        found: &Lookup,
        here: &[Subscription],
        wholes: &[Whole],
        reach: &Reach,
    ) -> Decision {
        let made = reach.hooks.iter().map(|hook| RowChange::PutHook(Box::new(hook.clone())));
        made.fold(self.connected_or_not(wish, found, here, wholes, reach), Decision::and)
    }

    fn connected_or_not(
        &self,
        wish: &Connect,
        found: &Lookup,
        here: &[Subscription],
        wholes: &[Whole],
        reach: &Reach,
    ) -> Decision {
        let unreached = reach.no_hook.as_ref().filter(|_| !reach.is_reached());
        match found {
            Lookup::Whole { org, .. } if !self.deployment.accepts(&org.slug) => {
                self.connect_failed(wish, say::not_accepted())
            }
            Lookup::Whole { org, projects } => {
                if let Some(no_hook) = unreached {
                    return self.connect_failed(wish, say::no_hook(self.deployment, org.slug.as_str(), no_hook));
                }
                let before = wholes.iter().find(|whole| whole.org == org.slug);
                self.connect_whole(wish, org, projects, here, before)
            }
            Lookup::Organizations(seen) => {
                let accepted: Vec<_> = seen.iter().filter(|org| self.deployment.accepts(&org.slug)).collect();
                self.said_of(wish, say::choose_organization(wish, &accepted))
            }
            Lookup::Projects { org, .. } if !self.deployment.accepts(&org.slug) => {
                self.connect_failed(wish, say::not_accepted())
            }
            Lookup::Projects { org, projects } => self.said_of(wish, say::choose_project(wish, org, projects, here)),
            Lookup::Several(fitting) => self.connect_failed(wish, say::which_to_connect(wish, fitting)),
            Lookup::Found { project, .. } if !self.deployment.accepts(&project.org) => {
                self.connect_failed(wish, say::not_accepted())
            }
            Lookup::Found { project, week } => {
                if let Some(no_hook) = unreached {
                    return self.connect_failed(wish, say::no_hook(self.deployment, &project.label(), no_hook));
                }
                self.connect_found(wish, (project, *week), here, reach.is_reached())
            }
            Lookup::NoOrganization(seen) => self.connect_failed(wish, say::no_organization(wish, seen)),
            Lookup::NoProject { org, seen } => self.connect_failed(wish, say::no_project(org, wish, seen)),
        }
    }

    fn connect_found(
        &self,
        wish: &Connect,
        (project, week): (&Project, Option<usize>),
        here: &[Subscription],
        installed: bool,
    ) -> Decision {
        if let Some(there) = here.iter().find(|s| s.project.id == project.id) {
            return self.connect_failed(wish, say::already_connected(self.deployment, there));
        }
        let subscription = Subscription {
            place: wish.place.clone(),
            project: project.clone(),
            filter: wish.filter.clone(),
            by: wish.by.clone(),
            since: self.now,
            mute: None,
            // The store knows the channel's.
            settings: ChannelSettings::default(),
        };
        let notice = say::connected(self.deployment, &subscription, week, installed);
        let (undo, can_be_undone) = self.undoable(&wish.place, Undoing::Connected(project.clone()));
        let told = self.tell(Address::everyone(&wish.place, &wish.by), &wish.place, notice.button(undo.button()));
        let decision = told.and(can_be_undone).with(self.linked_too(wish, &project.label()));
        let audit = self.audit(&wish.place, &wish.by, "connect", &project.label()).to(&wish.filter.in_words());
        decision
            .and(RowChange::Subscribe(subscription))
            .and(RowChange::Audit(audit))
            .then(self.reconcile_anew(&project.org))
    }

    /// Not merged into one that waits: that one may just be ending because nobody was connected.
    pub(super) fn reconcile_anew(&self, org: &OrgSlug) -> NewJob {
        NewJob { unless_waiting: false, ..self.reconcile(org).at(self.now + RECONCILE_EVERY) }
    }

    /// Whoever has just linked is told in their own chat, too.
    pub(super) fn linked_too(&self, wish: &Connect, label: &str) -> Decision {
        let Some(identity) = self.told_in_own_chat(wish) else { return Decision::nothing() };
        let done = say::linked_and_connected(identity, &wish.place, label);
        Decision::job(self.answer(Address::direct(&wish.by), done))
    }

    /// The wish is not fulfilled: its author is told why, and that the link itself stands.
    pub fn connect_failed(&self, wish: &Connect, notice: Notice) -> Decision {
        let asked = format!("{} / {}", line(&wish.org, 80), line(&wish.project, 80));
        let audit = self.audit(&wish.place, &wish.by, "connect", &asked).refused(&notice.head);
        Decision::nothing().and(RowChange::Audit(audit)).with(self.said_of(wish, notice))
    }

    /// Whoever wished is answered; nothing has changed.
    fn said_of(&self, wish: &Connect, notice: Notice) -> Decision {
        let mut decision = Decision::nothing();
        if let Some(identity) = self.told_in_own_chat(wish) {
            decision = decision.then(self.answer(Address::direct(&wish.by), say::linked_only(identity)));
        }
        let to = Address::privately(&wish.place, &wish.by);
        decision.with(self.tell(to, &wish.place, notice))
    }

    /// Whoever has just sent the code waits for word in their own chat.
    fn told_in_own_chat<'w>(&self, wish: &'w Connect) -> Option<&'w str> {
        wish.identity.as_ref().filter(|_| wish.just_linked).map(|identity| identity.label())
    }
}

/// A subscription to a project that an organization as a whole brings with it.
pub(super) fn begun(whole: &Whole, project: Project, now: Timestamp) -> Subscription {
    let Whole { place, filter, by, .. } = whole.clone();
    Subscription { place, project, filter, by, since: now, mute: None, settings: ChannelSettings::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Deployment, Timestamp, sample};

    fn wish() -> Connect {
        let linked = sample::linked();
        Connect {
            by: sample::ana(),
            place: sample::ops(),
            org: "acme".into(),
            project: "checkout".into(),
            filter: Filter::default(),
            actor: Actor::person(&linked),
            identity: Some(linked.identity),
            just_linked: false,
        }
    }

    fn decide(deployment: &Deployment, found: &Lookup, here: &[Subscription]) -> Decision {
        let core = Core { deployment, now: Timestamp(1_000), random: &sample::Counting::default() };
        core.looked_up(&wish(), found, here, &[], &Reach { installed: true, ..Reach::default() })
    }

    fn said(decision: &Decision) -> String {
        let heads = decision.jobs.iter().filter_map(|job| match &job.job {
            Job::Answer(answer) => Some(answer.notice.head.clone()),
            _ => None,
        });
        heads.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_found_project_is_connected_under_its_canonical_names() {
        let found = Lookup::Found { project: sample::project("checkout"), week: None };
        let decision = decide(&sample::deployment(), &found, &[]);
        let [RowChange::PutOffer(_), RowChange::PutUndo(undo), RowChange::Subscribe(made), RowChange::Audit(_)] =
            &decision.changes[..]
        else {
            panic!("{:?}", decision.changes);
        };
        assert_eq!(made.project, sample::project("checkout"));
        assert_eq!(undo.what, Undoing::Connected(made.project.clone()));
        assert_eq!(said(&decision), "Connected: acme / checkout");
    }

    #[test]
    fn connecting_twice_says_what_is_there_and_changes_nothing() {
        let found = Lookup::Found { project: sample::project("checkout"), week: None };
        let decision = decide(&sample::deployment(), &found, &[sample::subscription()]);
        assert!(matches!(decision.changes[..], [RowChange::Audit(_), RowChange::PutOffer(_)]));
        assert_eq!(said(&decision), "Already connected: acme / checkout");
    }

    #[test]
    fn an_organization_that_the_deployment_does_not_accept_is_refused() {
        let deployment = Deployment { allowed_orgs: Some(vec![OrgSlug::new("globex")]), ..sample::deployment() };
        let decision = decide(&deployment, &Lookup::Found { project: sample::project("checkout"), week: None }, &[]);
        assert!(matches!(decision.changes[..], [RowChange::Audit(_)]));
    }

    #[test]
    fn a_misspelt_organization_names_both_identities_and_the_nearest() {
        let acme = Organization { slug: OrgSlug::new("acme"), name: "Acme Inc.".into() };
        let decision = decide(&sample::deployment(), &Lookup::NoOrganization(vec![acme]), &[]);
        assert!(said(&decision).contains("your Sentry account (ana@acme.io)"), "{}", said(&decision));
    }
}
