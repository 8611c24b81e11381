//! Checks the owner of a state folder. The owner of it, or of a folder on the way to it, could
//! replace the daemon's database or socket with their own: so all of them have to be ours or
//! root's.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FileType, Stat};

use super::{DATABASE, MODE, lock, unusable};
use crate::store::{StoreError, io_error};
use crate::trusted;

/// The user id that stands for all users that a container does not know (user_namespaces(7)).
const UNKNOWN_USER: u32 = 65_534;

/// The identity of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Us {
    user: u32,
    group: u32,
    /// Users that this container does not know can't be told apart.
    contained: bool,
}

impl Us {
    pub(super) fn here() -> Self {
        let (user, group) =
            (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let all = ["0", "0", "4294967295"];
        let contained = !map.is_empty() && map.split_whitespace().ne(all);
        Self { user, group, contained }
    }

    #[cfg(test)]
    pub(super) fn of(user: u32) -> Self {
        Self { user, group: user, contained: false }
    }

    fn trust(self, owner: u32) -> bool {
        owner == self.user || owner == 0 || (self.contained && owner == UNKNOWN_USER)
    }
}

/// Refuses a folder that is not ours, where others could add, remove or exchange files; removes
/// others' access to one that is plainly for us alone.
pub(super) fn keep_to_ourselves(path: &Path, us: Us) -> Result<(), StoreError> {
    let fault = |error: std::io::Error| io_error(path, &error);
    let folder = fs::metadata(path).map_err(fault)?;
    if folder.uid() != us.user {
        // Where we may not even read, that is the error to report.
        fs::read_dir(path).map_err(fault)?;
        let detail = format!(
            "it belongs to user {}, and this daemon runs as user {}; run as that user, or name \
             another folder with `--state-dir`",
            folder.uid(),
            us.user
        );
        return Err(unusable(path, &detail));
    }
    check_way(path, us)?;
    let mode = folder.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    if is_for_us_alone(path)? {
        return fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(fault);
    }
    if mode & 0o002 != 0 {
        return Err(unusable(path, "everybody may write to it; name a folder of its own"));
    }
    if mode & 0o020 != 0 {
        return Err(unusable(path, "its group may write to it; name a folder of its own"));
    }
    tracing::warn!(
        "others may look into the state folder `{}`: it holds other things too; better give it a \
         folder of its own",
        path.display()
    );
    Ok(())
}

/// Refuses a folder below one in which others could replace it, or by way of a link that others
/// could point elsewhere.
fn check_way(path: &Path, us: Us) -> Result<(), StoreError> {
    for (passed, found) in trusted::way_to(path).map_err(|error| io_error(path, &error))? {
        if let Some(who) = who_could_change(&found, us) {
            let detail = format!(
                "{who} could put another folder in its place, by way of `{}`; name a folder \
                 elsewhere with `--state-dir`",
                passed.display()
            );
            return Err(unusable(path, &detail));
        }
    }
    Ok(())
}

/// The users, besides us and root, who could rename files in a folder, or change a link.
fn who_could_change(found: &Stat, us: Us) -> Option<String> {
    if !us.trust(found.st_uid) {
        return Some(format!("user {}", found.st_uid));
    }
    // The mode of a link means nothing (symlink(7)); in a sticky folder only the owner of a file
    // may rename it (inode(7)).
    let mode = found.st_mode;
    if FileType::from_raw_mode(mode) == FileType::Symlink || mode & 0o1000 != 0 {
        return None;
    }
    if mode & 0o002 != 0 {
        return Some("everybody".to_owned());
    }
    // By custom, a user's own group has the user's number, or it is the one we run in.
    let own_group = [0, us.user, us.group].contains(&found.st_gid);
    (mode & 0o020 != 0 && !own_group).then(|| format!("group {}", found.st_gid))
}

/// True for a folder that is empty or holds our database.
fn is_for_us_alone(path: &Path) -> Result<bool, StoreError> {
    let mut empty = true;
    let entries = fs::read_dir(path).map_err(|error| io_error(path, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| io_error(path, &error))?;
        let name = entry.file_name();
        // With an explicit `--state-dir` a dead daemon's socket lies there too.
        if !name.as_bytes().starts_with(b"transferd.") && name != "control.sock" {
            return Ok(false);
        }
        empty = false;
    }
    Ok(empty || path.join(DATABASE).exists() || path.join(lock::NAME).exists())
}
