//! Where the job file is looked for when none is named. The current folder is never searched.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The system's job file.
pub const SYSTEM: &str = "/etc/transferd/jobs.yaml";

/// The default job file: the system's for root and the system service, else the user's own.
///
/// `xdg_config_home` and `home` are the environment's `XDG_CONFIG_HOME` and `HOME`; relative ones
/// do not count (XDG base directory specification). `None` if both are missing.
pub fn default_path(
    system: bool,
    xdg_config_home: Option<&OsStr>,
    home: Option<&OsStr>,
) -> Option<PathBuf> {
    if system {
        return Some(PathBuf::from(SYSTEM));
    }
    let folder = match absolute(xdg_config_home) {
        Some(folder) => folder.to_owned(),
        None => absolute(home)?.join(".config"),
    };
    Some(folder.join("transferd/jobs.yaml"))
}

fn absolute(value: Option<&OsStr>) -> Option<&Path> {
    value.map(Path::new).filter(|path| path.is_absolute())
}
