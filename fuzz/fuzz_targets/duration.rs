//! No duration crashes or hangs the parser, and each prints back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transferd_fuzz::duration;

fuzz_target!(|text: &str| duration::prints_back_or_is_refused(text));
