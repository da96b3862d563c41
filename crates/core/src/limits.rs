//! Every bound in the system, with its unit in its name and its reason beside it. Nothing queues,
//! grows or waits without one of these.

use std::time::Duration;

// Taking events in.

/// Connections to our own server; more wait in the kernel's queue.
pub const CONNECTIONS_IN_MAX: usize = 8_192;
/// The head of a request must be complete this long after its connection was opened, or after the
/// answer before it: what says nothing is closed. Longer than clients keep idle connections.
pub const REQUEST_HEAD_WITHIN: Duration = Duration::from_secs(30);

/// A request body: four times what Standard Webhooks advises, and what peers accept. `express.json`
/// refuses over 100 KiB by default, so larger ones work only with receivers that were told.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// One `POST /v1/events/batch`.
pub const BATCH_EVENTS_MAX: usize = 1_000;
/// A whole batch, so that 1,000 maximal events cannot be one request.
pub const BATCH_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many arrays and objects may stand inside each other. It bounds the recursion here, and it
/// keeps far from the few thousand levels at which JavaScript engines run out of stack.
pub const DEPTH_MAX: usize = 64;
/// An `idempotency-key` header.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// How long the same key gets the same answer.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_hours(24);
/// Accepts waiting for one group commit; more than this and the API answers 503.
pub const ACCEPT_QUEUE_MAX: usize = 8_192;
/// Accepts that share one commit. Bounds how long a commit can take.
pub const ACCEPT_COMMIT_MAX: usize = 2_048;

// Webhooks.

pub const TITLE_CHARS_MAX: usize = 200;
pub const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// One event to this many webhooks; more are refused rather than silently left out.
pub const FAN_OUT_MAX: usize = 100_000;
/// Of one account. Each is kept in memory, and one event can go to all of them.
pub const WEBHOOKS_PER_ACCOUNT_MAX: usize = FAN_OUT_MAX;
pub const TIMEOUT_MS_MIN: u32 = 1_000;
pub const TIMEOUT_MS_MAX: u32 = 30_000;
pub const TIMEOUT_MS_DEFAULT: u32 = 15_000;
/// Requests in flight to one webhook. 64 keep a 10 ms receiver at 6,400 deliveries a second.
pub const MAX_IN_FLIGHT_DEFAULT: u32 = 64;
pub const MAX_IN_FLIGHT_MAX: u32 = 1_000;
/// Rotation: how long the old secret may go on signing.
pub const SECRET_OVERLAP_MAX: Duration = Duration::from_hours(7 * 24);

/// The longest URL taken, in bytes, both as given and as it is kept (which may be longer, for
/// what needs percent-encoding).
pub const TARGET_URL_BYTES_MAX: usize = 2048;
/// How many headers one webhook may add.
pub const CUSTOM_HEADERS_MAX: usize = 32;
/// The longest name of a custom header, in bytes.
pub const CUSTOM_HEADER_NAME_BYTES_MAX: usize = 128;
/// The longest value of a custom header, in bytes.
pub const CUSTOM_HEADER_VALUE_BYTES_MAX: usize = 4096;
/// The longest name of an event type, in characters (all of them ASCII).
pub const EVENT_TYPE_CHARS_MAX: usize = 100;
/// The most dot-separated segments of a name.
pub const EVENT_TYPE_SEGMENTS_MAX: usize = 8;
/// The most patterns that one webhook may list.
pub const EVENT_PATTERNS_MAX: usize = 100;
/// The most attempts a schedule may ask for.
pub const RETRY_ATTEMPTS_MAX: usize = 20;
/// The longest delay, whether a schedule or a receiver asks for it: one day.
pub const RETRY_DELAY_MAX: Duration = Duration::from_hours(24);
/// Jitter adds at most this, and at most a tenth of the delay.
pub const JITTER_MAX: Duration = Duration::from_secs(15);
/// The highest `count` of a limit.
pub const RATE_LIMIT_COUNT_MAX: u32 = 1_000_000;
/// The longest period of a limit: one day.
pub const RATE_LIMIT_PERIOD_S_MAX: u32 = 86_400;

// Sending.

pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What is kept of an answer's body; the rest is not even read.
pub const RESPONSE_BODY_BYTES_MAX: usize = 16 * 1024;
pub const RESPONSE_HEADERS_MAX: usize = 100;
pub const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Addresses looked at of one DNS answer.
pub const DNS_ADDRESSES_MAX: usize = 32;
/// Requests in flight in the whole process: bounds sockets and memory. A dead webhook's lane
/// shrinks to one (see `lanes`), so dead receivers cannot use these up.
pub const IN_FLIGHT_MAX: usize = 4_096;
/// An idle connection is closed before Node's default of 5 s would close it under our request.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(4);
/// 429 and Retry-After may hold a delivery back this long in all.
pub const DEFERRAL_MAX: Duration = Duration::from_hours(24);
/// `Retry-After: 0` on a 429 is no invitation to ask again a thousand times a second.
pub const DEFERRAL_MIN: Duration = Duration::from_secs(1);
/// A paused receiver that names no time is asked again after this long.
pub const DEFERRAL_DEFAULT: Duration = Duration::from_secs(30);

// The engine.

/// Deliveries known to the engine's memory, some 60 MiB of it; beyond, they wait on disk only.
pub const TICKETS_MAX: usize = 250_000;
/// Bodies of accepted events kept in memory for sending; beyond, they are read back from disk.
pub const BODY_CACHE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Deliveries accepted but without a row yet. Over this, accepting waits for the recorder.
pub const UNRECORDED_MAX: usize = 100_000;
/// Outcomes in one recorder transaction.
pub const RECORD_BATCH_MAX: usize = 5_000;
/// The longest an outcome waits for its transaction, and so the most that a crash can repeat.
pub const RECORD_EVERY: Duration = Duration::from_millis(100);
/// Outcomes that wait to be recorded. Over this no more requests are sent: with a full disk their
/// outcomes, with answers of up to 80 KiB, would fill the memory.
pub const RECORD_QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A delivery without an outcome for this long gets a row all the same, so that the log shows it
/// and the low-water mark moves on.
pub const PARK_AFTER: Duration = Duration::from_secs(1);
/// Finish what is in flight at SIGTERM; and then this long again to record it, if the disk is full.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

// Reading.

pub const PAGE_LIMIT_DEFAULT: usize = 50;
pub const PAGE_LIMIT_MAX: usize = 200;
/// Rows one list call may look at before it answers with what it has and a cursor to go on.
pub const SCAN_ROWS_MAX: usize = 20_000;
/// Buckets of one stats answer.
pub const STATS_BUCKETS_MAX: usize = 2_000;

// The live stream.

/// Streams open at a time. Each has a connection, and what waits to be read by a slow one.
pub const STREAM_SUBSCRIBERS_MAX: usize = 512;
/// Of one account, so that no customer can keep the others out.
pub const STREAM_SUBSCRIBERS_PER_ACCOUNT_MAX: usize = 128;
/// Updates kept for resuming and for who reads slowly, some 10 MiB: a second at full speed, ten
/// minutes at a hundred a second.
pub const STREAM_RING_MAX: usize = 65_536;
/// How long updates go on being kept after the last subscriber left: who was cut off comes back
/// within seconds, and nobody else needs them.
pub const STREAM_KEPT: Duration = Duration::from_mins(5);
/// Updates looked at in one go, with the ring held: the 33 µs (measured) that the recorder may have
/// to wait.
pub const STREAM_SCAN_MAX: usize = 4_096;
/// Updates written in one go, some 7 KiB. hyper takes 16 such pieces before it waits for the
/// reader, so who stands still has 110 KiB in memory, and all that may stand still 55 MiB.
pub const STREAM_PIECE_MAX: usize = 16;
/// The highest `max_per_s`; who wants more wants all.
pub const STREAM_MAX_PER_S_MAX: u32 = 10_000;

// People and keys.

/// Of one account, and of the platform. Each is kept in memory.
pub const API_KEYS_PER_ACCOUNT_MAX: usize = 1_000;
/// Of one account, and of the platform.
pub const USERS_PER_ACCOUNT_MAX: usize = 1_000;
/// A session that is not used ends after this long.
pub const SESSION_IDLE: Duration = Duration::from_hours(7 * 24);
/// A session ends after this long, however much it is used.
pub const SESSION_LONGEST: Duration = Duration::from_hours(30 * 24);
/// How often the use of a session is written down: each time would be a sync for every click.
pub const SESSION_RENEW_EVERY: Duration = Duration::from_hours(1);
/// One user's sessions; one more ends the oldest.
pub const SESSIONS_PER_USER_MAX: usize = 20;
/// A sign-in link that was printed at a terminal or asked for by hand.
pub const LINK_LIFETIME: Duration = Duration::from_hours(24);
/// A link for somebody who was invited, and may be on holiday.
pub const INVITATION_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// For so long whoever came by a link may set a password without knowing the one before.
pub const PASSWORD_BY_LINK_WITHIN: Duration = Duration::from_hours(1);
/// Fewer can be guessed at the rate that sign-in allows from many addresses.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Nobody types more, and hashing it costs time.
pub const PASSWORD_BYTES_MAX: usize = 1_000;
/// Sign-ins tried for one e-mail address within [`SIGN_IN_PERIOD_S`].
pub const SIGN_INS_PER_EMAIL: u64 = 10;
/// Sign-ins tried from one remote address within [`SIGN_IN_PERIOD_S`]: an office behind one
/// address has more people than an account.
pub const SIGN_INS_PER_ADDRESS: u64 = 60;
pub const SIGN_IN_PERIOD_S: u64 = 15 * 60;
/// Failed sign-ins written to the audit log within [`SIGN_IN_PERIOD_S`], from all addresses
/// together: each is a sync, and a row that is kept for a year. Some 20,000 rows a day at most.
pub const SIGN_IN_REFUSALS_WRITTEN: u64 = 200;
/// E-mail addresses, and remote addresses, whose sign-ins are counted at a time.
pub const SIGN_INS_COUNTED_MAX: usize = 10_000;
/// Passwords hashed at the same time: each takes a processor and 19 MiB for some 30 ms.
pub const PASSWORDS_HASHED_MAX: usize = 2;
/// Passwords that wait for that; more are refused.
pub const PASSWORDS_WAITING_MAX: usize = 64;
/// Of a text in the audit log; the rest is cut off.
pub const AUDIT_TEXT_CHARS_MAX: usize = 500;

// Keeping.

/// The audit log is kept longer than what it explains.
pub const AUDIT_KEPT: Duration = Duration::from_hours(400 * 24);

pub const RETENTION_DEFAULT: Duration = Duration::from_hours(30 * 24);

// Contacts.

/// Of a powerlist's name.
pub const POWERLIST_NAME_CHARS_MAX: usize = 100;
/// Powerlists of one account.
pub const POWERLISTS_PER_ACCOUNT_MAX: usize = 1_000;
/// A name, an address or the like.
pub const CONTACT_TEXT_CHARS_MAX: usize = 500;
pub const TAGS_MAX: usize = 100;
pub const TAG_CHARS_MAX: usize = 100;
pub const CUSTOM_FIELDS_MAX: usize = 100;
pub const CUSTOM_FIELD_NAME_CHARS_MAX: usize = 100;
/// Of one custom field's value, as JSON.
pub const CUSTOM_FIELD_BYTES_MAX: usize = 4 * 1024;
/// Contacts changed in one transaction of an import: some 20 ms, for which others wait.
pub const IMPORT_BATCH_ROWS: usize = 1_000;
/// A CSV file: a few million rows. It is kept on disk until it is imported.
pub const IMPORT_FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// One row of a CSV file. More is a quote that was never closed.
pub const IMPORT_ROW_BYTES_MAX: usize = 64 * 1024;
/// Columns of a CSV file.
pub const IMPORT_COLUMNS_MAX: usize = 256;
/// Skipped rows of which an import keeps the reason; all are counted.
pub const IMPORT_SKIPS_KEPT_MAX: usize = 10_000;
/// Imports of one account that wait or run.
pub const IMPORTS_WAITING_MAX: usize = 10;
/// Rows shown before an import.
pub const IMPORT_PREVIEW_ROWS: usize = 20;

// Inbound webhooks.

/// Requests to one inbound webhook, unless it sets its own limit: a CRM that sends a whole list
/// one by one is slowed down, not turned away for good.
pub const INBOUND_PER_S_DEFAULT: u32 = 50;
/// Fields that one mapping may name.
pub const MAPPING_FIELDS_MAX: usize = 100;
/// Values that one request may have, nested ones included.
pub const INBOUND_VALUES_MAX: usize = 1_000;
/// Objects, lists and values that one request may have: also an empty object takes time to look at.
pub const INBOUND_NODES_MAX: usize = 4_000;
/// The path of a value in a request. Each value has its own, with the names of all that it is in.
pub const INBOUND_PATH_BYTES_MAX: usize = 500;
/// Things that are wrong with one request, as far as they are kept and told.
pub const INBOUND_ERRORS_MAX: usize = 100;
/// Requests kept of one inbound webhook; the oldest go first.
pub const INBOUND_KEPT_MAX: usize = 10_000;
/// An event raised by an inbound request, sent on, received, and so on: after this many times
/// round it is a loop.
pub const HOPS_MAX: u8 = 5;
