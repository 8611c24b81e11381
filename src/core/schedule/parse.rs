//! A schedule's text: five fields, six with seconds first, or a macro.
//!
//! Whatever parses fires at some time. Zones are not known here.

use std::ops::Range;

use super::error::{ScheduleError, ScheduleWarning};
use super::field::{Field, FieldKind};
use super::refusal;
use super::rule::Rule;
use super::walk::Fields;
use super::{never, warnings};

/// No schedule is longer than this, in bytes. One that lists every value of every field is
/// half as long; longer ones are another file by mistake.
pub const TEXT_MAX: usize = 1_000;

/// A schedule that was found good.
#[derive(Clone, Debug)]
pub struct Schedule {
    text: String,
    rule: Rule,
}

impl Schedule {
    /// Reads a schedule as in crontab(5), or with a field for seconds before the others, or a
    /// macro such as `@daily`.
    ///
    /// # Errors
    ///
    /// What is wrong, at which bytes, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let fields = parse_fields(text)?;
        never::check(&fields)?;
        match Rule::new(&fields) {
            Ok(rule) => Ok(Self { text: text.trim_ascii().to_owned(), rule }),
            Err(error) => Err(ScheduleError::at(
                0..text.len(),
                format!("the schedule can't be used: {error}"),
            )),
        }
    }

    /// The text as it was written, without the blanks around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What probably surprises the author. Spans are bytes of [`Schedule::text`].
    pub fn warnings(&self) -> Vec<ScheduleWarning> {
        // Not kept since parsing: ten thousand jobs would keep what is asked for once.
        match parse_fields(&self.text) {
            Ok(fields) => warnings::of(&self.text, &fields),
            Err(_) => Vec::new(),
        }
    }

    /// Text and rule apart.
    pub(super) fn into_parts(self) -> (String, Rule) {
        (self.text, self.rule)
    }
}

/// The fields of a text, whether or not they ever fire together.
fn parse_fields(text: &str) -> Result<Fields, ScheduleError> {
    // Other blanks than those of ASCII are shown to the author, who can't see them.
    let trimmed = text.trim_ascii();
    let start = text.len() - text.trim_ascii_start().len();
    let whole = start..start + trimmed.len();
    if trimmed.is_empty() {
        return Err(ScheduleError::at(0..text.len(), "a schedule is empty")
            .hint("leave `schedule` out for a job that only runs when it is triggered"));
    }
    if trimmed.len() > TEXT_MAX {
        return Err(ScheduleError::at(
            whole,
            format!("a schedule is longer than {TEXT_MAX} characters"),
        ));
    }
    if let Some((at, odd)) =
        trimmed.char_indices().find(|(_, c)| !c.is_ascii_graphic() && !" \t".contains(*c))
    {
        return Err(odd_character(odd, start + at));
    }
    if trimmed.starts_with('@') {
        let lower = trimmed.to_ascii_lowercase();
        let Some((_, fields)) = refusal::MACROS.iter().find(|(name, _)| *name == lower) else {
            return Err(refusal::of_macro(trimmed, whole));
        };
        return parse_parts(&split(fields, 0), whole);
    }
    let parts = split(trimmed, start);
    if let Some((span, first)) = parts.first()
        && let Some(error) = refusal::of_zone(first, span.clone())
    {
        return Err(error);
    }
    parse_parts(&parts, whole)
}

/// The words between blanks, with their bytes in the text.
fn split(text: &str, start: usize) -> Vec<(Range<usize>, &str)> {
    let mut parts = Vec::new();
    let mut at = start;
    for part in text.split([' ', '\t']) {
        if !part.is_empty() {
            parts.push((at..at + part.len(), part));
        }
        at += part.len() + 1;
    }
    parts
}

fn parse_parts(
    parts: &[(Range<usize>, &str)],
    whole: Range<usize>,
) -> Result<Fields, ScheduleError> {
    let kinds = &FieldKind::ALL;
    let mut fields = match parts.len() {
        5 => kinds[1..].iter().zip(parts),
        6 => kinds.iter().zip(parts),
        _ => return Err(refusal::of_count(parts, whole)),
    }
    .map(|(kind, (span, part))| Field::parse(*kind, part, span.start));
    let mut next = || {
        fields.next().unwrap_or_else(|| Err(ScheduleError::at(whole.clone(), "a field is missing")))
    };
    Ok(Fields {
        second: if parts.len() == 6 { next()? } else { Field::one(FieldKind::Second, 0) },
        minute: next()?,
        hour: next()?,
        day_of_month: next()?,
        month: next()?,
        day_of_week: next()?,
    })
}

fn odd_character(odd: char, at: usize) -> ScheduleError {
    let span = at..at + odd.len_utf8();
    if odd == '\n' || odd == '\r' {
        return ScheduleError::at(span, "a schedule is one line")
            .hint("several schedules make a list: `schedule: [\"0 2 * * *\", \"0 14 * * *\"]`");
    }
    let shown = if odd.is_control() || odd.is_whitespace() {
        format!("the character U+{:04X}", u32::from(odd))
    } else {
        format!("`{odd}`")
    };
    ScheduleError::at(span, format!("{shown} has no place in a schedule"))
        .hint("a schedule is made of digits, names and `*`, `,`, `-`, `/`, with blanks between")
}
