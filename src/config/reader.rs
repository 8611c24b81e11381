//! Reads typed values out of a document's tree, collecting all problems instead of stopping at the
//! first.
//!
//! Owns what is common to all maps: text keys, merge keys, duplicates, unknown keys, secrets. The
//! meaning of a key is the business of `raw`.

use std::collections::HashMap;

use super::names::{self, Scope};
use super::node::{Kind, NO_TAGS, Node};
use super::problem::{At, Hint, Problem, Spot, cut, invisible};
use super::secrets;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Found<T> {
    /// The value.
    pub(crate) value: T,
    /// Its place.
    pub(crate) at: Spot,
    /// The place of its key, or of the value itself in a list.
    pub(crate) key: Spot,
    /// The last number within the value.
    pub(crate) last: u32,
}

impl<T> Found<T> {
    /// A value at this node.
    pub(crate) fn new(value: T, node: &Node, key: Spot) -> Self {
        Self { value, at: Spot { node: node.id, ..key }, key, last: node.last() }
    }

    /// True when a problem was reported in the value: a key that seems missing may be there.
    pub(crate) fn has_problem(&self, problems: &[Problem]) -> bool {
        problems.iter().any(|problem| match &problem.at {
            At::Value(spot, _) => {
                spot.file == self.at.file && (self.at.node..=self.last).contains(&spot.node)
            }
            At::Line { .. } | At::Path(_) => false,
        })
    }
}

/// A type that can be read from a node.
pub(crate) trait Read: Sized {
    /// The value, or `None` after reporting a problem.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;

    /// Takes missing values from the defaults. Only maps with keys of ours have parts.
    fn fill_from(&mut self, _defaults: &Self) {}

    /// True for an entry that a map of this type may hold: next to an empty key of this type, its
    /// line lacks indentation.
    fn takes(_entry: &Entry<'_>) -> bool {
        false
    }

    /// True for a value that is written like one of this type.
    fn looks_like(_node: &Node) -> bool {
        false
    }
}

/// One entry of a map, after merge keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// The key's text.
    pub(crate) name: &'a str,
    /// The key's place.
    pub(crate) key: Spot,
    /// The value.
    pub(crate) value: &'a Node,
    /// The name is invalid, and was reported: the value is only checked for problems.
    pub(crate) void: bool,
}

impl Entry<'_> {
    /// True for a key, and for one that was clearly meant to be it: only the misspelling is
    /// reported, not that the key is missing too.
    pub(crate) fn stands_for(&self, key: &str, scope: Scope, keys: &[&str]) -> bool {
        !self.void
            && (self.name == key
                || (!keys.contains(&self.name)
                    && (names::meant_key(self.name, scope) == Some(key)
                        || names::glued(self.name, scope).is_some_and(|(meant, _)| meant == key)
                        || names::stands_for_all(self.name, scope))))
    }
}

/// Reads the values of one file.
#[derive(Debug)]
pub(crate) struct Reader<'p> {
    /// Index of the file.
    pub(crate) file: u32,
    /// The key whose value is being read.
    pub(crate) owner: Spot,
    /// That key can't be left out.
    pub(crate) required: bool,
    /// The problems so far.
    pub(crate) problems: &'p mut Vec<Problem>,
}

impl<'p> Reader<'p> {
    /// A reader of a file that starts at its top.
    pub(crate) fn new(file: u32, problems: &'p mut Vec<Problem>) -> Self {
        Self { file, owner: Spot { file, node: 0 }, required: false, problems }
    }

    /// The place of a node of this file.
    pub(crate) fn spot(&self, node: &Node) -> Spot {
        Spot { file: self.file, node: node.id }
    }

    /// Reports a problem.
    pub(crate) fn tell(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Gives the last problem a hint of its own, if there is one.
    pub(crate) fn hint_last(&mut self, words: Option<String>) {
        if let (Some(words), Some(problem)) = (words, self.problems.last_mut()) {
            problem.hint = Hint::Says(words);
        }
    }

    /// Reports a value of the wrong kind.
    pub(crate) fn wrong_kind(&mut self, node: &Node, expected: &str) {
        self.wrong_kind_described(node, expected, &node.describe());
    }

    fn wrong_kind_described(&mut self, node: &Node, expected: &str, found: &str) {
        let spot = self.spot(node);
        let problem = match &node.kind {
            Kind::Null => Problem::error(self.owner, format!("expected {expected}, found nothing"))
                .hint(self.or_without("give it a value")),
            Kind::Tagged(tag) => {
                Problem::error(spot, format!("the tag `{}` means nothing here", cut(tag)))
                    .hint(NO_TAGS)
            }
            Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::Map(_) => {
                Problem::error(spot, format!("expected {expected}, found {found}")).example()
            }
        };
        self.tell(problem);
    }

    /// A hint to fix a value, or to leave its key out where that is allowed.
    pub(crate) fn or_without(&self, words: &str) -> String {
        if self.required { words.to_owned() } else { format!("{words}, or leave the key out") }
    }

    /// Reads the value of an entry whose key can be left out.
    pub(crate) fn field<T: Read>(&mut self, entry: &Entry<'_>) -> Option<Found<T>> {
        self.field_that(false, entry)
    }

    /// Reads the value of an entry, which may be `required`.
    pub(crate) fn field_that<T: Read>(
        &mut self,
        required: bool,
        entry: &Entry<'_>,
    ) -> Option<Found<T>> {
        let owner = std::mem::replace(&mut self.owner, entry.key);
        let before = std::mem::replace(&mut self.required, required);
        let value = T::read(entry.value, self);
        (self.owner, self.required) = (owner, before);
        Some(Found::new(value?, entry.value, entry.key))
    }

    /// Reports each empty key whose entries follow without indentation, and returns the places of
    /// all those entries: nothing else is reported about them.
    pub(crate) fn strays(
        &mut self,
        entries: &[Entry<'_>],
        belongs: impl Fn(&Entry<'_>, &Entry<'_>) -> bool,
    ) -> Vec<usize> {
        let mut strays = Vec::new();
        for (index, above) in entries.iter().enumerate() {
            if above.void || !matches!(above.value.kind, Kind::Null) {
                continue;
            }
            let below = entries.iter().skip(index + 1);
            let below: Vec<_> = below.take_while(|entry| belongs(above, entry)).collect();
            let Some(first) = below.first() else { continue };
            let (name, first) = (cut(above.name), cut(first.name));
            self.tell(
                Problem::error(above.key, format!("what belongs under `{name}` is not indented"))
                    .hint(format!("begin `{first}` further to the right than `{name}`")),
            );
            strays.extend(index..=index + below.len());
        }
        strays
    }

    /// Reads an item of a list.
    pub(crate) fn item<T: Read>(&mut self, node: &Node) -> Option<Found<T>> {
        let at = self.spot(node);
        if matches!(node.kind, Kind::Null) {
            self.tell(Problem::error(at, "an entry of the list is empty").hint("leave it out"));
            return None;
        }
        let outer = std::mem::replace(&mut self.owner, at);
        let value = T::read(node, self);
        self.owner = outer;
        Some(Found::new(value?, node, at))
    }

    /// The entries of a map, merge keys applied; duplicates and keys that are not names are
    /// reported, and void. `None` if it is not a map: `describe` says what it is.
    pub(crate) fn entries<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        describe: fn(&Node) -> String,
    ) -> Option<Vec<Entry<'n>>> {
        let Kind::Map(own) = &node.kind else {
            self.wrong_kind_described(node, what, &describe(node));
            return None;
        };
        let mut entries = Vec::with_capacity(own.len());
        let mut seen = Seen::for_len(own.len());
        let mut merges = Vec::new();
        for (index, (key, value)) in own.iter().enumerate() {
            let spot = self.spot(key);
            let Some(name) = key.as_text() else {
                match decimal(own, index) {
                    Some(number) => self.tell(
                        Problem::error(spot, "the decimal sign of a number is a point")
                            .hint(format!("write `{number}`")),
                    ),
                    None => self.no_name(key),
                }
                entries.push(Entry { name: "", key: spot, value, void: true });
                continue;
            };
            if name == "<<" {
                merges.push(value);
                continue;
            }
            if let Some(first) = seen.insert(name, spot, &entries) {
                self.tell(
                    Problem::error(spot, format!("the key `{}` stands here twice", cut(name)))
                        .see(first, "first here"),
                );
                entries.push(Entry { name, key: spot, value, void: true });
                continue;
            }
            entries.push(Entry { name, key: spot, value, void: false });
        }
        for value in merges {
            self.merge(value, &mut entries, &mut seen, 0);
        }
        Some(entries)
    }

    /// Adds the entries of a merged map, or of a list of them, that are not there yet.
    fn merge<'n>(
        &mut self,
        value: &'n Node,
        entries: &mut Vec<Entry<'n>>,
        seen: &mut Seen<'n>,
        depth: usize,
    ) {
        match &value.kind {
            Kind::Map(merged) => {
                let mut inner = Vec::new();
                for (name_node, value) in merged {
                    let spot = self.spot(name_node);
                    match name_node.as_text() {
                        Some("<<") => inner.push(value),
                        Some(name) => {
                            if seen.insert(name, spot, entries).is_none() {
                                entries.push(Entry { name, key: spot, value, void: false });
                            }
                        }
                        None => self.no_name(name_node),
                    }
                }
                for value in inner {
                    self.merge(value, entries, seen, depth + 1);
                }
            }
            Kind::List(items) if depth == 0 || !items.is_empty() => {
                for item in items {
                    if matches!(item.kind, Kind::Map(_)) {
                        self.merge(item, entries, seen, depth + 1);
                    } else {
                        self.not_mergeable(item);
                    }
                }
            }
            Kind::Null
            | Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::Tagged(_) => self.not_mergeable(value),
        }
    }

    fn no_name(&mut self, key: &Node) {
        let spot = self.spot(key);
        let problem = Problem::error(spot, format!("expected a name, found {}", key.describe()));
        self.tell(match &key.kind {
            Kind::Bool(true) => problem.hint(
                "quote it; where `on:` was meant write that: some programs make `true` of it",
            ),
            Kind::Null | Kind::Bool(false) | Kind::Integer(_) | Kind::Float(_) | Kind::Text(_) => {
                problem.quote()
            }
            Kind::List(_) | Kind::Map(_) => {
                problem.hint("quote it; templates of other programs are not rendered here")
            }
            Kind::Tagged(_) => problem.hint(NO_TAGS),
        });
    }

    fn not_mergeable(&mut self, node: &Node) {
        let spot = self.spot(node);
        self.tell(
            Problem::error(spot, format!("`<<` merges maps, found {}", node.describe()))
                .hint("write `<<: *name`, where `&name` stands at a map"),
        );
    }

    /// Reports an unknown key, with the one that was probably meant.
    pub(crate) fn unknown_key(&mut self, scope: Scope, entry: &Entry<'_>) {
        let name = entry.name;
        if scope == Scope::File && name.starts_with("x-") {
            return;
        }
        // A map of that name holds something else, except for the headers of a webhook.
        let plain = !matches!(entry.value.kind, Kind::Map(_)) || scope == Scope::Webhook;
        let problem = if let Some(odd) = invisible(name) {
            let code = u32::from(odd);
            Problem::error(
                entry.key,
                format!("the key holds a character that can't be seen, U+{code:04X}"),
            )
            .hint("type the key anew: it was copied with more than is shown")
        } else if let Some((key, sign)) = names::glued(name, scope) {
            let (message, hint) = match sign {
                ':' => (format!("a space is missing after `{key}:`"), format!("write `{key}: …`")),
                _ => (format!("a key has no `{sign}` after it"), format!("write `{key}: …`")),
            };
            Problem::error(entry.key, message).hint(hint)
        } else if secrets::is_secret(name) && plain {
            Problem::error(
                entry.key,
                format!("`{}`: a secret does not belong in the job file", cut(name)),
            )
            .hint(secrets::secret_hint(name, scope))
        } else {
            Problem::error(entry.key, format!("unknown key `{}` in {}", cut(name), scope.words()))
                .maybe_hint(names::meant(name, scope, entry.value))
        };
        self.tell(problem);
    }

    /// Reports a missing key.
    pub(crate) fn missing_key(&mut self, scope: Scope, name: &str) {
        let spot = self.owner;
        self.tell(
            Problem::error(spot, format!("{} has no `{name}`", scope.words()))
                .maybe_hint(names::example(scope, name)),
        );
    }
}

/// The number that `1,5` was to be: in a flow map, its second part is a key without a value.
fn decimal(entries: &[(Node, Node)], index: usize) -> Option<String> {
    let before = entries.get(index.checked_sub(1)?)?;
    match (&before.1.kind, &entries[index].0.kind, &entries[index].1.kind) {
        (Kind::Integer(whole), Kind::Integer(part @ 0..), Kind::Null) => {
            Some(format!("{whole}.{part}"))
        }
        (_, _, _) => None,
    }
}

/// Keys so far: a list for the small maps that most are, a table for `jobs`.
#[derive(Debug)]
enum Seen<'n> {
    Few,
    Many(HashMap<&'n str, Spot>),
}

impl<'n> Seen<'n> {
    const FEW: usize = 32;

    fn for_len(len: usize) -> Self {
        if len <= Self::FEW { Self::Few } else { Self::Many(HashMap::with_capacity(len)) }
    }

    /// The earlier place of the key, if it was there before. With few keys, the entries are
    /// searched; a map that grows by merging changes to the table.
    fn insert(&mut self, name: &'n str, spot: Spot, entries: &[Entry<'n>]) -> Option<Spot> {
        if matches!(self, Self::Few) {
            if entries.len() < 2 * Self::FEW {
                let mut named = entries.iter().filter(|entry| !entry.void);
                return named.find(|entry| entry.name == name).map(|entry| entry.key);
            }
            let named = entries.iter().filter(|entry| !entry.void);
            *self = Self::Many(named.map(|entry| (entry.name, entry.key)).collect());
        }
        match self {
            Self::Few => None,
            Self::Many(table) => {
                let before = table.get(name).copied();
                if before.is_none() {
                    table.insert(name, spot);
                }
                before
            }
        }
    }
}
