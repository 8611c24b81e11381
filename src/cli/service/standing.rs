//! `service status`: what is installed, by whom, and whether it matches what this program would
//! install.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::disk::Disk;
use super::layout::{Layout, Owner, UNIT, WantedFile};
use super::package::Packaged;
use super::perform;

/// The state of a service, in the form of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct StandingDocument {
    service: &'static str,
    pub(super) installed: bool,
    /// `package` or `service install`; null if nothing is installed.
    by: Option<&'static str>,
    unit: Option<PathBuf>,
    program: Option<PathBuf>,
    /// Files that are missing or differ from this version's; null for a package's.
    differing: Option<Vec<PathBuf>>,
    /// In the words of `systemctl is-enabled`; null if it can't be asked.
    enabled: Option<String>,
    /// In the words of `systemctl is-active`; null if it can't be asked.
    active: Option<String>,
}

impl StandingDocument {
    /// Finds out the state.
    pub(super) fn of(layout: &Layout, wanted: &[WantedFile], program: &Path) -> Self {
        let disk = Disk::of(layout);
        let packaged = Packaged::find(layout, &disk, program);
        let own = disk.exists(&layout.unit());
        let (by, unit) = match &packaged {
            _ if own => (Some("service install"), Some(layout.unit())),
            Some(packaged) => (Some("package"), Some(packaged.file().to_owned())),
            None => (None, None),
        };
        let differing = own.then(|| {
            let differing = wanted.iter().filter(|file| !disk.holds(file));
            differing.map(|file| file.path.clone()).collect()
        });
        Self {
            service: match layout.owner {
                Owner::System => "system",
                Owner::User => "user",
            },
            installed: by.is_some(),
            by,
            program: unit.as_ref().and_then(|unit| program_of(&disk.text(unit)?)),
            unit,
            differing,
            enabled: asked(layout, "is-enabled"),
            active: asked(layout, "is-active"),
        }
    }

    /// The state for people.
    pub(super) fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(by) = self.by else {
            writeln!(out, "no {} service is installed", self.service)?;
            return out.flush();
        };
        writeln!(out, "service  {}, installed by {by}", self.service)?;
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map_or("unknown".to_owned(), |path| path.display().to_string())
        };
        writeln!(out, "unit     {}", path(&self.unit))?;
        writeln!(out, "program  {}", path(&self.program))?;
        if let Some(differing) = &self.differing {
            let version = env!("CARGO_PKG_VERSION");
            if differing.is_empty() {
                writeln!(out, "files    as transferd {version} has them")?;
            }
            for file in differing {
                writeln!(out, "differs  {}", file.display())?;
            }
        }
        for (name, word) in [("enabled", &self.enabled), ("active", &self.active)] {
            writeln!(out, "{name:7}  {}", word.as_deref().unwrap_or("unknown"))?;
        }
        out.flush()
    }
}

/// The program that a unit runs.
fn program_of(unit: &str) -> Option<PathBuf> {
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart="))?;
    let program = match command.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => command.split_whitespace().next()?,
    };
    Some(program.replace("%%", "%").into())
}

/// systemd's answer about the unit.
fn asked(layout: &Layout, question: &str) -> Option<String> {
    if !layout.is_here() {
        return None;
    }
    let user = match layout.owner {
        Owner::System => None,
        Owner::User => Some("--user"),
    };
    let words = ["systemctl"].into_iter().chain(user).chain([question, UNIT]);
    let command: Vec<_> = words.map(str::to_owned).collect();
    // The exit code adds nothing to the word; several words are an error's sentence.
    let (_, said) = perform::output(&command).ok()?;
    let word = said.lines().next()?;
    (!word.contains(' ')).then(|| word.to_owned())
}
