//! Decodes text to the characters that it means, however they are written: percent-encoding, also
//! nested, escapes of JSON, references of HTML, broken by blanks and line ends.
//!
//! Yields bytes in lower case, each with its place in the text, so that a match among them can be
//! masked in the text. Knows no secrets.

use std::ops::Range;

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
const LAYERS: usize = 3;

/// The decoded text. Takes linear time.
pub(super) fn meant(text: &[u8]) -> Vec<Meant> {
    let mut read: Vec<Meant> = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        // Text is bounded long before 4 GiB; a place beyond would be shown as its end.
        let start = u32::try_from(at).unwrap_or(u32::MAX - 1);
        read.push(Meant { byte: *byte, start, end: start + 1, after_gap: false });
    }
    for _ in 0..LAYERS {
        if !undo(&mut read) {
            break;
        }
    }
    let mut kept = Vec::with_capacity(read.len());
    let mut gap = false;
    let mut skip = 0;
    for at in 0..read.len() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let blank = blank(&read[at..]);
        if blank > 0 {
            gap = true;
            skip = blank - 1;
            continue;
        }
        let mut byte = read[at];
        byte.byte = byte.byte.to_ascii_lowercase();
        byte.after_gap = std::mem::take(&mut gap);
        kept.push(byte);
    }
    kept
}

/// The length in bytes of a blank, or of an invisible character, at this place.
fn blank(rest: &[Meant]) -> usize {
    let byte = |at: usize| rest.get(at).map_or(0, |meant| meant.byte);
    match byte(0) {
        0..=b' ' | 0x7f => 1,
        // U+00AD, U+0080 to U+00A0.
        0xc2 if matches!(byte(1), 0x80..=0xa0 | 0xad) => 2,
        // U+2000 to U+206F, U+FEFF.
        0xe2 if matches!((byte(1), byte(2)), (0x80, 0x80..=0x8f | 0xa8..=0xaf))
            || (byte(1) == 0x81 && matches!(byte(2), 0x9f..=0xaf)) =>
        {
            3
        }
        0xef if (byte(1), byte(2)) == (0xbb, 0xbf) => 3,
        _ => 0,
    }
}

/// Undoes one layer of encoding; true if there was one.
fn undo(read: &mut Vec<Meant>) -> bool {
    let mut out = Vec::with_capacity(read.len());
    let (mut at, mut any) = (0, false);
    while at < read.len() {
        let rest = &read[at..];
        match escape(rest) {
            Some((byte, length)) => {
                any = true;
                let (start, end) = (rest[0].start, rest[length - 1].end);
                out.push(Meant { byte, start, end, after_gap: false });
                at += length;
            }
            None => {
                out.push(rest[0]);
                at += 1;
            }
        }
    }
    *read = out;
    any
}

/// The byte that an escape stands for, and the number of bytes that encode it.
fn escape(rest: &[Meant]) -> Option<(u8, usize)> {
    let is = |range: Range<usize>, text: &str| {
        rest.get(range).is_some_and(|found| found.iter().map(|m| m.byte).eq(text.bytes()))
    };
    match rest[0].byte {
        b'%' => {
            // `%u002b`, as old scripts escape.
            if is(1..4, "u00") || is(1..4, "U00") {
                return Some((hex(rest.get(4..6)?)?, 6));
            }
            Some((hex(rest.get(1..3)?)?, 3))
        }
        b'\\' => {
            if is(1..4, "u00") {
                return Some((hex(rest.get(4..6)?)?, 6));
            }
            match rest.get(1)?.byte {
                b'x' => Some((hex(rest.get(2..4)?)?, 4)),
                byte @ (b'/' | b'"' | b'\\') => Some((byte, 2)),
                b'n' | b'r' | b't' => Some((b' ', 2)),
                _ => None,
            }
        }
        b'&' => {
            for (name, byte) in
                [("amp;", b'&'), ("quot;", b'"'), ("apos;", b'\''), ("lt;", b'<'), ("gt;", b'>')]
            {
                if is(1..1 + name.len(), name) {
                    return Some((byte, 1 + name.len()));
                }
            }
            reference(rest)
        }
        b'=' => {
            // A soft line end of quoted-printable mail.
            (is(1..2, "\n")).then_some((b' ', 2)).or_else(|| is(1..3, "\r\n").then_some((b' ', 3)))
        }
        _ => None,
    }
}

/// `&#43;` and `&#x2b;`.
fn reference(rest: &[Meant]) -> Option<(u8, usize)> {
    const LONGEST: usize = 10;
    if rest.get(1)?.byte != b'#' {
        return None;
    }
    let length = rest.iter().take(LONGEST).position(|meant| meant.byte == b';')?;
    let digits: String = rest[2..length].iter().map(|meant| char::from(meant.byte)).collect();
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u8::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    number.ok().map(|byte| (byte, length + 1))
}

fn hex(digits: &[Meant]) -> Option<u8> {
    let digit = |meant: &Meant| char::from(meant.byte).to_digit(16);
    let [high, low] = digits else { return None };
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
