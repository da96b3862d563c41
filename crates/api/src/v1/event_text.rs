//! Reads the usual spelling of an event, or of a batch, in one go: the members in any order, each
//! once, with plain strings. Whatever is wrong or unusual is left to serde, which reads anything
//! that is right and has a message for everything that is not.

use std::borrow::Cow;

use posthaste_core::canonical::canonicalise_leading_object;
use posthaste_core::limits::BATCH_EVENTS_MAX;

use super::event_body::WrittenEvent;

/// The event that `body` is; `None` says nothing about it.
pub fn event(body: &[u8]) -> Option<WrittenEvent<'_>> {
    let mut cursor = Cursor::open(body)?;
    let event = cursor.event()?;
    cursor.end().then_some(event)
}

/// The events of the batch that `body` is, each of at most `event_bytes_max`.
pub fn batch(body: &[u8], event_bytes_max: usize) -> Option<Vec<WrittenEvent<'_>>> {
    let mut cursor = Cursor::open(body)?;
    cursor.take(b'{')?;
    if cursor.plain_string()? != "events" {
        return None;
    }
    cursor.take(b':')?;
    cursor.take(b'[')?;
    let mut events = Vec::new();
    loop {
        cursor.skip_space();
        let start = cursor.at;
        events.push(cursor.event()?);
        if events.len() > BATCH_EVENTS_MAX || cursor.at - start > event_bytes_max {
            return None;
        }
        if cursor.take(b',').is_none() {
            break;
        }
    }
    cursor.take(b']')?;
    cursor.take(b'}')?;
    cursor.end().then_some(events)
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn open(body: &'a [u8]) -> Option<Cursor<'a>> {
        std::str::from_utf8(body).ok().map(|text| Cursor { text, at: 0 })
    }

    fn end(mut self) -> bool {
        self.skip_space();
        self.at == self.text.len()
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', ..] = self.rest() {
            self.at += 1;
        }
    }

    /// `byte`, perhaps behind space.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        let is_there = self.rest().first() == Some(&byte);
        self.at += usize::from(is_there);
        is_there.then_some(())
    }

    /// A string that stands for itself, perhaps behind space.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let is_special = |byte: &u8| matches!(byte, 0..=0x1f | b'"' | b'\\');
        let len = self.rest().iter().position(is_special)?;
        if self.rest()[len] != b'"' {
            return None;
        }
        let string = &self.text[self.at..self.at + len];
        self.at += len + 1;
        Some(string)
    }

    fn plain_string_or_null(&mut self) -> Option<Option<&'a str>> {
        self.skip_space();
        if !self.rest().starts_with(b"null") {
            return self.plain_string().map(Some);
        }
        self.at += "null".len();
        Some(None)
    }

    fn object(&mut self) -> Option<Cow<'a, str>> {
        self.skip_space();
        let (object, len) = canonicalise_leading_object(&self.text[self.at..])?;
        self.at += len;
        Some(object)
    }

    fn event(&mut self) -> Option<WrittenEvent<'a>> {
        let (mut event, mut data, mut timestamp, mut powerlist_id) = (None, None, None, None);
        self.take(b'{')?;
        loop {
            let member = self.plain_string()?;
            self.take(b':')?;
            match member {
                "event" => once(&mut event, self.plain_string()?)?,
                "data" => once(&mut data, self.object()?)?,
                "timestamp" => once(&mut timestamp, self.plain_string()?)?,
                "powerlist_id" => once(&mut powerlist_id, self.plain_string_or_null()?)?,
                _ => return None,
            }
            if self.take(b',').is_none() {
                break;
            }
        }
        self.take(b'}')?;
        Some(WrittenEvent {
            event: Cow::Borrowed(event?),
            data: Ok(data?),
            timestamp: timestamp.map(Cow::Borrowed),
            powerlist_id: powerlist_id.flatten().map(Cow::Borrowed),
        })
    }
}

/// `None` if it was there before.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::super::event_body::EventBody;
    use super::super::events::{BatchBody, read_batch};
    use super::*;
    use crate::extract::parse_json;

    const BYTES_MAX: usize = 200;

    fn by_serde(body: &[u8]) -> Option<WrittenEvent<'_>> {
        parse_json::<EventBody<'_>>(body).ok().map(WrittenEvent::from)
    }

    fn batch_by_serde(body: &[u8]) -> Option<Vec<WrittenEvent<'_>>> {
        let batch: BatchBody<'_> = parse_json(body).ok()?;
        read_batch(&batch, BYTES_MAX).ok()
    }

    /// Whatever is read here, serde reads too, and alike.
    fn check_agreement(body: &[u8]) {
        let shown = String::from_utf8_lossy(body);
        if let Some(event) = event(body) {
            assert_eq!(Some(event), by_serde(body), "{shown}");
        }
        if let Some(events) = batch(body, BYTES_MAX) {
            assert_eq!(Some(events), batch_by_serde(body), "{shown}");
        }
    }

    const USUAL: [&str; 5] = [
        r#"{"event":"call.ended","data":{"a":1}}"#,
        r#"{"data":{"b":[1.50],"1":"\u0041"},"event":"a"}"#,
        " {\n \"event\": \"a\", \"timestamp\": \"2025-01-15T14:30:25Z\",\r\n\t\"data\": { } } ",
        r#"{"event":"","data":{},"powerlist_id":"pl_1","timestamp":"é"}"#,
        r#"{"powerlist_id":null,"event":"a","data":{}}"#,
    ];

    #[test]
    fn usual_events_are_read_at_once_and_like_serde() {
        for body in USUAL {
            assert!(event(body.as_bytes()).is_some(), "{body}");
            check_agreement(body.as_bytes());
            let in_batch = format!("{{ \"events\": [{body} , {body}] }}");
            assert_eq!(batch(in_batch.as_bytes(), BYTES_MAX).map(|events| events.len()), Some(2));
            check_agreement(in_batch.as_bytes());
        }
    }

    #[test]
    fn unusual_events_are_left_to_serde() {
        let check = |body: &str| assert_eq!(event(body.as_bytes()), None, "{body}");
        check("");
        check("{}");
        check(r#"{"event":"a"}"#);
        check(r#"{"data":{}}"#);
        check(r#"{"event":"a","data":{},}"#);
        check(r#"{"event":"a","data":{}} x"#);
        check(r#"{"event":"a","data":{},"event":"a"}"#);
        check(r#"{"event":"a","data":{},"powerlist_id":null,"powerlist_id":"x"}"#);
        check(r#"{"event":"a","data":{},"other":1}"#);
        check(r#"{"event":"\u0061","data":{}}"#);
        check(r#"{"event":1,"data":{}}"#);
        check(r#"{"event":"a","data":[]}"#);
        check(r#"{"event":"a","data":{"a":1,"a":2}}"#);
        check(r#"{"event":"a","data":{"a":1e999}}"#);
        check(r#"{"event":"a","data":{},"timestamp":null}"#);
        let check = |body: &str| assert_eq!(batch(body.as_bytes(), BYTES_MAX), None, "{body}");
        check(r#"{"events":[]}"#);
        check(r#"{"events":[{"event":"a","data":{}},]}"#);
        check(r#"{"events":[{"event":"a","data":{}}],"x":1}"#);
        check(&format!(r#"{{"events":[{{"event":"{}","data":{{}}}}]}}"#, "x".repeat(BYTES_MAX)));
        let many = vec![r#"{"event":"a","data":{}}"#; BATCH_EVENTS_MAX + 1].join(",");
        check(&format!(r#"{{"events":[{many}]}}"#));
    }

    #[test]
    fn no_change_of_one_byte_makes_the_two_disagree() {
        const BYTES: &[u8] = b"{}[]:,\"\\ \n\x00\x1f019.-eux\xc3\xff";
        let batches = USUAL.map(|body| format!("{{\"events\":[{body},{body}]}}"));
        for body in USUAL.into_iter().chain(batches.iter().map(String::as_str)) {
            let body = body.as_bytes();
            for at in 0..body.len() {
                let (before, behind) = body.split_at(at);
                check_agreement(before);
                check_agreement(&[before, &behind[1..]].concat());
                check_agreement(&[before, &behind[..1], behind].concat());
                for byte in BYTES {
                    check_agreement(&[before, &[*byte], behind].concat());
                    check_agreement(&[before, &[*byte], &behind[1..]].concat());
                }
            }
        }
    }
}
