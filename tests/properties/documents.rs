//! Documents of the control socket, and rows of the database.

use jiff::SignedDuration;
use proptest::prelude::*;
use rusqlite::types::Value;
use transferd::control::document::{
    AgentDocument, AlertsDocument, ConfigDocument, DaemonDocument, DesktopAlertDocument,
    FailingAlertDocument, HeldBackDocument, JobDetail, JobDocument, PauseDocument, RulesDocument,
    RunDocument, Schedule, StatusDocument, TokenDocument,
};
use transferd::control::phrase::Phrase;
use transferd::control::request::{HistoryQuery, PauseQuery};
use transferd::core::job::CatchUp;
use transferd::core::place::{AccountNames, NamedPlace};
use transferd::core::reason::{Reason, WaitReason};
use transferd::core::run::RunState;
use transferd::core::transfer::AgentState;

use crate::cases;
use crate::properties::stored_row::{COLUMNS, Rows};
use crate::properties::{control, stored_row};
use crate::rows::{any_instant, any_rows};

/// A status with one job, about a run.
fn any_status() -> impl Strategy<Value = StatusDocument> {
    let words = any::<[String; 4]>();
    let instants = (prop::option::of(any_instant()), any_instant());
    let expressions = prop::collection::vec(any::<String>(), 0..3);
    let numbers = (0.0..=100.0, 0.0..1e12_f64, any::<usize>(), any::<u32>());
    let flags = any::<(bool, Option<bool>, Option<String>)>();
    (any_rows(), words, instants, expressions, numbers, flags).prop_map(
        |(rows, words, (perhaps, instant), expressions, numbers, (flag, may_be, error))| {
            let Rows { run, attempt, job_row, .. } = rows;
            let [version, path, url, problem] = words;
            let (percent, speed, behind, milliseconds) = numbers;
            let reason = error.clone();
            let error_words = problem.clone();
            let detail = JobDetail {
                past_pauses: job_row.pauses,
                held_back: perhaps.map(|occurrence| HeldBackDocument {
                    occurrence,
                    reason: Reason::Waits(WaitReason::Look),
                }),
                late_since: perhaps,
                behind,
                blocked_by: job_row.last_run,
                percent,
                speed,
                moved_at: perhaps,
                deadline: perhaps,
                fields: vec![("timeout".to_owned(), "4h".into())],
                rules: flag.then(|| RulesDocument {
                    timezone: job_row.timetable,
                    catch_up: CatchUp::All,
                    catch_up_window: SignedDuration::from_millis(i64::from(milliseconds)),
                    jitter: SignedDuration::ZERO,
                    first_seen: job_row.first_seen,
                    scheduled_since: job_row.scheduled_since,
                    handled: job_row.handled,
                    generation: job_row.generation,
                }),
            };
            let pause = flag.then_some(PauseDocument { since: instant, until: perhaps, reason });
            let place = || NamedPlace::new(&run.request.source, &AccountNames::new());
            let job = JobDocument {
                name: job_row.job,
                description: error.clone(),
                enabled: flag,
                paused: !flag,
                pause: pause.clone(),
                late: flag,
                timezone: url.clone(),
                source: place(),
                destination: place(),
                schedule: Schedule::new(expressions.iter().map(String::as_str)),
                next_run: perhaps,
                active_run: flag.then(|| RunDocument::new(&run, [&attempt], &AccountNames::new())),
                last_run: None,
                last_success: None,
                policies: None,
                recent: None,
                next: None,
                detail: (!flag).then_some(detail),
            };
            StatusDocument {
                daemon: DaemonDocument { version, pid: 7, started_at: instant },
                config: ConfigDocument {
                    path,
                    valid: flag,
                    error,
                    errors: Vec::new(),
                    loaded_at: perhaps,
                    unwatched: None,
                },
                agent: AgentDocument {
                    version: None,
                    url,
                    reachable: may_be,
                    state: AgentState::Started,
                    token: TokenDocument { valid: may_be, expires_at: perhaps },
                    asked_at: perhaps,
                },
                alerts: AlertsDocument {
                    waiting: 7,
                    failing: vec![FailingAlertDocument {
                        channel: error_words.clone(),
                        event: "failed".to_owned(),
                        at: instant,
                        tries: 3,
                        next_try: instant,
                        error: error_words,
                    }],
                    desktop: may_be.map(|_| {
                        vec![DesktopAlertDocument {
                            on: vec!["failed".to_owned()],
                            jobs: vec!["night*".to_owned()],
                        }]
                    }),
                },
                pause,
                runs_of_removed_jobs: job.active_run.clone().into_iter().collect(),
                jobs: vec![job],
                problems: vec![problem],
                phrases: vec![Phrase::new("since ").time(instant)],
                served_at: flag.then(|| ([127, 0, 0, 1], 29_180).into()),
                page: flag.then(|| "https://transfers.example.com".to_owned()),
            }
        },
    )
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Real),
        any::<String>().prop_map(Value::Text),
        r#"(\{"[a-z_]{1,9}":|[0-9]{1,20}|"[a-z]{0,9}"|,|\}|\[|\]|null){0,9}"#.prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Blob),
    ]
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn rows_are_read_back_as_they_were_written(rows in any_rows()) {
        stored_row::is_read_back_as_it_was_written(rows);
    }

    #[test]
    fn damaged_rows_are_read_or_reported(
        column in prop::sample::select(&COLUMNS[..]),
        value in any_value(),
    ) {
        stored_row::damage_is_read_or_reported(column, &value);
    }

    #[test]
    fn any_status_prints_back(status in any_status()) {
        let text = serde_json::to_string(&status).expect("documents are plain");
        control::documents_print_back_and_questions_arrive(&text);
    }

    #[test]
    fn any_question_arrives(
        words in any::<[Option<String>; 2]>(),
        state in prop::option::of(prop::sample::select(&RunState::ALL[..])),
        instant in prop::option::of(any_instant()),
        limit in any::<Option<usize>>(),
    ) {
        let [job, reason] = words;
        let pause = PauseQuery { job: job.clone().unwrap_or_default(), until: instant, reason };
        let (jobs, states) = (job.into_iter().collect(), state.into_iter().collect());
        let history = HistoryQuery {
            jobs,
            states,
            scheduled_for: instant,
            since: instant,
            before: instant,
            limit,
        };
        for text in [serde_json::to_string(&history), serde_json::to_string(&pause)] {
            let text = text.expect("questions are plain");
            control::documents_print_back_and_questions_arrive(&text);
        }
    }

    #[test]
    fn any_request_is_answered_or_refused(
        text in "(GET|POST|PUT|\\PC{0,3}) /v1/(status|runs|run|trigger|pause|reload)?(\\?(job|jobs|run|states|limit|since|detail)=[%&=+a-z0-9]{0,9})? HTTP/1.[01]\r\n(host: a\r\n|content-length: [0-9]{1,20}\r\n|content-type: application/json\r\n|transfer-encoding: chunked\r\n|[a-z]{0,4}:\\PC{0,9}\r\n){0,4}\r\n(\\{\"job\":\"\\PC{0,9}\"\\}|\\PC{0,20})",
    ) {
        control::bytes_are_answered_or_refused(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_answered_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        control::bytes_are_answered_or_refused(&bytes);
    }
}
