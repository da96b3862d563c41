//! The event that is posted: a `call.ended` as the catalogue shows it, of just 1 KiB, with a
//! sequence number by which its deliveries are known again.

use anyhow::Context;
use posthaste_core::catalogue::builtin;
use serde_json::Value;

pub const EVENT_TYPE: &str = "call.ended";
pub const DATA_BYTES: usize = 1024;
/// The first member of `data`, so that a receiver finds it soon.
const MARK: &str = r#""sequence":""#;
const SEQUENCE_DIGITS: usize = 12;
/// Members that name rows of a real installation, or are not needed to fill 1 KiB.
const LEFT_OUT: [&str; 3] = ["powerlist_id", "contact_id", "recording_expires_at"];
/// Made longer until the data has its size.
const FILLED: &str = "summary";

/// The bytes of a request to post one or more events, with places for their sequence numbers.
#[derive(Debug, Clone)]
pub struct RequestTemplate {
    bytes: Vec<u8>,
    /// Where the digits of each event start.
    places: Vec<usize>,
}

impl RequestTemplate {
    /// A request to `path` with `events` events: a single one, or a batch.
    pub fn new(
        path: &str,
        api_key: &str,
        event_type: &str,
        events: Events,
    ) -> anyhow::Result<RequestTemplate> {
        let data = data()?;
        let event = format!(r#"{{"event":"{event_type}","data":{data}}}"#);
        let body = match events {
            Events::One => event,
            Events::Batch(count) => {
                format!(r#"{{"events":[{}]}}"#, vec![event; count].join(","))
            }
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {api_key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let text = head + &body;
        let places = text.match_indices(MARK).map(|(start, mark)| start + mark.len()).collect();
        Ok(RequestTemplate { bytes: text.into_bytes(), places })
    }

    pub fn events(&self) -> usize {
        self.places.len()
    }

    /// The request for the events from `first` on.
    pub fn with_sequences(&mut self, first: usize) -> &[u8] {
        for (sequence, &place) in (first..).zip(&self.places) {
            write_digits(sequence, &mut self.bytes[place..place + SEQUENCE_DIGITS]);
        }
        &self.bytes
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    One,
    Batch(usize),
}

/// Of a delivery's body.
pub fn sequence_in(body: &[u8]) -> Option<usize> {
    let mark = MARK.as_bytes();
    let start = body.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let digits = body.get(start..start + SEQUENCE_DIGITS)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn write_digits(mut number: usize, place: &mut [u8]) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
    }
}

/// Canonical already, as `JSON.stringify` of a publisher would make it.
pub fn data() -> anyhow::Result<String> {
    let sample = builtin(EVENT_TYPE).context("the catalogue has call.ended")?.sample;
    let mut value: Value = serde_json::from_str(sample)?;
    let members = value.as_object_mut().context("a sample is an object")?;
    for name in LEFT_OUT {
        members.shift_remove(name);
    }
    let start = format!("{{{MARK}{:0SEQUENCE_DIGITS$}\",", 0);
    let length = start.len() + value.to_string().len() - 1;
    let missing = DATA_BYTES.checked_sub(length).context("the sample has outgrown 1 KiB")?;
    let filled = value[FILLED].as_str().context("the sample has a summary")?;
    let filling = " She prefers to be called in the morning.".chars().cycle().take(missing);
    value[FILLED] = Value::from(filled.chars().chain(filling).collect::<String>());
    Ok(start + &value.to_string()[1..])
}

#[cfg(test)]
mod tests {
    use posthaste_core::canonical::canonicalise_object;

    use super::*;

    #[test]
    fn the_data_is_one_kibibyte_in_canonical_form() {
        let data = data().unwrap();
        assert_eq!(data.len(), DATA_BYTES);
        assert_eq!(canonicalise_object(data.as_bytes()).unwrap(), data);
    }

    #[test]
    fn a_request_carries_the_sequence_numbers_it_is_given() {
        let mut one = RequestTemplate::new("/v1/events", "phk_", EVENT_TYPE, Events::One).unwrap();
        assert_eq!(sequence_in(one.with_sequences(42)), Some(42));
        assert_eq!(sequence_in(one.with_sequences(7)), Some(7));
        let mut batch = RequestTemplate::new("/", "phk_", EVENT_TYPE, Events::Batch(3)).unwrap();
        let text = String::from_utf8(batch.with_sequences(998).to_vec()).unwrap();
        for sequence in ["000000000998", "000000000999", "000000001000"] {
            assert_eq!(text.matches(sequence).count(), 1, "{sequence}");
        }
        assert_eq!(sequence_in(b"{}"), None);
    }
}
