//! Hits, rollups, charts and health: what is counted where, exactly once.

use std::time::Duration;

use posthaste_core::attempt::{Outcome, Trigger};
use posthaste_core::delivery::DeliveryState;
use posthaste_core::id::WebhookId;
use posthaste_core::stats::{ErrorClass, Rollup};
use posthaste_core::store::{Health, StatsQuery, StatsSeries, Store};
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::Hits;

use super::fixtures::{
    DAY, Fixture, MINUTE, SECOND, accept_one, account, after, at, attempt, delivered, delivery_of,
    failed, first, new_event, now, record, retrying, webhook,
};

async fn series(
    store: &dyn Store,
    webhook_id: Option<WebhookId>,
    from: Timestamp,
    to: Timestamp,
    step: Duration,
) -> StatsSeries {
    let query = StatsQuery { account_id: account(1), webhook_id, from, to, step };
    let series = store.stats(query).await.expect("stats");
    assert_eq!(series.query, query);
    series
}

/// The one bucket of an hour from `now()`.
async fn hour(store: &dyn Store, webhook_id: Option<WebhookId>) -> Rollup {
    let series = series(store, webhook_id, now(), at(60 * MINUTE), 60 * MINUTE).await;
    assert_eq!(series.buckets.len(), 1);
    series.buckets.into_iter().next().expect("one").1
}

pub async fn hits_and_rollups_count_what_was_recorded(f: &mut dyn Fixture) {
    let event = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1); 4])).await;
    let refused = retrying(&event, 1, now());
    let second = attempt(2, Outcome::TimedOut, at(30 * SECOND));
    let given_up = DeliveryState::Failed { at: second.ended_at() };
    let parked = first(delivery_of(&event, 3, DeliveryState::Pending { due: now() }));
    record(&*f.store(), vec![delivered(&event, 0, at(SECOND)), refused.clone()]).await;
    record(&*f.store(), vec![after(refused.delivery, second, given_up)]).await;
    record(&*f.store(), vec![failed(&event, 2, at(2 * SECOND)), parked]).await;
    for _ in 0..2 {
        let store = f.store();
        let hits = store.hits(&[webhook(2), webhook(1)]).await.expect("hits");
        let expected = Hits { count: 4, last_at: Some(at(30 * SECOND)) };
        assert_eq!(hits, [Hits::default(), expected]);
        for rollup in [hour(&*store, Some(webhook(1))).await, hour(&*store, None).await] {
            assert_eq!((rollup.events, rollup.attempts, rollup.retries), (4, 4, 1));
            assert_eq!((rollup.delivered, rollup.failed), (1, 2));
            assert_eq!(rollup.by_status_class(), [0, 1, 0, 0, 2]);
            let timeouts = rollup.by_error().find(|(class, _)| *class == ErrorClass::Timeout);
            assert_eq!(timeouts, Some((ErrorClass::Timeout, 1)));
            assert_eq!(rollup.durations().sum_ms(), 41 * 3 + 42);
            assert_eq!(rollup.peak_per_second(), 1);
        }
        drop(store);
        f.reopen().await;
    }
}

pub async fn tests_are_counted_nowhere(f: &mut dyn Fixture) {
    let store = f.store();
    let mut new = new_event(&[webhook(1)]);
    new.trigger = Trigger::Test;
    let event = accept_one(&*store, now(), account(1), new).await;
    let mut tried = failed(&event, 0, now());
    tried.attempt.as_mut().expect("it has one").trigger = Trigger::Test;
    record(&*store, vec![tried]).await;
    assert_eq!(store.hits(&[webhook(1)]).await.expect("hits"), [Hits::default()]);
    assert_eq!(hour(&*store, None).await, Rollup::default());
    assert_eq!(hour(&*store, Some(webhook(1))).await, Rollup::default());
    let health = store.health(webhook(1), now()).await.expect("health");
    assert_eq!(health, Health::default());
}

pub async fn an_attempt_counts_in_the_minute_it_was_made(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    let refused = retrying(&event, 0, at(3 * MINUTE));
    // The second attempt comes on the next day, and stays in the file of its event's day.
    let second = attempt(2, Outcome::Succeeded, at(DAY));
    let end = DeliveryState::Delivered { at: second.ended_at() };
    record(&*store, vec![refused.clone()]).await;
    record(&*store, vec![after(refused.delivery, second, end)]).await;
    drop(store);
    f.reopen().await;
    let series = series(&*f.store(), None, now(), at(DAY + 2 * MINUTE), MINUTE).await;
    let full: Vec<_> = series
        .buckets
        .iter()
        .filter(|(_, rollup)| *rollup != Rollup::default())
        .map(|(start, rollup)| (*start, rollup.events, rollup.attempts, rollup.delivered))
        .collect();
    let expected = [(now(), 1, 0, 0), (at(3 * MINUTE), 0, 1, 0), (at(DAY), 0, 1, 1)];
    assert_eq!(full, expected);
}

pub async fn empty_buckets_are_there(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    record(&*store, vec![delivered(&event, 0, at(11 * MINUTE))]).await;
    // `from` is cut down to its minute, and the last bucket may be shorter than the others.
    let from = at(7 * SECOND);
    let series = series(&*store, Some(webhook(1)), from, at(17 * MINUTE), 5 * MINUTE).await;
    let starts: Vec<Timestamp> = series.buckets.iter().map(|(start, _)| *start).collect();
    assert_eq!(starts, [now(), at(5 * MINUTE), at(10 * MINUTE), at(15 * MINUTE)]);
    let attempts: Vec<u64> = series.buckets.iter().map(|(_, rollup)| rollup.attempts).collect();
    assert_eq!(attempts, [0, 0, 1, 0]);
    let none = self::series(&*store, None, at(DAY), at(DAY + MINUTE), MINUTE).await;
    assert_eq!(none.buckets, [(at(DAY), Rollup::default())]);
    assert!(self::series(&*store, None, at(DAY), at(DAY), MINUTE).await.buckets.is_empty());
}

pub async fn an_accounts_stats_add_up_its_webhooks(f: &mut dyn Fixture) {
    let store = f.store();
    let targets = [webhook(1), webhook(2)];
    let ours = accept_one(&*store, now(), account(1), new_event(&targets)).await;
    let theirs = accept_one(&*store, now(), account(2), new_event(&[webhook(3)])).await;
    let records =
        vec![delivered(&ours, 0, now()), failed(&ours, 1, now()), delivered(&theirs, 0, now())];
    record(&*store, records).await;
    let (all, one) = (hour(&*store, None).await, hour(&*store, Some(webhook(1))).await);
    assert_eq!((all.attempts, all.delivered, all.failed), (2, 1, 1));
    assert_eq!((one.attempts, one.delivered, one.failed), (1, 1, 0));
}

pub async fn the_busiest_second_adds_up_over_days_and_webhooks(f: &mut dyn Fixture) {
    let store = f.store();
    let targets = [webhook(1), webhook(2)];
    let monday = accept_one(&*store, now(), account(1), new_event(&targets)).await;
    let tuesday = accept_one(&*store, at(DAY), account(1), new_event(&targets)).await;
    let second = |position| {
        let refused = retrying(&monday, position, now());
        let attempt = attempt(2, Outcome::Succeeded, at(DAY));
        let end = DeliveryState::Delivered { at: attempt.ended_at() };
        vec![refused.clone(), after(refused.delivery, attempt, end)]
    };
    record(&*store, [second(0), second(1)].concat()).await;
    record(&*store, vec![delivered(&tuesday, 0, at(DAY)), delivered(&tuesday, 1, at(DAY))]).await;
    let minute = async |webhook_id, step| {
        let series = series(&*store, webhook_id, at(DAY), at(DAY + 2 * MINUTE), step).await;
        series.buckets[0].1.peak_per_second()
    };
    // Two files, two webhooks, one second.
    assert_eq!(minute(None, MINUTE).await, 4);
    assert_eq!(minute(None, 2 * MINUTE).await, 4);
    assert_eq!(minute(Some(webhook(1)), MINUTE).await, 2);
}

pub async fn health_says_how_a_webhook_is_doing(f: &mut dyn Fixture) {
    let store = f.store();
    let old = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
    let new = accept_one(&*store, at(DAY), account(1), new_event(&[webhook(1); 4])).await;
    record(&*store, vec![failed(&old, 0, now())]).await;
    let refused = retrying(&new, 0, at(DAY + SECOND));
    let parked = first(delivery_of(&new, 1, DeliveryState::Pending { due: at(DAY) }));
    // Recorded out of its time: the newest error is the later one.
    let early = failed(&new, 2, at(DAY));
    let fine = delivered(&new, 3, at(DAY + MINUTE));
    record(&*store, vec![refused, parked, early, fine]).await;
    drop(store);
    f.reopen().await;
    let health = f.store().health(webhook(1), at(DAY)).await.expect("health");
    assert_eq!(health.hits, Hits { count: 4, last_at: Some(at(DAY + MINUTE)) });
    assert_eq!((health.recent.attempts, health.recent.delivered, health.recent.failed), (3, 1, 1));
    assert_eq!(health.pending, 2);
    let expected = (at(DAY + SECOND), "the receiver answered 500".to_owned());
    assert_eq!(health.last_error, Some(expected));
    let all = f.store().health(webhook(1), now()).await.expect("health");
    assert_eq!(all.recent.attempts, 4);
    let unknown = f.store().health(webhook(9), now()).await.expect("health");
    assert_eq!(unknown, Health::default());
}

pub async fn another_accounts_stats_are_empty(f: &mut dyn Fixture) {
    let store = f.store();
    let event = accept_one(&*store, now(), account(2), new_event(&[webhook(1)])).await;
    record(&*store, vec![delivered(&event, 0, now())]).await;
    assert_eq!(hour(&*store, Some(webhook(1))).await, Rollup::default());
    assert_eq!(hour(&*store, None).await, Rollup::default());
}

pub async fn hours_add_up_to_the_same_as_their_minutes(f: &mut dyn Fixture) {
    let event = accept_one(&*f.store(), now(), account(1), new_event(&[webhook(1); 8])).await;
    let tried_at = |position, minute: i32| {
        let at = at(MINUTE * u32::try_from(minute).expect("later"));
        delivered(&event, position, at)
    };
    // Hours go by, two deliveries fall into one second of the first, and at last one is recorded
    // that was made hours ago.
    for (position, minute) in [(0, 5), (1, 5), (2, 59), (3, 60), (4, 185), (5, 300), (6, 420)] {
        record(&*f.store(), vec![tried_at(position, minute)]).await;
    }
    record(&*f.store(), vec![tried_at(7, 61)]).await;
    for _ in 0..2 {
        let store = f.store();
        for webhook_id in [None, Some(webhook(1))] {
            let by = async |from: u32, step: u32| {
                let (from, to) = (at(from * MINUTE), at(480 * MINUTE));
                let series = series(&*store, webhook_id, from, to, step * MINUTE).await;
                series.buckets.into_iter().map(|(_, rollup)| rollup).collect::<Vec<_>>()
            };
            let hours = by(0, 60).await;
            let attempts: Vec<u64> = hours.iter().map(|hour| hour.attempts).collect();
            assert_eq!(attempts, [3, 2, 0, 1, 0, 1, 0, 1]);
            assert_eq!(hours[0].peak_per_second(), 2);
            // However the steps lie to the hours, nothing is counted twice or left out.
            for (from, step) in [(0, 1), (0, 90), (0, 480), (1, 60), (3, 120), (5, 475)] {
                let (sum, of) = (by(from, step).await.iter().sum::<Rollup>(), by(from, 1).await);
                let minutes: Rollup = of.iter().sum();
                assert_eq!(sum, minutes.sealed(), "{from} by {step}");
                assert_eq!(sum.attempts, 8);
            }
        }
        drop(store);
        f.reopen().await;
    }
}

pub async fn the_busiest_second_of_an_hour_adds_up_over_days(f: &mut dyn Fixture) {
    let store = f.store();
    let monday = accept_one(&*store, now(), account(1), new_event(&[webhook(1); 3])).await;
    let tuesday =
        accept_one(&*store, at(DAY + 50 * MINUTE), account(1), new_event(&[webhook(1); 2]));
    let tuesday = tuesday.await;
    // Within one full hour; Tuesday's file begins in the middle of it.
    let hour = at(DAY + 30 * MINUTE);
    let middle = at(DAY + 75 * MINUTE);
    let late = at(DAY + 300 * MINUTE);
    let of_monday = [(0, hour), (1, middle), (2, late)];
    let of_tuesday = [(0, middle), (1, at(DAY + 301 * MINUTE))];
    for (position, at) in of_monday {
        record(&*store, vec![delivered(&monday, position, at)]).await;
    }
    for (position, at) in of_tuesday {
        record(&*store, vec![delivered(&tuesday, position, at)]).await;
    }
    let (from, to) = (at(DAY), at(DAY + 600 * MINUTE));
    let series = series(&*store, Some(webhook(1)), from, to, 600 * MINUTE).await;
    let whole = &series.buckets[0].1;
    assert_eq!((whole.attempts, whole.peak_per_second()), (5, 2));
}

/// A store that cannot tell says so always.
pub async fn what_it_takes_up_grows_with_what_is_stored(f: &mut dyn Fixture) {
    let store = f.store();
    let Some(before) = store.disk_bytes().await.expect("disk bytes") else { return };
    // Files grow in steps.
    for _ in 0..200 {
        let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1); 10])).await;
        let records = (0..10).map(|position| delivered(&event, position, now()));
        record(&*store, records.collect()).await;
    }
    let after = store.disk_bytes().await.expect("disk bytes").expect("as before");
    assert!(after > before, "{before} and then {after}");
}
