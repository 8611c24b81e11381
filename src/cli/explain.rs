//! `explain`: describes a key of the job file: its meaning, type, default and an example, from the
//! JSON Schema.

use std::io::Write;

use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::{Map, Value};

use super::ask::{done, hint, say};
use super::render::fit::{hanging, lines, width};
use super::render::paint::{Paint, Tone};
use super::render::table::Screen;
use super::{Exit, Global, reason_codes};
use crate::config;
use crate::config::key_examples::{example, example_of_ours};
use crate::core::reason::ReasonCode;
use crate::core::suggest;

/// The deepest key: a typed path is not followed forever.
const DEPTH_MAX: usize = 8;

/// Columns of a description where a screen has no width.
const WIDE: usize = 100;

/// Options of `transferd explain`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The key, such as `job.overlap`, `agent.max_active`, `retry`, or a `reason_code` [default: list
    /// the keys]
    key: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// A key that is explained, or the file as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Document {
    /// The key, with those above it; empty for the file.
    pub(super) key: String,
    /// Its type in a word or two.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Whether it is required.
    pub(super) required: bool,
    /// Its default.
    pub(super) default: Option<String>,
    /// Its meaning.
    pub(super) description: String,
    /// An example.
    pub(super) example: Option<String>,
    /// The allowed words, with their meanings.
    pub(super) values: Vec<Named>,
    /// The keys below.
    pub(super) keys: Vec<Named>,
    /// Its meaning as a `reason_code`, if the word is one, too.
    pub(super) reason_code: Option<&'static str>,
}

/// A word and its meaning.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Named {
    /// The word.
    pub(super) name: String,
    /// Its meaning.
    pub(super) description: String,
}

/// Carries out `explain`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let schema = config::schema();
    let words = Words { root: &schema };
    let asked = args.key.unwrap_or_default();
    let code = reason_codes::meaning(&asked);
    let Some(mut document) = words.document(&asked) else {
        if let Some(meaning) = code {
            return done(reason_codes::write(&asked, meaning, args.json, out), Exit::Done);
        }
        say(err, &format!("the job file has no key `{asked}`"));
        let all = words.all_keys();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let last = asked.rsplit('.').next().unwrap_or(&asked);
        // A foreign name may look like another key of ours.
        if let Some(words) = config::known_elsewhere(last) {
            hint(err, &words);
            return Exit::No;
        }
        match suggest::closest(last, &all) {
            Some(near) => hint(err, &format!("did you mean `{near}`?")),
            None => hint(err, "`transferd explain` lists the keys"),
        }
        return Exit::No;
    };
    document.reason_code = code;
    let written = if args.json {
        super::write_json(out, &document)
    } else {
        let of_code = code.map(|meaning| reason_codes::line(&asked, meaning));
        let page = page(&document, Screen::of_stdout(global.color));
        write!(out, "{page}{}", of_code.map(|line| format!("\n{line}\n")).unwrap_or_default())
    };
    done(written, Exit::Done)
}

/// Every key of the job file, the file itself first, each before those below it. The keys of
/// `defaults` are a job's, and are left out.
pub(super) fn every_key() -> Vec<Document> {
    let schema = config::schema();
    let mut all = Vec::new();
    Words { root: &schema }.add_below("", &mut all);
    all
}

/// The words that can be explained: the keys of the job file, and reason codes.
pub(super) fn words() -> Vec<String> {
    let keys = every_key().into_iter().map(|document| document.key);
    let codes = ReasonCode::ALL.iter().map(|code| code.word().to_owned());
    keys.filter(|key| !key.is_empty()).chain(codes).collect()
}

/// The schema, by its keys.
struct Words<'a> {
    root: &'a Value,
}

/// A key, and the path to it.
struct Found<'a> {
    path: Vec<String>,
    schema: &'a Value,
    required: bool,
}

impl<'a> Words<'a> {
    fn add_below(&self, key: &str, all: &mut Vec<Document>) {
        let Some(document) = self.document(key) else { return };
        let names: Vec<String> = document.keys.iter().map(|below| below.name.clone()).collect();
        all.push(document);
        for name in names.iter().filter(|_| key != "defaults") {
            match key {
                "" => self.add_below(name, all),
                key => self.add_below(&format!("{key}.{name}"), all),
            }
        }
    }

    fn document(&self, asked: &str) -> Option<Document> {
        let found = self.find(asked)?;
        let schema = self.resolved(found.schema);
        let description = text(found.schema, "description").or_else(|| text(schema, "description"));
        let (description, default) = parted(&description.unwrap_or_default());
        let key = found.path.join(".");
        let kind = self.kind(found.schema);
        // For names that the user chooses there is no example in a line.
        let of_file = example(&found.path, default.as_deref()).filter(|_| kind != "map by name");
        let example = example_of_ours(&key).or(of_file);
        Some(Document {
            kind,
            required: found.required,
            default,
            description,
            example,
            values: self.values(schema, DEPTH_MAX),
            keys: self.keys_below(found.schema),
            reason_code: None,
            key,
        })
    }

    /// A key by its path from the top, or by the last parts of it; also as errors and `diff` write
    /// it: `alerts[0].on`, `jobs.nightly.timeout`.
    fn find(&self, asked: &str) -> Option<Found<'a>> {
        let parts: Vec<&str> = asked.split('.').map(without_number).collect();
        let lower = asked.to_lowercase();
        let small: Vec<&str> = lower.split('.').map(without_number).collect();
        self.find_parts(&parts).or_else(|| self.find_parts(&small))
    }

    fn find_parts(&self, parts: &[&str]) -> Option<Found<'a>> {
        if parts.len() > DEPTH_MAX {
            return None;
        }
        let places: [&[&str]; 9] = [
            &[],
            &["jobs"],
            &["agent"],
            &["alerts"],
            &["history"],
            &["jobs", "source"],
            &["jobs", "retry"],
            &["agent", "login"],
            &["alerts", "webhook"],
        ];
        places.into_iter().find_map(|place| {
            let parts = place.iter().chain(parts).copied().filter(|part| !part.is_empty());
            let top = Found { path: Vec::new(), schema: self.root, required: true };
            self.follow(top, &parts.collect::<Vec<_>>())
        })
    }

    fn follow(&self, from: Found<'a>, parts: &[&str]) -> Option<Found<'a>> {
        let Some((part, rest)) = parts.split_first() else { return Some(from) };
        let schema = self.object(from.schema)?;
        // Singular and plural are treated as one word.
        let plural = format!("{part}s");
        let known = |name: &&String| **name == **part || (from.path.is_empty() && **name == plural);
        if let Some((name, below)) =
            properties(schema).into_iter().flatten().find(|(n, _)| known(n))
        {
            let required = required(schema, name);
            let path = from.path.iter().cloned().chain([name.clone()]).collect();
            return self.follow(Found { path, schema: below, required }, rest);
        }
        // It may be a name that the user has chosen, with or without a dot in it.
        let names = self.resolved(from.schema).get("additionalProperties");
        let is_name = names.is_some_and(Value::is_object) && !rest.is_empty();
        is_name.then(|| self.follow(from, rest)).flatten()
    }

    /// The words that are allowed, as the value or as an item of a list.
    fn values(&self, schema: &'a Value, depth: usize) -> Vec<Named> {
        let schema = self.resolved(schema);
        let own = values(schema);
        if !own.is_empty() || depth == 0 {
            return own;
        }
        let choices = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        let below = choices.chain(schema.get("items")).map(|below| self.values(below, depth - 1));
        below.into_iter().find(|words| !words.is_empty()).unwrap_or_default()
    }

    /// The map of keys of a value, or of each of its items or named values.
    fn object(&self, schema: &'a Value) -> Option<&'a Value> {
        let mut schema = self.resolved(schema);
        for _ in 0..DEPTH_MAX {
            if properties(schema).is_some() {
                return Some(schema);
            }
            let inner = schema
                .get("additionalProperties")
                .filter(|inner| inner.is_object())
                .or_else(|| schema.get("items"))
                .or_else(|| schema.pointer("/anyOf/0"))?;
            schema = self.resolved(inner);
        }
        None
    }

    /// The target of a reference.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..DEPTH_MAX {
            let Some(target) = schema.get("$ref").and_then(Value::as_str) else { return schema };
            match target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                Some(found) => schema = found,
                None => return schema,
            }
        }
        schema
    }

    fn keys_below(&self, schema: &'a Value) -> Vec<Named> {
        let object = self.object(schema);
        let all = object.and_then(properties).into_iter().flatten();
        all.map(|(name, below)| {
            let told = text(below, "description");
            let told = told.or_else(|| text(self.resolved(below), "description"));
            Named { name: name.clone(), description: told.unwrap_or_default() }
        })
        .collect()
    }

    /// Every key's name.
    fn all_keys(&self) -> Vec<String> {
        let parts = self.root.get("$defs").and_then(Value::as_object);
        let all = parts.into_iter().flat_map(Map::values).chain([self.root]);
        let names = all.filter_map(properties).flat_map(Map::keys).cloned();
        let mut names: Vec<_> = names.collect();
        names.sort();
        names.dedup();
        names
    }

    /// The type in a word or two.
    fn kind(&self, schema: &'a Value) -> String {
        let schema = self.resolved(schema);
        if schema.get("oneOf").is_some_and(|one| one.pointer("/0/const").is_some()) {
            return "word".to_owned();
        }
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            let kinds: Vec<_> = choices.iter().map(|choice| self.kind(choice)).collect();
            return kinds.join(", or ");
        }
        let inner = |key: &str| schema.get(key).filter(|inner| inner.is_object());
        match schema.get("type").and_then(Value::as_str) {
            Some("string") if is_duration(schema) => "duration (`90s`, `1h30m`, `2d`)".to_owned(),
            Some("string") => "text".to_owned(),
            Some("boolean") => "true or false".to_owned(),
            Some("integer") => "whole number".to_owned(),
            Some("number") => "number".to_owned(),
            Some("array") => inner("items")
                .map_or_else(|| "list".to_owned(), |item| format!("list: {}", self.kind(item))),
            Some("object") if inner("additionalProperties").is_some() => "map by name".to_owned(),
            Some("object") => "map".to_owned(),
            Some(other) => other.to_owned(),
            None if schema.get("const").is_some_and(Value::is_string) => {
                format!("`{}`", text(schema, "const").unwrap_or_default())
            }
            None if schema.get("const").is_some() => "number".to_owned(),
            None => "value".to_owned(),
        }
    }
}

/// A part of a path without the number of an entry: `alerts[0]`.
fn without_number(part: &str) -> &str {
    part.split_once('[').map_or(part, |(name, _)| name)
}

/// Whether a text's form is that of durations.
fn is_duration(schema: &Value) -> bool {
    schema.get("pattern").and_then(Value::as_str).is_some_and(|form| form.contains("(ms|s|m|h"))
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

fn required(schema: &Value, name: &str) -> bool {
    let names = schema.get("required").and_then(Value::as_array);
    names.is_some_and(|names| names.iter().any(|one| one == name))
}

fn text(schema: &Value, key: &str) -> Option<String> {
    schema.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn values(schema: &Value) -> Vec<Named> {
    let choices = schema.get("oneOf").and_then(Value::as_array);
    let word = |choice: &Value| {
        let name = choice.get("const")?.as_str()?.to_owned();
        Some(Named { name, description: text(choice, "description").unwrap_or_default() })
    };
    choices.into_iter().flatten().filter_map(word).collect()
}

/// A description split from its default.
fn parted(description: &str) -> (String, Option<String>) {
    match description.rsplit_once("Default: ") {
        Some((words, default)) => {
            let default = default.trim_end_matches('.').trim_matches('`').to_owned();
            (words.trim().to_owned(), Some(default))
        }
        None => (description.to_owned(), None),
    }
}

/// The explanation for people.
fn page(document: &Document, screen: Screen) -> String {
    let paint = Paint(screen.color);
    let room = screen.room().unwrap_or(WIDE);
    let mut page = String::new();
    if document.key.is_empty() {
        page.push_str(&format!("{}\n", paint.tone(Tone::Strong, "the job file")));
    } else {
        let kind = &document.kind;
        let required = if document.required { ", required" } else { "" };
        let begin = width(&document.key) + 2;
        let kind = hanging(&format!("{kind}{required}"), begin, begin, Some(room));
        let name = paint.tone(Tone::Strong, &document.key);
        page.push_str(&format!("{name}  {}\n", paint.tone(Tone::Faint, &kind)));
    }
    for line in lines(&document.description, Some(room.saturating_sub(2))) {
        page.push_str(&format!("  {line}\n"));
    }
    for (name, value) in [("default", &document.default), ("example", &document.example)] {
        if let Some(value) = value {
            let value = hanging(value, 13, 13, Some(room));
            page.push_str(&format!(
                "\n  {}{value}\n",
                paint.tone(Tone::Faint, &format!("{name:<11}"))
            ));
        }
    }
    page.push_str(&list(&document.values, room));
    page.push_str(&list(&document.keys, room));
    if !document.keys.is_empty() {
        let below = if document.key.is_empty() {
            "KEY".to_owned()
        } else {
            format!("{}.KEY", document.key)
        };
        page.push_str(&format!("\n`transferd explain {below}` says more\n"));
    }
    page
}

/// Words and their meanings, side by side.
fn list(named: &[Named], room: usize) -> String {
    let Some(longest) = named.iter().map(|one| width(&one.name)).max() else {
        return String::new();
    };
    let indent = longest + 4;
    let mut text = String::from("\n");
    for Named { name, description } in named {
        let told = hanging(description, indent, indent, Some(room));
        text.push_str(&format!("  {name:longest$}  {told}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(key: &str) -> Option<Document> {
        Words { root: &config::schema() }.document(key)
    }

    #[test]
    fn a_key_has_its_type_default_meaning_and_example() {
        let overlap = explained("job.overlap").unwrap();
        assert_eq!(
            (overlap.key.as_str(), overlap.default.as_deref()),
            ("jobs.overlap", Some("skip"))
        );
        let words: Vec<_> = overlap.values.iter().map(|value| value.name.as_str()).collect();
        assert_eq!(words, ["skip", "queue", "replace"]);
        assert_eq!(
            (overlap.kind.as_str(), explained("alerts.on").unwrap().kind.as_str()),
            ("word", "word, or list: word")
        );
        assert!(!overlap.description.contains("Default"), "{overlap:?}");
        assert!(overlap.example.unwrap().starts_with("overlap: "));
        let timeout = explained("timeout").unwrap();
        assert_eq!(timeout.key, "jobs.timeout");
        assert!(timeout.kind.starts_with("duration"), "{}", timeout.kind);
        let attempts = explained("jobs.retry.max_attempts").unwrap();
        assert_eq!(
            (attempts.kind.as_str(), attempts.default.as_deref()),
            ("whole number", Some("3"))
        );
        assert!(explained("job.source.bucket").unwrap().required);
    }

    #[test]
    fn a_key_is_found_as_errors_and_diffs_write_it() {
        for (asked, key) in [
            ("retry.max_attempts", "jobs.retry.max_attempts"),
            ("OVERLAP", "jobs.overlap"),
            ("alerts[0].on", "alerts.on"),
            ("jobs.nightly-footage.timeout", "jobs.timeout"),
            ("jobs.v1.2.retry.on_timeout", "jobs.retry.on_timeout"),
            ("source.bucket", "jobs.source.bucket"),
        ] {
            assert_eq!(explained(asked).map(|found| found.key).as_deref(), Some(key), "{asked}");
        }
        assert_eq!(explained("jobs.nightly-footage"), None);
    }

    #[test]
    fn words_in_a_list_are_told_too() {
        let on = explained("alerts.on").unwrap();
        let words: Vec<_> = on.values.iter().map(|value| value.name.as_str()).collect();
        assert!(words.contains(&"failed") && words.contains(&"doubled"), "{words:?}");
    }

    #[test]
    fn every_key_of_the_file_is_explained() {
        let all = every_key();
        for document in &all {
            let key = &document.key;
            assert!(!document.description.is_empty() || key.is_empty(), "`{key}` says nothing");
            for room in [60, 80, 120] {
                let page = page(document, Screen { width: Some(room), color: false });
                for line in page.lines() {
                    let fits = width(line) <= usize::from(room) || !line.contains(' ');
                    assert!(fits, "`{key}` at {room}: {line}");
                    let parted = line.ends_with("Default:");
                    assert!(!parted, "`{key}` at {room}: {line}");
                }
            }
        }
        assert!(all.len() > 50, "{}", all.len());
    }

    #[test]
    fn an_unknown_key_gets_the_one_that_was_meant() {
        assert!(explained("job.overlapp").is_none());
        let schema = config::schema();
        let all = Words { root: &schema }.all_keys();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(suggest::closest("overlapp", &all), Some("overlap"));
    }
}
