//! Addresses: those we make, and what those that Sentry sends tell.

use url::Url;
use zentry_domain::{IssueId, OrgSlug, ProjectId, ProjectSlug};

/// One Sentry, or one region of it: everything that is called or linked is below its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site(Url);

impl Site {
    /// A query, a fragment and a slash at the end of `base` are dropped; a path is kept.
    pub(crate) fn new(base: &Url) -> Self {
        let mut base = base.clone();
        base.set_query(None);
        base.set_fragment(None);
        Self(base)
    }

    /// `{base}/a/b/`: every path of Sentry's ends with a slash (Sentry, API).
    pub(crate) fn at(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Percent-encodes each segment; none can end it or climb out of it.
            segments.pop_if_empty().extend(path).push("");
        }
        url
    }

    /// `{base}/api/0/a/b/`.
    pub(crate) fn api(&self, path: &[&str]) -> Url {
        self.at(&[&["api", "0"], path].concat())
    }

    /// The page of an issue. It is built here and never taken from a payload: a payload's may be null, point at
    /// another host, or not open without its project.
    pub(crate) fn issue_page(&self, org: &OrgSlug, issue: &IssueId, project: Option<&ProjectId>) -> String {
        let mut url = self.at(&["organizations", org.as_str(), "issues", issue.as_str()]);
        if let Some(project) = project {
            url.query_pairs_mut().append_pair("project", project.as_str());
        }
        url.into()
    }

    /// The page of a metric alert's rule, at one of its alerts where that is known. Built here like that of an issue.
    pub(crate) fn alert_page(&self, org: &OrgSlug, rule: &str, alert: Option<&str>) -> String {
        let mut url = self.at(&["organizations", org.as_str(), "alerts", "rules", "details", rule]);
        if let Some(alert) = alert {
            url.query_pairs_mut().append_pair("alert", alert);
        }
        url.into()
    }

    /// The page of the alert rules of a project: webhooks do not say which of them fired (Sentry, event_alert).
    pub(crate) fn rules_page(&self, org: &OrgSlug, project: &ProjectId) -> String {
        let mut url = self.at(&["organizations", org.as_str(), "alerts", "rules"]);
        url.query_pairs_mut().append_pair("project", project.as_str());
        url.into()
    }

    /// Whether this is Sentry's own cloud, whose organizations live in regions with hosts of their own.
    pub(crate) fn is_cloud(&self) -> bool {
        self.0.scheme() == "https" && self.0.port().is_none() && self.0.host_str().is_some_and(is_cloud_host)
    }

    /// The region at `claimed`, if our tokens may go there: a token sent to a host of somebody's choice is lost.
    pub(crate) fn region(&self, claimed: &str) -> Option<Self> {
        let region = Self::new(&claimed.parse().ok()?);
        let bare = region.0.username().is_empty() && region.0.password().is_none();
        (self.is_cloud() && region.is_cloud() && bare).then_some(region)
    }
}

fn is_cloud_host(host: &str) -> bool {
    host == "sentry.io" || host.ends_with(".sentry.io")
}

/// Whether `text` may be put into an address as a slug or a number.
pub(crate) fn is_slug(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The slug of an organization: a number is an id instead (Sentry, slugs).
pub(crate) fn org_slug(text: &str) -> Option<OrgSlug> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    (is_slug(text) && !is_number).then(|| OrgSlug::new(text))
}

/// The organization and the project of `…/api/0/projects/{org}/{project}/…`.
pub(crate) fn project_in(address: &str) -> Option<(OrgSlug, ProjectSlug)> {
    let url = Url::parse(address).ok()?;
    let mut after = segments_after(&url, "projects")?;
    let (org, project) = (after.next()?, after.next()?);
    Some((org_slug(org)?, ProjectSlug::new(Some(project).filter(|slug| is_slug(slug))?)))
}

/// The organization of `…/organizations/{org}/…`, `…/projects/{org}/{project}/…` or `https://{org}.sentry.io/…`.
pub(crate) fn org_in(address: &str) -> Option<OrgSlug> {
    let url = Url::parse(address).ok()?;
    let in_path = segments_after(&url, "organizations").and_then(|mut after| org_slug(after.next()?));
    in_path.or_else(|| project_in(address).map(|(org, _)| org)).or_else(|| org_of_host(url.host_str()?))
}

/// The issue of `…/issues/{id}/…`.
pub(crate) fn issue_in(address: &str) -> Option<IssueId> {
    let url = Url::parse(address).ok()?;
    issue_id(segments_after(&url, "issues")?.next()?)
}

/// The number of an issue.
pub(crate) fn issue_id(text: &str) -> Option<IssueId> {
    let is_number = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| IssueId::new(text))
}

fn org_of_host(host: &str) -> Option<OrgSlug> {
    const REGIONS: [&str; 4] = ["us", "de", "eu", "www"];
    let name = host.strip_suffix(".sentry.io")?;
    org_slug(name).filter(|org| !REGIONS.contains(&org.as_str()))
}

fn segments_after<'a>(url: &'a Url, name: &str) -> Option<impl Iterator<Item = &'a str>> {
    let mut segments = url.path_segments()?;
    segments.by_ref().find(|segment| *segment == name)?;
    Some(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(base: &str) -> Site {
        Site::new(&base.parse().unwrap())
    }

    #[test]
    fn a_path_of_the_base_is_kept_and_every_path_ends_with_a_slash() {
        for base in ["https://sentry.example.com/tools", "https://sentry.example.com/tools/"] {
            let url = site(base).api(&["organizations", "acme", "issues", "42"]);
            assert_eq!(url.as_str(), "https://sentry.example.com/tools/api/0/organizations/acme/issues/42/");
        }
    }

    #[test]
    fn nothing_in_a_segment_leaves_it() {
        let url = site("https://sentry.io").api(&["organizations", "a/../b?c#d"]);
        assert_eq!(url.as_str(), "https://sentry.io/api/0/organizations/a%2F..%2Fb%3Fc%23d/");
    }

    #[test]
    fn tokens_go_to_no_foreign_region() {
        let cloud = site("https://sentry.io");
        for region in ["https://de.sentry.io", "https://us.sentry.io/", "https://sentry.io"] {
            assert!(cloud.region(region).is_some(), "{region}");
        }
        for region in [
            "http://de.sentry.io",
            "https://sentry.io.evil.example",
            "https://evilsentry.io",
            "https://de.sentry.io:8443",
            "https://jane@de.sentry.io",
            "https://127.0.0.1",
            "not an address",
        ] {
            assert_eq!(cloud.region(region), None, "{region}");
        }
        assert_eq!(site("https://sentry.example.com").region("https://de.sentry.io"), None);
        assert_eq!(site("http://sentry.io").region("https://de.sentry.io"), None);
    }

    #[test]
    fn the_organization_is_found_in_every_kind_of_address() {
        for address in [
            "https://sentry.example.com/organizations/acme/issues/42/?project=3",
            "https://sentry.example.com/tools/api/0/organizations/acme/issues/42/",
            "https://sentry.example.com/api/0/projects/acme/web/events/0123/",
            "https://acme.sentry.io/issues/42/",
        ] {
            assert_eq!(org_in(address), Some(OrgSlug::new("acme")), "{address}");
        }
        for address in [
            "https://sentry.example.com/api/0/issues/42/",
            "https://us.sentry.io/issues/42/",
            "https://sentry.example.com/organizations/17/issues/42/",
            "https://sentry.example.com/organizations/a%2Fb/issues/42/",
            "organizations/acme/",
            "",
        ] {
            assert_eq!(org_in(address), None, "{address}");
        }
    }

    #[test]
    fn project_and_issue_are_found_in_addresses() {
        let event = "https://sentry.io/api/0/projects/acme/web/events/0123/";
        assert_eq!(project_in(event), Some((OrgSlug::new("acme"), ProjectSlug::new("web"))));
        assert_eq!(project_in("https://sentry.io/api/0/projects/acme/"), None);
        assert_eq!(issue_in("https://sentry.io/api/0/issues/42/"), Some(IssueId::new("42")));
        assert_eq!(issue_in("https://sentry.io/organizations/acme/issues/?project=3"), None);
    }
}
