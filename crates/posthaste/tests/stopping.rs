//! How a server ends: what is in flight is finished and recorded, and who asks twice need not
//! wait. Through the real binary.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

mod support;

use serde_json::json;
use support::{Options, Server, eventually};

/// A server with one delivery on its way to a receiver that takes `delay_ms` to answer. Gives the
/// delivery's id as well.
fn with_a_delivery_in_flight(delay_ms: u32) -> (Server, String) {
    let server = Server::dev();
    for webhook in server.get("/v1/webhooks")["data"].as_array().unwrap() {
        let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
        server.request("DELETE", &path, None).expect_success();
    }
    let url = format!("{}/inbox/receive?delay_ms={delay_ms}", server.url);
    let webhook = json!({ "title": "Slow", "url": url, "events": ["*"], "timeout_ms": 30_000 });
    server.post("/v1/webhooks", &webhook);
    let receipt = server.post("/v1/events", &json!({ "event": "call.ended", "data": {} }));
    eventually("the receiver has the request", || {
        let received = server.get("/inbox/requests");
        (received["data"].as_array().unwrap().len() == 1).then_some(())
    });
    let path = format!("/v1/events/{}/deliveries", receipt["id"].as_str().unwrap());
    let id = server.get(&path)["data"][0]["id"].as_str().unwrap().to_owned();
    (server, id)
}

#[test]
fn what_is_in_flight_at_sigterm_is_finished_recorded_and_not_sent_again() {
    let (mut server, id) = with_a_delivery_in_flight(1_500);
    server.stop();
    server.restart();
    let delivery = server.get(&format!("/v1/deliveries/{id}"));
    assert_eq!((&delivery["status"], &delivery["attempt_count"]), (&json!("delivered"), &json!(1)));
    assert_eq!(server.get("/inbox/requests")["data"], json!([]), "a new inbox, and nothing in it");
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_delivery_is_still_owed() {
    let (mut server, id) = with_a_delivery_in_flight(60_000);
    server.terminate();
    eventually("it says that it stops", || {
        server.output.lock().unwrap().contains("stopping").then_some(())
    });
    // Right after the first it would be the same wish again.
    eventually("it ends at once", || {
        let ended = server.output.lock().unwrap().contains("stopped at once");
        if !ended {
            server.signal("INT");
        }
        ended.then_some(())
    });
    assert_eq!(server.wait().code(), Some(1));
    server.restart();
    let delivery = server.get(&format!("/v1/deliveries/{id}"));
    assert_ne!(delivery["status"], "delivered", "{delivery}");
    assert!(delivery["ended_at"].is_null(), "{delivery}");
}

/// As `timeout` does, which signals the process and then its group.
#[test]
fn a_signal_that_comes_twice_in_a_moment_is_one_wish() {
    let (mut server, id) = with_a_delivery_in_flight(1_500);
    let pid = server.pid();
    let kill = format!("kill -TERM {pid}; kill -TERM {pid}");
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(server.wait().code(), Some(0));
    server.restart();
    assert_eq!(server.get(&format!("/v1/deliveries/{id}"))["status"], "delivered");
}

#[test]
fn a_server_that_is_killed_delivers_what_it_owed_when_it_is_back() {
    let (mut server, id) = with_a_delivery_in_flight(60_000);
    server.kill();
    server.restart();
    // The receiver moved with the server's port; its owner says where to.
    let url = format!("{}/inbox/receive", server.url);
    let webhook = server.get("/v1/webhooks")["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|webhook| webhook["title"] == "Slow")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/webhooks/{webhook}");
    server.request("PATCH", &path, Some(&json!({ "url": url }))).expect_success();
    server.request("POST", &format!("/v1/deliveries/{id}/retry"), None).expect_success();
    eventually("it is delivered", || {
        let delivery = server.get(&format!("/v1/deliveries/{id}"));
        (delivery["status"] == "delivered").then_some(())
    });
}

/// A limit on file sizes makes writing fail as a broken disk does.
#[test]
fn a_disk_that_fails_ends_the_server_and_everything_acknowledged_is_delivered_later() {
    let prelude = "trap '' XFSZ; ulimit -f 800".to_owned();
    let options = Options { dev: true, prelude: Some(prelude), ..Options::default() };
    let mut server = Server::start(options);
    let mut acknowledged = Vec::new();
    let event = json!({ "event": "call.ended", "data": { "notes": "x".repeat(8_000) } });
    // The answer that is no 202 need not be a good one: the server is going down.
    for _ in 0..1_000 {
        let Ok(answer) = server.try_request("POST", "/v1/events", Some(&event)) else { break };
        if answer.status != 202 {
            assert_eq!(answer.status, 503, "{}", answer.text());
            break;
        }
        acknowledged.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    assert!(!acknowledged.is_empty());
    assert_eq!(server.wait().code(), Some(1));
    let printed = server.output.lock().unwrap().clone();
    assert!(printed.contains("error: the store failed"), "{printed}");

    let server =
        Server::start_in(server.into_folder(), Options { dev: true, ..Options::default() });
    for id in acknowledged {
        let path = format!("/v1/events/{id}/deliveries");
        eventually("an acknowledged event is delivered", || {
            let deliveries = server.get(&path);
            let delivery = &deliveries["data"][0];
            // What was on its way to the old port is tried again at the new one.
            if delivery["status"] == "retrying" {
                let retry = format!("/v1/deliveries/{}/retry", delivery["id"].as_str().unwrap());
                server.request("POST", &retry, None);
            }
            (delivery["status"] == "delivered").then_some(())
        });
    }
}
