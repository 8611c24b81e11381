//! argv in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let mut err = std::io::stderr();
    transferd::cli::main(std::env::args_os(), &mut out, &mut err).into()
}
