//! The engine's stories, under paused time on the real store.

use std::time::Duration;

use crate::world::{Reply, Seen, World, pass};
use posthaste_core::attempt::{Outcome, Trigger, UnreachableReason};
use posthaste_core::delivery::DeliveryStatus;
use posthaste_core::engine::{Cancellation, DeliveryEngine};
use posthaste_core::secret::{Secret, Secrets};
use posthaste_core::time::Clock as _;
use posthaste_core::webhook::{SettingsDraft, Webhook, WebhookStatus};
use posthaste_dispatch::Bounds;
use posthaste_dispatch::transport::SendError;

const HOUR: Duration = Duration::from_hours(1);

fn unreachable() -> Reply {
    let message = "nothing listens there".to_owned();
    Reply::Fails(SendError::Unreachable { reason: UnreachableReason::Refused, message })
}

/// Fails the first `count` attempts of everything.
fn failing(count: u32, how: Reply) -> impl Fn(&Seen) -> Reply + Send + Sync {
    move |seen| if seen.attempt <= count { how.clone() } else { Reply::Status(200) }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_sent_at_once_and_recorded() {
    let world = World::new(|_| Reply::Status(200)).await;
    let webhook = world.webhook("good").await;
    let event = world.post().await;
    assert_eq!(event.deliveries, 1);
    let (delivery, attempts) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
    assert_eq!(delivery.webhook_id, webhook.id);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].outcome, Outcome::Succeeded);
    assert!(world.times("https://good.example/")[0] < 10, "sent at once");
    let hits = world.store.hits(&[webhook.id]).await.expect("readable");
    assert_eq!(hits[0].count, 1);
}

#[tokio::test(start_paused = true)]
async fn the_whole_schedule_is_kept_and_five_failures_fail_the_delivery() {
    for reply in [Reply::Status(500), Reply::Status(302), Reply::Hang, unreachable()] {
        let hangs = reply == Reply::Hang;
        let world = World::new(failing(9, reply)).await;
        world.webhook("bad").await;
        let event = world.post().await;
        let (delivery, attempts) = world.ended(event.id, 0).await;
        assert_eq!(delivery.state.status(), DeliveryStatus::Failed);
        assert_eq!(attempts.len(), 5);
        let times = world.times("https://bad.example/");
        let took_ms = if hangs { 15_000 } else { 0 };
        for (gap, delay_s) in times.windows(2).zip([30, 120, 480, 1_920]) {
            let waited = gap[1] - gap[0] - took_ms;
            let delay_ms = delay_s * 1_000;
            let jitter_ms = (delay_ms / 10).min(15_000);
            // A few milliseconds are the engine's own: timers fire to the millisecond.
            let latest = delay_ms + jitter_ms + 5;
            assert!((delay_ms..=latest).contains(&waited), "{waited} ms before {delay_s} s");
        }
        let triggers: Vec<_> = attempts.iter().map(|attempt| attempt.trigger).collect();
        assert_eq!(triggers[0], Trigger::Event);
        assert!(triggers[1..].iter().all(|trigger| *trigger == Trigger::Retry));
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_has_the_same_body_and_the_same_event_id() {
    let world = World::new(failing(3, Reply::Status(500))).await;
    world.webhook("flaky").await;
    let event = world.post().await;
    let (delivery, _) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
    let seen = world.seen();
    assert_eq!(seen.iter().map(|seen| seen.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(seen.iter().all(|one| one.body == seen[0].body && one.event_id == seen[0].event_id));
}

#[tokio::test(start_paused = true)]
async fn retry_after_only_ever_delays() {
    let check = async |told: &str, earliest_ms: i64, latest_ms: i64| {
        let header = vec![("retry-after", told.to_owned())];
        let world = World::new(failing(1, Reply::StatusWith(500, header))).await;
        world.webhook("busy").await;
        let event = world.post().await;
        world.ended(event.id, 0).await;
        let times = world.times("https://busy.example/");
        let waited = times[1] - times[0];
        assert!((earliest_ms..=latest_ms).contains(&waited), "{told}: {waited}");
    };
    check("1", 30_000, 33_010).await;
    check("-5", 30_000, 33_010).await;
    check("junk", 30_000, 33_010).await;
    check("600", 600_000, 615_010).await;
}

#[tokio::test(start_paused = true)]
async fn a_429_waits_as_told_and_uses_up_no_attempt() {
    let world = World::new(|seen| match seen.attempt {
        1..=6 => Reply::StatusWith(429, vec![("retry-after", "20".to_owned())]),
        7 => Reply::StatusWith(503, vec![("retry-after", "50".to_owned())]),
        8..=11 => Reply::Status(500),
        _ => Reply::Status(200),
    })
    .await;
    world.webhook("limited").await;
    let event = world.post().await;
    let (delivery, attempts) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Delivered, "on the fifth that counts");
    assert_eq!(delivery.progress.used, 4);
    assert_eq!(attempts.len(), 12);
    assert!(attempts[..7].iter().all(|attempt| attempt.outcome == Outcome::Deferred));
    let times = world.times("https://limited.example/");
    for gap in times[..7].windows(2) {
        assert!((20_000..=20_010).contains(&(gap[1] - gap[0])), "{gap:?}");
    }
    assert!(times[7] - times[6] >= 50_000);
}

#[tokio::test(start_paused = true)]
async fn patience_for_no_time_at_all_is_still_kept_track_of() {
    // Found by the simulation: due again at the millisecond it was due before, it got no timer.
    let world = World::new(|seen| match seen.attempt {
        1..=3 => Reply::StatusWith(429, vec![("retry-after", "0".to_owned())]),
        _ => Reply::Status(200),
    })
    .await;
    world.webhook("hasty").await;
    let event = world.post().await;
    let (delivery, attempts) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
    assert_eq!(attempts.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_429_paces_the_whole_webhook() {
    // Ten a minute, by the clock, and a 429 with RateLimit-Reset beyond that.
    let world = World::new({
        let window = parking_lot::Mutex::new((i64::MIN, 0));
        move |seen: &Seen| {
            let mut window = window.lock();
            let minute = seen.at.minute();
            if window.0 != minute {
                *window = (minute, 0);
            }
            window.1 += 1;
            let reset = 60 - seen.at.as_unix_seconds() % 60;
            match window.1 {
                0..=10 => Reply::Status(200),
                _ => Reply::StatusWith(429, vec![("ratelimit-reset", reset.to_string())]),
            }
        }
    })
    .await;
    let webhook = world.webhook("limited").await;
    for _ in 0..100 {
        world.post_to(Trigger::Event, vec![webhook.id]).await;
    }
    pass(HOUR).await;
    assert_eq!(world.all_deliveries(Some(DeliveryStatus::Delivered)).await.len(), 100);
    let refused = world.seen().len() - 100;
    assert!(refused < 200, "{refused} requests were refused for 100 deliveries");
}

#[tokio::test(start_paused = true)]
async fn a_410_disables_the_webhook_and_fails_what_waits() {
    let world = World::new(|_| Reply::Status(410)).await;
    let draft = SettingsDraft { max_in_flight: Some(1), ..SettingsDraft::default() };
    let webhook = world.webhook_with("gone", draft).await;
    let first = world.post().await;
    let second = world.post_to(Trigger::Event, vec![webhook.id]).await;
    world.ended(first.id, 0).await;
    let (delivery, _) = world.ended(second.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Failed);
    let stored = world.store.webhook(world.account, webhook.id).await.expect("readable");
    assert_eq!(stored.expect("still there").status.as_str(), "disabled");
    assert_eq!(world.post().await.deliveries, 0, "a disabled webhook gets no events");
    pass(HOUR).await;
    assert!(world.seen().len() <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_paused_webhook_queues_and_a_resumed_one_sends() {
    let world = World::new(|_| Reply::Status(200)).await;
    let webhook = world.webhook("pausing").await;
    world.change(Webhook { status: WebhookStatus::Paused, ..webhook.clone() }).await;
    for _ in 0..3 {
        assert_eq!(world.post().await.deliveries, 1);
    }
    pass(HOUR).await;
    assert!(world.seen().is_empty());
    assert_eq!(world.all_deliveries(Some(DeliveryStatus::Pending)).await.len(), 3);
    world.change(webhook).await;
    pass(Duration::from_secs(2)).await;
    assert_eq!(world.all_deliveries(Some(DeliveryStatus::Delivered)).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_webhooks_deliveries_are_cancelled() {
    let world = World::new(|_| Reply::Status(500)).await;
    let webhook = world.webhook("deleted").await;
    let event = world.post().await;
    pass(Duration::from_secs(5)).await;
    world.delete(webhook.id).await;
    let (delivery, attempts) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Cancelled);
    assert_eq!(attempts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_manual_retry_leaves_the_schedule_alone() {
    let world = World::new(failing(2, Reply::Status(500))).await;
    world.webhook("flaky").await;
    let event = world.post().await;
    pass(Duration::from_secs(5)).await;
    let (delivery, _) = world.delivery(event.id.delivery(0)).await;
    let due = delivery.state.due();
    world.engine.retry(delivery).await.expect("running");
    pass(Duration::from_secs(2)).await;
    let (delivery, attempts) = world.delivery(event.id.delivery(0)).await;
    assert_eq!(delivery.state.due(), due, "the manual attempt failed and moved nothing");
    assert_eq!(attempts[1].trigger, Trigger::Manual);
    let (delivery, attempts) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
    assert_eq!(attempts.len(), 3);
    assert_eq!(attempts[2].trigger, Trigger::Retry);
    assert_eq!(delivery.progress.used, 1);
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_saw_the_delivery_before_it_ended_does_not_bring_it_back() {
    let world = World::new(|seen| Reply::Status(if seen.attempt == 2 { 200 } else { 500 })).await;
    world.webhook("flaky").await;
    let event = world.post().await;
    pass(Duration::from_secs(5)).await;
    let (seen_before, _) = world.delivery(event.id.delivery(0)).await;
    assert!(seen_before.state.due().is_some());
    let (delivered, _) = world.ended(event.id, 0).await;
    assert_eq!(delivered.state.status(), DeliveryStatus::Delivered);
    world.engine.retry(seen_before.clone()).await.expect("running");
    pass(Duration::from_secs(2)).await;
    let cancelled = world.engine.cancel(seen_before).await.expect("running");
    assert_eq!(cancelled, Cancellation::AlreadyEnded);
    let (delivery, attempts) = world.delivery(event.id.delivery(0)).await;
    assert_eq!(delivery.state, delivered.state, "the manual attempt failed and changed nothing");
    assert_eq!(attempts.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failed_delivery_can_be_retried_by_hand_and_so_be_delivered() {
    let world = World::new(failing(5, Reply::Status(500))).await;
    world.webhook("late").await;
    let event = world.post().await;
    let (delivery, _) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Failed);
    world.engine.retry(delivery).await.expect("running");
    pass(Duration::from_secs(2)).await;
    let (delivery, attempts) = world.delivery(event.id.delivery(0)).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
    assert_eq!(attempts.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_delivery_is_sent_no_more() {
    let world = World::new(|_| Reply::Status(500)).await;
    world.webhook("bad").await;
    let event = world.post().await;
    pass(Duration::from_secs(5)).await;
    let (delivery, _) = world.delivery(event.id.delivery(0)).await;
    let cancelled = world.engine.cancel(delivery.clone()).await.expect("running");
    assert_eq!(cancelled, Cancellation::Cancelled);
    let (delivery, _) = world.delivery(event.id.delivery(0)).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Cancelled);
    pass(HOUR).await;
    assert_eq!(world.seen().len(), 1);
    let again = world.engine.cancel(delivery).await.expect("running");
    assert_eq!(again, Cancellation::AlreadyEnded);
}

#[tokio::test(start_paused = true)]
async fn a_test_is_tried_once_and_is_no_hit() {
    let world = World::new(|_| Reply::Status(500)).await;
    let webhook = world.webhook("tested").await;
    let event = world.post_to(Trigger::Test, vec![webhook.id]).await;
    world.engine.attempted(event.id.delivery(0)).await.expect("running");
    let (delivery, attempts) = world.delivery(event.id.delivery(0)).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Failed);
    assert_eq!(attempts.len(), 1);
    assert!(world.seen()[0].test);
    let hits = world.store.hits(&[webhook.id]).await.expect("readable");
    assert_eq!(hits[0].count, 0);
}

#[tokio::test(start_paused = true)]
async fn attempted_waits_for_the_first_attempt_to_be_on_disk() {
    let world = World::new(|_| Reply::Slow(Duration::from_secs(7), 200)).await;
    world.webhook("slow").await;
    let event = world.post().await;
    world.engine.attempted(event.id.delivery(0)).await.expect("running");
    let sent_at = world.seen()[0].at;
    assert!(world.clock.now().since(sent_at) >= Duration::from_secs(7));
    let (delivery, _) = world.delivery(event.id.delivery(0)).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
    // Long over: answers at once.
    world.engine.attempted(event.id.delivery(0)).await.expect("running");
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_ours_uses_up_no_attempt() {
    let world = World::new({
        let faults = std::sync::atomic::AtomicU32::new(0);
        move |_: &Seen| match faults.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0..=2 => Reply::Fails(SendError::OurFault { message: "out of files".to_owned() }),
            _ => Reply::Status(200),
        }
    })
    .await;
    world.webhook("good").await;
    let event = world.post().await;
    let (delivery, attempts) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].number, 1);
    assert_eq!(world.seen().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_dead_receiver_holds_only_its_own_lane() {
    let world = World::new(|seen| {
        if seen.url.contains("dead") {
            Reply::Hang
        } else {
            Reply::Slow(Duration::from_millis(10), 200)
        }
    })
    .await;
    let dead = world.webhook("dead").await;
    let good = world.webhook("good").await;
    for _ in 0..300 {
        world.post_to(Trigger::Event, vec![dead.id, good.id]).await;
    }
    pass(Duration::from_secs(5)).await;
    let times = world.times("https://good.example/");
    assert_eq!(times.len(), 300, "all of the good one's went out while the dead one hangs");
    assert!(world.transport.most_in_flight("https://dead.example/") <= 64);
}

#[tokio::test(start_paused = true)]
async fn a_webhooks_bound_on_requests_in_flight_is_kept() {
    let world = World::new(|_| Reply::Slow(Duration::from_millis(50), 200)).await;
    let draft = SettingsDraft { max_in_flight: Some(3), ..SettingsDraft::default() };
    let webhook = world.webhook_with("narrow", draft).await;
    for _ in 0..30 {
        world.post_to(Trigger::Event, vec![webhook.id]).await;
    }
    pass(Duration::from_secs(10)).await;
    assert_eq!(world.transport.most_in_flight("https://narrow.example/"), 3);
    assert_eq!(world.all_deliveries(Some(DeliveryStatus::Delivered)).await.len(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_webhooks_rate_limit_is_kept() {
    let world = World::new(|_| Reply::Status(200)).await;
    let draft = SettingsDraft { rate_limit: Some(Some((5, 10))), ..SettingsDraft::default() };
    let webhook = world.webhook_with("limited", draft).await;
    for _ in 0..40 {
        world.post_to(Trigger::Event, vec![webhook.id]).await;
    }
    pass(HOUR).await;
    let times = world.times("https://limited.example/");
    assert_eq!(times.len(), 40);
    for window in times.windows(6) {
        assert!(window[5] - window[0] >= 10_000, "six within ten seconds: {window:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_everything_accepted_is_delivered() {
    let world = World::new(|seen| match seen.attempt {
        1 if seen.url.contains("flaky") => Reply::Status(500),
        _ => Reply::Slow(Duration::from_millis(40), 200),
    })
    .await;
    let good = world.webhook("good").await;
    let flaky = world.webhook("flaky").await;
    let mut events = Vec::new();
    for _ in 0..50 {
        events.push(world.post_to(Trigger::Event, vec![good.id, flaky.id]).await);
    }
    pass(Duration::from_millis(60)).await;
    let world = world.crash_and_restart().await;
    for event in &events {
        for position in 0..2 {
            let (delivery, _) = world.ended(event.id, position).await;
            assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_retries_keeps_the_schedule() {
    let world = World::new(|_| Reply::Status(500)).await;
    world.webhook("bad").await;
    let event = world.post().await;
    pass(Duration::from_secs(200)).await;
    let before = world.seen().len();
    assert_eq!(before, 3);
    let world = world.crash_and_restart().await;
    let (delivery, attempts) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Failed);
    assert_eq!(attempts.len(), 5);
    assert_eq!(world.seen().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_graceful_stop_sends_nothing_twice() {
    let mut world = World::new(|_| Reply::Slow(Duration::from_millis(500), 200)).await;
    let webhook = world.webhook("slow").await;
    let mut events = Vec::new();
    for _ in 0..200 {
        events.push(world.post_to(Trigger::Event, vec![webhook.id]).await);
    }
    pass(Duration::from_millis(700)).await;
    world = world.stop_and_restart().await;
    for event in &events {
        let (delivery, attempts) = world.ended(event.id, 0).await;
        assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
        assert_eq!(attempts.len(), 1);
    }
    assert_eq!(world.seen().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_hangs_gets_a_row_so_that_the_log_shows_it() {
    let world = World::new(|_| Reply::Hang).await;
    world.webhook("hanging").await;
    let event = world.post().await;
    pass(Duration::from_secs(3)).await;
    let (delivery, attempts) = world.delivery(event.id.delivery(0)).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Pending);
    assert!(attempts.is_empty());
    let on_wire = world.engine.is_delivering(&[delivery.id]).await.expect("running");
    assert_eq!(on_wire, [true]);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_signs_the_next_attempt() {
    let world = World::new(failing(1, Reply::Status(500))).await;
    let webhook = world.webhook("rotating").await;
    let event = world.post().await;
    pass(Duration::from_secs(5)).await;
    let mut rotated = webhook.clone();
    let new = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("valid");
    rotated.secrets = Secrets::new(new);
    world.change(rotated).await;
    world.ended(event.id, 0).await;
    let signature = |seen: &Seen| {
        let body: serde_json::Value = serde_json::from_str(&seen.body).expect("JSON");
        body["metadata"]["signature"].as_str().expect("a string").to_owned()
    };
    let seen = world.seen();
    assert_ne!(signature(&seen[0]), signature(&seen[1]));
}

#[tokio::test(start_paused = true)]
async fn what_memory_has_no_room_for_waits_on_disk_and_is_sent_in_its_turn() {
    let bounds = Bounds { tickets: 40, ..Bounds::default() };
    let world = World::bounded(bounds, |_| Reply::Slow(Duration::from_millis(20), 200)).await;
    let draft = SettingsDraft { max_in_flight: Some(2), ..SettingsDraft::default() };
    let webhook = world.webhook_with("narrow", draft).await;
    for _ in 0..300 {
        world.post_to(Trigger::Event, vec![webhook.id]).await;
    }
    assert!(world.engine.load().outstanding <= 41, "{:?}", world.engine.load());
    pass(Duration::from_secs(60)).await;
    assert_eq!(world.all_deliveries(Some(DeliveryStatus::Delivered)).await.len(), 300);
    assert_eq!(world.seen().len(), 300, "none was sent twice");
}

#[tokio::test(start_paused = true)]
async fn a_restart_with_more_than_fits_into_memory_sends_everything() {
    let bounds = Bounds { tickets: 40, ..Bounds::default() };
    let world = World::bounded(bounds, |_| Reply::Status(200)).await;
    let webhook = world.webhook("pausing").await;
    world.change(Webhook { status: WebhookStatus::Paused, ..webhook.clone() }).await;
    for _ in 0..300 {
        world.post_to(Trigger::Event, vec![webhook.id]).await;
    }
    pass(Duration::from_secs(5)).await;
    let world = world.crash_and_restart().await;
    assert!(world.seen().is_empty());
    world.change(webhook).await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(world.all_deliveries(Some(DeliveryStatus::Delivered)).await.len(), 300);
    assert_eq!(world.seen().len(), 300, "none was sent twice");
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_ours_in_a_manual_attempt_leaves_the_schedule_alone() {
    // The second request is the manual one, and finds this machine out of files, three times over.
    let requests = std::sync::atomic::AtomicU32::new(0);
    let world =
        World::new(move |_| match requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            1..=3 => Reply::Fails(SendError::OurFault { message: "out of files".to_owned() }),
            _ => Reply::Status(500),
        })
        .await;
    world.webhook("bad").await;
    let event = world.post().await;
    pass(Duration::from_secs(5)).await;
    let (delivery, _) = world.delivery(event.id.delivery(0)).await;
    world.engine.retry(delivery).await.expect("running");
    let (delivery, attempts) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Failed);
    assert_eq!(attempts.iter().filter(|attempt| attempt.trigger == Trigger::Manual).count(), 1);
    assert_eq!(attempts.len(), 6);
    let times = world.times("https://bad.example/");
    assert!((30_000..34_000).contains(&(times[5] - times[0])), "{times:?}");
    assert!(times[2] - times[1] >= 1_000, "a fault is not met again at once: {times:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_for_a_webhook_just_deleted_ends_too() {
    let world = World::new(|_| Reply::Hang).await;
    let webhook = world.webhook("deleted").await;
    world.post().await;
    pass(Duration::from_secs(1)).await;
    // Its lane stays open for the request that still hangs.
    world.delete(webhook.id).await;
    let late = world.post_to(Trigger::Event, vec![webhook.id]).await;
    let (delivery, attempts) = world.ended(late.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Cancelled);
    assert!(attempts.is_empty());
    assert!(world.clock.now().since(late.id.created_at()) < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_for_a_webhook_just_disabled_is_not_sent() {
    let world = World::new(|_| Reply::Hang).await;
    let webhook = world.webhook("disabled").await;
    world.post().await;
    pass(Duration::from_secs(1)).await;
    let reason = "by hand".to_owned();
    world.change(Webhook { status: WebhookStatus::Disabled { reason }, ..webhook.clone() }).await;
    let late = world.post_to(Trigger::Event, vec![webhook.id]).await;
    let (delivery, _) = world.ended(late.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Failed);
    assert_eq!(world.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_backlog_of_a_deleted_webhook_ends_a_few_at_a_time_and_wholly() {
    let bounds = Bounds { ends_at_a_time: 3, ..Bounds::default() };
    let world = World::bounded(bounds, |_| Reply::Status(200)).await;
    let paused = world.webhook("paused").await;
    world.change(Webhook { status: WebhookStatus::Paused, ..paused.clone() }).await;
    for _ in 0..50 {
        world.post_to(Trigger::Event, vec![paused.id]).await;
    }
    world.delete(paused.id).await;
    pass(Duration::from_secs(1)).await;
    assert_eq!(world.all_deliveries(Some(DeliveryStatus::Cancelled)).await.len(), 50);
    assert!(world.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn cancelled_deliveries_use_up_no_rate_limit() {
    let world = World::new(|_| Reply::Status(200)).await;
    let draft = SettingsDraft { rate_limit: Some(Some((1, 60))), ..SettingsDraft::default() };
    let webhook = world.webhook_with("limited", draft).await;
    let mut events = Vec::new();
    for _ in 0..10 {
        events.push(world.post_to(Trigger::Event, vec![webhook.id]).await);
    }
    pass(Duration::from_secs(5)).await;
    for event in &events[1..9] {
        let (delivery, _) = world.delivery(event.id.delivery(0)).await;
        world.engine.cancel(delivery).await.expect("running");
    }
    pass(Duration::from_secs(65)).await;
    let (last, _) = world.delivery(events[9].id.delivery(0)).await;
    assert_eq!(last.state.status(), DeliveryStatus::Delivered);
}

#[tokio::test(start_paused = true)]
async fn what_was_expired_is_forgotten_and_not_tried_for_ever() {
    let world = World::new(|_| Reply::Status(200)).await;
    let webhook = world.webhook("pausing").await;
    world.change(Webhook { status: WebhookStatus::Paused, ..webhook.clone() }).await;
    for _ in 0..3 {
        world.post().await;
    }
    pass(48 * HOUR).await;
    // Retrying needs the body; keep it from being in memory by starting anew.
    let world = world.stop_and_restart().await;
    assert_eq!(world.store.expire(world.clock.now()).await.expect("expired"), 1);
    world.change(webhook).await;
    pass(Duration::from_secs(10)).await;
    assert_eq!(world.engine.load().outstanding, 0, "{:?}", world.engine.load());
    assert!(world.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_paused_webhook_that_fills_the_memory_holds_up_nobody_else() {
    let bounds = Bounds { tickets: 40, ..Bounds::default() };
    let world = World::bounded(bounds, |_| Reply::Slow(Duration::from_millis(20), 200)).await;
    let paused = world.webhook("paused").await;
    let good = world.webhook("good").await;
    world.change(Webhook { status: WebhookStatus::Paused, ..paused.clone() }).await;
    for _ in 0..200 {
        world.post_to(Trigger::Event, vec![paused.id]).await;
    }
    let world = world.crash_and_restart().await;
    for _ in 0..10 {
        world.post_to(Trigger::Event, vec![paused.id, good.id]).await;
    }
    pass(Duration::from_secs(2)).await;
    assert_eq!(world.seen().len(), 10, "{:?}", world.engine.load());
    assert!(world.engine.load().outstanding <= 41, "{:?}", world.engine.load());
    world.change(paused).await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(world.all_deliveries(Some(DeliveryStatus::Delivered)).await.len(), 220);
    assert_eq!(world.seen().len(), 220, "none was sent twice");
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_wants_are_not_read_back_at_the_next_start() {
    let mut world = World::new(|_| Reply::Status(200)).await;
    for _ in 0..20 {
        world.post().await;
    }
    pass(Duration::from_secs(30)).await;
    world.stop().await;
    let recovered = world.store.recover(10).await.expect("readable");
    assert!(recovered.events.is_empty(), "{} events", recovered.events.len());
}

#[tokio::test(start_paused = true)]
async fn attempts_side_by_side_never_share_a_number() {
    // Found by the simulation: the second of two with one number was not recorded, its end neither.
    let requests = std::sync::atomic::AtomicU32::new(0);
    let world =
        World::new(move |_| match requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => {
                let message = "out of files".to_owned();
                Reply::FailsAfter(Duration::from_secs(5), SendError::OurFault { message })
            }
            1 => Reply::Slow(Duration::from_secs(10), 200),
            _ => Reply::Status(500),
        })
        .await;
    world.webhook("slow").await;
    let event = world.post().await;
    pass(Duration::from_secs(2)).await;
    let (delivery, _) = world.delivery(event.id.delivery(0)).await;
    world.engine.retry(delivery).await.expect("running");
    let (delivery, attempts) = world.ended(event.id, 0).await;
    assert_eq!(delivery.state.status(), DeliveryStatus::Delivered);
    assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [2, 3]);
}
