//! The live stream through the real binary, read by a client of few lines; and `posthaste tail`,
//! which reads it for people.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};
use support::{KEY, PATIENCE, Ran, Server, eventually, posthaste};

/// A stream as a program reads it that knows nothing but HTTP/1.0, where the body is what comes.
struct Stream(BufReader<TcpStream>);

#[derive(Debug)]
struct Message {
    event: String,
    id: String,
    data: Value,
}

impl Message {
    fn sequence(&self) -> u64 {
        self.id.rsplit_once('-').unwrap().1.parse().unwrap()
    }
}

impl Stream {
    fn open(server: &Server, path: &str, last_id: Option<&str>) -> Stream {
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let mut connection =
            TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let last_id = last_id.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        let head = format!("GET {path} HTTP/1.0\r\nauthorization: Bearer {KEY}\r\n{last_id}\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        let mut stream = Stream(BufReader::new(connection));
        assert!(stream.line().unwrap().contains(" 200 "));
        while !stream.line().unwrap().is_empty() {}
        // The greeting: from here on, nothing is missed.
        assert!(stream.line().unwrap().starts_with(": "));
        while !stream.line().unwrap().is_empty() {}
        stream
    }

    /// `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.ends_with('\n').then(|| line.trim_end().to_owned())
    }

    /// The next message; `None` once the server has ended the stream.
    fn next(&mut self) -> Option<Message> {
        let (mut event, mut id, mut data) = (String::new(), String::new(), None);
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut event),
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("data", value)) => data = Some(serde_json::from_str(value).unwrap()),
                _ if !line.is_empty() => {}
                _ => {
                    if let Some(data) = data.take() {
                        return Some(Message { event, id, data });
                    }
                }
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<Message> {
        (0..count).map(|_| self.next().unwrap()).collect()
    }
}

fn post(server: &Server, count: usize) -> BTreeSet<String> {
    let event = json!({ "event": "call.ended", "data": {} });
    let id = |receipt: Value| receipt["id"].as_str().unwrap().to_owned();
    (0..count).map(|_| id(server.post("/v1/events", &event))).collect()
}

#[test]
fn updates_come_in_order_and_a_cut_loses_none_and_repeats_none() {
    let server = Server::dev();
    let mut stream = Stream::open(&server, "/v1/stream", None);
    let mut posted = post(&server, 20);
    let mut seen = stream.take(12);
    drop(stream);
    posted.extend(post(&server, 20));
    let mut stream = Stream::open(&server, "/v1/stream", Some(&seen[11].id));
    seen.extend(stream.take(28));
    let numbers: Vec<u64> = seen.iter().map(Message::sequence).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<u64>>());
    for message in &seen {
        assert_eq!(
            (message.event.as_str(), &message.data["status"]),
            ("delivery", &json!("delivered"))
        );
        // What the stream shows is on disk.
        let path = format!("/v1/deliveries/{}", message.data["id"].as_str().unwrap());
        assert_eq!(server.get(&path)["status"], "delivered");
    }
    let event_ids =
        seen.iter().map(|message| message.data["event_id"].as_str().unwrap().to_owned());
    assert_eq!(event_ids.collect::<BTreeSet<String>>(), posted);
}

#[test]
fn a_stream_ends_when_a_shutdown_begins_and_says_reset_after_a_restart() {
    let mut server = Server::dev();
    let url = format!("{}/inbox/receive?delay_ms=2000", server.url);
    let webhook = json!({ "title": "Slow", "url": url, "events": ["sms.sent"] });
    server.post("/v1/webhooks", &webhook);
    let mut stream = Stream::open(&server, "/v1/stream?event=call.ended", None);
    post(&server, 1);
    let last_id = stream.next().unwrap().id;
    server.post("/v1/events", &json!({ "event": "sms.sent", "data": {} }));
    eventually("the slow one is on the wire", || {
        let received = server.get("/inbox/requests");
        (received["data"].as_array().unwrap().len() == 3).then_some(())
    });
    server.terminate();
    assert!(stream.next().is_none());
    let stopped = server.output.lock().unwrap().contains("INFO stopped");
    assert!(!stopped, "it did not wait for what is in flight");
    assert_eq!(server.wait().code(), Some(0));
    server.restart();
    let mut stream = Stream::open(&server, "/v1/stream", Some(&last_id));
    let message = stream.next().unwrap();
    assert_eq!((message.event.as_str(), &message.data), ("reset", &json!({ "reason": "unknown" })));
    post(&server, 1);
    assert_eq!(stream.next().unwrap().data["status"], "delivered");
}

/// More than the server keeps goes by while nobody reads. Deliveries to webhooks that are paused are
/// recorded without being sent, so 80,000 of them take a few seconds.
#[test]
fn a_reader_that_stands_still_is_told_what_it_missed() {
    const WEBHOOKS: u64 = 20;
    const EVENTS: u64 = 4_000;
    let server = Server::start(support::Options {
        arguments: vec!["--egress-allow".to_owned(), "127.0.0.1".to_owned()],
        ..support::Options::default()
    });
    for number in 0..WEBHOOKS {
        let url = format!("http://127.0.0.1:9/{number}");
        let webhook = json!({ "title": "Paused", "url": url, "events": ["call.ended"] });
        let webhook = server.post("/v1/webhooks", &webhook);
        server.post(&format!("/v1/webhooks/{}/pause", webhook["id"].as_str().unwrap()), &json!({}));
    }
    let mut stream = Stream::open(&server, "/v1/stream", None);
    let event = json!({ "event": "call.ended", "data": {} });
    let batch = json!({ "events": vec![event; 1_000] });
    for _ in 0..EVENTS / 1_000 {
        server.post("/v1/events/batch", &batch);
    }
    eventually("all is recorded", || {
        let ready = server.get("/readyz");
        (ready["engine"]["unrecorded"] == 0).then_some(())
    });
    let (mut shown, mut skipped) = (0, 0);
    while shown + skipped < WEBHOOKS * EVENTS {
        let message = stream.next().unwrap();
        match message.event.as_str() {
            "delivery" => shown += 1,
            "skipped" => skipped += message.data["count"].as_u64().unwrap(),
            other => panic!("{other}: {message:?}"),
        }
        assert_eq!(message.sequence(), shown + skipped, "everything is accounted for");
    }
    assert!(skipped > 0 && shown > 0, "{shown} shown, {skipped} skipped");
}

/// A `tail` that runs. Killed when it is dropped.
struct Tail {
    child: Child,
    /// `None` once nobody reads any more.
    lines: Option<BufReader<ChildStdout>>,
}

impl Tail {
    fn start(url: &str, arguments: &[&str]) -> Tail {
        let mut command = posthaste(&["tail", "--color", "never"]);
        command.args(arguments).env("PH_URL", url).env("PH_KEY", KEY);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = child.stdout.take().map(BufReader::new);
        let mut tail = Tail { child, lines };
        tail.hear("watching");
        tail
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.as_mut().unwrap().read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads what it says to people until it says this.
    fn hear(&mut self, words: &str) {
        let stderr = self.child.stderr.as_mut().unwrap();
        let mut heard = String::new();
        while !heard.contains(words) {
            let mut byte = [0];
            assert_eq!(stderr.read(&mut byte).unwrap(), 1, "ended after: {heard}");
            heard.push(char::from(byte[0]));
        }
    }

    fn interrupt(mut self) -> Option<i32> {
        let kill = format!("kill -INT {}", self.child.id());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        eventually("tail ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn tail_prints_json_for_programs_and_rows_for_people_until_ctrl_c() {
    let server = Server::dev();
    let mut json_lines = Tail::start(&server.url, &[]);
    let mut rows =
        Tail::start(&server.url, &["-o", "table", "--event", "call.*", "--webhook", "1"]);
    let mut failed = Tail::start(&server.url, &["-o", "id", "--status", "failed"]);
    post(&server, 2);
    for _ in 0..2 {
        let delivery: Value = serde_json::from_str(&json_lines.line()).unwrap();
        assert_eq!(delivery["status"], "delivered");
        assert_eq!(delivery["last_attempt"]["status_code"], 200);
    }
    let words = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let titles = words(rows.line());
    assert_eq!(titles[..4], ["CREATED", "STATUS", "CODE", "MS"]);
    let row = words(rows.line());
    // The time has two words.
    assert_eq!(
        (row[2].as_str(), row[3].as_str(), row[6].as_str()),
        ("delivered", "200", "call.ended")
    );
    let webhook = server.get("/v1/webhooks")["data"][0]["id"].as_str().unwrap().to_owned();
    server
        .request(
            "PATCH",
            &format!("/v1/webhooks/{webhook}"),
            Some(&json!({
                "url": format!("{}/inbox/receive?status=410", server.url),
            })),
        )
        .expect_success();
    post(&server, 1);
    assert!(failed.line().starts_with("dlv_"));
    for tail in [json_lines, rows, failed] {
        assert_eq!(tail.interrupt(), Some(0));
    }
}

#[test]
fn tail_says_why_a_server_will_not_have_it() {
    let server = Server::dev();
    let mut command = server.command(&["tail"]);
    command.env("PH_KEY", "phk_wrong_123456789_0123456789_0123456789");
    let ran = Ran::of(command.output().unwrap()).expect_code(4);
    assert!(ran.stderr.contains("API key"), "{}", ran.stderr);
    let ran = server.run(&["tail", "--status", "delivering"]).expect_code(1);
    assert!(ran.stderr.contains("/status"), "{}", ran.stderr);
    let mut nobody = posthaste(&["tail"]);
    nobody.env("PH_URL", "http://127.0.0.1:9");
    Ran::of(nobody.output().unwrap()).expect_code(1);
}

/// Accepts one connection, reads the head of its request, and answers with the beginning of a
/// stream. The connection is cut when the answer is dropped.
fn answer_stream(listener: &TcpListener, events: &str) -> (TcpStream, String) {
    let (mut connection, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(connection.read(&mut byte).unwrap(), 1);
        head.push(byte[0]);
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{events}\r\n",
        events.len()
    );
    connection.write_all(answer.as_bytes()).unwrap();
    (connection, String::from_utf8(head).unwrap().to_ascii_lowercase())
}

#[test]
fn tail_goes_on_where_a_lost_connection_left_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let first = "id: e-1\n\nevent: delivery\nid: e-2\ndata: {\"id\":\"dlv_1\"}\n\nevent: delivery\nid: e-3\nda";
        let (connection, head) = answer_stream(&listener, first);
        assert!(!head.contains("last-event-id"), "{head}");
        drop(connection);
        let second = "event: reset\nid: e-2\ndata: {\"reason\":\"too_old\"}\n\n\
                      event: skipped\nid: e-8\ndata: {\"count\":6}\n\n\
                      event: delivery\nid: e-9\ndata: {\"id\":\"dlv_2\"}\n\n";
        let (connection, head) = answer_stream(&listener, second);
        // The half message was not seen.
        assert!(head.contains("\r\nlast-event-id: e-2\r\n"), "{head}");
        connection
    });
    let mut tail = Tail::start(&url, &["-o", "id"]);
    assert_eq!(tail.line(), "dlv_1");
    tail.hear("the connection was lost");
    tail.hear("connected again");
    tail.hear("missed");
    tail.hear("6 more were not shown");
    assert_eq!(tail.line(), "dlv_2");
    let connection = serving.join().unwrap();
    assert_eq!(tail.interrupt(), Some(0));
    drop(connection);
}

#[test]
fn tail_ends_when_nobody_reads_it_any_more() {
    let server = Server::dev();
    let mut tail = Tail::start(&server.url, &[]);
    post(&server, 1);
    tail.line();
    tail.lines = None;
    let ended = eventually("tail ends", || {
        post(&server, 1);
        tail.child.try_wait().unwrap()
    });
    assert_eq!(ended.code(), Some(0));
}
