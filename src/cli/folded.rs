//! A writer for people: breaks lines longer than the terminal between words instead of within one,
//! unless something else has laid them out.
//!
//! Keeps true: output passes unchanged if it is not text, if there is no width, or if it is a
//! numbered line of a file; no word is ever broken, so that addresses and ids can be copied.

use std::io::{self, Write};

use super::render::fit::folded;

/// A longer line passes unchanged: a bound on the text that is held back.
const LINE_MAX: usize = 64 * 1024;

/// Folds the lines written to it.
#[derive(Debug)]
pub struct Folded<W: Write> {
    to: W,
    /// Columns; absent where lines may have any length.
    room: Option<usize>,
    /// The unfinished line.
    line: Vec<u8>,
}

impl<W: Write> Folded<W> {
    /// Folds lines to this width; not at all without one.
    pub fn new(to: W, room: Option<usize>) -> Self {
        Self { to, room, line: Vec::new() }
    }

    /// Passes on the text held back, folded or unchanged.
    fn pass(&mut self, room: Option<usize>) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        match (room, std::str::from_utf8(&line)) {
            (Some(room), Ok(text)) => self.to.write_all(folded(text, room).as_bytes()),
            (None, _) | (_, Err(_)) => self.to.write_all(&line),
        }
    }
}

impl<W: Write> Write for Folded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room.is_none() {
            return self.to.write(bytes);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > LINE_MAX {
                self.pass(None)?;
            } else if piece.ends_with(b"\n") {
                self.pass(self.room)?;
            }
        }
        Ok(bytes.len())
    }

    /// Passes on an unfinished line too, such as a question.
    fn flush(&mut self) -> io::Result<()> {
        self.pass(None)?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Folded<W> {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.pass(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded_to(room: Option<usize>, pieces: &[&str]) -> String {
        let mut out = Vec::new();
        let mut folding = Folded::new(&mut out, room);
        for piece in pieces {
            folding.write_all(piece.as_bytes()).unwrap();
        }
        drop(folding);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_long_line_is_broken_between_words_and_its_rest_is_set_in() {
        let pieces = ["  the job file", " has one error\nand", " 12 warnings\n", "end"];
        let told = "  the job file has\n    one error\nand 12 warnings\nend";
        assert_eq!(folded_to(Some(18), &pieces), told);
        assert_eq!(folded_to(None, &pieces), pieces.concat());
    }

    #[test]
    fn words_and_lines_of_files_stay_whole() {
        let address = "see http://127.0.0.1:29181/runs/4b8c870d now\n";
        assert_eq!(
            folded_to(Some(20), &[address]),
            "see\n  http://127.0.0.1:29181/runs/4b8c870d\n  now\n"
        );
        let shown = "\u{1b}[94m12 |\u{1b}[0m     schedule: \"30 2 * * *\" # each night\n";
        assert_eq!(folded_to(Some(20), &[shown]), shown);
    }

    #[test]
    fn colors_take_no_room() {
        let line = "\u{1b}[31merror\u{1b}[0m: one two\n";
        assert_eq!(folded_to(Some(14), &[line]), line);
    }

    #[test]
    fn a_question_is_seen_before_its_answer() {
        let mut out = Vec::new();
        let mut folding = Folded::new(&mut out, Some(60));
        folding.write_all(b"Password: ").unwrap();
        folding.flush().unwrap();
        assert_eq!(folding.to.as_slice(), b"Password: ");
    }
}
