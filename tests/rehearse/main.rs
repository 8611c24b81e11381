//! `transferd rehearse`, as people and scripts see it: the page at 80 columns, the document, what
//! it says of bad input, and that it leaves nothing behind.

mod findings;
mod history;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

/// What a command came to.
pub struct Output {
    code: i32,
    out: String,
    err: String,
}

/// Runs `transferd rehearse` in Berlin, on a terminal of 80 columns, with `state` as state folder.
pub fn rehearse(state: &Path, arguments: &[&str]) -> Output {
    let output = Command::cargo_bin("transferd")
        .expect("it is built")
        .env_clear()
        .envs([("TZ", "Europe/Berlin"), ("COLUMNS", "80")])
        .arg("rehearse")
        .arg("--state-dir")
        .arg(state)
        .args(arguments)
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    Output {
        code: output.status.code().expect("it ends by itself"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// The same, where no daemon ever ran: nothing may be there afterwards either.
fn without_state(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let output = rehearse(&folder.path().join("state"), arguments);
    let left = fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 0, "something was left behind");
    output
}

fn file(case: &str) -> String {
    format!("tests/rehearse/cases/{case}.yaml")
}

/// What a person sees at 80 columns.
fn page(case: &str, arguments: &[&str]) -> String {
    let file = file(case);
    let output = without_state(&[&["-c", &file], arguments].concat());
    assert_eq!((output.code, output.err.as_str()), (0, ""), "{case}");
    assert!(!output.out.contains('\u{1b}'), "no color where there is no terminal");
    for line in output.out.lines() {
        let width = line.chars().count();
        assert!(width <= 80, "{case}: {width} columns: {line}");
        assert_eq!(line.trim_end(), line, "{case}: blanks at the end of a line");
    }
    output.out
}

fn document(arguments: &[&str]) -> Value {
    let output = without_state(&[arguments, &["--json"]].concat());
    assert_eq!(output.code, 0, "{}", output.err);
    serde_json::from_str(&output.out).expect("it is JSON")
}

const MARCH: &str = "2027-03-01T00:00:00+01:00";

#[test]
fn pages_read_like_this() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let pages: [(&str, &str, &[&str]); 10] = [
        ("spring", "spring", &["--from", MARCH, "--duration", "45m"]),
        ("spring-assumed", "spring", &["--from", MARCH, "--days", "31"]),
        ("overlap", "overlap", &["--from", MARCH, "--days", "14", "--duration", "25h"]),
        ("overlap-one", "overlap", &["--from", MARCH, "--days", "7", "--duration", "25h", "skips"]),
        ("squeeze", "squeeze", &["--from", MARCH, "--duration", "1h"]),
        ("squeeze-night", "squeeze", &["--from", MARCH, "--days", "1", "--duration", "1h"]),
        (
            "clash",
            "clash",
            &["--from", MARCH, "--days", "7", "--duration", "10m", "--duration", "archive-all=2h"],
        ),
        ("flaky", "flaky", &["--from", MARCH, "--duration", "15m", "--fail", "25%"]),
        ("flaky-one", "flaky", &["--from", MARCH, "--duration", "15m", "--fail", "25%", "hasty"]),
        ("quiet-year", "quiet", &["--from", MARCH, "--days", "365", "--duration", "15m"]),
    ];
    settings.bind(|| {
        for (name, case, arguments) in pages {
            insta::assert_snapshot!(name, page(case, arguments));
        }
    });
}

#[test]
fn a_seed_says_the_same_twice() {
    let with = |seed| page("flaky", &["--from", MARCH, "--fail", "0.2", "--seed", seed]);
    assert_eq!(with("7"), with("7"));
    assert_ne!(with("7"), with("8"));
}

#[test]
fn scripts_get_all_of_it() {
    let file = file("clash");
    let told =
        document(&["-c", &file, "--from", MARCH, "--days", "7", "--duration", "1h", "--seed", "3"]);
    assert_eq!(told["from"], "2027-03-01T00:00:00+01:00");
    assert_eq!(told["until"], "2027-03-08T00:00:00+01:00");
    assert_eq!(told["played_until"], told["until"]);
    assert_eq!((&told["complete"], &told["cut"]), (&true.into(), &Value::Null));
    assert_eq!((&told["seed"], &told["days"]), (&3.into(), &7.into()));
    let totals = &told["totals"];
    assert_eq!((&totals["occurrences"], &totals["succeeded"]), (&16.into(), &16.into()));
    assert_eq!(told["load"]["in_flight"], 2);
    assert_eq!(told["load"]["in_flight_by_hour"].as_array().map(Vec::len), Some(24));
    let finding = &told["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["severity"]),
        (&"destination".into(), &"doubtful".into())
    );
    assert_eq!(finding["jobs"], serde_json::json!(["archive-finals", "archive-all"]));
    assert_eq!(
        (&finding["times"], &finding["days"], &finding["of_days"]),
        (&2.into(), &2.into(), &2.into())
    );
    let job = &told["jobs"][1];
    assert_eq!(
        (&job["name"], &job["timezone"]),
        (&"archive-finals".into(), &"Europe/Berlin".into())
    );
    assert_eq!(job["duration"]["basis"], "given");
    assert_eq!(job["waits"][0]["for"], "destination");
    assert_eq!(job["waits"][0]["job"], "archive-all");
    let runs = told["runs"].as_array().expect("an array");
    assert_eq!((runs.len(), &told["runs_left_out"]), (16, &0.into()));
    let waited = runs.iter().find(|run| run["waited_for"] == "destination").expect("one waits");
    assert_eq!(waited["scheduled_for"], "2027-03-01T01:30:00+01:00");
    assert_eq!(waited["state"], "succeeded");
}

#[test]
fn one_job_is_told_alone() {
    let file = file("clash");
    let told = document(&["-c", &file, "--from", MARCH, "--days", "7", "elsewhere"]);
    assert_eq!(told["jobs"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["findings"], serde_json::json!([]));
    let runs = told["runs"].as_array().expect("an array");
    assert!(runs.len() == 7 && runs.iter().all(|run| run["job"] == "elsewhere"));
}

#[test]
fn a_bad_file_is_refused_as_everywhere() {
    let output = without_state(&["-c", "tests/config/cases/key-twice.yaml"]);
    assert_eq!((output.code, output.out.as_str()), (1, ""));
    assert!(output.err.contains("the key `timeout` stands here twice"), "{}", output.err);
}

#[test]
fn a_job_that_is_not_there_is_answered_with_the_one_that_was_meant() {
    let file = file("quiet");
    for arguments in [["nightyl", "--days", "1"], ["--duration", "nightyl=1h", "--json"]] {
        let output = without_state(&[&["-c", file.as_str()], &arguments[..]].concat());
        assert_eq!(output.code, 1);
        // Where JSON is wanted, the error is an object on standard output.
        let told = if arguments.contains(&"--json") { output.out } else { output.err };
        assert!(told.contains("did you mean `nightly`?"), "{told}");
    }
}

#[test]
fn wrong_usage_is_told_apart() {
    let file = file("quiet");
    for arguments in [
        ["--from", "noonish"],
        ["--days", "0"],
        ["--days", "3661"],
        ["--duration", "5"],
        ["--duration", "0s"],
        ["--fail", "1.5"],
        ["--seed", "-1"],
        ["--from", "9999-12-30T00:00:00Z"],
    ] {
        let output = without_state(&[&["-c", file.as_str()], &arguments[..]].concat());
        assert_eq!((output.code, output.out.as_str()), (2, ""), "{arguments:?}: {}", output.err);
        assert!(!output.err.is_empty());
    }
}

#[test]
fn the_past_can_be_played_too() {
    let file = file("quiet");
    let told = document(&["-c", &file, "--from", "30d", "--days", "30"]);
    assert_eq!(told["totals"]["occurrences"], 30);
}

#[test]
fn color_is_for_those_who_ask_for_it() {
    let file = file("flaky");
    let arguments = ["-c", &file, "--from", MARCH, "--days", "3", "--fail", "0.5"];
    let colored = without_state(&[&arguments[..], &["--color", "always"]].concat()).out;
    assert!(colored.contains("\u{1b}[31m"));
    let plain = page("flaky", &arguments[2..]);
    let strip = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("it is good");
    assert_eq!(strip.replace_all(&colored, ""), plain);
}

/// `rehearse --expect` with this expectation, of the jobs of `clash`.
fn expecting(expected: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("expected.yaml");
    fs::write(&path, expected).expect("it is written");
    let path = path.to_str().expect("it is text");
    let file = file("clash");
    without_state(&[&["-c", &file, "--expect", path], more].concat())
}

#[test]
fn a_rehearsal_that_comes_out_otherwise_than_expected_is_exit_1() {
    let file = file("clash");
    let printed = without_state(&[
        "-c",
        &file,
        "--from",
        MARCH,
        "--days",
        "7",
        "--duration",
        "1h",
        "--seed",
        "3",
        "--json",
    ]);
    // What was printed once is met by the same file, without any other option.
    let met = expecting(&printed.out, &[]);
    assert_eq!((met.code, met.err.as_str()), (0, ""), "{}", met.out);
    assert!(met.out.starts_with("the rehearsal comes out as "), "{}", met.out);

    let by_hand = "from: 2027-03-01T00:00:00+01:00\ndays: 7\ntotals: {failed: 0, skipped: 0}\n\
                   jobs: [{name: archive-all, succeeded: 7}, {name: elsewhere, succeeded: 7}]\n";
    let met = expecting(by_hand, &["--duration", "1h"]);
    assert_eq!(met.code, 0, "{}", met.out);

    let quiet = format!("{by_hand}findings: []\n").replace("skipped: 0", "skipped: 3");
    let unmet = expecting(&quiet, &["--duration", "1h"]);
    assert_eq!(unmet.code, 1, "{}", unmet.out);
    assert!(unmet.out.contains("✗ totals.skipped: expected 3, found 0\n"), "{}", unmet.out);
    let finding = "✗ findings.destination(archive-finals, archive-all): not expected: ";
    assert!(unmet.out.contains(finding), "{}", unmet.out);
    assert!(unmet.out.ends_with(" expects: 2 differences\n"), "{}", unmet.out);

    let unmet = expecting(&quiet, &["--duration", "1h", "--json"]);
    assert_eq!(unmet.code, 1);
    let told: Value = serde_json::from_str(&unmet.out).expect("it is JSON");
    assert_eq!(told["expected"]["met"], false);
    let skipped = serde_json::json!({"path": "totals.skipped", "expected": 3, "found": 0});
    let differences = told["expected"]["differences"].as_array().expect("an array");
    assert!(differences.contains(&skipped), "{differences:?}");
}

#[test]
fn an_expectation_that_can_t_be_read_is_said_so() {
    for expected in ["", "- 1", "{", "jobs: [", "{}"] {
        let output = expecting(expected, &[]);
        assert_eq!((output.code, output.out.as_str()), (1, ""), "{expected}");
        assert!(output.err.contains("can't be read as what is expected"), "{}", output.err);
    }
    let output = without_state(&["-c", &file("clash"), "--expect", "/no/such/file"]);
    assert_eq!(output.code, 1);
}
