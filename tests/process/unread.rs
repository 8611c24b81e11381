//! Nobody reads what the daemon says: standard error is a pipe that is full, the journal or the
//! service manager is stuck. It starts, works and stops as ever.

use std::io::{ErrorKind, PipeWriter, Write};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use transferd::sim::world::WorldOptions;

use crate::disk::posts;
use crate::stage::{Agent, PATIENCE, Stage, moment, terminate, until};

/// Tells the child that it is one, and in a mount namespace of its own.
const CHILD: &str = "TRANSFERD_TEST_UNREAD";

fn job_file(port: u16) -> String {
    format!(
        "agent: {{url: 'http://127.0.0.1:{port}', token_file: token, poll_interval: 50ms}}\n\
         accounts: {{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
         archive: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}}\n\
         jobs:\n  job:\n    \
         source: {{account: production, bucket: footage, path: a/}}\n    \
         destination: {{account: archive, bucket: cold, path: 'b/{{run}}/'}}\n"
    )
}

/// Fills whatever takes no more without waiting.
fn fill(mut write: impl FnMut() -> std::io::Result<()>) {
    loop {
        match write() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The end of a pipe that is full.
fn full_pipe() -> (std::io::PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    for size in [4_096, 1] {
        let block = vec![b'x'; size];
        fill(|| writer.write(&block).map(drop));
    }
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

/// A socket that takes datagrams, and is full of them.
fn full_socket(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    fill(|| sender.send_to(b"x", path).map(drop));
    socket
}

/// Starts the daemon, has it do something, and stops it.
fn it_starts_works_and_stops(stage: &Stage, agent: &Agent, command: &mut Command) {
    let daemon: &mut Child = &mut command.spawn().unwrap();
    let answers = || stage.ask(&["status"]).status.success().then_some(());
    until("the daemon answers", PATIENCE, answers);
    for run in 0..30 {
        let asked = stage.ask(&["trigger", "job", "--wait"]);
        assert!(asked.status.success(), "run {run}: {asked:?}");
    }
    assert_eq!(posts(agent), 30);
    let begun = moment();
    let status = terminate(daemon);
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

fn stage() -> (Stage, Agent) {
    let stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let agent = Agent::start(stage.path(), &crate::disk::world(), 1);
    stage.write("jobs.yaml", &job_file(agent.port));
    (stage, agent)
}

#[test]
fn a_full_pipe_and_a_service_manager_that_is_stuck_hold_up_nothing() {
    let (stage, agent) = stage();
    let (_reader, writer) = full_pipe();
    let notify = stage.path().join("notify");
    let _socket = full_socket(&notify);
    let mut command = stage.command(&["--log-level", "trace", "run"]);
    command.env("NOTIFY_SOCKET", notify).env("WATCHDOG_USEC", "2000000");
    it_starts_works_and_stops(&stage, &agent, command.stderr(writer));
}

#[test]
fn a_journal_that_is_stuck_holds_up_nothing() {
    if std::env::var_os(CHILD).is_some() {
        let journal = Path::new("/run/systemd/journal");
        std::fs::create_dir_all(journal).unwrap();
        let _socket = full_socket(&journal.join("socket"));
        let (stage, agent) = stage();
        let mut command =
            stage.command(&["--log-level", "trace", "--log-format", "journal", "run"]);
        it_starts_works_and_stops(&stage, &agent, &mut command);
        println!("child: done");
        return;
    }
    let script = "mount -t tmpfs tmpfs /run || exit 77; exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "--user", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "unread::a_journal_that_is_stuck_holds_up_nothing", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return eprintln!("a `/run` of its own can't be mounted here: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    if matches!(output.status.code(), Some(1 | 77)) && !said.contains("running 1 test") {
        return eprintln!("a `/run` of its own can't be mounted here: {words}");
    }
    assert!(output.status.success() && said.contains("child: done"), "{said}\n{words}");
}
