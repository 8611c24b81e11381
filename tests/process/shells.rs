//! Completions, as a shell has them.

use std::process::Command;

use crate::stage::{Stage, transferd};

/// What bash offers at the end of a line.
fn offered(stage: &Stage, line: &[&str]) -> Vec<String> {
    let folder = std::path::Path::new(transferd()).parent().unwrap();
    offered_by(folder, stage, line)
}

/// What bash offers where `transferd` is the program of that folder.
fn offered_by(folder: &std::path::Path, stage: &Stage, line: &[&str]) -> Vec<String> {
    // What readline does with a `complete -F`; `compopt` works nowhere else.
    let script = r#"
        source <(transferd completions bash)
        compopt() { :; }
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        $(complete -p transferd | sed 's/.* -F \([^ ]*\) .*/\1/') \
            transferd "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let said = Command::new("bash")
        .args(["-c", script, "bash", "transferd"])
        .args(line)
        .env("PATH", path)
        .current_dir(stage.path())
        .output()
        .unwrap();
    let words = String::from_utf8(said.stdout).unwrap();
    assert!(said.stderr.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
    words.lines().map(str::to_owned).collect()
}

#[test]
fn bash_offers_commands_options_and_the_jobs_of_the_file_that_the_line_names() {
    let stage = Stage::new("unused");
    let place = "{account: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, bucket: b, path: ";
    stage.write(
        "jobs.yaml",
        &format!(
            "jobs: {{nightly: &job {{source: {place}s/}}, destination: {place}d/}}}}, noon: *job}}\n"
        ),
    );
    let about = ["-c", "jobs.yaml", "--state-dir", "state"];
    let ask = |line: &[&str]| offered(&stage, &[&about[..], line].concat());
    assert_eq!(offered(&stage, &["trig"]), ["trigger"]);
    assert_eq!(ask(&["trigger", ""]), ["nightly", "noon"]);
    assert_eq!(ask(&["trigger", "--wait", "ni"]), ["nightly"]);
    assert_eq!(ask(&["why", "no"]), ["noon"]);
    assert_eq!(ask(&["doctor", "--transfer", "ni"]), ["nightly"]);
    assert_eq!(ask(&["--log-level", "in"]), ["info"]);
    assert!(ask(&["trigger", "--wa"]).contains(&"--wait".to_owned()));
    // One job is enough where only one is taken, none is offered twice, and a number is none.
    assert_eq!(ask(&["trigger", "nightly", ""]), ["noon"]);
    assert_eq!(ask(&["start", "--wait", "ni"]), ["nightly"]);
    for line in [&["why", "nightly", ""][..], &["history", "-n", ""]] {
        assert!(!ask(line).iter().any(|word| word == "noon"), "{line:?}");
    }
    assert_eq!(ask(&["history", "--state", "time"]), ["timed_out"]);
    // No job has a run to cancel.
    assert!(!ask(&["cancel", ""]).iter().any(|word| word == "noon"));
}

/// Names that no job file of today may hold, but a daemon of another version may have.
const HOSTILE: [&str; 6] =
    ["$(touch pwned)", "`touch pwned`", "x;touch pwned", "a b", "<(touch pwned)", "* ? [a]"];

#[test]
fn bash_expands_no_name_of_a_job_whatever_it_holds() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::new("unused");
    let folder = stage.path().join("bin");
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("transferd");
    std::fs::write(stage.path().join("names"), HOSTILE.join("\n") + "\n").unwrap();
    let script = format!(
        "#!/bin/bash\nfor word; do [[ $word == --jobs ]] && exec cat {}/names; done\n\
         exec {} \"$@\"\n",
        stage.path().display(),
        transferd()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let all = offered_by(&folder, &stage, &["trigger", ""]);
    assert_eq!(all.len(), HOSTILE.len(), "{all:?}");
    assert!(all.contains(&"a\\ b".to_owned()), "{all:?}");
    // What bash itself has begun to quote goes on.
    assert_eq!(offered_by(&folder, &stage, &["trigger", "a\\ "]), ["a\\ b"]);
    assert_eq!(offered_by(&folder, &stage, &["trigger", "a "]), ["a\\ b"]);
    for typed in ["$", "`", "x", "<", "*"] {
        assert_eq!(offered_by(&folder, &stage, &["trigger", typed]).len(), 1, "{typed}");
    }
    assert!(!stage.path().join("pwned").exists(), "a name was executed");
}
