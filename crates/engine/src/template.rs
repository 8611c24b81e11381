//! Path templates: `dailies/{-1d:%Y-%m-%d}/`, `{job}`, `{run}`, `{hostname}`, `{{` and `}}`.
//!
//! A template is checked once, when it is parsed; rendering can't fail. Times are of the wall clock
//! in the job's zone: an offset in days or weeks keeps the time of day across a DST change, one in
//! hours, minutes or seconds is exact. The meaning of a path at the agent is not known here, and a
//! rendered `..` is left as it is.

use std::fmt;
use std::ops::Range;

use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ZonedDateTime};

use super::ids::{JobName, RunId};
use super::suggest;

#[cfg(test)]
mod tests;

/// The longest path, in bytes, before patterns are filled in: four times the longest key of object
/// stores.
pub const TEXT_MAX: usize = 4_096;

/// The longest result of a time pattern, in bytes: flags such as `%20Y` could blow a path up.
const TIME_MAX: usize = 256;

/// The largest offset: ten years; a larger one is a mistake.
const OFFSET_MAX_DAYS: i64 = 3_660;

/// The names allowed in braces.
const NAMES: [&str; 3] = ["job", "run", "hostname"];

/// A valid path with patterns.
#[derive(Clone)]
pub struct PathTemplate {
    text: Box<str>,
    /// Empty where the text holds no brace and so stands for itself.
    parts: Box<[Part]>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(Slice),
    Time { offset: Offset, format: Slice },
    Job,
    Run,
    Hostname,
}

/// Bytes of the template's own text: ten thousand templates hold each text once. [`TEXT_MAX`]
/// fits.
#[derive(Clone, Copy, Debug)]
struct Slice {
    from: u16,
    to: u16,
}

impl Slice {
    fn of(bytes: Range<usize>) -> Self {
        let fit = |at: usize| u16::try_from(at).expect("a template's text has been measured");
        Self { from: fit(bytes.start), to: fit(bytes.end) }
    }

    fn in_text(self, text: &str) -> &str {
        &text[usize::from(self.from)..usize::from(self.to)]
    }
}

/// The offset of a time pattern.
#[derive(Clone, Copy, Debug, Default)]
struct Offset {
    /// Days of the calendar.
    days: i64,
    /// Seconds, exactly.
    seconds: i64,
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The problem.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    /// The bytes of the text that are at fault.
    pub span: Range<usize>,
}

impl TemplateError {
    fn at(span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()), span }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TemplateError {}

/// The values that patterns are filled with.
#[derive(Clone, Copy, Debug)]
pub struct TemplateValues<'a> {
    /// The run's scheduled time, or the time of the trigger.
    pub at: Timestamp,
    /// The job's zone.
    pub zone: &'a TimeZone,
    /// `{job}`.
    pub job: &'a JobName,
    /// `{run}`; the pattern stays as it is while the run is unknown.
    pub run: Option<RunId>,
    /// `{hostname}`.
    pub hostname: &'a str,
}

impl PathTemplate {
    /// Parses a path with patterns. An empty path is valid.
    ///
    /// # Errors
    ///
    /// All errors, each with its place and the way to fix it.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateError>> {
        if text.len() > TEXT_MAX {
            return Err(vec![TemplateError::at(
                0..text.len(),
                format!("a path is longer than {TEXT_MAX} bytes"),
                "object stores take keys of 1024 bytes",
            )]);
        }
        if let Some((at, odd)) = text.char_indices().find(|(_, c)| c.is_control()) {
            return Err(vec![TemplateError::at(
                at..at + odd.len_utf8(),
                format!("a path holds the control character U+{:04X}", u32::from(odd)),
                "leave it out",
            )]);
        }
        let parts = if text.contains(['{', '}']) { parse_parts(text)? } else { Vec::new() };
        Ok(Self { text: text.into(), parts: parts.into() })
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when every run gets the same path.
    pub fn is_constant(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// The common beginning of all rendered paths: the text before the first pattern.
    pub fn literal_prefix(&self) -> String {
        if self.parts.is_empty() {
            return self.text.to_string();
        }
        let literals = self.parts.iter().map_while(|part| match part {
            Part::Literal(literal) => Some(literal.in_text(&self.text)),
            Part::Time { .. } | Part::Job | Part::Run | Part::Hostname => None,
        });
        literals.collect()
    }

    /// The rendered path.
    pub fn render(&self, values: &TemplateValues<'_>) -> String {
        if self.parts.is_empty() {
            return self.text.to_string();
        }
        let mut path = String::with_capacity(self.text.len() + 16);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => path.push_str(literal.in_text(&self.text)),
                Part::Time { offset, format } => {
                    let format = format.in_text(&self.text);
                    let at = offset.applied_to(values.at, values.zone);
                    // `parse` has tried the pattern, and whether it is valid does not depend on the
                    // time. If it did, the pattern as written would still be a path.
                    match print_time(format, &at) {
                        Ok(time) => path.push_str(&time),
                        Err(_) => path.push_str(format),
                    }
                }
                Part::Job => path.push_str(values.job.as_str()),
                Part::Run => match values.run {
                    Some(run) => path.push_str(&run.to_string()),
                    None => path.push_str("{run}"),
                },
                Part::Hostname => path.push_str(values.hostname),
            }
        }
        path
    }
}

impl PartialEq for PathTemplate {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PathTemplate {}

impl fmt::Debug for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathTemplate(`{}`)", self.text)
    }
}

impl Offset {
    /// The time later or earlier by this offset. At the edge of the calendar the time stays as it
    /// is.
    fn applied_to(self, at: Timestamp, zone: &TimeZone) -> ZonedDateTime {
        let at = at.to_zoned_datetime(zone.clone());
        Span::new()
            .try_days(self.days)
            .and_then(|days| at.checked_add(days))
            .and_then(|moved| moved.checked_add(SignedDuration::from_secs(self.seconds)))
            .unwrap_or(at)
    }
}

/// A time by a strftime pattern, in the C locale.
fn print_time(format: &str, at: &ZonedDateTime) -> Result<String, jiff::Error> {
    let config = Config::new().custom(PosixCustom::new());
    BrokenDownTime::from(at).to_string_with_config(&config, format)
}

fn parse_parts(text: &str) -> Result<Vec<Part>, Vec<TemplateError>> {
    let mut parts = Vec::new();
    let mut errors = Vec::new();
    let literal = |parts: &mut Vec<Part>, bytes: Range<usize>| {
        if !bytes.is_empty() {
            parts.push(Part::Literal(Slice::of(bytes)));
        }
    };
    // Text between the last pattern and here is literal.
    let (mut begun, mut at) = (0, 0);
    while let Some(found) = text[at..].find(['{', '}']) {
        at += found;
        let rest = &text[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            // One of the two.
            literal(&mut parts, begun..at + 1);
            at += 2;
            begun = at;
        } else if rest.starts_with('}') {
            errors.push(TemplateError::at(
                at..at + 1,
                "a `}` without its `{`",
                "write `}}` for a literal brace",
            ));
            at += 1;
        } else {
            // A brace within a pattern is never right, so that the next one ends the search.
            let Some(length) =
                rest[1..].find(['{', '}']).filter(|end| rest[1 + end..].starts_with('}'))
            else {
                errors.push(TemplateError::at(
                    at..at + 1,
                    "a `{` without its `}`",
                    "write `{{` for a literal brace",
                ));
                at += 1;
                continue;
            };
            literal(&mut parts, begun..at);
            match parse_pattern(&rest[1..=length], at..at + length + 2) {
                Ok(part) => parts.push(part),
                Err(error) => errors.push(error),
            }
            at += length + 2;
            begun = at;
        }
    }
    literal(&mut parts, begun..text.len());
    if errors.is_empty() { Ok(parts) } else { Err(errors) }
}

/// Parses the text between braces; `span` includes them.
fn parse_pattern(inner: &str, span: Range<usize>) -> Result<Part, TemplateError> {
    match inner {
        "job" => return Ok(Part::Job),
        "run" => return Ok(Part::Run),
        "hostname" => return Ok(Part::Hostname),
        _ => {}
    }
    if inner.starts_with('%') {
        let format = Slice::of(span.start + 1..span.end - 1);
        check_format(inner, span)?;
        return Ok(Part::Time { offset: Offset::default(), format });
    }
    if inner.starts_with(['+', '-']) {
        let Some((offset_text, format)) = inner.split_once(':') else {
            return Err(TemplateError::at(
                span,
                format!("`{{{inner}}}` is an offset without a pattern"),
                match inner.find('%') {
                    Some(at) => format!("write `{{{}:{}}}`", inner[..at].trim_end(), &inner[at..]),
                    None => format!("write `{{{inner}:%Y-%m-%d}}`"),
                },
            ));
        };
        let offset = parse_offset(offset_text, &span)?;
        let slice = Slice::of(span.end - 1 - format.len()..span.end - 1);
        check_format(format, span)?;
        return Ok(Part::Time { offset, format: slice });
    }
    Err(unknown(inner, span))
}

fn parse_offset(text: &str, span: &Range<usize>) -> Result<Offset, TemplateError> {
    let bad = || {
        TemplateError::at(
            span.clone(),
            format!("`{text}` is not an offset"),
            "an offset is `-` or `+` with a number and `w`, `d`, `h`, `m` or `s`, as in `-1d`; \
             there are no months",
        )
    };
    let (mut days, mut seconds): (i64, i64) = (0, 0);
    let mut rest = &text[1..];
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = rest[digits..].chars().next().ok_or_else(bad)?;
        // Nine digits hold every allowed offset, in any unit.
        let number: i64 = if digits <= 9 {
            rest[..digits].parse().map_err(|_| bad())?
        } else {
            return Err(bad());
        };
        match unit {
            'w' => days += number * 7,
            'd' => days += number,
            'h' => seconds += number * 3_600,
            'm' => seconds += number * 60,
            's' => seconds += number,
            _ => return Err(bad()),
        }
        if days > OFFSET_MAX_DAYS || seconds > OFFSET_MAX_DAYS * 86_400 {
            return Err(TemplateError::at(
                span.clone(),
                format!("the offset `{text}` is too long"),
                format!("{OFFSET_MAX_DAYS}d is the longest"),
            ));
        }
        rest = &rest[digits + unit.len_utf8()..];
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    Ok(Offset { days: days * sign, seconds: seconds * sign })
}

/// Tries a time pattern, so that rendering can't fail.
fn check_format(format: &str, span: Range<usize>) -> Result<(), TemplateError> {
    let shown = format!("`{format}`");
    if !format.contains('%') {
        return Err(TemplateError::at(
            span,
            format!("{shown} is not a time pattern"),
            "time patterns are as for strftime: `%Y-%m-%d` is a date",
        ));
    }
    // Named and unnamed zone: `%Q` and `%Z` differ in what they need.
    let zones = [TimeZone::UTC, jiff::tz::offset(-3).to_time_zone()];
    for zone in zones {
        let sample = Timestamp::UNIX_EPOCH.to_zoned_datetime(zone);
        match print_time(format, &sample) {
            Err(_) => {
                return Err(TemplateError::at(
                    span,
                    format!("{shown} is not a time pattern"),
                    "patterns are as for strftime, such as `%Y`, `%m`, `%d`, `%H`, `%M`; `%%` is a \
                     percent sign",
                ));
            }
            Ok(time) if time.chars().any(char::is_control) => {
                return Err(TemplateError::at(
                    span,
                    format!("{shown} gives a control character"),
                    "leave `%n` and `%t` out of paths",
                ));
            }
            Ok(time) if time.len() > TIME_MAX => {
                return Err(TemplateError::at(
                    span,
                    format!("{shown} gives more than {TIME_MAX} bytes"),
                    "make it shorter",
                ));
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// The error for a text that is not a pattern at all.
fn unknown(inner: &str, span: Range<usize>) -> TemplateError {
    const KNOWN: &str =
        "patterns are `{%Y-%m-%d}`, `{-1d:%Y-%m-%d}`, `{job}`, `{run}` and `{hostname}`";
    if inner.trim().is_empty() {
        return TemplateError::at(
            span,
            "braces with nothing in them",
            format!("{KNOWN}; `{{{{` is a literal brace"),
        );
    }
    let message = format!("`{{{inner}}}` is not a pattern");
    let trimmed = inner.trim();
    if trimmed != inner && (trimmed.starts_with(['%', '+', '-']) || NAMES.contains(&trimmed)) {
        return TemplateError::at(span, message, format!("write `{{{trimmed}}}`, without blanks"));
    }
    if let Some((offset, format)) = inner.split_once(':')
        && format.starts_with('%')
    {
        let hint = if offset.is_empty() {
            format!("write `{{{format}}}`")
        } else if offset.starts_with(|c: char| c.is_ascii_digit()) {
            format!("write `{{-{offset}:{format}}}` for before, `{{+{offset}:{format}}}` for after")
        } else {
            format!("write `{{{format}}}`, or with an offset `{{-1d:{format}}}`")
        };
        return TemplateError::at(span, message, hint);
    }
    if let Some(meant) = suggest::closest(inner, &NAMES) {
        return TemplateError::at(span, message, format!("did you mean `{{{meant}}}`?"));
    }
    match suggest::closest(
        inner,
        &["date", "time", "datetime", "timestamp", "yesterday", "today", "host"],
    ) {
        Some("host") => TemplateError::at(span, message, "did you mean `{hostname}`?"),
        Some("yesterday") => TemplateError::at(span, message, "write `{-1d:%Y-%m-%d}`"),
        Some("time") => TemplateError::at(span, message, "write `{%H-%M-%S}`"),
        Some("datetime" | "timestamp") => {
            TemplateError::at(span, message, "write `{%Y-%m-%dT%H-%M-%S}`")
        }
        Some(_) => TemplateError::at(span, message, "write `{%Y-%m-%d}`"),
        None => TemplateError::at(span, message, format!("{KNOWN}; `{{{{` is a literal brace")),
    }
}
