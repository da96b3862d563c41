//! The canonical form against the program it is named after: 100,000 hostile documents go to one
//! `node` process, and what it answers must be ours byte for byte. Documents that we refuse must
//! be those with a fault that the generator put there, and documents that Node cannot read must be
//! refused.

#[path = "support/hostile_documents.rs"]
mod hostile_documents;

use std::borrow::Cow;
use std::io::Write as _;
use std::process::{Command, Stdio};

use hostile_documents::{Document, Fault, Generator, LOSSES};
use posthaste_core::canonical::canonicalise;

const DOCUMENTS: usize = 100_000;
const SEED: u64 = 0x5eed_0f90_574a_57e1;
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/canonical.js");

#[test]
fn a_hundred_thousand_hostile_documents_agree_with_node() {
    println!("seed {SEED:#x}");
    let mut generator = Generator::new(SEED);
    let documents: Vec<Document> = (0..DOCUMENTS).map(|_| generator.document()).collect();
    let answers = ask_node(&documents);
    assert_eq!(answers.len(), DOCUMENTS, "node answered another number of documents");

    let mut kept = 0;
    let mut borrowed = 0;
    let mut lossy = LOSSES.map(|loss| (loss, 0));
    for (number, (document, answer)) in documents.iter().zip(&answers).enumerate() {
        if let Err(difference) = judge(document, answer) {
            panic!("document {number} {:?}\nnode: {answer}\n{difference}", document.text);
        }
        let ours = canonicalise(document.text.as_bytes());
        kept += usize::from(ours.is_ok());
        borrowed += usize::from(matches!(ours, Ok(Cow::Borrowed(_))));
        for (loss, count) in &mut lossy {
            *count += usize::from(document.fault == Fault::Lossy(loss));
        }
    }
    println!("{kept} of {DOCUMENTS} kept, {borrowed} of them without a copy; refused {lossy:?}");
    assert!(kept > DOCUMENTS * 8 / 10, "the generator should mostly write acceptable documents");
    assert!(borrowed > DOCUMENTS / 10, "the path without a copy should be seen too");
    assert!(lossy.iter().all(|(_, count)| *count > 100), "every loss should be seen");
}

fn judge(document: &Document, answer: &str) -> Result<(), String> {
    let ours = canonicalise(document.text.as_bytes());
    let node_threw = answer.starts_with('!');
    match (ours, document.fault) {
        (Ok(_), _) if node_threw => Err("node cannot read what we kept".to_owned()),
        (Ok(_), Fault::Lossy(loss)) => Err(format!("kept in spite of: {loss}")),
        (Ok(canonical), _) if canonical == answer => Ok(()),
        (Ok(canonical), _) => Err(format!("ours: {canonical}")),
        (Err(invalid), Fault::None) => Err(format!("refused: {invalid}")),
        (Err(invalid), Fault::Lossy(loss)) if !invalid.to_string().contains(loss) => {
            Err(format!("refused for something else than {loss}: {invalid}"))
        }
        (Err(invalid), Fault::Mutated) if !node_threw => {
            let message = invalid.to_string();
            let documented = LOSSES.iter().any(|loss| message.contains(loss));
            if documented { Ok(()) } else { Err(format!("node reads it, refused: {message}")) }
        }
        (Err(_), _) => Ok(()),
    }
}

fn ask_node(documents: &[Document]) -> Vec<String> {
    let mut node = Command::new("node")
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`node` must be installed: this test compares with it and is never skipped");
    let mut stdin = node.stdin.take().expect("piped above");
    let mut questions = String::new();
    for document in documents {
        questions.push_str(&document.text);
        questions.push('\0');
    }
    // The script reads everything before it writes, so this cannot block on its output.
    stdin.write_all(questions.as_bytes()).expect("node reads its input");
    drop(stdin);
    let output = node.wait_with_output().expect("node runs to its end");
    assert!(output.status.success(), "node failed: {}", output.status);
    let answers = String::from_utf8(output.stdout).expect("node writes UTF-8");
    answers.split_terminator('\n').map(str::to_owned).collect()
}
