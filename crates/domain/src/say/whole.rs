//! What is said of every project of an organization.

use super::{MOST_BUTTONS, connect_line, name, on_button, slash, some_of};
use crate::text::{counted, line};
use crate::{Connect, Deployment, EVERY, Notice, Person, Project, Whole, Zone};

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
