//! How values of the model stand in columns, and how they are read back. Nothing here knows a table.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::PathBuf, time::Duration};

use rusqlite::{Row, types::ValueRef};
use serde::{Serialize, de::DeserializeOwned};

/// A number above 2^63 keeps its bits: SQLite's integers are signed.
pub(crate) const fn number(value: u64) -> i64 {
    value.cast_signed()
}

/// A delay in nanoseconds; what is longer than 584 years is kept as that.
pub(crate) fn delay(value: Duration) -> i64 {
    number(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))
}

/// A structured value as JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

/// Why a row cannot be read. The reason names no value of a secret column.
#[derive(Debug)]
pub(crate) struct Damage(pub(crate) String);

/// The columns of a row, taken from left to right.
pub(crate) struct Cells<'row> {
    row: &'row Row<'row>,
    next: usize,
}

impl<'row> Cells<'row> {
    pub(crate) const fn new(row: &'row Row<'row>) -> Self {
        Self { row, next: 0 }
    }

    /// From this column on.
    pub(crate) const fn at(row: &'row Row<'row>, next: usize) -> Self {
        Self { row, next }
    }

    /// The next column through `read`, which says what is wrong with it.
    pub(crate) fn take<T, E: ToString>(
        &mut self,
        read: impl FnOnce(ValueRef<'row>) -> Result<T, E>,
    ) -> Result<T, Damage> {
        let column = self.next;
        self.next += 1;
        let value = self.row.get_ref(column).map_err(|e| e.to_string());
        value
            .and_then(|value| read(value).map_err(|e| e.to_string()))
            .map_err(|reason| {
                let name = self.row.as_ref().column_name(column).unwrap_or("?");
                Damage(format!("column {name}: {reason}"))
            })
    }

    pub(crate) fn text(&mut self) -> Result<String, Damage> {
        self.take(|value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, Damage> {
        self.take(|value| value.as_str_or_null().map(|text| text.map(str::to_owned)))
    }

    pub(crate) fn number(&mut self) -> Result<u64, Damage> {
        self.take(|value| value.as_i64().map(i64::cast_unsigned))
    }

    pub(crate) fn optional_number(&mut self) -> Result<Option<u64>, Damage> {
        self.take(|value| {
            value
                .as_i64_or_null()
                .map(|value| value.map(i64::cast_unsigned))
        })
    }

    /// A number of 32 bits.
    pub(crate) fn small(&mut self) -> Result<u32, Damage> {
        self.take(|value| {
            let value = value.as_i64().map_err(|e| e.to_string())?;
            u32::try_from(value).map_err(|_| format!("{value} is out of range"))
        })
    }

    /// A number of 32 bits that stands for something; `what` names it in a message.
    pub(crate) fn code<T>(
        &mut self,
        read: impl FnOnce(u32) -> Option<T>,
        what: &str,
    ) -> Result<T, Damage> {
        self.take(|value| {
            let code = value.as_i64().map_err(|e| e.to_string())?;
            let known = u32::try_from(code).ok().and_then(read);
            known.ok_or_else(|| format!("{code} is no {what}"))
        })
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Damage> {
        self.take(|value| match value.as_i64().map_err(|e| e.to_string())? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("{other} is neither 0 nor 1")),
        })
    }

    pub(crate) fn delay(&mut self) -> Result<Duration, Damage> {
        self.number().map(Duration::from_nanos)
    }

    pub(crate) fn path(&mut self) -> Result<PathBuf, Damage> {
        self.take(|value| {
            value
                .as_blob()
                .map(|bytes| PathBuf::from(OsStr::from_bytes(bytes)))
        })
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, Damage> {
        self.take(|value| {
            let text = value.as_str().map_err(|e| e.to_string())?;
            serde_json::from_str(text).map_err(|e| e.to_string())
        })
    }

    pub(crate) fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Damage> {
        self.take(|value| {
            let text = value.as_str_or_null().map_err(|e| e.to_string())?;
            text.map(serde_json::from_str)
                .transpose()
                .map_err(|e| e.to_string())
        })
    }

    /// JSON whose content must not appear in a message.
    pub(crate) fn secret_json<T: DeserializeOwned>(&mut self) -> Result<T, Damage> {
        self.take(|value| {
            let text = value.as_str().ok();
            text.and_then(|text| serde_json::from_str(text).ok())
                .ok_or("not readable")
        })
    }

    /// The same, where nothing may stand either.
    pub(crate) fn optional_secret_json<T: DeserializeOwned>(
        &mut self,
    ) -> Result<Option<T>, Damage> {
        self.take(|value| {
            let text = value.as_str_or_null().map_err(|_| "not readable")?;
            text.map(serde_json::from_str)
                .transpose()
                .map_err(|_| "not readable")
        })
    }
}
