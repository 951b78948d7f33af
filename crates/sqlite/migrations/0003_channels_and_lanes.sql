-- When what a channel is connected to was last changed: a command that arrives late must not undo what came after it.
CREATE TABLE channel (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (account, channel)
) WITHOUT ROWID, STRICT;

-- Lanes of messages and those that ask Sentry are looked for apart: however many of the one wait, the others are found.
CREATE INDEX lane_of_messages ON lane (due, id) WHERE owner GLOB 'zoom:*';
CREATE INDEX lane_of_questions ON lane (due, id) WHERE owner GLOB 'sentry:*';

-- Changes of a channel's connections that can be taken back. `body` says what was changed.
CREATE TABLE undo (
    account TEXT NOT NULL,
    handle TEXT NOT NULL,
    expires INTEGER NOT NULL,
    place TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, handle)
) WITHOUT ROWID, STRICT;
CREATE INDEX undo_by_age ON undo (expires);

-- Installations that were removed: what one of them still tells is of no concern.
CREATE TABLE removed (
    installation TEXT PRIMARY KEY
) WITHOUT ROWID, STRICT;
