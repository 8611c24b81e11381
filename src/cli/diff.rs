//! `diff`: what a reload would add, change and remove, and each next occurrence before and after.
//!
//! Compares the job file with the job set that the daemon runs, which is the last good one in its
//! database; asks no daemon, and so works with it down.

use std::io::{self, Write};
use std::path::Path;

use clap::Args as ClapArgs;
use jiff::Timestamp;
use serde::Serialize;

use super::places::Places;
use super::{Exit, Global, jobfile};
use crate::config::{self, Sources, Surroundings};
use crate::core::ids::JobName;
use crate::core::job::JobSet;
use crate::store::Store as _;
use crate::store::folder::StateFolder;

/// What may be typed after `diff`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// What a reload would do.
#[derive(Debug, Serialize)]
struct Document {
    added: Vec<Line>,
    changed: Vec<Line>,
    removed: Vec<Line>,
    settings: Vec<&'static str>,
}

/// One job, with its next occurrence before and after.
#[derive(Debug, Serialize)]
struct Line {
    job: String,
    before: Option<String>,
    after: Option<String>,
}

/// Carries out `diff`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let old = match in_force(global) {
        Ok(old) => old,
        Err(message) => {
            // Nothing is left to tell it to if standard error is gone.
            let _ = writeln!(err, "transferd: {message}");
            return Exit::No;
        }
    };
    compare(args, old.as_ref(), global, out, err)
}

/// The sources of the last good job set; none where no daemon ever ran.
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
    let new = match jobfile::read(&path, global, err) {
        Ok(loaded) => loaded.set,
        Err(exit) => return exit,
    };
    let surroundings = jobfile::surroundings();
    let before = match old.map(|sources| config::parse(sources, &surroundings)) {
        None => None,
        Some(Ok(loaded)) => Some(loaded.set),
        // An older transferd took what this one does not.
        Some(Err(rejected)) => {
            let _ = writeln!(err, "transferd: the job set in force is not good to this version");
            return match jobfile::tell(&rejected, global, err) {
                Ok(()) | Err(_) => Exit::No,
            };
        }
    };
    let document = document(before.as_ref(), &new, &surroundings);
    let told = if args.json {
        super::write_json(out, &document)
    } else {
        for_people(&document, &path, old.is_some(), out)
    };
    match told {
        Ok(()) => Exit::Done,
        Err(_) => Exit::No,
    }
}

fn document(before: Option<&JobSet>, new: &JobSet, surroundings: &Surroundings) -> Document {
    let nothing = JobSet {
        agent: new.agent.clone(),
        jobs: std::collections::BTreeMap::new(),
        accounts: std::sync::Arc::default(),
        alerts: new.alerts.clone(),
        history: new.history,
        listen: new.listen,
        external_url: new.external_url.clone(),
    };
    let old = before.unwrap_or(&nothing);
    let difference = config::difference(old, new);
    let lines = |names: Vec<JobName>| -> Vec<Line> {
        names
            .into_iter()
            .map(|name| Line {
                before: next(old, &name, surroundings.now),
                after: next(new, &name, surroundings.now),
                job: name.as_str().to_owned(),
            })
            .collect()
    };
    Document {
        added: lines(difference.added),
        changed: lines(difference.changed),
        removed: lines(difference.removed),
        settings: difference.settings_changed,
    }
}

/// The job's next occurrence; none for one that is unscheduled or not there.
fn next(set: &JobSet, name: &JobName, now: Timestamp) -> Option<String> {
    let job = set.jobs.get(name).filter(|job| job.enabled)?;
    let at = job.timetable.next_after(now)?.to_zoned_datetime(job.timetable.zone().clone());
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

fn for_people(
    document: &Document,
    path: &Path,
    in_force: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Document { added, changed, removed, settings } = document;
    if !in_force {
        writeln!(out, "no job set is in force yet; all of {} is new", path.display())?;
    } else if added.is_empty() && changed.is_empty() && removed.is_empty() && settings.is_empty() {
        writeln!(out, "a reload of {} changes nothing", path.display())?;
    }
    let all = added.iter().chain(changed).chain(removed);
    let width = all.map(|line| line.job.chars().count()).max().unwrap_or(0);
    for (sign, lines) in [('+', added), ('~', changed), ('-', removed)] {
        for Line { job, before, after } in lines {
            let shown = |at: &Option<String>| at.clone().unwrap_or_else(|| "never".to_owned());
            let times = match sign {
                '+' => format!("next {}", shown(after)),
                '-' => format!("was next {}", shown(before)),
                _ if before == after => format!("next {}, as before", shown(after)),
                _ => format!("next {}, was {}", shown(after), shown(before)),
            };
            writeln!(out, "{sign} {job:width$}  {times}")?;
        }
    }
    for key in settings {
        writeln!(out, "~ setting `{key}`")?;
    }
    out.flush()
}
