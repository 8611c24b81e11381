//! Durations that may be switched off: a job does not want what `defaults` sets.

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::names;
use super::node::{Kind, Node};
use super::patterns;
use super::problem::{Problem, cut};
use super::reader::{Read, Reader};
use super::schema;
use super::values::Span;

/// The word that switches it off.
const OFF: &str = "off";

/// A duration of more than zero, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanOrOff(pub(crate) Option<SignedDuration>);

impl Read for SpanOrOff {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let none = match &node.kind {
            Kind::Text(text) if &**text == OFF => return Some(Self(None)),
            Kind::Text(text) if names::is_none(text) => cut(text),
            Kind::Bool(false) => "false".into(),
            Kind::Integer(0) => "0".into(),
            Kind::Text(_)
            | Kind::Null
            | Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Tagged(_) => {
                return Span::read(node, reader).map(|span| Self(Some(span.0)));
            }
        };
        let message = format!("`{none}` is not a duration");
        reader.tell(Problem::error(reader.spot(node), message).hint("write `off` for none"));
        None
    }
}

impl JsonSchema for SpanOrOff {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SpanOrOff".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let span = schema::pattern_but_not(patterns::SPAN, patterns::ZERO_SPAN);
        schema::either(span, schema::word(OFF))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::tz::TimeZone;

    use super::super::{Surroundings, read_bytes};

    #[test]
    fn a_job_can_switch_off_what_defaults_set() {
        let surroundings = Surroundings {
            system_zone: ("UTC".to_owned(), TimeZone::UTC),
            zone_trouble: None,
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let text = "accounts: {x: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11}\n\
                    defaults: {max_age: 26h, start_within: 2h, stall_timeout: 1h}\n\
                    x-places: &p {source: {account: x, bucket: a, path: a/}, \
                    destination: {account: x, bucket: b, path: b/}}\n\
                    jobs:\n  on: {<<: *p}\n  off: {<<: *p, max_age: off, start_within: off, \
                    stall_timeout: 'off'}\n";
        let read = read_bytes(Path::new("jobs.yaml"), text.into(), &surroundings);
        let set = read.unwrap_or_else(|no| panic!("{:?}", no.errors)).content.set;
        let of = |name: &str| {
            let job = set.jobs.values().find(|job| job.name.as_str() == name).unwrap();
            [job.max_age, job.terms.start_within, job.terms.stall_timeout].map(|it| it.is_some())
        };
        assert_eq!((of("on"), of("off")), ([true; 3], [false; 3]));
    }
}
