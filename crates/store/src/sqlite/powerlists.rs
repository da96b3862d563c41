//! Powerlists: the lists themselves. Those on them are `contact_edits`' and `contacts`' matter.

use posthaste_core::contact::{NewPowerlist, Powerlist};
use posthaste_core::id::{AccountId, JobId, PowerlistId};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::phone::Country;
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::accounts::taken_if_known;
use super::contacts_file::ContactsChange;
use super::fault::Fault;
use super::imports;
use super::pages::{PageScan, before};
use super::rows::{id_of, text};

const NAME: &str = "the name of the powerlist";

/// `Taken` if the unique index on account and name says so.
pub fn create(
    change: &mut ContactsChange<'_>,
    now: Timestamp,
    powerlist: NewPowerlist,
) -> Result<Powerlist, Fault> {
    let id = PowerlistId::from_raw(change.new_id(now));
    let NewPowerlist { account_id, name, description, default_country } = powerlist;
    let inserted = change.tx.execute(
        "INSERT INTO powerlists (id, account_id, name, description, default_country, contacts,
             created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?6)",
        (
            id.as_i64(),
            account_id.as_i64(),
            &name,
            &description,
            default_country.as_str(),
            now.as_millis(),
        ),
    );
    taken_if_known(inserted, NAME)?;
    Ok(Powerlist {
        id,
        account_id,
        name,
        description,
        default_country,
        contacts: 0,
        created_at: now,
        updated_at: now,
    })
}

// By the unique index on the id.
pub fn update(connection: &Connection, powerlist: &Powerlist) -> Result<bool, Fault> {
    let updated = connection.execute(
        "UPDATE powerlists SET name = ?3, description = ?4, default_country = ?5, updated_at = ?6
         WHERE id = ?1 AND account_id = ?2",
        (
            powerlist.id.as_i64(),
            powerlist.account_id.as_i64(),
            &powerlist.name,
            &powerlist.description,
            powerlist.default_country.as_str(),
            powerlist.updated_at.as_millis(),
        ),
    );
    let is_there = *updated.as_ref().unwrap_or(&0) > 0;
    taken_if_known(updated, NAME)?;
    Ok(is_there)
}

// By powerlists_by_account.
pub fn count_of(connection: &Connection, account: AccountId) -> Result<usize, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM powerlists WHERE account_id = ?1")?;
    let count: u32 = statement.query_row([account.as_i64()], |row| row.get(0))?;
    Ok(count as usize)
}

/// Takes the list away and notes that its contacts are to be swept. Imports into it are over; they
/// are returned, so that their files can go. `None` if there is no such list.
pub fn delete(
    connection: &Connection,
    account: AccountId,
    id: PowerlistId,
) -> Result<Option<Vec<JobId>>, Fault> {
    let Some(number) = number_of(connection, account, id)? else { return Ok(None) };
    // By the primary keys.
    connection.execute("DELETE FROM powerlists WHERE number = ?1", [number])?;
    connection.execute("INSERT INTO deleted_powerlists (number) VALUES (?1)", [number])?;
    Ok(Some(imports::cancel_of_list(connection, id)?))
}

/// What stands for a list in the rows of its contacts. By the unique index on the id.
pub fn number_of(
    connection: &Connection,
    account: AccountId,
    id: PowerlistId,
) -> Result<Option<i64>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT number FROM powerlists WHERE id = ?1 AND account_id = ?2")?;
    let number = statement.query_row((id.as_i64(), account.as_i64()), |row| row.get(0));
    Ok(number.optional()?)
}

/// The list that a contact is on, if it is there and the account's. By the primary key.
pub fn of_number(
    connection: &Connection,
    account: AccountId,
    number: i64,
) -> Result<Option<PowerlistId>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM powerlists WHERE number = ?1 AND account_id = ?2")?;
    let id = statement.query_row((number, account.as_i64()), |row| row.get(0)).optional()?;
    Ok(id.map(|raw| PowerlistId::from_raw(id_of(raw))))
}

// By the primary key.
pub fn count(connection: &Connection, number: i64, more: i64) -> Result<(), Fault> {
    let mut statement = connection
        .prepare_cached("UPDATE powerlists SET contacts = contacts + ?2 WHERE number = ?1")?;
    statement.execute((number, more))?;
    Ok(())
}

// By the unique index on the id.
pub fn powerlist(
    connection: &Connection,
    account: AccountId,
    id: PowerlistId,
) -> Result<Option<Powerlist>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, name, description, default_country, contacts, created_at,
             updated_at
         FROM powerlists WHERE id = ?1 AND account_id = ?2",
    )?;
    let mut rows = statement.query((id.as_i64(), account.as_i64()))?;
    rows.next()?.map(read_powerlist).transpose()
}

// Backwards along powerlists_by_account.
pub fn list(
    connection: &Connection,
    account: AccountId,
    page: PageRequest,
) -> Result<Page<Powerlist>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, name, description, default_country, contacts, created_at,
             updated_at
         FROM powerlists WHERE account_id = ?1 AND id < ?2 ORDER BY id DESC",
    )?;
    let mut rows = statement.query((account.as_i64(), before(&page).cast_signed()))?;
    let mut scan = PageScan::new(page.limit);
    while let Some(row) = rows.next()? {
        if scan.visit(id_of(row.get(0)?), || read_powerlist(row).map(Some))?.is_break() {
            break;
        }
    }
    Ok(scan.finish())
}

fn read_powerlist(row: &Row<'_>) -> Result<Powerlist, Fault> {
    Ok(Powerlist {
        id: PowerlistId::from_raw(id_of(row.get(0)?)),
        account_id: AccountId::from_raw(id_of(row.get(1)?)),
        name: row.get(2)?,
        description: row.get(3)?,
        default_country: Country::parse(text(row, 4)?)
            .map_err(Fault::unreadable("country of a powerlist"))?,
        contacts: id_of(row.get(5)?),
        created_at: Timestamp::from_millis(row.get(6)?),
        updated_at: Timestamp::from_millis(row.get(7)?),
    })
}
