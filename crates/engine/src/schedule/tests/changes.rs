//! Instants around changes of zones, checked by hand against each zone's law.

use rstest::rstest;

use super::{at, firings, timetable};
use crate::schedule::DstEffectKind;

/// Berlin 2026: 29 March 02:00 becomes 03:00, 25 October 03:00 becomes 02:00.
#[rstest]
#[case::removed_fires_behind_the_gap("30 2 * * *", "2026-03-28T12:00:00Z", &[
    "2026-03-29 03:00:00 +02:00", "2026-03-30 02:30:00 +02:00"])]
#[case::all_removed_fire_once("0,15,30,59 2 * * *", "2026-03-28T12:00:00Z", &[
    "2026-03-29 03:00:00 +02:00", "2026-03-30 02:00:00 +02:00"])]
#[case::not_again_if_named_too("0 2,3 * * *", "2026-03-28T12:00:00Z", &[
    "2026-03-29 03:00:00 +02:00", "2026-03-30 02:00:00 +02:00", "2026-03-30 03:00:00 +02:00"])]
#[case::later_ones_fire_as_named("30 2,3 * * *", "2026-03-28T12:00:00Z", &[
    "2026-03-29 03:00:00 +02:00", "2026-03-29 03:30:00 +02:00", "2026-03-30 02:30:00 +02:00"])]
#[case::asked_at_the_end_of_the_gap("30 2 * * *", "2026-03-29T01:00:00Z", &[
    "2026-03-30 02:30:00 +02:00"])]
#[case::asked_a_moment_before("30 2 * * *", "2026-03-29T00:59:59.999Z", &[
    "2026-03-29 03:00:00 +02:00"])]
#[case::only_that_sunday("30 2 29 3 *", "2026-01-01T00:00:00Z", &[
    "2026-03-29 03:00:00 +02:00", "2027-03-29 02:30:00 +02:00"])]
#[case::repeated_fires_the_first_time("30 2 * * *", "2026-10-24T12:00:00Z", &[
    "2026-10-25 02:30:00 +02:00", "2026-10-26 02:30:00 +01:00"])]
#[case::asked_between_both_times("30 2 * * *", "2026-10-25T00:30:00Z", &[
    "2026-10-26 02:30:00 +01:00"])]
#[case::asked_in_the_second_pass("*/15 2 * * *", "2026-10-25T01:10:00Z", &[
    "2026-10-26 02:00:00 +01:00"])]
#[case::lists_in_the_fold("*/15 2 * * *", "2026-10-25T00:20:00Z", &[
    "2026-10-25 02:30:00 +02:00", "2026-10-25 02:45:00 +02:00", "2026-10-26 02:00:00 +01:00"])]
#[case::behind_the_fold("0 3 * * *", "2026-10-25T00:00:00Z", &["2026-10-25 03:00:00 +01:00"])]
#[case::every_second_of_a_fixed_hour("* * 2 * * *", "2026-10-25T00:59:58Z", &[
    "2026-10-25 02:59:59 +02:00", "2026-10-26 02:00:00 +01:00"])]
#[case::seconds_removed("59 59 2 * * *", "2026-03-28T12:00:00Z", &[
    "2026-03-29 03:00:00 +02:00", "2026-03-30 02:59:59 +02:00"])]
#[case::clock_skips_the_gap("30 * * * *", "2026-03-28T23:30:00Z", &[
    "2026-03-29 01:30:00 +01:00", "2026-03-29 03:30:00 +02:00"])]
#[case::clock_shows_the_fold_twice("30 * * * *", "2026-10-24T23:30:00Z", &[
    "2026-10-25 02:30:00 +02:00", "2026-10-25 02:30:00 +01:00", "2026-10-25 03:30:00 +01:00"])]
#[case::clock_with_a_step("15 */2 * * *", "2026-03-28T22:30:00Z", &[
    "2026-03-29 00:15:00 +01:00", "2026-03-29 04:15:00 +02:00"])]
#[case::clock_with_a_step_in_the_fold("15 */2 * * *", "2026-10-24T22:30:00Z", &[
    "2026-10-25 02:15:00 +02:00", "2026-10-25 02:15:00 +01:00", "2026-10-25 04:15:00 +01:00"])]
#[case::clock_past_its_minute_in_the_first_pass("15 * * * *", "2026-10-25T00:20:00Z", &[
    "2026-10-25 02:15:00 +01:00", "2026-10-25 03:15:00 +01:00"])]
#[case::clock_by_seconds("*/30 * * * * *", "2026-10-25T00:59:29Z", &[
    "2026-10-25 02:59:30 +02:00", "2026-10-25 02:00:00 +01:00", "2026-10-25 02:00:30 +01:00"])]
#[case::clock_by_seconds_over_the_gap("*/30 * * * * *", "2026-03-29T00:59:29Z", &[
    "2026-03-29 01:59:30 +01:00", "2026-03-29 03:00:00 +02:00", "2026-03-29 03:00:30 +02:00"])]
#[case::full_range_of_hours_is_fixed("0 0-23 * * *", "2026-10-25T00:00:00Z", &[
    "2026-10-25 03:00:00 +01:00"])]
#[case::daily_macro("@daily", "2026-03-28T12:00:00Z", &[
    "2026-03-29 00:00:00 +01:00", "2026-03-30 00:00:00 +02:00"])]
fn berlin(#[case] text: &str, #[case] after: &str, #[case] expected: &[&str]) {
    assert_eq!(firings(&[text], "Europe/Berlin", after, expected.len()), expected);
}

/// Each zone's own oddity.
#[rstest]
#[case::new_york_gap("America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z", &[
    "2026-03-08 03:00:00 -04:00", "2026-03-09 02:30:00 -04:00"])]
#[case::new_york_fold("America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", &[
    "2026-11-01 01:30:00 -04:00", "2026-11-02 01:30:00 -05:00"])]
#[case::new_york_clock("America/New_York", "0 * * * *", "2026-11-01T04:30:00Z", &[
    "2026-11-01 01:00:00 -04:00", "2026-11-01 01:00:00 -05:00", "2026-11-01 02:00:00 -05:00"])]
#[case::half_hour_gap("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", &[
    "2026-10-04 02:30:00 +11:00", "2026-10-05 02:15:00 +11:00"])]
#[case::behind_the_half_hour("Australia/Lord_Howe", "30,45 2 * * *", "2026-10-03T00:00:00Z", &[
    "2026-10-04 02:30:00 +11:00", "2026-10-04 02:45:00 +11:00"])]
#[case::half_hour_fold("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", &[
    "2026-04-05 01:45:00 +11:00", "2026-04-06 01:45:00 +10:30"])]
#[case::half_hour_fold_on_the_clock("Australia/Lord_Howe", "45 * * * *", "2026-04-04T14:00:00Z", &[
    "2026-04-05 01:45:00 +11:00", "2026-04-05 01:45:00 +10:30", "2026-04-05 02:45:00 +10:30"])]
#[case::before_the_half_hour_fold("Australia/Lord_Howe", "15 * * * *", "2026-04-04T14:00:00Z", &[
    "2026-04-05 01:15:00 +11:00", "2026-04-05 02:15:00 +10:30"])]
#[case::gap_at_midnight("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z", &[
    "2018-11-04 01:00:00 -02:00", "2018-11-05 00:00:00 -02:00"])]
#[case::gap_at_midnight_on_the_clock("America/Sao_Paulo", "0 * * * *", "2018-11-04T02:30:00Z", &[
    "2018-11-04 01:00:00 -02:00", "2018-11-04 02:00:00 -02:00"])]
#[case::fold_before_midnight("America/Sao_Paulo", "30 23 * * *", "2018-02-17T12:00:00Z", &[
    "2018-02-17 23:30:00 -02:00", "2018-02-18 23:30:00 -03:00"])]
#[case::midnight_comes_once("America/Sao_Paulo", "@daily", "2018-02-17T12:00:00Z", &[
    "2018-02-18 00:00:00 -03:00", "2018-02-19 00:00:00 -03:00"])]
#[case::a_day_that_was_skipped("Pacific/Apia", "0 2 * * *", "2011-12-29T20:00:00Z", &[
    "2011-12-31 00:00:00 +14:00", "2011-12-31 02:00:00 +14:00"])]
#[case::a_skipped_day_by_its_date("Pacific/Apia", "0 2 30 12 *", "2011-01-01T00:00:00Z", &[
    "2011-12-31 00:00:00 +14:00", "2012-12-30 02:00:00 +14:00"])]
#[case::a_skipped_day_on_the_clock("Pacific/Apia", "0 * 30 * *", "2011-12-01T12:00:00Z", &[
    "2012-01-30 00:00:00 +14:00"])]
#[case::offsets_of_45_minutes("Pacific/Chatham", "0 3 * * *", "2026-09-26T00:00:00Z", &[
    "2026-09-27 03:45:00 +13:45", "2026-09-28 03:00:00 +13:45"])]
#[case::kathmandu("Asia/Kathmandu", "0 0 1 1 *", "2026-06-01T00:00:00Z", &[
    "2027-01-01 00:00:00 +05:45"])]
#[case::utc("UTC", "30 2 * * *", "2026-03-28T12:00:00Z", &[
    "2026-03-29 02:30:00 +00:00", "2026-03-30 02:30:00 +00:00"])]
#[case::dublin_where_winter_is_the_exception("Europe/Dublin", "30 1 * * *", "2026-03-28T12:00:00Z", &[
    "2026-03-29 02:00:00 +01:00", "2026-03-30 01:30:00 +01:00"])]
#[case::a_zone_that_left_its_offset_for_good("Europe/Istanbul", "30 3 27 3 *", "2016-01-01T00:00:00Z", &[
    "2016-03-27 04:00:00 +03:00", "2017-03-27 03:30:00 +03:00"])]
fn elsewhere(
    #[case] zone: &str,
    #[case] text: &str,
    #[case] after: &str,
    #[case] expected: &[&str],
) {
    assert_eq!(firings(&[text], zone, after, expected.len()), expected);
}

#[test]
fn schedules_of_one_job_that_a_gap_removes_fire_once_together() {
    let texts = ["15 2 * * *", "45 2 * * *", "0 3 29 3 *"];
    assert_eq!(
        firings(&texts, "Europe/Berlin", "2026-03-28T12:00:00Z", 3),
        ["2026-03-29 03:00:00 +02:00", "2026-03-30 02:15:00 +02:00", "2026-03-30 02:45:00 +02:00"]
    );
}

#[test]
fn effects_name_what_a_year_removes_and_repeats() {
    let effects = timetable(&["0,30 2 * * *", "30 12 * * *", "*/5 * * * *"], "Europe/Berlin")
        .dst_effects(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let told: Vec<_> = effects
        .iter()
        .map(|e| (e.at.to_string(), e.kind, e.wall.to_string(), e.fires_at.to_string()))
        .collect();
    let row = |at: &str, kind, wall: &str, fires_at: &str| {
        (at.to_owned(), kind, wall.to_owned(), fires_at.to_owned())
    };
    let (spring, autumn) = ("2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z");
    assert_eq!(
        told,
        [
            row(spring, DstEffectKind::Removed, "2026-03-29T02:00:00", spring),
            row(spring, DstEffectKind::Removed, "2026-03-29T02:30:00", spring),
            row(autumn, DstEffectKind::Repeated, "2026-10-25T02:00:00", "2026-10-25T00:00:00Z"),
            row(autumn, DstEffectKind::Repeated, "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
        ]
    );
}

#[test]
fn effects_are_few_and_only_of_the_period_and_of_fixed_times() {
    let year = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let effects = |text: &str, zone: &str| timetable(&[text], zone).dst_effects(year.0, year.1);
    assert_eq!(effects("* 2 * * *", "Europe/Berlin").len(), 6);
    assert!(effects("30 * * * *", "Europe/Berlin").is_empty());
    assert!(effects("30 2 * * *", "UTC").is_empty());
    assert!(effects("30 4 * * *", "Europe/Berlin").is_empty());
    assert!(effects("30 2 * * 1", "Europe/Berlin").is_empty());
    let spring = at("2026-03-29T01:00:00Z");
    let berlin = timetable(&["30 2 * * *"], "Europe/Berlin");
    assert_eq!(berlin.dst_effects(year.0, spring).len(), 1);
    assert!(berlin.dst_effects(spring, at("2026-10-01T00:00:00Z")).is_empty());
    let apia = timetable(&["0 2 * * *"], "Pacific/Apia");
    let effects = apia.dst_effects(at("2011-12-01T00:00:00Z"), at("2012-01-01T00:00:00Z"));
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].wall.to_string(), "2011-12-30T02:00:00");
}
