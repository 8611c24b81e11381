//! `check`: is the job file good, and if not, what is wrong with it, all at once.

use std::io::{self, Write};

use clap::Args as ClapArgs;
use serde::Serialize;

use super::ask::runtime;
use super::places::variable;
use super::{Exit, Global, jobfile};
use crate::agent::{AgentClient, Online, OnlineProblem, TokenKeeper, online};
use crate::config::{self, Diagnostic, Severity, Sources};
use crate::core::job::JobSet;

/// What may be typed after `check`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// Ask the agent too: is the token good, may its user transfer, are the accounts and buckets
    /// known? Changes nothing
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
}

/// Carries out `check`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let path = match jobfile::path(global, err) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let (sources, set, mut errors, mut warnings) =
        match config::read(&path, &jobfile::surroundings()) {
            Ok(loaded) => (loaded.sources, Some(loaded.set), Vec::new(), loaded.warnings),
            Err(rejected) => (*rejected.sources, None, rejected.errors, rejected.warnings),
        };
    let jobs = set.as_ref().map_or(0, |set| set.jobs.len());
    let (file_errors, file_warnings) = (errors.len(), warnings.len());
    let good = set.as_ref().filter(|_| args.online).map(|set| {
        let said = agent_says(set);
        for problem in said.problems {
            let list = if problem.is_error { &mut errors } else { &mut warnings };
            list.push(diagnostic(problem, &sources));
        }
        said.good
    });
    let exit = if errors.is_empty() { Exit::Done } else { Exit::No };
    let told = if args.json {
        let document = Document {
            valid: errors.is_empty(),
            files: files(&sources),
            errors: &errors,
            warnings: &warnings,
        };
        super::write_json(out, &document)
    } else {
        let (errors, agent_errors) = errors.split_at(file_errors);
        let (warnings, agent_warnings) = warnings.split_at(file_warnings);
        let told = for_people(&sources, jobs, errors, warnings, global, out, err);
        told.and_then(|()| match good {
            Some(good) => tell_online(&good, agent_errors, agent_warnings, global, out, err),
            None => Ok(()),
        })
    };
    match told {
        Ok(()) => exit,
        Err(_) => Exit::No,
    }
}

/// What the agent says to a job set that is good by itself.
fn agent_says(set: &JobSet) -> Online {
    let keeper = TokenKeeper::new(set.agent.token.clone(), variable);
    let broken = |words: String| {
        let problem = OnlineProblem { is_error: true, path: "agent".to_owned(), words, hint: None };
        Online { good: Vec::new(), problems: vec![problem] }
    };
    let client = match AgentClient::new(&set.agent, keeper) {
        Ok(client) => client,
        Err(error) => return broken(error.to_string()),
    };
    match runtime() {
        Ok(runtime) => runtime.block_on(online(set, &client)),
        Err(error) => broken(error.to_string()),
    }
}

/// What the agent holds against the file, in the form of what is wrong with the file itself.
fn diagnostic(problem: OnlineProblem, sources: &Sources) -> Diagnostic {
    Diagnostic {
        file: sources.root.display().to_string(),
        line: 1,
        column: 1,
        path: problem.path,
        message: problem.words,
        hint: problem.hint,
        severity: if problem.is_error { Severity::Error } else { Severity::Warning },
        excerpts: Vec::new(),
    }
}

/// Tells what is wrong, errors last, and gives words for the warnings' number, to follow a verdict.
fn tell_all(
    errors: &[Diagnostic],
    warnings: &[Diagnostic],
    global: &Global,
    err: &mut dyn Write,
) -> io::Result<String> {
    jobfile::diagnostics(warnings, global, err)?;
    jobfile::diagnostics(errors, global, err)?;
    err.flush()?;
    Ok(match warnings.len() {
        0 => String::new(),
        number => format!(", {}", counted(number, "warning")),
    })
}

fn tell_online(
    good: &[String],
    errors: &[Diagnostic],
    warnings: &[Diagnostic],
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    let warned = tell_all(errors, warnings, global, err)?;
    if errors.is_empty() {
        writeln!(out, "the agent agrees: {}{warned}", good.join(", "))?;
    } else {
        writeln!(out, "the agent does not agree: {}{warned}", counted(errors.len(), "error"))?;
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
    let warned = tell_all(errors, warnings, global, err)?;
    let root = sources.root.display();
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
