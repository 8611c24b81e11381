//! argv in, exit code out; memory is kept private in between.

use std::io::Write;
use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;
use transferd::cli::folded::Folded;
use transferd::cli::render::table::Screen;
use transferd::privacy::{Masked, keep_memory_private, keep_own_access};

/// Reading a large job file takes much more memory than keeping it, and each reading has a thread:
/// the C library keeps what is freed in a heap for each of them (docs/performance.md). How this one
/// is set up is written in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    keep_own_access();
    let mut out = Masked(std::io::stdout());
    let mut err = Folded::new(Masked(std::io::stderr()), Screen::room_of(std::io::stderr()));
    if let Err(error) = keep_memory_private() {
        // Worth a warning, but no reason to leave the transfers alone.
        let _ = writeln!(err, "transferd: its memory can't be kept out of core dumps: {error}");
    }
    transferd::cli::main(std::env::args_os(), &mut out, &mut err).into()
}
