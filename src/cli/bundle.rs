//! `doctor --bundle`: collects what a bug report needs in one archive, with the secrets taken out.
//!
//! Keeps true: parts that can't be had are named in it instead; nothing is overwritten; only its
//! owner may read it. Secrets that were read are masked everywhere, and of the job file each value
//! that may be one is hidden.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::Serialize;

use super::ask::{Daemon, done, hint, say};
use super::doctor::ours;
use super::places::{Places, variable};
use super::{Exit, Global, agent, jobfile, offline};
use crate::agent::TokenKeeper;
use crate::agent::doctor::examine;
use crate::clock;
use crate::config::{self, Diagnostic, Sources};
use crate::control::document::RunDocument;
use crate::control::request::{HistoryQuery, StatusQuery};
use crate::core::plain::escape_unseen;
use crate::privacy::mask;

/// The newest runs that are included: a report is seldom about earlier ones.
const RUNS: usize = 200;

/// A block of an archive, in bytes (POSIX.1-1988, ustar).
const BLOCK: usize = 512;

/// The most bytes of one file in it: a job file may have 64 MB, which no report needs.
const FILE_MAX: usize = 4 << 20;

/// File endings that promise more than a plain archive.
const COMPRESSED: [&str; 8] = [".tgz", ".gz", ".zip", ".bz2", ".tbz2", ".xz", ".txz", ".zst"];

/// A file of the archive.
struct Entry {
    name: String,
    text: String,
}

/// The result of checking the job file.
#[derive(Serialize)]
struct Checked<'a> {
    valid: bool,
    errors: &'a [Diagnostic],
    warnings: &'a [Diagnostic],
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    path: &'a Path,
    files: Vec<&'a str>,
}

/// Writes the archive; for `-` to standard output.
pub(super) fn run(
    path: &Path,
    in_json: bool,
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    if path == Path::new("-") {
        return to_output(in_json, global, out, err);
    }
    let name = path.to_string_lossy().to_lowercase();
    if let Some(end) = COMPRESSED.iter().find(|end| name.ends_with(**end)) {
        say(err, &format!("the archive is not compressed, and `{end}` would say that it is"));
        hint(err, "let its name end with `.tar`");
        return Exit::No;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match file {
        Ok(file) => file,
        Err(error) => {
            say(err, &format!("`{}` can't be written: {error}", path.display()));
            if error.kind() == io::ErrorKind::AlreadyExists {
                hint(err, "nothing is overwritten: name another file");
            } else if error.kind() == io::ErrorKind::NotFound {
                hint(err, "there is no such folder: make it first, or name another file");
            }
            return Exit::No;
        }
    };
    let entries = entries(global);
    let written = file.write_all(&archive(&entries)).and_then(|()| file.sync_all());
    if let Err(error) = written {
        say(err, &format!("`{}` can't be written: {error}", path.display()));
        return Exit::No;
    }
    let files: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    if in_json {
        return done(super::write_json(out, &Document { path, files }), Exit::Done);
    }
    let told = writeln!(
        out,
        "wrote {}: {}\nsecrets are taken out; names of jobs, accounts, buckets and paths are in it: \
         `tar -xOf {0}` shows all of it",
        path.display(),
        files.join(", ")
    );
    done(told, Exit::Done)
}

/// Writes the archive to standard output, as `tar -f -` does.
fn to_output(in_json: bool, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    if in_json {
        say(err, "with `--bundle -` standard output is the archive");
        hint(err, "name a file, or leave `--json` out");
        return Exit::Usage;
    }
    if io::stdout().is_terminal() {
        say(err, "the archive is not written to a terminal");
        hint(err, "`transferd doctor --bundle report.tar`, or `--bundle - > report.tar`");
        return Exit::Usage;
    }
    done(out.write_all(&archive(&entries(global))), Exit::Done)
}

/// The whole archive.
fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut archive: Vec<u8> = entries.iter().flat_map(member).collect();
    archive.extend_from_slice(&[0; 2 * BLOCK]);
    archive
}

/// Everything known, each part as far as it is available.
fn entries(global: &Global) -> Vec<Entry> {
    learn_secrets(global);
    let mut entries = vec![entry("about.txt", about(global))];
    entries.push(entry("doctor.json", doctor(global)));
    let (status, history) = past(global);
    entries.push(entry("status.json", status));
    entries.push(entry("history.json", history));
    entries.extend(job_file(global));
    entries
}

/// Reads the token, or the secrets of a login, which makes them known, and so masked in all that
/// follows: where the agent is away, nothing else reads them.
fn learn_secrets(global: &Global) {
    let mut words = Vec::new();
    if let Ok((settings, _)) = agent::settings(global, &mut words) {
        // The problem is told by the checks.
        let _ = TokenKeeper::new(settings.token, variable).inspect();
    }
}

fn about(global: &Global) -> String {
    let system = rustix::system::uname();
    let places = Places::here(global);
    let told = |place: Result<std::path::PathBuf, String>| match place {
        Ok(path) => path.display().to_string(),
        Err(words) => words,
    };
    format!(
        "transferd {}\n{} {} {}\nmade at {}, machine's zone {}\njob file {}\nstate {}\n",
        env!("CARGO_PKG_VERSION"),
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
        clock::now(),
        clock::machine_zone().name,
        told(places.config()),
        told(places.state_folder()),
    )
}

fn doctor(global: &Global) -> String {
    let mut words = Vec::new();
    match agent::find(global, None, &mut words) {
        Ok(asked) => json(&asked.runtime.block_on(examine(&asked.client, &ours(global)))),
        Err(_) => String::from_utf8_lossy(&words).into_owned(),
    }
}

/// The status and the newest runs, from the daemon or the database.
fn past(global: &Global) -> (String, String) {
    let query = HistoryQuery { limit: Some(RUNS), ..HistoryQuery::default() };
    let (status, history) = match Daemon::find(global) {
        Ok(daemon) => {
            let status = daemon.wait(daemon.client().status(&StatusQuery::default()));
            let history = daemon.wait(daemon.client().history(&query));
            (
                status.map(|status| json(&status)).map_err(|error| error.to_string()),
                history.map_err(|error| error.to_string()),
            )
        }
        Err(_) => (Err("no daemon answers".to_owned()), offline::history(global, &query)),
    };
    let history = history.map(|mut runs| {
        runs.iter_mut().for_each(RunDocument::leave_out_facts);
        json(&runs)
    });
    (status.unwrap_or_else(|words| words), history.unwrap_or_else(|words| words))
}

/// The job file's texts, and its errors.
fn job_file(global: &Global) -> Vec<Entry> {
    let path = match Places::here(global).config() {
        Ok(path) => path,
        Err(words) => return vec![entry("check.json", words)],
    };
    let (sources, errors, warnings) = match config::read(&path, &jobfile::surroundings()) {
        Ok(loaded) => (loaded.sources, Vec::new(), loaded.warnings),
        Err(rejected) => (*rejected.sources, rejected.errors, rejected.warnings),
    };
    let valid = errors.is_empty();
    let checked = Checked { valid, errors: &errors, warnings: &warnings };
    let mut entries = vec![entry("check.json", json(&checked))];
    entries.extend(texts(&sources));
    entries
}

fn texts(sources: &Sources) -> impl Iterator<Item = Entry> {
    sources.files.iter().enumerate().map(|(number, file)| {
        let name = format!("job-file-{}.yaml", number + 1);
        let path = file.path.display();
        entry(&name, format!("# {path}\n{}", config::without_secrets(&file.text)))
    })
}

fn json(document: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(document);
    json.map_or_else(|error| error.to_string(), escape_unseen)
}

/// A file of the archive, without secrets.
fn entry(name: &str, text: String) -> Entry {
    let mut masked: String = text.split_inclusive('\n').map(mask).collect();
    if masked.len() > FILE_MAX {
        let mut end = FILE_MAX;
        while !masked.is_char_boundary(end) {
            end -= 1;
        }
        masked.truncate(end);
        masked.push_str("\n… (cut)\n");
    }
    Entry { name: name.to_owned(), text: masked }
}

/// A file in the archive's form: a header, the text, and zeros up to a whole block. `tar` of
/// crates.io does more than is needed here: links, owners, long names.
fn member(entry: &Entry) -> Vec<u8> {
    let mut header = [0_u8; BLOCK];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, &entry.name);
    put(100, "0000600");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", entry.text.len()));
    put(136, &format!("{:011o}", clock::now().as_second().max(0)));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut member = header.to_vec();
    member.extend_from_slice(entry.text.as_bytes());
    member.resize(member.len().next_multiple_of(BLOCK), 0);
    member
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_a_header_with_its_sum_and_whole_blocks() {
        let member = member(&entry("about.txt", "transferd\n".to_owned()));
        assert_eq!(member.len(), 2 * BLOCK);
        assert!(member.starts_with(b"about.txt\0"));
        assert_eq!(&member[124..136], b"00000000012\0");
        assert_eq!(&member[257..265], b"ustar\x0000");
        let blank = [b' '; 8];
        let sum: u32 = member[..148]
            .iter()
            .chain(&blank)
            .chain(&member[156..BLOCK])
            .map(|b| u32::from(*b))
            .sum();
        assert_eq!(&member[148..156], format!("{sum:06o}\0 ").as_bytes());
    }

    #[test]
    fn of_the_job_file_nothing_is_left_that_may_be_a_secret() {
        let text = "agent:\n  token: abcdefgh\nalerts:\n  - on: failed\n    webhook: {url: https://h/secret}\n\
                    jobs:\n  a:\n    source: {account: x, bucket: y, path: z/}\n";
        let told = config::without_secrets(text);
        assert!(!told.contains("abcdefgh") && !told.contains("secret"), "{told}");
        assert!(told.contains("source: {account: x, bucket: y, path: z/}"), "{told}");
        assert_eq!(told.lines().count(), text.lines().count());
    }
}
