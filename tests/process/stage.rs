//! A stage for the real binary: a folder of its own, the simulated agent as a process that can be
//! killed and comes back with its memory, and the daemon as another.
//!
//! Nothing here waits for a time to pass but [`pause`], which is for moments that are to be
//! arbitrary; all else waits for a condition, with a deadline.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use transferd::sim::world::WorldOptions;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Lets an arbitrary moment come.
#[expect(clippy::disallowed_methods, reason = "the moment of a kill is a time, not a signal")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Asks until the answer is there.
pub(crate) fn until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = moment();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < patience, "{what}: not within {patience:?}");
        pause(Duration::from_millis(5));
    }
}

#[expect(clippy::disallowed_methods, reason = "tests measure how long things take")]
pub(crate) fn moment() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "occurrences are compared with the real clock")]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The binary under test.
pub(crate) fn transferd() -> &'static str {
    env!("CARGO_BIN_EXE_transferd")
}

/// The simulated agent, as a process.
pub(crate) struct Agent {
    folder: PathBuf,
    child: Option<Child>,
    pub(crate) port: u16,
    seed: u64,
    /// The user that it runs as, if that is not ours.
    uid: Option<u32>,
}

impl Agent {
    /// Starts one on any port, with its memory in `folder`.
    pub(crate) fn start(folder: &Path, world: &WorldOptions, seed: u64) -> Self {
        let mut agent = Self { folder: folder.to_owned(), child: None, port: 0, seed, uid: None };
        agent.set_options(world);
        agent.rise();
        agent
    }

    /// Starts one that another user runs, which takes root.
    pub(crate) fn start_as(uid: u32, port: u16, folder: &Path, world: &WorldOptions) -> Self {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        let (folder, uid) = (folder.to_owned(), Some(uid));
        let mut agent = Self { folder, child: None, port, seed: 1, uid };
        agent.set_options(world);
        agent.rise();
        agent
    }

    /// What its world is like from the next start on.
    pub(crate) fn set_options(&self, world: &WorldOptions) {
        let text = serde_json::to_vec(world).unwrap();
        std::fs::write(self.folder.join("agent-options.json"), text).unwrap();
    }

    /// Starts it (again), with all that it knew.
    pub(crate) fn rise(&mut self) {
        let log = append(&self.folder.join("agent.log"));
        let mut command = Command::new(transferd());
        if let Some(uid) = self.uid {
            std::os::unix::process::CommandExt::uid(&mut command, uid);
        }
        let mut child = command
            .args(["sim", "--port", &self.port.to_string(), "--seed", &self.seed.to_string()])
            .args(["--state", "agent.json", "--options", "agent-options.json"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let port = url.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        self.port = port.unwrap_or_else(|| panic!("no URL but `{url}`: see agent.log"));
        self.child = Some(child);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// An answer of the admin routes.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = http(self.port, "GET", path, "").unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("`{path}` answers `{answer}`"))
    }

    /// Asks something of the admin routes.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let answer = http(self.port, "POST", path, &body.to_string()).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("`{path}` answers `{answer}`"))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One request on a connection of its own.
fn http(port: u16, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    Ok(body.to_owned())
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// A folder with a job file, a token file, a state folder and a daemon.
pub(crate) struct Stage {
    folder: TempDir,
    state: PathBuf,
    daemon: Option<Child>,
    /// The daemon's log level.
    pub(crate) level: &'static str,
    /// More of the daemon's environment.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Stage {
    /// A stage whose token file holds this.
    pub(crate) fn new(token: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let (level, environment) = ("debug", Vec::new());
        let stage = Self { folder, state, daemon: None, level, environment };
        stage.write("token", token);
        stage
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.state.clone()
    }

    /// The state is to lie elsewhere.
    pub(crate) fn keep_state_in(&mut self, folder: &Path) {
        self.state = folder.join("state");
    }

    /// Writes a file that only its owner may read, all at once.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let (new, path) = (self.path().join(format!(".{name}.new")), self.path().join(name));
        std::fs::write(&new, text).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// `transferd`, meaning this stage.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(transferd());
        command
            .arg("--state-dir")
            .arg(&self.state)
            .args(["-c", "jobs.yaml", "--color", "never"])
            .args(args)
            .current_dir(self.path())
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn ask(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a command prints as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.ask(args);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {words}{}", self.log_end());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// All runs that there ever were.
    pub(crate) fn history(&self) -> Vec<Value> {
        match self.json(&["history", "--json", "-n", "10000"]) {
            Value::Array(runs) => runs,
            other => panic!("no array: {other}"),
        }
    }

    /// Starts the daemon, and does not wait for it.
    pub(crate) fn launch(&mut self) -> &mut Child {
        let (out, err) = (append(&self.log_path()), append(&self.log_path()));
        let mut command = self.command(&["--log-level", self.level, "run"]);
        command.envs(self.environment.iter().cloned()).stdout(out).stderr(err);
        self.daemon.insert(command.spawn().unwrap())
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn start(&mut self) {
        self.launch();
        self.until_it_answers();
    }

    /// Waits until the daemon takes questions.
    pub(crate) fn until_it_answers(&mut self) {
        let socket = self.state().join("control.sock");
        let daemon = self.daemon.as_mut().expect("it was launched");
        let log = self.folder.path().join("daemon.log");
        until("the daemon answers", PATIENCE, || {
            if let Some(status) = daemon.try_wait().unwrap() {
                panic!("the daemon ended by itself, {status}:\n{}", end_of(&log));
            }
            UnixStream::connect(&socket).ok()
        });
    }

    /// The daemon's process.
    pub(crate) fn daemon(&mut self) -> &mut Child {
        self.daemon.as_mut().expect("it was launched")
    }

    /// SIGKILL. It must have been alive until then.
    pub(crate) fn kill(&mut self) {
        let mut daemon = self.daemon.take().expect("it was launched");
        if let Some(status) = daemon.try_wait().unwrap() {
            panic!("the daemon ended by itself, {status}:\n{}", self.log_end());
        }
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.path().join("daemon.log")
    }

    pub(crate) fn log_end(&self) -> String {
        end_of(&self.log_path())
    }
}

/// SIGTERM, and how it ended.
pub(crate) fn terminate(daemon: &mut Child) -> std::process::ExitStatus {
    let pid = rustix::process::Pid::from_child(daemon);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    daemon.wait().unwrap()
}

fn end_of(log: &Path) -> String {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            // It may have ended already.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("what is left of it lies in {}", self.folder.path().display());
        }
    }
}
