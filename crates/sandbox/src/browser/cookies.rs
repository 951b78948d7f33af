//! Cookies, kept as Chromium keeps them (RFC 6265bis).

use url::Url;

/// Which site a request came from, seen from its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// The person typed the address, or followed a link outside the browser.
    None,
    Same,
    Cross,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SameSite {
    Strict,
    Lax,
    None,
}

#[derive(Clone, Debug)]
struct Cookie {
    origin: String,
    path: String,
    name: String,
    value: String,
    same_site: SameSite,
    ends_ms: Option<i64>,
}

/// The cookies of one browser.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    /// Keeps what `Set-Cookie` says, or says why it cannot be kept.
    pub(super) fn set(&mut self, url: &Url, header: &str, now_ms: i64) -> Result<(), String> {
        let cookie = parse(url, header, now_ms)?;
        self.0.retain(|old| (&old.origin, &old.path, &old.name) != (&cookie.origin, &cookie.path, &cookie.name));
        if cookie.ends_ms.is_none_or(|end| end > now_ms) {
            self.0.push(cookie);
        }
        Ok(())
    }

    /// The `Cookie` header of a navigation; empty where there is none.
    pub(super) fn header(&self, url: &Url, site: Site, get: bool, now_ms: i64) -> String {
        let sent = self.0.iter().filter(|cookie| {
            let alive = cookie.ends_ms.is_none_or(|end| end > now_ms);
            cookie.origin == origin(url) && covers(&cookie.path, url.path()) && alive && cookie.goes(site, get)
        });
        sent.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn has(&self, name: &str, now_ms: i64) -> bool {
        self.0.iter().any(|cookie| cookie.name == name && cookie.ends_ms.is_none_or(|end| end > now_ms))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Cookie {
    fn goes(&self, site: Site, get: bool) -> bool {
        match self.same_site {
            SameSite::None => true,
            SameSite::Lax => site != Site::Cross || get,
            SameSite::Strict => site != Site::Cross,
        }
    }
}

pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Loopback counts as secure even without TLS.
fn is_trustworthy(url: &Url) -> bool {
    url.scheme() == "https" || matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

fn parse(url: &Url, header: &str, now_ms: i64) -> Result<Cookie, String> {
    let mut parts = header.split(';').map(str::trim);
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).ok_or("a cookie without a name")?;
    let attributes: Vec<_> = parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
    let attribute = |wanted: &str| {
        attributes.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
    };
    let secure = attribute("secure").is_some();
    let path = attribute("path").filter(|path| path.starts_with('/'));
    if secure && !is_trustworthy(url) {
        return Err(format!("{name}: a Secure cookie over plain http"));
    }
    if name.starts_with("__Host-") && !(secure && path == Some("/") && attribute("domain").is_none()) {
        return Err(format!("{name}: __Host- needs Secure, Path=/ and no Domain"));
    }
    if name.starts_with("__Secure-") && !secure {
        return Err(format!("{name}: __Secure- needs Secure"));
    }
    let same_site = match attribute("samesite").map(str::to_ascii_lowercase).as_deref() {
        Some("strict") => SameSite::Strict,
        Some("none") if !secure => return Err(format!("{name}: SameSite=None needs Secure")),
        Some("none") => SameSite::None,
        _ => SameSite::Lax,
    };
    let life = attribute("max-age").and_then(|seconds| seconds.parse::<i64>().ok());
    Ok(Cookie {
        origin: origin(url),
        path: path.map_or_else(|| default_path(url), str::to_owned),
        name: name.to_owned(),
        value: value.to_owned(),
        same_site,
        ends_ms: life.map(|seconds| now_ms.saturating_add(seconds.saturating_mul(1000))),
    })
}

fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((directory, _)) if !directory.is_empty() => directory.to_owned(),
        _ => "/".to_owned(),
    }
}

fn covers(cookie: &str, path: &str) -> bool {
    path.strip_prefix(cookie).is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_host_cookie_is_kept_on_loopback_and_only_in_its_full_form() {
        let (mut jar, bot) = (Jar::default(), url("http://127.0.0.1:8480/link/t"));
        jar.set(&bot, "__Host-zentry-link=x; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=600", 0).unwrap();
        let callback = url("http://127.0.0.1:8480/sentry/callback?code=c");
        assert_eq!(jar.header(&callback, Site::Cross, true, 599_999), "__Host-zentry-link=x");
        assert_eq!(jar.header(&callback, Site::Cross, true, 600_000), "");
        assert!(jar.set(&bot, "__Host-a=x; Secure; SameSite=Lax", 0).is_err());
        assert!(jar.set(&bot, "__Host-a=x; Path=/", 0).is_err());
        assert!(jar.set(&url("http://bot.example.com/"), "a=x; Secure", 0).is_err());
    }

    #[test]
    fn strict_cookies_stay_home_and_lax_ones_do_not_follow_a_post() {
        let (mut jar, bot) = (Jar::default(), url("http://127.0.0.1:8480/"));
        jar.set(&bot, "strict=1; SameSite=Strict", 0).unwrap();
        jar.set(&bot, "lax=1", 0).unwrap();
        assert_eq!(jar.header(&bot, Site::Same, true, 0), "strict=1; lax=1");
        assert_eq!(jar.header(&bot, Site::Cross, true, 0), "lax=1");
        assert_eq!(jar.header(&bot, Site::Cross, false, 0), "");
    }

    #[test]
    fn cookies_keep_to_their_origin_and_path_and_can_be_deleted() {
        let (mut jar, page) = (Jar::default(), url("http://127.0.0.1:8480/a/b"));
        jar.set(&page, "x=1", 0).unwrap();
        assert_eq!(jar.header(&url("http://127.0.0.1:8480/a/c"), Site::None, true, 0), "x=1");
        assert_eq!(jar.header(&url("http://127.0.0.1:8480/ab"), Site::None, true, 0), "");
        assert_eq!(jar.header(&url("http://127.0.0.1:9000/a/c"), Site::None, true, 0), "");
        jar.set(&page, "x=; Max-Age=0", 0).unwrap();
        assert!(!jar.has("x", 0));
    }
}
