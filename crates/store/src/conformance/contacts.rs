//! Powerlists and contacts: changing, listing, searching, and the notes of their events.

use posthaste_core::contact::{
    Contact, ContactEdit, ContactKey, ContactPatch, ContactSource, DeleteReason, Edited,
    NewPowerlist, OnExisting, Powerlist, TextField,
};
use posthaste_core::id::{AccountId, PowerlistId};
use posthaste_core::page::PageRequest;
use posthaste_core::phone::{Country, PhoneNumber};
use posthaste_core::store::{ContactFilter, Origin, Store, StoreError};
use serde_json::json;

use super::fixtures::{DAY, Fixture, SECOND, account, at, now};

pub const API: Origin = Origin { source: ContactSource::Api, raise_events: true, hops: 0 };
const QUIET: Origin = Origin { raise_events: false, ..API };

pub fn number(last: u64) -> PhoneNumber {
    PhoneNumber::from_e164(&format!("+1202555{last:04}")).expect("E.164")
}

pub async fn new_list(store: &dyn Store, account_id: AccountId, name: &str) -> Powerlist {
    let new = NewPowerlist {
        account_id,
        name: name.to_owned(),
        description: "line 1\nline 2".to_owned(),
        default_country: Country::parse("de").expect("a country"),
    };
    store.create_powerlist(now(), new).await.expect("powerlist")
}

pub fn patch(texts: &[(TextField, &str)]) -> ContactPatch {
    let texts = texts.iter();
    ContactPatch {
        texts: texts.map(|(field, text)| (*field, Some((*text).to_owned()))).collect(),
        ..ContactPatch::default()
    }
}

pub fn upsert(list: &Powerlist, last: u64, patch: ContactPatch) -> ContactEdit {
    ContactEdit::Upsert {
        powerlist_id: list.id,
        phone_number: number(last),
        patch,
        on_existing: OnExisting::Update,
    }
}

async fn edit(store: &dyn Store, account: AccountId, edit: ContactEdit) -> Edited {
    let edited = store.edit_contacts(now(), account, vec![edit], API).await.expect("edit");
    edited.into_iter().next().expect("one edit, one answer")
}

fn created(edited: Edited) -> Contact {
    let Edited::Created(contact) = edited else { panic!("{edited:?}") };
    contact
}

async fn count(store: &dyn Store, list: &Powerlist) -> u64 {
    let found = store.powerlist(list.account_id, list.id).await.expect("powerlist");
    found.expect("it is there").contacts
}

/// All that a filter finds, page by page.
async fn found(store: &dyn Store, list: &Powerlist, filter: ContactFilter) -> Vec<Contact> {
    let mut page = PageRequest { limit: 2, cursor: None };
    let mut found = Vec::new();
    loop {
        let contacts = store.list_contacts(list.account_id, list.id, &filter, page).await;
        let contacts = contacts.expect("contacts");
        assert!(contacts.items.len() <= 2);
        found.extend(contacts.items);
        page.cursor = contacts.next;
        if page.cursor.is_none() {
            return found;
        }
    }
}

pub async fn a_powerlist_comes_back_as_it_was_made(f: &mut dyn Fixture) {
    let made = new_list(&*f.store(), account(1), "Spring \"24\" ä").await;
    assert_eq!((made.contacts, made.created_at, made.updated_at), (0, now(), now()));
    f.reopen().await;
    let found = f.store().powerlist(account(1), made.id).await.expect("powerlist");
    assert_eq!(found.as_ref(), Some(&made));
    let changed = Powerlist {
        name: "Autumn".to_owned(),
        description: String::new(),
        default_country: Country::US,
        updated_at: at(DAY),
        contacts: 77,
        ..made.clone()
    };
    assert!(f.store().update_powerlist(&changed).await.expect("update"));
    let found = f.store().powerlist(account(1), made.id).await.expect("powerlist");
    assert_eq!(found, Some(Powerlist { contacts: 0, ..changed }), "nobody says how many there are");
    let newer = new_list(&*f.store(), account(1), "Spring \"24\" ä").await;
    assert!(newer.id > made.id);
    let all = f.store().list_powerlists(account(1), PageRequest::default()).await.expect("lists");
    let ids: Vec<PowerlistId> = all.items.iter().map(|list| list.id).collect();
    assert_eq!(ids, [newer.id, made.id]);
}

pub async fn a_powerlists_name_is_its_accounts(f: &mut dyn Fixture) {
    let first = new_list(&*f.store(), account(1), "Leads").await;
    let other = new_list(&*f.store(), account(2), "Leads").await;
    let new = NewPowerlist {
        account_id: account(1),
        name: "Leads".to_owned(),
        description: String::new(),
        default_country: Country::US,
    };
    let again = f.store().create_powerlist(now(), new).await;
    assert!(matches!(again, Err(StoreError::Taken { .. })), "{again:?}");
    let second = new_list(&*f.store(), account(1), "Others").await;
    let count = async |account| f.store().count_powerlists(account).await.expect("a count");
    assert_eq!((count(account(1)).await, count(account(2)).await), (2, 1));
    assert_eq!(count(account(3)).await, 0);
    let renamed = Powerlist { name: "Leads".to_owned(), ..second };
    let renamed = f.store().update_powerlist(&renamed).await;
    assert!(matches!(renamed, Err(StoreError::Taken { .. })), "{renamed:?}");
    assert_eq!(f.store().powerlist(account(1), other.id).await.expect("powerlist"), None);
    assert!(!f.store().delete_powerlist(account(2), first.id).await.expect("delete"));
    let elsewhere = Powerlist { account_id: account(2), ..first.clone() };
    assert!(!f.store().update_powerlist(&elsewhere).await.expect("update"));
    assert_eq!(f.store().powerlist(account(1), first.id).await.expect("powerlist"), Some(first));
}

pub async fn a_contact_comes_back_as_it_was_made(f: &mut dyn Fixture) {
    let list = new_list(&*f.store(), account(1), "Leads").await;
    let full = ContactPatch {
        texts: TextField::ALL
            .map(|field| (field, Some(format!("a@{} \"ä\"", field.as_str()))))
            .into(),
        tags: Some(vec!["new lead".to_owned(), "ä".to_owned()]),
        consent: Some(Some(true)),
        dnd: Some(Some(false)),
        custom: json!({ "z": 1, "a": { "b": [null, "\u{0}"] } }).as_object().expect("so").clone(),
        ..ContactPatch::default()
    };
    for (last, patch) in [(1, ContactPatch::default()), (2, full)] {
        let made = created(edit(&*f.store(), account(1), upsert(&list, last, patch.clone())).await);
        assert_eq!(made.fields, patch.create(number(last)).expect("few"));
        assert_eq!((made.powerlist_id, made.account_id), (list.id, account(1)));
        assert_eq!((made.created_at, made.updated_at), (now(), now()));
        assert_eq!(made.source, ContactSource::Api);
        f.reopen().await;
        assert_eq!(f.store().contact(account(1), made.id).await.expect("contact"), Some(made));
    }
    assert_eq!(count(&*f.store(), &list).await, 2);
}

pub async fn an_upsert_knows_a_contact_by_its_number(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let other = new_list(&*store, account(1), "Others").await;
    let first = created(edit(&*store, account(1), upsert(&list, 1, patch(&[]))).await);
    created(edit(&*store, account(1), upsert(&other, 1, patch(&[]))).await);
    let named = patch(&[(TextField::FirstName, "Maria")]);
    let later = store.edit_contacts(
        at(SECOND),
        account(1),
        vec![upsert(&list, 1, named.clone()), upsert(&list, 1, named)],
        API,
    );
    let edited = later.await.expect("edit");
    let Edited::Updated(updated) = &edited[0] else { panic!("{edited:?}") };
    assert_eq!((updated.id, updated.created_at, updated.updated_at), (first.id, now(), at(SECOND)));
    assert_eq!(updated.fields.texts[&TextField::FirstName], "Maria");
    assert_eq!(edited[1], Edited::Unchanged(first.id));
    let skip = ContactEdit::Upsert {
        powerlist_id: list.id,
        phone_number: number(1),
        patch: patch(&[(TextField::FirstName, "Ann")]),
        on_existing: OnExisting::Skip,
    };
    assert_eq!(edit(&*store, account(1), skip).await, Edited::Unchanged(first.id));
    assert_eq!(store.contact(account(1), first.id).await.expect("contact").as_ref(), Some(updated));
    assert_eq!((count(&*store, &list).await, count(&*store, &other).await), (1, 1));
}

pub async fn what_cannot_be_done_leaves_the_others_alone(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let first = created(edit(&*store, account(1), upsert(&list, 1, patch(&[]))).await);
    let many = ContactPatch {
        more_tags: (0..200).map(|tag| tag.to_string()).collect(),
        ..ContactPatch::default()
    };
    let to_number = |last| ContactPatch { phone_number: Some(number(last)), ..patch(&[]) };
    let nowhere = Powerlist { id: PowerlistId::from_raw(1), ..list.clone() };
    let edits = vec![
        upsert(&list, 2, patch(&[])),
        ContactEdit::Change { id: first.id, patch: to_number(2) },
        upsert(&list, 1, many.clone()),
        upsert(&list, 3, many),
        upsert(&nowhere, 4, patch(&[])),
        ContactEdit::Change { id: first.id, patch: to_number(5) },
        upsert(&list, 1, patch(&[])),
    ];
    let edited = store.edit_contacts(now(), account(1), edits, API).await.expect("edit");
    assert!(matches!(edited[0], Edited::Created(_)));
    assert_eq!(edited[1], Edited::NumberTaken);
    assert!(matches!((&edited[2], &edited[3]), (Edited::Refused(_), Edited::Refused(_))));
    assert_eq!(edited[4], Edited::NoSuchList);
    assert!(
        matches!(&edited[5], Edited::Updated(contact) if contact.fields.phone_number == number(5))
    );
    assert!(matches!(edited[6], Edited::Created(_)), "the number is free again");
    assert_eq!(count(&*store, &list).await, 3);
}

pub async fn another_accounts_contact_does_not_exist(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let email = patch(&[(TextField::Email, "m@example.com")]);
    let contact = created(edit(&*store, account(1), upsert(&list, 1, email)).await);
    assert_eq!(store.contact(account(2), contact.id).await.expect("contact"), None);
    let filter = ContactFilter::default();
    let listed = store.list_contacts(account(2), list.id, &filter, PageRequest::default()).await;
    assert!(listed.expect("contacts").items.is_empty());
    let delete = |contact| ContactEdit::Delete { contact, reason: DeleteReason::Api };
    let checks = [
        (upsert(&list, 1, patch(&[(TextField::City, "Bonn")])), Edited::NoSuchList),
        (ContactEdit::Change { id: contact.id, patch: patch(&[]) }, Edited::Missing),
        (delete(ContactKey::Id(contact.id, None)), Edited::Missing),
        (delete(ContactKey::Id(contact.id, Some(list.id))), Edited::Missing),
        (delete(ContactKey::Phone(list.id, number(1))), Edited::NoSuchList),
        (delete(ContactKey::Email(list.id, "m@example.com".to_owned())), Edited::NoSuchList),
    ];
    for (wanted, expected) in checks {
        assert_eq!(edit(&*store, account(2), wanted).await, expected);
    }
    assert_eq!(store.contact(account(1), contact.id).await.expect("contact"), Some(contact));
}

pub async fn a_contact_is_deleted_by_id_number_or_address(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let other = new_list(&*store, account(1), "Others").await;
    for (last, email) in [(1, "a@x.com"), (2, "B@x.com"), (3, "c@x.com"), (4, "c@x.com")] {
        let with_email = patch(&[(TextField::Email, email)]);
        created(edit(&*store, account(1), upsert(&list, last, with_email)).await);
    }
    let by_number = |last| ContactKey::Phone(list.id, number(last));
    let by_email = |email: &str| ContactKey::Email(list.id, email.to_owned());
    let first = found(&*store, &list, ContactFilter::default()).await.pop().expect("the oldest");
    let deleted = async |contact| {
        let wanted = ContactEdit::Delete { contact, reason: DeleteReason::OptOut };
        edit(&*store, account(1), wanted).await
    };
    assert_eq!(deleted(ContactKey::Id(first.id, Some(other.id))).await, Edited::Missing);
    assert_eq!(deleted(ContactKey::Id(first.id, None)).await, Edited::Deleted(first.clone()));
    assert_eq!(deleted(ContactKey::Id(first.id, None)).await, Edited::Missing);
    assert_eq!(deleted(by_number(1)).await, Edited::Missing);
    assert_eq!(deleted(by_email("a@x.com")).await, Edited::Missing);
    assert!(matches!(deleted(by_email("b@X.com")).await, Edited::Deleted(_)));
    assert_eq!(deleted(by_email("c@x.com")).await, Edited::Several(2));
    assert!(matches!(deleted(by_number(3)).await, Edited::Deleted(_)));
    assert!(matches!(deleted(by_email("c@x.com")).await, Edited::Deleted(_)));
    assert_eq!(count(&*store, &list).await, 0);
    let again = created(edit(&*store, account(1), upsert(&list, 1, patch(&[]))).await);
    assert!(again.id > first.id, "an id is never used again");
}

pub async fn a_search_finds_what_begins_so_and_digits_anywhere(f: &mut dyn Fixture) {
    let list = new_list(&*f.store(), account(1), "Leads").await;
    let other = new_list(&*f.store(), account(1), "Others").await;
    let people = [
        (1_187, "María", "López", "maria.lopez@example.com", "Bonn", vec!["VIP 2024"]),
        (2_000, "Ann", "O'Neil", "ann@other.org", "New York", vec!["new", "vip"]),
        (3_187, "Zoë", "", "", "", vec![]),
    ];
    for (last, first_name, last_name, email, city, tags) in people {
        let mut patch = patch(&[(TextField::FirstName, first_name)]);
        for (field, text) in
            [(TextField::LastName, last_name), (TextField::Email, email), (TextField::City, city)]
        {
            if !text.is_empty() {
                patch.texts.insert(field, Some(text.to_owned()));
            }
        }
        patch.tags = Some(tags.into_iter().map(str::to_owned).collect());
        for list in [&list, &other] {
            created(edit(&*f.store(), account(1), upsert(list, last, patch.clone())).await);
        }
    }
    f.reopen().await;
    let store = f.store();
    let check = async |search: &str, tag: Option<&str>, expected: &[u64]| {
        let filter = ContactFilter { search: Some(search.to_owned()), tag: tag.map(str::to_owned) };
        let found = found(&*store, &list, filter).await;
        let numbers: Vec<PhoneNumber> =
            found.into_iter().map(|contact| contact.fields.phone_number).collect();
        let expected: Vec<PhoneNumber> = expected.iter().copied().map(number).collect();
        assert_eq!(numbers, expected, "{search:?} {tag:?}");
    };
    check("", None, &[3_187, 2_000, 1_187]).await;
    check("  ,; ", None, &[3_187, 2_000, 1_187]).await;
    check("mar", None, &[1_187]).await;
    check("LÓP mar", None, &[1_187]).await;
    check("aria", None, &[]).await;
    check("maria.lopez@exa", None, &[1_187]).await;
    check("york new", None, &[2_000]).await;
    check("o'n", None, &[2_000]).await;
    check("zoë", None, &[3_187]).await;
    check("187", None, &[3_187, 1_187]).await;
    check("+1 (202) 555-2000", None, &[2_000]).await;
    check("12025551187", None, &[1_187]).await;
    check("20", None, &[3_187, 2_000, 1_187]).await;
    check("2024", None, &[1_187]).await;
    check("vip", None, &[2_000, 1_187]).await;
    check("", Some("vip"), &[2_000]).await;
    check("", Some("VIP 2024"), &[1_187]).await;
    check("", Some("VIP"), &[]).await;
    check("bonn", Some("vip"), &[]).await;
    check("\" OR * NEAR( words:a", None, &[]).await;
}

pub async fn a_search_follows_changes(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    // More than a search looks at one by one.
    let crowd = (1..=2_500).map(|last| upsert(&list, last, patch(&[(TextField::City, "Bonn")])));
    store.edit_contacts(now(), account(1), crowd.collect(), QUIET).await.expect("edit");
    let filter = |search: &str| ContactFilter { search: Some(search.to_owned()), tag: None };
    assert_eq!(found(&*store, &list, filter("5550001")).await.len(), 1);
    let renamed = upsert(&list, 1, patch(&[(TextField::City, "Rome")]));
    assert!(matches!(edit(&*store, account(1), renamed).await, Edited::Updated(_)));
    assert_eq!(found(&*store, &list, filter("rom")).await.len(), 1);
    assert_eq!(found(&*store, &list, filter("bonn 5550001")).await.len(), 0);
    assert_eq!(found(&*store, &list, filter("bonn")).await.len(), 2_499);
    let contact = ContactKey::Phone(list.id, number(1));
    let delete = ContactEdit::Delete { contact, reason: DeleteReason::User };
    assert!(matches!(edit(&*store, account(1), delete).await, Edited::Deleted(_)));
    assert_eq!(found(&*store, &list, filter("rom")).await.len(), 0);
    assert_eq!(found(&*store, &list, filter("5550001")).await.len(), 0);
}

pub async fn a_deleted_powerlist_is_gone_with_all_on_it(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let kept = new_list(&*store, account(1), "Others").await;
    let first = created(edit(&*store, account(1), upsert(&list, 1, patch(&[]))).await);
    let stays = created(edit(&*store, account(1), upsert(&kept, 1, patch(&[]))).await);
    store.contact_events_raised(u64::MAX).await.expect("raised");
    let more = (2..=50).map(|last| upsert(&list, last, patch(&[])));
    store.edit_contacts(now(), account(1), more.collect(), QUIET).await.expect("edit");
    assert!(store.delete_powerlist(account(1), list.id).await.expect("delete"));
    assert!(!store.delete_powerlist(account(1), list.id).await.expect("delete"));
    assert_eq!(store.contact(account(1), first.id).await.expect("contact"), None);
    let wanted = ContactEdit::Change { id: first.id, patch: patch(&[(TextField::City, "Bonn")]) };
    assert_eq!(edit(&*store, account(1), wanted).await, Edited::Missing);
    let again = new_list(&*store, account(1), "Leads").await;
    assert!(found(&*store, &again, ContactFilter::default()).await.is_empty());
    assert!(store.contact_events(10).await.expect("events").is_empty());
    drop(store);
    f.reopen().await;
    let store = f.store();
    assert!(store.sweep(now(), 20).await.expect("sweep"), "there is more");
    assert!(store.sweep(now(), 20).await.expect("sweep"), "there is more");
    assert!(!store.sweep(now(), 20).await.expect("sweep"));
    assert_eq!(store.contact(account(1), stays.id).await.expect("contact"), Some(stays));
    assert_eq!(count(&*store, &kept).await, 1);
}

pub async fn every_change_notes_its_event_once(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let named = patch(&[(TextField::FirstName, "Maria")]);
    let origin = Origin { hops: 3, ..API };
    let delete = |last| ContactEdit::Delete {
        contact: ContactKey::Phone(list.id, number(last)),
        reason: DeleteReason::Gdpr,
    };
    let edits = vec![
        upsert(&list, 1, patch(&[])),
        upsert(&list, 1, named.clone()),
        upsert(&list, 1, named.clone()),
        delete(2),
        delete(1),
    ];
    let edited = store.edit_contacts(at(SECOND), account(1), edits, origin).await.expect("edit");
    let quiet = vec![upsert(&list, 3, named)];
    store.edit_contacts(now(), account(1), quiet, QUIET).await.expect("edit");
    drop(store);
    f.reopen().await;
    let store = f.store();
    let events = store.contact_events(10).await.expect("events");
    let told: Vec<&Edited> = events.iter().map(|event| &event.edited).collect();
    assert_eq!(told, [&edited[0], &edited[1], &edited[4]]);
    assert!(events.iter().all(|event| event.account_id == account(1) && event.at == at(SECOND)));
    assert!(events.iter().all(|event| event.hops == 3));
    assert!(events.is_sorted_by_key(|event| event.note));
    let reasons: Vec<Option<DeleteReason>> = events.iter().map(|event| event.reason).collect();
    assert_eq!(reasons, [None, None, Some(DeleteReason::Gdpr)]);
    assert_eq!(store.contact_events(1).await.expect("events"), events[..1]);
    store.contact_events_raised(events[1].note).await.expect("raised");
    assert_eq!(store.contact_events(10).await.expect("events"), events[2..]);
    store.contact_events_raised(events[2].note).await.expect("raised");
    edit(&*store, account(1), upsert(&list, 9, patch(&[]))).await;
    let newer = store.contact_events(10).await.expect("events");
    assert!(newer[0].note > events[2].note, "a note's number is never used again");
}

pub async fn two_upserts_of_a_number_at_once_make_one_contact(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let mut upserts = tokio::task::JoinSet::new();
    for city in 0..16 {
        let (store, list) = (store.clone(), list.clone());
        upserts.spawn(async move {
            let patch = patch(&[(TextField::City, &format!("City {city}"))]);
            edit(&*store, account(1), upsert(&list, 1, patch)).await
        });
    }
    let edited = upserts.join_all().await;
    let made = edited.iter().filter(|edited| matches!(edited, Edited::Created(_))).count();
    assert_eq!((made, count(&*store, &list).await), (1, 1));
    assert_eq!(found(&*store, &list, ContactFilter::default()).await.len(), 1);
    assert_eq!(store.contact_events(100).await.expect("events").len(), 16);
}
