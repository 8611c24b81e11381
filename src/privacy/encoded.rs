//! Encoded spellings of a secret: in hex, and in both alphabets of base64, at each of the three
//! places in a group at which it may begin within a longer text.
//!
//! The few bits of the first and last byte that depend on the surrounding text are left out, so
//! that each spelling is found whatever surrounds it. Knows nothing of case: the masker compares
//! without.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// The bytes that base64 encodes together.
const GROUP: usize = 3;

/// The encoded spellings of a secret.
pub(super) fn encodings(secret: &[u8]) -> Vec<String> {
    let mut spelled = vec![hex(secret)];
    for before in 0..GROUP {
        let text = [&vec![0; before], secret].concat();
        let length = text.len();
        let standard = STANDARD.encode(&text);
        let url_safe = URL_SAFE.encode(&text);
        for text in [standard, url_safe] {
            let begin = (before * 8).div_ceil(6);
            spelled.push(text[begin..length * 8 / 6].to_owned());
            if before == 0 {
                // There may be no text before it: it may be all that was encoded.
                spelled.push(text.trim_end_matches('=').to_owned());
            }
        }
    }
    // Most have no letter in which the two alphabets differ.
    spelled.sort_unstable();
    spelled.dedup();
    spelled
}

fn hex(secret: &[u8]) -> String {
    secret.iter().fold(String::with_capacity(secret.len() * 2), |mut text, byte| {
        // Writing to memory does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
