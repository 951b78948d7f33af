//! What a page's headers forbid the browser to do or to tell.

use url::Url;

use super::cookies::origin;

/// Whether a page lets a form of its be sent to `target`: `form-action` of its Content-Security-Policy. Chromium asks
/// this for every redirect that follows too.
pub(super) fn allows_form(policies: &[String], page: &Url, target: &Url) -> bool {
    policies.iter().all(|policy| {
        let directives = policy.split(';').map(str::trim);
        let mut sources = directives.filter_map(|directive| directive.strip_prefix("form-action"));
        sources.next().is_none_or(|sources| sources.split_whitespace().any(|source| matches(source, page, target)))
    })
}

fn matches(source: &str, page: &Url, target: &Url) -> bool {
    match source {
        "'none'" => false,
        "'self'" => origin(page) == origin(target),
        "*" => matches!(target.scheme(), "http" | "https"),
        _ => source
            .strip_suffix(':')
            .map_or_else(|| matches_host(source, page, target), |scheme| scheme == target.scheme()),
    }
}

/// `[scheme://]host[:port]`; a host may begin with `*.`, a port may be `*`.
fn matches_host(source: &str, page: &Url, target: &Url) -> bool {
    let (scheme, rest) = source.split_once("://").unwrap_or((page.scheme(), source));
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let upgraded = scheme == "http" && target.scheme() == "https";
    let target_host = target.host_str().unwrap_or_default();
    let host_fits = host.strip_prefix('*').map_or(host == target_host, |suffix| target_host.ends_with(suffix));
    let port_fits = match port {
        "*" => true,
        "" => target.port().is_none(),
        _ => target.port_or_known_default().is_some_and(|known| known.to_string() == port),
    };
    (scheme == target.scheme() || upgraded) && host_fits && port_fits
}

/// What a page tells about itself: the `Referer` header, and the `Origin` header of a POST.
pub(super) struct Told {
    pub(super) referer: Option<String>,
    pub(super) origin: String,
}

/// Applies a page's Referrer-Policy to a request to `target`.
pub(super) fn told(policy: Option<&str>, page: &Url, target: &Url) -> Told {
    let same = origin(page) == origin(target);
    let downgrade = page.scheme() == "https" && target.scheme() == "http";
    let mut whole = page.clone();
    whole.set_fragment(None);
    let (whole, short) = (Some(whole.to_string()), Some(format!("{}/", origin(page))));
    let referer = match policy {
        Some("no-referrer") => None,
        Some("same-origin") => whole.filter(|_| same),
        Some("unsafe-url") => whole,
        _ if downgrade => None,
        Some("origin" | "strict-origin") => short,
        Some("no-referrer-when-downgrade") => whole,
        _ => {
            if same {
                whole
            } else {
                short
            }
        }
    };
    let hidden = policy == Some("no-referrer") || (policy == Some("same-origin") && !same) || downgrade;
    Told { referer, origin: if hidden { "null".to_owned() } else { origin(page) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn allowed(policy: &str, target: &str) -> bool {
        allows_form(&[policy.to_owned()], &url("https://bot.example.com/link/t"), &url(target))
    }

    #[test]
    fn a_form_goes_only_where_its_page_says() {
        assert!(allowed("default-src 'none'", "https://sentry.io/oauth/authorize/"));
        assert!(!allowed("form-action 'self'", "https://sentry.io/oauth/authorize/"));
        assert!(allowed("form-action 'self' https://sentry.io", "https://sentry.io/oauth/authorize/"));
        assert!(allowed("form-action https://*.sentry.io", "https://us.sentry.io/"));
        assert!(!allowed("form-action https://*.sentry.io", "https://evilsentry.io/"));
        assert!(allowed("form-action http://127.0.0.1:9000", "http://127.0.0.1:9000/oauth/authorize/"));
        assert!(!allowed("form-action http://127.0.0.1:9000", "http://127.0.0.1:9001/"));
        assert!(!allowed("form-action 'none'", "https://bot.example.com/"));
    }

    #[test]
    fn no_referrer_makes_the_origin_null_even_at_home() {
        let (page, target) = (url("http://127.0.0.1:1/link/t#x"), url("http://127.0.0.1:1/link/t"));
        let silent = told(Some("no-referrer"), &page, &target);
        assert_eq!((silent.referer, silent.origin.as_str()), (None, "null"));
        let usual = told(None, &page, &target);
        assert_eq!(usual.referer.as_deref(), Some("http://127.0.0.1:1/link/t"));
        assert_eq!(told(None, &page, &url("http://127.0.0.1:2/")).referer.as_deref(), Some("http://127.0.0.1:1/"));
    }
}
