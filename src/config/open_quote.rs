//! Finds a forgotten closing quote.
//!
//! Works by lines, as the text is not valid YAML: a guess, made only where libyaml has failed.

use super::bounds::QUOTE_REACH;

/// Finds the start of a text whose closing quote was forgotten: libyaml takes the next quote for
/// it, on a line below, and fails on the text after that.
pub(super) fn open_quote(text: &str, stumbled: usize) -> Option<(usize, usize)> {
    let lines: Vec<&str> = text.lines().take(stumbled).collect();
    let (last, before) = lines.split_last()?;
    for (index, content) in before.iter().enumerate().rev().take(QUOTE_REACH) {
        let mut values = content.match_indices(": ").map(|(at, _)| at + 2);
        let begun = values.find_map(|at| {
            let value = content[at..].trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let open = !value[1..].contains(quote);
            open.then(|| (quote, content.len() - value.len()))
        });
        if let Some((quote, at)) = begun {
            let closing = last.split(quote).nth(1)?;
            let goes_on = !closing.trim().is_empty();
            return goes_on.then(|| (index + 1, content[..at].chars().count() + 1));
        }
        if content.contains(['"', '\'']) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::open_quote;

    #[test]
    fn a_forgotten_quote_is_found_where_it_was_opened_and_a_text_of_two_lines_is_none() {
        let forgotten = "jobs:\n  n:\n    schedule: \"0 2 * * *\n    timezone: \"UTC\"\n";
        assert_eq!(open_quote(forgotten, 4), Some((3, 15)));
        let apart = "  a: 'x\n  b: y\n  c: 'z'\n";
        assert_eq!(open_quote(apart, 3), Some((1, 6)));
        // One that goes on over two lines, and is closed at the end of the second.
        assert_eq!(open_quote("  a: \"x\n    y\"\n  b: c: d\n", 3), None);
        assert_eq!(open_quote("  a: \"x\n    y\"\n", 2), None);
        assert_eq!(open_quote("", 1), None);
        assert_eq!(open_quote("a: \"ü\nb: \"ö\"\n", 2), Some((1, 4)));
    }
}
