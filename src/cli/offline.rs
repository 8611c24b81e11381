//! The past, read from the database where no daemon runs. Makes and changes nothing.

use std::fmt::Display;

use super::Global;
use super::places::Places;
use crate::control::document::{EventDocument, RunDocument, ShowDocument};
use crate::control::request::{HISTORY_MAX, HistoryQuery, ShowQuery};
use crate::core::ids::JobName;
use crate::core::run::Attempt;
use crate::store::folder::StateFolder;
use crate::store::sqlite::SqliteStore;
use crate::store::{self, RunMatch, RunWithAttempts, Store};

/// `history`; nothing where there is no database.
///
/// # Errors
/// In words.
pub fn history(global: &Global, query: &HistoryQuery) -> Result<Vec<RunDocument>, String> {
    let Some(store) = open(global)? else { return Ok(Vec::new()) };
    let query = store_query(query);
    if let Some(job) = &query.job {
        let newest = store.last_runs(std::slice::from_ref(job)).map_err(words)?;
        if newest.is_empty() && !store.marks().map_err(words)?.iter().any(|m| m.job == *job) {
            return Err(format!("no job `{job}` is known"));
        }
    }
    let runs = store.history(&query).map_err(words)?;
    Ok(runs.iter().map(document).collect())
}

/// `show`.
///
/// # Errors
/// In words.
pub fn show(global: &Global, query: &ShowQuery) -> Result<ShowDocument, String> {
    let none = || format!("no run `{}`", query.run);
    let store = open(global)?.ok_or_else(none)?;
    match store.run(&query.run).map_err(words)? {
        RunMatch::None => Err(none()),
        RunMatch::Several(ids) => Err(several(&query.run, &ids)),
        RunMatch::One(found) => {
            let events = store.events(found.run.id).map_err(words)?;
            let events = events.iter().map(EventDocument::new).collect();
            Ok(ShowDocument { run: document(&found), events })
        }
    }
}

/// A question of the command line, as the store takes it.
pub fn store_query(query: &HistoryQuery) -> store::HistoryQuery {
    store::HistoryQuery {
        job: query.job.as_deref().map(JobName::new),
        states: query.state.into_iter().collect(),
        since: query.since,
        before: None,
        limit: query.limit.unwrap_or(HISTORY_MAX).min(HISTORY_MAX),
    }
}

fn document(found: &RunWithAttempts) -> RunDocument {
    RunDocument::new(&found.run, found.attempts.iter().map(|attempt| -> &Attempt { attempt }))
}

fn several(start: &str, ids: &[impl Display]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    format!("`{start}` fits several runs: {}", ids.join(", "))
}

fn open(global: &Global) -> Result<Option<SqliteStore>, String> {
    let folder = Places::here(global).state_folder()?;
    StateFolder::open_read_only(&folder).map_err(words)
}

fn words(error: impl Display) -> String {
    error.to_string()
}
