-- Accepted events of one UTC day (the day of the event's id). Only ever appended to, by group
-- commits; dropped as a file.

CREATE TABLE events (
    -- Rises in commit order, so that an insert is an append and a list newest first is a walk
    -- backwards. No other index: each would cost every event, and lists look at a bounded number
    -- of rows whatever their filter.
    id           INTEGER PRIMARY KEY,
    account_id   INTEGER NOT NULL,
    event_type   TEXT    NOT NULL,
    timestamp    INTEGER NOT NULL,
    powerlist_id INTEGER,
    trigger      INTEGER NOT NULL,
    -- The ids of its webhooks, 8 bytes each, little-endian. This column is the promise: each of
    -- these deliveries is owed until the history says otherwise.
    targets      BLOB    NOT NULL,
    -- Last, so that looking at the columns before it need not read a long one's further pages.
    data         TEXT    NOT NULL
) STRICT;

-- What was answered to requests with an `idempotency-key`, for as long as it is repeated.
-- In the same file as the events, so that both are one transaction.
CREATE TABLE idempotency (
    account_id   INTEGER NOT NULL,
    key_hash     BLOB    NOT NULL,
    request_hash BLOB    NOT NULL,
    -- 8 bytes each, little-endian, in the order of the request.
    event_ids    BLOB    NOT NULL,
    expires_at   INTEGER NOT NULL,
    PRIMARY KEY (account_id, key_hash)
) STRICT, WITHOUT ROWID;
