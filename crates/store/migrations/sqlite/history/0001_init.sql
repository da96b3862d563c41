-- What became of the deliveries of one UTC day's events. Everything that one recorder transaction
-- must change together stands in this one file: rows, attempts, what is outstanding, hits,
-- rollups and the low-water mark.

-- Names of event types by a number, which is what rows hold: one byte instead of a name, and a
-- type that has no number here has no rows to look for.
CREATE TABLE event_types (
    number INTEGER PRIMARY KEY,
    -- UNIQUE makes the index by which the number is found.
    name   TEXT    NOT NULL UNIQUE
) STRICT;

-- Nearly every delivery is this one insert and nothing else, so a column is here only if a
-- filter, an index or a walk looks at it; all else is packed (packed_rows.rs).
CREATE TABLE deliveries (
    -- Follows the event's id, so that an event's deliveries are a range and a list newest first
    -- is a walk backwards. The event's own id is counted back from it.
    id          INTEGER PRIMARY KEY,
    -- Every list is of one account: looked at in each row, and indexed for what ended badly.
    account_id  INTEGER NOT NULL,
    -- Filtered by, with an index.
    webhook_id  INTEGER NOT NULL,
    -- Filtered by: a number from event_types.
    event_type  INTEGER NOT NULL,
    -- Filtered by; 0 pending, 1 retrying, 2 delivered, 3 failed, 4 cancelled.
    state       INTEGER NOT NULL,
    -- Filtered by: what the newest attempt was answered, if it was.
    status_code INTEGER,
    -- What a list shows beside these: some 15 bytes, packed.
    standing    BLOB    NOT NULL,
    -- The attempt that brought the first row to its end; NULL if the first row was no end, and
    -- all of its attempts stand in their table then. Last, so that a list need not read the
    -- further pages of a long one.
    attempt     BLOB
) STRICT;

-- The log of one webhook, newest first: the rowid is part of the index, and nothing is sorted.
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id);

-- What failed or was cancelled, of one webhook and of a whole account: asked for most when most
-- is delivered, and a failure every few hundred thousand rows must not cost a walk over those
-- rows. Partial, so that a delivery that does not fail pays a comparison only.
CREATE INDEX failed_by_webhook ON deliveries (webhook_id) WHERE state >= 3;
CREATE INDEX failed_by_account ON deliveries (account_id) WHERE state >= 3;

-- What was refused with a status, whatever came of it: for the filter by status.
CREATE INDEX refused_by_webhook ON deliveries (webhook_id) WHERE status_code >= 300;
CREATE INDEX refused_by_account ON deliveries (account_id) WHERE status_code >= 300;

-- Attempts of deliveries that were not done with their first row, which few are not.
CREATE TABLE attempts (
    delivery_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    -- Packed. Nothing is ever searched in it.
    attempt     BLOB    NOT NULL,
    -- Also what makes writing an attempt twice impossible.
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

-- Deliveries that are not finished, and finished ones with a manual attempt due: read in one go
-- at start, a million of them, hence with all that the engine needs and without a look-up each.
CREATE TABLE outstanding (
    delivery_id INTEGER PRIMARY KEY,
    account_id  INTEGER NOT NULL,
    webhook_id  INTEGER NOT NULL,
    event_type  INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    status_code INTEGER,
    standing    BLOB    NOT NULL,
    manual_due  INTEGER NOT NULL
) STRICT;

-- What is not finished, of one webhook: listed, and counted for its health. (For a whole account
-- the table is walked.)
CREATE INDEX unfinished_by_webhook ON outstanding (webhook_id) WHERE state <= 1;

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

-- Both by hour, made of those by minute when an hour is over: a chart of thirty days reads 720 of
-- these.
CREATE TABLE hour_rollups (
    hour       INTEGER NOT NULL,
    webhook_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    rollup     BLOB    NOT NULL,
    PRIMARY KEY (hour, webhook_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_hour_rollups (
    hour       INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    rollup     BLOB    NOT NULL,
    PRIMARY KEY (hour, account_id)
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
-- folded_below: hours below this one have their rows.
CREATE TABLE meta (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
