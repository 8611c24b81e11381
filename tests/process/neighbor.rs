//! The owner of the agent's port: another user of this machine gets no token.

use transferd::sim::world::{Span, WorldOptions};

use crate::stage::{Agent, PATIENCE, Stage, until};

/// Two users who are neither root nor, most likely, anybody at all.
const ALICE: u32 = 64_101;
const MALLORY: u32 = 64_102;

fn job_file(port: u16) -> String {
    format!(
        "agent: {{url: 'http://localhost:{port}', token_file: token, poll_interval: 50ms}}\n\
         accounts: {{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11}}\n\
         jobs:\n  one:\n    source: {{account: production, bucket: footage, path: one/}}\n    \
         destination: {{account: production, bucket: projects, path: '{{run}}/'}}\n"
    )
}

/// The agent at work as one user, and a daemon beside it; absent without root, which it takes to
/// start a program as somebody else.
fn alices_agent(world: &WorldOptions) -> Option<(tempfile::TempDir, Agent, Stage)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start_as(ALICE, 0, folder.path(), world);
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    stage.write("jobs.yaml", &job_file(agent.port));
    stage.start();
    Some((folder, agent, stage))
}

#[test]
fn the_token_goes_to_the_user_who_was_first_found_at_work_and_to_nobody_else() {
    let world = WorldOptions {
        pick_up: Span::millis(1, 20),
        duration: Span::millis(10, 100),
        ..WorldOptions::default()
    };
    let Some((_folder, mut agent, mut stage)) = alices_agent(&world) else { return };
    let said = stage.ask(&["trigger", "one", "--wait"]);
    assert!(said.status.success(), "{}", stage.log_end());
    let log = std::fs::read_to_string(stage.log_path()).unwrap();
    let times = log.matches(&format!("the agent runs as uid {ALICE}")).count();
    assert_eq!(times, 1, "said once, with who it is:\n{log}");

    // Another user takes the port while the agent is away.
    agent.kill();
    stage.kill();
    let theirs = tempfile::tempdir().unwrap();
    let mut impostor = Agent::start_as(MALLORY, agent.port, theirs.path(), &world);
    let before = impostor.get("/_sim/requests");
    stage.start();
    let triggered = stage.ask(&["trigger", "one", "--json"]);
    assert!(triggered.status.success());
    let words = format!("the agent's port is held by uid {MALLORY}");
    until("the run says who holds the port", PATIENCE, || {
        let run = stage.history().into_iter().next()?;
        let reason = run["reason"].as_str()?.contains(&words);
        let waits = run["state"] == "waiting" && run["reason_code"] == "waiting_port";
        (waits && reason).then_some(())
    });
    assert_eq!(impostor.get("/_sim/requests"), before, "something was sent");
    let problems = stage.json(&["status", "--json"])["problems"].to_string();
    assert!(problems.contains(&words), "{problems}");
    let doctor = stage.ask(&["doctor"]);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains(&words), "the doctor says so too");

    // The agent is back, and the run goes on by itself.
    impostor.kill();
    agent.rise();
    until("the run ends", PATIENCE, || {
        (stage.history().first()?["state"] == "succeeded").then_some(())
    });

    // Whoever is named in the job file may have it.
    agent.kill();
    impostor.rise();
    assert!(stage.ask(&["trigger", "one"]).status.success());
    until("the run waits", PATIENCE, || {
        (stage.history().first()?["reason_code"] == "waiting_port").then_some(())
    });
    let named = job_file(agent.port).replace("agent: {", &format!("agent: {{user: {MALLORY}, "));
    stage.write("jobs.yaml", &named);
    until("the run is sent there", PATIENCE, || {
        let posts = impostor.get("/_sim/posts");
        (!posts.as_array().unwrap().is_empty()).then_some(())
    });
}

#[test]
fn who_takes_the_port_of_our_own_users_agent_is_sent_nothing() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = WorldOptions {
        pick_up: Span::millis(1, 20),
        duration: Span::millis(10, 100),
        ..WorldOptions::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::start(folder.path(), &world, 1);
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    stage.write("jobs.yaml", &job_file(agent.port));
    stage.start();
    let said = stage.ask(&["trigger", "one", "--wait"]);
    assert!(said.status.success(), "{}", stage.log_end());
    agent.kill();
    let theirs = tempfile::tempdir().unwrap();
    let mut impostor =
        Agent::start_as(MALLORY, agent.port, theirs.path(), &WorldOptions::default());
    let before = impostor.get("/_sim/requests");
    assert!(stage.ask(&["trigger", "one"]).status.success());
    let words = format!("the agent's port is held by uid {MALLORY}");
    let log = stage.log_path();
    let times = || std::fs::read_to_string(&log).unwrap_or_default().matches(&words).count();
    until("the run waits", PATIENCE, || {
        (stage.history().first()?["reason_code"] == "waiting_port").then_some(())
    });
    // A daemon that is started later knows it, too.
    stage.kill();
    let said = times();
    stage.start();
    until("the next daemon says so", PATIENCE, || (times() > said).then_some(()));
    assert_eq!(impostor.get("/_sim/requests"), before, "something was sent");
    impostor.kill();
}

#[test]
fn whoever_takes_the_port_while_a_transfer_runs_is_sent_nothing() {
    let world = WorldOptions {
        pick_up: Span::millis(1, 20),
        duration: Span::millis(600_000, 600_000),
        ..WorldOptions::default()
    };
    let Some((_folder, mut agent, stage)) = alices_agent(&world) else { return };
    assert!(stage.ask(&["trigger", "one"]).status.success());
    until("it runs", PATIENCE, || (stage.history().first()?["state"] == "running").then_some(()));
    agent.kill();
    let theirs = tempfile::tempdir().unwrap();
    let mut impostor = Agent::start_as(MALLORY, agent.port, theirs.path(), &world);
    let before = impostor.get("/_sim/requests");
    // The socket is opened again a second or two after it broke.
    let words = "the agent's notification socket is left closed";
    until("the socket asks who holds the port", PATIENCE, || {
        let log = std::fs::read_to_string(stage.log_path()).ok()?;
        log.contains(words).then_some(())
    });
    assert_eq!(impostor.get("/_sim/requests"), before, "something was sent");
    impostor.kill();
}

#[test]
fn a_command_that_remembers_nobody_says_who_gets_the_token() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start_as(ALICE, 0, folder.path(), &WorldOptions::default());
    let stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    stage.write("jobs.yaml", &job_file(agent.port));
    for command in [&["accounts"][..], &["check", "--online"], &["doctor"]] {
        let output = stage.ask(command);
        let said = String::from_utf8_lossy(&output.stderr);
        let times = said.matches(&format!("the agent runs as uid {ALICE}")).count();
        assert_eq!(times, 1, "{command:?}: {said}");
    }
}
