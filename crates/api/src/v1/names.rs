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
    /// What is done about published data that does not match the schema of its event type: nobody
    /// looks; it is accepted, counted and shown; it is refused.
    ValidateName as Validate {
        Off = "off",
        Warn = "warn",
        Reject = "reject",
    }
    /// What a user may do: everything; all but managing users and keys; looking only.
    UserRoleName as UserRole {
        Owner = "owner",
        Editor = "editor",
        Viewer = "viewer",
    }
    /// The role of a user or of an API key.
    AnyRoleName as AnyRole {
        Owner = "owner",
        Editor = "editor",
        Viewer = "viewer",
        Platform = "platform",
        Account = "account",
        Publish = "publish",
        Read = "read",
    }
    /// How many accounts somebody may act in.
    AccountsAllowedName as AccountsAllowed {
        All = "all",
        One = "one",
    }
    /// What was done, in the audit log.
    AuditActionName as AuditAction {
        WebhookCreated = "webhook.created",
        WebhookUpdated = "webhook.updated",
        WebhookPaused = "webhook.paused",
        WebhookResumed = "webhook.resumed",
        WebhookDeleted = "webhook.deleted",
        WebhookSecretRotated = "webhook.secret_rotated",
        WebhookSecretShown = "webhook.secret_shown",
        WebhookTokenRotated = "webhook.token_rotated",
        EventTypeCreated = "event_type.created",
        EventTypeUpdated = "event_type.updated",
        EventTypeDeleted = "event_type.deleted",
        PowerlistCreated = "powerlist.created",
        PowerlistUpdated = "powerlist.updated",
        PowerlistDeleted = "powerlist.deleted",
        ContactDeleted = "contact.deleted",
        ContactsExported = "powerlist.exported",
        ImportStarted = "import.started",
        ImportCancelled = "import.cancelled",
        KeyCreated = "api_key.created",
        KeyDeleted = "api_key.deleted",
        AccountCreated = "account.created",
        AccountUpdated = "account.updated",
        UserInvited = "user.invited",
        UserUpdated = "user.updated",
        UserDeleted = "user.deleted",
        UserLinkMade = "user.link_made",
        UserPasswordSet = "user.password_set",
        SessionStarted = "session.started",
        SessionRefused = "session.refused",
        SessionEnded = "session.ended",
    }
    /// What kind of caller acted.
    ActorTypeName as ActorType {
        User = "user",
        Key = "key",
        System = "system",
    }
    /// What kind of thing was acted on.
    TargetTypeName as TargetType {
        Webhook = "webhook",
        EventType = "event_type",
        Powerlist = "powerlist",
        Contact = "contact",
        Import = "import",
        Key = "api_key",
        Account = "account",
        User = "user",
    }
    /// What made a contact.
    ContactSourceName as ContactSource {
        Api = "api",
        Import = "import",
        Webhook = "webhook",
    }
    /// Where a job stands.
    JobStateName as JobState {
        Waiting = "waiting",
        Checking = "checking",
        Running = "running",
        Done = "done",
        Failed = "failed",
        Cancelled = "cancelled",
    }
    /// How `x-webhook-signature` is spelled.
    SignatureFormatName as SignatureFormat {
        Hex = "hex",
        Sha256Prefix = "sha256=",
    }
    /// Events go out.
    OutboundName as OutboundDirection {
        Outbound = "outbound",
    }
    /// Contacts come in.
    InboundName as InboundDirection {
        Inbound = "inbound",
    }
    /// What a request to an inbound webhook came to.
    InboundVerdictName as InboundVerdict {
        Created = "created",
        Updated = "updated",
        Deleted = "deleted",
        Nothing = "none",
        Invalid = "invalid",
        Unverified = "unverified",
        Loop = "loop",
        KeyReused = "key_reused",
    }
    /// How a request shows who it comes from.
    VerificationSchemeName as VerificationScheme {
        Posthaste = "posthaste",
        StandardWebhooks = "standard_webhooks",
        Github = "github",
        Stripe = "stripe",
        Twilio = "twilio",
    }
}

#[cfg(test)]
mod tests {
    use posthaste_core::account::{Role, Validate};
    use posthaste_core::attempt::{Outcome, Trigger, UnreachableReason};
    use posthaste_core::audit::{ActorKind, AuditAction, TargetKind};
    use posthaste_core::contact::ContactSource;
    use posthaste_core::delivery::DeliveryStatus;
    use posthaste_core::import::JobState;
    use posthaste_core::inbound::{VERDICTS, VerificationScheme};
    use posthaste_core::signature::SignatureFormat;
    use posthaste_core::user::UserRole;
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
        check::<ValidateName>(&Validate::ALL.map(Validate::as_str));
        check::<RoleName>(&Role::ALL.map(Role::as_str));
        check::<UserRoleName>(&UserRole::ALL.map(UserRole::as_str));
        let mut roles = UserRole::ALL.map(UserRole::as_str).to_vec();
        roles.extend(Role::ALL.map(Role::as_str));
        check::<AnyRoleName>(&roles);
        let actions: Vec<&str> = AuditAction::ALL.iter().map(|action| action.as_str()).collect();
        check::<AuditActionName>(&actions);
        check::<ActorTypeName>(&ActorKind::ALL.map(ActorKind::as_str));
        check::<TargetTypeName>(&TargetKind::ALL.map(TargetKind::as_str));
        check::<ContactSourceName>(&ContactSource::ALL.map(ContactSource::as_str));
        check::<JobStateName>(&JobState::ALL.map(JobState::as_str));
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
        check::<InboundVerdictName>(&VERDICTS);
        check::<VerificationSchemeName>(&VerificationScheme::ALL.map(VerificationScheme::as_str));
        check::<SignatureFormatName>(&formats.map(SignatureFormat::as_str));
    }
}
