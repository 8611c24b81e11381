//! Texts that people write: job files, schedules, paths, durations, command lines.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::cases;
use crate::properties::{command_line, duration, job_file, schedule, template};

/// Seconds from 1970 to 2026 and some years on: what a daemon may ask a schedule about.
const NOW: std::ops::Range<i64> = 0..1_900_000_000;

/// Seconds of all times that there are.
const EVER: std::ops::Range<i64> = -377_705_000_000..253_402_000_000;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("it is a time")
}

/// The job files of the tests by example, as far as they are text.
static JOB_FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = std::fs::read_dir("tests/config/cases").expect("the cases are there");
    let texts = folder.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    let texts: Vec<_> = texts.filter(|text| text.len() < 5_000).collect();
    assert!(texts.len() > 100, "{} cases", texts.len());
    texts
});

/// An argument: one that means something somewhere, or anything.
fn any_argument() -> impl Strategy<Value = OsString> {
    let known = prop::sample::select(vec![
        "run",
        "check",
        "next",
        "diff",
        "status",
        "history",
        "show",
        "why",
        "trigger",
        "cancel",
        "pause",
        "resume",
        "reload",
        "accounts",
        "doctor",
        "login",
        "completions",
        "man",
        "demo",
        "sim",
        "help",
        "--help",
        "-h",
        "--version",
        "--config",
        "-c",
        "--state-dir",
        "--system",
        "--user",
        "--log-level",
        "trace",
        "--log-format",
        "--color",
        "always",
        "--json",
        "-n",
        "--since",
        "2d",
        "--until",
        "2026-11-23T12:00:00Z",
        "--state",
        "failed",
        "--wait",
        "--port",
        "0",
        "--seed",
        "bash",
        "--",
        "-",
        "-c=",
        "--color=never",
        "--watch",
        "nightly",
        "-1",
        "",
    ]);
    prop_oneof![
        8 => known.prop_map(OsString::from),
        1 => any::<String>().prop_map(OsString::from),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(OsString::from_vec),
    ]
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_text_is_a_job_file_or_refused(text in "\\PC{0,200}") {
        job_file::means_the_same_from_the_database_or_is_refused(&text);
    }

    #[test]
    fn pieces_of_yaml_are_a_job_file_or_refused(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "jobs:", "\n", "  ", "- ", ": ", "{", "}", "[", "]", "&a ", "*a", "<<: ", "\"", "'",
            "|", ">", "#", "!t ", "? ", "---\n", "...\n", "\t", "\r\n", "a", "source", "5", "~",
            "*/5", "@daily", "{job}", "\u{feff}", "\u{85}", "ä", "\0", "%", ",", "schedule: ",
        ]), 0..60)
    ) {
        job_file::means_the_same_from_the_database_or_is_refused(&pieces.concat());
    }

    #[test]
    fn the_head_of_one_job_file_and_the_tail_of_another_are_one_or_refused(
        head in prop::sample::select(&JOB_FILES[..]),
        tail in prop::sample::select(&JOB_FILES[..]),
        cuts in any::<[prop::sample::Index; 2]>(),
    ) {
        let cut = |text: &str, at: prop::sample::Index| {
            text.floor_char_boundary(at.index(text.len() + 1))
        };
        let (head, tail) = (&head[..cut(&head, cuts[0])], &tail[cut(&tail, cuts[1])..]);
        job_file::means_the_same_from_the_database_or_is_refused(&format!("{head}{tail}"));
    }

    #[test]
    fn every_case_of_a_job_file_means_the_same_from_the_database(
        text in prop::sample::select(&JOB_FILES[..]),
    ) {
        job_file::means_the_same_from_the_database_or_is_refused(&text);
    }

    #[test]
    fn any_text_is_a_schedule_or_refused(
        text in "\\PC{0,30}|@[a-zA-Z]{0,9}|[0-9*,/ a-zA-Z#?.~LW=-]{0,40}",
        from in NOW,
    ) {
        schedule::prints_back_or_is_refused(&text, second(from));
    }

    #[test]
    fn fields_are_a_schedule_or_refused(
        text in "([0-9]{1,2}|[*]|[*]/[0-9]{1,3}|[0-9]-[0-9]{1,2}(/[0-9])?|[a-z]{3})(,[0-9]{1,2})?( ([0-9]{1,2}|[*]|[*]/[0-9]{1,2}|[0-9]-[0-9]{1,2}|jan|sat-sun|mon)){4,5}",
        from in NOW,
    ) {
        schedule::prints_back_or_is_refused(&text, second(from));
    }

    #[test]
    fn any_text_is_a_path_or_refused(
        text in "(\\PC|[{}%:+-]|[{][+-][0-9]{1,4}[wdhms]:%[A-Za-z0-9_^#.:-]{1,4}[}]|[{]%[A-Za-z][}]|[{]job[}]){0,12}",
        at in EVER,
    ) {
        template::prints_back_or_is_refused(&text, second(at));
    }

    #[test]
    fn any_text_is_a_duration_or_refused(
        text in "\\PC{0,12}|[-+PT0-9.]{0,6}[dhmswMH ]{0,2}[0-9]{0,20}[a-zµ]{0,3}",
    ) {
        duration::prints_back_or_is_refused(&text);
    }

    #[test]
    fn every_duration_reads_back(millis in 0_i64..=i64::MAX) {
        duration::reads_back(SignedDuration::from_millis(millis));
    }

    #[test]
    fn any_arguments_are_a_command_line_or_refused(
        arguments in prop::collection::vec(any_argument(), 0..7),
    ) {
        command_line::is_taken_or_refused(&arguments);
    }
}
