//! Recording deliveries, and finding after a restart what is still to be done.

use std::time::Duration;

use posthaste_core::attempt::Outcome;
use posthaste_core::delivery::{Delivery, DeliveryState, Progress};
use posthaste_core::id::{DeliveryId, EventId};
use posthaste_core::sent_headers::SentValue;
use posthaste_core::store::{DeliveryRecord, Outstanding, Recovered, Store};

use super::fixtures::{
    DAY, Fixture, MINUTE, SECOND, accept_one, account, after, at, attempt, delivered, delivery_of,
    failed, first, new_event, now, record, record_to, retrying, row, webhook,
};

async fn recover(store: &dyn Store) -> Recovered {
    store.recover(1_000).await.expect("recover")
}

fn event_ids(recovered: &Recovered) -> Vec<EventId> {
    recovered.events.iter().map(|event| event.id).collect()
}

fn outstanding_ids(outstanding: &[Outstanding]) -> Vec<DeliveryId> {
    outstanding.iter().map(|outstanding| outstanding.delivery.id).collect()
}

pub async fn a_delivery_without_a_row_does_not_exist(f: &mut dyn Fixture) {
    let event = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1)])).await;
    let found = f.store().delivery(account(1), event.id.delivery(0)).await;
    assert_eq!(found.expect("delivery"), None);
}

pub async fn a_row_comes_back_as_it_was_recorded_with_its_attempts(f: &mut dyn Fixture) {
    let event = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1); 3])).await;
    let due = at(30 * SECOND);
    let mut parked = delivery_of(&event, 0, DeliveryState::Pending { due });
    parked.progress = Progress { attempts: 0, used: 2, first_deferred_at: Some(at(5 * SECOND)) };
    let refused = retrying(&event, 1, now());
    let second = attempt(2, Outcome::Succeeded, due);
    let at_end = second.ended_at();
    let succeeded =
        after(refused.delivery.clone(), second, DeliveryState::Delivered { at: at_end });
    let cancelled = delivery_of(&event, 2, DeliveryState::Cancelled { at: due });
    record(&*f.store(), vec![first(parked.clone()), refused.clone()]).await;
    record(&*f.store(), vec![succeeded.clone(), first(cancelled.clone())]).await;
    f.reopen().await;
    let store = f.store();
    assert_eq!(row(&*store, account(1), parked.id).await, (parked, vec![]));
    assert_eq!(row(&*store, account(1), cancelled.id).await, (cancelled, vec![]));
    let attempts =
        [refused.attempt, succeeded.attempt].into_iter().flatten().map(|boxed| *boxed).collect();
    let expected = (succeeded.delivery.clone(), attempts);
    assert_eq!(row(&*store, account(1), succeeded.delivery.id).await, expected);
}

pub async fn sensitive_request_headers_are_stored_redacted(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    let mut succeeded = delivered(&event, 0, now());
    let sent = succeeded.attempt.as_mut().expect("it has one");
    sent.exchange.request_headers.push_named("authorization", SentValue::Redacted);
    record(&*store, vec![succeeded.clone()]).await;
    let (_, attempts) = row(&*store, account(1), succeeded.delivery.id).await;
    let headers = &attempts[0].exchange.request_headers;
    assert_eq!(headers.get("authorization").as_deref(), Some("[redacted]"));
    assert_eq!(headers.get("content-type").as_deref(), Some("application/json"));
}

pub async fn a_later_record_moves_the_row(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    let refused = retrying(&event, 0, now());
    record(&*store, vec![refused.clone()]).await;
    let cancelled =
        Delivery { state: DeliveryState::Cancelled { at: at(SECOND) }, ..refused.delivery.clone() };
    let later = DeliveryRecord { first: false, ..first(cancelled.clone()) };
    record(&*store, vec![later]).await;
    let (found, attempts) = row(&*store, account(1), cancelled.id).await;
    assert_eq!((found, attempts.len()), (cancelled, 1));
    assert!(recover(&*store).await.outstanding.is_empty());
}

pub async fn a_record_without_an_attempt_leaves_the_last_attempt(f: &mut dyn Fixture) {
    let event = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1)])).await;
    let refused = retrying(&event, 0, now());
    record(&*f.store(), vec![refused.clone()]).await;
    let silent = Delivery {
        state: DeliveryState::Retrying { due: at(MINUTE) },
        last: None,
        ..refused.delivery.clone()
    };
    record(&*f.store(), vec![DeliveryRecord { first: false, ..first(silent.clone()) }]).await;
    let expected = Delivery { last: refused.delivery.last.clone(), ..silent };
    f.reopen().await;
    assert_eq!(row(&*f.store(), account(1), expected.id).await.0, expected);
    let outstanding = recover(&*f.store()).await.outstanding;
    assert_eq!(outstanding, [Outstanding { delivery: expected, manual_due: false }]);
}

pub async fn another_accounts_delivery_does_not_exist(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    record(&*store, vec![delivered(&event, 0, now())]).await;
    let found = store.delivery(account(2), event.id.delivery(0)).await;
    assert_eq!(found.expect("delivery"), None);
}

pub async fn what_is_above_the_mark_is_recovered(f: &mut dyn Fixture) {
    let mut events = Vec::new();
    for number in 0..5 {
        let new = new_event(&[webhook(number)]);
        events.push(accept_one(&*f.store(), now(), account(1), new).await);
    }
    let all: Vec<EventId> = events.iter().map(|event| event.id).collect();
    f.reopen().await;
    let recovered = recover(&*f.store()).await;
    assert_eq!(event_ids(&recovered), all);
    assert_eq!(recovered.events, events, "whole, with targets and data");
    assert!(recovered.recorded.is_empty() && recovered.outstanding.is_empty());
    let records = events[..3].iter().map(|event| delivered(event, 0, now())).collect();
    record_to(&*f.store(), records, Some(all[2])).await;
    f.reopen().await;
    let recovered = recover(&*f.store()).await;
    assert_eq!(event_ids(&recovered), all[3..]);
    assert!(recovered.recorded.is_empty());
    record_to(&*f.store(), Vec::new(), Some(all[4])).await;
    f.reopen().await;
    assert!(recover(&*f.store()).await.events.is_empty());
}

pub async fn rows_above_the_mark_are_named(f: &mut dyn Fixture) {
    let store = f.store();
    let wide = accept_one(&*store, now(), account(1), new_event(&[webhook(1); 4])).await;
    let open = accept_one(&*store, now(), account(1), new_event(&[webhook(1); 3])).await;
    let next = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    let mut records: Vec<_> = (0..4).map(|position| delivered(&wide, position, now())).collect();
    records.push(delivered(&open, 1, now()));
    records.push(retrying(&open, 2, now()));
    records.push(delivered(&next, 0, now()));
    let mark = EventId::from_raw(open.id.as_raw() - 1);
    record_to(&*store, records, Some(mark)).await;
    drop(store);
    f.reopen().await;
    let recovered = recover(&*f.store()).await;
    assert_eq!(event_ids(&recovered), [open.id, next.id]);
    let mut recorded = recovered.recorded.clone();
    recorded.sort_unstable();
    assert_eq!(recorded, [open.id.delivery(1), open.id.delivery(2), next.id.delivery(0)]);
    assert_eq!(outstanding_ids(&recovered.outstanding), [open.id.delivery(2)]);
}

pub async fn the_mark_never_falls_and_crosses_days(f: &mut dyn Fixture) {
    let store = f.store();
    let monday = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    // Nobody wanted it: it never gets a row.
    accept_one(&*store, now(), account(1), new_event(&[])).await;
    let tuesday = accept_one(&*store, at(DAY), account(1), new_event(&[webhook(1)])).await;
    record_to(&*store, vec![delivered(&monday, 0, now())], Some(monday.id)).await;
    record_to(&*store, vec![delivered(&tuesday, 0, at(DAY))], Some(tuesday.id)).await;
    assert!(event_ids(&recover(&*store).await).is_empty());
    record_to(&*store, Vec::new(), Some(monday.id)).await;
    drop(store);
    f.reopen().await;
    assert!(event_ids(&recover(&*f.store()).await).is_empty());
    let later = accept_one(&*f.store(), at(DAY), account(1), new_event(&[webhook(1)])).await;
    assert_eq!(event_ids(&recover(&*f.store()).await), [later.id]);
}

pub async fn what_is_outstanding_survives_and_pages_in_order(f: &mut dyn Fixture) {
    let mut expected = Vec::new();
    for day in 0..3 {
        let moment = at(day * DAY);
        let targets: Vec<_> = (0..4).map(webhook).collect();
        let event = accept_one(&*f.store(), moment, account(1), new_event(&targets)).await;
        let pending = first(delivery_of(&event, 1, DeliveryState::Pending { due: moment }));
        let refused = retrying(&event, 2, moment);
        let records = vec![
            delivered(&event, 0, moment),
            pending.clone(),
            refused.clone(),
            failed(&event, 3, moment),
        ];
        record_to(&*f.store(), records, Some(event.id)).await;
        for record in [pending, refused] {
            expected.push(Outstanding { delivery: record.delivery, manual_due: false });
        }
    }
    f.reopen().await;
    let store = f.store();
    let all = store.recover(6).await.expect("recover");
    assert_eq!((&all.outstanding, all.more), (&expected, false));
    let some = store.recover(3).await.expect("recover");
    assert_eq!((&some.outstanding[..], some.more), (&expected[..3], true));
    let none = store.recover(0).await.expect("recover");
    assert_eq!((none.outstanding.len(), none.more), (0, true));
    let mut walked = some.outstanding;
    loop {
        let last = walked.last().expect("three").delivery.id;
        let next = store.outstanding_after(last, 2).await.expect("outstanding");
        if next.is_empty() {
            break;
        }
        walked.extend(next);
    }
    assert_eq!(walked, expected);
}

pub async fn a_manual_attempt_stays_due_over_a_restart(f: &mut dyn Fixture) {
    let event = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1)])).await;
    let ended = failed(&event, 0, now());
    record_to(&*f.store(), vec![ended.clone()], Some(event.id)).await;
    let silent = Delivery { last: None, ..ended.delivery.clone() };
    let wish = DeliveryRecord { manual_due: true, first: false, ..first(silent) };
    record(&*f.store(), vec![wish]).await;
    f.reopen().await;
    let outstanding = recover(&*f.store()).await.outstanding;
    let expected = Outstanding { delivery: ended.delivery.clone(), manual_due: true };
    assert_eq!(outstanding, [expected]);
    let second = attempt(2, Outcome::Rejected, at(MINUTE));
    let made = after(ended.delivery.clone(), second, ended.delivery.state);
    record(&*f.store(), vec![made]).await;
    f.reopen().await;
    assert!(recover(&*f.store()).await.outstanding.is_empty());
}

pub async fn recording_the_same_again_changes_nothing(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    let refused = retrying(&event, 0, now());
    let second = attempt(2, Outcome::Succeeded, at(30 * SECOND));
    let end = DeliveryState::Delivered { at: second.ended_at() };
    let succeeded = after(refused.delivery.clone(), second, end);
    record(&*store, vec![refused.clone()]).await;
    record(&*store, vec![succeeded.clone()]).await;
    let before = row(&*store, account(1), event.id.delivery(0)).await;
    let health = store_health(&*store).await;
    for again in [&refused, &succeeded, &refused] {
        record(&*store, vec![again.clone()]).await;
    }
    assert_eq!(row(&*store, account(1), event.id.delivery(0)).await, before);
    assert_eq!(store_health(&*store).await, health);
    assert_eq!(health.hits.count, 2);
    assert!(recover(&*store).await.outstanding.is_empty());
}

async fn store_health(store: &dyn Store) -> posthaste_core::store::Health {
    store.health(webhook(1), at(Duration::ZERO)).await.expect("health")
}

pub async fn a_whole_batch_written_again_changes_nothing(f: &mut dyn Fixture) {
    let event = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1); 3])).await;
    let refused = retrying(&event, 0, now());
    let silent = Delivery { last: None, ..refused.delivery.clone() };
    let wish = DeliveryRecord { manual_due: true, first: false, ..first(silent) };
    let second = attempt(2, Outcome::Succeeded, at(SECOND));
    let end = DeliveryState::Delivered { at: second.ended_at() };
    let parked = first(delivery_of(&event, 1, DeliveryState::Pending { due: now() }));
    let given_up = DeliveryRecord {
        delivery: Delivery {
            state: DeliveryState::Failed { at: now() },
            ..parked.delivery.clone()
        },
        first: false,
        ..parked.clone()
    };
    let batch = vec![
        refused.clone(),
        wish,
        after(refused.delivery, second, end),
        parked,
        given_up,
        failed(&event, 2, now()),
    ];
    record_to(&*f.store(), batch.clone(), Some(event.id)).await;
    let health = store_health(&*f.store()).await;
    assert_eq!((health.hits.count, health.pending), (3, 0));
    assert_eq!((health.recent.events, health.recent.attempts), (3, 3));
    assert_eq!((health.recent.delivered, health.recent.failed), (1, 2));
    f.reopen().await;
    record_to(&*f.store(), batch, Some(event.id)).await;
    assert_eq!(store_health(&*f.store()).await, health);
    assert!(recover(&*f.store()).await.outstanding.is_empty());
}

pub async fn a_long_batch_may_be_written_again_with_more(f: &mut dyn Fixture) {
    let event = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1); 150])).await;
    let records: Vec<_> = (0..150)
        .map(|position| match position % 7 {
            5 => failed(&event, position, now()),
            6 => retrying(&event, position, now()),
            _ => delivered(&event, position, now()),
        })
        .collect();
    record(&*f.store(), records[..149].to_vec()).await;
    let health = store_health(&*f.store()).await;
    assert_eq!((health.hits.count, health.pending), (149, 21));
    record_to(&*f.store(), records.clone(), Some(event.id)).await;
    f.reopen().await;
    let health = store_health(&*f.store()).await;
    assert_eq!((health.hits.count, health.pending), (150, 21));
    assert_eq!((health.recent.events, health.recent.attempts), (150, 150));
    for record in records {
        let (found, attempts) = row(&*f.store(), account(1), record.delivery.id).await;
        assert_eq!(
            (found, attempts),
            (record.delivery, Vec::from_iter(record.attempt.map(|boxed| *boxed)))
        );
    }
}

pub async fn one_delivery_may_appear_twice_in_a_batch(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    let refused = retrying(&event, 0, now());
    let second = attempt(2, Outcome::Succeeded, at(30 * SECOND));
    let end = DeliveryState::Delivered { at: second.ended_at() };
    let succeeded = after(refused.delivery.clone(), second, end);
    record(&*store, vec![refused, succeeded.clone()]).await;
    let (found, attempts) = row(&*store, account(1), succeeded.delivery.id).await;
    assert_eq!((found, attempts.len()), (succeeded.delivery, 2));
    assert_eq!(store.hits(&[webhook(1)]).await.expect("hits")[0].count, 2);
}

pub async fn an_ended_delivery_stays_ended(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    let parked = first(delivery_of(&event, 0, DeliveryState::Pending { due: now() }));
    let succeeded = DeliveryRecord { first: false, ..delivered(&event, 0, now()) };
    record(&*store, vec![parked.clone()]).await;
    record(&*store, vec![succeeded.clone()]).await;
    record(&*store, vec![parked]).await;
    assert_eq!(row(&*store, account(1), event.id.delivery(0)).await.0, succeeded.delivery);
    assert!(recover(&*store).await.outstanding.is_empty());
}
