//! Finds the lines and columns of numbered values: makes [`Diagnostic`]s of problems.
//!
//! Positions in a file are computed only if something in it is to be shown. Where a value came in
//! through an alias, both places are shown.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use super::bounds::{ERRORS_SHOWN, LINE_SHOWN, WARNINGS_SHOWN};
use super::diagnostic::{Diagnostic, Excerpt, Severity};
use super::key_examples;
use super::mask::{mask, mask_all};
use super::node::{Kind, Node, Step};
use super::problem::{At, Hint, Problem, Spot, WarningKind};
use super::secret_lines::SecretLines;
use super::sources::Sources;
use super::spans::{Found, Marks, Position};
use super::yaml_hints::Mended;

/// Turns problems into diagnostics: errors first by file and line, then warnings, each kind
/// limited.
pub(crate) fn diagnostics(
    problems: Vec<Problem>,
    sources: &Sources,
    trees: &[Option<Node>],
    mended: &[Option<Mended>],
    private: &[bool],
) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let mut locator = Locator { sources, trees, mended, private, files: HashMap::new() };
    let (errors, mut warnings): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|problem| problem.warning.is_none());
    let mut beyond: BTreeMap<WarningKind, usize> = BTreeMap::new();
    let mut listed: BTreeMap<WarningKind, usize> = BTreeMap::new();
    warnings.retain(|problem| {
        let Some(kind) = problem.warning else { return false };
        let count = listed.entry(kind).or_default();
        *count += 1;
        let stays = *count <= WARNINGS_SHOWN;
        *beyond.entry(kind).or_default() += problem.more + usize::from(!stays);
        stays
    });
    let errors = locator.all(errors, Severity::Error);
    let mut warnings = locator.all(warnings, Severity::Warning);
    for (kind, more) in beyond {
        if more > 0 {
            warnings.push(locator.whole(kind.rest(more), kind.severity()));
        }
    }
    (errors, warnings)
}

struct Marked<'s> {
    lines: Vec<&'s str>,
    secrets: SecretLines,
    marks: Marks<'s>,
}

struct Locator<'s> {
    sources: &'s Sources,
    trees: &'s [Option<Node>],
    mended: &'s [Option<Mended>],
    private: &'s [bool],
    files: HashMap<u32, Marked<'s>>,
}

/// A place that can be shown.
struct Shown {
    position: Position,
    path: String,
    excerpts: Vec<Excerpt>,
    plain: bool,
    raw: Option<String>,
    /// Of a number, how its value is described, and how as it is written: `1e3` is 1000.
    number: Option<(String, String)>,
}

impl<'s> Locator<'s> {
    fn all(&mut self, problems: Vec<Problem>, severity: Severity) -> Vec<Diagnostic> {
        let mut told: Vec<(u32, Diagnostic)> = Vec::new();
        let mut beyond = 0;
        // A value that several jobs merge is reported once, not once for each of them.
        let mut known: HashSet<(String, usize, usize, String)> = HashSet::new();
        for problem in in_order(problems) {
            // Finding a place takes time; a person who fixes a hundred errors checks again.
            if told.len() >= ERRORS_SHOWN && severity == Severity::Error {
                beyond += 1;
                continue;
            }
            let file = match &problem.at {
                At::Value(spot, _) => spot.file,
                At::Line { file, .. } => *file,
                At::Path(_) => u32::MAX,
            };
            let Some(diagnostic) = self.one(problem, severity) else { continue };
            let identity = (
                diagnostic.file.clone(),
                diagnostic.line,
                diagnostic.column,
                diagnostic.message.clone(),
            );
            if known.insert(identity) {
                told.push((file, diagnostic));
            }
        }
        told.sort_by(|(file_a, a), (file_b, b)| {
            (file_a, a.line, a.column).cmp(&(file_b, b.line, b.column))
        });
        let mut told: Vec<Diagnostic> =
            told.into_iter().map(|(_, diagnostic)| diagnostic).collect();
        if beyond > 0 {
            let words = format!("{beyond} more error{}", if beyond == 1 { "" } else { "s" });
            told.push(self.whole(words, severity));
        }
        told
    }

    /// A diagnostic about the file as a whole.
    fn whole(&self, message: String, severity: Severity) -> Diagnostic {
        Diagnostic {
            file: self.sources.root.display().to_string(),
            line: 1,
            column: 1,
            path: String::new(),
            message,
            hint: None,
            severity,
            excerpts: Vec::new(),
        }
    }

    fn one(&mut self, problem: Problem, severity: Severity) -> Option<Diagnostic> {
        let severity = problem.warning.map_or(severity, WarningKind::severity);
        if let At::Path(path) = &problem.at {
            let mut diagnostic = self.whole(problem.message, severity);
            diagnostic.file = path.display().to_string();
            if !self.sources.files.iter().any(|file| file.path == *path) {
                // A file that was not read has no lines.
                (diagnostic.line, diagnostic.column) = (0, 0);
            }
            diagnostic.hint = problem.hint.words(None, None);
            return Some(diagnostic);
        }
        let shown = self.show(&problem.at, "")?;
        if let At::Value(spot, _) = &problem.at
            && self.is_mended(spot.file, shown.position)
        {
            return None;
        }
        if problem.only_if_plain && !shown.plain {
            return None;
        }
        let is_private = self.is_private(&problem.at);
        let mut excerpts = shown.excerpts;
        if is_private {
            excerpts = excerpts.into_iter().map(hidden).collect();
        }
        for (at, label) in &problem.related {
            let Some(other) = self.show(at, label) else { continue };
            let first = other.excerpts.into_iter().take(1);
            match self.is_private(at) {
                true => excerpts.extend(first.map(hidden)),
                false => excerpts.extend(first),
            }
        }
        let file = match &problem.at {
            At::Value(spot, _) => self.name(spot.file),
            At::Line { file, .. } => self.name(*file),
            At::Path(path) => path.display().to_string(),
        };
        let message = match &shown.number {
            Some((value, written)) => problem.message.replace(value, written),
            None => problem.message,
        };
        let (line, column) = (shown.position.line, shown.position.column + 1);
        if is_private {
            // A person who includes such a file must not learn its content.
            let message = format!(
                "{} (the file's words are not shown: it is more private than the one that \
                 includes it)",
                without_quotes(&message)
            );
            let path = String::new();
            let hint = Some("look at that line as a user who may read the file".to_owned());
            return Some(Diagnostic {
                file,
                line,
                column,
                path,
                message,
                hint,
                severity,
                excerpts,
            });
        }
        let example = self.example(&problem.at, &problem.hint);
        let (path, hint) = (shown.path, problem.hint.words(shown.raw, example));
        Some(Diagnostic { file, line, column, path, message, hint, severity, excerpts })
    }

    /// The example of the key of a value, for a hint that wants one.
    fn example(&self, at: &At, hint: &Hint) -> Option<String> {
        let wanted = matches!(hint, Hint::Example | Hint::QuoteOrExample);
        let At::Value(spot, _) = at else { return None };
        let tree = self.trees.get(spot.file as usize).filter(|_| wanted)?.as_ref()?;
        key_examples::for_hint(tree, spot.node, matches!(hint, Hint::QuoteOrExample))
    }

    /// True for a place in a file that fewer people can read than the one that includes it.
    fn is_private(&self, at: &At) -> bool {
        let file = match at {
            At::Value(spot, _) => spot.file,
            At::Line { file, .. } => *file,
            At::Path(_) => return false,
        };
        self.private.get(file as usize).copied().unwrap_or(false)
    }

    /// True for a place whose text was replaced by ours.
    fn is_mended(&self, file: u32, position: Position) -> bool {
        self.mended.get(file as usize).and_then(Option::as_ref).is_some_and(|mended| {
            mended
                .places
                .iter()
                .any(|(line, columns)| *line == position.line && columns.contains(&position.column))
        })
    }

    fn name(&self, file: u32) -> String {
        self.sources.files.get(file as usize).map_or_else(
            || self.sources.root.display().to_string(),
            |f| f.path.display().to_string(),
        )
    }

    fn marked(&mut self, file: u32) -> Option<&mut Marked<'s>> {
        let sources = self.sources;
        let text = sources.files.get(file as usize)?.content();
        let readable = self.mended.get(file as usize).and_then(Option::as_ref);
        Some(self.files.entry(file).or_insert_with(|| {
            let lines = lines(text);
            Marked {
                secrets: SecretLines::of(lines.iter().copied()),
                lines,
                marks: Marks::of(readable.map_or(text, |mended| &mended.text)),
            }
        }))
    }

    fn show(&mut self, at: &At, label: &str) -> Option<Shown> {
        match at {
            At::Path(_) => None,
            At::Line { file, line, column, length } => {
                let start = Position { line: *line, column: column.saturating_sub(1) };
                let end = Position { line: *line, column: start.column + length };
                let excerpt = self.excerpt(*file, &(start..end), label);
                Some(Shown {
                    position: start,
                    path: String::new(),
                    excerpts: excerpt.into_iter().collect(),
                    plain: true,
                    raw: None,
                    number: None,
                })
            }
            At::Value(spot, inside) => self.show_value(*spot, inside.clone(), label),
        }
    }

    fn show_value(
        &mut self,
        spot: Spot,
        inside: Option<Range<usize>>,
        label: &str,
    ) -> Option<Shown> {
        let trees = self.trees;
        let tree = trees.get(spot.file as usize)?.as_ref()?;
        let way = tree.way_to(spot.node);
        let value = way.last().map_or(tree, |(_, node)| *node);
        let steps: Vec<Step> = way.iter().map(|(step, _)| *step).collect();
        let marked = self.marked(spot.file)?;
        let path = key_path(tree, &way, &mut |steps| {
            let found = marked.marks.find(steps)?;
            raw(marked, &found)
        });
        let start_of_file = Position { line: 1, column: 0 };
        let found = marked.marks.find(&steps).unwrap_or(Found {
            span: start_of_file..start_of_file,
            through: None,
            plain: true,
            block: false,
            exact: false,
        });
        let raw = raw(marked, &found);
        let mut span = found.span.clone();
        if let (Some(inside), Some(text), Some(raw)) = (inside, value.as_text(), &raw) {
            narrow(&mut span, &inside, text, raw);
        }
        let mut excerpts: Vec<Excerpt> =
            self.excerpt(spot.file, &span, label).into_iter().collect();
        if let Some(through) = &found.through {
            excerpts.extend(self.excerpt(spot.file, through, "it came in through this alias"));
        }
        let number = match &value.kind {
            Kind::Integer(_) | Kind::Float(_) => raw.as_ref(),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Tagged(_) => None,
        };
        let number = number.map(|raw| (value.describe(), format!("the number `{raw}`")));
        Some(Shown {
            position: span.start,
            path,
            excerpts,
            plain: found.plain || !found.exact,
            raw,
            number,
        })
    }

    /// The first line of a span, masked and marked.
    fn excerpt(&mut self, file: u32, span: &Range<Position>, label: &str) -> Option<Excerpt> {
        let name = self.name(file);
        let marked = self.marked(file)?;
        let line = *marked.lines.get(span.start.line - 1)?;
        if line.is_empty() && marked.lines.len() == 1 {
            return None;
        }
        let start = byte(line, span.start.column);
        let end = if span.end.line == span.start.line {
            byte(line, span.end.column)
        } else {
            line.trim_end().len()
        };
        let (line, marks) = cut_line(line, start..end.max(start));
        let (text, marks) = marked.secrets.mask(span.start.line, line, marks);
        Some(Excerpt {
            file: name,
            line: span.start.line,
            column: span.start.column + 1,
            text,
            marked: marks,
            label: label.to_owned(),
        })
    }
}

/// Problems in the order of the files, as far as numbers tell, and each only once: a problem in a
/// default would be reported again for each job.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    let place = |problem: &Problem| match &problem.at {
        At::Path(_) => (0, 0, 0),
        At::Line { file, line, .. } => (1, *file, u32::try_from(*line).unwrap_or(u32::MAX)),
        At::Value(spot, _) => (2, spot.file, spot.node),
    };
    problems.sort_by_key(place);
    problems.dedup_by(|a, b| a.at == b.at && a.message == b.message);
    problems
}

/// A message without what it quotes, from the first such word to the last: a file may hold the mark
/// itself.
fn without_quotes(message: &str) -> String {
    match message.split_once('`').zip(message.rsplit_once('`')) {
        Some(((before, _), (_, after))) => format!("{before}…{after}"),
        None => message.to_owned(),
    }
}

/// The excerpt with nothing of its line but the indentation.
fn hidden(excerpt: Excerpt) -> Excerpt {
    let (text, marked) = mask_all(&excerpt.text);
    Excerpt { text, marked, ..excerpt }
}

/// Lines without their ends, as YAML counts them.
fn lines(text: &str) -> Vec<&str> {
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect()
}

/// The byte at which a character of a line begins, or the line's end.
fn byte(line: &str, column: usize) -> usize {
    line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
}

/// The source text of the value, if it is on one line.
fn raw(marked: &Marked<'_>, found: &Found) -> Option<String> {
    let on_one_line = found.span.start.line == found.span.end.line;
    if !found.exact || found.block || !on_one_line {
        return None;
    }
    let line = marked.lines.get(found.span.start.line - 1)?;
    let slice = line.get(byte(line, found.span.start.column)..byte(line, found.span.end.column))?;
    let slice = slice.trim_end();
    if !marked.secrets.may_be_said(found.span.start.line, line, slice) {
        return None;
    }
    (!slice.is_empty()).then(|| slice.to_owned())
}

/// Narrows a span to some bytes of the text, if the text is in the file unchanged.
fn narrow(span: &mut Range<Position>, inside: &Range<usize>, text: &str, raw: &str) {
    let quote = usize::from(raw.starts_with(['"', '\'']));
    if raw.get(quote..quote + text.len()) != Some(text) {
        return;
    }
    let (Some(before), Some(part)) = (text.get(..inside.start), text.get(inside.clone())) else {
        return;
    };
    let start = span.start.column + quote + before.chars().count();
    let length = part.chars().count().max(1);
    *span =
        Position { column: start, ..span.start }..Position { column: start + length, ..span.start };
}

/// A window of a very long line.
fn cut_line(line: &str, marked: Range<usize>) -> (&str, Range<usize>) {
    if line.len() <= LINE_SHOWN {
        return (line, marked);
    }
    let mut from = marked.start.saturating_sub(LINE_SHOWN / 3);
    while !line.is_char_boundary(from) {
        from -= 1;
    }
    // A secret whose key was cut off could not be recognized: begin where a value ends.
    if from > 0 {
        let separator = line[from..marked.start].find([',', '{', '[']);
        from = separator.map_or(marked.start, |at| from + at + 1);
    }
    let mut to = (from + LINE_SHOWN).min(line.len());
    while !line.is_char_boundary(to) {
        to -= 1;
    }
    let start = marked.start - from;
    (&line[from..to], start..(marked.end - from).clamp(start, to - from))
}

/// `jobs.nightly.retry.max_attempts`; merge keys are left out. `written` gives
/// the source text at the end of some steps, for a key that is not a text.
fn key_path(
    root: &Node,
    way: &[(Step, &Node)],
    written: &mut dyn FnMut(&[Step]) -> Option<String>,
) -> String {
    let mut path = String::new();
    let mut here = root;
    let mut merging = false;
    let mut steps: Vec<Step> = Vec::new();
    for (step, next) in way {
        match (step, &here.kind) {
            (Step::Item(i), _) if !merging => path.push_str(&format!("[{i}]")),
            (Step::Key(i) | Step::Value(i), Kind::Map(entries)) => {
                let name = entries.get(*i).and_then(|(key, _)| key.as_text());
                merging = name == Some("<<");
                if !merging {
                    let key = entries.get(*i).map(|(key, _)| key);
                    let odd = key.filter(|_| name.is_none()).map(|key| {
                        let to_key = [&steps[..], &[Step::Key(*i)]].concat();
                        let is_word = !matches!(&key.kind, Kind::List(_) | Kind::Map(_));
                        let word = is_word.then(|| written(&to_key)).flatten();
                        word.map_or_else(|| key.describe(), |word| format!("`{word}`"))
                    });
                    push_key(&mut path, name, odd.as_deref());
                }
            }
            (Step::Item(_) | Step::Key(_) | Step::Value(_), _) => {}
        }
        steps.push(*step);
        here = next;
    }
    path
}

/// True for a name that can be part of a key path as it is.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

fn push_key(path: &mut String, name: Option<&str>, odd: Option<&str>) {
    if !path.is_empty() {
        path.push('.');
    }
    match (name, odd) {
        (Some(name), _) if is_plain(name) => path.push_str(name),
        // A secret may be glued to its key.
        (Some(name), _) => path.push_str(&format!("{:?}", mask(name, 0..0).0)),
        (None, Some(key)) => path.push_str(key.trim_start_matches("the number ")),
        (None, None) => {}
    }
}
