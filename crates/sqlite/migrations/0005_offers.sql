-- What the buttons of messages do that offer commands. `body` is the list of them.
CREATE TABLE offer (
    account TEXT NOT NULL,
    handle TEXT NOT NULL,
    expires INTEGER NOT NULL,
    place TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, handle)
) WITHOUT ROWID, STRICT;
CREATE INDEX offer_by_age ON offer (expires);
