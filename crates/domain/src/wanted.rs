//! What an operator wants channels to be connected to, beside what they are, and what is to be done about the difference.

use crate::{AccountId, ChannelId, EVERY, Filter, OrgSlug, Place, Subscription, UserId, Whole};

/// What every channel is connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// To projects, by account and channel, the oldest first.
    pub subscriptions: Vec<Subscription>,
    /// To whole organizations, by account and channel.
    pub wholes: Vec<Whole>,
}

/// A connection that an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The account.
    pub account: AccountId,
    /// The channel.
    pub channel: ChannelId,
    /// The organization.
    pub org: OrgSlug,
    /// The project's slug, or [`EVERY`].
    pub project: String,
    /// What may post.
    pub filter: Filter,
    /// On whose behalf; where it is not said, somebody who is known in the channel.
    pub by: Option<UserId>,
}

/// A connection that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum There {
    /// To a project.
    One(Subscription),
    /// To a whole organization.
    Every(Whole),
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is wanted and not there.
    Connect(Wanted),
    /// Something else may post.
    Filter {
        /// What is there.
        there: There,
        /// What may post from now on.
        filter: Filter,
    },
    /// It is there and not wanted.
    Disconnect(There),
}

impl Wanted {
    /// Whether this connection is the wanted one. Slugs are known in any case.
    pub fn is(&self, there: &There) -> bool {
        self.is_in(there.place())
            && self.org.as_str().eq_ignore_ascii_case(there.org().as_str())
            && self.project.eq_ignore_ascii_case(there.project())
    }

    /// Whether it brings the other one with it.
    fn covers(&self, there: &There) -> bool {
        self.project == EVERY
            && self.is_in(there.place())
            && self.org.as_str().eq_ignore_ascii_case(there.org().as_str())
    }

    fn is_in(&self, place: &Place) -> bool {
        self.account == place.account && self.channel == place.channel
    }

    /// How people see it: `acme / checkout`, `every project of acme`.
    pub fn label(&self) -> String {
        if self.project == EVERY {
            return format!("every project of {}", self.org);
        }
        format!("{} / {}", self.org, self.project)
    }
}

impl There {
    /// The channel.
    pub fn place(&self) -> &Place {
        match self {
            Self::One(subscription) => &subscription.place,
            Self::Every(whole) => &whole.place,
        }
    }

    /// The organization.
    pub fn org(&self) -> &OrgSlug {
        match self {
            Self::One(subscription) => &subscription.project.org,
            Self::Every(whole) => &whole.org,
        }
    }

    /// The project's slug, or [`EVERY`].
    pub fn project(&self) -> &str {
        match self {
            Self::One(subscription) => subscription.project.slug.as_str(),
            Self::Every(_) => EVERY,
        }
    }

    /// What may post.
    pub fn filter(&self) -> &Filter {
        match self {
            Self::One(subscription) => &subscription.filter,
            Self::Every(whole) => &whole.filter,
        }
    }

    /// How people see it.
    pub fn label(&self) -> String {
        match self {
            Self::One(subscription) => subscription.project.label(),
            Self::Every(whole) => whole.label(),
        }
    }
}

impl Connections {
    /// Each of them, whole organizations before their projects' channels.
    pub fn all(&self) -> impl Iterator<Item = There> {
        let wholes = self.wholes.iter().cloned().map(There::Every);
        wholes.chain(self.subscriptions.iter().cloned().map(There::One))
    }

    /// What makes `wanted` of what is there. What is not wanted stays, unless `prune`; what a wanted organization brings with
    /// it stays in any case.
    pub fn plan(&self, wanted: &[Wanted], prune: bool) -> Vec<Step> {
        let step = |wish: &Wanted| match self.all().find(|there| wish.is(there)) {
            None => Some(Step::Connect(wish.clone())),
            Some(there) if *there.filter() == wish.filter => None,
            Some(there) => Some(Step::Filter { there, filter: wish.filter.clone() }),
        };
        let is_unwanted = |there: &There| !wanted.iter().any(|wish| wish.is(there) || wish.covers(there));
        let gone = self.all().filter(|there| prune && is_unwanted(there)).map(Step::Disconnect);
        wanted.iter().filter_map(step).chain(gone).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, Timestamp, sample};

    fn whole() -> Whole {
        Whole {
            place: sample::ops(),
            org: OrgSlug::new("acme"),
            org_name: "Acme Inc.".into(),
            filter: Filter::default(),
            by: sample::ana(),
            since: Timestamp(0),
        }
    }

    fn wanted(project: &str) -> Wanted {
        let Place { account, channel, .. } = sample::ops();
        Wanted {
            account,
            channel,
            org: OrgSlug::new("acme"),
            project: project.into(),
            filter: Filter::default(),
            by: None,
        }
    }

    fn there() -> Connections {
        let web = Subscription { project: sample::project("web"), ..sample::subscription() };
        Connections { subscriptions: vec![sample::subscription(), web], wholes: Vec::new() }
    }

    fn labels(steps: &[Step]) -> Vec<String> {
        let label = |step: &Step| match step {
            Step::Connect(wish) => format!("+{}", wish.label()),
            Step::Filter { there, .. } => format!("~{}", there.label()),
            Step::Disconnect(there) => format!("-{}", there.label()),
        };
        steps.iter().map(label).collect()
    }

    #[test]
    fn what_is_there_as_it_is_wanted_is_left_alone_in_any_case_of_its_names() {
        let loud = Wanted { org: OrgSlug::new("Acme"), ..wanted("CheckOut") };
        assert_eq!(there().plan(&[loud], false), []);
    }

    #[test]
    fn what_is_missing_is_connected_and_what_differs_gets_another_filter() {
        let fatal = Filter { level: Level::Fatal, ..Filter::default() };
        let plan = there().plan(&[wanted("api"), Wanted { filter: fatal, ..wanted("web") }], false);
        assert_eq!(labels(&plan), ["+acme / api", "~acme / web"]);
    }

    #[test]
    fn what_is_not_named_goes_only_where_that_is_asked_for() {
        assert_eq!(there().plan(&[wanted("web")], false), []);
        assert_eq!(labels(&there().plan(&[wanted("web")], true)), ["-acme / checkout"]);
        let elsewhere = Wanted { account: AccountId::new("other"), ..wanted("web") };
        let plan = there().plan(&[elsewhere], true);
        assert_eq!(labels(&plan), ["+acme / web", "-acme / checkout", "-acme / web"]);
    }

    #[test]
    fn what_a_wanted_organization_brings_with_it_stays() {
        let connections = Connections { wholes: vec![whole()], ..there() };
        assert_eq!(connections.plan(&[wanted(EVERY)], true), []);
        assert_eq!(labels(&there().plan(&[wanted(EVERY)], true)), ["+every project of acme"]);
        let plan = connections.plan(&[wanted("web")], true);
        assert_eq!(labels(&plan), ["-every project of acme", "-acme / checkout"]);
    }
}
