//! Makes foreign text fit for a line of ours: the one place that says which characters are not
//! shown, and how long text is cut.
//!
//! Words of an agent, a receiver or an operator end up in terminals, logs, chats and mails. A
//! character that controls a terminal, reverses the direction of text or is invisible can make a
//! text appear to say something else. Knows no secrets: these are masked where words leave the
//! process.

use std::borrow::Cow;
use std::fmt::Write as _;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// Marks the place where text was cut.
const CUT: char = '…';

/// True for an invisible character: controls, format characters (Unicode's Cf), separators of lines
/// and paragraphs, and letters and marks that are blank by definition.
pub fn is_unseen(c: char) -> bool {
    // The Cf characters and the default-ignorable ones of Unicode 16, as ranges.
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{110bd}' | '\u{110cd}'
            | '\u{600}'..='\u{605}' | '\u{890}'..='\u{891}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The replacement of a character: a space for a control character or a separator of lines, nothing
/// for any other invisible one, so that a word that they had broken up is whole again.
fn seen(c: char) -> Option<char> {
    if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
        Some(' ')
    } else {
        (!is_unseen(c)).then_some(c)
    }
}

/// The text without invisible characters. Its blanks stay as they are.
pub fn plain(text: &str) -> String {
    text.chars().filter_map(seen).collect()
}

/// The text with each letter and its marks in one form (Unicode's NFC): keyboards and file systems
/// differ in whether `é` is one character or two, and nobody sees the difference.
pub fn composed(text: &str) -> Cow<'_, str> {
    match text.is_ascii() {
        true => Cow::Borrowed(text),
        false => ComposingNormalizerBorrowed::new_nfc().normalize(text),
    }
}

/// The letters that a letter is compared as where neither case nor form counts (Unicode's NFKD, and
/// full case folding): `Ü`, `ü` and `ü` of two characters are the same, and so are `ß` and `SS`, a
/// letter and its full-width form. Nothing for one that is not seen.
pub fn folded(c: char) -> impl Iterator<Item = char> {
    DecomposingNormalizerBorrowed::new_nfkd()
        .normalize_iter(std::iter::once(c))
        .filter(|c| !is_blank(*c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// True for a character that leaves nothing on paper: an invisible one, or a blank.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_unseen(c)
}

/// The text in one line of at most `limit` bytes, with single spaces between its words, cut at its
/// end if it is longer.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit));
    let mut gap = false;
    for c in text.chars().filter_map(seen) {
        if c.is_whitespace() {
            gap = !line.is_empty();
            continue;
        }
        let needed = usize::from(gap) + c.len_utf8();
        if line.len() + needed > limit {
            while line.len() + CUT.len_utf8() > limit && line.pop().is_some() {}
            line.push(CUT);
            return line;
        }
        if std::mem::take(&mut gap) {
            line.push(' ');
        }
        line.push(c);
    }
    line
}

/// Equivalent JSON, with each invisible character written as an escape. Such characters occur only
/// within its texts, except for the line ends between them; a program reads the same values, and a
/// terminal that shows the document is not affected by them.
pub fn escape_unseen(json: String) -> String {
    // Everything in ASCII below it was escaped by the JSON writer.
    if json.bytes().all(|byte| byte < 0x7f) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c == '\n' || !is_unseen(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a text does not fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a\u{1b}[31mb\r\nc\u{9b}d\0", "a [31mb  c d ")]
    #[case("invoice\u{202e}fdp.exe", "invoicefdp.exe")]
    #[case("ze\u{200b}ro \u{2066}x\u{2069} \u{ad}y", "zero x y")]
    #[case("a\u{2028}b", "a b")]
    #[case("日本 ça naïve עברית", "日本 ça naïve עברית")]
    #[case("tag\u{e0041}\u{fe0f}\u{3164}", "tag")]
    fn what_is_not_seen_is_not_shown(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(plain(text), shown);
        assert!(!plain(text).chars().any(is_unseen));
    }

    #[test]
    fn a_letter_and_its_marks_have_one_form() {
        assert_eq!(composed("cafe\u{301}"), "caf\u{e9}");
        assert_eq!(composed("caf\u{e9}"), "caf\u{e9}");
        assert_eq!(composed("\u{1112}\u{1161}\u{11ab}"), "\u{d55c}");
        assert_eq!(composed("ﬁ nightly"), "ﬁ nightly", "letters that look alike stay apart");
    }

    #[test]
    fn letters_that_differ_in_case_or_form_are_compared_as_the_same() {
        let folded = |text: &str| text.chars().flat_map(folded).collect::<String>();
        for (one, other) in [
            ("Stra\u{df}e", "STRASSE"),
            ("gr\u{fc}n", "GRU\u{308}N"),
            ("\u{ff41}\u{ff22}\u{ff0b}1", "AB+1"),
            ("\u{3c2}", "\u{3a3}"),
            ("a\u{3000}\u{200b}b", "ab"),
        ] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("u"), folded("\u{fc}"));
    }

    #[test]
    fn json_keeps_what_is_not_seen_and_does_not_show_it() {
        let said = "ab\u{202e}cd\u{9b}\u{7f} \u{e0041}\u{200b}é日\n\"";
        let json = serde_json::to_string_pretty(&serde_json::json!({ "name": said })).unwrap();
        let escaped = escape_unseen(json);
        assert_eq!(
            escaped,
            "{\n  \"name\": \"ab\\u202ecd\\u009b\\u007f \\udb40\\udc41\\u200bé日\\n\\\"\"\n}"
        );
        let read: serde_json::Value = serde_json::from_str(&escaped).unwrap();
        assert_eq!(read["name"], said);
    }

    #[test]
    fn a_line_has_single_spaces_and_is_cut_at_a_character() {
        assert_eq!(one_line(" no\n such\thost \u{1b}[31m ", 100), "no such host [31m");
        assert_eq!(one_line("to\u{200b}ken", 100), "token");
        let long = one_line(&"ä".repeat(2000), 100);
        assert!(long.len() <= 100 && long.ends_with("ä…"), "{long}");
        assert_eq!(one_line("abcdef", 6), "abcdef");
        assert_eq!(one_line("abcdefg", 6), "abc…");
        assert_eq!(one_line("", 6), "");
    }
}
