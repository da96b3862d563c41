//! The frames of the event log: one per accept, so that an accept is whole or absent. What a
//! frame holds, how it is written, and how bytes that claim to be one are checked.
//!
//! All numbers are little-endian.
//! ```text
//! marker   4   ff 65 76 fe
//! checksum u32 CRC-32 of everything behind it in the frame
//! length   u32 of the payload
//! synced   u32 up to where the file was on disk when this frame was written
//! payload
//!   first id u64, account u64, at i64 (ms), ids u32 (events and deliveries), events u32, flags u8
//!   if the accept came with an idempotency key: SHA-256 of the key, SHA-256 of the request
//!   each event
//!     length u32 (of what follows), timestamp i64, targets u32, type length u8,
//!     trigger u8 (and 0x80 if there is a powerlist, and 0x10 times the hops), powerlist u64 if so,
//!     type, targets (u64 each), data
//! ```
//! The trigger's own codes stay below 0x10. Hops have three bits, which were 0 before there were
//! any.
//!
//! The marker holds two bytes that no UTF-8 text contains, so that no customer's data can pass for
//! a frame when the next one behind a damaged one is looked for.

use posthaste_core::attempt::Trigger;
use posthaste_core::event::{Event, EventReceipt, Idempotency, NewEvent};
use posthaste_core::id::{AccountId, EventId, ID_STRIDE, PowerlistId, WebhookId};
use posthaste_core::limits::HOPS_MAX;
use posthaste_core::time::Timestamp;
use posthaste_core::varint::Reader;

use crate::sqlite::fault::Fault;
use crate::sqlite::rows::{EventTypes, trigger_code, trigger_of};

pub const MARKER: [u8; 4] = [0xff, b'e', b'v', 0xfe];
pub const HEADER_BYTES: usize = 16;
/// Where the part begins that the checksum covers.
const CHECKED_FROM: usize = 8;
const LENGTH_AT: usize = 8;

const HAS_KEY: u8 = 1;
const HAS_POWERLIST: u8 = 0x80;
const HOPS: u8 = 0x70;
const HOPS_SHIFT: u32 = HOPS.trailing_zeros();
/// More than any event that is delivered has: one that went round too often is turned away.
const HOPS_KEPT_MAX: u8 = HOPS >> HOPS_SHIFT;
const _: () = assert!(HOPS_MAX < HOPS_KEPT_MAX, "one above the most that may be must fit");
const TRIGGER: u8 = !(HAS_POWERLIST | HOPS);

/// An accept on its way into the log.
#[derive(Debug)]
pub struct NewFrame<'a> {
    /// Of the first event; the ids of its deliveries and of the other events stand behind it.
    pub first_id: u64,
    pub account_id: AccountId,
    pub at: Timestamp,
    pub idempotency: Option<&'a Idempotency>,
    pub events: &'a [NewEvent],
}

impl NewFrame<'_> {
    /// How many ids the events and their deliveries take; a frame without events takes one.
    pub fn ids(&self) -> usize {
        ids_of(self.events)
    }
}

pub fn ids_of(events: &[NewEvent]) -> usize {
    let ids: usize = events.iter().map(|event| 1 + event.targets.len()).sum();
    ids.max(1)
}

/// Appends the frame to what is written next. `synced` is where that begins in its file.
pub fn push_frame(buffer: &mut Vec<u8>, synced: u32, frame: &NewFrame<'_>) {
    let start = buffer.len();
    buffer.extend(MARKER);
    // Checksum and length are put in when the rest is there.
    buffer.extend([0; 8]);
    buffer.extend(synced.to_le_bytes());
    buffer.extend(frame.first_id.to_le_bytes());
    buffer.extend(frame.account_id.as_raw().to_le_bytes());
    buffer.extend(frame.at.as_millis().to_le_bytes());
    buffer.extend(length(frame.ids()).to_le_bytes());
    buffer.extend(length(frame.events.len()).to_le_bytes());
    buffer.push(if frame.idempotency.is_some() { HAS_KEY } else { 0 });
    if let Some(idempotency) = frame.idempotency {
        buffer.extend(idempotency.key_hash);
        buffer.extend(idempotency.request_hash);
    }
    for event in frame.events {
        push_event(buffer, event);
    }
    let payload = length(buffer.len() - start - HEADER_BYTES);
    buffer[start + LENGTH_AT..start + LENGTH_AT + 4].copy_from_slice(&payload.to_le_bytes());
    let checksum = crc32fast::hash(&buffer[start + CHECKED_FROM..]);
    buffer[start + 4..start + CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
}

fn push_event(buffer: &mut Vec<u8>, event: &NewEvent) {
    let event_type = event.event_type.as_str();
    let powerlist_bytes = if event.powerlist_id.is_some() { 8 } else { 0 };
    let size = EVENT_HEAD_BYTES
        + powerlist_bytes
        + event_type.len()
        + 8 * event.targets.len()
        + event.data.len();
    buffer.reserve(4 + size);
    buffer.extend(length(size).to_le_bytes());
    buffer.extend(event.timestamp.as_millis().to_le_bytes());
    buffer.extend(length(event.targets.len()).to_le_bytes());
    buffer.push(u8::try_from(event_type.len()).expect("an event type has at most 100 characters"));
    let trigger = u8::try_from(trigger_code(event.trigger)).expect("a small code");
    debug_assert_eq!(trigger & !TRIGGER, 0, "the other bits are taken");
    let trigger = trigger | (event.hops.min(HOPS_KEPT_MAX) << HOPS_SHIFT);
    match event.powerlist_id {
        None => buffer.push(trigger),
        Some(powerlist) => {
            buffer.push(trigger | HAS_POWERLIST);
            buffer.extend(powerlist.as_raw().to_le_bytes());
        }
    }
    buffer.extend_from_slice(event_type.as_bytes());
    for target in &event.targets {
        buffer.extend(target.as_raw().to_le_bytes());
    }
    buffer.extend_from_slice(event.data.as_bytes());
}

/// Timestamp, targets, type length, trigger.
const EVENT_HEAD_BYTES: usize = 8 + 4 + 1 + 1;

fn length(count: usize) -> u32 {
    u32::try_from(count).expect("the largest accept that may come in is a fifth of 4 GiB")
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    pub payload_bytes: usize,
    pub synced: u32,
}

/// `None` if no frame begins here.
pub fn read_header(bytes: &[u8]) -> Option<Header> {
    let mut rest = Reader(bytes);
    if rest.array::<4>()? != MARKER {
        return None;
    }
    rest.u32()?;
    let payload_bytes = rest.u32()? as usize;
    Some(Header { payload_bytes, synced: rest.u32()? })
}

/// A frame whose checksum is right.
#[derive(Debug)]
pub struct Frame<'b> {
    pub synced: u32,
    pub first_id: u64,
    pub account_id: AccountId,
    pub at: Timestamp,
    pub idempotency: Option<Idempotency>,
    ids: u32,
    event_count: u32,
    events: &'b [u8],
}

/// Reads the frame that `bytes` begin with, and says how long it is. `None` if there is no whole
/// one.
pub fn read_frame(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let header = read_header(bytes)?;
    let size = HEADER_BYTES.checked_add(header.payload_bytes)?;
    let frame = bytes.get(..size)?;
    let checksum = u32::from_le_bytes(*frame[4..].first_chunk()?);
    if crc32fast::hash(&frame[CHECKED_FROM..]) != checksum {
        return None;
    }
    let mut rest = Reader(&frame[HEADER_BYTES..]);
    let first_id = rest.u64()?;
    let account_id = AccountId::from_raw(rest.u64()?);
    let at = Timestamp::from_millis(rest.i64()?);
    let (ids, event_count) = (rest.u32()?, rest.u32()?);
    let idempotency = match rest.byte()? {
        0 => None,
        HAS_KEY => Some(Idempotency { key_hash: rest.array()?, request_hash: rest.array()? }),
        _ => return None,
    };
    // The last of its ids must be one.
    let beyond = u64::from(ids).checked_mul(ID_STRIDE)?.checked_add(first_id)?;
    if ids == 0 || i64::try_from(beyond).is_err() {
        return None;
    }
    let synced = header.synced;
    let events = rest.0;
    Some((Frame { synced, first_id, account_id, at, idempotency, ids, event_count, events }, size))
}

impl<'b> Frame<'b> {
    pub fn last_id(&self) -> u64 {
        self.first_id + u64::from(self.ids - 1) * ID_STRIDE
    }

    pub fn events(&self) -> Result<Vec<StoredEvent<'b>>, Fault> {
        // Not reserved by a number that was read: it may claim anything.
        let mut events = Vec::new();
        let mut rest = Reader(self.events);
        let mut id = self.first_id;
        for _ in 0..self.event_count {
            let event = read_event(&mut rest, EventId::from_raw(id), self.account_id)
                .ok_or_else(|| Fault::damaged(format!("{} in the event log", self.name())))?;
            id += (1 + event.target_count() as u64) * ID_STRIDE;
            events.push(event);
        }
        Ok(events)
    }

    fn name(&self) -> EventId {
        EventId::from_raw(self.first_id)
    }
}

/// An event as it lies in its frame.
#[derive(Debug, Clone, Copy)]
pub struct StoredEvent<'b> {
    pub id: EventId,
    pub account_id: AccountId,
    pub event_type: &'b str,
    timestamp: Timestamp,
    powerlist_id: Option<PowerlistId>,
    trigger: u8,
    hops: u8,
    targets: &'b [[u8; 8]],
    data: &'b [u8],
}

fn read_event<'b>(
    rest: &mut Reader<'b>,
    id: EventId,
    account_id: AccountId,
) -> Option<StoredEvent<'b>> {
    let size = rest.u32()? as usize;
    let mut rest = Reader(rest.take(size)?);
    let timestamp = Timestamp::from_millis(rest.i64()?);
    let target_count = rest.u32()? as usize;
    let type_bytes = usize::from(rest.byte()?);
    let trigger = rest.byte()?;
    let powerlist_id = match trigger & HAS_POWERLIST {
        0 => None,
        _ => Some(PowerlistId::from_raw(rest.u64()?)),
    };
    let event_type = std::str::from_utf8(rest.take(type_bytes)?).ok()?;
    let (targets, _) = rest.take(target_count.checked_mul(8)?)?.as_chunks::<8>();
    Some(StoredEvent {
        id,
        account_id,
        event_type,
        timestamp,
        powerlist_id,
        trigger: trigger & TRIGGER,
        hops: (trigger & HOPS) >> HOPS_SHIFT,
        targets,
        data: rest.0,
    })
}

impl StoredEvent<'_> {
    pub fn target_count(&self) -> usize {
        self.targets.len()
    }

    pub fn to_event(self, types: &mut EventTypes) -> Result<Event, Fault> {
        let data = std::str::from_utf8(self.data)
            .map_err(|error| Fault::damaged(format!("the data of {}: {error}", self.id)))?;
        let target = |bytes: &[u8; 8]| WebhookId::from_raw(u64::from_le_bytes(*bytes));
        Ok(Event {
            id: self.id,
            account_id: self.account_id,
            event_type: types.get(self.event_type)?,
            timestamp: self.timestamp,
            powerlist_id: self.powerlist_id,
            data: data.into(),
            trigger: self.trigger()?,
            hops: self.hops,
            targets: self.targets.iter().map(target).collect(),
        })
    }

    pub fn receipt(&self, types: &mut EventTypes) -> Result<EventReceipt, Fault> {
        Ok(EventReceipt {
            id: self.id,
            event_type: types.get(self.event_type)?,
            timestamp: self.timestamp,
            deliveries: self.target_count(),
        })
    }

    fn trigger(&self) -> Result<Trigger, Fault> {
        trigger_of(i64::from(self.trigger))
    }
}

#[cfg(test)]
mod tests {
    use posthaste_core::event_type::EventType;
    use proptest::prelude::*;

    use super::*;

    fn new_event() -> impl Strategy<Value = NewEvent> {
        let targets = prop::collection::vec(0..i64::MAX as u64, 0..4);
        let powerlist = prop::option::of(0..i64::MAX as u64);
        ("[a-z]{1,9}(\\.[a-z]{1,9}){0,2}", any::<i32>(), powerlist, ".{0,300}", 0..5_usize, targets)
            .prop_map(|(event_type, timestamp, powerlist, data, trigger, targets)| NewEvent {
                event_type: EventType::parse(&event_type).expect("a name"),
                timestamp: Timestamp::from_millis(i64::from(timestamp)),
                powerlist_id: powerlist.map(PowerlistId::from_raw),
                data: data.into(),
                trigger: Trigger::ALL[trigger],
                hops: u8::try_from(timestamp.unsigned_abs() % 8).expect("below 8"),
                targets: targets.into_iter().map(WebhookId::from_raw).collect(),
            })
    }

    fn bytes_of(events: &[NewEvent], idempotency: Option<&Idempotency>) -> Vec<u8> {
        let at = Timestamp::from_millis(1_736_951_425_123);
        let account_id = AccountId::from_raw(7);
        let frame = NewFrame { first_id: 1 << 40, account_id, at, idempotency, events };
        let mut buffer = Vec::new();
        push_frame(&mut buffer, 123, &frame);
        buffer
    }

    #[test]
    fn hops_lie_in_bits_that_were_zero_before_and_more_than_fit_are_cut_off() {
        let read = |hops| {
            let event = NewEvent {
                event_type: EventType::parse("contact").expect("a name"),
                timestamp: Timestamp::from_millis(5),
                powerlist_id: Some(PowerlistId::from_raw(7)),
                data: "{}".into(),
                trigger: Trigger::Test,
                hops,
                targets: Vec::new(),
            };
            let bytes = bytes_of(&[event], None);
            let (frame, _) = read_frame(&bytes).expect("own form");
            let stored = frame.events().expect("own form")[0];
            let event = stored.to_event(&mut EventTypes::default()).expect("own form");
            assert_eq!(
                (event.trigger, event.powerlist_id),
                (Trigger::Test, Some(PowerlistId::from_raw(7)))
            );
            // Behind the frame's head: size, timestamp, targets, type length.
            (bytes[HEADER_BYTES + 33 + 4 + 8 + 4 + 1], event.hops)
        };
        assert_eq!(read(0), (0x84, 0), "as it was before there were hops");
        assert_eq!(read(HOPS_MAX + 1), (0xe4, HOPS_MAX + 1));
        assert_eq!(read(u8::MAX), (0xf4, HOPS_KEPT_MAX));
    }

    proptest! {
        #[test]
        fn what_is_accepted_comes_back(
            events in prop::collection::vec(new_event(), 0..5),
            key in prop::option::of(any::<u8>()),
        ) {
            let idempotency =
                key.map(|key| Idempotency { key_hash: [key; 32], request_hash: [!key; 32] });
            let mut bytes = bytes_of(&events, idempotency.as_ref());
            let size = bytes.len();
            bytes.extend(b"the next frame");
            let (frame, read) = read_frame(&bytes).expect("own form");
            prop_assert_eq!(read, size);
            prop_assert_eq!(frame.idempotency, idempotency);
            let last = frame.first_id + (ids_of(&events) as u64 - 1) * ID_STRIDE;
            prop_assert_eq!((frame.synced, frame.last_id()), (123, last));
            let stored = frame.events().expect("own form");
            prop_assert_eq!(stored.len(), events.len());
            let mut id = frame.first_id;
            for (stored, new) in stored.into_iter().zip(events) {
                let expected = Event {
                    id: EventId::from_raw(id),
                    account_id: frame.account_id,
                    event_type: new.event_type,
                    timestamp: new.timestamp,
                    powerlist_id: new.powerlist_id,
                    data: new.data,
                    trigger: new.trigger,
                    hops: new.hops,
                    targets: new.targets.into(),
                };
                id += (1 + expected.targets.len() as u64) * ID_STRIDE;
                let mut types = EventTypes::default();
                prop_assert_eq!(stored.receipt(&mut types).expect("own form"), expected.receipt());
                prop_assert_eq!(stored.to_event(&mut types).expect("own form"), expected);
            }
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(
            events in prop::collection::vec(new_event(), 0..3),
            at: prop::sample::Index,
            change in 1..=u8::MAX,
        ) {
            let mut bytes = bytes_of(&events, None);
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            prop_assert!(read_frame(&bytes).is_none());
        }

        #[test]
        fn junk_is_no_frame_and_never_a_panic(junk: Vec<u8>) {
            prop_assert!(read_frame(&junk).is_none());
        }

        #[test]
        fn junk_with_a_right_checksum_is_damage_and_never_a_panic(payload: Vec<u8>) {
            let mut bytes = MARKER.to_vec();
            bytes.extend([0; 4]);
            bytes.extend(length(payload.len()).to_le_bytes());
            bytes.extend([0; 4]);
            bytes.extend(&payload);
            let checksum = crc32fast::hash(&bytes[CHECKED_FROM..]);
            bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
            if let Some((frame, _)) = read_frame(&bytes)
                && let Ok(events) = frame.events()
            {
                for event in events {
                    let _ = event.to_event(&mut EventTypes::default());
                }
            }
        }
    }
}
