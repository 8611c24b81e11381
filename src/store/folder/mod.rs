//! The state folder: who may use it, and that one daemon at a time does.
//!
//! The content of the database is not its business. The daemon alone creates the folder; commands
//! that only read create nothing.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::sqlite::{Backup, SqliteStore};
use super::{Queries as _, StoreError, io_error};

mod guarded;
mod lock;
mod log;
mod network;
mod ownership;
mod standing;
#[cfg(test)]
mod tests;

pub use guarded::GuardedStore;
use lock::Lock;
use ownership::{Us, keep_to_ourselves};
use standing::Standing;

/// The database's name in the folder.
pub const DATABASE: &str = "transferd.db";

/// SQLite takes paths of up to 512 bytes, and appends to the database's.
const PATH_BYTES_MAX: usize = 480;

/// The folder's mode.
const MODE: u32 = 0o700;

/// The pid of the daemon that has this state folder, as far as this can be found out without taking
/// it.
pub fn daemon_at_work(folder: &Path) -> Option<u32> {
    lock::at_work(folder)
}

/// A state folder that is this process's own, as long as this value lives.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    lock: Arc<Lock>,
}

impl StateFolder {
    /// Takes the folder for a daemon that starts at `now`; creates it if it is missing.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        if path.as_os_str().len() > PATH_BYTES_MAX {
            let detail = format!("its path is longer than {PATH_BYTES_MAX} bytes; name another");
            return Err(unusable(path, &detail));
        }
        let made = DirBuilder::new().recursive(true).mode(MODE).create(path);
        made.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                unusable(path, "something that is not a folder is in its place")
            }
            ErrorKind::NotFound => {
                unusable(path, "no folder can be made there; `--state-dir` names another")
            }
            _ => io_error(path, &error),
        })?;
        if let Some(kind) = network::kind_of(path)? {
            return Err(StoreError::Network { path: path.to_owned(), kind });
        }
        keep_to_ourselves(path, Us::here())?;
        let lock = Arc::new(Lock::take(path, now)?);
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the folder's database for writing. Drop the store before the folder: the folder
    /// keeps other daemons away from it.
    ///
    /// # Errors
    /// Among others [`StoreError::Lost`]: the last records of a daemon that was killed are missing.
    pub fn open_store(&self) -> Result<GuardedStore, StoreError> {
        let path = self.path.join(DATABASE);
        let store = SqliteStore::open(&path)?;
        check_last(&store, self.lock.left(), self.lock.path())?;
        let standing = || -> std::io::Result<Standing> {
            let mut standing = Standing::of_folder(&self.path, self.lock.folder())?;
            standing.add_database(&path)?;
            standing.add(self.lock.path())?;
            Ok(standing)
        };
        let standing = standing().map_err(|error| io_error(&self.path, &error))?;
        Ok(GuardedStore::new(store, standing, Arc::clone(&self.lock)))
    }

    /// Opens the database of a folder for reading, whether or not a daemon runs; absent if there is
    /// none. Creates and changes nothing.
    ///
    /// # Errors
    /// Among others [`StoreError::Lost`]: the last records of a daemon that was killed are missing.
    pub fn open_read_only(folder: &Path) -> Result<Option<SqliteStore>, StoreError> {
        let path = folder.join(DATABASE);
        // Read before the database: a daemon at work notes what it has recorded after that.
        let left = lock::left_in(folder);
        let store = SqliteStore::open_read_only(&path)?;
        if let Some(store) = &store {
            check_last(store, left, &folder.join(lock::NAME))?;
        }
        Ok(store)
    }

    /// Copies the database of a folder, in its state at one moment, to a new file, whether or not a
    /// daemon runs; absent if there is none. The copy's mode is 0600.
    ///
    /// # Errors
    /// Among others [`StoreError::Exists`]: nothing is ever overwritten.
    pub fn back_up(path: &Path, copy: &Path) -> Result<Option<Backup>, StoreError> {
        SqliteStore::back_up(&path.join(DATABASE), copy)
    }
}

/// Checks that a database has the last event that the lock file speaks of.
fn check_last(store: &SqliteStore, left: Option<u64>, lock: &Path) -> Result<(), StoreError> {
    match left {
        Some(left) if store.last_event()? < left => {
            Err(StoreError::Lost { path: store.path().to_owned(), lock: lock.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

fn unusable(path: &Path, detail: &str) -> StoreError {
    StoreError::Folder { path: path.to_owned(), detail: detail.to_owned() }
}
