//! Lists of deliveries and events: filters, pages, and whose they are.

use std::sync::Arc;

use posthaste_core::attempt::Outcome;
use posthaste_core::delivery::{Delivery, DeliveryState, DeliveryStatus};
use posthaste_core::event::Event;
use posthaste_core::id::{DeliveryId, EventId};
use posthaste_core::limits::SCAN_ROWS_MAX;
use posthaste_core::page::{Cursor, PageRequest};
use posthaste_core::store::{DeliveryFilter, EventFilter, Store};

use super::fixtures::{
    DAY, Fixture, MINUTE, SECOND, accept_of, accept_one, account, after, at, attempt, delivered,
    delivery_of, event_type, failed, first, new_event, now, record, retrying, webhook,
};

/// All of a list, walked in pages of `limit`.
async fn walk(store: &dyn Store, filter: &DeliveryFilter, limit: usize) -> Vec<Delivery> {
    let mut found = Vec::new();
    let mut page = PageRequest { limit, cursor: None };
    loop {
        let deliveries = store.list_deliveries(account(1), filter, page).await.expect("list");
        assert!(deliveries.items.len() <= limit);
        found.extend(deliveries.items);
        page.cursor = deliveries.next;
        if page.cursor.is_none() {
            return found;
        }
    }
}

/// Two days of deliveries of every kind, of two webhooks, two event types and two accounts.
async fn fill(store: &dyn Store) -> Vec<Delivery> {
    let mut recorded = Vec::new();
    for number in 0..60_u32 {
        let moment = at(number * 48 * MINUTE);
        let mut new = new_event(&[webhook(1), webhook(2)]);
        new.event_type = event_type(if number % 3 == 0 { "sms.sent" } else { "call.ended" });
        let owner = account(1 + u64::from(number % 10 == 9));
        let event = accept_one(store, moment, owner, new).await;
        let mut records = Vec::new();
        for position in 0..2 {
            let pending = delivery_of(&event, position, DeliveryState::Pending { due: moment });
            records.push(match (number as usize + position) % 6 {
                0 => first(pending),
                1 => retrying(&event, position, moment),
                2 => failed(&event, position, moment),
                3 => first(Delivery { state: DeliveryState::Cancelled { at: moment }, ..pending }),
                4 => {
                    let gone = attempt(1, Outcome::TimedOut, moment);
                    after(pending, gone, DeliveryState::Failed { at: moment })
                }
                _ => delivered(&event, position, moment),
            });
        }
        recorded.extend(records.iter().map(|record| record.delivery.clone()));
        record(store, records).await;
    }
    recorded.retain(|delivery| delivery.account_id == account(1));
    recorded.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
    recorded
}

fn finds(filter: &DeliveryFilter, delivery: &Delivery) -> bool {
    use DeliveryStatus::{Delivering, Pending, Retrying};
    let status = delivery.state.status();
    let accepted = delivery.event_id.created_at();
    filter.webhook_id.is_none_or(|wanted| delivery.webhook_id == wanted)
        && filter.event_id.is_none_or(|wanted| delivery.event_id == wanted)
        && filter.event_type.as_ref().is_none_or(|wanted| delivery.event_type == *wanted)
        && filter.status.is_none_or(|wanted| match wanted {
            Delivering => matches!(status, Pending | Retrying),
            wanted => status == wanted,
        })
        && filter.status_code.is_none_or(|wanted| {
            delivery.last.as_ref().and_then(|last| last.status_code) == Some(wanted)
        })
        && filter.since.is_none_or(|since| accepted >= since)
        && filter.until.is_none_or(|until| accepted < until)
}

pub async fn every_filter_walks_all_its_pages(f: &mut dyn Fixture) {
    let all = fill(&*f.store()).await;
    f.reopen().await;
    let store = f.store();
    let statuses = DeliveryStatus::ALL.into_iter().map(Some).chain([None]);
    for status in statuses {
        for webhook_id in [None, Some(webhook(1)), Some(webhook(2)), Some(webhook(3))] {
            for kind in [None, Some(event_type("sms.sent"))] {
                for status_code in [None, Some(500)] {
                    let filter = DeliveryFilter {
                        webhook_id,
                        status,
                        event_type: kind.clone(),
                        status_code,
                        ..DeliveryFilter::default()
                    };
                    let expected: Vec<Delivery> =
                        all.iter().filter(|delivery| finds(&filter, delivery)).cloned().collect();
                    for limit in [1, 7, 200] {
                        assert_eq!(walk(&*store, &filter, limit).await, expected, "{filter:?}");
                    }
                }
            }
        }
    }
}

pub async fn an_events_deliveries_are_listed(f: &mut dyn Fixture) {
    let store = f.store();
    let all = fill(&*store).await;
    for event_id in [all[0].event_id, all[40].event_id] {
        for status in [None, Some(DeliveryStatus::Failed), Some(DeliveryStatus::Pending)] {
            let filter =
                DeliveryFilter { event_id: Some(event_id), status, ..DeliveryFilter::default() };
            let expected: Vec<Delivery> =
                all.iter().filter(|delivery| finds(&filter, delivery)).cloned().collect();
            assert_eq!(walk(&*store, &filter, 1).await, expected);
        }
    }
    let unknown = EventId::from_raw(all[0].event_id.as_raw() + 1);
    let filter = DeliveryFilter { event_id: Some(unknown), ..DeliveryFilter::default() };
    assert!(walk(&*store, &filter, 10).await.is_empty());
}

pub async fn time_filters_are_about_the_event(f: &mut dyn Fixture) {
    let store = f.store();
    let all = fill(&*store).await;
    for since in [None, Some(at(DAY)), Some(all[7].event_id.created_at()), Some(at(9 * DAY))] {
        for until in [None, Some(now()), Some(at(DAY)), Some(all[3].event_id.created_at())] {
            for webhook_id in [None, Some(webhook(1))] {
                let filter =
                    DeliveryFilter { webhook_id, since, until, ..DeliveryFilter::default() };
                let expected: Vec<Delivery> =
                    all.iter().filter(|delivery| finds(&filter, delivery)).cloned().collect();
                assert_eq!(walk(&*store, &filter, 9).await, expected, "{filter:?}");
            }
        }
    }
    // A fan-out whose ids go on for milliseconds after its event's.
    let wide: Vec<_> = (0..20_000).map(webhook).collect();
    let event = accept_one(&*store, at(3 * DAY), account(1), new_event(&wide)).await;
    record(&*store, vec![delivered(&event, 19_999, at(3 * DAY))]).await;
    let after_event = at(3 * DAY).saturating_add(std::time::Duration::from_millis(1));
    let check = async |since, until, expected: usize| {
        let filter = DeliveryFilter { since, until, ..DeliveryFilter::default() };
        let found = walk(&*store, &filter, 50).await;
        let found = found.iter().filter(|delivery| delivery.event_id == event.id).count();
        assert_eq!(found, expected);
    };
    check(Some(at(3 * DAY)), None, 1).await;
    check(Some(after_event), None, 0).await;
    check(Some(at(3 * DAY)), Some(after_event), 1).await;
    check(None, Some(at(3 * DAY)), 0).await;
}

pub async fn another_accounts_deliveries_are_not_listed(f: &mut dyn Fixture) {
    let store = f.store();
    let all = fill(&*store).await;
    for filter in [
        DeliveryFilter { webhook_id: Some(webhook(1)), ..DeliveryFilter::default() },
        DeliveryFilter { event_id: Some(all[0].event_id), ..DeliveryFilter::default() },
        DeliveryFilter { status: Some(DeliveryStatus::Failed), ..DeliveryFilter::default() },
        DeliveryFilter { status: Some(DeliveryStatus::Pending), ..DeliveryFilter::default() },
        DeliveryFilter::default(),
    ] {
        let page = PageRequest::default();
        let found = store.list_deliveries(account(3), &filter, page).await.expect("list");
        assert!(found.items.is_empty(), "{filter:?}");
    }
}

pub async fn a_filter_that_finds_little_gives_short_pages(f: &mut dyn Fixture) {
    let store = f.store();
    let wide = vec![webhook(1); SCAN_ROWS_MAX + 10];
    let event = accept_one(&*store, now(), account(1), new_event(&wide)).await;
    let pending = |position| delivery_of(&event, position, DeliveryState::Pending { due: now() });
    let mut records: Vec<_> = (1..wide.len()).map(|position| first(pending(position))).collect();
    records.insert(0, delivered(&event, 0, now()));
    record(&*store, records).await;
    let filter =
        DeliveryFilter { status: Some(DeliveryStatus::Delivered), ..DeliveryFilter::default() };
    let page = PageRequest::default();
    let found = store.list_deliveries(account(1), &filter, page).await.expect("list");
    assert!(found.items.is_empty() && found.next.is_some(), "short, and it goes on");
    let found: Vec<DeliveryId> =
        walk(&*store, &filter, 50).await.iter().map(|delivery| delivery.id).collect();
    assert_eq!(found, [event.id.delivery(0)]);
}

pub async fn events_are_filtered_and_page(f: &mut dyn Fixture) {
    let mut all: Vec<Arc<Event>> = Vec::new();
    for number in 0..40_u32 {
        let mut new = new_event(&[webhook(1)]);
        new.event_type = event_type(if number % 3 == 0 { "sms.sent" } else { "call.ended" });
        let owner = account(1 + u64::from(number % 10 == 9));
        let moment = at(number * 90 * MINUTE);
        all.push(accept_one(&*f.store(), moment, owner, new).await);
    }
    all.retain(|event| event.account_id == account(1));
    all.reverse();
    f.reopen().await;
    let store = f.store();
    for wanted in [None, Some(event_type("sms.sent")), Some(event_type("sms.never"))] {
        for since in [None, Some(at(DAY)), Some(all[5].id.created_at())] {
            for until in [None, Some(at(DAY)), Some(all[2].id.created_at()), Some(now())] {
                let filter = EventFilter { event_type: wanted.clone(), since, until };
                let expected: Vec<Arc<Event>> = all
                    .iter()
                    .filter(|event| {
                        let accepted = event.id.created_at();
                        wanted.as_ref().is_none_or(|wanted| event.event_type == *wanted)
                            && since.is_none_or(|since| accepted >= since)
                            && until.is_none_or(|until| accepted < until)
                    })
                    .cloned()
                    .collect();
                let mut found = Vec::new();
                let mut page = PageRequest { limit: 4, cursor: None };
                loop {
                    let events = store.list_events(account(1), &filter, page).await.expect("list");
                    found.extend(events.items);
                    page.cursor = events.next;
                    if page.cursor.is_none() {
                        break;
                    }
                }
                assert_eq!(found, expected, "{filter:?}");
            }
        }
    }
}

pub async fn a_made_up_cursor_does_no_harm(f: &mut dyn Fixture) {
    let store = f.store();
    let accept = accept_of(account(1), vec![new_event(&[webhook(1)])]);
    store.accept(at(SECOND), accept).await.expect("accept");
    for (before, expected) in [(0, 0), (1, 0), (i64::MAX as u64, 1), (u64::MAX, 1)] {
        let page = PageRequest { limit: 5, cursor: Some(Cursor { before }) };
        let events = store.list_events(account(1), &EventFilter::default(), page).await;
        assert_eq!(events.expect("list").items.len(), expected, "{before}");
        let deliveries = store.list_deliveries(account(1), &DeliveryFilter::default(), page).await;
        assert!(deliveries.expect("list").items.is_empty());
    }
}
