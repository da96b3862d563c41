//! Users, sessions and one-time links.

use std::time::Duration;

use posthaste_core::account::DEFAULT_ACCOUNT;
use posthaste_core::id::{AccountId, UserId};
use posthaste_core::limits::{SESSION_IDLE, SESSIONS_PER_USER_MAX};
use posthaste_core::page::PageRequest;
use posthaste_core::session::{Link, LinkFor, NewSession, Session, SignedInBy, TokenHash};
use posthaste_core::store::{Store, StoreError, UserChange};
use posthaste_core::time::Timestamp;
use posthaste_core::user::{Email, NewUser, PasswordHash, User, UserRole};

use super::fixtures::{DAY, Fixture, MINUTE, SECOND, at, now};

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).expect("an address")
}

fn new_user(account_id: Option<AccountId>, name: &str, role: UserRole) -> NewUser {
    NewUser { account_id, email: email(name), name: name.to_owned(), role }
}

async fn user(store: &dyn Store, name: &str, role: UserRole) -> User {
    store.create_user(now(), new_user(None, name, role)).await.expect("a new user")
}

async fn account(store: &dyn Store) -> AccountId {
    store.account_named(DEFAULT_ACCOUNT).await.expect("account").expect("there is one").id
}

fn session(begun: Timestamp, fill: u8) -> NewSession {
    NewSession {
        hash: TokenHash([fill; 32]),
        by: SignedInBy::Password,
        created_at: begun,
        expires_at: begun.saturating_add(SESSION_IDLE),
    }
}

fn link(whom: LinkFor, fill: u8) -> Link {
    Link { hash: TokenHash([fill; 32]), whom, expires_at: at(DAY) }
}

async fn start(store: &dyn Store, user: UserId, fill: u8) {
    assert!(store.start_session(user, session(now(), fill)).await.expect("session"));
}

async fn live(store: &dyn Store, fill: u8) -> Option<(Session, User)> {
    store.session(at(SECOND), TokenHash([fill; 32])).await.expect("session")
}

async fn is_live(store: &dyn Store, fill: u8) -> bool {
    live(store, fill).await.is_some()
}

async fn redeem(store: &dyn Store, time: Timestamp, fill: u8) -> Option<User> {
    let owner = NewUser::first_owner();
    let begun = session(time, fill + 100);
    store.redeem_link(time, TokenHash([fill; 32]), owner, begun).await.expect("link")
}

pub async fn a_user_comes_back_as_it_was_made(f: &mut dyn Fixture) {
    let account = account(&*f.store()).await;
    let new = new_user(Some(account), "ann", UserRole::Editor);
    let made = f.store().create_user(at(DAY), new).await.expect("a new user");
    let expected = User {
        id: made.id,
        account_id: Some(account),
        email: email("ann"),
        name: "ann".to_owned(),
        role: UserRole::Editor,
        password: None,
        created_at: at(DAY),
        last_sign_in_at: None,
    };
    assert_eq!(made, expected);
    f.reopen().await;
    let store = f.store();
    assert_eq!(store.user(made.id).await.expect("user"), Some(made.clone()));
    assert_eq!(store.user_by_email(&email("ann")).await.expect("user"), Some(made));
    assert_eq!(store.user_by_email(&email("bob")).await.expect("user"), None);
    assert_eq!(store.user(UserId::from_raw(5)).await.expect("user"), None);
}

pub async fn an_e_mail_address_is_one_users(f: &mut dyn Fixture) {
    let store = f.store();
    let account = account(&*store).await;
    user(&*store, "ann", UserRole::Owner).await;
    let bob = user(&*store, "bob", UserRole::Owner).await;
    for account_id in [None, Some(account)] {
        let again = new_user(account_id, "ann", UserRole::Viewer);
        let error = store.create_user(now(), again).await.expect_err("taken");
        assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    }
    let renamed = User { email: email("ann"), name: "other".to_owned(), ..bob.clone() };
    let error = store.update_user(&renamed).await.expect_err("taken");
    assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    assert_eq!(store.user(bob.id).await.expect("user"), Some(bob));
    let all = store.list_users(None, PageRequest::default()).await.expect("users");
    assert_eq!(all.items.len(), 2, "nothing was stored");
}

pub async fn users_come_newest_first_by_account_and_page(f: &mut dyn Fixture) {
    let store = f.store();
    let own = account(&*store).await;
    let other = store.create_account(now(), "other").await.expect("account").id;
    for (name, account_id) in
        [("a", None), ("b", Some(own)), ("c", Some(other)), ("d", Some(own)), ("e", Some(own))]
    {
        let new = new_user(account_id, name, UserRole::Viewer);
        store.create_user(now(), new).await.expect("a new user");
    }
    let list = async |account: Option<AccountId>| {
        let mut names = String::new();
        let mut page = PageRequest { limit: 2, cursor: None };
        loop {
            let found = store.list_users(account, page).await.expect("users");
            assert!(found.items.len() <= 2);
            names.extend(found.items.iter().map(|user| user.name.clone()));
            page.cursor = found.next;
            if page.cursor.is_none() {
                return names;
            }
        }
    };
    assert_eq!(list(None).await, "edcba");
    assert_eq!(list(Some(own)).await, "edb");
    assert_eq!(list(Some(other)).await, "c");
    assert_eq!(list(Some(AccountId::from_raw(5))).await, "");

    let count = async |account| store.count_users(account).await.expect("a count");
    assert_eq!(count(None).await, 1, "the platform's own");
    assert_eq!(count(Some(own)).await, 3);
    assert_eq!(count(Some(other)).await, 1);
    assert_eq!(count(Some(AccountId::from_raw(5))).await, 0);
}

pub async fn an_update_changes_address_name_and_role_only(f: &mut dyn Fixture) {
    let made = user(&*f.store(), "ann", UserRole::Editor).await;
    let wished = User {
        email: email("ann.lee"),
        name: "Ann Lee".to_owned(),
        role: UserRole::Viewer,
        account_id: Some(AccountId::from_raw(5)),
        password: Some(PasswordHash::new("not this way".to_owned())),
        created_at: at(DAY),
        last_sign_in_at: Some(at(DAY)),
        ..made.clone()
    };
    let store = f.store();
    assert_eq!(store.update_user(&wished).await.expect("update"), UserChange::Done);
    drop(store);
    f.reopen().await;
    let expected =
        User { email: wished.email, name: wished.name, role: wished.role, ..made.clone() };
    assert_eq!(f.store().user(made.id).await.expect("user"), Some(expected));
    let gone = User { id: UserId::from_raw(5), ..made };
    assert_eq!(f.store().update_user(&gone).await.expect("update"), UserChange::Missing);
    assert_eq!(f.store().delete_user(gone.id).await.expect("delete"), UserChange::Missing);
}

pub async fn the_last_owner_of_an_account_and_of_the_platform_stays_one(f: &mut dyn Fixture) {
    let store = f.store();
    let account = account(&*store).await;
    let other = store.create_account(now(), "other").await.expect("account").id;
    for account_id in [None, Some(account), Some(other)] {
        let prefix = account_id.map_or("platform".to_owned(), |id| id.to_string());
        let new = |name: &str, role| new_user(account_id, &format!("{prefix}-{name}"), role);
        let owner = store.create_user(now(), new("one", UserRole::Owner)).await.expect("user");
        let editor = store.create_user(now(), new("two", UserRole::Editor)).await.expect("user");
        let demoted = User { role: UserRole::Editor, ..owner.clone() };
        let demote = store.update_user(&demoted).await.expect("update");
        assert_eq!(demote, UserChange::LastOwner, "{account_id:?}");
        let delete = store.delete_user(owner.id).await.expect("delete");
        assert_eq!(delete, UserChange::LastOwner, "{account_id:?}");
        assert_eq!(store.user(owner.id).await.expect("user"), Some(owner.clone()));
        let renamed = User { name: "New".to_owned(), ..owner.clone() };
        assert_eq!(store.update_user(&renamed).await.expect("update"), UserChange::Done);
        let promoted = User { role: UserRole::Owner, ..editor.clone() };
        assert_eq!(store.update_user(&promoted).await.expect("update"), UserChange::Done);
        assert_eq!(store.update_user(&demoted).await.expect("update"), UserChange::Done);
        assert_eq!(store.delete_user(owner.id).await.expect("delete"), UserChange::Done);
        assert_eq!(
            store.delete_user(editor.id).await.expect("delete"),
            UserChange::LastOwner,
            "{account_id:?}"
        );
    }
}

pub async fn two_changes_at_the_same_time_leave_an_owner(f: &mut dyn Fixture) {
    let store = f.store();
    let ann = user(&*store, "ann", UserRole::Owner).await;
    let bob = user(&*store, "bob", UserRole::Owner).await;
    let (one, two) = tokio::join!(store.delete_user(ann.id), store.delete_user(bob.id));
    let mut ends = [one.expect("delete"), two.expect("delete")];
    ends.sort_by_key(|end| *end == UserChange::LastOwner);
    assert_eq!(ends, [UserChange::Done, UserChange::LastOwner]);
}

pub async fn a_session_is_found_while_it_lives_with_its_user(f: &mut dyn Fixture) {
    let made = user(&*f.store(), "ann", UserRole::Viewer).await;
    let begun = session(at(MINUTE), 1);
    assert!(f.store().start_session(made.id, begun.clone()).await.expect("session"));
    f.reopen().await;
    let store = f.store();
    let expected = User { last_sign_in_at: Some(at(MINUTE)), ..made.clone() };
    let find = async |time: Timestamp, fill: u8| {
        store.session(time, TokenHash([fill; 32])).await.expect("session")
    };
    assert_eq!(find(at(MINUTE), 1).await, Some((begun.clone().of(made.id), expected.clone())));
    assert_eq!(find(at(MINUTE), 2).await, None);
    let end = begun.expires_at;
    assert!(find(end.saturating_sub(Duration::from_millis(1)), 1).await.is_some());
    assert!(find(end, 1).await.is_none());

    let later = end.saturating_add(DAY);
    store.renew_session(begun.hash, later).await.expect("renewed");
    store.renew_session(TokenHash([2; 32]), later).await.expect("nothing to renew");
    let renewed = Session { expires_at: later, ..begun.of(made.id) };
    assert_eq!(find(end, 1).await, Some((renewed, expected)));
    assert!(find(end, 2).await.is_none());
    assert!(!store.start_session(UserId::from_raw(5), session(now(), 3)).await.expect("session"));
    assert!(find(at(MINUTE), 3).await.is_none());
}

pub async fn a_session_that_was_ended_is_gone(f: &mut dyn Fixture) {
    let made = user(&*f.store(), "ann", UserRole::Viewer).await;
    for fill in [1, 2] {
        start(&*f.store(), made.id, fill).await;
    }
    assert!(f.store().end_session(TokenHash([1; 32])).await.expect("end"));
    assert!(!f.store().end_session(TokenHash([1; 32])).await.expect("end"));
    f.reopen().await;
    let store = f.store();
    assert!(!is_live(&*store, 1).await);
    assert!(is_live(&*store, 2).await);
}

pub async fn the_oldest_sessions_end_beyond_the_bound(f: &mut dyn Fixture) {
    let store = f.store();
    let ann = user(&*store, "ann", UserRole::Viewer).await;
    let bob = user(&*store, "bob", UserRole::Viewer).await;
    start(&*store, bob.id, 200).await;
    for number in 0..=SESSIONS_PER_USER_MAX as u8 {
        // Later ones were begun later.
        let begun = session(now().saturating_add(SECOND * u32::from(number) / 100), number);
        assert!(store.start_session(ann.id, begun).await.expect("session"));
    }
    assert!(!is_live(&*store, 0).await);
    for number in 1..=SESSIONS_PER_USER_MAX as u8 {
        assert!(is_live(&*store, number).await, "{number}");
    }
    assert!(is_live(&*store, 200).await);
}

pub async fn a_new_password_ends_all_sessions_but_the_new_one(f: &mut dyn Fixture) {
    let ann = user(&*f.store(), "ann", UserRole::Viewer).await;
    let bob = user(&*f.store(), "bob", UserRole::Viewer).await;
    for (user, fill) in [(ann.id, 1), (ann.id, 2), (bob.id, 3)] {
        start(&*f.store(), user, fill).await;
    }
    let to_ann = link(LinkFor::User(ann.id), 50);
    assert!(f.store().put_link(to_ann).await.expect("link"));
    let hash = PasswordHash::new("$argon2id$a".to_owned());
    let begun = session(at(SECOND), 4);
    assert!(f.store().set_password(ann.id, hash.clone(), begun.clone()).await.expect("set"));
    f.reopen().await;
    let store = f.store();
    for (fill, expected) in [(1, false), (2, false), (3, true), (4, true)] {
        assert_eq!(is_live(&*store, fill).await, expected, "{fill}");
    }
    let (_, with_password) = live(&*store, 4).await.expect("live");
    assert_eq!(with_password.password, Some(hash.clone()));
    assert_eq!(redeem(&*store, now(), 50).await, None, "the link ended too");
    let nobody = UserId::from_raw(5);
    assert!(!store.set_password(nobody, hash, session(now(), 5)).await.expect("set"));
}

pub async fn a_new_role_and_the_end_of_a_user_end_sessions_and_links(f: &mut dyn Fixture) {
    let store = f.store();
    user(&*store, "root", UserRole::Owner).await;
    for (name, fill) in [("ann", 1_u8), ("bob", 2)] {
        let made = user(&*store, name, UserRole::Editor).await;
        start(&*store, made.id, fill).await;
        assert!(store.put_link(link(LinkFor::User(made.id), 50 + fill)).await.expect("link"));
        let renamed = User { name: "New".to_owned(), ..made.clone() };
        assert_eq!(store.update_user(&renamed).await.expect("update"), UserChange::Done);
        assert!(is_live(&*store, fill).await, "a new name ends nothing");
        let change = if name == "ann" {
            store.update_user(&User { role: UserRole::Owner, ..renamed }).await
        } else {
            store.delete_user(made.id).await
        };
        assert_eq!(change.expect("change"), UserChange::Done);
        assert!(!is_live(&*store, fill).await, "{name}");
        assert_eq!(redeem(&*store, now(), 50 + fill).await, None, "{name}");
    }
}

pub async fn a_link_lets_its_user_in_once(f: &mut dyn Fixture) {
    let ann = user(&*f.store(), "ann", UserRole::Viewer).await;
    assert!(f.store().put_link(link(LinkFor::User(ann.id), 1)).await.expect("link"));
    f.reopen().await;
    let store = f.store();
    assert_eq!(redeem(&*store, now(), 2).await, None, "another link");
    let expected = User { last_sign_in_at: Some(now()), ..ann.clone() };
    assert_eq!(redeem(&*store, now(), 1).await, Some(expected.clone()));
    assert_eq!(live(&*store, 101).await.map(|(_, user)| user), Some(expected));
    assert_eq!(redeem(&*store, now(), 1).await, None, "used up");
    // A new one takes the place of the one before, and ends at its time.
    for fill in [3, 4] {
        assert!(store.put_link(link(LinkFor::User(ann.id), fill)).await.expect("link"));
    }
    assert_eq!(redeem(&*store, now(), 3).await, None);
    assert_eq!(redeem(&*store, at(DAY), 4).await, None, "too old");
    assert!(redeem(&*store, at(DAY - SECOND), 4).await.is_some());
    let nobodys = link(LinkFor::User(UserId::from_raw(5)), 6);
    assert!(!store.put_link(nobodys).await.expect("link"));
    assert_eq!(redeem(&*store, now(), 6).await, None);
}

pub async fn of_two_who_use_a_link_at_once_one_gets_in(f: &mut dyn Fixture) {
    let store = f.store();
    assert!(store.put_link(link(LinkFor::FirstOwner, 1)).await.expect("link"));
    let redeem = async |fill: u8| {
        let owner = NewUser::first_owner();
        let used = store.redeem_link(now(), TokenHash([1; 32]), owner, session(now(), fill));
        used.await.expect("link").is_some()
    };
    let (one, two) = tokio::join!(redeem(2), redeem(3));
    assert!(one != two, "{one} {two}");
    let users = store.list_users(None, PageRequest::default()).await.expect("users");
    assert_eq!(users.items.len(), 1);
}

pub async fn the_first_link_makes_an_owner_where_the_platform_has_none(f: &mut dyn Fixture) {
    for fill in [1, 2] {
        assert!(f.store().put_link(link(LinkFor::FirstOwner, fill)).await.expect("link"));
    }
    f.reopen().await;
    let store = f.store();
    let account = account(&*store).await;
    let owner_of_one = new_user(Some(account), "ann", UserRole::Owner);
    store.create_user(now(), owner_of_one).await.expect("a new user");
    user(&*store, "bob", UserRole::Editor).await;
    assert_eq!(redeem(&*store, at(SECOND), 1).await, None, "the newer one counts");
    let owner = redeem(&*store, at(SECOND), 2).await.expect("the first owner");
    assert_eq!((owner.role, owner.account_id), (UserRole::Owner, None));
    assert_eq!(owner.email, NewUser::first_owner().email);
    assert_eq!((owner.created_at, owner.last_sign_in_at), (at(SECOND), Some(at(SECOND))));
    assert_eq!(store.user(owner.id).await.expect("user"), Some(owner));
    assert!(is_live(&*store, 102).await);
    assert!(store.put_link(link(LinkFor::FirstOwner, 3)).await.expect("link"));
    assert_eq!(redeem(&*store, at(SECOND), 3).await, None, "there is one");
    assert!(!is_live(&*store, 103).await);
}

pub async fn what_is_over_is_dropped_and_nothing_else(f: &mut dyn Fixture) {
    let store = f.store();
    let ann = user(&*store, "ann", UserRole::Viewer).await;
    let short = NewSession { expires_at: at(MINUTE), ..session(now(), 1) };
    assert!(store.start_session(ann.id, short).await.expect("session"));
    start(&*store, ann.id, 2).await;
    assert!(store.put_link(link(LinkFor::User(ann.id), 3)).await.expect("link"));
    store.drop_expired_sessions(at(MINUTE)).await.expect("dropped");
    // Asked for a time before its end: it is gone, not only over.
    assert!(!is_live(&*store, 1).await);
    assert!(is_live(&*store, 2).await);
    store.drop_expired_sessions(at(DAY)).await.expect("dropped");
    assert_eq!(redeem(&*store, now(), 3).await, None);
    assert!(is_live(&*store, 2).await);
}
