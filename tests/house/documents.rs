//! Documents that the sources cite, and what they say about the sources.

use std::collections::BTreeSet;
use std::fs;

use super::{root, rust_files};

/// The numbers in the text behind `rule` or `rules`: `5`, `8 and 9`, `4 to 7`, `6, 11`.
fn cited_rules(behind: &str) -> Vec<u32> {
    let words = behind.split(|letter: char| !letter.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map_while(|word| match word {
            "and" | "to" => Some(None),
            number => number.parse().ok().map(Some),
        })
        .flatten()
        .collect()
}

#[test]
fn each_cited_rule_of_the_protocol_exists() {
    let protocol = fs::read_to_string(root().join("docs/protocol.md")).expect("the protocol");
    let rules: Vec<u32> =
        protocol.lines().filter_map(|line| line.split_once(". **")?.0.parse().ok()).collect();
    assert_eq!(rules, (1..=14).collect::<Vec<u32>>(), "the numbers of the rules");
    let mut cited = 0;
    for (path, text) in rust_files() {
        for (at, word) in text.match_indices("rule ").chain(text.match_indices("rules ")) {
            for rule in cited_rules(&text[at + word.len()..]) {
                cited += 1;
                assert!(rules.contains(&rule), "{}: there is no rule {rule}", path.display());
            }
        }
    }
    assert!(cited > 50, "the citations were not found");
}

/// The comments of a text as one line, so that a citation may be broken between words.
fn comments(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    lines.map(|line| line.trim_start_matches(['/', '!']).trim()).collect::<Vec<_>>().join(" ")
}

/// True if a document has a section of that title, or a paragraph that begins with it in bold.
fn has_section(document: &str, title: &str) -> bool {
    document.lines().any(|line| {
        let heading = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim());
        heading == Some(title) || line.starts_with(&format!("**{title}.**"))
    })
}

#[test]
fn each_cited_section_exists() {
    let mut cited = 0;
    for (path, text) in rust_files() {
        let comments = comments(&text);
        for word in ["(contract, ", "(architecture, ", "(protocol, \"", "(click-api, "] {
            let is_there = comments.contains(word);
            assert!(!is_there, "{}: `{word}` is not the name of a file", path.display());
        }
        for (at, separator) in comments.match_indices(", \"") {
            let (before, behind) = (&comments[..at], &comments[at + separator.len()..]);
            let document = before.rsplit(['(', ' ']).next().unwrap_or_default();
            if !document.starts_with("docs/") {
                continue;
            }
            let (title, _) = behind.split_once('"').expect("the end of a title");
            let page = fs::read_to_string(root().join(document));
            let page = page.unwrap_or_else(|error| panic!("{document}: {error}"));
            let place = path.display();
            assert!(has_section(&page, title), "{place}: {document} has no section `{title}`");
            cited += 1;
        }
    }
    assert!(cited > 30, "the citations were not found");
}

/// The names in the first column of the tables between two headings of ARCHITECTURE.md.
fn first_columns(architecture: &str, from: &str, to: &str) -> BTreeSet<String> {
    let (_, behind) = architecture.split_once(from).expect("where the section begins");
    let (section, _) = behind.split_once(to).expect("where the section ends");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells
        .flat_map(|cell| cell.split([',', ' ', '`']))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The modules in a folder: its files without their ending, and its folders.
fn stems(folder: &str, left_out: &[&str]) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| name.to_str().expect("a name").trim_end_matches(".rs").to_owned())
        .filter(|name| !left_out.contains(&name.as_str()))
        .collect()
}

#[test]
fn the_architecture_names_each_module() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the architecture");
    let chapters = [
        ("src", ("| module | owns |", "## In the engine"), &["lib"][..]),
        ("crates/engine/src/engine", ("## In the engine", "A run is a machine"), &["mod", "tests"]),
        ("crates/engine/src/run", ("A run is a machine", "Beside it,"), &["tests"]),
    ];
    for (folder, (from, to), left_out) in chapters {
        let named = first_columns(&text, from, to);
        let there = stems(folder, left_out);
        assert_eq!(named, there, "the table of {folder} in ARCHITECTURE.md, and the files");
    }
}

#[test]
fn each_cited_document_exists() {
    let mut texts = rust_files();
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "fuzz/README.md"] {
        let path = root().join(name);
        texts.push((path.clone(), fs::read_to_string(path).expect("a text")));
    }
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_/.".contains(letter);
    for (path, text) in texts {
        for (at, _) in text.match_indices("docs/") {
            let name: String =
                text[at..].chars().take_while(|letter| is_of_name(*letter)).collect();
            if let Some(end) = name.rfind(".md") {
                let name = &name[..end + 3];
                assert!(root().join(name).exists(), "{}: no `{name}`", path.display());
            }
        }
    }
}
