//! Messages about bad and odd texts, and the places they point to.

use proptest::prelude::*;
use rstest::rstest;

use crate::schedule::Schedule;

/// The blamed text, the message and the hint.
#[rstest]
#[case(
    "5/15 * * * *",
    "5/15",
    "`5/15` in the minute field: a step needs a range or `*` before it",
    "write `5-59/15`"
)]
#[case(
    "0/15 * * * *",
    "0/15",
    "`0/15` in the minute field: a step needs a range or `*` before it",
    "write `*/15`"
)]
#[case(
    "/5 * * * *",
    "/5",
    "`/5` in the minute field: a step needs a range or `*` before it",
    "write `*/5`"
)]
#[case(
    "0 0 * * Fri-Mon",
    "Fri-Mon",
    "the range `Fri-Mon` in the day-of-week field runs backwards",
    "ranges do not wrap around; write `Fri-Sun,Mon`"
)]
#[case(
    "0 0 * * 5-1",
    "5-1",
    "the range `5-1` in the day-of-week field runs backwards",
    "ranges do not wrap around; write `5-7,1`"
)]
#[case(
    "0 22-5 * * *",
    "22-5",
    "the range `22-5` in the hour field runs backwards",
    "ranges do not wrap around; write `22-23,0-5`"
)]
#[case(
    "0 22-5/2 * * *",
    "22-5/2",
    "the range `22-5` in the hour field runs backwards",
    "ranges do not wrap around; write `22,0,2,4`"
)]
#[case(
    "0 0 1 nov-feb *",
    "nov-feb",
    "the range `nov-feb` in the month field runs backwards",
    "ranges do not wrap around; write `nov-dec,jan-feb`"
)]
#[case(
    "0 0 L * *",
    "L",
    "`L` (the last day) is not supported, in `L` of the day-of-month field",
    "cron(8) has no such day: run on the day after it, `1`, and write `{-1d:%Y-%m-%d}` in paths for the date of the day before"
)]
#[case(
    "0 0 * * 5L",
    "5L",
    "`L` (the last day) is not supported, in `5L` of the day-of-week field",
    "cron(8) has no such day: write `5` for every week"
)]
#[case(
    "0 0 15W * *",
    "15W",
    "`W` (the nearest weekday) is not supported, in `15W` of the day-of-month field",
    "cron(8) has no such day: write `15`, or `1-5` in the day-of-week field"
)]
#[case(
    "0 0 * * 5#2",
    "5#2",
    "`#` (the nth weekday of the month) is not supported, in `5#2` of the day-of-week field",
    "cron(8) has no such day: write `5` for every week, or list days of the month"
)]
#[case(
    "0 0 ? * *",
    "?",
    "`?` (no value) is not supported, in `?` of the day-of-month field",
    "write `*`"
)]
#[case(
    "H/15 * * * *",
    "H/15",
    "`H` (hashed) is not supported, in `H/15` of the minute field",
    "write a number, and set `jitter` to spread jobs out"
)]
#[case(
    "0~30 * * * *",
    "0~30",
    "`~` (a random value) is not supported, in `0~30` of the minute field",
    "write a number, and set `jitter` to spread jobs out"
)]
#[case(
    "0 2 * * Mon..Fri",
    "Mon..Fri",
    "`..` is not supported, in `Mon..Fri` of the day-of-week field",
    "write `Mon-Fri`"
)]
#[case(
    "@reboot",
    "@reboot",
    "`@reboot` is not supported: it names no time",
    "leave `schedule` out, and run `transferd trigger JOB` from a unit that starts at boot"
)]
#[case(
    "@every 5m",
    "@every 5m",
    "`@every` is not supported",
    "write fields: `*/5 * * * *` is every five minutes, `0 */2 * * *` every two hours"
)]
#[case(
    "@weekdays",
    "@weekdays",
    "`@weekdays` is not a schedule",
    "write fields: `0 0 * * mon-fri` is midnight of these days"
)]
#[case("@dayly", "@dayly", "`@dayly` is not a schedule", "did you mean `@daily`?")]
#[case(
    "@daily 5 * * * *",
    "@daily 5 * * * *",
    "`@daily` stands alone, without fields",
    "write `@daily`"
)]
#[case("weekly", "weekly", "`weekly` is not a schedule", "did you mean `@weekly`?")]
#[case(
    "0 2 * *",
    "0 2 * *",
    "expected 5 fields, or 6 with seconds first, found 4",
    "the fields are `minute hour day-of-month month day-of-week`: `30 2 * * *` is every day at 02:30"
)]
#[case(
    " 0 0 2 * * * 2026",
    "2026",
    "expected 5 fields, or 6 with seconds first, found 7: a field for years is not supported",
    "leave the last field out"
)]
#[case(
    "0 2 * * * root rsync -a",
    "root rsync -a",
    "crontabs of the system name a user and a command here",
    "leave them out: a job transfers from its `source` to its `destination`"
)]
#[case(
    "0 2 * * * 5 6 *7",
    "5 6 *7",
    "expected 5 fields, or 6 with seconds first, found 8",
    "the fields are `minute hour day-of-month month day-of-week`; several schedules make a list"
)]
#[case(
    "“0 2 * * *”",
    "“",
    "`“` is a typographic quote, which YAML does not know",
    "write plain ones: `schedule: \"30 2 * * *\"`"
)]
#[case(
    "TZ=UTC 0 2 * * *",
    "TZ=UTC",
    "`TZ=UTC` is not part of a schedule",
    "leave it out, and write `timezone: UTC` beside the schedule"
)]
#[case(
    "60 * * * *",
    "60",
    "`60` is out of range for the minute field: expected 0 to 59",
    "`0` is the full hour, `*` is every minute"
)]
#[case(
    "0 24 * * *",
    "24",
    "`24` is out of range for the hour field: expected 0 to 23",
    "midnight is hour `0`"
)]
#[case(
    "0 0 0 * *",
    "0",
    "`0` is out of range for the day-of-month field: expected 1 to 31",
    "the first day of a month is `1`"
)]
#[case(
    "60 0 2 * * *",
    "60",
    "`60` is out of range for the second field: expected 0 to 59",
    "`0` is the full minute, `*` is every second"
)]
#[case(
    "0 0 1 13 *",
    "13",
    "`13` is out of range for the month field: expected 1 to 12",
    "January is `1`, December is `12`"
)]
#[case(
    "0 0 * * 8",
    "8",
    "`8` is out of range for the day-of-week field: expected 0 to 7",
    "Sunday is `0` or `7`"
)]
#[case(
    "0 2 * * 2026",
    "2026",
    "`2026` is out of range for the day-of-week field: expected 0 to 7",
    "a schedule has no field for years: leave it out"
)]
#[case(
    "0 0 * * monday",
    "monday",
    "`monday` is not a value of the day-of-week field",
    "did you mean `mon`?"
)]
#[case("0 0 1 Sept *", "Sept", "`Sept` is not a value of the month field", "did you mean `sep`?")]
#[case(
    "0 0 mon * *",
    "mon",
    "`mon` is not a value of the day-of-month field",
    "`mon` belongs in the day-of-week field"
)]
#[case(
    "x * * * *",
    "x",
    "`x` is not a value of the minute field",
    "expected a number from 0 to 59"
)]
#[case(
    "0 0 * * xyz",
    "xyz",
    "`xyz` is not a value of the day-of-week field",
    "expected 0 to 7, or `sun` to `sat`"
)]
#[case("*/0 * * * *", "0", "a step in the minute field is 0", "a step is at least 1")]
#[case(
    "*/x * * * *",
    "x",
    "the step `x` in the minute field is not a number",
    "a step is a number, as in `*/15`"
)]
#[case(
    "*/9999 * * * *",
    "9999",
    "the step `9999` in the minute field is out of range",
    "the field has 60 values"
)]
#[case(
    "1,,2 * * * *",
    "1,,2",
    "a list in the minute field has an empty entry",
    "remove the extra comma"
)]
#[case(
    "1- * * * *",
    "1-",
    "the range `1-` in the minute field lacks an end",
    "a range has two ends, as in `1-5`"
)]
#[case(
    "0 0 30 2 *",
    "30 2",
    "never fires: there is no day 30 in February",
    "February has 29 days in leap years, else 28"
)]
#[case(
    "0 0 31 4,jun *",
    "31 4,jun",
    "never fires: there is no day 31 in April or June",
    "April has 30 days, June has 30 days"
)]
#[case(
    "0 0 31 2 */2",
    "31 2",
    "never fires: there is no day 31 in February",
    "February has 29 days in leap years, else 28"
)]
#[case(
    "",
    "",
    "the schedule is empty",
    "leave `schedule` out for a job that only runs when it is triggered"
)]
#[case(
    "0 2 * * *\n0 3 * * *",
    "\n",
    "a schedule is one line",
    "several schedules make a list: `schedule: [\"0 2 * * *\", \"0 14 * * *\"]`"
)]
#[case(
    "0 2 * * *\u{a0}",
    "\u{a0}",
    "the character U+00A0 has no place in a schedule",
    "a schedule is made of digits, names and `*`, `,`, `-`, `/`, with blanks between"
)]
#[case(
    "∗/5 * * * *",
    "∗",
    "`∗` has no place in a schedule",
    "a schedule is made of digits, names and `*`, `,`, `-`, `/`, with blanks between"
)]
fn bad_texts(#[case] text: &str, #[case] blamed: &str, #[case] message: &str, #[case] hint: &str) {
    let error = Schedule::parse(text).unwrap_err().swap_remove(0);
    assert_eq!(
        (&text[error.span], error.message.as_str(), error.hint.as_deref()),
        (blamed, message, Some(hint))
    );
}

#[rstest]
#[case("99999999999999999999 * * * *")]
#[case("*/99999999999999999999 * * * *")]
#[case("+5 * * * *")]
#[case("1-2-3 * * * *")]
#[case("*-5 * * * *")]
#[case("*5 * * * *")]
#[case("1/2/3 * * * *")]
#[case("0x5 * * * *")]
#[case("5.5 * * * *")]
#[case("@")]
#[case("@5 * * * *")]
#[case("0 0 LW * *")]
#[case("0 0 L-3 * *")]
#[case("0 0 * * friL")]
#[case("0 2 * * * # nightly")]
#[case("every day at 2")]
fn other_bad_texts_are_refused_too(#[case] text: &str) {
    assert!(Schedule::parse(text).is_err());
}

#[rstest]
#[case("0 0 32 * *", "`32` is out of range for the day-of-month field: expected 1 to 31")]
#[case("-5 * * * *", "`-5` is out of range for the minute field: expected 0 to 59")]
fn a_number_out_of_range_is_told_with_its_range(#[case] text: &str, #[case] message: &str) {
    let error = Schedule::parse(text).unwrap_err().swap_remove(0);
    assert_eq!((error.message.as_str(), error.hint), (message, None));
}

#[test]
fn each_mistake_is_reported() {
    let text = "61 25,26 * foo 1";
    let errors = Schedule::parse(text).unwrap_err();
    let blamed: Vec<&str> = errors.into_iter().map(|error| &text[error.span]).collect();
    assert_eq!(blamed, ["61", "25", "26", "foo"]);
}

#[test]
fn endless_texts_are_refused_before_they_are_read() {
    let text = format!("{} * * * *", "5,".repeat(1_000_000));
    let error = Schedule::parse(&text).unwrap_err().swap_remove(0);
    assert_eq!(error.message, "the schedule is longer than 1000 characters");
    // Every value of every field, as a list, fits.
    let list =
        |to: u32, from: u32| (from..=to).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let all = [list(59, 0), list(59, 0), list(23, 0), list(31, 1), list(12, 1), list(7, 0)];
    assert!(Schedule::parse(&all.join(" ")).is_ok());
}

fn warned(text: &str) -> Vec<(String, String)> {
    let schedule = Schedule::parse(text).unwrap();
    let warnings = schedule.warnings().into_iter();
    warnings.map(|w| (schedule.text()[w.span].to_owned(), w.message)).collect()
}

#[rstest]
#[case(
    "*/7 * * * *",
    "*/7",
    "the step of `*/7` does not divide 60: after 56 in the minute field comes 0, 4 later and not 7"
)]
#[case(
    "0-59/7 * * * *",
    "0-59/7",
    "the step of `0-59/7` does not divide 60: after 56 in the minute field comes 0, 4 later and not 7"
)]
#[case(
    "0 */5 * * *",
    "*/5",
    "the step of `*/5` does not divide 24: after 20 in the hour field comes 0, 4 later and not 5"
)]
#[case(
    "0 0 1 */5 *",
    "*/5",
    "the step of `*/5` does not divide 12: after 11 in the month field comes 1, 2 later and not 5"
)]
#[case(
    "0 0 * * */2",
    "*/2",
    "the step of `*/2` does not divide 7: after 6 in the day-of-week field comes 0, 1 later and not 2"
)]
#[case(
    "0 0 */2 * *",
    "*/2",
    "`*/2` in the day-of-month field starts anew with each month: the last day that it gives is 31, the next is 1"
)]
#[case(
    "*/90 * * * *",
    "*/90",
    "the step of `*/90` is longer than the minute field: it only ever gives 0"
)]
#[case(
    "0 0 1-7 * */7",
    "*/7",
    "the day-of-week field starts with `*`, so only days that match both day fields count"
)]
fn odd_texts_are_warned_of(#[case] text: &str, #[case] blamed: &str, #[case] message: &str) {
    assert_eq!(warned(text), [(blamed.to_owned(), message.to_owned())]);
}

#[test]
fn a_starred_day_step_beside_a_restricted_day_is_warned_of_besides() {
    let warned = warned("0 0 */2 * 1");
    assert_eq!(warned.len(), 2);
    assert_eq!(
        warned[1].1,
        "the day-of-month field starts with `*`, so only days that match both day fields count"
    );
}

#[rstest]
#[case("*/15 * * * *")]
#[case("5-59/15 * * * *")]
#[case("0 9-17/3 * * *")]
#[case("0 0 * * */7")]
#[case("0 0 13 * 5")]
#[case("0 0 10-20/3 * *")]
#[case("*/1 * * * *")]
#[case("@daily")]
fn plain_texts_are_not(#[case] text: &str) {
    assert_eq!(warned(text), []);
}

proptest! {
    /// The replacement that a hint suggests is valid.
    #[test]
    fn hints_that_say_what_to_write_parse(
        field in 0_usize..5,
        entry in "[0-9]{1,2}/[1-9]|[1-9]-[0-9]/[1-9]|[0-9]{1,2}-[0-9]|(mon|tue|fri|sat|sun)-(sun|mon|tue|sat|1)|(nov|dec|mar)-(jan|feb|2)|[?]",
    ) {
        let text = |entry: &str| {
            let mut fields = ["*"; 5];
            fields[field] = entry;
            fields.join(" ")
        };
        if let Err(errors) = Schedule::parse(&text(&entry))
            && let Some(hint) = &errors[0].hint
            && let Some((_, right)) = hint.split_once("write `")
            && let Some((right, "")) = right.split_once('`')
        {
            prop_assert!(Schedule::parse(&text(right)).is_ok(), "{} for {}", hint, entry);
        }
    }
}
