//! One HTTP/1.1 connection, and one exchange at a time on it (RFC 9112). The task that wants the
//! answer writes the request and reads the answer itself: no task of the connection's own, no
//! channel between the two, and nothing allocated that the connection does not keep.
//!
//! Requests are never pipelined, so whatever comes while none is under way is a reason to close.

mod answer;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use posthaste_core::limits::RESPONSE_HEAD_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) use answer::{AnswerReader, BodyExpected, NotHttp};

use crate::dialer::{Connection, ConnectionFacts};

/// What a connection reads into while it is idle: enough for what most receivers answer.
const BUFFER_BYTES: usize = 4 * 1024;
/// What it may grow to: a head has to fit as a whole.
const BUFFER_BYTES_MAX: usize = RESPONSE_HEAD_BYTES_MAX;

pub(crate) struct Http1 {
    connection: Connection,
    /// Of the request under way; kept for its room.
    head: Vec<u8>,
    buffer: Box<[u8]>,
    /// The start of `buffer` that holds bytes nobody has taken.
    filled: usize,
    /// Something was read since the request was begun.
    is_answering: bool,
    is_request_sent: bool,
}

/// Why there is no whole answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    #[error("closed")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    NotHttp(#[from] NotHttp),
}

impl Http1 {
    pub(crate) fn new(connection: Connection) -> Http1 {
        Http1 {
            connection,
            head: Vec::with_capacity(1024),
            buffer: vec![0; BUFFER_BYTES].into(),
            filled: 0,
            is_answering: false,
            is_request_sent: false,
        }
    }

    pub(crate) fn facts(&self) -> ConnectionFacts {
        self.connection.facts()
    }

    /// Whether nothing at all was read since the request was begun.
    pub(crate) fn is_silent(&self) -> bool {
        !self.is_answering
    }

    /// Whether an idle connection can take a request: false once the receiver has closed it, or
    /// has sent what nobody asked for. What is still on its way cannot be known.
    pub(crate) fn is_usable(&mut self) -> bool {
        self.connection.is_quiet()
    }

    /// Sends what `write_head` makes and `body`, and reads until `answer` is complete. `on_head`
    /// is called once, when the head of the answer is.
    pub(crate) async fn exchange(
        &mut self,
        write_head: impl FnOnce(&mut Vec<u8>),
        body: &[u8],
        answer: &mut AnswerReader,
        mut on_head: impl FnMut(),
    ) -> Result<(), ExchangeError> {
        debug_assert_eq!(self.filled, 0, "such a connection is not used again");
        self.head.clear();
        write_head(&mut self.head);
        (self.is_answering, self.is_request_sent) = (false, false);
        let mut sent = 0;
        let mut send_failure = None;
        let mut had_head = false;
        poll_fn(|cx| {
            // A receiver may answer before it has read everything, and close: what it said counts,
            // however the sending goes.
            if !self.is_request_sent && send_failure.is_none() {
                match self.poll_send(cx, body, &mut sent) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(())) => self.is_request_sent = true,
                    Poll::Ready(Err(error)) => send_failure = Some(error),
                }
            }
            loop {
                let read = match self.poll_read(cx) {
                    Poll::Ready(read) => read?,
                    Poll::Pending => {
                        let failure = send_failure.take();
                        return failure
                            .map_or(Poll::Pending, |error| Poll::Ready(Err(error.into())));
                    }
                };
                if read == 0 {
                    let is_complete = answer.end_of_input();
                    let result = if is_complete { Ok(()) } else { Err(ExchangeError::Closed) };
                    return Poll::Ready(result);
                }
                let taken = answer.take(&self.buffer[..self.filled])?;
                self.buffer.copy_within(taken..self.filled, 0);
                self.filled -= taken;
                if answer.has_head() && !had_head {
                    had_head = true;
                    on_head();
                }
                if answer.is_complete() {
                    return Poll::Ready(Ok(()));
                }
            }
        })
        .await
    }

    /// Whether the connection can wait for its next request, after an answer that would let it:
    /// not with half a request sent, and not with anything behind the answer. Lets go of what
    /// large heads and answers have made it grow to.
    pub(crate) fn settle(&mut self) -> bool {
        if self.buffer.len() > BUFFER_BYTES {
            self.buffer = vec![0; BUFFER_BYTES].into();
        }
        if self.head.capacity() > BUFFER_BYTES {
            self.head = Vec::new();
        }
        self.is_request_sent && self.filled == 0
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        body: &[u8],
        sent: &mut usize,
    ) -> Poll<io::Result<()>> {
        let mut connection = Pin::new(&mut self.connection);
        while *sent < self.head.len() + body.len() {
            let (head, body) = match self.head.get(*sent..) {
                Some(head) => (head, body),
                None => (&[][..], &body[*sent - self.head.len()..]),
            };
            let pieces = [IoSlice::new(head), IoSlice::new(body)];
            let written = ready!(connection.as_mut().poll_write_vectored(cx, &pieces))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *sent += written;
        }
        connection.poll_flush(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.filled == self.buffer.len() {
            self.grow();
        }
        let mut room = ReadBuf::new(&mut self.buffer[self.filled..]);
        ready!(Pin::new(&mut self.connection).poll_read(cx, &mut room))?;
        let read = room.filled().len();
        self.filled += read;
        self.is_answering |= read > 0;
        Poll::Ready(Ok(read))
    }

    fn grow(&mut self) {
        let length = (2 * self.buffer.len()).min(BUFFER_BYTES_MAX);
        assert!(length > self.filled, "a head that does not fit was refused");
        let mut larger = vec![0; length];
        larger[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
        self.buffer = larger.into();
    }
}
