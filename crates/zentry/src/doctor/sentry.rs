//! Sentry: whether it lets us read, and how the integration is set up there.

use std::sync::Arc;

use async_trait::async_trait;
use zentry_domain::ports::{CredentialKey, TrackerError, VaultError};
use zentry_domain::{Actor, Facts, Journal, OrgSlug, Revision, Secret, Tracker, Vault};
use zentry_sentry::{AppSetup, InstalledApp, SentryTracker};
use zentry_sqlite::Sqlite;

use super::{Check, Patient, whole, without_store};
use crate::manifest;
use crate::wire;
use crate::world::WallClock;

const READ: &str = "Sentry read";
const INTEGRATION: &str = "Sentry integration";
const EVENTS: &str = "Sentry events";
const SCOPES: &str = "Sentry permissions";
const OAUTH: &str = "Sentry accounts";
const HEARD: &str = "Sentry heard";

/// Everything that is asked of Sentry.
pub(super) async fn check(patient: &Patient<'_>, sqlite: Option<&Sqlite>) -> Vec<Check> {
    let sentry = patient.sentry.clone();
    let clock = Arc::new(WallClock);
    let vault: Arc<dyn Vault> = match sqlite {
        Some(sqlite) => sqlite.vault(),
        None => Arc::new(NoVault),
    };
    let tracker = wire::tracker(sentry, &patient.deployment.public_url, patient.http, vault, clock);
    let mut checks = match actor(patient, sqlite).await {
        Ok((actor, org)) => {
            let read = read(patient, &tracker, &actor, &org).await;
            let can_read = read.verdict == super::Verdict::Ok;
            let mut checks = vec![read];
            match can_read {
                true => checks.extend(integration(patient, &tracker, &actor, &org).await),
                false => checks.extend(
                    [INTEGRATION, EVENTS, SCOPES].map(|name| Check::skipped(name, "Sentry does not let us read", "")),
                ),
            }
            checks
        }
        Err(check) => vec![check],
    };
    checks.push(oauth(&tracker).await);
    checks.push(match sqlite {
        Some(sqlite) => heard(sqlite).await,
        None => without_store(HEARD),
    });
    checks
}

/// As whom Sentry is asked: the internal integration, or an installation of the app.
async fn actor(patient: &Patient<'_>, sqlite: Option<&Sqlite>) -> Result<(Actor, OrgSlug), Check> {
    if let Some((org, _)) = &patient.sentry.internal {
        return Ok((Actor::Integration { org: org.clone() }, org.clone()));
    }
    if patient.sentry.app.is_none() {
        let why = "with service hooks alone Sentry is read with people's own accounts";
        return Err(Check::skipped(READ, why, "let somebody connect a channel, then look at `zentry dead list`"));
    }
    let sqlite = sqlite.ok_or_else(|| without_store(READ))?;
    let store = sqlite.store();
    let broken = |error: &dyn std::error::Error| Check::red(READ, whole(error), "look at ZENTRY_STORE");
    let orgs = sqlite.installed_orgs().await.map_err(|error| broken(&error))?;
    for org in orgs {
        let installations = store.installations_of(&org).await.map_err(|error| broken(&error))?;
        if let Some(installation) = installations.into_iter().next() {
            return Ok((Actor::Installation { installation, org: org.clone() }, org));
        }
    }
    let link = patient.deployment.install_url.clone().unwrap_or_default();
    Err(Check::skipped(
        READ,
        "no organization has installed the Sentry App yet",
        format!("open {link} as a manager of it"),
    ))
}

async fn read(patient: &Patient<'_>, tracker: &SentryTracker, actor: &Actor, org: &OrgSlug) -> Check {
    match tracker.organizations(actor).await {
        Ok(orgs) if orgs.is_empty() => {
            return Check::red(
                READ,
                format!("the token sees no organization {org}"),
                "set ZENTRY_SENTRY_ORG to the slug in the address of Settings, General Settings",
            );
        }
        Ok(_) => {}
        Err(error) => return refused(patient, org, &error),
    }
    match tracker.projects(actor, org).await {
        Ok(projects) if projects.is_empty() => Check::red(
            READ,
            format!("the token sees no project of {org}"),
            "set ZENTRY_SENTRY_ORG to the slug of the integration's own organization; Settings, Developer Settings, the integration, \
             Permissions: Project Read, Organization Read",
        ),
        Ok(_) if !patient.deployment.accepts(org) => Check::red(
            READ,
            format!("nobody can connect a project of {org}: ZENTRY_ALLOWED_ORGS leaves it out"),
            "add it to ZENTRY_ALLOWED_ORGS, or unset that",
        ),
        Ok(projects) => Check::ok(READ, format!("{} projects of {org}", projects.len())),
        Err(error) => refused(patient, org, &error),
    }
}

fn refused(patient: &Patient<'_>, org: &OrgSlug, error: &TrackerError) -> Check {
    let url = patient.sentry.base.as_str().trim_end_matches('/');
    let fix = match error {
        TrackerError::Unauthorized if patient.sentry.internal.is_some() => {
            "set ZENTRY_SENTRY_TOKEN to a new token of Settings, Developer Settings, the integration, Tokens".to_owned()
        }
        TrackerError::Unauthorized => {
            format!(
                "remove the Sentry App from {org} and install it again; check ZENTRY_SENTRY_CLIENT_ID and ZENTRY_SENTRY_CLIENT_SECRET"
            )
        }
        TrackerError::Gone => "set ZENTRY_SENTRY_ORG to the organization's slug".to_owned(),
        TrackerError::Refused { why } if why.contains("ZENTRY_") => "do what it says".to_owned(),
        TrackerError::Refused { .. } | TrackerError::NoFeature => {
            "Settings, Developer Settings, the integration, Permissions: Organization Read, Project Read".to_owned()
        }
        TrackerError::Throttled { .. } => "wait a minute".to_owned(),
        TrackerError::Unavailable(_) => format!(
            "let this host call ZENTRY_SENTRY_URL ({url}){}",
            if patient.outbound.ca_pem.is_none() {
                "; for a certificate of your own authority set ZENTRY_CA_FILE"
            } else {
                ""
            }
        ),
    };
    Check::red(READ, whole(error), fix)
}

/// How the integration is set up.
async fn integration(patient: &Patient<'_>, tracker: &SentryTracker, actor: &Actor, org: &OrgSlug) -> Vec<Check> {
    let expected = patient.at("/sentry/webhook");
    let installed = match tracker.installed_apps(actor, org).await {
        Ok(installed) => installed,
        Err(error) => {
            let fix = "Settings, Developer Settings, the integration, Permissions: Organization Read";
            return vec![Check::skipped(
                INTEGRATION,
                format!("Sentry does not list the integrations of {org}: {}", whole(&error)),
                fix,
            )];
        }
    };
    let slug = patient.sentry.app.as_ref().map(|(_, slug)| slug.as_str());
    set_up(&installed, slug.filter(|_| patient.sentry.internal.is_none()), org, &expected)
}

/// Which of those that are installed is ours, and whether it tells us everything.
fn set_up(installed: &[InstalledApp], slug: Option<&str>, org: &OrgSlug, expected: &str) -> Vec<Check> {
    const PAGE: &str = "Settings, Developer Settings, the integration";
    let known = || installed.iter().filter_map(|app| Some((app, app.setup.as_ref()?)));
    let leads_here = |setup: &AppSetup| setup.webhook_url.as_deref() == Some(expected);
    let ours = match slug {
        Some(slug) => known().find(|(app, _)| app.slug == slug),
        None => known().find(|(_, setup)| leads_here(setup)),
    };
    let Some((app, setup)) = ours else {
        let elsewhere: Vec<_> = known().filter_map(|(_, setup)| setup.webhook_url.as_deref()).collect();
        return vec![match elsewhere.is_empty() {
            true => Check::skipped(
                INTEGRATION,
                format!("Sentry does not tell us how the integrations of {org} are set up"),
                format!("look for yourself: {PAGE}, Webhook URL must be {expected}"),
            ),
            false => Check::red(
                INTEGRATION,
                format!("no integration of {org} sends to us; there are webhooks to {}", elsewhere.join(", ")),
                format!("{PAGE}, Webhook URL: {expected}"),
            ),
        }];
    };
    let name = &app.slug;
    let integration = match () {
        () if !leads_here(setup) => {
            let to = setup.webhook_url.as_deref().unwrap_or("nowhere");
            Check::red(INTEGRATION, format!("{name} sends to {to}"), format!("{PAGE}, Webhook URL: {expected}"))
        }
        () if setup.is_disabled => Check::red(
            INTEGRATION,
            format!("Sentry has stopped sending for {name}: its webhooks kept failing"),
            format!("mend what is red above, then save {PAGE} once, which switches it on again"),
        ),
        () if app.is_pending => Check::red(
            INTEGRATION,
            format!("the installation of {name} in {org} is pending: Sentry sends no alerts"),
            "remove the app from the organization and install it again while the bot runs",
        ),
        () if !setup.is_alertable => Check::red(
            INTEGRATION,
            format!("rules cannot have {name} as an action: no alert ever comes"),
            format!("{PAGE}, Alert Rule Action: on"),
        ),
        () => Check::ok(INTEGRATION, format!("{name} in {org} sends to {expected}")),
    };
    let lacks = |wanted: &str| !setup.events.iter().any(|event| event.split('.').next() == Some(wanted));
    let events = match lacks("issue") {
        true => Check::red(
            EVENTS,
            format!("no webhook tells of issues: there is {}", listed(&setup.events)),
            format!("{PAGE}, Webhooks: tick issue"),
        ),
        false => {
            let more: Vec<_> = manifest::RESOURCES.into_iter().filter(|resource| lacks(resource)).collect();
            match more.is_empty() {
                true => Check::ok(EVENTS, listed(&setup.events)),
                false => Check::ok(
                    EVENTS,
                    format!("{}; without {}, which some channels may want", listed(&setup.events), more.join(", ")),
                ),
            }
        }
    };
    let lacking: Vec<_> = manifest::sentry_scopes(slug.is_some())
        .into_iter()
        .filter(|scope| !setup.scopes.iter().any(|s| s == scope))
        .collect();
    let scopes = match lacking.is_empty() {
        true => Check::ok(SCOPES, setup.scopes.join(" ")),
        false => Check::red(
            SCOPES,
            format!("{} missing", lacking.join(", ")),
            format!("{PAGE}, Permissions: {}", permissions(&lacking)),
        ),
    };
    vec![integration, events, scopes]
}

fn listed(words: &[String]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// As the console names them.
fn permissions(scopes: &[&str]) -> String {
    let word = |scope: &&str| match *scope {
        "event:read" => "Issue & Event Read",
        "event:write" => "Issue & Event Read & Write",
        "org:read" => "Organization Read",
        "project:read" => "Project Read",
        _ => "as `zentry manifest sentry` lists them",
    };
    scopes.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The application by which people link.
async fn oauth(tracker: &SentryTracker) -> Check {
    match tracker.knows_oauth_app().await {
        Ok(None) => Check::skipped(OAUTH, "no OAuth application: nobody links, and buttons act as the integration", ""),
        Ok(Some(true)) => Check::ok(OAUTH, "Sentry knows the OAuth application and its secret"),
        Ok(Some(false)) => Check::red(
            OAUTH,
            "Sentry does not know the OAuth application, or not with this secret",
            "set ZENTRY_SENTRY_OAUTH_CLIENT_ID and ZENTRY_SENTRY_OAUTH_CLIENT_SECRET to User Settings, API, Applications",
        ),
        Err(error) => Check::red(OAUTH, whole(&error), "let this host call ZENTRY_SENTRY_URL"),
    }
}

/// What has come so far.
async fn heard(sqlite: &Sqlite) -> Check {
    const ORGS: usize = 1_000;
    match sqlite.store().pulses(ORGS).await {
        Err(error) => Check::red(HEARD, whole(&error), "look at ZENTRY_STORE"),
        Ok(pulses) => {
            match (pulses.iter().find(|pulse| pulse.told), pulses.first().and_then(|pulse| Some((pulse, pulse.last?))))
            {
                (Some(silent), _) => Check::red(
                    HEARD,
                    format!("webhooks of {} are missing: Sentry has issues of which nothing came", silent.org),
                    "Settings, Developer Settings, the integration: Webhook URL, Webhooks, and whether Sentry has disabled it",
                ),
                (None, Some((pulse, last))) => Check::ok(HEARD, format!("last of {} at {last}", pulse.org)),
                (None, None) => Check::skipped(HEARD, "nothing yet", "connect a channel, then let an error happen"),
            }
        }
    }
}

/// Where the store does not open nobody's credentials are known; the internal integration needs none of them.
struct NoVault;

#[async_trait]
impl Vault for NoVault {
    async fn load(&self, _: &CredentialKey) -> Result<Option<(Secret, Revision)>, VaultError> {
        Ok(None)
    }

    async fn save(&self, _: &CredentialKey, _: &Secret, _: Option<Revision>) -> Result<Revision, VaultError> {
        Err(VaultError::Unavailable("there is no store".into()))
    }

    async fn delete(&self, _: &CredentialKey) -> Result<(), VaultError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    const URL: &str = "https://bot.example.com/sentry/webhook";

    fn app() -> InstalledApp {
        let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        InstalledApp {
            slug: "zoom-1".into(),
            is_pending: false,
            setup: Some(AppSetup {
                webhook_url: Some(URL.into()),
                events: strings(&["issue", "comment", "seer"]),
                scopes: strings(&["event:read", "event:write", "org:read", "project:read"]),
                is_alertable: true,
                is_disabled: false,
            }),
        }
    }

    fn found(slug: Option<&str>, change: impl FnOnce(&mut InstalledApp, &mut AppSetup)) -> Vec<Check> {
        let mut app = app();
        let mut setup = app.setup.take().expect("set up");
        change(&mut app, &mut setup);
        set_up(&[InstalledApp { setup: Some(setup), ..app }], slug, &OrgSlug::new("acme"), URL)
    }

    fn reds(checks: &[Check]) -> Vec<&str> {
        checks.iter().filter(|check| check.verdict == Verdict::Red).map(|check| check.fix.as_str()).collect()
    }

    #[test]
    fn what_is_set_up_otherwise_is_told_with_the_field_to_change() {
        assert_eq!(reds(&found(None, |_, _| {})), [] as [&str; 0]);
        for (checks, fix) in [
            (
                found(None, |_, setup| setup.webhook_url = Some("https://old.example.com/".into())),
                "Webhook URL: https://bot",
            ),
            (found(Some("zoom-1"), |_, setup| setup.webhook_url = None), "Webhook URL: https://bot"),
            (found(None, |_, setup| setup.is_disabled = true), "switches it on again"),
            (found(Some("zoom-1"), |app, _| app.is_pending = true), "install it again"),
            (found(None, |_, setup| setup.is_alertable = false), "Alert Rule Action: on"),
            (found(None, |_, setup| setup.events.clear()), "Webhooks: tick issue"),
            (found(None, |_, setup| setup.scopes.retain(|scope| scope != "event:write")), "Issue & Event Read & Write"),
        ] {
            let reds = reds(&checks);
            assert!(reds.len() == 1 && reds[0].contains(fix), "{checks:?}");
        }
        let single = found(None, |_, setup| setup.events = vec!["issue.created".into()]);
        assert!(reds(&single).is_empty(), "{single:?}");
        let untold = set_up(&[InstalledApp { setup: None, ..app() }], None, &OrgSlug::new("acme"), URL);
        assert_eq!(untold[0].verdict, Verdict::Skipped);
    }
}
