//! What a day's part of a batch adds to hits and rollups, gathered first so that each row of
//! theirs is written once for a batch.

use std::collections::BTreeMap;

use posthaste_core::attempt::{Attempt, Outcome};
use posthaste_core::delivery::{Delivery, DeliveryState};
use posthaste_core::id::{AccountId, WebhookId};
use posthaste_core::id_map::IdMap;
use posthaste_core::stats::Rollup;
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::Hits;
use rusqlite::{CachedStatement, Connection, Statement};

use super::fault::Fault;
use super::hours;
use super::rows::blob;

#[derive(Debug, Default)]
pub struct Counts {
    /// Where in `counted` a minute of a webhook is.
    places: IdMap<(i64, WebhookId), usize>,
    counted: Vec<Counted>,
    /// The place asked for last: mostly the next is the same.
    last: usize,
}

/// One minute of one webhook.
#[derive(Debug)]
struct Counted {
    minute: i64,
    webhook: WebhookId,
    account: AccountId,
    rollup: Rollup,
    hits: HitsAdded,
}

#[derive(Debug, Default)]
struct HitsAdded {
    count: u64,
    last_at: Timestamp,
    /// The newest attempt that did not succeed.
    error: Option<(Timestamp, String)>,
}

impl Counts {
    /// Counts what a record changed. `state_before` is that of the row; `None` if it is new.
    pub fn add(
        &mut self,
        delivery: &Delivery,
        attempt: Option<&Attempt>,
        state_before: Option<DeliveryState>,
    ) {
        if state_before.is_none() {
            self.at(delivery.event_id.created_at(), delivery).rollup.events += 1;
        }
        if let Some(attempt) = attempt {
            let counted = self.at(attempt.started_at, delivery);
            counted.rollup.add_attempt(&attempt.counted());
            counted.hits.add(attempt);
        }
        if state_before.is_some_and(|before| before.status() == delivery.state.status()) {
            return;
        }
        match delivery.state {
            DeliveryState::Delivered { at } => self.at(at, delivery).rollup.delivered += 1,
            DeliveryState::Failed { at } => self.at(at, delivery).rollup.failed += 1,
            _ => {}
        }
    }

    fn at(&mut self, time: Timestamp, delivery: &Delivery) -> &mut Counted {
        let (minute, webhook) = (time.minute(), delivery.webhook_id);
        let is_last = self
            .counted
            .get(self.last)
            .is_some_and(|counted| counted.minute == minute && counted.webhook == webhook);
        if !is_last {
            self.last = *self.places.entry((minute, webhook)).or_insert_with(|| {
                self.counted.push(Counted {
                    minute,
                    webhook,
                    account: delivery.account_id,
                    rollup: Rollup::default(),
                    hits: HitsAdded::default(),
                });
                self.counted.len() - 1
            });
        }
        &mut self.counted[self.last]
    }

    /// Adds all of it to the rows. Hours below `folded_below` have theirs already.
    pub fn write(self, tx: &Connection, folded_below: i64) -> Result<Written, Fault> {
        let mut rows = Rows::prepare(tx)?;
        let mut counted = self.counted;
        // The order of the primary key: neighbouring rows are then found on the same page.
        counted.sort_unstable_by_key(|counted| (counted.minute, counted.webhook));
        let minutes = counted.first().map(|first| first.minute);
        let minutes = minutes.zip(counted.last().map(|last| last.minute));
        let mut accounts: BTreeMap<(i64, AccountId), Rollup> = BTreeMap::new();
        let mut hits: BTreeMap<WebhookId, HitsAdded> = BTreeMap::new();
        for Counted { minute, webhook, account, rollup, hits: added } in counted {
            rows.merge_webhook_rollup(minute, webhook, account, &rollup)?;
            let hour = minute.div_euclid(hours::MINUTES);
            if hour < folded_below {
                hours::add_to_webhook(tx, hour, webhook, account, &rollup)?;
            }
            accounts.entry((minute, account)).or_default().merge(&rollup);
            if added.count > 0 {
                hits.entry(webhook).or_default().merge(added);
            }
        }
        for ((minute, account), added) in &accounts {
            rows.merge_account_rollup(*minute, *account, added)?;
            let hour = minute.div_euclid(hours::MINUTES);
            if hour < folded_below {
                hours::add_to_account(tx, hour, *account, added)?;
            }
        }
        for (webhook, added) in &hits {
            rows.add_hits(*webhook, added)?;
        }
        let hits = hits.into_iter().map(|(webhook, added)| {
            (webhook, Hits { count: added.count, last_at: Some(added.last_at) })
        });
        let foldable_below = minutes.map_or(0, |(_, newest)| hours::foldable_below(newest));
        if foldable_below > folded_below {
            hours::fold(tx, folded_below, foldable_below)?;
        }
        let folded_below = folded_below.max(foldable_below);
        Ok(Written { minutes, folded_below, hits: hits.collect() })
    }
}

/// What the rows now say, for the copies of it in memory.
#[derive(Debug)]
pub struct Written {
    /// The first and the last minute touched.
    pub minutes: Option<(i64, i64)>,
    /// Hours below this have rows of their own.
    pub folded_below: i64,
    pub hits: Vec<(WebhookId, Hits)>,
}

impl HitsAdded {
    fn add(&mut self, attempt: &Attempt) {
        self.count += 1;
        self.last_at = self.last_at.max(attempt.started_at);
        let newer = self.error.as_ref().is_none_or(|(at, _)| *at <= attempt.started_at);
        if attempt.outcome != Outcome::Succeeded && newer {
            self.error = Some((attempt.started_at, error_text(attempt)));
        }
    }

    /// Adds those of a later minute.
    fn merge(&mut self, later: HitsAdded) {
        self.count += later.count;
        self.last_at = self.last_at.max(later.last_at);
        self.error = later.error.or(self.error.take());
    }
}

fn error_text(attempt: &Attempt) -> String {
    match (&attempt.error, attempt.status_code) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => format!("answered {status}"),
        (None, None) => attempt.outcome.as_str().to_owned(),
    }
}

/// The statements that add to rows; prepared once for a batch, which may touch thousands.
struct Rows<'tx> {
    webhook_rollup: CachedStatement<'tx>,
    put_webhook_rollup: CachedStatement<'tx>,
    account_rollup: CachedStatement<'tx>,
    put_account_rollup: CachedStatement<'tx>,
    add_hits: CachedStatement<'tx>,
}

// All by primary keys.
impl<'tx> Rows<'tx> {
    fn prepare(tx: &'tx Connection) -> Result<Rows<'tx>, Fault> {
        Ok(Rows {
            webhook_rollup: tx.prepare_cached(
                "SELECT rollup FROM rollups WHERE minute = ?1 AND webhook_id = ?2",
            )?,
            put_webhook_rollup: tx.prepare_cached(
                "INSERT INTO rollups (minute, webhook_id, account_id, rollup)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (minute, webhook_id) DO UPDATE SET rollup = excluded.rollup",
            )?,
            account_rollup: tx.prepare_cached(
                "SELECT rollup FROM account_rollups WHERE minute = ?1 AND account_id = ?2",
            )?,
            put_account_rollup: tx.prepare_cached(
                "INSERT INTO account_rollups (minute, account_id, rollup) VALUES (?1, ?2, ?3)
                 ON CONFLICT (minute, account_id) DO UPDATE SET rollup = excluded.rollup",
            )?,
            // Attempts can be recorded out of their order in time.
            add_hits: tx.prepare_cached(
                "INSERT INTO hits (webhook_id, count, last_at, error_at, error)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (webhook_id) DO UPDATE
                 SET count = count + excluded.count,
                     last_at = max(last_at, excluded.last_at),
                     error = CASE WHEN coalesce(excluded.error_at, -1) >= coalesce(error_at, -1)
                         THEN coalesce(excluded.error, error) ELSE error END,
                     error_at = CASE WHEN coalesce(excluded.error_at, -1) >= coalesce(error_at, -1)
                         THEN coalesce(excluded.error_at, error_at) ELSE error_at END",
            )?,
        })
    }

    fn merge_webhook_rollup(
        &mut self,
        minute: i64,
        webhook: WebhookId,
        account: AccountId,
        added: &Rollup,
    ) -> Result<(), Fault> {
        let webhook = webhook.as_i64();
        let rollup = merged(&mut self.webhook_rollup, minute, webhook, added)?;
        self.put_webhook_rollup.execute((minute, webhook, account.as_i64(), rollup))?;
        Ok(())
    }

    fn merge_account_rollup(
        &mut self,
        minute: i64,
        account: AccountId,
        added: &Rollup,
    ) -> Result<(), Fault> {
        let account = account.as_i64();
        let rollup = merged(&mut self.account_rollup, minute, account, added)?;
        self.put_account_rollup.execute((minute, account, rollup))?;
        Ok(())
    }

    fn add_hits(&mut self, webhook: WebhookId, added: &HitsAdded) -> Result<(), Fault> {
        self.add_hits.execute((
            webhook.as_i64(),
            added.count.cast_signed(),
            added.last_at.as_millis(),
            added.error.as_ref().map(|(at, _)| at.as_millis()),
            added.error.as_ref().map(|(_, text)| text),
        ))?;
        Ok(())
    }
}

/// What `stored` finds under the key, with `added` to it, as a row holds it.
fn merged(
    stored: &mut Statement<'_>,
    minute: i64,
    key: i64,
    added: &Rollup,
) -> Result<Vec<u8>, Fault> {
    let mut rows = stored.query((minute, key))?;
    let Some(row) = rows.next()? else { return Ok(added.encode()) };
    let mut rollup = Rollup::decode(blob(row, 0)?).ok_or_else(|| Fault::damaged("a rollup"))?;
    rollup.merge(added);
    Ok(rollup.encode())
}
