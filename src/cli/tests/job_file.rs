//! `docs/job-file.md`: each key of the job file, from the schema that `explain` uses.

use super::cell;
use crate::cli::explain::{Document, every_key};

const OPENING: &str = "\
`transferd explain KEY` says the same in the terminal, `transferd man jobs | man -l -` in a manual \
page, and `transferd schema` as JSON Schema, for editors. [The example file](../jobs.example.yaml) \
shows each common case; the finer points are in the [reference](reference.md).

Durations are written `500ms`, `90s`, `1h30m`, `2d`. Paths may hold `{%Y-%m-%d}` patterns of the \
run's scheduled time in the job's timezone, with an offset where wanted (`{-1d:%Y-%m-%d}`), `{job}`, \
`{run}` and `{hostname}`; `{{` and `}}` are literal braces. Top-level keys that start with `x-` are \
left alone, for anchors.
";

/// The page.
pub(super) fn page() -> String {
    let keys = every_key();
    let mut text = OPENING.to_owned();
    for map in keys.iter().filter(|document| !document.keys.is_empty()) {
        text.push_str(&section(map, &keys));
    }
    text
}

fn section(map: &Document, all: &[Document]) -> String {
    let heading = match map.key.as_str() {
        "" => "The file".to_owned(),
        "jobs" => "`jobs.NAME`: a job".to_owned(),
        key => format!("`{}`", key.replacen("jobs.", "jobs.NAME.", 1)),
    };
    let mut text = format!("\n## {heading}\n\n");
    if !map.description.is_empty() {
        text.push_str(&format!("{}\n\n", map.description));
    }
    if map.key == "defaults" {
        return text + "Each optional key of a job; a job's own value goes before it.\n";
    }
    text.push_str("| key | type | default | meaning | example |\n");
    text.push_str("| --- | --- | --- | --- | --- |\n");
    for below in &map.keys {
        let key = match map.key.as_str() {
            "" => below.name.clone(),
            above => format!("{above}.{}", below.name),
        };
        let found = all.iter().find(|document| document.key == key);
        let Document { kind, required, default, description, example, values, .. } =
            found.unwrap_or_else(|| panic!("`{key}` is not explained"));
        let default = match default {
            _ if *required => "required".to_owned(),
            Some(default) => format!("`{default}`"),
            None => String::new(),
        };
        let values: Vec<String> =
            values.iter().map(|one| format!("`{}`: {}", one.name, one.description)).collect();
        let meaning = format!("{description} {}", values.join(" "));
        let example = example.as_ref().map(|example| format!("`{example}`")).unwrap_or_default();
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            below.name,
            cell(kind),
            cell(&default),
            cell(&meaning),
            cell(&example)
        ));
    }
    text
}
