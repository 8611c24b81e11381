//! The tests that catch faults: built once, and run one by one, each within a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Error, Result};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::copy::VARIABLE;
use crate::list::Catcher;

/// The package at the root.
const ROOT: &str = "transferd";

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// It did not come to its end.
    Hung,
    /// It could not be told: there is no such test, or its process died.
    Unclear(String),
}

/// A binary full of tests.
struct Binary {
    path: PathBuf,
    /// Where cargo would run it.
    folder: PathBuf,
}

/// The binaries, by package and target.
pub(crate) struct Tests {
    binaries: BTreeMap<(String, String), Binary>,
    scratch: tempfile::TempDir,
}

impl Tests {
    /// Builds what the tests need, from the sources in `copy`. Cargo is run at the root, so that its
    /// settings are those of every day, and into the same target folder, so that no dependency is
    /// built twice.
    pub(crate) fn build(
        root: &Path,
        copy: &Path,
        target: &Path,
        catchers: &BTreeSet<&Catcher>,
    ) -> Result<Self> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args(["test", "--no-run", "--locked", "--message-format=json-render-diagnostics"]);
        cargo.arg("--manifest-path").arg(copy.join("Cargo.toml"));
        cargo.arg("--target-dir").arg(target);
        let packages: BTreeSet<&str> = catchers.iter().map(|it| it.package.as_str()).collect();
        let targets: BTreeSet<&str> = catchers.iter().map(|it| it.target.as_str()).collect();
        // All are built together with the root's, as every day: alone, it would have what it depends
        // on built once more, with fewer features.
        if !packages.contains(ROOT) {
            for package in packages {
                cargo.args(["-p", package]);
            }
        }
        for target in targets {
            match target {
                "lib" => cargo.arg("--lib"),
                test => cargo.args(["--test", test]),
            };
        }
        let built = cargo.current_dir(root).stderr(Stdio::inherit()).output()?;
        if !built.status.success() {
            return Err(Error::other("the sources with switches can't be built"));
        }
        let told = String::from_utf8_lossy(&built.stdout);
        let binaries = told.lines().filter_map(binary).collect();
        Ok(Self { binaries, scratch: tempfile::tempdir()? })
    }

    /// Runs a test, with a fault or without.
    pub(crate) fn run(
        &self,
        catcher: &Catcher,
        fault: Option<&str>,
        limit: Duration,
    ) -> Result<Outcome> {
        let key = (catcher.package.clone(), catcher.target.clone());
        let Some(binary) = self.binaries.get(&key) else {
            return Ok(Outcome::Unclear("there is no such target".to_owned()));
        };
        let said = self.scratch.path().join("said");
        let mut command = Command::new(&binary.path);
        command.arg(&catcher.test).current_dir(&binary.folder).env_remove(VARIABLE);
        // A snapshot is no proof: whoever takes the new one has taken the fault.
        command.env("INSTA_FORCE_PASS", "1").env("INSTA_UPDATE", "no").env("RUST_BACKTRACE", "0");
        if let Some(fault) = fault {
            command.env(VARIABLE, fault);
        }
        let file = File::create(&said)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
        let mut child = command.spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || ended.send(child.wait()));
        let status = end.recv_timeout(limit);
        // What it has started ends with it.
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        let Ok(status) = status else { return Ok(Outcome::Hung) };
        let said = String::from_utf8_lossy(&fs::read(&said)?).into_owned();
        Ok(match (status?.code(), ran(&said)) {
            (_, 0) => Outcome::Unclear("there is no such test".to_owned()),
            (Some(0), _) => Outcome::Passed,
            (Some(101), _) if said.contains("test result: FAILED") => Outcome::Failed,
            (code, _) => Outcome::Unclear(format!("its process ended with {code:?}:\n{said}")),
        })
    }
}

/// A binary of tests that cargo tells of in this line, if it does.
fn binary(line: &str) -> Option<((String, String), Binary)> {
    let told: serde_json::Value = serde_json::from_str(line).ok()?;
    if told["reason"] != "compiler-artifact" || told["profile"]["test"] != true {
        return None;
    }
    let path = PathBuf::from(told["executable"].as_str()?);
    let folder = Path::new(told["manifest_path"].as_str()?).parent()?.to_owned();
    let package = told["package_id"].as_str()?.rsplit_once('#')?.1.split('@').next()?.to_owned();
    let target = match told["target"]["kind"][0].as_str()? {
        "lib" => "lib",
        _ => told["target"]["name"].as_str()?,
    };
    Some(((package, target.to_owned()), Binary { path, folder }))
}

/// How many tests were run.
fn ran(said: &str) -> u64 {
    let counts = said.lines().filter_map(|line| line.strip_prefix("running ")?.split(' ').next());
    counts.filter_map(|count| count.parse::<u64>().ok()).sum()
}
