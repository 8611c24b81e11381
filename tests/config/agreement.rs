//! The schema and the parser agree, as far as a schema can say.

use std::path::Path;

use serde_json::Value;
use transferd::config;

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
    let example = std::fs::read_to_string(Path::new("jobs.example.yaml")).expect("it is there");
    assert!(example.starts_with("# yaml-language-server: $schema="));
}
