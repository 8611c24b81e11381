//! `agent.start`: an agent that nobody has signed in is started for a run that waits, and only then.

use transferd::core::transfer::AgentState;

use crate::stage::Stage;

fn starts(stage: &Stage) -> u64 {
    stage.agent().with(|world, _| world.faults_fired().get("agent_started").copied().unwrap_or(0))
}

#[test]
fn an_agent_that_nobody_has_signed_in_is_started_when_a_run_waits_and_one_that_is_paused_is_not() {
    let stage = Stage::new("");
    stage.change_agent("start: true");
    let becomes = |state| stage.agent().with(|world, now| world.set_agent_state(state, now));
    becomes(AgentState::Paused);
    let daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "hand"]).code, 0);
    stage.until("it waits for the agent", || {
        let status = stage.json(&["status", "hand", "--json"]);
        status["jobs"][0]["active_run"]["reason_code"] == "waiting_agent"
    });
    assert_eq!(starts(&stage), 0, "a person has paused it");

    becomes(AgentState::Created);
    stage.until("it has run", || {
        let status = stage.json(&["status", "hand", "--json"]);
        status["jobs"][0]["last_run"]["state"] == "succeeded"
    });
    assert_eq!(starts(&stage), 1);
    assert!(daemon.log().contains("no user is signed in at the agent (created); starting it"));
}
