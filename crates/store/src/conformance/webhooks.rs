//! Webhooks, their numbers, and custom event types.

use std::time::Duration;

use posthaste_core::egress::EgressPolicy;
use posthaste_core::event_type::CustomEventType;
use posthaste_core::id::AccountId;
use posthaste_core::page::PageRequest;
use posthaste_core::secret::{Secret, Secrets};
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::{Hits, NewWebhook, SettingsDraft, Webhook, WebhookStatus};

use super::fixtures::{DAY, Fixture, account, at, event_type, now, webhook};

fn secret(text: &str) -> Secret {
    Secret::parse(text).expect("24 bytes")
}

fn draft() -> SettingsDraft {
    SettingsDraft {
        title: Some("CRM \"sync\" ä".to_owned()),
        url: Some("https://example.com/hooks?a=1".to_owned()),
        events: Some(vec!["call.*".to_owned(), "sms.received".to_owned()]),
        ..SettingsDraft::default()
    }
}

pub fn new_webhook(account_id: AccountId) -> NewWebhook {
    let settings = draft().create(&EgressPolicy::public_only()).expect("a case's own settings");
    let secrets = Secrets::new(secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    NewWebhook { account_id, settings, secrets }
}

/// A webhook whose every setting differs from its default.
fn elaborate(account_id: AccountId) -> NewWebhook {
    let draft = SettingsDraft {
        description: Some("line 1\nline 2".to_owned()),
        powerlist_id: Some(Some("pl_0000000000077".to_owned())),
        headers: Some(vec![("X-Token".to_owned(), "a: \"b\"".to_owned())]),
        signature_format: Some("sha256=".to_owned()),
        timeout_ms: Some(9_000),
        retry_delays_s: Some(vec![0, 5, 86_400]),
        max_in_flight: Some(3),
        rate_limit: Some(Some((10, 60))),
        ..draft()
    };
    let settings = draft.create(&EgressPolicy::public_only()).expect("a case's own settings");
    let mut webhook = NewWebhook { settings, ..new_webhook(account_id) };
    let next = secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    webhook.secrets.rotate(now(), next, Duration::from_secs(3_600));
    webhook
}

pub async fn a_webhook_comes_back_as_it_was_made(f: &mut dyn Fixture) {
    for new in [new_webhook(account(1)), elaborate(account(1))] {
        let made = f.store().create_webhook(at(DAY), new.clone()).await.expect("webhook");
        assert_eq!((made.created_at, made.updated_at), (at(DAY), at(DAY)));
        assert_eq!((&made.settings, &made.secrets), (&new.settings, &new.secrets));
        assert_eq!(made.status, WebhookStatus::Enabled);
        f.reopen().await;
        let found = f.store().webhook(account(1), made.id).await.expect("webhook");
        assert_eq!(found.as_ref(), Some(&made));
        let all = f.store().all_webhooks().await.expect("webhooks");
        assert!(all.contains(&made));
    }
}

pub async fn numbers_rise_per_account_and_are_never_used_again(f: &mut dyn Fixture) {
    let create = async |f: &dyn Fixture, account: AccountId| {
        f.store().create_webhook(now(), new_webhook(account)).await.expect("webhook")
    };
    assert_eq!(create(f, account(1)).await.number, 1);
    let second = create(f, account(1)).await;
    assert_eq!(second.number, 2);
    assert_eq!(create(f, account(2)).await.number, 1);
    assert!(f.store().delete_webhook(account(1), second.id).await.expect("delete"));
    f.reopen().await;
    assert_eq!(create(f, account(1)).await.number, 3);
    assert_eq!(create(f, account(2)).await.number, 2);
}

pub async fn an_update_replaces_what_may_change_and_nothing_else(f: &mut dyn Fixture) {
    let made = f.store().create_webhook(now(), new_webhook(account(1))).await.expect("webhook");
    let NewWebhook { settings, secrets, .. } = elaborate(account(1));
    for status in [
        WebhookStatus::Paused,
        WebhookStatus::Disabled { reason: "the receiver answered 410".to_owned() },
        WebhookStatus::Enabled,
    ] {
        let changed = Webhook {
            number: 99,
            settings: settings.clone(),
            secrets: secrets.clone(),
            status: status.clone(),
            created_at: at(DAY),
            updated_at: at(DAY),
            ..made.clone()
        };
        assert!(f.store().update_webhook(&changed).await.expect("update"));
        f.reopen().await;
        let found = f.store().webhook(account(1), made.id).await.expect("webhook");
        let expected = Webhook { number: made.number, created_at: made.created_at, ..changed };
        assert_eq!(found, Some(expected));
    }
}

pub async fn a_webhook_that_is_gone_cannot_be_updated(f: &mut dyn Fixture) {
    let store = f.store();
    let made = store.create_webhook(now(), new_webhook(account(1))).await.expect("webhook");
    assert!(store.delete_webhook(account(1), made.id).await.expect("delete"));
    assert!(!store.delete_webhook(account(1), made.id).await.expect("delete"));
    assert!(!store.update_webhook(&made).await.expect("update"));
    assert_eq!(store.webhook(account(1), made.id).await.expect("webhook"), None);
    assert!(store.all_webhooks().await.expect("webhooks").is_empty());
}

pub async fn another_accounts_webhook_does_not_exist(f: &mut dyn Fixture) {
    let store = f.store();
    let made = store.create_webhook(now(), new_webhook(account(1))).await.expect("webhook");
    assert_eq!(store.webhook(account(2), made.id).await.expect("webhook"), None);
    assert!(!store.delete_webhook(account(2), made.id).await.expect("delete"));
    let page = store.list_webhooks(account(2), PageRequest::default()).await.expect("list");
    assert!(page.items.is_empty());
    assert!(store.webhook(account(1), made.id).await.expect("webhook").is_some());
}

pub async fn webhooks_come_newest_first_and_page(f: &mut dyn Fixture) {
    let store = f.store();
    for number in 0..10 {
        store.create_webhook(now(), new_webhook(account(number % 2))).await.expect("webhook");
    }
    let mut numbers = Vec::new();
    let mut page = PageRequest { limit: 2, cursor: None };
    loop {
        let webhooks = store.list_webhooks(account(1), page).await.expect("webhooks");
        numbers.extend(webhooks.items.iter().map(|webhook| webhook.number));
        page.cursor = webhooks.next;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
}

pub async fn custom_event_types_are_kept_by_name(f: &mut dyn Fixture) {
    let plain = CustomEventType {
        name: event_type("order.paid"),
        group: "Orders".to_owned(),
        description: "An order was paid.".to_owned(),
        use_cases: vec!["Ship it".to_owned(), "Thank the \"buyer\"".to_owned()],
        schema: None,
        sample: None,
        deprecated: false,
        created_at: now(),
        updated_at: now(),
    };
    let full = CustomEventType {
        name: event_type("order.cancelled"),
        schema: Some(r#"{ "type": "object" }"#.to_owned()),
        sample: Some(r#"{"id":1}"#.to_owned()),
        deprecated: true,
        updated_at: Timestamp::from_millis(now().as_millis() + 1),
        ..plain.clone()
    };
    for custom in [&plain, &full] {
        f.store().put_event_type(account(1), custom.clone()).await.expect("put");
    }
    f.reopen().await;
    let store = f.store();
    let found = store.custom_event_types(account(1)).await.expect("event types");
    assert_eq!(found, [full.clone(), plain.clone()]);
    assert!(store.custom_event_types(account(2)).await.expect("event types").is_empty());
    let replaced = CustomEventType { name: plain.name.clone(), ..full.clone() };
    store.put_event_type(account(1), replaced.clone()).await.expect("put");
    let found = store.custom_event_types(account(1)).await.expect("event types");
    assert_eq!(found, [full.clone(), replaced]);
    assert!(!store.delete_event_type(account(2), &full.name).await.expect("delete"));
    assert!(store.delete_event_type(account(1), &full.name).await.expect("delete"));
    assert!(!store.delete_event_type(account(1), &full.name).await.expect("delete"));
}

pub async fn hits_of_unknown_webhooks_are_none(f: &mut dyn Fixture) {
    let hits = f.store().hits(&[webhook(1), webhook(2)]).await.expect("hits");
    assert_eq!(hits, [Hits::default(); 2]);
}
