//! Texts that are not valid YAML: libyaml's errors in helpful words, and the typical accidents of
//! cron expressions and path templates without quotes.
//!
//! A known accident is repaired in memory, by a harmless text of the same length, so that the rest
//! of the file is checked in the same pass; errors inside the replacement text are dropped.

use std::ops::Range;

use super::bounds::{ACCIDENTS, DEPTH, NODES};
use super::depth::deep;
use super::mask::{Within, may_be_said};
use super::node::{self, NO_TAGS, Node, Unreadable};
use super::open_quote::open_quote;
use super::problem::{At, Hint, Problem, cut};
use super::secret_lines::SecretLines;
use super::yaml_slips::{Slip, fence, slip};

/// A file whose accidents were repaired.
#[derive(Debug)]
pub(crate) struct Mended {
    /// The text that could be read.
    pub(crate) text: String,
    /// The replaced places: line from 1, columns from 0.
    pub(crate) places: Vec<(usize, Range<usize>)>,
}

/// Reads a file's text, reporting syntax errors.
pub(crate) fn read(
    text: &str,
    file: u32,
    problems: &mut Vec<Problem>,
) -> (Option<Node>, Option<Mended>) {
    if let Some(at) = deep(text) {
        problems.push(too_deep(file, Some((at.line, at.column + 1))));
        return (None, None);
    }
    if let Some(line) = conflict(text) {
        let at = At::Line { file, line, column: 1, length: 7 };
        problems.push(
            Problem::error_at(at, "a merge conflict is not resolved here").hint(
                "keep one of the two versions, and leave out `<<<<<<<`, `=======`, `>>>>>>>`",
            ),
        );
        return (None, None);
    }
    let mut mended: Option<Mended> = None;
    for _ in 0..=ACCIDENTS {
        let current = mended.as_ref().map_or(text, |mended| &mended.text);
        let (words, at) = match node::parse(current) {
            Ok(node) => return (Some(node), mended),
            Err(Unreadable::TooDeep(at)) => {
                problems.push(too_deep(file, at));
                return (None, None);
            }
            Err(Unreadable::TooMany) => {
                let message = format!("the file has more than {NODES} values, aliases filled in");
                let at = At::Line { file, line: 1, column: 1, length: 1 };
                problems.push(
                    Problem::error_at(at, message)
                        .hint("aliases of aliases multiply; a job file needs a few only"),
                );
                return (None, None);
            }
            Err(Unreadable::SeveralDocuments) => {
                problems.push(several_documents(text, file));
                return (None, None);
            }
            Err(Unreadable::Tag(at)) => {
                problems.push(misfit(current, file, at));
                return (None, None);
            }
            Err(Unreadable::Syntax(words, at)) => (words, at),
        };
        if let Some(Slip { line, column, message, hint }) = fence(text) {
            let at = At::Line { file, line, column, length: 3 };
            problems.push(Problem::error_at(at, message).hint(hint));
            return (None, None);
        }
        let accident = diagnose(current, &words, at);
        problems.push(accident.problem(file));
        let Some((line, columns)) = accident.replace else { return (None, None) };
        let Some(text) = replaced(current, line, &columns) else { return (None, None) };
        let mut places = mended.map_or_else(Vec::new, |mended| mended.places);
        places.push((line, columns));
        mended = Some(Mended { text, places });
    }
    (None, None)
}

/// The line of the first conflict marker that Git leaves in a file that it could not merge.
fn conflict(text: &str) -> Option<usize> {
    let mark = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    text.lines().position(mark).map(|at| at + 1)
}

fn too_deep(file: u32, at: Option<(usize, usize)>) -> Problem {
    let (line, column) = at.unwrap_or((1, 1));
    let message = format!("lists and maps lie more than {DEPTH} deep in one another");
    Problem::error_at(At::Line { file, line, column, length: 1 }, message)
        .hint("a job file needs six levels at most")
}

/// A value that its tag does not fit. The parser's words repeat the value, which may be a secret.
fn misfit(text: &str, file: u32, at: Option<(usize, usize)>) -> Problem {
    let (line, column) = at.unwrap_or((1, 1));
    let content = text.lines().nth(line - 1).unwrap_or_default();
    let tag = content.chars().skip(column - 1).take_while(|c| !c.is_whitespace());
    let at = At::Line { file, line, column, length: tag.count().max(1) };
    Problem::error_at(at, "this value does not fit the tag before it").hint(NO_TAGS)
}

fn several_documents(text: &str, file: u32) -> Problem {
    let mut seen_content = false;
    let mut line = 1;
    for (i, content) in text.lines().enumerate() {
        let starts = content.starts_with("---");
        if starts && seen_content {
            line = i + 1;
            break;
        }
        seen_content |= !starts && !content.trim().is_empty() && !content.starts_with(['#', '%']);
        seen_content |= starts && !content[3..].trim().is_empty();
    }
    Problem::error_at(
        At::Line { file, line, column: 1, length: 3 },
        "the file holds more than one YAML document",
    )
    .hint("leave the `---` out, or put each part into a file of its own and `include` it")
}

/// The problem, and the replacement that lets reading go on.
#[derive(Debug)]
struct Accident {
    line: usize,
    column: usize,
    length: usize,
    message: String,
    hint: Option<String>,
    related: Option<(usize, usize, &'static str)>,
    replace: Option<(usize, Range<usize>)>,
}

impl Accident {
    fn problem(&self, file: u32) -> Problem {
        let at = At::Line { file, line: self.line, column: self.column, length: self.length };
        let mut problem = Problem::error_at(at, self.message.clone());
        if let Some(hint) = &self.hint {
            problem.hint = Hint::Says(hint.clone());
        }
        if let Some((line, column, label)) = self.related {
            let at = At::Line { file, line, column, length: 1 };
            problem.related.push((at, label.to_owned()));
        }
        problem
    }
}

fn diagnose(text: &str, words: &str, at: Option<(usize, usize)>) -> Accident {
    let last = text.lines().count().max(1);
    let (line, column) = match at {
        Some(_) | None if words.starts_with("control characters") => control_character(text),
        Some(at) => at,
        None => (last, 1),
    };
    let (line, column, at_end) = match line > last {
        true => {
            let (line, content) = last_content(text);
            (line, content.trim_end().chars().count() + 1, true)
        }
        false => (line.max(1), column, false),
    };
    let content = text.lines().nth(line - 1).unwrap_or("");
    let (what, context) = words.split_once(", while ").unwrap_or((words, ""));
    let what = what.split(" at line ").next().unwrap_or(what);
    let what = what.split(" at position ").next().unwrap_or(what);
    let began = position(context);
    if let Some((line, column)) = mark_within(text) {
        return Accident {
            line,
            column,
            length: 1,
            message: "an invisible character stands here, U+FEFF: a mark that files begin with"
                .to_owned(),
            hint: Some("leave it out: it remains where one file was put behind another".to_owned()),
            related: None,
            replace: None,
        };
    }
    if let Some(Slip { line, column, message, hint }) = slip(text, line, what) {
        let (hint, related) = (Some(hint), None);
        return Accident { line, column, length: 1, message, hint, related, replace: None };
    }
    if let Some(mut accident) = unquoted(content, line, column, what) {
        if SecretLines::of(text.lines().take(line)).may_hide(line) {
            accident.hint = Some("quote it".to_owned());
        }
        return accident;
    }
    if let Some((line, column)) = open_quote(text, line) {
        return Accident {
            line,
            column,
            length: 1,
            message: "this quote is not closed on its line".to_owned(),
            hint: Some("end the text with the same quote".to_owned()),
            related: None,
            replace: None,
        };
    }
    let (message, hint) = match what {
        "did not find expected node content" if at_end => (
            "the file ends in the middle of a value".to_owned(),
            Some("is a `[` or `{` left open?".to_owned()),
        ),
        _ => in_words(what, context, content, column),
    };
    let mut accident =
        Accident { line, column, length: 1, message, hint, related: None, replace: None };
    match began {
        // libyaml reports at the end of the file a problem that began long before.
        Some((line, column))
            if context.contains("quoted scalar") || context.contains("simple key") =>
        {
            accident.line = line;
            accident.column = column;
        }
        Some((at, column)) if at != line => {
            accident.related = Some((at, column, "what this belongs to begins here"));
        }
        Some(_) | None => {}
    }
    accident
}

/// The last line that is not empty, and its number.
fn last_content(text: &str) -> (usize, &str) {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.last().map_or((1, ""), |(i, line)| (i + 1, line))
}

/// The place of a byte order mark after the beginning: YAML takes it for one more document, and
/// libyaml's complaint about it names a place where nothing is to be seen.
fn mark_within(text: &str) -> Option<(usize, usize)> {
    let mark = |c: char| c == '\u{feff}';
    let mut lines = text.strip_prefix(mark).unwrap_or(text).lines().enumerate();
    lines.find_map(|(i, line)| Some((i + 1, line.chars().position(mark)? + 1)))
}

/// The place of the first character that YAML does not allow; libyaml counts bytes only.
fn control_character(text: &str) -> (usize, usize) {
    for (i, line) in text.lines().enumerate() {
        let odd = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\u{85}');
        if let Some(column) = line.chars().position(odd) {
            return (i + 1, column + 1);
        }
    }
    (1, 1)
}

/// Line and column in "… at line 3 column 5".
fn position(words: &str) -> Option<(usize, usize)> {
    let (_, rest) = words.split_once(" at line ")?;
    let (line, column) = rest.split_once(" column ")?;
    Some((line.trim().parse().ok()?, column.trim().parse().ok()?))
}

/// libyaml's message in our words.
fn in_words(what: &str, context: &str, content: &str, column: usize) -> (String, Option<String>) {
    let here = content.chars().nth(column.saturating_sub(1));
    let (message, hint) = match what {
        "found a tab character where an indentation space is expected" => {
            ("a tab stands where YAML wants spaces", "indent with spaces")
        }
        "found character that cannot start any token"
        | "found a tab character that violates indentation"
            if here == Some('\t') || content.trim_start_matches(' ').starts_with('\t') =>
        {
            ("a tab stands where YAML wants spaces", "indent with spaces")
        }
        "found character that cannot start any token" => {
            ("a value can't start with this character", "quote the value")
        }
        "mapping values are not allowed in this context" => (
            "a `:` stands where no key can be",
            "quote a text that holds `: `, or check the indentation",
        ),
        "did not find expected key" => (
            "this does not fit what stands before it",
            "check the indentation, and quote a text that starts with `{`, `[`, `\"` or `'`",
        ),
        "did not find expected '-' indicator" => {
            ("a list goes on with something that is no `- `", "check the indentation")
        }
        "did not find expected ',' or '}'" => {
            ("a `{` is not closed before this", "separate entries in `{…}` with commas")
        }
        "did not find expected ',' or ']'" => {
            ("a `[` is not closed before this", "separate entries in `[…]` with commas")
        }
        "could not find expected ':'" => {
            ("a key without its `:`", "write `key: value`, with a space after the `:`")
        }
        "found unexpected end of stream" if context.contains("quoted scalar") => {
            ("this quote is never closed", "end the text with the same quote")
        }
        "found unexpected document indicator" if context.contains("quoted scalar") => {
            ("this quote is never closed", "end the text with the same quote")
        }
        "did not find expected node content" => {
            ("a value is missing before this", "is a `[` or `{` left open?")
        }
        "did not find expected alphabetic or numeric character" => {
            ("an alias or an anchor has no name here", "quote a text that begins with `*` or `&`")
        }
        "block sequence entries are not allowed in this context" => (
            "a list can't begin here",
            "write each `- ` on a line of its own below the key, or quote a text",
        ),
        "mapping keys are not allowed in this context" => {
            ("a `?` begins a key here", "quote a text that begins with `?`")
        }
        "found unknown escape character"
        | "did not find expected hexadecimal number"
        | "found invalid Unicode character escape code" => (
            "this is not an escape that YAML knows",
            "in double quotes `\\` starts an escape: use single quotes",
        ),
        "control characters are not allowed" => {
            ("the file holds a control character", "save it as plain text")
        }
        "found undefined tag handle" | "did not find expected tag URI" => {
            ("`!` starts a YAML tag, which means nothing here", "quote the value")
        }
        "did not find expected <document start>" => (
            "this does not belong to what stands before it",
            "a job file is one map: `key: value` lines that begin in the first column",
        ),
        "unknown anchor" => (
            "this alias names no anchor",
            "anchors are written `&name`; quote it if a text is meant",
        ),
        // Not the parser's own words: none of those that are not known here may repeat a value.
        _ => return ("this is not valid YAML".to_owned(), None),
    };
    (message.to_owned(), Some(hint.to_owned()))
}

/// The accidents of a value without quotes: `@daily`, `*/5 …`, `{job}/x`, `%Y`, a text with `: `.
fn unquoted(content: &str, line: usize, column: usize, what: &str) -> Option<Accident> {
    let characters: Vec<char> = content.chars().collect();
    let at = column.saturating_sub(1).min(characters.len());
    let value = value_around(&characters, at).filter(|value| value.start <= at)?;
    let text: String = characters[value.clone()].iter().collect();
    let first = characters[value.start];
    let second = characters.get(value.start + 1).copied();
    let (message, whole) = match first {
        '@' | '`' | '%' if what == "found character that cannot start any token" => {
            (format!("`{first}` can't start a value without quotes"), true)
        }
        '*' if what.contains("alphabetic or numeric") || what == "unknown anchor" => {
            if second.is_some_and(char::is_alphabetic) {
                return None;
            }
            ("`*` without quotes starts an alias".to_owned(), true)
        }
        '&' if what.contains("alphabetic or numeric") => {
            ("`&` without quotes starts an anchor".to_owned(), true)
        }
        '{' | '['
            if what.starts_with("did not find expected")
                || what == "found character that cannot start any token" =>
        {
            let closing = if first == '{' { '}' } else { ']' };
            (format!("`{first}…{closing}` without quotes is not text"), text.contains(closing))
        }
        // A pattern in a path inside a flow map: `{bucket: b, path: a/{%Y}/}`.
        _ if what.starts_with("did not find expected ','")
            && matches!(characters.get(at), Some('{' | '['))
            && at > value.start =>
        {
            (format!("a text that holds `{}` needs quotes here", characters[at]), true)
        }
        _ if what == "mapping values are not allowed in this context" && text.contains(": ") => {
            ("a text that holds `: ` needs quotes".to_owned(), true)
        }
        _ => return None,
    };
    if !whole {
        return None;
    }
    let quote = if text.contains('"') { '\'' } else { '"' };
    Some(Accident {
        line,
        column: value.start + 1,
        length: value.len(),
        message,
        hint: Some(match may_be_said(Within::Other, content, &text) {
            true => format!("quote it: `{quote}{}{quote}`", cut(&text)),
            false => "quote it".to_owned(),
        }),
        related: None,
        replace: Some((line, value)),
    })
}

/// The characters of the value at a position: from after the last `: ` or `- ` before it, to the
/// end of the line or of the flow map.
fn value_around(line: &[char], at: usize) -> Option<Range<usize>> {
    let mut start = None;
    let mut flow = 0_i32;
    let mut text_began = false;
    let mut i = 0;
    while i < line.len() && i <= at {
        let ends = line.get(i + 1).is_none_or(|c| c.is_whitespace());
        match line[i] {
            ':' | '-' if ends && start.is_none_or(|start| i < start || !text_began) => {
                start = Some(i + 1);
                text_began = false;
            }
            ',' if flow > 0 => {
                start = None;
                text_began = false;
            }
            // An opening brace of the line's own map: keys follow again.
            '{' | '[' if !text_began && opens_map(&line[i..]) => {
                flow += 1;
                start = (line[i] == '[').then_some(i + 1);
            }
            ' ' | '\t' => {}
            _ => text_began |= start.is_some(),
        }
        i += 1;
    }
    let mut start = start?;
    while line.get(start).is_some_and(|c| c.is_whitespace()) {
        start += 1;
    }
    let mut end = line.len();
    let mut depth = 0_i32;
    for i in start..line.len() {
        let stop = match line[i] {
            '#' => i > 0 && line[i - 1].is_whitespace(),
            '{' | '[' => {
                depth += 1;
                false
            }
            '}' | ']' => {
                depth -= 1;
                flow > 0 && depth < 0
            }
            ',' => flow > 0 && depth <= 0,
            _ => false,
        };
        if stop {
            end = i;
            break;
        }
    }
    while end > start && line[end - 1].is_whitespace() {
        end -= 1;
    }
    (end > start).then_some(start..end)
}

/// True when a brace opens a map with a key, or a list; `{job}/x` and `{%Y}` do not.
fn opens_map(rest: &[char]) -> bool {
    if rest[0] == '[' {
        return true;
    }
    for (i, c) in rest.iter().enumerate().skip(1) {
        match c {
            ':' => return rest.get(i + 1).is_none_or(|c| c.is_whitespace()),
            '}' | '{' => return false,
            _ => {}
        }
    }
    false
}

/// The text with some characters of a line replaced by as many harmless ones.
fn replaced(text: &str, line: usize, columns: &Range<usize>) -> Option<String> {
    let start_of_line: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let content = text.get(start_of_line..)?.lines().next()?;
    let byte =
        |column: usize| content.char_indices().nth(column).map_or(content.len(), |(at, _)| at);
    let (from, to) = (byte(columns.start), byte(columns.end));
    let mut mended = String::with_capacity(text.len());
    mended.push_str(&text[..start_of_line + from]);
    mended.extend(std::iter::repeat_n('x', columns.len()));
    mended.push_str(&text[start_of_line + to..]);
    Some(mended)
}
