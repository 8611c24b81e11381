//! The program of a command: found as execvp(3) finds it, and, as root, only run if nobody else can
//! change it.
//!
//! Its arguments are its own business, files among them too: an interpreter that root runs on
//! somebody's script can't be told from a program that root runs on somebody's data.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{env, io};

use crate::trusted;
use crate::words::without_innards;

/// The folders that are searched where `PATH` is not set, as by execvp(3).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The program to run; or why none is, as a message.
pub(super) fn find(program: &str) -> Result<PathBuf, String> {
    if !rustix::process::geteuid().is_root() {
        return Ok(program.into());
    }
    let path = located(program);
    trusted::open(&path).map(|_| path).map_err(|error| match trusted::is_changeable(&error) {
        true => format!("`{program}` is not run: {error}; {}", trusted::HINT),
        false => not_run(program, &error),
    })
}

/// Says that a program can't be run, and why.
pub(super) fn not_run(program: &str, error: &io::Error) -> String {
    format!("`{program}` can't be run: {}", without_innards(&error.to_string()))
}

/// The path of a program: a name without a slash is looked up in `PATH`.
pub(super) fn located(program: &str) -> PathBuf {
    let runs = |path: &PathBuf| {
        path.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return program.into();
    }
    let folders = env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    let mut paths = env::split_paths(&folders).map(|folder| folder.join(program));
    paths.find(runs).unwrap_or_else(|| Path::new(program).to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::chown;

    use super::*;

    #[test]
    fn root_runs_no_program_that_somebody_else_can_change() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("tell");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let named = program.to_str().unwrap();
        assert_eq!(find(named), Ok(program.clone()));
        chown(&program, Some(65_534), None).unwrap();
        let refused = find(named).unwrap_err();
        assert!(refused.contains("tell` is not run: root obeys only"), "{refused}");
        fs::remove_file(&program).unwrap();
        assert!(find(named).unwrap_err().contains("can't be run: No such file"));
    }

    #[test]
    fn a_name_is_looked_up_as_a_shell_does() {
        assert!(located("sh").is_absolute());
        assert_eq!(located("./sh"), Path::new("./sh"));
        assert_eq!(located("no such program"), Path::new("no such program"));
    }
}
