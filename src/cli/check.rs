//! `check`: validates the job file and reports all errors at once.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::Arc;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::ask::{done, runtime};
use super::places::variable;
use super::render::words::count;
use super::{Exit, Global, agent, jobfile};
use crate::agent::{AgentClient, Online, OnlineProblem, TokenKeeper, online};
use crate::config::{self, Content, Diagnostic, Loaded, Lookup, Rejected, Severity, Sources};
use crate::daemon::on_this_machine;

/// Options of `transferd check`.
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

/// The document of `check --json` (docs/reference.md, "Commands").
#[derive(Debug, Serialize)]
struct Document<'a> {
    valid: bool,
    files: Vec<String>,
    errors: &'a [Diagnostic],
    warnings: &'a [Diagnostic],
    /// With `--online` and a file that is valid by itself: the agent's verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<Verdict>,
}

/// The agent's verdict on the file.
#[derive(Debug, Serialize)]
struct Verdict {
    /// There is no problem.
    agrees: bool,
    /// The checks that passed, in words.
    good: Vec<String>,
    /// How many of the errors and warnings come from the agent.
    errors: usize,
    warnings: usize,
}

/// Carries out `check`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let path = match jobfile::path(global, err) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let (sources, content, mut errors, mut warnings) = match read(&path) {
        Ok(loaded) => (loaded.sources, Some(loaded.content), Vec::new(), loaded.warnings),
        Err(rejected) => (*rejected.sources, None, rejected.errors, rejected.warnings),
    };
    let jobs = content.as_ref().map_or(0, |content| content.set.jobs.len());
    let file_errors = errors.len();
    if let Some(content) = &content {
        // The agent's verdict has the token itself.
        warnings.extend(match args.online {
            true => on_this_machine::warnings_besides_the_token(content, &sources),
            false => on_this_machine::warnings(content, &sources),
        });
    }
    let file_warnings = warnings.len();
    let mut good = None;
    if let Some(content) = content.as_ref().filter(|_| args.online) {
        let file = Lookup::new(&sources);
        let said = match agent_says(content, &file, global) {
            Ok(said) => said,
            Err(interrupted) => return interrupted,
        };
        for OnlineProblem { is_error, keys, words, hint } in said.problems {
            let list = if is_error { &mut errors } else { &mut warnings };
            list.extend(file.say(&keys, is_error, &words, hint));
        }
        good = Some(said.good);
    }
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
            Some(good) => print_online(&good, agent_errors, agent_warnings, global, out, err),
            None => Ok(()),
        })
    };
    done(told, exit)
}

/// Reads the job file; also from a pipe, such as standard input, given as `-`.
fn read(path: &Path) -> Result<Loaded, Rejected> {
    let surroundings = jobfile::surroundings();
    let is_pipe = || fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
    let stream: Option<Box<dyn Read>> = match path.to_str() {
        Some("-" | "/dev/stdin") => Some(Box::new(io::stdin())),
        // A pipe that can't be opened is reported like any file.
        Some(_) | None if is_pipe() => File::open(path).ok().map(|pipe| Box::new(pipe) as _),
        Some(_) | None => None,
    };
    let Some(stream) = stream else { return config::read(path, &surroundings) };
    let mut bytes = Vec::new();
    // A pipe that breaks off is judged by what arrived.
    let _ = stream.take(config::STREAM_BYTES + 1).read_to_end(&mut bytes);
    let name = if path == Path::new("-") { Path::new("<stdin>") } else { path };
    config::read_bytes(name, bytes, &surroundings)
}

/// Asks the agent about a job file that is valid by itself.
///
/// # Errors
/// The code of a command that was interrupted.
fn agent_says(content: &Content, file: &Lookup, global: &Global) -> Result<Online, Exit> {
    let Content { set, settings } = content;
    let connection = &settings.agent;
    let keeper = TokenKeeper::new(connection.token.clone(), variable);
    let broken = |words: String| {
        let problem =
            OnlineProblem { is_error: true, keys: vec!["agent".to_owned()], words, hint: None };
        Ok(Online { good: Vec::new(), problems: vec![problem] })
    };
    let owners = agent::owners(connection, global);
    let client = match AgentClient::with(connection, keeper, owners, Arc::default()) {
        Ok(client) => client,
        Err(error) => return broken(error.to_string()),
    };
    match runtime() {
        Ok(runtime) => runtime.block_on(async {
            let accounts = file.accounts();
            let asking = online(set, &connection.token, &accounts, &client);
            let said = agent::unless_interrupted(asking).await;
            client.log_out().await;
            said
        }),
        Err(error) => broken(error.to_string()),
    }
}

/// Prints all problems, errors last, and returns words for the number of warnings, to follow a
/// verdict.
fn print_diagnostics(
    errors: &[Diagnostic],
    warnings: &[Diagnostic],
    global: &Global,
    err: &mut dyn Write,
) -> io::Result<String> {
    // Notes require no action: beside errors they would only distract.
    let notable = |one: &&Diagnostic| errors.is_empty() || one.severity != Severity::Note;
    let warnings: Vec<Diagnostic> = warnings.iter().filter(notable).cloned().collect();
    jobfile::diagnostics(&warnings, global, err)?;
    jobfile::diagnostics(errors, global, err)?;
    err.flush()?;
    let notes = warnings.iter().filter(|warning| warning.severity == Severity::Note).count();
    let said = [(warnings.len() - notes, "warning"), (notes, "note")];
    let said = said.into_iter().filter(|(number, _)| *number > 0);
    Ok(said.map(|(number, noun)| format!(", {}", count(number, noun))).collect())
}

fn print_online(
    good: &[String],
    errors: &[Diagnostic],
    warnings: &[Diagnostic],
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    let warned = print_diagnostics(errors, warnings, global, err)?;
    if errors.is_empty() {
        writeln!(out, "the agent agrees: {}{warned}", good.join(", "))?;
    } else {
        writeln!(out, "online check: {}{warned}", count(errors.len(), "error"))?;
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
    let warned = print_diagnostics(errors, warnings, global, err)?;
    let root = sources.root.display();
    if errors.is_empty() {
        let among = match sources.files.len() {
            0 | 1 => String::new(),
            number => format!(" in {}", count(number, "file")),
        };
        writeln!(out, "{root} is good: {}{among}{warned}", count(jobs, "job"))?;
    } else {
        writeln!(out, "{root}: {}{warned}", count(errors.len(), "error"))?;
    }
    out.flush()
}
