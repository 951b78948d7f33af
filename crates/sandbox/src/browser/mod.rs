//! A small browser without a window: it follows redirects, keeps cookies, fills in forms, and tells servers about
//! itself what Chromium tells.
//!
//! Every origin counts as a site of its own, as it is where the bot and Sentry have different domains: two ports of one
//! loopback address would be the same site to Chromium, and mistakes with cross-site navigation would stay hidden.

mod cookies;
mod html;
mod policy;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::Method;
use url::Url;

use self::cookies::{Jar, Site, origin};
pub use self::html::{Form, FormButton};
use crate::{
    client::{NoAnswer, Outbound, exchange},
    clock::{Clock, Stopwatch},
    http::Answer,
    sync::lock,
    wire::{Direction, Entry, Service, Wire},
};

const PATIENCE: Duration = Duration::from_secs(15);
const REDIRECTS: usize = 10;

/// A browser with its cookies. Clones share them.
#[derive(Clone, Debug)]
pub struct Browser {
    jar: Arc<Mutex<Jar>>,
    clock: Clock,
    wire: Wire,
}

/// A page that a browser shows.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its address, after redirects.
    pub url: Url,
    /// The status of its answer.
    pub status: u16,
    /// The headers of its answer, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its source.
    pub html: String,
}

impl Page {
    /// What a person reads, one line a block.
    #[must_use]
    pub fn text(&self) -> String {
        html::text(&self.html)
    }

    /// The text of the element with this id.
    #[must_use]
    pub fn element(&self, id: &str) -> Option<String> {
        html::element(&self.html, id)
    }

    /// The forms, in order.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.html)
    }

    /// The first header of this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn policies(&self) -> Vec<String> {
        let policies = self.headers.iter().filter(|(name, _)| name == "content-security-policy");
        policies.map(|(_, value)| value.clone()).collect()
    }
}

/// Why a browser shows no page.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// The address cannot be read.
    #[error("{0} is no address")]
    Address(String),
    /// The page has no such button.
    #[error("there is no button {button:?} on this page:\n{page}")]
    NoButton {
        /// The button that was looked for.
        button: String,
        /// What the page reads.
        page: String,
    },
    /// The page's Content-Security-Policy forbids to send its form there.
    #[error("the form-action of {page} does not allow {target}")]
    Blocked {
        /// The page with the form.
        page: String,
        /// Where the form, or a redirect after it, leads.
        target: String,
    },
    /// A cookie could not be kept.
    #[error("a cookie from {url} was refused: {why}")]
    Cookie {
        /// Who wanted to set it.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Redirects without end.
    #[error("more than {REDIRECTS} redirects, the last to {0}")]
    Redirects(String),
    /// The server did not answer.
    #[error("{url}: {why}")]
    NoAnswer {
        /// What was asked for.
        url: String,
        /// Why there is nothing.
        why: NoAnswer,
    },
}

/// One navigation: what is sent, and from which page.
struct Navigation<'p> {
    method: Method,
    url: Url,
    body: String,
    from: Option<&'p Page>,
    site: Site,
}

impl Browser {
    /// A browser without cookies.
    #[must_use]
    pub fn new(clock: &Clock, wire: &Wire) -> Self {
        Self { jar: Arc::default(), clock: clock.clone(), wire: wire.clone() }
    }

    /// Opens an address as if it were typed, or pressed outside the browser.
    ///
    /// # Errors
    /// Where no page comes of it; a page with an error status is a page.
    pub async fn open(&self, address: &str) -> Result<Page, BrowseError> {
        let url = Url::parse(address).map_err(|_| BrowseError::Address(address.to_owned()))?;
        let navigation = Navigation { method: Method::GET, url, body: String::new(), from: None, site: Site::None };
        self.navigate(navigation).await
    }

    /// Presses the button with this text, which sends its form.
    ///
    /// # Errors
    /// Where there is no such button, or no page comes of it.
    pub async fn press(&self, page: &Page, button: &str) -> Result<Page, BrowseError> {
        let forms = page.forms().into_iter();
        let mut pressed = forms.filter_map(|form| {
            let field = form.buttons.iter().find(|found| found.text == button)?.field.clone();
            Some((form, field))
        });
        let (mut form, field) =
            pressed.next().ok_or_else(|| BrowseError::NoButton { button: button.to_owned(), page: page.text() })?;
        form.fields.extend(field);
        self.submit(page, &form).await
    }

    /// Sends a form of a page, with whatever its fields now hold.
    ///
    /// # Errors
    /// Where no page comes of it.
    pub async fn submit(&self, page: &Page, form: &Form) -> Result<Page, BrowseError> {
        let mut url = page.url.join(&form.action).map_err(|_| BrowseError::Address(form.action.clone()))?;
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        let (method, body) = if form.post {
            (Method::POST, encoded)
        } else {
            url.set_query(Some(&encoded));
            (Method::GET, String::new())
        };
        self.navigate(Navigation { method, url, body, from: Some(page), site: Site::Same }).await
    }

    /// Whether there is a cookie of this name.
    #[must_use]
    pub fn has_cookie(&self, name: &str) -> bool {
        lock(&self.jar).has(name, self.clock.now_ms())
    }

    /// Forgets every cookie.
    pub fn forget_cookies(&self) {
        lock(&self.jar).clear();
    }

    async fn navigate(&self, mut navigation: Navigation<'_>) -> Result<Page, BrowseError> {
        for _ in 0..=REDIRECTS {
            navigation.look_around()?;
            let answer = self.fetch(&navigation).await?;
            self.keep_cookies(&navigation.url, &answer)?;
            let location = answer.header("location").filter(|_| (301..=308).contains(&answer.status));
            let Some(location) = location else { return Ok(shown(navigation.url, &answer)) };
            let next = navigation.url.join(location).map_err(|_| BrowseError::Address(location.to_owned()))?;
            navigation.url = next;
            // 307 and 308 repeat the request; the others go on with GET.
            if answer.status < 307 {
                navigation.method = Method::GET;
                navigation.body.clear();
            }
        }
        Err(BrowseError::Redirects(navigation.url.to_string()))
    }

    async fn fetch(&self, navigation: &Navigation<'_>) -> Result<Answer, BrowseError> {
        let mut headers = navigation.headers();
        let get = navigation.method == Method::GET;
        let cookies = lock(&self.jar).header(&navigation.url, navigation.site, get, self.clock.now_ms());
        if !cookies.is_empty() {
            headers.push(("cookie".to_owned(), cookies));
        }
        let request = Outbound {
            method: navigation.method.clone(),
            url: navigation.url.clone(),
            headers,
            body: Bytes::from(navigation.body.clone()),
        };
        let watch = Stopwatch::start();
        let answer = exchange(request, PATIENCE).await;
        self.note(navigation, watch, &answer);
        answer.map_err(|why| BrowseError::NoAnswer { url: navigation.url.to_string(), why })
    }

    fn keep_cookies(&self, url: &Url, answer: &Answer) -> Result<(), BrowseError> {
        let now_ms = self.clock.now_ms();
        let mut cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        cookies
            .try_for_each(|(_, cookie)| lock(&self.jar).set(url, cookie, now_ms))
            .map_err(|why| BrowseError::Cookie { url: url.to_string(), why })
    }

    fn note(&self, navigation: &Navigation<'_>, watch: Stopwatch, answer: &Result<Answer, NoAnswer>) {
        self.wire.note(Entry {
            at_ms: self.clock.now_ms(),
            service: Service::Browser,
            direction: Direction::Sent,
            method: navigation.method.to_string(),
            path: navigation.url.path().to_owned(),
            about: String::new(),
            status: answer.as_ref().ok().map(|answer| answer.status),
            verdict: answer.as_ref().err().map(ToString::to_string).unwrap_or_default(),
            took: watch.read(),
        });
    }
}

impl Navigation<'_> {
    /// Before each request: may the form go there, and which site does the target see?
    fn look_around(&mut self) -> Result<(), BrowseError> {
        let Some(page) = self.from else { return Ok(()) };
        if !policy::allows_form(&page.policies(), &page.url, &self.url) {
            return Err(BrowseError::Blocked { page: page.url.to_string(), target: self.url.to_string() });
        }
        // Once a navigation has left its origin, it stays cross-site even where it comes back.
        if origin(&page.url) != origin(&self.url) {
            self.site = Site::Cross;
        }
        Ok(())
    }

    fn headers(&self) -> Vec<(String, String)> {
        let site = match self.site {
            Site::None => "none",
            Site::Same => "same-origin",
            Site::Cross => "cross-site",
        };
        let mut headers = vec![
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36".to_owned()),
            ("accept", "text/html,application/xhtml+xml,*/*;q=0.8".to_owned()),
            ("upgrade-insecure-requests", "1".to_owned()),
            ("sec-fetch-site", site.to_owned()),
            ("sec-fetch-mode", "navigate".to_owned()),
            ("sec-fetch-dest", "document".to_owned()),
            ("sec-fetch-user", "?1".to_owned()),
        ];
        if self.method == Method::POST {
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        if let Some(page) = self.from {
            let told = policy::told(page.header("referrer-policy"), &page.url, &self.url);
            headers.extend(told.referer.map(|referer| ("referer", referer)));
            headers.extend((self.method == Method::POST).then_some(("origin", told.origin)));
        }
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn shown(url: Url, answer: &Answer) -> Page {
    Page {
        url,
        status: answer.status,
        headers: answer.headers.clone(),
        html: String::from_utf8_lossy(&answer.body).into_owned(),
    }
}
