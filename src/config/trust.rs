//! Whether root may run the commands that a job file names: only if nobody else can change them.
//!
//! Who is not root loses nothing by it: what can change their job file can as well change what they
//! run. Keeps true: each file is looked at with all folders that lead to it, on the way of its name
//! and on that of what the name stands for, as whoever can rename a folder can put another file there.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Severity};
use super::sources::Sources;
use crate::core::job::{AlertChannel, JobSet};

/// Says why root must not take a job set; nothing for one that names no command.
///
/// # Errors
/// What somebody else can change, and what to do.
pub fn fit_for_root(sources: &Sources, set: &JobSet) -> Result<(), Box<Diagnostic>> {
    let has_command =
        set.alerts.iter().any(|alert| matches!(alert.channel, AlertChannel::Command(_)));
    if !has_command {
        return Ok(());
    }
    let paths = sources.files.iter().map(|file| sources.base.join(&file.path));
    let changeable = paths.filter_map(|path| changeable_by_others(&path)).next();
    match changeable {
        None => Ok(()),
        Some(path) => Err(Box::new(Diagnostic {
            file: sources.root.display().to_string(),
            line: 1,
            column: 1,
            path: "alerts".to_owned(),
            message: format!(
                "root would run a `command` of these alerts, and somebody else can change `{}`",
                path.display()
            ),
            hint: Some(
                "let it be root's and writable by root alone, or run as another user".to_owned(),
            ),
            severity: Severity::Error,
            excerpts: Vec::new(),
        })),
    }
}

/// The file, or a folder on the way to it, that somebody other than root can change.
fn changeable_by_others(path: &Path) -> Option<PathBuf> {
    let meant = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let ways = path.ancestors().chain(meant.ancestors());
    let ways = ways.filter(|way| !way.as_os_str().is_empty());
    ways.map(Path::to_owned).find(|way| match fs::metadata(way) {
        Ok(found) => is_others(found.uid(), found.gid(), found.mode()),
        // What can't be looked at can't be trusted.
        Err(_) => true,
    })
}

/// True unless only root can change it; entries of a sticky folder are their owners' (chmod(1)).
fn is_others(owner: u32, group: u32, mode: u32) -> bool {
    const FOLDER: u32 = 0o040_000;
    const STICKY: u32 = 0o1000;
    let writable = mode & 0o002 != 0 || (mode & 0o020 != 0 && group != 0);
    let kept_apart = mode & 0o170_000 == FOLDER && mode & STICKY != 0;
    owner != 0 || (writable && !kept_apart)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_what_root_alone_can_write_is_roots() {
        for (owner, group, mode, others) in [
            (0, 0, 0o100_644, false),
            (0, 0, 0o100_664, false),
            (0, 1000, 0o100_664, true),
            (0, 0, 0o100_666, true),
            (1000, 0, 0o100_600, true),
            (0, 0, 0o040_755, false),
            (0, 0, 0o040_777, true),
            (0, 0, 0o041_777, false),
            // A file is not kept apart by that bit.
            (0, 0, 0o101_666, true),
        ] {
            assert_eq!(is_others(owner, group, mode), others, "{owner} {group} {mode:o}");
        }
    }

    #[test]
    fn folders_and_what_links_stand_for_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("open").join("jobs.yaml");
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(&file, "jobs: {}").unwrap();
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(file.parent().unwrap(), open).unwrap();
        let link = folder.path().join("link.yaml");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [file, link, folder.path().join("missing.yaml")] {
            assert!(changeable_by_others(&path).is_some(), "{}", path.display());
        }
        assert_eq!(changeable_by_others(Path::new("/")), None);
    }
}
