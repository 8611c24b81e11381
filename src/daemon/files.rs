//! The files to watch: those of the job set, and the token's.

use std::path::PathBuf;

use jiff::Timestamp;

use super::driver::Driver;

impl Driver {
    /// Watches the job file's files and all others whose change may matter. They had been read when
    /// the reading that began at `read_at` was done.
    pub(super) fn watch(&mut self, mut files: Vec<PathBuf>, read_at: Timestamp) {
        files.extend(self.agent.client().token().files());
        let watch = &self.sources.watch;
        watch.set_paths(files, Some(read_at));
        watch.report_each_minute(!self.job_file.is_valid());
    }

    /// Logs whether changes of the files can be watched; `status` shows a problem as long as it
    /// lasts.
    pub(super) fn watch_trouble(&mut self) {
        match self.sources.watch.trouble() {
            Some(trouble) => {
                tracing::warn!("changes of files are looked for once a minute only: {trouble}");
            }
            None => tracing::info!("changes of files are watched again"),
        }
    }
}
