//! `check`: is the job file good, and if not, what is wrong with it, all at once.

use std::io::{self, Write};

use clap::Args as ClapArgs;
use serde::Serialize;

use super::ask::runtime;
use super::places::variable;
use super::{Exit, Global, jobfile};
use crate::agent::{AgentClient, TokenKeeper, online_problems};
use crate::config::{self, Diagnostic, Sources};
use crate::core::job::JobSet;

/// What may be typed after `check`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// Ask the agent too: is the token good, are the accounts known?
    #[arg(long)]
    online: bool,
}

/// The document of `check --json` (contract, "Commands").
#[derive(Debug, Serialize)]
struct Document<'a> {
    valid: bool,
    files: Vec<String>,
    errors: &'a [Diagnostic],
    warnings: &'a [Diagnostic],
    /// What the agent says against it; only where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<Vec<String>>,
}

/// Carries out `check`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let path = match jobfile::path(global, err) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let (sources, set, errors, warnings) = match config::read(&path, &jobfile::surroundings()) {
        Ok(loaded) => (loaded.sources, Some(loaded.set), Vec::new(), loaded.warnings),
        Err(rejected) => (*rejected.sources, None, rejected.errors, rejected.warnings),
    };
    let online = set.as_ref().filter(|_| args.online).map(agent_says);
    let jobs = set.map_or(0, |set| set.jobs.len());
    let valid = errors.is_empty();
    let good = valid && online.as_ref().is_none_or(Vec::is_empty);
    let exit = if good { Exit::Done } else { Exit::No };
    let told = if args.json {
        let document = Document {
            valid,
            files: files(&sources),
            errors: &errors,
            warnings: &warnings,
            online,
        };
        super::write_json(out, &document)
    } else {
        let told = for_people(&sources, jobs, &errors, &warnings, global, out, err);
        told.and_then(|()| online.map_or(Ok(()), |problems| tell_online(&problems, out, err)))
    };
    match told {
        Ok(()) => exit,
        Err(_) => Exit::No,
    }
}

/// What the agent says against a job set that is good by itself.
fn agent_says(set: &JobSet) -> Vec<String> {
    let keeper = TokenKeeper::new(set.agent.token.clone(), variable);
    let client = match AgentClient::new(&set.agent, keeper) {
        Ok(client) => client,
        Err(error) => return vec![error.to_string()],
    };
    match runtime() {
        Ok(runtime) => runtime.block_on(online_problems(set, &client)),
        Err(error) => vec![error.to_string()],
    }
}

fn tell_online(problems: &[String], out: &mut dyn Write, err: &mut dyn Write) -> io::Result<()> {
    if problems.is_empty() {
        writeln!(
            out,
            "the agent agrees: it is at work, the token is good, the accounts are known"
        )?;
    }
    for problem in problems {
        writeln!(err, "error: {problem}")?;
    }
    out.flush()
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
