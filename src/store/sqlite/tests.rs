//! Situations that only a store on disk can meet: files that are cut, foreign, newer, full or read
//! elsewhere.

mod backup;
mod damaged;
mod version_2;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::core::run::{Phase, RunState};
use crate::store::tests::sample::{at, attempt, event, new_run, put, run, run_id};

/// Content by name.
type Files = BTreeMap<String, Vec<u8>>;

struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: crate::store::tests::sample::folder() }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("transferd.db")
    }

    fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.database())
    }

    /// A database of this many runs, closed.
    fn filled(runs: u128) -> Self {
        let folder = Self::new();
        fill(&mut folder.open().unwrap(), 1..=runs);
        folder
    }

    /// Name and content of each file.
    fn files(&self) -> Files {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap);
        entries
            .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
            .collect()
    }

    fn names(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }

    /// The files in their current state, as after a crash, in a folder of their own.
    fn copy(&self) -> Self {
        Self::of(&self.files())
    }

    fn of(files: &Files) -> Self {
        let folder = Self::new();
        for (name, content) in files {
            fs::write(folder.folder.path().join(name), content).unwrap();
        }
        folder
    }
}

fn fill(store: &mut SqliteStore, runs: std::ops::RangeInclusive<u128>) {
    for n in runs {
        let records = [
            new_run(run(n, "nightly", RunState::Succeeded)),
            put(attempt(n, 1, Phase::Closed, Some(n))),
            event(n, 0, RunState::Succeeded),
        ];
        store.commit(&records).unwrap();
    }
}

fn everything(store: &SqliteStore) -> Result<Vec<RunWithAttempts>, StoreError> {
    store.history(&HistoryQuery { limit: 10_000, ..HistoryQuery::default() })
}

#[test]
fn a_new_database_is_private_and_complete_when_it_has_its_name() {
    let folder = Folder::new();
    let mut store = folder.open().unwrap();
    store.check_writable().unwrap();
    assert_eq!(folder.names(), ["transferd.db", "transferd.db-shm", "transferd.db-wal"]);
    for name in folder.names() {
        let mode = fs::metadata(folder.folder.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let pragma = |name| -> String {
        store.connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("integrity_check"), "ok");
    let synchronous: i64 =
        store.connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    assert_eq!(synchronous, 2, "FULL");
}

#[test]
fn modes_of_an_existing_database_are_tightened() {
    let folder = Folder::filled(1);
    fs::set_permissions(folder.database(), fs::Permissions::from_mode(0o644)).unwrap();
    let _store = folder.open().unwrap();
    assert_eq!(fs::metadata(folder.database()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_left_of_a_creation_that_was_interrupted_does_no_harm() {
    let folder = Folder::new();
    for name in ["transferd.db.new", "transferd.db.new-wal", "transferd.db.new-journal"] {
        fs::write(folder.folder.path().join(name), "half").unwrap();
    }
    fill(&mut folder.open().unwrap(), 1..=1);
    assert_eq!(folder.names(), ["transferd.db"]);
}

#[test]
fn what_is_no_database_of_ours_is_refused_and_left_as_it_is() {
    let foreign = Folder::new();
    let other = Connection::open(foreign.database()).unwrap();
    other.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE runs (id);").unwrap();
    other.close().unwrap();
    let cases: [(Vec<u8>, &str); 5] = [
        (Vec::new(), "it is empty (0 bytes)"),
        (b"jobs:\n".to_vec(), "it is not a database"),
        (vec![0; 4096], "it is not a database"),
        (b"SQLite format 3\0".to_vec(), "damaged"),
        (fs::read(foreign.database()).unwrap(), "another program"),
    ];
    for (content, words) in cases {
        let folder = Folder::new();
        fs::write(folder.database(), &content).unwrap();
        let refusals = [folder.open().err(), SqliteStore::open_read_only(&folder.database()).err()];
        for refusal in refusals {
            let told = refusal.unwrap().to_string();
            assert!(told.contains(words), "{told}");
        }
        assert_eq!(fs::read(folder.database()).unwrap(), content);
        assert!(!folder.names().contains(&"transferd.db.new".to_owned()));
    }
}

#[test]
fn a_log_without_its_database_is_refused() {
    let folder = Folder::new();
    let log = folder.folder.path().join("transferd.db-wal");
    fs::write(&log, "left over").unwrap();
    let told = folder.open().unwrap_err().to_string();
    assert!(told.contains("it is gone, but its write-ahead log is still there"), "{told}");
    assert_eq!(folder.names(), ["transferd.db-wal"]);
}

#[test]
fn a_folder_in_place_of_the_database_is_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.database()).unwrap();
    assert!(folder.open().unwrap_err().to_string().contains("it is not a file"));
}

/// The version of a new database.
const KNOWN: i64 = 4;

/// All migrations, and one that is yet to come.
fn and_next() -> Vec<&'static str> {
    let mut migrations = schema::MIGRATIONS.to_vec();
    migrations.push("ALTER TABLE events ADD COLUMN mood TEXT;");
    migrations
}

#[test]
fn a_database_of_version_1_gets_an_outbox() {
    let folder = Folder::new();
    let path = folder.database();
    let connection = open::for_writing(&path, &schema::MIGRATIONS[..1]).unwrap();
    // A job's row as version 1 wrote it.
    let job_row = r#"{"job":"a","timetable":"","scheduled":true,"handled":"2026-01-01T00:00:00Z",
        "generation":0,"first_seen":"2026-01-01T00:00:00Z","last_success":null,"last_run":null,
        "pause":null}"#;
    connection.execute("INSERT INTO marks (job, body) VALUES ('a', ?1)", [job_row]).unwrap();
    drop(connection);
    let mut store = folder.open().unwrap();
    let snapshot = store.load().unwrap();
    assert_eq!((snapshot.alerts.len(), snapshot.job_rows.len()), (0, 1));
    let alert = super::super::tests::sample::alert(1);
    store.commit(&[Record::AlertQueued(Arc::new(alert.clone()))]).unwrap();
    assert_eq!(*store.load().unwrap().alerts[0], alert);
    drop(store);
    assert!(folder.names().contains(&"transferd.db.v1".to_owned()), "{:?}", folder.names());
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    let folder = Folder::filled(3);
    let migrations = and_next();
    // Part of it is still in the log, as after a crash.
    let newer = open::for_writing(&folder.database(), &migrations).unwrap();
    write::proof(&newer).unwrap();
    let crashed = folder.copy();
    let before = crashed.files();
    let refusal = crashed.open().unwrap_err();
    let path = crashed.database();
    let newer = StoreError::Newer { path: path.clone(), found: KNOWN + 1, known: KNOWN };
    assert_eq!(refusal, newer);
    assert!(refusal.to_string().contains(&format!("is of version {}", KNOWN + 1)), "{refusal}");
    let same = ["transferd.db", "transferd.db-wal"];
    assert!(same.iter().all(|name| crashed.files()[*name] == before[*name]));
    let looked_at = SqliteStore::open_read_only(&path).unwrap_err();
    assert_eq!(looked_at, StoreError::Newer { path, found: KNOWN + 1, known: KNOWN });
}

#[test]
fn an_older_database_is_migrated_after_a_copy_beside_it() {
    let folder = Folder::filled(3);
    let path = folder.database();
    let migrations = and_next();
    let looked_at = open::for_reading(&path, &migrations).unwrap_err();
    assert_eq!(looked_at, StoreError::Older { path: path.clone(), found: KNOWN, known: KNOWN + 1 });

    let connection = open::for_writing(&path, &migrations).unwrap();
    assert_eq!(schema::identity(&connection).unwrap(), (schema::APPLICATION_ID, KNOWN + 1));
    let store = SqliteStore { connection, path };
    assert_eq!(everything(&store).unwrap().len(), 3);
    drop(store);
    let beside = format!("transferd.db.v{KNOWN}");
    assert_eq!(folder.names(), ["transferd.db", &beside]);
    let copy = folder.folder.path().join(beside);
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(everything(&SqliteStore::open(&copy).unwrap()).unwrap().len(), 3);
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let folder = Folder::filled(3);
    let mut broken = schema::MIGRATIONS.to_vec();
    broken.push("ALTER TABLE events ADD COLUMN mood TEXT; nonsense;");
    assert!(open::for_writing(&folder.database(), &broken).is_err());
    assert_eq!(everything(&folder.open().unwrap()).unwrap().len(), 3);
}

#[test]
fn a_look_at_no_database_finds_nothing_and_makes_nothing() {
    let folder = Folder::new();
    assert!(SqliteStore::open_read_only(&folder.database()).unwrap().is_none());
    let gone = folder.folder.path().join("no such folder/transferd.db");
    assert!(SqliteStore::open_read_only(&gone).unwrap().is_none());
    assert_eq!(folder.names(), [] as [&str; 0]);
}

#[test]
fn a_look_sees_every_commit_with_the_daemon_up_crashed_and_down() {
    let folder = Folder::filled(3);
    let look = |folder: &Folder, expected: usize| {
        let before = folder.files();
        let mut store = SqliteStore::open_read_only(&folder.database()).unwrap().unwrap();
        assert_eq!(everything(&store).unwrap().len(), expected);
        assert_eq!(store.events(run_id(1)).unwrap().len(), 1);
        assert!(matches!(store.run("1").unwrap(), RunMatch::None));
        let refused = store.commit(&[new_run(run(99, "nightly", RunState::Waiting))]);
        assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "{refused:?}");
        drop(store);
        let after = folder.files();
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        assert_eq!(before["transferd.db"], after["transferd.db"]);
        assert_eq!(before.get("transferd.db-wal"), after.get("transferd.db-wal"));
    };
    look(&folder, 3);
    let mut daemon = folder.open().unwrap();
    look(&folder, 3);
    fill(&mut daemon, 4..=6);
    look(&folder, 6);
    let crashed = folder.copy();
    look(&crashed, 6);
    fs::remove_file(crashed.folder.path().join("transferd.db-shm")).unwrap();
    let refusal = SqliteStore::open_read_only(&crashed.database()).unwrap_err();
    assert_eq!(refusal, StoreError::Unread { path: crashed.database() });
    assert_eq!(crashed.names(), ["transferd.db", "transferd.db-wal"]);
    drop(crashed.open().unwrap());
    look(&crashed, 6);
    fill(&mut daemon, 7..=7);
    daemon.close().unwrap();
    look(&folder, 7);
    drop(daemon);
    look(&folder, 7);
}

#[test]
fn a_look_works_in_folders_with_any_name() {
    let folder = Folder::new();
    let odd = folder.folder.path().join("a b?c#d%e&mode=rw'ä");
    fs::create_dir(&odd).unwrap();
    let path = odd.join("transferd.db");
    fill(&mut SqliteStore::open(&path).unwrap(), 1..=1);
    let store = SqliteStore::open_read_only(&path).unwrap().unwrap();
    assert_eq!(everything(&store).unwrap().len(), 1);
}

#[test]
fn another_writer_is_told_of_and_not_waited_for_for_ever() {
    let folder = Folder::filled(1);
    let mut store = folder.open().unwrap();
    store.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let other = Connection::open(folder.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.commit(&[new_run(run(2, "nightly", RunState::Waiting))]);
    assert_eq!(refused, Err(StoreError::Busy { path: folder.database() }));
    other.execute_batch("ROLLBACK").unwrap();
    store.commit(&[new_run(run(2, "nightly", RunState::Waiting))]).unwrap();
}

#[test]
fn numbers_that_json_cannot_say_are_read_back() {
    let folder = Folder::new();
    let mut store = folder.open().unwrap();
    let mut odd = attempt(1, 1, Phase::Accepted, None);
    odd.progress.percent = f64::NAN;
    odd.progress.speed = f64::INFINITY;
    store.commit(&[new_run(run(1, "nightly", RunState::Running)), put(odd)]).unwrap();
    let read_back = store.load().unwrap().attempts[0].progress;
    assert!(read_back.percent.is_nan() && read_back.speed == f64::INFINITY);
}

/// SQLite's plan for a query.
fn plan(store: &SqliteStore, sql: &str) -> Vec<String> {
    let mut statement = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let parameters = statement.parameter_count();
    let rows = statement
        .query_map(rusqlite::params_from_iter(vec![1; parameters]), |row| row.get("detail"));
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_start_reads_what_is_unsettled_by_its_indexes_and_never_the_past() {
    let folder = Folder::filled(200);
    let store = folder.open().unwrap();
    let unsettled = read::UNSETTLED;
    for sql in [
        format!("SELECT body FROM runs WHERE seq IN ({unsettled}) ORDER BY seq"),
        format!(
            "SELECT runs.id, attempts.body FROM attempts JOIN runs ON runs.seq = attempts.run
             WHERE attempts.run IN ({unsettled}) ORDER BY attempts.run, number"
        ),
    ] {
        let plan = plan(&store, &sql);
        for step in &plan {
            let by_small_index = step.contains("runs_unfinished") || step.contains("attempts_open");
            let reads_a_table = step.contains("SCAN runs") || step.contains("SCAN attempts");
            assert!(by_small_index || !reads_a_table, "{plan:#?}");
        }
        assert!(plan.iter().any(|step| step.contains("runs_unfinished")), "{plan:#?}");
    }
    let settled = plan(&store, read::SETTLED);
    assert!(settled.iter().all(|step| step.contains("USING INDEX")), "{settled:#?}");
}

#[test]
fn history_is_found_by_indexes_alone() {
    let folder = Folder::filled(200);
    let store = folder.open().unwrap();
    let order = "ORDER BY created_at DESC, seq DESC LIMIT 20";
    for (conditions, index) in [
        ("TRUE", "COVERING INDEX runs_by_time"),
        ("state IN ('failed')", "COVERING INDEX runs_by_time"),
        ("created_at >= ?1 AND (created_at, seq) < (?2, ?3)", "COVERING INDEX runs_by_time"),
        ("job = ?1 AND state IN ('failed')", "COVERING INDEX runs_by_job_and_time"),
    ] {
        let plan = plan(&store, &format!("SELECT seq FROM runs WHERE {conditions} {order}"));
        assert_eq!(plan.len(), 1, "no sorting: {plan:#?}");
        assert!(plan[0].contains(index), "{plan:#?}");
    }
}

#[test]
fn what_time_a_run_was_created_at_is_compared_in_milliseconds() {
    let folder = Folder::new();
    let mut store = folder.open().unwrap();
    let mut precise = run(1, "nightly", RunState::Waiting);
    precise.created_at = at(1) + jiff::SignedDuration::from_nanos(1_999_999);
    store.commit(&[new_run(precise.clone())]).unwrap();
    let since = |nanoseconds| HistoryQuery {
        since: Some(at(1) + jiff::SignedDuration::from_nanos(nanoseconds)),
        limit: 9,
        ..HistoryQuery::default()
    };
    assert_eq!(*store.history(&since(1_999_999)).unwrap()[0].run, precise);
    assert_eq!(store.history(&since(2_000_000)).unwrap(), []);
}
