//! The memory that a daemon keeps once it has read a large job file, again and again.

use std::fmt::Write as _;
use std::time::Duration;

use transferd::sim::world::WorldOptions;

use crate::stage::{Stage, until};

/// Jobs enough that reading them takes much more than they take to keep: some 20 MB for 3 MB.
const JOBS: usize = 3_000;

/// Reading is slow in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What later reloads may add to the first one, which grows the heap to hold the old set and the new
/// one side by side. Reading leaves gaps of up to a set, now and then; a set that was not given back
/// with each of three reloads would be more.
const GROWTH_KB: u64 = 70_000;

/// Many jobs, of which all that a reload may change depends on `edition`.
pub(crate) fn job_file(edition: usize) -> String {
    let mut text = String::from(
        "agent: {url: 'http://127.0.0.1:9', token_file: token}\n\
         accounts: {a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
         b: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}\njobs:\n",
    );
    for job in 0..JOBS {
        let (zone, minute) = (["Europe/Berlin", "UTC"][job % 2], (job + edition) % 60);
        write!(
            text,
            "  job-{job}:\n    description: edition {edition}\n    schedule: '{minute} 3 1 1 *'\n    \
             timezone: {zone}\n    source: {{account: a, bucket: in, path: 'unit-{job}/{{-1d:%Y}}/'}}\n    \
             destination: {{account: b, bucket: out, path: 'unit-{job}/{{-1d:%Y}}/'}}\n"
        )
        .unwrap();
    }
    text
}

/// Resident memory of the daemon, in kB.
fn resident(stage: &mut Stage) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stage.daemon().id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Whether the daemon is reading its job file.
pub(crate) fn is_reading(stage: &mut Stage) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", stage.daemon().id())).unwrap();
    let name = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("comm"));
    threads.flatten().any(|thread| name(thread).is_ok_and(|name| name == "job file\n"))
}

#[test]
#[cfg(target_env = "gnu")]
fn reloads_do_not_add_up() {
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    stage.level = "info";
    stage.write("jobs.yaml", &job_file(0));
    stage.start();
    until("the job file is read", PATIENCE, || (!is_reading(&mut stage)).then_some(()));
    let at_first = resident(&mut stage);
    let mut bound = u64::MAX;
    for edition in 1..=4 {
        stage.write("jobs.yaml", &job_file(edition));
        let reloaded = stage.ask(&["reload"]);
        assert!(reloaded.status.success(), "{reloaded:?}");
        let settled =
            until(&format!("{edition} reloads take {bound} kB at most"), PATIENCE, || {
                let resident = resident(&mut stage);
                (resident < bound && !is_reading(&mut stage)).then_some(resident)
            });
        println!("{settled} kB after {edition} reloads, at first {at_first} kB");
        bound = bound.min(settled + GROWTH_KB);
    }
}
