//! The deterministic simulation: a thousand seeds without a violation, and proof that each
//! checker bites. `src/lib.rs` has the fault model; `examples/explore.rs` plays more
//! seeds, and prints the trace of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use transferd_simulation::{Checker, Coverage, Mutation, Plan, Report, Simulation};

/// Seeds that have shown a bug once, before the model was widened.
const NARROW_REGRESSIONS: [u64; 7] = [45, 46, 95, 236, 550, 1736, 2071];

/// Seeds that have shown a bug since, of the engine (695, 2029, 2300, 2658, 4114, 4899, 15162, 15612,
/// 19226, 28929, 30908, 32510) or of a checker.
const REGRESSIONS: [u64; 33] = [
    695, 1485, 2794, 3128, 3559, 4899, 15_162, 29_422, 36_674, 46_963, 63_702, 76_286, 97_593,
    98_397, 99_684, 63_215, 2029, 2300, 2658, 3389, 4114, 10_036, 12_605, 15_612, 19_226, 26_863,
    28_929, 40_728, 40_791, 30_908, 32_510, 47_752, 76_141,
];

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

/// A seed as it was drawn when the loop turned at each event.
fn draw_unbatched(seed: u64) -> Plan {
    let mut plan = Plan::draw(seed);
    plan.hazards.batched = 0.0;
    plan
}

/// The message about a seed that has failed.
fn complain(report: &Report, draw: impl Fn(u64) -> Plan) -> String {
    let mut plan = draw(report.seed);
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
        assert!(report.violations.is_empty(), "{}", complain(report, Plan::draw));
    }
    assert_eq!(reports.len(), 1_000);
    let mut coverage = Coverage::default();
    reports.iter().for_each(|report| coverage.add(report));
    let lines = || coverage.lines().collect::<Vec<_>>().join("\n");
    assert!(coverage.rare().is_empty(), "struck in less than 1 % of the seeds:\n{}", lines());
    let unlisted: Vec<&str> = coverage.unlisted().collect();
    assert!(unlisted.is_empty(), "struck, and are no kind of the model: {unlisted:?}");
    let mut total = Report::default();
    reports.iter().for_each(|report| total.add(report));
    for end in ["succeeded", "failed", "timed_out", "canceled", "skipped"] {
        assert!(total.ends.get(end).copied().unwrap_or(0) > 500, "few runs end {end}");
    }
}

/// More than the protocol's evidence by dates allows for.
#[test]
fn a_hundred_seeds_whose_clocks_are_set_by_hours_hold_every_promise() {
    let one = |seed| Simulation::new(Plan::draw_wild(seed)).run();
    for report in play(1..101, one, |report| !report.violations.is_empty()) {
        assert!(report.violations.is_empty(), "{}", complain(&report, Plan::draw_wild));
    }
}

#[test]
fn seeds_that_have_shown_a_bug_show_it_no_more() {
    let holds = |seed, draw: fn(u64) -> Plan| {
        let report = Simulation::new(draw(seed)).run();
        assert!(report.violations.is_empty(), "{}", complain(&report, draw));
    };
    NARROW_REGRESSIONS.into_iter().for_each(|seed| holds(seed, Plan::draw_narrow));
    REGRESSIONS.into_iter().for_each(|seed| {
        holds(seed, draw_unbatched);
        holds(seed, Plan::draw);
    });
}

/// `docs/measured.md` has the time that it takes; here it only has to hold.
#[test]
fn a_year_of_daily_jobs_meets_every_kind_of_fault_and_holds_every_promise() {
    let report = Simulation::new(Plan::year(5)).run();
    assert!(report.violations.is_empty(), "{}", complain(&report, Plan::year));
    assert!(report.ends["succeeded"] > 4_000, "{:?}", report.ends);
    let mut coverage = Coverage::default();
    coverage.add(&report);
    assert_eq!(coverage.absent(), [""; 0], "faults that never struck");
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
