//! Problems found in a job file, before their place in the text is looked up: a message tied to a
//! numbered value.
//!
//! Lines and columns are computed by `locate`, only for problems that are shown.

use std::ops::Range;
use std::path::PathBuf;

use super::diagnostic::Severity;
use super::mask::mask;
use crate::core::plain::is_unseen;

/// A value in one of the files read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// Index of the file in `Sources`.
    pub(crate) file: u32,
    /// The value's number in that file's tree.
    pub(crate) node: u32,
}

/// The place of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// At a value, or at these bytes of its text.
    Value(Spot, Option<Range<usize>>),
    /// At a line and column (from 1, in characters) of a file.
    Line {
        /// Index of the file.
        file: u32,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// How many characters are marked.
        length: usize,
    },
    /// A file or folder as a whole, of which no text can be shown.
    Path(PathBuf),
}

/// The hint of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// No hint.
    None,
    /// In words.
    Says(String),
    /// The hint to put the value in quotes.
    Quote,
    /// The example of the key that the value stands under.
    Example,
    /// To put it in quotes where a name, a path or a text belongs, else the key's example.
    QuoteOrExample,
}

impl Hint {
    /// In words, for a value as it is written, under a key with this example.
    pub(crate) fn words(self, raw: Option<String>, example: Option<String>) -> Option<String> {
        match (self, raw, example) {
            (Self::None, _, _) | (Self::Example, _, None) => None,
            (Self::Says(words), _, _) => Some(words),
            (Self::Example | Self::QuoteOrExample, _, Some(example)) => {
                Some(format!("write for example `{example}`"))
            }
            (Self::Quote | Self::QuoteOrExample, Some(raw), _)
                if raw.len() <= 100 && !raw.contains(['"', '\\']) =>
            {
                Some(format!("quote it: `\"{raw}\"`"))
            }
            (Self::Quote | Self::QuoteOrExample, _, _) => Some("quote it".to_owned()),
        }
    }
}

/// Warnings are limited by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum WarningKind {
    /// Two jobs write to overlapping destinations.
    WriteWrite,
    /// A job reads what another writes.
    ReadWrite,
    /// A destination inside its own source.
    InsideItself,
    /// A step that does not divide its range, and other oddities of an expression.
    Schedule,
    /// A time that a DST change removes or repeats.
    Dst,
    /// A timeout longer than the schedule's interval.
    Timeout,
    /// Anything else.
    Other,
}

impl WarningKind {
    /// Its severity.
    pub(crate) fn severity(self) -> Severity {
        match self {
            // Nothing can be done about it, each year.
            Self::Dst => Severity::Note,
            Self::WriteWrite
            | Self::ReadWrite
            | Self::InsideItself
            | Self::Schedule
            | Self::Timeout
            | Self::Other => Severity::Warning,
        }
    }

    /// A summary of the unlisted ones, with their number.
    pub(crate) fn rest(self, more: usize) -> String {
        let (one, several) = match self {
            Self::WriteWrite => (
                "more pair of jobs writes to overlapping destinations",
                "more pairs of jobs write to overlapping destinations",
            ),
            Self::ReadWrite => {
                ("more job reads what another job writes", "more jobs read what another job writes")
            }
            Self::InsideItself => (
                "more destination lies inside its own source",
                "more destinations lie inside their own source",
            ),
            Self::Schedule => ("more schedule is worth a look", "more schedules are worth a look"),
            Self::Dst => {
                ("more time is moved by a DST change", "more times are moved by a DST change")
            }
            Self::Timeout => (
                "more timeout is longer than its schedule's interval",
                "more timeouts are longer than their schedule's interval",
            ),
            Self::Other => ("more warning", "more warnings"),
        };
        format!("{more} {}", if more == 1 { one } else { several })
    }
}

/// An error, or a warning.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// Absent for an error.
    pub(crate) warning: Option<WarningKind>,
    /// Its place.
    pub(crate) at: At,
    /// Lower case, no full stop, the user's words in backticks.
    pub(crate) message: String,
    /// How to fix it.
    pub(crate) hint: Hint,
    /// Related places, each with a label.
    pub(crate) related: Vec<(At, String)>,
    /// It is not a problem if the value is in quotes.
    pub(crate) only_if_plain: bool,
    /// How many more of the same this one stands for (never listed themselves).
    pub(crate) more: usize,
}

impl Problem {
    /// An error at a value.
    pub(crate) fn error(spot: Spot, message: impl Into<String>) -> Self {
        Self::error_at(At::Value(spot, None), message)
    }

    /// An error anywhere.
    pub(crate) fn error_at(at: At, message: impl Into<String>) -> Self {
        Self {
            warning: None,
            at,
            message: message.into(),
            hint: Hint::None,
            related: Vec::new(),
            only_if_plain: false,
            more: 0,
        }
    }

    /// A warning at a value.
    pub(crate) fn warning(kind: WarningKind, spot: Spot, message: impl Into<String>) -> Self {
        Self { warning: Some(kind), ..Self::error(spot, message) }
    }

    /// With a hint.
    pub(crate) fn hint(mut self, words: impl Into<String>) -> Self {
        self.hint = Hint::Says(words.into());
        self
    }

    /// With a hint, if there is one.
    pub(crate) fn maybe_hint(mut self, words: Option<String>) -> Self {
        if let Some(words) = words {
            self.hint = Hint::Says(words);
        }
        self
    }

    /// With the hint to put the value in quotes.
    pub(crate) fn quote(mut self) -> Self {
        self.hint = Hint::Quote;
        self
    }

    /// With the example of the value's key as a hint.
    pub(crate) fn example(mut self) -> Self {
        self.hint = Hint::Example;
        self
    }

    /// With these bytes of the value's text marked.
    pub(crate) fn inside(mut self, bytes: Range<usize>) -> Self {
        if let At::Value(_, inside) = &mut self.at {
            *inside = Some(bytes);
        }
        self
    }

    /// With another place.
    pub(crate) fn see(mut self, spot: Spot, label: impl Into<String>) -> Self {
        self.related.push((At::Value(spot, None), label.into()));
        self
    }
}

/// A user's text, short enough for a message, without control characters and secrets.
pub(crate) fn cut(text: &str) -> String {
    const LONGEST: usize = 60;
    let (text, _) = mask(text, 0..0);
    let mut short: String =
        text.chars().take(LONGEST).map(|c| if is_unseen(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// An invisible character, or one that looks like a blank: usually copied from a page or a chat.
pub(crate) fn invisible(text: &str) -> Option<char> {
    text.chars().find(|c| is_unseen(*c) || (c.is_whitespace() && !c.is_ascii()))
}

/// Words as a list: "`a`, `b` or `c`".
pub(crate) fn choices(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
