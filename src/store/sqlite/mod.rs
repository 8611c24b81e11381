//! The store on disk: one SQLite database in WAL mode, flushed at every commit.
//!
//! A connection lives on one thread, which is the business of [`super::thread`]; that no other
//! daemon has the same file is the business of [`super::folder`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use super::{Happened, HistoryQuery, Queries, RunMatch, RunWithAttempts, Store, StoreError};
use crate::core::event::Event;
use crate::core::ids::{JobName, RunId};
use crate::core::outcomes::Outcomes;
use crate::core::record::{JobRow, Record, Snapshot};
use crate::core::repeat::PastRun;
use crate::core::store::HistoryPolicy;

mod backup;
mod failure;
mod open;
mod read;
mod retention;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod wal;
mod write;

pub use backup::Backup;
use failure::Failure;

/// The database's file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the database for a daemon: creates it if there is none, upgrades it if an older
    /// transferd wrote it (after a copy beside it), and leaves it as it is if it is damaged, of a
    /// newer version or not ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open::for_writing(path, schema::MIGRATIONS)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Opens the database for reading, whether or not a daemon runs. Never creates or changes a
    /// file. Absent if there is no database.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, StoreError> {
        let connection = open::for_reading(path, schema::MIGRATIONS)?;
        Ok(connection.map(|connection| Self { connection, path: path.to_owned() }))
    }

    /// Copies the database at `path`, of any version, to a new file: see
    /// [`super::folder::StateFolder::back_up`].
    pub(super) fn back_up(path: &Path, copy: &Path) -> Result<Option<Backup>, StoreError> {
        backup::back_up(path, copy, schema::MIGRATIONS)
    }

    /// The path of the database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the log as it is when the database is closed, instead of moving it there.
    pub(super) fn leave_log(&self) {
        // Refused for no connection that is open.
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }

    fn worded<T>(&self, result: Result<T, Failure>) -> Result<T, StoreError> {
        result.map_err(|failure| failure.at(&self.path))
    }

    /// Makes all of `change` in one durable transaction, or nothing of it.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let result = (|| {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = change(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })();
        self.worded(result)
    }

    /// Reads all of `read` from one state of the rows, though a daemon may be writing meanwhile.
    fn snapshot<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let result = (|| {
            let transaction = self.connection.unchecked_transaction()?;
            let answer = read(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })();
        self.worded(result)
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        self.snapshot(read::durable)
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.change(|connection| write::records(connection, records))
    }

    fn commit_group(&mut self, group: &[Vec<Record>]) -> Vec<Result<(), StoreError>> {
        let results = write::group(&mut self.connection, group);
        match self.worded(results) {
            Ok(results) => results.into_iter().map(|result| self.worded(result)).collect(),
            // Nothing of the transaction was kept: every commit of the group gets the error.
            Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn save_job_set(&mut self, text: &str) -> Result<(), StoreError> {
        // A restart saves the text that it has just read: megabytes need not be written again.
        if self.last_job_set()?.as_deref() == Some(text) {
            return Ok(());
        }
        self.change(|connection| write::single(connection, rows::JOB_SET, text))
    }

    fn save_agent_user(&mut self, uid: u32) -> Result<(), StoreError> {
        self.change(|connection| write::single(connection, rows::AGENT_USER, &uid.to_string()))
    }

    fn prune(
        &mut self,
        policy: HistoryPolicy,
        now: Timestamp,
        step_limit: usize,
    ) -> Result<usize, StoreError> {
        let due =
            self.snapshot(|connection| retention::due(connection, policy, now, step_limit))?;
        if !due.is_empty() {
            self.change(|connection| retention::forget(connection, &due))?;
        }
        self.change(retention::give_back)?;
        Ok(due.len())
    }

    fn check_writable(&mut self) -> Result<(), StoreError> {
        self.change(write::proof)
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let result = open::tidy(&self.connection);
        self.worded(result)
    }
}

impl Queries for SqliteStore {
    fn history(&self, query: &HistoryQuery) -> Result<Vec<RunWithAttempts>, StoreError> {
        self.snapshot(|connection| read::history(connection, query))
    }

    fn run(&self, id_or_prefix: &str) -> Result<RunMatch, StoreError> {
        self.snapshot(|connection| read::run(connection, id_or_prefix))
    }

    fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError> {
        self.snapshot(|connection| read::events(connection, run))
    }

    fn happened(&self, after: u64, limit: usize) -> Result<Vec<Happened>, StoreError> {
        self.snapshot(|connection| read::happened(connection, after, limit))
    }

    fn last_event(&self) -> Result<u64, StoreError> {
        self.snapshot(read::last_event)
    }

    fn last_runs(&self, jobs: &[JobName]) -> Result<Vec<RunWithAttempts>, StoreError> {
        self.snapshot(|connection| read::last_runs(connection, jobs))
    }

    fn runs_of_time(
        &self,
        job: &JobName,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastRun>, StoreError> {
        self.snapshot(|connection| read::runs_of_time(connection, job, (from, to), limit))
    }

    fn outcomes(
        &self,
        jobs: &[JobName],
        days: &[Timestamp],
    ) -> Result<Vec<Vec<Outcomes>>, StoreError> {
        let of_job = |connection: &Connection, job| read::outcomes(connection, job, days);
        self.snapshot(|connection| jobs.iter().map(|job| of_job(connection, job)).collect())
    }

    fn job_rows(&self) -> Result<Vec<Arc<JobRow>>, StoreError> {
        self.snapshot(read::job_rows)
    }

    fn last_job_set(&self) -> Result<Option<String>, StoreError> {
        self.snapshot(|connection| read::single(connection, rows::JOB_SET))
    }

    fn agent_user(&self) -> Result<Option<u32>, StoreError> {
        let kept = self.snapshot(|connection| read::single(connection, rows::AGENT_USER))?;
        // A value that is not a number was not written by us, and trusts nobody.
        Ok(kept.and_then(|uid| uid.parse().ok()))
    }
}
