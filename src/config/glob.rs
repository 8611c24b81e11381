//! Finds the files that a folder holds or that an `include` names.
//!
//! Keeps true: the order depends on names alone, and hidden files are only found by name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;

use super::bounds::GLOB_ENTRIES;

/// What a pattern found.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// Files, in name order.
    pub(crate) files: Vec<PathBuf>,
    /// Folders that were looked through, whose change may change the files.
    pub(crate) folders: Vec<PathBuf>,
}

/// The `*.yaml` and `*.yml` files of a folder, in name order.
pub(crate) fn folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)?.take(GLOB_ENTRIES) {
        let name = entry?.file_name();
        let path = Path::new(&name);
        let yaml = matches!(path.extension().and_then(|e| e.to_str()), Some("yaml" | "yml"));
        let hidden = name.as_encoded_bytes().starts_with(b".");
        // A link that leads nowhere is an error later; only folders are passed over.
        if yaml && !hidden && !folder.join(&name).is_dir() {
            files.push(folder.join(&name));
        }
    }
    files.sort();
    Ok(files)
}

/// The files that a pattern names. A plain name gives itself, there or not.
pub(crate) fn expand(beside: &Path, pattern: &str) -> Result<Matches, String> {
    let mut matches = Matches::default();
    if !is_glob(pattern) {
        matches.files.push(beside.join(pattern));
        return Ok(matches);
    }
    let mut found = vec![beside.to_owned()];
    let mut looked_at = 0_usize;
    let parts: Vec<&str> = pattern.split('/').collect();
    let last = parts.len() - 1;
    for (i, part) in parts.iter().enumerate() {
        if i == 0 && part.is_empty() {
            found = vec![PathBuf::from("/")];
            continue;
        }
        if part.is_empty() {
            continue;
        }
        if *part == "**" {
            return Err("`**` is not understood here; name each level: `*/*.yaml`".to_owned());
        }
        if !is_glob(part) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let matcher = GlobBuilder::new(part)
            .literal_separator(true)
            .build()
            .map_err(|error| format!("`{pattern}` is no glob: {}", error.kind()))?
            .compile_matcher();
        let mut next = Vec::new();
        for folder in found {
            // A folder that is not there matches nothing, as a shell's glob would.
            let Ok(entries) = fs::read_dir(non_empty(&folder)) else {
                matches.folders.push(folder);
                continue;
            };
            for entry in entries.flatten() {
                looked_at += 1;
                if looked_at > GLOB_ENTRIES {
                    return Err(format!("`{pattern}` looks at more than {GLOB_ENTRIES} files"));
                }
                let name = entry.file_name();
                let hidden = name.as_encoded_bytes().starts_with(b".") && !part.starts_with('.');
                let path = folder.join(&name);
                if !hidden && matcher.is_match(&name) && (i == last) != path.is_dir() {
                    next.push(path);
                }
            }
            matches.folders.push(folder);
        }
        next.sort();
        found = next;
    }
    if parts.last().is_some_and(|part| !is_glob(part)) {
        // A plain name behind a glob: the glob matches where it is there, and may come elsewhere.
        matches.folders.extend(found.iter().filter_map(|path| path.parent().map(Path::to_owned)));
        found.retain(|path| fs::symlink_metadata(path).is_ok_and(|entry| !entry.is_dir()));
    }
    matches.files = found;
    Ok(matches)
}

/// True when a name holds what globs are made of.
pub(crate) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

fn non_empty(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}
