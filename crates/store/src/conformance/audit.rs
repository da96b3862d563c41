//! The audit log.

use posthaste_core::audit::{
    Actor, ActorKind, AuditAction, AuditEntry, FieldChange, NewAuditEntry, Target, TargetKind,
};
use posthaste_core::id::AccountId;
use posthaste_core::page::PageRequest;
use posthaste_core::store::{AuditFilter, Store};
use serde_json::{Value, json};

use super::fixtures::{DAY, Fixture, MINUTE, SECOND, at, now};

const OWN: AccountId = AccountId::from_raw(1 << 40);
const OTHER: AccountId = AccountId::from_raw(2 << 40);

fn entry(account_id: Option<AccountId>, action: AuditAction, target: &str) -> NewAuditEntry {
    NewAuditEntry {
        account_id,
        actor: Actor {
            kind: ActorKind::User,
            id: Some("usr_0000000000001".to_owned()),
            name: "Ann".to_owned(),
        },
        action,
        target: Some(Target {
            kind: TargetKind::Webhook,
            id: target.to_owned(),
            name: format!("Name of {target}"),
        }),
        changes: Vec::new(),
        remote_address: None,
    }
}

/// All pages of two, as the targets' ids.
async fn targets(store: &dyn Store, filter: &AuditFilter) -> Vec<String> {
    let mut found = Vec::new();
    let mut page = PageRequest { limit: 2, cursor: None };
    loop {
        let entries = store.list_audit(filter, page).await.expect("entries");
        assert!(entries.items.len() <= 2);
        for AuditEntry { entry, .. } in entries.items {
            found.push(entry.target.map_or("none".to_owned(), |target| target.id));
        }
        page.cursor = entries.next;
        if page.cursor.is_none() {
            return found;
        }
    }
}

pub async fn an_entry_comes_back_as_it_was_written(f: &mut dyn Fixture) {
    let long = "é\"\u{1}".repeat(400);
    let whole = NewAuditEntry {
        changes: vec![
            FieldChange { field: "title".to_owned(), before: json!("A"), after: json!(long) },
            FieldChange { field: "events".to_owned(), before: Value::Null, after: json!(["*"]) },
        ],
        remote_address: Some("2001:db8::1".parse().expect("an address")),
        ..entry(Some(OWN), AuditAction::WebhookUpdated, "wh_1")
    };
    let bare = NewAuditEntry {
        account_id: None,
        actor: Actor::system(),
        action: AuditAction::SessionRefused,
        target: None,
        changes: Vec::new(),
        remote_address: Some("192.0.2.1".parse().expect("an address")),
    };
    f.store().append_audit(at(SECOND), whole.clone()).await.expect("appended");
    f.store().append_audit(at(MINUTE), bare.clone()).await.expect("appended");
    f.reopen().await;
    let everything = AuditFilter::of(OWN, true);
    let page = f.store().list_audit(&everything, PageRequest::default()).await.expect("entries");
    let found: Vec<_> = page.items.iter().map(|found| (found.at, found.entry.clone())).collect();
    assert_eq!(found, [(at(MINUTE), bare), (at(SECOND), whole)]);
    assert!(page.items[0].id > page.items[1].id);
}

pub async fn every_filter_finds_its_entries_newest_first(f: &mut dyn Fixture) {
    let store = f.store();
    let key = Actor { kind: ActorKind::Key, id: Some("key_1".to_owned()), name: "CI".to_owned() };
    let entries = [
        entry(Some(OWN), AuditAction::WebhookCreated, "wh_1"),
        entry(Some(OTHER), AuditAction::WebhookCreated, "wh_2"),
        NewAuditEntry { actor: key, ..entry(Some(OWN), AuditAction::WebhookUpdated, "wh_3") },
        entry(None, AuditAction::AccountCreated, "acct_4"),
        NewAuditEntry {
            actor: Actor::system(),
            target: None,
            ..entry(None, AuditAction::SessionRefused, "")
        },
        entry(Some(OWN), AuditAction::WebhookUpdated, "wh_1"),
    ];
    for (minute, entry) in (0..).zip(entries) {
        store.append_audit(at(MINUTE * minute), entry).await.expect("appended");
    }
    let own = AuditFilter::of(OWN, false);
    let all = AuditFilter::of(OWN, true);
    let check = async |filter: AuditFilter, expected: &[&str]| {
        assert_eq!(targets(&*store, &filter).await, expected, "{filter:?}");
    };
    let text = |text: &str| Some(text.to_owned());
    check(own.clone(), &["wh_1", "wh_3", "wh_1"]).await;
    check(all.clone(), &["wh_1", "none", "acct_4", "wh_3", "wh_1"]).await;
    check(AuditFilter::of(OTHER, false), &["wh_2"]).await;
    check(AuditFilter { target: text("wh_1"), ..all.clone() }, &["wh_1", "wh_1"]).await;
    check(AuditFilter { target: text("wh_2"), ..all.clone() }, &[]).await;
    check(AuditFilter { actor: text("key_1"), ..all.clone() }, &["wh_3"]).await;
    check(AuditFilter { actor: text("system"), ..all.clone() }, &["none"]).await;
    let updated = Some(AuditAction::WebhookUpdated);
    check(AuditFilter { action: updated, ..own.clone() }, &["wh_1", "wh_3"]).await;
    check(AuditFilter { since: Some(at(MINUTE * 3)), ..all.clone() }, &["wh_1", "none", "acct_4"])
        .await;
    check(AuditFilter { until: Some(at(MINUTE * 3)), ..all.clone() }, &["wh_3", "wh_1"]).await;
    let (since, until) = (Some(at(MINUTE * 2)), Some(at(MINUTE * 2 + SECOND)));
    check(AuditFilter { since, until, ..all }, &["wh_3"]).await;
}

pub async fn entries_of_a_clock_that_was_set_back_are_found_by_their_time(f: &mut dyn Fixture) {
    let store = f.store();
    for (time, target) in [(at(DAY), "first"), (now(), "second"), (at(DAY * 2), "third")] {
        let entry = entry(Some(OWN), AuditAction::WebhookUpdated, target);
        store.append_audit(time, entry).await.expect("appended");
    }
    let own = AuditFilter::of(OWN, false);
    assert_eq!(targets(&*store, &own).await, ["third", "second", "first"]);
    let until = AuditFilter { until: Some(at(DAY)), ..own.clone() };
    assert_eq!(targets(&*store, &until).await, ["second"]);
    let since = AuditFilter { since: Some(at(DAY)), ..own };
    assert_eq!(targets(&*store, &since).await, ["third", "first"]);
}

pub async fn old_entries_are_dropped(f: &mut dyn Fixture) {
    for day in 0..4 {
        let entry = entry(Some(OWN), AuditAction::WebhookUpdated, &format!("wh_{day}"));
        f.store().append_audit(at(DAY * day), entry).await.expect("appended");
    }
    f.store().drop_audit_before(at(DAY * 2)).await.expect("dropped");
    f.reopen().await;
    let own = AuditFilter::of(OWN, false);
    assert_eq!(targets(&*f.store(), &own).await, ["wh_3", "wh_2"]);
}
