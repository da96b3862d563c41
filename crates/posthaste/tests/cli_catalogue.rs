//! `posthaste event-type import` and `types`, and what an account does about data that does not
//! match, through the real binary on both sides.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::Server;

fn import(server: &Server, path: &Path, further: &[&str], code: i32) -> Vec<(String, String)> {
    let path = path.to_str().unwrap();
    let mut arguments = vec!["event-type", "import", path, "-o", "jsonl"];
    arguments.extend(further);
    let rows = server.run(&arguments).expect_code(code).lines();
    let text = |row: &Value, member: &str| row[member].as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "name"), text(row, "result"))).collect()
}

fn results<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
    expected.map(|(name, result)| (name.to_owned(), result.to_owned())).to_vec()
}

fn shown(server: &Server, name: &str) -> Value {
    server.run(&["event-type", "show", name]).expect_code(0).json()
}

#[test]
fn a_folder_of_schemas_is_imported_once_and_again_where_it_changed() {
    let server = Server::dev();
    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, schema: &str| std::fs::write(folder.path().join(name), schema).unwrap();
    write(
        "deal.won.json",
        r#"{"description":"A deal was won.","type":"object","required":["amount"],
            "properties":{"amount":{"type":"number"}},"examples":[{"amount":1.50}]}"#,
    );
    write(
        "lost.yaml",
        "x-event-type: deal.lost\ntype: object\nproperties:\n  why: {type: string}\n",
    );
    write("notes.txt", "not looked at");
    let added = [("deal.won", "would be added"), ("deal.lost", "would be added")];
    assert_eq!(import(&server, folder.path(), &["--dry-run"], 0), results(added));
    server.run(&["event-type", "show", "deal.won"]).expect_code(3);

    let added = [("deal.won", "added"), ("deal.lost", "added")];
    assert_eq!(import(&server, folder.path(), &[], 0), results(added));
    let won = shown(&server, "deal.won");
    assert_eq!(
        (&won["description"], &won["sample"]),
        (&json!("A deal was won."), &json!({"amount": 1.5}))
    );
    assert_eq!(shown(&server, "deal.lost")["schema"]["properties"]["why"]["type"], "string");

    let unchanged = [("deal.won", "unchanged"), ("deal.lost", "unchanged")];
    assert_eq!(import(&server, folder.path(), &[], 0), results(unchanged));
    write("lost.yaml", "x-event-type: deal.lost\ntype: object\n");
    let changed = [("deal.won", "unchanged"), ("deal.lost", "changed")];
    assert_eq!(import(&server, folder.path(), &[], 0), results(changed));
    server.run(&["send", "deal.won", "-d", r#"{"amount":2}"#]).expect_code(0);
}

#[test]
fn if_anything_is_refused_nothing_is_stored() {
    let server = Server::dev();
    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, schema: &str| std::fs::write(folder.path().join(name), schema).unwrap();
    write("a.good.json", "{}");
    write("b.bad.json", r#"{"type":"text"}"#);
    write("c.remote.json", r#"{"$ref":"https://example.com/c.json"}"#);
    write("d.json", r#"{"x-event-type":"a.good"}"#);
    write("e.json", r#"{"x-event-type":"Call Ended"}"#);
    write("f.json", r#"{"x-event-type":"call.ended"}"#);
    let expected = [
        ("a.good", "refused"),
        ("b.bad", "refused"),
        ("c.remote", "refused"),
        ("a.good", "refused"),
        ("Call Ended", "refused"),
        ("call.ended", "skipped"),
    ];
    assert_eq!(import(&server, folder.path(), &[], 1), results(expected));
    let names = server.run(&["event-type", "ls", "-o", "id"]).expect_code(0).stdout;
    assert!(!names.lines().any(|name| name == "a.good"), "{names}");
    let table = ["event-type", "import", folder.path().to_str().unwrap(), "-o", "table"];
    let refused = server.run(&table).expect_code(1);
    for why in ["more than once", "no valid JSON Schema", "nothing is fetched", "lower case"] {
        assert!(refused.stdout.contains(why), "{why} in {}", refused.stdout);
    }

    write("b.bad.json", "{");
    let broken = server.run(&table).expect_code(2);
    assert!(broken.stderr.contains("b.bad.json is not JSON"), "{}", broken.stderr);
    let empty = tempfile::tempdir().unwrap();
    server.run(&["event-type", "import", empty.path().to_str().unwrap()]).expect_code(2);
    server.run(&["event-type", "import", "/nowhere.json"]).expect_code(2);
}

#[test]
fn an_openapi_document_is_imported_by_its_webhooks_or_its_schemas() {
    let server = Server::dev();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.yaml");
    let document = "\
openapi: 3.1.0
webhooks:
  deal.won:
    post:
      summary: A deal was won.
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/EventDealWon'}
components:
  schemas:
    EventDealWon:
      type: object
      properties:
        amount: {$ref: '#/components/schemas/Money'}
    EventDealLost: {type: object}
    Money: {type: number, minimum: 0}
";
    std::fs::write(&file, document).unwrap();
    assert_eq!(import(&server, &file, &[], 0), results([("deal.won", "added")]));
    let schema = &shown(&server, "deal.won")["schema"];
    assert_eq!(schema["properties"]["amount"]["$ref"], "#/$defs/Money");
    assert_eq!(schema["$defs"]["Money"]["minimum"], 0);
    let both = [("deal.won", "unchanged"), ("deal.lost", "added")];
    assert_eq!(import(&server, &file, &["--prefix", "Event"], 0), results(both));
    let none = server.run(&["event-type", "import", file.to_str().unwrap(), "--prefix", "X"]);
    assert!(none.expect_code(2).stderr.contains("begins with"));

    // What is exported can be imported: it is all there already.
    let exported = server.run(&["event-type", "types", "--lang", "openapi"]).expect_code(0).stdout;
    let file = folder.path().join("exported.json");
    std::fs::write(&file, exported).unwrap();
    let again = import(&server, &file, &["--dry-run"], 0);
    assert_eq!(again.iter().filter(|(_, result)| result == "skipped").count(), 22);
    let own: Vec<_> = again.into_iter().filter(|(_, result)| result != "skipped").collect();
    assert_eq!(own.len(), 2, "{own:?}");
}

#[test]
fn the_catalogue_is_written_as_typescript() {
    let server = Server::dev();
    let types = server.run(&["event-type", "types"]).expect_code(0).stdout;
    assert!(types.contains("export type WebhookEvent ="), "{types}");
    assert_eq!(server.run(&["event-type", "types", "--lang", "ts"]).expect_code(0).stdout, types);
    server.run(&["event-type", "types", "--lang", "cobol"]).expect_code(2);
}

#[test]
fn an_account_chooses_what_becomes_of_data_that_does_not_match() {
    let server = Server::dev();
    let wrong = ["send", "call.ended", "-d", r#"{"call_id":"c","call_duration":"180"}"#];
    server.run(&wrong).expect_code(0);
    let found = shown(&server, "call.ended");
    assert_eq!(found["invalid_events"], 1);
    assert_eq!(found["last_invalid"]["error"], "/call_duration must be a number");
    let set = ["account", "set", "--validate", "reject"];
    assert_eq!(server.run(&set).expect_code(0).json()["validate"], "reject");
    let refused = server.run(&wrong).expect_code(1);
    assert!(refused.stderr.contains("/data/call_duration: must be a number"), "{}", refused.stderr);
    server.run(&["account", "set", "--validate", "sometimes"]).expect_code(2);
}
