//! The receivers that deliveries go to. Each has a port of its own, as real receivers have hosts
//! of their own, and one way of behaving. Where there are thousands, one listens for all of them,
//! on as many addresses, and tells them apart by their paths.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::ledger::Ledger;
use crate::wire::MessageReader;
use crate::workload::sequence_in;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const FAILED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\nno";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Behaviour {
    /// `200`, after this long.
    Answers(Duration),
    /// Takes requests and never says a word.
    Hangs,
    /// `500`, at once.
    Fails,
}

/// Whose arrivals are entered into the ledger, and as what.
#[derive(Clone)]
pub struct Entry {
    pub ledger: Arc<Ledger>,
    pub position: Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    At(usize),
    /// The number that the request's path ends with.
    InPath,
}

/// Connections that may wait to be taken: with thousands of webhooks, thousands come at once.
const BACKLOG: u32 = 4_096;

/// A running receiver. Ends when dropped.
pub struct Receiver {
    pub address: SocketAddr,
    serving: JoinSet<()>,
}

impl Receiver {
    /// Without an `entry` it only behaves.
    pub fn start(behaviour: Behaviour, entry: Option<Entry>) -> anyhow::Result<Receiver> {
        Receiver::start_at((Ipv4Addr::LOCALHOST, 0).into(), behaviour, entry)
    }

    /// On the address that a receiver before it had, or on all of them.
    pub fn start_at(
        address: SocketAddr,
        behaviour: Behaviour,
        entry: Option<Entry>,
    ) -> anyhow::Result<Receiver> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, behaviour, entry));
        Ok(Receiver { address, serving })
    }

    /// Ends it, so that another may have its address.
    pub async fn end(mut self) {
        self.serving.shutdown().await;
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
}

async fn serve(listener: TcpListener, behaviour: Behaviour, entry: Option<Entry>) {
    let mut connections = JoinSet::new();
    // Ends with the process at the latest, when no more connections can be had.
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, behaviour, entry.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Whatever goes wrong on a connection ends it; what did not arrive will show in the ledger.
async fn answer(mut stream: TcpStream, behaviour: Behaviour, entry: Option<Entry>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut reader = MessageReader::new();
    while let Ok(Some(message)) = reader.next(&mut stream).await {
        if let Some(Entry { ledger, position }) = &entry {
            let webhook_id = message.webhook_id.unwrap_or_default();
            let position = match position {
                Position::At(position) => Some(*position),
                Position::InPath => number_in_path(message.start_line),
            };
            // A path that nobody was told of is an arrival of nothing.
            let sequence = position.and(sequence_in(message.body));
            ledger.arrived(sequence, position.unwrap_or_default(), webhook_id);
        }
        let text = match behaviour {
            Behaviour::Answers(delay) => {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                OK
            }
            Behaviour::Fails => FAILED,
            // Reads on, so that it ends when the other side gives up.
            Behaviour::Hangs => continue,
        };
        if stream.write_all(text).await.is_err() {
            return;
        }
    }
}

/// `POST /hook/17 HTTP/1.1` is 17.
fn number_in_path(start_line: &[u8]) -> Option<usize> {
    let path = std::str::from_utf8(start_line).ok()?.split(' ').nth(1)?;
    path.rsplit('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_known_by_the_end_of_its_path() {
        let check = |line: &str, expected| assert_eq!(number_in_path(line.as_bytes()), expected);
        check("POST /hook/17 HTTP/1.1", Some(17));
        check("POST /hook/0 HTTP/1.1", Some(0));
        check("POST /hook HTTP/1.1", None);
        check("POST", None);
        check("", None);
    }
}
