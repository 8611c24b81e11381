//! The past as documents: turns requests into queries of a store, and its rows into answers.

use std::cmp::Reverse;

use uuid::Uuid;

use crate::control::document::RunDocument;
use crate::control::request::{HISTORY_MAX, HistoryQuery};
use crate::core::ids::{JobName, RunId};
use crate::core::place::AccountNames;
use crate::core::run::{Attempt, RunState};
use crate::store::{self, Older, RunWithAttempts};

/// A query of the command line as queries of a store: one for each job, or one for all.
pub fn store_queries(query: &HistoryQuery) -> Vec<store::HistoryQuery> {
    let of = |job: Option<JobName>| store::HistoryQuery {
        job,
        states: query.states.clone(),
        scheduled_for: query.scheduled_for,
        since: query.since,
        // No run has the nil id: all runs created in that very instant are left out too.
        before: query.before.map(|created_at| Older { created_at, run: RunId(Uuid::nil()) }),
        limit: limit(query),
    };
    let mut jobs: Vec<_> = query.jobs.iter().map(|job| JobName::new(job)).collect();
    jobs.sort();
    jobs.dedup();
    if jobs.is_empty() {
        vec![of(None)]
    } else {
        jobs.into_iter().map(|job| of(Some(job))).collect()
    }
}

/// The answers to [`store_queries`] as one: newest first, no more than requested.
pub fn merged(
    query: &HistoryQuery,
    answers: Vec<Vec<RunWithAttempts>>,
    accounts: &AccountNames,
) -> Vec<RunDocument> {
    let mut runs: Vec<_> = answers.into_iter().flatten().collect();
    // Stable: keeps the store's own order of runs created together.
    runs.sort_by_key(|found| Reverse(found.run.created_at));
    runs.truncate(limit(query));
    runs.iter().map(|found| document(found, accounts)).collect()
}

fn limit(query: &HistoryQuery) -> usize {
    query.limit.unwrap_or(HISTORY_MAX).min(HISTORY_MAX)
}

/// The query for the run that failed last.
pub fn last_failed() -> store::HistoryQuery {
    store::HistoryQuery {
        states: vec![RunState::Failed, RunState::TimedOut],
        limit: 1,
        ..store::HistoryQuery::default()
    }
}

/// The message of `show` without an argument where there is nothing to show.
pub const NONE_FAILED: &str = "no run has failed; `transferd history` lists all runs";

/// Whether a run is over, and was not a skip.
pub fn is_carried_out(state: RunState) -> bool {
    state.is_over() && state != RunState::Skipped
}

/// The query for the run of a job that ended last, not counting skips.
pub fn last_ended(job: &JobName) -> store::HistoryQuery {
    let ends = RunState::ALL.into_iter().filter(|state| is_carried_out(*state));
    newest(job, ends.collect())
}

/// The query for the run of a job that succeeded last.
pub(super) fn last_succeeded(job: &JobName) -> store::HistoryQuery {
    newest(job, vec![RunState::Succeeded])
}

/// The query for the newest run of a job in one of some states.
pub(super) fn newest(job: &JobName, states: Vec<RunState>) -> store::HistoryQuery {
    let job = Some(job.clone());
    store::HistoryQuery { job, states, limit: 1, ..store::HistoryQuery::default() }
}

/// A run as a document, with these names of accounts.
pub fn document(found: &RunWithAttempts, accounts: &AccountNames) -> RunDocument {
    let attempts = found.attempts.iter().map(|attempt| -> &Attempt { attempt });
    RunDocument::new(&found.run, attempts, accounts)
}

/// The error for the beginning of an id that several runs have.
pub fn several(start: &str, ids: &[RunId]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    format!("`{start}` matches several runs: {}", ids.join(", "))
}

/// The error for a job without a run.
pub fn not_yet_run(job: &JobName) -> String {
    format!("job `{job}` has not run yet")
}

/// The error for a word that is neither a job with a run nor the start of a run's id; `near` is the
/// job that was probably meant.
pub fn no_run(word: &str, near: Option<&str>) -> String {
    let next = match near {
        Some(job) => format!("did you mean `{job}`?"),
        None => "`transferd history` lists the runs, `transferd next` the jobs".to_owned(),
    };
    format!("there is no job or run `{word}`; {next}")
}
