//! `zentry subscriptions apply`: looks everything new up at Sentry, then changes all of it in one commit.

use std::sync::Arc;

use zentry_domain::decide::{ConnectTo, Core, NewConnection};
use zentry_domain::ports::{StoreError, TrackerError};
use zentry_domain::wanted::{Connections, Step, Wanted};
use zentry_domain::{
    Actor, Clock, Decision, Deployment, EVERY, Facts, OrgSlug, Person, Place, Project, RowChange, Timestamp, Tracker,
};
use zentry_sqlite::{Sqlite, SqliteStore};

use super::{connections, tell};
use crate::cli::dead::commit;
use crate::cli::output::{counted, print};
use crate::config::{Config, environment};
use crate::exit::Failure;
use crate::run::runtime;
use crate::settings::Settings;
use crate::wire;
use crate::world::{OsRandom, WallClock};

/// How often everything is decided again because somebody was faster.
const TRIES: usize = 5;

/// Makes `wanted` of what is there.
pub(super) fn carry_out(wanted: &[Wanted], prune: bool, settings: &Settings) -> Result<(), Failure> {
    let config = Config::load(settings, &environment)?;
    if let Some(at) = wanted.iter().position(|wish| !config.deployment.accepts(&wish.org)) {
        let org = &wanted[at].org;
        return Err(Failure::Setting(format!(
            "ZENTRY_ALLOWED_ORGS does not accept {org}, which subscription {} names; add it there, or leave that out",
            at + 1
        )));
    }
    runtime()?.block_on(async {
        let Config { store, keys, zoom, sentry, outbound, deployment, .. } = config;
        let sqlite = Sqlite::open_beside(&store, keys).map_err(|error| Failure::world("ZENTRY_STORE", &error))?;
        let (clock, http) = (Arc::new(WallClock), wire::http_client(&zoom, &sentry, &outbound)?);
        let tracker = wire::tracker(sentry, &deployment.public_url, &http, sqlite.vault(), clock);
        let work = Work { store: &sqlite.store(), tracker: &tracker, deployment: &deployment };
        let done = work.carry_out(wanted, prune).await;
        http.close();
        sqlite.close().await;
        done
    })
}

struct Work<'a> {
    store: &'a SqliteStore,
    tracker: &'a dyn Tracker,
    deployment: &'a Deployment,
}

impl Work<'_> {
    async fn carry_out(&self, wanted: &[Wanted], prune: bool) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let there = connections(self.store).await?;
            let steps = there.plan(wanted, prune);
            let now = WallClock.now();
            let decision = self.decide(&steps, wanted, &there, now).await?;
            match commit(self.store, &decision, now).await {
                // Somebody connected or disconnected meanwhile.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(Failure::world("nothing was changed: the store refused", &error)),
                Ok(()) => {
                    tell(&steps)?;
                    return print(&match steps.len() as u64 {
                        0 => "nothing to change".to_owned(),
                        steps => format!("{} made", counted(steps, "change")),
                    });
                }
            }
        }
        Err(Failure::World("nothing was changed: the subscriptions keep changing meanwhile; try again".into()))
    }

    async fn decide(
        &self,
        steps: &[Step],
        wanted: &[Wanted],
        there: &Connections,
        now: Timestamp,
    ) -> Result<Decision, Failure> {
        let core = Core { deployment: self.deployment, now, random: &OsRandom::new() };
        let mut decision = Decision::nothing();
        for step in steps {
            let new = match step {
                Step::Connect(wish) => Some(self.look_up(wish, there).await?),
                Step::Filter { .. } | Step::Disconnect(_) => None,
            };
            decision = decision.with(core.carry_out(step, new.as_ref(), wanted, there));
        }
        if self.deployment.service_hooks && decision.changes.iter().any(RowChange::concerns_hooks) {
            decision = decision.and(RowChange::WishForHooks).then(core.tend_hooks());
        }
        Ok(decision)
    }

    /// What the wish does not say.
    async fn look_up(&self, wish: &Wanted, there: &Connections) -> Result<NewConnection, Failure> {
        let (place, by) = self.place(wish, there).await?;
        if wish.project == EVERY {
            let actor = self.actor(wish, &by).await?;
            let orgs = self.tracker.organizations(&actor).await.map_err(|error| asked(wish, &error))?;
            let org = orgs.into_iter().find(|org| org.slug.as_str().eq_ignore_ascii_case(wish.org.as_str()));
            let org = org.ok_or_else(|| not_there(wish, &by))?;
            let projects = self.tracker.projects(&actor, &org.slug).await.map_err(|error| asked(wish, &error))?;
            return Ok(NewConnection { place, by, to: ConnectTo::Every(org, projects) });
        }
        if let Some(known) = known(wish, there) {
            return Ok(NewConnection { place, by, to: ConnectTo::One(known) });
        }
        let actor = self.actor(wish, &by).await?;
        let found = self.tracker.project(&actor, wish.org.as_str(), &wish.project).await;
        let project = found.map_err(|error| asked(wish, &error))?.ok_or_else(|| not_there(wish, &by))?;
        Ok(NewConnection { place, by, to: ConnectTo::One(project) })
    }

    /// The channel as it is known, and on whose behalf its messages are sent: whoever is named, else who was last seen there.
    async fn place(&self, wish: &Wanted, there: &Connections) -> Result<(Place, Person), Failure> {
        let read = |error: StoreError| Failure::world("the store", &error);
        let known = there.all().map(|there| there.place().clone());
        let known = known.into_iter().find(|place| place.account == wish.account && place.channel == wish.channel);
        let person = match &wish.by {
            Some(user) => self.store.acquaintance(&wish.account, user).await.map_err(read)?,
            None => self.store.people_in(&wish.account, &wish.channel).await.map_err(read)?.into_iter().next(),
        };
        let by = person.ok_or_else(|| {
            Failure::World(match &wish.by {
                Some(user) => format!(
                    "nothing was changed: {} for {} names {user}, of whom the bot has heard nothing in account {}; they \
                     type anything to the bot first",
                    "`by`",
                    wish.label(),
                    wish.account
                ),
                None => format!(
                    "nothing was changed: nobody has used the bot in {} of account {} yet; set `by` to the Zoom user id of \
                     somebody who belongs there, which whoami shows",
                    wish.channel, wish.account
                ),
            })
        })?;
        let Wanted { account, channel, .. } = wish.clone();
        let direct = channel.as_str().eq_ignore_ascii_case(by.jid.as_str());
        Ok((known.unwrap_or(Place { account, channel, name: None, direct }), by))
    }

    /// As whom Sentry is asked.
    async fn actor(&self, wish: &Wanted, by: &Person) -> Result<Actor, Failure> {
        let read = |error: StoreError| Failure::world("the store", &error);
        let is_own = |org: &&OrgSlug| org.as_str().eq_ignore_ascii_case(wish.org.as_str());
        if let Some(org) = self.deployment.integration_org.as_ref().filter(is_own) {
            return Ok(Actor::Integration { org: org.clone() });
        }
        if let Some(linked) = self.store.linked(&by.account, &by.user).await.map_err(read)? {
            return Ok(Actor::person(&linked));
        }
        let installations = self.store.installations_of(&wish.org).await.map_err(read)?;
        let installation = installations.into_iter().next().ok_or_else(|| {
            Failure::World(format!(
                "nothing was changed: {} cannot be looked up at Sentry, for {} ({}) has linked no account; set `by` to \
                 somebody who has",
                wish.label(),
                by.name,
                by.user
            ))
        })?;
        Ok(Actor::Installation { installation, org: wish.org.clone() })
    }
}

/// The project, where some channel is connected to it.
fn known(wish: &Wanted, there: &Connections) -> Option<Project> {
    let is = |project: &&Project| {
        project.org.as_str().eq_ignore_ascii_case(wish.org.as_str())
            && project.slug.as_str().eq_ignore_ascii_case(&wish.project)
    };
    there.subscriptions.iter().map(|s| &s.project).find(is).cloned()
}

fn asked(wish: &Wanted, error: &TrackerError) -> Failure {
    Failure::world(&format!("nothing was changed: Sentry was asked for {}", wish.label()), error)
}

fn not_there(wish: &Wanted, by: &Person) -> Failure {
    Failure::World(format!(
        "nothing was changed: Sentry shows no {} to {} ({}); check org and project, or set `by` to somebody who sees it",
        wish.label(),
        by.name,
        by.user
    ))
}
