//! Which files are watched: what the job set rests on, and the token's files.

use std::path::PathBuf;

use super::driver::Driver;

impl Driver {
    /// Watches the job file's files and all else that a change of may matter.
    pub(super) fn watch(&mut self, mut files: Vec<PathBuf>) {
        files.extend(self.agent.client().token().files());
        self.sources.watch.set_paths(files);
        if let Some(trouble) = self.sources.watch.trouble() {
            tracing::warn!("changes are looked for once a minute only: {trouble}");
        }
    }
}
