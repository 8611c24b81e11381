//! Errors of the state, in plain words, each with the way to fix it.
//!
//! Translating errors of SQLite is the business of `sqlite`.

use std::path::PathBuf;

use crate::ids::{RunId, TransferId};
use crate::run::RunState;

/// Why the state can't be had, or a change of it not be kept. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The rows are not as the commit took them to be.
    #[error("the stored state is not what the commit expects: {0}")]
    Conflict(String),

    /// The disk is full, or the quota used up.
    #[error(
        "the disk is full: `{}` can't be written; nothing is queued until there is room again",
        .path.display()
    )]
    Full {
        /// What was written to.
        path: PathBuf,
    },

    /// The disk that a copy of the state goes to is full.
    #[error("the disk is full: `{}` can't be written, and no copy was made", .path.display())]
    NoRoom {
        /// What was written to.
        path: PathBuf,
    },

    /// A copy of the state would overwrite something.
    #[error("`{}` is there already, and was left as it is; name a new file", .path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },

    /// The file or its file system can be read only.
    #[error(
        "`{}` can't be written: it is read-only; make the file, its folder and its file system \
         writable",
        .path.display()
    )]
    ReadOnly {
        /// What was written to.
        path: PathBuf,
    },

    /// The user that asks may not.
    #[error(
        "`{}` can't be opened: permission denied; run as the user that the state belongs to, or \
         as root",
        .path.display()
    )]
    Permission {
        /// What was opened.
        path: PathBuf,
    },

    /// What lies there is no readable database of ours. It was left as it is.
    #[error(
        "the database `{}` is damaged: {detail}; it was left as it is: restore it from a copy, \
         or move it away to start anew",
        .path.display()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What was found.
        detail: String,
    },

    /// It is somebody else's database.
    #[error(
        "`{}` is a database of another program; it was left as it is: name another state folder",
        .path.display()
    )]
    Foreign {
        /// The database.
        path: PathBuf,
    },

    /// A newer transferd wrote it.
    #[error(
        "the database `{}` is of version {found}, and this transferd knows versions up to \
         {known}; it was left as it is: use the newer transferd, or restore the copy that it made \
         before",
        .path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known.
        known: i64,
    },

    /// An older transferd wrote it, and who only reads may not bring it up to date.
    #[error(
        "the database `{}` is of version {found}, older than version {known} of this transferd; \
         start or restart the daemon, which brings it up to date",
        .path.display()
    )]
    Older {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Our version.
        known: i64,
    },

    /// What was written last lies in the log only, without the index that its reader needs: the
    /// files were copied or restored.
    #[error(
        "the database `{}` can't be looked at before its write-ahead log has been read in; start \
         the daemon, which does so",
        .path.display()
    )]
    Unread {
        /// The database.
        path: PathBuf,
    },

    /// Another daemon has the folder.
    #[error(
        "the state folder `{}` is in use by {holder}; stop that one, or name another folder with \
         `--state-dir`",
        .path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other daemon: its pid and since when, as far as it has told.
        holder: String,
    },

    /// Another program holds the database's write lock.
    #[error(
        "the database `{}` is locked by another program; end what else has it open for writing",
        .path.display()
    )]
    Busy {
        /// The database.
        path: PathBuf,
    },

    /// The folder lies on a network file system.
    #[error(
        "the state folder `{}` lies on a network file system ({kind}), on which a database is not \
         safe; name a folder on a local disk with `--state-dir`",
        .path.display()
    )]
    Network {
        /// The folder.
        path: PathBuf,
        /// The file system's name.
        kind: String,
    },

    /// The folder can't be ours.
    #[error("the state folder `{}` can't be used: {detail}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why, and what to do.
        detail: String,
    },

    /// What the daemon has open is no longer what lies there by name.
    #[error(
        "`{}` is not the one that this daemon has open: {detail}; what is recorded now would be \
         lost, so the daemon ends: put it back as it was, or start anew with what is there",
        .path.display()
    )]
    Gone {
        /// What is gone.
        path: PathBuf,
        /// How.
        detail: String,
    },

    /// A daemon was killed, and what it had recorded last is not in the database.
    #[error(
        "the database `{}` lacks what the last daemon recorded before it was killed: its write-ahead \
         log (`-wal`) was removed, or an older copy was put in its place; put the log back, or \
         remove `{}` to go on with what is there: runs may then be repeated",
        .path.display(),
        .lock.display()
    )]
    Lost {
        /// The database.
        path: PathBuf,
        /// What knows of it.
        lock: PathBuf,
    },

    /// The disk, or what lies between it and us, fails.
    #[error(
        "`{}` can't be read or written: {detail}; look at the system log for errors of the disk",
        .path.display()
    )]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// In the system's words.
        detail: String,
    },

    /// The store's thread is gone: it was closed, or has died.
    #[error("the store is closed")]
    Closed,
}

/// A run's row is not in the state that a commit takes it to be in.
pub fn run_is_not_as_expected(run: RunId, was: Option<RunState>) -> StoreError {
    StoreError::Conflict(match was {
        Some(state) => format!("run {run} is not there in state `{}`", state.word()),
        None => format!("run {run} is there already"),
    })
}

/// A transfer would belong to two attempts.
pub fn transfer_has_an_owner(transfer: TransferId) -> StoreError {
    StoreError::Conflict(format!("transfer {transfer} belongs to another attempt"))
}
