//! Dropping what is old.

use posthaste_core::delivery::DeliveryState;
use posthaste_core::page::PageRequest;
use posthaste_core::store::{DeliveryFilter, EventFilter};
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::Hits;

use super::fixtures::{
    DAY, Fixture, MINUTE, accept_one, account, at, delivered, delivery_of, first, new_event, now,
    record, record_to, retrying, webhook,
};

pub async fn old_days_go_and_their_hits_stay(f: &mut dyn Fixture) {
    let mut events = Vec::new();
    for day in 0..4 {
        let moment = at(day * DAY);
        let event = accept_one(&*f.store(), moment, account(1), new_event(&[webhook(1); 2])).await;
        record(&*f.store(), vec![delivered(&event, 0, moment), retrying(&event, 1, moment)]).await;
        events.push(event);
    }
    let hits = f.store().hits(&[webhook(1)]).await.expect("hits");
    assert_eq!(hits, [Hits { count: 8, last_at: Some(at(3 * DAY)) }]);
    assert_eq!(f.store().expire(at(2 * DAY)).await.expect("expire"), 2);
    for _ in 0..2 {
        let store = f.store();
        assert_eq!(store.hits(&[webhook(1)]).await.expect("hits"), hits);
        for (day, event) in events.iter().enumerate() {
            let is_kept = day >= 2;
            let found = store.event(account(1), event.id).await.expect("event");
            assert_eq!(found.is_some(), is_kept);
            let found = store.delivery(account(1), event.id.delivery(0)).await.expect("delivery");
            assert_eq!(found.is_some(), is_kept);
        }
        let (filter, page) = (DeliveryFilter::default(), PageRequest::default());
        let listed = store.list_deliveries(account(1), &filter, page).await.expect("list");
        assert_eq!(listed.items.len(), 4);
        let listed = store.list_events(account(1), &EventFilter::default(), page).await;
        assert_eq!(listed.expect("list").items.len(), 2);
        assert_eq!(store.recover(10).await.expect("recover").outstanding.len(), 2);
        let health = store.health(webhook(1), now()).await.expect("health");
        assert_eq!((health.pending, health.recent.attempts), (2, 4));
        drop(store);
        f.reopen().await;
    }
    assert_eq!(f.store().expire(at(2 * DAY)).await.expect("expire"), 0);
}

pub async fn a_day_is_whole_or_kept(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[])).await;
    let end_of_day = Timestamp::from_millis((now().day() + 1) * 86_400_000 - 1);
    assert_eq!(store.expire(end_of_day).await.expect("expire"), 0);
    assert!(store.event(account(1), event.id).await.expect("event").is_some());
    let next_day = Timestamp::from_millis(end_of_day.as_millis() + 1);
    assert_eq!(store.expire(next_day).await.expect("expire"), 1);
    assert!(store.event(account(1), event.id).await.expect("event").is_none());
}

pub async fn ids_rise_after_everything_expired(f: &mut dyn Fixture) {
    let old = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1)])).await;
    f.store().expire(at(DAY)).await.expect("expire");
    let new = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1)])).await;
    assert!(new.id > old.id);
    f.reopen().await;
    let found = f.store().event(account(1), new.id).await.expect("event");
    assert_eq!(found, Some(new.clone()), "what is accepted after the day was dropped is kept");
    let later = accept_one(&*f.store(), now(), account(1), new_event(&[])).await;
    assert!(later.id > new.id.max(old.id));
}

pub async fn an_expired_delivery_is_not_brought_back(f: &mut dyn Fixture) {
    let old = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1)])).await;
    let pending = first(delivery_of(&old, 0, DeliveryState::Pending { due: at(MINUTE) }));
    record(&*f.store(), vec![pending]).await;
    f.store().expire(at(DAY)).await.expect("expire");
    let kept = accept_one(&*f.store(), at(DAY), account(1), new_event(&[webhook(2)])).await;
    // The engine still had it in memory, and its outcome comes in one batch with others.
    let late = vec![delivered(&old, 0, at(DAY)), delivered(&kept, 0, at(DAY))];
    record_to(&*f.store(), late, Some(kept.id)).await;
    f.reopen().await;
    let store = f.store();
    let gone = store.delivery(account(1), old.id.delivery(0)).await.expect("delivery");
    assert_eq!(gone, None);
    assert!(store.delivery(account(1), kept.id.delivery(0)).await.expect("delivery").is_some());
    assert!(store.recover(10).await.expect("recover").events.is_empty());
}
