-- Hooks of ours in projects at Sentry, by the digest of the token in their address. They serve every account; `maker` is
-- the account and `maker_user` the person whose grant made one, until that account is purged; one is `stranded` that ended and that
-- nobody can delete at Sentry any more. Their secrets are credentials of their own.
CREATE TABLE hook (
    token BLOB PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    maker TEXT,
    maker_user TEXT,
    ended INTEGER,
    stranded INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

CREATE INDEX hook_by_maker ON hook (maker) WHERE maker IS NOT NULL;
CREATE INDEX hook_by_end ON hook (ended) WHERE ended IS NOT NULL;
