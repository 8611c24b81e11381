//! The store behind its thread.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::sample::{attempt, event, everything, new_run, put, run, run_id};
use crate::core::ids::JobName;
use crate::core::record::{Record, Snapshot};
use crate::core::run::{Phase, RunState};
use crate::core::store::HistoryPolicy;
use crate::store::faulty::{Fault, Faults, Faulty};
use crate::store::memory::MemoryStore;
use crate::store::sqlite::SqliteStore;
use crate::store::thread::{StoreHandle, StoreThread};
use crate::store::{HistoryQuery, RunMatch, Store, StoreError, Wraps};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A store that holds its thread in `check_writable` until it is released, and counts flushes.
struct Held {
    inner: MemoryStore,
    reached: mpsc::Sender<()>,
    go: mpsc::Receiver<()>,
    groups: Arc<Mutex<Vec<usize>>>,
}

impl Wraps for Held {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }
}

impl Store for Held {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        self.inner.load()
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.groups.lock().unwrap().push(1);
        self.inner.commit(records)
    }

    fn commit_group(&mut self, group: &[Vec<Record>]) -> Vec<Result<(), StoreError>> {
        self.groups.lock().unwrap().push(group.len());
        self.inner.commit_group(group)
    }

    fn save_job_set(&mut self, text: &str) -> Result<(), StoreError> {
        self.inner.save_job_set(text)
    }

    fn save_agent_user(&mut self, uid: u32) -> Result<(), StoreError> {
        self.inner.save_agent_user(uid)
    }

    fn prune(
        &mut self,
        policy: HistoryPolicy,
        now: Timestamp,
        step_limit: usize,
    ) -> Result<usize, StoreError> {
        self.inner.prune(policy, now, step_limit)
    }

    fn check_writable(&mut self) -> Result<(), StoreError> {
        self.reached.send(()).unwrap();
        self.go.recv().unwrap();
        Ok(())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.inner.close()
    }
}

#[test]
fn what_waits_while_the_disk_works_shares_one_flush() {
    let (reached, has_reached) = mpsc::channel();
    let (let_go, go) = mpsc::channel();
    let groups = Arc::new(Mutex::new(Vec::new()));
    let held = Held { inner: MemoryStore::new(), reached, go, groups: Arc::clone(&groups) };
    let store = StoreThread::spawn(held);
    block_on(async {
        let refused = vec![put(attempt(99, 1, Phase::Intent, None))];
        let commit = |n| store.commit(vec![new_run(run(n, "nightly", RunState::Running))]);
        let (held, first, second, bad, seen, third, ()) = tokio::join!(
            store.check_writable(),
            commit(1),
            commit(2),
            store.commit(refused),
            store.history(everything()),
            commit(3),
            async {
                has_reached.recv().unwrap();
                let_go.send(()).unwrap();
            }
        );
        assert!(held.is_ok() && first.is_ok() && second.is_ok() && third.is_ok());
        assert!(matches!(bad, Err(StoreError::Conflict(_))));
        assert_eq!(seen.unwrap().len(), 2, "a read sees the commits before it");
    });
    assert_eq!(*groups.lock().unwrap(), [3, 1]);
}

#[test]
fn every_question_is_answered_from_the_thread() {
    let folder = crate::store::tests::sample::folder();
    let path = folder.path().join("transferd.db");
    let store = StoreThread::spawn(SqliteStore::open(&path).unwrap());
    block_on(async {
        let jobs = ["nightly", "hourly"].map(JobName::new);
        for n in 1..=500 {
            let records = vec![
                new_run(run(n, "nightly", RunState::Succeeded)),
                event(n, 0, RunState::Succeeded),
            ];
            store.commit(records).await.unwrap();
        }
        // More than one page.
        let history = store.history(HistoryQuery { limit: 450, ..everything() }).await.unwrap();
        let ids: Vec<_> = history.iter().map(|found| found.run.id).collect();
        assert_eq!(ids, (51..=500).rev().map(run_id).collect::<Vec<_>>());
        assert_eq!(store.history(everything()).await.unwrap().len(), 500);
        assert_eq!(store.last_runs(&jobs).await.unwrap()[0].run.id, run_id(500));
        assert_eq!(store.events(run_id(7)).await.unwrap().len(), 1);
        let id = run_id(7).to_string();
        assert!(matches!(store.run(&id).await.unwrap(), RunMatch::One(_)));
        store.save_job_set("{}".to_owned()).await.unwrap();
        assert_eq!(store.last_job_set().await.unwrap().as_deref(), Some("{}"));
        store.check_writable().await.unwrap();
        let policy = HistoryPolicy { max_runs: 490, ..Default::default() };
        let now = super::sample::at(500);
        assert_eq!(store.prune(policy, now, 100).await.unwrap(), 10);
        assert_eq!(store.load().await.unwrap().runs, []);
    });
}

#[test]
fn a_closed_store_is_tidy_and_answers_so() {
    let folder = crate::store::tests::sample::folder();
    let path = folder.path().join("transferd.db");
    let store = StoreThread::spawn(SqliteStore::open(&path).unwrap());
    block_on(async {
        let records = vec![new_run(run(1, "nightly", RunState::Running))];
        let (committed, closed) = tokio::join!(store.commit(records), store.close());
        assert_eq!((committed, closed), (Ok(()), Ok(())), "what was asked before is done");
        assert_eq!(store.load().await, Err(StoreError::Closed));
        assert_eq!(store.commit(Vec::new()).await, Err(StoreError::Closed));
    });
    let files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["transferd.db"], "the log is moved into the database");
    assert_eq!(SqliteStore::open(&path).unwrap().load().unwrap().runs.len(), 1);
}

#[test]
fn what_was_asked_is_done_though_nobody_waits_for_the_answer() {
    let store = StoreThread::spawn(MemoryStore::new());
    let mut commit = Box::pin(store.commit(vec![new_run(run(1, "nightly", RunState::Running))]));
    block_on(async {
        // Requested, and dropped before the answer is read.
        let asked = std::future::poll_fn(|context| {
            let _ = commit.as_mut().poll(context);
            std::task::Poll::Ready(())
        });
        asked.await;
        drop(commit);
        assert_eq!(store.load().await.unwrap().runs.len(), 1);
    });
}

fn faulty() -> (StoreHandle, Faults) {
    let faults = Faults::default();
    (StoreThread::spawn(Faulty::new(MemoryStore::new(), faults.clone())), faults)
}

#[test]
fn a_fault_strikes_the_chosen_commit_before_or_after_it_is_done() {
    let (store, faults) = faulty();
    faults.fail_nth(2, Fault::Before);
    faults.fail_nth(3, Fault::After);
    block_on(async {
        let commit = |n| store.commit(vec![new_run(run(n, "nightly", RunState::Running))]);
        assert_eq!(commit(1).await, Ok(()));
        assert!(matches!(commit(2).await, Err(StoreError::Full { .. })));
        assert!(matches!(commit(3).await, Err(StoreError::Io { .. })));
        assert_eq!(commit(4).await, Ok(()));
        let runs = store.load().await.unwrap().runs;
        let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
        assert_eq!(ids, [1, 3, 4].map(run_id));
        assert_eq!(faults.commits(), 4);
    });
}

#[test]
fn a_full_disk_refuses_writes_and_answers_reads_until_there_is_room() {
    let (store, faults) = faulty();
    block_on(async {
        let commit = || store.commit(vec![new_run(run(1, "nightly", RunState::Running))]);
        faults.set_full(true);
        assert!(matches!(commit().await, Err(StoreError::Full { .. })));
        assert!(matches!(store.check_writable().await, Err(StoreError::Full { .. })));
        assert_eq!(store.load().await.unwrap().runs, []);
        faults.set_full(false);
        assert_eq!(commit().await, Ok(()));
        assert_eq!(store.check_writable().await, Ok(()));
    });
}
