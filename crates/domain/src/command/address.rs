//! Addresses of Sentry's pages, as people paste them: which organization, which project and which issue they are about.

use crate::{IssueId, IssueRef, OrgSlug};

/// Names of hosts under `sentry.io` that are no organization's.
const REGIONS: [&str; 4] = ["us", "de", "eu", "www"];
/// First words of paths that are no organization's.
const PAGES: [&str; 9] =
    ["api", "auth", "extensions", "integration-docs", "issues", "organizations", "projects", "settings", "share"];

/// What an address tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pasted {
    pub(crate) org: Option<String>,
    /// Its slug, or its number where only the query names it.
    pub(crate) project: Option<String>,
}

/// Reads an address; `None` where `word` is none. Whose Sentry it is does not matter: the names are looked up in ours.
pub(crate) fn read(word: &str) -> Option<Pasted> {
    let rest = without_scheme(word)?;
    // Chat clients write a link as `address|words`.
    let rest = rest.split(['|', '#']).next().unwrap_or_default();
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut told = Pasted { org: org_of_host(host), project: None };
    told.read_path(&path);
    told.project = told.project.or_else(|| project_of_query(query));
    Some(told)
}

/// What follows the scheme of an address. Browsers show that of Sentry's own cloud without one, and so it is copied.
fn without_scheme(word: &str) -> Option<&str> {
    match word.split_once("://") {
        Some((scheme, rest)) => {
            ["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(rest)
        }
        None => {
            let host = word.split('/').next().unwrap_or_default().to_ascii_lowercase();
            (word.contains('/') && (host == "sentry.io" || host.ends_with(".sentry.io"))).then_some(word)
        }
    }
}

/// The issue that the address of a page is about: its number or its short id.
pub(crate) fn issue(word: &str) -> Option<&str> {
    let path = without_scheme(word)?.split(['|', '#', '?']).next()?;
    let mut parts = path.split('/').skip_while(|part| !part.eq_ignore_ascii_case("issues"));
    parts.nth(1).filter(|issue| !issue.is_empty())
}

/// The issue whose page `address` opens, where it is a page of the Sentry at `site` and names organization and number.
pub(crate) fn issue_page(address: &str, site: &str) -> Option<IssueRef> {
    let (scheme, rest) = address.split_once("://")?;
    let (own_scheme, own) = site.split_once("://")?;
    let host_of = |rest: &str| rest.split(['/', '?', '#', '|']).next().unwrap_or_default().to_ascii_lowercase();
    let (host, own_host) = (host_of(rest), host_of(own));
    let path = rest[host.len()..].strip_prefix(own.get(own_host.len()..)?).filter(|path| path.starts_with('/'))?;
    // The organizations of Sentry's own cloud have hosts of their own.
    let is_cloud = own == "sentry.io" && host.ends_with(".sentry.io") && !host.contains(['@', ':', '\\']);
    if !scheme.eq_ignore_ascii_case(own_scheme) || !(host == own_host || is_cloud) {
        return None;
    }
    let address = format!("https://{host}{path}");
    let is_number = |id: &&str| (1..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    let id = issue(&address).filter(is_number)?;
    let is_slug = |org: &String| {
        (1..=100).contains(&org.len())
            && org.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !org.bytes().all(|b| b.is_ascii_digit())
    };
    let org = read(&address)?.org.filter(is_slug)?;
    Some(IssueRef { org: OrgSlug::new(org), id: IssueId::new(id) })
}

/// The metric alert that the address of a page is about, by its number in its organization.
pub(crate) fn alert(word: &str) -> Option<&str> {
    let (path, query) = without_scheme(word)?.split(['|', '#']).next()?.split_once('?')?;
    let mut named = query.split('&').filter_map(|pair| pair.strip_prefix("alert="));
    let number = named.next().filter(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))?;
    path.split('/').any(|part| part.eq_ignore_ascii_case("alerts")).then_some(number)
}

impl Pasted {
    fn read_path(&mut self, path: &[&str]) {
        let after = |word: &str| path.iter().position(|part| part.eq_ignore_ascii_case(word)).map(|at| &path[at + 1..]);
        let mut rest = path;
        if let Some([org, more @ ..]) = after("organizations") {
            (self.org, rest) = (Some((*org).to_owned()), more);
        } else if let Some(more) = after("settings") {
            // Under an organization's own host its name is left out.
            match more {
                [first, more @ ..] if !PAGES.contains(first) => (self.org, rest) = (Some((*first).to_owned()), more),
                _ => rest = more,
            }
        }
        match rest.iter().position(|part| part.eq_ignore_ascii_case("projects")).map(|at| &rest[at + 1..]) {
            Some([org, project, ..]) if self.org.is_none() => self.both(org, project),
            Some([project, ..]) => self.project = Some((*project).to_owned()),
            // Addresses of old: /{organization}/{project}/issues/42/
            _ => match path {
                [org, project, ..] if self.org.is_none() && !PAGES.contains(org) && !PAGES.contains(project) => {
                    self.both(org, project);
                }
                _ => {}
            },
        }
    }

    fn both(&mut self, org: &str, project: &str) {
        (self.org, self.project) = (Some(org.to_owned()), Some(project.to_owned()));
    }
}

fn org_of_host(host: &str) -> Option<String> {
    let host = host.split(['@', ':']).next().unwrap_or_default().to_ascii_lowercase();
    let name = host.strip_suffix(".sentry.io")?;
    (!name.contains('.') && !REGIONS.contains(&name)).then(|| name.to_owned())
}

/// The project, if the query names exactly one.
fn project_of_query(query: &str) -> Option<String> {
    let named = |pair: &str| Some(pair.strip_prefix("project=")?.to_owned());
    let mut projects = query.split('&').filter_map(named).filter(|id| id.bytes().all(|b| b.is_ascii_digit()));
    projects.next().filter(|id| !id.is_empty() && projects.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(address: &str) -> (Option<String>, Option<String>) {
        let told = read(address).expect("an address");
        (told.org, told.project)
    }

    #[test]
    fn every_kind_of_page_names_its_organization_and_project() {
        for address in [
            "https://acme.sentry.io/projects/checkout/",
            "https://acme.sentry.io/settings/projects/checkout/alerts/",
            "https://sentry.io/organizations/acme/projects/checkout/?statsPeriod=14d",
            "https://sentry.io/settings/acme/projects/checkout/",
            "HTTPS://sentry.example.com/organizations/acme/projects/checkout/getting-started/",
            "https://example.com/tools/sentry/organizations/acme/projects/checkout",
            "http://127.0.0.1:9000/settings/acme/projects/checkout/keys/",
            "https://sentry.io/api/0/projects/acme/checkout/",
            "https://sentry.example.com/acme/checkout/issues/42/",
            "https://sentry.example.com/acme/checkout",
            "https://sentry.io/organizations/acme/projects/checkout/|Checkout",
        ] {
            assert_eq!(told(address), (Some("acme".into()), Some("checkout".into())), "{address}");
        }
    }

    #[test]
    fn the_page_of_an_issue_names_its_project_by_number() {
        let both = (Some("acme".into()), Some("3".into()));
        assert_eq!(told("https://acme.sentry.io/issues/42/?environment=prod&project=3#top"), both);
        assert_eq!(told("https://sentry.io/organizations/acme/issues/42/?project=3"), both);
        assert_eq!(told("https://acme.sentry.io/issues/?project=3&project=4"), (Some("acme".into()), None));
        assert_eq!(told("https://acme.sentry.io/issues/42/?project=-1"), (Some("acme".into()), None));
    }

    #[test]
    fn a_region_is_no_organization() {
        assert_eq!(told("https://de.sentry.io/organizations/acme/issues/"), (Some("acme".into()), None));
        assert_eq!(told("https://us.sentry.io/"), (None, None));
    }

    #[test]
    fn the_page_of_an_issue_is_known_on_the_configured_sentry_alone() {
        let own = "https://sentry.example.com/tools";
        let page = |address: &str, site: &str| issue_page(address, site).map(|at| format!("{} {}", at.org, at.id));
        for (address, site) in [
            ("https://acme.sentry.io/issues/42/?project=3", "https://sentry.io"),
            ("HTTPS://ACME.sentry.io/issues/42|CHECKOUT-7", "https://sentry.io"),
            ("https://sentry.io/organizations/acme/issues/42/events/0123/", "https://sentry.io"),
            ("https://de.sentry.io/organizations/acme/issues/42/", "https://sentry.io"),
            ("https://Sentry.example.com/tools/organizations/acme/issues/42/#top", own),
            ("https://sentry.example.com/tools/acme/checkout/issues/42/", own),
            ("http://127.0.0.1:9000/organizations/acme/issues/42/", "http://127.0.0.1:9000"),
        ] {
            assert_eq!(page(address, site).as_deref(), Some("acme 42"), "{address}");
        }
        for (address, site) in [
            ("https://sentry.io/organizations/acme/issues/42/", own),
            ("https://acme.sentry.io/issues/42/", own),
            ("https://sentry.example.com/organizations/acme/issues/42/", own),
            ("https://sentry.example.com/toolsmith/organizations/acme/issues/42/", own),
            ("https://sentry.example.com.evil.example/tools/organizations/acme/issues/42/", own),
            ("https://sentry.example.com@evil.example/tools/organizations/acme/issues/42/", own),
            ("https://acme.sentry.io.evil.example/issues/42/", "https://sentry.io"),
            ("https://evil.example\\.sentry.io/organizations/acme/issues/42/", "https://sentry.io"),
            ("https://evil.example?.sentry.io/organizations/acme/issues/42/", "https://sentry.io"),
            ("https://acme.sentry.io:8443/issues/42/", "https://sentry.io"),
            ("http://acme.sentry.io/issues/42/", "https://sentry.io"),
            ("http://127.0.0.1:9001/organizations/acme/issues/42/", "http://127.0.0.1:9000"),
            ("https://us.sentry.io/issues/42/", "https://sentry.io"),
            ("https://acme.sentry.io/issues/?project=3", "https://sentry.io"),
            ("https://acme.sentry.io/issues/CHECKOUT-7/", "https://sentry.io"),
            ("https://acme.sentry.io/issues/123456789012345678901/", "https://sentry.io"),
            ("https://sentry.io/organizations/a%2Fb/issues/42/", "https://sentry.io"),
            ("https://sentry.io/organizations/17/issues/42/", "https://sentry.io"),
            ("https://é", "https://sentry.io"),
            ("acme/issues/42", "https://sentry.io"),
            ("", "https://sentry.io"),
        ] {
            assert_eq!(page(address, site), None, "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_not_read_as_one() {
        for word in ["acme/checkout", "acme", "ftp://sentry.io/acme/checkout", "https:/acme"] {
            assert_eq!(read(word), None, "{word}");
        }
    }
}
