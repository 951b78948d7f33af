//! What is said of every project of an organization.

use super::{MOST_BUTTONS, connect_line, disconnected, name, on_button, slash, some_of};
use crate::text::{counted, line};
use crate::{
    CHOOSE, Connect, Deployment, EVERY, Filter, Notice, Offered, Organization, Person, Project, Subscription, Whole,
    Zone,
};

/// As many as a list of a message holds, with one more for all of them.
const LISTED: usize = 49;

fn configure_line(whole: &Whole) -> String {
    format!("configure {} {EVERY}", whole.org)
}

/// A place is connected to all of an organization. Everyone there is told.
pub fn connected_whole(deployment: &Deployment, whole: &Whole, projects: usize) -> Notice {
    Notice::text(format!("Connected: {} ({projects})", whole.label()))
        .line(format!(
            "{} connected {}. You will get: {}. Projects to come join by themselves.",
            name(&whole.by),
            whole.place.label(),
            whole.filter.in_words(),
        ))
        .line(format!(
            "One that you do not want: {}",
            slash(deployment, &format!("disconnect {} <project>", whole.org))
        ))
        .offer("Change filters", configure_line(whole))
        .offer("Send a test", "test")
}

/// It was connected already; nothing changed.
pub fn whole_already(deployment: &Deployment, whole: &Whole, projects: usize, zone: Zone) -> Notice {
    Notice::text(format!("Already connected: {} ({projects})", whole.label()))
        .line(format!(
            "Set up by {} on {}. Filters of those that join: {}.",
            name(&whole.by),
            whole.since.day(zone),
            whole.filter.in_words()
        ))
        .line(format!("Nothing changed. Other filters: {} <filters>", slash(deployment, &configure_line(whole))))
        .offer("Change filters", configure_line(whole))
}

/// What every project of an organization may post, and how that is changed.
pub fn configure_whole(deployment: &Deployment, whole: &Whole, projects: usize, zone: Zone) -> Notice {
    Notice::text(format!("Every project of {} ({projects}): {}", whole.org, whole.filter.in_words()))
        .line(format!(
            "Set up by {} on {}. Projects to come join by themselves.",
            name(&whole.by),
            whole.since.day(zone)
        ))
        .line(format!("Other filters for all of them: {} <filters>", slash(deployment, &configure_line(whole))))
}

/// Those of an organization's projects are gone from a place that were connected last. Everyone there is told.
pub fn disconnected_some(gone: &[Project], by: &Person) -> Notice {
    let labels: Vec<_> = gone.iter().map(Project::label).collect();
    disconnected(&some_of(labels.iter().map(String::as_str)), by)
}

/// Only some of its projects are connected, each by itself, and so have no filters in common.
pub fn not_whole(one: &Project, projects: usize, filter: Option<&Filter>) -> Notice {
    let org = &one.org;
    let filters = filter.map(Filter::typed).unwrap_or_default();
    Notice::text(format!("{org} is not connected as a whole here, only {projects} of its projects, each by itself."))
        .line("Nothing changed. Once all of it is connected, one filter can be given to all.")
        .offer("Connect all of it", format!("connect {org} {EVERY} {filters}").trim_end())
}

/// A project has joined. Everyone there is told.
pub fn joined(project: &Project, by: &Person) -> Notice {
    Notice::text(format!("New in {}: {} joined.", project.org, project.slug))
        .line(format!("{} connected every project of {}, also those to come.", name(by), project.org))
        .offer("Leave it out", format!("disconnect {} {}", project.org, project.slug))
}

/// A display name that several projects have.
pub fn which_to_connect(wish: &Connect, fitting: &[Project]) -> Notice {
    let labels: Vec<_> = fitting.iter().map(Project::label).collect();
    let typed = line(&wish.project, super::ECHO);
    let head = format!("\"{typed}\" fits {}. Which one?", counted(fitting.len() as u64, "project"));
    let listed = some_of(labels.iter().map(String::as_str));
    let notice = Notice::text(head).line(format!("{listed}. Nothing changed."));
    fitting.iter().take(MOST_BUTTONS).fold(notice, |notice, project| {
        let slug = project.slug.as_str();
        notice.offer(on_button(slug), connect_line(project.org.as_str(), slug, &wish.filter))
    })
}

/// The organizations that somebody may see, to choose one.
pub fn choose_organization(wish: &Connect, seen: &[&Organization]) -> Notice {
    let all = seen.len();
    let options = seen.iter().take(LISTED).map(|org| {
        let label = format!("{} ({})", org.slug, line(&org.name, super::BUTTON));
        (label, Offered::Line(connect_line(org.slug.as_str(), CHOOSE, &wish.filter)))
    });
    match all {
        0 => Notice::text("I see no organization to choose from. Nothing changed."),
        _ => Notice::text("Which organization?").menu("Organization", options, None).lines_beyond(all),
    }
}

/// The projects of an organization, to choose one or all. `here` is what the place is connected to.
pub fn choose_project(wish: &Connect, org: &Organization, projects: &[Project], here: &[Subscription]) -> Notice {
    let is_here = |project: &Project| here.iter().any(|s| s.project.id == project.id);
    let mut fresh: Vec<_> = projects.iter().filter(|project| !is_here(project)).collect();
    fresh.sort_by(|a, b| a.slug.as_str().cmp(b.slug.as_str()));
    let (slug, all) = (org.slug.as_str(), fresh.len());
    if fresh.is_empty() {
        let why = if projects.is_empty() { "I see no project of it." } else { "All that you may see are connected." };
        return Notice::text(format!("There is no project of {slug} to choose from. {why} Nothing changed."));
    }
    let every = (format!("All {all}, and those to come"), Offered::Line(connect_line(slug, EVERY, &wish.filter)));
    let each = fresh.iter().take(LISTED).map(|project| {
        (project.slug.to_string(), Offered::Line(connect_line(slug, project.slug.as_str(), &wish.filter)))
    });
    Notice::text(format!("Which project of {slug}?"))
        .menu("Project", std::iter::once(every).chain(each), None)
        .lines_beyond(all)
}

impl Notice {
    /// Offers to bring an organization's projects to one filter, where `others` post something else.
    #[must_use]
    pub fn one_filter(self, whole: &Whole, wanted: &Filter, others: &[&Project]) -> Self {
        if others.is_empty() {
            return self;
        }
        let listed = some_of(others.iter().map(|project| project.slug.as_str()));
        let typed = if *wanted == Filter::default() { "none".to_owned() } else { wanted.typed() };
        self.line(format!(
            "With filters of their own, which stay: {listed}. The same for all would be: {}.",
            wanted.in_words()
        ))
        .offer("The same for all", format!("{} {typed}", configure_line(whole)))
    }

    /// Says where more fit than a list holds.
    fn lines_beyond(self, all: usize) -> Self {
        match all > LISTED {
            true => self.line(format!("The first {LISTED} of {all} are listed; every other one can be typed.")),
            false => self,
        }
    }
}
