//! Files of contacts through the real binary on both sides: imported, exported, cancelled, and killed
//! in the middle.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

mod support;

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{KEY, Ran, Server, eventually, http};

/// Rows of people that do not exist; every hundredth has no number.
fn file(rows: usize) -> String {
    let mut file = "Phone,First Name,Last Name,Budget\n".to_owned();
    for row in 0..rows {
        let number =
            if row % 100 == 99 { String::new() } else { format!("+1202{:07}", 2_000_000 + row) };
        file.push_str(&format!("{number},Ann,Row {row},{row}\n"));
    }
    file
}

fn list(server: &Server, name: &str) -> String {
    let list = server.run(&["powerlist", "add", name]).expect_code(0).json();
    list["id"].as_str().unwrap().to_owned()
}

fn upload(server: &Server, list: &str, file: &str) -> Value {
    let url = format!("{}/v1/powerlists/{list}/imports", server.url);
    let authorization = format!("Bearer {KEY}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "text/csv")];
    http("POST", &url, &headers, file.as_bytes()).unwrap().expect_success().json()
}

fn count(job: &Value, name: &str) -> u64 {
    job["progress"][name].as_u64().unwrap()
}

fn contacts(server: &Server, list: &str) -> u64 {
    server.get(&format!("/v1/powerlists/{list}"))["contacts"].as_u64().unwrap()
}

#[test]
fn a_list_is_made_filled_looked_at_exported_and_deleted() {
    let server = Server::dev();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (leads, out, skipped) = (path("leads.csv"), path("out.csv"), path("skipped.csv"));
    std::fs::write(&leads, file(300)).unwrap();
    let id = list(&server, "Spring");
    let import = ["powerlist", "import", "Spring", &leads, "--skipped", &skipped, "--tag", "web"];
    server.run(&import).expect_code(2);
    assert_eq!(contacts(&server, &id), 0, "nobody said yes");
    let job = server.run(&[&import[..], &["--yes"]].concat()).expect_code(0).json();
    assert_eq!(job["state"], "done");
    assert_eq!((count(&job, "created"), count(&job, "skipped")), (297, 3));
    let kept = std::fs::read_to_string(&skipped).unwrap();
    assert!(kept.starts_with("line,reason,text\r\n101,has no phone number,"), "{kept}");

    let found = server.run(&["contact", "ls", "Spring", "--search", "2022000042"]).expect_code(0);
    let contact = found.json();
    assert_eq!(contact["phone_number"], "+12022000042");
    assert_eq!(
        (&contact["tags"], &contact["custom_fields"]),
        (&json!(["web"]), &json!({"Budget": "42"}))
    );
    let contact = contact["id"].as_str().unwrap();
    server.run(&["contact", "rm", contact, "--yes"]).expect_code(0);
    server.run(&["contact", "show", contact]).expect_code(3);
    let added = ["contact", "add", "Spring", "(202) 555-0187", "--set", "first_name==1+1"];
    assert_eq!(server.run(&added).expect_code(0).json()["phone_number"], "+12025550187");

    server.run(&["powerlist", "export", "Spring", "--to", &out]).expect_code(0);
    let exported = std::fs::read_to_string(&out).unwrap();
    assert_eq!(exported.lines().count(), 1 + 297);
    assert!(exported.contains(",'=1+1,"), "no formula");
    let again = ["powerlist", "import", &id, &out, "--yes"];
    let job = server.run(&again).expect_code(0).json();
    assert_eq!((count(&job, "unchanged"), count(&job, "rows_done")), (297, 297));

    server.run(&["powerlist", "rename", "Spring", "Summer"]).expect_code(0);
    server.run(&["powerlist", "show", "Spring"]).expect_code(3);
    server.run(&["powerlist", "rm", "Summer", "--yes"]).expect_code(0);
    assert_eq!(server.run(&["powerlist", "ls"]).expect_code(0).lines().len(), 0);
}

#[test]
fn a_file_that_cannot_be_imported_is_refused_with_what_is_wrong() {
    let server = Server::dev();
    list(&server, "Spring");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leads.csv").to_str().unwrap().to_owned();
    let import = ["powerlist", "import", "Spring", &path, "--yes"];
    server.run(&import).expect_code(2);
    std::fs::write(&path, "Who,Where\n+12025550187,Bonn\n").unwrap();
    let refused = server.run(&import).expect_code(1);
    assert!(refused.stderr.contains("phone_number"), "{}", refused.stderr);
    let mapped = [&import[..], &["--map", "Who=phone_number", "--map", "Where=city"]].concat();
    let job = server.run(&mapped).expect_code(0).json();
    assert_eq!(count(&job, "created"), 1);
}

#[test]
fn ctrl_c_cancels_an_import_and_leaves_nothing_running() {
    let server = Server::dev();
    let id = list(&server, "Spring");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leads.csv");
    std::fs::write(&path, file(400_000)).unwrap();
    let mut command =
        server.command(&["powerlist", "import", "Spring", path.to_str().unwrap(), "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let job = eventually("rows are imported", || {
        let jobs = server.get("/v1/jobs");
        let job = jobs["data"].as_array().unwrap().first().cloned()?;
        (count(&job, "rows_done") > 0).then_some(job)
    });
    assert!(job["ended_at"].is_null(), "too fast to be cancelled: {job}");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let shown = Ran::of(child.wait_with_output().unwrap()).expect_code(1).json();
    assert_eq!(shown["state"], "cancelled");
    let job = server.get(&format!("/v1/jobs/{}", job["id"].as_str().unwrap()));
    let done = count(&job, "rows_done");
    assert!(done < 400_000, "{job}");
    assert_eq!(count(&job, "created") + count(&job, "skipped"), done);
    assert_eq!(contacts(&server, &id), count(&job, "created"), "what was imported stays");
}

/// Each life ends in the middle of the import: no row is lost, and none counted twice.
#[test]
fn an_import_survives_kills_with_exact_counts() {
    const ROWS: usize = 60_000;
    const KILLS: usize = 5;
    let mut server = Server::dev();
    let id = list(&server, "Spring");
    let job = upload(&server, &id, &file(ROWS));
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let mut kills = 0;
    for life in 0..KILLS {
        let goal = (ROWS * (life + 1) / (KILLS + 2)) as u64;
        let job = eventually("the import moves on", || {
            let job = server.get(&path);
            (count(&job, "rows_done") >= goal || !job["ended_at"].is_null()).then_some(job)
        });
        if !job["ended_at"].is_null() {
            break;
        }
        server.restart();
        let after = server.get(&path);
        assert!(count(&after, "rows_done") >= count(&job, "rows_done"), "what was told is kept");
        kills += 1;
    }
    assert!(kills > 1, "killed {kills} times in the middle");
    let job = eventually("the import ends", || {
        let job = server.get(&path);
        (!job["ended_at"].is_null()).then_some(job)
    });
    let skipped = (ROWS / 100) as u64;
    let created = ROWS as u64 - skipped;
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(count(&job, "rows_done"), ROWS as u64);
    assert_eq!((count(&job, "created"), count(&job, "skipped")), (created, skipped), "{job}");
    assert_eq!((count(&job, "updated"), count(&job, "unchanged")), (0, 0), "{job}");
    assert_eq!(contacts(&server, &id), created);
    let kept = server.get(&format!("{path}/skipped"));
    let lines: Vec<u64> =
        kept["data"].as_array().unwrap().iter().map(|row| row["line"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = (0..skipped).map(|row| 100 * row + 101).collect();
    assert_eq!(lines, expected);
}
