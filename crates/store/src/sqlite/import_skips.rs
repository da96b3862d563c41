//! The rows that imports skipped, as many as are kept of each.

use posthaste_core::id::JobId;
use posthaste_core::import::SkippedRow;
use posthaste_core::limits::IMPORT_SKIPS_KEPT_MAX;
use rusqlite::Connection;

use super::fault::Fault;
use super::rows::id_of;

/// Keeps those for which there is room. By the primary key.
pub fn keep<'s>(
    connection: &Connection,
    import: JobId,
    skips: impl Iterator<Item = &'s SkippedRow>,
) -> Result<(), Fault> {
    let mut skips = skips.peekable();
    if skips.peek().is_none() {
        return Ok(());
    }
    // The end of the import's part of the primary key.
    let next: i64 = connection
        .prepare_cached(
            "SELECT coalesce(max(position) + 1, 0) FROM import_skips WHERE import_id = ?1",
        )?
        .query_row([import.as_i64()], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO import_skips (import_id, position, line, reason, text)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let kept_max = i64::try_from(IMPORT_SKIPS_KEPT_MAX).unwrap_or(i64::MAX);
    for (position, skip) in (next..kept_max).zip(skips) {
        let line = skip.line.cast_signed();
        statement.execute((import.as_i64(), position, line, &skip.reason, &skip.text))?;
    }
    Ok(())
}

// Along the primary key.
pub fn of(connection: &Connection, import: JobId) -> Result<Vec<SkippedRow>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT line, reason, text FROM import_skips WHERE import_id = ?1 ORDER BY position",
    )?;
    let mut rows = statement.query([import.as_i64()])?;
    let mut skips = Vec::new();
    while let Some(row) = rows.next()? {
        skips.push(SkippedRow { line: id_of(row.get(0)?), reason: row.get(1)?, text: row.get(2)? });
    }
    Ok(skips)
}
