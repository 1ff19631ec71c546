//! Moves rows that cannot be read out of the way, as they are. It never interprets them.

use rusqlite::{Connection, Row, params, types::ValueRef};
use serde_json::{Map, Value, json};

/// The tables with rows of a job, those that refer to others first, and the column that holds the job's number.
const TABLES: [(&str, &str); 5] = [
    ("file_requests", "job"),
    ("files", "job"),
    ("secrets", "job"),
    ("downloads", "job"),
    ("jobs", "number"),
];

/// Moves every row of a job.
pub(crate) fn set_job_aside(
    connection: &Connection,
    number: i64,
    reason: &str,
) -> rusqlite::Result<()> {
    for (table, column) in TABLES {
        set_aside(connection, table, &format!("{column} = {number}"), reason)?;
    }
    Ok(())
}

/// Moves the record of the clocks.
pub(crate) fn set_anchor_aside(connection: &Connection, reason: &str) -> rusqlite::Result<()> {
    set_aside(connection, "clock", "true", reason)
}

fn set_aside(
    connection: &Connection,
    table: &str,
    condition: &str,
    reason: &str,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare(&format!("SELECT * FROM {table} WHERE {condition}"))?;
    let mut insert = connection
        .prepare_cached("INSERT INTO quarantine (source, reason, content) VALUES (?1, ?2, ?3)")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        insert.execute(params![table, reason, content(row)?])?;
    }
    connection.execute(&format!("DELETE FROM {table} WHERE {condition}"), [])?;
    Ok(())
}

/// A row as a JSON object. Bytes that are no text are written `{"hex": "…"}`.
fn content(row: &Row<'_>) -> rusqlite::Result<String> {
    let statement = row.as_ref();
    let mut object = Map::new();
    for column in 0..statement.column_count() {
        let value = match row.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(bytes) => match str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => json!({ "hex": hex(bytes) }),
            },
            ValueRef::Blob(bytes) => json!({ "hex": hex(bytes) }),
        };
        object.insert(statement.column_name(column)?.to_owned(), value);
    }
    Ok(Value::Object(object).to_string())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 0xf)]);
    bytes
        .iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte)])
        .collect()
}
