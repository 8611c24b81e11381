//! Places: sources and destinations of objects, when two requests are the same (the fingerprint),
//! and when two destinations overlap.
//!
//! Knows nothing of templates: a `Place` here is already rendered.

use std::collections::BTreeMap;

use icu_normalizer::ComposingNormalizerBorrowed;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::AccountId;

/// A rendered place at a cloud account, as `POST /transfer/transfer` takes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The cloud account's id.
    pub account: AccountId,
    /// Bucket name.
    pub bucket: String,
    /// Bucket id, for providers addressed by ids; else empty.
    pub bucket_id: String,
    /// Key or folder; one that ends in `/` is a folder. May be empty.
    pub path: String,
    /// Object id, for providers addressed by ids; else empty.
    pub id: String,
}

impl Place {
    /// The path as it is compared: without leading slashes.
    pub fn compared_path(&self) -> &str {
        compared_path(&self.path)
    }

    /// True when the two are one place, however many slashes their paths begin and end with.
    /// Providers addressed by ids may leave all paths empty.
    pub fn is_same_as(&self, other: &Place) -> bool {
        self.account == other.account
            && self.bucket == other.bucket
            && self.bucket_id == other.bucket_id
            && self.id == other.id
            && segments(&self.path).eq(segments(&other.path))
    }

    /// True when one of the two places lies in the other, or they are the same: same account and
    /// bucket, by name or by id, and one path is a prefix of the other at a `/`. Object ids are not
    /// considered, so the answer errs on the side of an overlap.
    pub fn overlaps(&self, other: &Place) -> bool {
        let same_id = !self.bucket_id.is_empty() && self.bucket_id == other.bucket_id;
        self.account == other.account
            && (self.bucket == other.bucket || same_id)
            && paths_overlap(&self.path, &other.path)
    }
}

/// A place as people and scripts read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedPlace {
    /// The account's name in the job file; null where it has none there.
    pub account: Option<String>,
    /// The account's id.
    pub account_id: AccountId,
    /// The bucket's name.
    pub bucket: String,
    /// Key or folder.
    pub path: String,
}

/// The names of cloud accounts in the job file.
pub type AccountNames = BTreeMap<AccountId, String>;

impl NamedPlace {
    /// A place, with the name of its account in the job file.
    pub fn new(place: &Place, names: &AccountNames) -> Self {
        Self {
            account: names.get(&place.account).cloned(),
            account_id: place.account,
            bucket: place.bucket.clone(),
            path: place.path.clone(),
        }
    }
}

impl std::fmt::Display for NamedPlace {
    /// In a line: `production:footage/dailies/`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.account {
            Some(name) => write!(f, "{name}")?,
            None => write!(f, "{}", self.account_id)?,
        }
        write!(f, ":{}/{}", self.bucket, compared_path(&self.path))
    }
}

/// A path without its leading slashes (docs/protocol.md, "Words").
pub fn compared_path(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// True when one path is the other or contains it, compared at `/` boundaries.
pub fn paths_overlap(a: &str, b: &str) -> bool {
    let mut a = segments(a);
    let mut b = segments(b);
    loop {
        match (a.next(), b.next()) {
            (Some(x), Some(y)) if x == y => {}
            (Some(_), Some(_)) => return false,
            (None, _) | (_, None) => return true,
        }
    }
}

/// The non-empty segments of a path, by which containment is decided.
pub fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The body of one `POST /transfer/transfer`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TransferRequest {
    /// Where the objects are.
    pub source: Place,
    /// Where they are to be.
    pub destination: Place,
    /// Skip objects of which the destination already has the newer copy.
    pub allow_skip: bool,
    /// Keep the folder structure below the source path.
    pub keep_source_tree: bool,
}

impl TransferRequest {
    /// The fingerprint by which a record in a listing is recognized.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(
            (self.source.account, &self.source.bucket, &self.source.path),
            (self.destination.account, &self.destination.bucket, &self.destination.path),
            self.allow_skip,
        )
    }

    /// The fingerprint that ignores differences in spelling; see [`Fingerprint::loose`].
    pub fn loose_fingerprint(&self) -> Fingerprint {
        Fingerprint::loose(
            (self.source.account, &self.source.bucket, &self.source.path),
            (self.destination.account, &self.destination.bucket, &self.destination.path),
        )
    }
}

/// A place as far as a record tells it; absent parts are null, or could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartialPlace {
    /// The cloud account.
    pub account: Option<AccountId>,
    /// The bucket.
    pub bucket: Option<String>,
    /// The path in it.
    pub path: Option<String>,
}

impl PartialPlace {
    /// True if no part that is told differs from this place in more than its spelling.
    pub fn may_be(&self, place: &Place) -> bool {
        self.account.is_none_or(|account| account == place.account)
            && self.bucket.as_ref().is_none_or(|bucket| folded(bucket) == folded(&place.bucket))
            && self.path.as_ref().is_none_or(|path| folded_path(path) == folded_path(&place.path))
    }
}

/// A digest of both account ids, both buckets exactly, both paths without a leading `/`, and
/// `allowSkip` (docs/protocol.md, "Words"): equal if, and for all practical purposes only if, these
/// are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub Uuid);

impl Fingerprint {
    const NAMESPACE: Uuid = Uuid::from_u128(0x2b1c_7a52_5a0b_4f55_8c0e_0b7d_62f1_9b02);

    /// The fingerprint of two `(account, bucket, path)` places and `allowSkip`.
    pub fn of(
        source: (AccountId, &str, &str),
        destination: (AccountId, &str, &str),
        allow_skip: bool,
    ) -> Self {
        let mut key = String::new();
        for (account, bucket, path) in [source, destination] {
            push_part(&mut key, account.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
            push_part(&mut key, bucket);
            push_part(&mut key, compared_path(path));
        }
        push_part(&mut key, if allow_skip { "skip" } else { "" });
        Self(Uuid::new_v5(&Self::NAMESPACE, key.as_bytes()))
    }

    /// A digest that forgives spelling: letter case, slashes and backslashes, `.` and blanks in
    /// paths, percent-encoding, Unicode's forms, and `allowSkip`. It is never evidence; it only
    /// tells a near miss, which is worth a loud word, from a stranger.
    pub fn loose(source: (AccountId, &str, &str), destination: (AccountId, &str, &str)) -> Self {
        let mut key = String::from("loose");
        for (account, bucket, path) in [source, destination] {
            push_part(&mut key, account.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
            push_part(&mut key, &folded(bucket));
            push_folded_path(&mut key, path);
        }
        Self(Uuid::new_v5(&Self::NAMESPACE, key.as_bytes()))
    }
}

/// A name or path as every spelling of it is folded: decoded, composed (NFKC), in small letters.
fn folded(text: &str) -> String {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    let composed = ComposingNormalizerBorrowed::new_nfkc().normalize(&decoded);
    // Forms of HTML have `+` for a blank.
    composed.to_lowercase().replace('+', " ")
}

/// Appends the parts of a path as every spelling of it is folded.
fn push_folded_path(key: &mut String, path: &str) {
    let path = folded(path);
    let segments = path.split(['/', '\\']).map(str::trim);
    let segments = segments.filter(|segment| !segment.is_empty() && *segment != ".");
    segments.for_each(|segment| push_part(key, segment));
}

/// A path as every spelling of it is folded.
fn folded_path(path: &str) -> String {
    let mut key = String::new();
    push_folded_path(&mut key, path);
    key
}

/// Appends a length-prefixed part, so that no two lists of parts give the same key.
fn push_part(key: &mut String, part: &str) {
    key.push_str(&part.len().to_string());
    key.push(':');
    key.push_str(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_told_from_a_stranger_whatever_the_spelling() {
        let id = AccountId(Uuid::nil());
        let loose = |path: &str| Fingerprint::loose((id, "b", path), (id, "c", path));
        for (ours, theirs) in [
            ("my folder/", "my%20folder/"),
            ("my folder/", "my+folder/"),
            ("\u{fc}/", "%C3%BC/"),
            ("caf\u{e9}/", "cafe\u{301}"),
            ("a/b/", "a\\b\\"),
            ("a//b/", "/a/b"),
            ("./a/", "a/"),
            ("a /", "a/"),
            ("Abc/", "abc/"),
        ] {
            assert_eq!(loose(ours), loose(theirs), "{ours} {theirs}");
        }
        for (ours, theirs) in [("ab/", "a/b/"), ("a/b/", "b/a/"), ("a/", "a/a/"), ("", "a")] {
            assert_ne!(loose(ours), loose(theirs), "{ours} {theirs}");
        }
    }

    #[test]
    fn a_place_that_is_read_in_part_is_ruled_out_by_each_part_that_differs() {
        let account = AccountId(Uuid::from_u128(1));
        let (bucket, bucket_id) = ("b".to_owned(), String::new());
        let place = Place { account, bucket, bucket_id, path: "a/".to_owned(), id: String::new() };
        let part = |account: Option<u128>, bucket: Option<&str>, path: Option<&str>| PartialPlace {
            account: account.map(|id| AccountId(Uuid::from_u128(id))),
            bucket: bucket.map(str::to_owned),
            path: path.map(str::to_owned),
        };
        for may_be in [part(None, None, None), part(Some(1), None, Some("/A"))] {
            assert!(may_be.may_be(&place), "{may_be:?}");
        }
        for other in
            [part(Some(2), None, None), part(None, Some("c"), None), part(None, None, Some("a/b"))]
        {
            assert!(!other.may_be(&place), "{other:?}");
        }
    }

    #[test]
    fn places_that_only_ids_tell_apart_are_not_the_same() {
        let place = |id: &str, path: &str| Place {
            account: AccountId(Uuid::nil()),
            bucket: "b".to_owned(),
            bucket_id: String::new(),
            path: path.to_owned(),
            id: id.to_owned(),
        };
        for same in ["a/b/", "/a/b/", "a/b", "a//b"] {
            assert!(place("1", "a/b/").is_same_as(&place("1", same)), "{same}");
        }
        assert!(!place("1", "a/b").is_same_as(&place("1", "ab")));
        assert!(!place("1", "").is_same_as(&place("2", "")));
        assert!(!place("1", "a/").is_same_as(&place("1", "b/")));
    }

    #[test]
    fn paths_overlap_at_segment_boundaries_only() {
        assert!(paths_overlap("a/", "a/b/"));
        assert!(paths_overlap("a", "/a/"));
        assert!(paths_overlap("", "anything"));
        assert!(!paths_overlap("archive/", "archive2/"));
        assert!(!paths_overlap("a/b", "a/c"));
    }

    #[test]
    fn a_leading_slash_does_not_change_a_fingerprint_and_anything_else_does() {
        let account = AccountId(Uuid::from_u128(1));
        let print =
            |path: &str, skip| Fingerprint::of((account, "b", path), (account, "c", "d/"), skip);
        assert_eq!(print("/x/", true), print("x/", true));
        assert_ne!(print("x", true), print("x/", true));
        assert_ne!(print("x/", false), print("x/", true));
        assert_ne!(print("X/", true), print("x/", true));
        let loose = |path| Fingerprint::loose((account, "b", path), (account, "c", "d"));
        assert_eq!(loose("X/"), loose("/x"));
    }
}
