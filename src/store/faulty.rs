//! A store whose commits fail on command, before or after they are done: for tests of the daemon's
//! reaction, and for builds that die at chosen points.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::{Store, StoreError, Wraps};
use crate::core::record::{Record, Snapshot};
use crate::core::store::HistoryPolicy;

/// The point at which a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was committed.
    Before,
    /// All was committed, but the flush returned an error, as with a disk that fails at the wrong
    /// moment.
    After,
}

/// Controls a [`Faulty`] store, even after it has moved to its thread. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    commits: u64,
    faults: BTreeMap<u64, Fault>,
    full: bool,
}

impl Faults {
    /// Makes the n-th commit from now fail; 1 is the next one.
    pub fn fail_nth(&self, n: u64, fault: Fault) {
        self.with(|plan| {
            let at = plan.commits + n;
            plan.faults.insert(at, fault);
        });
    }

    /// Fills the disk: every write fails, until there is room again.
    pub fn set_full(&self, full: bool) {
        self.with(|plan| plan.full = full);
    }

    /// The number of requested commits.
    pub fn commits(&self) -> u64 {
        self.with(|plan| plan.commits)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Plan) -> T) -> T {
        // A plan is consistent at all times, even if a thread panicked while holding it.
        change(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A store that fails on command, and otherwise passes on to the store inside.
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: Faults,
}

impl<S> Faulty<S> {
    /// A store that `faults` makes fail.
    pub fn new(inner: S, faults: Faults) -> Self {
        Self { inner, faults }
    }

    /// The store inside.
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn room(&self) -> Result<(), StoreError> {
        if self.faults.with(|plan| plan.full) { Err(full()) } else { Ok(()) }
    }
}

fn full() -> StoreError {
    StoreError::Full { path: PathBuf::from("transferd.db") }
}

impl<S: Store> Wraps for Faulty<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: Store> Store for Faulty<S> {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        self.inner.load()
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let fault = self.faults.with(|plan| {
            plan.commits += 1;
            if plan.full { Some(Fault::Before) } else { plan.faults.remove(&plan.commits) }
        });
        match fault {
            None => self.inner.commit(records),
            Some(Fault::Before) => Err(full()),
            Some(Fault::After) => {
                self.inner.commit(records)?;
                Err(StoreError::Io {
                    path: PathBuf::from("transferd.db"),
                    detail: "the flush failed".to_owned(),
                })
            }
        }
    }

    fn save_job_set(&mut self, text: &str) -> Result<(), StoreError> {
        self.room()?;
        self.inner.save_job_set(text)
    }

    fn save_agent_user(&mut self, uid: u32) -> Result<(), StoreError> {
        self.room()?;
        self.inner.save_agent_user(uid)
    }

    fn prune(
        &mut self,
        policy: HistoryPolicy,
        now: Timestamp,
        step_limit: usize,
    ) -> Result<usize, StoreError> {
        self.room()?;
        self.inner.prune(policy, now, step_limit)
    }

    fn check_writable(&mut self) -> Result<(), StoreError> {
        self.room()?;
        self.inner.check_writable()
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.inner.close()
    }
}
