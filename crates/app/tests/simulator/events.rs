//! What happens to the world from outside: deliveries, browsers, and what goes wrong.

use std::sync::Arc;
use std::time::Duration;

use zentry_app::Callback;
use zentry_contract::fake::ChatFault;
use zentry_contract::sample::START;
use zentry_domain::{
    Account, Change, ChangeKind, Choice, Event, Handle, InstallationId, Issue, Level, Occurrence, Place, Press,
    Pressed, ProjectKey, Remark, Remarked, Said, Secret, Status,
};

use crate::actions::{Action, Return, Told, Typed};
use crate::cast::{Cast, issues, project_of, title, users};
use crate::checks;
use crate::record::key;
use crate::world::{Reply, World};

/// Behind the two channels of everybody's account.
const OWN_CHAT: usize = 2;
/// No two things happen at once.
const A_MOMENT: Duration = Duration::from_millis(1);
const LONG_AGO: Duration = Duration::from_secs(24 * 3_600);

impl World {
    /// Lets something happen, and looks whether the books still balance.
    pub(crate) fn perform(&mut self, action: &Action) {
        self.watched.clock.advance(A_MOMENT);
        match action.clone() {
            Action::Says { who, place, text } => self.says(who, place, text.into()),
            Action::Happens { issue, kind, told, late } => self.happens(issue, kind, told, late),
            Action::Remarked { issue, what } => self.remarked(issue, what),
            Action::Again { delivery } => self.again(delivery),
            Action::Presses { who, button } => self.presses(who, button),
            Action::PressesNothing { who, action } => {
                let press = action.map(|action| Press { card: Handle::new("none"), choice: Choice::Act(action) });
                self.pressed(who, press);
            }
            Action::Opens { address } => self.opens(address),
            Action::ComesBack { visit, user, how } => self.comes_back(visit, user, how),
            Action::AsksAgain { address } => self.asks_again(address),
            Action::SendsCode { code, who, typed } => self.sends_code(code, who, typed),
            Action::StoreFails => self.store_fails(),
            Action::StoreWorks => self.store_works(),
            Action::Works { worker, waits } => self.works(worker, waits),
            Action::Slowly { waits } => self.slowly = Some(waits),
            Action::GoesOn { waits } => self.requests_go_on(waits),
            Action::Dies { away } => self.dies(away),
            Action::IsOvertaken { waits } => self.is_overtaken(waits),
            Action::Passes { seconds } => self.passes(seconds),
            Action::Installs { account } => self.installs(account),
            Action::Leaves { account } => {
                self.comes(Event::Deauthorized { account: Cast::accounts()[account].clone(), at: None })
            }
            fault => self.goes_wrong(&fault),
        }
        self.watched.record(|record| record.must(checks::the_ledger_adds_up(&self.watched)));
    }

    // === deliveries ===

    fn says(&mut self, who: usize, place: usize, text: String) {
        let by = Cast::people()[who].clone();
        let theirs = Cast::places().into_iter().filter(|place| place.account == by.account && !place.direct);
        let place = theirs.chain([Place::direct(&by)]).nth(place).expect("three places");
        self.comes(Event::Said(Said { by, place, text, at: None }));
    }

    fn happens(&mut self, issue: usize, kind: ChangeKind, told: Told, late: bool) {
        self.figures += 1;
        let (id, now) = (issues()[issue].clone(), self.watched.now());
        let before = self.watched.tracker.issue_now(&id).unwrap_or_default();
        let status = match kind {
            ChangeKind::Resolved => Status::Resolved,
            ChangeKind::Archived { .. } => Status::Archived,
            // Neither says anything of how the issue is.
            ChangeKind::New | ChangeKind::Alert { .. } => before.status.unwrap_or_default(),
            _ => Status::Unresolved,
        };
        let project = project_of(&id);
        // Whatever else is the first that is heard of an issue, it is an old one.
        let is_first = before.first_seen.is_none();
        let first_seen = if kind == ChangeKind::New { now } else { START - LONG_AGO };
        let first_seen = before.first_seen.unwrap_or(first_seen);
        // Some of Sentry's webhooks name the project by its number, others by its slug and their installation.
        let by_slug = self.figures.is_multiple_of(3) && project.org.as_str() == "acme";
        let slug = project.slug.clone();
        let (number, slug) = if by_slug { (None, Some(slug)) } else { (Some(project.id.clone()), None) };
        let level = if told == Told::Low { Level::Info } else { Level::Error };
        let occurrence = self.occurrence();
        self.watched.tracker.happens(&id, occurrence.clone());
        let environment = occurrence.environment.clone().unwrap_or_default();
        if self.seen.insert((id.clone(), environment.clone())) {
            self.watched.tracker.happened_first(&id, &environment, now, occurrence.clone());
        }
        let change = Change {
            installation: by_slug.then(|| InstallationId::new("acme")),
            project: ProjectKey { org: None, id: number, slug },
            issue: Issue {
                title: format!("{} it broke", title(issue)),
                level: Some(level),
                status: Some(status),
                events: (told == Told::Figure).then_some(self.figures),
                first_seen: Some(first_seen),
                ..Issue::default()
            },
            issue_id: id,
            occurrence: matches!(kind, ChangeKind::Alert { .. }).then(|| Box::new(occurrence)),
            kind,
            by: None,
        };
        // What happens is so at Sentry at once, in whatever order it is told.
        let level = if is_first { Some(level) } else { before.level };
        let known = Issue { events: None, level, ..change.issue.clone() };
        self.watched.tracker.list_issue(&project, &change.issue_id, known);
        let number = self.watched.record(|record| {
            let number = record.delivery(Event::Changed(change.clone()));
            record.happened(&change, number, now);
            number
        });
        if !late {
            self.send(number);
        }
    }

    /// Webhooks say nothing of the issue, and some nothing of its project.
    fn remarked(&mut self, issue: usize, what: Remarked) {
        self.figures += 1;
        let issue_id = issues()[issue].clone();
        let is_comment = what == Remarked::Comment;
        let id = is_comment.then(|| project_of(&issue_id).id);
        let by = is_comment.then(|| "somebody".to_owned());
        self.comes(Event::Changed(Change {
            installation: None,
            project: ProjectKey { id, ..ProjectKey::default() },
            issue_id,
            issue: Issue::default(),
            occurrence: None,
            kind: ChangeKind::Remark(Box::new(Remark { what, text: format!("remark {}", self.figures), by })),
            by: None,
        }));
    }

    /// Where what happens next happens.
    fn occurrence(&self) -> Occurrence {
        let environment = ["production", "staging", "staging"][self.figures as usize % 3];
        let customer = if self.figures.is_multiple_of(4) { "test" } else { "acme" };
        let tags = vec![("customer".to_owned(), customer.to_owned())];
        Occurrence { environment: Some(environment.to_owned()), release: None, tags }
    }

    fn presses(&mut self, who: usize, button: usize) {
        let pressed = self.watched.record(|record| newest(&record.buttons, button).map(|(_, _, press)| press.clone()));
        if pressed.is_some() {
            self.pressed(who, pressed);
        }
    }

    fn pressed(&mut self, who: usize, press: Option<Press>) {
        let by = Cast::people()[who].clone();
        let place = Cast::places().into_iter().find(|place| place.account == by.account).expect("a channel");
        self.comes(Event::Pressed(Pressed { by, place, press, message: None }));
    }

    fn installs(&mut self, account: usize) {
        let by = Cast::people()[account * 2].clone();
        let account = Account { id: by.account.clone(), installer: Some(by.user.clone()), since: None };
        self.comes(Event::Installed { account, by });
    }

    pub(crate) fn comes(&mut self, event: Event) {
        let number = self.watched.record(|record| record.delivery(event));
        self.send(number);
    }

    fn again(&mut self, delivery: usize) {
        let sent = self.watched.record(|record| record.deliveries.len());
        if let Some(number) = sent.checked_sub(1 + delivery) {
            self.watched.record(|record| record.count("repeats"));
            self.send(number);
        }
    }

    fn send(&mut self, number: usize) {
        let event = self.watched.record(|record| {
            let begun = record.instant();
            let delivery = &mut record.deliveries[number];
            let is_under_way = delivery.begun.replace(delivery.begun.unwrap_or(begun)).is_some();
            (!is_under_way).then(|| delivery.event.clone())
        });
        if let Some(event) = event {
            let app = Arc::clone(&self.app);
            self.begin(async move { Reply::Delivered(number, app.accept(&[key(number)], &event).await) });
        }
    }

    // === linking ===

    fn opens(&mut self, address: usize) {
        let Some((person, token)) = self.address(address) else { return };
        let app = Arc::clone(&self.app);
        self.begin(async move {
            drop(app.link_page(&token).await);
            Reply::Started(person, app.start_link(&token).await)
        });
    }

    fn asks_again(&mut self, address: usize) {
        let Some((_, token)) = self.address(address) else { return };
        let app = Arc::clone(&self.app);
        self.begin(async move {
            drop(app.link_again(&token).await);
            Reply::Done
        });
    }

    fn address(&self, number: usize) -> Option<(usize, Secret)> {
        let (to, token) = self.watched.record(|record| newest(&record.addresses, number).cloned())?;
        let person = Cast::people().iter().position(|person| Place::direct(person).channel == to.to)?;
        Some((person, token))
    }

    fn comes_back(&mut self, visit: usize, user: usize, how: Return) {
        let Some(visit) = newest(&self.visits, visit) else { return };
        let person = visit.person;
        let user = user.checked_sub(1).unwrap_or(person);
        let approved = self.watched.tracker.approve(&visit.url, &users()[user]);
        let other = || Some(Secret::new("another"));
        let (cookie, code, error) = match how {
            Return::Approved => (Some(visit.cookie.clone()), Some(approved), None),
            Return::WithoutCookie => (None, Some(approved), None),
            Return::WithAnotherCookie => (other(), Some(approved), None),
            Return::WithAnotherCode => (Some(visit.cookie.clone()), other(), None),
            Return::Denied => (Some(visit.cookie.clone()), None, Some("access_denied".into())),
            Return::Failed => (Some(visit.cookie.clone()), None, Some("server_error".into())),
        };
        let state = visit.url.rsplit('=').next().map(Secret::new);
        let (app, callback) = (Arc::clone(&self.app), Callback { state, cookie, code, error });
        self.begin(async move { Reply::CameBack(person, app.finish_link(callback).await) });
    }

    fn sends_code(&mut self, code: usize, who: usize, typed: Typed) {
        let Some((person, code)) = newest(&self.codes, code) else { return };
        let who = who.checked_sub(1).unwrap_or(*person);
        let text = if typed == Typed::Wrongly { "000 000".into() } else { code.expose().to_owned() };
        self.says(who, if typed == Typed::InAChannel { 0 } else { OWN_CHAT }, text);
    }

    // === what goes wrong ===

    pub(crate) fn goes_wrong(&mut self, fault: &Action) {
        let watched = Arc::clone(&self.watched);
        match fault {
            Action::ChatFails(fault) => {
                watched.record(|record| record.count(named(*fault)));
                watched.record(|record| record.chat_faults.push_back(*fault));
            }
            Action::TrackerFails(fault) => {
                watched.record(|record| record.count("refusals"));
                watched.record(|record| record.tracker_faults.push_back(fault.clone()));
            }
            Action::Closes { place } => {
                watched.record(|record| record.count("closings"));
                watched.chat.close(&Cast::places()[*place].channel);
            }
            Action::Reopens => Cast::places().iter().for_each(|place| watched.chat.reopen(&place.channel)),
            Action::Loses { button } => watched.record(|record| {
                if let Some((_, message, _)) = newest(&record.buttons, *button).cloned() {
                    watched.chat.lose(&message);
                    record.lost.insert(message);
                }
            }),
            Action::Revokes { user } => {
                watched.tracker.revoke(&users()[*user]);
                watched.record(|record| record.grants.retain(|_, (_, owner)| owner != user));
            }
            _ => watched.tracker.expire(),
        }
    }
}

/// The n-th from the end.
fn newest<T>(of: &[T], number: usize) -> Option<&T> {
    of.len().checked_sub(1 + number).map(|place| &of[place])
}

fn named(fault: ChatFault) -> &'static str {
    match fault {
        ChatFault::Gone => "closings",
        ChatFault::Refused => "refusals",
        ChatFault::Unknown { .. } => "unknowns",
        _ => "other faults",
    }
}
