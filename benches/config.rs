//! How long a job file takes: ten thousand realistic jobs, read and built.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use transferd::config::{self, SourceFile, Sources, Surroundings};

/// Nine lines a job, in the manner of people: many schedules, three zones, own places.
fn realistic(jobs: usize) -> String {
    let mut text = String::from(
        "accounts:\n  a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11\n  \
         b: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22\njobs:\n",
    );
    let zones = ["Europe/Berlin", "America/New_York", "UTC"];
    for i in 0..jobs {
        let (minute, hour, zone) = (i % 60, i / 60 % 24, zones[i % 3]);
        write!(
            text,
            "  job-{i}:\n    description: The dailies of unit {i}\n    \
             schedule: \"{minute} {hour} * * *\"\n    timezone: {zone}\n    \
             source: {{account: a, bucket: footage, path: \"unit-{i}/{{-1d:%Y-%m-%d}}/\"}}\n    \
             destination: {{account: b, bucket: cold, path: \"unit-{i}/{{-1d:%Y-%m-%d}}/\"}}\n    \
             timeout: 4h\n    retry: {{max_attempts: 5, initial_delay: 1m}}\n    \
             overlap: queue\n"
        )
        .expect("a string takes all");
    }
    text
}

fn check(criterion: &mut Criterion) {
    let sources = Sources {
        root: PathBuf::from("jobs.yaml"),
        base: PathBuf::from("/"),
        files: vec![SourceFile { path: PathBuf::from("jobs.yaml"), text: realistic(10_000) }],
        zones: Vec::new(),
    };
    let surroundings = Surroundings {
        system_zone: ("UTC".to_owned(), TimeZone::UTC),
        zone_trouble: None,
        now: "2026-11-23T12:00:00Z".parse::<Timestamp>().expect("it is a time"),
    };
    let mut group = criterion.benchmark_group("config");
    group.sample_size(10);
    group.bench_function("10,000 realistic jobs", |bencher| {
        bencher.iter(|| {
            let loaded = config::parse(black_box(&sources), &surroundings);
            assert_eq!(loaded.map_or(0, |loaded| loaded.content.set.jobs.len()), 10_000);
        });
    });
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
