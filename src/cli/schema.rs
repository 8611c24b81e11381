//! `schema`: the JSON Schema of the job file, for editors.

use std::io::Write;

use clap::Args as ClapArgs;

use super::ask::done;
use super::{Exit, Global};
use crate::config;

/// Options of `transferd schema`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// It is JSON in any case; scripts that always ask for it are right
    #[arg(long, hide = true)]
    json: bool,
}

/// Carries out `schema`.
pub fn run(_: Args, _: &Global, out: &mut dyn Write, _: &mut dyn Write) -> Exit {
    done(super::write_json(out, &config::schema()), Exit::Done)
}
