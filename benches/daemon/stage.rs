//! A folder with a job file and a state, and the daemon on it.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use transferd::sim::world::WorldOptions;

use crate::agent::Agent;
use crate::clock;
use crate::failure::{Failure, failed};
use crate::limits::SOON;

/// A folder of its own, and an agent.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The agent.
    pub(crate) agent: Agent,
    folder: tempfile::TempDir,
}

/// A daemon under way; stopped with this value.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    /// When it was started, by the time of day.
    pub(crate) started_at: Timestamp,
    /// From its start until it was ready (sd_notify(3)).
    pub(crate) start: Duration,
}

impl Stage {
    /// A stage whose agent has these options.
    pub(crate) fn new(options: &WorldOptions) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let agent = Agent::start(folder.path(), options)?;
        std::fs::write(folder.path().join("token"), WorldOptions::DEFAULT_TOKEN)?;
        Ok(Self { agent, folder })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("state/transferd.db")
    }

    /// Puts a job file in place, as editors do.
    pub(crate) fn write(&self, text: &str) -> Result<(), Failure> {
        let fresh = self.folder.path().join("jobs.yaml.new");
        std::fs::write(&fresh, text)?;
        Ok(std::fs::rename(fresh, self.folder.path().join("jobs.yaml"))?)
    }

    /// Starts the daemon and waits until it is ready.
    pub(crate) fn start(&self) -> Result<Daemon, Failure> {
        let bell = self.folder.path().join("ready");
        // It is not there before the first start.
        let _ = std::fs::remove_file(&bell);
        let ready = UnixDatagram::bind(&bell)?;
        ready.set_read_timeout(Some(SOON))?;
        let log = std::fs::File::create(self.folder.path().join("log"))?;
        let (started_at, began) = (clock::time_of_day(), clock::now());
        let child = self
            .program(&["run"])
            .env("NOTIFY_SOCKET", &bell)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut daemon = Daemon { child, started_at, start: Duration::ZERO };
        let mut message = [0; 4_096];
        loop {
            let Ok(length) = ready.recv(&mut message) else {
                return failed(format!("the daemon did not start: {}", self.log()));
            };
            if String::from_utf8_lossy(&message[..length]).contains("READY=1") {
                daemon.start = began.elapsed();
                return Ok(daemon);
            }
        }
    }

    /// What the daemon has logged.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Carries out a command; how long it took, and what it printed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<(Duration, String), Failure> {
        let began: Instant = clock::now();
        let output = self.program(arguments).output()?;
        let took = began.elapsed();
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return failed(format!("`{}` failed: {}", arguments.join(" "), words.trim()));
        }
        Ok((took, String::from_utf8(output.stdout)?))
    }

    /// What a command answers with.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<Value, Failure> {
        Ok(serde_json::from_str(&self.command(arguments)?.1)?)
    }

    /// A command about this stage, not started.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transferd"));
        command.arg("-c").arg(self.folder.path().join("jobs.yaml"));
        command.arg("--state-dir").arg(self.folder.path().join("state"));
        command.args(arguments).stdin(Stdio::null());
        command
    }
}

impl Daemon {
    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Stops it with SIGTERM; how long that took.
    pub(crate) fn stop(mut self) -> Result<Duration, Failure> {
        let began = clock::now();
        terminate(&self.child)?;
        self.child.wait()?;
        Ok(began.elapsed())
    }
}

/// Asks a child to end.
pub(crate) fn terminate(child: &Child) -> Result<(), Failure> {
    let process = rustix::process::Pid::from_child(child);
    Ok(rustix::process::kill_process(process, rustix::process::Signal::TERM)?)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            // What fails here has ended by itself.
            let _ = terminate(&self.child);
            let _ = self.child.wait();
        }
    }
}
