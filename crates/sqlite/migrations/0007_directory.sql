-- Accounts whose directory may be read: since when, until when it is left alone, and when its channels' names were last read.
CREATE TABLE directory (
    account TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    rests INTEGER NOT NULL,
    named INTEGER
) WITHOUT ROWID, STRICT;

-- Channels whose members were read, and when. `jid` as it came.
CREATE TABLE directory_channel (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    jid TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, channel)
) WITHOUT ROWID, STRICT;
CREATE INDEX directory_channel_by_age ON directory_channel (at);

CREATE TABLE directory_member (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (account, user, channel)
) WITHOUT ROWID, STRICT;
CREATE INDEX directory_member_by_channel ON directory_member (account, channel);

-- What people are in their account: `administrator`, `member` or `guest`.
CREATE TABLE directory_rank (
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    rank TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, user)
) WITHOUT ROWID, STRICT;
CREATE INDEX directory_rank_by_age ON directory_rank (at) WHERE rank <> 'guest';
