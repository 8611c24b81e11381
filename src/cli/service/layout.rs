//! The layout of a service that was installed without a package: paths and contents of its files.
//!
//! Everything is below `/usr/local`, or below the user's own folders: packages put their files
//! elsewhere, and `systemctl edit` writes a person's changes elsewhere again. Knows names and
//! contents only; whether anything is there is for others to find out.

use std::path::{Path, PathBuf};

use clap_complete::Shell;

use super::super::{completions, man};

/// The units and their files, as packages have them.
const SYSTEM_UNIT: &str = include_str!("../../../systemd/transferd.service");
const USER_UNIT: &str = include_str!("../../../systemd/user/transferd.service");
const DESKTOP_UNIT: &str = include_str!("../../../systemd/user/transferd-desktop.service");
const SYSUSERS: &str = include_str!("../../../systemd/transferd.sysusers.conf");
const TMPFILES: &str = include_str!("../../../systemd/transferd.tmpfiles.conf");

/// The path in the units of a program from a package.
const PACKAGED_PROGRAM: &str = "/usr/bin/transferd";

/// The unit's name, for `systemctl`.
pub(super) const UNIT: &str = "transferd.service";

/// The name of the unit that shows notifications.
const DESKTOP: &str = "transferd-desktop.service";

/// The owner of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The system's: it starts at boot, as a user of its own.
    System,
    /// One person's.
    User,
}

/// The folders of an installation.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) owner: Owner,
    /// `/`, or, for a machine that is not running, the tree of an image.
    root: PathBuf,
    bin: PathBuf,
    share: PathBuf,
    /// systemd's folder with the service's unit.
    units: PathBuf,
    /// Its folder of units that run in somebody's session.
    session_units: PathBuf,
    /// Folders in which an existing program may stay.
    settled: Vec<PathBuf>,
}

/// A file in its wanted state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantedFile {
    pub(super) path: PathBuf,
    pub(super) mode: u32,
    pub(super) content: Vec<u8>,
    /// In a few words.
    pub(super) what: &'static str,
}

impl Layout {
    /// The system's service, in the tree below `root`.
    pub(super) fn of_system(root: &Path) -> Self {
        Self {
            owner: Owner::System,
            root: root.to_owned(),
            bin: "/usr/local/bin".into(),
            share: "/usr/local/share".into(),
            units: "/usr/local/lib/systemd/system".into(),
            session_units: "/usr/local/lib/systemd/user".into(),
            settled: ["/usr/bin", "/usr/sbin", "/usr/local", "/opt"].map(PathBuf::from).into(),
        }
    }

    /// The service of the user with this home and this data folder (`$XDG_DATA_HOME`).
    pub(super) fn of_user(root: &Path, home: &Path, data: &Path) -> Self {
        let bin = home.join(".local/bin");
        let settled = ["/usr/bin", "/usr/local", "/opt"].map(PathBuf::from).into_iter();
        Self {
            owner: Owner::User,
            root: root.to_owned(),
            settled: settled.chain([bin.clone()]).collect(),
            bin,
            share: data.to_owned(),
            units: data.join("systemd/user"),
            session_units: data.join("systemd/user"),
        }
    }

    /// Whether this is the running machine.
    pub(super) fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The path on this machine for a path of the installed machine.
    pub(super) fn on_disk(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The unit's file.
    pub(super) fn unit(&self) -> PathBuf {
        self.units.join(UNIT)
    }

    /// The names of the units that the service's manager knows.
    pub(super) fn unit_names(&self) -> &'static [&'static str] {
        match self.owner {
            Owner::System => &[UNIT],
            Owner::User => &[UNIT, DESKTOP],
        }
    }

    /// Whether a file is a unit.
    pub(super) fn is_unit(&self, path: &Path) -> bool {
        path.parent() == Some(&self.units)
    }

    /// The paths of a unit that a package brings.
    pub(super) fn packaged_units(&self) -> [PathBuf; 2] {
        let folder = match self.owner {
            Owner::System => "system",
            Owner::User => "user",
        };
        ["/usr/lib/systemd", "/lib/systemd"].map(|lib| Path::new(lib).join(folder).join(UNIT))
    }

    /// The list of installed files.
    pub(super) fn list(&self) -> PathBuf {
        self.share.join("transferd/installed")
    }

    /// The file that creates the service's user, and the one that creates its folders.
    pub(super) fn makers(&self) -> Option<(PathBuf, PathBuf)> {
        match self.owner {
            Owner::System => Some((
                "/usr/local/lib/sysusers.d/transferd.conf".into(),
                "/usr/local/lib/tmpfiles.d/transferd.conf".into(),
            )),
            Owner::User => None,
        }
    }

    /// The path for the program that is now at `now`. One in a folder for programs stays there.
    pub(super) fn program(&self, now: &Path) -> PathBuf {
        if self.is_here() && self.settled.iter().any(|folder| now.starts_with(folder)) {
            return now.to_owned();
        }
        self.bin.join("transferd")
    }

    /// Whether this layout has its programs in a folder.
    pub(super) fn is_bin(&self, folder: &Path) -> bool {
        folder == self.bin
    }

    /// All files of the service except the program, which is at `program`.
    pub(super) fn files(&self, program: &Path) -> Vec<WantedFile> {
        let mut files = Vec::new();
        let mut add = |path: PathBuf, content: Vec<u8>, what| {
            files.push(WantedFile { path, mode: 0o644, content, what });
        };
        let unit = match self.owner {
            Owner::System => SYSTEM_UNIT,
            Owner::User => USER_UNIT,
        };
        if let Some((sysusers, tmpfiles)) = self.makers() {
            add(sysusers, SYSUSERS.into(), "the service's user");
            add(tmpfiles, TMPFILES.into(), "the service's folders");
        }
        for (name, page) in man::pages() {
            let section = if name.ends_with(".5") { "man/man5" } else { "man/man1" };
            add(self.share.join(section).join(name), page, "a manual page");
        }
        for (shell, path) in [
            (Shell::Bash, "bash-completion/completions/transferd"),
            (Shell::Zsh, "zsh/site-functions/_transferd"),
            (Shell::Fish, "fish/vendor_completions.d/transferd.fish"),
        ] {
            add(self.share.join(path), completions::script(shell), "completions");
        }
        let desktop = with_program(DESKTOP_UNIT, program).into_bytes();
        add(self.session_units.join(DESKTOP), desktop, "the unit of notifications");
        // Last: once systemd finds the unit, everything that it needs is there.
        add(self.unit(), with_program(unit, program).into_bytes(), "the unit");
        files
    }
}

/// The unit's text, with another program than a package's.
fn with_program(unit: &str, program: &Path) -> String {
    let found = format!("={PACKAGED_PROGRAM} ");
    unit.replace(&found, &format!("={} ", quoted(&program.to_string_lossy())))
}

/// A path in the syntax of systemd.service(5) and systemd.syntax(7) for command lines.
fn quoted(path: &str) -> String {
    let path = path.replace('%', "%%");
    if path.chars().any(|letter| letter.is_whitespace() || "\"'\\;".contains(letter)) {
        return format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command lines of a unit.
    fn commands(unit: &str) -> Vec<&str> {
        unit.lines().filter(|line| line.starts_with("Exec")).collect()
    }

    #[test]
    fn each_command_of_the_units_names_the_program_that_is_there() {
        for (unit, run, count) in
            [(SYSTEM_UNIT, "run", 2), (USER_UNIT, "--user run", 2), (DESKTOP_UNIT, "desktop", 1)]
        {
            let unit = with_program(unit, Path::new("/home/a b/50%/transferd"));
            let commands = commands(&unit);
            assert_eq!(commands[0], format!("ExecStart=\"/home/a b/50%%/transferd\" {run}"));
            assert!(commands.len() == count && !unit.contains(PACKAGED_PROGRAM), "{unit}");
        }
    }

    #[test]
    fn a_program_stays_where_programs_are_and_is_copied_from_elsewhere() {
        let system = Layout::of_system(Path::new("/"));
        let user = Layout::of_user(Path::new("/"), Path::new("/home/a"), Path::new("/home/a/d"));
        let local = Path::new("/usr/local/bin/transferd");
        for (now, at) in [
            ("/usr/bin/transferd", Path::new("/usr/bin/transferd")),
            ("/usr/local/bin/transferd", local),
            ("/home/a/Downloads/transferd", local),
            ("/root/transferd", local),
            ("/tmp/transferd", local),
        ] {
            assert_eq!(system.program(Path::new(now)), at);
        }
        let own = Path::new("/home/a/.local/bin/transferd");
        assert_eq!(user.program(own), own);
        assert_eq!(user.program(Path::new("/home/a/Downloads/transferd")), own);
        let image = Layout::of_system(Path::new("/image"));
        assert_eq!(image.program(Path::new("/usr/bin/transferd")), local);
    }
}
