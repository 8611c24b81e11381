//! `schema`: the JSON Schema of the job file, for editors.

use std::io::Write;

use clap::Args as ClapArgs;

use super::{Exit, Global};
use crate::config;

/// What may be typed after `schema`.
#[derive(Debug, ClapArgs)]
pub struct Args {}

/// Carries out `schema`.
pub fn run(_: Args, _: &Global, out: &mut dyn Write, _: &mut dyn Write) -> Exit {
    match super::write_json(out, &config::schema()) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::No,
    }
}
