//! No text crashes the job file's reader or hangs it, and each error can be shown.
#![no_main]

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use transferd::config::{self, SourceFile, Sources, Surroundings};

fuzz_target!(|text: &str| {
    let path = PathBuf::from("jobs.yaml");
    let files = vec![SourceFile { path: path.clone(), text: text.to_owned() }];
    let sources = Sources { root: path, base: PathBuf::from("/"), files };
    let surroundings =
        Surroundings { system_zone: ("UTC".to_owned(), TimeZone::UTC), now: Timestamp::UNIX_EPOCH };
    if let Err(rejected) = config::parse(&sources, &surroundings) {
        assert!(!rejected.errors.is_empty());
        for error in rejected.errors {
            error.render(false, 100);
            error.one_line();
        }
    }
});
