//! Changes rows. Each function runs inside a transaction that its caller begins and ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::failure::Failure;
use super::rows;
use crate::core::alert::QueuedAlert;
use crate::core::event::Event;
use crate::core::ids::{AlertId, AttemptId, RunId};
use crate::core::record::{JobRow, Record};
use crate::core::run::{Attempt, Run, RunState};
use crate::store::StoreError;
use crate::store::error::{run_is_not_as_expected, transfer_has_an_owner};

/// Puts rows in their place. Runs first, so that the order of a record and of the run that it needs
/// does not matter.
pub(super) fn records(connection: &Connection, records: &[Record]) -> Result<(), Failure> {
    for record in records {
        if let Record::Run { was, run } = record {
            replace_run(connection, *was, run)?;
        }
    }
    let mut last_of_each: BTreeMap<AttemptId, &Arc<Attempt>> = BTreeMap::new();
    for record in records {
        match record {
            Record::Run { .. } => {}
            Record::Attempt(attempt) => {
                last_of_each.insert(attempt.id, attempt);
            }
            Record::Event(event) => append_event(connection, event)?,
            Record::Job(job_row) => replace_job_row(connection, job_row)?,
            Record::AgentFacts(agent_facts) => {
                single(connection, rows::LEARNED, &rows::to_json(agent_facts))?;
            }
            Record::AlertQueued(alert) => replace_alert(connection, alert)?,
            Record::AlertGone(alert) => forget_alert(connection, *alert)?,
            Record::Reported(told) => single(connection, rows::REPORTED, &rows::to_json(told))?,
            Record::PauseOfAll(pause) => {
                single(connection, rows::PAUSE_OF_ALL, &rows::to_json(&**pause))?;
            }
        }
    }
    replace_attempts(connection, &last_of_each)
}

/// Makes several commits in one transaction, each under a savepoint of its own, so that a refused
/// one takes no other with it. Any other failure fails all: SQLite may have rolled everything back.
pub(super) fn group(
    connection: &mut Connection,
    group: &[Vec<Record>],
) -> Result<Vec<Result<(), Failure>>, Failure> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = Vec::with_capacity(group.len());
    for one in group {
        let savepoint = transaction.savepoint()?;
        match records(&savepoint, one) {
            Ok(()) => {
                savepoint.commit()?;
                results.push(Ok(()));
            }
            Err(failure) if failure.is_conflict() => {
                savepoint.finish()?;
                results.push(Err(failure));
            }
            Err(failure) => return Err(failure),
        }
    }
    transaction.commit()?;
    Ok(results)
}

/// Keeps a single value.
pub(super) fn single(connection: &Connection, name: &str, value: &str) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO singles (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute((name, value))?;
    Ok(())
}

/// Writes a value that is new each time, and so reaches the disk.
pub(super) fn proof(connection: &Connection) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO singles (name, value) VALUES (?1, '1')
             ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1",
        )?
        .execute([rows::WRITTEN])?;
    Ok(())
}

fn replace_run(connection: &Connection, was: Option<RunState>, run: &Run) -> Result<(), Failure> {
    let over = run.state.is_over();
    // A run without a recorded end is not kept forever: it counts as ended at its creation.
    let ended_at = over.then(|| run.ended_at.unwrap_or(run.created_at).as_millisecond());
    let created_at = run.created_at.as_millisecond();
    let scheduled_at = run.scheduled_for.map(|at| at.as_millisecond());
    let (id, job, state) = (run.id.0.into_bytes(), run.job.as_str(), run.state.word());
    let body = rows::run_to_body(run);
    let changed = match was {
        Some(was) => connection
            .prepare_cached(
                "UPDATE runs SET job = ?2, state = ?3, over = ?4, created_at = ?5, ended_at = ?6,
                     body = ?7
                 WHERE id = ?1 AND state = ?8",
            )?
            .execute(params![id, job, state, over, created_at, ended_at, body, was.word()])?,
        None => connection
            .prepare_cached(
                "INSERT INTO runs
                     (id, job, state, over, created_at, ended_at, body, scheduled_at, serial)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce(max(serial) + 1, 0)
                 FROM runs WHERE job = ?2 AND scheduled_at = ?8
                 ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![id, job, state, over, created_at, ended_at, body, scheduled_at])?,
    };
    if changed == 1 { Ok(()) } else { Err(run_is_not_as_expected(run.id, was).into()) }
}

fn replace_attempts(
    connection: &Connection,
    attempts: &BTreeMap<AttemptId, &Arc<Attempt>>,
) -> Result<(), Failure> {
    // All claims that change are cleared before any is set: two attempts may exchange theirs.
    let mut clear = connection.prepare_cached(
        "UPDATE attempts SET transfer = NULL
         WHERE run = ?1 AND number = ?2 AND transfer IS NOT NULL AND transfer IS NOT ?3",
    )?;
    let mut places = Vec::with_capacity(attempts.len());
    for (id, attempt) in attempts {
        let run = sequence_of(connection, id.run)?;
        let transfer = attempt.transfer.map(|transfer| transfer.0.into_bytes());
        clear.execute(params![run, id.number, transfer])?;
        places.push((run, transfer, attempt));
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO attempts (run, number, transfer, open, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (run, number) DO UPDATE
         SET transfer = excluded.transfer, open = excluded.open, body = excluded.body",
    )?;
    for (run, transfer, attempt) in places {
        let body = rows::attempt_to_body(attempt);
        let open = attempt.phase.is_open();
        put.execute(params![run, attempt.id.number, transfer, open, body]).map_err(
            |error| match (error.sqlite_error_code(), attempt.transfer) {
                (Some(rusqlite::ErrorCode::ConstraintViolation), Some(transfer)) => {
                    transfer_has_an_owner(transfer).into()
                }
                _ => Failure::from(error),
            },
        )?;
    }
    Ok(())
}

fn append_event(connection: &Connection, event: &Event) -> Result<(), Failure> {
    let (run, at) = (sequence_of(connection, event.run)?, event.at.to_string());
    connection
        .prepare_cached("INSERT INTO events (run, at, event, detail) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![run, at, event.what.kind().word(), rows::to_json(&event.what)])?;
    Ok(())
}

fn replace_job_row(connection: &Connection, job_row: &JobRow) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO marks (job, body) VALUES (?1, ?2)
             ON CONFLICT (job) DO UPDATE SET body = excluded.body",
        )?
        .execute((job_row.job.as_str(), rows::to_json(job_row)))?;
    Ok(())
}

fn replace_alert(connection: &Connection, alert: &QueuedAlert) -> Result<(), Failure> {
    let number = i64::try_from(alert.number).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO alerts (id, number, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET number = excluded.number, body = excluded.body",
        )?
        .execute(params![alert.id.0.into_bytes(), number, rows::to_json(alert)])?;
    Ok(())
}

fn forget_alert(connection: &Connection, alert: AlertId) -> Result<(), Failure> {
    connection
        .prepare_cached("DELETE FROM alerts WHERE id = ?1")?
        .execute([alert.0.into_bytes()])?;
    Ok(())
}

fn sequence_of(connection: &Connection, run: RunId) -> Result<i64, Failure> {
    connection
        .prepare_cached("SELECT seq FROM runs WHERE id = ?1")?
        .query_row([run.0.into_bytes()], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::Conflict(format!("there is no run {run}")).into())
}
