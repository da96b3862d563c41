//! Holds the shape of the workspace: which crate may know which, where SQL, HTTP, clocks and
//! chance may be, and that files say what they are for. Reads manifests and sources.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files longer than this say why in their header.
const LINES_MAX: usize = 500;
/// Files that outgrew the limit and do not say why yet. Each should get its sentence, or be parted,
/// and leave this list.
const LONG_FOR_NOW: [&str; 2] = ["crates/api/src/v1/webhooks.rs", "crates/core/src/verify.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names in `[dependencies]` of a crate's manifest.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

struct Source {
    /// From the workspace's root on.
    path: String,
    text: String,
}

impl Source {
    /// What is compiled into the product: no tests, and no comments (which may talk of anything).
    fn code(&self) -> String {
        let product = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }

    fn is_product(&self) -> bool {
        self.path.contains("/src/") && !self.path.ends_with("/tests.rs")
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["crates", "bench"] {
        collect(&root().join(folder), folder, &mut found);
    }
    assert!(found.len() > 50, "only {} sources were found", found.len());
    found
}

fn collect(folder: &Path, path: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{path}/{name}");
        if entry.file_type().unwrap().is_dir() {
            if name != "target" {
                collect(&entry.path(), &path, found);
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            found.push(Source { path, text });
        }
    }
}

/// Fails with every source of the product outside `allowed` that contains one of `needles`.
#[track_caller]
fn only_in(allowed: &[&str], needles: &[&str]) {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.is_product()) {
        let code = source.code();
        for needle in needles.iter().filter(|needle| code.contains(*needle)) {
            if !source.is_in(allowed) {
                wrong.push(format!("{}: {needle}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "belongs in {allowed:?} only:\n{}", wrong.join("\n"));
}

#[test]
fn arrows_between_crates_point_one_way() {
    let check = |manifest: &str, expected: &[&str]| {
        let found = dependencies(manifest);
        let own: Vec<&str> =
            found.iter().map(String::as_str).filter(|name| name.starts_with("posthaste")).collect();
        assert_eq!(own, expected, "{manifest}");
    };
    check("crates/core/Cargo.toml", &[]);
    check("crates/store/Cargo.toml", &["posthaste-core"]);
    check("crates/dispatch/Cargo.toml", &["posthaste-core"]);
    check("crates/api/Cargo.toml", &["posthaste-core"]);
    check(
        "crates/posthaste/Cargo.toml",
        &["posthaste-api", "posthaste-core", "posthaste-dispatch", "posthaste-store"],
    );
}

/// No runtime, no file, no socket, no clock: what is not here, the rules cannot use. Adding a name
/// is a decision, and belongs in its own commit.
#[test]
fn core_depends_on_what_is_pure() {
    let allowed = [
        "async-trait",
        "base64",
        "bytes",
        "csv-core",
        "hex",
        "hmac",
        "http",
        "ipnet",
        "jiff",
        "phonenumber",
        "rustc-hash",
        "ryu-js",
        "serde",
        "serde_json",
        "sha1",
        "sha2",
        "subtle",
        "thiserror",
        "url",
        "zeroize",
    ];
    let found = dependencies("crates/core/Cargo.toml");
    let new: Vec<&String> = found.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
    assert!(new.is_empty(), "new in core: {new:?}");
}

#[test]
fn core_touches_nothing_of_the_world() {
    let world =
        ["std::fs", "std::net::Tcp", "std::net::Udp", "std::process", "std::thread", "tokio"];
    for source in sources().iter().filter(|source| source.is_in(&["crates/core/src"])) {
        let code = source.code();
        for needle in world {
            assert!(!code.contains(needle), "{}: {needle}", source.path);
        }
    }
}

#[test]
fn sql_is_in_the_store_only() {
    let store = &["crates/store"];
    only_in(store, &["rusqlite", "tokio_postgres"]);
    only_in(store, &["SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "PRAGMA "]);
}

#[test]
fn axum_is_in_the_api_and_where_it_is_started() {
    let serving = ["crates/posthaste/src/serve.rs", "crates/posthaste/src/listen.rs"];
    only_in(&["crates/api", serving[0], serving[1], "bench"], &["axum::"]);
}

/// The load generator plays the world outside, so it may do what the product may not.
#[test]
fn only_dispatch_opens_connections() {
    let dispatch = &["crates/dispatch", "bench"];
    only_in(dispatch, &["hyper::client", "hyper_util::client", "tokio_rustls", "rustls::"]);
    // What came in through our own listener is a stream as well.
    let streams = &["crates/dispatch", "bench", "crates/posthaste/src/listen.rs"];
    only_in(streams, &["TcpStream", "TcpSocket", "UdpSocket"]);
    only_in(dispatch, &["TcpStream::connect"]);
}

#[test]
fn clocks_and_chance_are_in_one_file() {
    let system = &["crates/posthaste/src/system.rs", "bench"];
    only_in(system, &["SystemTime::now", "getrandom::", "jiff::Timestamp::now", "Zoned::now"]);
    // A type in the signature of hyper's timers; the clock behind it is tokio's there too.
    only_in(&["crates/posthaste/src/head_timer.rs"], &["std::time::Instant"]);
    only_in(&[], &["rand::", "thread_rng"]);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    assert!(silent.is_empty(), "no //! header: {silent:?}");
}

/// A file over the limit is still fine if its header says why it is one file: the header then has
/// the word "long". Tests are not counted.
#[test]
fn a_long_file_says_why() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.is_product() && !LONG_FOR_NOW.contains(&source.path.as_str()))
        .filter(|source| {
            let header = source.text.lines().take_while(|line| line.starts_with("//!"));
            !header.collect::<String>().to_lowercase().contains("long")
        })
        .map(|source| (source.path.clone(), lines_of_product(&source)))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path} ({lines} lines)"))
        .collect();
    for path in LONG_FOR_NOW {
        let long = sources()
            .iter()
            .any(|source| source.path == path && lines_of_product(source) > LINES_MAX);
        assert!(long, "{path} is not long any more: take it from the list");
    }
    assert!(wrong.is_empty(), "over {LINES_MAX} lines without a reason in the header: {wrong:#?}");
}

fn lines_of_product(source: &Source) -> usize {
    source.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let mut wrong = Vec::new();
    for source in sources() {
        // This file names what it looks for.
        if source.path.ends_with("tests/tidy.rs") {
            continue;
        }
        if source.code().contains("#[allow(") || source.code().contains("#![allow(") {
            wrong.push(source.path);
        }
    }
    assert!(wrong.is_empty(), "#[expect(…, reason)] instead of #[allow]: {wrong:?}");
}
