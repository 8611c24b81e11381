//! The page where a rehearsal is too large to be played to its end, or its file too large to be
//! shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::grid::Grid;
use super::{Report, page};
use crate::cli::render::table::Screen;
use crate::config::{self, SourceFile, Sources, Surroundings};
use crate::core::engine::Host;
use crate::sim::rehearsal::{Bounds, Pace, Rehearsal, play};

/// The page of daily jobs over 30 days.
fn page_of(jobs: usize, max_active: u32, bounds: Bounds) -> String {
    let screen = Screen { width: Some(80), color: false };
    let mut text = format!(
        "accounts: {{a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11}}\n\
         agent: {{max_active: {max_active}}}\ndefaults: {{start_within: 10m}}\njobs:\n"
    );
    for i in 0..jobs {
        write!(
            text,
            "  a-job-with-a-rather-long-name-{i}:\n    schedule: '@daily'\n    timezone: UTC\n    \
             source: {{account: a, bucket: a, path: \"{i}/\"}}\n    \
             destination: {{account: a, bucket: b, path: \"{i}/\"}}\n"
        )
        .unwrap();
    }
    let sources = Sources {
        root: PathBuf::from("jobs.yaml"),
        base: PathBuf::from("/"),
        files: vec![SourceFile { path: PathBuf::from("jobs.yaml"), text }],
        zones: Vec::new(),
    };
    let from = "2027-05-01T00:00:00Z".parse().unwrap();
    let until = "2027-05-31T00:00:00Z".parse().unwrap();
    let surroundings = Surroundings {
        system_zone: ("UTC".to_owned(), TimeZone::UTC),
        zone_trouble: None,
        now: from,
    };
    let grid = Grid::new(from, until, &TimeZone::UTC, page::cells_that_fit(screen));
    let rehearsal = Rehearsal {
        set: config::parse(&sources, &surroundings).unwrap().content.set,
        host: Host { hostname: "here".to_owned(), jitter_seed: 1 },
        from,
        until,
        zone: TimeZone::UTC,
        cells: grid.starts.clone(),
        paces: BTreeMap::new(),
        otherwise: Pace::Assumed(SignedDuration::from_mins(5)),
        fail: 0.0,
        seed: 1,
        kept: None,
        bounds,
    };
    let report = Report {
        path: Path::new("jobs.yaml"),
        rehearsal: &rehearsal,
        played: &play(&rehearsal),
        grid: &grid,
        days: 30,
        history_is_bad: false,
    };
    page::page(&report, screen)
}

#[test]
fn one_that_is_cut_short_says_so_first() {
    let page = page_of(2, 8, Bounds { occurrences: 20, ..Bounds::default() });
    let head: Vec<&str> = page.lines().take(6).collect();
    assert_eq!(
        head,
        [
            "30 days, from 2027-05-01 00:00 +00:00 to 2027-05-31 00:00 +00:00",
            "2 jobs of jobs.yaml, played on a simulated agent",
            "each transfer takes 5 min for 2 jobs, assumed, as no history has it (see",
            "`--duration`)",
            "! played to 2027-05-10 00:00 +00:00 only, 9 of 30 days: more occurrences than",
            "  one rehearsal plays; fewer `--days` may fit",
        ]
    );
    let page = page_of(2, 8, Bounds { work: 100, ..Bounds::default() });
    assert!(page.contains("so many runs wait at\n  once"), "{page}");
}

#[test]
fn the_page_of_a_huge_file_is_bounded_and_no_line_too_wide() {
    let page = page_of(250, 1_000, Bounds { occurrences: 500, ..Bounds::default() });
    // A hundred jobs, with each name on a line of its own, and some lines about all of them.
    assert!(page.lines().count() < 230, "{} lines", page.lines().count());
    assert!(page.contains("and 150 jobs more"), "{page}");
    let widest = page.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?}");
    assert!(page.contains("\na-job-with-a-rather-long-name-100\n"), "{page}");
}

#[test]
fn what_many_suffer_does_not_hide_what_they_suffer_from() {
    let page = page_of(20, 1, Bounds::default());
    let lines = |what: &str| page.lines().filter(|line| line.contains(what)).count();
    assert_eq!(lines("is given up"), 5, "{page}");
    assert_eq!(lines("  and 15 findings more of these kinds"), 1, "{page}");
    assert_eq!(lines("not all fit under `max_active: 1`"), 1, "{page}");
}
