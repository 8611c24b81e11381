//! Plays seeds of the deterministic simulation for as long as is asked, and prints what came of
//! it: seeds, steps, simulated time, faults by kind, residues, violations.
//!
//! `cargo run --release --example explore -- --from 1 --count 100000 --seconds 600`;
//! `--trace --from SEED --count 1` prints the trace of one seed.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use transferd::clock;
use transferd::sim::harness::{Plan, Report, Simulation};

/// Violations that are printed in full; the rest is counted.
const SHOWN: usize = 400;

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
    /// Set clocks by hours
    #[arg(long)]
    wild: bool,
    /// Print traces
    #[arg(long)]
    trace: bool,
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let began = clock::since_boot();
    let total = Mutex::new((Report::default(), 0_u64));
    let seeds_with = Mutex::new(std::collections::BTreeMap::<String, u64>::new());
    let next = AtomicU64::new(args.from);
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let spent = (clock::since_boot() - began).unsigned_abs();
                    if seed >= args.from + args.count || spent > Duration::from_secs(args.seconds) {
                        return;
                    }
                    let report = play(seed, &args);
                    let mut total = total.lock().unwrap_or_else(|e| e.into_inner());
                    let mut seeds_with = seeds_with.lock().unwrap_or_else(|e| e.into_inner());
                    for kind in report.faults.keys() {
                        *seeds_with.entry(kind.clone()).or_default() += 1;
                    }
                    if args.trace {
                        let _ = std::io::stdout().write_all(report.trace.as_bytes());
                    }
                    total.0.add(&report);
                    total.1 += 1;
                }
            });
        }
    });
    let (report, seeds) = total.into_inner().unwrap_or_else(|e| e.into_inner());
    let seeds_with = seeds_with.into_inner().unwrap_or_else(|e| e.into_inner());
    let mut out = std::io::stdout();
    writeln!(out, "seeds           {seeds}")?;
    writeln!(out, "steps           {}", report.steps)?;
    writeln!(out, "simulated       {} h", report.simulated.as_hours())?;
    writeln!(out, "wall clock      {} s", (clock::since_boot() - began).as_secs())?;
    writeln!(out, "runs            {:?}", report.ends)?;
    writeln!(out, "residues        {:?}", report.residues)?;
    writeln!(out, "faults (how often, in how many seeds)")?;
    for (kind, count) in &report.faults {
        let seeds_of = seeds_with.get(kind).copied().unwrap_or(0);
        writeln!(out, "  {kind:<32} {count:>9} {seeds_of:>7}")?;
    }
    writeln!(out, "violations      {}", report.violations.len())?;
    for violation in report.violations.iter().take(SHOWN) {
        let (seed, at) = (violation.seed, violation.at);
        let (checker, daemon) = (violation.checker, violation.daemon);
        writeln!(out, "  seed {seed} {checker:?} daemon {daemon} at {at}: {}", violation.words)?;
    }
    std::process::exit(i32::from(!report.violations.is_empty()));
}

/// One seed; a panic of the engine is a finding, and its seed must be known.
fn play(seed: u64, args: &Args) -> Report {
    let mut plan = if args.wild { Plan::draw_wild(seed) } else { Plan::draw(seed) };
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
