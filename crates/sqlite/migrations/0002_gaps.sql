-- How each organization's webhooks come in: when the last one came, the usual pause in milliseconds, until when everything
-- has arrived or was read at Sentry, and whether people know that it is silent.
CREATE TABLE pulse (
    org TEXT PRIMARY KEY,
    last INTEGER,
    usual INTEGER,
    reconciled INTEGER,
    told INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX pulse_by_last ON pulse (last);

-- When the account installed the bot; unknown of those that did before this was asked.
ALTER TABLE account ADD COLUMN since INTEGER;

-- One card that stands for many no longer tells of storms alone.
ALTER TABLE storm RENAME TO roundup;
ALTER TABLE card RENAME COLUMN storm TO roundup;
