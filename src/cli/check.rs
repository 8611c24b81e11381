//! `check`: is the job file good, and if not, what is wrong with it, all at once.

use std::io::{self, Write};
use std::sync::Arc;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::ask::runtime;
use super::places::variable;
use super::{Exit, Global, jobfile, offline};
use crate::agent::{AgentClient, Online, OnlineProblem, Owners, TokenKeeper, online};
use crate::config::{self, Diagnostic, Lookup, Severity, Sources};
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
    /// With `--online` and a file that is good by itself: what the agent says.
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<Verdict>,
}

/// What the agent says to the file.
#[derive(Debug, Serialize)]
struct Verdict {
    /// Nothing speaks against it.
    agrees: bool,
    /// What is as it should be, in words.
    good: Vec<String>,
    /// How many of the errors and warnings are the agent's.
    errors: usize,
    warnings: usize,
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
        let file = Lookup::new(&sources);
        let said = agent_says(set, &file, global);
        for OnlineProblem { is_error, keys, words, hint } in said.problems {
            let list = if is_error { &mut errors } else { &mut warnings };
            list.extend(file.say(&keys, is_error, &words, hint));
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
            online: good.map(|good| Verdict {
                agrees: errors.len() == file_errors,
                good,
                errors: errors.len() - file_errors,
                warnings: warnings.len() - file_warnings,
            }),
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
fn agent_says(set: &JobSet, file: &Lookup, global: &Global) -> Online {
    let keeper = TokenKeeper::new(set.agent.token.clone(), variable);
    let broken = |words: String| {
        let problem =
            OnlineProblem { is_error: true, keys: vec!["agent".to_owned()], words, hint: None };
        Online { good: Vec::new(), problems: vec![problem] }
    };
    let owners = Owners::forgetful(&set.agent.user, offline::agent_user(global));
    let client = match AgentClient::with(&set.agent, keeper, owners, Arc::default()) {
        Ok(client) => client,
        Err(error) => return broken(error.to_string()),
    };
    match runtime() {
        Ok(runtime) => runtime.block_on(async {
            let said = online(set, &file.accounts(), &client).await;
            client.log_out().await;
            said
        }),
        Err(error) => broken(error.to_string()),
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
    let notes = warnings.iter().filter(|warning| warning.severity == Severity::Note).count();
    let said = [(warnings.len() - notes, "warning"), (notes, "note")];
    let said = said.into_iter().filter(|(number, _)| *number > 0);
    Ok(said.map(|(number, noun)| format!(", {}", counted(number, noun))).collect())
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
        writeln!(out, "online check: {}{warned}", counted(errors.len(), "error"))?;
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
