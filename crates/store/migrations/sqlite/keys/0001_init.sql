-- Where the accepts of one UTC day lie that came with an idempotency key. Nothing but an index:
-- the key, the request and its answer stand in the event log, from which this file can be made
-- again. Written behind, many at a time.

CREATE TABLE keys (
    -- 64 bits of the key's digest, mixed with its account. Two keys may share them: the accept in
    -- the log says whose it is.
    key       INTEGER NOT NULL,
    -- The first id of the accept.
    accept_id INTEGER NOT NULL,
    PRIMARY KEY (key, accept_id)
) STRICT, WITHOUT ROWID;

-- through: every key of every accept of this day with ids up to this one is in this file.
CREATE TABLE meta (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
