//! Runs in words: their state, progress, table and timeline.

use jiff::Timestamp;

use super::paint::{Paint, Tone};
use super::table::{Rows, Screen};
use super::words::{Times, bytes, span};
use crate::control::document::{AttemptDocument, RunDocument, ShowDocument};
use crate::core::run::RunState;

/// A state, as people read it.
pub fn state(state: RunState) -> String {
    state.word().replace('_', " ")
}

/// How far an attempt's transfer is; nothing if there is nothing to tell.
pub fn progress(attempt: &AttemptDocument) -> Option<String> {
    let (objects, size) = (&attempt.objects, &attempt.bytes);
    if objects.total == 0 && size.total == 0 {
        return None;
    }
    let mut words = Vec::new();
    if let Some(percent) = percent(attempt) {
        words.push(format!("{percent} %"));
    }
    if size.total > 0 {
        words.push(format!("{} of {}", bytes(size.transferred), bytes(size.total)));
    }
    if objects.total > 0 {
        words.push(format!("{}/{} objects", objects.transferred, objects.total));
    }
    if objects.failed > 0 {
        words.push(format!("{} failed", objects.failed));
    }
    Some(words.join(", "))
}

/// How far in percent, by bytes or else by objects.
pub fn percent(attempt: &AttemptDocument) -> Option<u64> {
    let of = |part: u64, whole: u64| {
        (whole > 0).then(|| {
            let percent = u128::from(part.min(whole)) * 100 / u128::from(whole);
            u64::try_from(percent).unwrap_or(100)
        })
    };
    of(attempt.bytes.transferred, attempt.bytes.total)
        .or_else(|| of(attempt.objects.transferred, attempt.objects.total))
}

/// A line for people who wait for a run.
pub fn line(run: &RunDocument) -> String {
    let mut line = state(run.state);
    if let Some(told) = run.latest_attempt().filter(|_| !run.state.is_over()).and_then(progress) {
        line.push_str(&format!(" {told}"));
    }
    if !run.reason.is_empty() {
        line.push_str(&format!(": {}", run.reason));
    }
    line
}

/// How long a run has taken, or has been going on.
pub fn took(run: &RunDocument, now: Timestamp) -> String {
    span(run.ended_at.unwrap_or(now).duration_since(run.created_at))
}

/// The shortest beginnings, of eight letters or more, that tell these runs apart.
pub fn short_ids(runs: &[RunDocument]) -> Vec<String> {
    let mut ids: Vec<_> = runs.iter().map(|run| run.id.to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let most = ids.windows(2).map(|pair| shared(&pair[0], &pair[1])).max().unwrap_or(0);
    let length = if most < 8 { 8 } else { most + 1 };
    let cut = |run: &RunDocument| run.id.to_string().chars().take(length).collect();
    runs.iter().map(cut).collect()
}

/// `history` for people.
pub fn history(runs: &[RunDocument], times: &Times, screen: Screen) -> String {
    let headings = ["RUN", "JOB", "BY", "CREATED", "TOOK", "STATE", "REASON"];
    let mut rows = Rows::new(screen, &headings);
    for (run, id) in runs.iter().zip(short_ids(runs)) {
        rows.add([
            (Tone::Plain, id),
            (Tone::Strong, run.job.to_string()),
            (Tone::Plain, run.trigger.word().replace('_', "-")),
            (Tone::Plain, times.at(run.created_at)),
            (Tone::Plain, took(run, times.now)),
            (Tone::of(run.state), state(run.state)),
            (Tone::Plain, run.reason.clone()),
        ]);
    }
    rows.text()
}

/// `show` for people: the run, its attempts, its timeline.
pub fn show(shown: &ShowDocument, times: &Times, screen: Screen) -> String {
    let (run, paint) = (&shown.run, Paint(screen.color));
    let mut text = format!(
        "{} of {}: {}\n",
        paint.tone(Tone::Strong, &format!("run {}", run.id)),
        paint.tone(Tone::Strong, run.job.as_str()),
        paint.tone(Tone::of(run.state), &state(run.state)),
    );
    let mut fact = |name: &str, value: String| {
        text.push_str(&format!("  {}  {value}\n", paint.tone(Tone::Faint, &format!("{name:<9}"))));
    };
    if !run.reason.is_empty() {
        fact("reason", run.reason.clone());
    }
    match run.scheduled_for {
        Some(at) => fact("scheduled", format!("{} ({})", times.full(at), run.trigger.word())),
        None => fact("scheduled", "not: it was triggered by hand".to_owned()),
    }
    fact("created", times.full(run.created_at));
    match run.ended_at {
        Some(end) => fact("ended", format!("{}, after {}", times.full(end), took(run, times.now))),
        None => fact("ended", format!("not yet, after {}", took(run, times.now))),
    }
    if !run.attempts.is_empty() {
        text.push('\n');
        text.push_str(&attempts(&run.attempts, times, screen));
    }
    if !shown.events.is_empty() {
        text.push('\n');
        text.push_str(&timeline(shown, times, screen));
    }
    text
}

fn attempts(attempts: &[AttemptDocument], times: &Times, screen: Screen) -> String {
    let headings = ["ATTEMPT", "SUBMITTED", "STATE", "TRANSFER", "PROGRESS", "REASON"];
    let mut rows = Rows::new(screen, &headings);
    for attempt in attempts {
        let transfer = attempt.transfer_id.map(|id| id.to_string());
        rows.add([
            (Tone::Plain, attempt.number.to_string()),
            (Tone::Plain, times.full(attempt.submitted_at)),
            (Tone::of(attempt.state), state(attempt.state)),
            (Tone::Plain, transfer.unwrap_or_else(|| "-".to_owned())),
            (Tone::Plain, progress(attempt).unwrap_or_else(|| "-".to_owned())),
            (Tone::Plain, attempt.reason.clone()),
        ]);
    }
    rows.text()
}

fn timeline(shown: &ShowDocument, times: &Times, screen: Screen) -> String {
    let mut rows = Rows::new(screen, &["TIME", "EVENT", "DETAIL"]);
    let mut day = times.date(shown.run.created_at);
    for event in &shown.events {
        let today = times.date(event.at);
        if today != day {
            rows.add([(Tone::Faint, today.clone())]);
            day = today;
        }
        let tone = RunState::from_word(&event.event).map_or(Tone::Plain, Tone::of);
        rows.add([
            (Tone::Faint, times.clock(event.at)),
            (tone, event.event.replace('_', " ")),
            (Tone::Plain, event.detail.clone()),
        ]);
    }
    rows.text()
}
