//! Simulation: from a seed, random receivers, random events, random crashes, random changes of
//! webhooks and random wishes, over hours of paused time on the real store; then the invariants
//! are checked. Every other seed has room for hardly anything in memory.
//!
//! A failing seed is printed; run it alone with
//! `POSTHASTE_SEED=… cargo nextest run -p posthaste-dispatch --test engine simulation`, or many
//! with `POSTHASTE_SEEDS=150`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::world::{Reply, SeededEntropy, Seen, World, pass};
use posthaste_core::attempt::{Outcome, Trigger, UnreachableReason};
use posthaste_core::delivery::{Delivery, DeliveryStatus};
use posthaste_core::engine::{Cancellation, DeliveryEngine, EngineLoad};
use posthaste_core::event::EventReceipt;
use posthaste_core::id::{DeliveryId, WebhookId};
use posthaste_core::store::StatsQuery;
use posthaste_core::time::Clock;
use posthaste_core::webhook::{SettingsDraft, Webhook, WebhookStatus};
use posthaste_dispatch::Bounds;
use posthaste_dispatch::transport::SendError;

const SEEDS: u64 = 10;
const ROUNDS: u64 = 25;
/// The first is steady, the last answers 410 now and then, and is disabled.
const NAMES: [&str; 5] = ["steady", "moody1", "moody2", "narrow", "fickle"];

/// A receiver's answer, drawn anew for every request; how moody it is depends on its name.
/// `faults` counts those of ours.
fn moody(
    draws: Arc<SeededEntropy>,
    faults: Arc<AtomicUsize>,
) -> impl Fn(&Seen) -> Reply + Send + Sync {
    move |seen| {
        let moods: u64 = if seen.url.contains("steady") { 40 } else { 9 };
        if seen.url.contains("fickle") && draws.draw().is_multiple_of(30) {
            return Reply::Status(410);
        }
        match draws.draw() % moods {
            0 => Reply::Status(500),
            1 => Reply::StatusWith(429, vec![("retry-after", (draws.draw() % 90).to_string())]),
            2 => Reply::StatusWith(503, vec![("retry-after", (draws.draw() % 600).to_string())]),
            3 => Reply::Hang,
            4 => {
                let message = "reset".to_owned();
                let reason = UnreachableReason::Closed;
                Reply::Fails(SendError::Unreachable { reason, message })
            }
            5 => Reply::Slow(Duration::from_millis(draws.draw() % 3_000), 200),
            6 if draws.draw().is_multiple_of(5) => {
                faults.fetch_add(1, Ordering::Relaxed);
                Reply::Fails(SendError::OurFault { message: "out of files".to_owned() })
            }
            _ => Reply::Status(200),
        }
    }
}

/// What was done to a world, as far as the outcome depends on it.
#[derive(Default)]
struct Story {
    accepted: Vec<(EventReceipt, Trigger, Vec<WebhookId>)>,
    cancelled: BTreeSet<DeliveryId>,
    deleted: BTreeSet<WebhookId>,
    fickle: Option<WebhookId>,
    restarts: usize,
    faults: Arc<AtomicUsize>,
}

impl Story {
    fn any_delivery(&self, draws: &SeededEntropy) -> Option<DeliveryId> {
        let index = draws.draw() as usize % self.accepted.len().max(1);
        let (receipt, _, targets) = self.accepted.get(index)?;
        let position = draws.draw() as usize % targets.len().max(1);
        (position < targets.len()).then(|| receipt.id.delivery(position))
    }
}

async fn simulate(seed: u64) {
    let draws = Arc::new(SeededEntropy::new(seed));
    let small = Bounds { tickets: 20, in_flight: 16, ends_at_a_time: 3 };
    let bounds = if seed.is_multiple_of(2) { small } else { Bounds::default() };
    let mut story = Story::default();
    let replies = moody(Arc::new(SeededEntropy::new(seed ^ 0xabcd)), story.faults.clone());
    let mut world = World::bounded(bounds, replies).await;
    let mut webhooks = Vec::new();
    for name in NAMES {
        let draft = match name {
            "narrow" => SettingsDraft {
                max_in_flight: Some(2),
                rate_limit: Some(Some((5, 20))),
                ..SettingsDraft::default()
            },
            _ => SettingsDraft::default(),
        };
        webhooks.push(world.webhook_with(name, draft).await);
    }
    story.fickle = webhooks.last().map(|last| last.id);
    for _ in 0..ROUNDS {
        for _ in 0..draws.draw() % 12 {
            // Also to webhooks deleted since: an event may have been matched just before.
            let targets: Vec<_> =
                webhooks.iter().filter(|_| !draws.draw().is_multiple_of(3)).map(|w| w.id).collect();
            let receipt = world.post_to(Trigger::Event, targets.clone()).await;
            story.accepted.push((receipt, Trigger::Event, targets));
        }
        world = something_happens(&draws, world, &webhooks, &mut story).await;
        pass(Duration::from_millis(draws.draw() % 400_000)).await;
    }
    for webhook in &webhooks {
        if !story.deleted.contains(&webhook.id) {
            world.change(webhook.clone()).await;
        }
    }
    settle(&world, &story).await;
    check(&mut world, &story).await;
}

async fn something_happens(
    draws: &SeededEntropy,
    mut world: World,
    webhooks: &[Webhook],
    story: &mut Story,
) -> World {
    let webhook = &webhooks[draws.draw() as usize % webhooks.len()];
    let is_there = !story.deleted.contains(&webhook.id);
    match draws.draw() % 12 {
        0 => {
            world = world.crash_and_restart().await;
            story.restarts += 1;
        }
        1 => {
            world = world.stop_and_restart().await;
            story.restarts += 1;
        }
        2 | 3 if is_there => {
            world.change(Webhook { status: WebhookStatus::Paused, ..webhook.clone() }).await;
        }
        4 | 5 if is_there => world.change(webhook.clone()).await,
        6 | 7 => {
            for _ in 0..3 {
                if let Some(delivery) = found(&world, story.any_delivery(draws)).await {
                    world.engine.retry(delivery).await.expect("running");
                }
            }
        }
        8 => {
            if let Some(delivery) = found(&world, story.any_delivery(draws)).await {
                let id = delivery.id;
                let came = world.engine.cancel(delivery).await.expect("running");
                if came == Cancellation::Cancelled {
                    story.cancelled.insert(id);
                }
            }
        }
        9 => {
            let receipt = world.post_to(Trigger::Test, vec![webhook.id]).await;
            story.accepted.push((receipt, Trigger::Test, vec![webhook.id]));
        }
        // The steady one stays, so that something always has to be delivered.
        10 if is_there && webhook.id != webhooks[0].id && draws.draw().is_multiple_of(3) => {
            world.delete(webhook.id).await;
            story.deleted.insert(webhook.id);
        }
        _ => {}
    }
    world
}

async fn found(world: &World, id: Option<DeliveryId>) -> Option<Delivery> {
    let found = world.store.delivery(world.account, id?).await.expect("readable");
    found.map(|(delivery, _)| delivery)
}

/// Lets everything come to its end, also manual attempts of what had ended before: they may wait
/// for a receiver that asked for patience.
async fn settle(world: &World, story: &Story) {
    for (receipt, _, targets) in &story.accepted {
        for position in 0..targets.len() {
            world.ended(receipt.id, position).await;
        }
    }
    for _ in 0..3_000 {
        if world.engine.load() == EngineLoad::default() {
            return;
        }
        pass(Duration::from_secs(60)).await;
    }
    panic!("{:?} is left", world.engine.load());
}

/// I1, I2, I3, I4, I5 and the schedule, after everything has come to its end.
async fn check(world: &mut World, story: &Story) {
    let mut hits_of: BTreeMap<WebhookId, u64> = BTreeMap::new();
    let mut recorded = 0;
    for (receipt, trigger, targets) in &story.accepted {
        for (position, webhook) in targets.iter().enumerate() {
            let (delivery, attempts) = world.delivery(receipt.id.delivery(position)).await;
            assert_eq!(delivery.webhook_id, *webhook, "{}", delivery.id);
            let scheduled = attempts.iter().filter(|a| a.trigger != Trigger::Manual);
            let counting = scheduled.filter(|attempt| attempt.outcome != Outcome::Deferred).count();
            let is_cancelled = story.cancelled.contains(&delivery.id);
            match delivery.state.status() {
                DeliveryStatus::Delivered => {
                    assert!(attempts.iter().any(|a| a.outcome == Outcome::Succeeded));
                }
                DeliveryStatus::Cancelled => {
                    assert!(is_cancelled || story.deleted.contains(webhook), "{}", delivery.id);
                }
                DeliveryStatus::Failed if *trigger == Trigger::Test => {}
                DeliveryStatus::Failed if story.fickle == Some(*webhook) => {}
                DeliveryStatus::Failed => assert_eq!(counting, 5, "{}: {attempts:#?}", delivery.id),
                other => panic!("{} ended as {other:?}", delivery.id),
            }
            assert!(counting <= if *trigger == Trigger::Test { 1 } else { 5 });
            let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
            if *trigger != Trigger::Test {
                *hits_of.entry(*webhook).or_default() += attempts.len() as u64;
            }
            recorded += attempts.len();
        }
    }
    check_requests(world, story, recorded);
    check_counts(world, &hits_of).await;
    check_that_nothing_is_left(world).await;
}

/// Whatever was sent and not recorded was sent into a crash, or cut off by a stop; or was no
/// attempt, because of a fault of ours.
fn check_requests(world: &World, story: &Story, recorded: usize) {
    let made = world.seen().len() - story.faults.load(Ordering::Relaxed);
    assert!(made >= recorded, "{recorded} attempts are recorded, {made} were made");
    if story.restarts == 0 {
        assert_eq!(made, recorded, "every request is an attempt on record");
    }
}

async fn check_counts(world: &World, hits_of: &BTreeMap<WebhookId, u64>) {
    let webhooks: Vec<_> = hits_of.keys().copied().collect();
    let hits = world.store.hits(&webhooks).await.expect("readable");
    for (hits, (webhook, attempts)) in hits.iter().zip(hits_of) {
        assert_eq!(hits.count, *attempts, "hits of {webhook}");
        let query = StatsQuery {
            account_id: world.account,
            webhook_id: Some(*webhook),
            from: posthaste_core::time::Timestamp::from_millis(crate::world::START_MS - 60_000),
            to: world.clock.now().saturating_add(Duration::from_secs(60)),
            step: Duration::from_hours(24),
        };
        let series = world.store.stats(query).await.expect("readable");
        let counted: u64 = series.buckets.iter().map(|(_, rollup)| rollup.attempts).sum();
        assert_eq!(counted, *attempts, "rollups of {webhook}");
    }
}

/// Nothing is owed on disk.
async fn check_that_nothing_is_left(world: &mut World) {
    world.stop().await;
    let recovered = world.store.recover(10).await.expect("readable");
    assert_eq!(recovered.outstanding, [], "is still owed");
    assert!(recovered.events.is_empty(), "{} events above the mark", recovered.events.len());
}

#[test]
fn whatever_happens_the_invariants_hold() {
    #[expect(clippy::disallowed_methods, reason = "a failing seed is given back by hand")]
    let given = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let seeds: Vec<u64> = match (given("POSTHASTE_SEED"), given("POSTHASTE_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (1..=count.unwrap_or(SEEDS)).collect(),
    };
    for seed in seeds {
        println!("POSTHASTE_SEED={seed}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(simulate(seed));
    }
}
