//! The summary of a demo: a table, and the agent's books compared with the daemon's.

use std::collections::BTreeMap;

use super::stage::AgentRecord;
use crate::cli::render::fit::{hanging, width};
use crate::cli::render::paint::{Paint, Tone};
use crate::cli::render::table::{Rows, Screen};
use crate::cli::render::words::count;
use crate::control::document::RunDocument;
use crate::core::run::RunState;

/// The width from which there is a table; the names of the demo's jobs are short.
const TABLE: usize = 76;

/// The runs of one job, counted.
#[derive(Default)]
struct Tally {
    runs: usize,
    succeeded: usize,
    failed: usize,
    timed_out: usize,
    skipped: usize,
    active: usize,
    attempts: usize,
}

/// The summary.
pub(super) fn text(runs: &[RunDocument], agent: &AgentRecord, screen: Screen) -> String {
    let mut jobs: BTreeMap<&str, Tally> = BTreeMap::new();
    for run in runs {
        jobs.entry(run.job.as_str()).or_default().add(run);
    }
    let verdict = verdict(runs, agent, Paint(screen.color));
    let told = match screen.room() {
        Some(room) if room < TABLE => sentences(&jobs, screen),
        Some(_) | None => table(&jobs, screen),
    };
    format!("{told}\n{verdict}\n")
}

/// A row for each job.
fn table(jobs: &BTreeMap<&str, Tally>, screen: Screen) -> String {
    let headings =
        ["JOB", "RUNS", "SUCCEEDED", "FAILED", "TIMED OUT", "SKIPPED", "UNDER WAY", "ATTEMPTS"];
    let mut rows = Rows::new(screen, &headings);
    for (job, tally) in jobs {
        let number =
            |tone, count: usize| (if count == 0 { Tone::Faint } else { tone }, count.to_string());
        rows.add([
            (Tone::Strong, (*job).to_owned()),
            number(Tone::Plain, tally.runs),
            number(Tone::Good, tally.succeeded),
            number(Tone::Bad, tally.failed),
            number(Tone::Bad, tally.timed_out),
            number(Tone::Doubtful, tally.skipped),
            number(Tone::Busy, tally.active),
            number(Tone::Plain, tally.attempts),
        ]);
    }
    rows.text()
}

/// A line for each job, on a screen too narrow for a table.
fn sentences(jobs: &BTreeMap<&str, Tally>, screen: Screen) -> String {
    let longest = jobs.keys().map(|job| width(job)).max().unwrap_or(0);
    let paint = Paint(screen.color);
    let mut text = String::new();
    for (job, tally) in jobs {
        let ends = [
            (tally.succeeded, "succeeded"),
            (tally.failed, "failed"),
            (tally.timed_out, "timed out"),
            (tally.skipped, "skipped"),
            (tally.active, "under way"),
        ];
        let ends = ends.iter().filter(|(number, _)| *number > 0);
        let ends: Vec<_> = ends.map(|(number, word)| format!("{number} {word}")).collect();
        let runs = count(tally.runs, "run");
        let attempts = count(tally.attempts, "attempt");
        let told = format!("{runs}: {}; {attempts}", ends.join(", "));
        let begin = longest + 2;
        let name = paint.tone(Tone::Strong, &format!("{job:longest$}"));
        text.push_str(&format!("{name}  {}\n", hanging(&told, begin, begin, screen.room())));
    }
    text
}

/// Whether the agent's books agree: no more transfers than attempts, and one that completed for
/// each run that succeeded.
fn verdict(runs: &[RunDocument], agent: &AgentRecord, paint: Paint) -> String {
    let (mut transfers, mut attempts, mut doubled, mut lost) = (0, 0, 0, 0);
    for run in runs {
        let (asked, completed) = agent.get(&run.id.to_string()).copied().unwrap_or_default();
        transfers += asked;
        attempts += run.attempts.len();
        doubled += asked.saturating_sub(run.attempts.len()) + completed.saturating_sub(1);
        if run.state == RunState::Succeeded && completed == 0 {
            lost += 1;
        }
    }
    let tone = if doubled + lost == 0 { Tone::Good } else { Tone::Bad };
    let books = paint.tone(tone, &format!("{lost} lost, {doubled} doubled"));
    format!(
        "by the agent's own books: {} for {}: {books}",
        count(transfers, "transfer"),
        count(attempts, "attempt")
    )
}

impl Tally {
    fn add(&mut self, run: &RunDocument) {
        self.runs += 1;
        self.attempts += run.attempts.len();
        match run.state {
            RunState::Succeeded => self.succeeded += 1,
            RunState::Failed | RunState::Canceled => self.failed += 1,
            RunState::TimedOut => self.timed_out += 1,
            RunState::Skipped => self.skipped += 1,
            RunState::Waiting
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::BackingOff
            | RunState::Canceling => self.active += 1,
        }
    }
}
