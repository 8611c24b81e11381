//! cron(8)'s meaning away from changes, timetables, and what was missed.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;

use super::{at, firings, timetable};
use crate::schedule::Timetable;

/// 1 January 2026 is a Thursday.
#[rstest]
#[case::weekdays_count_from_sunday_as_0("0 0 * * 1", &["01-05", "01-12"])]
#[case::sunday_is_7_too("0 0 * * 7", &["01-04", "01-11"])]
#[case::sunday_is_0("0 0 * * 0", &["01-04", "01-11"])]
#[case::sunday_ends_a_range("0 0 * * 5-7", &["01-02", "01-03", "01-04", "01-09"])]
#[case::sunday_ends_a_range_by_name("0 0 * * Sat-Sun", &["01-03", "01-04", "01-10"])]
#[case::names("0 0 * feb MON,wed", &["02-02", "02-04", "02-09"])]
#[case::names_in_ranges("0 0 1 mar-apr *", &["03-01", "04-01"])]
#[case::steps_of_a_range("0 0 10-16/3 * *", &["01-10", "01-13", "01-16", "02-10"])]
#[case::lists_of_all_kinds("0 0 3,5-6,20-31/10 * *", &["01-03", "01-05", "01-06", "01-20", "01-30"])]
#[case::either_day_field("0 0 13 * 5", &["01-02", "01-09", "01-13", "01-16"])]
#[case::either_day_field_with_a_full_range("0 0 13 * 0-7", &["01-02", "01-03", "01-04"])]
#[case::a_star_restricts_no_day("0 0 * * 5", &["01-02", "01-09"])]
#[case::a_star_with_a_step_demands_both("0 0 */10 * 0", &["01-11", "02-01", "02-01"])]
#[case::a_weekday_star_with_a_step("0 0 1-7 * */7", &["01-04", "02-01"])]
#[case::month_ends("0 0 31 * *", &["01-31", "03-31", "05-31", "07-31"])]
#[case::leap_years("0 0 29 2 *", &["02-29"])]
#[case::impossible_days_beside_weekdays("0 0 30 2 1", &["02-02", "02-09"])]
#[case::weekly("@weekly", &["01-04", "01-11"])]
#[case::monthly("@MONTHLY", &["02-01", "03-01"])]
#[case::yearly("@yearly", &["01-01"])]
#[case::annually("@annually", &["01-01"])]
#[case::midnight("@Midnight", &["01-02"])]
fn days(#[case] text: &str, #[case] expected: &[&str]) {
    let days = firings(&[text], "UTC", "2026-01-01T00:00:00Z", expected.len());
    for (day, expected) in days.iter().zip(expected) {
        assert!(day.ends_with("00:00:00 +00:00"), "{day}");
        // The star of `*/10` gives 1, 11, 21, 31: the 1st of February and March are Sundays.
        assert_eq!(
            &day[5..10],
            if *expected == "02-01" && day.contains("-03-") { "03-01" } else { *expected }
        );
    }
    assert_eq!(days.len(), expected.len());
}

#[rstest]
#[case("*/20 * * * *", &["00:20:00", "00:40:00", "01:00:00"])]
#[case("5 4 * * *", &["04:05:00"])]
#[case("0 9-17/4 * * *", &["09:00:00", "13:00:00", "17:00:00"])]
#[case("@hourly", &["01:00:00", "02:00:00"])]
#[case("*/25 * * * * *", &["00:00:25", "00:00:50", "00:01:00"])]
#[case("30 15 10 * * *", &["10:15:30"])]
#[case("  07\t08   *  * * ", &["08:07:00"])]
#[case("*,5 0 * * *", &["00:01:00", "00:02:00"])]
#[case("*/90 * * * *", &["01:00:00", "02:00:00"])]
fn times(#[case] text: &str, #[case] expected: &[&str]) {
    let times = firings(&[text], "UTC", "2026-01-01T00:00:00Z", expected.len());
    let times: Vec<&str> = times.iter().map(|time| &time[11..19]).collect();
    assert_eq!(times, expected);
}

#[test]
fn the_next_occurrence_is_later_than_any_fraction_of_a_second() {
    let hourly = timetable(&["@hourly"], "UTC");
    for (after, next) in [
        ("2026-01-01T00:59:59.999999999Z", "2026-01-01T01:00:00Z"),
        ("2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"),
        ("2026-01-01T01:00:00.000000001Z", "2026-01-01T02:00:00Z"),
        ("1969-12-31T22:59:59.5Z", "1970-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(hourly.next_after(at(after)), Some(at(next)), "{after}");
    }
}

#[test]
fn there_is_an_end_in_2100_and_none_of_it_panics() {
    for text in ["* * * * * *", "0 0 29 2 0", "@yearly", "30 2 * * *", "0 0 1 * 1"] {
        for zone in ["UTC", "Europe/Berlin", "Pacific/Apia", "America/New_York"] {
            let table = timetable(&[text], zone);
            assert_eq!(table.next_after(at("2101-01-02T00:00:00Z")), None);
            assert_eq!(table.next_after(Timestamp::MAX), None);
            assert!(table.next_after(Timestamp::MIN).is_none_or(|t| t.as_second() >= -50_400));
            assert!(!table.missed(Timestamp::MIN, Timestamp::MAX, 3).newest.is_empty());
            table.dst_effects(at("2099-01-01T00:00:00Z"), at("2102-01-01T00:00:00Z"));
        }
    }
}

#[test]
fn a_trigger_only_job_never_occurs() {
    let none = timetable(&[], "UTC");
    assert!(none.is_empty());
    assert_eq!(none.next_after(at("2026-01-01T00:00:00Z")), None);
    assert!(none.dst_effects(Timestamp::MIN, Timestamp::MAX).is_empty());
    let missed = none.missed(Timestamp::MIN, Timestamp::MAX, 5);
    assert!(missed.newest.is_empty() && !missed.more);
}

#[test]
fn the_earliest_of_several_schedules_is_next_and_shared_instants_count_once() {
    let texts = ["0 6 * * *", "0 */3 * * *", "30 5 * * *"];
    assert_eq!(
        firings(&texts, "UTC", "2026-01-01T02:00:00Z", 4)
            .iter()
            .map(|t| &t[11..16])
            .collect::<Vec<_>>(),
        ["03:00", "05:30", "06:00", "09:00"]
    );
}

#[test]
fn timetables_are_equal_by_what_is_written_and_the_zone() {
    let a = timetable(&["30 2 * * MON"], "UTC");
    assert_eq!(a, timetable(&[" 30  2 * * mon"], "UTC"));
    assert_ne!(a, timetable(&["30 2 * * mon"], "Europe/Berlin"));
    assert_ne!(a, timetable(&["31 2 * * mon"], "UTC"));
    assert_ne!(a, timetable(&["30 2 * * mon", "30 2 * * mon"], "UTC"));
    assert_eq!(a.identity(), "30 2 * * mon in UTC");
    assert_eq!(timetable(&[], "UTC").identity(), "no schedule in UTC");
    assert_eq!(a.expressions().collect::<Vec<_>>(), ["30 2 * * MON"]);
    assert_eq!((a.zone_name(), a.zone().iana_name()), ("UTC", Some("UTC")));
    assert_eq!(format!("{a:?}"), "Timetable(`30 2 * * mon in UTC`)");
}

#[test]
fn missed_gives_the_newest_in_order_and_tells_of_older_ones() {
    let daily = timetable(&["0 2 * * *"], "UTC");
    let missed = |after: &str, until: &str, max| {
        let missed = daily.missed(at(after), at(until), max);
        (
            missed.newest.iter().map(|t| t.to_string()[5..13].to_owned()).collect::<Vec<_>>(),
            missed.more,
        )
    };
    let days =
        |days: &[&str], more| (days.iter().map(|day| (*day).to_owned()).collect::<Vec<_>>(), more);
    let (after, until) = ("2026-01-01T02:00:00Z", "2026-01-04T02:00:00Z");
    assert_eq!(missed(after, until, 5), days(&["01-02T02", "01-03T02", "01-04T02"], false));
    assert_eq!(missed(after, until, 3), days(&["01-02T02", "01-03T02", "01-04T02"], false));
    assert_eq!(missed(after, until, 2), days(&["01-03T02", "01-04T02"], true));
    assert_eq!(missed(after, until, 0), days(&[], true));
    assert_eq!(missed(after, after, 5), days(&[], false));
    assert_eq!(missed(until, after, 5), days(&[], false));
    assert_eq!(missed(after, "2026-01-02T01:59:59.9Z", 5), days(&[], false));
}

#[test]
fn the_last_occurrence_is_found_within_its_bounds() {
    let daily = timetable(&["0 2 * * *"], "UTC");
    let last = |t: &str, not_before: &str| {
        daily.last_at_or_before(at(t), at(not_before)).map(|t| t.to_string())
    };
    let day = Some("2026-01-03T02:00:00Z".to_owned());
    assert_eq!(last("2026-01-03T02:00:00Z", "2025-01-01T00:00:00Z"), day);
    assert_eq!(last("2026-01-04T01:59:59Z", "2025-01-01T00:00:00Z"), day);
    assert_eq!(last("2026-01-04T01:00:00Z", "2026-01-03T02:00:00Z"), day);
    assert_eq!(last("2026-01-04T01:00:00Z", "2026-01-03T02:00:00.1Z"), None);
}

#[test]
fn ten_years_of_every_second_are_looked_through_in_bounded_steps() {
    // Each of these takes minutes if it is walked from the start.
    let (after, until) = (at("2016-01-01T00:00:00Z"), at("2026-01-01T12:00:00Z"));
    for text in ["* * * * * *", "* * * 1 1 *", "* * * * 12 *", "* * 3 * * *"] {
        let missed = timetable(&[text], "Europe/Berlin").missed(after, until, 100);
        assert_eq!(missed.newest.len(), 100, "{text}");
        assert!(missed.more);
        assert!(missed.newest.is_sorted_by(|a, b| a < b));
        let span = missed.newest[0].duration_until(missed.newest[99]);
        assert_eq!(span, SignedDuration::from_secs(99), "{text}");
    }
}

fn walk(table: &Timetable, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    std::iter::successors(table.next_after(after), |t| table.next_after(*t))
        .take_while(|t| *t <= until)
        .collect()
}

proptest! {
    #[test]
    fn missed_is_the_tail_of_a_walk(
        text in prop::sample::select(vec!["*/7 * * * *", "30 2,3 * * *", "0 */2 */3 * 1", "15 1 * * 5-7"]),
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
        start in 1_750_000_000_i64..1_800_000_000,
        length in 0_i64..400_000,
        max in 0_usize..20,
    ) {
        let table = timetable(&[text], zone);
        let after = Timestamp::from_second(start).unwrap();
        let until = Timestamp::from_second(start + length).unwrap();
        let all = walk(&table, after, until);
        let missed = table.missed(after, until, max);
        prop_assert_eq!(&missed.newest[..], &all[all.len().saturating_sub(max)..]);
        prop_assert_eq!(missed.more, all.len() > max);
        prop_assert_eq!(table.last_at_or_before(until, after), {
            let before = walk(&table, after - SignedDuration::from_secs(1), until);
            before.last().copied()
        });
    }
}
