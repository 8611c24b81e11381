//! One daemon per state folder, by a lock that the kernel drops with the process.
//!
//! The folder itself is locked: a file in it could be removed, and a second daemon could lock
//! another file of the same name. The file `transferd.lock` says who has the lock, for people, and
//! what was recorded last, for the next start; it is locked as well, as earlier versions did.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::OFlags;

use crate::core::date_time::with_offset;
use crate::store::{StoreError, io_error};

/// The lock file's name in the folder.
pub(super) const NAME: &str = "transferd.lock";

/// A longer file was not written by us.
const WORDS_MAX: u64 = 200;

/// Digits of the number of the last event: as many as a row's number can have, so that the line is
/// overwritten in place.
const LAST_DIGITS: usize = 19;

/// The lock, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    folder: File,
    file: File,
    path: PathBuf,
    /// Offset of the last line in the file.
    last_at: u64,
    /// The last event of the daemon before this one, if that one was killed.
    left: Option<u64>,
}

impl Lock {
    /// Takes the folder's lock, or reports its holder.
    pub(super) fn take(folder: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        let fault = |error: &std::io::Error| io_error(&path, error);
        let folder_file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::DIRECTORY.bits().cast_signed())
            .open(folder)
            .map_err(|error| io_error(folder, &error))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(|error| fault(&error))?;
        for locked in [&folder_file, &file] {
            match locked.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&words(&file));
                    return Err(StoreError::InUse { path: folder.to_owned(), holder });
                }
                Err(TryLockError::Error(error)) => return Err(fault(&error)),
            }
        }
        let left = last_event(&file);
        let words = format!("pid {}\nsince {now:.0}\n", std::process::id());
        // The line of the last event stays until the database is found to contain it.
        let kept = left.map(last_line).unwrap_or_default();
        let written =
            file.set_len(0).and_then(|()| file.write_all(format!("{words}{kept}").as_bytes()));
        // The lock works without the text: a full disk must not keep a daemon from canceling.
        if let Err(error) = written {
            tracing::warn!("failed to write `{}`: {error}", path.display());
        }
        Ok(Self { folder: folder_file, file, path, last_at: words.len() as u64, left })
    }

    /// The open folder.
    pub(super) fn folder(&self) -> &File {
        &self.folder
    }

    /// The lock file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The last event of the previous daemon, if that one did not end cleanly.
    pub(super) fn left(&self) -> Option<u64> {
        self.left
    }

    /// Records the last event.
    pub(super) fn note_last(&self, last: u64) {
        // Without it, the next start detects less.
        let _ = self.file.write_all_at(last_line(last).as_bytes(), self.last_at);
    }

    /// Notes that the database holds everything, and no log is left.
    pub(super) fn note_clean(&self) {
        // Otherwise the next start compares, which does no harm.
        let _ = self.file.set_len(self.last_at);
    }
}

fn last_line(last: u64) -> String {
    format!("last event {last:0LAST_DIGITS$}\n")
}

/// The text of the lock file. If it can't be read, the folder is still certain to be in use.
fn words(mut file: &File) -> String {
    use std::io::Seek as _;
    let mut bytes = Vec::new();
    let _ = file.rewind().and_then(|()| file.take(WORDS_MAX).read_to_end(&mut bytes));
    let _ = file.rewind();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn field(words: &str, name: &str) -> Option<String> {
    words.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}

/// The last event that a lock file speaks of.
fn last_event(file: &File) -> Option<u64> {
    field(&words(file), "last event ")?.parse().ok()
}

/// A folder's lock file, to read. Takes no lock: a daemon that starts at this moment must find it
/// free.
fn unlocked(folder: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    options.read(true).custom_flags(flags).open(folder.join(NAME)).ok()
}

/// The last event of the daemon that has a folder, or had it and was killed.
pub(super) fn left_in(folder: &Path) -> Option<u64> {
    last_event(&unlocked(folder)?)
}

/// The daemon that a folder's lock file names, if that process is still one.
pub(super) fn at_work(folder: &Path) -> Option<u32> {
    let file = unlocked(folder)?;
    let pid = field(&words(&file), "pid ")?.parse().ok()?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    (name.trim_end() == env!("CARGO_PKG_NAME")).then_some(pid)
}

/// The holder of the lock, in words.
fn holder(words: &str) -> String {
    match (field(words, "pid "), field(words, "since ")) {
        (Some(pid), Some(since)) => {
            let zone = TimeZone::system();
            let since = since.parse().map_or_else(|_| since.clone(), |at| with_offset(at, &zone));
            format!("the transferd with pid {pid}, since {since}")
        }
        (Some(pid), None) => format!("the transferd with pid {pid}"),
        (None, _) => "another transferd".to_owned(),
    }
}
