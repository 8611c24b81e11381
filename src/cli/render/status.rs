//! `status` for people: daemon, job file, agent and token in a line each, problems, then the jobs,
//! those with problems first.
//!
//! A function of the document, the present, the zone and the screen alone.

use jiff::{SignedDuration, Timestamp};

use super::fit::{cut_end, hanging};
use super::paint::{Paint, Tone};
use super::run;
use super::table::{Rows, Screen};
use super::words::{Times, bytes, count, span};
use crate::control::document::{
    AttemptDocument, JobDocument, PauseDocument, RunDocument, StatusDocument,
};
use crate::control::progress::Progress;
use crate::core::run::RunState;
use crate::core::transfer::AgentState;

/// The width of a bar, in characters.
const BAR: u64 = 10;

/// The width of a fact's name, with the blanks after it.
const NAME: usize = 10;

/// The most runs of removed jobs shown; `history` has the rest.
const REMOVED_MAX: usize = 5;

/// The most lines shown for each job; `show` and `why` have the rest.
const REMARK_LINES: usize = 5;

/// The whole page. If one job was requested by name, its times are in its zone.
pub fn page(status: &StatusDocument, times: &Times, screen: Screen) -> String {
    let zone = match status.jobs.as_slice() {
        [job] if job.recent.is_some() => job.zone(),
        [] | [_] | [_, _, ..] => None,
    };
    let reader = times;
    let times = &reader.in_zone(zone.as_ref());
    let mut text = head(status, times, screen);
    text.push_str(&problems(status, times, screen));
    if status.jobs.is_empty() {
        text.push_str("no jobs\n");
    } else {
        text.push_str(&jobs(status, reader, screen).1.text());
    }
    // One job that was requested by name is shown in full.
    if let [job] = status.jobs.as_slice()
        && job.recent.is_some()
    {
        text.push('\n');
        text.push_str(&super::job::page(job, times, &reader.zone, screen));
    }
    text
}

/// The facts above the jobs: daemon, job file, agent, token.
pub fn head(status: &StatusDocument, times: &Times, screen: Screen) -> String {
    let paint = Paint(screen.color);
    let mut text = String::new();
    let mut fact = |name: &str, (tone, value): (Tone, String)| {
        let name = paint.tone(Tone::Faint, &format!("{name:<NAME$}"));
        let value = paint.tone(tone, &hanging(&value, NAME, NAME, screen.room()));
        text.push_str(&format!("{name}{value}\n"));
    };
    let daemon = &status.daemon;
    let (version, pid) = (&daemon.version, daemon.pid);
    let started = times.at(daemon.started_at);
    fact("daemon", (Tone::Plain, format!("transferd {version}, pid {pid}, started {started}")));
    fact("job file", job_file(status, times));
    fact("agent", agent(status, times));
    fact("token", token(status, times));
    if let Some(at) = status.served_at {
        fact("page", (Tone::Plain, format!("http://{at}/")));
    }
    if times.absolute {
        fact("now", (Tone::Plain, times.full(times.now)));
    }
    if let Some(pause) = &status.pause {
        fact("paused", (Tone::Doubtful, format!("all jobs, {}", paused(pause, times))));
    }
    if status.jobs.len() > 1 {
        fact("jobs", (Tone::Plain, summary(&status.jobs)));
    }
    for run in status.runs_of_removed_jobs.iter().take(REMOVED_MAX) {
        fact("at work", (Tone::of(run.state), of_removed_job(run, times)));
    }
    if let Some(more @ 1..) = status.runs_of_removed_jobs.len().checked_sub(REMOVED_MAX) {
        fact("", (Tone::Plain, format!("and {more} more")));
    }
    text.push('\n');
    text
}

/// The problems, worst first, each in as many lines as it needs.
pub fn problems(status: &StatusDocument, times: &Times, screen: Screen) -> String {
    each_problem(status, times, screen, |sentence| hanging(sentence, 2, 2, screen.room()))
}

/// The problems in a line each, with their ends left out where there is no room.
pub fn problems_in_short(status: &StatusDocument, times: &Times, screen: Screen) -> String {
    let room = screen.room().map_or(usize::MAX, |room| room.saturating_sub(2));
    each_problem(status, times, screen, |sentence| cut_end(sentence, room))
}

fn each_problem(
    status: &StatusDocument,
    times: &Times,
    screen: Screen,
    fit: impl Fn(&str) -> String,
) -> String {
    let mark = Paint(screen.color).tone(Tone::Bad, "!");
    let line = |sentence: String| format!("{mark} {}\n", fit(&sentence));
    let mut text: String =
        status.phrases.iter().map(|problem| line(problem.sentence(times))).collect();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// A run whose job is gone from the job file.
fn of_removed_job(run: &RunDocument, times: &Times) -> String {
    let (id, job) = (run::short_ids(std::slice::from_ref(run)).concat(), &run.job);
    let (state, since) = (run.state.label(), times.at(run.created_at));
    let moving = run.latest_attempt().filter(|_| run.state.is_transferring());
    let percent = moving.and_then(AttemptDocument::percent).map(|done| format!(", {done} %"));
    let percent = percent.unwrap_or_default();
    format!("run {id} of `{job}`, which is gone from the job file: {state}{percent}, since {since}")
}

fn job_file(status: &StatusDocument, times: &Times) -> (Tone, String) {
    let config = &status.config;
    let read = config.loaded_at.map(|at| format!("read {}", times.at(at)));
    let read = read.unwrap_or_else(|| "never read".to_owned());
    if let (true, Some(why)) = (config.valid, &config.unwatched) {
        let looked = format!("changes are looked for once a minute: {why}");
        (Tone::Doubtful, format!("{}: good, {read}; {looked}", config.path))
    } else if config.valid {
        (Tone::Plain, format!("{}: good, {read}", config.path))
    } else {
        (Tone::Bad, format!("{}: invalid; the jobs in force were {read}", config.path))
    }
}

fn agent(status: &StatusDocument, times: &Times) -> (Tone, String) {
    let agent = &status.agent;
    let (tone, words) = match (agent.reachable, agent.state) {
        (None, _) => (Tone::Faint, "not asked yet"),
        // The reason is among the problems: nobody listens, or the user who holds its port may not
        // be asked.
        (Some(false), _) => (Tone::Bad, "not reachable"),
        (Some(true), AgentState::Started) => (Tone::Good, "started"),
        (Some(true), AgentState::Unknown) => (Tone::Doubtful, "answers"),
        (Some(true), AgentState::Created) => (Tone::Bad, "nobody is signed in"),
        (Some(true), AgentState::Stopped) => (Tone::Bad, "stopped"),
        (Some(true), AgentState::Paused) => (Tone::Doubtful, "paused"),
        (Some(true), AgentState::Disposed) => (Tone::Bad, "needs a new login"),
    };
    let asked = agent.asked_at.map(|at| format!(", asked {}", asked(at, times)));
    let asked = asked.unwrap_or_default();
    let version = agent.version.as_deref().filter(|_| agent.reachable == Some(true));
    let version = version.map(|version| format!(", version {version}"));
    (tone, format!("{}: {words}{}{asked}", agent.url, version.unwrap_or_default()))
}

/// `status` has the agent asked if nobody has for a minute: a contact within that time is shown as
/// new, so that a live page does not change every second.
fn asked(at: Timestamp, times: &Times) -> String {
    let age = times.now.duration_since(at);
    let is_new = age < SignedDuration::from_mins(1) && !age.is_negative();
    if is_new && !times.absolute { "just now".to_owned() } else { times.at(at) }
}

fn token(status: &StatusDocument, times: &Times) -> (Tone, String) {
    let token = &status.agent.token;
    let (tone, words) = match token.valid {
        None => (Tone::Faint, "not tried yet"),
        Some(true) => (Tone::Good, "good"),
        Some(false) => (Tone::Bad, "bad"),
    };
    match token.expires_at {
        Some(at) if at <= times.now => (Tone::Bad, format!("{words}, expired {}", times.at(at))),
        Some(at) => (tone, format!("{words}, expires {}", times.at(at))),
        None => (tone, words.to_owned()),
    }
}

/// The number of jobs, and of those not simply at rest.
fn summary(jobs: &[JobDocument]) -> String {
    let of = |holds: &dyn Fn(&JobDocument) -> bool| jobs.iter().filter(|job| holds(job)).count();
    let kinds = [
        (of(&|job| late_since(job).is_some()), "late"),
        (of(&JobDocument::has_failed), "failed last"),
        (of(&|job| job.active_run.is_some()), "active"),
        (of(&JobDocument::is_held_by_pause), "paused"),
        (of(&|job| !job.enabled), "disabled"),
    ];
    let kinds = kinds.iter().filter(|(many, _)| *many > 0);
    let kinds: Vec<_> = kinds.map(|(many, kind)| format!("{many} {kind}")).collect();
    match kinds.as_slice() {
        [] => jobs.len().to_string(),
        kinds => format!("{}: {}", jobs.len(), kinds.join(", ")),
    }
}

/// The jobs, problems first, then active ones, and their table: a row each, with its times in the
/// zone of its job.
pub fn jobs<'a>(
    status: &'a StatusDocument,
    reader: &Times,
    screen: Screen,
) -> (Vec<&'a JobDocument>, Rows) {
    let asked_at = status.agent.asked_at.unwrap_or(reader.now);
    let mut sorted: Vec<_> = status.jobs.iter().collect();
    // Stable: within a group they stay in the order of their names.
    sorted.sort_by_key(|job| urgency(job));
    let headings = ["JOB", "STATE", "LAST RUN", "NEXT RUN"];
    let mut rows = Rows::new(screen, &headings).naming(0).beside("DETAIL").brief(REMARK_LINES);
    for job in &sorted {
        let times = reader.in_zone(job.zone().as_ref());
        rows.add([
            (Tone::Strong, job.name.to_string()),
            state(job),
            run::last(job.last_run.as_ref(), &times),
            (Tone::Plain, next(job, &times, reader)),
        ]);
        for (tone, remark) in remarks(job, status.pause.as_ref(), asked_at, &times) {
            rows.remark(tone, remark);
        }
    }
    (sorted, rows)
}

fn urgency(job: &JobDocument) -> u8 {
    match (late_since(job).is_some() || job.has_failed(), &job.active_run) {
        (true, _) => 0,
        (false, Some(_)) => 1,
        (false, None) if job.is_held_by_pause() => 2,
        (false, None) if job.enabled => 3,
        (false, None) => 4,
    }
}

fn paused(pause: &PauseDocument, times: &Times) -> String {
    pause.sentence(|at| times.zoned(at), |at| times.moment(at))
}

fn late_since(job: &JobDocument) -> Option<Timestamp> {
    job.detail.as_ref()?.late_since
}

fn state(job: &JobDocument) -> (Tone, String) {
    let late = late_since(job).is_some();
    match &job.active_run {
        Some(active) => {
            let tone = if late { Tone::Bad } else { Tone::of(active.state) };
            (tone, run::state(active.state))
        }
        None if job.is_held_by_pause() => (Tone::Doubtful, "paused".to_owned()),
        None if !job.enabled => (Tone::Faint, "disabled".to_owned()),
        None if late => (Tone::Bad, "late".to_owned()),
        None => (Tone::Faint, "idle".to_owned()),
    }
}

/// The remarks on a job besides its cells.
fn remarks(
    job: &JobDocument,
    of_all: Option<&PauseDocument>,
    asked_at: Timestamp,
    times: &Times,
) -> Vec<(Tone, String)> {
    let mut remarks = Vec::new();
    if let Some(active) = &job.active_run {
        let progress = job.progress(asked_at);
        remarks.extend(bar(progress).map(|told| (Tone::Busy, told)));
        if let Some(still) = progress.still {
            remarks.push((Tone::Doubtful, format!("has not moved for {}", span(still))));
        }
        let tone = match active.state == RunState::Running {
            false => Some(Tone::of(active.state)),
            true => (!active.shows_progress()).then_some(Tone::Doubtful),
        };
        if let Some(tone) = tone.filter(|_| !active.reason.is_empty()) {
            remarks.push((tone, active.sentence(times)));
        }
    }
    let detail = job.detail.as_ref();
    if let Some(behind) = detail.map(|detail| detail.behind).filter(|behind| *behind > 0) {
        remarks.push((Tone::Plain, format!("{} behind it", waits(behind))));
    }
    if let Some(since) = late_since(job) {
        remarks.push((Tone::Bad, format!("late since {}", times.moment(since))));
    }
    if let Some(held) = detail.and_then(|detail| detail.held_back.as_ref()) {
        let due = times.zoned(held.occurrence);
        remarks
            .push((Tone::Doubtful, format!("due at {due}, waits {}", held.reason.sentence(times))));
    }
    // A pause of all jobs is shown once.
    if let Some(pause) = job.pause.as_ref().filter(|pause| of_all != Some(*pause)) {
        remarks.push((Tone::Doubtful, format!("paused {}", paused(pause, times))));
    }
    if job.last_run.as_ref().is_some_and(|last| last.state != RunState::Succeeded) {
        let told = match &job.last_success {
            Some(success) => {
                let at = success.ended_at.unwrap_or(success.created_at);
                format!("last success {}", times.at(at))
            }
            None => "has never succeeded".to_owned(),
        };
        remarks.push((Tone::Faint, told));
    }
    if let Some(last) = job.last_run.as_ref().filter(|last| is_telling(job, last)) {
        let which = if job.active_run.is_some() { "the run before: " } else { "" };
        let told = format!("{which}{}", last.sentence(times));
        remarks.push((Tone::of(last.state), told));
    }
    remarks
}

/// Whether the reason of the last run is worth a line: while another run is active, a skipped
/// occurrence means no more than that.
fn is_telling(job: &JobDocument, last: &RunDocument) -> bool {
    !last.reason.is_empty()
        && match last.state {
            RunState::Failed | RunState::TimedOut => true,
            RunState::Skipped | RunState::Canceled => job.active_run.is_none(),
            RunState::Waiting
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::BackingOff
            | RunState::Canceling
            | RunState::Succeeded => false,
        }
}

fn waits(runs: usize) -> String {
    let verb = if runs == 1 { "waits" } else { "wait" };
    format!("{} {verb}", count(runs, "run"))
}

/// A bar, the percentage, the speed and the remaining time.
fn bar(progress: Progress) -> Option<String> {
    let percent = progress.percent?;
    let full = percent * BAR / 100;
    let bar: String = (0..BAR).map(|at| if at < full { '█' } else { '░' }).collect();
    let mut words = format!("{bar} {percent} %");
    if let Some(speed) = progress.speed {
        words.push_str(&format!(", {}/s", bytes(speed)));
    }
    if let Some(left) = progress.left {
        words.push_str(&format!(", {} left", span(left)));
    }
    Some(words)
}

/// The next occurrence, with its offset where that is not the reader's. `times` are the job's.
fn next(job: &JobDocument, times: &Times, reader: &Times) -> String {
    match job.next_run {
        Some(at) if times.absolute => times.full(at),
        Some(at) => reader.next(at, Some(&times.zone)),
        None if job.schedule.is_none() => "by hand".to_owned(),
        None => "-".to_owned(),
    }
}
