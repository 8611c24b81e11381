//! A trace for people: what happened, in order, with true time. Costs nothing while it is off.

use std::fmt::Write as _;

use jiff::Timestamp;

/// The lines of a trace, if it is on.
#[derive(Debug, Default)]
pub(super) struct Trace {
    lines: Option<String>,
}

impl Trace {
    pub(super) fn new(on: bool) -> Self {
        Self { lines: on.then(String::new) }
    }

    /// Adds a line. `line` is called only if the trace is on.
    pub(super) fn line(&mut self, now: Timestamp, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{now} {}", line());
        }
    }

    pub(super) fn into_text(self) -> String {
        self.lines.unwrap_or_default()
    }
}
