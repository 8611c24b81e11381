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

/// A line in lines of at most `room` columns where it has words to be broken between, later ones
/// set in by two more than the first. Colours stay; a line of a file behind its number, and its
/// place, stay whole.
pub fn folded(line: &str, room: usize) -> String {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    if width(text) <= room || is_excerpt(text) {
        return line.to_owned();
    }
    let indent = (text.len() - text.trim_start_matches(' ').len() + 2).min(room / 2);
    let indent = " ".repeat(indent);
    let options = Options::new(room.max(1))
        .subsequent_indent(&indent)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(&bound(text), options).join("\n").replace(BOUND, " ");
    format!("{lines}{end}")
}

/// True for a line of a file that is shown with its number, `20 |     schedule: …`, and for its
/// place, ` --> jobs.yaml:20:15`.
fn is_excerpt(line: &str) -> bool {
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                // A colour: up to the letter that ends it.
                chars.find(char::is_ascii_alphabetic);
            }
            ' ' | '0'..='9' => {}
            other => return other == '|' || (other == '-' && chars.as_str().starts_with("->")),
        }
    }
    false
}

/// A blank at which no line is broken (U+00A0).
pub(super) const BOUND: char = '\u{a0}';

/// The widest part of a text that no line break parts.
pub fn longest_word(text: &str) -> usize {
    bound(text).split(' ').map(width).max().unwrap_or(0)
}

/// Binds numbers to the units behind them, times to their offsets, and weekdays to what follows.
pub(super) fn bound(text: &str) -> String {
    const UNITS: [&str; 11] = ["%", "ms", "s", "min", "h", "d", "B", "KiB", "MiB", "GiB", "TiB"];
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let mut bound = String::new();
    for (index, word) in text.split(' ').enumerate() {
        let unit = word.trim_end_matches([',', ';', ':', '.', ')']).trim_end_matches("/s");
        let follows_number = bound.ends_with(|c: char| c.is_ascii_digit());
        let follows_day = DAYS.iter().any(|day| bound.ends_with(day));
        let belongs = (follows_number && (UNITS.contains(&unit) || is_offset(unit)))
            || (follows_day && word.starts_with(|c: char| c.is_ascii_digit()));
        if index > 0 {
            bound.push(if belongs { BOUND } else { ' ' });
        }
        bound.push_str(word);
    }
    bound
}

/// `+01:00`.
fn is_offset(word: &str) -> bool {
    let digits = word.strip_prefix(['+', '-']).and_then(|rest| rest.split_once(':'));
    digits.is_some_and(|(hours, minutes)| {
        [hours, minutes].iter().all(|part| part.len() == 2 && part.parse::<u8>().is_ok())
    })
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
        let text = "Sat 2026-11-28 02:30 +01:00 (in 1 h 2 min)";
        let told = ["Sat 2026-11-28", "02:30 +01:00", "(in 1 h 2 min)"];
        assert_eq!(lines(text, Some(14)), told);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\nc\u{9b}d"), "a [31mb c d");
    }
}
