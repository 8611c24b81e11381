//! Errors of the state, in plain words, each with the way to fix it.
//!
//! Translating errors of SQLite is the business of `sqlite`.

use std::path::PathBuf;

use crate::ids::{RunId, TransferId};
use crate::run::RunState;

/// Why the state is not available, or a change of it could not be kept. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The rows differ from those that the commit assumes.
    #[error("the stored state is not what the commit expects: {0}")]
    Conflict(String),

    /// The disk is full, or the quota used up.
    #[error(
        "the disk is full: `{}` can't be written; nothing is queued until there is room again",
        .path.display()
    )]
    Full {
        /// The file that was written to.
        path: PathBuf,
    },

    /// The disk that a copy of the state goes to is full.
    #[error("the disk is full: `{}` can't be written, and no copy was made", .path.display())]
    NoRoom {
        /// The file that was written to.
        path: PathBuf,
    },

    /// A copy of the state would overwrite an existing file.
    #[error("`{}` is there already, and was left as it is; name a new file", .path.display())]
    Exists {
        /// The existing file.
        path: PathBuf,
    },

    /// The file or its file system can be read only.
    #[error(
        "`{}` can't be written: it is read-only; make the file, its folder and its file system \
         writable",
        .path.display()
    )]
    ReadOnly {
        /// The file that was written to.
        path: PathBuf,
    },

    /// The user lacks the permission.
    #[error(
        "`{}` can't be opened: permission denied; run as the user that the state belongs to, or \
         as root",
        .path.display()
    )]
    Permission {
        /// The file that was opened.
        path: PathBuf,
    },

    /// The file is not a readable database of ours. It was left as it is.
    #[error(
        "the database `{}` is damaged: {detail}; it was left as it is: restore it from a copy, \
         or move it away to start anew",
        .path.display()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// The damage.
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

    /// An older transferd wrote it, and a reader may not upgrade it.
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

    /// The last writes are in the log only, without the index that its reader needs: the files were
    /// copied or restored.
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
        /// The other daemon: its pid and start, as far as it has reported them.
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

    /// The folder can't be used as ours.
    #[error("the state folder `{}` can't be used: {detail}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The reason, and the way to fix it.
        detail: String,
    },

    /// The files that the daemon has open are no longer the ones at their paths.
    #[error(
        "`{}` is not the one that this daemon has open: {detail}; what is recorded now would be \
         lost, so the daemon ends: put it back as it was, or start anew with what is there",
        .path.display()
    )]
    Gone {
        /// The missing file.
        path: PathBuf,
        /// The detail.
        detail: String,
    },

    /// A daemon was killed, and its last records are not in the database.
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
        /// The file that knows of them.
        lock: PathBuf,
    },

    /// The disk, or something between it and us, fails.
    #[error(
        "`{}` can't be read or written: {detail}; look at the system log for errors of the disk",
        .path.display()
    )]
    Io {
        /// The file that was read or written.
        path: PathBuf,
        /// The system's message.
        detail: String,
    },

    /// The store's thread is gone: it was closed, or has died.
    #[error("the store is closed")]
    Closed,
}

/// The error for a run's row that is not in the state that a commit assumes.
pub fn run_is_not_as_expected(run: RunId, was: Option<RunState>) -> StoreError {
    StoreError::Conflict(match was {
        Some(state) => format!("run {run} is not there in state `{}`", state.word()),
        None => format!("run {run} is there already"),
    })
}

/// The error for a transfer that would belong to two attempts.
pub fn transfer_has_an_owner(transfer: TransferId) -> StoreError {
    StoreError::Conflict(format!("transfer {transfer} belongs to another attempt"))
}
