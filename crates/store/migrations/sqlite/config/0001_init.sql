-- Configuration: what people set up. Small, changed rarely, never dropped with a day.
-- Times are milliseconds since 1970; ids are the 63-bit numbers that their public form spells.

CREATE TABLE accounts (
    id         INTEGER PRIMARY KEY,
    -- UNIQUE makes the index that `account_named` uses, and refuses a second one of a name.
    name       TEXT    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id         INTEGER PRIMARY KEY,
    -- NULL: a key of the platform.
    account_id INTEGER,
    role       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    hint       TEXT    NOT NULL,
    -- SHA-256 of the key. The key itself is stored nowhere.
    hash       BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- Lists the keys of one account, newest first (the rowid is the id, and part of every index).
CREATE INDEX api_keys_by_account ON api_keys (account_id);

CREATE TABLE webhooks (
    id              INTEGER PRIMARY KEY,
    account_id      INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    -- A JSON object that only this crate reads; nothing is ever searched in it.
    settings        TEXT    NOT NULL,
    -- Secrets stand beside the settings, so that settings can be shown to a person at the shell
    -- without showing these.
    secret          TEXT    NOT NULL,
    previous_secret TEXT,
    previous_until  INTEGER,
    status          TEXT    NOT NULL,
    disabled_reason TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (account_id, number)
) STRICT;

-- Lists the webhooks of one account, newest first.
CREATE INDEX webhooks_by_account ON webhooks (account_id);

-- The last number given out in each account. A table of its own, because numbers outlive
-- their webhooks.
CREATE TABLE webhook_numbers (
    account_id INTEGER PRIMARY KEY,
    last       INTEGER NOT NULL
) STRICT;

CREATE TABLE event_types (
    account_id  INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    group_name  TEXT    NOT NULL,
    description TEXT    NOT NULL,
    -- A JSON array of strings.
    use_cases   TEXT    NOT NULL,
    schema      TEXT,
    sample      TEXT,
    deprecated  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
) STRICT, WITHOUT ROWID;

-- Hits counted in days whose files are gone. The hits of every other day stand in its own file,
-- in the transactions that hold the attempts; the sum is what a webhook shows.
CREATE TABLE folded_hits (
    webhook_id INTEGER PRIMARY KEY,
    count      INTEGER NOT NULL,
    last_at    INTEGER
) STRICT;

-- expired_before: days before this one (counted from 1970) are folded, and their files are to be
--                 deleted if they are still there.
-- last_event_id:  no event or delivery gets an id at or below this one.
-- last_config_id: the same for accounts, keys and webhooks; an id is never used twice, not even
--                 after what it named was deleted.
CREATE TABLE meta (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
