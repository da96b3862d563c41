//! Users, their sessions and the one-time links that let them in.
//!
//! Sessions are looked up here for every request that comes with a cookie, and kept nowhere else:
//! one that was ended is refused from that moment on, by every node.

use async_trait::async_trait;

use super::StoreError;
use crate::id::{AccountId, UserId};
use crate::page::{Page, PageRequest};
use crate::session::{Link, NewSession, Session, TokenHash};
use crate::time::Timestamp;
use crate::user::{Email, NewUser, PasswordHash, User};

/// What became of a change to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserChange {
    Done,
    /// There is no such user (any more).
    Missing,
    /// Nothing was changed: nobody would be left who may manage that account, or the platform.
    LastOwner,
}

#[async_trait]
pub trait UserStore: Send + Sync + 'static {
    /// Adds a user. [`StoreError::Taken`] if the e-mail address is in use, in whatever account.
    async fn create_user(&self, now: Timestamp, user: NewUser) -> Result<User, StoreError>;

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    async fn user_by_email(&self, email: &Email) -> Result<Option<User>, StoreError>;

    /// The users of one account, or with `None` all there are: of every account and of the
    /// platform.
    async fn list_users(
        &self,
        account: Option<AccountId>,
        page: PageRequest,
    ) -> Result<Page<User>, StoreError>;

    /// How many users belong to that account, or with `None` to the platform itself.
    async fn count_users(&self, account: Option<AccountId>) -> Result<usize, StoreError>;

    /// Replaces e-mail address, name and role of the user with that id; everything else stays.
    /// If the role is another one, all sessions and links of the user end with it.
    /// [`StoreError::Taken`] if somebody else has the address.
    ///
    /// The last owner of an account, and the last of the platform, stays one
    /// ([`UserChange::LastOwner`]), also when two changes come at the same time.
    async fn update_user(&self, user: &User) -> Result<UserChange, StoreError>;

    /// Deletes a user with all sessions and links, unless it is the last owner.
    async fn delete_user(&self, id: UserId) -> Result<UserChange, StoreError>;

    /// Sets a password, ends all sessions and links of the user, and starts `session` in their
    /// place. `false` if there is no such user.
    async fn set_password(
        &self,
        user: UserId,
        password: PasswordHash,
        session: NewSession,
    ) -> Result<bool, StoreError>;

    /// Starts a session, notes the sign-in on its user, and ends the user's oldest sessions beyond
    /// `SESSIONS_PER_USER_MAX`. `false` if there is no such user.
    async fn start_session(&self, user: UserId, session: NewSession) -> Result<bool, StoreError>;

    /// A session that is live at `now`, with its user.
    async fn session(
        &self,
        now: Timestamp,
        hash: TokenHash,
    ) -> Result<Option<(Session, User)>, StoreError>;

    /// Lets a session live until `expires_at`, if it is still there.
    async fn renew_session(&self, hash: TokenHash, expires_at: Timestamp)
    -> Result<(), StoreError>;

    /// Whether there was such a session.
    async fn end_session(&self, hash: TokenHash) -> Result<bool, StoreError>;

    /// Keeps a link. It takes the place of an earlier one for the same user (or for the first
    /// owner). `false` if there is no such user.
    async fn put_link(&self, link: Link) -> Result<bool, StoreError>;

    /// Uses up a link that is live at `now`: it is gone, and a session is started for the user it
    /// names, as by [`UserStore::start_session`]. The link for the first owner makes `first_owner`,
    /// unless the platform has an owner already: then it is no good. All of it or nothing, so that of two who
    /// use a link at the same time one gets in.
    async fn redeem_link(
        &self,
        now: Timestamp,
        link: TokenHash,
        first_owner: NewUser,
        session: NewSession,
    ) -> Result<Option<User>, StoreError>;

    /// Drops sessions and links that are over at `now`.
    async fn drop_expired_sessions(&self, now: Timestamp) -> Result<(), StoreError>;
}
