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
fn color_is_only_for_those_who_can_see_it() {
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
    let (code, told) = json(&["init", "-c", file, "--json"]);
    assert_eq!((code, told), (0, json!({"path": file, "accounts": [], "token_file": null})));
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
    for arguments in [&["schema"][..], &["schema", "--json"]] {
        let (code, schema) = json(arguments);
        assert_eq!(code, 0);
        assert!(schema["properties"]["jobs"].is_object());
    }
    assert_eq!(json(&["version", "--json"]).1["version"], env!("CARGO_PKG_VERSION"));
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
    // What is wrong, and on which line, is no content.
    assert!(said.contains("unknown key … in the job file"), "{said}");
    let job = "{source: {account: b, bucket: s, path: p/}, destination: {account: b, bucket: d}}";
    let own = format!("include: [shadow]\njobs:\n  k: {job}\n");
    fs::write(at("jobs.yaml"), own).expect("it is ours");
    fs::write(at("shadow"), format!("jobs:\n  k: {job}\n  hunter2: {{}}\n")).expect("it is ours");
    let said = check();
    assert!(said.contains("the job … stands in two files"), "{said}");
    assert!(said.contains("shadow:2:3") && said.contains("jobs.yaml:3"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_program_is_relative_to_the_file_that_names_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let program = |name: &str| {
        fs::write(at(name), "#!/bin/sh\nexit 0\n").expect("it is ours");
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).expect("it is ours");
    };
    fs::create_dir(at("more")).expect("it is ours");
    program("tell");
    program("more/tell");
    let entry = "{on: failed, command: [./tell, ./argument]}";
    let digest = "{digest: {schedule: '@daily', command: [more/tell]}}";
    let own = format!("include: [more/a.yaml]\njobs: {{}}\nalerts: [{digest}]\n");
    fs::write(at("jobs.yaml"), own).expect("it is ours");
    fs::write(at("more/a.yaml"), format!("alerts: [{entry}]\n")).expect("it is ours");
    let path = at("jobs.yaml");
    // The working folder is another one.
    let path = path.to_str().expect("it is text");
    let (code, told) = json(&["alert", "test", "--json", "-c", path]);
    assert_eq!(code, 0, "{told}");
    fs::remove_file(at("more/tell")).expect("it is ours");
    let (code, told) = json(&["alert", "test", "--json", "-c", path]);
    assert_eq!(code, 1, "{told}");
    let missing = format!("`{}` can't be run", at("more/tell").display());
    assert_eq!(told.to_string().matches(&missing).count(), 2, "{told}");
}

#[test]
fn a_command_is_not_handed_the_variables_of_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobs.yaml");
    let script = "test -z \"$STATE_DIRECTORY$JOURNAL_STREAM$INVOCATION_ID\" && test $MINE = 1";
    let entry = format!("{{on: failed, command: [/bin/sh, -c, '{script}']}}");
    fs::write(&path, format!("jobs: {{}}\nalerts: [{entry}]\n")).expect("it is ours");
    let ours = [("STATE_DIRECTORY", "/s"), ("JOURNAL_STREAM", "1:2"), ("INVOCATION_ID", "i")];
    let output = Command::cargo_bin("transferd")
        .expect("it is built")
        .envs(ours)
        .env("MINE", "1")
        .args(["alert", "test", "-c"])
        .arg(&path)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
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

/// `check --json` of a file with this content.
fn check(text: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobs.yaml");
    fs::write(&path, text).expect("it is ours");
    json(&["check", "--json", "-c", path.to_str().expect("it is text")]).1
}

#[test]
fn a_jitter_that_may_use_up_the_time_to_start_is_warned_of() {
    let warnings = |within: &str| {
        let place = "account: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, bucket: b";
        let told = check(&format!(
            "jobs: {{a: {{schedule: '@hourly', timezone: UTC, jitter: 30m, start_within: {within}, \
             source: {{{place}, path: x/}}, destination: {{{place}, path: y/}}}}}}\n"
        ));
        told["warnings"].as_array().expect("an array").len()
    };
    assert_eq!(["10m", "30m", "31m", "off"].map(warnings), [1, 1, 0, 0]);
}

#[test]
fn jobs_that_their_names_or_runs_keep_apart_do_not_overlap() {
    let warnings = |path: &str| {
        let account = "account: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11";
        let job = |name: &str| {
            format!(
                "  {name}: {{schedule: '@daily', source: {{{account}, bucket: s, path: {name}/}}, \
                 destination: {{{account}, bucket: d, path: \"{path}\"}}}}\n"
            )
        };
        let told = check(&format!("defaults: {{timezone: UTC}}\njobs:\n{}{}", job("a"), job("b")));
        told["warnings"].as_array().expect("an array").len()
    };
    for apart in ["x/{job}/", "{%Y}/{job}", "x/{run}"] {
        assert_eq!(warnings(apart), 0, "{apart}");
    }
    for together in ["x/{%Y}/", "x/{hostname}/", "x/{{job}}/"] {
        assert_eq!(warnings(together), 1, "{together}");
    }
}

#[test]
fn pairs_that_overlap_are_listed_up_to_twenty_and_then_counted() {
    let jobs = |number: usize| {
        let job = |n| {
            format!(
                "  j{n:02}: {{schedule: '@daily', \
                 source: {{account: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, bucket: s, path: {n}/}}, \
                 destination: {{account: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, bucket: d, path: x/}}}}\n"
            )
        };
        format!("defaults: {{timezone: UTC}}\njobs:\n{}", (0..number).map(job).collect::<String>())
    };
    let said = |number| {
        let told = check(&jobs(number));
        let warnings = told["warnings"].as_array().expect("an array");
        let text = |warning: &Value| warning["message"].as_str().expect("text").to_owned();
        warnings.iter().map(text).collect::<Vec<_>>()
    };
    let mut pairs = said(3);
    pairs.sort();
    let pair = |a, b| format!("`{a}` and `{b}` write to overlapping destinations");
    assert_eq!(pairs, [pair("j00", "j01"), pair("j00", "j02"), pair("j01", "j02")]);
    // 7 jobs make 21 pairs, 8 make 28.
    let beyond = |number| said(number).split_off(20);
    assert_eq!(beyond(7), ["1 more pair of jobs writes to overlapping destinations"]);
    assert_eq!(beyond(8), ["8 more pairs of jobs write to overlapping destinations"]);
}

#[test]
fn a_job_file_may_come_through_a_pipe() {
    let good = fs::read("jobs.example.yaml").expect("it is there");
    let check = |name: &str, text: &[u8]| {
        let mut command = Command::cargo_bin("transferd").expect("it is built");
        let output = command.args(["check", name]).write_stdin(text).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    for name in ["-", "/dev/stdin"] {
        let (code, out, err) = check(name, &good);
        assert_eq!(code, Some(0), "{name}: {err}");
        assert!(out.contains(" is good: "), "{out}");
        let (code, _, err) = check(name, b"jobs:\n  a: {sourec: 1}\n");
        assert_eq!(code, Some(1));
        assert!(err.contains("did you mean `source`?") && err.contains(":2:"), "{err}");
    }
    let long = vec![b'#'; 5 * 1024 * 1024];
    assert!(check("-", &long).2.contains("a file may be 4 MB"));
}

#[test]
fn a_token_that_others_can_read_and_a_user_that_is_none_are_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let text = "agent: {token_file: token, user: [root, nobody-such-user, 7]}\njobs: {}\n";
    fs::write(at("jobs.yaml"), text).expect("it is ours");
    fs::write(at("token"), "t0ken-0f-somebody").expect("it is ours");
    let warnings = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(at("token"), mode).expect("it is ours");
        let path = at("jobs.yaml");
        let path = path.to_str().expect("it is text");
        let (code, told) = json(&["check", "--json", "-c", path]);
        assert_eq!(code, 0, "a warning changes no exit code");
        assert!(!told.to_string().contains("t0ken"), "{told}");
        told["warnings"].as_array().expect("an array").clone()
    };
    let safe = warnings(0o600);
    assert_eq!(safe.len(), 1, "{safe:?}");
    assert_eq!(safe[0]["path"], "agent.user");
    let words = safe[0]["message"].as_str().expect("text");
    assert!(words.contains("no user `nobody-such-user`"), "{words}");
    let open = warnings(0o644);
    assert_eq!((open.len(), &open[0]["path"]), (2, &json!("agent.token_file")));
    assert_eq!((&open[0]["line"], &open[0]["column"]), (&json!(1), &json!(21)));
    assert!(open[0]["message"].as_str().expect("text").contains("mode 0644"), "{open:?}");
}

#[test]
fn what_has_no_place_in_a_file_has_a_null_for_it() {
    let (code, told) = json(&["check", "--json", "-c", "/no/such/jobs.yaml"]);
    let error = &told["errors"][0];
    assert_eq!((code, &error["file"]), (1, &json!("/no/such/jobs.yaml")));
    for key in ["line", "column", "path"] {
        assert_eq!(error[key], Value::Null, "{key}");
    }
    let syntax = &check("jobs: [\n")["errors"][0];
    assert_eq!(syntax["path"], Value::Null);
    assert!(syntax["line"].is_u64() && syntax["column"].is_u64(), "{syntax}");
}

#[test]
fn hints_are_about_the_key_that_is_wrong() {
    let hint = |text: &str| check(text)["errors"][0]["hint"].as_str().unwrap_or("").to_owned();
    let zero = hint("agent: {max_active: 0}\njobs: {}\n");
    assert!(!zero.contains("max_attempts"), "{zero}");
    assert!(hint("defaults: {retry: {max_attempts: 0}}\njobs: {}\n").contains("one attempt"));
    let place = "{account: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, bucket: b, path: x/";
    let empty = |key: &str, rest: &str| {
        let source = place.replace("path: x/", rest);
        hint(&format!("jobs: {{a: {{source: {source}}}, destination: {place}}}, {key}}}}}\n"))
    };
    assert_eq!(empty("enabled: true", "path: "), "write `\"\"` for the empty text");
    assert!(empty("enabled: true", "path: y/, id: ").ends_with(", or leave the key out"));
    let (code, _, err) = transferd(&["explain", "concurrencyPolicy"]);
    assert_eq!(code, 1);
    assert!(err.contains("write `overlap`: it is what Kubernetes calls"), "{err}");
}

#[test]
fn a_reader_that_has_enough_changes_no_exit_code() {
    use std::process::{Command, Stdio};
    for arguments in [&["check", "-c", "jobs.example.yaml"][..], &["schema"], &["init", "--print"]]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_transferd"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_missing_file_is_named_and_the_one_that_was_meant_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("it is text").to_owned();
    let (near, far) = (path("jobs.ymal"), path("nosuch/other.yaml"));
    fs::write(path("jobs.yaml"), "jobs: {}").expect("it is ours");
    let (code, _, err) = transferd(&["check", &near]);
    assert_eq!(code, 1);
    assert!(err.contains(&format!("there is no file `{near}`")), "{err}");
    assert!(err.contains(&format!("did you mean `{}`?", path("jobs.yaml"))), "{err}");
    for missing in [path("unlike.txt"), far] {
        let (code, _, err) = transferd(&["check", &missing]);
        assert!(code == 1 && err.contains(&missing), "{err}");
        assert!(!err.contains("init") && !err.contains("did you mean"), "{err}");
    }
    let first = path("transferd/jobs.yaml");
    assert!(transferd(&["check", &first]).2.contains("`transferd init` writes a first one"));
}

#[test]
fn a_typed_address_is_blamed_by_its_option_and_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jobs.yaml");
    let file = file.to_str().expect("it is text");
    let init = ["init", "--url", "localhost:29123", "-c", file];
    let home = format!("HOME={}", folder.path().display());
    let login = ["login", "--url", "localhost:29123"];
    for arguments in [&init[..], &login] {
        let mut command = Command::cargo_bin("transferd").expect("it is built");
        let (name, value) = home.split_once('=').expect("it has one");
        let output = command.env_clear().env(name, value).args(arguments).output();
        let output = output.expect("it runs");
        let err = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(
            err.contains("`--url` can't be used: expected an address that starts with `http://`"),
            "{err}"
        );
        assert!(err.contains("write `--url http://localhost:29123`"), "{err}");
        assert!(!err.contains("agent.url"), "{err}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound");
    let (code, out, err) = transferd(&["sim", "--port", &address.port().to_string()]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains(&format!("`{address}` can't be bound: Address already in use")), "{err}");
    assert!(err.contains("`--port N` names another"), "{err}");
}
