//! The state folder: made private, one daemon at a time, refused in words.

use std::fs;

use super::*;
use crate::store::Store;
use crate::store::tests::sample::at;

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
    let holder = format!("the transferd with pid {}, since {:.0}", std::process::id(), at(0));
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
    // As systemd makes it again at each start.
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
fn root_refuses_the_folder_of_another_user() {
    let folder = tempfile::tempdir().unwrap();
    // Who is no root can't give a folder away: then /proc/self belongs to us, and root's is asked
    // of a folder that is ours.
    let owner = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(folder.path(), Some(65_534), None).unwrap();
        65_534
    } else {
        rustix::process::geteuid().as_raw()
    };
    let refusal = keep_to_ourselves(folder.path(), 0).unwrap_err().to_string();
    assert!(refusal.contains(&format!("it belongs to user {owner}")), "{refusal}");
}

#[test]
fn what_is_no_folder_and_what_is_too_long_is_refused_in_words() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let refusal = StateFolder::open(&path, at(0)).unwrap_err().to_string();
        assert!(refusal.contains("no folder"), "{refusal}");
    }
    let long = parent.path().join("x".repeat(200)).join("y".repeat(200)).join("z".repeat(100));
    let refusal = StateFolder::open(&long, at(0)).unwrap_err().to_string();
    assert!(refusal.contains("longer than"), "{refusal}");
}
