//! Decodes text to the characters that it means, however they are written: percent-encoding, also
//! nested, escapes of JSON and of programming languages, references of HTML, broken by blanks and
//! by characters that nobody sees, in any case and form of the letters.
//!
//! Yields bytes of UTF-8 in lower case, each with its place in the text, so that a match among them
//! can be masked in the text. Knows no secrets.

use super::escapes::{Decoded, escape};
use crate::core::plain::{folded, is_blank};

/// One decoded byte, and its place in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meant {
    pub(super) byte: u8,
    pub(super) start: u32,
    pub(super) end: u32,
    /// There are blanks between the byte before it and this one.
    pub(super) after_gap: bool,
}

/// Nested encodings that are undone: a url in a url in an error page has two.
const LAYERS: usize = 8;

/// The longest character of UTF-8.
const LETTER_MAX: usize = 4;

/// The text with its escapes undone; nothing if it has none. Takes linear time.
pub(super) fn decoded(text: &str) -> Option<Vec<Meant>> {
    // Most text has none of the characters that begin an escape.
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'\\' | b'&' | b'=')) {
        return None;
    }
    let mut read = undone(&bytes(text))?;
    for _ in 1..LAYERS {
        match undone(&read) {
            Some(next) => read = next,
            None => break,
        }
    }
    Some(alike(&read))
}

/// The text as it is written.
pub(super) fn as_written(text: &str) -> Vec<Meant> {
    alike(&bytes(text))
}

/// Letters and digits of ASCII alone: a secret remains readable with other characters between them.
/// `0x` of a separate byte is left out, too.
pub(super) fn letters(read: &[Meant]) -> Vec<Meant> {
    let is_letter = |meant: &Meant| meant.byte.is_ascii_alphanumeric();
    let mut kept: Vec<Meant> = Vec::with_capacity(read.len());
    let mut begins = true;
    let mut at = 0;
    while let Some(meant) = read.get(at) {
        begins |= meant.after_gap;
        if begins && meant.byte == b'0' && read.get(at + 1).is_some_and(|next| next.byte == b'x') {
            at += 2;
            begins = false;
            continue;
        }
        begins = !is_letter(meant);
        if !begins {
            kept.push(*meant);
        }
        at += 1;
    }
    kept
}

fn bytes(text: &str) -> Vec<Meant> {
    let mut read = Vec::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        // Text is bounded long before 4 GiB; a place beyond would be shown as its end.
        let start = u32::try_from(at).unwrap_or(u32::MAX - 1);
        read.push(Meant { byte, start, end: start + 1, after_gap: false });
    }
    read
}

/// The same without blanks and what is not seen, each letter in the form in which it is compared.
fn alike(read: &[Meant]) -> Vec<Meant> {
    let mut kept = Vec::with_capacity(read.len());
    let mut gap = false;
    let mut rest = read;
    while let Some(first) = rest.first() {
        let (letter, length) = letter(rest);
        let end = rest[length - 1].end;
        rest = &rest[length..];
        if is_blank(letter) {
            gap = true;
            continue;
        }
        let mut keep = |byte| {
            let after_gap = std::mem::take(&mut gap);
            kept.push(Meant { byte, start: first.start, end, after_gap });
        };
        if letter.is_ascii() {
            keep(first.byte.to_ascii_lowercase());
            continue;
        }
        for c in folded(letter) {
            c.encode_utf8(&mut [0; LETTER_MAX]).bytes().for_each(&mut keep);
        }
    }
    kept
}

/// The character at this place, and its length. A byte that is not UTF-8 comes from an escape of an
/// older encoding: the first 256 characters are Latin-1.
fn letter(rest: &[Meant]) -> (char, usize) {
    let first = rest[0].byte;
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return (char::from(first), 1),
    };
    let mut bytes = [0; LETTER_MAX];
    for (byte, meant) in bytes.iter_mut().zip(rest).take(length) {
        *byte = meant.byte;
    }
    let decoded = std::str::from_utf8(&bytes[..length]).ok();
    let letter = decoded.and_then(|text| text.chars().next());
    letter.map_or((char::from(first), 1), |letter| (letter, length))
}

/// The text with one layer of encoding undone; nothing if there was none.
fn undone(read: &[Meant]) -> Option<Vec<Meant>> {
    let mut out = Vec::with_capacity(read.len());
    let (mut at, mut any) = (0, false);
    while at < read.len() {
        let rest = &read[at..];
        let Some((decoded, length)) = escape(rest) else {
            out.push(rest[0]);
            at += 1;
            continue;
        };
        any = true;
        let (start, end) = (rest[0].start, rest[length - 1].end);
        let mut put = |byte| out.push(Meant { byte, start, end, after_gap: false });
        match decoded {
            Decoded::Byte(byte) => put(byte),
            Decoded::Letter(letter) => {
                letter.encode_utf8(&mut [0; LETTER_MAX]).bytes().for_each(put);
            }
        }
        at += length;
    }
    any.then_some(out)
}
