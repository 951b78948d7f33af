//! Metric alerts: rules about a number, and the incidents that they open.

use serde_json::{Value, json};

use super::{
    state::State,
    webhook::{Actor, Hook},
    world::Project,
};
use crate::clock::rfc3339;

/// A rule as somebody in an organization would make it.
#[derive(Clone, Debug)]
pub struct NewMetricRule {
    /// Its name.
    pub name: String,
    /// What its number counts: `events`, or anything else that Sentry writes behind it.
    pub counts: String,
    /// The first limit, where there are two.
    pub warning: Option<f64>,
    /// The last limit.
    pub critical: f64,
    /// Where it is over, where that is not the first limit.
    pub resolve: Option<f64>,
    /// Whether the number should not be below the limits, rather than above.
    pub is_below: bool,
    /// Over how many minutes it is measured.
    pub minutes: u64,
    /// The environment that it is about; all where there is none.
    pub environment: Option<String>,
}

impl NewMetricRule {
    /// Too many events within ten minutes, in any environment, with a warning at half the limit.
    #[must_use]
    pub fn too_many(name: &str, critical: f64) -> Self {
        Self {
            name: name.to_owned(),
            counts: "events".to_owned(),
            warning: Some(critical / 2.0),
            critical,
            resolve: None,
            is_below: false,
            minutes: 10,
            environment: None,
        }
    }
}

/// A rule, with the alert that it has opened.
#[derive(Clone, Debug)]
pub(super) struct MetricRule {
    id: u64,
    organization: u64,
    projects: Vec<String>,
    new: NewMetricRule,
    made_ms: i64,
    open: Option<Incident>,
}

#[derive(Clone, Copy, Debug)]
struct Incident {
    /// Unique in this Sentry.
    id: u64,
    /// Counted in each organization.
    identifier: u64,
    began_ms: i64,
}

impl State {
    /// Adds a rule about these projects, of one organization. `None` where there is none.
    pub(super) fn metric_rule(&mut self, projects: &[&Project], new: NewMetricRule, now_ms: i64) -> Option<u64> {
        let id = 700 + self.metric_rules.len() as u64;
        let organization = projects.first()?.organization;
        let slugs = projects.iter().filter(|project| project.organization == organization);
        let projects = slugs.map(|project| project.slug.clone()).collect();
        self.metric_rules.push(MetricRule { id, organization, projects, new, made_ms: now_ms, open: None });
        Some(id)
    }

    /// The number of a rule reaches `value`, and the rule is at `action` from now on: an alert is opened where none is.
    pub(super) fn metric_hook(
        &mut self,
        rule: u64,
        action: &str,
        value: &str,
        base: &str,
        now_ms: i64,
    ) -> Option<Hook> {
        let at = self.metric_rules.iter().position(|known| known.id == rule)?;
        let organization = self.metric_rules[at].organization;
        let slug = self.world.organization_by_id(organization)?.slug.clone();
        let incident = match self.metric_rules[at].open {
            Some(open) => open,
            None => self.incident(organization, now_ms),
        };
        let is_over = action == "resolved";
        self.metric_rules[at].open = (!is_over).then_some(incident);
        let to: Vec<_> = self.receivers(organization).into_iter().filter(|to| to.is_installed).collect();
        let rule = &self.metric_rules[at];
        let page =
            format!("{base}/organizations/{slug}/alerts/rules/details/{}/?alert={}", rule.id, incident.identifier);
        let data = json!({
            "description_title": format!("{}: {}", capital(action), rule.new.name),
            "description_text": format!("{value} {} in the last {} minutes", rule.new.counts, rule.new.minutes),
            "web_url": page,
            "metric_alert": rule.alert(incident, action, is_over.then_some(now_ms)),
        });
        Some(Hook { to, resource: "metric_alert".into(), action: action.into(), data, actor: Actor::Sentry })
    }

    fn incident(&mut self, organization: u64, now_ms: i64) -> Incident {
        self.incidents.push(organization);
        let identifier = self.incidents.iter().filter(|of| **of == organization).count() as u64;
        Incident { id: 9_000 + self.incidents.len() as u64, identifier, began_ms: now_ms }
    }
}

impl MetricRule {
    /// Snake case all the way down, unlike an issue; projects are slugs.
    fn alert(&self, incident: Incident, action: &str, closed_ms: Option<i64>) -> Value {
        let began = rfc3339(incident.began_ms);
        json!({
            "id": incident.id.to_string(),
            "identifier": incident.identifier.to_string(),
            "organization_id": self.organization.to_string(),
            "projects": self.projects,
            "alert_rule": self.rule(),
            "status": match action { "critical" => 20, "warning" => 10, "resolved" => 2, _ => 1 },
            "status_method": 3,
            "type": 2,
            "title": self.new.name,
            "date_started": began,
            "date_detected": began,
            "date_created": began,
            "date_closed": closed_ms.map(rfc3339),
        })
    }

    fn rule(&self) -> Value {
        let new = &self.new;
        let limits = [("critical", Some(new.critical)), ("warning", new.warning)].into_iter().zip(1..);
        let trigger = |((label, limit), n): ((&str, Option<f64>), u64)| {
            let actions = json!([{ "type": "sentry_app", "sentry_app_installation_uuid": null }]);
            let id = (self.id * 10 + n).to_string();
            Some(json!({ "id": id, "label": label, "alert_threshold": limit?, "actions": actions }))
        };
        json!({
            "id": self.id.to_string(),
            "name": new.name,
            "organization_id": self.organization.to_string(),
            "status": 0,
            "dataset": "events",
            "query": "",
            "aggregate": "count()",
            "time_window": new.minutes,
            "resolution": 1,
            "threshold_type": u8::from(new.is_below),
            "threshold_period": 1,
            "resolve_threshold": new.resolve,
            "triggers": limits.filter_map(trigger).collect::<Vec<_>>(),
            "projects": self.projects,
            "include_all_projects": false,
            "environment": new.environment,
            "created_by": null,
            "date_created": rfc3339(self.made_ms),
            "date_modified": rfc3339(self.made_ms),
        })
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
