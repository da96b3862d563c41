//! The rules of Posthaste: what an event, a webhook, a delivery and an attempt are, which webhooks an
//! event goes to, what is sent, how it is signed, where it may be sent, and what happens next.
//!
//! Everything here is a pure function or a plain type. There is no clock, no chance, no socket, no
//! file and no runtime in this crate: `now` and random bytes are arguments, and what touches the
//! world (`store`, `dispatch`, `api`) implements a trait that is described here.
//!
//! The way of an event through these modules:
//! - in: [`canonical`] brings its data to the one form that survives a receiver's re-serialising;
//!   [`event_type`] and [`directory`] say which webhooks it goes to;
//! - kept: [`store`] is the contract of what is on disk, [`id`] what the rows are called;
//! - out: [`lanes`] says what may start, [`envelope`] and [`signature`] what is sent, [`egress`]
//!   where it may go;
//! - after: [`delivery`] and [`retry`] decide what follows, [`stats`] counts it, [`stream`] shows
//!   it to who watches.
//!
//! Beside that way, [`simulation`] makes up events like those of a busy company.

pub mod account;
pub mod attempt;
pub mod audit;
pub mod canonical;
pub mod catalogue;
pub mod contact;
pub mod contact_columns;
pub mod contact_event;
pub mod contact_fields;
pub mod contact_sheet;
pub mod csv;
pub mod custom_headers;
pub mod delivery;
pub mod digits;
pub mod directory;
pub mod egress;
pub mod engine;
pub mod envelope;
pub mod error;
pub mod event;
pub mod event_type;
pub mod event_type_import;
pub mod header_lines;
pub mod id;
pub mod id_map;
pub mod import;
pub mod import_file;
pub mod inbound;
pub mod json_schema;
pub mod lanes;
pub mod limits;
pub mod page;
pub mod phone;
pub mod rate_limit;
pub mod remote;
pub mod retry;
pub mod rights;
pub mod secret;
pub mod sent_headers;
pub mod session;
pub mod sign_in;
pub mod signature;
pub mod simulation;
pub mod stats;
pub mod store;
pub mod stream;
pub mod target_url;
pub mod time;
pub mod typescript;
pub mod user;
pub mod varint;
pub mod verify;
pub mod webhook;
