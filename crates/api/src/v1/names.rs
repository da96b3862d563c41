//! The closed lists of words in answers, as types, so that clients made from the OpenAPI document
//! know them. They only describe: the words themselves are `core`'s, and the test below holds the
//! two equal.

use utoipa::ToSchema;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident as $schema:ident { $($variant:ident = $text:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(ToSchema)]
        #[schema(as = $schema)]
        #[expect(dead_code, reason = "only describes")]
        pub enum $name {
            $(#[schema(rename = $text)] $variant,)*
        }
    )*};
}

names! {
    /// Where a delivery stands.
    DeliveryStatusName as DeliveryStatus {
        Pending = "pending",
        Delivering = "delivering",
        Retrying = "retrying",
        Delivered = "delivered",
        Failed = "failed",
        Cancelled = "cancelled",
    }
    /// Why a delivery exists, or was tried again.
    TriggerName as Trigger {
        Event = "event",
        Retry = "retry",
        Manual = "manual",
        Recover = "recover",
        Test = "test",
    }
    /// How an attempt ended.
    OutcomeName as Outcome {
        Succeeded = "succeeded",
        Rejected = "rejected",
        TimedOut = "timed_out",
        Unreachable = "unreachable",
        Blocked = "blocked",
        Deferred = "deferred",
    }
    /// Whether a webhook gets events and is sent them.
    WebhookStatusName as WebhookStatus {
        Enabled = "enabled",
        Paused = "paused",
        Disabled = "disabled",
    }
    /// What a key may do.
    RoleName as Role {
        Platform = "platform",
        Account = "account",
        Publish = "publish",
        Read = "read",
    }
    /// How `x-webhook-signature` is spelled.
    SignatureFormatName as SignatureFormat {
        Hex = "hex",
        Sha256Prefix = "sha256=",
    }
    /// Whose requests they are.
    DirectionName as Direction {
        Outbound = "outbound",
    }
}

#[cfg(test)]
mod tests {
    use posthaste_core::account::Role;
    use posthaste_core::attempt::{Outcome, Trigger, UnreachableReason};
    use posthaste_core::delivery::DeliveryStatus;
    use posthaste_core::signature::SignatureFormat;
    use posthaste_core::webhook::WebhookStatus;
    use utoipa::PartialSchema;

    use super::*;

    fn check<T: PartialSchema>(expected: &[&str]) {
        let schema = serde_json::to_value(T::schema()).expect("a schema is JSON");
        let described: Vec<&str> =
            schema["enum"].as_array().expect("a list").iter().filter_map(|v| v.as_str()).collect();
        assert_eq!(described, expected);
    }

    #[test]
    fn the_words_described_are_the_words_used() {
        check::<DeliveryStatusName>(&DeliveryStatus::ALL.map(DeliveryStatus::as_str));
        check::<TriggerName>(&Trigger::ALL.map(Trigger::as_str));
        check::<RoleName>(&Role::ALL.map(Role::as_str));
        let outcomes = [
            Outcome::Succeeded,
            Outcome::Rejected,
            Outcome::TimedOut,
            Outcome::Unreachable(UnreachableReason::Dns),
            Outcome::Blocked,
            Outcome::Deferred,
        ];
        check::<OutcomeName>(&outcomes.map(Outcome::as_str));
        let disabled = WebhookStatus::Disabled { reason: String::new() };
        let statuses = [WebhookStatus::Enabled, WebhookStatus::Paused, disabled];
        let statuses: Vec<&str> = statuses.iter().map(WebhookStatus::as_str).collect();
        check::<WebhookStatusName>(&statuses);
        let formats = [SignatureFormat::Hex, SignatureFormat::Sha256Prefix];
        check::<SignatureFormatName>(&formats.map(SignatureFormat::as_str));
    }
}
