//! Errors and warnings of the job file as documents, and back for people.

use crate::config::{Diagnostic, Excerpt, Severity};
use crate::control::diagnostic::{DiagnosticDocument, ExcerptDocument};

/// An error or warning, with the lines it is about.
pub fn document(diagnostic: &Diagnostic) -> DiagnosticDocument {
    let excerpts = diagnostic.excerpts.iter().map(|excerpt| ExcerptDocument {
        file: excerpt.file.clone(),
        line: excerpt.line,
        column: excerpt.column,
        text: excerpt.text.clone(),
        marked: (excerpt.marked.start, excerpt.marked.end),
        label: excerpt.label.clone(),
    });
    DiagnosticDocument {
        file: Some(diagnostic.file.clone()),
        line: Some(diagnostic.line).filter(|line| *line > 0),
        column: Some(diagnostic.column).filter(|column| *column > 0),
        path: Some(diagnostic.path.clone()).filter(|path| !path.is_empty()),
        message: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
        note: diagnostic.severity == Severity::Note,
        excerpts: excerpts.collect(),
    }
}

/// The same as it is rendered for people.
pub fn diagnostic(document: DiagnosticDocument, severity: Severity) -> Diagnostic {
    let excerpts = document.excerpts.into_iter().map(|excerpt| Excerpt {
        file: excerpt.file,
        line: excerpt.line,
        column: excerpt.column,
        // A mark that is not part of the line would end the rendering.
        marked: if excerpt.text.get(excerpt.marked.0..excerpt.marked.1).is_some() {
            excerpt.marked.0..excerpt.marked.1
        } else {
            0..0
        },
        text: excerpt.text,
        label: excerpt.label,
    });
    Diagnostic {
        file: document.file.unwrap_or_default(),
        line: document.line.unwrap_or_default(),
        column: document.column.unwrap_or_default(),
        path: document.path.unwrap_or_default(),
        message: document.message,
        hint: document.hint,
        severity,
        excerpts: excerpts.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_looks_the_same_after_its_way_over_the_socket() {
        let before = Diagnostic {
            file: "jobs.yaml".to_owned(),
            line: 3,
            column: 5,
            path: "jobs.a.timeout".to_owned(),
            message: "`soon` is not a duration".to_owned(),
            hint: Some("write `4h`".to_owned()),
            severity: Severity::Error,
            excerpts: vec![Excerpt {
                file: "jobs.yaml".to_owned(),
                line: 3,
                column: 5,
                text: "    timeout: soon".to_owned(),
                marked: 13..17,
                label: String::new(),
            }],
        };
        let text = serde_json::to_string(&document(&before)).unwrap();
        let after = diagnostic(serde_json::from_str(&text).unwrap(), Severity::Error);
        assert_eq!(after, before);
    }
}
