//! The state folder: created private, used by one daemon at a time, refused with clear messages.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt, lchown, symlink};

use jiff::tz::TimeZone;
use rstest::rstest;

use super::*;
use crate::core::date_time::with_offset;
use crate::core::run::RunState;
use crate::store::Store;
use crate::store::tests::sample::{self, at};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn with_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_missing_folder_is_made_private_with_its_parents() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("state/transferd");
    let folder = StateFolder::open(&path, at(0)).unwrap();
    assert_eq!(folder.path(), path);
    let mut store = folder.open_store().unwrap();
    store.check_writable().unwrap();
    assert_eq!(mode(&path), 0o700);
    for name in ["transferd.db", "transferd.db-wal", "transferd.lock"] {
        assert_eq!(mode(&path.join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_second_daemon_is_refused_and_told_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let first = StateFolder::open(folder.path(), at(0)).unwrap();
    let refusal = StateFolder::open(folder.path(), at(1)).unwrap_err();
    let since = with_offset(at(0), &TimeZone::system());
    let holder = format!("the transferd with pid {}, since {since}", std::process::id());
    assert_eq!(
        refusal,
        StoreError::InUse { path: folder.path().to_owned(), holder: holder.clone() }
    );
    assert!(refusal.to_string().contains(&holder), "{refusal}");
    drop(first);
    let second = StateFolder::open(folder.path(), at(2)).unwrap();
    let words = fs::read_to_string(folder.path().join("transferd.lock")).unwrap();
    assert!(words.contains(&format!("since {:.0}", at(2))), "{words}");
    drop(second);
}

#[test]
fn a_lock_that_says_nothing_still_holds() {
    let folder = tempfile::tempdir().unwrap();
    let _first = StateFolder::open(folder.path(), at(0)).unwrap();
    fs::write(folder.path().join("transferd.lock"), [0xff, 0xfe]).unwrap();
    let refusal = StateFolder::open(folder.path(), at(1)).unwrap_err();
    assert!(refusal.to_string().contains("another transferd"), "{refusal}");
}

#[test]
fn looking_needs_no_lock_and_makes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("state");
    assert!(StateFolder::open_read_only(&path).unwrap().is_none());
    assert!(!path.exists());
    let folder = StateFolder::open(&path, at(0)).unwrap();
    assert!(StateFolder::open_read_only(&path).unwrap().is_none());
    assert!(!path.join(DATABASE).exists());
    let _store = folder.open_store().unwrap();
    assert!(StateFolder::open_read_only(&path).unwrap().is_some());
}

#[test]
fn a_folder_for_us_alone_is_made_private_and_another_is_left_alone() {
    let empty = tempfile::tempdir().unwrap();
    with_mode(empty.path(), 0o755);
    drop(StateFolder::open(empty.path(), at(0)).unwrap());
    assert_eq!(mode(empty.path()), 0o700);
    // As systemd creates it at each start.
    with_mode(empty.path(), 0o755);
    drop(StateFolder::open(empty.path(), at(0)).unwrap());
    assert_eq!(mode(empty.path()), 0o700);

    let shared = tempfile::tempdir().unwrap();
    fs::write(shared.path().join("jobs.yaml"), "jobs: {}").unwrap();
    with_mode(shared.path(), 0o755);
    drop(StateFolder::open(shared.path(), at(0)).unwrap());
    assert_eq!(mode(shared.path()), 0o755);
}

#[test]
fn a_folder_that_everybody_may_write_to_is_refused() {
    let shared = tempfile::tempdir().unwrap();
    fs::write(shared.path().join("jobs.yaml"), "jobs: {}").unwrap();
    with_mode(shared.path(), 0o1777);
    let refusal = StateFolder::open(shared.path(), at(0)).unwrap_err().to_string();
    assert!(refusal.contains("everybody may write to it"), "{refusal}");
    assert!(!shared.path().join("transferd.lock").exists());
}

#[test]
fn the_folder_of_another_user_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let owner = rustix::process::geteuid().as_raw();
    let refusal = keep_to_ourselves(folder.path(), Us::of(owner + 1)).unwrap_err().to_string();
    assert!(refusal.contains(&format!("it belongs to user {owner}")), "{refusal}");
    keep_to_ourselves(folder.path(), Us::of(owner)).unwrap();
}

#[test]
fn a_folder_that_others_could_exchange_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (open, path) = (parent.path().join("open"), parent.path().join("open/state"));
    fs::create_dir_all(&path).unwrap();
    for (mode, good) in [(0o777, false), (0o1777, true), (0o755, true)] {
        with_mode(&open, mode);
        match StateFolder::open(&path, at(0)) {
            Ok(_) => assert!(good, "{mode:o}"),
            Err(refusal) => {
                let refusal = refusal.to_string();
                assert!(!good && refusal.contains("everybody could put another"), "{refusal}");
            }
        }
    }
}

#[test]
fn a_folder_by_way_of_a_link_that_others_could_change_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let at_path = |name: &str| parent.path().join(name);
    fs::create_dir_all(at_path("real/state")).unwrap();
    fs::create_dir(at_path("links")).unwrap();
    symlink("../real", at_path("links/to")).unwrap();
    let path = at_path("links/to/state");
    drop(StateFolder::open(&path, at(0)).unwrap());
    with_mode(&at_path("links"), 0o777);
    let refusal = StateFolder::open(&path, at(0)).unwrap_err().to_string();
    assert!(refusal.contains("everybody could put another folder in its place"), "{refusal}");
    with_mode(&at_path("links"), 0o1777);
    drop(StateFolder::open(&path, at(0)).unwrap());
    // Nobody but root can give a link away.
    if rustix::process::geteuid().is_root() {
        lchown(at_path("links/to"), Some(65_533), None).unwrap();
        let refusal = StateFolder::open(&path, at(0)).unwrap_err().to_string();
        assert!(refusal.contains("user 65533 could put another"), "{refusal}");
        assert!(refusal.contains("links/to`"), "{refusal}");
    }
}

#[test]
fn a_lock_file_that_is_removed_lets_no_second_daemon_in() {
    let folder = tempfile::tempdir().unwrap();
    let _first = StateFolder::open(folder.path(), at(0)).unwrap();
    fs::remove_file(folder.path().join("transferd.lock")).unwrap();
    let refusal = StateFolder::open(folder.path(), at(1)).unwrap_err();
    assert!(refusal.to_string().contains("is in use"), "{refusal}");
}

/// A file that a daemon has open, and a commit during which it is moved away.
#[test]
fn what_is_moved_away_takes_no_commit() {
    for name in ["transferd.db", "transferd.db-wal", "transferd.db-shm", "transferd.lock", ""] {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        let folder = StateFolder::open(&path, at(0)).unwrap();
        let mut store = folder.open_store().unwrap();
        store.check_writable().unwrap();
        store.check_standing().unwrap();
        fs::rename(path.join(name), parent.path().join("away")).unwrap();
        for result in [store.check_standing(), store.check_writable(), store.commit(&[])] {
            let refusal = result.unwrap_err();
            assert!(matches!(refusal, StoreError::Gone { .. }), "{name}: {refusal}");
        }
    }
}

#[test]
fn a_database_that_is_emptied_takes_no_commit() {
    let parent = tempfile::tempdir().unwrap();
    let folder = StateFolder::open(parent.path(), at(0)).unwrap();
    let mut store = folder.open_store().unwrap();
    store.commit(&[sample::new_run(sample::run(1, "a", RunState::Waiting))]).unwrap();
    fs::File::options()
        .write(true)
        .open(parent.path().join("transferd.db"))
        .and_then(|file| file.set_len(0))
        .unwrap();
    let refusal = store.commit(&[]).unwrap_err();
    assert!(refusal.to_string().contains("it was emptied"), "{refusal}");
}

#[rstest]
#[case::emptied(|log: &fs::File| log.set_len(0))]
#[case::cut(|log: &fs::File| log.set_len(log.metadata()?.len() / 2))]
#[case::overwritten(|log: &fs::File| log.write_all_at(&[0; 32], 0))]
fn a_log_that_is_damaged_takes_no_commit_and_does_not_reach_the_database(
    #[case] damage: fn(&fs::File) -> std::io::Result<()>,
) {
    let parent = tempfile::tempdir().unwrap();
    let (path, log) = (parent.path(), parent.path().join("transferd.db-wal"));
    let record = |number| [sample::new_run(sample::run(number, "a", RunState::Waiting))];
    let folder = StateFolder::open(path, at(0)).unwrap();
    let mut store = folder.open_store().unwrap();
    store.commit(&record(1)).unwrap();
    store.close().unwrap();
    drop((store, folder));
    let before = fs::read(path.join("transferd.db")).unwrap();

    let folder = StateFolder::open(path, at(1)).unwrap();
    let mut store = folder.open_store().unwrap();
    store.commit(&record(2)).unwrap();
    store.check_standing().unwrap();
    fs::File::options().write(true).open(log).and_then(|log| damage(&log)).unwrap();
    for result in [store.check_standing(), store.commit(&record(3)), store.close()] {
        let refusal = result.unwrap_err();
        assert!(matches!(refusal, StoreError::Gone { .. }), "{refusal}");
    }
    drop((store, folder));
    let after = fs::read(path.join("transferd.db")).unwrap();
    assert!(before == after, "what was moved there before is as it was");
}

#[test]
fn a_log_that_begins_anew_is_as_good_as_before() {
    let parent = tempfile::tempdir().unwrap();
    let folder = StateFolder::open(parent.path(), at(0)).unwrap();
    let mut store = folder.open_store().unwrap();
    // Some thousand pages, which SQLite moves to the database from time to time.
    for first in (0..12_000).step_by(500) {
        let run = |number| sample::new_run(sample::run(number, "a", RunState::Waiting));
        store.commit(&(first..first + 500).map(run).collect::<Vec<_>>()).unwrap();
    }
    store.close().unwrap();
}

/// A store with a record, in the state left by a daemon that was killed.
fn killed(path: &Path) {
    let folder = StateFolder::open(path, at(0)).unwrap();
    let mut store = folder.open_store().unwrap();
    let run = sample::new_run(sample::run(1, "a", RunState::Waiting));
    store.commit(&[run, sample::event(1, 0, RunState::Waiting)]).unwrap();
    // Nothing is tidied up, and the lock ends with the process.
    let copy = path.with_extension("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["transferd.db", "transferd.db-wal", "transferd.lock"] {
        fs::copy(path.join(name), copy.join(name)).unwrap();
    }
    drop((store, folder));
    fs::remove_dir_all(path).unwrap();
    fs::rename(copy, path).unwrap();
}

#[test]
fn a_log_that_is_missing_after_a_kill_is_refused_in_words() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("state");
    killed(&path);
    let log = fs::read(path.join("transferd.db-wal")).unwrap();
    fs::remove_file(path.join("transferd.db-wal")).unwrap();
    for life in 1..3 {
        let folder = StateFolder::open(&path, at(life)).unwrap();
        let refusal = folder.open_store().unwrap_err();
        assert!(matches!(refusal, StoreError::Lost { .. }), "{refusal}");
        let refusal = StateFolder::open_read_only(&path).map(drop).unwrap_err();
        assert!(matches!(refusal, StoreError::Lost { .. }), "a reader is told, too: {refusal}");
    }
    fs::write(path.join("transferd.db-wal"), log).unwrap();
    let folder = StateFolder::open(&path, at(3)).unwrap();
    let mut store = folder.open_store().unwrap();
    assert_eq!(store.events(sample::run_id(1)).unwrap().len(), 1);
    store.close().unwrap();
    drop((store, folder));
    assert!(!fs::read_to_string(path.join("transferd.lock")).unwrap().contains("last event"));
}

#[test]
fn what_is_no_folder_and_what_is_too_long_is_refused_in_words() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let refusal = StateFolder::open(&path, at(0)).unwrap_err().to_string();
        assert!(refusal.contains("not a folder"), "{refusal}");
    }
    let long = parent.path().join("x".repeat(200)).join("y".repeat(200)).join("z".repeat(100));
    let refusal = StateFolder::open(&long, at(0)).unwrap_err().to_string();
    assert!(refusal.contains("longer than"), "{refusal}");
}

#[test]
fn a_folder_that_can_not_be_there_is_no_fault_of_the_disk() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "x").unwrap();
    for error in [
        StateFolder::open_read_only(&file).map(drop).unwrap_err(),
        StateFolder::open_read_only(&file.join("below")).map(drop).unwrap_err(),
        StateFolder::open(&file.join("below"), at(0)).map(drop).unwrap_err(),
        StateFolder::open(Path::new("/proc/transferd"), at(0)).map(drop).unwrap_err(),
    ] {
        let words = error.to_string();
        assert!(!words.contains("system log"), "{words}");
        assert!(words.contains("folder"), "{words}");
    }
}
