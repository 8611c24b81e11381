//! The deterministic simulation: a thousand seeds without a violation, and proof that each
//! checker bites. `src/sim/harness/mod.rs` has the fault model; `examples/explore.rs` plays more
//! seeds, and prints the trace of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use transferd::sim::harness::{Checker, Mutation, Plan, Report, Simulation};

/// Seeds that have shown a bug once.
const REGRESSIONS: [u64; 7] = [45, 46, 95, 236, 550, 1736, 2071];

/// Plays seeds on all cores, until `enough` says so.
fn play(
    seeds: std::ops::Range<u64>,
    one: impl Fn(u64) -> Report + Sync,
    enough: impl Fn(&Report) -> bool + Sync,
) -> Vec<Report> {
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut reports: Vec<Report> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut reports = Vec::new();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            return reports;
                        }
                        let report = one(seed);
                        if enough(&report) {
                            next.store(seeds.end, Ordering::Relaxed);
                        }
                        reports.push(report);
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker that ends")).collect()
    });
    reports.sort_by_key(|report| report.seed);
    reports
}

fn play_plainly(seed: u64) -> Report {
    Simulation::new(Plan::draw(seed)).run()
}

/// What to look at when a seed has failed.
fn complain(report: &Report) -> String {
    let mut plan = Plan::draw(report.seed);
    plan.trace = true;
    let trace = Simulation::new(plan).run().trace;
    let tail: Vec<&str> = trace.lines().rev().take(60).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    format!(
        "{:#?}\n{}\nthe whole trace: cargo run --example explore -- --trace --from {} --count 1",
        report.violations,
        tail.join("\n"),
        report.seed
    )
}

#[test]
fn a_thousand_seeds_hold_every_promise_and_every_fault_strikes() {
    let reports = play(1..1_001, play_plainly, |report| !report.violations.is_empty());
    for report in &reports {
        assert!(report.violations.is_empty(), "{}", complain(report));
    }
    assert_eq!(reports.len(), 1_000);
    let mut seeds_with: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in reports.iter().flat_map(|report| report.faults.keys()) {
        *seeds_with.entry(kind).or_default() += 1;
    }
    let rare: Vec<_> = FAULTS
        .iter()
        .filter(|kind| seeds_with.get(*kind).copied().unwrap_or(0) < reports.len() / 100)
        .collect();
    assert!(rare.is_empty(), "struck in less than 1 % of the seeds: {rare:?}");
    let mut total = Report::default();
    reports.iter().for_each(|report| total.add(report));
    for end in ["succeeded", "failed", "timed_out", "canceled", "skipped"] {
        assert!(total.ends.get(end).copied().unwrap_or(0) > 500, "few runs end {end}");
    }
}

/// Every kind of fault in the model.
const FAULTS: [&str; 38] = [
    "agent_created",
    "agent_disposed",
    "agent_paused",
    "agent_restart",
    "agent_stopped",
    "answer_repeated",
    "cancel_error_before",
    "cancel_ignored",
    "cancel_lost_after",
    "cancel_lost_before",
    "clock_step",
    "commit_failed",
    "crash",
    "crash_after_commit",
    "crash_before_commit",
    "created_lost",
    "disk_full",
    "foreign_elsewhere",
    "foreign_same_places",
    "foreign_same_places_same_user",
    "list_lost_before",
    "list_malformed",
    "list_stalled_before",
    "operator",
    "person_cancels",
    "person_pauses",
    "person_resumes",
    "post_error_after",
    "post_late",
    "post_lost_after",
    "post_lost_before",
    "post_problem_after",
    "post_slow",
    "post_stalled_after",
    "reload",
    "suspend",
    "token_gone",
    "transfer_vanished",
];

#[test]
fn seeds_that_have_shown_a_bug_show_it_no_more() {
    for seed in REGRESSIONS {
        let report = play_plainly(seed);
        assert!(report.violations.is_empty(), "{}", complain(&report));
    }
}

#[test]
fn a_seed_replays_exactly() {
    let play = |seed| {
        let mut plan = Plan::draw(seed);
        plan.trace = true;
        Simulation::new(plan).run()
    };
    for seed in 1..20 {
        let (first, second) = (play(seed), play(seed));
        assert!(first.trace == second.trace, "seed {seed} takes two ways");
        assert_eq!(first.steps, second.steps);
        assert!(!first.trace.is_empty());
    }
}

#[test]
fn every_deliberate_mistake_is_caught_by_the_checker_that_it_is_meant_for() {
    let mut found: BTreeMap<Checker, BTreeSet<Mutation>> = BTreeMap::new();
    for &mutation in Mutation::ALL {
        let meant = mutation.meant_for();
        let by_it = |report: &Report| report.violations.iter().any(|it| it.checker == meant);
        let one = |seed| Simulation::mutated(Plan::draw(seed), mutation).run();
        let reports = play(1..2_000, one, by_it);
        assert!(reports.iter().any(by_it), "{mutation:?} is not noticed by {meant:?}");
        found.entry(meant).or_default().insert(mutation);
    }
    for (checker, mutations) in found {
        assert!(mutations.len() >= 3, "{checker:?} has too few mutations: {mutations:?}");
    }
}
