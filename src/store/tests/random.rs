//! Random commits: both stores answer alike. That rows read back as they were written is tested in
//! `tests/properties`.

use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use proptest::collection::vec;
use proptest::prelude::*;

use super::sample::{alert, at, attempt, event, job_row, put, queued, run, run_id};
use crate::core::alert::QueuedAlert;
use crate::core::ids::JobName;
use crate::core::reason::Reason;
use crate::core::record::{AgentFacts, JobRow, Record};
use crate::core::run::{Phase, RunState};
use crate::core::store::HistoryPolicy;
use crate::store::memory::MemoryStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{HistoryQuery, Queries as _, RunMatch, Store};

const JOBS: [&str; 3] = ["a", "b", "c"];
const RUNS: u128 = 6;

/// An action on both stores.
#[derive(Clone, Debug)]
enum Act {
    Commit(Vec<Vec<Change>>),
    Prune { keep: i64, max_runs: u64, step_limit: usize },
    SaveJobSet(String),
    Reopen,
}

/// A record of one of a few runs and transfers, so that they conflict.
#[derive(Clone, Debug)]
enum Change {
    /// A run's next state; with `honest` its previous state is given correctly.
    Run {
        n: u128,
        state: RunState,
        honest: bool,
    },
    Attempt {
        n: u128,
        number: u32,
        phase: Phase,
        transfer: Option<u128>,
    },
    Event {
        n: u128,
    },
    Job {
        job: usize,
        handled: i64,
        last_run: u128,
    },
    Learned(i64),
    /// Queued with this many tries, or gone.
    Alert {
        n: u128,
        tries: Option<u32>,
    },
}

fn any_change() -> impl Strategy<Value = Change> {
    let n = || 1..=RUNS;
    let state = proptest::sample::select(RunState::ALL.to_vec());
    let phase = proptest::sample::select(vec![Phase::Accepted, Phase::GivenUp, Phase::Closed]);
    prop_oneof![
        4 => (n(), state, proptest::bool::weighted(0.95))
            .prop_map(|(n, state, honest)| Change::Run { n, state, honest }),
        4 => (n(), 1..=2_u32, phase, proptest::option::of(1..=4_u128)).prop_map(
            |(n, number, phase, transfer)| Change::Attempt { n, number, phase, transfer }
        ),
        2 => n().prop_map(|n| Change::Event { n }),
        1 => (0..JOBS.len(), 0..99_i64, n())
            .prop_map(|(job, handled, last_run)| Change::Job { job, handled, last_run }),
        1 => any::<i64>().prop_map(Change::Learned),
        1 => (1..=4_u128, proptest::option::of(0..3_u32))
            .prop_map(|(n, tries)| Change::Alert { n, tries }),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => vec(vec(any_change(), 1..4), 1..3).prop_map(Act::Commit),
        2 => (0..9_i64, 1..6_u64, 1..4_usize)
            .prop_map(|(keep, max_runs, step_limit)| Act::Prune { keep, max_runs, step_limit }),
        1 => any::<String>().prop_map(Act::SaveJobSet),
        1 => Just(Act::Reopen),
    ]
}

/// The change as a record, written with knowledge of the memory store's rows.
fn record(change: &Change, known: &MemoryStore) -> Record {
    match *change {
        Change::Run { n, state, honest } => {
            let was = match known.run(&run_id(n).to_string()).unwrap() {
                RunMatch::One(found) => Some(found.run.state),
                RunMatch::None | RunMatch::Several(_) => None,
            };
            let was = if honest { was } else { Some(RunState::Queued) };
            let mut run = run(n, JOBS[usize::try_from(n).unwrap() % JOBS.len()], state);
            run.reason = Reason::in_words(format!("was {was:?}"));
            Record::Run { was, run: Arc::new(run) }
        }
        Change::Attempt { n, number, phase, transfer } => put(attempt(n, number, phase, transfer)),
        Change::Event { n } => event(n, 0, RunState::Queued),
        Change::Job { job, handled, last_run } => {
            let last_run = Some(run_id(last_run));
            Record::Job(Arc::new(JobRow { last_run, ..job_row(JOBS[job], handled) }))
        }
        Change::Learned(offset) => {
            let longest_listing_delay = SignedDuration::from_millis(offset);
            Record::AgentFacts(AgentFacts { longest_listing_delay })
        }
        Change::Alert { n, tries: Some(tries) } => queued(QueuedAlert { tries, ..alert(n) }),
        Change::Alert { n, tries: None } => Record::AlertGone(alert(n).id),
    }
}

/// The answers to all queries, as text.
fn all_of(store: &mut dyn Store) -> String {
    let everything = HistoryQuery { limit: 1000, ..HistoryQuery::default() };
    let failed = HistoryQuery {
        states: vec![RunState::Failed, RunState::Skipped],
        since: Some(at(3)),
        limit: 2,
        ..HistoryQuery::default()
    };
    let events: Vec<_> = (1..=RUNS).map(|n| store.events(run_id(n)).unwrap()).collect();
    format!(
        "{:#?}",
        (
            store.load().unwrap(),
            store.history(&everything).unwrap(),
            store.history(&failed).unwrap(),
            store.last_runs(&JOBS.map(JobName::new)).unwrap(),
            store.run("0").unwrap(),
            store.last_job_set().unwrap(),
            events,
        )
    )
}

fn both_do_alike(acts: &[Act], path: &Path) {
    let mut memory = MemoryStore::new();
    let mut sqlite = SqliteStore::open(path).unwrap();
    for act in acts {
        match act {
            Act::Commit(group) => {
                let group: Vec<Vec<_>> = group
                    .iter()
                    .map(|changes| changes.iter().map(|c| record(c, &memory)).collect())
                    .collect();
                let answers = |store: &mut dyn Store| -> Vec<bool> {
                    store.commit_group(&group).iter().map(Result::is_ok).collect()
                };
                assert_eq!(answers(&mut memory), answers(&mut sqlite), "{group:#?}");
            }
            Act::Prune { keep, max_runs, step_limit } => {
                let policy =
                    HistoryPolicy { keep: SignedDuration::from_secs(*keep), max_runs: *max_runs };
                assert_eq!(
                    memory.prune(policy, at(9), *step_limit),
                    sqlite.prune(policy, at(9), *step_limit)
                );
            }
            Act::SaveJobSet(text) => {
                memory.save_job_set(text).unwrap();
                sqlite.save_job_set(text).unwrap();
            }
            Act::Reopen => {
                drop(sqlite);
                sqlite = SqliteStore::open(path).unwrap();
            }
        }
    }
    assert_eq!(all_of(&mut memory), all_of(&mut sqlite));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn both_stores_answer_alike(acts in vec(any_act(), 1..24)) {
        let folder = crate::store::tests::sample::folder();
        both_do_alike(&acts, &folder.path().join("transferd.db"));
    }
}
