//! Looks up the places of keys in a valid job file, for problems found outside of it, such as by
//! `check --online`.

use std::collections::BTreeMap;

use super::diagnostic::Diagnostic;
use super::load::{self, Read};
use super::locate;
use super::node::{Kind, Node};
use super::problem::{At, Problem, Spot, WarningKind};
use super::sources::Sources;
use crate::core::ids::AccountId;

/// A job file whose keys can be looked up.
#[derive(Debug)]
pub struct Lookup {
    read: Read,
}

impl Lookup {
    /// Parses the texts again; they are few and known to be valid.
    pub fn new(sources: &Sources) -> Self {
        Self { read: load::again(sources) }
    }

    /// The accounts with their names in the file; of two names, the first in order, as in a job
    /// set.
    pub fn accounts(&self) -> BTreeMap<AccountId, String> {
        let mut names = BTreeMap::new();
        let trees = self.read.trees.iter().flatten();
        let maps = trees.filter_map(|tree| step(tree, "accounts"));
        for node in maps {
            let Kind::Map(entries) = &node.kind else { continue };
            for (name, id) in entries {
                let id = id.as_text().and_then(|id| uuid::Uuid::parse_str(id).ok());
                if let (Some(name), Some(id)) = (name.as_text(), id) {
                    let held = names.entry(AccountId(id)).or_insert_with(|| name.to_owned());
                    if name < held.as_str() {
                        name.clone_into(held);
                    }
                }
            }
        }
        names
    }

    /// A diagnostic about a key, with its place: that of the value, or of the nearest key above it
    /// in a file.
    pub fn say(
        &self,
        keys: &[String],
        is_error: bool,
        message: &str,
        hint: Option<String>,
    ) -> Vec<Diagnostic> {
        let problem = match self.spot(keys) {
            Some(spot) => Problem::error(spot, message),
            None => Problem::error_at(At::Path(self.read.sources.root.clone()), message),
        };
        let mut problem = problem.maybe_hint(hint);
        problem.warning = (!is_error).then_some(WarningKind::Other);
        let Read { sources, trees, mended, private, .. } = &self.read;
        let (mut errors, warnings) =
            locate::diagnostics(vec![problem], sources, trees, mended, private);
        errors.extend(warnings);
        for said in &mut errors {
            // A default, or a value that is not in the file, gets the path that it would have.
            if !said.path.ends_with(keys.last().map_or("", String::as_str)) {
                said.path = keys.join(".");
            }
        }
        errors
    }

    /// The deepest place on the path that is in some file.
    fn spot(&self, keys: &[String]) -> Option<Spot> {
        let places = self.read.trees.iter().enumerate().filter_map(|(file, tree)| {
            let (depth, node) = walk(tree.as_ref()?, keys);
            let file = u32::try_from(file).ok()?;
            (depth > 0).then_some((depth, Spot { file, node }))
        });
        // The first of the files with the deepest place.
        places.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, spot)| spot)
    }
}

/// How many of the keys exist, and the place of the last one.
fn walk(tree: &Node, keys: &[String]) -> (usize, u32) {
    let (mut here, mut depth) = (tree, 0);
    for key in keys {
        let Some(next) = step(here, key) else { break };
        here = next;
        depth += 1;
    }
    (depth, here.id)
}

/// The value of a key, which may have come in through a merge.
fn step<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Kind::Map(entries) = &node.kind else { return None };
    let own = entries.iter().find(|(name, _)| name.as_text() == Some(key));
    own.map(|(_, value)| value).or_else(|| {
        let merges = entries.iter().filter(|(name, _)| name.as_text() == Some("<<"));
        merges.map(|(_, merged)| merged).find_map(|merged| match &merged.kind {
            Kind::List(items) => items.iter().find_map(|item| step(item, key)),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Integer(_)
            | Kind::Float(_)
            | Kind::Text(_)
            | Kind::Map(_)
            | Kind::Tagged(_) => step(merged, key),
        })
    })
}
