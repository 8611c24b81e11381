//! Databases that are cut short, hold unreadable data, or have no room left.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::core::reason::Reason;

/// The content of a database, and its files as after a crash: the last of it only in the log.
static CRASHED: LazyLock<(Vec<RunWithAttempts>, Files)> = LazyLock::new(|| {
    let folder = Folder::filled(60);
    let mut store = folder.open().unwrap();
    fill(&mut store, 61..=90);
    (everything(&store).unwrap(), folder.files())
});

fn is_refused_or_read_correctly(folder: &Folder, truth: &[RunWithAttempts]) {
    let cut = fs::read(folder.database()).unwrap();
    match folder.open() {
        Err(refusal) => {
            assert!(matches!(refusal, StoreError::Corrupt { .. }), "{refusal}");
            assert_eq!(fs::read(folder.database()).unwrap(), cut, "it was overwritten");
        }
        Ok(store) => assert_eq!(everything(&store).unwrap(), truth),
    }
    // A look never changes anything.
    let folder = folder.copy();
    fs::write(folder.database(), &cut).unwrap();
    if let Ok(Some(store)) = SqliteStore::open_read_only(&folder.database()) {
        assert!(everything(&store).is_err() || everything(&store).unwrap() == truth);
    }
    assert_eq!(fs::read(folder.database()).unwrap(), cut);
}

#[test]
fn a_database_whose_last_page_lacks_its_end_is_not_read() {
    let folder = Folder::filled(60);
    let length = fs::metadata(folder.database()).unwrap().len();
    for missing in [1, 100, 2_000, 4_095] {
        let folder = folder.copy();
        let cut = fs::File::options().write(true).open(folder.database()).unwrap();
        cut.set_len(length - missing).unwrap();
        let looked_at = SqliteStore::open_read_only(&folder.database()).map(drop);
        assert!(matches!(looked_at, Err(StoreError::Corrupt { .. })), "{missing}: {looked_at:?}");
        assert!(matches!(folder.open(), Err(StoreError::Corrupt { .. })), "{missing}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_database_that_was_cut_short_is_refused_or_read_correctly_and_never_overwritten(
        keep in 0.0..1.0_f64,
        at_a_page in any::<bool>(),
    ) {
        let (truth, files) = &*CRASHED;
        let with_log = Folder::of(files);
        let without_log = with_log.copy();
        drop(without_log.open().unwrap());
        prop_assert_eq!(without_log.names(), vec!["transferd.db".to_owned()]);
        for folder in [with_log, without_log] {
            let length = fs::metadata(folder.database()).unwrap().len();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
            #[expect(clippy::cast_precision_loss, reason = "a share of a small file")]
            let offset = (length as f64 * keep) as u64;
            let offset = if at_a_page { offset / 4096 * 4096 } else { offset };
            fs::File::options().write(true).open(folder.database()).unwrap().set_len(offset).unwrap();
            is_refused_or_read_correctly(&folder, truth);
        }
    }
}

#[test]
fn a_row_that_cannot_be_read_is_told_and_left() {
    let folder = Folder::filled(1);
    let mut store = folder.open().unwrap();
    store.commit(&[new_run(run(2, "hourly", RunState::Running))]).unwrap();
    for (change, words) in [
        ("UPDATE runs SET body = '{}'", "a run's row: missing field `trigger`"),
        ("UPDATE runs SET state = 'asleep'", "a run's row: "),
        ("UPDATE runs SET id = x'00' WHERE over = 0", "damaged"),
    ] {
        store.connection.execute_batch(change).unwrap();
        let told = store.load().unwrap_err().to_string();
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn what_a_damaged_row_holds_is_quoted_in_part_and_steers_no_terminal() {
    let folder = Folder::new();
    let mut store = folder.open().unwrap();
    store.commit(&[new_run(run(1, "nightly", RunState::Running))]).unwrap();
    let state = "\u{1b}[31m\0".to_owned() + &"ä".repeat(100_000);
    store.connection.execute("UPDATE runs SET state = ?1", [state]).unwrap();
    let told = store.load().unwrap_err().to_string();
    assert!(told.contains("unknown state ` [31m ä"), "{told}");
    assert!(!told.chars().any(char::is_control), "{told:?}");
    assert!(told.len() < 1_000 && told.contains("ä…; it was left as it is"), "{told}");
}

#[test]
fn a_full_disk_refuses_the_commit_and_keeps_all_before_it() {
    let folder = Folder::filled(5);
    let mut store = folder.open().unwrap();
    let limit = |store: &SqliteStore, pages: i64| {
        let set = store
            .connection
            .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0));
        set.unwrap()
    };
    let pages = limit(&store, 1);
    let mut acknowledged = 5;
    let full = StoreError::Full { path: folder.database() };
    let refusal = loop {
        let n = acknowledged + 1;
        let records =
            [new_run(run(n, "nightly", RunState::Succeeded)), event(n, 0, RunState::Succeeded)];
        match store.commit(&records) {
            Ok(()) => acknowledged += 1,
            Err(refusal) => break refusal,
        }
        assert!(acknowledged < 1000, "it never fills up");
    };
    assert_eq!(refusal, full);
    let one = |n| vec![new_run(run(n, "nightly", RunState::Running))];
    let large = |n| {
        let mut run = run(n, "nightly", RunState::Running);
        run.reason = Reason::in_words("long ".repeat(10_000));
        vec![new_run(run)]
    };
    // In a group it is reported to nobody as kept.
    let group = store.commit_group(&[large(5000), one(5001)]);
    assert_eq!(group, [Err(full.clone()), Err(full.clone())]);
    let count = |store: &SqliteStore| everything(store).unwrap().len() as u128;
    assert_eq!(count(&store), acknowledged);
    limit(&store, pages + 1000);
    assert_eq!(store.commit_group(&[large(5000), one(5001)]), [Ok(()), Ok(())]);
    drop(store);
    assert_eq!(count(&folder.open().unwrap()), acknowledged + 2);
}
