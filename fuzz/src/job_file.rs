//! The job file.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use transferd::config::{self, Diagnostic, SourceFile, Sources, Surroundings};

/// A machine in Berlin on a day in November.
fn surroundings() -> Surroundings {
    let name = "Europe/Berlin";
    let zone = TimeZone::get(name).expect("every zone database has it");
    let now = Timestamp::from_second(1_795_435_200).expect("it is a time");
    Surroundings { system_zone: (name.to_owned(), zone), zone_trouble: None, now }
}

/// A good file means the same after it was kept in the database as the last good one; a bad one is
/// refused with reasons that can be shown.
pub fn means_the_same_from_the_database_or_is_refused(text: &str) {
    let path = PathBuf::from("jobs.yaml");
    let files = vec![SourceFile { path: path.clone(), text: text.to_owned() }];
    let sources = Sources { root: path, base: PathBuf::from("/"), files, zones: Vec::new() };
    let loaded = match config::parse(&sources, &surroundings()) {
        Ok(loaded) => loaded,
        Err(rejected) => {
            assert!(!rejected.errors.is_empty(), "a refusal has a reason");
            rejected.errors.iter().chain(&rejected.warnings).for_each(can_be_shown);
            return;
        }
    };
    loaded.warnings.iter().for_each(can_be_shown);
    let stored = serde_json::to_string(&loaded.sources).expect("sources are plain");
    let kept: Sources = serde_json::from_str(&stored).expect("they were stored so");
    assert_eq!(kept, loaded.sources);
    let again = config::parse(&kept, &surroundings()).expect("it was good");
    assert_eq!(again.content, loaded.content);
    assert_eq!(again.warnings, loaded.warnings);
    assert!(config::difference(&loaded.content, &again.content).is_empty());
}

fn can_be_shown(diagnostic: &Diagnostic) {
    let shown = diagnostic.render(false, 80) + &diagnostic.one_line();
    assert!(!shown.contains('\u{1b}'), "no control character reaches a terminal");
    assert!(diagnostic.line >= 1 && diagnostic.column >= 1);
}
