//! Locations of job file, state folder and control socket, by the rules of the contract.
//!
//! Works on names only, never on the disk: whether anything is there is for others to find out.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use super::{Global, Scope};
use crate::control::socket;

/// The default places of one process.
pub struct Places<'a> {
    global: &'a Global,
    root: bool,
    variable: &'a dyn Fn(&str) -> Option<OsString>,
}

/// The sockets where a daemon is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The sockets of the service that is meant; the first that answers counts.
    pub meant: Vec<PathBuf>,
    /// The other service: its name, its option, its socket.
    pub other: Option<(&'static str, &'static str, PathBuf)>,
    /// The command that starts the service that is meant. A daemon with a state folder of its own
    /// is no service.
    pub start: Option<&'static str>,
    /// The state folder, if it was named.
    pub state_dir: Option<PathBuf>,
    /// A socket whose folder can't be read: filled in by the search.
    pub unseen: Option<PathBuf>,
    /// The daemon that has the state folder, by its pid, and listens elsewhere: filled in by the
    /// search.
    pub elsewhere: Option<Box<(u32, PathBuf)>>,
}

/// The command that starts the user's own service.
const START_USER: &str = "systemctl --user start transferd";

/// The command that starts the system's service.
const START_SYSTEM: &str = "systemctl start transferd";

impl Search {
    /// The message about a daemon that has the state folder and does not answer here, if there is
    /// one.
    pub fn of_elsewhere(&self) -> Option<String> {
        let (pid, folder) = self.elsewhere.as_deref()?;
        let folder = folder.display();
        Some(format!(
            "pid {pid} holds the state in `{folder}`: it is starting or stopping, or it was started \
             with another XDG_RUNTIME_DIR, which this command needs, too"
        ))
    }

    /// Says so for a command that goes on without the daemon.
    pub fn say_if_elsewhere(&self, err: &mut dyn Write) {
        if let Some(words) = self.of_elsewhere() {
            // There is nobody to tell if standard error is gone.
            let _ = writeln!(err, "the daemon can't be asked: {words}");
        }
    }
}

/// A variable of this process's environment, not an empty one.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

impl<'a> Places<'a> {
    /// The places under `global` in this process.
    pub fn here(global: &'a Global) -> Self {
        Self { global, root: rustix::process::geteuid().is_root(), variable: &variable }
    }

    /// Whether the system's service is meant, or this process belongs to it.
    pub fn is_system(&self) -> bool {
        match self.global.scope {
            Scope::System => true,
            Scope::User => false,
            Scope::Unsaid => self.root || self.in_system_unit(),
        }
    }

    /// Whether this process is the system unit's: its runtime folder is not a user's.
    fn in_system_unit(&self) -> bool {
        (self.variable)("INVOCATION_ID").is_some()
            && self.runtime_directory().is_some_and(|folder| {
                folder.starts_with("/run") && !folder.starts_with("/run/user")
            })
    }

    /// The job file, or the folder of them.
    ///
    /// # Errors
    /// Neither an option nor the environment names one.
    pub fn config(&self) -> Result<PathBuf, String> {
        if let Some(path) = &self.global.config {
            return Ok(path.clone());
        }
        if self.is_system() {
            return Ok("/etc/transferd/jobs.yaml".into());
        }
        let folder = self.own("XDG_CONFIG_HOME", ".config");
        folder.map(|folder| folder.join("transferd/jobs.yaml")).ok_or_else(|| {
            "no job file named: use `-c PATH`, or set XDG_CONFIG_HOME or HOME".to_owned()
        })
    }

    /// The state folder.
    ///
    /// # Errors
    /// Neither an option nor the environment names one.
    pub fn state_folder(&self) -> Result<PathBuf, String> {
        if let Some(folder) = &self.global.state_dir {
            return Ok(folder.clone());
        }
        if self.global.scope == Scope::Unsaid
            && let Some(folder) = self.first_of("STATE_DIRECTORY")
        {
            return Ok(folder);
        }
        if self.is_system() {
            return Ok("/var/lib/transferd".into());
        }
        let folder = self.own("XDG_STATE_HOME", ".local/state");
        folder.map(|folder| folder.join("transferd")).ok_or_else(|| {
            "no state folder named: use `--state-dir DIR`, or set XDG_STATE_HOME or HOME".to_owned()
        })
    }

    /// The control socket of a daemon started here, and its mode.
    ///
    /// # Errors
    /// As for [`Places::state_folder`], where the socket lies without a runtime folder.
    pub fn own_socket(&self) -> Result<(PathBuf, u32), String> {
        let mode = if self.in_system_unit() { 0o660 } else { 0o600 };
        if let Some(folder) = &self.global.state_dir {
            return Ok((folder.join(socket::NAME), mode));
        }
        let folder = match self.runtime_directory() {
            Some(folder) => folder,
            None if self.is_system() => system_runtime(),
            None => match self.user_runtime() {
                Some(folder) => folder,
                None => self.state_folder()?,
            },
        };
        Ok((folder.join(socket::NAME), mode))
    }

    /// The sockets where a daemon is looked for.
    pub fn search(&self) -> Search {
        if let Some(folder) = &self.global.state_dir {
            let (meant, state_dir) = (vec![folder.join(socket::NAME)], Some(folder.clone()));
            return Search { meant, state_dir, ..Search::default() };
        }
        let system = system_socket();
        let own = self.user_runtime().or_else(|| self.state_folder().ok().filter(|_| !self.root));
        let own = own.map(|folder| folder.join(socket::NAME));
        let user = |path| ("your own service", "--user", path);
        let start = match self.global.scope {
            Scope::User => START_USER,
            Scope::Unsaid if !self.is_system() => START_USER,
            Scope::System | Scope::Unsaid => START_SYSTEM,
        };
        let (meant, other) = match self.global.scope {
            Scope::System => (vec![system], own.map(user)),
            Scope::User => {
                let other = ("the system's service", "--system", system);
                (own.into_iter().collect(), Some(other))
            }
            Scope::Unsaid => {
                let here = self.runtime_directory().map(|folder| folder.join(socket::NAME));
                if self.root {
                    (here.into_iter().chain([system]).collect(), own.map(user))
                } else {
                    (here.into_iter().chain(own).chain([system]).collect(), None)
                }
            }
        };
        Search { meant, other, start: Some(start), ..Search::default() }
    }

    fn runtime_directory(&self) -> Option<PathBuf> {
        self.first_of("RUNTIME_DIRECTORY")
    }

    fn user_runtime(&self) -> Option<PathBuf> {
        self.folder("XDG_RUNTIME_DIR").map(|folder| folder.join("transferd"))
    }

    /// systemd.exec(5): several folders are separated by colons.
    fn first_of(&self, name: &str) -> Option<PathBuf> {
        let value = (self.variable)(name)?;
        let first = value.to_str().and_then(|text| text.split(':').next()).map(PathBuf::from);
        first.or(Some(value.into()))
    }

    /// An XDG base folder, or the one below the home folder that stands for it.
    fn own(&self, name: &str, below_home: &str) -> Option<PathBuf> {
        self.folder(name).or_else(|| self.folder("HOME").map(|home| home.join(below_home)))
    }

    /// A folder that a variable names. A relative one is ignored (XDG Base Directory
    /// Specification): the working folder is never searched.
    fn folder(&self, variable: &str) -> Option<PathBuf> {
        (self.variable)(variable).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

/// The socket of the system's service.
pub fn system_socket() -> PathBuf {
    system_runtime().join(socket::NAME)
}

fn system_runtime() -> PathBuf {
    "/run/transferd".into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::LogFormat;

    fn global(scope: Scope, state_dir: Option<&str>) -> Global {
        Global {
            config: None,
            state_dir: state_dir.map(PathBuf::from),
            scope,
            log_level: None,
            log_format: LogFormat::Auto,
            color: false,
            color_err: false,
        }
    }

    fn with<T>(
        scope: Scope,
        state_dir: Option<&str>,
        root: bool,
        environment: &[(&str, &str)],
        look: impl FnOnce(&Places<'_>) -> T,
    ) -> T {
        let global = global(scope, state_dir);
        let variable = |name: &str| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        look(&Places { global: &global, root, variable: &variable })
    }

    const HOME: &[(&str, &str)] = &[("HOME", "/home/a"), ("XDG_RUNTIME_DIR", "/run/user/7")];

    #[test]
    fn root_gets_the_systems_places_and_others_their_own() {
        with(Scope::Unsaid, None, true, HOME, |places| {
            assert_eq!(places.config().unwrap(), Path::new("/etc/transferd/jobs.yaml"));
            assert_eq!(places.state_folder().unwrap(), Path::new("/var/lib/transferd"));
            let socket = Path::new("/run/transferd/control.sock").to_owned();
            assert_eq!(places.own_socket().unwrap(), (socket, 0o600));
        });
        with(Scope::Unsaid, None, false, HOME, |places| {
            assert_eq!(places.config().unwrap(), Path::new("/home/a/.config/transferd/jobs.yaml"));
            let state = Path::new("/home/a/.local/state/transferd");
            assert_eq!(places.state_folder().unwrap(), state);
            let socket = Path::new("/run/user/7/transferd/control.sock").to_owned();
            assert_eq!(places.own_socket().unwrap(), (socket, 0o600));
        });
    }

    #[test]
    fn the_working_folder_is_never_searched() {
        let relative = [("HOME", "home"), ("XDG_RUNTIME_DIR", "run"), ("XDG_CONFIG_HOME", "c")];
        with(Scope::Unsaid, None, false, &relative, |places| {
            assert!(places.config().is_err());
            assert!(places.state_folder().is_err());
            assert!(places.own_socket().is_err());
            assert_eq!(places.search().meant, [system_socket()]);
        });
    }

    #[test]
    fn the_system_unit_lets_its_group_in() {
        let unit = [
            ("INVOCATION_ID", "1"),
            ("RUNTIME_DIRECTORY", "/run/transferd"),
            ("STATE_DIRECTORY", "/var/lib/transferd:/var/lib/other"),
        ];
        with(Scope::Unsaid, None, false, &unit, |places| {
            assert_eq!(places.config().unwrap(), Path::new("/etc/transferd/jobs.yaml"));
            assert_eq!(places.state_folder().unwrap(), Path::new("/var/lib/transferd"));
            let socket = Path::new("/run/transferd/control.sock").to_owned();
            assert_eq!(places.own_socket().unwrap(), (socket, 0o660));
        });
    }

    #[test]
    fn a_named_state_folder_holds_the_socket_and_is_the_only_place_to_look() {
        with(Scope::Unsaid, Some("/s"), false, HOME, |places| {
            let socket = Path::new("/s/control.sock").to_owned();
            assert_eq!(places.own_socket().unwrap(), (socket.clone(), 0o600));
            let state_dir = Some(PathBuf::from("/s"));
            let meant = Search { meant: vec![socket], state_dir, ..Search::default() };
            assert_eq!(places.search(), meant);
        });
    }

    #[test]
    fn people_find_their_own_daemon_first_and_else_the_systems() {
        with(Scope::Unsaid, None, false, HOME, |places| {
            let own = PathBuf::from("/run/user/7/transferd/control.sock");
            let system = PathBuf::from("/run/transferd/control.sock");
            let search = places.search();
            assert_eq!((search.meant, search.start), (vec![own, system], Some(START_USER)));
        });
        with(Scope::User, None, false, HOME, |places| {
            let other = places.search().other.unwrap();
            assert_eq!(other.1, "--system");
            assert_eq!(places.search().start, Some(START_USER));
        });
        with(Scope::Unsaid, None, true, HOME, |places| {
            let search = places.search();
            assert_eq!(search.other.unwrap().1, "--user");
            assert_eq!(search.start, Some(START_SYSTEM));
        });
    }
}
