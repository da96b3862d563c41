//! The packed parts of a history row: an attempt, and what a list shows of a delivery beside the
//! columns that filters look at. A tenth of the cost of a column each, and half of the bytes.
//!
//! Times are written as distances from the delivery's id, which has one in it. Each form starts
//! with a version, and what does not read back whole is damage.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use posthaste_core::attempt::{Attempt, Exchange, Outcome, Timings, Trigger};
use posthaste_core::delivery::{Delivery, DeliveryState, LastAttempt, Progress};
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::id::{DeliveryId, EventId, ID_STRIDE};
use posthaste_core::sent_headers::SentHeaders;
use posthaste_core::time::Timestamp;
use posthaste_core::varint::{Reader, write_bytes, write_signed, write_varint};

use super::fault::Fault;
use super::packed_lines;
use super::packed_lines::LinePacker;
use super::rows::{self, state_columns, state_of};

const VERSION: u8 = 1;

/// What a row says of a delivery beside the columns that name it.
#[derive(Debug, PartialEq, Eq)]
pub struct Standing {
    pub event_id: EventId,
    pub trigger: Trigger,
    pub state: DeliveryState,
    pub progress: Progress,
    pub last: Option<LastAttempt>,
    /// The number of the attempt that stands in the row itself; 0 for none.
    pub inline: u32,
}

// Which of the optional parts of a standing are there.
const DEFERRED: u8 = 1;
const LAST: u8 = 2;
const LAST_ERROR: u8 = 4;

/// Appends the packed standing of `delivery`, whose newest attempt was `last`; `inline` as in
/// [`Standing`].
pub fn pack_standing(
    packed: &mut Vec<u8>,
    delivery: &Delivery,
    last: Option<&LastAttempt>,
    inline: u32,
) {
    let base = delivery.id.created_at();
    let position = delivery.id.position_in(delivery.event_id);
    let position = position.expect("a delivery's id stands behind its event's");
    let Progress { attempts, used, first_deferred_at } = delivery.progress;
    let error = last.and_then(|last| last.error.as_deref());
    let has = |there: bool, flag: u8| if there { flag } else { 0 };
    let flags = has(first_deferred_at.is_some(), DEFERRED)
        | has(last.is_some(), LAST)
        | has(error.is_some(), LAST_ERROR);
    packed.extend([VERSION, flags, trigger_code(delivery.trigger)]);
    write_varint(packed, position as u64);
    write_time(packed, base, state_columns(delivery.state).1);
    write_varint(packed, u64::from(attempts));
    write_varint(packed, u64::from(used));
    write_varint(packed, u64::from(inline));
    if let Some(at) = first_deferred_at {
        write_time(packed, base, at);
    }
    if let Some(last) = last {
        packed.push(last.outcome.code());
        write_time(packed, base, last.started_at);
        write_varint(packed, u64::from(last.duration_ms));
    }
    if let Some(error) = error {
        write_bytes(packed, error.as_bytes());
    }
}

/// The state and the status code of the newest attempt have columns of their own.
pub fn unpack_standing(
    id: DeliveryId,
    state: i64,
    status_code: Option<u16>,
    packed: &[u8],
) -> Result<Standing, Fault> {
    read_standing(id, state, status_code, packed)
        .ok_or_else(|| Fault::damaged(format!("what a row says of {id}")))
}

fn read_standing(
    id: DeliveryId,
    state: i64,
    status_code: Option<u16>,
    packed: &[u8],
) -> Option<Standing> {
    let base = id.created_at();
    let mut reader = Reader(packed);
    let [VERSION, flags, trigger] = reader.array()? else { return None };
    let behind = reader.varint()?.checked_add(1)?.checked_mul(ID_STRIDE)?;
    let state = state_of(state, read_time(&mut reader, base)?)?;
    let (attempts, used, inline) = (reader.number()?, reader.number()?, reader.number()?);
    let mut first_deferred_at = None;
    if flags & DEFERRED != 0 {
        first_deferred_at = Some(read_time(&mut reader, base)?);
    }
    let mut last = None;
    if flags & LAST != 0 {
        last = Some(LastAttempt {
            outcome: Outcome::from_code(reader.byte()?)?,
            status_code,
            error: None,
            started_at: read_time(&mut reader, base)?,
            duration_ms: reader.number()?,
        });
    }
    if flags & LAST_ERROR != 0 {
        last.as_mut()?.error = Some(read_text(&mut reader)?);
    }
    reader.finish()?;
    Some(Standing {
        event_id: EventId::from_raw(id.as_raw().checked_sub(behind)?),
        trigger: trigger_of(trigger)?,
        state,
        progress: Progress { attempts, used, first_deferred_at },
        last,
        inline,
    })
}

// Which of the optional parts of an attempt are there.
const STATUS: u8 = 1;
const ERROR: u8 = 2;
const DNS: u8 = 4;
const CONNECT: u8 = 8;
const TLS: u8 = 16;
const FIRST_BYTE: u8 = 32;
const ADDRESS: u8 = 64;
const TRUNCATED: u8 = 128;

/// Appends an attempt of the delivery `id`.
pub fn pack_attempt(
    packed: &mut Vec<u8>,
    lines: &mut LinePacker,
    id: DeliveryId,
    attempt: &Attempt,
) {
    let base = id.created_at();
    let Timings { dns_ms, connect_ms, tls_ms, first_byte_ms } = attempt.timings;
    let exchange = &attempt.exchange;
    let has = |there: bool, flag: u8| if there { flag } else { 0 };
    let flags = has(attempt.status_code.is_some(), STATUS)
        | has(attempt.error.is_some(), ERROR)
        | has(dns_ms.is_some(), DNS)
        | has(connect_ms.is_some(), CONNECT)
        | has(tls_ms.is_some(), TLS)
        | has(first_byte_ms.is_some(), FIRST_BYTE)
        | has(exchange.remote_address.is_some(), ADDRESS)
        | has(exchange.truncated, TRUNCATED);
    packed.extend([VERSION, flags, trigger_code(attempt.trigger), attempt.outcome.code()]);
    write_varint(packed, u64::from(attempt.number));
    write_time(packed, base, attempt.started_at);
    write_varint(packed, u64::from(attempt.duration_ms));
    if let Some(status_code) = attempt.status_code {
        write_varint(packed, u64::from(status_code));
    }
    if let Some(error) = &attempt.error {
        write_bytes(packed, error.as_bytes());
    }
    for timing in [dns_ms, connect_ms, tls_ms, first_byte_ms].into_iter().flatten() {
        write_varint(packed, u64::from(timing));
    }
    if let Some(address) = exchange.remote_address {
        write_address(packed, address);
    }
    write_bytes(packed, exchange.request_headers.as_packed());
    lines.pack(packed, attempt.ended_at(), exchange.response_headers.as_str());
    packed.extend_from_slice(&exchange.response_body);
}

pub fn unpack_attempt(id: DeliveryId, packed: &[u8]) -> Result<Attempt, Fault> {
    let damaged = || Fault::damaged(format!("an attempt of {id}"));
    let (mut attempt, mut rest) = read_attempt(id, packed).ok_or_else(damaged)?;
    let request_headers = rest.bytes().ok_or_else(damaged)?;
    let lines = packed_lines::unpack(&mut rest, attempt.ended_at()).ok_or_else(damaged)?;
    let exchange = &mut attempt.exchange;
    exchange.request_headers =
        SentHeaders::from_packed(request_headers.to_vec()).map_err(|_| damaged())?;
    exchange.response_headers = HeaderLines::from_stored(lines);
    exchange.response_body = rest.rest().to_vec();
    Ok(attempt)
}

/// All but the headers and the body, which come next.
fn read_attempt(id: DeliveryId, packed: &[u8]) -> Option<(Attempt, Reader<'_>)> {
    let base = id.created_at();
    let mut reader = Reader(packed);
    let [VERSION, flags, trigger, outcome] = reader.array()? else { return None };
    let number = reader.number()?;
    let started_at = read_time(&mut reader, base)?;
    let duration_ms = reader.number()?;
    let status_code = if flags & STATUS == 0 { None } else { Some(reader.number()?) };
    let error = if flags & ERROR == 0 { None } else { Some(read_text(&mut reader)?) };
    let mut timing = |flag| match flags & flag {
        0 => Some(None),
        _ => reader.number().map(Some),
    };
    let timings = Timings {
        dns_ms: timing(DNS)?,
        connect_ms: timing(CONNECT)?,
        tls_ms: timing(TLS)?,
        first_byte_ms: timing(FIRST_BYTE)?,
    };
    let remote_address = if flags & ADDRESS == 0 { None } else { Some(read_address(&mut reader)?) };
    let exchange =
        Exchange { remote_address, truncated: flags & TRUNCATED != 0, ..Exchange::default() };
    let (trigger, outcome) = (trigger_of(trigger)?, Outcome::from_code(outcome)?);
    let attempt = Attempt {
        number,
        trigger,
        outcome,
        status_code,
        error,
        started_at,
        duration_ms,
        timings,
        exchange,
    };
    Some((attempt, reader))
}

fn write_time(packed: &mut Vec<u8>, base: Timestamp, at: Timestamp) {
    write_signed(packed, at.as_millis() - base.as_millis());
}

fn read_time(reader: &mut Reader<'_>, base: Timestamp) -> Option<Timestamp> {
    Some(Timestamp::from_millis(base.as_millis().checked_add(reader.signed()?)?))
}

fn read_text(reader: &mut Reader<'_>) -> Option<String> {
    std::str::from_utf8(reader.bytes()?).ok().map(str::to_owned)
}

const V4: u8 = 4;
const V6: u8 = 6;

fn write_address(packed: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(address) => {
            packed.push(V4);
            packed.extend(address.ip().octets());
        }
        SocketAddr::V6(address) => {
            packed.push(V6);
            packed.extend(address.ip().octets());
            write_varint(packed, u64::from(address.flowinfo()));
            write_varint(packed, u64::from(address.scope_id()));
        }
    }
    packed.extend(address.port().to_le_bytes());
}

fn read_address(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    match reader.byte()? {
        V4 => {
            let ip = Ipv4Addr::from(reader.array::<4>()?);
            Some(SocketAddrV4::new(ip, u16::from_le_bytes(reader.array()?)).into())
        }
        V6 => {
            let ip = Ipv6Addr::from(reader.array::<16>()?);
            let (flow, scope) = (reader.number()?, reader.number()?);
            let port = u16::from_le_bytes(reader.array()?);
            Some(SocketAddrV6::new(ip, port, flow, scope).into())
        }
        _ => None,
    }
}

fn trigger_code(trigger: Trigger) -> u8 {
    u8::try_from(rows::trigger_code(trigger)).expect("a handful")
}

fn trigger_of(code: u8) -> Option<Trigger> {
    Trigger::ALL.get(usize::from(code)).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use posthaste_core::event_type::EventType;
    use posthaste_core::id::{AccountId, WebhookId};
    use posthaste_core::sent_headers::SentValue;

    use super::*;

    const EVENT: EventId = EventId::from_raw(0x0000_0a1b_2c3d_0000);

    fn optional<T: Clone + std::fmt::Debug>(
        some: impl Strategy<Value = T>,
    ) -> impl Strategy<Value = Option<T>> {
        prop::option::of(some)
    }

    fn time() -> impl Strategy<Value = Timestamp> {
        (0..4_000_000_000_000_i64).prop_map(Timestamp::from_millis)
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        any::<u8>().prop_filter_map("a code", Outcome::from_code)
    }

    fn trigger() -> impl Strategy<Value = Trigger> {
        prop::sample::select(&Trigger::ALL[..])
    }

    prop_compose! {
        fn address()(v6: bool, ip: u128, port: u16, flow: u32, scope: u32) -> SocketAddr {
            if v6 {
                SocketAddrV6::new(Ipv6Addr::from(ip), port, flow, scope).into()
            } else {
                SocketAddrV4::new(Ipv4Addr::from(ip as u32), port).into()
            }
        }
    }

    prop_compose! {
        fn timings()(
            dns_ms: Option<u32>,
            connect_ms: Option<u32>,
            tls_ms: Option<u32>,
            first_byte_ms: Option<u32>,
        ) -> Timings {
            Timings { dns_ms, connect_ms, tls_ms, first_byte_ms }
        }
    }

    prop_compose! {
        fn exchange()(
            remote_address in optional(address()),
            sent in prop::collection::vec("[ -~]{0,40}", 0..4),
            response_headers in prop::collection::vec(("[a-z-]{1,20}", "[ -~]{0,40}"), 0..4),
            response_body: Vec<u8>,
            truncated: bool,
        ) -> Exchange {
            let mut request_headers = SentHeaders::default();
            for value in sent {
                request_headers.push_named("x-webhook-signature", SentValue::Text(&value));
            }
            let lines = response_headers.iter();
            let lines = lines.map(|(name, value)| (name.as_str(), value.as_str()));
            let response_headers = lines.collect();
            Exchange { remote_address, request_headers, response_headers, response_body, truncated }
        }
    }

    prop_compose! {
        fn attempt()(
            number: u32,
            trigger in trigger(),
            outcome in outcome(),
            status_code: Option<u16>,
            error in optional(".{0,40}"),
            started_at in time(),
            duration_ms: u32,
            timings in timings(),
            exchange in exchange(),
        ) -> Attempt {
            Attempt {
                number,
                trigger,
                outcome,
                status_code,
                error,
                started_at,
                duration_ms,
                timings,
                exchange,
            }
        }
    }

    prop_compose! {
        fn delivery()(
            position in 0..100_000_usize,
            trigger in trigger(),
            state in 0..5_i64,
            state_at in time(),
            attempts: u32,
            used: u32,
            first_deferred_at in optional(time()),
            last in optional(attempt()),
        ) -> Delivery {
            Delivery {
                id: EVENT.delivery(position),
                event_id: EVENT,
                account_id: AccountId::from_raw(1),
                webhook_id: WebhookId::from_raw(2),
                event_type: EventType::parse("call.ended").expect("a name"),
                trigger,
                state: state_of(state, state_at).expect("a code"),
                progress: Progress { attempts, used, first_deferred_at },
                last: last.as_ref().map(LastAttempt::from),
            }
        }
    }

    proptest! {
        #[test]
        fn any_attempt_comes_back(attempt in attempt()) {
            let mut packed = Vec::new();
            pack_attempt(&mut packed, &mut LinePacker::default(), EVENT.delivery(3), &attempt);
            prop_assert_eq!(unpack_attempt(EVENT.delivery(3), &packed).expect("own form"), attempt);
        }

        #[test]
        fn any_standing_comes_back(delivery in delivery(), inline: u32) {
            let mut packed = Vec::new();
            pack_standing(&mut packed, &delivery, delivery.last.as_ref(), inline);
            let (state, _) = state_columns(delivery.state);
            let status_code = delivery.last.as_ref().and_then(|last| last.status_code);
            let standing = unpack_standing(delivery.id, state, status_code, &packed);
            let expected = Standing {
                event_id: delivery.event_id,
                trigger: delivery.trigger,
                state: delivery.state,
                progress: delivery.progress,
                last: delivery.last,
                inline,
            };
            prop_assert_eq!(standing.expect("own form"), expected);
        }

        #[test]
        fn junk_is_damage_and_never_a_panic(
            version in 0..3_u8,
            mut junk: Vec<u8>,
            state: i64,
            id in 0..u64::MAX,
        ) {
            junk.insert(0, version);
            let _ = unpack_attempt(DeliveryId::from_raw(id), &junk);
            let _ = unpack_standing(DeliveryId::from_raw(id), state, None, &junk);
        }

        #[test]
        fn what_was_cut_off_is_damage_or_a_shorter_body(attempt in attempt(), at: usize) {
            let mut packed = Vec::new();
            pack_attempt(&mut packed, &mut LinePacker::default(), EVENT.delivery(0), &attempt);
            let whole = packed.len();
            packed.truncate(at % (whole + 1));
            if let Ok(short) = unpack_attempt(EVENT.delivery(0), &packed) {
                let lost = attempt.exchange.response_body.len() - short.exchange.response_body.len();
                prop_assert_eq!(lost, whole - packed.len());
            }
        }
    }
}
