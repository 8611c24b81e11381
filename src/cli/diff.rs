//! `diff`: shows what a reload would add, change and remove, and each next occurrence before and
//! after.
//!
//! Compares the job file with the job set that the daemon runs, which is the last good one in its
//! database; asks no daemon, and so works while it is down.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use clap::Args as ClapArgs;
use jiff::Timestamp;

use super::ask::{done, say};
use super::places::Places;
use super::render::table::Screen;
use super::{Exit, Global, jobfile, render};
use crate::config::{self, Content, Rejected, Sources};
use crate::control::changes::ChangesDocument;
use crate::core::job::JobSet;
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
    let (new, warnings) = match config::read(&path, &jobfile::surroundings()) {
        Ok(loaded) => {
            let on_this_machine = on_this_machine::warnings(&loaded.content, &loaded.sources);
            (loaded.content, [loaded.warnings, on_this_machine].concat())
        }
        Err(rejected) if args.json => return refused(&path, &rejected, out),
        Err(rejected) => {
            return match jobfile::tell(&rejected, global, err) {
                Ok(()) | Err(_) => Exit::No,
            };
        }
    };
    let surroundings = jobfile::surroundings();
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
    let told = if args.json {
        super::write_json(out, &document.without_details())
    } else {
        jobfile::print_warnings(&warnings, global, err).and_then(|()| {
            for_people(&document, old.is_some(), Screen::of_stdout(global.color), out)
        })
    };
    done(told, Exit::Done)
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
