//! The index of destinations: finds the runs that write to a place overlapping a given one, by path
//! prefix instead of by comparing all pairs.
//!
//! Knows places and run ids only; which of two runs must wait is decided in `admission`.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{AccountId, RunId};
use crate::place::{Place, segments};

/// Runs by destination.
#[derive(Debug, Default)]
pub(super) struct DestinationIndex {
    /// Account and bucket, then the path in comparable form.
    buckets: BTreeMap<(AccountId, String), BTreeMap<String, BTreeSet<RunId>>>,
}

impl DestinationIndex {
    /// Adds a run's destination.
    pub(super) fn insert(&mut self, place: &Place, run: RunId) {
        self.buckets
            .entry((place.account, place.bucket.clone()))
            .or_default()
            .entry(key(&place.path))
            .or_default()
            .insert(run);
    }

    /// Removes a run's destination.
    pub(super) fn remove(&mut self, place: &Place, run: RunId) {
        let bucket = (place.account, place.bucket.clone());
        let Some(paths) = self.buckets.get_mut(&bucket) else { return };
        let path = key(&place.path);
        if let Some(runs) = paths.get_mut(&path) {
            runs.remove(&run);
            if runs.is_empty() {
                paths.remove(&path);
            }
        }
        if paths.is_empty() {
            self.buckets.remove(&bucket);
        }
    }

    /// Runs whose destination equals this one, contains it or lies in it.
    pub(super) fn overlapping(&self, place: &Place) -> impl Iterator<Item = RunId> + '_ {
        let path = key(&place.path);
        let above: Vec<String> = std::iter::once(0)
            .chain(path.match_indices('/').map(|(at, _)| at + 1))
            .filter(|&end| end < path.len())
            .map(|end| path[..end].to_owned())
            .collect();
        let paths = self.buckets.get(&(place.account, place.bucket.clone()));
        paths.into_iter().flat_map(move |paths| {
            let containing = above.iter().filter_map(|ancestor| paths.get(ancestor));
            let within = paths
                .range(path.clone()..)
                .take_while(|(inner, _)| inner.starts_with(&path))
                .map(|(_, runs)| runs);
            containing.chain(within).flatten().copied().collect::<Vec<_>>()
        })
    }
}

/// A path in comparable form: its segments, each followed by a `/`, so that containment is a
/// prefix.
fn key(path: &str) -> String {
    segments(path).flat_map(|segment| [segment, "/"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn what_overlaps_is_found_above_at_and_below() {
        let place = |path: &str| Place {
            account: AccountId(Uuid::from_u128(7)),
            bucket: "b".to_owned(),
            bucket_id: String::new(),
            path: path.to_owned(),
            id: String::new(),
        };
        let paths = ["", "a/", "/a/b", "a/b/c/", "ab/", "a/bc/"];
        let mut index = DestinationIndex::default();
        for (number, path) in paths.iter().enumerate() {
            index.insert(&place(path), RunId(Uuid::from_u128(number as u128)));
        }
        for path in paths {
            let mut found: Vec<_> = index.overlapping(&place(path)).collect();
            found.sort();
            let mut expected: Vec<_> = (0..paths.len())
                .filter(|&other| place(path).overlaps(&place(paths[other])))
                .map(|other| RunId(Uuid::from_u128(other as u128)))
                .collect();
            expected.sort();
            assert_eq!(found, expected, "for `{path}`");
        }
        for (number, path) in paths.iter().enumerate() {
            index.remove(&place(path), RunId(Uuid::from_u128(number as u128)));
        }
        assert_eq!(index.overlapping(&place("")).count(), 0);
    }
}
