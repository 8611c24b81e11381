//! No bytes on the control socket keep it from serving the next one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transferd_fuzz::control;

fuzz_target!(|bytes: &[u8]| control::bytes_are_answered_or_refused(bytes));
