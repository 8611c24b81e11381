//! Finds the files in a folder, and those that an `include` names.
//!
//! Keeps true: the order depends on names alone, and hidden files are only found by name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;

use super::bounds::{GLOB_BYTES, GLOB_ENTRIES};
use crate::core::meant::is_glob;

/// The matches of a pattern.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// Files, in name order.
    pub(crate) files: Vec<PathBuf>,
    /// Folders that were read, whose change may change the matches.
    pub(crate) folders: Vec<PathBuf>,
}

/// A folder's job files.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// Its `*.yaml` and `*.yml` files, in name order.
    pub(crate) files: Vec<PathBuf>,
    /// Files that were probably meant to be among them, such as `a.YAML`.
    pub(crate) passed_over: Vec<PathBuf>,
}

/// The job files of a folder.
pub(crate) fn folder(folder: &Path) -> io::Result<Folder> {
    let mut found = Folder::default();
    for (i, entry) in fs::read_dir(folder)?.enumerate() {
        if i >= GLOB_ENTRIES {
            let words = format!(
                "it has more than {GLOB_ENTRIES} entries: is it the right one? keep the job files \
                 in a folder of their own"
            );
            return Err(io::Error::other(words));
        }
        let name = entry?.file_name();
        let path = Path::new(&name);
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let yaml = matches!(ending, "yaml" | "yml");
        let nearly = ["yaml", "yml"].iter().any(|known| known.eq_ignore_ascii_case(ending));
        let hidden = name.as_encoded_bytes().starts_with(b".");
        // A link that leads nowhere is an error later; only folders are passed over.
        if nearly && !hidden && !folder.join(&name).is_dir() {
            let list = if yaml { &mut found.files } else { &mut found.passed_over };
            list.push(folder.join(&name));
        }
    }
    found.files.sort();
    found.passed_over.sort();
    Ok(found)
}

/// The files that a pattern matches. A plain name yields itself, whether or not the file exists.
pub(crate) fn expand(beside: &Path, pattern: &str) -> Result<Matches, String> {
    let mut matches = Matches::default();
    if pattern.len() > GLOB_BYTES {
        return Err(format!("a pattern has {GLOB_BYTES} bytes at most, found {}", pattern.len()));
    }
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
            .map_err(|error| format!("`{pattern}` is not a valid glob: {}", error.kind()))?
            .compile_matcher();
        let mut next = Vec::new();
        for folder in found {
            // A missing folder matches nothing, as with a shell's glob.
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
        // A plain name after a glob: the glob matches where the file exists, and it may be created
        // elsewhere.
        matches.folders.extend(found.iter().filter_map(|path| path.parent().map(Path::to_owned)));
        found.retain(|path| fs::symlink_metadata(path).is_ok_and(|entry| !entry.is_dir()));
    }
    matches.files = found;
    Ok(matches)
}

fn non_empty(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_patterns_are_compiled_and_longer_ones_refused() {
        for piece in ["*", "?", "[!a]", "{a,b}", "[a-z]", "{a,{b,c}}"] {
            let pattern = piece.repeat(GLOB_BYTES / piece.len());
            // It only has to return at all.
            let _ = expand(Path::new("/nowhere"), &pattern);
            assert!(
                expand(Path::new("/nowhere"), &piece.repeat(GLOB_BYTES)).is_err()
                    || piece.len() == 1
            );
        }
        let refused = expand(Path::new("/"), &"*".repeat(100_000)).unwrap_err();
        assert_eq!(refused, "a pattern has 4096 bytes at most, found 100000");
    }
}
