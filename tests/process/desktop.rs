//! Notifications, handed to a stand-in for `busctl`.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use transferd::sim::world::{Ending, Script, Span, WorldOptions};

use crate::stage::{Agent, PATIENCE, Stage, terminate, until};

/// Writes a line for each call, its words parted by bars.
const STAND_IN: &str = "#!/bin/sh\nline=\nfor word; do line=\"$line$word|\"; done\n\
                        printf '%s\\n' \"$line\" >>\"$NOTIFIED\"\n";

/// A process that ends with the test.
struct Desktop(Child);

impl Drop for Desktop {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn desktop(stage: &Stage) -> Desktop {
    let folder = stage.path().join("bin");
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("busctl");
    std::fs::write(&program, STAND_IN).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = stage.command(&["desktop"]);
    command.env("PATH", path).env("NOTIFIED", stage.path().join("notified"));
    Desktop(command.stdout(Stdio::null()).spawn().unwrap())
}

#[test]
fn what_fails_and_what_is_late_is_shown_on_the_desktop() {
    let folder = tempfile::tempdir().unwrap();
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
    let agent = Agent::start(folder.path(), &world, 1);
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let job = |name: &str, more: &str| {
        format!(
            "  {name}:\n    source: {{account: a, bucket: footage, path: {name}/}}\n    \
             destination: {{account: a, bucket: cold, path: {name}/}}\n    \
             retry: {{max_attempts: 1}}\n{more}"
        )
    };
    let jobs = format!(
        "agent: {{url: 'http://127.0.0.1:{}', token_file: token, poll_interval: 50ms}}\n\
         accounts: {{a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11}}\njobs:\n{}{}{}",
        agent.port,
        job("good", ""),
        job("bad", ""),
        job("slack", "    max_age: 10ms\n")
    );
    stage.write("jobs.yaml", &jobs);
    stage.start();
    until("a job is late", PATIENCE, || {
        let status = stage.json(&["status", "--json"]);
        let jobs = status["jobs"].as_array().unwrap();
        jobs.iter().any(|job| job["late"] == true).then_some(())
    });
    let mut desktop = desktop(&stage);
    let notified = stage.path().join("notified");
    let shown = |what: &str| {
        until(what, PATIENCE, || {
            let text = std::fs::read_to_string(&notified).unwrap_or_default();
            text.lines().find(|line| line.contains(what)).map(str::to_owned)
        })
    };
    let late = shown("slack is late");
    assert!(late.starts_with("--user|--quiet|call|--|org.freedesktop.Notifications|"), "{late}");
    assert!(late.contains("|Notify|susssasa{sv}i|transferd|0|dialog-warning|"), "{late}");
    assert!(late.ends_with("|0|1|urgency|y|1|-1|"), "{late}");
    assert!(stage.ask(&["trigger", "good", "--wait"]).status.success());
    assert_eq!(stage.ask(&["trigger", "bad", "--wait"]).status.code(), Some(1));
    let failed = shown("bad failed");
    assert!(failed.ends_with("|0|1|urgency|y|2|-1|"), "{failed}");
    let all = std::fs::read_to_string(&notified).unwrap();
    assert_eq!(all.lines().count(), 2, "{all}");
    // The job file asks for something else: that is shown, and what it does not ask for is not.
    let entry = "alerts: [{on: [succeeded], jobs: [go*], notify: desktop}]\n";
    stage.write("jobs.yaml", &format!("{jobs}{entry}"));
    assert!(stage.ask(&["reload"]).status.success());
    let status = stage.json(&["status", "--json"]);
    assert_eq!(status["alerts"]["desktop"][0]["on"][0], "succeeded", "{status}");
    assert_eq!(stage.ask(&["trigger", "bad", "--wait"]).status.code(), Some(1));
    assert!(stage.ask(&["trigger", "good", "--wait"]).status.success());
    shown("good succeeded");
    assert_eq!(terminate(&mut desktop.0).code(), Some(0));
    let all = std::fs::read_to_string(&notified).unwrap();
    assert_eq!(all.lines().count(), 3, "{all}");
    let status = stage.json(&["status", "--json"]);
    assert_eq!(status["alerts"]["waiting"], 0, "the daemon delivers nothing for it: {status}");
}
