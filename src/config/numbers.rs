//! Numbers in a job file: counts, factors, the version.

use super::names;
use super::node::{Kind, Node};
use super::problem::{Problem, cut};
use super::reader::{Read, Reader};

/// A count, 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u32);

/// A count of attempts, the first one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempts(pub(crate) u32);

/// A factor, 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor(pub(crate) f64);

/// `version: 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version;

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
        Kind::Text(text) if names::is_none(text) => {
            reader.wrong_kind(node, &expected);
            reader.hint_last(Some(format!("`{most}` is the most")));
        }
        Kind::Text(text) => {
            reader.wrong_kind(node, &expected);
            let meant = meant_number(text).filter(|meant| (least..=most).contains(meant));
            reader.hint_last(meant.map(|meant| format!("write `{meant}`")));
        }
        Kind::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
            reader.wrong_kind(node, &expected);
            let meant = format!("{value}");
            let fits = meant.parse().is_ok_and(|meant| (least..=most).contains(&meant));
            reader.hint_last(fits.then(|| format!("write `{meant}`")));
        }
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::List(_)
        | Kind::Map(_)
        | Kind::Tagged(_) => reader.wrong_kind(node, &expected),
    }
    None
}

/// The hint for a text that looks like a number: it is quoted, or written as YAML writes none.
fn plain_number(text: &str) -> String {
    let digits = text.trim_start_matches(['+', '0']);
    match digits == text || text == "0" {
        true => "leave the quotes out".to_owned(),
        false if digits.is_empty() => "write `0`".to_owned(),
        false => format!("write `{digits}`: with a `0` or a `+` before it, it is a text"),
    }
}

/// The number in `100_000`, `100,000` and `100k`.
fn meant_number(text: &str) -> Option<i64> {
    let digits: String = text.trim().chars().filter(|c| !matches!(c, '_' | ',' | '\'')).collect();
    match digits.strip_suffix(['k', 'K']) {
        Some(thousands) => thousands.parse::<i64>().ok()?.checked_mul(1_000),
        None => digits.parse().ok(),
    }
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
        if let Kind::Text(text) = &node.kind
            && let number = text.trim().replace(',', ".")
            && number.parse::<f64>().is_ok_and(|number| (1.0..=100.0).contains(&number))
        {
            let hint = match number == text.trim() {
                true => "leave the quotes out".to_owned(),
                false => format!("write `{number}`: the decimal sign is a point"),
            };
            reader.hint_last(Some(hint));
        }
        None
    }
}
