//! What an empty store needs before anybody can talk to the server: its first platform key, and,
//! unless that was handed in, a link by which the first person signs in. With `--dev` the key is
//! kept in a file of the data folder, so that it can be shown at every start and found by the
//! command line, and there is a link at every start too.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use posthaste_core::account::{KeyText, NewApiKey, Role};
use posthaste_core::page::PageRequest;
use posthaste_core::session::{Link, Token};
use posthaste_core::store::{Store, StoreError};
use posthaste_core::time::{Entropy, Timestamp};
use posthaste_core::user::{User, UserRole};

use crate::config::Config;

/// In the data folder of a server that was started with `--dev`.
pub const DEV_KEY_FILE: &str = "dev-key";

/// A key that the person who started the server may see.
#[derive(Debug, Clone)]
pub enum ReadyKey {
    /// Made just now: this is the only time it is shown.
    Made(KeyText),
    /// Kept in the data folder by `--dev`.
    Kept(KeyText),
}

impl ReadyKey {
    pub fn text(&self) -> &KeyText {
        match self {
            ReadyKey::Made(text) | ReadyKey::Kept(text) => text,
        }
    }
}

/// Sees to it that there is a key; gives the one to show, if there is one to show.
pub async fn ready_key(
    now: Timestamp,
    store: &dyn Store,
    entropy: &dyn Entropy,
    config: &Config,
) -> anyhow::Result<Option<ReadyKey>> {
    let keys = store.all_keys().await.context("the API keys cannot be read")?;
    let is_known = |text: &KeyText| keys.iter().any(|key| key.hash == text.hash());
    if keys.is_empty() {
        let text = config.api_key.clone().unwrap_or_else(|| KeyText::generate(entropy));
        create(now, store, &text, "first").await?;
        if config.dev {
            keep(&config.data, &text)?;
            return Ok(Some(ReadyKey::Kept(text)));
        }
        // A key that was handed in is known to whoever did so.
        return Ok(config.api_key.is_none().then_some(ReadyKey::Made(text)));
    }
    if config.api_key.as_ref().is_some_and(|text| !is_known(text)) {
        tracing::warn!(
            "POSTHASTE_API_KEY is not one of the keys: it counts in an empty store only"
        );
    }
    if !config.dev {
        return Ok(None);
    }
    let text = match kept(&config.data) {
        Some(text) => text,
        None => KeyText::generate(entropy),
    };
    if !is_known(&text) {
        create(now, store, &text, "dev").await?;
        keep(&config.data, &text)?;
    }
    Ok(Some(ReadyKey::Kept(text)))
}

/// Makes a one-time link for whoever sees the server start: while the platform has no owner, and
/// with `--dev` always. An earlier one is not good any more. A server that was given a key is run
/// by programs, which may keep its output where many can read it: with the key, people are invited.
pub async fn sign_in_link(
    now: Timestamp,
    store: &dyn Store,
    entropy: &dyn Entropy,
    config: &Config,
) -> anyhow::Result<Option<Token>> {
    let token = Token::generate(entropy);
    let owner = oldest_owner(store).await.context("the users cannot be read")?;
    let link = match owner {
        None if config.api_key.is_some() && !config.dev => {
            tracing::info!(
                "nobody can sign in yet; with the API key: posthaste user invite EMAIL --role owner"
            );
            return Ok(None);
        }
        None => Link::first(now, &token),
        Some(owner) if config.dev => Link::to_user(now, &token, &owner),
        Some(_) => return Ok(None),
    };
    store.put_link(link).await.context("the sign-in link cannot be stored")?;
    Ok(Some(token))
}

/// Of the platform.
async fn oldest_owner(store: &dyn Store) -> Result<Option<User>, StoreError> {
    let mut oldest = None;
    let mut page = PageRequest::default();
    loop {
        let users = store.list_users(None, page).await?;
        let is_owner = |user: &User| user.role == UserRole::Owner && user.account_id.is_none();
        // Newest first: the last one found is the oldest.
        oldest = users.items.into_iter().rfind(is_owner).or(oldest);
        page.cursor = users.next;
        if page.cursor.is_none() {
            return Ok(oldest);
        }
    }
}

async fn create(
    now: Timestamp,
    store: &dyn Store,
    text: &KeyText,
    name: &str,
) -> anyhow::Result<()> {
    let key = NewApiKey::new(text, Role::Platform, None, name.to_owned());
    store.create_key(now, key).await.context("the first API key cannot be stored")?;
    Ok(())
}

fn kept(data: &Path) -> Option<KeyText> {
    let text = std::fs::read_to_string(data.join(DEV_KEY_FILE)).ok()?;
    KeyText::parse(text.trim()).ok()
}

/// For its owner's eyes only.
fn keep(data: &Path, text: &KeyText) -> anyhow::Result<()> {
    let path = data.join(DEV_KEY_FILE);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    writeln!(file, "{}", text.expose())
        .with_context(|| format!("{} cannot be written", path.display()))
}
