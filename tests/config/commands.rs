//! The commands that read the job file, as scripts see them.

use std::fs;

use assert_cmd::Command;
use serde_json::{Value, json};

fn transferd(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("transferd")
        .expect("it is built")
        .env_clear()
        .env("TZ", "Europe/Berlin")
        .args(arguments)
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = transferd(arguments);
    let value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("no JSON: {out}{err}"));
    (code, value)
}

#[test]
fn check_tells_scripts_where_each_error_is() {
    let file = "tests/config/cases/key-twice.yaml";
    let (code, told) = json(&["check", "--json", "-c", file]);
    assert_eq!(code, 1);
    assert_eq!(
        told,
        json!({
            "valid": false,
            "files": [file],
            "errors": [{
                "file": file, "line": 9, "column": 5, "path": "jobs.a.timeout",
                "message": "the key `timeout` stands here twice", "hint": null,
            }],
            "warnings": [],
        })
    );
}

#[test]
fn warnings_change_no_exit_code() {
    let file = "tests/config/cases/warn-write-write.yaml";
    let (code, told) = json(&["check", "--json", "-c", file]);
    assert_eq!((code, &told["valid"]), (0, &json!(true)));
    assert_eq!(told["warnings"].as_array().map(Vec::len), Some(1));
    let (code, out, err) = transferd(&["check", "-c", file]);
    assert_eq!(code, 0);
    assert_eq!(out, format!("{file} is good: 2 jobs, 1 warning\n"));
    assert!(err.starts_with("warning: `a` and `b` write to overlapping destinations\n"), "{err}");
}

#[test]
fn colour_is_only_for_those_who_can_see_it() {
    let file = "tests/config/cases/key-twice.yaml";
    assert!(!transferd(&["check", "-c", file]).2.contains('\u{1b}'));
    assert!(transferd(&["check", "--color", "always", "-c", file]).2.contains('\u{1b}'));
}

#[test]
fn next_lists_coming_occurrences_in_the_jobs_zone() {
    let file = "jobs.example.yaml";
    let (code, told) = json(&["next", "partner-delivery", "-n", "3", "--json", "-c", file]);
    let list = told.as_array().expect("an array");
    assert_eq!((code, list.len()), (0, 3));
    let mut before = String::new();
    for one in list {
        assert_eq!(one["job"], "partner-delivery");
        assert_eq!(one["timezone"], "America/New_York");
        let at = one["at"].as_str().expect("a time").to_owned();
        assert!(at.ends_with("-05:00") || at.ends_with("-04:00"), "{at}");
        let instant = at.parse::<jiff::Timestamp>().expect("RFC 3339");
        assert!(before.is_empty() || before.parse::<jiff::Timestamp>().expect("too") < instant);
        before = at;
    }
    let (code, out, err) = transferd(&["next", "restore-project", "-c", file]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert_eq!(err, "`restore-project` has no schedule: it runs when triggered\n");
    let (code, _, err) = transferd(&["next", "nightly-fotage", "-c", file]);
    assert_eq!(code, 1);
    assert!(err.contains("did you mean `nightly-footage`?"), "{err}");
}

#[test]
fn init_writes_a_good_file_once_and_never_over_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/jobs.yaml");
    let file = path.to_str().expect("it is text");
    assert_eq!(transferd(&["init", "-c", file]).0, 0);
    assert_eq!(transferd(&["check", "-c", file]).0, 0);
    fs::write(&path, "mine").expect("it is ours");
    let (code, _, err) = transferd(&["init", "-c", file]);
    assert_eq!(code, 1);
    assert!(err.contains("left unchanged"), "{err}");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "mine");
}

#[test]
fn diff_without_a_past_calls_everything_new_and_makes_no_state_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let state = state.to_str().expect("it is text");
    let (code, out, err) = transferd(&["diff", "--state-dir", state, "-c", "jobs.example.yaml"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("+ nightly-footage"), "{out}");
    assert!(!folder.path().join("state").exists());
}

#[test]
fn schema_prints_json() {
    let (code, schema) = json(&["schema"]);
    assert_eq!(code, 0);
    assert!(schema["properties"]["jobs"].is_object());
}

#[test]
fn an_included_file_that_is_more_private_is_never_quoted() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("jobs.yaml"), "include: [shadow]\njobs: {}\n").expect("it is ours");
    fs::write(at("shadow"), "root:$6$hunter2secret:19000:0:99999:7:::\n").expect("it is ours");
    let check = || {
        let path = at("jobs.yaml");
        let (code, out, err) = transferd(&["check", "-c", path.to_str().expect("it is text")]);
        assert_eq!(code, 1, "{out}{err}");
        out + &err
    };
    assert!(check().contains("hunter2secret"), "everybody may read it");
    fs::set_permissions(at("shadow"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let said = check();
    assert!(!said.contains("hunter2secret") && !said.contains("root"), "{said}");
    assert!(said.contains("more private than the one that includes it"), "{said}");
}

#[test]
fn a_folder_of_too_many_entries_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..100_001 {
        fs::File::create(folder.path().join(number.to_string())).expect("it is ours");
    }
    let path = folder.path().to_str().expect("it is text");
    let (code, _, err) = transferd(&["check", "-c", path]);
    assert_eq!(code, 1);
    assert!(err.contains("more than 100000 entries"), "{err}");
}

#[test]
fn root_obeys_only_what_nobody_else_can_change() {
    use std::os::unix::fs::{chown, lchown, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("real.yaml"), "jobs: {}\n").expect("it is ours");
    symlink("real.yaml", at("middle.yaml")).expect("it is ours");
    symlink("middle.yaml", at("jobs.yaml")).expect("it is ours");
    let path = at("jobs.yaml");
    let check = || transferd(&["check", "-c", path.to_str().expect("it is text")]);
    assert_eq!(check().0, 0);
    // Only root can give files away.
    if lchown(at("middle.yaml"), Some(65_534), None).is_err() {
        return;
    }
    let (code, _, err) = check();
    assert_eq!(code, 1);
    assert!(err.contains("middle.yaml` belongs to the user with uid 65534"), "{err}");
    lchown(at("middle.yaml"), Some(0), None).expect("it is ours");
    chown(at("real.yaml"), Some(65_534), None).expect("it is ours");
    assert_eq!(check().0, 1);
}
