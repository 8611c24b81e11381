//! Options of `cargo bench --bench daemon --`.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::sections;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Started without `--bench`, which `cargo bench` adds: by a test run.
    Nothing,
    /// The help.
    Help,
    /// The measurement.
    Measures(Arguments),
}

/// How to measure.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Smaller and shorter, to see whether it works: the figures are not to be quoted.
    pub(crate) quick: bool,
    /// Where plots are written; none are drawn without.
    pub(crate) plots: Option<PathBuf>,
    /// The Python that has the peers' packages.
    pub(crate) python: Option<PathBuf>,
    /// Names of sections; empty for all.
    sections: Vec<String>,
}

impl Arguments {
    /// Whether this section was asked for.
    pub(crate) fn wants(&self, section: &str) -> bool {
        if self.sections.is_empty() {
            return section != "growth" || self.plots.is_some();
        }
        self.sections.iter().any(|wanted| wanted == section)
    }

    /// How often a figure is taken that is cheap to take.
    pub(crate) fn runs(&self) -> usize {
        if self.quick { 1 } else { 5 }
    }

    /// How often a figure is taken that costs half a minute or more.
    pub(crate) fn long_runs(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }

    /// The first for a full measurement, the second for a quick one.
    pub(crate) fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// Reads the arguments.
pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut read = Arguments::default();
    let mut is_bench = false;
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => is_bench = true,
            "--help" | "-h" => return Ok(Wanted::Help),
            "--quick" => read.quick = true,
            "--plots" => read.plots = Some(value(&mut arguments, "--plots")?),
            "--python" => read.python = Some(value(&mut arguments, "--python")?),
            name if sections::all().iter().any(|section| section.name == name) => {
                read.sections.push(argument);
            }
            other => return Err(format!("`{other}` is no section and no option; try `--help`")),
        }
    }
    Ok(if is_bench { Wanted::Measures(read) } else { Wanted::Nothing })
}

fn value(arguments: &mut impl Iterator<Item = String>, option: &str) -> Result<PathBuf, String> {
    arguments.next().map(PathBuf::from).ok_or_else(|| format!("`{option}` needs a path"))
}

/// The help.
pub(crate) fn help() -> String {
    let mut text = "\
Measures the daemon from outside, on the simulated agent, and prints one table.

Usage: cargo bench --bench daemon -- [--quick] [--plots FOLDER] [--python PROGRAM] [SECTION…]

  --quick            smaller and shorter, to see whether it works
  --plots FOLDER     draw how cost grows, as SVG (section `growth`)
  --python PROGRAM   a Python with `apscheduler`, `requests` and `cronstable` [default: python3]

Sections (all but `growth` where none is named):
"
    .to_owned();
    for section in sections::all() {
        let _ = writeln!(text, "  {:<12} {}", section.name, section.title);
    }
    text
}
