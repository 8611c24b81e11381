//! `docs/json.md`: what `--json` prints, from the declarations of the documents and the comments
//! on their fields.

use super::cell;
use crate::core::run::{RunState, Trigger};

/// The sources in which the documents are declared.
const SOURCES: &[&str] = &[
    include_str!("../../control/document.rs"),
    include_str!("../../control/run_document.rs"),
    include_str!("../../control/repeats.rs"),
    include_str!("../../control/changes.rs"),
    include_str!("../../control/diagnostic.rs"),
    include_str!("../../control/events.rs"),
    include_str!("../../../crates/engine/src/place.rs"),
    include_str!("../../../crates/engine/src/cause/mod.rs"),
];

/// The commands, their documents, and the parts that only one of them has.
const ANSWERS: &[(&str, &str, &[&str])] = &[
    (
        "status",
        "An object.",
        &[
            "StatusDocument",
            "DaemonDocument",
            "ConfigDocument",
            "AgentDocument",
            "TokenDocument",
            "AlertsDocument",
            "FailingAlertDocument",
            "DesktopAlertDocument",
            "JobDocument",
            "PauseDocument",
        ],
    ),
    (
        "history`, `trigger`, `retry",
        "`history` prints an array of runs; `trigger` and `retry` a run, or an array where several \
         may be meant: by several names, a glob, or `--failed`.",
        &["RunDocument", "AttemptDocument", "Objects", "Bytes", "CauseDocument", "FailedObject"],
    ),
    ("show", "A run, with one more field.", &["ShowDocument", "EventDocument"]),
    ("events", "An object a line.", &["HappenedDocument"]),
    ("backfill", "An object.", &["BackfillDocument", "PlannedDocument", "LeftOutDocument"]),
    ("cancel", "An object, or an array for several names or a glob.", &["DoneDocument"]),
    (
        "reload`, `diff",
        "An object.",
        &["ChangesDocument", "JobChange", "ChangedJob", "FieldChange"],
    ),
    ("Errors and warnings", "", &["DiagnosticDocument"]),
    ("Places", "", &["NamedPlace"]),
];

const OPENING: &str = "\
Every command that says something takes `--json`, and prints one document to standard output. \
Errors are `{\"errors\": […]}` there too, each as under [errors and warnings](#errors-and-warnings), \
with the same exit codes as without `--json`. Times are RFC 3339. Fields may be added with any \
version; none is taken away or changes its meaning.

| command | prints |
| --- | --- |
| `check` | `{\"valid\", \"files\", \"errors\", \"warnings\"}`, and `online` after `--online` |
| `next` | an array of `{\"job\", \"at\", \"timezone\"}` |
| `why` | `{\"job\", \"at\", \"answer\", \"run\", \"runs\", \"blocked_by\"}` |
| `accounts` | an array of `{\"name\", \"id\", \"provider\", \"active\", \"shared\"}` |
| `pause`, `resume` | objects of `{\"job\", \"paused\", \"until\", \"reason\", \"next_run\"}`, with `--all` one of `{\"all\", \"paused\", \"until\", \"reason\", \"paused_jobs\"}` |
| `explain` | `{\"key\", \"type\", \"required\", \"default\", \"description\", \"example\", \"values\", \"keys\"}`; of a reason code `{\"reason_code\", \"description\"}` |
| `login` | `{\"token_file\", \"agent\", \"expires_at\", \"in_job_file\"}`, never the token |
| `init` | `{\"path\", \"accounts\", \"token_file\"}` |
| `edit` | `{\"path\", \"changed\"}` |
| `rehearse` | what it found, and with `--expect` `expected`: `{\"file\", \"met\", \"differences\": [{\"path\", \"expected\", \"found\"}], \"differences_left_out\"}` |
| `doctor` | `{\"version\", \"findings\": [{\"name\", \"assumption\", \"needed\", \"verdict\", \"seen\", \"then\"}], \"transfer\"}`, the last as `show` prints it |
| `alert test` | `{\"delivered\", \"entries\": [{\"entry\", \"channel\", \"event\", \"delivered\", \"error\"}]}` |
| `backup` | `{\"file\", \"bytes\", \"database_version\"}` |
| `service install`, `uninstall` | `{\"service\", \"changed\", \"performed\", \"steps\", \"remarks\"}` |
| `service status` | `{\"service\", \"installed\", \"by\", \"unit\", \"program\", \"differing\", \"enabled\", \"active\"}` |
";

/// The page.
pub(super) fn page() -> String {
    let mut text = OPENING.to_owned();
    for (command, prints, documents) in ANSWERS {
        let named = documents.len() > 1 || !prints.is_empty();
        let heading = if named { format!("`{command}`") } else { (*command).to_owned() };
        text.push_str(&format!("\n## {heading}\n\n"));
        if !prints.is_empty() {
            text.push_str(&format!("{prints}\n"));
        }
        for (index, name) in documents.iter().enumerate() {
            let declared = declaration(name);
            if index > 0 {
                text.push_str(&format!("\n### {}\n", title(name)));
            }
            if index > 0 || !named {
                text.push_str(&format!("\n{}\n", declared.about));
            }
            text.push_str("\n| field | is | means |\n| --- | --- | --- |\n");
            for field in declared.fields {
                text.push_str(&format!(
                    "| `{}` | {} | {} |\n",
                    field.name,
                    cell(&kind(&field.kind)),
                    cell(&field.about)
                ));
            }
        }
    }
    text
}

/// A document as declared in its source.
struct Declared {
    about: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    kind: String,
    about: String,
}

fn declaration(name: &str) -> Declared {
    let begin = format!("pub struct {name} {{");
    let source = SOURCES.iter().find(|source| source.contains(&begin));
    let source = source.unwrap_or_else(|| panic!("`{name}` is declared nowhere"));
    let (before, after) = source.split_once(&begin).unwrap();
    let about: Vec<&str> = {
        let lines = before.lines().rev();
        let doc = lines.skip_while(|line| line.starts_with("#[")).map_while(comment);
        doc.collect()
    };
    let about: Vec<&str> = about.into_iter().rev().collect();
    let (mut fields, mut told, mut attributes) = (Vec::new(), Vec::new(), String::new());
    for line in after.lines().map(str::trim).take_while(|line| *line != "}") {
        if let Some(words) = comment(line) {
            told.push(words);
        } else if line.starts_with("#[") {
            attributes.push_str(line);
        } else if let Some(field) = line.strip_prefix("pub ")
            && let Some((name, kind)) = field.split_once(": ")
        {
            let about = told.join(" ");
            let inner =
                about.contains("left out of `--json`") || about.starts_with("The same with");
            let flat = attributes.contains("flatten");
            if !inner && !flat {
                let (name, kind) = (name.to_owned(), kind.trim_end_matches(',').to_owned());
                fields.push(Field { name, kind, about });
            }
            told.clear();
            attributes.clear();
        }
    }
    assert!(!fields.is_empty(), "`{name}` has no fields");
    Declared { about: about.join(" "), fields }
}

/// The words of a line that is a comment for readers of the documentation.
fn comment(line: &str) -> Option<&str> {
    line.trim().strip_prefix("///").map(str::trim)
}

/// A document's name as a heading: `FailingAlertDocument` is a failing alert.
fn title(name: &str) -> String {
    let mut title = String::new();
    for letter in name.trim_end_matches("Document").chars() {
        if letter.is_uppercase() && !title.is_empty() {
            title.push(' ');
        }
        let small = letter.to_lowercase();
        match title.is_empty() {
            true => title.push(letter),
            false => title.extend(small),
        }
    }
    title
}

/// The possible origins of a run.
const TRIGGERS: [Trigger; 5] =
    [Trigger::Schedule, Trigger::CatchUp, Trigger::Manual, Trigger::Retry, Trigger::Backfill];

/// The possible words of a value.
fn words(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// A type of the source in the terms of JSON.
fn kind(kind: &str) -> String {
    let inside = |outer: &str| kind.strip_prefix(outer)?.strip_suffix('>');
    if let Some(inner) = inside("Option<") {
        return format!("{}, or null", self::kind(inner));
    }
    if let Some(inner) = inside("Vec<") {
        return format!("array: {}", self::kind(inner));
    }
    match kind {
        "String" | "JobName" => "text".to_owned(),
        "RunId" | "TransferId" | "AccountId" => "UUID".to_owned(),
        "Timestamp" => "time".to_owned(),
        "bool" => "true or false".to_owned(),
        "u32" | "u64" | "usize" | "f64" => "number".to_owned(),
        "Value" => "any value".to_owned(),
        "Map<String, Value>" => "object by key".to_owned(),
        "RunState" => words(&RunState::ALL.map(RunState::word)),
        "Trigger" => words(&TRIGGERS.map(Trigger::word)),
        "AgentState" | "CauseClass" => "word".to_owned(),
        "ReasonCode" => "word of [the list](reason-codes.md)".to_owned(),
        "Schedule" => "text, or an array of texts".to_owned(),
        "NamedPlace" => "[place](#places)".to_owned(),
        "RunDocument" => "[run](#history-trigger-retry)".to_owned(),
        "DiagnosticDocument" => "[error or warning](#errors-and-warnings)".to_owned(),
        document => {
            let named = ANSWERS.iter().any(|(_, _, documents)| documents.contains(&document));
            assert!(named, "the page does not tell of `{document}`");
            let title = title(document).to_lowercase();
            format!("[{title}](#{})", title.replace(' ', "-"))
        }
    }
}
