//! Posts simulated traffic to a server at a rate: in batches, in order, and patiently. What the
//! server would not take it is offered again when the server said, under the same idempotency key,
//! so that no event is raised twice. `simulate` and `demo` feed.

use std::time::Duration;

use posthaste_core::limits::BATCH_EVENTS_MAX;
use posthaste_core::simulation::{SimulatedEvent, Simulation};
use posthaste_core::time::Entropy;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::send;
use crate::client::ApiClient;
use crate::exit::{Exit, Failure};
use crate::system::OsEntropy;

/// At high rates, what has come due meanwhile is posted together.
const POST_EVERY: Duration = Duration::from_millis(50);
/// Who could not keep the rate for longer than this does not make up for all of it in a burst.
const DEBT_MAX: Duration = Duration::from_secs(1);
/// Before offering again what was refused without saying for how long.
const PATIENCE: Duration = Duration::from_secs(1);
/// A server may ask for longer; asking whether it still means it costs nothing.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// When feeding ends by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Until {
    pub count: Option<u64>,
    pub time: Option<Duration>,
}

/// What was posted.
#[derive(Debug, Clone, Default)]
pub struct Fed {
    pub events: u64,
    pub deliveries: u64,
    /// Requests that were refused or got no answer, and were made again.
    pub refused: u64,
    pub took: Duration,
    /// It was told to stop, and did not end by itself.
    pub was_stopped: bool,
}

impl Fed {
    /// Events per second.
    pub fn rate(&self) -> f64 {
        let seconds = self.took.as_secs_f64();
        if seconds > 0.0 { self.events as f64 / seconds } else { 0.0 }
    }

    pub fn as_json(&self) -> Value {
        let tenths = |number: f64| (number * 10.0).round() / 10.0;
        json!({
            "events": self.events,
            "deliveries": self.deliveries,
            "refused_requests": self.refused,
            "duration_s": tenths(self.took.as_secs_f64()),
            "rate_per_s": tenths(self.rate()),
        })
    }
}

/// Told what happens while feeding.
pub trait Watch {
    fn progress(&mut self, fed: &Fed);
    /// The server would not take something; it is offered again after `pause`.
    fn refused(&mut self, failure: &Failure, pause: Duration);
}

/// The body of an event's publication.
pub fn body_of(event: &SimulatedEvent) -> String {
    let at = event.at.to_string();
    let list = event.powerlist_id.map(|list| list.to_string());
    send::event_body(event.event, &event.data.to_string(), Some(&at), list.as_deref())
}

/// Posts events at `rate` a second until `until`, or until `stop`; then what is on its way is
/// finished first, so that everything that was accepted is counted.
pub async fn feed(
    client: &ApiClient,
    simulation: &mut Simulation,
    rate: f64,
    until: Until,
    stop: impl Future<Output = ()>,
    watch: &mut impl Watch,
) -> Result<Fed, Failure> {
    // Unlike a signal, a watched value can be looked at in several places.
    let (ask, mut asked) = watch::channel(false);
    let feeding = feed_on(client, simulation, rate, until, &mut asked, watch);
    tokio::pin!(feeding, stop);
    tokio::select! {
        fed = &mut feeding => return fed,
        () = &mut stop => {}
    }
    ask.send_replace(true);
    Ok(Fed { was_stopped: true, ..feeding.await? })
}

async fn feed_on(
    client: &ApiClient,
    simulation: &mut Simulation,
    rate: f64,
    until: Until,
    stop: &mut watch::Receiver<bool>,
    watch: &mut impl Watch,
) -> Result<Fed, Failure> {
    let run = new_run();
    let started = Instant::now();
    let period = POST_EVERY.max(Duration::from_secs_f64(1.0 / rate));
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let end = started + until.time.unwrap_or_default();
    let mut fed = Fed::default();
    // From when on events are due; moved when the rate could not be kept.
    let mut from = started;
    let mut batches = 0_u64;
    // Left to catch up with, at most.
    let most = ((DEBT_MAX.as_secs_f64() * rate) as u64).max(1);
    'feeding: while until.count.is_none_or(|count| fed.events < count) {
        tokio::select! {
            biased;
            () = asked(stop) => break,
            () = tokio::time::sleep_until(end), if until.time.is_some() => break,
            _ = ticks.tick() => {}
        }
        // The first is due at once.
        let due = (from.elapsed().as_secs_f64() * rate) as u64 + 1;
        let behind = due.saturating_sub(fed.events);
        from += Duration::from_secs_f64(behind.saturating_sub(most) as f64 / rate);
        let left = until.count.map_or(u64::MAX, |count| count - fed.events);
        for batch in batch_sizes(behind.min(most).min(left)) {
            let bodies: Vec<String> = simulation.take(batch).map(|event| body_of(&event)).collect();
            batches += 1;
            let key = format!("{run}-{batches}");
            let body = format!("{{\"events\":[{}]}}", bodies.join(","));
            let Some(deliveries) = offer(client, &body, &key, stop, &mut fed, watch).await? else {
                break 'feeding;
            };
            fed.events += batch as u64;
            fed.deliveries += deliveries;
        }
        fed.took = started.elapsed();
        watch.progress(&fed);
    }
    fed.took = started.elapsed();
    Ok(fed)
}

fn batch_sizes(count: u64) -> impl Iterator<Item = usize> {
    let most = BATCH_EVENTS_MAX as u64;
    let whole = (0..count / most).map(|_| BATCH_EVENTS_MAX);
    whole.chain(Some((count % most) as usize).filter(|rest| *rest > 0))
}

/// Posts a batch until it is taken; gives the number of its deliveries. `None` if it was not taken
/// before the stop.
async fn offer(
    client: &ApiClient,
    body: &str,
    key: &str,
    stop: &mut watch::Receiver<bool>,
    fed: &mut Fed,
    watch: &mut impl Watch,
) -> Result<Option<u64>, Failure> {
    loop {
        // Even when asked to stop meanwhile: what is on its way counts if it is taken.
        let answer = client.post_text("/v1/events/batch", body.to_owned(), Some(key)).await;
        let failure = match answer {
            Ok(receipts) => return Ok(Some(deliveries(&receipts)?)),
            Err(failure) => failure,
        };
        // A server that was never there is a typo, not an outage.
        let was_never_there = fed.events == 0 && failure.problem.is_none();
        if was_never_there || !may_pass(&failure) {
            return Err(failure);
        }
        let pause = failure.retry_after.unwrap_or(PATIENCE).min(PATIENCE_MAX);
        fed.refused += 1;
        watch.refused(&failure, pause);
        tokio::select! {
            biased;
            () = asked(stop) => return Ok(None),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Whether the same request may be taken later.
fn may_pass(failure: &Failure) -> bool {
    let asks_for_patience = failure.retry_after.is_some()
        || failure.problem.as_ref().is_some_and(|problem| problem["status"] == 429);
    let is_no_verdict =
        !failure.is_final() && matches!(failure.exit, Exit::Failed | Exit::TimedOut);
    asks_for_patience || is_no_verdict
}

async fn asked(stop: &mut watch::Receiver<bool>) {
    // An error would mean that nobody can ask any more; whoever could waits for us.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn deliveries(receipts: &Value) -> Result<u64, Failure> {
    let not_understood =
        || Failure::failed(format!("the server's answer is not understood: {receipts}"));
    let receipts = receipts["events"].as_array().ok_or_else(not_understood)?;
    Ok(receipts.iter().filter_map(|receipt| receipt["deliveries"].as_u64()).sum())
}

/// Keeps the idempotency keys of two runs apart.
fn new_run() -> String {
    let mut bytes = [0_u8; 8];
    OsEntropy.fill(&mut bytes);
    format!("simulate-{:016x}", u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_has_judged_is_not_offered_again() {
        let check = |status: u16, expected: bool| {
            let failure = Failure::of_problem(status, json!({ "status": status }));
            assert_eq!(may_pass(&failure), expected, "{status}");
        };
        check(503, true);
        check(429, true);
        check(422, false);
        check(401, false);
        assert!(!may_pass(&Failure::of_problem(404, json!("<html>"))), "another server's page");
        assert!(may_pass(&Failure::of_problem(502, json!("<html>"))));
        assert!(may_pass(&Failure::new(Exit::TimedOut, "no answer")));
    }

    #[test]
    fn a_batch_has_no_more_than_the_server_takes() {
        let check = |count: u64, expected: &[usize]| {
            assert_eq!(batch_sizes(count).collect::<Vec<_>>(), expected, "{count}");
        };
        check(0, &[]);
        check(7, &[7]);
        check(1_000, &[1_000]);
        check(2_500, &[1_000, 1_000, 500]);
    }
}
