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
        let string = &self.text[self.at..self.at + len];
        self.at += len;
        self.take(b'"').map(|()| string)
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
