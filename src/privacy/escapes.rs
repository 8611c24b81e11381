//! Escapes of one character: of addresses, of JSON and programming languages, of HTML, of mail.
//!
//! Knows one layer; `spelling` undoes as many as there are.

use std::ops::Range;

use super::spelling::Meant;

/// The meaning of an escape.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decoded {
    /// A byte, perhaps a part of a character.
    Byte(u8),
    /// A character.
    Letter(char),
}

/// What an escape stands for, and the number of bytes that encode it.
pub(super) fn escape(rest: &[Meant]) -> Option<(Decoded, usize)> {
    match rest[0].byte {
        b'%' => percent(rest),
        b'\\' => backslash(rest),
        b'&' => reference(rest),
        b'=' => {
            // A soft line end of quoted-printable mail.
            let blank = |length| Some((Decoded::Byte(b' '), length));
            match (rest.get(1)?.byte, rest.get(2).map(|meant| meant.byte)) {
                (b'\n', _) => blank(2),
                (b'\r', Some(b'\n')) => blank(3),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `%2b`, and `%u002b`, as old scripts escape.
fn percent(rest: &[Meant]) -> Option<(Decoded, usize)> {
    if matches!(rest.get(1)?.byte, b'u' | b'U') {
        return utf16(rest);
    }
    byte(rest, 1..3, 16)
}

/// `\u002b`, `\u{2b}`, `\U0000002b`, `\x2b`, `\053`, `\+`.
fn backslash(rest: &[Meant]) -> Option<(Decoded, usize)> {
    match rest.get(1)?.byte {
        b'u' | b'x' if rest.get(2).is_some_and(|meant| meant.byte == b'{') => {
            let length = end(rest, b'}')?;
            letter(rest, 3..length, 16, length + 1)
        }
        b'u' => utf16(rest),
        b'U' => letter(rest, 2..10, 16, 10),
        b'x' => byte(rest, 2..4, 16),
        b'0'..=b'3' => byte(rest, 1..4, 8),
        b'n' | b'r' | b't' => Some((Decoded::Byte(b' '), 2)),
        sign if sign.is_ascii_punctuation() => Some((Decoded::Byte(sign), 2)),
        _ => None,
    }
}

/// A character as one or two units of UTF-16, each with four digits.
fn utf16(rest: &[Meant]) -> Option<(Decoded, usize)> {
    const ONE: usize = 6;
    let unit = |rest: &[Meant]| {
        let digits = rest.get(2..ONE)?;
        u16::try_from(number(digits, 16)?).ok()
    };
    let high = unit(rest)?;
    let is_pair = (0xd800..0xdc00).contains(&high)
        && rest.get(ONE..ONE + 2).is_some_and(|next| {
            next[0].byte == rest[0].byte && next[1].byte.eq_ignore_ascii_case(&b'u')
        });
    let low = is_pair.then(|| unit(&rest[ONE..])).flatten();
    let units = std::iter::once(high).chain(low);
    let letter = char::decode_utf16(units).next()?.ok()?;
    Some((Decoded::Letter(letter), ONE * (1 + usize::from(low.is_some()))))
}

/// `&#43;`, `&#x2b;` and `&plus;`.
fn reference(rest: &[Meant]) -> Option<(Decoded, usize)> {
    let length = end(rest, b';')?;
    if rest.get(1)?.byte != b'#' {
        let letter = named(&rest[1..length])?;
        return Some((Decoded::Letter(letter), length + 1));
    }
    match rest.get(2)?.byte {
        b'x' | b'X' => letter(rest, 3..length, 16, length + 1),
        _ => letter(rest, 2..length, 10, length + 1),
    }
}

/// The place of the sign that ends an escape.
fn end(rest: &[Meant], sign: u8) -> Option<usize> {
    const LONGEST: usize = 12;
    rest.iter().take(LONGEST).position(|meant| meant.byte == sign)
}

fn byte(rest: &[Meant], digits: Range<usize>, radix: u32) -> Option<(Decoded, usize)> {
    let length = digits.end;
    let byte = u8::try_from(number(rest.get(digits)?, radix)?).ok()?;
    Some((Decoded::Byte(byte), length))
}

fn letter(
    rest: &[Meant],
    digits: Range<usize>,
    radix: u32,
    length: usize,
) -> Option<(Decoded, usize)> {
    let letter = char::from_u32(number(rest.get(digits)?, radix)?)?;
    Some((Decoded::Letter(letter), length))
}

fn number(digits: &[Meant], radix: u32) -> Option<u32> {
    let mut digits = digits.iter().map(|meant| char::from(meant.byte).to_digit(radix)).peekable();
    digits.peek()?;
    digits.try_fold(0_u32, |number, digit| number.checked_mul(radix)?.checked_add(digit?))
}

/// The character of a named reference of HTML: what is in ASCII, and the letters of Latin-1.
fn named(name: &[Meant]) -> Option<char> {
    let is = |known: &str| name.iter().map(|meant| meant.byte).eq(known.bytes());
    if let Some((_, letter)) = SIGNS.iter().find(|(known, _)| is(known)) {
        return Some(*letter);
    }
    let place = LATIN.iter().position(|known| is(known))?;
    char::from_u32(0xa0 + u32::try_from(place).ok()?)
}

#[rustfmt::skip]
const SIGNS: &[(&str, char)] = &[
    ("Tab", '\t'), ("NewLine", '\n'), ("excl", '!'), ("quot", '"'), ("QUOT", '"'), ("num", '#'),
    ("dollar", '$'), ("percnt", '%'), ("amp", '&'), ("AMP", '&'), ("apos", '\''), ("lpar", '('),
    ("rpar", ')'), ("ast", '*'), ("midast", '*'), ("plus", '+'), ("comma", ','), ("period", '.'),
    ("sol", '/'), ("colon", ':'), ("semi", ';'), ("lt", '<'), ("LT", '<'), ("equals", '='),
    ("gt", '>'), ("GT", '>'), ("quest", '?'), ("commat", '@'), ("lsqb", '['), ("lbrack", '['),
    ("bsol", '\\'), ("rsqb", ']'), ("rbrack", ']'), ("Hat", '^'), ("lowbar", '_'),
    ("UnderBar", '_'), ("grave", '`'), ("lcub", '{'), ("lbrace", '{'), ("verbar", '|'),
    ("vert", '|'), ("rcub", '}'), ("rbrace", '}'),
];

/// The names of the characters from U+00A0 on, in order.
#[rustfmt::skip]
const LATIN: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf",
    "laquo", "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para",
    "middot", "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave",
    "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc",
    "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc",
    "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN",
    "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave",
    "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde", "ograve",
    "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml",
    "yacute", "thorn", "yuml",
];
