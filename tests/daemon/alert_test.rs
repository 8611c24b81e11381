//! `alert test`: one message by each entry, and an exit code that says whether all arrived.

use serde_json::Value;

use crate::alerts::{document, ok, stage_with};
use crate::receiver::Receiver;
use crate::stage::Stage;

#[test]
fn each_entry_is_tried_without_a_daemon() {
    let receiver = Receiver::start(ok);
    let alerts = format!(
        "- {{on: [failed], webhook: {{url: '{}'}}}}\n\
         - {{on: [late], command: [/bin/sh, -c, 'test \"$TRANSFERD_TEST\" = true']}}\n\
         - {{on: [failed], ping: {{url: '{}'}}}}\n",
        receiver.url("/hook"),
        receiver.url("/check")
    );
    let stage = stage_with(&alerts);
    let tried = stage.command(&["alert", "test"]);
    assert_eq!(tried.code, 0, "{}{}", tried.out, tried.err);
    assert!(tried.out.contains("alerts[0], webhook `url`: delivered"), "{}", tried.out);
    assert!(tried.out.ends_with("3 of 3 alerts delivered\n"), "{}", tried.out);
    let mut lines = receiver.lines();
    lines.sort();
    assert_eq!(lines, ["POST /check", "POST /hook"], "a test raises no alarm at a check");
    let seen = receiver.seen().into_iter().find(|seen| seen.line == "POST /hook").unwrap();
    let told = document(&seen.body);
    assert_eq!((&told["test"], &told["event"]), (&true.into(), &"failed".into()));

    let tried = stage.command(&["alert", "test", "--on", "late", "--json"]);
    let told: Value = serde_json::from_str(&tried.out).unwrap();
    assert_eq!(told["delivered"], true);
    assert_eq!(told["entries"].as_array().unwrap().len(), 1);
    assert_eq!(told["entries"][0]["channel"], "command `/bin/sh`");
    assert_eq!(told["entries"][0]["entry"], "alerts[1]", "its number in the file");
    assert!(!stage.state().exists(), "it leaves no trace");
}

#[test]
fn one_that_fails_is_said_by_the_exit_code_and_in_words() {
    let alerts = "- {on: [failed], command: [/bin/sh, -c, 'echo no such mailbox >&2; exit 3']}\n\
                  - {on: [failed], command: [/nowhere/prog]}\n\
                  - {on: [failed], webhook: {url_file: missing}}\n";
    let stage = stage_with(alerts);
    let tried = stage.command(&["alert", "test"]);
    assert_eq!(tried.code, 1);
    for words in [
        "it ended with exit code 3: no such mailbox",
        "`/nowhere/prog` can't be run",
        "missing` does not exist",
        "0 of 3 alerts delivered",
    ] {
        assert!(tried.out.contains(words), "{words}: {}", tried.out);
    }
    assert_eq!(stage.command(&["alert", "test", "--on", "late"]).code, 1, "nobody is told");
    assert_eq!(stage.command(&["alert", "test", "--on", "never"]).code, 2);
    let none = Stage::new("");
    let tried = none.command(&["alert", "test"]);
    assert_eq!(tried.code, 1);
    assert!(tried.err.contains("the job file has no `alerts`"), "{}", tried.err);
    none.write_jobs("  bad: {shedule: 1}");
    assert_eq!(none.command(&["alert", "test"]).code, 1);
}

#[test]
fn root_obeys_no_job_file_that_others_can_change() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = stage_with("- {on: [failed], command: [/bin/true]}");
    let file = stage.state().parent().unwrap().join("jobs.yaml");
    let daemon = stage.start();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let tried = stage.command(&["alert", "test"]);
    let reload = stage.command(&["reload"]);
    drop(daemon);
    if rustix::process::geteuid().is_root() {
        assert_eq!((tried.code, reload.code), (1, 1), "{}{}", tried.err, reload.err);
        assert!(tried.err.contains("root obeys only what nobody else can change"), "{}", tried.err);
        assert!(
            reload.err.contains("root obeys only what nobody else can change"),
            "{}",
            reload.err
        );
        // What was good before is still kept, and runs.
        let _daemon = stage.start();
    } else {
        assert_eq!((tried.code, reload.code), (0, 0), "{}{}", tried.err, reload.err);
    }
}

#[test]
fn a_digest_is_tried_too_with_the_variables_of_one_in_which_nothing_has_happened() {
    let script = "test \"$TRANSFERD_EVENT $TRANSFERD_SUCCEEDED $TRANSFERD_LATE\" = \"digest 0 0\"";
    let digest = format!("{{schedule: '@daily', command: [/bin/sh, -c, '{script}']}}");
    let stage = stage_with(&format!("- {{digest: {digest}}}\n- {{on: late, notify: desktop}}"));
    for arguments in [&["alert", "test"][..], &["alert", "test", "--on", "digest"]] {
        let tried = stage.command(arguments);
        assert_eq!(tried.code, 0, "{}{}", tried.out, tried.err);
        assert!(tried.out.ends_with("1 of 1 alert delivered\n"), "{}", tried.out);
    }
    let tried = stage.command(&["alert", "test", "--on", "failed"]);
    assert!(tried.err.contains("no entry of `alerts` names `failed`"), "{}", tried.err);
}

#[test]
fn a_webhook_that_is_answered_with_200_and_a_failure_is_not_delivered() {
    let answer = "200 OK\r\ncontent-length: 35\r\n\r\n{\"ok\":false,\"error\":\"invalid_auth\"}";
    let receiver = Receiver::start(move |_| Some(answer));
    let alerts = format!("- {{on: [failed], webhook: {{url: '{}'}}}}\n", receiver.url("/hook"));
    let tried = stage_with(&alerts).command(&["alert", "test"]);
    assert_eq!(tried.code, 1);
    let words = "it answered 200, but says \"{\"ok\":false,\"error\":\"invalid_auth\"}\"";
    assert!(tried.out.contains(words), "{}", tried.out);
}
