//! Linking a Sentry account: from the offer to the code typed back.

use super::{Core, FreshLink};
use crate::link::{CODE_TRIES, EXCHANGE_LIFE, LINK_LIFE, RESENDS_PER_HOUR, code_digits};
use crate::{
    Address, Answer, Card, CredentialId, Decision, Digest, Identity, Job, Lane, Link, LinkedPerson, NewJob, Notice,
    Offered, OrgSlug, Pending, Person, Place, Policy, Revision, RowChange, Said, Secret, Stage, say,
};

impl Core<'_> {
    /// Sends `by` a link in their own chat, and says so where they asked. An earlier link of theirs ends; while a code
    /// is awaited there is never a second one.
    pub(super) fn offer_link(
        &self,
        by: &Person,
        place: &Place,
        then: Pending,
        open: Option<&Link>,
        fresh: &FreshLink,
    ) -> Decision {
        if let Some(left) = self.code_awaited(open) {
            return Decision::job(self.privately(place, by, say::still_waiting(left)));
        }
        let link = self.new_link(by, place, then, fresh);
        let mut decision = self.end_attempt(open).with(self.send_link(&link, fresh));
        if !place.direct {
            decision = decision.then(self.privately(place, by, say::link_first(place, &link.then)));
        }
        decision.and(RowChange::PutLink(link))
    }

    /// For how many minutes a code is still awaited, if one is.
    fn code_awaited(&self, open: Option<&Link>) -> Option<u64> {
        let open = open.filter(|open| open.awaits_code(self.now))?;
        Some(say::minutes(open.expires.since(self.now)))
    }

    /// An attempt that has not ended ends, and the grant that it may hold is revoked.
    pub(super) fn end_attempt(&self, open: Option<&Link>) -> Decision {
        match open.filter(|open| open.stage != Stage::Ended) {
            Some(open) => self.forget_inactive(open).and(RowChange::PutLink(open.clone().at(Stage::Ended))),
            None => Decision::nothing(),
        }
    }

    fn new_link(&self, by: &Person, place: &Place, then: Pending, fresh: &FreshLink) -> Link {
        Link {
            id: fresh.id,
            person: by.clone(),
            place: place.clone(),
            then,
            expires: self.now + LINK_LIFE,
            stage: Stage::Offered,
            offered: self.now,
            again: false,
            revision: Revision(1),
        }
    }

    /// The message with the address, and the job that ends the attempt.
    fn send_link(&self, link: &Link, fresh: &FreshLink) -> Decision {
        let url = format!("{}/link/{}", self.deployment.public_url, fresh.token.expose());
        let notice = say::link_here(&link.place, &link.then, &url);
        let otherwise = (!link.place.direct).then(|| {
            let to = Address::privately(&link.place, &link.person);
            Box::new(Answer { to, notice: say::cannot_reach_you(), replaces: None, otherwise: None })
        });
        Decision::job(self.answer_or(Address::direct(&link.person), notice, otherwise)).then(self.expiry(link))
    }

    fn expiry(&self, link: &Link) -> NewJob {
        self.job(Lane::link(&link.person.account, &link.id), Job::ExpireLink { link: link.id }).at(link.expires)
    }

    /// The page's button was pressed: the browser goes to Sentry with this `state` and cookie, and the address is used.
    pub fn sent_to_sentry(&self, link: &Link, state: Digest, cookie: Digest) -> Decision {
        Decision::nothing().and(RowChange::PutLink(link.clone().at(Stage::AtSentry { state, cookie })))
    }

    /// The browser came back with a code: `state` is burnt before the code is exchanged, and the name of the grant is
    /// kept before there is one.
    pub fn came_back(&self, link: &Link) -> (Link, CredentialId, Decision) {
        let credential = CredentialId::new(self.random.hex128());
        let link = link.clone().at(Stage::Exchanging { credential: credential.clone() });
        (link.clone(), credential, Decision::nothing().and(RowChange::PutLink(link)))
    }

    /// The code was exchanged: the grant waits, inactive, for the six digits that the browser shows.
    pub fn signed_in(&self, link: &Link, identity: &Identity, credential: &CredentialId, code: &Secret) -> Decision {
        let stage = Stage::AwaitingCode {
            code: code.clone(),
            tries_left: CODE_TRIES,
            identity: identity.clone(),
            credential: credential.clone(),
        };
        let link = Link { expires: self.now + LINK_LIFE, ..link.clone() }.at(stage);
        let please = self.answer(Address::direct(&link.person), say::code_please(identity));
        Decision::job(please).and(RowChange::PutLink(link))
    }

    /// Sentry did not exchange the code: nothing is linked, and a grant whose answer was lost is revoked.
    pub fn sign_in_failed(&self, link: &Link) -> Decision {
        self.end_attempt(Some(link))
    }

    /// They pressed Deny at Sentry.
    pub fn sign_in_cancelled(&self, link: &Link) -> Decision {
        self.end_attempt(Some(link)).with(self.tell_linker(link, say::cancelled(self.deployment)))
    }

    /// In their own chat, with a button that begins anew.
    fn tell_linker(&self, link: &Link, notice: Notice) -> Decision {
        let again = Offered::Switch { place: link.place.clone(), then: Box::new(link.then.clone()) };
        let notice = notice.suggest("Send me a new link", again);
        self.tell(Address::direct(&link.person), &Place::direct(&link.person), notice)
    }

    /// The page of a used or expired link asks for a new one: sent to the same person, at most three an hour. `sent` is
    /// how many they were sent within the hour. `None` where that is too many.
    pub fn link_again(&self, old: &Link, open: Option<&Link>, sent: usize, fresh: &FreshLink) -> Option<Decision> {
        if let Some(left) = self.code_awaited(open) {
            return Some(Decision::job(self.answer(Address::direct(&old.person), say::still_waiting(left))));
        }
        if sent >= RESENDS_PER_HOUR {
            return None;
        }
        let link = Link { again: true, ..self.new_link(&old.person, &old.place, old.then.clone(), fresh) };
        let decision = self.end_attempt(open).with(self.send_link(&link, fresh));
        Some(decision.and(RowChange::PutLink(link)))
    }

    /// The time of an attempt may be over: it ends, and an inactive grant is revoked.
    pub fn link_expired(&self, link: &Link) -> Decision {
        match link.stage {
            Stage::Ended => Decision::nothing(),
            _ if self.now < link.expires => Decision::job(self.expiry(link)),
            _ => self.end_attempt(Some(link)),
        }
    }

    /// Something was said in the person's own chat while a code is awaited.
    pub(super) fn code_said(
        &self,
        said: &Said,
        link: &Link,
        linked: Option<&LinkedPerson>,
        card: Option<&Card>,
    ) -> Decision {
        let Stage::AwaitingCode { code, tries_left, identity, credential } = &link.stage else {
            return Decision::nothing();
        };
        if code_digits(&said.text) == code.expose() {
            return self.code_right(link, identity, credential, linked, card);
        }
        match tries_left.saturating_sub(1) {
            0 => self.end_attempt(Some(link)).with(self.tell_linker(link, say::too_many_codes(self.deployment))),
            tries_left => {
                let told = self.answer(Address::direct(&said.by), say::wrong_code(tries_left));
                let stage = Stage::AwaitingCode {
                    code: code.clone(),
                    tries_left,
                    identity: identity.clone(),
                    credential: credential.clone(),
                };
                Decision::job(told).and(RowChange::PutLink(link.clone().at(stage)))
            }
        }
    }

    /// The link becomes active, and what waited for it is carried out.
    fn code_right(
        &self,
        link: &Link,
        identity: &Identity,
        credential: &CredentialId,
        before: Option<&LinkedPerson>,
        card: Option<&Card>,
    ) -> Decision {
        let now_linked = LinkedPerson {
            person: link.person.clone(),
            identity: identity.clone(),
            credential: credential.clone(),
            since: self.now,
            manages: Vec::new(),
            roles_read: None,
        };
        let mut decision = self.carry_on(link, &now_linked, card);
        if let Some(before) = before {
            decision = decision.then(self.forget(&before.person, &before.credential));
            if before.identity.id != identity.id {
                let told = say::already_linked_elsewhere(&before.identity, identity);
                decision = decision.then(self.answer(Address::direct(&link.person), told));
            }
        }
        let audit = self.audit(&Place::direct(&link.person), &link.person, "link", identity.label());
        let roles = (self.deployment.policy == Policy::Managers).then(|| self.roles(&now_linked));
        roles
            .into_iter()
            .fold(decision, Decision::then)
            .and(RowChange::LinkPerson(now_linked))
            .and(RowChange::Audit(audit))
            .and(RowChange::PutLink(link.clone().at(Stage::Ended)))
    }

    fn carry_on(&self, link: &Link, linked: &LinkedPerson, card: Option<&Card>) -> Decision {
        let (by, place) = (&link.person, &link.place);
        match (&link.then, card) {
            (Pending::Connect { org, project, filter }, _) => {
                Decision::job(self.connect_as(by, place, (org, project, filter), linked, true))
            }
            (Pending::Press { action, .. }, Some(card)) => {
                Decision::job(self.update(card, action, by, place, crate::Actor::person(linked)))
                    .then(self.answer(Address::direct(by), say::linked_only(linked.identity.label())))
            }
            (Pending::Assign { .. }, Some(card)) => {
                let (actor, me) = (crate::Actor::person(linked), Some(linked.identity.clone()));
                Decision::job(self.assignees_for(card, by, place, actor, me))
                    .then(self.answer(Address::direct(by), say::linked_only(linked.identity.label())))
            }
            (Pending::Press { .. } | Pending::Assign { .. }, None) | (Pending::Nothing, _) => {
                Decision::job(self.answer(Address::direct(by), say::linked_only(linked.identity.label())))
            }
        }
    }

    /// A grant that is still being made is revoked once it surely is or never will be.
    fn forget_inactive(&self, link: &Link) -> Decision {
        let Some(held) = link.credential() else { return Decision::nothing() };
        let forget = self.forget(&link.person, held);
        let is_being_made = matches!(link.stage, Stage::Exchanging { .. });
        Decision::job(if is_being_made { forget.at(self.now + EXCHANGE_LIFE) } else { forget })
    }

    /// The job that asks what a linked person manages at Sentry.
    pub(super) fn roles(&self, linked: &LinkedPerson) -> NewJob {
        let (account, user) = (linked.person.account.clone(), linked.person.user.clone());
        self.job(Lane::credential(&account, &linked.credential), Job::ReadRoles { account, user })
    }

    /// Sentry has said what a person manages there.
    pub fn roles_read(&self, linked: &LinkedPerson, manages: Vec<OrgSlug>) -> Decision {
        let linked = LinkedPerson { manages, roles_read: Some(self.now), ..linked.clone() };
        Decision::nothing().and(RowChange::PutRoles { linked: Box::new(linked) })
    }

    /// A grant that nothing holds any more is revoked and deleted.
    pub fn forget_grant(&self, person: &Person, credential: &CredentialId) -> Decision {
        Decision::job(self.forget(person, credential))
    }

    pub(super) fn forget(&self, person: &Person, credential: &CredentialId) -> NewJob {
        let job = Job::Forget { account: person.account.clone(), credential: credential.clone() };
        self.job(Lane::credential(&person.account, credential), job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Filter, Timestamp, sample};

    fn core<'a>(deployment: &'a crate::Deployment, random: &'a sample::Counting, now: i64) -> Core<'a> {
        Core { deployment, now: Timestamp(now), random }
    }

    fn fresh() -> FreshLink {
        FreshLink { token: Secret::new("token"), id: Digest([1; 32]) }
    }

    fn offered() -> Link {
        let then = Pending::Connect { org: "acme".into(), project: "checkout".into(), filter: Filter::default() };
        core(&sample::deployment(), &sample::Counting::default(), 0).new_link(
            &sample::ana(),
            &sample::ops(),
            then,
            &fresh(),
        )
    }

    fn awaiting(code: &str, tries_left: u8) -> Link {
        offered().at(Stage::AwaitingCode {
            code: Secret::new(code),
            tries_left,
            identity: sample::identity(),
            credential: CredentialId::new("c1"),
        })
    }

    fn say_code(link: &Link, text: &str) -> Decision {
        let said = Said { by: sample::ana(), place: Place::direct(&sample::ana()), text: text.into(), at: None };
        core(&sample::deployment(), &sample::Counting::default(), 1_000).code_said(&said, link, None, None)
    }

    fn stage_after(decision: &Decision) -> Stage {
        decision
            .changes
            .iter()
            .find_map(|change| match change {
                RowChange::PutLink(link) => Some(link.stage.clone()),
                _ => None,
            })
            .expect("the attempt moved on")
    }

    #[test]
    fn the_right_code_links_and_carries_out_the_command() {
        let decision = say_code(&awaiting("482913", 5), "482 913");
        assert!(decision.changes.iter().any(|change| matches!(change, RowChange::LinkPerson(_))));
        assert!(decision.jobs.iter().any(|job| matches!(&job.job, Job::Connect(connect) if connect.just_linked)));
        assert_eq!(stage_after(&decision), Stage::Ended);
    }

    #[test]
    fn a_wrong_code_costs_a_try() {
        let decision = say_code(&awaiting("482913", 5), "111111");
        assert!(matches!(stage_after(&decision), Stage::AwaitingCode { tries_left: 4, .. }));
    }

    #[test]
    fn the_fifth_wrong_code_ends_it_and_forgets_the_grant() {
        let decision = say_code(&awaiting("482913", 1), "111111");
        assert_eq!(stage_after(&decision), Stage::Ended);
        assert!(decision.jobs.iter().any(|job| matches!(job.job, Job::Forget { .. })));
        assert!(!decision.changes.iter().any(|change| matches!(change, RowChange::LinkPerson(_))));
    }

    #[test]
    fn while_a_code_is_awaited_there_is_no_second_link() {
        let (deployment, random) = (sample::deployment(), sample::Counting::default());
        let open = awaiting("482913", 5);
        let decision = core(&deployment, &random, 1_000).offer_link(
            &sample::ana(),
            &sample::ops(),
            open.then.clone(),
            Some(&open),
            &fresh(),
        );
        assert!(decision.changes.is_empty());
        assert_eq!(decision.jobs.len(), 1);
    }

    #[test]
    fn a_page_sends_three_new_links_an_hour_and_no_fourth() {
        let (deployment, random) = (sample::deployment(), sample::Counting::default());
        let used = offered().at(Stage::Ended);
        assert!(core(&deployment, &random, 1_000).link_again(&used, None, 2, &fresh()).is_some());
        assert!(core(&deployment, &random, 1_000).link_again(&used, None, 3, &fresh()).is_none());
    }

    #[test]
    fn whatever_ends_an_attempt_revokes_the_grant_that_it_holds() {
        let (deployment, random) = (sample::deployment(), sample::Counting::default());
        let late = core(&deployment, &random, 700_000);
        let expired = awaiting("482913", 5);
        let then = expired.then.clone();
        for decision in [
            late.offer_link(&sample::ana(), &sample::ops(), then, Some(&expired), &fresh()),
            late.link_again(&offered().at(Stage::Ended), Some(&expired), 0, &fresh()).expect("not too often"),
            late.link_expired(&expired),
            late.sign_in_failed(&offered().at(Stage::Exchanging { credential: CredentialId::new("c1") })),
        ] {
            assert!(decision.jobs.iter().any(|job| matches!(job.job, Job::Forget { .. })), "{decision:?}");
        }
    }

    #[test]
    fn an_attempt_whose_time_was_prolonged_is_looked_at_again_later() {
        let (deployment, random) = (sample::deployment(), sample::Counting::default());
        let decision = core(&deployment, &random, 1_000).link_expired(&awaiting("482913", 5));
        assert!(decision.changes.is_empty());
        assert_eq!(decision.jobs[0].due, Some(Timestamp(600_000)));
    }
}
