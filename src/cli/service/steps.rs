//! The steps of an installation or removal, as a list that is shown by `--print` and carried out
//! without it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::render::words::bytes;
use super::disk::Disk;
use super::layout::{Layout, Owner, WantedFile};

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Put a file in place, whole or not at all.
    Write(WantedFile),
    /// Remove a file.
    Remove(PathBuf),
    /// Run a program of systemd.
    Run { command: Vec<String>, why: &'static str },
}

/// Why nothing is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) words: String,
    pub(super) hint: String,
}

/// A step in `--json`.
#[derive(Debug, Serialize)]
pub(super) struct StepDocument {
    action: &'static str,
    path: Option<PathBuf>,
    mode: Option<String>,
    command: Option<Vec<String>>,
    what: &'static str,
}

impl Step {
    /// A line for people.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Write(WantedFile { path, mode, content, what }) => {
                let size = bytes(content.len() as u64);
                format!("write   {} ({what}, mode {mode:04o}, {size})", path.display())
            }
            Self::Remove(path) => format!("remove  {}", path.display()),
            Self::Run { command, why } => format!("run     {} ({why})", command.join(" ")),
        }
    }

    /// For `--json`.
    pub(super) fn document(&self) -> StepDocument {
        let (action, path, mode, command, what) = match self {
            Self::Write(WantedFile { path, mode, what, .. }) => {
                ("write", Some(path.clone()), Some(format!("{mode:04o}")), None, *what)
            }
            Self::Remove(path) => ("remove", Some(path.clone()), None, None, "not needed any more"),
            Self::Run { command, why } => ("run", None, None, Some(command.clone()), *why),
        };
        StepDocument { action, path, mode, command, what }
    }
}

/// The steps left until all of `wanted` is in place; none if it is.
///
/// # Errors
/// Another program's file is in the way.
pub(super) fn install(
    layout: &Layout,
    wanted: Vec<WantedFile>,
    disk: &Disk<'_>,
) -> Result<Vec<Step>, Refusal> {
    let listed = disk.listed();
    let mut foreign = Vec::new();
    let mut writes = Vec::new();
    for file in &wanted {
        if disk.holds(file) {
            continue;
        }
        if disk.exists(&file.path) && !listed.contains(&file.path) {
            foreign.push(format!("`{}`", file.path.display()));
        }
        writes.push(file.clone());
    }
    if !foreign.is_empty() {
        return Err(Refusal {
            words: format!("not ours, and in the way: {}", foreign.join(", ")),
            hint: "move them away, and try again: only what `service install` has written is \
                   ever replaced"
                .to_owned(),
        });
    }
    let left_over: Vec<PathBuf> = listed
        .into_iter()
        .filter(|path| disk.exists(path) && wanted.iter().all(|file| file.path != *path))
        .collect();
    let list = |with: &[PathBuf]| list(layout, &wanted, with);
    let mut steps = Vec::new();
    // The list goes first: whatever ends the installation, it names all files that were written.
    let before = list(&left_over);
    if !disk.holds(&before) {
        steps.push(Step::Write(before));
    }
    let changes = Changes::of(layout, &wanted, &writes);
    steps.extend(writes.into_iter().map(Step::Write));
    if !left_over.is_empty() {
        steps.extend(left_over.into_iter().map(Step::Remove));
        steps.push(Step::Write(list(&[])));
    }
    if layout.is_here() {
        steps.extend(after_install(layout, disk, changes));
    }
    Ok(steps)
}

/// The new parts of the service.
#[derive(Clone, Copy)]
struct Changes {
    unit: bool,
    program: bool,
    makers: bool,
}

impl Changes {
    fn of(layout: &Layout, wanted: &[WantedFile], writes: &[WantedFile]) -> Self {
        let is_written = |path: &Path| writes.iter().any(|file| file.path == path);
        let program = wanted.iter().find(|file| file.mode & 0o111 != 0);
        Self {
            unit: writes.iter().any(|file| layout.is_unit(&file.path)),
            program: program.is_some_and(|file| is_written(&file.path)),
            makers: layout
                .makers()
                .is_some_and(|(sysusers, tmpfiles)| is_written(&sysusers) || is_written(&tmpfiles)),
        }
    }
}

/// The steps that make the system use the new files.
fn after_install(layout: &Layout, disk: &Disk<'_>, changes: Changes) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some((sysusers, tmpfiles)) = layout.makers()
        && (changes.makers || !disk.is_prepared())
    {
        let mut make = |program: &str, arguments: &[&str], file: &Path, why| {
            let mut command = vec![program.to_owned()];
            command.extend(arguments.iter().map(|word| (*word).to_owned()));
            command.push(file.to_string_lossy().into_owned());
            steps.push(Step::Run { command, why });
        };
        make("systemd-sysusers", &[], &sysusers, "makes the user `transferd`");
        make("systemd-tmpfiles", &["--create"], &tmpfiles, "makes /etc/transferd");
    }
    if changes.unit {
        steps.push(systemctl(layout, &["daemon-reload"], "reads the unit"));
    }
    if changes.unit || changes.program {
        let why = "a service that runs goes on with what is new; disturbs no transfer";
        steps.push(systemctl_units(layout, &["try-restart"], why));
    }
    steps
}

/// The steps that remove everything that was installed, and nothing else.
pub(super) fn uninstall(layout: &Layout, disk: &Disk<'_>) -> Vec<Step> {
    let listed: Vec<_> = disk.listed().into_iter().filter(|path| disk.exists(path)).collect();
    let has_unit = listed.contains(&layout.unit());
    let mut steps = Vec::new();
    if has_unit && layout.is_here() {
        let why = "stops the service for good; transfers go on at the agent";
        steps.push(systemctl_units(layout, &["disable", "--now"], why));
    }
    steps.extend(listed.into_iter().map(Step::Remove));
    if disk.exists(&layout.list()) {
        // Last, so that the rest after a failure can still be found.
        steps.push(Step::Remove(layout.list()));
    }
    if has_unit && layout.is_here() {
        steps.push(systemctl(layout, &["daemon-reload"], "forgets the unit"));
    }
    steps
}

/// The list of installed files.
fn list(layout: &Layout, wanted: &[WantedFile], more: &[PathBuf]) -> WantedFile {
    let mut text = String::from("# What `transferd service uninstall` takes away.\n");
    for path in wanted.iter().map(|file| &file.path).chain(more) {
        text.push_str(&format!("{}\n", path.display()));
    }
    WantedFile {
        path: layout.list(),
        mode: 0o644,
        content: text.into_bytes(),
        what: "the list of these files",
    }
}

/// Does the same to all units.
fn systemctl_units(layout: &Layout, verb: &[&str], why: &'static str) -> Step {
    systemctl(layout, &[verb, layout.unit_names()].concat(), why)
}

fn systemctl(layout: &Layout, arguments: &[&str], why: &'static str) -> Step {
    let user = match layout.owner {
        Owner::System => None,
        Owner::User => Some("--user"),
    };
    let words = ["systemctl"].into_iter().chain(user).chain(arguments.iter().copied());
    Step::Run { command: words.map(str::to_owned).collect(), why }
}
