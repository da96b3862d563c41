//! Takes requests apart: JSON bodies, query parameters and ids in paths. Whatever does not fit is
//! answered with a problem that points at it.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use http_body_util::BodyExt;
use posthaste_core::error::escape_pointer;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{ApiError, Code};
use crate::state::AppState;

/// For a whole body. Whoever sends a byte now and then would otherwise hold its place for ever.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a body that is too large is taken all the same, and for how long.
const READ_AWAY_BYTES_MAX: usize = 16 * 1024 * 1024;
const READ_AWAY_TIMEOUT: Duration = Duration::from_secs(2);

/// The body of a request that must have one, as `T` describes it.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Json<T>, ApiError> {
        let (head, body) = request.into_parts();
        let body = read_json_bytes(&head.headers, body, state.settings.body_bytes_max).await?;
        parse_json(&body).map(Json)
    }
}

/// The body of a request that must have one, for who has to look at it to know what it is.
pub struct RawJson(pub Bytes);

impl FromRequest<AppState> for RawJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<RawJson, ApiError> {
        let (head, body) = request.into_parts();
        read_json_bytes(&head.headers, body, state.settings.body_bytes_max).await.map(RawJson)
    }
}

/// The body of a request that may have one.
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<AppState> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<OptionalJson<T>, ApiError> {
        let (head, body) = request.into_parts();
        let media_type = check_media_type(&head.headers);
        let body = read_bytes(&head.headers, body, state.settings.body_bytes_max).await?;
        if body.is_empty() {
            return Ok(OptionalJson(T::default()));
        }
        media_type?;
        parse_json(&body).map(OptionalJson)
    }
}

/// The whole body of a request that says it is JSON; at most `bytes_max`.
pub async fn read_json_bytes<B>(
    headers: &HeaderMap,
    body: B,
    bytes_max: usize,
) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    check_media_type(headers)?;
    read_bytes(headers, body, bytes_max).await
}

/// The whole body, whatever it is; at most `bytes_max`.
pub async fn read_bytes<B>(
    headers: &HeaderMap,
    mut body: B,
    bytes_max: usize,
) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    if announced_bytes(headers).is_some_and(|length| length > bytes_max as u64) {
        // Who waits for our word before sending (`expect: 100-continue`) sends nothing now.
        if !headers.contains_key(header::EXPECT) {
            read_away(&mut body).await;
        }
        return Err(too_large(bytes_max));
    }
    match collect_in_time(&mut body, bytes_max).await {
        Some(Ok(read)) => Ok(read),
        Some(Err(Unread::TooLarge)) => {
            read_away(&mut body).await;
            Err(too_large(bytes_max))
        }
        Some(Err(Unread::Broken)) => {
            Err(ApiError::new(Code::InvalidJson, "the body ended before it was complete"))
        }
        None => {
            let detail = format!("the body was not complete after {} s", BODY_TIMEOUT.as_secs());
            Err(ApiError::new(Code::BodyTooSlow, detail))
        }
    }
}

/// How long a body says it is.
pub fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Why a body could not be read.
enum Unread {
    TooLarge,
    Broken,
}

/// `None` if it takes too long. A timer is made only for a body that is not there yet: nearly
/// every one came together with its head.
async fn collect_in_time<B>(body: &mut B, bytes_max: usize) -> Option<Result<Bytes, Unread>>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let mut reading = pin!(collect(body, bytes_max));
    let now = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await;
    match now {
        Poll::Ready(read) => Some(read),
        Poll::Pending => tokio::time::timeout(BODY_TIMEOUT, reading).await.ok(),
    }
}

/// A body that came in one piece is not copied.
async fn collect<B>(body: &mut B, bytes_max: usize) -> Result<Bytes, Unread>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if bytes.len() > bytes_max - first.len().max(all.len()) {
            return Err(Unread::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = bytes;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Takes the rest of a body and keeps nothing of it. A connection that is closed on somebody who is
/// still sending is reset, and most callers then never see the answer that says why.
pub async fn read_away<B>(body: &mut B)
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let reading = async {
        let mut bytes_left = READ_AWAY_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let Some(left) = bytes_left.checked_sub(bytes) else { return };
            bytes_left = left;
        }
    };
    // Whether it ended, was too much or took too long: the answer is the same.
    let _ended = tokio::time::timeout(READ_AWAY_TIMEOUT, reading).await;
}

fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(Code::BodyTooLarge, format!("a body has at most {bytes_max} bytes here"))
}

fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |detail: String| Err(ApiError::new(Code::UnsupportedMediaType, detail));
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && encoding != "identity"
    {
        return refused("a compressed body is not taken: leave content-encoding away".to_owned());
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return refused("content-type is missing, send application/json".to_owned());
    };
    if value == "application/json" {
        return Ok(());
    }
    let media_type = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    let is_json = media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    if is_json { Ok(()) } else { refused(format!("{media_type:?} is not application/json")) }
}

/// Reads a body, which is always an object. Only where that fails is it read again, by the slower
/// way that knows where.
pub fn parse_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ApiError> {
    // Else a list would do: serde also reads a struct from its members in order.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first != b'{') {
        return Err(match serde_json::from_slice::<IgnoredAny>(bytes) {
            Ok(_) => ApiError::invalid("", "the body must be an object"),
            Err(error) => ApiError::new(Code::InvalidJson, error.to_string()),
        });
    }
    serde_json::from_slice(bytes).map_err(|error| explain::<T>(bytes, &error))
}

fn explain<'a, T: Deserialize<'a>>(bytes: &'a [u8], error: &serde_json::Error) -> ApiError {
    if !error.is_data() {
        return ApiError::new(Code::InvalidJson, error.to_string());
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let located = serde_path_to_error::deserialize::<_, T>(&mut reader).err();
    let mut pointer = located.map(|error| pointer_of(error.path())).unwrap_or_default();
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    if let Some(name) = quoted(message, "missing field ") {
        return ApiError::invalid(format!("{pointer}/{}", escape_pointer(name)), "is required");
    }
    if let Some(name) = quoted(message, "duplicate field ") {
        let name = format!("/{}", escape_pointer(name));
        if !pointer.ends_with(&name) {
            pointer.push_str(&name);
        }
        return ApiError::invalid(pointer, "is given twice");
    }
    // How Rust calls what everybody else calls a number.
    let message = match message.rsplit_once(", expected ") {
        Some((found, "u8" | "u16" | "u32" | "u64" | "usize")) => {
            &format!("{found}, expected a whole number")
        }
        _ => message,
    };
    let unknown = message.starts_with("unknown field ");
    let message = if unknown {
        message.replacen("unknown field", "there is no member", 1)
    } else {
        message.to_owned()
    };
    ApiError::invalid(pointer, message)
}

/// The name in a message that begins with `start` and then quotes one.
fn quoted<'m>(message: &'m str, start: &str) -> Option<&'m str> {
    message.strip_prefix(start)?.strip_prefix('`')?.strip_suffix('`')
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&escape_pointer(key));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// A member that may be left out, but not be null.
pub fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// An object inside a body, where a list of its members in order would not do.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct OnlyMap<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMap<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(OnlyMap(PhantomData))
    }
}

/// The query parameters of a request. Unknown ones are refused: a filter with a typing error
/// would otherwise silently show everything.
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Parameters(parameters)),
            Err(rejection) => Err(explain_query(&rejection.body_text())),
        }
    }
}

fn explain_query(text: &str) -> ApiError {
    let message = text.split_once(": ").map_or(text, |(_, message)| message);
    for (start, says) in
        [("unknown field `", "there is no such parameter"), ("duplicate field `", "is given twice")]
    {
        let name = message.find(start).and_then(|at| message[at + start.len()..].split('`').next());
        if let Some(name) = name {
            return ApiError::invalid(format!("/{}", escape_pointer(name)), says);
        }
    }
    ApiError::invalid("", format!("the query cannot be read: {message}"))
}

/// One variable part of a path. Reads whatever is there: what is not an id of the right kind is
/// simply not found.
pub struct Segment(pub String);

impl Segment {
    pub fn id<T: std::str::FromStr>(&self, what: &str) -> Result<T, ApiError> {
        self.0.parse().map_err(|_| ApiError::not_found(what))
    }
}

/// Two variable parts of a path: a thing, and one that belongs to it.
pub struct Segments(pub Segment, pub Segment);

impl FromRequestParts<AppState> for Segments {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Segments, Self::Rejection> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (thing, part) = path.map(|Path(texts)| texts).unwrap_or_default();
        Ok(Segments(Segment(thing), Segment(part)))
    }
}

impl FromRequestParts<AppState> for Segment {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Segment, Self::Rejection> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Segment(path.map(|Path(text)| text).unwrap_or_default()))
    }
}
