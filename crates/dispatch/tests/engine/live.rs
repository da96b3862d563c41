//! The live stream of the real engine on the real store, under paused time.

use std::time::Duration;

use futures_util::FutureExt;
use posthaste_core::attempt::Outcome;
use posthaste_core::delivery::{Delivery, DeliveryStatus};
use posthaste_core::engine::{Cancellation, DeliveryEngine, Subscribed, Updates};
use posthaste_core::id::AccountId;
use posthaste_core::limits::{
    RECORD_EVERY, STREAM_KEPT, STREAM_SUBSCRIBERS_MAX, STREAM_SUBSCRIBERS_PER_ACCOUNT_MAX,
};
use posthaste_core::stream::{NoPlace, Reset, Subscribe, UpdateFilter};

use crate::world::{Reply, World, pass};

fn everything_of(account: AccountId) -> Subscribe {
    Subscribe { filter: UpdateFilter::everything_of(account), max_per_s: None, last_id: None }
}

fn listen(world: &World, last_id: Option<String>) -> Subscribed {
    let subscribe = Subscribe { last_id, ..everything_of(world.account) };
    world.engine.subscribe(subscribe).expect("a place")
}

/// The next `count` updates.
async fn next(updates: &mut Box<dyn Updates>, count: usize) -> Vec<Delivery> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let piece = updates.next().await.expect("a running engine");
        assert_eq!(piece.skipped, None);
        seen.extend(piece.updates.into_iter().map(|(_, delivery)| delivery));
    }
    assert_eq!(seen.len(), count);
    seen
}

#[tokio::test(start_paused = true)]
async fn an_update_comes_after_it_is_recorded_and_not_before() {
    let world = World::new(|_| Reply::Status(200)).await;
    world.webhook("good").await;
    let mut updates = listen(&world, None).updates;
    for _ in 0..20 {
        let sent_before = world.seen().len();
        let event = world.post().await;
        while world.seen().len() == sent_before {
            pass(Duration::from_millis(1)).await;
        }
        let id = event.id.delivery(0);
        let is_recorded = world.store.delivery(world.account, id).await.expect("readable");
        assert_eq!(is_recorded, None, "the recorder waits for more");
        assert!(updates.next().now_or_never().is_none(), "answered, and not recorded yet");
        let shown = next(&mut updates, 1).await.remove(0);
        assert_eq!(shown, world.delivery(id).await.0);
        assert_eq!(shown.state.status(), DeliveryStatus::Delivered);
    }
}

#[tokio::test(start_paused = true)]
async fn each_change_of_a_delivery_is_shown_in_its_turn() {
    let reply = |seen: &crate::world::Seen| match seen.attempt {
        1 | 2 => Reply::Status(500),
        _ => Reply::Status(204),
    };
    let world = World::new(reply).await;
    world.webhook("flaky").await;
    let mut updates = listen(&world, None).updates;
    world.post().await;
    let shown: Vec<_> = next(&mut updates, 3)
        .await
        .into_iter()
        .map(|delivery| {
            let outcome = delivery.last.expect("tried").outcome;
            (delivery.state.status(), delivery.progress.attempts, outcome)
        })
        .collect();
    assert_eq!(
        shown,
        [
            (DeliveryStatus::Retrying, 1, Outcome::Rejected),
            (DeliveryStatus::Retrying, 2, Outcome::Rejected),
            (DeliveryStatus::Delivered, 3, Outcome::Succeeded),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_tried_for_a_second_and_what_is_cancelled_is_shown_too() {
    let world = World::new(|_| Reply::Slow(Duration::from_secs(3), 500)).await;
    world.webhook("slow").await;
    let mut updates = listen(&world, None).updates;
    world.post().await;
    let shown = next(&mut updates, 2).await;
    let statuses: Vec<_> = shown.iter().map(|delivery| delivery.state.status()).collect();
    assert_eq!(statuses, [DeliveryStatus::Pending, DeliveryStatus::Retrying]);
    let cancelled = world.engine.cancel(shown[1].clone()).await.expect("running");
    assert_eq!(cancelled, Cancellation::Cancelled);
    let shown = next(&mut updates, 1).await.remove(0);
    assert_eq!(shown.state.status(), DeliveryStatus::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_cut_off_loses_nothing_while_updates_are_kept() {
    let world = World::new(|_| Reply::Status(200)).await;
    world.webhook("good").await;
    let updates = listen(&world, None).updates;
    let last_id = updates.id().to_string();
    drop(updates);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.post().await.id.delivery(0));
        pass(STREAM_KEPT / 4).await;
    }
    let Subscribed { mut updates, reset } = listen(&world, Some(last_id.clone()));
    assert_eq!(reset, None);
    let shown: Vec<_> = next(&mut updates, 3).await.iter().map(|delivery| delivery.id).collect();
    assert_eq!(shown, ids);
    drop(updates);
    // The next recorded batch finds that nobody has listened for long enough.
    pass(STREAM_KEPT).await;
    world.post().await;
    pass(RECORD_EVERY * 2).await;
    let again = listen(&world, Some(last_id));
    assert_eq!(again.reset, Some(Reset::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_new_process_says_reset_and_an_old_one_ends_its_streams() {
    let mut world = World::new(|_| Reply::Status(200)).await;
    world.webhook("good").await;
    let mut updates = listen(&world, None).updates;
    world.post().await;
    next(&mut updates, 1).await;
    let last_id = updates.id().to_string();
    world.stop().await;
    assert_eq!(updates.next().await, None);
    let refused = world.engine.subscribe(everything_of(world.account));
    assert_eq!(refused.err(), Some(NoPlace::Stopped));
    drop(updates);
    let world = world.restart().await;
    let Subscribed { mut updates, reset } = listen(&world, Some(last_id));
    assert_eq!(reset, Some(Reset::Unknown));
    let event = world.post().await;
    assert_eq!(next(&mut updates, 1).await[0].event_id, event.id);
}

#[tokio::test(start_paused = true)]
async fn what_more_is_skipped_than_a_cap_lets_through_is_told_a_second_later() {
    let world = World::new(|_| Reply::Status(200)).await;
    world.webhook("good").await;
    let capped = Subscribe { max_per_s: Some(2), ..everything_of(world.account) };
    let mut updates = world.engine.subscribe(capped).expect("a place").updates;
    for _ in 0..5 {
        world.post().await;
    }
    let (mut shown, mut skipped) = (0, None);
    while skipped.is_none() {
        let piece = updates.next().await.expect("running");
        shown += piece.updates.len();
        skipped = piece.skipped;
    }
    assert_eq!((shown, skipped.map(|skipped| skipped.count)), (2, Some(3)));
}

#[tokio::test(start_paused = true)]
async fn places_are_bounded_and_free_again_when_somebody_leaves() {
    let world = World::new(|_| Reply::Status(200)).await;
    let subscribe = |of: u64| world.engine.subscribe(everything_of(AccountId::from_raw(of)));
    let mut open = Vec::new();
    let mut account = 0;
    while open.len() < STREAM_SUBSCRIBERS_MAX {
        account += 1;
        for _ in 0..STREAM_SUBSCRIBERS_PER_ACCOUNT_MAX {
            open.push(subscribe(account).expect("a place"));
        }
        let expected = if open.len() < STREAM_SUBSCRIBERS_MAX {
            NoPlace::AccountFull { max: STREAM_SUBSCRIBERS_PER_ACCOUNT_MAX }
        } else {
            NoPlace::ServerFull { max: STREAM_SUBSCRIBERS_MAX }
        };
        assert_eq!(subscribe(account).err(), Some(expected));
    }
    assert_eq!(world.engine.load().subscribers, STREAM_SUBSCRIBERS_MAX);
    open.pop();
    open.push(subscribe(account + 1).expect("a free place"));
    drop(open);
    assert_eq!(world.engine.load().subscribers, 0);
}
