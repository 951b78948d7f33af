-- People who do not want to be called where an issue is theirs.
CREATE TABLE unmentioned (
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (account, user)
) WITHOUT ROWID, STRICT;

-- Whose an issue is at Sentry.
CREATE INDEX person_by_identity ON person (account, body ->> '$.identity.id', user);
