//! An error or warning, formatted: for people with the lines it is about, for scripts as JSON, for
//! journals as one line.
//!
//! Keeps true: secrets in the shown lines are masked before they get here.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::{Serialize, Serializer};

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// It is accepted, but has a questionable point.
    Warning,
    /// It is accepted, and has a point worth knowing: only `check` shows it.
    Note,
}

/// An error, warning or note about the job file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: String,
    /// From 1; 1 if it is about the whole file, 0 (null in JSON) if the file could not be read.
    #[serde(serialize_with = "or_null")]
    pub line: usize,
    /// From 1, in characters; as for `line`.
    #[serde(serialize_with = "or_null")]
    pub column: usize,
    /// The key, such as `jobs.nightly.retry.max_attempts`; empty (null in JSON) if there is none,
    /// as in a file that is not valid YAML.
    #[serde(serialize_with = "or_null")]
    pub path: String,
    /// The problem: lower case, no full stop, the user's words in backticks.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    /// How bad it is.
    #[serde(skip)]
    pub severity: Severity,
    /// The lines it is about, the main one first; secrets are masked.
    #[serde(skip)]
    pub excerpts: Vec<Excerpt>,
}

/// Serializes an empty value as null.
fn or_null<T: Default + PartialEq + Serialize, S: Serializer>(
    value: &T,
    to: S,
) -> Result<S::Ok, S::Error> {
    Some(value).filter(|value| **value != T::default()).serialize(to)
}

/// A line that a [`Diagnostic`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The file, as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Where the mark begins in the file's line, from 1, in characters.
    pub column: usize,
    /// The line, secrets masked, cut where it is very long.
    pub text: String,
    /// The bytes of `text` that are marked.
    pub marked: Range<usize>,
    /// A word beside the mark; empty for none.
    pub label: String,
}

impl Diagnostic {
    /// For people: rustc's manner, with the lines.
    pub fn render(&self, color: bool, width: usize) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = Group::with_title(level.primary_title(printable(&self.message)));
        if self.excerpts.is_empty() {
            group = group.element(Origin::path(printable(&self.file)));
        }
        for (i, excerpt) in self.excerpts.iter().enumerate() {
            let kind = if i == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let label = (!excerpt.label.is_empty()).then(|| printable(&excerpt.label));
            group = group.element(
                Snippet::source(printable(&excerpt.text))
                    .path(printable(&excerpt.file))
                    .line_start(excerpt.line)
                    .annotation(kind.span(excerpt.marked.clone()).label(label)),
            );
        }
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(printable(hint)));
        }
        let mut text = renderer.term_width(width).render(&[group]);
        text.push('\n');
        for excerpt in &self.excerpts {
            // The renderer counts in the line as it is shown, masked or cut.
            let before = excerpt.text.get(..excerpt.marked.start).unwrap_or(&excerpt.text);
            let shown = before.chars().count() + 1;
            if shown != excerpt.column {
                let place = format!("{}:{}:", printable(&excerpt.file), excerpt.line);
                let wrong = format!("{place}{shown}");
                text = text.replacen(&wrong, &format!("{place}{}", excerpt.column), 1);
            }
        }
        text
    }

    /// For journals and `status`: all in one line.
    pub fn one_line(&self) -> String {
        let mut line = match self.excerpts.is_empty() {
            true => printable(&self.file),
            false => format!("{}:{}:{}", printable(&self.file), self.line, self.column),
        };
        line.push_str(": ");
        if !self.path.is_empty() {
            line.push_str(&printable(&self.path));
            line.push_str(": ");
        }
        line.push_str(&printable(&self.message));
        if let Some(hint) = &self.hint {
            line.push_str(" (");
            line.push_str(&printable(hint));
            line.push(')');
        }
        line
    }
}

/// The text without control characters for a terminal. Lengths in bytes stay, for the marks.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let stays = !c.is_control() || c == '\t';
            let spaces = if stays { 0 } else { c.len_utf8() };
            stays.then_some(c).into_iter().chain(std::iter::repeat_n(' ', spaces))
        })
        .collect()
}
