//! The depth of a text, which is checked before it reaches a parser.

use super::bounds::DEPTH;
use super::spans::{self, Position};

/// Finds the place where a text is nested too deep. Both parsers need time that grows with the
/// square of the depth, so such a text must not reach them: a quick count of opening and closing
/// characters finds a possible place, and parsing the text up to there decides.
pub(crate) fn deep(text: &str) -> Option<Position> {
    // Brackets in plain texts are counted too. This many false alarms are checked.
    const SUSPICIONS: usize = 16;
    // The text that the parser needs beyond a place to be sure of it.
    const BEYOND: usize = 200;
    let mut suspicions = 0;
    let bytes = text.as_bytes();
    let (mut depth, mut nested) = (0_usize, 0_usize);
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            // Lists within lists on one line; a ruler of dashes is not one.
            b'-' | b'?' | b':' if bytes.get(i + 1) == Some(&b' ') => nested += 1,
            b'\n' => nested = 0,
            _ => {}
        }
        if depth <= DEPTH && nested <= DEPTH {
            continue;
        }
        (depth, nested) = (0, 0);
        suspicions += 1;
        let mut end = (i + BEYOND).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let found = spans::too_deep(&text[..end]);
        if found.is_some() {
            return found;
        }
        if suspicions > SUSPICIONS {
            let line = 1 + bytes[..i].iter().filter(|byte| **byte == b'\n').count();
            return Some(Position { line, column: 0 });
        }
    }
    None
}
