//! Prometheus text, written by hand: a handful of counters and gauges need no library. Nothing is
//! labelled by webhook, account or id, because a label per customer grows without bound and shows
//! customers to whoever reads the page.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use parking_lot::RwLock;
use posthaste_core::engine::EngineLoad;
use tokio::time::Instant;

use crate::checks::Checks;
use crate::front::Intake;

/// Upper bounds of the buckets of request durations, in milliseconds.
const DURATION_BOUNDS_MS: [u64; 9] = [1, 5, 10, 25, 50, 100, 250, 1_000, 5_000];

/// Counted since the process started.
#[derive(Debug, Default)]
pub struct Metrics {
    pub events_accepted: AtomicU64,
    pub events_repeated: AtomicU64,
    pub deliveries_promised: AtomicU64,
    /// Requests to inbound webhooks, by what they came to: one of a few words.
    inbound: RwLock<BTreeMap<&'static str, u64>>,
    updates_sent: AtomicU64,
    updates_skipped: AtomicU64,
    /// By method, route and status. Routes are templates, so there are a few hundred at most.
    requests: RwLock<BTreeMap<RequestKind, Arc<AtomicU64>>>,
    /// Events taken with a 202, by [`Intake`]. Nearly all requests are these, so they are counted
    /// without looking anything up.
    taken: [AtomicU64; Intake::ALL.len()],
    durations: [AtomicU64; DURATION_BOUNDS_MS.len() + 1],
    duration_sum_us: AtomicU64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct RequestKind {
    method: &'static str,
    route: String,
    status: u16,
}

/// How long an answer took.
#[derive(Debug, Clone, Copy)]
pub struct Took(u64);

impl Took {
    pub fn since(started: Instant) -> Took {
        Took::from(started.elapsed())
    }

    pub fn as_millis(self) -> u64 {
        self.0 / 1_000
    }
}

impl From<Duration> for Took {
    fn from(duration: Duration) -> Took {
        Took(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

impl Metrics {
    /// Counts one call that took events and was answered with a 202.
    pub fn count_intake(&self, intake: Intake, took: Took) {
        self.count_duration(took);
        self.taken[intake as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request to an inbound webhook, by its verdict.
    pub fn count_inbound(&self, verdict: &'static str) {
        *self.inbound.write().entry(verdict).or_default() += 1;
    }

    /// Updates written to live streams.
    pub fn count_sent(&self, updates: usize) {
        self.updates_sent.fetch_add(updates as u64, Ordering::Relaxed);
    }

    /// Updates that subscribers were told they are not shown.
    pub fn count_skipped(&self, updates: u64) {
        self.updates_skipped.fetch_add(updates, Ordering::Relaxed);
    }

    fn count_duration(&self, Took(took_us): Took) {
        let bucket = DURATION_BOUNDS_MS.iter().position(|&bound| took_us <= bound * 1_000);
        self.durations[bucket.unwrap_or(DURATION_BOUNDS_MS.len())].fetch_add(1, Ordering::Relaxed);
        self.duration_sum_us.fetch_add(took_us, Ordering::Relaxed);
    }

    /// Counts one answered request. `route` is the template (`/v1/webhooks/{id}`), never the path.
    pub fn count_request(&self, method: &Method, route: &str, status: StatusCode, took: Took) {
        self.count_duration(took);
        let method = known_method(method);
        let kind = RequestKind { method, route: route.to_owned(), status: status.as_u16() };
        if let Some(counter) = self.requests.read().get(&kind) {
            counter.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.requests.write().entry(kind).or_default().fetch_add(1, Ordering::Relaxed);
    }

    /// The page that Prometheus reads.
    pub fn render(&self, load: EngineLoad, checks: &Checks) -> String {
        let mut page = Page::default();
        page.head("posthaste_http_requests_total", "counter", "Requests answered.");
        for (kind, count) in self.counted_requests() {
            let RequestKind { method, route, status } = kind;
            let labels = format!(r#"{{method="{method}",route="{route}",status="{status}"}}"#);
            page.line("posthaste_http_requests_total", &labels, count);
        }
        self.render_durations(&mut page);
        let events = [
            ("posthaste_events_accepted_total", "Events stored.", &self.events_accepted),
            (
                "posthaste_events_repeated_total",
                "Events answered again for an idempotency key.",
                &self.events_repeated,
            ),
            (
                "posthaste_deliveries_promised_total",
                "Deliveries that accepted events were given.",
                &self.deliveries_promised,
            ),
            (
                "posthaste_stream_updates_sent_total",
                "Updates of deliveries written to live streams.",
                &self.updates_sent,
            ),
            (
                "posthaste_stream_updates_skipped_total",
                "Updates of deliveries that live streams left out and counted.",
                &self.updates_skipped,
            ),
            (
                "posthaste_events_checked_total",
                "Events whose data was compared with its schema.",
                &checks.checked,
            ),
            (
                "posthaste_events_invalid_total",
                "Events whose data did not match its schema, refused or not.",
                &checks.invalid,
            ),
            (
                "posthaste_events_unchecked_total",
                "Events that were not compared with their schema because too many came.",
                &checks.unchecked,
            ),
        ];
        for (name, help, counter) in events {
            page.head(name, "counter", help);
            page.line(name, "", counter.load(Ordering::Relaxed));
        }
        self.render_inbound(&mut page);
        let gauges = [
            (
                "posthaste_deliveries_outstanding",
                "Deliveries in memory that have not ended.",
                load.outstanding,
            ),
            ("posthaste_requests_in_flight", "Webhook requests on the wire.", load.in_flight),
            (
                "posthaste_deliveries_unrecorded",
                "Accepted deliveries without a row yet.",
                load.unrecorded,
            ),
            ("posthaste_stream_subscribers", "Open live streams.", load.subscribers),
        ];
        for (name, help, value) in gauges {
            page.head(name, "gauge", help);
            page.line(name, "", value as u64);
        }
        page.0
    }

    fn counted_requests(&self) -> BTreeMap<RequestKind, u64> {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let requests = self.requests.read();
        let mut counted: BTreeMap<RequestKind, u64> =
            requests.iter().map(|(kind, counter)| (kind.clone(), count(counter))).collect();
        for intake in Intake::ALL {
            let status = StatusCode::ACCEPTED.as_u16();
            let kind = RequestKind { method: "POST", route: intake.path().to_owned(), status };
            let taken = count(&self.taken[intake as usize]);
            if taken > 0 {
                *counted.entry(kind).or_default() += taken;
            }
        }
        counted
    }

    fn render_inbound(&self, page: &mut Page) {
        let name = "posthaste_inbound_requests_total";
        page.head(name, "counter", "Requests to inbound webhooks, by what they came to.");
        for (verdict, count) in &*self.inbound.read() {
            page.line(name, &format!(r#"{{verdict="{verdict}"}}"#), *count);
        }
    }

    fn render_durations(&self, page: &mut Page) {
        let name = "posthaste_http_request_duration_seconds";
        page.head(name, "histogram", "From the request's head to the answer's.");
        let mut total = 0;
        for (position, slot) in self.durations.iter().enumerate() {
            total += slot.load(Ordering::Relaxed);
            let bound = DURATION_BOUNDS_MS
                .get(position)
                .map_or("+Inf".to_owned(), |&bound| (bound as f64 / 1_000.0).to_string());
            page.line(&format!("{name}_bucket"), &format!(r#"{{le="{bound}"}}"#), total);
        }
        let sum_s = self.duration_sum_us.load(Ordering::Relaxed) as f64 / 1_000_000.0;
        page.line(&format!("{name}_sum"), "", sum_s);
        page.line(&format!("{name}_count"), "", total);
    }
}

/// A caller can make methods up, and each would be a line for ever.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String takes all");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        writeln!(self.0, "{name}{labels} {value}").expect("a String takes all");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_counts_requests_by_route_and_adds_up_durations() {
        let (metrics, checks) = (Metrics::default(), Checks::default());
        for ms in [0, 3, 9_000] {
            let took = Took::from(Duration::from_millis(ms));
            metrics.count_request(&Method::GET, "/v1/webhooks/{id}", StatusCode::OK, took);
        }
        let page = metrics.render(EngineLoad { outstanding: 7, ..EngineLoad::default() }, &checks);
        let check = |line: &str| assert!(page.lines().any(|l| l == line), "{line} in\n{page}");
        check(
            r#"posthaste_http_requests_total{method="GET",route="/v1/webhooks/{id}",status="200"} 3"#,
        );
        check(r#"posthaste_http_request_duration_seconds_bucket{le="0.001"} 1"#);
        check(r#"posthaste_http_request_duration_seconds_bucket{le="0.005"} 2"#);
        check(r#"posthaste_http_request_duration_seconds_bucket{le="+Inf"} 3"#);
        check("posthaste_http_request_duration_seconds_count 3");
        check("posthaste_deliveries_outstanding 7");
    }
}
