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
    let config = places.config().map(|path| match path.exists() {
        true => path.display().to_string(),
        false => format!("{} (missing: `transferd init` writes one)", path.display()),
    });
    let state =
        places.state_folder().map(|folder| format!("{}{}", folder.display(), kept(&folder)));
    let socket = places.own_socket().map(|(socket, _)| socket.display().to_string());
    let told = |place: Result<String, String>| place.unwrap_or_else(|why| why);
    vec![("job file", told(config)), ("state folder", told(state)), ("socket", told(socket))]
}

/// A note on a state folder that no daemon has used yet.
fn kept(folder: &Path) -> &'static str {
    match StateFolder::open_read_only(folder) {
        Ok(Some(_)) => "",
        Ok(None) => " (no database yet: `transferd run` makes it)",
        Err(_) => " (can't be read)",
    }
}

/// One line for each, with the paths aligned.
pub(super) fn lines(whereabouts: &Whereabouts) -> String {
    let line = |(name, place): &(&str, String)| format!("  {name:<13} {place}\n");
    whereabouts.iter().map(line).collect()
}
