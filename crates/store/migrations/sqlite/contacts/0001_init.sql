-- Contacts, and what brings them in. One file, so that a change, the request it came with, its hit
-- and the note of its event are one transaction; not the configuration's, because an import writes
-- hundreds of megabytes.
-- Times are milliseconds since 1970; ids are the 63-bit numbers that their public form spells.

CREATE TABLE powerlists (
    -- Stands for the list in the rows and words of its contacts, where an id would be long.
    -- AUTOINCREMENT: the rows of a list that was deleted stay a while, and must not turn up on
    -- another.
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    id              INTEGER NOT NULL UNIQUE,
    account_id      INTEGER NOT NULL,
    name            TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    default_country TEXT    NOT NULL,
    -- How many are on it.
    contacts        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (account_id, name)
) STRICT;

-- Lists the powerlists of one account, newest first.
CREATE INDEX powerlists_by_account ON powerlists (account_id, id);

-- Lists whose contacts are to be swept away.
CREATE TABLE deleted_powerlists (
    number INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE contacts (
    id           INTEGER PRIMARY KEY,
    -- The list's number. Whose a contact is, its list says.
    list         INTEGER NOT NULL,
    -- The digits of the E.164 form: at most 15, and the first is never a 0.
    phone_number INTEGER NOT NULL,
    -- A JSON object that only this crate reads; what is searched in it is in contact_words.
    fields       TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (list, phone_number)
) STRICT;

-- Lists the contacts of one list, newest first (the rowid is the id, and part of every index).
CREATE INDEX contacts_by_list ON contacts (list);

-- What contacts are found by. Each word has the number of its list in front and a letter for what
-- it is, so that a search never sees the words of another list. The rowid is the contact's id;
-- which words a contact has is kept nowhere but in its fields (content = '').
CREATE VIRTUAL TABLE contact_words USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
-- Fewer and larger merges than FTS5's own 4: see examples/contacts_cost.rs.
INSERT INTO contact_words (contact_words, rank) VALUES ('automerge', 8);

-- Events that are to be raised, until they are.
CREATE TABLE contact_events (
    -- The note.
    id         INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    -- 'created', 'updated' or 'deleted'.
    edited     TEXT    NOT NULL,
    -- The contact as it was then, as JSON.
    contact    TEXT    NOT NULL,
    reason     TEXT,
    at         INTEGER NOT NULL,
    hops       INTEGER NOT NULL
) STRICT;

CREATE TABLE inbound_requests (
    id             INTEGER PRIMARY KEY,
    account_id     INTEGER NOT NULL,
    webhook_id     INTEGER NOT NULL,
    operation      TEXT    NOT NULL,
    -- The verdict's one word: what a list can be narrowed to.
    verdict        TEXT    NOT NULL,
    -- All of the verdict, as JSON.
    verdict_json   TEXT    NOT NULL,
    received_at    INTEGER NOT NULL,
    remote_address TEXT,
    replay_of      INTEGER,
    hops           INTEGER NOT NULL,
    query          TEXT    NOT NULL,
    -- A JSON array of [name, value].
    headers        TEXT    NOT NULL,
    -- Last: it is the long one.
    body           BLOB    NOT NULL
) STRICT;

-- Lists the requests of one inbound webhook, newest first, and sweeps its oldest.
CREATE INDEX inbound_requests_by_webhook ON inbound_requests (webhook_id);

CREATE TABLE inbound_keys (
    webhook_id   INTEGER NOT NULL,
    -- SHA-256 of the idempotency key.
    key_hash     BLOB    NOT NULL,
    request_hash BLOB    NOT NULL,
    verdict_json TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (webhook_id, key_hash)
) STRICT;

-- Finds what is over.
CREATE INDEX inbound_keys_by_time ON inbound_keys (at);

CREATE TABLE inbound_hits (
    webhook_id INTEGER PRIMARY KEY,
    count      INTEGER NOT NULL,
    last_at    INTEGER,
    -- Rows of inbound_requests.
    kept       INTEGER NOT NULL
) STRICT;

CREATE TABLE imports (
    id           INTEGER PRIMARY KEY,
    account_id   INTEGER NOT NULL,
    powerlist_id INTEGER NOT NULL,
    -- A JSON object that only this crate reads.
    settings     TEXT    NOT NULL,
    file_bytes   INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    error        TEXT,
    rows         INTEGER,
    bytes_done   INTEGER NOT NULL DEFAULT 0,
    rows_done    INTEGER NOT NULL DEFAULT 0,
    created      INTEGER NOT NULL DEFAULT 0,
    updated      INTEGER NOT NULL DEFAULT 0,
    unchanged    INTEGER NOT NULL DEFAULT 0,
    skipped      INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    ended_at     INTEGER
) STRICT;

-- Lists the imports of one account, newest first.
CREATE INDEX imports_by_account ON imports (account_id);

-- The few that are not over.
CREATE INDEX imports_open ON imports (powerlist_id) WHERE ended_at IS NULL;

CREATE TABLE import_skips (
    import_id INTEGER NOT NULL,
    -- From 0: the order of the file.
    position  INTEGER NOT NULL,
    line      INTEGER NOT NULL,
    reason    TEXT    NOT NULL,
    text      TEXT    NOT NULL,
    PRIMARY KEY (import_id, position)
) STRICT, WITHOUT ROWID;

-- last_id: nothing in this file gets an id at or below this one; an id is never used twice, not
--          even after what it named was deleted.
CREATE TABLE meta (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
