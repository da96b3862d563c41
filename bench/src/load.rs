//! The clients that post events: a closed loop. Each has one connection, posts, waits for the
//! answer, and posts the next as soon as the ledger's window has room.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::ledger::Ledger;
use crate::wire::MessageReader;
use crate::workload::RequestTemplate;

/// After a refusal: a server that is full is not helped by asking again at once.
const REFUSED_PAUSE: Duration = Duration::from_millis(10);

/// All clients of one run.
pub struct Clients {
    running: JoinSet<anyhow::Result<()>>,
}

impl Clients {
    /// Client `n` posts to the `n`th of `addresses`, beginning again at the first.
    pub async fn start(
        count: usize,
        addresses: &[SocketAddr],
        template: &RequestTemplate,
        ledger: &Arc<Ledger>,
    ) -> anyhow::Result<Clients> {
        let mut streams = Vec::with_capacity(count);
        for &address in addresses.iter().cycle().take(count) {
            streams.push(connect(address).await?);
        }
        let mut running = JoinSet::new();
        for stream in streams {
            running.spawn(post_all(stream, template.clone(), ledger.clone()));
        }
        Ok(Clients { running })
    }

    /// Waits until all have had their last answer.
    pub async fn finish(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.running.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// The error of one that has failed, if one has.
    pub fn check(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.running.try_join_next() {
            ended??;
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "calls what this process has started itself, on loopback, and measures that"
)]
async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream =
        TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn post_all(
    mut stream: TcpStream,
    mut template: RequestTemplate,
    ledger: Arc<Ledger>,
) -> anyhow::Result<()> {
    let mut reader = MessageReader::new();
    let count = template.events();
    while let Some(first) = ledger.begin(count).await {
        stream.write_all(template.with_sequences(first)).await?;
        let answer = reader.next(&mut stream).await?.context("the server closed a connection")?;
        match answer.status() {
            Some(200..=299) => ledger.accepted(first, count),
            Some(429 | 503) => {
                ledger.refused(count);
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
            status => bail!(
                "an event was answered with {status:?}: {}",
                String::from_utf8_lossy(answer.body)
            ),
        }
    }
    Ok(())
}
