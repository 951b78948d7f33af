//! The people and things of the story that `zentry sandbox` plays.

use crate::{
    sentry::{self, Integration, OAuthApp, Organization, Project, Role, SentryApp, User},
    zoom::{self, App, Channel, Person},
};

/// Who and what is on stage. No `Debug`: it holds secrets, if only simulated ones.
#[derive(Clone)]
pub struct Cast {
    /// The chatbot app at Zoom.
    pub zoom_app: App,
    /// Works at Acme, and is Ana at Sentry.
    pub jane: Person,
    /// Works at Acme too, without a Sentry account.
    pub ben: Person,
    /// A guest from another account.
    pub gia: Person,
    /// The channel in which the story happens.
    pub alerts: Channel,
    /// Another channel.
    pub web_team: Channel,
    /// The organization that Ana belongs to.
    pub acme: Organization,
    /// An organization that does not exist for Ana.
    pub globex: Organization,
    /// Acme's shop.
    pub checkout: Project,
    /// Acme's API.
    pub api: Project,
    /// Acme's pages.
    pub web: Project,
    /// Globex's only project.
    pub secret: Project,
    /// Jane's Sentry account, an ordinary member of Acme.
    pub ana: User,
    /// A manager of Acme at Sentry.
    pub max: User,
    /// The internal integration of Acme.
    pub integration: Integration,
    /// The application by which people link accounts.
    pub oauth_app: OAuthApp,
}

impl Cast {
    /// The cast, and the two worlds in which it lives.
    #[must_use]
    pub fn assemble() -> (Self, zoom::World, sentry::World) {
        Self::assembled(None)
    }

    /// The same, but the integration is nowhere, and there is a Sentry App to install.
    #[must_use]
    pub fn with_app(app: SentryApp) -> (Self, zoom::World, sentry::World) {
        Self::assembled(Some(app))
    }

    fn assembled(app: Option<SentryApp>) -> (Self, zoom::World, sentry::World) {
        let zoom_app = zoom_app();
        let mut zoom = zoom::World::new(zoom_app.clone());
        let mut sentry = sentry::World::new();
        let acme = sentry.organization("acme", "Acme Inc.");
        let globex = sentry.organization("globex", "Globex");
        let (ana, max) = (sentry.user("Ana", "ana@acme.io"), sentry.user("Max", "max@acme.io"));
        sentry.join(&ana, &acme, Role::Member);
        sentry.join(&max, &acme, Role::Manager);
        let mut elsewhere = sentry::World::new();
        let integrated = if app.is_some() { &mut elsewhere } else { &mut sentry };
        let integration = integrated.integration(&acme, "sntryi_sandbox-token", "sandbox-sentry-client-secret");
        app.into_iter().for_each(|app| sentry.sentry_app(app));
        let oauth_app = oauth_app();
        sentry.oauth_app(oauth_app.clone());
        let account = "acc-Acme1";
        let cast = Self {
            zoom_app,
            jane: zoom.person(account, "KdYKjnimT4KPd8KKdQt9FQ", "Jane Dev"),
            ben: zoom.person(account, "Q7ZbenT4KPd8KKdQt9FQaa", "Ben Ops"),
            gia: zoom.person(account, "Z3GiaT4KPd8KKdQt9FQbb0", "Gia Guest"),
            alerts: zoom.channel(account, "checkout-alerts"),
            web_team: zoom.channel(account, "web-team"),
            checkout: sentry.project(&acme, "checkout", "Checkout"),
            api: sentry.project(&acme, "api", "API"),
            web: sentry.project(&acme, "web", "Web"),
            secret: sentry.project(&globex, "secret", "Secret"),
            integration,
            acme,
            globex,
            ana,
            max,
            oauth_app,
        };
        zoom.outsider(&cast.gia);
        (cast, zoom, sentry)
    }
}

fn zoom_app() -> App {
    App {
        client_id: "sandboxZoomClient".to_owned(),
        client_secret: "sandbox-zoom-client-secret".to_owned(),
        bot_jid: "v1sandboxbot@xmpp.zoom.us".to_owned(),
        secret_token: "sandbox-zoom-secret-token".to_owned(),
    }
}

fn oauth_app() -> OAuthApp {
    OAuthApp {
        name: "Zentry".to_owned(),
        client_id: "sandbox-oauth-client".to_owned(),
        client_secret: "sandbox-oauth-client-secret".to_owned(),
        redirect_uris: Vec::new(),
    }
}
