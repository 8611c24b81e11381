//! Many jobs due in one second: how late the last one is submitted, beside a bare client that sends
//! the same POSTs and records nothing; then what it costs to follow them all.

use std::time::Duration;

use super::figure;
use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::limits::LATER;
use crate::stage::{Daemon, Stage};
use crate::statistics::quantile;
use crate::table::Row;
use crate::{agent, clock, file, process};

/// From the daemon's being ready to the second at which its jobs are due, at least.
const AHEAD: i64 = 2;

/// Transfers that do not end while they are watched, in milliseconds.
const ENDLESS: i64 = 3_600_000;

/// What it costs to follow so many runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Following {
    /// Of one core, in percent.
    pub(super) cpu: f64,
    /// Questions for a page of the list, each second.
    pub(super) lists: f64,
    /// RSS in MB.
    pub(super) resident: f64,
    /// `transferd status`, in milliseconds.
    pub(super) status: f64,
}

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let jobs = arguments.size(1_000, 100);
    let mut bare = Vec::new();
    let (mut half, mut last, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    let (mut cpu, mut resident, mut status) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..arguments.long_runs() {
        bare.push(bare_client(jobs)?);
        let (stage, daemon, lateness) = submitted(jobs)?;
        half.extend(quantile(&lateness, 0.5));
        last.extend(quantile(&lateness, 1.0));
        let following = follow(&stage, &daemon, arguments)?;
        cpu.push(following.cpu);
        lists.push(following.lists);
        resident.push(following.resident);
        status.push(following.status);
    }
    let client = quantile(&bare, 0.5).unwrap_or_default();
    let named = |figure: &str| format!("{figure}, {jobs} jobs");
    Ok(vec![
        Row::new(named("bare client: from the first POST to the last answer"), "ms", bare),
        Row::new(named("due to submitted, the median run"), "ms", half),
        Row::new(named("due to submitted, the last run"), "ms", last).at_most(1.2 * client),
        Row::new(named("all in flight: CPU at a poll a second"), "% of a core", cpu).at_most(5.0),
        Row::new(named("all in flight: pages asked for each second"), "", lists),
        Row::new(named("all in flight: RSS"), "MB", resident),
        Row::new(named("all in flight: `status`"), "ms", status),
    ])
}

/// A stage on which so many jobs were submitted in one second; how late each was, in milliseconds.
pub(super) fn submitted(jobs: usize) -> Result<(Stage, Daemon, Vec<f64>), Failure> {
    let stage = Stage::new(&agent::options(ENDLESS, ENDLESS))?;
    // A reading of many jobs takes a while, and the second must lie ahead when it ends.
    let ahead = AHEAD + i64::try_from(jobs / 1_000)?;
    let due = file::second_ahead(clock::time_of_day(), ahead);
    let head = file::head(stage.agent.address(), ", poll_interval: 1s");
    stage.write(&(head + &file::due(jobs, &file::schedule_at(due))))?;
    let daemon = stage.start()?;
    clock::until("all jobs are submitted", LATER, || {
        // Not while they are: the agent's books are as large as what they tell.
        clock::pass(Duration::from_millis(500));
        Ok(stage.agent.posts()?.len() >= jobs)
    })?;
    let posts = stage.agent.posts()?;
    let lateness = posts.iter().map(|post| clock::milliseconds_from(due, post.at)).collect();
    Ok((stage, daemon, lateness))
}

/// What it costs to follow all runs of a stage for a while.
pub(super) fn follow(
    stage: &Stage,
    daemon: &Daemon,
    arguments: &Arguments,
) -> Result<Following, Failure> {
    let span = Duration::from_secs(arguments.size(10, 3));
    // The transfers are picked up, found, and noted as running.
    clock::pass(Duration::from_secs(3));
    let (used, began) = (process::cpu(daemon.process())?, clock::time_of_day());
    clock::pass(span);
    let used = process::cpu(daemon.process())? - used;
    let (_, lists) = stage.agent.requests_since(began)?;
    let resident = process::memory(daemon.process())?.resident;
    let mut status = Vec::new();
    for _ in 0..5 {
        status.push(clock::milliseconds(stage.command(&["status"])?.0));
    }
    Ok(Following {
        cpu: 100.0 * used.as_secs_f64() / span.as_secs_f64(),
        lists: figure(lists as u64) / span.as_secs_f64(),
        resident,
        status: quantile(&status, 0.5).unwrap_or_default(),
    })
}

/// How long a client with the same HTTP library needs for so many POSTs that are all asked at once,
/// in milliseconds.
fn bare_client(jobs: usize) -> Result<f64, Failure> {
    // One that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let stage = Stage::new(&agent::options(ENDLESS, ENDLESS))?;
    let token = transferd::sim::world::WorldOptions::DEFAULT_TOKEN;
    let url = format!("http://{}/transfer/transfer?token={token}", stage.agent.address());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let began = clock::now();
    runtime.block_on(async {
        let posts = (0..jobs).map(|job| client.post(&url).json(&body(job)).send());
        for answer in futures_util::future::join_all(posts).await {
            answer?.error_for_status()?;
        }
        Ok::<_, Failure>(())
    })?;
    Ok(clock::milliseconds(began.elapsed()))
}

/// The body that queues the n-th job's transfer.
fn body(job: usize) -> serde_json::Value {
    serde_json::json!({
        "sourceCloudAccountId": "6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11",
        "sourceBucket": "footage", "sourceBucketId": "", "sourceId": "",
        "sourcePath": format!("in/{job}/"),
        "destinationCloudAccountId": "0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22",
        "destinationBucket": "cold", "destinationBucketId": "", "destinationId": "",
        "destinationPath": file::destination(job),
        "allowSkip": true, "keepSourceTree": false,
    })
}
