//! Durations of the job file and the command line.

use jiff::SignedDuration;
use transferd::core::duration::{format, parse, span};

/// What parses prints back to the same length; what a refusal says to write instead is right.
pub fn prints_back_or_is_refused(text: &str) {
    match parse(text) {
        Ok(duration) => {
            reads_back(duration);
            assert!(!span(duration).is_empty());
        }
        Err(error) => {
            let hint = error.hint.unwrap_or_default();
            let meant = hint.strip_prefix("write `").and_then(|hint| hint.strip_suffix('`'));
            // A hint with several ways to write it names each in quotes of its own.
            if let Some(meant) = meant.filter(|meant| !meant.contains('`')) {
                assert!(parse(meant).is_ok(), "`{text}`: {hint}");
            }
        }
    }
}

/// Every duration of whole milliseconds prints as a text that reads back.
pub fn reads_back(duration: SignedDuration) {
    let printed = format(duration);
    assert_eq!(parse(&printed), Ok(duration), "{duration:?} prints as `{printed}`");
}
