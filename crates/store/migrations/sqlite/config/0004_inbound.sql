-- Inbound webhooks. They share ids and numbers with the others, not their columns: there is
-- nothing in common but the title.

CREATE TABLE inbound_webhooks (
    id                  INTEGER PRIMARY KEY,
    account_id          INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    -- A JSON object that only this crate reads; nothing is ever searched in it.
    settings            TEXT    NOT NULL,
    -- As they are, because the page has to show the URLs.
    token               TEXT    NOT NULL,
    previous_token      TEXT,
    previous_until      INTEGER,
    -- Beside the settings, as the secrets of the others are.
    verification_secret TEXT,
    status              TEXT    NOT NULL,
    disabled_reason     TEXT,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    UNIQUE (account_id, number)
) STRICT;

-- Lists the inbound webhooks of one account, newest first.
CREATE INDEX inbound_webhooks_by_account ON inbound_webhooks (account_id);
