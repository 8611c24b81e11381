//! The layers: imports point down only, `core` is pure, and the engine's chapters keep to themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::{is_test_file, modules, modules_of_root};

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
    ("store", &["core", "trusted"]),
    ("control", &["core", "serving", "tls", "users"]),
    ("metrics", &["core"]),
    ("serving", &[]),
    ("words", &["core"]),
    ("web", &["core", "settings", "clock", "control", "metrics", "serving", "sim", "words"]),
    ("watch", &["clock"]),
    ("signals", &[]),
    ("systemd", &["core"]),
    ("log", &["core", "clock", "privacy"]),
    ("privacy", &["core"]),
    ("tls", &[]),
    ("trusted", &[]),
    ("users", &["core"]),
    (
        "daemon",
        &[
            "core", "clock", "settings", "config", "agent", "alerts", "store", "control",
            "metrics", "web", "sim", "watch", "signals", "systemd", "log",
        ],
    ),
    (
        "cli",
        &[
            "core", "clock", "settings", "config", "agent", "alerts", "store", "control",
            "signals", "systemd", "log", "sim", "daemon", "privacy", "words",
        ],
    ),
];

#[test]
fn imports_point_down_only() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
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
            let place = format!("{}:{}", path.display(), line + 1);
            for (at, _) in words.match_indices("crate::") {
                let behind = &words[at + 7..];
                // The names in braces may stand on other lines.
                assert!(
                    !behind.starts_with('{'),
                    "{place}: one `use` for each module of the crate"
                );
                let name: String = behind
                    .chars()
                    .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                    .collect();
                if !allowed.contains_key(name.as_str()) || name == module {
                    continue;
                }
                if !may.contains(&name.as_str()) {
                    wrong.push(format!("{place}: {module} → {name}"));
                }
                used.insert((module.clone(), name));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up or sideways:\n{}", wrong.join("\n"));
    for (module, may) in MAY_IMPORT {
        for name in *may {
            let is_used = used.contains(&((*module).to_owned(), (*name).to_owned()));
            assert!(is_used, "{module} need not import {name}: take it out of MAY_IMPORT");
        }
    }
}

#[test]
fn core_is_pure() {
    // Clocks, threads, files and sockets of the standard library and of crates that `core` may use.
    // Its manifest holds no runtime, no client, no database and no source of chance.
    let impure = [
        "std::fs",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "std::env",
        "std::thread",
        "std::process",
        "std::io",
        "async fn",
        ".await",
        "Instant",
        "SystemTime",
        "Timestamp::now",
        "ZonedDateTime::now",
        "new_v4",
        "println!",
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
        let folder = path.parent().expect("a folder");
        if !folder.ends_with("engine/src/run") && !path.ends_with("engine/src/run.rs") {
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
