//! The schema's versions: numbered files, applied in order, each in a transaction of its own.
//!
//! A released file never changes; what changes the schema, or the words of the JSON in it, is a new file.

use rusqlite::{Connection, TransactionBehavior};

/// The migrations; the version of a database is the number of those that were applied.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_queue.sql"),
    include_str!("../migrations/0002_identities.sql"),
];

/// Marks a file as a queue of this program (`PRAGMA application_id`): "bgcp".
pub(crate) const APPLICATION: i32 = 0x6267_6370;

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing was ever written to it.
    Fresh,
    /// A queue of this version.
    Queue(u32),
    /// A database of something else.
    Foreign,
}

/// Looks at a file without changing it.
pub(crate) fn identify(connection: &Connection) -> rusqlite::Result<Kind> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let version = number("PRAGMA user_version")?;
    if number("PRAGMA application_id")? == i64::from(APPLICATION) {
        return Ok(u32::try_from(version).map_or(Kind::Foreign, Kind::Queue));
    }
    let empty = version == 0
        && number("PRAGMA application_id")? == 0
        && number("SELECT count(*) FROM sqlite_schema")? == 0;
    Ok(if empty { Kind::Fresh } else { Kind::Foreign })
}

/// Applies those of `migrations` that come after `version`. What was applied stays if a later one fails.
pub(crate) fn migrate(
    connection: &mut Connection,
    version: u32,
    migrations: &[&str],
) -> rusqlite::Result<()> {
    for (version, sql) in (1u32..).zip(migrations).skip(version as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
        tracing::info!(version, "the queue's schema was brought to this version");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use sha2::{Digest as _, Sha256};

    use super::*;

    /// The SHA-256 of each released migration.
    const RELEASED: &[&str] = &[
        "8a01d1a0aa84898c1f599a183eb9973339aaefa41317384b007a45246604cfea",
        "befb2d27e79dc72662410255ea1739a65ea2bb97d9ec899253a3d862418e15d3",
    ];

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn schema(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
            .unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn a_released_migration_does_not_change() {
        let digests: Vec<String> = MIGRATIONS
            .iter()
            .map(|sql| {
                let mut hex = String::new();
                for byte in Sha256::digest(sql) {
                    write!(hex, "{byte:02x}").unwrap();
                }
                hex
            })
            .collect();
        assert_eq!(digests, RELEASED);
    }

    #[test]
    fn every_earlier_version_ends_in_the_schema_of_a_new_queue() {
        let mut new = memory();
        migrate(&mut new, 0, MIGRATIONS).unwrap();
        let latest = u32::try_from(MIGRATIONS.len()).unwrap();
        assert_eq!(identify(&new).unwrap(), Kind::Queue(latest));
        for earlier in 0..=latest {
            let mut old = memory();
            migrate(&mut old, 0, &MIGRATIONS[..earlier as usize]).unwrap();
            migrate(&mut old, earlier, MIGRATIONS).unwrap();
            assert_eq!(schema(&old), schema(&new), "from version {earlier}");
            assert_eq!(identify(&old).unwrap(), Kind::Queue(latest));
        }
    }

    #[test]
    fn migrations_run_in_order_and_a_failed_one_leaves_its_predecessors() {
        let list = [
            "PRAGMA application_id = 1650942832; CREATE TABLE a (x)",
            "ALTER TABLE a RENAME TO b; INSERT INTO b VALUES (1)",
            "INSERT INTO b VALUES (2); INSERT INTO missing VALUES (3)",
        ];
        for start in 0..=2 {
            let mut connection = memory();
            migrate(&mut connection, 0, &list[..start]).unwrap();
            migrate(&mut connection, u32::try_from(start).unwrap(), &list).unwrap_err();
            assert_eq!(identify(&connection).unwrap(), Kind::Queue(2));
            let rows = connection
                .query_row("SELECT group_concat(x) FROM b", [], |row| {
                    row.get::<_, String>(0)
                })
                .unwrap();
            assert_eq!(rows, "1", "the third left nothing behind");
        }
    }

    #[test]
    fn a_file_is_known_for_what_it_is() {
        assert_eq!(identify(&memory()).unwrap(), Kind::Fresh);
        for sql in [
            "CREATE TABLE t (x)",
            "PRAGMA user_version = 1",
            "PRAGMA application_id = 7",
        ] {
            let connection = memory();
            connection.execute_batch(sql).unwrap();
            assert_eq!(identify(&connection).unwrap(), Kind::Foreign, "{sql}");
        }
    }
}
