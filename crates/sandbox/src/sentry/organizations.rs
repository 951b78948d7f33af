//! Organizations, projects, members and teams.

use serde_json::{Value, json};

use super::{
    refusal::forbidden,
    rest::Rest,
    state::Caller,
    world::{Organization, Project, Team, User},
};
use crate::http::Answer;

const LONG_AGO: &str = "2024-01-02T03:04:05.000000Z";

impl Rest<'_> {
    pub(super) fn who_am_i(&self) -> Result<Answer, Answer> {
        let user = match self.caller() {
            Caller::User(id) => self.state.world.user_by_id(id),
            _ => None,
        };
        let user = user.ok_or_else(|| forbidden("only people are somebody"))?;
        Ok(Answer::json(200, &described_user(user)))
    }

    pub(super) fn organizations(&self) -> Result<Answer, Answer> {
        self.permit(None, &["org:read"])?;
        let mine = self.state.world.organizations.iter().filter(|organization| self.reaches(organization.id));
        let mine: Vec<_> = mine.map(|organization| self.described_organization(organization)).collect();
        self.page(&mine, "per_page")
    }

    pub(super) fn one_organization(&self, named: &str) -> Result<Answer, Answer> {
        let organization = self.organization(named, &["org:read"])?;
        Ok(Answer::json(200, &self.described_organization(&organization)))
    }

    pub(super) fn projects(&self, organization: &str) -> Result<Answer, Answer> {
        let organization = self.organization(organization, &["org:read"])?;
        let query = self.request.query_value("query").unwrap_or_default().to_lowercase();
        let wanted = |project: &&Project| {
            let named = project.slug.contains(&query) || project.name.to_lowercase().contains(&query);
            project.organization == organization.id && named
        };
        let projects = self.state.world.projects.iter().filter(wanted);
        let projects: Vec<_> = projects.map(|project| self.described_project(project)).collect();
        self.page(&projects, "per_page")
    }

    pub(super) fn one_project(&self, organization: &str, named: &str) -> Result<Answer, Answer> {
        let project = self.project(organization, named, &["project:read"])?;
        let mut described = self.described_project(&project);
        let organization = self.state.world.organization_by_id(project.organization);
        described["organization"] =
            organization.map_or(Value::Null, |organization| self.described_organization(organization));
        Ok(Answer::json(200, &described))
    }

    pub(super) fn members(&self, organization: &str) -> Result<Answer, Answer> {
        let organization = self.organization(organization, &["member:read"])?;
        let members = self.described_members(organization.id, |_| true);
        self.page(&members, "per_page")
    }

    pub(super) fn project_members(&self, organization: &str, project: &str) -> Result<Answer, Answer> {
        let project = self.project(organization, project, &["project:read"])?;
        let members =
            self.described_members(project.organization, |user| self.state.world.is_on_project(user.id, project.id));
        self.page(&members, "per_page")
    }

    pub(super) fn project_teams(&self, organization: &str, project: &str) -> Result<Answer, Answer> {
        let project = self.project(organization, project, &["project:read"])?;
        let teams: Vec<_> = self.teams_of(&project).map(described_team).collect();
        self.page(&teams, "per_page")
    }

    fn teams_of(&self, project: &Project) -> impl Iterator<Item = &Team> {
        let id = project.id;
        self.state.world.teams.iter().filter(move |team| team.projects.contains(&id))
    }

    fn described_organization(&self, organization: &Organization) -> Value {
        json!({
            "id": organization.id.to_string(),
            "slug": organization.slug,
            "name": organization.name,
            "status": { "id": "active", "name": "active" },
            "dateCreated": LONG_AGO,
            "isEarlyAdopter": false,
            "require2FA": false,
            "avatar": { "avatarType": "letter_avatar", "avatarUuid": null },
            "features": [],
            "links": {
                "organizationUrl": format!("{}/organizations/{}", self.base, organization.slug),
                "regionUrl": self.base,
            },
        })
    }

    fn described_project(&self, project: &Project) -> Value {
        let is_member = match self.caller() {
            Caller::User(user) => self.state.world.is_on_project(user, project.id),
            _ => true,
        };
        let teams: Vec<_> = self.teams_of(project).map(described_team).collect();
        let latest = self.state.releases(project.id).last();
        json!({
            "id": project.id.to_string(),
            "slug": project.slug,
            "name": project.name,
            "platform": project.platform,
            "isMember": is_member,
            "hasAccess": true,
            "isBookmarked": false,
            "teams": teams,
            "environments": ["production"],
            "dateCreated": LONG_AGO,
            "latestRelease": latest.map(|version| json!({ "version": version })),
        })
    }

    fn described_members(&self, organization: u64, wanted: impl Fn(&User) -> bool) -> Vec<Value> {
        let world = &self.state.world;
        let members = world.memberships.iter().filter(|(_, of, _)| *of == organization);
        let members = members.filter_map(|(user, _, role)| Some((world.user_by_id(*user)?, role)));
        let described = members.filter(|(user, _)| wanted(user)).map(|(user, role)| {
            json!({
                // The id of the membership: assigning by it instead of the user's is a mistake to be found.
                "id": (900_000 + user.id).to_string(),
                "email": user.email,
                "name": user.name,
                "user": described_user(user),
                "orgRole": role.name(),
                "pending": false,
                "expired": false,
                "dateCreated": LONG_AGO,
            })
        });
        described.collect()
    }
}

fn described_user(user: &User) -> Value {
    json!({
        "id": user.id.to_string(), "name": user.name, "email": user.email, "username": user.email, "isActive": true
    })
}

fn described_team(team: &Team) -> Value {
    json!({ "id": team.id.to_string(), "slug": team.slug, "name": team.slug, "memberCount": team.members.len() })
}
