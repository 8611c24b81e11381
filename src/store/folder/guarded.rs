//! The folder's store, whose commits count only while its files are still the ones at their paths,
//! and hold what they did.
//!
//! It also keeps, beside the database, which event was recorded last: a daemon that is killed
//! leaves its last records in the write-ahead log, and without that file, or with an older copy of
//! the database, all would look well.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::lock::Lock;
use super::log::Log;
use super::standing::Standing;
use crate::core::record::{Record, Snapshot};
use crate::core::store::HistoryPolicy;
use crate::store::sqlite::SqliteStore;
use crate::store::{Queries as _, Store, StoreError, Wraps};

/// The store of a folder that a daemon holds.
#[derive(Debug)]
pub struct GuardedStore {
    store: SqliteStore,
    standing: Standing,
    lock: Arc<Lock>,
    log: Option<Log>,
    /// The files beside the database, until they exist: SQLite creates them at its first write.
    late: Vec<PathBuf>,
}

impl GuardedStore {
    /// Guards a store that has just been opened.
    pub(super) fn new(store: SqliteStore, standing: Standing, lock: Arc<Lock>) -> Self {
        let late = vec![beside(&store, "-wal"), beside(&store, "-shm")];
        let mut guarded = Self { store, standing, lock, log: None, late };
        guarded.take_in_late();
        guarded
    }

    /// Changes the store, if the change is certain to be found again.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.check_standing()?;
        let changed = change(&mut self.store);
        self.take_in_late();
        if let Some(log) = &mut self.log {
            log.note();
        }
        let changed = changed?;
        // If a file was moved away meanwhile, the change went with it.
        self.check_standing()?;
        self.note_last();
        Ok(changed)
    }

    fn take_in_late(&mut self) {
        let standing = &mut self.standing;
        self.late.retain(|file| standing.add(file).is_err());
        if self.log.is_none() {
            self.log = Log::open(&beside(&self.store, "-wal")).ok();
        }
    }

    /// Checks the log. One that is damaged is left as it is, also when the store is closed: what it
    /// has lost is not in the database either.
    fn check_log(&self) -> Result<(), StoreError> {
        let checked = self.log.as_ref().map_or(Ok(()), Log::check);
        if checked.is_err() {
            self.store.leave_log();
        }
        checked
    }

    fn note_last(&self) {
        // Only a precaution: a durable commit does not depend on it.
        if let Ok(last) = self.store.last_event() {
            self.lock.note_last(last);
        }
    }
}

/// A file beside the database.
fn beside(store: &SqliteStore, suffix: &str) -> PathBuf {
    let mut path = store.path().as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

impl Wraps for GuardedStore {
    type Inner = SqliteStore;

    fn inner(&self) -> &SqliteStore {
        &self.store
    }
}

impl Store for GuardedStore {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        self.store.load()
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.change(|store| store.commit(records))
    }

    fn commit_group(&mut self, group: &[Vec<Record>]) -> Vec<Result<(), StoreError>> {
        match self.change(|store| Ok(store.commit_group(group))) {
            Ok(results) => results,
            Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn save_job_set(&mut self, text: &str) -> Result<(), StoreError> {
        self.change(|store| store.save_job_set(text))
    }

    fn save_agent_user(&mut self, uid: u32) -> Result<(), StoreError> {
        self.change(|store| store.save_agent_user(uid))
    }

    fn prune(
        &mut self,
        policy: HistoryPolicy,
        now: Timestamp,
        step_limit: usize,
    ) -> Result<usize, StoreError> {
        self.change(|store| store.prune(policy, now, step_limit))
    }

    fn check_writable(&mut self) -> Result<(), StoreError> {
        self.change(SqliteStore::check_writable)
    }

    fn check_standing(&self) -> Result<(), StoreError> {
        self.standing.check()?;
        self.check_log()
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.check_log()?;
        let closed = self.store.close();
        if closed.is_ok() && self.standing.check().is_ok() {
            self.lock.note_clean();
        }
        closed
    }
}
