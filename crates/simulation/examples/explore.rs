//! Plays seeds of the deterministic simulation for as long as is asked, and prints the result:
//! seeds, steps, simulated time, faults by kind, residues, violations. Fails if there is a
//! violation, or if some kind of fault struck in less than 1 % of the seeds.
//!
//! `cargo run --release --example explore -- --from 1 --count 100000 --seconds 600`;
//! `--trace --from SEED --count 1` prints the trace of one seed; `--year --count 1` plays a year
//! of twenty daily jobs with all faults on, which is to take a second at most.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use jiff::SignedDuration;
use transferd_clock as clock;
use transferd_simulation::{Coverage, Plan, Report, Simulation};

/// Violations that are printed in full; the others are counted.
const SHOWN: usize = 400;

/// With fewer seeds than this it means nothing if a kind of fault is missing.
const ENOUGH_SEEDS: u64 = 1_000;

/// The combined results of the seeds.
#[derive(Default)]
struct Total {
    report: Report,
    coverage: Coverage,
    seeds: u64,
}

#[derive(Parser)]
struct Args {
    /// First seed
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    count: u64,
    /// Stop after so many seconds
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Set clocks by hours, at the daemon and at the agent
    #[arg(long)]
    wild: bool,
    /// A year of twenty daily jobs for each seed, rather than some hours of whatever it draws
    #[arg(long, conflicts_with = "wild")]
    year: bool,
    /// Print traces
    #[arg(long)]
    trace: bool,
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let began = clock::since_boot();
    let total = Mutex::new(Total::default());
    let next = AtomicU64::new(args.from);
    let play_all = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let spent = (clock::since_boot() - began).unsigned_abs();
            if seed >= args.from + args.count || spent > Duration::from_secs(args.seconds) {
                return;
            }
            let report = play(seed, &args);
            let mut total = total.lock().unwrap_or_else(|e| e.into_inner());
            if args.trace {
                let _ = std::io::stdout().write_all(report.trace.as_bytes());
            }
            total.report.add(&report);
            total.coverage.add(&report);
            total.seeds += 1;
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..args.threads {
            scope.spawn(play_all);
        }
        play_all();
    });
    let total = total.into_inner().unwrap_or_else(|e| e.into_inner());
    let good = print(&total, clock::since_boot() - began)?;
    std::process::exit(i32::from(!good));
}

/// Prints the results. False if they are not as they should be.
fn print(total: &Total, took: SignedDuration) -> std::io::Result<bool> {
    let Total { report, coverage, seeds } = total;
    let mut out = std::io::stdout();
    writeln!(out, "seeds           {seeds}")?;
    writeln!(out, "steps           {}", report.steps)?;
    writeln!(out, "simulated       {} h", report.simulated.as_hours())?;
    writeln!(out, "wall clock      {:.2} s", took.as_secs_f64())?;
    writeln!(out, "runs            {:?}", report.ends)?;
    writeln!(out, "residues        {:?}", report.residues)?;
    writeln!(out, "faults (how often, in how many seeds, in what share of them)")?;
    for line in coverage.lines() {
        writeln!(out, "{line}")?;
    }
    let unlisted: Vec<&str> = coverage.unlisted().collect();
    if !unlisted.is_empty() {
        writeln!(out, "faults that the list of kinds lacks: {unlisted:?}")?;
    }
    let absent = coverage.absent();
    if !absent.is_empty() {
        writeln!(out, "faults that never struck: {absent:?}")?;
    }
    let rare = if *seeds < ENOUGH_SEEDS { Vec::new() } else { coverage.rare() };
    if !rare.is_empty() {
        writeln!(out, "faults in less than 1 % of the seeds: {rare:?}")?;
    }
    writeln!(out, "violations      {}", report.violations.len())?;
    for violation in report.violations.iter().take(SHOWN) {
        let (seed, at) = (violation.seed, violation.at);
        let (checker, daemon) = (violation.checker, violation.daemon);
        writeln!(out, "  seed {seed} {checker:?} daemon {daemon} at {at}: {}", violation.words)?;
    }
    Ok(report.violations.is_empty() && rare.is_empty() && unlisted.is_empty())
}

/// Plays one seed; a panic of the engine is a finding, and its seed must be known.
fn play(seed: u64, args: &Args) -> Report {
    let mut plan = match (args.wild, args.year) {
        (true, _) => Plan::draw_wild(seed),
        (false, true) => Plan::year(seed),
        (false, false) => Plan::draw(seed),
    };
    plan.trace = args.trace;
    let played = std::panic::catch_unwind(|| Simulation::new(plan).run());
    match played {
        Ok(report) => report,
        Err(panic) => {
            let _ = writeln!(std::io::stderr(), "seed {seed} panicked");
            std::panic::resume_unwind(panic)
        }
    }
}
