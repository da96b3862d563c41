//! Many at once.

use std::collections::BTreeSet;

use posthaste_core::id::{EventId, WebhookId};
use posthaste_core::limits::ACCEPT_QUEUE_MAX;
use posthaste_core::store::{Accepted, StoreError};
use tokio::task::JoinSet;

use super::fixtures::{
    Fixture, accept_of, account, delivered, new_event, now, record, webhook, with_key,
};

pub async fn a_thousand_requests_with_one_key_store_one_event(f: &mut dyn Fixture) {
    let mut requests = JoinSet::new();
    for _ in 0..1_000 {
        let store = f.store();
        let request = with_key(accept_of(account(1), vec![new_event(&[webhook(1)])]), 7, 7);
        requests.spawn(async move { store.accept(now(), request).await.expect("accept") });
    }
    let (mut new, mut ids) = (0, BTreeSet::new());
    while let Some(accepted) = requests.join_next().await {
        match accepted.expect("no panic") {
            Accepted::New(receipts) => {
                new += 1;
                ids.insert(receipts[0].id);
            }
            Accepted::Repeated(receipts) => {
                ids.insert(receipts[0].id);
            }
            Accepted::KeyReused => panic!("the body was the same"),
        }
    }
    assert_eq!((new, ids.len()), (1, 1));
    assert_eq!(f.sink().events().len(), 1);
}

pub async fn concurrent_accepts_get_rising_ids_in_the_order_of_their_commits(f: &mut dyn Fixture) {
    let mut requests = JoinSet::new();
    for number in 0..500 {
        let store = f.store();
        let accept = accept_of(account(number % 3), vec![new_event(&[webhook(number)]); 2]);
        requests.spawn(async move { store.accept(now(), accept).await.expect("accept") });
    }
    let answers = requests.join_all().await;
    let handed_over: Vec<EventId> = f.sink().events().iter().map(|event| event.id).collect();
    assert_eq!(handed_over.len(), 1_000);
    assert!(handed_over.is_sorted_by(|a, b| a < b));
    let mut answered = BTreeSet::new();
    for accepted in answers {
        let Accepted::New(receipts) = accepted else { panic!("{accepted:?}") };
        answered.extend(receipts.iter().map(|receipt| receipt.id));
    }
    assert_eq!(answered, handed_over.into_iter().collect());
}

pub async fn an_accept_whose_caller_hung_up_still_reaches_the_sink(f: &mut dyn Fixture) {
    let store = f.store();
    let caller = tokio::spawn(async move {
        let accept = accept_of(account(1), vec![new_event(&[webhook(1)])]);
        store.accept(now(), accept).await
    });
    // It has queued, and is gone before the answer.
    tokio::task::yield_now().await;
    caller.abort();
    let _ = caller.await;
    // What is queued behind it is answered after it.
    let accept = accept_of(account(1), vec![new_event(&[webhook(2)])]);
    f.store().accept(now(), accept).await.expect("accept");
    let targets: Vec<WebhookId> = f.sink().events().iter().map(|event| event.targets[0]).collect();
    assert_eq!(targets, [webhook(1), webhook(2)]);
}

pub async fn recording_and_accepting_do_not_disturb_each_other(f: &mut dyn Fixture) {
    let mut work = JoinSet::new();
    for number in 0..8 {
        let store = f.store();
        work.spawn(async move {
            for _ in 0..25 {
                let accept = accept_of(account(1), vec![new_event(&[webhook(number)])]);
                let accepted = store.accept(now(), accept).await.expect("accept");
                let Accepted::New(receipts) = accepted else { panic!("{accepted:?}") };
                let event = store.event(account(1), receipts[0].id).await.expect("event");
                let event = event.expect("accepted");
                record(&*store, vec![delivered(&event, 0, now())]).await;
            }
        });
    }
    work.join_all().await;
    let webhooks: Vec<WebhookId> = (0..8).map(webhook).collect();
    let hits = f.store().hits(&webhooks).await.expect("hits");
    assert!(hits.iter().all(|hits| hits.count == 25), "{hits:?}");
    let recovered = f.store().recover(10).await.expect("recover");
    assert!(recovered.outstanding.is_empty());
}

pub async fn more_than_may_wait_is_refused_and_nothing_of_it_stored(f: &mut dyn Fixture) {
    let mut requests = JoinSet::new();
    for _ in 0..ACCEPT_QUEUE_MAX + 500 {
        let store = f.store();
        let accept = accept_of(account(1), vec![new_event(&[])]);
        requests.spawn(async move { store.accept(now(), accept).await });
    }
    let (mut stored, mut refused) = (0, 0);
    for answer in requests.join_all().await {
        match answer {
            Ok(_) => stored += 1,
            Err(StoreError::Overloaded) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    // On one thread all of them ask before the first commit can begin.
    assert!(refused > 0 && stored >= ACCEPT_QUEUE_MAX, "{stored} stored, {refused} refused");
    assert_eq!(f.sink().events().len(), stored);
}
