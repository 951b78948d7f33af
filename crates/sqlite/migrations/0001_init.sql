-- Times are milliseconds since 1970. JSON columns hold what the domain serialises; the columns beside them are there to
-- be looked up. `channel` is the JID in lower case, `jid` as it came. `owner` is `zoom:<account>` or
-- `sentry:<installation>`. A `sealed` column is an envelope of zentry-seal, bound to its owner, table, row and column.

PRAGMA application_id = 0x5a4e5452; -- "ZNTR"

-- `starts` counts the processes that opened the file, so that no lease of an earlier one is taken for one of ours.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
INSERT INTO meta (name, value) VALUES ('starts', 0);

-- What makes a repeat of a delivery recognisable. Where there is no `at` it is never swept.
CREATE TABLE delivery (
    key BLOB PRIMARY KEY,
    at INTEGER
) WITHOUT ROWID, STRICT;
CREATE INDEX delivery_by_age ON delivery (at);

CREATE TABLE subscription (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    project TEXT NOT NULL,
    org TEXT NOT NULL,
    slug TEXT NOT NULL,
    since INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (account, channel, project)
) STRICT;
CREATE INDEX subscription_by_project ON subscription (project);
CREATE INDEX subscription_by_slug ON subscription (org, slug);

CREATE TABLE card (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    handle TEXT NOT NULL,
    channel TEXT NOT NULL,
    issue TEXT NOT NULL,
    revision INTEGER NOT NULL,
    message TEXT,
    shown INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    storm TEXT,
    body TEXT NOT NULL,
    UNIQUE (account, handle),
    UNIQUE (account, channel, issue)
) STRICT;
CREATE INDEX card_by_issue ON card (issue);
CREATE INDEX card_by_opening ON card (account, channel, opened);
CREATE INDEX card_by_storm ON card (account, storm) WHERE storm IS NOT NULL;

-- One storm at a time in a channel.
CREATE TABLE storm (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    handle TEXT NOT NULL,
    channel TEXT NOT NULL,
    began INTEGER NOT NULL,
    ended INTEGER,
    message TEXT,
    said TEXT,
    scene TEXT NOT NULL,
    UNIQUE (account, handle)
) STRICT;
CREATE UNIQUE INDEX storm_on ON storm (account, channel) WHERE ended IS NULL;

-- When something was last heard of an issue.
CREATE TABLE heard (
    issue TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX heard_at ON heard (at);

-- `key` is the digest of the token. `sealed` holds the grant and, while it is awaited, the code and whose it is.
CREATE TABLE link (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    expires INTEGER NOT NULL,
    offered INTEGER NOT NULL,
    again INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    stage TEXT NOT NULL,
    state BLOB,
    cookie BLOB,
    sealed BLOB,
    body TEXT NOT NULL
) STRICT;
-- Nobody has two attempts that have not ended.
CREATE UNIQUE INDEX link_open ON link (account, user) WHERE stage <> 'ended';
CREATE INDEX link_by_person ON link (account, user, again, offered);
CREATE INDEX link_by_state ON link (state) WHERE state IS NOT NULL;
CREATE INDEX link_by_age ON link (expires);

CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (account, user)
) STRICT;

CREATE TABLE installation (
    id TEXT PRIMARY KEY,
    org TEXT NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX installation_by_org ON installation (org);

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    installer TEXT
) WITHOUT ROWID, STRICT;

-- Who has been seen where, and when last.
CREATE TABLE presence (
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    channel TEXT NOT NULL,
    jid TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, user, channel)
) WITHOUT ROWID, STRICT;
CREATE INDEX presence_by_channel ON presence (account, channel, at DESC, user);

-- Places to which nothing can be sent.
CREATE TABLE pause (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    jid TEXT NOT NULL,
    since INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (account, channel)
) WITHOUT ROWID, STRICT;

-- One row for each lane that holds a job. `due` is when its first job is, or when its owner's throttle ends.
CREATE TABLE lane (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    due INTEGER NOT NULL,
    UNIQUE (owner, name)
) STRICT;
CREATE INDEX lane_by_due ON lane (due);

-- Owners who must wait with everything.
CREATE TABLE throttle (
    owner TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

-- A job is `plain` where it holds nobody's words, and `sealed` otherwise. `counted`: it is a notice of the ledger.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    lane INTEGER NOT NULL REFERENCES lane (id) ON DELETE CASCADE,
    job TEXT NOT NULL UNIQUE,
    plain TEXT,
    sealed BLOB,
    attempts INTEGER NOT NULL DEFAULT 0,
    unknown INTEGER NOT NULL DEFAULT 0,
    since INTEGER NOT NULL,
    due INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    CHECK ((plain IS NULL) <> (sealed IS NULL))
) STRICT;
CREATE INDEX outbox_by_lane ON outbox (lane, seq);
CREATE INDEX outbox_equal ON outbox (lane, plain) WHERE plain IS NOT NULL;
CREATE INDEX outbox_counted ON outbox (counted) WHERE counted = 1;

CREATE TABLE dead (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    lane TEXT NOT NULL,
    sealed BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    since INTEGER NOT NULL,
    at INTEGER NOT NULL,
    why TEXT NOT NULL,
    counted INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_by_owner ON dead (owner);
CREATE INDEX dead_by_age ON dead (at);
CREATE INDEX dead_counted ON dead (counted) WHERE counted = 1;

-- Notices, by what became of them; `accepted` is all that there ever were. Those that wait or are dead are counted where
-- they are.
CREATE TABLE ledger (
    entry TEXT PRIMARY KEY,
    notices INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

-- Authentic bodies that could not be read. `body` is sealed, owned by `source:<source>`.
CREATE TABLE unreadable (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX unreadable_by_age ON unreadable (at);

CREATE TABLE credential (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID, STRICT;
