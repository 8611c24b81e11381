//! Collects the error messages of a command for `--json`: they are printed as one object on
//! standard output, unless the command has printed a document of its own.
//!
//! Kept by thread: a command runs on one, and tests run many side by side.

use std::cell::RefCell;
use std::io::{self, Write};

use serde::Serialize;

use crate::config::Diagnostic;
use crate::control::diagnostic::DiagnosticDocument;

/// The most errors that are kept: enough for a broken file of any size, and a bound.
const KEPT_MAX: usize = 10_000;

thread_local! {
    static SAID: RefCell<Vec<DiagnosticDocument>> = const { RefCell::new(Vec::new()) };
}

/// The document of `--json` for a command that could not answer.
#[derive(Debug, Serialize)]
struct Document {
    errors: Vec<DiagnosticDocument>,
}

/// Forgets the errors kept so far: a command begins.
pub(super) fn begin() {
    SAID.with_borrow_mut(Vec::clear);
}

/// Keeps an error that is about no place in a file.
pub(super) fn keep(message: &str) {
    push(DiagnosticDocument::of_nothing(message.to_owned()));
}

/// Keeps the hint for the last error.
pub(super) fn keep_hint(hint: &str) {
    SAID.with_borrow_mut(|said| {
        if let Some(last) = said.last_mut() {
            let before = last.hint.take().map(|before| format!("{before}; "));
            last.hint = Some(before.unwrap_or_default() + hint);
        }
    });
}

/// Keeps an error about the job file.
pub(super) fn keep_diagnostic(diagnostic: &Diagnostic) {
    push(crate::daemon::diagnostics::document(diagnostic).without_excerpts());
}

fn push(error: DiagnosticDocument) {
    SAID.with_borrow_mut(|said| {
        if said.len() < KEPT_MAX {
            said.push(error);
        }
    });
}

/// Prints the kept errors as one object.
///
/// # Errors
/// The reader of `out` is gone.
pub(super) fn print(out: &mut dyn Write) -> io::Result<()> {
    super::write_json(out, &Document { errors: SAID.with_borrow_mut(std::mem::take) })
}

/// Standard output that records whether anything was written, and what kept it from that.
pub(super) struct Watched<'a> {
    out: &'a mut dyn Write,
    pub(super) written: bool,
    /// The first error of a write, unless the reader has gone away: that is no error.
    pub(super) failed: Option<io::Error>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, written: false, failed: None }
    }

    /// Notes the error of a write, which the command sees too.
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted)
        {
            let kept = io::Error::new(error.kind(), error.to_string());
            self.failed.get_or_insert(kept);
        }
        result
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written |= !bytes.is_empty();
        let result = self.out.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.note(result)
    }
}
