//! `check`: is the job file good, and if not, what is wrong with it, all at once.

use std::io::{self, Write};

use clap::Args as ClapArgs;
use serde::Serialize;

use super::{Exit, Global, jobfile};
use crate::config::{self, Diagnostic, Sources};

/// What may be typed after `check`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// The document of `check --json` (contract, "Commands").
#[derive(Debug, Serialize)]
struct Document<'a> {
    valid: bool,
    files: Vec<String>,
    errors: &'a [Diagnostic],
    warnings: &'a [Diagnostic],
}

/// Carries out `check`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let path = match jobfile::path(global, err) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let (sources, jobs, errors, warnings) = match config::read(&path, &jobfile::surroundings()) {
        Ok(loaded) => (loaded.sources, loaded.set.jobs.len(), Vec::new(), loaded.warnings),
        Err(rejected) => (rejected.sources, 0, rejected.errors, rejected.warnings),
    };
    let valid = errors.is_empty();
    let exit = if valid { Exit::Done } else { Exit::No };
    let told = if args.json {
        let document =
            Document { valid, files: files(&sources), errors: &errors, warnings: &warnings };
        super::write_json(out, &document)
    } else {
        for_people(&sources, jobs, &errors, &warnings, global, out, err)
    };
    match told {
        Ok(()) => exit,
        Err(_) => Exit::No,
    }
}

fn files(sources: &Sources) -> Vec<String> {
    sources.files.iter().map(|file| file.path.display().to_string()).collect()
}

fn for_people(
    sources: &Sources,
    jobs: usize,
    errors: &[Diagnostic],
    warnings: &[Diagnostic],
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    jobfile::diagnostics(warnings, global, err)?;
    jobfile::diagnostics(errors, global, err)?;
    err.flush()?;
    let root = sources.root.display();
    let warned = match warnings.len() {
        0 => String::new(),
        number => format!(", {}", counted(number, "warning")),
    };
    if errors.is_empty() {
        let among = match sources.files.len() {
            0 | 1 => String::new(),
            number => format!(" in {}", counted(number, "file")),
        };
        writeln!(out, "{root} is good: {}{among}{warned}", counted(jobs, "job"))?;
    } else {
        writeln!(out, "{root} is not good: {}{warned}", counted(errors.len(), "error"))?;
    }
    out.flush()
}

fn counted(number: usize, noun: &str) -> String {
    super::render::words::count(number, noun)
}
