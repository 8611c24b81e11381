//! Opens the database, and never writes to one that is not certainly ours and whole.
//!
//! A new database is created under another name and renamed when it is complete. An empty file is
//! therefore never ours: something has cut it short.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::failure::Failure;
use super::{schema, wal};
use crate::store::{StoreError, io_error};

/// How long to wait for another program that has the database open for writing, such as the
/// `sqlite3` shell; well below the watchdog's minute.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Page cache of a connection, in KiB: the daemon's whole anonymous memory is to stay below
/// 3 MB, and the system caches the file anyway.
const CACHE_KIB: i64 = 256;

/// The size, in bytes, to which the log is cut after a burst has made it larger: that of the usual
/// checkpoint, 1,000 pages.
const WAL_SIZE_LIMIT: i64 = 4 << 20;

/// Statements kept prepared: more than exist.
const STATEMENTS: usize = 40;

/// The mode of the database, and, through SQLite, of the files beside it.
const MODE: u32 = 0o600;

/// See [`super::SqliteStore::open`].
pub(super) fn for_writing(path: &Path, migrations: &[&str]) -> Result<Connection, StoreError> {
    match size_of(path)? {
        None => create(path, migrations)?,
        Some(0) => return Err(emptied(path)),
        Some(_) => {}
    }
    let connection = existing(path, migrations).map_err(|failure| failure.at(path))?;
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        restrict(&file)?;
    }
    Ok(connection)
}

/// See [`super::SqliteStore::open_read_only`].
pub(super) fn for_reading(
    path: &Path,
    migrations: &[&str],
) -> Result<Option<Connection>, StoreError> {
    let Some((connection, found)) = for_copying(path, migrations)? else { return Ok(None) };
    let known = schema::version_after(migrations);
    if found < known {
        return Err(StoreError::Older { path: path.to_owned(), found, known });
    }
    Ok(Some(connection))
}

/// As [`for_reading`], but also accepts a database of an older transferd; returns its version too.
pub(super) fn for_copying(
    path: &Path,
    migrations: &[&str],
) -> Result<Option<(Connection, i64)>, StoreError> {
    match size_of(path)? {
        None => return Ok(None),
        Some(0) => return Err(emptied(path)),
        Some(_) => {}
    }
    // Without a log nobody has it open and nothing is pending: SQLite need not lock it, and so
    // creates no file beside it. With one, the shared index is only read for the same reason.
    let log = size_of(&beside(path, "-wal"))?.unwrap_or(0);
    let index = size_of(&beside(path, "-shm"))?.is_some();
    let options = match (log, index) {
        (0, false) => "immutable=1",
        (_, true) => "mode=ro&readonly_shm=1",
        (_, false) => return Err(StoreError::Unread { path: path.to_owned() }),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(uri(path, options), flags)?;
        prepare(&connection)?;
        let found = version(&connection, path, migrations)?;
        wal::check_length(&connection, path, &beside(path, "-wal"))?;
        Ok((connection, found))
    };
    open().map(Some).map_err(|failure: Failure| failure.at(path))
}

/// Checks that a new copy is a whole database of ours, of this version; returns its size in bytes.
pub(super) fn check_copy(
    path: &Path,
    version: i64,
    migrations: &[&str],
) -> Result<u64, StoreError> {
    let checked = || {
        let Some((connection, found)) = for_copying(path, migrations)? else { return Ok(false) };
        let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        Ok(found == version && said == "ok")
    };
    match checked().map_err(|failure: Failure| failure.at(path))? {
        true => sync(path)?,
        false => {
            let detail = "what was copied can't be read back".to_owned();
            return Err(StoreError::Io { path: path.to_owned(), detail });
        }
    }
    size_of(path).map(Option::unwrap_or_default)
}

/// Moves the log into the database. The part that can't be moved now is moved after the next start.
pub(super) fn tidy(connection: &Connection) -> Result<(), Failure> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn existing(path: &Path, migrations: &[&str]) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    // Closing a refused database must not move its log into it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    prepare(&connection)?;
    if connection.is_readonly(MAIN_DB)? {
        return Err(StoreError::ReadOnly { path: path.to_owned() }.into());
    }
    let found = version(&connection, path, migrations)?;
    wal::check_length(&connection, path, &beside(path, "-wal"))?;
    if found < schema::version_after(migrations) {
        back_up(&connection, path, found)?;
        schema::migrate(&mut connection, migrations, found)?;
    }
    // A copy that was put back (`VACUUM INTO`) has no log, and without one nobody could read the
    // database while it is written to.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(connection)
}

/// Settings of every connection.
fn prepare(connection: &Connection) -> Result<(), Failure> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    for (name, value) in [
        ("foreign_keys", 1),
        ("cell_size_check", 1),
        ("cache_size", -CACHE_KIB),
        // FULL: an acknowledged commit has reached the disk.
        ("synchronous", 2),
        // MEMORY: nothing of the state is written to a temporary file elsewhere.
        ("temp_store", 2),
    ] {
        connection.pragma_update(None, name, value)?;
    }
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_SIZE_LIMIT, |_| Ok(()))?;
    Ok(())
}

/// The database's version, if it is ours and not newer than we are.
fn version(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<i64, Failure> {
    let path = path.to_owned();
    let known = schema::version_after(migrations);
    match schema::identity(connection)? {
        (schema::APPLICATION_ID, found) if found > known => {
            Err(StoreError::Newer { path, found, known }.into())
        }
        (schema::APPLICATION_ID, found) if found >= 1 => Ok(found),
        (schema::APPLICATION_ID, found) => {
            Err(Failure::Row(format!("it says that it is of version {found}")))
        }
        (_, _) => Err(StoreError::Foreign { path }.into()),
    }
}

/// Creates an empty database, complete from the moment that it has its name.
fn create(path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    if size_of(&beside(path, "-wal"))?.is_some_and(|size| size > 0) {
        return Err(StoreError::Corrupt {
            path: path.to_owned(),
            detail: "it is gone, but its write-ahead log is still there".to_owned(),
        });
    }
    let unfinished = beside(path, ".new");
    remove_with_companions(&unfinished)?;
    let made = fill_new(&unfinished, migrations)
        .and_then(|()| fs::rename(&unfinished, path).map_err(|e| io_error(path, &e)))
        .and_then(|()| sync_folder_of(path));
    if made.is_err() {
        // A leftover only takes room; the next start removes it if this can't.
        let _ = remove_with_companions(&unfinished);
    }
    made
}

fn fill_new(unfinished: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    create_private(unfinished)?;
    let fill = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(unfinished, flags)?;
        // Set before the first page is written, or it has no effect: the room of rows that are
        // deleted later is given back step by step (`retention::give_back`).
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        prepare(&connection)?;
        connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
        schema::migrate(&mut connection, migrations, 0)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.close().map_err(|(_, error)| Failure::from(error))
    };
    fill().map_err(|failure: Failure| failure.at(unfinished))?;
    sync(unfinished)
}

/// Copies the database beside itself, complete from the moment that the copy has its name.
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<(), Failure> {
    let unfinished = beside(path, ".copy");
    remove_with_companions(&unfinished)?;
    create_private(&unfinished)?;
    connection.execute("VACUUM INTO ?1", [&*unfinished.to_string_lossy()])?;
    sync(&unfinished)?;
    let copy = beside(path, &format!(".v{version}"));
    fs::rename(&unfinished, &copy).map_err(|error| io_error(&copy, &error))?;
    sync_folder_of(path)?;
    Ok(())
}

fn emptied(path: &Path) -> StoreError {
    StoreError::Corrupt { path: path.to_owned(), detail: "it is empty (0 bytes)".to_owned() }
}

/// The size of a file, in bytes; absent if there is none.
fn size_of(path: &Path) -> Result<Option<u64>, StoreError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found.len())),
        Ok(_) => Err(StoreError::Corrupt {
            path: path.to_owned(),
            detail: "it is not a file".to_owned(),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(path, &error)),
    }
}

fn create_private(path: &Path) -> Result<(), StoreError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
    created.map(|_| ()).map_err(|error| io_error(path, &error))
}

/// Removes others' access to a file of ours, if it exists.
fn restrict(path: &Path) -> Result<(), StoreError> {
    let restricted = match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o077 == 0 => Ok(()),
        Ok(_) => fs::set_permissions(path, Permissions::from_mode(MODE)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    restricted.map_err(|error| io_error(path, &error))
}

fn remove_with_companions(path: &Path) -> Result<(), StoreError> {
    for file in ["", "-wal", "-shm", "-journal"].map(|suffix| beside(path, suffix)) {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(io_error(&file, &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn sync(path: &Path) -> Result<(), StoreError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| io_error(path, &error))
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

pub(super) fn sync_folder_of(path: &Path) -> Result<(), StoreError> {
    sync(folder_of(path))
}

/// The path with a suffix at its last part.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The path as SQLite's `file:` URI.
fn uri(path: &Path, options: &str) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push('?');
    uri + options
}
