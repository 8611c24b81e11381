//! Looks that prove nothing, and agents that are away: which runs wait for them, and who is
//! notified.

use std::sync::Arc;

use jiff::SignedDuration;

use super::stage::{Stage, at, job, look, secs};
use crate::ids::AccessId;
use crate::input::Input;
use crate::job::Terms;
use crate::limits::{BASELINE_DEPTH, SKEW};
use crate::reason::{Reason, WaitReason};
use crate::run::{Phase, RunState};
use crate::transfer::{AgentState, Gap, LookFailure, Refusal, SubmitAnswer, TransferStatus};

#[test]
fn a_list_that_can_not_be_read_to_its_end_is_an_outage_that_says_why() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.gap = Some(Gap::TooSlow);
    stage.until(at("01:00:00"));
    let looks = stage.looks;
    stage.pass(secs(60));
    let view = stage.engine().run_view(stage.rows.order[0]).expect("a run");
    let reason = &view.run.reason;
    assert!(matches!(reason, Reason::Waits(WaitReason::Listing { .. })), "{reason:?}");
    let figures = "its end is not reached in time; 600 of 25000 records were read on 3 pages";
    assert!(view.run.reason.to_string().contains(figures), "{}", view.run.reason);
    assert!(stage.engine().agent_view().words.contains(figures));
    assert_eq!(stage.warnings.len(), 1, "{:?}", stage.warnings);
    assert!(stage.warnings[0].contains(figures));
    stage.pass(secs(600));
    assert!(stage.looks - looks < 55, "{} looks in 11 minutes", stage.looks - looks);
    assert!(stage.rows.reported.agent_down.is_some(), "an alert");
    assert_eq!(stage.submits.len(), 0);
    let waiting =
        stage.rows.events.iter().filter(|event| event.what.to_string().contains(figures)).count();
    assert_eq!(waiting, 1, "said once");
    stage.gap = None;
    stage.pass(secs(20));
    assert_eq!(stage.submits.len(), 1);
    assert_eq!(stage.engine().agent_view().words, "");
    assert_eq!(stage.rows.reported.agent_down, None);
}

#[test]
fn one_incomplete_look_is_no_news() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.gap = Some(Gap::Shifted);
    stage.until(at("01:00:00"));
    assert_eq!((stage.looks, stage.submits.len()), (1, 0));
    stage.gap = None;
    stage.pass(secs(5));
    assert_eq!(stage.submits.len(), 1);
    assert_eq!(stage.warnings, [] as [String; 0]);
}

#[test]
fn an_outage_is_told_of_though_each_of_its_runs_ends_before_it_is_long() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let start_within = Some(SignedDuration::from_mins(2));
        job.terms = Arc::new(Terms { start_within, ..Terms::default() });
    })]);
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("01:30:00"));
    assert_eq!(stage.run(0).state, RunState::Skipped);
    assert_eq!(stage.rows.reported.agent_down, None, "nobody has asked it since");
    stage.until(at("02:01:00"));
    assert_eq!(stage.rows.reported.agent_down, Some(at("01:00:00")), "{:?}", stage.rows.reported);
}

#[test]
fn an_agent_that_was_away_for_one_run_and_is_back_for_the_next_is_not_told_of() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let start_within = Some(SignedDuration::from_mins(2));
        job.terms = Arc::new(Terms { start_within, ..Terms::default() });
    })]);
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("01:30:00"));
    stage.failure = None;
    stage.until(at("02:01:00"));
    assert_eq!(stage.rows.reported.agent_down, None);
    assert_eq!(stage.submits.len(), 1);
    assert!(stage.warnings.iter().all(|text| !text.contains("runs wait for the agent")));
}

#[test]
fn a_request_stands_on_a_look_that_is_younger_than_a_second() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Refused(Refusal::Final("ACCESS".to_owned())));
    let looks = stage.looks;
    stage.pass(secs(2));
    stage.trigger("a", 5);
    assert_eq!(stage.submits.len(), 2);
    assert_eq!(stage.looks, looks + 1, "what was listed two seconds ago is not what is listed");
}

#[test]
fn a_request_stands_on_a_look_that_was_read_deep_enough() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    stage.trigger("a", 5);
    stage.pass(secs(10));
    assert_eq!(stage.submits.len(), 1, "it waits behind the first");
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.submits.len(), 2);
    let asked = stage.requests.iter().rev().find(|it| it.since < stage.now - BASELINE_DEPTH / 2);
    let asked = asked.expect("a deep look");
    let sent = stage.rows.attempts[&stage.submits[1].0].not_before;
    assert!(asked.since <= sent - BASELINE_DEPTH + SKEW);
    assert!(stage.requests.iter().filter(|it| it.since <= sent - BASELINE_DEPTH).count() >= 2);
}

#[test]
fn a_look_that_the_clock_was_set_under_is_no_ground_and_proves_no_absence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.hold_looks = true;
    stage.until(at("01:00:00"));
    assert!(stage.looking);
    let began_at = stage.now;
    stage.step_clock(secs(20));
    stage.looking = false;
    stage.input(Input::Looked(Ok(look(began_at, Vec::new()))));
    assert_eq!(stage.submits.len(), 0, "its times are another clock's");
    stage.hold_looks = false;
    stage.input(Input::TimeReached);
    stage.pass(secs(10));
    assert_eq!(stage.submits.len(), 1, "the next one is good");
}

#[test]
fn a_request_is_looked_for_from_the_moment_that_it_was_sent() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.hold_looks = true;
    stage.until(at("01:00:00"));
    // Something changes at the agent while it is read: it is to be read again at once.
    stage.input(Input::Notified);
    stage.now += secs(3);
    let looks = stage.requests.len();
    let look = stage.look(at("01:00:00"));
    stage.looking = false;
    stage.input(Input::Looked(Ok(look)));
    assert_eq!((stage.submits.len(), stage.requests.len()), (1, looks + 1), "at the same time");
    let id = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.hold_looks = false;
    stage.turn();
    let window = stage.set.agent.adopt_window;
    stage.until(at("01:00:03") + window - secs(1));
    assert_eq!(stage.rows.attempts[&id].phase, Phase::Uncertain);
    stage.pass(secs(2));
    assert_eq!(stage.rows.attempts[&id].phase, Phase::GivenUp, "the look beside it counts");
}

#[test]
fn a_list_that_was_not_read_to_its_end_proves_no_absence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    let id = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.gap = Some(Gap::Shifted);
    stage.pass(secs(600));
    assert_eq!(
        stage.rows.attempts[&id].phase,
        Phase::Uncertain,
        "it may stand where nobody has read"
    );
}

#[test]
fn an_outage_counts_from_its_own_beginning() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    let told = |stage: &Stage| {
        stage.warnings.iter().filter(|text| text.starts_with("runs wait for the agent")).count()
    };
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("01:08:00"));
    stage.failure = None;
    stage.pass(secs(120));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.pass(secs(60));
    assert_eq!((stage.run(0).state, told(&stage)), (RunState::Succeeded, 0));
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("02:09:00"));
    assert_eq!(told(&stage), 0, "eight minutes before count no more");
    stage.until(at("02:12:00"));
    assert_eq!(told(&stage), 1);
}

#[test]
fn a_clock_that_is_set_makes_an_outage_neither_longer_nor_shorter() {
    for by in [secs(-3_600), secs(3_600)] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        let told = |stage: &Stage| {
            stage.warnings.iter().filter(|text| text.starts_with("runs wait for the agent")).count()
        };
        stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
        stage.until(at("01:05:00"));
        stage.step_clock(by);
        stage.pass(secs(240));
        assert_eq!(told(&stage), 0, "{by:?}: after nine minutes");
        stage.pass(secs(180));
        assert_eq!(told(&stage), 1, "{by:?}: after twelve");
    }
}

#[test]
fn a_good_look_makes_up_for_those_before_it() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("01:05:00"));
    stage.failure = None;
    stage.pass(secs(120));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    for _ in 0..5 {
        for gap in [Some(Gap::TooSlow), None] {
            let looks = stage.looks;
            stage.gap = gap;
            stage.input(Input::Notified);
            stage.pass(secs(2));
            assert!(stage.looks > looks);
            assert_eq!(
                stage.engine().agent_view().words,
                "",
                "one that is incomplete is no outage"
            );
        }
    }
    // An outage that begins is not asked as rarely as one that has lasted.
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    let looks = stage.looks;
    stage.pass(secs(20));
    assert!(stage.looks >= looks + 3, "{} looks", stage.looks - looks);
}

#[test]
fn the_agent_is_shown_as_the_last_request_has_found_it() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    let view = |stage: &Stage| stage.engine().agent_view();
    let is = |stage: &Stage| {
        let view = view(stage);
        (view.reachable, view.state, view.token_valid)
    };
    assert_eq!(is(&stage), (Some(true), AgentState::Started, Some(true)));
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.pass(secs(20));
    assert_eq!(is(&stage), (Some(false), AgentState::Unknown, Some(true)));
    let since = view(&stage).unavailable_since.expect("there is trouble");
    stage.pass(secs(120));
    assert_eq!(view(&stage).unavailable_since, Some(since), "it is the same trouble");
    stage.step_clock(secs(-3_600));
    assert_eq!(view(&stage).unavailable_since, Some(since - secs(3_600)));
    stage.failure =
        Some(LookFailure::BadToken { words: "401".to_owned(), agent: AgentState::Started });
    stage.pass(secs(120));
    assert_eq!(is(&stage), (Some(true), AgentState::Started, Some(false)), "it reports its state");
    stage.failure = None;
    stage.pass(secs(120));
    assert_eq!(is(&stage), (Some(true), AgentState::Started, Some(true)));
    assert_eq!(view(&stage).unavailable_since, None);
}

#[test]
fn a_request_goes_out_by_the_access_of_its_look_and_another_one_needs_another_look() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.access = AccessId(1);
    stage.until(at("01:00:00"));
    assert_eq!(stage.accesses, [AccessId(1)]);
    let looks = stage.looks;
    stage.access = AccessId(2);
    stage.answer(SubmitAnswer::Refused(Refusal::OtherAccess));
    stage.pass(secs(1));
    assert!(stage.looks > looks, "no request without a look of its own");
    assert_eq!(stage.accesses, [AccessId(1), AccessId(2)]);
    assert_eq!(stage.warnings, Vec::<String>::new(), "the agent is not away");
}
