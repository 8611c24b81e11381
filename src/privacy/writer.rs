//! A writer that masks every known secret, for the output of commands and the log.

use std::io::{self, Write};

use super::mask::mask;

/// Masks everything written through it. Each line of each write is searched by itself, so that
/// nothing is held back and a document of megabytes takes no more memory than itself: a formatter
/// writes a secret in one piece, and foreign text is in one line by then.
#[derive(Debug)]
pub struct Masked<W>(pub W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                for line in text.split_inclusive('\n') {
                    self.0.write_all(mask(line).as_bytes())?;
                }
            }
            Err(_) => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
