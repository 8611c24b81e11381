//! Reads rows. Each function reads from one state of the database, which its caller holds.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use uuid::Uuid;

use super::failure::Failure;
use super::rows;
use crate::core::alert::QueuedAlert;
use crate::core::event::Event;
use crate::core::ids::{AttemptId, JobName, RunId, TransferId};
use crate::core::limits::SETTLED_MAX;
use crate::core::outcomes::Outcomes;
use crate::core::record::{JobRow, Snapshot};
use crate::core::repeat::PastRun;
use crate::core::run::{Attempt, Run, RunState};
use crate::store::query::{
    EVENTS_MAX, Happened, HistoryQuery, RunMatch, RunWithAttempts, SEVERAL_MAX, ids_beginning_with,
};

/// The runs that matter after a restart, found by two small indexes.
pub(super) const UNSETTLED: &str = "SELECT seq FROM runs WHERE over = 0
     UNION SELECT run FROM attempts WHERE open = 1";

/// The rows that the engine is rebuilt from.
pub(super) fn durable(connection: &Connection) -> Result<Snapshot, Failure> {
    let mut snapshot = Snapshot { job_rows: job_rows(connection)?, ..Snapshot::default() };
    let mut runs = connection.prepare_cached(&format!(
        "SELECT id, job, state, body FROM runs WHERE seq IN ({UNSETTLED}) ORDER BY seq"
    ))?;
    let mut found = runs.query([])?;
    while let Some(row) = found.next()? {
        snapshot.runs.push(run_from(row)?);
    }
    let mut attempts = connection.prepare_cached(&format!(
        "SELECT runs.id, number, transfer, attempts.body
         FROM attempts JOIN runs ON runs.seq = attempts.run
         WHERE attempts.run IN ({UNSETTLED}) ORDER BY attempts.run, number"
    ))?;
    let mut found = attempts.query([])?;
    while let Some(row) = found.next()? {
        snapshot.attempts.push(attempt_from(row)?);
    }
    snapshot.settled = settled(connection)?;
    if let Some(text) = single(connection, rows::LEARNED)? {
        snapshot.agent_facts = rows::from_json(&text, "what was learned of the agent")?;
    }
    if let Some(text) = single(connection, rows::REPORTED)? {
        snapshot.reported = rows::from_json(&text, "what was reported")?;
    }
    if let Some(text) = single(connection, rows::PAUSE_OF_ALL)? {
        snapshot.pause_of_all = Arc::new(rows::from_json(&text, "the pause of all jobs")?);
    }
    snapshot.alerts = alerts(connection)?;
    Ok(snapshot)
}

/// The outbox, in order.
fn alerts(connection: &Connection) -> Result<Vec<Arc<QueuedAlert>>, Failure> {
    let mut statement = connection.prepare_cached("SELECT body FROM alerts ORDER BY number")?;
    let mut found = statement.query([])?;
    let mut alerts = Vec::new();
    while let Some(row) = found.next()? {
        alerts.push(Arc::new(rows::from_json(text(row, 0)?, "an alert's row")?));
    }
    Ok(alerts)
}

/// Transfers of closed attempts, of the newest runs first, by the index of runs and numbers.
pub(super) const SETTLED: &str = "SELECT transfer FROM attempts
     WHERE open = 0 AND transfer IS NOT NULL ORDER BY run DESC, number DESC LIMIT ?1";

fn settled(connection: &Connection) -> Result<Vec<TransferId>, Failure> {
    let mut statement = connection.prepare_cached(SETTLED)?;
    let found = statement.query_map([i64::try_from(SETTLED_MAX).unwrap_or(i64::MAX)], |row| {
        row.get(0).map(|bytes| TransferId(Uuid::from_bytes(bytes)))
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Runs, newest first.
pub(super) fn history(
    connection: &Connection,
    query: &HistoryQuery,
) -> Result<Vec<RunWithAttempts>, Failure> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    let mut value = |value: Value| {
        values.push(value);
        values.len()
    };
    if let Some(job) = &query.job {
        conditions.push(format!("job = ?{}", value(job.as_str().to_owned().into())));
    }
    if let Some(at) = query.scheduled_for {
        conditions.push(format!("scheduled_at = ?{}", value(at.as_millisecond().into())));
    }
    if let Some(since) = query.since {
        conditions.push(format!("created_at >= ?{}", value(since.as_millisecond().into())));
    }
    if let Some(older) = query.before {
        // Of a run that was deleted meanwhile only its time is known: sequences begin at 1.
        let sequence = sequence_of(connection, older.run)?.unwrap_or(0);
        let created_at = value(older.created_at.as_millisecond().into());
        let sequence = value(sequence.into());
        conditions.push(format!("(created_at, seq) < (?{created_at}, ?{sequence})"));
    }
    if !query.states.is_empty() {
        let words: Vec<_> =
            query.states.iter().map(|state| format!("'{}'", state.word())).collect();
        conditions.push(format!("state IN ({})", words.join(", ")));
    }
    let conditions =
        if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
    let limit = value(i64::try_from(query.limit).unwrap_or(i64::MAX).into());
    // The inner query is answered from an index alone; only the rows to be shown are read.
    let sql = format!(
        "SELECT id, job, state, body, seq FROM runs WHERE seq IN (
             SELECT seq FROM runs WHERE {conditions}
             ORDER BY created_at DESC, seq DESC LIMIT ?{limit}
         ) ORDER BY created_at DESC, seq DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params_from_iter(values))?;
    let mut history = Vec::new();
    while let Some(row) = found.next()? {
        history.push(with_attempts(connection, row)?);
    }
    Ok(history)
}

/// The run of an id, or of its beginning.
pub(super) fn run(connection: &Connection, id_or_prefix: &str) -> Result<RunMatch, Failure> {
    let Some(ids) = ids_beginning_with(id_or_prefix) else { return Ok(RunMatch::None) };
    let mut statement = connection.prepare_cached(
        "SELECT id, job, state, body, seq FROM runs WHERE id BETWEEN ?1 AND ?2
         ORDER BY id LIMIT ?3",
    )?;
    let limit = i64::try_from(SEVERAL_MAX).unwrap_or(i64::MAX);
    let (first, last) = (ids.start().0.into_bytes(), ids.end().0.into_bytes());
    let mut found = statement.query(params![first, last, limit])?;
    let mut several = Vec::new();
    let mut one = None;
    while let Some(row) = found.next()? {
        several.push(run_id(row, 0)?);
        one = if one.is_none() { Some(with_attempts(connection, row)?) } else { one };
    }
    Ok(match one {
        None => RunMatch::None,
        Some(one) if several.len() == 1 => RunMatch::One(Box::new(one)),
        Some(_) => RunMatch::Several(several),
    })
}

/// The events of a run.
pub(super) fn events(connection: &Connection, run: RunId) -> Result<Vec<Event>, Failure> {
    let Some(sequence) = sequence_of(connection, run)? else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(
        "SELECT at, detail FROM events WHERE run = ?1 ORDER BY seq DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(EVENTS_MAX).unwrap_or(i64::MAX);
    let mut found = statement.query((sequence, limit))?;
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        let at: String = row.get(0)?;
        let at = at.parse().map_err(|error| Failure::Row(format!("an event's row: {error}")))?;
        events.push(Event { run, at, what: rows::from_json(text(row, 1)?, "an event's row")? });
    }
    events.reverse();
    Ok(events)
}

/// The events of all runs after a given one.
pub(super) fn happened(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<Happened>, Failure> {
    let bounded = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT events.seq, runs.id, runs.job, events.at, events.detail
         FROM events JOIN runs ON runs.seq = events.run
         WHERE events.seq > ?1 ORDER BY events.seq LIMIT ?2",
    )?;
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut found = statement.query((bounded(after), bounded(limit)))?;
    let mut happened = Vec::new();
    while let Some(row) = found.next()? {
        let (seq, job, at): (i64, String, String) = (row.get(0)?, row.get(2)?, row.get(3)?);
        let at = at.parse().map_err(|error| Failure::Row(format!("an event's row: {error}")))?;
        let what = rows::from_json(text(row, 4)?, "an event's row")?;
        let event = Event { run: run_id(row, 1)?, at, what };
        let id = u64::try_from(seq).unwrap_or(0);
        happened.push(Happened { id, job: JobName::recorded(&job), event });
    }
    Ok(happened)
}

/// The id of the event that was recorded last.
pub(super) fn last_event(connection: &Connection) -> Result<u64, Failure> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM events")?;
    let last: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(last).unwrap_or(0))
}

/// The run that was recorded last of each job.
pub(super) fn last_runs(
    connection: &Connection,
    jobs: &[JobName],
) -> Result<Vec<RunWithAttempts>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT id, job, state, body, seq FROM runs
         WHERE seq = (SELECT max(seq) FROM runs WHERE job = ?1)",
    )?;
    let mut last = Vec::new();
    for job in jobs {
        let mut found = statement.query([job.as_str()])?;
        if let Some(row) = found.next()? {
            last.push(with_attempts(connection, row)?);
        }
    }
    Ok(last)
}

/// The runs of a job for a span of scheduled times.
pub(super) fn runs_of_time(
    connection: &Connection,
    job: &JobName,
    (from, to): (Timestamp, Timestamp),
    limit: usize,
) -> Result<Vec<PastRun>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT id, scheduled_at, state FROM runs
         WHERE job = ?1 AND scheduled_at BETWEEN ?2 AND ?3 ORDER BY seq LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let span = (from.as_millisecond(), to.as_millisecond());
    let mut found = statement.query(params![job.as_str(), span.0, span.1, limit])?;
    let mut past = Vec::new();
    while let Some(row) = found.next()? {
        let (at, state) = time_and_state(row, 1, 2)?;
        past.push(PastRun::of(run_id(row, 0)?, at, state));
    }
    Ok(past)
}

/// A time and the state of a run's row, by their columns.
fn time_and_state(
    row: &Row<'_>,
    time: usize,
    state: usize,
) -> Result<(Timestamp, RunState), Failure> {
    let at = Timestamp::from_millisecond(row.get(time)?)
        .map_err(|error| Failure::Row(format!("a run's row: {error}")))?;
    let state = RunState::from_word(text(row, state)?)
        .ok_or_else(|| Failure::Row("a run's row has an unknown state".to_owned()))?;
    Ok((at, state))
}

/// Runs by the time of their creation, answered from an index alone.
pub(super) const OUTCOMES: &str = "SELECT created_at, state FROM runs
     WHERE job = ?1 AND created_at >= ?2 AND created_at < ?3";

/// The outcomes of a job's runs on each day.
pub(super) fn outcomes(
    connection: &Connection,
    job: &JobName,
    days: &[Timestamp],
) -> Result<Vec<Outcomes>, Failure> {
    let mut outcomes = vec![Outcomes::default(); days.len().saturating_sub(1)];
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(outcomes) };
    let mut statement = connection.prepare_cached(OUTCOMES)?;
    let span = (first.as_millisecond(), last.as_millisecond());
    let mut found = statement.query(params![job.as_str(), span.0, span.1])?;
    while let Some(row) = found.next()? {
        let (at, state) = time_and_state(row, 0, 1)?;
        if let Some(day) = Outcomes::day_of(days, at) {
            outcomes[day].add(state, 1);
        }
    }
    Ok(outcomes)
}

/// The rows of all jobs.
pub(super) fn job_rows(connection: &Connection) -> Result<Vec<Arc<JobRow>>, Failure> {
    let mut statement = connection.prepare_cached("SELECT body FROM marks ORDER BY job")?;
    let mut found = statement.query([])?;
    let mut job_rows = Vec::new();
    while let Some(row) = found.next()? {
        job_rows.push(Arc::new(rows::from_json(text(row, 0)?, "a job's row")?));
    }
    Ok(job_rows)
}

/// A single value.
pub(super) fn single(connection: &Connection, name: &str) -> Result<Option<String>, Failure> {
    let mut statement = connection.prepare_cached("SELECT value FROM singles WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// A run of the columns `id, job, state, body, seq`, with its attempts.
fn with_attempts(connection: &Connection, row: &Row<'_>) -> Result<RunWithAttempts, Failure> {
    let run = run_from(row)?;
    let sequence: i64 = row.get(4)?;
    let mut statement = connection.prepare_cached(
        "SELECT ?1, number, transfer, body FROM attempts WHERE run = ?2 ORDER BY number",
    )?;
    let mut found = statement.query((run.id.0.into_bytes(), sequence))?;
    let mut attempts = Vec::new();
    while let Some(row) = found.next()? {
        attempts.push(attempt_from(row)?);
    }
    Ok(RunWithAttempts { run, attempts })
}

fn sequence_of(connection: &Connection, run: RunId) -> Result<Option<i64>, Failure> {
    let mut statement = connection.prepare_cached("SELECT seq FROM runs WHERE id = ?1")?;
    Ok(statement.query_row([run.0.into_bytes()], |row| row.get(0)).optional()?)
}

fn run_from(row: &Row<'_>) -> Result<Arc<Run>, Failure> {
    rows::run_from(run_id(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?).map(Arc::new)
}

fn attempt_from(row: &Row<'_>) -> Result<Arc<Attempt>, Failure> {
    let id = AttemptId { run: run_id(row, 0)?, number: row.get(1)? };
    let transfer: Option<[u8; 16]> = row.get(2)?;
    let transfer = transfer.map(|bytes| TransferId(Uuid::from_bytes(bytes)));
    rows::attempt_from(id, transfer, text(row, 3)?).map(Arc::new)
}

fn run_id(row: &Row<'_>, column: usize) -> Result<RunId, Failure> {
    Ok(RunId(Uuid::from_bytes(row.get(column)?)))
}

/// A text column, not copied.
fn text<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row str, Failure> {
    row.get_ref(column)?.as_str().map_err(|error| Failure::Row(format!("a row: {error}")))
}
