//! The documents of the control socket print back, and its questions arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transferd_fuzz::control;

fuzz_target!(|text: &str| control::documents_print_back_and_questions_arrive(text));
