//! Text made to fit: as wide as it will look in a terminal, cut or wrapped to the room there is.
//!
//! Also keeps what others have written (operators' reasons, the agent's words) from steering the
//! terminal.

pub use crate::core::plain::plain;
use textwrap::{Options, WordSeparator, WordSplitter};

/// How many columns of a terminal a text takes: wide characters take two.
pub fn width(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// The text, its middle left out where it is wider than `room`: names that differ do so at their
/// ends.
pub fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let kept = room.saturating_sub(1);
    let end = taken(text.chars().rev(), kept / 2);
    let begin = taken(text.chars(), kept - width(&end));
    let end: String = end.chars().rev().collect();
    format!("{begin}…{end}")
}

/// The text, its end left out where it is wider than `room`.
pub fn cut_end(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    format!("{}…", taken(text.chars(), room.saturating_sub(1)))
}

/// The first of the characters that fit into `room`.
fn taken(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut taken = String::new();
    let mut used = 0;
    for c in chars {
        used += width(c.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        taken.push(c);
    }
    taken
}

/// The text in lines of at most `room` columns, broken between words, and within one only if it
/// is wider than a line. All in one line where the room has no end.
pub fn lines(text: &str, room: Option<usize>) -> Vec<String> {
    let text = plain(text);
    let Some(room) = room else { return vec![text] };
    let text = bound(&text);
    let options = Options::new(room.max(1))
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(&text, options).iter().map(|line| line.replace(BOUND, " ")).collect()
}

/// A blank at which no line is broken (U+00A0).
const BOUND: char = '\u{a0}';

/// Binds numbers to the units behind them.
fn bound(text: &str) -> String {
    const UNITS: [&str; 11] = ["%", "ms", "s", "min", "h", "d", "B", "KiB", "MiB", "GiB", "TiB"];
    let mut bound = String::new();
    for (index, word) in text.split(' ').enumerate() {
        let unit = word.trim_end_matches([',', ';', ':', '.', ')']).trim_end_matches("/s");
        let follows_number = bound.ends_with(|c: char| c.is_ascii_digit());
        if index > 0 {
            bound.push(if follows_number && UNITS.contains(&unit) { BOUND } else { ' ' });
        }
        bound.push_str(word);
    }
    bound
}

/// The text wrapped to `room`, its later lines indented by `indent` blanks; `used` columns of the
/// first line are taken already. Ends without a line feed.
pub fn hanging(text: &str, used: usize, indent: usize, room: Option<usize>) -> String {
    let room = room.map(|room| room.saturating_sub(used.max(indent)));
    lines(text, room).join(&format!("\n{:indent$}", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_its_ends() {
        assert_eq!(cut("nightly", 7), "nightly");
        assert_eq!(cut("nightly-footage", 9), "nigh…tage");
        assert_eq!(cut("日本語のフォルダー", 9), "日本…ダー");
        assert_eq!(cut_end("nightly-footage", 8), "nightly…");
        for room in 0..40 {
            assert!(width(&cut("日本語-folder-für-später", room)) <= room.max(1), "{room}");
        }
    }

    #[test]
    fn lines_break_between_words_and_no_wider_than_the_room() {
        assert_eq!(
            lines("for a slot (`max_active` is 4)", Some(12)),
            ["for a slot", "(`max_active", "` is 4)"]
        );
        assert_eq!(lines("same-destination", Some(40)), ["same-destination"]);
        assert_eq!(lines("日本語のフォルダー", Some(6)), ["日本語", "のフォ", "ルダー"]);
        assert_eq!(lines("any length", None), ["any length"]);
    }

    #[test]
    fn a_number_is_not_parted_from_its_unit() {
        let text = "after 2 h 30 min: 45 %, 1.5 GiB/s";
        assert_eq!(lines(text, Some(12)), ["after 2 h", "30 min:", "45 %,", "1.5 GiB/s"]);
        assert_eq!(lines("  2 at", Some(20)), ["  2 at"]);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\nc\u{9b}d"), "a [31mb c d");
    }
}
