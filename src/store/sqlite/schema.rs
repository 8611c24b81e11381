//! The versions of the database and the way from each to the next.

use rusqlite::Connection;

use super::failure::Failure;

/// The mark of transferd's databases in the file's header: "tfrd".
pub(super) const APPLICATION_ID: i64 = 0x7466_7264;

/// The n-th brings version n to version n + 1. Never changed once released, only appended to.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
    include_str!("v4.sql"),
];

/// The version that migrations lead to.
pub(super) fn version_after(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// Brings the database from version `from` to the last one, whole or not at all.
pub(super) fn migrate(
    connection: &mut Connection,
    migrations: &[&str],
    from: i64,
) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    for migration in migrations.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", version_after(migrations))?;
    transaction.commit()?;
    Ok(())
}

/// The owner and version of a database.
pub(super) fn identity(connection: &Connection) -> Result<(i64, i64), Failure> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}
