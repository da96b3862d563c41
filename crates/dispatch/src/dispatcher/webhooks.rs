//! What becomes of a webhook's deliveries when it is changed, deleted or disabled; the engine itself
//! disables one whose receiver is gone.

use posthaste_core::delivery::DeliveryState;
use posthaste_core::id::WebhookId;
use posthaste_core::lanes::LaneSettings;
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::{SharedWebhook, Webhook, WebhookStatus};

use super::Dispatcher;
use crate::messages::Report;

impl Dispatcher {
    /// The webhook, if anything may still go to it; else how its deliveries end.
    pub(super) fn usable(
        &self,
        now: Timestamp,
        webhook_id: WebhookId,
    ) -> Result<SharedWebhook, DeliveryState> {
        match self.deps.directory.get(webhook_id) {
            None => Err(DeliveryState::Cancelled { at: now }),
            Some(webhook) => match webhook.status {
                WebhookStatus::Disabled { .. } => Err(DeliveryState::Failed { at: now }),
                WebhookStatus::Enabled | WebhookStatus::Paused => Ok(webhook),
            },
        }
    }

    pub(super) fn webhook_changed(&mut self, now: Timestamp, webhook_id: WebhookId) {
        let state = match self.usable(now, webhook_id) {
            Err(end) => end,
            Ok(webhook) => {
                if self.lanes.has_lane(webhook_id) {
                    self.lanes.configure(webhook_id, lane_settings(&webhook));
                }
                return;
            }
        };
        self.lanes.drain(webhook_id);
        let doomed = self.tickets.doom(webhook_id).into_iter();
        self.doomed.extend(doomed.map(|id| (id, state)));
        self.end_doomed();
    }

    /// 410: the receiver does not want this webhook any more.
    pub(super) fn disable(&mut self, webhook_id: WebhookId) {
        let (deps, reports) = (self.deps.clone(), self.reports.clone());
        self.tasks.spawn(async move {
            while let Some(webhook) = deps.directory.get(webhook_id) {
                if matches!(webhook.status, WebhookStatus::Disabled { .. }) {
                    return;
                }
                let reason = "the receiver answered 410 Gone".to_owned();
                let disabled = Webhook {
                    status: WebhookStatus::Disabled { reason },
                    updated_at: deps.clock.now(),
                    ..Webhook::clone(&webhook)
                };
                match deps.store.update_webhook(&disabled).await {
                    // Changed by somebody while it was being stored: disable that version, so that
                    // neither a change is lost nor a deleted webhook comes back.
                    Ok(true) if !deps.directory.replace(&webhook, disabled) => {}
                    Ok(true) => {
                        let _ = reports.send(Report::Disabled(webhook_id));
                        return;
                    }
                    Ok(false) => return,
                    Err(error) => {
                        tracing::error!(webhook.id = %webhook_id, %error, "webhook not disabled");
                        return;
                    }
                }
            }
        });
    }
}

pub(super) fn lane_settings(webhook: &Webhook) -> LaneSettings {
    LaneSettings {
        account: webhook.account_id,
        max_in_flight: webhook.settings.max_in_flight,
        rate_limit: webhook.settings.rate_limit,
        paused: webhook.status == WebhookStatus::Paused,
    }
}
