//! Errors and warnings about a job file, as a document: one shape in every answer.

use serde::{Deserialize, Serialize};

/// An error or a warning, as `check --json` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosticDocument {
    /// The file, as it was named; null for what is about no file.
    pub file: Option<String>,
    /// From 1.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
    /// The key, such as `jobs.nightly.timeout`.
    pub path: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would be right, or what to do.
    pub hint: Option<String>,
    /// A warning that is only worth knowing, for people; left out of `--json`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub note: bool,
    /// The lines it is about, for people; left out of `--json`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpts: Vec<ExcerptDocument>,
}

/// A line that a [`DiagnosticDocument`] is about, its secrets masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcerptDocument {
    /// The file, as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Where the mark begins in the file's line, from 1, in characters.
    pub column: usize,
    /// The line.
    pub text: String,
    /// The bytes of `text` that are marked: the first, and the one behind the last.
    pub marked: (usize, usize),
    /// A word beside the mark; empty for none.
    pub label: String,
}

impl DiagnosticDocument {
    /// An error that is about no file.
    pub fn of_nothing(message: String) -> Self {
        Self {
            file: None,
            line: None,
            column: None,
            path: None,
            message,
            hint: None,
            note: false,
            excerpts: Vec::new(),
        }
    }

    /// The document without data for people only.
    #[must_use]
    pub fn without_excerpts(mut self) -> Self {
        self.note = false;
        self.excerpts.clear();
        self
    }
}
