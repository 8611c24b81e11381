//! Checks the owner of a state folder. The owner of it, or of a folder on the way to it, could
//! replace the daemon's database or socket with their own: so all of them have to be ours or
//! root's.

use std::fs::{self, Metadata, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::{DATABASE, MODE, lock, unusable};
use crate::store::{StoreError, io_error};

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
    check_parents(&path.canonicalize().map_err(fault)?, us)?;
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

/// Refuses a folder below one in which others could replace it.
fn check_parents(path: &Path, us: Us) -> Result<(), StoreError> {
    for parent in path.ancestors().skip(1) {
        let found = fs::metadata(parent).map_err(|error| io_error(parent, &error))?;
        if let Some(who) = who_could_change(&found, us) {
            let detail = format!(
                "{who} could put another folder in its place, by way of `{}`; name a folder \
                 elsewhere with `--state-dir`",
                parent.display()
            );
            return Err(unusable(path, &detail));
        }
    }
    Ok(())
}

/// The users, besides us and root, who could rename files in a folder.
fn who_could_change(folder: &Metadata, us: Us) -> Option<String> {
    if !us.trust(folder.uid()) {
        return Some(format!("user {}", folder.uid()));
    }
    let mode = folder.permissions().mode();
    // In a sticky folder only the owner of a file may rename it (inode(7)).
    if mode & 0o1000 != 0 {
        return None;
    }
    if mode & 0o002 != 0 {
        return Some("everybody".to_owned());
    }
    // By custom, a user's own group has the user's number, or it is the one we run in.
    let own_group = [0, us.user, us.group].contains(&folder.gid());
    (mode & 0o020 != 0 && !own_group).then(|| format!("group {}", folder.gid()))
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
