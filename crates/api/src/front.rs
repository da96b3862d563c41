//! The front door: every request comes in here, whatever the route, and every answer goes out. An
//! id, a count, a line in the log, the headers that keep a browser from doing harm, problems
//! written out, and panics kept to the request that had them.
//!
//! Behind it is the router, except for the two calls that take events: they make up nearly all
//! requests, so they are answered right here. The router's boxes, layers and extractors took as
//! long as everything else that is done to take an event.

use std::any::Any;
use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{Method, Request, Response, header};
use futures_util::FutureExt;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::auth::{Caller, Publish, Remote};
use crate::dashboard::{Dashboard, Shown};
use crate::error::ApiError;
use crate::layers::{self, RequestId};
use crate::metrics::Took;
use crate::state::AppState;
use crate::v1::events;

/// Everything the server answers. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    state: AppState,
    router: Router,
}

/// A call that takes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    Event,
    Batch,
}

impl Intake {
    pub const ALL: [Intake; 2] = [Intake::Event, Intake::Batch];

    pub fn path(self) -> &'static str {
        match self {
            Intake::Event => events::EVENTS_PATH,
            Intake::Batch => events::BATCH_PATH,
        }
    }

    fn of<B>(request: &Request<B>) -> Option<Intake> {
        let path = request.uri().path();
        let is_post = *request.method() == Method::POST;
        Intake::ALL.into_iter().find(|intake| is_post && intake.path() == path)
    }
}

impl Api {
    /// With the dashboard that is in this binary.
    pub fn new(state: AppState) -> Api {
        Api::with_dashboard(state, Dashboard::embedded())
    }

    pub fn with_dashboard(state: AppState, dashboard: Dashboard) -> Api {
        let router = crate::router(state.clone(), dashboard);
        Api { state, router }
    }

    /// Answers a request on a connection from `remote`.
    pub async fn answer<B>(&self, remote: IpAddr, request: Request<B>) -> Response<AnswerBody>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let started = Instant::now();
        let request_id = RequestId::of(request.headers(), &*self.state.entropy);
        let method = request.method().clone();
        let Some(intake) = Intake::of(&request) else {
            let mut request = request;
            let remote = Remote::of(remote, request.headers(), &self.state.settings);
            request.extensions_mut().insert(remote);
            // Boxed, because the future of the calls below would have to be as large as this one.
            return Box::pin(self.answer_by_router(started, request_id, method, request)).await;
        };
        let (head, body) = request.into_parts();
        let mut answer = match caught(self.take(intake, remote, head, body)).await {
            Ok(Ok(answer)) => {
                let took = Took::since(started);
                self.state.metrics.count_intake(intake, took);
                layers::log_answer(&method, intake.path(), answer.status(), &request_id, took);
                answer.map(|bytes| AnswerBody::Whole(Some(bytes)))
            }
            Ok(Err(error)) | Err(error) => {
                let answer = error.render(request_id.as_str()).map(AnswerBody::Made);
                self.count(started, &request_id, &method, intake.path(), &answer);
                answer
            }
        };
        layers::finish_headers(answer.headers_mut(), request_id);
        answer
    }

    async fn take<B>(
        &self,
        intake: Intake,
        remote: IpAddr,
        head: Parts,
        body: B,
    ) -> Result<Response<Bytes>, ApiError>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let caller: Caller<Publish> =
            Caller::of(&head.method, &head.headers, remote, &self.state).await?;
        match intake {
            Intake::Event => events::take_event(caller, &self.state, &head.headers, body).await,
            Intake::Batch => events::take_batch(caller, &self.state, &head.headers, body).await,
        }
    }

    async fn answer_by_router<B>(
        &self,
        started: Instant,
        request_id: RequestId,
        method: Method,
        request: Request<B>,
    ) -> Response<AnswerBody>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let asked = self.router.clone().oneshot(request.map(Body::new)).await;
        let mut answer = asked.unwrap_or_else(|never: Infallible| match never {});
        let route = answer.extensions_mut().remove::<MatchedPath>();
        let shown = answer.extensions_mut().remove::<Shown>();
        if let Some(error) = answer.extensions_mut().remove::<ApiError>() {
            let kept = std::mem::take(answer.headers_mut());
            answer = error.render(request_id.as_str());
            // `allow` comes from the router, which knows the methods. Nothing else of it fits the
            // new body.
            if let Some(allowed) = kept.get(header::ALLOW) {
                answer.headers_mut().insert(header::ALLOW, allowed.clone());
            }
        }
        let route = match (shown, &route) {
            (Some(Shown), _) => "dashboard",
            (None, Some(route)) => route.as_str(),
            (None, None) => "none",
        };
        let mut answer = answer.map(AnswerBody::Made);
        self.count(started, &request_id, &method, route, &answer);
        layers::finish_headers(answer.headers_mut(), request_id);
        answer
    }

    fn count(
        &self,
        started: Instant,
        request_id: &RequestId,
        method: &Method,
        route: &str,
        answer: &Response<AnswerBody>,
    ) {
        let took = Took::since(started);
        self.state.metrics.count_request(method, route, answer.status(), took);
        layers::log_answer(method, route, answer.status(), request_id, took);
    }
}

/// A panic ends the request it happened in, and nothing else.
pub async fn caught<F: Future>(answering: F) -> Result<F::Output, ApiError> {
    AssertUnwindSafe(answering).catch_unwind().await.map_err(|panic| told_of_panic(&*panic))
}

fn told_of_panic(panic: &(dyn Any + Send)) -> ApiError {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&'static str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = what, "a handler panicked");
    ApiError::internal()
}

/// The body of an answer: one piece, or whatever a handler behind the router made.
pub enum AnswerBody {
    Whole(Option<Bytes>),
    Made(Body),
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut *self {
            AnswerBody::Whole(bytes) => Poll::Ready(bytes.take().map(|all| Ok(Frame::data(all)))),
            AnswerBody::Made(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::Whole(bytes) => bytes.is_none(),
            AnswerBody::Made(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |all| all.len() as u64))
            }
            AnswerBody::Made(body) => body.size_hint(),
        }
    }
}
