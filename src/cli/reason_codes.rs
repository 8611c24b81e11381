//! The meanings of reason codes for `explain`, from the page of the documentation that lists them.

use std::io::{self, Write};

use serde::Serialize;

const PAGE: &str = include_str!("../../docs/reason-codes.md");

/// The document of `explain --json` for a reason code that is no key.
#[derive(Debug, Serialize)]
struct Document<'a> {
    reason_code: &'a str,
    description: &'a str,
}

/// The meaning of a reason code; none for any other word.
pub(super) fn meaning(code: &str) -> Option<&'static str> {
    let begin = format!("| `{code}` | ");
    // The list of events follows, under a heading of its own.
    let codes = PAGE.split("\n## ").next()?;
    let row = codes.lines().find_map(|line| line.strip_prefix(&begin))?;
    row.strip_suffix(" |")
}

/// A sentence about a reason code.
pub(super) fn line(code: &str, meaning: &str) -> String {
    format!("as the `reason_code` `{code}` of a run or an attempt: {meaning}")
}

/// Writes the explanation of a code that is no key.
pub(super) fn write(code: &str, meaning: &str, json: bool, out: &mut dyn Write) -> io::Result<()> {
    match json {
        true => super::write_json(out, &Document { reason_code: code, description: meaning }),
        false => writeln!(out, "`{code}` is a `reason_code` of a run or an attempt: {meaning}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::reason::ReasonCode;

    #[test]
    fn every_reason_code_has_a_meaning_and_other_words_have_none() {
        for code in ReasonCode::ALL {
            let word = serde_json::to_value(code).unwrap();
            let word = word.as_str().unwrap();
            assert!(meaning(word).is_some(), "{word}");
        }
        for word in ["", "code", "nonsense", "succeeded"] {
            assert_eq!(meaning(word), None, "{word}");
        }
    }
}
