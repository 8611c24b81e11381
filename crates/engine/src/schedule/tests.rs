//! Schedules in literals: texts in, messages and instants out.

mod changes;
mod meaning;
mod words;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Schedule, Timetable};

fn timetable(texts: &[&str], zone: &str) -> Timetable {
    let schedules = texts.iter().map(|text| Schedule::parse(text).unwrap()).collect();
    Timetable::new(schedules, zone, TimeZone::get(zone).unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The first occurrences after an instant, in the zone's own time with the offset.
fn firings(texts: &[&str], zone: &str, after: &str, count: usize) -> Vec<String> {
    let timetable = timetable(texts, zone);
    let first = timetable.next_after(at(after));
    std::iter::successors(first, |t| timetable.next_after(*t))
        .take(count)
        .map(|t| t.to_zoned_datetime(timetable.zone().clone()).strftime("%F %T %:z").to_string())
        .collect()
}
