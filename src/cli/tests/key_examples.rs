//! Examples of keys: each is what it is an example of.

use crate::cli::explain::{Document, every_key};
use crate::config::key_examples::EXAMPLES;

#[test]
fn each_example_is_a_value_of_its_key_and_no_words_about_it() {
    let all = every_key();
    for (key, _) in EXAMPLES {
        assert!(all.iter().any(|document| document.key == key), "there is no `{key}`");
    }
    for Document { key, example, .. } in &all {
        let Some(example) = example else { continue };
        let value: serde_yaml::Value = serde_yaml::from_str(example).unwrap();
        assert_eq!(value.as_mapping().map(|map| map.len()), Some(1), "`{key}`: {example}");
    }
    let bare = all.iter().filter(|document| document.example.is_none());
    let bare: Vec<_> = bare.map(|document| document.key.as_str()).collect();
    assert_eq!(bare, BARE);
}

#[test]
fn an_example_of_a_whole_map_passes_the_check() {
    for Document { key, example, .. } in &every_key() {
        let (Some(example), true) = (example, key.split('.').count() <= 2) else { continue };
        let value: serde_json::Value = serde_yaml::from_str(example).unwrap();
        let whole = match key.split_once('.') {
            Some(("agent", _)) => serde_json::json!({"jobs": {}, "agent": value}),
            None => {
                let mut whole = value;
                whole["jobs"] = serde_json::json!({});
                whole
            }
            Some(_) => continue,
        };
        let read = crate::config::read_bytes(
            std::path::Path::new("jobs.yaml"),
            whole.to_string().into_bytes(),
            &crate::cli::jobfile::surroundings(),
        );
        let errors = read.err().map(|rejected| rejected.errors).unwrap_or_default();
        // No file is included from here.
        assert!(errors.is_empty() || key == "include", "`{key}`: {errors:?}");
    }
}

/// The keys without an example: the file itself, its jobs, and ids that nobody makes up.
const BARE: [&str; 6] = [
    "",
    "jobs",
    "jobs.destination.bucket_id",
    "jobs.destination.id",
    "jobs.source.bucket_id",
    "jobs.source.id",
];
