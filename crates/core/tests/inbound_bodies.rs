//! What senders really post, in the shapes that they document, with the fields that come of it; and
//! what holds for every body.

use posthaste_core::contact::{ContactEdit, ContactFields, ContactKey, ContactPatch, TextField};
use posthaste_core::error::Invalid;
use posthaste_core::id::{ContactId, PowerlistId};
use posthaste_core::inbound::mapping::Assigned;
use posthaste_core::inbound::meaning::{Meaning, meaning, named_list};
use posthaste_core::inbound::reading::{Body, read};
use posthaste_core::inbound::{InboundOperation, Mapping};
use posthaste_core::phone::{Country, PhoneNumber};
use proptest::prelude::*;
use serde_json::{Value, json};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const LIST: u64 = 7;

fn understand(
    operation: InboundOperation,
    content_type: &str,
    bytes: &[u8],
    mapping: &Mapping,
) -> Result<Meaning, Invalid> {
    let values = read(Body { content_type: Some(content_type), query: "", bytes })?;
    let assigned = Assigned::new(operation, &values, mapping);
    let list = named_list(&assigned)?.unwrap_or(PowerlistId::from_raw(LIST));
    Ok(meaning(&assigned, list, Country::US))
}

fn contact(content_type: &str, body: &str, mapping: &Mapping) -> ContactFields {
    let meaning =
        understand(InboundOperation::Contact, content_type, body.as_bytes(), mapping).expect(body);
    assert_eq!(meaning.errors, [], "{body}");
    match meaning.edit.expect("nothing is wrong") {
        ContactEdit::Upsert { phone_number, patch, .. } => patch.create(phone_number).expect("few"),
        other => panic!("{other:?}"),
    }
}

/// Checks a body of the corpus; `expected` is what of the contact is worth a look.
fn check(content_type: &str, body: &str, expected: &Value) {
    let fields = contact(content_type, body, &Mapping::default());
    for (name, value) in expected.as_object().expect("an object") {
        let found = match (TextField::parse(name), name.as_str()) {
            (Some(field), _) => json!(fields.texts.get(&field)),
            (None, "phone_number") => json!(fields.phone_number.as_str()),
            (None, "tags") => json!(fields.tags),
            (None, "consent") => json!(fields.consent),
            (None, "dnd") => json!(fields.dnd),
            (None, custom) => fields.custom.get(custom).cloned().unwrap_or_default(),
        };
        assert_eq!(found, *value, "{name} of {body}");
    }
}

#[test]
fn gohighlevel_contacts_come_in() {
    check(
        JSON,
        include_str!("inbound_bodies/gohighlevel_contact.json"),
        &json!({
            "phone_number": "+12025550187",
            "email": "maria.lopez@example.com",
            "first_name": "Maria",
            "last_name": "Lopez",
            "address": "1600 Example Avenue",
            "city": "Washington",
            "postal_code": "20001",
            "tags": ["qualified", "follow-up"],
            "dnd": true,
            "companyName": "Example Company",
            "id": "nmFmQEsNgz6AVpgLVUJ0",
            "BcdmQEsNgz6AVpgLVUJ0": "afternoon",
            "MgobCB14YMVKuE4Ka8p1": ["a", "b"],
            "website": null,
            "name": null,
        }),
    );
    check(
        JSON,
        include_str!("inbound_bodies/gohighlevel_workflow.json"),
        &json!({
            "phone_number": "+12025550187",
            "first_name": "Maria",
            "last_name": "Lopez",
            "city": "Washington",
            "state": "DC",
            "timezone": "America/New_York",
            "tags": ["qualified", "follow-up"],
            "contact_id": "nmFmQEsNgz6AVpgLVUJ0",
            "location.city": "Boston",
            "workflow.name": "New lead",
            "lead_score": 85,
            "Preferred time": "afternoon",
        }),
    );
}

#[test]
fn hubspot_contacts_come_in() {
    check(
        JSON,
        include_str!("inbound_bodies/hubspot_contact.json"),
        &json!({
            "phone_number": "+12025550187",
            "email": "maria.lopez@example.com",
            "first_name": "Maria",
            "last_name": "Lopez",
            "postal_code": "20001",
            "city": "Washington",
            "properties.lifecyclestage.value": "lead",
            "vid": 151,
        }),
    );
    check(
        JSON,
        include_str!("inbound_bodies/hubspot_custom_code.json"),
        &json!({
            "phone_number": "+12025550187",
            "first_name": "Maria",
            "state": "DC",
            "objectId": 151,
            "timezone": null,
        }),
    );
}

#[test]
fn forms_come_in() {
    check(
        FORM,
        include_str!("inbound_bodies/zapier.form"),
        &json!({
            "phone_number": "+12025550187",
            "email": "maria.lopez@example.com",
            "first_name": "Maria",
            "last_name": "Lopez",
            "postal_code": "20001",
            "consent": true,
            "Company Size": "11-50",
            "querystring__utm_source": "newsletter",
        }),
    );
    check(
        FORM,
        include_str!("inbound_bodies/twilio_sms.form"),
        &json!({
            "phone_number": "+12025550187",
            "city": "WASHINGTON",
            "state": "DC",
            "postal_code": "20001",
            "country": "US",
            "Body": "Yes, call me",
            "To": "+12125550100",
        }),
    );
    check(
        FORM,
        include_str!("inbound_bodies/curl.form"),
        &json!({
            "phone_number": "+12025550187",
            "first_name": "Maria",
            "address": "1600 Example Avenue",
            "new_user_field": "x",
            "wayan_cf": "42",
            "consent": true,
            "dnd": null,
            "tags": ["qualified", "follow-up"],
        }),
    );
}

#[test]
fn an_event_of_ours_is_a_contact_and_nothing_else() {
    let event = json!({
        "event": "contact", "timestamp": "2025-01-15T14:30:25.123Z", "webhook_id": "wh_0",
        "data": {"contact_id": ContactId::from_raw(3).to_string(), "operation": "updated",
            "powerlist_id": PowerlistId::from_raw(4).to_string(), "powerlist_name": "Theirs",
            "phone_number": "+12025550187", "email": null, "first_name": "Maria", "tags": ["a"],
            "consent": true, "dnd": null, "source": "api", "custom_fields": {"lead_score": 85},
            "created_at": "2025-01-10T16:04:31.512Z", "updated_at": "2025-01-15T14:30:26.204Z"},
        "metadata": {"version": "1.0", "event_id": "evt_0", "signature": "sha256=00"},
    });
    let mapping = Mapping::parse([("custom_fields.lead_score", "timestamp")]).expect("a path");
    let fields = contact(JSON, &event.to_string(), &mapping);
    assert_eq!(fields.custom["lead_score"], "2025-01-15T14:30:25.123Z", "the mapping's counts");
    let fields = contact(JSON, &event.to_string(), &Mapping::default());
    assert_eq!(fields.phone_number.as_str(), "+12025550187");
    assert_eq!(fields.texts[&TextField::FirstName], "Maria");
    assert_eq!(fields.consent, Some(true));
    assert_eq!(fields.custom, json!({"lead_score": 85}).as_object().expect("an object").clone());
}

#[test]
fn an_own_name_counts_more_than_another_spelling() {
    let body = json!({"mobile": "2025550188", "phone_number": "2025550187", "name": "Ana Sá"});
    let fields = contact(JSON, &body.to_string(), &Mapping::default());
    assert_eq!(fields.phone_number.as_str(), "+12025550187");
    assert_eq!(fields.custom["mobile"], "2025550188");
    let body = json!({"phone": "", "data": {"phone": "2025550187"}, "name": "Lopez, Maria"});
    let fields = contact(JSON, &body.to_string(), &Mapping::default());
    assert_eq!(fields.phone_number.as_str(), "+12025550187");
    assert_eq!(fields.texts[&TextField::FirstName], "Maria");
}

#[test]
fn null_takes_away_and_blank_says_nothing() {
    let body = br#"{"phone":"2025550187","email":null,"city":"","tags":[],"consent":null,"dnd":" ","note":null,"empty":""}"#;
    let meaning = understand(InboundOperation::Contact, JSON, body, &Mapping::default());
    let Ok(Meaning { edit: Some(ContactEdit::Upsert { patch, .. }), .. }) = meaning else {
        panic!("{meaning:?}");
    };
    let expected = ContactPatch {
        texts: [(TextField::Email, None)].into(),
        consent: Some(None),
        custom: json!({"note": null}).as_object().expect("an object").clone(),
        ..ContactPatch::default()
    };
    assert_eq!(patch, expected);
}

#[test]
fn a_mapping_goes_before_every_name() {
    let pairs = [
        ("phone_number", "contact.phones.1.value"),
        ("tags", "labels"),
        ("custom_fields.score", "data.score"),
        ("email", "contact[mails][0]"),
    ];
    let mapping = Mapping::parse(pairs).expect("fields and paths");
    let body = json!({
        "phone": "2025550100",
        "contact": {"phones": [{"value": "2025550101"}, {"value": "2025550187"}],
            "mails": ["m@example.com", "n@example.com"]},
        "labels": ["x", "y"],
        "data": {"score": 12345678901234567890_u64},
    });
    let fields = contact(JSON, &body.to_string(), &mapping);
    assert_eq!(fields.phone_number.as_str(), "+12025550187");
    assert_eq!(fields.texts[&TextField::Email], "m@example.com");
    assert_eq!(fields.tags, ["x", "y"]);
    assert_eq!(fields.custom["score"], "12345678901234567890");
    assert_eq!(fields.custom["phone"], "2025550100");
    let absent =
        understand(InboundOperation::Contact, JSON, br#"{"phone":"2025550187"}"#, &mapping);
    let errors = absent.expect("readable").errors;
    assert_eq!(errors[0].pointer, "/contact/phones/1/value");
}

#[test]
fn a_contact_to_delete_is_named_by_id_number_or_address() {
    let list = PowerlistId::from_raw(LIST);
    let check = |body: Value, expected: Result<ContactKey, &str>| {
        let text = body.to_string();
        let operation = InboundOperation::ContactDelete;
        let meaning = understand(operation, JSON, text.as_bytes(), &Mapping::default());
        let meaning = meaning.expect("readable");
        match (expected, meaning.edit) {
            (Ok(expected), Some(ContactEdit::Delete { contact, .. })) => {
                assert_eq!(contact, expected, "{text}");
            }
            (Err(pointer), None) => assert_eq!(meaning.errors[0].pointer, pointer, "{text}"),
            (_, edit) => panic!("{text}: {edit:?} {:?}", meaning.errors),
        }
    };
    let id = ContactId::from_raw(9);
    let number = PhoneNumber::from_e164("+12025550187").expect("E.164");
    check(json!({"contact_id": id.to_string()}), Ok(ContactKey::Id(id, Some(list))));
    check(json!({"phone": "2025550187"}), Ok(ContactKey::Phone(list, number.clone())));
    check(
        json!({"Email": "m@example.com"}),
        Ok(ContactKey::Email(list, "m@example.com".to_owned())),
    );
    check(
        json!({"contact_id": "theirs", "phone": "2025550187"}),
        Ok(ContactKey::Phone(list, number)),
    );
    check(json!({"contact_id": "theirs"}), Err("/contact_id"));
    check(json!({"phone": "x"}), Err("/phone"));
    check(json!({"phone": "2025550187", "reason": "boredom"}), Err("/reason"));
    check(json!({"name": "Maria"}), Err("/phone_number"));
}

#[test]
fn more_than_a_contact_can_have_is_refused_or_left_out() {
    let many: serde_json::Map<String, Value> =
        (0..150).map(|n| (format!("f{n}"), json!(n))).collect();
    let mut body = Value::Object(many.clone());
    body["phone"] = json!("2025550187");
    let refused = understand(
        InboundOperation::Contact,
        JSON,
        body.to_string().as_bytes(),
        &Mapping::default(),
    );
    assert_eq!(refused.expect("readable").errors[0].pointer, "/custom_fields");
    // What was only found somewhere inside must not keep a contact out.
    let inside = json!({"phone": "2025550187", "own": 1, "trigger": many, "text": "x"});
    let fields = contact(JSON, &inside.to_string(), &Mapping::default());
    assert_eq!(fields.custom.len(), 100);
    assert_eq!(fields.custom["own"], 1);
    assert_eq!(fields.custom["text"], "x");
    let large = json!({"phone": "2025550187", "note": "x".repeat(5_000)}).to_string();
    let refused =
        understand(InboundOperation::Contact, JSON, large.as_bytes(), &Mapping::default());
    assert_eq!(refused.expect("readable").errors[0].pointer, "/note");
}

fn bodies() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let name = prop::sample::select(vec![
        "phone",
        "phone_number",
        "Email",
        "firstName",
        "name",
        "tags",
        "tags[]",
        "tags.0",
        "consent",
        "dnd",
        "a",
        "contact",
        "customFields",
        "powerlist_id",
        "contact_id",
        "reason",
        "From",
        "value",
    ]);
    let leaf = prop_oneof![
        Just(json!("2025550187")),
        Just(json!("+1 202 555 0187")),
        Just(json!("m@example.com")),
        Just(json!("yes")),
        Just(json!("")),
        Just(Value::Null),
        Just(json!([])),
        any::<f64>().prop_map(|n| json!(n)),
        any::<u64>().prop_map(|n| json!(n)),
        any::<String>().prop_map(|text| json!(text)),
    ];
    let json = leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(
                    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                )
            }),
        ]
    });
    prop_oneof![
        json.prop_map(|value| (JSON, value.to_string().into_bytes())),
        "(phone|email|tags\\[\\]|name|a\\[b\\])=[a-z0-9%+@.]{0,12}(&(phone|consent|x)=[0-9a-z]{0,11}){0,5}"
            .prop_map(|text| (FORM, text.into_bytes())),
        any::<Vec<u8>>().prop_map(|bytes| (FORM, bytes)),
    ]
}

proptest! {
    #[test]
    fn the_same_body_means_the_same_and_a_second_time_nothing(
        (content_type, bytes) in bodies(),
        mapped in prop::option::of(prop::sample::select(vec!["a", "contact.phone", "tags.0", "tags"])),
    ) {
        let mapping = Mapping::parse(mapped.map(|path| ("phone_number", path))).expect("a path");
        for operation in InboundOperation::ALL {
            let first = understand(operation, content_type, &bytes, &mapping);
            prop_assert_eq!(&first, &understand(operation, content_type, &bytes, &mapping));
            let Ok(meaning) = first else { continue };
            prop_assert_eq!(meaning.edit.is_some(), meaning.errors.is_empty());
            if let Some(ContactEdit::Upsert { phone_number, patch, .. }) = meaning.edit {
                let mut fields = patch.create(phone_number).expect("checked before");
                prop_assert_eq!(patch.apply(&mut fields), Ok(false));
            }
        }
    }
}
