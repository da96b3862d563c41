//! The receivers that deliveries go to. Each has a port of its own, as real receivers have hosts
//! of their own, and one way of behaving.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::ledger::Ledger;
use crate::wire::MessageReader;
use crate::workload::sequence_in;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const FAILED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\nno";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub position: usize,
}

/// A running receiver. Ends when dropped.
pub struct Receiver {
    pub address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Receiver {
    /// Without an `entry` it only behaves.
    pub async fn start(behaviour: Behaviour, entry: Option<Entry>) -> anyhow::Result<Receiver> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, behaviour, entry));
        Ok(Receiver { address, _serving: serving })
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
            ledger.arrived(sequence_in(message.body), *position, webhook_id);
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
