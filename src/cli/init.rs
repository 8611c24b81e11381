//! `init`: a commented first job file, where the daemon will look for it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use clap::Args as ClapArgs;

use super::{Exit, Global, jobfile};

/// What `init` writes. A test reads it as the daemon would.
pub const FIRST_FILE: &str = include_str!("init.yaml");

/// What may be typed after `init`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print it instead
    #[arg(long)]
    print: bool,
}

/// Carries out `init`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    if args.print {
        return match out.write_all(FIRST_FILE.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => Exit::Done,
            Err(_) => Exit::No,
        };
    }
    let path = match jobfile::path(global, err) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    match write(&path) {
        Ok(()) => {
            let _ = writeln!(
                out,
                "wrote {}\nnext: put the agent's API token beside it, into `token` with mode 0600 \
                 (`transferd login` does), name your accounts, then `transferd check`",
                path.display()
            );
            Exit::Done
        }
        Err(error) => {
            let why = match error.kind() {
                io::ErrorKind::AlreadyExists => "it is there already, and stays as it is".into(),
                _ => error.to_string(),
            };
            // Nothing is left to tell it to if standard error is gone.
            let _ = writeln!(err, "transferd: {} is not written: {why}", path.display());
            Exit::No
        }
    }
}

/// Never over a file that is there, nor through a link that leads nowhere.
fn write(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(FIRST_FILE.as_bytes())?;
    file.sync_all()
}
