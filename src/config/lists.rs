//! Values that hold several values of one kind: lists, and maps by name.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::bounds::{ALERTS, NAME_BYTES, SCHEDULES};
use super::names::is_none;
use super::node::{Kind, Node};
use super::patterns;
use super::problem::{Hint, Problem, Spot, WarningKind, cut};
use super::reader::{Entry, Found, Read, Reader};
use super::schema;
use super::values::{looks_like_a_date, name, text};
use crate::core::plain::composed;

/// A list.
#[derive(Clone, Debug)]
pub(crate) struct ListOf<T>(pub(crate) Vec<Found<T>>);

/// A list, or one value alone.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMore<T>(pub(crate) Vec<Found<T>>);

/// One expression or a list of them; an empty list for a trigger-only job.
#[derive(Clone, Debug)]
pub(crate) struct Schedules(pub(crate) Vec<Found<String>>);

/// A map whose keys are names of the user's choice.
#[derive(Clone, Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<NamedEntry<T>>);

/// An entry of such a map.
#[derive(Clone, Debug)]
pub(crate) struct NamedEntry<T> {
    /// Its name.
    pub(crate) name: String,
    /// Where the name stands.
    pub(crate) key: Spot,
    /// Its value; absent if that was invalid, and reported.
    pub(crate) value: Option<T>,
    /// The name is invalid, and was reported.
    pub(crate) void: bool,
}

/// The uuid of a cloud account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountValue(pub(crate) uuid::Uuid);

fn items<T: Read>(items: &[Node], reader: &mut Reader<'_>) -> Vec<Found<T>> {
    if let Some(first_beyond) = items.get(ALERTS) {
        let spot = reader.spot(first_beyond);
        reader.tell(Problem::error(spot, format!("a list has {ALERTS} entries at most")));
    }
    items.iter().take(ALERTS).filter_map(|item| reader.item(item)).collect()
}

impl<T: Read> Read for ListOf<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Kind::List(list) = &node.kind {
            return Some(Self(items(list, reader)));
        }
        let hint = "write `[…, …]`, or each entry on its own line after `- `";
        match &node.kind {
            Kind::Null | Kind::Tagged(_) => reader.wrong_kind(node, "a list"),
            // A command's words may hold a secret, and their values do not matter.
            Kind::Text(_) => {
                let spot = reader.spot(node);
                reader.tell(Problem::error(spot, "expected a list, found a text").hint(hint));
            }
            Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::List(_) | Kind::Map(_) => {
                let problems = reader.problems.len();
                reader.wrong_kind(node, "a list");
                for problem in &mut reader.problems[problems..] {
                    problem.hint = Hint::Says(hint.to_owned());
                }
            }
        }
        None
    }
}

impl<T: Read> Read for OneOrMore<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.kind {
            Kind::List(list) if list.is_empty() => {
                let spot = reader.spot(node);
                reader.tell(
                    Problem::error(spot, "the list is empty").hint(reader.or_without("name one")),
                );
                None
            }
            Kind::List(list) => Some(Self(items(list, reader))),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::Map(_)
            | Kind::Tagged(_) => {
                let value = T::read(node, reader)?;
                Some(Self(vec![Found::new(value, node, reader.owner)]))
            }
        }
    }
}

const EXPRESSION: &str = "a schedule such as \"30 2 * * *\"";

impl Read for Schedules {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let one = |node: &Node, reader: &mut Reader<'_>| {
            if let Some(problem) = no_expression(node, reader) {
                reader.tell(problem);
                return None;
            }
            let Some(value) = text(node, reader, EXPRESSION) else {
                if let (Kind::Map(_), Some(problem)) = (&node.kind, reader.problems.last_mut()) {
                    let words = "write the expression itself: `schedule: \"30 2 * * *\"`";
                    problem.hint = Hint::Says(words.to_owned());
                }
                return None;
            };
            Some(Found::new(value.to_owned(), node, reader.owner))
        };
        let Kind::List(list) = &node.kind else {
            if matches!(node.kind, Kind::Null) {
                let owner = reader.owner;
                reader.tell(
                    Problem::error(owner, "`schedule` is empty")
                        .hint("leave it out for a job that only `transferd trigger` starts"),
                );
                return None;
            }
            return Some(Self(vec![one(node, reader)?]));
        };
        if list.is_empty() {
            let spot = reader.spot(node);
            reader.tell(
                Problem::warning(
                    WarningKind::Other,
                    spot,
                    "the list is empty: the job runs only when it is triggered",
                )
                .hint("leave `schedule` out to say the same"),
            );
        }
        if let Some(beyond) = list.get(SCHEDULES) {
            let spot = reader.spot(beyond);
            reader.tell(Problem::error(spot, format!("a job has {SCHEDULES} schedules at most")));
        }
        Some(Self(list.iter().take(SCHEDULES).filter_map(|item| one(item, reader)).collect()))
    }
}

/// What is wrong with a date, or a word for none, in place of a schedule.
fn no_expression(node: &Node, reader: &Reader<'_>) -> Option<Problem> {
    let spot = reader.spot(node);
    let word = match &node.kind {
        Kind::Text(text) if looks_like_a_date(text) => {
            let message =
                format!("a schedule comes again and again, found the date `{}`", cut(text));
            let hint = "for one time only leave it out, and use `transferd trigger JOB`";
            return Some(Problem::error(spot, message).hint(hint));
        }
        Kind::Text(text) if is_none(text) || text.eq_ignore_ascii_case("manual") => cut(text),
        Kind::Bool(false) => "false".to_owned(),
        Kind::Text(_)
        | Kind::Null
        | Kind::Bool(true)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::List(_)
        | Kind::Map(_)
        | Kind::Tagged(_) => return None,
    };
    let problem = Problem::error(spot, format!("`{word}` is not a schedule"));
    Some(match reader.required {
        true => problem.example(),
        false => {
            problem.hint("leave `schedule` out for a job that only `transferd trigger` starts")
        }
    })
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if matches!(node.kind, Kind::Null) {
            let owner = reader.owner;
            reader.tell(
                Problem::error(owner, "there is nothing under this key")
                    .hint("indent what belongs under it; write `{}` after the colon for none"),
            );
            return None;
        }
        let Some(entries) = reader.entries(node, "a map of names", Node::describe) else {
            if let Kind::List(items) = &node.kind {
                let name = items.first().and_then(own_name).unwrap_or("nightly-footage");
                reader.hint_last(Some(format!(
                    "each stands under its name, without `- `: `{}: …`",
                    cut(name)
                )));
            }
            return None;
        };
        let strays = reader.strays(&entries, |_, entry| T::takes(entry));
        let mut named = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            if strays.contains(&index) {
                continue;
            }
            if !entry.void {
                check_name(entry.name, entry.key, reader);
            }
            let value = reader.field(entry).map(|found| found.value);
            let Entry { name, key, void, .. } = *entry;
            named.push(NamedEntry { name: composed(name).into_owned(), key, value, void });
        }
        Some(Self(named))
    }

    fn takes(entry: &Entry<'_>) -> bool {
        T::looks_like(entry.value)
    }
}

/// The name that an item of a list would have as an entry of a map.
fn own_name(item: &Node) -> Option<&str> {
    let Kind::Map(entries) = &item.kind else { return item.as_text() };
    let named = entries.iter().find(|(key, _)| key.as_text() == Some("name"));
    match named {
        Some((_, name)) => name.as_text(),
        None => entries.first().and_then(|(key, _)| key.as_text()),
    }
}

/// Reports a text that can't be the name of a job or an account: names are typed on command lines,
/// used in paths and labels, and must not be mistaken for a run's id.
fn check_name(name: &str, key: Spot, reader: &mut Reader<'_>) {
    if looks_like_a_date(name) {
        let message = format!("expected a name, found the date `{}`", cut(name));
        let mut problem = Problem::error(key, message).quote();
        problem.only_if_plain = true;
        reader.tell(problem);
    }
    let wrong = if name.is_empty() {
        Some("a name is not empty".to_owned())
    } else if name.len() > NAME_BYTES {
        Some(format!("a name has {NAME_BYTES} bytes at most, found {}", name.len()))
    } else if name.chars().any(char::is_control) {
        Some("a name holds no control characters".to_owned())
    } else if name.trim() != name {
        Some(format!("the name `{}` starts or ends with a space", cut(name)))
    } else if name.contains('/') {
        Some(format!("the name `{}` holds a `/`", cut(name)))
    } else if name.starts_with('-') {
        Some(format!("the name `{}` starts with `-`, as options do", cut(name)))
    } else if uuid::Uuid::parse_str(name).is_ok() {
        Some(format!("the name `{name}` looks like an id"))
    } else {
        None
    };
    if let Some(message) = wrong {
        let problem = Problem::error(key, message);
        reader.tell(problem.hint("write for example `nightly-footage`"));
    }
}

impl Read for AccountValue {
    fn looks_like(node: &Node) -> bool {
        node.as_text().is_some_and(|text| uuid::Uuid::parse_str(text).is_ok())
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = name(node, reader, "the uuid of a cloud account")?;
        match uuid::Uuid::parse_str(text) {
            Ok(id) if text.len() == 36 => Some(Self(id)),
            Ok(id) => {
                let spot = reader.spot(node);
                reader.tell(
                    Problem::error(
                        spot,
                        format!("`{}` is not a uuid in its usual form", cut(text)),
                    )
                    .hint(format!("write `{id}`")),
                );
                None
            }
            Err(_) => {
                let spot = reader.spot(node);
                reader.tell(
                    Problem::error(spot, format!("`{}` is not a uuid", cut(text))).hint(
                        "`transferd accounts --yaml` prints the agent's accounts to paste here",
                    ),
                );
                None
            }
        }
    }
}

impl<T: JsonSchema> JsonSchema for ListOf<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schema::list(generator.subschema_for::<T>(), 0)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("OneOrMore{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schema::either(one.clone(), schema::list(one, 1))
    }
}

impl JsonSchema for Schedules {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Schedules".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut one = schema::pattern(&patterns::schedule());
        let words =
            "five fields as in crontab(5): `30 2 * * *`; six with seconds first; or `@daily`";
        one.insert("patternErrorMessage".to_owned(), words.into());
        schema::either(one.clone(), schema::list(one, 0))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schema::named(generator.subschema_for::<T>())
    }
}

impl JsonSchema for AccountValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AccountValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema::pattern("^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$")
    }
}
