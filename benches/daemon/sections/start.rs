//! How long a start, a reload and a stop take.

use super::idle::nightly_file;
use crate::arguments::Arguments;
use crate::failure::{Failure, failed};
use crate::limits::{SETTLE, SOON};
use crate::stage::Stage;
use crate::table::Row;
use crate::{agent, clock, file};

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let mut rows = on_empty_history(arguments)?;
    rows.extend(with_many_jobs(arguments)?);
    Ok(rows)
}

fn on_empty_history(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let (mut ready, mut first, mut stops) = (Vec::new(), Vec::new(), Vec::new());
    let stage = Stage::new(&agent::options(100, 200))?;
    let jobs = file::due(1, "* * * * * *");
    stage.write(&(file::head(stage.agent.address(), "") + &jobs))?;
    stage.start()?.stop()?;
    for _ in 0..arguments.runs() {
        let (submitted, is_ready) = start_to_first_submit(&stage, &mut stops)?;
        first.push(submitted);
        ready.push(is_ready);
    }
    Ok(vec![
        Row::new("start to ready, 1 job, a history of seconds", "ms", ready),
        Row::new("start to first submit, of a missed occurrence", "ms", first).at_most(100.0),
        Row::new("SIGTERM to exit", "ms", stops).at_most(500.0),
    ])
}

/// Starts a daemon on a stage that has a job for each second, a while after the last one stopped:
/// what was missed is caught up at once. Milliseconds from the start of the process to the arrival
/// of its first POST, and to its being ready; the stop is added to `stops`.
pub(super) fn start_to_first_submit(
    stage: &Stage,
    stops: &mut Vec<f64>,
) -> Result<(f64, f64), Failure> {
    clock::pass(SETTLE);
    let daemon = stage.start()?;
    let mut first = None;
    clock::until("the first transfer is queued", SOON, || {
        let posts = stage.agent.posts()?;
        first = posts.iter().map(|post| post.at).find(|at| *at >= daemon.started_at);
        Ok(first.is_some())
    })?;
    let Some(first) = first else { return failed("no transfer was queued") };
    let submitted = clock::milliseconds_from(daemon.started_at, first);
    let ready = clock::milliseconds(daemon.start);
    stops.push(clock::milliseconds(daemon.stop()?));
    Ok((submitted, ready))
}

fn with_many_jobs(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let jobs = arguments.size(10_000, 1_000);
    let (mut starts, mut reloads, mut same, mut stops) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let stage = Stage::new(&agent::options(100, 200))?;
    for edition in 0..arguments.runs() {
        stage.write(&nightly_file(&stage, jobs, 2 * edition))?;
        let daemon = stage.start()?;
        starts.push(clock::milliseconds(daemon.start));
        clock::pass(SETTLE);
        stage.write(&nightly_file(&stage, jobs, 2 * edition + 1))?;
        reloads.push(clock::milliseconds(stage.command(&["reload"])?.0));
        same.push(clock::milliseconds(stage.command(&["reload"])?.0));
        stops.push(clock::milliseconds(daemon.stop()?));
    }
    let named = |figure: &str| format!("{figure}, {jobs} jobs");
    Ok(vec![
        Row::new(named("start to ready"), "ms", starts),
        Row::new(named("`reload` that changes all"), "ms", reloads).at_most(500.0),
        Row::new(named("`reload` that changes nothing"), "ms", same),
        Row::new(named("SIGTERM to exit"), "ms", stops).at_most(500.0),
    ])
}
