//! Finds out whether a package has brought the service: then its package manager installs and
//! removes it.

use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::layout::{Layout, Owner};
use super::perform;
use super::steps::Refusal;

/// The package managers that can name the owner of a file: how they are asked, and how a package is
/// removed.
const MANAGERS: &[(&[&str], &str)] = &[
    (&["dpkg-query", "-S"], "apt remove transferd"),
    (&["rpm", "-qf"], "dnf remove transferd"),
    (&["pacman", "-Qo"], "pacman -R transferd"),
];

/// Nix's folder of installations, which only Nix changes.
const NIX_STORE: &str = "/nix/store";

/// A file in a place where only packages put theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packaged {
    file: PathBuf,
    /// How its package is removed; none if no package manager knows the file.
    removal: Option<&'static str>,
}

impl Packaged {
    /// The package's file, if there is one. `program` is the running one.
    pub(super) fn find(layout: &Layout, disk: &Disk<'_>, program: &Path) -> Option<Self> {
        if layout.is_here() && program.starts_with(NIX_STORE) {
            let removal = Some("take it out of the system's or the profile's configuration");
            return Some(Self { file: program.to_owned(), removal });
        }
        let file = layout.packaged_units().into_iter().find(|unit| disk.exists(unit))?;
        let removal = if layout.is_here() { owner_of(&file) } else { None };
        Some(Self { file, removal })
    }

    /// The file that was found.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Why nothing is installed beside it.
    pub(super) fn refusal(&self, layout: &Layout) -> Refusal {
        let start = match layout.owner {
            Owner::System => "systemctl enable --now transferd",
            Owner::User => "systemctl --user enable --now transferd",
        };
        let hint = match self.removal {
            Some(removal) => format!(
                "`{start}` starts its service; to install another one, remove the package first \
                 ({removal})"
            ),
            None => format!(
                "`{start}` starts its service; no package manager knows that file: to install \
                 another one, move it away first"
            ),
        };
        let file = self.file.display();
        Refusal { words: format!("a package has put the service in place (`{file}`)"), hint }
    }
}

/// How to remove the package that owns a file.
fn owner_of(file: &Path) -> Option<&'static str> {
    let file = file.to_string_lossy();
    MANAGERS.iter().find_map(|(ask, removal)| {
        let command: Vec<_> =
            ask.iter().map(|word| (*word).to_owned()).chain([file.to_string()]).collect();
        // Most machines have one of them: a missing one knows nothing.
        matches!(perform::output(&command), Ok((0, _))).then_some(*removal)
    })
}
