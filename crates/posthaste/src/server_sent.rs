//! Reads server-sent events out of whatever pieces they arrive in. As far as our own server writes
//! them: the standard's oddities (a byte order mark, `\r` alone as an end of line) are left out.

/// A line that is longer is no event of ours.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub data: String,
}

#[derive(Debug, Default)]
pub struct Reader {
    /// The beginning of a line whose end is not there yet.
    line: Vec<u8>,
    name: String,
    data: Option<String>,
    /// Of the event whose end is not there yet.
    id: Option<String>,
    /// Sent back to go on after a connection was lost.
    last_id: Option<String>,
}

impl Reader {
    /// The events that these bytes complete.
    pub fn take(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(&line);
            events.extend(self.take_line(line.strip_suffix('\r').unwrap_or(&line)));
        }
        self.line.extend_from_slice(rest);
        anyhow::ensure!(
            self.line.len() <= LINE_BYTES_MAX,
            "a line of more than {LINE_BYTES_MAX} bytes"
        );
        Ok(events)
    }

    /// The connection is gone, and what was half there with it.
    pub fn cut(&mut self) {
        *self = Reader { last_id: self.last_id.take(), ..Reader::default() };
    }

    /// Where to go on.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    fn take_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            self.last_id = self.id.take().or(self.last_id.take());
            let name = std::mem::take(&mut self.name);
            return self.data.take().map(|data| Event { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "id" => self.id = Some(value.to_owned()),
            "data" => match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
            },
            // A comment, or `retry`, which is for browsers.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\nretry: 2000\nid: a-0\n\nevent: delivery\nid: a-1\ndata: {\"n\":1}\n\n\
                          : still here\nid: a-2\n\nevent: skipped\r\ndata:one\r\ndata: two\r\n\r\n";

    fn events() -> Vec<Event> {
        let event = |name: &str, data: &str| Event { name: name.to_owned(), data: data.to_owned() };
        vec![event("delivery", "{\"n\":1}"), event("skipped", "one\ntwo")]
    }

    #[test]
    fn however_it_is_cut_into_pieces_it_says_the_same() {
        for length in 1..STREAM.len() {
            let mut reader = Reader::default();
            let mut seen = Vec::new();
            for piece in STREAM.as_bytes().chunks(length) {
                seen.extend(reader.take(piece).unwrap());
            }
            assert_eq!(seen, events(), "in pieces of {length}");
            assert_eq!(reader.last_id(), Some("a-2"));
        }
    }

    #[test]
    fn what_was_half_there_when_the_connection_was_lost_is_forgotten() {
        let mut reader = Reader::default();
        assert!(reader.take(b"id: a-1\nevent: delivery\ndata: {\"n\":").unwrap().is_empty());
        reader.cut();
        assert_eq!(reader.last_id(), None, "its event was not seen whole");
        assert_eq!(reader.take(STREAM.as_bytes()).unwrap(), events());
    }

    #[test]
    fn a_line_without_end_is_not_gathered_for_ever() {
        let mut reader = Reader::default();
        let piece = vec![b'x'; LINE_BYTES_MAX / 2 + 1];
        assert!(reader.take(&piece).is_ok());
        assert!(reader.take(&piece).is_err());
    }
}
