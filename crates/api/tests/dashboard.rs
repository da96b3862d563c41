//! How the dashboard is served: its files and their copies, its page at every address that is
//! nobody else's, and nothing of it where programs ask.

#[path = "../build/pack.rs"]
mod pack;
mod support;

use std::fs;
use std::io::Read;

use axum::body::Body;
use axum::http::header;
use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use posthaste_api::Dashboard;
use posthaste_api::dashboard::File;
use serde_json::Value;

use support::{Answer, REMOTE, TestServer};

/// What browsers send when somebody goes to an address.
const A_PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const PAGE: &str =
    "<!doctype html><title>The page</title><script src=\"/assets/app-1.js\"></script>";
const PICTURE: &[u8] = b"\x89PNG, and so on";

/// As the build makes one, with a script that is worth compressing.
fn dashboard() -> Dashboard {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, bytes: &[u8]| {
        fs::write(folder.path().join(path), bytes).expect("a folder to write to");
    };
    fs::create_dir(folder.path().join("assets")).expect("a folder to write to");
    write("index.html", PAGE.as_bytes());
    write("icon.svg", b"<svg/>");
    write("assets/app-1.js", script().as_bytes());
    write("assets/logo-2.png", PICTURE);
    let packed = pack::pack(folder.path()).expect("types that are known");
    let files = packed.into_iter().map(|file| File {
        path: file.path.leak(),
        content_type: file.content_type,
        etag: file.etag.leak(),
        bytes: file.bytes.leak(),
        gzip: file.gzip.map(|bytes| &*bytes.leak()),
    });
    Dashboard::new(files.collect::<Vec<File>>().leak())
}

fn script() -> String {
    "console.log('one of many lines');\n".repeat(100)
}

async fn start() -> TestServer {
    TestServer::start_with_inbox().await.with_dashboard(dashboard())
}

async fn ask(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(server.request("GET", path, ""), |request, (name, value)| {
        request.header(*name, *value)
    });
    server.send(request.body(Body::empty()).expect("a request")).await
}

async fn go_to(server: &TestServer, path: &str) -> Answer {
    ask(server, path, &[("accept", A_PAGE)]).await
}

#[tokio::test]
async fn every_address_that_is_nobody_elses_shows_the_page() {
    let server = start().await;
    for path in [
        "/",
        "/index.html",
        "/sign-in",
        "/setup/webhooks",
        "/setup/webhooks/wh_1?tab=test",
        "/setup/event-types/call.ended",
        "/v1x",
        "/inbox",
        "/metrics",
        "/metrics/",
        "/nowhere",
    ] {
        let answer = go_to(&server, path).await.expect(200);
        assert_eq!(answer.text, PAGE, "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-cache");
        let vary: Vec<_> = answer.headers.get_all("vary").into_iter().collect();
        assert_eq!(vary, ["accept-encoding", "accept"], "{path}");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
             img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
    }
}

#[tokio::test]
async fn what_is_for_programs_is_never_the_page() {
    let check = async |server: &TestServer, path: &str| {
        let answer = go_to(server, path).await;
        assert_ne!(answer.text, PAGE, "{path}");
        assert!(answer.status != 404 || answer.code() == "not_found", "{path}: {}", answer.text);
    };
    let document = serde_json::to_value(posthaste_api::openapi_document()).expect("JSON");
    let described = document["paths"].as_object().expect("paths");
    for server in [start().await, TestServer::start().await.with_dashboard(dashboard())] {
        // The one address that has two readers; the test below is about it.
        for path in described.keys().filter(|path| *path != "/metrics") {
            check(&server, path).await;
            check(&server, &format!("{path}/nothing")).await;
        }
        for path in [
            "/v1",
            "/v1/",
            "/v1/nowhere",
            "/docs/",
            "/docs/nothing",
            "/openapi.json",
            "/assets",
            "/assets/app-0.js",
            "/inbox/receive",
            "/inbox/receive/home",
            "/inbox/answer/home",
            "/inbox/requests",
        ] {
            check(&server, path).await;
        }
    }
}

#[tokio::test]
async fn who_does_not_ask_for_a_page_gets_none() {
    let server = start().await;
    for accept in ["*/*", "application/json", "text/plain", "text/htmlx", ""] {
        for path in ["/setup/webhooks", "/inbox", "/nowhere"] {
            let answer = ask(&server, path, &[("accept", accept)]).await;
            answer.expect_problem(404, "not_found");
        }
        let answer = ask(&server, "/metrics", &[("accept", accept)]).await;
        answer.expect_problem(401, "unauthorized");
    }
    // Java's standard client names HTML, whatever it is after.
    let java = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2";
    let scrape = server.request("GET", "/metrics", &server.keys.platform).header("accept", java);
    let answer = server.send(scrape.body(Body::empty()).expect("a request")).await.expect(200);
    assert!(answer.header("content-type").starts_with("text/plain"), "{}", answer.text);
    let post = server.request("POST", "/setup/webhooks", "").header("accept", A_PAGE);
    let answer = server.send(post.body(Body::empty()).expect("a request")).await;
    answer.expect_problem(404, "not_found");
}

#[tokio::test]
async fn files_with_a_hash_in_their_name_are_kept_for_ever_and_others_are_asked_for() {
    let server = start().await;
    let check = async |path: &str, content_type: &str, caching: &str, text: &[u8]| {
        let answer = ask(&server, path, &[]).await.expect(200);
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.header("cache-control"), caching);
        assert_eq!(answer.text, String::from_utf8_lossy(text), "{path}");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    };
    let forever = "public, max-age=31536000, immutable";
    let script = script();
    check("/assets/app-1.js", "text/javascript; charset=utf-8", forever, script.as_bytes()).await;
    check("/assets/logo-2.png", "image/png", forever, PICTURE).await;
    check("/icon.svg", "image/svg+xml", "no-cache", b"<svg/>").await;
    check("/", "text/html; charset=utf-8", "no-cache", PAGE.as_bytes()).await;
}

#[tokio::test]
async fn a_compressed_copy_is_for_who_takes_it() {
    let server = start().await;
    let encoding = async |path: &str, accepted: &str| {
        let answer = ask(&server, path, &[("accept-encoding", accepted)]).await.expect(200);
        answer.header("content-encoding").to_owned()
    };
    for (accepted, expected) in [
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5", "gzip"),
        ("deflate,gzip;q=1.0,*;q=0.5", "gzip"),
        ("", ""),
        ("br", ""),
        ("gzip;q=0", ""),
        ("gzip; q=0.000, identity", ""),
        ("x-gzip-like", ""),
    ] {
        assert_eq!(encoding("/assets/app-1.js", accepted).await, expected, "{accepted}");
    }
    assert_eq!(encoding("/assets/logo-2.png", "gzip").await, "", "it is compressed as it is");

    let request = server
        .request("GET", "/assets/app-1.js", "")
        .header(header::ACCEPT_ENCODING, "gzip")
        .body(Body::empty());
    let response =
        server.api.answer(REMOTE.parse().expect("an address"), request.expect("a request")).await;
    let sent = response.into_body().collect().await.expect("a body in memory").to_bytes();
    let mut read = String::new();
    GzDecoder::new(&*sent).read_to_string(&mut read).expect("gzip");
    assert_eq!(read, script());
    assert!(sent.len() < read.len() / 10, "{} bytes", sent.len());
}

#[tokio::test]
async fn a_file_that_is_known_is_not_sent_again() {
    let server = start().await;
    for path in ["/", "/setup/webhooks", "/assets/app-1.js"] {
        let first = go_to(&server, path).await;
        let etag = first.header("etag");
        assert!(etag.starts_with("W/\"") && etag.ends_with('"'), "{etag}");
        let strong = etag.trim_start_matches("W/");
        for known in [etag, strong, "*", &format!("\"other\", {etag}")] {
            let headers =
                [("accept", A_PAGE), ("if-none-match", known), ("accept-encoding", "gzip")];
            let again = ask(&server, path, &headers).await.expect(304);
            assert_eq!(again.text, "");
            for kept in ["etag", "cache-control", "vary", "content-security-policy"] {
                assert_eq!(again.header(kept), first.header(kept), "{path}: {kept}");
            }
        }
        let headers = [("accept", A_PAGE), ("if-none-match", "\"other\"")];
        ask(&server, path, &headers).await.expect(200);
    }
    let etag = async |path: &str| ask(&server, path, &[]).await.header("etag").to_owned();
    assert_ne!(etag("/").await, etag("/icon.svg").await);
}

#[tokio::test]
async fn a_head_is_an_answer_without_its_body() {
    let server = start().await;
    for path in ["/", "/sign-in", "/assets/app-1.js"] {
        let request = server.request("HEAD", path, "").header("accept", A_PAGE);
        let head = server.send(request.body(Body::empty()).expect("a request")).await.expect(200);
        let got = go_to(&server, path).await;
        assert_eq!(head.text, "", "{path}");
        assert_eq!(head.header("content-length"), got.text.len().to_string());
        assert_eq!(head.header("etag"), got.header("etag"));
    }
}

#[tokio::test]
async fn its_answers_are_counted_under_one_name() {
    let server = start().await;
    for path in ["/", "/sign-in", "/setup/webhooks/wh_1", "/metrics", "/icon.svg"] {
        go_to(&server, path).await.expect(200);
    }
    let page = server.call("GET", "/metrics", &server.keys.platform, Value::Null).await.expect(200);
    let line = r#"posthaste_http_requests_total{method="GET",route="dashboard",status="200"} 5"#;
    assert!(page.text.lines().any(|found| found == line), "{}", page.text);
}

/// Whether it is the dashboard or the page that stands in for it.
#[tokio::test]
async fn the_page_in_this_binary_finds_everything_it_names() {
    let server = TestServer::start().await;
    let page = go_to(&server, "/").await.expect(200).text;
    let named: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| page.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        // The inbox is there on some servers only.
        .filter(|path| path.starts_with('/') && !path.starts_with("/inbox/"))
        .collect();
    assert!(!named.is_empty(), "{page}");
    for path in named {
        ask(&server, path, &[]).await.expect(200);
    }
}

#[test]
fn a_file_of_no_known_type_stops_the_build() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["a.exe", "b"] {
        let path = folder.path().join(name);
        fs::write(&path, "x").expect("a folder to write to");
        let error = pack::pack(folder.path()).err().expect("nobody could say its type");
        assert!(error.to_string().starts_with(&format!("/{name}: ")), "{error}");
        fs::remove_file(&path).expect("it was written");
    }
}
