-- Channels that are connected to every project of an organization. Each project has a subscription of its own.
CREATE TABLE whole (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    org TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, channel, org)
) WITHOUT ROWID, STRICT;
CREATE INDEX whole_by_org ON whole (org);

-- Projects that do not join all the same: somebody disconnected them.
CREATE TABLE apart (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    project TEXT NOT NULL,
    PRIMARY KEY (account, channel, project)
) WITHOUT ROWID, STRICT;
