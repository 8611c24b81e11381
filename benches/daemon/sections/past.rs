//! Starts and questions with a large history, and what it costs to forget some of it.

use std::path::Path;

use transferd::core::run::RunState;
use transferd::core::store::HistoryPolicy;
use transferd::store::Store as _;
use transferd::store::sqlite::SqliteStore;

use super::figure;
use super::start::start_to_first_submit;
use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::limits::SETTLE;
use crate::stage::Stage;
use crate::statistics::quantile;
use crate::table::Row;
use crate::{agent, clock, file, process, rows};

/// Jobs that the past is of.
const JOBS: usize = 20;

/// Runs that are recorded in one commit.
const AT_ONCE: u64 = 1_000;

/// Runs that the daemon forgets in one step, between which commits get their turn.
const STEP: usize = 64;

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let runs = arguments.size(1_000_000, 20_000);
    let stage = Stage::new(&agent::options(100, 200))?;
    let jobs = file::due(1, "* * * * * *") + &without_first(&file::nightly(JOBS, 0));
    stage.write(&(file::head(stage.agent.address(), "") + &jobs))?;
    stage.start()?.stop()?;
    let filled = clock::now();
    fill(&stage.database(), runs)?;
    let filled = filled.elapsed().as_secs_f64();
    let size = figure(std::fs::metadata(stage.database())?.len()) / 1_000_000.0;
    let mut rows = vec![
        Row::new(format!("to record {runs} runs, {AT_ONCE} in a commit"), "s", vec![filled]),
        Row::new("the database then", "MB", vec![size]),
    ];
    // It catches up once, and is asked of what it has: no job is due meanwhile.
    stage.start()?.stop()?;
    let (mut first, mut ready, mut stops) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..arguments.runs() {
        let (submitted, is_ready) = start_to_first_submit(&stage, &mut stops)?;
        first.push(submitted);
        ready.push(is_ready);
    }
    let named = |figure: &str| format!("{figure}, {runs} runs");
    rows.push(Row::new(named("start to ready"), "ms", ready));
    rows.push(Row::new(named("start to first submit"), "ms", first).at_most(200.0));
    rows.push(Row::new(named("SIGTERM to exit"), "ms", stops).at_most(500.0));
    rows.extend(questions(arguments, &stage, runs)?);
    rows.extend(forgetting(arguments, &stage.database())?);
    Ok(rows)
}

/// The jobs but the first, which stands in the file with another schedule.
fn without_first(jobs: &str) -> String {
    let second = format!("  {}:", file::name(1));
    jobs.find(&second).map_or_else(String::new, |at| jobs[at..].to_owned())
}

/// Records so many runs as the daemon does, one in fifty of them failed.
pub(super) fn fill(database: &Path, runs: u64) -> Result<(), Failure> {
    let mut store = SqliteStore::open(database)?;
    for first in (1..=runs).step_by(usize::try_from(AT_ONCE)?) {
        let mut records = Vec::new();
        for n in first..(first + AT_ONCE).min(runs + 1) {
            let state = if n % 50 == 0 { RunState::Failed } else { RunState::Succeeded };
            let job = file::name(usize::try_from(n)? % JOBS);
            records.extend(rows::records(n, &job, state));
        }
        store.commit(&records)?;
    }
    Ok(store.close()?)
}

/// What people ask, as whole commands.
fn questions(arguments: &Arguments, stage: &Stage, runs: u64) -> Result<Vec<Row>, Failure> {
    let jobs = file::nightly(JOBS, 0);
    stage.write(&(file::head(stage.agent.address(), "") + &jobs))?;
    let daemon = stage.start()?;
    clock::pass(SETTLE);
    let mut rows = Vec::new();
    for (question, budget) in [
        (&["--version"][..], None),
        (&["status"], Some(20.0)),
        (&["history", "-n", "100"], Some(20.0)),
        (&["history", "-n", "100", "--failed"], Some(20.0)),
    ] {
        let mut took = Vec::new();
        for _ in 0..arguments.size(21, 3) {
            took.push(clock::milliseconds(stage.command(question)?.0));
        }
        let row = Row::new(format!("`{}`, {runs} runs", question.join(" ")), "ms", took);
        rows.push(match budget {
            Some(budget) => row.at_most(budget),
            None => row,
        });
    }
    let memory = process::memory(daemon.process())?;
    rows.push(Row::new(format!("RSS then, {JOBS} jobs"), "MB", vec![memory.resident]));
    Ok(rows)
}

/// A commit waits for one step of forgetting at most.
fn forgetting(arguments: &Arguments, database: &Path) -> Result<Vec<Row>, Failure> {
    let mut store = SqliteStore::open(database)?;
    let policy = HistoryPolicy { max_runs: 1, ..HistoryPolicy::default() };
    let mut took = Vec::new();
    for _ in 0..arguments.size(200, 10) {
        let began = clock::now();
        store.prune(policy, rows::at(0), STEP)?;
        took.push(clock::milliseconds(began.elapsed()));
    }
    let longest = quantile(&took, 0.99).into_iter().collect();
    let steps = took.len();
    Ok(vec![
        Row::new(format!("a step that forgets {STEP} runs"), "ms", took).at_most(10.0),
        Row::new(format!("its p99 of {steps} steps"), "ms", longest).at_most(10.0),
    ])
}
