//! `agent.start`: when the agent is asked to start, and when it is left alone.

use std::sync::Arc;

use jiff::SignedDuration;
use rstest::rstest;

use super::stage::{Stage, at, job, secs, set};
use crate::input::Input;
use crate::job::JobSet;
use crate::transfer::{AgentState, LookFailure, StartAnswer};

/// A stage whose job file allows starting the agent, and whose agent is in this state.
fn stage(state: AgentState) -> Stage {
    let mut jobs = JobSet::clone(&set(vec![job("a", "to/", |_| {})]));
    jobs.agent.start = true;
    let mut stage = Stage::with(Arc::new(jobs));
    stage.agent = state;
    stage
}

fn not_taken() -> Input {
    Input::AgentStarted(StartAnswer::NotTaken("it is busy".to_owned()))
}

fn refused() -> Input {
    Input::AgentStarted(StartAnswer::TokenRefused("TOKEN".to_owned()))
}

#[rstest]
#[case(AgentState::Created, 1)]
#[case(AgentState::Disposed, 1)]
#[case(AgentState::Stopped, 0)]
#[case(AgentState::Paused, 0)]
#[case(AgentState::Unknown, 0)]
fn only_an_agent_that_nobody_has_signed_in_is_started(
    #[case] state: AgentState,
    #[case] starts: usize,
) {
    let mut stage = stage(state);
    stage.until(at("00:59:59"));
    assert_eq!(stage.starts.len(), 0, "no run waits");
    stage.until(at("01:00:10"));
    assert_eq!(stage.starts.len(), starts);
}

#[test]
fn nothing_is_started_unless_the_job_file_says_so() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.agent = AgentState::Created;
    stage.until(at("05:00:00"));
    assert_eq!(stage.starts.len(), 0);
}

#[test]
fn a_started_agent_is_looked_at_at_once_and_the_run_goes_on() {
    let mut stage = stage(AgentState::Created);
    stage.until(at("01:00:00"));
    stage.agent = AgentState::Started;
    stage.input(Input::AgentStarted(StartAnswer::Taken));
    stage.pass(secs(1));
    assert_eq!(stage.submits.len(), 1);
}

#[test]
fn further_tries_come_less_and_less_often_up_to_one_an_hour() {
    let mut stage = stage(AgentState::Created);
    stage.until(at("01:00:00"));
    for _ in 0..10 {
        let before = stage.starts.len();
        stage.input(not_taken());
        while stage.starts.len() == before {
            stage.pass(secs(5));
        }
    }
    let gaps: Vec<_> =
        stage.starts.windows(2).map(|two| two[1].duration_since(two[0]).as_secs()).collect();
    // Up to the next look, one of which comes every five seconds.
    let wanted = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600];
    for (gap, wanted) in gaps.iter().zip(wanted) {
        assert!((wanted..wanted + 6).contains(gap), "{gaps:?}");
    }
}

#[test]
fn each_outage_is_one_of_its_own() {
    let mut stage = stage(AgentState::Created);
    stage.until(at("01:00:00"));
    stage.input(not_taken());
    stage.pass(secs(40));
    assert_eq!(stage.starts.len(), 2);
    stage.agent = AgentState::Started;
    stage.pass(secs(60));
    assert_eq!(stage.submits.len(), 1, "a look has found it at work");
    stage.listed.clear();
    stage.input(Input::Submitted {
        attempt: stage.submits[0].0,
        answer: crate::transfer::SubmitAnswer::Refused(crate::transfer::Refusal::NotSent(
            "refused".to_owned(),
        )),
    });
    stage.agent = AgentState::Disposed;
    stage.pass(secs(20));
    assert_eq!(stage.starts.len(), 3, "at once, not after a minute");
}

#[test]
fn a_refused_token_is_not_used_again_until_there_is_another_one() {
    let mut stage = stage(AgentState::Created);
    stage.until(at("01:00:00"));
    stage.input(refused());
    stage.pass(SignedDuration::from_hours(3));
    assert_eq!(stage.starts.len(), 1);
    assert!(stage.warnings.iter().any(|text| text.contains("was not started: TOKEN")));
    stage.input(Input::TokenChanged);
    stage.pass(secs(10));
    assert_eq!(stage.starts.len(), 2);
}

#[test]
fn a_token_that_an_agent_at_work_has_refused_starts_none() {
    let mut stage = stage(AgentState::Started);
    stage.failure =
        Some(LookFailure::BadToken { words: "401".to_owned(), agent: AgentState::Started });
    stage.until(at("01:00:00"));
    stage.failure = None;
    stage.agent = AgentState::Disposed;
    stage.pass(SignedDuration::from_hours(1));
    assert_eq!(stage.starts.len(), 0);
}
