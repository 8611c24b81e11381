//! Copies of the database: whole, private, of one moment, and as good as the database itself.

use super::*;
use crate::store::folder::StateFolder;

/// Copies the folder's database to a file of this name in a folder of its own.
fn back_up(folder: &Folder, name: &str) -> (Folder, Result<Option<Backup>, StoreError>) {
    let target = Folder::new();
    let copy = target.folder.path().join(name);
    let result = StateFolder::back_up(folder.folder.path(), &copy);
    (target, result)
}

#[test]
fn a_copy_holds_what_was_committed_with_the_daemon_up_crashed_and_down() {
    let folder = Folder::filled(3);
    let check = |folder: &Folder, expected: usize| {
        let before = folder.names();
        let (restored, backup) = back_up(folder, "transferd.db");
        let backup = backup.unwrap().unwrap();
        assert_eq!(folder.names(), before, "a look leaves nothing behind");
        assert_eq!(restored.names(), ["transferd.db"]);
        let found = fs::metadata(restored.database()).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
        assert_eq!(found.len(), backup.bytes);
        assert_eq!(backup.version, schema::version_after(schema::MIGRATIONS));
        assert_eq!(everything(&restored.open().unwrap()).unwrap().len(), expected);
    };
    check(&folder, 3);
    let mut daemon = folder.open().unwrap();
    fill(&mut daemon, 4..=6);
    check(&folder, 6);
    check(&folder.copy(), 6);
    fill(&mut daemon, 7..=7);
    check(&folder, 7);
    daemon.close().unwrap();
    drop(daemon);
    check(&folder, 7);
}

#[test]
fn a_copy_that_was_put_back_can_be_looked_at_while_it_is_written_to() {
    let (restored, backup) = back_up(&Folder::filled(3), "transferd.db");
    backup.unwrap().unwrap();
    let mut daemon = restored.open().unwrap();
    fill(&mut daemon, 4..=4);
    let look = SqliteStore::open_read_only(&restored.database()).unwrap().unwrap();
    assert_eq!(everything(&look).unwrap().len(), 4);
    fill(&mut daemon, 5..=5);
    assert_eq!(everything(&look).unwrap().len(), 5);
}

#[test]
fn nothing_is_overwritten_and_nothing_left_of_a_copy_that_failed() {
    let folder = Folder::filled(1);
    let target = Folder::new();
    let copy = target.folder.path().join("copy");
    std::os::unix::fs::symlink("nowhere", &copy).unwrap();
    let refused = StateFolder::back_up(folder.folder.path(), &copy);
    assert_eq!(refused, Err(StoreError::Exists { path: copy.clone() }));
    fs::remove_file(&copy).unwrap();
    let none = StateFolder::back_up(Folder::new().folder.path(), &copy);
    assert_eq!(none, Ok(None));
    let length = fs::metadata(folder.database()).unwrap().len();
    let cut = fs::File::options().write(true).open(folder.database()).unwrap();
    cut.set_len(length / 2).unwrap();
    let damaged = StateFolder::back_up(folder.folder.path(), &copy);
    assert!(matches!(damaged, Err(StoreError::Corrupt { .. })), "{damaged:?}");
    assert_eq!(target.names(), Vec::<String>::new());
    let nowhere = StateFolder::back_up(folder.folder.path(), &copy.join("deep"));
    assert!(nowhere.is_err());
}

#[test]
fn a_copy_may_have_any_name_and_come_from_an_older_version() {
    for name in ["a b?c#d%e&mode=rw'ä", "file:x"] {
        let (target, backup) = back_up(&Folder::filled(1), name);
        assert!(backup.unwrap().is_some(), "{name}");
        assert_eq!(target.names(), [name]);
    }
    let old = Folder::new();
    let connection = Connection::open(old.database()).unwrap();
    connection.execute_batch(include_str!("version_2.sql")).unwrap();
    connection.close().unwrap();
    let (restored, backup) = back_up(&old, "transferd.db");
    assert_eq!(backup.unwrap().unwrap().version, 2);
    assert!(!everything(&restored.open().unwrap()).unwrap().is_empty());
}
