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
