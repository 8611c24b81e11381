//! Switches on each fault of `tests/faults.yaml`, one at a time, and sees that the test which is
//! named for it notices:
//!
//! `cargo run --example faults`; with names of faults behind `--` only those, with `--list` what
//! there is. All faults are switches of one build: it is made from a copy of the sources below the
//! target folder. The program there is that build's until `cargo build` makes it anew.

mod copy;
mod list;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, Result, Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use transferd::clock;

use crate::list::{Catcher, Fault};
use crate::trial::{Outcome, Tests};

/// The least that a test with a fault is given, and how often it is given the time that it has
/// taken without: machines are busy, and some faults slow a test down.
const PATIENCE: (Duration, u32) = (Duration::from_secs(60), 5);

/// What a test without a fault is given at most.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Parser)]
struct Args {
    /// Faults to try; all, if none is named
    names: Vec<String>,
    /// Show the list, and try nothing
    #[arg(long)]
    list: bool,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/faults.yaml"))?;
    let all = list::read(&text).map_err(Error::other)?;
    let chosen = chosen(&all, &args.names)?;
    if args.list {
        for fault in chosen {
            row("", fault, &fault.caught_by.test)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let target = target_folder()?;
    let copy = target.join("faults");
    std::fs::create_dir_all(&copy)?;
    copy::make(root, &copy, &all)?;
    let catchers: BTreeSet<&Catcher> = chosen.iter().map(|fault| &fault.caught_by).collect();
    let tests = Tests::build(root, &copy, &target, &catchers)?;
    let limits = limits(&tests, &catchers)?;
    let mut missed: usize = 0;
    for (number, fault) in (1..).zip(&chosen) {
        let outcome = match &limits[&fault.caught_by] {
            Ok(limit) => tests.run(&fault.caught_by, Some(&fault.name), *limit)?,
            Err(without) => without.clone(),
        };
        let caught = match outcome {
            Outcome::Failed => !fault.hangs,
            Outcome::Hung => fault.hangs,
            Outcome::Passed | Outcome::Unclear(_) => false,
        };
        missed += usize::from(!caught);
        let by = match (caught, outcome) {
            (true, _) => fault.caught_by.test.clone(),
            (false, outcome) => format!("NOT by {}: {outcome:?}", fault.caught_by.test),
        };
        row(&format!("{number:>3}/{}  ", chosen.len()), fault, &by)?;
    }
    writeln!(stdout(), "{} of {} faults were caught", chosen.len() - missed, chosen.len())?;
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(progress: &str, fault: &Fault, by: &str) -> Result<()> {
    writeln!(stdout(), "{progress}{:<30}  {:<80}  {by}", fault.name, fault.loses)
}

/// The faults of these names; all, if there are none.
fn chosen<'a>(all: &'a [Fault], names: &[String]) -> Result<Vec<&'a Fault>> {
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let find = |name: &String| {
        let found = all.iter().find(|fault| fault.name == *name);
        found.ok_or_else(|| Error::other(format!("there is no fault `{name}`; see `--list`")))
    };
    names.iter().map(find).collect()
}

/// Where cargo builds: this program lies in `debug/examples` below it.
fn target_folder() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(3).map(Path::to_owned);
    folder.ok_or_else(|| Error::other("the target folder can't be told"))
}

/// How long each test may take with a fault, or why nothing would be shown by its failing with one:
/// it does not pass without.
fn limits<'a>(
    tests: &Tests,
    catchers: &BTreeSet<&'a Catcher>,
) -> Result<BTreeMap<&'a Catcher, std::result::Result<Duration, Outcome>>> {
    let mut limits = BTreeMap::new();
    for catcher in catchers {
        let began = clock::since_boot();
        let outcome = tests.run(catcher, None, LONGEST)?;
        let took = Duration::try_from(clock::since_boot() - began).map_err(Error::other)?;
        let limit = match outcome {
            Outcome::Passed => Ok(PATIENCE.0.max(took * PATIENCE.1)),
            Outcome::Failed => Err(Outcome::Unclear("it fails without a fault".to_owned())),
            Outcome::Hung => Err(Outcome::Unclear("it hangs without a fault".to_owned())),
            Outcome::Unclear(why) => Err(Outcome::Unclear(why)),
        };
        limits.insert(*catcher, limit);
    }
    let pass = limits.values().filter(|limit| limit.is_ok()).count();
    writeln!(stdout(), "{pass} of {} tests pass without a fault", limits.len())?;
    Ok(limits)
}
