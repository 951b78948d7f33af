-- When what a channel is connected to was last changed: a command that arrives late must not undo what came after it.
CREATE TABLE channel (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (account, channel)
) WITHOUT ROWID, STRICT;
