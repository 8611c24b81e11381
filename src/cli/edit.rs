//! `edit`: opens the job file in an editor, and checks it before it replaces the old one, as visudo
//! does.
//!
//! A file that is one of several is judged with the others. Keeps true: the file that a daemon may
//! read at any moment is the old one or a valid new one, never a part of one and never a bad one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::ask::{done, hint, say};
use super::places::{Places, variable};
use super::{Exit, Global, jobfile};
use crate::config::{self, Diagnostic, Edit, Loaded, Rejected};

/// Rejected edits kept beside a job file; a further one stays where it was made.
const KEPT_MAX: u32 = 100;

/// Options of `transferd edit`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The job file [default: the daemon's, else as for `-c`]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print a JSON object at the end
    #[arg(long)]
    json: bool,
}

/// The document of `--json`.
#[derive(Debug, Serialize)]
struct Document {
    path: PathBuf,
    changed: bool,
}

/// The choice for an edit that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Open the editor once more.
    Edit,
    /// Leave the old file, keep the edit aside.
    Quit,
}

/// Carries out `edit`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let of_daemon = jobfile::of_daemon(global, err);
    let set = of_daemon.clone().or_else(|| global.config.clone());
    let path = match path(args.file.or_else(|| set.clone()), global, err) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let set = set.or_else(|| Places::here(global).config().ok()).unwrap_or_else(|| path.clone());
    let changed = match edit(&set, &path, global, err) {
        Ok(changed) => changed,
        Err(exit) => return exit,
    };
    let written = if args.json {
        super::write_json(out, &Document { path, changed })
    } else if changed {
        let taken = of_daemon.is_some_and(|set| is_part_of(&set, &path));
        let taken = if taken { "; the running daemon takes it up by itself" } else { "" };
        writeln!(out, "{} was replaced{taken}", path.display())
    } else {
        writeln!(out, "{} is unchanged", path.display())
    };
    done(written, Exit::Done)
}

/// The file that is meant: the one named, or the usual one. Links are followed: their target is
/// replaced.
fn path(named: Option<PathBuf>, global: &Global, err: &mut dyn Write) -> Result<PathBuf, Exit> {
    let path = match named {
        Some(path) => path,
        None => jobfile::path(global, err)?,
    };
    let refuse = |err: &mut dyn Write, words: &str, what: &str| {
        say(err, words);
        hint(err, what);
        Err(Exit::No)
    };
    match fs::canonicalize(&path) {
        Ok(path) if path.is_dir() => {
            let words = format!("`{}` is a folder of job files", path.display());
            refuse(err, &words, "name one of its files: `transferd edit FILE`")
        }
        Ok(path) => Ok(path),
        // Reported as in `check`: which file was meant, or how a first one is made.
        Err(error) => Err(jobfile::read(&path, global, err).err().unwrap_or_else(|| {
            say(err, &format!("`{}` can't be read: {error}", path.display()));
            Exit::No
        })),
    }
}

/// Edits a copy until it is valid or given up. True if the file was replaced.
fn edit(set: &Path, path: &Path, global: &Global, err: &mut dyn Write) -> Result<bool, Exit> {
    let failed = |err: &mut dyn Write, what: &str, error: &io::Error| {
        say(err, &format!("{what}: {error}"));
        Exit::No
    };
    let _lock = locked(path).map_err(|error| {
        failed(err, &format!("`{}` can't be edited now", path.display()), &error)
    })?;
    let before =
        fs::read(path).map_err(|error| failed(err, "the job file can't be read", &error))?;
    let leftover = hidden_copy(path);
    if leftover.exists() {
        let kept = kept_aside(path, leftover);
        say(err, &format!("an edit that was interrupted is kept in `{}`", kept.display()));
    }
    let known = judged(set, path, path).err().map(|rejected| rejected.errors).unwrap_or_default();
    let copy = copied(path, &before).map_err(|error| {
        failed(err, &format!("no copy can be made beside `{}`", path.display()), &error)
    })?;
    loop {
        if let Err(words) = open_editor(&copy) {
            say(err, &words);
            if fs::read(&copy).is_ok_and(|edited| edited != before) {
                let kept = kept_aside(path, copy);
                hint(err, &format!("the edit is kept in `{}`", kept.display()));
            } else {
                let _ = fs::remove_file(&copy);
                hint(err, "set `VISUAL` or `EDITOR`");
            }
            return Err(Exit::No);
        }
        let edited = fs::read(&copy).map_err(|error| failed(err, "the edit is gone", &error))?;
        if edited == before {
            let _ = fs::remove_file(&copy);
            return Ok(false);
        }
        let Err(rejected) = judged(set, path, &copy) else { break };
        // A failure of standard error does not matter here.
        let _ = jobfile::tell(&rejected, global, err);
        if are_others(&rejected.errors, &known, path) {
            say(err, "other files had these errors before: the job file stays invalid");
            break;
        }
        if ask(err) == Answer::Quit {
            say(err, &format!("{} stays as it was", path.display()));
            hint(err, &format!("the edit is kept in `{}`", kept_aside(path, copy).display()));
            return Err(Exit::No);
        }
    }
    if fs::read(path).ok().as_deref() != Some(before.as_slice()) {
        say(err, &format!("`{}` was changed by someone else meanwhile", path.display()));
        hint(err, &format!("the edit is kept in `{}`", kept_aside(path, copy).display()));
        return Err(Exit::No);
    }
    replace(path, &copy).map_err(|error| {
        hint(err, &format!("the edit is kept in `{}`", copy.display()));
        failed(err, &format!("`{}` can't be replaced", path.display()), &error)
    })?;
    Ok(true)
}

/// Locks the file against other edits. The lock ends with this process, however that ends; a file
/// system without locks has none.
fn locked(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another edit of it is under way")),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// The copy's place beside the file; no folder of job files reads it.
fn hidden_copy(path: &Path) -> PathBuf {
    let mut hidden = OsString::from(".");
    hidden.push(path.file_name().unwrap_or_default());
    hidden.push(".edit");
    path.with_file_name(hidden)
}

/// Makes a copy beside the file, so that relative paths in it stay valid; with its mode.
fn copied(path: &Path, text: &[u8]) -> io::Result<PathBuf> {
    let metadata = fs::metadata(path)?;
    let copy = hidden_copy(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(metadata.mode() & 0o777)
        .open(&copy)?;
    file.write_all(text)?;
    Ok(copy)
}

/// Moves a refused edit to a place where it disturbs nobody, and nothing reads it.
fn kept_aside(path: &Path, copy: PathBuf) -> PathBuf {
    let name = path.file_name().map(OsString::from).unwrap_or_default();
    for number in 1..=KEPT_MAX {
        let mut kept = name.clone();
        kept.push(format!(".rejected-{number}"));
        let kept = path.with_file_name(kept);
        if !kept.exists() && fs::rename(&copy, &kept).is_ok() {
            return kept;
        }
    }
    copy
}

/// Whether a file is one of those that this job file is made of.
fn is_part_of(set: &Path, path: &Path) -> bool {
    let sources = match config::read(set, &jobfile::surroundings()) {
        Ok(loaded) => loaded.sources,
        Err(rejected) => *rejected.sources,
    };
    let real = |file: &Path| fs::canonicalize(file).is_ok_and(|file| file == path);
    sources.files.iter().any(|file| real(&file.path))
}

/// The result of reading the set of files with the edit in the file's place. A file that is not one
/// of the set is read alone.
fn judged(set: &Path, path: &Path, copy: &Path) -> Result<Loaded, Box<Rejected>> {
    let surroundings = jobfile::surroundings();
    let edit = Edit { of: path.to_owned(), copy: copy.to_owned() };
    config::read_edited(set, &edit, &surroundings)
        .or_else(|| config::read_edited(path, &edit, &surroundings))
        // The file is gone, and a folder in its place.
        .unwrap_or_else(|| config::read(path, &surroundings))
        .map_err(Box::new)
}

/// True if these errors are in other files, and were there before the edit: of several bad files
/// each can be mended by itself.
fn are_others(errors: &[Diagnostic], before: &[Diagnostic], path: &Path) -> bool {
    errors.iter().all(|error| {
        let is_here = fs::canonicalize(&error.file).is_ok_and(|file| file == path);
        let same = |old: &Diagnostic| old.file == error.file && old.message == error.message;
        !is_here && before.iter().any(same)
    })
}

/// Opens `$VISUAL`, else `$EDITOR`, else vi, on a file, and waits for its end. Both may hold
/// arguments, so the shell splits them, as for other tools.
fn open_editor(file: &Path) -> Result<(), String> {
    let editor = variable("VISUAL").or_else(|| variable("EDITOR")).unwrap_or_else(|| "vi".into());
    let told = editor.to_string_lossy().into_owned();
    let mut script = editor;
    script.push(" \"$1\"");
    let ended = Command::new("sh").arg("-c").arg(script).arg("sh").arg(file).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            Err(format!("the editor `{told}` has failed ({status}); the file is unchanged"))
        }
        Err(error) => Err(format!("the editor `{told}` can't be started: {error}")),
    }
}

/// Asks what to do with an edit that is not valid. Without a terminal there is nobody to ask.
fn ask(err: &mut dyn Write) -> Answer {
    let input = io::stdin();
    if !input.is_terminal() {
        return Answer::Quit;
    }
    loop {
        let _ = write!(err, "e: edit again, q: quit and leave the old file? ");
        let _ = err.flush();
        let mut line = String::new();
        match input.lock().read_line(&mut line) {
            Ok(0) | Err(_) => return Answer::Quit,
            Ok(_) => match line.trim() {
                "e" | "E" | "" => return Answer::Edit,
                "q" | "Q" => return Answer::Quit,
                _ => {}
            },
        }
    }
}

/// Puts the edit in the file's place in one step, with its owner, durable.
fn replace(path: &Path, copy: &Path) -> io::Result<()> {
    let before = fs::metadata(path)?;
    // An editor may have put another file in the copy's place, with its own mode.
    fs::set_permissions(copy, before.permissions())?;
    let made = fs::metadata(copy)?;
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        std::os::unix::fs::chown(copy, Some(before.uid()), Some(before.gid()))?;
    }
    File::open(copy)?.sync_all()?;
    fs::rename(copy, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_lies_beside_the_file_and_one_edit_at_a_time_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.yaml");
        fs::write(&path, "jobs: {}").unwrap();
        let copy = copied(&path, b"jobs: {}").unwrap();
        assert_eq!(copy, folder.path().join(".jobs.yaml.edit"));
        let lock = locked(&path).unwrap();
        let error = locked(&path).unwrap_err();
        assert!(error.to_string().contains("another edit"), "{error}");
        drop(lock);
        assert!(locked(&path).is_ok(), "a lock ends with its process");
    }

    #[test]
    fn what_is_wrong_is_told_of_the_file_and_not_of_its_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.yaml");
        let copy = folder.path().join(".jobs.yaml.edit");
        fs::write(&path, "jobs: {}").unwrap();
        fs::write(&copy, "jobs: {a: {sourec: 1}}").unwrap();
        let rejected = judged(&path, &path, &copy).unwrap_err();
        assert!(!rejected.errors.is_empty());
        for error in &rejected.errors {
            assert_eq!(Path::new(&error.file), path);
        }
    }

    /// A set of files, by their names and texts, and the judgment on a new text for one of them:
    /// the errors, and whether they are those of other files alone.
    fn judgment(set: &str, files: &[(&str, &str)], name: &str, text: &str) -> (Vec<String>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        fs::create_dir(folder.join("inc.d")).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        let (set, path) = (folder.join(set), folder.join(name));
        let copy = copied(&path, text.as_bytes()).unwrap();
        let errors = |copy| judged(&set, &path, copy).err().map(|it| it.errors).unwrap_or_default();
        let (before, after) = (errors(&path), errors(&copy));
        let others = are_others(&after, &before, &path);
        (after.into_iter().map(|error| error.message).collect(), others)
    }

    const MAIN: &str = "include: [inc.d/*.yaml]\n\
                        accounts: {a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11}\n";

    /// A file with one job.
    fn job(name: &str, account: &str) -> String {
        let place = |bucket| format!("{{account: {account}, bucket: {bucket}, path: a/}}");
        format!("jobs: {{{name}: {{source: {}, destination: {}}}}}\n", place("x"), place("y"))
    }

    #[test]
    fn a_file_that_is_one_of_several_is_judged_with_the_others() {
        let (one, two) = (job("one", "a"), job("two", "a"));
        let files = [("jobs.yaml", MAIN), ("inc.d/one.yaml", &one), ("inc.d/two.yaml", &two)];
        let with = |text: &str| judgment("jobs.yaml", &files, "inc.d/one.yaml", text).0;
        assert_eq!(with(&job("three", "a")), Vec::<String>::new(), "its account is in another");
        assert!(with(&job("two", "a"))[0].contains("`two`"), "the name is taken in another file");
        assert_eq!(with("defaults: {timeout: 1h}\n"), Vec::<String>::new(), "others have the jobs");
        let main = judgment("jobs.yaml", &files, "jobs.yaml", "include: [inc.d/*.yaml]\n").0;
        assert!(main[0].contains("`a`"), "others need what it names: {main:?}");
        // The set does not hold `inc.d/one.yaml`: that one is judged alone.
        let files = [("other.yaml", "jobs: {}\n"), ("inc.d/one.yaml", &one)];
        let alone = judgment("other.yaml", &files, "inc.d/one.yaml", &two).0;
        assert!(alone[0].contains("`a`"), "{alone:?}");
    }

    #[test]
    fn of_several_bad_files_each_can_be_mended_by_itself() {
        let (good, bad) = (job("one", "a"), job("two", "nobody"));
        let ghost = job("one", "ghost");
        let files = [("jobs.yaml", MAIN), ("inc.d/one.yaml", &ghost), ("inc.d/two.yaml", &bad)];
        let one = |text: &str| judgment("jobs.yaml", &files, "inc.d/one.yaml", text);
        let (errors, others) = one(&good);
        assert!(others && errors[0].contains("nobody"), "{errors:?}");
        assert!(!one("jobs: 2").1, "it is still bad");
        assert!(!one(&job("two", "a")).1, "it makes another file bad in a new way");
    }

    #[test]
    fn a_replaced_file_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("jobs.yaml"), folder.path().join("copy"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(&copy, "new").unwrap();
        replace(&path, &copy).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    }
}
