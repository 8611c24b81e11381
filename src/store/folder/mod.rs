//! The state folder: who may use it, and that one daemon at a time does.
//!
//! What is in the database is not its business. The daemon alone makes the folder; commands that
//! only look make nothing.

use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::StoreError;
use super::sqlite::SqliteStore;

mod lock;
mod network;
#[cfg(test)]
mod tests;

use lock::Lock;

/// The database's name in the folder.
pub const DATABASE: &str = "transferd.db";

/// SQLite takes paths of up to 512 bytes, and appends to the database's.
const PATH_BYTES_MAX: usize = 480;

/// The folder's mode.
const MODE: u32 = 0o700;

/// A state folder that is this process's own, as long as this value lives.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    _lock: Lock,
}

impl StateFolder {
    /// Takes the folder for a daemon that starts at `now`; makes it if it is not there.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        if path.as_os_str().len() > PATH_BYTES_MAX {
            let detail = format!("its path is longer than {PATH_BYTES_MAX} bytes; name another");
            return Err(unusable(path, &detail));
        }
        let made = DirBuilder::new().recursive(true).mode(MODE).create(path);
        made.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                unusable(path, "something that is no folder is in its place")
            }
            _ => StoreError::from_io(path, &error),
        })?;
        if let Some(kind) = network::kind_of(path)? {
            return Err(StoreError::Network { path: path.to_owned(), kind });
        }
        keep_to_ourselves(path, rustix::process::geteuid().as_raw())?;
        let lock = Lock::take(path, now)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the folder's database for writing. Drop the store before the folder: the folder
    /// keeps other daemons away from it.
    pub fn open_store(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.path.join(DATABASE))
    }

    /// Opens the database of a folder to look at it, whether or not a daemon runs; absent if
    /// there is none. Makes and changes nothing.
    pub fn open_read_only(path: &Path) -> Result<Option<SqliteStore>, StoreError> {
        SqliteStore::open_read_only(&path.join(DATABASE))
    }
}

/// Refuses a folder that others could put files into, or that is another user's if we are root;
/// takes away others' access from one that is plainly for us alone.
fn keep_to_ourselves(path: &Path, user: u32) -> Result<(), StoreError> {
    let folder = fs::metadata(path).map_err(|error| StoreError::from_io(path, &error))?;
    if user == 0 && folder.uid() != 0 {
        let detail = format!(
            "it belongs to user {}, and root's daemon would leave files there that this user \
             can't use; run as that user, or name another folder with `--state-dir`",
            folder.uid()
        );
        return Err(unusable(path, &detail));
    }
    let mode = folder.permissions().mode();
    if mode & 0o077 == 0 || folder.uid() != user {
        return Ok(());
    }
    if is_for_us_alone(path)? {
        let restricted = fs::set_permissions(path, Permissions::from_mode(MODE));
        return restricted.map_err(|error| StoreError::from_io(path, &error));
    }
    if mode & 0o002 != 0 {
        return Err(unusable(path, "everybody may write to it; name a folder of its own"));
    }
    tracing::warn!(
        "others may look into the state folder `{}`: it holds other things too; better give it a \
         folder of its own",
        path.display()
    );
    Ok(())
}

/// True for a folder that is empty or holds our database.
fn is_for_us_alone(path: &Path) -> Result<bool, StoreError> {
    let mut empty = true;
    let entries = fs::read_dir(path).map_err(|error| StoreError::from_io(path, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| StoreError::from_io(path, &error))?;
        if !entry.file_name().as_bytes().starts_with(b"transferd.") {
            return Ok(false);
        }
        empty = false;
    }
    Ok(empty || path.join(DATABASE).exists() || path.join(lock::NAME).exists())
}

fn unusable(path: &Path, detail: &str) -> StoreError {
    StoreError::Folder { path: path.to_owned(), detail: detail.to_owned() }
}
