//! The list of deliberate faults fits the sources and the tests.

#[path = "../../examples/faults/list.rs"]
mod list;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{root, sources};

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
