-- How a channel wants its cards. Its subscriptions and cards hold the same.
CREATE TABLE settings (
    account TEXT NOT NULL,
    channel TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, channel)
) WITHOUT ROWID, STRICT;
