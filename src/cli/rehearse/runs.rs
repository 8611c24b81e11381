//! The runs of one job, line by line; where there are many, only those that did not go smoothly.

use super::Report;
use super::sentences::{grouped, time};
use crate::cli::render::paint::{Paint, Tone};
use crate::cli::render::paragraph::paragraph;
use crate::cli::render::run::state;
use crate::cli::render::table::{Rows, Screen};
use crate::cli::render::words::span;
use crate::core::run::RunState;
use crate::sim::rehearsal::limits::{SHORTEST_WAIT, WORTH_A_WORD};
use crate::sim::rehearsal::{Busy, RunStory, Wait};

/// Runs with a line; if there are more, only those that did not go smoothly.
const RUNS_SHOWN: usize = 60;

/// The list for the job that was named.
pub(super) fn list(report: &Report<'_>, screen: Screen) -> String {
    let runs = &report.played.runs;
    let Some(job) = report.rehearsal.kept.as_ref() else { return String::new() };
    if runs.is_empty() {
        return String::new();
    }
    let all = runs.len() as u64 + report.played.runs_left_out;
    let mut shown: Vec<&RunStory> = runs.iter().collect();
    let mut note = None;
    if runs.len() > RUNS_SHOWN {
        shown.retain(|run| !is_plain(run));
        let notable = shown.len();
        shown.truncate(RUNS_SHOWN);
        note = Some(match notable {
            0 => format!("all {} runs go plainly; `--json` lists them", grouped(all)),
            _ if notable > RUNS_SHOWN => format!(
                "the first {RUNS_SHOWN} of its runs that do not go plainly; `--json` lists more"
            ),
            _ => format!(
                "{notable} of its {} runs, which do not go plainly; `--json` lists all",
                grouped(all)
            ),
        });
    }
    let mut text = String::new();
    if let Some(note) = note {
        let width = screen.width.map_or(100, usize::from);
        text.push_str(&Paint(screen.color).tone(Tone::Faint, &paragraph("", &note, width)));
    }
    if shown.is_empty() {
        return text;
    }
    let zone = report.rehearsal.set.jobs.get(job).map(|job| job.timetable.zone());
    let zone = zone.unwrap_or(&report.rehearsal.zone);
    let mut rows = Rows::new(screen, &["DUE", "WAITED", "TOOK", "TRIES", "STATE", "WHY"]);
    for run in shown {
        let took = run.started_at.zip(run.ended_at);
        let took = took.map(|(start, end)| span(end.duration_since(start)));
        let waited = (run.waited >= SHORTEST_WAIT).then(|| span(run.waited));
        let tries = (run.attempts > 0).then(|| run.attempts.to_string());
        rows.add([
            (Tone::Plain, time(run.scheduled_for, zone)),
            (Tone::Plain, waited.unwrap_or_else(|| "·".to_owned())),
            (Tone::Plain, took.unwrap_or_else(|| "·".to_owned())),
            (Tone::Plain, tries.unwrap_or_else(|| "·".to_owned())),
            (Tone::of(run.state), state(run.state)),
            (Tone::Plain, why(run)),
        ]);
    }
    text.push_str(&rows.text());
    text
}

/// True for a run that starts at once and succeeds.
fn is_plain(run: &RunStory) -> bool {
    run.state == RunState::Succeeded && run.attempts <= 1 && run.waited < WORTH_A_WORD
}

/// The reason for its course, in few words: the column is narrow.
fn why(run: &RunStory) -> String {
    let long = run.waited >= SHORTEST_WAIT;
    let waited = run.waited_for.as_ref().filter(|_| long).map(|wait| match wait {
        Wait::Slot => "waited for a slot".to_owned(),
        Wait::Destination(other) => format!("waited for `{other}`"),
        Wait::Own => "waited for its last run".to_owned(),
        Wait::Other => String::new(),
    });
    match run.state {
        RunState::Skipped => match (&run.behind, &run.waited_for) {
            (Some(Busy::Running), _) => "the last still runs".to_owned(),
            (Some(Busy::Retrying), _) => "the last is retried".to_owned(),
            (Some(Busy::Waiting(_)), _) => "the last still waits".to_owned(),
            (None, Some(Wait::Slot)) => "no slot in time".to_owned(),
            (None, Some(Wait::Destination(other))) => format!("`{other}` in its way"),
            (None, Some(Wait::Own | Wait::Other) | None) => "no start in time".to_owned(),
        },
        RunState::TimedOut => "past its `timeout`".to_owned(),
        RunState::Canceled => "replaced by the next".to_owned(),
        RunState::Failed => "no attempt is left".to_owned(),
        RunState::Succeeded
        | RunState::Waiting
        | RunState::Submitting
        | RunState::Queued
        | RunState::Running
        | RunState::BackingOff
        | RunState::Canceling => waited.unwrap_or_default(),
    }
}
