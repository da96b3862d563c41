-- What became of the deliveries of one UTC day's events. Everything that one recorder transaction
-- must change together stands in this one file: rows, attempts, what is outstanding, hits,
-- rollups and the low-water mark.

CREATE TABLE deliveries (
    -- Follows the event's id, so that an event's deliveries are a range and a list newest first
    -- is a walk backwards.
    id                INTEGER PRIMARY KEY,
    event_id          INTEGER NOT NULL,
    account_id        INTEGER NOT NULL,
    webhook_id        INTEGER NOT NULL,
    event_type        TEXT    NOT NULL,
    trigger           INTEGER NOT NULL,
    -- 0 pending, 1 retrying, 2 delivered, 3 failed, 4 cancelled.
    state             INTEGER NOT NULL,
    -- When it is due (0, 1) or when it ended (2, 3, 4).
    state_at          INTEGER NOT NULL,
    attempts          INTEGER NOT NULL,
    used              INTEGER NOT NULL,
    first_deferred_at INTEGER,
    -- Of the newest attempt; last_outcome is NULL if there was none.
    last_outcome      INTEGER,
    last_status_code  INTEGER,
    last_error        TEXT,
    last_started_at   INTEGER,
    last_duration_ms  INTEGER
) STRICT;

-- The log of one webhook, newest first: the rowid is part of the index, and nothing is sorted.
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id);

-- What failed, of one webhook and of a whole account: asked for most when most is delivered, and
-- a failure every few hundred thousand rows must not cost a walk over those rows. Partial, so
-- that a delivery that does not fail pays nothing.
CREATE INDEX failed_by_webhook ON deliveries (webhook_id) WHERE state = 3;
CREATE INDEX failed_by_account ON deliveries (account_id) WHERE state = 3;

-- What is not finished, of one webhook: listed, and counted for its health. A delivery that
-- succeeds at once is never in it. (For a whole account the outstanding table is walked.)
CREATE INDEX unfinished_by_webhook ON deliveries (webhook_id) WHERE state <= 1;

CREATE TABLE attempts (
    delivery_id      INTEGER NOT NULL,
    number           INTEGER NOT NULL,
    trigger          INTEGER NOT NULL,
    outcome          INTEGER NOT NULL,
    status_code      INTEGER,
    error            TEXT,
    started_at       INTEGER NOT NULL,
    duration_ms      INTEGER NOT NULL,
    dns_ms           INTEGER,
    connect_ms       INTEGER,
    tls_ms           INTEGER,
    first_byte_ms    INTEGER,
    remote_address   TEXT,
    -- Packed (packed_headers.rs): a fifth of the text. Values of a customer's own headers were
    -- replaced before.
    request_headers  BLOB    NOT NULL,
    -- `name: value` lines.
    response_headers TEXT    NOT NULL,
    response_body    BLOB    NOT NULL,
    truncated        INTEGER NOT NULL,
    -- Also what makes writing an attempt twice impossible.
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

-- Deliveries that are not finished, and finished ones with a manual attempt due: read in one go
-- at start, a million of them, hence with all that the engine needs and without a look-up each.
CREATE TABLE outstanding (
    delivery_id       INTEGER PRIMARY KEY,
    event_id          INTEGER NOT NULL,
    account_id        INTEGER NOT NULL,
    webhook_id        INTEGER NOT NULL,
    event_type        TEXT    NOT NULL,
    trigger           INTEGER NOT NULL,
    state             INTEGER NOT NULL,
    state_at          INTEGER NOT NULL,
    attempts          INTEGER NOT NULL,
    used              INTEGER NOT NULL,
    first_deferred_at INTEGER,
    last_outcome      INTEGER,
    last_status_code  INTEGER,
    last_error        TEXT,
    last_started_at   INTEGER,
    last_duration_ms  INTEGER,
    manual_due        INTEGER NOT NULL
) STRICT;

-- Counters and histograms by minute of the attempt, for charts. Minute first: a batch then
-- touches neighbouring rows; webhook first cost fifteen times as much to write.
CREATE TABLE rollups (
    minute     INTEGER NOT NULL,
    webhook_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    rollup     BLOB    NOT NULL,
    PRIMARY KEY (minute, webhook_id)
) STRICT, WITHOUT ROWID;

-- The same over all webhooks of an account, so that an account's chart does not read the rows of
-- every webhook.
CREATE TABLE account_rollups (
    minute     INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    rollup     BLOB    NOT NULL,
    PRIMARY KEY (minute, account_id)
) STRICT, WITHOUT ROWID;

-- Attempts of this file's deliveries by webhook, and the newest that did not succeed.
CREATE TABLE hits (
    webhook_id INTEGER PRIMARY KEY,
    count      INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    error_at   INTEGER,
    error      TEXT
) STRICT;

-- low_water: every delivery of every event of this day at or below this id has a row here.
CREATE TABLE meta (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
