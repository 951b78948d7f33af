-- How a channel wants its cards. Its subscriptions and cards hold the same.
CREATE TABLE settings (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, channel)
) WITHOUT ROWID, STRICT;

-- Cards that were never posted, because their filter left them out: they go when nothing is heard of their issue any more.
CREATE INDEX card_unopened ON card (issue) WHERE opened = 0;
