//! A page of get_all is read as it was written, however it is spelled.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transferd_fuzz::agent_answer;

fuzz_target!(|input: (u32, u32, &str)| {
    agent_answer::a_listed_transfer_is_read_as_it_was_written(input.2, input.0, input.1);
});
