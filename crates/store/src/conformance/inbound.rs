//! Inbound webhooks, and the requests to them.

use posthaste_core::contact::{
    ContactEdit, ContactKey, ContactPatch, DeleteReason, Edited, Powerlist, TextField,
};
use posthaste_core::error::FieldError;
use posthaste_core::event::Idempotency;
use posthaste_core::id::{AccountId, RequestId, WebhookId};
use posthaste_core::inbound::{
    Done, InboundOperation, InboundRequest, InboundSettings, InboundWebhook, Mapping,
    NewInboundWebhook, ReceivedRequest, SharedSecret, Verdict, Verification, VerificationScheme,
};
use posthaste_core::limits::INBOUND_KEPT_MAX;
use posthaste_core::page::PageRequest;
use posthaste_core::rate_limit::RateLimit;
use posthaste_core::session::Token;
use posthaste_core::store::{Store, Wanted};
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::{Hits, WebhookStatus};

use super::contacts::{new_list, number, patch, upsert};
use super::fixtures::{DAY, Fixture, MINUTE, SECOND, account, at, now};
use super::webhooks::new_webhook;

fn token(letter: char) -> Token {
    Token::parse(&letter.to_string().repeat(43)).expect("43 letters")
}

fn new_inbound(list: &Powerlist) -> NewInboundWebhook {
    NewInboundWebhook {
        account_id: list.account_id,
        settings: InboundSettings {
            title: "CRM \"in\" ä".to_owned(),
            description: String::new(),
            powerlist_id: list.id,
            operations: vec![InboundOperation::Contact],
            mapping: Mapping::default(),
            verification: None,
            rate_limit: RateLimit::new(50, 1).expect("a rate"),
        },
        token: token('a'),
    }
}

async fn all(store: &dyn Store, account: AccountId) -> Vec<InboundWebhook> {
    let listed = store.list_inbound_webhooks(account, PageRequest::default()).await;
    listed.expect("webhooks").items
}

fn received(webhook: &InboundWebhook, at: Timestamp) -> ReceivedRequest {
    ReceivedRequest {
        account_id: webhook.account_id,
        webhook_id: webhook.id,
        operation: InboundOperation::Contact,
        received_at: at,
        remote_address: Some("2001:db8::1".parse().expect("an address")),
        headers: vec![("content-type".to_owned(), "text/\"x\"".to_owned())],
        query: "a=1&b".to_owned(),
        body: vec![0, 0xff, b'{'].into(),
        replay_of: None,
        hops: 2,
    }
}

fn key(key: u8, request: u8) -> Option<Idempotency> {
    Some(Idempotency { key_hash: [key; 32], request_hash: [request; 32] })
}

async fn made(store: &dyn Store) -> (Powerlist, InboundWebhook) {
    let list = new_list(store, account(1), "Leads").await;
    let webhook = store.create_inbound_webhook(now(), new_inbound(&list)).await.expect("webhook");
    (list, webhook)
}

async fn receive(
    store: &dyn Store,
    request: ReceivedRequest,
    edit: ContactEdit,
    idempotency: Option<Idempotency>,
) -> InboundRequest {
    store.receive(request, Wanted::Edit(edit), idempotency).await.expect("receive")
}

async fn requests(
    store: &dyn Store,
    webhook: &InboundWebhook,
    verdict: Option<&str>,
) -> Vec<InboundRequest> {
    let mut page = PageRequest { limit: 3, cursor: None };
    let mut requests = Vec::new();
    loop {
        let listed =
            store.list_inbound_requests(webhook.account_id, webhook.id, verdict, page).await;
        let listed = listed.expect("requests");
        requests.extend(listed.items);
        page.cursor = listed.next;
        if page.cursor.is_none() {
            return requests;
        }
    }
}

async fn hits(store: &dyn Store, webhook: WebhookId) -> Hits {
    store.hits(&[webhook]).await.expect("hits")[0]
}

pub async fn an_inbound_webhook_comes_back_as_it_was_made(f: &mut dyn Fixture) {
    let list = new_list(&*f.store(), account(1), "Leads").await;
    let new = new_inbound(&list);
    let made = f.store().create_inbound_webhook(at(DAY), new.clone()).await.expect("webhook");
    assert_eq!((&made.settings, made.status.clone()), (&new.settings, WebhookStatus::Enabled));
    assert_eq!((&made.tokens.current, &made.tokens.previous), (&new.token, &None));
    assert_eq!((made.created_at, made.updated_at), (at(DAY), at(DAY)));
    f.reopen().await;
    assert_eq!(all(&*f.store(), account(1)).await, std::slice::from_ref(&made));
    let mut changed = made;
    changed.settings = InboundSettings {
        title: "Other".to_owned(),
        description: "line 1\nline 2".to_owned(),
        operations: InboundOperation::ALL.to_vec(),
        mapping: Mapping([("phone_number".to_owned(), "a.0.b".to_owned())].into()),
        verification: Some(Verification {
            scheme: VerificationScheme::Stripe,
            secret: SharedSecret::new("whsec_\"ä".to_owned()),
        }),
        rate_limit: RateLimit::new(3, 60).expect("a rate"),
        ..changed.settings
    };
    changed.tokens.previous = Some((changed.tokens.current, at(2 * DAY)));
    changed.tokens.current = token('b');
    changed.status = WebhookStatus::Disabled { reason: "for a while".to_owned() };
    changed.updated_at = at(2 * DAY);
    assert!(f.store().update_inbound_webhook(&changed).await.expect("update"));
    f.reopen().await;
    assert_eq!(all(&*f.store(), account(1)).await, std::slice::from_ref(&changed));
    assert_eq!(f.store().all_inbound_webhooks().await.expect("webhooks"), [changed]);
}

pub async fn both_kinds_of_webhooks_share_their_numbers(f: &mut dyn Fixture) {
    let store = f.store();
    let (list, first) = made(&*store).await;
    let out = store.create_webhook(now(), new_webhook(account(1))).await.expect("webhook");
    let third = store.create_inbound_webhook(now(), new_inbound(&list)).await.expect("webhook");
    assert_eq!((first.number, out.number, third.number), (1, 2, 3));
    assert!(first.id < out.id && out.id < third.id);
    assert!(store.delete_inbound_webhook(account(1), third.id).await.expect("delete"));
    let fourth = store.create_inbound_webhook(now(), new_inbound(&list)).await.expect("webhook");
    assert!(fourth.number == 4 && fourth.id > third.id);
    assert_eq!(all(&*store, account(1)).await, [fourth, first]);
    let outbound = store.list_webhooks(account(1), PageRequest::default()).await.expect("webhooks");
    assert_eq!(outbound.items, [out]);
}

pub async fn another_accounts_inbound_webhook_does_not_exist(f: &mut dyn Fixture) {
    let store = f.store();
    let (list, webhook) = made(&*store).await;
    let request = receive(&*store, received(&webhook, now()), upsert(&list, 1, patch(&[])), None);
    let id = request.await.id;
    assert!(all(&*store, account(2)).await.is_empty());
    let elsewhere = InboundWebhook { account_id: account(2), ..webhook.clone() };
    assert!(!store.update_inbound_webhook(&elsewhere).await.expect("update"));
    assert!(!store.delete_inbound_webhook(account(2), webhook.id).await.expect("delete"));
    assert_eq!(store.inbound_request(account(2), id).await.expect("request"), None);
    assert!(requests(&*store, &elsewhere, None).await.is_empty());
    // The list is another account's: a token does not open it.
    let wanted = upsert(&list, 2, patch(&[]));
    let foreign = receive(&*store, received(&elsewhere, now()), wanted, None).await;
    assert_eq!(foreign.verdict.as_str(), "invalid");
    assert!(store.delete_inbound_webhook(account(1), webhook.id).await.expect("delete"));
    assert!(!store.update_inbound_webhook(&webhook).await.expect("update"));
}

pub async fn a_request_makes_its_change_and_comes_back_whole(f: &mut dyn Fixture) {
    let (list, webhook) = made(&*f.store()).await;
    let named = patch(&[(TextField::FirstName, "Maria")]);
    let edits = [
        upsert(&list, 1, patch(&[])),
        upsert(&list, 1, named.clone()),
        upsert(&list, 1, named),
        ContactEdit::Delete {
            contact: ContactKey::Phone(list.id, number(1)),
            reason: DeleteReason::Api,
        },
        ContactEdit::Delete {
            contact: ContactKey::Phone(list.id, number(1)),
            reason: DeleteReason::Api,
        },
        upsert(&list, 2, ContactPatch { phone_number: Some(number(3)), ..patch(&[]) }),
    ];
    let mut kept = Vec::new();
    for (second, edit) in (0..).zip(edits) {
        let request = ReceivedRequest {
            replay_of: kept.first().map(|first: &InboundRequest| first.id).filter(|_| second > 2),
            ..received(&webhook, at(second * SECOND))
        };
        let given = receive(&*f.store(), request.clone(), edit, None).await;
        assert_eq!(given.received, request);
        kept.push(given);
    }
    let done: Vec<&str> = kept.iter().map(|request| request.verdict.as_str()).collect();
    assert_eq!(done, ["created", "updated", "none", "deleted", "none", "created"]);
    let Verdict::Done { contact_id: Some(contact), .. } = kept[0].verdict else { panic!() };
    let same = |operation| Verdict::Done { operation, contact_id: Some(contact) };
    assert_eq!((&kept[1].verdict, &kept[2].verdict), (&same(Done::Updated), &same(Done::Nothing)));
    assert_eq!(kept[4].verdict, Verdict::Done { operation: Done::Nothing, contact_id: None });
    let refused = [
        Verdict::Invalid(vec![FieldError::new("/a\"b", "is ä")]),
        Verdict::Unverified("no signature".to_owned()),
        Verdict::Loop,
        Verdict::KeyReused,
    ];
    for verdict in refused {
        let request = received(&webhook, at(MINUTE));
        let given = f.store().receive(request, Wanted::Refused(verdict.clone()), None).await;
        let given = given.expect("receive");
        assert_eq!(given.verdict, verdict);
        kept.push(given);
    }
    f.reopen().await;
    let store = f.store();
    for request in &kept {
        let found = store.inbound_request(account(1), request.id).await.expect("request");
        assert_eq!(found.as_ref(), Some(request));
    }
    kept.reverse();
    assert_eq!(requests(&*store, &webhook, None).await, kept);
    let loops = requests(&*store, &webhook, Some("loop")).await;
    assert_eq!(loops.len(), 1);
    assert_eq!(requests(&*store, &webhook, Some("none")).await.len(), 2);
    assert!(requests(&*store, &webhook, Some("gone")).await.is_empty());
    let events = store.contact_events(10).await.expect("events");
    assert!(events.iter().all(|event| event.hops == 2), "as many as the request had");
    assert!(matches!(events[0].edited, Edited::Created(_)));
    assert_eq!(events.len(), 4, "what changes nothing raises nothing");
}

pub async fn a_replay_is_no_hit_and_hits_survive(f: &mut dyn Fixture) {
    let (list, webhook) = made(&*f.store()).await;
    let first = received(&webhook, at(MINUTE));
    let first = receive(&*f.store(), first, upsert(&list, 1, patch(&[])), None).await;
    // The clock was set back meanwhile.
    let refused = Wanted::Refused(Verdict::Loop);
    f.store().receive(received(&webhook, now()), refused, None).await.expect("receive");
    let replay = ReceivedRequest { replay_of: Some(first.id), ..received(&webhook, at(DAY)) };
    receive(&*f.store(), replay, upsert(&list, 1, patch(&[])), None).await;
    let expected = Hits { count: 2, last_at: Some(at(MINUTE)) };
    assert_eq!(hits(&*f.store(), webhook.id).await, expected);
    f.reopen().await;
    assert_eq!(hits(&*f.store(), webhook.id).await, expected);
    let other = f.store().create_inbound_webhook(now(), new_inbound(&list)).await.expect("webhook");
    let replay = ReceivedRequest { replay_of: Some(first.id), ..received(&other, at(DAY)) };
    receive(&*f.store(), replay, upsert(&list, 1, patch(&[])), None).await;
    f.reopen().await;
    assert_eq!(hits(&*f.store(), other.id).await, Hits::default());
}

pub async fn the_first_request_under_a_key_wins(f: &mut dyn Fixture) {
    let (list, webhook) = made(&*f.store()).await;
    let wanted = |city| upsert(&list, 1, patch(&[(TextField::City, city)]));
    let send = async |f: &dyn Fixture, after, city, key| {
        receive(&*f.store(), received(&webhook, at(after)), wanted(city), key).await.verdict
    };
    let created = send(f, SECOND, "Bonn", key(1, 1)).await;
    assert_eq!(created.as_str(), "created");
    assert_eq!(send(f, 2 * SECOND, "Rome", key(1, 2)).await, Verdict::KeyReused);
    f.reopen().await;
    assert_eq!(send(f, DAY, "Bonn", key(1, 1)).await, created, "as if it were the first time");
    assert_eq!(send(f, DAY, "Oslo", key(2, 1)).await.as_str(), "updated");
    // A day and more later nobody knows the key any more.
    assert_eq!(send(f, DAY + SECOND, "Oslo", key(1, 3)).await.as_str(), "none");
    assert_eq!(send(f, DAY + MINUTE, "Rome", key(1, 1)).await, Verdict::KeyReused);
    // What is refused has no use of its key, and is not told what came before.
    let refused = Verdict::Unverified("no signature".to_owned());
    let wants = Wanted::Refused(refused.clone());
    let given = f.store().receive(received(&webhook, at(DAY + MINUTE)), wants, key(1, 3)).await;
    assert_eq!(given.expect("receive").verdict, refused);
    let other = f.store().create_inbound_webhook(now(), new_inbound(&list)).await.expect("webhook");
    let elsewhere = received(&other, at(DAY + MINUTE));
    let elsewhere = receive(&*f.store(), elsewhere, wanted("Lima"), key(1, 3)).await;
    assert_eq!(elsewhere.verdict.as_str(), "updated", "a key is its webhook's");
    let store = f.store();
    assert_eq!(requests(&*store, &webhook, None).await.len(), 7, "each is kept");
    assert_eq!(hits(&*store, webhook.id).await.count, 7, "and counted");
    assert_eq!(store.contact_events(10).await.expect("events").len(), 3);
}

pub async fn many_requests_with_one_key_at_once_make_one_change(f: &mut dyn Fixture) {
    let store = f.store();
    let (list, webhook) = made(&*store).await;
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (store, list, webhook) = (store.clone(), list.clone(), webhook.clone());
        sending.spawn(async move {
            let wanted = upsert(&list, 1, patch(&[]));
            receive(&*store, received(&webhook, now()), wanted, key(1, 1)).await
        });
    }
    let given = sending.join_all().await;
    assert!(given.iter().all(|request| request.verdict.as_str() == "created"));
    assert_eq!(store.contact_events(100).await.expect("events").len(), 1);
    assert_eq!(hits(&*store, webhook.id).await.count, 32);
}

pub async fn old_requests_and_those_of_webhooks_that_are_gone_are_swept(f: &mut dyn Fixture) {
    let store = f.store();
    let (list, webhook) = made(&*store).await;
    let other = store.create_inbound_webhook(now(), new_inbound(&list)).await.expect("webhook");
    let refuse = async |webhook: &InboundWebhook, after| {
        let wants = Wanted::Refused(Verdict::Loop);
        store.receive(received(webhook, at(after)), wants, None).await.expect("receive").id
    };
    let mut of_first: Vec<RequestId> = Vec::new();
    for day in 1..=4 {
        of_first.push(refuse(&webhook, day * DAY).await);
    }
    refuse(&other, 4 * DAY).await;
    assert!(!store.sweep(at(3 * DAY), 100).await.expect("sweep"));
    let left: Vec<RequestId> =
        requests(&*store, &webhook, None).await.iter().map(|request| request.id).collect();
    assert_eq!(left, [of_first[3], of_first[2]]);
    assert!(store.delete_inbound_webhook(account(1), webhook.id).await.expect("delete"));
    assert!(store.sweep(now(), 1).await.expect("sweep"), "there is one more");
    assert!(!store.sweep(now(), 100).await.expect("sweep"));
    assert!(requests(&*store, &webhook, None).await.is_empty());
    assert_eq!(requests(&*store, &other, None).await.len(), 1);
    assert_eq!(hits(&*store, other.id).await.count, 1);
}

pub async fn a_webhook_keeps_its_newest_requests(f: &mut dyn Fixture) {
    let store = f.store();
    let (_, webhook) = made(&*store).await;
    let mut newest = None;
    for _ in 0..INBOUND_KEPT_MAX + 3 {
        let wants = Wanted::Refused(Verdict::Loop);
        newest = Some(store.receive(received(&webhook, now()), wants, None).await.expect("so").id);
    }
    assert!(store.sweep(now(), 2).await.expect("sweep"));
    assert!(!store.sweep(now(), 2).await.expect("sweep"), "there were three");
    let mut page = PageRequest { limit: 1_000, cursor: None };
    let mut kept = Vec::new();
    loop {
        let listed = store.list_inbound_requests(account(1), webhook.id, None, page).await;
        let listed = listed.expect("requests");
        kept.extend(listed.items.into_iter().map(|request| request.id));
        page.cursor = listed.next;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!((kept.len(), kept.first().copied()), (INBOUND_KEPT_MAX, newest));
    let count = u64::try_from(INBOUND_KEPT_MAX + 3).expect("small");
    assert_eq!(hits(&*store, webhook.id).await.count, count, "hits stay");
}
