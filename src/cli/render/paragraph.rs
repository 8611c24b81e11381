//! Wraps sentences between words to the reader's width.

use super::fit::{BOUND, Narrow, bound, width};

/// A text that begins with `mark`, its further lines indented by the width of the mark, no line
/// longer than `room` unless a single word is.
pub fn paragraph(mark: &str, text: &str, room: usize) -> String {
    let indent = width(mark);
    let mut lines = mark.to_owned();
    let mut used = indent;
    for (number, word) in bound(text, Narrow::No).split(' ').enumerate() {
        let length = width(word);
        if number > 0 && used + 1 + length > room {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            used = indent;
        } else if number > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(&word.replace(BOUND, " "));
        used += length;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::paragraph;

    #[test]
    fn lines_break_at_blanks_and_hang_under_the_first_word() {
        assert_eq!(paragraph("! ", "one two three", 9), "! one two\n  three\n");
        assert_eq!(paragraph("", "one two three", 80), "one two three\n");
        assert_eq!(paragraph("", "takes 25 h", 9), "takes\n25 h\n");
        assert_eq!(paragraph("- ", "incomprehensible a", 6), "- incomprehensible\n  a\n");
    }
}
