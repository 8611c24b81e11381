//! No value in any column of the database is more than read or told.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rusqlite::types::Value;
use transferd_fuzz::stored_row::{self, COLUMNS};

fuzz_target!(|input: (u8, u8, i64, &[u8])| {
    let (column, kind, number, bytes) = input;
    let value = match kind % 8 {
        0 => Value::Null,
        1 => Value::Integer(number),
        2 => Value::Real(f64::from_bits(number.cast_unsigned())),
        3..=6 => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        _ => Value::Blob(bytes.to_vec()),
    };
    stored_row::damage_is_read_or_reported(COLUMNS[usize::from(column) % COLUMNS.len()], &value);
});
