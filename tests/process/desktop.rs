//! Notifications and their buttons, at a bus and a desktop that the test plays.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use transferd::sim::world::{Ending, Script, Span, WorldOptions};

use crate::bus::{Asked, Bus, written};
use crate::stage::{Agent, PATIENCE, Stage, terminate, until};

/// A process that ends with the test.
struct Desktop(Child);

impl Drop for Desktop {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Desktop {
    fn start(stage: &Stage, bus: &Bus, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = stage.command(&["desktop"]);
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", bus.path.display()));
        command.env_remove("INVOCATION_ID").stdout(Stdio::null());
        prepare(&mut command);
        Self(command.spawn().unwrap())
    }
}

/// A program of this name that writes its arguments to the file `opened`.
fn stand_in(stage: &Stage, name: &str) -> impl FnOnce(&mut Command) {
    let folder = stage.path().join("bin");
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join(name);
    std::fs::write(&program, "#!/bin/sh\necho \"$#\" \"$@\" >\"$OPENED\"\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let opened = stage.path().join("opened");
    move |command| {
        command.env("PATH", path).env("OPENED", opened);
    }
}

/// An agent whose transfers to `bad/` fail.
fn agent(folder: &std::path::Path) -> Agent {
    let world = WorldOptions {
        pick_up: Span::millis(1, 20),
        duration: Span::millis(10, 50),
        scripts: vec![Script {
            destination: "bad/".to_owned(),
            ending: Some(Ending::Error),
            ..Script::default()
        }],
        ..WorldOptions::default()
    };
    Agent::start(folder, &world, 1)
}

fn jobs(agent: &Agent, jobs: &[(&str, &str)]) -> String {
    let mut text = format!(
        "agent: {{url: 'http://127.0.0.1:{}', token_file: token, poll_interval: 50ms}}\n\
         accounts: {{a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11}}\njobs:\n",
        agent.port
    );
    for (name, more) in jobs {
        text.push_str(&format!(
            "  {name}:\n    source: {{account: a, bucket: footage, path: {name}/}}\n    \
             destination: {{account: a, bucket: cold, path: {name}/}}\n    \
             retry: {{max_attempts: 1}}\n{more}"
        ));
    }
    text
}

#[test]
fn what_fails_and_what_is_late_is_shown_on_the_desktop() {
    let folder = tempfile::tempdir().unwrap();
    let agent = agent(folder.path());
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let late = "    max_age: 10ms\n";
    let jobs = jobs(&agent, &[("good", ""), ("bad", ""), ("slack", late)]);
    stage.write("jobs.yaml", &jobs);
    stage.start();
    until("a job is late", PATIENCE, || {
        let status = stage.json(&["status", "--json"]);
        let jobs = status["jobs"].as_array().unwrap();
        jobs.iter().any(|job| job["late"] == true).then_some(())
    });
    let bus = Bus::start(stage.path(), &["actions", "body", "body-markup"], true);
    let mut desktop = Desktop::start(&stage, &bus, |_| {});
    let late = bus.notification();
    assert_eq!((&*late.title, late.urgency), ("slack is late", 1), "{late:?}");
    assert_eq!((&*late.icon, late.replaces), ("dialog-warning", 0), "{late:?}");
    assert!(stage.ask(&["trigger", "good", "--wait"]).status.success());
    assert_eq!(stage.ask(&["trigger", "bad", "--wait"]).status.code(), Some(1));
    let failed = bus.notification();
    assert_eq!((&*failed.title, failed.urgency), ("bad failed", 2), "{failed:?}");
    // There is no page: the button leads to the answer of `why`, in the same place.
    assert_eq!(failed.buttons, ["default", "Why?", "more", "Why?"]);
    bus.press_button(failed.number);
    let why = bus.notification();
    assert_eq!((&*why.title, why.replaces), ("Why bad?", failed.number), "{why:?}");
    assert!(why.body.contains("failed"), "{why:?}");
    assert!(why.buttons.is_empty(), "{why:?}");
    // The job file asks for something else: that is shown, and what it does not ask for is not.
    let page = "external_url: https://transfers.example.com/station\n";
    let entry = "alerts: [{on: [succeeded], jobs: [go*], notify: desktop}]\n";
    stage.write("jobs.yaml", &format!("{page}{jobs}{entry}"));
    assert!(stage.ask(&["reload"]).status.success());
    let status = stage.json(&["status", "--json"]);
    assert_eq!(status["alerts"]["desktop"][0]["on"][0], "succeeded", "{status}");
    assert_eq!(status.get("page"), None, "{status}");
    assert_eq!(stage.ask(&["trigger", "bad", "--wait"]).status.code(), Some(1));
    assert!(stage.ask(&["trigger", "good", "--wait"]).status.success());
    let succeeded = bus.notification();
    assert_eq!((&*succeeded.title, succeeded.urgency), ("good succeeded", 1), "{succeeded:?}");
    // Now there is a page. What others say in the desktop's name opens nothing.
    assert_eq!(succeeded.buttons[1], "Show the page");
    bus.press(":1.66", succeeded.number);
    bus.press_button(succeeded.number + 40);
    bus.press_button(succeeded.number);
    let history = stage.json(&["history", "good", "-n", "1", "--json"]);
    let run = history[0]["id"].as_str().unwrap();
    match bus.next() {
        Asked::Open(url) => {
            assert_eq!(url, format!("https://transfers.example.com/station/runs/{run}"));
        }
        Asked::Notify(other) => panic!("{other:?}"),
    }
    assert_eq!(terminate(&mut desktop.0).code(), Some(0));
    assert!(bus.is_quiet(), "nothing but that was shown or opened");
    let status = stage.json(&["status", "--json"]);
    assert_eq!(status["alerts"]["waiting"], 0, "the daemon delivers nothing for it: {status}");
}

#[test]
fn a_page_is_opened_without_a_portal_and_without_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    let agent = agent(folder.path());
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let jobs = jobs(&agent, &[("bad", "")]);
    stage.write("jobs.yaml", &format!("external_url: https://example.com/$(id)\n{jobs}"));
    stage.start();
    let bus = Bus::start(stage.path(), &["actions"], false);
    let _desktop = Desktop::start(&stage, &bus, stand_in(&stage, "xdg-open"));
    until("it follows the daemon", PATIENCE, || {
        // What came before it looked is not shown.
        stage.ask(&["trigger", "bad", "--wait"]);
        (!bus.is_quiet()).then_some(())
    });
    bus.press_button(1);
    let opened = written(&stage.path().join("opened"));
    assert!(opened.starts_with("1 https://example.com/$(id)/runs/"), "{opened}");
}
