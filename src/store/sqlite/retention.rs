//! Selects old runs that may be deleted, and deletes them.
//!
//! When to do it, and how much at a time, is the caller's decision.

use jiff::Timestamp;
use rusqlite::Connection;

use super::failure::Failure;
use crate::core::store::HistoryPolicy;
use crate::store::query::prune_cutoff;

/// The runs to delete next, at most `limit` of them.
pub(super) fn due(
    connection: &Connection,
    policy: HistoryPolicy,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<i64>, Failure> {
    let cutoff = prune_cutoff(policy, now);
    let total: i64 =
        connection.prepare_cached("SELECT count(*) FROM runs")?.query_row([], |row| row.get(0))?;
    let excess = u64::try_from(total).unwrap_or(0).saturating_sub(policy.max_runs);
    // A job's last run and last success stay, by its row and by their order: the newest may be a
    // skip. So do runs that may still have a transfer.
    let mut statement = connection.prepare_cached(
        "SELECT seq, ended_at FROM runs AS old WHERE over = 1
             AND seq < (SELECT max(seq) FROM runs WHERE job = old.job)
             AND (state <> 'succeeded' OR seq < (
                 SELECT max(seq) FROM runs WHERE job = old.job AND state = 'succeeded'))
             AND NOT EXISTS (SELECT 1 FROM marks WHERE job = old.job
                 AND old.id IN (
                     unhex(body ->> '$.last_run', '-'), unhex(body ->> '$.last_success_run', '-')))
             AND NOT EXISTS (SELECT 1 FROM attempts WHERE run = old.seq AND open = 1)
         ORDER BY ended_at, seq LIMIT ?1",
    )?;
    let mut found = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut due = Vec::new();
    while let Some(row) = found.next()? {
        let ended_at: i64 = row.get(1)?;
        if ended_at >= cutoff && due.len() as u64 >= excess {
            break;
        }
        due.push(row.get(0)?);
    }
    Ok(due)
}

/// Pages that are given back to the file system in one step: a megabyte, some milliseconds. More
/// than a step deletes, so that it keeps up.
const PAGES_GIVEN_BACK: u32 = 256;

/// Gives the room of deleted rows back to the file system, a part at a time. A database created
/// before this was possible has nothing to give, and keeps its free pages for later rows.
pub(super) fn give_back(connection: &Connection) -> Result<(), Failure> {
    let free: u32 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    if free > 0 {
        let pragma = format!("PRAGMA incremental_vacuum({PAGES_GIVEN_BACK})");
        let mut statement = connection.prepare(&pragma)?;
        let mut steps = statement.query([])?;
        while steps.next()?.is_some() {}
    }
    Ok(())
}

/// Deletes runs with their attempts and events.
pub(super) fn forget(connection: &Connection, runs: &[i64]) -> Result<(), Failure> {
    let mut statement = connection.prepare_cached("DELETE FROM runs WHERE seq = ?1")?;
    for run in runs {
        statement.execute([run])?;
    }
    Ok(())
}
