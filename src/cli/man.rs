//! `man`: the manual pages, from the same source as `--help`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args as ClapArgs, CommandFactory};

use super::ask::{done, say};
use super::{Cli, Exit, Global};

/// What may be typed after `man`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Write one page for each command into this folder, instead of one page to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Carries out `man`.
pub fn run(args: Args, _global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let command = Cli::command();
    let Some(folder) = args.dir else {
        return done(clap_mangen::Man::new(command).render(out), Exit::Done);
    };
    match clap_mangen::generate_to(command, &folder) {
        Ok(()) => Exit::Done,
        Err(error) => {
            say(err, &format!("the pages can't be written to `{}`: {error}", folder.display()));
            Exit::No
        }
    }
}
