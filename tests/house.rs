//! The house rules, as tests: imports point down only, `core` is pure, files stay readable.

#[path = "../examples/faults/list.rs"]
mod list;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Which modules of the crate a module may import, besides itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // Crates of their own: their manifests say what they use.
    ("core", &[]),
    ("clock", &[]),
    ("sim", &[]),
    ("settings", &["core"]),
    ("address", &["core"]),
    ("config", &["core", "settings", "address", "trusted"]),
    (
        "agent",
        &["core", "settings", "clock", "address", "privacy", "tls", "trusted", "users", "words"],
    ),
    ("alerts", &["core", "clock", "address", "privacy", "tls", "trusted", "words"]),
    ("store", &["core", "clock", "trusted"]),
    ("control", &["core", "clock", "serving", "tls", "users"]),
    ("metrics", &["core"]),
    ("serving", &["core", "clock"]),
    ("words", &["core"]),
    ("web", &["core", "settings", "clock", "control", "metrics", "serving", "sim", "words"]),
    ("watch", &["core", "clock"]),
    ("signals", &["core", "clock"]),
    ("systemd", &["core", "clock"]),
    ("log", &["core", "clock", "privacy"]),
    ("privacy", &["core"]),
    ("tls", &[]),
    ("trusted", &[]),
    ("users", &["core"]),
    (
        "daemon",
        &[
            "core", "clock", "settings", "config", "agent", "alerts", "store", "control",
            "metrics", "web", "serving", "sim", "watch", "signals", "systemd", "log",
        ],
    ),
    (
        "cli",
        &[
            "core", "clock", "settings", "config", "agent", "alerts", "store", "control", "watch",
            "signals", "systemd", "log", "sim", "daemon", "privacy", "words",
        ],
    ),
];

/// Lines of a file, its own tests in a `mod tests` at its end left out.
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

#[test]
fn imports_point_down_only() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for (module, path, text) in modules_of_root() {
        if module == "main" || module == "lib" || is_test_file(&path) {
            continue;
        }
        let Some(may) = allowed.get(module.as_str()) else {
            panic!("module `{module}` has no place in the layers: add it to MAY_IMPORT");
        };
        let code = text.split("#[cfg(test)]").next().expect("a first part");
        for (line, words) in code.lines().enumerate() {
            if words.trim_start().starts_with("//") {
                continue;
            }
            for (at, _) in words.match_indices("crate::") {
                let name: String = words[at + 7..]
                    .chars()
                    .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                    .collect();
                let known = allowed.contains_key(name.as_str());
                if known && name != module && !may.contains(&name.as_str()) {
                    wrong.push(format!("{}:{}: {module} → {name}", path.display(), line + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn core_is_pure() {
    let impure = [
        "std::fs",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "std::env",
        "std::thread",
        "std::process",
        "std::io",
        "tokio",
        "reqwest",
        "rusqlite",
        "fastrand",
        "async fn",
        ".await",
        "Instant",
        "SystemTime",
        "Timestamp::now",
        "Zoned::now",
        "new_v4",
        "println!",
        "tracing",
    ];
    for (module, path, text) in modules() {
        if module != "core" || is_test_file(&path) {
            continue;
        }
        for (line, words) in text.lines().enumerate() {
            let code = words.split("//").next().unwrap_or(words);
            for word in impure {
                // Not the beginning of a name, as of a function that tells what is awaited.
                let goes_on =
                    |rest: &str| rest.starts_with(|c: char| c == '_' || c.is_alphanumeric());
                let found = code
                    .match_indices(word)
                    .any(|(at, _)| !word.starts_with('.') || !goes_on(&code[at + word.len()..]));
                assert!(!found, "{}:{}: `{word}` in core", path.display(), line + 1);
            }
        }
    }
}

#[test]
fn a_run_knows_nothing_of_who_looks_after_it() {
    let mut looked_at = 0;
    for (_, path, text) in modules() {
        if !path.parent().is_some_and(|folder| folder.ends_with("engine/src/run")) {
            continue;
        }
        looked_at += 1;
        for word in ["crate::engine", "super::super", "crate::alert", "Alert", "Effect", "Record"] {
            assert!(!text.contains(word), "{}: `{word}` in a run", path.display());
        }
    }
    assert!(looked_at > 5, "the files of a run were not found");
}

#[test]
fn fields_of_the_engine_are_private() {
    let mut looked_at = 0;
    for (_, path, text) in modules() {
        let folder = path.parent().expect("a folder");
        if !folder.ends_with("engine/src/engine") && !folder.ends_with("engine/src/run") {
            continue;
        }
        looked_at += 1;
        let is_field = |line: &&str| {
            let field = line.trim_start().strip_prefix("pub(super) ");
            let name = field.and_then(|field| field.split_once(": ")).map(|(name, _)| name);
            name.is_some_and(|name| name.chars().all(|it| it.is_ascii_lowercase() || it == '_'))
        };
        let field = text.lines().find(is_field);
        assert_eq!(field, None, "{}: other files can reach into this", path.display());
    }
    assert!(looked_at > 40, "the files of the engine were not found");
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    for (_, path, text) in modules() {
        let lines = text.lines().count();
        if is_test_file(&path) {
            continue;
        }
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        assert!(text.starts_with("//!"), "{} has no header", path.display());
    }
}

#[test]
fn nothing_is_left_undone() {
    let marks = ["TODO", "FIXME", "XXX", "#[ignore", "#[allow("];
    for (_, path, text) in modules() {
        for mark in marks {
            assert!(!text.contains(mark), "{} holds `{mark}`", path.display());
        }
    }
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
fn no_header_begins_with_a_relative_clause() {
    for (path, text) in rust_files() {
        let header = text.lines().next().unwrap_or_default();
        for word in ["What", "Who", "Whose", "Whether"] {
            let begins = header.strip_prefix("//! ").is_some_and(|it| it.starts_with(word));
            assert!(!begins, "{}: {header}", path.display());
        }
    }
}

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

#[test]
fn the_top_level_holds_what_was_promised() {
    for name in ["Cargo.toml", "src", "jobs.example.yaml", "tests", "systemd", "README.md"] {
        assert!(root().join(name).exists(), "`{name}` is missing");
    }
}

#[test]
fn each_deliberate_fault_has_its_place_and_its_test() {
    let text = fs::read_to_string(root().join("tests/faults.yaml")).expect("the list");
    let faults = list::read(&text).expect("a list of faults");
    assert!(faults.len() >= 60, "{} faults", faults.len());
    assert!(faults.iter().filter(|fault| fault.hangs).count() <= 3, "each hang takes a minute");
    let mut names = BTreeSet::new();
    let mut places: BTreeMap<&str, Vec<Range<usize>>> = BTreeMap::new();
    let mut tests: BTreeMap<PathBuf, Vec<(String, String)>> = BTreeMap::new();
    for fault in &faults {
        let name = &fault.name;
        assert!(names.insert(name), "two faults are called {name}");
        assert!(!fault.loses.is_empty() && fault.loses.len() <= 80, "{name}: what is lost");
        assert_ne!(fault.faulty, fault.original, "{name} is no fault");
        let source = fs::read_to_string(root().join(&fault.file));
        let source = source.unwrap_or_else(|error| panic!("{name}: {}: {error}", fault.file));
        let place = fault.place(&source).unwrap_or_else(|why| panic!("{why}"));
        let others = places.entry(&fault.file).or_default();
        let apart = |other: &Range<usize>| other.end <= place.start || place.end <= other.start;
        assert!(others.iter().all(apart), "{name} overlaps another fault");
        others.push(place);
        let folder = folder_of_tests(&fault.caught_by);
        let files = tests.entry(folder).or_insert_with_key(|folder| texts_by_module(folder));
        let (module, test) = fault.caught_by.test.rsplit_once("::").unwrap_or_default();
        let test = format!("fn {test}(");
        // What a macro makes of a test lies in a module below its file's.
        let stands =
            files.iter().any(|(file, text)| is_within(module, file) && text.contains(&test));
        assert!(stands, "{name}: there is no test {}", fault.caught_by.test);
    }
}

/// True for a module that is another one, or lies in it.
fn is_within(module: &str, other: &str) -> bool {
    let rest = module.strip_prefix(other);
    rest.is_some_and(|rest| other.is_empty() || rest.is_empty() || rest.starts_with("::"))
}

/// Where the sources of a test lie.
fn folder_of_tests(catcher: &list::Catcher) -> PathBuf {
    let package = match catcher.package.as_str() {
        "transferd" => root().to_owned(),
        other => root().join("crates").join(other.trim_start_matches("transferd-")),
    };
    match catcher.target.as_str() {
        "lib" => package.join("src"),
        test => package.join("tests").join(test),
    }
}

/// The texts of all sources below a folder, or of the one file of that name, each with its module.
fn texts_by_module(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    if folder.is_dir() {
        sources(folder, &mut files);
    } else {
        files.push(folder.with_extension("rs"));
    }
    let module = |path: &Path| {
        let inner = path.with_extension("");
        let names = inner.strip_prefix(folder).into_iter().flatten();
        let names = names.map(|name| name.to_str().expect("a name"));
        let names = names.filter(|name| !["mod", "main", "lib"].contains(name));
        names.collect::<Vec<_>>().join("::")
    };
    files.iter().map(|path| (module(path), fs::read_to_string(path).expect("a text"))).collect()
}
