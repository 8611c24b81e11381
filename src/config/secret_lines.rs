//! Hides the secrets in the lines of a text, which the lines before them make secret: the whole
//! lines that belong to one begun earlier (a block of text, a quote that goes on, a value below its
//! key, a map of headers), and what stands under `alerts`.
//!
//! Works on lines alone, as `mask` does, and takes too many rather than too few. Keeps true: the
//! line with the key is not among them, since `mask` hides the secret on it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::mask::{Secret, Within, mask_all, mask_within, may_be_said, secrets_of};
use super::secrets::is_secret;

/// The lines of a text, and what may be shown of them.
#[derive(Clone, Debug)]
pub(crate) struct SecretLines {
    /// Those that must not be shown, from 1.
    hidden: BTreeSet<usize>,
    /// Those of `alerts`.
    alerts: BTreeSet<usize>,
}

impl SecretLines {
    /// Reads the lines of a text.
    pub(crate) fn of<'t>(text: impl Iterator<Item = &'t str> + Clone) -> Self {
        let alerts = alerts(text.clone());
        Self { hidden: lines(text), alerts }
    }

    /// True for a line, from 1, whose values had better not be quoted.
    pub(crate) fn may_hide(&self, number: usize) -> bool {
        self.hidden.contains(&number) || self.alerts.contains(&number)
    }

    /// A line, or a part of it, without possible secrets, and the marked bytes moved with it.
    pub(crate) fn mask(
        &self,
        number: usize,
        line: &str,
        marked: Range<usize>,
    ) -> (String, Range<usize>) {
        match self.hidden.contains(&number) {
            true => mask_all(line),
            false => mask_within(self.within(number), line, marked),
        }
    }

    /// True when a part of a line may be quoted.
    pub(crate) fn may_be_said(&self, number: usize, line: &str, part: &str) -> bool {
        !self.hidden.contains(&number) && may_be_said(self.within(number), line, part)
    }

    fn within(&self, number: usize) -> Within {
        if self.alerts.contains(&number) { Within::Alerts } else { Within::Other }
    }
}

/// The numbers, from 1, of the lines that belong to `alerts`.
fn alerts<'t>(text: impl Iterator<Item = &'t str>) -> BTreeSet<usize> {
    let mut is_within = false;
    let mut found = BTreeSet::new();
    for (i, line) in text.enumerate() {
        // A list may stand in the column of its key.
        if !line.starts_with([' ', '\t', '-', '#', '}', ']']) && !line.trim().is_empty() {
            is_within = line.trim_start_matches(['"', '\'']).starts_with("alerts");
        }
        if is_within {
            found.insert(i + 1);
        }
    }
    found
}

/// The part of a secret that the following lines may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// The secret is complete.
    Nothing,
    /// Everything up to the closing quote.
    Quoted(char),
    /// All lines that are indented by at least this many blanks; the first such line decides
    /// whether that is a value, or a map that only has a secret's name.
    Below { least: usize, sure: bool },
    /// The next line that is not blank: within braces, indentation means nothing.
    NextLine,
}

/// The numbers, from 1, of the lines that must not be shown.
fn lines<'t>(text: impl Iterator<Item = &'t str>) -> BTreeSet<usize> {
    let mut hidden = BTreeSet::new();
    let mut rest = Rest::Nothing;
    for (i, line) in text.enumerate() {
        let blank = line.trim().is_empty();
        let comment = line.trim_start().starts_with('#');
        let (takes, next) = match rest {
            Rest::Nothing => (false, Rest::Nothing),
            Rest::Quoted(quote) => match closes(line, quote) {
                true => (true, Rest::Nothing),
                false => (true, rest),
            },
            Rest::NextLine if blank || comment => (false, rest),
            Rest::NextLine => (true, Rest::Nothing),
            Rest::Below { .. } if blank => (false, rest),
            Rest::Below { sure: false, .. } if comment => (false, rest),
            // A tab is not indentation in YAML, but was meant as such.
            Rest::Below { least, sure }
                if indent_of(line) >= least || line.starts_with('\t') || is_item(line, least) =>
            {
                match sure || !is_map_like(line) {
                    true => (true, Rest::Below { least, sure: true }),
                    false => (false, Rest::Nothing),
                }
            }
            Rest::Below { .. } => (false, Rest::Nothing),
        };
        rest = next;
        if takes {
            hidden.insert(i + 1);
        } else if !blank && !comment && rest == Rest::Nothing {
            rest = begun_on(line);
        }
    }
    hidden
}

/// The part of a secret that is left for the lines below this one.
fn begun_on(line: &str) -> Rest {
    if let Some(key) = line.trim_start().strip_prefix("? ")
        && is_secret(key.trim().trim_matches(['"', '\'']))
    {
        // Its value follows a `:` in the same column.
        return Rest::Below { least: indent_of(line), sure: true };
    }
    let mut secrets = secrets_of(line);
    let Some(first) = secrets.next() else { return Rest::Nothing };
    // A map of secrets holds keys of its own.
    match (left_over(line, &first), secrets.last()) {
        (Rest::Nothing, Some(last)) => left_over(line, &last),
        (rest, _) => rest,
    }
}

fn left_over(line: &str, secret: &Secret) -> Rest {
    let least = line[..secret.key].chars().count() + 1;
    let in_braces = line[..secret.key].contains(['{', '[']);
    let value = without_properties(line[secret.value..].trim());
    let below = |sure| if in_braces { Rest::NextLine } else { Rest::Below { least, sure } };
    match value.chars().next() {
        None | Some('#') => below(secret.holds_only_secrets),
        Some('|' | '>') => Rest::Below { least, sure: true },
        Some(quote @ ('"' | '\'')) => match closes(&value[1..], quote) {
            true => Rest::Nothing,
            false => Rest::Quoted(quote),
        },
        Some(open @ ('{' | '[')) => {
            let closing = if open == '{' { '}' } else { ']' };
            match value.matches(open).count() > value.matches(closing).count() {
                true => below(true),
                false => Rest::Nothing,
            }
        }
        // A plain text goes on below, unless braces or commas end it here.
        Some(_) if in_braces && value.contains([',', '}', ']']) => Rest::Nothing,
        Some(_) => below(true),
    }
}

/// A value without the anchor and the tag before it.
fn without_properties(mut value: &str) -> &str {
    while value.starts_with(['&', '!']) {
        value = value.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    }
    value
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// True for an item of a list in the column of its key, as YAML allows.
fn is_item(line: &str, least: usize) -> bool {
    indent_of(line) + 1 == least && line.trim_start().starts_with("- ")
}

/// True when a quote ends within this text; `''` and `\"` do not end theirs.
fn closes(text: &str, quote: char) -> bool {
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c == '\\' && quote == '"' {
            characters.next();
        } else if c == quote && (quote == '"' || characters.next_if_eq(&'\'').is_none()) {
            return true;
        }
    }
    false
}

/// True for `key: value`, `- key: value` and `<<: *x`: then the key above it is a map's.
fn is_map_like(line: &str) -> bool {
    let content = line.trim_start().trim_start_matches("- ").trim_start();
    content.split_once(':').is_some_and(|(key, value)| {
        !key.is_empty()
            && !key.contains(char::is_whitespace)
            && (value.is_empty() || value.starts_with([' ', '\t']))
    })
}

#[cfg(test)]
mod tests {
    use super::{SecretLines, lines};

    /// The hidden lines of a text.
    fn hidden(text: &str) -> Vec<&str> {
        let all: Vec<&str> = text.lines().collect();
        lines(all.iter().copied()).into_iter().map(|line| all[line - 1].trim()).collect()
    }

    #[test]
    fn what_goes_on_below_a_secrets_key_is_hidden() {
        assert_eq!(hidden("token: |\n  a\n\n  b\nurl: x"), ["a", "b"]);
        assert_eq!(hidden("  password: >-\n    a\n  user: b"), ["a"]);
        assert_eq!(hidden("token: \"a\nb\n c\"x\nd: e"), ["b", "c\"x"]);
        assert_eq!(hidden("token: 'it''s\n b'\nd: e"), ["b'"]);
        assert_eq!(hidden("token: \"a\\\"\n b\"\nd: e"), ["b\""]);
        assert_eq!(hidden("token:\n  # mine\n  a\nd: e"), ["a"]);
        assert_eq!(hidden("token: &t\n  a\nd: e"), ["a"]);
        assert_eq!(hidden("token: a\n  b\nd: e"), ["b"]);
        assert_eq!(hidden("a: {token:\n  b, c: d}"), ["b, c: d}"]);
        assert_eq!(hidden("? token\n: a\n"), [": a"]);
        assert_eq!(hidden("tokens:\n- token: |\n    a\n- b: c"), ["a"]);
    }

    #[test]
    fn what_receivers_alone_know_is_hidden_below_alerts() {
        let text = "alerts:\n- on: [failed]\n  slack: SECRET\n- {on: failed, ping: [SECRET]}\n\
                    - {on: failed, webhook: {url_file: x, params: {a: SECRET}}}\n\
                    - {jobs: [a], on: late, telegram: \"bot1:SECRET\", chat: 1}\n\
                    jobs:\n  slack: shown\n";
        let all: Vec<&str> = text.lines().collect();
        let lines = SecretLines::of(all.iter().copied());
        let shown = all.iter().enumerate().map(|(i, line)| lines.mask(i + 1, line, 0..0).0);
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "alerts:",
                "- on: [failed]",
                "  slack: ***",
                "- {on: failed, ping: ***",
                "- {on: failed, webhook: {url_file: x, params: {a: ***",
                "- {jobs: [a], on: late, telegram: ***",
                "jobs:",
                "  slack: shown",
            ]
        );
        assert!(!lines.may_be_said(3, all[2], "SECRET") && lines.may_be_said(3, all[2], "slack"));
    }

    #[test]
    fn headers_are_hidden_whatever_they_are_called() {
        assert_eq!(hidden("headers:\n  X-Key: a\n  Y: b\nd: e"), ["X-Key: a", "Y: b"]);
        assert_eq!(hidden("command:\n- curl\n- x\nd: e"), ["- curl", "- x"]);
        assert_eq!(hidden("- on: failed\n  command:\n  - curl\n- on: x"), ["- curl"]);
        assert_eq!(hidden("headers: {X-Key: a,\n  Y: b}\nd: e"), ["Y: b}"]);
    }

    #[test]
    fn what_only_has_a_secrets_name_is_shown() {
        assert_eq!(hidden("jobs:\n  token:\n    # nightly\n    timeout: 3h"), [""; 0]);
        assert_eq!(hidden("token: \"a\"\nb: c"), [""; 0]);
        assert_eq!(hidden("url: http://localhost:29123\nb: c"), [""; 0]);
        assert_eq!(hidden("a: {token: b, c: d}\ne: f"), [""; 0]);
    }
}
