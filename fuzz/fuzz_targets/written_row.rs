//! Rows that can be written are read back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transferd_fuzz::stored_row;

fuzz_target!(|text: &str| {
    if let Ok(rows) = serde_json::from_str(text) {
        stored_row::is_read_back_as_it_was_written(rows);
    }
});
