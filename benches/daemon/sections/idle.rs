//! Memory, CPU, wake-ups and requests of a daemon that has nothing to do.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::figure;
use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::limits::SETTLE;
use crate::stage::{Daemon, Stage};
use crate::table::Row;
use crate::{agent, clock, file, process};

/// Between two programs that start beside the daemon.
const BETWEEN_PROGRAMS: Duration = Duration::from_millis(100);

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let mut rows = memory(arguments, 10, Some((10.0, 3.0)))?;
    rows.extend(memory(arguments, 200, Some((14.0, f64::INFINITY)))?);
    rows.extend(memory_after_reloads(arguments)?);
    rows.extend(quiet(arguments)?);
    rows.push(paused(arguments)?);
    Ok(rows)
}

/// RSS and anonymous RSS after a start. `budgets` in MB.
fn memory(
    arguments: &Arguments,
    jobs: usize,
    budgets: Option<(f64, f64)>,
) -> Result<Vec<Row>, Failure> {
    let (mut resident, mut anonymous) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs() {
        let (_stage, daemon) = nightly(jobs)?;
        clock::pass(SETTLE);
        let memory = process::memory(daemon.process())?;
        resident.push(memory.resident);
        anonymous.push(memory.anonymous);
    }
    let resident = Row::new(format!("RSS, {jobs} jobs"), "MB", resident);
    let anonymous = Row::new(format!("of it anonymous, {jobs} jobs"), "MB", anonymous);
    Ok(match budgets {
        Some((all, own)) if own.is_finite() => vec![resident.at_most(all), anonymous.at_most(own)],
        Some((all, _)) => vec![resident.at_most(all), anonymous],
        None => vec![resident, anonymous],
    })
}

/// RSS with many jobs, at first and after reloads that change all of them.
fn memory_after_reloads(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let jobs = arguments.size(10_000, 1_000);
    let mut figures = [const { Vec::new() }; 4];
    for _ in 0..arguments.long_runs() {
        let (stage, daemon) = nightly(jobs)?;
        clock::pass(SETTLE);
        let at_first = process::memory(daemon.process())?;
        for edition in 1..=4 {
            stage.write(&nightly_file(&stage, jobs, edition))?;
            stage.command(&["reload"])?;
        }
        clock::pass(SETTLE);
        let at_last = process::memory(daemon.process())?;
        let taken = [at_first.resident, at_first.anonymous, at_last.resident, at_last.anonymous];
        figures.iter_mut().zip(taken).for_each(|(all, one)| all.push(one));
    }
    let [first, own_at_first, last, own_at_last] = figures;
    let after = "after 4 reloads that change all";
    Ok(vec![
        Row::new(format!("RSS, {jobs} jobs, after the start"), "MB", first).at_most(60.0),
        Row::new("of it anonymous", "MB", own_at_first),
        Row::new(format!("RSS, {jobs} jobs, {after}"), "MB", last).at_most(60.0),
        Row::new("of it anonymous", "MB", own_at_last),
    ])
}

/// Wake-ups, CPU and requests of ten jobs, with the machine quiet and while programs start.
fn quiet(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let span = Duration::from_secs(arguments.size(60, 5));
    let seconds = span.as_secs();
    let (stage, daemon) = nightly(10)?;
    clock::pass(SETTLE);
    let began = clock::time_of_day();
    let used = process::cpu(daemon.process())?;
    let quiet = wakeups(&daemon, || clock::pass(span))?;
    let busy = wakeups(&daemon, || {
        let end = clock::now() + span;
        while clock::now() < end {
            // What it is does not matter: each program that starts opens files in /etc.
            let _ = Command::new("true").stdout(Stdio::null()).status();
            clock::pass(BETWEEN_PROGRAMS);
        }
    })?;
    let used = process::cpu(daemon.process())? - used;
    let (requests, _) = stage.agent.requests_since(began)?;
    let programs = format!("wake-ups in {seconds} s while 10 programs a second start");
    Ok(vec![
        Row::new(format!("wake-ups in {seconds} s"), "", vec![quiet]).at_most(0.0),
        Row::new(programs, "", vec![busy]).at_most(0.0),
        Row::new("CPU time in both", "ms", vec![clock::milliseconds(used)]),
        Row::new("requests to the agent in both", "", vec![figure(requests as u64)]).at_most(0.0),
    ])
}

/// Wake-ups of a job that is due each second and paused.
fn paused(arguments: &Arguments) -> Result<Row, Failure> {
    let span = Duration::from_secs(arguments.size(30, 5));
    let stage = Stage::new(&agent::options(100, 200))?;
    let jobs = file::due(1, "* * * * * *");
    stage.write(&(file::head(stage.agent.address(), "") + &jobs))?;
    let daemon = stage.start()?;
    stage.command(&["pause", &file::name(0)])?;
    clock::pass(SETTLE);
    let woken = wakeups(&daemon, || clock::pass(span))?;
    let figure = format!("wake-ups in {} s, a paused job due each second", span.as_secs());
    Ok(Row::new(figure, "", vec![woken]).at_most(0.0))
}

fn wakeups(daemon: &Daemon, meanwhile: impl FnOnce()) -> Result<f64, Failure> {
    let before = process::wakeups(daemon.process())?;
    meanwhile();
    Ok(figure(process::wakeups(daemon.process())?.saturating_sub(before)))
}

/// A daemon with so many nightly jobs.
fn nightly(jobs: usize) -> Result<(Stage, Daemon), Failure> {
    let stage = Stage::new(&agent::options(100, 200))?;
    stage.write(&nightly_file(&stage, jobs, 0))?;
    let daemon = stage.start()?;
    Ok((stage, daemon))
}

/// The job file of so many nightly jobs.
pub(super) fn nightly_file(stage: &Stage, jobs: usize, edition: usize) -> String {
    file::head(stage.agent.address(), "") + &file::nightly(jobs, edition)
}
