//! No text crashes the job file's reader or hangs it, and a good file means the same when stored.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transferd_fuzz::job_file;

fuzz_target!(|text: &str| job_file::means_the_same_from_the_database_or_is_refused(text));
