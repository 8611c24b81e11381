//! Fits text to a width: measured as a terminal shows it, then cut or wrapped.
//!
//! Also keeps foreign text (operators' reasons, the agent's words) from controlling the terminal.

pub use crate::core::plain::plain;
use textwrap::{Options, WordSeparator, WordSplitter};

/// The number of columns of a text in a terminal: wide characters take two.
pub fn width(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// The text, with its end left out if it is wider than `room`.
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

/// The text in lines of at most `room` columns, broken between words, and within one only if it is
/// wider than a line. All in one line if there is no limit.
pub fn lines(text: &str, room: Option<usize>) -> Vec<String> {
    let text = plain(text);
    let Some(room) = room else { return vec![text.replace(BOUND, " ")] };
    broken(&text, room)
}

/// The lines of a text, in which words that are read as one are bound together. Bound words that are
/// wider than a line are parted again, durations first, so that no line breaks within a word where
/// it could break between two.
fn broken(text: &str, room: usize) -> Vec<String> {
    let loosened = |text: &str, loose: &dyn Fn(&str) -> String| {
        let words = text.split(' ').map(|word| match width(word) > room {
            true => loose(word),
            false => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let text = bound(text, Narrow::No);
    let text = loosened(&text, &|word| bound(&word.replace(BOUND, " "), Narrow::Yes));
    let text = loosened(&text, &|word| word.replace(BOUND, " "));
    let options = Options::new(room.max(1))
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(&text, options).iter().map(|line| line.replace(BOUND, " ")).collect()
}

/// A line in lines of at most `room` columns if it has words to be broken between, later ones
/// indented by two more than the first. Colors are kept; a line of a file after its number, its
/// place, and a command to be copied stay whole.
pub fn folded(line: &str, room: usize) -> String {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    if width(text) <= room || is_excerpt(text) || is_command(text) {
        return line.to_owned();
    }
    let indent = (text.len() - text.trim_start_matches(' ').len() + 2).min(room / 2);
    let indent = " ".repeat(indent);
    let options = Options::new(room.max(1))
        .subsequent_indent(&indent)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(&bound(text, Narrow::No), options).join("\n").replace(BOUND, " ");
    format!("{lines}{end}")
}

/// True for a line of a file that is shown with its number, `20 |     schedule: …`, and for its
/// place, ` --> jobs.yaml:20:15`.
fn is_excerpt(line: &str) -> bool {
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                // A color: up to the letter that ends it.
                chars.find(char::is_ascii_alphabetic);
            }
            ' ' | '0'..='9' => {}
            other => return other == '|' || (other == '-' && chars.as_str().starts_with("->")),
        }
    }
    false
}

/// True for a command on a line of its own, indented: a terminal's own line break is not copied.
fn is_command(line: &str) -> bool {
    line.starts_with(' ') && line.trim_start().starts_with("transferd ")
}

/// A name and its value, without a line break before the value's beginning.
pub(super) fn pair(name: &str, value: &str) -> String {
    format!("{name}{BOUND}{value}")
}

/// A blank at which lines are not broken (U+00A0).
pub(super) const BOUND: char = '\u{a0}';

/// The widest part of a text without a good place for a line break.
pub fn longest_word(text: &str) -> usize {
    bound(text, Narrow::No).split(' ').map(width).max().unwrap_or(0)
}

/// The same where durations may be broken between their units.
pub fn longest_part(text: &str) -> usize {
    bound(text, Narrow::Yes).split(' ').map(width).max().unwrap_or(0)
}

/// The width of the widest word, if no words are bound together.
pub fn longest_piece(text: &str) -> usize {
    text.split(' ').map(width).max().unwrap_or(0)
}

/// Whether there is so little room that a duration may be broken between its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Narrow {
    /// There is.
    Yes,
    /// There is not.
    No,
}

/// Binds words that are read as one: numbers to their units, the parts of a duration to each other,
/// times to their offsets, weekdays to the following word, and names to the beginnings of their
/// values.
pub(super) fn bound(text: &str, narrow: Narrow) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let mut bound = String::with_capacity(text.len());
    let mut code = Code::default();
    for (index, word) in words.iter().enumerate() {
        if let Some(before) = index.checked_sub(1) {
            code.pass(words[before]);
            let belongs = code.parts_name(words[before])
                || is_one(&words, before)
                || (narrow == Narrow::No && is_one_span(&words, before));
            bound.push(if belongs { BOUND } else { ' ' });
        }
        bound.push_str(word);
    }
    bound
}

/// Whether the word at an index and the next one form one number, duration or moment.
fn is_one(words: &[&str], index: usize) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let (word, next) = (words[index], words[index + 1]);
    let begins_with_digit = next.starts_with(|c: char| c.is_ascii_digit());
    let is_amount = || words.get(index + 2).is_some_and(|unit| is_unit(unit));
    (word.ends_with(|c: char| c.is_ascii_digit()) && (is_unit(next) || is_offset(next)))
        || (word.trim_start_matches('(') == "in" && begins_with_digit && is_amount())
        || (DAYS.iter().any(|day| word.ends_with(day)) && begins_with_digit)
}

/// Whether the word at an index and the next one are parts of one duration: `2 h 30 min`, `9 s
/// ago`.
fn is_one_span(words: &[&str], index: usize) -> bool {
    let (word, next) = (words[index], words[index + 1]);
    let is_amount = |at: usize| {
        words.get(at).is_some_and(|word| word.ends_with(|c: char| c.is_ascii_digit()))
            && words.get(at + 1).is_some_and(|unit| is_unit(unit))
    };
    let ends_amount = index.checked_sub(1).is_some_and(is_amount) && without_end(word) == word;
    ends_amount && (is_amount(index + 1) || without_end(next) == "ago")
}

/// `min`, `MiB/s`, possibly with punctuation.
fn is_unit(word: &str) -> bool {
    const UNITS: [&str; 11] = ["%", "ms", "s", "min", "h", "d", "B", "KiB", "MiB", "GiB", "TiB"];
    UNITS.contains(&without_end(word).trim_end_matches("/s"))
}

fn without_end(word: &str) -> &str {
    word.trim_end_matches([',', ';', ':', '.', ')'])
}

/// Whether words are part of a file's text: between backticks, or in a map `{a: b}`.
#[derive(Debug, Default)]
struct Code {
    quoted: bool,
    depth: usize,
}

impl Code {
    /// Notes a word.
    fn pass(&mut self, word: &str) {
        for c in word.chars() {
            match c {
                '`' => self.quoted = !self.quoted,
                '{' => self.depth += 1,
                '}' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// True after the colon of a key, and after the word that introduces a default.
    fn parts_name(&self, word: &str) -> bool {
        (word.ends_with(':') && (self.quoted || self.depth > 0)) || word == "Default:"
    }
}

/// `+01:00`.
fn is_offset(word: &str) -> bool {
    let digits = without_end(word).strip_prefix(['+', '-']).and_then(|rest| rest.split_once(':'));
    digits.is_some_and(|(hours, minutes)| {
        [hours, minutes].iter().all(|part| part.len() == 2 && part.parse::<u8>().is_ok())
    })
}

/// The text wrapped to `room`, its later lines indented by `indent` blanks; `used` columns of the
/// first line are taken already. Ends without a line feed.
pub fn hanging(text: &str, used: usize, indent: usize, room: Option<usize>) -> String {
    let room = room.map(|room| room.saturating_sub(used.max(indent)));
    let text = plain(text);
    let lines = match room {
        Some(room) => broken(&text, room),
        None => vec![text.replace(BOUND, " ")],
    };
    lines.join(&format!("\n{:indent$}", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_beginning() {
        assert_eq!(cut_end("nightly", 7), "nightly");
        assert_eq!(cut_end("nightly-footage", 8), "nightly…");
        for room in 0..40 {
            assert!(width(&cut_end("日本語-folder-für-später", room)) <= room.max(1), "{room}");
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
        assert_eq!(lines(text, Some(12)), ["after", "2 h 30 min:", "45 %,", "1.5 GiB/s"]);
        assert_eq!(lines(text, Some(9)), ["after 2 h", "30 min:", "45 %,", "1.5 GiB/s"]);
        assert_eq!(lines("  2 at", Some(20)), ["  2 at"]);
        let text = "Sat 2026-11-28 02:30 +01:00 (in 1 h 2 min)";
        let told = ["Sat 2026-11-28", "02:30 +01:00", "(in 1 h 2 min)"];
        assert_eq!(lines(text, Some(14)), told);
    }

    #[test]
    fn a_duration_is_not_parted_from_what_says_where_it_counts_from() {
        let text = "good, read 5 min 6 s ago; Sun 04:00 (in 22 h)";
        let told = ["good, read", "5 min 6 s ago;", "Sun 04:00", "(in 22 h)"];
        assert_eq!(hanging(text, 0, 0, Some(15)).split('\n').collect::<Vec<_>>(), told);
        assert_eq!(hanging("in all 2 d, ago", 0, 0, Some(9)), "in all\n2 d, ago");
        assert_eq!(lines("Sun 04:00 (in 22 h)", Some(13)), ["Sun 04:00", "(in 22 h)"]);
        assert_eq!(folded("after 2 h 30 min", 12), "after\n  2 h 30 min");
    }

    #[test]
    fn a_command_stays_as_it_is_typed() {
        let command = "  transferd --state-dir /tmp/transferd-demo-nYsKyi status -w\n";
        assert_eq!(folded(command, 40), command);
        let folded = folded("transferd demo: six jobs on schedules of seconds", 40);
        assert_eq!(folded, "transferd demo: six jobs on schedules of\n  seconds");
    }

    #[test]
    fn a_name_is_not_parted_from_the_beginning_of_its_value() {
        let text = "stop: write `enabled: false` or {max_attempts: 3, delay: 1m}";
        for room in 20..60 {
            for line in lines(text, Some(room)) {
                assert!(!line.ends_with(':') || line == "stop:", "{room}: {line}");
            }
        }
        let text = format!("{}, {}", pair("catch_up", "once"), pair("jitter", "0s"));
        assert_eq!(lines(&text, Some(16)), ["catch_up once,", "jitter 0s"]);
        assert_eq!(lines(&text, None), ["catch_up once, jitter 0s"]);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\nc\u{9b}d"), "a [31mb c d");
    }
}
