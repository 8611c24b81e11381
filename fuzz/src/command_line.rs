//! Command lines.

use std::ffi::OsString;

use clap::Parser as _;
use transferd::cli::Cli;

/// An error's text, besides what it repeats of the arguments: the longest help.
const HELP_MAX: usize = 32 * 1024;

/// A command line is taken, or refused with words; and global options mean the same before the
/// command as behind it.
pub fn is_taken_or_refused(arguments: &[OsString]) {
    let meant = match parse(arguments, &[], 0) {
        Ok(meant) => meant,
        Err((code, words)) => {
            let repeated: usize = arguments.iter().map(|argument| argument.len()).sum();
            assert!(matches!(code, 0 | 2), "exit code {code}: {words}");
            assert!(!words.trim().is_empty());
            // What is repeated may be repeated in a hint too, each byte as a replacement character.
            assert!(words.len() <= HELP_MAX + 16 * repeated, "{} bytes", words.len());
            return;
        }
    };
    let begins_with_command =
        arguments.first().is_some_and(|first| !first.as_encoded_bytes().starts_with(b"-"));
    // Given in both places it is given twice, of which clap knows only in one place.
    if begins_with_command && meant.contains("state_dir: None") {
        let global = ["--state-dir", "elsewhere"];
        let (before, behind) = (parse(arguments, &global, 0), parse(arguments, &global, 1));
        assert!(before.is_ok(), "{arguments:?}: {before:?}");
        assert_eq!(before, behind, "{arguments:?}");
    }
}

/// Parses `arguments` with `more` put in at `place`: what is meant, or exit code and words.
fn parse(arguments: &[OsString], more: &[&str], place: usize) -> Result<String, (i32, String)> {
    let (before, behind) = arguments.split_at(place.min(arguments.len()));
    let line = std::iter::once(OsString::from("transferd"))
        .chain(before.iter().cloned())
        .chain(more.iter().map(OsString::from))
        .chain(behind.iter().cloned());
    match Cli::try_parse_from(line) {
        Ok(cli) => Ok(format!("{cli:?}")),
        Err(error) => Err((error.exit_code(), error.to_string())),
    }
}
