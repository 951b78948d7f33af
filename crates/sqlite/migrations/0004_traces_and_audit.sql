-- What became of each thing that Sentry told, by channel. `short` is the issue's short id in upper case, where it was told.
CREATE TABLE trace (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    issue TEXT NOT NULL,
    short TEXT,
    at INTEGER NOT NULL,
    told TEXT,
    verdict TEXT NOT NULL
) STRICT;
CREATE INDEX trace_by_issue ON trace (account, channel, issue);
CREATE INDEX trace_by_short ON trace (account, channel, short) WHERE short IS NOT NULL;
CREATE INDEX trace_by_age ON trace (at);

-- Who changed what, and what came of it.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    result TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_account ON audit (account);
