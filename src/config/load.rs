//! Reads a job file, or a folder of them, with all that it includes, from the disk.
//!
//! Owns bounds on size and number, text encoding, include order and cycles. The content of the
//! files is the business of `assemble`. Keeps true: a file is read once, however often it is
//! included.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::bounds::{FILE_BYTES, FILES, INCLUDE_DEPTH, TOTAL_BYTES};
use super::glob::{self, Folder};
use super::node::{Kind, Node};
use super::problem::{At, Problem, Spot, WarningKind, cut};
use super::sources::{SourceFile, Sources};
use super::yaml_hints::{self, Mended};
use crate::core::suggest;
use crate::trusted;

/// The files that were read, and the problems so far.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) sources: Sources,
    pub(crate) trees: Vec<Option<Node>>,
    pub(crate) mended: Vec<Option<Mended>>,
    pub(crate) problems: Vec<Problem>,
    /// Files and folders whose change matters.
    pub(crate) watched: BTreeSet<PathBuf>,
    /// Some file is missing or could not be read.
    pub(crate) incomplete: bool,
    /// For each file, whether fewer people can read it than the one that includes it.
    pub(crate) private: Vec<bool>,
    readers: Vec<Readers>,
    canonical: HashSet<PathBuf>,
    edit: Option<Edit>,
    bytes: u64,
}

/// A new text for one of the files, which is not in its place yet.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The file that it is meant for, without links.
    pub of: PathBuf,
    /// The file that holds it.
    pub copy: PathBuf,
}

/// The users who can read a file, by its owner, its group, its mode.
type Readers = (u32, u32, u32);

/// True if somebody who can read the second file can't read the first, according to their modes.
fn is_more_private(file: Readers, other: Readers) -> bool {
    const GROUP: u32 = 0o040;
    const OTHERS: u32 = 0o004;
    let (uid, gid, mode) = file;
    let (other_uid, other_gid, other_mode) = other;
    if mode & OTHERS != 0 {
        return false;
    }
    let group_can = mode & GROUP != 0;
    other_mode & OTHERS != 0
        || (other_mode & GROUP != 0 && !(group_can && gid == other_gid))
        || (uid != other_uid && other_uid != 0)
}

/// Takes texts that were read from the disk earlier.
pub(crate) fn again(sources: &Sources) -> Read {
    let mut read = empty(sources.root.clone(), sources.base.clone());
    read.sources.zones.clone_from(&sources.zones);
    for file in &sources.files {
        read.watched.insert(file.path.clone());
        read.take(file.clone());
    }
    read
}

/// Reads from the disk, with an edit in its file's place if there is one.
pub(crate) fn from_disk(root: &Path, edit: Option<Edit>) -> Read {
    // Without a working folder, relative paths stay as they are.
    let base = std::env::current_dir().unwrap_or_default();
    let mut read = empty(root.to_owned(), base);
    read.edit = edit;
    read.watched.insert(root.to_owned());
    if root.is_dir() {
        match glob::folder(root) {
            Ok(Folder { files, passed_over }) if files.is_empty() && passed_over.is_empty() => {
                read.incomplete = true;
                read.problems.push(
                    Problem::error_at(At::Path(root.to_owned()), "the folder holds no job file")
                        .hint("its `*.yaml` and `*.yml` files are read, in name order"),
                );
            }
            Ok(Folder { files, passed_over }) => {
                for path in passed_over {
                    let mut problem = Problem::error_at(
                        At::Path(path),
                        "this file is not read: its name ends in neither `.yaml` nor `.yml`",
                    )
                    .hint("write the ending in small letters, or put it into another folder");
                    problem.warning = Some(WarningKind::Other);
                    read.problems.push(problem);
                }
                for file in files {
                    read.file(&file, None, &mut Vec::new());
                }
            }
            Err(error) => {
                read.incomplete = true;
                read.problems.push(Problem::error_at(
                    At::Path(root.to_owned()),
                    format!("the folder can't be read: {}", plain(&error)),
                ));
            }
        }
    } else {
        read.file(root, None, &mut Vec::new());
    }
    read
}

/// Takes a job file that was already read, from a pipe: its includes are looked for in the working
/// folder.
pub(crate) fn from_bytes(name: &Path, bytes: Vec<u8>) -> Read {
    let base = std::env::current_dir().unwrap_or_default();
    let mut read = empty(name.to_owned(), base);
    if bytes.len() as u64 > FILE_BYTES {
        let hint = "part it, and name the parts under `include`".to_owned();
        let problem = read.at(name, None, TOO_LONG.to_owned()).hint(hint);
        read.problems.push(problem);
        return read;
    }
    read.bytes += bytes.len() as u64;
    let user = rustix::process::geteuid().as_raw();
    let readers = (user, rustix::process::getegid().as_raw(), 0o600);
    read.content(name, bytes, readers, false, &mut Vec::new());
    read
}

/// Whether this is a default path (`paths::default_path`), where `init` writes a first file.
fn is_first(path: &Path) -> bool {
    path.ends_with("transferd/jobs.yaml")
}

/// A hint for a name that a shell would have expanded.
fn unexpanded(path: &Path) -> Option<String> {
    let mut parts = path.components().filter_map(|part| part.as_os_str().to_str());
    let part = parts.find(|part| part.starts_with(['~', '$']))?;
    Some(format!("`{}` is not expanded here: write the whole path", cut(part)))
}

/// A hint for a missing file: the job file beside it that was probably meant, or that its folder is
/// missing too.
fn near_name(path: &Path) -> Option<String> {
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = beside.unwrap_or(Path::new("."));
    let found = match glob::folder(folder) {
        Ok(Folder { files, .. }) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let folder = cut(&folder.display().to_string());
            return (!is_first(path)).then(|| format!("there is no folder `{folder}`"));
        }
        Err(_) => return None,
    };
    // Their endings are alike, and would make any short name a near one.
    let stems: Vec<&str> = found.iter().filter_map(|file| file.file_stem()?.to_str()).collect();
    let near = suggest::closest(path.file_stem()?.to_str()?, &stems)?;
    let near = found.iter().find(|file| file.file_stem().is_some_and(|stem| stem == near))?;
    let near = if beside.is_some() { near } else { Path::new(near.file_name()?) };
    Some(format!("did you mean `{}`?", cut(&near.display().to_string())))
}

/// The error for a file that is larger than [`FILE_BYTES`].
const TOO_LONG: &str = "a file may be 4 MB";

fn empty(root: PathBuf, base: PathBuf) -> Read {
    Read {
        sources: Sources { root, base, files: Vec::new(), zones: Vec::new() },
        trees: Vec::new(),
        mended: Vec::new(),
        problems: Vec::new(),
        watched: BTreeSet::new(),
        incomplete: false,
        private: Vec::new(),
        readers: Vec::new(),
        canonical: HashSet::new(),
        edit: None,
        bytes: 0,
    }
}

impl Read {
    /// True if this file is one of those that were read.
    pub(crate) fn has_read(&self, canonical: &Path) -> bool {
        self.canonical.contains(canonical)
    }

    /// True for a file whose content must not be shown to everybody who may read the including
    /// file.
    fn is_private(&self, readers: Readers, includer: u32) -> bool {
        let includer = includer as usize;
        let above = self.private.get(includer).copied().unwrap_or(false);
        above || self.readers.get(includer).is_some_and(|other| is_more_private(readers, *other))
    }

    /// Adds a text and its tree.
    fn take(&mut self, file: SourceFile) -> u32 {
        let index = u32::try_from(self.sources.files.len()).unwrap_or(u32::MAX);
        let (tree, mended) = yaml_hints::read(file.content(), index, &mut self.problems);
        self.sources.files.push(file);
        self.trees.push(tree);
        self.mended.push(mended);
        index
    }

    /// Reads a file and its includes; `above` are the files that led here.
    fn file(&mut self, path: &Path, named_at: Option<Spot>, above: &mut Vec<PathBuf>) {
        self.watched.insert(path.to_owned());
        let canonical = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if above.contains(&canonical) {
            let chain: Vec<String> = above
                .iter()
                .chain([&canonical])
                .filter_map(|path| path.file_name())
                .map(|name| format!("`{}`", name.to_string_lossy()))
                .collect();
            let message = format!("files include one another in a circle: {}", chain.join(" → "));
            let problem = self.at(path, named_at, message).hint(
                "leave this out; a glob that matches its own file wants a folder for the others",
            );
            self.problems.push(problem);
            return;
        }
        if self.canonical.contains(&canonical) {
            return;
        }
        if above.len() >= INCLUDE_DEPTH || self.sources.files.len() >= FILES {
            let message = if above.len() >= INCLUDE_DEPTH {
                format!("files include one another more than {INCLUDE_DEPTH} deep")
            } else {
                format!("the job file is made of more than {FILES} files")
            };
            let problem = self.at(path, named_at, message);
            self.problems.push(problem);
            return;
        }
        self.canonical.insert(canonical.clone());
        let edit = self.edit.as_ref().filter(|edit| edit.of == canonical);
        let text = edit.map_or(path, |edit| &edit.copy).to_owned();
        let (bytes, readers) = match self.bytes_of(&text, named_at.is_none()) {
            Ok(read) => read,
            Err((message, hint)) => {
                let problem = self.at(path, named_at, message).maybe_hint(hint);
                self.problems.push(problem);
                return;
            }
        };
        let private = named_at.is_some_and(|spot| self.is_private(readers, spot.file));
        above.push(canonical);
        self.content(path, bytes, readers, private, above);
        above.pop();
    }

    /// Takes the content of a file, and reads its includes.
    fn content(
        &mut self,
        path: &Path,
        bytes: Vec<u8>,
        readers: Readers,
        private: bool,
        above: &mut Vec<PathBuf>,
    ) {
        let index = u32::try_from(self.sources.files.len()).unwrap_or(u32::MAX);
        self.private.push(private);
        self.readers.push(readers);
        let (text, wrong) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                (String::from_utf8_lossy(&bytes).into_owned(), Some((at, bytes)))
            }
        };
        let file = SourceFile { path: path.to_owned(), text };
        if let Some((at, bytes)) = wrong {
            self.problems.push(not_text(&bytes, at, index));
            self.sources.files.push(file);
            self.trees.push(None);
            self.mended.push(None);
            return;
        }
        self.take(file);
        self.includes(index, above);
    }

    /// An error at the place that names a file, or at the file itself.
    fn at(&mut self, path: &Path, named_at: Option<Spot>, message: String) -> Problem {
        self.incomplete = true;
        match named_at {
            Some(spot) => {
                let mut problem = Problem::error(spot, message);
                let name = path.display().to_string();
                if !problem.message.contains(&name) {
                    problem.message = format!("`{}`: {}", cut(&name), problem.message);
                }
                problem
            }
            None => Problem::error_at(At::Path(path.to_owned()), message),
        }
    }

    fn bytes_of(
        &mut self,
        path: &Path,
        is_root: bool,
    ) -> Result<(Vec<u8>, Readers), (String, Option<String>)> {
        let words = |error: &std::io::Error| {
            if trusted::is_changeable(error) {
                return (error.to_string(), Some(trusted::HINT.to_owned()));
            }
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound if path.is_symlink() => {
                    let target = fs::read_link(path).unwrap_or_default();
                    let (path, target) = (path.display().to_string(), target.display().to_string());
                    let (path, target) = (cut(&path), cut(&target));
                    return (
                        format!("`{path}` is a link to `{target}`, which does not exist"),
                        None,
                    );
                }
                std::io::ErrorKind::NotFound => {
                    let first = || "`transferd init` writes a first one".to_owned();
                    let hint = near_name(path).or_else(|| is_first(path).then(first));
                    let hint = unexpanded(path).or(hint);
                    if is_root {
                        let path = cut(&path.display().to_string());
                        return (format!("there is no file `{path}`"), hint);
                    }
                    hint
                }
                std::io::ErrorKind::InvalidInput => {
                    let folder = path.is_dir().then(|| {
                        let name = path.display().to_string();
                        let name = name.trim_end_matches('/');
                        format!("write `{}/*.yaml` for the files in it", cut(name))
                    });
                    return ("this is not a regular file".to_owned(), folder);
                }
                std::io::ErrorKind::PermissionDenied => {
                    Some("the user that runs transferd must be able to read it".to_owned())
                }
                _ => None,
            };
            (format!("the file can't be read: {}", plain(error)), hint)
        };
        let file = trusted::open(path).map_err(|error| words(&error))?;
        let readers = file.metadata().map_err(|error| words(&error))?;
        let readers = (readers.uid(), readers.gid(), readers.mode());
        let mut bytes = Vec::new();
        file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| words(&error))?;
        let size = bytes.len() as u64;
        if size > FILE_BYTES {
            let hint = "part it, and name the parts under `include`".to_owned();
            return Err((TOO_LONG.to_owned(), Some(hint)));
        }
        self.bytes += size;
        if self.bytes > TOTAL_BYTES {
            return Err(("all files together may be 64 MB".to_owned(), None));
        }
        Ok((bytes, readers))
    }

    fn includes(&mut self, file: u32, above: &mut Vec<PathBuf>) {
        let mut named = Vec::new();
        if let Some(Some(tree)) = self.trees.get(file as usize)
            && let Kind::Map(entries) = &tree.kind
        {
            for (key, value) in entries {
                if key.as_text() != Some("include") {
                    continue;
                }
                let one = std::slice::from_ref(value);
                let items = if let Kind::List(items) = &value.kind { items } else { one };
                named.extend(items.iter().filter_map(|item| {
                    Some((Spot { file, node: item.id }, item.as_text()?.to_owned()))
                }));
            }
        }
        for (spot, pattern) in named {
            // A text that is not a path at all is reported when the file's keys are read.
            if pattern.trim().is_empty() || pattern.chars().any(char::is_control) {
                continue;
            }
            let beside = self.sources.files[file as usize].path.parent();
            let beside = beside.unwrap_or_else(|| Path::new("")).to_owned();
            match glob::expand(&beside, &pattern) {
                Ok(matches) => {
                    self.watched.extend(matches.folders);
                    for path in matches.files {
                        self.file(&path, Some(spot), above);
                    }
                }
                Err(message) => {
                    self.incomplete = true;
                    self.problems.push(Problem::error(spot, message));
                }
            }
        }
    }
}

/// An error of the operating system, without its number.
fn plain(error: &std::io::Error) -> String {
    let words = error.to_string();
    let words = words.split(" (os error").next().unwrap_or(&words);
    let mut letters = words.chars();
    letters.next().map(|c| c.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn not_text(bytes: &[u8], at: usize, file: u32) -> Problem {
    let before = &bytes[..at];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = 1 + String::from_utf8_lossy(&before[start..]).chars().count();
    let problem = Problem::error_at(
        At::Line { file, line, column, length: 1 },
        format!("the file is not UTF-8: found the byte 0x{:02X}", bytes.get(at).unwrap_or(&0)),
    );
    problem.hint(if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        "this looks like UTF-16: save it as UTF-8"
    } else {
        "save it as UTF-8"
    })
}
