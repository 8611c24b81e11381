//! A YAML document as a tree without positions, read by `serde_yaml`: small enough for 10,000
//! jobs, and every node numbered in reading order, so that a place in it is two numbers.
//!
//! Knows nothing of keys and their meaning. Keeps true: a node's number is greater than its
//! parent's and less than those of all that follow it; aliases are filled in, merge keys are not.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::bounds::{DEPTH, NODES};

/// A value and its number.
#[derive(Debug)]
pub(crate) struct Node {
    /// Counted in reading order, from 0 for the document itself.
    pub(crate) id: u32,
    /// Its kind.
    pub(crate) kind: Kind,
}

/// The kind of a value.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text, quoted or not.
    Text(Box<str>),
    /// A list.
    List(Vec<Node>),
    /// A map, in the file's order, duplicates and `<<` as they stand.
    Map(Vec<(Node, Node)>),
    /// A value behind a tag of its own, which means nothing here.
    Tagged(Box<str>),
}

/// One step from a node to one of its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The key of a map's entry.
    Key(usize),
    /// The value of a map's entry.
    Value(usize),
    /// An item of a list.
    Item(usize),
}

impl Node {
    /// The path from this node down to the one with this number, as nodes and steps.
    pub(crate) fn way_to(&self, id: u32) -> Vec<(Step, &Node)> {
        let mut way = Vec::new();
        let mut here = self;
        while here.id != id {
            let next = match &here.kind {
                Kind::List(items) => {
                    let after = items.partition_point(|item| item.id <= id);
                    after.checked_sub(1).map(|i| (Step::Item(i), &items[i]))
                }
                Kind::Map(entries) => {
                    let after = entries.partition_point(|(key, _)| key.id <= id);
                    after.checked_sub(1).map(|i| {
                        let (key, value) = &entries[i];
                        if value.id <= id { (Step::Value(i), value) } else { (Step::Key(i), key) }
                    })
                }
                Kind::Null
                | Kind::Bool(_)
                | Kind::Integer(_)
                | Kind::Float(_)
                | Kind::Text(_)
                | Kind::Tagged(_) => None,
            };
            let Some(next) = next else { break };
            here = next.1;
            way.push(next);
        }
        way
    }

    /// The number of the last node within this one.
    pub(crate) fn last(&self) -> u32 {
        let mut here = self;
        loop {
            here = match &here.kind {
                Kind::List(items) => match items.last() {
                    Some(item) => item,
                    None => return here.id,
                },
                Kind::Map(entries) => match entries.last() {
                    Some((_, value)) => value,
                    None => return here.id,
                },
                Kind::Null
                | Kind::Bool(_)
                | Kind::Integer(_)
                | Kind::Float(_)
                | Kind::Text(_)
                | Kind::Tagged(_) => return here.id,
            };
        }
    }

    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Tagged(_) => None,
        }
    }

    /// Its kind, in words that follow "found".
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Bool(value) => format!("`{value}`"),
            Kind::Integer(value) => format!("the number `{value}`"),
            Kind::Float(value) => format!("the number `{value:?}`"),
            Kind::Text(text) if text.is_empty() => "an empty text".to_owned(),
            // An address may be a webhook's, which is a secret.
            Kind::Text(text) if text.contains("://") => "an address".to_owned(),
            Kind::Text(text) => format!("`{}`", super::problem::cut(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
            Kind::Tagged(tag) => format!("the tag `{}`", super::problem::cut(tag)),
        }
    }

    /// The same for a text that may be a secret.
    pub(crate) fn describe_unquoted(&self) -> String {
        match self.as_text() {
            Some(text) if !text.is_empty() && !text.contains("://") => "a text".to_owned(),
            Some(_) | None => self.describe(),
        }
    }
}

/// True for a map that has one of these keys.
pub(crate) fn has_key_of(node: &Node, keys: &[&str]) -> bool {
    let Kind::Map(entries) = &node.kind else { return false };
    entries.iter().any(|(key, _)| key.as_text().is_some_and(|name| keys.contains(&name)))
}

/// Why a text is not a document.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// Not YAML: the parser's message, and line and column from 1 where known.
    Syntax(String, Option<(usize, usize)>),
    /// A value that its tag does not fit, as `!!int x`; line and column from 1.
    Tag(Option<(usize, usize)>),
    /// More than one document; the second begins on this line.
    SeveralDocuments,
    /// Deeper than [`DEPTH`]; line and column from 1.
    TooDeep(Option<(usize, usize)>),
    /// More than [`NODES`] values once aliases are filled in.
    TooMany,
}

/// The hint for a tag.
pub(crate) const NO_TAGS: &str = "YAML tags are not used in a job file: leave it out";

const TOO_DEEP: &str = "transferd: too deep";
const TOO_MANY: &str = "transferd: too many values";

/// Reads a text of one document. An empty one is [`Kind::Null`].
pub(crate) fn parse(text: &str) -> Result<Node, Unreadable> {
    let count = Cell::new(0);
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let Some(first) = documents.next() else {
        return Ok(Node { id: 0, kind: Kind::Null });
    };
    let node = Seed { count: &count, depth: 0 }.deserialize(first).map_err(unreadable)?;
    match documents.next() {
        None => Ok(node),
        // A text that ends in `---` or `...` has an empty last document, which means nothing.
        Some(second) => match (Seed { count: &count, depth: 0 }).deserialize(second) {
            Ok(Node { kind: Kind::Null, .. }) if documents.next().is_none() => Ok(node),
            Ok(_) => Err(Unreadable::SeveralDocuments),
            Err(error) => Err(unreadable(error)),
        },
    }
}

/// Sorts an error. Those of the values, unlike those of the syntax, repeat the value, which may be
/// a secret: as [`Seed`] takes values of all kinds, a tag is the only cause of one.
fn unreadable(error: serde_yaml::Error) -> Unreadable {
    let at = error.location().map(|at| (at.line(), at.column()));
    let words = error.to_string();
    if words.contains(TOO_DEEP) || words.contains("recursion limit") {
        Unreadable::TooDeep(at)
    } else if words.contains(TOO_MANY) || words.contains("repetition limit") {
        Unreadable::TooMany
    } else if words.contains("invalid value: ") || words.contains("invalid type: ") {
        Unreadable::Tag(at)
    } else if error.location().is_none() && words.contains("EOF while parsing") {
        Unreadable::Syntax("the file ends in the middle of a value".to_owned(), None)
    } else {
        Unreadable::Syntax(words, at)
    }
}

/// Builds a node, counting.
#[derive(Clone, Copy)]
struct Seed<'a> {
    count: &'a Cell<u32>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let id = self.count.get();
        if id >= NODES {
            return Err(D::Error::custom(TOO_MANY));
        }
        if self.depth > DEPTH {
            return Err(D::Error::custom(TOO_DEEP));
        }
        self.count.set(id + 1);
        Ok(Node { id, kind: deserializer.deserialize_any(self)? })
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    /// serde_yaml's name for a text without a document.
    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Integer(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "so large a number is refused by any key")]
    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(i64::try_from(value).map_or(Kind::Float(value as f64), Kind::Integer))
    }

    #[expect(clippy::cast_precision_loss, reason = "so large a number is refused by any key")]
    fn visit_u128<E>(self, value: u128) -> Result<Kind, E> {
        Ok(Kind::Float(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "so large a number is refused by any key")]
    fn visit_i128<E>(self, value: i128) -> Result<Kind, E> {
        Ok(Kind::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        Ok(Kind::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let inner = Seed { depth: self.depth + 1, ..self };
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        items.shrink_to_fit();
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let inner = Seed { depth: self.depth + 1, ..self };
        let mut entries = Vec::new();
        while let Some(key) = access.next_key_seed(inner)? {
            entries.push((key, access.next_value_seed(inner)?));
        }
        entries.shrink_to_fit();
        Ok(Kind::Map(entries))
    }

    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, access: A) -> Result<Kind, A::Error> {
        use serde::de::VariantAccess as _;
        let (tag, content) = access.variant::<String>()?;
        content.newtype_variant_seed(Seed { depth: self.depth + 1, ..self })?;
        Ok(Kind::Tagged(tag.into()))
    }
}
