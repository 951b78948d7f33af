//! Comments, and what Sentry's analysis says of an issue (Sentry, comment and seer).

use serde::Deserialize;
use zentry_domain::{IssueId, Remarked};

use crate::address;
use crate::wire::{Text, lenient};

/// The words for a comment, by its action; `None` where there is nothing to say.
pub(crate) fn commented(action: &str) -> Option<Remarked> {
    match action {
        "created" => Some(Remarked::Comment),
        "updated" => Some(Remarked::CommentChanged),
        _ => None,
    }
}

/// What a run of the analysis has come to.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Seer {
    group_id: Text,
    #[serde(deserialize_with = "lenient")]
    issue: Option<Numbered>,
    #[serde(deserialize_with = "lenient")]
    root_cause: Option<Finding>,
    #[serde(deserialize_with = "lenient")]
    solution: Option<Finding>,
    #[serde(deserialize_with = "lenient")]
    changes: Option<Vec<Changed>>,
    #[serde(deserialize_with = "lenient")]
    pull_requests: Option<Vec<Request>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Numbered {
    id: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Finding {
    description: Text,
    #[serde(deserialize_with = "lenient")]
    steps: Option<Vec<Step>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Step {
    title: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Changed {
    title: Text,
    repo_name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    #[serde(deserialize_with = "lenient")]
    pull_request: Option<Pull>,
    repo_name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pull {
    pr_number: Text,
}

impl Finding {
    fn said(&self) -> Option<String> {
        let steps = self.steps.iter().flatten().filter_map(|step| step.title.kept());
        let steps: Vec<_> = steps.take(3).collect();
        self.description.kept().or_else(|| (!steps.is_empty()).then(|| steps.join("; ")))
    }
}

impl Seer {
    pub(crate) fn issue_id(&self) -> Option<IssueId> {
        let number = |text: &Text| address::issue_id(text.get()?);
        number(&self.group_id).or_else(|| number(&self.issue.as_ref()?.id))
    }

    /// One line of it; `None` for a step that only begins.
    pub(crate) fn said(&self, action: &str) -> Option<String> {
        let done = action.strip_suffix("_completed").or_else(|| action.strip_suffix("_created"))?;
        let found = |what: &str, finding: Option<&Finding>| match finding.and_then(Finding::said) {
            Some(said) => format!("{what}: {said}"),
            None => format!("{what} found"),
        };
        Some(match done {
            "root_cause" => found("Root cause", self.root_cause.as_ref()),
            "solution" => found("Solution", self.solution.as_ref()),
            "coding" => listed("Changes made", self.changes.iter().flatten().map(Changed::said)),
            "pr" => listed("Pull request opened", self.pull_requests.iter().flatten().map(Request::said)),
            other => format!("{} completed", other.replace('_', " ")),
        })
    }
}

impl Changed {
    fn said(&self) -> Option<String> {
        match (self.title.kept(), self.repo_name.kept()) {
            (Some(title), Some(repo)) => Some(format!("{title} in {repo}")),
            (title, repo) => title.or(repo),
        }
    }
}

impl Request {
    fn said(&self) -> Option<String> {
        let number = self.pull_request.as_ref().and_then(|request| request.pr_number.kept());
        match (number, self.repo_name.kept()) {
            (Some(number), Some(repo)) => Some(format!("#{number} in {repo}")),
            (number, repo) => number.map(|number| format!("#{number}")).or(repo),
        }
    }
}

fn listed(what: &str, each: impl Iterator<Item = Option<String>>) -> String {
    let each: Vec<_> = each.flatten().take(3).collect();
    if each.is_empty() { what.to_owned() } else { format!("{what}: {}", each.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(action: &str, json: &str) -> Option<String> {
        serde_json::from_str::<Seer>(json).expect("it is read").said(action)
    }

    #[test]
    fn what_the_analysis_found_is_one_line_and_what_it_begins_is_none() {
        for (action, json, expected) in [
            ("root_cause_started", "{}", None),
            (
                "root_cause_completed",
                r#"{"root_cause":{"description":"The pool is too small."}}"#,
                Some("Root cause: The pool is too small."),
            ),
            ("root_cause_completed", r#"{"root_cause":null}"#, Some("Root cause found")),
            (
                "solution_completed",
                r#"{"solution":{"steps":[{"title":"Grow it"},{},{"title":"Test it"}]}}"#,
                Some("Solution: Grow it; Test it"),
            ),
            (
                "coding_completed",
                r#"{"changes":[{"title":"Grow the pool","repo_name":"acme/web"}]}"#,
                Some("Changes made: Grow the pool in acme/web"),
            ),
            (
                "pr_created",
                r#"{"pull_requests":[{"pull_request":{"pr_number":12},"repo_name":"acme/web"},{}]}"#,
                Some("Pull request opened: #12 in acme/web"),
            ),
            ("impact_assessment_completed", "{}", Some("impact assessment completed")),
            ("something_else", "{}", None),
        ] {
            assert_eq!(said(action, json).as_deref(), expected, "{action} {json}");
        }
    }

    #[test]
    fn its_issue_is_named_in_either_of_two_ways() {
        for json in [r#"{"group_id":42}"#, r#"{"group_id":"42"}"#, r#"{"issue":{"id":"42","short_id":"WEB-7"}}"#] {
            assert_eq!(
                serde_json::from_str::<Seer>(json).expect("read").issue_id(),
                Some(IssueId::new("42")),
                "{json}"
            );
        }
    }
}
