//! Writes the engine's notes to the log; repetitions of a note are logged only now and then, with
//! the number left out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::{SignedDuration, Timestamp};

use crate::core::event::EventKind;
use crate::core::ids::{JobName, RunId};
use crate::core::input::{Level, Note, NoteFacts};
use crate::core::reason::ReasonCode;
use crate::core::run::RunState;

/// A sentence about a run or job is not repeated within this time.
const SILENCE: SignedDuration = SignedDuration::from_mins(60);

/// Sentences remembered; beyond that all are forgotten, and a few are logged twice.
const REMEMBERED_MAX: usize = 1_024;

/// Remembers the logged sentences.
#[derive(Debug, Default)]
pub(super) struct LogThrottle {
    lines: HashMap<(Option<JobName>, Option<RunId>, String), LastLine>,
}

#[derive(Debug)]
struct LastLine {
    at: Timestamp,
    left_out: u32,
}

impl LogThrottle {
    /// Logs a note, unless it was logged a short while ago.
    pub(super) fn tell(&mut self, note: &Note) {
        let Some(left_out) = self.is_due(note) else { return };
        let text = match left_out {
            0 => note.text.clone(),
            times => format!("{} (said {times} more times meanwhile)", note.text),
        };
        let job = note.job.as_ref().map(JobName::as_str);
        let run = note.run.map(|run| run.to_string());
        let text =
            if crate::log::shows_text_alone() { named(job, run.as_deref(), &text) } else { text };
        write(note, run.as_deref(), &text);
    }

    /// Whether the note is to be logged now, and how often it was left out before.
    fn is_due(&mut self, note: &Note) -> Option<u32> {
        if self.lines.len() >= REMEMBERED_MAX {
            self.lines.clear();
        }
        match self.lines.entry((note.job.clone(), note.run, note.text.clone())) {
            Entry::Vacant(new) => {
                new.insert(LastLine { at: note.at, left_out: 0 });
                Some(0)
            }
            Entry::Occupied(mut old) => {
                let line = old.get_mut();
                // A clock set back must not silence a sentence for as long as it was ahead.
                if note.at.duration_since(line.at).abs() < SILENCE {
                    line.left_out += 1;
                    return None;
                }
                line.at = note.at;
                Some(std::mem::take(&mut line.left_out))
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
fn write(note: &Note, run: Option<&str>, text: &str) {
    let (job, by) = (note.job.as_ref().map(JobName::as_str), note.by.as_deref());
    let NoteFacts { state, event, attempt, reason_code } = note.facts;
    let (state, event) = (state.map(RunState::word), event.map(EventKind::word));
    let reason_code = reason_code.map(ReasonCode::word);
    match note.level {
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

    fn note(second: i64, text: &str) -> Note {
        Note {
            level: Level::Warn,
            job: Some(JobName::new("nightly")),
            run: None,
            by: None,
            facts: NoteFacts::default(),
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
        assert_eq!(log_throttle.is_due(&note(0, "the agent is away")), Some(0));
        assert_eq!(log_throttle.is_due(&note(15, "the agent is away")), None);
        assert_eq!(log_throttle.is_due(&note(16, "the token is bad")), Some(0));
        assert_eq!(log_throttle.is_due(&note(30, "the agent is away")), None);
        assert_eq!(log_throttle.is_due(&note(3_600, "the agent is away")), Some(2));
    }
}
