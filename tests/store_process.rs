//! The store on disk as a process meets it: killed under load, with a disk that is really full,
//! and without the permission to write.
//!
//! Each test plays both parts: it starts itself again as a child, and the child finds its task in
//! the environment.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use transferd::core::run::RunState;
use transferd::store::folder::StateFolder;
use transferd::store::thread::StoreThread;
use transferd::store::{HistoryQuery, Queries as _, RunMatch, Store, StoreError};

#[path = "support/rows.rs"]
mod rows;

/// Where the child finds the state folder; set for children only.
const FOLDER: &str = "TRANSFERD_TEST_STATE";

/// Where the child's numbers begin.
const FIRST: &str = "TRANSFERD_TEST_FIRST";

/// Words of the child among those of the test harness.
const SAYS: &str = "child: ";

fn task() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// This test again, as a child with a task.
fn as_child(program: &Path, test: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

fn this_program() -> PathBuf {
    std::env::current_exe().expect("a program has a path")
}

fn say(words: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{SAYS}{words}").and_then(|()| out.flush());
    said.expect("the parent listens");
}

/// The child's next word; absent when it has died.
fn hear(out: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    while out.read_line(&mut line).expect("a pipe can be read") > 0 {
        // A line without its end was cut by death.
        if let Some((_, words)) = line.strip_suffix('\n').and_then(|line| line.split_once(SAYS)) {
            return Some(words.to_owned());
        }
        line.clear();
    }
    None
}

fn everything() -> HistoryQuery {
    HistoryQuery { limit: usize::MAX, ..HistoryQuery::default() }
}

/// Four committers at once, each of which says what was acknowledged to it, until it is killed.
fn commit_under_load(folder: &Path) {
    let first: u64 = std::env::var(FIRST).expect("the parent sets it").parse().expect("a number");
    let folder = StateFolder::open(folder, rows::at(0)).expect("the parent's folder is good");
    let store = StoreThread::spawn(folder.open_store().expect("the database is good"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let committer = |nth: u64| {
        let store = store.clone();
        async move {
            for n in (first + nth..).step_by(4) {
                let records = rows::records(n, "nightly", RunState::Running);
                store.commit(records).await.expect("there is room");
                say(n);
            }
        }
    };
    runtime.block_on(async {
        tokio::join!(committer(0), committer(1), committer(2), committer(3));
    });
}

/// Waits for so many words, kills the child, and hears what it said to its end.
fn kill_after(mut child: Child, words: usize) -> Vec<u64> {
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut acknowledged = Vec::new();
    while acknowledged.len() < words {
        let word = hear(&mut out).expect("the child commits until it is killed");
        acknowledged.push(word.parse().expect("a number"));
    }
    child.kill().expect("it is our child");
    acknowledged.extend(
        std::iter::from_fn(|| hear(&mut out)).map(|word| word.parse::<u64>().expect("a number")),
    );
    child.wait().expect("it is our child");
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    if let Some(folder) = task() {
        return commit_under_load(&folder);
    }
    const KILLS: usize = 24;
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for kill in 0..KILLS {
        let first = (kill as u64 + 1) * 1_000_000;
        let test = "nothing_acknowledged_is_lost_when_the_process_is_killed";
        let mut child = as_child(&this_program(), test, folder.path());
        let child = child.env(FIRST, first.to_string()).spawn().unwrap();
        // Different moments of growth, checkpoints among them (every 1,000 pages).
        acknowledged.extend(kill_after(child, 1 + kill * kill));
        let store = StateFolder::open_read_only(folder.path()).unwrap().unwrap();
        let runs: BTreeMap<_, _> = store
            .history(&everything())
            .unwrap()
            .into_iter()
            .map(|found| (found.run.id, found))
            .collect();
        for n in &acknowledged {
            assert!(runs.contains_key(&rows::run_id(*n)), "run {n} is lost after kill {kill}");
        }
        // What was not acknowledged is there wholly or not at all.
        for (id, found) in &runs {
            assert_eq!(found.attempts.len(), 1, "run {id} is there in part");
            assert_eq!(store.events(*id).unwrap().len(), 1, "run {id} is there in part");
        }
    }
    let mut store = StateFolder::open(folder.path(), rows::at(1)).unwrap().open_store().unwrap();
    assert!(store.load().unwrap().runs.len() >= acknowledged.len());
    assert!(acknowledged.len() > KILLS * 50, "the load was no load: {}", acknowledged.len());
}

/// Commits until the disk is full, then says how many it got in and how it was refused.
fn commit_until_full(path: &Path) {
    let folder = StateFolder::open(path, rows::at(0)).expect("the parent's folder is good");
    let mut store = folder.open_store().expect("an empty database fits");
    let mut n = 0;
    let refusal = loop {
        match store.commit(&rows::records(n + 1, "nightly", RunState::Running)) {
            Ok(()) => n += 1,
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, StoreError::Full { .. }), "{refusal}");
    assert!(matches!(store.check_writable(), Err(StoreError::Full { .. }) | Ok(())));
    assert_eq!(store.load().expect("a full disk can be read").runs.len() as u64, n);
    drop((store, folder));
    // The disk stays full, and a new start finds what was acknowledged.
    let folder = StateFolder::open(path, rows::at(1)).expect("a full folder can be taken");
    let mut store = folder.open_store().expect("a full disk's database can be opened");
    assert_eq!(store.load().expect("a full disk can be read").runs.len() as u64, n);
    let last = store.run(&rows::run_id(n).to_string()).expect("a full disk can be read");
    assert!(matches!(last, RunMatch::One(_)));
    say(n);
}

#[test]
fn a_disk_that_is_really_full_keeps_what_was_acknowledged() {
    if let Some(folder) = task() {
        return commit_until_full(&folder);
    }
    let mount_point = tempfile::tempdir().unwrap();
    // A small disk in a mount namespace of the child's own, gone with the child.
    let script = "mount -t tmpfs -o size=2m,mode=0700 tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let test = "a_disk_that_is_really_full_keeps_what_was_acknowledged";
    let child = Command::new("unshare")
        .args(["--mount", "--map-root-user", "--user", "sh", "-c", script, "sh"])
        .arg(mount_point.path())
        .arg(this_program())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, mount_point.path())
        .stdin(Stdio::null())
        .output();
    let output = match child {
        Ok(output) => output,
        Err(error) => return not_permitted(&error.to_string()),
    };
    let heard = hear(&mut output.stdout.as_slice());
    let words = String::from_utf8_lossy(&output.stderr);
    match (output.status.code(), heard) {
        (Some(0), Some(runs)) => assert!(runs.parse::<u64>().unwrap() > 10, "{runs}"),
        // The mount, or the namespace before it, was refused: no test began.
        (Some(1 | 77), None) if !words.contains("panicked") => not_permitted(&words),
        (code, _) => panic!("{code:?}: {words}\n{}", String::from_utf8_lossy(&output.stdout)),
    }
}

/// Full disks are also tried, everywhere, by SQLite's own limit of pages: see `store::sqlite`.
fn not_permitted(why: &str) {
    eprintln!("a small disk of its own can't be mounted here: {why}");
}

/// Tries to write where it may not.
fn be_refused(path: &Path) {
    let database = path.join("transferd.db");
    let store = transferd::store::sqlite::SqliteStore::open(&database);
    let refusal = store.expect_err("it may not write");
    assert!(matches!(refusal, StoreError::ReadOnly { .. }), "{refusal}");
    let new = transferd::store::sqlite::SqliteStore::open(&path.join("new.db"));
    let refusal = new.expect_err("it may not write");
    assert!(matches!(refusal, StoreError::Permission { .. }), "{refusal}");
    let looked = StateFolder::open_read_only(path).expect("it may read").expect("it is there");
    assert_eq!(looked.history(&everything()).expect("it may read").len(), 1);
    let hidden = StateFolder::open_read_only(&path.join("hidden"));
    let refusal = hidden.expect_err("it may not look");
    assert!(matches!(refusal, StoreError::Permission { .. }), "{refusal}");
    let locked = StateFolder::open(&path.join("hidden"), rows::at(0));
    let refusal = locked.expect_err("it may not look");
    assert!(matches!(refusal, StoreError::Permission { .. }), "{refusal}");
    say("refused");
}

#[test]
fn a_folder_that_may_not_be_written_to_is_refused_in_words_and_can_be_looked_at() {
    if let Some(folder) = task() {
        return be_refused(&folder);
    }
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let folder = tempfile::tempdir().unwrap();
    let mut store = StateFolder::open(folder.path(), rows::at(0)).unwrap().open_store().unwrap();
    store.commit(&rows::records(1, "nightly", RunState::Running)).unwrap();
    store.close().unwrap();
    drop(store);
    std::fs::create_dir(folder.path().join("hidden")).unwrap();
    // Root may everything: the child becomes nobody, and needs a program that nobody may read.
    let program = folder.path().join("program");
    std::fs::copy(this_program(), &program).unwrap();
    mode(&program, 0o755);
    mode(&folder.path().join("hidden"), 0o000);
    mode(&folder.path().join("transferd.db"), 0o444);
    mode(folder.path(), 0o555);
    let test = "a_folder_that_may_not_be_written_to_is_refused_in_words_and_can_be_looked_at";
    let mut child = as_child(&program, test, folder.path());
    if rustix::process::geteuid().is_root() {
        child.uid(65_534).gid(65_534);
    }
    let output = child.current_dir("/").output().unwrap();
    mode(folder.path(), 0o700);
    mode(&folder.path().join("hidden"), 0o700);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(hear(&mut output.stdout.as_slice()).as_deref(), Some("refused"));
}
