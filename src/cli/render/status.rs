//! `status` for people: daemon, job file, agent and token in a line each, what is wrong, then the
//! jobs, problems first.

use jiff::SignedDuration;

use super::paint::{Paint, Tone};
use super::run;
use super::table::{Rows, Screen};
use super::words::{Times, bytes, count, span};
use crate::control::document::{JobDocument, RunDocument, StatusDocument};
use crate::core::run::RunState;
use crate::core::transfer::AgentState;

/// The width of a bar, in characters.
const BAR: u64 = 12;

/// The whole page.
pub fn page(status: &StatusDocument, times: &Times, screen: Screen) -> String {
    let paint = Paint(screen.color);
    let mut text = String::new();
    let mut fact = |name: &str, value: String| {
        text.push_str(&format!("{}  {value}\n", paint.tone(Tone::Faint, &format!("{name:<8}"))));
    };
    let daemon = &status.daemon;
    fact(
        "daemon",
        format!(
            "transferd {}, pid {}, started {}",
            daemon.version,
            daemon.pid,
            times.at(daemon.started_at)
        ),
    );
    fact("job file", job_file(status, times, paint));
    fact("agent", agent(status, times, paint));
    fact("token", token(status, times, paint));
    for problem in &status.problems {
        text.push_str(&format!("\n{} {problem}", paint.tone(Tone::Bad, "!")));
    }
    if !status.problems.is_empty() {
        text.push('\n');
    }
    text.push('\n');
    if status.jobs.is_empty() {
        text.push_str("no jobs\n");
    } else {
        text.push_str(&jobs(&status.jobs, times, screen));
    }
    text
}

fn job_file(status: &StatusDocument, times: &Times, paint: Paint) -> String {
    let config = &status.config;
    let read = config.loaded_at.map(|at| format!("read {}", times.at(at)));
    let read = read.unwrap_or_else(|| "never read".to_owned());
    if config.valid {
        format!("{}, {read}, {}", config.path, count(status.jobs.len(), "job"))
    } else {
        let bad = paint.tone(Tone::Bad, "invalid");
        format!("{}: {bad}; the jobs in force were {read}", config.path)
    }
}

fn agent(status: &StatusDocument, times: &Times, paint: Paint) -> String {
    let agent = &status.agent;
    let (tone, words) = match (agent.reachable, agent.state) {
        (None, _) => (Tone::Faint, "not asked yet".to_owned()),
        (Some(false), _) => (Tone::Bad, "does not answer".to_owned()),
        (Some(true), AgentState::Started) => (Tone::Good, "started".to_owned()),
        (Some(true), AgentState::Unknown) => (Tone::Doubtful, "answers".to_owned()),
        (Some(true), AgentState::Created) => (Tone::Bad, "nobody is signed in".to_owned()),
        (Some(true), AgentState::Stopped) => (Tone::Bad, "stopped".to_owned()),
        (Some(true), AgentState::Paused) => (Tone::Doubtful, "paused".to_owned()),
        (Some(true), AgentState::Disposed) => (Tone::Bad, "needs a new login".to_owned()),
    };
    let asked = agent.asked_at.map(|at| format!(" ({})", times.at(at))).unwrap_or_default();
    format!("{}: {}{asked}", agent.url, paint.tone(tone, &words))
}

fn token(status: &StatusDocument, times: &Times, paint: Paint) -> String {
    let token = &status.agent.token;
    let (tone, words) = match token.valid {
        None => (Tone::Faint, "not tried yet"),
        Some(true) => (Tone::Good, "good"),
        Some(false) => (Tone::Bad, "bad"),
    };
    let words = paint.tone(tone, words);
    match token.expires_at {
        Some(at) if at <= times.now => format!("{words}, expired {}", times.at(at)),
        Some(at) => format!("{words}, expires {}", times.at(at)),
        None => words,
    }
}

/// The jobs as a table, problems first, then what is under way.
fn jobs(jobs: &[JobDocument], times: &Times, screen: Screen) -> String {
    let mut sorted: Vec<_> = jobs.iter().collect();
    // Stable: within a group they stay in the order of their names.
    sorted.sort_by_key(|job| urgency(job));
    let mut rows = Rows::new(screen, &["JOB", "STATE", "PROGRESS", "LAST RUN", "NEXT RUN"]);
    for job in sorted {
        let (tone, words) = state(job, times);
        rows.add([
            (Tone::Strong, job.name.to_string()),
            (tone, words),
            (Tone::Plain, progress(job).unwrap_or_default()),
            last(job.last_run.as_ref(), times),
            (Tone::Plain, next(job, times)),
        ]);
    }
    rows.text()
}

fn urgency(job: &JobDocument) -> u8 {
    let late = job.detail.as_ref().is_some_and(|detail| detail.late_since.is_some());
    let failed = job.last_run.as_ref().is_some_and(|run| match run.state {
        RunState::Failed | RunState::TimedOut => true,
        RunState::Waiting
        | RunState::Submitting
        | RunState::Queued
        | RunState::Running
        | RunState::BackingOff
        | RunState::Canceling
        | RunState::Succeeded
        | RunState::Canceled
        | RunState::Skipped => false,
    });
    match (late || failed, &job.active_run) {
        (true, _) => 0,
        (false, Some(_)) => 1,
        (false, None) if job.paused => 2,
        (false, None) => 3,
    }
}

fn state(job: &JobDocument, times: &Times) -> (Tone, String) {
    let detail = job.detail.as_ref();
    let mut words = match &job.active_run {
        Some(active) => {
            let mut words = run::state(active.state);
            if active.state != RunState::Running && !active.reason.is_empty() {
                words.push_str(&format!(": {}", active.reason));
            }
            words
        }
        None if !job.enabled => "disabled".to_owned(),
        None if job.paused => "paused".to_owned(),
        None => "idle".to_owned(),
    };
    if job.active_run.is_some() && job.paused {
        words.push_str(", paused");
    }
    if let Some(pause) = detail.and_then(|detail| detail.pause.as_ref()) {
        if let Some(until) = pause.until {
            words.push_str(&format!(" until {}", times.full(until)));
        }
        if let Some(reason) = &pause.reason {
            words.push_str(&format!(": {reason}"));
        }
    }
    if let Some(behind) = detail.map(|detail| detail.behind).filter(|behind| *behind > 0) {
        words.push_str(&format!("; {behind} behind it"));
    }
    let late = detail.and_then(|detail| detail.late_since);
    if let Some(since) = late {
        words.push_str(&format!("; late since {}", times.full(since)));
    }
    let tone = match (&job.active_run, late) {
        (_, Some(_)) => Tone::Bad,
        (Some(active), None) => Tone::of(active.state),
        (None, None) if job.paused => Tone::Doubtful,
        (None, None) => Tone::Faint,
    };
    (tone, words)
}

/// A bar, the percentage, the speed and how long it may still take.
fn progress(job: &JobDocument) -> Option<String> {
    let attempt = job.active_run.as_ref()?.latest_attempt()?;
    let percent = run::percent(attempt)?;
    let full = percent * BAR / 100;
    let mut words = String::new();
    for position in 0..BAR {
        words.push(if position < full { '█' } else { '░' });
    }
    words.push_str(&format!(" {percent} %"));
    let speed = job.detail.as_ref().map_or(0.0, |detail| detail.speed);
    if speed >= 1.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least one, and a speed beyond u64 is none"
        )]
        let speed = speed as u64;
        let left = attempt.bytes.total.saturating_sub(attempt.bytes.transferred) / speed;
        let left = SignedDuration::from_secs(i64::try_from(left).unwrap_or(i64::MAX));
        words.push_str(&format!(" {}/s, {} left", bytes(speed), span(left)));
    }
    Some(words)
}

fn last(run: Option<&RunDocument>, times: &Times) -> (Tone, String) {
    let Some(run) = run else { return (Tone::Faint, "never".to_owned()) };
    let when = times.at(run.ended_at.unwrap_or(run.created_at));
    let mut words = format!("{} {when}", run::state(run.state));
    if run.state != RunState::Succeeded && !run.reason.is_empty() {
        words.push_str(&format!(": {}", run.reason));
    }
    (Tone::of(run.state), words)
}

fn next(job: &JobDocument, times: &Times) -> String {
    match job.next_run {
        Some(at) => times.at(at),
        None if job.schedule.is_none() => "by hand".to_owned(),
        None => "-".to_owned(),
    }
}
