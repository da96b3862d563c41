//! What it costs to find the targets of an event among many webhooks, for a profiler around it:
//! `directory_cost WEBHOOKS LOOK-UPS CHANGES`. One webhook of each account wants the event; of the
//! others, half want another type and half are of other powerlists.

use posthaste_core::directory::Directory;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, PowerlistId, WebhookId};
use posthaste_core::secret::{Secret, Secrets};
use posthaste_core::time::{Entropy, Timestamp};
use posthaste_core::webhook::{SettingsDraft, Webhook, WebhookSettings, WebhookStatus};

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn settings(pattern: &str, list: Option<u64>) -> WebhookSettings {
    let draft = SettingsDraft {
        title: Some("A hook".to_owned()),
        url: Some("https://example.com/hook".to_owned()),
        events: Some(vec![pattern.to_owned()]),
        ..SettingsDraft::default()
    };
    let mut settings = draft.create(&EgressPolicy::public_only()).expect("valid");
    settings.powerlist_id = list.map(PowerlistId::from_raw);
    settings
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let (webhooks, look_ups, changes) = (
        numbers.next().unwrap_or(10),
        numbers.next().unwrap_or(1_000),
        numbers.next().unwrap_or(0),
    );
    let kinds = [settings("call.ended", None), settings("sms.*", None), settings("*", Some(9))];
    let account = AccountId::from_raw(1);
    let webhook = |id: u64, settings: &WebhookSettings| Webhook {
        id: WebhookId::from_raw(id),
        account_id: account,
        number: 1,
        settings: settings.clone(),
        secrets: Secrets::new(Secret::generate(&Zeros)),
        status: WebhookStatus::Enabled,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    };
    let kind = |id: u64| if id == 1 { &kinds[0] } else { &kinds[1 + (id % 2) as usize] };
    let directory = Directory::new((1..=webhooks).map(|id| webhook(id, kind(id))).collect());
    let event_type = EventType::parse("call.ended").expect("a name");
    for _ in 0..look_ups {
        let targets = directory.targets(account, &event_type, None);
        assert_eq!(std::hint::black_box(targets).len(), 1);
    }
    for change in 0..changes {
        // Taken out of the middle of one long list, put into that of another, and back.
        let id = webhooks / 2 + change / 2 % 2;
        directory.put(webhook(id, &kinds[1 + (change % 2) as usize]));
    }
}
