//! No expression crashes or hangs the parser, and each prints back to the same occurrences.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use transferd_fuzz::schedule;

fuzz_target!(|input: (u32, &str)| {
    // Up to 2106, where schedules end a few years before.
    let from = Timestamp::from_second(i64::from(input.0 / 2)).expect("it is a time");
    schedule::prints_back_or_is_refused(input.1, from);
});
