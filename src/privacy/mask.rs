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

use super::encoded::encodings;
use super::spelling::{Meant, meant};

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
        let as_read = meant(secret.as_bytes()).iter().map(|meant| meant.byte).collect();
        let mut plain = vec![spelled(secret)];
        // A secret that contains something like an escape reads differently where escapes are
        // undone.
        if plain[0] != as_read {
            plain.push(as_read);
        }
        plain.retain(|spelling| (SHORTEST..=SECRET_MAX).contains(&spelling.len()));
        // Receivers of an address have no reason to encode it.
        let encoded = match kind {
            SecretKind::Random if !plain.is_empty() => encodings(secret.as_bytes()),
            SecretKind::Random | SecretKind::Address => Vec::new(),
        };
        let encoded = encoded.iter().map(|text| spelled(text)).collect();
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

/// Adds a secret, so that it is masked from now on, in its encoded forms too.
pub fn remember(secret: &SecretString, kind: SecretKind) {
    let secret = Secret::new(secret.expose_secret(), kind);
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

/// The text without the known secrets, and without the value of any `token=`.
pub fn mask(text: &str) -> Cow<'_, str> {
    let ranges = found(text.as_bytes());
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

/// A secret in the form in which text is compared with it.
fn spelled(secret: &str) -> Vec<u8> {
    secret.bytes().filter(|byte| *byte > b' ').map(|byte| byte.to_ascii_lowercase()).collect()
}

/// The places of secrets, in order and without overlaps.
fn found(text: &[u8]) -> Vec<Range<usize>> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if text.len() < SHORTEST || (known.is_none() && !names_a_token(text)) {
        return Vec::new();
    }
    let read = meant(text);
    let mut hits = parameters(&read);
    if let Some(known) = &*known {
        hits.extend(secrets(&read, known));
        // The encoded text may itself look like an encoding: a token may contain `%2b` literally.
        hits.extend(secrets(&as_written(text), known));
    }
    merged(hits)
}

/// A cheap check, for a process that knows no secret.
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
    for (at, head) in bytes.windows(SHORTEST).enumerate() {
        if !known.heads.may_have(head) {
            continue;
        }
        let rest = &bytes[at..];
        if rest.first_chunk::<PIECE>().is_some_and(|piece| known.pieces.contains(piece)) {
            hits.push(place(read, at..at + PIECE));
        }
        let alike = known.whole.get(head).map(Vec::as_slice).unwrap_or_default();
        for secret in alike.iter().filter(|secret| rest.starts_with(secret)) {
            hits.push(place(read, at..at + secret.len()));
        }
    }
    hits
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

/// The place of these bytes in the text.
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
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
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

    /// Texts before and after a secret, so that it begins at each place of base64's groups.
    const AROUND: [(&str, &str); 6] =
        [("", ""), ("u:", ""), ("use", "r"), ("user", ":x"), ("a user", "\n"), ("ab", "")];

    #[rstest]
    #[case::long(TOKEN, SecretKind::Random)]
    #[case::with_all_letters("~~>>??..__--AZaz09éß~~>>??..__--", SecretKind::Random)]
    #[case::short("hunt3r?~", SecretKind::Random)]
    #[case::shortest("s3cr3t", SecretKind::Random)]
    fn a_secret_that_was_encoded_is_masked_wherever_it_stands(
        #[case] secret: &str,
        #[case] kind: SecretKind,
    ) {
        remember(&SecretString::from(secret), kind);
        for (before, after) in AROUND {
            let text = format!("{before}{secret}{after}");
            let standard = STANDARD.encode(&text);
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            let spelled = [
                standard.replace('+', "%2B").replace('=', "%3D"),
                standard.trim_end_matches('=').to_owned(),
                URL_SAFE.encode(&text),
                URL_SAFE_NO_PAD.encode(&text),
                hex.to_uppercase(),
                standard,
                hex,
            ];
            for spelled in spelled {
                let told = mask(&format!("said: {spelled}.")).into_owned();
                // A bit or two of the first and last byte, and the surrounding text.
                let around = before.len() + after.len();
                let left = told.strip_prefix("said: ").and_then(|told| told.strip_suffix('.'));
                let left = left.expect("the rest stays").chars().count();
                assert!(told.contains(MASK) && left <= 2 * around + 8, "{spelled}: {told}");
            }
        }
        let long = format!("{}{}", "x".repeat(10), STANDARD.encode(secret));
        assert!(!mask(&long).contains(&STANDARD.encode(secret)[..8]));
    }

    #[test]
    fn a_piece_of_a_long_secret_that_was_encoded_is_masked_too() {
        remember(&SecretString::from(TOKEN), SecretKind::Random);
        for encoded in [STANDARD.encode(TOKEN), STANDARD.encode(format!("a{TOKEN}"))] {
            let told = mask(&encoded[5..25]).into_owned();
            assert!(told.contains(MASK) && told.chars().count() <= 2 * STRIDE + 1, "{told}");
        }
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
        // As many as are known at a time, half of them short.
        for number in 0..KNOWN_MAX {
            let secret = format!("{number:04}") + if number % 2 == 0 { "pass" } else { TOKEN };
            remember(&SecretString::from(secret), SecretKind::Random);
        }
        for piece in ["token=", "%25", "&#x", "eyJ", "qT9vZr4X+qui", "\\u00", "cVQ5", "0000"] {
            let text = piece.repeat(50_000);
            assert!(masked(&text).len() <= text.len() + 150_000);
        }
    }
}
