//! The house rules, as tests: files stay readable, and nothing is left undone.

mod documents;
mod faults;
mod layers;

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Lines of a file, its own tests at its end included.
const LINES_MAX: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Folders of sources below the root, and the name by which the root package knows what is there.
const CRATES: &[(&str, &str)] = &[
    ("crates/clock/src", "clock"),
    ("crates/engine/src", "core"),
    ("crates/sim/src", "sim"),
    ("crates/simulation/src", "simulation"),
];

/// All sources: the module at the top of `src` that each belongs to, or its crate, its path, its
/// text.
fn modules() -> Vec<(String, PathBuf, String)> {
    let in_crates = CRATES.iter().flat_map(|(folder, name)| {
        let mut files = Vec::new();
        sources(&root().join(folder), &mut files);
        assert!(!files.is_empty(), "{folder} has no sources");
        files.into_iter().map(|path| {
            let text = fs::read_to_string(&path).expect("a text");
            ((*name).to_owned(), path, text)
        })
    });
    in_crates.chain(modules_of_root()).collect()
}

/// The files below `src`: the module at the top that each belongs to, its path, its text.
fn modules_of_root() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 50, "the sources were not found");
    files
        .into_iter()
        .map(|path| {
            let inner = path.strip_prefix(&src).expect("below src");
            let first = inner.iter().next().expect("a name").to_string_lossy();
            let module = first.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).expect("a text");
            (module, path, text)
        })
        .collect()
}

fn is_test_file(path: &Path) -> bool {
    path.iter().any(|part| part == "tests.rs" || part == "tests")
}

/// All Rust files of the repository: sources, tests, benches, examples, fuzz targets.
fn rust_files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in ["src", "crates", "tests", "benches", "examples", "fuzz/src", "fuzz/fuzz_targets"]
    {
        sources(&root().join(folder), &mut files);
    }
    let texts = files.into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("a text");
        (path, text)
    });
    texts.collect()
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    for (path, text) in rust_files() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        assert!(text.starts_with("//!"), "{} has no header", path.display());
    }
}

#[test]
fn no_method_that_changes_state_is_named_like_a_question() {
    let question =
        r"fn (is|are|has|have|had|was|were|waits|can|may|must)_\w*(<[^>]*>)?\(\s*&mut self";
    let question = Regex::new(question).expect("a pattern");
    for (path, text) in rust_files() {
        let found = question.find(&text).map(|found| found.as_str());
        assert_eq!(found, None, "{}: name it for what it does", path.display());
    }
}

#[test]
fn nothing_is_left_undone() {
    let marks = ["TODO", "FIXME", "XXX", "#[ignore", "#[allow("];
    for (path, text) in rust_files() {
        // This file lists the marks.
        if path.ends_with(file!()) {
            continue;
        }
        for mark in marks {
            assert!(!text.contains(mark), "{} holds `{mark}`", path.display());
        }
    }
}

#[test]
fn no_header_begins_with_a_relative_clause() {
    for (path, text) in rust_files() {
        let header = text.lines().next().unwrap_or_default();
        for word in ["What", "Who", "Whose", "Whether"] {
            let begins = header.strip_prefix("//! ").is_some_and(|it| it.starts_with(word));
            assert!(!begins, "{}: {header}", path.display());
        }
    }
}

#[test]
fn the_top_level_holds_what_was_promised() {
    for name in ["Cargo.toml", "src", "jobs.example.yaml", "tests", "systemd", "README.md"] {
        assert!(root().join(name).exists(), "`{name}` is missing");
    }
}
