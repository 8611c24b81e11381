//! How cost grows with the jobs in the file, and with the runs in flight; drawn where asked for.

use super::burst::{Following, follow, submitted};
use super::figure;
use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::limits::SETTLE;
use crate::plots::{Curve, Plot};
use crate::stage::Stage;
use crate::statistics::quantile;
use crate::table::Row;
use crate::{agent, clock, file};

/// Transfers that do not end while they are watched, in milliseconds.
const ENDLESS: i64 = 3_600_000;

/// What was found at one size.
struct Point {
    size: f64,
    following: Following,
    /// The lateness of the last submit, in milliseconds.
    last: Option<f64>,
}

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let sizes = arguments.size(&[10, 100, 1_000, 10_000][..], &[10, 100]);
    let over_jobs = sizes.iter().map(|jobs| with_jobs(*jobs, arguments));
    let over_jobs: Vec<Point> = over_jobs.collect::<Result<_, _>>()?;
    let sizes = arguments.size(&[1, 10, 100, 1_000][..], &[1, 10]);
    let in_flight = sizes.iter().map(|runs| with_in_flight(*runs, arguments));
    let in_flight: Vec<Point> = in_flight.collect::<Result<_, _>>()?;
    if let Some(folder) = &arguments.plots {
        std::fs::create_dir_all(folder)?;
        let jobs = plot("jobs in the file, one of them in flight", &over_jobs);
        std::fs::write(folder.join("jobs.svg"), jobs.to_string())?;
        let runs = plot("runs in flight, all due in the same second", &in_flight);
        std::fs::write(folder.join("in-flight.svg"), runs.to_string())?;
    }
    let mut rows = Vec::new();
    for (of, points) in [("jobs, 1 in flight", over_jobs), ("in flight", in_flight)] {
        for point in points {
            let named = |what: &str| format!("{what}, {} {of}", point.size);
            let Following { cpu, resident, status, .. } = point.following;
            rows.push(Row::new(named("RSS"), "MB", vec![resident]));
            rows.push(Row::new(named("CPU at a poll a second"), "% of a core", vec![cpu]));
            rows.push(Row::new(named("`status`"), "ms", vec![status]));
            if let Some(last) = point.last {
                rows.push(Row::new(named("last submit after due"), "ms", vec![last]));
            }
        }
    }
    Ok(rows)
}

/// So many nightly jobs, the first of which is in flight.
fn with_jobs(jobs: usize, arguments: &Arguments) -> Result<Point, Failure> {
    let stage = Stage::new(&agent::options(ENDLESS, ENDLESS))?;
    let head = file::head(stage.agent.address(), ", poll_interval: 1s");
    stage.write(&(head + &file::nightly(jobs, 0)))?;
    let daemon = stage.start()?;
    clock::pass(SETTLE);
    stage.command(&["trigger", &file::name(0)])?;
    let following = follow(&stage, &daemon, arguments)?;
    Ok(Point { size: figure(jobs as u64), following, last: None })
}

/// So many jobs, all in flight.
fn with_in_flight(runs: usize, arguments: &Arguments) -> Result<Point, Failure> {
    let (stage, daemon, lateness) = submitted(runs)?;
    let following = follow(&stage, &daemon, arguments)?;
    Ok(Point { size: figure(runs as u64), following, last: quantile(&lateness, 1.0) })
}

fn plot(over: &'static str, points: &[Point]) -> Plot {
    let curve = |title, of: &dyn Fn(&Point) -> Option<f64>| {
        let points = points.iter().filter_map(|point| Some((point.size, of(point)?)));
        Curve { title, points: points.collect() }
    };
    let curves = vec![
        curve("RSS, MB", &|point| Some(point.following.resident)),
        curve("CPU at a poll a second, % of a core", &|point| Some(point.following.cpu)),
        curve("`transferd status`, ms", &|point| Some(point.following.status)),
        curve("last submit after due, ms", &|point| point.last),
    ];
    Plot { over, curves: curves.into_iter().filter(|curve| !curve.points.is_empty()).collect() }
}
