//! Hides what may be a secret in a line that is about to be shown.
//!
//! Works on the text alone, since a file that is no YAML must be shown too: the value of each key
//! that may hold a secret, user and password in an address, a token in a query.

use std::ops::Range;

use super::names::is_secret;

/// What stands for a secret, whatever its length.
const MASK: &str = "***";

/// A line with its secrets masked, and the marked bytes moved with it.
pub(crate) fn mask(line: &str, marked: Range<usize>) -> (String, Range<usize>) {
    let mut hidden = secrets(line);
    hidden.sort_by_key(|range| range.start);
    let mut text = String::with_capacity(line.len());
    let mut moved = marked.clone();
    let mut done = 0;
    for range in hidden {
        if range.start < done {
            continue;
        }
        text.push_str(&line[done..range.start]);
        let at = text.len();
        text.push_str(MASK);
        for (old, new) in [(marked.start, &mut moved.start), (marked.end, &mut moved.end)] {
            if old >= range.end {
                *new = text.len() + (old - range.end);
            } else if old > range.start {
                *new = if old == marked.start { at } else { text.len() };
            }
        }
        done = range.end;
    }
    text.push_str(&line[done..]);
    let end = moved.end.min(text.len());
    (text, moved.start.min(end)..end)
}

/// A line that belongs to a secret as a whole: only its indentation is left.
pub(crate) fn mask_all(line: &str) -> (String, Range<usize>) {
    let indent = line.len() - line.trim_start().len();
    (format!("{}{MASK}", &line[..indent]), indent..indent + MASK.len())
}

/// True when a part of a line may be said in words: the mask leaves it in sight.
pub(crate) fn may_be_said(line: &str, part: &str) -> bool {
    mask(line, 0..0).0.contains(part)
}

/// A key that stands on a line and may hold a secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secret {
    /// The byte at which the key begins.
    pub(crate) key: usize,
    /// The byte behind its colon.
    pub(crate) value: usize,
    /// A map below it holds secrets under whatever names.
    pub(crate) holds_only_secrets: bool,
}

/// The keys of a line that may hold secrets, in their order.
pub(crate) fn secrets_of(line: &str) -> Vec<Secret> {
    let mut found = Vec::new();
    for (colon, _) in line.match_indices(':') {
        let before = line[..colon].trim_end().trim_end_matches(['"', '\'']);
        let start = before
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let key = before[start..].trim_start_matches('-');
        let after = &line[colon + 1..];
        // Without a blank behind its colon it is no key to YAML, but was meant for one.
        let secret = names_a_secret(key) && !after.starts_with("//");
        let separates = after.is_empty()
            || after.starts_with([' ', '\t'])
            || line[..colon].ends_with(['"', '\'']);
        // A token has been put where the name of its variable belongs.
        let variable = after.trim_start().split([' ', ',', '}']).next().unwrap_or_default();
        let pasted = key == "token_env" && !variable.chars().all(is_of_variable);
        if secret || pasted || (separates && key == "url" && !is_agent_url(after)) {
            found.push(Secret {
                key: start + (before.len() - start - key.len()),
                value: colon + 1,
                holds_only_secrets: key.eq_ignore_ascii_case("headers"),
            });
        }
    }
    found
}

fn is_of_variable(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '"' | '\'')
}

/// Wider than what the reader refuses by name: `AMOVE_TOKEN` is unknown to it, and shown.
fn names_a_secret(key: &str) -> bool {
    let ends = |end: &str| {
        let from = key.len().checked_sub(end.len());
        from.and_then(|from| key.get(from..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    is_secret(key) || ["token", "password", "passwd", "passphrase", "secret"].into_iter().any(ends)
}

/// The bytes of a line that may be secrets.
fn secrets(line: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> =
        secrets_of(line).iter().filter_map(|secret| value(line, secret.value)).collect();
    for (scheme, _) in line.match_indices("://") {
        let start = scheme + 3;
        let rest = &line[start..];
        let end = rest.find(|c: char| c.is_whitespace() || "/\"',}]".contains(c));
        let authority = &rest[..end.unwrap_or(rest.len())];
        if let Some(at) = authority.rfind('@') {
            found.push(start..start + at);
        }
        // The path of a webhook is its secret, whatever key it stands under.
        let path = &rest[authority.len()..];
        let end = path.find(|c: char| c.is_whitespace() || "\"',}]".contains(c));
        let path = &path[..end.unwrap_or(path.len())];
        if path.len() > 1 {
            found.push(start + authority.len()..start + authority.len() + path.len());
        }
    }
    // A token has been pasted where something else belongs.
    for (start, _) in line.match_indices("eyJ") {
        let rest = &line[start..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "._-+/=".contains(c)));
        let end = end.unwrap_or(rest.len());
        if end > 16 {
            found.push(start..start + end);
        }
    }
    for parameter in ["token=", "key=", "secret=", "password="] {
        for (at, _) in line.to_ascii_lowercase().match_indices(parameter) {
            let start = at + parameter.len();
            let rest = &line[start..];
            let end = rest.find(|c: char| c.is_whitespace() || "&\"'#,}]".contains(c));
            found.push(start..start + end.unwrap_or(rest.len()));
        }
    }
    found
}

/// The agent's own address is no secret: plain host and port.
fn is_agent_url(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    let Some((_, rest)) = value.split_once("://") else {
        // Nothing, or the beginning of what goes on below, is an address that is not known yet.
        return !value.is_empty() && !value.contains('/') && !value.starts_with(['|', '>', '#']);
    };
    let rest = rest.trim_end_matches(['}', ' ', ',', '"', '\'']);
    !rest.trim_end_matches('/').contains(['/', '?', '@'])
}

/// The bytes of the value that starts after a colon: to its closing quote, or to the end of the
/// line or of the flow map's entry.
fn value(line: &str, after_colon: usize) -> Option<Range<usize>> {
    let rest = &line[after_colon..];
    let start = after_colon + (rest.len() - rest.trim_start().len());
    let value = &line[start..];
    let first = value.chars().next()?;
    if matches!(first, '{' | '[' | '|' | '>' | '*' | '&' | '#') && value.len() > 1 {
        // A map, list or alias; its own keys are looked at themselves. What a bare `&x` or `>x`
        // hides is not worth a guess: all of it goes.
        return (!matches!(first, '{' | '[' | '#')).then_some(start..line.trim_end().len());
    }
    let end = if matches!(first, '"' | '\'') {
        value[1..].find(first).map_or(value.trim_end().len(), |at| at + 2)
    } else {
        let in_flow = line[..after_colon].contains('{');
        let stop = value.find(|c: char| in_flow && matches!(c, ',' | '}'));
        value[..stop.unwrap_or(value.len())].trim_end().len()
    };
    (end > 0).then_some(start..start + end)
}

#[cfg(test)]
mod tests {
    use super::mask;

    fn masked(line: &str) -> String {
        mask(line, 0..0).0
    }

    #[test]
    fn values_of_secret_keys_are_hidden_and_nothing_else() {
        assert_eq!(masked("  token: hunter2"), "  token: ***");
        assert_eq!(masked("  \"password\": 'hun ter2' # old"), "  \"password\": *** # old");
        assert_eq!(
            masked("login: {username: a, password: hunter2, user_type: x}"),
            "login: {username: a, password: ***, user_type: x}"
        );
        assert_eq!(masked("  token_file: token"), "  token_file: token");
        assert_eq!(masked("  url: http://localhost:29123"), "  url: http://localhost:29123");
        assert_eq!(masked("  url: https://hooks.example/T0/secret"), "  url: ***");
        assert_eq!(masked("  at: http://me:pw@host/x"), "  at: http://***@host***");
        assert_eq!(masked("  at: http://me:pw@host"), "  at: http://***@host");
        assert_eq!(masked("  at: http://host?token=abc"), "  at: http://host?token=***");
        assert_eq!(masked("  [curl, https://host/T0/x]"), "  [curl, https://host***]");
        assert_eq!(masked("  {token:abc}"), "  {token:***}");
        assert_eq!(masked("  token_env: AMOVE_TOKEN"), "  token_env: AMOVE_TOKEN");
        assert_eq!(masked("  AMOVE_TOKEN: hunter2"), "  AMOVE_TOKEN: ***");
    }

    #[test]
    fn marks_move_with_the_text() {
        let line = "{token: hunter2, tiemout: 3h}";
        let at = line.find("tiemout").expect("it is there");
        let (text, marked) = mask(line, at..at + 7);
        assert_eq!(&text[marked], "tiemout");
        let at = line.find("token").expect("it is there");
        let (text, marked) = mask(line, at..at + 5);
        assert_eq!(&text[marked], "token");
    }
}
