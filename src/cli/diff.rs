//! `diff`: shows what a reload would add, change and remove, and each next occurrence before and
//! after.
//!
//! Compares the job file with the job set that the daemon runs, which is the last good one in its
//! database; asks no daemon, and so works while it is down.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use clap::Args as ClapArgs;
use jiff::Timestamp;

use super::ask::{done, say};
use super::places::Places;
use super::render::table::Screen;
use super::{Exit, Global, jobfile, offline, render};
use crate::config::{self, Content, Rejected, Sources};
use crate::control::changes::ChangesDocument;
use crate::core::ids::JobName;
use crate::core::job::JobSet;
use crate::core::record::Pause;
use crate::daemon::{changes, diagnostics, on_this_machine};
use crate::store::Queries as _;
use crate::store::folder::StateFolder;

/// Options of `transferd diff`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out `diff`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let old = match in_force(global) {
        Ok(old) => old,
        Err(message) => {
            say(err, &message);
            return Exit::No;
        }
    };
    compare(args, old.as_ref(), global, out, err)
}

/// The sources of the last good job set; none if no daemon ever ran.
fn in_force(global: &Global) -> Result<Option<Sources>, String> {
    let folder = Places::here(global).state_folder()?;
    let Some(store) = StateFolder::open_read_only(&folder).map_err(|error| error.to_string())?
    else {
        return Ok(None);
    };
    let Some(text) = store.last_job_set().map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let sources = serde_json::from_str(&text);
    sources.map(Some).map_err(|error| format!("the last good job set can't be read: {error}"))
}

/// Compares the job file with the sources that are in force.
fn compare(
    args: Args,
    old: Option<&Sources>,
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    // The daemon's own job file, unless another is named.
    let path = match (&global.config, old) {
        (None, Some(sources)) => sources.base.join(&sources.root),
        (Some(_), _) | (None, None) => match jobfile::path(global, err) {
            Ok(path) => path,
            Err(exit) => return exit,
        },
    };
    let surroundings = jobfile::surroundings();
    let (new, warnings) = match config::read(&path, &surroundings) {
        Ok(loaded) => {
            let on_this_machine = on_this_machine::warnings(&loaded.content, &loaded.sources);
            let moved = old.and_then(|old| in_place_of(old, &loaded.sources));
            let moved = moved.and_then(|moved| config::parse(&moved, &surroundings).ok());
            let content = moved.map_or(loaded.content, |moved| moved.content);
            (content, [loaded.warnings, on_this_machine].concat())
        }
        Err(rejected) if args.json => return refused(&path, &rejected, out),
        Err(rejected) => {
            return match jobfile::tell(&rejected, global, err) {
                Ok(()) | Err(_) => Exit::No,
            };
        }
    };
    let before = match old.map(|sources| config::parse(sources, &surroundings)) {
        None => None,
        Some(Ok(loaded)) => Some(loaded.content),
        // An older transferd accepted something that this one refuses.
        Some(Err(rejected)) => {
            say(err, "the job set in force is not valid for this version of transferd");
            return match jobfile::tell(&rejected, global, err) {
                Ok(()) | Err(_) => Exit::No,
            };
        }
    };
    let mut document = document(&path, before.as_ref(), &new, surroundings.now);
    document.warnings = warnings.iter().map(diagnostics::document).collect();
    match paused(global, surroundings.now) {
        Ok((true, _)) => document.leave_out_paused(|_| true),
        Ok((false, jobs)) => document.leave_out_paused(|job| jobs.contains(&JobName::new(job))),
        // Without it the rest of the answer is right.
        Err(words) => say(err, &format!("pauses are not known: {words}")),
    }
    let told = if args.json {
        super::write_json(out, &document.without_details())
    } else {
        jobfile::print_warnings(&warnings, global, err).and_then(|()| {
            for_people(&document, old.is_some(), Screen::of_stdout(global.color), out)
        })
    };
    done(told, Exit::Done)
}

/// A job file that is kept elsewhere, as if it were in the place of the one in force already: what
/// it names by a relative path lies beside it then. Absent if it is there.
fn in_place_of(old: &Sources, new: &Sources) -> Option<Sources> {
    let folder = |sources: &Sources| {
        let root = sources.base.join(&sources.root);
        let is_file = sources.files.first()?.path == sources.root;
        if is_file { root.parent().map(Path::to_owned) } else { Some(root) }
    };
    let (from, to) = (folder(new)?, folder(old)?);
    if from == to {
        return None;
    }
    let mut moved = new.clone();
    for file in &mut moved.files {
        let path = new.base.join(&file.path);
        file.path = path.strip_prefix(&from).map(|inner| to.join(inner)).unwrap_or(path.clone());
    }
    Some(moved)
}

/// Whether all jobs are paused, and those that are by themselves.
fn paused(global: &Global, now: Timestamp) -> Result<(bool, BTreeSet<JobName>), String> {
    let of_all = offline::pause_of_all(global)?;
    let holds = |pause: &Option<Pause>| pause.as_ref().is_some_and(|pause| pause.holds(now));
    let job_rows = offline::job_rows(global)?.into_iter();
    let own = job_rows.filter(|(_, job_row)| holds(&job_row.pause)).map(|(name, _)| name);
    Ok((holds(&of_all.pause), own.collect()))
}

/// The document of `--json` for a file that is refused.
fn refused(path: &Path, rejected: &Rejected, out: &mut dyn Write) -> Exit {
    let document = ChangesDocument {
        valid: false,
        errors: rejected.errors.iter().map(diagnostics::document).collect(),
        warnings: rejected.warnings.iter().map(diagnostics::document).collect(),
        ..ChangesDocument::unchanged(path.display().to_string())
    };
    done(super::write_json(out, &document.without_details()), Exit::No)
}

fn document(
    path: &Path,
    before: Option<&Content>,
    new: &Content,
    now: Timestamp,
) -> ChangesDocument {
    let no_jobs = JobSet { jobs: BTreeMap::new(), ..JobSet::clone(&new.set) };
    let nothing = Content { set: Arc::new(no_jobs), settings: Arc::clone(&new.settings) };
    let difference = config::difference(before.unwrap_or(&nothing), new);
    let (path, before) = (path.display().to_string(), before.map(|before| &*before.set));
    changes::document(path, difference, before, &new.set, now)
}

fn for_people(
    document: &ChangesDocument,
    in_force: bool,
    screen: Screen,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !in_force {
        writeln!(out, "no job set is in force yet; all of {} is new", document.path)?;
    } else if document.is_empty() {
        writeln!(out, "a reload of {} changes nothing", document.path)?;
    }
    out.write_all(render::changes::page(document, screen).as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The settings that differ between a file and another one that is kept elsewhere.
    fn differing(old: &str, new: &str) -> Vec<String> {
        let (there, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let read = |folder: &Path, name: &str, text: &str| {
            let path = folder.join(name);
            let alerts = "alerts:\n  - {on: [failed], webhook: {url_file: hooks/ops}}\n";
            fs::create_dir_all(folder.join("jobs.d")).unwrap();
            fs::write(folder.join("jobs.d/more.yaml"), alerts).unwrap();
            fs::write(&path, format!("include: [jobs.d/more.yaml]\njobs: {{}}\n{text}")).unwrap();
            config::read(&path, &jobfile::surroundings()).unwrap()
        };
        let old = read(there.path(), "jobs.yaml", old);
        let new = read(elsewhere.path(), "new.yaml", new);
        let moved = in_place_of(&old.sources, &new.sources).unwrap();
        let moved = config::parse(&moved, &jobfile::surroundings()).unwrap();
        let settings = config::difference(&old.content, &moved.content).settings;
        settings.into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn a_file_that_is_kept_elsewhere_is_compared_as_if_it_were_in_its_place() {
        let token = |name: &str| format!("agent: {{token_file: {name}}}\n");
        assert_eq!(differing(&token("token"), &token("token")), Vec::<String>::new());
        assert_eq!(differing(&token("token"), &token("other")), ["agent.token_file"]);
    }
}
