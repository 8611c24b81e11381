//! A stage for the real binary: a folder of its own, the simulated agent on a free loopback port,
//! and a job file with a job for each thing that can happen.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::Value;
use transferd::sim::server::{Sim, SimHandle, SimOptions};
use transferd::sim::world::{Ending, Fault, ProblemCode, Script, SimUser, Span, WorldOptions};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// What a command came to.
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the binary to its end.
pub(crate) fn transferd(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transferd"));
    let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Waits until `holds`, or fails with what was waited for.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = now();
    while !holds() {
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline of a test on the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "between two looks at a condition with a deadline")]
fn pause() {
    std::thread::sleep(GLANCE);
}

/// The stage.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    state: PathBuf,
    agent: SimHandle,
    url: String,
}

impl Stage {
    /// The agent's token.
    pub(crate) const TOKEN: &'static str = "t0ken-that-must-be-nowhere";

    /// A stage whose state folder lies `deep` in it.
    pub(crate) fn new(deep: &str) -> Self {
        let (agent, url) = agent();
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join(deep).join("state");
        let stage = Self { folder, state, agent, url };
        std::fs::write(stage.folder.path().join("token"), Self::TOKEN).unwrap();
        stage.write_jobs("");
        stage
    }

    /// Writes the job file, with `more` at its end.
    pub(crate) fn write_jobs(&self, more: &str) {
        let job = |name: &str, rest: &str| {
            format!(
                "  {name}: {{source: *s, destination: {{account: b, bucket: c, path: {name}/}}{rest}}}\n"
            )
        };
        let text = format!(
            "agent: {{url: {}, token_file: token, poll_interval: 100ms, request_timeout: 2s, \
             adopt_window: 2s}}\n\
             accounts: {{a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
             b: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}}\n\
             x-source: &s {{account: a, bucket: src, path: x/}}\n\
             defaults: {{retry: {{max_attempts: 1}}}}\n\
             jobs:\n{}{}{}{}{}{more}\n",
            self.url,
            job("hand", ""),
            job("broken", ""),
            job("slow", ""),
            job("lost", ""),
            job("nightly", ", schedule: \"30 2 * * *\""),
        );
        // As editors do: there is no moment with half a file.
        let fresh = self.folder.path().join("jobs.yaml.new");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(fresh, self.folder.path().join("jobs.yaml")).unwrap();
    }

    /// Adds keys to `agent` in the job file.
    pub(crate) fn change_agent(&self, keys: &str) {
        let path = self.folder.path().join("jobs.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replacen("agent: {", &format!("agent: {{{keys}, "), 1);
        std::fs::write(path, text).unwrap();
    }

    /// The simulated agent.
    pub(crate) fn agent(&self) -> &SimHandle {
        &self.agent
    }

    /// Runs a command about this stage.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        let globals = self.globals();
        let globals = globals.iter().map(String::as_str);
        transferd(&globals.chain(arguments.iter().copied()).collect::<Vec<_>>())
    }

    /// Runs a command that answers with JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments);
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.err);
        serde_json::from_str(&output.out).unwrap()
    }

    /// A run, as `show` has it.
    pub(crate) fn run(&self, id: &str) -> Value {
        self.json(&["show", id, "--json"])
    }

    /// Waits until `holds`.
    pub(crate) fn until(&self, what: &str, holds: impl FnMut() -> bool) {
        until(what, holds);
    }

    /// POSTs that have reached the agent.
    pub(crate) fn posts(&self) -> usize {
        self.agent.with(|world, _| world.posts().count())
    }

    /// How often the agent was asked for this path.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.agent.requests().iter().filter(|seen| seen.path == path).count()
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn start(&self) -> Daemon {
        self.start_with(&[])
    }

    /// As [`Stage::start`], with more arguments.
    pub(crate) fn start_with(&self, arguments: &[&str]) -> Daemon {
        let log = self.folder.path().join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_transferd"))
            .args(self.globals())
            .args(arguments)
            .arg("run")
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let daemon = Daemon { child, log };
        until("the daemon answers", || self.command(&["status", "--names"]).code == 0);
        daemon
    }

    /// The state folder.
    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// The bytes of each file in the state folder.
    pub(crate) fn state_files(&self) -> Vec<Vec<u8>> {
        let files = std::fs::read_dir(&self.state).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// Starts a command about this stage, its three streams piped.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_transferd"))
            .args(self.globals())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The options that make a command be about this stage.
    pub(crate) fn globals(&self) -> [String; 4] {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let jobs = text(self.folder.path().join("jobs.yaml"));
        ["-c".to_owned(), jobs, "--state-dir".to_owned(), text(self.state.clone())]
    }
}

/// A daemon under way; killed with its test.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and gives its exit code.
    pub(crate) fn stop(&mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.stop();
        }
    }
}

/// Starts the simulated agent on a thread of its own, which ends with the test's process.
fn agent() -> (SimHandle, String) {
    let (tell, started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let options = SimOptions { world: world(), seed: 7, ..SimOptions::default() };
            tell.send(Sim::start(options).await.unwrap()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    started.recv().unwrap()
}

/// A world in which each job meets what its name says.
fn world() -> WorldOptions {
    let about = |name: &str| Script { destination: format!("{name}/"), ..Script::default() };
    let long = Some(SignedDuration::from_secs(3));
    WorldOptions {
        users: vec![SimUser::new(WorldOptions::DEFAULT_USER, "me@example.com", Stage::TOKEN)],
        pick_up: Span::millis(10, 50),
        duration: Span::millis(100, 200),
        cancel_takes: Span::millis(10, 50),
        scripts: vec![
            Script { ending: Some(Ending::Error), ..about("broken") },
            Script {
                // Long enough for the notification socket to be open.
                duration: Some(SignedDuration::from_secs(1)),
                ending: Some(Ending::Partial),
                failing: Some(3),
                errors: ["Access Denied", "Access Denied", "NoSuchKey"].map(str::to_owned).to_vec(),
                ..about("denied")
            },
            Script {
                duration: Some(SignedDuration::from_secs(1)),
                ending: Some(Ending::Partial),
                failing: Some(2),
                errors: vec!["checksum mismatch".to_owned()],
                ..about("flaky")
            },
            Script { duration: long, ..about("slow") },
            Script { duration: Some(SignedDuration::from_hours(1)), ..about("endless") },
            Script { fault: Some(Fault::LoseAfter), ..about("lost") },
            Script { fault: Some(Fault::Problem(ProblemCode::TransferC2c)), ..about("unclear") },
            Script { ending: Some(Ending::Error), times: Some(1), ..about("night") },
        ],
        ..WorldOptions::default()
    }
}
