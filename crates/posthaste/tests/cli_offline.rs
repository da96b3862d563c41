//! The command line without a server: signing, verifying, completions, samples, help, and how
//! wrong usage is answered. Through the real binary.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

mod support;

use support::{Ran, posthaste, run, run_with_stdin};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const BODY: &str = r#"{"event":"call.ended","data":{"duration":42}}"#;

fn sign(body: &str) -> serde_json::Map<String, serde_json::Value> {
    let command = posthaste(&["sign", "--secret", SECRET, "--id", "evt_1", "-o", "jsonl"]);
    let signed = run_with_stdin(command, body.as_bytes()).expect_code(0);
    signed.json().as_object().unwrap().clone()
}

fn verify(secret: &str, further: &[&str], body: &str) -> Ran {
    let mut command = posthaste(&["verify", "--secret", secret]);
    command.args(further);
    for (name, value) in sign(BODY) {
        command.arg("-H").arg(format!("{name}: {}", value.as_str().unwrap()));
    }
    run_with_stdin(command, body.as_bytes())
}

#[test]
fn what_sign_signs_verify_verifies() {
    let verdict = verify(SECRET, &[], BODY).expect_code(0).json();
    assert_eq!(verdict["verdict"], "verified");
    let verified = |name: &str| {
        let mut found = verdict["signatures"].as_array().unwrap().iter();
        found.any(|signature| signature["name"] == name && signature["verdict"] == "verified")
    };
    assert!(verified("x-webhook-signature"));
    assert!(verified("x-webhook-signature-256"));
    assert!(verified("webhook-signature"));
}

#[test]
fn verify_says_why_it_does_not_verify() {
    let check = |secret: &str, further: &[&str], body: &str, reason: &str| {
        let verdict = verify(secret, further, body).expect_code(1).json();
        assert_eq!(verdict["reason"], reason, "{verdict}");
    };
    check(OTHER, &[], BODY, "unknown");
    check(SECRET, &[], &format!("{BODY}\n"), "trailing_newline");
    check(SECRET, &[], &BODY.replace(':', ": "), "body_reserialised");
    check(SECRET, &["--at", "2030-01-15T14:30:25Z"], BODY, "timestamp_too_old");
    check(SECRET, &["--at", "1h"], BODY, "timestamp_in_future");
    check(OTHER, &["--previous-secret", SECRET], BODY, "old_secret");
}

#[test]
fn a_verdict_for_people_has_a_line_for_each_signature() {
    let printed = verify(SECRET, &["-o", "table"], &format!("{BODY}\n")).expect_code(1).stdout;
    assert!(printed.contains("✗ x-webhook-signature "), "{printed}");
    assert!(printed.contains("FAILED: a line break was added"), "{printed}");
}

#[test]
fn headers_may_come_from_a_captured_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut captured = String::from("POST /in HTTP/1.1\r\nhost: a.test\r\n");
    for (name, value) in sign(BODY) {
        captured.push_str(&format!("{name}: {}\r\n", value.as_str().unwrap()));
    }
    let path = folder.path().join("headers.txt");
    std::fs::write(&path, captured + "\r\n").unwrap();
    let mut command = posthaste(&["verify", "--secret", SECRET, "--headers"]);
    command.arg(&path);
    run_with_stdin(command, BODY.as_bytes()).expect_code(0);
}

#[test]
fn a_secret_that_is_none_is_wrong_usage_and_is_not_repeated() {
    let command = posthaste(&["sign", "--secret", "whsec_secret!"]);
    let refused = run_with_stdin(command, b"{}").expect_code(2);
    assert!(refused.stderr.contains("--secret"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("secret!"), "{}", refused.stderr);
}

#[test]
fn completions_are_there_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]).expect_code(0).stdout;
        assert!(script.contains("rotate-secret"), "{shell}");
    }
    run(&["completions", "abacus"]).expect_code(2);
}

#[test]
fn the_samples_are_listed_without_a_server() {
    let listed = run(&["trigger", "--list"]).expect_code(0).lines();
    assert_eq!(listed.len(), 18);
    assert!(listed.iter().any(|row| row["name"] == "call.ended" && row["sample"].is_object()));
    let ids = run(&["trigger", "--list", "-o", "id"]).expect_code(0).stdout;
    assert!(ids.lines().any(|line| line == "contact.delete"), "{ids}");
    let table = run(&["trigger", "--list", "-o", "table"]).expect_code(0).stdout;
    assert!(table.contains("When a call completes"), "{table}");
}

#[test]
fn the_api_is_described_without_a_server() {
    let document = run(&["openapi"]).expect_code(0).stdout;
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/v1/events"].is_object());
}

#[test]
fn help_begins_with_examples_and_names_the_exit_codes() {
    let check = |arguments: &[&str]| {
        let help = run(arguments).expect_code(0).stdout;
        let mut lines = help.lines();
        assert_eq!(lines.next(), Some("Examples:"), "{arguments:?}");
        assert!(lines.next().unwrap().starts_with("  posthaste "), "{arguments:?}");
        assert!(lines.next().unwrap().starts_with("  posthaste "), "{arguments:?}");
    };
    check(&["--help"]);
    check(&["serve", "--help"]);
    check(&["webhook", "add", "--help"]);
    check(&["verify", "-h"]);
    assert!(run(&["--help"]).stdout.contains("5 a delivery failed"));
}

#[test]
fn wrong_usage_is_exit_2() {
    let check = |arguments: &[&str], expected: &str| {
        let refused = run(arguments).expect_code(2);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    };
    check(&["fly"], "fly");
    check(&["send"], "EVENT");
    check(&["send", "call.ended", "-d", "{nope"], "the data is not JSON");
    check(&["send", "call.ended", "-d", "@/not/there.json"], "cannot be read");
    check(&["webhook", "show", "CRM"], "neither a webhook's id");
    check(&["stats", "--last", "soon"], "30s, 5m, 1h or 7d");
    check(&["webhook", "ls", "--url", "ftp://a.test"], "--url");
}

#[test]
fn a_settings_variable_may_be_empty_or_written_as_people_write_yes() {
    let check = |name: &str, value: &str, code: i32, expected: &str| {
        // A folder that cannot be made ends the start after the settings were read.
        let mut command =
            posthaste(&["serve", "--listen", "127.0.0.1:0", "--data", "/dev/null/no"]);
        let refused = Ran::of(command.env(name, value).output().unwrap()).expect_code(code);
        assert!(refused.stderr.contains(expected), "{name}={value}: {}", refused.stderr);
    };
    let read = "cannot open the store";
    check("POSTHASTE_DEV", "", 1, read);
    check("POSTHASTE_EGRESS_ALLOW", "", 1, read);
    check("POSTHASTE_RETENTION_DAYS", "", 1, read);
    check("POSTHASTE_DEV", "1", 1, read);
    check("POSTHASTE_DEV", "maybe", 2, "--dev");
    check("POSTHASTE_RETENTION_DAYS", "0", 2, "retention_days is 0");
}

#[test]
fn a_port_that_is_taken_is_told_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = run(&["serve", "--listen", &address, "--data", "/dev/null/no"]).expect_code(1);
    assert!(refused.stderr.contains("--listen names another"), "{}", refused.stderr);
}

#[test]
fn what_is_printed_may_be_cut_short() {
    for verb in [&["completions", "bash"][..], &["openapi"], &["trigger", "--list"]] {
        let mut command = posthaste(verb);
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        Ran::of(child.wait_with_output().unwrap()).expect_code(0);
    }
}

#[test]
fn a_settings_file_with_an_unknown_key_stops_the_start_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("posthaste.toml"), "retention_day = 3\n").unwrap();
    let mut command = posthaste(&["serve"]);
    let refused = Ran::of(command.current_dir(folder.path()).output().unwrap()).expect_code(2);
    assert!(refused.stderr.contains("retention_day"), "{}", refused.stderr);
}

#[test]
fn a_server_that_is_not_there_is_told_from_one_that_refuses() {
    // Port 9 of loopback: nothing listens there.
    let failed = run(&["webhook", "ls", "--url", "http://127.0.0.1:9"]).expect_code(1);
    assert!(failed.stderr.contains("cannot be reached"), "{}", failed.stderr);
    let as_json = run(&["webhook", "ls", "--url", "http://127.0.0.1:9", "-o", "json"]);
    let problem: serde_json::Value = serde_json::from_str(as_json.stderr.trim()).unwrap();
    assert!(problem["title"].as_str().unwrap().contains("cannot be reached"));
}
