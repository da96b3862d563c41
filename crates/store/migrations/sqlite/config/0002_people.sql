-- People who sign in, and what was changed by whom.

CREATE TABLE users (
    id              INTEGER PRIMARY KEY,
    -- NULL: may act in every account.
    account_id      INTEGER,
    -- UNIQUE makes the index that signing in uses, and refuses a second one of an address.
    email           TEXT    NOT NULL UNIQUE,
    name            TEXT    NOT NULL,
    role            TEXT    NOT NULL,
    -- argon2id in the PHC form. NULL: none was set yet.
    password        TEXT,
    created_at      INTEGER NOT NULL,
    last_sign_in_at INTEGER
) STRICT;

-- Tells whether an account, or the platform, has another owner.
CREATE INDEX users_by_account ON users (account_id);

CREATE TABLE sessions (
    -- SHA-256 of the token. The token itself is stored nowhere.
    hash         BLOB    PRIMARY KEY,
    user_id      INTEGER NOT NULL,
    -- 'password' or 'link'.
    signed_in_by TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ends a user's sessions, oldest first.
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);

-- Links that let somebody in once.
CREATE TABLE sign_in_links (
    -- SHA-256 of the token.
    hash       BLOB    PRIMARY KEY,
    -- NULL: the first owner, who is made when the link is used.
    user_id    INTEGER,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A new link of a user ends the one before.
CREATE INDEX sign_in_links_by_user ON sign_in_links (user_id);

CREATE TABLE audit_log (
    id             INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    -- NULL: about the platform.
    account_id     INTEGER,
    actor_type     TEXT    NOT NULL,
    -- Actors and targets by the names they had then: nothing here is joined to anything.
    actor_id       TEXT,
    actor_name     TEXT    NOT NULL,
    action         TEXT    NOT NULL,
    target_type    TEXT,
    target_id      TEXT,
    target_name    TEXT,
    -- A JSON array of [field, before, after].
    changes        TEXT    NOT NULL,
    remote_address TEXT
) STRICT;
