//! The changes of a new job file, as a document: for `reload` and `diff`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::diagnostic::DiagnosticDocument;

/// The answer to `reload`, and what `diff` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangesDocument {
    /// The job file.
    pub path: String,
    /// Whether it is good, and so in force after a reload.
    pub valid: bool,
    /// Jobs that are new.
    pub added: Vec<JobChange>,
    /// Jobs that are gone.
    pub removed: Vec<JobChange>,
    /// Jobs of which anything but the name differs.
    pub changed: Vec<ChangedJob>,
    /// Keys outside of jobs that differ.
    pub settings: Vec<FieldChange>,
    /// What is wrong with the file.
    pub errors: Vec<DiagnosticDocument>,
    /// What is worth a look.
    pub warnings: Vec<DiagnosticDocument>,
}

/// A job that is new or gone, with its next occurrence before and after, in its zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobChange {
    /// Its name.
    pub job: String,
    /// Its next occurrence so far; null for none.
    pub before: Option<String>,
    /// Its next occurrence from now on; null for none.
    pub after: Option<String>,
}

/// A job that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedJob {
    /// Its name.
    pub job: String,
    /// What differs.
    pub fields: Vec<FieldChange>,
    /// Its next occurrence so far; null for none.
    pub before: Option<String>,
    /// Its next occurrence from now on; null for none.
    pub after: Option<String>,
}

/// A key whose value differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The key: `destination.path`.
    pub field: String,
    /// Its value so far; null for none.
    pub old: Value,
    /// Its value from now on; null for none.
    pub new: Value,
}

impl ChangesDocument {
    /// A valid file without changes so far.
    pub fn unchanged(path: String) -> Self {
        Self {
            path,
            valid: true,
            added: Vec::new(),
            removed: Vec::new(),
            changed: Vec::new(),
            settings: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Whether there are no differences.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of jobs and settings that differ.
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len() + self.changed.len() + self.settings.len()
    }

    /// Removes the next occurrences of paused jobs: they have none before they are resumed.
    pub fn leave_out_paused(&mut self, is_paused: impl Fn(&str) -> bool) {
        for one in self.added.iter_mut().chain(&mut self.removed) {
            if is_paused(&one.job) {
                (one.before, one.after) = (None, None);
            }
        }
        for one in &mut self.changed {
            if is_paused(&one.job) {
                (one.before, one.after) = (None, None);
            }
        }
    }

    /// The document without data for people only.
    #[must_use]
    pub fn without_details(mut self) -> Self {
        for diagnostic in self.errors.iter_mut().chain(&mut self.warnings) {
            diagnostic.note = false;
            diagnostic.excerpts.clear();
        }
        self
    }
}
