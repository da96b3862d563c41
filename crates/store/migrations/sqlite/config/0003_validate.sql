-- What is done about published data that does not match its schema: 'off', 'warn' or 'reject'.
ALTER TABLE accounts ADD COLUMN validate TEXT NOT NULL DEFAULT 'warn';
