//! How long a rehearsal takes: a month of a hundred jobs as people have them, nightly, hourly and
//! weekly, and a month of a hundred that all want to run every quarter of an hour.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use transferd::config::{self, SourceFile, Sources, Surroundings};
use transferd::core::engine::Host;
use transferd::core::job::JobSet;
use transferd::sim::rehearsal::{Bounds, Pace, Rehearsal, play};

const DAYS: i64 = 30;

/// A hundred jobs to places of their own, in three zones.
fn hundred(schedule: impl Fn(usize) -> String) -> Arc<JobSet> {
    let mut text = String::from(
        "accounts:\n  a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11\n  \
         b: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22\njobs:\n",
    );
    let zones = ["Europe/Berlin", "America/New_York", "UTC"];
    for i in 0..100 {
        let (schedule, zone) = (schedule(i), zones[i % 3]);
        write!(
            text,
            "  job-{i}:\n    schedule: \"{schedule}\"\n    timezone: {zone}\n    \
             source: {{account: a, bucket: footage, path: \"unit-{i}/{{-1d:%Y-%m-%d}}/\"}}\n    \
             destination: {{account: b, bucket: cold, path: \"unit-{i}/{{-1d:%Y-%m-%d}}/\"}}\n"
        )
        .expect("a string takes all");
    }
    let sources = Sources {
        root: PathBuf::from("jobs.yaml"),
        base: PathBuf::from("/"),
        files: vec![SourceFile { path: PathBuf::from("jobs.yaml"), text }],
        zones: Vec::new(),
    };
    let surroundings = Surroundings {
        system_zone: ("UTC".to_owned(), TimeZone::UTC),
        zone_trouble: None,
        now: start(),
    };
    config::parse(&sources, &surroundings).expect("the file is good").content.set
}

fn start() -> Timestamp {
    "2027-03-01T00:00:00Z".parse().expect("it is a time")
}

fn month(set: Arc<JobSet>, minutes: i64) -> Rehearsal {
    let day = SignedDuration::from_hours(24);
    let start = start();
    Rehearsal {
        set,
        host: Host { hostname: "here".to_owned(), jitter_seed: 1 },
        from: start,
        until: start + day * i32::try_from(DAYS).expect("a month"),
        zone: TimeZone::UTC,
        cells: (0..30).map(|number| start + day * number).collect(),
        paces: BTreeMap::new(),
        otherwise: Pace::Given(SignedDuration::from_mins(minutes)),
        fail: 0.05,
        seed: 1,
        kept: None,
        bounds: Bounds::default(),
    }
}

fn rehearse(criterion: &mut Criterion) {
    let usual = |i: usize| match i % 10 {
        0 => format!("{} * * * *", i % 60),
        1 => format!("{} {} * * Mon", i % 60, i % 24),
        _ => format!("{} {} * * *", i % 60, i % 6),
    };
    let usual = month(hundred(usual), 20);
    let busy = month(hundred(|_| "*/15 * * * *".to_owned()), 1);
    let crammed = month(hundred(|_| "*/15 * * * *".to_owned()), 5);
    let mut group = criterion.benchmark_group("rehearse");
    group.sample_size(10);
    for (name, rehearsal) in [
        ("a month of 100 jobs", usual),
        ("a month of 100 jobs, each every quarter of an hour", busy),
        ("the same, of which a third finds a slot", crammed),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let played = play(&rehearsal);
                assert_eq!(played.cut, None);
                assert!(played.load.in_flight.count > 0);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, rehearse);
criterion_main!(benches);
