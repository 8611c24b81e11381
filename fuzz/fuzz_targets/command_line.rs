//! No command line crashes the parser, and its options mean the same in either place.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use libfuzzer_sys::fuzz_target;
use transferd_fuzz::command_line;

// One argument a line.
fuzz_target!(|lines: &[u8]| {
    let arguments = lines.split(|byte| *byte == b'\n');
    let arguments: Vec<_> = arguments.map(|line| OsString::from_vec(line.to_vec())).collect();
    command_line::is_taken_or_refused(&arguments);
});
