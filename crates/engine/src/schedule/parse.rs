//! Parses a schedule's text: five fields, six with seconds first, or a macro.
//!
//! Every schedule that parses fires at some time. Zones are not known here.

use std::ops::Range;
use std::sync::Arc;

use super::dialect_hints;
use super::error::{ScheduleError, ScheduleWarning};
use super::field::{Field, FieldKind};
use super::rule::Rule;
use super::wall_clock::Fields;
use super::{unsatisfiable, warnings};

/// The longest schedule, in bytes. One that lists every value of every field is half as long; a
/// longer text is another file by mistake.
pub const TEXT_MAX: usize = 1_000;

/// A valid schedule. Cheap to clone: jobs of the same text share it.
#[derive(Clone, Debug)]
pub struct Schedule(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    text: Box<str>,
    rule: Rule,
}

impl Schedule {
    /// Parses a schedule as in crontab(5), or with a field for seconds before the others, or a
    /// macro such as `@daily`.
    ///
    /// # Errors
    ///
    /// All errors, each with its place and the way to fix it.
    pub fn parse(text: &str) -> Result<Self, Vec<ScheduleError>> {
        let fields = parse_fields(text)?;
        unsatisfiable::check(&fields).map_err(|error| vec![error])?;
        match Rule::new(&fields) {
            Ok(rule) => Ok(Self(Arc::new(Parsed { text: text.trim_ascii().into(), rule }))),
            Err(error) => Err(vec![ScheduleError::at(
                0..text.len(),
                format!("the schedule can't be used: {error}"),
            )]),
        }
    }

    /// The text as it was written, without the blanks around it.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Surprising properties of the schedule. Spans are bytes of [`Schedule::text`].
    pub fn warnings(&self) -> Vec<ScheduleWarning> {
        // Not kept since parsing: ten thousand jobs would keep a value that is needed once.
        match parse_fields(self.text()) {
            Ok(fields) => warnings::of(self.text(), &fields),
            Err(_) => Vec::new(),
        }
    }

    /// Its rule for when it fires.
    pub(super) fn rule(&self) -> &Rule {
        &self.0.rule
    }
}

/// The fields of a text, whether or not they ever fire together.
fn parse_fields(text: &str) -> Result<Fields, Vec<ScheduleError>> {
    let parts = parts(text).map_err(|error| vec![error])?;
    parse_parts(&parts)
}

/// A field's text and its bytes in the schedule's text.
type Part<'t> = (Range<usize>, &'t str);

/// The texts of the fields: five or six.
fn parts(text: &str) -> Result<Vec<Part<'_>>, ScheduleError> {
    // Blanks outside of ASCII are shown to the author, who can't see them.
    let trimmed = text.trim_ascii();
    let start = text.len() - text.trim_ascii_start().len();
    let whole = start..start + trimmed.len();
    if trimmed.is_empty() {
        return Err(ScheduleError::at(0..text.len(), "the schedule is empty")
            .hint("leave `schedule` out for a job that only runs when it is triggered"));
    }
    if trimmed.len() > TEXT_MAX {
        return Err(ScheduleError::at(
            whole,
            format!("the schedule is longer than {TEXT_MAX} characters"),
        ));
    }
    if let Some((at, odd)) =
        trimmed.char_indices().find(|(_, c)| !c.is_ascii_graphic() && !" \t".contains(*c))
    {
        return Err(odd_character(odd, start + at));
    }
    if trimmed.starts_with('@') {
        let lower = trimmed.to_ascii_lowercase();
        let Some((_, fields)) = dialect_hints::MACROS.iter().find(|(name, _)| *name == lower)
        else {
            return Err(dialect_hints::of_macro(trimmed, whole));
        };
        return Ok(split(fields, 0));
    }
    if let Some(error) = dialect_hints::of_dialect(trimmed, whole.clone()) {
        return Err(error);
    }
    let parts = split(trimmed, start);
    if let Some((span, first)) = parts.first()
        && let Some(error) = dialect_hints::of_zone(first, span.clone())
    {
        return Err(error);
    }
    match parts.len() {
        6 if dialect_hints::is_user(parts[5].1) => Err(dialect_hints::of_user(&parts[5])),
        5 | 6 => Ok(parts),
        _ => Err(dialect_hints::of_count(&parts, whole)),
    }
}

/// The words between blanks, with their bytes in the text.
fn split(text: &str, start: usize) -> Vec<Part<'_>> {
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

fn parse_parts(parts: &[Part<'_>]) -> Result<Fields, Vec<ScheduleError>> {
    let has_seconds = parts.len() == FieldKind::ALL.len();
    let kinds = &FieldKind::ALL[usize::from(!has_seconds)..];
    let mut errors = Vec::new();
    let mut fields: Vec<Field> = Vec::with_capacity(FieldKind::ALL.len());
    if !has_seconds {
        fields.push(Field::one(FieldKind::Second, 0));
    }
    for (kind, (span, part)) in kinds.iter().zip(parts) {
        match Field::parse(*kind, part, span.start) {
            Ok(field) => fields.push(field),
            Err(more) => errors.extend(more),
        }
    }
    match <[Field; 6]>::try_from(fields) {
        Ok([second, minute, hour, day_of_month, month, day_of_week]) => {
            Ok(Fields { second, minute, hour, day_of_month, month, day_of_week })
        }
        Err(_) => Err(errors),
    }
}

fn odd_character(odd: char, at: usize) -> ScheduleError {
    let span = at..at + odd.len_utf8();
    if odd == '\n' || odd == '\r' {
        return ScheduleError::at(span, "a schedule is one line")
            .hint("several schedules make a list: `schedule: [\"0 2 * * *\", \"0 14 * * *\"]`");
    }
    if "“”„‟‘’‚‛«»".contains(odd) {
        return ScheduleError::at(
            span,
            format!("`{odd}` is a typographic quote, which YAML does not know"),
        )
        .hint("write plain ones: `schedule: \"30 2 * * *\"`");
    }
    if matches!(odd, '‐'..='―' | '−') {
        let message = format!("`{odd}` is a dash, which a schedule does not know");
        return ScheduleError::at(span, message).hint("write `-`");
    }
    let unseen = odd.is_control() || odd.is_whitespace() || crate::plain::is_unseen(odd);
    let shown =
        if unseen { format!("the character U+{:04X}", u32::from(odd)) } else { format!("`{odd}`") };
    ScheduleError::at(span, format!("{shown} has no place in a schedule"))
        .hint("a schedule is made of digits, names and `*`, `,`, `-`, `/`, with blanks between")
}
