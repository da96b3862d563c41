//! Contacts over the API, one by one: the same request twice changes nothing the second time.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

mod support;

use serde_json::{Value, json};
use support::{Answer, TestServer};

struct List {
    server: TestServer,
    id: String,
}

impl List {
    async fn start() -> List {
        let server = TestServer::start().await;
        let id = server.post("/v1/powerlists", json!({"name": "Spring"})).await.expect(201).id();
        List { server, id }
    }

    fn path(&self) -> String {
        format!("/v1/powerlists/{}/contacts", self.id)
    }

    async fn put(&self, body: Value) -> Answer {
        self.server.post(&self.path(), body).await
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.server.call(method, path, &self.server.keys.account, body).await
    }

    async fn found(&self, query: &str) -> Vec<String> {
        let answer = self.server.get(&format!("{}?{query}", self.path())).await.expect(200);
        let contacts = answer.json["data"].as_array().unwrap().clone();
        contacts
            .iter()
            .map(|contact| contact["phone_number"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_contact_is_known_by_its_number_however_it_is_written() {
    let list = List::start().await;
    let body = json!({
        "phone_number": "(202) 555-0187",
        "email": "ada@example.com",
        "first_name": " Ada ",
        "tags": ["lead", "lead", " hot "],
        "consent": true,
        "custom_fields": {"budget": 85, "notes": ["a", null]},
    });
    let made = list.put(body.clone()).await.expect(201);
    assert_eq!(made.header("location"), format!("/v1/contacts/{}", made.id()));
    let expected = json!({
        "id": made.id(),
        "powerlist_id": list.id,
        "phone_number": "+12025550187",
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": null,
        "address": null,
        "city": null,
        "country": null,
        "state": null,
        "postal_code": null,
        "timezone": null,
        "disposition": null,
        "tags": ["lead", "hot"],
        "consent": true,
        "dnd": null,
        "custom_fields": {"budget": 85, "notes": ["a", null]},
        "source": "api",
        "created_at": support::START,
        "updated_at": support::START,
    });
    assert_eq!(made.json, expected);
    assert_eq!(list.put(body).await.expect(200).json, expected, "the same again changes nothing");

    let body = json!({"phone_number": "+1 202 555 0187", "email": null, "city": "Bonn"});
    let changed = list.put(body).await.expect(200);
    assert_eq!(changed.id(), made.id());
    assert_eq!((&changed.json["email"], &changed.json["city"]), (&Value::Null, &json!("Bonn")));
    let path = format!("/v1/contacts/{}", made.id());
    assert_eq!(list.server.get(&path).await.expect(200).json, changed.json);
    let lists = list.server.get("/v1/powerlists").await.expect(200);
    assert_eq!(lists.json["data"][0]["contacts"], 1);
}

#[tokio::test]
async fn a_contact_is_changed_and_deleted_by_its_id() {
    let list = List::start().await;
    let made = list.put(json!({"phone_number": "+12025550187", "dnd": true})).await.expect(201);
    list.put(json!({"phone_number": "+12025550188"})).await.expect(201);
    let path = format!("/v1/contacts/{}", made.id());
    let body = json!({"phone_number": "202-555-0189", "dnd": null, "custom_fields": {"a": 1}});
    let changed = list.call("PATCH", &path, body).await.expect(200);
    assert_eq!(changed.json["phone_number"], "+12025550189");
    assert_eq!(changed.json["dnd"], Value::Null);
    let taken = list.call("PATCH", &path, json!({"phone_number": "+12025550188"})).await;
    taken.expect_problem(409, "taken");
    let body = json!({"custom_fields": {"a": null}});
    let changed = list.call("PATCH", &path, body).await.expect(200);
    assert_eq!(changed.json["custom_fields"], json!({}));

    let wrong = list.call("DELETE", &format!("{path}?reason=bored"), Value::Null).await;
    assert_eq!(wrong.expect_problem(422, "invalid").pointers(), ["/reason"]);
    list.call("DELETE", &format!("{path}?reason=gdpr"), Value::Null).await.expect(204);
    list.server.get(&path).await.expect_problem(404, "not_found");
    list.call("DELETE", &path, Value::Null).await.expect_problem(404, "not_found");
    list.call("PATCH", &path, json!({"city": "Bonn"})).await.expect_problem(404, "not_found");
    let log = list.server.get("/v1/audit-log?action=contact.deleted").await.expect(200);
    let entries = log.json["data"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert!(!log.text.contains("2025550"), "no personal data: {}", log.text);
}

#[tokio::test]
async fn contacts_are_found_by_what_a_person_types() {
    let list = List::start().await;
    list.put(json!({"phone_number": "+12025550187", "first_name": "Ada", "last_name": "King",
        "tags": ["hot"]}))
        .await
        .expect(201);
    list.put(json!({"phone_number": "+12025550188", "email": "bob@example.com", "city": "Bonn"}))
        .await
        .expect(201);
    let (ada, bob) = ("+12025550187", "+12025550188");
    assert_eq!(list.found("").await, [bob, ada], "newest first");
    assert_eq!(list.found("q=ki").await, [ada]);
    assert_eq!(list.found("q=ada%20ki").await, [ada]);
    assert_eq!(list.found("q=bob@example").await, [bob]);
    assert_eq!(list.found("q=5550188").await, [bob]);
    assert_eq!(list.found("q=%22%20OR%20%2A").await, Vec::<String>::new());
    assert_eq!(list.found("tag=hot").await, [ada]);
    assert_eq!(list.found("limit=1").await, [bob]);
    let wrong = list.server.get(&format!("{}?q={}", list.path(), "x".repeat(201))).await;
    assert_eq!(wrong.expect_problem(422, "invalid").pointers(), ["/q"]);
}

#[tokio::test]
async fn each_wrong_field_is_pointed_at() {
    let list = List::start().await;
    let check = async |body: Value, pointers: &[&str]| {
        let answer = list.put(body.clone()).await;
        assert_eq!(answer.expect_problem(422, "invalid").pointers(), pointers, "{body}");
    };
    check(json!({}), &["/phone_number"]).await;
    check(
        json!({"phone_number": "12", "email": "ada", "tags": ["x".repeat(101)]}),
        &["/phone_number", "/email", "/tags"],
    )
    .await;
    check(json!({"phone_number": "+12025550187", "budget": 1}), &["/budget"]).await;
    check(json!({"phone_number": null}), &["/phone_number"]).await;
    let long = json!({"phone_number": "+12025550187", "custom_fields": {"a/b": "x".repeat(5_000)}});
    check(long, &["/custom_fields/a~1b"]).await;
    let many: serde_json::Map<String, Value> =
        (0..101).map(|n| (format!("f{n}"), json!(n))).collect();
    check(json!({"phone_number": "+12025550187", "custom_fields": many}), &["/custom_fields"])
        .await;
    assert_eq!(list.found("").await, Vec::<String>::new(), "nothing was kept");
}

#[tokio::test]
async fn who_may_not_is_refused_and_others_see_nothing() {
    let list = List::start().await;
    let made = list.put(json!({"phone_number": "+12025550187"})).await.expect(201);
    let (contacts, contact) = (list.path(), format!("/v1/contacts/{}", made.id()));
    let csv = format!("{contacts}.csv");
    let keys = &list.server.keys;
    let number = json!({"phone_number": "+12025550187"});
    for (method, path, body) in [
        ("POST", &contacts, number.clone()),
        ("PATCH", &contact, json!({"city": "Bonn"})),
        ("DELETE", &contact, Value::Null),
    ] {
        let answer = list.server.call(method, path, &keys.read, body.clone()).await;
        answer.expect_problem(403, "forbidden");
        list.server.call(method, path, &keys.other, body).await.expect_problem(404, "not_found");
    }
    for path in [&contacts, &contact, &csv] {
        list.server.call("GET", path, &keys.read, Value::Null).await.expect(200);
        list.server
            .call("GET", path, &keys.other, Value::Null)
            .await
            .expect_problem(404, "not_found");
        list.server.call("GET", path, &keys.publish, Value::Null).await.expect(403);
    }
}

#[tokio::test]
async fn a_list_is_exported_without_formulas() {
    let list = List::start().await;
    list.put(json!({"phone_number": "+12025550187", "first_name": "=HYPERLINK(\"x\")",
        "custom_fields": {"note": "a,\"b\"", "score": 5}}))
        .await
        .expect(201);
    for n in 0..250 {
        list.put(json!({"phone_number": format!("+1202556{n:04}")})).await.expect(201);
    }
    let path = format!("{}.csv", list.path());
    let answer = list.server.get(&path).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"Spring.csv\"");
    let lines: Vec<&str> = answer.text.split("\r\n").collect();
    assert_eq!(lines.len(), 1 + 251 + 1);
    assert!(lines[0].starts_with("phone_number,email,first_name,"), "{}", lines[0]);
    assert!(lines[0].ends_with(",custom_fields.note,custom_fields.score"), "{}", lines[0]);
    assert!(lines[1].starts_with("+12025560249,"), "newest first: {}", lines[1]);
    let last = lines[251];
    assert!(last.starts_with("+12025550187,,\"'=HYPERLINK(\"\"x\"\")\","), "{last}");
    assert!(last.ends_with(",\"a,\"\"b\"\"\",5"), "{last}");
    let log = list.server.get("/v1/audit-log?action=powerlist.exported").await.expect(200);
    assert_eq!(log.json["data"].as_array().unwrap().len(), 1);
}
