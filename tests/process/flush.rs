//! A disk whose flushes fail: `strace` answers the daemon's `fsync` and `fdatasync` with EIO, as
//! the kernel does for a disk that lost what it was given.
//!
//! What was written before a failed flush still lies in the log. So a commit that was refused for
//! it may be there after a crash all the same: neither may be taken for granted.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use transferd::sim::world::WorldOptions;

use crate::disk::{job_file, posts, status, succeeded, world};
use crate::reconcile::{Expected, reconcile};
use crate::stage::{Agent, Stage, now, until};

/// Each flush that fails doubles the daemon's wait before the next try, up to 15 s, and a traced daemon
/// is a slow one.
const PATIENCE: Duration = Duration::from_secs(90);

/// `strace` on a daemon; the disk is well again once it is gone.
struct FailingDisk {
    tracer: Child,
    log: PathBuf,
}

impl FailingDisk {
    /// Lets the flushes of each of the daemon's threads fail that `which` names, in strace's
    /// words: `1+` is all, `3` the third. In words why not, where tracing is not permitted.
    fn attach(stage: &mut Stage, which: &str) -> Result<Self, String> {
        let log = stage.path().join("strace.log");
        // What an earlier one has said.
        let _ = std::fs::remove_file(&log);
        let pid = stage.daemon().id().to_string();
        let tracer = Command::new("strace")
            .args(["--follow-forks", "--attach", &pid, "--trace=fsync,fdatasync"])
            .arg(format!("--inject=fsync,fdatasync:error=EIO:when={which}"))
            .arg("--output")
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(stage.path().join("strace.err")).unwrap())
            .spawn();
        let tracer = tracer.map_err(|error| format!("`strace`: {error}"))?;
        let mut disk = Self { tracer, log };
        until("the daemon is traced", PATIENCE, || {
            if is_traced(&pid) {
                return Some(Ok(()));
            }
            let ended = disk.tracer.try_wait().unwrap()?;
            let words = std::fs::read_to_string(stage.path().join("strace.err")).unwrap();
            Some(Err(format!("strace: {ended}: {words}")))
        })?;
        Ok(disk)
    }

    /// Waits until a flush has failed.
    fn until_it_has_failed(&self) {
        until("a flush fails", PATIENCE, || {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            log.contains("(INJECTED)").then_some(())
        });
    }
}

impl Drop for FailingDisk {
    /// Lets go of the daemon, if that still lives.
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.tracer);
        // It has ended by itself if the daemon has.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.tracer.wait();
    }
}

/// Whether each thread of a process has a tracer.
fn is_traced(pid: &str) -> bool {
    let threads = std::fs::read_dir(Path::new("/proc").join(pid).join("task"));
    threads.into_iter().flatten().all(|thread| {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status"));
        status.is_ok_and(|status| !status.contains("TracerPid:\t0\n"))
    })
}

/// While all flushes fail, nothing is queued, and that is said; the daemon lives on.
fn nothing_is_queued_and_that_is_said(stage: &mut Stage, agent: &Agent) {
    until("the failing disk is said", PATIENCE, || {
        let said = status(stage);
        (said.contains("nothing can be recorded") && said.contains("disk")).then_some(())
    });
    let asked = posts(agent);
    let refused = stage.ask(&["trigger", "stuck"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(words.contains("system log for errors of the disk"), "{words}");
    assert!(status(stage).contains("nothing can be recorded"), "{}", status(stage));
    assert_eq!(posts(agent), asked, "something was queued that is not recorded");
    assert_eq!(stage.daemon().try_wait().unwrap(), None, "it lives on");
}

fn goes_on(stage: &Stage) {
    let before = succeeded(stage);
    until("it goes on", PATIENCE, || (succeeded(stage) > before).then_some(()));
    assert!(!status(stage).contains("nothing can be recorded"), "{}", status(stage));
}

#[test]
fn a_commit_whose_flush_failed_is_not_taken_for_durable_nor_for_undone() {
    // By hand: now and then the tracer makes one flush fail where it should make all of them.
    if std::env::var_os("TRANSFERD_FAILING_DISK").is_none() {
        return eprintln!("set TRANSFERD_FAILING_DISK=1 to try a disk whose flushes fail");
    }
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let agent = Agent::start(stage.path(), &world(), 1);
    stage.write("jobs.yaml", &job_file(agent.port));
    stage.start();
    until("a run succeeds", PATIENCE, || (succeeded(&stage) > 0).then_some(()));
    let begun = now();

    // One flush fails: of an intent, an answer, an end, as it comes. Few, as each makes the daemon
    // wait twice as long before it tries again.
    for which in 1..=3 {
        match FailingDisk::attach(&mut stage, &which.to_string()) {
            Ok(disk) => disk.until_it_has_failed(),
            Err(why) => return eprintln!("flushes can't be made to fail here: {why}"),
        }
        goes_on(&stage);
    }
    // All fail for a while.
    let disk = FailingDisk::attach(&mut stage, "1+").unwrap();
    nothing_is_queued_and_that_is_said(&mut stage, &agent);
    drop(disk);
    goes_on(&stage);
    // All fail, and it dies: what was refused may be in the log.
    for _ in 0..3 {
        let disk = FailingDisk::attach(&mut stage, "1+").unwrap();
        disk.until_it_has_failed();
        stage.kill();
        drop(disk);
        stage.start();
        goes_on(&stage);
    }

    let counted_to = now();
    goes_on(&stage);
    let off = job_file(agent.port).replace("    source:", "    enabled: false\n    source:");
    stage.write("jobs.yaml", &off);
    assert!(stage.ask(&["reload"]).status.success());
    let history = until("all runs end", PATIENCE * 2, || {
        let history = stage.history();
        history.iter().all(|run| !run["ended_at"].is_null()).then_some(history)
    });
    stage.kill();
    let expected = Expected { job: "tick", period_seconds: 1, from: begun, to: counted_to };
    let findings = reconcile(&agent.get("/_sim/transfers"), &history, &[expected]);
    let violations: Vec<_> = findings.violations().collect();
    assert!(violations.is_empty(), "{violations:#?}");
    eprintln!("runs {:?}, transfers {}", findings.runs, findings.transfers);
}
