//! Costs of the store: a commit, many that share a flush, a start and questions with 100,000
//! runs in the past, and a step of retention. `cargo bench --bench store`.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use transferd::core::ids::JobName;
use transferd::core::run::RunState;
use transferd::core::store::HistoryPolicy;
use transferd::store::sqlite::SqliteStore;
use transferd::store::thread::StoreThread;
use transferd::store::{HistoryQuery, Queries as _, Store};

#[path = "../tests/support/rows.rs"]
mod rows;

const PAST: u64 = 100_000;
const JOBS: u64 = 100;

fn store(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("transferd.db")).expect("a new database")
}

fn job(n: u64) -> String {
    format!("job-{:03}", n % JOBS)
}

/// A store with so many runs in the past, one in fifty of them failed, and 20 under way.
fn with_past(folder: &Path) -> SqliteStore {
    let mut store = store(folder);
    for first in (1..=PAST).step_by(1000) {
        let records: Vec<_> = (first..first + 1000)
            .flat_map(|n| {
                let failed = n % 50 == 0;
                let state = if failed { RunState::Failed } else { RunState::Succeeded };
                rows::records(n, &job(n), state)
            })
            .collect();
        store.commit(&records).expect("there is room");
    }
    for n in PAST + 1..=PAST + 20 {
        let records = rows::records(n, &job(n), RunState::Running);
        store.commit(&records).expect("there is room");
    }
    store
}

fn commits(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let handle = StoreThread::spawn(store(folder.path()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut next = 1;
    let mut fresh = || {
        next += 1;
        rows::records(next, &job(next), RunState::Running)
    };
    criterion.bench_function("commit/one run, attempt and event", |bencher| {
        bencher.iter_batched(
            &mut fresh,
            |records| runtime.block_on(handle.commit(records)).expect("there is room"),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("commit/64 at once", |bencher| {
        bencher.iter_batched(
            || (0..64).map(|_| fresh()).collect::<Vec<_>>(),
            |group| {
                runtime.block_on(async {
                    let commits = group.into_iter().map(|records| handle.commit(records));
                    let results = futures_util::future::join_all(commits).await;
                    assert!(results.iter().all(Result::is_ok));
                });
            },
            BatchSize::SmallInput,
        );
    });
}

fn with_100_000_runs(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("transferd.db");
    drop(with_past(folder.path()));
    let size = std::fs::metadata(&path).expect("it is there").len();
    eprintln!("database of {PAST} runs: {} bytes a run", size / PAST);

    criterion.bench_function("100k/open and load", |bencher| {
        bencher.iter(|| {
            let mut store = SqliteStore::open(&path).expect("it is good");
            assert_eq!(store.load().expect("it is good").runs.len(), 20);
        });
    });
    let mut store = store(folder.path());
    let query = HistoryQuery { limit: 20, ..HistoryQuery::default() };
    let questions = [
        ("newest 20", query.clone()),
        ("newest 20 of a job", HistoryQuery { job: Some(JobName::new(&job(7))), ..query.clone() }),
        ("newest 20 failed", HistoryQuery { states: vec![RunState::Failed], ..query.clone() }),
        ("none of a state", HistoryQuery { states: vec![RunState::Canceled], ..query.clone() }),
        ("newest 1,000", HistoryQuery { limit: 1000, ..query }),
    ];
    for (name, query) in questions {
        criterion.bench_function(&format!("100k/history: {name}"), |bencher| {
            bencher.iter(|| black_box(store.history(&query).expect("it is good")));
        });
    }
    let jobs: Vec<_> = (0..JOBS).map(|n| JobName::new(&job(n))).collect();
    criterion.bench_function("100k/last runs of 100 jobs", |bencher| {
        bencher.iter(|| black_box(store.last_runs(&jobs).expect("it is good")));
    });
    let policy = HistoryPolicy::default();
    criterion.bench_function("100k/prune: nothing to do", |bencher| {
        bencher.iter(|| store.prune(policy, rows::at(0), 100).expect("it is good"));
    });
    let all_is_old = HistoryPolicy { max_runs: 1, ..policy };
    criterion.bench_function("100k/prune: a step of 100 runs", |bencher| {
        bencher.iter(|| store.prune(all_is_old, rows::at(0), 100).expect("it is good"));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .without_plots();
    targets = commits, with_100_000_runs
}
criterion_main!(benches);
