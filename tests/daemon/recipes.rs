//! The recipes of `docs/alerts.md`, each tried against a stand-in that demands what the service's
//! own documentation does.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::alerts::{document, ok, stage_with};
use crate::receiver::{Receiver, Seen};
use crate::stage::now;

/// Takes the place of curl: keeps its words and what it is to send.
const STAND_IN: &str = "#!/bin/sh\n{ printf '%s\\n' \"$*\"; cat; } >\"$SENT.new\"\n\
                        mv \"$SENT.new\" \"$SENT\"\n";

fn write_program(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn script(name: &str) -> String {
    format!("{}/contrib/alerts/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// What a script has sent: the words for curl, and the body.
fn sent(path: &Path) -> (String, Value) {
    let text = std::fs::read_to_string(path).unwrap();
    let (words, body) = text.split_once('\n').unwrap();
    assert!(words.contains("--header Content-Type: application/json --data-binary @-"), "{words}");
    (words.to_owned(), document(body))
}

fn text(value: &Value, most: usize) -> &str {
    let text = value.as_str().unwrap();
    assert!(!text.is_empty() && text.chars().count() <= most, "{text}");
    text
}

/// Discord, "Execute Webhook": `content` has up to 2,000 characters; who may be mentioned is said.
fn is_taken_by_discord(body: &Value) -> String {
    assert_eq!(body["allowed_mentions"]["parse"], Value::Array(Vec::new()));
    text(&body["content"], 2_000).to_owned()
}

/// Teams, "When a Teams webhook request is received": a message whose attachments are adaptive cards.
fn is_taken_by_teams(body: &Value) -> String {
    assert_eq!(body["type"], "message");
    let card = &body["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &card["content"];
    assert_eq!((&card["type"], &card["version"]), (&"AdaptiveCard".into(), &"1.2".into()));
    assert_eq!(card["body"][0]["type"], "TextBlock");
    assert!(body.to_string().len() < 28 * 1_024);
    text(&card["body"][0]["text"], 2_000).to_owned()
}

/// PagerDuty, Events API v2, "Send an alert event".
fn is_taken_by_pagerduty(body: &Value, action: &str) -> String {
    assert_eq!((&body["routing_key"], &body["event_action"]), (&"k3y".into(), &action.into()));
    text(&body["dedup_key"], 255);
    let payload = &body["payload"];
    text(&payload["source"], 1_024);
    let severity = payload["severity"].as_str().unwrap();
    assert!(["critical", "error", "warning", "info"].contains(&severity), "{severity}");
    assert!(payload["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    text(&payload["summary"], 1_024).to_owned()
}

/// sendmail(8), RFC 5322: header lines, an empty line, a body; the recipients are its words.
fn is_taken_by_sendmail(words: &str, mail: &str) -> String {
    assert_eq!(words, "ops@example.com");
    let (head, body) = mail.split_once("\n\n").unwrap();
    assert!(!body.trim().is_empty(), "{mail}");
    let subject = head.strip_prefix("Subject: ").unwrap();
    assert!(!subject.contains('\n') && mail.lines().all(|line| line.len() < 998), "{mail}");
    subject.to_owned()
}

/// The mail command of the page about alerts, as it stands there.
fn mail_recipe() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md");
    let page = std::fs::read_to_string(page).unwrap();
    let lines = page.lines().filter_map(|line| line.trim().strip_prefix("- '"));
    let mut mails = lines.filter(|line| line.contains("sendmail"));
    mails.next().unwrap().trim_end_matches('\'').to_owned()
}

/// Slack, "Incoming webhooks": JSON with a `text`, in which `&`, `<` and `>` are escaped.
fn is_taken_by_slack(seen: &Seen) -> String {
    assert!(seen.headers.iter().any(|line| line == "content-type: application/json"));
    let body = document(&seen.body);
    let line = text(&body["text"], 40_000).to_owned();
    assert!(!line.contains(['<', '>']), "{line}");
    line
}

/// ntfy, "Message templating": the template fills in fields of the JSON body, of 32 kB at most.
fn is_taken_by_ntfy(seen: &Seen) -> String {
    let (path, query) = seen.line.split_once('?').unwrap();
    assert_eq!((path, query), ("POST /topic", "tpl=yes&m=%7B%7B.text%7D%7D"));
    assert!(seen.headers.iter().any(|line| line == "priority: high"), "{:?}", seen.headers);
    assert!(seen.body.len() <= 32 * 1_024);
    text(&document(&seen.body)["text"], 4_096).to_owned()
}

#[test]
fn each_recipe_sends_what_its_service_demands() {
    let receiver = Receiver::start(|n| Some(if n == 0 { "201 Created" } else { "200 OK" }));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_program(&path("curl"), STAND_IN);
    write_program(&path("sendmail"), STAND_IN);
    std::fs::write(path("key"), "k3y\n").unwrap();
    std::fs::write(path("curlrc"), "url = \"https://chat.example.com/s3cret\"\n").unwrap();
    std::fs::write(path("headers"), "Authorization: Bearer b\nPriority: high\n").unwrap();
    let command = |name: &str, file: &str| {
        let (at, out) = (folder.path().display(), path(name));
        format!(
            "- {{on: [failed], command: [/usr/bin/env, 'PATH={at}:/usr/bin:/bin', 'SENT={}', \
             '{}', '{at}/{file}']}}\n",
            out.display(),
            script(name)
        )
    };
    let mail = format!(
        "- {{on: [failed], command: [/usr/bin/env, 'PATH={}:/usr/bin:/bin', 'SENT={}', /bin/sh, \
         -c, '{}']}}\n",
        folder.path().display(),
        path("mail").display(),
        mail_recipe()
    );
    let stage = stage_with(&format!(
        "{}{}{}{mail}\
         - {{on: [failed], webhook: {{url: '{}'}}}}\n\
         - {{on: [failed], webhook: {{url: '{}', headers_file: '{}'}}}}\n\
         - {{on: [succeeded, failed], ping: {{url: '{}'}}}}\n",
        command("discord", "curlrc"),
        command("teams", "curlrc"),
        command("pagerduty", "key"),
        receiver.url("/slack"),
        receiver.url("/topic?tpl=yes&m=%7B%7B.text%7D%7D"),
        path("headers").display(),
        receiver.url("/ping-key/nightly?create=1"),
    ));
    let _daemon = stage.start();
    let run = stage.command(&["trigger", "broken", "--wait"]).out.trim().to_owned();
    stage.until("all are told", || {
        let scripts = ["discord", "teams", "pagerduty", "mail"];
        let scripts = scripts.iter().all(|name| path(name).exists());
        scripts && receiver.seen().len() == 4
    });
    let seen = receiver.seen();
    let by = |what: &str| seen.iter().find(|seen| seen.line.starts_with(what)).unwrap();
    let (words, body) = sent(&path("pagerduty"));
    assert!(words.ends_with("https://events.pagerduty.com/v2/enqueue"), "{words}");
    let mail = std::fs::read_to_string(path("mail")).unwrap();
    let (recipient, mail) = mail.split_once('\n').unwrap();
    let lines = [
        is_taken_by_sendmail(recipient, mail),
        is_taken_by_discord(&sent(&path("discord")).1),
        is_taken_by_teams(&sent(&path("teams")).1),
        is_taken_by_pagerduty(&body, "trigger"),
        is_taken_by_slack(by("POST /slack")),
        is_taken_by_ntfy(by("POST /topic")),
    ];
    for line in lines {
        assert!(line.starts_with("broken failed on "), "{line}");
    }
    // healthchecks.io: a check that is not there yet is made, and a run is known by a UUID.
    for path in ["/ping-key/nightly/start", "/ping-key/nightly/fail"] {
        by(&format!("POST {path}?create=1&rid={run}"));
    }
}

#[test]
fn no_word_of_others_breaks_out_of_a_scripts_body_and_no_address_is_on_its_command_line() {
    let folder = tempfile::tempdir().unwrap();
    write_program(&folder.path().join("curl"), STAND_IN);
    let key = folder.path().join("key");
    std::fs::write(&key, "k3y\n").unwrap();
    let hostile = r#"a failed: "$(id)` \n", "routing_key": "x" %s <@everyone> ü"#;
    let tell = |name: &str, event: &str| {
        let out = folder.path().join(format!("{name}-{event}"));
        let status = Command::new(script(name))
            .arg(&key)
            .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
            .env("SENT", &out)
            .envs([
                ("TRANSFERD_EVENT", event),
                ("TRANSFERD_JOB", "nightly"),
                ("TRANSFERD_HOSTNAME", "station"),
                ("TRANSFERD_AT", "2026-11-22T02:14:09Z"),
                ("TRANSFERD_TEXT", hostile),
            ])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        status.success().then(|| sent(&out))
    };
    let (words, body) = tell("discord", "failed").unwrap();
    assert_eq!(is_taken_by_discord(&body), hostile);
    assert!(words.contains(&format!("--config {}", key.display())), "{words}");
    let (_, body) = tell("teams", "failed").unwrap();
    assert_eq!(is_taken_by_teams(&body), hostile);
    let (words, failed) = tell("pagerduty", "timed_out").unwrap();
    assert_eq!(is_taken_by_pagerduty(&failed, "trigger"), hostile);
    assert!(!words.contains("k3y"), "{words}");
    let (_, recovered) = tell("pagerduty", "recovered").unwrap();
    is_taken_by_pagerduty(&recovered, "resolve");
    assert_eq!(recovered["dedup_key"], failed["dedup_key"], "it ends what the failure began");
    assert!(tell("pagerduty", "digest").is_none());
}

#[test]
fn a_receiver_that_says_when_to_come_again_is_obeyed() {
    let receiver = Receiver::start(|n| match n {
        0 => Some("429 Too Many Requests\r\nretry-after: 1"),
        1 => Some("503 Service Unavailable\r\nretry-after: 1"),
        _ => ok(n),
    });
    let stage =
        stage_with(&format!("- {{on: [failed], webhook: {{url: '{}'}}}}", receiver.url("/")));
    let _daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    stage.until("it was told to wait", || !receiver.seen().is_empty());
    let began = now();
    stage.until("it has come again, twice", || receiver.seen().len() == 3);
    // Left to ourselves, the first wait is 10 s, and the second twice that.
    let took = began.elapsed().as_millis();
    assert!(took >= 1_500, "{took} ms");
    let empty = || stage.json(&["status", "--json"])["alerts"]["waiting"] == 0;
    stage.until("it is delivered", empty);
}
