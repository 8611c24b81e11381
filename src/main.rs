//! argv in, exit code out; what is in memory in between stays there.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let mut err = std::io::stderr();
    if let Err(error) = transferd::privacy::keep_memory_private() {
        // Worth a word, but no reason to leave the transfers alone.
        let _ = writeln!(err, "transferd: its memory can't be kept out of core dumps: {error}");
    }
    transferd::cli::main(std::env::args_os(), &mut out, &mut err).into()
}
