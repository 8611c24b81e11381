//! The kinds of single values in a job file: texts, names, numbers, durations, words.
//!
//! Each is a type that is valid once read. Rules between values (accounts that must exist,
//! schedules that must fire) are the business of `build`.

use std::net::SocketAddr;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::bounds::{NAME_BYTES, TEXT_BYTES};
use super::names;
use super::node::{Kind, Node, plain_number};
use super::patterns;
use super::problem::{Problem, choices, cut};
use super::reader::{Read, Reader};
use super::schema;
use super::users::USER_MAX;
use crate::core::duration;
use crate::settings::UserRef;

/// Text of any content, such as a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

/// A name: not empty, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

/// Part of a place: no control characters, but it may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part(pub(crate) String);

/// A file's path, absolute or relative to the file that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileName(pub(crate) String);

/// `true` or `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// A count, 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u32);

/// A count of attempts, the first one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempts(pub(crate) u32);

/// A factor, 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor(pub(crate) f64);

/// A duration, 10 ms to 365 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) SignedDuration);

/// A duration that may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanOrZero(pub(crate) SignedDuration);

/// `version: 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version;

/// The agent's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgentUrl {
    /// As the file has it, but for case and a slash at its end.
    pub(crate) written: String,
    /// What it means.
    pub(crate) url: url::Url,
}

/// An http or https address whose path is a secret: never in a message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretUrl(pub(crate) String);

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretUrl(…)")
    }
}

/// An http or https address that people open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl(pub(crate) String);

/// A user of this machine, by name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User(pub(crate) UserRef);

/// `address:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(pub(crate) SocketAddr);

/// Reads text, with a hint for values that only look like text.
pub(crate) fn text<'n>(node: &'n Node, reader: &mut Reader<'_>, what: &str) -> Option<&'n str> {
    let spot = reader.spot(node);
    let text = match &node.kind {
        Kind::Text(text) => text,
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) => {
            let message = format!("expected {what}, found {}", node.describe());
            reader.tell(Problem::error(spot, message).quote());
            return None;
        }
        Kind::Map(entries) if looks_like_a_pattern(entries) => {
            let message = format!("expected {what}, found a map: braces without quotes make one");
            reader.tell(Problem::error(spot, message).quote());
            return None;
        }
        Kind::Null | Kind::List(_) | Kind::Map(_) | Kind::Tagged(_) => {
            reader.wrong_kind(node, what);
            return None;
        }
    };
    if looks_like_a_date(text) {
        let message = format!("expected {what}, found the date `{}`", cut(text));
        let mut problem = Problem::error(spot, message).quote();
        problem.only_if_plain = true;
        reader.tell(problem);
    }
    if text.len() > TEXT_BYTES {
        let message = format!("{what} is {} bytes long; {TEXT_BYTES} are the most", text.len());
        reader.tell(Problem::error(spot, message));
        return None;
    }
    Some(text)
}

/// `{job}` and the like without quotes: a flow map of one key without a value.
fn looks_like_a_pattern(entries: &[(Node, Node)]) -> bool {
    matches!(entries, [(key, value)]
        if key.as_text().is_some() && matches!(value.kind, Kind::Null))
}

/// `2026-11-23`, with or without a time: some YAML readers turn it into a date.
pub(crate) fn looks_like_a_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    digits(0..4)
        && bytes.get(4) == Some(&b'-')
        && digits(5..7)
        && bytes.get(7) == Some(&b'-')
        && digits(8..10)
        && match bytes.get(10) {
            None => true,
            Some(b'T' | b't' | b' ') => digits(11..13),
            Some(_) => false,
        }
}

/// Quotes that word processors make from `"` and `'`.
const CURLY: [char; 7] = ['“', '”', '„', '‘', '’', '«', '»'];

/// Reads text without control characters.
fn printable<'n>(node: &'n Node, reader: &mut Reader<'_>, what: &str) -> Option<&'n str> {
    let text = text(node, reader, what)?;
    if text.starts_with(CURLY) && text.ends_with(CURLY) && text.chars().count() > 1 {
        let spot = reader.spot(node);
        let inner = text.trim_matches(CURLY);
        let message = format!("`{}` stands in curly quotes, which are part of it", cut(text));
        reader.tell(Problem::error(spot, message).hint(format!("write `\"{}\"`", cut(inner))));
        return None;
    }
    match text.char_indices().find(|(_, c)| c.is_control()) {
        None => Some(text),
        Some((at, control)) => {
            let spot = reader.spot(node);
            let message = format!(
                "{what} may not hold control characters, found U+{:04X} after {} bytes",
                u32::from(control),
                at
            );
            reader.tell(Problem::error(spot, message));
            None
        }
    }
}

/// Reads a name.
pub(crate) fn name<'n>(node: &'n Node, reader: &mut Reader<'_>, what: &str) -> Option<&'n str> {
    let text = printable(node, reader, what)?;
    if text.trim().is_empty() {
        let spot = reader.spot(node);
        reader.tell(Problem::error(spot, format!("{what} is empty")));
        return None;
    }
    Some(text)
}

/// Reads one of some words.
pub(crate) fn word<'n>(
    node: &'n Node,
    reader: &mut Reader<'_>,
    what: &str,
    words: &[&str],
) -> Option<&'n str> {
    if let Some(text) = node.as_text()
        && words.contains(&text)
    {
        return Some(text);
    }
    let (message, found) = match &node.kind {
        Kind::Text(text) => (format!("`{}` is not {}", cut(text), one(what)), text.to_string()),
        Kind::Bool(value) => (format!("`{value}` is not {}", one(what)), value.to_string()),
        Kind::Integer(value) => (format!("`{value}` is not {}", one(what)), value.to_string()),
        Kind::Null | Kind::Float(_) | Kind::List(_) | Kind::Map(_) | Kind::Tagged(_) => {
            reader.wrong_kind(node, &format!("one of {}", choices(words)));
            return None;
        }
    };
    let spot = reader.spot(node);
    let hint = names::meant_word(&found, words).map_or_else(
        || format!("write {}", choices(words)),
        |(meant, why)| match why {
            Some(why) => format!("write `{meant}`: {why}"),
            None => format!("did you mean `{meant}`?"),
        },
    );
    reader.tell(Problem::error(spot, message).hint(hint));
    None
}

/// A noun with its article; one that begins with `u`, as `user`, does not begin with a vowel sound.
fn one(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {noun}")
}

impl Read for Text {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        text(node, reader, "text").map(|text| Self(text.to_owned()))
    }
}

impl Read for Name {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let name = name(node, reader, "a name")?;
        if name.len() > NAME_BYTES {
            let spot = reader.spot(node);
            let message = format!("a name has {NAME_BYTES} bytes at most, found {}", name.len());
            reader.tell(Problem::error(spot, message));
            return None;
        }
        Some(Self(name.to_owned()))
    }
}

impl Read for Part {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if matches!(node.kind, Kind::Null) {
            let owner = reader.owner;
            reader.tell(
                Problem::error(owner, "expected text, found nothing")
                    .hint(reader.or_without("write `\"\"` for the empty text")),
            );
            return None;
        }
        printable(node, reader, "text").map(|text| Self(text.to_owned()))
    }
}

impl Read for FileName {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        name(node, reader, "the path of a file").map(|text| Self(text.to_owned()))
    }
}

impl Read for Flag {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let problem = match &node.kind {
            Kind::Bool(value) => return Some(Self(*value)),
            Kind::Text(text) => {
                let problem = Problem::error(
                    reader.spot(node),
                    format!("expected `true` or `false`, found `{}`", cut(text)),
                );
                match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" | "true" => problem.hint("write `true`, without quotes"),
                    "no" | "off" | "n" | "false" => problem.hint("write `false`, without quotes"),
                    _ => problem,
                }
            }
            Kind::Null
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Tagged(_) => {
                reader.wrong_kind(node, "`true` or `false`");
                if let Kind::Integer(number @ 0..=1) = node.kind {
                    reader.hint_last(Some(format!("write `{}`", number == 1)));
                }
                return None;
            }
        };
        reader.tell(problem);
        None
    }
}

/// Reads a whole number between two bounds.
pub(crate) fn whole(node: &Node, reader: &mut Reader<'_>, least: i64, most: i64) -> Option<i64> {
    let expected = format!("a whole number from {least} to {}", grouped(most));
    match &node.kind {
        Kind::Integer(value) if (least..=most).contains(value) => return Some(*value),
        Kind::Text(text) if text.trim().parse::<i64>().is_ok() => {
            let message = format!("expected {expected}, found the text `{}`", cut(text));
            let spot = reader.spot(node);
            reader.tell(Problem::error(spot, message).hint(plain_number(text.trim())));
        }
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text(_)
        | Kind::List(_)
        | Kind::Map(_)
        | Kind::Tagged(_) => reader.wrong_kind(node, &expected),
    }
    None
}

/// `1,000,000`.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Read for Count {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let value = whole(node, reader, 1, 1_000_000)?;
        u32::try_from(value).ok().map(Self)
    }
}

impl Read for Attempts {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let count = Count::read(node, reader);
        if matches!(node.kind, Kind::Integer(0)) {
            let words = "`1` is the least: one attempt and no second one";
            reader.hint_last(Some(words.to_owned()));
        }
        count.map(|Count(attempts)| Self(attempts))
    }
}

impl Read for Version {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::Integer(1) => return Some(Self),
            Kind::Integer(other) => {
                let message = format!("the job file's version is 1, found `{other}`");
                let spot = reader.spot(node);
                reader.tell(
                    Problem::error(spot, message).hint("write `version: 1`, or leave it out"),
                );
            }
            Kind::Text(text) if text.trim() == "1" => {
                let spot = reader.spot(node);
                reader.tell(
                    Problem::error(spot, "expected the number `1`, found a text")
                        .hint("leave the quotes out"),
                );
            }
            Kind::Null
            | Kind::Bool(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Tagged(_) => reader.wrong_kind(node, "the number `1`"),
        }
        None
    }
}

impl Read for Factor {
    #[expect(clippy::cast_precision_loss, reason = "only 1 to 100 goes on")]
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let value = match &node.kind {
            Kind::Integer(value) => *value as f64,
            Kind::Float(value) => *value,
            Kind::Null
            | Kind::Bool(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Tagged(_) => f64::NAN,
        };
        if (1.0..=100.0).contains(&value) {
            return Some(Self(value));
        }
        reader.wrong_kind(node, "a number from 1 to 100");
        None
    }
}

fn span(node: &Node, reader: &mut Reader<'_>, zero: bool) -> Option<SignedDuration> {
    let spot = reader.spot(node);
    let text = match &node.kind {
        Kind::Text(text) => text,
        Kind::Integer(0) if zero => return Some(SignedDuration::ZERO),
        Kind::Integer(number) => {
            let message = format!("a duration has a unit, found the number `{number}`");
            let problem = Problem::error(spot, message);
            reader.tell(if *number > 0 {
                problem.hint(format!("did you mean `{number}s`?"))
            } else {
                problem.hint("write for example `30s`, `15m`, `1h30m` or `2d`")
            });
            return None;
        }
        Kind::Null
        | Kind::Bool(_)
        | Kind::Float(_)
        | Kind::List(_)
        | Kind::Map(_)
        | Kind::Tagged(_) => {
            reader.wrong_kind(node, "a duration such as `90s`");
            return None;
        }
    };
    let duration = match duration::parse(text) {
        Ok(duration) => duration,
        Err(error) => {
            let hint = names::no_duration(text, zero).or(error.hint);
            reader.tell(Problem::error(spot, error.message).maybe_hint(hint));
            return None;
        }
    };
    if zero && duration.is_zero() {
        return Some(duration);
    }
    if let Err(error) = duration::check_range(duration) {
        reader.tell(Problem::error(spot, error.message).maybe_hint(error.hint));
        return None;
    }
    Some(duration)
}

impl Read for Span {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        span(node, reader, false).map(Self)
    }
}

impl Read for SpanOrZero {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        span(node, reader, true).map(Self)
    }
}

macro_rules! schemas {
    ($($type:ty => $schema:expr,)*) => { $(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )* };
}

schemas! {
    Text => schema::kind("string"),
    Name => schema::short(patterns::NAME),
    Part => schema::pattern(patterns::PART),
    FileName => schema::pattern(patterns::NAME),
    Flag => schema::kind("boolean"),
    Count => schema::whole(1, 1_000_000),
    Attempts => schema::whole(1, 1_000_000),
    Factor => schema::number(1, 100),
    Span => schema::pattern_but_not(patterns::SPAN, patterns::ZERO_SPAN),
    SpanOrZero => schema::either(schema::pattern(patterns::SPAN), schema::constant(0)),
    Version => schema::constant(1),
    AgentUrl => schema::pattern(patterns::AGENT_URL),
    PublicUrl => schema::pattern(patterns::PUBLIC_URL),
    User => schema::either(schema::pattern(patterns::USER), schema::whole(0, USER_MAX)),
    SecretUrl => schema::pattern(r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s]+$"),
    Listen => schema::pattern(patterns::LISTEN),
}
