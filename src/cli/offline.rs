//! The past, read from the database where no daemon runs. Makes and changes nothing.

use std::fmt::Display;

use super::Global;
use super::places::Places;
use crate::control::document::{EventDocument, RunDocument, ShowDocument};
use crate::control::request::{HistoryQuery, ShowQuery};
use crate::daemon::past::{document, no_run, several, store_query};
use crate::store::folder::StateFolder;
use crate::store::sqlite::SqliteStore;
use crate::store::{RunMatch, Store};

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
    let store = open(global)?.ok_or_else(|| no_run(&query.run))?;
    match store.run(&query.run).map_err(words)? {
        RunMatch::None => Err(no_run(&query.run)),
        RunMatch::Several(ids) => Err(several(&query.run, &ids)),
        RunMatch::One(found) => {
            let events = store.events(found.run.id).map_err(words)?;
            let events = events.iter().map(EventDocument::new).collect();
            Ok(ShowDocument { run: document(&found), events })
        }
    }
}

fn open(global: &Global) -> Result<Option<SqliteStore>, String> {
    let folder = Places::here(global).state_folder()?;
    StateFolder::open_read_only(&folder).map_err(words)
}

fn words(error: impl Display) -> String {
    error.to_string()
}
