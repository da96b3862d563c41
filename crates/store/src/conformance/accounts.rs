//! Accounts and API keys.

use posthaste_core::account::{DEFAULT_ACCOUNT, KeyHash, NewApiKey, Role, Validate};
use posthaste_core::id::AccountId;
use posthaste_core::page::PageRequest;
use posthaste_core::store::{Store, StoreError};

use super::fixtures::{DAY, Fixture, at, now};
use super::webhooks::new_webhook;

fn key(account_id: Option<AccountId>, fill: u8) -> NewApiKey {
    let role = if account_id.is_none() { Role::Platform } else { Role::Publish };
    let name = format!("key {fill}");
    NewApiKey { account_id, role, name, hint: "phk_abcd".to_owned(), hash: KeyHash([fill; 32]) }
}

async fn default_account(store: &dyn Store) -> AccountId {
    store.account_named(DEFAULT_ACCOUNT).await.expect("account").expect("there is one").id
}

pub async fn a_new_store_has_one_account(f: &mut dyn Fixture) {
    for _ in 0..2 {
        let page = f.store().list_accounts(PageRequest::default()).await.expect("accounts");
        let names: Vec<&str> = page.items.iter().map(|account| account.name.as_str()).collect();
        assert_eq!(names, [DEFAULT_ACCOUNT]);
        assert_eq!(page.next, None);
        f.reopen().await;
    }
}

pub async fn an_account_is_found_by_id_and_by_name_also_after_a_restart(f: &mut dyn Fixture) {
    let made = f.store().create_account(at(DAY), "Müller & Co").await.expect("account");
    assert_eq!((made.name.as_str(), made.created_at), ("Müller & Co", at(DAY)));
    f.reopen().await;
    let store = f.store();
    assert_eq!(store.account(made.id).await.expect("account"), Some(made.clone()));
    assert_eq!(store.account_named("Müller & Co").await.expect("account"), Some(made));
    assert_eq!(store.account_named("nobody").await.expect("account"), None);
    assert_eq!(store.account(AccountId::from_raw(5)).await.expect("account"), None);
}

pub async fn a_name_is_given_once(f: &mut dyn Fixture) {
    let store = f.store();
    store.create_account(now(), "acme").await.expect("account");
    for name in ["acme", DEFAULT_ACCOUNT] {
        let error = store.create_account(now(), name).await.expect_err("taken");
        assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    }
    let page = store.list_accounts(PageRequest::default()).await.expect("accounts");
    assert_eq!(page.items.len(), 2, "nothing was stored");
}

pub async fn accounts_come_newest_first_and_page(f: &mut dyn Fixture) {
    let store = f.store();
    for number in 1..=7 {
        store.create_account(now(), &format!("account {number}")).await.expect("account");
    }
    let mut names = Vec::new();
    let mut page = PageRequest { limit: 3, cursor: None };
    loop {
        let accounts = store.list_accounts(page).await.expect("accounts");
        names.extend(accounts.items.into_iter().map(|account| account.name));
        page.cursor = accounts.next;
        if page.cursor.is_none() {
            break;
        }
    }
    let mut expected: Vec<String> = (1..=7).rev().map(|n| format!("account {n}")).collect();
    expected.push(DEFAULT_ACCOUNT.to_owned());
    assert_eq!(names, expected);
}

pub async fn what_an_account_does_about_invalid_data_is_kept(f: &mut dyn Fixture) {
    let made = f.store().create_account(now(), "acme").await.expect("account");
    assert_eq!(made.validate, Validate::Warn);
    for validate in Validate::ALL {
        let changed = f.store().set_validate(made.id, validate).await.expect("account");
        assert_eq!(changed.map(|account| account.validate), Some(validate));
        f.reopen().await;
        let found = f.store().account(made.id).await.expect("account").expect("made");
        assert_eq!(found.validate, validate);
    }
    let others = default_account(&*f.store()).await;
    let other = f.store().account(others).await.expect("account").expect("there is one");
    assert_eq!(other.validate, Validate::Warn, "one account's choice is its own");
    let nobody = f.store().set_validate(AccountId::from_raw(5), Validate::Off).await;
    assert_eq!(nobody.expect("no fault"), None);
}

pub async fn keys_survive_and_are_listed_by_account(f: &mut dyn Fixture) {
    let account = default_account(&*f.store()).await;
    let platform = f.store().create_key(now(), key(None, 1)).await.expect("key");
    let first = f.store().create_key(now(), key(Some(account), 2)).await.expect("key");
    let second = f.store().create_key(at(DAY), key(Some(account), 3)).await.expect("key");
    assert_eq!((platform.role, first.role), (Role::Platform, Role::Publish));
    assert_eq!((second.created_at, second.name.as_str()), (at(DAY), "key 3"));
    f.reopen().await;
    let store = f.store();
    let page = PageRequest { limit: 1, cursor: None };
    let newest = store.list_keys(Some(account), page).await.expect("keys");
    assert_eq!(newest.items, std::slice::from_ref(&second));
    let rest = PageRequest { limit: 10, cursor: newest.next };
    assert_eq!(
        store.list_keys(Some(account), rest).await.expect("keys").items,
        std::slice::from_ref(&first)
    );
    let of_platform = store.list_keys(None, PageRequest::default()).await.expect("keys");
    assert_eq!(of_platform.items, std::slice::from_ref(&platform));
    let mut all = store.all_keys().await.expect("keys");
    all.sort_by_key(|key| key.id);
    assert_eq!(all, [platform, first, second]);
}

pub async fn a_key_hash_is_known_once(f: &mut dyn Fixture) {
    let store = f.store();
    let account = default_account(&*store).await;
    store.create_key(now(), key(None, 1)).await.expect("key");
    let error = store.create_key(now(), key(Some(account), 1)).await.expect_err("taken");
    assert!(matches!(error, StoreError::Taken { .. }), "{error}");
}

pub async fn another_accounts_key_cannot_be_deleted(f: &mut dyn Fixture) {
    let store = f.store();
    let account = default_account(&*store).await;
    let made = store.create_key(now(), key(Some(account), 1)).await.expect("key");
    let other = store.create_account(now(), "other").await.expect("account").id;
    for stranger in [None, Some(other)] {
        assert!(!store.delete_key(stranger, made.id).await.expect("delete"));
    }
    assert!(store.delete_key(Some(account), made.id).await.expect("delete"));
    assert!(!store.delete_key(Some(account), made.id).await.expect("delete"));
    assert!(store.all_keys().await.expect("keys").is_empty());
}

pub async fn config_ids_are_never_used_again(f: &mut dyn Fixture) {
    let account = default_account(&*f.store()).await;
    let key = f.store().create_key(at(DAY), key(Some(account), 1)).await.expect("key");
    assert!(f.store().delete_key(Some(account), key.id).await.expect("delete"));
    f.reopen().await;
    // The clock was set back meanwhile.
    let webhook = f.store().create_webhook(now(), new_webhook(account)).await.expect("webhook");
    assert!(webhook.id.as_raw() > key.id.as_raw());
}
