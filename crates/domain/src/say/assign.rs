//! To whom an issue goes.

use super::{BUTTON, ECHO, capital, line, quoted};
use crate::text::counted;
use crate::{Assignee, Card, Handle, Identity, Notice, Offered};

const FIND: &str = "Find a name";
/// Options of one list; Zoom is known to take so many.
const LIST: usize = 45;
/// Lists of people, and as many teams as one holds.
const LISTS: usize = 4;

/// To whom the issue of `card` can be given: whoever asked, nobody, the project's teams, its people; of the latter those whose
/// names hold `search`. Where one list does not hold them all, a part of a name can be typed.
pub fn assign(card: &Card, me: Option<&Identity>, assignees: &[Assignee], search: Option<&str>) -> Notice {
    let sought = search.map(str::to_lowercase).unwrap_or_default();
    let is_called = |assignee: &Assignee| {
        let name = assignee.name().unwrap_or_default().to_lowercase();
        sought.split_whitespace().all(|part| name.contains(part))
    };
    let by_name = |wanted: fn(&Assignee) -> bool| {
        let fits = |assignee: &&Assignee| wanted(assignee) && is_called(assignee);
        let mut found: Vec<_> = assignees.iter().filter(fits).cloned().collect();
        found.sort_by_key(|assignee| assignee.name().unwrap_or_default().to_lowercase());
        found
    };
    let teams = by_name(|assignee| matches!(assignee, Assignee::Team { .. }));
    let people = by_name(|assignee| matches!(assignee, Assignee::User { .. }));
    let mine = me.map(|me| (format!("me ({})", line(me.label(), BUTTON - 5)), myself(me, &people)));
    let nobody = card.content.issue.assignee.as_ref().is_some_and(|now| now.name().is_some());
    let nobody = nobody.then(|| ("nobody".to_owned(), Assignee::Nobody));

    let mut notice = Notice::text(format!("To whom does {} go?", issue(card)));
    let quick: Vec<_> = mine.into_iter().chain(nobody).collect();
    if !quick.is_empty() {
        notice = offered(notice, "Assign to", &card.handle, quick);
    }
    if !teams.is_empty() {
        notice = offered(notice, "Teams", &card.handle, named(&teams[..teams.len().min(LIST)]));
    }
    let lists: Vec<_> = people.chunks(LIST).take(LISTS).collect();
    for (n, some) in lists.iter().enumerate() {
        let label = if lists.len() == 1 { "People".to_owned() } else { format!("People {}", range(n, some)) };
        notice = offered(notice, &label, &card.handle, named(some));
    }
    let left = people.len().saturating_sub(LIST * LISTS) + teams.len().saturating_sub(LIST);
    if assignees.is_empty() {
        notice = notice.line("Sentry shows me no team of its project, and nobody in one.");
    }
    if left > 0 {
        notice = notice.line(format!("And {left} more, who do not fit in here: type a part of the name."));
    }
    match search {
        Some(search) => {
            if teams.is_empty() && people.is_empty() {
                let among = counted(assignees.len() as u64, "member");
                notice = notice.line(format!("No match for {} among {among}.", quoted(search)));
            } else {
                notice = notice.line(format!("Those whose names hold {}.", quoted(search)));
            }
            notice.suggest("Show all", Offered::Assignees { card: card.handle.clone() }).field(FIND)
        }
        None if teams.len() > LIST || people.len() > LIST => notice.field(FIND),
        None => notice,
    }
}

/// It was chosen, and Sentry is asked.
pub fn assigning(card: &Card, to: &Assignee) -> Notice {
    let issue = capital(&issue(card));
    Notice::text(match to.name() {
        Some(name) => format!("{issue} goes to {}. Its card says so once Sentry has done it.", line(name, ECHO)),
        None => format!("{issue} goes to nobody. Its card says so once Sentry has done it."),
    })
}

fn issue(card: &Card) -> String {
    card.content.issue.short_id.as_deref().map_or_else(|| "this issue".into(), |id| line(id, ECHO))
}

/// As the project knows them, or at least as they are known here.
fn myself(me: &Identity, people: &[Assignee]) -> Assignee {
    let known = people.iter().find(|person| matches!(person, Assignee::User { id, .. } if *id == me.id));
    known.cloned().unwrap_or_else(|| Assignee::User { id: me.id.clone(), name: me.label().to_owned() })
}

fn named(assignees: &[Assignee]) -> Vec<(String, Assignee)> {
    assignees.iter().map(|to| (to.name().unwrap_or_default().to_owned(), to.clone())).collect()
}

fn range(n: usize, some: &[Assignee]) -> String {
    let name = |assignee: Option<&Assignee>| line(assignee.and_then(Assignee::name).unwrap_or_default(), 12);
    format!("{}: {} to {}", n + 1, name(some.first()), name(some.last()))
}

fn offered(notice: Notice, label: &str, card: &Handle, options: Vec<(String, Assignee)>) -> Notice {
    let offer = |(label, to)| (label, Offered::Assign { card: card.clone(), to });
    notice.menu(label, options.into_iter().map(offer), None)
}
