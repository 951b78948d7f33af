//! Sentry's JSON, read leniently: what is missing, null or of another type than expected is simply not known.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use zentry_domain::{
    Archive, Assignee, Fix, Identity, IssueId, Level, OrgSlug, ProjectId, ProjectKey, ProjectSlug, Status, Timestamp,
    text,
};

use crate::address::{self, Site};

/// In UTF-16 units. Longer than anything shown, and short enough to keep.
pub(crate) const TEXT_MAX: usize = 1_000;

/// A member of an organization. `user` is not there while an invitation waits; older servers say `role`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Member {
    #[serde(deserialize_with = "lenient")]
    user: Option<MemberUser>,
    org_role: Text,
    role: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MemberUser {
    id: Text,
    name: Text,
    email: Text,
    username: Text,
}

/// Members as people to whom an issue can be given; those of one name with what tells them apart.
pub(crate) fn people(members: &[Member]) -> Vec<Assignee> {
    let people: Vec<_> = members.iter().filter_map(|member| Some((member, member.assignee()?))).collect();
    let is_same =
        |name: Option<&str>, other: &str| name.is_some_and(|name| name.to_lowercase() == other.to_lowercase());
    let told = people.iter().map(|(member, assignee)| match assignee {
        Assignee::User { id, name } if people.iter().filter(|(_, one)| is_same(one.name(), name)).count() > 1 => {
            let name = member.handle().map_or_else(|| name.clone(), |handle| format!("{name} ({handle})"));
            Assignee::User { id: id.clone(), name }
        }
        assignee => assignee.clone(),
    });
    told.collect()
}

impl Member {
    /// What an address begins with, else what they sign in with.
    fn handle(&self) -> Option<&str> {
        let user = self.user.as_ref()?;
        let known = [user.email.get(), user.username.get()].into_iter().flatten();
        known.filter_map(|address| address.split('@').next()).find(|handle| !handle.is_empty())
    }

    /// Whether it is this person.
    pub(crate) fn is(&self, identity: &Identity) -> bool {
        self.user.as_ref().and_then(|user| user.id.get()) == Some(identity.id.as_str())
    }

    /// As somebody to whom an issue can be given; nobody while they are only invited.
    pub(crate) fn assignee(&self) -> Option<Assignee> {
        let user = self.user.as_ref()?;
        let name = user.name.kept().or_else(|| user.email.kept())?;
        Some(Assignee::User { id: user.id.get().filter(|id| is_number(id))?.to_owned(), name })
    }

    /// Whether they are an owner or a manager.
    pub(crate) fn manages(&self) -> bool {
        let role = self.org_role.get().or(self.role.get());
        role.is_some_and(|role| ["owner", "manager"].iter().any(|one| role.eq_ignore_ascii_case(one)))
    }
}

/// A team of a project.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Team {
    id: Text,
    slug: Text,
    name: Text,
}

impl Team {
    /// As somebody to whom an issue can be given.
    pub(crate) fn assignee(&self) -> Option<Assignee> {
        let name = self.slug.kept().or_else(|| self.name.kept())?;
        Some(Assignee::Team { id: self.id.get().filter(|id| is_number(id))?.to_owned(), name })
    }
}

fn is_number(id: &str) -> bool {
    address::issue_id(id).is_some()
}

/// An issue, in a webhook or from the API.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Issue {
    id: Text,
    short_id: Text,
    title: Text,
    culprit: Text,
    level: Text,
    status: Text,
    pub(crate) substatus: Text,
    #[serde(deserialize_with = "lenient")]
    status_details: Option<StatusDetails>,
    #[serde(deserialize_with = "lenient")]
    project: Option<ProjectRef>,
    #[serde(deserialize_with = "lenient")]
    metadata: Option<Metadata>,
    assigned_to: Holder,
    count: Text,
    user_count: Text,
    first_seen: Text,
    permalink: Text,
    url: Text,
    #[serde(rename = "web_url")]
    web_url: Text,
    #[serde(rename = "webUrl")]
    web_url_in_alerts: Text,
    #[serde(rename = "project_url")]
    project_url: Text,
}

impl Issue {
    /// Its number, without which nothing can be done.
    pub(crate) fn id(&self) -> Option<IssueId> {
        address::issue_id(self.id.get()?)
    }

    /// Whether enough of it is here to show it.
    pub(crate) fn is_whole(&self) -> bool {
        self.id().is_some() && self.title.get().is_some() && self.status.get().is_some()
    }

    /// Where it stands, if it says so: what is being deleted, merged or reprocessed stands nowhere.
    pub(crate) fn status(&self) -> Option<Status> {
        match self.status.get()? {
            "resolved" | "resolvedInNextRelease" => Some(Status::Resolved),
            "ignored" | "archived" => Some(Status::Archived),
            "unresolved" => Some(Status::Unresolved),
            _ => None,
        }
    }

    /// Until when it stays away, if it is archived. Servers before 2023 have no substatus, only details of what ends it.
    pub(crate) fn archive(&self) -> Archive {
        match self.substatus.get() {
            Some("archived_until_escalating") => Archive::UntilEscalating,
            Some("archived_forever") => Archive::Forever,
            Some("archived_until_condition_met") => self.condition().unwrap_or(Archive::UntilCondition),
            _ => self.condition().unwrap_or(Archive::Untold),
        }
    }

    fn condition(&self) -> Option<Archive> {
        self.status_details.as_ref().and_then(StatusDetails::condition)
    }

    /// The organization, from whichever address names it.
    pub(crate) fn org(&self) -> Option<OrgSlug> {
        [&self.url, &self.web_url, &self.web_url_in_alerts, &self.project_url, &self.permalink]
            .into_iter()
            .find_map(|address| address::org_in(address.get()?))
    }

    /// Its project, as far as it says.
    pub(crate) fn project(&self, org: Option<&OrgSlug>) -> ProjectKey {
        let project = self.project.as_ref();
        ProjectKey {
            org: org.cloned(),
            id: project.and_then(|project| project.id.project_id()),
            slug: project.and_then(|project| project.slug.get().map(ProjectSlug::new)),
        }
    }

    /// What a card shows of it.
    pub(crate) fn shown(&self, site: &Site, org: Option<&OrgSlug>) -> zentry_domain::Issue {
        let project = self.project(org).id;
        let page = |org| Some(site.issue_page(org, &self.id()?, project.as_ref()));
        zentry_domain::Issue {
            short_id: self.short_id.kept(),
            title: title(&self.title, self.metadata.as_ref()),
            culprit: self.culprit.kept(),
            frame: None,
            tags: Vec::new(),
            hidden: 0,
            level: self.level.get().map(Level::from_word),
            status: self.status(),
            events: self.count.number(),
            users: self.user_count.number(),
            release: None,
            environment: None,
            first_seen: self.first_seen.time(),
            assignee: self.assigned_to.assignee(),
            fix: self.status_details.as_ref().and_then(StatusDetails::fix),
            url: org.and_then(page),
        }
    }
}

/// The title, or what Sentry makes titles of; empty where there is neither.
pub(crate) fn title(title: &Text, metadata: Option<&Metadata>) -> String {
    let made = || {
        let metadata = metadata?;
        match (metadata.title.kept(), metadata.kind.kept(), metadata.value.kept()) {
            (Some(title), _, _) => Some(title),
            (None, Some(kind), Some(value)) => Some(text::cut(&format!("{kind}: {value}"), TEXT_MAX)),
            (None, kind, value) => kind.or(value),
        }
    };
    title.kept().or_else(made).unwrap_or_default()
}

/// What ends an archived issue's absence, and in what an issue was resolved.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StatusDetails {
    ignore_count: Text,
    ignore_until: Text,
    ignore_user_count: Text,
    ignore_user_window: Text,
    ignore_window: Text,
    in_release: Text,
    #[serde(deserialize_with = "lenient")]
    in_next_release: Option<bool>,
    in_commit: Option<IgnoredAny>,
}

impl StatusDetails {
    fn condition(&self) -> Option<Archive> {
        let others = [&self.ignore_user_count, &self.ignore_user_window, &self.ignore_window];
        let is_more = others.iter().any(|condition| condition.get().is_some());
        match (self.ignore_count.number(), self.ignore_until.time()) {
            (Some(events), None) if !is_more => Some(Archive::Events(events)),
            (None, Some(then)) if !is_more => Some(Archive::Until(then)),
            (None, None) if !is_more && self.ignore_count.get().or(self.ignore_until.get()).is_none() => None,
            _ => Some(Archive::UntilCondition),
        }
    }

    /// A release by its name, the one after the latest, or a commit (Sentry, issue object: statusDetails).
    fn fix(&self) -> Option<Fix> {
        let next = || self.in_next_release.filter(|next| *next).map(|_| Fix::In(zentry_domain::Release::Next));
        self.in_release.kept().map(Fix::Release).or_else(next).or_else(|| self.in_commit.as_ref().map(|_| Fix::Commit))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProjectRef {
    id: Text,
    slug: Text,
}

/// What an issue was recognised by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    title: Text,
    #[serde(rename = "type")]
    kind: Text,
    value: Text,
}

/// A person or a team.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    #[serde(rename = "type")]
    pub(crate) kind: Text,
    pub(crate) id: Text,
    pub(crate) name: Text,
    pub(crate) slug: Text,
}

/// Whose an issue is. That it is nobody's is said by `null`; a key that is not there says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
pub(crate) enum Holder {
    /// The key is not there.
    #[default]
    #[serde(skip)]
    Untold,
    /// `null`.
    Nobody,
    /// A person's or a team's.
    Somebody(Named),
    /// Something else.
    Other(IgnoredAny),
}

impl Holder {
    /// Whose it is, if that is said.
    pub(crate) fn assignee(&self) -> Option<Assignee> {
        match self {
            Self::Nobody => Some(Assignee::Nobody),
            Self::Somebody(who) => {
                let name = who.name.kept()?;
                let is_a = |word| who.kind.get().is_some_and(|kind| kind.eq_ignore_ascii_case(word));
                Some(match who.id.kept() {
                    Some(id) if is_a("user") => Assignee::User { id, name },
                    Some(id) if is_a("team") => Assignee::Team { id, name },
                    _ => Assignee::Somebody(name),
                })
            }
            Self::Untold | Self::Other(_) => None,
        }
    }
}

/// An organization of a list, or alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Organization {
    slug: Text,
    name: Text,
    #[serde(deserialize_with = "lenient")]
    links: Option<Links>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Links {
    region_url: Text,
}

impl Organization {
    /// The organization, if its slug is one.
    pub(crate) fn known(&self) -> Option<zentry_domain::Organization> {
        let slug = address::org_slug(self.slug.get()?)?;
        let name = self.name.kept().unwrap_or_else(|| slug.as_str().to_owned());
        Some(zentry_domain::Organization { slug, name })
    }

    /// Where it lives, as it claims.
    pub(crate) fn region(&self) -> Option<&str> {
        self.links.as_ref()?.region_url.get()
    }
}

/// A project of a list, or alone; only alone it says of which organization.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Project {
    id: Text,
    slug: Text,
    name: Text,
    has_access: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) organization: Option<Organization>,
}

impl Project {
    /// The project, if the asker may look into it: a closed organization lists also projects of foreign teams.
    pub(crate) fn accessible(&self, org: &zentry_domain::Organization) -> Option<zentry_domain::Project> {
        let slug = self.slug.get().filter(|slug| address::is_slug(slug))?;
        let project = zentry_domain::Project {
            org: org.slug.clone(),
            org_name: org.name.clone(),
            id: self.id.project_id()?,
            slug: ProjectSlug::new(slug),
            name: self.name.kept().unwrap_or_else(|| slug.to_owned()),
        };
        (self.has_access != Some(false)).then_some(project)
    }
}

/// The list of regions that a user has data in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Regions {
    pub(crate) regions: Vec<Region>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Region {
    pub(crate) url: Text,
}

/// One occurrence of an issue, as the API shows it. Its environment is a tag.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Occurrence {
    #[serde(rename = "eventID")]
    event_id: Text,
    #[serde(rename = "dateCreated")]
    date_created: Text,
    #[serde(deserialize_with = "lenient")]
    tags: Option<Vec<Tag>>,
    #[serde(deserialize_with = "lenient")]
    release: Option<Release>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Release {
    pub(crate) version: Text,
}

impl Occurrence {
    /// Whether it is one at all.
    pub(crate) fn is_one(&self) -> bool {
        self.event_id.get().is_some()
    }

    /// When it was.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.date_created.get().and_then(Timestamp::parse)
    }

    /// What filters ask for; `None` where it does not tell its tags.
    pub(crate) fn told(&self) -> Option<zentry_domain::Occurrence> {
        let tags = self.tags.as_ref()?;
        let release = self.release.as_ref().and_then(|release| release.version.kept());
        Some(occurrence(tags, None, release))
    }
}

/// What filters ask for. The environment and the release are tags, if they are nothing else.
pub(crate) fn occurrence(
    tags: &[Tag],
    environment: Option<String>,
    release: Option<String>,
) -> zentry_domain::Occurrence {
    let tagged = |name| tags.iter().find_map(|tag| tag.named(name))?.kept();
    zentry_domain::Occurrence {
        environment: environment.or_else(|| tagged("environment")),
        release: release.or_else(|| tagged("release")),
        tags: tags.iter().filter_map(Tag::kept).collect(),
    }
}

/// One tag of an event.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Tag {
    /// As webhooks have them.
    Pair(Text, Text),
    /// As the API has them.
    Object {
        /// Its name.
        key: Text,
        /// What it says.
        value: Text,
    },
    /// Something else.
    Other(IgnoredAny),
}

impl Tag {
    /// Its name and value, where it has both.
    fn kept(&self) -> Option<(String, String)> {
        let (Self::Pair(key, value) | Self::Object { key, value }) = self else { return None };
        Some((key.kept()?, value.kept()?))
    }

    /// Its value, if it is the one of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Text> {
        let (Self::Pair(key, value) | Self::Object { key, value }) = self else { return None };
        (key.get() == Some(name)).then_some(value)
    }
}

// === how leniently ===

/// A string, or a number in its place. Anything else counts as missing.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Scalar")]
pub(crate) struct Text(Option<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Other(IgnoredAny),
}

impl From<Scalar> for Text {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => Self(Some(text)),
            Scalar::Number(number) => Self(Some(number.to_string())),
            Scalar::Other(_) => Self(None),
        }
    }
}

impl Text {
    /// What it says; `None` also where that is nothing but white space.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    /// What it says, cut to what is worth keeping.
    pub(crate) fn kept(&self) -> Option<String> {
        self.get().map(|text| text::cut(text, TEXT_MAX))
    }

    /// The count that it says.
    pub(crate) fn number(&self) -> Option<u64> {
        self.get()?.parse().ok()
    }

    /// The moment that it says.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        Timestamp::parse(self.get()?)
    }

    /// The project's number that it says.
    pub(crate) fn project_id(&self) -> Option<ProjectId> {
        self.get().filter(|id| address::is_slug(id)).map(ProjectId::new)
    }
}

/// Something that is small; where it is not what is expected, it counts as missing.
pub(crate) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Maybe<T> {
        Expected(T),
        Other(IgnoredAny),
    }
    Ok(match Maybe::deserialize(deserializer)? {
        Maybe::Expected(value) => Some(value),
        Maybe::Other(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_one_name_are_told_apart_by_their_address_or_what_they_sign_in_with() {
        let members = r#"[
            {"user": {"id": "1", "name": "Ben Ode", "email": "ben.ode@acme.io"}},
            {"user": {"id": "2", "name": "ben ode", "username": "bode"}},
            {"user": {"id": "3", "name": "Ben Ode"}},
            {"user": {"id": "4", "name": "Ana", "email": "ana@acme.io"}},
            {"user": null, "email": "invited@acme.io"}
        ]"#;
        let members: Vec<Member> = serde_json::from_str(members).expect("read");
        let told: Vec<_> = people(&members).iter().map(|one| one.name().unwrap_or_default().to_owned()).collect();
        assert_eq!(told, ["Ben Ode (ben.ode)", "ben ode (bode)", "Ben Ode", "Ana"]);
    }

    fn read(json: &str) -> Issue {
        serde_json::from_str(json).expect("an issue")
    }

    fn cloud() -> Site {
        Site::new(&"https://sentry.io".parse().unwrap())
    }

    #[test]
    fn numbers_and_strings_stand_for_each_other() {
        for json in [r#"{"id":42,"count":12,"userCount":"3"}"#, r#"{"id":"42","count":"12","userCount":3}"#] {
            let issue = read(json);
            let shown = issue.shown(&cloud(), None);
            assert_eq!(issue.id(), Some(IssueId::new("42")));
            assert_eq!((shown.events, shown.users), (Some(12), Some(3)));
        }
    }

    #[test]
    fn what_has_another_shape_is_not_known() {
        let issue = read(
            r#"{"id":"42","title":["a"],"culprit":{"deep":[{}]},"level":true,"count":-1.5,"project":"web",
                "metadata":7,"assignedTo":[1,{"x":2}],"firstSeen":"yesterday","shortId":null}"#,
        );
        let shown = issue.shown(&cloud(), Some(&OrgSlug::new("acme")));
        let url = Some("https://sentry.io/organizations/acme/issues/42/".to_owned());
        assert_eq!(shown, zentry_domain::Issue { url, ..zentry_domain::Issue::default() });
    }

    #[test]
    fn a_status_that_we_do_not_know_is_not_made_up() {
        let status = |json| read(json).shown(&cloud(), None).status;
        assert_eq!(status(r#"{"status":"unresolved"}"#), Some(Status::Unresolved));
        for json in [r#"{"status":"pending_deletion"}"#, r#"{"status":"reprocessing"}"#, r#"{"status":null}"#, "{}"] {
            assert_eq!(status(json), None, "{json}");
        }
    }

    #[test]
    fn nobodys_issue_is_told_from_one_of_which_nothing_is_said() {
        for (json, expected) in [
            (r#"{"assignedTo":null}"#, Some(Assignee::Nobody)),
            (
                r#"{"assignedTo":{"type":"team","id":"5","name":"payments"}}"#,
                Some(Assignee::Team { id: "5".into(), name: "payments".into() }),
            ),
            (r#"{"assignedTo":{"type":"team","name":"payments"}}"#, Some(Assignee::Somebody("payments".into()))),
            (
                r#"{"assignedTo":{"type":"user","id":8,"name":"Ben"}}"#,
                Some(Assignee::User { id: "8".into(), name: "Ben".into() }),
            ),
            (r#"{"assignedTo":{"type":"user","name":"Ben"}}"#, Some(Assignee::Somebody("Ben".into()))),
            (r#"{"assignedTo":{"type":"user","id":"8"}}"#, None),
            (r#"{"assignedTo":"user:8"}"#, None),
            ("{}", None),
        ] {
            assert_eq!(read(json).shown(&cloud(), None).assignee, expected, "{json}");
        }
    }

    #[test]
    fn how_long_an_issue_stays_archived_is_read_from_either_place() {
        for (json, expected) in [
            (r#"{"substatus":"archived_until_escalating"}"#, Archive::UntilEscalating),
            (r#"{"substatus":"archived_until_condition_met"}"#, Archive::UntilCondition),
            (r#"{"substatus":"archived_forever","statusDetails":{"ignoreCount":9}}"#, Archive::Forever),
            (r#"{"statusDetails":{"ignoreCount":100,"ignoreUntil":null}}"#, Archive::Events(100)),
            (
                r#"{"substatus":"archived_until_condition_met","statusDetails":{"ignoreCount":"10"}}"#,
                Archive::Events(10),
            ),
            (
                r#"{"substatus":null,"statusDetails":{"ignoreUntil":"2026-01-03T00:00:00Z"}}"#,
                Archive::Until(Timestamp(1_767_398_400_000)),
            ),
            (r#"{"statusDetails":{"ignoreUntil":"soon"}}"#, Archive::UntilCondition),
            (r#"{"statusDetails":{"ignoreCount":100,"ignoreWindow":60}}"#, Archive::UntilCondition),
            (r#"{"statusDetails":{"ignoreUserCount":10,"ignoreUserWindow":60}}"#, Archive::UntilCondition),
            (r#"{"statusDetails":{"ignoreCount":null,"actor":{"id":"7"}}}"#, Archive::Untold),
            (r#"{"statusDetails":{}}"#, Archive::Untold),
            (r#"{"statusDetails":[]}"#, Archive::Untold),
            ("{}", Archive::Untold),
        ] {
            assert_eq!(read(json).archive(), expected, "{json}");
        }
    }

    #[test]
    fn in_what_an_issue_was_resolved_is_read_where_it_is_told() {
        for (details, expected) in [
            (r#"{"inRelease":"2.4.2"}"#, Some(Fix::Release("2.4.2".into()))),
            (r#"{"inNextRelease":true}"#, Some(Fix::In(zentry_domain::Release::Next))),
            (r#"{"inNextRelease":false}"#, None),
            (r#"{"inCommit":{"id":"c0ffee"}}"#, Some(Fix::Commit)),
            (r#"{"inCommit":null,"inRelease":null,"inNextRelease":null,"actor":{"id":"7"}}"#, None),
            ("[]", None),
        ] {
            let issue = read(&format!(r#"{{"statusDetails":{details}}}"#));
            assert_eq!(issue.shown(&cloud(), None).fix, expected, "{details}");
        }
    }

    #[test]
    fn a_number_that_is_none_is_no_issue() {
        for id in [r#""../1""#, r#""""#, "null", "-1", "1.5", "{}", r#""123456789012345678901""#] {
            assert_eq!(read(&format!(r#"{{"id":{id}}}"#)).id(), None, "{id}");
        }
    }

    #[test]
    fn a_missing_title_is_made_of_what_the_issue_was_recognised_by() {
        let titled = |json| read(json).shown(&cloud(), None).title;
        let metadata = r#"{"title":"","metadata":{"type":"TypeError","value":"x is undefined"}}"#;
        assert_eq!(titled(metadata), "TypeError: x is undefined");
        assert_eq!(titled(r#"{"title":"Boom","metadata":{"title":"Bang"}}"#), "Boom");
        assert_eq!(titled(r#"{"metadata":{"title":"Bang"}}"#), "Bang");
        assert_eq!(titled("{}"), "");
    }

    #[test]
    fn a_title_of_a_megabyte_is_not_kept() {
        let long = "x".repeat(1_000_000);
        let title = read(&format!(r#"{{"title":"{long}"}}"#)).shown(&cloud(), None).title;
        assert_eq!(title.encode_utf16().count(), TEXT_MAX);
    }

    #[test]
    fn projects_of_foreign_teams_are_left_out() {
        let acme = zentry_domain::Organization { slug: OrgSlug::new("acme"), name: "Acme Inc.".into() };
        let project = |json| serde_json::from_str::<Project>(json).unwrap().accessible(&acme);
        assert!(project(r#"{"id":3,"slug":"web","hasAccess":true}"#).is_some());
        assert_eq!(project(r#"{"id":"3","slug":"web"}"#).unwrap().name, "web");
        assert_eq!(project(r#"{"id":"3","slug":"web","hasAccess":false}"#), None);
        assert_eq!(project(r#"{"id":"3","slug":"../web"}"#), None);
    }
}
