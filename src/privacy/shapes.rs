//! Secrets that are recognized by their looks, whether or not this process knows them: the value of
//! any `token=`, and a token itself (JWT).

use std::ops::Range;

use super::mask::place;
use super::spelling::Meant;

/// A cheap check, for a process that knows no secret.
pub(super) fn may_be_in(text: &[u8]) -> bool {
    let is_in = |word: &[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    is_in(NAME) || is_in(BEGINS)
}

/// The places of such secrets.
pub(super) fn secrets(read: &[Meant]) -> Vec<Range<usize>> {
    let mut hits = parameters(read);
    hits.extend(tokens(read));
    hits
}

const NAME: &[u8] = b"token";

/// The values of `token=`, in any case and after any encoding, and of `"…token":"`.
fn parameters(read: &[Meant]) -> Vec<Range<usize>> {
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

/// The beginning of a token: `{"` in base64.
const BEGINS: &[u8] = b"eyj";

/// Tokens: three parts in base64, between dots (RFC 7519).
fn tokens(read: &[Meant]) -> Vec<Range<usize>> {
    /// A shorter part is a word.
    const PART: usize = 10;
    let mut hits = Vec::new();
    let mut at = 0;
    // The end of a part that begins here.
    let end = |from: usize| {
        let is_of_part = |(i, meant): (usize, &Meant)| {
            (meant.byte.is_ascii_alphanumeric() || matches!(meant.byte, b'-' | b'_'))
                && (i == 0 || !meant.after_gap)
        };
        let rest = &read[from..];
        from + rest.iter().enumerate().take_while(|part| is_of_part(*part)).count()
    };
    let is_dot = |at: usize| read.get(at).is_some_and(|meant| meant.byte == b'.');
    while at + BEGINS.len() < read.len() {
        let begin = &read[at..at + BEGINS.len()];
        if !begin.iter().map(|meant| meant.byte).eq(BEGINS.iter().copied()) {
            at += 1;
            continue;
        }
        let head = end(at);
        let body = if is_dot(head) { end(head + 1) } else { head };
        if head >= at + PART && body > head + PART && is_dot(body) {
            let last = end(body + 1);
            hits.push(place(read, at..last));
            at = last;
        } else {
            // Each token that begins within this part would end as this one does.
            at = head;
        }
    }
    hits
}
