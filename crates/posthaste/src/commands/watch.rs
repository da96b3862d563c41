//! Waits until deliveries have come to an end, and says how they went.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::Context;
use crate::client::Query;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, Tone, text_at};

/// How often the server is asked.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// One event's deliveries that are watched.
const DELIVERIES_MAX: usize = 1_000;

/// Waits for the deliveries of these events. Prints each delivery's changes to people; answers
/// with exit 5 if one failed, with 6 if they take longer than the patience.
pub async fn until_delivered(context: &Context, events: &[(String, u64)]) -> Outcome {
    let deadline = Instant::now() + context.patience();
    let mut told: HashMap<String, String> = HashMap::new();
    let mut failed = false;
    for (event, expected) in events {
        loop {
            let path = format!("/v1/events/{event}/deliveries");
            let deliveries = context.client.list(&path, &Query::default(), DELIVERIES_MAX).await?;
            for delivery in &deliveries {
                tell(&context.output, delivery, &mut told);
            }
            let ended = deliveries.iter().filter(|delivery| has_ended(delivery)).count();
            if ended as u64 >= (*expected).min(DELIVERIES_MAX as u64) {
                failed |= deliveries.iter().any(|delivery| status(delivery) != "delivered");
                break;
            }
            if Instant::now() + LOOK_EVERY > deadline {
                context.output.say(&format!("{event} is not delivered yet; the server goes on"));
                return Ok(if failed { Exit::DeliveryFailed } else { Exit::TimedOut });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Ok(if failed { Exit::DeliveryFailed } else { Exit::Ok })
}

/// Waits until a delivery has had its first attempt, or patience ends; gives what is known then.
pub async fn until_tried(context: &Context, delivery: Value) -> Result<Value, Failure> {
    let deadline = Instant::now() + context.patience();
    let path = format!("/v1/deliveries/{}", text_at(&delivery, "/id"));
    let mut delivery = delivery;
    while !has_ended(&delivery) && delivery["attempt_count"] == 0 && Instant::now() < deadline {
        tokio::time::sleep(LOOK_EVERY).await;
        delivery = context.client.get(&path).await?;
    }
    Ok(delivery)
}

pub fn status(delivery: &Value) -> &str {
    delivery["status"].as_str().unwrap_or_default()
}

fn has_ended(delivery: &Value) -> bool {
    matches!(status(delivery), "delivered" | "failed" | "cancelled")
}

/// A line for each thing that is new.
fn tell(output: &Output, delivery: &Value, told: &mut HashMap<String, String>) {
    let id = text_at(delivery, "/id");
    let error = super::delivery::last_error(delivery);
    let news = format!("{} {error}", output.status(status(delivery)));
    if told.insert(id.clone(), news.clone()).as_ref() != Some(&news) {
        let webhook = output.paint(Tone::Faint, &text_at(delivery, "/webhook_id"));
        output.say(&format!("{id} → {webhook}  {}", news.trim_end()));
    }
}
