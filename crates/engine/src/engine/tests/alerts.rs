//! Alerts: each event is reported once, whatever crashes, and each message leaves the outbox.

use std::sync::Arc;

use jiff::SignedDuration;

use super::stage::{Stage, at, job, secs, set};
use crate::alert::{Delivery, QueuedAlert};
use crate::ids::JobName;
use crate::input::{Input, OperatorRequest, ReplyTo};
use crate::job::{Alert, AlertChannel, AlertEvent, Job, JobSet, SecretText, Terms, TokenRenewal};
use crate::limits::OUTBOX_MAX;
use crate::reason::ReasonCode;
use crate::record::Pause;
use crate::schedule::Timetable;
use crate::transfer::{AgentState, LookFailure, SubmitAnswer, TransferStatus};

pub(super) fn webhook(name: &str, on: &[AlertEvent], jobs: &[&str]) -> Alert {
    let url = SecretText::Inline(format!("http://h/{name}"));
    let channel = AlertChannel::Webhook { url, headers_file: None };
    Alert { on: on.to_vec(), jobs: jobs.iter().map(|job| (*job).to_owned()).collect(), channel }
}

pub(super) fn with(jobs: Vec<Arc<Job>>, alerts: Vec<Alert>) -> Arc<JobSet> {
    Arc::new(JobSet { alerts, ..JobSet::clone(&set(jobs)) })
}

pub(super) fn one_try(job: &mut Job) {
    let mut terms = Terms { timeout: SignedDuration::from_mins(30), ..Terms::default() };
    terms.retry.max_attempts = 1;
    job.terms = Arc::new(terms);
}

/// A stage of one job `a` with one attempt a run, and these alerts.
fn stage(alerts: Vec<Alert>) -> Stage {
    Stage::with(with(vec![job("a", "to/", one_try)], alerts))
}

impl Stage {
    /// The words of the alerts handed out for delivery since the last call.
    fn handed_out(&mut self) -> Vec<&'static str> {
        self.deliveries.drain(..).map(|alert| alert.occasion.word()).collect()
    }

    /// Delivers everything that is handed out, until nothing is left.
    fn deliver_all(&mut self) -> Vec<Arc<QueuedAlert>> {
        let mut all = Vec::new();
        while let Some(alert) = self.deliveries.pop() {
            let delivery = Delivery::Delivered;
            all.push(Arc::clone(&alert));
            self.input(Input::Delivered { alert: alert.id, delivery });
        }
        all
    }

    fn delivered_words(&mut self) -> Vec<&'static str> {
        self.deliver_all().iter().map(|alert| alert.occasion.word()).collect()
    }

    pub(super) fn fail_delivery(&mut self, delivery: Delivery) {
        let alert = self.deliveries.pop().expect("a delivery").id;
        self.input(Input::Delivered { alert, delivery });
    }

    /// Ends the job's next run with this status.
    pub(super) fn run_ends(&mut self, transfer: u128, status: TransferStatus) {
        let submits = self.submits.len();
        while self.submits.len() == submits {
            self.pass(secs(60));
        }
        self.answer(SubmitAnswer::Accepted);
        self.list(transfer, status);
        self.pass(secs(10));
    }
}

pub(super) fn failed() -> Delivery {
    Delivery::Failed("away".to_owned())
}

#[test]
fn the_end_of_a_run_is_told_of_with_what_belongs_to_it() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::Failed], &[])]);
    stage.run_ends(1, TransferStatus::Error);
    let told = stage.deliver_all();
    let [alert] = told.as_slice() else { panic!("{told:#?}") };
    assert_eq!(alert.run, Some(stage.run(0).id));
    assert_eq!(alert.attempts, 1);
    assert_eq!(alert.reason, "the agent reports an error of the transfer");
    assert_eq!(
        alert.text,
        "a failed on station: the agent reports an error of the transfer (scheduled for \
         2026-03-02 01:00:00 +00:00), from 00000000-0000-0000-0000-000000000001:bucket/from/ to \
         00000000-0000-0000-0000-000000000002:bucket/to/"
    );
    assert_eq!(stage.rows.alerts.len(), 0, "what is delivered is gone");
    assert_eq!(stage.engine().alerts_view().delivered, 1);
}

#[test]
fn an_entry_hears_of_what_it_names_and_of_the_jobs_that_it_names() {
    let mut stage = Stage::with(with(
        vec![job("a", "to/", one_try), job("nightly-b", "elsewhere/", one_try)],
        vec![
            webhook("1", &[AlertEvent::Failed], &["nightly-*"]),
            webhook("2", &[AlertEvent::Succeeded], &["a"]),
            webhook("3", &[AlertEvent::TimedOut], &[]),
            webhook("4", &[AlertEvent::ConfigInvalid], &["a"]),
        ],
    ));
    stage.run_ends(1, TransferStatus::Completed);
    stage.pass(secs(60));
    let words: Vec<_> = stage
        .deliver_all()
        .iter()
        .map(|alert| (alert.occasion.word(), alert.job.clone().map(|job| job.to_string())))
        .collect();
    assert_eq!(words, [("succeeded", Some("a".to_owned()))]);
    // An event about no single job goes to the entries that name it.
    stage.input(Input::JobFileChecked(Some("line 3: no".to_owned())));
    assert_eq!(stage.delivered_words(), ["config_invalid"]);
}

#[test]
fn the_first_success_after_a_failure_is_a_recovery_also_over_a_restart() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::Recovered], &[])]);
    stage.run_ends(1, TransferStatus::Completed);
    assert_eq!(stage.delivered_words(), [""; 0]);
    stage.run_ends(2, TransferStatus::Error);
    stage.restart();
    stage.run_ends(3, TransferStatus::Completed);
    assert_eq!(stage.delivered_words(), ["recovered"]);
    stage.run_ends(4, TransferStatus::Completed);
    assert_eq!(stage.delivered_words(), [""; 0]);
}

#[test]
fn a_skipped_occurrence_is_told_of() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::Skipped], &[])]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:20:00"));
    let again = super::reload::scheduled("a", "*/25 * * * *");
    stage.set = with(vec![again], vec![webhook("ops", &[AlertEvent::Skipped], &[])]);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    stage.until(at("01:26:00"));
    let told = stage.deliver_all();
    assert_eq!(told.len(), 1);
    assert!(told[0].text.starts_with("a was skipped on station: run "), "{told:?}");
}

#[test]
fn what_was_queued_survives_a_crash_and_is_neither_lost_nor_doubled() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::Failed], &[])]);
    stage.run_ends(1, TransferStatus::Error);
    let before = stage.deliveries.pop().expect("a delivery");
    // It dies before it gets the result.
    stage.restart();
    let again = stage.deliveries.pop().expect("the same again");
    assert_eq!((before.id, stage.rows.alerts.len()), (again.id, 1));
    stage.input(Input::Delivered { alert: again.id, delivery: Delivery::Delivered });
    // A repeated answer does no harm.
    stage.input(Input::Delivered { alert: again.id, delivery: Delivery::Delivered });
    stage.restart();
    assert_eq!((stage.handed_out(), stage.rows.alerts.len()), (vec![], 0));
}

#[test]
fn a_failed_delivery_is_tried_again_later_and_later_and_after_a_restart_where_it_was() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::Failed], &[])]);
    stage.run_ends(1, TransferStatus::Error);
    stage.fail_delivery(failed());
    let view = stage.engine().alerts_view();
    assert_eq!((view.waiting, view.failing[0].tries), (1, 1));
    assert_eq!(view.failing[0].words, "away");
    assert_eq!(stage.engine().next_wakeup(), Some(stage.now + secs(10)), "time alone wakes it");
    stage.pass(secs(9));
    assert_eq!(stage.handed_out(), [""; 0]);
    stage.pass(secs(1));
    stage.fail_delivery(failed());
    stage.restart();
    assert_eq!(stage.handed_out(), [""; 0], "not at once");
    stage.pass(secs(20));
    assert_eq!(stage.delivered_words(), ["failed"]);
    assert!(stage.engine().alerts_view().failing.is_empty());
}

#[test]
fn a_delivery_that_is_turned_down_is_given_up_soon_and_one_that_fails_after_a_day() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::Failed], &[])]);
    stage.run_ends(1, TransferStatus::Error);
    for _ in 0..3 {
        stage.fail_delivery(Delivery::Refused("it answered 404".to_owned()));
        stage.pass(secs(40));
    }
    assert_eq!((stage.rows.alerts.len(), stage.engine().alerts_view().given_up), (0, 1));

    stage.run_ends(2, TransferStatus::Error);
    let began = stage.now;
    let first = stage.deliveries.last().expect("a delivery").id;
    let waits = |stage: &Stage| stage.rows.alerts.contains_key(&first);
    while waits(&stage) {
        stage.fail_delivery(failed());
        while waits(&stage) && stage.deliveries.is_empty() {
            let next = stage.engine().next_wakeup().expect("a wake-up");
            stage.until(next);
        }
    }
    let lasted = stage.now.duration_since(began);
    assert!((24..26).contains(&lasted.as_hours()), "{lasted}");
}

#[test]
fn of_one_entry_one_alert_is_on_its_way_in_the_order_of_what_happened() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::Failed, AlertEvent::Recovered], &[])]);
    stage.run_ends(1, TransferStatus::Error);
    stage.run_ends(2, TransferStatus::Completed);
    assert_eq!(stage.handed_out(), ["failed"]);
    let first = Arc::clone(stage.rows.outbox().first().expect("a row"));
    stage.input(Input::Delivered { alert: first.id, delivery: Delivery::Delivered });
    assert_eq!(stage.delivered_words(), ["recovered"]);
}

#[test]
fn two_entries_of_one_channel_send_one_message() {
    let on = &[AlertEvent::Failed];
    let mut stage = stage(vec![webhook("ops", on, &[]), webhook("ops", on, &["a"])]);
    stage.run_ends(1, TransferStatus::Error);
    assert_eq!(stage.delivered_words(), ["failed"]);
}

#[test]
fn the_outbox_is_bounded_and_the_oldest_goes_first() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::ConfigInvalid], &[])]);
    for _ in 0..OUTBOX_MAX + 5 {
        stage.pass(secs(1));
        stage.input(Input::JobFileChecked(Some("bad".to_owned())));
        stage.input(Input::JobFileChecked(None));
    }
    assert_eq!(stage.rows.alerts.len(), OUTBOX_MAX);
    let first = stage.rows.outbox().first().expect("a row").number;
    assert_eq!(first, 6);
    assert_eq!(stage.engine().alerts_view().given_up, 5);
}

fn ping() -> Alert {
    let channel = AlertChannel::Ping { url: SecretText::Inline("http://h/ping".to_owned()) };
    Alert { on: vec![AlertEvent::Succeeded, AlertEvent::Failed], jobs: Vec::new(), channel }
}

#[test]
fn a_ping_of_a_start_goes_before_that_of_the_end_and_is_tried_once() {
    let mut stage = stage(vec![ping()]);
    stage.until(at("01:00:00"));
    assert_eq!(stage.deliveries[0].occasion.word(), "started");
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.deliveries.len(), 1, "the end waits for it");
    stage.fail_delivery(failed());
    assert_eq!(stage.delivered_words(), ["succeeded"]);
    assert_eq!(stage.rows.alerts.len(), 0);
}

/// A job that has no success for 90 minutes is late.
fn aging(job: &mut Job) {
    one_try(job);
    job.max_age = Some(SignedDuration::from_mins(90));
}

#[test]
fn a_job_is_late_once_until_it_succeeds() {
    let alerts = vec![webhook("ops", &[AlertEvent::Late], &[])];
    let mut stage = Stage::with(with(vec![job("a", "to/", aging)], alerts));
    stage.run_ends(1, TransferStatus::Completed);
    assert!(stage.now < at("01:02:00"));
    stage.run_ends(2, TransferStatus::Error);
    assert_eq!(stage.delivered_words(), [""; 0]);
    stage.until(at("02:35:00"));
    let told = stage.deliver_all();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].text.contains("no success since 2026-03-02 01:00"), "{}", told[0].text);
    stage.restart();
    stage.run_ends(3, TransferStatus::Error);
    stage.run_ends(4, TransferStatus::Error);
    assert_eq!(stage.delivered_words(), [""; 0], "it is the same lateness");
    stage.run_ends(5, TransferStatus::Completed);
    stage.run_ends(6, TransferStatus::Error);
    stage.run_ends(7, TransferStatus::Error);
    assert_eq!(stage.delivered_words(), ["late"]);
}

#[test]
fn the_log_has_all_times_in_the_zone_of_the_machine_and_an_alert_in_that_of_the_job() {
    let abroad = |job: &mut Job| {
        aging(job);
        let zone = jiff::tz::TimeZone::get("Asia/Tokyo").expect("a zone");
        let schedules = job.timetable.schedules().cloned().collect();
        job.timetable = Timetable::new(schedules, "Asia/Tokyo", zone);
    };
    let alerts = vec![webhook("ops", &[AlertEvent::Late], &[])];
    let mut stage = Stage::with(with(vec![job("a", "to/", abroad)], alerts));
    stage.run_ends(1, TransferStatus::Error);
    stage.until(at("02:35:00"));
    let told = stage.deliver_all();
    assert!(told[0].text.contains("seen at 2026-03-02 09:30:00 +09:00"), "{}", told[0].text);
    let late = stage.warnings.iter().find(|line| line.contains("late: ")).expect("a line");
    assert!(late.contains("seen at 2026-03-02 00:30:00 +00:00"), "{late}");
}

#[test]
fn a_paused_job_is_not_late_until_it_is_resumed() {
    let alerts = vec![webhook("ops", &[AlertEvent::Late], &[])];
    let mut stage = Stage::with(with(vec![job("a", "to/", aging)], alerts));
    let name = JobName::new("a");
    let pause = Pause { at: stage.now, until: None, reason: None };
    let request = OperatorRequest::Pause { job: name.clone(), pause };
    stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
    stage.until(at("09:10:00"));
    stage.restart();
    assert_eq!(stage.delivered_words(), [""; 0]);
    let request = OperatorRequest::Resume(name);
    stage.input(Input::Operator { reply: ReplyTo(2), request, by: None });
    assert_eq!(stage.delivered_words(), ["late"]);
}

#[test]
fn a_disabled_job_is_not_late_until_it_is_enabled() {
    let jobs = |enabled| {
        let aging = move |job: &mut Job| {
            aging(job);
            job.enabled = enabled;
        };
        with(vec![job("a", "to/", aging)], vec![webhook("ops", &[AlertEvent::Late], &[])])
    };
    let is_late = |stage: &Stage| {
        let view = stage.engine().job_view(&JobName::new("a"), stage.now);
        view.expect("a view").late_since.is_some()
    };
    let mut stage = Stage::with(jobs(false));
    stage.until(at("09:10:00"));
    stage.restart();
    assert_eq!(stage.delivered_words(), [""; 0]);
    assert!(!is_late(&stage));
    stage.set = jobs(true);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    assert_eq!(stage.delivered_words(), ["late"]);
    assert!(is_late(&stage));
    // What was reported is not reported again by the way of being disabled.
    for enabled in [false, true] {
        stage.set = jobs(enabled);
        stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
        stage.pass(secs(60));
        assert_eq!((stage.delivered_words(), is_late(&stage)), (Vec::new(), enabled));
    }
}

#[test]
fn an_ending_token_is_told_of_with_what_helps_where_it_comes_from() {
    for (token_renewal, hint) in [
        (TokenRenewal::ByCommand, "`transferd login`"),
        (TokenRenewal::ByVariable, "set the variable"),
    ] {
        let alerts = vec![webhook("ops", &[AlertEvent::TokenExpiring], &[])];
        let mut set = JobSet::clone(&with(vec![job("a", "to/", one_try)], alerts));
        set.agent.token_renewal = token_renewal;
        let mut stage = Stage::with(Arc::new(set));
        let ends = stage.now + SignedDuration::from_hours(1);
        stage.input(Input::TokenEnds(Some(ends)));
        let told = stage.deliver_all();
        assert!(told[0].reason.contains(hint), "{}", told[0].reason);
    }
}

#[test]
fn an_agent_that_keeps_runs_waiting_is_told_of_once_an_outage() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::AgentDown], &[])]);
    stage.agent = AgentState::Stopped;
    stage.until(at("01:09:50"));
    assert_eq!(stage.delivered_words(), [""; 0]);
    stage.until(at("01:10:10"));
    let told = stage.deliver_all();
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("the agent is stopped"), "{}", told[0].text);
    assert_eq!(told[0].reason_code, Some(ReasonCode::WaitingAgent), "as the runs have it");
    stage.restart();
    stage.until(at("01:50:00"));
    assert_eq!(stage.delivered_words(), [""; 0], "it is the same outage");
    stage.agent = AgentState::Started;
    stage.pass(secs(30));
    assert!(stage.rows.reported.agent_down.is_none());
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.pass(secs(10));
    stage.agent = AgentState::Stopped;
    stage.until(at("02:10:10"));
    assert_eq!(stage.delivered_words(), ["agent_down"], "it is another one");
}

#[test]
fn a_port_that_another_user_holds_is_told_of_under_the_code_that_the_runs_have() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::AgentDown], &[])]);
    stage.failure = Some(LookFailure::PortHeld("held by uid 7".to_owned()));
    stage.until(at("01:10:30"));
    let told = stage.deliver_all();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].reason_code, Some(ReasonCode::WaitingPort), "{}", told[0].text);
}

#[test]
fn a_token_that_ends_is_told_of_in_time_and_once_more_at_its_end() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::TokenExpiring], &[])]);
    let ends = stage.now + SignedDuration::from_hours(80);
    stage.input(Input::TokenEnds(Some(ends)));
    assert_eq!(stage.delivered_words(), [""; 0]);
    stage.restart();
    stage.input(Input::TokenEnds(Some(ends)));
    let mut told = 0;
    let mut reasons = Vec::new();
    while stage.now < ends + SignedDuration::from_hours(1) {
        stage.pass(SignedDuration::from_mins(60));
        for alert in stage.deliver_all() {
            told += 1;
            reasons.push((ends.duration_since(alert.at).as_hours(), alert.reason.clone()));
        }
        stage.input(Input::TokenEnds(Some(ends)));
    }
    assert_eq!(told, 2, "{reasons:?}");
    assert_eq!((reasons[0].0, reasons[1].0), (72, 0));
    assert!(reasons[1].1.starts_with("the token expired at"), "{reasons:?}");
}

#[test]
fn a_bad_job_file_is_told_of_once_until_it_is_good_again() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::ConfigInvalid], &[])]);
    let bad = || Input::JobFileChecked(Some("jobs.yaml:3: unknown key `shedule`".to_owned()));
    stage.input(bad());
    let told = stage.deliver_all();
    assert_eq!(
        told[0].text,
        "the job file on station is invalid, the old jobs stay: jobs.yaml:3: unknown key `shedule`"
    );
    stage.input(bad());
    stage.restart();
    stage.input(bad());
    assert_eq!(stage.delivered_words(), [""; 0]);
    stage.input(Input::JobFileChecked(None));
    stage.pass(secs(1));
    stage.input(bad());
    assert_eq!(stage.delivered_words(), ["config_invalid"]);
}

#[test]
fn a_clock_that_is_set_back_puts_no_delivery_off() {
    let mut stage = stage(vec![webhook("ops", &[AlertEvent::Failed], &[])]);
    stage.run_ends(1, TransferStatus::Error);
    stage.fail_delivery(failed());
    stage.step_clock(secs(-7200));
    assert_eq!(stage.delivered_words(), ["failed"]);
}
