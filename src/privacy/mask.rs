//! The one masker of this process: it knows every secret that was read, typed or handed out, and
//! removes them from text, however they are spelled.
//!
//! It owns copies of secrets, which is why it lies beside the code that keeps memory private. It is
//! asked at the exits: the log, records, documents, and the output of commands. Keeps true: a piece
//! of a long secret is masked too, and so is one in hex or base64; work is linear in the text,
//! however many secrets are known.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};

use super::address;
use super::encoded::encodings;
use super::shapes;
use super::spelling::{Meant, as_written, decoded, letters};

/// Shown in place of a secret.
const MASK: &str = "…";

/// Secrets that are known at a time: enough for many hooks, and of a year's login tokens the agent
/// soon forgets the old ones, too. The oldest is dropped first.
const KNOWN_MAX: usize = 256;

/// A secret longer than any token or address is not accepted.
const SECRET_MAX: usize = 16 * 1024;

/// Shorter words are not masked: they occur in text by chance.
const SHORTEST: usize = 6;

/// The part of a long secret that is masked on its own: a cut token is still most of one.
const PIECE: usize = 12;

/// The least length of a long secret: the rest without one piece is not short.
const LONG: usize = 20;

/// The kind of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A token, a session, a code or a password: random, so that a piece of it can be recognized.
    Random,
    /// An address: its beginning is not secret.
    Address,
}

/// Of a long secret that was encoded, a piece is kept at every so many places: beside one, two
/// bytes of the secret at either end remain unmasked.
const STRIDE: usize = 4;

/// A secret in all its searched spellings.
#[derive(PartialEq, Eq)]
struct Secret {
    /// As written, and, if different, as it reads with escapes undone.
    plain: Vec<Vec<u8>>,
    /// In hex and base64.
    encoded: Vec<Vec<u8>>,
    kind: SecretKind,
}

impl Secret {
    fn new(secret: &str, kind: SecretKind) -> Self {
        let written = as_written(secret);
        let mut plain = vec![bytes(&written)];
        // A secret that contains something like an escape reads differently where escapes are
        // undone.
        plain.extend(decoded(secret).as_deref().map(bytes));
        if secret.contains(' ') {
            // As a form sends it.
            plain.push(bytes(&as_written(&secret.replace(' ', "+"))));
        }
        let letters = bytes(&letters(&written));
        if kind == SecretKind::Random && letters.len() >= LONG {
            plain.push(letters);
        }
        plain.dedup();
        plain.retain(|spelling| (SHORTEST..=SECRET_MAX).contains(&spelling.len()));
        // Receivers of an address have no reason to encode it.
        let encoded = match kind {
            SecretKind::Random if !plain.is_empty() => encodings(secret.as_bytes()),
            SecretKind::Random | SecretKind::Address => Vec::new(),
        };
        let encoded = encoded.iter().map(|text| bytes(&as_written(text))).collect();
        Self { plain, encoded, kind }
    }

    /// True if it is recognized by its pieces in this spelling.
    fn has_pieces(&self, spelling: &[u8]) -> bool {
        self.kind == SecretKind::Random && spelling.len() >= LONG
    }
}

/// The searched texts.
#[derive(Default)]
struct Known {
    secrets: VecDeque<Secret>,
    /// The pieces of those that are long and random.
    pieces: HashSet<[u8; PIECE]>,
    /// The others, by their beginnings.
    whole: HashMap<[u8; SHORTEST], Vec<Vec<u8>>>,
    /// The beginnings of all of these.
    heads: Heads,
}

/// The beginnings of the searched texts: a cheap check that spares most places of a text an
/// expensive one.
struct Heads(Box<[u64; 1024]>);

impl Default for Heads {
    fn default() -> Self {
        Self(Box::new([0; 1024]))
    }
}

impl Heads {
    /// The place of a beginning among 65,536 bits: the index of a word, and a bit in it.
    fn place(head: &[u8]) -> (usize, u64) {
        let mixed = head
            .iter()
            .take(SHORTEST)
            .fold(0_u32, |mixed, byte| (mixed ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        let place = (mixed >> 16) as usize;
        (place / 64, 1 << (place % 64))
    }

    fn add(&mut self, spelling: &[u8]) {
        let (word, bit) = Self::place(spelling);
        self.0[word] |= bit;
    }

    fn may_have(&self, head: &[u8]) -> bool {
        let (word, bit) = Self::place(head);
        self.0[word] & bit != 0
    }
}

static KNOWN: RwLock<Option<Known>> = RwLock::new(None);

/// Adds a secret, so that it is masked from now on, in its encoded forms too; of an address also
/// the parts that are secret by themselves, which a receiver may quote without the rest.
pub fn remember(secret: &SecretString, kind: SecretKind) {
    if kind == SecretKind::Address {
        for part in address::secret_parts(secret.expose_secret()) {
            add(Secret::new(part, SecretKind::Random));
        }
    }
    add(Secret::new(secret.expose_secret(), kind));
}

fn add(secret: Secret) {
    let is_known =
        |known: &Option<Known>| known.as_ref().is_some_and(|known| known.secrets.contains(&secret));
    // Nothing panics while it is held; even then, the list would be consistent.
    if secret.plain.is_empty() || is_known(&KNOWN.read().unwrap_or_else(PoisonError::into_inner)) {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().take_in(secret);
}

impl Known {
    fn take_in(&mut self, secret: Secret) {
        self.secrets.push_back(secret);
        let mut fresh = 1;
        if self.secrets.len() > KNOWN_MAX {
            self.secrets.pop_front();
            self.pieces.clear();
            self.whole.clear();
            self.heads = Heads::default();
            fresh = self.secrets.len();
        }
        let Self { secrets, pieces, whole, heads } = self;
        for secret in secrets.iter().rev().take(fresh) {
            let plain = secret.plain.iter().map(|spelling| (spelling, 1));
            let encoded = secret.encoded.iter().map(|spelling| (spelling, STRIDE));
            for (spelling, stride) in plain.chain(encoded) {
                if secret.has_pieces(spelling) {
                    let windows = || spelling.windows(PIECE);
                    for piece in windows().step_by(stride).chain(windows().last()) {
                        heads.add(piece);
                        pieces.extend(<[u8; PIECE]>::try_from(piece));
                    }
                } else if let Some(head) = spelling.first_chunk() {
                    heads.add(spelling);
                    whole.entry(*head).or_default().push(spelling.clone());
                }
            }
        }
    }
}

/// What is searched for in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    /// All known secrets.
    All,
    /// Pieces of long ones: digits of a time could be a short one by chance.
    Pieces,
}

impl Known {
    fn places(&self, read: &[Meant], search: Search) -> Vec<Range<usize>> {
        let mut hits = Vec::new();
        let bytes = bytes(read);
        for (at, head) in bytes.windows(SHORTEST).enumerate() {
            if !self.heads.may_have(head) {
                continue;
            }
            let rest = &bytes[at..];
            if rest.first_chunk::<PIECE>().is_some_and(|piece| self.pieces.contains(piece)) {
                hits.push(place(read, at..at + PIECE));
            }
            let alike = self.whole.get(head).filter(|_| search == Search::All);
            for secret in alike.into_iter().flatten().filter(|secret| rest.starts_with(secret)) {
                hits.push(place(read, at..at + secret.len()));
            }
        }
        hits
    }
}

/// The text without the known secrets, the values of any `token=`, and what looks like a token.
pub fn mask(text: &str) -> Cow<'_, str> {
    let ranges = found(text);
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        // An escape stands for a byte, and a secret is found byte by byte: its ends are moved to
        // lie between characters.
        let start = text.floor_char_boundary(range.start);
        let end = text.ceil_char_boundary(range.end);
        if end <= at {
            continue;
        }
        masked.push_str(&text[at..start.max(at)]);
        masked.push_str(MASK);
        at = end;
    }
    masked.push_str(&text[at..]);
    Cow::Owned(masked)
}

fn bytes(read: &[Meant]) -> Vec<u8> {
    read.iter().map(|meant| meant.byte).collect()
}

/// The places of secrets, in order and without overlaps.
fn found(text: &str) -> Vec<Range<usize>> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if text.len() < SHORTEST || (known.is_none() && !shapes::may_be_in(text.as_bytes())) {
        return Vec::new();
    }
    let written = as_written(text);
    let decoded = decoded(text);
    let mut hits = shapes::secrets(decoded.as_deref().unwrap_or(&written));
    if let Some(known) = &*known {
        // The encoded text may itself look like an encoding: a token may contain `%2b` literally.
        for read in decoded.iter().chain([&written]) {
            hits.extend(known.places(read, Search::All));
            hits.extend(known.places(&letters(read), Search::Pieces));
        }
    }
    merged(hits)
}

/// The place of these bytes in the text.
pub(super) fn place(read: &[Meant], range: Range<usize>) -> Range<usize> {
    let (first, last) = (read[range.start], read[range.end - 1]);
    first.start as usize..last.end as usize
}

fn merged(mut hits: Vec<Range<usize>>) -> Vec<Range<usize>> {
    hits.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for hit in hits {
        match merged.last_mut() {
            Some(last) if hit.start <= last.end => last.end = last.end.max(hit.end),
            Some(_) | None => merged.push(hit),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
