//! The server of `listen`, beside metrics: documents, the stream, the page.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::metrics::{ask, get, served};
use crate::stage::{Daemon, Stage};

/// Longer than any event takes to come on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stage whose daemon serves, and where; `more` is added to the job file.
fn serving(more: &str) -> (Stage, Daemon, String) {
    let stage = Stage::new("");
    stage.write_jobs(&format!("{more}listen: 127.0.0.1:0"));
    let daemon = stage.start();
    stage.until("it is served", || served(&daemon).len() == 1);
    let at = served(&daemon).remove(0);
    (stage, daemon, at)
}

/// The body of an answer that is not sent in pieces.
fn json(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A stream of events under way.
struct Stream(BufReader<TcpStream>);

/// An event as it came.
#[derive(Debug, PartialEq)]
struct Came {
    id: u64,
    data: Value,
}

impl Stream {
    fn open(at: &str, path: &str, last: Option<u64>) -> Self {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {at}\r\n{last}\r\n").unwrap();
        let mut stream = Self(BufReader::new(stream));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push_str(&stream.line());
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        assert!(!head.contains("access-control"), "{head}");
        stream
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
        line
    }

    /// The next event that has data.
    fn next(&mut self) -> Came {
        let mut id = None;
        loop {
            let line = self.line();
            assert!(!line.starts_with("event:"), "{line}");
            if let Some(text) = line.strip_prefix("id:") {
                id = Some(text.trim().parse().unwrap());
            }
            if let Some(text) = line.strip_prefix("data:") {
                return Came { id: id.unwrap(), data: serde_json::from_str(text).unwrap() };
            }
        }
    }

    /// Events up to one of this kind.
    fn until(&mut self, kind: &str) -> Vec<Came> {
        let mut all = vec![self.next()];
        while all.last().unwrap().data["event"] != kind {
            all.push(self.next());
        }
        all
    }
}

#[test]
fn the_stream_tells_what_events_does_and_goes_on_behind_the_last_one() {
    let (stage, _daemon, at) = serving("");
    let mut live = Stream::open(&at, "/events", None);
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    let told = live.until("succeeded");
    for came in &told {
        assert_eq!(came.data["id"], came.id);
        let keys: Vec<_> = came.data.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "at",
                "attempt",
                "blocked_by",
                "detail",
                "event",
                "id",
                "job",
                "limit",
                "reason_code",
                "run",
                "transfer_id",
                "until",
            ]
        );
    }
    let listed = &told.iter().find(|came| came.data["event"] == "listed").unwrap().data;
    assert_eq!(listed["attempt"], 1);
    assert!(listed["transfer_id"].is_string(), "{listed}");
    assert!(told.is_sorted_by_key(|came| came.id) && told.len() > 3, "{told:?}");

    let mut child = stage.spawn(&["events", "--since", "0", "--json"]);
    let mut printed = BufReader::new(child.stdout.take().unwrap()).lines();
    for came in &told {
        let line: Value = serde_json::from_str(&printed.next().unwrap().unwrap()).unwrap();
        assert_eq!(line, came.data);
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let (last, again) = (told[1].id, Stream::open(&at, "/events", Some(told[1].id)).next());
    assert_eq!(again, told[2], "behind {last}");
    let mut of_another = Stream::open(&at, "/events?since=0&job=broken", None);
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    let of_another = of_another.until("failed");
    assert!(of_another.iter().all(|came| came.data["job"] == "broken"));
    assert_eq!(of_another.last().unwrap().data["reason_code"], "agent_error");
    // Ids that this database does not have yet are of one that was put back since.
    let mut ahead = Stream::open(&at, "/events", Some(1_000_000));
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    assert!(ahead.until("succeeded").iter().all(|came| came.id < 1_000_000));
    assert_eq!(ask(&at, "GET", "/events?job=nobody", &at).0, 404);
    let nobody = stage.command(&["events", "nobody"]);
    assert_eq!(nobody.code, 1, "{}", nobody.err);
    assert!(nobody.err.contains("nobody"), "{}", nobody.err);
}

#[test]
fn the_documents_are_those_of_the_command_line() {
    let (stage, _daemon, at) = serving("");
    let id = stage.command(&["trigger", "hand", "--wait"]).out.trim().to_owned();
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    let document = |path: &str| json(&get(&at, path));
    // What the agent still has to say of the runs comes between one answer and the next.
    let same = |path: &str, arguments: &[&str]| {
        let what = format!("{path} is {arguments:?}");
        stage.until(&what, || document(path) == stage.json(arguments));
    };
    same("/api/status", &["status", "--json"]);
    same("/api/status?job=hand", &["status", "hand", "--json"]);
    same("/api/history", &["history", "--json"]);
    let failed = "/api/history?n=5&job=hand,broken&state=failed&since=1d";
    same(failed, &["history", "--failed", "--json"]);
    assert_eq!(document(failed).as_array().unwrap().len(), 1);
    same(&format!("/api/runs/{id}"), &["show", &id, "--json"]);
    same("/api/next", &["next", "--json"]);
    same("/api/next?job=nightly&n=2", &["next", "nightly", "-n", "2", "--json"]);
    for (path, status) in [
        ("/api/history?n=0", 400),
        ("/api/history?state=lost", 400),
        ("/api/history?since=soon", 400),
        ("/api/history?n=many", 400),
        ("/api/history?jobs=hand", 400),
        ("/api/status?jbo=hand", 400),
        ("/events?since=soon", 400),
        ("/api/history?job=nobody", 404),
        ("/api/status?job=nobody", 404),
        ("/api/runs/ffffffff", 404),
        ("/api/next?job=nobody", 404),
        ("/api/next?n=100000", 400),
        ("/nowhere", 404),
    ] {
        let (told, answer) = ask(&at, "GET", path, &at);
        assert_eq!(told, status, "{path}: {answer}");
        if path != "/nowhere" {
            let error = &json(&answer)["errors"][0];
            assert!(!error["message"].as_str().unwrap().is_empty(), "{path}: {answer}");
        }
    }
}

#[test]
fn every_answer_is_read_only_and_for_those_who_mean_this_machine() {
    let (stage, daemon, at) = serving("external_url: https://transfers.example.com/\n");
    for path in ["/", "/api/status", "/api/next", "/healthz", "/nowhere"] {
        let (_, answer) = ask(&at, "GET", path, &at);
        let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
        for header in [
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "frame-ancestors 'none'",
            "default-src 'none'",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(header), "{path}: {header}: {head}");
        }
        for word in ["access-control", "unsafe-inline", "unsafe-eval", "set-cookie"] {
            assert!(!head.contains(word), "{path}: {word}: {head}");
        }
    }
    for path in ["/", "/events", "/api/status", "/metrics"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let (status, answer) = ask(&at, method, path, &at);
            assert_eq!(status, 405, "{method} {path}");
            assert!(answer.to_lowercase().contains("allow: get, head"), "{answer}");
        }
        assert_eq!(ask(&at, "GET", path, "evil.example").0, 421, "{path}");
    }
    assert_eq!(ask(&at, "GET", "/api/next", "transfers.example.com").0, 200);
    // The name is that of the job file in force.
    stage.write_jobs("listen: 127.0.0.1:0\nexternal_url: https://elsewhere.example.com/\n");
    assert_eq!(stage.command(&["reload"]).code, 0);
    assert_eq!(ask(&at, "GET", "/api/next", "transfers.example.com").0, 421);
    assert_eq!(ask(&at, "GET", "/api/next", "elsewhere.example.com").0, 200);
    assert_eq!(served(&daemon).len(), 1, "it was not bound anew for that");
}

/// The text between two others, which come in that order.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let rest = text.split_once(begin).unwrap_or_else(|| panic!("no {begin:?}: {text}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no {end:?}: {rest}")).0
}

#[test]
fn the_page_reads_without_javascript_and_links_to_each_run() {
    let (stage, _daemon, at) = serving("");
    let good = stage.command(&["trigger", "lost", "--wait"]).out.trim().to_owned();
    let bad = stage.command(&["trigger", "broken", "--wait"]).out.trim().to_owned();
    let page = get(&at, "/");
    let head = page.split("\r\n\r\n").next().unwrap();
    assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
    let policy = between(head, "content-security-policy: ", "\r\n");
    for rule in ["default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "img-src data:"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(page.contains("<link rel=\"icon\" href=\"data:image/svg+xml,"));
    let facts = between(&page, "id=\"problems\"", "</section>");
    for word in [
        "2 problems",
        "can be read by others",
        "1 job failed last: broken",
        "Agent",
        "Token",
        "Job file",
        "Alerts",
    ] {
        assert!(facts.contains(word), "{word}: {facts}");
    }
    let status = stage.json(&["status", "--json"]);
    let problems: Vec<_> = status["problems"].as_array().unwrap().iter().collect();
    assert_eq!(problems.len(), 2, "what the page counts: {status}");
    assert_eq!(problems[1], "1 job failed last: broken");
    let jobs = between(&page, "id=\"jobs\"", "</section>");
    for job in ["broken", "hand", "lost", "nightly", "slow"] {
        assert!(jobs.contains(&format!("scope=\"row\">{job}")), "{job}: {jobs}");
    }
    assert!(jobs.find(">broken<") < jobs.find(">hand<"), "what failed comes first: {jobs}");
    assert!(jobs.contains("1 day with failures, 13 days without runs"), "{jobs}");
    let coming = between(&page, "id=\"coming\"", "</section>");
    assert!(coming.contains("<strong>nightly</strong>"), "{coming}");
    let foreseen = "aria-label=\"1 hour in which a transfer is at work\"";
    assert!(coming.contains("class=\"strip hours\"") && coming.contains(foreseen), "{coming}");
    let latest = between(&page, "id=\"latest\"", "</section>");
    for id in [&good, &bad] {
        assert!(latest.contains(&format!("<a href=\"runs/{id}\">{}</a>", &id[..8])), "{latest}");
    }
    let run = get(&at, &format!("/runs/{good}"));
    for words in [
        "a:src/x/",
        "b:c/lost/",
        "Attempt 1",
        "<strong>uncertain</strong>",
        "<strong>listed</strong>",
        "the answer was lost",
        "<a href=\"../\">",
    ] {
        assert!(run.contains(words), "{words}: {run}");
    }
    let (status, answer) = ask(&at, "GET", "/runs/ffffffff", &at);
    assert_eq!(status, 404);
    assert!(answer.contains("there is no job or run `ffffffff`"), "{answer}");
}

#[test]
fn what_others_write_is_text_on_every_page() {
    let evil = "<script>alert(1)</script>";
    let job = format!(
        "  evil: {{description: \"{evil}\", source: *s, destination: {{account: b, bucket: c, path: \
         \"<b>'&\"}}}}\n"
    );
    let (stage, _daemon, at) = serving(&job);
    let id = stage.command(&["trigger", "evil", "--wait"]).out.trim().to_owned();
    assert_eq!(stage.command(&["pause", "hand", "--reason", evil]).code, 0);
    let search = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in ["/", &format!("/?q={search}"), &format!("/runs/{id}"), &format!("/runs/{search}")]
    {
        let (_, page) = ask(&at, "GET", path, &at);
        let body = between(&page, "<body>", "<script>\n");
        assert!(!body.contains("<script") && !body.contains("<b>"), "{path}: {body}");
    }
    let page = get(&at, "/");
    assert_eq!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count(), 2, "{page}");
    let found = get(&at, "/?q=NIGHT");
    let jobs = between(&found, "id=\"jobs\"", "</section>");
    assert!(jobs.contains(">nightly<") && !jobs.contains(">evil<"), "{jobs}");
}

#[test]
fn problems_come_first_and_a_bad_job_file_is_told_with_its_places() {
    let (stage, _daemon, at) = serving("");
    stage.write_jobs("  bad: {shedule: 1}");
    assert_eq!(stage.command(&["reload"]).code, 1);
    let page = get(&at, "/");
    let problems = between(&page, "id=\"problems\"", "</section>");
    assert!(problems.contains("the job file is invalid"), "{problems}");
    assert!(problems.contains("unknown key `shedule`"), "{problems}");
    assert!(problems.contains("jobs.yaml:"), "{problems}");
    assert!(page.contains("<title>! transferd on "), "{page}");
    assert!(page.find("id=\"problems\"") < page.find("id=\"jobs\""));
}

#[test]
fn the_calendar_names_each_occurrence_the_same_each_time() {
    let minutely = "  minutely: {schedule: \"* * * * *\", source: *s, destination: {account: b, \
                    bucket: c, path: \"m,;/{%H}/{job}/{run}/\"}, description: what runs each minute of each day \
                    and so has many occurrences}\n";
    let (_stage, _daemon, at) = serving(minutely);
    let calendar = || {
        let answer = get(&at, "/calendar.ics");
        assert!(answer.contains("content-type: text/calendar; charset=utf-8"), "{answer}");
        answer
    };
    let text = calendar();
    for line in text.split("\r\n") {
        assert!(line.len() <= 75 || line.starts_with("content-security-policy"), "{line}");
    }
    let whole = text.replace("\r\n ", "");
    assert!(whole.contains("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//transferd//"), "{whole}");
    assert!(whole.contains("END:VCALENDAR\r\n"), "{whole}");
    // As the occurrence will have it; only the run's id is not known yet.
    assert!(!whole.contains("{%H}"), "{whole}");
    assert!(whole.contains("/minutely/{run}/"), "{whole}");
    assert!(whole.contains("c/m\\,\\;/"), "{whole}");
    let count = |name: &str| whole.matches(&format!("SUMMARY:{name}\r\n")).count();
    assert_eq!(count("minutely"), 50);
    assert!((29..=31).contains(&count("nightly")), "{whole}");
    assert_eq!(count("hand"), 0);
    let uids = |text: &str| -> Vec<String> {
        let lines = text.split("\r\n").filter(|line| line.starts_with("UID:"));
        lines.map(str::to_owned).collect()
    };
    let (first, mut again) = (uids(&text), uids(&calendar()));
    let nightly = |all: &[String]| all[all.len() - 29..].to_vec();
    assert_eq!(nightly(&first), nightly(&again));
    again.sort();
    again.dedup();
    assert_eq!(again.len(), first.len());
}

#[test]
fn a_run_whose_job_is_gone_from_the_file_is_shown_until_it_ends() {
    let endless = "  endless: {source: *s, destination: {account: b, bucket: c, path: endless/}}\n";
    let (stage, _daemon, at) = serving(endless);
    let id = stage.command(&["trigger", "endless"]).out.trim().to_owned();
    stage.until("the transfer runs", || stage.run(&id)["state"] == "running");
    stage.write_jobs("listen: 127.0.0.1:0");
    assert_eq!(stage.command(&["reload"]).code, 0);
    let gone = |status: &Value| status["runs_of_removed_jobs"].clone();
    let status = stage.json(&["status", "--json"]);
    assert_eq!(
        (&gone(&status)[0]["id"], &gone(&status)[0]["job"]),
        (&id.into(), &"endless".into())
    );
    let told = stage.command(&["status"]).out;
    assert!(told.contains("of `endless`, which is gone from the job file: running"), "{told}");
    let page = get(&at, "/");
    assert!(!page.contains("No run is under way"), "{page}");
    assert!(page.contains("its job is gone from the job file"), "{page}");
    let metrics = || get(&at, "/metrics");
    assert!(metrics().contains("transferd_job_running{job=\"endless\"} 1\n"), "{}", metrics());
    assert_eq!(stage.command(&["cancel", "endless"]).code, 0);
    stage.until("it is over", || gone(&stage.json(&["status", "--json"])) == serde_json::json!([]));
    assert!(!metrics().contains("transferd_job_running{job=\"endless\"}"), "{}", metrics());
}
