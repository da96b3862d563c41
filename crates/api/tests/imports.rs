//! Files of contacts over the API: looked at, taken in, run, cancelled; and files that nobody should
//! send.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

mod support;

use std::future::pending;

use axum::body::{Body, Bytes};
use posthaste_core::limits::{IMPORT_BATCH_ROWS, IMPORTS_WAITING_MAX};
use serde_json::{Value, json};
use support::{Answer, TestServer};

struct List {
    server: TestServer,
    id: String,
}

impl List {
    /// Without anything that runs imports.
    async fn start() -> List {
        let server = TestServer::start().await;
        let id = server.post("/v1/powerlists", json!({"name": "Spring"})).await.expect(201).id();
        List { server, id }
    }

    async fn running() -> List {
        let list = List::start().await;
        list.run();
        list
    }

    fn run(&self) {
        tokio::spawn(posthaste_api::run_imports(self.server.state.clone(), pending()));
    }

    async fn send(&self, path: &str, key: &str, body: impl Into<Body>) -> Answer {
        let path = format!("/v1/powerlists/{}/imports{path}", self.id);
        let request = self.server.request("POST", &path, key);
        let request = request.header("content-type", "text/csv").body(body.into());
        self.server.send(request.unwrap()).await
    }

    async fn preview(&self, query: &str, body: impl Into<Body>) -> Answer {
        let key = self.server.keys.account.clone();
        self.send(&format!("/preview{query}"), &key, body).await
    }

    async fn import(&self, query: &str, body: impl Into<Body>) -> Answer {
        let key = self.server.keys.account.clone();
        self.send(query, &key, body).await
    }

    /// The job when it is over. Asks again and again: each answer comes from the store, which has
    /// other threads.
    async fn ended(&self, query: &str, body: impl Into<Body>) -> Value {
        let started = self.import(query, body).await.expect(202);
        assert_eq!(started.header("location"), format!("/v1/jobs/{}", started.id()));
        self.end_of(&started.id()).await
    }

    async fn end_of(&self, id: &str) -> Value {
        loop {
            let job = self.server.get(&format!("/v1/jobs/{id}")).await.expect(200).json;
            if !job["ended_at"].is_null() {
                return job;
            }
        }
    }

    async fn contacts(&self) -> u64 {
        let list = self.server.get(&format!("/v1/powerlists/{}", self.id)).await.expect(200);
        list.json["contacts"].as_u64().unwrap()
    }
}

fn counts(job: &Value) -> [u64; 5] {
    ["rows_done", "created", "updated", "unchanged", "skipped"]
        .map(|name| job["progress"][name].as_u64().unwrap())
}

fn rows(count: usize) -> String {
    let mut file = "Phone,First Name\n".to_owned();
    for row in 0..count {
        file.push_str(&format!("+1202{:07},Ann {row}\n", 2_000_000 + row));
    }
    file
}

#[tokio::test]
async fn a_file_is_looked_at_before() {
    let list = List::start().await;
    let file = "Mobile Number;E-mail;Budget;\n(202) 555-0187;ada@example.com;85;x\n12;;;\n";
    let seen = list.preview("", file).await.expect(200).json;
    assert_eq!(seen["delimiter"], ";");
    assert_eq!(seen["errors"], json!([]));
    let column = |name: &str, field: Value, samples: Value| json!({"name": name, "field": field, "samples": samples});
    assert_eq!(
        seen["columns"],
        json!([
            column("Mobile Number", json!("phone_number"), json!(["(202) 555-0187", "12"])),
            column("E-mail", json!("email"), json!(["ada@example.com"])),
            column("Budget", json!("custom_fields.Budget"), json!(["85"])),
            column("", Value::Null, json!(["x"])),
        ])
    );
    assert_eq!(seen["rows"][0]["line"], 2);
    assert_eq!(seen["rows"][0]["contact"]["phone_number"], "+12025550187");
    assert_eq!(seen["rows"][0]["contact"]["custom_fields"], json!({"Budget": "85"}));
    assert_eq!(seen["rows"][1]["contact"], Value::Null);
    assert!(seen["rows"][1]["reason"].as_str().unwrap().contains("phone_number"));

    let chosen = "?columns=%5B%22email%22,null%5D&delimiter=,";
    let seen = list.preview(chosen, "a,b\n1,2\n").await.expect(200).json;
    assert_eq!(seen["errors"][0]["pointer"], "/columns");
    let wrong = list.preview("?columns=x&delimiter=x", "a").await.expect_problem(422, "invalid");
    assert_eq!(wrong.pointers(), ["/columns", "/delimiter"]);
    assert_eq!(list.contacts().await, 0);
}

#[tokio::test]
async fn a_file_becomes_contacts_and_the_second_time_nothing() {
    let list = List::running().await;
    let file = "phone,name,tags,budget\n\
        202-555-0187,Ada King,lead,85\n\
        ,Nobody,,\n\
        12,Short,,\n\
        +12025550188,Bob,,\n\
        (202) 555-0187,,hot,\n";
    let job = list.ended("?file_name=leads.csv&tags=import", file).await;
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(job["type"], "import");
    assert_eq!(job["file_name"], "leads.csv");
    assert_eq!(job["progress"]["rows"], 5);
    assert_eq!(job["progress"]["bytes_done"], job["file_bytes"]);
    assert_eq!(counts(&job), [5, 2, 1, 0, 2]);
    let contacts = list.server.get(&format!("/v1/powerlists/{}/contacts", list.id)).await;
    let contacts = contacts.expect(200).json;
    let ada = &contacts["data"][1];
    assert_eq!(ada["last_name"], "King");
    assert_eq!(ada["tags"], json!(["import", "lead", "hot"]));
    assert_eq!(ada["custom_fields"], json!({"budget": "85"}));
    assert_eq!(ada["source"], "import");

    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let skipped = list.server.get(&format!("{path}/skipped")).await.expect(200).json;
    assert_eq!(skipped["total"], 2);
    let lines: Vec<u64> = skipped["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [3, 4]);
    assert_eq!(skipped["data"][0]["reason"], "has no phone number");
    let csv = list.server.get(&format!("{path}/skipped.csv")).await.expect(200);
    assert!(
        csv.text.starts_with("line,reason,text\r\n3,has no phone number,Nobody\r\n"),
        "{}",
        csv.text
    );

    let again = list.ended("?tags=import", file).await;
    assert_eq!(counts(&again), [5, 0, 0, 3, 2]);
    let jobs = list.server.get(&format!("/v1/jobs?powerlist_id={}", list.id)).await.expect(200);
    assert_eq!(jobs.json["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_exported_and_is_imported_changes_nothing() {
    let list = List::running().await;
    let body = json!({"phone_number": "+12025550187", "first_name": "=1+1", "tags": ["a,b", "=c"],
        "consent": false, "custom_fields": {"score": 5, "deep": {"a": [1]}, "minus": "-5"}});
    let contacts = format!("/v1/powerlists/{}/contacts", list.id);
    let made = list.server.post(&contacts, body).await.expect(201);
    let file = list.server.get(&format!("{contacts}.csv")).await.expect(200).text;
    let job = list.ended("", file.clone()).await;
    assert_eq!(counts(&job), [1, 0, 0, 1, 0], "{file}");
    let path = format!("/v1/contacts/{}", made.id());
    assert_eq!(list.server.get(&path).await.expect(200).json, made.json);
}

#[tokio::test]
async fn what_is_done_with_whom_is_chosen() {
    let list = List::running().await;
    list.ended("", "phone,city\n+12025550187,Bonn\n").await;
    let file = "phone,city,consent\n+12025550187,Rome,yes\n+12025550188,Rome,no\n+12025550189,,\n";
    let job = list.ended("?on_existing=skip", file).await;
    assert_eq!(counts(&job), [3, 2, 0, 1, 0]);
    let job = list.ended("?only_with_consent=true", file).await;
    assert_eq!(counts(&job), [3, 0, 1, 0, 2]);
    let columns = "%5Bnull,%22custom_fields.town%22,null%5D";
    let refused = list.import(&format!("?columns={columns}"), file).await;
    assert_eq!(refused.expect_problem(422, "invalid").pointers(), ["/columns"]);
    for wrong in ["on_existing=ask", "delimiter=x", "columns=1", "only_with_consent=maybe", "x=1"] {
        list.import(&format!("?{wrong}"), file).await.expect_problem(422, "invalid");
    }
}

#[tokio::test]
async fn many_rows_in_pieces_of_any_size_are_counted_exactly() {
    let list = List::running().await;
    let count = 3 * IMPORT_BATCH_ROWS + 7;
    let file = rows(count).into_bytes();
    let pieces: Vec<Result<Bytes, std::convert::Infallible>> =
        file.chunks(999).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let job = list.ended("", body).await;
    let count = count as u64;
    assert_eq!(counts(&job), [count, count, 0, 0, 0]);
    assert_eq!(list.contacts().await, count);
}

#[tokio::test]
async fn hostile_files_change_nothing_and_are_answered_with_their_fault() {
    let list = List::running().await;
    let refused = async |body: Vec<u8>, expected: &str| {
        let answer = list.import("", body).await;
        assert!(answer.text.contains(expected), "{expected}: {}", answer.text);
        answer.expect_problem(422, "invalid");
    };
    refused(vec![], "the file is empty").await;
    refused(b"\r\n\r\n".to_vec(), "the file is empty").await;
    refused(b"phone,email\n".to_vec(), "has a heading and no row").await;
    refused(b"phone\r".to_vec(), "has a heading and no row").await;
    refused(b"email\na@example.com\n".to_vec(), "phone_number").await;
    refused(b"phone\0\n+12025550187\0\n".to_vec(), "line 1 has a zero byte").await;
    refused(b"\xff\xfep\0h\0\n\0".to_vec(), "UTF-16").await;
    refused(b"phone,name\n+12025550187,Jos\xe9\n".to_vec(), "line 2 is not UTF-8").await;
    refused(format!("phone{}\n+12025550187\n", ",x".repeat(10_000)).into_bytes(), "columns").await;
    refused(format!("phone\n\"{}", "x\n".repeat(100_000)).into_bytes(), "opens in line 2").await;
    refused(b"PK\x03\x04\x14\0\x06\0".to_vec(), "").await;
    assert_eq!(list.contacts().await, 0);

    // What is wrong further down is found before anything is changed.
    let good = rows(20_000);
    for (end, expected) in [
        (&b"+12025550187,\"open\n"[..], "a quote that opens in line 20002 is never closed"),
        (b"+12025550187,\xe9\n", "line 20002 is not UTF-8"),
        (b"+12025550187,\0\n", "line 20002 has a zero byte"),
    ] {
        let file = [good.as_bytes(), end, good.as_bytes()].concat();
        let job = list.ended("", file).await;
        assert_eq!(job["state"], "failed");
        assert!(job["error"].as_str().unwrap().contains(expected), "{job}");
        assert_eq!(counts(&job), [0; 5]);
    }
    assert_eq!(list.contacts().await, 0, "nothing half-done");

    // Odd, and still a file.
    let job = list.ended("", "\u{feff}phone,phone,x\r+12025550187,,=1+1\r").await;
    assert_eq!((job["state"].as_str(), counts(&job)), (Some("done"), [1, 1, 0, 0, 0]), "{job}");
}

#[tokio::test]
async fn an_import_that_is_cancelled_does_not_begin() {
    let list = List::start().await;
    let waiting = list.import("", rows(10)).await.expect(202);
    assert_eq!(waiting.json["state"], "waiting");
    let path = format!("/v1/jobs/{}", waiting.id());
    let cancel = format!("{path}/cancel");
    let cancelled = list.server.post(&cancel, Value::Null).await.expect(200);
    assert_eq!(cancelled.json["state"], "cancelled");
    list.server.post(&cancel, Value::Null).await.expect_problem(409, "already_ended");
    let second = list.import("", rows(5)).await.expect(202).id();
    list.run();
    assert_eq!(counts(&list.end_of(&second).await), [5, 5, 0, 0, 0]);
    assert_eq!(list.server.get(&path).await.json["state"], "cancelled");
    let log = list.server.get("/v1/audit-log").await.expect(200);
    let actions: Vec<&str> = log.json["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["action"].as_str().unwrap())
        .collect();
    let expected = ["import.started", "import.cancelled", "import.started", "powerlist.created"];
    assert_eq!(actions, expected);
    assert!(!log.text.contains("Ann"), "no personal data");
}

#[tokio::test]
async fn an_import_stopped_between_batches_goes_on_where_it_was() {
    let list = List::start().await;
    let count = 20 * IMPORT_BATCH_ROWS;
    let id = list.import("", rows(count)).await.expect(202).id();
    let path = format!("/v1/jobs/{id}");
    let mut stops = 0;
    loop {
        // Ends the runner as soon as it has done something: a stop may come between any two calls
        // of the store.
        let before = list.server.get(&path).await.json["progress"]["rows_done"].clone();
        let moved = async {
            loop {
                let job = list.server.get(&path).await.json;
                if job["progress"]["rows_done"] != before || !job["ended_at"].is_null() {
                    return;
                }
            }
        };
        posthaste_api::run_imports(list.server.state.clone(), moved).await;
        if !list.server.get(&path).await.json["ended_at"].is_null() {
            break;
        }
        stops += 1;
    }
    assert!(stops > 1, "stopped {stops} times");
    let job = list.end_of(&id).await;
    let count = count as u64;
    assert_eq!((job["state"].as_str(), counts(&job)), (Some("done"), [count, count, 0, 0, 0]));
    assert_eq!(list.contacts().await, count);
}

#[tokio::test]
async fn a_list_that_is_deleted_ends_its_imports() {
    let list = List::start().await;
    let id = list.import("", rows(10)).await.expect(202).id();
    let path = format!("/v1/powerlists/{}", list.id);
    list.server.call("DELETE", &path, &list.server.keys.account, Value::Null).await.expect(204);
    let job = list.end_of(&id).await;
    assert_eq!(job["state"], "cancelled");
    assert!(job["error"].as_str().unwrap().contains("deleted"));
    list.import("", rows(1)).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn there_are_bounds() {
    let list = List::start().await;
    for _ in 0..IMPORTS_WAITING_MAX {
        list.import("", rows(1)).await.expect(202);
    }
    list.import("", rows(1)).await.expect_problem(409, "too_many_imports");
    let large = vec![b'x'; 256 * 1024 + 1];
    list.preview("", large).await.expect_problem(413, "body_too_large");
    let key = &list.server.keys.account;
    let path = format!("/v1/powerlists/{}/imports", list.id);
    let huge = list.server.request("POST", &path, key).header("content-type", "text/csv");
    let huge = huge.header("content-length", (1_u64 << 30) + 1).body(Body::empty());
    list.server.send(huge.unwrap()).await.expect_problem(413, "body_too_large");
    let json = list.server.request("POST", &path, key).header("content-type", "application/json");
    let json = json.body(Body::from("{}")).unwrap();
    list.server.send(json).await.expect_problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn who_may_not_is_refused_and_others_see_nothing() {
    let list = List::start().await;
    let id = list.import("", rows(1)).await.expect(202).id();
    let keys = &list.server.keys;
    list.send("", &keys.read, rows(1)).await.expect_problem(403, "forbidden");
    list.send("", &keys.other, rows(1)).await.expect_problem(404, "not_found");
    list.send("/preview", &keys.read, rows(1)).await.expect(200);
    list.send("/preview", &keys.other, rows(1)).await.expect_problem(404, "not_found");
    for path in [
        format!("/v1/jobs/{id}"),
        format!("/v1/jobs/{id}/skipped"),
        format!("/v1/jobs/{id}/skipped.csv"),
    ] {
        list.server.call("GET", &path, &keys.read, Value::Null).await.expect(200);
        list.server
            .call("GET", &path, &keys.other, Value::Null)
            .await
            .expect_problem(404, "not_found");
    }
    let cancel = format!("/v1/jobs/{id}/cancel");
    list.server
        .call("POST", &cancel, &keys.read, Value::Null)
        .await
        .expect_problem(403, "forbidden");
    list.server
        .call("POST", &cancel, &keys.other, Value::Null)
        .await
        .expect_problem(404, "not_found");
    let jobs = list.server.call("GET", "/v1/jobs", &keys.other, Value::Null).await.expect(200);
    assert_eq!(jobs.json["data"], json!([]));
}
