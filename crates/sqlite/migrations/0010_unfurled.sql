-- Messages that hold addresses of which we may show more, and how many.
CREATE TABLE shared (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    message TEXT NOT NULL,
    links INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, channel, message)
) WITHOUT ROWID, STRICT;

CREATE INDEX shared_by_time ON shared (at);

-- Issues of which more was shown because somebody posted their address.
CREATE TABLE unfurled (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    issue TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, channel, issue)
) WITHOUT ROWID, STRICT;

CREATE INDEX unfurled_by_time ON unfurled (at);
