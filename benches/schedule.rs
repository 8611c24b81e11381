//! Costs of schedules: the next occurrence (2 µs), a text that never fires (1 ms), reading, the
//! newest of ten missed years, and a year's DST warnings.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use transferd::core::schedule::{Schedule, Timetable};

const BERLIN: &str = "Europe/Berlin";

fn timetable(text: &str) -> Timetable {
    let schedule = Schedule::parse(text).expect("the bench writes good schedules");
    let zone = TimeZone::get(BERLIN).expect("the zone is known");
    Timetable::new(vec![schedule], BERLIN, zone)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("the bench writes good times")
}

fn next(c: &mut Criterion) {
    let mut group = c.benchmark_group("next_after");
    let july = at("2026-07-01T12:34:56Z");
    for (name, text, after) in [
        ("nightly", "30 2 * * *", july),
        ("every 5 minutes", "*/5 * * * *", july),
        ("either day", "30 2 13 * 5", july),
        ("leap day", "30 2 29 2 *", july),
        ("before a gap", "30 2 * * *", at("2026-03-28T12:00:00Z")),
        ("in a fold", "30 2 * * *", at("2026-10-25T01:10:00Z")),
        ("in a fold by the clock", "15 * * * *", at("2026-10-25T00:20:00Z")),
    ] {
        let timetable = timetable(text);
        group.bench_function(name, |b| b.iter(|| timetable.next_after(black_box(after))));
    }
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for text in ["30 2 * * *", "*/7 8-18 1,15 * mon-fri", "0 0 30 2 *"] {
        group.bench_function(text, |b| b.iter(|| Schedule::parse(black_box(text)).is_ok()));
    }
}

fn years(c: &mut Criterion) {
    let (from, until) = (at("2016-01-01T00:00:00Z"), at("2026-01-01T12:00:00Z"));
    for text in ["* * * * * *", "* * * 1 1 *", "30 2 * * *"] {
        let timetable = timetable(text);
        c.bench_function(&format!("missed 100 of ten years, {text}"), |b| {
            b.iter(|| timetable.missed(from, until, 100))
        });
        c.bench_function(&format!("last of ten years, {text}"), |b| {
            b.iter(|| timetable.last_at_or_before(until, from))
        });
    }
    let until = at("2017-01-01T00:00:00Z");
    for text in ["30 2 * * *", "30 5 * * *"] {
        let timetable = timetable(text);
        c.bench_function(&format!("DST effects of a year, {text}"), |b| {
            b.iter(|| timetable.dst_effects(from, until))
        });
    }
}

criterion_group!(benches, next, parse, years);
criterion_main!(benches);
