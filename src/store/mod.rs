//! The store, which keeps what outlives the process: runs, attempts, events, jobs and the last
//! good job set.
//!
//! The engine's crate has the contract of all stores ([`Store`], [`Queries`]) and the store in
//! memory; this module has the one on disk, its folder, and its thread. The conformance suite in
//! `tests` holds both stores to the contract.

use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::io::Errno;

use folder::DATABASE;

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
    let mut path = path.to_owned();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { path },
        ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path },
        ErrorKind::PermissionDenied => StoreError::Permission { path },
        ErrorKind::NotADirectory => {
            if path.ends_with(DATABASE) {
                path.pop();
            }
            let detail = "a part of its path is a file; `--state-dir` names another folder";
            StoreError::Folder { path, detail: detail.to_owned() }
        }
        _ if is_too_many_files(error) => {
            let detail = "no more files may be opened: raise the limit of this process \
                          (`LimitNOFILE=` of its unit, `ulimit -n`)";
            StoreError::Folder { path, detail: detail.to_owned() }
        }
        _ => StoreError::Io { path, detail: error.to_string() },
    }
}

/// True if this process, or the machine, has as many files open as it may.
pub(crate) fn is_too_many_files(error: &io::Error) -> bool {
    let code = Errno::from_io_error(error);
    code.is_some_and(|code| [Errno::MFILE, Errno::NFILE].contains(&code))
}

#[cfg(test)]
mod words {
    use super::*;

    #[test]
    fn a_state_folder_below_a_file_is_named_without_the_database() {
        let error = io::Error::from(ErrorKind::NotADirectory);
        let words = io_error(Path::new("file/state/transferd.db"), &error).to_string();
        assert!(words.starts_with("the state folder `file/state` can't be used: "), "{words}");
    }

    #[test]
    fn a_process_that_may_open_no_more_files_is_told_about_its_limit() {
        let error = io::Error::from(Errno::MFILE);
        let words = io_error(Path::new("/var/lib/transferd"), &error).to_string();
        assert!(words.contains("ulimit -n") && !words.contains("disk"), "{words}");
        assert!(!is_too_many_files(&io::Error::from(Errno::NOENT)));
    }
}
