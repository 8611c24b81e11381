//! A disk whose flushes fail when the test says so: `failing_disk.c`, built by the system's C
//! compiler and put before the C library of the stage's daemon.
//!
//! Owns the files by which that is told what is to fail, and hears of each flush that has. Knows
//! nothing of what the daemon writes.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::stage::{Stage, until};

/// Each flush that fails doubles the daemon's wait before the next try, up to 15 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a flush that failed has left of what was written since the last good one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// All of it.
    Kept,
    /// Nothing.
    Lost,
}

impl Left {
    fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Lost => "lost",
        }
    }
}

/// The disk of a stage's state folder. It is well until it is told to fail.
pub(crate) struct FailingDisk {
    controls: PathBuf,
}

impl FailingDisk {
    /// Puts the state of this stage on such a disk, from its daemon's next start on.
    pub(crate) fn of(stage: &mut Stage) -> Self {
        let controls = stage.path().join("disk");
        std::fs::DirBuilder::new().mode(0o700).create(&controls).unwrap();
        let library = stage.path().join("failing_disk.so");
        compile(&library);
        // The kernel names files without the links that led there.
        let state = stage.state();
        let folder = state.parent().expect("it lies in a folder").canonicalize().unwrap();
        let state = folder.join(state.file_name().expect("it has a name"));
        for (name, path) in
            [("LD_PRELOAD", &library), ("FAILING_DISK", &controls), ("FAILING_DISK_OF", &state)]
        {
            stage.environment.push((name, path.to_str().expect("a temporary folder").to_owned()));
        }
        Self { controls }
    }

    /// Lets the next flush fail.
    pub(crate) fn fail_next(&self, left: Left) {
        self.ask("next", left);
    }

    /// Lets each flush fail until the disk is mended.
    pub(crate) fn fail_each(&self, left: Left) {
        self.ask("each", left);
    }

    /// Lets each flush hang until the disk is mended, and waits for the first that does.
    pub(crate) fn hang(&self) {
        std::fs::write(self.controls.join("hang"), "").unwrap();
        until("a flush hangs", PATIENCE, || self.controls.join("hung").exists().then_some(()));
    }

    /// Lets the first flushes of the daemons that are started from now on pass anyway.
    pub(crate) fn spare_first(&self, stage: &mut Stage, flushes: usize) {
        let name = "FAILING_DISK_SPARES";
        stage.environment.retain(|(other, _)| *other != name);
        stage.environment.push((name, flushes.to_string()));
    }

    /// Lets no flush fail or hang any more.
    pub(crate) fn mend(&self) {
        for name in ["next.kept", "next.lost", "each.kept", "each.lost", "hang"] {
            // Those that are not there have struck, or were not asked for.
            let _ = std::fs::remove_file(self.controls.join(name));
        }
    }

    /// How many flushes have failed.
    pub(crate) fn failed(&self) -> usize {
        // Without the file none has.
        std::fs::read(self.controls.join("failed")).map_or(0, |log| log.len())
    }

    /// Waits until more flushes have failed than these.
    pub(crate) fn until_more_have_failed(&self, before: usize) {
        until("a flush fails", PATIENCE, || (self.failed() > before).then_some(()));
    }

    fn ask(&self, which: &str, left: Left) {
        std::fs::write(self.controls.join(format!("{which}.{}", left.name())), "").unwrap();
    }
}

/// Builds the shared object.
fn compile(library: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/failing_disk.c");
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o"])
        .args([library, &source])
        .output()
        .unwrap_or_else(|error| {
            panic!("`cc` can't be started, a C compiler that SQLite's build needs too: {error}")
        });
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`cc` can't build {}:\n{words}", source.display());
}
