//! Messages by which a channel's settings and filters are changed: lists to choose from, and edited in place.

use std::time::Duration;

use super::Core;
use super::said::SaidFacts;
use crate::{
    Address, Answer, Card, ChannelSettings, Decision, Filter, Job, Kind, Lane, Level, Notice, Offered, Place, Pressed,
    ProjectId, RowChange, Said, Setting, Subscription, Undoing, say,
};

/// Cards that were opened so long ago follow a change of the settings at once; older ones with their next update.
pub const RESTYLED: Duration = Duration::from_secs(24 * 3_600);
/// So many of them, the newest.
pub const MOST_RESTYLED: usize = 100;

impl Core<'_> {
    /// Something was chosen in such a message, or one was asked for.
    pub fn panel_pressed(&self, pressed: &Pressed, what: &Offered, facts: &SaidFacts) -> Decision {
        match what {
            Offered::Settings => self.panel(pressed, say::settings(&pressed.place, facts.settings), false),
            Offered::Set(setting) => self.set(pressed, *setting, facts),
            Offered::Project(project) => match self.of_project(facts, project) {
                Some(there) => self.panel(pressed, say::project_settings(self.deployment, there), false),
                None => self.gone(pressed, facts),
            },
            Offered::Level { project, level } => {
                self.refilter(pressed, project, facts, |filter| with_level(filter, *level))
            }
            Offered::Event { project, kind, on } => {
                self.refilter(pressed, project, facts, |filter| with_event(filter, *kind, *on))
            }
            Offered::All { .. } | Offered::Bulk { .. } => self.everywhere_pressed(pressed, what, facts),
            Offered::Line(_)
            | Offered::Switch { .. }
            | Offered::Resume(_)
            | Offered::Assign { .. }
            | Offered::Assignees { .. } => Decision::nothing(),
        }
    }

    fn set(&self, pressed: &Pressed, setting: Setting, facts: &SaidFacts) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        let settings = facts.settings.with(setting);
        if self.is_kept_out(&facts.rights, &facts.here) {
            return self.keep_out(pressed, "settings", facts);
        }
        if settings == facts.settings {
            return self.panel(pressed, say::settings(place, settings), true);
        }
        let (undo, can_be_undone) = self.undoable(place, Undoing::Settings(facts.settings));
        let told = self.openly(place, by, say::settings_changed(place, settings, by).button(undo.button()));
        let audit = self.audit(place, by, "settings", "").to(&settings.in_words());
        self.panel(pressed, say::settings(place, settings), true)
            .and(put_settings(place, settings))
            .and(can_be_undone)
            .and(RowChange::Audit(audit))
            .then(told)
            .with(self.restyled(&facts.cards, settings))
    }

    /// The settings are again as they were.
    pub(super) fn settings_again(&self, pressed: &Pressed, before: ChannelSettings, cards: &[Card]) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        let told = self.openly(place, by, say::settings_changed(place, before, by));
        Decision::job(told).and(put_settings(place, before)).with(self.restyled(cards, before))
    }

    /// The cards that are there are brought up to date: what the channel does not want to see any more must not stay.
    fn restyled(&self, cards: &[Card], settings: ChannelSettings) -> Decision {
        let restyled = cards.iter().filter_map(|card| card.restyled(settings));
        restyled.fold(Decision::nothing(), |decision, card| decision.with(self.put_again(card)))
    }

    fn refilter(
        &self,
        pressed: &Pressed,
        project: &ProjectId,
        facts: &SaidFacts,
        changed: impl Fn(&Filter) -> Filter,
    ) -> Decision {
        let Some(there) = self.of_project(facts, project) else { return self.gone(pressed, facts) };
        if self.is_kept_out(&facts.rights, &facts.here) {
            return self.keep_out(pressed, "filter", facts);
        }
        let filter = changed(&there.filter);
        if filter == there.filter {
            return self.panel(pressed, say::project_settings(self.deployment, there), true);
        }
        if filter.admits_nothing() {
            let notice = say::project_settings(self.deployment, there)
                .line("With that nothing would ever be posted. Nothing changed.");
            return self.panel(pressed, notice, true);
        }
        let now = Subscription { filter: filter.clone(), ..there.clone() };
        let said = Said { by: pressed.by.clone(), place: pressed.place.clone(), text: String::new(), at: None };
        self.panel(pressed, say::project_settings(self.deployment, &now), true)
            .with(self.filtered(&said, there, &filter))
    }

    fn of_project<'f>(&self, facts: &'f SaidFacts, project: &ProjectId) -> Option<&'f Subscription> {
        facts.here.iter().find(|s| s.project.id == *project)
    }

    fn gone(&self, pressed: &Pressed, facts: &SaidFacts) -> Decision {
        let connected = say::not_connected("That project", &facts.here);
        self.tell(Address::privately(&pressed.place, &pressed.by), &pressed.place, connected)
    }

    pub(super) fn keep_out(&self, pressed: &Pressed, action: &str, facts: &SaidFacts) -> Decision {
        let notice = say::not_allowed(self.deployment, &facts.rights.managers);
        let audit = self.audit(&pressed.place, &pressed.by, action, "").refused(&notice.head);
        Decision::job(self.privately(&pressed.place, &pressed.by, notice)).and(RowChange::Audit(audit))
    }

    /// The message says this from now on, or a new one does, to whoever pressed.
    pub(super) fn panel(&self, pressed: &Pressed, notice: Notice, in_place: bool) -> Decision {
        let to = Address::privately(&pressed.place, &pressed.by);
        let mut decision = self.tell(to, &pressed.place, notice);
        if in_place {
            for job in &mut decision.jobs {
                if let Job::Answer(Answer { replaces, .. }) = &mut job.job {
                    replaces.clone_from(&pressed.message);
                }
                job.lane = Lane::answers(&pressed.place.account, &pressed.place.channel);
            }
        }
        decision
    }
}

fn put_settings(place: &Place, settings: ChannelSettings) -> RowChange {
    let Place { account, channel, .. } = place.clone();
    RowChange::PutSettings { account, channel, settings }
}

fn with_level(filter: &Filter, level: Level) -> Filter {
    let mut filter = Filter { level, ..filter.clone() };
    filter.except_levels.retain(|excepted| *excepted >= level);
    filter
}

/// In the order in which they are listed.
fn with_event(filter: &Filter, kind: Kind, on: bool) -> Filter {
    let is_on = |one: &Kind| if *one == kind { on } else { filter.events.contains(one) };
    Filter { events: Kind::ALL.into_iter().filter(is_on).collect(), ..filter.clone() }
}
