-- In which environments an issue was seen, and since when. Issue numbers are unique in one Sentry.
CREATE TABLE sighting (
    issue TEXT NOT NULL,
    environment TEXT NOT NULL,
    org TEXT NOT NULL,
    project TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (issue, environment)
) WITHOUT ROWID, STRICT;

CREATE INDEX sighting_by_project ON sighting (org, project);
CREATE INDEX sighting_by_time ON sighting (at);
