//! The kinds of single values in a job file: texts, names, durations, words.
//!
//! Each is a type that is valid once read. Rules between values (accounts that must exist,
//! schedules that must fire) are the business of `build`.

use std::net::SocketAddr;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::bounds::{NAME_BYTES, TEXT_BYTES};
use super::names;
use super::node::{Kind, Node};
use super::numbers::{Attempts, Count, Factor, Version};
use super::patterns;
use super::problem::{Hint, Problem, choices, cut};
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

/// The words of a [`Flag`].
const FLAGS: [&str; 2] = ["true", "false"];

/// `true` or `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// A duration, 10 ms to 365 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) SignedDuration);

/// A duration that may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanOrZero(pub(crate) SignedDuration);

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
            let mut problem = Problem::error(spot, message);
            problem.hint = Hint::QuoteOrExample;
            reader.tell(problem);
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
            let found = match control {
                '\t' => "a tab".to_owned(),
                '\n' => "a line break".to_owned(),
                _ => format!("U+{:04X}", u32::from(control)),
            };
            let message = format!("{what} may not hold control characters, found {found}");
            let marked = at..at + control.len_utf8();
            reader.tell(Problem::error(spot, message).inside(marked).hint("leave it out"));
            None
        }
    }
}

/// Reads a name.
pub(crate) fn name<'n>(node: &'n Node, reader: &mut Reader<'_>, what: &str) -> Option<&'n str> {
    let text = printable(node, reader, what)?;
    if text.trim().is_empty() {
        let spot = reader.spot(node);
        reader.tell(Problem::error(spot, format!("{what} is empty")).example());
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
    let several: Vec<&str> = found.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    if several.len() > 1 && several.iter().all(|part| words.contains(part)) {
        let hint = format!("write a list: `[{}]`", several.join(", "));
        reader.tell(Problem::error(spot, message).hint(hint));
        return None;
    }
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
                let quoted = FLAGS.contains(&&**text);
                let found = if quoted { "the text " } else { "" };
                let message = format!("expected `true` or `false`, found {found}`{}`", cut(text));
                let problem = Problem::error(reader.spot(node), message);
                match names::meant_word(text, &FLAGS) {
                    _ if quoted => problem.hint("leave the quotes out"),
                    Some((meant, Some(_))) => problem.hint(format!("write `{meant}`")),
                    Some((meant, None)) => problem.hint(format!("did you mean `{meant}`?")),
                    None => problem.hint("write `true` or `false`"),
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

fn span(node: &Node, reader: &mut Reader<'_>, zero: bool) -> Option<SignedDuration> {
    let spot = reader.spot(node);
    let text = match &node.kind {
        Kind::Text(text) => text,
        Kind::Integer(0) if zero => return Some(SignedDuration::ZERO),
        Kind::Integer(number) => {
            let message = format!("a duration has a unit, found the number `{number}`");
            let problem = Problem::error(spot, message);
            reader.tell(if *number > 0 {
                problem.hint(format!(
                    "write `{number}s` for seconds, `{number}m` for minutes, `{number}h` for \
                     hours or `{number}d` for days"
                ))
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
