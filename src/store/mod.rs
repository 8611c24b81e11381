//! The store, which keeps what outlives the process: runs, attempts, events, marks and the last
//! good job set.
//!
//! The engine's crate has the contract of all stores ([`Store`], [`Queries`]) and the store in
//! memory; this module has the one on disk, its folder, and its thread. The conformance suite in
//! `tests` holds both stores to the contract.

use std::io::{self, ErrorKind};
use std::path::Path;

pub use transferd_engine::store::{
    Happened, HistoryQuery, Older, Queries, RunMatch, RunWithAttempts, Store, StoreError, Wraps,
    error, memory, query,
};

pub mod faulty;
pub mod folder;
pub mod sqlite;
#[cfg(test)]
pub(crate) mod tests;
pub mod thread;

/// An error of the system about a file or folder.
pub(crate) fn io_error(path: &Path, error: &io::Error) -> StoreError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { path },
        ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path },
        ErrorKind::PermissionDenied => StoreError::Permission { path },
        _ => StoreError::Io { path, detail: error.to_string() },
    }
}
