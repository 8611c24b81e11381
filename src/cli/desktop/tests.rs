//! Which events are reported, and how often.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::mpsc;

use super::limits::{AGENT_DOWN_AFTER, MOST, SPAN};
use super::notices::{Notice, Throttle, Watcher};
use super::screen::ToShow;
use super::{Global, Scope, Service, follow, followed, listen, services, sockets};
use crate::cli::LogFormat;
use crate::cli::places::Search;
use crate::control::client::Client;
use crate::control::document::StatusDocument;
use crate::control::events::HappenedDocument;
use crate::control::request::EventsQuery;
use crate::control::socket;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn place() -> Value {
    json!({"account": null, "account_id": "6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11", "bucket": "b",
           "path": "p/"})
}

fn job(name: &str, late: bool, waits_for: Option<&str>) -> Value {
    let run = waits_for.map(|code| {
        json!({"id": "6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01", "job": name, "trigger": "manual",
               "state": "waiting", "reason": "for the agent: it is away", "reason_code": code,
               "source": place(), "destination": place(), "created_at": at(0), "attempts": []})
    });
    json!({"name": name, "enabled": true, "paused": false, "late": late, "source": place(),
           "destination": place(), "active_run": run})
}

fn status(jobs: &[Value], more: &Value) -> StatusDocument {
    let mut document = json!({
        "daemon": {"version": "0", "pid": 1, "started_at": at(0)},
        "config": {"path": "jobs.yaml", "valid": true},
        "agent": {"url": "u", "state": "started", "token": {"valid": true, "expires_at": null}},
        "jobs": jobs, "problems": [],
    });
    for (key, value) in more.as_object().unwrap() {
        document[key] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

fn happened(job: &str, event: &str, detail: &str) -> HappenedDocument {
    let run = "6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01";
    let document =
        json!({"id": 1, "at": at(0), "event": event, "job": job, "run": run, "detail": detail});
    serde_json::from_value(document).unwrap()
}

fn titles(notices: &[Notice]) -> Vec<&str> {
    notices.iter().map(|notice| notice.title.as_str()).collect()
}

#[test]
fn a_failure_is_told_of_with_its_reason_and_nothing_else_is() {
    let happened = |event: &str| happened("nightly", event, "3 of 20 objects failed\u{202e}");
    let notice = Watcher::default().happened(&happened("failed")).unwrap();
    assert_eq!((&*notice.title, &*notice.body), ("nightly failed", "3 of 20 objects failed"));
    assert_eq!(
        Watcher::default().happened(&happened("timed_out")).unwrap().title,
        "nightly timed out"
    );
    for event in ["succeeded", "skipped", "canceled", "backing_off", "accepted", "unheard_of"] {
        assert_eq!(Watcher::default().happened(&happened(event)), None, "{event}");
    }
}

#[test]
fn a_late_job_is_told_of_once_until_it_is_late_again() {
    let mut watcher = Watcher::default();
    let mut look = |late: &[bool]| {
        let jobs: Vec<_> =
            late.iter().enumerate().map(|(n, late)| job(&format!("j{n}"), *late, None)).collect();
        watcher.looked(&status(&jobs, &json!({})), at(0))
    };
    assert_eq!(titles(&look(&[true, false])), ["j0 is late"]);
    assert_eq!(look(&[true, false]), []);
    assert_eq!(look(&[false, false]), []);
    let several = look(&[true; 5]);
    assert_eq!(titles(&several), ["5 jobs are late"]);
    assert_eq!(several[0].body, "j0, j1, j2 and 2 more");
}

#[test]
fn an_outage_is_told_of_once_and_only_if_it_lasts() {
    let mut watcher = Watcher::default();
    let mut look = |code: Option<&str>, now| {
        watcher.looked(&status(&[job("nightly", false, code)], &json!({})), now)
    };
    let lasts = |from: i64| at(from) + AGENT_DOWN_AFTER;
    assert_eq!(look(Some("waiting_agent"), at(0)), []);
    assert_eq!(look(Some("waiting_agent"), at(60)), []);
    assert_eq!(look(Some("waiting_port"), at(120)), []);
    let told = look(Some("waiting_token"), lasts(0));
    assert_eq!(titles(&told), ["transfers wait for the Amove agent"]);
    assert_eq!(told[0].body, "for the agent: it is away: nightly");
    assert_eq!(look(Some("waiting_agent"), lasts(3600)), []);
    // Waiting for a slot is not an outage, and the next outage is another one.
    assert_eq!(look(Some("waiting_slot"), at(7200)), []);
    assert_eq!(look(Some("waiting_agent"), at(7300)), []);
    // The clock was set back: it begins anew.
    assert_eq!(look(Some("waiting_agent"), at(100)), []);
    assert_eq!(look(Some("waiting_agent"), at(7300)).len(), 1);
}

#[test]
fn a_token_is_told_of_three_days_before_its_end_and_at_its_end() {
    let mut watcher = Watcher::default();
    let day = 24 * 3600;
    let mut look = |ends: i64, now: i64| {
        let agent = json!({"url": "u", "state": "started",
                           "token": {"valid": true, "expires_at": at(ends)}});
        let told = watcher.looked(&status(&[], &json!({"agent": agent})), at(now));
        titles(&told).first().map(|title| (*title).to_owned())
    };
    assert_eq!(look(10 * day, 0), None);
    assert_eq!(look(10 * day, 7 * day).as_deref(), Some("the agent's token expires in 3 d"));
    assert_eq!(look(10 * day, 9 * day), None);
    assert_eq!(look(10 * day, 10 * day).as_deref(), Some("the agent's token has expired"));
    assert_eq!(look(10 * day, 11 * day), None);
    // A new one, that ends within hours.
    assert_eq!(look(12 * day, 11 * day).as_deref(), Some("the agent's token expires in 1 d"));
}

#[test]
fn a_bad_job_file_is_told_of_once_until_it_is_good() {
    let mut watcher = Watcher::default();
    let mut look = |valid: bool| {
        let config = json!({"path": "jobs.yaml", "valid": valid, "error": "no `jobs`"});
        watcher.looked(&status(&[], &json!({"config": config})), at(0))
    };
    assert_eq!(look(true), []);
    assert_eq!(look(false)[0].body, "the old jobs go on: no `jobs`");
    assert_eq!(look(false), []);
    assert_eq!(look(true), []);
    assert_eq!(look(false).len(), 1);
}

#[test]
fn a_bad_night_does_not_cover_the_screen() {
    let mut throttle = Throttle::default();
    let notice = || Notice::new("a failed", "", true);
    for _ in 0..MOST {
        assert!(throttle.admit(notice(), at(0)).is_some());
    }
    assert_eq!(throttle.wait(at(0)), None, "nothing was held back");
    for _ in 0..7 {
        assert_eq!(throttle.admit(notice(), at(1)), None);
    }
    assert_eq!(throttle.wait(at(10)), Some(std::time::Duration::from_secs(50)));
    let after = at(0) + SPAN;
    assert_eq!(throttle.rest(after).unwrap().title, "7 more messages from transferd");
    assert_eq!((throttle.rest(after), throttle.wait(after)), (None, None));
    while throttle.admit(notice(), after).is_some() {}
    // A clock that was set back holds nothing up.
    assert!(throttle.admit(notice(), at(0) - SignedDuration::from_hours(1)).is_some());
}

#[test]
fn what_the_job_file_asks_for_is_shown_and_nothing_else() {
    let mut watcher = Watcher::default();
    let asked = json!({"alerts": {"waiting": 0, "failing": [], "desktop": [
        {"on": ["succeeded", "late"], "jobs": ["nightly-*"]},
        {"on": ["recovered", "stuck", "from_a_newer_daemon"], "jobs": []},
    ]}});
    let jobs = [job("nightly-a", true, None), job("hourly", true, None)];
    assert_eq!(titles(&watcher.looked(&status(&jobs, &asked), at(0))), ["nightly-a is late"]);
    let mut told = |job: &str, event: &str| {
        watcher
            .happened(&happened(job, event, "1 object"))
            .map(|notice| (notice.title, notice.urgent))
    };
    let quiet = |title: &str| Some((title.to_owned(), false));
    assert_eq!(told("nightly-a", "succeeded"), quiet("nightly-a succeeded"));
    assert_eq!(told("hourly", "succeeded"), None);
    assert_eq!(told("hourly", "failed"), None, "no entry names it");
    assert_eq!(told("hourly", "succeeded"), quiet("hourly has recovered"));
    assert_eq!(told("hourly", "ambiguous"), Some(("hourly is stuck".to_owned(), true)));
    // No entry names an outage, a token or an invalid job file.
    let bad = json!({"alerts": asked["alerts"],
                     "config": {"path": "jobs.yaml", "valid": false, "error": "no `jobs`"}});
    assert_eq!(watcher.looked(&status(&jobs, &bad), at(1)), []);
}

#[test]
fn a_job_that_had_failed_before_anybody_looked_recovers_once() {
    let failed = |state: &str| {
        let mut job = job("nightly", false, Some("agent_error"));
        job["last_run"] = job["active_run"].take();
        job["last_run"]["state"] = state.into();
        job
    };
    let look = |watcher: &mut Watcher, state: &str, on: &[&str]| {
        let entry = json!({"on": on, "jobs": []});
        let alerts = json!({"waiting": 0, "failing": [], "desktop": [entry]});
        watcher.looked(&status(&[failed(state)], &json!({"alerts": alerts})), at(0));
    };
    let succeeded = |watcher: &mut Watcher| {
        watcher.happened(&happened("nightly", "succeeded", "")).map(|notice| notice.title)
    };
    let mut watcher = Watcher::default();
    look(&mut watcher, "failed", &["recovered"]);
    assert_eq!(succeeded(&mut watcher).as_deref(), Some("nightly has recovered"));
    assert_eq!(succeeded(&mut watcher), None);
    // From then on events report failures: a status may be older.
    look(&mut watcher, "failed", &["recovered"]);
    assert_eq!(succeeded(&mut watcher), None);
    // For a person who wants successes alone, a recovery is a success too.
    let mut watcher = Watcher::default();
    look(&mut watcher, "timed_out", &["succeeded"]);
    assert_eq!(succeeded(&mut watcher).as_deref(), Some("nightly succeeded"));
}

#[test]
fn without_an_option_both_services_are_followed() {
    let search = || Search {
        meant: vec![PathBuf::from("/run/user/7/control.sock")],
        other: Some(("the system's service", "--system", PathBuf::from("/run/control.sock"))),
        ..Search::default()
    };
    let own = PathBuf::from("/run/user/7/control.sock");
    let both = vec![own.clone(), PathBuf::from("/run/control.sock")];
    assert_eq!(sockets(search(), Scope::Unsaid), both);
    assert_eq!(sockets(search(), Scope::User), [own]);
}

/// Answers for a daemon in which all is well and one run fails; ends with that event. Reports the
/// requests.
async fn stand_in(listener: UnixListener, asked: mpsc::UnboundedSender<String>) {
    let status = serde_json::to_string(&status(&[], &json!({}))).unwrap();
    let mut failed = serde_json::to_value(happened("nightly", "failed", "no such bucket")).unwrap();
    failed["id"] = 41.into();
    while let Ok((mut connection, _)) = listener.accept().await {
        let (asked, mut request) = (asked.clone(), Vec::new());
        let (status, event) = (status.clone(), format!("id: 41\ndata: {failed}\n\n"));
        tokio::spawn(async move {
            while !request.ends_with(b"\r\n\r\n") {
                match connection.read_u8().await {
                    Ok(byte) => request.push(byte),
                    Err(_) => return,
                }
            }
            let line = String::from_utf8_lossy(&request).lines().next().map(str::to_owned);
            let body = match &line {
                Some(line) if line.contains("/events") => event,
                _ => status,
            };
            let (first, length) = ("HTTP/1.1 200 OK\r\nconnection: close", body.len());
            let answer = format!("{first}\r\ncontent-length: {length}\r\n\r\n{body}");
            // A client that is gone needs no answer.
            let _ = connection.write_all(answer.as_bytes()).await;
            asked.send(line.unwrap_or_default()).unwrap();
        });
    }
}

#[tokio::test]
async fn after_a_daemon_has_gone_its_events_are_followed_from_where_they_broke_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let (ask, mut asked) = mpsc::unbounded_channel();
    tokio::spawn(stand_in(UnixListener::bind(&path).unwrap(), ask));
    let (tell, mut told) = mpsc::channel(8);
    let tell = async |notice| tell.send(notice).await.unwrap();
    let (mut watcher, mut query) = (Watcher::default(), EventsQuery::default());
    for _ in 0..2 {
        let client = Client::connect(&path).unwrap();
        assert!(listen(&client, &mut watcher, &mut query, &tell).await.is_err(), "it is gone");
        assert_eq!(told.recv().await.unwrap().title, "nightly failed");
    }
    let mut events = Vec::new();
    while let Ok(line) = asked.try_recv() {
        events.extend(line.contains("/events").then_some(line));
    }
    let [first, second] = events.as_slice() else { panic!("{events:?}") };
    assert!(!first.contains("since=") && second.contains("since=41"), "{events:?}");
}

/// No option is given.
fn global() -> Global {
    Global {
        config: None,
        state_dir: None,
        scope: Scope::Unsaid,
        log_level: None,
        log_format: LogFormat::Auto,
        color: false,
        color_err: false,
    }
}

#[tokio::test]
async fn a_daemon_that_is_gone_is_not_asked_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let (ask, mut asked) = mpsc::unbounded_channel();
    tokio::spawn(stand_in(UnixListener::bind(&socket).unwrap(), ask));
    let (tell, mut told) = mpsc::channel::<ToShow>(8);
    let service = Service { socket, options: Arc::new(global()) };
    let mut events = 0;
    let watched = async {
        assert_eq!(told.recv().await.unwrap().notice.title, "nightly failed");
        while let Some(line) = asked.recv().await {
            events += u32::from(line.contains("/events"));
        }
    };
    // Asked without a pause it answers hundreds of times meanwhile.
    let moment = tokio::time::sleep(Duration::from_millis(300));
    tokio::select! {
        () = follow(service, tell) => panic!("it goes on"),
        () = watched => panic!("nobody tells what is asked"),
        () = moment => {}
    }
    assert_eq!(events, 1);
}

#[test]
fn a_cancel_that_is_not_confirmed_is_told_of_once_where_it_is_asked_for() {
    let mut watcher = Watcher::default();
    let asked = json!({"alerts": {"waiting": 0, "failing": [],
                                  "desktop": [{"on": ["stuck"], "jobs": ["slow"]}]}});
    let mut look = |state: &str, second: i64| {
        let mut slow = job("slow", false, Some("waiting_agent"));
        slow["active_run"]["state"] = state.into();
        titles(&watcher.looked(&status(&[slow], &asked), at(second))).len()
    };
    assert_eq!((look("canceling", 0), look("canceling", 800)), (0, 0));
    assert_eq!((look("canceling", 900), look("canceling", 1800)), (1, 0));
    assert_eq!(
        (look("running", 1900), look("canceling", 2000), look("canceling", 2800)),
        (0, 0, 0)
    );
    assert_eq!(look("canceling", 2900), 1);
    // A clock that was set back by hours delays nothing by as much.
    let states = [("running", 9_000), ("canceling", 9_001), ("canceling", 1), ("canceling", 901)];
    assert_eq!(states.map(|(state, second)| look(state, second)), [0, 0, 0, 1]);
}

#[test]
fn a_notification_leads_to_the_page_of_its_run() {
    let mut watcher = Watcher::default();
    let page = json!({"page": "https://example.com/transfers"});
    let late = watcher.looked(&status(&[job("nightly", true, None)], &page), at(0));
    assert_eq!(late[0].link().as_deref(), Some("https://example.com/transfers/"));
    let failed = watcher.happened(&happened("nightly", "failed", "")).unwrap();
    let run = "https://example.com/transfers/runs/6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01";
    assert_eq!(failed.link().as_deref(), Some(run));
    // The notice for those held back on a bad night leads to the page, too.
    let mut throttle = Throttle::default();
    while throttle.admit(failed.clone(), at(0)).is_some() {}
    let rest = throttle.rest(at(0)).unwrap();
    assert_eq!(rest.link().as_deref(), Some("https://example.com/transfers/"));
    // A page that is no longer served is not linked to.
    watcher.looked(&status(&[], &json!({})), at(1));
    assert_eq!(watcher.happened(&happened("nightly", "failed", "")).unwrap().link(), None);
}

#[test]
fn at_the_start_it_says_which_daemons_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(socket::NAME);
    let global = Global {
        config: None,
        state_dir: Some(folder.path().to_owned()),
        scope: Scope::Unsaid,
        log_level: None,
        log_format: LogFormat::Auto,
        color: false,
        color_err: false,
    };
    let told = followed(&services(&global));
    assert_eq!(
        told,
        format!("no daemon answers yet (looked at `{}`); waiting for one", path.display())
    );
    let _bound = socket::Bound::bind(&path, 0o600).unwrap();
    let told = followed(&services(&global));
    assert_eq!(told, format!("following the daemon at `{}`", path.display()));
}
