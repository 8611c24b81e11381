//! `reload`: the daemon reads its job file now, and says what changed or what is wrong.

use std::io::Write;

use clap::Args as ClapArgs;

use super::ask::{Daemon, done, say, say_error};
use super::{Exit, Global};

/// What may be typed after `reload`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out `reload`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let answer = match daemon.wait(daemon.client().reload()) {
        Ok(answer) => answer,
        Err(error) => return say_error(&error, err),
    };
    let exit = if answer.valid { Exit::Done } else { Exit::No };
    if args.json {
        return done(super::write_json(out, &answer), exit);
    }
    for warning in &answer.warnings {
        let _ = writeln!(err, "{}", warning.trim_end());
    }
    if let Some(error) = &answer.error {
        let _ = writeln!(err, "{}", error.trim_end());
        say(err, "the job file is not in force; the old jobs stay");
        return exit;
    }
    if answer.changes.is_empty() {
        return done(writeln!(out, "nothing changed in `{}`", answer.path), exit);
    }
    let lines = answer.changes.iter().try_for_each(|line| writeln!(out, "{line}"));
    done(lines, exit)
}
