//! Slips of the pen that libyaml reports further on, or in words that do not lead to them: a `:`
//! or `,` that is missing, an invisible blank, a bracket too many.
//!
//! Works by lines, as the text is not valid YAML: guesses, made only where libyaml has failed.

use super::glued::glued;
use super::names;
use crate::core::plain::is_unseen;

/// A slip, and how to mend it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slip {
    /// Its line, from 1.
    pub(super) line: usize,
    /// Its column, from 1.
    pub(super) column: usize,
    /// What is wrong.
    pub(super) message: String,
    /// What would be right.
    pub(super) hint: String,
}

/// The slip on the line on which libyaml stumbled, or on the one before it that holds something:
/// a text without its `:` goes on there.
pub(super) fn slip(text: &str, stumbled: usize, what: &str) -> Option<Slip> {
    let lines = || text.lines().enumerate().take(stumbled);
    let holds = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let above = lines().take(stumbled.saturating_sub(1)).filter(|(_, line)| holds(line)).last();
    let here = lines().nth(stumbled.checked_sub(1)?);
    let between_entries = what.contains("',' or");
    let of_line = |(index, line): (usize, &str)| {
        let found = unseen(line)
            .or_else(|| glued(line))
            .or_else(|| equals(line))
            .or_else(|| too_many(line))
            .or_else(|| comment(line).filter(|_| between_entries))
            .or_else(|| no_comma(line).filter(|_| between_entries));
        found.map(|(column, message, hint)| Slip { line: index + 1, column, message, hint })
    };
    let continued = || {
        let (index, line) = above.filter(|_| what.starts_with("mapping values"))?;
        let (column, message, hint) = no_colon(line)?;
        Some(Slip { line: index + 1, column, message, hint })
    };
    here.and_then(of_line).or_else(|| above.and_then(of_line)).or_else(continued)
}

/// The first line of a block of Markdown, in which the file was pasted.
pub(super) fn fence(text: &str) -> Option<Slip> {
    let line = text.lines().position(|line| line.starts_with("```"))?;
    Some(Slip {
        line: line + 1,
        column: 1,
        message: "this line is Markdown around a block of code, and not YAML".to_owned(),
        hint: "leave it out, and the one that ends the block".to_owned(),
    })
}

type Found = Option<(usize, String, String)>;

/// A blank that is none to YAML, or a character that nobody sees.
fn unseen(line: &str) -> Found {
    let is_odd = |c: char| is_unseen(c) || (c.is_whitespace() && !c.is_ascii());
    let (at, odd) = plain(line).find(|(_, c)| is_odd(*c) && !c.is_control())?;
    let (column, code) = (at + 1, u32::from(odd));
    let (message, hint) = match odd.is_whitespace() {
        true => {
            (format!("a blank that is none in YAML stands here, U+{code:04X}"), "a plain space")
        }
        false => (format!("a character that can't be seen stands here, U+{code:04X}"), "nothing"),
    };
    Some((column, message, format!("write {hint} in its place: it was copied from elsewhere")))
}

/// `schedule = "30 2 * * *"`.
fn equals(line: &str) -> Found {
    let (key, _) = line.trim_start_matches([' ', '-']).split_once('=')?;
    let key = key.trim_end();
    let column = line.chars().take_while(|c| *c != '=').count() + 1;
    names::is_key(key)
        .then(|| (column, format!("`{key}` is followed by `=`"), format!("write `{key}: …`")))
}

/// `account archive`.
fn no_colon(line: &str) -> Found {
    let own = line.trim_start_matches([' ', '-']);
    let key = own.split(char::is_whitespace).next()?;
    let column = line.chars().count() - own.chars().count() + key.chars().count() + 1;
    (names::is_key(key) && !own.contains(": "))
        .then(|| (column, format!("`{key}` is not followed by a `:`"), format!("write `{key}: …`")))
}

/// The characters of a line outside of quotes, with their places.
fn plain(line: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    line.chars().enumerate().filter(move |(_, c)| match quote {
        Some(open) => {
            if *c == open {
                quote = None;
            }
            false
        }
        None => {
            if matches!(c, '"' | '\'') {
                quote = Some(*c);
            }
            quote.is_none()
        }
    })
}

/// `source: {path: dailies/}}`.
fn too_many(line: &str) -> Found {
    let mut open = 0_i32;
    for (at, c) in plain(line) {
        open += i32::from(c == '{') - i32::from(c == '}');
        // One that closes a map of a line above stands first on its own.
        if open < 0 && line.contains('{') {
            return Some((at + 1, "a `}` too many".to_owned(), "leave it out".to_owned()));
        }
    }
    None
}

/// `{path: a #b/}`.
fn comment(line: &str) -> Found {
    let mut open = 0_i32;
    let mut before = ' ';
    for (at, c) in plain(line) {
        open += i32::from(matches!(c, '{' | '[')) - i32::from(matches!(c, '}' | ']'));
        if c == '#' && before.is_whitespace() && open > 0 && line.trim_end().ends_with(['}', ']']) {
            let message = "a ` #` begins a comment here, which hides the rest of the line";
            return Some((at + 1, message.to_owned(), "quote the text that holds it".to_owned()));
        }
        before = c;
    }
    None
}

/// `{account: a bucket: b}`.
fn no_comma(line: &str) -> Found {
    let mut colons = line.match_indices(": ").filter(|(at, _)| {
        let before = &line[..*at];
        before.rfind([',', '{', '[']).is_some_and(|begin| before[begin..].contains(": "))
    });
    let (colon, _) = colons.next()?;
    let key = line[..colon].rsplit([' ', '"', '\'']).next()?;
    let column = line[..colon].chars().count() - key.chars().count() + 1;
    names::is_key(key).then(|| {
        (column, format!("a `,` is missing before `{key}`"), format!("write `, {key}: …`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_on_its_own_line() {
        const VALUES: &str = "mapping values are not allowed in this context";
        const COMMA: &str = "did not find expected ',' or '}'";
        for (line, what, at, message) in [
            ("    schedule:\"30 2 * * *\"", VALUES, (2, 14), "a space is missing"),
            ("    schedule = \"30 2 * * *\"", VALUES, (2, 14), "followed by `=`"),
            ("    schedule:\u{a0}\"30 2 * * *\"", VALUES, (2, 14), "U+00A0"),
            ("    account archive", VALUES, (2, 12), "not followed by a `:`"),
            ("    source: {path: a/}}", "did not find expected key", (2, 23), "a `}` too many"),
            ("    source: {path: a bucket: b}", COMMA, (2, 22), "missing before `bucket`"),
            ("    source: {path: a #b/}", COMMA, (2, 22), "begins a comment"),
        ] {
            let text = format!("n:\n{line}\n    source: {{path: x}}\n");
            for stumbled in [2, 3] {
                if stumbled == 2 && line.contains("archive") {
                    continue;
                }
                let found = slip(&text, stumbled, what);
                let Some(found) = found else { panic!("{line}") };
                assert_eq!((found.line, found.column), at, "{line}");
                assert!(found.message.contains(message), "{line}: {}", found.message);
            }
        }
        for line in ["  a: {b: c, d: e}", "  path: \"a}}\"", "}", "  x y", "  path: a #b"] {
            assert_eq!(slip(&format!("n:\n{line}\n"), 2, COMMA), None, "{line}");
        }
        assert_eq!(fence("```yaml\njobs: {}\n```\n").map(|found| found.line), Some(1));
    }
}
