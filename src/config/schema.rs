//! The JSON Schema (draft 2020-12) of the job file, for editors.
//!
//! The maps come from the declarations in `raw`; this file has the pieces that they are built from.
//! A schema checks less than the parser: whether accounts exist, schedules fire or files are there
//! is beyond it.

use schemars::generate::SchemaSettings;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use super::bounds::NAME_BYTES;
use super::patterns;
use super::raw::RawFile;

/// The schema's own name; it is printed by `transferd schema`, not fetched from the network.
const ID: &str = "urn:transferd:job-file:1";

/// The JSON Schema of the job file.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut root = generator.into_root_schema_for::<RawFile>();
    root.insert("$id".to_owned(), ID.into());
    root.insert("title".to_owned(), "transferd job file".into());
    // Top-level keys for the user's anchors.
    root.insert("patternProperties".to_owned(), json!({ "^x-": true }));
    let mut schema = root.to_value();
    for (map, rule, wanted) in across_keys() {
        add(&mut schema, &format!("/$defs/{map}"), rule, wanted);
    }
    for (place, rule, wanted) in closer() {
        add(&mut schema, &format!("/$defs/{place}"), rule, wanted);
    }
    schema
}

/// Rules about several keys of a map together.
fn across_keys() -> [(&'static str, &'static str, Value); 5] {
    let one_of = |keys: &[&str]| {
        Value::from(keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>())
    };
    let not_both = |a: &str, b: &str| json!({ "not": { "required": [a, b] } });
    [
        (
            "Agent",
            "allOf",
            json!([
                not_both("token_file", "token_env"),
                not_both("token_file", "login"),
                not_both("token_env", "login"),
            ]),
        ),
        ("Alert", "oneOf", Value::from(alert_ways())),
        ("Digest", "oneOf", one_of(&["webhook", "command"])),
        ("Webhook", "oneOf", one_of(&["url", "url_file"])),
        ("Ping", "oneOf", one_of(&["url", "url_file"])),
    ]
}

/// The rule that an entry of `alerts` has one channel, or is a digest.
fn alert_ways() -> Vec<Value> {
    let told = ["webhook", "command", "ping", "notify"];
    let told = told.map(|key| json!({ "required": ["on", key] })).into_iter();
    told.chain([json!({ "required": ["digest"] })]).collect()
}

/// Rules for keys that are narrower than the type of their values.
fn closer() -> Vec<(&'static str, &'static str, Value)> {
    let path = "patterns are `{%Y-%m-%d}`, `{-1d:%Y-%m-%d}`, `{job}`, `{run}` and `{hostname}`; \
                `{{` and `}}` are literal braces";
    vec![
        ("Agent/properties/token_env", "pattern", patterns::VARIABLE.into()),
        ("Alert/properties/command", "minItems", 1.into()),
        ("Digest/properties/command", "minItems", 1.into()),
        ("Digest/properties/timezone", "pattern", patterns::ZONE.into()),
        ("Job/properties/timezone", "pattern", patterns::ZONE.into()),
        ("Defaults/properties/timezone", "pattern", patterns::ZONE.into()),
        ("Place/properties/path", "pattern", patterns::PATH.into()),
        ("Place/properties/path", "patternErrorMessage", path.into()),
    ]
}

/// Adds a rule to a part of the schema.
fn add(schema: &mut Value, place: &str, rule: &str, wanted: Value) {
    let part = schema.pointer_mut(place).and_then(Value::as_object_mut);
    part.expect("the declarations in `raw` give this part").insert(rule.to_owned(), wanted);
}

/// The words of a doc comment, joined.
fn prose(doc: &str) -> String {
    doc.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// A schema with a description.
pub(crate) fn described(schema: Schema, doc: &str) -> Value {
    let mut schema = schema;
    schema.insert("description".to_owned(), prose(doc).into());
    schema.to_value()
}

/// A map of known keys.
pub(crate) fn object(about: &str, properties: Map<String, Value>, required: &[&str]) -> Schema {
    let mut schema = json_schema!({
        "type": "object",
        "description": prose(about),
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// A map whose keys are the user's names.
pub(crate) fn named(value: Schema) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": {
            "pattern": patterns::KEY,
            "maxLength": NAME_BYTES,
            "not": { "pattern": patterns::UUID },
        },
        "additionalProperties": value,
    })
}

/// One of some words, each with its meaning.
pub(crate) fn one_of(words: &[(&str, &str)]) -> Schema {
    let words: Vec<Value> = words
        .iter()
        .map(|(word, doc)| json!({ "const": word, "description": prose(doc) }))
        .collect();
    json_schema!({ "oneOf": words })
}

/// Text that matches a pattern.
pub(crate) fn pattern(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern })
}

/// Text that matches a pattern, no longer than a name.
pub(crate) fn short(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern, "maxLength": NAME_BYTES })
}

/// Text that matches one pattern and not another.
pub(crate) fn pattern_but_not(pattern: &str, but: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern, "not": { "pattern": but } })
}

/// Any value of a JSON type.
pub(crate) fn kind(kind: &str) -> Schema {
    json_schema!({ "type": kind })
}

/// A whole number.
pub(crate) fn whole(least: i64, most: i64) -> Schema {
    json_schema!({ "type": "integer", "minimum": least, "maximum": most })
}

/// Any number.
pub(crate) fn number(least: i64, most: i64) -> Schema {
    json_schema!({ "type": "number", "minimum": least, "maximum": most })
}

/// One value only.
pub(crate) fn constant(value: i64) -> Schema {
    json_schema!({ "const": value })
}

/// One word.
pub(crate) fn word(word: &str) -> Schema {
    json_schema!({ "const": word })
}

/// Either form.
pub(crate) fn either(one: Schema, other: Schema) -> Schema {
    json_schema!({ "anyOf": [one, other] })
}

/// A list.
pub(crate) fn list(item: Schema, least: u32) -> Schema {
    json_schema!({ "type": "array", "items": item, "minItems": least })
}
