//! The dashboard, which is in the binary: its files, and its page at every address that belongs to
//! nothing else. What the page then shows at an address, its own router decides in the browser.

use axum::Extension;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::layers;

const INDEX: &str = "/index.html";
/// Below it, every name has a hash of what is inside, so a file never changes.
const ASSETS: &str = "/assets/";

/// The page brings its scripts along; its style attributes are the component library's.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_FIRST: HeaderValue = HeaderValue::from_static("no-cache");

/// What lies at or below these is for programs: what is not there is a problem, to a browser too.
const FOR_PROGRAMS: [&str; 10] = [
    "/v1",
    "/assets",
    "/docs",
    "/healthz",
    "/in",
    "/inbox/answer",
    "/inbox/receive",
    "/inbox/requests",
    "/openapi.json",
    "/readyz",
];

/// A file that was packed when the program was built.
#[derive(Debug)]
pub struct File {
    /// Where it is served.
    pub path: &'static str,
    pub content_type: &'static str,
    pub etag: &'static str,
    pub bytes: &'static [u8],
    /// The same, compressed.
    pub gzip: Option<&'static [u8]>,
}

/// The files of a dashboard.
#[derive(Debug, Clone, Copy)]
pub struct Dashboard {
    /// By path.
    files: &'static [File],
    index: &'static File,
}

/// On an answer that is of the dashboard, for whoever counts answers by route.
#[derive(Debug, Clone, Copy)]
pub struct Shown;

impl Dashboard {
    /// The one in this binary; a page that says how to build it, if it had not been built.
    pub fn embedded() -> Dashboard {
        Dashboard::new(include!(concat!(env!("OUT_DIR"), "/dashboard.rs")))
    }

    /// Of files that are sorted by path.
    pub fn new(files: &'static [File]) -> Dashboard {
        let index = find(files, INDEX).expect("a dashboard has a page");
        Dashboard { files, index }
    }

    pub fn page(self, headers: &HeaderMap) -> Response {
        self.index.answer(headers)
    }

    fn file_at(self, path: &str) -> Option<&'static File> {
        if path == "/" { Some(self.index) } else { find(self.files, path) }
    }
}

fn find(files: &'static [File], path: &str) -> Option<&'static File> {
    files.binary_search_by(|file| file.path.cmp(path)).ok().map(|index| &files[index])
}

impl File {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let caching = if self.path.starts_with(ASSETS) { FOREVER } else { ASK_FIRST };
        let common = [
            (header::ETAG, HeaderValue::from_static(self.etag)),
            (header::CACHE_CONTROL, caching),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        let mut answer = if is_known(headers, self.etag) {
            (StatusCode::NOT_MODIFIED, common).into_response()
        } else {
            let kind = [(header::CONTENT_TYPE, self.content_type)];
            match self.gzip.filter(|_| takes_gzip(headers)) {
                Some(gzip) => {
                    (common, kind, [(header::CONTENT_ENCODING, "gzip")], gzip).into_response()
                }
                None => (common, kind, self.bytes).into_response(),
            }
        };
        if self.content_type.starts_with("text/html") {
            answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
            // Who does not ask for a page gets something else at the same address.
            answer.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
        }
        answer.extensions_mut().insert(Shown);
        answer
    }
}

/// For what no route took: a file, the page, or the problem that there is nothing.
pub async fn file_or_page(
    Extension(dashboard): Extension<Dashboard>,
    request: Request,
) -> Result<Response, ApiError> {
    let path = request.uri().path();
    if [Method::GET, Method::HEAD].contains(request.method()) {
        if let Some(file) = dashboard.file_at(path) {
            return Ok(file.answer(request.headers()));
        }
        if asks_for_a_page(request.headers()) && !is_for_programs(path) {
            return Ok(dashboard.page(request.headers()));
        }
    }
    Err(layers::no_such_route().await)
}

fn is_for_programs(path: &str) -> bool {
    FOR_PROGRAMS.iter().any(|place| {
        path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Browsers name HTML when somebody goes to an address; no program that wants something else does.
pub fn asks_for_a_page(headers: &HeaderMap) -> bool {
    items(headers, header::ACCEPT).any(|(media_type, _)| media_type == "text/html")
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    items(headers, header::ACCEPT_ENCODING)
        .any(|(coding, weight)| coding.eq_ignore_ascii_case("gzip") && weight > 0.0)
}

/// Compared weakly, as the header asks for: whatever the encoding that was sent.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    items(headers, header::IF_NONE_MATCH).any(|(known, _)| {
        known == "*" || known.trim_start_matches("W/") == etag.trim_start_matches("W/")
    })
}

/// What a header lists, with the weight of each.
fn items(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, f32)> {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        (name, weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
    })
}
