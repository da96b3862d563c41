//! HTTP/1.1 messages as both ends of the load generator read them: a head, and a body of a
//! declared length. Nothing more of HTTP is understood.
//!
//! Why not hyper: the load generator shares the machine with what it measures. Each microsecond
//! it spends on a delivery is one that the server does not get, and the figures would say so.

use std::io;
use std::ops::Range;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

const HEAD_BYTES_MAX: usize = 64 * 1024;
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// Reads one message after the other from a connection.
pub struct MessageReader {
    buffer: BytesMut,
    /// Of the message that was given out last.
    spent: usize,
}

/// Borrowed from the reader, until it reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// `POST /path HTTP/1.1` or `HTTP/1.1 202 Accepted`.
    pub start_line: &'a [u8],
    /// The header `webhook-id`, if there is one.
    pub webhook_id: Option<&'a [u8]>,
    pub body: &'a [u8],
}

impl Message<'_> {
    /// Of an answer.
    pub fn status(&self) -> Option<u16> {
        let digits = self.start_line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

/// Where things are in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    start_line: Range<usize>,
    webhook_id: Option<Range<usize>>,
    body: Range<usize>,
}

impl MessageReader {
    pub fn new() -> MessageReader {
        MessageReader { buffer: BytesMut::with_capacity(READ_BYTES), spent: 0 }
    }

    /// The next message, or `None` when the other side has closed the connection between two.
    pub async fn next<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> io::Result<Option<Message<'_>>> {
        self.buffer.advance(self.spent);
        self.spent = 0;
        let head = loop {
            if let Some(head) = find_head(&self.buffer)? {
                break head;
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(malformed("the head is too long"));
            }
            if !self.read_more(stream).await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(cut_off()) };
            }
        };
        while self.buffer.len() < head.body.end {
            if !self.read_more(stream).await? {
                return Err(cut_off());
            }
        }
        self.spent = head.body.end;
        Ok(Some(Message {
            start_line: &self.buffer[head.start_line],
            webhook_id: head.webhook_id.map(|range| &self.buffer[range]),
            body: &self.buffer[head.body],
        }))
    }

    /// Whether there was more.
    async fn read_more<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<bool> {
        self.buffer.reserve(READ_BYTES);
        Ok(stream.read_buf(&mut self.buffer).await? > 0)
    }
}

/// `None` as long as the head is not complete.
fn find_head(buffer: &[u8]) -> io::Result<Option<Head>> {
    let mut start_line = None;
    let mut webhook_id = None;
    let mut content_length = 0;
    let mut line_start = 0;
    loop {
        let Some(length) = buffer[line_start..].iter().position(|&byte| byte == b'\n') else {
            return Ok(None);
        };
        let next_line = line_start + length + 1;
        let line_end = next_line - if length > 0 && buffer[next_line - 2] == b'\r' { 2 } else { 1 };
        let line = &buffer[line_start..line_end];
        if line.is_empty() {
            let start_line = start_line.ok_or_else(|| malformed("there is no start line"))?;
            let body = next_line..next_line + content_length;
            return Ok(Some(Head { start_line, webhook_id, body }));
        }
        if start_line.is_none() {
            start_line = Some(line_start..line_end);
        } else if let Some(value) = value_of(line, b"content-length:") {
            content_length = parse_length(value)?;
        } else if let Some(value) = value_of(line, b"webhook-id:") {
            webhook_id = Some(line_end - value.len()..line_end);
        } else if value_of(line, b"transfer-encoding:").is_some() {
            return Err(malformed("only bodies with a content-length are understood"));
        }
        line_start = next_line;
    }
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii_start())
}

fn parse_length(value: &[u8]) -> io::Result<usize> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.trim_ascii_end().parse().ok())
        .filter(|&length| length <= BODY_BYTES_MAX)
        .ok_or_else(|| malformed("the content-length is not a length"))
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended within a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(mut bytes: &[u8]) -> io::Result<Vec<(Option<u16>, String, String)>> {
        let mut reader = MessageReader::new();
        let mut messages = Vec::new();
        while let Some(message) = reader.next(&mut bytes).await? {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let id = text(message.webhook_id.unwrap_or_default());
            messages.push((message.status(), id, text(message.body)));
        }
        Ok(messages)
    }

    #[tokio::test]
    async fn messages_that_come_at_once_are_told_apart() {
        let bytes = b"POST / HTTP/1.1\r\nWebhook-Id: evt_1\r\nContent-Length: 2\r\n\r\nab\
                      HTTP/1.1 202 Accepted\r\n\r\n";
        let messages = read_all(bytes).await.unwrap();
        let expected = [
            (None, "evt_1".to_owned(), "ab".to_owned()),
            (Some(202), String::new(), String::new()),
        ];
        assert_eq!(messages, expected);
    }

    #[tokio::test]
    async fn what_is_cut_off_or_not_understood_is_an_error() {
        for bytes in [
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ncontent-le",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "\r\n",
        ] {
            assert!(read_all(bytes.as_bytes()).await.is_err(), "{bytes:?}");
        }
    }
}
