//! Carries out steps, one after another. Each is safe to repeat.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;

use super::super::ask::runtime;
use super::layout::{Layout, WantedFile};
use super::limits::{PROGRAM_TIMEOUT, SAID_MAX};
use super::steps::Step;
use crate::core::plain::one_line;

/// Carries out a step.
///
/// # Errors
/// A message: what failed, and why.
pub(super) fn perform(
    step: &Step,
    layout: &Layout,
    run: &mut dyn FnMut(&[String]) -> Result<(), String>,
) -> Result<(), String> {
    let failed = |path: &Path, error: io::Error| format!("`{}`: {error}", path.display());
    match step {
        Step::Write(file) => {
            write(&layout.on_disk(&file.path), file).map_err(|error| failed(&file.path, error))
        }
        Step::Remove(path) => remove(&layout.on_disk(path)).map_err(|error| failed(path, error)),
        Step::Run { command, .. } => run(command),
    }
}

/// Puts a file in place at once, so that nobody ever finds a part of it.
fn write(path: &Path, file: &WantedFile) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    make_folders(folder)?;
    let mut new = tempfile::Builder::new().prefix(".transferd-").tempfile_in(folder)?;
    new.write_all(&file.content)?;
    // Independent of the umask: everybody may read it, only its owner may change it.
    new.as_file().set_permissions(Permissions::from_mode(file.mode))?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Creates a folder and those above it; existing ones stay as they are.
fn make_folders(folder: &Path) -> io::Result<()> {
    const MODE: u32 = 0o755;
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folders(above)?;
    }
    match DirBuilder::new().mode(MODE).create(folder) {
        // The umask may have removed others' access to it.
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(MODE)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes a file, and our own folder with the last file in it.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if let Some(folder) = path.parent().filter(|folder| folder.ends_with("transferd")) {
        // If it holds anything else, it is not ours alone: then it stays.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// Runs a program of systemd to its end.
///
/// # Errors
/// A message: it can't be started, fails, or takes too long.
pub(super) fn run(command: &[String]) -> Result<(), String> {
    let (code, said) = output(command)?;
    match code {
        0 => Ok(()),
        code => {
            let said = one_line(&said, SAID_MAX);
            Err(format!("`{}` exits {code}: {said}", command.join(" ")))
        }
    }
}

/// Runs a program to its end; returns its exit code, and its output on both streams.
///
/// # Errors
/// A message: it can't be started, was killed, or takes too long.
pub(super) fn output(command: &[String]) -> Result<(i32, String), String> {
    let shown = command.join(" ");
    let (program, arguments) = command.split_first().ok_or("no program is named")?;
    let runtime = runtime().map_err(|error| format!("`{shown}` can't be run: {error}"))?;
    let output = runtime.block_on(async {
        let mut child = tokio::process::Command::new(program);
        child.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        tokio::time::timeout(PROGRAM_TIMEOUT, child.output()).await
    });
    let output = output
        .map_err(|_| format!("`{shown}` has not ended after {PROGRAM_TIMEOUT:?}"))?
        .map_err(|error| format!("`{shown}` can't be run: {error}"))?;
    let code = output.status.code().ok_or_else(|| format!("`{shown}`: {}", output.status))?;
    let said = [output.stdout, output.stderr].concat();
    Ok((code, String::from_utf8_lossy(&said).trim().to_owned()))
}
