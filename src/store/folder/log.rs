//! Checks that the write-ahead log is still as the last commit left it. SQLite keeps its index in
//! memory, and does not look again: it would go on writing behind what somebody has emptied, cut or
//! overwritten, and at last move the damage into the database.
//!
//! The daemon alone writes to the log, so nothing of it changes between two commits. No lock of
//! SQLite's lies on this file, so it may be opened and closed beside it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// The log's header (<https://www.sqlite.org/fileformat2.html#walformat>): it changes when the log
/// begins anew.
const HEADER: usize = 32;

/// The first bytes of the header, but for the lowest bit.
const MAGIC: u32 = 0x377f_0682;

/// The log, and its state after the last commit.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    left: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    length: u64,
    header: [u8; HEADER],
}

impl State {
    fn of(file: &File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut header = [0; HEADER];
        if length >= HEADER as u64 {
            file.read_exact_at(&mut header, 0)?;
        }
        Ok(Self { length, header })
    }

    /// False for a log that was emptied before its last part was written.
    fn has_beginning(&self) -> bool {
        let [a, b, c, d, ..] = self.header;
        self.length == 0 || u32::from_be_bytes([a, b, c, d]) & !1 == MAGIC
    }
}

impl Log {
    /// The log in its current state.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let left = State::of(&file)?;
        Ok(Self { path: path.to_owned(), file, left })
    }

    /// Takes note of the state in which a commit, or one that failed, has left it.
    pub(super) fn note(&mut self) {
        if let Ok(state) = State::of(&self.file) {
            self.left = state;
        }
    }

    /// Checks that it is still in that state.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        // A file that can't be read now may be whole: the commit itself will show.
        let Ok(found) = State::of(&self.file) else { return Ok(()) };
        let detail = if found.length < self.left.length {
            "it was emptied or cut short"
        } else if found.header != self.left.header || !found.has_beginning() {
            "it was overwritten"
        } else {
            return Ok(());
        };
        Err(StoreError::Gone { path: self.path.clone(), detail: detail.to_owned() })
    }
}
