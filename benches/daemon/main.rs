//! Measures the whole daemon from outside, on the simulated agent, beside what a user would pick
//! instead: `cargo bench --bench daemon`.
//!
//! The release binary and the agent are processes of their own; what is known of them is read from
//! `/proc`, from the agent's books and from the program's own answers. It prints one table of
//! medians, with the budget beside each figure that has one; a figure that misses its budget is
//! told, not an error. `-- --help` names the sections and the rest.

#[path = "../../tests/support/rows.rs"]
mod rows;

mod agent;
mod arguments;
mod ask;
mod clock;
mod failure;
mod file;
mod limits;
mod machine;
mod plots;
mod process;
mod sections;
mod stage;
mod statistics;
mod table;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::{Arguments, Wanted};
use table::Table;

fn main() -> ExitCode {
    let wanted = match arguments::read(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(words) => return said(&format!("error: {words}\n"), ExitCode::from(2)),
    };
    match wanted {
        // `cargo test --all-targets` starts each bench to see whether it starts.
        Wanted::Nothing => ExitCode::SUCCESS,
        Wanted::Help => said(&arguments::help(), ExitCode::SUCCESS),
        Wanted::Measures(arguments) => measure(&arguments),
    }
}

/// Measures all sections that were asked for, and prints the table.
fn measure(arguments: &Arguments) -> ExitCode {
    let mut table = Table::new(machine::description());
    for section in sections::all().iter().filter(|section| arguments.wants(section.name)) {
        eprintln!("measuring {} (load {})", section.name, machine::load());
        table.section(section.title);
        match (section.measure)(arguments) {
            Ok(rows) => rows.into_iter().for_each(|row| table.add(row)),
            Err(failure) => table.add_failure(&failure.to_string()),
        }
        table.note_load(&machine::load());
    }
    said(&table.to_string(), ExitCode::SUCCESS)
}

/// Prints, and gives the exit code. Nobody is left to tell when standard output is gone.
fn said(text: &str, code: ExitCode) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    code
}
