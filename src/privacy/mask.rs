//! The one masker of this process: it knows every secret that was read, typed or handed out, and
//! takes them out of words in whatever spelling they come back.
//!
//! It owns copies of secrets, which is why it lies beside what keeps the memory private. It is
//! asked at the exits: the log, what goes into records, documents, and what commands print. Keeps
//! true: a piece of a long secret is masked too; work is linear in the text.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};

use super::spelling::{Meant, meant};

/// Shown in place of a secret.
const MASK: &str = "…";

/// Secrets that are known at a time: those of many hooks, and each token that a year of logins
/// brings is soon forgotten by the agent too. The oldest goes first.
const KNOWN_MAX: usize = 256;

/// A secret longer than any token or address is not taken.
const SECRET_MAX: usize = 16 * 1024;

/// Shorter words are not masked: they stand in text by chance.
const SHORTEST: usize = 6;

/// So much of a long secret is masked where it stands alone: a cut token is still most of one.
const PIECE: usize = 12;

/// A secret of this length is long: what is left without a piece of it is not short.
const LONG: usize = 20;

/// What kind of secret it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A token, a session, a code or a password: random, so that a piece of it is recognized.
    Random,
    /// An address: its beginning is everybody's.
    Address,
}

/// What is looked for.
#[derive(Default)]
struct Known {
    secrets: VecDeque<(Vec<u8>, SecretKind)>,
    /// The pieces of those that are long and random.
    pieces: HashSet<[u8; PIECE]>,
}

static KNOWN: RwLock<Option<Known>> = RwLock::new(None);

/// Takes a secret in, so that it is masked from now on.
pub fn remember(secret: &SecretString, kind: SecretKind) {
    let secret = secret.expose_secret();
    let as_read: Vec<u8> = meant(secret.as_bytes()).iter().map(|meant| meant.byte).collect();
    let as_written = spelled(secret);
    // One that itself holds something like an escape is another one where escapes are undone.
    if as_read != as_written {
        take_in(as_read, kind);
    }
    take_in(as_written, kind);
}

/// Takes in what is looked for, byte by byte.
fn take_in(spelled: Vec<u8>, kind: SecretKind) {
    if spelled.len() < SHORTEST || spelled.len() > SECRET_MAX {
        return;
    }
    let is_known = |known: &Option<Known>| {
        known.as_ref().is_some_and(|known| known.secrets.iter().any(|(s, _)| *s == spelled))
    };
    // Nothing panics while it is held; if something did, the list is still whole.
    if is_known(&KNOWN.read().unwrap_or_else(PoisonError::into_inner)) {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    known.secrets.push_back((spelled, kind));
    if known.secrets.len() > KNOWN_MAX {
        known.secrets.pop_front();
        known.pieces.clear();
    }
    let Known { secrets, pieces } = known;
    let fresh = if pieces.is_empty() { secrets.len() } else { 1 };
    for (secret, kind) in secrets.iter().rev().take(fresh) {
        if *kind == SecretKind::Random && secret.len() >= LONG {
            pieces.extend(secret.windows(PIECE).filter_map(|w| <[u8; PIECE]>::try_from(w).ok()));
        }
    }
}

/// The text without the secrets that are known, and without the value of any `token=`.
pub fn mask(text: &str) -> Cow<'_, str> {
    let ranges = found(text.as_bytes());
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        // An escape stands for a byte, and a secret is found byte by byte: its ends are made to
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

/// A secret as the text is compared with it.
fn spelled(secret: &str) -> Vec<u8> {
    secret.bytes().filter(|byte| *byte > b' ').map(|byte| byte.to_ascii_lowercase()).collect()
}

/// Where secrets stand, in order and without overlaps.
fn found(text: &[u8]) -> Vec<Range<usize>> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if text.len() < SHORTEST || (known.is_none() && !names_a_token(text)) {
        return Vec::new();
    }
    let read = meant(text);
    let mut hits = parameters(&read);
    if let Some(known) = &*known {
        hits.extend(secrets(&read, known));
        // What the encodings hide may itself look like one: a token may hold `%2b` as it is.
        hits.extend(secrets(&as_written(text), known));
    }
    merged(hits)
}

/// A cheap look, for a process that knows no secret.
fn names_a_token(text: &[u8]) -> bool {
    text.windows(5).any(|window| window.eq_ignore_ascii_case(b"token"))
}

/// The text as it is written.
fn as_written(text: &[u8]) -> Vec<Meant> {
    let mut read = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        let start = u32::try_from(at).unwrap_or(u32::MAX - 1);
        if *byte > b' ' {
            let byte = byte.to_ascii_lowercase();
            read.push(Meant { byte, start, end: start + 1, after_gap: false });
        }
    }
    read
}

fn secrets(read: &[Meant], known: &Known) -> Vec<Range<usize>> {
    let mut hits = Vec::new();
    let bytes: Vec<u8> = read.iter().map(|meant| meant.byte).collect();
    for (at, window) in bytes.windows(PIECE).enumerate() {
        if !known.pieces.is_empty() && known.pieces.contains(window) {
            hits.push(place(read, at..at + PIECE));
        }
    }
    for (secret, kind) in &known.secrets {
        if *kind == SecretKind::Random && secret.len() >= LONG {
            continue;
        }
        let mut from = 0;
        while let Some(at) = position(&bytes[from..], secret) {
            hits.push(place(read, from + at..from + at + secret.len()));
            from += at + secret.len();
        }
    }
    hits
}

fn position(text: &[u8], secret: &[u8]) -> Option<usize> {
    let first = *secret.first()?;
    let mut from = 0;
    while let Some(at) = text.get(from..)?.iter().position(|byte| *byte == first) {
        let at = from + at;
        if text[at..].starts_with(secret) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// The values of `token=`, in any case and after any encoding, and of `"…token":"`.
fn parameters(read: &[Meant]) -> Vec<Range<usize>> {
    const NAME: &[u8] = b"token";
    let mut hits = Vec::new();
    let mut at = 0;
    while at + NAME.len() < read.len() {
        let named =
            read[at..at + NAME.len()].iter().map(|meant| meant.byte).eq(NAME.iter().copied());
        if !named {
            at += 1;
            continue;
        }
        let rest = &read[at + NAME.len()..];
        let sign: Vec<u8> = rest.iter().take(3).map(|meant| meant.byte).collect();
        let skipped = match sign.as_slice() {
            [b'=', b'"' | b'\'', ..] => 2,
            [b'=', ..] => 1,
            [b'"', b':', b'"'] => 3,
            _ => {
                at += NAME.len();
                continue;
            }
        };
        let value = &rest[skipped..];
        let ends = |(index, meant): (usize, &Meant)| {
            meant.after_gap && index > 0
                || matches!(
                    meant.byte,
                    b'&' | b'"' | b'\'' | b'`' | b'<' | b'>' | b')' | b',' | b';'
                )
        };
        let gap = value.first().is_some_and(|meant| meant.after_gap);
        let length =
            value.iter().enumerate().position(|(i, m)| ends((i, m))).unwrap_or(value.len());
        let begin = at + NAME.len() + skipped;
        if length > 0 && !gap {
            hits.push(place(read, begin..begin + length));
        }
        at = begin + length;
    }
    hits
}

/// Where in the text these bytes are written.
fn place(read: &[Meant], range: Range<usize>) -> Range<usize> {
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
mod tests {
    use rstest::rstest;

    use super::*;

    // Each test is a process of its own under nextest, and the secret is the same in all of them.
    const TOKEN: &str = "qT9vZr4X+quiet/about=Jm27bKwe1";

    fn masked(text: &str) -> String {
        remember(&SecretString::from(TOKEN), SecretKind::Random);
        mask(text).into_owned()
    }

    #[rstest]
    #[case::plain("bad qT9vZr4X+quiet/about=Jm27bKwe1!", "bad …!")]
    #[case::upper("qT9vZr4X%2Bquiet%2Fabout%3DJm27bKwe1", "…")]
    #[case::lower("qT9vZr4X%2bquiet%2fabout%3dJm27bKwe1", "…")]
    #[case::twice("x qT9vZr4X%252Bquiet%252fabout%253DJm27bKwe1 y", "x … y")]
    #[case::thrice("qT9vZr4X%25252Bquiet%25252fabout%25253DJm27bKwe1", "…")]
    #[case::broken("qT9vZr4X+quiet\r\n  /about=Jm27bKwe1", "…")]
    #[case::zero_width("qT9vZr4X+qui\u{200b}et/about=Jm27\u{ad}bKwe1", "…")]
    #[case::html("<b>qT9vZr4X&#x2B;quiet/about&#61;Jm27bKwe1</b>", "<b>…</b>")]
    #[case::json(r#"{"a":"qT9vZr4X\u002Bquiet\/about\u003DJm27bKwe1"}"#, r#"{"a":"…"}"#)]
    #[case::short_of_one("qT9vZr4X+quiet/about=Jm27bKwe.", "….")]
    #[case::beginning("is qT9vZr4X+quiet/ab", "is …")]
    #[case::case("QT9VZR4X+QUIET/ABOUT=JM27BKWE1", "…")]
    #[case::glued("äqT9vZr4X+quiet/about=Jm27bKwe1ä", "ä…ä")]
    fn a_known_secret_is_masked_in_every_spelling(#[case] text: &str, #[case] left: &str) {
        assert_eq!(masked(text), left);
    }

    #[rstest]
    #[case("at http://nowhere-else/x?token=abc", "at http://nowhere-else/x?token=…")]
    #[case(
        "x?token=abc&page=1 (original /x?TOKEN=def&a)",
        "x?token=…&page=1 (original /x?TOKEN=…&a)"
    )]
    #[case("x?a=1%26token%3Dabc%26b=2", "x?a=1%26token%3D…%26b=2")]
    #[case(r#"{"jwtToken":"abc","a":1}"#, r#"{"jwtToken":"…","a":1}"#)]
    #[case("token=… stays", "token=… stays")]
    #[case(
        "the agent refuses the token: TOKEN: expired",
        "the agent refuses the token: TOKEN: expired"
    )]
    #[case("token= b", "token= b")]
    #[case("token", "token")]
    fn each_token_parameter_is_masked_even_if_it_is_not_ours(
        #[case] text: &str,
        #[case] left: &str,
    ) {
        assert_eq!(masked(text), left);
    }

    #[rstest]
    #[case::plain("is abc%41defGHI0123&lt;xyz9876 it")]
    #[case::percent("is abc%2541defGHI0123%26lt%3Bxyz9876 it")]
    #[case::twice("is abc%252541defGHI0123%2526lt%253Bxyz9876 it")]
    #[case::html("is abc%41defGHI0123&amp;lt;xyz9876 it")]
    fn a_secret_that_holds_an_escape_is_masked_in_every_spelling(#[case] text: &str) {
        remember(&SecretString::from("abc%41defGHI0123&lt;xyz9876"), SecretKind::Random);
        assert_eq!(mask(text), "is … it");
    }

    #[test]
    fn other_words_stay_as_they_are() {
        let text = "nightly 6d0f6b0e: 100 % of 3 objects %zz & so on \\u12 &#x; 日本 %";
        assert_eq!(masked(text), text);
        assert_eq!(masked(""), "");
    }

    #[test]
    fn an_address_is_masked_whole_and_its_host_alone_is_not() {
        let url = SecretString::from("https://hooks.example.com/services/T0p");
        remember(&url, SecretKind::Address);
        assert_eq!(masked("to https://hooks.example.com/services/T0p?"), "to …?");
        assert_eq!(masked("to hooks.example.com"), "to hooks.example.com");
    }

    #[test]
    fn masking_is_linear_in_the_text() {
        for piece in ["token=", "%25", "&#x", "eyJ", "qT9vZr4X+qui", "\\u00"] {
            let text = piece.repeat(200_000);
            assert!(masked(&text).len() <= text.len() + 600_000);
        }
    }
}
