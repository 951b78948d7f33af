//! In which environments issues were seen.

use zentry_domain::{IssueId, OrgSlug, ProjectId, Sighted, Sighting, Timestamp};

use crate::db::Db;
use crate::error::Fault;

pub(crate) const SIGHTINGS: &str = "SELECT environment, at FROM sighting WHERE issue = ?1";
pub(crate) const TELLS_WHERE: &str = "SELECT 1 FROM sighting WHERE org = ?1 AND project = ?2 LIMIT 1";
const SIGHT: &str = "INSERT OR IGNORE INTO sighting (issue, environment, org, project, at) VALUES (?1, ?2, ?3, ?4, ?5)";

impl Db {
    pub(crate) fn sight(&self, sighted: &Sighted) -> Result<(), Fault> {
        let Sighted { org, project, issue, sighting } = sighted;
        let row = (issue.as_str(), &sighting.environment, org.as_str(), project.as_str(), sighting.at.0);
        self.change(SIGHT, row).map(drop)
    }

    pub(crate) fn sightings(&self, issue: &IssueId) -> Result<Vec<Sighting>, Fault> {
        self.all(SIGHTINGS, [issue.as_str()], |row| {
            Ok(Sighting { environment: row.get(0)?, at: Timestamp(row.get(1)?) })
        })
    }

    pub(crate) fn tells_where(&self, org: &OrgSlug, project: &ProjectId) -> Result<bool, Fault> {
        Ok(self.first(TELLS_WHERE, [org.as_str(), project.as_str()], |_| Ok(()))?.is_some())
    }
}
