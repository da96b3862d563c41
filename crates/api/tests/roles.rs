//! Every route of the OpenAPI document, called by everybody: what a role may not do it cannot, and
//! what belongs to another account does not exist.

mod support;

use axum::body::Body;
use axum::http::StatusCode;
use posthaste_core::account::{Action, Role};
use serde_json::{Value, json};

use support::{Answer, TestServer};

/// One operation as the document describes it.
#[derive(Debug, Clone)]
struct Operation {
    method: String,
    path: String,
    /// `None`: open to all.
    action: Option<Action>,
    /// For users who signed in; a key cannot do it, whatever its role.
    sessions_only: bool,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(posthaste_api::openapi_document()).expect("JSON");
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let security = &operation["security"][0];
            let sessions_only = security["session"].is_array();
            let scope = security[if sessions_only { "session" } else { "api_key" }][0].as_str();
            let action = scope.map(|scope| match scope {
                "publish" => Action::Publish,
                "read" => Action::Read,
                "write" => Action::Write,
                "manage" => Action::Manage,
                "administer" => Action::Administer,
                "myself" => Action::Myself,
                other => panic!("{path} needs {other}"),
            });
            let method = method.to_uppercase();
            operations.push(Operation { method, path: path.clone(), action, sessions_only });
        }
    }
    operations
}

/// Ids of things that the account has.
struct Things {
    webhook: String,
    event: String,
    delivery: String,
    key: String,
    account: String,
    user: String,
    powerlist: String,
    contact: String,
    job: String,
    inbound: String,
    token: String,
    /// Of the inbound webhook.
    request: String,
}

impl Things {
    async fn make(server: &TestServer) -> Things {
        let webhook = server.webhook(&["deal.won"]).await;
        let name = json!({"name": "deal.won"});
        server.call("POST", "/v1/event-types", &server.keys.account, name).await;
        let event = server.event("deal.won", json!({})).await;
        let deliveries = server.get(&format!("/v1/events/{event}/deliveries")).await.json;
        let delivery = deliveries["data"][0]["id"].as_str().expect("an id").to_owned();
        let key = json!({"name": "k", "role": "read"});
        let key = server.post("/v1/api-keys", key).await.expect(201).id();
        let user = json!({"email": "ann@example.com", "name": "Ann", "role": "editor"});
        let user = server.post("/v1/users", user).await.expect(201).id();
        let powerlist = server.post("/v1/powerlists", json!({"name": "L"})).await.expect(201).id();
        let lists = format!("/v1/powerlists/{powerlist}");
        let contact = json!({"phone_number": "+12025550187"});
        let contact = server.post(&format!("{lists}/contacts"), contact).await.expect(201).id();
        let imports = format!("{lists}/imports");
        let job = send_csv(server, &imports, &server.keys.account).await.expect(202).id();
        let list = server.powerlist(server.account, "Prospects").await;
        let inbound = json!({"direction": "inbound", "title": "In", "powerlist_id": list,
            "events": ["contact", "contact.delete"]});
        let inbound = server.post("/v1/webhooks", inbound).await.expect(201);
        let path = inbound.json["endpoints"][0]["path"].as_str().expect("a path").to_owned();
        let token = path.trim_start_matches("/in/").trim_end_matches("/contact").to_owned();
        server.call("POST", &path, "", json!({"phone_number": "+12025550187"})).await.expect(200);
        let inbound = inbound.id();
        let requests = server.get(&format!("/v1/webhooks/{inbound}/requests")).await.json;
        let request = requests["data"][0]["id"].as_str().expect("an id").to_owned();
        let account = server.account.to_string();
        Things {
            webhook,
            event,
            delivery,
            key,
            account,
            user,
            powerlist,
            contact,
            job,
            inbound,
            token,
            request,
        }
    }

    fn path(&self, template: &str) -> String {
        let id = match template.split('/').nth(2) {
            Some("webhooks") if is_of_inbound(template) => &self.inbound,
            Some("webhooks") => &self.webhook,
            Some("events") => &self.event,
            Some("deliveries") => &self.delivery,
            Some("api-keys") => &self.key,
            Some("accounts") => &self.account,
            Some("users") => &self.user,
            Some("powerlists") => &self.powerlist,
            Some("contacts") => &self.contact,
            Some("jobs") => &self.job,
            _ => "",
        };
        template
            .replace("{id}", id)
            .replace("{name}", "deal.won")
            .replace("{token}", &self.token)
            .replace("{request_id}", &self.request)
    }
}

fn is_of_inbound(template: &str) -> bool {
    let part = template.split('/').nth(4);
    matches!(part, Some("requests" | "preview" | "rotate-token"))
}

/// The path with ids that nobody has.
fn missing(template: &str) -> String {
    let prefix = match template.split('/').nth(2) {
        Some("webhooks") => "wh_",
        Some("events") => "evt_",
        Some("deliveries") => "dlv_",
        Some("api-keys") => "key_",
        Some("users") => "usr_",
        Some("powerlists") => "pl_",
        Some("contacts") => "ct_",
        Some("jobs") => "job_",
        _ => "acct_",
    };
    template
        .replace("{id}", &format!("{prefix}0000000000042"))
        .replace("{name}", "deal.lost")
        .replace("{request_id}", "req_0000000000042")
}

/// A body that an operation takes.
fn body_for(operation: &Operation) -> Value {
    match (operation.method.as_str(), operation.path.as_str()) {
        ("POST", "/v1/events") => json!({"event": "call.ended", "data": {}}),
        ("POST", "/v1/events/batch") => json!({"events": [{"event": "call.ended", "data": {}}]}),
        ("POST", "/v1/webhooks") => {
            json!({"title": "T", "url": "https://example.com/", "events": ["*"]})
        }
        ("POST", "/in/{token}/contact" | "/in/{token}/contact-delete") => {
            json!({"phone_number": "+12025550187"})
        }
        ("PATCH" | "PUT", _) => json!({}),
        ("POST", "/v1/event-types") => json!({"name": "new.one"}),
        ("POST", "/v1/api-keys") => json!({"name": "n", "role": "read"}),
        ("POST", "/v1/accounts") => json!({"name": "n"}),
        ("POST", "/v1/users") => json!({"email": "b@example.com", "name": "B", "role": "viewer"}),
        ("POST", "/v1/powerlists") => json!({"name": "n"}),
        ("POST", "/v1/powerlists/{id}/contacts") => json!({"phone_number": "+12025550188"}),
        ("POST", "/v1/session") => json!({"email": "b@example.com", "password": "wrong"}),
        ("POST", "/v1/session/link") => json!({"token": "wrong"}),
        ("POST", "/v1/session/password") => json!({"password": "correct horse"}),
        _ => Value::Null,
    }
}

async fn call(server: &TestServer, operation: &Operation, path: &str, key: &str) -> Answer {
    if operation.method == "POST" && operation.path.contains("/imports") {
        return send_csv(server, path, key).await;
    }
    server.call(&operation.method, path, key, body_for(operation)).await
}

async fn send_csv(server: &TestServer, path: &str, key: &str) -> Answer {
    let request = server.request("POST", path, key).header("content-type", "text/csv");
    server.send(request.body(Body::from("phone\n+12025550187\n")).expect("a request")).await
}

fn key_of(server: &TestServer, role: Role) -> &str {
    match role {
        Role::Platform => &server.keys.platform,
        Role::Account => &server.keys.account,
        Role::Publish => &server.keys.publish,
        Role::Read => &server.keys.read,
    }
}

fn may(role: Role, operation: &Operation) -> bool {
    !operation.sessions_only && operation.action.is_none_or(|action| role.may(action))
}

/// What an open operation says to [`body_for`]: signing in is open to all, but does not succeed.
fn status_when_open(operation: &Operation) -> u16 {
    if operation.path.starts_with("/v1/session") { 401 } else { 200 }
}

#[tokio::test]
async fn no_role_may_more_than_it_should() {
    let server = TestServer::start().await;
    let things = Things::make(&server).await;
    for operation in operations() {
        for role in Role::ALL.into_iter().filter(|role| !may(*role, &operation)) {
            let path = things.path(&operation.path);
            let answer = call(&server, &operation, &path, key_of(&server, role)).await;
            let told = (answer.status, answer.code());
            assert_eq!(told, (StatusCode::FORBIDDEN, "forbidden"), "{operation:?} as {role:?}");
        }
    }
}

/// Each on a server of its own, because half of them change or delete what the others need.
#[tokio::test]
async fn every_role_may_what_it_should() {
    for operation in operations() {
        for role in Role::ALL.into_iter().filter(|role| may(*role, &operation)) {
            let server = TestServer::start_with_inbox().await;
            let path = Things::make(&server).await.path(&operation.path);
            let answer = call(&server, &operation, &path, key_of(&server, role)).await;
            let is_sign_in = operation.action.is_none() && status_when_open(&operation) == 401;
            let is_right = answer.status.is_success() != is_sign_in;
            assert!(is_right, "{operation:?} as {role:?}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn without_a_key_nothing_but_the_open_routes_answers() {
    let server = TestServer::start().await;
    let things = Things::make(&server).await;
    for operation in operations() {
        let path = things.path(&operation.path);
        for key in ["", "phk_0000000000000000000000000000000000000000000"] {
            let answer = call(&server, &operation, &path, key).await;
            let expected =
                if operation.action.is_some() { 401 } else { status_when_open(&operation) };
            assert_eq!(answer.status.as_u16(), expected, "{operation:?}");
        }
    }
}

#[tokio::test]
async fn what_belongs_to_another_account_answers_like_what_does_not_exist() {
    let server = TestServer::start().await;
    let things = Things::make(&server).await;
    // What is open to all, the token's holders, is nobody's.
    let with_ids = operations()
        .into_iter()
        .filter(|operation| operation.path.contains('{') && operation.action.is_some());
    // Replacing an event type of that name makes the other account one of its own.
    for operation in with_ids.filter(|operation| operation.method != "PUT") {
        for key in [&server.keys.other, &server.keys.other_read] {
            let theirs = call(&server, &operation, &things.path(&operation.path), key).await;
            let nobodys = call(&server, &operation, &missing(&operation.path), key).await;
            let without_id = |answer: &Answer| {
                let mut json = answer.json.clone();
                json.as_object_mut().map(|problem| problem.remove("request_id"));
                let mut headers = answer.headers.clone();
                headers.remove("x-request-id");
                (answer.status, json, format!("{headers:?}"), answer.text.len())
            };
            assert_eq!(without_id(&theirs), without_id(&nobodys), "{operation:?}");
            assert!(matches!(theirs.status.as_u16(), 403 | 404), "{operation:?}");
        }
    }
    // And nothing of it was touched.
    let webhook = server.get(&format!("/v1/webhooks/{}", things.webhook)).await.expect(200).json;
    assert_eq!(
        (&webhook["status"], &webhook["updated_at"]),
        (&json!("enabled"), &webhook["created_at"])
    );
    server.get("/v1/event-types/deal.won").await.expect(200);
    let delivery = server.get(&format!("/v1/deliveries/{}", things.delivery)).await.expect(200);
    assert_eq!(delivery.json["status"], "pending");
}

#[tokio::test]
async fn lists_show_only_ones_own() {
    let server = TestServer::start().await;
    let things = Things::make(&server).await;
    server.engine.try_all().await;
    for path in ["/v1/webhooks", "/v1/events", "/v1/deliveries", "/v1/event-types", "/v1/api-keys"]
    {
        let answer = server.call("GET", path, &server.keys.other, Value::Null).await.expect(200);
        for id in [&things.webhook, &things.event, &things.delivery, &things.key] {
            assert!(!answer.text.contains(id.as_str()), "{path}");
        }
        assert!(!answer.text.contains("deal.won"), "{path}");
    }
    let path = format!("/v1/deliveries?webhook_id={}", things.webhook);
    let answer = server.call("GET", &path, &server.keys.other, Value::Null).await.expect(200);
    assert_eq!(answer.json["data"], json!([]));
}
