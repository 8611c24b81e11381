//! Copies the database into one file, whole and consistent, though a daemon may be writing.
//!
//! SQLite copies what one of its transactions sees (`VACUUM INTO`): later commits are not in the
//! copy, and nobody waits for it. The copy gets its name when it is complete, and never replaces an
//! existing file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::failure::Failure;
use super::open;
use crate::store::{StoreError, io_error};

/// Tries of a copy: a daemon that starts or ends while an idle database is copied makes the copy
/// begin again, which is likely to happen once at most.
const TRIES: usize = 3;

/// The result of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The size of the copy, in bytes.
    pub bytes: u64,
    /// The database's version.
    pub version: i64,
}

/// See [`crate::store::folder::StateFolder::back_up`].
pub(in crate::store) fn back_up(
    database: &Path,
    copy: &Path,
    migrations: &[&str],
) -> Result<Option<Backup>, StoreError> {
    if fs::symlink_metadata(copy).is_ok() {
        return Err(StoreError::Exists { path: copy.to_owned() });
    }
    for _ in 0..TRIES {
        let before = Standing::of(database)?;
        // Its mode is 0600 from the beginning; it is removed if it does not get its name.
        let unfinished = tempfile::Builder::new()
            .prefix(".transferd-backup-")
            .tempfile_in(open::folder_of(copy))
            .map_err(|error| io_error(copy, &error))?;
        let Some(version) = copy_into(database, unfinished.path(), migrations)? else {
            return Ok(None);
        };
        if before.is_idle && Standing::of(database)? != before {
            continue;
        }
        let bytes = open::check_copy(unfinished.path(), version, migrations)?;
        let kept = unfinished.persist_noclobber(copy);
        kept.map_err(|error| match error.error.kind() {
            ErrorKind::AlreadyExists => StoreError::Exists { path: copy.to_owned() },
            _ => io_error(copy, &error.error),
        })?;
        open::sync_folder_of(copy)?;
        return Ok(Some(Backup { bytes, version }));
    }
    Err(StoreError::Busy { path: database.to_owned() })
}

/// Copies the database, in its current state, into an empty file; returns its version, or nothing
/// if there is none.
fn copy_into(
    database: &Path,
    unfinished: &Path,
    migrations: &[&str],
) -> Result<Option<i64>, StoreError> {
    let Some((connection, version)) = open::for_copying(database, migrations)? else {
        return Ok(None);
    };
    let copied = || -> Result<(), Failure> {
        let path = unfinished.to_str().ok_or_else(|| StoreError::Io {
            path: unfinished.to_owned(),
            detail: "its path is not UTF-8".to_owned(),
        })?;
        // Absolute: SQLite takes a path that begins with `file:` for a URI.
        let path = std::path::absolute(path).map_err(|e| io_error(unfinished, &e))?;
        connection.execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
        Ok(())
    };
    copied().map_err(|failure| match failure.at(database) {
        // The copy is the file without room or permission: the database is only read.
        StoreError::Full { .. } => StoreError::NoRoom { path: unfinished.to_owned() },
        other => other,
    })?;
    Ok(Some(version))
}

/// The metadata that changes when a program opens or has opened an idle database: one without a log
/// is read without a lock (see [`open::for_copying`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    is_idle: bool,
    /// Inode, size, seconds and nanoseconds of the last change.
    file: Option<(u64, u64, i64, i64)>,
}

impl Standing {
    fn of(database: &Path) -> Result<Self, StoreError> {
        let is_there = |suffix| fs::symlink_metadata(open::beside(database, suffix)).is_ok();
        let file = match fs::metadata(database) {
            Ok(found) => Some((found.ino(), found.size(), found.ctime(), found.ctime_nsec())),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(io_error(database, &error)),
        };
        Ok(Self { is_idle: !is_there("-wal") && !is_there("-shm"), file })
    }
}
