//! Writes the engine's lines to the log; repetitions of a line are logged only now and then, with the
//! number left out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::{SignedDuration, Timestamp};

use crate::core::ids::{JobName, RunId};
use crate::core::input::{Level, LogFields, LogLine};
use crate::core::reason::ReasonCode;
use crate::core::run::RunState;

/// A sentence about a run or job is not repeated within this time.
const SILENCE: SignedDuration = SignedDuration::from_mins(60);

/// Sentences remembered; beyond that all are forgotten, and a few are logged twice.
const REMEMBERED_MAX: usize = 1_024;

/// Remembers the logged sentences.
#[derive(Debug, Default)]
pub(super) struct LogThrottle {
    lines: HashMap<(Option<JobName>, Option<RunId>, String), LastLogged>,
}

#[derive(Debug)]
struct LastLogged {
    at: Timestamp,
    left_out: u32,
}

impl LogThrottle {
    /// Logs a line, unless it was logged a short while ago.
    pub(super) fn write(&mut self, line: &LogLine) {
        let Some(left_out) = self.admit(line) else { return };
        let text = match left_out {
            0 => line.text.clone(),
            times => format!("{} (said {times} more times meanwhile)", line.text),
        };
        let job = line.job.as_ref().map(JobName::as_str);
        let run = line.run.map(|run| run.to_string());
        let text =
            if crate::log::shows_text_alone() { named(job, run.as_deref(), &text) } else { text };
        write(line, run.as_deref(), &text);
    }

    /// Admits a line to the log, or counts that it is left out; returns how often it was left out
    /// before.
    fn admit(&mut self, line: &LogLine) -> Option<u32> {
        if self.lines.len() >= REMEMBERED_MAX {
            self.lines.clear();
        }
        match self.lines.entry((line.job.clone(), line.run, line.text.clone())) {
            Entry::Vacant(new) => {
                new.insert(LastLogged { at: line.at, left_out: 0 });
                Some(0)
            }
            Entry::Occupied(mut old) => {
                let last = old.get_mut();
                // A clock set back must not silence a sentence for as long as it was ahead.
                if line.at.duration_since(last.at).abs() < SILENCE {
                    last.left_out += 1;
                    return None;
                }
                last.at = line.at;
                Some(std::mem::take(&mut last.left_out))
            }
        }
    }
}

/// A text that names its job and its run, as lines for people do.
fn named(job: Option<&str>, run: Option<&str>, text: &str) -> String {
    match (job, run) {
        (Some(job), Some(run)) => format!("{job} {}: {text}", run.get(..8).unwrap_or(run)),
        (Some(job), None) => format!("{job}: {text}"),
        (None, _) => text.to_owned(),
    }
}

/// Writes a line. Absent fields are left out, so that the journal has no empty `JOB=`.
fn write(line: &LogLine, run: Option<&str>, text: &str) {
    let (job, by) = (line.job.as_ref().map(JobName::as_str), line.by.as_deref());
    let LogFields { state, event, attempt, reason_code } = line.facts;
    let state = state.map(RunState::word);
    let reason_code = reason_code.map(ReasonCode::word);
    match line.level {
        Level::Debug => {
            tracing::debug!(job, run, by, state, event, attempt, reason_code, "{text}");
        }
        Level::Info => tracing::info!(job, run, by, state, event, attempt, reason_code, "{text}"),
        Level::Warn => tracing::warn!(job, run, by, state, event, attempt, reason_code, "{text}"),
        Level::Error => {
            tracing::error!(job, run, by, state, event, attempt, reason_code, "{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: i64, text: &str) -> LogLine {
        LogLine {
            level: Level::Warn,
            job: Some(JobName::new("nightly")),
            run: None,
            by: None,
            facts: LogFields::default(),
            at: Timestamp::from_second(second).unwrap(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_line_for_the_journal_names_its_job_and_run() {
        let run = "6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01";
        assert_eq!(named(Some("nightly"), Some(run), "queued"), "nightly 6d0f6b0e: queued");
        assert_eq!(named(Some("nightly"), None, "paused"), "nightly: paused");
        assert_eq!(named(None, None, "started"), "started");
    }

    #[test]
    fn a_sentence_is_told_once_an_hour_and_says_how_often_it_was_left_out() {
        let mut log_throttle = LogThrottle::default();
        assert_eq!(log_throttle.admit(&line(0, "the agent is away")), Some(0));
        assert_eq!(log_throttle.admit(&line(15, "the agent is away")), None);
        assert_eq!(log_throttle.admit(&line(16, "the token is bad")), Some(0));
        assert_eq!(log_throttle.admit(&line(30, "the agent is away")), None);
        assert_eq!(log_throttle.admit(&line(3_600, "the agent is away")), Some(2));
    }
}
