//! A copy of the sources in which each fault of the list is a switch. The sources themselves know
//! nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Error, Result};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::list::Fault;

/// Which fault is switched on in a process.
pub(crate) const VARIABLE: &str = "TRANSFERD_FAULT";

/// What each package with a fault is given to ask.
const SWITCH: &str = r#"
/// True in a process that is to have this fault.
pub(crate) fn fault_is_on(name: &str) -> bool {
    static ON: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    ON.get_or_init(|| std::env::var("TRANSFERD_FAULT").ok()).as_deref() == Some(name)
}
"#;

/// Makes the copy, or brings it up to date: files that are as they should be are left alone, so
/// that they are not compiled again.
pub(crate) fn make(from: &Path, to: &Path, faults: &[Fault]) -> Result<()> {
    let mut of_file: BTreeMap<PathBuf, Vec<&Fault>> = BTreeMap::new();
    let mut packages = BTreeSet::new();
    for fault in faults {
        of_file.entry(PathBuf::from(&fault.file)).or_default().push(fault);
        packages.insert(root_of_package(&fault.file)?);
    }
    let files = files(from)?;
    for file in &files {
        let mut bytes = fs::read(from.join(file))?;
        if let Some(faults) = of_file.remove(file) {
            bytes = switched(&text_of(bytes)?, &faults)?.into_bytes();
        }
        if packages.contains(file) {
            let text = text_of(bytes)?;
            bytes = format!("#![allow(warnings)]\n{text}{SWITCH}").into_bytes();
        }
        put(&to.join(file), &bytes, &from.join(file))?;
    }
    match of_file.first_key_value() {
        Some((file, _)) => Err(Error::other(format!("there is no file {}", file.display()))),
        None => clear(to, to, &files),
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(Error::other)
}

/// All files that belong to the sources, those among them that are not committed yet.
fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let listed = git.output()?;
    if !listed.status.success() {
        return Err(Error::other("git can't list the sources"));
    }
    let listed = text_of(listed.stdout)?;
    let files = listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    // One that was removed is listed until that is committed.
    Ok(files.filter(|file| root.join(file).is_file()).collect())
}

/// The `lib.rs` of the package that a file belongs to.
fn root_of_package(file: &str) -> Result<PathBuf> {
    let folder = file.split_once("src/").map(|(folder, _)| folder);
    let folder = folder.ok_or_else(|| Error::other(format!("{file} is not below a `src`")))?;
    Ok(PathBuf::from(format!("{folder}src/lib.rs")))
}

/// A file's text with each of its faults as a switch.
fn switched(text: &str, faults: &[&Fault]) -> Result<String> {
    let mut places: Vec<(Range<usize>, &Fault)> = Vec::new();
    for fault in faults {
        places.push((fault.place(text).map_err(Error::other)?, fault));
    }
    places.sort_by_key(|(place, _)| place.start);
    let mut all = String::with_capacity(text.len() * 2);
    let mut at = 0;
    for (place, fault) in places {
        if place.start < at {
            return Err(Error::other(format!("{} overlaps another fault", fault.name)));
        }
        all.push_str(&text[at..place.start]);
        all.push_str(&switch(fault, &text[place.clone()]));
        at = place.end;
    }
    all.push_str(&text[at..]);
    Ok(all)
}

/// The switch: a statement in braces, or an expression in parentheses.
fn switch(fault: &Fault, original: &str) -> String {
    let (name, faulty) = (&fault.name, fault.faulty.trim());
    let choice = format!("if crate::fault_is_on(\"{name}\") {{ {faulty} }} else {{ {original} }}");
    match original.ends_with([';', '}']) {
        true => format!("{{ {choice} }}"),
        false => format!("({choice})"),
    }
}

fn put(path: &Path, bytes: &[u8], like: &Path) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::metadata(like)?.permissions())
}

/// Removes what an earlier copy has left behind.
fn clear(root: &Path, folder: &Path, files: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let inner = path.strip_prefix(root).map_err(Error::other)?;
        if path.is_dir() {
            clear(root, &path, files)?;
        } else if !files.contains(inner) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
