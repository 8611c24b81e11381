//! One field of a schedule: lists of `*`, numbers, names and ranges, with steps (crontab(5)).
//!
//! Knows nothing of the other fields. Text of other dialects is handed to `dialect_hints` for
//! words.

use std::ops::Range;

use super::dialect_hints;
use super::error::ScheduleError;
use crate::suggest;

/// Which field it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// First of six.
    Second,
    /// First of five.
    Minute,
    /// The field that decides between fixed-time and following the clock.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or names.
    Month,
    /// 0 to 7, Sunday is 0 and 7, or names.
    DayOfWeek,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl FieldKind {
    /// All of them, in the order of a schedule of six fields.
    pub(super) const ALL: [Self; 6] =
        [Self::Second, Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek];

    /// Its name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
        }
    }

    /// The lowest and the highest allowed number.
    pub(super) fn bounds(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
        }
    }

    /// How many values the field has before it starts anew.
    pub(super) fn cycle(self) -> u32 {
        match self {
            Self::Second | Self::Minute => 60,
            Self::Hour => 24,
            Self::DayOfMonth => 31,
            Self::Month => 12,
            Self::DayOfWeek => 7,
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            Self::Second | Self::Minute | Self::Hour | Self::DayOfMonth => &[],
        }
    }

    /// The number that a name stands for, letter case aside.
    fn number_of(self, name: &str) -> Option<u32> {
        let at = self.names().iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Some(at as u32 + self.bounds().0)
    }

    /// The mask of all values, Sunday as 0 only.
    fn full(self) -> u64 {
        let (low, _) = self.bounds();
        ((1 << self.cycle()) - 1) << low
    }
}

/// One entry of a field's list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Its bytes in the schedule's text.
    pub(super) span: Range<usize>,
    /// Its first value.
    pub(super) start: u32,
    /// Its last possible value.
    pub(super) end: u32,
    /// 1 where none is written.
    pub(super) step: u32,
}

impl Item {
    /// The values that it names.
    pub(super) fn values(&self) -> impl Iterator<Item = u32> + use<> {
        (self.start..=self.end).step_by(self.step as usize)
    }
}

/// A field's values.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Which field it is.
    pub(super) kind: FieldKind,
    /// Its bytes in the schedule's text.
    pub(super) span: Range<usize>,
    /// Its list, as written.
    pub(super) items: Vec<Item>,
    /// Its text starts with `*`: it does not restrict the day, or does not fix the hour.
    pub(super) starred: bool,
    bits: u64,
}

impl Field {
    /// The field `*`.
    pub(super) fn all(kind: FieldKind) -> Self {
        Self { kind, span: 0..0, items: Vec::new(), starred: true, bits: kind.full() }
    }

    /// A field of one value.
    pub(super) fn one(kind: FieldKind, value: u32) -> Self {
        Self { kind, span: 0..0, items: Vec::new(), starred: false, bits: 1 << value }
    }

    /// Parses a field at byte `at` of the schedule's text; returns an error for each bad entry of
    /// its list.
    pub(super) fn parse(
        kind: FieldKind,
        text: &str,
        at: usize,
    ) -> Result<Self, Vec<ScheduleError>> {
        let span = at..at + text.len();
        let mut items = Vec::new();
        let mut errors = Vec::new();
        let mut bits = 0;
        let mut from = at;
        for part in text.split(',') {
            let start = from;
            from += part.len() + 1;
            if part.is_empty() {
                let words = format!("a list in the {} field has an empty entry", kind.name());
                return Err(vec![ScheduleError::at(span, words).hint("remove the extra comma")]);
            }
            let item = match parse_item(kind, part, start) {
                Ok(item) => item,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            for value in item.values() {
                // Sunday is 0 and 7.
                bits |= 1
                    << (if kind == FieldKind::DayOfWeek && value == 7 {
                        0
                    } else {
                        u64::from(value)
                    });
            }
            items.push(item);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { kind, span, items, starred: text.starts_with('*'), bits })
    }

    /// True if some bytes of the text lie within this field.
    pub(super) fn spans(&self, bytes: &Range<usize>) -> bool {
        self.span.start <= bytes.start && bytes.end <= self.span.end
    }

    /// True when every value is named.
    pub(super) fn is_full(&self) -> bool {
        self.bits == self.kind.full()
    }

    /// The values named, lowest first.
    pub(super) fn values(&self) -> impl Iterator<Item = u32> + use<> {
        let bits = self.bits;
        (0..64).filter(move |value| bits & (1 << value) != 0)
    }
}

fn parse_item(kind: FieldKind, text: &str, at: usize) -> Result<Item, ScheduleError> {
    let span = at..at + text.len();
    let name = kind.name();
    if let Some(error) = dialect_hints::of_item(kind, text, span.clone()) {
        return Err(error);
    }
    let (base, step_text) = match text.split_once('/') {
        Some((base, step)) => (base, Some(step)),
        None => (text, None),
    };
    let step = match step_text {
        Some(step) => parse_step(kind, step, at + base.len() + 1, &span)?,
        None => 1,
    };
    let (low, high) = kind.bounds();
    if base == "*" {
        // `*/2` of weekdays counts from Sunday as 0; 7 is the same day again.
        let end = if kind == FieldKind::DayOfWeek { 6 } else { high };
        return Ok(Item { span, start: low, end, step });
    }
    let Some((first, last)) = base.split_once('-') else {
        let value = if base.is_empty() { low } else { parse_value(kind, base, at)? };
        if let Some(step) = step_text {
            let right =
                if value == low { format!("*/{step}") } else { format!("{value}-{high}/{step}") };
            return Err(ScheduleError::at(
                span,
                format!("`{text}` in the {name} field: a step needs a range or `*` before it"),
            )
            .hint(format!("write `{right}`")));
        }
        return Ok(Item { span, start: value, end: value, step });
    };
    if first.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) && !last.is_empty() {
        let words =
            format!("`{base}` is out of range for the {name} field: expected {low} to {high}");
        return Err(ScheduleError::at(span, words));
    }
    if first.is_empty() || last.is_empty() {
        let words = format!("the range `{base}` in the {name} field lacks an end");
        return Err(ScheduleError::at(span, words).hint("a range has two ends, as in `1-5`"));
    }
    let start = parse_value(kind, first, at)?;
    let mut end = parse_value(kind, last, at + first.len() + 1)?;
    // As the end of a range, the name of Sunday is the 7 of `6-7`.
    if kind == FieldKind::DayOfWeek && end == 0 && start > 0 && !last.starts_with('0') {
        end = 7;
    }
    if start > end {
        let words = format!("the range `{first}-{last}` in the {name} field runs backwards");
        return Err(ScheduleError::at(span, words).hint(forwards(
            kind,
            (start, first),
            (end, last),
            step,
        )));
    }
    Ok(Item { span, start, end, step })
}

/// The replacement for a range that wraps around.
fn forwards(kind: FieldKind, start: (u32, &str), end: (u32, &str), step: u32) -> String {
    let (low, high) = kind.bounds();
    if step > 1 {
        let high = low + kind.cycle() - 1;
        let all = (start.0..=end.0 + kind.cycle())
            .step_by(step as usize)
            .map(|value| (if value > high { value - kind.cycle() } else { value }).to_string());
        return format!("ranges do not wrap around; write `{}`", all.collect::<Vec<_>>().join(","));
    }
    let named = start.1.chars().all(|c| c.is_ascii_alphabetic());
    let word = |value: u32, like: &str| {
        let name = kind.names().get(((value - low) % kind.cycle()) as usize).filter(|_| named);
        match name {
            None => value.to_string(),
            Some(name) if like.starts_with(|c: char| c.is_ascii_uppercase()) => {
                name[..1].to_ascii_uppercase() + &name[1..]
            }
            Some(name) => (*name).to_owned(),
        }
    };
    let range = |from: u32, from_text: String, to: u32, to_text: String| {
        if from == to { from_text } else { format!("{from_text}-{to_text}") }
    };
    // A range of weekdays may run to Sunday as 7, so that Monday is where the rest begins.
    let (top, bottom) = if kind == FieldKind::DayOfWeek { (7, 1) } else { (high, low) };
    let first = range(start.0, start.1.to_owned(), top, word(top, start.1));
    if end.0 < bottom {
        return format!("ranges do not wrap around; write `{first}`");
    }
    let second = range(bottom, word(bottom, start.1), end.0, end.1.to_owned());
    format!("ranges do not wrap around; write `{first},{second}`")
}

fn parse_step(
    kind: FieldKind,
    text: &str,
    at: usize,
    item: &Range<usize>,
) -> Result<u32, ScheduleError> {
    let name = kind.name();
    let span = if text.is_empty() { item.clone() } else { at..at + text.len() };
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        let words = format!("the step `{text}` in the {name} field is not a number");
        return Err(ScheduleError::at(span, words).hint("a step is a number, as in `*/15`"));
    }
    match text.parse::<u32>() {
        Ok(0) => Err(ScheduleError::at(span, format!("a step in the {name} field is 0"))
            .hint("a step is at least 1")),
        // Steps beyond the field's end leave its first value only, as in cron.
        Ok(step) if step < 1_000 => Ok(step),
        Ok(_) | Err(_) => Err(ScheduleError::at(
            span,
            format!("the step `{text}` in the {name} field is out of range"),
        )
        .hint(format!("the field has {} values", kind.cycle()))),
    }
}

/// A number or a name.
fn parse_value(kind: FieldKind, text: &str, at: usize) -> Result<u32, ScheduleError> {
    let name = kind.name();
    let span = at..at + text.len();
    let (low, high) = kind.bounds();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse::<u32>() {
            Ok(value) if (low..=high).contains(&value) => Ok(value),
            Ok(_) | Err(_) => {
                let words = format!(
                    "`{text}` is out of range for the {name} field: expected {low} to {high}"
                );
                let error = ScheduleError::at(span, words);
                Err(match dialect_hints::of_number(kind, text) {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
        };
    }
    if let Some(value) = kind.number_of(text) {
        return Ok(value);
    }
    let words = format!("`{text}` is not a value of the {name} field");
    Err(ScheduleError::at(span, words).hint(hint_for_word(kind, text)))
}

fn hint_for_word(kind: FieldKind, text: &str) -> String {
    for other in [FieldKind::Month, FieldKind::DayOfWeek] {
        if other != kind && other.number_of(text).is_some() {
            return format!("`{text}` belongs in the {} field", other.name());
        }
    }
    let (low, high) = kind.bounds();
    match suggest::closest(text, kind.names()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => match kind.names() {
            [first, .., last] => format!("expected {low} to {high}, or `{first}` to `{last}`"),
            [] | [_] => format!("expected a number from {low} to {high}"),
        },
    }
}
