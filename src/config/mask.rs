//! Hides possible secrets in a line that is about to be shown.
//!
//! Works on the text alone, since a file that is not valid YAML must be shown too. Hides rather too
//! much than too little: from the first possible secret on, nothing of a line is shown. Keeps true:
//! a line is scanned a fixed number of times, however long it is.

use std::ops::Range;

use super::bounds::LINE_SHOWN;
use super::secret_file::is_the_secret_itself;
use super::secrets::{holds_only_secrets, is_plain_in_alerts, may_name_a_secret, names_a_file};
use crate::core::plain::{folded, is_unseen};

/// The replacement for everything hidden, whatever its length.
const MASK: &str = "***";

/// A shorter token can't be a JWT.
const JWT_LEAST: usize = 16;

/// The part of a job file that a line is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// The entries of `alerts`: what is not one of our keys there may be the secret of a receiver,
    /// under a name that only its maker knows.
    Alerts,
    /// Anything else, or unknown.
    Other,
}

/// A text without possible secrets, and the marked bytes moved with it.
pub(crate) fn mask(line: &str, marked: Range<usize>) -> (String, Range<usize>) {
    mask_within(Within::Other, line, marked)
}

/// A line without possible secrets, and the marked bytes moved with it.
pub(super) fn mask_within(
    within: Within,
    line: &str,
    marked: Range<usize>,
) -> (String, Range<usize>) {
    let Some(from) = first_secret(within, line) else { return (line.to_owned(), marked) };
    let mut text = line[..from].to_owned();
    text.push_str(MASK);
    // If the marked part is hidden, its replacement is marked.
    let start = if marked.start >= from { from } else { marked.start };
    let end = if marked.end > from { text.len() } else { marked.end };
    (text, start..end.max(start))
}

/// A line that belongs entirely to a secret: only its indentation is left.
pub(crate) fn mask_all(line: &str) -> (String, Range<usize>) {
    let indent = line.len() - line.trim_start().len();
    (format!("{}{MASK}", &line[..indent]), indent..indent + MASK.len())
}

/// True when a part of a line may be quoted: the mask leaves it visible.
pub(crate) fn may_be_said(within: Within, line: &str, part: &str) -> bool {
    first_secret(within, line).is_none_or(|from| line[..from].contains(part))
}

/// A key on a line that may hold a secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secret {
    /// The byte at which the key begins.
    pub(crate) key: usize,
    /// The byte behind its colon.
    pub(crate) value: usize,
    /// A map or list below it holds only secrets, whatever their names.
    pub(crate) holds_only_secrets: bool,
}

/// What may be a key on a line.
struct Key<'l> {
    /// The byte at which it begins.
    start: usize,
    /// The byte behind its colon.
    value: usize,
    /// As YAML reads it, and as people do.
    name: String,
    /// The beginning of what follows the colon.
    after: &'l str,
    /// The colon separates it from its value in YAML.
    separates: bool,
}

fn keys_of(line: &str) -> impl Iterator<Item = Key<'_>> {
    line.match_indices(':').filter_map(move |(colon, _)| {
        let before = line[..colon].trim_end();
        let quote = before.chars().next_back().filter(|c| matches!(c, '"' | '\''));
        let inside = before.strip_suffix(['"', '\'']).unwrap_or(before);
        let start = match quote {
            Some(quote) => inside.rfind(quote).map(|at| at + quote.len_utf8()),
            None => inside
                .rfind(|c| !is_of_key(c))
                .map(|at| at + inside[at..].chars().next().map_or(1, char::len_utf8)),
        };
        let written = &inside[start.unwrap_or(0)..];
        let key = written.trim_start_matches('-');
        let after = start_of(&line[colon + 1..]);
        let separates = after.is_empty() || after.starts_with([' ', '\t']) || quote.is_some();
        let start = inside.len() - key.len();
        (!key.is_empty()).then(|| Key {
            start,
            value: colon + 1,
            name: as_read(key),
            after,
            separates,
        })
    })
}

fn is_of_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.') || (is_unseen(c) && !c.is_control())
}

/// A key with its escapes undone, without characters that nobody sees, and without accents.
fn as_read(key: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if key.chars().all(is_plain) {
        return key.to_owned();
    }
    let mut read = String::new();
    let mut rest = key.chars();
    while let Some(c) = rest.next() {
        let digits = match c {
            '\\' => match rest.next() {
                Some('x') => 2,
                Some('u') => 4,
                Some('U') => 8,
                other => {
                    read.extend(other);
                    continue;
                }
            },
            _ => {
                read.push(c);
                continue;
            }
        };
        let code: String = rest.by_ref().take(digits).collect();
        read.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
    }
    let is_accent = |c: &char| matches!(c, '\u{300}'..='\u{36f}');
    read.chars().flat_map(folded).filter(|c| !is_accent(c)).collect()
}

/// The keys of a line that may hold secrets, in order.
pub(crate) fn secrets_of(line: &str) -> impl Iterator<Item = Secret> {
    keys_of(line).filter_map(|Key { start, value, name, after, separates }| {
        // Without a blank after its colon it is not a key in YAML, but was meant as one.
        let secret = may_name_a_secret(&name) && !after.starts_with("//");
        // A secret was pasted in place of the name of its variable or file, or of a map.
        let pasted = match &*name {
            "token_env" => !plain_value(after).chars().all(is_of_variable),
            "login" => separates && !plain_value(after).is_empty(),
            "url_file" => separates && is_the_secret_itself(plain_value(after)),
            _ if !(separates && names_a_file(&name)) => false,
            _ => is_no_name(after) || is_the_secret_itself(plain_value(after)),
        };
        let address = separates && name == "url" && !is_agent_url(after);
        (secret || pasted || address).then(|| Secret {
            key: start,
            value,
            holds_only_secrets: holds_only_secrets(&name) || names_a_file(&name),
        })
    })
}

/// The value of the first key on a line of `alerts` that is not one of ours, or that should hold a
/// map.
fn unknown_in_alerts(line: &str) -> Option<usize> {
    keys_of(line).find_map(|Key { value, name, after, separates, .. }| {
        let text = after.trim_start();
        let is_map = text.is_empty() || text.starts_with(['{', '#']);
        (separates && !is_map && !is_plain_in_alerts(&name)).then_some(value)
    })
}

/// A value that is one text, without what follows it; empty for a map or an anchor.
fn plain_value(value: &str) -> &str {
    let value = after_marks(value);
    let quoted = value.strip_prefix('"').or_else(|| value.strip_prefix('\''));
    match quoted {
        Some(text) => text.split(['"', '\'']).next().unwrap_or_default(),
        None if value.starts_with(['{', '*', '|', '>', '#']) => "",
        None => value.split([',', '}', '#']).next().unwrap_or_default().trim_end(),
    }
}

/// A value without the anchor and the tag before it.
fn after_marks(value: &str) -> &str {
    let mut value = value.trim_start();
    while value.starts_with(['&', '!']) {
        let mark = value.find(char::is_whitespace).unwrap_or(value.len());
        value = value[mark..].trim_start();
    }
    value
}

/// True for a map or a list, or a value that may be one below.
fn is_no_name(value: &str) -> bool {
    let value = after_marks(value).trim_end();
    value.is_empty() || value.starts_with(['{', '[', '#', '|', '>'])
}

/// The part of a value that is examined.
fn start_of(text: &str) -> &str {
    let mut end = LINE_SHOWN.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn is_of_variable(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '"' | '\'')
}

/// The byte from which a line is not shown.
fn first_secret(within: Within, line: &str) -> Option<usize> {
    let key = secrets_of(line).find_map(|secret| value(line, secret.value));
    let unknown = match within {
        Within::Alerts => unknown_in_alerts(line).and_then(|at| value(line, at)),
        Within::Other => None,
    };
    let others = [in_address(line), before_host(line), tagged(line), jwt(line), parameter(line)];
    others.into_iter().chain([key, unknown]).flatten().min()
}

/// User and password before a host without a scheme: `me:pw@host`.
fn before_host(line: &str) -> Option<usize> {
    line.match_indices('@').find_map(|(at, _)| {
        let before = &line[..at];
        let start = before
            .rfind(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '{' | '[' | ','))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let login = &before[start..];
        (login.contains(':') && !login.contains("://")).then_some(start)
    })
}

/// The text after a YAML tag with a secret's name: `!token abc`.
fn tagged(line: &str) -> Option<usize> {
    line.match_indices('!').find_map(|(mark, _)| {
        let (tag, _) = line[mark + 1..].split_once(char::is_whitespace)?;
        let starts = line[..mark].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        let tag_names = starts && !tag.is_empty() && may_name_a_secret(tag.trim_matches('!'));
        tag_names.then(|| value(line, mark + 1 + tag.len())).flatten()
    })
}

/// The start of the value after a colon, if there is one on the line.
fn value(line: &str, after_colon: usize) -> Option<usize> {
    let rest = &line[after_colon..];
    let value = rest.trim_start();
    let start = after_colon + (rest.len() - value.len());
    // A block below, whose lines are hidden separately, or a comment on it.
    let empty = value.is_empty() || value.starts_with('#') || matches!(value.trim_end(), "|" | ">");
    (!empty).then_some(start)
}

/// User and password before a host, and the path after it: that of a webhook is its secret,
/// whatever its key.
fn in_address(line: &str) -> Option<usize> {
    let last_sign = line.rfind('@').unwrap_or(0);
    line.match_indices("://").find_map(|(scheme, _)| {
        let start = scheme + 3;
        let rest = start_of(&line[start..]);
        let ends = |c: char| c.is_whitespace() || "/\"',}]".contains(c);
        let authority = &rest[..rest.find(ends).unwrap_or(rest.len())];
        // A password may hold a blank or a slash: the address ends at its quote at the latest.
        let quoted = || rest.split(['"', '\'']).next().is_some_and(|text| text.contains('@'));
        if authority.contains('@') || (start < last_sign && quoted()) {
            return Some(start);
        }
        let mut path = rest[authority.len()..].chars();
        let has_path = matches!(path.next(), Some('/'))
            && path.next().is_some_and(|c| !c.is_whitespace() && !"/\"',}]".contains(c));
        let has_query = authority.contains(['?', '#']);
        match (has_path, has_query) {
            (true, _) => Some(start + authority.len()),
            (false, true) => Some(start + authority.find(['?', '#']).unwrap_or(0)),
            (false, false) => None,
        }
    })
}

/// A token that was pasted in place of something else.
fn jwt(line: &str) -> Option<usize> {
    let is_of_jwt = |c: char| c.is_alphanumeric() || "._-+/=".contains(c);
    line.match_indices("eyJ")
        .map(|(start, _)| start)
        .find(|start| line[*start..].chars().take_while(|c| is_of_jwt(*c)).nth(JWT_LEAST).is_some())
}

/// A secret in a query or in the arguments of a program: `token=…`, `--password …`, `-u me:…`.
fn parameter(line: &str) -> Option<usize> {
    line.match_indices('=').find_map(|(equals, _)| {
        let before = &line[..equals];
        let start = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        may_name_a_secret(before[start..].trim_start_matches('-')).then_some(equals + 1)
    })
}

/// The agent's own address is not a secret: plain host and port.
fn is_agent_url(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    let Some((_, rest)) = value.split_once("://") else {
        // An empty value, or the start of one that goes on below, is an address that is not known
        // yet.
        return !value.is_empty() && !value.contains('/') && !value.starts_with(['|', '>', '#']);
    };
    // The following entries of a flow map are examined separately.
    let end = rest.find(|c: char| c.is_whitespace() || ",}".contains(c)).unwrap_or(rest.len());
    let rest = rest[..end].trim_end_matches(['"', '\'']);
    !rest.trim_end_matches('/').contains(['/', '?', '@'])
}

#[cfg(test)]
mod tests {
    use super::mask;

    fn masked(line: &str) -> String {
        mask(line, 0..0).0
    }

    #[test]
    fn from_the_first_secret_on_nothing_is_shown() {
        for (line, shown) in [
            ("  token: hunter2", "  token: ***"),
            ("  \"password\": 'hun ter2' # old", "  \"password\": ***"),
            ("login: {username: a, password: hunter2, x: y}", "login: {username: a, password: ***"),
            ("  url: https://hooks.example/T0/secret", "  url: ***"),
            ("  at: http://me:pw@host/x", "  at: http://***"),
            ("  at: http://host?token=abc", "  at: http://host***"),
            ("  [curl, https://host/T0/x]", "  [curl, https://host***"),
            ("  {token:abc}", "  {token:***"),
            ("  AMOVE_TOKEN: hunter2", "  AMOVE_TOKEN: ***"),
            ("  AWS_SECRET_ACCESS_KEY: x", "  AWS_SECRET_ACCESS_KEY: ***"),
            ("pasword: x", "pasword: ***"),
            ("tokn: x", "tokn: ***"),
            ("tokens: x", "tokens: ***"),
            ("secrets: x", "secrets: ***"),
            ("private_key: x", "private_key: ***"),
            ("auth: x", "auth: ***"),
            ("cookie: x", "cookie: ***"),
            ("dsn: x", "dsn: ***"),
            ("token: [SECRET, b]", "token: ***"),
            ("agent: {pin: 1234}", "agent: {pin: ***"),
            ("  session: x", "  session: ***"),
            ("  sid: x", "  sid: ***"),
            ("  hmac: x", "  hmac: ***"),
            ("  signature: x", "  signature: ***"),
            ("  ping: every minute", "  ping: every minute"),
            ("  token_file: {content: x}", "  token_file: ***"),
            ("  totp_secret_file: [x]", "  totp_secret_file: ***"),
            ("  token_file: my/token", "  token_file: my/token"),
            ("agent: !token x", "agent: !token ***"),
            ("agent: !include x", "agent: !include x"),
            ("  token_env: \"X x\"", "  token_env: ***"),
            ("  token_env: AMOVE_TOKEN # mine", "  token_env: AMOVE_TOKEN # mine"),
            ("agent: {login: \"user:x\"}", "agent: {login: ***"),
            ("agent: {login: &a 'user:x'}", "agent: {login: ***"),
            ("  token_env: &a X x", "  token_env: ***"),
            ("  token_file: !!seq [x]", "  token_file: ***"),
            ("login: {username: a}", "login: {username: a}"),
            ("login: &a {username: a}", "login: &a {username: a}"),
            ("listen: \"user:x@127.0.0.1:1\"", "listen: \"***"),
            (
                "webhook: {url: http://h, headers: {X-Foo: SECRET}}",
                "webhook: {url: http://h, headers: ***",
            ),
            ("command: 'curl -u me:SECRET http://h'", "command: ***"),
            ("comand: [mysql, -pSECRET]", "comand: ***"),
            ("x: curl --data api_key=SECRET", "x: curl --data api_key=***"),
            ("  \"to\\u006ben\": x", "  \"to\\u006ben\": ***"),
            ("  \"to ken\": x", "  \"to ken\": ***"),
            ("  to\u{200b}ken: x", "  to\u{200b}ken: ***"),
            ("  tökén: x", "  tökén: ***"),
            ("  ｔｏｋｅｎ: x", "  ｔｏｋｅｎ: ***"),
            ("  pwd: x", "  pwd: ***"),
            ("  \"contraseña\": x", "  \"contraseña\": ***"),
            ("  connection_string: x", "  connection_string: ***"),
            ("  url: \"http://u:x @localhost\"", "  url: \"http://***"),
            ("  at: \"http://u:x/y z@localhost\"", "  at: \"http://***"),
            ("  j: {env: [{name: TOKEN, value: x}]}", "  j: {env: ***"),
            ("path: eyJhbGciOiJIUzI1NiJ9.e30.x", "path: ***"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for line in [
            "  token_file: token",
            "  token_env: AMOVE_TOKEN",
            "  url: http://localhost:29123",
            "  {url: http://localhost:29123, poll_interval: 5s}",
            "  keep_source_tree: true",
            "  headers_file: hooks/headers",
            "  password_file: pw",
            "  schedule: \"30 2 * * *\"",
            "  bucket: footage",
        ] {
            assert_eq!(masked(line), line);
        }
    }

    #[test]
    fn marks_move_with_the_text() {
        let line = "{tiemout: 3h, token: hunter2}";
        let at = line.find("tiemout").expect("it is there");
        let (text, marked) = mask(line, at..at + 7);
        assert_eq!(&text[marked], "tiemout");
        let at = line.find("hunter2").expect("it is there");
        let (text, marked) = mask(line, at..at + 7);
        assert_eq!(&text[marked], "***");
    }

    #[test]
    fn long_lines_take_as_long_as_they_are() {
        const MANY: usize = 100_000;
        for piece in ["token=", "eyJ", "://", "url: ", "a:", "key", "=", "://a", "url: http://x "] {
            let line = piece.repeat(MANY / piece.len());
            let (done, wait) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                super::super::secret_lines::SecretLines::of([line.as_str()].into_iter());
                done.send(masked(&line).len())
            });
            let answer = wait.recv_timeout(std::time::Duration::from_secs(20));
            assert!(answer.is_ok(), "takes too long: {piece:?}");
        }
    }
}
