//! The same jobs on the same agent by what a user would pick instead. `benches/peers` has what
//! they run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use transferd::sim::world::WorldOptions;

use super::figure;
use crate::agent::Entry;
use crate::arguments::Arguments;
use crate::failure::{Failure, failed};
use crate::limits::{LATER, SETTLE};
use crate::stage::{Stage, terminate};
use crate::statistics::quantile;
use crate::table::Row;
use crate::{agent, clock, file, process};

/// So long transfers take, in milliseconds.
const SPREAD: (i64, i64) = (5_000, 15_000);

/// Between two looks at the memory of a peer and its scripts.
const SAMPLE: Duration = Duration::from_millis(250);

/// From the start of a peer to its due second: it settles, and is watched while it is idle.
const IDLE: Duration = Duration::from_secs(10);

/// What a user might pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Transferd,
    Cron,
    ApScheduler,
    Cronstable,
    Supercronic,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Transferd => "transferd",
            Self::Cron => "cron, a script a job",
            Self::ApScheduler => "APScheduler, one process",
            Self::Cronstable => "cronstable, a script a job",
            Self::Supercronic => "supercronic, a script a job",
        }
    }

    /// Whether a process of it is there before its jobs are due. Cron's own is not started here: it
    /// would carry out this machine's crontabs.
    fn waits(self) -> bool {
        self != Self::Cron
    }
}

/// What one peer came to.
#[derive(Default)]
struct Taken {
    idle_memory: Option<f64>,
    idle_wakeups: Option<f64>,
    memory: f64,
    cpu: f64,
    requests: f64,
    last: Option<f64>,
    half: Option<f64>,
    late: Option<f64>,
}

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for peer in
        [Peer::Transferd, Peer::Cron, Peer::ApScheduler, Peer::Cronstable, Peer::Supercronic]
    {
        if let Some(missing) = missing(peer, arguments) {
            rows.push(Row::new(format!("{}: {missing}", peer.name()), "", Vec::new()));
            continue;
        }
        let runs = (0..arguments.long_runs()).map(|_| taken(peer, arguments));
        match runs.collect::<Result<Vec<_>, _>>() {
            Ok(runs) => rows.extend(figures(peer, &runs, arguments)),
            Err(failure) => {
                let words = format!("{}: {failure}", peer.name()).replace('\n', " ");
                rows.push(Row::new(words, "", Vec::new()));
            }
        }
    }
    let timers = "systemd timers: no process of their own; a service a job, which costs what cron's \
                  script does; up to AccuracySec= late, 1 min by default (systemd.timer(5))";
    rows.push(Row::new(timers, "", Vec::new()));
    Ok(rows)
}

/// What this machine lacks for a peer.
fn missing(peer: Peer, arguments: &Arguments) -> Option<String> {
    let has = |program: &Path, argument: &str| {
        let mut command = Command::new(program);
        command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let lacks = |program: &str, argument| {
        (!has(program.as_ref(), argument)).then(|| format!("`{program}` is not on this machine"))
    };
    let script = || lacks("curl", "--version").or_else(|| lacks("jq", "--version"));
    match peer {
        Peer::Transferd => None,
        Peer::Cron => script(),
        Peer::ApScheduler => {
            let mut command = Command::new(python(arguments));
            command.args(["-c", "import apscheduler, requests"]).stderr(Stdio::null());
            let there = command.status().is_ok_and(|status| status.success());
            (!there).then(|| "`apscheduler` and `requests` are not on this machine".to_owned())
        }
        Peer::Cronstable => script().or_else(|| {
            let there = has(&cronstable(arguments), "--version");
            (!there).then(|| "it is not on this machine".to_owned())
        }),
        Peer::Supercronic => script().or_else(|| lacks("supercronic", "-version")),
    }
}

fn python(arguments: &Arguments) -> PathBuf {
    arguments.python.clone().unwrap_or_else(|| "python3".into())
}

/// It is installed beside the Python that has it.
fn cronstable(arguments: &Arguments) -> PathBuf {
    let beside = arguments.python.as_ref().and_then(|python| python.parent());
    beside.map_or_else(|| "cronstable".into(), |folder| folder.join("cronstable"))
}

fn taken(peer: Peer, arguments: &Arguments) -> Result<Taken, Failure> {
    let jobs = arguments.size(100, 10);
    let stage = Stage::new(&agent::options(SPREAD.0, SPREAD.1))?;
    let ahead = i64::try_from((IDLE + SETTLE).as_secs())? + 2;
    let due = file::second_ahead(clock::time_of_day(), ahead);
    let mut taken = Taken::default();
    let mut running = if peer.waits() {
        let running = Running(start(peer, &stage, arguments, jobs, due)?);
        clock::pass(SETTLE);
        let process = running.0.id();
        taken.idle_memory = Some(process::memory_of_tree(process));
        let before = process::wakeups(process)?;
        clock::pass(IDLE);
        taken.idle_wakeups = Some(figure(process::wakeups(process)?.saturating_sub(before)));
        clock::until("the jobs are due", LATER, || Ok(clock::time_of_day() >= due))?;
        running
    } else {
        clock::until("the jobs are due", LATER, || Ok(clock::time_of_day() >= due))?;
        Running(start(peer, &stage, arguments, jobs, due)?)
    };
    let process = running.0.id();
    let before = if peer.waits() { process::cpu_of_tree(process) } else { Duration::ZERO };
    clock::until("all jobs are done", LATER, || {
        taken.memory = taken.memory.max(process::memory_of_tree(process));
        clock::pass(SAMPLE);
        Ok(ends(peer, &stage)?.len() >= jobs)
    })?;
    // The scripts end, and are waited for.
    clock::pass(Duration::from_secs(1));
    taken.cpu = (process::cpu_of_tree(process) - before).as_secs_f64();
    taken.requests = figure(stage.agent.requests_since(due)?.0 as u64);
    let posts = stage.agent.posts()?;
    let lateness: Vec<_> =
        posts.iter().map(|post| clock::milliseconds_from(due, post.at)).collect();
    taken.last = quantile(&lateness, 1.0);
    let seen = seen(&stage.agent.ended()?, &ends(peer, &stage)?)?;
    (taken.half, taken.late) = (quantile(&seen, 0.5), quantile(&seen, 0.99));
    running.end()?;
    Ok(taken)
}

/// Milliseconds from each end at the agent to when it was seen.
fn seen(at_agent: &[Entry], seen: &[Entry]) -> Result<Vec<f64>, Failure> {
    let ended: HashMap<_, _> =
        at_agent.iter().map(|entry| (entry.destination.as_str(), entry.at)).collect();
    let latency = |entry: &Entry| match ended.get(entry.destination.as_str()) {
        Some(ended) => Ok(clock::milliseconds_from(*ended, entry.at)),
        None => failed(format!("nothing was copied to {}", entry.destination)),
    };
    seen.iter().map(latency).collect()
}

/// What a peer says is done, and when it was.
fn ends(peer: Peer, stage: &Stage) -> Result<Vec<Entry>, Failure> {
    if peer == Peer::Transferd {
        let runs = stage.json(&["history", "-n", "1000", "--state", "succeeded", "--json"])?;
        let entry = |run: &serde_json::Value| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let destination = text(&run["destination"]["path"]);
            Ok(Entry { destination, at: text(&run["ended_at"]).parse()? })
        };
        return runs.as_array().into_iter().flatten().map(entry).collect();
    }
    let log = std::fs::read_to_string(stage.folder().join("done")).unwrap_or_default();
    let entry = |line: &str| match line.split_once(' ') {
        Some((destination, at)) => {
            let at = Timestamp::from_millisecond(at.parse()?)?;
            Ok(Entry { destination: destination.to_owned(), at })
        }
        None => failed("an odd line in the log of a peer"),
    };
    log.lines().map(entry).collect()
}

/// Starts a peer with so many jobs; cron's scripts at once, others for their time.
fn start(
    peer: Peer,
    stage: &Stage,
    arguments: &Arguments,
    jobs: usize,
    due: Timestamp,
) -> Result<Child, Failure> {
    let folder = stage.folder();
    let schedule = file::schedule_at(due);
    let mut command = match peer {
        Peer::Transferd => {
            let head = file::head(stage.agent.address(), ", poll_interval: 1s");
            stage.write(&(head + &file::due(jobs, &schedule)))?;
            stage.program(&["run"])
        }
        Peer::Cron => {
            let lines = (0..jobs).map(|job| format!("{} &\n", script(stage, job)));
            std::fs::write(folder.join("fire"), lines.collect::<String>() + "wait\n")?;
            let mut command = Command::new("sh");
            command.arg(folder.join("fire"));
            command
        }
        Peer::ApScheduler => {
            let settings = folder.join("jobs.json");
            std::fs::write(&settings, apscheduler_jobs(stage, jobs, due).to_string())?;
            let mut command = Command::new(python(arguments));
            command.arg(peers().join("apscheduler_daemon.py")).arg(settings);
            command
        }
        Peer::Cronstable => {
            let lines = (0..jobs).map(|job| {
                let script = script(stage, job);
                format!(
                    "  - name: job-{job}\n    command: {script}\n    schedule: \"{schedule} *\"\n"
                )
            });
            let text = format!("jobs:\n{}", lines.collect::<String>());
            std::fs::write(folder.join("cronstable.yaml"), text)?;
            let mut command = Command::new(cronstable(arguments));
            command.arg("-c").arg(folder.join("cronstable.yaml"));
            command
        }
        Peer::Supercronic => {
            let line = |job| format!("{schedule} * {}\n", script(stage, job));
            std::fs::write(folder.join("crontab"), (0..jobs).map(line).collect::<String>())?;
            let mut command = Command::new("supercronic");
            command.arg(folder.join("crontab"));
            command
        }
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.env("POLL", "1").env("LOG", folder.join("done")).spawn()?)
}

/// The command of the n-th job. It is ended should its agent be gone.
fn script(stage: &Stage, job: usize) -> String {
    format!(
        "timeout {} {} http://{} {} in/{job}/ {}",
        LATER.as_secs(),
        peers().join("transfer").display(),
        stage.agent.address(),
        stage.folder().join("token").display(),
        file::destination(job)
    )
}

fn apscheduler_jobs(stage: &Stage, jobs: usize, due: Timestamp) -> serde_json::Value {
    let due = due.to_zoned_datetime(TimeZone::UTC);
    let job = |job| {
        json!({
            "second": due.second(), "minute": due.minute(), "hour": due.hour(),
            "source": format!("in/{job}/"), "destination": file::destination(job),
        })
    };
    json!({
        "url": format!("http://{}", stage.agent.address()),
        "token": WorldOptions::DEFAULT_TOKEN,
        "poll": 1,
        "log": stage.folder().join("done"),
        "jobs": (0..jobs).map(job).collect::<Vec<_>>(),
    })
}

fn peers() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers"))
}

fn figures(peer: Peer, runs: &[Taken], arguments: &Arguments) -> Vec<Row> {
    let jobs = arguments.size(100, 10);
    let row = |what: &str, unit, of: &dyn Fn(&Taken) -> Option<f64>| {
        let values = runs.iter().filter_map(of).collect();
        Row::new(format!("{}: {what}", peer.name()), unit, values)
    };
    let idle = IDLE.as_secs();
    let mut rows = Vec::new();
    if peer.waits() {
        rows.push(row(&format!("memory, {jobs} jobs, idle"), "MB", &|run| run.idle_memory));
        rows.push(row(&format!("wake-ups in {idle} s, idle"), "", &|run| run.idle_wakeups));
    }
    rows.push(row("due to submitted, the last of all", "ms", &|run| run.last));
    rows.push(row("end to known, median", "ms", &|run| run.half));
    rows.push(row("end to known, p99", "ms", &|run| run.late));
    rows.push(row("memory at most", "MB", &|run| Some(run.memory)));
    rows.push(row("CPU time until all are done", "s", &|run| Some(run.cpu)));
    rows.push(row("requests to the agent", "", &|run| Some(run.requests)));
    rows
}

/// A peer under way; ended with this value.
struct Running(Child);

impl Running {
    fn end(&mut self) -> Result<(), Failure> {
        if self.0.try_wait()?.is_none() {
            terminate(&self.0)?;
            self.0.wait()?;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What fails here has ended by itself.
        let _ = self.end();
    }
}
