//! The paths of job file, state folder and socket, for commands that people run before there is a
//! daemon: nothing else names them then.

use std::path::Path;

use super::Global;
use super::places::Places;
use crate::store::folder::StateFolder;

/// The name and path of each, in the order in which people need them.
pub(super) type Whereabouts = Vec<(&'static str, String)>;

/// The paths that `global` means in this process, with a note on what is missing.
pub(super) fn whereabouts(global: &Global) -> Whereabouts {
    let places = Places::here(global);
    let full = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        path.display().to_string()
    };
    let config = places.config().map(|path| match path.exists() {
        true => full(&path),
        false => format!("{} (missing: `transferd init` writes one)", full(&path)),
    });
    let state = places.state_folder().map(|folder| match kept(&folder) {
        Some(note) => format!("{} ({note})", full(&folder)),
        None => full(&folder),
    });
    let socket = places.own_socket().map(|(socket, _)| full(&socket));
    let told = |place: Result<String, String>| place.unwrap_or_else(|why| why);
    vec![("job file", told(config)), ("state folder", told(state)), ("socket", told(socket))]
}

/// A note on a state folder that no daemon has used yet.
fn kept(folder: &Path) -> Option<String> {
    match StateFolder::open_read_only(folder) {
        Ok(Some(_)) => None,
        Ok(None) => Some("no database yet: `transferd run` makes it".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// One line for each, with the paths aligned.
pub(super) fn lines(whereabouts: &Whereabouts) -> String {
    let line = |(name, place): &(&str, String)| format!("  {name:<13} {place}\n");
    whereabouts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::cli::{LogFormat, Scope};

    #[test]
    fn a_state_folder_that_can_not_be_one_says_why() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let words = kept(file.path()).unwrap();
        assert!(words.contains("is a file"), "{words}");
    }

    #[test]
    fn each_path_is_whole_and_what_is_missing_is_said() {
        let global = Global {
            config: Some(PathBuf::from("nowhere/jobs.yaml")),
            state_dir: Some(PathBuf::from("nowhere/state")),
            scope: Scope::Unsaid,
            log_level: None,
            log_format: LogFormat::Auto,
            color: false,
            color_err: false,
        };
        let here = std::env::current_dir().unwrap();
        let path = |name: &str| here.join("nowhere").join(name).display().to_string();
        let expected = format!(
            "  job file      {} (missing: `transferd init` writes one)\n  \
               state folder  {} (no database yet: `transferd run` makes it)\n  \
               socket        {}\n",
            path("jobs.yaml"),
            path("state"),
            path("state/control.sock")
        );
        assert_eq!(lines(&whereabouts(&global)), expected);
    }
}
