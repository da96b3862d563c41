//! Accepting events, idempotency, and reading events back.

use std::time::Duration;

use posthaste_core::attempt::Trigger;
use posthaste_core::event::EventReceipt;
use posthaste_core::id::{DeliveryId, EventId, ID_STRIDE, PowerlistId};
use posthaste_core::limits::IDEMPOTENCY_WINDOW;
use posthaste_core::store::Accepted;
use posthaste_core::time::Timestamp;

use super::fixtures::{
    DAY, Fixture, SECOND, accept_of, accept_one, account, at, event_type, new_event, now, webhook,
    with_key,
};

pub async fn an_accepted_event_comes_back_whole_also_after_a_restart(f: &mut dyn Fixture) {
    let mut new = new_event(&[webhook(1), webhook(2)]);
    new.event_type = event_type("sms.received");
    new.timestamp = Timestamp::from_millis(1_700_000_000_001);
    new.powerlist_id = Some(PowerlistId::from_raw(77));
    new.data = format!(r#"{{"text":"{}"}}"#, "ä".repeat(20_000)).into();
    new.trigger = Trigger::Test;
    let stored = accept_one(&*f.store(), now(), account(1), new.clone()).await;
    assert_eq!(stored.account_id, account(1));
    assert_eq!(stored.event_type, new.event_type);
    assert_eq!(stored.timestamp, new.timestamp);
    assert_eq!(stored.powerlist_id, new.powerlist_id);
    assert_eq!(stored.data, new.data);
    assert_eq!(stored.trigger, new.trigger);
    assert_eq!(*stored.targets, *new.targets);
    assert_eq!(f.sink().events(), std::slice::from_ref(&stored));
    f.reopen().await;
    let again = f.store().event(account(1), stored.id).await.expect("event");
    assert_eq!(again.as_ref(), Some(&stored));
    let to_deliver = f.store().event_to_deliver(stored.id).await.expect("event");
    assert_eq!(to_deliver, Some(stored));
}

pub async fn ids_rise_with_room_for_the_deliveries(f: &mut dyn Fixture) {
    let store = f.store();
    let first = accept_one(&*store, now(), account(1), new_event(&[webhook(1), webhook(2)])).await;
    let second = accept_one(&*store, now(), account(1), new_event(&[])).await;
    assert!(second.id.as_raw() > first.id.delivery(1).as_raw());
    assert_eq!(first.id.created_at(), now());
}

pub async fn ids_rise_after_a_restart_whatever_the_clock_does(f: &mut dyn Fixture) {
    let targets = [webhook(1), webhook(2), webhook(3)];
    let first = accept_one(&*f.store(), now(), account(1), new_event(&targets)).await;
    f.reopen().await;
    let earlier = Timestamp::from_millis(now().as_millis() - 3_600_000);
    let second = accept_one(&*f.store(), earlier, account(1), new_event(&[])).await;
    assert!(second.id.as_raw() > first.id.delivery(2).as_raw());
}

pub async fn ids_rise_over_midnight_and_deliveries_stay_in_their_events_day(f: &mut dyn Fixture) {
    let store = f.store();
    let midnight = (now().day() + 1) * 86_400_000;
    let many: Vec<_> = (0..20_000).map(webhook).collect();
    let mut last = 0;
    for before_midnight in [2, 1, 0, -1] {
        let moment = Timestamp::from_millis(midnight - before_midnight);
        let event = accept_one(&*store, moment, account(1), new_event(&many)).await;
        assert!(event.id.as_raw() > last);
        let last_delivery = event.id.delivery(many.len() - 1);
        last = last_delivery.as_raw();
        let found = store.event_of_delivery(account(1), last_delivery).await.expect("event");
        assert_eq!(found.map(|found| found.id), Some(event.id));
    }
}

pub async fn a_batch_is_stored_in_order(f: &mut dyn Fixture) {
    let events: Vec<_> = (0..50).map(|n| new_event(&vec![webhook(1); n % 3])).collect();
    let accepted = f.store().accept(now(), accept_of(account(1), events.clone())).await;
    let Ok(Accepted::New(receipts)) = accepted else { panic!("{accepted:?}") };
    assert_eq!(receipts.len(), events.len());
    assert!(receipts.is_sorted_by(|a, b| a.id < b.id));
    for (receipt, new) in receipts.iter().zip(&events) {
        let expected = EventReceipt {
            id: receipt.id,
            event_type: new.event_type.clone(),
            timestamp: new.timestamp,
            deliveries: new.targets.len(),
        };
        assert_eq!(*receipt, expected);
    }
    let ids: Vec<EventId> = f.sink().events().iter().map(|event| event.id).collect();
    assert_eq!(ids, receipts.iter().map(|receipt| receipt.id).collect::<Vec<_>>());
}

pub async fn nothing_to_accept_is_accepted(f: &mut dyn Fixture) {
    let nothing = accept_of(account(1), Vec::new());
    let accepted = f.store().accept(now(), nothing.clone()).await.expect("accept");
    assert_eq!(accepted, Accepted::New(Vec::new()));
    let keyed = with_key(nothing, 1, 1);
    let accepted = f.store().accept(now(), keyed.clone()).await.expect("accept");
    assert_eq!(accepted, Accepted::New(Vec::new()));
    let accepted = f.store().accept(now(), keyed).await.expect("accept");
    assert_eq!(accepted, Accepted::Repeated(Vec::new()));
    assert!(f.sink().commits().is_empty());
}

pub async fn the_sink_gets_every_event_before_the_answer(f: &mut dyn Fixture) {
    let store = f.store();
    for number in 1..=20 {
        let event = accept_one(&*store, now(), account(1), new_event(&[webhook(number)])).await;
        let commits = f.sink().commits();
        assert_eq!(commits.len(), number as usize);
        assert_eq!(commits.last().expect("one")[..], [event]);
    }
}

pub async fn a_repeated_request_gets_the_first_answer(f: &mut dyn Fixture) {
    let store = f.store();
    let request = with_key(accept_of(account(1), vec![new_event(&[webhook(1)]); 3]), 1, 1);
    let first = store.accept(now(), request.clone()).await.expect("accept");
    let Accepted::New(receipts) = first else { panic!("{first:?}") };
    let again = store.accept(at(SECOND), request).await.expect("accept");
    assert_eq!(again, Accepted::Repeated(receipts));
    assert_eq!(f.sink().events().len(), 3, "stored once");
}

pub async fn a_repeated_request_gets_the_first_answer_after_a_restart_and_over_midnight(
    f: &mut dyn Fixture,
) {
    let request = with_key(accept_of(account(1), vec![new_event(&[webhook(1)])]), 1, 1);
    let first = f.store().accept(now(), request.clone()).await.expect("accept");
    let Accepted::New(receipts) = first else { panic!("{first:?}") };
    let just_open = now().saturating_add(IDEMPOTENCY_WINDOW - Duration::from_millis(1));
    accept_one(&*f.store(), just_open, account(1), new_event(&[])).await;
    f.reopen().await;
    let again = f.store().accept(just_open, request).await.expect("accept");
    assert_eq!(again, Accepted::Repeated(receipts));
}

pub async fn a_key_with_another_body_is_told(f: &mut dyn Fixture) {
    let store = f.store();
    let events = vec![new_event(&[webhook(1)])];
    let first = with_key(accept_of(account(1), events.clone()), 1, 1);
    store.accept(now(), first).await.expect("accept");
    let other = with_key(accept_of(account(1), events), 1, 2);
    assert_eq!(store.accept(now(), other).await.expect("accept"), Accepted::KeyReused);
    assert_eq!(f.sink().events().len(), 1, "nothing was stored");
}

pub async fn a_key_of_another_account_is_another_key(f: &mut dyn Fixture) {
    let store = f.store();
    for number in 1..=2 {
        let request = with_key(accept_of(account(number), vec![new_event(&[])]), 1, number as u8);
        let accepted = store.accept(now(), request).await.expect("accept");
        assert!(matches!(accepted, Accepted::New(_)), "{accepted:?}");
    }
}

pub async fn a_key_is_forgotten_after_its_window(f: &mut dyn Fixture) {
    let store = f.store();
    let request = with_key(accept_of(account(1), vec![new_event(&[])]), 1, 1);
    store.accept(now(), request.clone()).await.expect("accept");
    let later = now().saturating_add(IDEMPOTENCY_WINDOW);
    let accepted = store.accept(later, request.clone()).await.expect("accept");
    assert!(matches!(accepted, Accepted::New(_)), "{accepted:?}");
    let accepted = store.accept(later, request).await.expect("accept");
    assert!(matches!(accepted, Accepted::Repeated(_)), "a new window began: {accepted:?}");
}

pub async fn another_accounts_event_does_not_exist(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    assert_eq!(store.event(account(2), event.id).await.expect("event"), None);
    let of_delivery = store.event_of_delivery(account(2), event.id.delivery(0)).await;
    assert_eq!(of_delivery.expect("event"), None);
    let unknown = EventId::from_raw(event.id.as_raw() + 1);
    assert_eq!(store.event(account(1), unknown).await.expect("event"), None);
    let unknown = EventId::from_raw(1);
    assert_eq!(store.event_to_deliver(unknown).await.expect("event"), None);
}

pub async fn the_event_of_a_delivery_is_known_before_the_delivery_has_a_row(f: &mut dyn Fixture) {
    let store = f.store();
    let before = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    let event = accept_one(&*store, at(DAY), account(1), new_event(&[webhook(1); 3])).await;
    let empty = accept_one(&*store, at(DAY), account(1), new_event(&[])).await;
    let raw = event.id.as_raw();
    let check = async |raw: u64, expected: Option<EventId>| {
        let found = store.event_of_delivery(account(1), DeliveryId::from_raw(raw)).await;
        assert_eq!(found.expect("event").map(|event| event.id), expected, "{raw}");
    };
    for position in 0..3 {
        check(event.id.delivery(position).as_raw(), Some(event.id)).await;
    }
    check(before.id.delivery(0).as_raw(), Some(before.id)).await;
    check(before.id.delivery(1).as_raw(), None).await;
    check(raw, None).await;
    check(raw + 1, None).await;
    check(raw + 4 * ID_STRIDE, None).await;
    check(empty.id.delivery(0).as_raw(), None).await;
    check(0, None).await;
    check(i64::MAX as u64, None).await;
}

pub async fn many_events_to_deliver_come_in_order_and_within_their_bound(f: &mut dyn Fixture) {
    let store = f.store();
    let mut ids = Vec::new();
    // On two days, and some that are not there.
    for day in [0, 1] {
        for _ in 0..3 {
            let at = now().saturating_add(DAY * day);
            let event = accept_one(&*store, at, account(1), new_event(&[webhook(1)])).await;
            ids.extend([event.id, EventId::from_raw(event.id.as_raw() + 7 * ID_STRIDE)]);
        }
    }
    let there: Vec<_> = ids.iter().copied().step_by(2).collect();
    let found = store.events_to_deliver(ids.clone(), usize::MAX).await.expect("events");
    assert_eq!(found.iter().map(|event| event.id).collect::<Vec<_>>(), there);
    let bytes_of_two = found[0].data.len() + found[1].data.len();
    let found = store.events_to_deliver(ids, bytes_of_two).await.expect("events");
    assert_eq!(found.iter().map(|event| event.id).collect::<Vec<_>>(), there[..2]);
}
