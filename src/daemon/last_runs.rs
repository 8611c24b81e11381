//! The run that ended last and the one that succeeded last, of many jobs at once.
//!
//! The store is asked for many jobs in each query: with thousands of active runs, a query for each
//! job would take seconds.

use std::collections::HashMap;
use std::sync::Arc;

use super::past::{is_carried_out, last_ended, last_succeeded};
use crate::core::ids::RunId;
use crate::core::record::JobRow;
use crate::core::run::RunState;
use crate::store::thread::StoreHandle;
use crate::store::{HistoryQuery, RunWithAttempts, StoreError};

/// A run of each job, where it has one; in the order of the jobs' rows.
pub(super) type OfEach = Vec<Option<RunWithAttempts>>;

/// A run to be found: the job it is for, its id if one was kept, and otherwise the query.
type Wanted = (usize, Option<RunId>, HistoryQuery);

/// The runs that ended last, and those that succeeded last.
pub(super) async fn last_of_each(
    store: &StoreHandle,
    job_rows: &[Arc<JobRow>],
) -> Result<(OfEach, OfEach), StoreError> {
    let names: Vec<_> = job_rows.iter().map(|job_row| job_row.job.clone()).collect();
    let mut newest = store.last_runs(&names).await?.into_iter().peekable();
    let mut last: OfEach = vec![None; job_rows.len()];
    let mut wanted = Vec::new();
    for (at, job_row) in job_rows.iter().enumerate() {
        match newest.next_if(|found| found.run.job == job_row.job) {
            // The newest one is over and is not a skip: no second query is needed.
            Some(newest) if is_carried_out(newest.run.state) => last[at] = Some(newest),
            Some(_) => wanted.push((at, job_row.last_run, last_ended(&job_row.job))),
            // There never was one, or it was deleted.
            None => {}
        }
    }
    find(store, &mut last, wanted).await?;
    let mut success: OfEach = vec![None; job_rows.len()];
    let mut wanted = Vec::new();
    for (at, job_row) in job_rows.iter().enumerate() {
        match &last[at] {
            Some(last) if last.run.state == RunState::Succeeded => success[at] = Some(last.clone()),
            _ if job_row.last_success.is_none() => {}
            _ => wanted.push((at, job_row.last_success_run, last_succeeded(&job_row.job))),
        }
    }
    find(store, &mut success, wanted).await?;
    Ok((last, success))
}

/// Finds runs by their ids, and where no id was kept, or its run was deleted, the newest that a
/// query finds.
async fn find(
    store: &StoreHandle,
    found: &mut OfEach,
    wanted: Vec<Wanted>,
) -> Result<(), StoreError> {
    let ids: Vec<RunId> = wanted.iter().filter_map(|(_, id, _)| *id).collect();
    let known = store.runs(&ids).await?;
    let known: HashMap<RunId, _> = known.into_iter().map(|known| (known.run.id, known)).collect();
    let (mut at_of, mut questions) = (Vec::new(), Vec::new());
    for (at, id, question) in wanted {
        let known = id.and_then(|id| known.get(&id));
        match known.filter(|known| question.states.contains(&known.run.state)) {
            Some(known) => found[at] = Some(known.clone()),
            None => {
                at_of.push(at);
                questions.push(question);
            }
        }
    }
    let answers = store.histories(&questions).await?;
    for (at, answer) in at_of.into_iter().zip(answers) {
        found[at] = answer.into_iter().next();
    }
    Ok(())
}
