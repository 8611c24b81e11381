//! Single runs in words: the order of what is told, and what is not known.

use super::*;
use crate::core::event::Happening;

#[test]
fn a_run_that_succeeded_is_not_said_to_be_completed_besides() {
    let reason = AttemptEnd::Completed { transferred: 3, skipped: 0 };
    let told = "3 objects transferred, 0 skipped, 0 failed";
    let run = a_run(3, "a", RunState::Succeeded, 60, reason.clone());
    assert_eq!(run::line(&run, &times(false)), format!("succeeded: {told}"));
    let event = Happening::State { state: RunState::Succeeded, reason: reason.into() };
    assert_eq!(event.to_string(), told, "it stands behind the state there, too");
}

#[test]
fn the_time_of_the_next_attempt_is_told_before_the_reason_which_may_be_cut() {
    let because = Box::new(Reason::from(AttemptEnd::AgentError));
    let line = |at| {
        let reason = Reason::BackingOff { because: because.clone(), attempt: 2, of: 3, at };
        run::line(&a_run(4, "a", RunState::BackingOff, 60, reason), &times(false))
    };
    let at = Some("2026-03-02T12:00:41Z".parse().unwrap());
    let begin = "backing off until 13:00:41 +01:00 (attempt 2 of 3): the agent reports";
    assert!(line(at).starts_with(begin), "{}", line(at));
    assert!(line(None).starts_with("backing off (attempt 2 of 3 follows): "), "{}", line(None));
}

#[test]
fn an_end_at_the_agent_is_told_apart_from_the_time_at_which_it_was_seen() {
    let show = |finished| {
        let mut run = a_run(5, "a", RunState::Succeeded, 60, Reason::in_words("done"));
        run.attempts = vec![an_attempt(1, RunState::Succeeded, 60, Reason::in_words("done"))];
        run.attempts[0].finished_at = finished;
        let shown = ShowDocument { run, events: Vec::new() };
        run::show(&shown, &times(true), screen(120))
    };
    let told = "ended      2026-03-02 12:59:25 +01:00 at the agent, after 25 s; seen \
                2026-03-02 12:59:30 +01:00\n";
    assert!(show(Some(ago(35))).contains(told), "{}", show(Some(ago(35))));
    let told = "ended      2026-03-02 12:59:30 +01:00, after 30 s\n";
    assert!(show(None).contains(told), "{}", show(None));
}

#[test]
fn no_time_goes_on_for_a_run_that_was_only_read_from_the_database() {
    let mut run = a_run(6, "a", RunState::Running, 90, Reason::in_words("at work"));
    run.attempts = vec![an_attempt(1, RunState::Running, 90, Reason::in_words("at work"))];
    assert_eq!(run::took(&run, now()), "1 min 30 s");
    run.as_recorded = true;
    assert_eq!(run::took(&run, now()), "-");
    let shown = ShowDocument { run, events: Vec::new() };
    let page = run::show(&shown, &times(true), screen(120));
    assert!(page.contains("ended      not yet when this was recorded\n"), "{page}");
    assert!(!page.contains("1 min 30 s"), "{page}");
    let mut over = a_run(7, "a", RunState::Succeeded, 90, Reason::in_words("done"));
    over.as_recorded = true;
    assert_eq!(run::took(&over, now()), "45 s");
}
