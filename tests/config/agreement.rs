//! The schema and the parser agree, as far as a schema can say.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;
use transferd::config;

use super::{cases, name, surroundings};

#[test]
fn the_schema_is_of_the_draft_that_editors_know_and_explains_each_key() {
    let schema = config::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut silent = Vec::new();
    each_property(&schema, "", &mut |path, property| {
        if property["description"].as_str().is_none_or(str::is_empty) {
            silent.push(path.to_owned());
        }
    });
    assert_eq!(silent, Vec::<String>::new(), "keys without a description");
}

fn each_property(schema: &Value, path: &str, look: &mut impl FnMut(&str, &Value)) {
    if let Some(properties) = schema["properties"].as_object() {
        for (key, property) in properties {
            look(&format!("{path}.{key}"), property);
        }
    }
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        each_property(definition, name, look);
    }
}

#[test]
fn the_example_names_the_schema_in_a_modeline() {
    let example = fs::read_to_string(Path::new("jobs.example.yaml")).expect("it is there");
    assert!(example.starts_with("# yaml-language-server: $schema="));
}

#[test]
fn what_the_parser_takes_the_schema_takes() {
    let schema = config::schema();
    let mut looked_at = 0;
    let handed_out = [PathBuf::from("jobs.example.yaml"), PathBuf::from("src/cli/init.yaml")];
    for case in cases().into_iter().chain(handed_out) {
        let Ok(loaded) = config::read(&case, &surroundings()) else { continue };
        for file in loaded.sources.files {
            let Some(document) = as_editors_see_it(&file.text) else { continue };
            let refusal = refusal(&document, &schema, &schema);
            assert_eq!(refusal, None, "{}", file.path.display());
            looked_at += 1;
        }
    }
    assert!(looked_at >= 60, "{looked_at} files");
}

/// What only the parser can refuse, by the reason why a schema can't.
const BEYOND_A_SCHEMA: [(&str, &[&str]); 8] = [
    ("it takes one character for another", &["name-angle", "name-shell", "place-curly"]),
    (
        "it depends on what stands elsewhere in the file",
        &[
            "accounts-none",
            "agent-url-remote",
            "alias-place",
            "name-two-forms",
            "place-bad-uuid",
            "place-same",
            "place-strange-account",
            "place-unknown-account",
            "top-alerts-job",
            "top-listen-agent",
            "top-listen-agent-moved",
            "yaml-wide-characters",
        ],
    ),
    (
        "the host of an address has rules of its own",
        &["agent-url-not-a-name", "agent-url-v4-bad", "top-alerts-webhook-host"],
    ),
    (
        "it depends on other files",
        &[
            "include-cycle",
            "include-error-in-part",
            "include-folder",
            "include-itself",
            "include-missing",
            "include-nested",
            "include-twice-account",
            "include-twice-job",
            "include-twice-key",
            "jobs-missing",
        ],
    ),
    (
        "it depends on the zones that there are",
        &[
            "defaults-bad-zone",
            "job-zone-abbreviation",
            "job-zone-city",
            "job-zone-garbage",
            "job-zone-link",
            "job-zone-typo",
        ],
    ),
    (
        "numbers in texts are compared",
        &[
            "job-schedule-never",
            "job-schedule-reversed",
            "job-schedule-weekday-wrap",
            "job-timeout-too-long",
            "job-timeout-too-short",
        ],
    ),
    (
        "it is lost once YAML has become JSON",
        &[
            "name-bool",
            "name-date",
            "name-number",
            "place-bucket-date",
            "place-path-timestamp",
            "yaml-deep",
        ],
    ),
    ("a glob's brackets nest", &["include-bad-glob", "include-stars", "top-alerts-glob-bad"]),
];

#[test]
fn what_only_the_parser_refuses_is_beyond_a_schema() {
    let schema = config::schema();
    let mut beyond = Vec::new();
    let mut refused = 0;
    for case in cases() {
        if config::read(&case, &surroundings()).is_ok() || case.is_dir() {
            continue;
        }
        let Ok(text) = fs::read_to_string(&case) else { continue };
        let Some(document) = as_editors_see_it(&text) else { continue };
        match refusal(&document, &schema, &schema) {
            Some(_) => refused += 1,
            None => beyond.push(name(&case)),
        }
    }
    assert!(refused >= 200, "the schema refuses {refused}");
    let mut known: Vec<&str> =
        BEYOND_A_SCHEMA.iter().flat_map(|(_, cases)| cases.iter().copied()).collect();
    known.sort_unstable();
    beyond.sort_unstable();
    assert_eq!(beyond, known);
}

/// The document with aliases and merge keys filled in; none where it is no YAML.
fn as_editors_see_it(text: &str) -> Option<Value> {
    if text.len() > 100_000 {
        return None;
    }
    let mut document: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    document.apply_merge().ok()?;
    serde_json::to_value(document).ok().filter(|document| !document.is_null())
}

/// Why a schema refuses a value: the parts of JSON Schema that ours is made of.
fn refusal(value: &Value, schema: &Value, root: &Value) -> Option<String> {
    let Some(rules) = schema.as_object() else {
        return (schema == &Value::Bool(false)).then(|| format!("{value} is not allowed"));
    };
    rules.iter().find_map(|(rule, wanted)| breaks(value, rule, wanted, schema, root))
}

fn breaks(
    value: &Value,
    rule: &str,
    wanted: &Value,
    schema: &Value,
    root: &Value,
) -> Option<String> {
    let no = || Some(format!("{value} breaks `{rule}`: {wanted}"));
    let holds = match (rule, value) {
        ("$schema" | "$id" | "$defs" | "title" | "description" | "default", _) => true,
        ("patternErrorMessage", _) => true,
        ("patternProperties", _) => true,
        ("$ref", _) => {
            let pointer = wanted.as_str()?.trim_start_matches('#');
            return refusal(value, root.pointer(pointer).expect("it is defined"), root);
        }
        ("type", _) => is_of_type(value, wanted.as_str().expect("one type")),
        ("const", _) => value == wanted,
        ("not", _) => refusal(value, wanted, root).is_some(),
        ("anyOf", _) => taken_by(value, wanted, root) >= 1,
        ("oneOf", _) => taken_by(value, wanted, root) == 1,
        ("allOf", _) => Some(taken_by(value, wanted, root)) == wanted.as_array().map(Vec::len),
        ("maxLength", Value::String(text)) => {
            text.chars().count() as u64 <= wanted.as_u64().expect("a number")
        }
        ("pattern", Value::String(text)) => {
            Regex::new(wanted.as_str().expect("text")).expect("a pattern").is_match(text)
        }
        ("minimum", Value::Number(number)) => number.as_f64() >= wanted.as_f64(),
        ("maximum", Value::Number(number)) => number.as_f64() <= wanted.as_f64(),
        ("minItems", Value::Array(items)) => items.len() as u64 >= wanted.as_u64().unwrap_or(0),
        ("items", Value::Array(items)) => {
            return items.iter().find_map(|item| refusal(item, wanted, root));
        }
        ("required", Value::Object(map)) => wanted
            .as_array()
            .expect("a list")
            .iter()
            .all(|key| map.contains_key(key.as_str().expect("text"))),
        ("properties", Value::Object(map)) => {
            return map.iter().find_map(|(key, value)| refusal(value, wanted.get(key)?, root));
        }
        ("propertyNames", Value::Object(map)) => {
            return map.keys().find_map(|key| refusal(&Value::from(key.as_str()), wanted, root));
        }
        ("additionalProperties", Value::Object(map)) => {
            let own =
                |key: &str| schema.get("patternProperties").is_some() && key.starts_with("x-");
            return map
                .iter()
                .filter(|(key, _)| schema["properties"].get(key.as_str()).is_none() && !own(key))
                .find_map(|(key, value)| {
                    refusal(value, wanted, root).map(|why| format!("`{key}`: {why}"))
                });
        }
        (
            "pattern"
            | "maxLength"
            | "minimum"
            | "maximum"
            | "minItems"
            | "items"
            | "required"
            | "properties"
            | "propertyNames"
            | "additionalProperties",
            _,
        ) => true,
        (unknown, _) => panic!("this test does not know the rule `{unknown}`"),
    };
    if holds { None } else { no() }
}

/// How many of some schemas take a value.
fn taken_by(value: &Value, schemas: &Value, root: &Value) -> usize {
    let schemas = schemas.as_array().expect("a list");
    schemas.iter().filter(|schema| refusal(value, schema, root).is_none()).count()
}

fn is_of_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_i64().is_some() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        other => panic!("this test does not know the type `{other}`"),
    }
}
