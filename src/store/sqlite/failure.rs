//! Failures of the SQLite store, and their translation into plain words.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use rusqlite::ErrorCode;

use crate::core::limits::WORDS_MAX;
use crate::core::plain::one_line;
use crate::store::{StoreError, io_error, is_too_many_files};

/// The files that SQLite holds open at once: the database, its log, the memory they share, its
/// folder, and a temporary file.
const FILES_AT_ONCE: usize = 5;

/// The first piece of the memory that SQLite's connections share, in bytes: a file of its own.
const SHARED_BYTES: usize = 32 * 1024;

/// A failure, before the path of the database is added.
#[derive(Debug)]
pub(super) enum Failure {
    /// An error of SQLite.
    Sqlite(rusqlite::Error),
    /// A row can't be read back.
    Row(String),
    /// Already in words.
    Worded(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Worded(error)
    }
}

impl Failure {
    /// The failure in words, for the database at `path`.
    pub(super) fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Sqlite(error) => from_sqlite(path, &error),
            Self::Row(detail) => {
                StoreError::Corrupt { path: path.to_owned(), detail: shown(&detail) }
            }
            Self::Worded(error) => error,
        }
    }

    /// True when the rows were not as expected: only this commit is refused, others may go on.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Worded(StoreError::Conflict(_)))
    }
}

fn from_sqlite(path: &Path, error: &rusqlite::Error) -> StoreError {
    let owned = path.to_owned();
    let Some(code) = error.sqlite_error_code() else {
        // A column of another type than ours, a query without its row.
        return StoreError::Corrupt { path: owned, detail: shown(&error.to_string()) };
    };
    match code {
        ErrorCode::DiskFull => StoreError::Full { path: owned },
        ErrorCode::ReadOnly => StoreError::ReadOnly { path: owned },
        ErrorCode::PermissionDenied => StoreError::Permission { path: owned },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy { path: owned },
        ErrorCode::NotADatabase => StoreError::Corrupt {
            path: owned,
            detail: "it is not a database, or its beginning is gone".to_owned(),
        },
        ErrorCode::DatabaseCorrupt => {
            StoreError::Corrupt { path: owned, detail: "parts of it contradict others".to_owned() }
        }
        ErrorCode::CannotOpen => match out_of_files().and_then(|()| File::open(path)) {
            Err(io) => io_error(path, &io),
            Ok(_) => StoreError::Io { path: owned, detail: error.to_string() },
        },
        ErrorCode::SystemIoFailure => match out_of_room(path) {
            Err(io) => io_error(path, &io),
            Ok(()) => StoreError::Io { path: owned, detail: error.to_string() },
        },
        _ => StoreError::Io { path: owned, detail: error.to_string() },
    }
}

/// The error of a disk without room for the memory that SQLite's connections share, which it does
/// not tell apart from a broken disk.
fn out_of_room(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let written =
        tempfile::tempfile_in(folder).and_then(|mut file| file.write_all(&[0; SHARED_BYTES]));
    written.or_else(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Err(error),
        _ => Ok(()),
    })
}

/// The error of a process that may not open as many files as the database needs at once, which
/// SQLite does not tell apart from a file that can't be opened.
fn out_of_files() -> io::Result<()> {
    let files: io::Result<Vec<_>> = (0..FILES_AT_ONCE).map(|_| File::open("/dev/null")).collect();
    match files {
        Err(error) if is_too_many_files(&error) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A detail in a form fit for a log and a terminal: it quotes the row, which may hold anything.
fn shown(detail: &str) -> String {
    one_line(detail, WORDS_MAX)
}
