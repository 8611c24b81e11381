//! One daemon per state folder, by a lock that the kernel drops with the process.
//!
//! The file stays when the lock is gone: to remove it would let two daemons each lock a file of
//! the same name. What it says is for people, and true while it is locked.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::OFlags;

use crate::store::StoreError;

/// The lock file's name in the folder.
pub(super) const NAME: &str = "transferd.lock";

/// More than this was not written by us.
const WORDS_MAX: u64 = 200;

/// The lock, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the folder's lock, or says who has it.
    pub(super) fn take(folder: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        let fault = |error: &std::io::Error| StoreError::from_io(&path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(|error| fault(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: folder.to_owned(), holder: holder(&file) });
            }
            Err(TryLockError::Error(error)) => return Err(fault(&error)),
        }
        let words = format!("pid {}\nsince {now:.0}\n", std::process::id());
        let written = file.set_len(0).and_then(|()| file.write_all(words.as_bytes()));
        // The lock holds without words: a full disk must not keep a daemon from cancelling.
        if let Err(error) = written {
            tracing::warn!("failed to write `{}`: {error}", path.display());
        }
        Ok(Self { _file: file })
    }
}

/// Who has the lock, in words.
fn holder(file: &File) -> String {
    let mut words = String::new();
    // What can't be read is not told; that the folder is in use is certain.
    let _ = file.take(WORDS_MAX).read_to_string(&mut words);
    let field = |name: &str| {
        words.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).map(str::to_owned)
    };
    match (field("pid "), field("since ")) {
        (Some(pid), Some(since)) => format!("the transferd with pid {pid}, since {since}"),
        (Some(pid), None) => format!("the transferd with pid {pid}"),
        (None, _) => "another transferd".to_owned(),
    }
}
