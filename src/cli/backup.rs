//! `backup`: a copy of the state in one file, whether or not the daemon runs.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::ask::{done, hint, say};
use super::places::Places;
use super::render::words::bytes;
use super::{Exit, Global};
use crate::store::folder::StateFolder;

/// Options of `transferd backup`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The file to write; nothing is overwritten
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// The document of `--json`.
#[derive(Debug, Serialize)]
struct Document {
    file: PathBuf,
    bytes: u64,
    database_version: i64,
}

/// Carries out `backup`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let folder = match Places::here(global).state_folder() {
        Ok(folder) => folder,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    let into = args.file.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(into) = into.filter(|into| !into.exists()) {
        say(err, &format!("there is no folder `{}`: make it first", into.display()));
        return Exit::No;
    }
    let backup = match StateFolder::back_up(&folder, &args.file) {
        Ok(Some(backup)) => backup,
        Ok(None) => {
            say(err, &format!("there is no state in `{}`", folder.display()));
            hint(
                err,
                "name the service with `--system` or `--user`, or the folder with `--state-dir`",
            );
            return Exit::No;
        }
        Err(error) => {
            say(err, &error.to_string());
            return Exit::No;
        }
    };
    let file = std::path::absolute(&args.file).unwrap_or(args.file);
    let document = Document { file, bytes: backup.bytes, database_version: backup.version };
    let told = if args.json { super::write_json(out, &document) } else { tell(&document, out) };
    done(told, Exit::Done)
}

fn tell(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let Document { file, bytes: size, database_version } = document;
    let size = bytes(*size);
    writeln!(out, "{}: {size}, database version {database_version}", file.display())?;
    out.flush()
}
