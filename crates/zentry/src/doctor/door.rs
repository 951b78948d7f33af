//! The way from outside to our own endpoints: through DNS, TLS and proxies, with the senders' own signatures.

use std::net::IpAddr;
use std::time::Duration;

use http::Method;
use tokio::net::lookup_host;
use zentry_domain::Clock;
use zentry_sentry::SentryWebhook;
use zentry_zoom::ZoomWebhook;

use super::{Answer, Check, Patient};
use crate::wire;
use crate::world::WallClock;

const ADDRESS: &str = "public address";
const PAGES: &str = "pages";
const ZOOM: &str = "Zoom's webhooks";
const SENTRY: &str = "Sentry's webhooks";
const FORGERIES: &str = "forgeries";
const REFUSAL: &str = "Sentry's way here";

/// Sentry gives up after a second, Zoom after three.
const SENTRY_WAITS: Duration = Duration::from_secs(1);
const ZOOM_WAITS: Duration = Duration::from_secs(3);
/// Of events that nobody sends, so that it means nothing; with characters that a proxy which writes bodies anew would change.
const ZOOM_BODY: &str = r#"{"event":"zentry.doctor","event_ts":0,"payload":{"note":"🩺 “schön”  1.0 \/"}}"#;
const SENTRY_BODY: &str = r#"{"action":"checked","data":{"note":"🩺 “schön”  1.0 \/"},"actor":{"type":"application","id":"zentry","name":"zentry"}}"#;

/// Everything that is seen from outside.
pub(super) async fn check(patient: &Patient<'_>) -> Vec<Check> {
    let host = patient.public_url.host_str().unwrap_or_default();
    let port = patient.public_url.port_or_known_default().unwrap_or(443);
    let addresses = lookup_host((host.trim_start_matches('[').trim_end_matches(']'), port)).await;
    let addresses: Vec<IpAddr> = addresses.map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default();
    let mut checks = vec![address(host, &addresses), refusal(patient, &addresses)];
    let pages = pages(patient).await;
    let is_reached = pages.is_ok();
    checks.push(pages.unwrap_or_else(|check| check));
    if !is_reached {
        let skip = |name| Check::skipped(name, "the public address is not reached", "");
        checks.extend([ZOOM, SENTRY, FORGERIES].map(skip));
        return checks;
    }
    checks.push(zoom(patient).await);
    checks.push(sentry(patient).await);
    checks.push(forgeries(patient).await);
    checks
}

fn address(host: &str, addresses: &[IpAddr]) -> Check {
    let closed = addresses.iter().find_map(|ip| Some((*ip, zentry_http_client::closed(*ip)?)));
    match (addresses, closed) {
        ([], _) => Check::red(
            ADDRESS,
            format!("{host} has no address"),
            "set ZENTRY_PUBLIC_URL to a name that the DNS knows, or add the name there",
        ),
        (_, Some((ip, "loopback"))) => Check::skipped(
            ADDRESS,
            format!("{host} is {ip}: only this machine reaches it"),
            "for Zoom and Sentry set ZENTRY_PUBLIC_URL to an https address that the world reaches",
        ),
        (_, Some((ip, kind))) => Check::skipped(
            ADDRESS,
            format!("from here {host} is {ip} ({kind}), which Zoom's cloud does not reach"),
            "make sure that the world's DNS knows a public address for the host of ZENTRY_PUBLIC_URL",
        ),
        ([first, ..], None) => Check::ok(ADDRESS, format!("{host} is {first}")),
    }
}

/// A self-hosted Sentry of 25.9 and later sends no webhook to private addresses unless it is told to.
fn refusal(patient: &Patient<'_>, addresses: &[IpAddr]) -> Check {
    let sentry = patient.sentry.base.host_str().unwrap_or_default();
    let closed = addresses.iter().find_map(|ip| Some((*ip, zentry_http_client::closed(*ip)?)));
    match closed {
        _ if sentry == "sentry.io" || sentry.ends_with(".sentry.io") => {
            Check::ok(REFUSAL, "Sentry's cloud sends to public addresses")
        }
        None => Check::ok(REFUSAL, "the public address is no private one, to which Sentry 25.9 and later send nothing"),
        Some((ip, "loopback")) => Check::skipped(REFUSAL, format!("{ip} is loopback"), ""),
        Some((ip, kind)) => Check::skipped(
            REFUSAL,
            format!("seen from here {ip} is {kind}: a self-hosted Sentry of 25.9 and later sends no webhook there"),
            "leave the network of that address out of SENTRY_DISALLOWED_IPS in Sentry's sentry.conf.py, then restart Sentry",
        ),
    }
}

/// The front page, and what a proxy made of its headers.
async fn pages(patient: &Patient<'_>) -> Result<Check, Check> {
    let url = patient.at("/");
    let answer = patient.get("bot", &url).await.map_err(|why| {
        let fix = match () {
            () if why.contains("ertificate") => "give the listener or the proxy a certificate of a known authority that has not run out, with its whole chain (ZENTRY_TLS_CERT, or the proxy's)",
            () => "start `zentry serve`; let the proxy pass ZENTRY_PUBLIC_URL on to ZENTRY_LISTEN; open its port",
        };
        Check::red(PAGES, format!("{url} is not reached: {why}"), fix)
    })?;
    match answer.status {
        200 => {}
        300..=399 => {
            let to = answer.header("location").unwrap_or("elsewhere").to_owned();
            let fix =
                "set ZENTRY_PUBLIC_URL to the address at the end of the redirect: neither Zoom nor Sentry follows one";
            return Err(Check::red(PAGES, format!("{url} redirects to {to}"), fix));
        }
        404 => {
            let fix =
                "let the proxy pass the path of ZENTRY_PUBLIC_URL on without its prefix, or leave the path out of both";
            return Err(Check::red(PAGES, format!("{url} is answered 404"), fix));
        }
        status => {
            let fix =
                "look at the proxy in front of ZENTRY_LISTEN: it answers instead of the bot, or the bot does not run";
            return Err(Check::red(PAGES, format!("{url} is answered {status}"), fix));
        }
    }
    let is_https = patient.public_url.scheme() == "https";
    let wanted = ["x-content-type-options", "referrer-policy", "content-security-policy"].into_iter();
    let wanted = wanted.chain(is_https.then_some("strict-transport-security"));
    let lost: Vec<_> = wanted.filter(|name| answer.header(name).is_none()).collect();
    if !lost.is_empty() {
        let fix = "let the proxy pass the bot's own headers on; where it is another program, ZENTRY_PUBLIC_URL leads elsewhere";
        return Err(Check::red(PAGES, format!("{url} comes without {}", lost.join(", ")), fix));
    }
    Ok(Check::ok(PAGES, format!("{url} after {} ms", answer.took.as_millis())))
}

async fn zoom(patient: &Patient<'_>) -> Check {
    let url = patient.at("/zoom/events");
    let webhook = ZoomWebhook::new(&wire::zoom_config(patient.zoom.clone()));
    let signed = webhook.signed(ZOOM_BODY.as_bytes(), WallClock.now());
    let fix = "set ZENTRY_ZOOM_SECRET_TOKEN of the running bot to Features, Access, Token, Secret Token; let the proxy pass body and the \
               headers x-zm-signature and x-zm-request-timestamp on as they are";
    let field = format!("Features, Surface, Team Chat, Bot Endpoint URL must be {url}");
    knocked(patient, ZOOM, &url, ZOOM_BODY, &signed, ZOOM_WAITS, (fix, &field)).await
}

async fn sentry(patient: &Patient<'_>) -> Check {
    let url = patient.at("/sentry/webhook");
    let webhook = SentryWebhook::new(&wire::sentry_config(patient.sentry.clone(), &patient.deployment.public_url));
    let signed = webhook.signed("zentry.doctor", SENTRY_BODY.as_bytes(), WallClock.now());
    let fix = "set ZENTRY_SENTRY_CLIENT_SECRET of the running bot to Settings, Developer Settings, the integration, Client Secret; let the \
               proxy pass body and the header sentry-hook-signature on as they are";
    let field = format!("Settings, Developer Settings, the integration, Webhook URL must be {url}");
    knocked(patient, SENTRY, &url, SENTRY_BODY, &signed, SENTRY_WAITS, (fix, &field)).await
}

/// Sends what each secret signs, as the sender would.
async fn knocked(
    patient: &Patient<'_>,
    name: &'static str,
    url: &str,
    body: &str,
    signed: &[Vec<(&'static str, String)>],
    patience: Duration,
    (fix, field): (&str, &str),
) -> Check {
    if signed.is_empty() {
        return Check::skipped(name, "no secret signs them: with service hooks alone each hook has its own", "");
    }
    let mut slowest = Duration::ZERO;
    for (at, headers) in signed.iter().enumerate() {
        let of = if signed.len() > 1 { format!(" with secret {} of {}", at + 1, signed.len()) } else { String::new() };
        match knock(patient, url, body, headers).await {
            Err(why) => return Check::red(name, format!("{url} is not reached{of}: {why}"), "start `zentry serve`"),
            Ok(Answer { status: 200, took, .. }) => slowest = slowest.max(took),
            Ok(Answer { status: 401, .. }) => {
                return Check::red(
                    name,
                    format!(
                        "the bot refuses the signature{of}: another secret, or something on the way changes the request"
                    ),
                    fix,
                );
            }
            Ok(Answer { status, .. }) => {
                let fix = format!("let the proxy pass {url} on to ZENTRY_LISTEN; {field}");
                return Check::red(name, format!("{url} is answered {status}{of}"), fix);
            }
        }
    }
    let took = format!("{url} accepts the signature after {} ms", slowest.as_millis());
    if slowest > patience {
        let fix = "look for what is slow between the proxy and the bot, or at the disk of ZENTRY_STORE";
        return Check::red(name, format!("{took}; the sender gives up after {} ms", patience.as_millis()), fix);
    }
    Check::ok(name, took)
}

/// What answers 200 to everything is not the bot.
async fn forgeries(patient: &Patient<'_>) -> Check {
    let url = patient.at("/zoom/events");
    let stamp = (WallClock.now().0 / 1_000).to_string();
    let forged = vec![("x-zm-request-timestamp", stamp), ("x-zm-signature", format!("v0={}", "0".repeat(64)))];
    match knock(patient, &url, ZOOM_BODY, &forged).await {
        Err(why) => Check::red(FORGERIES, format!("{url} is not reached: {why}"), "start `zentry serve`"),
        Ok(Answer { status: 401, .. }) => Check::ok(FORGERIES, "a wrong signature is answered 401"),
        Ok(Answer { status, .. }) => Check::red(
            FORGERIES,
            format!("a wrong signature is answered {status}: something else than the bot answers at {url}"),
            "let ZENTRY_PUBLIC_URL lead to the bot; take answers of the proxy's own, such as a page for maintenance, out of the way",
        ),
    }
}

async fn knock(
    patient: &Patient<'_>,
    url: &str,
    body: &str,
    signed: &[(&'static str, String)],
) -> Result<Answer, String> {
    let mut headers = signed.to_vec();
    headers.push(("content-type", "application/json".into()));
    patient.call("bot", Method::POST, url, &headers, body.into()).await
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn an_address_that_the_world_does_not_reach_is_told() {
        let check =
            |ips: &[&str]| address("bot.example.com", &ips.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(check(&[]).verdict, Verdict::Red);
        assert_eq!(check(&["127.0.0.1"]).verdict, Verdict::Skipped);
        let inside = check(&["10.1.2.3"]);
        assert!(inside.verdict == Verdict::Skipped && inside.detail.contains("10.1.2.3 (private)"), "{inside:?}");
        assert_eq!(check(&["34.1.2.3"]).verdict, Verdict::Ok);
    }
}
