//! Inbound webhooks: their settings, their URLs, and what becomes of what is posted there.

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use posthaste_api::Settings;
use posthaste_core::id::PowerlistId;
use serde_json::{Value, json};

use support::{Answer, START, TestServer};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PHONE: &str = "+12025550187";

async fn list(server: &TestServer) -> String {
    server.powerlist(server.account, "Prospects").await
}

fn settings(list: &str) -> Value {
    json!({
        "direction": "inbound",
        "title": "CRM",
        "powerlist_id": list,
        "events": ["contact", "contact.delete"],
    })
}

/// An inbound webhook with these settings beside the usual ones; answers it.
async fn hook(server: &TestServer, more: Value) -> Value {
    let mut body = settings(&list(server).await);
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    server.post("/v1/webhooks", body).await.expect(201).json
}

fn path(hook: &Value, endpoint: usize) -> String {
    hook["endpoints"][endpoint]["path"].as_str().expect("a path").to_owned()
}

async fn post_with(
    server: &TestServer,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::builder().method("POST").uri(path).header("host", "hooks.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(body.into()).expect("a request")).await
}

async fn post(server: &TestServer, path: &str, content_type: &str, body: &str) -> Answer {
    post_with(server, path, &[("content-type", content_type)], body.to_owned()).await
}

/// The newest request that the webhook kept, as a whole.
async fn last_request(server: &TestServer, hook: &Value) -> Value {
    let requests = format!("/v1/webhooks/{}/requests", hook["id"].as_str().expect("an id"));
    let page = server.get(&format!("{requests}?limit=1")).await.expect(200).json;
    let id = page["data"][0]["id"].as_str().expect("a request").to_owned();
    server.get(&format!("{requests}/{id}")).await.expect(200).json
}

#[tokio::test]
async fn a_form_makes_a_contact_and_the_same_form_again_changes_nothing() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let form = "phone_number=%28202%29+555-0187&firstName=Maria&last_name=Lopez&tags=new%2C+vip\
        &e-mail=maria%40example.com&wayan_cf=42&city=";
    let answer = post(&server, &path(&hook, 0), FORM, form).await.expect(200);
    assert_eq!(answer.json["status"], "success");
    assert_eq!(answer.json["data"]["operation"], "created");
    let id = answer.json["data"]["contact_id"].as_str().expect("an id").to_owned();

    let again = post(&server, &path(&hook, 0), FORM, form).await.expect(200);
    assert_eq!(again.json["data"], json!({"contact_id": id, "operation": "none"}));
    let more = json!({"phone": PHONE, "city": "Washington", "last_name": null});
    let more = post(&server, &path(&hook, 0), JSON, &more.to_string()).await.expect(200);
    assert_eq!(more.json["data"], json!({"contact_id": id, "operation": "updated"}));

    let contact = server.store.contact(server.account, id.parse().expect("an id")).await;
    let fields = contact.expect("readable").expect("there").fields;
    let texts: Vec<(&str, &str)> =
        fields.texts.iter().map(|(field, text)| (field.as_str(), text.as_str())).collect();
    let expected =
        [("email", "maria@example.com"), ("first_name", "Maria"), ("city", "Washington")];
    assert_eq!(texts, expected);
    assert_eq!(fields.phone_number.as_str(), PHONE);
    assert_eq!(fields.tags, ["new", "vip"]);
    assert_eq!(fields.custom["wayan_cf"], "42");

    let deleted = post(&server, &path(&hook, 1), FORM, "phone=2025550187").await.expect(200);
    assert_eq!(deleted.json["data"], json!({"contact_id": id, "operation": "deleted"}));
    let deleted = post(&server, &path(&hook, 1), FORM, "phone=2025550187").await.expect(200);
    assert_eq!(deleted.json["data"], json!({"contact_id": null, "operation": "none"}));

    let shown = server.get(&format!("/v1/webhooks/{}", hook["id"].as_str().expect("id"))).await;
    assert_eq!(shown.json["hits"], 5);
    assert_eq!(shown.json["last_hit_at"], START);
    // A list that a webhook fills cannot go.
    let list = format!("/v1/powerlists/{}", hook["powerlist_id"].as_str().expect("a list"));
    let kept = server.call("DELETE", &list, &server.keys.account, Value::Null).await;
    let kept = kept.expect_problem(409, "in_use");
    assert!(kept.text.contains("CRM"), "{}", kept.text);
}

#[tokio::test]
async fn a_query_a_multipart_form_and_put_do_as_well() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let by_query = format!("{}?phone=2025550187&name=Maria+Lopez", path(&hook, 0));
    let answer = post_with(&server, &by_query, &[], Body::empty()).await.expect(200);
    assert_eq!(answer.json["data"]["operation"], "created");
    let request = Request::builder()
        .method("PUT")
        .uri(path(&hook, 0))
        .header("content-type", "multipart/form-data; boundary=x")
        .body(Body::from(
            "--x\r\ncontent-disposition: form-data; name=\"phone\"\r\n\r\n2025550187\r\n--x--\r\n",
        ));
    let answer = server.send(request.expect("a request")).await.expect(200);
    assert_eq!(answer.json["data"]["operation"], "none");
    let get = Request::builder().uri(by_query).body(Body::empty()).expect("a request");
    server.send(get).await.expect_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn each_bad_field_is_named_as_it_was_sent() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let body = json!({"contact": {"phoneNumber": "12", "Email": "nobody", "dnd": "maybe"}});
    let answer = post(&server, &path(&hook, 0), JSON, &body.to_string()).await;
    let answer = answer.expect_problem(422, "invalid");
    assert_eq!(answer.pointers(), ["/contact/phoneNumber", "/contact/Email", "/contact/dnd"]);
    let answer = post(&server, &path(&hook, 0), FORM, "email=m%40example.com").await;
    assert_eq!(answer.expect_problem(422, "invalid").pointers(), ["/phone_number"]);
    for (content_type, body) in [(JSON, "{"), ("text/xml", "<a/>"), (JSON, "[]"), (FORM, "a=%ff")] {
        post(&server, &path(&hook, 0), content_type, body).await.expect_problem(422, "invalid");
    }
    assert_eq!(last_request(&server, &hook).await["verdict"], "invalid");
}

#[tokio::test]
async fn no_wrong_token_tells_anything() {
    let server = TestServer::start().await;
    let only_contact = hook(&server, json!({"events": ["contact"]})).await;
    let there = path(&only_contact, 0);
    let token = there.trim_start_matches("/in/").trim_end_matches("/contact").to_owned();
    let mut answers = Vec::new();
    for token in ["x", "", "..%2f", &"A".repeat(43), &token[1..], &format!("{token}A")] {
        let answer = post(&server, &format!("/in/{token}/contact"), FORM, "phone=1").await;
        let answer = answer.expect_problem(404, "not_found");
        answers.push(answer.json["detail"].clone());
    }
    // An endpoint that the webhook does not have.
    let delete = format!("/in/{token}/contact-delete");
    let answer = post(&server, &delete, FORM, "phone=1").await.expect_problem(404, "not_found");
    assert_eq!(answers.last(), Some(&answer.json["detail"]));
    // A browser is not shown the dashboard there.
    let page = Request::builder().uri("/in/x/y").header("accept", "text/html").body(Body::empty());
    server.send(page.expect("a request")).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_body_may_name_another_list_of_the_same_account_only() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let second = server.powerlist(server.account, "Second").await;
    let foreign = server.powerlist(server.other_account, "Foreign").await;
    for name in ["powerlist_id", "powelist_id"] {
        let body = json!({"phone": PHONE, name: second}).to_string();
        post(&server, &path(&hook, 0), JSON, &body).await.expect(200);
        let body = json!({"phone": PHONE, name: foreign}).to_string();
        let answer =
            post(&server, &path(&hook, 0), JSON, &body).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), [format!("/{name}")]);
    }
    let count = async |account, list: &str| {
        let id: PowerlistId = list.parse().expect("an id");
        server.store.powerlist(account, id).await.expect("readable").expect("there").contacts
    };
    assert_eq!(count(server.account, &second).await, 1);
    assert_eq!(count(server.other_account, &foreign).await, 0);
    let own = hook["powerlist_id"].as_str().expect("a list");
    assert_eq!(count(server.account, own).await, 0);
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back_before_their_body_is_read() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({"rate_limit": {"count": 2, "per_s": 10}})).await;
    for _ in 0..2 {
        post(&server, &path(&hook, 0), FORM, "phone=2025550187").await.expect(200);
    }
    // A body that never comes: nobody waits for it.
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, axum::Error>>());
    let answer = post_with(&server, &path(&hook, 0), &[("content-type", FORM)], never).await;
    let answer = answer.expect_problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), "11");
    server.advance(Duration::from_secs(11));
    post(&server, &path(&hook, 0), FORM, "phone=2025550187").await.expect(200);
    let metrics = server.call("GET", "/metrics", &server.keys.platform, Value::Null).await.text;
    assert!(metrics.contains(r#"posthaste_inbound_requests_total{verdict="rate_limited"} 1"#));
    assert!(metrics.contains(r#"posthaste_inbound_requests_total{verdict="created"} 1"#));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let large = "x".repeat(300 * 1024);
    post(&server, &path(&hook, 0), FORM, &large).await.expect_problem(413, "body_too_large");
}

#[tokio::test]
async fn an_idempotency_key_repeats_the_answer() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let headers = [("content-type", FORM), ("idempotency-key", "k1")];
    let send = async |body: &'static str| post_with(&server, &path(&hook, 0), &headers, body).await;
    let first = send("phone=2025550187").await.expect(200);
    assert_eq!(first.json["data"]["operation"], "created");
    assert_eq!(send("phone=2025550187").await.expect(200).json, first.json);
    send("phone=2025550188").await.expect_problem(409, "idempotency_key_reused");
    assert_eq!(last_request(&server, &hook).await["verdict"], "key_reused");
}

#[tokio::test]
async fn what_went_round_too_often_is_a_loop() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let send = async |hops: &'static str| {
        let headers = [("content-type", FORM), ("x-webhook-hops", hops)];
        post_with(&server, &path(&hook, 0), &headers, "phone=2025550187").await
    };
    send("5").await.expect(200);
    send("6").await.expect_problem(508, "loop_detected");
    send("99999999999").await.expect_problem(508, "loop_detected");
    send("many").await.expect(200);
    let notes = server.store.contact_events(10).await.expect("readable");
    assert_eq!(notes.iter().map(|note| note.hops).collect::<Vec<_>>(), [5]);
}

#[tokio::test]
async fn an_unsigned_request_is_kept_with_its_reason_and_can_be_replayed() {
    let server = TestServer::start().await;
    let secret = "It's a Secret to Everybody";
    let verification = json!({"verification": {"scheme": "github", "secret": secret}});
    let hook = hook(&server, verification).await;
    assert_eq!(hook["verification"], json!({"scheme": "github"}));
    assert_eq!(hook.get("secret"), None, "it is the sender's");
    let answer = post(&server, &path(&hook, 0), FORM, "phone=2025550187").await;
    answer.expect_problem(401, "unverified");
    let kept = last_request(&server, &hook).await;
    assert_eq!(kept["verdict"], "unverified");
    assert!(kept["detail"].as_str().expect("a reason").contains("x-hub-signature-256 is missing"));

    let replay = format!(
        "/v1/webhooks/{}/requests/{}/replay",
        hook["id"].as_str().expect("an id"),
        kept["id"].as_str().expect("an id")
    );
    server.call("POST", &replay, &server.keys.read, Value::Null).await.expect(403);
    let replayed = server.post(&replay, Value::Null).await.expect(200).json;
    assert_eq!(replayed["verdict"], "created");
    assert_eq!(replayed["replay_of"], kept["id"]);
    let shown = server.get(&format!("/v1/webhooks/{}", hook["id"].as_str().expect("id"))).await;
    assert_eq!(shown.json["hits"], 1, "a replay is none");
    let secret_path = format!("/v1/webhooks/{}/secret", hook["id"].as_str().expect("id"));
    assert_eq!(server.get(&secret_path).await.expect(200).json["secret"], secret);
}

#[tokio::test]
async fn a_signature_of_ours_is_verified_with_the_secret_that_was_made() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({"verification": {"scheme": "posthaste"}})).await;
    let secret = hook["secret"].as_str().expect("made here").to_owned();
    let secret = posthaste_core::secret::Secret::parse(&secret).expect("ours");
    let body = r#"{"phone":"2025550187"}"#;
    let digest = posthaste_core::secret::SigningKey::new(&secret).sign_body(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(digest));
    let headers = [("content-type", JSON), ("x-webhook-signature-256", signature.as_str())];
    post_with(&server, &path(&hook, 0), &headers, body).await.expect(200);
    let with_query = format!("{}?dnd=false", path(&hook, 0));
    post_with(&server, &with_query, &headers, body).await.expect_problem(401, "unverified");
    let other = r#"{"phone":"2025550188"}"#;
    post_with(&server, &path(&hook, 0), &headers, other).await.expect_problem(401, "unverified");
}

#[tokio::test]
async fn twilio_signs_the_url_that_it_called() {
    let settings = Settings {
        public_url: Some("https://hooks.example.com".to_owned()),
        ..Settings::default()
    };
    let server = TestServer::start_with(settings, None).await;
    let token = "a twilio auth token";
    let hook = hook(&server, json!({"verification": {"scheme": "twilio", "secret": token}})).await;
    let url = hook["endpoints"][0]["url"].as_str().expect("known").to_owned();
    assert_eq!(url, format!("https://hooks.example.com{}", path(&hook, 0)));
    let form = "AccountSid=AC1&Body=STOP&From=%2B12025550187&FromCity=WASHINGTON&MessageSid=SM1";
    let text = format!("{url}AccountSidAC1BodySTOPFrom+12025550187FromCityWASHINGTONMessageSidSM1");
    let signature = support::hmac_sha1_base64(token, &text);
    let headers = [("content-type", FORM), ("x-twilio-signature", signature.as_str())];
    post_with(&server, &path(&hook, 0), &headers, form).await.expect(200);
    let kept = last_request(&server, &hook).await;
    assert_eq!(kept["verdict"], "created");
    let forged = form.replace("0187", "0188");
    post_with(&server, &path(&hook, 0), &headers, forged).await.expect_problem(401, "unverified");
}

#[tokio::test]
async fn requests_are_kept_without_credentials_and_listed_by_verdict() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let headers = [
        ("content-type", FORM),
        ("authorization", "Bearer theirs"),
        ("cookie", "a=b"),
        ("proxy-authorization", "Basic x"),
        ("x-crm", "7"),
    ];
    post_with(&server, &format!("{}?source=ad", path(&hook, 0)), &headers, "phone=2025550187")
        .await
        .expect(200);
    post(&server, &path(&hook, 0), FORM, "phone=1").await.expect(422);
    let kept = server
        .get(&format!("/v1/webhooks/{}/requests?verdict=created", hook["id"].as_str().expect("id")))
        .await
        .expect(200)
        .json;
    let kept = kept["data"].as_array().expect("a list");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].get("body"), None);
    assert_eq!(kept[0]["remote_address"], support::REMOTE);
    let id = kept[0]["id"].as_str().expect("an id");
    let requests = format!("/v1/webhooks/{}/requests", hook["id"].as_str().expect("an id"));
    let whole = server.get(&format!("{requests}/{id}")).await.expect(200).json;
    assert_eq!(whole["body"], "phone=2025550187");
    assert_eq!(whole["query"], "source=ad");
    assert_eq!(whole["headers"]["x-crm"], "7");
    for secret in ["authorization", "cookie", "proxy-authorization"] {
        assert_eq!(whole["headers"].get(secret), None, "{secret}");
    }
    server.get(&format!("{requests}?verdict=fine")).await.expect_problem(422, "invalid");
    let other = server.call("GET", &requests, &server.keys.other, Value::Null).await;
    other.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_preview_starts_from_the_last_request_and_follows_the_mapping() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let preview = format!("/v1/webhooks/{}/preview", hook["id"].as_str().expect("an id"));
    let nothing = server.post(&preview, Value::Null).await.expect(200).json;
    assert_eq!((&nothing["request_id"], &nothing["values"]), (&Value::Null, &json!([])));

    let body = json!({"person": {"numbers": ["2025550187"], "who": "Maria Lopez"}, "score": 7});
    post(&server, &path(&hook, 0), JSON, &body.to_string()).await.expect(422);
    let first = server.post(&preview, Value::Null).await.expect(200).json;
    assert!(first["request_id"].as_str().expect("the last one").starts_with("req_"));
    assert_eq!(first["contact"], Value::Null);
    assert_eq!(first["errors"][0]["pointer"], "/phone_number");
    let paths: Vec<&str> = first["values"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|value| value["path"].as_str())
        .collect();
    assert_eq!(paths, ["person.numbers", "person.who", "score"]);

    let mapping = json!({"phone_number": "person.numbers.0", "full_name": "person.who",
        "custom_fields.lead_score": "score"});
    let shown = server.post(&preview, json!({"mapping": mapping})).await.expect(200).json;
    assert_eq!(shown["errors"], json!([]));
    assert_eq!(shown["contact"]["phone_number"], PHONE);
    assert_eq!(shown["contact"]["first_name"], "Maria");
    assert_eq!(shown["contact"]["custom_fields"], json!({"lead_score": 7}));
    assert_eq!(shown["fields"][0]["from"], "2025550187");
    assert_eq!(shown["fields"][0]["value"], PHONE);
    let wrong = server.post(&preview, json!({"mapping": {"phone": "a"}})).await;
    assert_eq!(wrong.expect_problem(422, "invalid").pointers(), ["/mapping/phone"]);

    let pasted = json!({"content_type": FORM, "body": "phone=2025550187&x=1"});
    let pasted = server.post(&preview, pasted).await.expect(200).json;
    assert_eq!(pasted["request_id"], Value::Null);
    assert_eq!(pasted["contact"]["custom_fields"], json!({"x": "1"}));

    // The mapping is set right, and the request that failed is done again.
    let hook_path = format!("/v1/webhooks/{}", hook["id"].as_str().expect("an id"));
    let changed = server
        .call("PATCH", &hook_path, &server.keys.account, json!({"mapping": mapping}))
        .await
        .expect(200);
    assert_eq!(changed.json["mapping"], mapping);
    let request = first["request_id"].as_str().expect("an id");
    let replay = format!("{hook_path}/requests/{request}/replay");
    assert_eq!(server.post(&replay, Value::Null).await.expect(200).json["verdict"], "created");
}

#[tokio::test]
async fn a_rotated_token_works_on_until_the_overlap_is_over() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let id = hook["id"].as_str().expect("an id").to_owned();
    let old = path(&hook, 0);
    let rotated = server
        .post(&format!("/v1/webhooks/{id}/rotate-token"), json!({"overlap_s": 60}))
        .await
        .expect(200)
        .json;
    let new = path(&rotated, 0);
    assert_ne!(new, old);
    assert_eq!(rotated["previous_token_expires_at"], "2026-11-23T12:01:00.000Z");
    for path in [&old, &new] {
        post(&server, path, FORM, "phone=2025550187").await.expect(200);
    }
    server.advance(Duration::from_secs(60));
    post(&server, &old, FORM, "phone=2025550187").await.expect_problem(404, "not_found");
    post(&server, &new, FORM, "phone=2025550187").await.expect(200);
    let log = server.get("/v1/audit-log?action=webhook.token_rotated").await.expect(200);
    assert!(!log.text.contains(old.trim_start_matches("/in/").trim_end_matches("/contact")));
    assert!(log.text.contains("\"token\""));
}

#[tokio::test]
async fn a_paused_one_takes_nothing_for_now() {
    let server = TestServer::start().await;
    let hook = hook(&server, json!({})).await;
    let id = hook["id"].as_str().expect("an id").to_owned();
    let paused = server.post(&format!("/v1/webhooks/{id}/pause"), Value::Null).await.expect(200);
    assert_eq!(paused.json["status"], "paused");
    let answer = post(&server, &path(&hook, 0), FORM, "phone=2025550187").await;
    assert_eq!(answer.expect_problem(503, "inbound_paused").header("retry-after"), "60");
    server.post(&format!("/v1/webhooks/{id}/resume"), Value::Null).await.expect(200);
    post(&server, &path(&hook, 0), FORM, "phone=2025550187").await.expect(200);
    let delete = format!("/v1/webhooks/{id}");
    server.call("DELETE", &delete, &server.keys.account, Value::Null).await.expect(204);
    post(&server, &path(&hook, 0), FORM, "phone=2025550187").await.expect(404);
    server.get(&delete).await.expect(404);
}

#[tokio::test]
async fn both_directions_are_rows_of_one_list() {
    let server = TestServer::start().await;
    let first = server.webhook(&["*"]).await;
    let hook = hook(&server, json!({})).await;
    let third = server.webhook(&["*"]).await;
    let ids = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().expect("a list").iter();
        rows.filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
    };
    let page = server.get("/v1/webhooks").await.expect(200).json;
    let inbound = hook["id"].as_str().expect("an id").to_owned();
    assert_eq!(ids(&page), [third.clone(), inbound.clone(), first.clone()]);
    let numbers: Vec<_> =
        page["data"].as_array().expect("a list").iter().map(|row| &row["number"]).collect();
    assert_eq!(numbers, [3, 2, 1]);
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/v1/webhooks?limit=1{cursor}")).await.expect(200).json;
        walked.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(walked, [third, inbound.clone(), first.clone()]);

    // Who may only read sees no token.
    let inbound_path = format!("/v1/webhooks/{inbound}");
    let shown = server.call("GET", &inbound_path, &server.keys.read, Value::Null).await;
    assert_eq!(shown.expect(200).json["endpoints"][0]["path"], "/in/…/contact");
    let endpoints = server.get(&format!("/v1/webhooks/{inbound}/endpoints")).await.expect(200).json;
    assert_eq!(endpoints["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(endpoints["data"][0]["fields"][0], "phone_number");
    for call in ["test", "rotate-secret"] {
        let answer = server.post(&format!("/v1/webhooks/{inbound}/{call}"), Value::Null).await;
        answer.expect_problem(409, "wrong_direction");
    }
    for call in ["rotate-token", "preview"] {
        let answer = server.post(&format!("/v1/webhooks/{first}/{call}"), Value::Null).await;
        answer.expect_problem(409, "wrong_direction");
    }
    let foreign = server.call("GET", &inbound_path, &server.keys.other, Value::Null).await;
    foreign.expect_problem(404, "not_found");
}

#[tokio::test]
async fn settings_of_the_other_direction_are_refused_by_name() {
    let server = TestServer::start().await;
    let list = list(&server).await;
    let refused = async |body: Value, pointers: &[&str]| {
        let answer = server.post("/v1/webhooks", body).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), pointers);
    };
    let mut body = settings(&list);
    body["url"] = json!("https://example.com");
    body["timeout_ms"] = json!(5_000);
    refused(body, &["/url", "/timeout_ms"]).await;
    let outbound =
        json!({"title": "A", "url": "https://example.com", "events": ["*"], "mapping": {}});
    refused(outbound, &["/mapping"]).await;
    refused(json!({"direction": "inbound"}), &["/title", "/powerlist_id", "/events"]).await;
    refused(json!({"direction": "sideways", "title": "A", "url": "https://example.com", "events": ["*"]}), &["/direction"]).await;
    let mut foreign = settings(&server.powerlist(server.other_account, "Foreign").await);
    refused(foreign.clone(), &["/powerlist_id"]).await;
    foreign["powerlist_id"] = json!(list);
    let hook = server.post("/v1/webhooks", foreign).await.expect(201).json;
    let path = format!("/v1/webhooks/{}", hook["id"].as_str().expect("an id"));
    let change = async |body: Value| {
        let key = &server.keys.account;
        server.call("PATCH", &path, key, body).await.expect_problem(422, "invalid")
    };
    assert_eq!(change(json!({"direction": "outbound"})).await.pointers(), ["/direction"]);
    assert_eq!(change(json!({"url": "https://example.com"})).await.pointers(), ["/url"]);
}

#[tokio::test]
async fn an_outbound_webhook_names_a_list_that_is_there_and_no_url_of_ours() {
    let settings = Settings {
        public_url: Some("https://hooks.example.com".to_owned()),
        ..Settings::default()
    };
    let server = TestServer::start_with(settings, None).await;
    let foreign = server.powerlist(server.other_account, "Foreign").await;
    let list = list(&server).await;
    let body = |list: &str, url: &str| json!({"title": "A", "url": url, "events": ["*"], "powerlist_id": list});
    let refused = server.post("/v1/webhooks", body(&foreign, "https://example.com")).await;
    assert_eq!(refused.expect_problem(422, "invalid").pointers(), ["/powerlist_id"]);
    let ours = "https://hooks.example.com/in/x/contact";
    let refused = server.post("/v1/webhooks", body(&list, ours)).await;
    assert_eq!(refused.expect_problem(422, "invalid").pointers(), ["/url"]);
    let made = server.post("/v1/webhooks", body(&list, "https://example.com")).await.expect(201);
    let path = format!("/v1/webhooks/{}", made.id());
    let change = async |body: Value| server.call("PATCH", &path, &server.keys.account, body).await;
    change(json!({"url": ours})).await.expect_problem(422, "invalid");
    change(json!({"powerlist_id": foreign})).await.expect_problem(422, "invalid");
    change(json!({"powerlist_id": null})).await.expect(200);
}
