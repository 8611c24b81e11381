//! Documents that the sources cite, and what they say about the sources.

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
