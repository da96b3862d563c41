//! Typed, prefixed, sortable ids, and the sequence they come from.
//!
//! An id is one positive 63-bit number: 41 bits of milliseconds since 2025, 13 bits of counter,
//! 9 bits of node. So ids sort by time of creation, fit an integer primary key (which makes an
//! insert an append), name the day partition that holds their row, and never collide between
//! nodes. In public they are a prefix and 13 characters of Crockford's base32, which sort as the
//! numbers do and hold only `[a-z0-9_]` (Standard Webhooks forbids a dot in `webhook-id`).

use std::fmt;
use std::str::FromStr;

use crate::error::Invalid;
use crate::time::Timestamp;

const NODE_BITS: u32 = 9;
const COUNTER_BITS: u32 = 13;
const MS_SHIFT: u32 = NODE_BITS + COUNTER_BITS;
/// 2025-01-01T00:00:00Z.
const ID_EPOCH_MS: i64 = 1_735_689_600_000;

/// The distance between two neighbouring ids of one node. The deliveries of an event take the
/// ids right behind the event's own, so neither needs to be stored to find the other.
pub const ID_STRIDE: u64 = 1 << NODE_BITS;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 13;

/// Hands out ids that only ever rise, whatever the clock does.
#[derive(Debug)]
pub struct IdSequence {
    last: u64,
    node: u64,
}

impl IdSequence {
    /// Continues behind `last`, the highest id that was ever stored (0 for none).
    pub fn new(node: u16, last: u64) -> IdSequence {
        let node = u64::from(node) & (ID_STRIDE - 1);
        IdSequence { last, node }
    }

    /// The first of `count` consecutive ids, each [`ID_STRIDE`] above the one before.
    /// A block that outgrows its millisecond borrows from the next ones.
    pub fn block(&mut self, now: Timestamp, count: usize) -> u64 {
        let from_clock = first_of_millisecond(now) >> NODE_BITS;
        let first = from_clock.max((self.last >> NODE_BITS) + 1);
        let id_of = |position: u64| (position << NODE_BITS) | self.node;
        self.last = id_of(first + (count as u64).saturating_sub(1));
        id_of(first)
    }
}

/// The smallest id that can have been made at `time` or later: what time filters compare with.
pub fn first_of_millisecond(time: Timestamp) -> u64 {
    let ms = u64::try_from(time.as_millis() - ID_EPOCH_MS).unwrap_or(0);
    ms.min((1 << 41) - 1) << MS_SHIFT
}

fn time_of(raw: u64) -> Timestamp {
    let ms = i64::try_from(raw >> MS_SHIFT).unwrap_or(i64::MAX);
    Timestamp::from_millis(ms.saturating_add(ID_EPOCH_MS))
}

/// `LEN` is that of the prefix and the digits.
fn to_text<const LEN: usize>(prefix: &str, raw: u64) -> [u8; LEN] {
    let mut text = [0; LEN];
    let (head, digits) = text.split_at_mut(prefix.len());
    head.copy_from_slice(prefix.as_bytes());
    for (position, slot) in digits.iter_mut().enumerate() {
        let shift = 5 * (TEXT_LEN - 1 - position);
        *slot = ALPHABET[(raw >> shift) as usize & 31];
    }
    text
}

fn read_text(prefix: &str, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(prefix)?;
    if digits.len() != TEXT_LEN {
        return None;
    }
    let mut raw: u64 = 0;
    for byte in digits.bytes() {
        let value = ALPHABET.iter().position(|&letter| letter == byte)?;
        raw = raw.checked_mul(32)? | value as u64;
    }
    i64::try_from(raw).ok().map(|_| raw)
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// From the number a store keeps. Numbers over 63 bits lose their top bit.
            pub const fn from_raw(raw: u64) -> $name {
                $name(raw & (i64::MAX as u64))
            }

            pub const fn as_raw(self) -> u64 {
                self.0
            }

            /// The signed form that SQL columns hold; ids have 63 bits, so nothing is lost.
            pub const fn as_i64(self) -> i64 {
                self.0 as i64
            }

            /// What `Display` writes, for whoever writes bytes.
            pub fn to_text(self) -> [u8; $prefix.len() + TEXT_LEN] {
                to_text($prefix, self.0)
            }

            /// When it was made.
            pub fn created_at(self) -> Timestamp {
                time_of(self.0)
            }

            pub fn parse(text: &str) -> Result<$name, Invalid> {
                read_text($prefix, text).map($name).ok_or_else(|| {
                    Invalid::at("", format!(
                        "{text:?} is not an id of the form {}…", $prefix
                    ))
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(std::str::from_utf8(&self.to_text()).expect("the alphabet is ASCII"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<$name, Invalid> {
                $name::parse(text)
            }
        }
    };
}

id_type!(AccountId, "acct_");
id_type!(WebhookId, "wh_");
id_type!(EventId, "evt_");
id_type!(DeliveryId, "dlv_");
id_type!(PowerlistId, "pl_");
id_type!(ContactId, "ct_");
id_type!(KeyId, "key_");
id_type!(UserId, "usr_");
id_type!(JobId, "job_");
id_type!(AuditId, "aud_");
id_type!(
    /// Of a request to an inbound webhook.
    RequestId,
    "req_"
);

impl EventId {
    /// The id of the delivery to the event's `position`-th target.
    pub fn delivery(self, position: usize) -> DeliveryId {
        DeliveryId::from_raw(self.0 + (position as u64 + 1) * ID_STRIDE)
    }
}

impl DeliveryId {
    /// Which target of `event` this delivers to, if its id stands behind that event's.
    pub fn position_in(self, event: EventId) -> Option<usize> {
        let distance = self.0.checked_sub(event.as_raw())?;
        let position = (distance / ID_STRIDE).checked_sub(1)?;
        (distance % ID_STRIDE == 0).then_some(position as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(ID_EPOCH_MS + millis)
    }

    #[test]
    fn ids_rise_even_when_the_clock_goes_back() {
        let mut sequence = IdSequence::new(3, 0);
        let first = sequence.block(at(1_000), 1);
        let second = sequence.block(at(10), 5);
        let third = sequence.block(at(10), 1);
        assert!(first < second);
        assert_eq!(third, second + 5 * ID_STRIDE);
        assert_eq!(EventId::from_raw(second).created_at(), at(1_000));
    }

    #[test]
    fn a_new_sequence_continues_behind_the_last_stored_id() {
        let mut before = IdSequence::new(1, 0);
        let last = before.block(at(5_000), 3) + 2 * ID_STRIDE;
        let mut after = IdSequence::new(1, last);
        assert!(after.block(at(0), 1) > last);
    }

    #[test]
    fn two_nodes_never_make_the_same_id() {
        let (mut a, mut b) = (IdSequence::new(1, 0), IdSequence::new(2, 0));
        assert_ne!(a.block(at(7), 1), b.block(at(7), 1));
    }

    #[test]
    fn a_delivery_knows_its_place_behind_its_event() {
        let event = EventId::from_raw(IdSequence::new(0, 0).block(at(1), 4));
        assert_eq!(event.delivery(2).position_in(event), Some(2));
        assert_eq!(DeliveryId::from_raw(event.as_raw()).position_in(event), None);
        let other = EventId::from_raw(event.as_raw() + 1);
        assert_eq!(event.delivery(2).position_in(other), None);
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for text in
            ["", "evt_", "evt_0", "wh_0000000000000", "evt_000000000000u", "evt_zzzzzzzzzzzzz"]
        {
            assert!(EventId::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips_and_sorts_like_the_number(a in 0..i64::MAX as u64, b in 0..i64::MAX as u64) {
            let (a, b) = (EventId::from_raw(a), EventId::from_raw(b));
            prop_assert_eq!(EventId::parse(&a.to_string()).expect("own format"), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
