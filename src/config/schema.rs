//! The JSON Schema (draft 2020-12) of the job file, for editors.
//!
//! The maps come from the declarations in `raw`; here are the pieces that they are built from. A
//! schema says less than the parser: accounts that exist, schedules that fire, files that are there
//! are beyond it.

use schemars::generate::SchemaSettings;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use super::raw::RawFile;

/// The schema's own name; it is got by `transferd schema`, not from the network.
const ID: &str = "urn:transferd:job-file:1";

/// The JSON Schema of the job file.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut root = generator.into_root_schema_for::<RawFile>();
    root.insert("$id".to_owned(), ID.into());
    root.insert("title".to_owned(), "transferd job file".into());
    // Top-level keys for the user's anchors.
    root.insert("patternProperties".to_owned(), json!({ "^x-": true }));
    root.to_value()
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

/// A map of the user's names.
pub(crate) fn named(value: Schema) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": r"^[^\s\x00-\x1f\x7f/-]([^\x00-\x1f\x7f/]*[^\s\x00-\x1f\x7f/])?$" },
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

/// Text of a form.
pub(crate) fn pattern(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern })
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

/// Either form.
pub(crate) fn either(one: Schema, other: Schema) -> Schema {
    json_schema!({ "anyOf": [one, other] })
}

/// A list.
pub(crate) fn list(item: Schema, least: u32) -> Schema {
    json_schema!({ "type": "array", "items": item, "minItems": least })
}
