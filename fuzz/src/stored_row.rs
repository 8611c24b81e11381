//! Rows of the database: those that the daemon writes, and those that something else has damaged.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;
use transferd::core::alert::{QueuedAlert, Reported};
use transferd::core::event::Event;
use transferd::core::ids::{AttemptId, RunId};
use transferd::core::record::{AgentFacts, JobRow, Record, Snapshot};
use transferd::core::run::{Attempt, Run, RunState};
use transferd::store::sqlite::SqliteStore;
use transferd::store::{HistoryQuery, Queries as _, RunMatch, RunWithAttempts, Store, StoreError};
use uuid::Uuid;

/// A row of each kind, about one run.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Rows {
    /// The run.
    pub run: Run,
    /// Its attempt.
    pub attempt: Attempt,
    /// What happened to it.
    pub event: Event,
    /// Its job's row.
    pub job_row: JobRow,
    /// What was learned.
    pub agent_facts: AgentFacts,
    /// The text of the last good job set.
    pub job_set: String,
    /// An alert of the outbox.
    pub alert: QueuedAlert,
    /// What was reported.
    pub told: Reported,
}

/// A folder in memory, where there is one: nothing here outlives the process.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

fn all() -> HistoryQuery {
    HistoryQuery { limit: 1_000, ..HistoryQuery::default() }
}

/// What is read back equals what was written.
pub fn is_read_back_as_it_was_written(mut rows: Rows) {
    // They are about one run, which is not over, so that a start reads it.
    rows.run.state = RunState::Running;
    rows.attempt.id.run = rows.run.id;
    rows.event.run = rows.run.id;
    let folder = folder();
    let mut store = SqliteStore::open(&folder.path().join("transferd.db")).expect("a database");
    let Rows { run, attempt, event, job_row, agent_facts, job_set, alert, told } = rows;
    let records = [
        Record::Run { was: None, run: Arc::new(run.clone()) },
        Record::Attempt(Arc::new(attempt.clone())),
        Record::Event(event.clone()),
        Record::Job(Arc::new(job_row.clone())),
        Record::AgentFacts(agent_facts),
        Record::AlertQueued(Arc::new(alert.clone())),
        Record::Reported(told.clone()),
    ];
    store.commit(&records).expect("the rows can be written");
    store.save_job_set(&job_set).expect("a text can be written");
    let snapshot = store.load().expect("what was written is read");
    assert_eq!(*snapshot.runs[0], run);
    assert_eq!(*snapshot.attempts[0], attempt);
    assert_eq!(*snapshot.job_rows[0], job_row);
    assert_eq!(snapshot.agent_facts, agent_facts);
    assert_eq!(*snapshot.alerts[0], alert);
    assert_eq!(snapshot.reported, told);
    assert_eq!(store.last_job_set(), Ok(Some(job_set)));
    assert_eq!(store.events(run.id), Ok(vec![event]));
    let found = RunWithAttempts { run: Arc::new(run), attempts: vec![Arc::new(attempt)] };
    assert_eq!(store.history(&all()), Ok(vec![found.clone()]));
    let id = found.run.id.to_string();
    assert_eq!(store.run(&id), Ok(RunMatch::One(Box::new(found))));
}

/// The columns that something may damage.
pub const COLUMNS: [(&str, &str); 21] = [
    ("runs", "id"),
    ("runs", "job"),
    ("runs", "state"),
    ("runs", "over"),
    ("runs", "created_at"),
    ("runs", "ended_at"),
    ("runs", "body"),
    ("attempts", "run"),
    ("attempts", "number"),
    ("attempts", "transfer"),
    ("attempts", "open"),
    ("attempts", "body"),
    ("events", "at"),
    ("events", "event"),
    ("events", "detail"),
    ("marks", "body"),
    ("alerts", "id"),
    ("alerts", "number"),
    ("alerts", "body"),
    ("singles", "name"),
    ("singles", "value"),
];

/// A database whose columns take any value, and the store that reads it.
struct Damaged {
    store: SqliteStore,
    other: Connection,
    run: RunId,
    whole: Snapshot,
    _folder: TempDir,
}

static DAMAGED: LazyLock<Mutex<Damaged>> = LazyLock::new(|| Mutex::new(Damaged::new()));

/// Rows as a daemon writes them.
const ROWS: &str = include_str!("../seeds/written_row/rows.json");

impl Damaged {
    fn new() -> Self {
        let folder = folder();
        let path = folder.path().join("transferd.db");
        let Rows { run, attempt, event, job_row, agent_facts, job_set, alert, told } =
            serde_json::from_str(ROWS).expect("the rows of our own seed");
        let id = run.id;
        let over = RunId(Uuid::from_u128(id.0.as_u128() + 1));
        let other_run = Run { id: over, state: RunState::Succeeded, ..run.clone() };
        let other_attempt =
            Attempt { id: AttemptId { run: over, number: 1 }, transfer: None, ..attempt.clone() };
        let mut store = SqliteStore::open(&path).expect("a database");
        let records = [
            Record::Run { was: None, run: Arc::new(run) },
            Record::Run { was: None, run: Arc::new(other_run) },
            Record::Attempt(Arc::new(attempt)),
            Record::Attempt(Arc::new(other_attempt)),
            Record::Event(event),
            Record::Job(Arc::new(job_row)),
            Record::AgentFacts(agent_facts),
            Record::AlertQueued(Arc::new(alert)),
            Record::Reported(told),
        ];
        store.commit(&records).expect("the rows can be written");
        store.save_job_set(&job_set).expect("a text can be written");
        drop(store);
        let other = Connection::open(&path).expect("a database");
        // SQLite holds the rows that it writes to their types; a damaged file does not.
        other
            .execute_batch(
                "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
                 PRAGMA writable_schema = ON;
                 UPDATE sqlite_master SET sql = replace(replace(replace(replace(replace(sql,
                     ') STRICT, WITHOUT', ') WITHOUT'), ') STRICT', ')'), 'NOT NULL', ''),
                     ' TEXT ', ' '), 'BLOB', '')
                     WHERE type = 'table';
                 PRAGMA writable_schema = RESET;",
            )
            .expect("the schema can be loosened");
        for table in ["runs", "attempts", "events", "marks", "alerts", "singles"] {
            other
                .execute_batch(&format!("CREATE TEMP TABLE {table}_whole AS SELECT * FROM {table}"))
                .expect("a copy");
        }
        let mut store = SqliteStore::open(&path).expect("a database");
        let whole = store.load().expect("rows as they were written");
        Self { store, other, run: id, whole, _folder: folder }
    }

    fn restore(&self) {
        self.other.execute_batch("BEGIN").expect("a transaction");
        for table in ["runs", "attempts", "events", "marks", "alerts", "singles"] {
            let sql = format!(
                "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM {table}_whole"
            );
            self.other.execute_batch(&sql).expect("rows that were there before");
        }
        self.other.execute_batch("COMMIT").expect("a transaction");
    }
}

/// A database with any value in any column is read, or said to be damaged in words of a bounded
/// length; and read again once the value is gone.
pub fn damage_is_read_or_reported((table, column): (&str, &str), value: &Value) {
    let mut guard = DAMAGED.lock().unwrap_or_else(PoisonError::into_inner);
    let Damaged { store, other, run, .. } = &mut *guard;
    // In each row that an index does not refuse it to.
    let sql = format!("UPDATE OR IGNORE main.{table} SET {column} = ?1");
    other.execute(&sql, [value]).expect("a loose column takes any value");
    check(store.load());
    check(store.history(&all()));
    check(store.run(&run.to_string()));
    check(store.events(*run));
    check(store.job_rows());
    check(store.last_job_set());
    let jobs: Vec<_> = store.job_rows().unwrap_or_default().iter().map(|m| m.job.clone()).collect();
    check(store.last_runs(&jobs));
    guard.restore();
    let Damaged { store, whole, .. } = &mut *guard;
    assert_eq!(store.load().as_ref(), Ok(&*whole), "nothing is damaged any more");
}

/// Words of an error, at most: the path, the advice, and what was found.
const WORDS_MAX: usize = 1_000;

fn check<T>(result: Result<T, StoreError>) {
    if let Err(error) = result {
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        let words = error.to_string();
        assert!(words.len() <= WORDS_MAX, "{} bytes: {words}", words.len());
        assert!(!words.chars().any(char::is_control), "{words:?}");
    }
}
