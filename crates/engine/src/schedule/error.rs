//! Errors and warnings about a schedule's text, as data; they are rendered elsewhere.
//!
//! Spans are bytes of the text that was parsed; the position of that text in a file is not known
//! here.

use std::fmt;
use std::ops::Range;

/// Why a text is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    /// The problem.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    /// The bytes of the text that are at fault.
    pub span: Range<usize>,
}

impl ScheduleError {
    /// An error at some bytes of the text, without a hint.
    pub(super) fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, span }
    }

    /// The same with a hint.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ScheduleError {}

/// A surprising property of a valid schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleWarning {
    /// The surprise.
    pub message: String,
    /// A less surprising alternative.
    pub hint: Option<String>,
    /// The bytes of the text that it is about.
    pub span: Range<usize>,
}
