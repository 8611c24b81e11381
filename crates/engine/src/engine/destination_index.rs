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
    /// By bucket, then by path in comparable form.
    buckets: BTreeMap<Bucket, BTreeMap<String, BTreeSet<RunId>>>,
}

/// A bucket of an account, by one of its names.
type Bucket = (AccountId, BucketName);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum BucketName {
    Name(String),
    Id(String),
}

impl DestinationIndex {
    /// Adds a run's destination.
    pub(super) fn insert(&mut self, place: &Place, run: RunId) {
        for bucket in buckets(place) {
            let paths = self.buckets.entry(bucket).or_default();
            paths.entry(key(&place.path)).or_default().insert(run);
        }
    }

    /// Removes a run's destination.
    pub(super) fn remove(&mut self, place: &Place, run: RunId) {
        let path = key(&place.path);
        for bucket in buckets(place) {
            let Some(paths) = self.buckets.get_mut(&bucket) else { continue };
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
    }

    /// Runs whose destination equals this one, contains it or lies in it.
    pub(super) fn overlapping(&self, place: &Place) -> BTreeSet<RunId> {
        let path = key(&place.path);
        let ends = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
        let above: Vec<&str> =
            ends.filter(|&end| end < path.len()).map(|end| &path[..end]).collect();
        let mut found = BTreeSet::new();
        for bucket in buckets(place) {
            let Some(paths) = self.buckets.get(&bucket) else { continue };
            let containing = above.iter().filter_map(|ancestor| paths.get(*ancestor));
            let within = paths
                .range(path.clone()..)
                .take_while(|(inner, _)| inner.starts_with(&path))
                .map(|(_, runs)| runs);
            found.extend(containing.chain(within).flatten());
        }
        found
    }
}

/// The names of the bucket that a place lies in.
fn buckets(place: &Place) -> impl Iterator<Item = Bucket> {
    let id = Some(&place.bucket_id).filter(|id| !id.is_empty());
    let names = [Some(BucketName::Name(place.bucket.clone())), id.cloned().map(BucketName::Id)];
    let account = place.account;
    names.into_iter().flatten().map(move |name| (account, name))
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
        let place = |(bucket, bucket_id, path): (&str, &str, &str)| Place {
            account: AccountId(Uuid::from_u128(7)),
            bucket: bucket.to_owned(),
            bucket_id: bucket_id.to_owned(),
            path: path.to_owned(),
            id: String::new(),
        };
        let paths = [
            ("b", "", ""),
            ("b", "", "a/"),
            ("b", "", "/a/b"),
            ("b", "7", "a/b/c/"),
            ("b", "", "ab/"),
            ("b", "", "a/bc/"),
            ("renamed", "7", "a/b/"),
            ("other", "8", "a/b/"),
            ("7", "", "a/b/"),
        ];
        let mut index = DestinationIndex::default();
        for (number, path) in paths.iter().enumerate() {
            index.insert(&place(*path), RunId(Uuid::from_u128(number as u128)));
        }
        for path in paths {
            let expected: BTreeSet<_> = (0..paths.len())
                .filter(|&other| place(path).overlaps(&place(paths[other])))
                .map(|other| RunId(Uuid::from_u128(other as u128)))
                .collect();
            assert_eq!(index.overlapping(&place(path)), expected, "for `{path:?}`");
        }
        for (number, path) in paths.iter().enumerate() {
            index.remove(&place(*path), RunId(Uuid::from_u128(number as u128)));
        }
        assert!(index.buckets.is_empty());
    }
}
