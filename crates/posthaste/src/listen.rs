//! Connections in: taken up to a bound, closed when they say nothing, and let finish at a stop.
//!
//! axum's own `serve` has no deadline for the head of a request: connections that never finish
//! one, or never begin one, would use up the process's files, and need no key to do so. HTTP/1.1
//! only: who wants HTTP/2 wants TLS too, and has a proxy in front; telling the two apart without
//! TLS means waiting for a first byte, again without a deadline.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::HttpBody;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use posthaste_core::limits::{CONNECTIONS_IN_MAX, REQUEST_HEAD_WITHIN};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::head_timer::HeadTimer;

/// After an error that is not the fault of one connection, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers on `listener` with `answer_one`, which is told where each request comes from, until
/// `stop` resolves; then takes no more connections and waits for those that are in the middle of
/// an answer.
pub async fn answer<A, F, B>(listener: TcpListener, answer_one: A, stop: impl Future<Output = ()>)
where
    A: Fn(IpAddr, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    tokio::pin!(stop);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_IN_MAX));
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, remote, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let answer_one = answer_one.clone();
        let service = service_fn(move |request| {
            let answering = answer_one(remote, request);
            async { Ok::<_, Infallible>(answering.await) }
        });
        let mut builder = Builder::new();
        builder.timer(HeadTimer::default()).header_read_timeout(REQUEST_HEAD_WITHIN);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        // Joined by `graceful`, which counts what it watches.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    // While all places are taken, callers wait in the kernel's queue.
    let place = places.clone().acquire_owned().await.expect("never closed");
    let (stream, remote) = listener.accept().await?;
    // Answers are small and complete: holding them back to fill packets only makes them late.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    Ok((stream, remote.ip(), place))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    struct Listening {
        address: std::net::SocketAddr,
        stop: oneshot::Sender<()>,
        answering: JoinHandle<()>,
    }

    async fn listening(router: Router) -> Listening {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let service = TowerToHyperService::new(router);
        let answer_one = move |_, request| {
            let answering = service.call(request);
            async { answering.await.unwrap() }
        };
        let answering = tokio::spawn(answer(listener, answer_one, async {
            let _ = stopped.await;
        }));
        Listening { address, stop, answering }
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own client, to a server of its own")]
    async fn connect(listening: &Listening) -> TcpStream {
        TcpStream::connect(listening.address).await.unwrap()
    }

    fn hello() -> Router {
        Router::new().route("/", get(|| async { "hello" }))
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_finishes_a_head_is_let_go() {
        let listening = listening(hello()).await;
        for begun in ["", "GET / HTTP/1.1\r\nhost: x\r\n", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
            let mut stream = connect(&listening).await;
            stream.write_all(begun.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // Ends only because the server closes.
            stream.read_to_end(&mut answer).await.unwrap();
            let is_whole = begun.ends_with("\r\n\r\n");
            assert_eq!(answer.ends_with(b"hello"), is_whole, "{begun:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_head_has_the_whole_deadline() {
        let listening = listening(hello()).await;
        let mut stream = connect(&listening).await;
        let mut buffer = [0; 1024];
        for _ in 0..5 {
            // Longer than the deadline all in all, but never between two requests.
            tokio::time::advance(REQUEST_HEAD_WITHIN * 2 / 3).await;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let bytes = stream.read(&mut buffer).await.unwrap();
            assert!(buffer[..bytes].ends_with(b"hello"));
        }
        let silent_since = tokio::time::Instant::now();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
        let silent = silent_since.elapsed();
        assert!(silent >= REQUEST_HEAD_WITHIN, "closed after {silent:?}");
        assert!(silent < REQUEST_HEAD_WITHIN + Duration::from_secs(1), "closed after {silent:?}");
    }

    /// The deadline is for heads: a live stream goes on for hours.
    #[tokio::test(start_paused = true)]
    async fn an_answer_may_take_as_long_as_it_likes() {
        let hello_for_long = async || {
            let pieces = futures_util::stream::unfold(0, async |count| {
                tokio::time::sleep(REQUEST_HEAD_WITHIN / 2).await;
                (count < 10).then(|| (Ok::<_, Infallible>(format!("hello {count};")), count + 1))
            });
            axum::body::Body::from_stream(pieces)
        };
        let router = Router::new().route("/", get(hello_for_long));
        let listening = listening(router).await;
        let mut stream = connect(&listening).await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("hello 9;") && answer.ends_with("0\r\n\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_stop_lets_an_answer_finish() {
        let (asked, was_asked) = oneshot::channel::<()>();
        let (say, said) = oneshot::channel::<()>();
        let once = Arc::new(std::sync::Mutex::new(Some((asked, said))));
        let router = Router::new().route(
            "/",
            get(|| async move {
                let (asked, said) = once.lock().unwrap().take().unwrap();
                asked.send(()).unwrap();
                said.await.unwrap();
                "finished"
            }),
        );
        let listening = listening(router).await;
        let mut stream = connect(&listening).await;
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        was_asked.await.unwrap();
        listening.stop.send(()).unwrap();
        say.send(()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.ends_with(b"finished"));
        listening.answering.await.unwrap();
    }
}
