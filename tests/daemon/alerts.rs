//! Alerts as people get them: the real binary, the simulated agent, and receivers of all kinds.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};
use serde_json::Value;

use crate::receiver::Receiver;
use crate::stage::{Stage, now};

/// A part of an address that is nowhere but there.
const SECRET: &str = "T0pSecretHook";

pub(crate) fn ok(_: usize) -> Option<&'static str> {
    Some("200 OK")
}

/// The folder of the job file.
fn folder(stage: &Stage) -> &Path {
    stage.state().parent().unwrap()
}

fn write(stage: &Stage, name: &str, text: &str) -> PathBuf {
    let path = folder(stage).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A stage whose job file has these alerts.
pub(crate) fn stage_with(alerts: &str) -> Stage {
    let stage = Stage::new("");
    stage.write_jobs(&format!("alerts:\n{alerts}"));
    stage
}

pub(crate) fn document(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[test]
fn a_webhook_is_given_the_document_and_the_headers_of_its_file() {
    let receiver = Receiver::start(ok);
    let stage = stage_with(
        "- {on: [failed], webhook: {url_file: hook, headers_file: headers}}\n\
         external_url: https://transfers.example.com/a/",
    );
    write(&stage, "hook", &format!("{}\n", receiver.url("/hook")));
    write(&stage, "headers", "# whose\nX-Tag: of mine\nAuthorization: Bearer b\n\n");
    let daemon = stage.start();
    let waited = stage.command(&["trigger", "broken", "--wait"]);
    assert_eq!(waited.code, 1);
    stage.until("the alert is there", || !receiver.seen().is_empty());
    let seen = receiver.seen().remove(0);
    assert_eq!(seen.line, "POST /hook");
    for header in ["content-type: application/json", "x-tag: of mine", "authorization: Bearer b"] {
        assert!(seen.headers.iter().any(|line| line == header), "{header}: {:?}", seen.headers);
    }
    let told = document(&seen.body);
    assert_eq!(told["event"], "failed");
    assert_eq!(told["job"], "broken");
    let run = waited.out.trim();
    assert_eq!(told["run"], run);
    assert_eq!(told["url"], format!("https://transfers.example.com/a/runs/{run}"));
    assert_eq!(told["state"], "failed");
    assert_eq!(told["attempts"], 1);
    assert!(told["scheduled_for"].is_null(), "a manual run has none");
    assert!(told["text"].as_str().unwrap().starts_with("broken failed on "), "{told}");
    assert!(told["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    stage.until("the outbox is empty", || is_empty(&stage));
    drop(daemon);
    assert_eq!(receiver.seen().len(), 1);
}

#[test]
fn an_alert_that_was_under_way_when_the_daemon_was_killed_comes_after_its_restart() {
    let receiver = Receiver::start(|n| (n > 0).then_some("204 No Content"));
    let url = receiver.url("/hook");
    let stage = stage_with(&format!("- {{on: [failed], webhook: {{url: '{url}'}}}}"));
    let mut daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    stage.until("it is under way", || receiver.seen().len() == 1);
    daemon.kill();
    let _daemon = stage.start();
    stage.until("it comes again", || receiver.seen().len() == 2);
    stage.until("the outbox is empty", || is_empty(&stage));
    let seen = receiver.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(document(&seen[0].body), document(&seen[1].body), "the same, by the same id");
}

#[test]
fn a_receiver_that_is_late_holds_up_neither_runs_nor_the_end_of_the_daemon() {
    let receiver = Receiver::start(|_| None);
    let url = receiver.url("/hook");
    let stage = stage_with(&format!("- {{on: [failed, succeeded], webhook: {{url: '{url}'}}}}"));
    let mut daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    stage.until("it is under way", || receiver.seen().len() == 1);
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    let began = now();
    assert_eq!(daemon.stop(), 0);
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
    assert_eq!(receiver.seen().len(), 1, "one of an entry at a time");
}

#[test]
fn a_receiver_that_sends_answers_before_its_answer_without_end_holds_up_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (under_way, begun) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let pieces = "HTTP/1.1 100 Continue\r\n\r\n".repeat(4_000);
        while let Ok((mut stream, _)) = listener.accept() {
            under_way.send(()).unwrap();
            while stream.write_all(pieces.as_bytes()).is_ok() {}
        }
    });
    let stage = stage_with(&format!("- {{on: [failed], webhook: {{url: 'http://{address}/'}}}}"));
    let mut daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    begun.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    let began = now();
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    assert_eq!(stage.command(&["status"]).code, 0);
    assert_eq!(daemon.stop(), 0);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[test]
fn failures_are_seen_in_status_redirects_are_not_followed_and_no_secret_is_reported() {
    let receiver = Receiver::start(|_| Some("302 Found\r\nlocation: /elsewhere-T0pSecretHook"));
    let alerts = "- {on: [failed], webhook: {url_file: hook, headers_file: headers}}\n\
                  - {on: [failed], ping: {url_file: nobody}}\n";
    let stage = stage_with(alerts);
    write(&stage, "hook", &receiver.url(&format!("/{SECRET}?key={SECRET}")));
    write(&stage, "headers", &format!("Authorization: {SECRET}"));
    // Nobody listens there: the port is that of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    write(&stage, "nobody", &format!("http://{gone}/{SECRET}"));
    let mut daemon = stage.start_with(&["--log-level", "trace"]);
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    let failing = || stage.json(&["status", "--json"])["alerts"]["failing"].clone();
    stage.until("both have failed", || failing().as_array().unwrap().len() == 2);
    let failing = failing().to_string();
    assert!(failing.contains("it answered 302, and redirects are not followed"), "{failing}");
    assert!(failing.contains("no connection"), "{failing}");
    assert!(failing.contains("(`alerts[0]`)") && failing.contains("(`alerts[1]`)"), "{failing}");
    let status = stage.command(&["status"]);
    assert!(status.out.contains("is not delivered after"), "{}{}", status.out, status.err);
    assert_eq!(receiver.lines(), [format!("POST /{SECRET}?key={SECRET}")]);

    daemon.stop();
    let tried = stage.command(&["--log-level", "trace", "alert", "test", "--json"]);
    assert_eq!(tried.code, 1);
    let log = daemon.log();
    assert!(log.contains("not delivered, and tried again"), "{log}");
    let files: Vec<_> =
        stage.state_files().iter().map(|file| String::from_utf8_lossy(file).into_owned()).collect();
    for text in [failing, status.out, status.err, log, tried.out, tried.err].iter().chain(&files) {
        assert!(!text.contains(SECRET), "the secret is in {text}");
    }
}

#[test]
fn a_ping_says_start_success_and_failure_in_this_order() {
    let receiver = Receiver::start(ok);
    let url = receiver.url("/check/");
    let alert = format!("- {{on: [succeeded, failed], ping: {{url: '{url}'}}}}");
    let stage = stage_with(&alert);
    let _daemon = stage.start();
    let runs = ["hand", "broken"].map(|job| stage.command(&["trigger", job, "--wait"]));
    assert_eq!(runs.each_ref().map(|run| run.code), [0, 1]);
    stage.until("all are there", || receiver.seen().len() == 4);
    let [good, bad] = runs.each_ref().map(|run| run.out.trim());
    let lines = [("start", good), ("", good), ("start", bad), ("fail", bad)];
    let lines = lines.map(|(what, run)| format!("POST /check/{what}?rid={run}"));
    assert_eq!(receiver.lines(), lines);
    assert!(receiver.seen()[3].body.contains("error of the transfer"), "the reason is told");
}

#[test]
fn a_command_is_given_the_document_and_its_fields_and_no_secret_of_the_daemon() {
    let stage = Stage::new("");
    let out = folder(&stage).join("told");
    let script = format!("cat > {0}.new; env > {0}.env; mv {0}.new {0}", out.display());
    stage.write_jobs(&format!("alerts:\n- {{on: [failed], command: [/bin/sh, -c, '{script}']}}"));
    let _daemon = stage.start();
    let id = stage.command(&["trigger", "broken", "--wait"]).out.trim().to_owned();
    stage.until("the command has run", || out.exists());
    let told = document(&std::fs::read_to_string(&out).unwrap());
    assert_eq!((&told["event"], &told["run"]), (&"failed".into(), &id.as_str().into()));
    let variables = std::fs::read_to_string(out.with_extension("env")).unwrap();
    for line in ["TRANSFERD_EVENT=failed", "TRANSFERD_JOB=broken", "TRANSFERD_STATE=failed"] {
        assert!(variables.lines().any(|found| found == line), "{line}: {variables}");
    }
    assert!(variables.contains(&format!("TRANSFERD_RUN={id}\n")), "{variables}");
}

#[test]
fn a_command_that_is_at_work_ends_with_the_daemon_and_what_it_started_too() {
    let stage = Stage::new("");
    let out = folder(&stage).join("child");
    let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", out.display());
    stage.write_jobs(&format!("alerts:\n- {{on: [failed], command: [/bin/sh, -c, '{script}']}}"));
    let mut daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    stage.until("the command runs", || out.exists());
    let child: i32 = std::fs::read_to_string(&out).unwrap().trim().parse().unwrap();
    let child = Pid::from_raw(child).unwrap();
    assert!(test_kill_process(child).is_ok());
    let began = now();
    assert_eq!(daemon.stop(), 0);
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
    stage.until("the child is gone", || !is_at_work(child));
}

/// True while a process is there and is no more than waited for.
fn is_at_work(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

#[test]
fn a_bad_job_file_is_told_of_once() {
    let receiver = Receiver::start(ok);
    let url = receiver.url("/hook");
    let alerts = format!("alerts:\n- {{on: [config_invalid], webhook: {{url: '{url}'}}}}");
    let stage = Stage::new("");
    stage.write_jobs(&alerts);
    let daemon = stage.start();
    stage.write_jobs(&format!("  bad: {{shedule: 1}}\n{alerts}"));
    assert_eq!(stage.command(&["reload"]).code, 1);
    stage.until("it is told", || !receiver.seen().is_empty());
    assert_eq!(stage.command(&["reload"]).code, 1);
    stage.until("its delivery is recorded", || is_empty(&stage));
    drop(daemon);
    let _daemon = stage.start();
    stage.write_jobs(&alerts);
    assert_eq!(stage.command(&["reload"]).code, 0);
    stage.write_jobs(&format!("  bad: {{shedule: 2}}\n{alerts}"));
    assert_eq!(stage.command(&["reload"]).code, 1);
    stage.until("it is told again", || receiver.seen().len() == 2);
    let told = document(&receiver.seen()[0].body);
    assert_eq!(told["event"], "config_invalid");
    assert!(told["reason"].as_str().unwrap().contains("jobs.bad"), "{told}");
    assert!(told["job"].is_null());
}

#[test]
fn a_token_that_ends_soon_is_told_of_once_over_restarts_and_tokens() {
    use base64::Engine as _;
    let receiver = Receiver::start(ok);
    let url = receiver.url("/hook");
    let on = "[token_expiring]";
    let stage = stage_with(&format!("- {{on: {on}, webhook: {{url: '{url}'}}}}"));
    let write_token = |hours: i64| {
        let ends = at_hand() + jiff::SignedDuration::from_hours(hours);
        let claims = format!("{{\"exp\":{}}}", ends.as_second());
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
        write(&stage, "token", &format!("head.{claims}.sign"));
        ends
    };
    let ends = write_token(24);
    let daemon = stage.start();
    stage.until("it is told", || !receiver.seen().is_empty());
    let told = document(&receiver.seen()[0].body);
    assert_eq!(told["event"], "token_expiring");
    let until = ends.strftime("the token expires at %Y-%m-%d %H:%M:%S").to_string();
    assert!(told["reason"].as_str().unwrap().starts_with(&until), "{told}");
    // A daemon that is killed before it has recorded the delivery delivers again.
    stage.until("its delivery is recorded", || is_empty(&stage));
    drop(daemon);
    let _daemon = stage.start();
    // The next one is another token.
    write_token(48);
    assert_eq!(stage.command(&["reload"]).code, 0);
    stage.until("the other is reported", || receiver.seen().len() == 2);
    assert!(!receiver.seen()[1].body.contains(&until), "the first is reported once");
}

/// True once no alert waits for its delivery.
fn is_empty(stage: &Stage) -> bool {
    stage.json(&["status", "--json"])["alerts"]["waiting"] == 0
}

#[expect(clippy::disallowed_methods, reason = "a token's end is compared with the real clock")]
fn at_hand() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[test]
fn a_job_without_a_success_is_late_by_time_alone() {
    let receiver = Receiver::start(ok);
    let url = receiver.url("/hook");
    let stage = Stage::new("");
    stage.write_jobs(&format!(
        "  old: {{source: *s, destination: {{account: b, bucket: c, path: old/}}, max_age: 1s}}\n\
         alerts:\n- {{on: [late], webhook: {{url: '{url}'}}}}"
    ));
    let _daemon = stage.start();
    stage.until("it is told", || !receiver.seen().is_empty());
    let told = document(&receiver.seen()[0].body);
    assert_eq!((&told["event"], &told["job"]), (&"late".into(), &"old".into()));
    assert!(told["run"].is_null());
    assert!(told["text"].as_str().unwrap().contains("`max_age` is 1s"), "{told}");
}

#[test]
fn each_end_is_counted_in_one_digest_also_across_a_kill() {
    let receiver = Receiver::start(ok);
    let url = receiver.url("/hook");
    let digest = format!("schedule: '* * * * * *', webhook: {{url: '{url}'}}");
    let stage = stage_with(&format!("- {{jobs: [hand, br*], digest: {{{digest}}}}}"));
    let mut daemon = stage.start();
    stage.until("digests come", || !receiver.seen().is_empty());
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    daemon.kill();
    let _daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "slow", "--json"]).code, 0, "it is about other jobs");
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    // What was under way in the kill may come twice, by the same id.
    let told = || {
        let seen = receiver.seen().into_iter().map(|seen| document(&seen.body));
        let by_id = seen.map(|told| (told["id"].as_str().unwrap().to_owned(), told));
        let mut told: Vec<_> =
            by_id.collect::<std::collections::BTreeMap<_, _>>().into_values().collect();
        told.sort_by_key(|told| told["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
        told
    };
    let sum = |field: &str| {
        told().iter().map(|told| told["digest"]["runs"][field].as_u64().unwrap()).sum::<u64>()
    };
    stage.until("all ends are counted", || sum("failed") >= 2);
    assert_eq!((sum("succeeded"), sum("failed"), sum("timed_out")), (1, 2, 0));
    let told = told();
    for pair in told.windows(2) {
        assert_eq!(pair[0]["digest"]["until"], pair[1]["digest"]["since"], "nothing between them");
    }
    let failed = told.iter().find(|told| told["digest"]["runs"]["failed"] != 0).unwrap();
    assert_eq!((&failed["event"], &failed["run"]), (&"digest".into(), &Value::Null));
    let failure = &failed["digest"]["failures"][0];
    assert_eq!((&failure["job"], &failure["recovered"]), (&"broken".into(), &false.into()));
    let words = failed["text"].as_str().unwrap();
    assert!(words.starts_with("transferd on ") && words.contains("failed: broken ("), "{words}");
    let moved = told.iter().find(|told| told["digest"]["runs"]["succeeded"] != 0).unwrap();
    assert!(moved["digest"]["objects"].as_u64().unwrap() > 0, "{moved}");
}
